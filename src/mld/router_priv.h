/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the router part: the objects, and what its files call of each other.
 *
 *   router.c        the set, its links, their readers, the queue of effects
 *   router_link.c   General Queries, querier election, dispatch of what is heard
 *   router_group.c  a group's state: the tables of RFC 3810 7.4 and its timers
 *   router_query.c  specific queries and their retransmission (7.6.3)
 *   router_host.c   explicit tracking: which host asked for what
 *   router_member.c the members of a group by host
 *   router_names.c  the sources that they name
 *
 *   router_heap.c   the groups' deadlines
 *
 * A group with one any-source listener is `struct group` alone, 40 octets, because a set may hold a million of them;
 * everything that few groups have is in `struct detail`. What it names it names by numbers, and its instants are counted in
 * milliseconds, modulo 2^32: none of them is further than days from now. */
#include "base/heap.h"
#include "base/htab.h"
#include "base/itab.h"
#include "base/limiter.h"
#include "base/list.h"
#include "base/pool.h"
#include "mld/router.h"

/* A source timer that stands at zero: the source is in the Exclude List. */
#define TIMER_ZERO ((mono_t){INT64_MIN})

static inline bool timer_runs(mono_t t)
{
	return t.ns != INT64_MIN;
}

struct mld_routers {
	struct mld_routers_conf conf;
	struct heap heap; /* of links */
	struct {
		uint32_t *v; /* numbers of groups */
		uint32_t n, cap;
	} due;
	mono_t now; /* not long ago: what a group's instants are near to */
	struct list links;
	struct mld_link **by_number; /* group.link; NULL where there is none */
	uint32_t n_links, n_numbers, hint;
	struct pool groups, hosts, details, names;
	struct itab_kind kind, names_kind;
	uint64_t seed;
	uint64_t counter[MLD_ROUTER_COUNTER_N];
	size_t extra; /* octets of source arrays, members and links */
	uint64_t member_looks; /* members looked at; for tests */
	const struct in6_addr *host, *group; /* whose message is handled, and of which group; NULL: nobody's, none */
	uint32_t noticed;		     /* bits of `notices` that wait */
	struct mld_router_notice notices[MLD_ROUTER_COUNTER_N];
	struct in6_addr *scratch; /* the record's sources, sorted */
	size_t scratch_cap;
	struct {
		uint8_t *bytes;
		size_t head, tail, cap;
	} fx;
};

#define FORMER_HOSTS 4 /* as many as may have the whole rate of a link by default; there is a link for each node */

struct mld_link {
	struct list node;
	struct mld_routers *set;
	struct deadline deadline;
	struct mld_router_conf conf; /* no zero left */
	struct in6_addr self;
	void *owner;
	uint16_t number;
	struct itab groups;
	struct htab hosts;
	/* In force: our own as querier, the querier's otherwise (5.1.8, 5.1.9). */
	uint8_t robustness;
	span_t query_interval;
	bool querier;
	struct in6_addr other; /* the querier, while we are not */
	uint8_t other_version;
	uint8_t startup_left;
	mono_t general_at;  /* next periodic General Query; never when not querier */
	mono_t other_until; /* Other Querier Present; never when querier */
	mono_t ask_at;	    /* repetition of mld_link_query() */
	struct limiter rate; /* of reports */
	struct {
		struct in6_addr addr;
		struct limiter rate;
	} former[FORMER_HOSTS]; /* hosts that are forgotten otherwise, and how many reports they may still send */
	unsigned ask_left;
	span_t ask_again, ask_resp;
	uint64_t counter[MLD_ROUTER_COUNTER_N];
};

struct host {
	struct hnode node;
	struct in6_addr addr;
	uint32_t refs; /* groups that it is a member of, and whoever handles its report */
	struct limiter rate; /* of reports */
};

/* What one host has asked for: never less than what it listens to, as far as its reports tell. */
struct member {
	struct host *host;
	mono_t expiry;
	struct filter filter;
};

struct source {
	struct in6_addr addr;
	mono_t timer;
	uint8_t asks; /* queries still to be sent about it */
	bool spared;  /* one of those sent did not count: it came too soon after the one before */
};

struct detail {
	uint32_t host; /* what group.who is without it */
	uint32_t prune_at; /* whole milliseconds: no member falls silent before; while there are any */
	struct source *sources; /* sorted */
	struct member *members; /* in no order; router_member.c */
	struct itab *names;	/* NULL: not kept; router_names.c */
	uint32_t n_sources, n_members, members_cap;
	uint32_t n_excludes; /* members in EXCLUDE mode */
	mono_t query_at;    /* next transmission of specific queries, or never */
	mono_t v1_until;    /* Older Version Host Present, TIMER_ZERO when not */
	mono_t known_at;    /* while group.untracked: when it will not have been heard for a listening interval, or never */
	uint8_t group_asks; /* Q(MA) still to be sent */
	bool group_asked;   /* the filter timer was lowered by a query of ours */
};

