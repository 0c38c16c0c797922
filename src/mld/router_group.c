/* SPDX-License-Identifier: BSD-2-Clause */
/* State of a group on a link: the tables of RFC 3810 7.4.1 and 7.4.2, and the timers of 7.2. */
#include <stdlib.h>
#include <string.h>

#include "mld/router_priv.h"

/* ---- the tables ----
 *
 * Each source of the state or of the record is in one of five parts; a row of the tables says what becomes of each
 * part. In INCLUDE (A), A is RUNS; in EXCLUDE (X,Y), X is RUNS and Y is ZERO. */
enum part {
	RUNS,
	ZERO,
	RUNS_NAMED,
	ZERO_NAMED,
	NEW,
	PART_N
};

enum act {
	DROP,	  /* (or, for NEW, never made) */
	KEEP,	  /* with its timer */
	TO_MALI,  /* timer = Multicast Address Listening Interval */
	TO_ZERO,  /* timer = 0 */
	TO_FT,	  /* timer = Filter Timer, as it was before this record */
	ASK = 16, /* and Q(MA, these) */
};

struct row {
	uint8_t mode;	     /* the new filter mode */
	bool filter_timer;   /* Filter Timer = MALI */
	bool ask_group;	     /* Q(MA) */
	uint8_t act[PART_N]; /* RUNS, ZERO, RUNS_NAMED, ZERO_NAMED, NEW */
};

/* clang-format off */
static const struct row table[2][MLD_BLOCK_OLD_SOURCES + 1] = {
	[FILTER_INCLUDE] = {
		[MLD_MODE_IS_INCLUDE] = {FILTER_INCLUDE, false, false, {KEEP, DROP, TO_MALI, DROP, TO_MALI}},
		[MLD_MODE_IS_EXCLUDE] = {FILTER_EXCLUDE, true, false, {DROP, DROP, KEEP, DROP, TO_ZERO}},
		[MLD_ALLOW_NEW_SOURCES] = {FILTER_INCLUDE, false, false, {KEEP, DROP, TO_MALI, DROP, TO_MALI}},
		[MLD_BLOCK_OLD_SOURCES] = {FILTER_INCLUDE, false, false, {KEEP, DROP, KEEP | ASK, DROP, DROP}},
		[MLD_CHANGE_TO_EXCLUDE] = {FILTER_EXCLUDE, true, false, {DROP, DROP, KEEP | ASK, DROP, TO_ZERO}},
		[MLD_CHANGE_TO_INCLUDE] = {FILTER_INCLUDE, false, false, {KEEP | ASK, DROP, TO_MALI, DROP, TO_MALI}},
	},
	[FILTER_EXCLUDE] = {
		[MLD_MODE_IS_INCLUDE] = {FILTER_EXCLUDE, false, false, {KEEP, KEEP, TO_MALI, TO_MALI, TO_MALI}},
		[MLD_MODE_IS_EXCLUDE] = {FILTER_EXCLUDE, true, false, {DROP, DROP, KEEP, KEEP, TO_MALI}},
		[MLD_ALLOW_NEW_SOURCES] = {FILTER_EXCLUDE, false, false, {KEEP, KEEP, TO_MALI, TO_MALI, TO_MALI}},
		[MLD_BLOCK_OLD_SOURCES] = {FILTER_EXCLUDE, false, false, {KEEP, KEEP, KEEP | ASK, KEEP, TO_FT | ASK}},
		[MLD_CHANGE_TO_EXCLUDE] = {FILTER_EXCLUDE, true, false, {DROP, DROP, KEEP | ASK, KEEP, TO_FT | ASK}},
		[MLD_CHANGE_TO_INCLUDE] = {FILTER_EXCLUDE, false, true, {KEEP | ASK, KEEP, TO_MALI, TO_MALI, TO_MALI}},
	},
};
/* clang-format on */

/* ---- objects ---- */

static bool group_is_none(const struct mld_link *link, const struct group *g)
{
	const struct detail *d = group_has_detail(link->set, g);

	return g->mode == FILTER_INCLUDE && (!d || !d->n_sources);
}

bool group_is_v1(const struct mld_link *link, const struct group *g)
{
	const struct detail *d = group_has_detail(link->set, g);

	return link->conf.v1_mode || (d && timer_runs(d->v1_until));
}

void group_set_filter_timer(struct mld_link *link, struct group *g, mono_t at)
{
	g->filter_timer = tick_of(link->set, at);
}

