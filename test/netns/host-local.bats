#!/usr/bin/env bats
# shellcheck disable=SC2016
load helpers

config='{
  "cniVersion": "1.1.0", "name": "net", "type": "host-local",
  "ipam": {"type": "host-local", "subnet": "10.1.0.0/24", "ranges": [[{"subnet": "fd00::/64"}]]}
}'
small=$(jq -c '.ipam = {type: "host-local", subnet: "10.1.0.0/29"}' <<<"$config")
store=/var/lib/cni/networks/net

# What Go's version 1.1.1 understands of a configuration.
for_go() { jq -c '.cniVersion = "1.0.0"' <<<"$1"; }

reservations() { host sh -c "cd $store && grep -rHE '' --include='[0-9a-f]*[.:]*' . | tr -d '\r' | sort"; }

reserved() { host find "$store" -regex '.*/[0-9a-f:.]+' -type f | wc -l; }

reserve_as_go() { printf '%b' "$2" | host tee "$store/$1" >/dev/null; }

call() { # call VERB ID: status only
  NETNS=/run/netns/none cni "$1" "$2" "${3:-$config}" >/dev/null
}

@test "host-local: writes what the Go plugin writes, byte for byte" {
  must cni add c1 "$config"
  assert_json '[.ips[].address] == ["10.1.0.2/24", "fd00::2/64"] and .ips[0].gateway == "10.1.0.1" and (.ips[0] | has("interface") | not)'
  files() { host sh -c "cd $store && for file in *; do stat -c '%n %a %s' \$file; od -An -c \$file; done"; }
  ours=$(files)
  host rm -r "$store"
  BIN=$GO_BIN must cni add c1 "$(for_go "$config")"
  # Reservations are readable for all in 1.1.1, for root alone since 1.4.0.
  assert_equal "$ours" "$(files | sed -E 's/^([0-9a-f:.]+|last_.*) 644/\1 600/')"
}

@test "host-local: takes over what the Go plugin wrote, and hands it back" {
  BIN=$GO_BIN must cni add old "$(for_go "$config")"
  must call check old
  must_fail 999 cni add old "$config"
  must cni add new "$config"
  assert_json '.ips[0].address == "10.1.0.3/24"'
  PREVIOUS=no BIN=$GO_BIN must cni check new "$(for_go "$config")"
  BIN=$GO_BIN must cni add newer "$(for_go "$config")"
  assert_json '.ips[0].address == "10.1.0.4/24"'
  must call del old
  BIN=$GO_BIN PREVIOUS=no must cni del new "$(for_go "$config")"
  must call del newer
  assert_equal "$(reserved)" 0
}

@test "host-local: two interfaces of a container, one of them released" {
  must call add c1
  IFNAME=eth1 must call add c1
  IFNAME=eth0 must call del c1
  assert_equal "$(reservations)" "$(printf '%s\n' ./10.1.0.3:c1 ./10.1.0.3:eth1 ./fd00::3:c1 ./fd00::3:eth1)"
}

@test "host-local: reservations of older versions and with white space are released" {
  host mkdir -p "$store"
  reserve_as_go 10.1.0.9 'c1'
  reserve_as_go 10.1.0.10 '\n  c2\r\neth0  \n'
  reserve_as_go 10.1.0.11 'c22\r\neth0'
  must call del c1
  must call del c2
  assert_equal "$(reservations)" "$(printf '%s\n' ./10.1.0.11:c22 ./10.1.0.11:eth0)"
}

@test "host-local: DEL of nothing succeeds and makes nothing" {
  before=$(snapshot)
  must call del c1
  must call del c1
  assert_equal "$(snapshot)" "$before"
}

@test "host-local: a failed ADD leaves no reservation" {
  exhausted=$(jq -c '.ipam.ranges += [[{subnet: "10.3.0.0/30"}]]' <<<"$config")
  must call add c1 "$exhausted"
  must_fail 11 cni add c2 "$exhausted"
  assert_json '.msg | contains("no IP addresses available in range set: 10.3.0.1-10.3.0.2")'
  ARGS=IP=192.0.2.1 must_fail 7 cni add c2 "$config"
  ARGS=IP=10.1.0.2 must_fail 11 cni add c2 "$config"
  must_fail 999 cni add c1 "$config"
  assert_equal "$(reserved)" 3
}

