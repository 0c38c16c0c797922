/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARNING_S 10 /* one warning of queries in so many seconds */

/* ---- life ---- */

static void init_tables(struct lma *l)
{
	const struct lma_conf *c = &l->conf;

	slab_init(&l->binding_slab, sizeof(struct binding), c->bindings_max);
	slab_init(&l->peer_slab, sizeof(struct peer), c->peers_max);
	slab_init(&l->sub_slab, sizeof(struct sub), c->entries_max);
	slab_init(&l->demand_slab, sizeof(struct demand), c->entries_max);
	slab_init(&l->share_slab, sizeof(struct share), c->entries_max);
	slab_init(&l->revocation_slab, sizeof(struct revocation), c->pending_max);
	slab_init(&l->carried_slab, sizeof(struct carried), c->bindings_max);
	slab_init(&l->question_slab, sizeof(struct question), c->pending_max);
	slab_init(&l->implicit_slab, sizeof(struct implicit), c->entries_max);
	slab_init(&l->expectation_slab, sizeof(struct expectation), c->pending_max);
	list_init(&l->hold.subs);
	list_init(&l->questions);
	list_init(&l->contexts);
	htab_init(&l->by_mn, l->seed + 1);
	htab_init(&l->by_prefix, l->seed + 2);
	htab_init(&l->peers, l->seed + 3);
	htab_init(&l->subs, l->seed + 4);
	htab_init(&l->pending_by_mn, l->seed + 1); /* as by_mn: one hash of an identifier serves for both */
	htab_init(&l->pending_by_request, l->seed + 6);
	htab_init(&l->revocations, l->seed + 7);
	heap_init(&l->heap);
	heap_init(&l->waits);
	list_init(&l->ready);
}

struct lma *lma_new(const struct lma_conf *conf, struct now now, uint64_t seed)
{
	struct lma *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->fxq = fxq_new();
	if (!l->fxq || !lma_conf_set(l, conf)) {
		fxq_free(l->fxq);
		free(l);
		return NULL;
	}
	l->now = now;
	l->seed = seed;
	/* It must grow with every start (RFC 5847 3.4), and nothing of ours outlives us but the clock. */
	l->restart_counter = (uint32_t)(now.wall.ns / 1000000000);
	init_tables(l);
	limiter_init(&l->be_limiter, conf->be_per_s, conf->be_per_s);
	limiter_init(&l->refusal_limiter, conf->refusal_per_s, conf->refusal_per_s);
	limiter_init(&l->event_limiter, LMA_EVENTS_PER_S, LMA_EVENTS_PER_S);
	prefix_pool_conf(l);
	if (!multicast_start(l))
		return lma_free(l);
	return l;
}

static void discard_effects(struct lma *l)
{
	struct fx fx;

	while (fxq_pop(l->fxq, &fx))
		;
}

static void free_bindings_of(struct lma *l, struct peer *p)
{
	struct list *n;

	while ((n = list_first(&p->bindings)) != NULL) {
		binding_delete(l, list_owner(n, struct binding, of_peer));
		discard_effects(l); /* a queue of them all would be larger than what is freed */
	}
}

struct lma *lma_free(struct lma *l)
{
	struct hnode *n;

	if (!l)
		return NULL;
	pending_free_all(l);
	while ((n = htab_next(&l->peers, NULL)) != NULL) {
		free_bindings_of(l, hnode_owner(n, struct peer, by_addr));
		peer_free(l, hnode_owner(n, struct peer, by_addr));
	}
	revocation_free_all(l); /* behind the bindings, some of whose revocations waited for a context */
	multicast_stop(l);
	free(l->pool.queue);
	htab_deinit(&l->by_mn);
	htab_deinit(&l->by_prefix);
	htab_deinit(&l->peers);
	htab_deinit(&l->subs);
	htab_deinit(&l->pending_by_mn);
	htab_deinit(&l->pending_by_request);
	htab_deinit(&l->revocations);
	heap_deinit(&l->heap);
	heap_deinit(&l->waits);
	slab_deinit(&l->binding_slab);
	slab_deinit(&l->peer_slab);
	slab_deinit(&l->share_slab);
	slab_deinit(&l->demand_slab);
	slab_deinit(&l->sub_slab);
	slab_deinit(&l->revocation_slab);
	slab_deinit(&l->carried_slab);
	slab_deinit(&l->question_slab);
	slab_deinit(&l->implicit_slab);
	slab_deinit(&l->expectation_slab);
	lma_conf_free(l);
	fxq_free(l->fxq);
	free(l);
	return NULL;
}

