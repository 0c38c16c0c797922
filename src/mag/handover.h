/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Predictive handover inside the engine (RFC 5949, RFC 7411; docs/handover-predictive.md). One object for each handover
 * and gateway; the messages between the two are the same on either side, so it has one of each:
 *
 *	handover.c	the objects, HI and HAck, time
 *	neighbour.c	the other gateways
 *	handover_out.c	the old side: ask, forward, ready, and how that ends
 *	handover_in.c	the new side until the node comes: prepare, mark
 *	handover_arrive.c  the new side from then on
 *	handover_anchor.c  what the new side asks of the anchor (Subscription Query with VSM 19/7)
 *	handover_show.c	views */
#include "policy/context.h"

struct mag_link;
struct mag_node;

/* Another gateway. As many as there are candidates, and maybe some that were and still have a handover. */
struct mag_neighbour {
	struct list in_all;
	struct mag *mag;
	struct in6_addr address;
	char name[32];
	bool candidate;		/* by configuration */
	bool context;		/* by configuration: options 60 and 61 */
	bool heard_capabilities;
	struct mh_capabilities capabilities;
	uint32_t n_handovers;
	uint32_t n_tunnel;	/* that need the tunnel */
};

enum mag_handover_side { MAG_HANDOVER_OUT, MAG_HANDOVER_IN };

struct mag_handover {
	struct list in_all;
	struct hnode by_mn, by_request;
	struct mag *mag;
	struct mag_neighbour *with;
	struct nai mn;
	struct mag_node *node; /* NULL: no record of it yet, or any more */
	enum mag_handover_side side;
	enum mag_handover_state state;
	mono_t began, ends, ready;
	bool reactive;	/* asked for by the new gateway */
	bool forwarding; /* old side: the data plane does. New side: the old one said that it does */
	bool tunnel;	/* a share of the neighbour's */
	bool left;	/* old side: the node is off its link */
	bool marked;	/* new side: the anchor gave labels */
	bool done;	/* new side: the data plane has closed all seams */
	bool changed;	/* old side: the node listens to other than was told */
	bool update;	/* and the HI under way tells it */
	bool told;	/* new side: that it is ready */
	bool gathering; /* new side: what is told anew is not whole yet */
	uint16_t key;
	uint32_t number; /* of the node, where the data plane has to do with it; 0: not */

	/* our HI that waits for its HAck; next is MONO_NEVER without any */
	struct {
		uint16_t seq;
		uint8_t code, tries;
		bool forward;
		span_t timeout;
		mono_t next;
	} hi;
	/* the other side's last HI, and our answer to it */
	struct {
		bool any, answered;
		mono_t at;
		uint16_t seq;
		uint8_t flags, code;
	} heard;
	/* old side: how far the context was told before the HI under way, and with it; what follows is said in the next */
	struct {
		struct mn_context_place from, to;
		uint8_t parts;
		bool more;
	} tell;
	/* our question to the anchor; next is MONO_NEVER without any */
	struct {
		uint8_t what; /* enum mh_mark; 0: nothing was asked yet */
		uint8_t seq, tries;
		span_t timeout;
		mono_t next;
	} ask;
	struct deadline due; /* the first of all of them */

	/* what the old side told (new side), or the new one refused (old side) */
	struct mn_context context, coming; /* coming: what is gathered */
	uint8_t parts;			   /* that it came in */
	uint16_t n_refused;
	struct in6_addr lmaa;
	struct lladdr llid;
	struct in6_addr link_local;
	uint8_t n_prefixes;
	struct prefix prefixes[DP_NODE_PREFIX_MAX];

	bool asking; /* the policy store */
	uint32_t request;
};

