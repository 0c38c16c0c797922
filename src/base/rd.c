/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rd.h"

#include <string.h>

struct rd rd_of(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	return (struct rd){ .base = p, .p = p, .end = len ? p + len : p };
}

/* The one place that moves forward: NULL, at the end and bad from then on, when fewer than `len` octets are left. */
static inline const uint8_t *take(struct rd *r, size_t len)
{
	const uint8_t *p = r->p;

	if (rd_left(r) < len) {
		r->p = r->end;
		r->bad = true;
		return NULL;
	}
	if (len)
		r->p += len;
	return p;
}

uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = take(r, 1);

	return p ? p[0] : 0;
}

uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = take(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = take(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint64_t rd_u64(struct rd *r)
{
	const uint8_t *p = take(r, 8);
	uint64_t v = 0;

	for (int i = 0; p && i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void rd_copy(struct rd *r, void *to, size_t len)
{
	const uint8_t *p = take(r, len);

	if (p && len)
		memcpy(to, p, len);
	else if (len)
		memset(to, 0, len);
}

struct in6_addr rd_in6(struct rd *r)
{
	struct in6_addr a;

	rd_copy(r, &a, sizeof(a));
	return a;
}

void rd_skip(struct rd *r, size_t len)
{
	(void)take(r, len);
}

struct rd rd_sub(struct rd *r, size_t len)
{
	const uint8_t *p = take(r, len), *from = p ? p : r->end;

	return (struct rd){ .base = from, .p = from, .end = r->p, .bad = r->bad };
}

const uint8_t *rd_bytes(struct rd *r, size_t len)
{
	return take(r, len);
}
