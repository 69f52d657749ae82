#!/usr/bin/env bats
# The firewall plugin: through a host firewall that drops what it does not know, and between networks.
load helpers
load traffic

setup() {
  make_host
  add_uplink
  inside outside ip route add 10.0.0.0/8 via 192.0.2.1
  inside outside ip route add fd00::/16 via 2001:db8::1
  serve outside 7000
}

firewall() {
  jq -nc '{type: "firewall"} + ('"${1:-{\}}"')'
}

list() {
  network "$1" "$(bridge_plugin "$1" "$2")" "$(firewall "${3:-{\}}")"
}

# start NAME NETWORK NUMBER [KEYS]
start() {
  add_container "$1"
  must chain add "$1" "$(list "$2" "$3" "${4:-{\}}")"
  serve "$1" 80
}

close_host() {
  host sh -ec 'iptables -P FORWARD DROP; ip6tables -P FORWARD DROP'
}

accept_rules() { host iptables -S CNI-FORWARD 2>/dev/null | grep -c ACCEPT || true; }

@test "firewall: containers pass a host firewall that drops forwarded packets" {
  close_host
  add_container c0
  must chain add c0 "$(network zero "$(bridge_plugin zero 9)")"
  assert_silence c0 tcp 192.0.2.2 7000
  start c1 one 1
  assert_answer "outside 10.1.0.2" c1 tcp 192.0.2.2 7000
  assert_answer "outside fd00:1::2" c1 udp 2001:db8::2 7000
  # As with the Go suite, what comes in on its own is the host's own affair.
  assert_silence outside tcp 10.1.0.2 80
  must chain check c1 "$(list one 1)"
  NETNS='' must chain del c1 "$(list one 1)"
  assert_equal "$(accept_rules)" 0
}

@test "firewall: the administrator's chain comes first" {
  close_host
  start c1 one 1 '{iptablesAdminChainName: "MY-ADMIN"}'
  host iptables -A MY-ADMIN -s 10.1.0.2 -j DROP
  assert_silence c1 tcp 192.0.2.2 7000
  host iptables -F MY-ADMIN
  assert_answer outside c1 tcp 192.0.2.2 7000
}

@test "firewall: the rules are those of the Go suite but for the owner" {
  close_host
  start c1 one 1
  ours=$(host iptables -S | sed 's/ -m comment --comment "berth[^"]*"//')
  NETNS='' must chain del c1 "$(list one 1)"
  host sh -c 'iptables -F; iptables -X'
  add_container c2
  must chain add c2 "$(network one "$(bridge_plugin one 1)")"
  address=$(jq -r '.ips[0].address' <<<"$output")
  BIN=$GO_BIN PREVIOUS=no must cni add c2 "$(jq -c '{cniVersion: "1.0.0", name: "one", type: "firewall", prevResult: (. + {cniVersion: "1.0.0"})}' <<<"$output")"
  assert_equal "$(host iptables -S | sed "s#${address%/*}#10.1.0.2#")" "$ours"
}

@test "firewall: where nobody filters, no program is run" {
  without_agent # strace shows what the process runs
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "firewall", prevResult: .}' <<<"$output")
  CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN \
    host strace -f -qq -e trace=execve -o "$BATS_TEST_TMPDIR/trace" "$BERTH_BIN/firewall" <<<"$config" >/dev/null
  assert_equal "$(grep -c execve "$BATS_TEST_TMPDIR/trace")" 1
  assert_equal "$(host nft list ruleset)" ""
}

@test "firewall: same-bridge keeps containers of other such bridges away" {
  start c1 one 1 '{ingressPolicy: "same-bridge"}'
  start c2 two 2 '{ingressPolicy: "same-bridge"}'
  start c3 one 1 '{ingressPolicy: "same-bridge"}'
  for filter in 0 1; do
    bridge_filter $filter
    assert_silence c2 tcp 10.1.0.2 80
    assert_silence c1 udp fd00:2::2 80
    assert_answer c1 c3 tcp 10.1.0.2 80
    assert_answer c1 host tcp 10.1.0.2 80
    assert_answer outside c1 tcp 192.0.2.2 7000
  done
  must chain check c1 "$(list one 1 '{ingressPolicy: "same-bridge"}')"
}

@test "firewall: isolated keeps containers of one bridge apart as well" {
  start c1 one 1 '{ingressPolicy: "isolated"}'
  start c2 one 1 '{ingressPolicy: "isolated"}'
  for filter in 0 1; do
    bridge_filter $filter
    assert_silence c2 tcp 10.1.0.2 80
    assert_silence c2 udp fd00:1::2 80
    assert_answer c1 host tcp 10.1.0.2 80
    assert_answer outside c2 tcp 192.0.2.2 7000
  done
  must chain check c1 "$(list one 1 '{ingressPolicy: "isolated"}')"
}

@test "firewall: empty texts are as if the keys were absent" {
  close_host
  start c1 one 1 '{backend: "", iptablesAdminChainName: "", firewalldZone: "", ingressPolicy: ""}'
  must host iptables -C CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
  assert_answer outside c1 tcp 192.0.2.2 7000
}

