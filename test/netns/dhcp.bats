#!/usr/bin/env bats
# The DHCP plugin and its daemon, with Debian's DHCP servers.
load dhcp

setup() {
  make_lan
  add_container c1
}

@test "defect 29: DNS and MTU of a server are used; a container on a bridge gets its address from it, and gives it back" {
  start_dnsmasq --domain=example.org --dhcp-option=option:dns-server,10.50.0.53,10.50.0.54 --dhcp-option=option:mtu,1400 \
    --dhcp-option=option:domain-search,a.example,b.example --dhcp-option=option:ntp-server,10.50.0.42
  start_daemon
  config=$(network)
  must cni add c1 "$config"
  address=$(jq -r '.ips[0].address' <<<"$output")
  assert_match "$address" '^10\.50\.0\.1[0-5][0-9]/24$'
  assert_json '.ips[0].gateway == "10.50.0.1" and .ips[0].interface == 2 and .routes == [{dst: "0.0.0.0/0", gw: "10.50.0.1"}]'
  assert_json '.dns == {nameservers: ["10.50.0.53", "10.50.0.54"], domain: "example.org", search: ["a.example", "b.example"]}'
  assert_equal "$(address_of c1)" "$address"
  assert_equal "$(inside c1 cat /sys/class/net/eth0/mtu)" 1400
  assert_json '.options.timeServers == ["10.50.0.42"]' "$(host cat /var/lib/cni/dhcp/lan+c1+eth0.json)"
  assert_match "$(inside c1 ip route)" "default via 10.50.0.1 dev eth0"
  must inside c1 ping -c 1 -W 2 10.50.0.1
  assert_match "$(leases)" "^${address%/24} "
  must cni check c1 "$config"
  must cni del c1 "$config"
  eventually 5 has_no_lease
  eventually 5 has_no_files
  must cni del c1 "$config"
}

@test "dhcp: a macvlan container gets its address by its own MAC, which it keeps; the result has the server's MTU" {
  start_dnsmasq --dhcp-option=option:mtu,1400
  start_daemon
  config=$(network '{}' macvlan)
  must cni add c1 "$config"
  address=$(jq -r '.ips[0].address' <<<"$output")
  assert_equal "$(address_of c1)" "$address"
  mac=$(inside c1 cat /sys/class/net/eth0/address)
  assert_json ".interfaces[0].mac == \"$mac\" and .interfaces[0].mtu == 1400"
  assert_equal "$(inside c1 cat /sys/class/net/eth0/mtu)" 1400
  assert_match "$(awk '{print $2, $3}' "$BATS_TEST_TMPDIR/leases" | head -n 1)" "^$mac ${address%/24}$"
  must inside c1 ping -c 1 -W 2 10.50.0.1
  must cni check c1 "$config"
  must cni del c1 "$config"
  eventually 5 has_no_lease
}

@test "dhcp: an interface of the host's has its lease for as long as it is the container's" {
  start_dnsmasq --dhcp-option=option:mtu,1400
  start_daemon
  config=$(network '{}' host-device | jq -c '. + {device: "uplink"}')
  must cni add c1 "$config"
  assert_json '.interfaces[0].mtu == 1400'
  assert_equal "$(address_of c1)" "$(jq -r '.ips[0].address' <<<"$output")"
  must inside c1 ping -c 1 -W 2 10.50.0.1
  must cni check c1 "$config"
  must cni del c1 "$config"
  eventually 5 has_no_lease
  must host ip link show uplink
}

@test "defect 29: DHCPv6: an address of a server, the way out by routers' advertisements" {
  start_dnsmasq --dhcp-option=option6:dns-server,[fd50::53] --dhcp-option=option6:domain-search,six.example
  start_daemon
  config=$(network '{families: ["ipv6"]}')
  must cni add c1 "$config"
  address=$(jq -r '.ips[0].address' <<<"$output")
  assert_match "$address" '^fd50::1[0-9a-f]+/128$'
  assert_json '(.ips | length) == 1 and (.ips[0] | has("gateway") | not) and (has("routes") | not)'
  assert_json '.dns == {nameservers: ["fd50::53"], search: ["six.example"]}'
  assert_equal "$(address_of c1 6)" "$address"
  assert_match "$(leases)" "${address%/128} "
  eventually 10 inside c1 ping -c 1 -W 1 fd50::1
  must cni check c1 "$config"
  must cni del c1 "$config"
  eventually 5 has_no_lease
}

