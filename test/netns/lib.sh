# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # what the tests use of it
# Helpers for the tests in network namespaces. A test sources this file first:
#
#	. "$(dirname "$0")/lib.sh"
#	lab_up --mags 2 --mns 2
#	attach mn1 mag1
#	check "mn1 is registered" eventually 5 node_is mn1 mag1 registered
#
# What lab_up raises (`roamcast lab`; the namespaces are $P-src, $P-rtr, ...; P is private to the test):
#
#	src --up0-- [ rtr: br0 ] --up0-- lma --tr0-- [ net: br0 ] --tr0-- mag1 --acc1-- eth0 mn1
#	  2001:db8:aaaa::5   |        ::10:1 2001:db8:ff::1    |    ::1:1          (no address of ours:
#	                the judge:                             `--tr0-- mag2       an ordinary Linux host)
#	       MLDv2 querier and snooper, its MDB                    ::1:2
#	       shows what the LMA has joined
#
# A test that is to hold on both data planes calls `both_dataplanes` before lab_up.
#
# Whatever way the test ends, its lab and its helpers are taken away; on a failure the daemons' logs are shown first.
# The last line is "N passed, N failed". Exit status: 0 passed, 1 failed, 77 skipped (no root, no namespaces).

set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
TEST=$(basename "$0" .sh)
P=${LAB_PREFIX:-t$$}
SRC_ADDR=2001:db8:aaaa::5
LMA_ADDR=2001:db8:ff::1
SSM_GROUP=ff3e::8000:1
ASM_GROUP=ff1e::1:1
DATAPLANE=${DATAPLANE:-}
PASSED=0
FAILED=0
TMP=
HELPERS=

ROAMCAST=${ROAMCAST:-$BUILD/roamcast}
LABTOOL=$ROAMCAST

say() { printf '%s\n' "$*"; }
step() { say "# $*"; }
skip() { say "skipped: $*"; exit 77; }

# Run the whole test on each data plane, both at once (most of a test is waiting), unless DATAPLANE names the one.
both_dataplanes() {
	[ -z "$DATAPLANE" ] || return 0
	both_status=0 both_running=
	for both_plane in ebpf user; do
		DATAPLANE=$both_plane LAB_PREFIX=$P-$both_plane "$0" "$@" >"$TMP/both-$both_plane" 2>&1 &
		both_running="$both_running $both_plane:$!"
		HELPERS="$HELPERS $!"
	done
	for both_plane in $both_running; do
		wait "${both_plane#*:}" || both_status=$?
		both_log=$TMP/both-${both_plane%:*}
		step "data plane ${both_plane%:*}"
		sed '$d' "$both_log"
		both_line=$(tail -n 1 "$both_log")
		case $both_line in
		*" passed, "*" failed")
			PASSED=$((PASSED + ${both_line%% *}))
			both_line=${both_line#*, }
			FAILED=$((FAILED + ${both_line%% *}))
			;;
		*) say "$both_line" ;;
		esac
	done
	exit $both_status
}

