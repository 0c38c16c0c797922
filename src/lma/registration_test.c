/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 5213 5.3, 5.4.1 and 5.5: every status, every look-up, every answer. */
#include "lma/testing.h"

static void a_registration_makes_binding_tunnel_and_route(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	const struct mh_msg *a;
	struct lma_binding_view v;

	(void)state;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	a = &rig_last(r, MH_BA)->m;
	assert_int_equal(a->flags, MH_BA_P);
	assert_int_equal(a->seq, m->seq);
	assert_int_equal(a->lifetime_4s, 100);
	assert_true(nai_eq(&a->mn_id, &m->mn_id));
	assert_int_equal(a->handoff, m->handoff);
	assert_int_equal(a->att, m->att);
	assert_true(lladdr_eq(&a->llid, &m->llid));
	assert_true(a->timestamp == m->timestamp);
	assert_int_equal(a->has & MH_HAS_LINK_LOCAL, 0); /* not in the request */
	assert_int_equal(a->n_hnp, 1);
	assert_true(prefix_contains(&r->conf.pools[0], &a->hnp[0].addr));
	assert_int_equal(a->hnp[0].len, 64);
	assert_int_equal(a->has & MH_HAS_CAPABILITIES, MH_HAS_CAPABILITIES);
	assert_true(a->capabilities.features & MH_FEATURE_AMS_IN_PBU);
	assert_true(a->capabilities.features & MH_FEATURE_IMPLICIT_JOIN);
	assert_int_equal(rig_route(r, &a->hnp[0]), 0);
	assert_int_equal(r->n_tunnels, 1);
	assert_int_equal(r->n_events[EV_BINDING_CREATED], 1);
	v = rig_binding(r, "mn1@example.com");
	assert_int_equal(v.n_prefixes, 1);
	assert_int_equal(v.state, LMA_BINDING_ACTIVE);
	assert_true(addr_eq(&v.proxy_coa, &r->mag[0]));
	assert_true(v.left.ns <= span_s(400).ns && v.left.ns > span_s(399).ns);
	rig_free(r);
}

static void the_lifetime_is_capped_and_ends_the_binding(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;
	struct prefix p;

	(void)state;
	r->conf.lifetime_max = span_s(40);
	r->conf.refresh_advice = span_s(20);
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->lifetime_4s = 0xffff;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.lifetime_4s, 10);
	assert_true(rig_last(r, MH_BA)->m.has & MH_HAS_REFRESH_ADVICE);
	assert_int_equal(rig_last(r, MH_BA)->m.refresh_advice_4s, 5);
	p = rig_last(r, MH_BA)->m.hnp[0];
	rig_pass(r, span_s(39));
	assert_int_equal(rig_route(r, &p), 0);
	rig_forget(r);
	rig_pass(r, span_s(2));
	assert_int_equal(rig_route(r, &p), -1);
	assert_int_equal(r->n_events[EV_BINDING_EXPIRED], 1);
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	rig_pass(r, span_s(20)); /* nobody is left at the MAG */
	assert_int_equal(r->n_tunnels, 0);
	assert_int_equal(lma_totals(r->lma).peers, 0);
	assert_int_equal(r->n_events[EV_PEER_DOWN], 1);
	rig_free(r);
}

static void a_refresh_extends_and_asks_the_store_no_more(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg *m;

	(void)state;
	rig_pass(r, span_s(390));
	m = rig_pbu(r, "mn1@example.com", 1);
	m->handoff = MH_HANDOFF_REREGISTRATION;
	m->hnp[0] = p;
	r->store_silent = true;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(r->n_asked, 0);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	assert_int_equal(r->n_events[EV_BINDING_REFRESHED], 1);
	rig_pass(r, span_s(390));
	assert_int_equal(rig_route(r, &p), 0);
	assert_int_equal(rig_counter(r, "pbu-accepted-refresh"), 1);
	rig_free(r);
}

