#!/usr/bin/env bats
# The sbr plugin: what comes from an interface's address leaves by that interface. The container c1 has its default route by
# eth0 of one network, and eth1 of another, with sbr.
load helpers
load traffic

setup() {
  make_host
  add_container c1 c2
  must cni add c1 "$(network_one)"
}

# The network with the default routes: 10.9.0.0/24 and fd00:9::/64.
network_one() {
  bridge_plugin one 9 '{cniVersion: "1.1.0", name: "one", ipam: {type: "host-local", routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}],
    ranges: [[{subnet: "10.9.0.0/24"}], [{subnet: "fd00:9::/64"}]]}}'
}

# list [KEYS [BRIDGE]]: the network of 10.1.0.0/24 and fd00:1::/64 on a bridge with BRIDGE, and sbr with KEYS.
list() {
  network two "$(bridge_plugin two 1 '{isDefaultGateway: false, isGateway: true} + ('"${2:-{\}}"')')" \
    "$(jq -nc '{type: "sbr"} + ('"${1:-{\}}"')')"
}

two() { IFNAME=eth1 must chain "$@"; }

# result [KEYS]: an sbr configuration with the result of a bridge plugin that has just attached eth1.
chained() { jq -c '{cniVersion: "1.1.0", name: "two", type: "sbr", prevResult: .} + ('"${1:-{\}}"')' <<<"$attached"; }

attach() {
  IFNAME=eth1 must cni add c1 "$(bridge_plugin two 1 '{cniVersion: "1.1.0", name: "two", isDefaultGateway: false, isGateway: true} + ('"${1:-{\}}"')')"
  attached=$output
}

sbr() { IFNAME=eth1 PREVIOUS=no must cni "$1" c1 "$(chained "${2:-{\}}")"; }

rules() { inside c1 ip "-$1" rule show | sed -n 's/^[0-9]*:\tfrom \([0-9a-f].*\) lookup \(.*\)/\1 \2/p' | grep -v ^all | sort || true; }

# By table: all, or one. Without what the kernel does by itself for link-local addresses.
routes() { inside c1 ip "-$1" route show table "$2" 2>/dev/null | grep -v '^fe80' | sed -E 's/ (proto \w+|pref \w+|linkdown)//g; s/ +$//' | sort; }

# Everything in the container that sbr changes.
state() { for family in 4 6; do rules "$family"; routes "$family" all | grep -Ev 'local|multicast|anycast|broadcast'; done; }

kept() { host sh -c 'find /run/berth -type f | grep -v locks/' | grep source-routes || true; }

@test "sbr: what comes from an address goes by its interface, everything else by the default route" {
  two add c1 "$(list)"
  assert_json '[.ips[].address] == ["10.1.0.2/24", "fd00:1::2/64"]'
  assert_equal "$(rules 4)" "10.1.0.2 100"
  assert_equal "$(rules 6)" "fd00:1::2 101"
  assert_equal "$(routes 4 100)" $'10.1.0.0/24 dev eth1 scope link src 10.1.0.2\ndefault via 10.1.0.1 dev eth1'
  assert_equal "$(routes 6 101)" $'default via fd00:1::1 dev eth1 metric 1024\nfd00:1::/64 dev eth1 metric 256'
  assert_equal "$(routes 4 main | grep eth1 || true)" ""
  assert_equal "$(routes 6 main | grep eth1 || true)" ""
  assert_match "$(inside c1 ip route get 198.51.100.1)" "via 10.9.0.1 dev eth0"
  assert_match "$(inside c1 ip route get 198.51.100.1 from 10.1.0.2)" "via 10.1.0.1 dev eth1"
  assert_match "$(inside c1 ip -6 route get 2001:db8::1)" "via fd00:9::1 dev eth0"
  assert_match "$(inside c1 ip -6 route get 2001:db8::1 from fd00:1::2)" "via fd00:1::1 dev eth1"
  # Packets, too, and link-local addresses as before.
  must inside c1 ping -c 1 -W 2 -I 10.1.0.2 10.1.0.1
  must inside c1 ping -c 1 -W 2 -I fd00:1::2 fd00:1::1
  assert_match "$(inside c1 ip -6 route show table main fe80::/64)" "dev eth1"
  two check c1 "$(list)"
  two del c1 "$(list)"
  assert_equal "$(rules 4)$(rules 6)" ""
  assert_equal "$(kept)" ""
  assert_equal "$(host find /run/berth/locks -name 'container-*')" ""
}

