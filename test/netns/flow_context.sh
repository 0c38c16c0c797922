#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Multicast context (RFC 7161) and implicit join: the node says nothing by MLD once it has joined, so that whatever it receives
# at its next MAG came along with it. Both data planes, 5 ms from MAG to LMA.
# Long: 100 s.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

SSM=ff3e::8000:61 MAG3_ADDR=2001:db8:ff::1:3
up=

# domain SETTINGS-JSON: three MAGs and a node that listens, and then holds its tongue.
domain() {
	[ -z "$up" ] || lab down >/dev/null
	jq -n --argjson s "$1" '{mags: [{name: "mag1", delay: "5ms"}, {name: "mag2", delay: "5ms"}, {name: "mag3", delay: "5ms"}],
		mns: [{name: "mn1"}], settings: $s}' >"$TMP/topology.json"
	lab_up --topology "$TMP/topology.json"
	up=yes
	attach mn1 mag1
	check "mn1 at mag1" on_mag mn1 mag1
	stream_start ssm --group $SSM --to mn1 --rate 1000
	check "it listens" eventually 5 stream_flows ssm mn1
	sleep 1.2 # the last repetition of its report
	mute_mld mn1
}

# moved TO: there, and by context alone.
moved() {
	move mn1 "$1"
	check "mn1 at $1" eventually 5 node_is "$1" mn1 registered # a second: what it would say first is what it may not say
	sleep 0.15 # the report of what arrived before may be 0.1 s old
	check "the stream arrives at $1" eventually 3 stream_flows ssm mn1
	check "by context alone" origins_are "$1" mn1 $SSM context
}

# lose_first NODE N MATCH: the first N of what arrives at its transport link and matches.
lose_first() {
	ns "$1" nft -f - <<-END || fail "lose_first $*"
		table netdev loss {
			chain in {
				type filter hook ingress device "tr0" priority 0;
				$3 numgen inc mod 100000 < $2 counter drop
			}
		}
	END
}

# gap_ms MAG CAPTURE: from the MAG's first word about the node to the first packet of the stream in its tunnel.
gap_ms() {
	tshark -r "$TMP/$2.pcap" -Y "ipv6.dst == $SSM || (mip6.mhtype == 5 && ipv6.src == $1)" -T fields -E occurrence=a \
		-e frame.time_epoch -e ipv6.dst 2>/dev/null | awk -v g="$SSM" '
			index($0, g) { if (asked) { printf "%d\n", ($1 - asked) * 1000; exit } next }
			!asked { asked = $1 }'
}
# unasked MAG CAPTURE: the stream was in its tunnel before the anchor answered the registration that asks for it, its second.
# However busy the machine is, that answer takes a round trip that the stream did not wait for.
unasked() {
	tshark -r "$TMP/$2.pcap" -Y "ipv6.dst == $SSM || (mip6.mhtype == 6 && ipv6.dst == $1)" -T fields -E occurrence=a \
		-e ipv6.dst 2>/dev/null | awk -v g="$SSM" 'index($0, g) { came = 1; exit } { if (++answers == 2) exit }
			END { print answers + 0 " answers before the first packet"; exit !came || answers > 1 }'
}
# precedes CAPTURE FIRST SECOND: the first kind of message stands before the second.
precedes() {
	python3 "$JUDGE" "$TMP/$1.pcap" >"$TMP/$1.judged"
	pr_first=$(grep -En -e "$2" "$TMP/$1.judged" | head -n 1 | cut -d: -f1)
	pr_second=$(grep -En -e "$3" "$TMP/$1.judged" | head -n 1 | cut -d: -f1)
	[ -n "$pr_first" ] && [ -n "$pr_second" ] && [ "$pr_first" -lt "$pr_second" ] || { cat "$TMP/$1.judged"; return 1; }
}
# upstream_never_left CAPTURE: the LMA said nothing upstream about the group but that it wants it.
upstream_never_left() { not_seen "$1" "$SSM.*(TO_IN,$SSM *$|BLOCK,$SSM)"; }

step "reactive: the old MAG is asked"
domain '{"mag.detachment.deregister-after": "3s", "lma.multicast.implicit-join": "no", "mag.multicast.implicit-join": "no",
	"mag.multicast.access-mld.query-interval": "40s"}'
capture lma lma tr0 "ip6 proto 135"
capture new mag2 tr0 ip6
capture rtr lma up0 "ip6 multicast and not udp"
capture node mn1 eth0 "ip6 and not udp"
moved mag2
check "the answer to its registration says that there may be something" seen lma "mh $LMA_ADDR > $MAG2_ADDR pba .*flags=[A-Z]*S.*mn=mn1@"
check "mag2 asks" seen lma "mh $MAG2_ADDR > $LMA_ADDR subscription-query .*mn=mn1@"
check "the LMA asks mag1" seen lma "mh $LMA_ADDR > $MAG1_ADDR subscription-query .*mn=mn1@"
check "which knows" seen lma "mh $MAG1_ADDR > $LMA_ADDR subscription-response .*ams=$SSM,IS_IN,$SRC_ADDR"
check "mag2 is told" seen lma "mh $LMA_ADDR > $MAG2_ADDR subscription-response .*ams=$SSM,IS_IN,$SRC_ADDR"
check "mag1 is revoked after it has answered" precedes lma "$MAG1_ADDR > $LMA_ADDR subscription-response" "$LMA_ADDR > $MAG1_ADDR .*bri "
check "mag2 asks for the group" seen lma "mh $MAG2_ADDR > $LMA_ADDR pbu .*ams=$SSM"
check "the group was joined upstream all the while" upstream_never_left rtr
check "after three round trips: nothing came unasked" at_least 27 "$(gap_ms $MAG2_ADDR new)"
check "mag1 has forgotten it" eventually 5 node_is mag1 mn1 absent
check "the node said nothing" not_seen node "report.*$SSM"

