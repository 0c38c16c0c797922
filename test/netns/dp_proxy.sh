#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The links of a plain proxy: a stream from below goes up whoever listens, and by its list to the other links, never
# back, while lists change and the upstream comes and goes.
# shellcheck source=test/netns/dplib.sh disable=SC2015
. "$(dirname "$0")/dplib.sh"

#	h1 2001:db8:1::2 --- l1 \
#	                          lma u0 --- e0 cn 2001:db8:c::2
#	h2 2001:db8:2::2 --- l2 /
A=ff1e::1:1
IN="link u0"
ANY="$IN * $A"
M=33:33:00:01:00:01

# below HOST PORT COUNT [HOPS]
below() {
	peer "$1" send $A "$2" "$3" 2000 --dev e0 --src "2001:db8:${1#h}::2" --hops "${4:-64}" >/dev/null
}
above() { peer cn send $A "$1" "$2" 2000 --dev e0 --src 2001:db8:c::2 >/dev/null; }
got() { result "$1" | cut -d' ' -f2,4,6; }

links() {
	netns cn lma h1 h2
	wire cn e0 lma u0
	in_ns cn ip addr add 2001:db8:c::2/64 dev e0
	for _i in 1 2; do
		wire lma "l$_i" "h$_i" e0
		in_ns "h$_i" ip addr add "2001:db8:$_i::2/64" dev e0
	done
	drive lma -m -b "$BACKEND"
	op lma "link u0 upstream"
	for _i in 1 2; do
		op lma "link l$_i downstream"
		op lma "proxy l$_i u0"
	done
}

nobody_below() {
	background up cn recv 6201 5 --group $A --dev e0 --want 100
	below h1 6201 100 9
	_got=$(result up)
	expect "without any list the upstream has it" "100 0 0" "$(echo "$_got" | cut -d' ' -f2,4,6)"
	expect "hop limit, less this router" 8 "$(echo "$_got" | field hops)"
	expect "counted" "up 100 6800" "$(op lma "count link l1")"
	_before=$(drops lma hop-limit)
	below h1 6201 5 1
	expect "no hop left" $((_before + 5)) "$(drops lma hop-limit)"
}

listeners() {
	op lma "flow $ANY"
	op lma "out $ANY link l1 $M 0"
	op lma "out $ANY link l2 $M 0"
	background up cn recv 6202 5 --group $A --dev e0 --want 100
	background b1 h1 recv 6202 5 --group $A --dev e0 --want 100
	background b2 h2 recv 6202 5 --group $A --dev e0 --want 100
	below h1 6202 100
	expect "from below: up" "100 0 0" "$(got up)"
	expect "the other link" "100 0 0" "$(got b2)"
	expect "its own link: once, by the host itself" "100 0 0" "$(got b1)"
	expect "its own output sent" "sent 0 0" "$(op lma "count out $ANY link l1 $M 0")"
	background b1 h1 recv 6203 5 --group $A --dev e0 --want 50
	background b2 h2 recv 6203 5 --group $A --dev e0 --want 50
	above 6203 50
	expect "from above: the one" "50 0 0" "$(got b1)"
	expect "and the other" "50 0 0" "$(got b2)"
}

# The list changes all the time, and the output that is left out moves in it.
changes() {
	background up cn recv 6204 20 --group $A --dev e0 --want 4000
	background b2 h2 recv 6204 20 --group $A --dev e0 --want 4000
	background b1 h1 recv 6204 20 --group $A --dev e0
	below h1 6204 4000 &
	_sender=$!
	for _i in 1 2 3 4; do
		op lma "churn 3000 $ANY l2 1000 $((8 * _i))"
		op lma "toggle 500 $ANY link l1 $M 0"
	done
	wait $_sender
	expect "under list changes: up" "4000 0 0" "$(got up)"
	expect "the stable link" "4000 0 0" "$(got b2)"
	expect "never back" 0 "$(result b1 | field dup)"
}

