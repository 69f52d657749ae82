#!/usr/bin/env bats
# Docker's macvlan driver. VLANs and dummy links as masters are tested in test/kernel, since this kernel has neither.
load helpers

setup() {
  make_host
  add_uplink
  # Where Berth's own IPAM plugins are not built, the Go suite's serve.
  SEARCH=$BERTH_BIN:$GO_BIN
}

# What of the host's could stay behind: the kernel itself gives the uplink its link-local address and changes its counters.
made() { snapshot | grep -Ev '^var|^run|fe80::|^\{.*"ifname":"uplink"|last_reserved'; }

# lan [KEYS]: a network on the segment that the host's uplink is on.
lan() {
  jq -nc '{cniVersion: "1.1.0", name: "lan", type: "macvlan", master: "uplink", ipam: {type: "host-local", ranges: [
    [{subnet: "192.0.2.0/24", rangeStart: "192.0.2.10", gateway: "192.0.2.2"}],
    [{subnet: "2001:db8::/64", rangeStart: "2001:db8::10", gateway: "2001:db8::2"}]],
    routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}} + '"${1:-{\}}"
}

@test "macvlan: a container has its own MAC and address on the segment of its master" {
  add_container c1
  must cni add c1 "$(lan)"
  assert_json '.interfaces | length == 1 and .[0].name == "eth0" and .[0].sandbox == "/run/netns/c1"'
  assert_json '[.ips[] | [.address, .interface]] == [["192.0.2.10/24", 0], ["2001:db8::10/64", 0]]'
  assert_equal "$(jq -r '.interfaces[0].mac' <<<"$output")" "02:42:c0:00:02:0a"
  assert_equal "$(inside c1 ip -j -d link show eth0 | jq -c '.[0] | [.linkinfo.info_kind, .linkinfo.info_data.mode, .address, .ifalias]')" \
    '["macvlan","bridge","02:42:c0:00:02:0a","berth/lan/c1/eth0"]'
  must inside c1 ping -c 1 -W 2 192.0.2.2
  must inside c1 ping -c 1 -W 2 2001:db8::2
  assert_match "$(inside c1 ip route)" "default via 192.0.2.2 dev eth0"
  must cni check c1 "$(lan)"
  must cni del c1 "$(lan)"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
}

@test "macvlan: modes bridge and private, to each other and to the host" {
  add_container c1 c2
  must cni add c1 "$(lan)"
  must cni add c2 "$(lan)"
  must inside c1 ping -c 1 -W 2 192.0.2.11
  run ! inside c1 ping -c 1 -W 1 192.0.2.1
  must cni del c1 "$(lan)"
  must cni del c2 "$(lan)"
  must cni add c1 "$(lan '{mode: "private"}')"
  must cni add c2 "$(lan '{mode: "private"}')"
  must inside c1 ping -c 1 -W 2 192.0.2.2
  run ! inside c1 ping -c 1 -W 1 192.0.2.13
  must cni del c1 "$(lan)"
  must cni add c1 "$(lan '{mode: "vepa"}')"
  assert_equal "$(inside c1 ip -j -d link show eth0 | jq -r '.[0].linkinfo.info_data.mode')" vepa
}

@test "macvlan: passthru has its master alone: another container gets a clear error" {
  add_container c1 c2
  must cni add c1 "$(lan '{mode: "passthru"}')"
  before=$(made)
  for mode in passthru bridge; do
    must_fail 7 cni add c2 "$(lan "{mode: \"$mode\"}")"
    assert_json '(.msg | contains("uplink")) and (.details | contains("passthru"))'
    assert_equal "$(inside c2 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
    assert_equal "$(made)" "$before"
  done
  must cni del c1 "$(lan '{mode: "passthru"}')"
  must cni add c2 "$(lan '{mode: "passthru"}')"
}

@test "macvlan: hostAccess lets the host and its containers reach each other, and others still reach both" {
  add_container c1 c2
  before=$(made)
  config=$(lan '{hostAccess: true}')
  must cni add c1 "$config"
  must cni add c2 "$config"
  must host ping -c 1 -W 2 192.0.2.10
  must host ping -c 1 -W 2 192.0.2.11
  must host ping -c 1 -W 2 2001:db8::10
  must inside c1 ping -c 1 -W 2 192.0.2.1
  must inside c1 ping -c 1 -W 2 2001:db8::1
  must inside c1 ping -c 1 -W 2 192.0.2.11
  must inside outside ping -c 1 -W 2 192.0.2.10
  # The segment finds the host at its own MAC, not at the shim's.
  inside outside ip neigh flush dev eth0
  must inside outside ping -c 1 -W 2 192.0.2.1
  assert_equal "$(inside outside ip -j neigh show 192.0.2.1 | jq -r '.[0].lladdr')" \
    "$(host ip -j link show uplink | jq -r '.[0].address')"
  must cni del c1 "$config"
  assert_equal "$(host ip route show 192.0.2.10)" ""
  must host ping -c 1 -W 2 192.0.2.11
  must cni del c2 "$config"
  assert_equal "$(made)" "$before"
}

