/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Hash table of a pool's objects by an address, for tables of a million: 8 octets for each object, 4 of them in the object.
 * The hash is keyed (SipHash-1-3), because peers choose the addresses. It grows and shrinks by single buckets (linear hashing, Litwin
 * 1980), so that there is neither a pause nor a second copy. */
#include "base/addr.h"
#include "base/htab.h"
#include "base/pool.h"

/* What the tables of one kind of object share. */
struct itab_kind {
	struct pool *pool;
	size_t addr, next; /* offsets of the struct in6_addr, and of a uint32_t that is the table's */
	struct siphash_key key;
	struct { /* an address is looked up several times in a row, and hashing takes longer than the rest */
		struct in6_addr addr;
		uint32_t hash;
	} last;
};

struct itab {
	struct itab_kind *kind;
	uint32_t **part; /* buckets: 2 in part[0], 2 << (i - 1) in part[i] */
	uint32_t n;	 /* buckets */
	uint32_t count;
};

void itab_kind_init(struct itab_kind *k, struct pool *pool, size_t addr, size_t next, uint64_t seed);

/* Starts without memory. `kind` stays the caller's. */
void itab_init(struct itab *t, struct itab_kind *kind);
void itab_deinit(struct itab *t); /* asserts that it is empty */
void *itab_find(const struct itab *t, const struct in6_addr *addr); /* NULL: none */
/* False only when memory is out: then nothing has changed. The caller has made sure that the address is new. */
bool itab_add(struct itab *t, void *obj);
/* What itab_find() and itab_add() will read of these addresses is fetched meanwhile, of all at once. For many that come
 * together: of a million objects none is in the processor's cache. */
#define ITAB_AHEAD 64 /* at most so many */
void itab_ahead(const struct itab *t, const struct in6_addr *addrs, size_t n);
void itab_del(struct itab *t, void *obj);
/* Any object, taken out; NULL when empty. To empty a table. */
void *itab_pop(struct itab *t);
/* Walk all, in no order: NULL first. Nothing may be added or removed meanwhile. */
void *itab_next(const struct itab *t, const void *obj);
size_t itab_bytes(const struct itab *t);
