#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Peers and strangers that send what they must not: the daemons stay up, keep their bindings and streams, answer as the RFCs
# say, count, and do not grow.
# Long: 80 s.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"

STRANGER=2001:db8:ff::bad MAG3_ADDR=2001:db8:ff::1:3
GROWTH_KIB=${GROWTH_KIB:-6144} # what a daemon may gain in the whole test: buffers, not state
lab_up --mags 3 --mns 3 --set lma:lma.limits.bindings=500
lab daemon stop mag3 # its address is a MAG's, and what speaks there now is not
ip -n "$P-mag3" address add $STRANGER/64 dev tr0 nodad
hostile() { ns mag3 "$TOOLS/hostile_mh" "$@"; }

attach mn1 mag1
check "a node is served" on_mag mn1 mag1
stream_start s --to mn1 --rate 200
check "and receives" eventually 5 stream_flows s mn1
lma_pid=$(pid_of lma) mag_pid=$(pid_of mag1)

unharmed() {
	equals "$lma_pid" "$(show lma status .pid)" && equals "$mag_pid" "$(show mag1 status .pid)" &&
		bound lma mn1 $MAG1_ADDR && eventually 5 stream_flows s mn1 && eventually 5 ping_src mn1
}
# answered TEXT ANSWER send-arguments...: that answer and no other; "" for silence.
answered() {
	answered_text=$1 answered_want=$2
	shift 2
	answered_got=$(hostile send "$@" --wait "$([ -n "$answered_want" ] && echo 5 || echo 1)" | sed -n 's/^answer //p')
	check "$answered_text" equals "$answered_want" "$answered_got"
}
stranger="--from $STRANGER --to $LMA_ADDR" mag="--from $MAG3_ADDR --to $LMA_ADDR"

step "what a stranger is told"
# shellcheck disable=SC2086 # lists of arguments
{
answered "an unknown MAG: 154" "type=6 status=154 count=1" pbu $stranger
answered "without identifier: 160" "type=6 status=160 count=1" no-mn-id $stranger
answered "an empty identifier: 160" "type=6 status=160 count=1" empty-nai $stranger
answered "a plain Binding Update: 131" "type=6 status=131 count=1" no-p $stranger
answered "an unknown type: Binding Error 2" "type=7 status=2 count=1" unknown-type $stranger
answered "a wrong payload protocol: ICMPv6 Parameter Problem there" "problem-at=40 count=1" wrong-proto $stranger
answered "a header shorter than its type: at the length" "problem-at=41 count=1" short-header $stranger
answered "a wrong checksum: silence" "" wrong-checksum $stranger
answered "an option that stands twice: silence" "" twice $stranger
answered "a Binding Acknowledgement: Binding Error 2" "type=7 status=2 count=1" pba $stranger

step "what a MAG is told"
answered "an unknown node: 153" "type=6 status=153 count=1" pbu $mag
answered "an empty identifier: 160" "type=6 status=160 count=1" empty-nai $mag
answered "a plain Binding Update: 131" "type=6 status=131 count=1" no-p $mag
answered "no prefix: 158" "type=6 status=158 count=1" no-hnp $mag --mn mn2@lab.example
answered "no handoff indicator: 161" "type=6 status=161 count=1" no-hi $mag --mn mn2@lab.example
answered "no technology: 162" "type=6 status=162 count=1" no-att $mag --mn mn2@lab.example
answered "an hour late: 156" "type=6 status=156 count=1" old-timestamp $mag --mn mn2@lab.example
answered "a heartbeat: an answer" "type=13 status=0 count=1" heartbeat $mag
answered "a query about nobody that it serves: silence" "" subscription-query $mag
answered "a revocation by a MAG: not supported" "type=16 status=134 count=1" bri $mag
answered "an option that stands twice: silence" "" twice $mag
}
check "the twice-standing option is counted" counter_above lma mh-option-twice 0
check "the wrong checksum is" counter_above lma mh-checksum 0
check "and the query about nobody" counter_above lma subscription-queries-of-other-mags 0
check "nothing of that harmed anybody" unharmed

