#!/usr/bin/env bats
# The bridge plugin: Docker's default driver. Its VLANs are tested in test/kernel, since this kernel has no VLAN filtering.
load helpers

# net [KEYS]: a network without addresses.
net() {
  jq -nc '{cniVersion: "1.1.0", name: "net", type: "bridge"} + '"${1:-{\}}"
}

# gated [KEYS]: a dual-stack network whose bridge is the gateway.
gated() {
  net '{isDefaultGateway: true, ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}}'" + ${1:-{\}}"
}

# fixed ROUTES [KEYS]: a network with the addresses 10.1.0.2 and fd00:1::2, routes of its own, and a bridge without address.
fixed() {
  net '{ipam: {type: "static", routes: '"$1"', addresses: [
    {address: "10.1.0.2/24", gateway: "10.1.0.1"}, {address: "fd00:1::2/64", gateway: "fd00:1::1"}]}}'" + ${2:-{\}}"
}

# fake_ipam NAME SCRIPT: an IPAM plugin that answers as a shell script says; $BATS_TEST_TMPDIR/NAME.calls holds the verbs.
fake_ipam() {
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\necho "$CNI_COMMAND" >>%q\n%s\n' "$BATS_TEST_TMPDIR/$1.calls" "$2" >"$BATS_TEST_TMPDIR/bin/$1"
  chmod +x "$BATS_TEST_TMPDIR/bin/$1"
  SEARCH=$BATS_TEST_TMPDIR/bin:$BERTH_BIN
}

# reaches NAME ADDRESS…: the first packet already gets its answer.
reaches() {
  local name=$1 address
  shift
  for address in "$@"; do must inside "$name" ping -c 1 -W 1 "$address"; done
}

cannot_reach() {
  run inside "$1" ping -c 1 -W 1 "$2"
  [[ $status == 1 ]] || fail "$1 reaches $2, or ping failed: $output"
}

# The name of the host's end of the container that $output is the result of.
host_end() { jq -r '.interfaces[] | select(.name | startswith("veth")).name' <<<"$output"; }

# link NAME JQ: what `ip -d` says of a link of the host.
link() { host ip -j -d link show "$1" | jq -c ".[0] | $2"; }
# inner NAME JQ: … of eth0 in a container.
inner() { inside "$1" ip -j -d link show eth0 | jq -c ".[0] | $2"; }
# addresses [-n NAME] LINK: its addresses without link-local ones.
addresses() { host ip "${@:1:$#-1}" -j address show dev "${@: -1}" | jq -c '[.[].addr_info[]? | select(.scope == "global") | "\(.local)/\(.prefixlen)"] | sort'; }
exists() { host ip link show "$1" >/dev/null 2>&1; }
links() { host ip -j link | jq -c '[.[].ifname]'; }
setting() { host cat "/proc/sys/$1"; }

# without_link_local: links get no IPv6 address of their own from now on, which the kernel gives them at its leisure.
without_link_local() { host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode'; }

# foreign_bridge: a bridge cni0 that somebody else made and uses.
foreign_bridge() {
  without_link_local
  host sh -ec 'ip link add cni0 address 02:00:00:00:00:99 type bridge && ip link add port type veth peer name other
    ip link set port master cni0 up && ip link set other up && ip link set cni0 up'
}

# unchanged_by_add CODE NAME CONFIG: ADD fails with this error, and leaves all as it was, on the host and in the container.
unchanged_by_add() {
  local before after error
  before=$(state "$2")
  must_fail "$1" cni add "$2" "$3"
  error=$output
  after=$(state "$2")
  assert_equal "$after" "$before"
  output=$error
}

# state NAME: the host and a container. Not in it: timers, locks, and what host-local keeps of a network for good.
state() {
  { snapshot; inside "$1" ip address; } |
    sed -E 's/"forward_delay_timer":[0-9.]+,//; s/"tso_max_size":[0-9]+,//' |
    grep -Ev '^run/berth|^var/lib/cni/networks(/[a-z]+(/(last_reserved.*|lock|.*index.*))?)?$'
}

# traced PLUGIN OPTIONS: puts PLUGIN below strace into $BATS_TEST_TMPDIR/traced, which writes $BATS_TEST_TMPDIR/trace. Its
# main thread only: V8's own threads sleep as they like.
traced() {
  without_agent # strace shows what the process does itself
  mkdir -p "$BATS_TEST_TMPDIR/traced"
  printf '#!/bin/sh\nexec strace -qq %s -o %q %q "$@"\n' "${*:2}" "$BATS_TEST_TMPDIR/trace" "$BERTH_BIN/$1" >"$BATS_TEST_TMPDIR/traced/$1"
  chmod +x "$BATS_TEST_TMPDIR/traced/$1"
}

# --- What ADD makes ----------------------------------------------------------------------------------------------

@test "L3: addresses, default routes, result, connectivity over both families; DEL leaves nothing" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  assert_json '.cniVersion == "1.1.0" and [.interfaces[].name][0] == "cni0" and .interfaces[2].name == "eth0"'
  assert_json '.interfaces[2].sandbox == "/run/netns/c1" and (.interfaces[0, 1] | has("sandbox") | not)'
  assert_json '.ips == [{address: "10.1.0.2/24", gateway: "10.1.0.1", interface: 2}, {address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 2}]'
  assert_json '.routes == [{dst: "0.0.0.0/0", gw: "10.1.0.1"}, {dst: "::/0", gw: "fd00:1::1"}]'
  assert_equal "$(jq -c '[.interfaces[].mac]' <<<"$output")" "$(jq -nc --argjson a "[$(link cni0 .address), $(link "$(host_end)" .address), $(inner c1 .address)]" '$a')"
  assert_equal "$(addresses -n c1 eth0)" '["10.1.0.2/24","fd00:1::2/64"]'
  assert_equal "$(addresses cni0)" '["10.1.0.1/24","fd00:1::1/64"]'
  assert_equal "$(inside c1 ip -j address show eth0 | jq -r '.[0].addr_info[] | select(.local == "10.1.0.2").broadcast')" 10.1.0.255
  assert_match "$(inside c1 ip route)" "default via 10.1.0.1 dev eth0"
  assert_match "$(inside c1 ip -6 route)" "default via fd00:1::1 dev eth0"
  assert_equal "$(setting net/ipv4/ip_forward) $(setting net/ipv6/conf/all/forwarding)" "1 1"
  must cni add c2 "$(gated)"
  reaches c2 10.1.0.1 fd00:1::1 10.1.0.2 fd00:1::2
  must host ping -c 1 -W 1 10.1.0.3
  must cni check c1 "$(gated)"
  must cni del c1 "$(gated)"
  must cni del c2 "$(gated)"
  assert_equal "$(links)" '["lo"]'
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(host find /var/lib/cni -name '10.1*' -o -name 'fd00*')" ""
}

