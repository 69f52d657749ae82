#!/usr/bin/env bats
# As test/oracle, for the link kinds that CI's kernel lacks: the same configuration through the Go suite and through Berth
# gives the same result, link, addresses and routes, and DEL leaves neither anything.
load helpers

setup() {
  make_host
  add_uplink
}

# same TITLE LIST: LIST is a network list.
same() {
  local title=$1 list=$2 suite before name
  local -A facts left
  before=$(everything)
  for suite in "$GO_BIN" "$BERTH_BIN"; do
    add_container c1
    BIN=$suite must chain add c1 "$list"
    facts[$suite]=$(told <<<"$output"; found)
    BIN=$suite must chain del c1 "$list"
    remove_container c1
    host sh -c 'rm -rf /var/lib/cni/networks'
    left[$suite]=$(everything)
  done
  [[ ${facts[$GO_BIN]} == *'"eth0"'* ]] || fail "$title: nothing was found: ${facts[$GO_BIN]}"
  [[ ${facts[$GO_BIN]} == "${facts[$BERTH_BIN]}" ]] ||
    fail "$title: Go (-) and Berth (+) differ" "$(diff <(echo "${facts[$GO_BIN]}") <(echo "${facts[$BERTH_BIN]}"))"
  assert_equal "${left[$BERTH_BIN]}" "$before"
}

# What the plugin said. Berth tells the MTU, which the Go suite does not, and leaves an empty dns out.
told() {
  jq -c '.interfaces[]? |= del(.mtu) | del(.dns | select(. == {})) | .interfaces[]?, .ips[], .routes[]?, .dns // {}'
}

# What is in the container, but for chance MACs and what the kernel adds to an address when it has looked for duplicates.
found() {
  host ip -n c1 -d -j link | jq -c '.[] | select(.ifname != "lo")
    | [.ifname, .mtu, (if .linkinfo.info_kind == "vrf" then null else .address end), .master, (.flags | sort), .linkinfo.info_kind, .linkinfo.info_data]'
  host ip -n c1 -j address | jq -c '.[] | select(.ifname != "lo")
    | [.ifname, (.addr_info[] | select(.local | startswith("fe80:") | not) | [.local, .prefixlen, .broadcast, .scope])]'
  host ip -n c1 -j rule | jq -c '.[]'
  {
    host ip -n c1 -j route show table all
    host ip -n c1 -j -6 route show table all
  } | jq -c '.[] | select(.table != "local" and .type != "local" and (.dst | test("^(fe80:|ff00:|multicast)") | not)) | del(.flags, .pref)' | sort
}

# list PLUGIN…: plugins in JSON.
list() {
  jq -nc '{cniVersion: "1.0.0", name: "net", plugins: $ARGS.positional | map(fromjson)}' --args "$@"
}

host_local='{"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00:1::/64"}]]}'

# with TYPE KEYS: a plugin with host-local.
with() {
  jq -nc --arg type "$1" --argjson keys "$2" --argjson ipam "$host_local" '{type: $type, master: "uplink", ipam: $ipam} * $keys'
}

@test "vlan: versions, ids, MTU, routes and DNS are as with the Go suite" {
  local version
  for version in 0.3.1 1.0.0; do
    same "both families, $version" "$(list "$(with vlan '{"vlanId": 100}')" | jq -c --arg version "$version" '.cniVersion = $version')"
  done
  same "VLAN 4094" "$(list "$(with vlan '{"vlanId": 4094}')")"
  same "VLAN 0" "$(list "$(with vlan '{}')")"
  same "MTU" "$(list "$(with vlan '{"vlanId": 100, "mtu": 1400}')")"
  same "routes" "$(list "$(with vlan '{"vlanId": 100, "ipam": {"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "198.51.100.0/24", "gw": "10.1.0.9"}]}}')")"
  same "three ranges, and DNS" "$(list "$(with vlan '{"vlanId": 7, "dns": {"nameservers": ["10.1.0.1"], "search": ["a.example"]}, "ipam": {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/16"}], [{"subnet": "fd00:2::/112"}]]}}')")"
}

@test "ipvlan: versions, modes, MTU, routes, and without a master it stands on the default route, as with the Go suite" {
  local mode
  same "both families, 0.3.1" "$(list "$(with ipvlan '{}')" | jq -c '.cniVersion = "0.3.1"')"
  for mode in l2 l3 l3s; do same "mode $mode" "$(list "$(with ipvlan '{"mode": "'$mode'"}')")"; done
  same "MTU" "$(list "$(with ipvlan '{"mtu": 1400}')")"
  same "routes" "$(list "$(with ipvlan '{"ipam": {"routes": [{"dst": "0.0.0.0/0"}, {"dst": "198.51.100.0/24", "gw": "10.1.0.9"}]}}')")"
  host ip route add default via 192.0.2.2
  same "no master" "$(list "$(with ipvlan '{}' | jq -c 'del(.master)')")"
}

@test "vrf behind vlan and ipvlan: the VRF, its table and its routes are as with the Go suite" {
  same "vlan" "$(list "$(with vlan '{"vlanId": 100}')" '{"type": "vrf", "vrfname": "blue"}')"
  same "ipvlan, table 200" "$(list "$(with ipvlan '{}')" '{"type": "vrf", "vrfname": "blue", "table": 200}')"
}

@test "macvlan on a VLAN of the host is as with the Go suite" {
  host sh -ec 'ip link add link uplink name uplink.5 type vlan id 5; ip link set uplink.5 up'
  same "macvlan" "$(list "$(with macvlan '{"master": "uplink.5", "mac": "02:00:00:00:00:55"}')")"
}
