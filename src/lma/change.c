/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes that come from the operator or the policy store: profiles, termination (draft 4.3.1), reconfiguration, stop.
 */
#include "lma/lma_priv.h"

#include <string.h>

/* The binding ends here and now, and its MAG is told. */
static void revoke(struct lma *l, struct binding *b)
{
	if (b->state == LMA_BINDING_ACTIVE)
		revocation_send(l, b, b->peer, MH_BRI_ADMINISTRATIVE, false);
	binding_event(l, EV_BINDING_DELETED, b);
	binding_delete(l, b);
}

/* ---- profiles ---- */

static bool has_prefix(const struct binding *b, const struct prefix *p)
{
	for (unsigned i = 0; i < b->n_hnps; i++)
		if (prefix_eq(&binding_hnp(b, i)->prefix, p))
			return true;
	return false;
}

/* Does the profile still give the session the prefixes that it has? */
static bool prefixes_stand(const struct lma *l, const struct binding *b, const struct profile *p)
{
	const struct nai mn = binding_mn(b);
	unsigned same = 0;

	if (!p->n_prefixes) {
		for (unsigned i = 0; i < b->n_hnps; i++)
			if (!prefix_pool_owns(l, &binding_hnp(b, i)->prefix))
				return false;
		return true;
	}
	for (unsigned i = 0; i < p->n_prefixes; i++)
		same += has_prefix(b, &p->prefixes[i]);
	if (same == p->n_prefixes && same == b->n_hnps)
		return true;
	/* A further session of the node lives on the pools while another has the profile's. */
	for (const struct binding *other = binding_of_mn(l, &mn); other; other = binding_next(other))
		if (other != b && has_prefix(other, &p->prefixes[0]))
			return same == 0;
	return false;
}

static struct binding *unfit(const struct lma *l, const struct nai *mn, const struct profile *p)
{
	for (struct binding *b = binding_of_mn(l, mn); b; b = binding_next(b))
		if (!p || !p->enabled || !profile_allows_mag(p, &b->peer->proxy_coa) || !prefixes_stand(l, b, p))
			return b;
	return NULL;
}

void lma_profile_changed(struct lma *l, struct now now, const struct nai *mn, const struct profile *p)
{
	struct event e = {.kind = EV_POLICY_CHANGED, .mn = *mn, .status = -1};
	struct binding *b;

	l->now = now;
	if (l->stopped || !binding_of_mn(l, mn))
		return;
	lma_event(l, &e);
	while ((b = unfit(l, mn, p)) != NULL)
		revoke(l, b);
	for (b = binding_of_mn(l, mn); b; b = binding_next(b)) {
		const struct profile *before = b->profile;

		b->profile = profile_ref(p);
		profile_unref(before);
		/* what the former profile refused is not said again */
		notify_cancel(l, b->peer, mn);
		if (b->shares || b->refused)
			shares_reauthorise(l, b);
	}
	lma_settle(l);
}

/* ---- termination ---- */

enum ctl_err lma_terminate_node(struct lma *l, struct now now, const struct nai *mn)
{
	struct binding *b;

	l->now = now;
	if (!binding_of_mn(l, mn))
		return CTL_NO_SUCH_NODE;
	while ((b = binding_of_mn(l, mn)) != NULL)
		revoke(l, b);
	lma_settle(l);
	return CTL_OK;
}

enum ctl_err lma_query_node(struct lma *l, struct now now, const struct nai *mn, const struct in6_addr *group)
{
	enum ctl_err e = CTL_NO_SUCH_NODE;

	l->now = now;
	for (struct binding *b = binding_of_mn(l, mn); b; b = binding_next(b))
		if (b->state == LMA_BINDING_ACTIVE)
			e = notify_query(l, b->peer, mn, group ? group : &addr_any) ? CTL_OK : CTL_LIMIT;
	lma_settle(l);
	return e;
}

