#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How nodes come and go: every way to attach and detach, refusals, several LMAs, a shared link, links that come and go,
# and that nothing passes before acceptance, after withdrawal, or with an address that is not the node's own.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

HOME5=2001:db8:f00:77 SSM=ff3e::8000:71 ASM=ff1e::71
topology "$TMP/topology.json" '[
	{"name": "mn1"}, {"name": "mn2", "lma": "lma2"}, {"name": "mn3"}, {"name": "mn4"},
	{"name": "mn5", "profile": {"prefixes": ["'$HOME5'::/64"]}},
	{"name": "mn6", "profile": {"mags": ["'$MAG2_ADDR'"]}}, {"name": "mn7"}]' \
	'{"mag1:mag.detachment.probe-interval": "2s", "mag1:mag.detachment.probe-retransmit": "200ms", "mag.bindack-initial": "300ms",
	  "mag.bindack-max": "1s", "lma2:lma.mags": "[{name: mag1, address: '$MAG1_ADDR'}]"}' \
	'[{"name": "lma"}, {"name": "lma2"}]'
# The second MAG's nodes share a link.
jq '.mags[1].shared = true' "$TMP/topology.json" >"$TMP/shared.json"
lab_up --topology "$TMP/shared.json"

# only MN TYPE: of all that its kernel sends, ICMPv6 of this type alone gets out. only_end.
only() {
	ns "$1" nft -f - <<-END || fail "only $*"
		table ip6 only {
			chain out {
				type filter hook output priority 0; policy drop;
				icmpv6 type $2 accept
			}
		}
	END
}
only_end() { ns "$1" nft delete table ip6 only; }
trigger_is() { equals "$3" "$(show "$1" nodes | jq -r --arg mn "$(mn_id "$2")" '.nodes[] | select(.mn == $mn) | .trigger')"; }
trigger_by() { # NAME ICMPV6-TYPE
	only mn7 "$2"
	attach mn7 mag1
	[ "$1" = data ] || ns mn7 sh -c 'ip link set eth0 down; ip link set eth0 up'
	check "a node is found by $1 alone" eventually 10 node_is mag1 mn7 registered
	check "and it is told by what" trigger_is mag1 mn7 "$1"
	only_end mn7
	detach mn7
	check "its link goes down, and it is detached" eventually 5 node_is mag1 mn7 absent
}

step "ways to attach"
trigger_by router-solicitation 133
trigger_by neighbour-discovery 135
trigger_by mld 143
# The answer to the MAG's question at link up; Neighbour Discovery on its way would be heard first.
ns mn7 ip neighbour add fe80::200:5eff:fe00:5213 lladdr 00:00:5e:00:52:13 dev eth0 nud permanent
trigger_by data 129
ns mn7 ip neighbour delete fe80::200:5eff:fe00:5213 dev eth0
only mn7 1
attach mn7 mag1
link_is() { show mag1 status | jq -e --arg l "$1" 'any(.links[]; .link == $l)' >/dev/null; }
check "the link is there" eventually 5 link_is acc7
sleep 0.5
check "a silent node is not" node_is mag1 mn7 absent
check "roamcast attach, by identifier" rc mag1 attach "$(mn_id mn7)" acc7
check "registers it" eventually 5 node_is mag1 mn7 registered
check "told by whom" trigger_is mag1 mn7 operator
only_end mn7
check "it has an address, though it never solicited" eventually 10 mn_addr mn7

step "ways to detach"
check "roamcast detach" rc mag1 detach "$(mn_id mn7)"
check "ends the binding" eventually 5 not_bound lma mn7
detach mn7
attach mn7 mag1
check "the node comes back" on_mag mn7 mag1
ns mn7 nft 'table netdev deaf { chain in { type filter hook ingress device "eth0" priority 0; policy drop; }
	chain out { type filter hook egress device "eth0" priority 0; policy drop; }; }' ||
	ns mn7 nft 'table ip6 deaf { chain out { type filter hook output priority 0; policy drop; }; }'
check "one that falls silent is found out by probing" eventually 12 node_is mag1 mn7 absent
check "and its binding ends" eventually 5 not_bound lma mn7
ns mn7 nft flush ruleset
detach mn7

