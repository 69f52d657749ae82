#!/usr/bin/env bats
# macvlan where the host's link is called eth0 as the container's is, as on most hosts: kernels before 6.14 mistake one for the
# other. What VLANs as masters do otherwise is in macvlan-vlan.bats.
load helpers

setup() {
  needs macvlan host-local
  beyond_go "it speaks no 1.1.0"
  make_host
  add_container outside
  # A trunk to a neighbour that is in VLAN 100, and in none.
  host sh -ec '
    ip link add name eth0 type veth peer name eth0 netns outside
    ip address add 192.168.1.11/24 dev eth0 && ip link set eth0 up
    ip -n outside link set lo up && ip -n outside link set eth0 up
    ip -n outside link add link eth0 name eth0.100 type vlan id 100
    ip -n outside link set eth0.100 up
    ip -n outside address add 192.168.100.1/24 dev eth0.100'
}

vlan() {
  jq -nc '{cniVersion: "1.1.0", name: "lan100", type: "macvlan", master: "eth0.100", ipam: {type: "host-local",
    subnet: "192.168.100.0/24", rangeStart: "192.168.100.200"}} + '"${1:-{\}}"
}

links() { host ip -j link | jq -c '[.[].ifname]'; }

@test "macvlan: eth0 on a VLAN of eth0, shared by networks" {
  add_container c1 c2
  before=$(links)
  must cni add c1 "$(vlan)"
  assert_equal "$(host ip -j -d link show eth0.100 | jq -c '.[0] | [.link, .linkinfo.info_data.id, .ifalias]')" \
    '["eth0",100,"berth/parent"]'
  other=$(vlan '{name: "other"}' | jq -c '.ipam.rangeStart = "192.168.100.220"')
  must cni add c2 "$other"
  reaches c1 192.168.100.1
  must cni check c1 "$(vlan)"
  must cni del c1 "$(vlan)"
  must cni check c2 "$other"
  reaches c2 192.168.100.1
  remove_container c2
  NETNS='' PREVIOUS=no must cni del c2 "$other"
  assert_equal "$(links)" "$before"
}

@test "macvlan: one VLAN under two names is the kernel's clear error" {
  add_container c1
  host ip link add link eth0 name uplink100 type vlan id 100
  must_fail_any cni add c1 "$(vlan)"
  assert_match "$(jq -r .msg <<<"$output")" "eth0.100"
}

@test "macvlan: VLAN ids out of range" {
  add_container c1
  for id in 0 4095 99999; do
    must_fail 7 cni add c1 "$(vlan "{master: \"eth0.$id\"}")"
    assert_match "$(jq -r .details <<<"$output")" "a VLAN id from 1 to 4094"
  done
  must cni add c1 "$(vlan '{master: "eth0.4094"}')"
  must cni del c1 "$(vlan '{master: "eth0.4094"}')"
}

@test "macvlan: the host reaches containers in a VLAN" {
  add_container c1
  before=$(links)
  config=$(vlan '{hostAccess: true, hostAddresses: ["192.168.100.11"]}')
  must cni add c1 "$config"
  must host ping -c 1 -W 3 "$(jq -r '.ips[0].address | split("/")[0]' <<<"$output")"
  must cni del c1 "$config"
  assert_equal "$(links)" "$before"
}

@test "macvlan: an internal network without master stands on a dummy link of its own" {
  add_container c1 c2
  before=$(links)
  config=$(vlan '{internal: true}' | jq -c 'del(.master)')
  must cni add c1 "$config"
  must cni add c2 "$config"
  reaches c1 192.168.100.201
  assert_equal "$(inside c1 ip route show default)" ""
  assert_equal "$(host ip -j -d link | jq -c '[.[] | select(.linkinfo.info_kind == "dummy") | .ifalias]')" '["berth/parent"]'
  must cni del c1 "$config"
  must cni del c2 "$config"
  assert_equal "$(links)" "$before"
}

@test "conf: 31-macvlan-vlan.conflist" {
  add_container c1
  list=$REPOSITORY/conf/31-macvlan-vlan.conflist
  must chain add c1 "$list"
  must chain check c1 "$list"
  reaches c1 192.168.100.1
  must chain del c1 "$list"
  assert_equal "$(links)" '["lo","eth0"]'
}
