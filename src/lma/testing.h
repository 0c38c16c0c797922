/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For the unit tests of this folder: an LMA with four MAGs, a policy store, a model of its data plane, and whatever it
 * sent in decoded form. Messages go in and come out as octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lma/lma.h"
#include "wire/ip6.h"

#define RIG_MAGS      4
#define RIG_SENT_MAX  64
#define RIG_TABLE_MAX 2048
#define RIG_UPSTREAM  7u

struct rig_sent {
	struct in6_addr src, dst;
	struct mh_msg m;
};

struct rig_list { /* a replication list */
	struct in6_addr source, group;
	uint32_t label;
	unsigned n;
	struct in6_addr to[16];
};

struct rig {
	struct lma *lma;
	struct now now;
	struct lma_conf conf;
	struct lma_mag_conf mags[RIG_MAGS];
	struct in6_addr mag[RIG_MAGS];
	uint16_t seq;

	unsigned n_profiles;
	struct profile *profiles[16]; /* the store; a node named "*" answers for all others */
	bool store_silent;
	uint32_t asked[RIG_SENT_MAX];
	unsigned n_asked;

	/* since the last rig_forget() */
	struct rig_sent sent[RIG_SENT_MAX];
	uint64_t seed; /* of the engine: another one than usual */
	unsigned n_sent, n_events[EV_N], n_links, n_queries;
	struct event event[EV_N]; /* the last of each kind */
	char upstream[1024];	  /* records reported, as text */
	char order[512];	  /* kinds of effects, as letters: m d t l e p */

	/* the data plane as it stands */
	struct dp_route route[RIG_TABLE_MAX];
	struct in6_addr tunnel[RIG_TABLE_MAX];
	struct rig_list list[RIG_TABLE_MAX];
	unsigned n_routes, n_tunnels, n_lists;
};

static inline struct in6_addr A(const char *s) {
	struct in6_addr a;

	if (!addr_parse(s, &a))
		fail_msg("not an address: %s", s);
	return a;
}

static inline struct prefix
P(const char *s) {
	struct prefix p;

	if (!prefix_parse(s, &p))
		fail_msg("not a prefix: %s", s);
	return p;
}

static inline struct nai
N(const char *s) {
	return nai_of(s, strlen(s));
}

/* ---- data plane ---- */

static inline struct rig_list *
rig_list_of(struct rig *r, const struct in6_addr *source, const struct in6_addr *group)
{
	for (unsigned i = 0; i < r->n_lists; i++)
		if (addr_eq(&r->list[i].source, source) && addr_eq(&r->list[i].group, group))
			return &r->list[i];
	return NULL;
}

static inline bool rig_has_tunnel(const struct rig *r, const struct in6_addr *to)
{
	for (unsigned i = 0; i < r->n_tunnels; i++)
		if (addr_eq(&r->tunnel[i], to))
			return true;
	return false;
}

static inline void rig_out(struct rig *r, struct rig_list *l, const struct in6_addr *to, bool add)
{
	assert_true(rig_has_tunnel(r, to));
	for (unsigned i = 0; i < l->n; i++)
		if (addr_eq(&l->to[i], to)) {
			assert_false(add);
			l->to[i] = l->to[--l->n];
			return;
		}
	assert_true(add && l->n < 16);
	l->to[l->n++] = *to;
}

