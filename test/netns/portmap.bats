#!/usr/bin/env bats
# Published ports, proved by packets: `outside` is the world, a namespace without a route to any container.
load helpers
load traffic

setup() {
  make_host
  add_uplink
}

# start NAME MAPPING…: a container of network `one` (br1) with published ports, and a server on 80 and 81.
start() {
  local name=$1
  shift
  add_container "$name"
  CAP_ARGS=$(ports "$@") must chain add "$name" "${LIST:-$(network one "$(bridge_plugin one 1)" "$(portmap)")}"
  serve "$name" 80 81
}

@test "portmap: a port is reached from outside, from the host by any of its addresses, and from containers" {
  start c1 8080:80 8080:80/udp
  add_container c2
  must chain add c2 "$(network one "$(bridge_plugin one 1)" "$(portmap)")"
  add_container c3
  must chain add c3 "$(network two "$(bridge_plugin two 2)")"
  for filter in 0 1; do
    bridge_filter $filter
    for protocol in tcp udp; do
      # Real client address from outside.
      assert_answer "c1 192.0.2.2" outside $protocol 192.0.2.1 8080
      assert_answer "c1 2001:db8::2" outside $protocol 2001:db8::1 8080
      assert_answer c1 host $protocol 127.0.0.1 8080
      assert_answer c1 host $protocol 127.1.2.3 8080
      assert_answer c1 host $protocol 192.0.2.1 8080
      assert_answer c1 host $protocol 2001:db8::1 8080
      assert_answer c1 host $protocol 10.1.0.1 8080
      assert_answer c1 host $protocol 10.1.0.2 80
      # A neighbour on the bridge, the container itself (hairpin), another network.
      assert_answer c1 c2 $protocol 192.0.2.1 8080
      assert_answer c1 c2 $protocol 10.1.0.1 8080
      assert_answer c1 c2 $protocol 2001:db8::1 8080
      assert_answer c1 c1 $protocol 192.0.2.1 8080
      assert_answer c1 c1 $protocol 10.1.0.1 8080
      assert_answer c1 c1 $protocol 2001:db8::1 8080
      assert_answer "c1 10.2.0.2" c3 $protocol 192.0.2.1 8080
      assert_answer c1 c3 $protocol 2001:db8::1 8080
    done
  done
  # The kernel routes nothing from ::1: what listens there stays the host's.
  serve host 8080
  assert_answer host host tcp ::1 8080
}

@test "portmap: a port at one address of the host is nobody else's" {
  host ip address add 192.0.2.7/24 dev uplink
  start c1 192.0.2.7:8080:80 '[2001:db8::1]:8081:80'
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.7 8080
  assert_silence outside tcp 192.0.2.1 8080
  assert_silence host tcp 127.0.0.1 8080
  assert_answer c1 outside tcp 2001:db8::1 8081
  assert_silence outside tcp 192.0.2.1 8081
}

@test "portmap: a port at a loopback address is the host's alone" {
  start c1 127.0.0.1:8080:80 127.0.0.1:8080:80/udp
  assert_answer c1 host tcp 127.0.0.1 8080
  assert_answer c1 host udp 127.0.0.1 8080
  assert_silence host tcp 127.0.0.2 8080
  assert_silence outside tcp 192.0.2.1 8080
}

@test "portmap: wildcard addresses mean one family" {
  start c1 0.0.0.0:8080:80 '[::]:8081:80'
  assert_answer c1 outside tcp 192.0.2.1 8080
  assert_silence outside tcp 2001:db8::1 8080
  assert_answer c1 outside tcp 2001:db8::1 8081
  assert_silence outside tcp 192.0.2.1 8081
}

@test "portmap: a range is one element where ports are equal, and moved where they are not" {
  start c1 80:80+2 9000:80+2
  for port in 80 81 9000 9001; do assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 $port; done
  assert_silence outside tcp 192.0.2.1 82
  assert_silence outside tcp 192.0.2.1 9002
  assert_answer c1 c1 tcp 192.0.2.1 81
  [[ $(host nft list map inet berth range-any4) == *"tcp . 80-81 comment \"berth/one/c1/eth0\" : 10.1.0.2 }"* ]]
}

