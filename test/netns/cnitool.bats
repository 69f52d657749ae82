#!/usr/bin/env bats
# cnitool as people and CI jobs call it, with the plugins of the Go suite and with our own.
load helpers

setup() {
  make_host
  mkdir "$BATS_TEST_TMPDIR/net.d"
  network "$list"
}

# cnitool ARG…: on the test's host. PLUGINS (CNI_PATH) is the Go suite's unless set.
cnitool() {
  NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=${PLUGINS-$GO_BIN} host "$BERTH_BIN/cnitool" "$@"
}

# network LIST: puts a network list where cnitool looks.
network() {
  jq . <<<"$1" >"$BATS_TEST_TMPDIR/net.d/$(jq -r .name <<<"$1").conflist"
}

# plugin NAME SCRIPT: a plugin that is a shell script, found in $scripts.
plugin() {
  mkdir -p "$scripts"
  printf '#!/bin/sh\n%s\n' "$2" >"$scripts/$1"
  chmod +x "$scripts/$1"
}
scripts=$BATS_TEST_TMPDIR/scripts

list='{"cniVersion": "1.0.0", "name": "net", "plugins": [
  {"type": "bridge", "bridge": "br0", "isGateway": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/16"}]]}},
  {"type": "tuning", "capabilities": {"mac": true}}]}'

# usage_error TEXT ARG…: nothing on standard output, exit status 1, TEXT on standard error.
usage_error() {
  local text=$1
  shift
  run --separate-stderr cnitool "$@"
  assert_equal "$status:$output" "1:"
  [[ $stderr == *"$text"* ]] || fail "Not told: $text" "stderr: $stderr"
}

@test "cnitool: add, check and del, by each suite's plugins" {
  for PLUGINS in "$GO_BIN" "$BERTH_BIN:$GO_BIN"; do
    add_container c1
    before=$(snapshot)
    must cnitool add net /run/netns/c1
    assert_json '.cniVersion == "1.0.0" and .ips[0].gateway == "10.1.0.1"'
    assert_json '.interfaces[.ips[0].interface] | .name == "eth0" and .sandbox == "/run/netns/c1"'
    assert_match "$output" '^\{[[:space:]]{5}"'
    address=$(jq -r '.ips[0].address' <<<"$output")
    assert_equal "$(inside c1 ip -j -4 address show eth0 | jq -r '.[].addr_info[] | "\(.local)/\(.prefixlen)"')" "$address"
    must inside c1 ping -c 1 -W 2 10.1.0.1
    must cnitool check net /run/netns/c1
    assert_equal "$output$stderr" ""
    must cnitool del net /run/netns/c1
    assert_equal "$output$stderr" ""
    # The Go suite leaves its bridge, and both leave locks and what was given last.
    ! host ip link show br0 >/dev/null 2>&1 || host ip link delete br0
    host rm -rf /var/lib/cni/networks /var/lib/cni/results /run/berth
    assert_equal "$(snapshot)" "$before"
    remove_container c1
  done
}

@test "cnitool: the container ID and the cache are upstream's" {
  add_container testing
  host mkdir -p /var/run/netns
  must cnitool add net /var/run/netns/testing
  cached=/var/lib/cni/results/net-cnitool-77383ca0a0715733ca6f-eth0
  assert_equal "$(host stat -c '%a %n' /var/lib/cni/results "$cached")" "$(printf '%s\n' "700 /var/lib/cni/results" "600 $cached")"
  assert_json '.kind == "cniCacheV1" and .networkName == "net" and .ifName == "eth0" and .netns == "/var/run/netns/testing"' "$(host cat "$cached")"
  assert_json '.containerId == "cnitool-77383ca0a0715733ca6f" and (.result.ips | length) == 1' "$(host cat "$cached")"
  assert_equal "$(host cat "$cached" | jq -r .config | base64 -d | jq -c .)" "$(jq -c . <<<"$list")"
  must cnitool del net /var/run/netns/testing
  run host test -e "$cached"
  assert_equal "$status" 1
}

