load helpers

VERSION_ANSWER='.cniVersion == "1.1.0" and (.supportedVersions | index("1.0.0"))'

setup() {
  make_host
  DIRECTORY=$BATS_TEST_TMPDIR/plugins
  mkdir -p "$DIRECTORY"
  CONFIG=$(jq -nc '{
    cniVersion: "1.1.0", name: "net", type: "bridge", isGateway: true,
    ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}
  }')
}

install_plugins() {
  "$REPOSITORY/build/install.sh" "$@"
}

version_of() {
  CNI_COMMAND=VERSION "$1" </dev/null
}

@test "install: all names are links to one file, and answer" {
  must install_plugins "$DIRECTORY"
  assert_match "$output" "Installed in $DIRECTORY: .*bridge.*host-local"
  assert_equal "$(stat -c %i "$DIRECTORY"/* | sort -u | wc -l)" 1
  assert_equal "$(ls "$DIRECTORY")" "$(ls "$BERTH_BIN")"
  must version_of "$DIRECTORY/bridge"
  assert_json "$VERSION_ANSWER"
}

@test "install: a second time changes nothing" {
  install_plugins "$DIRECTORY"
  before=$(stat -c '%n %i %Y' "$DIRECTORY"/* "$DIRECTORY"/.berth-lib/*)
  must install_plugins "$DIRECTORY"
  assert_match "$output" "^Already there in $DIRECTORY: .*bridge"
  assert_equal "$(stat -c '%n %i %Y' "$DIRECTORY"/* "$DIRECTORY"/.berth-lib/*)" "$before"
}

@test "install: replaces a file that is being executed, and its process ends as it would have" {
  cp "$BERTH_BIN/bridge" "$DIRECTORY/bridge"
  printf old >>"$DIRECTORY/bridge"
  old=$(stat -c %i "$DIRECTORY/bridge")
  mkfifo "$BATS_TEST_TMPDIR/stdin"
  CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$DIRECTORY \
    "$DIRECTORY/bridge" <"$BATS_TEST_TMPDIR/stdin" >"$BATS_TEST_TMPDIR/answer" 3>&- &
  process=$!
  exec 4>"$BATS_TEST_TMPDIR/stdin"
  [[ $(stat -Lc %i "/proc/$process/exe") == "$old" ]]

  must install_plugins "$DIRECTORY"
  assert_match "$output" "Replaced in $DIRECTORY: bridge"
  [[ $(stat -c %i "$DIRECTORY/bridge") != "$old" ]]
  must version_of "$DIRECTORY/bridge"

  [[ $(stat -Lc %i "/proc/$process/exe") == "$old" ]]
  echo '{"cniVersion": "1.1.0", "name": "net", "type": "bridge"' >&4
  exec 4>&-
  wait "$process" && fail "an unfinished document was taken"
  assert_json '.code == 6' "$(<"$BATS_TEST_TMPDIR/answer")"
}

@test "install: a plugin called at any moment of it answers" {
  install_plugins "$DIRECTORY"
  printf old >>"$DIRECTORY/.berth-lib/berth"
  (until [[ -e $BATS_TEST_TMPDIR/done ]]; do version_of "$DIRECTORY/bridge" || touch "$BATS_TEST_TMPDIR/failed"; done) \
    >/dev/null 2>&1 3>&- &
  caller=$!
  must install_plugins "$DIRECTORY"
  touch "$BATS_TEST_TMPDIR/done"
  wait "$caller"
  assert_match "$output" "Replaced in"
  [[ ! -e $BATS_TEST_TMPDIR/failed ]]
}

@test "install: --uninstall removes what is ours, and nothing else" {
  install_plugins "$DIRECTORY"
  rm "$DIRECTORY/bridge"
  cp /bin/true "$DIRECTORY/bridge"
  cp /bin/true "$DIRECTORY/other"
  must install_plugins --uninstall "$DIRECTORY"
  assert_match "$output" "Removed in $DIRECTORY: .*host-local"
  assert_equal "$(ls -A "$DIRECTORY")" $'bridge\nother'
}

@test "install: a name of an older version goes, a foreign file stays" {
  install_plugins "$DIRECTORY"
  ln "$DIRECTORY/bridge" "$DIRECTORY/gone-since"
  cp /bin/true "$DIRECTORY/foreign"
  must install_plugins "$DIRECTORY"
  assert_match "$output" "Removed in $DIRECTORY: gone-since"
  [[ ! -e $DIRECTORY/gone-since && -e $DIRECTORY/foreign ]]
}

@test "executable: works in a root that holds nothing but the C library" {
  root=$BATS_TEST_TMPDIR/root
  mkdir -p "$root"/{proc,run,var/lib/cni,opt/cni/bin}
  # shellcheck disable=SC2046 # library names
  cp --parents --no-dereference $(dpkg --listfiles libc6 | grep -E '/(ld-|lib).*\.so') "$root"
  must install_plugins "$root/opt/cni/bin"
  add_container c1
  host sh -ec 'mount --rbind /proc "$1/proc"; mount --rbind /run "$1/run"; mount --bind /var/lib/cni "$1/var/lib/cni"' - "$root"
  plugin() {
    CNI_COMMAND=$1 CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin \
      host chroot "$root" /opt/cni/bin/bridge <<<"$CONFIG"
  }
  must plugin VERSION
  assert_json "$VERSION_ANSWER"
  must plugin ADD
  assert_json '[.ips[].address] == ["10.1.0.2/24", "fd00:1::2/64"]'
  must inside c1 ping -c 1 -W 1 10.1.0.1
  must inside c1 ping -c 1 -W 1 fd00:1::1
  must plugin DEL
  [[ -z $(host find /var/lib/cni -name '10.*' -o -name 'fd00*') ]]
  run inside c1 ip link show eth0
  [[ $status != 0 ]]
}

@test "executable: it and its libraries ask for no C library newer than 2.28" {
  for file in "$BERTH_BIN/bridge" "$BERTH_BIN"/.berth-lib/*; do
    newest=$(readelf --version-info --wide "$file" 2>/dev/null | grep -o 'GLIBC_2[0-9.]*' | sort -Vu | tail -n 1)
    assert_equal "$(printf '%s\n' "$newest" GLIBC_2.28 | sort -V | tail -n 1)" GLIBC_2.28
    [[ -n $newest ]]
  done
}

@test "executable: a copy works alone, with its IPAM plugin as a process" {
  mkdir "$DIRECTORY"/{main,ipam}
  cp "$BERTH_BIN/bridge" "$DIRECTORY/main/"
  cp "$BERTH_BIN/host-local" "$DIRECTORY/ipam/"
  add_container c1
  BIN=$DIRECTORY/main SEARCH=$DIRECTORY/main:$DIRECTORY/ipam must cni add c1 "$CONFIG"
  assert_json '[.ips[].address] == ["10.1.0.2/24", "fd00:1::2/64"]'
  BIN=$DIRECTORY/main SEARCH=$DIRECTORY/main:$DIRECTORY/ipam must cni del c1 "$CONFIG"
}

@test "executable: called by a name that it does not know, it lists those it knows" {
  ln "$BERTH_BIN/bridge" "$BERTH_BIN/.unknown.$$" && mv "$BERTH_BIN/.unknown.$$" "$DIRECTORY/unknown"
  run --separate-stderr "$DIRECTORY/unknown"
  assert_equal "$status" 1
  assert_equal "$output" ""
  assert_match "$stderr" "unknown: .*bridge, cnitool, .*host-local"
}

@test "executable: every plugin has a code cache, and V8 accepts it" {
  for plugin in "$BERTH_BIN"/*; do
    [[ ${plugin##*/} != cnitool ]] || continue
    must "$plugin" --version
    assert_match "$output" "^${plugin##*/} v[0-9.]+ \\(Node.js 26[0-9.]+, with code cache\\)$"
  done
}

