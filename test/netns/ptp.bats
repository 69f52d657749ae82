#!/usr/bin/env bats
# The ptp plugin: each container has a veth pair of its own to the host, which routes.
load helpers
load traffic

setup() {
  make_host
  add_uplink
  inside outside ip route add 10.1.0.0/16 via 192.0.2.1
  inside outside ip route add fd00:1::/64 via 2001:db8::1
}

# ptp [KEYS]: a network of 10.1.0.0/24 and fd00:1::/64.
ptp() {
  jq -nc '{cniVersion: "1.1.0", name: "p2p", type: "ptp", ipam: {type: "host-local",
    ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]],
    routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}} + ('"${1:-{\}}"')'
}

# static ADDRESSES [ROUTES]: the same of the static plugin.
static() {
  local routes=${2:-[]}
  ptp "{ipam: {type: \"static\", addresses: $1, routes: $routes}}"
}

# What of the host's could stay behind. That it forwards stays, and with that the kernel has anycast addresses.
made() { snapshot | grep -Ev '^var|^run|fe80::|anycast|last_reserved'; }

held() { host sh -c 'ls /var/lib/cni/networks/p2p 2>/dev/null' | grep -Ev 'lock|last_reserved' || true; }

# Until duplicate address detection on the uplink is done, the host cannot ask there for whom it forwards to.
settle() { until [[ -z $(host ip -6 -o address show dev uplink tentative) ]]; do sleep 0.05; done; }

forwards() { host cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | xargs; }

