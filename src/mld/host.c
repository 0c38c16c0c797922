/* SPDX-License-Identifier: BSD-2-Clause */
#include "mld/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mld/host_priv.h"

#define MTU_MIN 1280
#define MTU_MAX 65535
#define LEFT_MAX 7 /* that hgroup.left holds: the most that the RFC's Robustness Variable may be in a query */
#define GROUP_OCTETS (sizeof(struct hgroup) + sizeof(uint32_t)) /* and its bucket */
#define GROUPS_MAX ((1u << 27) - 1) /* numbers that hgroup.chain holds */

const char *mld_host_counter_name(enum mld_host_counter c)
{
	static const char *const names[MLD_HOST_COUNTER_N] = {
	    [MLD_HOST_QUERIES_HEARD] = "mld-up-queries-heard", [MLD_HOST_QUERIES_V1] = "mld-up-queries-v1",
	    [MLD_HOST_REPORTS_SENT] = "mld-up-reports-sent",   [MLD_HOST_RECORDS_SENT] = "mld-up-records-sent",
	    [MLD_HOST_LIMIT_GROUPS] = "mld-up-limit-groups",   [MLD_HOST_LIMIT_MEMORY] = "mld-up-limit-memory",
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
	slab_init(&set->pendings, sizeof(struct pending), UINT32_MAX);
	slab_init(&set->batches, sizeof(struct batch), UINT32_MAX);
	pool_init(&set->details, sizeof(struct hdetail), UINT32_MAX);
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
	slab_deinit(&set->pendings);
	slab_deinit(&set->batches);
	pool_deinit(&set->details);
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
	size_t sum = sizeof(*set) + set->extra + slab_bytes(&set->pendings) + slab_bytes(&set->batches) +
		     pool_bytes(&set->details) + set->heap.cap * sizeof(*set->heap.v) + set->packet_cap;

	list_each(n, &set->upstreams)
	{
		const struct mld_upstream *up = list_owner(n, struct mld_upstream, node);

		sum += itab_bytes(&up->table) + pool_bytes(&up->groups);
	}
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
	if (!c.memory_max)
		c.memory_max = 1u << 30;
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
	pool_init(&up->groups, sizeof(struct hgroup), GROUPS_MAX);
	itab_kind_init(&up->kind, &up->groups, offsetof(struct hgroup, addr), offsetof(struct hgroup, next),
		       rng_u64(&set->rng));
	itab_init(&up->table, &up->kind);
	list_init(&up->batches);
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

static struct hdetail *detail_of(const struct mld_upstream *up, const struct hgroup *g)
{
	return g->detail ? pool_at(&up->set->details, g->detail) : NULL;
}

const struct filter *hgroup_state(const struct mld_upstream *up, const struct hgroup *g)
{
	static const struct filter none = {FILTER_INCLUDE, NULL}, any = {FILTER_EXCLUDE, NULL};
	const struct hdetail *d = detail_of(up, g);

	return d ? &d->filter : g->any ? &any : &none;
}

struct pending *hgroup_pending(const struct mld_upstream *up, const struct hgroup *g)
{
	const struct hdetail *d = detail_of(up, g);

	return d ? d->pending : NULL;
}

/* Its detail, made when there is none; NULL: out of memory. */
static struct hdetail *detail_get(struct mld_upstream *up, struct hgroup *g)
{
	struct hdetail *d = detail_of(up, g);

	if (d)
		return d;
	d = pool_get(&up->set->details);
	if (!d)
		return NULL;
	d->filter = g->any ? FILTER_ANY : FILTER_NONE;
	g->detail = pool_number(&up->set->details, d) & 0x7fffffff;
	return d;
}

static void detail_free(struct mld_upstream *up, struct hgroup *g)
{
	struct hdetail *d = detail_of(up, g);

	if (!d)
		return;
	g->any = d->filter.mode == FILTER_EXCLUDE;
	up->list_octets -= filter_bytes(&d->filter);
	filter_drop(&d->filter);
	pool_put(&up->set->details, d);
	g->detail = 0;
}

static void hgroup_free(struct mld_upstream *up, struct hgroup *g)
{
	detail_free(up, g);
	itab_del(&up->table, g);
	pool_put(&up->groups, g);
}

void hgroup_settle(struct mld_upstream *up, struct hgroup *g)
{
	const struct hdetail *d = detail_of(up, g);

	if (d && !d->pending && !d->filter.list)
		detail_free(up, g);
	if (!g->detail && !g->any && !g->saying && !g->batched)
		hgroup_free(up, g);
}

static void pending_free(struct pending *p)
{
	struct mld_hosts *set = p->up->set;

	detail_of(p->up, p->group)->pending = NULL;
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
	while (batch_next(up))
		;
	batch_drop_all(up);
	for (struct hgroup *g; (g = itab_pop(&up->table));) {
		if (hgroup_pending(up, g))
			pending_free(hgroup_pending(up, g));
		detail_free(up, g);
		pool_put(&up->groups, g);
	}
	itab_deinit(&up->table);
	pool_deinit(&up->groups);
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

uint32_t mld_upstream_groups(const struct mld_upstream *up)
{
	return up->table.count;
}

size_t mld_upstream_used(const struct mld_upstream *up)
{
	return up->table.count * GROUP_OCTETS + up->list_octets;
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
	return itab_find(&up->table, group);
}

_Static_assert(MLD_HOST_AHEAD == ITAB_AHEAD, "they go on to the table");
void mld_upstream_ahead(const struct mld_upstream *up, const struct in6_addr *groups, size_t n)
{
	itab_ahead(&up->table, groups, n);
}

bool mld_upstream_get(const struct mld_upstream *up, const struct in6_addr *group, struct filter *ret)
{
	const struct hgroup *g = hgroup_find(up, group);

	if (!g || filter_is_none(hgroup_state(up, g)))
		return false;
	*ret = filter_dup(hgroup_state(up, g));
	return true;
}

void mld_upstream_each(const struct mld_upstream *up,
		       void (*each)(void *arg, const struct in6_addr *group, const struct filter *f), void *arg)
{
	for (uint32_t i = 0; (i = pool_next(&up->groups, i));) {
		const struct hgroup *g = pool_at(&up->groups, i);

		if (!filter_is_none(hgroup_state(up, g)))
			each(arg, &g->addr, hgroup_state(up, g));
	}
}

/* ---- what is still to be said about a group ---- */

struct pending *pending_get(struct mld_upstream *up, struct hgroup *g)
{
	struct hdetail *d = detail_get(up, g);
	struct pending *p;

	if (!d || d->pending)
		return d ? d->pending : NULL;
	p = slab_get(&up->set->pendings);
	if (!p) {
		hgroup_settle(up, g);
		return NULL;
	}
	deadline_init(&p->deadline, DEADLINE_PENDING);
	list_init(&p->change);
	list_init(&p->answer);
	p->up = up;
	p->group = g;
	p->resend_at = p->answer_at = MONO_NEVER;
	d->pending = p;
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
	hgroup_settle(up, g);
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

	batch_instant(up, now);
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
		g = pool_get(&up->groups);
	if (!g)
		return NULL;
	g->addr = *group;
	if (!itab_add(&up->table, g)) {
		pool_put(&up->groups, g);
		return NULL;
	}
	return g;
}

/* All nodes and what never leaves the interface are never reported (RFC 3810 6). */
static bool group_is_reported(const struct in6_addr *group)
{
	return addr_is_multicast(group) && addr_scope(group) > MC_SCOPE_INTERFACE && !addr_eq(group, &addr_all_nodes);
}

/* A change between any-source and nothing, where nothing else is being said about the group, is all of a struct hgroup.
 * False: it is another one. */
static bool set_lightly(struct mld_upstream *up, struct hgroup *g, mono_t now, const struct filter *f)
{
	if (g->detail || g->batched || f->list || up->robustness > LEFT_MAX)
		return false;
	g->any = f->mode == FILTER_EXCLUDE;
	g->left = (up->v1 && !g->any ? 1u : up->robustness) & LEFT_MAX;
	batch_say(up, g, now);
	return true;
}

/* False: out of memory, and nothing has changed. */
static bool set_fully(struct mld_upstream *up, struct hgroup *g, mono_t now, const struct filter *f)
{
	struct pending *p = pending_get(up, g);
	struct hdetail *d;
	bool say;

	if (!p)
		return false;
	d = detail_of(up, g);
	if (!note_change(p, &d->filter, f, &say)) {
		pending_settle(p);
		return false;
	}
	if (say && !up->v1 && d->filter.mode == f->mode && g->left > p->mode_left)
		p->mode_left = g->left; /* the change of mode that was being said: it is said with this one */
	up->list_octets += filter_bytes(f) - filter_bytes(&d->filter);
	filter_move(&d->filter, filter_dup(f));
	if (say) {
		g->left = 0;
		pending_queue_change(p, now);
	} else {
		pending_settle(p);
	}
	return true;
}

/* What makes it less is never refused. */
static bool memory_room(struct mld_upstream *up, const struct hgroup *g, const struct filter *f)
{
	size_t has = filter_bytes(f) + GROUP_OCTETS, had = g ? filter_bytes(hgroup_state(up, g)) + GROUP_OCTETS : 0;

	if (has <= had || mld_upstream_used(up) + has - had <= up->conf.memory_max)
		return true;
	up->counter[MLD_HOST_LIMIT_MEMORY]++;
	return false;
}

bool mld_upstream_set(struct mld_upstream *up, struct now now, const struct in6_addr *group, const struct filter *f)
{
	struct hgroup *g = hgroup_find(up, group);

	if (filter_eq(g ? hgroup_state(up, g) : &FILTER_NONE, f) || !group_is_reported(group))
		return true;
	if (!memory_room(up, g, f))
		return false;
	if (!g)
		g = hgroup_new(up, group);
	if (g && (set_lightly(up, g, now.mono, f) || set_fully(up, g, now.mono, f)))
		return true;
	up->counter[MLD_HOST_LIMIT_GROUPS]++;
	g = hgroup_find(up, group);
	if (g)
		hgroup_settle(up, g);
	return false;
}

/* As if each had just been joined: from INCLUDE of nothing to what it is. What is being taken back is told as well. */
static void group_announce(struct mld_upstream *up, struct hgroup *g, mono_t now)
{
	const struct filter *state = hgroup_state(up, g);
	bool none = filter_is_none(state);
	uint8_t times = up->v1 && none ? 1 : up->robustness;
	struct pending *p;

	if (!g->detail && times <= LEFT_MAX) {
		g->left = times & LEFT_MAX;
		batch_say(up, g, now);
		return;
	}
	p = pending_get(up, g);
	if (!p || (none && !g->left && !pending_left(p))) /* of the latter only an answer is left, which will be none */
		return;
	g->left = 0;
	if (up->v1 || none || state->mode == FILTER_EXCLUDE || !resend_add(p, state)) {
		pending_resend_drop(p);
		p->mode_left = times;
	}
	pending_queue_change(p, now);
}

void mld_upstream_announce(struct mld_upstream *up, struct now now)
{
	batch_say_all(up, now.mono);
	for (uint32_t i = 0; (i = pool_next(&up->groups, i));)
		group_announce(up, pool_at(&up->groups, i), now.mono);
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
		else if (d->kind == DEADLINE_BATCH)
			batch_expire(deadline_owner(d, struct batch, deadline), now.mono);
		else
			pending_expire(deadline_owner(d, struct pending, deadline), now.mono);
	}
}
