# shellcheck shell=bash
# Several hosts on one underlay, beside the helpers for one:
#
#   a 172.30.0.1 ─┐
#   b 172.30.0.2 ─┼─ switch ─ 172.30.0.254 router 172.31.0.254 ─ d 172.31.0.1
#   c 172.30.0.3 ─┘
#
# Each has fd30::N, d has fd31::1; the underlay's link is eth0, with the default route to the router.
#
#   at HOST CMD…   runs CMD of the helpers on that host: at a add_container c1; at a cni add c1 "$config"

# shellcheck source=helpers.bash
source "${BASH_SOURCE[0]%/*}/helpers.bash"

HOSTS=(a b c d)

# make_hosts: each is a host of its own as in helpers.bash.
make_hosts() {
  declare -gA HOLDERS=() PIDS=()
  local name
  for name in switch router "${HOSTS[@]}"; do
    make_host
    HOLDERS[$name]=$HOLDER PIDS[$name]=$HOST_PID
    mkdir -p "$BATS_TEST_TMPDIR/$name"
  done
  at switch host ip link add wire type bridge
  at switch host ip link set wire up
  local number=0
  for name in a b c; do
    number=$((number + 1))
    plug "$name" eth0 "172.30.0.$number/24" "fd30::$number/64"
    route "$name" 172.30.0.254 fd30::254
  done
  plug router near 172.30.0.254/24 fd30::254/64
  at router host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  cable router far d eth0
  address router far 172.31.0.254/24 fd31::254/64
  address d eth0 172.31.0.1/24 fd31::1/64
  route d 172.31.0.254 fd31::254
}

remove_hosts() {
  local holder
  for holder in "${HOLDERS[@]}"; do kill -KILL "$holder" 2>/dev/null || true; done
}

at() {
  # Results are kept apart: containers on different hosts can have the same name.
  local HOST_PID=${PIDS[$1]} BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$1
  shift
  "$@"
}

# plug HOST LINK ADDRESS…: connects a host to the switch.
plug() {
  local name=$1 link=$2
  shift 2
  cable switch "to-$name" "$name" "$link"
  at switch host ip link set dev "to-$name" master wire
  address "$name" "$link" "$@"
}

cable() {
  nsenter --target "${PIDS[$1]}" --net ip link add name "$2" type veth peer name "$4" netns "${PIDS[$3]}"
  at "$1" host ip link set "$2" up
  at "$3" host ip link set "$4" up
}

address() {
  local name=$1 link=$2 address
  shift 2
  for address in "$@"; do
    if [[ $address == *:* ]]; then at "$name" host ip address add "$address" dev "$link" nodad; else
      at "$name" host ip address add "$address" dev "$link"
    fi
  done
}

route() {
  at "$1" host ip route add default via "$2"
  at "$1" host ip -6 route add default via "$3"
}

underlay_address() {
  case $1 in a) echo 172.30.0.1 ;; b) echo 172.30.0.2 ;; c) echo 172.30.0.3 ;; d) echo 172.31.0.1 ;; esac
}

number_of() {
  case $1 in a) echo 1 ;; b) echo 2 ;; c) echo 3 ;; d) echo 4 ;; esac
}

# peers_of HOST OTHER…: the others as a list of peers.
peers_of() {
  local self=$1 other list='[]'
  shift
  for other in "$@"; do
    [[ $other == "$self" ]] || list=$(jq -c --arg ip "$(underlay_address "$other")" --arg n "$(number_of "$other")" \
      '. + [{ip: $ip, subnet: ["10.244.\($n).0/24", "fd24:\($n)::/64"]}]' <<<"$list")
  done
  echo "$list"
}

# l2 HOST [KEYS]: 10.9.0.0/24 and fd09::/64 over all hosts, of which each gives addresses from a part of its own.
l2() {
  local n
  n=$(number_of "$1")
  jq -nc --arg n "$n" --argjson peers "$(peers_of "$1" "${HOSTS[@]}")" '{
    cniVersion: "1.1.0", name: "blue", type: "vxlan", mode: "l2", vni: 4097, peers: $peers,
    ipam: {type: "host-local", ranges: [
      [{subnet: "10.9.0.0/24", rangeStart: "10.9.0.\($n)0", rangeEnd: "10.9.0.\($n)9"}],
      [{subnet: "fd09::/64", rangeStart: "fd09::\($n)0", rangeEnd: "fd09::\($n)9"}]]}} + '"${2:-{\}}"
}

# l3 HOST [KEYS]: 10.244.N.0/24 and fd24:N::/64 on each host.
l3() {
  local n
  n=$(number_of "$1")
  jq -nc --arg n "$n" --argjson peers "$(peers_of "$1" "${HOSTS[@]}")" '{
    cniVersion: "1.1.0", name: "green", type: "vxlan", mode: "l3", vni: 100, peers: $peers,
    ipam: {type: "host-local", ranges: [[{subnet: "10.244.\($n).0/24"}], [{subnet: "fd24:\($n)::/64"}]]}} + '"${2:-{\}}"
}

# start HOST CONTAINER CONFIG: makes a container and adds it.
start() {
  at "$1" add_container "$2"
  must at "$1" cni add "$2" "$3"
}

# container_address HOST CONTAINER FAMILY
container_address() {
  at "$1" inside "$2" ip -j "-$3" address show eth0 scope global | jq -r '.[0].addr_info[0].local'
}

# reach HOST CONTAINER TARGET… pings each, with full-size packets that must not be fragmented as well.
reach() {
  local name=$1 container=$2 target mtu headers
  shift 2
  mtu=$(at "$name" inside "$container" cat /sys/class/net/eth0/mtu)
  for target in "$@"; do
    headers=28
    [[ $target != *:* ]] || headers=48
    at "$name" inside "$container" ping -q -c 1 -W 2 "$target" >/dev/null || fail "$container on $name does not reach $target"
    at "$name" inside "$container" ping -q -c 1 -W 2 -M do -s $((mtu - headers)) "$target" >/dev/null ||
      fail "$container on $name does not reach $target with packets of $mtu bytes"
  done
}

cannot_reach() {
  local name=$1 container=$2 target
  shift 2
  for target in "$@"; do
    ! at "$name" inside "$container" ping -q -c 1 -W 1 "$target" >/dev/null 2>&1 || fail "$container on $name reaches $target"
  done
}

# stream HOST CONTAINER TOHOST TOCONTAINER ADDRESS: 8 MB by TCP arrive whole.
stream() {
  local sent got
  sent=$(head -c 8000000 /dev/zero | sha256sum)
  # The listener would hang up at the end of its own input.
  at "$3" inside "$4" timeout 20 busybox nc -l -p 5000 2>/dev/null 3>&- < <(sleep 20 3>&-) |
    sha256sum >"$BATS_TEST_TMPDIR/received" 3>&- &
  local listener=$!
  listening "$3" "$4" 5000
  head -c 8000000 /dev/zero | at "$1" inside "$2" timeout 20 busybox nc "$5" 5000 >/dev/null || fail "No stream from $2 to $5"
  wait "$listener" || true
  got=$(cat "$BATS_TEST_TMPDIR/received")
  assert_equal "$got" "$sent"
}

# listening HOST CONTAINER PORT: waits for the server.
listening() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    ! at "$1" inside "$2" ss -ltn | grep -q ":$3 " || return 0
    sleep 0.02
  done
  fail "Nobody listens at port $3 of $2 on $1"
}
