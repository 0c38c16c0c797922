/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A slow obvious model of a listener (RFC 3810 6), for the randomised test of the host side: sets are rows of booleans,
 * and what is to be said of a group is written as the RFC writes it, counters and all. */
#include "mld/testing.h"

#define SOURCES 100
#define QUERIES 6 /* that are outstanding about one group at most */
#define MTU	1280
#define IN_FULL ((MTU - 40 - 8 - 8 - 20) / 16) /* sources of a record that fills a packet */

/* ---- sets ---- */

struct set {
	bool of[SOURCES];
};

static inline bool set_eq(const struct set *a, const struct set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline unsigned set_count(const struct set *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		n += s->of[i];
	return n;
}

/* What a list leaves when an EXCLUDE record is full (5.2.15): its first sources. */
static inline struct set set_cut(struct set s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		s.of[i] = s.of[i] && n++ < IN_FULL;
	return s;
}

/* A filter mode and a list, of a listener or as a router has understood it. */
struct state {
	bool exclude;
	struct set list;
};

static inline bool state_accepts(const struct state *s, unsigned source)
{
	return s->list.of[source] != s->exclude;
}

static inline bool state_is_none(const struct state *s)
{
	return !s->exclude && !set_count(&s->list);
}

static inline bool state_eq(const struct state *a, const struct state *b)
{
	return a->exclude == b->exclude && set_eq(&a->list, &b->list);
}

/* Does `a` let pass all that `b` does? */
static inline bool state_covers(const struct state *a, const struct state *b)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (state_accepts(b, i) && !state_accepts(a, i))
			return false;
	return a->exclude || !b->exclude;
}

/* A router understands a record, of the only listener and at once: no timers. */
static inline void state_learn(struct state *s, enum mld_record_type type, const struct set *list)
{
	switch (type) {
	case MLD_CHANGE_TO_INCLUDE:
	case MLD_MODE_IS_EXCLUDE:
	case MLD_CHANGE_TO_EXCLUDE:
		*s = (struct state){type != MLD_CHANGE_TO_INCLUDE, *list};
		break;
	case MLD_MODE_IS_INCLUDE:
	case MLD_ALLOW_NEW_SOURCES:
	case MLD_BLOCK_OLD_SOURCES:
		for (unsigned i = 0; i < SOURCES; i++)
			if (list->of[i])
				s->list.of[i] = (type == MLD_BLOCK_OLD_SOURCES) == s->exclude;
		break;
	}
}

/* ---- the model of a group ---- */

/* A specific query that has been heard. It binds until it is answered; one that came while the answer to a General
 * Query was pending may be satisfied by that (rule 1), and a change of state may leave nothing to answer. */
enum binding {
	MAY,
	MUST_OR_GENERAL,
	MUST
};

struct query {
	enum binding binding;
	int64_t at, end; /* the answer comes later than `at`, and not later than `end` */
	bool all;
	struct set asked;
};

struct model {
	struct state state;
	unsigned mode_left, left[SOURCES]; /* the retransmission counters of 6.1 */
	bool due;			   /* has changed since anything was said */
	int64_t said_at;
	struct query query[QUERIES];
	unsigned n_queries;
	struct state heard, deaf; /* what the two routers know */
	bool exact;		  /* the first of them knows no more and no less */
	unsigned missed;	  /* reports in a row that the second one missed */
};

/* What one fetch of reports says about a group: records by type, all pieces of one put together. */
struct said {
	unsigned n[7], n_v1, n_done;
	struct set list[7];
};

/* Is anything still to be said again? */
static inline bool pending(const struct model *m)
{
	bool any = m->mode_left > 0;

	for (unsigned i = 0; i < SOURCES; i++)
		any = any || m->left[i];
	return any;
}

static inline void forget_counters(struct model *m)
{
	m->mode_left = 0;
	memset(m->left, 0, sizeof(m->left));
}

/* 6.1: the difference goes into the counters. In MLDv1 mode only the first and the last listening state count (8.2.1).
 */
static inline void model_change(struct model *m, struct state to, unsigned robustness, bool v1)
{
	struct state from = m->state;

	m->state = to;
	for (unsigned i = 0; i < m->n_queries; i++)
		m->query[i].binding = MAY;
	if (v1) {
		if (state_is_none(&from) != state_is_none(&to)) {
			m->mode_left = state_is_none(&to) ? 1 : robustness;
			m->due = true;
		}
		return;
	}
	m->due = true;
	if (from.exclude != to.exclude) {
		forget_counters(m); /* the next reports have the whole list */
		m->mode_left = robustness;
		return;
	}
	for (unsigned i = 0; i < SOURCES; i++)
		if (from.list.of[i] != to.list.of[i])
			m->left[i] = robustness;
}

/* All as if it had just been joined; what is being taken back is told as well. */
static inline void model_announce(struct model *m, unsigned robustness)
{
	if (state_is_none(&m->state) && !pending(m))
		return;
	m->due = true;
	if (m->state.exclude || state_is_none(&m->state)) {
		forget_counters(m);
		m->mode_left = robustness;
		return;
	}
	for (unsigned i = 0; i < SOURCES; i++)
		if (m->state.list.of[i])
			m->left[i] = robustness;
}

/* The State Change Report that is to be sent now: the tables of 6.1 and 6.3. */
static inline struct said compose(const struct model *m)
{
	struct said s = {0};

	if (m->mode_left) {
		enum mld_record_type type = m->state.exclude ? MLD_CHANGE_TO_EXCLUDE : MLD_CHANGE_TO_INCLUDE;

		s.n[type] = 1;
		s.list[type] = m->state.exclude ? set_cut(m->state.list) : m->state.list;
		return s;
	}
	for (unsigned i = 0; i < SOURCES; i++) {
		enum mld_record_type type = state_accepts(&m->state, i) ? MLD_ALLOW_NEW_SOURCES : MLD_BLOCK_OLD_SOURCES;

		if (m->left[i])
			s.n[type] = s.list[type].of[i] = true;
	}
	return s;
}

static inline void count_down(struct model *m)
{
	m->mode_left -= m->mode_left > 0;
	for (unsigned i = 0; i < SOURCES; i++)
		m->left[i] -= m->left[i] > 0;
}

/* The Current State Record about the asked sources (6.3), or about all. */
static inline struct state answer(const struct state *s, bool all, const struct set *asked)
{
	struct state a = *s;

	if (!all) {
		a.exclude = false;
		for (unsigned i = 0; i < SOURCES; i++)
			a.list.of[i] = asked->of[i] && state_accepts(s, i);
	}
	return a;
}

static inline struct state query_answer(const struct model *m, const struct query *q)
{
	return answer(&m->state, q->all, &q->asked);
}
