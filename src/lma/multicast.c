/* SPDX-License-Identifier: BSD-2-Clause */
/* Subscriptions of (MAG, group): what a MAG reports by MLD and what its bindings asked for, in union, go to the proxy
 * instance (RFC 4605), which keeps the copies per MAG and the merged state that is reported upstream. */
#include "lma/lma_priv.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_EVENT_S 10 /* one event of a limit in so many seconds */

/* In lma.limit_told, after the counters of the membership engine. */
enum { LIMIT_LISTS = MLD_ROUTER_COUNTER_N, LIMIT_UPSTREAM };

/* A MAG may have it reached a thousand times a second: the events of others are to stay in sight. */
static void limit_event(struct lma *l, unsigned limit, const char *which, const struct peer *p,
			const struct in6_addr *group)
{
	if (mono_before(l->now.mono, l->limit_told[limit])) {
		lma_count(l, LMA_EVENTS_LIMITED);
		return;
	}
	l->limit_told[limit] = mono_add(l->now.mono, span_s(LIMIT_EVENT_S));
	lma_limit_event(l, which, NULL, p ? &p->proxy_coa : NULL, group);
}

/* ---- subscriptions ---- */

static uint64_t sub_hash(const struct lma *l, const struct peer *p, const struct in6_addr *group)
{
	struct in6_addr key[2] = {p->proxy_coa, *group};

	return htab_hash(&l->subs, key, sizeof(key));
}

struct sub *sub_find(const struct lma *l, const struct peer *p, const struct in6_addr *group)
{
	for (struct hnode *n = htab_first(&l->subs, sub_hash(l, p, group)); n; n = htab_same(n)) {
		struct sub *s = hnode_owner(n, struct sub, by_key);

		if (s->peer == p && addr_eq(&s->group, group))
			return s;
	}
	return NULL;
}

enum mh_sub_result sub_get(struct lma *l, struct peer *p, const struct in6_addr *group, struct sub **ret)
{
	struct sub *s = sub_find(l, p, group);

	if (!s) {
		if (p->n_subs >= (p == &l->hold ? l->conf.groups_max : lma_mag_groups_max(l, p->mag)))
			return MH_SUB_LIMIT;
		s = slab_get(&l->sub_slab);
		if (!s)
			return MH_SUB_LIMIT;
		s->peer = p;
		s->group = *group;
		list_init(&s->demands);
		if (!htab_add(&l->subs, &s->by_key, sub_hash(l, p, group))) {
			lma_count(l, LMA_OUT_OF_MEMORY);
			slab_put(&l->sub_slab, s);
			return MH_SUB_NO_RESOURCES;
		}
		list_add(&p->subs, &s->of_peer);
		p->n_subs++;
	}
	*ret = s;
	return MH_SUB_ACCEPTED;
}

void sub_release(struct lma *l, struct sub *s)
{
	if (!filter_is_none(&s->mld) || !filter_is_none(&s->force) || !list_empty(&s->demands) || s->implicit)
		return;
	filter_drop(&s->mld);
	filter_drop(&s->force);
	list_del(&s->of_peer);
	s->peer->n_subs--;
	htab_del(&l->subs, &s->by_key);
	slab_put(&l->sub_slab, s);
}

static bool is_any(const struct filter *f)
{
	return f->mode == FILTER_EXCLUDE && filter_count(f) == 0;
}

/* All sources that some wish includes, sorted once: uniting list by list would look at each source once for every wish.
 */
static struct filter included(const struct sub *s, size_t n, bool *oom)
{
	struct in6_addr *v = malloc(n * sizeof(*v));
	struct filter f;

