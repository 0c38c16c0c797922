#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lab itself, without daemons: its cables, its judge, its streams, and that nothing is left of it.
. "$(dirname "$0")/lib.sh"

lab_up --no-daemons --mags 3 --mns 3

step "the judge upstream"
stream_start a --to lma --rate 200
check "the bridge has heard the source-specific join" eventually 3 joined $SSM_GROUP $SRC_ADDR
check "the stream passes" eventually 3 stream_flows a lma
check "and without a fault" stream_clean a lma
lab stream leave a lma
check "the bridge has heard the leave" eventually 3 not_joined $SSM_GROUP $SRC_ADDR
stream_stop a >/dev/null
stream_start b --to lma --passive --rate 200
sleep 0.3
check "a stream that nobody asked for does not reach the LMA" equals 0 "$(stream b lma received)"
stream_stop b >/dev/null
stream_start d --any-source --group $ASM_GROUP --to lma
check "any-source join" eventually 3 joined $ASM_GROUP
stream_stop d >/dev/null

step "the transport network, and the route to the nodes"
check "from LMA to MAG" ns lma sh -c 'ip -6 route get 2001:db8:ff::1:3 | grep -q tr0'
check "the source sends to the nodes by the LMA" \
	ns src sh -c 'ip -6 route get 2001:db8:f00::1 | grep -q 2001:db8:aaaa::10:1'

step "a node's link"
carrier_is() { equals "$1" "$(ns mn1 cat /sys/class/net/eth0/carrier)"; }
check "no carrier before" carrier_is 0
attach mn1 mag1
check "carrier at the first MAG" eventually 1 carrier_is 1
mac=$(ns mn1 cat /sys/class/net/eth0/address)
ns_start mn1 ip monitor link >"$TMP/links"
sleep 0.2
move mn1 mag2
check "the node saw its carrier go" eventually 1 grep -q NO-CARRIER "$TMP/links"
check "and come back" eventually 1 grep -q LOWER_UP "$TMP/links"
check "its link-layer address stayed" equals "$mac" "$(ns mn1 cat /sys/class/net/eth0/address)"
check "the interface is at the new MAG" ns mag2 test -d /sys/class/net/acc1
check_not "and not at the old one" ns mag1 test -d /sys/class/net/acc1
check_not "a node that is attached cannot attach" lab attach mn1 mag3
detach mn1
check "detached" carrier_is 0

step "streams count exactly what a third party lets through"
attach mn2 mag3
mn2_link_local=$(ip -n "$P-mn2" -j -6 address show dev eth0 scope link | jq -r '.[0].addr_info[0].local')
check "the node has its link-local address" test -n "$mn2_link_local"
loss lma up0 10
stream_start e --to lma --rate 500 --count 500
all_sent() { equals 500 "$(stream e sender sent)"; }
check "all were sent" eventually 5 all_sent
sleep 0.2
lost=$(stream e lma lost)
end=$(stream e lma behind)
dropped=$(loss_count lma)
check "lost of 500: about every tenth" at_least 45 "$lost"
check "no more than nftables dropped" at_most "$dropped" $((lost + end))
stream_stop e >/dev/null

step "nothing is left"
lab down
check_not "no namespace" sh -c "ip netns list | grep '^$P-'"
check_not "no folder" test -e "$(lab_dir)"
