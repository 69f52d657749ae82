#!/usr/bin/env bats
# The tap plugin: a device whose other end is a process.
load helpers

setup() {
  make_host
  add_container c1
}

# tap [KEYS]: a network of 10.1.0.0/24 and fd00:1::/64.
tap() {
  jq -nc '{cniVersion: "1.1.0", name: "vm", type: "tap", ipam: {type: "host-local",
    ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}} + ('"${1:-{\}}"')'
}

# layer2 [KEYS]: the same without addresses.
layer2() { tap "${1:-{\}}" | jq -c 'del(.ipam)'; }

device() { inside c1 ip -j -d link show "${1:-eth0}" | jq -c '.[0]'; }

links() { inside c1 ip -j link | jq -c '[.[].ifname]'; }

held() { host sh -c 'ls /var/lib/cni/networks/vm 2>/dev/null' | grep -Ev 'lock|last_reserved' || true; }

@test "tap: ADD makes a device that a process can open, DEL takes it away" {
  must cni add c1 "$(tap)"
  assert_json '.interfaces | length == 1 and .[0].name == "eth0" and .[0].sandbox == "/run/netns/c1"'
  assert_json '[.ips[] | [.address, .interface]] == [["10.1.0.2/24", 0], ["fd00:1::2/64", 0]]'
  assert_equal "$(device | jq -c '[.linkinfo.info_kind, .linkinfo.info_data.type, .linkinfo.info_data.persist, .linkinfo.info_data.pi, .ifalias]')" \
    '["tun","tap",true,false,"berth/vm/c1/eth0"]'
  assert_equal "$(device | jq -r .address)" 02:42:0a:01:00:02
  assert_equal "$(inside c1 ip -j address show eth0 | jq -c '[.[0].addr_info[] | select(.scope == "global") | .local]')" '["10.1.0.2","fd00:1::2"]'
  must cni check c1 "$(tap)"
  must cni del c1 "$(tap)"
  assert_equal "$(links)" '["lo"]'
  assert_equal "$(held)" ""
  must cni del c1 "$(tap)"
}

@test "tap: what a process writes into the device arrives at the container's stack" {
  must cni add c1 "$(tap)"
  # An echo request for 10.1.0.2 from 10.1.0.9, both MACs told; the answer comes out of the device.
  answer=$(inside c1 timeout 5 python3 - <<'PYTHON'
import fcntl, os, struct
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"eth0", 0x1002))
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
mine, theirs = bytes.fromhex("020000000009"), bytes.fromhex("02420a010002")
arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 2, mine, bytes([10, 1, 0, 9]), theirs, bytes([10, 1, 0, 2]))
icmp = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"hello world."
icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0, bytes([10, 1, 0, 9]), bytes([10, 1, 0, 2]))
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
os.write(fd, theirs + mine + b"\x08\x00" + ip + icmp)
while True:
    frame = os.read(fd, 2000)
    if frame[12:14] == b"\x08\x06": os.write(fd, mine and frame[6:12] + mine + b"\x08\x06" + arp)
    if frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 0: break
print("answered")
PYTHON
  )
  assert_equal "$answer" answered
}

@test "defect 37: mac, mtu, owner, group and multiQueue are all applied, and no ip tool is run" {
  # The plugin finds no program at all.
  PATH_WITHOUT_TOOLS=/nonexistent
  config=$(layer2 '{mac: "02:00:00:00:00:01", mtu: 1400, owner: 54321, group: 1001, multiQueue: true}')
  CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN \
    must host "$(command -v env)" PATH="$PATH_WITHOUT_TOOLS" "$BERTH_BIN/tap" <<<"$config"
  assert_equal "$(device | jq -c '[.address, .mtu, .linkinfo.info_data.multi_queue, .linkinfo.info_data.user, .linkinfo.info_data.group]')" \
    '["02:00:00:00:00:01",1400,true,54321,1001]'
  must cni del c1 "$config"
  # One of them alone, and others in between.
  must cni add c1 "$(layer2 '{group: 1001, mtu: 1300}')"
  assert_equal "$(device | jq -c '[.mtu, .linkinfo.info_data.multi_queue, .linkinfo.info_data.user, .linkinfo.info_data.group]')" '[1300,false,null,1001]'
  must cni del c1 "$config"
  must cni add c1 "$(layer2 '{owner: 0}')"
  assert_match "$(device)" '"user":"?(0|root)'
}

