/* SPDX-License-Identifier: BSD-2-Clause */
/* Draft Figures 1 to 4 at the LMA: groups asked for by registration and by MLD, their authorisation, one join upstream,
 * one copy for each MAG. */
#include "lma/testing.h"

#define G   "ff1e::1"
#define G2  "ff1e::2"
#define SSM "ff3e::1"
#define S1  "2001:db8:5::1"
#define S2  "2001:db8:5::2"

static int ask(struct rig *r, unsigned mag, const char *mn, uint8_t llid, const char *group, const char *source)
{
	struct mh_msg *m = rig_pbu(r, mn, llid);

	rig_ask(m, group, source);
	assert_int_equal(rig_status(r, mag, m), MH_ACCEPTED);
	return rig_result(rig_last(r, MH_BA), group);
}

/* S=1 without groups: the node listens to nothing. S=0: nothing is said. */
static void refresh(struct rig *r, unsigned mag, const char *mn, uint8_t llid, bool s_flag)
{
	struct mh_msg *m = rig_pbu(r, mn, llid);

	m->handoff = MH_HANDOFF_REREGISTRATION;
	if (s_flag)
		m->flags |= MH_BU_S;
	assert_int_equal(rig_status(r, mag, m), MH_ACCEPTED);
}

static uint32_t groups(const struct rig *r)
{
	return lma_totals(r->lma).groups;
}

static void a_registration_joins_and_is_told_the_result(void **state)
{
	struct rig *r = rig_new();
	uint8_t result = 99;
	struct in6_addr g = A(G), other = A(G2);

	(void)state;
	assert_int_equal(ask(r, 0, "mn1@example.com", 1, G, NULL), MH_SUB_ACCEPTED);
	assert_true(rig_copies(r, S1, G, 0));
	assert_string_equal(r->upstream, "TO_EX(ff1e::1,0) ");
	assert_int_equal(rig_last(r, MH_BA)->m.flags, MH_BA_P); /* no S: there is no context to hand over */
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_AMS, 0);
	assert_int_equal(r->n_events[EV_SUBSCRIBED], 1);
	assert_int_equal(r->n_events[EV_GROUP_JOINED], 1);
	/* the copies stand when the answer goes out */
	assert_true(strrchr(r->order, 'd') < strrchr(r->order, 'm'));
	assert_true(strrchr(r->order, 'l') < strrchr(r->order, 'm'));
	assert_true(lma_group_result(r->lma, &r->event[EV_BINDING_CREATED].mn, &g, &result));
	assert_int_equal(result, MH_SUB_ACCEPTED);
	assert_false(lma_group_result(r->lma, &r->event[EV_BINDING_CREATED].mn, &other, &result));
	assert_int_equal(rig_binding(r, "mn1@example.com").n_groups, 1);
	rig_free(r);
}

static void the_upstream_hears_of_a_group_once(void **state)
{
	struct rig *r = rig_new();
	char mn[32];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		assert_int_equal(ask(r, i % 2, mn, (uint8_t)i, G, NULL), MH_SUB_ACCEPTED);
		assert_int_equal(r->n_links, i == 0);
	}
	assert_int_equal(groups(r), 1);
	for (unsigned i = 0; i < 99; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		refresh(r, i % 2, mn, (uint8_t)i, true); /* left */
		assert_true(rig_copies(r, S1, G, 1));
		assert_int_equal(rig_copies(r, S1, G, 0), i < 98);
	}
	rig_pass(r, span_s(5));
	rig_forget(r);
	refresh(r, 1, "mn99@example.com", 99, true);
	assert_string_equal(r->upstream, "TO_IN(ff1e::1,0) ");
	assert_int_equal(r->n_events[EV_GROUP_LEFT], 1);
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(groups(r), 0);
	rig_free(r);
}

static void a_message_without_s_says_nothing_of_groups(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m;

	(void)state;
	ask(r, 0, "mn1@example.com", 1, G, NULL);
	refresh(r, 0, "mn1@example.com", 1, false);
	assert_true(rig_copies(r, S1, G, 0));
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_RESULT, 0);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G2, NULL);
	m->flags &= (uint16_t)~MH_BU_S;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_counter(r, "ams-ignored"), 1);
	assert_false(rig_copies(r, S1, G2, 0));
	rig_free(r);
}