@test "dhcp: both families, or none of them" {
  start_dnsmasq
  start_daemon -resendtimeout 3s
  for type in bridge macvlan; do
    config=$(network '{families: ["ipv4", "ipv6"]}' "$type")
    must cni add c1 "$config"
    assert_json '[.ips[].address] | length == 2 and (.[0] | startswith("10.50.0.1")) and (.[1] | startswith("fd50::1"))'
    assert_equal "$(leases | wc -l)" 2
    must cni check c1 "$config"
    must cni del c1 "$config"
    eventually 5 has_no_lease
  done
  stop_server
  : >"$BATS_TEST_TMPDIR/leases"
  start_isc 600
  must_fail 11 cni add c1 "$(network '{families: ["ipv4", "ipv6"]}')"
  assert_json '.msg | contains("no DHCPv6 server gave one within 3 s")'
  until_logged server 'DHCPRELEASE of 10.50.0.1'
}

@test "dhcp: no server: one clear error in time, and nothing is left" {
  start_daemon -resendtimeout 2s
  before=$(snapshot)
  config=$(network)
  SECONDS=0
  must_fail 11 cni add c1 "$config"
  ((SECONDS < 8)) || fail "It took $SECONDS s"
  assert_json '.msg == "Cannot get an IPv4 address: no DHCP server gave one within 2 s"'
  assert_equal "$(inside c1 ip -j link | jq -c '[.[].ifname]')" '["lo"]'
  assert_equal "$(snapshot | grep -v cni0)" "$(grep -v cni0 <<<"$before")"
}

@test "defect 29: leases are prolonged and released from the address itself" {
  start_isc 8
  start_daemon
  must cni add c1 "$(network)"
  address=$(address_of c1)
  in_background packets ip netns exec server tcpdump -l -n -i lan udp port 67
  until_logged packets listening
  : >"$BATS_TEST_TMPDIR/server.log"
  # Twice in the time of two leases, each time by the server alone.
  until_logged server "DHCPACK on ${address%/24}" 8
  : >"$BATS_TEST_TMPDIR/server.log"
  until_logged server "DHCPACK on ${address%/24}" 8
  assert_equal "$(address_of c1)" "$address"
  assert_match "$(<"$BATS_TEST_TMPDIR/packets.log")" "${address%/24}\.68 > 10\.50\.0\.1\.67: BOOTP/DHCP, Request"
  run ! grep -F "255.255.255.255" "$BATS_TEST_TMPDIR/packets.log"
  must cni check c1 "$(network)"
  : >"$BATS_TEST_TMPDIR/packets.log"
  must cni del c1 "$(network)"
  until_logged server "DHCPRELEASE of ${address%/24} .* \(found\)"
  until_logged packets "${address%/24}\.68 > 10\.50\.0\.1\.67: BOOTP/DHCP, Request"
}

@test "dhcp: a lease of IPv6 is prolonged, and any server can do that" {
  FAMILY=6 start_isc 8
  start_daemon
  must cni add c1 "$(network '{families: ["ipv6"]}')"
  address=$(address_of c1 6)
  until_logged server "Renew message" 8
  stop_server
  # Another server that knows its leases, by another identifier.
  sed -i '/server-duid/d' "$BATS_TEST_TMPDIR/isc6.leases"
  : >"$BATS_TEST_TMPDIR/server.log"
  FAMILY=6 start_isc 8
  until_logged server "Rebind message" 10
  until_logged server "Renew message" 10
  assert_equal "$(address_of c1 6)" "$address"
  must cni check c1 "$(network '{families: ["ipv6"]}')"
}

@test "dhcp: an address whose lease ran out is taken from the container, and CHECK says so" {
  start_isc 4
  start_daemon
  config=$(network)
  must cni add c1 "$config"
  stop_server
  eventually 10 has_no_address c1
  until_logged daemon 'lan/c1/eth0: 10.50.0.1.* ran out'
  must_fail 999 cni check c1 "$config"
  must cni del c1 "$config"
}

