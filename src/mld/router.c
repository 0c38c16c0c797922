/* SPDX-License-Identifier: BSD-2-Clause */
#include "mld/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mld/router_priv.h"

/* One queued effect; the packet's octets follow it. */
struct item {
	struct mld_link *link; /* NULL: the link is gone */
	struct in6_addr group;
	enum mld_router_fx_kind kind;
	uint32_t len;
};

#define LINKS_MAX (1u << 16) /* numbers that group.link holds */
#define FX_KEEP (1u << 16) /* octets of queue kept between bursts */

static const struct mld_routers_conf set_defaults = {
    .links_max = 1u << 16,
    .groups_max = 1u << 20,
    .memory_max = 1u << 30,
};

const char *mld_router_counter_name(enum mld_router_counter c)
{
	static const char *const names[MLD_ROUTER_COUNTER_N] = {
	    [MLD_ROUTER_QUERIES_SENT] = "mld-queries-sent",
	    [MLD_ROUTER_QUERIES_HEARD] = "mld-queries-heard",
	    [MLD_ROUTER_QUERIES_REFUSED] = "mld-queries-refused",
	    [MLD_ROUTER_QUERIES_VERSION] = "mld-queries-version",
	    [MLD_ROUTER_REPORTS_V1] = "mld-reports-v1",
	    [MLD_ROUTER_DONES_V1] = "mld-dones-v1",
	    [MLD_ROUTER_REPORTS_V2] = "mld-reports-v2",
	    [MLD_ROUTER_RECORDS] = "mld-records",
	    [MLD_ROUTER_V1_REFUSED] = "mld-v1-refused",
	    [MLD_ROUTER_V1_SSM] = "mld-v1-ssm",
	    [MLD_ROUTER_EXCLUDE_SSM] = "mld-exclude-ssm",
	    [MLD_ROUTER_RECORD_UNKNOWN] = "mld-record-unknown",
	    [MLD_ROUTER_LIMIT_GROUPS] = "mld-limit-groups",
	    [MLD_ROUTER_LIMIT_SOURCES] = "mld-limit-sources",
	    [MLD_ROUTER_LIMIT_HOSTS] = "mld-limit-hosts",
	    [MLD_ROUTER_LIMIT_HOST_GROUPS] = "mld-limit-host-groups",
	    [MLD_ROUTER_LIMIT_MEMORY] = "mld-limit-memory",
	    [MLD_ROUTER_LIMIT_HOST_RATE] = "mld-limit-host-rate",
	    [MLD_ROUTER_LIMIT_LINK_RATE] = "mld-limit-link-rate",
	    [MLD_ROUTER_GROUP_LOCAL] = "mld-group-local",
	};
	return (unsigned)c < MLD_ROUTER_COUNTER_N ? names[c] : "?";
}

#define BIT(c) (UINT32_C(1) << MLD_ROUTER_##c)
_Static_assert(MLD_ROUTER_COUNTER_N <= 32, "a bit for each");
static const uint32_t noticeable =
    BIT(LIMIT_GROUPS) | BIT(LIMIT_SOURCES) | BIT(LIMIT_HOSTS) | BIT(LIMIT_HOST_GROUPS) | BIT(LIMIT_MEMORY) |
    BIT(LIMIT_HOST_RATE) | BIT(LIMIT_LINK_RATE) | BIT(QUERIES_VERSION) | BIT(V1_SSM) | BIT(EXCLUDE_SSM);
#undef BIT

static void notice(struct mld_link *link, enum mld_router_counter c)
{
	struct mld_routers *set = link->set;

	if (set->noticed >> c & 1)
		return;
	set->noticed |= UINT32_C(1) << c;
	set->notices[c] = (struct mld_router_notice){
	    .counter = c,
	    .link = link,
	    .owner = link->owner,
	    .host = set->host ? *set->host : addr_any,
	    .group = set->group ? *set->group : addr_any,
	};
}

bool mld_routers_notice(struct mld_routers *set, struct mld_router_notice *ret)
{
	unsigned c;

	if (!set->noticed)
		return false;
	c = (unsigned)__builtin_ctz(set->noticed);
	set->noticed &= ~(UINT32_C(1) << c);
	*ret = set->notices[c];
	return true;
}

