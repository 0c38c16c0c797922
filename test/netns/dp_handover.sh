#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The data plane's half of a predictive handover: nodes move between two MAGs while streams flow, and miss nothing, get nothing
# twice and nothing out of order. docs/handover-predictive.md has the rule; here each step of it is an operation.
#
#   cn --- u0 lma t0 --- (net) --- t0 pmag a1 --- (air) --- mn1, which the air plugs to the one or the other
#                            \                 a2 ---- .. --- mn2
#                             \                a3 --- mn3: stays there
#                              `--- t0 nmag a1 --- (air), a2, and a4 --- mn4: stays there
# Long: 150 s.
# shellcheck source=test/netns/dplib.sh disable=SC2046,SC2015
. "$(dirname "$0")/dplib.sh"

CN=2001:db8:c::2
G=ff3e::8000:1
UP="link u0"
NCOA=2001:db8:e::3
ROUTER_MAC=00:00:5e:00:52:13
LABEL=1048574 # it passes 2^20 on the way
NUMBER=100

coa() { case $1 in pmag) echo $PCOA ;; *) echo $NCOA ;; esac; }
down() { echo "tunnel $(coa "$1") $LMAA"; }

mobile() {
	netns "mn$1"
	for _m in pmag nmag; do
		wire "$_m" "a$1" air "$_m$1"
		in_ns air ip link add name "br-$_m$1" type bridge mcast_snooping 0
		in_ns air ip link set "br-$_m$1" up
		in_ns air ip link set "$_m$1" master "br-$_m$1"
	done
	wire air "n$1" "mn$1" e0
	plug "$1" pmag
}
plug() { in_ns air ip link set "n$1" master "br-$2$1"; }

fixed() {
	netns "mn$1"
	wire "$2" "a$1" "mn$1" e0
}

addresses() {
	for _i in 1 2 3 4; do
		in_ns "mn$_i" ip addr add "2001:db8:1:$_i::2/64" dev e0
		in_ns "mn$_i" ip neigh add fe80::1 lladdr $ROUTER_MAC dev e0 nud permanent
		in_ns "mn$_i" ip route add default via fe80::1 dev e0
		eval "MAC$_i=$(mac_of "mn$_i" e0)"
	done
}
mac() { eval "echo \$MAC$1"; }
prefix() { echo "2001:db8:1:$1::/$([ "$1" = 2 ] && echo 80 || echo 64)"; }

two_mags() {
	netns cn lma net air pmag nmag
	in_ns net ip link add name middle type bridge mcast_snooping 0
	in_ns net ip link set middle up
	for _n in lma pmag nmag; do
		wire "$_n" t0 net "$_n"
		in_ns net ip link set "$_n" master middle
	done
	wire cn e0 lma u0
	in_ns cn ip addr add $CN/64 dev e0
	in_ns cn ip route add default via 2001:db8:c::1
	in_ns lma ip addr add 2001:db8:c::1/64 dev u0
	in_ns lma ip addr add $LMAA/64 dev t0
	in_ns pmag ip addr add $PCOA/64 dev t0
	in_ns nmag ip addr add $NCOA/64 dev t0
	mobile 1
	mobile 2
	fixed 3 pmag
	fixed 4 nmag
	addresses
}

# attach N MAG NUMBER TUNNEL-TO: registered there
attach() { op "$2" "node $3 a$1 $(mac "$1") $(coa "$2") $4 $(prefix "$1")"; }

programs() {
	drive lma -b "$BACKEND"
	drive pmag -b "$BACKEND"
	drive nmag -b "$BACKEND"
	op lma "link t0 transport"
	op lma "link u0 upstream"
	op lma "flow $UP $CN $G"
	op lma "mark $UP $CN $G $LABEL"
	op pmag "tunnel $PCOA $NCOA"
	op nmag "tunnel $NCOA $PCOA"
	for _m in pmag nmag; do
		op lma "tunnel $LMAA $(coa $_m)"
		op lma "out $UP $CN $G tunnel $LMAA $(coa $_m)"
		op $_m "link t0 transport"
		op $_m "tunnel $(coa $_m) $LMAA"
		op $_m "link a1 access"
		op $_m "link a2 access"
		op $_m "flow $(down $_m) $CN $G"
	done
	op pmag "link a3 access"
	op nmag "link a4 access"
	for _i in 1 2 3 4; do
		_m=pmag
		[ $_i = 4 ] && _m=nmag
		op lma "route $(prefix $_i) $LMAA $(coa $_m)"
		attach $_i $_m $_i $LMAA
		op $_m "out $(down $_m) $CN $G link a$_i $(mac $_i) $_i"
	done
	N1=1 N2=2
}

