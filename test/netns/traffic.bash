# shellcheck shell=bash
# Packets: servers in containers that say who they are and whom they see, and callers.

# serve NAME PORT…: the container NAME (or `host`) answers on each PORT, tcp and udp, with "NAME <the caller's address>".
serve() {
  local name=$1 ready=$BATS_TEST_TMPDIR/ready.$1
  shift
  if [[ $name == host ]]; then
    host node "$REPOSITORY/test/netns/answer.mjs" host "$ready" "$@" >/dev/null 2>&1 3>&- &
  else
    inside "$name" node "$REPOSITORY/test/netns/answer.mjs" "$name" "$ready" "$@" >/dev/null 2>&1 3>&- &
  fi
  disown
  for _ in {1..500}; do [[ ! -e $ready ]] || return 0; sleep 0.02; done
  fail "Cannot start a server in $name"
}

# ask FROM PROTOCOL ADDRESS PORT: what a server there answers to FROM (a container, or `host`); fails without an answer.
ask() {
  local from=$1
  local -a where=(inside "$from")
  [[ $from != host ]] || where=(host)
  # `head` reads all of a datagram at once, which the shell's own `read` does not.
  # shellcheck disable=SC2016 # expanded by the shell that is called
  "${where[@]}" timeout 1 bash -c 'exec 3<>"/dev/$0/$1/$2" && echo hello >&3 && head -n 1 <&3 | grep .' \
    "$2" "$3" "$4" 2>/dev/null
}

# assert_answer EXPECTED FROM PROTOCOL ADDRESS PORT: the answer begins with EXPECTED ("c1", or "c1 192.0.2.2").
assert_answer() {
  local expected=$1 answer
  shift
  # Whoever answers first has to be found on the link: a lost first packet of udp is sent again.
  answer=$(ask "$@") || answer=$(ask "$@") || fail "No answer: ask $*, expected $expected" || return
  [[ "$answer " == "$expected "* ]] || fail "Wrong answer: ask $*: $answer, expected $expected"
}

# assert_silence FROM PROTOCOL ADDRESS PORT
assert_silence() {
  local answer
  ! answer=$(ask "$@") || fail "Answered, but should not be: ask $*: $answer"
}

# bridge_filter 0|1: whether bridged packets pass through the packet filter (br_netfilter).
bridge_filter() {
  host sh -c "echo $1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo $1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables"
}

# bridge_plugin NETWORK NUMBER [KEYS]: a bridge br<NUMBER> with 10.<NUMBER>.0.0/24 and fd00:<NUMBER>::/64.
bridge_plugin() {
  jq -nc --arg n "$2" '{type: "bridge", bridge: ("br" + $n), isDefaultGateway: true, ipam: {type: "host-local",
    ranges: [[{subnet: "10.\($n).0.0/24"}], [{subnet: "fd00:\($n)::/64"}]]}} + ('"${3:-{\}}"')'
}

# network NAME PLUGIN…: a network list.
network() {
  local name=$1
  shift
  printf '%s\n' "$@" | jq -sc --arg name "$name" '{cniVersion: "1.1.0", name: $name, plugins: .}'
}

# portmap [KEYS]: the portmap plugin of a list.
portmap() {
  jq -nc '{type: "portmap", capabilities: {portMappings: true}} + ('"${1:-{\}}"')'
}

# ports MAPPING…: capability arguments; a MAPPING is [HOSTIP:]PORT:PORT[/PROTOCOL][+RANGE], an IPv6 address in brackets.
ports() {
  printf '%s\n' "$@" | jq -Rsc '{portMappings: [splits("\n") | select(. != "")
    | capture("^(\\[?(?<ip>[0-9a-f.:]*?)\\]?:)?(?<host>[0-9]+):(?<container>[0-9]+)(/(?<protocol>[a-z]+))?(\\+(?<range>[0-9]+))?$")
    | {hostPort: (.host | tonumber), containerPort: (.container | tonumber), protocol: (.protocol // "tcp")}
      + (if .ip then {hostIP: .ip} else {} end) + (if .range then {range: (.range | tonumber)} else {} end)]}'
}