@test "macvlan: hostAccess without an address of the host's in the subnet" {
  add_container c1
  other=$(lan '{hostAccess: true, ipam: {type: "host-local", subnet: "198.51.100.0/24"}}')
  before=$(made)
  must_fail 7 cni add c1 "$other"
  assert_json '.details | contains("hostAddresses")'
  assert_equal "$(made)" "$before"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  with_address=$(jq -c '.hostAddresses = ["198.51.100.200"]' <<<"$other")
  must cni add c1 "$with_address"
  must host ping -c 1 -W 2 "$(jq -r '.ips[0].address | split("/")[0]' <<<"$output")"
  must cni del c1 "$with_address"
  assert_equal "$(made)" "$before"
}

@test "macvlan: GC takes away the host's way to containers that are not valid any more" {
  add_container c1 c2
  config=$(lan '{hostAccess: true}')
  must cni add c1 "$config"
  must cni add c2 "$config"
  remove_container c1
  # host-local of the Go suite knows no GC, and says so by success.
  must cni gc any "$(jq -c '. + {"cni.dev/valid-attachments": [{containerID: "c2", ifname: "eth0"}]}' <<<"$config")"
  assert_equal "$(host ip route show 192.0.2.10)" ""
  must host ping -c 1 -W 2 192.0.2.11
  must cni gc any "$config"
  assert_equal "$(host ip -j link | jq -c '[.[].ifname | select(startswith("shim"))]')" '[]'
}

@test "macvlan: internal has no way out" {
  add_container c1
  must cni add c1 "$(lan '{internal: true}')"
  assert_json '(has("routes") | not) and all(.ips[]; has("gateway") | not)'
  assert_equal "$(inside c1 ip route show default)" ""
  assert_equal "$(inside c1 ip -6 route show default)" ""
  must inside c1 ping -c 1 -W 2 192.0.2.2
}

@test "macvlan: without ipam it is a link without addresses" {
  add_container c1
  config=$(lan | jq -c 'del(.ipam)')
  must cni add c1 "$config"
  assert_json 'has("ips") | not'
  assert_match "$(inside c1 ip link show eth0)" "state UP"
  must cni check c1 "$config"
  must cni del c1 "$config"
}

@test "macvlan: without master it stands on the link of the default route" {
  add_container c1
  host ip route add default via 192.0.2.2
  config=$(lan | jq -c 'del(.master)')
  must cni add c1 "$config"
  must inside c1 ping -c 1 -W 2 192.0.2.2
  host ip route del default
  host ip -6 route add default via 2001:db8::2
  must cni check c1 "$config"
  host ip -6 route del default
  must cni del c1 "$config"
  must_fail 7 cni add c1 "$config"
  assert_match "$(jq -r .msg <<<"$output")" "no default route interface found"
}

@test "macvlan: a master inside the container" {
  add_container c1
  host ip link add up1 type veth peer name inner netns c1
  host ip link set up1 up
  inside c1 ip link set inner up
  config=$(lan '{linkInContainer: true, master: "inner"}')
  must cni add c1 "$config"
  assert_equal "$(inside c1 ip -j link show eth0 | jq -r '.[0].link')" inner
  must cni check c1 "$config"
  must cni del c1 "$config"
  must_fail 7 cni add c1 "$(lan '{linkInContainer: true}')"
  must_fail 7 cni add c1 "$(lan '{linkInContainer: true, master: "inner", hostAccess: true}')"
}

@test "macvlan: the MAC asked for, and the MTU" {
  add_container c1
  must cni add c1 "$(lan '{mtu: 1400, mac: "02:00:00:00:00:01"}')"
  assert_equal "$(inside c1 ip -j link show eth0 | jq -c '.[0] | [.mtu, .address]')" '[1400,"02:00:00:00:00:01"]'
  must cni del c1 "$(lan)"
  ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02" must cni add c1 "$(lan '{mac: "02:00:00:00:00:01"}')"
  assert_json '.interfaces[0].mac == "02:00:00:00:00:02"'
  must cni del c1 "$(lan)"
  ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02" must cni add c1 "$(lan '{runtimeConfig: {mac: "02-00-00-00-00-03"}}')"
  assert_json '.interfaces[0].mac == "02:00:00:00:00:03"'
  must cni del c1 "$(lan)"
  must_fail 7 cni add c1 "$(lan '{mac: "01:00:00:00:00:01"}')"
}

