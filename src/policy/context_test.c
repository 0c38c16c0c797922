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
	g = group_of(9);
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

static const struct mn_context_place start;

/* Between gateways, option 60: what does not fit is left for later, whatever the room. */
static void goes_between_gateways(void **state)
{
	struct mn_context c = {.described = true}, back = {.v = NULL};
	struct mn_context_place place = start;
	static struct mh_msg m, got;

	(void)state;
	add(&c, 1, FILTER_EXCLUDE, 0, 1, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 2, FILTER_INCLUDE, 70, 2, SUB_ORIGIN_MLD, WALL_NEVER); /* two records */
	add(&c, 3, FILTER_EXCLUDE, 1, 2, SUB_ORIGIN_ADMIN, (wall_t){at.wall.ns + span_s(9).ns});
	mh_init(&m, MH_HI);
	assert_true(mn_context_put_reports(&c, &place, at, &m, 2000, true));
	over_the_wire(&m, &got, 2008);
	assert_true(mn_context_take(&back, at, &got, &got.mmo));
	assert_context(&c, &back);
	mn_context_drop(&back);
	mn_context_drop(&c);
}

/* With everything that can be told of it, and to a peer of RFC 7161 alone. */
static void goes_over_the_wire(void **state)
{
	struct mn_context c = {.v = NULL}, back = {.v = NULL};
	struct mn_context_place place = start;
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
	assert_true(mn_context_put(&c, &place, at, &m, 2000, true));
	over_the_wire(&m, &got, 2008);
	assert_true(got.has & MH_HAS_CONTEXT);
	assert_true(mn_context_take(&back, at, &got, &got.ams));
	assert_context(&c, &back);
	mn_context_drop(&back);

	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	place = start;
	assert_true(mn_context_put(&c, &place, at, &m, 2000, false));
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
	struct mn_context_place place = start;
	static struct mh_msg m, got;

	(void)state;
	add(&c, 4, FILTER_EXCLUDE, 30, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	assert_true(mn_context_put(&c, &place, at, &m, 2000, false));
	over_the_wire(&m, &got, 2008);
	assert_true(mn_context_take(&back, at, &got, &got.ams));
	assert_int_equal(filter_count(&back.v[0].filter), MH_AMS_SOURCES);
	assert_true(filter_covers(&back.v[0].filter, &c.v[0].filter));
	mn_context_drop(&back);
	mn_context_drop(&c);
}

/* What one message tells, and the place where it ends, which goes over the wire too. True: it was the rest. */
static bool tell_a_part(const struct mn_context *c, struct mn_context *to, struct mn_context_place *place, size_t room,
			bool describe, bool reports)
{
	const size_t more = 48;
	struct mn_context_place before = *place;
	static struct mh_msg m, got;
	bool all;

	mh_init(&m, reports ? MH_HI : MH_SUBSCRIPTION_RESPONSE);
	all = reports ? mn_context_put_reports(c, place, at, &m, room - more, describe)
		      : mn_context_put(c, place, at, &m, room - more, describe);
	if (!all)
		mn_context_put_more(place, &m);
	over_the_wire(&m, &got, 16 + room);
	assert_true(mn_context_take(to, at, &got, reports ? &got.mmo : &got.ams));
	if (all)
		return true;
	*place = mn_context_place_of(&got);
	assert_true(mn_context_is_behind(place, &before));
	assert_false(mn_context_is_behind(&before, place));
	return false;
}

/* Random contexts in rooms of random size, down to those that one group has to be told in parts in: what was put in fits,
 * and the parts together are the whole. */
static void parts_make_the_whole(void **state)
{
	struct rng r = rng_of(7161);

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct mn_context c = {.v = NULL}, back = {.v = NULL};
		struct mn_context_place place = start;
		unsigned n = 1 + (unsigned)rng_below(&r, 60), long_one = (unsigned)rng_below(&r, 60);
		bool describe = rng_below(&r, 2), reports = rng_below(&r, 2);

		for (unsigned i = 0; i < n; i++) {
			unsigned k = i == long_one ? (unsigned)rng_below(&r, 200) : (unsigned)rng_below(&r, 3);
			bool ex = rng_below(&r, 2) && k <= MH_AMS_SOURCES;

			add(&c, (unsigned)rng_below(&r, 4000), ex ? FILTER_EXCLUDE : FILTER_INCLUDE, ex ? k : k + 1, 2,
			    describe && rng_below(&r, 2) ? SUB_ORIGIN_ADMIN | SUB_ORIGIN_MLD : SUB_ORIGIN_MLD,
			    describe && rng_below(&r, 3) == 0 ? (wall_t){at.wall.ns + span_s(9).ns} : WALL_NEVER);
		}
		c.described = describe;
		c.policy_version = describe ? 5 : 0;
		for (bool all = false; !all;)
			all = tell_a_part(&c, &back, &place, 450 + rng_below(&r, 1500), describe, reports);
		assert_context(&c, &back);
		mn_context_drop(&back);
		mn_context_drop(&c);
	}
}

/* A message that ended within a group whose filter is another one by now goes on with all of it. */
static void a_group_changes_between_two_parts(void **state)
{
	struct mn_context c = {.v = NULL}, back = {.v = NULL};
	struct mn_context_place place = start;

	(void)state;
	add(&c, 4, FILTER_INCLUDE, 150, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	add(&c, 5, FILTER_EXCLUDE, 0, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	assert_false(tell_a_part(&c, &back, &place, 1200, false, true));
	assert_false(addr_is_any(&place.source));
	mn_context_remove(&c, &place.group);
	add(&c, 4, FILTER_EXCLUDE, 1, 2, SUB_ORIGIN_MLD, WALL_NEVER);
	assert_true(tell_a_part(&c, &back, &place, 1200, false, true));
	assert_int_equal(back.n, 2);
	assert_int_equal(back.v[0].filter.mode, FILTER_EXCLUDE);
	mn_context_drop(&back);
	mn_context_drop(&c);
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
		cmocka_unit_test(a_group_changes_between_two_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
