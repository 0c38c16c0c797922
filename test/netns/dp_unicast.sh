#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Unicast through MAG and LMA: both ways, between nodes, to the LMA; what is too big, too old, forged; a node that moves.
# shellcheck source=test/netns/dplib.sh disable=SC2046,SC2015
. "$(dirname "$0")/dplib.sh"

MN1=2001:db8:1:1::2
MN2=2001:db8:1:2::2
CN=2001:db8:c::2

ask() { peer "$@"; }

# rises NS DROP BY WHAT COMMAND...: the counter rises by that much
rises() {
	_r_ns=$1 _r_drop=$2 _r_by=$3 _r_what=$4; shift 4
	_before=$(drops "$_r_ns" "$_r_drop")
	"$@"
	tenacious 2 risen "$_r_ns" "$_r_drop" $((_before + _r_by)) || true
	expect "$_r_what: $_r_drop at $_r_ns" $((_before + _r_by)) "$(drops "$_r_ns" "$_r_drop")"
}
risen() { [ "$(drops "$1" "$2")" -ge "$3" ]; }

# inject NS DEV DMAC UDP6-ARGUMENTS...: one packet as told
inject() {
	_i_ns=$1 _i_dev=$2 _i_dmac=$3; shift 3
	peer "$_i_ns" raw "$_i_dev" "$_i_dmac" "$(peer "$_i_ns" udp6 "$@")"
}

# tunnelled NS DEV DMAC OUTER-SRC OUTER-DST OUTER-TCLASS INNER-ARGUMENTS...
tunnelled() {
	_t_ns=$1 _t_dev=$2 _t_dmac=$3 _t_src=$4 _t_dst=$5 _t_class=$6; shift 6
	_t_inner=$(peer "$_t_ns" udp6 "$@")
	peer "$_t_ns" raw "$_t_dev" "$_t_dmac" "$(peer "$_t_ns" udp6 "$_t_src" "$_t_dst" --tclass "$_t_class" --inner "$_t_inner")"
}

reach() {
	background ecn cn echo 7 300
	background emn1 mn1 echo 7 300
	background emn2 mn2 echo 7 300
	background elma lma echo 7 300
	expect "node to correspondent" "answer 20" "$(ask mn1 ask $CN 7)"
	expect "correspondent to node" "answer 20" "$(ask cn ask $MN1 7)"
	expect "node to node behind the same LMA" "answer 20" "$(ask mn1 ask $MN2 7)"
	expect "node to the LMA itself" "answer 20" "$(ask mn1 ask $LMAA 7)"
	expect "1460 octets fit" "answer 1412" "$(ask mn1 ask $CN 7 --size 1412)"
}

hops() {
	expect "hop limit 1 ends at the MAG" "error time-exceeded 0 from $PCOA" "$(ask mn1 ask $CN 7 --hops 1)"
	case $(ask mn1 ask $CN 7 --hops 2) in
	"error time-exceeded 0 from $LMAA" | "error time-exceeded 0 from 2001:db8:c::1") ok "hop limit 2 ends at the LMA" ;;
	*) fail "hop limit 2 does not end at the LMA" ;;
	esac
	expect "hop limit 3 arrives" "answer 20" "$(ask mn1 ask $CN 7 --hops 3)"
	expect "downlink, hop limit 2 ends at the MAG" "error time-exceeded 0 from $PCOA" "$(ask cn ask $MN1 7 --hops 2)"
	background r mn1 recv 5001 3 --want 10
	peer cn send $MN1 5001 10 100 --hops 3 --tclass 184 >/dev/null
	_got=$(result r)
	expect "downlink, hop limit 3 arrives as" 1 "$(echo "$_got" | field hops)"
	expect "the traffic class arrives as" 184 "$(echo "$_got" | field tclass)"
	background r mn2 recv 5001 3 --want 10
	peer mn1 send $MN2 5001 10 100 --hops 10 >/dev/null
	expect "node to node costs MAG, LMA, MAG: hop limit 10 arrives as" 7 "$(result r | field hops)"
}