@test "portmap: keys as containerd spells them" {
  add_container c1
  CAP_ARGS='{"portMappings": [{"HostPort": 8080, "ContainerPort": 80, "Protocol": "TCP", "HostIP": ""}]}' \
    must chain add c1 "$(network one "$(bridge_plugin one 1)" "$(portmap)")"
  serve c1 80
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
}

@test "portmap: masqAll hides the client, snat off leaves everything as it is" {
  LIST=$(network one "$(bridge_plugin one 1)" "$(portmap '{masqAll: true}')") start c1 8080:80
  assert_answer "c1 10.1.0.1" outside tcp 192.0.2.1 8080
  LIST=$(network two "$(bridge_plugin two 2)" "$(portmap '{snat: false}')") start c2 8081:80
  assert_answer "c2 192.0.2.2" outside tcp 192.0.2.1 8081
  assert_silence host tcp 127.0.0.1 8081
}

@test "portmap: a port that another container has is refused, and nothing changes" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  host ip address add 192.0.2.7/24 dev uplink
  start c1 8080:80 8081:81 192.0.2.1:9000:80 7000:7000+100
  before=$(host nft --stateless list ruleset)
  records=$(host find /run/berth -type f)
  add_container c2
  # The same; of all addresses against one and one against all; in a range, and a range over it.
  for mapping in 8080:80 8081:82 192.0.2.1:8080:80 192.0.2.7:8081:80 9000:80 0.0.0.0:9000:80 192.0.2.1:9000:80 \
    7050:80 192.0.2.7:7099:80 7090:7090+20 6990:6990+20 8000:8000+100 8079:79+3; do
    CAP_ARGS=$(ports 5555:80 "$mapping") run chain add c2 "$list"
    [[ $status != 0 ]] || fail "Published: $mapping"
    assert_json '.code == 100 and (.msg | test("^Cannot publish port .*: another container has it$")) and (.details | test("container c1"))'
    chain del c2 "$list"
    assert_equal "$(host nft --stateless list ruleset)" "$before"
    assert_equal "$(host find /run/berth -type f)" "$records"
  done
  # Other addresses, protocols and ports are free.
  CAP_ARGS=$(ports 192.0.2.7:9000:80 8080:80/udp 7100:80) must chain add c2 "$list"
  serve c2 80
  assert_answer c2 outside tcp 192.0.2.7 9000
  assert_answer c1 outside tcp 192.0.2.1 9000
}

@test "portmap: 20 containers racing for one port: one wins" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  for i in {1..20}; do add_container "r$i"; done
  local pids=()
  for i in {1..20}; do
    { CAP_ARGS=$(ports 8080:80) chain add "r$i" "$list" >/dev/null && echo "r$i" >>"$BATS_TEST_TMPDIR/won"; } 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || true; done
  assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/won")" 1
}