/* ---- effects ---- */

void lma_event(struct lma *l, const struct event *e)
{
	fxq_event(l->fxq, e);
}

void lma_event_limited(struct lma *l, const struct event *e)
{
	if (limiter_take(&l->event_limiter, l->now.mono))
		fxq_event(l->fxq, e);
	else
		lma_count(l, LMA_EVENTS_LIMITED);
}

void lma_limit_event(struct lma *l, const char *which, const struct nai *mn, const struct in6_addr *mag,
		     const struct in6_addr *group)
{
	struct event e = {.kind = EV_LIMIT,
			  .peer = mag ? *mag : addr_any,
			  .group = group ? *group : addr_any,
			  .status = -1};

	if (mn)
		e.mn = *mn;
	snprintf(e.detail, sizeof(e.detail), "%s", which);
	lma_event_limited(l, &e);
}

bool lma_send(struct lma *l, const struct in6_addr *src, const struct in6_addr *dst)
{
	uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&l->mh, &l->tx, src, dst, bytes, sizeof(bytes));

	if (!len) {
		lma_count(l, LMA_MH_ENCODE);
		return false;
	}
	fxq_mh(l->fxq, src, dst, bytes, len);
	return true;
}

void lma_settle(struct lma *l)
{
	do {
		pending_run(l);
		multicast_settle(l);
	} while (!list_empty(&l->ready));
}

bool lma_pop(struct lma *l, struct fx *ret)
{
	return fxq_pop(l->fxq, ret);
}

/* ---- messages ---- */

static void binding_error(struct lma *l, const struct in6_addr *to)
{
	if (!limiter_take(&l->be_limiter, l->now.mono)) {
		lma_count(l, LMA_BINDING_ERRORS_LIMITED);
		return;
	}
	mh_init(&l->tx, MH_BE);
	l->tx.status = MH_BE_UNKNOWN_TYPE;
	if (lma_send(l, &l->conf.lmaa, to))
		lma_count(l, LMA_BINDING_ERRORS_SENT);
}

static void revocation(struct lma *l, const struct in6_addr *src)
{
	const struct mh_msg *m = &l->rx;

	if (m->revocation != MH_BRI) {
		revocation_answered(l, src, m);
		return;
	}
	/* A MAG ends its bindings by de-registration: revocation by it is told to be absent (RFC 5846 7.2). */
	mh_init(&l->tx, MH_REVOCATION);
	l->tx.revocation = MH_BRA;
	l->tx.status = MH_BRA_NOT_SUPPORTED;
	l->tx.seq = m->seq;
	l->tx.flags = m->flags;
	if (m->has & MH_HAS_MN_ID) {
		l->tx.has = MH_HAS_MN_ID;
		l->tx.mn_id_subtype = m->mn_id_subtype;
		l->tx.mn_id = m->mn_id;
	}
	lma_send(l, &l->conf.lmaa, src);
}

/* RFC 7077 4.1, RFC 5846 6.2, RFC 5847 3: a peer that knows the message not is not sent it again. */
static void peer_knows_not(struct lma *l, const struct in6_addr *src)
{
	struct peer *p = peer_find(l, src);

	lma_count(l, LMA_BINDING_ERRORS_HEARD);
	if (!p || l->rx.status != MH_BE_UNKNOWN_TYPE || heartbeat_refused(l, p) || context_unsupported(l, p))
		return;
	if (p->n_upns) {
		p->no_notify = true;
		notify_forget(l, p);
	}
	revocation_unsupported(l, p);
}

