# containerd's own client: `ctr run --cni` reads /etc/cni/net.d and calls the plugins itself.
load runtime

setup_file() {
  cat >/etc/cni/net.d/10-berth.conflist <<'EOF'
{
  "cniVersion": "1.0.0",
  "name": "ctrnet",
  "plugins": [{
    "type": "bridge", "bridge": "ctr0", "isDefaultGateway": true,
    "ipam": {
      "type": "host-local",
      "ranges": [[{ "subnet": "10.61.0.0/24" }], [{ "subnet": "fd00:61::/64" }]],
      "routes": [{ "dst": "198.51.100.0/24" }]
    }
  }]
}
EOF
  configure_containerd "$BATS_FILE_TMPDIR/net.d"
  start_containerd
  ctr image import --snapshotter native "$BATS_SUITE_TMPDIR/image.tar"
}

teardown_file() {
  stop_containerd
  rm /etc/cni/net.d/10-berth.conflist
}

setup() {
  runs=()
  remember_traces
}

teardown() {
  local id
  for id in $(ctr container list --quiet); do remove "$id"; done
  # By name: a test's other child is the clock that bats gives it.
  for id in "${runs[@]}"; do wait "$id" || true; done
  rm -f /etc/cni/net.d/05-single.conflist
}

# Only a `ctr run` that waits for its container calls DEL, when that has ended and its namespace is gone.
start() {
  ctr run --rm --cni --snapshotter native --runc-binary "$(command -v runc)" --cgroup "$BERTH_CGROUP/$1" \
    "$IMAGE" "$1" 3>&- &
  runs+=($!)
  # Its network is made between its creation, from when on it takes commands, and its start.
  retry 50 is_running "$1"
}

is_running() {
  ctr task list | grep -Eq "^$1 .* RUNNING"
}

remove() {
  ctr task kill --signal KILL "$1"
  retry 50 container_is_gone "$1"
}

container_is_gone() {
  ! ctr container list --quiet | grep -qx "$1"
}

inside() {
  local id=$1
  shift
  ctr task exec --exec-id "exec$RANDOM$RANDOM" "$id" "$@"
}

@test "ctr: a container gets its interface, addresses and routes, and leaves no trace" {
  start one
  inside one ip addr show eth0 >"$BATS_TEST_TMPDIR/addresses"
  grep -E 'inet 10\.61\.0\.[0-9]+/24 .*scope global' "$BATS_TEST_TMPDIR/addresses"
  grep -E 'inet6 fd00:61::[0-9a-f]+/64 scope global' "$BATS_TEST_TMPDIR/addresses"
  inside one ip route >"$BATS_TEST_TMPDIR/routes"
  grep 'default via 10.61.0.1 dev eth0' "$BATS_TEST_TMPDIR/routes"
  grep '198.51.100.0/24 via 10.61.0.1 dev eth0' "$BATS_TEST_TMPDIR/routes"
  inside one ip -6 route | grep 'default via fd00:61::1 dev eth0'
  [ -e /var/lib/cni/results/ctrnet-default-one-eth0 ]

  remove one
  assert_no_new_traces
}

@test "ctr: two containers and the host reach each other over IPv4 and IPv6" {
  start left
  start right
  local address
  for address in $(addresses_of right) 10.61.0.1 fd00:61::1; do inside left ping -c 1 -W 2 "$address"; done
  for address in $(addresses_of left); do
    inside right ping -c 1 -W 2 "$address"
    ping -c 1 -W 2 "$address"
  done

  remove left
  remove right
  assert_no_new_traces
}

addresses_of() {
  jq -r '.result.ips[].address | sub("/.*"; "")' "/var/lib/cni/results/ctrnet-default-$1-eth0"
}

@test "ctr: the only address of a network answers at once under its next holder" {
  cat >/etc/cni/net.d/05-single.conflist <<'EOF'
{
  "cniVersion": "1.0.0",
  "name": "single",
  "plugins": [{
    "type": "bridge", "bridge": "ctr1", "isGateway": true,
    "ipam": {
      "type": "host-local",
      "ranges": [[{ "subnet": "10.62.0.0/24", "rangeStart": "10.62.0.9", "rangeEnd": "10.62.0.9" }]]
    }
  }]
}
EOF
  start first
  ping -c 1 -W 2 10.62.0.9
  remove first
  start second
  ping -c 1 -W 1 10.62.0.9
  remove second
  assert_no_new_traces
}
