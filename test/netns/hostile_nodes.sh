#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Nodes that send what they must not, on their own link and on a shared one: the daemons stay up, serve the others, count, and
# do not grow.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

GROWTH_KIB=${GROWTH_KIB:-6144}
jq -n '{mags: [{name: "mag1"}, {name: "mag2", shared: true}], mns: [{name: "mn1"}, {name: "mn2"}, {name: "mn3"}, {name: "mn4"}],
	settings: {"mag.limits.unknown": "1000"}}' >"$TMP/topology.json"
lab_up --topology "$TMP/topology.json"
attach mn1 mag1
attach mn2 mag1
attach mn3 mag2
attach mn4 mag2
for n in 1 2; do check "mn$n" on_mag mn$n mag1; done
for n in 3 4; do check "mn$n" on_mag mn$n mag2; done
stream_start s --to mn1,mn3 --rate 200
check "mn1 receives" eventually 5 stream_flows s mn1
check "mn3 receives" eventually 5 stream_flows s mn3
pids=$(for n in lma mag1 mag2; do pid_of $n; done)
hostile() { # NODE ARGS...
	hostile_node=$1
	shift
	ns "$hostile_node" "$TOOLS/hostile_link" "$@" --dev eth0
}
unharmed() {
	equals "$pids" "$(for n in lma mag1 mag2; do show $n status .pid; done)" && node_is mag1 mn1 registered &&
		node_is mag2 mn3 registered && stream_mostly s mn1 && stream_mostly s mn3 && eventually 5 stream_flows s mn1 &&
		eventually 5 stream_flows s mn3 && eventually 5 ping_src mn1 && eventually 5 ping_src mn3
}
unknown() { show "$1" nodes '[.nodes[] | select(.state == "unknown" or .state == "identifying")] | length'; }

step "damaged MLD and Neighbour Discovery of every kind"
rss1=$(rss_kib mag1) rss2=$(rss_kib mag2) rss0=$(rss_kib lma)
say "# $(hostile mn2 storm --rate 10000) from a registered node"
check "nobody was harmed" unharmed
check "the node itself is served still" eventually 10 on_mag mn2 mag1
check "and can reach the source" eventually 8 ping_src mn2
check "damage is counted: MLD" counter_above mag1 mld-checksum 0
check "Neighbour Discovery" counter_above mag1 nd-checksum 0
say "# $(hostile mn2 storm --rate 10000 --seed 77) of another seed"
check "nobody was harmed" unharmed

step "thousands of link-layer addresses"
say "# $(hostile mn2 macs --count 5000) on a link of its own"
check "nobody was harmed" unharmed
check "no more than the limit is remembered" at_most 1000 "$(unknown mag1)"
check "which is counted" counter_above mag1 limit-unknown-nodes 0
check "the node that owns the link is served still" eventually 10 node_is mag1 mn2 registered
say "# $(hostile mn4 macs --count 5000) on the shared link"
check "nobody was harmed" unharmed
check "no more than the limit is remembered" at_most 1000 "$(unknown mag2)"
check "the LMA never heard of them" equals 4 "$(show lma status .lma.bindings)"

step "thousands of groups"
say "# $(hostile mn2 groups --count 6400 --rate 100)"
groups_of() { show mag1 subscriptions "[.subscriptions[] | select(.mn == \"mn2@lab.example\" and .state == \"active\")] | length"; }
check "no more than the node's limit" at_most 32 "$(groups_of)"
check "nor at the LMA" at_most 34 "$(show lma status .lma.groups)"
check "the limit is counted" at_least 1 "$(($(counter mag1 limit-join-rate) + $(counter mag1 limit-entries) + $(counter mag1 subscription-refused-here)))"
check "nobody was harmed" unharmed

step "from the upstream link"
say "# $(ns src "$TOOLS/hostile_link" storm --dev up0 --rate 10000)"
check "nobody was harmed" unharmed

step "memory"
check "of the first MAG" at_most $((rss1 + GROWTH_KIB)) "$(rss_kib mag1)"
check "of the second" at_most $((rss2 + GROWTH_KIB)) "$(rss_kib mag2)"
check "of the LMA" at_most $((rss0 + GROWTH_KIB)) "$(rss_kib lma)"
say "# MAGs $rss1 -> $(rss_kib mag1), $rss2 -> $(rss_kib mag2), LMA $rss0 -> $(rss_kib lma) KiB"
