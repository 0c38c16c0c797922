#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A node that listens all the while, to 10 000 packets/s, and does nothing: what changes is who speaks for it, and what its
# neighbours do. Its neighbour's registration, MLD in the tunnel, its own, an implicit join and handovers take turns in asking for
# the stream; the lists of gateway and anchor are now those of the one source and now those of all. It loses nothing and gets
# nothing twice.
# Long: 60 s.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

G=ff1e::61
# mag1 hears of a move last of all.
KEPT='{"mag.multicast.context": "kept", "lma.multicast.context": "kept", "mag.detachment.deregister-after": "3s"}'
up=

# queues: what this machine's kernel has dropped for want of room, which is nobody's loss here.
queues() { total=0; while read -r _ n _; do total=$((total + 0x$n)); done </proc/net/softnet_stat; say $total; }

# domain SETTINGS-JSON: mn2 is the one that stays as it is. mn3 wants all sources, so that the LMA does so upstream, whatever
# the others do: the multicast router there, a Linux bridge, stops for a tick of its clock where one source becomes all.
domain() {
	[ -z "$up" ] || lab down >/dev/null
	topology "$TMP/topology.json" '[{"name": "mn1"}, {"name": "mn2"}, {"name": "mn3"}]' "$1"
	lab_up --topology "$TMP/topology.json"
	up=yes
	for mn in mn1 mn2 mn3; do
		mag=mag1
		[ $mn != mn3 ] || mag=mag2
		attach $mn $mag
		check "$mn at $mag" on_mag $mn $mag
	done
	stream_start s --group $G --any-source --to mn3 --rate 10000
	check "mn3 listens to all sources" eventually 5 stream_flows s mn3
	lab stream join s mn1 --source $SRC_ADDR
	check "mn1 to the one" eventually 5 stream_flows s mn1
	lab stream join s mn2 --source $SRC_ADDR
	check "and mn2, the second at mag1" eventually 5 stream_flows s mn2
	before=$(queues) had=$(stream s mn2 received)
}

# unharmed WHAT: said of mn2, once what was done has come to rest.
unharmed() {
	sleep 0.4
	check "$1: mn2 notices nothing" unnoticed $(($(queues) - before))
	had=$(jq .nodes.mn2.received "$TMP/report")
}
# unnoticed N: packets came since the last time, none twice, in order, and not more than N are missing.
unnoticed() {
	lab stream report s --json >"$TMP/report"
	jq -e --argjson had "$had" --argjson most "$1" '.nodes.mn2 | .received > $had + 1000 and .lost <= $most and .duplicates == 0 and
		.reordered == 0' "$TMP/report" >/dev/null || { jq -c .nodes.mn2 "$TMP/report"; return 1; }
}

neighbours() {
	step "$1: its neighbours"
	move mn1 mag2
	check "mn1 at mag2" on_mag mn1 mag2
	unharmed "the first that had asked moves away"
	move mn1 mag1
	check "mn1 at mag1" on_mag mn1 mag1
	unharmed "and back, with its context"
	lab stream leave s mn1
	unharmed "it leaves the group"
	lab stream join s mn1 --any-source
	check "mn1 listens to all sources" eventually 5 stream_flows s mn1
	unharmed "it wants all sources"
	lab stream leave s mn1
	unharmed "and none"
	lab stream join s mn1 --source $SRC_ADDR
	check "mn1 listens" eventually 5 stream_flows s mn1
	detach mn1
	unharmed "it listens once more, and is gone"
}

wishes() {
	step "$1: who speaks for it"
	rc mag1 subscribe "$(mn_id mn2)" $G >/dev/null || fail "subscribe"
	check "an operator wants all sources for it" eventually 5 origins_are mag1 mn2 $G admin,mld
	unharmed "all sources"
	rc mag1 unsubscribe "$(mn_id mn2)" $G >/dev/null || fail "unsubscribe"
	check "no longer" eventually 5 origins_are mag1 mn2 $G mld
	unharmed "its own wish alone"
	profile mn2 ".multicast.initiation = \"network\" | .multicast.subscriptions = [{group: \"$G\"}]" >/dev/null
	check "its profile wants all sources" eventually 5 origins_are mag1 mn2 $G mld,profile
	unharmed "all sources, by the profile"
	profile mn2 ".multicast.subscriptions = [{group: \"$G\", sources: [\"$SRC_ADDR\"]}]" >/dev/null
	unharmed "the one source, by the profile"
	profile mn2 '.multicast.subscriptions = []' >/dev/null
	check "no longer" eventually 5 origins_are mag1 mn2 $G mld
	unharmed "its own wish alone, again"
}

domain '{}'
neighbours "asked for by registration"
wishes "asked for by registration"
domain "$KEPT"
step "contexts kept: the anchor sends the stream to wherever mn1 is"
for to in mag2 mag1; do
	move mn1 $to
	check "mn1 at $to" on_mag mn1 $to
	unharmed "mn1 at $to"
done
step "and announced"
for to in mag2 mag1; do
	lab move mn1 $to --predictive >/dev/null || fail "move to $to"
	check "mn1 at $to" on_mag mn1 $to
	unharmed "mn1 is handed over to $to"
done