static void a_set_replaces_the_former_without_a_gap(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m;

	(void)state;
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_pass(r, span_s(5));
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	rig_ask(m, SSM, S2);
	rig_ask(m, G2, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	for (const char *const *g = (const char *const[]){G, G2, SSM, NULL}; *g; g++)
		assert_int_equal(rig_result(rig_last(r, MH_BA), *g), MH_SUB_ACCEPTED);
	assert_null(strstr(r->upstream, "ff1e::1,")); /* the one that stays is not touched */
	assert_true(rig_copies(r, S1, G, 0));
	assert_true(rig_copies(r, S2, SSM, 0));
	assert_false(rig_copies(r, S1, SSM, 0));
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G2, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_false(rig_copies(r, S1, G, 0));
	assert_true(rig_copies(r, S1, G2, 0));
	assert_int_equal(groups(r), 1);
	rig_free(r);
}

static void sources_of_several_records_are_one_wish(void **state)
{
	struct rig *r = rig_new();
	struct in6_addr sources[20], g = A(SSM);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		sources[i] = A("2001:db8:5::");
		sources[i].s6_addr[15] = (uint8_t)(i + 1);
	}
	m->flags |= MH_BU_S;
	m->has |= MH_HAS_AMS;
	assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &g, sources, 20, MH_AMS_SOURCES));
	assert_int_equal(m->ams.n, 2);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.result.n, 1); /* one result for the group */
	assert_int_equal(r->n_lists, 20);
	assert_true(rig_copies(r, "2001:db8:5::14", SSM, 0));
	rig_free(r);
}

static void a_refused_group_never_fails_the_binding(void **state)
{
	struct rig *r = rig_conf();
	struct profile *p = rig_profile(r, "mn1@example.com"), *off = rig_profile(r, "off@example.com");
	struct prefix denied = P("ff1e::2/128");
	struct mh_msg *m;

	(void)state;
	profile_add_range(p, true, &denied, NULL);
	p->groups_max = 2;
	off->multicast = false;
	rig_profile(r, "*");
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, "ff1e::2", NULL);
	rig_ask(m, "ff02::fb", NULL);
	rig_ask(m, "ff15::1", NULL);
	rig_ask(m, SSM, NULL);
	rig_ask(m, "ff1e::11", NULL);
	rig_ask(m, "ff1e::12", NULL);
	rig_ask(m, "ff1e::13", NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff1e::2"), MH_SUB_PROHIBITED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff02::fb"), MH_SUB_NOT_SUPPORTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff15::1"), MH_SUB_NOT_SUPPORTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), SSM), MH_SUB_NOT_SUPPORTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff1e::11"), MH_SUB_ACCEPTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff1e::12"), MH_SUB_ACCEPTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff1e::13"), MH_SUB_LIMIT);
	assert_int_equal(groups(r), 2);
	assert_int_equal(rig_counter(r, "ams-refused"), 5);
	assert_int_equal(rig_binding(r, "mn1@example.com").n_groups, 2);
	assert_int_equal(ask(r, 0, "off@example.com", 2, G, NULL), MH_SUB_SERVICE_OFF);
	rig_free(r);
}