step "who may not"
policy remove "$(mn_id mn7)" >/dev/null
ns mn7 ip -6 address flush dev eth0 scope global # when it was deaf nobody could tell it that its prefix is over
attach mn7 mag1
unknown() { show mag1 nodes | jq -e 'any(.nodes[]; .state == "unknown" and .lladdr == "02:52:4e:00:00:07")' >/dev/null; }
check "a node that is not in the store is unknown" eventually 8 unknown
check "it gets no address" equals "" "$(mn_addr mn7)"
detach mn7
attach mn6 mag1
check "a node whose profile forbids this MAG is refused" eventually 8 node_is mag1 mn6 refused
check "without a word to the LMA" not_bound lma mn6
move mn6 mag2
check "at the permitted one it is served" on_mag mn6 mag2
attach mn2 mag2
check "an LMA that does not know this MAG refuses" eventually 8 node_is mag2 mn2 refused
check "with status 154" equals MAG_NOT_AUTHORIZED_FOR_PROXY_REG \
	"$(show mag2 nodes | jq -r '.nodes[] | select(.mn == "mn2@lab.example") | .status')"
check "the node gets no address" equals "" "$(mn_addr mn2)"

step "two LMAs serve the nodes of one MAG"
move mn2 mag1
capture ra mn1 eth0 icmp6
attach mn1 mag1
check "a node of the first" on_mag mn1 mag1
advertised() { # what of it stands in an advertisement to that node alone
	ts_has ra "icmpv6.type == 134 && eth.dst == 02:52:4e:00:00:01 && eth.src == 00:00:5e:00:52:13 &&
		ipv6.src == fe80::200:5eff:fe00:5213 && $1"
}
check "was sent its prefix, to its own link-layer address" advertised "icmpv6.opt.prefix == $(mn_prefix mn1 | sed 's,/64,,')"
check "and the tunnel's MTU" advertised "icmpv6.opt.mtu == 1460"
check "a node of the second" on_mag mn2 mag1
check "bound at the first" bound lma mn1
check "bound at the second" bound lma2 mn2
check "and not at both" not_bound lma2 mn1
check "unicast through the first" eventually 5 ping_src mn1
check "through the second" eventually 5 ping_src mn2
stream_start ssm --group $SSM --to mn1,mn2
stream_start asm --group $ASM --any-source --to mn1,mn2 --port 5002
for n in mn1 mn2; do for s in ssm asm; do check "$s arrives at $n" eventually 5 stream_flows $s $n; done; done
check "each LMA has joined" joined $SSM $SRC_ADDR lma
check "the other too" joined $SSM $SRC_ADDR lma2
for n in mn1 mn2; do for s in ssm asm; do check "$s at $n has no fault" stream_clean $s $n; done; done

step "several nodes on a shared link"
attach mn3 mag2
attach mn4 mag2
check "the first" on_mag mn3 mag2
check "the second" on_mag mn4 mag2
check "unicast" eventually 5 ping_src mn3
check "unicast" eventually 5 ping_src mn4
check "their prefixes differ" test "$(mn_prefix mn3)" != "$(mn_prefix mn4)"
for n in mn3 mn4; do
	tally $n eth0 all "ip6 daddr $SSM"
	tally $n eth0 own "ether daddr $(ns $n cat /sys/class/net/eth0/address) ip6 daddr $SSM"
done
lab stream join ssm mn3
check "one joins and receives" eventually 5 stream_flows ssm mn3
sleep 0.3
check "the other gets nothing" equals 0 "$(tallied mn4 all)"
lab stream join ssm mn4
check "it joins too and receives" eventually 5 stream_flows ssm mn4
sleep 0.5
# Read twice while packets come: the second number is not less than the first.
own_frames() { at_least 20 "$(tallied "$1" all)" && at_least "$(tallied "$1" all)" "$(tallied "$1" own)"; }
check "each copy bore the node's own link-layer address" eventually 5 own_frames mn3
check "at the other too" eventually 5 own_frames mn4
check "one copy each" stream_clean ssm mn3
check "for both" stream_clean ssm mn4

step "uplink source check"
here=$(mn_addr mn1)
tally src up0 uplink "udp dport 8080"
ns mn1 "$TOOLS/hostile_link" spoof --from "$here" --to $SRC_ADDR --count 5 >/dev/null
all_five() { equals 5 "$(tallied src uplink)"; }
check "what the node sends from its own address arrives" eventually 3 all_five
before=$(counter mag1 uplink-source)
ns mn1 "$TOOLS/hostile_link" spoof --from 2001:db8:bad::1 --to $SRC_ADDR --count 10 >/dev/null
ns mn1 "$TOOLS/hostile_link" spoof --from "$(mn_addr mn2)" --to $SRC_ADDR --count 10 >/dev/null
check "foreign addresses are counted" eventually 3 counter_above mag1 uplink-source $((before + 19))
ns mn1 "$TOOLS/hostile_link" spoof --from fe80::1 --to $SRC_ADDR --count 10 >/dev/null
sleep 0.3
check "and none of that got through" equals 5 "$(tallied src uplink)"

