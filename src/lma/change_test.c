/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes from the operator and the policy store while bindings stand: draft 4.3.1, termination by the network. */
#include "lma/testing.h"

#define G   "ff1e::1"
#define G2  "ff1e::2"
#define SSM "ff3e::1"
#define S1  "2001:db8:5::1"
#define S2  "2001:db8:5::2"

static struct rig *with_two_groups(void)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	rig_ask(m, G, NULL);
	rig_ask(m, G2, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_pass(r, span_s(5));
	rig_forget(r);
	return r;
}

static void change(struct rig *r, const char *mn, const struct profile *p)
{
	struct nai id = N(mn);

	rig_forget(r);
	lma_profile_changed(r->lma, r->now, &id, p);
	rig_drain(r);
}

static void a_node_that_lost_service_is_revoked(void **state)
{
	struct rig *r = with_two_groups();
	struct profile *p = profile_new();

	(void)state;
	p->enabled = false;
	change(r, "mn1@example.com", p);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 1);
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	assert_int_equal(r->n_routes, 0);
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(r->n_events[EV_POLICY_CHANGED], 1);
	profile_unref(p);

	rig_register(r, 0, "mn1@example.com", 1);
	change(r, "mn1@example.com", NULL); /* removed from the store */
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 1);
	assert_int_equal(lma_totals(r->lma).bindings, 0);

	rig_register(r, 0, "mn1@example.com", 1);
	p = profile_new();
	p->n_mags = 1;
	p->mags[0] = r->mag[1];
	change(r, "mn1@example.com", p);
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	change(r, "mn2@example.com", p); /* nobody here */
	assert_int_equal(r->n_sent, 0);
	profile_unref(p);
	rig_free(r);
}

static void groups_no_longer_permitted_end_at_once(void **state)
{
	struct rig *r = with_two_groups();
	struct profile *p = profile_new(), *open = profile_new();
	struct prefix denied = P("ff1e::2/128");
	struct in6_addr g2 = A(G2);
	struct nai mn = N("mn1@example.com");
	uint8_t result = 99;

	(void)state;
	profile_add_range(p, true, &denied, NULL);
	change(r, "mn1@example.com", p);
	assert_true(rig_copies(r, S1, G, 0));
	assert_false(rig_copies(r, S1, G2, 0));
	assert_string_equal(r->upstream, "TO_IN(ff1e::2,0) ");
	assert_int_equal(rig_last(r, MH_UPN)->m.reason, 3);
	assert_string_equal(rig_last(r, MH_UPN)->m.mn_id.s, "mn1@example.com");
	assert_int_equal(rig_result(rig_last(r, MH_UPN), G2), MH_SUB_PROHIBITED);
	assert_int_equal(rig_result(rig_last(r, MH_UPN), G), -1);
	assert_true(lma_group_result(r->lma, &mn, &g2, &result));
	assert_int_equal(result, MH_SUB_PROHIBITED);
	assert_int_equal(rig_binding(r, "mn1@example.com").n_groups, 1);

	change(r, "mn1@example.com", open); /* granted again: the MAG is to ask for it */
	assert_int_equal(rig_last(r, MH_UPN)->m.reason, 1);
	assert_int_equal(rig_last(r, MH_UPN)->m.flags, MH_UPN_A); /* a registration may have other reasons */
	assert_false(rig_copies(r, S1, G2, 0));

	open->groups_max = 0;
	p->multicast = false;
	change(r, "mn1@example.com", p);
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(rig_result(rig_last(r, MH_UPN), G), MH_SUB_SERVICE_OFF);
	assert_int_equal(lma_totals(r->lma).bindings, 1); /* unicast goes on */
	profile_unref(p);
	change(r, "mn1@example.com", open);
	profile_unref(open);
	rig_free(r);
}

