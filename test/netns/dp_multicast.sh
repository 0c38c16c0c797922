#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Multicast from the correspondent's link over LMA and MAG to the nodes: who gets it, how often, through changes of the
# lists while it flows; and MLD inside the tunnel.
# shellcheck source=test/netns/dplib.sh disable=SC2046,SC2015
. "$(dirname "$0")/dplib.sh"

CN=2001:db8:c::2
G=ff3e::8000:1
A=ff1e::1:1
E=ff3e::8000:7
LATE=2001:db8:e::7
UP="link u0"
DOWN="tunnel $PCOA $LMAA"

stream() { peer cn send "$1" "$2" "$3" "$4" --dev e0 --src $CN --hops "${5:-64}" >/dev/null; }

one_source() {
	op lma "flow $UP $CN $G"
	op lma "out $UP $CN $G tunnel $LMAA $PCOA"
	op mag "flow $DOWN $CN $G"
	op mag "out $DOWN $CN $G link a1 $MN1_MAC 1"
	background r1 mn1 recv 6001 5 --group $G --source $CN --dev e0 --want 200
	background r2 mn2 recv 6001 2 --group $G --source $CN --dev e0
	stream $G 6001 200 2000
	_got=$(result r1)
	expect "the node that asked got" "200 0 0" "$(echo "$_got" | cut -d' ' -f2,4,6)"
	expect "hop limit, less LMA and MAG" 62 "$(echo "$_got" | field hops)"
	expect "the node that did not ask got" 0 "$(result r2 | field got)"
	expect "counted at the LMA's flow" "in 200 13600" "$(op lma "count flow $UP $CN $G")"
	expect "and at its output" "sent 200 13600" "$(op lma "count out $UP $CN $G tunnel $LMAA $PCOA")"
	expect "counted at the MAG's flow" "in 200 13600" "$(op mag "count flow $DOWN $CN $G")"
	expect "and for the node" "sent 200 13600" "$(op mag "count out $DOWN $CN $G link a1 $MN1_MAC 1")"
}

# Given up and, once no program can know it any more, given out to the next: it bears no count of the one before.
numbers_again() {
	op lma "unflow $UP $CN $G"
	op mag "unout $DOWN $CN $G link a1 $MN1_MAC 1"
	sleep 0.3
	op mag "out $DOWN $CN $G link a1 $MN1_MAC 1"
	op lma "flow $UP $CN $G"
	op lma "out $UP $CN $G tunnel $LMAA $PCOA"
	expect "a flow's number comes again without its count" "in 0 0" "$(op lma "count flow $UP $CN $G")"
	expect "an output's" "sent 0 0" "$(op mag "count out $DOWN $CN $G link a1 $MN1_MAC 1")"
	expect "what stays keeps its own" "in 200 13600" "$(op mag "count flow $DOWN $CN $G")"
}

# An output of (*,G) gets nothing from a source that has a list of its own.
any_source() {
	op lma "flow $UP * $A"
	op lma "out $UP * $A tunnel $LMAA $PCOA"
	op mag "flow $DOWN * $A"
	op mag "out $DOWN * $A link a1 $MN1_MAC 1"
	op mag "out $DOWN * $A link a2 $MN2_MAC 2"
	op mag "flow $DOWN $CN $A"
	op mag "out $DOWN $CN $A link a2 $MN2_MAC 2"
	in_ns cn ip addr add 2001:db8:c::3/64 dev e0
	background r1 mn1 recv 6002 4 --group $A --dev e0
	background r2 mn2 recv 6002 4 --group $A --dev e0 --want 100
	peer cn send $A 6002 50 2000 --dev e0 --src $CN >/dev/null
	peer cn send $A 6002 50 2000 --dev e0 --src 2001:db8:c::3 --first 50 >/dev/null
	expect "(*,G) alone: only the source without a list" 50 "$(result r1 | field got)"
	expect "(S,G) and (*,G): both sources, once" "100 0 0" "$(result r2 | cut -d' ' -f2,4,6)"
	op mag "unflow $DOWN $CN $A"
	background r1 mn1 recv 6002 4 --group $A --dev e0 --want 50
	peer cn send $A 6002 50 2000 --dev e0 --src $CN >/dev/null
	expect "without the (S,G), (*,G) serves it" 50 "$(result r1 | field got)"
}

