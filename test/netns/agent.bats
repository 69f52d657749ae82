#!/usr/bin/env bats
# The agent that answers in the plugins' stead. Which of the two answered is seen from outside: Node.js cannot start where
# there is so little room for it (only_agent), and where it starts, it starts threads (itself).
load helpers

only_agent="prlimit --as=200000000"

setup() {
  make_host
  TRACE=$BATS_TEST_TMPDIR/trace
  DIRECTORY=$BATS_TEST_TMPDIR/directory
  mkdir "$DIRECTORY"
  add_container c1
}

loopback='{"cniVersion": "1.1.0", "name": "alone", "type": "loopback"}'

# bridge [KEYS]: a network whose bridge is the gateway.
bridge() {
  jq -nc '{cniVersion: "1.1.0", name: "net", type: "bridge", isGateway: true,
    ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}} + '"${1:-{\}}"
}

# script NAME TEXT: an executable for BY.
script() {
  printf '#!/bin/sh\n%s\n' "$2" >"$DIRECTORY/$1" && chmod +x "$DIRECTORY/$1"
}

# itself CMD…: CMD succeeds, and what it calls starts threads.
itself() {
  BY="${BY:-} strace -f -qq -o $TRACE -e trace=connect,clone,clone3" must "$@"
  grep -q 'clone.*CLONE_THREAD' "$TRACE" || fail "The agent answered: $*" "$(<"$TRACE")"
}

answered_by_agent() { BY="${BY:-} $only_agent" must "$@"; }

# hold VERB NAME CONFIG: a call that a worker has taken, and that waits for the end of its input, the descriptor 4. $CALLER is
# its process, CALLER_SHELL the one to `wait` for, and $ANSWER the file of its standard output.
hold() {
  local input=$BATS_TEST_TMPDIR/input
  ANSWER=$BATS_TEST_TMPDIR/answer
  rm -f "$input" && mkfifo "$input"
  exec 4<>"$input"
  CNI_COMMAND=${1^^} CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 CNI_IFNAME=eth0 CNI_PATH=${SEARCH:-$BERTH_BIN} \
    nsenter --target "$HOST_PID" --net --mount --pid -- "$BERTH_BIN/$(jq -r .type <<<"$3")" <"$input" >"$ANSWER" 3>&- 4>&- &
  CALLER_SHELL=$!
  # The one end that was open for both is closed when there is another to read from.
  eventually worker_has "$input"
  CALLER=$(children_of "$CALLER_SHELL")
  exec 5>"$input" 4>&-
  exec 4>&5 5>&-
}

worker_has() {
  local worker
  for worker in $(workers); do
    [[ ! $(readlink "/proc/$worker/fd/"* 2>/dev/null) == *"$1"* ]] || return 0
  done
  return 1
}

finish() { echo "$1" >&4 && exec 4>&-; }

# ends STATUS PROCESS: a process that is waited for.
ends() {
  local status=0
  wait "$2" || status=$?
  [[ $status == "$1" ]] || fail "Ended with status $status, not $1: process $2"
}

# eventually CMD…: within ten seconds.
eventually() {
  local attempts
  for ((attempts = 0; attempts < 200; attempts++)); do
    ! "$@" || return 0
    sleep 0.05
  done
  fail "Did not come: $*"
}

gone() { ! host test -e "$1"; }
says() { grep -q "$1" "$AGENT_LOG"; }

# holding_ipam: an IPAM plugin that tells that it is called, and answers an ADD when it may.
holding_ipam() {
  script holding "touch $DIRECTORY/\$CNI_COMMAND.called
until [ -e $DIRECTORY/go ] || [ \$CNI_COMMAND != ADD ]; do sleep 0.05; done
[ \$CNI_COMMAND != ADD ] || echo '{\"cniVersion\": \"1.1.0\", \"ips\": [{\"address\": \"10.1.0.9/24\"}]}'"
  SEARCH=$DIRECTORY:$BERTH_BIN
}

state() {
  { snapshot; inside c1 ip address; inside c1 ip route; } | sed -E 's/"[a-z_]+_timer": ?[0-9.]+,?//g; s/[a-z]+_lft [0-9a-z]+//g' |
    grep -v 'last_reserved\|run/berth'
}

# --- The same answers --------------------------------------------------------------------------------------------