@test "L2: a link up to the bridge, no addresses; CHECK is true (defect 26: it always failed)" {
  add_container c1 c2
  must cni add c1 "$(net)"
  assert_json '(.interfaces | length == 3) and (has("ips") | not) and (has("routes") | not)'
  assert_equal "$(link "$(host_end)" '[.master, .operstate]')" '["cni0","UP"]'
  assert_equal "$(addresses cni0)" '[]'
  assert_equal "$(setting net/ipv4/ip_forward)" 0
  must cni check c1 "$(net)"
  must cni add c2 "$(net)"
  inside c1 ip address add 10.9.0.1/24 dev eth0
  inside c2 ip address add 10.9.0.2/24 dev eth0
  reaches c1 10.9.0.2
}

@test "IPv4 alone and IPv6 alone: nothing of the other family" {
  add_container c1 c2
  must cni add c1 "$(gated '{name: "four", bridge: "br4", ipam: {type: "host-local", subnet: "10.4.0.0/16"}}')"
  assert_equal "$(addresses -n c1 eth0) $(setting net/ipv6/conf/all/forwarding)" '["10.4.0.2/16"] 0'
  must cni add c2 "$(gated '{name: "six", bridge: "br6", ipam: {type: "host-local", subnet: "fd00:6::/64"}}')"
  assert_equal "$(addresses -n c2 eth0) $(setting net/ipv6/conf/all/forwarding)" '["fd00:6::2/64"] 1'
  assert_equal "$(inside c2 ip route)" ""
  reaches c1 10.4.0.1
  reaches c2 fd00:6::1
}

@test "several subnets of one family: the bridge is the gateway of each" {
  add_container c1
  local config
  config=$(gated '{ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "10.2.0.0/24"}], [{subnet: "fd00:1::/64"}], [{subnet: "fd00:2::/64"}]]}}')
  must cni add c1 "$config"
  assert_equal "$(addresses cni0)" '["10.1.0.1/24","10.2.0.1/24","fd00:1::1/64","fd00:2::1/64"]'
  assert_equal "$(inside c1 ip route show default)" "default via 10.1.0.1 dev eth0 "
  reaches c1 10.1.0.1 10.2.0.1 fd00:1::1 fd00:2::1
  must cni check c1 "$config"
}

@test "every version of the specification: the result has its shape, CHECK from 0.4.0 on" {
  local version config
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    add_container "c$version"
    config=$(gated "{cniVersion: \"$version\"}")
    must cni add "c$version" "$config"
    case $version in
      0.1.0 | 0.2.0) assert_json '.ip4.gateway == "10.1.0.1" and .ip6.gateway == "fd00:1::1" and .ip4.routes == [{dst: "0.0.0.0/0", gw: "10.1.0.1"}]' ;;
      0.3.* | 0.4.0) assert_json '.ips[0].version == "4" and .ips[1].version == "6" and .ips[0].interface == 2 and .dns == {}' ;;
      *) assert_json '(.ips[0] | has("version") | not) and .ips[0].interface == 2 and (has("dns") | not)' ;;
    esac
    assert_json ".cniVersion == \"$version\""
    if [[ $version < 0.4.0 ]]; then must_fail 1 cni check "c$version" "$config"; else must cni check "c$version" "$config"; fi
    must cni del "c$version" "$config"
  done
  assert_equal "$(links)" '["lo"]'
}

@test "L2 with 0.1.0 and 0.2.0, whose results cannot go without an address: an error that leaves nothing" {
  add_container c1
  local version
  for version in 0.1.0 0.2.0; do unchanged_by_add 6 c1 "$(net "{cniVersion: \"$version\"}")"; done
}

# --- Keys --------------------------------------------------------------------------------------------------------

@test "bridge: cni0 unless named; one that is there is taken as it is and stays when the last port goes" {
  add_container c1
  must cni add c1 "$(net)"
  exists cni0
  must cni del c1 "$(net)"
  host ip link add mine address 02:00:00:00:00:99 mtu 1450 type bridge
  local index
  index=$(link mine .ifindex)
  must cni add c1 "$(gated '{bridge: "mine", mtu: 1400}')"
  assert_json '.interfaces[0] == {name: "mine", mac: "02:00:00:00:00:99"}'
  assert_equal "$(link mine '[.ifindex, .address]') $(inner c1 .mtu)" "[$index,\"02:00:00:00:00:99\"] 1400"
  reaches c1 10.1.0.1
  must cni del c1 "$(gated '{bridge: "mine"}')"
  assert_equal "$(link mine .ifindex)" "$index"
}

@test "isGateway: the gateway's address on the bridge, no default route; a missing gateway is the subnet's first address" {
  add_container c1
  local config
  config=$(gated '{isDefaultGateway: false, isGateway: true, ipam: {type: "host-local", subnet: "10.1.0.0/24", gateway: "10.1.0.254"}}')
  must cni add c1 "$config"
  assert_equal "$(addresses cni0) $(inside c1 ip route show default)" '["10.1.0.254/24"] '
  must cni check c1 "$config"
  must cni del c1 "$config"
  must cni add c1 "$(net '{isGateway: true, ipam: {type: "static", addresses: [{address: "10.3.0.9/24"}]}}')"
  assert_json '.ips[0].gateway == "10.3.0.1"'
  assert_equal "$(addresses cni0)" '["10.3.0.1/24"]'
}

@test "no isGateway: the bridge has no address, the IPAM plugin's routes are the container's" {
  add_container c1
  must cni add c1 "$(fixed '[{dst: "0.0.0.0/0"}, {dst: "10.8.0.0/16", gw: "10.1.0.8"}]')"
  assert_equal "$(addresses cni0)" '[]'
  assert_match "$(inside c1 ip route)" "default via 10.1.0.1 dev eth0"
  assert_match "$(inside c1 ip route)" "10.8.0.0/16 via 10.1.0.8 dev eth0"
}

@test "a bridge of somebody else's that was down: set up for the container, and set back when ADD fails" {
  add_container c1 c2
  foreign_bridge
  host ip link set cni0 down
  local full='{promiscMode: true, ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.1", rangeEnd: "10.1.0.1"}]]}}'
  unchanged_by_add 11 c1 "$(gated "$full")"
  assert_equal "$(setting net/ipv6/conf/cni0/accept_ra)" 1
  must cni add c1 "$(gated)"
  # Now somebody relies on it.
  must_fail 11 cni add c2 "$(gated "$full")"
  assert_equal "$(setting net/ipv6/conf/cni0/accept_ra)" 0
  must inside c1 ping -c 1 -W 3 10.1.0.1
}

