#!/bin/sh
# Shows Berth at work: installs it, attaches two network namespaces through conf/'s bridge network, lets them ping each
# other, and removes everything again. All in a sandbox: the machine itself is left as it is.
set -eu
cd "$(dirname "$0")/.."
[ "${1-}" = --inside ] || exec test/sandbox build/demo.sh --inside

say() { printf '\n# %s\n' "$*"; }
do_() {
  echo "\$ $*"
  "$@"
}

# The sandbox has no network of its own, and an empty /opt/cni/bin, /etc/cni and /var/lib/cni.
export CNI_PATH=/opt/cni/bin
PATH=$CNI_PATH:$PATH
before=$(ip -brief link)

say "Install"
do_ build/install.sh
do_ mkdir -p /etc/cni/net.d
do_ cp conf/10-bridge.conflist /etc/cni/net.d/

say "Two containers"
do_ ip netns add red
do_ ip netns add blue
do_ cnitool add bridge /run/netns/red && echo
do_ cnitool add bridge /run/netns/blue && echo

say "They reach each other"
addresses=$(ip -n red -json address show dev eth0 scope global | jq -r '.[].addr_info[].local // empty')
[ "$(echo "$addresses" | wc -l)" -eq 2 ] || { echo "red has not an address of each family: $addresses" >&2 && exit 1; }
for address in $addresses; do
  do_ ip netns exec blue ping -c 2 -i 0.2 -W 2 "$address"
done

say "Remove everything"
do_ cnitool del bridge /run/netns/red
do_ cnitool del bridge /run/netns/blue
do_ ip netns delete red
do_ ip netns delete blue
do_ cnitool gc bridge
do_ build/install.sh --uninstall
do_ ip -brief link
[ "$(ip -brief link)" = "$before" ]
reserved=$(find /var/lib/cni/networks -name '[0-9a-f]*[.:]*')
[ -z "$reserved" ]
say "Nothing is left"
