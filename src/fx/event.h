/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Events: the facts that `roamcast monitor`, `show events` and the log tell. One flat record; fields that
 * do not apply are zero. */
#include "base/addr.h"
#include "base/nai.h"

#include <stdint.h>

enum event_kind {
	/* node at a MAG */
	EV_NODE_SEEN,		/* a link-layer address was heard */
	EV_NODE_UNKNOWN,	/* the policy store knows no such node */
	EV_NODE_REFUSED,	/* profile forbids this MAG or PMIPv6 */
	EV_NODE_ATTACHED,	/* identified, registration begins */
	EV_NODE_REGISTERED,	/* PBA accepted */
	EV_NODE_REGISTRATION_FAILED, /* PBA refused; status */
	EV_NODE_LMA_SILENT,	/* registration retransmitted, no answer */
	EV_NODE_MOVED_AWAY,	/* revoked: the node is at another MAG */
	EV_NODE_DETACHED,
	/* predictive handover, at the old and at the new MAG; peer is the other one */
	EV_HANDOVER_STARTED,	/* the new MAG is asked; or: the old one asked us */
	EV_HANDOVER_READY,	/* the node may be sent over; or: it may come */
	EV_HANDOVER_ARRIVED,	/* the node is on a link of the new MAG, what was held is released */
	EV_HANDOVER_COMPLETED,	/* every seam is closed, forwarding has ended */
	EV_HANDOVER_CANCELLED,	/* detail says why */
	EV_HANDOVER_FAILED,	/* likewise; status is the code of the HAck */
	/* binding at an LMA */
	EV_BINDING_CREATED,
	EV_BINDING_REFRESHED,
	EV_BINDING_MOVED,	/* handover; peer is the new MAG, old_peer the one before */
	EV_BINDING_DEREGISTERED, /* it ends, and is kept for a moment; detail = how */
	EV_BINDING_DELETED,
	EV_BINDING_EXPIRED,
	EV_BINDING_REFUSED,	/* PBU refused; status */
	EV_BINDING_REVOKED,	/* BRI answered (status) or given up */
	/* multicast, at either */
	EV_SUBSCRIBED,		/* group, source, origin */
	EV_UNSUBSCRIBED,
	EV_SUBSCRIPTION_REFUSED, /* status is an enum sub_result */
	EV_GROUP_JOINED,	/* upstream, for the first listener */
	EV_GROUP_LEFT,		/* upstream, after the last */
	EV_GROUP_TERMINATED,	/* by the network */
	EV_SOURCE_SILENT,
	/* peers and links */
	EV_PEER_UP,		/* first message from a MAG or LMA; detail = capabilities */
	EV_PEER_LEGACY,		/* no capability option: MLD in the tunnel */
	EV_PEER_DOWN,
	EV_PEER_RESTARTED,	/* it lost its state, by its heartbeat (RFC 5847) */
	EV_LINK_UP,
	EV_LINK_DOWN,
	EV_LIMIT,		/* a configured limit was reached; detail names it, link and peer (a host) who did */
	EV_MLD_WARNING,		/* what RFC 3810, 3590 and 4604 have logged; peer sent it */
	EV_QUERIER_CHANGED,	/* of a link; peer is the querier now */
	EV_MLD_VERSION,		/* that is spoken upstream, as detail says; peer is the querier */
	EV_POLICY_CHANGED,
	EV_N
};

struct event {
	enum event_kind kind;
	struct nai mn;
	struct in6_addr peer, old_peer;
	struct in6_addr group, source;
	uint32_t ifindex;
	char link[32];	    /* its name; empty: the shell looks it up */
	uint32_t node;	    /* a MAG's number of the node */
	struct lladdr lladdr;
	int32_t status;	    /* PBA, BRA or subscription status, by kind; -1 = none */
	uint8_t origin;	    /* enum sub_origin */
	char detail[64];
};

const char *event_name(enum event_kind kind); /* "node-registered", ... */
