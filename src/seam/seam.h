/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The seam between the two paths by which a node's packets reach its new MAG during a predictive handover: forwarded by the
 * old MAG, and native from the anchor. One seam for each node. It holds what may not go yet, and says of every packet on
 * which side of its stream's edge it lies, so that the node gets each one once and in order. Rules and their limits:
 * docs/handover-predictive.md.
 *
 * Pure: packets, labels and `now` in; packets out, in the order in which they are to go. */
#include "base/addr.h"
#include "base/list.h"
#include "base/time.h"

enum seam_path { SEAM_NATIVE, SEAM_FORWARDED, SEAM_PATHS };

/* A multicast stream is its source and group. All unicast of the node is one stream: both are ::. */
struct seam_stream {
	struct in6_addr source, group;
};

/* What all seams hold together, with what it takes to hold it. */
struct seam_pool {
	uint64_t octets, max;
};

struct seam_limits {
	uint32_t packets, octets; /* held at most; the oldest is dropped */
	span_t age;		  /* held for so long at most, while it may not go */
	span_t wait;		  /* silence after which the forwarded part of a stream has ended */
	struct seam_pool *pool;	  /* outlives the seam; NULL: no bound */
};

enum seam_count {
	SEAM_COUNT_PASSED,	/* went on at once */
	SEAM_COUNT_HELD,
	SEAM_COUNT_RELEASED,	/* of the held ones */
	SEAM_COUNT_BEFORE_EDGE, /* native copy of a packet that the forwarded path serves */
	SEAM_COUNT_PAST_EDGE,	/* forwarded copy of a packet that the native path serves */
	SEAM_COUNT_OVERFLOW,	/* dropped: full */
	SEAM_COUNT_AGED,	/* dropped: held for too long */
	SEAM_COUNT_ENDED,	/* dropped: held when the handover ended */
	SEAM_COUNT_LATE,	/* delivered out of order: a forwarded packet after a native one */
	SEAM_COUNT_WAIT,	/* streams whose forwarded part ended by silence */
	SEAM_COUNT_UNMARKED,	/* dropped at a seam without a mark: it may have been the only copy */
	SEAM_COUNTS
};
const char *seam_count_name(enum seam_count c); /* "seam-passed", ... */

enum seam_verdict {
	SEAM_PASS, /* send it now; nothing of its stream is held */
	SEAM_HELD, /* copied */
	SEAM_DROP,
};

struct seam_packet {
	struct list all;   /* inside: of everything that is held, oldest first */
	struct list queue; /* inside: of its stream and path */
	struct stream *of;
	mono_t since;
	enum seam_path path;
	uint32_t label;
	uint32_t len;
	uint8_t bytes[];
};

struct seam;

/* `counts` (SEAM_COUNTS of them) is raised and may be shared; `seed` keys the hash. NULL: out of memory. */
struct seam *seam_new(const struct seam_limits *limits, uint64_t seed, uint64_t *counts);
struct seam *seam_free(struct seam *s); /* what is held is dropped and counted. Returns NULL */

/* A packet came. `label`: of a native multicast packet all 20 bits, of a forwarded one the low 8. */
enum seam_verdict seam_put(struct seam *s, mono_t now, enum seam_path path, const struct seam_stream *stream, uint32_t label,
			   const uint8_t *bytes, uint32_t len);
/* From this label on the native path serves the group. `marked` false: the anchor does not mark. group :: = all groups of
 * which nothing else is said. False: out of memory. */
bool seam_edge(struct seam *s, mono_t now, const struct in6_addr *group, bool marked, uint32_t label);
void seam_end_marker(struct seam *s, mono_t now); /* the last unicast packet has come by the forwarded path */
void seam_moved(struct seam *s, mono_t now);	  /* the anchor sends unicast by the native path now */
void seam_arrive(struct seam *s, mono_t now);	  /* the node is there */

/* It is over, whatever was waited for: all that is held for a node that is there may go. */
void seam_finish(struct seam *s, mono_t now);

/* The next held packet that may go, or NULL. The caller sends it, in this order, and frees it with free(). */
struct seam_packet *seam_pop(struct seam *s, mono_t now);
bool seam_ready(const struct seam *s); /* seam_pop() has something */

mono_t seam_next_deadline(const struct seam *s);
void seam_expire(struct seam *s, mono_t now);

/* Nothing of the stream is held, and the native path alone serves it, on which no packet of before the edge will come any
 * more: what comes there need not be put in. source :: = whatever source sends to the group. */
bool seam_is_closed(const struct seam *s, const struct seam_stream *stream);
bool seam_unicast_is_closed(const struct seam *s);
uint32_t seam_held(const struct seam *s, uint32_t *octets); /* packets */