@test "ptp: containers reach the host, each other and the world by routes of the host" {
  add_container c1 c2
  before=$(made)
  must cni add c1 "$(ptp)"
  assert_json '[.interfaces[] | has("sandbox")] == [false, true] and .interfaces[1].name == "eth0"'
  assert_json '[.ips[] | [.address, .gateway, .interface]] == [["10.1.0.2/24", "10.1.0.1", 1], ["fd00:1::2/64", "fd00:1::1", 1]]'
  local port=$(jq -r '.interfaces[0].name' <<<"$output")
  assert_equal "$(host ip -j link show "$port" | jq -r '.[0] | .ifalias, .operstate')" $'berth/p2p/c1/eth0\nUP'
  assert_equal "$(forwards)" "1 1"
  must cni add c2 "$(ptp)"
  settle
  for address in 10.1.0.1 fd00:1::1 10.1.0.3 fd00:1::3 192.0.2.2 2001:db8::2; do
    must inside c1 ping -c 1 -W 2 "$address"
  done
  must host ping -c 1 -W 2 10.1.0.2
  must host ping -c 1 -W 2 fd00:1::2
  must inside outside ping -c 1 -W 2 10.1.0.2
  # Its neighbours in the subnet are behind the gateway.
  assert_match "$(inside c1 ip route get 10.1.0.3)" "via 10.1.0.1"
  assert_match "$(inside c1 ip -6 route get fd00:1::3)" "via fd00:1::1"
  must cni check c1 "$(ptp)"
  must cni del c1 "$(ptp)"
  must cni del c2 "$(ptp)"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "defect 16: no waiting for IPv6 duplicate address detection: the first packet is answered" {
  add_container c1
  must cni add c1 "$(ptp)"
  must inside c1 ping -c 1 -W 1 fd00:1::1
  must host ping -c 1 -W 1 fd00:1::2
  assert_equal "$(inside c1 ip -o address show tentative)" ""
}

@test "ptp: a gateway that the IPAM plugin does not name is the host's link-local address" {
  add_container c1
  config=$(static '[{address: "10.1.0.9/24"}, {address: "fd00:1::9/64"}]' '[{dst: "0.0.0.0/0"}, {dst: "::/0"}]')
  must cni add c1 "$config"
  assert_json '[.ips[].gateway] == ["169.254.1.1", "fe80::1"]'
  settle
  for address in 192.0.2.2 2001:db8::2 169.254.1.1; do must inside c1 ping -c 1 -W 2 "$address"; done
  must host ping -c 1 -W 2 10.1.0.9
  must host ping -c 1 -W 2 fd00:1::9
  must cni check c1 "$config"
  must cni del c1 "$config"
}

@test "ptp: single addresses, several of one family, and a gateway outside of the subnet" {
  add_container c1
  config=$(static '[{address: "10.1.0.9/32", gateway: "10.2.0.1"}, {address: "10.1.0.10/32", gateway: "10.2.0.1"},
    {address: "fd00:1::9/128", gateway: "fd00:2::1"}]' '[{dst: "0.0.0.0/0"}, {dst: "::/0"}]')
  must cni add c1 "$config"
  settle
  for address in 192.0.2.2 2001:db8::2; do must inside c1 ping -c 1 -W 2 "$address"; done
  must inside outside ping -c 1 -W 2 10.1.0.10
  must cni check c1 "$config"
  must cni del c1 "$config"
}

@test "defect 39: without ipam it is a link without addresses" {
  add_container c1
  before=$(made)
  config=$(ptp | jq -c 'del(.ipam)')
  must cni add c1 "$config"
  assert_json '(has("ips") | not) and (.interfaces | length == 2)'
  assert_equal "$(inside c1 ip -j link show eth0 | jq -r '.[0].operstate')" UP
  assert_equal "$(forwards)" "0 0"
  must cni check c1 "$config"
  must cni del c1 "$config"
  assert_equal "$(made)" "$before"
}

@test "ptp: MTU and the MAC asked for" {
  add_container c1
  must cni add c1 "$(ptp '{mtu: 1400, mac: "02:00:00:00:00:01"}')"
  assert_equal "$(inside c1 ip -j link show eth0 | jq -c '.[0] | [.mtu, .address]')" '[1400,"02:00:00:00:00:01"]'
  assert_equal "$(host ip -j link show "$(jq -r '.interfaces[0].name' <<<"$output")" | jq '.[0].mtu')" 1400
  assert_json '[.interfaces[].mtu] == [1400, 1400]'
  must cni del c1 "$(ptp)"
  ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02" must cni add c1 "$(ptp '{mac: "02:00:00:00:00:01"}')"
  assert_json '.interfaces[1].mac == "02:00:00:00:00:02"'
  must cni del c1 "$(ptp)"
  ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02" must cni add c1 "$(ptp '{runtimeConfig: {mac: "02-00-00-00-00-03"}}')"
  assert_json '.interfaces[1].mac == "02:00:00:00:00:03"'
  must cni del c1 "$(ptp)"
  # The Go suite's ptp does not look at CNI_ARGS, so nothing in them may be an error.
  ARGS="SOMETHING=else;" must cni add c1 "$(ptp | jq -c 'del(.ipam)')"
  must cni del c1 "$(ptp | jq -c 'del(.ipam)')"
}

@test "ptp: ipMasq hides the containers behind the host, and DEL without a namespace takes it back" {
  add_container c1
  inside outside ip route flush root 10.1.0.0/16
  inside outside ip -6 route flush root fd00:1::/64
  serve outside 80
  before=$(made)
  config=$(ptp '{ipMasq: true, ipMasqBackend: "iptables"}')
  must cni add c1 "$config"
  settle
  assert_answer "outside 192.0.2.1" c1 tcp 192.0.2.2 80
  assert_answer "outside 2001:db8::1" c1 tcp 2001:db8::2 80
  must cni check c1 "$config"
  remove_container c1
  NETNS='' PREVIOUS=no must cni del c1 "$config"
  assert_equal "$(made)" "$before"
}

@test "ptp: published ports lead to the container from everywhere" {
  add_container c1 c2
  serve c1 80
  config=$(ptp '{runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}')
  before=$(made)
  must cni add c1 "$config"
  must cni add c2 "$(ptp)"
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
  assert_answer "c1 2001:db8::2" outside tcp 2001:db8::1 8080
  assert_answer c1 host tcp 127.0.0.1 8080
  assert_answer c1 c1 tcp 192.0.2.1 8080
  assert_answer c1 c2 tcp 192.0.2.1 8080
  must cni check c1 "$config"
  host nft delete table inet berth
  must_fail 999 cni check c1 "$config"
  must cni del c1 "$config"
  must cni del c2 "$(ptp)"
  assert_equal "$(made)" "$before"
}

@test "ptp: isolate keeps containers apart, the host and the world reach them" {
  add_container c1 c2 c3
  config=$(ptp '{isolate: true}')
  before=$(made)
  must cni add c1 "$config"
  must cni add c2 "$config"
  must inside outside ping -c 1 -W 2 10.1.0.2
  must host ping -c 1 -W 2 10.1.0.2
  run ! inside c1 ping -c 1 -W 1 10.1.0.3
  must cni check c1 "$config"
  must cni del c1 "$config"
  must cni add c3 "$(ptp)"
  must inside c3 ping -c 1 -W 2 10.1.0.3
  must cni del c2 "$config"
  must cni del c3 "$(ptp)"
  assert_equal "$(made)" "$before"
}

@test "ptp: an internal network has no outside" {
  add_container c1
  config=$(ptp '{internal: true}')
  must cni add c1 "$config"
  must inside c1 ping -c 1 -W 2 10.1.0.1
  run ! inside c1 ping -c 1 -W 1 192.0.2.2
  run ! inside outside ping -c 1 -W 1 10.1.0.2
}

@test "defect 11: an ADD that fails at any step leaves nothing" {
  add_container c1 c2
  before=$(made)
  # A gateway that is not on the link: the routes come after the addresses.
  must_fail 999 cni add c1 "$(ptp '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [{dst: "203.0.113.0/24", gw: "198.51.100.1"}]}}')"
  assert_equal "$(made)" "$before"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(held)" ""
  # A port that is another's: the packet filter comes last.
  local ports='{runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80}]}}'
  must cni add c2 "$(ptp "$ports")"
  before=$(made)
  attempt cni add c1 "$(ptp "$ports")"
  assert_equal "$status" 1
  assert_equal "$(made)" "$before"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(held)" $'10.1.0.3\nfd00:1::2'
  # The name is taken.
  inside c1 ip link add eth0 type bridge
  must_fail 4 cni add c1 "$(ptp)"
  assert_equal "$(held)" $'10.1.0.3\nfd00:1::2'
  must cni del c1 "$(ptp)"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo","eth0"]'
}

@test "ptp: an address that another container has is refused, and stays with it" {
  add_container c1 c2
  config=$(static '[{address: "10.1.0.9/24"}]')
  must cni add c1 "$config"
  before=$(made)
  must_fail 7 cni add c2 "$config"
  assert_json '.details | contains("p2p/c1/eth0")'
  assert_equal "$(made)" "$before"
  must host ping -c 1 -W 2 10.1.0.9
}

@test "defect 21: an address that moves to another container is found there at once" {
  add_container c1 c2
  config=$(static '[{address: "10.1.0.9/24", gateway: "10.1.0.1"}, {address: "fd00:1::9/64", gateway: "fd00:1::1"}]' \
    '[{dst: "0.0.0.0/0"}, {dst: "::/0"}]')
  must cni add c1 "$config"
  must inside outside ping -c 1 -W 2 10.1.0.9
  must inside outside ping -c 1 -W 2 fd00:1::9
  must cni del c1 "$config"
  must cni add c2 "$config"
  must inside outside ping -c 1 -W 1 10.1.0.9
  must inside outside ping -c 1 -W 1 fd00:1::9
}

@test "defect 27: routes keep their MTU and advmss; a route of link scope goes by no gateway" {
  add_container c1
  config=$(ptp '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [
    {dst: "198.51.100.0/24", mtu: 1300, advmss: 1200, priority: 50}, {dst: "203.0.113.0/24", scope: 253}]}}')
  must cni add c1 "$config"
  assert_match "$(inside c1 ip route show 198.51.100.0/24)" "via 10.1.0.1 dev eth0 metric 50 mtu 1300 advmss 1200"
  assert_match "$(inside c1 ip route show 203.0.113.0/24)" "^203.0.113.0/24 dev eth0 scope link"
  must cni check c1 "$config"
}