static void statuses_of_the_checks_in_their_order(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	(void)state;
	rig_profile(r, "off@example.com")->enabled = false;
	rig_profile(r, "elsewhere@example.com")->n_mags = 1;
	r->profiles[1]->mags[0] = r->mag[3];
	rig_profile(r, "mn1@example.com");
	rig_start(r);

	/* Each message lacks also all that is looked at later. */
	m = rig_pbu(r, "mn1@example.com", 1);
	m->has = 0;
	m->n_hnp = 0;
	assert_int_equal(rig_status(r, 0, m), MH_MISSING_MN_ID);
	assert_int_equal(rig_last(r, MH_BA)->m.mn_id.len, 0);
	assert_true(rig_last(r, MH_BA)->m.has & MH_HAS_MN_ID);
	assert_int_equal(rig_last(r, MH_BA)->m.n_hnp, 1);
	assert_true(addr_is_any(&rig_last(r, MH_BA)->m.hnp[0].addr));
	assert_int_equal(rig_last(r, MH_BA)->m.handoff, 0);
	assert_int_equal(rig_last(r, MH_BA)->m.att, 0);

	m->has = MH_HAS_MN_ID;
	m->mn_id = N("elsewhere@example.com");
	assert_int_equal(rig_status(r, 0, m), MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG);
	m->mn_id = N("nobody@example.com");
	assert_int_equal(rig_status(r, 0, m), MH_NOT_LMA_FOR_THIS_MOBILE_NODE);
	m->mn_id = N("off@example.com");
	assert_int_equal(rig_status(r, 0, m), MH_PROXY_REG_NOT_ENABLED);

	m->mn_id = N("mn1@example.com");
	m->has |= MH_HAS_TIMESTAMP;
	m->timestamp = mh_timestamp_of(r->now.wall.ns - 400000000);
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_MISMATCH);
	assert_true(rig_last(r, MH_BA)->m.timestamp == mh_timestamp_of(r->now.wall.ns));
	m->timestamp = mh_timestamp_of(r->now.wall.ns + 400000000);
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_MISMATCH);
	m->timestamp = UINT64_MAX;
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_MISMATCH);
	m->timestamp = mh_timestamp_of(r->now.wall.ns - 200000000);
	assert_int_equal(rig_status(r, 0, m), MH_MISSING_HNP);
	m->n_hnp = 1;
	m->hnp[0] = P("2001:db8:abc::/64");
	assert_int_equal(rig_status(r, 0, m), MH_MISSING_HI);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &m->hnp[0])); /* echoed as it was */
	m->has |= MH_HAS_HANDOFF;
	m->handoff = MH_HANDOFF_UNKNOWN;
	assert_int_equal(rig_status(r, 0, m), MH_MISSING_ATT);
	m->has |= MH_HAS_ATT;
	m->att = MH_ATT_ETHERNET;
	assert_int_equal(rig_status(r, 0, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->n_hnp = 2;
	m->hnp[1] = (struct prefix){.len = 0};
	assert_int_equal(rig_status(r, 0, m), MH_UNSPECIFIED); /* an all-zero prefix must stand alone */
	assert_int_equal(rig_last(r, MH_BA)->m.n_hnp, 2);
	m->flags |= MH_BU_F;
	assert_int_equal(rig_status(r, 0, m), MH_PROHIBITED);
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	assert_int_equal(r->n_tunnels, 0);
	rig_free(r);
}

static void strangers_are_refused_at_a_limited_rate_and_cost_nothing(void **state)
{
	struct rig *r = rig_new();
	struct in6_addr stranger = A("2001:db8:bad::1");
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	for (int i = 0; i < 40; i++)
		rig_send_from(r, &stranger, m);
	assert_int_equal(rig_count(r, MH_BA), 10);
	assert_int_equal(rig_last(r, MH_BA)->m.status, MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG);
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_CAPABILITIES, 0);
	assert_int_equal(r->n_asked, 0);
	assert_int_equal(lma_totals(r->lma).peers, 0);
	assert_int_equal(rig_counter(r, "pbu-refusals-limited"), 30);
	assert_int_equal(rig_counter(r, "mh-from-stranger"), 40);
	rig_pass(r, span_s(2));
	rig_forget(r);
	rig_send_from(r, &stranger, m);
	assert_int_equal(rig_count(r, MH_BA), 1);
	rig_free(r);
}

static void a_plain_binding_update_gets_131_and_nothing_else(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->flags = MH_BU_A | MH_BU_H;
	for (int i = 0; i < 30; i++)
		rig_send(r, 0, m);
	assert_int_equal(rig_count(r, MH_BA), 10);
	assert_int_equal(rig_last(r, MH_BA)->m.status, MH_HOME_REGISTRATION_NOT_SUPPORTED);
	assert_int_equal(rig_last(r, MH_BA)->m.flags, 0);
	assert_int_equal(rig_last(r, MH_BA)->m.has, 0);
	assert_int_equal(r->n_asked, 0);
	rig_free(r);
}

