/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_lines.h"

#include <stddef.h>

/* Below this the first line takes a key whatever the second holds, so that most look-ups read one line. */
#define FIRST_FILLED 6

uint8_t lines_bits(uint32_t keys_max, uint8_t bits_max)
{
	uint64_t words = (uint64_t)keys_max + keys_max / 4;
	uint8_t bits = 1;

	while (bits < bits_max && (uint64_t)ABI_LINE_WORDS << bits < words)
		bits++;
	return bits;
}

/* Where the word of a key stands in a line, and what it says; NULL: not there. */
static __u64 *word_of(const struct abi_line *lines, const struct abi_place *at, int which, uint32_t *number)
{
	const struct abi_line *l = &lines[at->line[which]];

	for (int i = 0; i < ABI_LINE_WORDS; i++) {
		*number = abi_number(l->word[i], at->want[which], at->number_bits);
		if (*number)
			return (__u64 *)(uintptr_t)&l->word[i];
	}
	return NULL;
}

static __u64 *find(const struct abi_line *lines, const struct abi_place *at, int *which, uint32_t *number)
{
	__u64 *w = NULL;

	for (*which = 0; *which < 2; ++*which) {
		w = word_of(lines, at, *which, number);
		if (w)
			break;
	}
	return w;
}

static unsigned filled(struct abi_line *l, __u64 **vacant)
{
	unsigned n = 0;

	*vacant = NULL;
	for (int i = 0; i < ABI_LINE_WORDS; i++)
		if (l->word[i])
			n++;
		else
			*vacant = &l->word[i];
	return n;
}

uint32_t lines_find(const struct abi_line *lines, const struct abi_place *at)
{
	uint32_t number = 0;
	int which;

	return find(lines, at, &which, &number) ? number : 0;
}

void lines_ahead(const struct abi_line *lines, const struct abi_place *at)
{
	__builtin_prefetch(&lines[at->line[0]], 1);
	__builtin_prefetch(&lines[at->line[1]], 1);
}

bool lines_set(struct abi_line *lines, const struct abi_place *at, uint32_t number)
{
	__u64 *vacant[2], *w;
	unsigned n[2];
	uint32_t old;
	int which;

	w = find(lines, at, &which, &old);
	if (!w) {
		for (int i = 0; i < 2; i++)
			n[i] = filled(&lines[at->line[i]], &vacant[i]);
		which = n[0] >= FIRST_FILLED && n[1] < n[0];
		w = vacant[which];
	}
	if (!w)
		return false;
	__atomic_store_n(w, at->want[which] | (number + 1), __ATOMIC_RELEASE);
	return true;
}

bool lines_del(struct abi_line *lines, const struct abi_place *at)
{
	uint32_t old;
	int which;
	__u64 *w = find(lines, at, &which, &old);

	if (w)
		__atomic_store_n(w, 0, __ATOMIC_RELEASE);
	return w != NULL;
}
