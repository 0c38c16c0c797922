#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A train: 200 nodes move from one MAG to the other at once, there and back, and every subscription is served once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flows.sh"
both_dataplanes

NODES=200
# Each node listens to one of four groups; the first of each also counts what arrives.
GROUPS_OF="ff3e::8000:a0 ff3e::8000:a1 ff3e::8000:a2 ff3e::8000:a3"

# On one link all hear what is sent to the group; a membership of each is reported by its own kernel all the same.
lab_up --mags 2 --mns $NODES --shared --set lma.min-delay-before-bce-delete=2s
registered_at() { show "$1" nodes '[.nodes[] | select(.state == "registered")] | length'; }
known_at() { show "$1" nodes '.nodes | length'; }
all_at() { equals $NODES "$(registered_at "$1")"; }
none_at() { equals 0 "$(known_at "$1")"; }
bound_at() { equals $NODES "$(show lma bindings "[.bindings[] | select(.state == \"active\" and .mag_address == \"$1\")] | length")"; }
subscribed_at() { equals $NODES "$(show "$1" subscriptions "[.subscriptions[] | select(.state == \"active\") | .mn] | unique | length")"; }
replicated_to() { # MAG: each group to this one, once, and to no other
	equals "$1 $1 $1 $1" "$(show lma subscriptions '[.mag_subscriptions[] | select(.group | startswith("ff3e::8000:a")) | .mag] | join(" ")')"
}
all_flow() {
	for af in 1 2 3 4; do stream_flows g$af mn$af || return 1; done
}

step "the train is at its first station"
lab attach all mag1
check "all are registered" eventually 20 all_at mag1
n=0
for g in $GROUPS_OF; do
	n=$((n + 1))
	stream_start g$n --group "$g" --to mn$n --rate 100
done
# The others only listen: a socket each, of one program that has been in all their namespaces.
python3 - "$P" $NODES "$SRC_ADDR" $GROUPS_OF <<-'END' &
	import ctypes, os, socket, struct, sys, time
	prefix, nodes, source, *groups = sys.argv[1:]
	def storage(address):
	    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address), 0).ljust(128, b"\0")
	sockets = []
	for node in range(5, int(nodes) + 1):
	    namespace = os.open(f"/run/netns/{prefix}-mn{node}", os.O_RDONLY)
	    assert ctypes.CDLL(None).setns(namespace, 0x40000000) == 0
	    os.close(namespace)
	    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	    s.setsockopt(socket.IPPROTO_IPV6, 46,  # MCAST_JOIN_SOURCE_GROUP
	                 struct.pack("=I4x", socket.if_nametoindex("eth0")) + storage(groups[node % len(groups)]) + storage(source))
	    sockets.append(s)
	time.sleep(600)
END
HELPERS="$HELPERS $!"
check "all subscriptions are served" eventually 30 subscribed_at mag1
check "the streams flow" eventually 8 all_flow
check "to mag1 alone" eventually 5 replicated_to mag1

to=mag2 from=mag1 address=$MAG2_ADDR
for journey in "to the next" "and back"; do
	step "$journey"
	lab move all $to
	check "the streams flow" eventually 10 all_flow
	check "all are registered there" eventually 10 all_at $to
	check "all are bound there" eventually 5 bound_at $address
	check "every subscription is served there" eventually 10 subscribed_at $to
	check "at the old MAG nobody is left" eventually 15 none_at $from
	check "each group is replicated once, to $to" eventually 10 replicated_to $to
	check "no packet came twice" equals "0 0 0 0" \
		"$(for s in 1 2 3 4; do stream g$s mn$s duplicates; done | tr '\n' ' ' | sed 's/ $//')"
	to=mag1 from=mag2 address=$MAG1_ADDR
done

step "what is left"
check "as many bindings as nodes" equals $NODES "$(show lma bindings '.bindings | length')"
for n in 1 2 3 4; do stream_stop g$n >/dev/null; done
g=${GROUPS_OF%% *}
stream_start after --group "$g" --to mn1 --rate 200
check "a stream that begins now arrives" eventually 5 stream_flows after mn1
sleep 1
check "without a fault" stream_clean after mn1