static void an_alternate_care_of_address_must_be_of_the_same_mag(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	(void)state;
	r->mags[0].proxy_coa = P("2001:db8:1::/64");
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->has |= MH_HAS_ALT_COA;
	m->alt_coa = r->mag[1];
	assert_int_equal(rig_status(r, 0, m), MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG);
	m->alt_coa = A("2001:db8:1::2");
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED); /* and the answer goes to the source */
	assert_true(rig_is_at(r, "mn1@example.com", &m->alt_coa));
	rig_free(r);
}

static void timestamps_must_grow_but_a_doubled_message_is_answered_again(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->handoff = MH_HANDOFF_REREGISTRATION;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED); /* the network doubled it */
	assert_int_equal(rig_counter(r, "pbu-duplicate"), 1);
	m->seq++;
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
	assert_true(rig_last(r, MH_BA)->m.timestamp == mh_timestamp_of(r->now.wall.ns));
	m->timestamp--;
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
	/* An older registration at another MAG that the network held back moves nothing. */
	assert_int_equal(rig_status(r, 1, m), MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
	assert_int_equal(rig_route(r, &p), 0);
	rig_free(r);
}

/* MobileNodeGeneratedTimestampInUse (RFC 5213 9.3): a node's clock need not agree with ours, but has to go on. */
static void timestamps_of_nodes_are_only_ordered(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	(void)state;
	r->conf.timestamp_of_node = true;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->timestamp = 65536; /* one second after 1970 */
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_last(r, MH_BA)->m.timestamp == 65536);
	m->seq++;
	m->timestamp = 65535;
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
	m->timestamp = 65537;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_free(r);
}

static void sequence_numbers_where_there_are_no_timestamps(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	(void)state;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->has &= ~(uint32_t)MH_HAS_TIMESTAMP;
	m->seq = 0xfff0;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_TIMESTAMP, 0);
	m->seq = 5; /* the window goes round */
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED); /* the same again: a repetition */
	m->seq = 4;
	assert_int_equal(rig_status(r, 0, m), MH_SEQUENCE_OUT_OF_WINDOW);
	assert_int_equal(rig_last(r, MH_BA)->m.seq, 5); /* RFC 6275 9.5.1: the last accepted */
	m->seq = (uint16_t)(5 + 0x8000);
	assert_int_equal(rig_status(r, 0, m), MH_SEQUENCE_OUT_OF_WINDOW);
	m->seq = (uint16_t)(5 + 0x7fff);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_free(r);

	r = rig_conf();
	r->conf.timestamp_required = true;
	rig_start(r);
	m->seq = 1;
	assert_int_equal(rig_status(r, 0, m), MH_TIMESTAMP_MISMATCH);
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_TIMESTAMP, 0);
	rig_free(r);
}

static void the_link_local_address_of_the_mag(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	struct in6_addr own = A("fe80::99");

	(void)state;
	m->has |= MH_HAS_LINK_LOCAL;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(addr_eq(&rig_last(r, MH_BA)->m.link_local, &addr_mag_link_local));
	m = rig_pbu(r, "mn1@example.com", 1);
	m->has |= MH_HAS_LINK_LOCAL;
	m->link_local = own;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(addr_eq(&rig_last(r, MH_BA)->m.link_local, &own));
	m = rig_pbu(r, "mn1@example.com", 1); /* asked again: the one of the binding */
	m->has |= MH_HAS_LINK_LOCAL;
	m->link_local = addr_any;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(addr_eq(&rig_last(r, MH_BA)->m.link_local, &own));
	rig_free(r);
}

/* ---- de-registration ---- */

