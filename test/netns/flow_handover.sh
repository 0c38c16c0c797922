#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Ordinary handover (draft Figure 4): address, unicast and both kinds of multicast follow the node, the old MAG stops.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

SSM=ff3e::8000:51 ASM=ff1e::51
# Retransmission after 200 ms: RFC 6275's second is for the Internet.
# The first MAG's access link is shared by its nodes: it does not see one of them go, and has to be told by the LMA.
# The second sees its link go down, and de-registers.
jq -n '{mags: [{name: "mag1", shared: true}, {name: "mag2"}], mns: [{name: "mn1"}, {name: "mn2"}],
	settings: {"mag.bindack-initial": "200ms", "lma.min-delay-before-bce-delete": "2s",
		"mag1:mag.detachment.probe-interval": "4s", "mag1:mag.detachment.probe-retransmit": "300ms"}}' >"$TMP/topology.json"
lab_up --topology "$TMP/topology.json"

step "before"
attach mn1 mag1
check "mn1 at mag1" on_mag mn1 mag1
stream_start ssm --group $SSM --to mn1
stream_start asm --group $ASM --any-source --to mn1 --port 5002
address=$(mn_addr mn1)
stream_start uni --group "$address" --to mn1 --port 5003
for s in ssm asm uni; do check "stream $s arrives" eventually 5 stream_flows $s mn1; done
router() { ip -n "$P-mn1" -6 -j route show default | jq -r '.[] | "\(.gateway) \(.protocol)"'; }
first_router=$(router)

resumes() { # STREAM WHERE
	check "stream $1 arrives at $2" eventually 8 stream_flows "$1" mn1
}

step "to mag2"
capture old mag1 tr0 ip6
capture lma lma tr0 ip6
tally mag1 tr0 tunnelled "ip6 nexthdr 41"
move mn1 mag2
for s in ssm asm uni; do resumes $s mag2; done
check "the binding is at mag2" bound lma mn1 $MAG2_ADDR
check "and there is one binding" equals 1 "$(show lma bindings '[.bindings[] | select(.mn == "mn1@lab.example")] | length')"
check "the node kept its address" equals "$address" "$(mn_addr mn1)"
check "and its default router" equals "$first_router" "$(router)"
check "it can reach the source" eventually 5 ping_src mn1
check "the LMA revoked the binding at mag1" eventually 5 seen old "mh $LMA_ADDR > $MAG1_ADDR revocation checksum=good bri .*mn=mn1@"
check "which answered" eventually 5 seen old "mh $MAG1_ADDR > $LMA_ADDR revocation checksum=good bra "
check "tshark sees the BRI's trigger of an inter-MAG handover" ts_has old "mip6.mhtype == 16 && mip6.bri_br.type == 1 &&
	(mip6.bri_r.trigger == 2 || mip6.bri_r.trigger == 4)"
check "nothing more is sent to mag1" eventually 5 tally_still mag1 tunnelled 0.7
check "the old MAG forgets the node" eventually 5 node_is mag1 mn1 absent
check "the new one has the subscriptions" eventually 3 sub_is mag2 mn1 $SSM active
check "the group stays joined upstream" joined $SSM $SRC_ADDR

step "and back"
capture second mag2 tr0 ip6
move mn1 mag1
for s in ssm asm uni; do resumes $s mag1; done
check "the MAG that saw its link go down de-registered it" eventually 3 seen second "mh $MAG2_ADDR > $LMA_ADDR pbu .*lifetime=0 .*mn=mn1@"
check "and forgot it" eventually 5 node_is mag2 mn1 absent
sleep 2.5 # what was kept for the node's return has passed by now
check "which did the binding at the other no harm" bound lma mn1 $MAG1_ADDR

step "back and forth"
for to in mag2 mag1 mag2; do
	move mn1 $to
	for s in ssm asm uni; do resumes $s $to; done
done
check "the address is the same" equals "$address" "$(mn_addr mn1)"
check "no packet came twice" equals 0 "$(($(stream ssm mn1 duplicates) + $(stream asm mn1 duplicates) + $(stream uni mn1 duplicates)))"
check "no message was malformed" seen lma "^mh"

step "two nodes of one group, one moves"
attach mn2 mag1
check "mn2 at mag1" on_mag mn2 mag1
lab stream join ssm mn2
check "it receives" eventually 5 stream_flows ssm mn2
move mn1 mag1
resumes ssm mag1
move mn1 mag2
resumes ssm mag2
check "the one that stayed receives" stream_flows ssm mn2
check "without a lost or doubled packet" stream_clean ssm mn2
move mn1 mag1
resumes ssm mag1
check "and when the other is back" stream_clean ssm mn2

step "signalling that is lost: every second message on its way to mag2, every third to the LMA"
loss_if mag2 tr0 2 "ip6 nexthdr 135"
loss_if lma tr0 3 "ip6 nexthdr 135"
for to in mag2 mag1 mag2; do
	move mn1 $to
	check "registered at $to" eventually 15 bound lma mn1 "$([ $to = mag1 ] && echo $MAG1_ADDR || echo $MAG2_ADDR)"
	for s in ssm asm uni; do resumes $s $to; done
done
check "messages were lost indeed" at_least 1 "$(($(loss_count mag2) + $(loss_count lma)))"
no_loss mag2
no_loss lma
check "retransmission is counted" counter_above mag2 pbu-retransmitted 0
check "the old MAG has forgotten it" eventually 8 node_is mag1 mn1 absent
check "the node that stayed never noticed" stream_clean ssm mn2

step "a node that leaves, and no other listener"
detach mn2
detach mn1
check "its group is left upstream when the binding ends" eventually 20 not_joined $SSM $SRC_ADDR
check "the other too" eventually 5 not_joined $ASM
no_bindings() { equals 0 "$(show lma bindings ".bindings | length")"; }
check "no binding is left" eventually 15 no_bindings
