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
  inside outside ip address add 10.1.0.254/24 dev eth0
  reaches c1 10.1.0.254

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

@test "defect 32: flags bridge, private and vepa, which all interfaces on a master share with the mode" {
  beyond_go "defect 32: it has no flags, and lets the last one's mode cut off the others"
  attach c1 "$(ipvlan '{"flag": "private"}')"
  assert_equal "$(link eth0 c1 | jq -c '.linkinfo.info_data | [.mode, .private]')" '["l2",true]'
  must cni check c1 "$(ipvlan '{"flag": "private"}')"
  must_fail_any cni check c1 "$(ipvlan '{"flag": "vepa"}')"
  add_container c2
  changes_nothing must_fail_any cni add c2 "$(ipvlan '{"mode": "l3"}')"
  assert_json '(.details | contains("net/c1/eth0")) and (.details | contains("mode l2, flag private"))'
  must cni add c2 "$(ipvlan '{"flag": "private"}')"
  cannot_reach c1 "$(jq -r '.ips[0].address | split("/")[0]' <<<"$output")"
  # One that is gone without a DEL has no say any more.
  remove_container c1
  must cni del c2 "$(ipvlan)"
  must cni add c2 "$(ipvlan '{"flag": "vepa"}')"
  assert_equal "$(link eth0 c2 | jq .linkinfo.info_data.vepa)" true
  must_fail_any cni add c2 "$(ipvlan '{"flag": "brigde"}')"
  assert_json '.details | contains("flag: found \"brigde\"")'
}

@test "a VLAN of a link as master is made, and goes with its last user" {
  beyond_go "it makes none"
  local config
  config=$(ipvlan '{"master": "uplink.30"}')
  attach c1 "$config"
  assert_equal "$(link uplink.30 | jq -c '.linkinfo | [.info_kind, .info_data.id]')" '["vlan",30]'
  must cni check c1 "$config"
  must cni del c1 "$config"
  has_no_link uplink.30
}

@test "defect 21: the segment learns at once which MAC an address has now" {
  beyond_go "defect 21"
  local fixed='{"ipam": {"type": "static", "addresses": [{"address": "192.0.2.50/24"}, {"address": "2001:db8::50/64"}]}}'
  inside outside ip neigh replace 192.0.2.50 lladdr 02:00:00:00:00:99 dev eth0 nud stale
  inside outside ip neigh replace 2001:db8::50 lladdr 02:00:00:00:00:99 dev eth0 nud stale
  attach c1 "$(ipvlan "$fixed")"
  for address in 192.0.2.50 2001:db8::50; do
    assert_equal "$(inside outside ip -j neigh show "$address" | jq -r '.[0].lladdr')" "$(link uplink | jq -r .address)"
  done
}

@test "conf: 73-ipvlan.conflist; STATUS tells of a master that is missing" {
  beyond_go "it speaks no 1.1.0"
  local list=$REPOSITORY/conf/73-ipvlan.conflist config
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
}