@test "ptp: a route by a neighbour in the subnet is added, and works where the host answers for it" {
  add_container c1 c2
  config=$(ptp '{ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]], routes: [
    {dst: "198.51.100.0/24", gw: "10.1.0.3"}, {dst: "203.0.113.0/24", gw: "10.1.0.3"}, {dst: "203.0.113.0/24", gw: "10.1.0.1"},
    {dst: "2001:db8:9::/48", gw: "fd00:1::3"}]}}')
  must cni add c1 "$config"
  assert_match "$(inside c1 ip route show 198.51.100.0/24)" "via 10.1.0.3 dev eth0 onlink"
  assert_match "$(inside c1 ip route show 203.0.113.0/24)" "nexthop via 10.1.0.3 dev eth0 weight 1 onlink"
  assert_match "$(inside c1 ip -6 route show 2001:db8:9::/48)" "via fd00:1::3 dev eth0 .*onlink"
  must cni check c1 "$config"
  must cni add c2 "$(ptp)"
  inside c2 ip address add 198.51.100.7/32 dev lo
  # The host answers ARP for what it reaches by another link, and passes the packet on by its own routes.
  host sh -c 'for link in /proc/sys/net/ipv4/conf/veth*; do echo 1 >$link/proxy_arp; done'
  host ip route add 198.51.100.0/24 via 10.1.0.3 dev "$(host ip -j route get 10.1.0.3 | jq -r '.[0].dev')" onlink
  must inside c1 ping -c 1 -W 2 198.51.100.7
  must cni del c1 "$config"
}