@test "tap: the MAC asked for" {
  ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02" must cni add c1 "$(tap '{mac: "02:00:00:00:00:01"}')"
  assert_json '.interfaces[0].mac == "02:00:00:00:00:02"'
  must cni del c1 "$(tap)"
  ARGS="MAC=02:00:00:00:00:02" must cni add c1 "$(layer2 '{runtimeConfig: {mac: "02-00-00-00-00-03"}}')"
  assert_equal "$(device | jq -r .address)" 02:00:00:00:00:03
  must cni del c1 "$(tap)"
  must_fail 7 cni add c1 "$(tap '{mac: "01:00:00:00:00:01"}')"
  ARGS="OTHER=x" must_fail 4 cni add c1 "$(tap)"
}

@test "tap: a port of a bridge in the container" {
  inside c1 ip link add br0 type bridge
  config=$(layer2 '{bridge: "br0"}')
  must cni add c1 "$config"
  assert_equal "$(device | jq -r .master)" br0
  must cni check c1 "$config"
  inside c1 ip link set eth0 nomaster
  must_fail 999 cni check c1 "$config"
  must cni del c1 "$config"
  assert_equal "$(links)" '["lo","br0"]'
  for name in nowhere lo; do
    must_fail 7 cni add c1 "$(layer2 "{bridge: \"$name\"}")"
    assert_json ".details | contains(\"found \\\"$name\\\"\")"
    assert_equal "$(links)" '["lo","br0"]'
  done
}

@test "tap: selinuxContext without SELinux in the kernel is a clear error, and nothing changes" {
  [[ ! -d /sys/fs/selinux ]] || skip "this kernel has SELinux"
  before=$(snapshot)
  must_fail 7 cni add c1 "$(tap '{selinuxContext: "system_u:system_r:container_t:s0"}')"
  assert_json '.details | contains("selinuxContext: found \"system_u:system_r:container_t:s0\"")'
  assert_equal "$(links)" '["lo"]'
  assert_equal "$(snapshot | grep -v '^var\|^run')" "$(grep -v '^var\|^run' <<<"$before")"
}

@test "tap: what is run in another SELinux context makes the very device" {
  must inside c1 "$BERTH_BIN/tap" create '{"name": "tap9", "multiQueue": true, "owner": 54321}'
  assert_equal "$(device tap9 | jq -c '[.linkinfo.info_data.multi_queue, .linkinfo.info_data.user]')" '[true,54321]'
  run ! inside c1 "$BERTH_BIN/tap" create '{"name": "tap9", "multiQueue": true}'
  assert_match "$output" "[Bb]usy"
}

@test "defect 11: a failed ADD leaves no device and no address" {
  must_fail 999 cni add c1 "$(tap '{ipam: {type: "host-local", subnet: "10.1.0.0/24", routes: [{dst: "203.0.113.0/24", gw: "198.51.100.1"}]}}')"
  assert_equal "$(links) $(held)" '["lo"] '
  attempt cni add c1 "$(tap '{ipam: {type: "host-local", subnet: "10.1.0.0/24", rangeStart: "10.1.0.1", rangeEnd: "10.1.0.1"}}')"
  assert_equal "$status $(links) $(held)" '1 ["lo"] '
  inside c1 ip link add eth0 type bridge
  must_fail 4 cni add c1 "$(tap)"
  must cni del c1 "$(tap)"
  assert_equal "$(links) $(held)" '["lo","eth0"] '
}

@test "defect 4: DEL without a namespace, a prevResult or a right configuration" {
  must cni add c1 "$(tap)"
  must cni del c1 "$(tap '{mtu: "much"}')"
  assert_equal "$(links) $(held)" '["lo"] '
  must cni add c1 "$(tap)"
  remove_container c1
  NETNS='' PREVIOUS=no must cni del c1 "$(tap)"
  assert_equal "$(held)" ""
}