static void a_refused_source_is_told_by_itself(void **state)
{
	struct rig *r = rig_conf();
	struct profile *p = rig_profile(r, "mn1@example.com");
	struct prefix groups_of = P("ff00::/8"), net = P("2001:db8:6::/48"), one = P("2001:db8:6::1/128");
	struct in6_addr g = A(SSM), sources[2] = {A(S1), A("2001:db8:6::1")};
	struct mh_msg *m;

	(void)state;
	profile_add_range(p, true, &groups_of, &net);
	profile_add_range(p, true, &groups_of, &one);
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL); /* any source but the denied one */
	assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &g, sources, 2, MH_AMS_SOURCES));
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), SSM), MH_SUB_ACCEPTED);
	assert_int_equal(rig_source_result(rig_last(r, MH_BA), SSM, "2001:db8:6::1"), MH_SUB_PROHIBITED);
	assert_int_equal(rig_source_result(rig_last(r, MH_BA), SSM, S1), -1);
	assert_int_equal(rig_result(rig_last(r, MH_BA), G), MH_SUB_ACCEPTED);
	assert_int_equal(rig_source_result(rig_last(r, MH_BA), G, "2001:db8:6::1"), MH_SUB_PROHIBITED);
	assert_true(rig_copies(r, S1, SSM, 0));
	assert_false(rig_copies(r, "2001:db8:6::1", SSM, 0));
	rig_free(r);
}

static void a_refused_source_of_a_report_is_told_by_itself(void **state)
{
	struct rig *r = rig_conf();
	struct profile_range deny = {.group = P("ff00::/8"), .source = P("2001:db8:6::/48")};

	(void)state;
	r->mags[0].n_deny = 1;
	r->mags[0].deny = &deny;
	rig_start(r);
	rig_mld(r, 0, MLD_ALLOW_NEW_SOURCES, SSM, S1);
	assert_int_equal(rig_count(r, MH_UPN), 0);
	rig_mld(r, 0, MLD_ALLOW_NEW_SOURCES, SSM, "2001:db8:6::1");
	assert_int_equal(rig_count(r, MH_UPN), 1);
	assert_int_equal(rig_source_result(rig_last(r, MH_UPN), SSM, "2001:db8:6::1"), MH_SUB_PROHIBITED);
	assert_int_equal(rig_source_result(rig_last(r, MH_UPN), SSM, S1), -1);
	assert_true(rig_copies(r, S1, SSM, 0));
	assert_false(rig_copies(r, "2001:db8:6::1", SSM, 0));
	rig_free(r);
}

/* Nodes that each want another source of a group: the union is bounded, and any-source takes it all in. */
static void sources_of_one_mag_are_limited(void **state)
{
	struct rig *r = rig_conf();
	char mn[32], source[64];
	unsigned accepted = 0;

	(void)state;
	r->conf.sources_per_group_max = 1;
	rig_start(r);
	lma_upstream(r->lma, r->now, 0, &addr_any, 0); /* the model of the data plane is too small for them */
	for (unsigned i = 0; i < 1100; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		snprintf(source, sizeof(source), "2001:db8:5::%x", i + 1);
		accepted += ask(r, 0, mn, (uint8_t)i, SSM, source) == MH_SUB_ACCEPTED;
	}
	assert_int_equal(accepted, 1024);
	assert_int_equal(rig_counter(r, "sources-of-a-group-full"), 76);
	refresh(r, 0, "mn5@example.com", 5, true); /* one leaves: there is room for one */
	assert_int_equal(ask(r, 0, "mn1050@example.com", (uint8_t)1050, SSM, "2001:db8:5::9999"), MH_SUB_ACCEPTED);
	assert_int_equal(ask(r, 0, "mn1051@example.com", (uint8_t)1051, SSM, "2001:db8:5::9998"), MH_SUB_LIMIT);
	assert_int_equal(ask(r, 0, "mn1052@example.com", (uint8_t)1052, SSM, "2001:db8:5::1"), MH_SUB_ACCEPTED);
	rig_free(r);
}

static void as_many_groups_as_a_message_holds(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;
	char group[32];

	(void)state;
	r->conf.groups_per_node_max = 75;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	for (unsigned i = 0; i < 78; i++) {
		snprintf(group, sizeof(group), "ff1e::%x", i + 1);
		rig_ask(m, group, NULL);
	}
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(r->n_lists, 75);
	assert_int_equal(rig_result(rig_last(r, MH_BA), group), MH_SUB_LIMIT);
	assert_int_equal(rig_result(rig_last(r, MH_BA), "ff1e::1") > 0, 0); /* accepted, or not told: the same */
	rig_free(r);
}

