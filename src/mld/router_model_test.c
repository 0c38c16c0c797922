/* SPDX-License-Identifier: BSD-2-Clause */
/* The router side against a slow obvious model at random: sets are bit masks, and the rows of RFC 3810 7.4 are written
 * as the RFC writes them. */
#include "base/rng.h"
#include "mld/router_priv.h"
#include "mld/testing.h"

#define SOURCES 14 /* enough for long lists and short records: merge_named() */
#define GROUPS	3
#define MALI	260
#define LLQT	2

typedef unsigned set_t;

struct model {
	bool exclude, v1;
	set_t x, y;		/* INCLUDE (x), or EXCLUDE (x,y) */
	int64_t timer[SOURCES]; /* when they run out, ns; of x only */
	int64_t filter_timer, v1_until;
};

static int64_t after(int64_t now, int64_t s)
{
	return now + s * 1000000000;
}

static void put(struct model *m, set_t sources, int64_t at)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (sources & 1u << i)
			m->timer[i] = at;
}

/* Q(MA,A) */
static void lower(struct model *m, set_t sources, int64_t at)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (sources & m->x & 1u << i && m->timer[i] > at)
			m->timer[i] = at;
}

static void model_include(struct model *m, enum mld_record_type type, set_t b, bool querier, int64_t now)
{
	set_t a = m->x, ask = 0;

	switch (type) {
	case MLD_MODE_IS_INCLUDE:
	case MLD_ALLOW_NEW_SOURCES:
		m->x = a | b;
		put(m, b, after(now, MALI));
		break;
	case MLD_BLOCK_OLD_SOURCES:
		ask = a & b;
		break;
	case MLD_MODE_IS_EXCLUDE:
	case MLD_CHANGE_TO_EXCLUDE:
		m->exclude = true;
		m->x = a & b;
		m->y = b & ~a;
		m->filter_timer = after(now, MALI);
		if (type == MLD_CHANGE_TO_EXCLUDE)
			ask = a & b;
		break;
	case MLD_CHANGE_TO_INCLUDE:
		m->x = a | b;
		put(m, b, after(now, MALI));
		ask = a & ~b;
		break;
	}
	if (querier)
		lower(m, ask, after(now, LLQT));
}

static void model_exclude(struct model *m, enum mld_record_type type, set_t a, bool querier, int64_t now)
{
	set_t x = m->x, y = m->y, ask = 0;

	switch (type) {
	case MLD_MODE_IS_INCLUDE:
	case MLD_ALLOW_NEW_SOURCES:
		m->x = x | a;
		m->y = y & ~a;
		put(m, a, after(now, MALI));
		break;
	case MLD_MODE_IS_EXCLUDE:
	case MLD_CHANGE_TO_EXCLUDE:
		m->x = a & ~y;
		m->y = y & a;
		put(m, a & ~x & ~y, type == MLD_MODE_IS_EXCLUDE ? after(now, MALI) : m->filter_timer);
		m->filter_timer = after(now, MALI);
		if (type == MLD_CHANGE_TO_EXCLUDE)
			ask = a & ~y;
		break;
	case MLD_BLOCK_OLD_SOURCES:
		m->x = x | (a & ~y);
		put(m, a & ~x & ~y, m->filter_timer);
		ask = a & ~y;
		break;
	case MLD_CHANGE_TO_INCLUDE:
		m->x = x | a;
		m->y = y & ~a;
		put(m, a, after(now, MALI));
		ask = x & ~a;
		if (querier && m->filter_timer > after(now, LLQT))
			m->filter_timer = after(now, LLQT);
		break;
	}
	if (querier)
		lower(m, ask, after(now, LLQT));
}

static void model_record(struct model *m, enum mld_record_type type, set_t sources, bool querier, int64_t now)
{
	if (m->v1 && type == MLD_BLOCK_OLD_SOURCES)
		return;
	if (m->v1 && type == MLD_CHANGE_TO_EXCLUDE)
		sources = 0;
	if (m->exclude)
		model_exclude(m, type, sources, querier, now);
	else
		model_include(m, type, sources, querier, now);
}