@test "macvlan: bad input is a clear error, and nothing changes" {
  add_container c1
  before=$(made)
  local -A bad=(
    ['{mode: "brigde"}']='mode: found "brigde", allowed: "bridge", "private", "vepa", "passthru"'
    ['{master: "eth9"}']='master: found "eth9"'
    ['{master: "uplink.5000"}']='a VLAN id from 1 to 4094'
    ['{master: "uplink.0"}']='a VLAN id from 1 to 4094'
    ['{master: "eth9.100"}']='master: found "eth9.100"'
    ['{master: "lo"}']='master: found "lo"'
    ['{mtu: 1501}']='mtu: found 1501, allowed: an integer from 0 to 1500, the MTU of uplink'
    ['{mtu: -1}']='mtu: found -1'
    ['{mtu: "1400"}']='mtu: found "1400"'
    ['{hostAccess: true, mode: "private"}']='mode: found "private"'
    ['{hostAddresses: ["192.0.2.9"]}']='hostAddresses: found ["192.0.2.9"]'
    ['{hostAccess: true, hostAddresses: ["192.0.2.9/24"]}']='hostAddresses[0]: found "192.0.2.9/24"'
    ['{mac: "02:00:00"}']='mac: found "02:00:00"'
  )
  for keys in "${!bad[@]}"; do
    must_fail 7 cni add c1 "$(lan "$keys")"
    assert_equal "$(jq -r --arg expected "${bad[$keys]}" '.details | contains($expected)' <<<"$output")" true ||
      fail "$keys: $output"
    assert_equal "$(made)" "$before"
    assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  done
}

@test "macvlan: a name that the container has is refused, and the link of that name stays" {
  add_container c1
  inside c1 ip link add eth0 type bridge
  must_fail 4 cni add c1 "$(lan)"
  assert_equal "$(inside c1 ip -j -d link show eth0 | jq -r '.[0].linkinfo.info_kind')" bridge
  must cni del c1 "$(lan)"
  assert_equal "$(inside c1 ip -j -d link show eth0 | jq -r '.[0].linkinfo.info_kind')" bridge
}

@test "macvlan: defect 11: an ADD that fails late gives its address back" {
  add_container c1
  # A gateway that is not on the link makes the route fail, which comes last.
  config=$(lan '{ipam: {type: "host-local", subnet: "192.0.2.0/24", routes: [{dst: "203.0.113.0/24", gw: "198.51.100.1"}]}}')
  must_fail 999 cni add c1 "$config"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(host find /var/lib/cni/networks/lan -name '192.*')" ""
}

@test "macvlan: DEL without namespace, without prevResult, without master, and twice" {
  add_container c1
  config=$(lan '{hostAccess: true}')
  must cni add c1 "$config"
  remove_container c1
  host ip link del uplink
  NETNS='' PREVIOUS=no must cni del c1 "$config"
  assert_equal "$(host find /var/lib/cni/networks/lan /run/berth -name '192.*' -o -name '*+c1+*')" ""
  must cni del c1 "$config"
  must cni del c1 "$(lan '{mode: "unknown"}')"
}

@test "macvlan: CHECK finds what is not as ADD left it" {
  add_container c1
  must cni add c1 "$(lan)"
  must_fail 999 cni check c1 "$(lan '{mode: "private"}')"
  inside c1 ip address del 192.0.2.10/24 dev eth0
  must_fail 999 cni check c1 "$(lan)"
  inside c1 ip address add 192.0.2.10/24 dev eth0
  must_fail 999 cni check c1 "$(lan)"
  assert_match "$(jq -r .details <<<"$output")" "0.0.0.0/0"
  inside c1 ip route add default via 192.0.2.2
  must cni check c1 "$(lan)"
  PREVIOUS=no must_fail 7 cni check c1 "$(lan)"
  inside c1 ip link del eth0
  must_fail 999 cni check c1 "$(lan)"
}

@test "macvlan: STATUS tells of a master that is missing or down" {
  must cni status any "$(lan)"
  must_fail 50 cni status any "$(lan '{master: "eth9"}')"
  must_fail 50 cni status any "$(lan | jq -c 'del(.master)')"
  host ip link set uplink down
  must_fail 50 cni status any "$(lan)"
  add_container c1
  must_fail 7 cni add c1 "$(lan)"
}