static inline void rig_dp(struct rig *r, const struct dp_op *op)
{
	struct rig_list *l;
	unsigned i = 0;

	switch (op->kind) {
	case DP_TUNNEL_ADD:
		assert_false(rig_has_tunnel(r, &op->tunnel.remote));
		assert_true(addr_eq(&op->tunnel.local, &r->conf.lmaa));
		assert_true(r->n_tunnels < RIG_TABLE_MAX);
		r->tunnel[r->n_tunnels++] = op->tunnel.remote;
		return;
	case DP_TUNNEL_DEL:
		while (i < r->n_tunnels && !addr_eq(&r->tunnel[i], &op->tunnel.remote))
			i++;
		assert_true(i < r->n_tunnels);
		for (unsigned k = 0; k < r->n_routes; k++) /* after everything that names it */
			assert_false(addr_eq(&r->route[k].tunnel.remote, &op->tunnel.remote));
		r->tunnel[i] = r->tunnel[--r->n_tunnels];
		return;
	case DP_ROUTE_ADD:
		assert_true(rig_has_tunnel(r, &op->route.tunnel.remote));
		while (i < r->n_routes && !prefix_eq(&r->route[i].prefix, &op->route.prefix))
			i++;
		assert_true(i < RIG_TABLE_MAX);
		r->route[i] = op->route;
		r->n_routes += i == r->n_routes;
		return;
	case DP_ROUTE_DEL:
		while (i < r->n_routes && !prefix_eq(&r->route[i].prefix, &op->route.prefix))
			i++;
		assert_true(i < r->n_routes);
		r->route[i] = r->route[--r->n_routes];
		return;
	case DP_FLOW_ADD:
		assert_int_equal(op->flow.in.ifindex, RIG_UPSTREAM);
		assert_null(rig_list_of(r, &op->flow.source, &op->flow.group));
		assert_true(r->n_lists < RIG_TABLE_MAX);
		l = &r->list[r->n_lists++];
		*l = (struct rig_list){.source = op->flow.source, .group = op->flow.group, .label = op->label};
		for (uint32_t k = 0; k < op->n_outs; k++)
			rig_out(r, l, &op->outs[k].tunnel.remote, true);
		return;
	case DP_FLOW_DEL:
		l = rig_list_of(r, &op->flow.source, &op->flow.group);
		assert_non_null(l);
		*l = r->list[--r->n_lists];
		return;
	case DP_OUT_ADD:
	case DP_OUT_DEL:
		l = rig_list_of(r, &op->flow.source, &op->flow.group);
		assert_non_null(l);
		rig_out(r, l, &op->out.tunnel.remote, op->kind == DP_OUT_ADD);
		return;
	case DP_FLOW_MARK: /* of a list that may be gone */
		l = rig_list_of(r, &op->flow.source, &op->flow.group);
		if (l)
			l->label = op->label;
		return;
	case DP_NODE_ADD:
	case DP_NODE_DEL:
	case DP_HANDOVER_FORWARD:
	case DP_HANDOVER_EXPECT:
	case DP_HANDOVER_EDGE:
	case DP_HANDOVER_END:
		break;
	}
	fail_msg("an LMA has no use for %s", dp_op_name(op->kind));
}

/* Where a packet of (source, group) is copied to. */
static inline bool rig_copies(struct rig *r, const char *source, const char *group, unsigned mag)
{
	struct in6_addr s = A(source), g = A(group);
	struct rig_list *l = rig_list_of(r, &s, &g);

	if (!l)
		l = rig_list_of(r, &addr_any, &g);
	for (unsigned i = 0; l && i < l->n; i++)
		if (addr_eq(&l->to[i], &r->mag[mag]))
			return true;
	return false;
}

/* -1: no route. */
static inline int rig_route(const struct rig *r, const struct prefix *p)
{
	for (unsigned i = 0; i < r->n_routes; i++)
		if (prefix_eq(&r->route[i].prefix, p))
			for (int k = 0; k < RIG_MAGS; k++)
				if (addr_eq(&r->route[i].tunnel.remote, &r->mag[k]))
					return k;
	return -1;
}

/* ---- effects ---- */

static inline void rig_upstream_packet(struct rig *r, const struct fx *fx)
{
	struct mld_packet p;
	struct mld_record rec;
	size_t cursor = 0, len;
	char group[ADDR_STR_MAX];

	assert_int_equal(fx->link.ifindex, RIG_UPSTREAM);
	assert_int_equal(mld_decode(fx->link.bytes, fx->link.len, &p), MLD_OK);
	assert_int_equal(p.type, MLD_V2_REPORT);
	while (mld_next_record(&p, &cursor, &rec)) {
		len = strlen(r->upstream);
		snprintf(r->upstream + len, sizeof(r->upstream) - len, "%s(%s,%u) ", mld_record_name(rec.type),
			 addr_str(&rec.group, group), rec.n);
	}
	r->n_links++;
}