@test "dhcp: an address that ran out comes back, with its routes, when a server gives it again" {
  start_isc 4
  start_daemon
  config=$(network '{priority: 5}')
  must cni add c1 "$config"
  address=$(address_of c1)
  routes=$(inside c1 ip route)
  stop_server
  eventually 10 has_no_address c1
  start_isc 4
  eventually 20 has_address c1 "$address"
  assert_equal "$(inside c1 ip route)" "$routes"
  must cni check c1 "$config"
  must inside c1 ping -c 1 -W 2 10.50.0.1
}

@test "dhcp: an address that its server takes back is taken from the container at once" {
  start_isc 8
  start_daemon
  must cni add c1 "$(network)"
  stop_server
  RANGE=10.50.0.200,10.50.0.210 start_dnsmasq
  # After half of the lease, not all of it.
  until_logged daemon 'lan/c1/eth0: 10.50.0.1.* was taken back'
  assert_equal "$(address_of c1)" ""
  # What the server has instead is of no use to a container that runs.
  until_logged daemon 'is somebody else.s now'
  until_logged server 'DHCPRELEASE.* 10.50.0.2'
  must_fail 999 cni check c1 "$(network)"
  must cni del c1 "$(network)"
}

@test "dhcp: a server on the host's own bridge hears of a release, too" {
  host ip -n server address flush dev lan
  host ip address add 10.50.0.1/24 dev cni0
  host ip address add fd50::1/64 dev cni0 nodad
  in_background server dnsmasq --no-daemon --conf-file=/dev/null --pid-file= --port=0 --no-ping --interface=cni0 \
    --dhcp-range=10.50.0.100,10.50.0.150,255.255.255.0,1h --dhcp-range=fd50::100,fd50::1ff,64,1h --log-dhcp \
    --dhcp-leasefile="$BATS_TEST_TMPDIR/leases"
  until_logged server 'DHCPv6, IP range'
  start_daemon
  config=$(network '{families: ["ipv4", "ipv6"]}')
  must cni add c1 "$config"
  assert_equal "$(leases | wc -l)" 2
  must cni del c1 "$config"
  eventually 5 has_no_lease
}

@test "dhcp: when its server is silent, another one prolongs the lease" {
  start_isc 8
  start_daemon
  must cni add c1 "$(network)"
  address=$(address_of c1)
  stop_server
  host ip -n server address delete 10.50.0.1/24 dev lan
  host ip -n server address add 10.50.0.2/24 dev lan
  start_isc 8
  : >"$BATS_TEST_TMPDIR/server.log"
  until_logged server "DHCPACK on ${address%/24}" 10
  assert_equal "$(address_of c1)" "$address"
}

@test "defect 29: a daemon that was killed goes on with its leases when it is back" {
  start_isc 8
  start_daemon
  must cni add c1 "$(network)"
  address=$(address_of c1)
  stop_daemon KILL
  start_daemon
  must cni check c1 "$(network)"
  : >"$BATS_TEST_TMPDIR/server.log"
  until_logged server "DHCPREQUEST for ${address%/24}" 8
  sleep 6
  assert_equal "$(address_of c1)" "$address"
  must cni del c1 "$(network)"
  until_logged server "DHCPRELEASE of ${address%/24}"
}

@test "defect 4: DEL succeeds when the daemon does not run, which makes up for the release when it does" {
  start_dnsmasq
  start_daemon
  for type in bridge macvlan; do
    config=$(network '{families: ["ipv4", "ipv6"]}' "$type")
    must cni add c1 "$config"
    stop_daemon
    must cni del c1 "$config"
    must cni del c1 "$config"
    assert_equal "$(leases | wc -l)" 2
    remove_container c1
    start_daemon
    eventually 5 has_no_lease
    eventually 5 has_no_files
    add_container c1
  done
  # One that never had a lease.
  stop_daemon
  must cni del c2 "$(network)"
}

@test "dhcp: without a daemon ADD and STATUS say what is missing, CHECK and GC too" {
  config=$(network '{}' dhcp)
  must_fail 11 cni add c1 "$config"
  assert_json '(.msg | contains("/run/cni/dhcp.sock: connect: No such file")) and (.details | contains("dhcp daemon"))'
  must_fail 50 cni status any "$config"
  must_fail 7 cni check c1 "$config"
  must_fail 11 cni check c1 "$(jq -c '. + {prevResult: {cniVersion: "1.1.0", ips: [{address: "10.50.0.1/24"}]}}' <<<"$config")"
  must cni gc any "$config"
  must cni del c1 "$config"
}

