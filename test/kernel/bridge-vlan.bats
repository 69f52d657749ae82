#!/usr/bin/env bats
# The bridge plugin's `vlan`, `vlanTrunk` and `preserveDefaultVlan`, on a kernel with bridge VLAN filtering.
load helpers

setup() {
  needs bridge host-local
  make_host
}

bridge() {
  config bridge '{"bridge": "br0"}' | jq -c --argjson keys "$1" '. + $keys'
}

# vlans PORT: its VLANs as the kernel has them, one word each: 100 tagged, 100u untagged, 100p the PVID.
vlans() {
  host bridge -j vlan show dev "$1" | jq -r '[.[].vlans[]
    | "\(.vlan)" + (.flags // [] | (if index("PVID") then "p" else "" end) + (if index("Egress Untagged") then "u" else "" end))
  ] | join(" ")'
}

# The bridge port of the container that $output is the result of.
port() {
  jq -r '.interfaces[1].name' <<<"$output"
}

filters() {
  host ip -d -j link show "$1" | jq -r '.[0].linkinfo.info_data.vlan_filtering'
}

@test "vlan: the port is in this VLAN alone, untagged, and the bridge filters" {
  beyond_go "VLAN 1 stays on the port until 1.8"
  attach c1 "$(bridge '{"vlan": 100}')"
  assert_equal "$(vlans "$(port)")" 100pu
  assert_equal "$(filters br0)" 1
}

@test "preserveDefaultVlan: VLAN 1 stays on the port when asked for" {
  attach c1 "$(bridge '{"vlan": 100, "preserveDefaultVlan": true}')"
  assert_equal "$(vlans "$(port)")" "1u 100pu"
}

@test "vlan: containers of one VLAN reach each other, those of two do not" {
  attach c1 "$(bridge '{"vlan": 100}')"
  attach c2 "$(bridge '{"vlan": 100}')"
  attach c3 "$(bridge '{"vlan": 200}')"
  reaches c1 10.1.0.3 fd00:1::3
  cannot_reach c1 10.1.0.4 fd00:1::4
  cannot_reach c3 10.1.0.3
}

@test "vlan: containers without a VLAN are apart from those with one" {
  beyond_go "its bridge made without vlan does not filter"
  attach c1 "$(bridge '{}')"
  attach c2 "$(bridge '{"vlan": 100}')"
  attach c3 "$(bridge '{}')"
  cannot_reach c1 10.1.0.3
  reaches c1 10.1.0.4
}

@test "vlan with isGateway: the gateway is on an interface of the VLAN, for this VLAN only" {
  attach c1 "$(bridge '{"vlan": 100, "isGateway": true}')"
  assert_json '.interfaces | map(.name) | index("br0.100") == 3'
  assert_json '[.[] | .addr_info[] | .local] | index("10.1.0.1") and index("fd00:1::1")' "$(host ip -j address show br0.100)"
  assert_json 'all(.[].addr_info[]; .local != "10.1.0.1")' "$(host ip -j address show br0)"
  reaches c1 10.1.0.1 fd00:1::1

  attach c2 "$(bridge '{"vlan": 200}')"
  cannot_reach c2 10.1.0.1

  attach c3 "$(bridge '{"vlan": 100, "isGateway": true}')"
  reaches c3 10.1.0.1 10.1.0.2
  must cni del c3 "$(bridge '{"vlan": 100, "isGateway": true}')"
  reaches c1 10.1.0.1
}

@test "vlanTrunk: ids and ranges are tagged, VLAN 1 is the native one" {
  beyond_go "vlanTrunk came with 1.3"
  attach c1 "$(bridge '{"ipam": {}, "vlanTrunk": [{"id": 101}, {"minID": 200, "maxID": 203}, {"id": 202}]}')"
  assert_equal "$(vlans "$(port)")" "1pu 101 200 201 202 203"
  assert_equal "$(filters br0)" 1
}