static void the_question_to_register_again_is_put_until_it_is_done(void **state)
{
	struct rig *r = rig_conf();
	struct profile *off = rig_profile(r, "mn1@example.com"), *on = profile_new();
	struct mh_msg *m, heard;

	(void)state;
	off->multicast = false;
	rig_start(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), G), MH_SUB_SERVICE_OFF);
	m = rig_pbu(r, "mn1@example.com", 1); /* the MAG asks for it no more */
	m->flags |= MH_BU_S;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	change(r, "mn1@example.com", on);
	assert_int_equal(rig_last(r, MH_UPN)->m.reason, 1);
	rig_forget(r);
	rig_pass(r, span_s(5)); /* it is lost, and its repetition too */
	assert_int_equal(rig_count(r, MH_UPN), 1);
	assert_int_equal(rig_last(r, MH_UPN)->m.flags, MH_UPN_A | MH_UPN_D);
	m = rig_pbu(r, "mn1@example.com", 1); /* a refresh: the MAG is there */
	m->flags |= MH_BU_S;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_last(r, MH_UPN)->m.reason, 1);
	mh_init(&heard, MH_UPA);
	heard.seq = rig_last(r, MH_UPN)->m.seq;
	heard.has = MH_HAS_MN_ID;
	heard.mn_id_subtype = MH_MNID_NAI;
	heard.mn_id = N("mn1@example.com");
	rig_send(r, 0, &heard);
	rig_forget(r);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_copies(r, S1, G, 0));
	rig_pass(r, span_s(5));
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 1)), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_UPN), 0);
	profile_unref(on);
	rig_free(r);
}

static void sources_no_longer_permitted_end_at_once(void **state)
{
	struct rig *r = rig_new();
	struct profile *p = profile_new();
	struct prefix groups_of = P("ff00::/8"), denied = P("2001:db8:5::2/128");
	struct in6_addr g = A(SSM), s2 = A(S2);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	rig_ask(m, SSM, S1);
	assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &g, &s2, 1, MH_AMS_SOURCES));
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_copies(r, S2, SSM, 0));
	profile_add_range(p, true, &groups_of, &denied);
	change(r, "mn1@example.com", p);
	assert_true(rig_copies(r, S1, SSM, 0));
	assert_false(rig_copies(r, S2, SSM, 0));
	assert_int_equal(rig_source_result(rig_last(r, MH_UPN), SSM, S2), MH_SUB_PROHIBITED);
	assert_int_equal(rig_source_result(rig_last(r, MH_UPN), SSM, S1), -1);
	profile_unref(p);
	rig_free(r);
}

static void fewer_groups_allowed(void **state)
{
	struct rig *r = with_two_groups();
	struct profile *p = profile_new();

	(void)state;
	p->groups_max = 1;
	change(r, "mn1@example.com", p);
	assert_int_equal(r->n_lists, 1);
	assert_int_equal(rig_last(r, MH_UPN)->m.result.n, 1);
	assert_int_equal(rig_binding(r, "mn1@example.com").n_groups, 1);
	profile_unref(p);
	rig_free(r);
}

static void other_prefixes_make_a_new_session(void **state)
{
	struct rig *r = with_two_groups();
	struct profile *p = profile_new();
	struct mh_msg *m;

	(void)state;
	p->mn = N("mn1@example.com");
	p->n_prefixes = 1;
	p->prefixes[0] = P("2001:db8:aaaa::/64");
	change(r, "mn1@example.com", p);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 1);
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	profile_unref(r->profiles[0]);
	r->profiles[0] = p;
	m = rig_pbu(r, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(prefix_eq(&rig_last(r, MH_BA)->m.hnp[0], &p->prefixes[0]));
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 2)),
			 MH_ACCEPTED); /* a second one, from the pool */
	change(r, "mn1@example.com", p);
	assert_int_equal(lma_totals(r->lma).bindings, 2);
	assert_int_equal(r->n_sent, 0);
	rig_free(r);
}

static void an_operator_terminates_a_node(void **state)
{
	struct rig *r = with_two_groups();
	struct nai mn = N("mn1@example.com"), other = N("mn2@example.com");

	(void)state;
	assert_int_equal(lma_terminate_node(r->lma, r->now, &other), CTL_NO_SUCH_NODE);
	assert_int_equal(lma_terminate_node(r->lma, r->now, &mn), CTL_OK);
	rig_drain(r);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 1);
	assert_int_equal(r->n_lists + r->n_routes, 0);
	rig_free(r);
}

