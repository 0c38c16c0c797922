/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/context.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/rng.h"

static const struct mh_conf conf = {.pen = MH_PEN_DOCUMENTATION};
static const struct now at = {.wall = {1700000000000000000}};

static struct in6_addr group_of(unsigned i)
{
	struct in6_addr a = {{{0xff, 0x3e}}};

	a.s6_addr[14] = (uint8_t)(i >> 8);
	a.s6_addr[15] = (uint8_t)i;
	return a;
}

static struct filter sources_of(enum filter_mode mode, unsigned n)
{
	struct in6_addr v[200];
	bool oom = false;

	for (unsigned i = 0; i < n; i++)
		v[i] = (struct in6_addr){{{0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)(i + 1)}}};
	return filter_of(mode, v, n, &oom);
}

static void add(struct mn_context *c, unsigned group, enum filter_mode mode, unsigned n, uint8_t compat, uint8_t origins,
		wall_t end)
{
	struct in6_addr g = group_of(group);
	struct filter f = sources_of(mode, n);

	assert_true(mn_context_add(c, &g, &f, compat, origins, end));
	filter_drop(&f);
}

static void over_the_wire(const struct mh_msg *m, struct mh_msg *ret, size_t room)
{
	static uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&conf, m, NULL, NULL, bytes, sizeof(bytes));

	assert_int_not_equal(len, 0);
	assert_in_range(len, 8, room);
	assert_int_equal(mh_decode(&conf, bytes, len, NULL, NULL, ret), MH_OK);
}

static void assert_context(const struct mn_context *a, const struct mn_context *b)
{
	assert_int_equal(a->n, b->n);
	for (uint16_t i = 0; i < a->n; i++) {
		assert_true(addr_eq(&a->v[i].group, &b->v[i].group));
		assert_true(filter_eq(&a->v[i].filter, &b->v[i].filter));
		assert_int_equal(a->v[i].compat, b->v[i].compat);
		assert_int_equal(a->v[i].origins, b->v[i].origins);
		assert_int_equal(a->v[i].end.ns, b->v[i].end.ns);
	}
	assert_int_equal(a->described, b->described);
	assert_int_equal(a->delivery, b->delivery);
	assert_int_equal(a->policy_version, b->policy_version);
}

static void groups_stand_in_order_and_once(void **state)
{
	struct mn_context c = {.v = NULL}, copy;
	struct in6_addr g;

	(void)state;
	add(&c, 7, FILTER_INCLUDE, 1, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 3, FILTER_EXCLUDE, 0, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 9, FILTER_INCLUDE, 2, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 7, FILTER_INCLUDE, 3, 1, SUB_ORIGIN_ADMIN, WALL_NEVER);
	add(&c, 8, FILTER_INCLUDE, 0, 2, SUB_ORIGIN_MLD, WALL_NEVER); /* of nothing */
	assert_int_equal(c.n, 3);
	assert_int_equal(c.v[0].group.s6_addr[15], 3);
	assert_int_equal(c.v[1].group.s6_addr[15], 7);
	assert_int_equal(c.v[2].group.s6_addr[15], 9);
	assert_int_equal(filter_count(&c.v[1].filter), 3);
	assert_int_equal(c.v[1].compat, 1);
	assert_int_equal(c.v[1].origins, SUB_ORIGIN_MLD | SUB_ORIGIN_ADMIN);
	g = group_of(7);
	assert_int_equal(mn_context_after(&c, &g), 2);
	g = group_of(8);
	assert_int_equal(mn_context_after(&c, &g), 2);
	g = group_of(9);
	assert_int_equal(mn_context_after(&c, &g), 3);
	assert_true(mn_context_copy(&c, &copy));
	assert_context(&c, &copy);
	mn_context_remove(&c, &g);
	assert_null(mn_context_find(&c, &g));
	assert_non_null(mn_context_find(&copy, &g));
	mn_context_drop(&c);
	mn_context_drop(&copy);
	assert_int_equal(copy.n, 0);
}

