/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Bounded reader with a sticky error: past the end it yields zeros and sets `bad`. Decoders read
 * straight through and test `bad` once. Nothing outside base/ does pointer arithmetic on packets.
 *
 * All of it stands here, so that reading a field costs no call: a message is read octet by octet. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
	const uint8_t *base; /* start of the view: rd_offset() counts from here */
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

static inline size_t rd_left(const struct rd *r) { return (size_t)(r->end - r->p); }
static inline size_t rd_offset(const struct rd *r) { return (size_t)(r->p - r->base); }

static inline struct rd rd_of(const void *bytes, size_t len)
{
	const uint8_t *p = (const uint8_t *)bytes;

	return (struct rd){.base = p, .p = p, .end = len ? p + len : p};
}

/* The next `len` octets in place, or NULL with `bad` set. Valid as long as the buffer. The one place that moves
 * forward: at the end and bad from then on, when fewer than `len` octets are left. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t len)
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

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);

	return p ? p[0] : 0;
}

/* Network order on the wire, host order here; likewise below. */
static inline uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t rd_u64(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 8);
	uint64_t v = 0;

	for (int i = 0; p && i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* Zero-fills `to` when short. */
static inline void rd_copy(struct rd *r, void *to, size_t len)
{
	const uint8_t *p = rd_bytes(r, len);

	if (p && len)
		memcpy(to, p, len);
	else if (len)
		memset(to, 0, len);
}

static inline struct in6_addr rd_in6(struct rd *r)
{
	struct in6_addr a;

	rd_copy(r, &a, sizeof(a));
	return a;
}

static inline void rd_skip(struct rd *r, size_t len)
{
	(void)rd_bytes(r, len);
}

/* A reader over the next `len` octets, which this one skips. Short: an empty reader, both bad. */
static inline struct rd rd_sub(struct rd *r, size_t len)
{
	const uint8_t *p = rd_bytes(r, len), *from = p ? p : r->end;

	return (struct rd){.base = from, .p = from, .end = r->p, .bad = r->bad};
}