# The steps. NODE's number at the old MAG is $2, at the new one $4; both know it by a key that is the latter, too.
LIMITS="100000 20000 3000" # a machine with other things to do must not look like a path that is silent
expects() { # N TO NUMBER FROM
	op "$2" "expect $3 $3 $(coa "$2") $(coa "$4") $(coa "$2") $LMAA $LIMITS $(prefix "$1")"
	op "$2" "out $(down "$2") $CN $G held $3"
}
forwards() { # N FROM NUMBER TO KEY
	op "$2" "forward $3 $5 $(coa "$2") $(coa "$4") $(coa "$2") $LMAA $LIMITS $(prefix "$1")"
}
marks() {
	LABEL=$(((LABEL + 1) % 1048576))
	op lma "mark $UP $CN $G $LABEL"
}
arrives() { # N TO NUMBER FROM
	attach "$1" "$2" "$3" "$(coa "$4")"
	op "$2" "out $(down "$2") $CN $G link a$1 $(mac "$1") $3"
	op "$2" "unout $(down "$2") $CN $G held $3"
	op lma "route $(prefix "$1") $LMAA $(coa "$2") end-marker"
	attach "$1" "$2" "$3" $LMAA
}
closed() { tenacious 20 grep -q "handover $2 closed" "$TMP/$1.out"; }
leaves() { # N FROM NUMBER
	op "$2" "end $3"
	op "$2" "unout $(down "$2") $CN $G link a$1 $(mac "$1") $3"
	op "$2" "unnode $3"
}

# move N FROM TO: sets N$1 to the number there
move() {
	eval "_old=\$N$1"
	NUMBER=$((NUMBER + 1))
	_new=$NUMBER
	expects "$1" "$3" $_new "$2"
	forwards "$1" "$2" "$_old" "$3" $_new
	marks
	op "$3" "edge $_new $G $LABEL"
	plug "$1" "$3"
	arrives "$1" "$3" $_new "$2"
	closed "$3" $_new || fail "the seam of mn$1 at $3 does not close: $(op "$3" seams)"
	op "$3" "end $_new"
	leaves "$1" "$2" "$_old"
	eval "N$1=$_new"
}

# listen N PORT WANTED [SECONDS]: the seconds are the time in which what is lost would have come
listen() { background "r$1" "mn$1" recv "$2" "${4:-60}" --group $G --source $CN --dev e0 --want "$3"; }
whole() { expect "$1" "$2 0 0 0" "$(result "$3" | cut -d' ' -f2,4,6,12)"; }

# counted NS NAME
counted() { op "$1" seams | tr ' ' '\n' | awk -F= -v k="$2" '$1 == k { n = $2 } END { print n + 0 }'; }
wrong() { for _m in pmag nmag; do op $_m seams; done | tr ' ' '\n' | grep -e late -e overflow -e aged -e forced -e lost -e unmarked; }

# flows COUNT RATE PORT: in the background; returns when it has begun
flows() {
	_was=$(op lma "count flow $UP $CN $G" | awk '{ print $2 }')
	peer cn send $G "$3" "$1" "$2" --dev e0 --src $CN >/dev/null &
	_sender=$!
	tenacious 10 began || fail "the stream does not begin"
}
began() { [ "$(op lma "count flow $UP $CN $G" | awk '{ print $2 }')" -gt "$_was" ]; }