static bool model_is_none(const struct model *m)
{
	return !m->exclude && !m->x;
}

/* What runs out at one instant: sources, then the filter timer. */
static void model_instant(struct model *m, int64_t now)
{
	for (unsigned i = 0; i < SOURCES; i++) {
		if (!(m->x & 1u << i) || m->timer[i] > now)
			continue;
		m->x &= ~(1u << i);
		if (m->exclude)
			m->y |= 1u << i;
	}
	if (m->exclude && m->filter_timer <= now) {
		m->exclude = false;
		m->y = 0;
	}
	if (m->v1 && m->v1_until <= now)
		m->v1 = false;
	if (model_is_none(m))
		*m = (struct model){0};
}

static void model_until(struct model *m, int64_t now)
{
	for (;;) {
		int64_t next = INT64_MAX;

		for (unsigned i = 0; i < SOURCES; i++)
			if (m->x & 1u << i && m->timer[i] < next)
				next = m->timer[i];
		if (m->exclude && m->filter_timer < next)
			next = m->filter_timer;
		if (m->v1 && m->v1_until < next)
			next = m->v1_until;
		if (next > now)
			return;
		model_instant(m, next);
	}
}

/* ---- the run ---- */

/* The forms that the engine keeps a group in. */
enum form {
	ABSENT,
	SHORT,	  /* struct group alone: one host, any-source */
	ONE_HOST, /* the same host, with something else about the group */
	MEMBERS,  /* a list of hosts with their filters */
	UNKNOWN,  /* nobody who is known: those who were have left */
	FORMS
};
static unsigned changed[FORMS][FORMS]; /* how often from one to the other */

struct run {
	uint64_t seed;
	enum form form[GROUPS];
	struct rng rng;
	struct bench b;
	bool querier;
	struct model model[GROUPS];
	struct filter told[GROUPS];
};

static struct in6_addr group_of(unsigned i)
{
	struct in6_addr g = address("ff0e::");

	g.s6_addr[15] = (uint8_t)(i + 1);
	return g;
}

static void letters_of(set_t set, char letters[SOURCES + 1])
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (set & 1u << i)
			*letters++ = (char)('a' + i);
	*letters = '\0';
}

/* Effects one by one; the state that the last of them told of each group. */
static void run_effects(struct run *r)
{
	struct mld_router_fx fx;

	while (mld_routers_pop(r->b.set, &fx))
		for (unsigned g = 0; fx.kind == MLD_ROUTER_CHANGE && g < GROUPS; g++) {
			struct in6_addr group = group_of(g);
			struct filter f = FILTER_NONE;

			if (!addr_eq(&group, &fx.group))
				continue;
			mld_link_state(r->b.link, &group, &f);
			assert_false(filter_eq(&f, &r->told[g])); /* nothing is told in vain */
			filter_move(&r->told[g], f);
		}
}

static enum form form_of(const struct run *r, const struct in6_addr *group)
{
	const struct group *g = link_find(r->b.link, group);

	if (!g)
		return ABSENT;
	if (group_host(r->b.set, g))
		return g->has_detail ? ONE_HOST : SHORT;
	return track_count(r->b.link, g) ? MEMBERS : UNKNOWN;
}

