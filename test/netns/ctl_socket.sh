#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The control socket and the command line, against running daemons: answers, refusals, exit status, hostile clients, policy changes, reload,
# and what `why` says while a stream flows. The topology is drawn in lib.sh.
. "$(dirname "$0")/lib.sh"

MN=mn1@lab.example

# status WANTED COMMAND...: it ends with that status.
status() {
	st_wanted=$1
	shift
	"$@" >"$TMP/out" 2>&1
	st_got=$?
	[ "$st_got" = "$st_wanted" ] || { cat "$TMP/out"; say "wanted status $st_wanted, got $st_got"; return 1; }
}
# says TEXT COMMAND...: it prints that, to whichever output.
says() {
	sy_text=$1
	shift
	"$@" >"$TMP/out" 2>&1
	grep -qF -- "$sy_text" "$TMP/out" || { cat "$TMP/out"; return 1; }
}
# raw NODE: standard input goes to the socket as it is; prints what comes back within a second of silence.
raw() {
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(1)
try:
    s.sendall(sys.stdin.buffer.read())
    while True:
        b = s.recv(65536)
        if not b:
            break
        sys.stdout.buffer.write(b)
except (TimeoutError, ConnectionError):
    pass
' "$(sock "$1")"
}
why_state() { rc "$1" why "$MN" "$2" --json | jq -r --arg s "$3" '.views[0].steps[] | select(.step == $s) | .state'; }
state_is() { equals "$4" "$(why_state "$1" "$2" "$3")"; }
sub_state() { show mag1 subscriptions ".subscriptions[] | select(.mn == \"$MN\" and .group == \"$1\") | .state"; }
not_active() { ! sub_state $SSM_GROUP | grep -x active; }
registered() { equals registered "$(show mag1 nodes ".nodes[] | select(.mn == \"$MN\") | .state")"; }
setting() { show "$1" settings ".settings[] | select(.key == \"$2\") | .value"; }

lab_up --mags 1 --mns 1

step "exit status"
check "good: 0" status 0 rc mag1 show status
check "refused: 1" status 1 rc mag1 detach nobody@lab.example
check "wrong words: 2" status 2 rc mag1 show nonsense
check "wrong option: 2" status 2 rc mag1 --nonsense
check "no daemon: 3" status 3 "$ROAMCAST" -s "$TMP/none.sock" show status
check "and it says what to do" says "start roamcastd, or name its socket with -s" "$ROAMCAST" -s "$TMP/none.sock" show status
check "a role that the daemon has not" says "this daemon is an LMA only" rc lma detach $MN

step "every view, as text and as JSON"
attach mn1 mag1
check "the node registers" eventually 5 registered
for view in status nodes bindings subscriptions groups tunnels counters events settings policy; do
	for node in mag1 lma; do
		check "$node $view" sh -c "'$ROAMCAST' -s '$(sock $node)' show $view | grep -q ."
		check "$node $view as JSON" equals "1 $view" "$(show $node $view '"\(.schema) \(.view)"')"
	done
done

step "the protocol itself"
check "two requests at once are answered in order" equals "status nodes" \
	"$(printf '{"command":"show","what":"status"}\n{"command":"show","what":"nodes"}\n' | raw mag1 | jq -rs 'map(.result.view) | join(" ")')"
check "what is no JSON gets an error" equals "bad-request" "$(echo 'hello' | raw mag1 | jq -r .error.code)"
check "what is no object too" equals "bad-request" "$(echo '[1, 2]' | raw mag1 | jq -r .error.code)"
check "an unknown command too" equals "unknown-command" "$(echo '{"command": "fly"}' | raw mag1 | jq -r .error.code)"
head -c 500000 /dev/zero | tr '\0' '[' | sed '$a\' | raw mag1 >/dev/null
head -c 3000000 /dev/zero | tr '\0' x | raw mag1 >/dev/null
printf '{"command": "show", "wh' | raw mag1 >/dev/null
check "after deep nesting, an endless line and half a request the daemon answers" status 0 rc mag1 show status

step "monitor"
rc mag1 monitor --json >"$TMP/events" &
HELPERS="$HELPERS $!"
sleep 0.3
check "an operator subscribes for the node" rc mag1 subscribe $MN $SSM_GROUP $SRC_ADDR
check "the monitor tells" eventually 3 grep -q "\"event\":\"subscribed\".*$SSM_GROUP" "$TMP/events"
check "a kind that is none is refused" status 1 rc mag1 monitor node-registred
check "with those that are" says "node-registered," rc mag1 monitor node-registred
check "beside a node too" status 2 rc mag1 monitor node-registred $MN
check "a node that may come is waited for" says "no node of that name is known here yet" \
	timeout 1 "$ROAMCAST" -s "$(sock mag1)" monitor nobody@lab.example
check "each line is one object" jq -es 'all(.event != null and .time != null)' "$TMP/events"

step "why, while nothing flows and while it does"
check "the stream is awaited" eventually 3 state_is mag1 $SSM_GROUP LMA ok
check "no packet yet: the gateway's data plane step fails" state_is mag1 $SSM_GROUP "data plane" failed
check "and so does the anchor's" state_is lma $SSM_GROUP "data plane" failed
check "why without service: status 1" status 1 rc mag1 why $MN $SSM_GROUP
stream_start tv --group $SSM_GROUP --rate 100 --to mn1
check "now the gateway counts" eventually 5 state_is mag1 $SSM_GROUP "data plane" ok
check "and the anchor" eventually 5 state_is lma $SSM_GROUP "data plane" ok
check "why with service: status 0" status 0 rc mag1 why $MN $SSM_GROUP
check "packets are counted per node and group" sh -c "[ $(show mag1 subscriptions '.subscriptions[0].delivered.packets') -gt 0 ]"

step "a policy change takes effect on the attached node"
check "multicast is switched off" policy set $MN multicast.enabled=false
check "the subscription ends" eventually 4 not_active
check "nothing arrives" eventually 4 stream_silent tv mn1
check "why says it" says "its profile has multicast switched off" rc mag1 why $MN $SSM_GROUP
check "and on again" policy set $MN multicast.enabled=true
check "by any other program" sqlite3 "$(lab_dir)/policy.db" ".timeout 2000" "UPDATE node SET max_groups = 3 WHERE mn = '$MN'"
check "both are seen" eventually 4 says '"max-groups": 3' rc mag1 policy show $MN
check_not "a wrong profile is refused" policy set $MN lma=nonsense
check "and the answer names node and key" says "$MN: lma" policy set $MN lma=nonsense

step "import: all or nothing, and more than a request can hold"
rc mag1 policy export "$TMP/all.json"
check_not "one wrong profile of three" sh -c "echo '[{\"mn\":\"a\"},{\"mn\":\"b\",\"x\":1},{\"mn\":\"c\"}]' | '$ROAMCAST' -s '$(sock mag1)' policy import -"
check_not "none of them is there" rc mag1 policy show a
seq 0 11999 | awk 'BEGIN { print "[" }
	{ printf "%s{\"mn\": \"bulk%d@lab.example\", \"link-layer-addresses\": [\"06:00:00:00:%02x:%02x\"]}\n", (NR > 1 ? "," : ""), $1, int($1 / 256), $1 % 256 }
	END { print "]" }' >"$TMP/bulk.json"
check "twelve thousand profiles" rc mag1 policy import "$TMP/bulk.json"
check "the daemon sees them" eventually 5 says bulk11999@lab.example rc mag1 policy show bulk11999@lab.example
check "back to what was" rc mag1 policy import --replace "$TMP/all.json"
check_not "the others are gone" rc mag1 policy show bulk7@lab.example
check "the node is still registered" registered

step "reload"
conf=$(lab_dir)/mag1.yaml
cp "$conf" "$TMP/mag1.yaml"
check "nothing changed" says "nothing has changed" rc mag1 reload
sed 's/^mag:/mag:\n  lifetime: 90s/' "$TMP/mag1.yaml" >"$conf"
check "a new lifetime" says reloaded rc mag1 reload
check "is in force" equals "90s" "$(setting mag1 mag.lifetime)"
check "the node is still registered" registered
sed 's/^mag:/mag:\n  lifetime: 90\n  nonsense: 1/' "$TMP/mag1.yaml" >"$conf"
check "a wrong file: status 1" status 1 rc mag1 reload
check "every error with its place" says "$conf:$(grep -n 'nonsense: 1' "$conf" | cut -d: -f1):3: mag.nonsense: no such key" rc mag1 reload
check "the old one stays in force" equals "90s" "$(setting mag1 mag.lifetime)"
check "and show status says so" says "reload error" rc mag1 show status
sed 's/^mag:/mag:\n  limits:\n    nodes: 5/' "$TMP/mag1.yaml" >"$conf"
check "what needs a restart is named" says "mag.limits.nodes" rc mag1 reload
cp "$TMP/mag1.yaml" "$conf"
check "the first file again" rc mag1 reload
check "the default again" equals "1h" "$(setting mag1 mag.lifetime)"

step "completion"
check "words" sh -c "'$ROAMCAST' -s '$(sock mag1)' --complete show | grep -qx nodes"
check "names from the daemon" sh -c "'$ROAMCAST' -s '$(sock mag1)' --complete why | grep -qx $MN"
completes() { # WORDS... EXPECTED: as bash would do it
	# shellcheck disable=SC2016
	bash -c 'PATH=$1:$PATH; . "$2"; want=${!#}; COMP_WORDS=("${@:3:$#-3}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_roamcast; [[ " ${COMPREPLY[*]} " == *" $want "* ]] || { echo "${COMPREPLY[*]}" >&2; exit 1; }' \
		bash "$(dirname "$ROAMCAST")" "$TOP/completion/roamcast.bash" "$@"
}
check "in the shell: of show" completes roamcast -s "$(sock mag1)" show no nodes
check "of the lab" completes roamcast lab --prefix "$P" stream "" report
check "its nodes" completes roamcast lab --prefix "$P" move mn1 "" mag1
check "its options" completes roamcast lab up --m --mns
check "those of the demonstration" completes roamcast demo -- --video

step "under a service manager"
manager() { # prints what it is told, a line each
	exec python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
' "$TMP/notify"
}
manager >"$TMP/told" &
HELPERS="$HELPERS $!"
listens() { test -S "$TMP/notify"; }
check "it listens" eventually 3 listens
lab daemon stop mag1
NOTIFY_SOCKET=$TMP/notify WATCHDOG_USEC=400000 ns_start mag1 "$BUILD/roamcastd" -c "$(lab_dir)/mag1.yaml" 2>/dev/null
told() { [ "$(grep -c "$1" "$TMP/told")" -ge "${2:-1}" ] || { cat "$TMP/told"; return 1; }; }
check "that the daemon is ready" eventually 5 told '^READY=1 STATUS=.*MAG'
check "and answers" rc mag1 show status
check "that it lives" eventually 3 told '^WATCHDOG=1' 2
kill -HUP "$HELPER"
check "that it reads its configuration again" eventually 3 told '^RELOADING=1 MONOTONIC_USEC=[0-9]'
check "and has done so" eventually 3 told '^READY=1' 2
kill -TERM "$HELPER"
check "that it leaves" eventually 3 told '^STOPPING=1'
