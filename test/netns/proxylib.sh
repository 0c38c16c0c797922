# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # what the tests use of it
# A plain MLD proxy between links, for the tests test/netns/proxy_*.sh. Sourced after lib.sh, whose words stay (check,
# eventually, both_dataplanes ...).
#
#	src eth0 -- psrc \                       / lan1 --- eth0 h1
#	                  [ rtr: br0 ] ppx -- up0 px  lan2 --- eth0 h2
#	2001:db8:a::5    the judge: MLDv2        \ lan3 --- eth0 h3
#	                 querier and snooper       2001:db8:N::1   2001:db8:N::2
#
# Hosts and source are this machine's kernel with dppeer.py's sockets; all lies in namespaces of the test's own.

PROXY_SRC=2001:db8:a::5
PX=

peer() { px_node=$1; shift; ns "$px_node" python3 "$TOP/test/netns/dppeer.py" "$@"; }

proxy_down() {
	[ -z "$PX" ] || { kill "$PX" 2>/dev/null; wait "$PX" 2>/dev/null; }
	for px_ns in $(ip netns list | awk -v p="$P-" 'index($1, p) == 1 { print $1 }'); do
		for px_pid in $(ip netns pids "$px_ns" 2>/dev/null); do kill "$px_pid" 2>/dev/null; done
		ip netns del "$px_ns"
	done
}

# lib.sh's own end shows the result; the namespaces go before it, and a failure shows the daemon's log.
proxy_end() {
	px_status=$?
	if [ $px_status -ne 0 ] && [ $px_status -ne 77 ] && [ -s "$TMP/px.log" ]; then
		say "  ---- px.log"
		tail -n "${LOG_LINES:-25}" "$TMP/px.log" | sed 's/^/  /'
	fi
	proxy_down
	if [ $px_status -eq 0 ] && [ -e "$TMP/px.log" ] &&
	   grep -hE -A 12 'runtime error:|(Address|Leak|Undefined)Sanitizer' "$TMP/px.log"; then
		px_status=1
	fi
	(exit $px_status)
	cleanup
}
trap proxy_end EXIT

proxy_ns() {
	for px_n in "$@"; do
		ip netns add "$P-$px_n" || fail "ip netns add"
		ns "$px_n" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0
		ns "$px_n" ip link set lo up
	done
}

# wire NS1 IF1 NS2 IF2
wire() {
	ip link add "$2" netns "$P-$1" type veth peer name "$4" netns "$P-$3" || fail "wire $*"
	ns "$1" ip link set "$2" up
	ns "$3" ip link set "$4" up
}

# host N: namespace hN at the proxy's lanN
add_host() {
	proxy_ns "h$1"
	wire px "lan$1" "h$1" eth0
	ns px ip addr add "2001:db8:$1::1/64" dev "lan$1"
	ns "h$1" ip addr add "2001:db8:$1::2/64" dev eth0
}

# The namespaces and wires, with N hosts; no daemon yet.
proxy_topology() {
	proxy_ns src rtr px
	ns rtr ip link add br0 type bridge mcast_snooping 1 mcast_mld_version 2 mcast_hash_max 65536
	ns rtr sysctl -qw net.ipv6.conf.br0.accept_dad=0
	wire src eth0 rtr psrc
	wire rtr ppx px up0
	ns rtr ip link set dev psrc master br0
	ns rtr ip link set dev ppx master br0
	ns rtr ip link set br0 type bridge mcast_querier 1 mcast_startup_query_interval 100 mcast_query_response_interval 100 \
		mcast_last_member_count 2 mcast_last_member_interval 20
	ns rtr ip link set br0 up
	ns src ip addr add "$PROXY_SRC/64" dev eth0
	for px_i in $(seq 1 "$1"); do add_host "$px_i"; done
	ns src ip -6 route add ff00::/8 dev eth0 table local metric 10 2>/dev/null
}

# proxy_start [LINE]: the daemon, with this line more in `proxy:`, and what stands in $TMP/more
proxy_start() {
	cat >"$TMP/px.yaml" <<-END
		role: proxy
		control: {socket: $TMP/px.sock}
		log: {level: debug}
		dataplane: {backend: ${DATAPLANE:-auto}}
		proxy:
		  upstream: up0
		  downstream: ["lan*"]
		  ${1:-mld: {last-listener-interval: 200ms\}}
	END
	[ ! -e "$TMP/more" ] || cat "$TMP/more" >>"$TMP/px.yaml"
	ip netns exec "$P-px" "$BUILD/roamcastd" -c "$TMP/px.yaml" >>"$TMP/px.log" 2>&1 &
	PX=$!
	eventually 10 proxy_ready || fail "roamcastd does not come up"
}
proxy_ready() {
	[ "$(px status .proxy.upstream_state 2>/dev/null)" = up ] && [ "$(px status .proxy.links)" -ge 1 ]
}

# Not within check: it waits for a child of this shell. Status: the daemon's.
proxy_stop() {
	kill -"${1:-TERM}" "$PX"
	wait "$PX"
	px_gone=$?
	PX=
	return $px_gone
}

# px VIEW [JQ-FILTER]; pxc ARGS...: `roamcast ARGS`
px() { "$ROAMCAST" -s "$TMP/px.sock" show "$1" --json | jq -r "${2:-.}"; }
pxc() { "$ROAMCAST" -s "$TMP/px.sock" "$@"; }
px_counter() { px counters ".counters[] | select(.counter == \"$1\") | .value"; }

# up_joined GROUP [SOURCE]: what the bridge upstream has heard from the proxy
up_joined() { joined "$1" "${2:-*}" ppx; }
up_not_joined() { not_joined "$1" "${2:-*}" ppx; }

# listen NAME HOST PORT SECONDS GROUP [SOURCE] [OPTIONS]: a listener in the background, up when it returns; its id is
# in LISTENER, for helper_stop
listen() {
	l_name=$1 l_host=$2 l_port=$3 l_secs=$4 l_group=$5 l_source=${6:-}
	shift 5; [ $# -eq 0 ] || shift
	ip netns exec "$P-$l_host" python3 "$TOP/test/netns/dppeer.py" recv "$l_port" "$l_secs" --dev eth0 \
		--group "$l_group" \
		${l_source:+--source "$l_source"} "$@" >"$TMP/$l_name.out" 2>&1 &
	LISTENER=$!
	HELPERS="$HELPERS $!"
	eventually 5 grep -q ready "$TMP/$l_name.out" || fail "listener $l_name"
}
# heard NAME: "got lost dup", once the listener has ended
heard() {
	eventually 40 grep -q '^got' "$TMP/$1.out" || { say "listener $1 does not end"; return 1; }
	awk '/^got/ { print $2, $4, $6 }' "$TMP/$1.out"
}
heard_hops() { awk '/^got/ { print $8 }' "$TMP/$1.out"; }

# send NODE GROUP PORT COUNT [PER_SECOND] [OPTIONS]
send() {
	s_node=$1 s_group=$2 s_port=$3 s_count=$4 s_rate=${5:-1000}
	shift 4; [ $# -eq 0 ] || shift
	peer "$s_node" send "$s_group" "$s_port" "$s_count" "$s_rate" --dev eth0 "$@" >/dev/null
}
