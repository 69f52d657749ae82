#!/usr/bin/env bats
# Docker's isolation, proved by packets. `outside` has routes to the containers, so that what is silent was kept out.
load helpers
load traffic

setup() {
  make_host
  add_uplink
  inside outside ip route add 10.0.0.0/8 via 192.0.2.1
  inside outside ip route add fd00::/16 via 2001:db8::1
  serve outside 7000
}

# start NAME NETWORK NUMBER KEYS [MAPPING…]: a container of a bridge network with published ports; it serves 80 and 81.
start() {
  local name=$1 network=$2 number=$3 keys=$4
  shift 4
  add_container "$name"
  CAP_ARGS=$(ports "$@") must chain add "$name" \
    "$(network "$network" "$(bridge_plugin "$network" "$number" '{capabilities: {portMappings: true}} + ('"$keys"')')")"
  serve "$name" 80 81
}

@test "isolation: networks without it reach each other, and are reached from outside" {
  start c1 one 1 '{}'
  start c2 two 2 '{}'
  assert_answer "c2 10.1.0.2" c1 tcp 10.2.0.2 80
  assert_answer "c1 fd00:2::2" c2 tcp fd00:1::2 80
  assert_answer c1 outside tcp 10.1.0.2 80
}

@test "isolation: isolate keeps isolated networks apart, published ports are reached" {
  start c1 one 1 '{isolate: true, ipMasq: true}' 8080:80 8080:80/udp
  start c2 two 2 '{isolate: true, ipMasq: true}'
  start c3 three 3 '{}'
  add_container c4
  must chain add c4 "$(network one "$(bridge_plugin one 1 '{isolate: true, ipMasq: true}')")"
  for filter in 0 1; do
    bridge_filter $filter
    for protocol in tcp udp; do
      assert_silence c2 $protocol 10.1.0.2 80
      assert_silence c2 $protocol fd00:1::2 80
      assert_silence c1 $protocol 10.2.0.2 80
      assert_answer c1 c2 $protocol 192.0.2.1 8080
      assert_answer c1 c2 $protocol 10.1.0.1 8080
      assert_answer c1 c4 $protocol 10.1.0.2 80
      assert_answer c1 c4 $protocol fd00:1::2 80
      assert_answer c1 c3 $protocol 10.1.0.2 80
      assert_answer c3 c1 $protocol 10.3.0.2 80
      assert_answer c1 host $protocol 10.1.0.2 80
      assert_answer c1 outside $protocol 10.1.0.2 80
      assert_answer "outside 192.0.2.1" c1 $protocol 192.0.2.2 7000
    done
  done
}

@test "isolation: strict keeps every other bridge away" {
  start c1 one 1 '{isolate: "strict"}' 8080:80
  start c2 two 2 '{ipMasq: true}' 8081:80
  assert_silence c2 tcp 10.1.0.2 80
  assert_silence c1 tcp 10.2.0.2 80
  assert_answer c1 c2 tcp 192.0.2.1 8080
  assert_answer c2 c1 tcp 192.0.2.1 8081
  assert_answer outside c1 tcp 192.0.2.2 7000
}

@test "isolation: gateway mode nat lets in what is published and nothing else" {
  start c1 one 1 '{gatewayMode: "nat", ipMasq: true}' 8080:80 8080:80/udp
  start c2 two 2 '{}'
  add_container c3
  must chain add c3 "$(network one "$(bridge_plugin one 1 '{gatewayMode: "nat", ipMasq: true}')")"
  for filter in 0 1; do
    bridge_filter $filter
    for protocol in tcp udp; do
      assert_answer "c1 192.0.2.2" outside $protocol 192.0.2.1 8080
      assert_answer "c1 2001:db8::2" outside $protocol 2001:db8::1 8080
      assert_silence outside $protocol 10.1.0.2 80
      assert_silence outside $protocol fd00:1::2 80
      assert_silence c2 $protocol 10.1.0.2 80
      assert_answer c1 c2 $protocol 192.0.2.1 8080
      assert_answer c1 c3 $protocol 10.1.0.2 80
      assert_answer c1 c1 $protocol 192.0.2.1 8080
      assert_answer c1 host $protocol 10.1.0.2 80
      assert_answer c1 host $protocol 127.0.0.1 8080
      assert_answer "outside 192.0.2.1" c1 $protocol 192.0.2.2 7000
      assert_answer "outside 2001:db8::1" c1 $protocol 2001:db8::2 7000
    done
  done
}

@test "isolation: trusted interfaces reach containers directly" {
  start c1 one 1 '{gatewayMode: "nat", trustedInterfaces: ["uplink"]}'
  start c2 two 2 '{}'
  assert_answer "c1 192.0.2.2" outside tcp 10.1.0.2 80
  assert_silence c2 tcp 10.1.0.2 80
}

@test "isolation: gateway mode nat-unprotected translates without filtering" {
  start c1 one 1 '{gatewayMode: "nat-unprotected"}' 8080:80
  assert_answer c1 outside tcp 192.0.2.1 8080
  assert_answer c1 outside tcp 10.1.0.2 81
}

@test "isolation: gateway mode routed opens published ports at the container's own address" {
  start c1 one 1 '{gatewayMode: "routed"}' 8080:80 8080:80/udp
  start c2 two 2 '{}'
  for protocol in tcp udp; do
    assert_answer "c1 192.0.2.2" outside $protocol 10.1.0.2 80
    assert_answer "c1 2001:db8::2" outside $protocol fd00:1::2 80
    assert_answer "c1 10.2.0.2" c2 $protocol 10.1.0.2 80
    assert_silence outside $protocol 10.1.0.2 81
    assert_silence c2 $protocol fd00:1::2 81
    assert_silence outside $protocol 192.0.2.1 8080
    assert_answer "outside 10.1.0.2" c1 $protocol 192.0.2.2 7000
  done
  must inside outside ping -c 1 -W 2 10.1.0.2
  must inside outside ping -c 1 -W 2 fd00:1::2
}