@test "executable: NODE_OPTIONS and NODE_ variables of its caller do not reach it" {
  NODE_OPTIONS="--require /nonexistent.js" must version_of "$BERTH_BIN/bridge"
  assert_json "$VERSION_ANSWER"
  assert_equal "$stderr" ""
}

@test "executable: a large answer is whole, also through a pipe that is read late and does not block" {
  # The names come back in the result: far more than a pipe holds.
  config=$(jq -c '.dns.search = [range(20000) | "domain\(.).example"]' <<<"$CONFIG")
  add_container c1
  CALL="CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN $BERTH_BIN/bridge"
  must host env -S "$CALL" <<<"$config"
  whole=$output
  must host env -S "${CALL/ADD/DEL}" <<<"$config"
  # A runtime may make its end of a pipe non-blocking before the plugin has it, and so the plugin's.
  must host perl -MFcntl -e '
    pipe(my $reader, my $writer) or die;
    fcntl($writer, F_SETFL, O_NONBLOCK) or die;
    my $child = fork // die;
    if (!$child) { open(STDOUT, ">&", $writer) or die; close($reader); exec("env", "-S", @ARGV) or die }
    close($writer);
    sleep(1);
    print while <$reader>;
    waitpid($child, 0);
    exit($? >> 8)' "$CALL" <<<"$config"
  assert_equal "$(jq .dns <<<"$output")" "$(jq .dns <<<"$whole")"
}
