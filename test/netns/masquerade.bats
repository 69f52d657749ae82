#!/usr/bin/env bats
# ipMasq, proved by packets: `outside` has no route to any container.
load helpers
load traffic

setup() {
  make_host
  add_uplink
  serve outside 7000
}

start() {
  add_container "$1"
  must chain add "$1" "$(network "$2" "$(bridge_plugin "$2" "$3" "$4")")"
  serve "$1" 80
}

@test "masquerade: the outside sees the host, of both families" {
  start c1 one 1 '{ipMasq: true}'
  for protocol in tcp udp; do
    assert_answer "outside 192.0.2.1" c1 $protocol 192.0.2.2 7000
    assert_answer "outside 2001:db8::1" c1 $protocol 2001:db8::2 7000
  done
  start c2 two 2 '{}'
  assert_silence c2 tcp 192.0.2.2 7000
}

@test "masquerade: neighbours see each other, whatever br_netfilter says" {
  start c1 one 1 '{ipMasq: true}'
  start c2 one 1 '{ipMasq: true}'
  for filter in 0 1; do
    bridge_filter $filter
    assert_answer "c1 10.1.0.3" c2 tcp 10.1.0.2 80
    assert_answer "c1 fd00:1::3" c2 udp fd00:1::2 80
  done
}

@test "masquerade: multicast keeps its source" {
  start c1 one 1 '{ipMasq: true}'
  [[ $(host nft list chain inet berth postrouting) == *"ip daddr 224.0.0.0/4 return"*"ip saddr vmap @masquerade4"* ]]
  [[ $(host nft list chain inet berth postrouting) == *"ip6 daddr ff00::/8 return"*"ip6 saddr vmap @masquerade6"* ]]
}

@test "masquerade: a source address of choice" {
  host ip address add 192.0.2.7/24 dev uplink
  host ip address add 2001:db8::7/64 dev uplink nodad
  start c1 one 1 '{ipMasq: true, snatIP: "192.0.2.7", snatIPv6: "2001:db8::7"}'
  start c2 two 2 '{ipMasq: true}'
  assert_answer "outside 192.0.2.7" c1 tcp 192.0.2.2 7000
  assert_answer "outside 2001:db8::7" c1 udp 2001:db8::2 7000
  assert_answer "outside 192.0.2.1" c2 tcp 192.0.2.2 7000
}

@test "masquerade: networks with overlapping subnets" {
  start c1 one 1 '{ipMasq: true}'
  add_container c2
  wide='{"type":"bridge","bridge":"br8","isDefaultGateway":true,"ipMasq":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.0.0.0/8","rangeStart":"10.8.0.2","gateway":"10.8.0.1"}]]}}'
  must chain add c2 "$(network wide "$wide")"
  assert_answer "outside 192.0.2.1" c1 tcp 192.0.2.2 7000
  assert_answer "outside 192.0.2.1" c2 tcp 192.0.2.2 7000
}

@test "defect 2: DEL without a namespace leaves no rule" {
  start c1 one 1 '{ipMasq: true, macspoofchk: true}'
  remove_container c1
  NETNS='' must chain del c1 "$(network one "$(bridge_plugin one 1 '{ipMasq: true}')")"
  assert_equal "$(host nft --stateless list ruleset)" ""
}

@test "defect 2: nor does one of ptp, nor one whose network has another configuration by now" {
  add_container c1
  ptp='{cniVersion: "1.0.0", name: "two", type: "ptp", ipMasq: true,
    ipam: {type: "host-local", ranges: [[{subnet: "10.2.0.0/24"}], [{subnet: "fd00:2::/64"}]]}}'
  must cni add c1 "$(jq -nc "$ptp")"
  IFNAME=eth1 must chain add c1 "$(network one "$(bridge_plugin one 1 '{ipMasq: true, macspoofchk: true}')")"
  remove_container c1
  NETNS='' PREVIOUS=no must cni del c1 "$(jq -nc "$ptp + {ipMasq: false}")"
  IFNAME=eth1 NETNS='' must chain del c1 "$(network one "$(bridge_plugin one 1 '{}')")"
  assert_equal "$(host nft --stateless list ruleset)" ""
}

@test "defect 5: two interfaces of one container: DEL of one leaves the other's rules" {
  start c1 one 1 '{ipMasq: true}'
  IFNAME=eth1 must chain add c1 "$(network one "$(bridge_plugin one 1 '{ipMasq: true}')")"
  assert_equal "$(host nft -j list map inet berth masquerade4 | jq '.nftables[1].map.elem | length')" 2
  IFNAME=eth1 must chain del c1 "$(network one "$(bridge_plugin one 1 '{ipMasq: true}')")"
  assert_answer "outside 192.0.2.1" c1 tcp 192.0.2.2 7000
}

@test "defect 18: macspoofchk is two elements, whatever number of containers there is" {
  start c1 one 1 '{macspoofchk: true}'
  rules() { host nft -j list table bridge berth | jq '[.nftables[] | select(.rule)] | length'; }
  assert_equal "$(rules)" 1
  start c2 one 1 '{macspoofchk: true}'
  assert_equal "$(rules)" 1
  assert_equal "$(host nft -j list set bridge berth macs | jq '.nftables[1].set.elem | length')" 2
  NETNS='' must chain del c2 "$(network one "$(bridge_plugin one 1 '{macspoofchk: true}')")"
  assert_equal "$(host nft -j list set bridge berth macs | jq '.nftables[1].set.elem | length')" 1
}