	if (!v) {
		*oom = true;
		return FILTER_NONE;
	}
	n = 0;
	if (s->mld.mode == FILTER_INCLUDE && filter_count(&s->mld)) {
		n = filter_count(&s->mld);
		memcpy(v, filter_sources(&s->mld), n * sizeof(*v));
	}
	list_each (i, &s->demands) {
		const struct filter *d = &list_owner(i, struct demand, of_sub)->filter;

		if (d->mode != FILTER_INCLUDE)
			continue;
		memcpy(v + n, filter_sources(d), filter_count(d) * sizeof(*v));
		n += filter_count(d);
	}
	f = filter_of(FILTER_INCLUDE, v, n, oom);
	free(v);
	return f;
}

struct filter sub_explicit(const struct sub *s, bool *oom)
{
	size_t n = s->mld.mode == FILTER_INCLUDE ? filter_count(&s->mld) : 0;
	struct filter all = s->mld.mode == FILTER_EXCLUDE ? filter_dup(&s->mld) : FILTER_NONE, rest;

	list_each (i, &s->demands) {
		const struct filter *d = &list_owner(i, struct demand, of_sub)->filter;

		if (is_any(&all))
			return all;
		if (d->mode == FILTER_EXCLUDE)
			filter_move(&all, filter_union(&all, d, oom));
		else
			n += filter_count(d);
	}
	if (n == 0)
		return all;
	rest = included(s, n, oom);
	filter_move(&all, filter_union(&all, &rest, oom));
	filter_drop(&rest);
	return all;
}

static enum mh_sub_result put(struct lma *l, struct sub *s, const struct filter *f)
{
	struct proxy_member *m;

	if (!l->proxy)
		return MH_SUB_ACCEPTED; /* it waits for the upstream link */
	m = peer_member(l, s->peer);
	if (!m) {
		lma_count(l, LMA_REPLICATION_LIMIT);
		limit_event(l, LIMIT_LISTS, "replication", s->peer, &s->group);
		return filter_is_none(f) ? MH_SUB_ACCEPTED : MH_SUB_NO_RESOURCES;
	}
	switch (proxy_set(m, &s->group, f)) {
	case PROXY_OK:
		return MH_SUB_ACCEPTED;
	case PROXY_LIMIT:
		lma_count(l, LMA_REPLICATION_LIMIT);
		limit_event(l, LIMIT_LISTS, "replication", s->peer, &s->group);
		return MH_SUB_LIMIT;
	case PROXY_OOM:
		lma_count(l, LMA_OUT_OF_MEMORY);
		return MH_SUB_NO_RESOURCES;
	}
	return MH_SUB_NO_RESOURCES;
}

uint8_t sub_origins(const struct sub *s)
{
	return (uint8_t)((filter_is_none(&s->mld) ? 0 : SUB_ORIGIN_MLD) |
			 (list_empty(&s->demands) ? 0 : SUB_ORIGIN_REGISTRATION) |
			 (s->implicit ? SUB_ORIGIN_IMPLICIT : 0));
}

static void tell(struct lma *l, const struct sub *s, const struct filter *f, enum event_kind kind)
{
	struct event e = {
		.kind = kind, .peer = s->peer->proxy_coa, .group = s->group, .status = -1, .origin = sub_origins(s)};

	if (s->peer == &l->hold)
		return; /* no MAG has it */
	if (f->mode == FILTER_INCLUDE && filter_count(f) == 1)
		e.source = *filter_sources(f);
	lma_event(l, &e);
}

/* Takes `want` over. */
static enum mh_sub_result bring(struct lma *l, struct sub *s, struct filter want, bool oom)
{
	enum mh_sub_result result = MH_SUB_ACCEPTED;
	bool was = !filter_is_none(&s->force);

	if (oom) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		result = MH_SUB_NO_RESOURCES;
	} else if (filter_eq(&want, &s->force)) {
		filter_drop(&want);
		return MH_SUB_ACCEPTED;
	} else if (filter_count(&want) > LMA_SOURCES_MAX && filter_count(&want) > filter_count(&s->force)) {
		lma_count(l, LMA_SOURCES_FULL);
		result = MH_SUB_LIMIT;
	} else {
		result = put(l, s, &want);
	}
	if (result != MH_SUB_ACCEPTED) {
		filter_drop(&want);
		return result;
	}
	if (was && filter_is_none(&want))
		tell(l, s, &s->force, EV_UNSUBSCRIBED);
	else if (!was)
		tell(l, s, &want, EV_SUBSCRIBED);
	filter_move(&s->force, want);
	return MH_SUB_ACCEPTED;
}

