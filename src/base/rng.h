/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Seeded pseudo-random numbers (splitmix64): engines are handed a seed, so that a run repeats. Not for
 * secrets. */
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline struct rng rng_of(uint64_t seed) { return (struct rng){seed}; }
static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}
/* Uniform in [0, n); 0 when n is 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n) { return n ? rng_u64(r) % n : 0; }
