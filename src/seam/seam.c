/* SPDX-License-Identifier: BSD-2-Clause */
#include "seam/seam.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/htab.h"

/* A peer chooses what it forwards: no more of either for one node. */
#define STREAMS_MAX 1024
#define GROUPS_MAX 1024

enum timer { TIMER_STREAM, TIMER_GROUP, TIMER_NO_EDGE, TIMER_AGE };

enum edge {
	EDGE_UNKNOWN, /* everything waits */
	EDGE_MARKED,
	EDGE_NONE, /* the anchor does not mark */
};

struct group {
	struct list entry; /* seam.groups */
	struct list streams;
	struct in6_addr addr;
	enum edge edge;
	uint32_t label;
	int32_t past;		/* how far past the edge the native path is */
	mono_t since;		/* when the edge became known */
	bool settled;		/* no stream that was not seen by now can have packets of before the edge */
	struct deadline settle;
};

struct stream {
	struct hnode by_key;
	struct list of_group, ready; /* ready: seam.ready, or alone */
	struct seam *seam;
	struct group *group; /* NULL: unicast */
	struct seam_stream key;
	struct list queue[SEAM_PATHS];
	uint32_t last, edge; /* labels of the forwarded path, counted on past its 8 bits: the last one, and the edge */
	bool forwarded_seen, ended; /* ended: the forwarded part */
	bool native_past;	    /* the native path is past the edge: no packet of before it will come there */
	bool native_out;	    /* a native packet has gone */
	mono_t heard[SEAM_PATHS];   /* the last one on each */
	struct deadline silence;
};

struct seam {
	struct seam_limits limits;
	uint64_t *counts;
	struct htab streams;
	struct list groups, all, ready;
	struct heap heap;
	struct deadline age, no_edge;
	struct stream unicast;
	uint32_t packets, octets, n_groups;
	enum edge rest_edge; /* of groups of which nothing was said */
	uint32_t rest_label;
	bool arrived, moved;
	mono_t arrival, move;
};

const char *seam_count_name(enum seam_count c)
{
	switch (c) {
	case SEAM_COUNT_PASSED:
		return "seam-passed";
	case SEAM_COUNT_HELD:
		return "seam-held";
	case SEAM_COUNT_RELEASED:
		return "seam-released";
	case SEAM_COUNT_BEFORE_EDGE:
		return "seam-before-edge";
	case SEAM_COUNT_PAST_EDGE:
		return "seam-past-edge";
	case SEAM_COUNT_OVERFLOW:
		return "seam-overflow";
	case SEAM_COUNT_AGED:
		return "seam-aged";
	case SEAM_COUNT_ENDED:
		return "seam-ended";
	case SEAM_COUNT_LATE:
		return "seam-late";
	case SEAM_COUNT_WAIT:
		return "seam-wait";
	case SEAM_COUNT_UNMARKED:
		return "seam-unmarked";
	case SEAM_COUNTS:
		break;
	}
	return "?";
}

/* ---- labels: they grow ------------------------------------------------------------------------------- */

/* How far a native one lies past the edge; negative: before it. Modulo 2^20. */
static int32_t past_edge(const struct group *g, uint32_t label)
{
	return (int32_t)((label - g->label) << 12) >> 12;
}

/* The number with these low 8 bits that is nearest to `at`. */
static uint32_t nearest(uint32_t at, uint32_t low) { return at + (uint32_t)(int8_t)(uint8_t)(low - at); }

/* Of a forwarded one only the low 8 bits came. Where many nodes go at once a group is marked more often than they count,
 * but hardly so between one packet and the next: of this stream, or of the group by the native path, where the same labels
 * come somewhat earlier or later. */
static uint32_t forwarded_label(struct stream *st, uint32_t low)
{
	uint32_t native = st->edge + (uint32_t)st->group->past;

	if (st->group->edge == EDGE_MARKED && (int32_t)(native - st->last) > 0)
		st->last = native;
	st->last = nearest(st->last, low);
	return st->last;
}

static bool before(const struct stream *st, enum seam_path path, uint32_t label)
{
	return (path == SEAM_NATIVE ? past_edge(st->group, label) : (int32_t)(label - st->edge)) < 0;
}