@test "sbr: each address has a table of its own, the first that are free" {
  inside c1 ip rule add from 192.0.2.7 table 100
  inside c1 ip route add 192.0.2.0/24 via 10.9.0.1 table 102
  # A table may hold routes of the other family alone.
  inside c1 ip -6 route add 2001:db8:7::/48 via fd00:9::1 table 103
  two add c1 "$(list '{}' '{ipam: {type: "static", addresses: [{address: "10.1.0.7/24", gateway: "10.1.0.1"},
    {address: "10.2.0.7/24", gateway: "10.2.0.1"}, {address: "fd00:1::7/64", gateway: "fd00:1::1"}]}}')"
  assert_equal "$(rules 4)" $'10.1.0.7 101\n10.2.0.7 104\n192.0.2.7 100'
  assert_equal "$(rules 6)" "fd00:1::7 105"
  # Each table has the routes of its address.
  assert_equal "$(routes 4 104)" $'10.2.0.0/24 dev eth1 scope link src 10.2.0.7\ndefault via 10.2.0.1 dev eth1'
  two del c1 "$(list)"
  assert_equal "$(rules 4)" "192.0.2.7 100"
  assert_equal "$(routes 4 102)" "192.0.2.0/24 via 10.9.0.1 dev eth0"
}

@test "sbr: routes of the interface go to the table that their gateway or source is of" {
  attach '{ipam: {type: "static", routes: [{dst: "198.51.100.0/24", gw: "10.1.0.9", mtu: 1300, priority: 7}, {dst: "203.0.113.0/24", gw: "10.2.0.9"}],
    addresses: [{address: "10.1.0.7/24", gateway: "10.1.0.1"}, {address: "10.2.0.7/24", gateway: "10.2.0.1"}, {address: "fd00:1::7/64", gateway: "fd00:1::1"}]}}'
  inside c1 ip route add 192.0.2.0/24 nexthop via 10.1.0.8 dev eth1 weight 3 nexthop via 10.1.0.9 dev eth1
  inside c1 ip route add 192.0.3.0/24 dev eth1
  inside c1 ip -6 route add 2001:db8:7::/48 via fe80::9 dev eth1
  before=$(state)
  sbr add
  assert_match "$(routes 4 100)" '198.51.100.0/24 via 10.1.0.9 dev eth1 metric 7 mtu 1300'
  assert_match "$(routes 4 100)" 'nexthop via 10.1.0.8 dev eth1 weight 3'
  assert_match "$(routes 4 101)" '203.0.113.0/24 via 10.2.0.9 dev eth1'
  run ! grep -q 203.0.113 <<<"$(routes 4 100)"
  # What is of no subnet is of all.
  assert_match "$(routes 4 100)" '192.0.3.0/24 dev eth1'
  assert_match "$(routes 4 101)" '192.0.3.0/24 dev eth1'
  assert_match "$(routes 6 102)" '2001:db8:7::/48 via fe80::9 dev eth1'
  # Routes of other links stay.
  assert_match "$(routes 4 main)" 'default via 10.9.0.1 dev eth0'
  sbr check
  sbr del
  # The interface has them back, as long as it is there.
  assert_equal "$(state)" "$before"
}