@test "forceAddress: another IPv4 address of the bridge is in the way: an error, or replaced" {
  add_container c1
  foreign_bridge
  host ip address add 10.7.0.1/24 dev cni0
  host ip address add fd00:7::1/64 dev cni0 nodad
  unchanged_by_add 7 c1 "$(gated)"
  assert_match "$(jq -r .details <<<"$output")" "found 10.7.0.1/24"
  must cni add c1 "$(gated '{forceAddress: true}')"
  # IPv6 links have several addresses: only one in the same subnet is in the way.
  assert_equal "$(addresses cni0)" '["10.1.0.1/24","fd00:1::1/64","fd00:7::1/64"]'
}

@test "forceAddress: another IPv6 address of the same subnet is in the way: an error, or replaced" {
  add_container c1
  foreign_bridge
  host ip address add fd00:1::ffff/64 dev cni0 nodad
  unchanged_by_add 7 c1 "$(gated)"
  must cni add c1 "$(gated '{forceAddress: true}')"
  assert_equal "$(addresses cni0)" '["10.1.0.1/24","fd00:1::1/64"]'
}

@test "mtu: of the bridge and of both ends" {
  add_container c1
  must cni add c1 "$(gated '{mtu: 1400}')"
  assert_equal "$(link cni0 .mtu) $(link "$(host_end)" .mtu) $(inner c1 .mtu)" "1400 1400 1400"
  assert_json '[.interfaces[1, 2].mtu] == [1400, 1400]'
}

@test "hairpinMode: the port sends back what came from it; CHECK notices when it does not" {
  add_container c1
  must cni add c1 "$(gated '{hairpinMode: true}')"
  local port
  port=$(host_end)
  assert_equal "$(link "$port" .linkinfo.info_slave_data.hairpin)" true
  must cni check c1 "$(gated '{hairpinMode: true}')"
  # Packets: the container hears its own broadcast back.
  inside c1 ip neighbour flush all
  local listener heard=$BATS_TEST_TMPDIR/heard
  inside c1 timeout 5 tcpdump -lnpc 1 -Q in -i eth0 'arp and ether src host 02:42:0a:01:00:02' >"$heard" 2>"$heard.err" 3>&- &
  listener=$!
  until grep -q 'listening on' "$heard.err"; do sleep 0.05; done
  inside c1 ping -c 1 -W 1 10.1.0.77 >/dev/null || true
  wait "$listener" || fail "nothing came back"
  host bridge link set dev "$port" hairpin off
  must_fail 999 cni check c1 "$(gated '{hairpinMode: true}')"
}

@test "promiscMode: the bridge is promiscuous; a sniffer on another bridge is no fault (defect 26)" {
  add_container c1 c2
  must cni add c1 "$(gated '{promiscMode: true}')"
  assert_equal "$(link cni0 '.flags | contains(["PROMISC"])')" true
  must cni check c1 "$(gated '{promiscMode: true}')"
  host ip link set cni0 promisc off
  must_fail 999 cni check c1 "$(gated '{promiscMode: true}')"
  must cni add c2 "$(net '{bridge: "br2"}')"
  host ip link set br2 promisc on
  must cni check c2 "$(net '{bridge: "br2"}')"
}

@test "portIsolation: containers reach the gateway, but not each other; those without it reach all" {
  add_container c1 c2 c3
  must cni add c1 "$(gated '{portIsolation: true}')"
  local port
  port=$(host_end)
  must cni add c2 "$(gated '{portIsolation: true}')"
  must cni add c3 "$(gated)"
  reaches c1 10.1.0.1 fd00:1::1 10.1.0.4 fd00:1::4
  reaches c3 10.1.0.2 10.1.0.3
  cannot_reach c1 10.1.0.3
  cannot_reach c1 fd00:1::3
  must cni check c1 "$(gated '{portIsolation: true}')"
  host bridge link set dev "$port" isolated off
  must_fail 999 cni check c1 "$(gated '{portIsolation: true}')"
}

@test "enabledad: the IPv6 address is looked for first; without it there is no waiting (defect 16)" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  assert_equal "$(inside c1 ip -6 address show dev eth0 scope global tentative)" ""
  reaches c1 fd00:1::1
  must cni add c2 "$(gated '{enabledad: true}')"
  assert_match "$(inside c2 ip -6 address show dev eth0 scope global)" tentative
  assert_equal "$(inside c2 cat /proc/sys/net/ipv6/conf/eth0/{enhanced_dad,accept_dad} | xargs)" "1 1"
  local tries
  for tries in {1..40}; do
    [[ $(inside c2 ip -6 address show dev eth0 scope global) == *tentative* ]] || break
    sleep 0.1
  done
  reaches c2 fd00:1::1
}

@test "disableContainerInterface: the container's end stays down; not with IPAM" {
  add_container c1
  must cni add c1 "$(net '{disableContainerInterface: true}')"
  assert_equal "$(inner c1 '.flags | contains(["UP"])')" false
  must cni check c1 "$(net '{disableContainerInterface: true}')"
  must cni del c1 "$(net '{disableContainerInterface: true}')"
  unchanged_by_add 7 c1 "$(gated '{disableContainerInterface: true}')"
}

