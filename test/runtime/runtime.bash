# What the tests of all runtimes share: an image, a containerd, and a look at what is left behind.

# bats takes no notice of the environment's; test/run.ts allows one.
BATS_TEST_RETRIES=${TEST_RETRIES:-0}

IMAGE=localhost/berth-test:latest

podman() {
  command podman --root "$BATS_SUITE_TMPDIR/podman" --runroot "$BATS_SUITE_TMPDIR/podman-run" --storage-driver vfs "$@"
}

# busybox alone, with a page to serve: enough to ping, listen and fetch.
make_image() {
  local rootfs=$BATS_SUITE_TMPDIR/rootfs
  mkdir -p "$rootfs/bin" "$rootfs/tmp" "$rootfs/www"
  cp "$(command -v busybox)" "$rootfs/bin/busybox"
  local applet
  for applet in sh true sleep ping ip httpd nc; do ln -s busybox "$rootfs/bin/$applet"; done
  echo "page of $IMAGE" >"$rootfs/www/index.html"
  # busybox's wget asks for the port of "http", which ends the static one: its C library cannot look up services.
  printf '#!/bin/sh\nprintf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 "$1" "$2"\n' >"$rootfs/bin/fetch"
  chmod +x "$rootfs/bin/fetch"
  tar -C "$rootfs" -cf "$rootfs.tar" .
  podman import --quiet --change 'CMD ["/bin/sleep","1000000"]' "$rootfs.tar" "$IMAGE"
  podman save --quiet --format oci-archive --output "$BATS_SUITE_TMPDIR/image.tar" "$IMAGE"
}

# containerd with its CRI plugin, as a node has it. $1: directory of the network configurations.
# A machine without CAP_SYS_RESOURCE cannot lower oom_score_adj; overlayfs is not wanted for one small image.
configure_containerd() {
  mkdir -p "$1"
  cat >"$BATS_FILE_TMPDIR/containerd.toml" <<EOF
version = 2
root = "$BATS_FILE_TMPDIR/containerd"
state = "/run/containerd"
[plugins."io.containerd.internal.v1.opt"]
  path = "$BATS_FILE_TMPDIR/opt"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "$IMAGE"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "$(command -v runc)"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$BERTH_BIN"
    conf_dir = "$1"
EOF
}

start_containerd() {
  containerd --config "$BATS_FILE_TMPDIR/containerd.toml" >>"$BATS_FILE_TMPDIR/containerd.log" 2>&1 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/containerd.pid"
  retry 100 ctr version >/dev/null
}

# Stops the daemon alone: containers live on below their shims.
stop_containerd() {
  local pid
  pid=$(<"$BATS_FILE_TMPDIR/containerd.pid")
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}

# retry TIMES COMMAND...: until it succeeds, ten times a second; prints what the last try printed.
retry() {
  local times=$1 output
  shift
  until output=$("$@" 2>&1); do
    if ((--times == 0)); then
      echo "$output" >&2
      return 1
    fi
    sleep 0.1
  done
  echo "$output"
}

# All that an attachment makes on the host, a line each. A bridge may stay: the next container needs it.
list_traces() {
  ip -details -json link | jq -r '.[] | select(.linkinfo.info_kind != "bridge") | "link \(.ifname)"'
  ip -json route show table all | jq -r '.[] | select(.protocol != "kernel") | "route \(.dst) \(.dev)"'
  ip -json -6 route show table all | jq -r '.[] | select(.protocol != "kernel") | "route \(.dst) \(.dev)"'
  find /var/lib/cni -type f ! -name lock ! -name 'last_reserved_ip.*'
  find /run/netns -mindepth 1
}

# What an earlier test left would look like this one's fault.
remember_traces() {
  list_traces >"$BATS_TEST_TMPDIR/traces"
}

# The kernel takes the links of an ended namespace down in its own time.
assert_no_new_traces() {
  retry 20 compare_traces
}

compare_traces() {
  diff "$BATS_TEST_TMPDIR/traces" <(list_traces)
}

# has_plugin NAME: whether it is among those under test.
has_plugin() {
  [ -x "$BERTH_BIN/$1" ]
}

require_plugin() {
  has_plugin "$1" || skip "$BERTH_BIN has no $1 yet"
}

fetch() {
  curl --silent --show-error --fail --max-time 2 "$1"
}
