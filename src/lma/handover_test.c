/* SPDX-License-Identifier: BSD-2-Clause */
/* A binding moves: revocation at the old MAG (RFC 5846), and the node that does not say whether it moved (decision 14).
 */
#include "lma/testing.h"

static void answer_bri(struct rig *r, unsigned mag, uint16_t seq, uint8_t status)
{
	struct mh_msg m;

	mh_init(&m, MH_REVOCATION);
	m.revocation = 2;
	m.status = status;
	m.seq = seq;
	m.flags = 0x8000;
	rig_send(r, mag, &m);
}

static struct mh_msg *handover(struct rig *r, const char *mn, uint8_t llid, uint8_t hi)
{
	struct mh_msg *m = rig_pbu(r, mn, llid);

	m->handoff = hi;
	return m;
}

static void the_old_mag_is_told_until_it_answers(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	const struct rig_sent *bri;
	uint16_t seq;

	(void)state;
	assert_int_equal(rig_status(r, 1, handover(r, "mn1@example.com", 1, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &p), 1);
	assert_int_equal(r->n_events[EV_BINDING_MOVED], 1);
	assert_true(addr_eq(&r->event[EV_BINDING_MOVED].old_peer, &r->mag[0]));
	assert_true(addr_eq(&r->event[EV_BINDING_MOVED].peer, &r->mag[1]));
	bri = rig_last(r, MH_REVOCATION);
	assert_non_null(bri);
	assert_true(addr_eq(&bri->dst, &r->mag[0]));
	assert_int_equal(bri->m.revocation, 1);
	assert_int_equal(bri->m.trigger, 2);
	assert_int_equal(bri->m.flags, 0x8000);
	assert_string_equal(bri->m.mn_id.s, "mn1@example.com");
	assert_int_equal(bri->m.n_hnp, 1);
	assert_true(prefix_eq(&bri->m.hnp[0], &p));
	seq = bri->m.seq;

	rig_forget(r);
	rig_pass(r, span_ms(1100));
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.seq, seq);
	answer_bri(r, 1, seq, 0); /* not the one that was asked */
	assert_int_equal(rig_counter(r, "bra-unknown"), 1);
	answer_bri(r, 0, seq, 0);
	assert_int_equal(r->n_events[EV_BINDING_REVOKED], 1);
	assert_int_equal(r->event[EV_BINDING_REVOKED].status, 0);
	rig_forget(r);
	rig_pass(r, span_s(20));
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_int_equal(r->n_tunnels, 1); /* the old MAG has nothing left */
	assert_int_equal(rig_route(r, &p), 1);
	rig_free(r);
}

static void triggers_tell_the_kind_of_handover(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m;

	(void)state;
	rig_register(r, 0, "mn1@example.com", 1);
	m = handover(r, "mn1@example.com", 2, MH_HANDOFF_BETWEEN_INTERFACES);
	m->att = MH_ATT_WLAN;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 3);
	m = handover(r, "mn1@example.com", 2, MH_HANDOFF_UNKNOWN);
	m->att = MH_ATT_WLAN;
	assert_int_equal(rig_status(r, 2, m), MH_ACCEPTED); /* known by its link-layer identifier */
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 4);
	rig_free(r);
}

static void a_mag_that_is_silent_is_given_up(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_register(r, 0, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	rig_forget(r);
	rig_pass(r, span_s(10));
	assert_int_equal(rig_count(r, MH_REVOCATION), 1); /* BRIMaxRetriesNumber */
	assert_int_equal(rig_counter(r, "bri-given-up"), 1);
	assert_int_equal(r->event[EV_BINDING_REVOKED].status, -1);
	rig_free(r);
}

static void a_mag_without_revocation_is_not_asked_again(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg be;

	(void)state;
	rig_register(r, 0, "mn0@example.com", 9); /* keeps the peer */
	rig_register(r, 0, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	mh_init(&be, MH_BE);
	be.status = 2;
	rig_send(r, 0, &be);
	rig_register(r, 0, "mn2@example.com", 2);
	rig_forget(r);
	rig_send(r, 1, rig_pbu(r, "mn2@example.com", 2));
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	rig_pass(r, span_s(5));
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	rig_free(r);
}

static void a_node_that_returns_is_not_torn_by_the_late_answer(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	uint16_t seq;

	(void)state;
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	seq = rig_last(r, MH_REVOCATION)->m.seq;
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	rig_forget(r);
	rig_pass(r, span_ms(1500));
	assert_int_equal(rig_count(r, MH_REVOCATION), 1); /* at the MAG it left; that at this one is void */
	assert_true(addr_eq(&rig_last(r, MH_REVOCATION)->dst, &r->mag[1]));
	answer_bri(r, 0, seq, 132);
	assert_int_equal(rig_route(r, &p), 0);
	assert_int_equal(rig_binding(r, "mn1@example.com").state, LMA_BINDING_ACTIVE);
	rig_free(r);
}

/* ---- handoff indicator 4 with one binding known ---- */

static uint16_t begin_unknown(struct rig *r, struct prefix *p)
{
	*p = rig_register(r, 0, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 1, handover(r, "mn1@example.com", 2, MH_HANDOFF_UNKNOWN)), -1);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 4);
	assert_true(addr_eq(&rig_last(r, MH_REVOCATION)->dst, &r->mag[0]));
	assert_int_equal(rig_route(r, p), 0);
	return rig_last(r, MH_REVOCATION)->m.seq;
}