@test "sbr: behind ptp, whose gateway is in no subnet" {
  list=$(network p2p '{"type": "ptp", "ipam": {"type": "static", "addresses": [{"address": "10.1.0.7/32"}, {"address": "fd00:1::7/128"}]}}' '{"type": "sbr"}')
  two add c1 "$list"
  assert_equal "$(routes 4 100)" $'169.254.1.1 dev eth1 scope link src 10.1.0.7\ndefault via 169.254.1.1 dev eth1'
  assert_match "$(inside c1 ip -6 route show table 101)" 'default via fe80::1 dev eth1'
  assert_equal "$(routes 4 main | grep eth1 || true)" ""
  must inside c1 ping -c 1 -W 2 -I 10.1.0.7 10.9.0.1
  must inside c1 ping -c 1 -W 2 -I fd00:1::7 fd00:9::1
  two check c1 "$list"
  two del c1 "$list"
  assert_equal "$(rules 4)$(rules 6)" ""
}

@test "sbr: a default route that the interface has already moves along" {
  two add c1 "$(list '{}' '{ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]],
    routes: [{dst: "0.0.0.0/0", gw: "10.1.0.9"}, {dst: "::/0", gw: "fd00:1::9"}]}}')"
  assert_match "$(routes 4 100)" 'default via 10.1.0.9 dev eth1'
  assert_match "$(routes 6 101)" 'default via fd00:1::9 dev eth1'
  assert_equal "$(routes 4 main | grep default)" 'default via 10.9.0.1 dev eth0'
  # The kernel had made one route of both: the other way stays.
  assert_equal "$(routes 6 main | grep default)" 'default via fd00:9::1 dev eth0 metric 1024'
  two check c1 "$(list)"
}

@test "sbr: a table that somebody else fills gets the rules alone" {
  attach
  before=$(for family in 4 6; do routes "$family" main; done)
  sbr add '{table: 4000000000, gateways: ["10.1.0.77"]}'
  assert_equal "$(rules 4)/$(rules 6)" "10.1.0.2 4000000000/fd00:1::2 4000000000"
  assert_equal "$(for family in 4 6; do routes "$family" main; done)" "$before"
  assert_equal "$(routes 4 4000000000)" ""
  sbr check '{table: 4000000000}'
  IFNAME=eth1 PREVIOUS=no must_fail 999 cni check c1 "$(chained '{table: 7}')"
  # Its routes are not ours to remove.
  inside c1 ip route add 192.0.2.0/24 via 10.1.0.9 table 4000000000
  sbr del '{table: 7}'
  assert_equal "$(rules 4)$(rules 6)" ""
  assert_equal "$(routes 4 4000000000)" "192.0.2.0/24 via 10.1.0.9 dev eth1"
}

@test "defect 28: gateways that the IPAM plugin does not name" {
  attach '{isGateway: false, ipam: {type: "static", addresses: [{address: "10.1.0.7/24"}, {address: "fd00:1::7/64"}]}}'
  sbr add
  assert_equal "$(routes 4 100)" '10.1.0.0/24 dev eth1 scope link src 10.1.0.7'
  sbr del
  sbr add '{gateways: ["10.1.0.254", "fd00:1::fe"]}'
  assert_match "$(routes 4 100)" 'default via 10.1.0.254 dev eth1'
  assert_match "$(routes 6 101)" 'default via fd00:1::fe dev eth1'
  sbr check '{gateways: ["10.1.0.254", "fd00:1::fe"]}'
}

attach_again() {
  IFNAME=eth1 must cni del c1 "$(bridge_plugin two 1 '{cniVersion: "1.1.0", name: "two", ipam: {type: "static", addresses: [{address: "10.1.0.7/24"}]}}')"
  attach '{isGateway: false, ipam: {type: "static", addresses: [{address: "10.1.0.7/24"}, {address: "fd00:1::7/64"}]}}'
}

