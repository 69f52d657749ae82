#!/usr/bin/env bats
# The vrf plugin: interfaces of a container with a routing table of their own.
load helpers

setup() {
  needs bridge host-local vrf
  make_host
}

# vrf_list KEYS: a network list of a bridge with a gateway, default routes, and the vrf plugin with KEYS.
vrf_list() {
  config bridge '{"bridge": "br0", "isDefaultGateway": true}' | jq -c --argjson keys "$1" '{
    cniVersion, name, plugins: [del(.cniVersion, .name), {type: "vrf"} + $keys]}'
}

# A second network, with other addresses.
other_list() {
  vrf_list "$1" | jq -c '.name = "other" | .plugins[0].bridge = "br1" | .plugins[0].ipam.ranges = [[{subnet: "10.2.0.0/24"}]]'
}

@test "ADD puts the interface with its addresses and routes into the VRF, DEL removes the VRF" {
  beyond_go "it moves no routes until 1.4"
  local list
  list=$(vrf_list '{"vrfname": "blue", "table": 7}')
  add_container c1
  must chain add c1 "$list"
  assert_json '[.ips[].address] == ["10.1.0.2/24", "fd00:1::2/64"]'
  assert_equal "$(link blue c1 | jq -c '[.linkinfo.info_kind, .linkinfo.info_data.table]')" '["vrf",7]'
  assert_equal "$(link eth0 c1 | jq -r .master)" blue
  assert_match "$(inside c1 ip route show vrf blue)" 'default via 10.1.0.1 dev eth0'
  assert_match "$(inside c1 ip -6 route show vrf blue)" 'default via fd00:1::1 dev eth0'
  assert_equal "$(inside c1 ip route show table main)" ""
  must inside c1 ping -I blue -c 1 -W 3 10.1.0.1
  must inside c1 ping -I blue -c 1 -W 3 fd00:1::1
  must chain check c1 "$list"
  must chain del c1 "$list"
  has_no_link blue c1
  has_no_link eth0 c1
}

@test "two interfaces share a VRF, which goes with the last" {
  add_container c1
  must chain add c1 "$(vrf_list '{"vrfname": "blue"}')"
  IFNAME=eth1 must chain add c1 "$(other_list '{"vrfname": "blue"}')"
  assert_equal "$(link eth0 c1 | jq -r .master)/$(link eth1 c1 | jq -r .master)" blue/blue
  must chain del c1 "$(vrf_list '{"vrfname": "blue"}')"
  has_link blue c1
  IFNAME=eth1 must chain del c1 "$(other_list '{"vrfname": "blue"}')"
  has_no_link blue c1
}

@test "two VRFs get tables of their own, and a table that another VRF has is refused" {
  add_container c1
  must chain add c1 "$(vrf_list '{"vrfname": "blue"}')"
  IFNAME=eth1 must chain add c1 "$(other_list '{"vrfname": "red"}')"
  [[ $(link blue c1 | jq .linkinfo.info_data.table) != "$(link red c1 | jq .linkinfo.info_data.table)" ]] || fail "one table"
  IFNAME=eth1 must chain del c1 "$(other_list '{"vrfname": "red"}')"
  IFNAME=eth1 must_fail_any chain add c1 "$(other_list '{"vrfname": "blue", "table": 99}')"
}

@test "an interface that has a master already is refused" {
  beyond_go "defect 11: its VRF stays"
  add_container c1
  must cni add c1 "$(config bridge '{"bridge": "br0"}')"
  local config
  config=$(jq -c '{cniVersion: "1.0.0", name: "net", type: "vrf", vrfname: "blue", prevResult: .}' <<<"$output")
  inside c1 ip link add red type vrf table 5
  inside c1 ip link set eth0 master red
  changes_nothing must_fail_any cni add c1 "$config"
  assert_json '.msg + (.details // "") | test("master|red")'
}

@test "a missing or empty vrfname, and no result before, are refused" {
  add_container c1
  must cni add c1 "$(config bridge '{"bridge": "br0"}')"
  local config
  config=$(jq -c '{cniVersion: "1.0.0", name: "net", type: "vrf", vrfname: "blue", prevResult: .}' <<<"$output")
  changes_nothing must_fail_any cni add c1 "$(jq -c 'del(.vrfname)' <<<"$config")"
  assert_json '.msg + (.details // "") | test("vrf")'
  changes_nothing must_fail_any cni add c1 "$(jq -c 'del(.prevResult)' <<<"$config")"
}

@test "defect 4: DEL succeeds when the interface, the VRF or the namespace is gone" {
  beyond_go "defect 4"
  local config
  add_container c1
  must cni add c1 "$(config bridge '{"bridge": "br0"}')"
  config=$(jq -c '{cniVersion: "1.0.0", name: "net", type: "vrf", vrfname: "blue", prevResult: .}' <<<"$output")
  must cni add c1 "$config"
  inside c1 ip link delete eth0
  must cni del c1 "$config"
  has_no_link blue c1
  must cni del c1 "$config"
  remove_container c1
  must cni del c1 "$config"
}

@test "defect 28: IPv6 default routes over several gateways are kept" {
  beyond_go "defect 28"
  add_container c1
  must cni add c1 "$(config bridge '{"bridge": "br0"}')"
  local config
  config=$(jq -c '{cniVersion: "1.0.0", name: "net", type: "vrf", vrfname: "blue", prevResult: .}' <<<"$output")
  inside c1 ip -6 route add default nexthop via fd00:1::1 dev eth0 nexthop via fd00:1::9 dev eth0
  inside c1 ip route add default nexthop via 10.1.0.1 dev eth0 nexthop via 10.1.0.9 dev eth0
  must cni add c1 "$config"
  local family
  for family in -4 -6; do
    assert_equal "$(inside c1 ip -j $family route show vrf blue default | jq '[.[] | .nexthops // [.] | .[].gateway] | length')" 2
  done
}

@test "defect 11: a failed ADD leaves no VRF" {
  beyond_go "defect 11"
  add_container c1
  must cni add c1 "$(config bridge '{"bridge": "br0"}')"
  local config
  config=$(jq -c '{cniVersion: "1.0.0", name: "net", type: "vrf", vrfname: "blue", prevResult: .}' <<<"$output")
  # The interface is looked for after the VRF is made.
  IFNAME=eth7 changes_nothing must_fail_any cni add c1 "$config"
}
