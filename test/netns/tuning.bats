#!/usr/bin/env bats
# Settings of a container's interface and namespace.
load helpers
load traffic

tuning() { jq -nc '{type: "tuning"} + ('"${1:-{\}}"')'; }
list() { network one "$(bridge_plugin one 1)" "$(tuning "${1:-{\}}")"; }
link() { inside c1 ip -j -d link show eth0 | jq -c '.[0] | [.address, .mtu, .txqlen, (.flags | index("PROMISC") != null), (.flags | index("ALLMULTI") != null)]'; }
setting() { inside c1 cat "/proc/sys/$1"; }

all='{mac: "02:42:00:00:00:77", mtu: 1400, txQLen: 500, promisc: true, allmulti: true,
  sysctl: {"net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_filter": "1", "net/ipv4/tcp_rmem": "4096 65536 1048576"}}'

@test "tuning: every key, seen by ip and sysctl; put back on DEL" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  before="$(link) $(setting net/core/somaxconn) $(setting net/ipv4/conf/eth0/arp_filter) $(setting net/ipv4/tcp_rmem)"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "tuning", prevResult: .} + ('"$all"')' <<<"$output")
  PREVIOUS=no must cni add c1 "$config"
  assert_json '.interfaces[2] | .mac == "02:42:00:00:00:77" and .mtu == 1400'
  assert_equal "$(link)" '["02:42:00:00:00:77",1400,500,true,true]'
  assert_equal "$(setting net/core/somaxconn) $(setting net/ipv4/conf/eth0/arp_filter) $(setting net/ipv4/tcp_rmem)" "500 1 4096	65536	1048576"
  PREVIOUS=no must cni check c1 "$config"
  # ADD again must not take its own settings for what was before.
  PREVIOUS=no must cni add c1 "$config"
  must cni del c1 "$config"
  assert_equal "$(link) $(setting net/core/somaxconn) $(setting net/ipv4/conf/eth0/arp_filter) $(setting net/ipv4/tcp_rmem)" "$before"
  assert_equal "$(host find /run/cni -type f)" ""
  must cni del c1 "$config"
}

@test "tuning: the backup is the Go suite's" {
  add_container c1 c2
  must chain add c1 "$(list '{mtu: 1400, promisc: true, txQLen: 10}')"
  must chain add c2 "$(network one "$(bridge_plugin one 1)")"
  config=$(jq -c '{cniVersion: "1.0.0", name: "one", type: "tuning", mtu: 1400, promisc: true, prevResult: (. + {cniVersion: "1.0.0"})}' <<<"$output")
  BIN=$GO_BIN PREVIOUS=no must cni add c2 "$config"
  assert_equal "$(host jq -c '{mtu, promisc}' /run/cni/tuning/c1_eth0.json)" "$(host jq -c '{mtu, promisc}' /run/cni/tuning/c2_eth0.json)"
  # Either restores what the other saved.
  PREVIOUS=no must cni del c2 "$config"
  assert_equal "$(inside c2 cat /sys/class/net/eth0/mtu)" 1500
  BIN=$GO_BIN PREVIOUS=no must cni del c1 '{"cniVersion": "1.0.0", "name": "one", "type": "tuning"}'
  assert_equal "$(inside c1 cat /sys/class/net/eth0/mtu)" 1500
}

@test "tuning: MACs in their order" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  config() { jq -c '{cniVersion: "1.1.0", name: "one", type: "tuning", mac: "02:00:00:00:00:01", prevResult: .} + ('"$1"')' <<<"$result"; }
  result=$output
  PREVIOUS=no must cni add c1 "$(config '{}')"
  assert_equal "$(link | jq -r '.[0]')" 02:00:00:00:00:01
  ARGS='MAC=02:00:00:00:00:02' PREVIOUS=no must cni add c1 "$(config '{}')"
  assert_equal "$(link | jq -r '.[0]')" 02:00:00:00:00:02
  ARGS='MAC=02:00:00:00:00:02' PREVIOUS=no must cni add c1 "$(config '{runtimeConfig: {mac: "02:00:00:00:00:03"}}')"
  assert_equal "$(link | jq -r '.[0]')" 02:00:00:00:00:03
  PREVIOUS=no must cni add c1 "$(config '{runtimeConfig: {mac: "02:00:00:00:00:03"}, args: {cni: {mac: "02:00:00:00:00:04"}}}')"
  assert_equal "$(link | jq -r '.[0]')" 02:00:00:00:00:04
}

@test "tuning: the neighbours hear of another MAC at once, on ADD and on DEL" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  own=$(link | jq -r '.[0]')
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "tuning", dataDir: "", mac: "02:00:00:00:00:77", prevResult: .}' <<<"$output")
  known() { host ip -j neigh show "$1" | jq -r '.[0].lladdr'; }
  for address in 10.1.0.2 fd00:1::2; do must host ping -c 1 -W 2 "$address"; done
  PREVIOUS=no must cni add c1 "$config"
  for address in 10.1.0.2 fd00:1::2; do
    must host ping -c 1 -W 2 "$address"
    assert_equal "$(known "$address")" 02:00:00:00:00:77
  done
  PREVIOUS=no must cni del c1 "$config"
  for address in 10.1.0.2 fd00:1::2; do
    must host ping -c 1 -W 2 "$address"
    assert_equal "$(known "$address")" "$own"
  done
}