@test "cnitool: del twice, of a namespace that is gone, and of what never was" {
  for PLUGINS in "$GO_BIN" "$BERTH_BIN:$GO_BIN"; do
    add_container c1
    must cnitool add net /run/netns/c1
    remove_container c1
    must cnitool del net /run/netns/c1
    must cnitool del net /run/netns/c1
    must cnitool del net /run/netns/never
    assert_equal "$(host find /var/lib/cni/results /var/lib/cni/networks -type f -name '*10.1.*')" ""
  done
}

@test "cnitool: a broken cache does not stop del, but check" {
  add_container c1
  must cnitool add net /run/netns/c1
  host sh -c ': >"$(echo /var/lib/cni/results/net-*)"'
  usage_error 'failed to get network "net" cached result' check net /run/netns/c1
  must cnitool del net /run/netns/c1
  assert_match "$stderr" "Going on without the cached result"
  assert_equal "$(host find /var/lib/cni/results -type f)" ""
}

@test "cnitool: check sees what is gone" {
  add_container c1
  must cnitool add net /run/netns/c1
  inside c1 ip address flush dev eth0
  run --separate-stderr cnitool check net /run/netns/c1
  assert_equal "$status:$output" "1:"
  assert_match "$stderr" "^Error: ."
}

@test "cnitool: interface, arguments and capabilities" {
  network '{"cniVersion": "1.1.0", "name": "print", "plugins": [{"type": "print", "capabilities": {"mac": true, "ips": false}}]}'
  plugin print 'cat >&2; echo " $CNI_IFNAME $CNI_ARGS $CNI_CONTAINERID $CNI_NETNS" >&2; echo null'
  PLUGINS=$scripts
  export CAP_ARGS='{"mac": "02:00:00:00:00:01", "ips": ["10.1.0.9"], "more": 1}'
  CNI_ARGS="IgnoreUnknown=1;A=b" CNI_IFNAME=net1 must cnitool add print /run/netns/c1 --container-id c1
  assert_match "$stderr" '"runtimeConfig":\{"mac":"02:00:00:00:00:01"\}'
  assert_match "$stderr" " net1 IgnoreUnknown=1;A=b c1 /run/netns/c1$"
  CNI_IFNAME=net1 must cnitool add print /run/netns/c1 -i net2
  assert_match "$stderr" " net2  cnitool-[0-9a-f]{20} /run/netns/c1$"
  must cnitool add print /run/netns/c1 --ifname=net3 ignored ignored
  assert_match "$stderr" " net3 "
  CNI_IFNAME='' usage_error "interface name is empty" add print /run/netns/c1
  CNI_ARGS="A" usage_error 'invalid CNI_ARGS pair "A"' add print /run/netns/c1
  CNI_ARGS="A=" usage_error 'invalid CNI_ARGS pair "A="' add print /run/netns/c1
  CAP_ARGS="[]" usage_error "CAP_ARGS is not a JSON object" add print /run/netns/c1
  CAP_ARGS="{" usage_error "CAP_ARGS is not a JSON object" add print /run/netns/c1
}

@test "cnitool: the path of the namespace is meant from the working directory" {
  network '{"cniVersion": "1.1.0", "name": "print", "plugins": [{"type": "print"}]}'
  plugin print 'echo "$CNI_NETNS" >&2; echo null'
  NETCONFPATH=net.d CNI_PATH=$scripts must host \
    env --chdir "$BATS_TEST_TMPDIR" "$BERTH_BIN/cnitool" add print netns/../c1 --cache-dir cache
  assert_equal "$stderr" "$BATS_TEST_TMPDIR/c1"
  [[ -n $(ls "$BATS_TEST_TMPDIR/cache/results") ]] || fail "Nothing in the cache directory"
}