step "nothing before acceptance, nothing after withdrawal"
lab daemon stop lma
ns mn5 ip address add "$HOME5::5/64" dev eth0 nodad
attach mn5 mag1
check "the LMA is silent, the node is not accepted" eventually 8 node_is mag1 mn5 registering
mac=$(ns mag1 cat /sys/class/net/acc5/address)
check "the node's router has the domain's address" equals 00:00:5e:00:52:13 "$mac"
tally lma tr0 early "ip6 nexthdr 41"
send5() { ns mn5 "$TOOLS/hostile_link" spoof --from "$HOME5::5" --to $SRC_ADDR --count "$1" >/dev/null; }
before=$(counter mag1 uplink-unregistered)
send5 20
check "what it sends is dropped and counted" eventually 3 counter_above mag1 uplink-unregistered $((before + 19))
check "none went to the LMA" equals 5 "$(tallied src uplink)"
lab daemon start lma
check "with the LMA back it is accepted" eventually 15 node_is mag1 mn5 registered
send5 7
twelve() { equals 12 "$(tallied src uplink)"; }
check "and what it sends passes" eventually 3 twelve
check "the prefix is the profile's" eventually 5 bound lma mn5
detach mn1
attach mn1 mag1
check "a node that attaches now is bound" eventually 10 bound lma mn1
check "and receives" eventually 10 stream_flows ssm mn1
check "the profile is disabled" profile mn5 '.enabled = false'
check "the node is refused" eventually 5 node_is mag1 mn5 refused
before=$(counter mag1 uplink-unregistered)
send5 20
check "what it sends is dropped and counted" eventually 3 counter_above mag1 uplink-unregistered $((before + 19))
check "none got through" equals 12 "$(tallied src uplink)"
pref() { equals 0 "$(ip -n "$P-mn5" -6 -j addr show dev eth0 | jq '[.[].addr_info[]? | select(.dynamic and .preferred_life_time > 0)] | length')"; }
check "its prefix was withdrawn" eventually 3 pref

step "links come and go"
ip -n "$P-mag1" link set acc1 down
check "a link that goes down detaches" eventually 5 node_is mag1 mn1 absent
ip -n "$P-mag1" link set acc1 up
check "and up attaches" on_mag mn1 mag1
check "the streams are back" eventually 8 stream_flows ssm mn1
ip -n "$P-mag1" link set acc1 down
ip -n "$P-mag1" link set acc1 name other1
ip -n "$P-mag1" link set other1 up
sleep 0.5
check "a link with another name is none of ours" node_is mag1 mn1 absent
ip -n "$P-mag1" link set other1 down
ip -n "$P-mag1" link set other1 name acc1
ip -n "$P-mag1" link set acc1 up
check "renamed again it is" on_mag mn1 mag1
check "the streams are back" eventually 8 stream_flows ssm mn1
ip -n "$P-lma" link set up0 down
sleep 0.3
ip -n "$P-lma" link set up0 up
check "the LMA's upstream link is back, and joined again" eventually 15 joined $SSM $SRC_ADDR
check "the stream too" eventually 8 stream_flows ssm mn1

step "an access link is set up once, and again what comes undone"
SELF=fe80::200:5eff:fe00:5213
ns_start mag1 ip -o -6 monitor address >"$TMP/addresses"
sleep 0.3
detach mn1
attach mn1 mag1
check "the node is back" on_mag mn1 mag1
said() { grep -c "$@" "$TMP/addresses"; } # how often the kernel did
check "the link got its address once" equals 1 "$(said "^[0-9]*: acc1 .*inet6 $SELF")"
check "and lost it once, as it went" equals 1 "$(said "^Deleted .* acc1 .*inet6 $SELF")"
check "there was no other" equals 2 "$(said "acc1 .*inet6 fe80:")"
has_only() { equals "$1" "$(ip -n "$P-mag1" -6 -j address show dev acc1 | jq -r '[.[].addr_info[]?.local] | join(" ")')"; }
ip -n "$P-mag1" address del $SELF/64 dev acc1
check "an address that somebody took away is put back" eventually 3 has_only $SELF
ip -n "$P-mag1" address add fe80::bad/64 dev acc1 nodad
check "another is taken away" eventually 3 has_only $SELF
ip -n "$P-mag1" link set acc1 address 02:bb:bb:bb:bb:bb
has_mac() { equals 00:00:5e:00:52:13 "$(ns mag1 cat /sys/class/net/acc1/address)"; }
check "the MAC address is put back" eventually 3 has_mac
ns mag1 sysctl -qw net.ipv6.conf.acc1.forwarding=0
check "the MAG is told to look" rc mag1 reload
forwards() { equals 1 "$(ns mag1 cat /proc/sys/net/ipv6/conf/acc1/forwarding)"; }
check "and so are the settings" eventually 3 forwards
check "the node was served all the time" on_mag mn1 mag1