# --- Files that are not as they should be ------------------------------------------------------------------------

@test "host-local: defect 10 of the Go suite: an empty reservation left by its crash blocks no address" {
  for id in c1 c2 c3 c4; do BIN=$GO_BIN must cni add $id "$(for_go "$small")"; done
  host sh -c ": >$store/10.1.0.6"
  BIN=$GO_BIN must_fail 999 cni add c5 "$(for_go "$small")"
  must cni add c5 "$small"
  assert_json '.ips[0].address == "10.1.0.6/29"'
}

@test "host-local: reservations emptied by a power failure are nobody's" {
  for id in c1 c2 c3 c4 c5; do must call add $id "$small"; done
  host truncate -s 0 "$store/10.1.0.4" "$store/10.1.0.5"
  must cni add c6 "$small"
  assert_json '.ips[0].address == "10.1.0.4/29"'
  ARGS=IP=10.1.0.5 must call add c7 "$small"
  must_fail 11 cni add c8 "$small"
  must_fail 999 cni check c3 "$small"
  must call del c3 "$small"
  assert_equal "$(reserved)" 5
}

@test "host-local: whatever happens to the index, the files decide" {
  index=/var/lib/cni/networks/.net.index
  for damage in "rm $index" "truncate -s 100 $index" "truncate -s 6000 $index" "sed -i s/index.1/index.0/ $index" \
    "dd if=/dev/urandom of=$index bs=4096 count=3" "cp $index.old $index" "rm $store/10.1.0.2"; do
    host rm -rf "$store"
    must call add c1
    host cp "$index" "$index.old"
    must call add c2
    host sh -c "$damage" 2>/dev/null
    must cni add c3 "$config"
    assert_json '.ips[0].address == "10.1.0.4/24"'
    must_fail 999 cni add c2 "$config"
    must call del c2
    assert_match "$(reservations)" '10.1.0.4:c3'
    ! grep c2 <<<"$(reservations)" || fail "c2 is still there after: $damage"
  done
}

@test "host-local: a full disk is a clear error, leaves nothing, and does not keep anybody from leaving" {
  host mkdir -p /var/lib/cni/networks
  host mount -t tmpfs -o size=64k,nr_inodes=1000 tmpfs /var/lib/cni/networks
  must call add c1
  must call add c2
  host sh -c 'cat /dev/zero >/var/lib/cni/networks/ballast' 2>/dev/null || true
  before=$(reservations)
  must_fail 5 cni add c3 "$config"
  assert_json '.msg | test("^Cannot reserve 10.1.0.4 in .*: ENOSPC: no space left on device")'
  must_fail 50 cni status c1 "$config"
  assert_equal "$(reservations)" "$before"
  must call check c1
  must call del c1
  host rm /var/lib/cni/networks/ballast
  must cni add c3 "$config"
  assert_json '.ips[0].address == "10.1.0.4/24"'
  assert_equal "$(reserved)" 4
}

@test "host-local: no inodes left" {
  host mkdir -p /var/lib/cni/networks
  host mount -t tmpfs -o size=1m,nr_inodes=8 tmpfs /var/lib/cni/networks
  must call add c1
  host sh -c 'for i in 1 2 3 4 5 6 7 8; do : >/var/lib/cni/networks/x$i; done' 2>/dev/null || true
  must_fail 5 cni add c2 "$config"
  must_fail 50 cni status c1 "$config"
  must call del c1
  assert_equal "$(reserved)" 0
}

@test "host-local: a read-only directory is a clear error; what needs no writing works" {
  must call add c1
  host mount --bind -o ro /var/lib/cni/networks /var/lib/cni/networks
  host mount -o remount,bind,ro /var/lib/cni/networks
  must_fail 5 cni add c2 "$config"
  assert_json '.msg | contains("read-only file system")'
  must_fail 5 cni del c1 "$config"
  must_fail 50 cni status c1 "$config"
  must call check c1
  must call del c2
  host umount /var/lib/cni/networks
  must call del c1
  assert_equal "$(reserved)" 0
}