@test "portmap: bad input is a clear error" {
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  result=$output
  before=$(host nft --stateless list ruleset)
  refuse() {
    PREVIOUS=no must_fail 7 cni add c1 "$(jq -nc --argjson result "$result" '{cniVersion: "1.1.0", name: "one", type: "portmap", prevResult: $result, runtimeConfig: {portMappings: ['"$1"']}} + ('"${3:-{\}}"')')"
    assert_json ".details | test(\"$2\")"
    assert_equal "$(host nft --stateless list ruleset)" "$before"
  }
  refuse '{hostPort: 0, containerPort: 80}' 'portMappings\\[0\\].hostPort: found 0'
  refuse '{hostPort: 70000, containerPort: 80}' 'portMappings\\[0\\].hostPort: found 70000'
  refuse '{hostPort: 8080, containerPort: 0}' 'portMappings\\[0\\].containerPort: found 0'
  refuse '{hostPort: 65535, containerPort: 80, range: 2}' 'hostPort: found 65535'
  refuse '{hostPort: 8080, containerPort: 80, protocol: "icmp"}' 'protocol: found \"icmp\", allowed: tcp, udp, sctp'
  refuse '{hostPort: 8080, containerPort: 80, hostIP: "localhost"}' 'hostIP: found \"localhost\"'
  refuse '{hostPort: 8080, containerPort: 80, hostIP: "198.51.100.1"}' 'an address of this host'
  refuse '{hostPort: 8080, containerPort: 80, hostIP: "::1"}' 'but ::1'
  refuse '{hostPort: 8080, containerPort: 80}, {hostPort: 8080, containerPort: 81}' 'portMappings\\[1\\].hostPort'
  refuse '{hostPort: 8080, containerPort: 80}' conditionsV4 '{conditionsV4: ["!", "-d", "192.0.2.0/24"]}'
  refuse '{hostPort: 8080, containerPort: 80}' externalSetMarkChain '{markMasqBit: 14, externalSetMarkChain: "KUBE-MARK-MASQ"}'
  refuse '{hostPort: 8080, containerPort: 80}' backend '{backend: "ipfw"}'
}

@test "portmap: keys of the Go suite's backends are accepted, and mean the same" {
  start_with() {
    add_container "$1"
    CAP_ARGS=$(ports "$2") must chain add "$1" "$(network one "$(bridge_plugin one 1)" "$(portmap | jq -c ". + $3")")"
    serve "$1" 80
  }
  start_with c1 8080:80 '{backend: "iptables", markMasqBit: 14}'
  start_with c2 8081:80 '{backend: "nftables", externalSetMarkChain: "KUBE-MARK-MASQ", conditionsV4: [], conditionsV6: []}'
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
  assert_answer "c2 192.0.2.2" outside tcp 192.0.2.1 8081
  # What a mark, or that chain, is for: the container reaches itself.
  assert_answer c2 c2 tcp 192.0.2.1 8081
  assert_equal "$(host iptables -t nat -S | grep -cE "CNI|KUBE" || true)" 0
}

@test "portmap: a kernel without nf_tables is a clear error, and nothing changes" {
  without_agent # strace sees the process that does it
  add_container c1
  must cni add c1 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "portmap", prevResult: ., runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80}]}}' <<<"$output")
  traced() {
    CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN \
      host strace -qq -e trace=socket "$@" "$BERTH_BIN/portmap" <<<"$config"
  }
  traced -o "$BATS_TEST_TMPDIR/sockets" >/dev/null
  must cni del c1 "$config"
  before=$(host nft --stateless list ruleset)
  number=$(grep -n NETLINK_NETFILTER "$BATS_TEST_TMPDIR/sockets" | head -1 | cut -d: -f1)
  run traced -o /dev/null -e "inject=socket:error=EPROTONOSUPPORT:when=$number+"
  assert_equal "$status" 1
  assert_json '.code == 50 and (.msg | startswith("Cannot use nf_tables"))'
  assert_equal "$(host nft --stateless list ruleset)" "$before"
  assert_equal "$(host sh -c 'ls /run/berth/published 2>/dev/null | grep -v lock' || true)" ""
}

@test "portmap: a hostIP of a family that the container lacks is refused" {
  add_container c1
  bridge='{"type":"bridge","bridge":"br4","isGateway":true,"ipam":{"type":"host-local","subnet":"10.4.0.0/24"}}'
  CAP_ARGS=$(ports '[2001:db8::1]:8080:80') run chain add c1 "$(network four "$bridge" "$(portmap)")"
  assert_json '.code == 7 and (.details | test("IPv4 address: the container has no other"))'
  # All of a family are passed over, as the Go suite does.
  chain del c1 "$(network four "$bridge" "$(portmap)")"
  CAP_ARGS=$(ports '[::]:8080:80' 0.0.0.0:8081:80) must chain add c1 "$(network four "$bridge" "$(portmap)")"
}