upstream() {
	in_ns lma ip link set u0 mtu 1280
	op lma "link u0 upstream"
	_before=$(drops lma too-big)
	background b2 h2 recv 6205 4 --group $A --dev e0 --want 1
	in_ns lma ip addr add 2001:db8:1::1/64 dev l1
	peer h1 send $A 6205 1 20 --dev e0 --src 2001:db8:1::2 --size 1400 >"$TMP/sent"
	expect "too big for the upstream alone" "1 0 0" "$(got b2)"
	expect "the sender is told, by our address on its link" yes \
		"$(grep -q 'packet-too-big 1280 from 2001:db8:1::1' "$TMP/sent" && echo yes)"
	expect "which is counted" $((_before + 1)) "$(drops lma too-big)"
	in_ns lma ip link set u0 mtu 1500
	in_ns lma ip link set u0 address 02:00:00:00:77:77
	op lma "link u0 upstream"
	in_ns cn tcpdump -i e0 -c 1 -e -n -l udp port 6206 >"$TMP/frame" 2>/dev/null &
	PIDS="$PIDS $!"
	sleep 0.5
	below h1 6206 20
	tenacious 3 grep -q "02:00:00:00:77:77 > $M" "$TMP/frame" && ok "frames bear the upstream's new MAC" ||
		fail "frame: $(cat "$TMP/frame")"
	op lma "unlink u0"
	background b2 h2 recv 6207 4 --group $A --dev e0 --want 20
	background up cn recv 6207 1 --group $A --dev e0
	below h1 6207 20
	expect "without the upstream the other link has it" "20 0 0" "$(got b2)"
	expect "the upstream not" 0 "$(result up | field got)"
	op lma "link u0 upstream"
	background up cn recv 6208 4 --group $A --dev e0 --want 20
	below h1 6208 20
	expect "the upstream is back" "20 0 0" "$(got up)"
	op lma "proxy l1 -"
	background up cn recv 6209 1 --group $A --dev e0
	below h1 6209 10
	expect "of no instance: to nobody" 0 "$(result up | field got)"
}

# A list that begins with one output, and grows and shrinks under a stream. eBPF holds such a one by its maps alone.
one_output() {
	_g=ff1e::2:2
	_any="$IN * $_g"
	_m=33:33:00:02:00:02
	op lma "flow $_any link l1 $_m 0"
	op lma "flow $_any link l1 $_m 0"
	op lma "flow $IN * ff1e::2:3 link l2 33:33:00:02:00:03 0"
	expect "it is shown" "$_g 1" "$(op lma flows | grep "^$_g ")"
	background b1 h1 recv 6220 5 --group $_g --dev e0 --want 40
	peer cn send $_g 6220 40 2000 --dev e0 --src 2001:db8:c::2 >/dev/null
	expect "one output" "40 0 0" "$(got b1)"
	expect "counted in" "in 40" "$(op lma "count flow $_any" | cut -d' ' -f1,2)"
	expect "and out" "sent 40" "$(op lma "count out $_any link l1 $_m 0" | cut -d' ' -f1,2)"
	in_ns lma ip link set l1 mtu 1280
	op lma "link l1 downstream"
	_before=$(drops lma too-big)
	peer cn send $_g 6220 3 1000 --dev e0 --src 2001:db8:c::2 --size 1400 >/dev/null
	expect "the link's new MTU holds" $((_before + 3)) "$(drops lma too-big)"
	in_ns lma ip link set l1 mtu 1500
	op lma "link l1 downstream"
	background b1 h1 recv 6221 20 --group $_g --dev e0 --want 4000
	peer cn send $_g 6221 4000 2000 --dev e0 --src 2001:db8:c::2 >/dev/null &
	_sender=$!
	for _i in 1 2 3; do
		op lma "toggle 200 $_any link l2 $_m 0"
		op lma "unout $_any link l2 $_m 0"
		op lma "flow $_any link l1 $_m 0"
	done
	wait $_sender
	expect "it stays while others come and go" "4000 0 0" "$(got b1)"
	expect "its count goes on" "sent 4040" "$(op lma "count out $_any link l1 $_m 0" | cut -d' ' -f1,2)"
	op lma "unout $_any link l1 $_m 0"
	op lma "unflow $IN * ff1e::2:3"
	expect "the last output gone, the list is there" "$_g 0" "$(op lma flows | grep 'ff1e::2:')"
	op lma "unflow $_any"
	op lma "flow $_any link l2 $_m 0"
	expect "a new one counts from zero" "sent 0" "$(op lma "count out $_any link l2 $_m 0" | cut -d' ' -f1,2)"
	op lma "unout $_any link l2 $_m 0"
	background b2 h2 recv 6222 1 --group $_g --dev e0
	peer cn send $_g 6222 10 2000 --dev e0 --src 2001:db8:c::2 >/dev/null
	expect "nobody has it any more" 0 "$(result b2 | field got)"
	op lma "unflow $_any"
}