/* At one MAG; the MAG is told, or it would wait for a stream that comes no more. */
static bool terminate_at(struct lma *l, struct peer *p, const struct in6_addr *group, const struct in6_addr *source)
{
	struct refused told = {.peer = p, .group = *group, .result = MH_SUB_PROHIBITED};
	struct sub *s = sub_find(l, p, group);
	bool drop_mld;

	if (!s || (!addr_is_any(source) && !filter_has_source(&s->force, source)))
		return false;
	drop_mld = !filter_is_none(&s->mld) &&
		   (addr_is_any(source) || (s->mld.mode == FILTER_INCLUDE && filter_count(&s->mld) == 1 &&
					    filter_has_source(&s->mld, source)));
	if (!addr_is_any(source)) {
		bool oom = false;

		told.sources = filter_of(FILTER_INCLUDE, source, 1, &oom);
	}
	shares_terminate(l, s, source);
	if (drop_mld && p->mld)
		mld_link_drop_group(p->mld, l->now, group);
	s = sub_find(l, p, group);
	if (s && s->implicit && addr_is_any(source))
		implicit_withdraw(l, s);
	notify_results(l, p, NULL, &told, 1);
	return true;
}

static unsigned terminate(struct lma *l, const struct in6_addr *group, const struct in6_addr *source)
{
	struct event e = {.kind = EV_GROUP_TERMINATED, .group = *group, .source = *source, .status = -1};
	unsigned n = 0;

	for (struct hnode *i = htab_next(&l->peers, NULL); i; i = htab_next(&l->peers, i))
		n += terminate_at(l, hnode_owner(i, struct peer, by_addr), group, source);
	n += context_terminate(l, group, source);
	if (n)
		lma_event(l, &e);
	lma_settle(l);
	return n;
}

enum ctl_err lma_terminate_group(struct lma *l, struct now now, const struct in6_addr *group)
{
	l->now = now;
	return terminate(l, group, &addr_any) ? CTL_OK : CTL_NO_SUCH_GROUP;
}

void lma_source_silent(struct lma *l, struct now now, const struct in6_addr *source, const struct in6_addr *group,
		       bool ends)
{
	struct event e = {.kind = EV_SOURCE_SILENT, .group = *group, .source = *source, .status = -1};

	l->now = now;
	if (l->stopped)
		return;
	lma_event(l, &e);
	if (ends)
		terminate(l, group, source);
}

/* ---- configuration ---- */

static struct peer *not_permitted(const struct lma *l)
{
	for (struct hnode *n = htab_next(&l->peers, NULL); n; n = htab_next(&l->peers, n)) {
		struct peer *p = hnode_owner(n, struct peer, by_addr);

		if (!p->mag)
			return p;
	}
	return NULL;
}

static bool same_ranges(const struct profile_range *a, uint16_t n_a, const struct profile_range *b, uint16_t n_b)
{
	if (n_a != n_b)
		return false;
	for (uint16_t i = 0; i < n_a; i++)
		if (!prefix_eq(&a[i].group, &b[i].group) || !prefix_eq(&a[i].source, &b[i].source))
			return false;
	return true;
}

/* Will a MAG be granted, for what no node is named, what it was not before? It cannot know. */
static bool grants_differ(const struct lma *l, const struct lma_conf *next)
{
	const struct lma_conf *c = &l->conf;

	if (next->groups_max > c->groups_max || next->groups_per_mag_max > c->groups_per_mag_max ||
	    next->n_mags != l->n_mags || memcmp(&next->scopes, &c->scopes, sizeof(c->scopes)))
		return true;
	for (uint16_t i = 0; i < l->n_mags; i++) {
		const struct lma_mag_conf *m = &next->mags[i];
		const struct lma_mag *was = &l->mags[i];

		if (!prefix_eq(&m->proxy_coa, &was->conf.proxy_coa) || m->groups_max > was->conf.groups_max ||
		    !same_ranges(m->allow, m->n_allow, was->ranges->allow, was->ranges->n_allow) ||
		    !same_ranges(m->deny, m->n_deny, was->ranges->deny, was->ranges->n_deny))
			return true;
	}
	return false;
}