step "the question is lost, and the answer"
lose_first mag2 1 "ip6 saddr $LMA_ADDR ip6 nexthdr 135"
moved mag3
check "the LMA's first query was" equals 1 "$(loss_count mag2)"
check "which asked again" counter_above lma subscription-queries-sent 2
no_loss mag2
lose_first lma 2 "ip6 saddr $MAG3_ADDR ip6 nexthdr 135"
moved mag1
check "two answers were" equals 2 "$(loss_count lma)"
no_loss lma
check "no packet came twice" equals 0 "$(stream ssm mn1 duplicates)"

step "a node that left the group while nobody heard it"
lab stream leave ssm mn1
lab stream join ssm mn1 --passive
sleep 1.2 # the last repetition of its report
unmute_mld mn1
move mn1 mag2
came_along() { show mag2 events | jq -e --arg g $SSM 'any(.events[-15:][]; .event == "subscribed" and .group == $g and (.origins | index("context")))'; }
check "its context came along all the same" eventually 5 came_along
check "the query corrects what that got wrong" eventually 8 sub_is mag2 mn1 $SSM absent
check "nothing arrives" stream_silent ssm mn1
check "nor is it joined upstream" eventually 10 not_joined $SSM $SRC_ADDR

step "reactive, with implicit join"
domain '{"mag.detachment.deregister-after": "3s", "lma.multicast.implicit-join": "yes", "mag.multicast.implicit-join": "yes",
	"mag3:mag.multicast.signalling": "mld"}'
capture new mag2 tr0 ip6
moved mag2
check "the stream comes before it is asked for" unasked $MAG2_ADDR new
check "which mag2 confirms" eventually 3 seen new "mh $MAG2_ADDR > $LMA_ADDR pbu .*result=$SSM,accepted"
check "and the LMA sees" eventually 3 counter_above lma implicit-joins-confirmed 0
step "and to a MAG that reports by MLD"
moved mag3
sleep 3.5 # past the guard
check "the stream flows on" stream_flows ssm mn1
check "nothing ran out unconfirmed" equals 0 "$(counter lma implicit-joins-unconfirmed)"
check "no packet came twice" equals 0 "$(stream ssm mn1 duplicates)"

step "proactive, without and with implicit join"
domain '{"lma.multicast.implicit-join": "no", "mag.multicast.implicit-join": "no"}'
capture lma lma tr0 "ip6 proto 135"
capture new mag2 tr0 ip6
capture rtr lma up0 "ip6 multicast and not udp"
detach mn1
check "mag1 de-registers it, and tells" eventually 2 seen lma "mh $MAG1_ADDR > $LMA_ADDR pbu .*flags=[A-Z]*S.* lifetime=0 .*ams=$SSM"
sleep 2
check "the group stays joined for the node on its way" joined $SSM $SRC_ADDR
attach mn1 mag2
check "the stream arrives at mag2" eventually 3 stream_flows ssm mn1
check "by context alone" origins_are mag2 mn1 $SSM context
check "in the answer to the registration" seen lma "mh $LMA_ADDR > $MAG2_ADDR pba .*ams=$SSM"
check "nobody had to ask" not_seen lma "subscription-query"
check "it never left upstream" upstream_never_left rtr
check "after two round trips: nothing came unasked" at_least 18 "$(gap_ms $MAG2_ADDR new)"
detach mn1
check "a node that does not come leaves the group" eventually 25 not_joined $SSM $SRC_ADDR
domain '{"lma.multicast.implicit-join": "yes", "mag.multicast.implicit-join": "yes", "mag2:mag.multicast.signalling": "mld"}'
capture new mag2 tr0 ip6
moved mag2
check "the stream comes with the answer to the registration" unasked $MAG2_ADDR new
sleep 3.5
check "confirmed by MLD, it stays" stream_flows ssm mn1

step "kept: one round trip, though the node just appears"
domain '{"mag.detachment.deregister-after": "3s", "lma.multicast.context": "kept", "mag.multicast.context": "kept",
	"lma.multicast.implicit-join": "yes", "mag.multicast.implicit-join": "yes", "mag.heartbeat.interval": "2s", "lma.heartbeat.interval": "2s"}'
capture lma lma tr0 "ip6 proto 135"
capture new mag2 tr0 ip6
moved mag2
check "nobody had to ask" not_seen lma "subscription-query"
check "the stream comes with the answer to the registration" unasked $MAG2_ADDR new

step "mag2 dies and comes back: the LMA has what the node listened to"
sleep 2.5
lab restart mag2
check "mn1 at mag2" eventually 10 node_is mag2 mn1 registered
sleep 0.15
check "the stream is back" eventually 10 stream_flows ssm mn1
check "by context alone" origins_are mag2 mn1 $SSM context

step "the LMA dies and comes back: the MAG has it"
sleep 2.5
lab restart lma
check "mn1 is bound" eventually 10 bound lma mn1 $MAG2_ADDR
sleep 0.15
check "the stream is back" eventually 10 stream_flows ssm mn1
moved mag3
check "no packet came twice" equals 0 "$(stream ssm mn1 duplicates)"
