#!/usr/bin/env bats
# Docker's overlay driver, in both of its modes, between hosts.
load overlay

setup() { make_hosts; }
teardown() { remove_hosts; }

vtep() { at "$1" host ip -j -d link show "$2" | jq -c '.[0]'; }

@test "vxlan l2: containers on different hosts are on one subnet, with full-size packets and streams" {
  for name in a b d; do start "$name" c1 "$(l2 "$name")"; done
  assert_json '.ips[0].address == "10.9.0.40/24" and .ips[1].address == "fd09::40/64"'
  assert_equal "$(vtep a vxlan4097 | jq -c '[.mtu, .master, .address, .linkinfo.info_data.id, .linkinfo.info_data.port,
    .linkinfo.info_data.local, .linkinfo.info_data.learning, .linkinfo.info_data.udp_csum]')" \
    '[1450,"vxbr4097","02:42:ac:1e:00:01",4097,4789,"172.30.0.1",true,true]'
  reach a c1 10.9.0.20 10.9.0.40 fd09::20 fd09::40
  reach d c1 10.9.0.10 fd09::20
  stream a c1 b c1 10.9.0.20
  stream a c1 d c1 fd09::40
  for name in a b d; do
    must at "$name" cni check c1 "$(l2 "$name")"
    must at "$name" cni del c1 "$(l2 "$name")"
    assert_equal "$(at "$name" host ip -j link | jq -c '[.[].ifname]')" '["lo","eth0"]'
  done
}

@test "vxlan l3: a subnet for each host, with full-size packets and streams" {
  for name in a b d; do start "$name" c1 "$(l3 "$name")"; done
  reach a c1 10.244.2.2 10.244.4.2 fd24:2::2 fd24:4::2
  reach d c1 10.244.1.2 fd24:2::2
  stream a c1 b c1 10.244.2.2
  stream a c1 d c1 fd24:4::2
  # The host itself reaches the containers of other hosts.
  must at a host ping -c 1 -W 2 10.244.2.2
  must at a host ping -c 1 -W 2 fd24:2::2
  # As the kernel's own tools tell it: an address, a neighbour, a forwarding entry and a route for each peer.
  assert_equal "$(at a host ip -j address show vxlan100 | jq -c '[.[0].addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"]')" \
    '["10.244.1.0/32","fd24:1::/128"]'
  assert_equal "$(at a host ip -j neigh show dev vxlan100 nud permanent | jq -c '[.[] | [.dst, .lladdr]] | sort')" \
    "$(jq -nc '[["10.244.2.0", "fd24:2::", "02"], ["10.244.3.0", "fd24:3::", "03"], ["10.244.4.0", "fd24:4::", ""]]
      | [.[] | (if .[2] == "" then "ac:1f:00:01" else "ac:1e:00:\(.[2])" end) as $mac | [.[0], "02:42:\($mac)"], [.[1], "02:42:\($mac)"]] | sort')"
  assert_equal "$(at a host bridge -j fdb show dev vxlan100 | jq -c '[.[] | [.mac, .dst]] | sort')" \
    '[["02:42:ac:1e:00:02","172.30.0.2"],["02:42:ac:1e:00:03","172.30.0.3"],["02:42:ac:1f:00:01","172.31.0.1"]]'
  assert_equal "$(at a host ip -j route show dev vxlan100 | jq -c '[.[] | [.dst, .gateway, .flags]] | sort')" \
    '[["10.244.2.0/24","10.244.2.0",["onlink"]],["10.244.3.0/24","10.244.3.0",["onlink"]],["10.244.4.0/24","10.244.4.0",["onlink"]]]'
  for name in a b d; do
    must at "$name" cni check c1 "$(l3 "$name")"
    must at "$name" cni del c1 "$(l3 "$name")"
    assert_equal "$(at "$name" host ip -j link | jq -c '[.[].ifname]')" '["lo","eth0"]'
    assert_equal "$(at "$name" host ip route show proto 98)" ""
  done
}

@test "vxlan l3: too large a packet is told so, by the gateway or by the tunnel" {
  for name in a b; do start "$name" c1 "$(l3 "$name")"; done
  at a inside c1 ip link set eth0 mtu 1500
  for link in $(at a host ip -j link show master vxbr100 | jq -r '.[].ifname') vxbr100; do
    at a host ip link set "$link" mtu 1500
  done
  run at a inside c1 ping -c 1 -W 2 -M do -s 1472 10.244.2.2
  assert_match "$output" "mtu ?= ?1450"
}