@test "portmap: a table of our name that is somebody else's is left alone" {
  host nft add table inet berth
  add_container c1
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  CAP_ARGS=$(ports 8080:80) run chain add c1 "$list"
  assert_json ".msg == \"Cannot use table inet berth: it is not Berth's\""
  assert_equal "$(host nft list ruleset)" "table inet berth {
}"
  must_fail 50 cni status c1 '{"cniVersion": "1.1.0", "name": "one", "type": "portmap"}'
}

@test "portmap: DEL leaves nothing, with and without namespace and prevResult, and again" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  for how in usual no-netns no-result; do
    start c1 8080:80 8080:80/udp 192.0.2.1:8081:80 9000:9000+10
    case $how in
    usual) must chain del c1 "$list" ;;
    no-netns) NETNS='' must chain del c1 "$list" ;;
    no-result) PREVIOUS=no must cni del c1 '{"cniVersion": "1.1.0", "name": "one", "type": "portmap"}' && must chain del c1 "$list" ;;
    esac
    assert_equal "$(host nft --stateless list ruleset)" ""
    assert_equal "$(host find /run/berth/published -mindepth 1)" ""
    must chain del c1 "$list"
    rm -f "$BATS_TEST_TMPDIR/ready.c1"
    remove_container c1
  done
}

@test "portmap: CHECK looks at every element" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  start c1 8080:80
  CAP_ARGS=$(ports 8080:80) must chain check c1 "$list"
  host nft delete element inet berth port-any6 '{ tcp . 8080 }'
  CAP_ARGS=$(ports 8080:80) run chain check c1 "$list"
  assert_json '.msg == "Cannot find element 6 . 8080 of port-any6 as ADD left it: it is not there"'
  must host env "PATH=$PATH" "$BERTH_BIN/cnitool" firewall reload
  CAP_ARGS=$(ports 8080:80) must chain check c1 "$list"
  host nft flush chain inet berth publish
  CAP_ARGS=$(ports 8080:80) run chain check c1 "$list"
  assert_json '.msg | test("chain publish .* 0 rules of 9")'
  must host "$BERTH_BIN/cnitool" firewall reload
  CAP_ARGS=$(ports 8080:80) must chain check c1 "$list"
}

@test "portmap: GC removes what is of no valid attachment" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  start c1 8080:80
  start c2 8081:80
  must cni gc c1 '{"cniVersion": "1.1.0", "name": "one", "type": "portmap", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]}'
  assert_silence outside tcp 192.0.2.1 8080
  assert_answer c2 outside tcp 192.0.2.1 8081
  must cni gc c1 '{"cniVersion": "1.1.0", "name": "one", "type": "portmap", "cni.dev/valid-attachments": []}'
  assert_equal "$(host nft --stateless list ruleset)" ""
}

# --- The defects of the Go suite that belong here, by their number in the list of issues -------------------------------

@test "defect 6: ports are withdrawn after the network was renamed, and without portMappings on DEL" {
  start c1 8080:80
  must cni del c1 '{"cniVersion": "1.1.0", "name": "renamed", "type": "portmap"}'
  assert_silence outside tcp 192.0.2.1 8080
  assert_equal "$(host nft --stateless list ruleset)" ""
}

@test "defect 14: no other program is run" {
  without_agent # strace sees the process that does it
  start c1 8080:80
  add_container c2
  must cni add c2 "$(bridge_plugin one 1 '{cniVersion: "1.1.0", name: "one"}')"
  config=$(jq -nc --argjson result "$output" '{cniVersion: "1.1.0", name: "one", type: "portmap", prevResult: $result, runtimeConfig: {portMappings: [{hostPort: 8081, containerPort: 80}]}}')
  for verb in ADD CHECK DEL; do
    CNI_COMMAND=$verb CNI_CONTAINERID=c2 CNI_NETNS=/run/netns/c2 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN \
      host strace -f -qq -e trace=execve -o "$BATS_TEST_TMPDIR/trace" "$BERTH_BIN/portmap" <<<"$config" >/dev/null
    assert_equal "$(grep -c execve "$BATS_TEST_TMPDIR/trace")" 1
  done
}

