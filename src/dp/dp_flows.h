/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Flows: (S,G) or (*,G) of an input -> its number (dp_lines.h), the index of its head. A word keeps 32 bits of the mixed key,
 * and the head the whole: where another flow's word is taken for the one that is looked for, the head tells.
 *
 * Of flows whose words would be the same, one stands here and the caller keeps the others elsewhere. */
#include "dp/dp_lines.h"

struct flows {
	struct abi_line *lines;
	const struct abi_head *heads;
	uint8_t bits; /* 1 << bits lines */
	uint64_t seed;
};

uint8_t flows_bits(uint32_t flows_max);
/* `lines` are zero, 1 << bits of them; the seed is a secret. */
void flows_init(struct flows *fs, struct abi_line *lines, uint8_t bits, uint64_t seed, const struct abi_head *heads);
/* The number + 1, or 0: not here. */
uint32_t flows_find(const struct flows *fs, const struct abi_flow *key);
/* One that is not here, and whose head is written; with this it is in force. False: there is no place for it. */
bool flows_add(struct flows *fs, const struct abi_flow *key, uint32_t number);
bool flows_del(struct flows *fs, const struct abi_flow *key); /* false: not here */
void flows_each(const struct flows *fs, void (*each)(void *arg, uint32_t number), void *arg);
