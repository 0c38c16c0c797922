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
	assert_said(b, "SQ(mn1 join ff1e::1=EX{}) MLD(TO_EX ff1e::1{}) HAck(mn1 U c5 key) SQ(mn1 label ff1e::1=EX{}) "
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

/* ---- what gets lost, comes twice, or is not known ---- */

/* Two of three transmissions of each message: the handover takes longer, and nothing else. */
static void messages_get_lost(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= 3; lost++) {
		struct world *w = listening(NULL);

		w->n_lost = lost;
		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
		pass(w, span_ms(800));
		assert_true(view(w->b[0], 1).handing_over);
		assert_events(w->b[0], "handover-started handover-ready");
		assert_state(w->b[1], 1, "expected");
		finish(w);
	}
}

static void messages_come_twice(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->twice = true;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_events(w->b[0], "handover-started handover-ready");
	assert_events(w->b[1], "handover-started subscribed group-joined handover-ready");
	assert_data(w->b[1], "tunnel+ tunnel+ expect1+ ff1e::1+1 edge1=1");
	leave_link(w, 0);
	come(w, 1);
	done(w, 1);
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_state(w->b[1], 1, "registered");
	finish(w);
}

static void nobody_answers(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->n_lost = 100;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	pass(w, span_s(4));
	assert_events(w->b[0], "handover-started handover-failed");
	assert_int_equal(counter(w->b[0], "hi-retransmitted"), 6); /* of the question, and of the end */
	assert_false(view(w->b[0], 1).handing_over);
	assert_sub(w->b[0], 1, G, "active");
	assert_nothing_left(w);
	finish(w);
}

/* The new gateway hears of the handover, but the word that it is forwarded to is lost for ever. */
static void the_second_word_is_lost(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->b[1]->store_silent = true;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	w->b[1]->store_silent = false;
	mag_profile(w->b[1]->mag, w->b[1]->now, 1, w->b[1]->profile[1]); /* the late answer to its question */
	bench_drain(w->b[1]);
	w->n_lost = 0;
	settle(w);
	assert_state(w->b[1], 1, "expected");
	assert_events(w->b[0], "handover-started handover-ready");
	finish(w);
}

static void refused(void **state)
{
	struct world *w = listening(NULL);
	struct nai name = mn(1);

	(void)state;
	assert_int_equal(hand_over(w, 0, "nowhere"), CTL_NO_SUCH_MAG);
	assert_int_equal(hand_over(w, 0, "mag1"), CTL_NO_SUCH_MAG); /* that is us */
	assert_int_equal(hand_over(w, 1, "mag1"), CTL_NO_SUCH_NODE);
	assert_int_equal(mag_handover_cancel(w->b[0]->mag, w->b[0]->now, &name), CTL_NO_HANDOVER);
	w->b[1]->profile[1]->enabled = false;
	assert_int_equal(hand_over(w, 0, "ap2"), CTL_OK);
	assert_said(w->b[0], HI1 " HI(mn1 c2)");
	assert_said(w->b[1], "HAck(mn1 U c129) HAck(mn1 c0)");
	assert_events(w->b[0], "handover-started handover-failed");
	assert_false(exists(w->b[1], 1));
	assert_data(w->b[0], "");
	/* Not in the store of the new gateway at all. */
	w->b[2]->profile[1] = profile_unref(w->b[2]->profile[1]);
	forget(w);
	assert_int_equal(hand_over(w, 0, "2001:db8:3::1"), CTL_OK);
	assert_events(w->b[0], "handover-started handover-failed");
	assert_nothing_left(w);
	finish(w);
}

static void only_candidates(struct mag_conf *conf)
{
	struct in6_addr second = coa(1);

	if (addr_eq(&conf->proxy_coa, &second))
		conf->n_candidates = 0;
}

static void only_the_first(struct mag_conf *conf)
{
	struct in6_addr second = coa(1);

	if (addr_eq(&conf->proxy_coa, &second)) {
		conf->candidates[0] = conf->candidates[2];
		conf->n_candidates = 1;
	}
}

static void strangers_are_refused(void **state)
{
	struct world *w = listening(only_the_first);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_events(w->b[0], "handover-started handover-failed");
	assert_int_equal(counter(w->b[1], "mh-unknown-peer"), 2); /* the question, and the end */
	assert_false(exists(w->b[1], 1));
	pass(w, span_s(2));
	finish(w);
	/* One to which handovers are nothing. */
	w = listening(only_candidates);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_said(w->b[1], "");
	pass(w, span_s(4));
	assert_events(w->b[0], "handover-started handover-failed");
	finish(w);
}

