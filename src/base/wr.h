/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Bounded writer with a sticky error: what does not fit is not written and sets `full`. In the header for the reason
 * that the reader is. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wr {
	uint8_t *base;
	size_t len;
	size_t cap;
	bool full;
};

static inline size_t wr_mark(const struct wr *w) { return w->len; }
static inline size_t wr_left(const struct wr *w) { return w->cap - w->len; }

static inline struct wr wr_of(void *bytes, size_t cap)
{
	return (struct wr){.base = (uint8_t *)bytes, .cap = cap};
}

/* Room for `len` octets, or NULL and full from then on: a later, smaller write must not succeed behind a gap. */
static inline uint8_t *wr_room(struct wr *w, size_t len)
{
	uint8_t *p;

	if (w->full || wr_left(w) < len) {
		w->full = true;
		return NULL;
	}
	p = w->len ? w->base + w->len : w->base;
	w->len += len;
	return p;
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);

	if (p)
		p[0] = v;
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);

	if (!p)
		return;
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);

	for (int i = 0; p && i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_room(w, 8);

	for (int i = 0; p && i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static inline void wr_copy(struct wr *w, const void *from, size_t len)
{
	uint8_t *p = wr_room(w, len);

	if (p && len)
		memcpy(p, from, len);
}

static inline void wr_zero(struct wr *w, size_t len)
{
	uint8_t *p = wr_room(w, len);

	if (p && len)
		memset(p, 0, len);
}

static inline void wr_in6(struct wr *w, const struct in6_addr *a)
{
	wr_copy(w, a, sizeof(*a));
}

/* Overwrite what was written at `off`; outside of what was written sets `full`. */
static inline void wr_set_u8(struct wr *w, size_t off, uint8_t v)
{
	if (off >= w->len)
		w->full = true;
	else
		w->base[off] = v;
}

static inline void wr_set_u16(struct wr *w, size_t off, uint16_t v)
{
	if (w->len < 2 || off > w->len - 2) {
		w->full = true;
		return;
	}
	w->base[off] = (uint8_t)(v >> 8);
	w->base[off + 1] = (uint8_t)v;
}
