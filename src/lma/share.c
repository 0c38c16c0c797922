/* SPDX-License-Identifier: BSD-2-Clause */
/* What bindings ask for by registration (decision 18): each node has a share in the subscription of its MAG, and takes
 * it along when it leaves. Shares that ask for the same are one demand, so that a thousand nodes with one group cost
 * one union. */
#include "lma/lma_priv.h"

#include <string.h>

struct share *share_find(const struct binding *b, const struct in6_addr *group)
{
	for (struct share *s = b->shares; s; s = s->next)
		if (addr_eq(&s->group, group))
			return s;
	return NULL;
}

/* ---- demands ---- */

static struct demand *demand_get(struct lma *l, struct sub *s, const struct filter *f)
{
	struct demand *c;

	list_each (n, &s->demands) {
		c = list_owner(n, struct demand, of_sub);
		if (filter_eq(&c->filter, f))
			return c;
	}
	c = slab_get(&l->demand_slab);
	if (!c)
		return NULL;
	list_init(&c->shares);
	c->sub = s;
	c->filter = filter_dup(f);
	list_add(&s->demands, &c->of_sub);
	return c;
}

static void demand_release(struct lma *l, struct demand *c)
{
	if (!list_empty(&c->shares))
		return;
	list_del(&c->of_sub);
	filter_drop(&c->filter);
	slab_put(&l->demand_slab, c);
}

static void join_demand(struct share *sh, struct demand *c)
{
	sh->demand = c;
	list_add(&c->shares, &sh->of_demand);
	c->sub->n_shares++;
}

/* The demand may be empty afterwards: demand_release(). */
static struct demand *leave_demand(struct share *sh)
{
	struct demand *c = sh->demand;

	if (!c)
		return NULL;
	list_del(&sh->of_demand);
	c->sub->n_shares--;
	sh->demand = NULL;
	return c;
}

static void settle_demand(struct lma *l, struct demand *c)
{
	struct sub *s = c->sub;

	demand_release(l, c);
	sub_apply(l, s);
	sub_release(l, s);
}

/* ---- shares ---- */

/* What the share asks for becomes `f`; on a refusal it is as before. */
static enum mh_sub_result set(struct lma *l, struct peer *p, struct share *sh, const struct filter *f)
{
	struct demand *before = sh->demand, *c;
	struct sub *s = before ? before->sub : NULL;
	enum mh_sub_result result;

	if (before && filter_eq(&before->filter, f))
		return MH_SUB_ACCEPTED;
	result = s ? MH_SUB_ACCEPTED : sub_get(l, p, &sh->group, &s);
	if (result != MH_SUB_ACCEPTED)
		return result;
	c = demand_get(l, s, f);
	if (!c) {
		sub_release(l, s);
		return MH_SUB_LIMIT;
	}
	leave_demand(sh);
	join_demand(sh, c);
	if (before && list_empty(&before->shares)) {
		list_del(&before->of_sub); /* out of the union while it is tried */
		result = sub_apply(l, s);
	} else {
		result = sub_apply_more(l, s, f);
	}
	if (result == MH_SUB_ACCEPTED) {
		if (before)
			demand_release(l, before);
		return result;
	}
	leave_demand(sh);
	demand_release(l, c);
	if (before) {
		if (list_empty(&before->shares))
			list_add(&s->demands, &before->of_sub);
		join_demand(sh, before);
	}
	sub_release(l, s);
	return result;
}

static void free_share(struct lma *l, struct share *sh)
{
	struct demand *c = leave_demand(sh);

	slab_put(&l->share_slab, sh);
	if (c)
		settle_demand(l, c);
}

uint32_t shares_in_force(const struct binding *b)
{
	uint32_t n = 0;

	for (const struct share *s = b->shares; s; s = s->next)
		n += s->demand && !s->stale;
	return n;
}

struct share *shares_detach(struct binding *b)
{
	struct share *s = b->shares;

	b->shares = NULL;
	return s;
}

void shares_drop(struct lma *l, struct share *s)
{
	while (s) {
		struct share *next = s->next;

		free_share(l, s);
		s = next;
	}
}

void shares_clear(struct lma *l, struct binding *b)
{
	shares_drop(l, shares_detach(b));
}

void shares_hold(struct lma *l, struct share **chain, const struct in6_addr *group, const struct filter *f)
{
	struct share *sh = *chain;

	while (sh && !addr_eq(&sh->group, group))
		sh = sh->next;
	if (!sh) {
		sh = slab_get(&l->share_slab);
		if (!sh)
			return;
		list_init(&sh->of_demand);
		sh->group = *group;
		sh->next = *chain;
		*chain = sh;
	}
	(void)set(l, &l->hold, sh, f); /* no room: the new MAG's own join brings it back */
}

/* ---- a message's set ---- */

