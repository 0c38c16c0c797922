/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/context.h"

#include <stdlib.h>
#include <string.h>

#include "wire/mld.h"

/* ---- the value ---- */

void mn_context_drop(struct mn_context *c)
{
	for (uint16_t i = 0; i < c->n; i++)
		filter_drop(&c->v[i].filter);
	free(c->v);
	*c = (struct mn_context){.v = NULL};
}

size_t mn_context_bytes(const struct mn_context *c)
{
	size_t bytes = c->cap * sizeof(*c->v);

	for (uint16_t i = 0; i < c->n; i++)
		bytes += filter_bytes(&c->v[i].filter);
	return bytes;
}

void mn_context_move(struct mn_context *c, struct mn_context v)
{
	mn_context_drop(c);
	*c = v;
}

/* The first that does not stand in front of it. */
static uint16_t place_of(const struct mn_context *c, const struct in6_addr *group)
{
	uint16_t low = 0, high = c->n;

	while (low < high) {
		uint16_t mid = (uint16_t)((low + high) / 2);

		if (addr_cmp(&c->v[mid].group, group) < 0)
			low = (uint16_t)(mid + 1);
		else
			high = mid;
	}
	return low;
}

static struct mn_group *find(const struct mn_context *c, const struct in6_addr *group)
{
	uint16_t at = place_of(c, group);

	return at < c->n && addr_eq(&c->v[at].group, group) ? &c->v[at] : NULL;
}

const struct mn_group *mn_context_find(const struct mn_context *c, const struct in6_addr *group)
{
	return find(c, group);
}

static bool grow(struct mn_context *c)
{
	uint16_t cap = c->cap ? (uint16_t)(c->cap * 2) : 8;
	struct mn_group *v;

	if (c->n < c->cap)
		return true;
	if (c->n == MN_CONTEXT_MAX)
		return false;
	v = realloc(c->v, cap * sizeof(*v));
	if (!v)
		return false;
	c->v = v;
	c->cap = cap;
	return true;
}

static bool unite(struct mn_group *g, const struct filter *filter, uint8_t compat, uint8_t origins, wall_t end)
{
	if (!filter_add(&g->filter, filter))
		return false;
	if (compat < g->compat)
		g->compat = compat; /* the lowest that is spoken (RFC 7411 4.4) */
	g->origins |= origins;
	if (end.ns > g->end.ns)
		g->end = end;
	return true;
}

bool mn_context_add(struct mn_context *c, const struct in6_addr *group, const struct filter *filter, uint8_t compat,
		    uint8_t origins, wall_t end)
{
	struct mn_group *g = find(c, group);
	uint16_t at;

	if (filter_is_none(filter))
		return true;
	if (g)
		return unite(g, filter, compat, origins, end);
	if (!grow(c))
		return false;
	at = place_of(c, group);
	memmove(&c->v[at + 1], &c->v[at], (size_t)(c->n - at) * sizeof(*c->v));
	c->v[at] = (struct mn_group){.group = *group, .compat = compat, .origins = origins, .end = end};
	c->v[at].filter = filter_dup(filter);
	c->n++;
	return true;
}

bool mn_context_merge(struct mn_context *into, const struct mn_context *from)
{
	bool all = true;

	for (uint16_t i = 0; i < from->n; i++) {
		const struct mn_group *g = &from->v[i];

		all &= mn_context_add(into, &g->group, &g->filter, g->compat, g->origins, g->end);
	}
	if (from->described) {
		into->described = true;
		into->delivery = from->delivery;
		into->policy_version = from->policy_version;
	}
	return all;
}

bool mn_context_copy(const struct mn_context *c, struct mn_context *ret)
{
	struct mn_context copy = {.v = NULL};

	if (!mn_context_merge(&copy, c)) {
		mn_context_drop(&copy);
		return false;
	}
	*ret = copy;
	return true;
}

void mn_context_remove(struct mn_context *c, const struct in6_addr *group)
{
	struct mn_group *g = find(c, group);
	size_t at;

	if (!g)
		return;
	at = (size_t)(g - c->v);
	filter_drop(&g->filter);
	memmove(g, g + 1, (c->n - at - 1) * sizeof(*g));
	c->n--;
}