@test "defect 15: the number of rules does not grow with containers" {
  start c1 8080:80
  before=$(host nft --stateless list table inet berth | grep -c 'jump\|dnat\|masquerade$')
  start c2 8081:80 8082:80
  start c3 8083:80
  rules() { host nft -j list table inet berth | jq '[.nftables[] | select(.rule)] | length'; }
  many=$(rules)
  must chain del c3 "$(network one "$(bridge_plugin one 1)" "$(portmap)")"
  must chain del c2 "$(network one "$(bridge_plugin one 1)" "$(portmap)")"
  assert_equal "$(rules)" "$many"
  [[ $before -gt 0 ]]
}

@test "defect 15: a late DEL does not take the ports of the next container with the same address" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  start c1 8080:80
  # c1's DEL is lost, its address is given again: c2 takes the port over.
  host rm -rf /var/lib/cni/networks
  remove_container c1
  start c2 8080:80
  assert_answer c2 outside tcp 192.0.2.1 8080
  NETNS='' must chain del c1 "$list"
  assert_answer c2 outside tcp 192.0.2.1 8080
  CAP_ARGS=$(ports 8080:80) must chain check c2 "$list"
}

@test "defect 22: a UDP client that keeps sending reaches each new container, and the host after the last" {
  # One socket that sends twice a second, as a resolver or a game does, and says who answered last.
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  start c1 8080:80/udp
  inside outside bash -c 'exec 3<>/dev/udp/192.0.2.1/8080; while true; do echo hello >&3; timeout 0.2 head -n 1 <&3; done' \
    >"$BATS_TEST_TMPDIR/answers" 2>/dev/null 3>&- &
  disown
  last_is() {
    for _ in {1..100}; do
      : >"$BATS_TEST_TMPDIR/answers"
      sleep 0.1
      [[ $(tail -n 1 "$BATS_TEST_TMPDIR/answers") != "$1"* ]] || return 0
    done
    fail "Not answered by $1: $(tail -n 1 "$BATS_TEST_TMPDIR/answers")"
  }
  last_is c1
  CAP_ARGS=$(ports 8080:80/udp) must chain del c1 "$list"
  serve host 8080
  last_is host
  start c2 8080:80/udp
  last_is c2
}

@test "defect 23: ports are back after somebody flushed all rules" {
  start c1 8080:80
  host nft flush ruleset
  assert_silence outside tcp 192.0.2.1 8080
  must host "$BERTH_BIN/cnitool" firewall reload
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
  # The next ADD sees it as well.
  host nft flush ruleset
  start c2 8081:80
  assert_answer c1 outside tcp 192.0.2.1 8080
  assert_answer c2 outside tcp 192.0.2.1 8081
}

@test "defect 24: loopback services of the host are not reached by its neighbours" {
  start c1 127.0.0.1:8080:80
  serve host 9999
  inside c1 sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1
  inside c1 ip route add 127.0.0.77/32 via 10.1.0.1
  inside c1 ip route del local 127.0.0.0/8 dev lo table local 2>/dev/null || true
  assert_silence c1 tcp 127.0.0.77 9999
  # The setting without the guard would let them in: what the defect is about.
  host nft flush chain inet berth martians
  assert_answer "host 10.1.0.2" c1 tcp 127.0.0.77 9999
}

@test "defect 25: ADD twice is as once, and traffic for others passes by" {
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  start c1 8080:80
  once=$(host nft --stateless list ruleset)
  config=$(jq -nc --slurpfile result "$BATS_TEST_TMPDIR/result.c1.eth0.one.list" '{cniVersion: "1.1.0", name: "one", type: "portmap", prevResult: $result[0], runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80}]}}')
  must cni add c1 "$config"
  assert_equal "$(host nft --stateless list ruleset)" "$once"
  # CVE-2025-67499: a container's own traffic to the same port elsewhere is not ours.
  inside outside ip route add 10.1.0.0/24 via 192.0.2.1
  serve outside 8080
  assert_answer outside c1 tcp 192.0.2.2 8080
}