# A chain from its ADD to its DEL: all that it answers, and what is there after each call.
live() {
  local verb list
  list=$(jq -nc --argjson bridge "$(bridge '{ipMasq: true}')" '{cniVersion: "1.1.0", name: "net", plugins: [$bridge,
    {type: "portmap", capabilities: {portMappings: true}}, {type: "firewall"},
    {type: "tuning", sysctl: {"net.core.somaxconn": "500"}}, {type: "bandwidth", ingressRate: 8000000, ingressBurst: 800000}]}')
  export CAP_ARGS='{"portMappings": [{"hostPort": 8080, "containerPort": 80}]}'
  for verb in add check del; do
    must chain "$verb" c1 "$list" || return
    echo "$output$stderr"
    state
  done
  host rm -rf /var/lib/cni/networks
}

@test "agent: a chain has the result and leaves the state that it does without one" {
  alone=$(live)
  assert_match "$alone" 10.1.0.2
  start_agent
  answered=$(BY=$only_agent live)
  assert_equal "$(stable "$answered")" "$(stable "$alone")"
  assert_equal "$(<"$AGENT_LOG")" ""
}

# Names and addresses that are new each time.
stable() { sed -E 's/"(bridge|root)_id":"[^"]*"//g; s/veth[0-9a-f]+/veth/g; s/([0-9a-f]{2}:){5}[0-9a-f]{2}/MAC/g; s/fe80::[0-9a-f:]+/LOCAL/g; s/if[0-9]+/ifN/g; s/^[0-9]+: /N: /' <<<"$1" | sort; }

@test "agent: STATUS, VERSION and GC" {
  start_agent
  must cni add c1 "$(bridge)"
  answered_by_agent cni status c1 "$(bridge)"
  assert_equal "$output" ""
  answered_by_agent cni version c1 "$(bridge)"
  assert_json '.cniVersion == "1.1.0" and (.supportedVersions | index("0.3.1"))'
  answered_by_agent cni gc c1 "$(bridge '{"cni.dev/valid-attachments": []}')"
  assert_equal "$(host find /var/lib/cni -name '10.1.*' -o -name 'fd00*')" ""
  run inside c1 ip link show eth0
  [[ $status != 0 ]]
}

@test "agent: an error is the one that the plugin has, with status 1" {
  for config in '{"cniVersion": "1.1.0", "name": "net", "type": "bridge", "mtu": "high"}' '{"type": "bridge"' ''; do
    fails() { CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN host ${BY:-} "$BERTH_BIN/bridge" <<<"$config"; }
    attempt fails
    alone=$status$output$stderr
    [[ -n ${AGENT:-} ]] || start_agent
    BY=$only_agent attempt fails
    assert_equal "$status$output$stderr" "$alone"
    assert_equal "$status" 1
    kill "$AGENT" && ends 0 "$AGENT_SHELL" && AGENT=
  done
}

@test "agent: a warning reaches the caller's standard error" {
  start_agent
  NETNS=/proc/1/ns/net answered_by_agent cni add c1 '{"cniVersion": "1.1.0", "name": "shared", "type": "host",
    "runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80}]}}'
  assert_match "$stderr" "published ports are ignored"
  assert_json '.cniVersion == "1.1.0"'
}

@test "agent: what a plugin says of itself" {
  about() { CNI_COMMAND='' host ${BY:-} "$BERTH_BIN/bridge" </dev/null; }
  must about
  alone=$output$stderr
  start_agent
  answered_by_agent about
  assert_equal "$output$stderr" "$alone"
  assert_match "$stderr" bridge
}

@test "agent: a relative path begins where the caller is" {
  start_agent
  BY="env --chdir=$DIRECTORY" answered_by_agent cni add c1 "$(bridge '{ipam: {type: "host-local", subnet: "10.1.0.0/24", dataDir: "here"}}')"
  [[ -e $DIRECTORY/here/net/10.1.0.2 ]]
  BY="env --chdir=$DIRECTORY" answered_by_agent cni del c1 "$(bridge '{ipam: {type: "host-local", subnet: "10.1.0.0/24", dataDir: "here"}}')"
  [[ ! -e $DIRECTORY/here/net/10.1.0.2 ]]
  NETNS=c1 BY="env --chdir=/run/netns" answered_by_agent cni add c1 "$loopback"
  inside c1 ip -j link show lo | jq -e '.[0].flags | index("UP")'
}

@test "agent: a caller's directory may be gone" {
  script nowhere "mkdir $DIRECTORY/gone && cd $DIRECTORY/gone && rmdir $DIRECTORY/gone && exec \"\$@\""
  start_agent
  BY=$DIRECTORY/nowhere answered_by_agent cni add c1 "$loopback"
  assert_json '.interfaces[0].name == "lo"'
}

