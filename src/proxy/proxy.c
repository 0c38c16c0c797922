/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/proxy_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding -------------------------------------------------------------------------------------- */

struct proxy_group *proxy_group_find(const struct proxy *p, const struct in6_addr *group)
{
	uint64_t hash;

	if (!p->groups.count)
		return NULL;
	hash = htab_hash(&p->groups, group, sizeof(*group));
	for (struct hnode *n = htab_first(&p->groups, hash); n; n = htab_same(n)) {
		struct proxy_group *g = hnode_owner(n, struct proxy_group, node);

		if (addr_eq(&g->addr, group))
			return g;
	}
	return NULL;
}

struct proxy_entry *proxy_entry_find(const struct proxy_member *m, const struct proxy_group *g)
{
	for (struct hnode *n = htab_first(&m->entries, g->node.hash); n; n = htab_same(n)) {
		struct proxy_entry *e = hnode_owner(n, struct proxy_entry, node);

		if (e->group == g)
			return e;
	}
	return NULL;
}

struct proxy_source *proxy_source_find(const struct proxy_group *g, const struct in6_addr *source)
{
	uint64_t hash;

	if (!g->sources.count)
		return NULL;
	hash = htab_hash(&g->sources, source, sizeof(*source));
	for (struct hnode *n = htab_first(&g->sources, hash); n; n = htab_same(n)) {
		struct proxy_source *s = hnode_owner(n, struct proxy_source, node);

		if (addr_eq(&s->addr, source))
			return s;
	}
	return NULL;
}

struct proxy_source *proxy_source_next(const struct proxy_group *g, const struct proxy_source *s)
{
	struct hnode *n = htab_next(&g->sources, s ? &s->node : NULL);

	return n ? hnode_owner(n, struct proxy_source, node) : NULL;
}

/* ---- operations of the data plane ----------------------------------------------------------------- */

struct dp_flow proxy_flow(const struct proxy *p, const struct in6_addr *group, const struct in6_addr *source)
{
	return (struct dp_flow){.in = p->in, .source = source ? *source : addr_any, .group = *group};
}

struct dp_out proxy_out(const struct proxy_member *m, const struct in6_addr *group)
{
	struct dp_out out = m->out;

	if (out.ifindex && !m->l2_unicast)
		addr_multicast_mac(group, out.dmac);
	return out;
}

void proxy_emit(struct proxy *p, enum dp_op_kind kind, const struct in6_addr *group, const struct in6_addr *source,
		const struct dp_out *out)
{
	struct dp_op op = {.kind = kind};

	op.flow = proxy_flow(p, group, source);
	if (out)
		op.out = *out;
	fxq_dp(p->fxq, &op);
}

/* The member's output into or out of a list that is there. */
static void emit_output(const struct proxy_member *m, enum dp_op_kind kind, const struct proxy_group *g,
			const struct in6_addr *source, const struct dp_out *out)
{
	if (!m->silent)
		proxy_emit(m->proxy, kind, &g->addr, source, out);
}

void proxy_emit_list(struct proxy *p, const struct in6_addr *group, uint32_t stamp, const struct in6_addr *source,
		     uint32_t n_outs)
{
	struct dp_op op = {.kind = DP_FLOW_ADD};

	op.flow = proxy_flow(p, group, source);
	op.label = proxy_label_of(group, stamp);
	op.outs = p->outs;
	op.n_outs = n_outs;
	fxq_dp(p->fxq, &op);
}

bool proxy_outs_reserve(struct proxy *p, uint32_t n)
{
	struct dp_out *outs;

	if (n <= p->outs_cap)
		return true;
	n += n / 2;
	outs = realloc(p->outs, n * sizeof(*outs));
	if (!outs)
		return false;
	p->outs = outs;
	p->outs_cap = n;
	return true;
}

/* ---- limits, and what is to be told --------------------------------------------------------------- */

bool proxy_groups_room(struct proxy *p)
{
	bool room = p->group_slab.used + p->lone_pool.used < p->groups_max;

	p->refused_groups += !room;
	return room;
}

