# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # what the tests use of it
# What the tests of the daemons' flows share, on top of lib.sh. Every judgement is another program's: tshark and judge.py
# on what is on the wire, the bridge's MDB upstream, the nodes' own kernels, and the numbered packets of the streams.

LMA2_ADDR=2001:db8:ff::2
MAG1_ADDR=2001:db8:ff::1:1
MAG2_ADDR=2001:db8:ff::1:2
JUDGE=$TOP/test/netns/judge.py
TOOLS=$BUILD/tools

mn_id() { say "$1@lab.example"; }

# ---- state, as the daemons tell it ------------------------------------------------------------------------

# node_is MAG MN STATE: registered, unknown, refused, ... or "absent".
node_is() {
	nis_state=$(show "$1" nodes | jq -r --arg mn "$(mn_id "$2")" '[.nodes[] | select(.mn == $mn) | .state] | first // "absent"')
	equals "$3" "$nis_state"
}

# bound LMA MN [MAG-ADDRESS]: an active binding, at that MAG.
bound() {
	show "$1" bindings | jq -e --arg mn "$(mn_id "$2")" --arg mag "${3:-}" \
		'any(.bindings[]; .mn == $mn and .state == "active" and ($mag == "" or .mag_address == $mag))' >/dev/null ||
		{ show "$1" bindings; return 1; }
}
not_bound() { ! bound "$@" >/dev/null; }

# sub_is MAG MN GROUP STATE: pending, active, refused, waiting, local, or "absent".
sub_is() {
	sis_state=$(show "$1" subscriptions | jq -r --arg mn "$(mn_id "$2")" --arg g "$3" \
		'[.subscriptions[] | select(.mn == $mn and .group == $g) | .state] | first // "absent"')
	equals "$4" "$sis_state"
}

# sub_origins MAG MN GROUP: its origins, sorted, joined by ",".
sub_origins() {
	show "$1" subscriptions | jq -r --arg mn "$(mn_id "$2")" --arg g "$3" \
		'[.subscriptions[] | select(.mn == $mn and .group == $g) | .origins[]] | sort | join(",")'
}
origins_are() { equals "$4" "$(sub_origins "$1" "$2" "$3")"; }

# counter NODE NAME: its value; 0 where there is none of that name.
counter() { show "$1" counters | jq -r --arg n "$2" '[.counters[] | select(.counter == $n) | .value] | add // 0'; }
counter_above() { at_least $(($3 + 1)) "$(counter "$1" "$2")"; }

# event NODE KIND [MN]: has it been told?
event() {
	show "$1" events | jq -e --arg k "$2" --arg mn "${3:+$(mn_id "$3")}" \
		'any(.events[]; .event == $k and ($mn == "" or .mn == $mn))' >/dev/null
}

# ---- profiles ---------------------------------------------------------------------------------------------

# profile MN JQ-PROGRAM: the node's profile in the store becomes what the program makes of it, through the command line.
profile() {
	policy show "$(mn_id "$1")" --json | jq ".profiles[0] | $2" >"$TMP/profile.json" &&
		policy set "$TMP/profile.json"
}

# topology FILE NODES-JSON [SETTINGS-JSON] [LMAS]: two MAGs.
topology() {
	jq -n --argjson mns "$2" --argjson settings "${3:-null}" --argjson lmas "${4:-null}" \
		'{mags: [{name: "mag1"}, {name: "mag2"}], lmas: ($lmas // [{name: "lma"}]), mns: [$mns[] | {lma: "lma"} + .], settings: ($settings // {})}' \
		>"$1"
}

# ---- the wire ---------------------------------------------------------------------------------------------

# seen NAME PATTERN: does a line of the running capture (see judge.py) match the extended regular expression?
seen() {
	python3 "$JUDGE" "$TMP/$1.pcap" >"$TMP/$1.judged" || { say "a wrong checksum:"; grep BAD "$TMP/$1.judged"; return 1; }
	grep -Eq -e "$2" "$TMP/$1.judged" || { cat "$TMP/$1.judged"; return 1; }
}
not_seen() {
	python3 "$JUDGE" "$TMP/$1.pcap" >"$TMP/$1.judged" || return 1
	! grep -E -e "$2" "$TMP/$1.judged"
}
seen_count() {
	python3 "$JUDGE" "$TMP/$1.pcap" | grep -Ec -e "$2"
}

# ts NAME FILTER FIELD...: fields of the packets of a capture, by tshark.
ts() {
	ts_file=$TMP/$1.pcap ts_filter=$2
	shift 2
	for ts_field; do
		shift
		set -- "$@" -e "$ts_field"
	done
	tshark -r "$ts_file" -Y "$ts_filter" -T fields -E separator=, "$@" 2>/dev/null
}
ts_has() { [ -n "$(ts "$1" "$2" frame.number)" ]; }

# tally NODE IF NAME MATCH: count from now on what arrives there; tallied NODE NAME reads the number.
tally() {
	ns "$1" nft -f - <<-END || fail "tally $*"
		table netdev tally_$3 {
			chain in {
				type filter hook ingress device "$2" priority -10;
				$4 counter
			}
		}
	END
}
tallied() { ns "$1" nft -j list table netdev "tally_$2" | jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add'; }
tally_end() { ns "$1" nft delete table netdev "tally_$2"; }
tally_moves() {
	tmv_before=$(tallied "$1" "$2")
	sleep 0.25
	at_least $((tmv_before + 1)) "$(tallied "$1" "$2")"
}
# tally_still NODE NAME SECONDS: nothing arrived in that time.
tally_still() {
	tst_before=$(tallied "$1" "$2")
	sleep "$3"
	equals "$tst_before" "$(tallied "$1" "$2")"
}

# ---- nodes ------------------------------------------------------------------------------------------------

# mute_mld MN: its kernel goes on listening, and says nothing of it (a node without MLD). unmute_mld ends it.
mute_mld() {
	ns "$1" nft -f - <<-END || fail "mute_mld $1"
		table ip6 mute {
			chain out {
				type filter hook output priority 0;
				icmpv6 type { 131, 132, 143 } drop
			}
		}
	END
}
unmute_mld() { ns "$1" nft delete table ip6 mute; }

# mldv1 MN: it speaks version 1 alone.
mldv1() { ns "$1" sysctl -qw net.ipv6.conf.all.force_mld_version=1 net.ipv6.conf.eth0.force_mld_version=1; }

# on_mag MAG MN: attached, registered and with an address.
on_mag() {
	eventually 10 node_is "$2" "$1" registered && eventually 10 mn_addr "$1"
}
ping_src() { ns "$1" ping -6 -n -c 1 -W 2 "$SRC_ADDR"; }

# stream_mostly NAME NODE: it came, none twice, and at most one in twenty was lost: floods may overflow the kernel's queues.
stream_mostly() {
	lab stream report "$1" --json | jq -e --arg n "$2" '.nodes[$n] | .received > 0 and .lost * 20 <= .received and
		.duplicates == 0' >/dev/null || { lab stream report "$1"; return 1; }
}

pid_of() { cat "$(lab_dir)/state.json" | jq -r --arg n "$1" '.processes[] | select(.name == $n) | .pid'; }
rss_kib() { awk '/^VmRSS:/ {print $2}' "/proc/$(pid_of "$1")/status"; }
