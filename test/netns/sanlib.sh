# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Tests once more, with daemons that ASan and UBSan watch: an error, or a leak at the end, is written to a file, and there
# must be none. What they need of memory says nothing here. lib.sh comes first.

SAN_BUILD=${SAN_BUILD:-$TOP/build-san}
case $BUILD in *san*) skip "$BUILD is sanitized already" ;; esac
# Scripts that run side by side have one of them build.
check "the sanitized programs are built" flock "$TOP/Makefile" make -C "$TOP" --no-print-directory -s BUILD="$SAN_BUILD" \
	SAN=address,undefined "$SAN_BUILD/roamcastd" "$SAN_BUILD/roamcast" "$SAN_BUILD/tools/hostile_mh" "$SAN_BUILD/tools/hostile_link"
export ASAN_OPTIONS="log_path=$TMP/asan" UBSAN_OPTIONS="log_path=$TMP/ubsan:print_stacktrace=1"

sanitized_run() {
	BUILD=$SAN_BUILD GROWTH_KIB=1000000 LAB_PREFIX=$P-san DATAPLANE=$2 "$TOP/test/netns/$1" >"$TMP/out" 2>&1 ||
		{ grep -v '^ok' "$TMP/out"; return 1; }
}

sanitized_reports() { find "$TMP" -name '*san.*' -print -exec head -n 30 {} + | grep . && return 1 || return 0; }

# sanitized SCRIPT DATAPLANE
sanitized() {
	check "$*" sanitized_run "$1" "$2"
	check "without a word of the sanitizers" sanitized_reports
}
