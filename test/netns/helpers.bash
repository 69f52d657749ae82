# shellcheck shell=bash
# Each test gets a host of its own: network, mount and process namespaces with empty /run and /var/lib/cni. Nothing that
# a test does there is seen outside, names need not be unique, and all of it ends with the host at the end of the test.
#
#   @test "bridge: ADD gives the container an address" {
#     add_container c1
#     must cni add c1 '{"cniVersion": "1.1.0", "name": "net", "type": "bridge", "ipam": {…}}'
#     assert_json '.ips[0].address == "10.1.0.2/24"'
#     must inside c1 ping -c 1 -W 1 10.1.0.1
#     must cni del c1 "$config"
#   }
#
#   host CMD…              runs CMD on the host              inside NAME CMD…     runs CMD in a container
#   cni VERB NAME CONFIG   calls one plugin                  chain VERB NAME LIST calls the plugins of a list
#   must CMD…              fails the test unless CMD works   must_fail CODE CMD…  … unless it is the CNI error CODE
#   assert_json EXPR       asks jq of $output                snapshot             everything that a plugin could change

bats_require_minimum_version 1.5.0
# bats takes no notice of the environment's; test/run.ts allows one.
BATS_TEST_RETRIES=${TEST_RETRIES:-0}

REPOSITORY=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
: "${BERTH_BIN:=$REPOSITORY/build/bin}" # the executables under test
: "${GO_BIN:=/usr/lib/cni}"             # Debian's containernetworking-plugins, the oracle

# With BERTH_AGENT=1 in the environment an agent answers on each host, and with so few workers that calls within calls find it busy.
# A file with its own setup or teardown calls make_host and remove_host in them.
setup() { make_host; }
teardown() { remove_host; }

# --- The host and its containers ---------------------------------------------------------------------------------

make_host() {
  [[ $EUID == 0 ]] || fail "Cannot make namespaces: not root" || return
  mkdir -p /var/lib/cni
  # The process namespace lets nothing outlive the host that a test left running. File descriptor 3 is bats' own.
  unshare --net --mount --pid --fork --kill-child sleep infinity >/dev/null 2>&1 3>&- &
  HOLDER=$!
  disown "$HOLDER"
  # unshare becomes the parent of the namespaces' first process, which is ready when it has become sleep.
  until HOST_PID=$(tr -d ' ' <"/proc/$HOLDER/task/$HOLDER/children") && [[ $(readlink "/proc/$HOST_PID/exe") == */sleep ]]; do
    [[ -e /proc/$HOLDER/exe ]] || fail "Cannot make a host: unshare failed" || return
    sleep 0.01
  done
  # sysfs shows the network namespace that it was mounted in.
  host sh -ec '
    mount -t proc proc /proc && mount -t sysfs sysfs /sys
    mount -t tmpfs tmpfs /run && mkdir /run/netns && mount -t tmpfs tmpfs /var/lib/cni
    ip link set lo up'
  if [[ -n ${BERTH_AGENT:-} ]]; then
    start_agent --workers 1
    disown "$AGENT_SHELL" && AGENT_SHELL=
  fi
}

# start_agent [FLAG…]: an agent of the executables under test, on the host. It answers when this returns. What it says is in
# $AGENT_LOG; $AGENT is its process, and AGENT_SHELL the one to `wait` for.
start_agent() {
  AGENT_LOG=$BATS_TEST_TMPDIR/agent.log
  # Not by host(), which would be a shell between.
  nsenter --target "$HOST_PID" --net --mount --pid -- "$BERTH_BIN/berth-agent" "$@" >>"$AGENT_LOG" 2>&1 3>&- &
  AGENT_SHELL=$!
  until AGENT=$(children_of "$AGENT_SHELL") && [[ -n $AGENT ]] && workers_wait; do
    [[ -e /proc/$AGENT_SHELL/exe ]] || fail "Cannot start an agent:" "$(<"$AGENT_LOG")" || return
    sleep 0.02
  done
}

# without_agent: for what only a plugin's own process shows, as under strace.
without_agent() {
  [[ -n ${BERTH_AGENT:-} ]] || return 0
  kill -TERM "$AGENT"
  while host test -e /run/berth/agent.sock; do sleep 0.02; done
}

# workers: the agent's, by their process IDs.
workers() { children_of "$AGENT"; }

# children_of PROCESS: their IDs, with a blank between.
children_of() { sed 's/ $//' "/proc/$1/task/$1/children" 2>/dev/null; }

