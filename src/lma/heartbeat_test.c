/* SPDX-License-Identifier: BSD-2-Clause */
/* Heartbeat (RFC 5847), and what follows of it. */
#include "lma/testing.h"

#define G "ff1e::1"

static struct rig *begin(void)
{
	struct rig *r = rig_conf();

	r->conf.heartbeat_interval = span_s(60);
	r->conf.lifetime_max = span_s(4000);
	rig_start(r);
	return r;
}

static struct prefix bound(struct rig *r, unsigned mag, const char *mn, uint8_t llid)
{
	struct mh_msg *m = rig_pbu(r, mn, llid);

	m->lifetime_4s = 1000;
	assert_int_equal(rig_status(r, mag, m), MH_ACCEPTED);
	return rig_last(r, MH_BA)->m.hnp[0];
}

static void answer(struct rig *r, unsigned mag, uint16_t flags, uint32_t seq, uint32_t counter)
{
	struct mh_msg m;

	mh_init(&m, MH_HEARTBEAT);
	m.flags = flags;
	m.heartbeat_seq = seq;
	m.has = MH_HAS_RESTART_COUNTER;
	m.restart_counter = counter;
	rig_send(r, mag, &m);
}

static uint32_t asked(const struct rig *r)
{
	const struct rig_sent *s = rig_last(r, MH_HEARTBEAT);

	assert_non_null(s);
	assert_int_equal(s->m.flags, 0);
	return s->m.heartbeat_seq;
}

/* mn1 is bound at the first MAG, which has told its counter. */
static struct rig *known(struct prefix *p)
{
	struct rig *r = begin();

	*p = bound(r, 0, "mn1@example.com", 1);
	rig_pass(r, span_ms(1100));
	answer(r, 0, MH_HEARTBEAT_R, asked(r), 7);
	rig_forget(r);
	return r;
}

static void asks_whoever_has_bindings(void **state)
{
	struct prefix p;
	struct rig *r = known(&p);
	uint32_t before;

	(void)state;
	rig_pass(r, span_s(59));
	assert_int_equal(rig_count(r, MH_HEARTBEAT), 0);
	rig_pass(r, span_s(1));
	before = asked(r);
	answer(r, 0, MH_HEARTBEAT_R, before, 7);
	rig_pass(r, span_s(60));
	assert_int_equal(asked(r), before + 1);
	answer(r, 0, MH_HEARTBEAT_R, before + 1, 7);
	rig_forget(r);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	m->lifetime_4s = 0;
	rig_status(r, 0, m);
	rig_pass(r, span_s(600));
	assert_int_equal(rig_count(r, MH_HEARTBEAT), 0);
	rig_free(r);
}

static void a_restarted_mag_has_no_bindings(void **state)
{
	struct prefix p, again;
	struct rig *r = known(&p);

	(void)state;
	bound(r, 1, "mn2@example.com", 2);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	assert_true(rig_copies(r, "2001:db8:aa::1", G, 0));
	assert_int_equal(rig_route(r, &p), 0);
	rig_pass(r, span_s(61));
	answer(r, 0, MH_HEARTBEAT_R, asked(r), 7);
	rig_forget(r);
	answer(r, 0, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 8);
	assert_int_equal(r->n_events[EV_PEER_RESTARTED], 1);
	assert_int_equal(rig_route(r, &p), -1);
	assert_false(rig_copies(r, "2001:db8:aa::1", G, 0));
	assert_true(rig_is_at(r, "mn2@example.com", &r->mag[1])); /* of the others nothing ends */
	assert_int_equal(rig_binding(r, "mn2@example.com").state, LMA_BINDING_ACTIVE);
	rig_pass(r, span_s(2));
	assert_true(r->n_queries > 0); /* it is asked what it wants now */
	again = bound(r, 0, "mn1@example.com", 1);
	assert_true(prefix_eq(&p, &again)); /* who is there again has what it had */
	assert_int_equal(rig_route(r, &p), 0);
	rig_free(r);
}

/* The news overtakes them, or does not. */
static void registrations_after_the_restart_stand(void **state)
{
	struct prefix p, p2;
	struct rig *r = known(&p);
	struct mh_msg *m;

	(void)state;
	bound(r, 0, "mn2@example.com", 2);
	bound(r, 0, "mn3@example.com", 3);
	rig_pass(r, span_s(61));
	answer(r, 0, MH_HEARTBEAT_R, asked(r), 7);
	p2 = bound(r, 0, "mn2@example.com", 2);
	m = rig_pbu(r, "mn3@example.com", 3);
	m->handoff = MH_HANDOFF_REREGISTRATION; /* only of what there was */
	m->lifetime_4s = 1000;
	rig_status(r, 0, m);
	answer(r, 0, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 8);
	assert_int_equal(rig_binding(r, "mn1@example.com").state, LMA_BINDING_DELAYED_DELETE);
	assert_int_equal(rig_binding(r, "mn2@example.com").state, LMA_BINDING_ACTIVE);
	assert_int_equal(rig_binding(r, "mn3@example.com").state, LMA_BINDING_DELAYED_DELETE);
	assert_int_equal(rig_route(r, &p2), 0);
	rig_free(r);
}