static void limits_of_a_mag_and_of_the_anchor(void **state)
{
	struct rig *r = rig_conf();

	(void)state;
	r->mags[0].groups_max = 1;
	r->conf.groups_max = 2;
	rig_start(r);
	assert_int_equal(ask(r, 0, "mn1@example.com", 1, G, NULL), MH_SUB_ACCEPTED);
	assert_int_equal(ask(r, 0, "mn2@example.com", 2, G2, NULL), MH_SUB_LIMIT);
	assert_int_equal(ask(r, 0, "mn3@example.com", 3, G, NULL), MH_SUB_ACCEPTED); /* one subscription for both */
	assert_int_equal(ask(r, 1, "mn4@example.com", 4, G2, NULL), MH_SUB_ACCEPTED);
	assert_int_equal(ask(r, 1, "mn5@example.com", 5, "ff1e::3", NULL), MH_SUB_LIMIT);
	assert_int_equal(rig_counter(r, "replication-limit"), 1);
	assert_int_equal(r->n_events[EV_LIMIT], 1);
	assert_string_equal(r->event[EV_LIMIT].detail, "replication");
	assert_true(addr_eq(&r->event[EV_LIMIT].peer, &r->mag[1]));
	assert_int_equal(r->event[EV_LIMIT].group.s6_addr[15], 3);
	assert_int_equal(r->n_lists, 2);
	refresh(r, 1, "mn4@example.com", 4, true);
	assert_int_equal(ask(r, 1, "mn5@example.com", 5, "ff1e::3", NULL), MH_SUB_ACCEPTED);
	rig_free(r);
}

static void a_handover_takes_the_share_along(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m;

	(void)state;
	ask(r, 0, "mn1@example.com", 1, G, NULL);
	ask(r, 0, "mn2@example.com", 2, G, NULL);
	rig_pass(r, span_s(5));
	assert_int_equal(ask(r, 1, "mn1@example.com", 1, G, NULL), MH_SUB_ACCEPTED);
	assert_true(rig_copies(r, S1, G, 0)); /* mn2 is still there */
	assert_true(rig_copies(r, S1, G, 1));
	assert_int_equal(r->n_links, 0);
	m = rig_pbu(r, "mn2@example.com", 2); /* the new MAG says nothing of groups: the node is to be asked there */
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_false(rig_copies(r, S1, G, 0));
	assert_true(rig_copies(r, S1, G, 1)); /* mn1's */
	assert_int_equal(rig_binding(r, "mn2@example.com").n_groups, 0);
	rig_pass(r, span_s(20)); /* what MAG 0 might still say of them is waited for no more */
	m = rig_pbu(r, "mn1@example.com", 1);
	m->lifetime_4s = 0;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_int_equal(r->n_lists, 0);
	assert_string_equal(r->upstream, "TO_IN(ff1e::1,0) ");
	rig_free(r);
}

static void an_expired_binding_leaves(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	ask(r, 0, "mn1@example.com", 1, G, NULL);
	rig_pass(r, span_s(401));
	assert_int_equal(r->n_lists, 0);
	rig_pass(r, span_s(15));
	assert_int_equal(r->n_tunnels, 0);
	assert_int_equal(lma_totals(r->lma).peers, 0);
	rig_free(r);
}

/* ---- MLD in the tunnel ---- */

static void a_mag_joins_and_leaves_by_mld(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_register(r, 0, "mn1@example.com", 1);
	assert_true(r->n_queries > 0); /* the anchor is the querier of the tunnel */
	rig_forget(r);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	assert_true(rig_copies(r, S1, G, 0));
	assert_string_equal(r->upstream, "TO_EX(ff1e::1,0) ");
	rig_mld(r, 0, MLD_ALLOW_NEW_SOURCES, SSM, S1);
	assert_true(rig_copies(r, S1, SSM, 0));
	rig_pass(r, span_s(5));
	rig_forget(r);
	rig_mld(r, 0, MLD_CHANGE_TO_INCLUDE, G, NULL);
	assert_false(rig_copies(r, S1, G, 0)); /* at once: the MAG is the one listener of its tunnel */
	assert_string_equal(r->upstream, "TO_IN(ff1e::1,0) ");
	rig_mld(r, 0, MLD_BLOCK_OLD_SOURCES, SSM, S1);
	assert_int_equal(r->n_lists, 0);
	rig_free(r);
}

