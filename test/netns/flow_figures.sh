#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How multicast service begins: the draft's Figures 1, 2 and 3, with the join in the registration and by MLD in the tunnel.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

G1=ff3e::8000:11 A1=ff1e::11 REFUSED=ff18::11 # Figure 1
G2=ff3e::8000:22 A2=ff1e::22                  # Figure 2
G3=ff3e::8000:33 A3=ff1e::33 V1=ff1e::44      # Figure 3

sub() { say "{\"group\": \"$1\"${2:+, \"sources\": [\"$2\"]}}"; }
network="{\"initiation\": \"network\", \"subscriptions\": [$(sub $G1 $SRC_ADDR), $(sub $A1), $(sub $REFUSED)]}"
query="{\"initiation\": \"query\", \"subscriptions\": [$(sub $G2 $SRC_ADDR), $(sub $A2)]}"
node='{"initiation": "node", "allow": [{"group": "ff3e::/16"}, {"group": "ff1e::/16"}], "deny": [{"group": "ff1e::bad:0/112"}]}'
topology "$TMP/topology.json" "[
	{\"name\": \"mn1\", \"profile\": {\"multicast\": $network}}, {\"name\": \"mn2\", \"profile\": {\"multicast\": $query}},
	{\"name\": \"mn3\", \"profile\": {\"multicast\": $node}}, {\"name\": \"mn4\", \"profile\": {\"multicast\": $node}},
	{\"name\": \"mn5\", \"profile\": {\"multicast\": $network}}, {\"name\": \"mn6\", \"profile\": {\"multicast\": $node}},
	{\"name\": \"mn7\", \"lma\": \"lma2\", \"profile\": {\"multicast\": $network}}]" \
	'{"lma:lma.multicast.scopes": "[global]", "mag2:mag.multicast.signalling": "mld", "lma2:lma.multicast.signalling": "mld",
	  "lma.min-delay-before-bce-delete": "1s"}' \
	'[{"name": "lma"}, {"name": "lma2"}]'
lab_up --topology "$TMP/topology.json"
capture wire lma tr0 ip6

# The scope of REFUSED is one that the MAG carries and the LMA does not.
step "Figure 1: the network begins, the node says nothing"
mute_mld mn1
capture mn1 mn1 eth0 ip6
stream_start g1 --group $G1 --to mn1
stream_start a1 --group $A1 --any-source --to mn1 --port 5002
attach mn1 mag1
check "registered" eventually 10 node_is mag1 mn1 registered
check "the LMA has the binding" bound lma mn1 $MAG1_ADDR
check "the LMA has joined the source-specific group" eventually 5 joined $G1 $SRC_ADDR
check "and the any-source group" eventually 5 joined $A1
check "and not the refused one" not_joined $REFUSED
# What the kernels of the routers join for themselves has site scope.
mdb_is() { equals "$1" "$(mdb | grep -v ' ff05:' | sort | tr '\n' ';')"; }
check "the bridge shows exactly that" mdb_is "lma $A1 *;lma $G1 $SRC_ADDR;"
check "the stream reaches a node that speaks no MLD" eventually 5 stream_flows g1 mn1
check "the other too" eventually 5 stream_flows a1 mn1
check "one PBU asked for all three groups, with S" seen wire \
	"pbu .*flags=APS .*mn=mn1@.*ams=$G1,IS_IN,$SRC_ADDR.*ams=$A1,IS_EX.*ams=$REFUSED,IS_EX|pbu .*mn=mn1@.*ams=.*ams=.*ams="
check "the PBA accepted the registration and told each group's result" seen wire \
	"pba .*status=0 .*mn=mn1@.*(result=$G1,accepted.*result=$REFUSED,not-supported|result=$REFUSED,not-supported.*result=$G1,accepted)"
check "tshark sees the option 57 in the PBU" ts_has wire "mip6.mhtype == 5 && mip6.mobility_opt == 57"
check "tshark sees the PBA with status 0 and the prefix" ts_has wire \
	"mip6.mhtype == 6 && mip6.ba.status == 0 && mip6.mnid.identifier == \"mn1@lab.example\" && mip6.nemo.mnp.mnp"
check "no MLD went through the tunnel for it" not_seen wire "mld $MAG1_ADDR .*v2-report"
check "its origin is the profile" origins_are mag1 mn1 $G1 profile
check "the refused group is shown as such" sub_is mag1 mn1 $REFUSED refused
check "nothing was lost, doubled or out of order" stream_clean g1 mn1
check "no report left the node" not_seen mn1 "mld (::|fe80::52:4eff:.*) > .*report"

step "Figure 2: the network asks the node"
capture mn2 mn2 eth0 ip6
stream_start g2 --group $G2 --to mn2 --port 5003
attach mn2 mag1
check "registered" eventually 10 node_is mag1 mn2 registered
check "the node is asked by a General Query" eventually 5 seen mn2 "mld fe80::200:5eff:fe00:5213 > ff02::1 query .*:: v2"
asked_again() { at_least 2 "$(seen_count mn2 "mld fe80::200:5eff:fe00:5213 > ff02::1 query .*:: v2 response=100")"; }
check "with a response delay of 100 ms, and a second later again" eventually 5 asked_again
check "what it confirms is joined" eventually 5 joined $G2 $SRC_ADDR
check "and arrives" eventually 5 stream_flows g2 mn2
check "what it does not confirm is not" not_joined $A2
check "and is shown as waiting" sub_is mag1 mn2 $A2 waiting
check "the join went up in the registration" eventually 3 seen wire "pbu .*mn=mn2@.*ams=$G2,IS_IN,$SRC_ADDR"
stream_start a2 --group $A2 --any-source --to mn2 --port 5004
check "confirmed later, it is joined" eventually 5 joined $A2
check "and arrives" eventually 5 stream_flows a2 mn2

step "Figure 3: the node begins, MLDv2"
attach mn3 mag1
attach mn4 mag1
check "the nodes are registered" on_mag mn3 mag1
check "both" on_mag mn4 mag1
stream_start g3 --group $G3 --port 5005
stream_start a3 --group $A3 --any-source --port 5006
check "nobody has joined" not_joined $G3 $SRC_ADDR
lab stream join g3 mn3
lab stream join a3 mn3
check "the first comer's source-specific join goes upstream" eventually 5 joined $G3 $SRC_ADDR
check "its any-source join" eventually 5 joined $A3
check "the stream arrives" eventually 5 stream_flows g3 mn3
check "the other too" eventually 5 stream_flows a3 mn3
check "its origin is MLD" origins_are mag1 mn3 $G3 mld
sleep 1 # what was to be said for the first comer has been said
before=$(seen_count wire "^(mh|mld) $MAG1_ADDR")
lab stream join g3 mn4
lab stream join a3 mn4
check "the second comer gets the stream" eventually 5 stream_flows g3 mn4
check "the other too" eventually 5 stream_flows a3 mn4
sleep 1
check "the LMA heard nothing of it" equals "$before" "$(seen_count wire "^(mh|mld) $MAG1_ADDR")"
check "nothing lost, doubled or out of order at the first" stream_clean g3 mn3
check "nor at the second" stream_clean g3 mn4
lab stream leave g3 mn3
sleep 0.5
check "the first leaves, the second keeps the stream" stream_flows g3 mn4
check "without a fault" stream_clean g3 mn4
check "the bridge has it joined still" joined $G3 $SRC_ADDR
lab stream leave g3 mn4
check "after the last leave the MDB entry goes" eventually 5 not_joined $G3 $SRC_ADDR
stream_start denied --group ff1e::bad:1 --any-source --to mn3 --port 5007
check "a denied group is refused" eventually 3 sub_is mag1 mn3 ff1e::bad:1 refused
check "not joined" not_joined ff1e::bad:1
check "and does not arrive" stream_silent denied mn3

step "Figure 3: MLDv1"
mldv1 mn6
attach mn6 mag1
check "registered" on_mag mn6 mag1
capture mn6 mn6 eth0 ip6
stream_start v1 --group $V1 --any-source --to mn6 --port 5008
# also one that joins before it has an address: it is asked when it has
check "joined upstream" eventually 5 joined $V1
check "the stream arrives" eventually 5 stream_flows v1 mn6
check "the node spoke version 1" seen mn6 "mld .* > $V1 v1-report"
lab stream leave v1 mn6
check "after its Done the MDB entry goes" eventually 5 not_joined $V1

step "Figures 1 and 3 with MLD in the tunnel, by configuration"
mute_mld mn5
detach mn1
check "the first MAG's groups have gone" eventually 15 not_joined $G1 $SRC_ADDR
lab stream join g1 mn5
attach mn5 mag2
check "registered" eventually 10 node_is mag2 mn5 registered
check "joined upstream" eventually 5 joined $G1 $SRC_ADDR
check "the stream arrives" eventually 5 stream_flows g1 mn5
check "it was asked for by MLD in the tunnel" seen wire "mld $MAG2_ADDR > $LMA_ADDR fe80::.* > ff02::16 v2-report .*$G1,$SRC_ADDR"
check "and not in the registration" not_seen wire "pbu .*mn=mn5@.*ams="
detach mn5
check "the tunnel's report took it back" eventually 15 not_joined $G1 $SRC_ADDR
move mn6 mag2
check "an MLDv1 node there" on_mag mn6 mag2
lab stream join v1 mn6
check "joined by MLD in the tunnel" eventually 5 joined $V1
check "arrives" eventually 5 stream_flows v1 mn6
move mn4 mag2
check "a node with source-specific wishes" on_mag mn4 mag2
lab stream join g3 mn4
check "joined" eventually 5 joined $G3 $SRC_ADDR
check "arrives" eventually 5 stream_flows g3 mn4

step "an LMA that knows MLD alone"
capture wire2 lma2 tr0 ip6
mute_mld mn7
lab stream join g1 mn7
attach mn7 mag1
check "registered there" eventually 10 node_is mag1 mn7 registered
check "it announced no capability" seen wire2 "pba .*status=0 "
check "none at all" not_seen wire2 "pba .*capabilities"
check "the MAG reported by MLD in the tunnel" eventually 5 seen wire2 \
	"mld $MAG1_ADDR > $LMA2_ADDR fe80::.* > ff02::16 v2-report .*$G1,$SRC_ADDR"
check "joined at that LMA's port" eventually 5 joined $G1 $SRC_ADDR lma2
check "the stream arrives" eventually 5 stream_flows g1 mn7

step "when all have gone"
for n in 2 3 4 5 6 7; do lab detach mn$n 2>/dev/null; done
check "the bridge shows nothing any more" eventually 10 mdb_is ""

step "every checksum on the wire"
check "was right at the first LMA" seen wire "^mh"
check "and at the second" seen wire2 "^mh"