/* The edge has become known, and is near to what was forwarded last. */
static void place_edge(struct stream *st)
{
	st->edge = st->forwarded_seen ? nearest(st->last, st->group->label) : st->group->label;
	if (!st->forwarded_seen)
		st->last = st->edge;
}

/* ---- what is held ------------------------------------------------------------------------------------- */

static void set_timer(struct seam *s, struct deadline *d, mono_t at)
{
	heap_set(&s->heap, d, at); /* without memory it stays unset: what waits for it waits for the handover's end */
}

static void age_timer(struct seam *s)
{
	struct list *first = list_first(&s->all);

	if (first)
		set_timer(s, &s->age, mono_add(list_owner(first, struct seam_packet, all)->since, s->limits.age));
	else
		heap_clear(&s->heap, &s->age);
}

/* The packet that is to go next of this stream, or NULL. */
static struct seam_packet *head_of(const struct stream *st)
{
	struct list *e;

	if (!st->seam->arrived || (st->group && st->group->edge == EDGE_UNKNOWN))
		return NULL;
	e = list_first(&st->queue[SEAM_FORWARDED]);
	if (!e && st->ended)
		e = list_first(&st->queue[SEAM_NATIVE]);
	return e ? list_owner(e, struct seam_packet, queue) : NULL;
}

static void judge_ready(struct stream *st)
{
	bool in = !list_empty(&st->ready), want = head_of(st);

	if (want && !in)
		list_add(&st->seam->ready, &st->ready);
	else if (!want && in)
		list_del(&st->ready);
}

static bool pool_has(const struct seam *s, uint32_t len)
{
	const struct seam_pool *pool = s->limits.pool;

	return !pool || pool->octets + sizeof(struct seam_packet) + len <= pool->max;
}

static void pool_count(const struct seam *s, const struct seam_packet *p, bool in)
{
	struct seam_pool *pool = s->limits.pool;

	if (pool && in)
		pool->octets += sizeof(*p) + p->len;
	else if (pool)
		pool->octets -= sizeof(*p) + p->len;
}

static void take_out(struct seam *s, struct seam_packet *p)
{
	bool first = list_first(&s->all) == &p->all;

	list_del(&p->all);
	list_del(&p->queue);
	s->packets--;
	s->octets -= p->len;
	pool_count(s, p, false);
	if (first)
		age_timer(s);
}

static void discard(struct seam *s, struct seam_packet *p, enum seam_count why)
{
	struct stream *st = p->of;

	s->counts[why]++;
	take_out(s, p);
	free(p);
	judge_ready(st);
}

static void discard_oldest(struct seam *s, enum seam_count why)
{
	discard(s, list_owner(list_first(&s->all), struct seam_packet, all), why);
}

static enum seam_verdict hold(struct stream *st, mono_t now, enum seam_path path, uint32_t label, const uint8_t *bytes,
			      uint32_t len)
{
	struct seam *s = st->seam;
	struct seam_packet *p;

	while (s->packets && (s->packets >= s->limits.packets || s->octets + len > s->limits.octets || !pool_has(s, len)))
		discard_oldest(s, SEAM_COUNT_OVERFLOW);
	p = len <= s->limits.octets && s->limits.packets && pool_has(s, len) ? malloc(sizeof(*p) + len) : NULL;
	if (!p) {
		s->counts[SEAM_COUNT_OVERFLOW]++;
		return SEAM_DROP;
	}
	*p = (struct seam_packet){.of = st, .since = now, .path = path, .label = label, .len = len};
	memcpy(p->bytes, bytes, len);
	list_add(&s->all, &p->all);
	list_add(&st->queue[path], &p->queue);
	s->packets++;
	s->octets += len;
	pool_count(s, p, true);
	s->counts[SEAM_COUNT_HELD]++;
	if (s->packets == 1)
		age_timer(s);
	judge_ready(st);
	return SEAM_HELD;
}

/* ---- streams and groups ------------------------------------------------------------------------------- */

static void stream_init(struct stream *st, struct seam *s, struct group *g)
{
	st->seam = s;
	st->group = g;
	for (int i = 0; i < SEAM_PATHS; i++)
		list_init(&st->queue[i]);
	list_init(&st->ready);
	list_init(&st->of_group);
	deadline_init(&st->silence, TIMER_STREAM);
	for (int i = 0; i < SEAM_PATHS; i++)
		st->heard[i].ns = INT64_MIN;
}

