#!/usr/bin/env bats
# The machine itself: what CI's kernel lacks is here.
load ../netns/helpers

@test "the kernel makes every link kind" {
  host ip link add name parent type dummy
  host ip link set parent up
  must host ip link add link parent name vlan100 type vlan id 100
  must host ip link add link parent name ipvlan0 type ipvlan mode l3s
  must host ip link add name vrf0 type vrf table 100
  must host ip link add name ifb0 type ifb
  must host ip link add name overlay type vxlan id 7 dstport 4789 local 192.0.2.1
  must host ip link add name filtering type bridge vlan_filtering 1
  must host ip link add name bond0 type bond
  must host ip tuntap add name tap0 mode tap
  host ip link add name master type dummy
  must host ip link add link master name macvlan0 type macvlan mode bridge
}
