/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A lab as a whole: up and down. */
#include <signal.h>

#include "lab/topo.h"

struct domain_options {
	bool daemons;
	const char *profiles; /* JSON file for the policy store, after the default profiles. NULL: none */
};

/* Raise what lab_shape() or lab_read() described, with nodes attached where it says so. It is locked and saved; the
 * caller releases it. On failure, and where `*stop` becomes true, nothing is left of it. 0 or negative errno. */
int domain_up(struct lab *lab, const struct domain_options *o, const volatile sig_atomic_t *stop);
/* Stop its processes, remove its namespaces and its folder. Releases the lab. */
void domain_down(struct lab *lab);