@test "vlan with vlanTrunk: one VLAN is native, the others are tagged" {
  beyond_go "vlan and vlanTrunk exclude each other until 1.8"
  attach c1 "$(bridge '{"vlan": 100, "vlanTrunk": [{"minID": 101, "maxID": 102, "id": 110}]}')"
  assert_equal "$(vlans "$(port)")" "100pu 101 102 110"
  attach c2 "$(bridge '{"vlan": 100, "vlanTrunk": [{"minID": 101, "maxID": 102}], "preserveDefaultVlan": true}')"
  assert_equal "$(vlans "$(port)")" "1u 100pu 101 102"
}

@test "vlanTrunk: tagged frames of a container reach containers of the VLAN, and no others" {
  beyond_go "vlanTrunk came with 1.3"
  attach trunk "$(bridge '{"ipam": {}, "vlanTrunk": [{"id": 101}]}')"
  attach c1 "$(bridge '{"vlan": 101}')"
  attach c2 "$(bridge '{"vlan": 102}')"
  local vlan
  for vlan in 101 102; do
    inside trunk ip link add link eth0 name "eth0.$vlan" type vlan id "$vlan"
    inside trunk ip link set "eth0.$vlan" up
  done
  inside trunk ip address add 10.1.0.101/24 dev eth0.101
  reaches trunk 10.1.0.2
  inside trunk ip address del 10.1.0.101/24 dev eth0.101
  inside trunk ip address add 10.1.0.102/24 dev eth0.102
  cannot_reach trunk 10.1.0.3
}

@test "defect 30: an existing bridge that does not filter is not used silently for VLANs" {
  beyond_go "defect 30"
  host ip link add br0 type bridge
  add_container c1
  attempt cni add c1 "$(bridge '{"vlan": 100}')"
  if [[ $status == 0 ]]; then
    assert_equal "$(filters br0)" 1
    assert_equal "$(vlans "$(port)")" 100pu
  else
    assert_json '.msg + (.details // "") | test("vlan_filtering|VLAN filtering|filter"; "i")'
    has_no_link eth0 c1
  fi
}

@test "an existing bridge with filtering is used as it is" {
  host ip link add br0 address 02:00:00:00:00:01 type bridge vlan_filtering 1 vlan_default_pvid 7
  attach c1 "$(bridge '{"vlan": 100}')"
  assert_json '.interfaces[0].mac == "02:00:00:00:00:01"'
  assert_match " $(vlans "$(port)") " " 100pu "
  assert_equal "$(link br0 | jq .linkinfo.info_data.vlan_default_pvid)" 7
}

@test "defect 26: CHECK sees that a port lost its VLAN" {
  beyond_go "defect 26"
  local config
  config=$(bridge '{"vlan": 100}')
  attach c1 "$config"
  local port
  port=$(port)
  must cni check c1 "$config"
  host bridge vlan del vid 100 dev "$port"
  run cni check c1 "$config"
  [[ $status != 0 ]] || fail "CHECK succeeds on a port without its VLAN"
  assert_json '.code > 0'
}

@test "DEL takes the port with its VLANs away, twice and without a network namespace too" {
  local config port
  config=$(bridge '{"vlan": 100}')
  attach c1 "$config"
  port=$(port)
  must cni del c1 "$config"
  must cni del c1 "$config"
  has_no_link "$port"
  assert_equal "$(reservations)" ""

  must cni add c1 "$config"
  remove_container c1
  must cni del c1 "$config"
  assert_equal "$(reservations)" ""
}

@test "defect 11: a failed ADD leaves no port and no VLAN" {
  beyond_go "defect 11"
  attach c1 "$(bridge '{"vlan": 100, "isGateway": true}')"
  add_container c2
  changes_nothing must_fail_any cni add c2 "$(bridge '{"vlan": 100, "isGateway": true}' | jq -c --argjson ipam "$EXHAUSTED" '.ipam = $ipam')"
}
