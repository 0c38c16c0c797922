/* SPDX-License-Identifier: BSD-2-Clause */
/* Explicit tracking: what each host on the link has asked for (RFC 6636 3).
 *
 * It never decides what is forwarded: that is the state of RFC 3810. It only answers whether anybody else wants what a
 * host has just given up, so that nobody need be asked. Hence a member's filter may be too wide, never too narrow: what
 * cannot be noted for want of room marks the group as not wholly known. */
#include <stdlib.h>
#include <string.h>

#include "mld/router_priv.h"

/* A record of INCLUDE kind too long for a packet comes in pieces, each of which but the last fills a packet of at least
 * 1280 octets: 75 sources or, allowing for odd senders, some less. */
#define PIECE_MIN 64

/* Hosts that have not answered, though they were in EXCLUDE mode: of more of them than these it is not worth its while to
 * note what they might still want. */
#define NARROW_MAX 16

/* ---- hosts of a link ---- */

struct host *host_get(struct mld_link *link, const struct in6_addr *addr)
{
	uint64_t hash = htab_hash(&link->hosts, addr, sizeof(*addr));
	struct host *h;

	for (struct hnode *n = htab_first(&link->hosts, hash); n; n = htab_same(n)) {
		h = hnode_owner(n, struct host, node);
		if (addr_eq(&h->addr, addr)) {
			h->refs++;
			return h;
		}
	}
	if (!mem_room(link, sizeof(*h)))
		return NULL;
	h = pool_get(&link->set->hosts);
	if (h && !htab_add(&link->hosts, &h->node, hash)) {
		pool_put(&link->set->hosts, h);
		h = NULL;
	}
	if (!h) {
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
		return NULL;
	}
	h->addr = *addr;
	h->refs = 1;
	limiter_init(&h->rate, link->conf.host_rate_max, link->conf.host_rate_max);
	return h;
}

void host_put(struct mld_link *link, struct host *h)
{
	if (--h->refs)
		return;
	htab_del(&link->hosts, &h->node);
	pool_put(&link->set->hosts, h);
}

/* ---- members of a group ---- */

static void member_set(struct mld_link *link, struct detail *d, struct member *m, struct filter f)
{
	names_change(link, d, &m->filter, &f);
	link->set->extra -= filter_bytes(&m->filter);
	d->n_excludes -= m->filter.mode == FILTER_EXCLUDE;
	filter_move(&m->filter, f);
	link->set->extra += filter_bytes(&m->filter);
	d->n_excludes += m->filter.mode == FILTER_EXCLUDE;
}

/* Past, or the next 20 days: so that differences tell what is earlier. */
static uint32_t whole_ms(const struct mld_routers *set, mono_t t)
{
	return (uint32_t)(mono_min(t, mono_add(set->now, span_s(20 * 86400))).ns / TICK);
}

static void member_until(const struct mld_link *link, struct detail *d, struct member *m, mono_t expiry)
{
	uint32_t at = whole_ms(link->set, expiry);

	m->expiry = expiry;
	if (d->n_members == 1 || tick_before(at, d->prune_at))
		d->prune_at = at;
}

static void member_del(struct mld_link *link, struct detail *d, struct member *m)
{
	member_set(link, d, m, FILTER_NONE);
	host_put(link, m->host);
	member_remove(link, d, m);
}

static struct member *member_of(const struct mld_link *link, const struct group *g, const struct host *h)
{
	return member_find(link->set, group_has_detail(link->set, g), h);
}

/* Takes a reference to the host. NULL: no room. */
static struct member *member_new(struct mld_link *link, struct group *g, struct host *h)
{
	struct detail *d = group_detail(link, g);
	struct member *m = d ? member_add(link, d, h) : NULL;

	if (m)
		h->refs++;
	return m;
}

/* From the short form, one host that is an any-source listener, to a list of members. */
static bool members_spread(struct mld_link *link, struct group *g)
{
	struct host *host = group_host(link->set, g);
	struct member *m;

	if (!host)
		return true;
	m = member_new(link, g, host);
	if (!m)
		return false;
	member_set(link, group_has_detail(link->set, g), m, FILTER_ANY);
	member_until(link, group_has_detail(link->set, g), m, group_filter_timer(link->set, g));
	host_put(link, host);
	group_set_host(link, g, NULL);
	return true;
}