static void notices_forget(struct mld_routers *set, const struct mld_link *link)
{
	for (unsigned c = 0; c < MLD_ROUTER_COUNTER_N; c++)
		if (set->notices[c].link == link)
			set->noticed &= ~(UINT32_C(1) << c);
}

void link_count(struct mld_link *link, enum mld_router_counter c)
{
	link->counter[c]++;
	link->set->counter[c]++;
	if (noticeable >> c & 1)
		notice(link, c);
}

/* ---- memory ---- */

static size_t set_estimate(const struct mld_routers *set)
{
	/* A group also has a bucket in its link's table, a slot in the heap and, whether it needs one yet or not, a
	 * detail: a leave must not fail for want of it. */
	return set->extra + set->groups.used * (set->groups.size + 2 * sizeof(uint32_t) + sizeof(struct detail)) +
	       set->hosts.used * (set->hosts.size + sizeof(void *)) + names_estimate(set);
}

size_t mld_routers_used(const struct mld_routers *set)
{
	return set_estimate(set);
}

bool mem_room(struct mld_link *link, size_t size)
{
	if (set_estimate(link->set) + size <= link->set->conf.memory_max)
		return true;
	link_count(link, MLD_ROUTER_LIMIT_MEMORY);
	return false;
}

void *mem_resize(struct mld_link *link, void *old, size_t old_size, size_t size)
{
	void *p;

	if (size > old_size && !mem_room(link, size - old_size))
		return NULL;
	p = realloc(old, size);
	if (!p) {
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
		return NULL;
	}
	link->set->extra += size - old_size;
	return p;
}

void mem_free(struct mld_routers *set, void *p, size_t size)
{
	if (!p)
		return;
	set->extra -= size;
	free(p);
}

/* ---- effects ---- */

static size_t item_size(uint32_t len)
{
	return (sizeof(struct item) + len + 7) & ~(size_t)7;
}

static bool fx_grow(struct mld_routers *set, size_t need)
{
	size_t cap = set->fx.cap ? set->fx.cap : 4096;
	uint8_t *bytes;

	if (set->fx.tail + need <= set->fx.cap)
		return true;
	while (cap < set->fx.tail + need)
		cap *= 2;
	bytes = realloc(set->fx.bytes, cap);
	if (!bytes)
		return false;
	set->fx.bytes = bytes;
	set->fx.cap = cap;
	return true;
}

static bool fx_push(struct mld_routers *set, struct item it, const uint8_t *packet)
{
	if (!fx_grow(set, item_size(it.len)))
		return false;
	memcpy(set->fx.bytes + set->fx.tail, &it, sizeof(it));
	if (it.len)
		memcpy(set->fx.bytes + set->fx.tail + sizeof(it), packet, it.len);
	set->fx.tail += item_size(it.len);
	return true;
}

bool fx_room(struct mld_link *link)
{
	if (fx_grow(link->set, item_size(0)))
		return true;
	link_count(link, MLD_ROUTER_LIMIT_MEMORY);
	return false;
}

void fx_query(struct mld_link *link, const struct in6_addr *group, const uint8_t *packet, size_t len)
{
	struct item it = {.link = link, .group = *group, .kind = MLD_ROUTER_QUERY, .len = (uint32_t)len};

	if (fx_push(link->set, it, packet))
		link_count(link, MLD_ROUTER_QUERIES_SENT);
	else
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
}

void fx_change(struct mld_link *link, struct group *g)
{
	struct item it = {.link = link, .group = g->addr, .kind = MLD_ROUTER_CHANGE};

	if (!g->queued)
		g->queued = fx_push(link->set, it, NULL); /* fx_room() was asked */
}

static void fx_forget_link(struct mld_routers *set, const struct mld_link *link)
{
	for (size_t at = set->fx.head; at < set->fx.tail;) {
		struct item *it = (struct item *)(void *)(set->fx.bytes + at);

		if (it->link == link)
			it->link = NULL;
		at += item_size(it->len);
	}
}

