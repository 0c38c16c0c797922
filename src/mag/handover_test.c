/* SPDX-License-Identifier: BSD-2-Clause */
/* Handover between gateways: three engines that talk to each other, and an anchor that is played. */
#include "mag/testing.h"

#define GATEWAYS 3
#define HI1 "HI(mn1 U c0 ff1e::1=EX{})"

struct world {
	struct bench *b[GATEWAYS];
	bool anchor_silent, anchor_knows_not, no_labels;
	unsigned n_lost; /* of messages between gateways: the next ones */
	bool twice;	 /* each comes twice */
	uint32_t label;
	struct {
		unsigned to;
		struct in6_addr src;
		uint8_t bytes[MH_LEN_MAX];
		size_t len;
	} queue[64];
	unsigned n;
};

static struct world *world; /* where carry() puts what it gets */

static struct in6_addr coa(unsigned i)
{
	struct in6_addr a = addr("2001:db8:1::1");

	a.s6_addr[5] = (uint8_t)(i + 1);
	return a;
}

/* ---- the anchor ---- */

static void say(struct bench *b, const struct mh_msg *m)
{
	struct in6_addr lma = LMA;

	queue_reply(b, &lma, m);
}

static void answer_query(struct bench *b, const struct mh_msg *q)
{
	struct mh_msg m;

	if (world->anchor_knows_not) {
		mh_init(&m, MH_BE);
		m.status = MH_BE_UNKNOWN_TYPE;
		say(b, &m);
		return;
	}
	if (world->anchor_silent)
		return;
	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	m.seq = q->seq;
	m.has = MH_HAS_MN_ID | MH_HAS_MARK;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = q->mn_id;
	m.mark = q->mark == MH_MARK_LABEL ? MH_MARK_LABELS : MH_MARK_JOIN;
	if (q->mark == MH_MARK_JOIN)
		put_results(b, q, &m);
	for (unsigned i = 0; q->mark == MH_MARK_LABEL && !world->no_labels && i < q->ams.n; i++) {
		assert_true(mh_add_record(&m, &m.labels, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE,
					  &q->records[q->ams.first + i].group, NULL, 0, MH_AMS_SOURCES));
		m.records[m.labels.first + i].label = ++world->label;
	}
	say(b, &m);
}

static void carry(struct bench *b, const struct fx *fx, const struct mh_msg *m)
{
	unsigned to = 0;

	if (m->type == MH_SUBSCRIPTION_QUERY) {
		answer_query(b, m);
		return;
	}
	if (m->type != MH_HI && m->type != MH_HACK)
		return;
	while (to < GATEWAYS && !addr_eq(&world->b[to]->conf.proxy_coa, &fx->mh.dst))
		to++;
	assert_true(to < GATEWAYS);
	if (world->n_lost) {
		world->n_lost--;
		return;
	}
	for (unsigned i = 0; i < 1u + world->twice; i++) {
		assert_true(world->n < 64);
		world->queue[world->n].to = to;
		world->queue[world->n].src = fx->mh.src;
		memcpy(world->queue[world->n].bytes, fx->mh.bytes, fx->mh.len);
		world->queue[world->n++].len = fx->mh.len;
	}
}

/* ---- life ---- */

static struct world *begin(void (*change)(struct mag_conf *conf))
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	world = w;
	for (unsigned i = 0; i < GATEWAYS; i++) {
		struct mag_conf conf = bench_conf();

		conf.proxy_coa = coa(i);
		conf.nud_interval = span_s(0);
		conf.attach_queries = 1;
		for (unsigned k = 0; k < GATEWAYS; k++) {
			struct mag_candidate *c = &conf.candidates[conf.n_candidates++];

			snprintf(c->name, sizeof(c->name), "mag%u", k + 1);
			c->address = coa(k);
			c->context = true;
			c->n_access_points = 1;
			snprintf(c->access_points[0], sizeof(c->access_points[0]), "ap%u", k + 1);
		}
		if (change)
			change(&conf);
		w->b[i] = calloc(1, sizeof(struct bench));
		bench_begin_with(w->b[i], &conf);
		w->b[i]->carry = carry;
	}
	return w;
}

/* Until nobody has anything to say. */
static void settle(struct world *w)
{
	for (bool some = true; some;) {
		for (unsigned i = 0; i < GATEWAYS; i++)
			bench_drain(w->b[i]);
		some = w->n > 0;
		if (some) {
			struct bench *b = w->b[w->queue[0].to];
			uint8_t bytes[MH_LEN_MAX];
			size_t len = w->queue[0].len;
			struct in6_addr src = w->queue[0].src, dst = b->conf.proxy_coa;

			memcpy(bytes, w->queue[0].bytes, len);
			memmove(w->queue, w->queue + 1, --w->n * sizeof(w->queue[0]));
			mag_recv_mh(b->mag, b->now, &src, &dst, bytes, len);
		}
	}
}

