/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_routes.h"

uint8_t routes_bits(uint32_t routes_max, uint32_t tunnels_max)
{
	uint8_t bits = lines_bits(routes_max, ABI_ROUTE_BITS_MAX);

	while (bits < ABI_ROUTE_BITS_MAX && UINT64_C(1) << (bits - 1) <= tunnels_max)
		bits++;
	return bits;
}

void routes_init(struct routes *r, struct abi_line *lines, uint8_t bits, uint64_t seed)
{
	*r = (struct routes){.lines = lines, .bits = bits, .seed = seed};
}

static struct abi_place place(const struct routes *r, uint64_t key) { return abi_route_place(key, r->seed, r->bits); }

uint32_t routes_find(const struct routes *r, uint64_t key)
{
	struct abi_place at = place(r, key);

	return lines_find(r->lines, &at);
}

void routes_ahead(const struct routes *r, uint64_t key)
{
	struct abi_place at = place(r, key);

	lines_ahead(r->lines, &at);
}

bool routes_set(struct routes *r, uint64_t key, uint32_t tunnel)
{
	struct abi_place at = place(r, key);

	return lines_set(r->lines, &at, tunnel);
}

bool routes_del(struct routes *r, uint64_t key)
{
	struct abi_place at = place(r, key);

	return lines_del(r->lines, &at);
}