/* When the silence on the forwarded path began that ends its part, or after that the one on the native path that shows it
 * to be past the edge. False: it does not count yet, or no more. */
static bool silence_since(const struct stream *st, mono_t *ret)
{
	const struct seam *s = st->seam;
	mono_t t;

	if (st->ended && st->native_past)
		return false;
	if (!st->group) {
		if (!s->moved)
			return false;
		t = s->move;
	} else if (st->group->edge == EDGE_MARKED) {
		t = st->group->since;
	} else if (st->group->edge == EDGE_NONE && s->arrived) {
		t = mono_max(s->arrival, st->group->since);
	} else {
		return false;
	}
	*ret = mono_max(t, st->heard[st->ended ? SEAM_NATIVE : SEAM_FORWARDED]);
	return true;
}

static void silence_timer(struct stream *st)
{
	mono_t t;

	if (silence_since(st, &t))
		set_timer(st->seam, &st->silence, mono_add(t, st->seam->limits.wait));
	else
		heap_clear(&st->seam->heap, &st->silence);
}

static void end_forwarded(struct stream *st)
{
	if (st->ended)
		return;
	st->ended = true;
	st->native_past |= !st->group || st->group->edge == EDGE_NONE;
	silence_timer(st);
	judge_ready(st);
}

static void drop_queue(struct stream *st, enum seam_path path, enum seam_count why)
{
	while (!list_empty(&st->queue[path]))
		discard(st->seam, list_owner(list_first(&st->queue[path]), struct seam_packet, queue), why);
}

/* The edge has become known: what was held without it is judged. */
static void judge_marked(struct stream *st)
{
	for (int path = 0; path < SEAM_PATHS; path++) {
		list_each_safe(e, &st->queue[path]) {
			struct seam_packet *p = list_owner(e, struct seam_packet, queue);
			bool early = before(st, (enum seam_path)path, p->label);

			if (path == SEAM_NATIVE && early) {
				discard(st->seam, p, SEAM_COUNT_BEFORE_EDGE);
			} else if (path == SEAM_NATIVE) {
				st->native_past = true;
			} else if (!early) {
				discard(st->seam, p, SEAM_COUNT_PAST_EDGE);
				end_forwarded(st);
			}
		}
	}
}

/* Without a mark the forwarded path serves until the node is there and native packets come. */
static void judge_unmarked(struct stream *st)
{
	if (st->forwarded_seen)
		drop_queue(st, SEAM_NATIVE, SEAM_COUNT_UNMARKED);
	else if (st->seam->arrived && !list_empty(&st->queue[SEAM_NATIVE]))
		end_forwarded(st);
}

static void judge_stream(struct stream *st)
{
	if (st->group && st->group->edge == EDGE_MARKED)
		judge_marked(st);
	else if (st->group && st->group->edge == EDGE_NONE)
		judge_unmarked(st);
	silence_timer(st);
	judge_ready(st);
}

static void group_settle_timer(struct seam *s, struct group *g)
{
	if (g->edge == EDGE_MARKED)
		set_timer(s, &g->settle, mono_add(g->since, s->limits.wait));
	else if (g->edge == EDGE_NONE && s->arrived)
		set_timer(s, &g->settle, mono_add(mono_max(g->since, s->arrival), s->limits.wait));
}

static void group_set(struct seam *s, struct group *g, mono_t now, enum edge edge, uint32_t label)
{
	/* The first one stands: by it packets have been let through already. */
	if (edge == EDGE_UNKNOWN || g->edge == EDGE_MARKED || (g->edge == EDGE_NONE && (s->arrived || edge == EDGE_NONE)))
		return;
	g->edge = edge;
	g->label = label;
	g->since = now;
	group_settle_timer(s, g);
	list_each(e, &g->streams) {
		place_edge(list_owner(e, struct stream, of_group));
		judge_stream(list_owner(e, struct stream, of_group));
	}
}