static void pass(struct world *w, span_t span)
{
	mono_t end = mono_add(w->b[0]->now.mono, span);

	settle(w);
	for (;;) {
		mono_t next = end;

		for (unsigned i = 0; i < GATEWAYS; i++)
			next = mono_min(next, mag_next_deadline(w->b[i]->mag));
		for (unsigned i = 0; i < GATEWAYS; i++) {
			struct bench *b = w->b[i];

			if (mono_before(b->now.mono, next)) {
				b->now.wall.ns += next.ns - b->now.mono.ns;
				b->now.mono = next;
			}
			if (mono_reached(mag_next_deadline(b->mag), b->now.mono))
				mag_expire(b->mag, b->now);
		}
		settle(w);
		if (!mono_before(next, end))
			return;
	}
}

static void forget(struct world *w)
{
	for (unsigned i = 0; i < GATEWAYS; i++)
		bench_forget(w->b[i]);
}

static void finish(struct world *w)
{
	settle(w);
	for (unsigned i = 0; i < GATEWAYS; i++)
		bench_end(w->b[i]);
	free(w);
}

/* mn1 at the first gateway, with G. */
static struct world *listening(void (*change)(struct mag_conf *conf))
{
	struct world *w = begin(change);

	attach(w->b[0], 1);
	join(w->b[0], 1, 1, G);
	pass(w, span_s(3));
	forget(w);
	return w;
}

static enum ctl_err hand_over(struct world *w, unsigned from, const char *to)
{
	struct nai name = mn(1);
	enum ctl_err e = mag_handover(w->b[from]->mag, w->b[from]->now, &name, to);

	settle(w);
	return e;
}

static void revoke(struct world *w, unsigned i)
{
	struct mh_msg m;

	mh_init(&m, MH_REVOCATION);
	m.revocation = MH_BRI;
	m.trigger = MH_BRI_HANDOVER_SAME_ATT;
	m.seq = 7;
	m.flags = MH_REVOCATION_P;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	m.n_hnp = 1;
	m.hnp[0] = home(1);
	say(w->b[i], &m);
	settle(w);
}

static void done(struct world *w, unsigned i)
{
	mag_handover_done(w->b[i]->mag, w->b[i]->now, view(w->b[i], 1).node);
	settle(w);
}

static void leave_link(struct world *w, unsigned i)
{
	link_down(w->b[i], 1);
	settle(w);
}

static void come(struct world *w, unsigned i)
{
	link_up(w->b[i], 1);
	send_rs(w->b[i], 1, 1);
	settle(w);
}

static uint32_t handovers(const struct world *w, unsigned i) { return mag_totals(w->b[i]->mag).handovers; }

static void assert_nothing_left(struct world *w)
{
	for (unsigned i = 0; i < GATEWAYS; i++)
		assert_int_equal(handovers(w, i), 0);
}

#define assert_events(b, words) assert_string_equal((b)->events.s, words)

/* ---- the whole way, Figure 5 of the draft ---- */

static void predictive(void **state)
{
	struct world *w = listening(NULL);
	struct bench *a = w->b[0], *b = w->b[1];

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_said(a, HI1 " HI(mn1 F c3 key)");
	assert_data(a, "tunnel+ forward1+");
	assert_events(a, "handover-started handover-ready");
	assert_true(view(a, 1).handing_over);
	assert_said(b, "SQ(mn1 join ff1e::1=EX{}) MLD(TO_EX ff1e::1{}) HAck(mn1 U c6 key) SQ(mn1 label ff1e::1=EX{}) "
		       "HAck(mn1 F c0 key)");
	assert_data(b, "tunnel+ tunnel+ expect1+ ff1e::1+1 edge1=1");
	assert_state(b, 1, "expected");
	assert_string_equal(view(b, 1).link_name, "");
	assert_events(b, "handover-started subscribed group-joined handover-ready");

	forget(w);
	leave_link(w, 0);
	assert_said(a, ""); /* its binding stays as it is, until the new gateway has it */
	assert_data(a, "");
	b->lma_silent = true;
	come(w, 1);
	/* Released, advertised and asked on its link at once; the anchor is still to answer. */
	assert_data(b, "node1+ ff1e::1+1 ff1e::1-1");
	assert_said(b, RA1 " PBU(mn1 hi=3 life=3600 S ff1e::1=EX{}) " RA1); /* the second answers its solicitation */
	assert_state(b, 1, "registering");
	forget(w);
	b->lma_silent = false;
	pass(w, span_s(1));
	assert_state(b, 1, "registered");
	assert_data(b, "node1+"); /* by way of the anchor now */
	forget(w);
	revoke(w, 0);
	assert_said(a, "BRA(0)");
	assert_data(a, "ff1e::1-"); /* forwarding goes on */
	forget(w);
	done(w, 1);
	assert_said(b, "HI(mn1 F c2 key)");
	assert_data(b, "handover1- tunnel-");
	assert_said(a, "HAck(mn1 F c0)");
	assert_data(a, "handover1- node1- tunnel-");
	assert_events(a, "handover-completed");
	assert_events(b, "handover-completed");
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_false(exists(a, 1));
	assert_state(b, 1, "registered");
	assert_sub(b, 1, G, "active");
	finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