bool mld_routers_pop(struct mld_routers *set, struct mld_router_fx *ret)
{
	while (set->fx.head < set->fx.tail) {
		const uint8_t *at = set->fx.bytes + set->fx.head;
		struct item it;

		memcpy(&it, at, sizeof(it));
		set->fx.head += item_size(it.len);
		if (!it.link)
			continue;
		if (it.kind == MLD_ROUTER_CHANGE) {
			struct group *g = link_find(it.link, &it.group);

			if (g)
				g->queued = false;
		}
		*ret = (struct mld_router_fx){
		    .kind = it.kind,
		    .link = it.link,
		    .owner = it.link->owner,
		    .packet = it.len ? at + sizeof(it) : NULL,
		    .len = it.len,
		    .group = it.group,
		};
		return true;
	}
	set->fx.head = set->fx.tail = 0;
	if (set->fx.cap > FX_KEEP) {
		free(set->fx.bytes);
		set->fx.bytes = NULL;
		set->fx.cap = 0;
	}
	return false;
}

/* ---- the set ---- */

struct mld_routers *mld_routers_new(const struct mld_routers_conf *conf, uint64_t seed)
{
	struct mld_routers *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->conf = *conf;
	if (!set->conf.links_max)
		set->conf.links_max = set_defaults.links_max;
	if (set->conf.links_max > LINKS_MAX)
		set->conf.links_max = LINKS_MAX;
	if (!set->conf.groups_max)
		set->conf.groups_max = set_defaults.groups_max;
	if (!set->conf.memory_max)
		set->conf.memory_max = set_defaults.memory_max;
	set->seed = seed;
	heap_init(&set->heap);
	list_init(&set->links);
	pool_init(&set->groups, sizeof(struct group), set->conf.groups_max);
	pool_init(&set->hosts, sizeof(struct host), UINT32_MAX);
	pool_init(&set->details, sizeof(struct detail), UINT32_MAX);
	itab_kind_init(&set->kind, &set->groups, offsetof(struct group, addr), offsetof(struct group, next), seed);
	names_init(set, seed);
	return set;
}

struct mld_routers *mld_routers_free(struct mld_routers *set)
{
	if (!set)
		return NULL;
	list_each_safe(n, &set->links) mld_link_free(list_owner(n, struct mld_link, node));
	assert(set->extra == 0 && !set->due.n);
	heap_deinit(&set->heap);
	pool_deinit(&set->groups);
	pool_deinit(&set->hosts);
	pool_deinit(&set->details);
	pool_deinit(&set->names);
	free(set->due.v);
	free(set->by_number);
	free(set->scratch);
	free(set->fx.bytes);
	free(set);
	return NULL;
}

static mono_t groups_next(const struct mld_routers *set)
{
	const struct group *g = due_first(set);

	return g ? tick_mono(set, g->deadline) : MONO_NEVER;
}

mono_t mld_routers_next_deadline(const struct mld_routers *set)
{
	return mono_min(heap_next(&set->heap), groups_next(set));
}

void mld_routers_expire(struct mld_routers *set, struct now now)
{
	mono_t next;

	set->now = now.mono;
	while (mono_reached(next = mld_routers_next_deadline(set), now.mono)) {
		struct group *g = due_first(set);

		if (heap_next(&set->heap).ns == next.ns) {
			link_expire(deadline_owner(heap_pop_due(&set->heap, now.mono), struct mld_link, deadline), now);
			continue;
		}
		due_clear(set, g);
		group_expire(set->by_number[g->link], g, now);
	}
}

uint64_t mld_routers_counter(const struct mld_routers *set, enum mld_router_counter c)
{
	return set->counter[c];
}

size_t mld_routers_bytes(const struct mld_routers *set)
{
	size_t sum = sizeof(*set) + set->extra + pool_bytes(&set->groups) + pool_bytes(&set->hosts) +
		     pool_bytes(&set->details) + pool_bytes(&set->names) + set->names.used * sizeof(uint32_t) +
		     set->heap.cap * sizeof(*set->heap.v) +
		     set->due.cap * sizeof(*set->due.v) + set->n_numbers * sizeof(struct mld_link *) +
		     set->scratch_cap * sizeof(*set->scratch) + set->fx.cap;

	list_each(n, &set->links)
	{
		const struct mld_link *link = list_owner(n, struct mld_link, node);

		sum += itab_bytes(&link->groups) + htab_bytes(&link->hosts);
	}
	return sum;
}

