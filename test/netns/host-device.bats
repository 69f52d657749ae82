#!/usr/bin/env bats
# The host-device plugin: an interface of the host is the container's while it runs. Here the interface is one end of a veth
# pair, whose other end is outside; test/kernel/host-device.bats has cards.
load helpers

setup() {
  make_host
  add_container outside
  host sh -ec '
    ip link add card0 address 02:00:00:00:00:aa type veth peer name far netns outside
    ip -n outside address add 10.1.0.1/24 dev far && ip -n outside address add fd00:1::1/64 dev far nodad
    ip -n outside link set far up'
}

# device [KEYS]: a network of the interface card0, with addresses of 10.1.0.0/24 and fd00:1::/64.
device() {
  jq -nc '{cniVersion: "1.1.0", name: "lent", type: "host-device", device: "card0", ipam: {type: "host-local",
    ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]],
    routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}} + ('"${1:-{\}}"')'
}

# What could stay behind. An interface that was lent is down, as the Go suite leaves it.
made() { snapshot | grep -Ev '^var|last_reserved|run/berth/locks' | sed -E 's/"NO-CARRIER",//; s/"operstate":"[A-Z]+"//'; }

links() { host ip -j ${1:+-n "$1"} link | jq -c '[.[].ifname]'; }

card() { host ip -j -d ${2:+-n "$2"} link show "$1" | jq -r '.[0] | "\(.ifname) \(.address) \(.ifalias // "-") \(.flags | index("UP") != null)"'; }

held() { host sh -c 'ls /var/lib/cni/networks/lent 2>/dev/null' | grep -Ev 'lock|last_reserved' || true; }

@test "host-device: the interface is the container's, and the host's again after DEL" {
  add_container c1
  before=$(made)
  must cni add c1 "$(device)"
  assert_json '.interfaces == [{name: "eth0", mac: "02:00:00:00:00:aa", mtu: 1500, sandbox: "/run/netns/c1"}]'
  assert_json '[.ips[] | [.address, .interface]] == [["10.1.0.2/24", 0], ["fd00:1::2/64", 0]]'
  assert_equal "$(links)" '["lo"]'
  # Its name on the host is its alias: by that the Go suite's DEL finds the way back as well.
  assert_equal "$(card eth0 c1)" "eth0 02:00:00:00:00:aa card0 true"
  must inside c1 ping -c 1 -W 2 10.1.0.1
  must inside c1 ping -c 1 -W 1 fd00:1::1
  assert_match "$(inside c1 ip route show default)" "default via 10.1.0.1 dev eth0"
  must cni check c1 "$(device)"
  must cni del c1 "$(device)"
  assert_equal "$(made)" "$before"
  assert_equal "$(links c1)" '["lo"]'
  assert_equal "$(held)" ""
  must cni del c1 "$(device)"
}

@test "host-device: by MAC, by an alternative name, and in the Go suite's order" {
  add_container c1
  host ip link property add dev card0 altname a-name-that-is-longer-than-names-are altname short
  host ip link add other address 02:00:00:00:00:bb type veth peer name unused
  local keys
  for keys in '{device: "", hwaddr: "02-00-00-00-00-AA"}' '{device: "a-name-that-is-longer-than-names-are"}' '{device: "short"}' \
    '{hwaddr: "02:00:00:00:00:bb"}' '{kernelpath: "/sys/devices/nowhere", pciBusID: "0000:99:00.0"}'; do
    must cni add c1 "$(device "$keys")"
    assert_equal "$(card eth0 c1)" "eth0 02:00:00:00:00:aa card0 true"
    must cni del c1 "$(device "$keys")"
    assert_match "$(links)" card0
  done
  must cni add c1 "$(device '{device: "", hwaddr: "02:00:00:00:00:bb", kernelpath: "/sys/devices/nowhere"}')"
  assert_equal "$(card eth0 c1)" "eth0 02:00:00:00:00:bb other true"
  must cni del c1 "$(device)"
}

