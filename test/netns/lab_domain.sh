#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `roamcast lab` with daemons: what an operator does by hand, step by step. The topology is drawn in lib.sh.
. "$(dirname "$0")/lib.sh"

lab_up --mags 2 --mns 2 --set mag1:mag.lifetime=80s

step "status"
check "all daemons run" equals "true true true" "$(lab status --json | jq -r '[.processes[].running] | join(" ")')"
check "and answer" equals 3 "$(lab status --json | jq '[.daemons[] | select(.view == "status")] | length')"
check "a setting for one daemon is in its file" grep -q 'lifetime: 80s' "$(lab_dir)/mag1.yaml"
check_not "and not in that of the others" grep -q 'lifetime: 80s' "$(lab_dir)/mag2.yaml"

step "a node comes, and gets its prefix"
attach mn1 mag1
check "an address of the home network" eventually 6 mn_addr mn1
addr=$(mn_addr mn1)
check "out of the LMA's pool" sh -c "case $addr in 2001:db8:f00:*) ;; *) exit 1 ;; esac"
check "unicast" lab stream start uni --group "$addr" --any-source --to mn1
check "packets arrive" eventually 3 stream_flows uni mn1
check "exec runs a program in the node" lab exec mn1 -- ip -6 route get $SRC_ADDR

step "and moves"
move mn1 mag2
check "packets arrive again" eventually 3 stream_flows uni mn1
check "the one stream need not be named" sh -c "'$LABTOOL' lab --prefix '$P' stream report | grep -q '^uni: '"
lab stream start other --to none
check_not "of two one is" lab stream report
check "and they are told" sh -c "'$LABTOOL' lab --prefix '$P' stream report 2>&1 | grep -Eq 'other.*uni|uni.*other'"
lab stream stop other >/dev/null
check "at the same address" equals "$addr" "$(mn_addr mn1)"
stream_stop uni >/dev/null

step "two labs side by side"
other() { "$LABTOOL" lab --prefix "$P-b" "$@"; }
check "a second one is raised" other up --mags 1 --mns 1 --dataplane "${DATAPLANE:-auto}"
check "it has its own daemons" equals 2 "$(other status --json | jq '[.processes[] | select(.running)] | length')"
check "and goes down alone" other down
check "the first still runs" equals 3 "$(lab status --json | jq '[.processes[] | select(.running)] | length')"

step "refused, and interrupted"
check_not "a lab without MAGs" other up --mags 0
check "is refused before anything is raised" sh -c "'$LABTOOL' lab --prefix '$P-b' up --mags 0 2>&1 | grep -q '1 to'"
check_not "and leaves nothing" test -e "$(lab_dir)-b"
"$LABTOOL" lab --prefix "$P-b" up --mags 4 --mns 40 >"$TMP/interrupted" 2>&1 &
other_pid=$!
check "one is being raised" eventually 5 test -e "$(lab_dir)-b/state.json"
kill -INT $other_pid
wait $other_pid
check "Ctrl-C: it says so" grep -q "interrupted: what was raised is taken down again" "$TMP/interrupted"
check_not "and takes it down" sh -c "ip netns list | grep '^$P-b-'"
check_not "files and all" test -e "$(lab_dir)-b"

step "a daemon is stopped and started"
check "stop" lab daemon stop mag2
check "start" lab daemon start mag2
check "it answers" rc mag2 show status

step "down"
lab exec mn2 -- sleep 1000 &
sleep 0.3
lab down
wait $!
check_not "no namespace is left" sh -c "ip netns list | grep '^$P-'"
check_not "no daemon is left" pgrep -f "$(lab_dir)/"
check_not "no folder is left" test -e "$(lab_dir)"