enum mh_sub_result sub_apply(struct lma *l, struct sub *s)
{
	bool oom = false;
	struct filter want = sub_explicit(s, &oom);

	if (s->implicit && !oom)
		implicit_review(l, s, &want);
	if (s->implicit && !oom)
		filter_move(&want, filter_union(&want, &s->implicit->filter, &oom));
	return bring(l, s, want, oom);
}

enum mh_sub_result sub_apply_more(struct lma *l, struct sub *s, const struct filter *added)
{
	bool oom = false;
	struct filter want;

	if (s->implicit) /* it may be confirmed by that */
		return sub_apply(l, s);
	want = filter_union(&s->force, added, &oom);

	return bring(l, s, want, oom);
}

/* ---- what MAGs report by MLD ---- */

void multicast_refused(struct lma *l, struct peer *p, const struct in6_addr *group, uint8_t result,
		       const struct filter *sources)
{
	struct event e = {.kind = EV_SUBSCRIPTION_REFUSED,
			  .peer = p->proxy_coa,
			  .group = *group,
			  .status = result,
			  .origin = SUB_ORIGIN_MLD};
	struct refused r = {.peer = p, .group = *group, .result = result};

	if (sources && filter_count(sources))
		e.source = filter_sources(sources)[0];
	lma_count(l, LMA_MLD_REFUSED);
	lma_event_limited(l, &e);
	if (l->n_refused == LMA_REFUSED_MAX) {
		lma_count(l, LMA_UPN_NOT_SENT);
		return;
	}
	if (sources)
		r.sources = filter_dup(sources);
	l->refused[l->n_refused++] = r;
}

struct filter refused_sources(const struct filter *wish, const struct filter *granted)
{
	bool oom = false;

	if (wish->mode == granted->mode && wish->mode == FILTER_INCLUDE)
		return filter_list_minus(wish, granted, &oom);
	if (wish->mode == granted->mode)
		return filter_list_minus(granted, wish, &oom);
	return FILTER_NONE;
}

/* Figure 1 step 6 where no node is named: the domain's scopes and the ranges of the MAG. */
static struct filter authorised(const struct lma *l, const struct peer *p, const struct in6_addr *group,
				const struct filter *wish, enum policy_verdict *verdict)
{
	*verdict = policy_scope(&l->conf.scopes, group);
	if (*verdict != POLICY_PERMIT)
		return FILTER_NONE;
	return profile_restrict(p->mag->ranges, group, wish, l->conf.sources_per_group_max, verdict);
}

void multicast_mld_changed(struct lma *l, struct peer *p, const struct in6_addr *group)
{
	struct filter wish = FILTER_NONE, f = FILTER_NONE, before, lost = FILTER_NONE;
	enum policy_verdict verdict = POLICY_PERMIT;
	enum mh_sub_result result = MH_SUB_ACCEPTED;
	struct sub *s = sub_find(l, p, group);

	if (mld_link_state(p->mld, group, &wish)) {
		f = authorised(l, p, group, &wish, &verdict);
		if (filter_is_none(&f) && !filter_is_none(&wish))
			result = (enum mh_sub_result)policy_verdict_result(verdict);
		else if (verdict != POLICY_PERMIT)
			lost = refused_sources(&wish, &f);
	}
	filter_drop(&wish);
	if (!s && !filter_is_none(&f))
		result = sub_get(l, p, group, &s);
	if (s) {
		enum mh_sub_result applied;

		before = s->mld;
		s->mld = f;
		f = FILTER_NONE;
		applied = sub_apply(l, s);
		/* What it had stays, but not beyond what it wants: the link would never tell again that it left. */
		if (applied != MH_SUB_ACCEPTED && !filter_covers(&before, &s->mld))
			filter_move(&s->mld, before);
		else
			filter_drop(&before);
		if (result == MH_SUB_ACCEPTED)
			result = applied;
		sub_release(l, s);
	}
	filter_drop(&f);
	if (result != MH_SUB_ACCEPTED)
		multicast_refused(l, p, group, (uint8_t)result, NULL);
	else if (filter_count(&lost))
		multicast_refused(l, p, group, policy_verdict_result(verdict), &lost);
	filter_drop(&lost);
}