# sysfs as it is with hardware: the PCI devices 0000:05:00.0 with the interface card0, 0000:06:00.0 with it behind virtio, and
# 0000:07:00.0 and 0000:08:00.0, which processes drive, and the auxiliary device maker.sf.2.
add_hardware() {
  host sh -ec '
    mount -t tmpfs tmpfs /sys/bus && cd /sys/bus
    mkdir -p pci/devices pci/drivers/card pci/drivers/vfio-pci pci/drivers/uio_pci_generic auxiliary/devices
    mkdir -p pci/devices/0000:05:00.0/net/card0 pci/devices/0000:06:00.0/virtio3/net/card0
    mkdir -p auxiliary/devices/maker.sf.2/net/card0 pci/devices/0000:07:00.0 pci/devices/0000:08:00.0
    ln -s ../../drivers/card pci/devices/0000:05:00.0/driver
    ln -s ../../drivers/vfio-pci pci/devices/0000:07:00.0/driver
    ln -s ../../drivers/uio_pci_generic pci/devices/0000:08:00.0/driver'
}

@test "host-device: by PCI address, also behind virtio, and by what a device plugin gave" {
  add_container c1
  add_hardware
  local keys
  for keys in '{pciBusID: "0000:05:00.0"}' '{pciBusID: "0000:06:00.0"}' '{runtimeConfig: {deviceID: "0000:05:00.0"}}' \
    '{pciBusID: "0000:99:00.0", runtimeConfig: {deviceID: "0000:06:00.0"}}'; do
    must cni add c1 "$(device "$keys | del(.device)")"
    assert_json '.interfaces[0] | .name == "eth0" and .mac == "02:00:00:00:00:aa" and (.pciID | startswith("0000:0"))'
    must cni check c1 "$(device "$keys | del(.device)")"
    must cni del c1 "$(device "$keys | del(.device)")"
    assert_equal "$(links)" '["lo","card0"]'
  done
  keys='{runtimeConfig: {deviceID: "maker.sf.2"}}'
  must cni add c1 "$(device "$keys | del(.device)")"
  assert_json '.interfaces[0] | .mac == "02:00:00:00:00:aa" and (has("pciID") | not)'
  must cni del c1 "$(device "$keys | del(.device)")"
  must_fail 7 cni add c1 "$(device '{runtimeConfig: {deviceID: "0000:99:00.0"}}')"
  assert_json '.msg == "runtime config DeviceID 0000:99:00.0 not found or unsupported"'
}

@test "host-device: a device that a process drives (DPDK) stays where it is" {
  add_container c1
  add_hardware
  before=$(made)
  local id
  for id in 0000:07:00.0 0000:08:00.0; do
    config=$(device "{pciBusID: \"$id\"} | del(.device)")
    must cni add c1 "$config"
    assert_json '.interfaces == [{name: "eth0", sandbox: "/run/netns/c1", pciID: "'"$id"'"}] and (.ips | length) == 2'
    assert_equal "$(links c1)" '["lo"]'
    must cni check c1 "$config"
    must cni del c1 "$config"
    assert_equal "$(made)" "$before"
    assert_equal "$(held)" ""
  done
  # A link that the process made, of that name and with an alias, is not taken to the host.
  must cni add c1 "$config"
  inside c1 ip link add eth0 alias card7 type bridge
  inside c1 ip link set eth0 alias card7
  must cni del c1 "$config"
  assert_equal "$(links c1)" '["lo","eth0"]'
}

@test "host-device: without ipam" {
  add_container c1
  before=$(made)
  local keys
  for keys in 'del(.ipam)' '.ipam = {}'; do
    must cni add c1 "$(device | jq -c "$keys")"
    assert_json '(has("ips") | not) and (.interfaces | length == 1)'
    assert_equal "$(card eth0 c1)" "eth0 02:00:00:00:00:aa card0 true"
    must cni check c1 "$(device | jq -c "$keys")"
    must cni status any "$(device | jq -c "$keys")"
    must cni del c1 "$(device | jq -c "$keys")"
    assert_equal "$(made)" "$before"
  done
}