@test "defect 29: CHECK and DEL have an end, also when the daemon does not answer" {
  start_dnsmasq
  start_daemon
  config=$(network)
  must cni add c1 "$config"
  host pkill -STOP --exact --full "$(daemon_line)"
  SECONDS=0
  must_fail 11 cni check c1 "$config"
  ((SECONDS < 30)) || fail "It took $SECONDS s"
  assert_json '.msg | contains("it does not answer")'
  host pkill -CONT --exact --full "$(daemon_line)"
  must cni check c1 "$config"
  inside c1 ip link delete eth0
  must_fail 999 cni check c1 "$config"
  # DEL has an end, too, and the daemon does it later.
  host pkill -STOP --exact --full "$(daemon_line)"
  must cni del c1 "$config"
  assert_equal "$(leases | wc -l)" 1
  host pkill -CONT --exact --full "$(daemon_line)"
  eventually 5 has_no_lease
  eventually 5 has_no_files
}

@test "defect 29: a pod has its name as host name, and is the same client wherever it runs" {
  start_dnsmasq
  start_daemon
  export ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1"
  must cni add c1 "$(network)"
  first=$(address_of c1)
  assert_match "$(leases)" " web-0 00:$(printf 'shop/web-0/lan/eth0' | od -An -tx1 | xargs | tr ' ' :)$"
  # Its sandbox is made anew while the old one is there; the old one's end takes nothing from it.
  add_container c2
  must cni add c2 "$(network)"
  assert_equal "$(address_of c2)" "$first"
  must cni del c1 "$(network)"
  sleep 0.3
  assert_match "$(leases)" "^${first%/24} web-0"
  must cni del c2 "$(network)"
  eventually 5 has_no_lease
}

@test "defect 29: an identifier of a long container ID is short enough for any server, and its own" {
  start_dnsmasq
  start_daemon
  long=$(printf '%064d' 1)
  for id in 1 2; do
    add_container "$long$id"
    must cni add "$long$id" "$(network)"
  done
  assert_equal "$(leases | awk '{print $3}' | sort -u | wc -l)" 2
  while read -r _ _ client; do
    [[ $(tr -cd : <<<"$client" | wc -c) -lt 64 ]] || fail "$client"
  done < <(leases)
}

@test "dhcp: GC gives back what belongs to no valid attachment, also when the daemon does not run" {
  start_dnsmasq
  start_daemon
  add_container c2 c3
  for name in c1 c2 c3; do must cni add "$name" "$(network)"; done
  valid() { network '{}' dhcp | jq -c '. + {"cni.dev/valid-attachments": ($ARGS.positional | map({containerID: ., ifname: "eth0"}))}' --args "$@"; }
  must cni gc any "$(valid c2 c3)"
  eventually 5 eval '[[ $(leases | wc -l) == 2 ]]'
  stop_daemon
  must cni gc any "$(valid c3)"
  start_daemon
  eventually 5 eval '[[ $(leases | wc -l) == 1 ]]'
  assert_match "$(leases)" "^$(address_of c3 | cut -d/ -f1) "
  # Those of other networks are not its affair.
  must cni gc any "$(network '{}' dhcp | jq -c '.name = "other"')"
  must cni check c3 "$(network)"
}

@test "dhcp: routes of options 121 and 33, metric by priority" {
  start_dnsmasq --dhcp-option=121,10.60.0.0/16,10.50.0.9,10.61.0.0/16,0.0.0.0,0.0.0.0/0,10.50.0.1
  start_daemon
  must cni add c1 "$(network '{priority: 77}')"
  assert_json '.routes == [{dst: "10.60.0.0/16", gw: "10.50.0.9", priority: 77},
    {dst: "10.61.0.0/16", priority: 77, scope: 253}, {dst: "0.0.0.0/0", gw: "10.50.0.1", priority: 77}]'
  assert_match "$(inside c1 ip route | tr -s ' ')" "10.61.0.0/16 dev eth0 scope link metric 77"
  must cni del c1 "$(network)"
  # Asked for the usual ones no more, the server tells of no option 121.
  must cni add c1 "$(network '{request: [{option: "subnet-mask", skipDefault: true}, {option: "33"}]}')"
  assert_json 'has("routes") | not'
  assert_match "$(<"$BATS_TEST_TMPDIR/server.log")" "requested options: 1:netmask, 33:static-route"
}

