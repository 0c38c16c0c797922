/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_flows.h"

#include <string.h>

uint8_t flows_bits(uint32_t flows_max) { return lines_bits(flows_max, ABI_FLOW_BITS_MAX); }

void flows_init(struct flows *fs, struct abi_line *lines, uint8_t bits, uint64_t seed, const struct abi_head *heads)
{
	*fs = (struct flows){.lines = lines, .heads = heads, .bits = bits, .seed = seed};
}

static struct abi_place place(const struct flows *fs, const struct abi_flow *key)
{
	return abi_flow_place(key, fs->seed, fs->bits);
}

/* The number of its word, if that is its own. */
static uint32_t own(const struct flows *fs, const struct abi_flow *key, const struct abi_place *at)
{
	uint32_t number = lines_find(fs->lines, at);

	return number && !memcmp(&fs->heads[number - 1].key, key, sizeof(*key)) ? number : 0;
}

uint32_t flows_find(const struct flows *fs, const struct abi_flow *key)
{
	struct abi_place at = place(fs, key);

	return own(fs, key, &at);
}

bool flows_add(struct flows *fs, const struct abi_flow *key, uint32_t number)
{
	struct abi_place at = place(fs, key);

	return !lines_find(fs->lines, &at) && lines_set(fs->lines, &at, number);
}

bool flows_del(struct flows *fs, const struct abi_flow *key)
{
	struct abi_place at = place(fs, key);

	return own(fs, key, &at) && lines_del(fs->lines, &at);
}

void flows_each(const struct flows *fs, void (*each)(void *arg, uint32_t number), void *arg)
{
	for (uint32_t i = 0; i < UINT32_C(1) << fs->bits; i++)
		for (int k = 0; k < ABI_LINE_WORDS; k++)
			if (fs->lines[i].word[k])
				each(arg, (uint32_t)fs->lines[i].word[k] - 1);
}