bool proxy_entries_room(struct proxy *p)
{
	bool room = p->entry_slab.used + p->lone_pool.used < p->entries_max;

	p->refused_entries += !room;
	return room;
}

void proxy_queue(struct proxy *p, const struct in6_addr *group)
{
	if (p->changed.n == p->changed.cap) {
		uint32_t cap = p->changed.cap ? p->changed.cap * 2 : 16;
		struct in6_addr *v = realloc(p->changed.v, cap * sizeof(*v));

		if (!v) {
			p->changed.lost = true;
			return;
		}
		p->changed.v = v;
		p->changed.cap = cap;
	}
	p->changed.v[p->changed.n++] = *group;
}

/* ---- life ----------------------------------------------------------------------------------------- */

static uint32_t sources_max(const struct proxy_conf *conf)
{
	uint64_t max = conf->sources_max ? conf->sources_max : (uint64_t)conf->entries_max * 4;

	return max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
}

struct proxy *proxy_new(const struct proxy_conf *conf, const struct dp_in *in, struct fxq *fxq, uint64_t seed)
{
	struct proxy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->in = *in;
	p->fxq = fxq;
	p->seed = seed;
	p->first_stamp = p->stamp = conf->first_label;
	htab_init(&p->groups, seed);
	list_init(&p->members);
	p->groups_max = conf->groups_max;
	p->entries_max = conf->entries_max;
	slab_init(&p->group_slab, sizeof(struct proxy_group), UINT32_MAX);
	slab_init(&p->entry_slab, sizeof(struct proxy_entry), UINT32_MAX);
	pool_init(&p->members_pool, sizeof(struct proxy_member), conf->members_max);
	pool_init(&p->lone_pool, sizeof(struct proxy_lone), UINT32_MAX);
	itab_kind_init(&p->lone_kind, &p->lone_pool, offsetof(struct proxy_lone, addr), offsetof(struct proxy_lone, next),
		       seed + 1);
	itab_init(&p->lones, &p->lone_kind);
	slab_init(&p->source_slab, sizeof(struct proxy_source), sources_max(conf));
	return p;
}

void proxy_reconf(struct proxy *p, const struct proxy_conf *conf)
{
	p->groups_max = conf->groups_max;
	p->entries_max = conf->entries_max;
	pool_set_max(&p->members_pool, conf->members_max);
	slab_set_max(&p->source_slab, sources_max(conf));
}

/* With its entries and sources, and without a word to anybody. */
static void group_destroy(struct proxy *p, struct proxy_group *g)
{
	for (struct proxy_source *s = proxy_source_next(g, NULL), *next; s; s = next) {
		next = proxy_source_next(g, s);
		htab_del(&g->sources, &s->node);
		slab_put(&p->source_slab, s);
	}
	for (int mode = 0; mode < 2; mode++) {
		for (struct proxy_entry *e = g->entries[mode], *next; e; e = next) {
			next = e->next;
			htab_del(&e->member->entries, &e->node);
			filter_drop(&e->filter);
			slab_put(&p->entry_slab, e);
		}
	}
	htab_deinit(&g->sources);
	filter_drop(&g->told);
	proxy_moved_forget(p, g);
	htab_del(&p->groups, &g->node);
	slab_put(&p->group_slab, g);
}

struct proxy *proxy_free(struct proxy *p)
{
	struct hnode *n, *next;

	if (!p)
		return NULL;
	/* The lists go first and whole, each by one operation, instead of losing their members one by one. */
	for (n = htab_next(&p->groups, NULL); n; n = htab_next(&p->groups, n)) {
		struct proxy_group *g = hnode_owner(n, struct proxy_group, node);

		if (g->n[FILTER_EXCLUDE])
			proxy_emit(p, DP_FLOW_DEL, &g->addr, NULL, NULL);
		for (struct proxy_source *s = NULL; (s = proxy_source_next(g, s));)
			proxy_emit(p, DP_FLOW_DEL, &g->addr, &s->addr, NULL);
	}
	for (n = htab_next(&p->groups, NULL); n; n = next) {
		next = htab_next(&p->groups, n);
		group_destroy(p, hnode_owner(n, struct proxy_group, node));
	}
	proxy_lones_deinit(p);
	while (!list_empty(&p->members))
		proxy_member_free(list_owner(p->members.next, struct proxy_member, link));
	htab_deinit(&p->groups);
	slab_deinit(&p->group_slab);
	slab_deinit(&p->entry_slab);
	slab_deinit(&p->source_slab);
	pool_deinit(&p->members_pool);
	free(p->changed.v);
	free(p->outs);
	free(p);
	return NULL;
}

