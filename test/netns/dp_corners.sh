#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# MAG and LMA in one daemon, whose tunnel runs over lo; a narrow path with and without outer fragments; a next hop whose
# address is not known yet, changes, or fails; tables that are full; and the choice of the backend.
# shellcheck source=test/netns/dplib.sh disable=SC2046,SC2015
. "$(dirname "$0")/dplib.sh"

MN1=2001:db8:1:1::2
MN2=2001:db8:1:2::2
CN=2001:db8:c::2
G=ff3e::8000:1

one_daemon() {
	netns cn mag
	wire cn e0 mag u0
	in_ns cn ip addr add $CN/64 dev e0
	in_ns mag ip addr add 2001:db8:c::1/64 dev u0
	in_ns mag ip addr add $LMAA/128 dev lo
	in_ns mag ip addr add $PCOA/128 dev lo
	in_ns cn ip route add default via 2001:db8:c::1
	add_node 1
	add_node 2
	drive mag -b "$BACKEND" -p 1000
	op mag "link lo transport"
	op mag "link u0 upstream"
	op mag "tunnel $PCOA $LMAA"
	op mag "tunnel $LMAA $PCOA"
	op mag "home 2001:db8:1::/48"
	op mag "flow link u0 $CN $G"
	op mag "out link u0 $CN $G tunnel $LMAA $PCOA"
	op mag "flow tunnel $PCOA $LMAA $CN $G"
	for _i in 1 2; do
		op mag "link a$_i access"
		op mag "route 2001:db8:1:$_i::/64 $LMAA $PCOA"
		op mag "node $_i a$_i $(mac_of "mn$_i" e0) $PCOA $LMAA 2001:db8:1:$_i::/64"
		op mag "out tunnel $PCOA $LMAA $CN $G link a$_i $(mac_of "mn$_i" e0) $_i"
	done
	background ecn cn echo 7 300
	background emn2 mn2 echo 7 300
	expect "one daemon: node to correspondent" "answer 20" "$(peer mn1 ask $CN 7)"
	expect "one daemon: correspondent to node" "answer 20" "$(peer cn ask $MN2 7)"
	expect "one daemon: node to node" "answer 20" "$(peer mn1 ask $MN2 7)"
	background r1 mn1 recv 6001 5 --group $G --source $CN --dev e0 --want 200
	background r2 mn2 recv 6001 5 --group $G --source $CN --dev e0 --want 200
	peer cn send $G 6001 200 2000 --dev e0 >/dev/null
	expect "one daemon: multicast, first" "200 0 0" "$(result r1 | cut -d' ' -f2,4,6)"
	expect "one daemon: multicast, second" "200 0 0" "$(result r2 | cut -d' ' -f2,4,6)"
	expect "one daemon: an address of the home prefix that nobody has" "no-node 1" \
		"$(in_ns mag python3 "$HERE/dppeer.py" send 2001:db8:1:9::1 7 1 1 >/dev/null; op mag "count drop no-node")"
	undrive mag || fail "the dp did not end well"
}

narrow() {
	domain
	for _n in lma mag; do in_ns $_n ip link set t0 mtu 1300; done
	drive lma -b "$BACKEND" -p 1000 $1
	drive mag -b "$BACKEND" -p 1000 $1
	program
	background ecn cn echo 7 300
	expect "path of 1300${1:+ $1}: 1280 octets pass, in outer fragments" "answer 1232" "$(peer mn1 ask $CN 7 --size 1232)"
	if [ -z "$1" ]; then
		expect "path of 1300: 1281 do not" "error packet-too-big 1280 from $PCOA" "$(peer mn1 ask $CN 7 --size 1233)"
	else
		expect "path of 1300: nor 1500 with outer fragments" "answer 1452" "$(peer mn1 ask $CN 7 --size 1452)"
	fi
	expect "path of 1300: what the RA is to announce" 1280 "$(op mag "mtu $PCOA $LMAA" | tr -d ' ')"
}
narrow_whole() { narrow ""; }
narrow_pieces() { narrow -f; }

# The MAG's port gets another address while unicast flows.
next_hop() {
	domain
	drive lma -b "$BACKEND" -p 1000
	drive mag -b "$BACKEND" -p 1000
	program
	background emn1 mn1 echo 7 300
	background ecn cn echo 7 300
	expect "before" "answer 20" "$(peer cn ask $MN1 7)"
	in_ns mag ip link set t0 address 02:00:00:00:51:01
	op mag "link t0 transport"
	in_ns mag python3 "$HERE/dppeer.py" advertise t0 $PCOA
	expect "the MAG has another MAC" "answer 20" "$(peer cn ask $MN1 7 --tries 12)"
	in_ns lma ip route add 2001:db8:e::2/128 dev u0 2>/dev/null
	sleep 0.2
	expect "a route that leads astray" "silence" "$(peer cn ask $MN1 7 --tries 1)"
	in_ns lma ip route del 2001:db8:e::2/128 dev u0
	expect "and is taken back" "answer 20" "$(peer cn ask $MN1 7 --tries 12)"
	op lma "tunnel $LMAA 2001:db8:e::55"
	op lma "route 2001:db8:1:7::/64 $LMAA 2001:db8:e::55"
	op lma "flow link u0 $CN $G"
	op lma "out link u0 $CN $G tunnel $LMAA 2001:db8:e::55"
	peer cn send $G 6001 3 100 --dev e0 >/dev/null
	_n=$(drops lma no-neighbour)
	[ "$_n" -ge 1 ] || [ "$BACKEND" = user ] && ok "copies for a tunnel end that does not answer: no-neighbour $_n" ||
		fail "no-neighbour is $_n"
}

