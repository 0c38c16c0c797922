#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Packets through the whole domain: size, hop limit, ECN, counters per node and group, drops by their reasons.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

SSM=ff3e::8000:81
lab_up --mags 2 --mns 2 --set mag2:mag.local-routing=yes
attach mn1 mag1
attach mn2 mag1
check "mn1" on_mag mn1 mag1
check "mn2" on_mag mn2 mag1
home=$(mn_addr mn1)

step "size"
ping_of() { ns src ping -6 -n -c 1 -W 2 -M "do" -s "$1" "$home"; }
too_big() { ns src ping -6 -n -c 1 -W 1 -M "do" -s 1452 "$home" 2>&1 | grep -Eqi "(too big|message too long).*mtu(=|: )$1"; }
check "what fits the tunnel passes" eventually 5 ping_of 1412
ns src ip -6 route flush cache
check "what does not is answered by Packet Too Big with the tunnel's MTU" eventually 5 too_big 1460
check "it is counted" counter_above lma too-big 0
check "the node was told the MTU by its router" equals 1460 "$(ns mn1 cat /proc/sys/net/ipv6/conf/eth0/mtu)"
ns_start mn1 iperf -V -s >"$TMP/iperf.server" 2>&1
tcp() { ns src iperf -V -c "$home" -n 300K >"$TMP/iperf" 2>&1 && grep -q "sec *30. KBytes" "$TMP/iperf"; }
check "TCP towards the node finds its way" eventually 10 tcp

step "a node that probes its router"
ns mn1 sysctl -qw net.ipv6.neigh.eth0.delay_first_probe_time=1 net.ipv6.neigh.eth0.base_reachable_time_ms=500
capture nd mn1 eth0 "icmp6"
probed() { ping_src mn1 >/dev/null; ts_has nd "icmpv6.type == 136 && ipv6.src == fe80::200:5eff:fe00:5213"; }
check "it is answered" eventually 15 probed
check "by one who says to be a router" ts_has nd "icmpv6.nd.na.flag.r == 1 && ipv6.src == fe80::200:5eff:fe00:5213"
check "which remains its default router" sh -c "ip -n $P-mn1 -6 route show default | grep -q 'via fe80::200:5eff:fe00:5213'"

step "hop limit"
hops_at() { # what the node sees of a packet sent with so many
	capture hops mn1 eth0 "icmp6[icmp6type] == icmp6-echo"
	ns src ping -6 -n -c 1 -W 2 -t "$1" "$home" >/dev/null 2>&1
	sleep 0.3
	captured hops >/dev/null
	ts hops "icmpv6.type == 128" ipv6.hlim
}
check "the tunnel's two ends take one each" equals 62 "$(hops_at 64)"
check "with 3 it arrives with 1" equals 1 "$(hops_at 3)"
check "with 2 it does not arrive" equals "" "$(hops_at 2)"
check "and with 1 neither" equals "" "$(hops_at 1)"
check "which is counted" counter_above mag1 hop-limit 0

stream_start s --group $SSM --to mn1 --rate 200
check "a stream with 16 hops arrives" eventually 5 stream_flows s mn1
send_hops() { ns src "$ROAMCAST" lab _send --to $SSM --port 5001 --hops "$1" --count 20 --rate 200 --id 99 --file "$TMP/hops.json"; }
foreign() { lab stream report s --json | jq '.nodes.mn1.foreign'; }
base=$(foreign)
send_hops 1
send_hops 2
sleep 0.3
check "multicast with 1 or 2 hops stays outside" equals "$base" "$(foreign)"
send_hops 3
all_20() { equals $((base + 20)) "$(foreign)"; }
check "with 3 it arrives" eventually 3 all_20

step "ECN (RFC 6040)"
ecn_at() {
	capture ecn mn1 eth0 "icmp6[icmp6type] == icmp6-echo"
	ns src ping -6 -n -c 1 -W 2 -Q "$1" "$home" >/dev/null 2>&1
	sleep 0.3
	captured ecn >/dev/null
	ts ecn "icmpv6.type == 128" ipv6.tclass.ecn
}
check "ECT(0) comes out as it went in" equals 2 "$(ecn_at 2)"
check "not-ECT too" equals 0 "$(ecn_at 0)"
ns net nft 'table netdev ce { chain in { type filter hook ingress device "lma" priority 0; ip6 nexthdr 41 ip6 ecn set ce; }; }' 2>/dev/null
if [ -n "$(ns net nft list tables)" ]; then
	check "congestion marked on the way is told to the node" equals 3 "$(ecn_at 2)"
	before=$(counter mag1 ecn)
	check "a packet that cannot say so is dropped" equals "" "$(ecn_at 0)"
	check "and counted" counter_above mag1 ecn "$before"
	ns net nft flush ruleset
fi

step "counters per node and group are exact"
lab stream stop s >/dev/null
delivered() { show mag1 subscriptions | jq -r --arg mn "$(mn_id "$1")" --arg g "$2" \
	'[.subscriptions[] | select(.mn == $mn and .group == $g) | .delivered.packets] | first // 0'; }
