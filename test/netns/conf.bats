#!/usr/bin/env bats
# The network lists of conf/, as they stand. They are for hosts at 192.168.1.11 and 192.168.1.12 on a LAN whose router is
# 192.168.1.1; 31-macvlan-vlan.conflist is used in test/kernel, since this kernel has no VLANs.
load overlay

conf=$REPOSITORY/conf

setup() {
  make_hosts
  # The lists' LAN beside the underlay's own addresses.
  address a eth0 192.168.1.11/24
  address b eth0 192.168.1.12/24
  address router near 192.168.1.1/24
}

teardown() { remove_hosts; }

up() {
  at "$1" add_container "$2"
  must at "$1" chain add "$2" "$conf/$3"
  must at "$1" chain check "$2" "$conf/$3"
}

down() { must at "$1" chain del "$2" "$conf/$3"; }

links() { at "$1" host ip -j link | jq -c '[.[].ifname]'; }

@test "conf: every list is used here or in test/kernel" {
  for list in "$conf"/*.conflist; do
    jq -e '.cniVersion == "1.1.0" and (.name | length > 0) and (.plugins | length > 0)' "$list" >/dev/null || fail "$list"
    grep -qF "${list##*/}" "$REPOSITORY"/test/netns/*.bats "$REPOSITORY"/test/kernel/*.bats || fail "No test uses ${list##*/}"
  done
}

@test "conf: 10-bridge.conflist" {
  up a c1 10-bridge.conflist
  up a c2 10-bridge.conflist
  must at a inside c1 ping -c 1 -W 2 "$(container_address a c2 4)"
  must at a inside c1 ping -c 1 -W 2 192.168.1.12
  down a c1 10-bridge.conflist
  down a c2 10-bridge.conflist
}

@test "conf: 20-user-defined.conflist, from which the default bridge is not reached" {
  up a c1 20-user-defined.conflist
  up a c2 20-user-defined.conflist
  reach a c1 10.90.0.3 fd90::3
  must at a inside c1 ping -c 1 -W 2 192.168.1.12
  down a c1 20-user-defined.conflist
  down a c2 20-user-defined.conflist
  assert_equal "$(links a)" '["lo","eth0"]'
}

@test "conf: 21-internal.conflist has no way out" {
  up a c1 21-internal.conflist
  up a c2 21-internal.conflist
  reach a c1 10.91.0.3 fd91::3
  cannot_reach a c1 192.168.1.12
  down a c1 21-internal.conflist
  down a c2 21-internal.conflist
  assert_equal "$(links a)" '["lo","eth0"]'
}

@test "conf: 30-macvlan.conflist" {
  up a c1 30-macvlan.conflist
  reach a c1 192.168.1.1 192.168.1.12 192.168.1.11
  must at a host ping -c 1 -W 2 "$(container_address a c1 4)"
  down a c1 30-macvlan.conflist
  assert_equal "$(links a)" '["lo","eth0"]'
}

@test "conf: 40-overlay-l2-host1.conflist and 41-overlay-l2-host2.conflist" {
  up a c1 40-overlay-l2-host1.conflist
  up b c1 41-overlay-l2-host2.conflist
  reach a c1 10.92.0.200
  reach b c1 10.92.0.100
  stream a c1 b c1 10.92.0.200
  down a c1 40-overlay-l2-host1.conflist
  assert_equal "$(links a)" '["lo","eth0"]'
}

@test "conf: 50-overlay-l3-host1.conflist and 51-overlay-l3-host2.conflist" {
  up a c1 50-overlay-l3-host1.conflist
  up b c1 51-overlay-l3-host2.conflist
  reach a c1 10.244.2.2 fd24:2::2
  must at a inside c1 ping -c 1 -W 2 192.168.1.1
  stream a c1 b c1 fd24:2::2
  down a c1 50-overlay-l3-host1.conflist
  assert_equal "$(links a)" '["lo","eth0"]'
}

@test "conf: 60-host.conflist" {
  NETNS=/proc/1/ns/net must at a chain add c1 "$conf/60-host.conflist"
  assert_json 'any(.interfaces[]; .name == "eth0")'
  NETNS=/proc/1/ns/net must at a chain del c1 "$conf/60-host.conflist"
}

@test "conf: 61-none.conflist" {
  up a c1 61-none.conflist
  assert_equal "$(at a inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  down a c1 61-none.conflist
}