/* And back, when its expiry and the filter timer are the same again. */
static void members_fold(struct mld_link *link, struct group *g)
{
	struct detail *d = group_has_detail(link->set, g);
	struct member *m;

	if (!d || d->n_members != 1)
		return;
	m = &d->members[0];
	if (m->filter.mode != FILTER_EXCLUDE || m->filter.list)
		return;
	m->host->refs++;
	group_set_host(link, g, m->host);
	member_del(link, d, m);
}

static bool member_lives(const struct member *m, mono_t now)
{
	return !mono_reached(m->expiry, now);
}

/* The member's filter after the record; *whole as track_record(). */
static struct filter member_after(const struct member *m, struct record rec, bool *whole, bool *oom)
{
	bool excludes = m->filter.mode == FILTER_EXCLUDE, may_be_piece = rec.n >= PIECE_MIN;
	struct filter b = filter_of(FILTER_INCLUDE, rec.sources, rec.n, oom), ret = FILTER_NONE;

	*whole = true;
	switch (rec.type) {
	case MLD_MODE_IS_EXCLUDE:
	case MLD_CHANGE_TO_EXCLUDE:
		ret = filter_dup(&b);
		ret.mode = FILTER_EXCLUDE;
		break;
	case MLD_CHANGE_TO_INCLUDE:
		if (!excludes && rec.n) {
			struct filter rest = filter_list_minus(&m->filter, &b, oom);

			/* An earlier piece, had there been one, would be among the rest. */
			may_be_piece = may_be_piece || filter_count(&rest) >= PIECE_MIN;
			filter_drop(&rest);
		}
		*whole = !may_be_piece;
		ret = excludes || *whole ? filter_dup(&b) : filter_list_union(&m->filter, &b, oom);
		break;
	case MLD_MODE_IS_INCLUDE: /* from a host in EXCLUDE mode: its answer about these sources */
	case MLD_ALLOW_NEW_SOURCES:
		ret = excludes ? filter_list_minus(&m->filter, &b, oom) : filter_list_union(&m->filter, &b, oom);
		ret.mode = m->filter.mode;
		break;
	case MLD_BLOCK_OLD_SOURCES:
		ret = excludes ? filter_list_union(&m->filter, &b, oom) : filter_list_minus(&m->filter, &b, oom);
		ret.mode = m->filter.mode;
		break;
	}
	filter_drop(&b);
	return ret;
}

static bool record_is_any(const struct record *rec)
{
	return !rec->n && (rec->type == MLD_MODE_IS_EXCLUDE || rec->type == MLD_CHANGE_TO_EXCLUDE);
}

/* Some host found no room: until it has not been heard for as long as listeners last, the members are not all who
 * listen. */
static void lose_track(struct mld_link *link, struct group *g)
{
	struct detail *d = group_detail(link, g);

	g->untracked = true;
	if (d)
		d->known_at = link_instant(link->set->now, link_listening(link));
}

bool track_knows_all(struct group *g, struct detail *d, mono_t now)
{
	if (g->untracked && d && mono_reached(d->known_at, now)) {
		g->untracked = false;
		d->known_at = MONO_NEVER;
	}
	return !g->untracked;
}

/* The host's member, made where the record makes it a listener. */
static struct member *member_for(struct mld_link *link, struct group *g, struct host *h, const struct record *rec,
				 mono_t now)
{
	struct member *m = member_of(link, g, h);

	if (m)
		return m;
	if (rec->type != MLD_MODE_IS_EXCLUDE && rec->type != MLD_CHANGE_TO_EXCLUDE &&
	    (!rec->n || rec->type == MLD_BLOCK_OLD_SOURCES))
		return NULL;
	if (track_count(link, g) >= link->conf.hosts_max)
		track_prune(link, g, now);
	if (track_count(link, g) >= link->conf.hosts_max) {
		link_count(link, MLD_ROUTER_LIMIT_HOSTS);
		lose_track(link, g);
		return NULL;
	}
	m = member_new(link, g, h);
	if (!m)
		lose_track(link, g);
	return m;
}

