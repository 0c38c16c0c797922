/* SPDX-License-Identifier: BSD-2-Clause */
/* What another gateway can do to this one, and what it cannot: it is played, and misbehaves. */
#include "mag/testing.h"

#define PEER  addr("2001:db8:2::1")
#define OTHER addr("2001:db8:3::1")

static void candidates(struct mag_conf *conf)
{
	static const char names[2][8] = {"mag2", "mag3"};

	for (unsigned i = 0; i < 2; i++) {
		struct mag_candidate *c = &conf->candidates[conf->n_candidates++];

		strcpy(c->name, names[i]);
		c->address = i ? OTHER : PEER;
		c->context = true;
	}
	conf->nud_interval = span_s(0);
	conf->attach_queries = 1;
}

static struct mh_msg message(enum mh_type type, uint16_t seq, uint8_t code)
{
	struct mh_msg m;

	mh_init(&m, type);
	m.seq = seq;
	m.flags = type == MH_HI ? MH_HI_P : MH_HACK_P;
	m.status = code;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	return m;
}

/* It hands mn1 over to us; the address that it names is node n's. */
static void announce_with(struct bench *b, uint16_t seq, unsigned n, struct prefix prefix)
{
	struct mh_msg m = message(MH_HI, seq, MH_HI_DEFAULT);

	m.flags |= MH_HI_U;
	m.has |= MH_HAS_LMA_ADDRESS | MH_HAS_LLID;
	m.lma_address = LMA;
	m.llid = mac(n);
	m.n_hnp = 1;
	m.hnp[0] = prefix;
	recv_mh(b, PEER, &m);
}

static void announce(struct bench *b, uint16_t seq, unsigned n) { announce_with(b, seq, n, home(1)); }

/* It says that mn1 is there. */
static void request(struct bench *b, uint16_t seq)
{
	struct mh_msg m = message(MH_HI, seq, MH_HI_DEFAULT);

	m.flags |= MH_HI_F;
	m.has |= MH_HAS_CONTEXT_REQUEST | MH_HAS_MARK;
	m.context_request[m.n_context_request++].type = 22;
	m.mark = MH_MARK_KEY;
	m.key = 5;
	m.has |= MH_HAS_CAPABILITIES;
	m.capabilities.features = MH_FEATURE_MULTICAST_MOBILITY;
	recv_mh(b, PEER, &m);
}

/* Without a word of what is wanted, and of its capabilities (RFC 5949, RFC 7411). */
static void request_plainly(struct bench *b, uint16_t seq, uint16_t flags)
{
	struct mh_msg m = message(MH_HI, seq, MH_HI_DEFAULT);

	m.flags |= flags;
	recv_mh(b, PEER, &m);
}

static uint32_t handovers(const struct bench *b) { return mag_totals(b->mag).handovers; }

/* It is known for as long as its last handover ends, but begins none in that time. */
static void a_former_candidate_begins_nothing(void **state)
{
	struct bench *b = begin_with(candidates);
	struct mag_conf conf = b->conf;

	(void)state;
	announce(b, 1, 1);
	assert_state(b, 1, "expected");
	conf.candidates[0] = conf.candidates[1];
	conf.n_candidates = 1;
	mag_reconf(b->mag, b->now, &conf);
	bench_drain(b);
	assert_false(exists(b, 1));
	assert_int_equal(handovers(b), 1); /* it is told, and has not answered */
	bench_forget(b);
	announce(b, 2000, 1);
	request(b, 2001);
	assert_said(b, "HAck(mn1 U c129) HAck(mn1 F c129)");
	assert_false(exists(b, 1));
	wait_for(b, span_s(2));
	assert_int_equal(handovers(b), 0);
	bench_end(b);
}

