/* SPDX-License-Identifier: BSD-2-Clause */
#include "mld/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mld/host_priv.h"

#define MTU_MIN 1280
#define MTU_MAX 65535

const char *mld_host_counter_name(enum mld_host_counter c)
{
	static const char *const names[MLD_HOST_COUNTER_N] = {
	    [MLD_HOST_QUERIES_HEARD] = "mld-up-queries-heard", [MLD_HOST_QUERIES_V1] = "mld-up-queries-v1",
	    [MLD_HOST_REPORTS_SENT] = "mld-up-reports-sent",   [MLD_HOST_RECORDS_SENT] = "mld-up-records-sent",
	    [MLD_HOST_LIMIT_GROUPS] = "mld-up-limit-groups",
	};
	return (unsigned)c < MLD_HOST_COUNTER_N ? names[c] : "?";
}

/* ---- the set ---- */

struct mld_hosts *mld_hosts_new(uint64_t seed)
{
	struct mld_hosts *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	heap_init(&set->heap);
	list_init(&set->upstreams);
	list_init(&set->ready);
	slab_init(&set->groups, sizeof(struct hgroup), UINT32_MAX);
	slab_init(&set->pendings, sizeof(struct pending), UINT32_MAX);
	set->rng = rng_of(seed);
	return set;
}

struct mld_hosts *mld_hosts_free(struct mld_hosts *set)
{
	if (!set)
		return NULL;
	list_each_safe(n, &set->upstreams) mld_upstream_free(list_owner(n, struct mld_upstream, node));
	assert(set->extra == 0);
	heap_deinit(&set->heap);
	slab_deinit(&set->groups);
	slab_deinit(&set->pendings);
	free(set->packet);
	free(set);
	return NULL;
}

mono_t mld_hosts_next_deadline(const struct mld_hosts *set)
{
	return heap_next(&set->heap);
}

bool mld_hosts_pop(struct mld_hosts *set, struct mld_host_fx *ret)
{
	struct list *n;

	while ((n = list_first(&set->ready))) {
		if (report_build(list_owner(n, struct mld_upstream, ready), ret))
			return true;
		list_del(n);
	}
	return false;
}

size_t mld_hosts_bytes(const struct mld_hosts *set)
{
	size_t sum = sizeof(*set) + set->extra + slab_bytes(&set->groups) + slab_bytes(&set->pendings) +
		     set->heap.cap * sizeof(*set->heap.v) + set->packet_cap;

	list_each(n, &set->upstreams) sum += htab_bytes(&list_owner(n, struct mld_upstream, node)->table);
	return sum;
}

span_t hosts_delay(struct mld_hosts *set, span_t max)
{
	return span_ns(1 + (int64_t)rng_below(&set->rng, max.ns > 0 ? (uint64_t)max.ns : 1));
}

/* ---- upstreams ---- */

static bool packet_room(struct mld_hosts *set, size_t len)
{
	uint8_t *p;

	if (len <= set->packet_cap)
		return true;
	p = realloc(set->packet, len);
	if (!p)
		return false;
	set->packet = p;
	set->packet_cap = len;
	return true;
}

static struct mld_host_conf conf_resolve(const struct mld_host_conf *given)
{
	struct mld_host_conf c = *given;

	if (!c.robustness)
		c.robustness = 2;
	if (!c.unsolicited_interval.ns)
		c.unsolicited_interval = span_s(1);
	if (!c.mtu)
		c.mtu = MTU_MIN;
	c.mtu = c.mtu < MTU_MIN ? MTU_MIN : c.mtu > MTU_MAX ? MTU_MAX : c.mtu;
	if (!c.groups_max)
		c.groups_max = 1u << 20;
	return c;
}

