/* SPDX-License-Identifier: BSD-2-Clause */
#include "fx/fx.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Records lie one after the other in one buffer: header, the used part of struct fx, then what its pointer
 * pointed to. The buffer starts over as soon as it is empty, which it is after each call into an engine; so it
 * stops growing, and no effect costs an allocation. */
struct record {
	uint32_t total;	 /* octets of the whole record, a multiple of ALIGN */
	uint16_t fx_len; /* octets of struct fx */
	uint32_t extra;	 /* octets behind it */
};

#define ALIGN 16
#define CAP_FIRST (16 * 1024)
#define CAP_KEPT (256 * 1024) /* an empty queue gives back more than this */
#define CAP_MAX (1u << 30)

struct fxq {
	uint8_t *buf;
	size_t head, tail, cap;
	uint64_t lost;
};

#define USED(member) (offsetof(struct fx, member) + sizeof(((struct fx *)0)->member))

static size_t dp_used(const struct dp_op *op)
{
	switch (op->kind) {
	case DP_TUNNEL_ADD:
	case DP_TUNNEL_DEL:
		return USED(dp.tunnel);
	case DP_ROUTE_ADD:
	case DP_ROUTE_DEL:
		return USED(dp.route);
	case DP_NODE_ADD:
	case DP_NODE_DEL:
		return USED(dp.node);
	case DP_FLOW_ADD:
		return USED(dp.n_outs);
	case DP_FLOW_DEL:
		return USED(dp.flow);
	case DP_FLOW_MARK:
		return USED(dp.label);
	case DP_OUT_ADD:
	case DP_OUT_DEL:
		return USED(dp.out);
	case DP_HANDOVER_FORWARD:
	case DP_HANDOVER_EXPECT:
	case DP_HANDOVER_END:
		return USED(dp.handover);
	case DP_HANDOVER_EDGE:
		return USED(dp.edge);
	}
	return 0;
}

static size_t used(const struct fx *fx)
{
	switch (fx->kind) {
	case FX_MH:
		return USED(mh);
	case FX_TUNNEL:
		return USED(tunnel);
	case FX_LINK:
		return USED(link);
	case FX_DP:
		return dp_used(&fx->dp);
	case FX_PROFILE:
		return USED(profile);
	case FX_EVENT:
		return USED(event);
	}
	return 0;
}

/* What the effect points to. */
static const void *extra_of(const struct fx *fx, size_t *len)
{
	*len = 0;
	switch (fx->kind) {
	case FX_MH:
		*len = fx->mh.len;
		return fx->mh.bytes;
	case FX_TUNNEL:
		*len = fx->tunnel.len;
		return fx->tunnel.bytes;
	case FX_LINK:
		*len = fx->link.len;
		return fx->link.bytes;
	case FX_DP:
		if (fx->dp.kind != DP_FLOW_ADD)
			return NULL;
		*len = fx->dp.n_outs * sizeof(*fx->dp.outs);
		return fx->dp.outs;
	case FX_PROFILE:
		*len = fx->profile.id_len;
		return fx->profile.id;
	case FX_EVENT:
		return NULL;
	}
	return NULL;
}

static void set_extra(struct fx *fx, const void *p)
{
	switch (fx->kind) {
	case FX_MH:
		fx->mh.bytes = p;
		break;
	case FX_TUNNEL:
		fx->tunnel.bytes = p;
		break;
	case FX_LINK:
		fx->link.bytes = p;
		break;
	case FX_DP:
		if (fx->dp.kind == DP_FLOW_ADD)
			fx->dp.outs = p;
		break;
	case FX_PROFILE:
		fx->profile.id = p;
		break;
	case FX_EVENT:
		break;
	}
}

struct fxq *fxq_new(void)
{
	return calloc(1, sizeof(struct fxq));
}

struct fxq *fxq_free(struct fxq *q)
{
	if (q)
		free(q->buf);
	free(q);
	return NULL;
}

/* Start over at the front of an empty buffer, and give back one that an unusual burst has made. */
static void restart(struct fxq *q)
{
	q->head = q->tail = 0;
	if (q->cap > CAP_KEPT) {
		free(q->buf);
		q->buf = NULL;
		q->cap = 0;
	}
}

/* Room for `need` octets at the tail. A half-drained queue moves down instead of growing; only when half of the
 * buffer is free, so that an octet is moved once on average. */
