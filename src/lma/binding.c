/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <stdlib.h>
#include <string.h>

const char *binding_id(const struct binding *b)
{
	return b->id_len > LMA_ID_INLINE ? b->id.out : b->id.in;
}

struct nai binding_mn(const struct binding *b)
{
	return nai_of(binding_id(b), b->id_len);
}

struct hnp *binding_hnp(const struct binding *b, unsigned i)
{
	struct binding *owner = (struct binding *)(uintptr_t)b;

	return i ? &owner->more[i - 1] : &owner->first;
}

uint8_t binding_prefixes(const struct binding *b, struct prefix ret[DP_NODE_PREFIX_MAX])
{
	for (unsigned i = 0; i < b->n_hnps; i++)
		ret[i] = binding_hnp(b, i)->prefix;
	return b->n_hnps;
}

static bool is_of(const struct binding *b, const char *id, size_t len)
{
	return b->id_len == len && !memcmp(binding_id(b), id, len);
}

static struct binding *of_mn_from(struct hnode *n, const char *id, size_t len)
{
	for (; n; n = htab_same(n)) {
		struct binding *b = hnode_owner(n, struct binding, by_mn);

		if (is_of(b, id, len))
			return b;
	}
	return NULL;
}

struct binding *binding_of_hash(const struct lma *l, const struct nai *mn, uint64_t hash)
{
	return of_mn_from(htab_first(&l->by_mn, hash), mn->s, mn->len);
}

struct binding *binding_of_mn(const struct lma *l, const struct nai *mn)
{
	return binding_of_hash(l, mn, htab_hash(&l->by_mn, mn->s, mn->len));
}

struct binding *binding_next(const struct binding *b)
{
	return of_mn_from(htab_same(&b->by_mn), binding_id(b), b->id_len);
}

uint64_t binding_prefix_hash(const struct lma *l, const struct prefix *p)
{
	uint8_t key[17];

	memcpy(key, &p->addr, 16);
	key[16] = p->len;
	return htab_hash(&l->by_prefix, key, sizeof(key));
}

struct hnp *binding_of_prefix(const struct lma *l, const struct prefix *p)
{
	for (struct hnode *n = htab_first(&l->by_prefix, binding_prefix_hash(l, p)); n; n = htab_same(n)) {
		struct hnp *h = hnode_owner(n, struct hnp, by_prefix);

		if (prefix_eq(&h->prefix, p))
			return h;
	}
	return NULL;
}

static bool set_id(struct binding *b, const struct nai *mn)
{
	char *to = b->id.in;

	if (mn->len > LMA_ID_INLINE) {
		b->id.out = malloc(mn->len);
		if (!b->id.out)
			return false;
		to = b->id.out;
	}
	memcpy(to, mn->s, mn->len);
	b->id_len = mn->len;
	return true;
}

static size_t extra_bytes(const struct binding *b)
{
	return (b->id_len > LMA_ID_INLINE ? b->id_len : 0u) + (b->more ? (b->n_hnps - 1u) * sizeof(*b->more) : 0);
}

static void destroy(struct lma *l, struct binding *b)
{
	if (b->id_len > LMA_ID_INLINE)
		free(b->id.out);
	free(b->more);
	slab_put(&l->binding_slab, b);
}

bool binding_room(struct lma *l, const struct pbu *r, const struct binding *first)
{
	unsigned sessions = 0;

	for (const struct binding *b = first; b; b = binding_next(b))
		sessions++;
	if (sessions >= LMA_SESSIONS_MAX) {
		lma_count(l, LMA_SESSIONS_FULL);
		lma_limit_event(l, "sessions of a node", &r->m->mn_id, &r->proxy_coa, NULL);
		return false;
	}
	if (l->binding_slab.used >= l->binding_slab.max) {
		lma_count(l, LMA_BINDINGS_FULL);
		lma_limit_event(l, "bindings", &r->m->mn_id, &r->proxy_coa, NULL);
		return false;
	}
	return true;
}

