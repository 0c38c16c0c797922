/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <string.h>

/* What is the same in every answer (RFC 5213 5.3.6): most of it is copied from the request. */
static struct mh_msg *begin(struct lma *l, const struct pbu *r, uint8_t status)
{
	const struct mh_msg *m = r->m;
	struct mh_msg *a = &l->tx;

	mh_init(a, MH_BA);
	a->status = status;
	a->seq = m->seq;
	a->flags = MH_BA_P;
	a->has = MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT;
	a->mn_id_subtype = MH_MNID_NAI;
	if (m->has & MH_HAS_MN_ID) {
		a->mn_id = m->mn_id;
		a->mn_id_subtype = m->mn_id_subtype;
	}
	a->handoff = m->has & MH_HAS_HANDOFF ? m->handoff : 0;
	a->att = m->has & MH_HAS_ATT ? m->att : 0;
	if (m->has & MH_HAS_LLID) {
		a->has |= MH_HAS_LLID;
		a->llid = m->llid;
	}
	if (m->has & MH_HAS_TIMESTAMP) {
		a->has |= MH_HAS_TIMESTAMP;
		a->timestamp = m->timestamp;
	}
	if (r->mag && l->conf.multicast && l->conf.signalling != LMA_ACCEPT_MLD_ONLY) {
		a->has |= MH_HAS_CAPABILITIES;
		a->capabilities = (struct mh_capabilities){
			.version = 1,
			.roles = 1,
			.features = MH_FEATURE_MLDV1 | MH_FEATURE_MLDV2 | MH_FEATURE_AMS_IN_PBU | MH_FEATURE_SEAM,
			.groups_max = l->conf.groups_per_node_max < UINT16_MAX ? (uint16_t)l->conf.groups_per_node_max
									       : UINT16_MAX,
		};
		if (l->conf.implicit_join)
			a->capabilities.features |= MH_FEATURE_IMPLICIT_JOIN;
		if (l->conf.context != MN_CONTEXT_OFF)
			a->capabilities.features |= MH_FEATURE_CONTEXT;
		if (l->conf.context == MN_CONTEXT_KEPT)
			a->capabilities.features |= MH_FEATURE_CONTEXT_KEPT;
	}
	return a;
}

/* Of the roles that the MAG offers, ours if it is among them (draft 8). */
static void put_role(const struct lma *l, const struct mh_msg *m, struct mh_msg *a)
{
	uint16_t offered = m->has & MH_HAS_CAPABILITIES ? m->capabilities.roles : 0;

	if (!(a->has & MH_HAS_CAPABILITIES) || !offered || !m->lifetime_4s)
		return;
	a->has |= MH_HAS_ROLE;
	a->role = offered & l->conf.role ? l->conf.role : (uint16_t)(offered & -offered);
}

enum results {
	RESULTS_NONE,
	RESULTS_REFUSED, /* what is not named was accepted */
	RESULTS_ALL,
};

static bool listed(const struct mh_msg *m, const struct in6_addr *group, const struct in6_addr *source)
{
	for (unsigned i = m->ams.first; i < m->ams.first + m->ams.n; i++) {
		const struct mh_record *r = &m->records[i];

		if (!addr_eq(&r->group, group))
			continue;
		for (unsigned k = 0; k < r->n; k++)
			if (addr_eq(&m->sources[r->first + k], source))
				return true;
	}
	return false;
}

/* Sources of an accepted group that the profile took out of the wish, or put among those that it excludes. */
static size_t sources_refused(const struct mh_msg *m, const struct share *s, struct in6_addr ret[MH_SOURCES_MAX])
{
	const struct filter *f = &s->demand->filter;
	size_t n = 0;

	if (f->mode == FILTER_EXCLUDE) {
		for (size_t i = 0; i < filter_count(f) && n < MH_SOURCES_MAX; i++)
			if (!listed(m, &s->group, &filter_sources(f)[i]))
				ret[n++] = filter_sources(f)[i];
		return n;
	}
	for (unsigned i = m->ams.first; i < m->ams.first + m->ams.n; i++) {
		const struct mh_record *r = &m->records[i];

		if (!addr_eq(&r->group, &s->group))
			continue;
		for (unsigned k = 0; k < r->n && n < MH_SOURCES_MAX; k++)
			if (!filter_has_source(f, &m->sources[r->first + k]))
				ret[n++] = m->sources[r->first + k];
	}
	return n;
}

static void add_result(struct mh_msg *a, const struct in6_addr *group, uint8_t result, const struct in6_addr *sources,
		       size_t n)
{
	uint16_t first = a->n_records;

	if (mh_add_record(a, &a->result, MH_PROTO_MLDV2, n ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE, group, sources,
			  n, MH_AMS_SOURCES))
		for (; first < a->n_records; first++)
			a->records[first].result = result;
}

