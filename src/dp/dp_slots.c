/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_slots.h"

#include <stdlib.h>
#include <string.h>

#define NOT_FREE 0xff

static void push(struct slots *s, uint32_t first, unsigned order)
{
	uint32_t head = s->free[order];

	s->order[first] = (uint8_t)order;
	s->next[first] = head;
	s->prev[first] = SLOTS_NONE;
	if (head != SLOTS_NONE)
		s->prev[head] = first;
	s->free[order] = first;
}

static void unlink_run(struct slots *s, uint32_t first)
{
	unsigned order = s->order[first];

	if (s->prev[first] != SLOTS_NONE)
		s->next[s->prev[first]] = s->next[first];
	else
		s->free[order] = s->next[first];
	if (s->next[first] != SLOTS_NONE)
		s->prev[s->next[first]] = s->prev[first];
	s->order[first] = NOT_FREE;
}

bool slots_init(struct slots *s, uint32_t at_least)
{
	unsigned order = 0;

	memset(s, 0, sizeof(*s));
	while (order < SLOTS_ORDERS - 1 && UINT32_C(1) << order < at_least)
		order++;
	s->n = UINT32_C(1) << order;
	for (int i = 0; i < SLOTS_ORDERS; i++)
		s->free[i] = SLOTS_NONE;
	s->next = malloc(s->n * sizeof(*s->next));
	s->prev = malloc(s->n * sizeof(*s->prev));
	s->order = malloc(s->n);
	if (!s->next || !s->prev || !s->order) {
		slots_deinit(s);
		return false;
	}
	return true;
}

void slots_deinit(struct slots *s)
{
	free(s->next);
	free(s->prev);
	free(s->order);
	memset(s, 0, sizeof(*s));
}

/* Take slots into use up to `end`, as free runs. */
static void use(struct slots *s, uint32_t end)
{
	memset(s->order + s->used, NOT_FREE, end - s->used);
	while (s->used < end) {
		uint32_t first = s->used;
		unsigned order = 0;

		while (!(first & UINT32_C(1) << order) && (UINT32_C(2) << order) <= end - first)
			order++;
		s->used += UINT32_C(1) << order;
		slots_put(s, first, order);
	}
}

/* A run behind all that were ever used: what describes slots is not touched before they are. */
static uint32_t get_fresh(struct slots *s, unsigned order)
{
	uint32_t size = UINT32_C(1) << order, first = (s->used + size - 1) & ~(size - 1);

	if (first >= s->n || size > s->n - first)
		return SLOTS_NONE;
	use(s, first);
	memset(s->order + first, NOT_FREE, size);
	s->used = first + size;
	return first;
}

static unsigned free_order(const struct slots *s, unsigned at_least)
{
	while (at_least < SLOTS_ORDERS && s->free[at_least] == SLOTS_NONE)
		at_least++;
	return at_least;
}

uint32_t slots_get(struct slots *s, unsigned order)
{
	unsigned have = free_order(s, order);
	uint32_t first;

	if (have >= SLOTS_ORDERS) {
		first = get_fresh(s, order);
		if (first != SLOTS_NONE)
			return first;
		use(s, s->n); /* together with free ones before them they may be enough */
		have = free_order(s, order);
		if (have >= SLOTS_ORDERS)
			return SLOTS_NONE;
	}
	first = s->free[have];
	unlink_run(s, first);
	while (have > order) {
		have--;
		push(s, first + (UINT32_C(1) << have), have);
	}
	return first;
}

void slots_put(struct slots *s, uint32_t first, unsigned order)
{
	for (; UINT32_C(1) << order < s->n; order++) {
		uint32_t buddy = first ^ UINT32_C(1) << order;

		if (buddy >= s->used || s->order[buddy] != order)
			break;
		unlink_run(s, buddy);
		first &= ~(UINT32_C(1) << order);
	}
	push(s, first, order);
}