static void again(void *arg, const struct in6_addr *group, const struct filter *f, uint32_t hosts)
{
	struct {
		struct lma *l;
		struct peer *p;
	} *of = arg;

	(void)f;
	(void)hosts;
	multicast_mld_changed(of->l, of->p, group);
}

void multicast_mld_all(struct lma *l, struct peer *p)
{
	struct {
		struct lma *l;
		struct peer *p;
	} of = {l, p};

	if (p->mld)
		mld_link_each(p->mld, again, &of);
}

/* ---- upstream ---- */

bool multicast_start(struct lma *l)
{
	struct mld_routers_conf routers = {
		.links_max = l->conf.peers_max,
		.groups_max = l->conf.entries_max,
		.memory_max = l->conf.entries_max > UINT32_MAX / 512 ? UINT32_MAX : l->conf.entries_max * 512,
	};

	if (!l->conf.multicast)
		return true;
	l->routers = mld_routers_new(&routers, l->seed + 101);
	l->hosts = mld_hosts_new(l->seed + 102);
	return l->routers && l->hosts;
}

static void upstream_gone(struct lma *l)
{
	for (struct hnode *n = htab_next(&l->peers, NULL); n; n = htab_next(&l->peers, n)) {
		struct peer *p = hnode_owner(n, struct peer, by_addr);

		if (p->member)
			proxy_member_free(p->member);
		p->member = NULL;
	}
	if (l->hold.member)
		proxy_member_free(l->hold.member);
	l->hold.member = NULL;
	if (l->proxy)
		l->proxy = proxy_free(l->proxy);
	if (l->upstream)
		mld_upstream_free(l->upstream);
	l->upstream = NULL;
	l->upstream_ifindex = 0;
}

/* Subscriptions that waited for an upstream; one that finds no room now is told to its MAG. */
static void upstream_fill(struct lma *l)
{
	for (struct hnode *n = htab_next(&l->subs, NULL); n; n = htab_next(&l->subs, n)) {
		struct sub *s = hnode_owner(n, struct sub, by_key);
		enum mh_sub_result result = put(l, s, &s->force);

		if (result != MH_SUB_ACCEPTED && s->peer != &l->hold)
			multicast_refused(l, s->peer, &s->group, (uint8_t)result, NULL);
	}
}

void lma_upstream(struct lma *l, struct now now, uint32_t ifindex, const struct in6_addr *self, uint32_t mtu)
{
	struct dp_in in = {.ifindex = ifindex};
	struct proxy_conf conf = {
		.groups_max = l->conf.groups_max,
		.members_max = l->conf.peers_max,
		.entries_max = l->conf.entries_max,
		/* Labels go on where they were, whatever was marked before we began anew: not more often than once a second */
		.first_label = (uint32_t)(now.wall.ns / 1000000000),
	};
	struct mld_host_conf host = l->conf.upstream_mld;

	l->now = now;
	if (!l->hosts || l->stopped)
		return;
	if (mtu)
		host.mtu = mtu;
	if (!host.groups_max)
		host.groups_max = l->conf.groups_max;
	if (ifindex && ifindex == l->upstream_ifindex && addr_eq(self, &l->upstream_self)) {
		mld_upstream_reconf(l->upstream, &host); /* it came back as it was: say again what we want */
		mld_upstream_announce(l->upstream, now);
		lma_settle(l);
		return;
	}
	upstream_gone(l);
	if (ifindex) {
		l->proxy = proxy_new(&conf, &in, l->fxq, l->seed + 103);
		l->upstream = l->proxy ? mld_upstream_new(l->hosts, &host, self, l) : NULL;
		if (!l->upstream) {
			lma_count(l, LMA_OUT_OF_MEMORY);
			upstream_gone(l);
			return;
		}
		l->upstream_ifindex = ifindex;
		l->upstream_self = *self;
		upstream_fill(l);
	}
	lma_settle(l);
}