static void mld_that_is_not_repeated_ends(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G, NULL); /* no binding yet */
	assert_int_equal(r->n_tunnels, 1);
	rig_pass(r, span_s(100));
	assert_true(rig_copies(r, S1, G, 0));
	rig_pass(r, span_s(300));
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(r->n_tunnels, 0);
	assert_int_equal(lma_totals(r->lma).peers, 0);
	rig_free(r);
}

static void mld_and_registration_are_one_subscription(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	ask(r, 0, "mn1@example.com", 1, SSM, S1);
	rig_mld(r, 0, MLD_ALLOW_NEW_SOURCES, SSM, S2);
	assert_true(rig_copies(r, S1, SSM, 0));
	assert_true(rig_copies(r, S2, SSM, 0));
	refresh(r, 0, "mn1@example.com", 1, true);
	assert_false(rig_copies(r, S1, SSM, 0));
	assert_true(rig_copies(r, S2, SSM, 0));
	rig_mld(r, 0, MLD_BLOCK_OLD_SOURCES, SSM, S2);
	assert_int_equal(r->n_lists, 0);
	rig_free(r);
}

static void a_refusal_of_mld_is_told_by_notification(void **state)
{
	struct rig *r = rig_conf();
	struct profile_range deny = {.group = P("ff1e::2/128")};
	const struct rig_sent *upn;
	struct mh_msg m;
	uint16_t seq;

	(void)state;
	r->mags[0].n_deny = 1;
	r->mags[0].deny = &deny;
	r->mags[0].groups_max = 1;
	rig_start(r);
	rig_register(r, 0, "mn1@example.com", 1);
	rig_forget(r);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G2, NULL);
	assert_int_equal(r->n_lists, 0);
	upn = rig_last(r, MH_UPN);
	assert_non_null(upn);
	assert_true(addr_eq(&upn->dst, &r->mag[0]));
	assert_int_equal(upn->m.reason, 3);
	assert_int_equal(upn->m.flags, 0x8000);
	assert_true(upn->m.has & MH_HAS_GROUP_ID);
	assert_int_equal(upn->m.group_id, 1);
	assert_int_equal(rig_result(upn, G2), MH_SUB_PROHIBITED);
	seq = upn->m.seq;

	rig_forget(r);
	rig_pass(r, span_ms(1100)); /* repeated once, marked as such */
	assert_int_equal(rig_count(r, MH_UPN), 1);
	assert_int_equal(rig_last(r, MH_UPN)->m.flags, 0xc000);
	assert_int_equal(rig_last(r, MH_UPN)->m.seq, seq);
	mh_init(&m, MH_UPA);
	m.seq = seq;
	m.has = MH_HAS_GROUP_ID;
	m.group_id = 1;
	rig_send(r, 0, &m);
	rig_send(r, 0, &m);
	assert_int_equal(rig_counter(r, "upa-unknown"), 1); /* the second */

	rig_forget(r);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff1e::3", NULL);
	assert_int_equal(rig_result(rig_last(r, MH_UPN), "ff1e::3"), MH_SUB_LIMIT);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff15::3", NULL);
	assert_int_equal(rig_result(rig_last(r, MH_UPN), "ff15::3"), MH_SUB_NOT_SUPPORTED);
	rig_pass(r, span_s(10));
	assert_int_equal(rig_counter(r, "upn-given-up"), 2);
	rig_free(r);
}

static void a_mag_that_knows_no_notifications_is_not_sent_any(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg be;

	(void)state;
	rig_register(r, 0, "mn1@example.com", 1);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff15::1", NULL);
	assert_int_equal(rig_count(r, MH_UPN), 1);
	mh_init(&be, MH_BE);
	be.status = 2;
	rig_send(r, 0, &be);
	rig_forget(r);
	rig_pass(r, span_s(3));
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff15::2", NULL);
	assert_int_equal(rig_count(r, MH_UPN), 0);
	assert_int_equal(rig_counter(r, "upn-not-sent"), 1);
	rig_free(r);
}

