# The calls that kubelet makes, answered by containerd's CRI plugin: the pod network from its conf_dir, and the loopback
# plugin for each pod.
load runtime

setup_file() {
  export conf_dir=$BATS_FILE_TMPDIR/net.d
  configure_containerd "$conf_dir"
  # containerd 1.6 speaks versions up to 1.0.0. Port mappings come only to a plugin that declares them.
  local portmap=''
  if has_plugin portmap; then portmap=', { "type": "portmap", "capabilities": { "portMappings": true } }'; fi
  cat >"$conf_dir/10-pods.conflist" <<EOF
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{
    "type": "bridge", "bridge": "pods0", "isDefaultGateway": true, "hairpinMode": true,
    "ipam": {
      "type": "host-local",
      "ranges": [[{ "subnet": "10.64.0.0/24" }], [{ "subnet": "fd00:64::/64" }]]
    }
  }$portmap]
}
EOF
  start_containerd
  ctr --namespace k8s.io image import --snapshotter native "$BATS_SUITE_TMPDIR/image.tar"
  retry 50 network_is_ready
}

teardown_file() {
  stop_containerd
}

setup() {
  remember_traces
}

teardown() {
  remove_pods
}

remove_pods() {
  local pod
  for pod in $(cri ListPodSandbox | jq -r '.items[].id'); do remove_pod "$pod"; done
}

cri() {
  NODE_COMPILE_CACHE=$BATS_SUITE_TMPDIR/node-cache node --no-warnings "$BATS_TEST_DIRNAME/cri.ts" "$@"
}

network_is_ready() {
  cri Status | jq -e '.status.conditions[] | select(.type == "NetworkReady").status'
}

# containerd reads a changed configuration in its own time.
network_names_plugin() {
  cri Status '{ "verbose": true }' | jq -e --arg type "$1" '
    .info.cniconfig | fromjson | any(.Networks[].Config.Plugins[]; .Network.type == $type)' >/dev/null
}

# pod_config NAME [PORT_MAPPINGS]
pod_config() {
  jq -n --arg name "$1" --arg cgroup "$BERTH_CGROUP" --argjson ports "${2:-[]}" '{
    metadata: { name: $name, uid: "\($name)-uid", namespace: "default" },
    hostname: $name,
    dns_config: { servers: ["127.0.0.1"] },
    port_mappings: $ports,
    linux: { cgroup_parent: $cgroup }
  }'
}

# run_pod NAME [PORT_MAPPINGS]: prints the sandbox's ID.
run_pod() {
  cri RunPodSandbox "{\"config\": $(pod_config "$@")}" | jq -r .pod_sandbox_id
}

stop_pod() {
  cri StopPodSandbox "{\"pod_sandbox_id\": \"$1\"}"
}

remove_pod() {
  stop_pod "$1"
  cri RemovePodSandbox "{\"pod_sandbox_id\": \"$1\"}"
}

pod_status() {
  cri PodSandboxStatus "{\"pod_sandbox_id\": \"$1\", \"verbose\": true}"
}

# Both addresses, IPv4 first.
pod_ips() {
  pod_status "$1" | jq -r '.status.network | .ip, .additional_ips[].ip'
}

pod_netns() {
  pod_status "$1" | jq -r '.info.info | fromjson.runtimeSpec.linux.namespaces[] | select(.type == "network").path'
}

# run_container POD NAME COMMAND...: prints the container's ID.
run_container() {
  local request
  request=$(jq -n --arg pod "$1" --arg name "$2" --arg image "$IMAGE" --argjson sandbox "$(pod_config "$2")" '{
    pod_sandbox_id: $pod,
    sandbox_config: $sandbox,
    config: { metadata: { name: $name }, image: { image: $image }, command: $ARGS.positional }
  }' --args -- "${@:3}")
  local container
  container=$(cri CreateContainer "$request")
  cri StartContainer "$container" >&2
  jq -r .container_id <<<"$container"
}

# inside CONTAINER COMMAND...: prints its output; fails as the command does.
inside() {
  local answer
  answer=$(cri ExecSync "$(jq -n --arg id "$1" '{ container_id: $id, timeout: 10, cmd: $ARGS.positional }' --args -- "${@:2}")")
  jq -r '.stdout, .stderr' <<<"$answer"
  return "$(jq .exit_code <<<"$answer")"
}

@test "cri: containerd answers as a runtime whose network is ready" {
  [ "$(cri Version | jq -r .runtime_name)" = containerd ]
  network_is_ready
}

@test "cri: a pod has lo up and an address of each family, and leaves no trace" {
  local pod v4 v6
  pod=$(run_pod plain)
  { read -r v4; read -r v6; } < <(pod_ips "$pod")
  [[ $v4 == 10.64.0.* ]]
  [[ $v6 == fd00:64::* ]]
  local netns
  netns=$(pod_netns "$pod")
  nsenter --net="$netns" ip -br address show >"$BATS_TEST_TMPDIR/addresses"
  grep -E "^lo +UNKNOWN +127.0.0.1/8 ::1/128" "$BATS_TEST_TMPDIR/addresses"
  grep -E "^eth0@.* UP .*$v4/24 .*$v6/64" "$BATS_TEST_TMPDIR/addresses"
  nsenter --net="$netns" ip route | grep 'default via 10.64.0.1 dev eth0'
  nsenter --net="$netns" ip -6 route | grep 'default via fd00:64::1 dev eth0'

  remove_pod "$pod"
  assert_no_new_traces
}

