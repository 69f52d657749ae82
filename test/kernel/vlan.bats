#!/usr/bin/env bats
# The vlan plugin: a VLAN of a host interface as a container's interface.
load helpers

setup() {
  needs vlan host-local
  make_host
}

vlan() {
  config vlan '{"master": "uplink", "vlanId": 100}' | jq -c --argjson keys "${1:-"{}"}" '. + $keys'
}

add_tagged_uplink() {
  add_uplink
  inside outside ip link add link eth0 name eth0.100 type vlan id 100
  inside outside ip address add 10.1.0.254/24 dev eth0.100
  inside outside ip address add fd00:1::254/64 dev eth0.100 nodad
  inside outside ip link set eth0.100 up
}

@test "ADD gives the container a VLAN of the master, DEL takes it away" {
  add_tagged_uplink
  attach c1 "$(vlan)"
  assert_json '.interfaces | length == 1 and .[0].name == "eth0" and .[0].sandbox == "/run/netns/c1"'
  assert_equal "$(link eth0 c1 | jq -c '[.linkinfo.info_kind, .linkinfo.info_data.id]')" '["vlan",100]'
  assert_equal "$(link eth0 c1 | jq -r .address)" "$(jq -r '.interfaces[0].mac' <<<"$output")"
  reaches c1 10.1.0.254 fd00:1::254
  must cni check c1 "$(vlan)"
  must cni del c1 "$(vlan)"
  has_no_link eth0 c1
  must cni del c1 "$(vlan)"
  assert_equal "$(reservations)" ""
}

@test "mtu: the master's by default, a smaller one on demand, a larger one is refused" {
  add_uplink
  attach c1 "$(vlan '{"mtu": 1400}')"
  assert_equal "$(link eth0 c1 | jq .mtu)" 1400
  attach c2 "$(vlan '{"vlanId": 101}')"
  assert_equal "$(link eth0 c2 | jq .mtu)" 1500
  add_container c3
  changes_nothing must_fail_any cni add c3 "$(vlan '{"vlanId": 102, "mtu": 1501}')"
}

@test "linkInContainer: the master is the container's" {
  beyond_go "linkInContainer came with 1.3"
  add_container c1
  host ip link add uplink netns c1 type dummy
  must cni add c1 "$(vlan '{"linkInContainer": true}')"
  assert_equal "$(link eth0 c1 | jq -c '[.link, .linkinfo.info_data.id]')" '["uplink",100]'
  must cni del c1 "$(vlan '{"linkInContainer": true}')"
  has_no_link eth0 c1
  has_link uplink c1
}

@test "a missing master and a VLAN id out of range are refused" {
  add_uplink
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(vlan '{"master": "nowhere"}')"
  assert_json '.msg + (.details // "") | test("nowhere|[Ll]ink not found")'
  changes_nothing must_fail_any cni add c1 "$(vlan '{"vlanId": 4095}')"
  changes_nothing must_fail_any cni add c1 "$(vlan | jq -c 'del(.master)')"
  assert_json '.msg + (.details // "") | test("master")'
}

@test "defect 32: a VLAN that another container holds is shared or refused, and the other keeps it" {
  beyond_go "defect 32"
  add_tagged_uplink
  attach c1 "$(vlan)"
  add_container c2
  attempt cni add c2 "$(vlan)"
  if [[ $status == 0 ]]; then
    reaches c2 10.1.0.254
  else
    # The kernel keeps one device per master and VLAN, in whatever namespace it is.
    assert_json '.msg + (.details // "") | test("100")'
    has_no_link eth0 c2
    assert_equal "$(reservations)" "$(printf '%s\n' 10.1.0.2 fd00:1::2)"
  fi
  reaches c1 10.1.0.254
}

@test "defect 4: DEL succeeds and releases the address when the master is gone" {
  beyond_go "defect 4"
  add_uplink
  attach c1 "$(vlan)"
  host ip link delete uplink
  must cni del c1 "$(vlan)"
  assert_equal "$(reservations)" ""
}

@test "defect 11: a failed ADD leaves no link" {
  beyond_go "defect 11"
  add_uplink
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(vlan | jq -c --argjson ipam "$EXHAUSTED" '.ipam = $ipam')"
}