void multicast_stop(struct lma *l)
{
	upstream_gone(l);
	if (l->routers)
		l->routers = mld_routers_free(l->routers);
	if (l->hosts)
		l->hosts = mld_hosts_free(l->hosts);
}

/* ---- carry on what the engines below queued ---- */

static void settle_mld(struct lma *l)
{
	struct mld_router_fx fx;

	while (mld_routers_pop(l->routers, &fx)) {
		struct peer *p = fx.owner;
		struct dp_tunnel t = peer_tunnel(l, p);

		switch (fx.kind) {
		case MLD_ROUTER_QUERY:
			fxq_tunnel(l->fxq, &t, fx.packet, fx.len);
			break;
		case MLD_ROUTER_CHANGE:
			multicast_mld_changed(l, p, &fx.group);
			break;
		}
	}
}

/* Limits of the membership engine, with the MAG whose reports met them. */
static void tell_notices(struct lma *l)
{
	struct mld_router_notice n;

	while (mld_routers_notice(l->routers, &n))
		limit_event(l, n.counter, mld_router_counter_name(n.counter), n.owner, &n.group);
}

static void settle_proxy(struct lma *l)
{
	struct in6_addr group;
	struct filter merged;

	while (l->proxy && proxy_pop_changed(l->proxy, &group, &merged)) {
		struct filter before = FILTER_NONE;
		bool was = mld_upstream_get(l->upstream, &group, &before) && !filter_is_none(&before);
		bool is = !filter_is_none(&merged);
		struct event e = {.kind = is ? EV_GROUP_JOINED : EV_GROUP_LEFT,
				  .group = group,
				  .ifindex = l->upstream_ifindex,
				  .status = -1};

		filter_drop(&before);
		if (!mld_upstream_set(l->upstream, l->now, &group, &merged)) {
			lma_count(l, LMA_UPSTREAM_LIMIT);
			limit_event(l, LIMIT_UPSTREAM, "upstream", NULL, &group);
		} else if (was != is) {
			lma_event(l, &e);
		}
		filter_drop(&merged);
	}
}

static void settle_upstream(struct lma *l)
{
	struct mld_host_fx fx;
	uint8_t mac[6];

	while (mld_hosts_pop(l->hosts, &fx)) {
		addr_multicast_mac(&fx.dst, mac);
		fxq_link(l->fxq, l->upstream_ifindex, mac, fx.packet, fx.len);
	}
}

/* One notification for each MAG that has refusals (they stand in the order in which they came). */
static void settle_refused(struct lma *l)
{
	while (l->n_refused) {
		struct refused of_peer[LMA_REFUSED_MAX];
		struct peer *p = l->refused[0].peer;
		uint32_t n = 0, rest = 0;

		for (uint32_t i = 0; i < l->n_refused; i++)
			if (l->refused[i].peer == p)
				of_peer[n++] = l->refused[i];
			else
				l->refused[rest++] = l->refused[i];
		l->n_refused = rest;
		notify_results(l, p, NULL, of_peer, n);
	}
}

void multicast_settle(struct lma *l)
{
	if (!l->routers || !l->hosts)
		return;
	settle_mld(l);
	settle_proxy(l);
	settle_upstream(l);
	settle_refused(l);
	tell_notices(l);
}