@test "dhcp: the Go suite's plugin makes the same of a server's answers" {
  start_dnsmasq --dhcp-option=33,198.51.100.0,10.50.0.7 --dhcp-option=121,10.60.0.0/16,10.50.0.9,0.0.0.0/0,10.50.0.1
  host ip -n c1 link add eth0 type veth peer name port netns 1
  host ip link set port master cni0 up
  host ip -n c1 link set eth0 up
  in_background go "$GO_BIN/dhcp" daemon -socketpath /run/go.sock
  eventually 10 test -S "/proc/$HOST_PID/root/run/go.sock"
  start_daemon
  for request in '[{option: "121"}]' '[{option: "33"}]' '[]' '[{option: "121"}, {option: "33"}]'; do
    # Of the usual options only those that Go asks for.
    keys="{request: ([{option: \"subnet-mask\", skipDefault: true}, {option: \"routers\"}] + $request)}"
    must cni add c1 "$(network "$keys" dhcp)"
    ours=$(jq -S 'del(.cniVersion, .dns) | del(.ips[].address)' <<<"$output")
    must cni del c1 "$(network "$keys" dhcp)"
    config=$(network "$keys + {daemonSocketPath: \"/run/go.sock\"}" dhcp | jq -c '.cniVersion = "1.0.0"')
    BIN=$GO_BIN must cni add c1 "$config"
    assert_equal "$ours" "$(jq -S 'del(.cniVersion, .dns) | del(.ips[].address)' <<<"$output")"
    BIN=$GO_BIN must cni del c1 "$config"
  done
}

@test "dhcp: provide sends options, also of CNI_ARGS" {
  start_dnsmasq --dhcp-vendorclass=set:red,blue-box --dhcp-userclass=set:user,class-1
  start_daemon
  ARGS="IgnoreUnknown=1;K8S_POD_NAME=web-0" must cni add c1 "$(network '{provide: [
    {option: "vendor-class-identifier", value: "blue-box"}, {option: "77", value: "class-1"},
    {option: "host-name", fromArg: "K8S_POD_NAME"}, {option: "dhcp-client-identifier", value: "me"}]}')"
  log=$(<"$BATS_TEST_TMPDIR/server.log")
  assert_match "$log" "vendor class: blue-box"
  assert_match "$log" "user class: class-1"
  assert_match "$log" "client provides name: web-0"
  assert_match "$(leases)" " 6d:65$"
  must cni del c1 "$(network)"
  eventually 5 has_no_lease
}

@test "defect 29: -broadcast asks servers to answer to all" {
  start_dnsmasq
  in_background packets ip netns exec server tcpdump -l -v -n -i lan udp port 67 or udp port 68
  until_logged packets listening
  start_daemon
  must cni add c1 "$(network)"
  must cni del c1 "$(network)"
  eventually 5 has_no_lease
  until_logged packets "Reply"
  run ! grep -F 'Flags [Broadcast]' "$BATS_TEST_TMPDIR/packets.log"
  stop_daemon
  start_daemon -broadcast
  must cni add c1 "$(network)"
  until_logged packets 'Flags \[Broadcast\]'
  until_logged packets '10.50.0.1.67 > 255.255.255.255.68: BOOTP/DHCP, Reply'
}

@test "dhcp: the same ADD again gives the same; DEL ends an ADD that is under way" {
  start_dnsmasq
  start_daemon
  host ip -n c1 link add eth0 type veth peer name port netns 1
  host ip link set port master cni0 up
  config=$(network '{}' dhcp)
  must cni add c1 "$config"
  first=$output
  cni add c1 "$config" >"$BATS_TEST_TMPDIR/again" & one=$!
  cni add c1 "$config" >/dev/null & other=$!
  wait "$one"
  wait "$other"
  assert_equal "$(<"$BATS_TEST_TMPDIR/again")" "$first"
  assert_equal "$(grep -c 'DHCPACK' "$BATS_TEST_TMPDIR/server.log")" 1
  must cni del c1 "$config"
  eventually 5 has_no_lease
  host ip link set port nomaster
  host ip -n c1 link set eth0 down
  cni add c1 "$config" >"$BATS_TEST_TMPDIR/add" & adding=$!
  eventually 10 is_up c1
  must cni del c1 "$config"
  if wait "$adding"; then fail "ADD succeeded"; fi
  assert_json '.msg | contains("DEL came meanwhile")' "$(<"$BATS_TEST_TMPDIR/add")"
}

