/* SPDX-License-Identifier: BSD-2-Clause */
/* The new side of a handover: what it asks of the anchor, what it does with the context, and a node that comes first. */
#include "mag/handover_testing.h"

/* ---- the anchor ---- */

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

/* ---- the node, and its context ---- */

/* It is at the new gateway before that has heard of it. */
static void earlier_than_announced(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	come(w, 1);
	w->b[0]->dead = true; /* nobody saw it go, but there it answers no more */
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

/* Each with its own reason. */
static void some_are_denied_and_some_are_too_many(void **state)
{
	struct world *w = listening(NULL);
	struct prefix denied = {.addr = addr(G), .len = 128};

	(void)state;
	join(w->b[0], 1, 1, H);
	join(w->b[0], 1, 1, "ff1e::3");
	pass(w, span_s(3));
	assert_true(profile_add_range(w->b[1]->profile[1], true, &denied, NULL));
	w->b[1]->profile[1]->groups_max = 1;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_non_null(strstr(w->b[1]->said.s, "HAck(mn1 U c5 key -ff1e::1 -ff1e::3:unsupported)"));
	assert_false(has_sub(w->b[1], 1, G) && sub(w->b[1], 1, G).state == MAG_SUB_ACTIVE);
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
	assert_non_null(strstr(w->b[1]->said.s, "HAck(mn1 U c5 key -ff1e::2:unsupported)"));
	assert_int_equal(counter(w->b[1], "limit-handover-groups"), 1);
	finish(w);
}

/* ---- the node comes first, and is fetched ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_anchor_refuses_a_group),
		cmocka_unit_test(the_anchor_knows_nothing_of_it),
		cmocka_unit_test(the_anchor_is_silent),
		cmocka_unit_test(earlier_than_announced),
		cmocka_unit_test(the_node_corrects_its_context),
		cmocka_unit_test(a_silent_node_keeps_its_context),
		cmocka_unit_test(some_are_denied_and_some_are_too_many),
		cmocka_unit_test(more_groups_than_are_taken),
		cmocka_unit_test(reactive),
		cmocka_unit_test(reactive_after_all_was_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
