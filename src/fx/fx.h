/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Effects: what an engine wants done. Each call into an engine may queue several; the caller drains the
 * queue afterwards, in order. One kind of queue for LMA and MAG, so that the shell, the simulation and the
 * tests each have one executor. */
#include "base/addr.h"
#include "base/time.h"
#include "fx/dp_op.h"
#include "fx/event.h"

enum fx_kind {
	FX_MH,		/* a Mobility Header message, checksum filled in */
	FX_TUNNEL,	/* an IPv6 packet (MLD) into the tunnel, hop limit as it stands */
	FX_LINK,	/* an IPv6 packet (RA, NS, MLD) to a link */
	FX_DP,		/* a data-plane operation */
	FX_PROFILE,	/* asks the policy store; the answer comes back by lma_profile() or mag_profile() */
	FX_EVENT,	/* something happened that an operator may want to know */
};

/* A question to the policy store: by MN identifier if there is one, else by link-layer address. */
struct fx_profile {
	uint32_t request; /* echo it in the answer */
	struct lladdr lladdr;
	uint16_t id_len;
	const uint8_t *id; /* MN identifier, no terminator; subtype is NAI */
};

struct fx {
	enum fx_kind kind;
	union {
		struct {
			struct in6_addr src, dst;
			const uint8_t *bytes;
			size_t len;
		} mh;
		struct {
			struct dp_tunnel tunnel;
			const uint8_t *bytes;
			size_t len;
		} tunnel;
		struct {
			uint32_t ifindex;
			uint8_t dmac[6];
			const uint8_t *bytes; /* from the IPv6 header on */
			size_t len;
		} link;
		struct dp_op dp;
		struct fx_profile profile;
		struct event event;
	};
};

/* The queue copies what it is given, pointed-to bytes included. */
struct fxq;
struct fxq *fxq_new(void);
struct fxq *fxq_free(struct fxq *q);
/* False: out of memory; the effect is lost and counted by fxq_lost(). */
bool fxq_push(struct fxq *q, const struct fx *fx);
/* The oldest effect; its pointers stay valid until the next call on this queue. False: empty. */
bool fxq_pop(struct fxq *q, struct fx *ret);
bool fxq_empty(const struct fxq *q);
uint64_t fxq_lost(const struct fxq *q);

/* Short forms. */
void fxq_mh(struct fxq *q, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes, size_t len);
void fxq_tunnel(struct fxq *q, const struct dp_tunnel *t, const uint8_t *packet, size_t len);
void fxq_link(struct fxq *q, uint32_t ifindex, const uint8_t dmac[6], const uint8_t *packet, size_t len);
void fxq_dp(struct fxq *q, const struct dp_op *op);
void fxq_profile(struct fxq *q, const struct fx_profile *p);
void fxq_event(struct fxq *q, const struct event *e);
