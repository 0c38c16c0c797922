/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <stdio.h>
#include <string.h>

const char *lma_context_state_name(enum lma_context_state s)
{
	switch (s) {
	case LMA_CONTEXT_NONE: return "none";
	case LMA_CONTEXT_ASKING: return "asking";
	case LMA_CONTEXT_AT_HAND: return "at-hand";
	}
	return "?";
}

static struct lma_context_view context_view(const struct binding *b)
{
	const struct carried *c = b->carried;
	struct lma_context_view v = {.state = LMA_CONTEXT_NONE};

	if (!c)
		return v;
	v.groups = c->context.n;
	for (uint16_t i = 0; i < c->known.n; i++)
		v.groups += !mn_context_find(&c->context, &c->known.v[i].group);
	v.questions = c->n_questions;
	list_each (n, &c->questions) {
		const struct question *q = list_owner(n, struct question, of_carried);

		v.mag = q->mag;
		v.tries = q->tries;
	}
	v.state = v.questions ? LMA_CONTEXT_ASKING : v.groups ? LMA_CONTEXT_AT_HAND : LMA_CONTEXT_NONE;
	return v;
}

struct lma_context_view lma_context(const struct lma *l, const struct nai *mn, const struct in6_addr *group)
{
	struct lma_context_view v = {.state = LMA_CONTEXT_NONE};

	for (const struct binding *b = binding_of_mn(l, mn); b; b = binding_next(b)) {
		if (!b->carried)
			continue;
		v = context_view(b);
		v.has = mn_context_find(&b->carried->context, group) || mn_context_find(&b->carried->known, group);
		if (b->state == LMA_BINDING_ACTIVE)
			break;
	}
	return v;
}

static void show_binding(const struct lma *l, const struct binding *b,
			 void (*each)(void *arg, const struct lma_binding_view *v), void *arg)
{
	struct prefix prefixes[DP_NODE_PREFIX_MAX];
	struct nai mn = binding_mn(b);
	struct lma_binding_view v = {
		.mn = &mn,
		.state = b->state,
		.llid = b->llid,
		.att = b->att,
		.handoff = b->handoff,
		.n_prefixes = binding_prefixes(b, prefixes),
		.prefixes = prefixes,
		.lifetime = span_s((int64_t)b->lifetime_4s * 4),
		.left = mono_sub(b->timer.at, l->now.mono),
		.seq = b->seq,
		.timestamp = b->timestamp,
		.profile = b->profile,
		.n_groups = shares_in_force(b),
		.context = context_view(b),
	};

	if (b->peer)
		v.proxy_coa = b->peer->proxy_coa;
	each(arg, &v);
}

void lma_each_binding(const struct lma *l, void (*each)(void *arg, const struct lma_binding_view *v), void *arg)
{
	for (struct hnode *n = htab_next(&l->by_mn, NULL); n; n = htab_next(&l->by_mn, n))
		show_binding(l, hnode_owner(n, struct binding, by_mn), each, arg);
}

void lma_find_bindings(const struct lma *l, const struct nai *mn,
		       void (*each)(void *arg, const struct lma_binding_view *v), void *arg)
{
	for (const struct binding *b = binding_of_mn(l, mn); b; b = binding_next(b))
		show_binding(l, b, each, arg);
}

void lma_each_peer(const struct lma *l, void (*each)(void *arg, const struct lma_peer_view *v), void *arg)
{
	for (struct hnode *n = htab_next(&l->peers, NULL); n; n = htab_next(&l->peers, n)) {
		const struct peer *p = hnode_owner(n, struct peer, by_addr);
		struct lma_peer_view v = {
			.proxy_coa = p->proxy_coa,
			.name = p->mag ? p->mag->conf.name : "",
			.heard_capabilities = p->heard_capabilities,
			.capabilities = p->capabilities,
			.bindings = p->n_bindings,
			.groups = p->n_subs,
			.tunnel = peer_tunnel(l, p),
			.tunnel_up = true, /* for as long as the peer is known */
			.heartbeat = heartbeat_look(&p->heartbeat, l->now.mono),
		};

		each(arg, &v);
	}
}

void lma_each_subscription(const struct lma *l, void (*each)(void *arg, const struct lma_subscription_view *v),
			   void *arg)
{
	for (struct hnode *n = htab_next(&l->subs, NULL); n; n = htab_next(&l->subs, n)) {
		const struct sub *s = hnode_owner(n, struct sub, by_key);
		struct lma_subscription_view v = {
			.proxy_coa = s->peer->proxy_coa,
			.group = s->group,
			.filter = &s->force,
			.origins = sub_origins(s),
			.bindings = s->n_shares,
		};

		if (s->peer != &l->hold)
			each(arg, &v);
	}
}

struct group_walk {
	const struct lma *l;
	void (*each)(void *arg, const struct lma_group_view *v);
	void *arg;
};