struct binding *binding_new(struct lma *l, const struct nai *mn, uint64_t mn_hash, const struct prefix *prefixes,
			    uint8_t n, uint8_t pooled_mask)
{
	struct binding *b = slab_get(&l->binding_slab);

	if (!b) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		return NULL;
	}
	deadline_init(&b->timer, LMA_TIMER_BINDING);
	list_init(&b->of_peer);
	if (n > 1)
		b->more = calloc(n - 1u, sizeof(*b->more));
	/* A place in the heap is taken now, so that setting the lifetime cannot fail later; about where it will stay. */
	if (!set_id(b, mn) || (n > 1 && !b->more) ||
	    !heap_set(&l->heap, &b->timer, mono_add(l->now.mono, l->conf.lifetime_max)))
		goto oom;
	if (!htab_add(&l->by_mn, &b->by_mn, mn_hash))
		goto oom;
	for (; b->n_hnps < n; b->n_hnps++) {
		struct hnp *h = binding_hnp(b, b->n_hnps);

		h->binding = b;
		h->prefix = prefixes[b->n_hnps];
		h->pooled = pooled_mask >> b->n_hnps & 1;
		if (!htab_add(&l->by_prefix, &h->by_prefix, binding_prefix_hash(l, &h->prefix)))
			goto unlink;
	}
	for (unsigned i = 0; i < n; i++) {
		l->pool.held += pooled_mask >> i & 1;
		l->pool.used += prefix_pool_owns(l, &prefixes[i]);
	}
	l->heap_bytes += extra_bytes(b);
	return b;
unlink:
	while (b->n_hnps)
		htab_del(&l->by_prefix, &binding_hnp(b, --b->n_hnps)->by_prefix);
	htab_del(&l->by_mn, &b->by_mn);
oom:
	lma_count(l, LMA_OUT_OF_MEMORY);
	heap_clear(&l->heap, &b->timer);
	destroy(l, b);
	return NULL;
}

void binding_attach(struct lma *l, struct binding *b, struct peer *peer)
{
	b->peer = peer;
	list_add(&peer->bindings, &b->of_peer);
	peer->n_bindings++;
	heap_clear(&l->heap, &peer->linger);
	b->epoch = peer->epoch;
	heartbeat_start(l, peer);
}

void binding_detach(struct lma *l, struct binding *b)
{
	struct peer *p = b->peer;

	if (!p)
		return;
	list_del(&b->of_peer);
	p->n_bindings--;
	b->peer = NULL;
	peer_check_linger(l, p);
}

void binding_route(struct lma *l, const struct binding *b, bool add)
{
	for (unsigned i = 0; i < b->n_hnps; i++) {
		struct dp_op op = {.kind = add ? DP_ROUTE_ADD : DP_ROUTE_DEL};

		op.route.prefix = binding_hnp(b, i)->prefix;
		op.route.tunnel = peer_tunnel(l, b->peer);
		op.route.end_marker = add && b->forwarded;
		fxq_dp(l->fxq, &op);
	}
}

static struct event event_of(enum event_kind kind, const struct binding *b)
{
	struct event e = {.kind = kind, .mn = binding_mn(b), .lladdr = b->llid, .status = -1};

	if (b->peer)
		e.peer = b->peer->proxy_coa;
	return e;
}

void binding_event(struct lma *l, enum event_kind kind, const struct binding *b)
{
	struct event e = event_of(kind, b);

	lma_event(l, &e);
}

void binding_deregister(struct lma *l, struct binding *b, const char *how)
{
	struct event e = event_of(EV_BINDING_DEREGISTERED, b);

	if (b->state == LMA_BINDING_DELAYED_DELETE)
		return;
	memcpy(e.detail, how, strnlen(how, sizeof(e.detail) - 1));
	lma_event(l, &e);
	b->state = LMA_BINDING_DELAYED_DELETE;
	binding_route(l, b, false);
	context_keep(l, b);
	shares_clear(l, b);
	heap_set(&l->heap, &b->timer, mono_add(l->now.mono, l->conf.min_delay_before_bce_delete));
	if (b->awaited)
		pending_wake(l, binding_id(b), b->id_len);
	b->awaited = false;
}

void binding_delete(struct lma *l, struct binding *b)
{
	if (b->state == LMA_BINDING_ACTIVE && b->peer)
		binding_route(l, b, false);
	context_drop(l, b);
	expect_forget(l, b);
	shares_clear(l, b);
	if (b->awaited)
		pending_wake(l, binding_id(b), b->id_len);
	heap_clear(&l->heap, &b->timer);
	htab_del(&l->by_mn, &b->by_mn);
	for (unsigned i = 0; i < b->n_hnps; i++) {
		struct hnp *h = binding_hnp(b, i);

		htab_del(&l->by_prefix, &h->by_prefix);
		l->pool.used -= prefix_pool_owns(l, &h->prefix);
		if (h->pooled) {
			l->pool.held--;
			prefix_pool_put(l, &h->prefix);
		}
	}
	profile_unref(b->profile);
	binding_detach(l, b);
	l->heap_bytes -= extra_bytes(b);
	destroy(l, b);
}

