/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/htab.h"
#include "base/rng.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BITS_MIN 1 /* most tables of a node hold one or two things */
#define BITS_MAX 31
#define LARGE_PAGE ((uintptr_t)2 << 20)
/* Buckets moved by one insertion or removal: the move of N buckets ends before N / 4 more objects have come. Even, so
 * that between calls a shrunk bucket has taken both of its old ones. */
#define MOVE_STEP 4
_Static_assert(MOVE_STEP % 2 == 0, "a move ends with both halves of a bucket");

/* ---- SipHash-2-4 and -1-3 (Aumasson, Bernstein 2012) ------------------------------------------------------- */

/* In registers, which takes half the time: compilers leave the rounds as calls on an array otherwise. */
#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

INLINE void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

INLINE void sip_word(uint64_t v[4], uint64_t m, int rounds)
{
	v[3] ^= m;
	for (int i = 0; i < rounds; i++)
		sip_round(v);
	v[0] ^= m;
}

INLINE uint64_t sip_end(uint64_t v[4], int rounds)
{
	v[2] ^= 0xff;
	for (int i = 0; i < rounds; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

INLINE void sip_start(uint64_t v[4], const struct siphash_key *key)
{
	v[0] = key->k[0] ^ 0x736f6d6570736575u;
	v[1] = key->k[1] ^ 0x646f72616e646f6du;
	v[2] = key->k[0] ^ 0x6c7967656e657261u;
	v[3] = key->k[1] ^ 0x7465646279746573u;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t v[4], m;
	size_t i;

	sip_start(v, key);
	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&m, p + i, 8);
		sip_word(v, le64toh(m), 2);
	}
	m = (uint64_t)len << 56;
	for (size_t j = 0; i + j < len; j++)
		m |= (uint64_t)p[i + j] << (8 * j);
	sip_word(v, m, 2);
	return sip_end(v, 4);
}

uint64_t siphash_short(const struct siphash_key *key, const uint8_t bytes[16])
{
	uint64_t v[4], m[2];

	memcpy(m, bytes, sizeof(m));
	sip_start(v, key);
	sip_word(v, le64toh(m[0]), 1);
	sip_word(v, le64toh(m[1]), 1);
	sip_word(v, UINT64_C(16) << 56, 1);
	return sip_end(v, 3);
}

/* ---- the table ------------------------------------------------------------------------------------ */

static uint32_t size_of(const struct htab *t, int which)
{
	return UINT32_C(1) << t->bits[which];
}

static uint32_t index_of(const struct htab *t, int which, uint64_t hash)
{
	return (uint32_t)(hash >> (64 - t->bits[which]));
}

/* Where a hash lives: in the new table once its old bucket was moved. */
static struct hnode **bucket_of(const struct htab *t, uint64_t hash)
{
	if (t->bucket[1] && index_of(t, 0, hash) < t->moved)
		return &t->bucket[1][index_of(t, 1, hash)];
	return &t->bucket[0][index_of(t, 0, hash)];
}

static void put(struct hnode **at, struct hnode *n)
{
	while (*at && (*at)->hash < n->hash)
		at = &(*at)->next;
	n->next = *at;
	*at = n;
}

static void finish(struct htab *t)
{
	free(t->bucket[0]);
	t->bucket[0] = t->bucket[1];
	t->bits[0] = t->bits[1];
	t->bucket[1] = NULL;
	t->moved = 0;
}

/* Nodes go behind their equals and in order, so that a walk finds the same order in the new table. */
static void move(struct htab *t)
{
	for (unsigned i = 0; t->bucket[1] && i < MOVE_STEP; i++) {
		struct hnode *n = t->bucket[0][t->moved], *next;

		for (; n; n = next) {
			struct hnode **at = &t->bucket[1][index_of(t, 1, n->hash)];

			next = n->next;
			while (*at && (*at)->hash <= n->hash)
				at = &(*at)->next;
			n->next = *at;
			*at = n;
		}
		t->bucket[0][t->moved] = NULL;
		if (++t->moved == size_of(t, 0))
			finish(t);
	}
}

