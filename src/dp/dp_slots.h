/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Buddy allocator of runs of slots: sizes are powers of two, so that what is given back always joins again. */
#include <stdbool.h>
#include <stdint.h>

#define SLOTS_ORDERS 25
#define SLOTS_NONE UINT32_MAX

struct slots {
	uint32_t n;		     /* a power of two */
	uint32_t used;		     /* those from here on were never given out */
	uint32_t free[SLOTS_ORDERS]; /* first free run of 2^order */
	uint32_t *next, *prev;
	uint8_t *order; /* of the free run that starts here; 0xff where none starts */
};

bool slots_init(struct slots *s, uint32_t at_least);
void slots_deinit(struct slots *s);
uint32_t slots_get(struct slots *s, unsigned order); /* the first slot, or SLOTS_NONE */
void slots_put(struct slots *s, uint32_t first, unsigned order);