static void deregistration_is_answered_at_once_and_the_entry_goes_later(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->lifetime_4s = 0;
	m->handoff = MH_HANDOFF_UNKNOWN;
	m->hnp[0] = p;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.lifetime_4s, 0);
	assert_int_equal(rig_route(r, &p), -1); /* its data stops */
	assert_int_equal(rig_binding(r, "mn1@example.com").state, LMA_BINDING_DELAYED_DELETE);
	assert_int_equal(r->n_events[EV_BINDING_DEREGISTERED], 1);
	rig_pass(r, span_s(5));
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED); /* doubled: the wait does not begin anew */
	assert_int_equal(r->n_events[EV_BINDING_DEREGISTERED], 0);
	assert_int_equal(r->n_events[EV_BINDING_DELETED], 0);
	rig_pass(r, span_ms(5100));
	assert_int_equal(rig_binding(r, "mn1@example.com").n_prefixes, 0);
	assert_int_equal(r->n_events[EV_BINDING_DELETED], 1);
	m->timestamp = mh_timestamp_of(r->now.wall.ns);
	assert_int_equal(rig_status(r, 0, m), -1); /* of no binding: silence */
	assert_int_equal(rig_counter(r, "deregistration-no-binding"), 1);
	rig_free(r);
}

static void a_node_that_comes_back_during_the_wait_keeps_its_prefix(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->lifetime_4s = 0;
	m->hnp[0] = p;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_pass(r, span_s(9));
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	assert_int_equal(rig_count(r, MH_REVOCATION), 0); /* the old MAG said itself that it is gone */
	rig_pass(r, span_s(60));
	assert_int_equal(rig_route(r, &p), 1);
	rig_free(r);
}

static void deregistration_from_another_mag_is_ignored(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->lifetime_4s = 0;
	m->hnp[0] = p;
	assert_int_equal(rig_status(r, 1, m), -1);
	assert_int_equal(rig_counter(r, "deregistration-other-mag"), 1);
	assert_int_equal(rig_binding(r, "mn1@example.com").state, LMA_BINDING_ACTIVE);
	assert_int_equal(rig_route(r, &p), 0);
	rig_free(r);
}

/* ---- look-ups, 5.4.1 ---- */

static void lookup_by_prefix(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1), other = rig_register(r, 0, "mn2@example.com", 2);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->hnp[0] = other; /* of another node */
	assert_int_equal(rig_status(r, 1, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->n_hnp = 2;
	m->hnp[0] = p;
	m->hnp[1] = P("2001:db8:f00:77::/64");
	assert_int_equal(rig_status(r, 1, m), MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH);

	m = rig_pbu(r, "mn1@example.com", 1); /* same interface at another MAG */
	m->hnp[0] = p;
	m->handoff = MH_HANDOFF_BETWEEN_MAGS;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &p), 1);

	m = rig_pbu(r, "mn1@example.com", 9); /* another interface, same MAG and technology */
	m->hnp[0] = p;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);

	m = rig_pbu(r, "mn1@example.com", 8); /* handoff between interfaces */
	m->hnp[0] = p;
	m->att = MH_ATT_WLAN;
	m->handoff = MH_HANDOFF_BETWEEN_INTERFACES;
	assert_int_equal(rig_status(r, 2, m), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &p), 2);

	m = rig_pbu(r, "mn1@example.com", 7); /* nothing fits, and the prefix is taken */
	m->hnp[0] = p;
	m->handoff = MH_HANDOFF_BETWEEN_MAGS;
	assert_int_equal(rig_status(r, 3, m), MH_NOT_AUTHORIZED_FOR_HNP);
	assert_int_equal(rig_route(r, &p), 2);
	m->lifetime_4s = 0; /* and such a de-registration is of no session */
	assert_int_equal(rig_status(r, 3, m), -1);
	rig_free(r);
}

static void lookup_by_prefix_without_link_layer_identifiers(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	struct prefix p;

	(void)state;
	m->has &= ~(uint32_t)MH_HAS_LLID;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	p = rig_last(r, MH_BA)->m.hnp[0];
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_LLID, 0);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->has &= ~(uint32_t)MH_HAS_LLID;
	m->hnp[0] = p;
	assert_int_equal(rig_status(r, 1, m), MH_NOT_AUTHORIZED_FOR_HNP); /* HI says new interface */
	m->handoff = MH_HANDOFF_BETWEEN_MAGS;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &p), 1);
	rig_free(r);
}

static void lookup_by_link_layer_identifier(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1), second;
	struct mh_msg *m;

	(void)state;
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	second = rig_register(r, 0, "mn1@example.com", 2); /* a new interface is a new session */
	assert_false(prefix_eq(&second, &p));
	assert_int_equal(lma_totals(r->lma).bindings, 2);
	m = rig_pbu(r, "mn1@example.com", 3); /* which of the two moved cannot be told: new */
	m->handoff = MH_HANDOFF_BETWEEN_INTERFACES;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(lma_totals(r->lma).bindings, 3);
	rig_free(r);

	r = rig_new();
	p = rig_register(r, 0, "mn1@example.com", 1);
	m = rig_pbu(r, "mn1@example.com", 2);
	m->handoff = MH_HANDOFF_BETWEEN_INTERFACES;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	assert_int_equal(lma_totals(r->lma).bindings, 1);
	rig_free(r);
}