@test "defect 36: a container with IPv4 alone needs no ip6tables" {
  host iptables -P FORWARD DROP
  add_container c1
  local bridge='{"type":"bridge","bridge":"br4","isDefaultGateway":true,"ipam":{"type":"host-local","subnet":"10.4.0.0/24"}}'
  host sh -ec 'mkdir /run/tools; printf "#!/bin/sh\necho \"\$@\" >>/run/called; exit 1\n" >/run/tools/ip6tables; chmod +x /run/tools/ip6tables'
  export PATH=/run/tools:$PATH
  must chain add c1 "$(network four "$bridge" "$(firewall)")"
  serve c1 80
  assert_answer outside c1 tcp 192.0.2.2 7000
  must chain check c1 "$(network four "$bridge" "$(firewall)")"
  must chain del c1 "$(network four "$bridge" "$(firewall)")"
  assert_equal "$(accept_rules)" 0
  run host cat /run/called
  [[ $status != 0 ]] || fail "ip6tables was run: $output"
}

# only PROGRAM…: from here on, of the programs of iptables only these are there.
only() {
  local tools=$BATS_TEST_TMPDIR/tools program
  mkdir "$tools"
  for program in "$@"; do ln -s "$(command -v "$program")" "$tools/"; done
  WHOLE_PATH=$PATH
  # Plugins themselves need no other program.
  PATH=$tools:$(path_without_iptables)
}

# A folder with links to all programs but those of iptables.
path_without_iptables() {
  local folder=$BATS_TEST_TMPDIR/others directory
  mkdir "$folder"
  while read -r directory; do
    find -L "$directory" -maxdepth 1 -type f -not -name "ip*tables*" -not -name "xtables*" -exec ln -s -t "$folder" {} + 2>/dev/null || true
  done < <(tr : '\n' <<<"$PATH")
  echo "$folder"
}

@test "firewall: of two families, the one that can be asked for is" {
  local list
  list=$(list one 1)
  close_host
  add_container c1 c2
  only iptables
  must chain add c1 "$list"
  must chain check c1 "$list"
  PATH=$WHOLE_PATH
  serve c1 80
  assert_answer "outside 10.1.0.2" c1 tcp 192.0.2.2 7000
  assert_silence c1 tcp 2001:db8::2 7000
  assert_equal "$(host ip6tables -S | grep -c CNI || true)" 0
  NETNS='' must chain del c1 "$list"
  assert_equal "$(accept_rules)" 0
  rm -r "$BATS_TEST_TMPDIR/tools" "$BATS_TEST_TMPDIR/others"
  only ip6tables
  must chain add c2 "$list"
  must chain check c2 "$list"
  PATH=$WHOLE_PATH
  assert_answer "outside fd00:1::3" c2 tcp 2001:db8::2 7000
  must chain del c2 "$list"
  assert_equal "$(host ip6tables -S CNI-FORWARD | grep -c ACCEPT || true)" 0
}

@test "firewall: a family that nobody filters is left as it is" {
  host ip6tables -P FORWARD DROP
  start c1 one 1
  assert_answer "outside fd00:1::2" c1 tcp 2001:db8::2 7000
  assert_answer "outside 10.1.0.2" c1 tcp 192.0.2.2 7000
  assert_equal "$(host nft list tables)" "table ip6 filter"
  must chain del c1 "$(list one 1)"
}

@test "firewall: iptables asked for by name, but not there: the error says which program, and nothing is left" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "firewall", backend: "iptables", prevResult: .}' <<<"$output")
  only iptables
  must_fail 50 cni add c1 "$config"
  PATH=$WHOLE_PATH
  assert_json '.msg == "Cannot run ip6tables: there is no such program" and (.details | test("allowed"))'
  assert_equal "$(accept_rules)" 0
  assert_equal "$(host find /run/berth/published -type f -not -name "*lock*")" ""
}

@test "firewall: bad input is a clear error" {
  must_fail 7 cni add c1 '{"cniVersion": "1.1.0", "name": "one", "type": "firewall", "ingressPolicy": "closed"}'
  assert_json '.details | test("ingressPolicy: found \"closed\", allowed: .*same-bridge")'
  must_fail 7 cni add c1 '{"cniVersion": "1.1.0", "name": "one", "type": "firewall", "backend": "ipfw"}'
  assert_json '.details == "backend: found \"ipfw\", allowed: \"\", \"nftables\", \"iptables\", \"firewalld\""'
  add_container c1
  must_fail 7 cni add c1 '{"cniVersion": "1.1.0", "name": "one", "type": "firewall"}'
  assert_json '.msg == "missing prevResult from earlier plugin"'
}

@test "firewall: a name for the administrator's chain that no chain can have is refused, not made a target" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "firewall", backend: "iptables", prevResult: .}' <<<"$output")
  must_fail 999 cni add c1 "$(jq -c '.iptablesAdminChainName = "ACCEPT"' <<<"$config")"
  assert_json '.msg | test("iptables -N ACCEPT")'
  assert_equal "$(accept_rules)" 0
}