# workers_wait: all are there, in poll(2), the system call 7, or in its continuation, 219.
workers_wait() {
  local worker
  [[ -n $(workers) ]] || return
  for worker in $(workers); do [[ $(cat "/proc/$worker/syscall" 2>/dev/null) =~ ^(7|219)" " ]] || return; done
}

remove_host() {
  [[ -z ${HOLDER:-} ]] || kill -KILL "$HOLDER" 2>/dev/null || true
  # So that the shell does not tell of it.
  [[ -z ${AGENT_SHELL:-} ]] || wait "$AGENT_SHELL" 2>/dev/null || true
}

# host CMD…: on the test's host.
host() {
  nsenter --target "$HOST_PID" --net --mount --pid -- "$@"
}

# add_container NAME…: makes network namespaces at /run/netns/NAME, as a container runtime hands them to a plugin.
add_container() {
  local name
  for name in "$@"; do host ip netns add "$name"; done
}

remove_container() {
  local name
  for name in "$@"; do host ip netns delete "$name"; done
}

# inside NAME CMD…: in a container's network namespace.
inside() {
  host ip netns exec "$@"
}

# eventually SECONDS CMD…: CMD must succeed within that time.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "Not in time: $*" "$("$@" 2>&1 | tail -20)" || return
    sleep 0.1
  done
}

# add_uplink: the world outside, reached from the host through its interface `uplink`: 192.0.2.1/24 and 2001:db8::1/64
# are the host's, 192.0.2.2 and 2001:db8::2 those of the namespace `outside`. No route leads from there to containers.
add_uplink() {
  add_container outside
  host sh -ec '
    ip link add uplink type veth peer name eth0 netns outside
    ip address add 192.0.2.1/24 dev uplink && ip address add 2001:db8::1/64 dev uplink nodad && ip link set uplink up
    ip -n outside link set lo up && ip -n outside link set eth0 up
    ip -n outside address add 192.0.2.2/24 dev eth0 && ip -n outside address add 2001:db8::2/64 dev eth0 nodad'
}

# --- Plugins -----------------------------------------------------------------------------------------------------

# cni VERB NAME CONFIG: calls the plugin that CONFIG (JSON, or the path of a file with it) names in `type` for the
# container NAME, as a runtime does: del and check receive the result of the last add as prevResult unless CONFIG has one.
#
# Variables before the call change what is usual: IFNAME=eth0 NETNS=/run/netns/NAME ARGS= (CNI_ARGS)
# BIN=$BERTH_BIN (where the plugin is) SEARCH=$BIN (CNI_PATH) PREVIOUS=no (no prevResult) BY="prlimit …" (what executes it).
cni() {
  local verb=$1 name=$2 config=$3 ifname=${IFNAME:-eth0} bin=${BIN:-$BERTH_BIN} status=0 result
  [[ $config == *"{"* ]] || config=$(<"$config")
  result=$(result_file "$name" "$ifname" "$config")
  if [[ $verb != add && -s $result && ${PREVIOUS:-yes} == yes ]]; then
    config=$(jq -c --slurpfile previous "$result" '{prevResult: $previous[0]} + .' <<<"$config")
  fi
  CNI_COMMAND=${verb^^} CNI_CONTAINERID=$name CNI_NETNS=${NETNS-/run/netns/$name} CNI_IFNAME=$ifname \
    CNI_ARGS=${ARGS:-} CNI_PATH=${SEARCH:-$bin} \
    host ${BY:-} "$bin/$(jq -r .type <<<"$config")" <<<"$config" >"$BATS_TEST_TMPDIR/stdout.$BASHPID" || status=$?
  [[ $verb != add || $status != 0 ]] || cp "$BATS_TEST_TMPDIR/stdout.$BASHPID" "$result"
  [[ $verb != del || $status != 0 ]] || rm -f "$result"
  cat "$BATS_TEST_TMPDIR/stdout.$BASHPID"
  rm -f "$BATS_TEST_TMPDIR/stdout.$BASHPID"
  return "$status"
}

