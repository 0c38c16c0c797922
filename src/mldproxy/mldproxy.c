/* SPDX-License-Identifier: BSD-2-Clause */
#include "mldproxy/mldproxy_priv.h"

#include <stdlib.h>
#include <string.h>

void mldproxy_conf_defaults(struct mldproxy_conf *conf)
{
	*conf = (struct mldproxy_conf){
		/* listeners are found soon after a link came up, or this proxy started */
		.downstream_mld = {.fast_leave = true,
				   .startup_query_response = span_s(1),
				   .host_rate_max = 5000,
				   .link_rate_max = 20000},
		.upstream_mld = {.unsolicited_interval = span_s(1)},
		.links_max = 4096,
		.groups_max = 65536,
		.entries_max = 262144,
		.sources_max = 262144,
		.hosts_per_group_max = 4096,
		.sources_per_group_max = 4096,
		.memory_max = 256u << 20,
	};
}

/* ---- life ---- */

static struct proxy_conf instance_conf(const struct mldproxy *p)
{
	return (struct proxy_conf){
		.groups_max = p->conf.groups_max,
		.members_max = p->conf.links_max,
		.entries_max = p->conf.entries_max,
		.sources_max = p->conf.sources_max,
	};
}

static struct mld_host_conf host_conf(const struct mldproxy *p, uint32_t mtu)
{
	struct mld_host_conf c = p->conf.upstream_mld;

	if (!c.mtu)
		c.mtu = mtu;
	if (!c.groups_max)
		c.groups_max = p->conf.groups_max;
	if (!c.memory_max)
		c.memory_max = p->conf.memory_max;
	return c;
}

struct mld_host_conf mldproxy_host_conf(const struct mldproxy *p)
{
	return host_conf(p, p->upstream_mtu);
}

struct mldproxy *mldproxy_new(const struct mldproxy_conf *conf, struct now now, uint64_t seed)
{
	struct mld_routers_conf routers = {
		.links_max = conf->links_max,
		.groups_max = conf->entries_max,
		.memory_max = conf->memory_max,
	};
	struct mldproxy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->conf = *conf;
	p->now = now;
	p->seed = seed;
	p->retry_at = MONO_NEVER;
	htab_init(&p->links, seed);
	slab_init(&p->link_slab, sizeof(struct downstream), conf->links_max);
	list_init(&p->listening);
	limiter_init(&p->events, EVENTS_PER_S, EVENTS_PER_S);
	p->fxq = fxq_new();
	p->routers = mld_routers_new(&routers, seed + 1);
	p->hosts = mld_hosts_new(seed + 2);
	p->own = mld_hosts_new(seed + 4);
	if (!p->fxq || !p->routers || !p->hosts || !p->own)
		return mldproxy_free(p);
	return p;
}

/* The lists go whole, before the links that stand in them. */
static void instance_free(struct mldproxy *p)
{
	for (struct hnode *n = htab_next(&p->links, NULL); n; n = htab_next(&p->links, n))
		hnode_owner(n, struct downstream, by_ifindex)->member = NULL;
	p->proxy = proxy_free(p->proxy);
	p->instance = 0;
	p->lists = (struct proxy_usage){0};
}

static void links_free(struct mldproxy *p)
{
	struct hnode *n;

	while ((n = htab_next(&p->links, NULL)))
		downstream_free(p, hnode_owner(n, struct downstream, by_ifindex));
}

struct mldproxy *mldproxy_free(struct mldproxy *p)
{
	if (!p)
		return NULL;
	instance_free(p);
	if (p->routers)
		links_free(p);
	if (p->upstream)
		mld_upstream_free(p->upstream);
	mld_routers_free(p->routers);
	mld_hosts_free(p->hosts);
	mld_hosts_free(p->own);
	htab_deinit(&p->links);
	slab_deinit(&p->link_slab);
	fxq_free(p->fxq);
	free(p);
	return NULL;
}

void mldproxy_reconf(struct mldproxy *p, struct now now, const struct mldproxy_conf *conf)
{
	uint32_t links_max = p->conf.links_max, entries_max = p->conf.entries_max, memory_max = p->conf.memory_max;
	struct mld_router_conf mld;
	struct proxy_conf instance;

	p->now = now;
	if (p->stopped)
		return;
	p->conf = *conf;
	p->conf.links_max = links_max;
	p->conf.entries_max = entries_max;
	p->conf.memory_max = memory_max;
	mld = downstream_conf(p);
	instance = instance_conf(p);
	if (p->proxy)
		proxy_reconf(p->proxy, &instance);
	for (struct hnode *n = htab_next(&p->links, NULL); n; n = htab_next(&p->links, n)) {
		struct downstream *l = hnode_owner(n, struct downstream, by_ifindex);

		mld_link_reconf(l->mld, now, &mld);
		downstream_querier(p, l);
	}
	if (p->upstream) {
		struct mld_host_conf host = host_conf(p, p->upstream_mtu);

		mld_upstream_reconf(p->upstream, &host);
	}
	mldproxy_settle(p);
}

static void leave_group(void *arg, const struct in6_addr *group, const struct filter *merged, uint32_t members)
{
	struct mldproxy *p = arg;

	(void)merged;
	(void)members;
	(void)mld_upstream_set(p->upstream, p->now, group, &FILTER_NONE);
}

void mldproxy_stop(struct mldproxy *p, struct now now)
{
	p->now = now;
	if (p->stopped)
		return;
	if (p->upstream)
		proxy_each_group(p->proxy, leave_group, p);
	mldproxy_settle(p);
	p->stopped = true;
	instance_free(p);
	links_free(p);
}

/* ---- upstream ---- */

