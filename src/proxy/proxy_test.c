/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/proxy.h"
#include "base/rng.h"
#include "proxy/proxy_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- a model of the data plane: lists as they stand, strict about every operation ------------------ */

#define OUTS_MAX 16
#define FLOWS_MAX 64

struct model_flow {
	struct dp_flow key;
	struct dp_out outs[OUTS_MAX];
	unsigned n;
};

struct model {
	struct model_flow flow[FLOWS_MAX];
	unsigned n;
};

static bool flow_eq(const struct dp_flow *a, const struct dp_flow *b)
{
	return a->in.ifindex == b->in.ifindex && dp_tunnel_eq(&a->in.tunnel, &b->in.tunnel) &&
	       addr_eq(&a->source, &b->source) && addr_eq(&a->group, &b->group);
}

static bool out_eq(const struct dp_out *a, const struct dp_out *b)
{
	return a->ifindex == b->ifindex && dp_tunnel_eq(&a->tunnel, &b->tunnel) && !memcmp(a->dmac, b->dmac, 6);
}

static struct model_flow *model_find(struct model *d, const struct dp_flow *key)
{
	for (unsigned i = 0; i < d->n; i++)
		if (flow_eq(&d->flow[i].key, key))
			return &d->flow[i];
	return NULL;
}

static unsigned flow_copies(const struct model_flow *f, const struct dp_out *out)
{
	unsigned n = 0;

	for (unsigned i = 0; f && i < f->n; i++)
		n += out_eq(&f->outs[i], out);
	return n;
}

/* Refuses what would be harmless but useless too: a list that is there already, an output that is not. */
static void model_apply(struct model *d, const struct dp_op *op)
{
	struct model_flow *f = model_find(d, &op->flow);

	assert_in_range(op->kind, DP_FLOW_ADD, DP_OUT_DEL);
	if (op->kind == DP_FLOW_ADD) {
		assert_null(f);
		assert_true(d->n < FLOWS_MAX && op->n_outs <= OUTS_MAX);
		f = &d->flow[d->n++];
		*f = (struct model_flow){.key = op->flow};
		for (unsigned i = 0; i < op->n_outs; i++) {
			assert_int_equal(flow_copies(f, &op->outs[i]), 0);
			f->outs[f->n++] = op->outs[i];
		}
		return;
	}
	assert_non_null(f);
	if (op->kind == DP_FLOW_DEL) {
		*f = d->flow[--d->n];
	} else if (op->kind == DP_OUT_ADD) {
		assert_int_equal(flow_copies(f, &op->out), 0);
		assert_true(f->n < OUTS_MAX);
		f->outs[f->n++] = op->out;
	} else {
		assert_int_equal(flow_copies(f, &op->out), 1);
		for (unsigned i = 0; i < f->n; i++)
			if (out_eq(&f->outs[i], &op->out))
				f->outs[i--] = f->outs[--f->n];
	}
}

/* Copies that a packet of the flow's source leaves at an output: the list of the source serves, else (*,G). */
static unsigned model_copies(struct model *d, const struct dp_flow *packet, const struct dp_out *out)
{
	struct model_flow *f = model_find(d, packet);
	struct dp_flow any = *packet;

	any.source = addr_any;
	return flow_copies(f ? f : model_find(d, &any), out);
}

/* ---- common ---------------------------------------------------------------------------------------- */

static struct in6_addr addr(const char *s)
{
	struct in6_addr a = addr_any;

	assert_true(addr_parse(s, &a));
	return a;
}

static const struct proxy_conf big = {.groups_max = 1000000, .members_max = 1000000, .entries_max = 1000000};

static struct dp_out access_out(uint32_t node)
{
	uint8_t high = (uint8_t)(node >> 8), low = (uint8_t)node;

	return (struct dp_out){.ifindex = 100 + node, .node = node, .dmac = {2, 0, 0, 0, high, low}};
}

static struct filter filter_one(enum filter_mode mode, const struct in6_addr *s)
{
	bool oom = false;

	return filter_of(mode, s, 1, &oom);
}

/* ---- random changes against an obvious model ------------------------------------------------------- */

#define MEMBERS 6
#define GROUPS 2
#define SOURCES 4		 /* that can be named */
#define TRIED (SOURCES + 1)	 /* and one that nobody names */