/* Every look-up goes to another page of a large table. A wish: without large pages all is as before. */
static void large_pages(void *p, size_t len)
{
	uintptr_t begin = ((uintptr_t)p + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	uintptr_t end = ((uintptr_t)p + len) & ~(LARGE_PAGE - 1);

	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

/* Failure is no harm: the table goes on with longer buckets and tries again. */
static void resize(struct htab *t, unsigned bits)
{
	struct hnode **b;

	if (t->bucket[1] || bits > BITS_MAX)
		return;
	b = calloc((size_t)1 << bits, sizeof(*b));
	if (!b)
		return;
	large_pages(b, sizeof(*b) << bits);
	t->bucket[1] = b;
	t->bits[1] = (uint8_t)bits;
	t->moved = 0;
}

static void release(struct htab *t)
{
	free(t->bucket[0]);
	free(t->bucket[1]);
	t->bucket[0] = t->bucket[1] = NULL;
	t->bits[0] = t->bits[1] = 0;
	t->moved = 0;
}

void htab_init(struct htab *t, uint64_t seed)
{
	struct rng r = rng_of(seed);

	*t = (struct htab){0};
	t->key[0] = rng_u64(&r);
	t->key[1] = rng_u64(&r);
}

void htab_deinit(struct htab *t)
{
	assert(!t->count);
	release(t);
}

uint64_t htab_hash(const struct htab *t, const void *key, size_t len)
{
	struct siphash_key k = {{t->key[0], t->key[1]}};

	return siphash(&k, key, len);
}

bool htab_add(struct htab *t, struct hnode *n, uint64_t hash)
{
	if (!t->bucket[0]) {
		t->bucket[0] = calloc((size_t)1 << BITS_MIN, sizeof(*t->bucket[0]));
		if (!t->bucket[0])
			return false;
		t->bits[0] = BITS_MIN;
	}
	if (t->count >= size_of(t, 0))
		resize(t, t->bits[0] + 1u);
	move(t);
	n->hash = hash;
	put(bucket_of(t, hash), n);
	t->count++;
	return true;
}

void htab_del(struct htab *t, struct hnode *n)
{
	struct hnode **at;

	assert(t->count);
	at = bucket_of(t, n->hash);
	while (*at != n) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = n->next;
	n->next = NULL;
	if (!--t->count && (t->bucket[1] || t->bits[0] > BITS_MIN)) {
		release(t);
		return;
	}
	if (t->bits[0] > BITS_MIN && t->count < size_of(t, 0) / 8)
		resize(t, t->bits[0] - 1u);
	move(t);
}

struct hnode *htab_first(const struct htab *t, uint64_t hash)
{
	struct hnode *n;

	if (!t->count)
		return NULL;
	for (n = *bucket_of(t, hash); n && n->hash < hash; n = n->next)
		;
	return n && n->hash == hash ? n : NULL;
}

void htab_ahead(const struct htab *t, uint64_t hash)
{
	if (t->bucket[0])
		__builtin_prefetch(bucket_of(t, hash));
}

void htab_ahead_node(const struct htab *t, uint64_t hash)
{
	if (t->bucket[0])
		__builtin_prefetch(*bucket_of(t, hash));
}

struct hnode *htab_same(const struct hnode *n)
{
	return n->next && n->next->hash == n->hash ? n->next : NULL;
}

struct hnode *htab_next(const struct htab *t, const struct hnode *n)
{
	uint32_t i = 0, end;

	if (n && n->next)
		return n->next;
	if (!t->count)
		return NULL;
	if (t->bucket[1] && (!n || index_of(t, 0, n->hash) < t->moved)) {
		/* What was moved is a prefix of the new table. */
		if (n)
			i = index_of(t, 1, n->hash) + 1;
		end = (uint32_t)((uint64_t)t->moved << t->bits[1] >> t->bits[0]);
		for (; i < end; i++)
			if (t->bucket[1][i])
				return t->bucket[1][i];
		i = t->moved;
	} else if (n) {
		i = index_of(t, 0, n->hash) + 1;
	}
	for (end = size_of(t, 0); i < end; i++)
		if (t->bucket[0][i])
			return t->bucket[0][i];
	return NULL;
}

size_t htab_bytes(const struct htab *t)
{
	size_t sum = 0;

	for (int i = 0; i < 2; i++)
		if (t->bucket[i])
			sum += (size_t)size_of(t, i) * sizeof(*t->bucket[i]);
	return sum;
}
