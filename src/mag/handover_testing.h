/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For the tests of handovers between gateways: three engines that talk to each other, and an anchor that is played. What
 * a gateway sends to another is queued, lost or doubled as the world says, and delivered by settle(). */
#include "mag/testing.h"

#define GATEWAYS 3
#define HI1 "HI(mn1 U c0 ff1e::1=EX{})"

struct world {
	struct bench *b[GATEWAYS];
	bool anchor_silent, anchor_knows_not, no_labels;
	unsigned n_lost; /* of messages between gateways: the next ones */
	unsigned lose_every, n_said; /* and each so many-th */
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

static inline struct in6_addr coa(unsigned i)
{
	struct in6_addr a = addr("2001:db8:1::1");

	a.s6_addr[5] = (uint8_t)(i + 1);
	return a;
}

/* ---- the anchor ---- */

static inline void say(struct bench *b, const struct mh_msg *m)
{
	struct in6_addr lma = LMA;

	queue_reply(b, &lma, m);
}

static inline void answer_query(struct bench *b, const struct mh_msg *q)
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

static inline void carry(struct bench *b, const struct fx *fx, const struct mh_msg *m)
{
	unsigned to = 0;

	if (m->type == MH_SUBSCRIPTION_QUERY) {
		answer_query(b, m);
		return;
	}
	if (m->type != MH_HI && m->type != MH_HACK)
		return;
	assert_true(fx->mh.len <= 1280 - 40); /* never fragmented */
	while (to < GATEWAYS && !addr_eq(&world->b[to]->conf.proxy_coa, &fx->mh.dst))
		to++;
	assert_true(to < GATEWAYS);
	if (world->n_lost) {
		world->n_lost--;
		return;
	}
	if (world->lose_every && ++world->n_said % world->lose_every == 0)
		return;
	for (unsigned i = 0; i < 1u + world->twice; i++) {
		assert_true(world->n < 64);
		world->queue[world->n].to = to;
		world->queue[world->n].src = fx->mh.src;
		memcpy(world->queue[world->n].bytes, fx->mh.bytes, fx->mh.len);
		world->queue[world->n++].len = fx->mh.len;
	}
}

/* ---- life ---- */

static inline struct world *begin(void (*change)(struct mag_conf *conf))
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
static inline void settle(struct world *w)
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

static inline void pass(struct world *w, span_t span)
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

static inline void forget(struct world *w)
{
	for (unsigned i = 0; i < GATEWAYS; i++)
		bench_forget(w->b[i]);
}

static inline void finish(struct world *w)
{
	settle(w);
	for (unsigned i = 0; i < GATEWAYS; i++)
		bench_end(w->b[i]);
	free(w);
}

/* mn1 at the first gateway, with G. */
static inline struct world *listening(void (*change)(struct mag_conf *conf))
{
	struct world *w = begin(change);

	attach(w->b[0], 1);
	join(w->b[0], 1, 1, G);
	pass(w, span_s(3));
	forget(w);
	return w;
}

static inline enum ctl_err hand_over(struct world *w, unsigned from, const char *to)
{
	struct nai name = mn(1);
	enum ctl_err e = mag_handover(w->b[from]->mag, w->b[from]->now, &name, to);

	settle(w);
	return e;
}

static inline void revoke(struct world *w, unsigned i)
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

static inline void done(struct world *w, unsigned i)
{
	mag_handover_done(w->b[i]->mag, w->b[i]->now, view(w->b[i], 1).node);
	settle(w);
}

static inline void leave_link(struct world *w, unsigned i)
{
	link_down(w->b[i], 1);
	settle(w);
}

static inline void come(struct world *w, unsigned i)
{
	link_up(w->b[i], 1);
	send_rs(w->b[i], 1, 1);
	settle(w);
}

static inline void come_from(struct world *w, unsigned i, const char *from)
{
	struct lladdr ll = mac(1);
	struct nai name = mn(1);

	link_up(w->b[i], 1);
	assert_int_equal(mag_attach_from(w->b[i]->mag, w->b[i]->now, 1, &ll, &name, 0, from), CTL_OK);
	settle(w);
}

static inline uint32_t handovers(const struct world *w, unsigned i) { return mag_totals(w->b[i]->mag).handovers; }

static inline void assert_nothing_left(struct world *w)
{
	for (unsigned i = 0; i < GATEWAYS; i++)
		assert_int_equal(handovers(w, i), 0);
}

#define assert_events(b, words) assert_string_equal((b)->events.s, words)
