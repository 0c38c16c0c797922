#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The plain proxy's tests, with a sanitized daemon.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sanlib.sh"

sanitized proxy_forward.sh ebpf
sanitized proxy_life.sh user
sanitized proxy_neighbours.sh ebpf