bool mn_context_end(struct mn_context *c, const struct in6_addr *group, const struct in6_addr *source)
{
	struct mn_group *g = find(c, group);
	struct filter gone, rest;
	bool oom = false;

	if (!g || (!addr_is_any(source) && (g->filter.mode != FILTER_INCLUDE || !filter_has_source(&g->filter, source))))
		return false;
	if (!addr_is_any(source)) {
		gone = filter_of(FILTER_INCLUDE, source, 1, &oom);
		rest = filter_list_minus(&g->filter, &gone, &oom);
		filter_drop(&gone);
		if (!oom)
			filter_move(&g->filter, rest);
		if (oom || !filter_is_none(&g->filter))
			return true;
	}
	mn_context_remove(c, group);
	return true;
}

/* ---- to a message ---- */

#define ALIGN_FIRST 8 /* in front of the first option: 57 begins at 8n+1, 19 at 4n+2 */
#define INFO_OPTION 24 /* VSM 19/3 without entries, and its padding */
#define INFO_ENTRY 24
#define INFO_ENTRIES 9 /* of one option */

/* Does it differ from what a group is that is not described? */
static bool is_special(const struct mn_group *g)
{
	return g->compat != 2 || g->origins != SUB_ORIGIN_MLD || g->end.ns != WALL_NEVER.ns;
}

static uint32_t left_s(const struct mn_group *g, struct now now)
{
	int64_t left = (g->end.ns - now.wall.ns + span_s(1).ns - 1) / span_s(1).ns;

	if (g->end.ns == WALL_NEVER.ns || left >= MH_CONTEXT_NO_END)
		return MH_CONTEXT_NO_END;
	return left > 0 ? (uint32_t)left : 0;
}

static bool put_info(const struct mn_group *g, struct now now, struct mh_msg *m)
{
	struct mh_record *r;

	if (!mh_add_record(m, &m->described, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &g->group, NULL, 0, MH_AMS_SOURCES))
		return false;
	r = &m->records[m->described.first + m->described.n - 1];
	r->origins = g->origins;
	r->compat = g->compat;
	r->left_s = left_s(g, now);
	return true;
}

static bool is_any(const struct filter *f)
{
	return f->mode == FILTER_EXCLUDE && !filter_count(f);
}

/* In what options they go: 57, one for each record, which ends where the next may begin; 60, many in one of at most 1020
 * octets, but one kind of them. */
struct carrier {
	struct mh_records *run;
	size_t fixed;	/* octets of a record without sources, and its share of options */
	size_t sources; /* of one record */
};

static size_t records_of(const struct carrier *in, size_t n) { return n ? (n + in->sources - 1) / in->sources : 1; }

/* How many of these n sources find room; all of them, or what fits where nothing else is in the message. */
static bool fitting(const struct carrier *in, const struct mh_msg *m, size_t n, size_t room, size_t *ret)
{
	size_t free_sources = MH_SOURCES_MAX - m->n_sources, k = n < free_sources ? n : free_sources;

	while (k && records_of(in, k) * in->fixed + 16 * k > room)
		k--;
	/* A record must be left for the description, or the two would not agree. */
	if (records_of(in, k) * in->fixed + 16 * k > room || m->n_records + 1 + records_of(in, k) > MH_RECORDS_MAX)
		return false;
	if (k < n && (!k || in->run->n))
		return false;
	*ret = k;
	return true;
}

/* The group, or what is left of it behind the place. False: no room for it, or for its last sources. */
static bool put_group(const struct mn_group *g, struct mn_context_place *place, struct now now, struct mh_msg *m,
		      const struct carrier *in, size_t *room, bool describe)
{
	const struct filter *f = &g->filter;
	const struct in6_addr *sources = filter_sources(f);
	bool includes = f->mode == FILTER_INCLUDE, special = describe && is_special(g);
	size_t extra = special ? INFO_ENTRY + (m->described.n % INFO_ENTRIES ? 0 : INFO_OPTION) : 0;
	size_t n = filter_count(f), told;

	if (includes && addr_eq(&g->group, &place->group)) {
		for (; n && addr_cmp(sources, &place->source) <= 0; n--)
			sources++;
		if (!n)
			return true;
	}
	if (!includes && n > in->sources)
		n = in->sources; /* an EXCLUDE list is cut: more is asked for than is wanted, never less */
	if (extra > *room || !fitting(in, m, n, *room - extra, &told) ||
	    !mh_add_record(m, in->run, is_any(f) && g->compat == 1 ? MH_PROTO_MLDV1 : MH_PROTO_MLDV2,
			   includes ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE, &g->group, sources, told, in->sources))
		return false;
	*room -= extra + records_of(in, told) * in->fixed + 16 * told;
	*place = (struct mn_context_place){.group = g->group};
	if (special && !put_info(g, now, m))
		return false;
	if (told == n || !includes)
		return true;
	place->source = sources[told - 1];
	return false;
}

