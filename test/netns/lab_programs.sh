#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Programs that are not ours, in the nodes and at the source, through a domain: iperf 2 counts a source-specific
# stream, before and after a handover and where packets are lost; ssmping has multicast and unicast side by side.
# The topology is drawn in lib.sh.
. "$(dirname "$0")/lib.sh"
both_dataplanes
command -v iperf >/dev/null || skip "iperf 2 is not installed"

GROUP=ff3e::8000:9

# The receiver's own "Lost/Total" of its last line.
read_lost() {
	sed -n 's|.* ms \([0-9]*\)/ *\([0-9]*\) .*|\1 \2|p' "$1" | tail -n 1 >"$TMP/lost"
	read -r lost total <"$TMP/lost" || lost=none total=0
}
receive() { ns_start mn1 iperf -s -u -V -B $GROUP%eth0 -H $SRC_ADDR -i 1 -t "$1" >"$2" 2>&1; }
send() { ns src iperf -u -V -b 4M -l 1000 -t "$1" --ttl 8 -c $GROUP >"$TMP/sent" 2>&1; }
sent() { sed -n 's/.*Sent \([0-9]*\) datagrams.*/\1/p' "$TMP/sent"; }

lab_up --mags 2 --mns 1
attach mn1 mag1
check "the node is at home" eventually 6 mn_addr mn1

step "iperf: a source-specific stream"
receive 6 "$TMP/first"
check "joined, says the router" eventually 3 joined $GROUP $SRC_ADDR
send 2
sleep 0.5
read_lost "$TMP/first"
check "iperf received what it sent" at_least $(($(sent) - 2)) "$total"
check "and lost nothing" equals 0 "$lost"
helper_stop "$HELPER"
check "left, says the router" eventually 5 not_joined $GROUP $SRC_ADDR

step "iperf: exactly what nftables drops is lost"
receive 6 "$TMP/second"
check "joined again" eventually 3 joined $GROUP $SRC_ADDR
loss_if mn1 eth0 50 "udp dport 5001"
send 2
sleep 0.5
no_packet_follows() { [ "$(loss_count mn1)" = "$(sleep 0.3; loss_count mn1)" ]; }
check "the stream is over" eventually 3 no_packet_follows
dropped=$(loss_count mn1)
no_loss mn1
read_lost "$TMP/second"
check "some were dropped" at_least 10 "$dropped"
# A drop among the last packets is not seen by who counts gaps.
check "iperf missed as many" at_least $((dropped - 1)) "$lost"
check "and no more" at_most "$dropped" "$lost"
helper_stop "$HELPER"

if command -v ssmping >/dev/null; then
	step "ssmping: multicast beside unicast, at the second MAG"
	move mn1 mag2
	ns_start src ssmpingd >/dev/null 2>&1
	answered() { ns mn1 ssmping -6 -c 1 -I eth0 $SRC_ADDR | grep -q 'unicast from'; }
	check "the node is at home there" eventually 5 answered
	ns mn1 ssmping -6 -c 6 -I eth0 $SRC_ADDR >"$TMP/ssmping" 2>&1
	# The first is answered before the join has arrived, and ssmping may end before the last is.
	answers() {
		at_least 4 "$(grep -c "^ *$1 from $SRC_ADDR" "$TMP/ssmping")" && return
		cat "$TMP/ssmping"
		return 1
	}
	check "unicast" answers unicast
	check "multicast" answers multicast
fi