struct proxy_member *proxy_member_new(struct proxy *p, const struct dp_out *out, bool l2_unicast, void *owner)
{
	struct proxy_member *m = pool_get(&p->members_pool);

	if (!m)
		return NULL;
	m->proxy = p;
	m->out = *out;
	m->l2_unicast = l2_unicast;
	m->owner = owner;
	htab_init(&m->entries, p->seed);
	list_add(&p->members, &m->link);
	return m;
}

void proxy_member_free(struct proxy_member *m)
{
	struct hnode *n, *next;

	if (!m)
		return;
	for (struct proxy_lone *x; (x = proxy_lone_first(m));)
		proxy_lone_end(m->proxy, x);
	for (n = htab_next(&m->entries, NULL); n; n = next) {
		struct in6_addr group = hnode_owner(n, struct proxy_entry, node)->group->addr;

		next = htab_next(&m->entries, n);
		proxy_set(m, &group, &FILTER_NONE);
	}
	htab_deinit(&m->entries);
	list_del(&m->link);
	pool_put(&m->proxy->members_pool, m);
}

/* As the data plane tells outputs apart. */
static bool same_output(const struct dp_out *a, const struct dp_out *b)
{
	return a->ifindex == b->ifindex && dp_tunnel_eq(&a->tunnel, &b->tunnel) &&
	       !memcmp(a->dmac, b->dmac, sizeof(a->dmac));
}

void proxy_member_forward(struct proxy_member *m, bool on)
{
	enum dp_op_kind kind = on ? DP_OUT_ADD : DP_OUT_DEL;

	if (m->silent == !on)
		return;
	m->silent = !on;
	for (struct proxy_lone *x = proxy_lone_first(m); x; x = proxy_lone_next(m->proxy, x)) {
		struct dp_out out = proxy_out(m, &x->addr);

		proxy_emit(m->proxy, kind, &x->addr, NULL, &out);
	}
	for (struct hnode *n = htab_next(&m->entries, NULL); n; n = htab_next(&m->entries, n)) {
		const struct proxy_entry *e = hnode_owner(n, struct proxy_entry, node);
		const struct in6_addr *group = &e->group->addr;
		struct dp_out out = proxy_out(m, group);

		if (e->filter.mode == FILTER_EXCLUDE)
			proxy_emit(m->proxy, kind, group, NULL, &out);
		for (struct proxy_source *s = NULL; (s = proxy_source_next(e->group, s));)
			if (filter_accepts(&e->filter, &s->addr))
				proxy_emit(m->proxy, kind, group, &s->addr, &out);
	}
}

static void replace_output(struct proxy *p, const struct in6_addr *group, const struct in6_addr *source,
			   const struct dp_out *from, const struct dp_out *to)
{
	proxy_emit(p, DP_OUT_ADD, group, source, to);
	if (!same_output(from, to))
		proxy_emit(p, DP_OUT_DEL, group, source, from);
}

void proxy_member_output(struct proxy_member *m, const struct dp_out *out, bool l2_unicast)
{
	struct proxy_member before = *m;
	struct proxy *p = m->proxy;

	m->out = *out;
	m->l2_unicast = l2_unicast;
	if (m->silent)
		return;
	for (struct proxy_lone *x = proxy_lone_first(m); x; x = proxy_lone_next(p, x)) {
		struct dp_out from = proxy_out(&before, &x->addr), to = proxy_out(m, &x->addr);

		if (!same_output(&from, &to) || from.node != to.node)
			replace_output(p, &x->addr, NULL, &from, &to);
	}
	for (struct hnode *n = htab_next(&m->entries, NULL); n; n = htab_next(&m->entries, n)) {
		const struct proxy_entry *e = hnode_owner(n, struct proxy_entry, node);
		const struct in6_addr *group = &e->group->addr;
		struct dp_out from = proxy_out(&before, group), to = proxy_out(m, group);

		if (same_output(&from, &to) && from.node == to.node)
			continue;
		if (e->filter.mode == FILTER_EXCLUDE)
			replace_output(p, group, NULL, &from, &to);
		for (struct proxy_source *s = NULL; (s = proxy_source_next(e->group, s));)
			if (filter_accepts(&e->filter, &s->addr))
				replace_output(p, group, &s->addr, &from, &to);
	}
}