@test "defect 36: IPv4 alone needs nothing of IPv6" {
  host sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  add_container c1
  bridge='{"type":"bridge","bridge":"br4","isDefaultGateway":true,"ipam":{"type":"host-local","subnet":"10.4.0.0/24"}}'
  CAP_ARGS=$(ports 8080:80) must chain add c1 "$(network four "$bridge" "$(portmap)")"
  serve c1 80
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
}

@test "portmap: sctp ports are elements like all others" {
  # This kernel has no sctp sockets, so it is the rules alone that can be looked at.
  start c1 8080:80/sctp 192.0.2.1:9000:90/sctp
  [[ $(host nft list map inet berth port-any4) == *'sctp . 8080 comment "berth/one/c1/eth0" : 10.1.0.2 . 80'* ]]
  [[ $(host nft list map inet berth port4) == *'192.0.2.1 . sctp . 9000 comment "berth/one/c1/eth0" : 10.1.0.2 . 90'* ]]
}

@test "portmap: nft reads what we write: its own reading of our table, loaded again, is the same" {
  start c1 8080:80 192.0.2.1:8081:80/udp 9000:9000+10
  ours=$(host nft --stateless list ruleset)
  # nft 1.0.6 prints `ct original proto-dst` in a concatenation, and does not read it.
  host nft --stateless list ruleset | grep -v 'ct original proto-dst' >"$BATS_TEST_TMPDIR/rules"
  host nft flush ruleset
  must host nft -f "$BATS_TEST_TMPDIR/rules"
  assert_equal "$(host nft --stateless list ruleset)" "$(grep -v 'ct original proto-dst' <<<"$ours")"
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
}

@test "portmap: killed at any point, DEL and the next ADD find their way" {
  without_agent # strace sees the process that does it
  list=$(network one "$(bridge_plugin one 1)" "$(portmap)")
  add_container c1
  must chain add c1 "$(network one "$(bridge_plugin one 1)")"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "portmap", prevResult: ., runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80}]}}' <<<"$output")
  serve c1 80
  # The n-th call of a kind is the last one: writes and reads are those of netlink, too.
  local killed=0 point
  for point in write:{2,5,7,9,11,13,15} read:{20,28,36,44,52} mkdir:12 rename:1 unlink:1 rmdir:1; do
    for verb in ADD DEL; do
      CNI_COMMAND=$verb CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$BERTH_BIN \
        host strace -f -qq -o /dev/null -e "inject=${point%:*}:signal=KILL:when=${point#*:}" \
        "$BERTH_BIN/portmap" <<<"$config" >/dev/null 2>&1 || killed=$((killed + 1))
    done
  done
  [[ $killed -ge 15 ]] || fail "Killed $killed times only"
  PREVIOUS=no must cni add c1 "$config"
  PREVIOUS=no must cni check c1 "$config"
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
  PREVIOUS=no must cni del c1 "$config"
  assert_equal "$(host nft --stateless list ruleset)" ""
  assert_equal "$(host find /run/berth/published -mindepth 1)" ""
}

@test "portmap: a container on the host's own segment is published without a change of the uplink" {
  add_container c1
  lan='{"type":"macvlan","master":"uplink","ipam":{"type":"host-local","ranges":[[{"subnet":"192.0.2.0/24","rangeStart":"192.0.2.10"}]]}}'
  CAP_ARGS=$(ports 8080:80) must chain add c1 "$(network lan "$lan" "$(portmap)")"
  assert_equal "$(host cat /proc/sys/net/ipv4/conf/uplink/route_localnet)" 0
  CAP_ARGS=$(ports 8080:80) must chain check c1 "$(network lan "$lan" "$(portmap)")"
  must chain del c1 "$(network lan "$lan" "$(portmap)")"
  assert_equal "$(host nft --stateless list ruleset)" ""
}
