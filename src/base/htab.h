/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Intrusive hash table with a keyed hash (SipHash-2-4), because peers choose the keys, and incremental
 * resizing, because a table of a million bindings must not stop the world to rehash: each insertion and
 * removal moves a few buckets. 16 octets per object.
 *
 * The top bits of the hash choose the bucket, and a bucket is sorted by hash: so the order of a walk is
 * the order of the hashes whatever the size, and resizing in the middle of a walk does not disturb it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct htab {
	struct hnode **bucket[2]; /* [1] is the table being filled while resizing */
	uint8_t bits[2];	  /* 1 << bits buckets */
	uint32_t moved;		  /* buckets of [0] already moved */
	uint32_t count;
	uint64_t key[2];
};

struct siphash_key {
	uint64_t k[2];
};

#define hnode_owner(n, type, field) ((type *)(void *)((char *)(n)-offsetof(type, field)))

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t len);
/* SipHash-1-3 of 16 octets: half the work, for tables alone, which never show a hash to anybody. */
uint64_t siphash_short(const struct siphash_key *key, const uint8_t bytes[16]);

/* Starts without memory. `seed` keys the hash: tables of one seed hash alike. */
void htab_init(struct htab *t, uint64_t seed);
void htab_deinit(struct htab *t); /* asserts that it is empty */
uint64_t htab_hash(const struct htab *t, const void *key, size_t len);
/* False only when memory is out: then nothing has changed. The caller has made sure the key is new. */
bool htab_add(struct htab *t, struct hnode *n, uint64_t hash);
void htab_del(struct htab *t, struct hnode *n);
/* Walk the nodes of equal hash: n = htab_first(t, h); n; n = htab_same(n) — compare the keys yourself. */
struct hnode *htab_first(const struct htab *t, uint64_t hash);
struct hnode *htab_same(const struct hnode *n);
/* What htab_first() and htab_add() will read of that hash is fetched meanwhile. Of a large table neither bucket nor node
 * is in the processor's cache, and a bucket must be there before the node that it names can be fetched. */
void htab_ahead(const struct htab *t, uint64_t hash);	    /* its bucket */
void htab_ahead_node(const struct htab *t, uint64_t hash); /* some time after that: the first node there */
/* Walk all, in order of hash: pass NULL first. The node passed must still be in the table; to remove while
 * walking take the next one before the removal. What is added while walking may be met or not. */
struct hnode *htab_next(const struct htab *t, const struct hnode *n);
/* Octets of memory held by the table itself. */
size_t htab_bytes(const struct htab *t);