step "answers that a stranger can provoke are few"
answers() { sed -n "s/^answer $1 count=//p" "$TMP/flood"; }
hostile send pbu --from $STRANGER --to $LMA_ADDR --count 4000 --rate 4000 --nodes 4000 >"$TMP/flood"
check "of 4000 to an unknown MAG at most 40" at_most 40 "$(answers "type=6 status=154")"
check "and some" at_least 1 "$(answers "type=6 status=154")"
hostile send unknown-type --from $STRANGER --to $LMA_ADDR --count 4000 --rate 4000 >"$TMP/flood"
check "of 4000 Binding Errors at most 40" at_most 40 "$(answers "type=7 status=2")"
hostile send wrong-proto --from $STRANGER --to $LMA_ADDR --count 4000 --rate 4000 >"$TMP/flood"
check "of 4000 Parameter Problems at most 40" at_most 40 "$(answers problem-at=40)"
check "and those that were held back are counted" counter_above lma mh-parameter-problem-limited 3900
hostile send no-p --from $MAG3_ADDR --to $LMA_ADDR --count 4000 --rate 4000 >"$TMP/flood"
check "of 4000 to plain Binding Updates at most 40" at_most 40 "$(answers "type=6 status=131")"
check "nothing of that harmed anybody" unharmed

step "damage of every kind"
lma_rss=$(rss_kib lma) mag_rss=$(rss_kib mag1)
say "# $(hostile storm --from $STRANGER --to $LMA_ADDR --rate 20000) to the LMA from a stranger"
check "the LMA stands a stranger's" unharmed
say "# $(hostile storm --from $MAG3_ADDR --to $LMA_ADDR --mn mn3@lab.example --rate 20000 --seed 2) to the LMA from a MAG"
check "and a MAG's" unharmed
say "# $(hostile storm --from $LMA_ADDR --to $MAG1_ADDR --mn mn3@lab.example --rate 20000 --seed 3 --skip bri) to a MAG in the LMA's name"
check "the MAG stands the LMA's" unharmed
say "# $(hostile storm --from $STRANGER --to $MAG1_ADDR --rate 20000 --seed 4) to a MAG from a stranger"
check "and a stranger's" unharmed
check "next to nothing was lost on the way to the node" stream_mostly s mn1

step "damage in the tunnels"
say "# $(hostile mld-storm --from $MAG1_ADDR --to $LMA_ADDR --rate 10000) in a MAG's name"
check "the LMA stands it" unharmed
say "# $(hostile mld-storm --from $LMA_ADDR --to $MAG1_ADDR --rate 10000) in the LMA's name"
check "the MAG stands it" unharmed
say "# $(hostile mld-storm --from $STRANGER --to $LMA_ADDR --rate 10000) from a stranger"
check "which is not looked at" counter_above lma outer-source 1000
check "nobody was harmed" unharmed

step "a flood of registrations"
bindings=$(show lma status .lma.bindings) # what the MAG's storm registered of a node that it may register, among them
hostile send pbu --from $MAG3_ADDR --to $LMA_ADDR --count 20000 --nodes 20000 --rate 10000 >"$TMP/flood"
check "20 000 of nodes that nobody knows: each answered 153 or not at all" at_least 1 "$(answers "type=6 status=153")"
check "no binding came of it" at_most "$bindings" "$(show lma status .lma.bindings)"
settled() { equals 0 "$(show lma status .lma.pending)"; }
check "no registration is left waiting" eventually 10 settled
check "nobody was harmed" unharmed
policy add '{"mn": "*@nowhere.example"}' >/dev/null || fail "policy add"
hostile send ams --from $MAG3_ADDR --to $LMA_ADDR --count 3000 --nodes 3000 --rate 3000 >"$TMP/flood"
check "3000 that a default profile permits: 130 at the limit" at_least 1 "$(answers "type=6 status=130")"
check "the limit of bindings holds" at_most 500 "$(show lma status .lma.bindings)"
check "and was reached" at_least 490 "$(show lma status .lma.bindings)"
check "nobody was harmed" unharmed
attach mn2 mag1
status_is() { equals "$2" "$(show mag1 nodes | jq -r --arg mn "$(mn_id "$1")" '.nodes[] | select(.mn == $mn) | .status')"; }
check "a node that comes now is refused, and its MAG tells why" eventually 8 status_is mn2 INSUFFICIENT_RESOURCES
check "it gets no address" equals "" "$(mn_addr mn2)"
check "next to nothing was lost on the way to the first node" stream_mostly s mn1

step "in the LMA's name again: some of what is made of revocations revokes"
say "# $(hostile storm --from $LMA_ADDR --to $MAG1_ADDR --mn mn3@lab.example --rate 20000 --seed 5)"
check "the MAG is up" equals "$mag_pid" "$(show mag1 status .pid)"
detach mn1
attach mn1 mag1
check "its node is served" on_mag mn1 mag1
check "nobody was harmed" unharmed

step "memory"
check "of the LMA" at_most $((lma_rss + GROWTH_KIB)) "$(rss_kib lma)"
check "of the MAG" at_most $((mag_rss + GROWTH_KIB)) "$(rss_kib mag1)"
say "# LMA $lma_rss -> $(rss_kib lma) KiB, MAG $mag_rss -> $(rss_kib mag1) KiB"
