/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Programs of ours that run beside the daemons of a lab: senders, receivers, relays. */
#include "lab/topo.h"

/* Start `argv` at `node` as the process `name` of the lab, in the place of one that it had by this name, and wait until it shows by
 * its file that it runs. What it has to complain of goes to `log`. 0 or negative errno; -ECHILD: it did not come up. */
int helper_start(struct lab *lab, const char *name, const char *node, const char *const argv[], const char *file,
		 const char *log);