limits() {
	_before=$(drops mag hop-limit)
	stream $G 6003 5 1000 2
	tenacious 2 test "$(drops mag hop-limit)" -ge 5
	expect "hop limit 2 ends at the MAG" $((_before + 5)) "$(drops mag hop-limit)"
	expect "too big for the tunnel" "error packet-too-big 1460 from $LMAA" \
		"$(peer cn send $G 6003 3 20 --dev e0 --src $CN --size 1452 | grep -m1 error)"
	expect "and counted (the sender knows now)" 1 "$(drops lma too-big)"
	op lma "flow $UP $CN ff3e::8000:2"
	_before=$(drops lma no-group)
	stream ff3e::8000:2 6003 4 1000
	expect "a flow without outputs drops" $((_before + 4)) "$(drops lma no-group)"
}

# 20 packets' worth of members come and go at random while 4000 packets pass; the nodes stay, and must not notice.
changes() {
	op mag "out $DOWN $CN $G link a2 $MN2_MAC 2"
	background r1 mn1 recv 6004 20 --group $G --source $CN --dev e0 --want 4000
	background r2 mn2 recv 6004 20 --group $G --source $CN --dev e0 --want 4000
	stream $G 6004 4000 2000 &
	_sender=$!
	for _i in 1 2 3 4 5 6 7 8; do
		op mag "churn 4000 $DOWN $CN $G a1 1000 $((8 * _i))"
		op lma "toggle 500 $UP $CN $G tunnel $LMAA $OTHER"
	done
	wait $_sender
	expect "stable members under list changes, first" "4000 0 0" "$(result r1 | cut -d' ' -f2,4,6)"
	expect "stable members under list changes, second" "4000 0 0" "$(result r2 | cut -d' ' -f2,4,6)"
	background r2 mn2 recv 6005 20 --group $G --source $CN --dev e0
	stream $G 6005 2000 2000 &
	_sender=$!
	for _i in 1 2 3 4 5; do op mag "toggle 2000 $DOWN $CN $G link a2 $MN2_MAC 2"; done
	wait $_sender
	sleep 0.3
	expect "a member that comes and goes gets nothing twice" 0 "$(result r2 | field dup)"
}

# The list that serves a node is another one several thousand times a second, at the LMA and at the MAG.
alternates() {
	background r2 mn2 recv 6008 20 --group $E --dev e0 --want 6000
	op lma "alternate 1 $UP $CN $E tunnel $LMAA $PCOA"
	op mag "alternate 1 $DOWN $CN $E link a2 $MN2_MAC 2"
	stream $E 6008 6000 4000 &
	_sender=$!
	for _i in 1 2 3; do
		op mag "alternate 4000 $DOWN $CN $E link a2 $MN2_MAC 2"
		op lma "alternate 4000 $UP $CN $E tunnel $LMAA $PCOA"
	done
	wait $_sender
	expect "(S,G) and (*,G) in turns: got, lost, doubled, out of order" "6000 0 0 0" "$(result r2 | cut -d' ' -f2,4,6,12)"
}

ends() {
	op mag "unout $DOWN $CN $G link a2 $MN2_MAC 2"
	background r1 mn1 recv 6006 3 --group $G --source $CN --dev e0 --want 20
	background r2 mn2 recv 6006 1 --group $G --source $CN --dev e0
	stream $G 6006 20 1000
	expect "after it left the node gets" 0 "$(result r2 | field got)"
	expect "the other one" 20 "$(result r1 | field got)"
	op mag "unflow $DOWN $CN $G"
	op mag "unflow $DOWN * $E"
	op lma "unflow $UP * $E"
	op lma "unflow $UP $CN $G"
	_before=$(drops mag no-group)
	stream $G 6006 5 1000
	expect "without the flow nothing crosses the tunnel" "$_before" "$(drops mag no-group)"
}

