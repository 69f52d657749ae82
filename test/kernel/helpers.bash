# shellcheck shell=bash
# What these suites need beside the helpers of test/netns. They can be run on the Go suite too, as an oracle for the tests
# themselves: BERTH_BIN=/usr/lib/cni test/kernel/run

# shellcheck source=../netns/helpers.bash
source "${BASH_SOURCE[0]%/*}/../netns/helpers.bash"

# needs PLUGIN…: skips the test while an executable is missing.
needs() {
  local plugin
  for plugin in "$@"; do [[ -x $BERTH_BIN/$plugin ]] || skip "no executable $plugin in BERTH_BIN"; done
}

# beyond_go REASON: skips the test on the Go suite (1.1.1), which fails for REASON.
beyond_go() {
  if cmp -s "$BERTH_BIN/bridge" "$GO_BIN/bridge"; then skip "on the Go suite: $1"; fi
}

# config TYPE KEYS: a network `net` of this type with KEYS (JSON), by default 10.1.0.0/24 and fd00:1::/64 of host-local,
# which gives the first container 10.1.0.2 and fd00:1::2, the second 10.1.0.3 and fd00:1::3, and so on.
config() {
  jq -nc --arg type "$1" --argjson keys "${2:-"{}"}" '{
    cniVersion: "1.0.0", name: "net", type: $type,
    ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}
  } + $keys'
}

# An `ipam` whose only address is the gateway's: ADD fails when everything but addresses is done.
# shellcheck disable=SC2034
EXHAUSTED='{"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.1", "rangeEnd": "10.1.0.1"}]]}'

# attach NAME CONFIG: makes the container NAME and adds it to a network; the result is in $output.
attach() {
  add_container "$1"
  must cni add "$@"
}

# reaches NAME ADDRESS…
reaches() {
  local name=$1 address
  shift
  for address in "$@"; do
    inside "$name" ping -c 1 -W 3 "$address" >/dev/null || fail "$name does not reach $address"
  done
}

# cannot_reach NAME ADDRESS…: nobody answers, though NAME has a route.
cannot_reach() {
  local name=$1 address status
  shift
  for address in "$@"; do
    status=0
    inside "$name" ping -c 1 -W 1 "$address" >/dev/null 2>&1 || status=$?
    ((status == 1)) || fail "$name asking $address: ping ended with status $status instead of 1"
  done
}

# link NAME [CONTAINER]: a link's details as JSON, nothing when there is none.
link() {
  host ip ${2:+-n "$2"} -d -j link show "$1" 2>/dev/null | jq -c '.[0] // empty'
}

has_link() {
  [[ -n $(link "$@") ]] || fail "No link $*"
}

has_no_link() {
  [[ -z $(link "$@") ]] || fail "There still is a link $*: $(link "$@")"
}

# reservations: the addresses that host-local holds for the network `net`.
reservations() {
  host sh -c 'ls /var/lib/cni/networks/net 2>/dev/null' | grep -v -e lock -e last_reserved || true
}

# changes_nothing CMD…: a failing CMD leaves the host and its containers as they were. What host-local remembers for the next
# allocation is its own affair.
changes_nothing() {
  local before after
  before=$(everything)
  "$@"
  after=$(everything)
  assert_equal "$after" "$before"
}

# As `snapshot` of test/netns, with the containers, and with as few processes as can be: they are dear in this machine.
everything() {
  {
    host ip -o -batch - <<<$'link\naddress\nroute show table all\nrule'
    host ip -6 route show table all
    local name
    for name in $(host ls /run/netns); do
      echo "# $name"
      host ip -n "$name" -o -batch - <<<$'link\naddress\nroute'
    done
  } | settled
  reservations
  # Locks and directories stay.
  host sh -c 'find /run/berth -type f -not -path "*/locks/*" 2>/dev/null || true'
}

# Without what the kernel does when it likes to: carriers, and link-local addresses with their routes.
settled() {
  sed -E '/fe80:|ff00::/d; s/ state [A-Z]+//; s/NO-CARRIER,//'
}

# must_fail_any CMD…: CMD must fail with exactly one CNI error, of whatever code.
must_fail_any() {
  attempt "$@"
  [[ $status != 0 ]] || fail "Succeeded, but an error was due: $*" "stdout: $output"
  jq -es 'length == 1 and .[0].code > 0 and (.[0].msg | length > 0)' <<<"$output" >/dev/null || fail "Not one CNI error: $*" "stdout: $output"
}