static struct group *group_of(const struct seam *s, const struct in6_addr *addr)
{
	list_each(e, &s->groups) {
		struct group *g = list_owner(e, struct group, entry);

		if (addr_eq(&g->addr, addr))
			return g;
	}
	return NULL;
}

static struct group *group_get(struct seam *s, mono_t now, const struct in6_addr *addr)
{
	struct group *g = group_of(s, addr);

	if (g)
		return g;
	g = s->n_groups < GROUPS_MAX ? calloc(1, sizeof(*g)) : NULL;
	if (!g)
		return NULL;
	g->addr = *addr;
	list_init(&g->streams);
	deadline_init(&g->settle, TIMER_GROUP);
	list_add(&s->groups, &g->entry);
	s->n_groups++;
	group_set(s, g, now, s->rest_edge, s->rest_label);
	return g;
}

static struct stream *stream_of(const struct seam *s, const struct seam_stream *key)
{
	uint64_t h = htab_hash(&s->streams, key, sizeof(*key));

	for (struct hnode *n = htab_first(&s->streams, h); n; n = htab_same(n)) {
		struct stream *st = hnode_owner(n, struct stream, by_key);

		if (!memcmp(&st->key, key, sizeof(*key)))
			return st;
	}
	return NULL;
}

static struct stream *stream_get(struct seam *s, mono_t now, const struct seam_stream *key)
{
	struct stream *st;
	struct group *g;

	if (addr_is_any(&key->group))
		return &s->unicast;
	st = stream_of(s, key);
	if (st)
		return st;
	g = group_get(s, now, &key->group);
	st = g && s->streams.count < STREAMS_MAX ? calloc(1, sizeof(*st)) : NULL;
	if (!st)
		return NULL;
	stream_init(st, s, g);
	st->key = *key;
	/* Whatever of it was forwarded has come. */
	st->ended = g->settled;
	if (!htab_add(&s->streams, &st->by_key, htab_hash(&s->streams, key, sizeof(*key)))) {
		free(st);
		return NULL;
	}
	list_add(&g->streams, &st->of_group);
	place_edge(st);
	silence_timer(st);
	return st;
}

/* ---- packets ------------------------------------------------------------------------------------------ */

/* On, at once if nothing of the stream is to go before it. */
static enum seam_verdict onward(struct stream *st, mono_t now, enum seam_path path, uint32_t label, const uint8_t *bytes,
				uint32_t len)
{
	bool may = st->seam->arrived && list_empty(&st->queue[SEAM_FORWARDED]) &&
		   (path == SEAM_FORWARDED || (st->ended && list_empty(&st->queue[SEAM_NATIVE])));

	if (!may)
		return hold(st, now, path, label, bytes, len);
	st->native_out |= path == SEAM_NATIVE;
	st->seam->counts[SEAM_COUNT_PASSED]++;
	return SEAM_PASS;
}

static enum seam_verdict drop(struct stream *st, enum seam_count why)
{
	st->seam->counts[why]++;
	return SEAM_DROP;
}

static enum seam_verdict put_native(struct stream *st, mono_t now, uint32_t label, const uint8_t *bytes, uint32_t len)
{
	const struct group *g = st->group;

	st->heard[SEAM_NATIVE] = now;
	if (!g) {
		seam_moved(st->seam, now); /* it shows */
		return onward(st, now, SEAM_NATIVE, label, bytes, len);
	}
	switch (g->edge) {
	case EDGE_UNKNOWN:
		return hold(st, now, SEAM_NATIVE, label, bytes, len);
	case EDGE_MARKED:
		if (before(st, SEAM_NATIVE, label)) {
			silence_timer(st);
			return drop(st, SEAM_COUNT_BEFORE_EDGE);
		}
		if (past_edge(g, label) > st->group->past)
			st->group->past = past_edge(g, label);
		st->native_past = true;
		break;
	case EDGE_NONE:
		if (!st->seam->arrived && st->forwarded_seen)
			return drop(st, SEAM_COUNT_UNMARKED);
		if (st->seam->arrived)
			end_forwarded(st);
		break;
	}
	return onward(st, now, SEAM_NATIVE, label, bytes, len);
}

static enum seam_verdict put_forwarded(struct stream *st, mono_t now, uint32_t label, const uint8_t *bytes, uint32_t len)
{
	const struct group *g = st->group;