# An MLDv2 Report, as the MAG sends it: from a link-local address, hop limit 1, to ff02::16.
MLD=6000000000240001fe800000000000000000000000000001ff0200000000000000000000000000163a000502000001008f00
MLD=${MLD}00000000000104000000ff3e0000000000000000000080000001
mld() {
	op mag "send $PCOA $LMAA $MLD"
	tenacious 3 grep -q "packet $PCOA $MLD" "$TMP/lma.out" && ok "MLD in the tunnel reaches the LMA's daemon, unchanged" ||
		fail "no MLD at the LMA: $(grep packet "$TMP/lma.out")"
	op lma "send $LMAA $PCOA $MLD"
	tenacious 3 grep -q "packet $LMAA $MLD" "$TMP/mag.out" && ok "and the other way" || fail "no MLD at the MAG"
}

# The stream is in the tunnel before the MAG's daemon, which has other work, hears of the tunnel: implicit join. What waits for
# the daemon by then must not come behind what the program passes meanwhile.
early() {
	in_ns mag ip addr add $LATE/64 dev t0
	op lma "tunnel $LMAA $LATE"
	op lma "flow $UP $CN $E"
	op lma "out $UP $CN $E tunnel $LMAA $LATE"
	background r1 mn1 recv 6007 5 --group $E --source $CN --dev e0
	# shellcheck disable=SC2154 # dplib.sh sets it by its name
	kill -STOP "$DRIVE_mag"
	printf '%s\n' "tunnel $LATE $LMAA" "flow tunnel $LATE $LMAA $CN $E" "out tunnel $LATE $LMAA $CN $E link a1 $MN1_MAC 1" >&9
	stream $E 6007 2000 2000 &
	_sender=$!
	tenacious 10 early_enough
	_mld=$(grep -c "packet $LMAA $MLD" "$TMP/mag.out")
	op lma "send $LMAA $LATE $MLD"
	kill -CONT "$DRIVE_mag"
	wait $_sender
	_got=$(result r1) _early=$(drops mag outer-source)
	expect "a new tunnel's stream: lost after the first, doubled, out of order" "0 0 0" "$(echo "$_got" | cut -d' ' -f4,6,12)"
	case $BACKEND in
	ebpf) expect "before its tunnel was there something came, and nothing was kept of it" "yes yes" \
		"$(yes_if [ "$_early" -ge 100 ]) $(yes_if [ $(($(echo "$_got" | field got) + _early)) -le 2000 ])" ;;
	user) expect "the daemon, which has the one way that there is, passed all" "2000 0" "$(echo "$_got" | field got) $_early" ;;
	esac
	expect "MLD that came early has waited" $((_mld + 1)) "$(grep -c "packet $LMAA $MLD" "$TMP/mag.out")"
}
early_enough() { [ "$(op lma "count out $UP $CN $E tunnel $LMAA $LATE" | cut -d' ' -f2)" -ge 200 ]; }
yes_if() { "$@" && echo yes || echo no; }

body() {
	domain
	drive lma -b "$BACKEND" -p 1000 -l $LMAA
	drive mag -b "$BACKEND" -p 1000 -l $PCOA -l $LATE
	program
	MN1_MAC=$(mac_of mn1 e0) MN2_MAC=$(mac_of mn2 e0)
	OTHER=2001:db8:e::9
	op lma "tunnel $LMAA $OTHER"
	one_source
	numbers_again
	any_source
	limits
	changes
	alternates
	ends
	mld
	early
	expect "no other drop at the LMA" "" "$(op lma drops | tr ' ' '\n' | grep -v -e too-big -e no-group -e no-neighbour)"
}

each_backend body