/* ---- a change of one filter: preparing what can fail ---------------------------------------------- */

struct proxy_group *proxy_group_new(struct proxy *p, const struct in6_addr *addr)
{
	struct proxy_group *g = slab_get(&p->group_slab);

	if (!g)
		return NULL;
	g->addr = *addr;
	g->stamp = p->stamp;
	htab_init(&g->sources, p->seed);
	if (!htab_add(&p->groups, &g->node, htab_hash(&p->groups, addr, sizeof(*addr)))) {
		slab_put(&p->group_slab, g);
		return NULL;
	}
	return g;
}

void proxy_group_release(struct proxy *p, struct proxy_group *g)
{
	if (proxy_group_members(g))
		return;
	/* Its end is still to be told, unless nobody ever heard of it. */
	if (g->queued && !filter_is_none(&g->told))
		return;
	assert(!g->n_merged);
	filter_drop(&g->told);
	proxy_moved_forget(p, g);
	htab_deinit(&g->sources);
	htab_del(&p->groups, &g->node);
	slab_put(&p->group_slab, g);
}

/* Forget a source that no entry names. */
static void source_release(struct proxy *p, struct proxy_group *g, struct proxy_source *s)
{
	htab_del(&g->sources, &s->node);
	slab_put(&p->source_slab, s);
}

static enum proxy_set_result slab_refusal(const struct slab *s)
{
	return s->used >= s->max ? PROXY_LIMIT : PROXY_OOM;
}

/* Give every source of the list its object; when that fails there are as many as before. */
static enum proxy_set_result sources_prepare(struct proxy *p, struct proxy_group *g, const struct filter *list)
{
	const struct in6_addr *sources = filter_sources(list);
	enum proxy_set_result refusal = PROXY_OOM;
	size_t n = filter_count(list), i;

	for (i = 0; i < n; i++) {
		struct proxy_source *s = proxy_source_find(g, &sources[i]);

		if (s)
			continue;
		s = slab_get(&p->source_slab);
		if (!s) {
			refusal = slab_refusal(&p->source_slab);
			p->refused_sources += refusal == PROXY_LIMIT;
			break;
		}
		s->addr = sources[i];
		if (!htab_add(&g->sources, &s->node, htab_hash(&g->sources, &s->addr, sizeof(s->addr)))) {
			slab_put(&p->source_slab, s);
			break;
		}
	}
	if (i == n)
		return PROXY_OK;
	while (i-- > 0) {
		struct proxy_source *s = proxy_source_find(g, &sources[i]);

		if (!s->listed)
			source_release(p, g, s);
	}
	return refusal;
}

struct proxy_entry *proxy_entry_new(struct proxy_member *m, struct proxy_group *g)
{
	struct proxy_entry *e = slab_get(&m->proxy->entry_slab);

	if (!e)
		return NULL;
	if (!htab_add(&m->entries, &e->node, g->node.hash)) {
		slab_put(&m->proxy->entry_slab, e);
		return NULL;
	}
	e->group = g;
	e->member = m;
	return e;
}

static void entry_free(struct proxy_entry *e)
{
	htab_del(&e->member->entries, &e->node);
	slab_put(&e->member->proxy->entry_slab, e);
}

/* What a change makes a member name that it did not name before, or in the other mode, and what no longer. Lists may be
 * long, and changes small. */
struct delta {
	struct filter come, gone; /* lists; modes are those of the filters */
};