@test "dhcp: an ADD whose plugin was killed leaves no lease" {
  start_daemon
  host ip -n c1 link add eth0 type veth peer name port netns 1
  host ip link set port master cni0 up
  cni add c1 "$(network '{}' dhcp)" >/dev/null & adding=$!
  eventually 10 is_up c1
  host pkill -KILL --exact --full "$BERTH_BIN/dhcp"
  if wait "$adding"; then fail "ADD succeeded"; fi
  start_dnsmasq
  sleep 3
  assert_equal "$(leases)" ""
}

@test "dhcp: the socket is its owner's and group's; flags as upstream has them; an end leaves no files" {
  in_background daemon "$BERTH_BIN/dhcp" daemon -pidfile=/run/dhcp.pid --socketpath /run/other/dhcp.sock -timeout 1m2.5s
  config=$(network '{daemonSocketPath: "/run/other/dhcp.sock"}' dhcp)
  eventually 10 cni status any "$config"
  assert_equal "$(host stat -c '%a %U:%G' /run/other /run/other/dhcp.sock | xargs)" "700 root:root 660 root:root"
  assert_equal "$(host cat "/proc/$(host cat /run/dhcp.pid)/cmdline" | tr '\0' ' ' | grep -c daemon)" 1
  run -1 host "$BERTH_BIN/dhcp" daemon -socketpath /run/other/dhcp.sock
  assert_match "$output" "Cannot listen at /run/other/dhcp.sock: a daemon does already"
  host sh -c 'kill -INT $(cat /run/dhcp.pid)'
  eventually 5 no_daemon
  assert_equal "$(host find /run/other /run/dhcp.pid -type f -o -type s)" ""
  run -2 host "$BERTH_BIN/dhcp" daemon -timeout soon
  assert_match "$output" "Cannot read -timeout soon"
}

@test "dhcp: a daemon in a container of its own sees the host beneath a prefix" {
  host sh -ec 'mkdir /run/host && mount --rbind / /run/host'
  start_dnsmasq
  start_daemon -hostprefix /run/host
  must cni add c1 "$(network)"
  assert_json '.netns == "/run/host/run/netns/c1"' "$(host cat /var/lib/cni/dhcp/lan+c1+eth0.json)"
  must cni check c1 "$(network)"
  stop_daemon
  must cni del c1 "$(network)"
  start_daemon -hostprefix /run/host
  eventually 5 has_no_lease
}

@test "dhcp: DEL and GC without a namespace give the address back by the bridge" {
  start_dnsmasq
  start_daemon
  add_container c2
  must cni add c1 "$(network '{families: ["ipv4", "ipv6"]}')"
  must cni add c2 "$(network)"
  remove_container c1 c2
  NETNS= must cni del c1 "$(network)"
  eventually 5 eval '[[ $(leases | wc -l) == 1 ]]'
  must cni gc any "$(network)"
  eventually 5 has_no_lease
  eventually 5 has_no_files
}