static inline const struct profile *rig_profile_of(const struct rig *r, const uint8_t *id, size_t len)
{
	struct nai mn = nai_of(id, len), any = N("*");

	for (unsigned i = 0; i < r->n_profiles; i++)
		if (nai_eq(&r->profiles[i]->mn, &mn) || nai_eq(&r->profiles[i]->mn, &any))
			return r->profiles[i];
	return NULL;
}

static inline void rig_effect(struct rig *r, const struct fx *fx)
{
	struct rig_sent *s;
	struct mld_packet p;
	size_t len = strlen(r->order);

	if (len + 1 < sizeof(r->order))
		r->order[len] = "mtldpe"[fx->kind], r -> order[len + 1] = 0;
	switch (fx->kind) {
	case FX_MH:
		s = &r->sent[r->n_sent++ % RIG_SENT_MAX];
		s->src = fx->mh.src;
		s->dst = fx->mh.dst;
		assert_int_equal(
			mh_decode(&(struct mh_conf){r->conf.pen}, fx->mh.bytes, fx->mh.len, &s->src, &s->dst, &s->m),
			MH_OK);
		return;
	case FX_TUNNEL:
		assert_true(rig_has_tunnel(r, &fx->tunnel.tunnel.remote));
		assert_int_equal(mld_decode(fx->tunnel.bytes, fx->tunnel.len, &p), MLD_OK);
		assert_int_equal(p.type, MLD_QUERY);
		r->n_queries++;
		return;
	case FX_LINK:
		rig_upstream_packet(r, fx);
		return;
	case FX_DP:
		rig_dp(r, &fx->dp);
		return;
	case FX_PROFILE: {
		uint32_t request = fx->profile.request;
		const struct profile *profile = rig_profile_of(r, fx->profile.id, fx->profile.id_len);

		r->asked[r->n_asked++ % RIG_SENT_MAX] = request;
		if (!r->store_silent)
			lma_profile(r->lma, r->now, request, profile);
		return;
	}
	case FX_EVENT:
		r->n_events[fx->event.kind]++;
		r->event[fx->event.kind] = fx->event;
		return;
	}
}

static inline void rig_drain(struct rig *r)
{
	struct fx fx;

	while (lma_pop(r->lma, &fx))
		rig_effect(r, &fx);
}

static inline void rig_forget(struct rig *r)
{
	r->n_sent = r->n_links = r->n_queries = r->n_asked = 0;
	memset(r->n_events, 0, sizeof(r->n_events));
	r->upstream[0] = r->order[0] = 0;
}

/* Time goes by, deadline for deadline. */
static inline void rig_pass(struct rig *r, span_t span)
{
	mono_t until = mono_add(r->now.mono, span);

	lma_expire(r->lma, r->now); /* what fell due while messages were made */
	rig_drain(r);
	for (;;) {
		mono_t next = lma_next_deadline(r->lma);

		if (mono_before(until, next))
			next = until;
		assert_false(mono_before(next, r->now.mono)); /* no timer in the past */
		r->now.wall.ns += mono_sub(next, r->now.mono).ns;
		r->now.mono = next;
		lma_expire(r->lma, r->now);
		rig_drain(r);
		if (next.ns == until.ns && mono_before(until, lma_next_deadline(r->lma)))
			return;
	}
}

/* ---- life ---- */

static inline struct rig *rig_conf(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->now = (struct now){{1000000000000}, {1700000000000000000}};
	lma_conf_defaults(&r->conf);
	r->conf.lmaa = A("2001:db8:ff::1");
	r->conf.n_mags = RIG_MAGS;
	r->conf.mags = r->mags;
	for (unsigned i = 0; i < RIG_MAGS; i++) {
		char text[64];

		snprintf(text, sizeof(text), "2001:db8:%u::1", i + 1);
		r->mag[i] = A(text);
		snprintf(r->mags[i].name, sizeof(r->mags[i].name), "mag%u", i + 1);
		r->mags[i].proxy_coa = (struct prefix){r->mag[i], 128};
	}
	r->conf.heartbeat_interval = span_s(0); /* but where they are what is tested */
	r->conf.n_pools = 1;
	r->conf.pools[0] = P("2001:db8:f00::/48");
	return r;
}