# chain VERB NAME LIST: calls the plugins of a network list in turn (backwards for del), each add with the result of the
# one before it. CAP_ARGS (JSON, as cnitool takes it) goes to the plugins that declare the capability.
chain() {
  local verb=$1 name=$2 list=$3 ifname=${IFNAME:-eth0} order=. index plugin previous=
  [[ $list == *"{"* ]] || list=$(<"$list")
  previous=$BATS_TEST_TMPDIR/result.$name.$ifname.$(jq -r .name <<<"$list").list
  [[ $verb != del ]] || order=reverse
  [[ $verb != add ]] || rm -f "$previous"
  for index in $(jq -r ".plugins | keys | $order | .[]" <<<"$list"); do
    plugin=$(jq -c --argjson index "$index" --argjson arguments "${CAP_ARGS:-"{}"}" \
      --slurpfile previous <(cat "$previous" 2>/dev/null || true) '
      . as $list | .plugins[$index]
      | (.capabilities // {} | with_entries(select(.value and $arguments[.key]) | .value = $arguments[.key])) as $given
      | del(.capabilities) + {name: $list.name, cniVersion: $list.cniVersion}
      | if $given != {} then .runtimeConfig = $given else . end
      | if $previous[0] then .prevResult = $previous[0] else . end' <<<"$list")
    if [[ $verb == add ]]; then
      PREVIOUS=no cni add "$name" "$plugin" >"$previous.new" || { cat "$previous.new"; return 1; }
      mv "$previous.new" "$previous"
    else
      PREVIOUS=no cni "$verb" "$name" "$plugin" || return
    fi
  done
  [[ $verb != add ]] || cat "$previous"
  [[ $verb != del ]] || rm -f "$previous"
}

result_file() {
  echo "$BATS_TEST_TMPDIR/result.$1.$2.$(jq -r '.name + "." + .type' <<<"$3")"
}

# --- Assertions --------------------------------------------------------------------------------------------------

fail() {
  printf '%s\n' "$@" >&2
  return 1
}

# attempt CMD…: sets $status, $output, $lines and $stderr as bats' `run --separate-stderr` does, which takes four times as
# long: that counts in the emulated machine of test/kernel.
attempt() {
  local file=$BATS_TEST_TMPDIR/stderr.$BASHPID
  status=0
  output=$("$@" 2>"$file") || status=$?
  IFS= read -rd "" stderr <"$file" || true
  stderr=${stderr%$'\n'}
  mapfile -t lines <<<"$output"
}

# must CMD…: fails the test unless CMD succeeds. $output holds its standard output, $stderr its standard error.
must() {
  attempt "$@"
  [[ $status == 0 ]] || fail "Failed with status $status: $*" "stdout: $output" "stderr: ${stderr:-}"
}

# must_fail CODE CMD…: CMD must fail with exactly one CNI error on standard output, of this code.
must_fail() {
  local code=$1
  shift
  attempt "$@"
  [[ $status != 0 ]] || fail "Succeeded, but error $code was due: $*" "stdout: $output"
  jq -es --argjson code "$code" 'length == 1 and .[0].code == $code and (.[0].msg | length > 0)' <<<"$output" >/dev/null ||
    fail "Not one CNI error of code $code: $*" "stdout: $output" "stderr: ${stderr:-}"
}

# assert_json EXPR [JSON]: EXPR of jq must be true of JSON, by default of $output.
assert_json() {
  local json=${2-$output}
  # Of no JSON at all, jq 1.6 finds everything true.
  [[ -n $json ]] && jq -e "$1" <<<"$json" >/dev/null || fail "Not true: $1" "of: $(jq . <<<"$json" 2>/dev/null || echo "$json")"
}

# assert_equal ACTUAL EXPECTED
assert_equal() {
  [[ $1 == "$2" ]] || fail "Not as expected (< is, > should be):" "$(diff <(echo "$1") <(echo "$2"))"
}

# assert_match TEXT REGEX
assert_match() {
  [[ $1 =~ $2 ]] || fail "Does not match $2:" "$1"
}

# snapshot: what a plugin could leave behind on the host, as text to compare: links, addresses, routes, rules, queueing
# disciplines, nf_tables, namespaces, files. Indexes, handles, counters, neighbours and empty folders are left out, and IPv6
# link-local addresses, which come to a link a moment after it is up.
snapshot() {
  host sh -c '
    echo "# links";     ip -j -d link | jq -c ".[] | del(.ifindex, .link_index, .linkinfo.info_data.hello_timer, .linkinfo.info_data.gc_timer, .linkinfo.info_data.fdb_n_learned)"
    echo "# addresses"; ip -j address | jq -c ".[] | [.ifname, (.addr_info[]? | select(.local | startswith(\"fe80:\") | not) | [.local, .prefixlen])]"
    echo "# routes";    ip -4 route show table all; ip -6 route show table all | sed "/fe80:/d; s/ pref medium//; s/ linkdown//"
    echo "# rules";     ip rule; ip -6 rule
    echo "# qdiscs";    tc qdisc show | sed "s/ refcnt [0-9]*//"
    echo "# nf_tables"; nft --stateless list ruleset
    echo "# files";     cd / && find run var/lib/cni -mindepth 1 -not -type d | sort'
}