# An access link that has been there for a while has tcx besides clsact (Linux 6.6).
stays() {
	[ "$BACKEND" = ebpf ] || return 0
	case $(uname -r) in [1-5].* | 6.[0-5].*) return 0 ;; esac
	domain
	drive lma -b "$BACKEND"
	drive mag -b "$BACKEND"
	program
	background ecn cn echo 7 300
	sleep 5
	in_ns mag tc filter del dev a1 ingress
	expect "an access link that stays, without its clsact filter" "answer 20" "$(peer mn1 ask $CN 7)"
	op mag "link a1 access,transport"
	expect "with another role" "answer 20" "$(peer mn1 ask $CN 7)"
	op mag "unlink a1"
	expect "taken out" "silence" "$(peer mn1 ask $CN 7 --tries 1)"
	op mag "link a1 access"
	op mag "node 1 a1 $(mac_of mn1 e0) $PCOA $LMAA 2001:db8:1:1::/64"
	expect "and there again" "answer 20" "$(peer mn1 ask $CN 7)"
}

# Copies that nothing takes: a node's link is down, and the way to a tunnel's end leads nowhere.
untaken() {
	domain
	drive lma -b "$BACKEND"
	drive mag -b "$BACKEND"
	program
	op lma "flow link u0 $CN $G"
	op lma "out link u0 $CN $G tunnel $LMAA $PCOA"
	op mag "flow tunnel $PCOA $LMAA $CN $G"
	for _i in 1 2; do op mag "out tunnel $PCOA $LMAA $CN $G link a$_i $(mac_of mn$_i e0)"; done
	peer cn send $G 6001 3 100 --dev e0 >/dev/null
	expect "copies to links that are up: output" 0 "$(drops mag output)"
	in_ns mag ip link set a1 down
	in_ns mag ip link set a2 down
	peer cn send $G 6001 3 100 --dev e0 >/dev/null
	# The eBPF program hands the last copy over, and does not hear what became of it.
	expect "copies to links that are down: output" "$([ "$BACKEND" = user ] && echo 6 || echo 3)" "$(drops mag output)"
	in_ns lma ip -6 route add unreachable 2001:db8:e::66/128
	op lma "tunnel $LMAA 2001:db8:e::66"
	op lma "out link u0 $CN $G tunnel $LMAA 2001:db8:e::66"
	expect "a way that is there: no-neighbour" 0 "$(drops lma no-neighbour)"
	peer cn send $G 6001 3 100 --dev e0 >/dev/null
	expect "and one that is not: no-neighbour" 3 "$(drops lma no-neighbour)"
}

# An anchor in eBPF and a gateway in user space behind one veth, and the other way round: no device cuts what TCP sends.
mixed() {
	[ "$BACKEND" = ebpf ] || return 0
	domain
	drive lma -b "$1" -p 1000
	drive mag -b "$2" -p 1000
	program
	background down cn tcp-serve 80 20
	expect "$1 and $2, TCP down" right "$(peer mn1 tcp-get $CN 80 5000000 | cut -d' ' -f1)"
	background up mn1 tcp-serve 80 20
	expect "$1 and $2, TCP up" right "$(peer cn tcp-get $MN1 80 5000000 | cut -d' ' -f1)"
}
mixed_down() { mixed ebpf user; }
mixed_up() { mixed user ebpf; }

full() {
	domain
	drive lma -b "$BACKEND" -t 2
	drive mag -b "$BACKEND"
	program
	expect "two tunnels go in" "" "$(op lma "tunnel $LMAA 2001:db8:e::3")"
	case $(op lma "tunnel $LMAA 2001:db8:e::4") in
	*"problem: table full"*"error: tunnel: No space left on device"*) ok "the third is refused, and said" ;;
	*) fail "a full table: $(tail -n 3 "$TMP/lma.out")" ;;
	esac
	expect "after one went there is room" "" "$(op lma "untunnel $LMAA 2001:db8:e::3"; op lma "tunnel $LMAA 2001:db8:e::4")"
	case $(op lma "untunnel $LMAA $PCOA") in
	*"Device or resource busy"*) ok "a tunnel with routes is not taken away" ;;
	*) fail "untunnel" ;;
	esac
}

choice() {
	[ "$BACKEND" = user ] || return 0
	netns lma
	case $(echo backend | in_ns lma setpriv --bounding-set=-sys_admin,-bpf --inh-caps=-all "$DRIVE" -b auto) in
	"user eBPF: "*CAP_BPF*) ok "without CAP_BPF auto takes the user backend, and says why" ;;
	*) fail "auto without CAP_BPF" ;;
	esac
	case $(echo backend | in_ns lma setpriv --bounding-set=-sys_admin,-bpf --inh-caps=-all "$DRIVE" -b ebpf) in
	"error: eBPF: "*CAP_BPF*) ok "and ebpf alone fails, and says why" ;;
	*) fail "ebpf without CAP_BPF" ;;
	esac
	expect "with it, auto is" "ebpf -" "$(echo backend | in_ns lma "$DRIVE" -b auto)"
}

body() {
	for _part in one_daemon narrow_whole narrow_pieces next_hop stays untaken mixed_down mixed_up full choice; do
		(begin; P=$P$_part; $_part) || fail "$_part broke off"
	done
}

each_backend body