@test "defect 34: the DNS of the IPAM plugin is kept" {
  beyond_go "defect 34"
  add_uplink
  echo "nameserver 10.1.0.53" >"$BATS_TEST_TMPDIR/resolv.conf"
  attach c1 "$(vlan | jq -c --arg path "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $path')"
  assert_json '.dns.nameservers == ["10.1.0.53"]'
}

@test "CHECK sees that the interface is not this VLAN" {
  add_uplink
  attach c1 "$(vlan)"
  must_fail_any cni check c1 "$(vlan '{"vlanId": 200}')"
}

@test "defect 32: the error names who has the VLAN, and with shared both containers are in it" {
  beyond_go "defect 32"
  add_tagged_uplink
  attach c1 "$(vlan)"
  add_container c2
  changes_nothing must_fail_any cni add c2 "$(vlan)"
  assert_json '(.msg | contains("net/c1/eth0")) and (.details | contains("shared"))'
  must cni del c1 "$(vlan)"

  local shared
  shared=$(vlan '{"shared": true}')
  must cni add c1 "$shared"
  must cni add c2 "$shared"
  reaches c1 10.1.0.254 fd00:1::254 "$(jq -r '.ips[0].address | split("/")[0]' <<<"$output")"
  must cni check c1 "$shared"
  must_fail_any cni check c1 "$(vlan)"
  must cni del c1 "$shared"
  has_link uplink.100
  reaches c2 10.1.0.254
  must cni del c2 "$shared"
  has_no_link uplink.100
  assert_equal "$(reservations)" ""
}

@test "QoS maps of both directions, and CHECK sees others" {
  beyond_go "its vlan has no QoS maps"
  add_uplink
  local config
  config=$(vlan '{"ingressQos": [{"from": 5, "to": 2}], "egressQos": [{"from": 2, "to": 5}, {"from": 70000, "to": 7}]}')
  attach c1 "$config"
  assert_equal "$(link eth0 c1 | jq -c '.linkinfo.info_data | [.ingress_qos, .egress_qos] | map(map([.from, .to]) | sort)')" \
    '[[[5,2]],[[2,5],[70000,7]]]'
  must cni check c1 "$config"
  must_fail_any cni check c1 "$(vlan '{"egressQos": [{"from": 3, "to": 3}]}')"
  add_container c2
  changes_nothing must_fail_any cni add c2 "$(vlan '{"vlanId": 101, "egressQos": [{"from": 0, "to": 8}]}')"
  assert_json '.details | startswith("egressQos[0].to: found 8")'
}

@test "conf: 71-vlan.conflist, 72-vlan-shared.conflist; STATUS tells of a master that is missing or down" {
  beyond_go "it speaks no 1.1.0"
  local list=$REPOSITORY/conf/71-vlan.conflist config
  add_uplink
  host ip link set uplink down
  host ip link set uplink name eth0
  config=$(jq -c '. as $list | .plugins[0] + {name: $list.name, cniVersion: $list.cniVersion}' "$list")
  must_fail 50 cni status any "$config"
  host ip link set eth0 up
  must cni status any "$config"
  add_container c1
  must chain add c1 "$list"
  must chain check c1 "$list"
  must chain del c1 "$list"
  must chain add c1 "$REPOSITORY/conf/72-vlan-shared.conflist"
  must chain del c1 "$REPOSITORY/conf/72-vlan-shared.conflist"
  must_fail 50 cni status any "$(jq -c '.master = "nowhere"' <<<"$config")"
}

@test "defect 21: the segment learns at once which MAC an address has now" {
  beyond_go "defect 21"
  add_tagged_uplink
  local fixed='{"ipam": {"type": "static", "addresses": [{"address": "10.1.0.50/24"}, {"address": "fd00:1::50/64"}]}}'
  inside outside ip neigh replace 10.1.0.50 lladdr 02:00:00:00:00:99 dev eth0.100 nud stale
  inside outside ip neigh replace fd00:1::50 lladdr 02:00:00:00:00:99 dev eth0.100 nud stale
  attach c1 "$(vlan "$fixed")"
  for address in 10.1.0.50 fd00:1::50; do
    assert_equal "$(inside outside ip -j neigh show "$address" | jq -r '.[0].lladdr')" "$(link eth0 c1 | jq -r .address)"
  done
}