void group_set_host(struct mld_link *link, struct group *g, const struct host *host)
{
	struct detail *d = group_has_detail(link->set, g);
	uint32_t number = host ? pool_number(&link->set->hosts, host) : 0;

	if (d)
		d->host = number;
	else
		g->who = number & INT32_MAX;
}

struct detail *group_detail(struct mld_link *link, struct group *g)
{
	struct mld_routers *set = link->set;
	struct detail *d = group_has_detail(set, g);

	if (d)
		return d;
	d = pool_get(&set->details);
	if (!d) {
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
		return NULL;
	}
	*d = (struct detail){.host = g->who, .query_at = MONO_NEVER, .v1_until = TIMER_ZERO, .known_at = MONO_NEVER};
	g->who = pool_number(&set->details, d) & INT32_MAX;
	g->has_detail = true;
	return d;
}

static void detail_free(struct mld_link *link, struct group *g)
{
	struct mld_routers *set = link->set;
	struct detail *d = group_has_detail(set, g);

	if (!d)
		return;
	mem_free(set, d->sources, d->n_sources * sizeof(*d->sources));
	members_free(set, d);
	g->who = d->host & INT32_MAX;
	g->has_detail = false;
	pool_put(&set->details, d);
}

/* Most groups are one any-source listener again soon: give the detail back when it tells nothing. */
static void detail_trim(struct mld_link *link, struct group *g)
{
	const struct detail *d = group_has_detail(link->set, g);

	if (d && !d->n_sources && !d->n_members && !d->group_asked && !timer_runs(d->v1_until) &&
	    mono_is_never(d->query_at) && mono_is_never(d->known_at))
		detail_free(link, g);
}

static struct group *group_new(struct mld_link *link, mono_t now, const struct in6_addr *addr)
{
	struct mld_routers *set = link->set;
	struct group *g;

	if (link->groups.count >= link->conf.groups_max) {
		link_count(link, MLD_ROUTER_LIMIT_GROUPS);
		return NULL;
	}
	if (!mem_room(link, sizeof(*g)))
		return NULL;
	g = pool_get(&set->groups);
	if (!g) {
		link_count(link, MLD_ROUTER_LIMIT_GROUPS);
		return NULL;
	}
	g->link = link->number;
	g->addr = *addr;
	g->mode = FILTER_INCLUDE;
	if (!due_set(set, g, tick_of(set, link_instant(now, link_listening(link))))) {
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
		pool_put(&set->groups, g);
		return NULL;
	}
	if (!itab_add(&link->groups, g)) {
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
		due_clear(set, g);
		pool_put(&set->groups, g);
		return NULL;
	}
	return g;
}

void group_release(struct mld_link *link, struct group *g)
{
	track_clear(link, g);
	detail_free(link, g);
	due_clear(link->set, g);
	pool_put(&link->set->groups, g);
}

void group_free(struct mld_link *link, struct group *g)
{
	itab_del(&link->groups, g);
	group_release(link, g);
}

struct source *group_source(const struct mld_link *link, const struct group *g, const struct in6_addr *s)
{
	const struct detail *d = group_has_detail(link->set, g);
	size_t lo = 0, hi = d ? d->n_sources : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = addr_cmp(&d->sources[mid].addr, s);

