/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/limiter.h"

/* Credit is counted in 1e-9 tokens: a nanosecond is worth per_s of them, without rounding at any rate. */
#define TOKEN 1000000000

static int64_t full(const struct limiter *l)
{
	return (int64_t)(l->burst ? l->burst : 1) * TOKEN;
}

void limiter_init(struct limiter *l, uint32_t per_s, uint32_t burst)
{
	*l = (struct limiter){.per_s = per_s, .burst = burst};
	l->credit = full(l);
}

static int64_t credit_at(const struct limiter *l, mono_t now)
{
	int64_t missing = full(l) - l->credit, elapsed = mono_sub(now, l->last).ns;

	if (!l->per_s || !mono_before(l->last, now))
		return l->credit;
	/* Compared by division: after a long silence the product would not fit. */
	return elapsed > missing / l->per_s ? full(l) : l->credit + elapsed * l->per_s;
}

bool limiter_take(struct limiter *l, mono_t now)
{
	if (!l->per_s)
		return true;
	l->credit = credit_at(l, now);
	l->last = mono_max(l->last, now);
	if (l->credit < TOKEN)
		return false;
	l->credit -= TOKEN;
	return true;
}

uint32_t limiter_left(const struct limiter *l, mono_t now)
{
	return (uint32_t)(credit_at(l, now) / TOKEN);
}