static void run_check(struct run *r)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		const struct model *m = &r->model[g];
		struct in6_addr group = group_of(g);
		struct filter has = FILTER_NONE, want;
		enum form form = form_of(r, &group);
		char letters[SOURCES + 1];

		changed[r->form[g]][form]++;
		r->form[g] = form;
		letters_of(m->exclude ? m->y : m->x, letters);
		want = filter_named(m->exclude ? FILTER_EXCLUDE : FILTER_INCLUDE, letters);
		mld_link_state(r->b.link, &group, &has);
		if (!filter_eq(&has, &want)) {
			struct text t = {0};

			text_filter(&t, &has);
			text_add(&t, ", the model says ");
			text_filter(&t, &want);
			print_error("SEED=%llu: group %u is %s\n", (unsigned long long)r->seed, g, t.s);
		}
		assert_true(filter_eq(&has, &want));
		assert_true(filter_eq(&has, &r->told[g]));
		assert_int_equal(mld_link_group_is_v1(r->b.link, &group), m->v1);
		filter_drop(&has);
		filter_drop(&want);
	}
}

static void run_until(struct run *r, mono_t end)
{
	for (;;) {
		mono_t next = mono_min(end, mld_routers_next_deadline(r->b.set));

		r->b.now.mono = next;
		mld_routers_expire(r->b.set, r->b.now);
		assert_true(mono_before(next, mld_routers_next_deadline(r->b.set)));
		run_effects(r);
		for (unsigned g = 0; g < GROUPS; g++)
			model_until(&r->model[g], next.ns);
		run_check(r);
		if (next.ns == end.ns)
			return;
	}
}

static void other_query(struct run *r, unsigned g, set_t sources, bool suppress)
{
	struct mld_query q = {.version = 2, .max_resp = span_s(1), .qrv = 2, .qqi = span_s(125), .suppress = suppress};
	struct in6_addr v[26], src = address("fe80::1"), dst = addr_all_nodes;
	struct mld_packet p;
	uint8_t bytes[1280];
	char letters[SOURCES + 1];
	int64_t llqt = after(r->b.now.mono.ns, LLQT);

	if (g < GROUPS)
		q.group = dst = group_of(g);
	else
		sources = 0;
	letters_of(sources, letters);
	q.n = (uint16_t)sources_named(letters, v);
	assert_int_equal(mld_decode(bytes, mld_encode_query(&q, v, &src, &dst, bytes, sizeof(bytes)), &p), MLD_OK);
	mld_link_recv(r->b.link, r->b.now, &p);
	if (g == GROUPS || suppress)
		return;
	if (sources)
		lower(&r->model[g], sources, llqt);
	else if (r->model[g].exclude && r->model[g].filter_timer > llqt)
		r->model[g].filter_timer = llqt;
}

static void v1_message(struct run *r, unsigned g, bool done)
{
	struct in6_addr group = group_of(g), src = address("fe80::1001");
	struct model *m = &r->model[g];
	struct mld_packet p;
	uint8_t bytes[256];
	size_t len = mld_encode_v1(done ? MLD_V1_DONE : MLD_V1_REPORT, &group, &src, bytes, sizeof(bytes));

	assert_int_equal(mld_decode(bytes, len, &p), MLD_OK);
	mld_link_recv(r->b.link, r->b.now, &p);
	if (!done) {
		m->v1 = true;
		m->v1_until = after(r->b.now.mono.ns, MALI);
		model_record(m, MLD_MODE_IS_EXCLUDE, 0, r->querier, r->b.now.mono.ns);
	} else if (r->querier) {
		model_record(m, MLD_CHANGE_TO_INCLUDE, 0, true, r->b.now.mono.ns);
	}
}

