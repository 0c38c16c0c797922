#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The hostile tests, with sanitized daemons.
# Long: 140 s.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sanlib.sh"

sanitized hostile_peers.sh ebpf
sanitized hostile_nodes.sh user