static void tunnel_packets_of_strangers_and_nonsense_are_counted(void **state)
{
	struct rig *r = rig_new();
	struct dp_tunnel t = {r->conf.lmaa, A("2001:db8:bad::1")};
	uint8_t junk[60] = {0x60};

	(void)state;
	lma_recv_tunnel(r->lma, r->now, &t, junk, sizeof(junk));
	assert_int_equal(rig_counter(r, "tunnel-from-stranger"), 1);
	t.remote = r->mag[0];
	for (size_t len = 0; len <= sizeof(junk); len++)
		lma_recv_tunnel(r->lma, r->now, &t, junk, len);
	assert_int_equal(lma_totals(r->lma).peers, 0);
	rig_free(r);
}

/* ---- upstream ---- */

/* RFC 3810 5.1.14: a query whose source is not link-local is discarded and told of, not each. */
static void queries_from_nowhere(void **state)
{
	struct mld_query q = {.version = 2, .max_resp = {1000000000}, .qrv = 2, .qqi = {125000000000}};
	struct in6_addr from = A("2001:db8:6::6");
	struct rig *r = rig_new();
	struct dp_tunnel t = {r->conf.lmaa, r->mag[0]};
	uint8_t bytes[128];
	size_t len = mld_encode_query(&q, NULL, &from, &addr_all_nodes, bytes, sizeof(bytes));

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		lma_recv_tunnel(r->lma, r->now, &t, bytes, len);
	rig_drain(r);
	assert_int_equal(r->n_events[EV_MLD_WARNING], 1);
	assert_true(addr_eq(&r->event[EV_MLD_WARNING].peer, &r->mag[0]));
	assert_true(addr_eq(&r->event[EV_MLD_WARNING].source, &from));
	rig_pass(r, span_s(10));
	lma_recv_upstream(r->lma, r->now, RIG_UPSTREAM, bytes, len);
	rig_drain(r);
	assert_int_equal(r->n_events[EV_MLD_WARNING], 2);
	assert_int_equal(r->event[EV_MLD_WARNING].ifindex, RIG_UPSTREAM);
	rig_free(r);
}

static void groups_wait_for_the_upstream_link(void **state)
{
	struct rig *r = rig_new();
	struct in6_addr self = A("fe80::1234");

	(void)state;
	lma_upstream(r->lma, r->now, 0, &addr_any, 0);
	rig_drain(r);
	assert_int_equal(ask(r, 0, "mn1@example.com", 1, G, NULL), MH_SUB_ACCEPTED);
	assert_int_equal(r->n_lists, 0);
	rig_forget(r);
	lma_upstream(r->lma, r->now, RIG_UPSTREAM, &self, 1500);
	rig_drain(r);
	assert_true(rig_copies(r, S1, G, 0));
	assert_string_equal(r->upstream, "TO_EX(ff1e::1,0) ");
	rig_pass(r, span_s(5));
	rig_forget(r);
	lma_upstream(r->lma, r->now, RIG_UPSTREAM, &self, 1500); /* carrier came back: everything is said again */
	rig_drain(r);
	rig_pass(r, span_s(2));
	assert_non_null(strstr(r->upstream, "ff1e::1"));
	lma_upstream(r->lma, r->now, 0, &addr_any, 0);
	rig_drain(r);
	assert_int_equal(r->n_lists, 0);
	rig_free(r);
}

static void queries_upstream_are_answered(void **state)
{
	struct rig *r = rig_new();
	struct in6_addr router = A("fe80::1");
	struct mld_query q = {.version = 2, .max_resp = span_ms(100), .qrv = 2, .qqi = span_s(125)};
	uint8_t bytes[128];
	size_t len = mld_encode_query(&q, NULL, &router, &addr_all_nodes, bytes, sizeof(bytes));

	(void)state;
	ask(r, 0, "mn1@example.com", 1, G, NULL);
	rig_pass(r, span_s(5));
	rig_forget(r);
	lma_recv_upstream(r->lma, r->now, RIG_UPSTREAM, bytes, len);
	rig_drain(r);
	rig_pass(r, span_ms(110));
	assert_string_equal(r->upstream, "IS_EX(ff1e::1,0) ");
	lma_recv_upstream(r->lma, r->now, 99, bytes, len);
	assert_int_equal(rig_counter(r, "upstream-other-link"), 1);
	rig_free(r);
}