struct wish {
	bool exclude;
	unsigned named; /* bits */
};

/* The forms that the instance keeps a group in. */
enum form {
	ABSENT,
	LONE,	    /* one any-source listener */
	LONE_ENDED, /* its end is to be told */
	FULL,
	FORMS
};
static unsigned changed[FORMS][FORMS]; /* how often from one to the other */

struct world {
	struct rng r;
	enum form form[GROUPS];
	struct fxq *q;
	struct proxy *p;
	struct dp_in in;
	struct model d;
	struct in6_addr group[GROUPS], source[TRIED];
	struct proxy_member *member[MEMBERS];
	struct dp_out out[MEMBERS];
	bool unicast[MEMBERS], silent[MEMBERS];
	struct wish wish[MEMBERS][GROUPS];
	struct filter told[GROUPS];
};

static bool wants(const struct wish *w, unsigned source)
{
	return (w->named >> source & 1) != w->exclude;
}

static struct filter filter_of_wish(struct world *w, const struct wish *wish)
{
	struct in6_addr s[SOURCES];
	bool oom = false;
	size_t n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		if (wish->named >> i & 1)
			s[n++] = w->source[i];
	return filter_of(wish->exclude ? FILTER_EXCLUDE : FILTER_INCLUDE, s, n, &oom);
}

static struct filter union_of_all(struct world *w, unsigned g, unsigned but)
{
	struct filter all = FILTER_NONE;
	bool oom = false;

	for (unsigned m = 0; m < MEMBERS; m++) {
		struct filter f = filter_of_wish(w, &w->wish[m][g]);

		if (m != but)
			filter_move(&all, filter_union(&all, &f, &oom));
		filter_drop(&f);
	}
	return all;
}

static struct dp_out out_in(const struct world *w, unsigned m, unsigned g)
{
	struct dp_out out = w->out[m];

	if (out.ifindex && !w->unicast[m])
		addr_multicast_mac(&w->group[g], out.dmac);
	return out;
}

static unsigned copies(struct world *w, unsigned m, unsigned g, unsigned s)
{
	struct dp_flow packet = {.in = w->in, .source = w->source[s], .group = w->group[g]};
	struct dp_out out = out_in(w, m, g);

	return model_copies(&w->d, &packet, &out);
}

/* Do the queued operations one by one. After each, all get what they should, but for member `m` (MEMBERS: no one) in
 * group `g`: it gets what it wants before and after, and nothing that it wants neither before nor after. */
static unsigned obey(struct world *w, unsigned cm, unsigned cg, const struct wish *before, const struct wish *after)
{
	unsigned ops = 0;
	struct fx fx;

	for (; fxq_pop(w->q, &fx); ops++) {
		assert_int_equal(fx.kind, FX_DP);
		model_apply(&w->d, &fx.dp);
		for (unsigned m = 0; m < MEMBERS; m++) {
			for (unsigned g = 0; w->member[m] && g < GROUPS; g++) {
				for (unsigned s = 0; s < TRIED; s++) {
					bool old, new;

					if (w->silent[m]) {
						assert_int_equal(copies(w, m, g, s), 0);
						continue;
					}
					old = new = wants(&w->wish[m][g], s);
					if (m == cm && g == cg) {
						old = wants(before, s);
						new = wants(after, s);
					}
					if (old == new)
						assert_int_equal(copies(w, m, g, s), old);
				}
			}
		}
	}
	return ops;
}

struct census {
	struct world *w;
	unsigned g, n;
};

static void count_flow(void *arg, const struct dp_flow *flow, const struct dp_out *out)
{
	struct census *c = arg;
	struct model_flow *f = model_find(&c->w->d, flow);

	assert_non_null(f);
	assert_int_equal(flow_copies(f, out), 1);
	c->n++;
}

static void count_member(void *arg, void *owner, const struct filter *f)
{
	struct census *c = arg;
	unsigned m = (unsigned)((struct proxy_member **)owner - c->w->member);
	struct filter want = filter_of_wish(c->w, &c->w->wish[m][c->g]);

	assert_true(filter_eq(f, &want));
	filter_drop(&want);
	c->n++;
}