/* It joins one group and leaves another while it is handed over: the new gateway hears of both. */
static void it_zaps_meanwhile(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	forget(w);
	join(w->b[0], 1, 1, H);
	settle(w);
	assert_said(w->b[0], "HI(mn1 F c3 key ff1e::1=EX{} ff1e::2=EX{})");
	assert_said(w->b[1], "SQ(mn1 join ff1e::1=EX{} ff1e::2=EX{}) MLD(TO_EX ff1e::2{}) SQ(mn1 label ff1e::2=EX{}) "
			     "HAck(mn1 F c0 key)");
	assert_data(w->b[1], "ff1e::2+1 edge1=2");
	leave(w->b[0], 1, 1, G);
	leave(w->b[0], 1, 1, H);
	settle(w);
	assert_false(has_sub(w->b[1], 1, G));
	assert_false(has_sub(w->b[1], 1, H));
	assert_true(view(w->b[0], 1).handing_over);
	finish(w);
}

/* Groups that the profile of the node denies there: told, and not forwarded. */
static void some_groups_are_refused(void **state)
{
	struct world *w = listening(NULL);
	struct prefix denied = {.addr = addr(G), .len = 128};

	(void)state;
	join(w->b[0], 1, 1, H);
	assert_true(profile_add_range(w->b[1]->profile[1], true, &denied, NULL));
	pass(w, span_s(3));
	forget(w);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_said(w->b[1], "SQ(mn1 join ff1e::2=EX{}) MLD(TO_EX ff1e::2{}) HAck(mn1 U c5 key -ff1e::1) "
			     "SQ(mn1 label ff1e::2=EX{}) HAck(mn1 F c0 key -ff1e::1)");
	assert_data(w->b[0], "tunnel+ forward1+ ff1e::1-");
	forget(w);
	w->b[0]->now.mono.ns++;
	{
		struct nai name = mn(1);

		assert_int_equal(mag_handover_cancel(w->b[0]->mag, w->b[0]->now, &name), CTL_OK);
	}
	settle(w);
	assert_data(w->b[0], "handover1- tunnel- ff1e::1+1");
	finish(w);
}

/* By the anchor: the gateway has it in its answer. */
static void the_anchor_refuses_a_group(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->b[1]->refused[w->b[1]->n_refused++] = addr(G);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_non_null(strstr(w->b[1]->said.s, "HAck(mn1 U c5 key -ff1e::1)"));
	assert_non_null(strstr(w->b[1]->data.s, "ff1e::1-"));
	finish(w);
}

/* An anchor of RFC 5213 alone: MLD in the tunnel asks for the streams, nothing is marked. */
static void the_anchor_knows_nothing_of_it(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->anchor_knows_not = true;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_events(w->b[0], "handover-started handover-ready");
	assert_data(w->b[1], "tunnel+ tunnel+ expect1+ ff1e::1+1 edge1=ffffffff");
	assert_said(w->b[1], "SQ(mn1 join ff1e::1=EX{}) MLD(TO_EX ff1e::1{}) HAck(mn1 U c5 key) HAck(mn1 F c0 key)");
	assert_int_equal(counter(w->b[1], "handovers-unmarked"), 1);
	forget(w);
	leave_link(w, 0);
	come(w, 1);
	assert_state(w->b[1], 1, "registered");
	finish(w);
}

static void the_anchor_is_silent(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->anchor_silent = true;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	pass(w, span_s(1));
	assert_events(w->b[0], "handover-started handover-ready");
	assert_int_equal(counter(w->b[1], "handover-queries-unanswered"), 2);
	assert_int_equal(counter(w->b[1], "handovers-unmarked"), 1);
	finish(w);
}

/* ---- other ends ---- */

