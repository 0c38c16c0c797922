/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Bounded writer with a sticky error: what does not fit is not written and sets `full`. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wr {
	uint8_t *base;
	size_t len;
	size_t cap;
	bool full;
};

struct wr wr_of(void *bytes, size_t cap);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_copy(struct wr *w, const void *from, size_t len);
void wr_zero(struct wr *w, size_t len);
void wr_in6(struct wr *w, const struct in6_addr *a);
/* Overwrite what was written at `off`; outside of what was written sets `full`. */
void wr_set_u8(struct wr *w, size_t off, uint8_t v);
void wr_set_u16(struct wr *w, size_t off, uint16_t v);
static inline size_t wr_mark(const struct wr *w) { return w->len; }
static inline size_t wr_left(const struct wr *w) { return w->cap - w->len; }