static void count_group(void *arg, const struct in6_addr *group, const struct filter *merged, uint32_t members)
{
	struct census *c = arg;

	for (unsigned g = 0; g < GROUPS; g++) {
		struct filter all;

		if (!addr_eq(group, &c->w->group[g]))
			continue;
		all = union_of_all(c->w, g, MEMBERS);
		assert_true(filter_eq(merged, &all));
		filter_drop(&all);
		c->n += members;
	}
}

static void check_merged(struct world *w, unsigned g)
{
	for (unsigned but = 0; but <= MEMBERS; but++) {
		struct filter want, have = FILTER_NONE;

		if (but < MEMBERS && !w->member[but])
			continue;
		want = union_of_all(w, g, but);
		assert_int_equal(but == MEMBERS ? proxy_merged(w->p, &w->group[g], &have) :
				 proxy_merged_without(w->p, &w->group[g], w->member[but], &have),
				 !filter_is_none(&want));
		assert_true(filter_eq(&want, &have));
		filter_drop(&want);
		filter_drop(&have);
	}
}

static void note_form(struct world *w, unsigned g)
{
	const struct proxy_lone *x = proxy_lone_find(w->p, &w->group[g]);
	enum form form = ABSENT;

	if (x)
		form = proxy_lone_member(w->p, x) ? LONE : LONE_ENDED;
	else if (proxy_group_find(w->p, &w->group[g]))
		form = FULL;
	changed[w->form[g]][form]++;
	w->form[g] = form;
}

/* The instance and the data plane as a whole, at rest. */
static void check_all(struct world *w)
{
	unsigned lists = 0, groups = 0, entries = 0;
	struct census c = {.w = w};

	for (unsigned g = 0; g < GROUPS; g++) {
		unsigned named = 0, excludes = 0, members = 0;

		for (unsigned m = 0; m < MEMBERS; m++) {
			const struct wish *wish = &w->wish[m][g];
			struct filter f = FILTER_NONE, want;

			named |= wish->named;
			excludes += wish->exclude;
			members += wish->exclude || wish->named;
			if (!w->member[m])
				continue;
			want = filter_of_wish(w, wish);
			assert_int_equal(proxy_get(w->member[m], &w->group[g], &f), !filter_is_none(&want));
			assert_true(filter_eq(&f, &want));
			filter_drop(&f);
			filter_drop(&want);
			c.n = 0;
			proxy_member_flows(w->member[m], &w->group[g], count_flow, &c);
			for (unsigned i = 0; i < w->d.n; i++) {
				struct dp_out out = out_in(w, m, g);

				if (addr_eq(&w->d.flow[i].key.group, &w->group[g]))
					c.n -= flow_copies(&w->d.flow[i], &out);
			}
			assert_int_equal(c.n, 0);
		}
		lists += (unsigned)__builtin_popcount(named) + !!excludes;
		groups += members > 0;
		entries += members;
		c.g = g;
		c.n = 0;
		proxy_each_member(w->p, &w->group[g], count_member, &c);
		assert_int_equal(c.n, members);
		check_merged(w, g);
		note_form(w, g);
	}
	assert_int_equal(w->d.n, lists);
	assert_int_equal(proxy_groups(w->p), groups);
	c.n = 0;
	proxy_each_group(w->p, count_group, &c);
	assert_int_equal(c.n, entries);
}

static void tell(struct world *w)
{
	struct in6_addr group;
	struct filter merged;
	bool seen[GROUPS] = {0};

	while (proxy_pop_changed(w->p, &group, &merged)) {
		unsigned g = addr_eq(&group, &w->group[1]);

		assert_false(seen[g]);
		seen[g] = true;
		assert_false(filter_eq(&merged, &w->told[g]));
		filter_move(&w->told[g], merged);
	}
	for (unsigned g = 0; g < GROUPS; g++) {
		struct filter all = union_of_all(w, g, MEMBERS);

		assert_true(filter_eq(&all, &w->told[g]));
		filter_drop(&all);
	}
}

