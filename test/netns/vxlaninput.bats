#!/usr/bin/env bats
# The vxlan plugin on one host: bad input, failure, release, versions, STATUS and GC.
load helpers

setup() {
  make_host
  add_uplink
  host ip route add default via 192.0.2.2
}

# blue [KEYS]: mode l2.
blue() {
  jq -nc '{cniVersion: "1.1.0", name: "blue", type: "vxlan", vni: 4097, peers: [{ip: "192.0.2.2"}],
    ipam: {type: "host-local", subnet: "10.9.0.0/24"}} + '"${1:-{\}}"
}

# green [KEYS]: mode l3.
green() {
  jq -nc '{cniVersion: "1.1.0", name: "green", type: "vxlan", mode: "l3", vni: 100,
    peers: [{ip: "192.0.2.2", subnet: "10.244.2.0/24"}], ipam: {type: "host-local", subnet: "10.244.1.0/24"}} + '"${1:-{\}}"
}

# What of the host's could stay behind: the kernel itself gives the uplink its link-local address, and forwarding stays on.
made() { snapshot | grep -Ev '^var|^run|fe80::|^\{.*"ifname":"uplink"|last_reserved' | sed -E 's/"[a-z_]+_timer":[0-9.]+,?//g'; }

# refused CONFIG CODE DETAILS: ADD fails so, and nothing changes.
refused() {
  local before
  before=$(made)
  must_fail "$2" cni add c1 "$1"
  [[ $(jq -r .details <<<"$output") == *"$3"* ]] || fail "Details without: $3" "$output" "of: $1"
  assert_equal "$(made)" "$before"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(host find /var/lib/cni/networks -name '10.*' 2>/dev/null)" ""
}

@test "vxlan: bad input is a clear error, and nothing changes" {
  add_container c1
  refused "$(blue '{mode: "l4"}')" 7 'mode: found "l4", allowed: "l2", "l3"'
  refused "$(blue | jq -c 'del(.vni)')" 7 'vni: found nothing, allowed: an integer from 1 to 16777215'
  refused "$(blue '{vni: 0}')" 7 'vni: found 0, allowed: an integer from 1 to 16777215'
  refused "$(blue '{vni: 16777216}')" 7 'vni: found 16777216'
  refused "$(blue '{vni: "4097"}')" 7 'vni: found "4097"'
  refused "$(blue '{port: 65536}')" 7 'port: found 65536'
  refused "$(blue '{peers: [{ip: "192.0.2.1"}]}')" 7 'peers[0].ip: found "192.0.2.1", allowed: an address other than this host'
  refused "$(blue '{peers: [{ip: "192.0.2.2"}, {ip: "192.0.2.2"}]}')" 7 'peers[1].ip: found "192.0.2.2"'
  refused "$(blue '{peers: [{}]}')" 7 'peers[0].ip: found nothing'
  refused "$(blue '{peers: [{ip: "192.0.2.2/24"}]}')" 7 'peers[0].ip: found "192.0.2.2/24"'
  refused "$(blue '{peers: [{ip: "224.0.0.1"}]}')" 7 'peers[0].ip: found "224.0.0.1"'
  refused "$(blue '{local: "192.0.2.1", peers: [{ip: "2001:db8::2"}]}')" 7 'peers[0].ip: found "2001:db8::2", allowed: an IPv4 address'
  refused "$(blue '{peers: [{ip: "192.0.2.2", mac: "01:00:5e:00:00:01"}]}')" 7 'peers[0].mac'
  refused "$(blue '{peers: [{ip: "192.0.2.2", endpoints: [{ip: "10.9.0.9", mac: "x"}]}]}')" 7 'peers[0].endpoints[0].mac: found "x"'
  refused "$(blue '{mtu: 1451}')" 7 'mtu: found 1451, allowed: an integer from 0 to 1450, the MTU of uplink less 50'
  refused "$(blue '{local: "2001:db8::1", peers: [{ip: "2001:db8::2"}], mtu: 1431}')" 7 'allowed: an integer from 0 to 1430'
  refused "$(blue '{local: "192.0.2.9"}')" 7 'local: found "192.0.2.9", allowed: an address of this host: 192.0.2.1'
  refused "$(blue '{underlay: "eth9"}')" 7 'underlay: found "eth9"'
  refused "$(blue '{underlay: "uplink", local: "192.0.2.1"}')" 7 'only one of local and underlay'
  refused "$(blue '{bridge: "a/b"}')" 7 'bridge: found "a/b"'
  refused "$(blue '{peersFile: "peers.json"}')" 7 'peersFile: found "peers.json", allowed: an absolute path'
  refused "$(blue '{peersFile: "/no/such.json"}')" 5 'peersFile: found "/no/such.json"'
  refused "$(blue '{directRouting: true}')" 7 'directRouting: found true, allowed: nothing in mode "l2"'
  refused "$(green '{neighSuppress: true}')" 7 'neighSuppress: found true'
  refused "$(green '{peers: [{ip: "192.0.2.2"}]}')" 7 'peers[0].subnet: found nothing'
  refused "$(green '{peers: [{ip: "192.0.2.2", subnet: "10.244.1.128/25"}]}')" 7 "does not overlap this host's own, 10.244.1.0/24"
  refused "$(green '{peers: [{ip: "192.0.2.2", subnet: "10.244.2.0/24"}, {ip: "192.0.2.3", subnet: "10.244.0.0/16"}]}')" 7 \
    'peers[1].subnet: found "10.244.0.0/16", allowed: one that does not overlap 10.244.2.0/24 of peers[0]'
  refused "$(green '{network: "10.245.0.0/16"}')" 7 'peers[0].subnet: found "10.244.2.0/24", allowed: a subnet in network'
  refused "$(green | jq -c 'del(.ipam)')" 7 'ipam.type: found nothing'
  refused "$(green '{internal: true, gatewayMode: "isolated"}')" 7 'gatewayMode: found "isolated", allowed: any other in mode "l3"'
}