@test "dns: the IPAM plugin's, unless the configuration says anything, be it an empty list" {
  add_container c1
  printf 'nameserver 192.0.2.53\nsearch example.org\n' >"$BATS_TEST_TMPDIR/resolv.conf"
  local ipam='ipam: {type: "host-local", subnet: "10.1.0.0/24", resolvConf: "'$BATS_TEST_TMPDIR/resolv.conf'"}'
  must cni add c1 "$(net "{$ipam}")"
  assert_json '.dns == {nameservers: ["192.0.2.53"], search: ["example.org"]}'
  must cni del c1 "$(net "{$ipam}")"
  must cni add c1 "$(net "{$ipam, dns: {nameservers: [\"192.0.2.1\"], domain: \"d\", options: [\"o\"]}}")"
  assert_json '.dns == {nameservers: ["192.0.2.1"], domain: "d", options: ["o"]}'
  must cni del c1 "$(net "{$ipam}")"
  must cni add c1 "$(net "{$ipam, dns: {nameservers: []}}")"
  assert_json '(.dns // {}) | [.nameservers[]?] == []'
  must cni del c1 "$(net "{$ipam}")"
  must cni add c1 "$(net '{dns: {nameservers: ["192.0.2.1"]}}')"
  assert_json '.dns == {nameservers: ["192.0.2.1"]}'
}

@test "MAC: CNI_ARGS, args.cni.mac over it, runtimeConfig.mac over both; else one that follows from the address" {
  add_container c1 c2 c3 c4
  ARGS='IgnoreUnknown=1;K8S_POD_NAME=p;MAC=02:00:00:00:00:01' must cni add c1 "$(gated)"
  assert_json '.interfaces[2].mac == "02:00:00:00:00:01"'
  assert_equal "$(inner c1 .address)" '"02:00:00:00:00:01"'
  ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:01' must cni add c2 "$(gated '{args: {cni: {mac: "02-00-00-00-00-02"}}}')"
  assert_json '.interfaces[2].mac == "02:00:00:00:00:02"'
  ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:01' must cni add c3 "$(gated '{args: {cni: {mac: "02:00:00:00:00:02"}}, capabilities: {mac: true}, runtimeConfig: {mac: "0200.0000.0003"}}')"
  assert_json '.interfaces[2].mac == "02:00:00:00:00:03"'
  must cni add c4 "$(gated)"
  assert_json '.interfaces[2].mac == "02:42:0a:01:00:05"'
  reaches c4 10.1.0.2 10.1.0.3 10.1.0.4
  must cni check c3 "$(gated)"
}

@test "keys in any case, null for a default, unknown keys passed over" {
  add_container c1
  must cni add c1 "$(jq -c '{CNIVERSION: .cniVersion, Name: .name, type, ISGATEWAY: true, Bridge: "br1", MTU: 1400, hairpinmode: null, vlan: null, whatever: {x: 1},
    IPAM: {Type: "host-local", Subnet: "10.1.0.0/24"}}' <<<"$(net)" | sed 's/CNIVERSION/cniVersion/; s/"Name"/"name"/')"
  assert_equal "$(addresses br1) $(link br1 .mtu)" '["10.1.0.1/24"] 1400'
}

@test "one container on two networks, and twice on one" {
  add_container c1
  must cni add c1 "$(gated)"
  IFNAME=net1 must cni add c1 "$(gated)"
  IFNAME=eth1 must cni add c1 "$(gated '{name: "other", bridge: "br1", isDefaultGateway: false, isGateway: true, ipam: {type: "host-local", subnet: "10.5.0.0/24"}}')"
  reaches c1 10.1.0.1 10.5.0.1
  IFNAME=net1 must cni del c1 "$(gated)"
  reaches c1 10.1.0.1
  must cni check c1 "$(gated)"
}

@test "ADD again without a DEL between is refused, and leaves the first attachment as it is" {
  add_container c1 other
  must cni add c1 "$(gated)"
  NETNS=/run/netns/other must_fail 4 cni add c1 "$(gated)"
  assert_json '.details | contains("DEL comes first")'
  must cni check c1 "$(gated)"
  reaches c1 10.1.0.1
}

# --- DEL ---------------------------------------------------------------------------------------------------------

@test "DEL twice, and of an attachment that was never added" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  must cni del c2 "$(gated)"
  reaches c1 10.1.0.1
  must cni del c1 "$(gated)"
  must cni del c1 "$(gated)"
  assert_equal "$(links)" '["lo"]'
}

@test "DEL without a namespace, with a deleted one, with a file in its place, without prevResult: all of it goes" {
  local way
  for way in none deleted file noresult; do
    add_container c1
    must cni add c1 "$(gated)"
    case $way in
      none) NETNS='' must cni del c1 "$(gated)" ;;
      deleted) remove_container c1 && must cni del c1 "$(gated)" ;;
      file) NETNS=/etc/passwd must cni del c1 "$(gated)" ;;
      noresult) PREVIOUS=no must cni del c1 "$(gated)" ;;
    esac
    assert_equal "$way $(links) $(host find /var/lib/cni -name '10.*' -o -name 'fd*')" "$way [\"lo\"] "
    remove_container c1 2>/dev/null || true
  done
}

@test "DEL of an attachment that the Go suite made" {
  [[ -x $GO_BIN/bridge ]] || skip "no Go suite in $GO_BIN"
  add_container c1 c2
  local config
  config=$(gated '{cniVersion: "1.0.0"}')
  BIN=$GO_BIN must cni add c1 "$config"
  must cni add c2 "$config"
  reaches c2 10.1.0.2
  must cni check c1 "$config"
  must cni del c1 "$config"
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(host find /var/lib/cni -name '10.*' | wc -l)" 1
  reaches c2 10.1.0.1
  must cni del c2 "$config"
  # The bridge is the Go suite's: it stays, as there.
  assert_equal "$(links)" '["lo","cni0"]'
}

@test "DEL of another network does not take the container's link of this one" {
  add_container c1
  must cni add c1 "$(gated)"
  must cni del c1 "$(net '{name: "other"}')"
  reaches c1 10.1.0.1
  must cni check c1 "$(gated)"
}

@test "DEL goes on when the IPAM plugin fails: the link is gone, the error told; the next DEL succeeds" {
  add_container c1
  must cni add c1 "$(gated)"
  SEARCH=/nowhere must_fail 7 cni del c1 "$(gated)"
  assert_equal "$(links)" '["lo"]'
  must cni del c1 "$(gated)"
  assert_equal "$(host find /var/lib/cni -name '10.*')" ""
}

@test "DEL with a configuration that ADD refuses" {
  add_container c1
  must cni add c1 "$(gated)"
  must cni del c1 "$(gated '{mtu: "big", hairpinMode: 1}')"
  assert_equal "$(links) $(host find /var/lib/cni -name '10.*')" '["lo"] '
}

@test "defect 8: the bridge goes with its last port if Berth made it" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  must cni add c2 "$(gated)"
  must cni del c1 "$(gated)"
  exists cni0
  must cni del c2 "$(gated)"
  run ! exists cni0
  must cni add c1 "$(gated)"
  host ip link add other type veth peer name rehto
  host ip link set other master cni0
  must cni del c1 "$(gated)"
  exists cni0 # somebody else's port keeps it
}

@test "ADDs and DELs at the same time: every ADD gives a network that works" {
  local i
  for i in {1..6}; do add_container "p$i"; done
  churn() {
    local round
    for round in 1 2 3; do
      cni add "$1" "$(gated)" >/dev/null && inside "$1" ping -c 1 -W 1 10.1.0.1 >/dev/null &&
        inside "$1" ping -c 1 -W 1 fd00:1::1 >/dev/null && cni del "$1" "$(gated)" >/dev/null || return
    done
  }
  local pids=()
  for i in {1..6}; do churn "p$i" 3>&- & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i" || fail "one of them failed"; done
  assert_equal "$(links)" '["lo"]'
}