@test "agent: programs are found by the caller's PATH, and given its environment" {
  start_agent
  script iptables "echo \"\$CALLER\" >>$DIRECTORY/called; exit 1"
  add_uplink
  host iptables -P FORWARD DROP
  config=$(bridge '{ipam: {type: "host-local", subnet: "10.1.0.0/24"}}')
  must cni add c1 "$config"
  config=$(jq -c '{cniVersion: "1.1.0", name: "net", type: "firewall", backend: "iptables", prevResult: .}' <<<"$output")
  BY="env PATH=$DIRECTORY:$PATH CALLER=me $only_agent" attempt cni add c1 "$config"
  assert_equal "$(sort -u "$DIRECTORY/called")" me
  unset BY
  must cni del c1 "$config"
}

@test "agent: a foreign IPAM plugin that calls ours, with one worker" {
  script through "exec $BERTH_BIN/host-local"
  start_agent --workers 1
  config=$(bridge '{ipam: {type: "through", subnet: "10.1.0.0/24"}}')
  SEARCH=$DIRECTORY answered_by_agent cni add c1 "$config"
  assert_json '.ips[0].address == "10.1.0.2/24"'
  SEARCH=$DIRECTORY answered_by_agent cni del c1 "$config"
  assert_equal "$(host find /var/lib/cni -name '10.1.*')" ""
}

@test "agent: large input, output and environment" {
  script large 'for i in 1 2 3 4 5 6 7 8 9; do export LARGE$i=$(head -c 100000 /dev/zero | tr "\0" x); done; exec "$@"'
  start_agent
  BY=$DIRECTORY/large answered_by_agent cni add c1 "$(bridge '{dns: {search: [range(20000) | "domain\(.).example"]}}')"
  assert_json '.dns.search | length == 20000'
}

@test "agent: input that is a file, nothing or closed, and output that is closed" {
  called() { CNI_COMMAND=STATUS CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN host ${BY:-} "$DIRECTORY/$1" "$BERTH_BIN/bridge"; }
  bridge >"$DIRECTORY/config"
  script file "exec \"\$@\" <$DIRECTORY/config"
  script empty 'exec "$@" </dev/null'
  script no-input 'exec "$@" <&-'
  script no-output "exec \"\$@\" <$DIRECTORY/config >&-"
  script no-errors "exec \"\$@\" <$DIRECTORY/config 2>&-"
  script full "export CNI_COMMAND=VERSION; exec \"\$@\" <$DIRECTORY/config >/dev/full"
  all() {
    local kind
    for kind in file empty no-input no-output no-errors full; do
      attempt called "$kind"
      echo "$kind: $status"$'\n'"$output"
    done
  }
  alone=$(all)
  start_agent
  assert_equal "$(all)" "$alone"
  for kind in file empty; do
    BY=$only_agent attempt called "$kind"
    [[ $alone == *"$kind: $status"$'\n'"$output"* ]]
  done
}

# --- Calls that are left to their own process --------------------------------------------------------------------

@test "agent: other namespaces, another root, fewer capabilities and another umask are left to their own process" {
  start_agent --workers 1
  host sh -ec 'mkdir /run/root && mount --rbind / /run/root'
  script umask 'umask 077 && exec "$@"'
  differs() {
    BY=$1 itself cni add c1 "$loopback"
    must says "$2 is not the agent's"
  }
  differs "unshare --net" ns/net
  differs "unshare --mount" ns/mnt
  differs "unshare --pid --fork" ns/pid
  differs "chroot /run/root" "root's path"
  differs "setpriv --bounding-set=-sys_time" "Cap[A-Z][a-z]*"
  differs "setpriv --regid=1 --clear-groups" Gid
  differs "$DIRECTORY/umask" Umask
  answered_by_agent cni add c1 "$loopback"
  # Each reason is told once, however often it comes.
  BY=$DIRECTORY/umask itself cni add c1 "$loopback"
  assert_equal "$(sort "$AGENT_LOG" | uniq --repeated)" ""
}

@test "agent: what another network namespace's bridge is, its own process makes" {
  start_agent
  BY="unshare --net" itself cni add c1 "$(bridge)"
  run host ip link show cni0
  [[ $status != 0 ]]
}

@test "agent: a path to a descriptor of the caller is left to its own process" {
  script open 'exec 7</run/netns/c1 && exec "$@"'
  start_agent
  BY=$DIRECTORY/open NETNS=/proc/self/fd/7 itself cni add c1 "$loopback"
  BY=$DIRECTORY/open NETNS=/dev/fd/7 itself cni add c1 "$loopback"
}