@test "vxlan: gatewayMode isolated leaves the host without an address on the network" {
  add_container c1 c2
  must cni add c1 "$(blue '{isGateway: true, internal: true}')"
  assert_equal "$(host ip -4 -j addr | jq -c '[.[].addr_info[]?.local | select(startswith("10.9."))]')" '["10.9.0.1"]'
  must cni del c1 "$(blue '{isGateway: true, internal: true}')"
  config=$(blue '{isGateway: true, internal: true, gatewayMode: "isolated"}')
  for name in c1 c2; do must cni add "$name" "$config"; done
  must cni check c1 "$config"
  assert_equal "$(host ip -4 -j addr | jq -c '[.[].addr_info[]?.local | select(startswith("10.9."))]')" '[]'
  must inside c1 ping -c 1 -W 2 "$(inside c2 ip -4 -j addr show eth0 | jq -r '.[0].addr_info[0].local')"
  for name in c1 c2; do must cni del "$name" "$config"; done
}

@test "vxlan: a VNI, a name or a route that is somebody else's is not touched" {
  add_container c1
  host ip link add name other type vxlan id 4097 dstport 4789 local 192.0.2.1
  refused "$(blue)" 7 'vni: found 4097, allowed: a VNI that other does not have on port 4789'
  # The same VNI on another port is another network.
  must cni add c1 "$(blue '{port: 8472}')"
  must cni del c1 "$(blue '{port: 8472}')"
  host ip link del other
  host ip link add name vxlan4097 type bridge
  refused "$(blue)" 7 'vni: found vxlan4097 of somebody else'
  host ip link del vxlan4097
  host ip link add name vxbr4097 type vxlan id 1 dstport 4789 local 192.0.2.1
  refused "$(blue)" 7 'vxbr4097'
  host ip link del vxbr4097
  host ip route add 10.244.2.0/24 via 192.0.2.2
  refused "$(green)" 7 'subnet: found 10.244.2.0/24'
  assert_match "$(host ip route show 10.244.2.0/24)" "via 192.0.2.2 dev uplink"
}

@test "vxlan: two networks with one VNI" {
  add_container c1 c2
  must cni add c2 "$(blue)"
  must_fail 7 cni add c1 "$(blue '{name: "red"}')"
  assert_match "$(jq -r .details <<<"$output")" "of the network blue"
  must cni check c2 "$(blue)"
  must cni del c2 "$(blue)"
}

@test "vxlan: an ADD that fails late leaves nothing, and nothing of others is lost" {
  add_container c1 c2
  bad=$(green | jq -c '.ipam.routes = [{dst: "203.0.113.0/24", gw: "198.51.100.1"}]')
  before=$(made)
  must_fail 999 cni add c1 "$bad"
  assert_equal "$(made)" "$before"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  must cni add c2 "$(green)"
  before=$(made)
  must_fail 999 cni add c1 "$bad"
  assert_equal "$(made)" "$before"
  must cni check c2 "$(green)"
}

@test "vxlan: DEL without namespace, without prevResult, with a configuration that ADD refuses, and twice" {
  before=$(made)
  for config in "$(blue)" "$(green '{directRouting: true}')"; do
    add_container c1
    must cni add c1 "$config"
    remove_container c1
    NETNS='' PREVIOUS=no must cni del c1 "$config"
    must cni del c1 "$config"
    assert_equal "$(made)" "$before"
    add_container c1
    must cni add c1 "$config"
    must cni del c1 "$(jq -c '.port = "x" | .peers = 7 | .peersFile = "nowhere"' <<<"$config")"
    assert_equal "$(made)" "$before"
    assert_equal "$(host find /var/lib/cni/networks -name '10.*')" ""
    remove_container c1
  done
  must cni del nobody "$(blue)"
}