@test "defect 4: DEL works twice, without a namespace, without a prevResult and with a configuration that ADD refuses" {
  add_container c1
  before=$(made)
  must cni add c1 "$(ptp)"
  must cni del c1 "$(ptp '{mtu: "much"}')"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
  must cni del c1 "$(ptp)"
  must cni add c1 "$(ptp)"
  remove_container c1
  PREVIOUS=no must cni del c1 "$(ptp)"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "ptp: DEL removes what the Go suite made" {
  add_container c1
  before=$(made)
  BIN=$GO_BIN must cni add c1 "$(ptp '{cniVersion: "1.0.0"}')"
  must cni del c1 "$(ptp '{cniVersion: "1.0.0"}')"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "ptp: CHECK finds what is not as ADD left it" {
  add_container c1
  config=$(ptp)
  must cni add c1 "$config"
  local port=$(jq -r '.interfaces[0].name' <<<"$output")
  inside c1 ip route del default
  must_fail 999 cni check c1 "$config"
  inside c1 ip route add default via 10.1.0.1
  must cni check c1 "$config"
  host ip address del 10.1.0.1/32 dev "$port"
  must_fail 999 cni check c1 "$config"
  assert_json '.details | contains("10.1.0.1")'
  host ip address add 10.1.0.1/32 dev "$port"
  host ip route replace 10.1.0.2/32 dev "$port"
  must cni check c1 "$config"
  host ip route del 10.1.0.2/32 dev "$port"
  must_fail 999 cni check c1 "$config"
  host ip route add 10.1.0.2/32 dev "$port"
  inside c1 ip address del fd00:1::2/64 dev eth0
  must_fail 999 cni check c1 "$config"
  PREVIOUS=no must_fail 7 cni check c1 "$config"
  inside c1 ip link del eth0
  must_fail 999 cni check c1 "$config"
}

@test "defect 26: CHECK passes where a route is in another table" {
  add_container c1
  config=$(ptp '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [{dst: "198.51.100.0/24", table: 100}]}}')
  must cni add c1 "$config"
  must cni check c1 "$config"
  inside c1 ip route flush table 100
  must_fail 999 cni check c1 "$config"
}

@test "ptp: GC removes what is of no valid attachment: links, addresses, packet filter" {
  add_container c1 c2
  config=$(ptp '{ipMasq: true}')
  before=$(made)
  must cni add c1 "$config"
  must cni add c2 "$config"
  must cni gc any "$(jq -c '. + {"cni.dev/valid-attachments": [{containerID: "c2", ifname: "eth0"}]}' <<<"$config")"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(held)" $'10.1.0.3\nfd00:1::3'
  must cni check c2 "$config"
  must cni gc any "$config"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "ptp: STATUS tells why an ADD could not be served" {
  must cni status any "$(ptp)"
  must_fail 50 cni status any "$(ptp '{ipam: {type: "nowhere"}}')"
  must_fail 7 cni status any "$(ptp '{mtu: -1}')"
  host mount -o bind,ro /proc/sys /proc/sys
  must_fail 50 cni status any "$(ptp)"
  assert_json '.msg | contains("net/ipv4/ip_forward")'
}

@test "defect 34: DNS of the IPAM plugin is kept, the configuration's wins" {
  add_container c1
  echo 'nameserver 192.0.2.53' >"$BATS_TEST_TMPDIR/resolv.conf"
  with_dns=$(ptp | jq -c --arg file "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $file')
  must cni add c1 "$with_dns"
  assert_json '.dns.nameservers == ["192.0.2.53"]'
  must cni del c1 "$with_dns"
  must cni add c1 "$(jq -c '.dns = {search: []}' <<<"$with_dns")"
  assert_json '.dns | has("nameservers") | not'
}

@test "ptp: every version of the specification" {
  add_container c1
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    config=$(ptp "{cniVersion: \"$version\"}")
    must cni add c1 "$config"
    assert_json ".cniVersion == \"$version\""
    must cni del c1 "$config"
  done
}

@test "ptp: bad input is a clear error, and nothing changes" {
  add_container c1
  before=$(made)
  local -A bad=(
    ['{mtu: -1}']='mtu: found -1'
    ['{mtu: "1400"}']='mtu: found "1400"'
    ['{mac: "01:00:00:00:00:01"}']='mac: found "01:00:00:00:00:01"'
    ['{ipMasq: "yes"}']='ipMasq: found "yes", allowed: a boolean'
    ['{ipMasqBackend: "ipset"}']='ipMasqBackend: found "ipset"'
    ['{internal: true, ipMasq: true}']='internal, ipMasq'
    ['{gatewayMode: "isolated", internal: true}']='gatewayMode: found "isolated", allowed: any other'
    ['{snatIP: "192.0.2.300"}']='snatIP: found "192.0.2.300"'
    ['{runtimeConfig: {portMappings: [{hostPort: 80, containerPort: 0}]}}']='containerPort: found 0'
  )
  for keys in "${!bad[@]}"; do
    must_fail 7 cni add c1 "$(ptp "$keys")"
    assert_equal "$(jq -r --arg expected "${bad[$keys]}" '.details | contains($expected)' <<<"$output")" true || fail "$keys: $output"
    assert_equal "$(made)" "$before"
  done
  must_fail 5 cni add c1 "$(ptp | jq -c '.ipam = {type: "nowhere"}')" || true
  assert_equal "$(made)" "$before"
}

@test "ptp: ten ADDs and DELs at once" {
  config=$(ptp '{ipMasq: true}')
  before=$(made)
  for i in {1..10}; do add_container "c$i"; done
  for i in {1..10}; do cni add "c$i" "$config" >/dev/null 3>&- & calls+=($!); done
  for call in "${calls[@]}"; do wait "$call"; done
  calls=()
  for i in {1..10}; do must inside "c$i" ping -c 1 -W 2 192.0.2.2; done
  for i in {1..10}; do cni del "c$i" "$config" 3>&- & calls+=($!); done
  for call in "${calls[@]}"; do wait "$call"; done
  for i in {1..10}; do remove_container "c$i"; done
  assert_equal "$(made)" "$before"
}

@test "conf: 70-ptp.conflist" {
  add_container c1
  list=$REPOSITORY/conf/70-ptp.conflist
  CAP_ARGS='{"portMappings": [{"hostPort": 8080, "containerPort": 80}]}' must chain add c1 "$list"
  must inside c1 ping -c 1 -W 2 192.0.2.2
  CAP_ARGS='{"portMappings": [{"hostPort": 8080, "containerPort": 80}]}' must chain check c1 "$list"
  must chain del c1 "$list"
}

@test "ptp: limits rates in the same process" {
  add_container c1
  before=$(made)
  list=$REPOSITORY/conf/70-ptp.conflist
  export CAP_ARGS='{"bandwidth": {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000}}'
  must chain add c1 "$list"
  assert_match "$(host tc qdisc show dev "$(jq -r '.interfaces[0].name' <<<"$output")")" "rate 8Mbit burst 100000b"
  assert_match "$(host tc qdisc show dev "$(jq -r '.interfaces[2].name' <<<"$output")")" "rate 16Mbit burst 200000b"
  must inside c1 ping -c 1 -W 2 192.0.2.2
  must chain check c1 "$list"
  host tc qdisc del dev "$(jq -r '.interfaces[0].name' <"$BATS_TEST_TMPDIR/result.c1.eth0.ptp.list")" root
  must_fail 999 chain check c1 "$list"
  NETNS='' must chain del c1 "$list"
  assert_equal "$(made)" "$before"
}
