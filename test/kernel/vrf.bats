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

# chained [KEYS]: the vrf plugin with the result of a bridge plugin that has just attached eth0 of c1.
chained() {
  jq -c --argjson keys "${1:-"{}"}" '{cniVersion: "1.0.0", name: "net", type: "vrf", vrfname: "blue", prevResult: .} + $keys' <<<"$attached"
}

attach_bridge() {
  add_container c1
  must cni add c1 "$(config bridge '{"bridge": "br0", "isGateway": true}')"
  attached=$output
}

# Everything in the container that vrf changes.
container() {
  inside c1 ip -j -d link | jq -c '.[] | [.ifname, .master, .linkinfo.info_kind, .linkinfo.info_data.table?]'
  { inside c1 ip -o address; inside c1 ip route show table all; inside c1 ip -6 route show table all; } |
    sed -E '/fe80|ff00::|anycast/d; s/ (nodad|linkdown)//g; s/valid_lft.*//' | sort
}

@test "routes are kept with all that they say, those of other tables in theirs" {
  beyond_go "it moves no routes until 1.4"
  attach_bridge
  inside c1 sh -ec '
    ip route add 198.51.100.0/24 via 10.1.0.9 metric 7 mtu 1300 advmss 1200
    ip route add 203.0.113.0/24 dev eth0 scope link src 10.1.0.2
    ip route add 192.0.2.0/24 nexthop via 10.1.0.8 dev eth0 weight 3 nexthop via 10.1.0.9 dev eth0
    ip route add default via 10.1.0.1 table 100
    ip -6 route add 2001:db8::/48 via fd00:1::9 metric 7
    ip -6 route add default via fd00:1::1 table 100
    ip address add 10.1.0.200/24 dev eth0'
  must cni add c1 "$(chained '{"table": 7}')"
  local routes
  routes=$(inside c1 ip route show table 7; inside c1 ip -6 route show table 7)
  assert_match "$routes" '198.51.100.0/24 via 10.1.0.9 dev eth0 metric 7 mtu 1300 advmss 1200'
  assert_match "$routes" '203.0.113.0/24 dev eth0 scope link src 10.1.0.2'
  assert_match "$routes" 'nexthop via 10.1.0.8 dev eth0 weight 3'
  assert_match "$routes" '10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2'
  assert_match "$routes" '2001:db8::/48 via fd00:1::9 dev eth0 metric 7'
  assert_match "$routes" 'fd00:1::/64 dev eth0'
  assert_match "$(inside c1 ip route show table 100)" 'default via 10.1.0.1 dev eth0'
  assert_match "$(inside c1 ip -6 route show table 100)" 'default via fd00:1::1 dev eth0'
  assert_match "$(inside c1 ip -o address show dev eth0)" '10.1.0.200/24'
}

@test "behind ptp: the host as gateway, in the subnet and link-local" {
  beyond_go "it moves no routes until 1.4"
  add_container c1
  local list ipam
  for ipam in '{"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00:1::/64"}]], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}' \
    '{"type": "static", "addresses": [{"address": "10.1.0.2/32"}, {"address": "fd00:1::2/128"}], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}'; do
    list=$(jq -nc --argjson ipam "$ipam" '{cniVersion: "1.0.0", name: "net", plugins: [{type: "ptp", $ipam}, {type: "vrf", vrfname: "blue"}]}')
    must chain add c1 "$list"
    host ip address replace 192.0.2.9/32 dev lo
    host ip address replace 2001:db8::9/128 dev lo
    must inside c1 ping -I blue -c 1 -W 3 192.0.2.9
    must inside c1 ping -I blue -c 1 -W 3 2001:db8::9
    must chain check c1 "$list"
    must chain del c1 "$list"
    has_no_link blue c1
  done
}

@test "IPv6 addresses are kept where the kernel drops them, and usable at once" {
  beyond_go "it waits for duplicate address detection"
  attach_bridge
  inside c1 sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down'
  inside c1 ip address add fd00:7::7/64 dev eth0
  until [[ -z $(inside c1 ip -6 -o address show dev eth0 tentative) ]]; do sleep 0.1; done
  must cni add c1 "$(chained)"
  assert_match "$(inside c1 ip -6 -o address show dev eth0)" 'fd00:1::2/64'
  assert_match "$(inside c1 ip -6 -o address show dev eth0)" 'fd00:7::7/64'
  assert_equal "$(inside c1 ip -6 -o address show dev eth0 tentative scope global)" ""
  must inside c1 ping -I blue -c 1 -W 3 fd00:1::1
}

@test "defect 11: the last step fails: the interface is as before" {
  beyond_go "defect 11"
  attach_bridge
  # A route whose source is an address of another link, which is not in the VRF, cannot follow.
  inside c1 sh -ec 'ip link add other type veth peer name far && ip link set other up && ip link set far up
    ip address add fd00:7::1/64 dev other nodad && ip -6 route add 2001:db8:9::/48 dev eth0 src fd00:7::1
    ip route add 198.51.100.0/24 via 10.1.0.9'
  local before
  before=$(container)
  must_fail_any cni add c1 "$(chained)"
  assert_equal "$(container)" "$before"
  assert_equal "$(host ls -A /run/berth/vrfs)" ""
}

