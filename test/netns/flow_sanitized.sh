#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Flows, handovers among them, with sanitized daemons.
# Long: 180 s.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sanlib.sh"

sanitized flow_terminate.sh ebpf
sanitized flow_attach.sh user
sanitized flow_context.sh ebpf
sanitized flow_predictive.sh user
