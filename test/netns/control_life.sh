#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The daemons' life under their operator: files that are wrong, reload while streams flow, what is told of failures, orderly end,
# sudden death, restart. (The socket and the command line: ctl_socket.sh.)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

SSM=ff3e::8000:91 ASM=ff1e::91 DENIED=ff1e::bad:1
topology "$TMP/topology.json" '[{"name": "mn1"},
	{"name": "mn2", "profile": {"prefixes": ["2001:db8:f00:99::/64"], "multicast": {"deny": [{"group": "ff1e::bad:0/112"}]}}},
	{"name": "mn3", "profile": {"mags": ["'$MAG2_ADDR'"]}}]' \
	'{"mag.bindack-initial": "300ms", "mag.bindack-max": "1s", "mag.lifetime": "12s", "lma.min-delay-before-bce-delete": "1s"}'
lab_up --topology "$TMP/topology.json"
conf() { say "$(lab_dir)/$1.yaml"; }

step "files that are wrong"
wrong() { # LINE:COLUMN EXPECTED-TEXT SED-PROGRAM
	sed "$3" "$(conf mag1)" >"$TMP/wrong.yaml"
	"$BUILD/roamcastd" -t -c "$TMP/wrong.yaml" >"$TMP/out" 2>&1 && { say "it was taken"; return 1; }
	grep -Eq "^$TMP/wrong.yaml:$1: .*$2" "$TMP/out" || { cat "$TMP/out"; return 1; }
}
line() { grep -n "$1" "$(conf mag1)" | head -n 1 | cut -d: -f1; }
check "the lab's own are right" "$BUILD/roamcastd" -t -c "$(conf mag1)"
check "an unknown key" wrong "$(line '^mag:'):1" "magg" 's/^mag:/magg:/'
check "a wrong address" wrong "$(line '^  lma:'):[0-9]+" "lma" 's/^  lma: .*/  lma: 2001:db8:zz::1/'
check "a number beyond its range" wrong "[0-9]+:[0-9]+" "hop-limit" 's/^dataplane:/dataplane:\n  hop-limit: 300/'
check "what only a lab may have" wrong "[0-9]+:[0-9]+" "(lab|32473|security)" 's/^lab: .*/lab: no/'
check "YAML that is none" wrong "[0-9]+:[0-9]+" "." 's/^mag:/mag: [/'
printf 'lab: yes\nnonsense: 1\nmag: {lma: x, access: 5}\nname: [a]\n' >"$TMP/many.yaml"
check "all errors in one run" sh -c "[ \$('$BUILD/roamcastd' -t -c '$TMP/many.yaml' 2>&1 | grep -c '^$TMP/many.yaml:[0-9]*:[0-9]*: ') -ge 4 ]"

step "reload while streams flow"
attach mn1 mag1
attach mn2 mag2
check "mn1" on_mag mn1 mag1
check "mn2" on_mag mn2 mag2
stream_start ssm --group $SSM --to mn1,mn2 --rate 500
stream_start asm --group $ASM --any-source --to mn1,mn2 --port 5002
for s in ssm asm; do for n in mn1 mn2; do check "$s arrives at $n" eventually 5 stream_flows $s $n; done; done
stream_start uni --group "$(mn_addr mn1)" --to mn1 --port 5003
check "unicast too" eventually 5 stream_flows uni mn1
flawless() {
	for fl_n in mn1 mn2; do for fl_s in ssm asm; do stream_flows $fl_s $fl_n && stream_clean $fl_s $fl_n || return 1; done; done
	stream_clean uni mn1
}
cp "$(conf mag1)" "$TMP/mag1.yaml"
cp "$(conf lma)" "$TMP/lma.yaml"
sed -i 's/^  lifetime: .*/  lifetime: 14s\n  refresh-before: 3s\n  multicast:\n    attach-query:\n      count: 3\n    access-mld:\n      robustness: 3/' "$(conf mag1)"
check "MAG: timers and MLD" rc mag1 reload
sed -i 's/^  upstream: .*/  upstream: up0\n  lifetime-max: 30m\n  multicast:\n    upstream-mld:\n      robustness: 3/' "$(conf lma)"
kill -HUP "$(pid_of lma)"
in_force() { equals 30m "$(show lma settings '.settings[] | select(.key == "lma.lifetime-max") | .value')"; }
check "LMA: by SIGHUP" eventually 5 in_force
sed -i 's/^mag:/mag:\n  nonsense: 1/' "$(conf mag1)"
check_not "a wrong file is refused" rc mag1 reload
sed 's/^name: .*/name: other/' "$TMP/mag1.yaml" >"$(conf mag1)"
check_not "what needs a restart is refused" rc mag1 reload
cp "$TMP/mag1.yaml" "$(conf mag1)"
check "the first file again" rc mag1 reload
cp "$TMP/lma.yaml" "$(conf lma)"
check "at the LMA too" rc lma reload
sleep 0.5
check "not a packet was lost, doubled or out of order in all that" flawless
check "no binding ended" equals 2 "$(show lma bindings '[.bindings[] | select(.state == "active")] | length')"

