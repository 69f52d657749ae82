#!/usr/bin/env bats
# Rate limits, seen by tc and by a clock.
load helpers
load traffic

limits() { jq -nc '{type: "bandwidth", capabilities: {bandwidth: true}} + ('"${1:-{\}}"')'; }
list() { network "${2:-one}" "$(bridge_plugin one 1)" "$(limits "${1:-{\}}")"; }

# host_link NAME [IFNAME]: the host's end of a container's veth pair.
host_link() { jq -r '[.interfaces[] | select(.sandbox == null) | .name] | .[1]' "$BATS_TEST_TMPDIR/result.$1.${2:-eth0}.one.list"; }
ifb() { jq -r '[.interfaces[] | select(.name | startswith("bwp")) | .name][0]' "$BATS_TEST_TMPDIR/result.$1.${2:-eth0}.one.list"; }
qdiscs() { host tc qdisc show dev "$1" | sed 's/ refcnt [0-9]*//; s/qdisc tbf [0-9]*:/qdisc tbf/; s/ *$//'; }

rates='{ingressRate: 8000000, ingressBurst: 800000, egressRate: 16000000, egressBurst: 1600000}'

@test "bandwidth: the limits are those that the Go suite sets" {
  add_container c1 c2
  must chain add c1 "$(list "$rates")"
  assert_json '.interfaces | length == 4 and (.[3].name | test("^bwp[0-9a-f]{12}$")) and (.[3] | has("sandbox") | not)'
  must chain add c2 "$(network one "$(bridge_plugin one 1)")"
  go=$(BIN=$GO_BIN PREVIOUS=no cni add c2 "$(jq -c '{cniVersion: "1.0.0", name: "one", type: "bandwidth", prevResult: (. + {cniVersion: "1.0.0"})} + '"$rates" <<<"$output")")
  assert_equal "$(qdiscs "$(host_link c1)")" "$(qdiscs "$(host_link c2)")"
  assert_equal "$(qdiscs "$(ifb c1)")" "$(qdiscs "$(jq -r '.interfaces[-1].name' <<<"$go")")"
  assert_match "$(qdiscs "$(host_link c1)")" "tbf root rate 8Mbit burst 100000b lat 25.*ingress"
  assert_match "$(host tc filter show dev "$(host_link c1)" ingress)" "match 00000000/00000000 at 0.*Egress Redirect to device $(ifb c1)"
  must chain check c1 "$(list "$rates")"
}