static void a_dead_mag_and_its_return(void **state)
{
	struct prefix p;
	struct rig *r = known(&p);
	struct mh_msg m;

	(void)state;
	rig_pass(r, span_s(270));
	assert_int_equal(r->n_events[EV_PEER_DOWN], 0); /* three may be missed */
	assert_int_equal(rig_route(r, &p), 0);
	rig_pass(r, span_s(32));
	assert_int_equal(r->n_events[EV_PEER_DOWN], 1);
	assert_int_equal(rig_route(r, &p), -1);
	assert_int_equal(r->n_events[EV_BINDING_DEREGISTERED], 1);
	assert_int_equal(r->n_events[EV_BINDING_DELETED], 0);
	rig_pass(r, span_s(300));
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	assert_int_equal(r->n_events[EV_BINDING_DELETED], 1);
	rig_forget(r);
	/* It lived all the while and lost nothing: it is told to register all it has. */
	mh_init(&m, MH_HEARTBEAT);
	rig_send(r, 0, &m);
	assert_non_null(rig_last(r, MH_UPN));
	assert_int_equal(rig_last(r, MH_UPN)->m.reason, MH_UPN_FORCE_REREGISTRATION);
	assert_true(rig_last(r, MH_UPN)->m.has & MH_HAS_GROUP_ID);
	assert_int_equal(r->n_events[EV_PEER_UP], 1);
	rig_pass(r, span_s(600));
	assert_int_equal(lma_totals(r->lma).peers, 0);
	rig_free(r);
}

/* Not judged by what it never said; and the lifetimes end its bindings anyway. */
static void one_that_never_answers(void **state)
{
	struct rig *r = begin();
	struct prefix p = bound(r, 0, "mn1@example.com", 1);

	(void)state;
	rig_forget(r);
	rig_pass(r, span_s(600));
	assert_in_range(rig_count(r, MH_HEARTBEAT), 13, 15); /* five within seconds, then each minute */
	assert_int_equal(rig_route(r, &p), 0);
	rig_free(r);
}

static void one_that_knows_no_heartbeat(void **state)
{
	struct rig *r = begin();
	struct mh_msg m;

	(void)state;
	bound(r, 0, "mn1@example.com", 1);
	rig_pass(r, span_ms(1100));
	rig_forget(r);
	mh_init(&m, MH_BE);
	m.status = MH_BE_UNKNOWN_TYPE;
	rig_send(r, 0, &m);
	rig_pass(r, span_s(600));
	assert_int_equal(rig_count(r, MH_HEARTBEAT), 0);
	rig_free(r);
}

static void answers_that_match_nothing(void **state)
{
	struct prefix p;
	struct rig *r = known(&p);

	(void)state;
	answer(r, 0, MH_HEARTBEAT_R, 1, 9);
	answer(r, 0, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 6); /* of before */
	answer(r, 1, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 6); /* nobody is bound there */
	assert_int_equal(rig_counter(r, "heartbeat-responses-ignored"), 3);
	assert_int_equal(rig_route(r, &p), 0);
	rig_free(r);
}

static void reload_changes_the_interval(void **state)
{
	struct prefix p;
	struct rig *r = known(&p);

	(void)state;
	r->conf.heartbeat_interval = span_s(0);
	lma_reconf(r->lma, r->now, &r->conf);
	rig_pass(r, span_s(600));
	assert_int_equal(rig_count(r, MH_HEARTBEAT), 0);
	r->conf.heartbeat_interval = span_s(10);
	lma_reconf(r->lma, r->now, &r->conf);
	rig_pass(r, span_s(2));
	answer(r, 0, MH_HEARTBEAT_R, asked(r), 7);
	rig_forget(r);
	rig_pass(r, span_s(10));
	assert_int_equal(rig_count(r, MH_HEARTBEAT), 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_whoever_has_bindings),
		cmocka_unit_test(a_restarted_mag_has_no_bindings),
		cmocka_unit_test(registrations_after_the_restart_stand),
		cmocka_unit_test(a_dead_mag_and_its_return),
		cmocka_unit_test(one_that_never_answers),
		cmocka_unit_test(one_that_knows_no_heartbeat),
		cmocka_unit_test(answers_that_match_nothing),
		cmocka_unit_test(reload_changes_the_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
