/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <stdlib.h>
#include <string.h>

/* The store answers at once or within moments; one that has died must not hold updates for ever. The gateway repeats
 * them. */
#define PROFILE_WAIT span_s(5)

static size_t pending_size(const struct pending *p)
{
	return sizeof(*p) + p->id_len + p->len;
}

/* Our own running numbers need spreading, not a secret. */
static uint64_t request_hash(uint32_t request)
{
	return request * 0x9e3779b97f4a7c15u;
}

static void unlink_pending(struct lma *l, struct pending *p)
{
	if (l->rx_of == p)
		l->rx_of = NULL;
	htab_del(&l->pending_by_mn, &p->by_mn);
	htab_del(&l->pending_by_request, &p->by_request);
	heap_clear(&l->waits, &p->timer);
	list_del(&p->ready);
	l->n_pending--;
	l->heap_bytes -= pending_size(p);
}

static bool link_pending(struct lma *l, struct pending *p, uint64_t mn_hash, mono_t until)
{
	if (!htab_add(&l->pending_by_mn, &p->by_mn, mn_hash))
		return false;
	if (!htab_add(&l->pending_by_request, &p->by_request, request_hash(p->request)))
		goto undo_mn;
	if (!heap_set(&l->waits, &p->timer, until))
		goto undo_request;
	l->n_pending++;
	l->heap_bytes += pending_size(p);
	return true;
undo_request:
	htab_del(&l->pending_by_request, &p->by_request);
undo_mn:
	htab_del(&l->pending_by_mn, &p->by_mn);
	return false;
}

static struct pending *find(const struct lma *l, const struct pbu *r)
{
	const struct nai *mn = &r->m->mn_id;
	struct hnode *n = htab_first(&l->pending_by_mn, r->mn_hash);

	for (; n; n = htab_same(n)) {
		struct pending *p = hnode_owner(n, struct pending, by_mn);

		if (p->id_len == mn->len && !memcmp(p->bytes, mn->s, mn->len) && addr_eq(&p->src, &r->src))
			return p;
	}
	return NULL;
}

static void ask_store(struct lma *l, const struct pending *p)
{
	struct fx_profile ask = {.request = p->request, .id_len = p->id_len, .id = p->bytes};

	fxq_profile(l->fxq, &ask);
}

static span_t wait_of(const struct lma *l, enum pending_kind kind)
{
	switch (kind) {
	case PENDING_PROFILE:
		return PROFILE_WAIT;
	case PENDING_DEREGISTRATION:
		return l->conf.max_delay_before_new_bce;
	case PENDING_CONTEXT:
		return l->conf.pba_timer;
	case PENDING_READY:
		break;
	}
	return span_ns(0);
}

void pending_add(struct lma *l, const struct pbu *r, enum pending_kind kind)
{
	struct pending *old = find(l, r), *p;
	mono_t until = mono_add(l->now.mono, wait_of(l, kind));

	if (!old && l->n_pending >= l->conf.pending_max) {
		lma_count(l, LMA_PENDING_FULL);
		lma_limit_event(l, "pending", &r->m->mn_id, &r->proxy_coa, NULL);
		return;
	}
	p = calloc(1, sizeof(*p) + r->m->mn_id.len + r->len);
	if (!p) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		return;
	}
	deadline_init(&p->timer, LMA_TIMER_PENDING);
	list_init(&p->ready);
	p->kind = kind;
	p->ordered = kind != PENDING_PROFILE;
	p->for_context = kind == PENDING_CONTEXT;
	p->arrived = r->arrived;
	p->src = r->src;
	p->dst = r->dst;
	p->id_len = r->m->mn_id.len;
	p->len = (uint16_t)r->len;
	memcpy(p->bytes, r->m->mn_id.s, p->id_len);
	memcpy(p->bytes + p->id_len, r->bytes, r->len);
	if (old) { /* the newer one counts, in the place of the older: same question to the store, same end of the wait
		    */
		p->request = old->request;
		if (old->kind == kind)
			until = old->timer.at;
		unlink_pending(l, old);
		lma_count(l, LMA_PENDING_REPLACED);
	} else {
		p->request = ++l->next_request;
	}
	if (!link_pending(l, p, r->mn_hash, until)) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		free(p);
	} else {
		l->rx_of = mh_refers(&l->rx) ? NULL : p;
		if (kind == PENDING_PROFILE && !(old && old->kind == kind))
			ask_store(l, p);
	}
	free(old);
}