@test "agent: another executable, and what is not a plugin's call, are left to their own process" {
  cp "$BERTH_BIN/loopback" "$DIRECTORY/"
  start_agent
  BIN=$DIRECTORY itself cni add c1 "$loopback"
  must says "exe is not the agent's"
  must host env CNI_COMMAND=ADD "$BERTH_BIN/bridge" --version
  assert_match "$output" "^bridge v[0-9.]+ "
  must host env CNI_COMMAND=ADD "$BERTH_BIN/cnitool" version
}

@test "agent: another user may not connect" {
  start_agent
  must host setpriv --reuid=65534 --clear-groups perl -MSocket -e '
    socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die; exit(connect($s, sockaddr_un("/run/berth/agent.sock")) ? 1 : 0)'
}

@test "agent: while all workers are busy a call is left to its own process" {
  start_agent --workers 2
  # shellcheck disable=SC2046 # several
  kill -STOP $(workers)
  itself cni add c1 "$(bridge)"
  itself cni del c1 "$(bridge)"
  # shellcheck disable=SC2046 # several
  kill -CONT $(workers)
  eventually workers_wait
  # Nobody answers a second time what was taken back.
  [[ $(links_of c1) != *eth0* ]]
  answered_by_agent cni add c1 "$(bridge)"
}

links_of() { inside "$1" ip -j link | jq -r '.[].ifname'; }

# --- Ends ----------------------------------------------------------------------------------------------------------

@test "agent: SIGTERM ends it, and calls go on without" {
  start_agent
  kill -TERM "$AGENT"
  ends 0 "$AGENT_SHELL"
  must gone /run/berth/agent.sock
  assert_equal "$(<"$AGENT_LOG")" ""
  itself cni add c1 "$loopback"
}

@test "agent: killed, it leaves a socket that nobody minds, and its successor takes the place" {
  start_agent
  kill -KILL "$AGENT"
  ends 137 "$AGENT_SHELL" 2>/dev/null
  must host test -S /run/berth/agent.sock
  itself cni add c1 "$loopback"
  start_agent
  answered_by_agent cni del c1 "$loopback"
}

@test "agent: SIGTERM lets workers finish the calls that they have" {
  start_agent
  hold add c1 "$(bridge)"
  kill -TERM "$AGENT"
  eventually gone /run/berth/agent.sock
  itself cni add c1 "$loopback"
  [[ -e /proc/$AGENT/exe ]]
  finish "$(bridge)"
  ends 0 "$CALLER_SHELL"
  assert_json '.ips[0].address == "10.1.0.2/24"' "$(<"$ANSWER")"
  ends 0 "$AGENT_SHELL"
}

@test "agent: a worker that is killed is replaced, and its call ends with an error" {
  start_agent --workers 1
  killed=$(workers)
  hold add c1 "$(bridge)"
  kill -KILL "$killed"
  ends 1 "$CALLER_SHELL"
  assert_json '.code == 11 and (.msg | test("agent"))' "$(jq -sc 'if length == 1 then .[0] else null end' "$ANSWER")"
  exec 4>&-
  eventually workers_wait
  [[ $(workers) != "$killed" ]]
  answered_by_agent cni add c1 "$(bridge)"
}

@test "agent: a process that is killed before it has said what it wants gets nothing" {
  start_agent
  before=$(state)
  hold add c1 "$(bridge)"
  kill -KILL "$CALLER"
  ends 137 "$CALLER_SHELL" 2>/dev/null
  eventually workers_wait
  # Nobody is there to read it.
  (bridge >&4) || true
  exec 4>&-
  assert_equal "$(state)" "$before"
  answered_by_agent cni add c1 "$(bridge)"
}

@test "agent: what an ADD did whose process is killed is taken back" {
  holding_ipam
  start_agent
  config=$(bridge '{ipam: {type: "holding"}}')
  BY= cni status c1 "$(bridge)"
  before=$(state)
  hold add c1 "$config"
  finish "$config"
  eventually test -e "$DIRECTORY/ADD.called"
  kill -KILL "$CALLER"
  ends 137 "$CALLER_SHELL" 2>/dev/null
  # The runtime's next call waits for that.
  answered_by_agent cni del c1 "$config" 4>&- &
  deletion=$!
  touch "$DIRECTORY/go"
  wait "$deletion"
  eventually workers_wait
  assert_equal "$(state | grep -v cni0)" "$(grep -v cni0 <<<"$before")"
  must says "Took back what bridge did for c1"
  [[ -e $DIRECTORY/DEL.called ]]
  answered_by_agent cni add c1 "$config"
  assert_json '.ips[0].address == "10.1.0.9/24"'
}