static void lookup_by_identifier_alone(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	struct prefix p;

	(void)state;
	m->llid = lladdr_of("\0\0\0\0\0\0", 6); /* all zero: not known */
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	p = rig_last(r, MH_BA)->m.hnp[0];
	for (uint8_t hi = MH_HANDOFF_BETWEEN_INTERFACES; hi <= MH_HANDOFF_BETWEEN_MAGS; hi++) {
		m = rig_pbu(r, "mn1@example.com", 1);
		m->has &= ~(uint32_t)MH_HAS_LLID;
		m->handoff = hi;
		assert_int_equal(rig_status(r, hi & 1, m), MH_ACCEPTED);
		assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p));
	}
	m = rig_pbu(r, "mn1@example.com", 1);
	m->has &= ~(uint32_t)MH_HAS_LLID;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED); /* HI 1: a new session */
	assert_int_equal(lma_totals(r->lma).bindings, 2);
	rig_free(r);
}

/* ---- prefixes ---- */

static void several_prefixes_for_each_node(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;
	struct prefix p[3];

	(void)state;
	r->conf.prefixes_per_node = 3;
	rig_start(r);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "a-node-with-a-long-identifier@example.com", 1)), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.n_hnp, 3);
	memcpy(p, rig_last(r, MH_BA)->m.hnp, sizeof(p));
	assert_int_equal(r->n_routes, 3);
	m = rig_pbu(r, "a-node-with-a-long-identifier@example.com", 1);
	m->n_hnp = 3; /* in another order */
	m->hnp[0] = p[2], m->hnp[1] = p[0], m->hnp[2] = p[1];
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_route(r, &p[i]), 1);
	m = rig_pbu(r, "a-node-with-a-long-identifier@example.com", 1);
	m->n_hnp = 2;
	m->hnp[0] = p[0], m->hnp[1] = p[1];
	assert_int_equal(rig_status(r, 1, m), MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH);
	m = rig_pbu(r, "a-node-with-a-long-identifier@example.com", 1);
	m->n_hnp = 3;
	m->hnp[0] = p[0], m->hnp[1] = p[0], m->hnp[2] = p[1];
	assert_int_equal(rig_status(r, 1, m), MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH);
	rig_free(r);
}

static void prefixes_of_the_profile(void **state)
{
	struct rig *r = rig_conf();
	struct profile *p = rig_profile(r, "mn1@example.com");
	struct mh_msg *m;

	(void)state;
	p->n_prefixes = 2;
	p->prefixes[0] = P("2001:db8:aaaa:1::/64");
	p->prefixes[1] = P("2001:db8:aaaa:2::/64");
	rig_profile(r, "*");
	rig_start(r);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.n_hnp, 2);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[1], &p->prefixes[1]));
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 2)), MH_ACCEPTED); /* its second interface */
	assert_true(prefix_contains(&r->conf.pools[0], &rig_last(r, MH_BA)->m.hnp[0].addr));
	m = rig_pbu(r, "mn2@example.com", 3);
	m->hnp[0] = P("2001:db8:aaaa:3::/64");
	assert_int_equal(rig_status(r, 0, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->hnp[0] = P("2001:db8:f00:9000::/64"); /* ours and free, as after a restart of ours */
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &m->hnp[0]));
	rig_free(r);
}