/* One record for each group that the request named (decision 8), and one for sources of it that were refused. */
static void add_results(struct lma *l, const struct pbu *r, const struct binding *b, enum results which)
{
	const struct mh_msg *m = r->m;
	struct in6_addr sources[MH_SOURCES_MAX];

	for (unsigned i = m->ams.first; i < m->ams.first + m->ams.n; i++) {
		const struct mh_record *asked = &m->records[i];
		const struct share *s = share_find(b, &asked->group);
		bool again = false;
		/* A group without a share was left by the very message (INCLUDE of nothing), or memory was out. */
		uint8_t result = s						  ? s->result
				 : asked->type == MLD_MODE_IS_EXCLUDE || asked->n ? MH_SUB_NO_RESOURCES
										  : MH_SUB_ACCEPTED;
		size_t n;

		for (unsigned k = m->ams.first; k < i && !again; k++)
			again = addr_eq(&m->records[k].group, &asked->group);
		if (again)
			continue;
		if (result != MH_SUB_ACCEPTED || which == RESULTS_ALL)
			add_result(&l->tx, &asked->group, result, NULL, 0);
		n = s && s->demand ? sources_refused(m, s, sources) : 0;
		if (n)
			add_result(&l->tx, &asked->group, s->partial ? s->partial : MH_SUB_PROHIBITED, sources, n);
	}
	if (l->tx.result.n)
		l->tx.has |= MH_HAS_RESULT;
}

static bool accept_with(struct lma *l, const struct pbu *r, const struct binding *b, uint16_t lifetime_4s,
			enum results which)
{
	struct mh_msg *a = begin(l, r, MH_ACCEPTED);
	int64_t advice = l->conf.refresh_advice.ns / 4000000000;

	a->lifetime_4s = lifetime_4s;
	a->n_hnp = binding_prefixes(b, a->hnp);
	if (r->m->has & MH_HAS_LINK_LOCAL) {
		a->has |= MH_HAS_LINK_LOCAL;
		a->link_local = addr_is_any(&b->link_local) ? l->conf.fixed_link_local : b->link_local;
	}
	if (advice > 0 && advice < lifetime_4s) { /* it must be less than the lifetime (RFC 6275 6.2.4) */
		a->has |= MH_HAS_REFRESH_ADVICE;
		a->refresh_advice_4s = (uint16_t)advice;
	}
	put_role(l, r->m, a);
	context_answer(l, r, b, a);
	if (which != RESULTS_NONE)
		add_results(l, r, b, which);
	return lma_send(l, &r->dst, &r->src);
}

void answer_accept(struct lma *l, const struct pbu *r, const struct binding *b, uint16_t lifetime_4s, bool with_results)
{
	l->statuses[MH_ACCEPTED]++;
	/* A record of a result is larger than what it answers: what does not fit in a message is told by its absence.
	 */
	if (with_results &&
	    (accept_with(l, r, b, lifetime_4s, RESULTS_ALL) || accept_with(l, r, b, lifetime_4s, RESULTS_REFUSED)))
		return;
	accept_with(l, r, b, lifetime_4s, RESULTS_NONE);
}

void answer_refuse(struct lma *l, const struct pbu *r, uint8_t status, const struct binding *b)
{
	const struct mh_msg *m = r->m;
	struct mh_msg *a = begin(l, r, status);
	struct event e = {.kind = EV_BINDING_REFUSED, .mn = m->mn_id, .peer = r->src, .status = status};

	if (m->has & MH_HAS_LLID)
		e.lladdr = m->llid;
	if (m->n_hnp) {
		a->n_hnp = m->n_hnp;
		memcpy(a->hnp, m->hnp, m->n_hnp * sizeof(*m->hnp));
	} else {
		a->n_hnp = 1; /* all zero */
	}
	if (m->has & MH_HAS_LINK_LOCAL) {
		a->has |= MH_HAS_LINK_LOCAL;
		a->link_local = m->link_local;
	}
	/* What the sender must know to do it right next time: our time of day, or the number we had last (RFC
	 * 6275 9.5.1). */
	if ((status == MH_TIMESTAMP_MISMATCH || status == MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED) &&
	    (m->has & MH_HAS_TIMESTAMP))
		a->timestamp = mh_timestamp_of(l->now.wall.ns);
	if (status == MH_SEQUENCE_OUT_OF_WINDOW && b)
		a->seq = b->seq;
	if (!(m->flags & MH_BU_P)) { /* a plain Binding Acknowledgement, to one who knows nothing of ours */
		a->flags = 0;
		a->has = 0;
		a->n_hnp = 0;
	}
	lma_count(l, LMA_PBU_REFUSED);
	l->statuses[status]++;
	lma_event_limited(l, &e);
	lma_send(l, &r->dst, &r->src);
}