# streaming RATE: mn1 moves to the other MAG and back while 5 seconds of a stream flow
streaming() {
	_count=$((5 * $1)) _first=$LABEL
	for _i in 1 2 3 4; do listen $_i 6001 $_count; done
	background labels nmag labels t0 40 --src $LMAA
	flows $_count "$1" 6001
	move 1 pmag nmag
	move 1 nmag pmag
	wait $_sender
	for _i in 1 2 3 4; do whole "$1/s: mn$_i of $(who $_i)" $_count r$_i; done
	expect "no late packet, none that was dropped for want of room or of a mark" "" "$(wrong)"
	# On a machine that is slow the stream may be over before the second mark.
	_labels=$(result labels | sed 's/\*[0-9]*//g')
	_one="$_first $(((_first + 1) % 1048576))"
	case $_labels in
	"$_one" | "$_one $(((_first + 2) % 1048576))") ok "the labels of one tunnel grow, by one with each mark: $_labels" ;;
	*) fail "the labels of one tunnel: $_labels" ;;
	esac
}
who() {
	case $1 in
	1) echo "the node that moved twice" ;;
	2) echo "another that could" ;;
	3) echo "the old MAG" ;;
	4) echo "the new MAG" ;;
	esac
}

# Both at once, in opposite directions: each MAG is the old one of one and the new one of the other, in one tunnel.
crossing() {
	move 2 pmag nmag
	for _i in 1 2 3 4; do listen $_i 6002 6000; done
	flows 6000 1500 6002
	_old1=$N1 _old2=$N2 _new1=$((NUMBER + 1)) _new2=$((NUMBER + 2))
	NUMBER=$((NUMBER + 2))
	expects 1 nmag $_new1 pmag
	expects 2 pmag $_new2 nmag
	forwards 1 pmag "$_old1" nmag $_new1
	marks
	op nmag "edge $_new1 $G $LABEL"
	forwards 2 nmag "$_old2" pmag $_new2
	plug 1 nmag
	marks
	op pmag "edge $_new2 $G $LABEL"
	plug 2 pmag
	arrives 2 pmag $_new2 nmag
	arrives 1 nmag $_new1 pmag
	closed nmag $_new1 && closed pmag $_new2 && ok "both seams close" || fail "a seam does not close"
	op nmag "end $_new1"
	op pmag "end $_new2"
	leaves 1 pmag "$_old1"
	leaves 2 nmag "$_old2"
	N1=$_new1 N2=$_new2
	wait $_sender
	for _i in 1 2 3 4; do whole "two at once: mn$_i" 6000 r$_i; done
	move 1 nmag pmag
	expect "and nothing went wrong" "" "$(wrong)"
}

unicast_began() { [ "$(op pmag "count node $N1" | awk '/down/ { print $2 }')" -gt "$_was" ]; }

# Unicast to the node while it moves; and from it by each way that there is.
unicast() {
	background down mn1 recv 6003 60 --want 6000
	_was=$(op pmag "count node $N1" | awk '/down/ { print $2 }')
	peer cn send 2001:db8:1:1::2 6003 6000 1500 --src $CN >/dev/null &
	_sender=$!
	tenacious 10 unicast_began || fail "the packets do not begin"
	move 1 pmag nmag
	move 1 nmag pmag
	wait $_sender
	whole "unicast to the node" 6000 down
	background up cn recv 6004 60 --want 600
	_old=$N1 NUMBER=$((NUMBER + 1))
	expects 1 nmag $NUMBER pmag
	forwards 1 pmag "$_old" nmag $NUMBER
	plug 1 nmag
	attach 1 nmag $NUMBER $PCOA
	_before=$(counted pmag seam-uplink)
	peer mn1 send $CN 6004 200 2000 >/dev/null
	op lma "route $(prefix 1) $LMAA $NCOA end-marker"
	peer mn1 send $CN 6004 200 2000 --first 200 >/dev/null
	expect "from the node by the old MAG, before and after the LMA knows" $((_before + 400)) "$(counted pmag seam-uplink)"
	_dropped=$(drops lma inner-source)
	op lma "unroute $(prefix 1) $LMAA $NCOA"
	peer mn1 send $CN 6007 50 2000 >/dev/null
	expect "and after the LMA has ended it, none" $((_dropped + 50)) "$(drops lma inner-source)"
	op lma "route $(prefix 1) $LMAA $NCOA"
	attach 1 nmag $NUMBER $LMAA
	peer mn1 send $CN 6004 200 2000 --first 400 >/dev/null
	whole "unicast from the node" 600 up
	op nmag "edge $NUMBER :: none"
	op nmag "out $(down nmag) $CN $G link a1 $(mac 1) $NUMBER"
	op nmag "unout $(down nmag) $CN $G held $NUMBER"
	closed nmag $NUMBER && ok "without a stream and a mark it closes, too" || fail "open: $(op nmag seams)"
	op nmag "end $NUMBER"
	leaves 1 pmag "$_old"
	N1=$NUMBER
	move 1 nmag pmag
}