static bool is_exclude(const struct mh_record *r)
{
	return r->proto == MH_PROTO_MLDV1 || r->type == MLD_MODE_IS_EXCLUDE || r->type == MLD_CHANGE_TO_EXCLUDE;
}

/* The records of one group, from number `first` on, taken together (RFC 7161: a long list comes in several). */
static struct filter wish_of(const struct mh_msg *m, unsigned first, bool *oom)
{
	struct filter all = FILTER_NONE;

	for (unsigned i = first; i < m->ams.first + m->ams.n; i++) {
		const struct mh_record *r = &m->records[i];
		struct filter one;

		if (!addr_eq(&r->group, &m->records[first].group) || r->type == MLD_BLOCK_OLD_SOURCES)
			continue;
		one = filter_of(is_exclude(r) ? FILTER_EXCLUDE : FILTER_INCLUDE, &m->sources[r->first], r->n, oom);
		filter_move(&all, filter_union(&all, &one, oom));
		filter_drop(&one);
	}
	return all;
}

static bool came_before(const struct mh_msg *m, unsigned i)
{
	for (unsigned k = m->ams.first; k < i; k++)
		if (addr_eq(&m->records[k].group, &m->records[i].group))
			return true;
	return false;
}

static void tell_refused(struct lma *l, struct binding *b, const struct in6_addr *group, uint8_t result)
{
	struct event e = {.kind = EV_SUBSCRIPTION_REFUSED,
			  .mn = binding_mn(b),
			  .peer = b->peer->proxy_coa,
			  .group = *group,
			  .status = result,
			  .origin = SUB_ORIGIN_REGISTRATION};

	lma_count(l, LMA_AMS_REFUSED);
	lma_event_limited(l, &e);
	b->refused = b->refused || result != MH_SUB_NOT_SUPPORTED;
}

static uint32_t groups_max(const struct lma *l, const struct binding *b)
{
	return b->profile->groups_max ? b->profile->groups_max : l->conf.groups_per_node_max;
}

struct filter share_authorised(const struct lma *l, const struct binding *b, const struct in6_addr *group,
			       const struct filter *wish, enum mh_sub_result *result, enum policy_verdict *verdict)
{
	struct filter f = FILTER_NONE;

	*verdict = policy_scope(&l->conf.scopes, group);
	if (*verdict == POLICY_PERMIT)
		f = profile_restrict(b->profile, group, wish, l->conf.sources_per_group_max, verdict);
	*result = filter_is_none(&f) ? (enum mh_sub_result)policy_verdict_result(*verdict) : MH_SUB_ACCEPTED;
	return f;
}

/* The binding's share of the group, new and empty if it has none. NULL: no room even to remember a refusal. */
static struct share *share_get(struct lma *l, struct binding *b, const struct in6_addr *group)
{
	struct share *sh = share_find(b, group);

	if (sh)
		return sh;
	sh = slab_get(&l->share_slab);
	if (!sh)
		return NULL;
	list_init(&sh->of_demand);
	sh->group = *group;
	sh->next = b->shares;
	b->shares = sh;
	return sh;
}

static void ask(struct lma *l, struct binding *b, const struct in6_addr *group, const struct filter *wish)
{
	enum mh_sub_result result;
	enum policy_verdict verdict;
	struct filter f = share_authorised(l, b, group, wish, &result, &verdict);
	struct filter lost = refused_sources(wish, &f);
	struct share *sh = share_get(l, b, group);
	bool had = sh && sh->demand;

	b->refused = b->refused || filter_count(&lost);
	filter_drop(&lost);
	if (!sh) {
		filter_drop(&f);
		tell_refused(l, b, group, MH_SUB_NO_RESOURCES);
		return;
	}
	sh->stale = false;
	if (sh->ended)
		result = MH_SUB_PROHIBITED;
	if (result == MH_SUB_ACCEPTED && !had && shares_in_force(b) >= groups_max(l, b))
		result = MH_SUB_LIMIT;
	if (result == MH_SUB_ACCEPTED)
		result = set(l, b->peer, sh, &f);
	filter_drop(&f);
	sh->result = (uint8_t)result;
	sh->partial = policy_verdict_result(verdict);
	if (result == MH_SUB_ACCEPTED) {
		lma_count(l, LMA_AMS_ACCEPTED);
		return;
	}
	if (had) /* refused now, whatever it had before */
		settle_demand(l, leave_demand(sh));
	tell_refused(l, b, group, (uint8_t)result);
}

static void drop_stale(struct lma *l, struct binding *b)
{
	struct share **at = &b->shares;

	while (*at) {
		struct share *sh = *at;

		if (!sh->stale) {
			at = &sh->next;
			continue;
		}
		*at = sh->next;
		free_share(l, sh);
	}
}