@test "vxlan l3: directRouting uses no tunnel on one underlay subnet, and the tunnel behind a router" {
  for name in a b d; do start "$name" c1 "$(l3 "$name" '{directRouting: true}')"; done
  reach a c1 10.244.2.2 10.244.4.2 fd24:2::2 fd24:4::2
  assert_equal "$(at a host ip -j route show 10.244.2.0/24 | jq -c '.[0] | [.gateway, .dev]')" '["172.30.0.2","eth0"]'
  assert_equal "$(at a host ip -j route show 10.244.4.0/24 | jq -c '.[0] | [.gateway, .dev]')" '["10.244.4.0","vxlan100"]'
  # IPv6 subnets go through the tunnel, as the peers' addresses are IPv4.
  assert_equal "$(at a host ip -j -6 route show fd24:2::/64 | jq -r '.[0].dev')" vxlan100
  must at a cni check c1 "$(l3 a '{directRouting: true}')"
  # Taking the option away moves the route into the tunnel, and back.
  at a add_container c2 c3
  must at a cni add c2 "$(l3 a)"
  assert_equal "$(at a host ip -j route show 10.244.2.0/24 | jq -c '[.[] | .dev]')" '["vxlan100"]'
  reach a c1 10.244.2.2
  must at a cni add c3 "$(l3 a '{directRouting: true}')"
  assert_equal "$(at a host ip -j route show 10.244.2.0/24 | jq -c '[.[] | .dev]')" '["eth0"]'
  for container in c1 c2 c3; do must at a cni del "$container" "$(l3 a)"; done
  assert_equal "$(at a host ip route show proto 98)" ""
}

@test "vxlan: an IPv6 underlay" {
  HOSTS=(a b)
  ipv6() { "$1" "$2" '{local: "fd30::'"$(number_of "$2")"'"}' |
    jq -c --arg a fd30::1 --arg b fd30::2 --arg self "$2" '.peers[0].ip = (if $self == "a" then $b else $a end)'; }
  for name in a b; do
    start "$name" c1 "$(ipv6 l2 "$name")"
    start "$name" c2 "$(ipv6 l3 "$name")"
  done
  assert_equal "$(vtep a vxlan4097 | jq -c '[.mtu, .linkinfo.info_data.local6]')" '[1430,"fd30::1"]'
  reach a c1 10.9.0.20 fd09::20
  reach a c2 10.244.2.2 fd24:2::2
  stream a c1 b c1 10.9.0.20
  stream a c2 b c2 fd24:2::2
}

@test "vxlan: two overlays cannot see each other" {
  HOSTS=(a b)
  red() { l2 "$1" '{name: "red", vni: 4098}'; }
  for name in a b; do
    start "$name" c1 "$(l2 "$name")"
    at "$name" add_container c2
  done
  must at a cni add c2 "$(red a)"
  must at b cni add c2 "$(red b)"
  # Both overlays have the same addresses.
  at b inside c2 ip address add 10.9.0.99/24 dev eth0
  at b inside c1 ip address add 10.9.0.77/24 dev eth0
  reach a c1 10.9.0.77
  reach a c2 10.9.0.99
  cannot_reach a c1 10.9.0.99
  cannot_reach a c2 10.9.0.77
}