@test "host-device: names that the container, or the host, has already" {
  add_container c1
  # The container has a link of the host's name, the host one of the container's.
  inside c1 ip link add card0 type bridge
  host ip link add eth0 type bridge
  must cni add c1 "$(device)"
  assert_equal "$(links c1)" '["lo","card0","eth0"]'
  assert_equal "$(inside c1 ip -j -d link show card0 | jq -r '.[0].linkinfo.info_kind')" bridge
  must cni check c1 "$(device)"
  must cni del c1 "$(device)"
  assert_equal "$(links c1)" '["lo","card0"]'
  assert_equal "$(card card0)" "card0 02:00:00:00:00:aa - false"
  # The name that it is to have is taken: nothing is moved.
  before=$(made)
  IFNAME=card0 must_fail 4 cni add c1 "$(device)"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "host-device: its own name, and an alias that it had" {
  host ip link set card0 alias "port 7"
  add_container c1
  IFNAME=card0 must cni add c1 "$(device)"
  assert_equal "$(card card0 c1)" "card0 02:00:00:00:00:aa card0 true"
  IFNAME=card0 must cni del c1 "$(device)"
  assert_equal "$(host ip -j link show card0 | jq -r '.[0].ifalias')" "port 7"
}

@test "defect 4: DEL releases the address, and takes the interface back, without CNI_NETNS" {
  add_container c1
  before=$(made)
  must cni add c1 "$(device)"
  NETNS='' PREVIOUS=no must cni del c1 "$(device)"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "defect 4: DEL works when the namespace, the link or the device is gone, twice, and with a configuration that ADD refuses" {
  add_container c1 c2
  must cni add c1 "$(device)"
  remove_container c1
  must cni del c1 "$(device)"
  assert_equal "$(held)" ""
  assert_equal "$(host ls -A /run/berth/host-devices)" ""
  must cni del c1 "$(device)"
  host ip link add card0 type veth peer name unused
  must cni add c2 "$(device)"
  inside c2 ip link del eth0
  must cni del c2 "$(device)"
  must cni del c2 "$(device)"
  assert_equal "$(held)" ""
  host ip link add card0 type veth peer name unused
  must cni add c2 "$(device)"
  must cni del c2 "$(device '{pciBusID: "0000:99:00.0", device: 7}')"
  assert_equal "$(links c2)" '["lo"]'
  assert_match "$(links)" card0
  assert_equal "$(held)" ""
}

@test "defect 4: DEL takes back an interface that has another name or alias now" {
  add_container c1
  must cni add c1 "$(device)"
  inside c1 ip link set eth0 down
  inside c1 ip link set eth0 name renamed
  must cni del c1 "$(device)"
  assert_equal "$(card card0)" "card0 02:00:00:00:00:aa - false"
  must cni add c1 "$(device)"
  inside c1 ip link set eth0 alias nonsense
  must cni del c1 "$(device)"
  assert_equal "$(card card0)" "card0 02:00:00:00:00:aa - false"
}

@test "host-device: while the host has another link of its name, DEL leaves it up in the container, and the next works" {
  add_container c1
  must cni add c1 "$(device)"
  host ip link add card0 type bridge
  must_fail 11 cni del c1 "$(device)"
  assert_json '.details | startswith("card0: found a link of that name")'
  assert_equal "$(card eth0 c1)" "eth0 02:00:00:00:00:aa card0 true"
  assert_equal "$(held)" ""
  host ip link del card0
  must cni del c1 "$(device)"
  assert_equal "$(card card0)" "card0 02:00:00:00:00:aa - false"
  assert_equal "$(links c1)" '["lo"]'
}

@test "defect 11: a failed ADD puts the interface back as it was" {
  add_container c1
  host sh -ec '
    ip link set card0 up alias "port 7"
    ip address add 10.7.0.1/24 dev card0 && ip address add fd00:7::1/64 dev card0 nodad
    ip route add 198.51.100.0/24 via 10.7.0.9 metric 5 && ip -6 route add 2001:db8:7::/48 via fd00:7::9'
  before=$(made)
  # After the move: no address is free.
  must_fail_any cni add c1 "$(device '{ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.1", rangeEnd: "10.1.0.1"}]]}}')"
  assert_equal "$(made)" "$before"
  # After the addresses: a gateway that nobody finds.
  must_fail_any cni add c1 "$(device '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [{dst: "203.0.113.0/24", gw: "198.51.100.1"}]}}')"
  assert_equal "$(made)" "$before"
  assert_equal "$(links c1)" '["lo"]'
  assert_equal "$(held)" ""
}

must_fail_any() {
  attempt "$@"
  [[ $status != 0 ]] || fail "Succeeded: $*"
}