# The failed check, what the daemons said last, and out.
fail() {
	say "not ok - $*"
	for log in "$(lab_dir)"/*.log; do
		[ -s "$log" ] || continue
		say "  ---- $(basename "$log")"
		tail -n "${LOG_LINES:-25}" "$log" | sed 's/^/  /'
	done
	exit 1
}

# check TEXT COMMAND...: the command must succeed. Its output is shown only where it does not.
check() {
	check_text=$1
	shift
	if check_out=$("$@" 2>&1); then
		PASSED=$((PASSED + 1))
		say "ok $PASSED - $check_text"
	else
		check_status=$?
		say "  $*: status $check_status"
		[ -z "$check_out" ] || printf '%s\n' "$check_out" | sed 's/^/  /'
		fail "$check_text"
	fi
}

# check_not TEXT COMMAND...: the command must run and fail.
check_not() {
	check_text=$1
	shift
	if check_out=$("$@" 2>&1); then
		say "  $*: succeeded"
		fail "$check_text"
	fi
	PASSED=$((PASSED + 1))
	say "ok $PASSED - $check_text"
}

# eventually SECONDS COMMAND...: again and again until it succeeds. The last attempt's output is printed. What stands in
# $(...) among the arguments is run once, before: a condition that changes is to be a function.
eventually() {
	ev_end=$(($(now_ms) + $1 * 1000))
	shift
	while :; do
		ev_out=$("$@" 2>&1) && break
		if [ "$(now_ms)" -ge "$ev_end" ]; then
			[ -z "$ev_out" ] || printf '%s\n' "$ev_out"
			return 1
		fi
		sleep 0.05
	done
	[ -z "$ev_out" ] || printf '%s\n' "$ev_out"
}

# throughout SECONDS COMMAND...: it must succeed all that time.
throughout() {
	th_end=$(($(now_ms) + $1 * 1000))
	shift
	while [ "$(now_ms)" -lt "$th_end" ]; do
		"$@" || return 1
		sleep 0.1
	done
}

now_ms() { cut -d' ' -f1 /proc/uptime | awk '{printf "%d", $1 * 1000}'; }

# equals WANTED GOT, at_least N GOT, at_most N GOT
equals() { [ "$1" = "$2" ] || { say "wanted '$1', got '$2'"; return 1; }; }
at_least() { [ "$2" -ge "$1" ] || { say "wanted at least $1, got $2"; return 1; }; }
at_most() { [ "$2" -le "$1" ] || { say "wanted at most $1, got $2"; return 1; }; }

# ---- the lab ----------------------------------------------------------------------------------------------

lab() { "$LABTOOL" lab --prefix "$P" "$@"; }
lab_dir() { say "/run/roamcast/lab/$P"; }

# Let the daemons end, and look whether a sanitizer had something to say of them.
daemons_clean() {
	for log in "$(lab_dir)"/*.sock; do
		[ ! -e "$log" ] || lab daemon stop "$(basename "$log" .sock)"
	done
	! grep -hE -A 12 'runtime error:|(Address|Leak|Undefined)Sanitizer' "$(lab_dir)"/*.log
}

cleanup() {
	cleanup_status=$?
	trap - EXIT INT TERM HUP
	for pid in $HELPERS; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	if [ -e "$(lab_dir)/state.json" ]; then
		[ $cleanup_status -ne 0 ] || daemons_clean || cleanup_status=1
		lab down
	fi
	[ -z "$TMP" ] || rm -rf "$TMP"
	[ $cleanup_status -eq 0 ] || [ $cleanup_status -eq 77 ] || [ $FAILED -ne 0 ] || FAILED=1
	say "$PASSED passed, $FAILED failed"
	exit $cleanup_status
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
[ -x "$LABTOOL" ] || skip "$LABTOOL is not built"
[ -d "$BUILD/tools" ] || skip "the test tools are not built: make test-tools"
ip netns list >/dev/null 2>&1 || skip "no network namespaces here"
TMP=$(mktemp -d "${TMPDIR:-/tmp}/roamcast-$TEST.XXXXXX")

# lab_up [options of `roamcast lab up`]
lab_up() {
	lab up --dataplane "${DATAPLANE:-auto}" "$@" >"$TMP/up.log" 2>&1 && return
	cat "$TMP/up.log"
	fail "lab up $*"
}

# ns NODE COMMAND...: in that node's namespace, in the foreground.
ns() {
	ns_node=$1
	shift
	ip netns exec "$P-$ns_node" "$@"
}

# ns_start NODE COMMAND...: in the background until the test ends; its id is in HELPER.
ns_start() {
	ns_node=$1
	shift
	ip netns exec "$P-$ns_node" "$@" &
	HELPER=$!
	HELPERS="$HELPERS $HELPER"
}

helper_stop() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

attach() { lab attach "$@" || fail "lab attach $*"; }
move() { lab move "$@" || fail "lab move $*"; }
detach() { lab detach "$@" || fail "lab detach $*"; }

# ---- asking the daemons -----------------------------------------------------------------------------------

sock() { say "$(lab_dir)/$1.sock"; }

# rc NODE ARGS...: `roamcast ARGS` against that node's daemon.
rc() {
	rc_node=$1
	shift
	"$ROAMCAST" -s "$(sock "$rc_node")" "$@"
}

# show NODE VIEW [JQ-FILTER]: the view as JSON, or what the filter makes of it.
show() { rc "$1" show "$2" --json | jq -r "${3:-.}"; }

# policy ARGS...: `roamcast policy ARGS` on the lab's own store.
policy() { "$ROAMCAST" policy --store "$(lab_dir)/policy.db" "$@"; }

# ---- judges that are not ours -----------------------------------------------------------------------------

# mdb: what the upstream bridge has heard joined, a line "port group source" each ("*": any source). Link-local
# groups are left out.
mdb() {
	bridge -n "$P-rtr" -d -j mdb show | jq -r '.[].mdb[]? | select(.grp | test("^ff.2:") | not)
		| select(.src != null or .filter_mode == "exclude") | select(.flags | index("blocked") | not)
		| "\(.port) \(.grp) \(.src // "*")"'
}

# joined GROUP [SOURCE] [PORT]; not_joined the same: does the bridge send this to the LMA?
joined() { mdb | grep -qxF "${3:-lma} $1 ${2:-*}" || { mdb; return 1; }; }
not_joined() { ! joined "$@" >/dev/null || { mdb; return 1; }; }

# mn_memberships MN: groups of the node's own kernel.
mn_memberships() { ns "$1" ip -6 maddress show dev eth0; }

# mn_addr MN: its global address; fails while there is none that can be used.
mn_addr() {
	mn_a=$(ip -n "$P-$1" -j -6 address show dev eth0 scope global -tentative |
		jq -r '[.[].addr_info[]? | select((.preferred_life_time // 1) > 0) | .local] | first // empty')
	[ -n "$mn_a" ] && say "$mn_a"
}

mn_prefix() { mn_addr "$1" | sed 's/:[^:]*:[^:]*:[^:]*:[^:]*$/::\/64/'; }

# ---- packets ----------------------------------------------------------------------------------------------

# Streams: see `roamcast lab help`. stream NAME END FIELD reads one number of a running stream's report; END is
# a node, or "sender".
stream_start() { lab stream start "$@" || fail "lab stream start $*"; }
stream_stop() { lab stream stop "$1" --json; }
stream() {
	if [ "$2" = sender ]; then
		lab stream report "$1" --json | jq -r ".sender.$3 // 0"
	else
		lab stream report "$1" --json | jq -r ".nodes.\"$2\".$3 // 0"
	fi
}

# stream_flows NAME NODE: packets arrive now. stream_silent NAME NODE [SECONDS]: none does, for 0.5 s or longer.
stream_flows() {
	sf_before=$(stream "$1" "$2" received)
	sleep 0.25
	at_least $((sf_before + 1)) "$(stream "$1" "$2" received)"
}
stream_silent() {
	sleep 0.15 # the report may be 0.1 s old
	sf_before=$(stream "$1" "$2" received)
	sleep "${3:-0.5}"
	equals "$sf_before" "$(stream "$1" "$2" received)"
}
# stream_clean NAME NODE: some packets, none lost, none twice, all in order.
stream_clean() {
	lab stream report "$1" --json | jq -e --arg n "$2" '.nodes[$n] | .received > 0 and .lost == 0 and
		.duplicates == 0 and .reordered == 0' >/dev/null || { lab stream report "$1"; return 1; }
}

# loss NODE IF N: of what arrives at that interface, every Nth packet is lost, from now on; loss_if NODE IF N MATCH
# loses only what the nftables expression matches. loss_count tells how many were; no_loss ends it.
loss() { loss_if "$1" "$2" "$3" ""; }
loss_if() {
	ns "$1" nft -f - <<-END || fail "loss $*"
		table netdev loss {
			chain in {
				type filter hook ingress device "$2" priority 0;
				$4 numgen inc mod $3 $(($3 - 1)) counter drop
			}
		}
	END
}
loss_count() {
	ns "$1" nft -j list table netdev loss | jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add'
}
no_loss() { ns "$1" nft delete table netdev loss; }

# capture NAME NODE IF [FILTER]: tcpdump into a file until captured; captured NAME stops it and prints the file's
# path (to be read with tshark or tcpdump -r).
capture() {
	cap_name=$1 cap_node=$2 cap_if=$3
	shift 3
	ns_start "$cap_node" tcpdump -i "$cap_if" --immediate-mode -U -q -w "$TMP/$cap_name.pcap" "$@" 2>"$TMP/$cap_name.err"
	eval "CAP_$cap_name=$HELPER"
	eventually 5 grep -q "listening on" "$TMP/$cap_name.err" || fail "tcpdump at $cap_node"
}
captured() {
	sleep 0.1
	eval "helper_stop \$CAP_$1"
	say "$TMP/$1.pcap"
}