static inline struct profile *rig_profile(struct rig *r, const char *mn)
{
	struct profile *p = profile_new();

	p->mn = N(mn);
	r->profiles[r->n_profiles++] = p;
	return p;
}

static inline void rig_start(struct rig *r)
{
	struct in6_addr self = A("fe80::1234");

	if (!r->n_profiles)
		rig_profile(r, "*");
	r->lma = lma_new(&r->conf, r->now, 42 + r->seed);
	assert_non_null(r->lma);
	lma_upstream(r->lma, r->now, RIG_UPSTREAM, &self, 1500);
	rig_drain(r);
}

static inline struct rig *rig_new(void)
{
	struct rig *r = rig_conf();

	rig_start(r);
	return r;
}

static inline void rig_free(struct rig *r)
{
	if (r->lma)
		lma_free(r->lma);
	for (unsigned i = 0; i < r->n_profiles; i++) {
		assert_int_equal(r->profiles[i]->refs, 1); /* the engine gave back what it took */
		profile_unref(r->profiles[i]);
	}
	free(r);
}

/* ---- messages ---- */

/* A registration as a MAG would send it first: new interface, any prefix, Ethernet, with timestamp. Change it, then
 * rig_send(). */
static inline struct mh_msg *rig_pbu(struct rig *r, const char *mn, uint8_t llid)
{
	static struct mh_msg m;
	uint8_t mac[6] = {2, 0, 0, 0, 0, llid};

	mh_init(&m, MH_BU);
	m.seq = ++r->seq;
	m.flags = MH_BU_P | MH_BU_A;
	m.lifetime_4s = 100;
	m.has = MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = N(mn);
	m.handoff = MH_HANDOFF_NEW_INTERFACE;
	m.att = MH_ATT_ETHERNET;
	m.llid = lladdr_of(mac, 6);
	m.n_hnp = 1;
	r->now.mono.ns += 100000; /* so that two have different timestamps */
	r->now.wall.ns += 100000;
	m.timestamp = mh_timestamp_of(r->now.wall.ns);
	return &m;
}

static inline void rig_send_from(struct rig *r, const struct in6_addr *src, const struct mh_msg *m)
{
	uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&(struct mh_conf){r->conf.pen}, m, src, &r->conf.lmaa, bytes, sizeof(bytes));

	assert_true(len > 0);
	lma_recv_mh(r->lma, r->now, src, &r->conf.lmaa, bytes, len);
	rig_drain(r);
}

static inline void rig_send(struct rig *r, unsigned mag, const struct mh_msg *m)
{
	rig_send_from(r, &r->mag[mag], m);
}

/* The last message of that type that was sent since rig_forget(), or NULL. */
static inline const struct rig_sent *rig_last(const struct rig *r, enum mh_type type)
{
	for (unsigned i = r->n_sent; i-- > 0 && i + RIG_SENT_MAX >= r->n_sent;)
		if (r->sent[i % RIG_SENT_MAX].m.type == type)
			return &r->sent[i % RIG_SENT_MAX];
	return NULL;
}

static inline unsigned rig_count(const struct rig *r, enum mh_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_sent && i < RIG_SENT_MAX; i++)
		n += r->sent[i].m.type == type;
	return n;
}

/* The status of the one answer to `m`; -1: none came. */
static inline int rig_status(struct rig *r, unsigned mag, const struct mh_msg *m)
{
	const struct rig_sent *s;

	rig_forget(r);
	rig_send(r, mag, m);
	s = rig_last(r, MH_BA);
	if (!s)
		return -1;
	assert_int_equal(rig_count(r, MH_BA), 1);
	assert_true(addr_eq(&s->dst, &r->mag[mag]));
	assert_true(addr_eq(&s->src, &r->conf.lmaa));
	return s->m.status;
}

