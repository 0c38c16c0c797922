/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Routes of 64 bits: upper half of an address -> tunnel (dp_lines.h). A word holds the tunnel, and as much of the mixed key
 * as its line does not tell (abi_route_place() in dp_abi.h): the mix can be undone, so no two keys share a word. */
#include "dp/dp_lines.h"

struct routes {
	struct abi_line *lines;
	uint8_t bits; /* 1 << bits lines */
	uint64_t seed;
};

/* Bits of a table for so many routes and tunnels. */
uint8_t routes_bits(uint32_t routes_max, uint32_t tunnels_max);
/* `lines` are zero, 1 << bits of them; the seed is a secret. */
void routes_init(struct routes *r, struct abi_line *lines, uint8_t bits, uint64_t seed);
/* The tunnel's index + 1, or 0. */
uint32_t routes_find(const struct routes *r, uint64_t key);
void routes_ahead(const struct routes *r, uint64_t key); /* its lines are fetched meanwhile */
/* A new route, or another tunnel for an old one. False: both of its lines are full. */
bool routes_set(struct routes *r, uint64_t key, uint32_t tunnel);
bool routes_del(struct routes *r, uint64_t key); /* false: not there */
