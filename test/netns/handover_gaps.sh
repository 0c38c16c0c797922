#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each kind of handover costs the round trips that it has to, 20 ms from MAG to LMA, and no more: few moves, and a wide margin for a
# machine that others use too. What is announced loses nothing. `make bench-handover` measures.
. "$(dirname "$0")/lib.sh"
both_dataplanes

D=20 MARGIN=30
gaps() { # STRATEGY ROUND-TRIPS
	step "$1"
	LAB_PREFIX=$P BUILD=$BUILD "$TOP/bench/handover" --strategy "$1" --plane "$DATAPLANE" --delay $D --rate 1000 --moves 4 --out "$TMP/$1.json" \
		>"$TMP/$1.out" 2>&1
	check "every move was served" test $? -eq 0
	of() { jq -r ".[0] | $1" "$TMP/$gap_of.json"; }
	gap_of=$1
	check "all of them" equals 4 "$(of .served)"
	check "no packet came twice" equals 0 "$(of .doubled)"
	least=$(($2 * 2 * D)) most=$(($2 * 2 * D + MARGIN))
	check "the gap is that of $2 round trips: $(of '.gap * 10 | round / 10') ms" of "if .gap >= $least - 1 and .gap < $most then \"\" else error(\"\(.gap) ms\") end"
}

gaps reactive 3
gaps implicit 2
gaps kept 1
gaps proactive 2
gaps proactive-implicit 1
gaps predictive 0
for what in lost doubled reordered; do check "announced: no packet $what" equals 0 "$(of .$what)"; done