static void random_record(struct run *r, unsigned g)
{
	enum mld_record_type type = (enum mld_record_type)(1 + rng_below(&r->rng, 6));
	struct in6_addr group = group_of(g), src = address("fe80::1000"), v[26];
	set_t set = (set_t)rng_u64(&r->rng) & (set_t)rng_u64(&r->rng) & ((1u << SOURCES) - 1);
	struct mld_report report;
	struct mld_packet p;
	char letters[SOURCES + 1];
	uint8_t bytes[1280];

	if (rng_below(&r->rng, 2)) /* few */
		set &= (set_t)rng_u64(&r->rng) & (set_t)rng_u64(&r->rng);
	src.s6_addr[15] = (uint8_t)(1 + rng_below(&r->rng, 3));
	if (rng_below(&r->rng, 3) == 0) { /* of any source or of none, as most of what a link hears */
		static const enum mld_record_type types[] = {MLD_CHANGE_TO_EXCLUDE, MLD_MODE_IS_EXCLUDE,
							     MLD_CHANGE_TO_INCLUDE};

		type = types[rng_below(&r->rng, 3)];
		set = 0;
	}
	letters_of(set, letters);
	mld_report_begin(&report, &src, bytes, sizeof(bytes));
	mld_report_add(&report, type, &group, v, sources_named(letters, v));
	assert_int_equal(mld_decode(bytes, mld_report_finish(&report), &p), MLD_OK);
	mld_link_recv(r->b.link, r->b.now, &p);
	model_record(&r->model[g], type, set, r->querier, r->b.now.mono.ns);
	if (model_is_none(&r->model[g]))
		r->model[g] = (struct model){0};
}

static void random_event(struct run *r)
{
	unsigned g = (unsigned)rng_below(&r->rng, GROUPS);

	switch (rng_below(&r->rng, 20)) {
	case 0:
		v1_message(r, g, false);
		break;
	case 1:
		v1_message(r, g, true);
		break;
	case 2:
	case 3:
		if (!r->querier)
			other_query(r, g, rng_below(&r->rng, 2) ? (set_t)rng_below(&r->rng, 1u << SOURCES) : 0,
				    rng_below(&r->rng, 3) == 0);
		break;
	default:
		random_record(r, g);
	}
	run_effects(r);
	run_check(r);
}

static span_t random_pause(struct run *r)
{
	switch (rng_below(&r->rng, 8)) {
	case 0:
		return span_ms((int64_t)rng_below(&r->rng, 200000));
	case 1:
		return span_s(LLQT); /* just when timers run out */
	case 2:
		return span_s(0);
	default:
		return span_ms((int64_t)rng_below(&r->rng, 3000));
	}
}

static void random_run(uint64_t seed)
{
	const struct mld_router_conf conf = {0};
	struct run r = {.seed = seed, .rng = rng_of(seed), .querier = seed & 1};

	bench_start(&r.b, &conf);
	run_effects(&r);
	for (unsigned i = 0; i < 300; i++) {
		if (!r.querier)
			other_query(&r, GROUPS, 0, false); /* a General Query keeps us silent */
		random_event(&r);
		run_until(&r, mono_add(r.b.now.mono, random_pause(&r)));
	}
	run_until(&r, mono_add(r.b.now.mono, span_s(300)));
	for (unsigned g = 0; g < GROUPS; g++)
		assert_true(filter_is_none(&r.told[g]));
	bench_stop(&r.b);
}

static void test_random(void **state)
{
	const char *one = getenv("SEED");

	(void)state;
	if (one)
		random_run(strtoull(one, NULL, 10));
	for (uint64_t seed = 1; !one && seed <= 200; seed++)
		random_run(seed);
}

/* The runs came by every form, into it and out of it: else they would say nothing about it. */
static void test_every_form(void **state)
{
	static const enum form ways[][2] = {
	    {ABSENT, SHORT},	{SHORT, ABSENT},    {SHORT, ONE_HOST},	 {ONE_HOST, SHORT},  {SHORT, MEMBERS},
	    {MEMBERS, SHORT},	{ABSENT, MEMBERS},  {MEMBERS, ABSENT},	 {ABSENT, ONE_HOST}, {ONE_HOST, ABSENT},
	    {MEMBERS, UNKNOWN}, {UNKNOWN, MEMBERS}, {ONE_HOST, UNKNOWN}, {UNKNOWN, ABSENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!getenv("SEED") && changed[ways[i][0]][ways[i][1]] < 20)
			fail_msg("from form %u to %u: %u times", ways[i][0], ways[i][1],
				 changed[ways[i][0]][ways[i][1]]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_every_form)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
