#!/usr/bin/env bats
# The host-device plugin with network cards: the machine has two, eth0 and eth1, on one cable. Its own namespaces are the host,
# since there the kernel puts the cards of a namespace that ends.
load helpers

setup() {
  needs host-device host-local
  HOST_PID=1
  host mkdir -p /run/netns /var/lib/cni
  host ip link set eth1 up
  host ip address add 10.1.0.1/24 dev eth1
  host ip address add fd00:1::1/64 dev eth1 nodad
}

# Cards are back under their names before the next test, whatever this one left.
teardown() {
  local name card
  for name in $(host ls /run/netns); do host ip netns delete "$name"; done
  for mac in 52:54:00:00:00:01 52:54:00:00:00:02; do
    until card=$(host ip -j link show | jq -r --arg mac "$mac" '.[] | select(.permaddr == $mac or .address == $mac).ifname') && [[ -n $card ]]; do sleep 0.1; done
    host ip link set "$card" down address "$mac" alias ""
    [[ $card == eth$((${mac##*:} - 1)) ]] || host ip link set "$card" name "eth$((${mac##*:} - 1))"
  done
  host ip address flush dev eth1
  host sh -c 'rm -rf /run/berth /var/lib/cni/*; ip link del blocked 2>/dev/null || true'
}

# card KEYS: a network of one of the machine's cards.
card() { config host-device "$1"; }

# pci CARD: its PCI address. A virtio device is beneath that.
pci() { basename "$(dirname "$(host readlink -f "/sys/class/net/$1/device")")"; }

state() { host ip -j -d link show "$1" | jq -r '.[0] | "\(.ifname) \(.address) \(.ifalias // "-") \(.flags | index("UP") != null)"'; }

@test "host-device: by the PCI address of a virtio card, which is reached from the cable" {
  beyond_go "1.1.1 names no pciID"
  add_container c1
  local id config before
  id=$(pci eth0)
  before=$(everything)
  config=$(card "{\"pciBusID\": \"$id\", \"cniVersion\": \"1.1.0\"}")
  must cni add c1 "$config"
  assert_json '.interfaces[0] | .name == "eth0" and .mac == "52:54:00:00:00:01" and .pciID == "'"$id"'"'
  assert_equal "$(link eth0 c1 | jq -r '.ifalias, .parentbus')" $'eth0\nvirtio'
  reaches c1 10.1.0.1 fd00:1::1
  must cni check c1 "$config"
  must cni del c1 "$config"
  assert_equal "$(everything)" "$before"
  must cni del c1 "$config"
}

@test "host-device: by its device in sysfs, by what a device plugin gave, and by the MAC it was made with" {
  beyond_go "1.1.1 does not know them"
  add_container c1
  local device keys
  device=$(host readlink -f /sys/class/net/eth0/device)
  for keys in "{\"kernelpath\": \"$device\"}" "{\"kernelpath\": \"${device%/*}\"}" \
    "{\"runtimeConfig\": {\"deviceID\": \"$(pci eth0)\"}}" '{"hwaddr": "52:54:00:00:00:01"}'; do
    must cni add c1 "$(card "$keys")"
    assert_equal "$(link eth0 c1 | jq -r .address)" 52:54:00:00:00:01
    must cni del c1 "$(card "$keys")"
  done
  # The MAC that it has counts first.
  host ip link set eth0 address 52:54:00:00:00:02
  host ip link set eth1 address 52:54:00:00:00:03
  for keys in 01 02; do
    must cni add c1 "$(card "{\"hwaddr\": \"52:54:00:00:00:$keys\"}")"
    assert_equal "$(link eth0 c1 | jq -r '.address, .permaddr')" $'52:54:00:00:00:02\n52:54:00:00:00:01'
    must cni del c1 "$(card '{"hwaddr": "52:54:00:00:00:01"}')"
  done
}

@test "host-device: found by the kernel's word where sysfs shows another network namespace" {
  beyond_go "it looks into sysfs"
  local id config
  id=$(pci eth0)
  add_container c1 elsewhere
  host ip link set eth0 netns elsewhere
  config=$(card "{\"pciBusID\": \"$id\"}" | jq -c 'del(.ipam)')
  # nsenter, unlike `ip netns exec`, leaves /sys as it is.
  must env CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=net0 CNI_PATH="$BERTH_BIN" \
    nsenter --net=/run/netns/elsewhere "$BERTH_BIN/host-device" <<<"$config"
  assert_equal "$(link net0 c1 | jq -r .ifalias)" eth0
  must env CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=net0 CNI_PATH="$BERTH_BIN" \
    nsenter --net=/run/netns/elsewhere "$BERTH_BIN/host-device" <<<"$config"
  assert_equal "$(link eth0 elsewhere | jq -r .ifname)" eth0
  host ip -n elsewhere link set eth0 netns 1
}

@test "defect 4: DEL after its namespace is gone: the card that the kernel took back gets its name and alias" {
  beyond_go "defect 4"
  local config ifname
  host ip link set eth0 alias "port 7"
  # Where the host has a link of the container's name, the kernel makes up another.
  host ip link add blocked type veth
  for ifname in net0 blocked eth0; do
    add_container c1
    config=$(card '{"device": "eth0"}')
    IFNAME=$ifname must cni add c1 "$config"
    remove_container c1
    IFNAME=$ifname must cni del c1 "$config"
    assert_equal "$(state eth0)" "eth0 52:54:00:00:00:01 port 7 false"
    assert_equal "$(reservations)" ""
    assert_equal "$(host ls -A /run/berth/host-devices)" ""
  done
}

@test "defect 4: DEL while the host has another link of the name: the card keeps the kernel's until the next" {
  beyond_go "defect 4"
  add_container c1
  local config
  config=$(card '{"device": "eth0"}')
  IFNAME=net0 must cni add c1 "$config"
  host ip link add eth0 type veth peer name blocked
  remove_container c1
  IFNAME=net0 must_fail 11 cni del c1 "$config"
  assert_equal "$(reservations)" ""
  host ip link del eth0
  IFNAME=net0 must cni del c1 "$config"
  assert_equal "$(state eth0)" "eth0 52:54:00:00:00:01 - false"
}

@test "host-device: GC takes a card back, from the container and after its end" {
  beyond_go "it has no GC"
  local config
  config=$(card '{"device": "eth0", "cniVersion": "1.1.0"}')
  add_container c1
  IFNAME=net0 must cni add c1 "$config"
  must cni gc any "$config"
  assert_equal "$(state eth0)" "eth0 52:54:00:00:00:01 - false"
  assert_equal "$(reservations)" ""
  IFNAME=net0 must cni add c1 "$config"
  must cni status any "$config"
  remove_container c1
  must cni gc any "$config"
  assert_equal "$(state eth0)" "eth0 52:54:00:00:00:01 - false"
}

@test "host-device: a card in a namespace that lives on by a process comes back with GC" {
  beyond_go "it has no GC"
  local config holder
  config=$(card '{"device": "eth0", "cniVersion": "1.1.0"}')
  add_container c1
  IFNAME=net0 must cni add c1 "$config"
  inside c1 sleep 100 >/dev/null 2>&1 3>&- &
  until holder=$(host ip netns pids c1) && [[ -n $holder ]]; do sleep 0.1; done
  remove_container c1
  IFNAME=net0 must cni del c1 "$config"
  assert_equal "$(reservations)" ""
  add_container c2
  must_fail_any cni add c2 "$config"
  assert_json '.msg | endswith("net/c1/net0 has it")'
  kill "$holder"
  until [[ -n $(link net0) ]]; do sleep 0.1; done
  must cni gc any "$config"
  assert_equal "$(state eth0)" "eth0 52:54:00:00:00:01 - false"
  assert_equal "$(host ls -A /run/berth/host-devices)" ""
}

@test "defect 11: a failed ADD leaves the card on the host as it was" {
  beyond_go "defect 11"
  host sh -ec 'ip link set eth0 up && ip address add 10.7.0.1/24 broadcast + dev eth0 && ip route add 198.51.100.0/24 via 10.7.0.9'
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(card "{\"device\": \"eth0\", \"ipam\": $EXHAUSTED}")"
  assert_match "$(host ip route show 198.51.100.0/24)" "via 10.7.0.9 dev eth0"
}

@test "defect 21: a card announces its addresses when it goes up" {
  beyond_go "defect 21"
  add_container c1
  host sh -c 'echo $$ >"$0/pid" && exec tcpdump -i eth1 -l -n "arp or icmp6"' "$BATS_TEST_TMPDIR" \
    >"$BATS_TEST_TMPDIR/heard" 2>"$BATS_TEST_TMPDIR/tcpdump" 3>&- &
  until grep -q 'listening on' "$BATS_TEST_TMPDIR/tcpdump"; do sleep 0.1; done
  must cni add c1 "$(card '{"device": "eth0"}')"
  # Twenty seconds: that is a long time even here.
  for _ in {1..100}; do
    grep -q 'neighbor advertisement, tgt is fd00:1::2' "$BATS_TEST_TMPDIR/heard" && break
    sleep 0.2
  done
  host kill "$(<"$BATS_TEST_TMPDIR/pid")"
  assert_match "$(<"$BATS_TEST_TMPDIR/heard")" 'who-has 10.1.0.2 .*tell 10.1.0.2'
  assert_match "$(<"$BATS_TEST_TMPDIR/heard")" 'neighbor advertisement, tgt is fd00:1::2'
}

@test "host-device: as with the Go suite, which takes back what we lent and lends what we take back" {
  add_container c1
  local config first
  config=$(card '{"device": "eth0"}')
  BIN=$GO_BIN must cni add c1 "$config"
  first=$(inside c1 ip -o address; inside c1 ip route; link eth0 c1 | jq -c '[.ifalias, .address, .mtu, .operstate]')
  must cni del c1 "$config"
  must cni add c1 "$(jq -c '.ipam.ranges[0][0].rangeStart = "10.1.0.2" | .ipam.ranges[0][0].rangeEnd = "10.1.0.2"
    | .ipam.ranges[1][0].rangeStart = "fd00:1::2" | .ipam.ranges[1][0].rangeEnd = "fd00:1::2"' <<<"$config")"
  reaches c1 10.1.0.1
  assert_equal "$({ inside c1 ip -o address; inside c1 ip route; link eth0 c1 | jq -c '[.ifalias, .address, .mtu, .operstate]'; } | same)" "$(same <<<"$first")"
  BIN=$GO_BIN must cni del c1 "$config"
  assert_equal "$(state eth0)" "eth0 52:54:00:00:00:01 eth0 false"
}

# Without what is a moment's, and duplicate address detection, which we leave out.
same() { sed -E '/fe80/d; s/ nodad//; s/ (tentative|dynamic)//; s/valid_lft.*//'; }

@test "conf: 77-host-device.conflist" {
  add_container c1
  local list=$REPOSITORY/conf/77-host-device.conflist
  host ip address flush dev eth1
  must chain add c1 "$list"
  must chain check c1 "$list"
  must chain del c1 "$list"
  assert_equal "$(state eth1)" "eth1 52:54:00:00:00:02 - false"
}