static void an_orderly_stop_leaves_everything(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	ask(r, 0, "mn1@example.com", 1, G, NULL);
	rig_mld(r, 1, MLD_ALLOW_NEW_SOURCES, SSM, S1);
	rig_pass(r, span_s(5));
	rig_forget(r);
	lma_stop(r->lma, r->now);
	rig_drain(r);
	assert_int_equal(r->n_lists, 0);
	assert_non_null(strstr(r->upstream, "TO_IN(ff1e::1,0)"));
	assert_non_null(strstr(r->upstream, "BLOCK(ff3e::1,1)"));
	assert_true(mono_is_never(lma_next_deadline(r->lma)));
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 1)), -1);
	rig_free(r);
}

static void without_the_extension_there_is_no_capability(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	(void)state;
	r->conf.signalling = LMA_ACCEPT_MLD_ONLY;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.has & (MH_HAS_CAPABILITIES | MH_HAS_RESULT), 0);
	assert_int_equal(r->n_lists, 0);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	assert_true(rig_copies(r, S1, G, 0));
	rig_free(r);

	/* Taken away by a reload: what was asked for by registration is asked for by MLD from the next answer on. */
	r = rig_new();
	ask(r, 0, "mn1@example.com", 1, G, NULL);
	r->conf.signalling = LMA_ACCEPT_MLD_ONLY;
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	assert_true(rig_copies(r, S1, G, 0));
	refresh(r, 0, "mn1@example.com", 1, true);
	assert_int_equal(rig_last(r, MH_BA)->m.has & MH_HAS_CAPABILITIES, 0);
	assert_false(rig_copies(r, S1, G, 0));
	rig_free(r);

	r = rig_conf();
	r->conf.multicast = false;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_BA)->m.has & (MH_HAS_CAPABILITIES | MH_HAS_RESULT), 0);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(rig_counter(r, "tunnel-mld-without-service"), 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_joins_and_is_told_the_result),
		cmocka_unit_test(the_upstream_hears_of_a_group_once),
		cmocka_unit_test(a_message_without_s_says_nothing_of_groups),
		cmocka_unit_test(a_set_replaces_the_former_without_a_gap),
		cmocka_unit_test(sources_of_several_records_are_one_wish),
		cmocka_unit_test(a_refused_group_never_fails_the_binding),
		cmocka_unit_test(a_refused_source_is_told_by_itself),
		cmocka_unit_test(a_refused_source_of_a_report_is_told_by_itself),
		cmocka_unit_test(sources_of_one_mag_are_limited),
		cmocka_unit_test(as_many_groups_as_a_message_holds),
		cmocka_unit_test(limits_of_a_mag_and_of_the_anchor),
		cmocka_unit_test(a_handover_takes_the_share_along),
		cmocka_unit_test(an_expired_binding_leaves),
		cmocka_unit_test(a_mag_joins_and_leaves_by_mld),
		cmocka_unit_test(mld_that_is_not_repeated_ends),
		cmocka_unit_test(mld_and_registration_are_one_subscription),
		cmocka_unit_test(a_refusal_of_mld_is_told_by_notification),
		cmocka_unit_test(a_mag_that_knows_no_notifications_is_not_sent_any),
		cmocka_unit_test(tunnel_packets_of_strangers_and_nonsense_are_counted),
		cmocka_unit_test(queries_from_nowhere),
		cmocka_unit_test(groups_wait_for_the_upstream_link),
		cmocka_unit_test(queries_upstream_are_answered),
		cmocka_unit_test(an_orderly_stop_leaves_everything),
		cmocka_unit_test(without_the_extension_there_is_no_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