@test "host-device: an interface that a container has is refused to the next, and the error names who has it" {
  add_container c1 c2
  must cni add c1 "$(device)"
  before=$(made)
  must_fail 7 cni add c2 "$(device)"
  assert_json '.msg == "failed to find host device card0: lent/c1/eth0 has it"'
  assert_equal "$(made)" "$before"
  must_fail 7 cni add c1 "$(device)"
  must cni check c1 "$(device)"
}

@test "host-device: what the Go suite lent is taken back, and the Go suite takes back what we lent" {
  add_container c1
  before=$(made)
  BIN=$GO_BIN must cni add c1 "$(device '{cniVersion: "1.0.0"}')"
  must cni del c1 "$(device '{cniVersion: "1.0.0"}')"
  assert_equal "$(card card0)" "card0 02:00:00:00:00:aa - false"
  assert_equal "$(held)" ""
  must cni add c1 "$(device '{cniVersion: "1.0.0"}')"
  BIN=$GO_BIN must cni del c1 "$(device '{cniVersion: "1.0.0"}')"
  assert_equal "$(card card0)" "card0 02:00:00:00:00:aa card0 false"
  # Our record speaks of what is not so any more. The Go suite leaves the alias.
  must cni gc any "$(device)"
  host ip link set card0 alias ""
  assert_equal "$(made)" "$before"
}

@test "host-device: CHECK finds what is not as ADD left it" {
  add_container c1
  config=$(device)
  must cni add c1 "$config"
  inside c1 ip link set eth0 alias other
  must_fail 999 cni check c1 "$config"
  assert_json '.details == "alias of eth0: found other, expected card0"'
  inside c1 ip link set eth0 alias card0
  inside c1 ip link set eth0 address 02:00:00:00:00:ab
  must_fail 999 cni check c1 "$config"
  inside c1 ip link set eth0 address 02:00:00:00:00:aa
  must cni check c1 "$config"
  inside c1 ip route del default
  must_fail 999 cni check c1 "$config"
  inside c1 ip route add default via 10.1.0.1
  inside c1 ip address del fd00:1::2/64 dev eth0
  must_fail 999 cni check c1 "$config"
  inside c1 ip link set eth0 down
  must_fail 999 cni check c1 "$config"
  PREVIOUS=no must_fail 7 cni check c1 "$config"
  inside c1 ip link del eth0
  must_fail 999 cni check c1 "$config"
}

@test "defect 26: CHECK passes where a route is in another table" {
  add_container c1
  config=$(device '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [{dst: "198.51.100.0/24", table: 100}]}}')
  must cni add c1 "$config"
  must cni check c1 "$config"
  inside c1 ip route flush table 100
  must_fail 999 cni check c1 "$config"
}

@test "host-device: GC takes back the interfaces of what is of no valid attachment, and no others" {
  add_container c1 c2
  host ip link add card1 type veth peer name unused
  before=$(made)
  must cni add c1 "$(device)"
  must cni add c2 "$(device '{device: "card1"}')"
  must cni gc any "$(device '{name: "another"}')"
  must cni gc any "$(device '{"cni.dev/valid-attachments": [{containerID: "c2", ifname: "eth0"}]}')"
  assert_equal "$(links | jq -c sort)" '["card0","lo","unused"]'
  assert_equal "$(links c2)" '["lo","eth0"]'
  assert_equal "$(held)" $'10.1.0.3\nfd00:1::3'
  must cni gc any "$(device)"
  assert_equal "$(made | sort)" "$(sort <<<"$before")"
  assert_equal "$(held)" ""
}

@test "host-device: STATUS tells of an interface that is not there, and not of one that a container has" {
  add_container c1
  must cni status any "$(device)"
  must_fail 50 cni status any "$(device '{device: "card9"}')"
  assert_json '.msg | contains("there is no card9")'
  must_fail 50 cni status any "$(device '{ipam: {type: "nowhere"}}')"
  must cni add c1 "$(device)"
  must cni status any "$(device)"
}