@test "defect 4: DEL without CNI_NETNS, and with a configuration that ADD refuses" {
  beyond_go "defect 4"
  attach_bridge
  must cni add c1 "$(chained)"
  NETNS='' PREVIOUS=no must cni del c1 "$(chained | jq -c 'del(.prevResult)')"
  has_no_link blue c1
  must cni add c1 "$(chained)"
  must cni del c1 "$(chained '{"vrfname": "", "table": -1}')"
  has_no_link blue c1
  # DEL does not take away the interface, nor what else it is a port of.
  has_link eth0 c1
  inside c1 ip link add red type vrf table 5
  inside c1 ip link set eth0 master red
  must cni del c1 "$(chained)"
  assert_equal "$(link eth0 c1 | jq -r .master)" red
}

@test "CHECK finds what is not as ADD left it, and passes for routes in the VRF (defect 26)" {
  beyond_go "defect 26"
  local list
  list=$(vrf_list '{"vrfname": "blue", "table": 7}')
  add_container c1
  must chain add c1 "$list"
  must chain check c1 "$list"
  inside c1 ip link set eth0 nomaster
  must_fail_any chain check c1 "$list"
  inside c1 ip link set eth0 master blue
  # Routes are gone with that.
  must_fail_any chain check c1 "$list"
  inside c1 sh -c 'ip route add default via 10.1.0.1 table 7; ip -6 route add default via fd00:1::1 table 7; ip address replace fd00:1::2/64 dev eth0 nodad'
  must chain check c1 "$list"
  inside c1 ip link set blue down
  must_fail_any chain check c1 "$list"
  must_fail_any chain check c1 "$(jq -c '.plugins[1].table = 8' <<<"$list")"
}

@test "GC removes the VRFs of what is of no valid attachment, STATUS passes" {
  beyond_go "it has no GC"
  attach_bridge
  must cni add c1 "$(chained '{"cniVersion": "1.1.0"}')"
  local gc='{"cniVersion": "1.1.0", "name": "net", "type": "vrf", "vrfname": "blue"}'
  must cni gc any "$(jq -c '."cni.dev/valid-attachments" = [{containerID: "c1", ifname: "eth0"}]' <<<"$gc")"
  has_link blue c1
  must cni gc any "$gc"
  has_no_link blue c1
  assert_equal "$(host ls -A /run/berth/vrfs)" ""
  must cni status any "$gc"
}

@test "as with the Go suite: tables, addresses and the kernel's routes; each removes what the other made" {
  attach_bridge
  local go ours keys='{"table": 7}'
  BIN=$GO_BIN must cni add c1 "$(chained "$keys")"
  go=$(container)
  must cni check c1 "$(chained "$keys")"
  must cni del c1 "$(chained "$keys")"
  has_no_link blue c1
  must cni del c1 "$(config bridge '{"bridge": "br0"}')"
  remove_container c1
  attach_bridge
  must cni add c1 "$(chained "$keys")"
  ours=$(container)
  # The second container has the next addresses.
  assert_equal "$(sed -E 's/(10\.1\.0|fd00:1:):?[.:][0-9]+/\1.N/g' <<<"$ours")" "$(sed -E 's/(10\.1\.0|fd00:1:):?[.:][0-9]+/\1.N/g' <<<"$go")"
  BIN=$GO_BIN must cni del c1 "$(chained "$keys")"
  has_no_link blue c1
  # The table is chosen as there.
  BIN=$GO_BIN must cni add c1 "$(chained '{"vrfname": "red"}')"
  go=$(link red c1 | jq .linkinfo.info_data.table)
  must cni del c1 "$(chained '{"vrfname": "red"}')"
  must cni add c1 "$(chained)"
  assert_equal "$(link blue c1 | jq .linkinfo.info_data.table)" "$go"
}

@test "every version of the specification that knows chains" {
  attach_bridge
  local version config
  for version in 0.3.1 0.4.0 1.0.0 1.1.0; do
    config=$(jq -c --arg version "$version" '.plugins |= map(del(.ipam.routes)) | .cniVersion = $version' <<<"$(vrf_list '{"vrfname": "blue"}')")
    [[ $version == 1.1.0 ]] && cmp -s "$BERTH_BIN/bridge" "$GO_BIN/bridge" && continue
    must cni del c1 "$(config bridge '{"bridge": "br0"}')"
    must chain add c1 "$config"
    assert_json ".cniVersion == \"$version\""
    must chain del c1 "$config"
    has_no_link blue c1
  done
}

@test "conf: 79-vrf.conflist" {
  beyond_go "it does not speak 1.1.0"
  add_container c1
  local list=$REPOSITORY/conf/79-vrf.conflist
  must chain add c1 "$list"
  must chain check c1 "$list"
  must inside c1 ping -I blue -c 1 -W 3 10.86.0.1
  must chain del c1 "$list"
  has_no_link blue c1
}
