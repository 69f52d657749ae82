#!/usr/bin/env bats
# The static IPAM plugin, beside the Go suite's where both are right.
load helpers

# static IPAM [KEYS]: what the static plugin is given when a plugin with this `ipam` calls it.
static() {
  jq -nc '{cniVersion: "1.1.0", name: "fixed", type: "static", ipam: ({type: "static"} + ('"$1"'))} + ('"${2:-{\}}"')'
}

addresses='{addresses: [{address: "10.1.0.5/24", gateway: "10.1.0.1"}, {address: "fd00:1::5/64"}]}'

# same_as_go CONFIG: the Go suite's plugin gives the same, but for the version, of which it knows no 1.1.0.
same_as_go() {
  local ours go
  must cni add c1 "$1"
  ours=$(jq -S 'del(.cniVersion)' <<<"$output")
  BIN=$GO_BIN must cni add c1 "$(jq -c '.cniVersion = "1.0.0"' <<<"$1")"
  go=$(jq -S 'del(.cniVersion) | if .dns == {} then del(.dns) else . end' <<<"$output")
  assert_equal "$ours" "$go"
}

setup() {
  make_host
  add_container c1
}

@test "static: gives what the configuration says: addresses, routes, DNS" {
  config=$(static "$addresses + {routes: [{dst: \"0.0.0.0/0\"}, {dst: \"198.51.100.0/24\", gw: \"10.1.0.9\"}],
    dns: {nameservers: [\"10.1.0.53\"], domain: \"example.org\", search: [\"a.example\"], options: [\"ndots:2\"]}}")
  must cni add c1 "$config"
  assert_json '.ips == [{address: "10.1.0.5/24", gateway: "10.1.0.1"}, {address: "fd00:1::5/64"}]'
  assert_json '.routes == [{dst: "0.0.0.0/0"}, {dst: "198.51.100.0/24", gw: "10.1.0.9"}]'
  assert_json '.dns.nameservers == ["10.1.0.53"] and (has("interfaces") | not)'
  same_as_go "$config"
  must cni check c1 "$config"
  must cni del c1 "$config"
  must cni del c1 "$config"
}

@test "static: routes keep their settings" {
  must cni add c1 "$(static "$addresses + {routes: [{dst: \"198.51.100.0/24\", mtu: 1300, advmss: 1200, priority: 5, table: 100, scope: 253}]}")"
  assert_json '.routes == [{dst: "198.51.100.0/24", mtu: 1300, advmss: 1200, priority: 5, table: 100, scope: 253}]'
}

@test "static: several gateways for one destination are kept" {
  same_as_go "$(static "$addresses + {routes: [{dst: \"198.51.100.0/24\", gw: \"10.1.0.8\"}, {dst: \"198.51.100.0/24\", gw: \"10.1.0.9\"}]}")"
  assert_json '[.routes[].gw] == ["10.1.0.8", "10.1.0.9"]'
}

@test "static: IP and GATEWAY of CNI_ARGS come beside the configuration's" {
  ARGS="IP=10.2.0.7/24,fd00:2::7/64;GATEWAY=10.2.0.1,fd00:2::1" same_as_go "$(static "$addresses")"
  assert_json '[.ips[] | [.address, .gateway]] == [["10.1.0.5/24", "10.1.0.1"], ["fd00:1::5/64", null],
    ["10.2.0.7/24", "10.2.0.1"], ["fd00:2::7/64", "fd00:2::1"]]'
  ARGS="IP=10.2.0.7/24;GATEWAY=10.3.0.1" same_as_go "$(static '{}')"
  assert_json '.ips == [{address: "10.2.0.7/24"}]'
}

@test "static: args.cni.ips takes the place of all that, runtimeConfig.ips the place of args.cni.ips" {
  export ARGS="IP=10.2.0.7/24;GATEWAY=10.2.0.1"
  args='{args: {cni: {ips: ["10.3.0.7/24", "fd00:3::7/64"]}}}'
  same_as_go "$(static "$addresses" "$args")"
  assert_json '[.ips[].address] == ["10.3.0.7/24", "fd00:3::7/64"]'
  same_as_go "$(static "$addresses" "$args + {runtimeConfig: {ips: [\"10.4.0.7/24\"]}}")"
  assert_json '.ips == [{address: "10.4.0.7/24"}]'
  # Empty lists ask for nothing.
  must cni add c1 "$(static "$addresses" '{args: {cni: {ips: []}}, runtimeConfig: {ips: []}}')"
  assert_json '[.ips[].address] == ["10.1.0.5/24", "fd00:1::5/64", "10.2.0.7/24"]'
}

@test "static: keys in any case" {
  must cni add c1 '{"cniVersion": "1.0.0", "name": "fixed", "type": "static", "IPAM": {"Type": "static", "Addresses": [{"ADDRESS": "10.1.0.5/24", "Gateway": "10.1.0.1"}]}}'
  assert_json '.ips[0].gateway == "10.1.0.1"'
}

@test "static: every version of the specification; two of a family do not fit into the first" {
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    must cni add c1 "$(static "$addresses" "{cniVersion: \"$version\"}")"
    assert_json ".cniVersion == \"$version\""
  done
  two='{addresses: [{address: "10.1.0.5/24"}, {address: "10.1.0.6/24"}]}'
  must_fail 7 cni add c1 "$(static "$two" '{cniVersion: "0.2.0"}')"
  assert_json '.msg == "CNI version 0.2.0 does not support more than 1 address per family"'
  must cni add c1 "$(static "$two" '{cniVersion: "0.3.0"}')"
}

@test "defect 26: CHECK misses an address, and sees another gateway" {
  config=$(static "$addresses")
  must cni add c1 "$config"
  must cni check c1 "$config"
  previous=$(jq -c '{prevResult: .}' <<<"$output")
  without=$(jq -c '{prevResult: {cniVersion: "1.1.0", ips: [{address: "10.1.0.5/24", gateway: "10.1.0.1"}]}}' <<<'{}')
  must_fail 999 cni check c1 "$(jq -c ". + $without" <<<"$config")"
  assert_json '.details | contains("fd00:1::5/64")'
  other='{"prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.5/24", "gateway": "10.1.0.2"}, {"address": "fd00:1::5/64"}]}}'
  must_fail 999 cni check c1 "$(jq -c ". + $other" <<<"$config")"
  PREVIOUS=no must_fail 7 cni check c1 "$config"
}

@test "static: bad input is a clear error that says where" {
  local -A bad=(
    ['{addresses: [{address: "10.1.0.5"}]}']='ipam.addresses[0].address: found "10.1.0.5", allowed: an address in CIDR notation'
    ['{addresses: [{address: "10.1.0.5/33"}]}']='ipam.addresses[0].address: found "10.1.0.5/33"'
    ['{addresses: [{gateway: "10.1.0.1"}]}']='ipam.addresses[0].address: found nothing'
    ['{addresses: [{address: "10.1.0.5/24", gateway: "10.1.0"}]}']='ipam.addresses[0].gateway: found "10.1.0", allowed: an IP address'
    ['{addresses: {}}']='ipam.addresses: found {}, allowed: an array'
    ['{routes: [{dst: "10.1.0.0"}]}']='ipam.routes[0].dst: found "10.1.0.0"'
    ['{routes: [{dst: "10.1.0.0/24", gw: "x"}]}']='ipam.routes[0].gw: found "x"'
    ['{dns: {nameservers: "10.1.0.53"}}']='ipam.dns.nameservers: found "10.1.0.53"'
  )
  for ipam in "${!bad[@]}"; do
    must_fail 7 cni add c1 "$(static "$ipam")"
    assert_equal "$(jq -r --arg expected "${bad[$ipam]}" '.details | contains($expected)' <<<"$output")" true || fail "$ipam: $output"
  done
  must_fail 7 cni add c1 "$(static '{}' '{args: {cni: {ips: ["10.1.0.5"]}}}')"
  assert_json '.details | startswith("args.cni.ips[0]: found \"10.1.0.5\"")'
  must_fail 7 cni add c1 "$(static '{}' '{runtimeConfig: {ips: ["x"]}}')"
  assert_json '.details | startswith("runtimeConfig.ips[0]: found \"x\"")'
  ARGS="IP=10.1.0.5" must_fail 7 cni add c1 "$(static '{}')"
  assert_json '.details | startswith("CNI_ARGS IP: found \"10.1.0.5\"")'
  ARGS="IP=10.1.0.5/24;GATEWAY=x" must_fail 7 cni add c1 "$(static '{}')"
  ARGS="IP=10.1.0.5/24;MAC=x" must_fail 4 cni add c1 "$(static '{}')"
  must_fail 7 cni add c1 '{"cniVersion": "1.1.0", "name": "fixed", "type": "static"}'
  assert_json '.details | startswith("ipam: found nothing")'
  must cni del c1 "$(static '{addresses: "none"}')"
}

@test "static: STATUS and GC have nothing to complain of, and no state is kept" {
  before=$(snapshot)
  must cni add c1 "$(static "$addresses")"
  must cni status any "$(static "$addresses")"
  must cni gc any "$(static "$addresses")"
  assert_equal "$(snapshot)" "$before"
}

@test "conf: 76-static.conflist" {
  list=$REPOSITORY/conf/76-static.conflist
  must chain add c1 "$list"
  assert_json '[.ips[].address] == ["10.84.0.2/24", "fd84::2/64"]'
  must inside c1 ping -c 1 -W 2 10.84.0.1
  must chain check c1 "$list"
  must chain del c1 "$list"
}
