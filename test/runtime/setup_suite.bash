setup_suite() {
  : "${BERTH_CGROUP:?start the tests by test/runtime/run, which keeps them away from this machine}"
  if [ ! -x "$BERTH_BIN/bridge" ]; then
    echo "no plugins in $BERTH_BIN: npm run build" >&2
    return 1
  fi
  load runtime

  # ctr has its plugin directory built in: /opt/cni/bin, and /usr/lib/cni as Debian builds it.
  mkdir -p /run/go-cni /opt/cni/bin /etc/cni/net.d
  mount --bind "$GO_BIN" /run/go-cni
  mount --bind "$BERTH_BIN" /opt/cni/bin
  if [ -d /usr/lib/cni ]; then mount --bind "$BERTH_BIN" /usr/lib/cni; fi
  export GO_BIN=/run/go-cni BERTH_BIN=/opt/cni/bin

  # The sandbox has no resolver, and the machine's resolv.conf may point into the hidden /run.
  rm -f /etc/resolv.conf
  echo "nameserver 127.0.0.1" >/etc/resolv.conf

  export CONTAINERS_CONF=$BATS_SUITE_TMPDIR/containers.conf
  cat >"$CONTAINERS_CONF" <<EOF
[containers]
cgroupns = "host"
default_ulimits = ["nofile=1024:4096", "nproc=1024:1024"]
[network]
network_backend = "cni"
network_config_dir = "$BATS_SUITE_TMPDIR/podman-net.d"
cni_plugin_dirs = ["$BERTH_BIN", "$GO_BIN"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
EOF
  make_image
}
