#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A node that moves every 200 ms between three MAGs, under streams, 5 ms from its LMA; in the end every subscription is served
# once. With what the MAGs ask of the LMA alone, with what the LMA knows already, and with moves that are announced, some of them wrongly.
# MOVING=60 has it move for a minute each time (8 s).
# Long: 100 s.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

MOVING=${MOVING:-8}
SSM=ff3e::8000:91 ASM=ff1e::91

# restless SECONDS: a move every 200 ms by the clock, in no order; the last one's MAG is in AT.
restless() {
	rst_next=$(now_ms) rst_end=$(($(now_ms) + $1 * 1000)) MOVES=0
	while [ "$rst_next" -lt "$rst_end" ]; do
		rst_from=$AT
		AT=$((AT % 3 + 1))
		[ $((MOVES % 7)) -ne 6 ] || AT=$((AT % 3 + 1)) # back to where it came from, too
		$ANNOUNCE "$rst_from" "$AT"
		move mn1 "mag$AT"
		MOVES=$((MOVES + 1)) rst_next=$((rst_next + 200))
		rst_left=$((rst_next - $(now_ms)))
		[ $rst_left -le 0 ] || sleep "$(printf '0.%03d' $rst_left)"
	done
}
served_by() { show lma subscriptions | jq -r --arg g "$1" '[.mag_subscriptions[] | select(.group == $g) | .mag] | sort | join(",")'; }
served_once() { equals "$1" "$(served_by "$2")"; }
all_flow() { stream_flows ssm mn1 && stream_flows asm mn1 && stream_flows uni mn1; }

# what the others have of it: nothing
nothing_left() {
	for nl_mag in 1 2 3; do
		[ $nl_mag = "$AT" ] || node_is mag$nl_mag mn1 absent || return 1
	done
}

# unannounced, announced FROM TO: what the node's MAG is told before: where it goes to, or another MAG, and just before, or in time.
unannounced() { :; }
announced() {
	case $((MOVES % 5)) in
	0) ann_to=$2 ann_early=0 ;;
	1) ann_to=$((6 - $1 - $2)) ann_early=0 ;;
	2) ann_to=$((6 - $1 - $2)) ann_early=0.06 ;;
	3) ann_to=$2 ann_early=0.02 ;;
	4) ann_to=$2 ann_early=0.06 ;;
	esac
	# refused where the node is not registered there yet
	rc "mag$1" handover "$(mn_id mn1)" --to "mag$ann_to" --no-wait >/dev/null 2>&1 && ANNOUNCED=$((ANNOUNCED + 1))
	sleep $ann_early
}

round() { # TITLE SETTINGS ANNOUNCE
	ANNOUNCE=$3 ANNOUNCED=0
	step "$1"
	jq -n --argjson s "$2" '{mags: [1, 2, 3 | {name: "mag\(.)", delay: "5ms"}], mns: [{name: "mn1"}], settings: $s}' >"$TMP/topology.json"
	lab_up --topology "$TMP/topology.json"
	AT=1
	attach mn1 mag1
	check "it is served" on_mag mn1 mag1
	address=$(mn_addr mn1)
	stream_start ssm --group $SSM --to mn1 --rate 500
	stream_start asm --group $ASM --any-source --to mn1 --port 5002
	stream_start uni --group "$address" --to mn1 --port 5003
	check "the streams flow" eventually 8 all_flow
	restless "$MOVING"
	check "it moved often" at_least $((MOVING * 4)) $MOVES
	[ "$ANNOUNCE" = unannounced ] || check "with many moves announced" at_least $((MOVING * 2)) $ANNOUNCED
	check "it is registered where it is now, mag$AT" eventually 5 node_is "mag$AT" mn1 registered
	check "its streams flow there" eventually 5 all_flow
	check "nowhere else it is known" eventually 8 nothing_left
	check "there is one binding" equals 1 "$(show lma bindings '.bindings | length')"
	check "at that MAG" bound lma mn1 "2001:db8:ff::1:$AT"
	check "with its address" equals "$address" "$(mn_addr mn1)"
	check "the source-specific group is replicated once" eventually 5 served_once "mag$AT" $SSM
	check "the any-source one too" eventually 5 served_once "mag$AT" $ASM
	for s in ssm asm uni; do check "no packet of $s came twice" equals 0 "$(stream $s mn1 duplicates)"; done
	for s in ssm asm uni; do stream_stop $s >/dev/null; done
	stream_start after --group $SSM --to mn1 --rate 500
	check "a stream that begins now arrives" eventually 5 stream_flows after mn1
	sleep 1
	check "without a fault" stream_clean after mn1
	stream_stop after >/dev/null
	detach mn1
	not_replicated() { served_once "" $SSM && served_once "" $ASM; }
	check "with the node the groups go" eventually 20 not_replicated
	check "upstream too" eventually 20 not_joined $SSM $SRC_ADDR
	check "no daemon has a complaint" daemons_clean
	lab down
}

round "by MLD, and what the LMA has fetched" '{}' unannounced
round "the context kept at the LMA, which begins on its own" '{"mag.multicast.context": "kept", "lma.multicast.context": "kept",
	"mag.multicast.implicit-join": "yes", "lma.multicast.implicit-join": "yes"}' unannounced
round "announced, some of them wrongly, some too late" '{}' announced