	label = g ? forwarded_label(st, label) : 0;
	st->forwarded_seen = true;
	st->heard[SEAM_FORWARDED] = now;
	if (g && g->edge == EDGE_UNKNOWN) /* the edge may lie before it */
		return hold(st, now, SEAM_FORWARDED, label, bytes, len);
	if (g && g->edge == EDGE_MARKED && !before(st, SEAM_FORWARDED, label)) {
		end_forwarded(st);
		return drop(st, SEAM_COUNT_PAST_EDGE);
	}
	if (g && g->edge == EDGE_NONE) {
		if (st->ended)
			return drop(st, SEAM_COUNT_UNMARKED);
		drop_queue(st, SEAM_NATIVE, SEAM_COUNT_UNMARKED);
	}
	silence_timer(st);
	if (st->native_out)
		st->seam->counts[SEAM_COUNT_LATE]++;
	return onward(st, now, SEAM_FORWARDED, label, bytes, len);
}

enum seam_verdict seam_put(struct seam *s, mono_t now, enum seam_path path, const struct seam_stream *stream, uint32_t label,
			   const uint8_t *bytes, uint32_t len)
{
	struct stream *st = stream_get(s, now, stream);

	if (!st) {
		s->counts[SEAM_COUNT_OVERFLOW]++;
		return SEAM_DROP;
	}
	return path == SEAM_NATIVE ? put_native(st, now, label, bytes, len) : put_forwarded(st, now, label, bytes, len);
}

struct seam_packet *seam_pop(struct seam *s, mono_t now)
{
	struct list *e = list_first(&s->ready);
	struct stream *st = e ? list_owner(e, struct stream, ready) : NULL;
	struct seam_packet *p = st ? head_of(st) : NULL;

	(void)now;
	if (!p)
		return NULL;
	take_out(s, p);
	st->native_out |= p->path == SEAM_NATIVE;
	s->counts[SEAM_COUNT_RELEASED]++;
	/* The streams take turns. */
	list_del(&st->ready);
	judge_ready(st);
	return p;
}

bool seam_ready(const struct seam *s) { return !list_empty(&s->ready); }

/* ---- what happens ------------------------------------------------------------------------------------- */

bool seam_edge(struct seam *s, mono_t now, const struct in6_addr *group, bool marked, uint32_t label)
{
	enum edge edge = marked ? EDGE_MARKED : EDGE_NONE;
	struct group *g;

	if (!addr_is_any(group)) {
		g = group_get(s, now, group);
		if (g)
			group_set(s, g, now, edge, label);
		return g;
	}
	s->rest_edge = edge;
	s->rest_label = label;
	list_each(e, &s->groups) {
		g = list_owner(e, struct group, entry);
		if (g->edge == EDGE_UNKNOWN)
			group_set(s, g, now, edge, label);
	}
	return true;
}

void seam_end_marker(struct seam *s, mono_t now)
{
	end_forwarded(&s->unicast);
	seam_moved(s, now);
}

void seam_moved(struct seam *s, mono_t now)
{
	if (s->moved)
		return;
	s->moved = true;
	s->move = now;
	silence_timer(&s->unicast);
}

void seam_arrive(struct seam *s, mono_t now)
{
	if (s->arrived)
		return;
	s->arrived = true;
	s->arrival = now;
	list_each(e, &s->groups) {
		struct group *g = list_owner(e, struct group, entry);

		group_settle_timer(s, g);
		list_each(se, &g->streams)
			judge_stream(list_owner(se, struct stream, of_group));
	}
	judge_ready(&s->unicast);
	set_timer(s, &s->no_edge, mono_add(now, s->limits.wait));
}

void seam_finish(struct seam *s, mono_t now)
{
	static const struct in6_addr any;

	seam_edge(s, now, &any, false, 0);
	list_each(e, &s->groups)
		list_each(se, &list_owner(e, struct group, entry)->streams)
			end_forwarded(list_owner(se, struct stream, of_group));
	end_forwarded(&s->unicast);
}