@test "tuning: bad input is a clear error, and nothing changes" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  result=$output
  before=$(link)
  refuse() {
    PREVIOUS=no must_fail "$1" cni add c1 "$(jq -c '{cniVersion: "1.1.0", name: "one", type: "tuning", prevResult: .} + ('"$2"')' <<<"$result")"
    assert_json "(.details // .msg) | test(\"$3\")"
    assert_equal "$(link)" "$before"
    assert_equal "$(host find /run/cni -type f 2>/dev/null)" ""
  }
  refuse 7 '{sysctl: {"kernel.hostname": "x"}}' 'sysctl.kernel.hostname: found'
  refuse 7 '{sysctl: {"net/../kernel/hostname": "x"}}' 'below net'
  refuse 7 '{sysctl: {"net.core.nothing": "1"}}' 'net/core/nothing'
  refuse 7 '{sysctl: {"net.core.somaxconn": "1", "net/core/somaxconn": "2"}}' 'each setting once'
  refuse 7 '{sysctl: {"net.core.somaxconn": 1}}' 'sysctl.*somaxconn.*: found 1'
  refuse 7 '{sysctl: {"net.ipv4.conf": "1"}}' 'net/ipv4/conf, allowed: a setting'
  refuse 7 '{sysctl: {"net.ipv4.route.flush": "1"}}' 'net/ipv4/route/flush, allowed: .* that can be read'
  refuse 7 '{mac: "02:42"}' 'mac: found'
  refuse 7 '{mac: "01:00:5e:00:00:01"}' 'mac: found'
  refuse 7 '{mtu: -1}' 'mtu: found -1'
  refuse 999 '{mtu: 1400, dataDir: "/proc/tuning/deep"}' 'ENOENT.*/proc/tuning'
  # The kernel refuses the last of them: the others are put back.
  refuse 999 '{txQLen: 17, mac: "02:42:00:00:00:77", mtu: 65530, promisc: true, sysctl: {"net.ipv4.conf.IFNAME.arp_filter": "many"}}' 'Cannot'
  must_fail 7 cni add c1 '{"cniVersion": "1.1.0", "name": "one", "type": "tuning", "mtu": 1400}'
  assert_json '.msg == "Required prevResult missing"'
}

@test "tuning: CHECK looks at each setting" {
  add_container c1
  must chain add c1 "$(list "$all")"
  inside c1 ip link set eth0 mtu 1300
  run chain check c1 "$(list "$all")"
  assert_json '.details | test("MTU of eth0: found 1300, expected 1400")'
  inside c1 ip link set eth0 mtu 1400 promisc off
  run chain check c1 "$(list "$all")"
  assert_json '.details | test("promiscuous mode of eth0: found false, expected true")'
  inside c1 ip link set eth0 promisc on
  inside c1 sysctl -qw net.core.somaxconn=77
  run chain check c1 "$(list "$all")"
  assert_json '.details | test("net/core/somaxconn: found 77, expected 500")'
}

@test "defect 9: no backup stays behind when the namespace is gone, and sysctls are restored" {
  add_container c1
  must chain add c1 "$(list "$all")"
  remove_container c1
  NETNS='' must chain del c1 "$(list "$all")"
  assert_equal "$(host find /run/cni -type f)" ""
}

@test "defect 9: GC removes the backups of what is of no valid attachment, and no others" {
  add_container c1 c2
  must chain add c1 "$(list '{mtu: 1400}')"
  must chain add c2 "$(list '{mtu: 1400}')"
  must cni gc c1 '{"cniVersion": "1.1.0", "name": "other", "type": "tuning", "cni.dev/valid-attachments": []}'
  must cni gc c1 '{"cniVersion": "1.1.0", "name": "one", "type": "tuning", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]}'
  assert_equal "$(host find /run/cni -type f)" "/run/cni/tuning/c2_eth0.json"
}

@test "defect 38: settings by args alone, and an allowlist that means whole names" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  result=$output
  config() { jq -c '{cniVersion: "1.1.0", name: "one", type: "tuning", prevResult: .} + ('"$1"')' <<<"$result"; }
  PREVIOUS=no must cni add c1 "$(config '{args: {cni: {sysctl: {"net.core.somaxconn": "501"}}}}')"
  assert_equal "$(setting net/core/somaxconn)" 501
  host sh -c 'mkdir -p /run/etc-cni/tuning && printf "%s\n" "net.core.somaxconn" "^net\\.ipv4\\..*$" >/run/etc-cni/tuning/allowlist.conf
    mkdir -p /etc/cni && mount --bind /run/etc-cni /etc/cni'
  PREVIOUS=no must cni add c1 "$(config '{sysctl: {"net.core.somaxconn": "502", "net.ipv4.conf.IFNAME.arp_filter": "1"}}')"
  PREVIOUS=no must_fail 7 cni add c1 "$(config '{sysctl: {"net.core.somaxconn_more": "1"}}')"
  assert_json '.details | test("the allowlist of this host has: net.core.somaxconn, ")'
  PREVIOUS=no must_fail 7 cni add c1 "$(config '{args: {cni: {sysctl: {"net.core.optmem_max": "1"}}}}')"
}
