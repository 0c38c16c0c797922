/* SPDX-License-Identifier: BSD-2-Clause */
/* The old side of a handover: how it is begun, what changes while it forwards, and how it ends. */
#include "mag/handover_testing.h"

/* ---- it does not begin ---- */

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

/* Announced before the anchor has accepted it: begun as soon as it has, and not at all if it does not. */
static void it_is_still_registering(void **state)
{
	struct world *w = begin(NULL);
	struct bench *a = w->b[0];

	(void)state;
	a->lma_silent = true;
	come(w, 0);
	join(a, 1, 1, G);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_int_equal(hand_over(w, 0, "mag3"), CTL_ALREADY);
	assert_null(strstr(a->said.s, "HI("));
	a->lma_silent = false;
	pass(w, span_s(2));
	assert_state(a, 1, "registered");
	assert_non_null(strstr(a->events.s, "node-registered"));
	assert_non_null(strstr(a->events.s, "handover-started"));
	assert_non_null(strstr(a->events.s, "handover-ready"));
	assert_state(w->b[1], 1, "expected");
	finish(w);
}

static void it_is_not_registered(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct world *w = begin(NULL);
		struct bench *a = w->b[0];
		struct nai name = mn(1);

		a->lma_silent = true;
		come(w, 0);
		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
		assert_int_equal(handovers(w, 0), 1);
		if (way == 0) { /* the anchor refuses */
			a->lma_silent = false;
			a->status = MH_NOT_LMA_FOR_THIS_MOBILE_NODE;
			pass(w, span_s(2));
		} else if (way == 1) { /* it never answers */
			pass(w, span_s(6));
		} else if (way == 2) { /* the node goes */
			leave_link(w, 0);
		} else {
			assert_int_equal(mag_handover_cancel(a->mag, a->now, &name), CTL_OK);
			settle(w);
		}
		assert_non_null(strstr(a->events.s, way >= 2 ? "handover-cancelled" : "handover-failed"));
		assert_null(strstr(a->events.s, "handover-started"));
		assert_null(strstr(a->said.s, "HI("));
		assert_nothing_left(w);
		finish(w);
	}
}

/* ---- meanwhile ---- */

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

/* ---- more than one message holds ---- */

#define MANY 300
#define SOURCES 90 /* more than one message holds, too */

static void room_for_many(struct mag_conf *conf)
{
	conf->groups_per_node_max = conf->handover.groups_max = MANY + 20;
	conf->sources_per_group_max = 2 * SOURCES;
	conf->joins_per_s = conf->joins_burst = 10 * MANY;
}

static void join_many(struct bench *b)
{
	char name[24];

	for (unsigned i = 2; i <= MANY; i++) {
		snprintf(name, sizeof(name), "ff1e::%x", i);
		join(b, 1, 1, name);
	}
	for (unsigned i = 1; i <= SOURCES; i++) {
		snprintf(name, sizeof(name), "2001:db8:aa::%x", i);
		send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, name);
	}
}

static unsigned times(const char *in, const char *word)
{
	unsigned n = 0;

	for (const char *p = strstr(in, word); p; p = strstr(p + 1, word))
		n++;
	return n;
}

static void assert_has_many(struct bench *b)
{
	char name[24];

	for (unsigned i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "ff1e::%x", i);
		assert_true(has_sub(b, 1, name));
	}
	assert_int_equal(filter_count(sub(b, 1, SSM).filter), SOURCES);
}

/* Groups, and sources of one, for which one HI has no room: several, each of them answered, before anything is forwarded;
 * the anchor is asked likewise, and marks them all. However messages come. */
static void many_groups(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3; way++) {
		struct world *w = listening(room_for_many);

		join_many(w->b[0]);
		pass(w, span_s(3));
		forget(w);
		w->twice = way == 1;
		w->lose_every = way == 2 ? 3 : 0;
		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
		pass(w, span_s(3));
		assert_events(w->b[0], "handover-started handover-ready");
		assert_state(w->b[1], 1, "expected");
		assert_has_many(w->b[1]);
		assert_int_equal(times(w->b[1]->data.s, "edge1="), MANY + 1);
		assert_int_equal(counter(w->b[1], "handovers-unmarked"), 0);
		assert_int_equal(counter(w->b[0], "limit-handover-groups"), 0);
		assert_true(times(w->b[0]->said.s, "HI(mn1 U c0 key") > 3);
		finish(w);
	}
}

/* And when it changes while it is forwarded: what is said anew is all of it, when the last part has come. */
static void many_groups_change(void **state)
{
	struct world *w = listening(room_for_many);

	(void)state;
	join_many(w->b[0]);
	pass(w, span_s(3));
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	forget(w);
	leave(w->b[0], 1, 1, "ff1e::10");
	join(w->b[0], 1, 1, "ff1e::ffff");
	settle(w);
	assert_true(times(w->b[0]->said.s, "HI(mn1 F c0 key") > 3);
	assert_true(times(w->b[0]->said.s, "HI(mn1 F c3 key") >= 1);
	assert_true(has_sub(w->b[1], 1, "ff1e::ffff"));
	assert_false(has_sub(w->b[1], 1, "ff1e::10"));
	join(w->b[0], 1, 1, "ff1e::10");
	settle(w);
	assert_has_many(w->b[1]);
	assert_state(w->b[1], 1, "expected");
	assert_true(view(w->b[0], 1).handing_over);
	finish(w);
}

/* ---- its ends ---- */

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

static void soon(struct mag_conf *conf)
{
	conf->handover.after_leave = span_ms(500);
	conf->record_hold = span_s(0);
}

/* How long that is forwarded, and how long what it listened to is kept, are two settings. */
static void it_comes_nowhere_soon(void **state)
{
	struct world *w = listening(soon);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	forget(w);
	pass(w, span_ms(490));
	assert_said(w->b[0], "");
	pass(w, span_ms(20));
	assert_non_null(strstr(w->b[0]->said.s, "HI(mn1 c2 key)"));
	assert_non_null(strstr(w->b[0]->said.s, "life=0 S ff1e::1=EX{}"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(it_is_still_registering),
		cmocka_unit_test(it_is_not_registered),
		cmocka_unit_test(it_zaps_meanwhile),
		cmocka_unit_test(some_groups_are_refused),
		cmocka_unit_test(many_groups),
		cmocka_unit_test(many_groups_change),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(it_does_not_leave),
		cmocka_unit_test(it_comes_nowhere),
		cmocka_unit_test(it_comes_nowhere_soon),
		cmocka_unit_test(it_comes_back),
		cmocka_unit_test(it_is_still_here),
		cmocka_unit_test(it_goes_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
