/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/wr.h"

#include <string.h>

struct wr wr_of(void *bytes, size_t cap)
{
	return (struct wr){ .base = bytes, .cap = cap };
}

/* Room for `len` octets, or NULL and full from then on: a later, smaller write must not succeed behind a gap. */
static inline uint8_t *give(struct wr *w, size_t len)
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

void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = give(w, 1);

	if (p)
		p[0] = v;
}

void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = give(w, 2);

	if (!p)
		return;
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = give(w, 4);

	for (int i = 0; p && i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = give(w, 8);

	for (int i = 0; p && i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

void wr_copy(struct wr *w, const void *from, size_t len)
{
	uint8_t *p = give(w, len);

	if (p && len)
		memcpy(p, from, len);
}

void wr_zero(struct wr *w, size_t len)
{
	uint8_t *p = give(w, len);

	if (p && len)
		memset(p, 0, len);
}

void wr_in6(struct wr *w, const struct in6_addr *a)
{
	wr_copy(w, a, sizeof(*a));
}

void wr_set_u8(struct wr *w, size_t off, uint8_t v)
{
	if (off >= w->len)
		w->full = true;
	else
		w->base[off] = v;
}

void wr_set_u16(struct wr *w, size_t off, uint16_t v)
{
	if (w->len < 2 || off > w->len - 2) {
		w->full = true;
		return;
	}
	w->base[off] = (uint8_t)(v >> 8);
	w->base[off + 1] = (uint8_t)v;
}