static void delta_drop(struct delta *d)
{
	filter_drop(&d->come);
	filter_drop(&d->gone);
}

/* To nothing it needs no memory. False: out of memory. */
static bool delta_of(const struct filter *old, const struct filter *new, struct delta *ret)
{
	bool oom = false;

	if (old->mode != new->mode) {
		*ret = (struct delta){filter_dup(new), filter_dup(old)};
		return true;
	}
	*ret = (struct delta){filter_list_minus(new, old, &oom), filter_list_minus(old, new, &oom)};
	if (oom) {
		delta_drop(ret);
		return false;
	}
	ret->come.mode = ret->gone.mode = new->mode;
	return true;
}

/* ---- a change of one filter: carrying it out ------------------------------------------------------ */

/* Into and out of the group's list of its mode; a fresh entry is in none, a none filter goes to none. */
static void entry_unlink(struct proxy_entry *e)
{
	struct proxy_group *g = e->group;

	if (!e->at)
		return;
	*e->at = e->next;
	if (e->next)
		e->next->at = e->at;
	e->at = NULL;
	g->n[e->filter.mode]--;
}

void proxy_entry_link(struct proxy_entry *e)
{
	struct proxy_entry **head = &e->group->entries[e->filter.mode];

	e->at = head;
	e->next = *head;
	if (e->next)
		e->next->at = &e->next;
	*head = e;
	e->group->n[e->filter.mode]++;
}

static void count_names(struct proxy_group *g, const struct filter *f, int32_t by)
{
	const struct in6_addr *sources = filter_sources(f);

	for (size_t i = 0; i < filter_count(f); i++)
		proxy_source_find(g, &sources[i])->named[f->mode] += (uint32_t)by;
}

/* Keep the mark of one source in step with its counts. */
static bool source_remerge(struct proxy *p, struct proxy_group *g, struct proxy_source *s)
{
	bool merged = proxy_source_merges(g->n[FILTER_EXCLUDE], s->named[FILTER_INCLUDE], s->named[FILTER_EXCLUDE]);

	if (merged == s->merged)
		return false;
	s->merged = merged;
	g->n_merged += merged ? 1 : -1u;
	proxy_moved(p, g, &s->addr);
	return true;
}

static bool names_remerge(struct proxy *p, struct proxy_group *g, const struct filter *f)
{
	const struct in6_addr *sources = filter_sources(f);
	bool changed = false;

	for (size_t i = 0; i < filter_count(f); i++)
		changed |= source_remerge(p, g, proxy_source_find(g, &sources[i]));
	return changed;
}

/* The sources whose standing may have changed: those of the change, and all when the number of EXCLUDE members, which
 * the rule compares with, is another one. */
static bool remerge(struct proxy *p, struct proxy_group *g, const struct delta *d, uint32_t excludes_before)
{
	bool changed = !excludes_before != !g->n[FILTER_EXCLUDE];

	if (excludes_before == g->n[FILTER_EXCLUDE]) {
		changed = names_remerge(p, g, &d->gone);
		return names_remerge(p, g, &d->come) || changed;
	}
	for (struct proxy_source *s = NULL; (s = proxy_source_next(g, s));)
		changed |= source_remerge(p, g, s);
	return changed;
}

/* A list that was there and stays: does the member come or go? */
static void list_update(const struct proxy_member *m, const struct proxy_group *g, const struct proxy_source *s,
			const struct filter *old, const struct filter *new, const struct dp_out *out)
{
	bool before = filter_accepts(old, &s->addr), after = filter_accepts(new, &s->addr);

	if (!s->listed || !(s->named[FILTER_INCLUDE] + s->named[FILTER_EXCLUDE]) || before == after)
		return;
	emit_output(m, after ? DP_OUT_ADD : DP_OUT_DEL, g, &s->addr, out);
}