/* Lists of a group that must be touched when one wish replaces another: each by one operation. */
static unsigned needed_ops(const struct world *w, unsigned m, unsigned g, const struct wish *before,
			   const struct wish *after)
{
	unsigned others_named = 0, others_exclude = 0, n;

	for (unsigned i = 0; i < MEMBERS; i++) {
		if (i != m) {
			others_named |= w->wish[i][g].named;
			others_exclude |= w->wish[i][g].exclude;
		}
	}
	n = before->exclude != after->exclude && (!w->silent[m] || !others_exclude);
	for (unsigned s = 0; s < SOURCES; s++) {
		bool was = (others_named | before->named) >> s & 1, is = (others_named | after->named) >> s & 1;

		n += was != is || (was && !w->silent[m] && wants(before, s) != wants(after, s));
	}
	return n;
}

static void set_wish(struct world *w, unsigned m, unsigned g, struct wish after)
{
	struct wish before = w->wish[m][g];
	struct filter f = filter_of_wish(w, &after);

	assert_int_equal(proxy_set(w->member[m], &w->group[g], &f), PROXY_OK);
	filter_drop(&f);
	w->wish[m][g] = after;
	assert_int_equal(obey(w, m, g, &before, &after), needed_ops(w, m, g, &before, &after));
	note_form(w, g);
}

/* All members but this one leave the group. */
static void leave_alone(struct world *w, unsigned m)
{
	unsigned g = (unsigned)rng_below(&w->r, GROUPS);

	for (unsigned i = 0; i < MEMBERS; i++)
		if (w->member[i] && i != m)
			set_wish(w, i, g, (struct wish){0});
	if (rng_below(&w->r, 2))
		set_wish(w, m, g, (struct wish){0});
	if (rng_below(&w->r, 2))
		tell(w);
	set_wish(w, m, g, (struct wish){.exclude = rng_below(&w->r, 4) != 0});
}

static void change_wish(struct world *w, unsigned m)
{
	unsigned g = (unsigned)rng_below(&w->r, GROUPS);
	struct wish before = w->wish[m][g], after = {.named = (unsigned)rng_u64(&w->r) & ((1u << SOURCES) - 1)};

	after.exclude = rng_below(&w->r, 2);
	if (rng_below(&w->r, 2))
		after.named &= (unsigned)rng_u64(&w->r);
	if (!rng_below(&w->r, 4))
		after = (struct wish){.exclude = rng_below(&w->r, 3) != 0};
	if (!rng_below(&w->r, 6)) /* only the mode */
		after = (struct wish){!before.exclude, before.named};
	set_wish(w, m, g, after);
}

static void change_output(struct world *w, unsigned m)
{
	struct dp_out old[GROUPS], now;
	struct fx fx;

	for (unsigned g = 0; g < GROUPS; g++)
		old[g] = out_in(w, m, g);
	if (rng_below(&w->r, 2))
		w->out[m].dmac[0] ^= 4;
	else
		w->unicast[m] = !w->unicast[m];
	if (!rng_below(&w->r, 4))
		w->out[m].ifindex ^= 1000;
	proxy_member_output(w->member[m], &w->out[m], w->unicast[m]);
	while (fxq_pop(w->q, &fx)) {
		assert_true(fx.dp.kind == DP_OUT_ADD || fx.dp.kind == DP_OUT_DEL);
		model_apply(&w->d, &fx.dp);
		for (unsigned i = 0; i < MEMBERS; i++) {
			for (unsigned g = 0; w->member[i] && g < GROUPS; g++) {
				for (unsigned s = 0; s < TRIED; s++) {
					struct dp_flow packet = {w->in, w->source[s], w->group[g]};
					unsigned n = copies(w, i, g, s);

					now = out_in(w, i, g);
					if (i == m && !out_eq(&now, &old[g]))
						n += model_copies(&w->d, &packet, &old[g]);
					if (!wants(&w->wish[i][g], s) || w->silent[i])
						assert_int_equal(n, 0);
					else
						assert_in_range(n, 1, i == m ? 2 : 1);
				}
			}
		}
	}
}

/* The others see nothing of it, and nobody upstream either. */
static void change_forwarding(struct world *w, unsigned m)
{
	struct fx fx;

	w->silent[m] = !w->silent[m];
	proxy_member_forward(w->member[m], !w->silent[m]);
	while (fxq_pop(w->q, &fx)) {
		assert_int_equal(fx.dp.kind, w->silent[m] ? DP_OUT_DEL : DP_OUT_ADD);
		assert_int_equal(fx.dp.out.ifindex, w->out[m].ifindex);
		assert_true(dp_tunnel_eq(&fx.dp.out.tunnel, &w->out[m].tunnel));
		model_apply(&w->d, &fx.dp);
	}
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned s = 0; s < TRIED; s++)
			assert_int_equal(copies(w, m, g, s), !w->silent[m] && wants(&w->wish[m][g], s));
}

