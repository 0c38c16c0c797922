/* SPDX-License-Identifier: BSD-2-Clause */
/* Downstream links: their router side, and their place in the instance. */
#include "mldproxy/mldproxy_priv.h"

#include <stdio.h>
#include <string.h>

struct downstream *downstream_find(const struct mldproxy *p, uint32_t ifindex)
{
	uint64_t hash = htab_hash(&p->links, &ifindex, sizeof(ifindex));

	for (struct hnode *n = htab_first(&p->links, hash); n; n = htab_same(n)) {
		struct downstream *l = hnode_owner(n, struct downstream, by_ifindex);

		if (l->ifindex == ifindex)
			return l;
	}
	return NULL;
}

struct mld_router_conf downstream_conf(const struct mldproxy *p)
{
	struct mld_router_conf c = p->conf.downstream_mld;

	if (!c.groups_max)
		c.groups_max = p->conf.groups_max;
	if (!c.sources_max)
		c.sources_max = p->conf.sources_per_group_max;
	if (!c.hosts_max)
		c.hosts_max = p->conf.hosts_per_group_max;
	return c;
}

/* ---- in the instance ---- */

static bool forwards(const struct mldproxy *p, const struct downstream *l)
{
	return p->conf.forward_always || mld_link_is_querier(l->mld);
}

static void set_unplaced(struct mldproxy *p, struct downstream *l, bool unplaced)
{
	if (unplaced)
		mldproxy_retry_later(p);
	if (l->unplaced == unplaced)
		return;
	l->unplaced = unplaced;
	p->unplaced += unplaced ? 1 : -1u;
}

/* Which of the instance's limits has just refused: each refusal is looked at. */
static enum mldproxy_limit limit_of_lists(struct mldproxy *p)
{
	const struct proxy_usage was = p->lists, is = proxy_usage(p->proxy);

	p->lists = is;
	if (is.refused_groups > was.refused_groups)
		return LIMIT_GROUPS;
	return is.refused_entries > was.refused_entries ? LIMIT_ENTRIES : LIMIT_SOURCES;
}

/* False: there is no room. */
static bool put(struct mldproxy *p, struct downstream *l, const struct in6_addr *group, const struct filter *f)
{
	struct mldproxy_who who;

	switch (proxy_set(l->member, group, f)) {
	case PROXY_OK:
		return true;
	case PROXY_LIMIT:
		mldproxy_count(p, MLDPROXY_REPLICATION_LIMIT);
		who = mldproxy_who_link(l, group);
		mldproxy_limit_event(p, limit_of_lists(p), &who);
		break;
	case PROXY_OOM:
		mldproxy_count(p, MLDPROXY_OUT_OF_MEMORY);
		break;
	}
	return false;
}

/* More than what is wanted now is not left standing for want of room: such a change ends the old membership first. */
static bool put_or_end(struct mldproxy *p, struct downstream *l, const struct in6_addr *group, const struct filter *f)
{
	struct filter had = FILTER_NONE;

	if (put(p, l, group, f))
		return true;
	if (proxy_get(l->member, group, &had) && !filter_covers(f, &had)) {
		proxy_set(l->member, group, &FILTER_NONE);
		if (put(p, l, group, f)) {
			filter_drop(&had);
			return true;
		}
	}
	filter_drop(&had);
	return false;
}

void downstream_changed(struct mldproxy *p, struct downstream *l, const struct in6_addr *group)
{
	struct filter f = FILTER_NONE;

	if (!l->member)
		return;
	if (!mld_link_state(l->mld, group, &f) && mld_link_has(l->mld, group)) {
		mldproxy_count(p, MLDPROXY_OUT_OF_MEMORY);
		set_unplaced(p, l, true);
		return;
	}
	if (!put_or_end(p, l, group, &f))
		set_unplaced(p, l, true);
	filter_drop(&f);
}

struct placing {
	struct mldproxy *p;
	struct downstream *l;
	uint32_t seen;
	bool all;
};

static void place_group(void *arg, const struct in6_addr *group, const struct filter *f, uint32_t hosts)
{
	struct placing *w = arg;

	(void)hosts;
	w->seen++;
	if (w->all)
		w->all = put_or_end(w->p, w->l, group, f);
}

