#!/bin/sh
# Attaches the sample networks of conf/ to a namespace, checks and detaches it, through recording stand-ins for the plugins'
# executables (build/record.ts). In test/sandbox, from build/codecache.ts.
#
# usage: build/record.sh DIRECTORY NAME... -- NODE FLAG... record.cjs BUNDLES     writes DIRECTORY/NAME
set -u
cd "$(dirname "$0")/.."
directory=$1
shift
names=
while [ "$1" != -- ]; do names="$names $1" && shift; done
shift

# Hard links, as in a plugin directory: a delegate that is the same file is called in process.
stubs=$(mktemp -d)
printf '#!/bin/sh\nexec %s %s "$0" "$@"\n' "$*" "$directory" >"$stubs/stub"
chmod +x "$stubs/stub"
for name in $names; do
  ln "$stubs/stub" "$stubs/$name"
  CNI_COMMAND=VERSION "$stubs/$name" --version >/dev/null 2>&1 </dev/null
done

# A link to the outside, for networks that need one.
ip link add eth0 type veth peer name outside
ip link set eth0 up && ip link set outside up
ip address add 192.0.2.1/24 dev eth0 && ip route add default via 192.0.2.2
# One to be lent.
ip link add eth1 type veth peer name outside1

# The chain that runtimes write by themselves.
samples=$(mktemp -d)
cp conf/*.conflist "$samples"
jq '.name = "chain" | .plugins += [
  {type: "portmap", capabilities: {portMappings: true}}, {type: "firewall"},
  {type: "bandwidth", capabilities: {bandwidth: true}}, {type: "tuning", capabilities: {mac: true}}
]' conf/10-bridge.conflist >"$samples/chain.conflist"

export CNI_PATH=$stubs NETCONFPATH=$samples
export CAP_ARGS='{"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}],
  "bandwidth": {"ingressRate": 1000000, "ingressBurst": 1000000, "egressRate": 1000000, "egressBurst": 1000000}}'
for list in "$samples"/*.conflist; do
  network=$(jq -r .name "$list")
  ip netns add "$network"
  # What this machine's kernel cannot do is not recorded.
  for verb in add check del; do "$stubs/cnitool" "$verb" "$network" "/run/netns/$network"; done
done

# IPAM plugins are called in process by ours, and by themselves under other suites' plugins.
for list in conf/10-bridge.conflist conf/76-static.conflist; do
  config=$(jq -c '{name, cniVersion, type: .plugins[0].type, ipam: .plugins[0].ipam}' "$list")
  for verb in ADD CHECK DEL; do
    echo "$config" | CNI_COMMAND=$verb CNI_CONTAINERID=record CNI_NETNS=/run/netns/chain CNI_IFNAME=eth0 \
      "$stubs/$(echo "$config" | jq -r .ipam.type)"
  done
done