/* Nor is it asked, if it was one when the node was seen. */
static void a_former_candidate_is_not_asked(void **state)
{
	(void)state;
	for (int off = 0; off < 2; off++) {
		struct bench *b = begin_with(candidates);
		struct mag_conf conf = b->conf;
		struct lladdr ll = mac(2);
		struct nai name = mn(2);

		announce(b, 1, 1);
		link_up(b, 2);
		assert_int_equal(mag_attach_from(b->mag, b->now, 2, &ll, &name, 0, "mag2"), CTL_OK);
		conf.candidates[0] = conf.candidates[off ? 0 : 1];
		conf.n_candidates = 1;
		conf.handover.enabled = !off;
		mag_reconf(b->mag, b->now, &conf);
		bench_forget(b);
		bench_drain(b); /* the store answers */
		assert_state(b, 2, "registered");
		assert_null(strstr(b->said.s, "HI(mn2"));
		bench_end(b);
	}
}

/* The packets of a node that is here stay its own, whatever prefix another one is said to have. */
static void a_prefix_of_a_node_that_is_here(void **state)
{
	struct bench *b = begin_with(candidates);
	struct prefix wide = home(2);

	(void)state;
	attach(b, 2);
	bench_forget(b);
	announce_with(b, 1, 1, home(2));
	assert_said(b, "HAck(mn1 U c129)");
	assert_false(exists(b, 1));
	wide.len = 48;
	announce_with(b, 2000, 1, wide);
	assert_false(exists(b, 1));
	announce(b, 4000, 1);
	assert_state(b, 1, "expected");
	bench_end(b);
}

static uint16_t asked; /* number of the last HI */

static void note_hi(struct bench *b, const struct fx *fx, const struct mh_msg *m)
{
	(void)b;
	(void)fx;
	if (m->type == MH_HI)
		asked = m->seq;
}

/* Nor where it is asked for the node, which has come unannounced. */
static void a_prefix_of_another_node_in_the_answer(void **state)
{
	struct bench *b = begin_with(candidates);
	struct lladdr ll = mac(1);
	struct nai name = mn(1);
	struct mh_msg m;

	(void)state;
	attach(b, 2);
	b->lma_silent = true;
	b->carry = note_hi;
	link_up(b, 1);
	assert_int_equal(mag_attach_from(b->mag, b->now, 1, &ll, &name, 0, "mag2"), CTL_OK);
	bench_drain(b);
	bench_forget(b);
	m = message(MH_HACK, asked, MH_HACK_CONTEXT_COMPLETE);
	m.flags |= MH_HACK_F;
	m.has |= MH_HAS_LMA_ADDRESS;
	m.lma_address = LMA;
	m.n_hnp = 1;
	m.hnp[0] = home(2);
	recv_mh(b, PEER, &m);
	assert_data(b, "");
	assert_non_null(strstr(b->events.s, "handover-failed"));
	assert_state(b, 1, "registering");
	b->lma_silent = false;
	wait_for(b, span_s(2));
	assert_true(prefix_eq(&view(b, 1).prefixes[0], &(struct prefix){home(1).addr, 64}));
	bench_end(b);
}

/* Nor where the other node came between the announcement and the node that was announced. */
static void a_prefix_whose_node_has_come_since(void **state)
{
	struct bench *b = begin_with(candidates);

	(void)state;
	announce_with(b, 1, 1, home(2));
	assert_state(b, 1, "expected");
	attach(b, 2);
	b->lma_silent = true;
	bench_forget(b);
	link_up(b, 1);
	send_rs(b, 1, 1);
	assert_state(b, 1, "registering");
	assert_int_equal(view(b, 1).n_prefixes, 0);
	assert_null(strstr(b->said.s, "RA(2001:db8:f00:2::/64 3600)"));
	b->lma_silent = false;
	wait_for(b, span_s(2));
	assert_state(b, 1, "registered");
	assert_true(prefix_eq(&view(b, 1).prefixes[0], &(struct prefix){home(1).addr, 64}));
	bench_end(b);
}