static void cancelled(void **state)
{
	struct world *w = listening(NULL);
	struct nai name = mn(1);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_int_equal(hand_over(w, 0, "mag3"), CTL_ALREADY);
	forget(w);
	assert_int_equal(mag_handover_cancel(w->b[0]->mag, w->b[0]->now, &name), CTL_OK);
	settle(w);
	assert_said(w->b[0], "HI(mn1 c2 key) PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(w->b[0], "handover1- tunnel-");
	assert_events(w->b[0], "handover-cancelled");
	assert_said(w->b[1], "HAck(mn1 c0) MLD(TO_IN ff1e::1{})");
	assert_data(w->b[1], "ff1e::1- handover1- tunnel-");
	assert_events(w->b[1], "handover-cancelled group-left");
	assert_false(exists(w->b[1], 1));
	assert_nothing_left(w);
	assert_sub(w->b[0], 1, G, "active");
	/* And again. */
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_state(w->b[1], 1, "expected");
	finish(w);
}

static void it_does_not_leave(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	pass(w, span_ms(4900));
	assert_true(view(w->b[0], 1).handing_over);
	pass(w, span_ms(300));
	assert_false(view(w->b[0], 1).handing_over);
	assert_state(w->b[0], 1, "registered");
	assert_false(exists(w->b[1], 1));
	pass(w, span_s(2));
	assert_nothing_left(w);
	finish(w);
}

/* It leaves, and is seen nowhere again: the anchor hears of it, and everything ends. */
static void it_comes_nowhere(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	forget(w);
	pass(w, span_ms(1900));
	assert_said(w->b[0], "");
	pass(w, span_s(1));
	assert_non_null(strstr(w->b[0]->said.s, "HI(mn1 c2 key)"));
	assert_non_null(strstr(w->b[0]->said.s, "life=0"));
	assert_false(exists(w->b[0], 1));
	assert_false(exists(w->b[1], 1));
	pass(w, span_s(8));
	assert_nothing_left(w);
	finish(w);
}

static void it_comes_back(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	pass(w, span_ms(300));
	forget(w);
	come(w, 0);
	assert_events(w->b[0], "link-up node-seen handover-cancelled");
	assert_data(w->b[0], "handover1- tunnel- node1+");
	assert_state(w->b[0], 1, "registered");
	assert_false(exists(w->b[1], 1));
	assert_sub(w->b[0], 1, G, "active");
	pass(w, span_s(8));
	assert_nothing_left(w);
	finish(w);
}

/* On a link that shows no carrier its solicitation tells that it came anew, and so does its silence that ends. */
static void it_is_still_here(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	forget(w);
	join(w->b[0], 1, 1, H); /* that it sends means nothing yet: it is about to go */
	assert_true(view(w->b[0], 1).handing_over);
	pass(w, span_ms(600));
	join(w->b[0], 1, 1, SSM); /* nobody holds that long */
	assert_false(view(w->b[0], 1).handing_over);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	send_rs(w->b[0], 1, 1);
	assert_false(view(w->b[0], 1).handing_over);
	pass(w, span_s(2));
	assert_nothing_left(w);
	finish(w);
}

/* To a third gateway, unannounced: it is revoked at the first, and the second waits in vain. */
static void it_goes_elsewhere(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	come(w, 2);
	assert_state(w->b[2], 1, "registered");
	revoke(w, 0);
	assert_state(w->b[0], 1, "held");
	assert_state(w->b[1], 1, "expected");
	pass(w, span_s(6));
	assert_false(exists(w->b[0], 1));
	assert_false(exists(w->b[1], 1));
	assert_nothing_left(w);
	assert_state(w->b[2], 1, "registered");
	finish(w);
}

/* A, B, C, without a rest: each handover ends the one before. */
static void from_one_to_the_next(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		unsigned from = i % GATEWAYS, to = (i + 1) % GATEWAYS;
		char name[8];

		snprintf(name, sizeof(name), "mag%u", to + 1);
		assert_int_equal(hand_over(w, from, name), CTL_OK);
		leave_link(w, from);
		come(w, to);
		assert_state(w->b[to], 1, "registered");
		assert_sub(w->b[to], 1, G, "active");
		if (i % 2)
			revoke(w, from);
	}
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_state(w->b[0], 1, "registered");
	assert_false(exists(w->b[1], 1));
	assert_false(exists(w->b[2], 1));
	assert_sub(w->b[0], 1, G, "active");
	finish(w);
}

/* There and back before anybody was told that it was over. */
static void there_and_back(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	come(w, 1);
	assert_int_equal(hand_over(w, 1, "mag1"), CTL_OK);
	assert_state(w->b[0], 1, "expected");
	leave_link(w, 1);
	come(w, 0);
	assert_state(w->b[0], 1, "registered");
	assert_sub(w->b[0], 1, G, "active");
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_false(exists(w->b[1], 1));
	finish(w);
}