@test "defect 28: a gateway of the configuration wins, in its family" {
  attach '{ipam: {type: "host-local", routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}], ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}}'
  sbr add '{gateways: ["10.1.0.254"]}'
  assert_match "$(routes 4 100)" 'default via 10.1.0.254 dev eth1'
  assert_equal "$(routes 4 100 | grep -c default)" 1
  assert_match "$(routes 6 101)" 'default via fd00:1::1 dev eth1'
}

@test "defect 28: addSourceHints leaves the subnets in the main table, with the source to use" {
  attach '{ipam: {type: "host-local", routes: [{dst: "0.0.0.0/0"}, {dst: "198.51.100.0/24"}, {dst: "::/0"}],
    ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}}'
  before=$(state)
  sbr add '{addSourceHints: true}'
  assert_equal "$(routes 4 main | grep eth1)" '10.1.0.0/24 dev eth1 scope link src 10.1.0.2'
  assert_match "$(routes 6 main | grep eth1)" '^fd00:1::/64 dev eth1 src fd00:1::2 metric 1024$'
  assert_match "$(inside c1 ip -6 route get fd00:1::9)" "dev eth1 .*src fd00:1::2"
  assert_match "$(routes 4 100)" 'default via 10.1.0.1 dev eth1'
  sbr check '{addSourceHints: true}'
  sbr del
  assert_equal "$(state)" "$before"
}

@test "defect 4: DEL works without a namespace, leaves no file at its path, and works twice" {
  attach
  sbr add
  IFNAME=eth1 NETNS='' PREVIOUS=no must cni del c1 "$(chained | jq -c 'del(.prevResult)')"
  assert_equal "$(rules 4)$(rules 6)" ""
  assert_equal "$(kept)" ""
  sbr del
  attach_again
  sbr add
  remove_container c1
  sbr del
  run ! host ls /run/netns/c1
  assert_equal "$(kept)" ""
  IFNAME=eth1 NETNS=/run/nowhere PREVIOUS=no must cni del c1 "$(chained)"
  run ! host ls /run/nowhere
}

@test "defect 4: DEL works when the interface is gone, and with a configuration that ADD refuses" {
  attach
  sbr add
  inside c1 ip link del eth1
  sbr del '{table: "many"}'
  assert_equal "$(rules 4)$(rules 6)" ""
  assert_equal "$(kept)" ""
}

@test "defect 11: a failed ADD leaves rules and routes as they were" {
  attach
  before=$(state)
  # A gateway that is nobody's: the table's default route is refused, after the routes of the first table.
  IFNAME=eth1 PREVIOUS=no must_fail 999 cni add c1 "$(chained '{gateways: ["fd00:77::1"]}')"
  assert_equal "$(state)" "$before"
  assert_equal "$(kept)" ""
  IFNAME=eth7 PREVIOUS=no must_fail 999 cni add c1 "$(chained)"
}

@test "sbr: what the Go suite added is removed, by the addresses" {
  attach
  result=$(jq -c '.cniVersion = "1.0.0"' <<<"$attached")
  config=$(jq -c '{cniVersion: "1.0.0", name: "two", type: "sbr", prevResult: .}' <<<"$result")
  IFNAME=eth1 PREVIOUS=no BIN=$GO_BIN must cni add c1 "$config"
  [[ -n $(rules 4)$(rules 6) ]]
  IFNAME=eth1 PREVIOUS=no must cni check c1 "$config"
  inside c1 ip link del eth1
  IFNAME=eth1 PREVIOUS=no must cni del c1 "$config"
  assert_equal "$(rules 4)$(rules 6)" ""
}

@test "defect 26: CHECK of the whole list passes, and finds what is not as ADD left it" {
  list=$(list '{}' '{isDefaultGateway: true}')
  IFNAME=eth1 must_add_without_default
  two check c1 "$list"
  inside c1 ip rule del from 10.1.0.2 table 100
  IFNAME=eth1 run ! chain check c1 "$list"
  inside c1 ip rule add from 10.1.0.2 table 100
  two check c1 "$list"
  inside c1 ip -6 route flush table 101
  IFNAME=eth1 run ! chain check c1 "$list"
}