@test "host-local: a directory of somebody else, or none at all, is refused" {
  host mkdir -p "$store"
  host chown 12345 "$store"
  must_fail 5 cni add c1 "$config"
  assert_json '.msg | contains("belongs to another user")'
  must_fail 50 cni status c1 "$config"
  host rm -r "$store"
  host touch "$store"
  must_fail 5 cni add c1 "$config"
  must_fail 50 cni status c1 "$config"
}

@test "host-local: symbolic links in the directory lead nowhere" {
  host mkdir -p "$store"
  host sh -c "echo secret >/run/secret; cd $store
    ln -s /run/secret 10.1.0.2; ln -s /run/secret last_reserved_ip.0; ln -s /run/secret unfinished"
  must_fail 5 cni add c1 "$config"
  host rm "$store/last_reserved_ip.0"
  must cni add c1 "$config"
  assert_json '.ips[0].address == "10.1.0.3/24"'
  must call del c1
  assert_equal "$(host cat /run/secret)" secret
  host sh -c "rm $store/lock; ln -s /run/secret $store/lock"
  must_fail 5 cni add c1 "$config"
  for name in ../x a/b .x; do
    must_fail 7 cni add c1 "$(jq -c --arg name "$name" '.name = $name' <<<"$config" | sed 's,a/b,a\\/b,')"
  done
}

# --- The lock ----------------------------------------------------------------------------------------------------

@test "host-local: waits for a lock that another holds, and gets on when its holder dies" {
  must call add c1
  host flock "$store/lock" sh -c 'echo $$ >/run/holder; exec sleep 600' 3>&- &
  until ! host flock -n "$store/lock" true; do sleep 0.05; done
  call add c2 3>&- &
  local waiting=$!
  sleep 0.5
  kill -0 "$waiting" || fail "ADD did not wait for the lock"
  assert_equal "$(reserved)" 2
  host sh -c 'kill -KILL "$(cat /run/holder)"'
  wait "$waiting"
  assert_equal "$(reserved)" 4
}

@test "host-local: who comes first to the lock is served first" {
  must call add c0
  host flock "$store/lock" sh -c 'echo $$ >/run/holder; exec sleep 600' 3>&- &
  until ! host flock -n "$store/lock" true; do sleep 0.05; done
  inode=$(host stat -c %i "$store/lock")
  for i in 1 2 3 4 5 6 7 8; do
    call add "c$i" 3>&- &
    adds+=($!)
    until (($(grep -c -- "-> FLOCK .*:$inode " /proc/locks) == i)); do sleep 0.02; done
  done
  host sh -c 'kill -KILL "$(cat /run/holder)"'
  for add in "${adds[@]}"; do wait "$add"; done
  owners=$(for n in 2 3 4 5 6 7 8 9 10; do host sh -c "head -1 $store/10.1.0.$n | tr -d '\r'"; done)
  assert_equal "$(tr '\n' ' ' <<<"$owners")" "c0 c1 c2 c3 c4 c5 c6 c7 c8 "
}

@test "host-local: a directory that is removed while waiting for its lock is made again" {
  must call add c1
  host flock "$store/lock" sh -c "sleep 0.5; rm -r $store" 3>&- &
  until ! host flock -n "$store/lock" true; do sleep 0.05; done
  must cni add c2 "$config"
  assert_equal "$(reservations | head -1)" "./10.1.0.2:c2"
}

# --- GC, STATUS, boot --------------------------------------------------------------------------------------------