static void prefixes_that_the_mag_names_after_a_restart_of_ours(void **state)
{
	struct rig *r = rig_conf();
	struct profile *p = rig_profile(r, "mn1@example.com");
	struct mh_msg *m;
	struct prefix q;

	(void)state;
	p->n_prefixes = 2;
	p->prefixes[0] = P("2001:db8:aaaa:1::/64");
	p->prefixes[1] = P("2001:db8:aaaa:2::/64");
	rig_profile(r, "*");
	r->conf.prefixes_per_node = 2;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->hnp[0] = P("2001:db8:aaaa:3::/64"); /* not of its profile */
	assert_int_equal(rig_status(r, 0, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->n_hnp = 3;
	m->hnp[0] = p->prefixes[0], m->hnp[1] = p->prefixes[1], m->hnp[2] = P("2001:db8:f00::/64");
	assert_int_equal(rig_status(r, 0, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->n_hnp = 2;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);

	m = rig_pbu(r, "mn2@example.com", 2);
	m->n_hnp = 2;
	m->hnp[0] = m->hnp[1] = P("2001:db8:f00:1::/64");
	assert_int_equal(rig_status(r, 0, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->hnp[1] = P("2001:db8:f00:2::/63"); /* no size that we give */
	assert_int_equal(rig_status(r, 0, m), MH_NOT_AUTHORIZED_FOR_HNP);
	m->hnp[0] = P("2001:db8:f00:0::/64");
	m->hnp[1] = P("2001:db8:f00:1::/64"); /* those whose turn is next */
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	q = rig_register(r, 0, "mn3@example.com", 3);
	assert_false(prefix_eq(&q, &m->hnp[0]) || prefix_eq(&q, &m->hnp[1]));
	assert_int_equal(r->n_routes, 6);
	rig_free(r);
}

/* The MAG learnt of other prefixes before we did: the same interface, and no second session. */
static void an_interface_has_one_session(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	m->hnp[0] = P("2001:db8:f00:9000::/64");
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(lma_totals(r->lma).bindings, 1);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_int_equal(rig_route(r, &p), -1);
	assert_int_equal(rig_route(r, &m->hnp[0]), 0);
	m = rig_pbu(r, "mn1@example.com", 1);
	m->hnp[0] = P("2001:db8:f00:9001::/64");
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_int_equal(lma_totals(r->lma).bindings, 1);
	assert_true(addr_eq(&rig_last(r, MH_REVOCATION)->dst, &r->mag[0]));
	assert_int_equal(r->n_routes, 1);
	rig_free(r);
}

static void a_deregistration_of_no_session_of_the_node(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m;

	(void)state;
	rig_register(r, 0, "mn1@example.com", 1);
	m = rig_pbu(r, "mn1@example.com", 2);
	m->lifetime_4s = 0;
	assert_int_equal(rig_status(r, 0, m), -1);
	m->timestamp++;
	m->handoff = MH_HANDOFF_UNKNOWN;
	assert_int_equal(rig_status(r, 0, m), -1);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_int_equal(rig_counter(r, "deregistration-no-binding"), 2);
	assert_int_equal(lma_totals(r->lma).bindings, 1);
	rig_free(r);
}

static void the_pool_ends_and_is_used_again(void **state)
{
	struct rig *r = rig_conf();
	struct prefix p[4], again;
	char mn[32];
	struct mh_msg *m;

	(void)state;
	r->conf.n_pools = 2;
	r->conf.pools[0] = P("2001:db8:a::/63");
	r->conf.pools[1] = P("2001:db8:b::/63");
	rig_start(r);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		p[i] = rig_register(r, 0, mn, (uint8_t)i);
		for (unsigned k = 0; k < i; k++)
			assert_false(prefix_eq(&p[k], &p[i]));
	}
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "late@example.com", 9)), MH_NO_RESOURCES);
	assert_int_equal(rig_counter(r, "prefixes-exhausted"), 1);
	m = rig_pbu(r, "mn2@example.com", 2);
	m->lifetime_4s = 0;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "late@example.com", 9)), MH_NO_RESOURCES); /* still kept for mn2 */
	rig_pass(r, span_s(11));
	again = rig_register(r, 0, "late@example.com", 9);
	assert_true(prefix_eq(&again, &p[2]));
	rig_free(r);
}

/* An anchor that lost its bindings gives each node the prefix that it had, whoever comes first. */
static void the_same_prefix_after_a_restart(void **state)
{
	enum { NODES = 200 };
	struct rig *r = rig_new();
	struct prefix before[NODES], after;
	unsigned moved = 0;
	char mn[32];

	(void)state;
	for (unsigned i = 0; i < NODES; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		before[i] = rig_register(r, 0, mn, (uint8_t)i);
		for (unsigned k = 0; k < i; k++)
			assert_false(prefix_eq(&before[k], &before[i]));
	}
	rig_free(r);
	r = rig_conf();
	r->seed = 1;
	rig_start(r);
	for (unsigned i = NODES; i-- > 0;) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		after = rig_register(r, 0, mn, (uint8_t)i);
		moved += !prefix_eq(&before[i], &after);
	}
	assert_true(moved <= 2); /* two nodes that have the same place are told apart by who comes first */
	rig_free(r);
}

