# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034,SC2154,SC2086 # eval sets some; lists of words are meant to split
# A small domain for the tests of the data plane alone: no daemon, dpdrive carries out the operations.
#
#   cn  2001:db8:c::2 -------- 2001:db8:c::1  lma  2001:db8:e::1 ---- 2001:db8:e::2  mag  ------ mn1 2001:db8:1:1::2
#       (source, correspondent)  u0                t0                 t0                  a1 --- mn1
#                                                                                         a2 --- mn2 2001:db8:1:2::2
#
# The nodes' default router is the MAG's link-local address. Everything lies in namespaces of a name of its own.

P=${P:-dp$$}
HERE=${HERE:-$(cd "$(dirname "$0")" && pwd)}
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$HERE/../../$BUILD ;; esac
DRIVE=${DRIVE:-$BUILD/tools/dpdrive}
LMAA=2001:db8:e::1
PCOA=2001:db8:e::2
TMP=
PIDS=
COUNTS=

[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
[ -x "$DRIVE" ] || { echo "$DRIVE is missing: make it first"; exit 99; }

say() { printf '%s\n' "$*"; }
fail() { say "FAIL  $*"; echo fail >>"$COUNTS"; }
ok() { say "  ok  $*"; echo ok >>"$COUNTS"; }

# each_backend FUNCTION: runs it with BACKEND=ebpf and then user, each in a domain of its own, and ends the test
each_backend() {
	COUNTS=$(mktemp)
	for BACKEND in ${BACKENDS:-ebpf user}; do
		say "# $BACKEND"
		(begin; "$1") || echo fail >>"$COUNTS"
	done
	_ok=$(grep -c ok "$COUNTS") _fail=$(grep -c fail "$COUNTS")
	rm -f "$COUNTS"
	say "$_ok passed, $_fail failed"
	[ "$_fail" -eq 0 ]
	exit
}

# expect WHAT WANTED GOT
expect() { if [ "$2" = "$3" ]; then ok "$1 = $3"; else fail "$1: $3 instead of $2"; fi; }

# tenacious SECONDS COMMAND...: until it succeeds
tenacious() {
	_end=$(($(date +%s) + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$_end" ] || return 1
		sleep 0.05
	done
}

in_ns() { _ns=$1; shift; ip netns exec "$P-$_ns" "$@"; }

cleanup() {
	trap - EXIT INT TERM
	trap '' PIPE
	for _p in $PIDS; do kill "$_p" 2>/dev/null; done
	for _p in $PIDS; do wait "$_p" 2>/dev/null; done
	for _n in $(ip netns list | awk -v p="$P-" 'index($1, p) == 1 { print $1 }'); do ip netns del "$_n"; done
	[ -z "$TMP" ] || rm -rf "$TMP"
}

begin() {
	TMP=$(mktemp -d)
	trap cleanup EXIT
	trap 'exit 130' INT TERM PIPE # PIPE: dpdrive is gone
}

# netns NAME...: with lo up and no duplicate address detection, which would make each test wait a second
netns() {
	for _n in "$@"; do
		ip netns add "$P-$_n"
		in_ns "$_n" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0
		in_ns "$_n" ip link set lo up
	done
}

# wire NS1 IF1 NS2 IF2
wire() {
	ip link add "$2" netns "$P-$1" type veth peer name "$4" netns "$P-$3"
	in_ns "$1" ip link set "$2" up
	in_ns "$3" ip link set "$4" up
}

mac_of() { in_ns "$1" cat "/sys/class/net/$2/address"; }
link_local_of() { in_ns "$1" ip -6 -o addr show dev "$2" scope link | sed 's/.*inet6 \([^/]*\).*/\1/'; }

# node N: namespace mnN on the MAG's aN
add_node() {
	netns "mn$1"
	wire mag "a$1" "mn$1" e0
	in_ns "mn$1" ip addr add "2001:db8:1:$1::2/64" dev e0
	tenacious 5 link_local_up mag "a$1"
	in_ns "mn$1" ip route add default via "$(link_local_of mag "a$1")" dev e0
}
link_local_up() { [ -n "$(link_local_of "$1" "$2")" ]; }

domain() {
	netns cn lma mag
	wire cn e0 lma u0
	wire lma t0 mag t0
	in_ns cn ip addr add 2001:db8:c::2/64 dev e0
	in_ns lma ip addr add 2001:db8:c::1/64 dev u0
	in_ns lma ip addr add $LMAA/64 dev t0
	in_ns mag ip addr add $PCOA/64 dev t0
	in_ns cn ip route add default via 2001:db8:c::1
	in_ns mag ip route add default via $LMAA
	for _i in 1 2; do add_node $_i; done
}

# drive NS [OPTIONS]: a dpdrive in NS that obeys `op NS ...`
drive() {
	_ns=$1; shift
	mkfifo "$TMP/$_ns.in"
	: >"$TMP/$_ns.out"
	# exec: $! is then the process itself, not a shell that a signal would take from above it
	(exec ip netns exec "$P-$_ns" "$DRIVE" "$@") <"$TMP/$_ns.in" >"$TMP/$_ns.out" 2>"$TMP/$_ns.err" &
	PIDS="$PIDS $!"
	eval "DRIVE_$_ns=$!"
	case $_ns in
	lma) exec 8>"$TMP/lma.in" ;;
	nmag) exec 7>"$TMP/nmag.in" ;;
	*) exec 9>"$TMP/$_ns.in" ;;
	esac
}