# --- Rollback ----------------------------------------------------------------------------------------------------

@test "defect 11: a failed ADD leaves nothing, at whatever stage it failed" {
  add_container c1 c2 held
  without_link_local
  fake_ipam refuse 'cat >/dev/null; echo "{\"cniVersion\": \"1.1.0\", \"code\": 11, \"msg\": \"not now\"}"; exit 1'
  fake_ipam empty 'cat >/dev/null; [ $CNI_COMMAND != ADD ] || echo "{\"cniVersion\": \"1.1.0\"}"'
  fake_ipam junk 'cat >/dev/null; [ $CNI_COMMAND != ADD ] || echo "hello"'
  # 192.0.2.1 is no address that the kernel finds a way to without a route.
  fake_ipam unreachable 'cat >/dev/null; [ $CNI_COMMAND != ADD ] || echo "{\"cniVersion\": \"1.1.0\", \"ips\": [{\"address\": \"10.1.0.9/24\"}], \"routes\": [{\"dst\": \"10.77.0.0/16\", \"gw\": \"192.0.2.1\"}]}"'
  must cni add held "$(gated)"
  local round
  # With the bridge in use, and without it.
  for round in 1 2; do
    unchanged_by_add 11 c1 "$(net '{isGateway: true, ipam: {type: "refuse"}}')"
    assert_equal "$(jq -r .msg <<<"$output")" "not now"
    unchanged_by_add 7 c1 "$(net '{isGateway: true, ipam: {type: "empty"}}')"
    unchanged_by_add 6 c1 "$(net '{isGateway: true, ipam: {type: "junk"}}')"
    unchanged_by_add 999 c1 "$(net '{isGateway: true, ipam: {type: "unreachable"}}')"
    unchanged_by_add 7 c1 "$(gated '{ipam: {type: "no-such-plugin"}}')"
    unchanged_by_add 7 c1 "$(gated '{runtimeConfig: {mac: "01:00:00:00:00:01"}}')"
    unchanged_by_add 7 c1 "$(net '{vlan: 100}')"
    inside c2 ip link show eth0 >/dev/null 2>&1 || inside c2 ip link add eth0 type veth peer name eth0peer
    unchanged_by_add 4 c2 "$(gated)"
    IFNAME=lo unchanged_by_add 4 c1 "$(gated)"
    NETNS=/run/netns/gone must_fail 8 cni add c1 "$(gated)"
    must cni del held "$(gated)"
  done
  for round in refuse empty junk unreachable; do
    assert_equal "$(xargs <"$BATS_TEST_TMPDIR/$round.calls")" "ADD DEL ADD DEL"
  done
}

@test "defect 11: a gateway conflict after everything else leaves nothing, and nothing of the other network changes" {
  add_container c1 c2
  without_link_local
  must cni add c1 "$(gated)"
  unchanged_by_add 7 c2 "$(gated '{name: "rival", ipam: {type: "host-local", subnet: "10.6.0.0/24"}}')"
  reaches c1 10.1.0.1 fd00:1::1
}

@test "defect 12: after a first ADD that failed, the bridge serves the next, and its MAC never changes" {
  add_container c1 c2 c3
  must_fail 7 cni add c1 "$(gated '{ipam: {type: "no-such-plugin"}}')"
  must cni add c1 "$(gated)"
  local mac
  mac=$(link cni0 .address)
  [[ $mac != '"00:00:00:00:00:00"' ]]
  must cni add c2 "$(gated)"
  must cni add c3 "$(gated)"
  assert_equal "$(link cni0 .address)" "$mac"
  must cni del c1 "$(gated)"
  assert_equal "$(link cni0 .address)" "$mac"
  must cni check c2 "$(gated)"
}

# --- Routes ------------------------------------------------------------------------------------------------------

@test "defect 13: isDefaultGateway beside a default route of IPAM without gateway" {
  add_container c1
  local config
  config=$(gated '{ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]], routes: [{dst: "0.0.0.0/0"}]}}')
  must cni add c1 "$config"
  assert_equal "$(inside c1 ip route show default)" "default via 10.1.0.1 dev eth0 "
  assert_match "$(inside c1 ip -6 route show default)" "default via fd00:1::1 dev eth0"
  reaches c1 10.1.0.1
  must cni check c1 "$config"
}

@test "defect 13: a route told twice is one, several gateways of one destination are one multipath route" {
  add_container c1
  local routes='[{dst: "10.8.0.0/16", gw: "10.1.0.8"}, {dst: "10.8.0.0/16", gw: "10.1.0.8"},
    {dst: "10.9.0.0/16", gw: "10.1.0.8"}, {dst: "10.9.0.0/16", gw: "10.1.0.9"},
    {dst: "fd00:9::/64", gw: "fd00:1::8"}, {dst: "fd00:9::/64", gw: "fd00:1::9"}]'
  must cni add c1 "$(fixed "$routes")"
  assert_equal "$(inside c1 ip -j route show 10.8.0.0/16 | jq -c '[.[] | .gateway]')" '["10.1.0.8"]'
  assert_equal "$(inside c1 ip -j route show 10.9.0.0/16 | jq -c '[.[] | [.nexthops[].gateway]]')" '[["10.1.0.8","10.1.0.9"]]'
  assert_equal "$(inside c1 ip -j -6 route show fd00:9::/64 | jq -c '[.[] | [.nexthops[].gateway]]')" '[["fd00:1::8","fd00:1::9"]]'
  must cni check c1 "$(fixed "$routes")"
  inside c1 ip route replace 10.9.0.0/16 via 10.1.0.8
  must_fail 999 cni check c1 "$(fixed "$routes")"
}

@test "defect 27: mtu, advmss, priority, table and scope of a route are applied" {
  add_container c1
  local routes='[{dst: "10.8.0.0/16", mtu: 1280, advmss: 1200, priority: 7}, {dst: "10.9.0.0/16", table: 100},
    {dst: "10.10.0.0/16", gw: "10.1.0.8", scope: 0}, {dst: "fd00:8::/64", mtu: 1300, advmss: 1220, priority: 9}, {dst: "fd00:9::/64", table: 100}]'
  must cni add c1 "$(fixed "$routes")"
  assert_match "$(inside c1 ip route show 10.8.0.0/16)" "via 10.1.0.1 dev eth0 metric 7 mtu 1280 advmss 1200"
  assert_match "$(inside c1 ip route show table 100)" "10.9.0.0/16 via 10.1.0.1 dev eth0"
  assert_match "$(inside c1 ip -6 route show fd00:8::/64)" "via fd00:1::1 dev eth0 metric 9 mtu 1300 advmss 1220"
  assert_match "$(inside c1 ip -6 route show table 100)" "fd00:9::/64 via fd00:1::1 dev eth0"
  # defect 26: CHECK looks into other tables, too.
  must cni check c1 "$(fixed "$routes")"
  must cni del c1 "$(fixed "$routes")"
  must cni add c1 "$(net '{ipam: {type: "static", addresses: [{address: "10.1.0.2/24"}], routes: [{dst: "10.11.0.0/16", scope: 253}]}}')"
  assert_match "$(inside c1 ip route show 10.11.0.0/16)" "dev eth0 scope link"
}

