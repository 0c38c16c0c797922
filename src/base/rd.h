/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Bounded reader with a sticky error: past the end it yields zeros and sets `bad`. Decoders read
 * straight through and test `bad` once. Nothing outside base/ does pointer arithmetic on packets. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *base; /* start of the view: rd_offset() counts from here */
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

struct rd rd_of(const void *bytes, size_t len);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r); /* network order on the wire, host order here; likewise below */
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
void rd_copy(struct rd *r, void *to, size_t len); /* zero-fills `to` when short */
struct in6_addr rd_in6(struct rd *r);
void rd_skip(struct rd *r, size_t len);
/* A reader over the next `len` octets, which this one skips. Short: an empty reader, both bad. */
struct rd rd_sub(struct rd *r, size_t len);
/* The next `len` octets in place, or NULL with `bad` set. Valid as long as the buffer. */
const uint8_t *rd_bytes(struct rd *r, size_t len);
static inline size_t rd_left(const struct rd *r) { return (size_t)(r->end - r->p); }
static inline size_t rd_offset(const struct rd *r) { return (size_t)(r->p - r->base); }