@test "isolation: an internal network has no outside, the host reaches it" {
  start c1 one 1 '{internal: true}'
  start c2 two 2 '{}' 8080:80
  add_container c3
  must chain add c3 "$(network one "$(bridge_plugin one 1 '{internal: true}')")"
  # A default route of the container's own changes nothing.
  inside c1 ip route replace default via 10.1.0.1
  assert_silence c1 tcp 192.0.2.2 7000
  assert_silence c1 tcp 10.2.0.2 80
  assert_silence outside tcp 10.1.0.2 80
  assert_silence c2 tcp 10.1.0.2 80
  assert_answer c1 host tcp 10.1.0.2 80
  assert_answer c1 c3 tcp 10.1.0.2 80
  for filter in 0 1; do
    bridge_filter $filter
    assert_answer c1 c3 udp fd00:1::2 80
  done
}

@test "isolation: gateway mode isolated keeps the host out as well" {
  start c1 one 1 '{internal: true, gatewayMode: "isolated"}'
  add_container c2
  must chain add c2 "$(network one "$(bridge_plugin one 1 '{internal: true, gatewayMode: "isolated"}')")"
  assert_equal "$(host ip -4 -j addr | jq '[.[].addr_info[]?.local | select(startswith("10.1."))] | length')" 0
  assert_silence host tcp 10.1.0.2 80
  assert_silence outside tcp 10.1.0.2 80
  assert_answer c1 c2 tcp 10.1.0.2 80
  must_fail 7 cni add c2 "$(bridge_plugin two 2 '{cniVersion: "1.1.0", name: "two", gatewayMode: "isolated"}')"
  assert_json '.msg == "gatewayMode isolated needs an internal network"'
}

@test "isolation: icc off keeps containers of one network apart, whatever br_netfilter says" {
  start c1 one 1 '{icc: false, isolate: true, ipMasq: true}' 8080:80
  start c2 one 1 '{icc: false, isolate: true, ipMasq: true}'
  for filter in 0 1; do
    bridge_filter $filter
    assert_silence c2 tcp 10.1.0.2 80
    assert_silence c2 udp fd00:1::2 80
    assert_answer c1 host tcp 10.1.0.2 80
    assert_answer c1 outside tcp 192.0.2.1 8080
    assert_answer outside c2 tcp 192.0.2.2 7000
  done
}

@test "isolation: one bridge is isolated in one way, the latest that its network says" {
  start c1 one 1 '{isolate: true}'
  add_container c2 c3
  run cni add c2 "$(bridge_plugin other 1 '{cniVersion: "1.1.0", name: "other", gatewayMode: "nat"}')"
  assert_json '.code == 100 and .msg == "Cannot isolate br1: network one does it in another way"'
  must cni add c3 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one", gatewayMode: "nat"}')"
  assert_silence outside tcp 10.1.0.2 80
}

@test "isolation: it goes with the last container of the network" {
  start c1 one 1 '{gatewayMode: "nat", ipMasq: true}' 8080:80
  start c2 two 2 '{isolate: true, ipMasq: true}'
  must chain del c1 "$(network one "$(bridge_plugin one 1 '{gatewayMode: "nat", ipMasq: true}')")"
  run host nft list table inet berth
  [[ $output != *br1* && $output != *10.1.0* && $output == *br2* ]]
  NETNS='' must chain del c2 "$(network two "$(bridge_plugin two 2 '{isolate: true, ipMasq: true}')")"
  assert_equal "$(host nft --stateless list ruleset)" ""
}

@test "isolation: what is not ours passes" {
  start c1 one 1 '{gatewayMode: "nat"}'
  # A link and an address of somebody else's, reached through this host.
  add_container other
  host sh -ec 'ip link add foreign type veth peer name eth0 netns other
    ip address add 10.9.0.1/24 dev foreign && ip link set foreign up
    ip -n other address add 10.9.0.2/24 dev eth0 && ip -n other link set eth0 up && ip -n other route add default via 10.9.0.1'
  serve other 80
  assert_answer "other 192.0.2.2" outside tcp 10.9.0.2 80
  assert_answer "outside 10.9.0.2" other udp 192.0.2.2 7000
  assert_answer "other 10.1.0.2" c1 tcp 10.9.0.2 80
  assert_silence other tcp 10.1.0.2 80
}

@test "isolation: macspoofchk lets a container send under its own MAC alone" {
  start c1 one 1 '{macspoofchk: true}'
  add_container c2
  must chain add c2 "$(network one "$(bridge_plugin one 1)")"
  assert_answer c1 c2 tcp 10.1.0.2 80
  inside c1 ip link set eth0 address 02:42:00:00:00:99
  inside c2 ip neigh flush all
  assert_silence c2 tcp 10.1.0.2 80
  # Frames of others on the bridge are not looked at.
  inside c2 ip link set eth0 address 02:42:00:00:00:98
  must inside c2 ping -c 1 -W 2 10.1.0.1
  NETNS='' must chain del c1 "$(network one "$(bridge_plugin one 1 '{macspoofchk: true}')")"
  assert_equal "$(host nft --stateless list ruleset)" ""
}