# The node does not go.
cancelled() {
	for _i in 1 2 3 4; do listen $_i 6005 3000 12; done
	_forwarded=$(counted pmag seam-forwarded)
	flows 3000 1000 6005
	NUMBER=$((NUMBER + 1))
	expects 1 nmag $NUMBER pmag
	forwards 1 pmag "$N1" nmag $NUMBER
	marks
	op nmag "edge $NUMBER $G $LABEL"
	op pmag "end $N1"
	op nmag "end $NUMBER"
	op nmag "unout $(down nmag) $CN $G held $NUMBER"
	_forwarded=$(($(counted pmag seam-forwarded) - _forwarded))
	wait $_sender
	expect "cancelled: what the old MAG forwarded is all that the node misses" "$((3000 - _forwarded)) $_forwarded 0 0" \
		"$(result r1 | cut -d' ' -f2,4,6,12)"
	for _i in 2 3 4; do whole "cancelled: mn$_i" 3000 r$_i; done
	[ "$_forwarded" -gt 0 ] && [ "$(counted nmag seam-ended)" -gt 0 ] && ok "and what was held is counted: $(counted nmag seam-ended)" ||
		fail "nothing was held: $_forwarded $(counted nmag seam-ended)"
}

full() {
	for _i in 1 4; do listen $_i 6006 6000 12; done
	_limits=$LIMITS LIMITS="20 20000 3000" _old=$N1 NUMBER=$((NUMBER + 1))
	flows 6000 2000 6006
	expects 1 nmag $NUMBER pmag
	forwards 1 pmag "$_old" nmag $NUMBER
	marks
	op nmag "edge $NUMBER $G $LABEL"
	sleep 0.2
	expect "the buffer holds" 20 "$(op nmag "held $NUMBER")"
	plug 1 nmag
	arrives 1 nmag $NUMBER pmag
	closed nmag $NUMBER || fail "open: $(op nmag seams)"
	op nmag "end $NUMBER"
	leaves 1 pmag "$_old"
	N1=$NUMBER LIMITS=$_limits
	wait $_sender
	_got=$(result r1)
	expect "a buffer too small: nothing twice, nothing out of order" "0 0" "$(echo "$_got" | cut -d' ' -f6,12)"
	_lost=$(echo "$_got" | field lost) _dropped=$(counted nmag seam-overflow)
	[ "$_lost" -gt 100 ] && [ "$_lost" -le "$_dropped" ] && ok "and what is lost is counted: $_lost of $_dropped dropped" ||
		fail "lost $_lost, dropped $_dropped: $(op nmag seams)"
	grep -q "handover $NUMBER overflown" "$TMP/nmag.out" && ok "and told" || fail "the overflow is not told"
	whole "mn4 sees nothing of it" 6000 r4
	move 1 nmag pmag
}

# A group that the node is not to have at the new MAG, where another node has it: the old MAG forwards it all the same.
refused() {
	_limits=$LIMITS LIMITS="100000 20000 300" _old=$N1 NUMBER=$((NUMBER + 1)) _g=ff3e::8000:2
	op pmag "flow $(down pmag) $CN $_g"
	op pmag "out $(down pmag) $CN $_g link a1 $(mac 1) $_old"
	op nmag "flow $(down nmag) $CN $_g"
	op nmag "out $(down nmag) $CN $_g link a4 $(mac 4) 4"
	op lma "flow $UP $CN $_g"
	for _m in pmag nmag; do op lma "out $UP $CN $_g tunnel $LMAA $(coa $_m)"; done
	for _i in 1 4; do background f$_i mn$_i recv 6008 8 --group $_g --source $CN --dev e0 --want 300; done
	expects 1 nmag $NUMBER pmag
	forwards 1 pmag "$_old" nmag $NUMBER
	_was=$(counted pmag seam-forwarded) _dropped=$(drops nmag no-group)
	peer cn send $_g 6008 300 1000 --dev e0 --src $CN >/dev/null
	marks
	op nmag "edge $NUMBER $G $LABEL"
	op nmag "edge $NUMBER :: none"
	plug 1 nmag
	arrives 1 nmag $NUMBER pmag
	closed nmag $NUMBER || fail "open: $(op nmag seams)"
	[ "$(counted pmag seam-forwarded)" -ge $((_was + 300)) ] && ok "a group that is not the node's is forwarded" ||
		fail "forwarded: $(op pmag seams)"
	expect "and dropped" $((_dropped + 300)) "$(drops nmag no-group)"
	expect "so that the node does not get it" 0 "$(result f1 | cut -d' ' -f2)"
	whole "while another one does" 300 f4
	op nmag "end $NUMBER"
	for _m in pmag nmag; do op lma "unout $UP $CN $_g tunnel $LMAA $(coa $_m)"; done
	op lma "unflow $UP $CN $_g"
	op pmag "unout $(down pmag) $CN $_g link a1 $(mac 1) $_old"
	op pmag "unflow $(down pmag) $CN $_g"
	op nmag "unout $(down nmag) $CN $_g link a4 $(mac 4) 4"
	op nmag "unflow $(down nmag) $CN $_g"
	leaves 1 pmag "$_old"
	N1=$NUMBER LIMITS=$_limits
	move 1 nmag pmag
}