@test "vxlan: peers come and go by the file, at each ADD and by cnitool overlay sync" {
  HOSTS=(a b c)
  file() { # one list for all hosts
    for host in "$@"; do peers_of none "$host" | jq -c '.[]'; done | jq -sc . >"$BATS_TEST_TMPDIR/peers.new"
    mv "$BATS_TEST_TMPDIR/peers.new" "$BATS_TEST_TMPDIR/peers.json"
  }
  by_file() { "$1" "$2" | jq -c --arg file "$BATS_TEST_TMPDIR/peers.json" 'del(.peers) | .peersFile = $file'; }
  for mode in l2 l3; do
    for host in a b c; do
      mkdir -p "$BATS_TEST_TMPDIR/$host"
      by_file "$mode" "$host" | jq -c '{cniVersion, name, plugins: [del(.name, .cniVersion)]}' \
        >"$BATS_TEST_TMPDIR/$host/$mode.conflist"
    done
  done
  sync() { NETCONFPATH=$BATS_TEST_TMPDIR/$1 CNI_PATH=$BERTH_BIN at "$1" host "$BERTH_BIN/cnitool" overlay sync "$2"; }
  file a b
  for host in a b c; do
    start "$host" c1 "$(by_file l2 "$host")"
    start "$host" c2 "$(by_file l3 "$host")"
  done
  reach a c1 10.9.0.20
  reach a c2 10.244.2.2
  cannot_reach a c2 10.244.3.2
  must sync a blue
  assert_equal "$output" "blue: nothing to do"
  file a b c
  for host in a b; do
    must sync "$host" blue
    assert_match "$output" "added forwarding of 00:00:00:00:00:00 to 172.30.0.3"
    must sync "$host" green
    assert_match "$output" "added route to 10.244.3.0/24 via 10.244.3.0"
    must sync "$host" green
    assert_equal "$output" "green: nothing to do"
  done
  must sync c blue
  must sync c green
  reach a c1 10.9.0.30 fd09::30
  reach a c2 10.244.3.2 fd24:3::2
  file a c
  must sync a green
  assert_match "$output" "removed route to 10.244.2.0/24 via 10.244.2.0"
  assert_equal "$(at a host ip route show 10.244.2.0/24)" ""
  assert_equal "$(at a host ip neigh show dev vxlan100 | grep -c 10.244.2.0)" 0
  assert_equal "$(at a host bridge fdb show dev vxlan100 | grep -c 172.30.0.2)" 0
  reach a c2 10.244.3.2
  # A list that cannot be used changes nothing.
  echo '[{"ip": "172.30.0.2"' >"$BATS_TEST_TMPDIR/peers.json"
  known() { at a host sh -c 'ip route; ip -6 route; ip neigh show nud permanent; bridge fdb show dev vxlan100'; }
  before=$(known)
  run ! sync a green
  assert_equal "$(known)" "$before"
}

@test "vxlan: cnitool overlay sync --watch follows the file" {
  HOSTS=(a b)
  peers_of a b >"$BATS_TEST_TMPDIR/peers.json"
  config=$(l3 a | jq -c --arg file "$BATS_TEST_TMPDIR/peers.json" 'del(.peers) | .peersFile = $file')
  jq -c '{cniVersion, name, plugins: [del(.name, .cniVersion)]}' <<<"$config" >"$BATS_TEST_TMPDIR/green.conflist"
  start a c1 "$config"
  NETCONFPATH=$BATS_TEST_TMPDIR CNI_PATH=$BERTH_BIN at a host "$BERTH_BIN/cnitool" overlay sync green --watch \
    >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
  timeout 5 bash -c "until grep -q 'nothing to do' '$BATS_TEST_TMPDIR/log'; do sleep 0.05; done"
  peers_of a b c >"$BATS_TEST_TMPDIR/new" && mv "$BATS_TEST_TMPDIR/new" "$BATS_TEST_TMPDIR/peers.json"
  timeout 5 bash -c "until grep -q 'added route to 10.244.3.0/24' '$BATS_TEST_TMPDIR/log'; do sleep 0.05; done"
  # A bad list is told of, and the next good one is followed.
  echo nonsense >"$BATS_TEST_TMPDIR/peers.json"
  timeout 5 bash -c "until grep -q 'Cannot read the list of peers' '$BATS_TEST_TMPDIR/log'; do sleep 0.05; done"
  peers_of a c >"$BATS_TEST_TMPDIR/new" && mv "$BATS_TEST_TMPDIR/new" "$BATS_TEST_TMPDIR/peers.json"
  timeout 5 bash -c "until grep -q 'removed route to 10.244.2.0/24' '$BATS_TEST_TMPDIR/log'; do sleep 0.05; done"
  # Somebody deletes the device, and takes down the one that is made anew.
  at a host ip link del vxlan100
  timeout 5 bash -c "until grep -q 'made vxlan100' '$BATS_TEST_TMPDIR/log'; do sleep 0.05; done"
  timeout 5 bash -c "until [ \$(grep -c 'added route to 10.244.3.0/24' '$BATS_TEST_TMPDIR/log') = 2 ]; do sleep 0.05; done"
  at a host ip link set vxlan100 down
  timeout 5 bash -c "until [ \$(grep -c 'set vxlan100 up' '$BATS_TEST_TMPDIR/log') = 2 ]; do sleep 0.05; done"
}