stream_start exact --group $SSM --to mn1,mn2 --count 300 --rate 300 --no-sender
check "joined" eventually 5 joined $SSM $SRC_ADDR
d1=$(delivered mn1 $SSM) d2=$(delivered mn2 $SSM)
ns src "$ROAMCAST" lab _send --to $SSM --port 5001 --count 300 --rate 300 --size 200 --id 7 --file "$TMP/exact.json"
counted() { equals $(($2 + 300)) "$(delivered "$1" $SSM)"; }
check "300 packets delivered to the first" eventually 3 counted mn1 "$d1"
check "and 300 to the second" eventually 3 counted mn2 "$d2"
lab stream stop exact >/dev/null
traffic() { show mag1 nodes | jq -r --arg mn "$(mn_id mn1)" '.nodes[] | select(.mn == $mn) | "\(.traffic.up.packets) \(.traffic.down.packets)"'; }
before=$(traffic)
ns src ping -6 -n -c 10 -i 0.02 -q "$home" >/dev/null
ten_each() {
	now=$(traffic)
	[ $((${now% *} - ${before% *})) -ge 10 ] && [ $((${now% *} - ${before% *})) -le 14 ] &&
		[ $((${now#* } - ${before#* })) -ge 10 ] && [ $((${now#* } - ${before#* })) -le 14 ] || { say "$before -> $now"; return 1; }
}
check "unicast both ways is counted for the node" eventually 3 ten_each

step "from one node to another of the same gateway"
other=$(mn_addr mn2)
hops_between() {
	capture between mn2 eth0 "icmp6[icmp6type] == icmp6-echo"
	ns mn1 ping -6 -n -c 3 -i 0.1 -W 2 -t 64 "$other" >/dev/null 2>&1
	sleep 0.3
	captured between >/dev/null
	ts between "icmpv6.type == 128" ipv6.hlim | sort -u
}
tunnelled() { show mag2 tunnels | jq '[.tunnels[].traffic | .in.packets + .out.packets] | add'; }
check "by way of the LMA, as that is to be" equals 61 "$(hops_between)"
lab move mn1,mn2 mag2
check "they move to one that may do it itself" on_mag mn1 mag2
check "both" on_mag mn2 mag2
check "which is one hop" equals 63 "$(hops_between)"
before=$(tunnelled)
ns mn1 ping -6 -n -c 20 -i 0.02 -q "$other" >/dev/null
check "and nothing of it is in the tunnel" test $(($(tunnelled) - before)) -le 4
between() { show mag2 nodes | jq -e '[.nodes[].traffic | .up.packets, .down.packets] | min >= 20' >/dev/null; }
check "but counted, of both, both ways" eventually 3 between
check "a hop limit that ends there is told" sh -c "ip netns exec $P-mn1 ping -6 -n -c 1 -W 1 -t 1 $other 2>&1 | grep -q 'Time exceeded'"
from_other() { ns mn1 ip -6 addr add 2001:db8:bad::1/128 dev eth0 nodad && ns mn1 ping -6 -n -c 5 -i 0.02 -W 1 -I 2001:db8:bad::1 "$other" >/dev/null 2>&1; }
before=$(counter mag2 uplink-source)
from_other
ns mn1 ip -6 addr del 2001:db8:bad::1/128 dev eth0
check "sources are checked there, too" counter_above mag2 uplink-source $((before + 4))
lab move mn1,mn2 mag1
check "back again" on_mag mn1 mag1

step "drops by reason"
drops() { # TEXT NODE COUNTER N COMMAND...
	drops_text=$1 drops_node=$2 drops_counter=$3 drops_n=$4
	drops_before=$(counter "$drops_node" "$drops_counter")
	shift 4
	"$@" >/dev/null 2>&1
	check "$drops_text: $drops_counter" eventually 3 counter_above "$drops_node" "$drops_counter" $((drops_before + drops_n - 1))
}
drops "multicast from a node" mag1 uplink-multicast 5 ns mn1 ping -6 -n -c 5 -i 0.05 -W 1 -t 8 -I "$home" ff1e::9:9
lab daemon stop mag2
tunnel() { ns mag2 "$TOOLS/hostile_mh" tunnel --count 10 "$@"; }
drops "encapsulated, from a stranger, to a MAG" mag1 outer-source 10 \
	tunnel --from 2001:db8:ff::bad --to $MAG1_ADDR --inner-from $SRC_ADDR --inner-to "$home"
drops "encapsulated, from a stranger, to the LMA" lma outer-source 10 \
	tunnel --from 2001:db8:ff::bad --to $LMA_ADDR --inner-from "$home" --inner-to $SRC_ADDR
drops "from a MAG, with an address that is not behind it" lma inner-source 10 \
	tunnel --from $MAG1_ADDR --to $LMA_ADDR --inner-from 2001:db8:bad::1 --inner-to $SRC_ADDR
drops "from the LMA, for nobody here" mag1 no-node 10 \
	tunnel --from $LMA_ADDR --to $MAG1_ADDR --inner-from $SRC_ADDR --inner-to 2001:db8:bad::1
drops "from the LMA, a group nobody asked for" mag1 no-group 10 \
	tunnel --from $LMA_ADDR --to $MAG1_ADDR --inner-from $SRC_ADDR --inner-to ff1e::9:9
drops "with its inner header cut" mag1 outer-malformed 10 \
	tunnel --cut 20 --from $LMA_ADDR --to $MAG1_ADDR --inner-from $SRC_ADDR --inner-to "$home"