void shares_replace(struct lma *l, struct binding *b, const struct mh_msg *m)
{
	for (struct share *sh = b->shares; sh; sh = sh->next)
		sh->stale = true;
	/* Those that go count no more against the limit, but are served until the new ones stand. */
	for (unsigned i = m->ams.first; i < m->ams.first + m->ams.n; i++) {
		struct share *sh = share_find(b, &m->records[i].group);

		if (sh && sh->demand)
			sh->stale = false;
	}
	for (unsigned i = m->ams.first; i < m->ams.first + m->ams.n; i++) {
		bool oom = false;
		struct filter wish;

		if (came_before(m, i))
			continue;
		wish = wish_of(m, i, &oom);
		if (oom) {
			lma_count(l, LMA_OUT_OF_MEMORY);
		} else if (!filter_is_none(&wish)) {
			ask(l, b, &m->records[i].group, &wish);
		} else {
			struct share *sh = share_find(b, &m->records[i].group);

			if (sh)
				sh->stale = true;
		}
		filter_drop(&wish);
	}
	drop_stale(l, b);
}

/* ---- taken back ---- */

static void withdraw(struct lma *l, struct share *sh, uint8_t result)
{
	sh->result = result;
	settle_demand(l, leave_demand(sh));
}

/* One share by the profile as it is now. *told says what was taken back of it. False: nothing was. */
static bool reauthorise(struct lma *l, struct binding *b, struct share *sh, uint32_t *left, struct refused *told)
{
	struct filter had = filter_dup(&sh->demand->filter), f;
	enum policy_verdict verdict;
	enum mh_sub_result result;

	*told = (struct refused){.peer = b->peer, .group = sh->group};
	f = share_authorised(l, b, &sh->group, &had, &result, &verdict);
	if (result == MH_SUB_ACCEPTED && *left == 0)
		result = MH_SUB_LIMIT;
	if (result == MH_SUB_ACCEPTED)
		result = set(l, b->peer, sh, &f);
	told->result = (uint8_t)result;
	if (result == MH_SUB_ACCEPTED) {
		--*left;
		told->sources = refused_sources(&had, &f);
		told->result = sh->partial = policy_verdict_result(verdict);
		b->refused = b->refused || filter_count(&told->sources);
		if (!told->result) /* added to what it excludes: denied by a range */
			told->result = MH_SUB_PROHIBITED;
	} else {
		withdraw(l, sh, (uint8_t)result);
		tell_refused(l, b, &sh->group, (uint8_t)result);
	}
	filter_drop(&had);
	filter_drop(&f);
	return result != MH_SUB_ACCEPTED || filter_count(&told->sources);
}

void shares_reauthorise(struct lma *l, struct binding *b)
{
	struct refused told[LMA_RECORDS_PER_UPN];
	struct nai mn = binding_mn(b);
	uint32_t left = groups_max(l, b);
	/* What was refused is not kept, since the MAG leaves it out of its next set: it is to ask again. */
	bool again = b->refused && b->profile->multicast;
	size_t n = 0;

	b->refused = b->ask_again = false;
	for (struct share *sh = b->shares; sh; sh = sh->next) {
		sh->ended = false;
		if (!sh->demand)
			continue;
		if (reauthorise(l, b, sh, &left, &told[n]))
			n++;
		if (n == LMA_RECORDS_PER_UPN) {
			notify_results(l, b->peer, &mn, told, n);
			n = 0;
		}
	}
	if (n)
		notify_results(l, b->peer, &mn, told, n);
	if (!again)
		return;
	b->ask_again = true;
	notify_reregister(l, b->peer, &mn);
}

void shares_terminate(struct lma *l, struct sub *s, const struct in6_addr *source)
{
	struct in6_addr group = s->group;
	struct peer *p = s->peer;

	/* Each turn empties one demand; the subscription may be gone after the last. */
	for (;;) {
		struct demand *c = NULL;
		struct filter rest = FILTER_NONE;

		s = sub_find(l, p, &group);
		if (!s)
			return;
		list_each (n, &s->demands) {
			struct demand *this = list_owner(n, struct demand, of_sub);

			if (addr_is_any(source) ||
			    (this->filter.mode == FILTER_INCLUDE && filter_has_source(&this->filter, source))) {
				c = this;
				break;
			}
		}
		if (!c)
			return;
		if (!addr_is_any(source)) {
			bool oom = false;
			struct filter gone = filter_of(FILTER_INCLUDE, source, 1, &oom);

			rest = filter_list_minus(&c->filter, &gone, &oom);
			filter_drop(&gone);
		}
		for (struct list *n; (n = list_first(&c->shares)) != NULL;) {
			struct share *sh = list_owner(n, struct share, of_demand);
			bool last = c->shares.next == c->shares.prev;

			if (filter_is_none(&rest) || set(l, p, sh, &rest) != MH_SUB_ACCEPTED) {
				sh->ended = true; /* the MAG may ask once more: the end stands */
				withdraw(l, sh, MH_SUB_PROHIBITED);
			}
			if (last)
				break;
		}
		filter_drop(&rest);
	}
}
