#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How multicast service ends (draft 4.3): by the network and by the node. Data stops at once; upstream is left with the last.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

TIMED=ff3e::8000:61 STAYS=ff1e::61 TOLD=ff3e::8000:62 V1=ff1e::62 SILENT=ff1e::63
topology "$TMP/topology.json" '[{"name": "mn1"}, {"name": "mn2"}, {"name": "mn3"}]' \
	'{"mag2:stream.idle": "2s", "mag2:stream.terminate": "yes"}'
lab_up --topology "$TMP/topology.json"
lab attach mn1 mag1
lab attach mn2 mag1
check "mn1 at mag1" on_mag mn1 mag1
check "mn2 at mag1" on_mag mn2 mag1

# Of a leave the bridge asks twice, a second each, before it believes it (RFC 3810 7.6.3.1): two of the 5 s that
# "left upstream" may take are the judge's own.
# What is on the link counts, not what a socket is given: passive receivers join nothing and watch, and so does nftables.
link_of() { tally "$1" eth0 "$2" "ip6 daddr $3"; }
# static GROUPS-JSON: mn1's static subscriptions.
static() { profile mn1 ".multicast.initiation = \"network\" | .multicast.subscriptions = $1"; }
source='"sources": ["'$SRC_ADDR'"]'

step "the end time of a static subscription"
stream_start timed --passive --group $TIMED --to mn1 --port 5001
stream_start stays --passive --group $STAYS --to mn1 --port 5002
until=$(date -u -d '+6 seconds' +%Y-%m-%dT%H:%M:%SZ)
end_s=$(date -u -d "$until" +%s)
check "the store takes it" static "[{\"group\": \"$TIMED\", $source, \"end\": \"$until\"}, {\"group\": \"$STAYS\"}]"
check "an attached node gets what its profile was given" eventually 4 stream_flows timed mn1
check "joined upstream" joined $TIMED $SRC_ADDR
while [ "$(date +%s)" -le "$end_s" ]; do sleep 0.1; done
sleep 0.3
check "after its end it is still" stream_silent timed mn1
check "and left upstream" eventually 5 not_joined $TIMED $SRC_ADDR
check "the other goes on" stream_flows stays mn1
check "without a fault" stream_clean stays mn1

step "a start time"
from=$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)
start_s=$(date -u -d "$from" +%s)
check "the store takes it" static "[{\"group\": \"$TIMED\", $source, \"start\": \"$from\"}, {\"group\": \"$STAYS\"}]"
check "before its start nothing comes" stream_silent timed mn1
while [ "$(date +%s)" -lt "$start_s" ]; do sleep 0.1; done
check "from then on it does" eventually 3 stream_flows timed mn1

step "the profile changes under an attached node"
check "one subscription taken out" static "[{\"group\": \"$STAYS\"}]"
check "stops" eventually 2 stream_silent timed mn1
check "is left upstream" eventually 5 not_joined $TIMED $SRC_ADDR
check "a denied range" profile mn1 ".multicast.deny = [{\"group\": \"ff1e::/64\"}]"
check "stops what it holds" eventually 2 stream_silent stays mn1
check "is left upstream" eventually 5 not_joined $STAYS
check "the range is taken out" profile mn1 ".multicast.deny = []"
check "and service comes back" eventually 3 stream_flows stays mn1
check "multicast service off" profile mn1 ".multicast.enabled = false"
check "stops all" eventually 2 stream_silent stays mn1
check "is left upstream" eventually 5 not_joined $STAYS
check "unicast goes on" eventually 3 ping_src mn1
check "service on" profile mn1 ".multicast.enabled = true"
check "and it comes back" eventually 3 stream_flows stays mn1

step "the operator ends a group"
lab stream stop timed >/dev/null
stream_start told --group $TOLD --to mn1 --port 5003
check "the node receives" eventually 5 stream_flows told mn1
link_of mn1 told $TOLD
check "roamcast terminate GROUP" rc mag1 terminate $TOLD
check "stops" eventually 2 tally_still mn1 told 0.5
check "is left upstream" eventually 5 not_joined $TOLD $SRC_ADDR
check "the event is told" event mag1 group-terminated
lab stream leave told mn1
sleep 0.3 # a node that joins again at once never says that it had left
lab stream join told mn1
check "a node that asks again is served again" eventually 5 stream_flows told mn1
check "roamcast terminate GROUP, at the LMA" rc lma terminate $TOLD
check "stops" eventually 3 stream_silent told mn1
check "is left upstream" eventually 5 not_joined $TOLD $SRC_ADDR
lab stream stop told >/dev/null

step "the operator acts for a node"
stream_start admin --passive --group ff1e::64 --to mn2 --port 5004
check "roamcast subscribe" rc mag1 subscribe "$(mn_id mn2)" ff1e::64
check "arrives" eventually 3 stream_flows admin mn2
check "its origin is the operator" origins_are mag1 mn2 ff1e::64 admin
check "roamcast unsubscribe" rc mag1 unsubscribe "$(mn_id mn2)" ff1e::64
check "stops" eventually 2 stream_silent admin mn2
check "is left upstream" eventually 5 not_joined ff1e::64
check_not "what is not subscribed cannot be unsubscribed" rc mag1 unsubscribe "$(mn_id mn2)" ff1e::64

step "the operator ends a node's multicast"
check "it receives still" stream_flows stays mn1
check "roamcast terminate MN, at its MAG" rc mag1 terminate "$(mn_id mn1)"
check "stops" eventually 2 stream_silent stays mn1
check "is left upstream" eventually 5 not_joined $STAYS
check "unicast goes on" eventually 3 ping_src mn1

step "the node leaves: MLDv2"
stream_start v2 --group $TOLD --to mn2 --port 5005
check "it receives" eventually 5 stream_flows v2 mn2
link_of mn2 v2 $TOLD
check "the link carries it" eventually 3 tally_moves mn2 v2
lab stream leave v2 mn2
check "the link is still at once" eventually 1 tally_still mn2 v2 0.3
check "and left upstream" eventually 5 not_joined $TOLD $SRC_ADDR

step "the node leaves: MLDv1 Done"
mldv1 mn3
attach mn3 mag1
check "mn3 at mag1" on_mag mn3 mag1
stream_start v1 --group $V1 --any-source --to mn3 --port 5006
check "it receives" eventually 5 stream_flows v1 mn3
link_of mn3 v1 $V1
check "the link carries it" eventually 3 tally_moves mn3 v1
lab stream leave v1 mn3
check "the link is still at once" eventually 1 tally_still mn3 v1 0.3
check "and left upstream" eventually 5 not_joined $V1

step "a mandatory group"
profile mn2 ".multicast.initiation = \"network\" | .multicast.subscriptions = [{\"group\": \"$V1\", \"mandatory\": true}]"
link_of mn2 must $V1
lab stream join v1 mn2
check "arrives" eventually 5 stream_flows v1 mn2
lab stream leave v1 mn2
sleep 0.3
# the profile was changed less than a second ago: the store may only now have told of it
check "the node cannot leave it" eventually 5 tally_moves mn2 must
check_not "nor can the operator" rc mag1 unsubscribe "$(mn_id mn2)" $V1

step "the source falls silent"
move mn3 mag2
check "mn3 at mag2" on_mag mn3 mag2
stream_start silent --group $SILENT --any-source --to mn3 --port 5007 --count 100
check "it receives" eventually 5 stream_flows silent mn3
check "2 s after the last packet its end is told" eventually 8 event mag2 source-silent
check "and it is left upstream" eventually 5 not_joined $SILENT
