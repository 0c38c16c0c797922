/* SPDX-License-Identifier: BSD-2-Clause */
#include "mldproxy/mldproxy_priv.h"

#include <stdio.h>

static void count_group(void *arg, const struct in6_addr *group, const struct filter *f)
{
	(void)group;
	(void)f;
	++*(uint32_t *)arg;
}

static void refusals(const struct downstream *l, struct mldproxy_link_view *v)
{
	static const struct {
		enum mld_router_counter counter;
		enum mldproxy_limit limit;
	} limits[MLDPROXY_LINK_LIMITS] = {
		{MLD_ROUTER_LIMIT_GROUPS, LIMIT_LINK_GROUPS},	 {MLD_ROUTER_LIMIT_SOURCES, LIMIT_LINK_SOURCES},
		{MLD_ROUTER_LIMIT_HOSTS, LIMIT_LINK_HOSTS},	 {MLD_ROUTER_LIMIT_HOST_GROUPS, LIMIT_HOST_GROUPS},
		{MLD_ROUTER_LIMIT_HOST_RATE, LIMIT_HOST_RATE}, {MLD_ROUTER_LIMIT_LINK_RATE, LIMIT_LINK_RATE},
		{MLD_ROUTER_LIMIT_MEMORY, LIMIT_MEMORY},
	};

	for (size_t i = 0; i < MLDPROXY_LINK_LIMITS; i++) {
		v->refused[i].setting = mldproxy_limit_name(limits[i].limit);
		v->refused[i].n = mld_link_counter(l->mld, limits[i].counter);
	}
}

void mldproxy_each_link(const struct mldproxy *p, void (*each)(void *arg, const struct mldproxy_link_view *v),
			void *arg)
{
	for (struct hnode *n = htab_next(&p->links, NULL); n; n = htab_next(&p->links, n)) {
		const struct downstream *l = hnode_owner(n, struct downstream, by_ifindex);
		struct mldproxy_link_view v = {
			.ifindex = l->ifindex,
			.name = l->name,
			.self = l->self,
			.mtu = l->mtu,
			.querier = mld_link_is_querier(l->mld),
			.forwarding = l->member && (p->conf.forward_always || mld_link_is_querier(l->mld)),
			.reports = mld_link_counter(l->mld, MLD_ROUTER_REPORTS_V1) +
				   mld_link_counter(l->mld, MLD_ROUTER_REPORTS_V2),
			.records = mld_link_counter(l->mld, MLD_ROUTER_RECORDS),
			.queries = mld_link_counter(l->mld, MLD_ROUTER_QUERIES_SENT),
			.waiting = l->unplaced,
		};

		v.querier_address = mld_link_querier(l->mld, &v.querier_version);
		refusals(l, &v);
		if (l->member)
			proxy_member_each(l->member, count_group, &v.groups);
		each(arg, &v);
	}
}

struct walk {
	const struct downstream *l;
	void (*each)(void *arg, const struct mldproxy_subscription_view *v);
	void *arg;
	const struct in6_addr *only;
};

static void subscription(void *arg, const struct in6_addr *group, const struct filter *f, uint32_t hosts)
{
	const struct walk *w = arg;
	struct filter in_lists = FILTER_NONE;
	struct mldproxy_subscription_view v = {
		.ifindex = w->l->ifindex,
		.link = w->l->name,
		.group = *group,
		.filter = f,
		.hosts = hosts,
	};

	if (w->only && !addr_eq(w->only, group))
		return;
	v.v1 = mld_link_group_is_v1(w->l->mld, group);
	v.placed = w->l->member && proxy_get(w->l->member, group, &in_lists) && filter_eq(&in_lists, f);
	filter_drop(&in_lists);
	w->each(w->arg, &v);
}

void mldproxy_each_subscription(const struct mldproxy *p, const struct in6_addr *group,
				void (*each)(void *arg, const struct mldproxy_subscription_view *v), void *arg)
{
	for (struct hnode *n = htab_next(&p->links, NULL); n; n = htab_next(&p->links, n)) {
		struct walk w = {hnode_owner(n, struct downstream, by_ifindex), each, arg, group};

		mld_link_each(w.l->mld, subscription, &w);
	}
}

struct group_walk {
	const struct mldproxy *p;
	void (*each)(void *arg, const struct mldproxy_group_view *v);
	void *arg;
};

static void show_group(void *arg, const struct in6_addr *group, const struct filter *merged, uint32_t members)
{
	const struct group_walk *w = arg;
	struct mldproxy_group_view v = {.group = *group, .merged = merged, .links = members};
	struct filter reported = FILTER_NONE;

	v.joined = w->p->upstream && mld_upstream_get(w->p->upstream, group, &reported) && !filter_is_none(&reported);
	filter_drop(&reported);
	w->each(w->arg, &v);
}

void mldproxy_each_group(const struct mldproxy *p, void (*each)(void *arg, const struct mldproxy_group_view *v),
			 void *arg)
{
	struct group_walk w = {p, each, arg};

	if (p->proxy)
		proxy_each_group(p->proxy, show_group, &w);
}

void mldproxy_subscription_flows(const struct mldproxy *p, uint32_t ifindex, const struct in6_addr *group,
				 void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *out),
				 void *arg)
{
	const struct downstream *l = downstream_find(p, ifindex);

	if (l && l->member)
		proxy_member_flows(l->member, group, each, arg);
}