static void no_more_than_the_maximum(void **state)
{
	struct mn_context c = {.v = NULL};
	struct filter f = FILTER_ANY;
	struct in6_addr g;

	(void)state;
	for (unsigned i = 0; i < MN_CONTEXT_MAX; i++)
		add(&c, i, FILTER_EXCLUDE, 0, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	g = group_of(MN_CONTEXT_MAX);
	assert_false(mn_context_add(&c, &g, &f, 2, SUB_ORIGIN_MLD, WALL_NEVER));
	assert_int_equal(c.n, MN_CONTEXT_MAX);
	mn_context_drop(&c);
}

/* Between gateways, option 60: what does not fit is told apart, whatever the room. */
static void goes_between_gateways(void **state)
{
	struct mn_context c = {.described = true}, back = {.v = NULL};
	static struct mh_msg m, got;
	size_t n;

	(void)state;
	add(&c, 1, FILTER_EXCLUDE, 0, 1, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 2, FILTER_INCLUDE, 70, 2, SUB_ORIGIN_MLD, WALL_NEVER); /* two records */
	add(&c, 3, FILTER_EXCLUDE, 1, 2, SUB_ORIGIN_ADMIN, (wall_t){at.wall.ns + span_s(9).ns});
	mh_init(&m, MH_HI);
	assert_int_equal(mn_context_put_reports(&c, 0, at, &m, 2000, true), 3);
	over_the_wire(&m, &got, 2008);
	assert_true(mn_context_take(&back, at, &got, &got.mmo));
	assert_context(&c, &back);
	mn_context_drop(&back);
	for (unsigned i = 4; i < 100; i++)
		add(&c, i, FILTER_EXCLUDE, i % 3, i % 2 + 1, i % 5 ? SUB_ORIGIN_MLD : SUB_ORIGIN_ADMIN, WALL_NEVER);
	for (size_t room = 0; room < 2000; room += 13) {
		mh_init(&m, MH_HI);
		n = mn_context_put_reports(&c, 0, at, &m, room, room % 2);
		if (!n)
			continue;
		over_the_wire(&m, &got, room + 8);
		assert_true(mn_context_take(&back, at, &got, &got.mmo));
		assert_int_equal(back.n, n);
		mn_context_drop(&back);
	}
	assert_true(n > 10 && n < c.n);
	mn_context_drop(&c);
}

/* With everything that can be told of it, and to a peer of RFC 7161 alone. */
static void goes_over_the_wire(void **state)
{
	struct mn_context c = {.v = NULL}, back = {.v = NULL};
	static struct mh_msg m, got;

	(void)state;
	add(&c, 1, FILTER_EXCLUDE, 0, 1, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 2, FILTER_INCLUDE, 40, 2, SUB_ORIGIN_MLD, WALL_NEVER); /* three options */
	add(&c, 3, FILTER_INCLUDE, 1, 2, SUB_ORIGIN_PROFILE | SUB_ORIGIN_MLD,
	    (wall_t){at.wall.ns + span_s(500).ns});
	add(&c, 4, FILTER_EXCLUDE, 14, 2, SUB_ORIGIN_CONTEXT, WALL_NEVER);
	c.described = true;
	c.delivery = PROFILE_DELIVERY_L2_UNICAST;
	c.policy_version = 1234567890123;
	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	assert_int_equal(mn_context_put(&c, 0, at, &m, 2000, true), 4);
	over_the_wire(&m, &got, 2008);
	assert_true(got.has & MH_HAS_CONTEXT);
	assert_true(mn_context_take(&back, at, &got, &got.ams));
	assert_context(&c, &back);
	mn_context_drop(&back);

	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	assert_int_equal(mn_context_put(&c, 0, at, &m, 2000, false), 4);
	over_the_wire(&m, &got, 2008);
	assert_false(got.has & MH_HAS_CONTEXT);
	assert_true(mn_context_take(&back, at, &got, &got.ams));
	assert_int_equal(back.n, 4);
	assert_int_equal(back.v[0].compat, 1); /* the option itself says so */
	assert_int_equal(back.v[2].origins, SUB_ORIGIN_MLD);
	assert_int_equal(back.v[2].end.ns, WALL_NEVER.ns);
	assert_true(filter_eq(&back.v[1].filter, &c.v[1].filter));
	mn_context_drop(&back);
	mn_context_drop(&c);
}

/* What excludes more than an option holds is cut: it asks for more than is wanted, never for less. */
static void long_exclude_is_cut(void **state)
{
	struct mn_context c = {.v = NULL}, back = {.v = NULL};
	static struct mh_msg m, got;

	(void)state;
	add(&c, 4, FILTER_EXCLUDE, 30, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	assert_int_equal(mn_context_put(&c, 0, at, &m, 2000, false), 1);
	over_the_wire(&m, &got, 2008);
	assert_true(mn_context_take(&back, at, &got, &got.ams));
	assert_int_equal(filter_count(&back.v[0].filter), MH_AMS_SOURCES);
	assert_true(filter_covers(&back.v[0].filter, &c.v[0].filter));
	mn_context_drop(&back);
	mn_context_drop(&c);
}

/* Random contexts in rooms of random size: what was put in fits, and the parts together are the whole. */
static void parts_make_the_whole(void **state)
{
	static struct mh_msg m, got;
	struct rng r = rng_of(7161);

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct mn_context c = {.v = NULL}, back = {.v = NULL};
		unsigned n = 1 + (unsigned)rng_below(&r, 60);
		bool describe = rng_below(&r, 2);
		size_t done = 0;

		for (unsigned i = 0; i < n; i++) {
			unsigned k = (unsigned)rng_below(&r, 4) ? (unsigned)rng_below(&r, 3) : (unsigned)rng_below(&r, 40);
			bool ex = rng_below(&r, 2) && k <= MH_AMS_SOURCES;

			add(&c, (unsigned)rng_below(&r, 4000), ex ? FILTER_EXCLUDE : FILTER_INCLUDE, ex ? k : k + 1, 2,
			    describe && rng_below(&r, 2) ? SUB_ORIGIN_ADMIN | SUB_ORIGIN_MLD : SUB_ORIGIN_MLD,
			    describe && rng_below(&r, 3) == 0 ? (wall_t){at.wall.ns + span_s(9).ns} : WALL_NEVER);
		}
		c.described = describe;
		c.policy_version = describe ? 5 : 0;
		while (done < c.n) {
			size_t room = 900 + rng_below(&r, 1100), before = done;

			mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
			done = mn_context_put(&c, done, at, &m, room, describe);
			assert_true(done > before);
			over_the_wire(&m, &got, 8 + room);
			assert_true(mn_context_take(&back, at, &got, &got.ams));
			assert_int_equal(mn_context_after(&c, &c.v[done - 1].group), done);
		}
		assert_context(&c, &back);
		mn_context_drop(&back);
		mn_context_drop(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_stand_in_order_and_once),
		cmocka_unit_test(no_more_than_the_maximum),
		cmocka_unit_test(goes_over_the_wire),
		cmocka_unit_test(goes_between_gateways),
		cmocka_unit_test(long_exclude_is_cut),
		cmocka_unit_test(parts_make_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