static uint16_t first_behind(const struct mn_context *c, const struct mn_context_place *place)
{
	uint16_t at = place_of(c, &place->group);

	return at < c->n && addr_eq(&c->v[at].group, &place->group) && addr_is_any(&place->source) ? (uint16_t)(at + 1) : at;
}

static bool put(const struct mn_context *c, struct mn_context_place *place, struct now now, struct mh_msg *m,
		const struct carrier *in, size_t room, bool describe)
{
	uint16_t i = first_behind(c, place);

	if (room < ALIGN_FIRST + (describe ? INFO_OPTION : 0))
		return i == c->n;
	room -= ALIGN_FIRST;
	describe = describe && c->described;
	if (describe) {
		room -= INFO_OPTION;
		m->context.delivery = c->delivery;
		m->context.policy_version = c->policy_version;
	}
	while (i < c->n && put_group(&c->v[i], place, now, m, in, &room, describe))
		i++;
	if (describe && in->run->n)
		m->has |= MH_HAS_CONTEXT;
	return i == c->n;
}

bool mn_context_put(const struct mn_context *c, struct mn_context_place *place, struct now now, struct mh_msg *m,
		    size_t room, bool describe)
{
	const struct carrier in = {&m->ams, 24, MH_AMS_SOURCES};
	bool all = put(c, place, now, m, &in, room, describe);

	if (m->ams.n)
		m->has |= MH_HAS_AMS;
	return all;
}

bool mn_context_put_reports(const struct mn_context *c, struct mn_context_place *place, struct now now, struct mh_msg *m,
			    size_t room, bool describe)
{
	const struct carrier in = {&m->mmo, 8 + 20, MH_MMO_SOURCES};
	bool all = put(c, place, now, m, &in, room, describe);

	if (m->mmo.n)
		m->has |= MH_HAS_MMO;
	return all;
}

void mn_context_put_more(const struct mn_context_place *place, struct mh_msg *m)
{
	m->has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
	m->more_after = place->group;
	m->more_source = place->source;
}

struct mn_context_place mn_context_place_of(const struct mh_msg *m)
{
	if (!(m->has & MH_HAS_MORE_AFTER))
		return (struct mn_context_place){.group = addr_any};
	return (struct mn_context_place){.group = m->more_after, .source = m->more_source};
}

bool mn_context_is_behind(const struct mn_context_place *a, const struct mn_context_place *b)
{
	int groups = addr_cmp(&a->group, &b->group);

	if (groups || addr_is_any(&b->source))
		return groups > 0;
	return addr_is_any(&a->source) || addr_cmp(&a->source, &b->source) > 0;
}

/* ---- from a message ---- */

static bool is_exclude(const struct mh_record *r)
{
	return r->proto == MH_PROTO_MLDV1 || r->type == MLD_MODE_IS_EXCLUDE;
}

static void describe(struct mn_context *c, struct now now, const struct mh_msg *m)
{
	for (uint16_t i = 0; i < m->described.n; i++) {
		const struct mh_record *r = &m->records[m->described.first + i];
		struct mn_group *g = find(c, &r->group);

		if (!g)
			continue;
		g->origins = r->origins;
		g->compat = r->compat == 1 ? 1 : 2;
		if (r->left_s != MH_CONTEXT_NO_END)
			g->end = (wall_t){now.wall.ns + span_s(r->left_s).ns};
	}
	c->described = true;
	c->delivery = m->context.delivery;
	c->policy_version = m->context.policy_version;
}

bool mn_context_take(struct mn_context *c, struct now now, const struct mh_msg *m, const struct mh_records *run)
{
	bool all = true, oom = false;

	for (uint16_t i = 0; i < run->n; i++) {
		const struct mh_record *r = &m->records[run->first + i];
		bool old = r->proto == MH_PROTO_MLDV1;
		struct filter f = filter_of(is_exclude(r) ? FILTER_EXCLUDE : FILTER_INCLUDE, &m->sources[r->first],
					    r->n, &oom);

		/* What is said of one group in one message is one wish; of two messages the later one counts. */
		all &= mn_context_add(c, &r->group, &f, old ? 1 : 2, SUB_ORIGIN_MLD, WALL_NEVER);
		filter_drop(&f);
	}
	if (m->has & MH_HAS_CONTEXT)
		describe(c, now, m);
	return all && !oom;
}