@test "defect 30: the MTU of a bridge that is there follows the configuration, if the bridge is ours" {
  add_container c1 c2
  must cni add c1 "$(gated '{mtu: 1400}')"
  must cni add c2 "$(gated '{mtu: 1300}')"
  assert_equal "$(link cni0 .mtu) $(inner c1 .mtu) $(inner c2 .mtu)" "1300 1400 1300"
}

# --- Neighbours, waiting, dumps ----------------------------------------------------------------------------------

@test "defect 21: a reused address answers at once to those that know its last holder" {
  add_container c1 c2 c3
  host ip link add cni0 address 02:00:00:00:00:99 type bridge # which stays when the last container goes
  ARGS='IgnoreUnknown=1;IP=10.1.0.50;MAC=02:00:00:00:00:aa' must cni add c1 "$(gated '{ipam: {type: "host-local", subnet: "10.1.0.0/24"}}')"
  must cni add c2 "$(gated '{ipam: {type: "host-local", subnet: "10.1.0.0/24"}}')"
  reaches c2 10.1.0.50
  must host ping -c 1 -W 1 10.1.0.50
  ARGS='' must cni del c1 "$(gated '{ipam: {type: "host-local", subnet: "10.1.0.0/24"}}')"
  assert_match "$(inside c2 ip neighbour show 10.1.0.50)" 02:00:00:00:00:aa
  # The host's own entry is removed, even one that no announcement changes.
  host ip neighbour replace 10.1.0.50 lladdr 02:00:00:00:00:aa dev cni0 nud permanent
  ARGS='IgnoreUnknown=1;IP=10.1.0.50;MAC=02:00:00:00:00:bb' must cni add c3 "$(gated '{ipam: {type: "host-local", subnet: "10.1.0.0/24"}}')"
  reaches c2 10.1.0.50
  must host ping -c 1 -W 1 10.1.0.50
  assert_match "$(inside c2 ip neighbour show 10.1.0.50)" 02:00:00:00:00:bb
}

@test "defect 21: the same for IPv6" {
  add_container c1 c2 c3
  local six='{ipam: {type: "host-local", subnet: "fd00:1::/64"}}'
  ARGS='IgnoreUnknown=1;IP=fd00:1::50;MAC=02:00:00:00:00:aa' must cni add c1 "$(gated "$six")"
  must cni add c2 "$(gated "$six")"
  reaches c2 fd00:1::50
  must host ping -c 1 -W 1 fd00:1::50
  ARGS='' must cni del c1 "$(gated "$six")"
  ARGS='IgnoreUnknown=1;IP=fd00:1::50;MAC=02:00:00:00:00:bb' must cni add c3 "$(gated "$six")"
  reaches c2 fd00:1::50
  must host ping -c 1 -W 1 fd00:1::50
}

@test "defect 21: others hear a gratuitous ARP and an unsolicited neighbour advertisement" {
  add_container c1 c2
  must cni add c2 "$(gated)"
  local heard=$BATS_TEST_TMPDIR/heard
  inside c2 timeout 20 tcpdump -lenpi eth0 -Q in 'arp or (icmp6 and ip6[40] == 136)' >"$heard" 2>"$heard.err" 3>&- &
  until grep -q 'listening on' "$heard.err"; do sleep 0.05; done
  must cni add c1 "$(gated)"
  sleep 0.5
  kill %1 2>/dev/null || true
  assert_match "$(<"$heard")" '02:42:0a:01:00:03 > ff:ff:ff:ff:ff:ff.*(Request who-has 10.1.0.3 .*tell 10.1.0.3|Announcement 10.1.0.3|Reply 10.1.0.3 is-at)'
  assert_match "$(<"$heard")" '02:42:0a:01:00:03 > 33:33:00:00:00:01.*fd00:1::3 > ff02::1: .*neighbor advertisement, tgt is fd00:1::3'
}

@test "defect 19: ADD returns when the port is up, and does not sleep for it" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  traced bridge -e trace=nanosleep,clock_nanosleep
  BIN=$BATS_TEST_TMPDIR/traced SEARCH=$BERTH_BIN must cni add c2 "$(gated)"
  assert_equal "$(link "$(host_end)" '[.operstate, .linkinfo.info_slave_data.state]')" '["UP","forwarding"]'
  assert_equal "$(grep -c nanosleep "$BATS_TEST_TMPDIR/trace")" 0
}

@test "defect 19: no waiting either where both ends of the pair have the same index" {
  add_container c1
  # The kernel may put off news of a link whose index is its peer's (linkwatch_urgent_event in net/core/link_watch.c).
  inside c1 ip link add second type bridge
  traced bridge -T -e trace=read
  BIN=$BATS_TEST_TMPDIR/traced SEARCH=$BERTH_BIN must cni add c1 "$(gated)"
  assert_equal "$(link "$(host_end)" '[.ifindex, .link_index, .operstate]')" '[3,3,"UP"]'
  # Nothing was waited for: the kernel's news and the IPAM plugin's answer came soon.
  assert_equal "$(grep -E '<(0\.[4-9]|[1-9])[0-9.]*>$' "$BATS_TEST_TMPDIR/trace")" ""
  reaches c1 10.1.0.1 fd00:1::1
}

@test "defect 20: links that come and go meanwhile do no harm" {
  add_container c1
  (while :; do
    host sh -c 'for i in 1 2 3 4 5 6 7 8; do ip link add x$i type veth peer name y$i; done; for i in 1 2 3 4 5 6 7 8; do ip link delete x$i; done' >/dev/null 2>&1
  done) 3>&- &
  local noise=$! round
  for round in {1..5}; do
    must cni add c1 "$(gated)"
    must cni check c1 "$(gated)"
    must cni gc c1 "$(gated '{"cni.dev/valid-attachments": [{containerID: "c1", ifname: "eth0"}]}')"
    reaches c1 10.1.0.1
    must cni del c1 "$(gated)"
  done
  kill "$noise"
}

# --- CHECK, GC, STATUS -------------------------------------------------------------------------------------------