@test "cri: a pod reaches another pod and the node over IPv4 and IPv6" {
  local left right container
  left=$(run_pod left)
  right=$(run_pod right)
  container=$(run_container "$left" left sleep 1000)
  local ping_all='for address; do ping -c 1 -W 2 "$address" || exit; done'
  # shellcheck disable=SC2046 # one word per address
  inside "$container" sh -c "$ping_all" ping_all 127.0.0.1 ::1 10.64.0.1 fd00:64::1 \
    $(pod_ips "$left") $(pod_ips "$right")
  # shellcheck disable=SC2046
  sh -c "$ping_all" ping_all $(pod_ips "$right")

  remove_pod "$left"
  remove_pod "$right"
  assert_no_new_traces
}

@test "cri: stopping and removing a pod again does no harm" {
  local pod
  pod=$(run_pod again)
  stop_pod "$pod"
  assert_no_new_traces
  stop_pod "$pod"
  remove_pod "$pod"
  cri RemovePodSandbox "{\"pod_sandbox_id\": \"$pod\"}"
  assert_no_new_traces
}

@test "cri: a pod whose network namespace has vanished is removed" {
  local pod netns
  pod=$(run_pod vanished)
  netns=$(pod_netns "$pod")
  umount "$netns"
  rm "$netns"
  remove_pod "$pod"
  assert_no_new_traces
}

@test "cri: pods outlive a restart of containerd and are removed after it" {
  local pod before container
  pod=$(run_pod survivor)
  container=$(run_container "$pod" survivor sleep 1000)
  before=$(pod_ips "$pod")
  stop_containerd
  start_containerd
  retry 50 network_is_ready
  [ "$(pod_ips "$pod")" = "$before" ]
  [ "$(pod_status "$pod" | jq -r .status.state)" = SANDBOX_READY ]
  inside "$container" ping -c 1 -W 2 10.64.0.1

  remove_pod "$pod"
  assert_no_new_traces
}

@test "cri: a pod whose network failed half-way leaves no trace once its configuration is right again" {
  local list=$conf_dir/10-pods.conflist
  cp "$list" "$BATS_TEST_TMPDIR/good.conflist"
  # The last plugin does not exist: the bridge has done its work when ADD fails, and DEL stops before it reaches it.
  jq '.plugins += [{ type: "no-such-plugin" }]' "$BATS_TEST_TMPDIR/good.conflist" >"$list"
  retry 50 network_names_plugin no-such-plugin
  run cri RunPodSandbox "{\"config\": $(pod_config failing)}"
  cp "$BATS_TEST_TMPDIR/good.conflist" "$list"
  while network_names_plugin no-such-plugin; do sleep 0.1; done
  [ "$status" -eq 1 ]
  [[ $output == *no-such-plugin* ]]

  remove_pods
  assert_no_new_traces
}

@test "cri: where an agent runs, it answers for all plugins of a pod" {
  require_plugin berth-agent
  local agent worker tracer pod container
  "$BERTH_BIN/berth-agent" --workers 1 2>"$BATS_TEST_TMPDIR/agent.log" 3>&- &
  agent=$!
  retry 50 test -S /run/berth/agent.sock
  worker=$(tr -d ' ' <"/proc/$agent/task/$agent/children")
  # What a worker takes of each process that it answers for: its standard streams.
  strace -f -e trace=pidfd_getfd -o "$BATS_TEST_TMPDIR/taken" -p "$worker" 3>&- &
  tracer=$!
  retry 50 grep -q '^TracerPid:\s*[1-9]' "/proc/$worker/status"
  pod=$(run_pod answered '[{ "protocol": "TCP", "container_port": 80, "host_port": 8065 }]')
  container=$(run_container "$pod" web httpd -f -p 80 -h /www)
  [ "$(retry 20 fetch "http://10.64.0.1:8065/")" = "page of $IMAGE" ]
  remove_pod "$pod"
  assert_no_new_traces

  kill "$agent"
  wait "$agent"
  wait "$tracer" || true
  # ADD and DEL of loopback, bridge and portmap.
  [ "$(grep -c 'pidfd_getfd(.*) *= [0-9]' "$BATS_TEST_TMPDIR/taken")" -ge 18 ]
  [ ! -s "$BATS_TEST_TMPDIR/agent.log" ]
}

@test "cri: a host port leads to its pod over IPv4 and IPv6, and no more after it" {
  require_plugin portmap
  local pod container host
  pod=$(run_pod web '[{ "protocol": "TCP", "container_port": 80, "host_port": 8064 }]')
  container=$(run_container "$pod" web httpd -f -p 80 -h /www)
  for host in 127.0.0.1 10.64.0.1 '[fd00:64::1]'; do
    [ "$(retry 20 fetch "http://$host:8064/")" = "page of $IMAGE" ]
  done
  # A pod reaches itself by the node's port too (hairpin).
  inside "$container" fetch 10.64.0.1 8064 | grep "page of $IMAGE"

  remove_pod "$pod"
  ! fetch http://10.64.0.1:8064/
  assert_no_new_traces
}