static bool reserve(struct fxq *q, size_t need)
{
	size_t live, cap;
	uint8_t *buf;

	if (q->head == q->tail)
		restart(q);
	if (need <= q->cap - q->tail)
		return true;
	live = q->tail - q->head;
	if (q->head >= q->cap / 2 && live + need <= q->cap) {
		memmove(q->buf, q->buf + q->head, live);
	} else {
		cap = q->cap ? q->cap * 2 : CAP_FIRST;
		while (cap < live + need)
			cap *= 2;
		if (cap > CAP_MAX)
			return false;
		buf = malloc(cap);
		if (!buf)
			return false;
		if (live)
			memcpy(buf, q->buf + q->head, live);
		free(q->buf);
		q->buf = buf;
		q->cap = cap;
	}
	q->head = 0;
	q->tail = live;
	return true;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

bool fxq_push(struct fxq *q, const struct fx *fx)
{
	size_t extra_len, fx_len = used(fx), total;
	const void *extra = extra_of(fx, &extra_len);
	struct record rec;

	assert(fx_len);
	if (extra_len > CAP_MAX / 2) {
		q->lost++;
		return false;
	}
	total = aligned(sizeof(rec)) + aligned(fx_len) + aligned(extra_len);
	if (!reserve(q, total)) {
		q->lost++;
		return false;
	}
	rec = (struct record){.total = (uint32_t)total, .fx_len = (uint16_t)fx_len, .extra = (uint32_t)extra_len};
	memcpy(q->buf + q->tail, &rec, sizeof(rec));
	memcpy(q->buf + q->tail + aligned(sizeof(rec)), fx, fx_len);
	if (extra_len)
		memcpy(q->buf + q->tail + aligned(sizeof(rec)) + aligned(fx_len), extra, extra_len);
	q->tail += total;
	return true;
}

bool fxq_pop(struct fxq *q, struct fx *ret)
{
	const uint8_t *p;
	struct record rec;

	if (q->head == q->tail) {
		restart(q);
		return false;
	}
	p = q->buf + q->head;
	memcpy(&rec, p, sizeof(rec));
	memcpy(ret, p + aligned(sizeof(rec)), rec.fx_len);
	/* The record stays in place: room is made by the next call at the earliest. */
	set_extra(ret, rec.extra ? p + aligned(sizeof(rec)) + aligned(rec.fx_len) : NULL);
	q->head += rec.total;
	return true;
}

bool fxq_empty(const struct fxq *q)
{
	return q->head == q->tail;
}

uint64_t fxq_lost(const struct fxq *q)
{
	return q->lost;
}

void fxq_mh(struct fxq *q, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes, size_t len)
{
	struct fx fx;

	fx.kind = FX_MH;
	fx.mh.src = *src;
	fx.mh.dst = *dst;
	fx.mh.bytes = bytes;
	fx.mh.len = len;
	fxq_push(q, &fx);
}

void fxq_tunnel(struct fxq *q, const struct dp_tunnel *t, const uint8_t *packet, size_t len)
{
	struct fx fx;

	fx.kind = FX_TUNNEL;
	fx.tunnel.tunnel = *t;
	fx.tunnel.bytes = packet;
	fx.tunnel.len = len;
	fxq_push(q, &fx);
}

void fxq_link(struct fxq *q, uint32_t ifindex, const uint8_t dmac[6], const uint8_t *packet, size_t len)
{
	struct fx fx;

	fx.kind = FX_LINK;
	fx.link.ifindex = ifindex;
	memcpy(fx.link.dmac, dmac, sizeof(fx.link.dmac));
	fx.link.bytes = packet;
	fx.link.len = len;
	fxq_push(q, &fx);
}

void fxq_dp(struct fxq *q, const struct dp_op *op)
{
	struct fx fx;

	fx.kind = FX_DP;
	memcpy(&fx.dp, op, dp_used(op) - offsetof(struct fx, dp));
	fxq_push(q, &fx);
}

void fxq_profile(struct fxq *q, const struct fx_profile *p)
{
	struct fx fx;

	fx.kind = FX_PROFILE;
	fx.profile = *p;
	fxq_push(q, &fx);
}

void fxq_event(struct fxq *q, const struct event *e)
{
	struct fx fx;

	fx.kind = FX_EVENT;
	fx.event = *e;
	fxq_push(q, &fx);
}
