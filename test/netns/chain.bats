#!/usr/bin/env bats
# The kubelet's usual chain, and the same asked of bridge alone.
load helpers
load traffic

setup() {
  make_host
  add_uplink
  serve outside 7000
}

five() {
  network one "$(bridge_plugin one 1 '{ipMasq: true}')" "$(portmap)" '{"type": "firewall"}' \
    '{"type": "bandwidth", "capabilities": {"bandwidth": true}}' '{"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}'
}
alone() { network one "$(bridge_plugin one 1 '{ipMasq: true, capabilities: {portMappings: true, bandwidth: true}}')"; }

asked='{"portMappings": [{"hostPort": 8080, "containerPort": 80}, {"hostPort": 8053, "containerPort": 80, "protocol": "udp"}],
  "bandwidth": {"ingressRate": 800000000, "ingressBurst": 80000000, "egressRate": 800000000, "egressBurst": 80000000}}'

# Bridges' timers run, and leases remember where they were.
state() { snapshot | sed -E 's/"(forward_delay|hello|tcn|topology_change|gc)_timer": ?[0-9.]+,?//g' | grep -v 'last_reserved\|run/berth/locks'; }

works() {
  assert_answer "c1 192.0.2.2" outside tcp 192.0.2.1 8080
  assert_answer "c1 2001:db8::2" outside udp 2001:db8::1 8053
  assert_answer c1 host tcp 127.0.0.1 8080
  assert_answer "outside 192.0.2.1" c1 tcp 192.0.2.2 7000
}

@test "chain: five plugins, with a host firewall that drops, and DEL without a namespace" {
  export CAP_ARGS=$asked
  host sh -c 'iptables -P FORWARD DROP; ip6tables -P FORWARD DROP'
  # What comes from outside to published ports is the administrator's to allow here, as with the Go suite.
  host sh -c 'for t in iptables ip6tables; do $t -A FORWARD -m conntrack --ctstate DNAT -j ACCEPT; done'
  add_container c1
  must chain add c1 "$(five)"
  serve c1 80
  works
  must chain check c1 "$(five)"
  NETNS='' must chain del c1 "$(five)"
  once=$(state)
  add_container c2
  must chain add c2 "$(five)"
  NETNS='' must chain del c2 "$(five)"
  assert_equal "$(state | grep -v 'netns/c2')" "$once"
}

@test "chain: bridge does it all in one process, and leaves nothing" {
  export CAP_ARGS=$asked
  before=$(state)
  add_container c1
  must chain add c1 "$(alone)"
  serve c1 80
  works
  must chain check c1 "$(alone)"
  NETNS='' must chain del c1 "$(alone)"
  remove_container c1
  # The kernel adds routes of its own when forwarding is enabled; directories stay.
  kept() { grep -v '^run/berth\|^var/lib/cni\|^anycast\|^local fe80'; }
  assert_equal "$(state | kept)" "$(kept <<<"$before")"
}

@test "chain: a failed ADD leaves nothing, whichever plugin it is" {
  add_container c0 c1
  export CAP_ARGS=$asked
  must chain add c0 "$(five)"
  before=$(state)
  # The port is taken, so that portmap fails after bridge; the runtime calls DEL then.
  run chain add c1 "$(five)"
  assert_json '.code == 100'
  CAP_ARGS='{}' must chain del c1 "$(five)"
  assert_equal "$(state)" "$before"
  run chain add c1 "$(alone)"
  assert_json '.code == 100'
  assert_equal "$(state)" "$before"
}

# of VERB [KEYS]: calls each plugin of the five as a runtime does for a network, of which c2 is all that is valid.
of() {
  local i
  for i in 0 1 2 3 4; do
    must cni "$1" none "$(jq -c '{cniVersion: "1.1.0", name, "cni.dev/valid-attachments": [{containerID: "c2", ifname: "eth0"}]}
      + .plugins['$i'] '"${2:-}" <<<"$(five)")"
  done
}

@test "defect 3: GC takes what a container that is gone had of every plugin, and no more; STATUS says what ADD would" {
  export CAP_ARGS=$asked
  add_container c1
  must chain add c1 "$(five)"
  remove_container c1
  add_container c2
  CAP_ARGS='{}' must chain add c2 "$(five)"
  serve c2 80
  traces() { host sh -c 'nft list ruleset; ip -d link; grep -rl c1 /run/berth/published /var/lib/cni/networks /run/cni/tuning; ls /run/cni/tuning' | grep 'c1'; }
  traces
  of gc
  run ! traces
  assert_answer "c2 10.1.0.1" host tcp 10.1.0.3 80
  CAP_ARGS='{}' must chain check c2 "$(five)"
  of status
  full='{type: "host-local", ranges: [[{subnet: "10.5.0.0/30", exclude: ["10.5.0.2"]}]]}'
  must_fail 50 cni status none "$(jq -c '{cniVersion: "1.1.0", name} + .plugins[0] + {ipam: '"$full"'}' <<<"$(five)")"
}