# seconds FROM TO: how long it takes to bring 2 MB from one container to another.
seconds() {
  inside "$2" sh -c 'node -e "
    let n = 0; const start = Date.now();
    require(\"net\").createServer(s => { s.on(\"data\", d => n += d.length); s.on(\"end\", () => { console.log((Date.now() - start) / 1000); process.exit() }) }).listen(9, \"::\", () => require(\"fs\").writeFileSync(process.argv[1], \"\"))" '"$BATS_TEST_TMPDIR/ready.sink"' >'"$BATS_TEST_TMPDIR/seconds" 3>&- &
  local pid=$!
  until [[ -e $BATS_TEST_TMPDIR/ready.sink ]]; do sleep 0.02; done
  rm "$BATS_TEST_TMPDIR/ready.sink"
  inside "$1" timeout 20 bash -c 'head -c 2000000 /dev/zero >/dev/tcp/'"$3"'/9'
  wait "$pid"
  cat "$BATS_TEST_TMPDIR/seconds"
}

@test "bandwidth: packets are held back, both ways" {
  add_container c1 c2
  must chain add c1 "$(list '{ingressRate: 8000000, ingressBurst: 800000, egressRate: 8000000, egressBurst: 800000}')"
  must chain add c2 "$(network one "$(bridge_plugin one 1)")"
  # 2 MB at 1 MB/s, of which 0.1 MB go at once; without a limit it takes no tenth of a second.
  to=$(seconds c2 c1 10.1.0.2)
  from=$(seconds c1 c2 10.1.0.3)
  jq -en --argjson to "$to" --argjson from "$from" '$to > 1.4 and $to < 6 and $from > 1.4 and $from < 6' >/dev/null || fail "Took $to and $from s"
}

@test "bandwidth: limits from the runtime, keys in any case; the configuration's own win" {
  add_container c1 c2
  CAP_ARGS='{"bandwidth": {"IngressRate": 8000000, "ingressBurst": 800000}}' must chain add c1 "$(list)"
  assert_match "$(qdiscs "$(host_link c1)")" "rate 8Mbit"
  CAP_ARGS='{"bandwidth": {"ingressRate": 8000000, "ingressBurst": 800000}}' must chain add c2 "$(list '{ingressRate: 16000000, ingressBurst: 800000}')"
  assert_match "$(qdiscs "$(host_link c2)")" "rate 16Mbit"
}

@test "bandwidth: zeros in the configuration are the administrator's word, whatever the runtime sends" {
  add_container c1
  local list
  list=$(list '{ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0}')
  export CAP_ARGS='{"bandwidth": {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 8000000, "egressBurst": 800000}}'
  must chain add c1 "$list"
  assert_json '.interfaces | length == 3'
  assert_equal "$(qdiscs "$(host_link c1)")" "qdisc noqueue 0: root"
  must chain check c1 "$list"
  must chain del c1 "$list"
}

@test "bandwidth: bursts without bound, as containerd and CRI-O send them" {
  add_container c1 c2
  CAP_ARGS='{"bandwidth": {"ingressRate": 1000000, "ingressBurst": 4294967295, "egressRate": 1000000, "egressBurst": 4294967295}}' must chain add c1 "$(list)"
  CAP_ARGS='{"bandwidth": {"ingressRate": 1000000, "ingressBurst": 4294967295, "egressRate": 1000000, "egressBurst": 4294967295}}' must chain check c1 "$(list)"
  CAP_ARGS='{"bandwidth": {"ingressRate": 1000000, "ingressBurst": 34359738359, "egressRate": 80000000000, "egressBurst": 34359738359}}' must chain add c2 "$(list)"
  CAP_ARGS='{"bandwidth": {"ingressRate": 1000000, "ingressBurst": 34359738359, "egressRate": 80000000000, "egressBurst": 34359738359}}' must chain check c2 "$(list)"
  assert_match "$(qdiscs "$(ifb c2)")" "rate 80Gbit"
}

@test "bandwidth: nothing to limit is nothing to do" {
  add_container c1
  must chain add c1 "$(list '{ingressRate: 0, ingressBurst: 0}')"
  assert_json '.interfaces | length == 3'
  must cni add c1 '{"cniVersion": "1.1.0", "name": "one", "type": "bandwidth"}'
}

@test "bandwidth: bad input is a clear error" {
  for keys in '"ingressRate": 8000' '"egressBurst": 8000' '"ingressRate": 8000, "ingressBurst": 34359738368' \
    '"ingressRate": 1, "ingressBurst": 8000' '"ingressRate": -1, "ingressBurst": 1' '"ingressRate": "1M", "ingressBurst": 1'; do
    must_fail 7 cni add c1 "{\"cniVersion\": \"1.1.0\", \"name\": \"one\", \"type\": \"bandwidth\", $keys}"
    assert_json '.details | test("(in|e)gress(Rate|Burst): found")'
  done
  add_container c1
  must_fail 7 cni add c1 '{"cniVersion": "1.1.0", "name": "one", "type": "bandwidth", "ingressRate": 8000, "ingressBurst": 8000}'
  assert_json '.msg == "must be called as chained plugin"'
}

@test "bandwidth: DEL leaves nothing, with the interface there or gone, and again" {
  add_container c1
  must chain add c1 "$(list "$rates")"
  link=$(host_link c1)
  before=$(qdiscs lo)
  must cni del c1 "$(jq -c '{cniVersion: "1.1.0", name: "one", type: "bandwidth", prevResult: .}' "$BATS_TEST_TMPDIR/result.c1.eth0.one.list")"
  assert_equal "$(host tc qdisc show dev "$link")" "qdisc noqueue 0: root refcnt 2 "
  assert_equal "$(host ip -o link show type ifb)" ""
  must chain add c1 "$(list "$rates" two)" || true
  NETNS='' must chain del c1 "$(list "$rates")"
  NETNS='' must cni del c1 '{"cniVersion": "1.1.0", "name": "renamed", "type": "bandwidth"}'
  assert_equal "$(host ip -o link show type ifb)" ""
  [[ -n $before ]]
}

@test "bandwidth: CHECK looks at each limit" {
  add_container c1
  must chain add c1 "$(list "$rates")"
  host tc qdisc change dev "$(ifb c1)" root tbf rate 1mbit burst 10kb latency 25ms 2>/dev/null || host tc qdisc replace dev "$(ifb c1)" root tbf rate 1mbit burst 10kb latency 25ms
  run chain check c1 "$(list "$rates")"
  assert_json '.msg | test("rate limit of bwp")'
}

@test "bandwidth: GC removes what is of no valid attachment" {
  add_container c1 c2
  must chain add c1 "$(list "$rates")"
  must chain add c2 "$(list "$rates")"
  must cni gc c1 '{"cniVersion": "1.1.0", "name": "one", "type": "bandwidth", "cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]}'
  assert_equal "$(host ip -j link show type ifb | jq -r '.[].ifname')" "$(ifb c2)"
}

@test "defect 33: two interfaces of one network have limits of their own" {
  add_container c1
  must chain add c1 "$(list "$rates")"
  IFNAME=eth1 must chain add c1 "$(list "$rates")"
  [[ $(ifb c1) != "$(ifb c1 eth1)" ]]
  IFNAME=eth1 must chain del c1 "$(list "$rates")"
  must chain check c1 "$(list "$rates")"
}

@test "defect 33: others may filter what comes in, and a failed ADD leaves what it found" {
  add_container c1
  must chain add c1 "$(network one "$(bridge_plugin one 1)")"
  link=$(host_link c1)
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "bandwidth", prevResult: .} + '"$rates" "$BATS_TEST_TMPDIR/result.c1.eth0.one.list")
  host tc qdisc add dev "$link" clsact
  host tc filter add dev "$link" ingress prio 7 u32 match u32 0 0 flowid 1:1
  PREVIOUS=no must cni add c1 "$config"
  must cni del c1 "$config"
  assert_match "$(host tc filter show dev "$link" ingress)" "pref 7 u32"
  # A queueing discipline of somebody else's is in the way.
  host tc qdisc add dev "$link" root handle 5: tbf rate 1mbit burst 10kb latency 5ms
  state() { host tc qdisc show; host tc filter show dev "$link" ingress; host ip -o link | cut -d: -f2; }
  before=$(state)
  PREVIOUS=no must_fail 999 cni add c1 "$config"
  assert_json ".msg | startswith(\"Cannot limit the rates of $link: somebody else does\")"
  assert_equal "$(state)" "$before"
}