struct group {
	struct in6_addr addr;
	uint32_t next;		  /* of the table */
	uint32_t slot;		  /* place in mld_routers.due, from 1; 0: not in it */
	uint32_t deadline;	  /* tick; not later than the earliest of its timers */
	uint32_t filter_timer;	  /* tick; EXCLUDE only */
	uint32_t who : 31;	  /* number of its detail; or, without one, of the host that is the only member: EXCLUDE of
				   * nothing until filter_timer (then there are no members in the detail) */
	uint32_t has_detail : 1;
	uint32_t link : 16;	  /* number */
	uint32_t mode : 1;	  /* enum filter_mode */
	uint32_t queued : 1;	  /* a CHANGE effect is waiting */
	uint32_t untracked : 1;	  /* some host found no room: the members are not all who listen */
};

/* ---- instants of groups ---- */

#define TICK 1000000 /* nanoseconds */

/* The tick at which `t` is reached; further than 20 days away it is then. */
static inline uint32_t tick_of(const struct mld_routers *set, mono_t t)
{
	mono_t most = mono_add(set->now, span_s(20 * 86400));
	int64_t ns = mono_min(t, most).ns;

	return (uint32_t)((ns + TICK - 1) / TICK);
}

static inline mono_t tick_mono(const struct mld_routers *set, uint32_t tick)
{
	int64_t near = set->now.ns / TICK;

	return (mono_t){(near + (int32_t)(tick - (uint32_t)near)) * TICK};
}

static inline bool tick_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline mono_t group_filter_timer(const struct mld_routers *set, const struct group *g)
{
	return g->mode == FILTER_EXCLUDE ? tick_mono(set, g->filter_timer) : MONO_NEVER;
}

static inline struct detail *group_has_detail(const struct mld_routers *set, const struct group *g)
{
	return g->has_detail ? pool_at(&set->details, g->who) : NULL;
}

/* The only member, or NULL. */
static inline struct host *group_host(const struct mld_routers *set, const struct group *g)
{
	uint32_t number = g->has_detail ? group_has_detail(set, g)->host : g->who;

	return number ? pool_at(&set->hosts, number) : NULL;
}

/* router_heap.c */
/* False: out of memory, and nothing has changed. One that is in the heap, or was taken out last, never fails. */
bool due_set(struct mld_routers *set, struct group *g, uint32_t tick);
void due_clear(struct mld_routers *set, struct group *g);
struct group *due_first(const struct mld_routers *set); /* NULL: none */
bool due_reached(const struct group *g, mono_t now);

/* router.c */
void link_count(struct mld_link *link, enum mld_router_counter c);
void link_arm(struct mld_link *link);
struct group *link_find(const struct mld_link *link, const struct in6_addr *group);
void fx_query(struct mld_link *link, const struct in6_addr *group, const uint8_t *packet, size_t len);
void fx_change(struct mld_link *link, struct group *g);
/* Room for one CHANGE: asked before anything is changed that must be told. Counts the refusal. */
bool fx_room(struct mld_link *link);
/* May the set hold `size` octets more? Counts the refusal on the link. */
bool mem_room(struct mld_link *link, size_t size);
/* malloc, realloc and free under the set's account; NULL at the limit. */
void *mem_resize(struct mld_link *link, void *old, size_t old_size, size_t size);
void mem_free(struct mld_routers *set, void *p, size_t size);

/* Intervals from the values in force. Sums are whole ticks, as the groups' instants are. */
static inline span_t link_listening(const struct mld_link *l) /* MALI, 9.4; 9.13 is the same */
{
	return (span_t){l->query_interval.ns * l->robustness + l->conf.query_response.ns};
}
static inline span_t link_last_listener(const struct mld_link *l) /* LLQT, 9.10 */
{
	return span_mul(l->conf.last_listener_interval, l->conf.last_listener_count);
}

static inline mono_t link_instant(mono_t now, span_t later)
{
	mono_t t = mono_add(now, later);

	return mono_is_never(t) ? t : (mono_t){(t.ns + TICK - 1) / TICK * TICK};
}

/* router_link.c */
void link_start(struct mld_link *link, struct now now);
void link_expire(struct mld_link *link, struct now now);
void link_become_querier(struct mld_link *link);
void link_general(struct mld_link *link, span_t resp);

