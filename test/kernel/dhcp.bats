#!/usr/bin/env bats
# DHCP for the kinds of link that CI's kernel lacks.
load ../netns/dhcp

setup() {
  needs dhcp vlan ipvlan
  make_lan
  add_container c1 c2
}

@test "vlan: addresses of the VLAN's DHCP servers, and their release by the master" {
  host ip -n server address flush dev lan
  host ip -n server link add link lan name lan.100 type vlan id 100
  host ip -n server link set lan.100 up
  host ip -n server address add 10.50.0.1/24 dev lan.100
  host ip -n server address add fd50::1/64 dev lan.100 nodad
  LINK=lan.100 start_dnsmasq
  start_daemon
  config=$(network '{families: ["ipv4", "ipv6"]}' vlan | jq -c '.vlanId = 100')
  must cni add c1 "$config"
  address=$(jq -r '.ips[0].address' <<<"$output")
  has_address c1 "$address"
  reaches c1 10.50.0.1
  must cni check c1 "$config"
  assert_equal "$(leases | wc -l)" 2
  must cni del c1 "$config"
  has_no_link eth0 c1
  eventually 20 has_no_lease
}

@test "ipvlan: containers that share a MAC have leases of their own, by answers to all" {
  start_dnsmasq
  start_daemon
  config=$(network '{}' ipvlan)
  must cni add c1 "$config"
  must cni add c2 "$config"
  [[ $(address_of c1) != "$(address_of c2)" ]]
  assert_equal "$(leases | wc -l)" 2
  reaches c1 10.50.0.1
  reaches c2 10.50.0.1
  must cni check c1 "$config"
  must cni del c1 "$config"
  must cni del c2 "$config"
  eventually 20 has_no_lease
}
