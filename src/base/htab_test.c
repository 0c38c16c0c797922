/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/htab.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

struct obj {
	struct hnode node;
	uint32_t key;
	bool in;
};

/* Key 00..0f, message 00..n-1; the values that the authors of SipHash published for SipHash-2-4. */
static void siphash_reference_vectors(void **state)
{
	static const uint64_t want[] = {
		0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
		0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
		0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	};
	struct siphash_key k = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	uint8_t m[16];

	(void)state;
	for (uint8_t n = 0; n < 16; n++) {
		m[n] = n;
		assert_true(siphash(&k, m, n) == want[n]);
	}
}

static void slow_round(uint64_t v[4])
{
	static const uint8_t step[][4] = {{0, 1, 13, 32}, {2, 3, 16, 0}, {0, 3, 21, 0}, {2, 1, 17, 32}};

	for (int i = 0; i < 4; i++) {
		uint64_t *a = &v[step[i][0]], *b = &v[step[i][1]];
		unsigned by = step[i][2], turn = step[i][3];

		*a += *b;
		*b = (*b << by | *b >> (64 - by)) ^ *a;
		if (turn)
			*a = *a << turn | *a >> (64 - turn);
	}
}

/* The paper's SipHash-c-d, without thought for speed. */
static uint64_t slow_siphash(int c, int d, const struct siphash_key *key, const uint8_t *m, size_t len)
{
	uint64_t v[4] = {0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573};

	for (int i = 0; i < 4; i++)
		v[i] ^= key->k[i % 2];
	for (size_t i = 0; i <= len; i += 8) {
		uint64_t word = 0;

		for (size_t j = i; j < i + 8; j++)
			word |= (uint64_t)(j < len ? m[j] : j == i + 7 ? (uint8_t)len : 0) << 8 * (j - i);
		v[3] ^= word;
		for (int r = 0; r < c; r++)
			slow_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int r = 0; r < d; r++)
		slow_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void siphash_agrees_with_the_slow_one(void **state)
{
	struct rng rng = rng_of(13);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct siphash_key k = {{rng_u64(&rng), rng_u64(&rng)}};
		uint8_t m[16];

		for (size_t j = 0; j < sizeof(m); j++)
			m[j] = (uint8_t)rng_u64(&rng);
		assert_true(siphash(&k, m, sizeof(m)) == slow_siphash(2, 4, &k, m, sizeof(m)));
		assert_true(siphash_short(&k, m) == slow_siphash(1, 3, &k, m, sizeof(m)));
	}
}

static struct obj *find(const struct htab *t, uint32_t key)
{
	for (struct hnode *n = htab_first(t, htab_hash(t, &key, sizeof(key))); n; n = htab_same(n))
		if (hnode_owner(n, struct obj, node)->key == key)
			return hnode_owner(n, struct obj, node);
	return NULL;
}

static void empty_table_holds_no_memory(void **state)
{
	struct htab t;
	struct obj o = {.key = 5};

	(void)state;
	htab_init(&t, 1);
	assert_int_equal(htab_bytes(&t), 0);
	assert_null(htab_first(&t, 0));
	assert_null(htab_next(&t, NULL));
	assert_true(htab_add(&t, &o.node, htab_hash(&t, &o.key, sizeof(o.key))));
	assert_ptr_equal(find(&t, 5), &o);
	htab_del(&t, &o.node);
	assert_null(find(&t, 5));
	htab_deinit(&t);
	assert_int_equal(htab_bytes(&t), 0);
}

static void seeds_give_other_hashes(void **state)
{
	struct htab a, b, c;

	(void)state;
	htab_init(&a, 1);
	htab_init(&b, 2);
	htab_init(&c, 1);
	assert_true(htab_hash(&a, "x", 1) != htab_hash(&b, "x", 1));
	assert_true(htab_hash(&a, "x", 1) == htab_hash(&c, "x", 1));
}

static void equal_hashes_are_all_found(void **state)
{
	struct htab t;
	struct obj o[40] = {0};
	unsigned seen = 0;

	(void)state;
	htab_init(&t, 1);
	for (uint32_t i = 0; i < 40; i++)
		assert_true(htab_add(&t, &o[i].node, i % 4 == 0 ? 77 : UINT64_MAX - i % 2));
	for (struct hnode *n = htab_first(&t, 77); n; n = htab_same(n)) {
		assert_int_equal(n->hash, 77);
		seen++;
	}
	assert_int_equal(seen, 10);
	for (seen = 0; seen < 40; seen++)
		htab_del(&t, &o[seen].node);
	htab_deinit(&t);
}