static void lists_update(const struct proxy_member *m, struct proxy_group *g, const struct filter *old,
			 const struct filter *new, const struct delta *d, const struct dp_out *out)
{
	const struct in6_addr *come = filter_sources(&d->come), *gone = filter_sources(&d->gone);

	if (old->mode != new->mode) {
		for (struct proxy_source *s = NULL; (s = proxy_source_next(g, s));)
			list_update(m, g, s, old, new, out);
		return;
	}
	for (size_t i = 0; i < filter_count(&d->come); i++)
		list_update(m, g, proxy_source_find(g, &come[i]), old, new, out);
	for (size_t i = 0; i < filter_count(&d->gone); i++)
		list_update(m, g, proxy_source_find(g, &gone[i]), old, new, out);
}

/* Lists for the sources that only this member names: they start with the other EXCLUDE members, who got the source from
 * (*,G) and named it not, and with the member itself if it wants it. */
static void lists_create(struct proxy *p, struct proxy_group *g, const struct proxy_member *m, const struct filter *come,
			 const struct dp_out *out)
{
	const struct in6_addr *sources = filter_sources(come);
	uint32_t n_outs = UINT32_MAX;

	for (size_t i = 0; i < filter_count(come); i++) {
		struct proxy_source *s = proxy_source_find(g, &sources[i]);

		if (s->listed)
			continue;
		if (n_outs == UINT32_MAX) { /* the same for all of them */
			n_outs = 0;
			for (struct proxy_entry *e = g->entries[FILTER_EXCLUDE]; e; e = e->next)
				if (e->member != m && !e->member->silent)
					p->outs[n_outs++] = proxy_out(e->member, &g->addr);
			if (come->mode == FILTER_INCLUDE && !m->silent)
				p->outs[n_outs++] = *out;
		}
		proxy_emit_list(p, &g->addr, g->stamp, &s->addr, n_outs);
		s->listed = true;
	}
}

static void any_source_update(const struct proxy_member *m, struct proxy_group *g, const struct filter *old,
			      const struct filter *new, const struct dp_out *out)
{
	struct proxy *p = m->proxy;
	uint32_t excludes = g->n[FILTER_EXCLUDE];

	if (old->mode == new->mode)
		return;
	if (new->mode == FILTER_EXCLUDE) {
		if (excludes == 1) {
			p->outs[0] = *out;
			proxy_emit_list(p, &g->addr, g->stamp, NULL, m->silent ? 0 : 1);
		} else {
			emit_output(m, DP_OUT_ADD, g, NULL, out);
		}
	} else if (excludes) {
		emit_output(m, DP_OUT_DEL, g, NULL, out);
	} else {
		proxy_emit(p, DP_FLOW_DEL, &g->addr, NULL, NULL);
	}
}

static void lists_delete(struct proxy *p, struct proxy_group *g, const struct filter *gone)
{
	const struct in6_addr *sources = filter_sources(gone);

	for (size_t i = 0; i < filter_count(gone); i++) {
		struct proxy_source *s = proxy_source_find(g, &sources[i]);

		if (s->named[FILTER_INCLUDE] + s->named[FILTER_EXCLUDE])
			continue;
		proxy_emit(p, DP_FLOW_DEL, &g->addr, &s->addr, NULL);
		source_release(p, g, s);
	}
}

/* The order of the four steps makes the promise of the header hold. A source that goes from its own list to (*,G), or
 * from there to its own, has its taker in both while both are there, and only the more specific one serves; so lists
 * come before (*,G) changes and go after it. */
static void entry_change(struct proxy_entry *e, const struct filter *f, const struct delta *d)
{
	struct proxy_member *m = e->member;
	struct proxy_group *g = e->group;
	struct proxy *p = m->proxy;
	struct filter old = e->filter, new = filter_dup(f);
	struct dp_out out = proxy_out(m, &g->addr);
	uint32_t excludes_before = g->n[FILTER_EXCLUDE], members_before = proxy_group_members(g);

	entry_unlink(e);
	e->filter = new;
	if (!filter_is_none(&new))
		proxy_entry_link(e);
	count_names(g, &d->come, 1);
	count_names(g, &d->gone, -1);
	p->list_bytes += filter_bytes(&new) - filter_bytes(&old);
	p->n_groups += !members_before - !proxy_group_members(g);
	if (remerge(p, g, d, excludes_before) && !g->queued) {
		g->queued = true;
		proxy_queue(p, &g->addr);
	}

	lists_update(m, g, &old, &new, d, &out);
	lists_create(p, g, m, &d->come, &out);
	any_source_update(m, g, &old, &new, &out);
	lists_delete(p, g, &d->gone);

	filter_drop(&old);
	if (filter_is_none(&new))
		entry_free(e);
	proxy_group_release(p, g);
}