/* It need not go so far as to fill the table: each new request leaves the end of the one before to be told. */
static void requests_are_limited(void **state)
{
	struct bench *b = begin_with(candidates);
	struct mag_conf conf = b->conf;

	(void)state;
	conf.handover.per_s = 3;
	mag_reconf(b->mag, b->now, &conf);
	attach(b, 1);
	for (uint16_t i = 0; i < 20; i++)
		request(b, i);
	assert_int_equal(counter(b, "limit-handover-rate"), 17);
	assert_int_equal(handovers(b), 3);
	bench_forget(b);
	request(b, 2); /* said again, and answered again */
	assert_said(b, "HAck(mn1 F c6)");
	request(b, 20);
	assert_said(b, "HAck(mn1 F c6) HAck(mn1 F c130)");
	wait_for(b, span_s(5));
	assert_int_equal(handovers(b), 0);
	bench_end(b);
}

/* The policy store knows whose address it is. */
static void the_address_of_another_node(void **state)
{
	struct bench *b = begin_with(candidates);

	(void)state;
	announce(b, 1, 2);
	assert_state(b, 1, "expected");
	attach(b, 2);
	assert_state(b, 1, "expected");
	assert_state(b, 2, "registered");
	link_up(b, 1);
	send_rs(b, 1, 1); /* the store is asked who that is */
	assert_state(b, 1, "registered");
	assert_non_null(strstr(b->events.s, "handover-arrived"));
	bench_end(b);
}

/* Which prefixes are the node's is the anchor's word: until that comes the other gateway's counts. */
static void a_prefix_that_is_not_the_nodes(void **state)
{
	struct bench *b = begin_with(candidates);
	struct mh_msg m;

	(void)state;
	b->lma_silent = true;
	announce_with(b, 1, 1, home(5));
	link_up(b, 1);
	send_rs(b, 1, 1);
	assert_state(b, 1, "registering");
	assert_non_null(strstr(b->said.s, "RA(2001:db8:f00:5::/64 3600)"));
	mh_init(&m, MH_BA);
	m.flags = MH_BA_P;
	m.status = MH_NOT_AUTHORIZED_FOR_HNP;
	m.seq = b->pbu.seq;
	m.has = b->pbu.has &
		(MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP | MH_HAS_LINK_LOCAL);
	m.mn_id_subtype = b->pbu.mn_id_subtype;
	m.mn_id = b->pbu.mn_id;
	m.handoff = b->pbu.handoff;
	m.att = b->pbu.att;
	m.llid = b->pbu.llid;
	m.timestamp = b->pbu.timestamp;
	m.n_hnp = b->pbu.n_hnp;
	memcpy(m.hnp, b->pbu.hnp, sizeof(m.hnp));
	b->lma_silent = false;
	bench_forget(b);
	recv_mh(b, LMA, &m);
	wait_for(b, span_ms(1));
	assert_state(b, 1, "registered");
	assert_int_equal(view(b, 1).n_prefixes, 1);
	assert_true(prefix_eq(&view(b, 1).prefixes[0], &(struct prefix){home(1).addr, 64}));
	assert_non_null(strstr(b->said.s, "RA(2001:db8:f00:5::/64 0"));
	assert_non_null(strstr(b->said.s, RA1));
	bench_end(b);
}

