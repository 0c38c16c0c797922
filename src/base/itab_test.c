/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/itab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory_testing.h"
#include "base/rng.h"

struct thing {
	uint32_t id, next;
	struct in6_addr addr;
};

enum { N = 5000 };

struct rig {
	struct pool pool;
	struct itab_kind kind;
	struct itab table;
	struct thing *in[N];
};

static void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	pool_init(&r->pool, sizeof(struct thing), N);
	itab_kind_init(&r->kind, &r->pool, offsetof(struct thing, addr), offsetof(struct thing, next), 7);
	itab_init(&r->table, &r->kind);
}

static struct in6_addr addr_nr(uint32_t i)
{
	struct in6_addr a = {.s6_addr = {0xff, 0x1e}};

	memcpy(a.s6_addr + 12, &i, 4);
	return a;
}

static bool put(struct rig *r, uint32_t i)
{
	struct thing *t = pool_get(&r->pool);

	t->id = i;
	t->addr = addr_nr(i);
	if (!itab_add(&r->table, t)) {
		pool_put(&r->pool, t);
		return false;
	}
	r->in[i] = t;
	return true;
}

static void check(const struct rig *r)
{
	static bool seen[N];
	uint32_t n = 0;

	memset(seen, 0, sizeof(seen));
	for (const struct thing *t = NULL; (t = itab_next(&r->table, t)); n++) {
		assert_false(seen[t->id]);
		seen[t->id] = true;
		assert_ptr_equal(r->in[t->id], t);
	}
	assert_int_equal(n, r->table.count);
	for (uint32_t i = 0; i < N; i++) {
		struct in6_addr a = addr_nr(i);

		assert_ptr_equal(itab_find(&r->table, &a), r->in[i]);
	}
}

/* It grows to thousands and shrinks to nothing, several times. */
static void what_is_in_is_found(void **state)
{
	static struct rig r;
	struct rng rng = rng_of(9);

	(void)state;
	rig_init(&r);
	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, N);
		bool come = rng_below(&rng, 20000) > step % 20000;

		if (come && !r.in[i]) {
			assert_true(put(&r, i));
		} else if (!come && r.in[i]) {
			itab_del(&r.table, r.in[i]);
			pool_put(&r.pool, r.in[i]);
			r.in[i] = NULL;
		}
		if (step % 5000 == 0)
			check(&r);
	}
	check(&r);
	assert_true(itab_bytes(&r.table) <= 4 * (size_t)N);
	for (struct thing *t; (t = itab_pop(&r.table));) {
		struct in6_addr a = t->addr;

		assert_ptr_equal(r.in[t->id], t);
		assert_null(itab_find(&r.table, &a));
		r.in[t->id] = NULL;
		pool_put(&r.pool, t);
	}
	for (int i = 0; i < N; i++)
		assert_null(r.in[i]);
	itab_deinit(&r.table);
	pool_deinit(&r.pool);
}

/* Of what is there, what is not, and of an empty table: it changes nothing, and reads nothing that is not its own. */
static void fetching_ahead_changes_nothing(void **state)
{
	static struct rig r;
	struct in6_addr addrs[ITAB_AHEAD];

	(void)state;
	rig_init(&r);
	for (uint32_t i = 0; i < ITAB_AHEAD; i++)
		addrs[i] = addr_nr(37 * i);
	itab_ahead(&r.table, addrs, ITAB_AHEAD);
	for (uint32_t i = 0; i < 2000; i++) {
		itab_ahead(&r.table, addrs, i % (ITAB_AHEAD + 1));
		assert_true(put(&r, i));
	}
	check(&r);
	for (struct thing *t; (t = itab_pop(&r.table));) {
		itab_ahead(&r.table, addrs, ITAB_AHEAD);
		r.in[t->id] = NULL;
		pool_put(&r.pool, t);
	}
	check(&r);
	itab_deinit(&r.table);
	pool_deinit(&r.pool);
}

/* Without memory for more buckets it goes on with longer chains; only the first needs some. */
static void growth_may_fail(void **state)
{
	static struct rig r;
	long before = memory_live;

	(void)state;
	if (!OUR_MEMORY)
		skip();
	rig_init(&r);
	pool_put(&r.pool, pool_get(&r.pool));
	memory_left = 0;
	assert_false(put(&r, 0));
	memory_left = 1;
	assert_false(put(&r, 0));
	memory_left = -1;
	for (uint32_t i = 0; i < 8; i++) {
		memory_left = i ? 0 : -1;
		assert_true(put(&r, i));
	}
	memory_left = -1;
	check(&r);
	for (uint32_t i = 8; i < 500; i++)
		assert_true(put(&r, i));
	check(&r);
	for (struct thing *t; (t = itab_pop(&r.table));)
		pool_put(&r.pool, t);
	itab_deinit(&r.table);
	pool_deinit(&r.pool);
	assert_int_equal(memory_live, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_is_found),
		cmocka_unit_test(fetching_ahead_changes_nothing),
		cmocka_unit_test(growth_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