@test "agent: a process that stops for a while gets its answer" {
  start_agent
  hold add c1 "$(bridge)"
  kill -STOP "$CALLER"
  finish "$(bridge)"
  eventually test -s "$ANSWER"
  eventually workers_wait
  # nsenter stops with its child.
  kill -CONT "$CALLER_SHELL" "$CALLER"
  ends 0 "$CALLER_SHELL"
  assert_json '.ips[0].address == "10.1.0.2/24"' "$(<"$ANSWER")"
}

@test "agent: one is enough, and it tells what it does not understand" {
  start_agent
  attempt host "$BERTH_BIN/berth-agent"
  assert_equal "$status$output" 1
  assert_match "$stderr" "an agent does already"
  answered_by_agent cni add c1 "$loopback"
  for flags in "--workers 0" "--workers 100" "--workers many" --unknown other; do
    # shellcheck disable=SC2086 # words
    attempt host "$BERTH_BIN/berth-agent" $flags
    assert_equal "$status$output" 2
    assert_match "$stderr" "Usage: berth-agent"
  done
  must host "$BERTH_BIN/berth-agent" --help
  assert_match "$output" "Usage: berth-agent"
  must host "$BERTH_BIN/berth-agent" --version
  assert_match "$output" "^berth-agent v[0-9.]+ \\(Node.js 26[0-9.]+, with code cache\\)$"
}

@test "agent: it ends when its executable is replaced, and calls go on" {
  must "$REPOSITORY/build/install.sh" "$DIRECTORY"
  printf old >>"$DIRECTORY/.berth-lib/berth"
  BERTH_BIN=$DIRECTORY start_agent
  BIN=$DIRECTORY answered_by_agent cni add c1 "$(bridge)"
  must "$REPOSITORY/build/install.sh" "$DIRECTORY"
  assert_match "$output" "Replaced in"
  BIN=$DIRECTORY itself cni check c1 "$(bridge)"
  ends 1 "$AGENT_SHELL"
  must says "executable was replaced"
  must gone /run/berth/agent.sock
  BIN=$DIRECTORY itself cni del c1 "$(bridge)"
  BERTH_BIN=$DIRECTORY start_agent
  BIN=$DIRECTORY answered_by_agent cni add c1 "$(bridge)"
}

# --- What must not wear it out -------------------------------------------------------------------------------------

@test "agent: connections without anybody behind them, and without a call" {
  start_agent --workers 1
  host perl -MSocket -e '
    sub open_one { socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die; connect($s, sockaddr_un("/run/berth/agent.sock")) or die; $s }
    open_one() for 1 .. 100;
    my @all = map { open_one() } 1 .. 100;
    for (1 .. 50) { my $child = fork // die; if (!$child) { open_one(); kill("KILL", $$) } waitpid($child, 0) }
    for my $s (@all) { sysread($s, my $byte, 1); exit(1) if $byte ne "\0" }' || fail "answered as if it were a plugin"
  eventually workers_wait
  answered_by_agent cni add c1 "$loopback"
}

@test "agent: a worker has open after many calls what it had after some" {
  start_agent --workers 1
  several() {
    local call
    for ((call = 0; call < $1; call++)); do
      must cni add c1 "$(bridge)" && must cni del c1 "$(bridge)" && must_fail 7 cni add c1 "$(bridge '{mtu: "high"}')"
    done
  }
  open() { readlink "/proc/$worker/fd/"* | sed 's/[0-9]//g' | sort; }
  worker=$(workers)
  several 3
  before=$(open)
  several 10
  assert_equal "$(open)" "$before"
  assert_equal "$(workers)" "$worker"
}

@test "agent: a foreign IPAM plugin is given nothing of it" {
  script through 'readlink /proc/self/fd/* >'"$DIRECTORY/open; exec $BERTH_BIN/host-local"
  SEARCH=$DIRECTORY must cni add c1 "$(bridge '{ipam: {type: "through", subnet: "10.1.0.0/24"}}')"
  alone=$(sed 's/[0-9]//g' "$DIRECTORY/open")
  add_container c2
  start_agent
  SEARCH=$DIRECTORY answered_by_agent cni add c2 "$(bridge '{ipam: {type: "through", subnet: "10.1.0.0/24"}}')"
  assert_equal "$(sed 's/[0-9]//g' "$DIRECTORY/open")" "$alone"
}