static void come_or_go(struct world *w, unsigned m)
{
	struct fx fx;

	if (!w->member[m]) {
		w->member[m] = proxy_member_new(w->p, &w->out[m], w->unicast[m], &w->member[m]);
		assert_non_null(w->member[m]);
		assert_true(fxq_empty(w->q));
		return;
	}
	proxy_member_free(w->member[m]);
	w->member[m] = NULL;
	w->silent[m] = false;
	memset(w->wish[m], 0, sizeof(w->wish[m]));
	/* What the one that goes gets meanwhile does not matter: obey() looks at those who are there. */
	obey(w, MEMBERS, 0, NULL, NULL);
	while (fxq_pop(w->q, &fx))
		fail();
}

static void world_init(struct world *w, uint64_t seed)
{
	char s[ADDR_STR_MAX];

	*w = (struct world){.r = rng_of(seed), .q = fxq_new()};
	w->group[0] = addr("ff0e::1:1");
	w->group[1] = addr("ff3e::8000:2");
	for (unsigned i = 0; i < TRIED; i++) {
		snprintf(s, sizeof(s), "2001:db8:%x::%x", 7 - i, i + 1);
		w->source[i] = addr(s);
	}
	if (seed & 1)
		w->in.ifindex = 3;
	else
		w->in.tunnel = (struct dp_tunnel){addr("2001:db8::a"), addr("2001:db8::b")};
	w->p = proxy_new(&big, &w->in, w->q, seed);
	assert_non_null(w->p);
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (seed & 1) {
			snprintf(s, sizeof(s), "2001:db8:ffff::%x", i + 1);
			w->out[i].tunnel = (struct dp_tunnel){addr("2001:db8::b"), addr(s)};
		} else {
			w->out[i] = access_out(i + 1);
			w->unicast[i] = rng_below(&w->r, 2);
		}
	}
}

static void run(uint64_t seed, unsigned steps)
{
	struct world w;
	struct fx fx;

	world_init(&w, seed);
	for (unsigned step = 0; step < steps; step++) {
		unsigned m = (unsigned)rng_below(&w.r, MEMBERS);

		if (!w.member[m] || !rng_below(&w.r, 25))
			come_or_go(&w, m);
		else if (w.out[m].ifindex && !rng_below(&w.r, 12))
			change_output(&w, m);
		else if (!rng_below(&w.r, 12))
			change_forwarding(&w, m);
		else if (!rng_below(&w.r, 6))
			leave_alone(&w, m);
		else
			change_wish(&w, m);
		check_all(&w);
		if (!rng_below(&w.r, 3))
			tell(&w);
		for (unsigned g = 0; g < GROUPS; g++)
			note_form(&w, g);
	}
	if (seed % 3) {
		for (unsigned m = 0; m < MEMBERS; m++)
			if (w.member[m])
				come_or_go(&w, m);
		check_all(&w);
		assert_int_equal(w.d.n, 0);
		tell(&w);
	}
	proxy_free(w.p);
	while (fxq_pop(w.q, &fx)) {
		assert_int_equal(fx.dp.kind, DP_FLOW_DEL); /* whole lists, nothing bit by bit */
		model_apply(&w.d, &fx.dp);
	}
	assert_int_equal(w.d.n, 0);
	for (unsigned g = 0; g < GROUPS; g++)
		filter_drop(&w.told[g]);
	assert_int_equal(fxq_lost(w.q), 0);
	fxq_free(w.q);
}

static uint64_t running; /* the seed, for tell_seed() after a failure */

/* PROXY_TEST_SEED=n repeats one run, of ten times the length. */
static void same_as_an_obvious_model(void **state)
{
	const char *one = getenv("PROXY_TEST_SEED");

	(void)state;
	if (one) {
		run(strtoull(one, NULL, 0), 5000);
		return;
	}
	for (running = 1; running <= 60; running++)
		run(running, 500);
	running = 0;
}