# Two default gateways in one table is what sbr is there to avoid: eth0 goes first.
must_add_without_default() {
  must cni del c1 "$(network_one)"
  must chain add c1 "$list"
}

@test "sbr: GC removes the rules of what is of no valid attachment" {
  two add c1 "$(list)"
  must chain add c2 "$(list)"
  local gc='{"cniVersion": "1.1.0", "name": "two", "type": "sbr", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]}'
  must cni gc any "$(jq -c '.name = "three"' <<<"$gc")"
  assert_equal "$(rules 4)" "10.1.0.2 100"
  must cni gc any "$gc"
  assert_equal "$(rules 4)$(rules 6)" ""
  assert_equal "$(routes 4 100)" ""
  assert_match "$(inside c2 ip rule)" "from 10.1.0.3 lookup 100"
  assert_match "$(kept)" "c2"
  must cni gc any "$(jq -c 'del(."cni.dev/valid-attachments")' <<<"$gc")"
  assert_equal "$(kept)" ""
  must cni status any "$gc"
}

@test "sbr: eight interfaces of one container at once" {
  for i in {1..8}; do
    (IFNAME="net$i" chain add c2 "$(network "n$i" "$(bridge_plugin "n$i" "2$i" '{isDefaultGateway: false, isGateway: true}')" '{"type": "sbr"}')" >/dev/null 3>&-) &
    calls+=($!)
  done
  for call in "${calls[@]}"; do wait "$call"; done
  assert_equal "$(inside c2 ip rule | grep -c 'from 10')" 8
  assert_equal "$({ inside c2 ip rule; inside c2 ip -6 rule; } | grep -oE 'lookup 1[0-9]+' | sort -u | wc -l)" 16
}

@test "sbr: every version that knows chains" {
  for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    list=$(list | jq -c --arg version "$version" '.cniVersion = $version')
    two add c1 "$list"
    assert_json ".cniVersion == \"$version\""
    assert_equal "$(rules 4 | wc -l)" 1
    two del c1 "$list"
  done
}

@test "sbr: bad input is a clear error, and nothing changes" {
  attach
  before=$(state)
  local -A bad=(
    ['{table: "100"}']='table: found \"100\", allowed: an integer'
    ['{table: 0}']='table: found 0'
    ['{gateways: ["10.1.0.1", "10.1.0.2"]}']='gateways[1]: found \"10.1.0.2\", allowed: at most one of IPv4'
    ['{gateways: ["10.1.0.256"]}']='gateways[0]: found'
    ['{gateways: "10.1.0.1"}']='gateways: found'
    ['{addSourceHints: 1}']='addSourceHints: found 1'
  )
  for keys in "${!bad[@]}"; do
    IFNAME=eth1 PREVIOUS=no must_fail 7 cni add c1 "$(chained "$keys")"
    assert_json ".details | contains(\"${bad[$keys]}\")"
    assert_equal "$(state)" "$before"
  done
  IFNAME=eth1 PREVIOUS=no must_fail 7 cni add c1 "$(chained | jq -c 'del(.prevResult)')"
  assert_json '.msg == "This plugin must be called as chained plugin"'
  IFNAME=eth1 PREVIOUS=no must_fail 7 cni add c1 "$(chained | jq -c 'del(.prevResult.ips)')"
  assert_json '.msg == "No IP addresses supplied on interface: eth1"'
  assert_equal "$(state)" "$before"
}

@test "conf: 78-sbr.conflist" {
  list=$REPOSITORY/conf/78-sbr.conflist
  two add c1 "$list"
  two check c1 "$list"
  assert_match "$(rules 4)" '^10.85.0.2 100$'
  two del c1 "$list"
}