@test "host-local: defect 1 of the Go suite: GC releases what no attachment has" {
  for id in c1 c2 c3; do must call add $id; done
  reserve_as_go 10.1.0.50 c1
  reserve_as_go 10.1.0.51 c9
  valid='{"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}, {"containerID": "c3", "ifname": "eth1"}]}'
  must cni gc x "$(jq -c --argjson valid "$valid" '. + $valid' <<<"$config")"
  assert_equal "$(reservations)" "$(printf '%s\n' ./10.1.0.2:c1 ./10.1.0.2:eth0 ./10.1.0.50:c1 ./fd00::2:c1 ./fd00::2:eth0)"
  must call check c1
  must cni gc x "$(jq -c '. + {"cni.dev/valid-attachments": null}' <<<"$config")"
  assert_equal "$(host sh -c "ls $store | sort" | tr '\n' ' ')" "last_reserved_ip.0 last_reserved_ip.1 lock "
}

@test "host-local: GC and DEL release with a configuration that ADD refuses" {
  for id in c1 c2 c3; do must call add $id; done
  broken=$(jq -c '.ipam.subnet = 5' <<<"$config")
  must_fail 7 cni add c4 "$broken"
  must call del c1 "$broken"
  assert_equal "$(reserved)" 4
  must cni gc x "$broken"
  assert_equal "$(reserved)" 0
}

@test "host-local: defect 1 of the Go suite: reservations from before this boot are released on first use" {
  on_boot=$(jq -c '.ipam.releaseOnBoot = true' <<<"$small")
  for id in c1 c2 c3 c4 c5; do BIN=$GO_BIN must cni add $id "$(for_go "$small")"; done
  host touch -d '2001-01-01' "$store/10.1.0.2" "$store/10.1.0.4"
  must_fail 11 cni add c6 "$small"
  must cni add c6 "$on_boot"
  assert_json '.ips[0].address == "10.1.0.2/29"'
  must cni add c7 "$on_boot"
  assert_json '.ips[0].address == "10.1.0.4/29"'
  must_fail 11 cni add c8 "$on_boot"
}

@test "host-local: STATUS says how many addresses are gone" {
  must cni status x "$small"
  [[ ! $(host find /var/lib/cni -mindepth 1) ]] || fail "STATUS made something"
  for id in c1 c2 c3 c4 c5; do must call add $id "$small"; done
  must_fail 50 cni status x "$small"
  assert_json '.details == "all 5 addresses are reserved in /var/lib/cni/networks/net"'
  must call del c4 "$small"
  must cni status x "$small"
}

# --- cnitool ipam ------------------------------------------------------------------------------------------------

@test "cnitool ipam: shows who has what, finds leaks, and releases them" {
  add_container c1 c2
  host mkdir -p /run/net.d
  jq '{cniVersion, name, plugins: [.]}' <<<"$config" | host tee /run/net.d/net.conflist >/dev/null
  tool() { host env NETCONFPATH=/run/net.d CNI_PATH="$BERTH_BIN" "$BERTH_BIN/cnitool" "$@"; }
  for name in c1 c2; do must tool add --container-id $name net /run/netns/$name; done
  reserve_as_go 10.1.0.77 'lost\r\neth0'
  reserve_as_go 10.1.0.78 'new\r\neth0'
  host touch -d '1 hour ago' "$store/10.1.0.77"
  remove_container c2

  must tool ipam list --json
  assert_json '.[0].ranges[0] | .subnet == "10.1.0.0/24" and .used == 4 and .free == 249 and .size == 253'
  assert_json '.[0].ranges[1].free == "18446744073709551612"'
  must tool ipam
  assert_match "$output" '^NETWORK .*'$'\n''net +10\.1\.0\.0/24 '
  must tool ipam leaked --json
  assert_json '[.[].address] == ["10.1.0.3", "10.1.0.77", "fd00::3"]'
  must tool ipam holders
  assert_match "$output" '10\.1\.0\.2 +c1 +eth0 +[0-9TZ:.-]+ +in use'

  run tool ipam release net 10.1.0.2
  [[ $status == 1 && $output == *"container c1 is there"* ]] || fail "$output"
  run tool ipam release net 10.1.0.200
  [[ $status == 1 && $output == *"it is not reserved"* ]] || fail "$output"
  must tool ipam release net 10.1.0.77
  must tool ipam release net --leaked
  assert_equal "$(reserved)" 3
  must tool ipam release net --force 10.1.0.2
  run tool ipam list nothing
  [[ $status == 1 ]] || fail "$output"
}