/* ---- links ---- */

static struct mld_router_conf conf_resolve(const struct mld_router_conf *given)
{
	struct mld_router_conf c = *given;

	if (!c.robustness)
		c.robustness = 2;
	if (!c.query_interval.ns)
		c.query_interval = span_s(125);
	if (!c.query_response.ns)
		c.query_response = span_s(10);
	if (!c.startup_query_interval.ns)
		c.startup_query_interval = (span_t){c.query_interval.ns / 4};
	if (!c.startup_query_count)
		c.startup_query_count = c.robustness;
	if (!c.startup_query_response.ns)
		c.startup_query_response = c.query_response;
	if (!c.last_listener_interval.ns)
		c.last_listener_interval = span_s(1);
	if (!c.last_listener_count)
		c.last_listener_count = c.robustness;
	if (!c.groups_max)
		c.groups_max = 1u << 16;
	if (!c.sources_max)
		c.sources_max = 4096;
	if (!c.hosts_max)
		c.hosts_max = 4096;
	if (!c.host_groups_max)
		c.host_groups_max = UINT32_MAX;
	return c;
}

/* A number for the link. False: out of memory. */
static bool number_get(struct mld_routers *set, struct mld_link *link)
{
	uint32_t i = set->hint;

	if (set->n_links == set->n_numbers) {
		uint32_t n = set->n_numbers ? set->n_numbers * 2 : 1;
		struct mld_link **v = realloc(set->by_number, n * sizeof(struct mld_link *));

		if (!v)
			return false;
		for (i = set->n_numbers; i < n; i++)
			v[i] = NULL;
		i = set->n_numbers;
		set->by_number = v;
		set->n_numbers = n;
	}
	while (set->by_number[i])
		i = (i + 1) % set->n_numbers;
	set->hint = (i + 1) % set->n_numbers;
	set->by_number[i] = link;
	link->number = (uint16_t)i;
	return true;
}

struct mld_link *mld_link_new(struct mld_routers *set, struct now now, const struct mld_router_conf *conf,
			      const struct in6_addr *self, void *owner)
{
	struct mld_link *link;

	if (set->n_links >= set->conf.links_max || set_estimate(set) + sizeof(*link) > set->conf.memory_max)
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->set = set;
	link->conf = conf_resolve(conf);
	limiter_init(&link->rate, conf->link_rate_max, conf->link_rate_max);
	link->self = *self;
	link->owner = owner;
	set->now = now.mono;
	itab_init(&link->groups, &set->kind);
	htab_init(&link->hosts, set->seed ^ 0xd1b54a32d192ed03u * (2 * (uint64_t)set->n_links + 2));
	deadline_init(&link->deadline, 0);
	if (!number_get(set, link)) {
		free(link);
		return NULL;
	}
	if (!heap_set(&set->heap, &link->deadline, now.mono)) {
		set->by_number[link->number] = NULL;
		free(link);
		return NULL;
	}
	set->extra += sizeof(*link);
	set->n_links++;
	list_add(&set->links, &link->node);
	link_start(link, now);
	return link;
}

void mld_link_free(struct mld_link *link)
{
	struct mld_routers *set;

	if (!link)
		return;
	set = link->set;
	for (struct group *g; (g = itab_pop(&link->groups));)
		group_release(link, g);
	fx_forget_link(set, link);
	notices_forget(set, link);
	set->by_number[link->number] = NULL;
	itab_deinit(&link->groups);
	htab_deinit(&link->hosts);
	heap_clear(&set->heap, &link->deadline);
	list_del(&link->node);
	set->n_links--;
	set->extra -= sizeof(*link);
	free(link);
}

