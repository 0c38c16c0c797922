/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A move that is announced: the node's MAG prepares another one for it, before the node goes there. */
#include "lab/topo.h"

/* Ask the daemon of the node's MAG, and wait until the node may be sent over. -EOPNOTSUPP: the MAGs refuse, or are not ready
 * within `patience`; the text why goes to `why`. */
int announce(struct lab *lab, const struct lab_mn *mn, const struct lab_mag *to, span_t patience, char *why, size_t size);