/* Only what still waits is too old; what is being released has its turn in a moment. */
static void expire_age(struct seam *s, mono_t now)
{
	list_each_safe(e, &s->all) {
		struct seam_packet *p = list_owner(e, struct seam_packet, all);

		if (mono_sub(now, p->since).ns < s->limits.age.ns) {
			set_timer(s, &s->age, mono_add(p->since, s->limits.age));
			return;
		}
		if (list_empty(&p->of->ready))
			discard(s, p, SEAM_COUNT_AGED);
	}
	if (s->packets) /* all of them old, and on their way out */
		set_timer(s, &s->age, mono_add(now, s->limits.age));
}

static void expire_one(struct seam *s, struct deadline *d, mono_t now)
{
	static const struct in6_addr any;
	struct stream *st;

	switch ((enum timer)d->kind) {
	case TIMER_STREAM:
		st = deadline_owner(d, struct stream, silence);
		if (st->ended) {
			st->native_past = true;
		} else {
			s->counts[SEAM_COUNT_WAIT]++;
			end_forwarded(st);
		}
		return;
	case TIMER_GROUP:
		deadline_owner(d, struct group, settle)->settled = true;
		return;
	case TIMER_NO_EDGE: /* the node is there, and no edge: as if there were none */
		if (s->rest_edge == EDGE_UNKNOWN)
			seam_edge(s, now, &any, false, 0);
		return;
	case TIMER_AGE:
		expire_age(s, now);
		return;
	}
}

mono_t seam_next_deadline(const struct seam *s) { return heap_next(&s->heap); }

void seam_expire(struct seam *s, mono_t now)
{
	struct deadline *d;

	while ((d = heap_pop_due(&s->heap, now)))
		expire_one(s, d, now);
}

/* ---- state -------------------------------------------------------------------------------------------- */

static bool stream_closed(const struct stream *st)
{
	return st->seam->arrived && st->ended && st->native_past && list_empty(&st->queue[SEAM_NATIVE]) &&
	       list_empty(&st->queue[SEAM_FORWARDED]);
}

bool seam_is_closed(const struct seam *s, const struct seam_stream *stream)
{
	const struct group *g = group_of(s, &stream->group);
	const struct stream *st;

	if (!s->arrived)
		return false;
	if (!g)
		return s->rest_edge != EDGE_UNKNOWN && mono_is_never(s->no_edge.at);
	if (!addr_is_any(&stream->source)) {
		st = stream_of(s, stream);
		return st ? stream_closed(st) : g->settled;
	}
	list_each(e, &g->streams)
		if (!stream_closed(list_owner(e, struct stream, of_group)))
			return false;
	return g->settled;
}

bool seam_unicast_is_closed(const struct seam *s) { return s->moved && stream_closed(&s->unicast); }

uint32_t seam_held(const struct seam *s, uint32_t *octets)
{
	*octets = s->octets;
	return s->packets;
}

/* ---- life --------------------------------------------------------------------------------------------- */

struct seam *seam_new(const struct seam_limits *limits, uint64_t seed, uint64_t *counts)
{
	struct seam *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->limits = *limits;
	s->counts = counts;
	htab_init(&s->streams, seed);
	heap_init(&s->heap);
	list_init(&s->groups);
	list_init(&s->all);
	list_init(&s->ready);
	deadline_init(&s->age, TIMER_AGE);
	deadline_init(&s->no_edge, TIMER_NO_EDGE);
	stream_init(&s->unicast, s, NULL);
	return s;
}

struct seam *seam_free(struct seam *s)
{
	if (!s)
		return NULL;
	while (s->packets)
		discard_oldest(s, SEAM_COUNT_ENDED);
	list_each_safe(e, &s->groups) {
		struct group *g = list_owner(e, struct group, entry);

		list_each_safe(se, &g->streams) {
			struct stream *st = list_owner(se, struct stream, of_group);

			heap_clear(&s->heap, &st->silence);
			htab_del(&s->streams, &st->by_key);
			free(st);
		}
		heap_clear(&s->heap, &g->settle);
		free(g);
	}
	heap_clear(&s->heap, &s->age);
	heap_clear(&s->heap, &s->no_edge);
	heap_clear(&s->heap, &s->unicast.silence);
	htab_deinit(&s->streams);
	heap_deinit(&s->heap);
	free(s);
	return NULL;
}
