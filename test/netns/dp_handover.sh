#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The data plane's half of a predictive handover: nodes move between two MAGs while streams flow, and miss nothing, get nothing
# twice and nothing out of order. docs/handover-predictive.md has the rule; here each step of it is an operation.
#
#   cn --- u0 lma t0 --- (net) --- t0 pmag a1 --- (air) --- mn1, which the air plugs to the one or the other
#                            \                 a2 ---- .. --- mn2
#                             \                a3 --- mn3: stays there
#                              `--- t0 nmag a1 --- (air), a2, and a4 --- mn4: stays there
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
prefix() { echo "2001:db8:1:$1::/64"; }

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
LIMITS="100000 20000 300"
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
closed() { tenacious 5 grep -q "handover $2 closed" "$TMP/$1.out"; }
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

listen() { background "r$1" "mn$1" recv "$2" 60 --group $G --source $CN --dev e0 --want "$3"; }
whole() { expect "$1" "$2 0 0 0" "$(result "$3" | cut -d' ' -f2,4,6,12)"; }

# streaming RATE: mn1 moves to the other MAG and back, and mn2 meanwhile, while 5 seconds of a stream flow
streaming() {
	_count=$((5 * $1))
	for _i in 1 2 3 4; do listen $_i 6001 $_count; done
	background labels nmag labels t0 5.5
	peer cn send $G 6001 $_count "$1" --dev e0 --src $CN >/dev/null &
	_sender=$!
	sleep 0.7
	move 1 pmag nmag
	move 1 nmag pmag
	wait $_sender
	for _i in 1 2; do whole "$1/s: mn$_i, which $([ $_i = 1 ] && echo "moved twice" || echo "stayed")" $_count r$_i; done
	whole "$1/s: mn3, at the old MAG" $_count r3
	whole "$1/s: mn4, at the new MAG" $_count r4
	say "      pmag: $(op pmag seams)"
	say "      nmag: $(op nmag seams)"
	expect "no late packet, none that overflowed" "" \
		"$( (op pmag seams; op nmag seams) | tr ' ' '\n' | grep -e late -e overflow -e aged -e forced -e lost -e unmarked)"
}

body() {
	two_mags
	programs
	streaming 1000
	streaming 10000
}

each_backend body
