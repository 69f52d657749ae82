#!/usr/bin/env bats
# The macvlan plugin on Docker's `parent` with a VLAN: a master `<interface>.<id>` is made when it is missing, shared, and
# removed with its last attachment if it was made by the plugin. Also macvlan on a dummy interface: a network of one host.
load helpers

setup() {
  needs macvlan host-local
  make_host
}

macvlan() {
  config macvlan | jq -c --argjson keys "$1" '. + $keys'
}

tagged='{"master": "uplink.100"}'

# add_tagged_uplink: the world outside has 10.1.0.254 and fd00:1::254 in VLAN 100 of the uplink.
add_tagged_uplink() {
  add_uplink
  inside outside ip link add link eth0 name eth0.100 type vlan id 100
  inside outside ip address add 10.1.0.254/24 dev eth0.100
  inside outside ip address add fd00:1::254/64 dev eth0.100 nodad
  inside outside ip link set eth0.100 up
}

@test "a dummy interface as master: containers reach each other in mode bridge, and not in mode private" {
  host ip link add uplink type dummy
  host ip link set uplink up
  attach c1 "$(macvlan '{"master": "uplink"}')"
  assert_json '.interfaces[0].name == "eth0"'
  attach c2 "$(macvlan '{"master": "uplink"}')"
  attach c3 "$(macvlan '{"master": "uplink", "mode": "private"}')"
  assert_equal "$(link eth0 c3 | jq -r .linkinfo.info_data.mode)" private
  reaches c1 10.1.0.3 fd00:1::3
  cannot_reach c3 10.1.0.2
}

@test "mode passthru: a second container gets a clear error and the first keeps its interface" {
  beyond_go "the kernel's words are all it says"
  host ip link add uplink type dummy
  host ip link set uplink up
  attach c1 "$(macvlan '{"master": "uplink", "mode": "passthru"}')"
  assert_equal "$(link eth0 c1 | jq -r .linkinfo.info_data.mode)" passthru
  add_container c2
  changes_nothing must_fail_any cni add c2 "$(macvlan '{"master": "uplink", "mode": "passthru"}')"
  assert_json '.msg + (.details // "") | test("passthru")'
}

@test "a VLAN as master: made when missing, and its frames are tagged" {
  beyond_go "the master must exist"
  add_tagged_uplink
  attach c1 "$(macvlan "$tagged")"
  assert_equal "$(link uplink.100 | jq -c '[.link, .linkinfo.info_kind, .linkinfo.info_data.id, .linkinfo.info_data.protocol]')" \
    '["uplink","vlan",100,"802.1Q"]'
  assert_json '(.flags | index("UP")) != null' "$(link uplink.100)"
  reaches c1 10.1.0.254 fd00:1::254
  must cni check c1 "$(macvlan "$tagged")"
}

@test "a VLAN as master: shared by containers and networks, removed with the last of them" {
  beyond_go "the master must exist"
  add_tagged_uplink
  local other
  other=$(macvlan "$tagged" | jq -c '.name = "other" | .ipam.ranges = [[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.100"}]]')
  attach c1 "$(macvlan "$tagged")"
  local index
  index=$(link uplink.100 | jq .ifindex)
  attach c2 "$(macvlan "$tagged")"
  attach c3 "$other"
  reaches c1 10.1.0.3 10.1.0.100
  assert_equal "$(link uplink.100 | jq .ifindex)" "$index"

  must cni del c1 "$(macvlan "$tagged")"
  must cni del c2 "$(macvlan "$tagged")"
  reaches c3 10.1.0.254
  must cni del c3 "$other"
  has_no_link uplink.100
  has_link uplink
  must cni del c3 "$other"
}

@test "a VLAN as master: an ADD that is refused, as the interface is there, leaves it to the one that has it" {
  beyond_go "the master must exist"
  add_tagged_uplink
  attach c1 "$(macvlan "$tagged")"
  must_fail 4 cni add c1 "$(macvlan "$tagged")"
  reaches c1 10.1.0.254
  must cni del c1 "$(macvlan "$tagged")"
  has_no_link uplink.100
}

@test "a VLAN as master: one that was there before stays" {
  add_tagged_uplink
  host ip link add link uplink name uplink.100 type vlan id 100
  host ip link set uplink.100 up
  attach c1 "$(macvlan "$tagged")"
  reaches c1 10.1.0.254
  must cni del c1 "$(macvlan "$tagged")"
  has_link uplink.100
}

@test "a VLAN as master: removed when the last container's namespace is gone" {
  beyond_go "the master must exist"
  add_uplink
  attach c1 "$(macvlan "$tagged")"
  remove_container c1
  must cni del c1 "$(macvlan "$tagged")"
  has_no_link uplink.100
  assert_equal "$(reservations)" ""
}

@test "a VLAN as master: GC removes it with its last attachment" {
  beyond_go "it has no GC"
  add_uplink
  local current
  current=$(macvlan "$tagged" | jq -c '.cniVersion = "1.1.0"')
  attach c1 "$current"
  PREVIOUS=no must cni gc c1 "$(jq -c '. + {"cni.dev/valid-attachments": [{containerID: "c1", ifname: "eth0"}]}' <<<"$current")"
  has_link uplink.100
  remove_container c1
  PREVIOUS=no must cni gc c1 "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$current")"
  has_no_link uplink.100
  assert_equal "$(reservations)" ""
}

@test "a VLAN as master: a failed ADD removes the one that it made, and only that" {
  beyond_go "the master must exist"
  add_uplink
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(macvlan "$tagged" | jq -c --argjson ipam "$EXHAUSTED" '.ipam = $ipam')"
  attach c2 "$(macvlan "$tagged")"
  changes_nothing must_fail_any cni add c1 "$(macvlan "$tagged" | jq -c --argjson ipam "$EXHAUSTED" '.ipam = $ipam')"
  has_link uplink.100
}

@test "a VLAN as master: two ADDs at once share one" {
  beyond_go "the master must exist"
  add_tagged_uplink
  add_container c1 c2
  local first status=0
  cni add c1 "$(macvlan "$tagged")" >"$BATS_TEST_TMPDIR/first" 3>&- &
  first=$!
  must cni add c2 "$(macvlan "$tagged")"
  wait "$first" || status=$?
  [[ $status == 0 ]] || fail "$(<"$BATS_TEST_TMPDIR/first")"
  reaches c1 10.1.0.254
  reaches c2 10.1.0.254
}

@test "a VLAN as master: a missing parent and VLAN ids out of range are refused" {
  beyond_go "the master must exist"
  add_uplink
  add_container c1
  changes_nothing must_fail_any cni add c1 "$(macvlan '{"master": "nowhere.100"}')"
  assert_json '.msg + (.details // "") | test("nowhere")'
  changes_nothing must_fail_any cni add c1 "$(macvlan '{"master": "uplink.4095"}')"
  changes_nothing must_fail_any cni add c1 "$(macvlan '{"master": "uplink.0"}')"
  assert_equal "$(reservations)" ""
}