/* It is at the new gateway before that has heard of it. */
static void earlier_than_announced(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	come(w, 1);
	assert_state(w->b[1], 1, "registered");
	assert_false(has_sub(w->b[1], 1, G));
	forget(w);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_int_equal(sub(w->b[1], 1, G).origins, SUB_ORIGIN_CONTEXT);
	assert_data(w->b[1], "tunnel+ expect1+ ff1e::1+1 edge1=1");
	assert_events(w->b[0], "handover-started handover-ready");
	done(w, 1);
	assert_events(w->b[0], "handover-started handover-ready handover-completed node-moved-away group-left");
	revoke(w, 0);
	pass(w, span_s(10));
	assert_nothing_left(w);
	finish(w);
}

/* ---- the context ---- */

/* What the node then says counts, and nothing else. */
static void the_node_corrects_its_context(void **state)
{
	struct world *w = listening(NULL);
	struct bench *b = w->b[1];

	(void)state;
	join(w->b[0], 1, 1, H);
	join(w->b[0], 1, 1, "ff1e::3");
	pass(w, span_s(3));
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	come(w, 1);
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_CONTEXT);
	join(b, 1, 1, G);
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_MLD);
	leave(b, 1, 1, "ff1e::3"); /* it never reported it here */
	assert_false(has_sub(b, 1, "ff1e::3"));
	assert_int_equal(sub(b, 1, H).origins, SUB_ORIGIN_CONTEXT);
	pass(w, span_s(4)); /* it was asked, and did not name it */
	assert_false(has_sub(b, 1, H));
	assert_sub(b, 1, G, "active");
	finish(w);
}

/* A node that never reports, as where another kind of gateway did it for it, keeps them for the membership interval. */
static void a_silent_node_keeps_its_context(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	come(w, 1);
	pass(w, span_s(120));
	assert_sub(w->b[1], 1, G, "active");
	pass(w, span_s(12));
	assert_false(has_sub(w->b[1], 1, G));
	finish(w);
}

static void few_groups(struct mag_conf *conf) { conf->handover.groups_max = 1; }

static void more_groups_than_are_taken(void **state)
{
	struct world *w = listening(few_groups);

	(void)state;
	join(w->b[0], 1, 1, H);
	pass(w, span_s(3));
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_non_null(strstr(w->b[1]->said.s, "HAck(mn1 U c5 key -ff1e::2)"));
	assert_int_equal(counter(w->b[1], "limit-handover-groups"), 1);
	finish(w);
}

static void few_handovers(struct mag_conf *conf)
{
	conf->handover.handovers_max = 1;
	conf->handover.per_s = 2;
}

static void limits(void **state)
{
	struct world *w = listening(few_handovers);
	struct nai name = mn(1);

	(void)state;
	attach(w->b[0], 2);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	name = mn(2);
	assert_int_equal(mag_handover(w->b[0]->mag, w->b[0]->now, &name, "mag2"), CTL_LIMIT);
	name = mn(1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mag_handover_cancel(w->b[0]->mag, w->b[0]->now, &name), CTL_OK);
		settle(w);
		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	}
	assert_int_equal(counter(w->b[1], "limit-handover-rate"), 1);
	assert_non_null(strstr(w->b[0]->events.s, "handover-failed"));
	pass(w, span_s(10));
	assert_nothing_left(w);
	finish(w);
}

/* ---- the node comes first, and is fetched ---- */

static void come_from(struct world *w, unsigned i, const char *from)
{
	struct lladdr ll = mac(1);
	struct nai name = mn(1);

	link_up(w->b[i], 1);
	assert_int_equal(mag_attach_from(w->b[i]->mag, w->b[i]->now, 1, &ll, &name, 0, from), CTL_OK);
	settle(w);
}

static void reactive(void **state)
{
	struct world *w = listening(NULL);
	struct bench *b = w->b[1];
	struct lladdr ll = mac(1);

	(void)state;
	assert_int_equal(mag_attach_from(b->mag, b->now, 1, &ll, NULL, 0, "mag9"), CTL_NO_SUCH_MAG);
	b->lma_silent = true;
	w->b[0]->dead = true; /* it has left, and that gateway has not noticed */
	come_from(w, 1, "mag1");
	assert_said(w->b[0], "HAck(mn1 F c6 ff1e::1=EX{})");
	assert_data(w->b[0], "tunnel+ forward1+");
	assert_state(b, 1, "registering");
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_CONTEXT);
	assert_non_null(strstr(b->said.s, RA1)); /* by way of the old gateway, until the anchor has answered */
	assert_non_null(strstr(b->data.s, "expect1+"));
	assert_non_null(strstr(b->data.s, "node1+"));
	b->lma_silent = false;
	pass(w, span_s(1));
	assert_state(b, 1, "registered");
	revoke(w, 0);
	done(w, 1);
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_false(exists(w->b[0], 1));
	assert_sub(b, 1, G, "active");
	finish(w);
}