@test "cnitool: gc removes everything, or all but a list" {
  add_container c1 c2 c3
  for container in c1 c2 c3; do must cnitool add net "/run/netns/$container" --container-id "$container"; done
  echo '[{"containerID": "c1", "ifname": "eth0"}]' >"$BATS_TEST_TMPDIR/valid"
  must cnitool gc net --valid-attachments "$BATS_TEST_TMPDIR/valid"
  assert_equal "$(host ls /var/lib/cni/results)" "net-c1-eth0"
  must inside c1 ip link show eth0
  run inside c2 ip link show eth0
  assert_equal "$status" 1
  must cnitool gc net - --valid-attachments - <"$BATS_TEST_TMPDIR/valid"
  usage_error "valid attachments" gc net --valid-attachments /nonexistent
  echo '[{"containerID": "c1"}]' >"$BATS_TEST_TMPDIR/valid"
  usage_error "[0] is not an object with containerID and ifname" gc net --valid-attachments "$BATS_TEST_TMPDIR/valid"
  assert_equal "$(host ls /var/lib/cni/results)" "net-c1-eth0"
  must cnitool gc net /run/netns/ignored
  assert_equal "$(host ls /var/lib/cni/results)" ""
  run inside c1 ip link show eth0
  assert_equal "$status" 1
}

@test "cnitool: status tells why a network cannot take attachments" {
  network '{"cniVersion": "1.1.0", "name": "full", "plugins": [{"type": "full"}]}'
  plugin full '[ "$CNI_COMMAND" != STATUS ] || { echo "{\"code\": 50, \"msg\": \"no addresses left\", \"details\": \"10.1.0.0/16\"}"; exit 1; }'
  must cnitool status net /run/netns/ignored
  assert_equal "$output$stderr" ""
  PLUGINS=$scripts run --separate-stderr cnitool status full
  assert_equal "$status:$output:$stderr" "1::Error: no addresses left; 10.1.0.0/16"
}

@test "cnitool: versions and validation" {
  must cnitool version net
  assert_equal "${lines[0]%%,*}" "bridge: 0.1.0"
  must cnitool version
  assert_match "$output" $'^cnitool v[0-9.]+[^\n]*\nCNI protocol versions supported: 0.1.0, .*1.1.0$'
  must cnitool --version
  must cnitool validate net
  assert_equal "$output" "mac"
  network "$(jq '.cniVersion = "1.1.0" | .plugins += [{type: "missing"}]' <<<"$list")"
  usage_error 'plugin bridge does not support config version "1.1.0"' validate net
  usage_error 'failed to find plugin "missing"' validate net
}

@test "cnitool: what went wrong, and which plugin" {
  usage_error 'no net configuration with name "nope" in' add nope /run/netns/c1
  usage_error 'plugin type="bridge" failed (add): ' add net /run/netns/nonexistent
  PLUGINS='' usage_error "no paths provided" add net /run/netns/c1
  PLUGINS=/nonexistent usage_error 'plugin type="tuning" failed (delete): failed to find plugin "tuning" in path [/nonexistent]' del net /run/netns/c1
  usage_error "missing required argument 'netns'" add net
  usage_error "missing required argument 'network'" del
  usage_error "unknown command 'frob'" frob
  usage_error "unknown option '--frob'" add net /run/netns/c1 --frob
  usage_error "number of seconds" add net /run/netns/c1 --timeout never
  usage_error "Usage: cnitool"
  assert_equal "$(host find /var/lib/cni -type f -path '*results*')" ""
}

@test "cnitool: help for every command" {
  must cnitool --help
  for command in add check del gc status version validate; do
    assert_match "$output" "  $command "
    must cnitool "$command" --help
    assert_match "$output" "^Usage: cnitool $command "
    must cnitool --help
  done
}

@test "cnitool: at a terminal errors are for people" {
  PLUGINS='' run script -qec "NETCONFPATH=$BATS_TEST_TMPDIR/net.d $BERTH_BIN/cnitool add net /run/netns/c1" /dev/null
  assert_match "$output" 'Error: plugin type="bridge" failed \(add\): no paths provided'
  assert_match "$output" "Code: 4 \(invalidEnvironment\)"
  assert_match "$output" "Hint: Set CNI_PATH"
}

@test "cnitool: a plugin that hangs is killed in time" {
  network '{"cniVersion": "1.1.0", "name": "slow", "plugins": [{"type": "slow"}]}'
  plugin slow 'exec sleep 60'
  SECONDS=0
  PLUGINS=$scripts usage_error "signal: killed" add slow /run/netns/c1 --timeout 0.5
  ((SECONDS < 10)) || fail "Took $SECONDS s"
}
