/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* One MLD proxy instance (RFC 4605): members below (nodes of a MAG, MAGs of an LMA), one upstream above. From each
 * member's filter of each group it keeps the replication lists of the data plane and the merged state that the
 * upstream must report.
 *
 * Rule of the lists (decision 27): (S,G) holds every output that accepts S, EXCLUDE members included; it exists for
 * each source that some member names; (*,G) holds the EXCLUDE members and serves only the other sources, and exists
 * while there are any.
 *
 * Operations are emitted in an order in which at every moment each member gets exactly one copy of every source that
 * its filter accepts before and after, and none of a source that it accepts neither before nor after. A change costs
 * the lists that it touches: an any-source member one for (*,G) and one for each source named in the group. */
#include "fx/fx.h"
#include "mld/filter.h"

struct proxy;
struct proxy_member; /* one output */

struct proxy_conf {
	uint32_t groups_max;  /* of the instance */
	uint32_t members_max;
	uint32_t entries_max; /* (member, group) pairs */
	uint32_t sources_max; /* (group, named source) pairs; 0 = 4 * entries_max */
	uint32_t first_label; /* where the labels of outgoing copies begin (proxy_mark.c): of a later instance, later ones */
};

/* Data-plane operations go to `fxq`. `in` is where the streams of this instance come in. NULL: out of memory. */
struct proxy *proxy_new(const struct proxy_conf *conf, const struct dp_in *in, struct fxq *fxq, uint64_t seed);
/* Takes its lists out of the data plane first, frees the members too; accepts NULL, returns NULL. */
struct proxy *proxy_free(struct proxy *p);
/* New limits; what is beyond them stays until it ends by itself. */
void proxy_reconf(struct proxy *p, const struct proxy_conf *conf);

/* A member and its output. For an access link out->dmac is the node's own MAC: where `l2_unicast` is set it is the
 * destination (RFC 6085), else the group's multicast MAC takes its place in each list. Two members must not have an
 * output in common: on a shared link every member is l2_unicast. NULL: limit or out of memory. */
struct proxy_member *proxy_member_new(struct proxy *p, const struct dp_out *out, bool l2_unicast, void *owner);
/* Its memberships end at once. Accepts NULL. */
void proxy_member_free(struct proxy_member *m);
/* Change the output of a member in place (new link-layer address, other delivery): add before remove in each list. */
void proxy_member_output(struct proxy_member *m, const struct dp_out *out, bool l2_unicast);
/* Whether its output stands in the lists, as it does at first. A member that is not forwarded to is part of the merged
 * state all the same: so RFC 4605 4.2 has it of a link on which another router is the querier. */
void proxy_member_forward(struct proxy_member *m, bool on);

enum proxy_set_result { PROXY_OK, PROXY_LIMIT, PROXY_OOM };
/* What the member listens to of `group` from now on (copied); FILTER_NONE ends it. On PROXY_LIMIT and PROXY_OOM
 * nothing has changed; ending a membership never fails. */
enum proxy_set_result proxy_set(struct proxy_member *m, const struct in6_addr *group, const struct filter *f);
/* Of these groups something is to be set soon: what that will read is fetched meanwhile. At most PROXY_AHEAD. */
#define PROXY_AHEAD 64
void proxy_ahead(const struct proxy *p, const struct in6_addr *groups, size_t n);
/* False: no membership. The result is to be released. */
bool proxy_get(const struct proxy_member *m, const struct in6_addr *group, struct filter *ret);

/* The label that copies of the group bear (dp_op.h), the same in all its lists, whether there are any or not. It never
 * becomes less while the instance lives, whatever comes and goes. */
uint32_t proxy_label(const struct proxy *p, const struct in6_addr *group);
/* From here on they bear the next one, which is returned. */
uint32_t proxy_mark(struct proxy *p, const struct in6_addr *group);

/* Groups whose merged state differs from what was last told here, one per call, in order of change; *merged is to be
 * released, FILTER_NONE means that nobody is left. False: no more. */
bool proxy_pop_changed(struct proxy *p, struct in6_addr *group, struct filter *merged);
/* The merge over all members; to be released. False: no member, or out of memory. */
bool proxy_merged(const struct proxy *p, const struct in6_addr *group, struct filter *ret);
/* Merge over all members but one (NULL: but none). False: no other member, or out of memory. */
bool proxy_merged_without(const struct proxy *p, const struct in6_addr *group, const struct proxy_member *without,
			  struct filter *ret);

/* Walks. The callbacks must not change the instance; the filters that they are shown stay the instance's. */
uint32_t proxy_groups(const struct proxy *p);
void proxy_each_group(const struct proxy *p,
		      void (*each)(void *arg, const struct in6_addr *group, const struct filter *merged,
				   uint32_t members),
		      void *arg);
void proxy_each_member(const struct proxy *p, const struct in6_addr *group,
		       void (*each)(void *arg, void *owner, const struct filter *f), void *arg);
void proxy_member_each(const struct proxy_member *m,
		       void (*each)(void *arg, const struct in6_addr *group, const struct filter *f), void *arg);
/* The key and the output under which the data plane counts a member's share: for readers of dp counters. Calls `each`
 * for every list that holds the member's output for the group. */
void proxy_member_flows(const struct proxy_member *m, const struct in6_addr *group,
			void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *out), void *arg);
size_t proxy_bytes(const struct proxy *p); /* memory held */
struct proxy_usage { /* of the limits, and what they refused */
	uint32_t groups, entries, sources;
	uint64_t refused_groups, refused_entries, refused_sources;
};
struct proxy_usage proxy_usage(const struct proxy *p);