struct mld_upstream *mld_upstream_new(struct mld_hosts *set, const struct mld_host_conf *conf,
				      const struct in6_addr *self, void *owner)
{
	struct mld_host_conf c = conf_resolve(conf);
	struct mld_upstream *up = calloc(1, sizeof(*up));

	if (!up || !packet_room(set, c.mtu)) {
		free(up);
		return NULL;
	}
	up->set = set;
	up->conf = c;
	up->self = *self;
	up->owner = owner;
	htab_init(&up->table, rng_u64(&set->rng));
	list_init(&up->groups);
	list_init(&up->changes);
	list_init(&up->answers);
	list_init(&up->ready);
	deadline_init(&up->deadline, DEADLINE_UPSTREAM);
	up->robustness = c.robustness;
	up->query_interval = span_s(125);
	up->v1 = c.v1_only;
	up->v1_until = MONO_NEVER;
	up->walk.at = MONO_NEVER;
	up->batch_at = MONO_NEVER;
	list_add(&set->upstreams, &up->node);
	set->extra += sizeof(*up);
	return up;
}

static void hgroup_free(struct mld_upstream *up, struct hgroup *g)
{
	walk_skip(up, &g->all);
	list_del(&g->all);
	htab_del(&up->table, &g->node);
	filter_drop(&g->filter);
	slab_put(&up->set->groups, g);
}

static void pending_free(struct pending *p)
{
	struct mld_hosts *set = p->up->set;

	p->group->pending = NULL;
	pending_resend_drop(p);
	filter_drop(&p->asked);
	list_del(&p->change);
	list_del(&p->answer);
	heap_clear(&set->heap, &p->deadline);
	slab_put(&set->pendings, p);
}

void mld_upstream_free(struct mld_upstream *up)
{
	if (!up)
		return;
	report_drop(up);
	list_each_safe(n, &up->groups)
	{
		struct hgroup *g = list_owner(n, struct hgroup, all);

		if (g->pending)
			pending_free(g->pending);
		hgroup_free(up, g);
	}
	htab_deinit(&up->table);
	heap_clear(&up->set->heap, &up->deadline);
	list_del(&up->ready);
	list_del(&up->node);
	up->set->extra -= sizeof(*up);
	free(up);
}

void mld_upstream_reconf(struct mld_upstream *up, const struct mld_host_conf *conf)
{
	struct mld_host_conf c = conf_resolve(conf);

	if (!packet_room(up->set, c.mtu))
		c.mtu = up->conf.mtu;
	if (up->robustness == up->conf.robustness)
		up->robustness = c.robustness;
	up->conf = c;
	if (up->v1 != (c.v1_only || !mono_is_never(up->v1_until)))
		upstream_set_version(up, !up->v1);
}

void upstream_ready(struct mld_upstream *up)
{
	if (list_empty(&up->ready))
		list_add(&up->set->ready, &up->ready);
}

void upstream_arm(struct mld_upstream *up)
{
	heap_set(&up->set->heap, &up->deadline, mono_min(up->walk.at, up->v1_until));
}

uint8_t mld_upstream_version(const struct mld_upstream *up)
{
	return up->v1 ? 1 : 2;
}

uint64_t mld_upstream_counter(const struct mld_upstream *up, enum mld_host_counter c)
{
	return up->counter[c];
}

struct hgroup *hgroup_find(const struct mld_upstream *up, const struct in6_addr *group)
{
	for (struct hnode *n = htab_first(&up->table, htab_hash(&up->table, group, sizeof(*group))); n;
	     n = htab_same(n)) {
		struct hgroup *g = hnode_owner(n, struct hgroup, node);

		if (addr_eq(&g->addr, group))
			return g;
	}
	return NULL;
}

bool mld_upstream_get(const struct mld_upstream *up, const struct in6_addr *group, struct filter *ret)
{
	const struct hgroup *g = hgroup_find(up, group);

	if (!g || filter_is_none(&g->filter))
		return false;
	*ret = filter_dup(&g->filter);
	return true;
}

void mld_upstream_each(const struct mld_upstream *up,
		       void (*each)(void *arg, const struct in6_addr *group, const struct filter *f), void *arg)
{
	list_each(n, &up->groups)
	{
		const struct hgroup *g = list_owner(n, struct hgroup, all);

		if (!filter_is_none(&g->filter))
			each(arg, &g->addr, &g->filter);
	}
}

/* ---- what is still to be said about a group ---- */

struct pending *pending_get(struct mld_upstream *up, struct hgroup *g)
{
	struct pending *p = g->pending;

