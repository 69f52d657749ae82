#!/usr/bin/env bats
# The machine itself: what the suites count on, much of which CI's own kernel lacks.
load helpers

@test "the kernel makes every link kind" {
  host ip link add parent type dummy
  must host ip link add link parent name vlan0 type vlan id 100
  must host ip link add link parent name ipvlan0 type ipvlan mode l3s
  must host ip link add bridge0 type bridge vlan_filtering 1
  host ip link add other type dummy
  must host ip link add link other name macvlan0 type macvlan mode bridge
  must host ip link add veth0 type veth peer name veth1
  must host ip link add vxlan0 type vxlan id 7 dstport 4789 local 192.0.2.1
  must host ip link add geneve0 type geneve id 7 remote 192.0.2.1
  must host ip link add vrf0 type vrf table 100
  must host ip link add ifb0 type ifb
  must host ip link add bond0 type bond
  must host ip link add wireguard0 type wireguard
  must host ip tuntap add tap0 mode tap
}

@test "nf_tables has every family, maps with ranges, NAT, connection tracking and limits" {
  must host nft -f - <<'RULES'
table inet berth {
  set sources { type ipv4_addr; flags interval; elements = { 10.1.0.0/24, 10.2.0.1-10.2.0.9 }; }
  map ports { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 8080 : 10.1.0.2 . 80 }; }
  map chains { type ipv4_addr : verdict; }
  counter seen { }
  chain prerouting {
    type nat hook prerouting priority dstnat
    fib daddr type local dnat ip to meta l4proto . th dport map @ports
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr vmap @chains
    ip saddr @sources masquerade
  }
  chain forward {
    type filter hook forward priority filter
    ct state established,related accept
    ct status dnat meta mark set ct mark counter name seen
    limit rate 1/second log prefix "berth"
    reject
  }
}
table bridge berth {
  chain prerouting {
    type filter hook prerouting priority -300
    ether saddr 02:00:00:00:00:01 meta ibrname "br0" drop
  }
}
table netdev berth {
  chain ingress {
    type filter hook ingress device "lo" priority 0
    ip saddr 10.9.9.9 drop
  }
}
RULES
  assert_match "$(host nft list ruleset)" '8080 : 10.1.0.2 . 80'
  must host iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -m comment --comment x -j MASQUERADE
  must host ip6tables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
}

@test "traffic control has what bandwidth limits need" {
  host ip link add dev0 type dummy
  host ip link set dev0 up
  must host tc qdisc add dev dev0 root handle 1: tbf rate 8mbit burst 10000 latency 25ms
  must host tc qdisc add dev dev0 handle ffff: ingress
  host ip link add ifb0 type ifb
  must host tc filter add dev dev0 parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev ifb0
  must host tc qdisc add dev ifb0 root handle 1: htb default 10
  must host tc qdisc replace dev lo root fq_codel
}

@test "the kernel accounts for bridged packets with br_netfilter" {
  assert_match "$(host cat /proc/sys/net/bridge/bridge-nf-call-iptables)" '^[01]$'
}
