/* SPDX-License-Identifier: BSD-2-Clause */
/* Binding revocation (RFC 5846): the LMA tells a MAG that a binding is not its any more. */
#include "lma/lma_priv.h"

#include <string.h>

static uint64_t key_hash(const struct lma *l, const struct in6_addr *peer, uint16_t seq)
{
	uint8_t key[18];

	memcpy(key, peer, 16);
	memcpy(key + 16, &seq, 2);
	return htab_hash(&l->revocations, key, sizeof(key));
}

static void transmit(struct lma *l, const struct revocation *v)
{
	struct mh_msg *m = &l->tx;

	mh_init(m, MH_REVOCATION);
	m->revocation = MH_BRI;
	m->trigger = v->trigger;
	m->seq = v->seq;
	m->flags = MH_REVOCATION_P;
	m->has = MH_HAS_MN_ID;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = v->mn;
	m->n_hnp = v->n_hnps;
	memcpy(m->hnp, v->hnp, v->n_hnps * sizeof(*v->hnp));
	if (v->expectation) { /* else it might be taken for late news of an earlier stay */
		m->has |= MH_HAS_MARK;
		m->mark = MH_MARK_JOIN;
	}
	lma_send(l, &l->conf.lmaa, &v->peer);
	lma_count(l, LMA_BRI_SENT);
}

static void end(struct lma *l, struct revocation *v)
{
	heap_clear(&l->heap, &v->timer);
	htab_del(&l->revocations, &v->by_seq);
	slab_put(&l->revocation_slab, v);
}

static span_t delay(const struct lma *l, unsigned tries)
{
	span_t d = l->conf.bri_delay_initial;

	while (tries-- > 1 && d.ns < l->conf.bri_delay_max.ns)
		d = span_mul(d, 2);
	return span_min(d, l->conf.bri_delay_max);
}

/* `what`: trigger and purpose. Returns the number; 0: the MAG knows no revocation. */
static uint16_t begin(struct lma *l, const struct binding *b, const struct peer *to, const struct revocation *what)
{
	struct revocation *v, untracked;
	uint16_t seq;
	bool tracked;

	if (to->no_revocation)
		return 0;
	v = slab_get(&l->revocation_slab);
	tracked = v != NULL;
	if (!v)
		v = &untracked;
	*v = *what;
	deadline_init(&v->timer, LMA_TIMER_REVOCATION);
	v->peer = to->proxy_coa;
	v->mn = binding_mn(b);
	v->n_hnps = binding_prefixes(b, v->hnp);
	v->seq = seq = ++l->next_bri;
	v->tries = 1;
	transmit(l, v);
	if (!tracked) { /* a mass of them at once: said once, not watched */
		lma_count(l, LMA_BRI_NOT_TRACKED);
	} else if (!htab_add(&l->revocations, &v->by_seq, key_hash(l, &v->peer, v->seq))) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		slab_put(&l->revocation_slab, v);
	} else {
		heap_set(&l->heap, &v->timer, mono_add(l->now.mono, delay(l, 1)));
	}
	return seq;
}

void revocation_send(struct lma *l, struct binding *b, const struct peer *to, uint8_t trigger, bool handover_unknown)
{
	const struct revocation v = {.trigger = trigger, .handover_unknown = handover_unknown};
	uint16_t seq = begin(l, b, to, &v);

	if (!to->no_revocation)
		b->bri_seq = seq;
}

uint16_t revocation_of_expectation(struct lma *l, const struct binding *b, const struct peer *to, uint8_t trigger)
{
	const struct revocation v = {.trigger = trigger, .expectation = true};

	return begin(l, b, to, &v);
}

static void tell(struct lma *l, const struct revocation *v, int32_t status)
{
	struct event e = {.kind = EV_BINDING_REVOKED, .mn = v->mn, .peer = v->peer, .status = status};

	if (!v->expectation) /* it had no binding */
		lma_event(l, &e);
}

/* The binding that was asked for, if it still is at that MAG. */
static struct binding *meant(const struct lma *l, const struct revocation *v)
{
	struct hnp *h = v->n_hnps ? binding_of_prefix(l, &v->hnp[0]) : NULL;

	return h && h->binding->peer && addr_eq(&h->binding->peer->proxy_coa, &v->peer) ? h->binding : NULL;
}

/* Decision 14: the node is no longer there, and the PBU that waits is its handover; or it is still there, and the PBU
 * is of another interface (RFC 5846 8.1). */
static void unknown_settled(struct lma *l, const struct revocation *v, uint8_t status)
{
	struct binding *b = meant(l, v);

	if (!b || !b->awaited)
		return;
	if (status == MH_BRA_SUCCESS || status == MH_BRA_NO_BINDING) {
		binding_deregister(l, b, "its MAG was asked, and has it no more");
		return;
	}
	if (status == MH_BRA_MN_ATTACHED) {
		struct nai mn = binding_mn(b);

		b->awaited = false;
		pending_give_up(l, mn.s, mn.len);
	}
}

static struct revocation *find(const struct lma *l, const struct in6_addr *peer, uint16_t seq)
{
	struct hnode *n = htab_first(&l->revocations, key_hash(l, peer, seq));

	for (; n; n = htab_same(n)) {
		struct revocation *v = hnode_owner(n, struct revocation, by_seq);

		if (v->seq == seq && addr_eq(&v->peer, peer))
			return v;
	}
	return NULL;
}

void revocation_cancel(struct lma *l, const struct binding *b, const struct peer *at)
{
	struct revocation *v = l->revocations.count ? find(l, &at->proxy_coa, b->bri_seq) : NULL;

	if (v && v->mn.len == b->id_len && !memcmp(v->mn.s, binding_id(b), b->id_len))
		end(l, v);
}

void revocation_drop(struct lma *l, const struct in6_addr *peer, uint16_t seq)
{
	struct revocation *v = find(l, peer, seq);

	if (v)
		end(l, v);
}

void revocation_answered(struct lma *l, const struct in6_addr *src, const struct mh_msg *m)
{
	struct revocation *v = find(l, src, m->seq);

	if (!v) {
		lma_count(l, LMA_BRA_UNKNOWN);
		return;
	}
	tell(l, v, m->status);
	if (v->handover_unknown)
		unknown_settled(l, v, m->status);
	end(l, v);
}

void revocation_expire(struct lma *l, struct revocation *v)
{
	if (v->tries > l->conf.bri_retries) {
		lma_count(l, LMA_BRI_GIVEN_UP);
		tell(l, v, -1);
		end(l, v);
		return;
	}
	v->tries++;
	transmit(l, v);
	heap_set(&l->heap, &v->timer, mono_add(l->now.mono, delay(l, v->tries)));
}

static struct revocation *any_of(const struct lma *l, const struct peer *p)
{
	for (struct hnode *n = htab_next(&l->revocations, NULL); n; n = htab_next(&l->revocations, n)) {
		struct revocation *v = hnode_owner(n, struct revocation, by_seq);

		if (addr_eq(&v->peer, &p->proxy_coa))
			return v;
	}
	return NULL;
}

void revocation_unsupported(struct lma *l, struct peer *p)
{
	for (struct revocation *v; (v = any_of(l, p)) != NULL;) {
		p->no_revocation = true;
		end(l, v);
	}
}

void revocation_free_all(struct lma *l)
{
	struct hnode *n;

	while ((n = htab_next(&l->revocations, NULL)) != NULL)
		end(l, hnode_owner(n, struct revocation, by_seq));
}