	if (p)
		return p;
	p = slab_get(&up->set->pendings);
	if (!p)
		return NULL;
	deadline_init(&p->deadline, DEADLINE_PENDING);
	list_init(&p->change);
	list_init(&p->answer);
	p->up = up;
	p->group = g;
	p->resend_at = p->answer_at = MONO_NEVER;
	g->pending = p;
	return p;
}

bool pending_arm(struct pending *p)
{
	return heap_set(&p->up->set->heap, &p->deadline, mono_min(p->resend_at, p->answer_at));
}

void pending_resend_drop(struct pending *p)
{
	p->up->set->extra -= p->n_resend * sizeof(*p->resend);
	free(p->resend);
	p->resend = NULL;
	p->n_resend = 0;
}

void pending_settle(struct pending *p)
{
	struct hgroup *g = p->group;
	struct mld_upstream *up = p->up;

	if (!list_empty(&p->change) || !list_empty(&p->answer) || !mono_is_never(p->resend_at) ||
	    !mono_is_never(p->answer_at))
		return;
	pending_free(p);
	if (filter_is_none(&g->filter))
		hgroup_free(up, g);
}

/* The highest of its counters: so many reports are still to be sent. */
static uint8_t pending_left(const struct pending *p)
{
	uint8_t left = p->mode_left;

	for (uint32_t i = 0; i < p->n_resend; i++)
		if (p->resend[i].left > left)
			left = p->resend[i].left;
	return left;
}

/* To be said now, and again after a random part of the Unsolicited Report Interval. */
void pending_queue_change(struct pending *p, mono_t now)
{
	struct mld_upstream *up = p->up;

	if (up->batch_at.ns != now.ns) {
		up->batch_at = now;
		up->batch_retry = mono_add(now, hosts_delay(up->set, up->conf.unsolicited_interval));
	}
	p->resend_at = pending_left(p) > 1 ? up->batch_retry : MONO_NEVER;
	if (!pending_arm(p)) /* it is said once at least */
		p->resend_at = MONO_NEVER;
	if (list_empty(&p->change))
		list_add(&up->changes, &p->change);
	upstream_ready(up);
}

/* Sources of the difference enter the Retransmission List with a full counter. */
static bool resend_add(struct pending *p, const struct filter *diff)
{
	const struct in6_addr *s = filter_sources(diff);
	size_t n_diff = filter_count(diff), i = 0, j = 0, n = 0;
	struct resend *v = malloc((p->n_resend + n_diff) * sizeof(*v));

	if (!v)
		return false;
	while (i < p->n_resend || j < n_diff) {
		int c = i == p->n_resend ? 1 : j == n_diff ? -1 : addr_cmp(&p->resend[i].addr, &s[j]);

		v[n++] = c < 0 ? p->resend[i] : (struct resend){s[j], p->up->robustness};
		i += c <= 0;
		j += c >= 0;
	}
	pending_resend_drop(p);
	p->resend = v;
	p->n_resend = (uint32_t)n;
	p->up->set->extra += n * sizeof(*v);
	return true;
}

static bool resend_add_difference(struct pending *p, const struct filter *a, const struct filter *b)
{
	bool oom = false, ok;
	struct filter gone = filter_list_minus(a, b, &oom), come = filter_list_minus(b, a, &oom);
	struct filter diff = filter_list_union(&gone, &come, &oom);

	ok = !oom && resend_add(p, &diff);
	filter_drop(&gone);
	filter_drop(&come);
	filter_drop(&diff);
	return ok;
}

/* What the change from `from` to `to` obliges us to say. False: out of memory. */
static bool note_change(struct pending *p, const struct filter *from, const struct filter *to, bool *ret_say)
{
	struct mld_upstream *up = p->up;

	*ret_say = true;
	if (up->v1) { /* only that there is a listener, or that there is none */
		*ret_say = filter_is_none(from) != filter_is_none(to);
		if (*ret_say)
			p->mode_left = filter_is_none(to) ? 1 : up->robustness;
		return true;
	}
	if (from->mode == to->mode)
		return resend_add_difference(p, from, to);
	p->mode_left = up->robustness;
	pending_resend_drop(p); /* the whole list is said each time */
	return true;
}