#define N 3000

/* Against flags in an array: look-up, count and walk, through many growths and shrinks. */
static void same_as_an_array_of_flags(void **state)
{
	struct htab t;
	struct rng r = rng_of(3);
	struct obj *o = calloc(N, sizeof(*o));
	uint32_t live = 0;

	(void)state;
	htab_init(&t, 9);
	for (uint32_t i = 0; i < N; i++)
		o[i].key = i;
	for (int step = 0; step < 200000; step++) {
		/* The wish swings between full and nearly empty. */
		bool want = rng_below(&r, 100) < (step / 10000 % 2 ? 4 : 80);
		struct obj *x = &o[rng_below(&r, N)];

		assert_ptr_equal(find(&t, x->key), x->in ? x : NULL);
		if (x->in != want) {
			if (want)
				assert_true(htab_add(&t, &x->node, htab_hash(&t, &x->key, sizeof(x->key))));
			else
				htab_del(&t, &x->node);
			x->in = want;
			live += want ? 1 : -1u;
		}
		assert_int_equal(t.count, live);
		if (step % 500 == 0) {
			uint32_t seen = 0;
			uint64_t last = 0;

			for (struct hnode *n = htab_next(&t, NULL); n; n = htab_next(&t, n), seen++) {
				assert_true(n->hash >= last);
				last = n->hash;
				assert_true(hnode_owner(n, struct obj, node)->in);
			}
			assert_int_equal(seen, live);
		}
	}
	for (uint32_t i = 0; i < N; i++)
		if (o[i].in)
			htab_del(&t, &o[i].node);
	htab_deinit(&t);
	free(o);
}

/* Removal (which shrinks) of some while walking: each is met exactly once. */
static void removal_while_walking(void **state)
{
	struct htab t;
	struct obj *o = calloc(N, sizeof(*o));
	struct hnode *n, *next;
	uint32_t met;

	(void)state;
	for (unsigned keep = 2; keep <= 64; keep *= 2) {
		htab_init(&t, keep);
		for (uint32_t i = 0; i < N; i++) {
			o[i].key = i;
			assert_true(htab_add(&t, &o[i].node, htab_hash(&t, &i, sizeof(i))));
		}
		met = 0;
		for (n = htab_next(&t, NULL); n; n = next, met++) {
			next = htab_next(&t, n);
			if (hnode_owner(n, struct obj, node)->key % keep)
				htab_del(&t, n);
		}
		assert_int_equal(met, N);
		assert_int_equal(t.count, (N + keep - 1) / keep);
		for (n = htab_next(&t, NULL); n; n = next) {
			next = htab_next(&t, n);
			htab_del(&t, n);
		}
		htab_deinit(&t);
	}
	free(o);
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* The bucket array grows to a million while no single insertion pays for it: the time is bounded loosely, for
 * busy machines, and the structure is checked by moved buckets. */
static void a_million_grow_step_by_step(void **state)
{
	struct htab t;
	uint32_t million = 1000000;
	struct obj *o = calloc(million, sizeof(*o));
	int64_t start = clock_ns();

	(void)state;
	htab_init(&t, 4);
	for (uint32_t i = 0; i < million; i++) {
		struct hnode **old = t.bucket[0];
		uint32_t moved = t.moved;

		o[i].key = i;
		assert_true(htab_add(&t, &o[i].node, htab_hash(&t, &i, sizeof(i))));
		if (old == t.bucket[0])
			assert_true(t.moved - moved <= 4);
	}
	assert_int_equal(t.count, million);
	for (uint32_t i = 0; i < million; i += 7)
		assert_ptr_equal(find(&t, i), &o[i]);
	assert_in_range(htab_bytes(&t), 8 * million / 2, 8 * million * 3);
	for (uint32_t i = 0; i < million; i++)
		htab_del(&t, &o[i].node);
	assert_true(clock_ns() - start < INT64_C(10000000000));
	assert_true(htab_bytes(&t) <= 64);
	htab_deinit(&t);
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_reference_vectors),
		cmocka_unit_test(siphash_agrees_with_the_slow_one),
		cmocka_unit_test(empty_table_holds_no_memory),
		cmocka_unit_test(seeds_give_other_hashes),
		cmocka_unit_test(equal_hashes_are_all_found),
		cmocka_unit_test(same_as_an_array_of_flags),
		cmocka_unit_test(removal_while_walking),
		cmocka_unit_test(a_million_grow_step_by_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
