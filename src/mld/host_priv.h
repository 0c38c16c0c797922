/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the listener part: the objects, and what its files call of each other.
 *
 *   host.c         the set, its upstreams, their state; what a change of state leaves to be said (RFC 3810 6.1)
 *   host_query.c   queries heard, and when to answer them (6.2); versions (8.2)
 *   host_report.c  what is said: records, packed into packets (6.3, 5.2.15)
 *
 * A group at rest is `struct hgroup` alone; what is to be said about it hangs on it only until it is said. */
#include "base/heap.h"
#include "base/htab.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/slab.h"
#include "mld/host.h"

enum {
	DEADLINE_UPSTREAM,
	DEADLINE_PENDING
};

struct mld_hosts {
	struct heap heap;
	struct list upstreams;
	struct list ready; /* upstreams with something to send */
	struct slab groups, pendings;
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
	struct list *pos; /* next group */
	uint32_t quota;	  /* groups that may be said now */
	uint32_t per_step;
};

struct mld_upstream {
	struct list node, ready;
	struct mld_hosts *set;
	struct mld_host_conf conf; /* no zero left */
	struct in6_addr self;
	void *owner;
	struct htab table;
	struct list groups; /* in order of joining */
	struct deadline deadline;
	uint8_t robustness;    /* in force */
	span_t query_interval; /* the querier's, as last heard */
	bool v1;
	mono_t v1_until; /* Older Version Querier Present */
	struct walk walk;
	struct list changes, answers; /* pendings with something to say now */
	struct outgoing out[2];
	unsigned out_n, out_i;
	mono_t batch_at, batch_retry; /* changes made at one instant are said again at one instant */
	uint64_t counter[MLD_HOST_COUNTER_N];
};

struct hgroup {
	struct hnode node;
	struct list all;
	struct in6_addr addr;
	struct filter filter; /* FILTER_NONE: left, and that is still being said */
	struct pending *pending;
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
struct pending *pending_get(struct mld_upstream *up, struct hgroup *g); /* NULL: out of memory */
bool pending_arm(struct pending *p); /* deadline from its fields; false: out of memory */
/* Free it when it has nothing left to say, and its group if that was left. */
void pending_settle(struct pending *p);
void pending_resend_drop(struct pending *p); /* forget the Retransmission List */
void pending_queue_change(struct pending *p, mono_t now);
void upstream_ready(struct mld_upstream *up);
void upstream_arm(struct mld_upstream *up);
/* Uniform in (0, max]. */
span_t hosts_delay(struct mld_hosts *set, span_t max);

/* host_query.c */
void walk_step(struct mld_upstream *up, mono_t now);
void walk_skip(struct mld_upstream *up, struct list *gone); /* before a group leaves the list */
void upstream_set_version(struct mld_upstream *up, bool v1);

/* host_report.c */
bool report_build(struct mld_upstream *up, struct mld_host_fx *ret); /* false: nothing to say */
void report_drop(struct mld_upstream *up);
