#!/usr/bin/env bats
# Docker's host driver.
load helpers

config='{"cniVersion": "1.1.0", "name": "shared", "type": "host"}'

# The host's own namespace, as a runtime gives it.
own=/proc/1/ns/net

@test "host: the host's interfaces and addresses, and nothing changes" {
  add_uplink
  before=$(snapshot)
  NETNS=$own must cni add c1 "$config"
  assert_equal "$(snapshot)" "$before"
  assert_equal "$(jq -c '[.interfaces[] | [.name, .mac]] | sort' <<<"$output")" \
    "$(host ip -j link | jq -c '[.[] | [.ifname, .address]] | sort')"
  assert_equal "$(jq -c '[.interfaces as $links | .ips[] | [$links[.interface].name, .address]] | sort' <<<"$output")" \
    "$(host ip -j address | jq -c '[.[] | .ifname as $name | .addr_info[] | [$name, "\(.local)/\(.prefixlen)"]] | sort')"
  NETNS=$own must cni check c1 "$config"
  NETNS=$own must cni del c1 "$config"
  NETNS=$own must cni del c1 "$config"
  assert_equal "$(snapshot)" "$before"
}

@test "host: the first address is one that others reach" {
  add_uplink
  NETNS=$own must cni add c1 "$(jq -c '.cniVersion = "0.2.0"' <<<"$config")"
  assert_json '.ip4.ip == "192.0.2.1/24" and .ip6.ip == "2001:db8::1/64"'
}

@test "host: every version" {
  add_uplink
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    NETNS=$own must cni add c1 "$(jq -c --arg version "$version" '.cniVersion = $version' <<<"$config")"
    assert_json ".cniVersion == \"$version\""
  done
}

@test "host: a namespace that is not the host's is refused" {
  add_container c1
  must_fail 8 cni add c1 "$config"
  assert_json '.details | contains("/run/netns/c1")'
  must_fail 8 cni check c1 "$config"
  must cni del c1 "$config"
}

@test "host: published ports are ignored with a warning" {
  NETNS=$own must cni add c1 "$(jq -c '.runtimeConfig.portMappings = [{hostPort: 80, containerPort: 80}]' <<<"$config")"
  assert_match "$stderr" "published ports are ignored"
}

@test "host: the other plugins still refuse the host's namespace" {
  NETNS=$own must_fail 8 cni add c1 '{"cniVersion": "1.1.0", "name": "alone", "type": "none"}'
}

@test "host: GC and STATUS" {
  must cni gc c1 "$config"
  must cni status c1 "$config"
}
