/* SPDX-License-Identifier: BSD-2-Clause */
/* A node that was announced, and that the anchor has at another gateway by now: what is held of it, it has had there. */
#include "mag/handover_testing.h"

/* The anchor says so, by a revocation of what was expected. */
static void it_is_elsewhere(struct world *w, unsigned i)
{
	struct mh_msg m;

	mh_init(&m, MH_REVOCATION);
	m.revocation = MH_BRI;
	m.trigger = MH_BRI_HANDOVER_SAME_ATT;
	m.seq = 8;
	m.flags = MH_REVOCATION_P;
	m.has = MH_HAS_MN_ID | MH_HAS_MARK;
	m.mark = MH_MARK_JOIN;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	m.n_hnp = 1;
	m.hnp[0] = home(1);
	say(w->b[i], &m);
	settle(w);
}

static void what_is_held_is_dropped(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_state(w->b[1], 1, "expected");
	leave_link(w, 0);
	come(w, 2);
	forget(w);
	it_is_elsewhere(w, 1);
	assert_said(w->b[1], "BRA(0) MLD(TO_IN ff1e::1{})"); /* the old gateway hears of it from the anchor */
	assert_false(exists(w->b[1], 1));
	assert_int_equal(handovers(w, 1), 0);
	it_is_elsewhere(w, 1); /* the answer was lost */
	assert_false(exists(w->b[1], 1));
	come(w, 1); /* there it comes after all, as any node */
	assert_state(w->b[1], 1, "registered");
	revoke(w, 0);
	pass(w, span_s(6));
	assert_nothing_left(w);
	assert_state(w->b[1], 1, "registered");
	finish(w);
}

/* Late news of an earlier stay does not end what is expected, and late news of this kind not what is there. */
static void late_news(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	forget(w);
	revoke(w, 1);
	assert_said(w->b[1], "BRA(128)");
	assert_state(w->b[1], 1, "expected");
	leave_link(w, 0);
	come(w, 1);
	assert_state(w->b[1], 1, "registered");
	forget(w);
	it_is_elsewhere(w, 1);
	assert_non_null(strstr(w->b[1]->said.s, "BRA(132)")); /* it was asked */
	assert_state(w->b[1], 1, "registered");
	assert_int_equal(handovers(w, 1), 1);
	done(w, 1);
	pass(w, span_s(6));
	assert_nothing_left(w);
	finish(w);
}

/* The other gateway did not see it go on, and takes it for its own: here it is all the same, and says nothing. */
static void it_is_here_again(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	come(w, 1);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK); /* which has it already */
	forget(w);
	done(w, 1);
	assert_non_null(strstr(w->b[0]->events.s, "node-moved-away"));
	assert_state(w->b[0], 1, "registered"); /* it answered */
	assert_sub(w->b[0], 1, G, "active");
	revoke(w, 1);
	pass(w, span_s(6));
	assert_nothing_left(w);
	assert_state(w->b[0], 1, "registered");
	finish(w);
}

static void ask(struct world *w, unsigned i, uint8_t seq)
{
	struct mh_msg m;

	mh_init(&m, MH_SUBSCRIPTION_QUERY);
	m.seq = seq;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	say(w->b[i], &m);
	settle(w);
}

/* Where it is expected again it was served until now: the anchor may ask there for what nobody else has. */
static void what_it_listened_to_is_kept(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	come(w, 1);
	w->b[0]->dead = true;
	w->n_lost = 1; /* that it is over */
	assert_int_equal(hand_over(w, 1, "mag1"), CTL_OK);
	assert_state(w->b[0], 1, "expected");
	forget(w);
	ask(w, 0, 5);
	assert_said(w->b[0], "SR(5 mn1 I known ff1e::1=EX{})");
	finish(w);
}

/* What came along with it was late: it had left by then. */
static void what_came_late_is_told(void **state)
{
	struct world *w = begin(NULL);
	const char *groups[] = {G, NULL};
	struct mh_msg m;

	(void)state;
	w->anchor_silent = w->b[0]->asks_back = true;
	attach(w->b[0], 1);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	m.seq = w->b[0]->query_seq;
	m.flags = MH_SUBSCRIPTION_I;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	put_context(&m, groups, 2, NULL);
	say(w->b[0], &m);
	settle(w);
	forget(w);
	ask(w, 0, 5);
	assert_non_null(strstr(w->b[0]->said.s, "SR(5 mn1 I known ff1e::1=EX{})"));
	finish(w);
}

static void held_for_long(struct mag_conf *conf) { conf->handover.buffer_age = span_s(5); }

/* It is back, by a word of its own, while what went on from here has not ended; and is announced to be back then. */
static void it_is_back_before_it_is_announced(void **state)
{
	struct world *w = listening(held_for_long);
	struct in6_addr self = addr("fe80::1001");

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	come(w, 1);
	w->b[0]->dead = true; /* nobody saw it go, but there it answers no more */
	revoke(w, 0);
	pass(w, span_s(1));
	assert_state(w->b[0], 1, "held");
	assert_int_equal(handovers(w, 0), 1);
	w->b[0]->lma_silent = true;
	send_nd(w->b[0], 1, 1, ND_NS, self);
	settle(w);
	assert_state(w->b[0], 1, "registering");
	assert_int_equal(handovers(w, 0), 0);
	assert_int_equal(hand_over(w, 1, "mag1"), CTL_OK);
	assert_state(w->b[0], 1, "registering");
	w->b[0]->lma_silent = false;
	pass(w, span_s(2));
	assert_state(w->b[0], 1, "registered");
	revoke(w, 1);
	pass(w, span_s(6));
	assert_nothing_left(w);
	assert_state(w->b[0], 1, "registered");
	finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_is_dropped),
		cmocka_unit_test(late_news),
		cmocka_unit_test(it_is_here_again),
		cmocka_unit_test(it_is_back_before_it_is_announced),
		cmocka_unit_test(what_it_listened_to_is_kept),
		cmocka_unit_test(what_came_late_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