/* Full pools, several prefixes for each node: no prefix twice, none lost, whatever the order. */
static void the_last_prefix_is_found(void **state)
{
	struct rig *r = rig_conf();
	struct prefix all[256];
	unsigned n = 0;
	char mn[32];

	(void)state;
	r->conf.pools[0] = P("2001:db8:f00::/56");
	r->conf.prefixes_per_node = 2;
	rig_start(r);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 128; i++) {
			snprintf(mn, sizeof(mn), "mn%u@example.com", i * 7 + round);
			assert_int_equal(rig_status(r, 0, rig_pbu(r, mn, (uint8_t)i)), MH_ACCEPTED);
			assert_int_equal(rig_last(r, MH_BA)->m.n_hnp, 2);
			for (unsigned k = 0; k < 2; k++) {
				for (unsigned j = 0; j < n; j++)
					assert_false(prefix_eq(&all[j], &rig_last(r, MH_BA)->m.hnp[k]));
				all[n++] = rig_last(r, MH_BA)->m.hnp[k];
			}
		}
		assert_int_equal(rig_status(r, 0, rig_pbu(r, "late@example.com", 1)), MH_NO_RESOURCES);
		rig_pass(r, span_s(4 * 3600)); /* they run out */
		assert_int_equal(lma_totals(r->lma).bindings, 0);
		assert_int_equal(lma_totals(r->lma).prefixes_free_log2, 8);
		n = 0;
	}
	rig_free(r);
}

static void limits_of_bindings_and_peers(void **state)
{
	struct rig *r = rig_conf();

	(void)state;
	r->conf.bindings_max = 2;
	r->conf.peers_max = 1;
	rig_start(r);
	rig_register(r, 0, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn2@example.com", 2)), MH_NO_RESOURCES);
	assert_int_equal(rig_counter(r, "peers-full"), 1);
	assert_int_equal(lma_totals(r->lma).bindings, 1); /* what was begun is taken back */
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 1)), MH_NO_RESOURCES); /* nor does it move */
	assert_true(rig_is_at(r, "mn1@example.com", &r->mag[0]));
	rig_register(r, 0, "mn2@example.com", 2);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn3@example.com", 3)), MH_NO_RESOURCES);
	assert_int_equal(rig_counter(r, "bindings-full"), 1);
	assert_int_equal(r->n_events[EV_LIMIT], 1);
	assert_string_equal(r->event[EV_LIMIT].detail, "bindings");
	assert_memory_equal(r->event[EV_LIMIT].mn.s, "mn3@example.com", 15);
	assert_true(addr_eq(&r->event[EV_LIMIT].peer, &r->mag[0]));
	rig_free(r);
}

static void sessions_of_one_node_are_limited(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		rig_register(r, 0, "mn1@example.com", i + 1);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 99)), MH_NO_RESOURCES);
	assert_int_equal(rig_counter(r, "sessions-of-a-node-full"), 1);
	assert_int_equal(rig_status(r, 1, rig_pbu(r, "mn1@example.com", 7)), MH_ACCEPTED); /* a known one moves */
	rig_register(r, 0, "mn2@example.com", 99);
	rig_free(r);
}

/* ---- the policy store ---- */

static void a_registration_waits_for_the_store(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m;
	uint32_t request;

	(void)state;
	r->store_silent = true;
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 1)), -1);
	assert_int_equal(r->n_asked, 1);
	request = r->asked[0];
	rig_pass(r, span_ms(1000)); /* longer than the timestamp window: what counts is when it came */
	m = rig_pbu(r, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 0, m), -1);
	assert_int_equal(r->n_asked, 0); /* the repetition takes the place of the first */
	assert_int_equal(lma_totals(r->lma).pending, 1);
	rig_pass(r, span_ms(1000));
	lma_profile(r->lma, r->now, request + 77, r->profiles[0]);
	assert_int_equal(rig_counter(r, "profile-answer-unknown"), 1);
	lma_profile(r->lma, r->now, request, r->profiles[0]);
	rig_drain(r);
	assert_int_equal(rig_last(r, MH_BA)->m.status, MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.seq, m->seq);
	assert_int_equal(lma_totals(r->lma).pending, 0);
	rig_free(r);
}