/* A store that knows names alone has no word on addresses. */
static void an_address_that_the_store_does_not_know(void **state)
{
	struct bench *b = begin_with(candidates);

	(void)state;
	b->profile[1]->n_lladdrs = 0;
	announce(b, 1, 1);
	link_up(b, 1);
	send_rs(b, 1, 1);
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* What could not be had has failed, and is not told as done. */
static void it_does_not_answer(void **state)
{
	struct bench *b = begin_with(candidates);
	struct lladdr ll = mac(1);
	struct nai name = mn(1);

	(void)state;
	link_up(b, 1);
	assert_int_equal(mag_attach_from(b->mag, b->now, 1, &ll, &name, 0, "mag2"), CTL_OK);
	wait_for(b, span_s(5));
	assert_state(b, 1, "registered");
	assert_non_null(strstr(b->events.s, "handover-failed"));
	assert_int_equal(counter(b, "handovers-failed"), 1);
	assert_int_equal(counter(b, "handovers-completed"), 0);
	assert_int_equal(handovers(b), 0);
	bench_end(b);
}

/* Whoever waits for the end of a handover hears of it, whatever ends it. */
static void each_ends_with_an_event(void **state)
{
	struct bench *b = begin_with(candidates);
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	assert_int_equal(mag_handover(b->mag, b->now, &name, "mag2"), CTL_OK);
	bench_drain(b);
	bench_forget(b);
	b->profile[1]->enabled = false;
	b->profile[1]->version++;
	mag_profile_changed(b->mag, b->now, &name, b->profile[1]);
	bench_drain(b);
	assert_non_null(strstr(b->events.s, "handover-cancelled"));
	assert_int_equal(counter(b, "handovers-cancelled"), 1);
	wait_for(b, span_s(2));
	assert_int_equal(handovers(b), 0);
	bench_end(b);
}

static void of_another_one_at_the_same_time(void **state)
{
	struct bench *b = begin_with(candidates);
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	assert_int_equal(mag_handover(b->mag, b->now, &name, "mag3"), CTL_OK);
	bench_drain(b);
	bench_forget(b);
	request(b, 1); /* it has gone elsewhere */
	assert_string_equal(b->events.s, "handover-cancelled handover-ready");
	bench_end(b);
}

static void one_that_announces_nothing(void **state)
{
	struct bench *b = begin_with(candidates);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	request_plainly(b, 1, MH_HI_F);
	assert_said(b, "HAck(mn1 F c6 ff1e::1=EX{})");
	assert_non_null(strstr(b->data.s, "forward1+"));
	wait_for(b, span_s(5));
	/* It has left since, and is remembered for a while. */
	link_up(b, 1);
	send_rs(b, 1, 1);
	join(b, 1, 1, G);
	link_down(b, 1);
	bench_drain(b);
	bench_forget(b);
	request_plainly(b, 2, MH_HI_F);
	request_plainly(b, 3, 0);
	request(b, 4);
	assert_string_equal(b->said.s, "HAck(mn1 F c132 ff1e::1=EX{}) HAck(mn1 c6 ff1e::1=EX{}) "
				       "HAck(mn1 F c132 ff1e::1=EX{})");
	wait_for(b, span_s(5));
	bench_forget(b);
	request_plainly(b, 5, MH_HI_F);
	assert_said(b, "HAck(mn1 F c131)");
	assert_int_equal(handovers(b), 0);
	bench_end(b);
}

static void many_groups(struct mag_conf *conf)
{
	candidates(conf);
	conf->joins_per_s = conf->joins_burst = 1000;
	conf->groups_per_node_max = 200;
}

/* RFC 5949 6.1.2: 6 is "all", 5 that there is more. */
static void the_answer_tells_whether_that_is_all(void **state)
{
	struct bench *b = begin_with(many_groups);

	(void)state;
	attach(b, 1);
	for (unsigned i = 0; i < 60; i++) {
		char group[24];

		snprintf(group, sizeof(group), "ff1e::1:%x", i + 1);
		join(b, 1, 1, group);
	}
	bench_forget(b);
	request(b, 1);
	assert_non_null(strstr(b->said.s, "HAck(mn1 F c5 "));
	assert_non_null(strstr(b->said.s, " more)"));
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_former_candidate_begins_nothing),
		cmocka_unit_test(a_former_candidate_is_not_asked),
		cmocka_unit_test(requests_are_limited),
		cmocka_unit_test(the_address_of_another_node),
		cmocka_unit_test(a_prefix_that_is_not_the_nodes),
		cmocka_unit_test(a_prefix_of_a_node_that_is_here),
		cmocka_unit_test(a_prefix_of_another_node_in_the_answer),
		cmocka_unit_test(a_prefix_whose_node_has_come_since),
		cmocka_unit_test(an_address_that_the_store_does_not_know),
		cmocka_unit_test(it_does_not_answer),
		cmocka_unit_test(each_ends_with_an_event),
		cmocka_unit_test(of_another_one_at_the_same_time),
		cmocka_unit_test(one_that_announces_nothing),
		cmocka_unit_test(the_answer_tells_whether_that_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