static void an_operator_terminates_a_group(void **state)
{
	struct rig *r = with_two_groups();
	struct in6_addr g = A(G), none = A("ff1e::77");
	struct mh_msg *m;

	(void)state;
	rig_mld(r, 1, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	rig_forget(r);
	assert_int_equal(lma_terminate_group(r->lma, r->now, &none), CTL_NO_SUCH_GROUP);
	assert_int_equal(lma_terminate_group(r->lma, r->now, &g), CTL_OK);
	rig_drain(r);
	assert_false(rig_copies(r, S1, G, 0));
	assert_false(rig_copies(r, S1, G, 1));
	assert_true(rig_copies(r, S1, G2, 0));
	assert_int_equal(rig_count(r, MH_UPN), 2); /* both MAGs are told */
	assert_int_equal(rig_result(rig_last(r, MH_UPN), G), MH_SUB_PROHIBITED);
	assert_int_equal(r->n_events[EV_GROUP_TERMINATED], 1);
	assert_string_equal(r->upstream, "TO_IN(ff1e::1,0) ");
	m = rig_pbu(r, "mn1@example.com", 1); /* a MAG that asks whether it is so is told that it is */
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_result(rig_last(r, MH_BA), G), MH_SUB_PROHIBITED);
	assert_false(rig_copies(r, S1, G, 0));
	m = rig_pbu(r, "mn1@example.com", 1); /* it is not forbidden: who let it go and asks anew gets it */
	m->flags |= MH_BU_S;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	m = rig_pbu(r, "mn1@example.com", 1);
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_copies(r, S1, G, 0));
	rig_free(r);
}

static void a_source_that_fell_silent(void **state)
{
	struct rig *r = rig_new();
	struct in6_addr g = A(SSM), s1 = A(S1), s2 = A(S2);
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);

	(void)state;
	rig_ask(m, SSM, S1);
	assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &g, &s2, 1, MH_AMS_SOURCES));
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_mld(r, 1, MLD_ALLOW_NEW_SOURCES, SSM, S1);
	assert_int_equal(r->n_lists, 2);
	rig_forget(r);
	lma_source_silent(r->lma, r->now, &s1, &g, false); /* an event alone */
	rig_drain(r);
	assert_int_equal(r->n_events[EV_SOURCE_SILENT], 1);
	assert_int_equal(r->n_lists, 2);
	lma_source_silent(r->lma, r->now, &s1, &g, true);
	rig_drain(r);
	assert_false(rig_copies(r, S1, SSM, 0));
	assert_true(rig_copies(r, S2, SSM, 0)); /* the other source goes on */
	assert_false(rig_copies(r, S1, SSM, 1));
	assert_int_equal(r->n_lists, 1);
	assert_int_equal(rig_count(r, MH_UPN), 2); /* of that source alone */
	assert_int_equal(rig_source_result(rig_last(r, MH_UPN), SSM, S1), MH_SUB_PROHIBITED);
	assert_int_equal(rig_last(r, MH_UPN)->m.result.n, 1);
	lma_source_silent(r->lma, r->now, &s2, &g, true);
	rig_drain(r);
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(rig_binding(r, "mn1@example.com").n_groups, 0);
	rig_free(r);
}

/* ---- configuration ---- */

static void a_mag_that_is_taken_out_loses_its_bindings(void **state)
{
	struct rig *r = with_two_groups();
	struct prefix p = rig_register(r, 1, "mn2@example.com", 2);
	char removed[32];

	(void)state;
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff1e::9", NULL);
	snprintf(removed, sizeof(removed), "%s", r->mags[0].name);
	r->conf.n_mags = RIG_MAGS - 1;
	r->conf.mags = r->mags + 1;
	rig_forget(r);
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	assert_string_equal(removed, "mag1");
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.trigger, 1);
	assert_int_equal(lma_totals(r->lma).bindings, 1);
	assert_int_equal(rig_route(r, &p), 1);
	assert_int_equal(r->n_tunnels, 1);
	assert_int_equal(r->n_lists, 0);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn1@example.com", 1)), MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG);
	rig_free(r);
}