/* Each goes on with its own message, whichever was read last. */
static void answers_of_the_store_in_any_order(void **state)
{
	static const char *const mn[] = {"mn0@example.com", "mn1@example.com", "mn2@example.com"};
	static const unsigned order[] = {0, 2, 1};
	struct rig *r = rig_new();
	uint16_t seq[3];

	(void)state;
	r->store_silent = true;
	for (unsigned i = 0; i < 3; i++) {
		struct mh_msg *m = rig_pbu(r, mn[i], (uint8_t)(i + 1));

		seq[i] = m->seq;
		rig_send(r, 0, m);
	}
	assert_int_equal(r->n_asked, 3);
	for (unsigned i = 0; i < 3; i++) {
		rig_forget(r);
		lma_profile(r->lma, r->now, r->asked[order[i]], r->profiles[0]);
		rig_drain(r);
		assert_int_equal(rig_last(r, MH_BA)->m.status, MH_ACCEPTED);
		assert_int_equal(rig_last(r, MH_BA)->m.seq, seq[order[i]]);
		assert_int_equal(rig_binding(r, mn[order[i]]).llid.b[5], order[i] + 1);
		assert_int_equal(lma_totals(r->lma).bindings, i + 1);
	}
	rig_free(r);
}

static void a_store_that_never_answers_holds_nothing_for_ever(void **state)
{
	struct rig *r = rig_conf();
	char mn[32];

	(void)state;
	r->conf.pending_max = 8;
	rig_start(r);
	r->store_silent = true;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		assert_int_equal(rig_status(r, 0, rig_pbu(r, mn, (uint8_t)i)), -1);
	}
	assert_int_equal(lma_totals(r->lma).pending, 8);
	assert_int_equal(rig_counter(r, "pbu-dropped-pending-full"), 12);
	rig_pass(r, span_s(6));
	assert_int_equal(lma_totals(r->lma).pending, 0);
	assert_int_equal(rig_counter(r, "pbu-dropped-no-profile-answer"), 8);
	r->store_silent = false;
	rig_register(r, 0, "mn1@example.com", 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_makes_binding_tunnel_and_route),
		cmocka_unit_test(the_lifetime_is_capped_and_ends_the_binding),
		cmocka_unit_test(a_refresh_extends_and_asks_the_store_no_more),
		cmocka_unit_test(statuses_of_the_checks_in_their_order),
		cmocka_unit_test(strangers_are_refused_at_a_limited_rate_and_cost_nothing),
		cmocka_unit_test(a_plain_binding_update_gets_131_and_nothing_else),
		cmocka_unit_test(an_alternate_care_of_address_must_be_of_the_same_mag),
		cmocka_unit_test(timestamps_must_grow_but_a_doubled_message_is_answered_again),
		cmocka_unit_test(timestamps_of_nodes_are_only_ordered),
		cmocka_unit_test(sequence_numbers_where_there_are_no_timestamps),
		cmocka_unit_test(the_link_local_address_of_the_mag),
		cmocka_unit_test(deregistration_is_answered_at_once_and_the_entry_goes_later),
		cmocka_unit_test(a_node_that_comes_back_during_the_wait_keeps_its_prefix),
		cmocka_unit_test(deregistration_from_another_mag_is_ignored),
		cmocka_unit_test(lookup_by_prefix),
		cmocka_unit_test(lookup_by_prefix_without_link_layer_identifiers),
		cmocka_unit_test(lookup_by_link_layer_identifier),
		cmocka_unit_test(lookup_by_identifier_alone),
		cmocka_unit_test(several_prefixes_for_each_node),
		cmocka_unit_test(prefixes_of_the_profile),
		cmocka_unit_test(prefixes_that_the_mag_names_after_a_restart_of_ours),
		cmocka_unit_test(an_interface_has_one_session),
		cmocka_unit_test(a_deregistration_of_no_session_of_the_node),
		cmocka_unit_test(the_pool_ends_and_is_used_again),
		cmocka_unit_test(the_same_prefix_after_a_restart),
		cmocka_unit_test(the_last_prefix_is_found),
		cmocka_unit_test(limits_of_bindings_and_peers),
		cmocka_unit_test(sessions_of_one_node_are_limited),
		cmocka_unit_test(a_registration_waits_for_the_store),
		cmocka_unit_test(answers_of_the_store_in_any_order),
		cmocka_unit_test(a_store_that_never_answers_holds_nothing_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