# The old MAG's link changes while its node's packets are forwarded; then the node stays.
link_changes() {
	NUMBER=$((NUMBER + 1))
	expects 1 nmag $NUMBER pmag
	forwards 1 pmag "$N1" nmag $NUMBER
	in_ns pmag ip link set a1 mtu 1300
	op pmag "link a1 access"
	op pmag "end $N1"
	op nmag "end $NUMBER"
	op nmag "unout $(down nmag) $CN $G held $NUMBER"
	_dropped=$(drops pmag too-big)
	peer cn send $G 6010 50 1000 --dev e0 --src $CN --size 1352 >/dev/null
	expect "packets are measured by the MTU that the link has now" $((_dropped + 50)) "$(drops pmag too-big)"
	in_ns pmag ip link set a1 mtu 1500
	op pmag "link a1 access"
}

# A node whose prefix is not of 64 bits, on both its ways.
narrow() {
	_old=$N2 NUMBER=$((NUMBER + 1))
	background down mn2 recv 6011 20 --want 400
	background up cn recv 6012 20 --want 400
	expects 2 nmag $NUMBER pmag
	forwards 2 pmag "$_old" nmag $NUMBER
	peer cn send 2001:db8:1:2::2 6011 200 2000 --src $CN >/dev/null
	plug 2 nmag
	attach 2 nmag $NUMBER $PCOA
	peer mn2 send $CN 6012 200 2000 >/dev/null
	op lma "route $(prefix 2) $LMAA $NCOA end-marker"
	peer mn2 send $CN 6012 200 2000 --first 200 >/dev/null
	whole "a prefix of 80 bits: from the node by the old MAG, before and after the LMA knows" 400 up
	peer cn send 2001:db8:1:2::2 6011 200 2000 --first 200 --src $CN >/dev/null
	whole "to the node, forwarded and by its own path" 400 down
	attach 2 nmag $NUMBER $LMAA
	op nmag "edge $NUMBER :: none"
	op nmag "out $(down nmag) $CN $G link a2 $(mac 2) $NUMBER"
	op nmag "unout $(down nmag) $CN $G held $NUMBER"
	closed nmag $NUMBER || fail "open: $(op nmag seams)"
	op nmag "end $NUMBER"
	leaves 2 pmag "$_old"
	N2=$NUMBER
	move 2 nmag pmag
}

# Nothing flows while the node moves: silence ends what there is to wait for.
quiet() {
	move 1 pmag nmag
	move 1 nmag pmag
	listen 1 6007 100
	peer cn send $G 6007 100 1000 --dev e0 --src $CN >/dev/null
	whole "a stream after moves in silence" 100 r1
}

nothing_left() {
	op pmag "untunnel $PCOA $NCOA"
	op nmag "untunnel $NCOA $PCOA"
	undrive pmag && undrive nmag && undrive lma && ok "no operation failed, nothing is left" ||
		fail "an operation failed: $(grep -h error "$TMP"/*.out)"
}

body() {
	two_mags
	programs
	streaming 1000
	streaming 10000
	crossing
	unicast
	quiet
	cancelled
	full
	refused
	link_changes
	narrow
	nothing_left
}

each_backend body