/* ---- neighbour.c ---- */
struct mag_neighbour *mag_neighbour_find(const struct mag *mag, const struct in6_addr *address);
struct mag_neighbour *mag_neighbour_named(const struct mag *mag, const char *name); /* of the candidates */
void mag_neighbours_conf(struct mag *mag, struct now now); /* from mag->conf */
void mag_neighbours_free(struct mag *mag);
void mag_neighbour_release(struct mag_neighbour *n); /* if nothing needs it any more */
void mag_neighbour_heard(struct mag_neighbour *n, const struct mh_msg *m);
bool mag_neighbour_knows(const struct mag_neighbour *n, uint16_t feature);
void mag_handover_tunnel(struct mag_handover *h, bool on);
struct dp_tunnel mag_handover_path(const struct mag_handover *h);

/* ---- handover.c ---- */
/* NULL: limit. */
struct mag_handover *mag_handover_new(struct mag *mag, struct now now, struct mag_neighbour *with, const struct nai *mn,
				      enum mag_handover_side side);
void mag_handover_free(struct mag_handover *h);
/* The one that goes on (not ending) for this node and side, or NULL. */
struct mag_handover *mag_handover_of(const struct mag *mag, const struct nai *mn, enum mag_handover_side side);
struct mag_handover *mag_handover_with(const struct mag *mag, const struct nai *mn, const struct mag_neighbour *n,
				       enum mag_handover_side side);
void mag_handover_event(const struct mag_handover *h, enum event_kind kind, int32_t status, const char *detail);
/* Send HI and repeat it until it is answered. */
void mag_handover_hi(struct mag_handover *h, struct now now, uint8_t code, bool forward);
/* The same with what of the context found no room in the one before (RFC 7411 5.5). */
void mag_handover_hi_more(struct mag_handover *h, struct now now);
/* Answer the last HI that was heard. */
void mag_handover_answer(struct mag_handover *h, uint8_t code);
/* The same of one for which there is no object. */
void mag_handover_answer_bare(struct mag *mag, const struct in6_addr *to, const struct mh_msg *hi, uint8_t code);
void mag_handover_note(struct mag_handover *h, struct now now, const struct mh_msg *hi); /* it is what is answered next */
/* Nothing more is wanted but that the other side hears of it: that the node is at the new gateway (`done`), or that
 * nothing will come of it. */
