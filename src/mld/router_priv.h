/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the router part: the objects, and what its files call of each other.
 *
 *   router.c        the set, its links, their readers, the queue of effects
 *   router_link.c   General Queries, querier election, dispatch of what is heard
 *   router_group.c  a group's state: the tables of RFC 3810 7.4 and its timers
 *   router_query.c  specific queries and their retransmission (7.6.3)
 *   router_host.c   explicit tracking: which host asked for what
 *
 * A group with one any-source listener is `struct group` alone, because a set may hold a million of them;
 * everything that few groups have is in `struct detail`. */
#include "base/heap.h"
#include "base/htab.h"
#include "base/list.h"
#include "base/slab.h"
#include "mld/router.h"

enum {
	DEADLINE_LINK,
	DEADLINE_GROUP
};

/* A source timer that stands at zero: the source is in the Exclude List. */
#define TIMER_ZERO ((mono_t){INT64_MIN})

static inline bool timer_runs(mono_t t)
{
	return t.ns != INT64_MIN;
}

struct mld_routers {
	struct mld_routers_conf conf;
	struct heap heap;
	struct list links;
	uint32_t n_links;
	struct slab groups, hosts;
	uint64_t seed;
	uint64_t counter[MLD_ROUTER_COUNTER_N];
	size_t extra; /* octets of source arrays, members and links */
	uint32_t n_details;
	struct in6_addr *scratch; /* the record's sources, sorted */
	size_t scratch_cap;
	struct {
		uint8_t *bytes;
		size_t head, tail, cap;
	} fx;
};

struct mld_link {
	struct list node;
	struct mld_routers *set;
	struct deadline deadline;
	struct mld_router_conf conf; /* no zero left */
	struct in6_addr self;
	void *owner;
	struct htab groups, hosts;
	/* In force: our own as querier, the querier's otherwise (5.1.8, 5.1.9). */
	uint8_t robustness;
	span_t query_interval;
	bool querier;
	uint8_t startup_left;
	mono_t general_at;  /* next periodic General Query; never when not querier */
	mono_t other_until; /* Other Querier Present; never when querier */
	mono_t ask_at;	    /* repetition of mld_link_query() */
	unsigned ask_left;
	span_t ask_again, ask_resp;
	uint64_t counter[MLD_ROUTER_COUNTER_N];
};

struct host {
	struct hnode node;
	struct in6_addr addr;
	uint32_t refs; /* groups that it is a member of, and whoever handles its report */
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
};

struct detail {
	struct source *sources; /* sorted */
	struct member *members; /* in no order */
	uint32_t n_sources, n_members, members_cap;
	mono_t query_at;    /* next transmission of specific queries, or never */
	mono_t v1_until;    /* Older Version Host Present, TIMER_ZERO when not */
	uint8_t group_asks; /* Q(MA) still to be sent */
	bool group_asked;   /* the filter timer was lowered by a query of ours */
};

struct group {
	struct hnode node;
	struct deadline deadline; /* not later than the earliest of its timers */
	struct mld_link *link;
	struct in6_addr addr;
	mono_t filter_timer; /* EXCLUDE only */
	struct host *host;   /* the only member, EXCLUDE of nothing until filter_timer; then detail holds no members */
	struct detail *detail;
	uint8_t mode;	/* enum filter_mode */
	bool queued;	/* a CHANGE effect is waiting */
	bool untracked; /* some host found no room: the members are not all who listen */
};

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

/* Intervals from the values in force. */
static inline span_t link_listening(const struct mld_link *l) /* MALI, 9.4; 9.13 is the same */
{
	return (span_t){l->query_interval.ns * l->robustness + l->conf.query_response.ns};
}
static inline span_t link_last_listener(const struct mld_link *l) /* LLQT, 9.10 */
{
	return span_mul(l->conf.last_listener_interval, l->conf.last_listener_count);
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
void group_expire(struct group *g, struct now now); /* may free it */
void group_free(struct group *g);		    /* without effect */
void group_arm(struct group *g);
/* Its detail, made when there is none; NULL at the limit. */
struct detail *group_detail(struct group *g);
struct source *group_source(const struct group *g, const struct in6_addr *s); /* NULL: no record of it */
bool group_is_v1(const struct group *g);

/* router_query.c */
void query_send_due(struct group *g, mono_t now);  /* what the retransmission lists hold, and schedule the rest */
bool query_ask_group(struct group *g, mono_t now); /* action Q(MA); true: query_send_due() is to be called */
void query_heard(struct mld_link *link, mono_t now, const struct mld_query *q); /* 7.6.1 */
void query_group_once(struct mld_link *link, const struct in6_addr *group, span_t resp);

/* router_host.c */
struct host *host_get(struct mld_link *link, const struct in6_addr *addr); /* a reference, NULL at the limit */
void host_put(struct mld_link *link, struct host *h);
/* Note what the host says. `ret_whole`: the record is surely not a piece of a longer one, so that what it does not name
 * the host does not want. */
void track_record(struct group *g, struct host *h, struct record rec, mono_t now, bool *ret_whole);
bool track_wants(const struct group *g, const struct in6_addr *s, mono_t now); /* does some member accept the source? */
bool track_wants_any(const struct group *g, mono_t now);		       /* is some member in EXCLUDE mode? */
bool track_has(const struct group *g, const struct host *h);
uint32_t track_count(const struct group *g);
void track_prune(struct group *g, mono_t now); /* drop members that have fallen silent */
void track_forget_sources(struct group *g, const struct in6_addr *v, size_t n);
/* The filter timer ran out: EXCLUDE members can only be INCLUDE of what is left. */
void track_to_include(struct group *g);
void track_clear(struct group *g);
