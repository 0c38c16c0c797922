/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Deadlines as fields: `struct deadline` is embedded in the object that it belongs to, and removing the
 * object removes it. A binary heap gives the earliest. No callbacks. */
#include "base/time.h"

#include <stddef.h>

struct deadline {
	mono_t at;	/* MONO_NEVER when not set */
	uint32_t slot;	/* 1-based position in the heap, 0 = not in it */
	uint32_t kind;	/* the owner's own tag: tells the object's type to who pops it */
};

struct heap {
	struct deadline **v;
	uint32_t n, cap;
};

#define deadline_owner(d, type, field) ((type *)(void *)((char *)(d)-offsetof(type, field)))

void heap_init(struct heap *h);
void heap_deinit(struct heap *h); /* asserts that it is empty */
void deadline_init(struct deadline *d, uint32_t kind);
/* Set, move or (MONO_NEVER) clear. False only when memory is out: then nothing has changed. */
bool heap_set(struct heap *h, struct deadline *d, mono_t at);
void heap_clear(struct heap *h, struct deadline *d);
/* The earliest instant, MONO_NEVER when empty. */
mono_t heap_next(const struct heap *h);
/* Take out the earliest deadline that is due at `now`; NULL when none is. Its `at` becomes MONO_NEVER. */
struct deadline *heap_pop_due(struct heap *h, mono_t now);
