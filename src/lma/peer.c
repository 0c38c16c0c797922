/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <string.h>

/* A MAG without bindings and groups is kept for this long: its next node finds the tunnel there. */
#define LINGER span_s(10)

struct dp_tunnel peer_tunnel(const struct lma *l, const struct peer *p)
{
	return (struct dp_tunnel){.local = l->conf.lmaa, .remote = p->proxy_coa};
}

struct peer *peer_find(const struct lma *l, const struct in6_addr *proxy_coa)
{
	uint64_t hash = htab_hash(&l->peers, proxy_coa, sizeof(*proxy_coa));

	for (struct hnode *n = htab_first(&l->peers, hash); n; n = htab_same(n)) {
		struct peer *p = hnode_owner(n, struct peer, by_addr);

		if (addr_eq(&p->proxy_coa, proxy_coa))
			return p;
	}
	return NULL;
}

static void tunnel_op(struct lma *l, const struct peer *p, enum dp_op_kind kind)
{
	struct dp_op op = {.kind = kind};

	op.tunnel = peer_tunnel(l, p);
	fxq_dp(l->fxq, &op);
}

struct peer *peer_get(struct lma *l, const struct in6_addr *proxy_coa, const struct lma_mag *mag)
{
	struct peer *p = peer_find(l, proxy_coa);

	if (p)
		return p;
	p = slab_get(&l->peer_slab);
	if (!p) {
		lma_count(l, LMA_PEERS_FULL);
		lma_limit_event(l, "peers", NULL, proxy_coa, NULL);
		return NULL;
	}
	deadline_init(&p->linger, LMA_TIMER_PEER);
	list_init(&p->bindings);
	list_init(&p->subs);
	list_init(&p->upns);
	p->proxy_coa = *proxy_coa;
	/* Numbers that nobody foresees. */
	heartbeat_init(&p->heartbeat, LMA_TIMER_HEARTBEAT,
		       (uint32_t)(htab_hash(&l->peers, proxy_coa, sizeof(*proxy_coa)) >> 32));
	p->mag = mag;
	if (!htab_add(&l->peers, &p->by_addr, htab_hash(&l->peers, proxy_coa, sizeof(*proxy_coa)))) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		slab_put(&l->peer_slab, p);
		return NULL;
	}
	tunnel_op(l, p, DP_TUNNEL_ADD);
	if (l->routers)
		p->mld = mld_link_new(l->routers, l->now, &l->conf.tunnel_mld, &l->conf.tunnel_link_local, p);
	peer_check_linger(l, p);
	return p;
}

struct proxy_member *peer_member(struct lma *l, struct peer *p)
{
	struct dp_out out = {.ifindex = 0};

	out.tunnel = peer_tunnel(l, p);
	if (!p->member && l->proxy)
		p->member = proxy_member_new(l->proxy, &out, false, p);
	if (p->member && p == &l->hold)
		proxy_member_forward(p->member, false);
	return p->member;
}

void peer_check_linger(struct lma *l, struct peer *p)
{
	/* One that was given up may believe in its bindings for as long as they would have lived. */
	span_t hold = p->lost ? span_max(l->conf.lifetime_max, LINGER) : LINGER;

	if (p->n_bindings == 0)
		heap_set(&l->heap, &p->linger, mono_add(l->now.mono, hold));
}

void peer_expire(struct lma *l, struct peer *p)
{
	struct event e = {.kind = EV_PEER_DOWN, .peer = p->proxy_coa, .status = -1};

	if (p->n_bindings)
		return;
	if (p->n_subs) { /* by MLD alone: that ends by itself when the MAG stops reporting */
		peer_check_linger(l, p);
		return;
	}
	peer_free(l, p);
	lma_event(l, &e);
}

void peer_free(struct lma *l, struct peer *p)
{
	uint32_t kept = 0;

	notify_forget(l, p);
	for (uint32_t i = 0; i < l->n_refused; i++)
		if (l->refused[i].peer != p)
			l->refused[kept++] = l->refused[i];
		else
			filter_drop(&l->refused[i].sources);
	l->n_refused = kept;
	if (p->mld)
		mld_link_free(p->mld);
	p->mld = NULL;
	for (struct list *n; (n = list_first(&p->subs)) != NULL;) {
		struct sub *s = list_owner(n, struct sub, of_peer);

		filter_drop(&s->mld);
		implicit_drop(l, s);
		sub_apply(l, s); /* the rest of it is of bindings, of which there are none */
		sub_release(l, s);
	}
	if (p->member)
		proxy_member_free(p->member);
	tunnel_op(l, p, DP_TUNNEL_DEL);
	heap_clear(&l->heap, &p->linger);
	heap_clear(&l->heap, &p->heartbeat.due);
	htab_del(&l->peers, &p->by_addr);
	slab_put(&l->peer_slab, p);
}