void mldproxy_upstream(struct mldproxy *p, struct now now, uint32_t ifindex, const struct in6_addr *self, uint32_t mtu)
{
	struct mld_host_conf host = host_conf(p, mtu);
	struct proxy_conf conf = instance_conf(p);
	struct dp_in in = {.ifindex = ifindex};

	p->now = now;
	if (p->stopped)
		return;
	p->upstream_mtu = mtu;
	if (p->upstream && ifindex == p->instance) {
		mld_upstream_reconf(p->upstream, &host);
		if (addr_eq(self, &p->self))
			mld_upstream_announce(p->upstream, now);
		else
			mld_upstream_set_self(p->upstream, now, self);
		p->self = *self;
		mldproxy_settle(p);
		return;
	}
	if (p->upstream)
		mld_upstream_free(p->upstream);
	p->upstream = NULL;
	p->querier = addr_any;
	p->unreported = false;
	if (!ifindex)
		return;
	if (p->proxy && ifindex != p->instance)
		instance_free(p);
	if (!p->proxy) {
		p->proxy = proxy_new(&conf, &in, p->fxq, p->seed + 3);
		if (!p->proxy) {
			mldproxy_count(p, MLDPROXY_OUT_OF_MEMORY);
			return;
		}
		p->instance = ifindex;
		for (struct hnode *n = htab_next(&p->links, NULL); n; n = htab_next(&p->links, n))
			downstream_place(p, hnode_owner(n, struct downstream, by_ifindex));
	}
	p->upstream = mld_upstream_new(p->hosts, &host, self, p);
	p->self = *self;
	if (p->upstream)
		mldproxy_upstream_fill(p);
	else
		mldproxy_count(p, MLDPROXY_OUT_OF_MEMORY);
	mldproxy_settle(p);
}

/* ---- what is heard ---- */

/* `l` NULL: upstream. */
static bool decode(struct mldproxy *p, struct downstream *l, const uint8_t *packet, size_t len, struct mld_packet *ret)
{
	enum mld_err err = mld_decode(packet, len, ret);

	p->errors[l ? SIDE_DOWNSTREAM : SIDE_UPSTREAM][err]++;
	if (err)
		mldproxy_warn_refused(p, l, err, packet, len);
	return err == MLD_OK;
}

void mldproxy_recv_upstream(struct mldproxy *p, struct now now, const uint8_t *packet, size_t len)
{
	struct mld_packet mld;

	p->now = now;
	if (p->stopped || !p->upstream || !decode(p, NULL, packet, len, &mld))
		return;
	/* Reports of MLDv1 may spare us ours (RFC 2710 4). */
	if (mld.type != MLD_QUERY && mld.type != MLD_V1_REPORT) {
		mldproxy_count(p, MLDPROXY_UPSTREAM_NOT_QUERY);
		return;
	}
	if (mld.type == MLD_QUERY)
		p->querier = mld.src;
	mldproxy_warn_upstream(p, &mld);
	mld_upstream_recv(p->upstream, now, &mld);
	mldproxy_settle(p);
}

void mldproxy_recv_downstream(struct mldproxy *p, struct now now, uint32_t ifindex, const uint8_t *packet, size_t len)
{
	struct downstream *l = downstream_find(p, ifindex);
	struct mld_packet mld;

	p->now = now;
	if (p->stopped)
		return;
	if (!l) {
		mldproxy_count(p, MLDPROXY_OTHER_LINK);
		return;
	}
	if (!decode(p, l, packet, len, &mld))
		return;
	mld_link_recv(l->mld, now, &mld);
	if (mld.type == MLD_QUERY) {
		mld_upstream_recv(l->own, now, &mld);
		downstream_querier(p, l);
	}
	mldproxy_settle(p);
}

void mldproxy_source_silent(struct mldproxy *p, struct now now, const struct in6_addr *source,
			    const struct in6_addr *group)
{
	struct event e = {
		.kind = EV_SOURCE_SILENT, .group = *group, .source = *source, .ifindex = p->instance, .status = -1};

	p->now = now;
	if (!p->stopped)
		mldproxy_event_limited(p, &e);
}

/* ---- time ---- */

mono_t mldproxy_next_deadline(const struct mldproxy *p)
{
	if (p->stopped)
		return MONO_NEVER;
	return mono_min(mono_min(p->retry_at, mld_hosts_next_deadline(p->own)),
			mono_min(mld_routers_next_deadline(p->routers), mld_hosts_next_deadline(p->hosts)));
}

/* Room may have come since. Only links that found none are walked. */
static void retry(struct mldproxy *p)
{
	p->retry_at = MONO_NEVER;
	for (struct hnode *n = htab_next(&p->links, NULL); n && p->unplaced; n = htab_next(&p->links, n)) {
		struct downstream *l = hnode_owner(n, struct downstream, by_ifindex);

		if (l->unplaced)
			downstream_place(p, l);
	}
	if (p->unreported && p->upstream)
		mldproxy_upstream_fill(p);
}

void mldproxy_expire(struct mldproxy *p, struct now now)
{
	p->now = now;
	if (p->stopped)
		return;
	mld_routers_expire(p->routers, now);
	mld_hosts_expire(p->hosts, now);
	mld_hosts_expire(p->own, now);
	/* A querier that fell silent: we are it again. */
	list_each_safe (n, &p->listening)
		downstream_querier(p, list_owner(n, struct downstream, listening));
	if (mono_reached(p->retry_at, now.mono))
		retry(p);
	mldproxy_settle(p);
}

bool mldproxy_pop(struct mldproxy *p, struct fx *ret)
{
	return fxq_pop(p->fxq, ret);
}
