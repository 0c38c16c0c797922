#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The plain MLD proxy among neighbours that are not ours: this kernel's listeners whose link comes and goes, the kernel's
# bridge as querier above and as snooping switch below, ffmpeg and iperf 2 as receivers.
#
#	                       / lan1 --- eth0 h1
#	src -- [ rtr ] -- px -<             / s3 --- eth0 h3
#	                       \ lan2 --- [ sw: br0, snooping, no querier ]
#	                                    \ s4 --- eth0 h4
# shellcheck source=test/netns/lib.sh
. "$(dirname "$0")/lib.sh"
both_dataplanes
# shellcheck source=test/netns/proxylib.sh
. "$(dirname "$0")/proxylib.sh"

A=ff1e::1:1
G=ff3e::8000:1

# The switch and its hosts take the place of the second host.
add_switch() {
	proxy_ns sw h3 h4
	wire px lan2 sw uplink
	ns px ip addr add 2001:db8:2::1/64 dev lan2
	ns sw ip link add br0 type bridge mcast_snooping 1 mcast_mld_version 2 mcast_querier 0
	for n in 3 4; do
		wire "h$n" eth0 sw "s$n"
		ns "h$n" ip addr add "2001:db8:2::$n/64" dev eth0
		ns sw ip link set "s$n" master br0
	done
	ns sw ip link set uplink master br0
	ns sw sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
	ns sw ip link set br0 up
}

# What the switch has learned, and how many packets for the group a host's link has seen.
switch_knows() { bridge -n "$P-sw" mdb show | grep -q "port $1 grp $2 "; }
switch_knows_not() { ! switch_knows "$@"; }
switch_has_router() { bridge -n "$P-sw" -d mdb show | grep -q "router ports on br0:.*uplink"; }
count_frames() {
	ns "$1" nft -f - <<-END || fail "nft at $1"
		table netdev seen {
			chain in {
				type filter hook ingress device "eth0" priority 0;
				ip6 daddr $2 counter
			}
		}
	END
}
frames() { ns "$1" nft -j list table netdev seen | jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add'; }

proxy_topology 1
add_switch
# The upstream querier asks every second, and forgets who does not answer within five.
ns rtr ip link set br0 type bridge mcast_query_interval 100 mcast_membership_interval 500
proxy_start
check "both links are used" eventually 5 equals 2 "$(px status .proxy.links)"

step "the bridge as querier: what is answered stays"
listen long h1 6101 30 $A "" --want 20
listen longs h1 6102 30 $G $PROXY_SRC --want 20
check "any source: joined upstream" eventually 2 up_joined $A
check "one source: likewise" eventually 2 up_joined $G $PROXY_SRC
sleep 7
check "still, when it would have forgotten" up_joined $A
check "of the source too" up_joined $G $PROXY_SRC
check "queries were heard" at_least 4 "$(px_counter upstream-mld-up-queries-heard)"

step "the listener's link comes and goes"
ns h1 sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1
ns h1 ip link set eth0 down
check "carrier lost: left upstream" eventually 2 up_not_joined $A
check "the source too" up_not_joined $G $PROXY_SRC
ns h1 ip link set eth0 up
check "carrier back: joined again" eventually 4 up_joined $A
check "the source too" eventually 4 up_joined $G $PROXY_SRC
ns px ip link set lan1 down
check "our side down: left upstream" eventually 2 up_not_joined $A
ns px ip link set lan1 up
check "and back" eventually 4 up_joined $A
check "the source too" eventually 4 up_joined $G $PROXY_SRC
send src $A 6101 20
send src $G 6102 20 1000 --src $PROXY_SRC
check "any source arrives" equals "20 0 0" "$(heard long)"
check "the source arrives" equals "20 0 0" "$(heard longs)"

step "the bridge as snooper below"
check "it takes us for the router" eventually 5 switch_has_router
count_frames h4 $A
listen sn h3 6103 20 $A "" --want 20
check "it has learned the listener" eventually 2 switch_knows s3 $A
check "and we have heard of it" eventually 2 up_joined $A
send src $A 6103 20
check "the listener has the stream" equals "20 0 0" "$(heard sn)"
check "its neighbour has not" equals 0 "$(frames h4)"
listen m3 h3 6104 20 $A "" --want 40
listen m4 h4 6104 6 $A "" --want 10
check "two listeners behind one link" eventually 2 switch_knows s4 $A
send src $A 6104 10
check "the second had it, and leaves" equals "10 0 0" "$(heard m4)"
check "the switch drops it when we have asked" eventually 6 switch_knows_not s4 $A
sleep 1
check "the other stays joined" up_joined $A
send src $A 6104 30 1000 --first 10
check "and misses nothing" equals "40 0 0" "$(heard m3)"
check "the last one left: so do we" eventually 5 up_not_joined $A

# The receiver's own count of lost and of all, in its last line; all but the last datagram, which tells of the end.
iperf_has_all() {
	lost_total=$(sed -n 's|.* ms \([0-9]*\)/ *\([0-9]*\) .*|\1 \2|p' "$TMP/iperf" | tail -n 1)
	if [ "${lost_total% *}" != 0 ] || [ "${lost_total#* }" -lt $(($1 - 2)) ]; then
		cat "$TMP/iperf"
		return 1
	fi
}
if command -v iperf >/dev/null; then
	ns h1 ip -6 route add default via 2001:db8:1::1 # it wants a way back to the sender, and does not use it
	for group in ff1e::5:5 $G; do
		step "iperf 2: $group"
		source='*' option=
		[ "$group" = $G ] && source=$PROXY_SRC option="-H $PROXY_SRC"
		# shellcheck disable=SC2086 # of two words
		ns_start h1 iperf -s -u -V -B "$group%eth0" $option -i 1 -t 20 >"$TMP/iperf" 2>&1
		check "joined upstream" eventually 4 up_joined "$group" "$source"
		ns src iperf -u -V -b 4M -l 1000 -t 2 --ttl 8 -c "$group" -B "$PROXY_SRC" >"$TMP/sent" 2>&1
		sent=$(sed -n 's/.*Sent \([0-9]*\) datagrams.*/\1/p' "$TMP/sent")
		check "it counts what was sent" eventually 6 iperf_has_all "${sent:-none}"
		helper_stop "$HELPER"
		check "and leaves" eventually 5 up_not_joined "$group" "$source"
	done
fi

if command -v ffmpeg >/dev/null; then
	step "ffmpeg"
	V=ff1e::6:6
	ns_start h1 ffmpeg -nostdin -v error -stats -i "udp://[$V]:5004?timeout=15000000" -frames:v 40 -f null - \
		>"$TMP/ffmpeg" 2>&1
	player=$HELPER
	check "joined upstream" eventually 5 up_joined $V
	ns_start src ffmpeg -nostdin -v error -re -f lavfi -i testsrc=size=320x240:rate=25 -t 20 -c:v mpeg2video -g 5 -f mpegts \
		"udp://[$V]:5004?ttl=8&pkt_size=1316"
	sender=$HELPER
	check "ffmpeg shows the picture" eventually 20 grep -q 'frame= *40 ' "$TMP/ffmpeg"
	helper_stop "$sender"
	helper_stop "$player"
	check "and leaves" eventually 5 up_not_joined $V
fi