static void reactive_after_all_was_told(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	leave_link(w, 0); /* and is de-registered */
	come_from(w, 1, "mag1");
	assert_state(w->b[1], 1, "registered");
	assert_int_equal(sub(w->b[1], 1, G).origins, SUB_ORIGIN_CONTEXT);
	assert_non_null(strstr(w->b[1]->events.s, "handover-failed")); /* nothing is forwarded, but it is told what it had */
	pass(w, span_s(10));
	assert_nothing_left(w);
	come_from(w, 2, "mag1"); /* where nobody knows it any more */
	assert_state(w->b[2], 1, "registered");
	assert_false(has_sub(w->b[2], 1, G));
	finish(w);
}

/* ---- gateways come and go ---- */

static void a_gateway_stops(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct world *w = listening(NULL);

		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
		mag_stop(w->b[who]->mag, w->b[who]->now);
		settle(w);
		pass(w, span_s(2));
		assert_false(exists(w->b[1], 1));
		assert_int_equal(exists(w->b[0], 1), who == 1);
		assert_nothing_left(w);
		finish(w);
	}
}

/* It has lost all that it knew, and is asked to take what it had taken. */
static void the_new_gateway_begins_anew(void **state)
{
	struct world *w = listening(NULL);
	struct bench *b = w->b[1];

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	mag_free(b->mag);
	b->mag = mag_new(&b->conf, b->now, 77);
	leave_link(w, 0);
	come(w, 1);
	assert_state(b, 1, "registered");
	revoke(w, 0);
	pass(w, span_s(5));
	assert_false(exists(w->b[0], 1));
	assert_nothing_left(w);
	finish(w);
}

static void the_old_gateway_begins_anew(void **state)
{
	struct world *w = listening(NULL);
	struct bench *a = w->b[0];

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	mag_free(a->mag);
	a->mag = mag_new(&a->conf, a->now, 77);
	attach(a, 1); /* the node is still there */
	join(a, 1, 1, G);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	pass(w, span_s(2));
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_ALREADY);
	assert_state(w->b[1], 1, "expected");
	assert_true(view(a, 1).handing_over);
	finish(w);
}

static void a_candidate_goes(void **state)
{
	struct world *w = listening(NULL);
	struct mag_conf conf = w->b[0]->conf;

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	conf.n_candidates = 0;
	mag_reconf(w->b[0]->mag, w->b[0]->now, &conf);
	settle(w);
	assert_false(view(w->b[0], 1).handing_over);
	pass(w, span_s(6));
	assert_false(exists(w->b[1], 1));
	assert_nothing_left(w);
	finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictive),
		cmocka_unit_test(messages_get_lost),
		cmocka_unit_test(messages_come_twice),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(the_second_word_is_lost),
		cmocka_unit_test(refused),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(it_zaps_meanwhile),
		cmocka_unit_test(some_groups_are_refused),
		cmocka_unit_test(the_anchor_refuses_a_group),
		cmocka_unit_test(the_anchor_knows_nothing_of_it),
		cmocka_unit_test(the_anchor_is_silent),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(it_does_not_leave),
		cmocka_unit_test(it_comes_nowhere),
		cmocka_unit_test(it_comes_back),
		cmocka_unit_test(it_is_still_here),
		cmocka_unit_test(it_goes_elsewhere),
		cmocka_unit_test(from_one_to_the_next),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(earlier_than_announced),
		cmocka_unit_test(the_node_corrects_its_context),
		cmocka_unit_test(a_silent_node_keeps_its_context),
		cmocka_unit_test(more_groups_than_are_taken),
		cmocka_unit_test(limits),
		cmocka_unit_test(reactive),
		cmocka_unit_test(reactive_after_all_was_told),
		cmocka_unit_test(a_gateway_stops),
		cmocka_unit_test(the_new_gateway_begins_anew),
		cmocka_unit_test(the_old_gateway_begins_anew),
		cmocka_unit_test(a_candidate_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
