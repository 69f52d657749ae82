#!/usr/bin/env bats
# kill -9 in the middle of what makes links that attachments share, of kinds that test/faults finds no kernel for.
load helpers

setup() {
  needs bridge macvlan host-local
  beyond_go "it leaves the interface, or the addresses"
  make_host
  add_container c1
}

# traced OPTIONS… CONFIG: ADD for c1 beneath strace, which sees writes: each netlink request is one.
traced() {
  CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN \
    host strace -qq -s 300 -e trace=write "${@:1:$#-1}" "$BERTH_BIN/$(jq -r .type <<<"${*: -1}")" <<<"${*: -1}" >/dev/null 2>&1
}

# leaves_nothing CONFIG LINK COUNT: an ADD is killed at the COUNT writes that follow the making of a link, the LINK-th of those
# that have another name at first. Then DEL takes away what there is, or GC, when the container is gone.
leaves_nothing() {
  local config=$1 before name made number
  must traced -o "$BATS_TEST_TMPDIR/trace" "$config"
  PREVIOUS=no must cni del c1 "$config"
  before=$(host ip -o link | settled)
  name=$(grep -oE 'new[0-9a-f]{12}' "$BATS_TEST_TMPDIR/trace" | awk '!seen[$0]++' | sed -n "$2p")
  # The first that names it removes what an earlier one may have left.
  made=$(grep -n "$name" "$BATS_TEST_TMPDIR/trace" | sed -n '2{s/:.*//;p}')
  for ((number = made + 1; number <= made + $3; number++)); do
    ! traced -o /dev/null -e "inject=write:signal=KILL:when=$number" "$config" || fail "An ADD has no write $number"
    if ((number % 2)); then
      PREVIOUS=no must cni del c1 "$config"
    else
      remove_container c1
      must cni gc c1 "$(jq -c '.cniVersion = "1.1.0"' <<<"$config")"
      add_container c1
    fi
    assert_equal "$(host ip -o link | settled)" "$before"
    assert_equal "$(host sh -c 'ls /run/berth/parents 2>/dev/null')" ""
  done
  assert_equal "$(reservations)" ""
}

shared='{"master": "uplink.100", "hostAccess": true, "hostAddresses": ["10.1.0.200", "fd00:1::200"]}'

@test "a VLAN as macvlan's master: killed while it is made, DEL or GC leaves nothing" {
  add_uplink
  leaves_nothing "$(config macvlan "$shared")" 1 4
}

@test "the host's access to a macvlan network: killed while it is made, DEL or GC leaves nothing" {
  add_uplink
  leaves_nothing "$(config macvlan "$shared")" 3 6
}

@test "the gateway of a bridge's VLAN: killed while it is made, DEL or GC leaves nothing" {
  leaves_nothing "$(config bridge '{"bridge": "br0", "vlan": 100, "isGateway": true}')" 2 6
}
