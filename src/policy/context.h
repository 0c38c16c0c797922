/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A node's multicast context: the listening state that goes with it from one gateway to the next, whoever carries it: the
 * anchor (RFC 7161, options 56 and 57), the gateways themselves (RFC 7411, options 60 and 61), with what those options
 * cannot say in our vendor option (VSM 19/3; draft 9.2). State alone: no timers, no queries. */
#include "policy/profile.h"
#include "wire/mh.h"

/* How a gateway or an anchor deals with contexts; what is in force between two is what both announce. */
enum mn_context_mode {
	MN_CONTEXT_OFF,	  /* none: a node that moved is asked by MLD (RFC 6224) */
	MN_CONTEXT_QUERY, /* asked for when the node moves, or told when it leaves (RFC 7161) */
	MN_CONTEXT_KEPT,  /* besides, the gateway reports each change as it happens, and the anchor keeps it */
};

#define MN_CONTEXT_MAX 1024	 /* groups, whatever messages say */
#define MN_CONTEXT_PARTS_MAX 32 /* messages that one is told in */

/* One group. `filter` is owned by the context. */
struct mn_group {
	struct in6_addr group;
	struct filter filter;
	uint8_t compat;	 /* version of MLD that the node speaks for it: 2, or 1 */
	uint8_t origins; /* enum sub_origin, of the gateway that it comes from */
	wall_t end;	 /* of a subscription that has one; WALL_NEVER */
};

/* Groups in ascending order of address, each once. All zero is an empty one. */
struct mn_context {
	struct mn_group *v;
	uint16_t n, cap;
	bool described;		 /* the two below are known */
	uint8_t delivery;	 /* enum profile_delivery */
	uint64_t policy_version; /* of the profile that it was decided by */
};

void mn_context_drop(struct mn_context *c); /* becomes empty */
size_t mn_context_bytes(const struct mn_context *c); /* memory behind it, of the lists of sources too */
/* Replace *c (released) by the value `v` (taken over). */
void mn_context_move(struct mn_context *c, struct mn_context v);
/* False: memory is out, and *ret is not written. */
bool mn_context_copy(const struct mn_context *c, struct mn_context *ret);
/* Unite with what it has of the group; `filter` is copied, FILTER_NONE adds nothing. False: memory is out, or it is
 * full. */
bool mn_context_add(struct mn_context *c, const struct in6_addr *group, const struct filter *filter, uint8_t compat,
		    uint8_t origins, wall_t end);
bool mn_context_merge(struct mn_context *into, const struct mn_context *from);
const struct mn_group *mn_context_find(const struct mn_context *c, const struct in6_addr *group);
void mn_context_remove(struct mn_context *c, const struct in6_addr *group);
/* The group was terminated, or (source not ::) what of it comes from that source. False: it has nothing of that. */
bool mn_context_end(struct mn_context *c, const struct in6_addr *group, const struct in6_addr *source);

/* How far a context has been told: with this group, or with this source of it. All zero: nothing yet. */
struct mn_context_place {
	struct in6_addr group;
	struct in6_addr source; /* :: = all of the group */
};

/* Put what is behind *place into m->ams, as much as fits in `room` octets of the message, with VSM 19/3 where something of
 * it is not what its absence means (`describe`: the peer announced MH_FEATURE_CONTEXT). *place is then the last that was
 * put. A list of sources that is too long for one option becomes several, and goes on in the next message if it is too
 * long for one of those; or is cut if it excludes (RFC 7161 4.1.1, RFC 3810 5.2.15). True: that was the rest. */
bool mn_context_put(const struct mn_context *c, struct mn_context_place *place, struct now now, struct mh_msg *m,
		    size_t room, bool describe);
/* The same into m->mmo, option 60 of the messages between gateways (RFC 7411). */
bool mn_context_put_reports(const struct mn_context *c, struct mn_context_place *place, struct now now, struct mh_msg *m,
			    size_t room, bool describe);
/* VSM 19/8: there is more, behind that place; and what a message says of that. */
void mn_context_put_more(const struct mn_context_place *place, struct mh_msg *m);
struct mn_context_place mn_context_place_of(const struct mh_msg *m);
bool mn_context_is_behind(const struct mn_context_place *a, const struct mn_context_place *b); /* a behind b? */
/* Unite with the records of a run of m: m->ams, or m->mmo (RFC 7411), and with VSM 19/3 where m has it. False: memory
 * is out, or it is full; what it took stays. */
bool mn_context_take(struct mn_context *c, struct now now, const struct mh_msg *m, const struct mh_records *run);