static bool filter_fits(struct mld_link *link, const struct filter *old, const struct filter *f)
{
	size_t had = filter_bytes(old), has = filter_bytes(f);

	return has <= had || (filter_count(f) <= link->conf.sources_max && mem_room(link, has - had));
}

void track_record(struct mld_link *link, struct group *g, struct host *h, struct record rec, mono_t now,
		  bool *ret_whole)
{
	mono_t expiry = mono_add(now, link_listening(link));
	const struct host *only;
	struct detail *d;
	struct member *m;
	struct filter f;
	bool oom = false;

	*ret_whole = true;
	if (!h) {
		lose_track(link, g);
		return;
	}
	only = group_host(link->set, g);
	if (record_is_any(&rec) && only == h)
		return;
	if (record_is_any(&rec) && !only && !track_count(link, g)) {
		h->refs++;
		group_set_host(link, g, h);
		return;
	}
	if (only == h && !rec.n && rec.type == MLD_CHANGE_TO_INCLUDE) {
		host_put(link, h);
		group_set_host(link, g, NULL);
		return;
	}
	if (!members_spread(link, g)) {
		lose_track(link, g);
		return;
	}
	m = member_for(link, g, h, &rec, now);
	if (!m)
		return;
	d = group_has_detail(link->set, g);
	f = member_after(m, rec, ret_whole, &oom);
	if (oom || !filter_fits(link, &m->filter, &f)) {
		filter_drop(&f);
		lose_track(link, g);
	} else {
		member_set(link, d, m, f);
	}
	member_until(link, d, m, expiry);
	if (filter_is_none(&m->filter))
		member_del(link, d, m);
	if (record_is_any(&rec))
		members_fold(link, g);
}

bool track_ready(struct mld_link *link, struct group *g, mono_t now)
{
	struct detail *d = group_has_detail(link->set, g);

	if (!track_knows_all(g, d, now))
		return false;
	if (!d || (!d->names && d->n_members < NAMES_MIN))
		return true;
	track_prune(link, g, now); /* names do not tell who still lives */
	if (d->names || d->n_members < NAMES_MIN || names_build(link, d))
		return true;
	lose_track(link, g);
	return false;
}

bool track_wants(const struct mld_link *link, const struct group *g, const struct in6_addr *s, mono_t now)
{
	const struct detail *d = group_has_detail(link->set, g);

	if (group_host(link->set, g))
		return true;
	if (d && d->names)
		return names_want(d, s);
	for (uint32_t i = 0; d && i < d->n_members; i++) {
		link->set->member_looks++;
		if (member_lives(&d->members[i], now) && filter_accepts(&d->members[i].filter, s))
			return true;
	}
	return false;
}

bool track_wants_any(const struct mld_link *link, const struct group *g, mono_t now)
{
	const struct detail *d = group_has_detail(link->set, g);

	if (group_host(link->set, g))
		return true;
	if (d && d->names)
		return d->n_excludes > 0;
	for (uint32_t i = 0; d && d->n_excludes && i < d->n_members; i++) {
		link->set->member_looks++;
		if (member_lives(&d->members[i], now) && d->members[i].filter.mode == FILTER_EXCLUDE)
			return true;
	}
	return false;
}

bool track_has(const struct mld_link *link, const struct group *g, const struct host *h)
{
	return group_host(link->set, g) == h || member_of(link, g, h);
}

uint32_t track_count(const struct mld_link *link, const struct group *g)
{
	const struct detail *d = group_has_detail(link->set, g);

	return group_host(link->set, g) ? 1 : d ? d->n_members : 0;
}

