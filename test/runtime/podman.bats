# podman's CNI backend writes its own network list: bridge, portmap, firewall and tuning, each found in BERTH_BIN or else
# in the Go suite.
load runtime

setup_file() {
  local plugin
  for plugin in bridge host-local portmap firewall tuning; do
    has_plugin "$plugin" || echo "# podman: $plugin is the Go suite's, $BERTH_BIN has none yet" >&3
  done
  # By what name the bridge goes is podman's choice.
  podman network create --ipv6 --subnet 10.63.0.0/24 --subnet fd00:63::/64 berth
}

setup() {
  remember_traces
}

teardown() {
  podman rm --all --force --time 0
}

start() {
  local name=$1
  shift
  podman run --detach --name "$name" --network berth --cgroup-parent "$BERTH_CGROUP" "$@"
}

remove() {
  podman rm --force --time 0 "$@"
}

settings() {
  podman inspect "$1" | jq -r ".[0].NetworkSettings.Networks.berth$2"
}

@test "podman: its own network list is as it writes it, and names the plugins under test" {
  local list=$BATS_SUITE_TMPDIR/podman-net.d/berth.conflist
  [ "$(jq -r '.plugins[].type' "$list" | paste -sd ' ')" = "bridge portmap firewall tuning" ]
}

@test "podman: a container gets an address of each family, which podman reads back, and leaves no trace" {
  start one "$IMAGE"
  local v4 v6
  v4=$(settings one .IPAddress)
  v6=$(settings one .GlobalIPv6Address)
  podman exec one ip addr show eth0 >"$BATS_TEST_TMPDIR/addresses"
  grep -F "inet $v4/24 " "$BATS_TEST_TMPDIR/addresses"
  grep -F "inet6 $v6/64 " "$BATS_TEST_TMPDIR/addresses"
  grep -F "link/ether $(settings one .MacAddress) " "$BATS_TEST_TMPDIR/addresses"
  [ "$(settings one .Gateway)" = 10.63.0.1 ]
  [ "$(settings one .IPv6Gateway)" = fd00:63::1 ]
  podman exec one ip route | grep 'default via 10.63.0.1 dev eth0'
  podman exec one ip -6 route | grep 'default via fd00:63::1 dev eth0'

  remove one
  assert_no_new_traces
}

@test "podman: an address and a MAC that were asked for are given" {
  start chosen --ip 10.63.0.77 --mac-address 92:d0:c6:0a:29:33 "$IMAGE"
  [ "$(settings chosen .IPAddress)" = 10.63.0.77 ]
  podman exec chosen ip addr show eth0 | grep -F 'inet 10.63.0.77/24 '
  podman exec chosen ip link show eth0 | grep -F 'link/ether 92:d0:c6:0a:29:33 '

  remove chosen
  assert_no_new_traces
}

@test "podman: an address of each family that was asked for is given" {
  start chosen --ip 10.63.0.78 --ip6 fd00:63::78 "$IMAGE"
  podman exec chosen ip addr show eth0 | grep -F 'inet 10.63.0.78/24 '
  podman exec chosen ip addr show eth0 | grep -F 'inet6 fd00:63::78/64 '

  remove chosen
  assert_no_new_traces
}

@test "podman: an address that is taken is refused, and nothing is left of the attempt" {
  start holder --ip 10.63.0.79 "$IMAGE"
  run start late --ip 10.63.0.79 "$IMAGE"
  [ "$status" -ne 0 ]
  [[ $output == *10.63.0.79* ]]

  remove holder late
  assert_no_new_traces
}

@test "podman: two containers and the host reach each other over IPv4 and IPv6" {
  start left "$IMAGE"
  start right "$IMAGE"
  local key
  for key in .IPAddress .GlobalIPv6Address; do
    podman exec left ping -c 1 -W 2 "$(settings right $key)"
    podman exec right ping -c 1 -W 2 "$(settings left $key)"
    ping -c 1 -W 2 "$(settings left $key)"
  done
  podman exec left ping -c 1 -W 2 10.63.0.1
  podman exec left ping -c 1 -W 2 fd00:63::1

  remove left right
  assert_no_new_traces
}

@test "podman: a stopped container that starts again has its network back" {
  start phoenix --ip 10.63.0.80 "$IMAGE"
  podman stop --time 0 phoenix
  assert_no_new_traces
  podman start phoenix
  ping -c 1 -W 2 10.63.0.80

  remove phoenix
  assert_no_new_traces
}

@test "podman: a page comes through a published port, and no more after the container" {
  start web --publish 8063:80 "$IMAGE" httpd -f -p 80 -h /www
  start client "$IMAGE"
  local host
  for host in 127.0.0.1 10.63.0.1 '[fd00:63::1]'; do
    [ "$(retry 20 fetch "http://$host:8063/")" = "page of $IMAGE" ]
  done
  for host in 10.63.0.1 fd00:63::1; do podman exec client fetch "$host" 8063 | grep "page of $IMAGE"; done

  remove web client
  ! fetch http://127.0.0.1:8063/
  assert_no_new_traces
}