too_big() {
	expect "1500 octets up" "error packet-too-big 1460 from $PCOA" "$(ask mn1 ask $CN 7 --size 1452)"
	expect "1500 octets down" "error packet-too-big 1460 from $LMAA" "$(ask cn ask $MN1 7 --size 1452)"
	[ "$(drops mag too-big)" -ge 1 ] && [ "$(drops lma too-big)" -ge 1 ] && ok "counted" || fail "too-big not counted"
	background tcp cn tcp-serve 80 20
	expect "TCP down, checked" right "$(peer mn1 tcp-get $CN 80 5000000 | cut -d' ' -f1)"
	background tcp mn1 tcp-serve 80 20
	expect "TCP up, checked" right "$(peer cn tcp-get $MN1 80 5000000 | cut -d' ' -f1)"
}

forged() {
	_mag=$(mac_of mag a1)
	rises mag uplink-unregistered 1 "another MAC" \
		peer mn1 raw e0 "$_mag" "$(peer mn1 udp6 $MN1 $CN)" --smac 02:00:00:00:00:99
	rises mag uplink-source 1 "another's prefix" inject mn1 e0 "$_mag" $MN2 $CN
	rises mag uplink-multicast 1 "multicast data" inject mn1 e0 33:33:00:00:00:05 $MN1 ff0e::5
	rises mag link-local 1 "link-local source" inject mn1 e0 "$_mag" fe80::1 $CN
	rises lma outer-source 1 "a tunnel packet of nobody" \
		tunnelled mag t0 "$(mac_of lma t0)" 2001:db8:e::77 $LMAA 0 $MN1 $CN
	rises lma inner-source 1 "a source behind no tunnel" \
		tunnelled mag t0 "$(mac_of lma t0)" $PCOA $LMAA 0 2001:db8:1:99::1 $CN
	rises mag no-node 1 "a node that is not here" \
		tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA 0 $CN 2001:db8:1:99::1
	rises mag link-local 1 "link-local inside the tunnel" \
		tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA 0 fe80::1 $MN1
	rises mag no-group 1 "a group nobody asked for" \
		tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA 0 $CN ff0e::77
	rises mag inner-malformed 1 "inside is not IPv6" \
		peer lma raw t0 "$(mac_of mag t0)" "$(peer lma udp6 $LMAA $PCOA --inner "$(printf '45%078d' 0)")"
	rises mag outer-malformed 1 "inside is cut" \
		peer lma raw t0 "$(mac_of mag t0)" "$(peer lma udp6 $LMAA $PCOA --inner 6000000000)"
	rises mag ecn 1 "CE on what knows no ECN" \
		tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA 3 $CN $MN1
}

ecn() {
	for _case in "0 2 2" "1 2 1" "2 1 1" "3 1 3" "3 2 3" "3 3 3" "2 0 0"; do
		set -- $_case
		background r mn1 recv 5002 2 --want 1
		tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA "$1" $CN $MN1 --port 5002 --tclass "$2"
		expect "RFC 6040: outer $1, inner $2" "$3" "$(result r | field tclass)"
	done
}

# Two outer fragments, made by the kernel of the LMA: they come to the MAG's raw socket in one piece.
fragments() {
	background r mn1 recv 5003 3 --want 1
	_inner=$(peer lma udp6 $CN $MN1 --port 5003 --size 1300)
	peer lma fragments t0 "$(mac_of mag t0)" $LMAA $PCOA "$_inner"
	expect "outer fragments" "1" "$(result r | field got)"
}

# RFC 6543: all MAGs have one link-layer address to the nodes, whatever their devices' own is.
fixed_mac() {
	background r cn recv 5005 3 --want 1
	inject mn1 e0 00:00:5e:00:52:13 $MN1 $CN --port 5005
	expect "a frame to the fixed address of all MAGs" 1 "$(result r | field got)"
}