static void show_group(void *arg, const struct in6_addr *group, const struct filter *merged, uint32_t members)
{
	const struct group_walk *w = arg;
	struct filter reported = FILTER_NONE;
	struct lma_group_view v = {.group = *group, .merged = merged, .mags = members};

	v.joined = w->l->upstream && mld_upstream_get(w->l->upstream, group, &reported) && !filter_is_none(&reported);
	filter_drop(&reported);
	v.held = sub_find(w->l, &w->l->hold, group) != NULL;
	v.mags -= v.held; /* which is sent nothing */
	w->each(w->arg, &v);
}

void lma_each_group(const struct lma *l, void (*each)(void *arg, const struct lma_group_view *v), void *arg)
{
	struct group_walk w = {l, each, arg};

	if (l->proxy)
		proxy_each_group(l->proxy, show_group, &w);
}

bool lma_group_result(const struct lma *l, const struct nai *mn, const struct in6_addr *group, uint8_t *result)
{
	for (const struct binding *b = binding_of_mn(l, mn); b; b = binding_next(b)) {
		const struct share *s = share_find(b, group);

		if (s) {
			*result = s->result;
			return true;
		}
	}
	return false;
}

void lma_each_counter(const struct lma *l, void (*each)(void *arg, const char *name, uint64_t value), void *arg)
{
	static const char *const names[LMA_COUNTER_N] = {
#define X(id, name) [LMA_##id] = name,
		LMA_COUNTERS(X)
#undef X
	};
	char name[96];

	for (unsigned i = 0; i < LMA_COUNTER_N; i++)
		each(arg, names[i], l->counters[i]);
	for (unsigned i = 0; i < 256; i++)
		if (strcmp(mh_status_name((uint8_t)i), "?")) {
			snprintf(name, sizeof(name), "pba-status-%s", mh_status_name((uint8_t)i));
			each(arg, name, l->statuses[i]);
		}
	for (unsigned i = MH_OK + 1; i < MH_ERR_N; i++) {
		snprintf(name, sizeof(name), "mh-%s", mh_err_name((enum mh_err)i));
		each(arg, name, l->decode_errors[i]);
	}
	for (unsigned i = MLD_OK + 1; i < MLD_ERR_N; i++) {
		snprintf(name, sizeof(name), "mld-%s", mld_err_name((enum mld_err)i));
		each(arg, name, l->mld_errors[i]);
	}
	for (unsigned i = 0; l->routers && i < MLD_ROUTER_COUNTER_N; i++) {
		snprintf(name, sizeof(name), "tunnel-%s", mld_router_counter_name((enum mld_router_counter)i));
		each(arg, name, mld_routers_counter(l->routers, (enum mld_router_counter)i));
	}
	for (unsigned i = 0; l->upstream && i < MLD_HOST_COUNTER_N; i++) {
		snprintf(name, sizeof(name), "upstream-%s", mld_host_counter_name((enum mld_host_counter)i));
		each(arg, name, mld_upstream_counter(l->upstream, (enum mld_host_counter)i));
	}
	each(arg, "effects-lost", fxq_lost(l->fxq));
}

struct lma_totals lma_totals(const struct lma *l)
{
	struct lma_totals t = {
		.bindings = l->binding_slab.used,
		.peers = l->peer_slab.used,
		.groups = l->proxy ? proxy_groups(l->proxy) : 0,
		.pending = l->n_pending,
	};

	list_each (n, &l->contexts) {
		const struct carried *c = list_owner(n, struct carried, of_all);

		t.contexts++;
		t.bytes += mn_context_bytes(&c->context) + mn_context_bytes(&c->known);
	}
	for (uint64_t n = prefix_pool_free(l); n > 1; n >>= 1)
		t.prefixes_free_log2++;
	t.bytes += sizeof(*l) + l->heap_bytes + (l->heap.cap + l->waits.cap) * sizeof(*l->heap.v) + prefix_pool_bytes(l) +
		  slab_bytes(&l->binding_slab) + slab_bytes(&l->peer_slab) + slab_bytes(&l->sub_slab) +
		  slab_bytes(&l->demand_slab) + slab_bytes(&l->share_slab) + slab_bytes(&l->revocation_slab) +
		  slab_bytes(&l->carried_slab) + slab_bytes(&l->question_slab) + slab_bytes(&l->implicit_slab) +
		  slab_bytes(&l->expectation_slab) +
		  htab_bytes(&l->by_mn) + htab_bytes(&l->by_prefix) + htab_bytes(&l->peers) + htab_bytes(&l->subs) +
		  htab_bytes(&l->pending_by_mn) + htab_bytes(&l->pending_by_request) + htab_bytes(&l->revocations);
	if (l->proxy)
		t.bytes += proxy_bytes(l->proxy);
	if (l->routers)
		t.bytes += mld_routers_bytes(l->routers);
	if (l->hosts)
		t.bytes += mld_hosts_bytes(l->hosts);
	return t;
}
