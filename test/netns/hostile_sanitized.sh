#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The hostile tests once more, and some of the flows, with daemons that ASan and UBSan watch: an error, or a leak at the end, is
# written to a file, and there must be none. What they need of memory says nothing here.
# Long: 180 s.
. "$(dirname "$0")/lib.sh"

SAN_BUILD=${SAN_BUILD:-$TOP/build-san}
case $BUILD in *san*) skip "$BUILD is sanitized already" ;; esac
check "the sanitized programs are built" make -C "$TOP" --no-print-directory -s BUILD="$SAN_BUILD" SAN=address,undefined \
	"$SAN_BUILD/roamcastd" "$SAN_BUILD/roamcast" "$SAN_BUILD/tools/hostile_mh" "$SAN_BUILD/tools/hostile_link"
export ASAN_OPTIONS="log_path=$TMP/asan" UBSAN_OPTIONS="log_path=$TMP/ubsan:print_stacktrace=1"
sanitized() {
	BUILD=$SAN_BUILD GROWTH_KIB=1000000 LAB_PREFIX=$P-san DATAPLANE=$2 "$TOP/test/netns/$1" >"$TMP/out" 2>&1 ||
		{ grep -v '^ok' "$TMP/out"; return 1; }
}
reports() { find "$TMP" -name '*san.*' -print -exec head -n 30 {} + | grep . && return 1 || return 0; }
for t in "hostile_peers.sh ebpf" "hostile_nodes.sh user" "flow_terminate.sh ebpf"; do
	# shellcheck disable=SC2086
	check "$t" sanitized $t
	check "without a word of the sanitizers" reports
done