step "an access link leaves the configuration, and comes back"
# IFF_ALLMULTI of an access link, 0 or 1.
allmulti() { printf '%d' $(($(ns mag1 cat /sys/class/net/acc1/flags) >> 9 & 1)); }
is_allmulti() { equals "$1" "$(allmulti)"; }
check "it hears all multicast" is_allmulti 1
sed -i 's/acc\*/none*/' "$(conf mag1)"
check "reload" rc mag1 reload
check "its node is detached" eventually 5 node_is mag1 mn1 absent
check "it hears no more than it needs" eventually 2 is_allmulti 0
check "and unbound" eventually 5 not_bound lma mn1
check "the other MAG's streams go on" stream_flows ssm mn2
cp "$TMP/mag1.yaml" "$(conf mag1)"
check "reload" rc mag1 reload
check "the node is back" on_mag mn1 mag1
check "and its streams" eventually 8 stream_flows ssm mn1

step "a MAG may register no more"
sed -i '/- name: mag2/,/address:/d' "$(conf lma)"
check "reload" rc lma reload
check "its node's binding is revoked" eventually 5 not_bound lma mn2
check "and the MAG serves it no more" eventually 8 node_is mag2 mn2 refused
cp "$TMP/lma.yaml" "$(conf lma)"
check "reload" rc lma reload
detach mn2
attach mn2 mag2
check "permitted again, it is served" on_mag mn2 mag2
check "its streams are back" eventually 8 stream_flows ssm mn2

step "why"
why_says() { # NODE MN GROUP EXTENDED-REGEX
	rc "$1" why "$(mn_id "$2")" ${3:+"$3"} >"$TMP/why" 2>&1 && { cat "$TMP/why"; say "status 0"; return 1; }
	grep -Eqi "$4" "$TMP/why" || { cat "$TMP/why"; return 1; }
}
check "a node that is there has service" rc mag1 why "$(mn_id mn1)"
check "a group that flows too" rc mag1 why "$(mn_id mn1)" $SSM
check "a node that nobody knows" why_says mag1 nobody "" "not.* know|unknown"
attach mn3 mag1
check "a node whose profile forbids this MAG" eventually 8 why_says mag1 mn3 "" "profile"
detach mn3
lab stream start den --group $DENIED --any-source --to mn2 --port 5004
check "a denied group" eventually 3 why_says mag2 mn2 $DENIED "denied"
check "a group that was never asked for" why_says mag2 mn2 ff1e::5:5 "not.*(asked|subscribed)|nobody"
lab daemon kill lma
detach mn2
attach mn2 mag2
check "an LMA that is silent" eventually 8 why_says mag2 mn2 "" "$LMA_ADDR.*(no answer|not answered|silent)|(no answer|not answer|silent).*"

step "the LMA died, and comes back knowing nothing"
before=$(mn_addr mn1)
lab daemon start lma
check "its nodes register anew by themselves" eventually 25 bound lma mn1
check "the one that waited too" eventually 25 bound lma mn2
as_before() { equals "$before" "$(mn_addr mn1)"; }
check "with their prefixes" eventually 5 as_before
check "their groups are joined" eventually 10 joined $SSM $SRC_ADDR
for n in mn1 mn2; do check "the streams are back at $n" eventually 10 stream_flows ssm $n; done

step "a MAG dies, and comes back knowing nothing"
lab daemon kill mag1
lab daemon start mag1
check "its node is found and registered by itself" eventually 10 node_is mag1 mn1 registered
check "the stream is back" eventually 10 stream_flows ssm mn1
check "unicast too" eventually 8 ping_src mn1

no_route() { [ -z "$(ns mn1 ip -6 route show default)" ]; }
# nothing_left NODE: no tc program, no TUN device.
nothing_left() {
	for nl_if in $(ns "$1" ls /sys/class/net); do
		[ -z "$(ns "$1" tc filter show dev "$nl_if" ingress 2>/dev/null)" ] || { ns "$1" tc filter show dev "$nl_if" ingress; return 1; }
		case $nl_if in rcdp*) say "$nl_if"; return 1 ;; esac
	done
	[ -z "$(ns "$1" nft list ruleset 2>/dev/null)" ] || { ns "$1" nft list ruleset; return 1; }
}

step "a MAG ends in order"
capture end lma tr0 ip6
lab daemon stop mag1
check "it de-registered its node" eventually 3 seen end "pbu .*lifetime=0 .*mn=mn1@"
check "the binding ended" eventually 5 not_bound lma mn1
check "the node's prefix and router were withdrawn" eventually 3 no_route
check "no program of ours is left on its links" nothing_left mag1
lab daemon start mag1
check "started again, it finds its node" eventually 10 node_is mag1 mn1 registered
check "the stream is back" eventually 10 stream_flows ssm mn1

step "the LMA ends in order"
check "joined before" joined $SSM $SRC_ADDR
lab daemon stop lma
check "it has left its groups upstream" eventually 2 not_joined $SSM $SRC_ADDR
check "the other too" eventually 2 not_joined $ASM
check "no program of ours is left on its links" nothing_left lma
lab daemon start lma

step "where eBPF is not permitted"
lab daemon stop mag1
sed -i 's/^  backend: .*/  backend: auto/' "$(conf mag1)"
ns_start mag1 setpriv --bounding-set=-all,+net_admin,+net_raw --inh-caps=-all "$BUILD/roamcastd" -c "$(conf mag1)" 2>"$TMP/fallback.log"
backend() { equals "$1" "$(show mag1 status .dataplane.backend)"; }
check "auto takes the user-space plane" eventually 5 backend user
check "shows why" test -n "$(show mag1 status '.dataplane.fallback_reason // empty')"
check "and logs it" grep -q "user space, because" "$TMP/fallback.log"
check "the node is served" eventually 15 node_is mag1 mn1 registered
check "the stream is back" eventually 10 stream_flows ssm mn1
helper_stop "$HELPER"