@test "vxlan: the bridge and the device stay while an attachment is there" {
  add_container c1 c2
  must cni add c1 "$(blue)"
  must cni add c2 "$(blue)"
  must cni del c1 "$(blue)"
  must cni check c2 "$(blue)"
  must cni del c2 "$(blue)"
  run ! host ip link show vxlan4097
  run ! host ip link show vxbr4097
}

@test "vxlan: a bridge that was there stays, with what is on it" {
  add_container c1
  host ip link add name br0 type bridge
  host ip link add name foreign type veth peer name other
  host ip link set foreign master br0
  must cni add c1 "$(blue '{bridge: "br0"}')"
  assert_equal "$(host ip -j link show vxlan4097 | jq -r '.[0].master')" br0
  must cni del c1 "$(blue '{bridge: "br0"}')"
  assert_equal "$(host ip -j link show foreign | jq -r '.[0].master')" br0
  run ! host ip link show vxlan4097
}

@test "vxlan: GC removes attachments that are not valid any more, and with the last the overlay" {
  add_container c1 c2
  for config in "$(blue)" "$(green)"; do
    must cni add c1 "$config"
    must cni add c2 "$config"
    must cni gc any "$(jq -c '. + {"cni.dev/valid-attachments": [{containerID: "c2", ifname: "eth0"}]}' <<<"$config")"
    assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
    must cni check c2 "$config"
    must cni gc any "$config"
    assert_equal "$(host ip -j link | jq -c '[.[].ifname]')" '["lo","uplink"]'
    assert_equal "$(host find /var/lib/cni/networks -name '10.*')" ""
  done
}

@test "vxlan: STATUS tells of an underlay that is down or missing, and of no peers" {
  must cni status any "$(blue)"
  must_fail 51 cni status any "$(blue '{peers: []}')"
  must_fail 51 cni status any "$(blue | jq -c 'del(.peers)')"
  must_fail 50 cni status any "$(blue '{underlay: "eth9"}')"
  must_fail 50 cni status any "$(blue '{peersFile: "/no/such.json"}')"
  must_fail 50 cni status any "$(blue '{ipam: {type: "no-such-plugin"}}')"
  inside outside ip link set eth0 down
  must_fail 50 cni status any "$(blue)"
  host ip link set uplink down
  must_fail 50 cni status any "$(blue)"
}

@test "vxlan: every version of the specification" {
  add_container c1
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    for config in "$(blue)" "$(green)"; do
      config=$(jq -c --arg version "$version" '.cniVersion = $version' <<<"$config")
      must cni add c1 "$config"
      assert_json ".cniVersion == \"$version\""
      must cni del c1 "$config"
    done
  done
}

@test "vxlan: without ipam it is a link on the overlay's bridge" {
  add_container c1
  config=$(blue | jq -c 'del(.ipam)')
  must cni add c1 "$config"
  assert_json 'has("ips") | not'
  assert_match "$(inside c1 ip link show eth0)" "state UP"
  must cni check c1 "$config"
  must cni del c1 "$config"
  must_fail 7 cni add c1 "$(jq -c '.isGateway = true' <<<"$config")"
}

@test "vxlan: ten ADDs and DELs at once" {
  before=$(made)
  for i in {1..10}; do add_container "c$i"; done
  config=$(green)
  pids=()
  for i in {1..10}; do cni add "c$i" "$config" >/dev/null 3>&- & pids+=($!); done
  wait "${pids[@]}"
  for i in {1..10}; do must cni check "c$i" "$(green)"; done
  assert_equal "$(host ip route show proto 98 | wc -l)" 1
  pids=()
  for i in {1..10}; do cni del "c$i" "$config" 3>&- & pids+=($!); done
  wait "${pids[@]}"
  for i in {1..10}; do remove_container "c$i"; done
  assert_equal "$(made)" "$before"
}

@test "vxlan: bandwidth limits both ways, without a plugin of its own" {
  add_container c1
  config=$(blue '{runtimeConfig: {bandwidth: {ingressRate: 8000000, ingressBurst: 800000, egressRate: 16000000, egressBurst: 1600000}}}')
  before=$(made)
  must cni add c1 "$config"
  assert_json '.interfaces | length == 4'
  assert_match "$(host tc qdisc show dev "$(jq -r '.interfaces[1].name' <<<"$output")")" "tbf .*rate 8Mbit"
  assert_match "$(host tc qdisc show dev "$(jq -r '.interfaces[3].name' <<<"$output")")" "tbf .*rate 16Mbit"
  must cni check c1 "$config"
  remove_container c1
  must cni del c1 "$config"
  assert_equal "$(made)" "$before"
}
