#!/usr/bin/env bats
# The loopback plugin, which containerd calls for every pod, by its own network of version 0.3.1.
load helpers

lo() { jq -nc '{cniVersion: "1.1.0", name: "cni-loopback", type: "loopback"} + '"${1:-{\}}"; }

is_up() { inside "$1" ip -j link show lo | jq -e '.[0].flags | contains(["UP"])' >/dev/null; }

@test "loopback: ADD sets lo up and tells of it, DEL sets it down" {
  add_container c1
  run ! is_up c1
  must cni add c1 "$(lo)"
  assert_json '.interfaces == [{name: "lo", mac: "00:00:00:00:00:00", sandbox: "/run/netns/c1"}]'
  assert_json '[.ips[] | [.address, .interface]] == [["127.0.0.1/8", 0], ["::1/128", 0]]'
  is_up c1
  must inside c1 ping -c 1 -W 1 127.0.0.1
  must inside c1 ping -c 1 -W 1 ::1
  must cni check c1 "$(lo)"
  must cni del c1 "$(lo)"
  assert_equal "$output" ""
  run ! is_up c1
}

@test "loopback: every version of the specification" {
  add_container c1
  local version
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    must cni add c1 "$(lo "{cniVersion: \"$version\"}")"
    assert_json ".cniVersion == \"$version\""
    case $version in
      0.1.0 | 0.2.0) assert_json '.ip4.ip == "127.0.0.1/8" and .ip6.ip == "::1/128"' ;;
      *) assert_json '.ips[0].address == "127.0.0.1/8" and .interfaces[0].name == "lo"' ;;
    esac
    must cni del c1 "$(lo "{cniVersion: \"$version\"}")"
  done
}

@test "loopback: the Go suite gives the same result" {
  [[ -x $GO_BIN/loopback ]] || skip "no Go suite in $GO_BIN"
  add_container c1
  local ours
  must cni add c1 "$(lo '{cniVersion: "1.0.0"}')"
  ours=$(jq . <<<"$output")
  must cni del c1 "$(lo '{cniVersion: "1.0.0"}')"
  BIN=$GO_BIN must cni add c1 "$(lo '{cniVersion: "1.0.0"}')"
  assert_json ". == $ours + {dns: {}}" # which may be left out since 1.0.0
}

@test "loopback: it is lo whatever CNI_IFNAME says, ADD and DEL may come twice" {
  add_container c1
  local round
  for round in 1 2; do IFNAME=eth0 must cni add c1 "$(lo)"; done
  is_up c1
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  for round in 1 2; do must cni del c1 "$(lo)"; done
}

@test "loopback: DEL without a namespace, with a deleted one, with no namespace in its place" {
  add_container c1
  must cni add c1 "$(lo)"
  NETNS='' must cni del c1 "$(lo)"
  NETNS=/etc/passwd must cni del c1 "$(lo)"
  is_up c1
  remove_container c1
  must cni del c1 "$(lo)"
}

@test "loopback: in a chain the result before it is handed on" {
  add_container c1
  must cni add c1 "$(lo '{prevResult: {cniVersion: "1.1.0", interfaces: [{name: "eth0", sandbox: "/run/netns/c1"}], ips: [{address: "10.1.0.2/24", interface: 0}], routes: [{dst: "0.0.0.0/0"}]}}')"
  assert_json '.interfaces == [{name: "eth0", sandbox: "/run/netns/c1"}] and .ips == [{address: "10.1.0.2/24", interface: 0}] and .routes == [{dst: "0.0.0.0/0"}]'
  is_up c1
}

@test "loopback: an address on lo that is none of loopback is an error, and lo stays as it was" {
  add_container c1
  inside c1 ip address add 192.0.2.1/32 dev lo
  must_fail 999 cni add c1 "$(lo)"
  assert_match "$(jq -r .msg <<<"$output")" 'non-loopback address "192.0.2.1/32"'
  run ! is_up c1
  inside c1 ip link set lo up # then 127.0.0.1 stands after the other one
  must_fail 999 cni add c1 "$(lo)"
  is_up c1
}

@test "loopback: CHECK is false when lo is down" {
  add_container c1
  must cni add c1 "$(lo)"
  inside c1 ip link set lo down
  must_fail 999 cni check c1 "$(lo)"
}

@test "loopback: GC has nothing to do, STATUS is silent" {
  add_container c1
  must cni add c1 "$(lo)"
  must cni gc c1 "$(lo '{"cni.dev/valid-attachments": []}')"
  assert_equal "$output" ""
  is_up c1
  must cni status c1 "$(lo)"
  assert_equal "$output" ""
}

@test "loopback: wrong input, each with its code, and lo stays down" {
  add_container c1
  NETNS=/run/netns/gone must_fail 8 cni add c1 "$(lo)"
  NETNS=/etc/passwd must_fail 8 cni add c1 "$(lo)"
  NETNS=/proc/self/ns/net must_fail 8 cni add c1 "$(lo)"
  NETNS='' must_fail 4 cni add c1 "$(lo)"
  must_fail 7 cni add c1 "$(lo '{name: "a/b"}')"
  must_fail 7 cni add c1 "$(lo '{dns: 5}')"
  must_fail 1 cni add c1 "$(lo '{cniVersion: "2.0.0"}')"
  run ! is_up c1
}

@test "loopback: IPv6 turned off is no fault" {
  add_container c1
  inside c1 sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
  must cni add c1 "$(lo)"
  assert_json '[.ips[].address] == ["127.0.0.1/8"]'
}