/* What the change needs, all of it before anything changes. *entry is made where there is none. */
static enum proxy_set_result prepare(struct proxy_member *m, struct proxy_group *g, const struct delta *d,
				     struct proxy_entry **entry)
{
	struct proxy *p = m->proxy;
	struct proxy_entry *e = *entry;
	enum proxy_set_result result;

	/* At most every EXCLUDE member and this one stand in a new list. */
	if (!proxy_outs_reserve(p, g->n[FILTER_EXCLUDE] + 1))
		return PROXY_OOM;
	if (!e && !proxy_entries_room(p))
		return PROXY_LIMIT;
	if (!e && !(e = proxy_entry_new(m, g)))
		return PROXY_OOM;
	result = sources_prepare(p, g, &d->come);
	if (result == PROXY_OK)
		*entry = e;
	else if (!*entry)
		entry_free(e);
	return result;
}

/* A group that is not alone, or shall not be any longer. */
static enum proxy_set_result group_set(struct proxy_member *m, struct proxy_group *g, const struct filter *f)
{
	struct proxy_entry *e = proxy_entry_find(m, g);
	enum proxy_set_result result = PROXY_OOM;
	struct delta d;

	if (e ? filter_eq(&e->filter, f) : filter_is_none(f))
		return PROXY_OK;
	if (delta_of(e ? &e->filter : &FILTER_NONE, f, &d)) {
		result = filter_is_none(f) ? PROXY_OK : prepare(m, g, &d, &e);
		if (result == PROXY_OK)
			entry_change(e, f, &d);
		delta_drop(&d);
	}
	if (result != PROXY_OK)
		proxy_group_release(m->proxy, g);
	return result;
}

static bool filter_is_any(const struct filter *f)
{
	return filter_eq(f, &FILTER_ANY);
}

static bool may_be_lone(const struct proxy *p, const struct filter *f)
{
	return filter_is_any(f) && p->stamp == p->first_stamp;
}

enum proxy_set_result proxy_set(struct proxy_member *m, const struct in6_addr *group, const struct filter *f)
{
	struct proxy *p = m->proxy;
	struct proxy_lone *x = proxy_lone_find(p, group);
	struct proxy_group *g = x ? NULL : proxy_group_find(p, group);
	const struct proxy_member *listens = x ? proxy_lone_member(p, x) : NULL;

	if (g)
		return group_set(m, g, f);
	if (filter_is_none(f)) {
		if (x && listens == m)
			proxy_lone_end(p, x);
		return PROXY_OK;
	}
	if (x && listens == m && filter_is_any(f))
		return PROXY_OK;
	if (x && !listens && may_be_lone(p, f))
		return proxy_lone_again(x, m) ? PROXY_OK : PROXY_OOM;
	if (x) {
		enum proxy_set_result result = proxy_lone_unfold(p, x, &g);

		return result == PROXY_OK ? group_set(m, g, f) : result;
	}
	if (!proxy_groups_room(p) || !proxy_entries_room(p))
		return PROXY_LIMIT;
	if (may_be_lone(p, f))
		return proxy_lone_new(m, group);
	g = proxy_group_new(p, group);
	return g ? group_set(m, g, f) : PROXY_OOM;
}

bool proxy_get(const struct proxy_member *m, const struct in6_addr *group, struct filter *ret)
{
	const struct proxy_lone *x = proxy_lone_find(m->proxy, group);
	const struct proxy_group *g = x ? NULL : proxy_group_find(m->proxy, group);
	const struct proxy_entry *e = g ? proxy_entry_find(m, g) : NULL;

	if (x ? proxy_lone_member(m->proxy, x) != m : !e)
		return false;
	*ret = x ? FILTER_ANY : filter_dup(&e->filter);
	return true;
}
