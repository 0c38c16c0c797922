/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Token bucket in virtual time. */
#include "base/time.h"

struct limiter {
	uint32_t per_s; /* 0 = never limits */
	uint32_t burst;
	int64_t tokens_ns; /* tokens in units of 1e9 / per_s */
	mono_t last;
};

void limiter_init(struct limiter *l, uint32_t per_s, uint32_t burst);
bool limiter_take(struct limiter *l, mono_t now); /* false: over the rate */
