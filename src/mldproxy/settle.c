/* SPDX-License-Identifier: BSD-2-Clause */
/* After each call: what the engines below queued is carried on, from the links' changes over the instance to the
 * reports upstream. */
#include "mldproxy/mldproxy_priv.h"

void mldproxy_retry_later(struct mldproxy *p)
{
	if (mono_is_never(p->retry_at))
		p->retry_at = mono_add(p->now.mono, span_s(RETRY_S));
}

/* ---- downstream ---- */

/* Changes are carried on some at a time: what they need of a million groups is fetched at once. */
#define AHEAD PROXY_AHEAD
_Static_assert(AHEAD == MLD_HOST_AHEAD, "as many for the instance as for its upstream");

struct changes {
	struct downstream *link[AHEAD];
	struct in6_addr group[AHEAD];
	size_t n;
};

static void carry_changes(struct mldproxy *p, struct changes *c)
{
	if (p->proxy && c->n > 1)
		proxy_ahead(p->proxy, c->group, c->n);
	for (size_t i = 0; i < c->n; i++)
		downstream_changed(p, c->link[i], &c->group[i]);
	c->n = 0;
}

/* A router that listens answers its own queries (RFC 3810 6): switches and routers beside it would else forget, while
 * it is the querier, that it listens to all MLDv2 routers. */
static void answer_own(struct mldproxy *p, const struct downstream *l, const struct mld_router_fx *fx)
{
	struct mld_packet query;

	if (mld_decode(fx->packet, fx->len, &query) == MLD_OK)
		mld_upstream_recv(l->own, p->now, &query);
}

static void send_query(struct mldproxy *p, const struct downstream *l, const struct mld_router_fx *fx)
{
	uint8_t mac[6];

	if (addr_is_any(&fx->group)) /* about one group it is never its own: that is of the link's scope */
		answer_own(p, l, fx);

	/* A General Query goes to all nodes, another to its group. */
	addr_multicast_mac(addr_is_any(&fx->group) ? &addr_all_nodes : &fx->group, mac);
	fxq_link(p->fxq, l->ifindex, mac, fx->packet, fx->len);
}

static void settle_links(struct mldproxy *p)
{
	struct mld_router_fx fx;
	struct changes c;

	c.n = 0;
	while (mld_routers_pop(p->routers, &fx)) {
		switch (fx.kind) {
		case MLD_ROUTER_QUERY:
			carry_changes(p, &c); /* they came first */
			send_query(p, fx.owner, &fx);
			break;
		case MLD_ROUTER_CHANGE:
			if (c.n == AHEAD)
				carry_changes(p, &c);
			c.link[c.n] = fx.owner;
			c.group[c.n++] = fx.group;
			break;
		}
	}
	carry_changes(p, &c);
}

/* ---- upstream ---- */

static void report(struct mldproxy *p, const struct in6_addr *group, const struct filter *merged)
{
	struct event e = {.group = *group, .ifindex = p->instance, .status = -1};
	struct filter before = FILTER_NONE;
	bool was = mld_upstream_get(p->upstream, group, &before) && !filter_is_none(&before);
	bool is = !filter_is_none(merged);
	uint64_t memory = mld_upstream_counter(p->upstream, MLD_HOST_LIMIT_MEMORY);

	filter_drop(&before);
	if (!mld_upstream_set(p->upstream, p->now, group, merged)) {
		struct mldproxy_who who = {.ifindex = p->instance, .group = *group};

		mldproxy_count(p, MLDPROXY_UPSTREAM_LIMIT);
		mldproxy_limit_event(p, memory == mld_upstream_counter(p->upstream, MLD_HOST_LIMIT_MEMORY)
						? LIMIT_UP_GROUPS
						: LIMIT_UP_MEMORY,
				     &who);
		p->unreported = true;
		mldproxy_retry_later(p);
	} else if (was != is) {
		e.kind = is ? EV_GROUP_JOINED : EV_GROUP_LEFT;
		mldproxy_event_limited(p, &e);
	}
}

struct filling {
	struct mldproxy *p;
	uint32_t seen;
};

static void report_group(void *arg, const struct in6_addr *group, const struct filter *merged, uint32_t members)
{
	struct filling *f = arg;

	(void)members;
	f->seen++;
	report(f->p, group, merged);
}

void mldproxy_upstream_fill(struct mldproxy *p)
{
	struct filling f = {.p = p};

	p->unreported = false;
	proxy_each_group(p->proxy, report_group, &f);
	if (f.seen == proxy_groups(p->proxy))
		return;
	mldproxy_count(p, MLDPROXY_OUT_OF_MEMORY); /* the walk passes over what it finds no memory for */
	p->unreported = true;
	mldproxy_retry_later(p);
}

static void settle_instance(struct mldproxy *p)
{
	struct in6_addr group[AHEAD];
	struct filter merged[AHEAD];
	size_t n;

	do {
		for (n = 0; n < AHEAD && p->proxy && proxy_pop_changed(p->proxy, &group[n], &merged[n]); n++)
			;
		if (p->upstream && n > 1)
			mld_upstream_ahead(p->upstream, group, n);
		for (size_t i = 0; i < n; i++) {
			if (p->upstream)
				report(p, &group[i], &merged[i]);
			filter_drop(&merged[i]);
		}
	} while (n == AHEAD);
}

static void settle_own(struct mldproxy *p)
{
	struct mld_host_fx fx;
	uint8_t mac[6];

	while (mld_hosts_pop(p->own, &fx)) {
		const struct downstream *l = fx.owner;

		addr_multicast_mac(&fx.dst, mac);
		fxq_link(p->fxq, l->ifindex, mac, fx.packet, fx.len);
	}
}

static void settle_upstream(struct mldproxy *p)
{
	struct mld_host_fx fx;
	uint8_t mac[6];

	while (mld_hosts_pop(p->hosts, &fx)) {
		addr_multicast_mac(&fx.dst, mac);
		fxq_link(p->fxq, p->instance, mac, fx.packet, fx.len);
	}
}

void mldproxy_settle(struct mldproxy *p)
{
	settle_links(p);
	settle_own(p);
	settle_instance(p);
	settle_upstream(p);
	mldproxy_tell_notices(p);
	mldproxy_version_event(p);
}