static void limits_and_ranges_are_taken_up(void **state)
{
	struct rig *r = with_two_groups();
	struct profile_range deny = {.group = P("ff1e::9/128")};

	(void)state;
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff1e::9", NULL);
	assert_true(rig_copies(r, S1, "ff1e::9", 0));
	r->mags[0].n_deny = 1;
	r->mags[0].deny = &deny;
	r->conf.bindings_max = 1;
	r->conf.groups_per_node_max = 1;
	rig_forget(r);
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	assert_false(rig_copies(r, S1, "ff1e::9", 0));
	assert_int_equal(r->n_lists, 1);
	/* for the node, for the MAG's own, and that it may ask for what it was refused */
	assert_int_equal(rig_count(r, MH_UPN), 3);
	assert_int_equal(rig_status(r, 0, rig_pbu(r, "mn2@example.com", 2)), MH_NO_RESOURCES);

	r->mags[0].n_deny = 0; /* and back: the MAG is still reporting it */
	r->conf.bindings_max = 10;
	rig_pass(r, span_s(3));
	rig_forget(r);
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	assert_int_equal(rig_count(r, MH_UPN), 2); /* the node was refused a group, too */
	assert_int_equal(rig_last(r, MH_UPN)->m.reason, MH_UPN_FORCE_REREGISTRATION);
	assert_true(rig_last(r, MH_UPN)->m.has & MH_HAS_GROUP_ID);
	assert_int_equal(rig_last(r, MH_UPN)->m.group_id, 1);
	rig_pass(r, span_s(3));
	rig_forget(r);
	lma_reconf(r->lma, r->now, &r->conf); /* the same once more */
	rig_drain(r);
	if (rig_last(r, MH_UPN))
		assert_false(rig_last(r, MH_UPN)->m.has & MH_HAS_GROUP_ID);
	assert_true(rig_copies(r, S1, "ff1e::9", 0));
	rig_register(r, 0, "mn2@example.com", 2);
	rig_free(r);
}

static void other_pools_leave_bindings_alone(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1), q;
	struct mh_msg *m;

	(void)state;
	r->conf.pools[0] = P("2001:db8:abc::/48");
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	q = rig_register(r, 0, "mn2@example.com", 2);
	assert_true(prefix_contains(&r->conf.pools[0], &q.addr));
	m = rig_pbu(r, "mn1@example.com", 1);
	m->hnp[0] = p;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);

	r->conf.pools[0] = P("2001:db8:f00::/48"); /* back: what is in use is not given twice */
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	for (uint8_t i = 3; i < 8; i++) {
		char mn[32];

		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		q = rig_register(r, 0, mn, i);
		assert_false(prefix_eq(&q, &p));
	}
	rig_free(r);
}

static void a_node_is_asked_through_its_mag(void **state)
{
	struct rig *r = rig_new();
	struct nai mn = N("mn1@example.com"), nobody = N("nobody");
	struct in6_addr g = A("ff1e::1");
	const struct rig_sent *upn;
	struct mh_msg upa;

	(void)state;
	rig_register(r, 1, "mn1@example.com", 1);
	rig_forget(r);
	assert_int_equal(lma_query_node(r->lma, r->now, &nobody, NULL), CTL_NO_SUCH_NODE);
	assert_int_equal(lma_query_node(r->lma, r->now, &mn, &g), CTL_OK);
	rig_drain(r);
	upn = rig_last(r, MH_UPN);
	assert_true(upn && addr_eq(&upn->dst, &r->mag[1]));
	assert_int_equal(upn->m.reason, MH_UPN_VENDOR_SPECIFIC);
	assert_true(upn->m.has & MH_HAS_QUERY);
	assert_int_equal(upn->m.query.n, 1);
	assert_true(addr_eq(&upn->m.records[upn->m.query.first].group, &g));
	mh_init(&upa, MH_UPA);
	upa.seq = upn->m.seq;
	upa.has = MH_HAS_MN_ID;
	upa.mn_id_subtype = MH_MNID_NAI;
	upa.mn_id = mn;
	rig_send(r, 1, &upa);
	rig_forget(r);
	rig_pass(r, span_s(5));
	assert_int_equal(rig_count(r, MH_UPN), 0); /* not repeated */
	assert_int_equal(lma_query_node(r->lma, r->now, &mn, NULL), CTL_OK);
	rig_drain(r);
	assert_int_equal(rig_last(r, MH_UPN)->m.query.n, 0);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_lost_service_is_revoked),
		cmocka_unit_test(groups_no_longer_permitted_end_at_once),
		cmocka_unit_test(the_question_to_register_again_is_put_until_it_is_done),
		cmocka_unit_test(sources_no_longer_permitted_end_at_once),
		cmocka_unit_test(fewer_groups_allowed),
		cmocka_unit_test(other_prefixes_make_a_new_session),
		cmocka_unit_test(an_operator_terminates_a_node),
		cmocka_unit_test(an_operator_terminates_a_group),
		cmocka_unit_test(a_source_that_fell_silent),
		cmocka_unit_test(a_mag_that_is_taken_out_loses_its_bindings),
		cmocka_unit_test(limits_and_ranges_are_taken_up),
		cmocka_unit_test(other_pools_leave_bindings_alone),
		cmocka_unit_test(a_node_is_asked_through_its_mag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