@test "defect 34: DNS of the IPAM plugin is kept, the configuration's wins" {
  add_container c1
  echo 'nameserver 192.0.2.53' >"$BATS_TEST_TMPDIR/resolv.conf"
  with_dns=$(device | jq -c --arg file "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $file')
  must cni add c1 "$with_dns"
  assert_json '.dns.nameservers == ["192.0.2.53"]'
  must cni del c1 "$with_dns"
  must cni add c1 "$(jq -c '.dns = {search: ["example.org"]}' <<<"$with_dns")"
  assert_json '.dns == {search: ["example.org"]}'
}

@test "defect 21: a new interface for an address is announced in both families" {
  add_container c1 c2
  host sh -ec '
    ip link add card1 type veth peer name far1 netns outside
    ip -n outside link add br0 type bridge && ip -n outside link set br0 up
    for port in far far1; do ip -n outside address flush dev $port && ip -n outside link set $port master br0 up; done
    ip -n outside address add 10.1.0.1/24 dev br0 && ip -n outside address add fd00:1::1/64 dev br0 nodad'
  local addresses='{ipam: {type: "static", addresses: [{address: "10.1.0.9/24"}, {address: "fd00:1::9/64"}]}}'
  must cni add c1 "$(device "$addresses")"
  must inside outside ping -c 1 -W 2 10.1.0.9
  must inside outside ping -c 1 -W 2 fd00:1::9
  must cni del c1 "$(device)"
  must cni add c2 "$(device "$addresses + {device: \"card1\"}")"
  must inside outside ping -c 1 -W 1 10.1.0.9
  must inside outside ping -c 1 -W 1 fd00:1::9
}

@test "defect 27: routes keep their MTU and advmss" {
  add_container c1
  config=$(device '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [{dst: "198.51.100.0/24", mtu: 1300, advmss: 1200, priority: 50}]}}')
  must cni add c1 "$config"
  assert_match "$(inside c1 ip route show 198.51.100.0/24)" "via 10.1.0.1 dev eth0 metric 50 mtu 1300 advmss 1200"
}

@test "host-device: every version of the specification, and any CNI_ARGS" {
  add_container c1
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    config=$(device "{cniVersion: \"$version\"}")
    must cni add c1 "$config"
    assert_json ".cniVersion == \"$version\""
    must cni del c1 "$config"
  done
  # Without an IPAM plugin, which may be particular.
  ARGS="SOMETHING=else;" must cni add c1 "$(device | jq -c 'del(.ipam)')"
}

@test "host-device: bad input is a clear error, and nothing changes" {
  add_container c1
  before=$(made)
  local -A bad=(
    ['{device: ""}']='device, hwaddr, kernelpath, pciBusID, runtimeConfig.deviceID: found nothing'
    ['{device: 7}']='device: found 7, allowed: a string'
    ['{device: "card9"}']='device: found \"card9\"'
    ['{device: "", hwaddr: "02:00"}']='hwaddr: found \"02:00\"'
    ['{device: "", hwaddr: "02:00:00:00:00:01"}']='hwaddr: found \"02:00:00:00:00:01\"'
    ['{device: "", kernelpath: "/dev/null"}']='kernelpath: found \"/dev/null\"'
    ['{device: "", kernelpath: "/sys/devices/../class/net/card0"}']='kernelpath: found'
    ['{device: "", kernelpath: "/sys/devices/nowhere"}']='kernelpath: found \"/sys/devices/nowhere\"'
    ['{device: "", pciBusID: "0000:99:00.0"}']='pciBusID: found \"0000:99:00.0\"'
    ['{device: "", pciBusID: "../devices"}']='pciBusID: found \"../devices\"'
  )
  for keys in "${!bad[@]}"; do
    must_fail 7 cni add c1 "$(device "$keys")"
    assert_json ".details | contains(\"${bad[$keys]}\")"
    assert_equal "$(made)" "$before"
  done
  # The kernel moves no loopback interface to another namespace.
  must_fail 999 cni add c1 "$(device '{device: "lo"}')"
  assert_equal "$(made)" "$before"
  assert_equal "$(held)" ""
}

@test "conf: 77-host-device.conflist" {
  add_container c1
  host ip link set card0 name eth1
  list=$REPOSITORY/conf/77-host-device.conflist
  must chain add c1 "$list"
  must chain check c1 "$list"
  must chain del c1 "$list"
  assert_equal "$(links)" '["lo","eth1"]'
}