static void ask_again(struct lma *l)
{
	for (struct hnode *i = htab_next(&l->peers, NULL); i; i = htab_next(&l->peers, i)) {
		struct peer *p = hnode_owner(i, struct peer, by_addr);

		if (p->n_bindings)
			notify_reregister(l, p, NULL);
	}
}

static void peers_reconf(struct lma *l, bool heartbeats)
{
	struct peer *p;
	struct list *n;

	for (struct hnode *i = htab_next(&l->peers, NULL); i; i = htab_next(&l->peers, i)) {
		p = hnode_owner(i, struct peer, by_addr);
		p->mag = lma_mag_of(l, &p->proxy_coa);
		if (p->mld)
			mld_link_reconf(p->mld, l->now, &l->conf.tunnel_mld);
		if (heartbeats)
			heartbeat_reconf(l, p);
	}
	while ((p = not_permitted(l)) != NULL) {
		while ((n = list_first(&p->bindings)) != NULL)
			revoke(l, list_owner(n, struct binding, of_peer));
		peer_free(l, p);
	}
}

static void limits_reconf(struct lma *l)
{
	const struct lma_conf *c = &l->conf;
	struct proxy_conf proxy = {
		.groups_max = c->groups_max, .members_max = c->peers_max, .entries_max = c->entries_max};

	slab_set_max(&l->binding_slab, c->bindings_max);
	slab_set_max(&l->peer_slab, c->peers_max);
	slab_set_max(&l->sub_slab, c->entries_max);
	slab_set_max(&l->demand_slab, c->entries_max);
	slab_set_max(&l->share_slab, c->entries_max);
	slab_set_max(&l->revocation_slab, c->pending_max);
	slab_set_max(&l->carried_slab, c->bindings_max);
	slab_set_max(&l->question_slab, c->pending_max);
	slab_set_max(&l->implicit_slab, c->entries_max);
	slab_set_max(&l->expectation_slab, c->pending_max);
	if (l->proxy)
		proxy_reconf(l->proxy, &proxy);
	limiter_init(&l->be_limiter, c->be_per_s, c->be_per_s);
	limiter_init(&l->refusal_limiter, c->refusal_per_s, c->refusal_per_s);
}

static void multicast_reconf(struct lma *l)
{
	for (struct hnode *n = htab_next(&l->by_mn, NULL); n; n = htab_next(&l->by_mn, n)) {
		struct binding *b = hnode_owner(n, struct binding, by_mn);

		if (b->shares || b->refused)
			shares_reauthorise(l, b);
	}
	for (struct hnode *n = htab_next(&l->peers, NULL); n; n = htab_next(&l->peers, n))
		multicast_mld_all(l, hnode_owner(n, struct peer, by_addr));
}

/* Our own address, and whether there is multicast at all, name what is in the data plane and at the peers already: they
 * are taken up by a restart, and stay as they are until then. */
void lma_reconf(struct lma *l, struct now now, const struct lma_conf *conf)
{
	struct lma_conf c = *conf;
	bool differ = grants_differ(l, conf), heartbeats = l->conf.heartbeat_interval.ns != conf->heartbeat_interval.ns;

	l->now = now;
	if (l->stopped)
		return;
	c.lmaa = l->conf.lmaa;
	c.multicast = l->conf.multicast;
	if (!lma_conf_set(l, &c)) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		return;
	}
	limits_reconf(l);
	peers_reconf(l, heartbeats);
	prefix_pool_conf(l);
	multicast_reconf(l);
	lma_settle(l);
	if (differ)
		ask_again(l);
}

void lma_stop(struct lma *l, struct now now)
{
	l->now = now;
	if (l->stopped)
		return;
	for (struct hnode *n = htab_next(&l->peers, NULL); n; n = htab_next(&l->peers, n)) {
		struct peer *p = hnode_owner(n, struct peer, by_addr);

		if (p->member)
			proxy_member_free(p->member);
		p->member = NULL;
	}
	lma_settle(l);
	l->stopped = true;
}
