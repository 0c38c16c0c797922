/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the listener part: the objects, and what its files call of each other.
 *
 *   host.c         the set, its upstreams, their state; what a change of state leaves to be said (RFC 3810 6.1)
 *   host_query.c   queries heard, and when to answer them (6.2); versions (8.2)
 *   host_report.c  what is said: records, packed into packets (6.3, 5.2.15)
 *
 *   host_batch.c   changes between any-source and nothing, said together and said again together
 *
 * There may be a million groups, most of them any-source, which come and go: such a one is a struct hgroup of 28 octets, at
 * rest and while that is being said. Sources hang on it as struct hdetail, and whatever else is to be said as struct pending,
 * only until it is said. */
#include "base/heap.h"
#include "base/itab.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/slab.h"
#include "mld/host.h"

enum {
	DEADLINE_UPSTREAM,
	DEADLINE_PENDING,
	DEADLINE_BATCH
};

struct mld_hosts {
	struct heap heap;
	struct list upstreams;
	struct list ready; /* upstreams with something to send */
	struct slab pendings, batches;
	struct pool details;
	struct rng rng;
	size_t extra; /* octets of upstreams and retransmission lists */
	uint8_t *packet;
	size_t packet_cap;
};

/* A record on its way: the list is shared with the state that it was made of. */
struct outgoing {
	uint8_t type; /* enum mld_record_type, or MLD_V1_REPORT, MLD_V1_DONE */
	struct in6_addr group;
	struct filter list;
	size_t said; /* sources already in packets */
};

/* Answer to a General Query: the groups are walked in steps, so that many of them do not make one burst. */
struct walk {
	mono_t at; /* next step, or never */
	span_t step;
	unsigned steps;	  /* still to come */
	bool begun;	  /* the first step was made */
	bool again;	  /* another query came meanwhile: walk once more */
	uint32_t pos;	  /* number of the last group said */
	uint32_t quota;	  /* groups that may be said now */
	uint32_t per_step;
};

struct mld_upstream {
	struct list node, ready;
	struct mld_hosts *set;
	struct mld_host_conf conf; /* no zero left */
	struct in6_addr self;
	void *owner;
	struct pool groups;
	struct itab_kind kind;
	struct itab table;
	size_t list_octets; /* of the groups' source lists */
	struct deadline deadline;
	uint8_t robustness;    /* in force */
	span_t query_interval; /* the querier's, as last heard */
	bool v1;
	mono_t v1_until; /* Older Version Querier Present */
	struct walk walk;
	struct list changes, answers; /* pendings with something to say now */
	struct outgoing out[2];
	unsigned out_n, out_i;
	struct {
		uint32_t first, last; /* groups whose new state is to be said now, by number */
	} say;
	struct list batches;	      /* of those to be said again */
	struct batch *batch;	      /* of the instant batch_at, or NULL while there is none */
	mono_t batch_at, batch_retry; /* changes made at one instant are said again at one instant */
	uint64_t counter[MLD_HOST_COUNTER_N];
};

struct hgroup {
	struct in6_addr addr;
	uint32_t next;	      /* of the table */
	uint32_t chain : 27;  /* number of the next one in upstream.say or in a batch */
	uint32_t left : 3;    /* so often its state is still to be said, as a change of mode */
	uint32_t saying : 1;  /* in upstream.say */
	uint32_t batched : 1; /* in a batch */
	uint32_t any : 1;     /* the state without detail: EXCLUDE of nothing, or nothing */
	uint32_t detail : 31; /* number, or 0 */
};

struct hdetail {
	struct filter filter;
	struct pending *pending; /* NULL: nothing but what hgroup.left tells */
};

/* Groups whose change of mode is said again at one instant. */
struct batch {
	struct deadline deadline;
	struct list node; /* mld_upstream.batches */
	struct mld_upstream *up;
	uint32_t first; /* number */
};

struct resend {
	struct in6_addr addr;
	uint8_t left;
};

struct pending {
	struct deadline deadline;
	struct list change, answer; /* in the upstream's lists */
	struct mld_upstream *up;
	struct hgroup *group;
	mono_t resend_at, answer_at; /* or never */
	uint8_t mode_left;	     /* Filter Mode Retransmission Counter */
	bool asked_all;		     /* the answer is the whole state; else `asked` says about which sources */
	struct filter asked;
	struct resend *resend; /* the Retransmission List, sorted */
	uint32_t n_resend;
};

/* host.c */
struct hgroup *hgroup_find(const struct mld_upstream *up, const struct in6_addr *group);
/* FILTER_NONE: left, and that is still being said. Valid until it changes. */
const struct filter *hgroup_state(const struct mld_upstream *up, const struct hgroup *g);
void hgroup_settle(struct mld_upstream *up, struct hgroup *g); /* free what it does not need, itself too */
struct pending *hgroup_pending(const struct mld_upstream *up, const struct hgroup *g); /* or NULL */
struct pending *pending_get(struct mld_upstream *up, struct hgroup *g); /* made where there is none; NULL: out of memory */
bool pending_arm(struct pending *p); /* deadline from its fields; false: out of memory */
/* Free it when it has nothing left to say, and its group if that was left. */
void pending_settle(struct pending *p);
void pending_resend_drop(struct pending *p); /* forget the Retransmission List */
void pending_queue_change(struct pending *p, mono_t now);
void upstream_ready(struct mld_upstream *up);
void upstream_arm(struct mld_upstream *up);
/* Uniform in (0, max]. */
span_t hosts_delay(struct mld_hosts *set, span_t max);

/* host_batch.c */
void batch_instant(struct mld_upstream *up, mono_t now); /* changes from here on are of this instant */
/* Its state is said now, and again as hgroup.left tells; it is in no batch. */
void batch_say(struct mld_upstream *up, struct hgroup *g, mono_t now);
struct hgroup *batch_next(struct mld_upstream *up); /* the one to be said next, taken off the list; NULL: none */
void batch_again(struct mld_upstream *up, struct hgroup *g); /* what was said is said again, or settled */
void batch_expire(struct batch *b, mono_t now);
void batch_say_all(struct mld_upstream *up, mono_t now); /* now, what was to be said again */
void batch_drop_all(struct mld_upstream *up);		  /* nothing of it */

/* host_query.c */
void walk_step(struct mld_upstream *up, mono_t now);
void upstream_set_version(struct mld_upstream *up, bool v1);

/* host_report.c */
bool report_build(struct mld_upstream *up, struct mld_host_fx *ret); /* false: nothing to say */
void report_drop(struct mld_upstream *up);
