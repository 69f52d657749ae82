# shellcheck shell=bash
# A LAN with a DHCP server of Debian's, in the namespace `server` (10.50.0.1/24, fd50::1/64). The host has two ways to it: its
# bridge `cni0`, and its link `uplink`.
load helpers

PATH=$PATH:/usr/sbin

make_lan() {
  make_host
  add_container server
  host sh -ec '
    ip link add cni0 address 02:00:00:00:50:00 type bridge && ip link set cni0 up
    ip -n server link add lan type bridge
    for link in cni0p uplink; do ip link add $link type veth peer name $link netns server; done
    ip link set cni0p master cni0
    for link in cni0p uplink; do ip link set $link up; ip -n server link set $link master lan; ip -n server link set $link up; done
    ip -n server link set lo up && ip -n server link set lan up
    ip -n server address add 10.50.0.1/24 dev lan && ip -n server address add fd50::1/64 dev lan nodad'
}

# network [KEYS] [TYPE]: a network whose addresses come from DHCP servers; KEYS of `ipam`.
network() {
  jq -nc '{cniVersion: "1.1.0", name: "lan", type: "'"${2:-bridge}"'", bridge: "cni0", master: "uplink",
    ipam: ({type: "dhcp"} + ('"${1:-"{}"}"'))}'
}

# in_background NAME CMD…: on the host, with its output in $BATS_TEST_TMPDIR/NAME.log. $PID is CMD's process, as the test sees
# it.
in_background() {
  local log=$BATS_TEST_TMPDIR/$1.log
  shift
  host "$@" >>"$log" 2>&1 </dev/null 3>&- &
  PID=$!
  disown "$PID"
}

# until_logged NAME TEXT [SECONDS]: waits for a line in a log.
until_logged() {
  local deadline=$((SECONDS + ${3:-10}))
  until grep -qE -- "$2" "$BATS_TEST_TMPDIR/$1.log" 2>/dev/null; do
    ((SECONDS < deadline)) || fail "Not in $1.log within ${3:-10} s: $2" "$(tail -40 "$BATS_TEST_TMPDIR/$1.log")" || return
    sleep 0.05
  done
}

# start_daemon [FLAG…]: the daemon under test; DAEMON is its process.
start_daemon() {
  in_background daemon "$BERTH_BIN/dhcp" daemon "$@"
  DAEMON=$PID
  eventually 10 daemon_answers
}

daemon_answers() { cni status any "$(network '{}' dhcp)"; }

# stop_daemon [SIGNAL]
stop_daemon() {
  host pkill --exact "-${1:-TERM}" --full "$(daemon_line)" || fail "No daemon runs" || return
  eventually 5 no_daemon
}

no_daemon() { ! host pgrep --exact --full "$(daemon_line)"; }

daemon_line() { echo "$BERTH_BIN/dhcp daemon.*"; }

# start_dnsmasq [OPTION…]: leases in $BATS_TEST_TMPDIR/leases. RANGE: of its addresses. LINK: the server's link.
start_dnsmasq() {
  in_background server ip netns exec server dnsmasq --no-daemon --conf-file=/dev/null --pid-file= --port=0 --no-ping \
    --user=root --group=root --interface="${LINK:-lan}" --bind-interfaces --dhcp-authoritative --dhcp-range="${RANGE:-10.50.0.100,10.50.0.150},255.255.255.0,1h" \
    --dhcp-range=fd50::100,fd50::1ff,64,1h --enable-ra --log-dhcp --dhcp-leasefile="$BATS_TEST_TMPDIR/leases" "$@"
  until_logged server 'DHCP, sockets bound|router advertisement on'
}

# start_isc SECONDS [STATEMENT…]: ISC's server, with leases that short. DHCPv6: FAMILY=6.
start_isc() {
  local seconds=$1 family=${FAMILY:-4} file=$BATS_TEST_TMPDIR/isc${FAMILY:-4}
  shift
  {
    printf '%s\n' "default-lease-time $seconds;" "max-lease-time $seconds;" "min-lease-time $seconds;" "authoritative;" \
      "ping-check false;" "$@"
    if [[ $family == 4 ]]; then
      echo "subnet 10.50.0.0 netmask 255.255.255.0 { range 10.50.0.100 10.50.0.150; option routers 10.50.0.1; }"
    else
      echo "preferred-lifetime $seconds; subnet6 fd50::/64 { range6 fd50::100 fd50::1ff; }"
    fi
  } >"$file.conf"
  touch "$file.leases"
  in_background server ip netns exec server dhcpd "-$family" -f -d --no-pid -cf "$file.conf" -lf "$file.leases" -user root -group root lan
  until_logged server 'Server starting service'
}

stop_server() {
  host pkill -KILL --exact "dnsmasq|dhcpd" || true
  eventually 5 server_ended
}

server_ended() { ! host pgrep --exact "dnsmasq|dhcpd"; }

# leases: what dnsmasq has given: `ADDRESS NAME CLIENT` in lines.
leases() { awk '$1 != "duid" {print $3, $4, $5}' "$BATS_TEST_TMPDIR/leases"; }

# address_of NAME [4|6]: an address of a container's eth0, with its prefix's length.
address_of() {
  inside "$1" ip -j "-${2:-4}" address show dev eth0 scope global |
    jq -r '[.[].addr_info[]? | select(.dynamic != true) | "\(.local)/\(.prefixlen)"] | first // ""'
}

has_address() { [[ $(address_of "$1" "${3:-4}") == "$2" ]]; }
has_no_address() { [[ -z $(address_of "$1" "${2:-4}") ]]; }
has_no_lease() { [[ -z $(leases) ]]; }
is_up() { [[ -n $(inside "$1" ip link show dev eth0 up) ]]; }
has_no_files() { [[ -z $(find "/proc/$HOST_PID/root/var/lib/cni/dhcp" -type f) ]]; }
