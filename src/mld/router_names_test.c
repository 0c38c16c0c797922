/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups of many hosts, each with sources of its own: whether anybody wants a source is told without looking through all
 * of them, and is the same as if they had been looked through. */
#include "mld/router_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { SOURCES = 10, HOSTS = 70 };

struct rig {
	struct mld_routers *set;
	struct mld_link *link;
	struct now now;
	struct rng rng;
};

static const struct in6_addr group = {.s6_addr = {0xff, 0x0e, [15] = 9}};

static struct in6_addr host_nr(uint32_t i)
{
	return (struct in6_addr){.s6_addr = {0xfe, 0x80, [13] = (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static struct in6_addr source_nr(uint32_t i)
{
	return (struct in6_addr){.s6_addr = {0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(i >> 8), (uint8_t)i}};
}

static struct rig begin(uint64_t seed, uint32_t memory_max)
{
	const struct mld_routers_conf limits = {.memory_max = memory_max};
	const struct mld_router_conf conf = {.fast_leave = true};
	struct rig r = {.now = {.mono = {1000000000}}, .rng = rng_of(seed)};
	struct in6_addr self = host_nr(0xffffff);

	r.set = mld_routers_new(&limits, seed);
	assert_non_null(r.set);
	r.link = mld_link_new(r.set, r.now, &conf, &self, NULL);
	assert_non_null(r.link);
	return r;
}

static void drain(struct rig *r)
{
	struct mld_router_fx fx;

	while (mld_routers_pop(r->set, &fx))
		;
}

static void end(struct rig *r)
{
	drain(r);
	mld_routers_free(r->set); /* asserts that nothing is left of the names */
}

static void pass(struct rig *r, span_t span)
{
	mono_t end = mono_add(r->now.mono, span);

	while (!mono_before(end, mld_routers_next_deadline(r->set))) {
		r->now.mono = mld_routers_next_deadline(r->set);
		mld_routers_expire(r->set, r->now);
		drain(r);
	}
	r->now.mono = end;
}

static void report(struct rig *r, uint32_t host, uint8_t type, const struct in6_addr *v, size_t n)
{
	static uint8_t bytes[65536];
	struct in6_addr self = host_nr(host);
	struct mld_packet packet;
	struct mld_report rep;

	assert_true(mld_report_begin(&rep, &self, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&rep, type, &group, v, n));
	assert_int_equal(mld_decode(bytes, mld_report_finish(&rep), &packet), MLD_OK);
	mld_link_recv(r->link, r->now, &packet);
}

static struct detail *detail(const struct rig *r)
{
	const struct group *g = link_find(r->link, &group);

	return g ? group_has_detail(r->set, g) : NULL;
}

static size_t sources_of(uint32_t set, struct in6_addr v[SOURCES])
{
	size_t n = 0;

	for (uint32_t i = 0; i < SOURCES; i++)
		if (set & 1u << i)
			v[n++] = source_nr(i);
	return n;
}

/* ---- against looking through them ---- */

static unsigned checked, dropped;

static void check_names(const struct rig *r)
{
	const struct detail *d = detail(r);

	if (!d || !d->names) {
		dropped += d && d->n_members >= NAMES_MIN;
		return;
	}
	for (uint32_t s = 0; s < SOURCES; s++) {
		struct in6_addr source = source_nr(s);
		bool want = false, include = false;

		for (uint32_t i = 0; i < d->n_members; i++) {
			const struct filter *f = &d->members[i].filter;

			want |= filter_accepts(f, &source);
			include |= f->mode == FILTER_INCLUDE && filter_accepts(f, &source);
		}
		assert_int_equal(names_want(d, &source), want);
		assert_int_equal(names_include(d, &source), include);
	}
	checked++;
}

static void random_run(uint64_t seed)
{
	struct rig r = begin(seed, seed % 3 ? 0 : 12000);

	for (unsigned step = 0; step < 3000; step++) {
		uint8_t type = (uint8_t)(1 + rng_below(&r.rng, 6));
		uint32_t set = (uint32_t)rng_u64(&r.rng) & (uint32_t)rng_u64(&r.rng) & ((1u << SOURCES) - 1);
		struct in6_addr v[SOURCES];
		size_t n = sources_of(set, v);

		/* Most of those who come listen to sources: EXCLUDE would outweigh them. */
		if ((type == MLD_MODE_IS_EXCLUDE || type == MLD_CHANGE_TO_EXCLUDE) && rng_below(&r.rng, 3))
			type = MLD_ALLOW_NEW_SOURCES;
		report(&r, (uint32_t)rng_below(&r.rng, HOSTS), type, v, n);
		drain(&r);
		check_names(&r);
		if (rng_below(&r.rng, 300) == 0)
			pass(&r, span_ms((int64_t)rng_below(&r.rng, 250000)));
		else
			pass(&r, span_ms((int64_t)rng_below(&r.rng, 500)));
		check_names(&r);
	}
	pass(&r, span_s(600));
	assert_null(link_find(r.link, &group));
	assert_int_equal(r.set->names.used, 0);
	end(&r);
}

static void same_as_looking_through(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		random_run(seed);
	assert_true(checked > 10000 && dropped > 500);
}

/* ---- hosts that keep to RFC 3810 6, and answer ---- */

struct listener {
	bool exclude;
	uint32_t set;
};

static bool wants(const struct listener *l, uint32_t s)
{
	return !(l->set >> s & 1) == l->exclude;
}

/* What changed is said, as the table of 6.1 has it. */
static void become(struct rig *r, uint32_t host, struct listener *was, struct listener is)
{
	uint32_t more = is.exclude ? was->set & ~is.set : is.set & ~was->set;
	uint32_t less = is.exclude ? is.set & ~was->set : was->set & ~is.set;
	struct in6_addr v[SOURCES];

	if (was->exclude != is.exclude)
		report(r, host, is.exclude ? MLD_CHANGE_TO_EXCLUDE : MLD_CHANGE_TO_INCLUDE, v, sources_of(is.set, v));
	if (was->exclude == is.exclude && more)
		report(r, host, MLD_ALLOW_NEW_SOURCES, v, sources_of(more, v));
	if (was->exclude == is.exclude && less)
		report(r, host, MLD_BLOCK_OLD_SOURCES, v, sources_of(less, v));
	*was = is;
}

static void answer(struct rig *r, const struct mld_query *q, uint32_t host, const struct listener *l)
{
	struct in6_addr v[SOURCES];
	uint32_t asked = 0;

	if (!l->exclude && !l->set)
		return;
	for (size_t i = 0; i < q->n; i++)
		asked |= 1u << mld_source(q->sources, i).s6_addr[15];
	if (!q->n)
		report(r, host, l->exclude ? MLD_MODE_IS_EXCLUDE : MLD_MODE_IS_INCLUDE, v, sources_of(l->set, v));
	else if (l->exclude ? asked & ~l->set : asked & l->set)
		report(r, host, MLD_MODE_IS_INCLUDE, v, sources_of(l->exclude ? asked & ~l->set : asked & l->set, v));
}

/* Everybody answers what is asked, until nothing is asked any more. */
static void settle(struct rig *r, const struct listener *all)
{
	static uint8_t bytes[1280];
	struct mld_router_fx fx;

	while (mld_routers_pop(r->set, &fx)) {
		struct mld_packet p;

		if (fx.kind != MLD_ROUTER_QUERY)
			continue;
		memcpy(bytes, fx.packet, fx.len);
		assert_int_equal(mld_decode(bytes, fx.len, &p), MLD_OK);
		for (uint32_t h = 0; h < HOSTS; h++)
			answer(r, &p.query, h, &all[h]);
	}
}

static void nobody_starves(const struct rig *r, const struct listener *all)
{
	struct filter f = FILTER_NONE;

	mld_link_state(r->link, &group, &f);
	for (uint32_t s = 0; s <= SOURCES; s++) { /* one more than is ever named */
		struct in6_addr source = source_nr(s);
		bool wanted = false;

		for (uint32_t h = 0; h < HOSTS; h++)
			wanted |= wants(&all[h], s);
		if (wanted)
			assert_true(filter_accepts(&f, &source));
	}
	filter_drop(&f);
}

static void listeners_run(uint64_t seed)
{
	struct listener all[HOSTS] = {{0}};
	struct rig r = begin(seed, 0);
	bool gone_at_once = true;

	settle(&r, all);
	for (unsigned step = 0; step < 1500; step++) {
		uint32_t h = (uint32_t)rng_below(&r.rng, HOSTS);
		struct listener is = {.set = (uint32_t)rng_below(&r.rng, 1u << SOURCES) &
					     (uint32_t)rng_below(&r.rng, 1u << SOURCES)};

		/* Phases in which all leave: the last one's sources end at once. */
		if (step % 500 > 300)
			is.set = 0;
		else if (rng_below(&r.rng, 12) == 0)
			is.exclude = true;
		become(&r, h, &all[h], is);
		settle(&r, all);
		nobody_starves(&r, all);
		if (rng_below(&r.rng, 4) == 0) {
			mono_t next = mono_min(mld_routers_next_deadline(r.set), mono_add(r.now.mono, span_s(1)));

			r.now.mono = next;
			mld_routers_expire(r.set, r.now);
			settle(&r, all);
			nobody_starves(&r, all);
		}
		if (step % 500 != 499)
			continue;
		for (h = 0; h < HOSTS; h++)
			become(&r, h, &all[h], (struct listener){0});
		gone_at_once = gone_at_once && !mld_link_has(r.link, &group);
		settle(&r, all);
	}
	assert_true(gone_at_once);
	end(&r);
}

static void nobody_starves_and_the_last_leave_is_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		listeners_run(seed);
}

/* ---- costs ---- */

static uint64_t looks_of(struct rig *r, uint32_t host, uint8_t type, const struct in6_addr *v, size_t n)
{
	uint64_t before = r->set->member_looks;

	report(r, host, type, v, n);
	drain(r);
	return r->set->member_looks - before;
}

/* A thousand hosts with a source each: what one of them leaves is not sought among all the others. */
static void leaves_do_not_grow_with_the_group(void **state)
{
	struct rig r = begin(1, 0);
	struct in6_addr v[75];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		v[0] = source_nr(i);
		report(&r, i, MLD_ALLOW_NEW_SOURCES, v, 1);
	}
	drain(&r);
	v[0] = source_nr(7);
	looks_of(&r, 7, MLD_BLOCK_OLD_SOURCES, v, 1); /* names are kept from here on */
	for (uint32_t i = 0; i < 75; i++)
		v[i] = source_nr(10 * i);
	assert_true(looks_of(&r, 5000, MLD_BLOCK_OLD_SOURCES, v, 75) < 100);
	assert_true(looks_of(&r, 5000, MLD_CHANGE_TO_INCLUDE, NULL, 0) < 100);
	/* From any-source back to these: once through all of them for the names, not once for each. */
	report(&r, 5000, MLD_CHANGE_TO_EXCLUDE, NULL, 0);
	assert_true(looks_of(&r, 5000, MLD_CHANGE_TO_INCLUDE, NULL, 0) < 100);
	struct filter f = FILTER_NONE;
	assert_true(mld_link_state(r.link, &group, &f));
	assert_int_equal(f.mode, FILTER_INCLUDE);
	assert_int_equal(filter_count(&f), 999);
	filter_drop(&f);
	/* Nobody answers: all sources run out at one instant, and are forgotten in one walk. */
	uint64_t before = r.set->member_looks;
	report(&r, 5000, MLD_CHANGE_TO_INCLUDE, NULL, 0);
	pass(&r, span_s(3));
	assert_true(r.set->member_looks - before < 3000);
	assert_false(mld_link_has(r.link, &group));
	end(&r);
}

/* Hosts in EXCLUDE mode that have fallen silent by the end of a query: a list for each of what it might want would be
 * as many lists as hosts. */
static void silent_hosts_cost_no_lists(void **state)
{
	struct rig r = begin(1, 0);
	struct in6_addr v[500];
	struct filter f = FILTER_NONE;

	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		v[i] = source_nr(i);
	for (uint32_t i = 0; i < 1000; i++)
		report(&r, i, MLD_CHANGE_TO_EXCLUDE, NULL, 0);
	report(&r, 5000, MLD_ALLOW_NEW_SOURCES, v, 500);
	drain(&r);
	report(&r, 5001, MLD_CHANGE_TO_INCLUDE, NULL, 0);
	pass(&r, span_ms(500));
	report(&r, 5000, MLD_MODE_IS_INCLUDE, v, 500);
	pass(&r, span_s(3));
	assert_true(mld_link_state(r.link, &group, &f));
	assert_int_equal(f.mode, FILTER_INCLUDE);
	assert_int_equal(filter_count(&f), 500);
	filter_drop(&f);
	assert_true(mld_routers_used(r.set) < 100000);
	/* They are not known to want nothing: a leave is asked about, and who has answered keeps what it listens to. */
	report(&r, 3, MLD_MODE_IS_INCLUDE, v, 2);
	report(&r, 5000, MLD_CHANGE_TO_INCLUDE, NULL, 0);
	pass(&r, span_ms(1500));
	report(&r, 3, MLD_MODE_IS_INCLUDE, v, 2);
	pass(&r, span_s(3));
	assert_true(mld_link_state(r.link, &group, &f));
	assert_int_equal(filter_count(&f), 2);
	filter_drop(&f);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_looking_through),
		cmocka_unit_test(nobody_starves_and_the_last_leave_is_at_once),
		cmocka_unit_test(leaves_do_not_grow_with_the_group),
		cmocka_unit_test(silent_hosts_cost_no_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