void mag_handover_finish(struct mag_handover *h, struct now now, bool done);
void mag_handover_drop(struct mag_handover *h, struct now now, const char *why); /* by our own will, either side */
/* Finished, and nothing came of it here. */
void mag_handover_give_up(struct mag_handover *h, struct now now, bool done, const char *why);
void mag_handover_schedule(struct mag_handover *h);
void mag_handover_expire(struct mag_handover *h, struct now now);
void mag_handover_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
/* A Binding Error of a gateway that knows no HI. False: it is about something else. */
bool mag_handover_refused(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
void mag_handovers_drop(struct mag *mag, struct now now, const char *why); /* all of them */
void mag_handovers_free(struct mag *mag);

/* ---- handover_out.c ---- */
void mag_handover_out_hack(struct mag_handover *h, struct now now, const struct mh_msg *m);
/* The new side has done with it: the node is there, or will not be. */
void mag_handover_out_complete(struct mag_handover *h, struct now now, bool elsewhere);
void mag_handover_out_silent(struct mag_handover *h, struct now now);   /* no answer */
void mag_handover_out_ends(struct mag_handover *h, struct now now);	/* the time is up */
void mag_handover_out_reactive(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m);
/* The options that tell of the node: in our HI, and in the HAck of a reactive handover. */
void mag_handover_out_put(struct mag_handover *h, struct mh_msg *m);
void mag_handover_out_put_groups(struct mag_handover *h, struct mh_msg *m);
void mag_handover_out_cancel(struct mag_handover *h, struct now now, const char *why);
/* The anchor has accepted the node, or will not, or nobody asks it any more: an announced move waits for that. */
void mag_handover_out_registered(struct mag_node *node, struct now now);
void mag_handover_not_registered(struct mag_node *node, struct now now);
/* The node left its link. True: the handover has the node, which stays as it is. */
bool mag_handover_left(struct mag_node *node, struct now now);
/* It is at the new gateway by the anchor's word. */
void mag_handover_revoked(struct mag_node *node, struct now now);
/* It was heard on its old link; `anew`: it has just come there. */
void mag_handover_heard(struct mag_node *node, struct now now, bool anew);
/* What the node listens to has changed, and the new gateway is to hear of it. */
void mag_handover_changed(struct mag_node *node);
void mag_handovers_tell(struct mag *mag, struct now now);
/* Must the data plane keep the node though it is not served? */
bool mag_handover_keeps(const struct mag_node *node);

/* ---- handover_in.c ---- */
void mag_handover_in_hi(struct mag_handover *h, struct mag *mag, struct now now, struct mag_neighbour *n,
			const struct mh_msg *m);
bool mag_handover_profile(struct mag *mag, struct now now, uint32_t request, const struct profile *p);
/* Does the message go on with the context that an earlier one of this handover began? */
bool mag_handover_in_goes_on(const struct mag_handover *h, const struct mh_msg *m);
/* The anchor has answered all that it was asked, or will not. */
void mag_handover_in_joined(struct mag_handover *h, struct now now);
void mag_handover_in_marked(struct mag_handover *h, struct now now);
void mag_handover_in_edges(struct mag_handover *h, const struct mh_msg *m); /* it has marked some */
void mag_handover_in_ends(struct mag_handover *h, struct now now, bool tell, const char *why);
void mag_handover_in_refuse(struct mag_handover *h, struct now now, uint8_t code, const char *why);
/* What a message of the old side tells of the node. False: not what is needed to serve it. */
bool mag_handover_take(struct mag_handover *h, struct now now, const struct mh_msg *m);
/* Another gateway's word is not enough to take the packets of a node that is here: does one hold any of these prefixes?
 * All nodes are looked through; how often others can ask for that is limited (mag.handover.per-second). */
bool mag_handover_takes_from_another(const struct mag_handover *h);
void mag_handover_give(struct mag_handover *h, struct now now); /* its context to its node */
bool mag_handover_take_key(struct mag_handover *h);
void mag_handover_expect(struct mag_handover *h, struct mag_node *node); /* the data plane is to */
bool mag_handover_request_taken(const struct mag *mag, uint32_t request);
/* An output that holds for it, while it is expected. */
struct dp_out mag_handover_output(const struct mag_node *node);

/* ---- handover_arrive.c ---- */
/* The node that is expected has come to that link: it is served at once. False: memory is out. */
bool mag_handover_arrived(struct mag_node *node, struct now now, struct mag_link *link, const struct lladdr *lladdr,
			  const struct in6_addr *link_local, const char *trigger);
struct mag_node *mag_handover_expected(const struct mag *mag, const struct lladdr *lladdr);
void mag_handover_registered(struct mag_node *node, struct now now);
void mag_handover_in_complete(struct mag_handover *h, struct now now);
void mag_handover_in_silent(struct mag_handover *h, struct now now); /* reactive: no answer */
void mag_handover_fetch(struct mag_node *node, struct now now, struct mag_neighbour *from);
void mag_handover_in_hack(struct mag_handover *h, struct now now, const struct mh_msg *m);

/* ---- handover_anchor.c ---- */
void mag_handover_ask(struct mag_handover *h, struct now now, uint8_t what);
void mag_handover_ask_rest(struct mag_handover *h, struct now now); /* to join what it was not asked for yet */
void mag_handover_ask_again(struct mag_handover *h, struct now now);
bool mag_handover_anchor_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
bool mag_handover_anchor_refused(struct mag *mag, struct now now, const struct in6_addr *src); /* Binding Error */

/* ---- both ---- */
void mag_handover_node_gone(struct mag_node *node, struct now now); /* its record goes */
