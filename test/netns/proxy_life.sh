#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The plain MLD proxy as its surroundings change: links and hosts that come and go, another querier, the upstream lost,
# a reload, limits, its end. The bridge's MDB says what was asked for upstream.
# shellcheck source=test/netns/lib.sh
. "$(dirname "$0")/lib.sh"
both_dataplanes
# shellcheck source=test/netns/proxylib.sh
. "$(dirname "$0")/proxylib.sh"

A=ff1e::1:1
B=ff1e::1:2
G=ff3e::8000:1
OTHER=2001:db8:a::6

querier_is() { equals "$2" "$(px links ".links[] | select(.link == \"$1\") | .querier")"; }
links_are() { equals "$1" "$(px status .proxy.links)"; }
link_gone() { ! ip -n "$P-px" link show "$1" >/dev/null 2>&1; }
flows_of() { px groups "[.flows[] | select(.group == \"$1\")] | length"; }
# why_says PATTERN ARGS...
why_says() { ws_p=$1; shift; pxc why "$@" >"$TMP/why"; grep -q "$ws_p" "$TMP/why" || { cat "$TMP/why"; return 1; }; }
QOS=/dev/cpu_dma_latency
# By the device: the name is another where the test runs in a chroot.
holds() { find -L "/proc/$PX/fd" -maxdepth 1 -samefile $QOS 2>/dev/null | grep .; }
not_held() { ! holds; }
kernel_has() { at_most "$1" "$(od -An -td4 -N4 $QOS | tr -d ' ')"; }
latency_is() { equals "$1" "$(px status .cpu_latency)"; }
latency_error() { px status .cpu_latency_error | grep "$1"; }
# reload_with [VALUE]: this cpu-latency, or none
reload_with() {
	sed -i '/^cpu-latency:/d' "$TMP/px.yaml"
	[ $# -eq 0 ] || say "cpu-latency: $1" >>"$TMP/px.yaml"
	pxc reload
}
# In the daemon's own mount namespace, which `ip netns exec` has made, from its root: no device there, no driver.
px_mount() { nsenter -m -r -w -t "$PX" mount --bind "$@"; }
px_umount() { nsenter -m -r -w -t "$PX" umount "$1"; }
no_flows() { equals 0 "$(flows_of "$1")"; }

proxy_topology 2
ns src ip addr add $OTHER/64 dev eth0
before=$(ns px cat /proc/sys/net/ipv6/conf/all/forwarding)
proxy_start
after=$(ns px cat /proc/sys/net/ipv6/conf/all/forwarding)
check "the kernel's unicast forwarding is left alone" equals "$before" "$after"
check "no device of ours" equals "" "$(ip -n "$P-px" -br link show | grep rcdp)"

step "a source that is excluded"
listen x1 h1 6101 25 $A "" --block $OTHER --want 20
check "joined" eventually 2 up_joined $A
check "the excluded source not" eventually 1 up_not_joined $A $OTHER
send src $A 6101 20 1000 --src $OTHER --first 100
send src $A 6101 20 1000 --src $PROXY_SRC
check "only the other source is heard" equals "20 0 0" "$(heard x1)"
check "left" eventually 4 up_not_joined $A

step "a link that comes, and goes with its memberships"
add_host 3
check "the new link is used" eventually 5 links_are 3
listen n3 h3 6102 30 $A ""
listen n1 h1 6102 60 $B ""
n1=$LISTENER
check "its join is carried" eventually 2 up_joined $A
check "and the other's" eventually 2 up_joined $B
check "why: it waits for the stream" why_says "pending.*stream" lan3 $A
send src $A 6102 5
check "why: service" eventually 1 why_says "service: yes" lan3 $A
ip -n "$P-px" link del lan3
check "withdrawn with the link" eventually 2 up_not_joined $A
check "the other group stays" up_joined $B
check "no list is left" eventually 1 no_flows $A
check "two links are used" links_are 2

step "another querier below: RFC 4605 forwards only where we are it"
proxy_ns h4
wire px lan4 h4 port
ns h4 ip link add br0 type bridge mcast_snooping 1 mcast_mld_version 2
ns h4 sysctl -qw net.ipv6.conf.br0.addr_gen_mode=1
ns h4 ip link set dev port master br0
ns h4 ip link set dev br0 type bridge mcast_querier 1 mcast_startup_query_interval 50
ns h4 ip link set br0 up
ns h4 ip addr add fe80::1/64 dev br0
check "the link is used" eventually 5 links_are 3
check "the bridge there becomes its querier" eventually 5 querier_is lan4 false
check "which is told, with its address" sh -c "'$ROAMCAST' -s '$TMP/px.sock' show events | grep -q 'querier-changed link=lan4 peer=fe80::1 detail=\"another router, MLDv2\"'"
check "and shown" equals fe80::1 "$(px links '.links[] | select(.link == "lan4") | .querier_address')"
ns h4 ip link set dev br0 type bridge mcast_mld_version 1
old_query() {
	ns h4 ip link set dev br0 type bridge mcast_querier 0 # anew it asks at once
	ns h4 ip link set dev br0 type bridge mcast_querier 1
	pxc show events | grep -q 'mld-warning link=lan4 peer=fe80::1 detail="an MLDv1 query'
}
check "a querier of MLDv1 is warned of" eventually 8 old_query
check "in the log too" grep -q 'mld-warning link=lan4 peer=fe80::1' "$TMP/px.log"
ns h4 ip link set dev br0 type bridge mcast_mld_version 2
cat >"$TMP/join.py" <<-END
	import socket, struct, time
	s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	s.setsockopt(41, socket.IPV6_JOIN_GROUP, socket.inet_pton(10, "$A") + struct.pack("=I", socket.if_nametoindex("br0")))
	time.sleep(30)
END
ns_start h4 python3 "$TMP/join.py"
check "what is asked for there is asked for upstream" eventually 3 up_joined $A
check "but not forwarded" equals 0 "$(px groups "[.flows[] | select(.group == \"$A\") | .outputs] | add")"
check "why says so" why_says "FAILED.*querier" lan4 $A
sed -i 's/  downstream:/  forward-always: yes\n  downstream:/' "$TMP/px.yaml"
kill -HUP "$PX"
forwarded() { equals 1 "$(px groups "[.flows[] | select(.group == \"$A\") | .outputs] | add")"; }
check "forward-always: forwarded after a reload" eventually 3 forwarded
helper_stop "$HELPER"

step "a link that flaps"
listen f1 h2 6106 25 $G $PROXY_SRC --want 20
check "joined" eventually 2 up_joined $G $PROXY_SRC
ip -n "$P-px" link set lan2 down
check "withdrawn" eventually 3 up_not_joined $G $PROXY_SRC
ip -n "$P-px" link set lan2 up
check "its listener is found again, source and all" eventually 5 up_joined $G $PROXY_SRC
send src $G 6106 20 1000 --src $PROXY_SRC
check "and has the stream" equals "20 0 0" "$(heard f1)"
check "left" eventually 4 up_not_joined $G $PROXY_SRC
ns px ip addr add 2001:db8:2::1/64 dev lan2

step "the upstream is lost and comes back"
listen u1 h1 6103 25 $G $PROXY_SRC --want 20
check "joined" eventually 2 up_joined $G $PROXY_SRC
ip -n "$P-rtr" link set ppx down
upstream_is() { equals "$1" "$(px status .proxy.upstream_state)"; }
check "it is seen" eventually 3 upstream_is down
check "and told by why" why_says "FAILED.*upstream" $G
listen u2 h2 6104 25 $G $PROXY_SRC --want 10
send h1 $G 6104 10 500 --src $PROXY_SRC
check "from link to link streams still pass" equals "10 0 0" "$(heard u2)"
ip -n "$P-rtr" link set ppx up
check "it is back" eventually 3 upstream_is up
check "all is asked for again" eventually 3 up_joined $G $PROXY_SRC
send src $G 6103 20 1000 --src $PROXY_SRC
check "and the stream comes" equals "20 0 0" "$(heard u1)"

step "the end"
check "of the kernel's idle processors nothing was requested" latency_is none
check "and nothing held" not_held
check "still asked for" up_joined $B
proxy_stop
check "SIGTERM: ends well" equals 0 $?
check "and has left" eventually 3 up_not_joined $B
check "no filter is left behind" equals "" "$(ns px tc filter show dev lan1 ingress 2>/dev/null)"

helper_stop "$n1"

step "limits"
echo "stream: {idle: 1s}" >>"$TMP/more"
[ ! -e $QOS ] || echo "cpu-latency: 900us" >>"$TMP/more"
proxy_start "limits: {groups: 1}"
listen l1 h1 6105 20 $A ""
check "one group finds room" eventually 3 up_joined $A
listen l2 h2 6105 20 $G $PROXY_SRC
refused() { at_least 1 "$(px_counter replication-limit)"; }
check "a second one does not" eventually 3 refused
at_limit="limit link=lan2 group=$G detail=proxy.limits.groups"
check "which is told, with the link" sh -c "'$ROAMCAST' -s '$TMP/px.sock' show events | grep -q '$at_limit'"
check "and logged" grep -q "$at_limit" "$TMP/px.log"
check "and shown" equals lan2 "$(px status '.limits[] | select(.limit == "proxy.limits.groups") | .link')"
check "and seen" equals "no room" "$(px subscriptions ".link_subscriptions[] | select(.group == \"$G\") | .state")"
check "and why says what to do" why_says "proxy.limits" lan2 $G
send src $A 6105 5
silent() { pxc show events | grep -q "source-silent.*$A"; }
check "a stream that has ended is told" eventually 4 silent

step "what the kernel may take to wake an idle processor"
if [ -e $QOS ]; then
	check "requested since the start" latency_is 900us
	held=$(holds)
	check "held open" test -n "$held"
	check "the kernel has it" kernel_has 900
	check "reload with another value" reload_with 700us
	check "on the same descriptor" equals "$held" "$(holds)"
	check "the kernel has that" kernel_has 700
	check "and status" latency_is 700us
	driver=/sys/devices/system/cpu/cpuidle/current_driver
	say none >"$TMP/driver"
	if [ -e $driver ] && px_mount "$TMP/driver" $driver; then
		check "where the kernel has no driver for idle processors" reload_with 700us
		check "it is told" latency_error cpuidle_haltpoll
		px_umount $driver
	fi
	check "reload without" reload_with
	check "nothing is requested" latency_is none
	check "and nothing held" not_held
	px_mount "$TMP/px.sock" $QOS # a socket: it cannot be opened
fi
check "where there is no device the daemon goes on" reload_with 700us
check "without a request" latency_is none
check "which is told" latency_error "$QOS cannot be opened"
check "and logged" grep -q "cpu-latency: $QOS" "$TMP/px.log"
