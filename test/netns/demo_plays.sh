#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `roamcast demo`: it plays on both data planes with every expectation met, tells the same as JSON, stops when it is
# interrupted, and leaves nothing behind. Its topology is drawn in docs/lab.md.
. "$(dirname "$0")/lib.sh"
both_dataplanes

nothing_left() {
	! ip netns list | grep "^rc-demo-$1-" && ! pgrep -f "roamcast/lab/rc-demo-$1/" &&
		! ls -d /run/roamcast/lab/rc-demo-"$1"* 2>/dev/null
}
# The demonstration's labs are named after its process.
demo() {
	"$ROAMCAST" demo --dataplane "$DATAPLANE" "$@" >"$TMP/out" 2>"$TMP/err" &
	demo_pid=$!
	HELPERS="$HELPERS $demo_pid"
}

step "as JSON, to its end"
start=$(now_ms)
demo --json
wait "$demo_pid"
status=$?
took=$(($(now_ms) - start))
[ $status -eq 0 ] || cat "$TMP/out" "$TMP/err"
check "it ends well" equals 0 $status
check "in less than 40 s" at_most 40000 $took
check "one JSON object on standard output, and it agrees" jq -es 'length == 1 and .[0].passed' "$TMP/out"
check "on the data plane asked for" jq -e --arg d "$DATAPLANE" '.dataplane == $d' "$TMP/out"
check "both kinds of group crossed a handover" \
	jq -e '[.handovers[] | select(.gap_ms > 0) | .stream] | index("TV") and index("NEWS")' "$TMP/out"
check "side by side: the announced node lost nothing, by multicast or unicast" \
	jq -e '[.handovers[] | select(.announced)] | length == 2 and all(.lost == 0)' "$TMP/out"
check "and the other, at the same time, did" jq -e '.handovers[-1] | .announced == false and .lost > 0' "$TMP/out"
check "nothing is left" nothing_left "$demo_pid"

if [ "$DATAPLANE" = ebpf ] && command -v ffmpeg >/dev/null; then
	step "with a picture"
	demo --json --video
	wait "$demo_pid"
	check "it ends well" equals 0 $?
	check "pictures came" jq -e '.video.pictures > 100' "$TMP/out"
	# At 1.5 Mb/s some 150 packets a second, and the node is without a link, or not yet known, for a tenth of one.
	check "the receiver's own count of missed packets is that of a handover" \
		jq -e '.video.missed_packets < 300' "$TMP/out"
	check "nothing is left" nothing_left "$demo_pid"
fi

step "interrupted"
for at in 0.2 3; do
	demo
	sleep $at
	kill -INT "$demo_pid"
	wait "$demo_pid"
	check "interrupted after $at s, it says so" equals 130 $?
	check "nothing is left" nothing_left "$demo_pid"
done
