/* SPDX-License-Identifier: BSD-2-Clause */
/* After each call: what the engines below queued is carried on, from the links' changes over the instance to the
 * reports upstream. */
#include "mldproxy/mldproxy_priv.h"

#include <stdio.h>

/* ---- events ---- */

void mldproxy_event_limited(struct mldproxy *p, const struct event *e)
{
	if (limiter_take(&p->events, p->now.mono))
		fxq_event(p->fxq, e);
	else
		mldproxy_count(p, MLDPROXY_EVENTS_LIMITED);
}

void mldproxy_limit_event(struct mldproxy *p, const char *which)
{
	struct event e = {.kind = EV_LIMIT, .status = -1};

	snprintf(e.detail, sizeof(e.detail), "%s", which);
	mldproxy_event_limited(p, &e);
}

void mldproxy_retry_later(struct mldproxy *p)
{
	if (mono_is_never(p->retry_at))
		p->retry_at = mono_add(p->now.mono, span_s(RETRY_S));
}

/* ---- downstream ---- */

static void settle_links(struct mldproxy *p)
{
	struct mld_router_fx fx;

	while (mld_routers_pop(p->routers, &fx)) {
		struct downstream *l = fx.owner;
		uint8_t mac[6];

		switch (fx.kind) {
		case MLD_ROUTER_QUERY: /* a General Query goes to all nodes, another to its group */
			addr_multicast_mac(addr_is_any(&fx.group) ? &addr_all_nodes : &fx.group, mac);
			fxq_link(p->fxq, l->ifindex, mac, fx.packet, fx.len);
			break;
		case MLD_ROUTER_CHANGE:
			downstream_changed(p, l, &fx.group);
			break;
		}
	}
}

/* A limit of the router side was reached since the last look: which one, is what its counter tells. */
static void tell_limits(struct mldproxy *p)
{
	static const enum mld_router_counter limits[] = {
		MLD_ROUTER_LIMIT_GROUPS,      MLD_ROUTER_LIMIT_SOURCES, MLD_ROUTER_LIMIT_HOSTS,
		MLD_ROUTER_LIMIT_HOST_GROUPS, MLD_ROUTER_LIMIT_MEMORY,	MLD_ROUTER_LIMIT_HOST_RATE,
		MLD_ROUTER_LIMIT_LINK_RATE,
	};
	static const char *const names[] = {
		"groups", "sources", "hosts", "groups per host", "memory", "reports per host", "reports per link",
	};
	char text[64];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t n = mld_routers_counter(p->routers, limits[i]);

		if (n == p->refused[i])
			continue;
		p->refused[i] = n;
		snprintf(text, sizeof(text), "downstream: %s", names[i]);
		mldproxy_limit_event(p, text);
	}
}

/* ---- upstream ---- */

static void report(struct mldproxy *p, const struct in6_addr *group, const struct filter *merged)
{
	struct event e = {.group = *group, .ifindex = p->instance, .status = -1};
	struct filter before = FILTER_NONE;
	bool was = mld_upstream_get(p->upstream, group, &before) && !filter_is_none(&before);
	bool is = !filter_is_none(merged);

	filter_drop(&before);
	if (!mld_upstream_set(p->upstream, p->now, group, merged)) {
		mldproxy_count(p, MLDPROXY_UPSTREAM_LIMIT);
		mldproxy_limit_event(p, "proxy.upstream-mld: groups or memory");
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
	struct in6_addr group;
	struct filter merged;

	while (p->proxy && proxy_pop_changed(p->proxy, &group, &merged)) {
		if (p->upstream)
			report(p, &group, &merged);
		filter_drop(&merged);
	}
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
	tell_limits(p);
}