@test "firewall: firewalld asked for by name, but not there: the error says so, and nothing is left" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  must_fail 50 cni add c1 "$(jq -c '{cniVersion: "1.1.0", name: "one", type: "firewall", backend: "firewalld", prevResult: .}' <<<"$output")"
  assert_json '.msg == "Cannot ask firewalld: it does not run" and (.details | test("allowed"))'
  assert_equal "$(host find /run/berth/published -type f -not -name "*lock*")" ""
}

@test "firewall: GC removes what is of no valid attachment" {
  close_host
  start c1 one 1
  start c2 one 1
  must cni gc c1 '{"cniVersion": "1.1.0", "name": "one", "type": "firewall", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]}'
  assert_silence c1 tcp 192.0.2.2 7000
  assert_answer outside c2 tcp 192.0.2.2 7000
}

@test "firewall: a container of the Go suite's time is released" {
  close_host
  add_container c1
  must chain add c1 "$(network one "$(bridge_plugin one 1)")"
  config=$(jq -c '{cniVersion: "1.0.0", name: "one", type: "firewall", prevResult: (. + {cniVersion: "1.0.0"})}' <<<"$output")
  BIN=$GO_BIN PREVIOUS=no must cni add c1 "$config"
  [[ $(accept_rules) == 2 ]]
  PREVIOUS=no must cni del c1 "$config"
  assert_equal "$(accept_rules)" 0
}

@test "defect 7: DEL needs no prevResult, and does not hit the next holder of the address" {
  close_host
  start c1 one 1
  host rm -rf /var/lib/cni/networks
  remove_container c1
  start c2 one 1
  must cni del c1 '{"cniVersion": "1.1.0", "name": "one", "type": "firewall"}'
  assert_answer outside c2 tcp 192.0.2.2 7000
  must cni del c2 '{"cniVersion": "1.1.0", "name": "one", "type": "firewall"}'
  assert_equal "$(accept_rules)" 0
}

@test "defect 7: the policy goes with the last container of the network" {
  start c1 one 1 '{ingressPolicy: "same-bridge"}'
  NETNS='' must chain del c1 "$(list one 1 '{ingressPolicy: "same-bridge"}')"
  assert_equal "$(host nft --stateless list ruleset)" ""
}

@test "defect 23: a flush of the host's firewall is repaired by one command" {
  close_host
  start c1 one 1 '{ingressPolicy: "same-bridge"}'
  host nft flush ruleset
  close_host
  assert_silence c1 tcp 192.0.2.2 7000
  run chain check c1 "$(list one 1 '{ingressPolicy: "same-bridge"}')"
  [[ $status != 0 ]]
  must host "$BERTH_BIN/cnitool" firewall reload
  assert_answer outside c1 tcp 192.0.2.2 7000
  must chain check c1 "$(list one 1 '{ingressPolicy: "same-bridge"}')"
}

# start_firewalld: the real one, on a bus of the test's host.
start_firewalld() {
  command -v firewalld >/dev/null || skip "firewalld is not installed"
  host sh -ec 'mkdir -p /run/dbus; dbus-daemon --system --fork --nopidfile'
  host firewalld --nofork >"$BATS_TEST_TMPDIR/firewalld.log" 2>&1 3>&- &
  disown
  for _ in {1..100}; do ! host firewall-cmd --state >/dev/null 2>&1 || return 0; sleep 0.1; done
  fail "firewalld does not start: $(cat "$BATS_TEST_TMPDIR/firewalld.log")"
}

@test "firewall: firewalld is asked where it runs, over D-Bus" {
  start_firewalld
  start c1 one 1
  assert_equal "$(host firewall-cmd --zone=trusted --list-sources | tr ' ' '\n' | sort)" "10.1.0.2/32
fd00:1::2/128"
  assert_answer outside c1 tcp 192.0.2.2 7000
  must chain check c1 "$(list one 1)"
  # Its reload forgets what was not permanent.
  host firewall-cmd --reload
  run chain check c1 "$(list one 1)"
  assert_json '.msg | test("source 10.1.0.2 of firewalld.s zone trusted")'
  must host "$BERTH_BIN/cnitool" firewall reload
  must chain check c1 "$(list one 1)"
  assert_answer outside c1 tcp 192.0.2.2 7000
  NETNS='' must chain del c1 "$(list one 1)"
  assert_equal "$(host firewall-cmd --zone=trusted --list-sources)" ""
  must chain del c1 "$(list one 1)"
}

@test "firewall: a zone that firewalld does not have is an error, and nothing is left" {
  start_firewalld
  add_container c1
  run chain add c1 "$(list one 1 '{backend: "firewalld", firewalldZone: "nowhere"}')"
  assert_json '.msg | test("INVALID_ZONE")'
  assert_equal "$(host find /run/berth/published -mindepth 1)" ""
}
