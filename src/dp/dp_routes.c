/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_routes.h"

#include <stddef.h>

/* Below this the first line takes a route whatever the second holds, so that most look-ups read one line. */
#define FIRST_FILLED 6

uint8_t routes_bits(uint32_t routes_max, uint32_t tunnels_max)
{
	uint64_t words = (uint64_t)routes_max + routes_max / 4;
	uint8_t bits = 1;

	while (bits < ABI_ROUTE_BITS_MAX && (uint64_t)ABI_ROUTE_WORDS << bits < words)
		bits++;
	while (bits < ABI_ROUTE_BITS_MAX && UINT64_C(1) << (bits - 1) <= tunnels_max)
		bits++;
	return bits;
}

void routes_init(struct routes *r, struct abi_route_line *lines, uint8_t bits, uint64_t seed)
{
	*r = (struct routes){.lines = lines, .bits = bits, .seed = seed};
}

/* Where the word of a key stands in a line, and what it says; NULL: not there. */
static __u64 *word_of(const struct routes *r, const struct abi_route_place *at, int which, uint32_t *tunnel)
{
	struct abi_route_line *l = &r->lines[at->line[which]];

	for (int i = 0; i < ABI_ROUTE_WORDS; i++) {
		*tunnel = abi_route_tunnel(l->word[i], at->want[which], r->bits);
		if (*tunnel)
			return &l->word[i];
	}
	return NULL;
}

static __u64 *find(const struct routes *r, const struct abi_route_place *at, int *which, uint32_t *tunnel)
{
	__u64 *w = NULL;

	for (*which = 0; *which < 2; ++*which) {
		w = word_of(r, at, *which, tunnel);
		if (w)
			break;
	}
	return w;
}

static unsigned filled(const struct abi_route_line *l, __u64 **vacant)
{
	unsigned n = 0;

	*vacant = NULL;
	for (int i = 0; i < ABI_ROUTE_WORDS; i++)
		if (l->word[i])
			n++;
		else
			*vacant = (__u64 *)(uintptr_t)&l->word[i];
	return n;
}

uint32_t routes_find(const struct routes *r, uint64_t key)
{
	struct abi_route_place at = abi_route_place(key, r->seed, r->bits);
	uint32_t tunnel = 0;
	int which;

	return find(r, &at, &which, &tunnel) ? tunnel : 0;
}

void routes_ahead(const struct routes *r, uint64_t key)
{
	struct abi_route_place at = abi_route_place(key, r->seed, r->bits);

	__builtin_prefetch(&r->lines[at.line[0]], 1);
	__builtin_prefetch(&r->lines[at.line[1]], 1);
}

bool routes_set(struct routes *r, uint64_t key, uint32_t tunnel)
{
	struct abi_route_place at = abi_route_place(key, r->seed, r->bits);
	__u64 *vacant[2], *w;
	unsigned n[2];
	uint32_t old;
	int which;

	w = find(r, &at, &which, &old);
	if (!w) {
		for (int i = 0; i < 2; i++)
			n[i] = filled(&r->lines[at.line[i]], &vacant[i]);
		which = n[0] >= FIRST_FILLED && n[1] < n[0];
		w = vacant[which];
	}
	if (!w)
		return false;
	__atomic_store_n(w, at.want[which] | (tunnel + 1), __ATOMIC_RELEASE);
	return true;
}

bool routes_del(struct routes *r, uint64_t key)
{
	struct abi_route_place at = abi_route_place(key, r->seed, r->bits);
	uint32_t old;
	int which;
	__u64 *w = find(r, &at, &which, &old);

	if (w)
		__atomic_store_n(w, 0, __ATOMIC_RELEASE);
	return w != NULL;
}
