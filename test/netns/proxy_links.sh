#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Very many downstream links of the plain MLD proxy: all are used, one stream reaches each of them once, and the end
# does not take long. In user space each link has a socket, which the kernel is slow to close: there are fewer.
# shellcheck source=test/netns/lib.sh
. "$(dirname "$0")/lib.sh"
both_dataplanes
# shellcheck source=test/netns/proxylib.sh
. "$(dirname "$0")/proxylib.sh"

A=ff1e::7:7
LINKS=1000
[ "$DATAPLANE" != user ] || LINKS=200
LAST=$((LINKS + 9))

proxy_topology 0
proxy_ns many
seq 10 $LAST | awk -v p="$P" '{ print "link add lan" $1 " netns " p "-px type veth",
	"peer name e" $1 " netns " p "-many" }' >"$TMP/add"
seq 10 $LAST | awk '{ print "link set lan" $1 " up" }' >"$TMP/up"
seq 10 $LAST | awk '{ print "link set e" $1 " up" }' >"$TMP/peer"
check "$LINKS wires" ip -batch "$TMP/add"
check "up here" ip -n "$P-px" -batch "$TMP/up"
check "and there" ip -n "$P-many" -batch "$TMP/peer"
proxy_start
links_are() { equals "$1" "$(px status .proxy.links)"; }
check "all are used" eventually 60 links_are $LINKS

cat >"$TMP/join.py" <<-END
	import socket, struct, time
	group, sockets = socket.inet_pton(socket.AF_INET6, "$A"), []
	for i in range(10, $LAST + 1):
	    if i % 10 == 0:  # a socket joins a few groups only
	        sockets.append(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
	    sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
	                           group + struct.pack("=I", socket.if_nametoindex("e%d" % i)))
	time.sleep(60)
END
ns_start many python3 "$TMP/join.py"
outputs_are() { equals "$1" "$(px groups "[.flows[] | select(.group == \"$A\") | .outputs] | add")"; }
check "all have joined" eventually 30 outputs_are $LINKS
check "upstream knows once" eventually 3 up_joined $A
heard_by_kernel() { ns many cat /proc/net/dev_snmp6/e"$1" | awk '/^Ip6InMcastPkts/ { print $2 }'; }
first=$(heard_by_kernel 10) last=$(heard_by_kernel $LAST)
# Slowly: a thousand copies fill net.core.netdev_max_backlog, and on a busy machine two packets at once would overflow it.
send src $A 7000 20 8
each_has() {
	equals "$1,$1,$LINKS" "$(px subscriptions \
		'[.link_subscriptions[].delivered.packets] | "\(min),\(max),\(length)"')"
}
check "each link was sent 20 packets" eventually 3 each_has 20
check "the first has them" at_least $((first + 20)) "$(heard_by_kernel 10)"
check "and the last" at_least $((last + 20)) "$(heard_by_kernel $LAST)"

ip -n "$P-px" link del lan10
check "one less" eventually 3 outputs_are $((LINKS - 1))
began=$(now_ms)
proxy_stop
check "it ends well" equals 0 $?
check "soon" at_most 8000 $(($(now_ms) - began))
check "and has left" eventually 5 up_not_joined $A