/* Go on with the update: it is out of every table first, since it may come to wait again. */
static void resume(struct lma *l, struct pending *p, const struct profile *profile, bool profile_known)
{
	struct pbu r = {
		.m = &l->rx,
		.src = p->src,
		.dst = p->dst,
		.bytes = p->bytes + p->id_len,
		.len = p->len,
		.arrived = p->arrived,
		.mn_hash = p->by_mn.hash,
		.profile = profile,
		.profile_known = profile_known,
		.ordered = p->ordered,
		.waited = p->waited,
	};
	bool here = l->rx_of == p; /* the store had the profile at hand: no other message came in between */

	l->rx_of = NULL;
	unlink_pending(l, p);
	/* The octets were verified when they came. */
	if (here || mh_decode(&l->mh, r.bytes, r.len, NULL, NULL, &l->rx) == MH_OK)
		lma_registration(l, &r);
	free(p);
}

void pending_profile(struct lma *l, uint32_t request, const struct profile *profile)
{
	struct hnode *n = htab_first(&l->pending_by_request, request_hash(request));

	for (; n; n = htab_same(n)) {
		struct pending *p = hnode_owner(n, struct pending, by_request);

		if (p->request == request && p->kind == PENDING_PROFILE) {
			resume(l, p, profile, true);
			return;
		}
	}
	lma_count(l, LMA_PROFILE_ANSWER_UNKNOWN);
}

static void make_ready(struct lma *l, struct pending *p)
{
	if (p->kind == PENDING_READY)
		return;
	p->kind = PENDING_READY;
	list_add(&l->ready, &p->ready);
}

static void wake(struct lma *l, const char *id, uint8_t id_len, enum pending_kind kind, bool waited)
{
	struct hnode *n = htab_first(&l->pending_by_mn, htab_hash(&l->pending_by_mn, id, id_len));

	for (; n; n = htab_same(n)) {
		struct pending *p = hnode_owner(n, struct pending, by_mn);

		if (p->id_len != id_len || memcmp(p->bytes, id, id_len) || p->kind != kind)
			continue;
		p->waited = waited;
		make_ready(l, p);
	}
}

void pending_wake(struct lma *l, const char *id, uint8_t id_len)
{
	wake(l, id, id_len, PENDING_DEREGISTRATION, false);
}

void pending_give_up(struct lma *l, const char *id, uint8_t id_len)
{
	wake(l, id, id_len, PENDING_DEREGISTRATION, true);
}

void pending_context(struct lma *l, const char *id, uint8_t id_len)
{
	wake(l, id, id_len, PENDING_CONTEXT, true);
}

void pending_expire(struct lma *l, struct pending *p)
{
	if (p->kind == PENDING_PROFILE) {
		lma_count(l, LMA_PENDING_TIMEOUT);
		unlink_pending(l, p);
		free(p);
		return;
	}
	p->waited = true;
	make_ready(l, p);
}

void pending_run(struct lma *l)
{
	struct list *n;

	while ((n = list_first(&l->ready)) != NULL) {
		struct pending *p = list_owner(n, struct pending, ready);
		struct nai mn = nai_of(p->bytes, p->id_len);
		struct binding *b = binding_of_mn(l, &mn);

		if (b && !p->for_context)
			b->awaited = false;
		resume(l, p, NULL, false);
	}
}

void pending_free_all(struct lma *l)
{
	struct hnode *n;

	while ((n = htab_next(&l->pending_by_mn, NULL)) != NULL) {
		struct pending *p = hnode_owner(n, struct pending, by_mn);

		unlink_pending(l, p);
		free(p);
	}
}
