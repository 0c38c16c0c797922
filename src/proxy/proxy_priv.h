/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of a proxy instance, shared by proxy.c (members and their filters), proxy_merge.c (what the upstream shall
 * report), proxy_mark.c (labels) and proxy_show.c (walks). */
#include "base/htab.h"
#include "base/list.h"
#include "base/slab.h"
#include "proxy/proxy.h"

struct proxy {
	struct dp_in in;
	struct fxq *fxq;
	uint64_t seed; /* one for all tables: the hash of a group is the same in each */
	struct htab groups;
	struct list members; /* proxy_member.link */
	struct list changed; /* proxy_group.changed: merged state to be told */
	uint32_t n_groups;   /* with members */
	size_t list_bytes;   /* of the entries' filters */
	struct slab group_slab, member_slab, entry_slab, source_slab;
	struct dp_out *outs; /* scratch for the outputs of a new list */
	uint32_t outs_cap;
	uint32_t stamp; /* grows with every mark */
};

struct proxy_member {
	struct proxy *proxy;
	struct list link;
	struct htab entries; /* by group */
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

struct proxy_group {
	struct hnode node;
	struct list changed;
	struct in6_addr addr;
	struct proxy_entry *entries[2]; /* by filter mode */
	uint32_t n[2];
	uint32_t stamp;	     /* of its label */
	uint32_t n_merged;   /* sources that stand in the merged list */
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
struct dp_flow proxy_flow(const struct proxy *p, const struct proxy_group *g, const struct in6_addr *source);
uint32_t proxy_label_of(const struct in6_addr *group, uint32_t stamp);
struct dp_out proxy_out(const struct proxy_member *m, const struct proxy_group *g);

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
