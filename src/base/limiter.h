/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Token bucket in virtual time. */
#include "base/time.h"

struct limiter {
	uint32_t per_s; /* 0 = never limits */
	uint32_t burst; /* tokens at most; 0 counts as 1 */
	int64_t credit; /* in 1e-9 tokens */
	mono_t last;
};

/* Starts full. */
void limiter_init(struct limiter *l, uint32_t per_s, uint32_t burst);
bool limiter_take(struct limiter *l, mono_t now); /* false: over the rate */
uint32_t limiter_left(const struct limiter *l, mono_t now); /* whole tokens */