@test "bandwidth: bridge does it in the same process" {
  add_container c1
  bridge=$(network one "$(bridge_plugin one 1 '{capabilities: {bandwidth: true, portMappings: true}}')")
  export CAP_ARGS='{"bandwidth": {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000}, "portMappings": [{"hostPort": 8080, "containerPort": 80}]}'
  must chain add c1 "$bridge"
  assert_match "$(qdiscs "$(host_link c1)")" "rate 8Mbit burst 100000b"
  assert_match "$(qdiscs "$(ifb c1)")" "rate 16Mbit burst 200000b"
  must chain check c1 "$bridge"
  NETNS='' must chain del c1 "$bridge"
  assert_equal "$(host ip -o link show type ifb)" ""
}

@test "bandwidth: an IFB whose ADD was killed before it was marked: GC of its network takes it, unless it is valid" {
  without_agent # strace kills the process that does it
  add_container c1
  must chain add c1 "$(network one "$(bridge_plugin one 1)")"
  config=$(jq -c '{cniVersion: "1.1.0", name: "one", type: "bandwidth", prevResult: .} + '"$rates" <<<"$output")
  mkdir "$BATS_TEST_TMPDIR/bin"
  # traced OPTIONS: ADD beneath strace, which sees writes: each request to the kernel is one.
  traced() {
    printf '#!/bin/sh\nexec strace -qq -s 200 -e trace=write %s -o %q %q\n' "$*" "$BATS_TEST_TMPDIR/trace" "$BERTH_BIN/bandwidth" >"$BATS_TEST_TMPDIR/bin/bandwidth"
    chmod +x "$BATS_TEST_TMPDIR/bin/bandwidth"
    BIN=$BATS_TEST_TMPDIR/bin PREVIOUS=no cni add c1 "$config" >/dev/null
  }
  ifbs() { host ip -j link show type ifb | jq -c '[.[] | select(.ifname) | .ifalias // "unmarked"]'; }
  must traced
  must cni del c1 "$config"
  # It is looked for, made, and set up with its mark.
  made=$(grep -n bwp "$BATS_TEST_TMPDIR/trace" | sed -n '2{s/:.*//;p}')
  run ! traced -e inject=write:signal=KILL:when=$((made + 1))
  assert_equal "$(ifbs)" '["unmarked"]'
  valid='{"cniVersion": "1.1.0", "type": "bandwidth", "name": "one", "cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]}'
  must cni gc c1 "$valid"
  must cni gc c1 "$(jq -c '.name = "two" | ."cni.dev/valid-attachments" = []' <<<"$valid")"
  assert_equal "$(ifbs)" '["unmarked"]'
  must cni gc c1 "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$valid")"
  assert_equal "$(ifbs)" '[]'
}