void mldproxy_each_counter(const struct mldproxy *p, void (*each)(void *arg, const char *name, uint64_t value),
			   void *arg)
{
	static const char *const names[MLDPROXY_COUNTER_N] = {
#define X(id, name) [MLDPROXY_##id] = name,
		MLDPROXY_COUNTERS(X)
#undef X
	};
	static const char *const sides[SIDES] = {[SIDE_UPSTREAM] = "upstream", [SIDE_DOWNSTREAM] = "downstream"};
	char name[96];

	for (unsigned i = 0; i < MLDPROXY_COUNTER_N; i++)
		each(arg, names[i], p->counters[i]);
	for (unsigned side = 0; side < SIDES; side++)
		for (unsigned i = MLD_OK + 1; i < MLD_ERR_N; i++) {
			snprintf(name, sizeof(name), "%s-mld-%s", sides[side], mld_err_name((enum mld_err)i));
			each(arg, name, p->errors[side][i]);
		}
	for (unsigned i = 0; i < MLD_ROUTER_COUNTER_N; i++) {
		snprintf(name, sizeof(name), "downstream-%s", mld_router_counter_name((enum mld_router_counter)i));
		each(arg, name, mld_routers_counter(p->routers, (enum mld_router_counter)i));
	}
	for (unsigned i = 0; i < MLD_HOST_COUNTER_N; i++) {
		snprintf(name, sizeof(name), "upstream-%s", mld_host_counter_name((enum mld_host_counter)i));
		each(arg, name, p->upstream ? mld_upstream_counter(p->upstream, (enum mld_host_counter)i) : 0);
	}
	each(arg, "effects-lost", fxq_lost(p->fxq));
}

/* Limits of zero are none. */
void mldproxy_each_limit(const struct mldproxy *p, void (*each)(void *arg, const struct mldproxy_limit_view *v),
			 void *arg)
{
	static const char retried[] = "not served; tried again every 10 s", asked[] = "not kept; asked for again by queries",
			  unlooked[] = "reports not looked at; said again when asked",
			  untracked[] = "served, not tracked: leaves are asked about";
	const struct mld_router_conf mld = downstream_conf(p);
	const struct proxy_usage in = p->proxy ? proxy_usage(p->proxy) : (struct proxy_usage){0};
	const struct mld_host_conf up = mldproxy_host_conf(p);
#define ROUTER(c) mld_routers_counter(p->routers, MLD_ROUTER_LIMIT_##c)
#define HOST(c) (p->upstream ? mld_upstream_counter(p->upstream, MLD_HOST_LIMIT_##c) : 0)
	const struct {
		uint64_t used, max;
		bool each;
		uint64_t refused;
		const char *then;
	} limits[LIMITS] = {
		[LIMIT_LINKS] = {p->links.count, p->conf.links_max, false, p->counters[MLDPROXY_LINKS_LIMIT],
				 "the link is not served until it changes"},
		[LIMIT_GROUPS] = {in.groups, p->conf.groups_max, false, in.refused_groups, retried},
		[LIMIT_ENTRIES] = {in.entries, p->conf.entries_max, false, in.refused_entries, retried},
		[LIMIT_SOURCES] = {in.sources, p->conf.sources_max, false, in.refused_sources, retried},
		[LIMIT_MEMORY] = {mld_routers_used(p->routers), p->conf.memory_max, false, ROUTER(MEMORY), asked},
		[LIMIT_LINK_GROUPS] = {0, mld.groups_max, true, ROUTER(GROUPS), asked},
		[LIMIT_LINK_SOURCES] = {0, mld.sources_max, true, ROUTER(SOURCES), asked},
		[LIMIT_LINK_HOSTS] = {0, mld.hosts_max, true, ROUTER(HOSTS), untracked},
		[LIMIT_HOST_GROUPS] = {0, mld.host_groups_max, true, ROUTER(HOST_GROUPS), asked},
		[LIMIT_HOST_RATE] = {0, mld.host_rate_max, true, ROUTER(HOST_RATE), unlooked},
		[LIMIT_LINK_RATE] = {0, mld.link_rate_max, true, ROUTER(LINK_RATE), unlooked},
		[LIMIT_UP_GROUPS] = {p->upstream ? mld_upstream_groups(p->upstream) : 0, up.groups_max, false,
				     HOST(GROUPS), "not reported; tried again every 10 s"},
		[LIMIT_UP_MEMORY] = {p->upstream ? mld_upstream_used(p->upstream) : 0, up.memory_max, false,
				     HOST(MEMORY), "not reported; tried again every 10 s"},
	};
#undef ROUTER
#undef HOST

	for (unsigned i = 0; i < LIMITS; i++) {
		const struct mldproxy_who *last = &p->at_limit[i].last;
		const struct mldproxy_limit_view v = {
			.setting = mldproxy_limit_name((enum mldproxy_limit)i),
			.used = limits[i].used,
			.max = limits[i].max,
			.each = limits[i].each,
			.refused = limits[i].refused,
			.then = limits[i].then,
			.ifindex = last->ifindex,
			.link = last->link,
			.host = last->host,
			.group = last->group,
		};

		each(arg, &v);
	}
}

struct mldproxy_totals mldproxy_totals(const struct mldproxy *p)
{
	struct mldproxy_totals t = {
		.links = p->links.count,
		.groups = p->proxy ? proxy_groups(p->proxy) : 0,
		.unplaced = p->unplaced,
		.upstream = p->upstream ? p->instance : 0,
		.upstream_version = p->upstream ? mld_upstream_version(p->upstream) : 0,
		.upstream_querier = p->upstream ? p->querier : addr_any,
		.bytes = sizeof(*p) + htab_bytes(&p->links) + slab_bytes(&p->link_slab) +
			 mld_routers_bytes(p->routers) + mld_hosts_bytes(p->hosts),
	};

	if (p->proxy)
		t.bytes += proxy_bytes(p->proxy);
	return t;
}
