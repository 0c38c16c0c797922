#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The plain MLD proxy with this kernel's listeners below and its bridge above: joins, leaves, sources, several links,
# senders below. The bridge's MDB says what was asked for upstream.
# shellcheck source=test/netns/lib.sh
. "$(dirname "$0")/lib.sh"
both_dataplanes
# shellcheck source=test/netns/proxylib.sh
. "$(dirname "$0")/proxylib.sh"

A=ff1e::1:1
G=ff3e::8000:1
OTHER=2001:db8:a::6

proxy_topology 3
ns src ip addr add $OTHER/64 dev eth0
proxy_start
check "three links are used" equals 3 "$(px status .proxy.links)"
check "the kernel joined nothing for it" equals "" "$(ns px ip -6 maddress show dev up0 | grep -i 'ff[13]e')"
if [ -n "$DATAPLANE" ]; then
	check "the data plane is the one asked for" equals "$DATAPLANE" "$(px status .dataplane.backend)"
fi

step "a join, and the very next packet"
send src $A 6001 20 # nobody listens: nothing may be remembered of it
listen a1 h1 6001 20 $A "" --want 50
check "joined upstream" eventually 1 up_joined $A
send src $A 6001 50
check "all packets, once, in order" equals "50 0 0" "$(heard a1)"
check "less one hop" equals 63 "$(heard_hops a1)"
check "the last leave is passed on" eventually 4 up_not_joined $A

step "a source of its own for each listener"
listen g1 h1 6002 20 $G $PROXY_SRC --want 30
listen g2 h2 6002 6 $G $OTHER --want 30
check "the first source is asked for" eventually 1 up_joined $G $PROXY_SRC
check "the second too" eventually 1 up_joined $G $OTHER
check "any other is not" up_not_joined $G
check "the lists know both" equals 2 "$(px groups '[.flows[] | select(.group == "'$G'")] | length')"
send src $G 6002 30 1000 --src $PROXY_SRC
check "it has the one source" equals "30 0 0" "$(heard g1)"
check "and the other host, of the other source, nothing" equals "0 30 0" "$(heard g2)"
check "both have left" eventually 4 up_not_joined $G $PROXY_SRC

step "an any-source listener beside one of a source"
listen b1 h1 6003 20 $A "" --want 40
listen b2 h2 6003 20 $A $PROXY_SRC --want 20
check "joined" eventually 2 up_joined $A
send src $A 6003 20 1000 --src $PROXY_SRC
send src $A 6003 20 1000 --src $OTHER --first 20
check "any source: both" equals "40 0 0" "$(heard b1)"
check "one source: that one" equals "20 0 0" "$(heard b2)"

step "MLDv1"
ns h3 sysctl -qw net.ipv6.conf.eth0.force_mld_version=1
listen v1 h3 6004 20 $A "" --want 20
check "joined upstream" eventually 2 up_joined $A
check "shown as MLDv1" equals v1 "$(px subscriptions '.link_subscriptions[] | select(.link == "lan3") | .mld')"
send src $A 6004 20
check "it hears" equals "20 0 0" "$(heard v1)"
check "Done is passed on" eventually 4 up_not_joined $A

step "a sender below"
listen d1 h1 6005 20 $A "" --want 30
listen d2 h2 6005 20 $A "" --want 30
ns src ip -6 addr show dev eth0 >/dev/null
listen up src 6005 20 $A "" --want 30
check "joined upstream" eventually 1 up_joined $A
send h1 $A 6005 30 1000 --hops 9
check "reaches the other link" equals "30 0 0" "$(heard d2)"
check "less one hop" equals 8 "$(heard_hops d2)"
check "reaches the upstream" equals "30 0 0" "$(heard up)"
check "not its own link (its kernel alone loops it)" equals "30 0 0" "$(heard d1)"
check "counted" equals 30 "$(px links '.links[] | select(.link == "lan1") | .to_upstream.packets')"

step "a sender below that nobody below listens to"
eventually 4 up_not_joined $A >/dev/null
listen lone src 6006 20 $A "" --want 20
send h2 $A 6006 20
check "reaches the upstream all the same" equals "20 0 0" "$(heard lone)"
send h2 $A 6007 5 1000 --hops 1
check "but for what has no hop left" at_least 5 "$(px_counter hop-limit)"

step "MLD that goes to a group, from no link-local address"
done_from() { # HOST SOURCE: a Done of MLDv1, to the group itself
	ip netns exec "$P-$1" python3 - "$2" "$A" <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
		s.setsockopt(socket.IPPROTO_IPV6, 54, bytes([0, 0, 5, 2, 0, 0, 1, 0]))  # IPV6_HOPOPTS: Router Alert
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
		s.bind((sys.argv[1], 0))
		s.sendto(struct.pack("!BBHHH", 132, 0, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, sys.argv[2]), (sys.argv[2], 0))
	END
}
before=$(px_counter downstream-mld-source)
check "is sent" done_from h2 2001:db8:2::2
sourced() { [ "$(px_counter downstream-mld-source)" -gt "${before:-0}" ]; }
check "is refused for its source" eventually 3 sourced

step "groups of the link stay there"
listen ll h1 6008 2 ff02::4242 "" --want 5
sleep 0.2
check "not asked for upstream" not_joined ff02::4242 '*' ppx
send src ff02::4242 6008 5
check "not forwarded" equals "0 5 0" "$(heard ll)"