# (S,G) and (*,G) take turns, with one output, held as lists of one are and as others are.
alternates() {
	_g=ff3e::8000:7 _flow="$IN 2001:db8:c::2 ff3e::8000:7 link l2 33:33:80:00:00:07 0"
	op lma "alternate 1 $_flow"
	background b2 h2 recv 6230 20 --group $_g --dev e0 --want 3000
	peer cn send $_g 6230 3000 4000 --dev e0 --src 2001:db8:c::2 >/dev/null &
	_sender=$!
	for _i in 1 2 3; do op lma "alternate 4000 $_flow"; done
	wait $_sender
	expect "a list for all sources and one for the source, in turns" "3000 0 0" "$(got b2)"
	op lma "unflow $IN * $_g"
}

# As full as the table of flows may be: some find no place in it and stand in the hash map. Each is found, alone and with
# more outputs.
crowded() {
	_n=6553 # of 8192 words
	_any="$IN * ff1e::a:0:0"
	op lma "unlink l1"
	op lma "unlink l2"
	op lma "unlink u0"
	undrive lma
	drive lma -m -n $_n -b "$BACKEND"
	op lma "link u0 upstream"
	op lma "link l1 downstream"
	op lma "link l2 downstream"
	op lma "crowd $_n flow $_any link l1 33:33:00:00:00:01 0"
	peer cn sweep ff1e::a:0:0 6230 $_n 20000 --dev e0 --src 2001:db8:c::2 >/dev/null
	expect "of a full table each flow is found" "once $_n" "$(op lma "crowd $_n once $_any")"
	expect "all are shown" "$_n" "$(op lma flows | grep -c ' 1$')"
	op lma "crowd $_n unflow $_any"
	op lma "crowd $_n flow $_any link l1 33:33:00:00:00:01 0"
	op lma "crowd $_n out $_any link l2 33:33:00:00:00:01 0"
	peer cn sweep ff1e::a:0:0 6230 $_n 20000 --dev e0 --src 2001:db8:c::2 >/dev/null
	expect "and with two outputs, counted from zero" "once $_n" "$(op lma "crowd $_n once $_any")"
	op lma "crowd $_n unflow $_any"
	expect "nothing is left" "" "$(op lma flows | grep -v '^end')"
	_before=$(drops lma no-group)
	peer cn sweep ff1e::a:0:0 6230 200 20000 --dev e0 --src 2001:db8:c::2 >/dev/null
	expect "nor forwarded" $((_before + 200)) "$(drops lma no-group)"
}

# What has no business beyond its link.
local_only() {
	op lma "proxy l1 u0"
	background up cn recv 6210 1 --group $A --dev e0
	expect "sent" "sent 5" "$(peer h1 send $A 6210 5 1000 --dev e0 --src "$(link_local_of h1 e0)")"
	expect "from a link-local address: to nobody" 0 "$(result up | field got)"
	background up cn recv 6211 1 --group ff02::4242 --dev e0
	peer h1 send ff02::4242 6211 5 1000 --dev e0 --src 2001:db8:1::2 >/dev/null
	expect "to a link-local group: to nobody" 0 "$(result up | field got)"
}

body() {
	links
	nobody_below
	listeners
	changes
	upstream
	one_output
	alternates
	local_only
	crowded
}

each_backend body