@test "CHECK: false for whatever is not as ADD left it" {
  local change
  local changes=(
    'ip -n c1 address delete 10.1.0.2/24 dev eth0'
    'ip -n c1 -6 address delete fd00:1::2/64 dev eth0'
    'ip -n c1 address delete 10.1.0.2/24 dev eth0; ip -n c1 address add 10.1.0.2/16 dev eth0'
    'ip -n c1 route delete default'
    'ip -n c1 -6 route delete default'
    'ip -n c1 route replace default via 10.1.0.9'
    'ip -n c1 link set eth0 address 02:00:00:00:00:77'
    'ip -n c1 link delete eth0'
    'ip -n c1 link set eth0 down; ip -n c1 link set eth0 name eth7'
    'ip link set $port nomaster'
    'ip link add br9 type bridge; ip link set $port master br9'
    'ip address delete 10.1.0.1/24 dev cni0'
    'ip address delete fd00:1::1/64 dev cni0'
    'ip link set cni0 address 02:00:00:00:00:78'
    'ip link delete cni0'
    'rm /var/lib/cni/networks/net/10.1.0.2'
  )
  for change in "${changes[@]}"; do
    add_container c1
    must cni add c1 "$(gated)"
    must cni check c1 "$(gated)"
    host env port="$(jq -r '.interfaces[1].name' "$(result_file c1 eth0 "$(gated)")")" sh -ec "$change"
    must_fail 999 cni check c1 "$(gated)" || fail "after: $change"
    must cni del c1 "$(gated)"
    remove_container c1
    host ip link delete cni0 2>/dev/null || true
    host ip link delete br9 2>/dev/null || true
    host rm -rf /var/lib/cni/networks
  done
}

@test "CHECK: false when masquerading or the isolation of a port is gone from the kernel" {
  add_container c1
  local config
  config=$(gated '{ipMasq: true, portIsolation: true}')
  must cni add c1 "$config"
  must cni check c1 "$config"
  host bridge link set dev "$(jq -r '.interfaces[1].name' "$(result_file c1 eth0 "$config")")" isolated off
  must_fail 999 cni check c1 "$config"
  assert_json '.msg | test("isolation of veth")'
  host bridge link set dev "$(jq -r '.interfaces[1].name' "$(result_file c1 eth0 "$config")")" isolated on
  must cni check c1 "$config"
  host nft delete element inet berth masquerade4 '{ 10.1.0.2 }'
  must_fail 999 cni check c1 "$config"
  assert_json '.msg | test("10.1.0.2 of masquerade4")'
  host nft flush ruleset
  must_fail 999 cni check c1 "$config"
  assert_json '.msg | test("table inet berth")'
}

@test "CHECK: without prevResult, of another namespace, with another's prevResult" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  local result=$output
  PREVIOUS=no must_fail 7 cni check c1 "$(gated)"
  NETNS=/run/netns/c2 must_fail 999 cni check c1 "$(gated)"
  IFNAME=eth1 must_fail 999 cni check c1 "$(gated "{prevResult: $result}")"
  NETNS=/run/netns/gone must_fail 8 cni check c1 "$(gated)"
  must cni check c1 "$(gated)"
}

@test "GC: what is valid stays, the rest goes with its addresses; other networks are not touched" {
  add_container c1 c2 c3
  must cni add c1 "$(gated)"
  must cni add c2 "$(gated)"
  IFNAME=net1 must cni add c2 "$(gated)"
  must cni add c3 "$(gated '{name: "other", bridge: "br1", ipam: {type: "host-local", subnet: "10.2.0.0/24"}}')"
  must cni gc c1 "$(gated '{"cni.dev/valid-attachments": [{containerID: "c1", ifname: "eth0"}, {containerID: "c2", ifname: "net1"}]}')"
  assert_equal "$output" ""
  reaches c1 10.1.0.1 fd00:1::4
  reaches c3 10.2.0.1
  run ! inside c2 ip link show eth0
  assert_equal "$(host sh -c 'cd /var/lib/cni/networks/net && ls -d 10.1.*' | xargs)" "10.1.0.2 10.1.0.4"
  must cni gc c1 "$(gated '{"cni.dev/valid-attachments": []}')"
  assert_equal "$(links | jq -c 'map(select(startswith("veth") | not))')" '["lo","br1"]'
  assert_equal "$(host sh -c 'cd /var/lib/cni/networks/net && ls | grep -c ^10.1.' || true)" 0
  reaches c3 10.2.0.1
}

@test "GC: finds links of containers whose namespace is gone, and of long names" {
  local long
  long=$(printf 'x%.0s' {1..200})
  add_container c1
  must cni add c1 "$(net "{name: \"$long\"}")"
  local port
  port=$(host_end)
  must cni gc c1 "$(net "{name: \"$long\", \"cni.dev/valid-attachments\": [{containerID: \"c1\", ifname: \"eth0\"}]}")"
  exists "$port"
  must cni gc c1 "$(net "{name: \"$long\", \"cni.dev/valid-attachments\": []}")"
  assert_equal "$(links)" '["lo"]'
}

@test "STATUS: silent when ADD can be served, else code 50 with the reason" {
  must cni status c1 "$(gated)"
  assert_equal "$output" ""
  must cni status c1 "$(net)"
  SEARCH=/nowhere must_fail 50 cni status c1 "$(gated)"
  assert_match "$(jq -r .msg <<<"$output")" 'failed to find plugin "host-local"'
  host ip link add cni0 type veth peer name other
  must_fail 50 cni status c1 "$(gated)"
  assert_match "$(jq -r .msg <<<"$output")" "cni0 is not a bridge"
  fake_ipam limited 'cat >/dev/null; echo "{\"cniVersion\": \"1.1.0\", \"code\": 51, \"msg\": \"few left\"}"; exit 1'
  must_fail 51 cni status c1 "$(net '{bridge: "br1", ipam: {type: "limited"}}')"
  assert_equal "$(links)" '["lo","other","cni0"]'
}

@test "STATUS: code 50 where forwarding is off and cannot be turned on, or the process has no privileges" {
  host sh -c 'mount -o bind,ro /proc/sys /proc/sys'
  must_fail 50 cni status c1 "$(gated)"
  assert_match "$(jq -r .msg <<<"$output")" "ip_forward"
  must cni status c1 "$(net)"
  mkdir -p "$BATS_TEST_TMPDIR/weak"
  printf '#!/bin/sh\nexec setpriv --bounding-set -net_admin --inh-caps -net_admin %q\n' "$BERTH_BIN/bridge" >"$BATS_TEST_TMPDIR/weak/bridge"
  chmod +x "$BATS_TEST_TMPDIR/weak/bridge"
  BIN=$BATS_TEST_TMPDIR/weak SEARCH=$BERTH_BIN must_fail 50 cni status c1 "$(net)"
  assert_match "$(jq -r .msg <<<"$output")" CAP_NET_ADMIN
}