static void unknown_and_the_old_mag_has_it_no_more(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct rig *r = rig_new();
		struct prefix p;
		uint16_t seq = begin_unknown(r, &p);

		(void)state;
		rig_forget(r);
		answer_bri(r, 0, seq, i ? 128 : 0);
		assert_int_equal(rig_last(r, MH_BA)->m.status, MH_ACCEPTED);
		assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
		assert_int_equal(rig_count(r, MH_REVOCATION), 0);
		assert_int_equal(rig_route(r, &p), 1);
		assert_int_equal(lma_totals(r->lma).bindings, 1);
		rig_free(r);
	}
}

static void unknown_and_the_old_mag_has_it_still(void **state)
{
	struct rig *r = rig_new();
	struct prefix p;
	uint16_t seq = begin_unknown(r, &p);

	(void)state;
	rig_forget(r);
	answer_bri(r, 0, seq, 132);
	assert_int_equal(rig_last(r, MH_BA)->m.status, MH_ACCEPTED);
	assert_false(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p)); /* another interface: a session of its own */
	assert_int_equal(rig_route(r, &p), 0);
	assert_int_equal(rig_route(r, &rig_last(r, MH_BA)->m.hnp[0]), 1);
	assert_int_equal(lma_totals(r->lma).bindings, 2);
	rig_free(r);
}

static void unknown_and_the_old_mag_deregisters_meanwhile(void **state)
{
	struct rig *r = rig_new();
	struct prefix p;
	struct mh_msg *m;

	(void)state;
	begin_unknown(r, &p);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->lifetime_4s = 0;
	m->hnp[0] = p;
	rig_forget(r);
	rig_send(r, 0, m);
	assert_int_equal(rig_count(r, MH_BA), 2); /* to each of the two */
	assert_true(addr_eq(&rig_last(r, MH_BA)->dst, &r->mag[1]));
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	assert_int_equal(rig_route(r, &p), 1);
	rig_free(r);
}

static void unknown_and_nobody_answers(void **state)
{
	struct rig *r = rig_new();
	struct prefix p;
	struct mh_msg *m;

	(void)state;
	begin_unknown(r, &p);
	rig_pass(r, span_ms(1000)); /* the MAG repeats: the newer takes the older's place, and its end of the wait */
	m = handover(r, "mn1@example.com", 2, MH_HANDOFF_UNKNOWN);
	assert_int_equal(rig_status(r, 1, m), -1);
	assert_int_equal(lma_totals(r->lma).pending, 1);
	rig_forget(r);
	rig_pass(r, span_ms(600));
	assert_int_equal(rig_count(r, MH_BA), 1);
	assert_int_equal(rig_last(r, MH_BA)->m.seq, m->seq);
	assert_false(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	assert_int_equal(lma_totals(r->lma).bindings, 2);
	rig_free(r);
}

static void unknown_and_the_old_session_shows_that_it_lives(void **state)
{
	struct rig *r = rig_new();
	struct prefix p;

	(void)state;
	begin_unknown(r, &p);
	rig_forget(r);
	rig_send(r, 0, handover(r, "mn1@example.com", 1, MH_HANDOFF_REREGISTRATION));
	assert_int_equal(rig_count(r, MH_BA), 2);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_int_equal(rig_route(r, &p), 0);
	assert_int_equal(lma_totals(r->lma).bindings, 2);
	rig_free(r);
}

static void revocations_beyond_the_limit_are_said_once(void **state)
{
	struct rig *r = rig_conf();
	char mn[32];

	(void)state;
	r->conf.pending_max = 2;
	rig_start(r);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		rig_register(r, 0, mn, (uint8_t)i);
	}
	for (unsigned i = 0; i < 5; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		assert_int_equal(rig_status(r, 1, rig_pbu(r, mn, (uint8_t)i)), MH_ACCEPTED);
		assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	}
	assert_int_equal(rig_counter(r, "bri-not-tracked"), 3);
	rig_forget(r);
	rig_pass(r, span_s(5));
	assert_int_equal(rig_count(r, MH_REVOCATION), 2);
	rig_free(r);
}

static void unknown_without_waiting_where_so_configured(void **state)
{
	struct rig *r = rig_conf();
	struct prefix p;

	(void)state;
	r->conf.max_delay_before_new_bce = span_ms(0);
	rig_start(r);
	p = rig_register(r, 0, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 1, handover(r, "mn1@example.com", 2, MH_HANDOFF_UNKNOWN)), MH_ACCEPTED);
	assert_false(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_mag_is_told_until_it_answers),
		cmocka_unit_test(triggers_tell_the_kind_of_handover),
		cmocka_unit_test(a_mag_that_is_silent_is_given_up),
		cmocka_unit_test(a_mag_without_revocation_is_not_asked_again),
		cmocka_unit_test(a_node_that_returns_is_not_torn_by_the_late_answer),
		cmocka_unit_test(unknown_and_the_old_mag_has_it_no_more),
		cmocka_unit_test(unknown_and_the_old_mag_has_it_still),
		cmocka_unit_test(unknown_and_the_old_mag_deregisters_meanwhile),
		cmocka_unit_test(unknown_and_nobody_answers),
		cmocka_unit_test(unknown_and_the_old_session_shows_that_it_lives),
		cmocka_unit_test(unknown_without_waiting_where_so_configured),
		cmocka_unit_test(revocations_beyond_the_limit_are_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