static struct hgroup *hgroup_new(struct mld_upstream *up, const struct in6_addr *group)
{
	struct hgroup *g = NULL;

	if (up->table.count < up->conf.groups_max)
		g = slab_get(&up->set->groups);
	if (!g)
		return NULL;
	g->addr = *group;
	g->filter = FILTER_NONE;
	if (!htab_add(&up->table, &g->node, htab_hash(&up->table, group, sizeof(*group)))) {
		slab_put(&up->set->groups, g);
		return NULL;
	}
	list_add(&up->groups, &g->all);
	return g;
}

/* All nodes and what never leaves the interface are never reported (RFC 3810 6). */
static bool group_is_reported(const struct in6_addr *group)
{
	return addr_is_multicast(group) && addr_scope(group) > MC_SCOPE_INTERFACE && !addr_eq(group, &addr_all_nodes);
}

bool mld_upstream_set(struct mld_upstream *up, struct now now, const struct in6_addr *group, const struct filter *f)
{
	struct hgroup *g = hgroup_find(up, group);
	struct pending *p;
	bool say;

	if (filter_eq(g ? &g->filter : &FILTER_NONE, f) || !group_is_reported(group))
		return true;
	if (!g)
		g = hgroup_new(up, group);
	p = g ? pending_get(up, g) : NULL;
	if (!p || !note_change(p, &g->filter, f, &say)) {
		up->counter[MLD_HOST_LIMIT_GROUPS]++;
		if (p)
			pending_settle(p);
		else if (g && filter_is_none(&g->filter))
			hgroup_free(up, g);
		return false;
	}
	filter_move(&g->filter, filter_dup(f));
	if (say)
		pending_queue_change(p, now.mono);
	else
		pending_settle(p);
	return true;
}

void mld_upstream_announce(struct mld_upstream *up, struct now now)
{
	list_each(n, &up->groups)
	{
		struct hgroup *g = list_owner(n, struct hgroup, all);
		struct pending *p = pending_get(up, g);

		if (!p)
			continue;
		/* As if each had just been joined: from INCLUDE of nothing to what it is. */
		if (up->v1 || g->filter.mode == FILTER_EXCLUDE || filter_is_none(&g->filter)) {
			p->mode_left = up->v1 && filter_is_none(&g->filter) ? 1 : up->robustness;
			pending_resend_drop(p);
		} else {
			p->mode_left = 0;
			pending_resend_drop(p);
			if (!resend_add(p, &g->filter))
				p->mode_left = up->robustness;
		}
		pending_queue_change(p, now.mono);
	}
}

void mld_upstream_set_self(struct mld_upstream *up, struct now now, const struct in6_addr *self)
{
	if (addr_eq(&up->self, self))
		return;
	up->self = *self;
	mld_upstream_announce(up, now);
}

/* ---- time ---- */

static void upstream_expire(struct mld_upstream *up, mono_t now)
{
	if (mono_reached(up->v1_until, now)) {
		up->v1_until = MONO_NEVER;
		if (!up->conf.v1_only)
			upstream_set_version(up, false);
	}
	if (mono_reached(up->walk.at, now))
		walk_step(up, now);
	upstream_arm(up);
}

static void pending_expire(struct pending *p, mono_t now)
{
	if (mono_reached(p->answer_at, now)) {
		p->answer_at = MONO_NEVER;
		if (list_empty(&p->answer))
			list_add(&p->up->answers, &p->answer);
		upstream_ready(p->up);
	}
	if (mono_reached(p->resend_at, now))
		pending_queue_change(p, now);
	else
		pending_arm(p);
}

void mld_hosts_expire(struct mld_hosts *set, struct now now)
{
	struct deadline *d;

	while ((d = heap_pop_due(&set->heap, now.mono))) {
		if (d->kind == DEADLINE_UPSTREAM)
			upstream_expire(deadline_owner(d, struct mld_upstream, deadline), now.mono);
		else
			pending_expire(deadline_owner(d, struct pending, deadline), now.mono);
	}
}
