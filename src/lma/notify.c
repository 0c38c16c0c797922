/* SPDX-License-Identifier: BSD-2-Clause */
/* Update notifications (RFC 7077): what a MAG must learn of us unasked. Refusals of groups that it asked for by MLD,
 * which has no answer of its own (decision 17), groups that were taken back, and the wish that it register a node
 * again. */
#include "lma/lma_priv.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_ALL_SESSIONS 1  /* RFC 6602 */
#define SOURCES_PER_UPN	   48 /* with as many groups as there may be, it fits in a message */

/* Refused sources stand in an INCLUDE record, a whole group in one that excludes nothing. */
static void add_result(struct mh_msg *m, const struct refused *r)
{
	size_t n = filter_count(&r->sources);
	uint16_t first = m->n_records;

	if (n > SOURCES_PER_UPN)
		n = SOURCES_PER_UPN;
	if (mh_add_record(m, &m->result, MH_PROTO_MLDV2, n ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE, &r->group,
			  filter_sources(&r->sources), n, MH_AMS_SOURCES))
		for (; first < m->n_records; first++)
			m->records[first].result = r->result;
}

static void transmit(struct lma *l, const struct notice *n, bool again)
{
	struct mh_msg *m = &l->tx;

	mh_init(m, MH_UPN);
	m->seq = n->seq;
	m->reason = n->reason;
	/* Also for reason 1, whose answer may be the registration itself (RFC 7077 4.1): a MAG registers for reasons of its
	 * own, too, and then the notification may have been lost. */
	m->flags = (uint16_t)(MH_UPN_A | (again ? MH_UPN_D : 0));
	if (n->named) {
		m->has = MH_HAS_MN_ID;
		m->mn_id_subtype = MH_MNID_NAI;
		m->mn_id = n->mn;
	} else {
		m->has = MH_HAS_GROUP_ID;
		m->group_id = GROUP_ALL_SESSIONS;
	}
	for (unsigned i = 0; i < n->n; i++)
		add_result(m, &n->v[i]);
	if (m->result.n)
		m->has |= MH_HAS_RESULT;
	if (n->query) {
		m->has |= MH_HAS_QUERY;
		if (!addr_is_any(&n->group))
			(void)mh_add_record(m, &m->query, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &n->group, NULL, 0,
					    MH_AMS_SOURCES);
	}
	lma_send(l, &l->conf.lmaa, &n->peer->proxy_coa);
	lma_count(l, LMA_UPN_SENT);
}

static void end(struct lma *l, struct notice *n)
{
	for (unsigned i = 0; i < n->n; i++)
		filter_drop(&n->v[i].sources);
	heap_clear(&l->heap, &n->timer);
	list_del(&n->of_peer);
	n->peer->n_upns--;
	l->n_notices--;
	l->heap_bytes -= sizeof(*n);
	free(n);
}

static struct notice *begin(struct lma *l, struct peer *p, const struct nai *mn, uint16_t reason)
{
	struct notice *n;

	if (p->no_notify || p->n_upns >= LMA_UPNS_PER_PEER || l->n_notices >= l->conf.pending_max) {
		lma_count(l, LMA_UPN_NOT_SENT);
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		return NULL;
	}
	deadline_init(&n->timer, LMA_TIMER_NOTIFY);
	n->peer = p;
	n->seq = ++l->next_upn;
	n->reason = reason;
	n->tries = 1;
	n->named = mn != NULL;
	if (mn)
		n->mn = *mn;
	list_add(&p->upns, &n->of_peer);
	p->n_upns++;
	l->n_notices++;
	l->heap_bytes += sizeof(*n);
	return n;
}

static void launch(struct lma *l, struct notice *n)
{
	transmit(l, n, false);
	if (!heap_set(&l->heap, &n->timer, mono_add(l->now.mono, l->conf.upn_delay)))
		end(l, n);
}

void notify_results(struct lma *l, struct peer *p, const struct nai *mn, struct refused *v, size_t n_results)
{
	size_t i = 0;

	while (i < n_results) {
		struct notice *n = begin(l, p, mn, MH_UPN_VENDOR_SPECIFIC);
		size_t sources = 0;

		if (!n)
			break;
		do {
			sources += filter_count(&v[i].sources);
			n->v[n->n++] = v[i++];
		} while (i < n_results && n->n < LMA_RECORDS_PER_UPN &&
			 sources + filter_count(&v[i].sources) <= SOURCES_PER_UPN);
		launch(l, n);
	}
	for (; i < n_results; i++)
		filter_drop(&v[i].sources);
}

void notify_reregister(struct lma *l, struct peer *p, const struct nai *mn)
{
	struct notice *n = begin(l, p, mn, MH_UPN_FORCE_REREGISTRATION);

	if (n)
		launch(l, n);
}

bool notify_query(struct lma *l, struct peer *p, const struct nai *mn, const struct in6_addr *group)
{
	struct notice *n = begin(l, p, mn, MH_UPN_VENDOR_SPECIFIC);

	if (!n)
		return false;
	n->query = true;
	n->group = *group;
	launch(l, n);
	return true;
}

bool notify_pending_reregister(const struct peer *p, const struct nai *mn)
{
	list_each (i, &p->upns) {
		const struct notice *n = list_owner(i, struct notice, of_peer);

		if (n->reason == MH_UPN_FORCE_REREGISTRATION && nai_eq(&n->mn, mn))
			return true;
	}
	return false;
}

static void heard(struct lma *l, const struct notice *n)
{
	if (n->reason != MH_UPN_FORCE_REREGISTRATION)
		return;
	for (struct binding *b = binding_of_mn(l, &n->mn); b; b = binding_next(b))
		if (b->peer == n->peer)
			b->ask_again = false;
}

void notify_answered(struct lma *l, const struct in6_addr *src, const struct mh_msg *m)
{
	struct peer *p = peer_find(l, src);

	if (p)
		list_each (i, &p->upns) {
			struct notice *n = list_owner(i, struct notice, of_peer);

			if (n->seq == m->seq) {
				heard(l, n);
				end(l, n);
				return;
			}
		}
	lma_count(l, LMA_UPA_UNKNOWN);
}

void notify_cancel(struct lma *l, struct peer *p, const struct nai *mn)
{
	list_each_safe (i, &p->upns) {
		struct notice *n = list_owner(i, struct notice, of_peer);

		if (n->named && nai_eq(&n->mn, mn))
			end(l, n);
	}
}

void notify_expire(struct lma *l, struct notice *n)
{
	if (n->tries > l->conf.upn_retries) {
		lma_count(l, LMA_UPN_GIVEN_UP);
		end(l, n);
		return;
	}
	n->tries++;
	transmit(l, n, true);
	heap_set(&l->heap, &n->timer, mono_add(l->now.mono, l->conf.upn_delay));
}

void notify_forget(struct lma *l, struct peer *p)
{
	struct list *i;

	while ((i = list_first(&p->upns)) != NULL)
		end(l, list_owner(i, struct notice, of_peer));
}