void mld_link_reconf(struct mld_link *link, struct now now, const struct mld_router_conf *conf)
{
	if (link->conf.link_rate_max != conf->link_rate_max)
		limiter_init(&link->rate, conf->link_rate_max, conf->link_rate_max);
	link->conf = conf_resolve(conf);
	if (link->querier || link->conf.querier_always)
		link_become_querier(link);
	if (link->querier)
		link->general_at = mono_min(link->general_at, mono_add(now.mono, link->query_interval));
	link_arm(link);
}

void mld_link_set_self(struct mld_link *link, const struct in6_addr *self)
{
	link->self = *self;
}

void link_arm(struct mld_link *link)
{
	/* Has been in the heap since mld_link_new(): no memory is needed, except while link_expire() holds it, when the
	 * slot that it left is free. */
	heap_set(&link->set->heap, &link->deadline,
		 mono_min(mono_min(link->general_at, link->other_until), link->ask_at));
}

struct group *link_find(const struct mld_link *link, const struct in6_addr *group)
{
	return itab_find(&link->groups, group);
}

/* ---- readers ---- */

/* The state as forwarding sees it: INCLUDE: all sources (their timers run); EXCLUDE: those whose timers have run out.
 */
static bool group_filter(const struct mld_link *link, const struct group *g, struct filter *ret)
{
	const struct detail *d = group_has_detail(link->set, g);
	struct in6_addr few[32], *v = few;
	size_t n = 0;
	bool oom = false;

	if (!d || !d->n_sources) {
		*ret = FILTER_ANY; /* INCLUDE of nothing is not kept */
		return true;
	}
	if (d->n_sources > sizeof(few) / sizeof(*few)) {
		v = malloc(d->n_sources * sizeof(*v));
		if (!v)
			return false;
	}
	for (uint32_t i = 0; i < d->n_sources; i++)
		if ((g->mode == FILTER_INCLUDE) == timer_runs(d->sources[i].timer))
			v[n++] = d->sources[i].addr;
	*ret = filter_of((enum filter_mode)g->mode, v, n, &oom);
	if (v != few)
		free(v);
	return !oom;
}

bool mld_link_state(const struct mld_link *link, const struct in6_addr *group, struct filter *ret)
{
	const struct group *g = link_find(link, group);
	struct filter f;

	if (!g)
		return false;
	if (!group_filter(link, g, &f)) {
		/* Out of memory for the list: of EXCLUDE rather forward too much than nothing. */
		if (g->mode == FILTER_INCLUDE)
			return false;
		f = FILTER_ANY;
	}
	*ret = f;
	return true;
}

bool mld_link_has(const struct mld_link *link, const struct in6_addr *group)
{
	return link_find(link, group) != NULL;
}

uint32_t mld_link_groups(const struct mld_link *link)
{
	return link->groups.count;
}

bool mld_link_group_is_v1(const struct mld_link *link, const struct in6_addr *group)
{
	const struct group *g = link_find(link, group);

	return g && group_is_v1(link, g);
}

void mld_link_each(const struct mld_link *link,
		   void (*each)(void *arg, const struct in6_addr *group, const struct filter *f, uint32_t hosts),
		   void *arg)
{
	for (const struct group *g = NULL; (g = itab_next(&link->groups, g));) {
		struct filter f;

		if (!group_filter(link, g, &f))
			continue;
		each(arg, &g->addr, &f, track_count(link, g));
		filter_drop(&f);
	}
}

bool mld_link_is_querier(const struct mld_link *link)
{
	return link->querier;
}

struct in6_addr mld_link_querier(const struct mld_link *link, uint8_t *ret_version)
{
	*ret_version = !link->querier ? link->other_version : link->conf.v1_mode ? 1 : 2;
	return link->querier ? link->self : link->other;
}

uint64_t mld_link_counter(const struct mld_link *link, enum mld_router_counter c)
{
	return link->counter[c];
}

void mld_link_drop_group(struct mld_link *link, struct now now, const struct in6_addr *group)
{
	struct group *g = link_find(link, group);

	(void)now;
	if (!g || !fx_room(link))
		return;
	fx_change(link, g);
	group_free(link, g);
}
