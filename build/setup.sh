#!/bin/sh
# Makes this machine ready to build and test: Debian packages (build/packages.txt) and node_modules. Does nothing, and
# says nothing, where all is there.
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "Cannot set up: $1" >&2
  exit 1
}

missing_packages() {
  wanted=$(sed 's/#.*//; /^ *$/d' build/packages.txt)
  # shellcheck disable=SC2086 # names without blanks
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p')
  echo "$wanted" | grep -vxF "$installed" || true
}

install_packages() {
  [ "$(id -u)" -eq 0 ] || fail "not root, and these Debian packages are missing: $*"
  echo "Installing Debian packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || fail "apt-get update failed"
  # A firewall or a DHCP server that comes with them is not to start here (invoke-rc.d(8)).
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  fi
  apt-get install -qq -y --no-install-recommends "$@" >build/cache/apt.log 2>&1 || {
    cat build/cache/apt.log >&2
    fail "apt-get could not install: $*"
  }
}

# The lock file's copy in node_modules says what was installed last. Not so when somebody ran npm by hand: npm is asked.
modules_are_there() {
  cmp -s package-lock.json node_modules/.installed-lock.json || {
    [ -d node_modules ] && npm ls --all >/dev/null 2>&1 && cp package-lock.json node_modules/.installed-lock.json
  }
}

install_modules() {
  echo "Installing node_modules"
  # Not npm ci: it fails where a registry's mirror lacks the optional packages of platforms that this is not.
  npm install --no-save --no-audit --no-fund --loglevel=error || fail "npm install failed"
  cp package-lock.json node_modules/.installed-lock.json
}

[ -r /etc/debian_version ] && command -v dpkg-query >/dev/null || fail "this machine is not Debian"
[ "$(uname -m)" = x86_64 ] || fail "the machine is $(uname -m), and Node.js is packed for x86_64"
command -v npm >/dev/null || fail "npm is not installed"

# npm removes node_modules before it installs, so it must not run on the Node.js that is in there.
PATH=$(echo "$PATH" | tr : '\n' | grep -v '/node_modules/' | paste -sd :)
major=$(node --print 'process.versions.node.split(".")[0]') || fail "node is not installed"
[ "$major" -ge 20 ] || fail "node is version $major, and npm needs 20 or newer here"

mkdir -p build/cache
exec 9>build/cache/setup.lock
flock 9
# shellcheck disable=SC2046 # names without blanks
set -- $(missing_packages)
[ $# -eq 0 ] || install_packages "$@"
# test/kernel downloads a kernel package by the index.
[ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit)" ] || apt-get update -qq || fail "apt-get update failed"
modules_are_there || install_modules