@test "vxlan: an underlay that is cut heals" {
  HOSTS=(a b)
  for name in a b; do
    start "$name" c1 "$(l2 "$name")"
    start "$name" c2 "$(l3 "$name")"
  done
  reach a c1 10.9.0.20
  at switch host ip link set dev to-b down
  cannot_reach a c1 10.9.0.20
  cannot_reach a c2 10.244.2.2
  at switch host ip link set dev to-b up
  # Neighbours that were sought in vain are sought again after a second.
  eventually 10 reach a c1 10.9.0.20
  eventually 10 reach a c2 10.244.2.2
}

@test "vxlan: the next ADD repairs what somebody broke, and sync too" {
  HOSTS=(a b)
  for name in a b; do
    start "$name" c1 "$(l2 "$name")"
    start "$name" c2 "$(l3 "$name")"
  done
  at a host ip link del vxlan100
  at a host ip link del vxlan4097
  must_fail 999 at a cni check c1 "$(l2 a)"
  must_fail 999 at a cni check c2 "$(l3 a)"
  start a c3 "$(l2 a)"
  start a c4 "$(l3 a)"
  reach a c1 10.9.0.20
  reach a c2 10.244.2.2
  at a host ip route del 10.244.2.0/24
  must_fail 999 at a cni check c2 "$(l3 a)"
  assert_match "$(jq -r .details <<<"$output")" "added route to 10.244.2.0/24"
  at a host bridge fdb del 02:42:ac:1e:00:02 dev vxlan100 dst 172.30.0.2 self
  at a host ip link set vxlan100 down
  at a host ip link set vxlan4097 mtu 1400
  start a c5 "$(l3 a)"
  start a c6 "$(l2 a)"
  must at a cni check c1 "$(l2 a)"
  must at a cni check c2 "$(l3 a)"
  reach a c5 10.244.2.2 fd24:2::2
  reach a c6 10.9.0.20
}

@test "vxlan: a new address of the underlay makes the device anew, with all entries" {
  HOSTS=(a b)
  start a c1 "$(l3 a)"
  start b c1 "$(l3 b | jq -c '.peers[0].ip = "172.30.0.77"')"
  cannot_reach a c1 10.244.2.2
  at a host ip address flush dev eth0
  at a host ip address add 172.30.0.77/24 dev eth0
  at a host ip route add default via 172.30.0.254
  start a c2 "$(l3 a)"
  reach a c1 10.244.2.2
  assert_equal "$(vtep a vxlan100 | jq -r .linkinfo.info_data.local)" 172.30.0.77
}

