#!/bin/sh
# Installs the plugins into a node's plugin directory, also while a kubelet executes the files that are replaced there.
#
# usage: build/install.sh [DIRECTORY]              default: /opt/cni/bin
#        build/install.sh --uninstall [DIRECTORY]
#
# All names are hard links to one file, DIRECTORY/.berth-lib/berth, beside the libraries that travel with it. A file in
# DIRECTORY is ours when it is that very file: so other plugins are safe from --uninstall, also under our names.
set -eu

source=$(cd "$(dirname "$0")/bin" 2>/dev/null && pwd) || source=

fail() {
  echo "Cannot ${action} in $directory: $1" >&2
  exit 1
}

# Names in directory $1 that are links to file $2.
names_of() {
  for file in "$1"/*; do
    [ ! "$file" -ef "$2" ] || echo "${file##*/}"
  done
}

# Puts a copy of file $1 at $2. Beside, then by rename: whoever executes the old file keeps it, and there is no moment
# without one.
place() {
  cmp -s "$1" "$2" && return
  unfinished=$2.$$
  cp "$1" "$unfinished"
  chmod "$3" "$unfinished"
  sync "$unfinished"
  mv -f "$unfinished" "$2"
}

install_plugins() {
  [ -n "$source" ] && [ -e "$source/cnitool" ] || fail "nothing is built: npm run build"
  mkdir -p "$directory/.berth-lib" || fail "the directory cannot be made"
  old=$(names_of "$directory" "$own")
  for library in "$source"/.berth-lib/*; do place "$library" "$directory/.berth-lib/${library##*/}" 0644; done
  place "$source/cnitool" "$own" 0755
  # Asked under a name that is none of its own, it tells those it knows. A node on which it does not run keeps what it has.
  answer=$(LD_LIBRARY_PATH=$directory/.berth-lib "$own" 2>&1) || true
  case $answer in *cnitool*) ;; *) fail "the executable does not run here: $answer" ;; esac

  for name in $(names_of "$source" "$source/cnitool"); do
    if [ "$directory/$name" -ef "$own" ]; then
      same="$same $name"
      continue
    fi
    [ -e "$directory/$name" ] && replaced="$replaced $name" || installed="$installed $name"
    unfinished=$directory/.$name.$$
    ln "$own" "$unfinished"
    mv -f "$unfinished" "$directory/$name"
  done
  # What an older version had and this one has not.
  for name in $old; do
    [ -e "$source/$name" ] || { rm -f "$directory/$name" && removed="$removed $name"; }
  done
}

uninstall_plugins() {
  for name in $(names_of "$directory" "$own"); do rm -f "$directory/$name" && removed="$removed $name"; done
  rm -rf "$directory/.berth-lib"
}

report() {
  [ -z "$2" ] || echo "$1 in $directory:$2"
}

action=install
[ "${1-}" != --uninstall ] || { action=uninstall && shift; }
case "$#${1-}" in
  0 | 1[!-]*) ;;
  *) sed -n '4,5s/^# //p' "$0" >&2 && exit 2 ;;
esac
directory=${1-/opt/cni/bin}
own=$directory/.berth-lib/berth
installed='' replaced='' same='' removed='' unfinished=
trap '[ -z "$unfinished" ] || rm -f "$unfinished"' EXIT

"${action}_plugins"
report Installed "$installed"
report Replaced "$replaced"
report "Already there" "$same"
report Removed "$removed"
[ -n "$installed$replaced$same$removed" ] || echo "Nothing of Berth in $directory"