/* router_group.c: a record of a host, with its sources sorted and unique. `type` as RFC 3810 has it; MLDv1 messages
 * come translated (8.3.2). */
struct record {
	enum mld_record_type type;
	const struct in6_addr *sources;
	uint32_t n;
};
void group_record(struct mld_link *link, struct now now, struct host *host, const struct in6_addr *addr,
		  struct record rec, bool v1);
void group_expire(struct mld_link *link, struct group *g, struct now now); /* may free it */
void group_free(struct mld_link *link, struct group *g);		    /* without effect */
void group_release(struct mld_link *link, struct group *g); /* likewise, of one that is out of the link's table */
void group_arm(struct mld_link *link, struct group *g);
void group_set_filter_timer(struct mld_link *link, struct group *g, mono_t at);
void group_set_host(struct mld_link *link, struct group *g, const struct host *host); /* NULL: none */
/* Its detail, made when there is none; NULL at the limit. */
struct detail *group_detail(struct mld_link *link, struct group *g);
struct source *group_source(const struct mld_link *link, const struct group *g,
			    const struct in6_addr *s); /* NULL: no record of it */
bool group_is_v1(const struct mld_link *link, const struct group *g);

/* router_query.c */
/* What the retransmission lists hold, and schedule the rest. */
void query_send_due(struct mld_link *link, struct group *g, mono_t now);
/* Action Q(MA); true: query_send_due() is to be called. */
bool query_ask_group(struct mld_link *link, struct group *g, mono_t now);
void query_heard(struct mld_link *link, mono_t now, const struct mld_query *q); /* 7.6.1 */
void query_group_once(struct mld_link *link, const struct in6_addr *group, span_t resp);

/* router_member.c. None of them touches references of hosts, nor filters that are there. */
struct member *member_find(struct mld_routers *set, const struct detail *d, const struct host *h); /* or NULL */
struct member *member_add(struct mld_link *link, struct detail *d, struct host *h); /* moves them; NULL: no room */
void member_remove(struct mld_link *link, struct detail *d, struct member *m); /* the last one takes its place */
void members_free(struct mld_routers *set, struct detail *d);

/* router_names.c */
#define NAMES_MIN 32 /* members: fewer are looked through */
void names_init(struct mld_routers *set, uint64_t seed);
size_t names_estimate(const struct mld_routers *set); /* octets */
bool names_build(struct mld_link *link, struct detail *d); /* false: no room, and there are none */
void names_free(struct mld_routers *set, struct detail *d);
/* A member's filter becomes another. Where there is no room for what it names there are no names any more. */
void names_change(struct mld_link *link, struct detail *d, const struct filter *old, const struct filter *new);
bool names_want(const struct detail *d, const struct in6_addr *source); /* does some member accept it? */
bool names_include(const struct detail *d, const struct in6_addr *source); /* does some member name it, in INCLUDE mode? */
/* All such, sorted, to be freed. False: out of memory. */
bool names_included(const struct detail *d, struct in6_addr **ret, uint32_t *ret_n);

/* router_host.c */
struct host *host_get(struct mld_link *link, const struct in6_addr *addr); /* a reference, NULL at the limit */
void host_put(struct mld_link *link, struct host *h);
/* Note what the host says. `ret_whole`: the record is surely not a piece of a longer one, so that what it does not name
 * the host does not want. */
void track_record(struct mld_link *link, struct group *g, struct host *h, struct record rec, mono_t now,
		  bool *ret_whole);
/* Does some member accept the source? */
bool track_wants(const struct mld_link *link, const struct group *g, const struct in6_addr *s, mono_t now);
/* Is some member in EXCLUDE mode? */
bool track_wants_any(const struct mld_link *link, const struct group *g, mono_t now);
/* Are all who listen among the members? */
bool track_knows_all(struct group *g, struct detail *d, mono_t now);
/* The same, and can it be told fast what they want? To be asked before track_wants() and track_wants_any(). */
bool track_ready(struct mld_link *link, struct group *g, mono_t now);
bool track_has(const struct mld_link *link, const struct group *g, const struct host *h);
uint32_t track_count(const struct mld_link *link, const struct group *g);
void track_prune(struct mld_link *link, struct group *g, mono_t now); /* drop members that have fallen silent */
/* No host wants these any longer. `v` is scratch afterwards. */
void track_forget_sources(struct mld_link *link, struct group *g, struct in6_addr *v, size_t n);
/* The filter timer ran out: EXCLUDE members can only be INCLUDE of what is left. */
void track_to_include(struct mld_link *link, struct group *g);
void track_clear(struct mld_link *link, struct group *g);