@test "tap: DEL of another attachment's name leaves it alone" {
  must cni add c1 "$(tap)"
  # The same name in another network: its ADD is refused, and the DEL after that is not for this device.
  other=$(layer2 '{name: "other"}')
  must_fail 4 cni add c1 "$other"
  must cni del c1 "$other"
  assert_equal "$(links)" '["lo","eth0"]'
  must cni check c1 "$(tap)"
}

@test "tap: CHECK finds what is not as ADD left it" {
  config=$(tap '{mtu: 1400, owner: 54321}')
  must cni add c1 "$config"
  must cni check c1 "$config"
  must_fail 999 cni check c1 "$(tap '{mtu: 1400, owner: 54322}')"
  must_fail 999 cni check c1 "$(tap '{mtu: 1400, owner: 54321, multiQueue: true}')"
  must_fail 999 cni check c1 "$(tap '{mtu: 1300, owner: 54321}')"
  inside c1 ip link set eth0 down
  must_fail 999 cni check c1 "$config"
  inside c1 ip link set eth0 up
  inside c1 ip address del 10.1.0.2/24 dev eth0
  must_fail 999 cni check c1 "$config"
  PREVIOUS=no must_fail 7 cni check c1 "$config"
  inside c1 ip link del eth0
  inside c1 ip link add eth0 type bridge
  must_fail 999 cni check c1 "$config"
}

@test "defect 34: DNS of the IPAM plugin is kept, the configuration's wins" {
  echo 'nameserver 10.1.0.53' >"$BATS_TEST_TMPDIR/resolv.conf"
  with_dns=$(tap | jq -c --arg file "$BATS_TEST_TMPDIR/resolv.conf" '.ipam.resolvConf = $file')
  must cni add c1 "$with_dns"
  assert_json '.dns.nameservers == ["10.1.0.53"]'
  must cni del c1 "$with_dns"
  must cni add c1 "$(jq -c '.dns = {nameservers: ["10.1.0.54"]}' <<<"$with_dns")"
  assert_json '.dns.nameservers == ["10.1.0.54"]'
}

@test "tap: STATUS tells why an ADD could not be served, GC releases addresses" {
  must cni status any "$(tap)"
  must_fail 50 cni status any "$(tap '{ipam: {type: "nowhere"}}')"
  must cni add c1 "$(tap)"
  must cni gc any "$(tap)"
  assert_equal "$(held)" ""
  host mount --bind /dev/null /dev/net/tun
  must_fail 50 cni status any "$(tap)" || { host umount /dev/net/tun; false; }
  host umount /dev/net/tun
}

@test "tap: every version of the specification" {
  for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
    config=$(tap "{cniVersion: \"$version\"}")
    must cni add c1 "$config"
    assert_json ".cniVersion == \"$version\""
    must cni del c1 "$config"
  done
}

@test "tap: bad input is a clear error, and nothing changes" {
  local -A bad=(
    ['{mtu: -1}']='mtu: found -1'
    ['{mtu: 70000}']='mtu: found 70000'
    ['{owner: "root"}']='owner: found "root", allowed: an integer'
    ['{group: -1}']='group: found -1'
    ['{multiQueue: 2}']='multiQueue: found 2, allowed: a boolean'
    ['{mac: "x"}']='mac: found "x"'
    ['{bridge: 7}']='bridge: found 7'
  )
  for keys in "${!bad[@]}"; do
    must_fail 7 cni add c1 "$(tap "$keys")"
    assert_equal "$(jq -r --arg expected "${bad[$keys]}" '.details | contains($expected)' <<<"$output")" true || fail "$keys: $output"
    assert_equal "$(links) $(held)" '["lo"] '
  done
}

@test "conf: 75-tap.conflist" {
  list=$REPOSITORY/conf/75-tap.conflist
  CAP_ARGS='{"mac": "02:00:00:00:00:07"}' must chain add c1 "$list"
  assert_equal "$(device | jq -c '[.address, .linkinfo.info_data.multi_queue]')" '["02:00:00:00:00:07",true]'
  must chain check c1 "$list"
  must chain del c1 "$list"
}
