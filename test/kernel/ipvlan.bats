#!/usr/bin/env bats
# The ipvlan plugin: containers that share the MAC address of a host interface.
load helpers

setup() {
  needs ipvlan host-local
  make_host
  add_uplink
}

ipvlan() {
  config ipvlan '{"master": "uplink"}' | jq -c --argjson keys "${1:-"{}"}" '. + $keys'
}

@test "mode l2: containers reach each other and the world, DEL takes the link away" {
  inside outside ip address add 10.1.0.254/24 dev eth0
  attach c1 "$(ipvlan)"
  assert_json '.interfaces | length == 1 and .[0].name == "eth0" and .[0].sandbox == "/run/netns/c1"'
  assert_equal "$(link eth0 c1 | jq -c '[.linkinfo.info_kind, .linkinfo.info_data.mode]')" '["ipvlan","l2"]'
  assert_equal "$(link eth0 c1 | jq -r .address)" "$(link uplink | jq -r .address)"
  attach c2 "$(ipvlan)"
  reaches c1 10.1.0.3 fd00:1::3 10.1.0.254
  must cni check c1 "$(ipvlan)"
  must cni del c1 "$(ipvlan)"
  has_no_link eth0 c1
  must cni del c1 "$(ipvlan)"
}

@test "modes l3 and l3s: containers reach each other, and an unknown mode is refused" {
  attach c1 "$(ipvlan '{"mode": "l3"}')"
  assert_equal "$(link eth0 c1 | jq -r .linkinfo.info_data.mode)" l3
  attach c2 "$(ipvlan '{"mode": "l3"}')"
  reaches c1 10.1.0.3 fd00:1::3
  must cni check c1 "$(ipvlan '{"mode": "l3"}')"
  must cni del c1 "$(ipvlan)"
  must cni del c2 "$(ipvlan)"

  must cni add c1 "$(ipvlan '{"mode": "l3s"}')"
  assert_equal "$(link eth0 c1 | jq -r .linkinfo.info_data.mode)" l3s
  changes_nothing must_fail_any cni add c2 "$(ipvlan '{"mode": "l4"}')"
  assert_json '.msg + (.details // "") | test("l4")'
}

@test "CHECK sees another mode, and that an address is gone" {
  attach c1 "$(ipvlan)"
  must_fail_any cni check c1 "$(ipvlan '{"mode": "l3"}')"
  inside c1 ip address del 10.1.0.2/24 dev eth0
  must_fail_any cni check c1 "$(ipvlan)"
}

@test "chained: the master and the addresses are those of the result before" {
  local config
  config=$(jq -nc '{cniVersion: "1.0.0", name: "net", type: "ipvlan", prevResult: {
    cniVersion: "1.0.0", interfaces: [{name: "uplink"}], ips: [{address: "10.1.0.77/24", interface: 0}]}}')
  add_container c1
  must cni add c1 "$config"
  assert_json '.ips[0].address == "10.1.0.77/24"'
  assert_equal "$(link eth0 c1 | jq -r .linkinfo.info_kind)" ipvlan
  reaches c1 10.1.0.77

  add_container c2
  changes_nothing must_fail_any cni add c2 "$(jq -c '.prevResult.interfaces += [{name: "lo"}]' <<<"$config")"
  assert_json '.msg + (.details // "") | test("single named interface|master|interfaces")'
}

@test "no master: the interface of the default route, and a clear error without one" {
  local config
  config=$(ipvlan | jq -c 'del(.master)')
  add_container c1
  changes_nothing must_fail_any cni add c1 "$config"
  host ip route add default via 192.0.2.2
  must cni add c1 "$config"
  assert_equal "$(link eth0 c1 | jq .link_index)" "$(link uplink | jq .ifindex)"
}

@test "defect 4: DEL needs neither a master nor a default route" {
  beyond_go "defect 4"
  local config
  config=$(ipvlan | jq -c 'del(.master)')
  host ip route add default via 192.0.2.2
  attach c1 "$config"
  host ip route del default
  must cni del c1 "$config"
  has_no_link eth0 c1
  assert_equal "$(reservations)" ""

  must cni add c1 "$(ipvlan)"
  host ip link delete uplink
  must cni del c1 "$(ipvlan)"
  assert_equal "$(reservations)" ""
}

@test "defect 11: a failed ADD leaves no link and no address" {
  beyond_go "defect 11"
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(ipvlan | jq -c --argjson ipam "$EXHAUSTED" '.ipam = $ipam')"
  # An unreachable gateway fails after the address was given.
  changes_nothing must_fail_any cni add c1 "$(ipvlan | jq -c '.ipam.routes = [{dst: "203.0.113.0/24", gw: "198.51.100.1"}]')"
  assert_equal "$(reservations)" ""
}

@test "defect 34: the DNS of the IPAM plugin is kept" {
  beyond_go "defect 34"
  echo "nameserver 10.1.0.53" >"$BATS_TEST_TMPDIR/resolv.conf"
  attach c1 "$(ipvlan | jq -c --arg path "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $path')"
  assert_json '.dns.nameservers == ["10.1.0.53"]'
}
