#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A node keeps its default route through handovers, also when it resolves its gateway's address meanwhile: the gateway's Neighbour
# Advertisements must say that it is a router (RFC 4861 7.2.5), or the node takes the route away.
. "$(dirname "$0")/lib.sh"

has_default_route() { ns mn1 ip -6 route show default | grep -q "via fe80::200:5eff:fe00:5213"; }
resolve_gateway() {
	ns mn1 ip -6 neigh flush dev eth0
	ns mn1 ping -q -c 1 -W 1 fe80::200:5eff:fe00:5213%eth0 >/dev/null
}

lab_up --mags 2 --mns 1
attach mn1 mag1
check "mn1 has a default route" eventually 5 has_default_route
for mag in mag2 mag1 mag2; do
	move mn1 "$mag"
	check "mn1 has a default route at $mag" eventually 5 has_default_route
	check "mn1 resolves the address of $mag" eventually 5 resolve_gateway
	check "and keeps its default route" throughout 2 has_default_route
done
