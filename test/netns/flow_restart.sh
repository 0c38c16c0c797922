#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Sudden death of an LMA and of a MAG, found by their heartbeats (RFC 5847). Bindings live for an hour here, so that nothing else
# brings service back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

INTERVAL=3
SSM=ff3e::8000:81 ASM=ff1e::81
topology "$TMP/topology.json" '[{"name": "mn1"}, {"name": "mn2"}, {"name": "mn3"}]' \
	'{"mag.lifetime": "1h", "lma.lifetime-max": "1h", "mag.heartbeat.interval": "'$INTERVAL's", "lma.heartbeat.interval": "'$INTERVAL's",
	  "lma.heartbeat.missing": "1", "lma.min-delay-before-bce-delete": "1s", "mag2:mag.multicast.signalling": "mld"}'
lab_up --topology "$TMP/topology.json"
attach mn1 mag1
attach mn2 mag2
attach mn3 mag2
for n in mn1:mag1 mn2:mag2 mn3:mag2; do check "${n%:*} is served" on_mag "${n%:*}" "${n#*:}"; done
stream_start ssm --group $SSM --to mn1,mn2 --rate 200
stream_start asm --group $ASM --any-source --to mn1,mn3 --port 5002
all_flow() {
	stream_flows ssm mn1 && stream_flows ssm mn2 && stream_flows asm mn1 && stream_flows asm mn3
}
check "the streams flow" eventually 8 all_flow
stream_start uni --group "$(mn_addr mn1)" --to mn1 --port 5003
check "unicast too" eventually 5 stream_flows uni mn1
# heard NODE COUNT COUNTER: answers to its own heartbeats.
heard() { at_least "$2" "$(counter "$1" "$3")"; }
check "mag1 knows the LMA" eventually 6 heard mag1 1 heartbeat-heard
check "mag2 knows it" eventually 6 heard mag2 1 heartbeat-heard
check "the LMA knows both" eventually 6 heard lma 2 heartbeats-heard

step "the LMA dies, and comes back knowing nothing"
a1=$(mn_addr mn1) a2=$(mn_addr mn2)
capture hb lma tr0 ip6
lab daemon kill lma
lab daemon start lma
began=$(now_ms)
check "the streams are back" eventually $((INTERVAL + 5)) all_flow
check "unicast too" eventually 2 stream_flows uni mn1
say "after $(($(now_ms) - began)) ms"
check "by what the heartbeat told" counter_above mag1 heartbeat-peer-restarted 0
check "at the other MAG too" counter_above mag2 heartbeat-peer-restarted 0
check "it is an event" event mag1 peer-restarted
for n in mn1 mn2 mn3; do check "$n is bound" bound lma $n; done
as_before() { equals "$a1 $a2" "$(mn_addr mn1) $(mn_addr mn2)"; }
check "with its prefix: the nodes have noticed nothing" as_before
check "no binding was given up for it" equals 0 "$(show mag1 events '[.events[] | select(.event == "node-detached")] | length')"
check "each node was registered anew by a refresh" eventually 2 seen hb "pbu .*mn=mn1@.* hi=5 "

step "a MAG dies, and does not come back"
lab daemon kill mag2
check "its bindings end" eventually $((4 * INTERVAL)) not_bound lma mn2
check "both" eventually 2 not_bound lma mn3
check "the LMA tells that it is down" event lma peer-down
check "the other one's streams go on" stream_flows ssm mn1
groups_at() { show lma subscriptions "[.mag_subscriptions[] | select(.mag == \"$1\")] | length"; }
check "nothing is replicated to it" equals 0 "$(groups_at mag2)"
check "to the other one it is" equals 2 "$(groups_at mag1)"

step "and comes back"
lab daemon start mag2
check "its nodes are found" eventually 10 on_mag mn2 mag2
check "and their streams are back" eventually 10 all_flow

step "a MAG dies and is back before it is missed"
check "the LMA knows it" eventually 6 heard lma 4 heartbeats-heard
restarts=$(counter lma heartbeat-peers-restarted)
sleep $((INTERVAL + 1))
lab daemon kill mag1
lab daemon start mag1
check "the LMA learns that it is another" eventually $((INTERVAL + 1)) counter_above lma heartbeat-peers-restarted "$restarts"
check "its node is there again" eventually 10 on_mag mn1 mag1
mn1_as_before() { equals "$a1" "$(mn_addr mn1)"; }
check "with its prefix" mn1_as_before
check "and its streams" eventually 10 all_flow

step "why"
lab daemon kill lma
why_lma() { rc mag1 why "$(mn_id mn1)" 2>&1 | grep -Eq "has not answered|silent|no answer"; }
check "names the LMA that is dead, before the binding has run out" eventually $((7 * INTERVAL)) why_lma
check "it is an event" event mag1 peer-down
lab daemon start lma
check "and service is back with it" eventually $((2 * INTERVAL + 3)) all_flow
