#!/usr/bin/env bats
# The dummy plugin: an interface that drops what it is given, for addresses that are only to be there.
load helpers

setup() {
  needs dummy host-local
  make_host
}

@test "ADD gives the container a dummy interface with its addresses, DEL takes it away" {
  attach c1 "$(config dummy)"
  assert_json '.interfaces | length == 1 and .[0].name == "eth0" and .[0].sandbox == "/run/netns/c1"'
  assert_json '[.ips[] | .address, .interface] == ["10.1.0.2/24", 0, "fd00:1::2/64", 0]'
  assert_equal "$(link eth0 c1 | jq -r .linkinfo.info_kind)" dummy
  assert_equal "$(link eth0 c1 | jq -r .address)" "$(jq -r '.interfaces[0].mac' <<<"$output")"
  inside c1 ip link set lo up
  reaches c1 10.1.0.2 fd00:1::2
  must cni check c1 "$(config dummy)"
  must cni del c1 "$(config dummy)"
  has_no_link eth0 c1
  must cni del c1 "$(config dummy)"
  assert_equal "$(reservations)" ""
}

@test "a host interface of the same name is left alone" {
  host ip link add eth0 type dummy
  attach c1 "$(config dummy)"
  has_link eth0
  must cni del c1 "$(config dummy)"
  has_link eth0
}

@test "CHECK sees that the interface is down, lost an address, or is of another kind" {
  attach c1 "$(config dummy)"
  inside c1 ip link set eth0 down
  must_fail_any cni check c1 "$(config dummy)"
  inside c1 ip link set eth0 up
  inside c1 ip address del 10.1.0.2/24 dev eth0
  must_fail_any cni check c1 "$(config dummy)"
  inside c1 ip link delete eth0
  inside c1 ip link add eth0 type ifb
  must_fail_any cni check c1 "$(config dummy)"
}

@test "no IPAM is refused" {
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(config dummy | jq -c 'del(.ipam)')"
}

@test "a failed ADD leaves no link and no address" {
  add_container c1
  inside c1 ip link add eth0 type ifb
  changes_nothing must_fail_any cni add c1 "$(config dummy)"
  assert_equal "$(reservations)" ""
  inside c1 ip link delete eth0
  changes_nothing must_fail_any cni add c1 "$(config dummy | jq -c --argjson ipam "$EXHAUSTED" '.ipam = $ipam')"
}

@test "DEL without its network namespace releases the address" {
  attach c1 "$(config dummy)"
  remove_container c1
  must cni del c1 "$(config dummy)"
  assert_equal "$(reservations)" ""
}

@test "defect 34: conf: 74-dummy.conflist; the DNS of the IPAM plugin is kept, STATUS and GC" {
  beyond_go "it has no dummy"
  local list=$REPOSITORY/conf/74-dummy.conflist config
  echo "nameserver 10.1.0.53" >"$BATS_TEST_TMPDIR/resolv.conf"
  config=$(config dummy '{"cniVersion": "1.1.0"}' | jq -c --arg path "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $path')
  must cni status any "$config"
  must_fail 50 cni status any "$(jq -c '.ipam.type = "nowhere"' <<<"$config")"
  attach c1 "$config"
  assert_json '.dns.nameservers == ["10.1.0.53"]'
  must cni gc any "$config"
  assert_equal "$(reservations)" ""
  must cni del c1 "$config"
  must chain add c1 "$list"
  must chain check c1 "$list"
  must chain del c1 "$list"
}
