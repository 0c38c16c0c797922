#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite on roamcastd as a plain proxy; what did not pass is shown. BUILD, DATAPLANE as everywhere.
out=$(cd "$(dirname "$0")/../.." && BUILD=${BUILD:-build} test/conformance/run "$@")
status=$?
printf '%s\n' "$out" | grep -v '^PASS'
exit $status