/* Register and return the first prefix. */
static inline struct prefix rig_register(struct rig *r, unsigned mag, const char *mn, uint8_t llid)
{
	assert_int_equal(rig_status(r, mag, rig_pbu(r, mn, llid)), MH_ACCEPTED);
	return rig_last(r, MH_BA)->m.hnp[0];
}

static inline void rig_ask(struct mh_msg *m, const char *group, const char *source)
{
	struct in6_addr g = A(group), s = source ? A(source) : addr_any;

	m->flags |= MH_BU_S;
	m->has |= MH_HAS_AMS;
	assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, source ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE, &g,
				  &s, source ? 1 : 0, MH_AMS_SOURCES));
}

/* The result of the group in a message; -1: not told. */
static inline int rig_result(const struct rig_sent *s, const char *group)
{
	struct in6_addr g = A(group);

	for (unsigned i = s->m.result.first; i < s->m.result.first + s->m.result.n; i++)
		if (addr_eq(&s->m.records[i].group, &g))
			return s->m.records[i].result;
	return -1;
}

/* The result of one source of the group; -1: not told. */
static inline int rig_source_result(const struct rig_sent *s, const char *group, const char *source)
{
	struct in6_addr g = A(group), a = A(source);

	for (unsigned i = s->m.result.first; i < s->m.result.first + s->m.result.n; i++)
		for (unsigned k = 0; k < s->m.records[i].n; k++)
			if (addr_eq(&s->m.records[i].group, &g) &&
			    addr_eq(&s->m.sources[s->m.records[i].first + k], &a))
				return s->m.records[i].result;
	return -1;
}

/* A MAG reports by MLD in its tunnel. */
static inline void rig_mld(struct rig *r, unsigned mag, uint8_t type, const char *group, const char *source)
{
	struct in6_addr self = A("fe80::200:5eff:fe00:5213"), g = A(group), s = source ? A(source) : addr_any;
	struct dp_tunnel t = {r->conf.lmaa, r->mag[mag]};
	struct mld_report rep;
	uint8_t bytes[1280];

	assert_true(mld_report_begin(&rep, &self, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&rep, type, &g, &s, source ? 1 : 0));
	lma_recv_tunnel(r->lma, r->now, &t, bytes, mld_report_finish(&rep));
	rig_drain(r);
}

/* ---- views ---- */

struct rig_counter {
	const char *name;
	uint64_t value;
	bool found;
};

static inline void rig_counter_each(void *arg, const char *name, uint64_t value)
{
	struct rig_counter *c = arg;

	if (!strcmp(c->name, name)) {
		c->value = value;
		c->found = true;
	}
}

static inline uint64_t rig_counter(const struct rig *r, const char *name)
{
	struct rig_counter c = {.name = name};

	lma_each_counter(r->lma, rig_counter_each, &c);
	if (!c.found)
		fail_msg("no counter %s", name);
	return c.value;
}

static inline void rig_binding_each(void *arg, const struct lma_binding_view *v)
{
	struct lma_binding_view *to = arg;
	static struct prefix prefixes[DP_NODE_PREFIX_MAX];

	*to = *v;
	memcpy(prefixes, v->prefixes, v->n_prefixes * sizeof(*prefixes));
	to->prefixes = prefixes;
}

/* The node's (last) binding; n_prefixes 0: it has none. */
static inline struct lma_binding_view rig_binding(const struct rig *r, const char *mn)
{
	struct lma_binding_view v = {.n_prefixes = 0};
	struct nai id = N(mn);

	lma_find_bindings(r->lma, &id, rig_binding_each, &v);
	return v;
}

static inline bool rig_is_at(const struct rig *r, const char *mn, const struct in6_addr *proxy_coa)
{
	struct lma_binding_view v = rig_binding(r, mn);

	return v.n_prefixes && addr_eq(&v.proxy_coa, proxy_coa);
}
