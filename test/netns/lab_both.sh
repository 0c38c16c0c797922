#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Daemons that are LMA and MAG at once, each the anchor of the other's nodes, beside an ordinary MAG:
#
#	         +---- [ lma + west ] ---- alice (anchored at lmb)
#	src ----+|            |
#	         |     [ net ]+--- mid ---- carol (anchored at lmb)
#	         |            |
#	         +---- [ lmb + east ] ---- bob (anchored at lma)
. "$(dirname "$0")/lib.sh"
both_dataplanes

cat >"$TMP/both.json" <<END
{"lmas": [{"name": "lma"}, {"name": "lmb"}],
 "mags": [{"name": "west", "with": "lma"}, {"name": "mid"}, {"name": "east", "with": "lmb"}],
 "mns": [{"name": "alice", "at": "west", "lma": "lmb"}, {"name": "bob", "at": "east", "lma": "lma"},
	 {"name": "carol", "at": "mid", "lma": "lmb"}]}
END
lab_up --topology "$TMP/both.json"

step "each node has a prefix of its own LMA"
of_pool() { mn_addr "$1" | grep "^$2"; }
check "alice" eventually 6 of_pool alice 2001:db8:f01:
check "bob" eventually 6 of_pool bob 2001:db8:f00:
check "carol" eventually 6 of_pool carol 2001:db8:f01:
check "one daemon tells both roles" equals "lma mag" "$(show lma status '.roles | join(" ")')"
check "lmb anchors alice at the MAG of the other" \
	equals west "$(show lmb bindings '.bindings[] | select(.mn == "alice@lab.example") | .mag')"

step "one stream by both anchors"
stream_start tv --rate 200 --to alice,bob,carol
for mn in alice bob carol; do
	check "$mn receives" eventually 3 stream_flows tv $mn
	check "$mn: nothing lost, nothing twice" stream_clean tv $mn
done
check "lma has joined, for bob" joined $SSM_GROUP $SRC_ADDR lma
check "lmb has joined, for alice and carol" joined $SSM_GROUP $SRC_ADDR lmb

step "unicast through both roles of one host"
stream_start uni --group "$(mn_addr alice)" --any-source --to alice
check "alice receives" eventually 3 stream_flows uni alice
check "nothing lost" stream_clean uni alice

step "alice moves to the ordinary MAG"
move alice mid
check "the stream follows" eventually 3 stream_flows tv alice
check "unicast follows" eventually 3 stream_flows uni alice
check "bob noticed nothing" stream_clean tv bob
leaves() { equals 0 "$(show lma nodes '.nodes | length')"; }
check "west has forgotten her" eventually 5 leaves
