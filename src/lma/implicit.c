/* SPDX-License-Identifier: BSD-2-Clause */
/* Implicit join (decision 16): what the anchor knows that a node listens to it sends to the node's new MAG before that has
 * asked, so that the stream is there one round trip earlier. Only to a MAG that announced that it takes streams so.
 *
 * It is confirmed by whatever makes the MAG's own wish cover it: MLD in the tunnel, or Active Multicast Subscription in a
 * registration. VSM 19/2 of the MAG gives it more time, or ends it. What nobody confirmed ends by itself: after
 * implicit-guard the MAG is asked about the group by MLD, and has twice the Last Listener Query Interval left, which is
 * also time for a registration that has to be repeated. Only the implicit origin ends by that. */
#include "lma/lma_priv.h"

#define LLQI_DEFAULT span_s(1) /* RFC 3810 9.8 */

static void end(struct lma *l, struct implicit *i)
{
	i->sub->implicit = NULL;
	filter_drop(&i->filter);
	heap_clear(&l->heap, &i->guard);
	slab_put(&l->implicit_slab, i);
}

void implicit_withdraw(struct lma *l, struct sub *s)
{
	end(l, s->implicit);
	sub_apply(l, s);
	sub_release(l, s);
}

void implicit_drop(struct lma *l, struct sub *s)
{
	if (s->implicit)
		end(l, s->implicit);
}

bool implicit_permitted(const struct lma *l, const struct peer *p)
{
	return l->conf.multicast && l->conf.implicit_join && p->heard_capabilities &&
	       (p->capabilities.features & MH_FEATURE_IMPLICIT_JOIN);
}

static void restart(struct lma *l, struct implicit *i)
{
	i->asked = false;
	heap_set(&l->heap, &i->guard, mono_add(l->now.mono, l->conf.implicit_guard));
}

static struct implicit *begin(struct lma *l, struct sub *s)
{
	struct implicit *i = slab_get(&l->implicit_slab);

	if (!i)
		return NULL;
	deadline_init(&i->guard, LMA_TIMER_IMPLICIT);
	if (!heap_set(&l->heap, &i->guard, mono_add(l->now.mono, l->conf.implicit_guard))) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		slab_put(&l->implicit_slab, i);
		return NULL;
	}
	i->sub = s;
	s->implicit = i;
	return i;
}

static bool is_asked_for(const struct sub *s, const struct filter *f)
{
	bool oom = false, covered;
	struct filter asked = sub_explicit(s, &oom);

	covered = !oom && filter_covers(&asked, f);
	filter_drop(&asked);
	return covered;
}

void implicit_add(struct lma *l, struct peer *p, const struct in6_addr *group, const struct filter *f)
{
	struct filter before;
	struct sub *s;

	if (filter_is_none(f) || sub_get(l, p, group, &s) != MH_SUB_ACCEPTED)
		return;
	if (is_asked_for(s, f) || !(s->implicit || begin(l, s))) {
		sub_release(l, s);
		return;
	}
	restart(l, s->implicit);
	before = filter_dup(&s->implicit->filter);
	if (filter_add(&s->implicit->filter, f) && sub_apply_more(l, s, f) == MH_SUB_ACCEPTED) {
		lma_count(l, LMA_IMPLICIT_JOINS);
		filter_drop(&before);
		return;
	}
	filter_move(&s->implicit->filter, before); /* no room: the MAG will hear of that when it asks itself */
	if (filter_is_none(&s->implicit->filter))
		implicit_withdraw(l, s);
}

void implicit_profile(struct lma *l, struct binding *b)
{
	const struct profile *p = b->profile;

	if (!implicit_permitted(l, b->peer) || !p->multicast || p->initiation != PROFILE_INITIATION_NETWORK)
		return;
	for (uint16_t i = 0; i < p->n_subscriptions; i++) {
		const struct in6_addr *group = &p->subscriptions[i].group;
		const struct profile_subscription *st = profile_static(p, group, l->now.wall);
		enum policy_verdict verdict;
		enum mh_sub_result result;
		struct filter wish, f;
		bool oom = false;

		if (!st)
			continue;
		wish = st->n_sources ? filter_of(FILTER_INCLUDE, st->sources, st->n_sources, &oom) : FILTER_ANY;
		f = share_authorised(l, b, group, &wish, &result, &verdict);
		if (result == MH_SUB_ACCEPTED)
			implicit_add(l, b->peer, group, &f);
		filter_drop(&f);
		filter_drop(&wish);
	}
}

void implicit_review(struct lma *l, struct sub *s, const struct filter *asked)
{
	if (!filter_covers(asked, &s->implicit->filter))
		return;
	lma_count(l, LMA_IMPLICIT_CONFIRMED);
	end(l, s->implicit);
}

void implicit_results(struct lma *l, struct peer *p, const struct mh_msg *m)
{
	for (uint16_t k = m->result.first; k < m->result.first + m->result.n; k++) {
		const struct mh_record *r = &m->records[k];
		struct sub *s = sub_find(l, p, &r->group);

		if (!s || !s->implicit)
			continue;
		if (r->result == MH_SUB_ACCEPTED) {
			restart(l, s->implicit); /* its report by MLD is on the way */
		} else if (!r->n) {
			lma_count(l, LMA_IMPLICIT_REFUSED);
			implicit_withdraw(l, s);
		}
	}
}

void implicit_expire(struct lma *l, struct implicit *i)
{
	struct sub *s = i->sub;
	span_t llqi = l->conf.tunnel_mld.last_listener_interval.ns ? l->conf.tunnel_mld.last_listener_interval
								    : LLQI_DEFAULT;

	if (!i->asked) {
		i->asked = true;
		if (s->peer->mld)
			mld_link_query_group(s->peer->mld, l->now, &s->group, llqi);
		if (heap_set(&l->heap, &i->guard, mono_add(l->now.mono, span_mul(llqi, 2))))
			return;
	}
	lma_count(l, LMA_IMPLICIT_ENDED);
	implicit_withdraw(l, s);
}