@test "vxlan l2: known containers are found without flooding" {
  HOSTS=(a b)
  static() { l2 "$1" | jq -c --arg n "$(number_of "$1")" '. + {learning: false, neighSuppress: true}
    | .peers[0].endpoints = [(if $n == "1" then 20 else 10 end) as $host
      | {ip: "10.9.0.\($host)", mac: (if $n == "1" then "02:42:0a:09:00:14" else "02:42:0a:09:00:0a" end)}]'; }
  for name in a b; do start "$name" c1 "$(static "$name")"; done
  # Nothing that was known before, but what the configuration says.
  at a inside c1 ip neigh flush all
  capture=$BATS_TEST_TMPDIR/arp
  at b host timeout 4 tcpdump -lni vxlan4097 -c 1 arp >"$capture" 2>/dev/null 3>&- &
  sleep 0.5
  reach a c1 10.9.0.20
  wait $! || true
  assert_equal "$(cat "$capture")" ""
  assert_equal "$(at a host bridge -j -d link show dev vxlan4097 | jq '.[0].neigh_suppress')" true
  assert_equal "$(at a host ip -j neigh show dev vxbr4097 nud permanent | jq -c '[.[] | [.dst, .lladdr]]')" \
    '[["10.9.0.20","02:42:0a:09:00:14"]]'
  must at a cni check c1 "$(static a)"
  # Without endpoints they go, and what is learned takes over.
  start a c2 "$(l2 a)"
  assert_equal "$(at a host ip neigh show dev vxbr4097 nud permanent)" ""
  reach a c2 10.9.0.20
}

@test "vxlan l2: each host is its containers' gateway" {
  HOSTS=(a b)
  out() { l2 "$1" '{isDefaultGateway: true, ipMasq: true}' |
    jq -c '.ipam.ranges |= map(map(.gateway = (if .subnet | contains(":") then "fd09::1" else "10.9.0.1" end)))'; }
  for name in a b; do start "$name" c1 "$(out "$name")"; done
  reach a c1 10.9.0.20
  for name in a b; do
    must at "$name" inside c1 ping -c 1 -W 2 10.9.0.1
    must at "$name" inside c1 ping -c 1 -W 2 fd09::1
    must at "$name" inside c1 ping -c 1 -W 2 172.30.0.3
    must at "$name" inside c1 ping -c 1 -W 2 fd30::3
    assert_equal "$(at "$name" inside c1 ip -j neigh show 10.9.0.1 | jq -r '.[0].lladdr')" 02:42:0a:09:00:01
  done
  must at a cni check c1 "$(out a)"
}

@test "vxlan l3: ipMasq leaves packets to the other hosts' containers as they are, and masquerades the rest" {
  out() { l3 "$1" '{ipMasq: true, network: ["10.244.0.0/16", "fd24::/16"]}'; }
  HOSTS=(a b)
  for name in a b; do start "$name" c1 "$(out "$name")"; done
  must at a inside c1 ping -c 1 -W 2 172.30.0.3
  must at a inside c1 ping -c 1 -W 2 fd30::3
  at b inside c1 timeout 10 busybox nc -l -p 5000 < <(sleep 10 3>&-) 3>&- &
  listening b c1 5000
  at a inside c1 timeout 10 busybox nc 10.244.2.2 5000 < <(sleep 10 3>&-) 3>&- &
  for _ in {1..100}; do
    who=$(at b inside c1 ss -Htn state established)
    [[ -z $who ]] || break
    sleep 0.02
  done
  assert_match "$who" "10\.244\.1\.2]?:"
  must_fail 7 at a cni add c9 "$(l3 a '{ipMasq: true}')"
}

@test "vxlan: published ports" {
  HOSTS=(a b)
  start b c1 "$(l3 b '{runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}')"
  at b inside c1 timeout 10 sh -c 'echo hello | busybox nc -l -p 80' 3>&- &
  listening b c1 80
  assert_equal "$(at c host busybox nc -w 3 172.30.0.2 8080 </dev/null)" hello
  must at b cni del c1 "$(l3 b)"
  assert_equal "$(at b host nft list ruleset | grep -c 8080)" 0
}

# The trap of CNI overlays: a tunnelled packet whose connection is translated on the way out of the host got a wrong
# checksum, and the connection stood still for a minute.
@test "vxlan: a stream from a host, translated on its way into the tunnel and by the outer packet's mark, is not delayed" {
  HOSTS=(a b)
  for name in a b; do start "$name" c1 "$(l3 "$name")"; done
  at a host nft -f - <<'RULES'
table ip trap {
  chain output {
    type nat hook output priority -100
    ip daddr 10.96.0.1 meta mark set 0x4000 dnat to 10.244.2.2
  }
  chain postrouting {
    type nat hook postrouting priority 100
    meta mark 0x4000 masquerade fully-random
  }
}
RULES
  at b inside c1 timeout 10 sh -c 'echo hello | busybox nc -l -p 80' 3>&- &
  listening b c1 80
  start=$EPOCHREALTIME
  assert_equal "$(at a host busybox nc -w 5 10.96.0.1 80 </dev/null)" hello
  ((${EPOCHREALTIME/./} - ${start/./} < 900000)) || fail "It took since $start until $EPOCHREALTIME"
}

@test "vxlan: txChecksumOffload false has the kernel write whole checksums" {
  HOSTS=(a b)
  for name in a b; do start "$name" c1 "$(l3 "$name" '{txChecksumOffload: false}')"; done
  # The container's own interface still leaves them out, and so would the tunnel.
  at a host timeout 8 tcpdump -vvlni eth0 'udp port 4789' >"$BATS_TEST_TMPDIR/packets" 2>/dev/null 3>&- &
  sleep 1
  stream a c1 b c1 10.244.2.2
  wait $! || true
  # tcpdump tells of the inner TCP packets too.
  assert_match "$(grep -c '10.244.1.2.*> 10.244.2.2.5000.*(correct)' "$BATS_TEST_TMPDIR/packets")" "^[1-9]"
  assert_equal "$(grep -c '10.244.1.2.*> 10.244.2.2.5000.*(incorrect' "$BATS_TEST_TMPDIR/packets")" 0
}