static void dispatch(struct lma *l, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes,
		     size_t len)
{
	struct pbu r = {.m = &l->rx, .src = *src, .dst = *dst, .bytes = bytes, .len = len, .arrived = l->now};

	switch (l->rx.type) {
	case MH_BU:
		lma_count(l, LMA_PBU_RECEIVED);
		lma_registration(l, &r);
		return;
	case MH_BA:
	case MH_HI:
	case MH_HACK:
	case MH_UPN:
		lma_count(l, LMA_MH_NOT_TAKEN);
		binding_error(l, src);
		return;
	case MH_SUBSCRIPTION_QUERY:
	case MH_SUBSCRIPTION_RESPONSE:
		if (l->conf.context != MN_CONTEXT_OFF || ((l->rx.has & MH_HAS_MARK) && l->conf.multicast))
			break;
		lma_count(l, LMA_MH_NOT_TAKEN);
		binding_error(l, src);
		return;
	case MH_BE:
	case MH_HEARTBEAT:
	case MH_REVOCATION:
	case MH_UPA:
		break;
	}
	/* An answer is known by its question: the MAG may have lost its permission, which is why it was asked. */
	if (!lma_mag_of(l, src) && (l->rx.type != MH_REVOCATION || l->rx.revocation != MH_BRA)) {
		lma_count(l, LMA_MH_STRANGER);
		return;
	}
	if (l->rx.type == MH_BE)
		peer_knows_not(l, src);
	else if (l->rx.type == MH_HEARTBEAT)
		heartbeat_recv(l, src);
	else if (l->rx.type == MH_REVOCATION)
		revocation(l, src);
	else if (l->rx.type == MH_SUBSCRIPTION_QUERY && (l->rx.has & MH_HAS_MARK))
		expect_query(l, src, &l->rx);
	else if (l->rx.type == MH_SUBSCRIPTION_QUERY)
		context_query(l, src, &l->rx);
	else if (l->rx.type == MH_SUBSCRIPTION_RESPONSE)
		context_response(l, src, &l->rx);
	else
		notify_answered(l, src, &l->rx);
}

void lma_recv_mh(struct lma *l, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
		 const uint8_t *bytes, size_t len)
{
	enum mh_err err;

	l->now = now;
	if (l->stopped)
		return;
	lma_count(l, LMA_MH_RECEIVED);
	if (!addr_eq(dst, &l->conf.lmaa)) {
		lma_count(l, LMA_MH_NOT_FOR_US);
		return;
	}
	if (addr_is_any(src) || addr_is_multicast(src) || addr_is_link_local(src)) {
		lma_count(l, LMA_MH_BAD_SOURCE);
		return;
	}
	l->rx_of = NULL;
	err = mh_decode(&l->mh, bytes, len, src, dst, &l->rx);
	if (err == MH_OK) {
		dispatch(l, src, dst, bytes, len);
	} else {
		l->decode_errors[err]++;
		if (err == MH_ERR_TYPE)
			binding_error(l, src);
	}
	lma_settle(l);
}

/* Queries whose source is not link-local are told of, once in a while (RFC 3810 5.1.14). */
static void refused(struct lma *l, enum mld_err err, uint32_t ifindex, const struct in6_addr *mag, const uint8_t *packet,
		    size_t len)
{
	struct event e = {.kind = EV_MLD_WARNING, .ifindex = ifindex, .peer = *mag, .status = -1};

	l->mld_errors[err]++;
	if (err != MLD_ERR_SOURCE || mono_before(l->now.mono, l->query_told) || !mld_query_from(packet, len, &e.source))
		return;
	l->query_told = mono_add(l->now.mono, span_s(WARNING_S));
	snprintf(e.detail, sizeof(e.detail), "a query whose source address is not link-local");
	lma_event(l, &e);
}