# --- Wrong input and odd hosts -----------------------------------------------------------------------------------

@test "wrong input: one error with its code, and nothing changes" {
  add_container c1
  local before
  before=$(state c1)
  # Not JSON at all, and not through `cni`, which reads it.
  wrong() { CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN host "$@"; }
  must_fail 6 wrong "$BERTH_BIN/bridge" <<<'{"cniVersion": '
  must_fail 6 wrong "$BERTH_BIN/bridge" <<<''
  must_fail 7 wrong "$BERTH_BIN/bridge" <<<'{"cniVersion": "1.1.0", "type": "bridge"}'
  must_fail 4 wrong env -u CNI_IFNAME "$BERTH_BIN/bridge" <<<"$(net)"
  must_fail 4 wrong env -u CNI_NETNS -u CNI_CONTAINERID "$BERTH_BIN/bridge" <<<"$(net)"
  assert_match "$(jq -r .msg <<<"$output")" 'CNI_CONTAINERID,CNI_NETNS'
  must_fail 4 wrong env CNI_CONTAINERID=a/b "$BERTH_BIN/bridge" <<<"$(net)"
  must_fail 4 wrong env CNI_IFNAME=a/b "$BERTH_BIN/bridge" <<<"$(net)"
  must_fail 4 wrong env CNI_IFNAME=0123456789abcdef "$BERTH_BIN/bridge" <<<"$(net)"
  must_fail 4 wrong env CNI_COMMAND=FROB "$BERTH_BIN/bridge" <<<"$(net)"
  must_fail 1 cni add c1 "$(net '{cniVersion: "9.9.9"}')"
  must_fail 7 cni add c1 "$(net '{name: "a/b"}')"
  NETNS=/run/netns/gone must_fail 8 cni add c1 "$(net)"
  NETNS=/etc/passwd must_fail 8 cni add c1 "$(net)"
  NETNS=/proc/self/ns/mnt must_fail 8 cni add c1 "$(net)"
  NETNS=/proc/self/status must_fail 8 cni add c1 "$(net)"
  NETNS=/proc/self/ns/net must_fail 8 cni add c1 "$(net)"
  ARGS='MAC' must_fail 4 cni add c1 "$(net)"
  ARGS='X=1' must_fail 4 cni add c1 "$(net)"
  ARGS='MAC=02:00' must_fail 7 cni add c1 "$(net)"
  local wrong
  for wrong in '{bridge: ""}' '{bridge: "a/b"}' '{bridge: "."}' '{bridge: "br%d"}' '{bridge: "0123456789abcdef"}' '{bridge: "äöüäöüäö"}' \
    '{bridge: 5}' '{isGateway: "yes"}' '{mtu: "1500"}' '{mtu: -1}' '{mtu: 1500.5}' '{mtu: 65536}' '{vlan: 4095}' '{vlan: -1}' '{vlanTrunk: {}}' \
    '{vlanTrunk: [{minID: 5}]}' '{vlanTrunk: [{maxID: 5}]}' '{vlanTrunk: [{minID: 9, maxID: 5}]}' '{vlanTrunk: [{id: 0}]}' '{vlanTrunk: [{id: 4095}]}' \
    '{hairpinMode: true, promiscMode: true}' '{ipam: "host-local"}' '{ipam: {type: 5}}' '{ipam: {type: "a/b"}}' '{ipam: {type: "host-local"}}' \
    '{ipam: {type: "host-local", subnet: "10.1.0.0/99"}}' '{ipam: {type: "host-local", subnet: "10.1"}}' '{dns: []}' '{dns: {nameservers: "x"}}' \
    '{runtimeConfig: {mac: "zz"}}' '{runtimeConfig: {mac: "00:00:00:00:00:00"}}' '{args: {cni: {mac: 5}}}' '{bridge: "lo"}'; do
    must_fail 7 cni add c1 "$(net "$wrong")" || fail "for $wrong"
    assert_json '(.details // .msg) | length > 0'
  done
  assert_equal "$(state c1)" "$before"
}

@test "a foreign link named like the bridge: an error that changes nothing" {
  add_container c1
  host ip link add cni0 type veth peer name other
  unchanged_by_add 7 c1 "$(gated)"
  assert_match "$(jq -r .msg <<<"$output")" '"cni0" already exists but is not a bridge'
  must cni del c1 "$(gated)"
  exists cni0
}

@test "an MTU that is too small for IPv6, or for anything: the error says so, and nothing is left" {
  add_container c1
  unchanged_by_add 7 c1 "$(gated '{mtu: 1279}')"
  assert_match "$(jq -r .details <<<"$output")" "at least 1280"
  unchanged_by_add 7 c1 "$(gated '{mtu: 67}')"
  must cni add c1 "$(gated '{mtu: 68, ipam: {type: "host-local", subnet: "10.1.0.0/24"}}')"
  reaches c1 10.1.0.1
}

@test "/proc/sys that cannot be written: ADD works where the settings are right, and says which is not" {
  add_container c1 c2
  must cni add c1 "$(gated)"
  must cni del c1 "$(gated)"
  host sh -c 'mount -o bind,ro /proc/sys /proc/sys'
  must cni add c1 "$(gated)"
  reaches c1 10.1.0.1 fd00:1::1
  must cni del c1 "$(gated)"
  host sh -c 'umount /proc/sys; echo 0 >/proc/sys/net/ipv4/ip_forward; mount -o bind,ro /proc/sys /proc/sys'
  unchanged_by_add 999 c1 "$(gated)"
  assert_match "$(jq -r .msg <<<"$output")" "Cannot set net/ipv4/ip_forward to 1"
  must cni add c2 "$(net)"
}

@test "IPv6 turned off by default: a network with IPv6 addresses turns it on for its own links" {
  add_container c1 c2
  host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
  inside c1 sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
  must cni add c1 "$(gated)"
  reaches c1 10.1.0.1 fd00:1::1
}

@test "a host's end that a plugin could not mark before it was killed is replaced" {
  add_container c1
  must cni add c1 "$(gated)"
  host ip link set "$(links | jq -r '.[] | select(startswith("veth"))')" alias ""
  inside c1 ip link set eth0 down
  inside c1 ip link set eth0 name lost
  must cni add c1 "$(gated '{ipam: {type: "host-local", subnet: "10.1.0.0/24", dataDir: "/run/other"}}')"
  assert_equal "$(links | jq -c '[.[] | select(startswith("veth"))] | length')" 1
}
