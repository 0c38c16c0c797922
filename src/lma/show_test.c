/* SPDX-License-Identifier: BSD-2-Clause */
/* What `roamcast show` and `why` get to see. */
#include "lma/testing.h"

struct seen {
	unsigned peers, subscriptions, groups, bindings;
	struct lma_peer_view peer;
	struct lma_subscription_view subscription;
	struct lma_group_view group;
};

static void peer_each(void *arg, const struct lma_peer_view *v)
{
	struct seen *s = arg;

	s->peers++;
	if (!strcmp(v->name, "mag1"))
		s->peer = *v;
}

static void subscription_each(void *arg, const struct lma_subscription_view *v)
{
	struct seen *s = arg;

	s->subscriptions++;
	s->subscription = *v;
	assert_false(filter_is_none(v->filter));
}

static void group_each(void *arg, const struct lma_group_view *v)
{
	struct seen *s = arg;

	s->groups++;
	s->group = *v;
	assert_false(filter_is_none(v->merged));
}

static void binding_each(void *arg, const struct lma_binding_view *v)
{
	struct seen *s = arg;

	s->bindings++;
	assert_non_null(v->profile);
	assert_int_equal(v->n_prefixes, 1);
}

static struct seen look(const struct rig *r)
{
	struct seen s = {.peers = 0};

	lma_each_peer(r->lma, peer_each, &s);
	lma_each_subscription(r->lma, subscription_each, &s);
	lma_each_group(r->lma, group_each, &s);
	lma_each_binding(r->lma, binding_each, &s);
	return s;
}

static void peers_and_what_they_can(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;
	struct seen s;

	(void)state;
	r->conf.implicit_join = true;
	rig_start(r);
	assert_int_equal(look(r).peers, 0);
	m = rig_pbu(r, "mn1@example.com", 1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_last(r, MH_BA)->m.capabilities.features & MH_FEATURE_IMPLICIT_JOIN);
	assert_int_equal(r->n_events[EV_PEER_LEGACY], 1);
	s = look(r);
	assert_int_equal(s.peers, 1);
	assert_false(s.peer.heard_capabilities);
	assert_true(addr_eq(&s.peer.tunnel.remote, &r->mag[0]));
	assert_true(addr_eq(&s.peer.tunnel.local, &r->conf.lmaa));
	m = rig_pbu(r, "mn2@example.com", 2);
	m->has |= MH_HAS_CAPABILITIES;
	m->capabilities = (struct mh_capabilities){.version = 1, .roles = 1, .features = 7, .groups_max = 9};
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(r->n_events[EV_PEER_UP], 1);
	s = look(r);
	assert_true(s.peer.heard_capabilities);
	assert_int_equal(s.peer.capabilities.groups_max, 9);
	assert_int_equal(s.peer.bindings, 2);
	assert_int_equal(s.bindings, 2);
	rig_send(r, 0, rig_pbu(r, "mn3@example.com", 3)); /* said once */
	assert_int_equal(r->n_events[EV_PEER_LEGACY], 0);
	rig_free(r);
}

static void subscriptions_with_their_origins(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	struct seen s;

	(void)state;
	rig_ask(m, "ff1e::1", NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	s = look(r);
	assert_int_equal(s.subscriptions, 1);
	assert_int_equal(s.subscription.origins, SUB_ORIGIN_REGISTRATION);
	assert_int_equal(s.subscription.bindings, 1);
	rig_mld(r, 0, MLD_CHANGE_TO_EXCLUDE, "ff1e::1", NULL);
	s = look(r);
	assert_int_equal(s.subscriptions, 1);
	assert_int_equal(s.subscription.origins, SUB_ORIGIN_REGISTRATION | SUB_ORIGIN_MLD);
	rig_mld(r, 1, MLD_CHANGE_TO_EXCLUDE, "ff1e::1", NULL);
	s = look(r);
	assert_int_equal(s.subscriptions, 2);
	assert_int_equal(s.groups, 1);
	assert_int_equal(s.group.mags, 2);
	assert_true(s.group.joined);
	assert_int_equal(s.peer.groups, 1);
	rig_free(r);
}

struct names {
	unsigned n;
	char v[256][96];
};

static void name_each(void *arg, const char *name, uint64_t value)
{
	struct names *s = arg;

	(void)value;
	assert_true(s->n < 256);
	assert_true(strlen(name) > 2);
	for (const char *c = name; *c; c++)
		assert_true((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			    *c == '-' || *c == '_');
	for (unsigned i = 0; i < s->n; i++)
		assert_string_not_equal(s->v[i], name);
	snprintf(s->v[s->n++], sizeof(s->v[0]), "%s", name);
}

static void every_counter_has_its_own_name(void **state)
{
	struct rig *r = rig_new();
	struct names *s = calloc(1, sizeof(*s));

	(void)state;
	lma_each_counter(r->lma, name_each, s);
	assert_true(s->n > 80);
	free(s);
	rig_free(r);
}

static void totals(void **state)
{
	struct rig *r = rig_conf();

	(void)state;
	r->conf.pools[0] = P("2001:db8:f00::/56");
	rig_start(r);
	assert_int_equal(lma_totals(r->lma).prefixes_free_log2, 8);
	rig_register(r, 0, "mn1@example.com", 1);
	assert_int_equal(lma_totals(r->lma).prefixes_free_log2, 7);
	assert_int_equal(lma_totals(r->lma).bindings, 1);
	assert_true(lma_totals(r->lma).bytes > 1000);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_and_what_they_can),
		cmocka_unit_test(subscriptions_with_their_origins),
		cmocka_unit_test(every_counter_has_its_own_name),
		cmocka_unit_test(totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