		if (c == 0)
			return &d->sources[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* `at`: the earliest of the source timers, or of those that have changed. */
static void arm_for(struct mld_link *link, struct group *g, mono_t at)
{
	struct mld_routers *set = link->set;
	const struct detail *d = group_has_detail(set, g);

	at = mono_min(at, group_filter_timer(set, g));
	if (d) {
		at = mono_min(at, d->query_at);
		if (timer_runs(d->v1_until))
			at = mono_min(at, d->v1_until);
	}
	/* Most reports only put timers off. The heap learns of that when the old instant comes: one visit per listening
	 * interval and group, instead of one per report. */
	if (!mono_is_never(at) && (!g->slot || tick_before(tick_of(set, at), g->deadline)))
		due_set(set, g, tick_of(set, at));
}

void group_arm(struct mld_link *link, struct group *g)
{
	const struct detail *d = group_has_detail(link->set, g);
	mono_t at = MONO_NEVER;

	for (uint32_t i = 0; d && i < d->n_sources; i++)
		if (timer_runs(d->sources[i].timer))
			at = mono_min(at, d->sources[i].timer);
	arm_for(link, g, at);
}

/* ---- a record ---- */

struct merge {
	struct mld_link *link;
	struct group *g;
	const struct row *row;
	mono_t now, mali, llqt, filter_timer;
	bool instant;  /* tracking may decide instead of a query */
	bool may_ask;  /* about sources: not for MLDv1, which has no such query */
	bool asked;    /* some source got into the retransmission list */
	bool changed;  /* what forwarding sees */
	uint32_t room; /* NEW sources that may still be added */
	struct source *out;
	uint32_t n;
	bool named;	 /* only sources that the record names were touched, */
	mono_t earliest; /* of whose timers this is the earliest */
};

static bool source_is_seen(uint8_t mode, mono_t timer)
{
	return (mode == FILTER_INCLUDE) == timer_runs(timer);
}

static enum part source_part(const struct source *old, bool named)
{
	if (!old)
		return NEW;
	if (timer_runs(old->timer))
		return named ? RUNS_NAMED : RUNS;
	return named ? ZERO_NAMED : ZERO;
}

/* One source through the row: `old` is its record, NULL for NEW. */
static void merge_source(struct merge *m, const struct in6_addr *addr, const struct source *old, bool named)
{
	struct mld_link *link = m->link;
	struct group *g = m->g;
	uint8_t act = m->row->act[source_part(old, named)];
	bool was_seen = old && source_is_seen(g->mode, old->timer);
	bool kept = (act & ~ASK) != DROP;
	struct source s = old ? *old : (struct source){.addr = *addr, .timer = TIMER_ZERO};

	switch ((enum act)(act & ~ASK)) {
	case DROP:
	case KEEP:
	case ASK:
		break;
	case TO_MALI:
		s.timer = m->mali;
		break;
	case TO_ZERO:
		s.timer = TIMER_ZERO;
		s.asks = 0;
		break;
	case TO_FT:
		s.timer = m->filter_timer;
		break;
	}
	if (act & ASK) {
		if (m->instant && !track_wants(link, g, addr, m->now)) {
			s.timer = TIMER_ZERO;
			s.asks = 0;
			kept = m->row->mode == FILTER_EXCLUDE;
		} else if (m->may_ask && mono_before(m->llqt, s.timer)) {
			s.timer = m->llqt;
			s.asks = link->conf.last_listener_count;
			s.spared = false;
			m->asked = true;
		}
	}
	if (kept && !old) {
		if (!m->room || m->n >= link->conf.sources_max) {
			link_count(link, MLD_ROUTER_LIMIT_SOURCES);
			return;
		}
		m->room--;
	}
	if (m->row->mode != g->mode || was_seen != (kept && source_is_seen(g->mode, s.timer)))
		m->changed = true;
	if (kept)
		m->out[m->n++] = s;
}

/* Both lists are sorted: one walk through the two. */
static void merge_walk(struct merge *m, const struct record *rec)
{
	const struct detail *d = group_has_detail(m->link->set, m->g);
	uint32_t n_old = d ? d->n_sources : 0, i = 0, j = 0;

	while (i < n_old || j < rec->n) {
		int c = i == n_old ? 1 : j == rec->n ? -1 : addr_cmp(&d->sources[i].addr, &rec->sources[j]);

		if (c <= 0)
			merge_source(m, &d->sources[i].addr, &d->sources[i], c == 0);
		else
			merge_source(m, &rec->sources[j], NULL, true);
		i += c <= 0;
		j += c >= 0;
	}
}

/* ---- the same, of a long list and a record that names few of it ---- */

/* Does the row leave alone what the record does not name? In INCLUDE mode all timers run. */
static bool row_leaves_others(const struct merge *m)
{
	const struct row *row = m->row;

	return row->mode == m->g->mode && row->act[RUNS] == KEEP &&
	       (row->act[ZERO] == KEEP || row->mode == FILTER_INCLUDE);
}

/* Room behind the list for those that the record adds. False: no memory. */
static bool named_reserve(struct merge *m, struct detail *d, const struct record *rec)
{
	struct source *more;
	uint32_t n = 0;

	for (uint32_t i = 0; m->row->act[NEW] != DROP && i < rec->n; i++)
		n += !group_source(m->link, m->g, &rec->sources[i]);
	if (n && !mem_room(m->link, n * sizeof(*d->sources)))
		return false;
	m->out = malloc(rec->n * sizeof(*m->out));
	more = m->out && n ? realloc(d->sources, (d->n_sources + n) * sizeof(*more)) : d->sources;
	if (m->out && more) {
		d->sources = more;
		return true;
	}
	free(m->out);
	m->out = NULL;
	link_count(m->link, MLD_ROUTER_LIMIT_MEMORY);
	return false;
}

/* Newcomers between the others, from the last one on: each source moves once. */
static void named_insert(struct detail *d, const struct source *v, uint32_t n)
{
	uint32_t end = d->n_sources;

	d->n_sources += n;
	while (n-- > 0) {
		uint32_t lo = 0, hi = end;

		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (addr_cmp(&d->sources[mid].addr, &v[n].addr) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		memmove(&d->sources[lo + n + 1], &d->sources[lo], (end - lo) * sizeof(*v));
		d->sources[lo + n] = v[n];
		end = lo;
	}
}

/* Those of an Include List whose timers were stopped. */
static void named_remove(struct detail *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n_sources; i++)
		if (timer_runs(d->sources[i].timer))
			d->sources[n++] = d->sources[i];
	d->n_sources = n;
}

static bool merge_named(struct merge *m, struct detail *d, const struct record *rec)
{
	uint32_t n_old = d->n_sources;
	bool gone = false;

	if (!named_reserve(m, d, rec))
		return false;
	m->named = true;
	m->earliest = MONO_NEVER;
	for (uint32_t i = 0; i < rec->n; i++) {
		struct source *old = group_source(m->link, m->g, &rec->sources[i]);
		uint32_t n = m->n;

		merge_source(m, &rec->sources[i], old, true);
		if (m->n > n && timer_runs(m->out[n].timer))
			m->earliest = mono_min(m->earliest, m->out[n].timer);
		if (!old)
			continue;
		if (m->n > n) {
			*old = m->out[n];
		} else {
			old->timer = TIMER_ZERO;
			gone = true;
		}
		m->n = n;
	}
	if (gone)
		named_remove(d);
	named_insert(d, m->out, m->n);
	free(m->out);
	m->out = NULL;
	m->link->set->extra += (size_t)d->n_sources * sizeof(*d->sources) - (size_t)n_old * sizeof(*d->sources);
	return true;
}

/* Put the merged list in the place of the old one. False: no memory, and nothing has changed. */
static bool merge_sources(struct merge *m, const struct record *rec)
{
	struct mld_link *link = m->link;
	struct group *g = m->g;
	struct detail *d = group_has_detail(link->set, g);
	uint32_t n_old = d ? d->n_sources : 0;
	bool adds = m->row->act[NEW] != DROP;
	size_t cap = n_old + (adds ? rec->n : 0);

	if (!cap)
		return true;
	d = group_detail(link, g);
	m->room = link->conf.sources_max;
	if (m->row->act[RUNS] != DROP)
		m->room -= n_old < m->room ? n_old : m->room;
	if (d && rec->n && rec->n <= n_old / 4 && row_leaves_others(m))
		return merge_named(m, d, rec);
	/* What adds nothing is never refused: it may be a leave. */
	if (!d || (cap > n_old && !mem_room(link, rec->n * sizeof(*m->out))))
		return false;
	m->out = malloc(cap * sizeof(*m->out));
	if (!m->out) {
		link_count(link, MLD_ROUTER_LIMIT_MEMORY);
		return false;
	}
	merge_walk(m, rec);
	mem_free(link->set, d->sources, n_old * sizeof(*d->sources));
	if (!m->n) {
		free(m->out);
		m->out = NULL;
	} else if (m->n < cap) {
		struct source *less = realloc(m->out, m->n * sizeof(*less));

		m->out = less ? less : m->out;
	}
	d->sources = m->out;
	d->n_sources = m->n;
	link->set->extra += m->n * sizeof(*d->sources);
	return true;
}

/* 7.5: nobody is left in EXCLUDE mode. The Requested List becomes the Include List. */
static void switch_to_include(struct mld_link *link, struct group *g)
{
	struct detail *d = group_has_detail(link->set, g);
	uint32_t n = 0;

	g->mode = FILTER_INCLUDE;
	if (d) {
		d->group_asks = 0;
		d->group_asked = false;
		for (uint32_t i = 0; i < d->n_sources; i++)
			if (timer_runs(d->sources[i].timer))
				d->sources[n++] = d->sources[i];
		link->set->extra -= (d->n_sources - n) * sizeof(*d->sources);
		d->n_sources = n;
	}
	track_to_include(link, g);
}

/* Free it when nobody listens any more, or give back what it does not need. `m` NULL: any timer may have changed. */
static void group_settle(struct mld_link *link, struct group *g, const struct merge *m)
{
	if (group_is_none(link, g)) {
		group_free(link, g);
		return;
	}
	if (m && m->named)
		arm_for(link, g, m->earliest);
	else
		group_arm(link, g);
	detail_trim(link, g);
}

static const struct row restore = {FILTER_EXCLUDE, false, false, {KEEP, KEEP, KEEP, TO_MALI, TO_MALI}};

/* Of many members: all at once, as if each had said just now what it listens to. */
static bool restore_named(struct mld_link *link, struct group *g, const struct detail *d, mono_t now)
{
	struct merge m = {
	    .link = link, .g = g, .row = &restore, .now = now, .mali = link_instant(now, link_listening(link))};
	struct record rec = {.type = MLD_ALLOW_NEW_SOURCES};
	struct in6_addr *sources;
	bool ok;

	if (!names_included(d, &sources, &rec.n))
		return false;
	rec.sources = sources;
	ok = merge_sources(&m, &rec);
	free(sources);
	return ok;
}

/* In EXCLUDE mode the Requested List loses sources that are forwarded anyway (7.2.3), and the RFC gives their listeners
 * time to say them again before a switch. A switch at once takes them from what is known of the hosts. False: no
 * memory. */
static bool restore_requested(struct mld_link *link, struct group *g, mono_t now)
{
	const struct detail *d = group_has_detail(link->set, g);

	if (d && d->names)
		return restore_named(link, g, d, now);
	for (uint32_t i = 0; d && i < d->n_members; i++) {
		const struct member *member = &d->members[i];
		struct record rec = {MLD_ALLOW_NEW_SOURCES, filter_sources(&member->filter),
				     (uint32_t)filter_count(&member->filter)};
		struct merge m = {.link = link, .g = g, .row = &restore, .now = now, .mali = member->expiry};

		if (mono_before(now, member->expiry) && !merge_sources(&m, &rec))
			return false;
	}
	return true;
}

/* The row's effects on the filter timer and the queries. */
static void record_finish(struct merge *m)
{
	struct mld_link *link = m->link;
	struct group *g = m->g;
	bool send = m->asked;

	if (m->row->mode != g->mode) {
		g->mode = m->row->mode;
		m->changed = true;
	}
	if (m->row->filter_timer) {
		group_set_filter_timer(link, g, m->mali);
		if (g->has_detail)
			group_has_detail(link->set, g)->group_asked = false;
	}
	if (m->row->ask_group) {
		if (m->instant && !track_wants_any(link, g, m->now) && restore_requested(link, g, m->now)) {
			switch_to_include(link, g);
			m->changed = true;
			m->named = false; /* what was restored has timers, too */
		} else if (link->querier) {
			send |= query_ask_group(link, g, m->now);
		}
	}
	if (m->changed) /* the data plane first */
		fx_change(link, g);
	if (send && !group_is_none(link, g))
		query_send_due(link, g, m->now);
	group_settle(link, g, m);
}

static void note_v1(struct mld_link *link, struct group *g, mono_t until)
{
	struct detail *d = group_detail(link, g);

	if (d)
		d->v1_until = until;
}

static bool record_adds(const struct record *rec)
{
	const struct row *row = &table[FILTER_INCLUDE][rec->type];

	return row->mode == FILTER_EXCLUDE || (rec->n && row->act[NEW] != DROP);
}

/* May it be a leave? */
static bool record_asks(const struct group *g, const struct record *rec)
{
	const struct row *row = &table[g->mode][rec->type];

	return row->ask_group || (row->act[RUNS] | row->act[RUNS_NAMED] | row->act[NEW]) & ASK;
}

/* Is it known of all hosts what they want? Hosts of MLDv1 keep silent when they hear another's report: they are known
 * only on a link that has one. */
static bool tracking_decides(struct mld_link *link, struct group *g, mono_t now)
{
	return link->conf.fast_leave && (!group_is_v1(link, g) || link->conf.querier_always) &&
	       track_ready(link, g, now);
}

/* Would another group be too many for the host? One reference is the caller's. */
static bool host_is_full(struct mld_link *link, const struct group *g, const struct host *host)
{
	if (!host || host->refs <= link->conf.host_groups_max || (g && track_has(link, g, host)))
		return false;
	link_count(link, MLD_ROUTER_LIMIT_HOST_GROUPS);
	return true;
}

void group_record(struct mld_link *link, struct now now, struct host *host, const struct in6_addr *addr,
		  struct record rec, bool v1)
{
	struct group *g = link_find(link, addr);
	bool whole = true;
	struct merge m;

	link->set->now = now.mono;
	/* Timers that ran out before this record go first, whether or not the caller has come round to it. */
	if (g && due_reached(g, now.mono)) {
		group_expire(link, g, now);
		g = link_find(link, addr);
	}
	if (!fx_room(link) || (record_adds(&rec) && host_is_full(link, g, host)))
		return;
	if (!g) {
		if (!record_adds(&rec))
			return;
		g = group_new(link, now.mono, addr);
		if (!g)
			return;
	}
	if (v1 && rec.type == MLD_MODE_IS_EXCLUDE)
		note_v1(link, g, link_instant(now.mono, link_listening(link)));
	if (group_is_v1(link, g)) { /* 8.3.2 */
		if (rec.type == MLD_BLOCK_OLD_SOURCES)
			return;
		if (rec.type == MLD_CHANGE_TO_EXCLUDE)
			rec.n = 0;
	}
	track_record(link, g, host, rec, now.mono, &whole);
	m = (struct merge){
	    .link = link,
	    .g = g,
	    .row = &table[g->mode][rec.type],
	    .now = now.mono,
	    .mali = link_instant(now.mono, link_listening(link)),
	    .llqt = link_instant(now.mono, link_last_listener(link)),
	    .filter_timer = group_filter_timer(link->set, g),
	    .may_ask = link->querier && !link->conf.v1_mode,
	    .instant = whole && record_asks(g, &rec) && tracking_decides(link, g, now.mono),
	};
	if (!merge_sources(&m, &rec)) {
		group_settle(link, g, NULL);
		return;
	}
	record_finish(&m);
}

/* ---- time ---- */

/* Source timers that have run out. In INCLUDE mode the source goes, in EXCLUDE mode it is blocked from now on. */
static bool expire_sources(struct mld_link *link, struct group *g, struct detail *d, mono_t now)
{
	struct in6_addr few[16], *gone = few;
	size_t n_gone = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n_sources; i++)
		n_gone += timer_runs(d->sources[i].timer) && mono_reached(d->sources[i].timer, now);
	if (!n_gone)
		return false;
	if (n_gone > sizeof(few) / sizeof(*few))
		gone = malloc(n_gone * sizeof(*gone));
	n_gone = 0;
	for (uint32_t i = 0; i < d->n_sources; i++) {
		struct source s = d->sources[i];

		if (timer_runs(s.timer) && mono_reached(s.timer, now)) {
			s.timer = TIMER_ZERO;
			s.asks = 0;
			if (gone)
				gone[n_gone++] = s.addr;
		}
		if (g->mode == FILTER_EXCLUDE || timer_runs(s.timer))
			d->sources[n++] = s;
	}
	link->set->extra -= (d->n_sources - n) * sizeof(*d->sources);
	d->n_sources = n;
	if (gone) /* else the hosts' filters stay too wide, which is allowed */
		track_forget_sources(link, g, gone, n_gone);
	if (gone != few)
		free(gone);
	return true;
}

void group_expire(struct mld_link *link, struct group *g, struct now now)
{
	struct detail *d = group_has_detail(link->set, g);
	bool changed = false;

	if (!fx_room(link)) { /* later, rather than untold */
		due_set(link->set, g, tick_of(link->set, link_instant(now.mono, span_s(1))));
		return;
	}
	track_prune(link, g, now.mono);
	(void)track_knows_all(g, d, now.mono);
	if (d)
		changed = expire_sources(link, g, d, now.mono);
	if (g->mode == FILTER_EXCLUDE && mono_reached(group_filter_timer(link->set, g), now.mono)) {
		switch_to_include(link, g);
		changed = true;
	}
	if (d && timer_runs(d->v1_until) && mono_reached(d->v1_until, now.mono))
		d->v1_until = TIMER_ZERO;
	if (changed)
		fx_change(link, g);
	if (d && mono_reached(d->query_at, now.mono) && !group_is_none(link, g))
		query_send_due(link, g, now.mono);
	/* A report may come before the caller's loop takes this one out of the heap. */
	due_clear(link->set, g);
	group_settle(link, g, NULL);
}