@test "macvlan: defect 34: DNS of the IPAM plugin is kept, the configuration's wins" {
  add_container c1
  echo 'nameserver 192.0.2.53' >"$BATS_TEST_TMPDIR/resolv.conf"
  with_dns=$(lan | jq -c --arg file "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $file')
  must cni add c1 "$with_dns"
  assert_json '.dns.nameservers == ["192.0.2.53"]'
  must cni del c1 "$with_dns"
  must cni add c1 "$(jq -c '.dns = {nameservers: ["192.0.2.54"]}' <<<"$with_dns")"
  assert_json '.dns.nameservers == ["192.0.2.54"]'
}

@test "macvlan: every version of the specification" {
  add_container c1
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    config=$(lan | jq -c --arg version "$version" '.cniVersion = $version')
    must cni add c1 "$config"
    assert_json ".cniVersion == \"$version\""
    must cni del c1 "$config"
  done
}

@test "macvlan: defect 21: the segment learns the container's MAC at once" {
  add_container c1 c2
  config=$(lan '{mac: "02:00:00:00:00:01"}')
  fixed=$(jq -c '.ipam = {type: "static", addresses: [{address: "192.0.2.50/24"}, {address: "2001:db8::50/64"}]}' <<<"$config")
  must cni add c1 "$fixed"
  must inside outside ping -c 1 -W 2 192.0.2.50
  must inside outside ping -c 1 -W 2 2001:db8::50
  must cni del c1 "$fixed"
  must cni add c2 "$(jq -c '.mac = "02:00:00:00:00:02"' <<<"$fixed")"
  assert_equal "$(inside outside ip -j neigh show 192.0.2.50 | jq -r '.[0].lladdr')" 02:00:00:00:00:02
  assert_equal "$(inside outside ip -j neigh show 2001:db8::50 | jq -r '.[0].lladdr')" 02:00:00:00:00:02
}

@test "macvlan: ten ADDs and DELs at once" {
  config=$(lan '{hostAccess: true}')
  before=$(made)
  for i in {1..10}; do add_container "c$i"; done
  local pids=()
  for i in {1..10}; do cni add "c$i" "$config" >/dev/null 3>&- & pids+=($!); done
  wait "${pids[@]}"
  for i in {1..10}; do must host ping -c 1 -W 2 "192.0.2.$((9 + i))"; done
  pids=()
  for i in {1..10}; do cni del "c$i" "$config" 3>&- & pids+=($!); done
  wait "${pids[@]}"
  for i in {1..10}; do remove_container "c$i"; done
  assert_equal "$(made)" "$before"
}

@test "macvlan: a master that has the name of the container's interface" {
  add_container c1
  host ip link set uplink down
  host ip link set uplink name eth0
  host ip link set eth0 up
  config=$(lan '{master: "eth0"}')
  must cni add c1 "$config"
  must inside c1 ping -c 1 -W 2 192.0.2.2
  must cni check c1 "$config"
  must cni del c1 "$config"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
}

@test "macvlan: defect 16: no waiting for IPv6 duplicate address detection: the first packet is answered" {
  add_container c1
  must cni add c1 "$(lan)"
  must inside c1 ping -c 1 -W 1 2001:db8::2
  assert_equal "$(inside c1 ip -j -6 address show dev eth0 tentative | jq -c '[.[] | select(.addr_info[]?.local == "2001:db8::10")]')" '[]'
}

@test "macvlan: defect 31: containers of different nodes on one segment have different MACs, the same after a restart" {
  add_container c1 node2 c2
  # A second node: its own uplink on the same segment, and its own part of the subnet.
  host ip link add to2 type veth peer name eth1 netns outside
  host sh -ec 'ip link set to2 netns node2 name uplink; ip -n node2 link set uplink up
    ip -n outside link add segment type bridge; ip -n outside link set segment up
    for port in eth0 eth1; do ip -n outside link set $port master segment up; done'
  must cni add c1 "$(lan)"
  first=$(jq -r '.interfaces[0].mac' <<<"$output")
  other='{ipam: {type: "host-local", dataDir: "/run/node2", ranges: [[{subnet: "192.0.2.0/24", rangeStart: "192.0.2.20"}]]}}'
  second() {
    CNI_COMMAND=$1 CNI_CONTAINERID=c2 CNI_NETNS=/run/netns/c2 CNI_IFNAME=eth0 CNI_PATH=$SEARCH \
      host ip netns exec node2 "$BERTH_BIN/macvlan" <<<"$(lan "$other")"
  }
  must second ADD
  mac=$(jq -r '.interfaces[0].mac' <<<"$output")
  [[ $mac != "$first" ]]
  must inside c1 ping -c 1 -W 2 192.0.2.20
  must second DEL
  host rm -r /run/node2
  must second ADD
  assert_equal "$(jq -r '.interfaces[0].mac' <<<"$output")" "$mac"
}