void track_prune(struct mld_link *link, struct group *g, mono_t now)
{
	struct detail *d = group_has_detail(link->set, g);
	uint32_t next = whole_ms(link->set, MONO_NEVER);

	if (!d || !d->n_members || tick_before(whole_ms(link->set, now), d->prune_at))
		return;
	for (uint32_t i = d->n_members; i-- > 0;) {
		const struct member *m = &d->members[i];

		link->set->member_looks++;
		if (!member_lives(m, now))
			member_del(link, d, &d->members[i]);
		else if (tick_before(whole_ms(link->set, m->expiry), next))
			next = whole_ms(link->set, m->expiry);
	}
	d->prune_at = next;
}

/* Have they a source in common? The lists of most members are short, or the other one is. */
static bool lists_meet(const struct filter *a, const struct filter *b)
{
	const struct filter *few = filter_count(a) < filter_count(b) ? a : b, *many = few == a ? b : a;

	for (size_t i = 0; i < filter_count(few); i++)
		if (filter_has_source(many, &filter_sources(few)[i]))
			return true;
	return false;
}

/* Take sources out of the INCLUDE lists. */
static void members_minus(struct mld_link *link, struct detail *d, const struct filter *gone)
{
	for (uint32_t i = d->n_members; i-- > 0;) {
		struct member *m = &d->members[i];
		bool oom = false;
		struct filter f;

		link->set->member_looks++;
		if (m->filter.mode != FILTER_INCLUDE || !lists_meet(&m->filter, gone))
			continue;
		f = filter_list_minus(&m->filter, gone, &oom);
		if (oom)
			continue; /* too wide is allowed */
		member_set(link, d, m, f);
		if (filter_is_none(&m->filter))
			member_del(link, d, m);
	}
}

void track_forget_sources(struct mld_link *link, struct group *g, struct in6_addr *v, size_t n)
{
	struct detail *d = group_has_detail(link->set, g);
	bool oom = false;
	struct filter gone;
	size_t named = 0;

	if (!d || !d->n_members)
		return;
	for (size_t i = 0; i < n; i++)
		if (!d->names || names_include(d, &v[i]))
			v[named++] = v[i];
	if (!named)
		return;
	gone = filter_of(FILTER_INCLUDE, v, named, &oom);
	if (!oom)
		members_minus(link, d, &gone);
	filter_drop(&gone);
}

/* What a member in EXCLUDE mode can still want when the Include List is all there is. */
static void member_narrow(struct mld_link *link, struct group *g, struct detail *d, struct member *m)
{
	struct in6_addr *v = d->n_sources ? malloc(d->n_sources * sizeof(*v)) : NULL;
	struct filter f = FILTER_NONE;
	bool oom = false;
	size_t n = 0;

	if (v) {
		for (uint32_t i = 0; i < d->n_sources; i++)
			if (filter_accepts(&m->filter, &d->sources[i].addr))
				v[n++] = d->sources[i].addr;
		f = filter_of(FILTER_INCLUDE, v, n, &oom);
	}
	if (oom || (d->n_sources && !v))
		lose_track(link, g);
	free(v);
	member_set(link, d, m, f);
}

static void forget_host(struct mld_link *link, struct group *g)
{
	struct host *host = group_host(link->set, g);

	if (!host)
		return;
	group_set_host(link, g, NULL);
	host_put(link, host);
}

void track_to_include(struct mld_link *link, struct group *g)
{
	struct detail *d = group_has_detail(link->set, g);
	bool many = d && d->n_sources && d->n_excludes > NARROW_MAX;

	forget_host(link, g);
	if (many)
		lose_track(link, g);
	for (uint32_t i = d ? d->n_members : 0; i-- > 0;) {
		struct member *m = &d->members[i];

		if (m->filter.mode == FILTER_EXCLUDE && many)
			member_set(link, d, m, FILTER_NONE);
		else if (m->filter.mode == FILTER_EXCLUDE)
			member_narrow(link, g, d, m);
		if (filter_is_none(&m->filter))
			member_del(link, d, m);
	}
}

void track_clear(struct mld_link *link, struct group *g)
{
	struct detail *d = group_has_detail(link->set, g);

	forget_host(link, g);
	while (d && d->n_members)
		member_del(link, d, &d->members[d->n_members - 1]);
}
