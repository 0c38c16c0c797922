/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of a proxy instance, shared by proxy.c (members and their filters), proxy_lone.c (groups of one listener),
 * proxy_merge.c (what the upstream shall report), proxy_mark.c (labels) and proxy_show.c (walks).
 *
 * A group with one any-source listener is a struct proxy_lone and nothing else, since there may be a million of them. It
 * becomes a struct proxy_group with its entries when anything else is asked of it, and begins as one once labels have been
 * marked, which a lone one cannot remember. */
#include "base/htab.h"
#include "base/itab.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/slab.h"
#include "proxy/proxy.h"

struct proxy {
	struct dp_in in;
	struct fxq *fxq;
	uint64_t seed; /* one for all tables: the hash of a group is the same in each */
	struct htab groups;
	struct list members; /* proxy_member.link */
	struct {	     /* groups whose merged state is to be told, in order; `queued` of the group says whether still */
		struct in6_addr *v;
		uint32_t head, n, cap;
		bool lost; /* some found no room: all that are `queued` are looked for */
	} changed;
	uint32_t n_groups; /* with members */
	uint32_t groups_max, entries_max;
	uint64_t refused_groups, refused_entries, refused_sources;
	size_t list_bytes;   /* of the entries' filters, and of proxy_group.moved */
	struct slab group_slab, entry_slab, source_slab;
	struct pool members_pool, lone_pool;
	struct itab_kind lone_kind;
	struct itab lones;
	struct dp_out *outs; /* scratch for the outputs of a new list */
	uint32_t outs_cap;
	uint32_t first_stamp; /* where it began: that of all lone groups */
	uint32_t stamp;	      /* the highest that any group has had */
};

struct proxy_member {
	struct proxy *proxy;
	struct list link;
	struct htab entries; /* by group; those of struct proxy_group */
	uint32_t lones;	     /* the first one's number, and */
	uint32_t n_lones;
	struct dp_out out;
	bool l2_unicast;
	bool silent; /* its output stands in no list */
	void *owner;
};

/* A member's filter of a group: the object there are most of. */
struct proxy_entry {
	struct hnode node; /* in the member's table */
	struct proxy_entry *next, **at; /* in the group's list of its mode */
	struct proxy_group *group;
	struct proxy_member *member;
	struct filter filter; /* never none */
};

/* A group whose only listener is any-source, or whose end is still to be told. */
struct proxy_lone {
	struct in6_addr addr;
	uint32_t next;		/* of the table */
	uint32_t later, before; /* numbers, in the member's list */
	uint32_t member : 29;	/* number; 0: it has ended */
	uint32_t queued : 1;
	uint32_t told : 1;
};

struct proxy_group {
	struct hnode node;
	struct in6_addr addr;
	struct proxy_entry *entries[2]; /* by filter mode */
	uint32_t n[2];
	uint32_t stamp;	     /* of its label */
	uint32_t n_merged;   /* sources that stand in the merged list */
	bool queued;	     /* in proxy.changed */
	bool moved_lost;     /* there were too many: the merged list is made anew */
	uint32_t n_moved, moved_cap;
	struct in6_addr *moved; /* sources that came into the merged list or went, since it was last told; some again and again */
	struct htab sources; /* every source that an entry names: those with an (S,G) list */
	struct filter told;  /* the merged state as last handed out: an empty group stays until its end is told */
};

struct proxy_source {
	struct hnode node;
	struct in6_addr addr;
	uint32_t named[2]; /* entries that name it, by filter mode */
	bool listed;	   /* has its list in the data plane */
	bool merged;	   /* stands in the group's merged list */
};

struct proxy_group *proxy_group_find(const struct proxy *p, const struct in6_addr *group);
struct proxy_entry *proxy_entry_find(const struct proxy_member *m, const struct proxy_group *g);
struct proxy_source *proxy_source_find(const struct proxy_group *g, const struct in6_addr *source);
struct proxy_source *proxy_source_next(const struct proxy_group *g, const struct proxy_source *s); /* NULL: the first */
void proxy_group_release(struct proxy *p, struct proxy_group *g); /* if nobody needs it any more */
struct dp_flow proxy_flow(const struct proxy *p, const struct in6_addr *group, const struct in6_addr *source);
uint32_t proxy_label_of(const struct in6_addr *group, uint32_t stamp);
struct dp_out proxy_out(const struct proxy_member *m, const struct in6_addr *group);

/* Operations; `source` NULL: (*,G). proxy_emit_list: with the first of proxy.outs. */
void proxy_emit(struct proxy *p, enum dp_op_kind kind, const struct in6_addr *group, const struct in6_addr *source,
		const struct dp_out *out);
void proxy_emit_list(struct proxy *p, const struct in6_addr *group, uint32_t stamp, const struct in6_addr *source,
		     uint32_t n_outs);
bool proxy_outs_reserve(struct proxy *p, uint32_t n);
/* proxy_merge.c: the source's mark `merged` has changed. Forget all that have. */
void proxy_moved(struct proxy *p, struct proxy_group *g, const struct in6_addr *source);
void proxy_moved_forget(struct proxy *p, struct proxy_group *g);
/* The limits, as if there were one group and one entry for each lone one too. They count what they refuse. */
bool proxy_groups_room(struct proxy *p);
bool proxy_entries_room(struct proxy *p);
/* Its merged state is to be told. The caller has set `queued`. */
void proxy_queue(struct proxy *p, const struct in6_addr *group);

/* proxy_lone.c */
struct proxy_lone *proxy_lone_find(const struct proxy *p, const struct in6_addr *group);
struct proxy_member *proxy_lone_member(const struct proxy *p, const struct proxy_lone *x); /* NULL: it has ended */
struct proxy_lone *proxy_lone_next(const struct proxy *p, const struct proxy_lone *x);	    /* of the same member */
struct proxy_lone *proxy_lone_first(const struct proxy_member *m);
enum proxy_set_result proxy_lone_new(struct proxy_member *m, const struct in6_addr *group);
/* The member listens again, where it has ended. False: out of memory. */
bool proxy_lone_again(struct proxy_lone *x, struct proxy_member *m);
void proxy_lone_end(struct proxy *p, struct proxy_lone *x);
void proxy_lone_free(struct proxy *p, struct proxy_lone *x); /* that has ended */
enum proxy_set_result proxy_lone_unfold(struct proxy *p, struct proxy_lone *x, struct proxy_group **ret);
void proxy_lones_deinit(struct proxy *p); /* takes their lists out of the data plane */
/* proxy.c: for it */
struct proxy_group *proxy_group_new(struct proxy *p, const struct in6_addr *addr);
struct proxy_entry *proxy_entry_new(struct proxy_member *m, struct proxy_group *g);
void proxy_entry_link(struct proxy_entry *e);

static inline uint32_t proxy_group_members(const struct proxy_group *g)
{
	return g->n[FILTER_INCLUDE] + g->n[FILTER_EXCLUDE];
}

/* The rule of RFC 4605 4.1 for one source, from counts alone: with EXCLUDE members the merged list has the sources
 * that all of them exclude and no INCLUDE member wants; without, every source that somebody wants. */
static inline bool proxy_source_merges(uint32_t excludes, uint32_t named_include, uint32_t named_exclude)
{
	return excludes ? named_exclude == excludes && !named_include : named_include > 0;
}
