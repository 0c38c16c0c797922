/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The process that delays what passes on the lab's transport links. */
#include "lab/topo.h"

#define DELAYS_PROC "relay"

/* Start it, where a MAG has a delay, and wait until frames pass. 0, or a negative errno after it told. */
int delays_start(struct lab *lab);