# op NS LINE: carries it out and waits for it; prints what was answered
op() {
	_ns=$1; shift
	_seen=$(wc -l <"$TMP/$_ns.out")
	case $_ns in
	lma) printf '%s\nsync\n' "$*" >&8 ;;
	nmag) printf '%s\nsync\n' "$*" >&7 ;;
	*) printf '%s\nsync\n' "$*" >&9 ;;
	esac
	if ! tenacious 20 sync_seen "$_ns" "$_seen"; then
		fail "$_ns does not answer to: $*"
		sed "s/^/    $_ns: /" "$TMP/$_ns.out" "$TMP/$_ns.err"
		return 1
	fi
	tail -n +"$((_seen + 1))" "$TMP/$_ns.out" | grep -v -e '^ok$' -e '^packet' -e '^handover'
	return 0
}
sync_seen() { tail -n +"$(($2 + 1))" "$TMP/$1.out" | grep -q '^ok$'; }

# undrive NS: ends it; the status is its own
undrive() {
	eval "_pid=\$DRIVE_$1"
	case $1 in lma) printf 'quit\n' >&8 ;; nmag) printf 'quit\n' >&7 ;; *) printf 'quit\n' >&9 ;; esac
	wait "$_pid"
}

drops() { op "$1" "count drop $2" | awk '{ print $2 }'; }

# the usual: LMA and MAG with the two nodes registered
program() {
	op lma "link t0 transport"
	op lma "link u0 upstream"
	op lma "tunnel $LMAA $PCOA"
	op mag "link t0 transport"
	op mag "tunnel $PCOA $LMAA"
	for _i in 1 2; do
		op lma "route 2001:db8:1:$_i::/64 $LMAA $PCOA"
		op mag "link a$_i access"
		op mag "node $_i a$_i $(mac_of "mn$_i" e0) $PCOA $LMAA 2001:db8:1:$_i::/64"
	done
}

# ---- traffic -------------------------------------------------------------------------------------------
peer() { _ns=$1; shift; in_ns "$_ns" python3 "$HERE/dppeer.py" "$@"; }

# background NAME NS ARGS...: a peer whose output is "$TMP/NAME"; returns once it is ready
background() {
	_name=$1; shift
	: >"$TMP/$_name"
	_ns=$1; shift
	(exec ip netns exec "$P-$_ns" python3 "$HERE/dppeer.py" "$@") >"$TMP/$_name" 2>&1 &
	PIDS="$PIDS $!"
	tenacious 5 grep -q ready "$TMP/$_name" || fail "$_name did not start: $(cat "$TMP/$_name")"
}

# result NAME: waits until it has said what it has to say, and prints that. (No `wait`: this runs in subshells.)
result() {
	tenacious 60 grep -qv '^ready' "$TMP/$1" || fail "$1 never ended"
	grep -v '^ready' "$TMP/$1"
}
field() { awk -v k="$1" '{ for (i = 1; i < NF; i++) if ($i == k) print $(i + 1) }'; }
