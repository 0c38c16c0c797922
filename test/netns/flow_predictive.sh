#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Predictive handover (draft Figure 5, RFC 5949, RFC 7411): a node that is handed over before it goes loses nothing, gets nothing twice and nothing out of
# order, multicast and unicast alike; and what becomes of it when it stays, or goes elsewhere.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

SSM=ff3e::8000:61 ASM=ff1e::61 FAST=ff3e::8000:62
# A busy machine may take longer than the 500 ms of the default to send the node over.
jq -n '{mags: [{name: "mag1"}, {name: "mag2"}, {name: "mag3"}], mns: [{name: "mn1"}, {name: "mn2"}],
	settings: {"mag.handover.hold": "3s", "mag.handover.buffer-age": "2s", "mag.bindack-initial": "200ms"}}' >"$TMP/topology.json"
lab_up --topology "$TMP/topology.json"

# spotless STREAM NODE...: each received, and nothing lost, doubled or out of order.
spotless() {
	spl_stream=$1
	shift
	sleep 0.6 # what is on its way
	for spl_node; do
		lab stream report "$spl_stream" --json | jq -e --arg n "$spl_node" '.nodes[$n] |
			.received > 0 and .lost == 0 and .duplicates == 0 and .reordered == 0' >/dev/null ||
			{ lab stream report "$spl_stream"; return 1; }
	done
}
handovers() { show "$1" handovers '.handovers | length'; }
no_handovers() { for nhv in mag1 mag2 mag3; do equals 0 "$(handovers $nhv)" || return 1; done; }
announce() { rc "$1" handover "$(mn_id "$2")" --to "$3"; }

step "several moves, each announced"
attach mn1 mag1
check "mn1 at mag1" on_mag mn1 mag1
address=$(mn_addr mn1)
stream_start ssm --group $SSM --rate 1000 --to mn1
stream_start asm --group $ASM --any-source --rate 200 --to mn1 --port 5002
stream_start uni --group "$address" --rate 1000 --to mn1 --port 5003
for s in ssm asm uni; do check "stream $s arrives" eventually 5 stream_flows $s mn1; done
capture pmag mag1 tr0 ip6
ns_start mn1 ping -6 -n -i 0.01 -c 800 -W 2 "$SRC_ADDR" >"$TMP/ping"
pinging=$HELPER
for to in mag2 mag3 mag1 mag3 mag2; do
	check "the node goes to $to when that is prepared" lab move mn1 $to --predictive
	check "and is registered there" eventually 5 node_is $to mn1 registered
	check "with its groups" sub_is $to mn1 $SSM active
	check "and the handover ends" eventually 5 no_handovers
done
for s in ssm asm uni; do check "nothing of $s was lost, doubled or out of order" spotless $s mn1; done
check "the node kept its address" equals "$address" "$(mn_addr mn1)"
check "and was de-registered by nobody" eventually 1 bound lma mn1 $MAG2_ADDR
wait $pinging
check "and what it asked for was answered, both ways, by whatever gateway" grep -q " 0% packet loss" "$TMP/ping"

step "on the wire"
check "HI with prefix and context" seen pmag "mh $MAG1_ADDR > $MAG2_ADDR hi checksum=good seq=[0-9]+ flags=UP code=0 mn=mn1@.*hnp=.*mmo=.*$SSM,$SRC_ADDR"
check "its HAck" seen pmag "mh $MAG2_ADDR > $MAG1_ADDR hack checksum=good seq=[0-9]+ flags=UP code=5 mn=mn1@"
check "that it is forwarded" seen pmag "mh $MAG1_ADDR > $MAG2_ADDR hi checksum=good seq=[0-9]+ flags=PF code=3 mn=mn1@"
check "and that it is over" seen pmag "mh $MAG2_ADDR > $MAG1_ADDR hi checksum=good seq=[0-9]+ flags=PF code=2 mn=mn1@"
check "tshark knows them" ts_has pmag "mip6.mhtype == 14"
check "the anchor was asked to mark" test "$(counter lma handover-groups-marked)" -ge 5
check "the old gateway forwarded" counter_above mag1 seam-forwarded 0

step "10 000 packets/s"
stream_stop ssm >/dev/null
stream_start fast --group $FAST --rate 10000 --size 200 --to mn1 --port 5004
check "stream fast arrives" eventually 5 stream_flows fast mn1
for to in mag1 mag3 mag2; do
	check "to $to" lab move mn1 $to --predictive
	check "the handover ends" eventually 5 no_handovers
done
check "nothing was lost, doubled or out of order" spotless fast mn1
stream_stop fast >/dev/null

step "it stays after all"
check "announced" announce mag2 mn1 mag3
check "mag3 expects it" node_is mag3 mn1 expected
check "mag2 hands it over" node_is mag2 mn1 handing-over
check "cancelled" rc mag2 handover "$(mn_id mn1)" --cancel
check "mag2 serves it" node_is mag2 mn1 registered
check "mag3 forgets it" eventually 2 node_is mag3 mn1 absent
for s in asm uni; do check "stream $s arrives" eventually 3 stream_flows $s mn1; done
check "announced again, and it does not go" announce mag2 mn1 mag1
check "it is served again when the time is over" eventually 6 node_is mag2 mn1 registered
for s in asm uni; do check "stream $s arrives" eventually 3 stream_flows $s mn1; done
check "and nothing is left" eventually 3 no_handovers
check_not "a gateway that is no candidate is not asked" rc mag2 handover "$(mn_id mn1)" --to mag9

step "to a third gateway"
check "announced for mag1" announce mag2 mn1 mag1
move mn1 mag3
for s in asm uni; do check "stream $s arrives at mag3" eventually 5 stream_flows $s mn1; done
check "the binding is there" bound lma mn1 "2001:db8:ff::1:3"
check "mag1 gives up" eventually 4 node_is mag1 mn1 absent
check "mag2 forgets it" eventually 4 node_is mag2 mn1 absent
check "and nothing is left" eventually 4 no_handovers

step "to a third gateway, and from there to the one that expected it"
twice=$(stream asm mn1 duplicates)
check "announced for mag2" announce mag3 mn1 mag2
move mn1 mag1
check "stream asm arrives at mag1" eventually 5 stream_flows asm mn1
check "mag2 is told, and expects it no longer" eventually 1 node_is mag2 mn1 absent
move mn1 mag2
for s in asm uni; do check "stream $s arrives at mag2" eventually 5 stream_flows $s mn1; done
check "what was held there was not sent once more" equals "$twice" "$(stream asm mn1 duplicates)"
check "and nothing is left" eventually 4 no_handovers

step "there and back"
check "to mag1" lab move mn1 mag1 --predictive
check "registered there" eventually 3 node_is mag1 mn1 registered
check "and at once back" lab move mn1 mag3 --predictive
check "served" eventually 5 node_is mag3 mn1 registered
for s in asm uni; do check "stream $s arrives" eventually 3 stream_flows $s mn1; done
check "and nothing is left" eventually 4 no_handovers
