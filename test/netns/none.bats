#!/usr/bin/env bats
# Docker's none driver.
load helpers

config='{"cniVersion": "1.1.0", "name": "alone", "type": "none"}'

@test "none: nothing but lo, which is up" {
  add_container c1
  must cni add c1 "$config"
  assert_json '.interfaces == [{name: "lo", mac: "00:00:00:00:00:00", sandbox: "/run/netns/c1"}] and (has("ips") | not)'
  assert_equal "$(inside c1 ip -j link | jq -c '[.[] | [.ifname, (.flags | contains(["UP"]))]]')" '[["lo",true]]'
  must inside c1 ping -c 1 -W 1 127.0.0.1
  assert_equal "$(inside c1 ip route show table main)" ""
  must cni check c1 "$config"
  must cni del c1 "$config"
}

@test "none: CHECK fails when lo is down" {
  add_container c1
  must cni add c1 "$config"
  inside c1 ip link set lo down
  must_fail 999 cni check c1 "$config"
}

@test "none: no IPAM plugin is called, whatever the configuration says" {
  add_container c1
  with_ipam=$(jq -c '.ipam = {type: "no-such-plugin"}' <<<"$config")
  for verb in add check del gc status; do
    must cni "$verb" c1 "$with_ipam"
  done
}

@test "none: DEL succeeds twice, without a namespace and with a configuration that ADD refuses" {
  add_container c1
  must cni add c1 "$config"
  must cni del c1 "$config"
  must cni del c1 "$config"
  remove_container c1
  must cni del c1 "$config"
  NETNS='' must cni del c1 "$config"
  must cni del c1 "$(jq -c '.dns = 7' <<<"$config")"
}

@test "none: the container that DEL left has its lo for the other attachments" {
  add_container c1
  must cni add c1 "$config"
  must cni del c1 "$config"
  must inside c1 ping -c 1 -W 1 127.0.0.1
}

@test "none: published ports are ignored with a warning" {
  add_container c1
  must cni add c1 "$(jq -c '.runtimeConfig.portMappings = [{hostPort: 80, containerPort: 80}]' <<<"$config")"
  assert_match "$stderr" "published ports are ignored"
}

@test "none: every version that can say that there is no address, and a clear error for the others" {
  add_container c1
  for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    must cni add c1 "$(jq -c --arg version "$version" '.cniVersion = $version' <<<"$config")"
    assert_json ".cniVersion == \"$version\" and .interfaces[0].name == \"lo\""
  done
  for version in 0.1.0 0.2.0; do
    must_fail 1 cni add c1 "$(jq -c --arg version "$version" '.cniVersion = $version' <<<"$config")"
  done
}

@test "none: a namespace that is gone is error 8 of ADD and CHECK" {
  must_fail 8 cni add nobody "$config"
  must_fail 8 cni check nobody "$config"
}