/* They came by every form of a group, into it and out of it. */
static void every_form_is_come_by(void **state)
{
	static const enum form ways[][2] = {
	    {ABSENT, LONE},	{ABSENT, FULL},	    {LONE, ABSENT},	{LONE, LONE_ENDED}, {LONE, FULL},
	    {LONE_ENDED, LONE}, {LONE_ENDED, FULL}, {LONE_ENDED, ABSENT}, {FULL, ABSENT}, {FULL, LONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!getenv("PROXY_TEST_SEED") && changed[ways[i][0]][ways[i][1]] < 10)
			fail_msg("from form %u to %u: %u times", ways[i][0], ways[i][1], changed[ways[i][0]][ways[i][1]]);
}

static int tell_seed(void **state)
{
	(void)state;
	if (running)
		print_message("to repeat: PROXY_TEST_SEED=%llu\n", (unsigned long long)running);
	return 0;
}

/* ---- single facts ---------------------------------------------------------------------------------- */

struct small {
	struct fxq *q;
	struct proxy *p;
	struct in6_addr g, s;
	struct fx fx;
};

static void small_init(struct small *t, const struct proxy_conf *conf)
{
	struct dp_in in = {.ifindex = 7};

	t->q = fxq_new();
	t->p = proxy_new(conf, &in, t->q, 1);
	t->g = addr("ff0e::9");
	t->s = addr("2001:db8::1");
}

static void small_deinit(struct small *t)
{
	assert_null(proxy_free(t->p));
	fxq_free(t->q);
}

static void drain(struct small *t)
{
	while (fxq_pop(t->q, &t->fx))
		;
}

static enum dp_op_kind next_op(struct small *t)
{
	assert_true(fxq_pop(t->q, &t->fx));
	assert_int_equal(t->fx.kind, FX_DP);
	return t->fx.dp.kind;
}

static void first_and_last_any_source_member(void **state)
{
	struct small t;
	struct dp_out oa = access_out(1), ob = access_out(2);
	struct proxy_member *a, *b;
	struct in6_addr group;
	struct filter f;
	uint8_t mac[6];

	(void)state;
	small_init(&t, &big);
	a = proxy_member_new(t.p, &oa, false, NULL);
	b = proxy_member_new(t.p, &ob, true, NULL);
	assert_int_equal(proxy_set(a, &t.g, &FILTER_ANY), PROXY_OK);
	assert_int_equal(next_op(&t), DP_FLOW_ADD);
	assert_true(addr_is_any(&t.fx.dp.flow.source));
	assert_true(addr_eq(&t.fx.dp.flow.group, &t.g));
	assert_int_equal(t.fx.dp.flow.in.ifindex, 7);
	assert_int_equal(t.fx.dp.n_outs, 1);
	addr_multicast_mac(&t.g, mac);
	assert_memory_equal(t.fx.dp.outs[0].dmac, mac, 6);
	assert_int_equal(t.fx.dp.outs[0].node, 1);
	assert_true(proxy_pop_changed(t.p, &group, &f));
	assert_true(addr_eq(&group, &t.g) && filter_eq(&f, &FILTER_ANY));
	assert_int_equal(proxy_set(b, &t.g, &FILTER_ANY), PROXY_OK);
	assert_int_equal(next_op(&t), DP_OUT_ADD);
	assert_memory_equal(t.fx.dp.out.dmac, ob.dmac, 6);
	assert_false(proxy_pop_changed(t.p, &group, &f)); /* the upstream has it already */
	assert_int_equal(proxy_set(b, &t.g, &FILTER_ANY), PROXY_OK);
	assert_true(fxq_empty(t.q));
	proxy_member_free(a);
	assert_int_equal(next_op(&t), DP_OUT_DEL);
	assert_false(proxy_pop_changed(t.p, &group, &f));
	assert_int_equal(proxy_set(b, &t.g, &FILTER_NONE), PROXY_OK);
	assert_int_equal(next_op(&t), DP_FLOW_DEL);
	assert_true(proxy_pop_changed(t.p, &group, &f));
	assert_true(filter_is_none(&f));
	assert_int_equal(proxy_groups(t.p), 0);
	small_deinit(&t);
}

/* A group that came and went between two questions is no news. */
static void what_nobody_saw_is_not_told(void **state)
{
	struct small t;
	struct dp_out out = access_out(1);
	struct proxy_member *m;
	struct in6_addr group;
	struct filter f;

	(void)state;
	small_init(&t, &big);
	m = proxy_member_new(t.p, &out, false, NULL);
	proxy_set(m, &t.g, &FILTER_ANY);
	proxy_set(m, &t.g, &FILTER_NONE);
	assert_false(proxy_pop_changed(t.p, &group, &f));
	proxy_set(m, &t.g, &FILTER_ANY);
	assert_true(proxy_pop_changed(t.p, &group, &f));
	proxy_set(m, &t.g, &FILTER_NONE);
	proxy_set(m, &t.g, &FILTER_ANY);
	assert_false(proxy_pop_changed(t.p, &group, &f));
	small_deinit(&t);
}

/* A source that only EXCLUDE lists name and nobody accepts: a list without outputs keeps it from (*,G). */
static void excluded_by_all_is_an_empty_list(void **state)
{
	struct small t;
	struct dp_out out = access_out(1);
	struct proxy_member *m;
	struct filter f;

	(void)state;
	small_init(&t, &big);
	m = proxy_member_new(t.p, &out, false, NULL);
	f = filter_one(FILTER_EXCLUDE, &t.s);
	assert_int_equal(proxy_set(m, &t.g, &f), PROXY_OK);
	filter_drop(&f);
	assert_int_equal(next_op(&t), DP_FLOW_ADD);
	assert_true(addr_eq(&t.fx.dp.flow.source, &t.s));
	assert_int_equal(t.fx.dp.n_outs, 0);
	assert_int_equal(next_op(&t), DP_FLOW_ADD);
	assert_true(addr_is_any(&t.fx.dp.flow.source));
	assert_int_equal(t.fx.dp.n_outs, 1);
	assert_true(fxq_empty(t.q));
	small_deinit(&t);
}

static void at_a_limit_nothing_changes(void **state)
{
	struct small t;
	struct proxy_conf conf = {.groups_max = 2, .members_max = 2, .entries_max = 3, .sources_max = 2};
	struct in6_addr g2 = addr("ff0e::2"), g3 = addr("ff0e::3");
	struct in6_addr s[3] = {addr("2001:db8::1"), addr("2001:db8::2"), addr("2001:db8::3")};
	struct dp_out oa = access_out(1), ob = access_out(2);
	struct proxy_member *a, *b;
	struct filter two, three, f;
	bool oom = false;
	size_t bytes;

	(void)state;
	small_init(&t, &conf);
	a = proxy_member_new(t.p, &oa, false, NULL);
	b = proxy_member_new(t.p, &ob, false, NULL);
	assert_null(proxy_member_new(t.p, &ob, false, NULL));
	two = filter_of(FILTER_INCLUDE, s, 2, &oom);
	three = filter_of(FILTER_INCLUDE, s, 3, &oom);
	/* sources: nothing stays of the two that would have had room */
	assert_int_equal(proxy_set(a, &t.g, &three), PROXY_LIMIT);
	assert_false(proxy_get(a, &t.g, &f));
	assert_int_equal(proxy_groups(t.p), 0);
	assert_int_equal(proxy_set(a, &t.g, &two), PROXY_OK);
	drain(&t);
	assert_int_equal(proxy_set(a, &t.g, &three), PROXY_LIMIT);
	assert_true(proxy_get(a, &t.g, &f));
	assert_true(filter_eq(&f, &two));
	filter_drop(&f);
	/* entries */
	assert_int_equal(proxy_set(a, &g2, &FILTER_ANY), PROXY_OK);
	assert_int_equal(proxy_set(b, &t.g, &FILTER_ANY), PROXY_OK);
	drain(&t);
	assert_int_equal(proxy_set(b, &g2, &FILTER_ANY), PROXY_LIMIT);
	assert_false(proxy_get(b, &g2, &f));
	/* groups */
	proxy_set(b, &t.g, &FILTER_NONE);
	drain(&t);
	bytes = proxy_bytes(t.p);
	assert_int_equal(proxy_set(b, &g3, &FILTER_ANY), PROXY_LIMIT);
	assert_true(fxq_empty(t.q));
	assert_int_equal(proxy_bytes(t.p), bytes);
	/* ending always works, and makes room */
	assert_int_equal(proxy_set(a, &t.g, &FILTER_NONE), PROXY_OK);
	assert_int_equal(proxy_set(b, &g3, &FILTER_ANY), PROXY_OK);
	assert_int_equal(proxy_set(b, &g2, &FILTER_ANY), PROXY_OK);
	conf.entries_max = 1;
	proxy_reconf(t.p, &conf);
	assert_true(proxy_get(b, &g2, &f)); /* what is there stays */
	assert_int_equal(proxy_set(a, &g3, &FILTER_ANY), PROXY_LIMIT);
	conf.entries_max = 5;
	proxy_reconf(t.p, &conf);
	assert_int_equal(proxy_set(a, &g3, &FILTER_ANY), PROXY_OK);
	filter_drop(&two);
	filter_drop(&three);
	small_deinit(&t);
}

/* Many members and groups: a join is one operation, an entry is small. */
static void any_source_members_cost_little(void **state)
{
	struct small t;
	enum { N = 2000, G = 100 };
	struct proxy_member **m = calloc(N, sizeof(*m));
	struct in6_addr g = addr("ff0e::"), group;
	struct filter f;
	size_t empty, ops = 0, news = 0;

	(void)state;
	small_init(&t, &big);
	for (uint32_t i = 0; i < N; i++) {
		struct dp_out out = access_out(i + 1);

		m[i] = proxy_member_new(t.p, &out, false, NULL);
		assert_non_null(m[i]);
	}
	empty = proxy_bytes(t.p);
	for (uint32_t i = 0; i < N; i++) {
		for (uint32_t j = 0; j < G; j++) {
			memcpy(&g.s6_addr[12], &j, 4);
			assert_int_equal(proxy_set(m[i], &g, &FILTER_ANY), PROXY_OK);
		}
		for (; fxq_pop(t.q, &t.fx); ops++)
			assert_int_equal(t.fx.dp.kind, i ? DP_OUT_ADD : DP_FLOW_ADD);
		while (proxy_pop_changed(t.p, &group, &f))
			news++;
	}
	assert_int_equal(ops, N * G);
	assert_int_equal(news, G);
	/* 64 octets and a table slot or two; the slots are half used right after the table has doubled. */
	assert_in_range((proxy_bytes(t.p) - empty) / (N * G), 64, 82);
	for (uint32_t i = 0; i < N; i++)
		proxy_member_free(m[i]);
	for (ops = 0; fxq_pop(t.q, &t.fx); ops++)
		;
	assert_int_equal(ops, N * G);
	assert_int_equal(proxy_groups(t.p), 0);
	free(m);
	small_deinit(&t);
}

/* One more source in a group costs one list, however many sources the group has. */
static void one_source_more_costs_one_operation(void **state)
{
	struct small t;
	struct dp_out out = access_out(1);
	struct in6_addr s[300];
	struct proxy_member *m;
	bool oom = false;
	struct filter f;

	(void)state;
	small_init(&t, &big);
	m = proxy_member_new(t.p, &out, false, NULL);
	for (uint32_t i = 0; i < 300; i++) {
		s[i] = t.s;
		memcpy(&s[i].s6_addr[8], &i, 4);
		f = filter_of(FILTER_INCLUDE, s, i + 1, &oom);
		assert_int_equal(proxy_set(m, &t.g, &f), PROXY_OK);
		filter_drop(&f);
		assert_int_equal(next_op(&t), DP_FLOW_ADD);
		assert_true(addr_eq(&t.fx.dp.flow.source, &s[i]));
		assert_true(fxq_empty(t.q));
	}
	small_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_and_last_any_source_member),
		cmocka_unit_test(what_nobody_saw_is_not_told),
		cmocka_unit_test(excluded_by_all_is_an_empty_list),
		cmocka_unit_test(at_a_limit_nothing_changes),
		cmocka_unit_test(any_source_members_cost_little),
		cmocka_unit_test(one_source_more_costs_one_operation),
		cmocka_unit_test_teardown(same_as_an_obvious_model, tell_seed),
		cmocka_unit_test(every_form_is_come_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
