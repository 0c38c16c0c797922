#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Delay on the transport links: round-trip times as asked for, nothing lost or reordered at 10 000 packets/s, no packet that
# the senders left to their devices to finish; and daemons that die behind it.
. "$(dirname "$0")/lib.sh"

# Milliseconds, with decimals, from the summary of ping: the shortest and the mean of the round trips.
rtt() { ns "$1" ping -q -i 0.02 -c "${3:-50}" "$2" | sed -n 's/^rtt [^=]*= \([0-9.]*\)\/\([0-9.]*\).*/\1 \2/p'; }
# within LOW HIGH TIMES: the shortest is at least LOW, and it is at most HIGH. Not the mean: others use the processors too.
within() { echo "$3" | awk -v low="$1" -v high="$2" '{ if ($1 < low || $1 > high) { print "round trip", $0; exit 1 } }'; }
relay() { sleep 1.2; jq -r ".$1" "$(lab_dir)/relay.json"; }

jq -n '{mags: [{name: "mag1", delay: "5ms"}, {name: "mag2", delay: "20ms"}, {name: "mag3"}], mns: [{name: "mn1"}, {name: "mn2"}],
	settings: {"mag.heartbeat.interval": "3s"}}' >"$TMP/topology.json"
lab_up --topology "$TMP/topology.json"
for n in 1 2 3; do rtt mag$n 2001:db8:ff::1 2 >/dev/null; done # neighbours are resolved

step "round trips"
check "mag1 and the LMA: 10 ms" within 9.9 10.3 "$(rtt mag1 2001:db8:ff::1)"
check "mag2 and the LMA: 40 ms" within 39.9 40.3 "$(rtt mag2 2001:db8:ff::1)"
check "mag1 and mag2: 50 ms" within 49.8 50.6 "$(rtt mag1 2001:db8:ff::1:2)"
check "mag3 and the LMA: none" within 0 0.4 "$(rtt mag3 2001:db8:ff::1)"

step "10 000 packets/s of 1 400 octets"
attach mn1 mag2
check "mn1 has an address" eventually 6 mn_addr mn1
stream_start tv --rate 10000 --size 1400 --to mn1
check "they arrive" eventually 5 stream_flows tv mn1
sleep 2
stream_stop tv >"$TMP/tv.json"
node() { jq -r ".nodes.mn1.$1" "$TMP/tv.json"; }
check "many" at_least 15000 "$(node received)"
check "none is lost" equals 0 "$(node lost)"
check "none doubled" equals 0 "$(node duplicates)"
check "none out of order" equals 0 "$(node reordered)"
check "20 ms late" within 19.9 20.3 "$(node delay_min_ms)"
check "the relay dropped nothing" equals 0 "$(relay dropped)"
passed=$(relay passed)
check "it was the relay that passed them" at_least 15000 "$passed"

step "a program that leaves segmentation and checksums to its device"
attach mn2 mag1
check "mn2 has an address" eventually 6 mn_addr mn2
python3 - "$(mn_addr mn2)" "$P" <<-'END' >"$TMP/tcp" || true
	import ctypes, os, socket, sys, threading
	address, prefix = sys.argv[1:]
	def enter(node):
	    fd = os.open(f"/run/netns/{prefix}-{node}", os.O_RDONLY)
	    assert ctypes.CDLL(None).setns(fd, 0x40000000) == 0
	def serve(server):
	    link, _ = server.accept()
	    while data := link.recv(65536):
	        link.sendall(data)
	    link.close()
	enter("src")
	server = socket.create_server(("::", 5000), family=socket.AF_INET6)
	threading.Thread(target=serve, args=(server,), daemon=True).start()
	enter("mn2")
	link = socket.create_connection(("2001:db8:aaaa::5", 5000), 5, (address, 0))
	link.settimeout(10)
	sent = bytes(range(256)) * 4096
	threading.Thread(target=link.sendall, args=(sent,), daemon=True).start()
	got = b""
	while len(got) < len(sent):
	    got += link.recv(65536)
	print("same" if got == sent else "different")
END
check "a mebioctet by TCP, there and back" equals same "$(cat "$TMP/tcp")"
check "the relay still dropped nothing" equals 0 "$(relay dropped)"

step "an LMA and a MAG die and come back"
stream_start tv --rate 200 --to mn1,mn2
both_flow() { stream_flows tv mn1 && stream_flows tv mn2; }
check "served" eventually 6 both_flow
check "the LMA" lab restart lma
check "served again" eventually 12 both_flow
check "a MAG" lab restart mag2
check "served again, there too" eventually 12 both_flow
check "a MAG, in order" lab restart mag1 --orderly
check "served again, once more" eventually 12 both_flow
check_not "what is no daemon cannot be restarted" lab restart mn1

step "what is saved is raised again"
jq 'del(.processes)' "$(lab_dir)/state.json" >"$TMP/again.json"
lab down
check_not "no relay is left" pgrep -f "$(lab_dir)/relay"
check "up" lab up --topology "$TMP/again.json" --no-daemons
rtt mag2 2001:db8:ff::1 2 >/dev/null
check "with its delay" within 39.9 40.3 "$(rtt mag2 2001:db8:ff::1 20)"