void downstream_place(struct mldproxy *p, struct downstream *l)
{
	struct dp_out out = {.ifindex = l->ifindex};
	struct placing w = {.p = p, .l = l, .all = true};

	if (!p->proxy)
		return;
	if (!l->member) {
		l->member = proxy_member_new(p->proxy, &out, false, l);
		if (!l->member) {
			mldproxy_count(p, MLDPROXY_OUT_OF_MEMORY);
			set_unplaced(p, l, true);
			return;
		}
		proxy_member_forward(l->member, forwards(p, l));
	}
	mld_link_each(l->mld, place_group, &w);
	w.all = w.all && w.seen == mld_link_groups(l->mld);
	set_unplaced(p, l, !w.all);
	if (!w.all)
		mldproxy_retry_later(p);
}

/* The querier rule of RFC 4605 4.2. */
void downstream_querier(struct mldproxy *p, struct downstream *l)
{
	bool querier = mld_link_is_querier(l->mld);

	if (querier != list_empty(&l->listening)) {
		mldproxy_count(p, querier ? MLDPROXY_QUERIER_BECOME : MLDPROXY_QUERIER_LOST);
		if (querier)
			list_del(&l->listening);
		else
			list_add(&p->listening, &l->listening);
		mldproxy_querier_event(p, l);
	}
	if (l->member)
		proxy_member_forward(l->member, forwards(p, l));
}

/* ---- life ---- */

void downstream_free(struct mldproxy *p, struct downstream *l)
{
	proxy_member_free(l->member);
	if (l->own)
		mld_upstream_free(l->own);
	mld_link_free(l->mld);
	set_unplaced(p, l, false);
	list_del(&l->listening);
	htab_del(&p->links, &l->by_ifindex);
	slab_put(&p->link_slab, l);
}

/* A router of a link listens to all MLDv2 routers and says so, for routers and switches beside it (RFC 3810 7). */
static struct mld_upstream *own_new(struct mldproxy *p, struct downstream *l, const struct in6_addr *self, uint32_t mtu)
{
	struct mld_host_conf conf = {.robustness = p->conf.downstream_mld.robustness, .mtu = mtu, .groups_max = 1};
	struct mld_upstream *own = mld_upstream_new(p->own, &conf, self, l);

	if (own)
		mld_upstream_set(own, p->now, &addr_all_mldv2_routers, &FILTER_ANY);
	return own;
}

static struct downstream *downstream_new(struct mldproxy *p, uint32_t ifindex, const struct in6_addr *self,
					 uint32_t mtu)
{
	struct mld_router_conf conf = downstream_conf(p);
	struct downstream *l = slab_get(&p->link_slab);

	if (!l)
		return NULL;
	l->ifindex = ifindex;
	list_init(&l->listening);
	l->mld = mld_link_new(p->routers, p->now, &conf, self, l);
	l->own = l->mld ? own_new(p, l, self, mtu) : NULL;
	if (!l->own || !htab_add(&p->links, &l->by_ifindex, htab_hash(&p->links, &ifindex, sizeof(ifindex)))) {
		if (l->own)
			mld_upstream_free(l->own);
		mld_link_free(l->mld);
		slab_put(&p->link_slab, l);
		return NULL;
	}
	return l;
}

static void downstream_event(struct mldproxy *p, enum event_kind kind, const struct downstream *l)
{
	struct event e = {.kind = kind, .ifindex = l->ifindex, .status = -1};

	memcpy(e.link, l->name, sizeof(l->name));
	fxq_event(p->fxq, &e);
}

bool mldproxy_downstream_up(struct mldproxy *p, struct now now, uint32_t ifindex, const char *name,
			    const struct in6_addr *self, uint32_t mtu)
{
	struct downstream *l = downstream_find(p, ifindex);
	bool fresh = !l;

	p->now = now;
	if (p->stopped || !ifindex)
		return false;
	if (fresh)
		l = downstream_new(p, ifindex, self, mtu);
	if (!l) {
		struct mldproxy_who who = {.ifindex = ifindex};

		snprintf(who.link, sizeof(who.link), "%s", name);
		mldproxy_count(p, MLDPROXY_LINKS_LIMIT);
		mldproxy_limit_event(p, LIMIT_LINKS, &who);
		return false;
	}
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->mtu = mtu;
	if (!fresh && !addr_eq(&l->self, self)) {
		mld_link_set_self(l->mld, self);
		mld_upstream_set_self(l->own, now, self);
	}
	l->self = *self;
	if (fresh) {
		downstream_place(p, l);
		downstream_event(p, EV_LINK_UP, l);
	}
	mldproxy_settle(p);
	return true;
}

void mldproxy_downstream_down(struct mldproxy *p, struct now now, uint32_t ifindex)
{
	struct downstream *l = downstream_find(p, ifindex);

	p->now = now;
	if (p->stopped || !l)
		return;
	downstream_event(p, EV_LINK_DOWN, l);
	downstream_free(p, l);
	mldproxy_settle(p);
}