/* ---- look-up, RFC 5213 5.4.1 ---- */

static bool has_llid(const struct mh_msg *m)
{
	static const struct lladdr zero;

	/* All-zero octets are how a sender says that it knows none (8.6). */
	return (m->has & MH_HAS_LLID) && m->llid.len && memcmp(m->llid.b, zero.b, m->llid.len);
}

static struct lookup lookup_is(enum lookup_kind kind, struct binding *b)
{
	return (struct lookup){.kind = kind, .binding = b};
}

static struct lookup lookup_refused(uint8_t status, struct binding *b)
{
	return (struct lookup){.kind = LOOKUP_REFUSED, .status = status, .binding = b};
}

static bool same_prefixes(const struct binding *b, const struct mh_msg *m)
{
	if (b->n_hnps != m->n_hnp)
		return false;
	for (unsigned i = 0; i < b->n_hnps; i++) {
		unsigned k = 0;

		while (k < m->n_hnp && !prefix_eq(&m->hnp[k], &binding_hnp(b, i)->prefix))
			k++;
		if (k == m->n_hnp)
			return false;
	}
	return true;
}

/* The session of the interface that the message names. */
static struct binding *of_interface(struct binding *first, const struct mh_msg *m)
{
	struct binding *b = has_llid(m) ? first : NULL;

	while (b && (b->att != m->att || !lladdr_eq(&b->llid, &m->llid)))
		b = binding_next(b);
	return b;
}

/* 5.4.1.1. A request that matches none of the conditions is to be a new session by the text, for a prefix that another
 * session of the node holds: one prefix in two sessions cannot be, so it is refused. */
static struct lookup lookup_by_prefix(const struct lma *l, const struct mh_msg *m, const struct in6_addr *proxy_coa,
				      struct binding *first)
{
	struct binding *b = NULL;
	bool same_att, same_llid;

	for (unsigned i = 0; i < m->n_hnp && !b; i++) {
		struct hnp *h = binding_of_prefix(l, &m->hnp[i]);

		b = h ? h->binding : NULL;
	}
	if (!b)
		return lookup_is(LOOKUP_NEW, of_interface(first, m));
	if (!is_of(b, m->mn_id.s, m->mn_id.len))
		return lookup_refused(MH_NOT_AUTHORIZED_FOR_HNP, NULL);
	if (!same_prefixes(b, m))
		return lookup_refused(MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH, b);
	same_att = m->att == b->att;
	same_llid = has_llid(m) && lladdr_eq(&m->llid, &b->llid);
	if ((same_llid && same_att) || m->handoff == MH_HANDOFF_BETWEEN_INTERFACES ||
	    (!has_llid(m) && !b->llid.len && same_att && m->handoff == MH_HANDOFF_BETWEEN_MAGS) ||
	    (b->peer && addr_eq(&b->peer->proxy_coa, proxy_coa) && same_att))
		return lookup_is(LOOKUP_UPDATE, b);
	return lookup_refused(MH_NOT_AUTHORIZED_FOR_HNP, b);
}

struct lookup binding_lookup(const struct lma *l, const struct mh_msg *m, const struct in6_addr *proxy_coa,
			     struct binding *first)
{
	bool only_one = first && !binding_next(first);

	for (unsigned i = 0; i < m->n_hnp; i++)
		if (!addr_is_any(&m->hnp[i].addr))
			return lookup_by_prefix(l, m, proxy_coa, first);
	if (has_llid(m)) { /* 5.4.1.2 */
		struct binding *b = of_interface(first, m);

		if (b)
			return lookup_is(LOOKUP_UPDATE, b);
		if (only_one && m->handoff == MH_HANDOFF_BETWEEN_INTERFACES)
			return lookup_is(LOOKUP_UPDATE, first);
	} else if (only_one && /* 5.4.1.3 */
		   (m->handoff == MH_HANDOFF_BETWEEN_INTERFACES || m->handoff == MH_HANDOFF_BETWEEN_MAGS)) {
		return lookup_is(LOOKUP_UPDATE, first);
	}
	if (only_one && m->handoff == MH_HANDOFF_UNKNOWN)
		/* De-registered already: what the wait is for has happened. */
		return lookup_is(first->state == LMA_BINDING_DELAYED_DELETE ? LOOKUP_UPDATE : LOOKUP_WAIT, first);
	return lookup_is(LOOKUP_NEW, NULL);
}