@test "dhcp: a socket of systemd's is listened at, and stays" {
  host mkdir /run/cni
  in_background daemon perl -MIO::Socket::UNIX -MPOSIX=dup2 -e '
    $^F = 10;
    my $socket = IO::Socket::UNIX->new(Local => shift, Listen => 5) or die "Cannot listen: $!";
    dup2(fileno($socket), 3);
    @ENV{"LISTEN_PID", "LISTEN_FDS"} = ($$, 1);
    exec @ARGV' /run/cni/dhcp.sock "$BERTH_BIN/dhcp" daemon
  start_dnsmasq
  eventually 10 daemon_answers
  must cni add c1 "$(network)"
  must cni del c1 "$(network)"
  stop_daemon
  [[ -S /proc/$HOST_PID/root/run/cni/dhcp.sock ]]
  assert_equal "$(grep -v 'gave back' "$BATS_TEST_TMPDIR/daemon.log")" ""
  for unit in "$REPOSITORY"/cmd/dhcp/systemd/*; do grep -qE '^(ListenStream=/run/cni/dhcp.sock|ExecStart=/opt/cni/bin/dhcp daemon)$' "$unit" || fail "$unit"; done
}

@test "dhcp: no request that is wrong, cut short or endless disturbs the daemon" {
  start_dnsmasq
  start_daemon
  send() { host timeout 20 node "$BATS_TEST_DIRNAME/dhcpsocket.mjs" /run/cni/dhcp.sock "$1"; }
  for request in 'nonsense' '[]' '{}' 'null' '{"verb": "ADD"}' '{"verb": "EAT", "network": "lan", "containerID": "c1", "ifname": "eth0"}' \
    '{"verb": "DEL", "network": "../lan", "containerID": "c1", "ifname": "eth0"}' \
    '{"verb": "DEL", "network": "lan", "containerID": "c/1", "ifname": "eth0"}' \
    '{"verb": "GC", "network": "lan", "valid": "all"}' \
    '{"verb": "ADD", "network": "lan", "containerID": "c1", "ifname": "eth0", "netns": "c1", "wishes": {}}' \
    '{"verb": "ADD", "network": "lan", "containerID": "c1", "ifname": "eth0", "netns": "/run/netns/none", "wishes": {"families": [4], "request": [], "provide": [], "who": "me"}}' \
    '{"verb": "ADD", "network": "lan", "containerID": "c1", "ifname": "lo", "netns": "/etc/passwd", "wishes": {"families": [4], "request": [], "provide": [], "who": "me"}}' \
    '{"verb": "ADD", "network": "lan", "containerID": "c1", "ifname": "eth7", "netns": "/run/netns/c1", "wishes": {"families": [5], "request": ["x"], "provide": [1], "who": 7}}'; do
    assert_json '.error.msg | length > 0' "$(send "$request"$'\n')"
  done
  # One that says nothing, or not all, waits alone.
  send '{"verb": "ST' >"$BATS_TEST_TMPDIR/half" & half=$!
  must cni add c1 "$(network)"
  must cni check c1 "$(network)"
  must cni del c1 "$(network)"
  wait "$half"
  assert_equal "$(<"$BATS_TEST_TMPDIR/half")" ""
  daemon_answers
}

@test "dhcp: what a daemon that was killed left is no hindrance" {
  start_daemon
  stop_daemon KILL
  [[ -S /proc/$HOST_PID/root/run/cni/dhcp.sock ]]
  start_daemon
}

@test "dhcp: bad input is a clear error that says where" {
  local -A bad=(
    ['{provide: [{option: "colour", value: "red"}]}']='ipam.provide[0].option: found "colour", allowed: a number from 1 to 254, or one of subnet-mask'
    ['{request: [{option: "256"}]}']='ipam.request[0].option: found "256"'
    ['{request: {}}']='ipam.request: found {}, allowed: an array'
    ['{families: ["ipv5"]}']='ipam.families[0]: found "ipv5"'
    ['{families: []}']='ipam.families: found []'
    ['{priority: "1"}']='ipam.priority: found "1"'
    ['{daemonSocketPath: 1}']='ipam.daemonSocketPath: found 1'
  )
  for ipam in "${!bad[@]}"; do
    must_fail 7 cni add c1 "$(network "$ipam" dhcp)"
    assert_equal "$(jq -r --arg expected "${bad[$ipam]}" '.details | contains($expected)' <<<"$output")" true || fail "$ipam: $output"
  done
  must_fail 7 cni add c1 "$(network "{provide: [{option: \"77\", value: \"$(printf '%0256d')\"}]}" dhcp)"
  must cni del c1 "$(network '{families: 1}' dhcp)"
}

@test "conf: 80-dhcp.conflist" {
  host ip link set uplink down
  host ip link set uplink name eth0
  host ip link set eth0 up
  start_dnsmasq
  start_daemon
  list=$REPOSITORY/conf/80-dhcp.conflist
  must chain add c1 "$list"
  must inside c1 ping -c 1 -W 2 10.50.0.1
  must chain check c1 "$list"
  must chain del c1 "$list"
}