void lma_recv_tunnel(struct lma *l, struct now now, const struct dp_tunnel *tunnel, const uint8_t *packet, size_t len)
{
	const struct lma_mag *mag = lma_mag_of(l, &tunnel->remote);
	struct mld_packet mld;
	enum mld_err err;
	struct peer *p;

	l->now = now;
	if (l->stopped)
		return;
	if (!mag) {
		lma_count(l, LMA_TUNNEL_STRANGER);
		return;
	}
	if (!l->routers) {
		lma_count(l, LMA_TUNNEL_NO_MULTICAST);
		return;
	}
	err = mld_decode(packet, len, &mld);
	if (err != MLD_OK) {
		refused(l, err, 0, &tunnel->remote, packet, len);
		return;
	}
	p = peer_get(l, &tunnel->remote, mag);
	if (p && p->mld)
		mld_link_recv(p->mld, now, &mld);
	lma_settle(l);
}

void lma_recv_upstream(struct lma *l, struct now now, uint32_t ifindex, const uint8_t *packet, size_t len)
{
	struct mld_packet mld;
	enum mld_err err;

	l->now = now;
	if (l->stopped)
		return;
	if (!l->upstream || ifindex != l->upstream_ifindex) {
		lma_count(l, LMA_UPSTREAM_OTHER_LINK);
		return;
	}
	err = mld_decode(packet, len, &mld);
	if (err != MLD_OK) {
		refused(l, err, ifindex, &addr_any, packet, len);
		return;
	}
	if (mld.type != MLD_QUERY) {
		lma_count(l, LMA_UPSTREAM_NOT_QUERY);
		return;
	}
	mld_upstream_recv(l->upstream, now, &mld);
	lma_settle(l);
}

void lma_profile(struct lma *l, struct now now, uint32_t request, const struct profile *p)
{
	l->now = now;
	if (l->stopped)
		return;
	pending_profile(l, request, p);
	lma_settle(l);
}

/* ---- time ---- */

mono_t lma_next_deadline(const struct lma *l)
{
	mono_t next = mono_min(heap_next(&l->heap), heap_next(&l->waits));

	if (l->stopped)
		return MONO_NEVER;
	if (l->routers)
		next = mono_min(next, mld_routers_next_deadline(l->routers));
	if (l->hosts)
		next = mono_min(next, mld_hosts_next_deadline(l->hosts));
	return next;
}

static void binding_expire(struct lma *l, struct binding *b)
{
	if (b->state == LMA_BINDING_ACTIVE)
		lma_count(l, LMA_BINDINGS_EXPIRED);
	binding_event(l, b->state == LMA_BINDING_ACTIVE ? EV_BINDING_EXPIRED : EV_BINDING_DELETED, b);
	binding_delete(l, b);
}

static struct deadline *pop_due(struct lma *l)
{
	struct heap *first = mono_before(heap_next(&l->waits), heap_next(&l->heap)) ? &l->waits : &l->heap;

	return heap_pop_due(first, l->now.mono);
}

void lma_expire(struct lma *l, struct now now)
{
	struct deadline *d;

	l->now = now;
	if (l->stopped)
		return;
	while ((d = pop_due(l)) != NULL)
		switch ((enum lma_timer)d->kind) {
		case LMA_TIMER_BINDING:
			binding_expire(l, deadline_owner(d, struct binding, timer));
			break;
		case LMA_TIMER_PENDING:
			pending_expire(l, deadline_owner(d, struct pending, timer));
			break;
		case LMA_TIMER_PEER:
			peer_expire(l, deadline_owner(d, struct peer, linger));
			break;
		case LMA_TIMER_REVOCATION:
			revocation_expire(l, deadline_owner(d, struct revocation, timer));
			break;
		case LMA_TIMER_NOTIFY:
			notify_expire(l, deadline_owner(d, struct notice, timer));
			break;
		case LMA_TIMER_HEARTBEAT:
			heartbeat_expire(l, deadline_owner(d, struct peer, heartbeat.due));
			break;
		case LMA_TIMER_CARRIED:
			context_expire(l, deadline_owner(d, struct carried, timer));
			break;
		case LMA_TIMER_QUESTION:
			context_question_expire(l, deadline_owner(d, struct question, timer));
			break;
		case LMA_TIMER_IMPLICIT:
			implicit_expire(l, deadline_owner(d, struct implicit, guard));
			break;
		}
	if (l->routers)
		mld_routers_expire(l->routers, now);
	if (l->hosts)
		mld_hosts_expire(l->hosts, now);
	lma_settle(l);
}