moves() {
	op mag "node 1 a1 02:00:00:00:00:07 $PCOA $LMAA 2001:db8:1:1::/64"
	rises mag uplink-unregistered 1 "the old MAC, after the node got another" inject mn1 e0 "$(mac_of mag a1)" $MN1 $CN
	op mag "node 1 a1 $(mac_of mn1 e0) $PCOA $LMAA 2001:db8:1:1::/64"
	expect "and back" "answer 20" "$(ask mn1 ask $CN 7)"
	op mag "unnode 1"
	rises mag uplink-unregistered 1 "after the node was taken out" inject mn1 e0 "$(mac_of mag a1)" $MN1 $CN
	rises mag no-node 1 "and down" tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA 0 $CN $MN1
	expect "the other node does not notice" "answer 20" "$(ask mn2 ask $CN 7)"
	op mag "node 1 a1 $(mac_of mn1 e0) $PCOA $LMAA 2001:db8:1:1::/64 2001:db8:77::/48"
	expect "in again, it counts from zero" "up 0 0 down 0 0" "$(op mag "count node 1" | xargs)"
	expect "with two prefixes" "answer 20" "$(ask mn1 ask $CN 7)"
	op lma "route 2001:db8:77::/48 $LMAA $PCOA"
	in_ns mn1 ip addr add 2001:db8:77:5::1/128 dev e0
	expect "a prefix of 48 bits" "answer 20" "$(ask cn ask 2001:db8:77:5::1 7)"
	expect "and from it" "answer 20" "$(ask mn1 ask $CN 7 --src 2001:db8:77:5::1)"
	op lma "unroute 2001:db8:77::/48 $LMAA $PCOA"
	expect "and without the route" "error unreachable 0 from 2001:db8:c::1" "$(ask cn ask 2001:db8:77:5::1 7 --tries 1)"
}

# What a program has looked up a moment ago does not outlive the tunnel.
tunnel_goes() {
	op mag "tunnel $PCOA 2001:db8:e::9"
	expect "a packet by the tunnel" "answer 20" "$(ask cn ask $MN2 7)"
	op mag "unnode 1"
	op mag "unnode 2"
	op mag "untunnel $PCOA $LMAA"
	rises mag outer-source 1 "and one after it went" tunnelled lma t0 "$(mac_of mag t0)" $LMAA $PCOA 0 $CN $MN2
	op mag "tunnel $PCOA $LMAA"
	op mag "node 1 a1 $(mac_of mn1 e0) $PCOA $LMAA 2001:db8:1:1::/64"
	op mag "node 2 a2 $(mac_of mn2 e0) $PCOA $LMAA 2001:db8:1:2::/64"
	op mag "untunnel $PCOA 2001:db8:e::9"
	expect "and when it is there again" "answer 20" "$(ask mn1 ask $CN 7)"
}

counts() {
	set -- $(op mag "count node 2")
	_up=$2 _down=$5
	background r cn recv 5004 3 --want 100
	peer mn2 send $CN 5004 100 2000 --size 100 >/dev/null
	expect "100 packets up arrive" 100 "$(result r | field got)"
	set -- $(op mag "count node 2")
	expect "and are counted at the node" $((_up + 100)) "$2"
	background r mn2 recv 5004 3 --want 100
	peer cn send $MN2 5004 100 2000 --size 100 >/dev/null
	expect "100 packets down arrive" 100 "$(result r | field got)"
	set -- $(op mag "count node 2")
	[ "$5" -ge $((_down + 100)) ] && ok "and are counted" || fail "counted down: $5 after $_down"
}

# What the dp set in the kernel is as it was when it is gone.
leaves_nothing() {
	undrive mag
	undrive lma
	expect "no filter left" "" "$(in_ns mag tc filter show dev t0 ingress; in_ns mag tc qdisc show dev t0 | grep clsact)"
	expect "no rule left" "" "$(in_ns mag ip -6 rule show | grep blackhole)"
	expect "no device left" "" "$(in_ns lma ip -o link | grep rcdp)"
	expect "forwarding as it was" "0 0" \
		"$(in_ns lma sysctl -n net.ipv6.conf.all.forwarding net.ipv6.conf.t0.forwarding | xargs)"
}

body() {
	domain
	drive lma -b "$BACKEND" -p 1000
	drive mag -b "$BACKEND" -p 1000
	program
	expect "backend" "$BACKEND -" "$(op mag backend)"
	reach
	hops
	too_big
	forged
	ecn
	fragments
	fixed_mac
	moves
	tunnel_goes
	counts
	leaves_nothing
}

each_backend body
