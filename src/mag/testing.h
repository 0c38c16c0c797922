/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For the unit tests of this folder: a gateway with a policy store and anchors that are played here. What the engine
 * does becomes words of three texts, which tests compare: `said` (messages and packets), `data` (the data plane),
 * `events`.
 *
 *   said   PBU(mn1 hi=4 life=3600 S ff1e::1=EX{})  MLD(TO_EX ff1e::1{})  RA(2001:db8:f00:1::/64 3600)  Q  Q(ff1e::1) NS
 *   data   tunnel+ node1+  ff1e::1+1  ff1e::1-1  node1-
 *
 * mnN has the address 02:00:00:00:00:NN, is expected on any link, and gets the prefix 2001:db8:f00:N::/64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mag/mag.h"
#include "wire/ip6.h"
#include "wire/nd.h"

#define NODES 8

/* The usual group, another, a source-specific one and its source; and the words of a usual life. */
#define G "ff1e::1"
#define H "ff1e::2"
#define SSM "ff3e::1"
#define S "2001:db8:aa::5"
#define PBU1 "PBU(mn1 hi=4 life=3600 S)"
#define RA1 "RA(2001:db8:f00:1::/64 3600)"
#define WITHDRAWN1 "RA(2001:db8:f00:1::/64 0 no-router)"
#define REFRESH1 "PBU(mn1 hi=5 life=3600 S)"
#define GONE1 "PBU(mn1 hi=4 life=0)"
#define GONE1_S "PBU(mn1 hi=4 life=0 S"

struct text {
	char s[65536];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static inline void text_add(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	if (t->len)
		t->s[t->len++] = ' ';
	va_start(ap, format);
	n = vsnprintf(t->s + t->len, sizeof(t->s) - t->len - 1, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(t->s) - t->len - 1);
	t->len += (size_t)n;
}

struct bench {
	struct mag *mag;
	/* where messages between gateways go; NULL: nowhere */
	void (*carry)(struct bench *b, const struct fx *fx, const struct mh_msg *m);
	struct mag_conf conf;
	struct now now;
	struct text said, data, events;
	struct event limit; /* the last of these */
	bool probes; /* are shown; left out otherwise, as they are beside the point of most tests */
	struct in6_addr ra_src; /* of the last advertisement */
	bool dead;   /* the nodes do not answer Neighbor Solicitations */

	struct profile *profile[NODES + 1];
	bool store_silent;

	/* the anchors, all alike */
	bool lma_silent, legacy, no_prefix, other_seq, other_llid, other_handoff;
	uint8_t status; /* of the answers */
	uint16_t lifetime_s, advice_s;
	uint16_t features;	    /* that they announce */
	uint16_t role;		    /* that they give; 0 = none */
	bool asks_back;		    /* S in the answer to a registration */
	const char *context[4];	    /* groups in it, source-specific ones of S */
	const char *more_after;	    /* and that there are more behind this one */
	struct in6_addr refused[4]; /* groups that they refuse */
	unsigned n_refused;
	struct in6_addr told_link_local;
	struct mh_msg pbu; /* the last */
	struct in6_addr pbu_dst;
	uint8_t query_seq;
	unsigned n_pbu, n_profile_requests;
	uint16_t seqs[64];
	uint64_t stamps[64];
	/* queued answers: the engine is not called while its effects are drained */
	struct {
		struct in6_addr src;
		uint8_t bytes[MH_LEN_MAX];
		size_t len;
	} reply[64];
	unsigned n_replies;
	struct {
		uint32_t ifindex;
		unsigned node;
	} solicited[64];
	unsigned n_solicited;
	struct fx_profile asked[128];
	struct nai asked_mn[128];
	unsigned n_asked;
};

static inline struct in6_addr addr(const char *s)
{
	struct in6_addr a;

	if (!addr_parse(s, &a))
		fail_msg("not an address: %s", s);
	return a;
}

#define LMA addr("2001:db8:ff::1")
#define LMA2 addr("2001:db8:ff::2")
#define COA addr("2001:db8:1::1")

static inline struct nai mn(unsigned n)
{
	char s[16];

	snprintf(s, sizeof(s), "mn%u", n);
	return nai_of(s, strlen(s));
}

static inline struct lladdr mac(unsigned n)
{
	uint8_t b[6] = {2, 0, 0, 0, 0, (uint8_t)n};

	return lladdr_of(b, 6);
}

static inline struct in6_addr link_local(unsigned n)
{
	struct in6_addr a = addr("fe80::1000");

	a.s6_addr[15] = (uint8_t)n;
	return a;
}

static inline struct prefix home(unsigned n)
{
	struct prefix p = {.addr = addr("2001:db8:f00::"), .len = 64};

	p.addr.s6_addr[7] = (uint8_t)n;
	return p;
}

/* ---- what the engine does, as words ---- */

static inline void list_sources(char *to, size_t cap, const struct in6_addr *v, size_t n)
{
	char a[ADDR_STR_MAX];
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(to + len, cap - len, "%s%s", i ? "," : "", addr_str(&v[i], a));
}

static inline const char *record_word(const struct mh_msg *m, const struct mh_record *r, char *to, size_t cap)
{
	char a[ADDR_STR_MAX], v[2048];

	list_sources(v, sizeof(v), &m->sources[r->first], r->n);
	snprintf(to, cap, " %s=%s{%s}", addr_str(&r->group, a), r->type == MLD_MODE_IS_INCLUDE ? "IN" : "EX", v);
	return to;
}

static inline void queue_reply(struct bench *b, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mh_conf c = {.pen = b->conf.pen};
	struct in6_addr dst = b->conf.proxy_coa;

	assert_true(b->n_replies < 64);
	b->reply[b->n_replies].src = *src;
	b->reply[b->n_replies].len = mh_encode(&c, m, src, &dst, b->reply[b->n_replies].bytes, MH_LEN_MAX);
	assert_true(b->reply[b->n_replies].len > 0);
	b->n_replies++;
}

static inline bool is_refused(const struct bench *b, const struct in6_addr *group)
{
	for (unsigned i = 0; i < b->n_refused; i++)
		if (addr_eq(&b->refused[i], group))
			return true;
	return false;
}

static inline void said_heartbeat(struct bench *b, const struct mh_msg *m)
{
	if (!(m->flags & MH_HEARTBEAT_R))
		text_add(&b->said, "HEARTBEAT?(%u)", m->heartbeat_seq);
	else
		text_add(&b->said, "HEARTBEAT(%u restarts=%u%s)", m->heartbeat_seq, m->restart_counter,
			 m->flags & MH_HEARTBEAT_U ? " U" : "");
}

static inline void put_results(struct bench *b, const struct mh_msg *pbu, struct mh_msg *m)
{
	for (unsigned i = 0; i < pbu->ams.n; i++) {
		const struct mh_record *r = &pbu->records[pbu->ams.first + i];
		unsigned at = m->n_records;

		assert_true(mh_add_record(m, &m->result, r->proto, r->type, &r->group, &pbu->sources[r->first], r->n,
					  MH_AMS_SOURCES));
		for (; at < m->n_records; at++)
			m->records[at].result = is_refused(b, &r->group) ? MH_SUB_PROHIBITED : MH_SUB_ACCEPTED;
		m->has |= MH_HAS_RESULT;
	}
}

/* The groups of a context into a message. */
static inline void put_context(struct mh_msg *m, const char *const *groups, size_t n, const char *more_after)
{
	struct in6_addr source = addr(S);

	for (size_t i = 0; i < n && groups[i]; i++) {
		struct in6_addr g = addr(groups[i]);
		bool ssm = addr_is_ssm(&g);

		assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, ssm ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE,
					  &g, &source, ssm, MH_AMS_SOURCES));
		m->has |= MH_HAS_AMS;
	}
	if (more_after) {
		m->has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
		m->more_after = addr(more_after);
	}
}

/* What an anchor says to a PBU. */
static inline void answer_pbu(struct bench *b, const struct mh_msg *pbu, const struct in6_addr *lma)
{
	unsigned n = 0;
	struct mh_msg m;

	mh_init(&m, MH_BA);
	m.flags = MH_BA_P;
	m.status = b->status;
	m.seq = b->other_seq ? (uint16_t)(pbu->seq + 7) : pbu->seq;
	m.lifetime_4s = pbu->lifetime_4s && b->lifetime_s ? b->lifetime_s / 4 : pbu->lifetime_4s;
	m.has = pbu->has &
		(MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP | MH_HAS_LINK_LOCAL);
	m.mn_id_subtype = pbu->mn_id_subtype;
	m.mn_id = pbu->mn_id;
	m.handoff = b->other_handoff ? 1 : pbu->handoff;
	m.att = pbu->att;
	m.llid = b->other_llid ? mac(99) : pbu->llid;
	m.timestamp = pbu->timestamp;
	m.link_local = b->told_link_local;
	sscanf(pbu->mn_id.s, "mn%u", &n);
	m.n_hnp = 1;
	m.hnp[0] = b->no_prefix ? (struct prefix){.len = 0} : addr_is_any(&pbu->hnp[0].addr) ? home(n) : pbu->hnp[0];
	if (b->advice_s) {
		m.has |= MH_HAS_REFRESH_ADVICE;
		m.refresh_advice_4s = b->advice_s / 4;
	}
	if (!b->legacy) {
		m.has |= MH_HAS_CAPABILITIES;
		m.capabilities = (struct mh_capabilities){1, 1, b->features, 32};
		m.role = b->role;
		m.has |= b->role ? MH_HAS_ROLE : 0;
		if (m.status < MH_UNSPECIFIED)
			put_results(b, pbu, &m);
	}
	if (b->asks_back && pbu->lifetime_4s && pbu->handoff != MH_HANDOFF_REREGISTRATION) {
		m.flags |= MH_BA_S;
		put_context(&m, b->context, 4, b->more_after);
	}
	queue_reply(b, lma, &m);
}

static inline void said_pbu(struct bench *b, const struct mh_msg *m, const struct in6_addr *dst)
{
	char groups[4096] = "", one[2304];
	struct in6_addr lma2 = LMA2;

	for (unsigned i = 0; i < m->ams.n; i++)
		strcat(groups, record_word(m, &m->records[m->ams.first + i], one, sizeof(one)));
	for (unsigned i = 0; i < m->result.n; i++) {
		const struct mh_record *r = &m->records[m->result.first + i];
		char a[ADDR_STR_MAX];

		snprintf(one, sizeof(one), " %s%s", r->result ? "no:" : "yes:", addr_str(&r->group, a));
		strcat(groups, one);
	}
	text_add(&b->said, "PBU%s(%s hi=%u life=%u%s%s%s)", addr_eq(dst, &lma2) ? "2" : "", m->mn_id.s, m->handoff,
		 m->lifetime_4s * 4, m->flags & MH_BU_S ? " S" : "", groups, m->has & MH_HAS_MORE ? " more" : "");
	b->seqs[b->n_pbu % 64] = m->seq;
	b->stamps[b->n_pbu % 64] = m->timestamp;
	b->n_pbu++;
	b->pbu = *m;
	b->pbu_dst = *dst;
	if (!b->lma_silent)
		answer_pbu(b, m, dst);
}

/* HI(mn1 U c0 ff1e::1=EX{})  HAck(mn1 c6 key -ff1e::1 -ff1e::2:unsupported) */
static inline void said_handover(struct bench *b, const struct mh_msg *m)
{
	char groups[4096] = "", one[2304], a[ADDR_STR_MAX];
	bool hi = m->type == MH_HI;

	for (unsigned i = 0; i < m->mmo.n; i++)
		strcat(groups, record_word(m, &m->records[m->mmo.first + i], one, sizeof(one)));
	for (unsigned i = 0; i < m->mma.n; i++) {
		snprintf(one, sizeof(one), " -%s%s", addr_str(&m->records[m->mma.first + i].group, a),
			 m->records[m->mma.first + i].result == MH_MMA_GROUP_UNSUPPORTED ? ":unsupported" : "");
		strcat(groups, one);
	}
	text_add(&b->said, "%s(%s%s%s c%u%s%s%s)", hi ? "HI" : "HAck", m->mn_id.s,
		 m->flags & (hi ? MH_HI_U : MH_HACK_U) ? " U" : "", m->flags & (hi ? MH_HI_F : MH_HACK_F) ? " F" : "",
		 m->status, m->has & MH_HAS_MARK ? " key" : "", groups, m->has & MH_HAS_MORE ? " more" : "");
}

/* SQ: a Subscription Query, SR: a response. */
static inline void said_subscriptions(struct bench *b, const struct mh_msg *m)
{
	char groups[4096] = "", one[2304], a[ADDR_STR_MAX];

	for (unsigned i = 0; i < m->ams.n; i++)
		strcat(groups, record_word(m, &m->records[m->ams.first + i], one, sizeof(one)));
	if (m->has & MH_HAS_MORE_AFTER) {
		snprintf(one, sizeof(one), " behind %s", addr_str(&m->more_after, a));
		strcat(groups, one);
	}
	if (m->type == MH_SUBSCRIPTION_QUERY) {
		text_add(&b->said, "SQ(%s%s%s)", m->mn_id.s,
			 !(m->has & MH_HAS_MARK) ? "" : m->mark == MH_MARK_JOIN ? " join" : " label", groups);
		b->query_seq = (uint8_t)m->seq;
	} else {
		text_add(&b->said, "SR(%u %s%s%s%s)", m->seq, m->mn_id.s, m->flags & MH_SUBSCRIPTION_I ? " I" : "",
			 m->has & MH_HAS_CONTEXT ? " known" : "", groups);
	}
}

static inline void said_mh(struct bench *b, const struct fx *fx)
{
	struct mh_conf c = {.pen = b->conf.pen};
	struct mh_msg m;

	assert_int_equal(mh_decode(&c, fx->mh.bytes, fx->mh.len, &fx->mh.src, &fx->mh.dst, &m), MH_OK);
	assert_true(fx->mh.len <= 1240);
	if (m.type == MH_BU)
		said_pbu(b, &m, &fx->mh.dst);
	else if (m.type == MH_REVOCATION)
		text_add(&b->said, "BRA(%u)", m.status);
	else if (m.type == MH_UPA)
		text_add(&b->said, "UPA(%u)", m.status);
	else if (m.type == MH_BE)
		text_add(&b->said, "BE(%u)", m.status);
	else if (m.type == MH_SUBSCRIPTION_QUERY || m.type == MH_SUBSCRIPTION_RESPONSE)
		said_subscriptions(b, &m);
	else if (m.type == MH_HEARTBEAT)
		said_heartbeat(b, &m);
	else if (m.type == MH_HI || m.type == MH_HACK)
		said_handover(b, &m);
	else
		fail_msg("unexpected MH type %d", m.type);
	if (b->carry)
		b->carry(b, fx, &m);
}

static inline void said_tunnel(struct bench *b, const struct fx *fx)
{
	char a[ADDR_STR_MAX], v[4096];
	struct in6_addr sources[256], lma2 = LMA2;
	struct mld_packet p;
	struct mld_record r;
	size_t cursor = 0;

	assert_int_equal(mld_decode(fx->tunnel.bytes, fx->tunnel.len, &p), MLD_OK);
	assert_int_equal(p.type, MLD_V2_REPORT);
	while (mld_next_record(&p, &cursor, &r)) {
		assert_true(r.n <= 256);
		for (size_t i = 0; i < r.n; i++)
			sources[i] = mld_source(r.sources, i);
		list_sources(v, sizeof(v), sources, r.n);
		text_add(&b->said, "MLD%s(%s %s{%s})", addr_eq(&fx->tunnel.tunnel.remote, &lma2) ? "2" : "",
			 mld_record_name(r.type), addr_str(&r.group, a), v);
	}
}

static inline void said_link(struct bench *b, const struct fx *fx)
{
	char a[ADDR_STR_MAX], pfx[PREFIX_STR_MAX], all[1024] = "";
	struct mld_packet q;
	struct nd_msg m;
	struct ip6_view ip;

	if (nd_decode(fx->link.bytes, fx->link.len, &m) == ND_OK) {
		if (m.type == ND_NS) {
			text_add(&b->said, "NS(%s)", addr_str(&m.target, a));
			if (!b->dead && b->n_solicited < 64) {
				b->solicited[b->n_solicited].ifindex = fx->link.ifindex;
				b->solicited[b->n_solicited++].node = fx->link.dmac[5];
			}
			return;
		}
		assert_int_equal(m.type, ND_RA);
		b->ra_src = m.src;
		for (unsigned i = 0; i < m.n_prefixes; i++)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s %u", i ? " " : "",
				 prefix_str(&m.prefixes[i].prefix, pfx), m.prefixes[i].valid_s);
		text_add(&b->said, "RA(%s%s)", all, m.router_lifetime_s ? "" : " no-router");
		return;
	}
	if (mld_decode(fx->link.bytes, fx->link.len, &q) == MLD_OK) {
		assert_int_equal(q.type, MLD_QUERY);
		if (!b->probes && addr_is_any(&q.query.group))
			return;
		addr_is_any(&q.query.group) ? text_add(&b->said, "Q%lld", (long long)span_to_ms(q.query.max_resp))
					    : text_add(&b->said, "Q(%s)", addr_str(&q.query.group, a));
		return;
	}
	assert_true(ip6_parse(fx->link.bytes, fx->link.len, &ip));
	if (b->probes)
		text_add(&b->said, addr_eq(&ip.src, &addr_mag_link_local) ? "ECHO" : "ECHO?");
}

static inline void said_dp(struct bench *b, const struct dp_op *op)
{
	char g[ADDR_STR_MAX], s[ADDR_STR_MAX];
	const char *src = "", *sep = "";

	if (op->kind >= DP_FLOW_ADD && op->kind <= DP_OUT_DEL) {
		addr_str(&op->flow.group, g);
		if (!addr_is_any(&op->flow.source)) {
			src = addr_str(&op->flow.source, s);
			sep = "@";
		}
	}
	switch (op->kind) {
	case DP_TUNNEL_ADD:
	case DP_TUNNEL_DEL:
		text_add(&b->data, "tunnel%c", op->kind == DP_TUNNEL_ADD ? '+' : '-');
		return;
	case DP_NODE_ADD:
	case DP_NODE_DEL:
		text_add(&b->data, "node%u%c", op->node.node, op->kind == DP_NODE_ADD ? '+' : '-');
		return;
	case DP_FLOW_ADD:
		for (uint32_t i = 0; i < op->n_outs; i++)
			text_add(&b->data, "%s%s%s+%u", g, sep, src, op->outs[i].node);
		if (!op->n_outs)
			text_add(&b->data, "%s%s%s+0", g, sep, src);
		return;
	case DP_FLOW_DEL:
		text_add(&b->data, "%s%s%s-", g, sep, src);
		return;
	case DP_OUT_ADD:
	case DP_OUT_DEL:
		text_add(&b->data, "%s%s%s%c%u", g, sep, src, op->kind == DP_OUT_ADD ? '+' : '-', op->out.node);
		return;
	case DP_HANDOVER_FORWARD:
	case DP_HANDOVER_EXPECT:
		text_add(&b->data, "%s%u+", op->kind == DP_HANDOVER_FORWARD ? "forward" : "expect", op->handover.node);
		return;
	case DP_HANDOVER_EDGE:
		text_add(&b->data, "edge%u=%x", op->edge.node, op->edge.label);
		return;
	case DP_HANDOVER_END:
		text_add(&b->data, "handover%u-", op->handover.node);
		return;
	case DP_ROUTE_ADD:
	case DP_ROUTE_DEL:
	case DP_FLOW_MARK:
		fail_msg("a gateway has no routes, and no labels");
	}
}

static inline void take_effect(struct bench *b, const struct fx *fx)
{
	switch (fx->kind) {
	case FX_MH:
		said_mh(b, fx);
		return;
	case FX_TUNNEL:
		said_tunnel(b, fx);
		return;
	case FX_LINK:
		said_link(b, fx);
		return;
	case FX_DP:
		said_dp(b, &fx->dp);
		return;
	case FX_PROFILE:
		b->n_profile_requests++;
		if (b->store_silent || b->n_asked == 128)
			return;
		b->asked_mn[b->n_asked] = nai_of(fx->profile.id, fx->profile.id_len);
		b->asked[b->n_asked++] = fx->profile;
		return;
	case FX_EVENT:
		text_add(&b->events, "%s", event_name(fx->event.kind));
		if (fx->event.kind == EV_LIMIT || fx->event.kind == EV_MLD_WARNING)
			b->limit = fx->event;
		return;
	}
}

static inline bool has_lladdr(const struct profile *p, const struct lladdr *lladdr)
{
	for (unsigned i = 0; i < p->n_lladdrs; i++)
		if (lladdr_eq(&p->lladdrs[i], lladdr))
			return true;
	return false;
}

static inline const struct profile *look_up(const struct bench *b, const struct fx_profile *q, const struct nai *id)
{
	for (unsigned i = 1; i <= NODES; i++) {
		const struct profile *p = b->profile[i];

		if (p && (id->len ? nai_eq(&p->mn, id) : has_lladdr(p, &q->lladdr)))
			return p;
	}
	return NULL;
}

/* A node answers a Neighbor Solicitation. */
static inline void answer_ns(struct bench *b, uint32_t ifindex, unsigned node)
{
	struct nd_msg m = {.type = ND_NA, .src = link_local(node), .dst = addr("fe80::200:5eff:fe00:5213")};
	struct lladdr from = mac(node);
	uint8_t bytes[256];

	m.target = m.src;
	m.na_solicited = true;
	mag_recv_link(b->mag, b->now, ifindex, from.b, bytes, nd_encode(&m, bytes, sizeof(bytes)));
}

/* Until the engine, the store and the anchors have nothing more to say. */
static inline void bench_drain(struct bench *b)
{
	struct fx fx;

	for (;;) {
		while (mag_pop(b->mag, &fx))
			take_effect(b, &fx);
		if (b->n_asked) {
			struct fx_profile q = b->asked[--b->n_asked];

			mag_profile(b->mag, b->now, q.request, look_up(b, &q, &b->asked_mn[b->n_asked]));
		} else if (b->n_replies) {
			unsigned i = --b->n_replies;
			struct in6_addr src = b->reply[i].src, dst = b->conf.proxy_coa;
			uint8_t bytes[MH_LEN_MAX];
			size_t len = b->reply[i].len;

			memcpy(bytes, b->reply[i].bytes, len);
			mag_recv_mh(b->mag, b->now, &src, &dst, bytes, len);
		} else if (b->n_solicited) {
			b->n_solicited--;
			answer_ns(b, b->solicited[b->n_solicited].ifindex, b->solicited[b->n_solicited].node);
		} else {
			return;
		}
	}
}

static inline void bench_forget(struct bench *b)
{
	b->said.len = b->data.len = b->events.len = 0;
	b->said.s[0] = b->data.s[0] = b->events.s[0] = '\0';
}

/* ---- inputs ---- */

static inline void bench_profile(struct bench *b, unsigned n)
{
	struct profile *p = profile_new();

	assert_non_null(p);
	p->mn = mn(n);
	p->n_lladdrs = 1;
	p->lladdrs[0] = mac(n);
	profile_unref(b->profile[n]);
	b->profile[n] = p;
}

static inline void bench_begin_with(struct bench *b, const struct mag_conf *conf)
{
	b->conf = *conf;
	b->now.mono = (mono_t){1000000000000};
	b->now.wall = (wall_t){1700000000000000000};
	b->mag = mag_new(conf, b->now, 1);
	assert_non_null(b->mag);
	for (unsigned i = 1; i <= NODES; i++)
		bench_profile(b, i);
	b->features = MH_FEATURE_AMS_IN_PBU | MH_FEATURE_MLDV2 | MH_FEATURE_CONTEXT | MH_FEATURE_SEAM;
}

static inline struct mag_conf bench_conf(void)
{
	struct mag_conf conf;

	mag_conf_defaults(&conf);
	conf.proxy_coa = COA;
	conf.lma = LMA;
	conf.ra_repeat = 1;
	conf.heartbeat_interval = span_s(0); /* but where they are what is tested */
	return conf;
}

static inline struct bench *bench_begin(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();

	assert_non_null(b);
	bench_begin_with(b, &conf);
	return b;
}

static inline struct bench *begin_with(void (*change)(struct mag_conf *conf))
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();

	assert_non_null(b);
	change(&conf);
	bench_begin_with(b, &conf);
	return b;
}

static inline void bench_end(struct bench *b)
{
	bench_drain(b);
	assert_null(mag_free(b->mag));
	for (unsigned i = 1; i <= NODES; i++)
		profile_unref(b->profile[i]);
	free(b);
}

static inline void link_up_kind(struct bench *b, uint32_t ifindex, enum mag_link_kind kind)
{
	const uint8_t ours[6] = {2, 0xaa, 0, 0, 0, (uint8_t)ifindex};
	char name[16];

	snprintf(name, sizeof(name), "acc%u", ifindex);
	mag_link_up(b->mag, b->now, ifindex, name, kind, 1500, ours);
	bench_drain(b);
}

static inline void link_up(struct bench *b, uint32_t ifindex) { link_up_kind(b, ifindex, MAG_LINK_POINT_TO_POINT); }

static inline void link_down(struct bench *b, uint32_t ifindex)
{
	mag_link_down(b->mag, b->now, ifindex);
	bench_drain(b);
}

static inline void send_packet(struct bench *b, uint32_t ifindex, unsigned n, const uint8_t *bytes, size_t len)
{
	struct lladdr from = mac(n);

	assert_true(len > 0);
	mag_recv_link(b->mag, b->now, ifindex, from.b, bytes, len);
	bench_drain(b);
}

static inline void send_nd(struct bench *b, uint32_t ifindex, unsigned n, enum nd_type type, struct in6_addr src)
{
	struct nd_msg m = {
	    .type = type, .src = src, .dst = type == ND_RS ? addr_all_routers : addr("fe80::200:5eff:fe00:5213")};
	uint8_t bytes[256];

	if (type != ND_RS)
		m.target = type == ND_NA ? src : addr("fe80::200:5eff:fe00:5213");
	m.na_solicited = type == ND_NA;
	send_packet(b, ifindex, n, bytes, nd_encode(&m, bytes, sizeof(bytes)));
}

static inline void send_rs(struct bench *b, uint32_t ifindex, unsigned n)
{
	send_nd(b, ifindex, n, ND_RS, link_local(n));
}

static inline void send_report(struct bench *b, uint32_t ifindex, unsigned n, uint8_t type, const char *group,
			       const char *source)
{
	struct in6_addr src = link_local(n), g = addr(group), s;
	struct mld_report r;
	uint8_t bytes[1500];

	if (source)
		s = addr(source);
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&r, type, &g, source ? &s : NULL, source ? 1 : 0));
	send_packet(b, ifindex, n, bytes, mld_report_finish(&r));
}

static inline void join(struct bench *b, uint32_t ifindex, unsigned n, const char *group)
{
	send_report(b, ifindex, n, MLD_CHANGE_TO_EXCLUDE, group, NULL);
}

static inline void leave(struct bench *b, uint32_t ifindex, unsigned n, const char *group)
{
	send_report(b, ifindex, n, MLD_CHANGE_TO_INCLUDE, group, NULL);
}

/* Time passes, with all that falls due. */
static inline void wait_for(struct bench *b, span_t span)
{
	mono_t end = mono_add(b->now.mono, span);
	unsigned idle = 0;

	bench_drain(b);
	for (;;) {
		mono_t next = mag_next_deadline(b->mag);
		int64_t step;

		if (mono_before(end, next))
			break;
		step = next.ns > b->now.mono.ns ? next.ns - b->now.mono.ns : 0;
		idle = step ? 0 : idle + 1;
		assert_true(idle < 8); /* no deadline that is due again at once, for ever */
		b->now.mono.ns += step;
		b->now.wall.ns += step;
		mag_expire(b->mag, b->now);
		bench_drain(b);
	}
	b->now.wall.ns += end.ns - b->now.mono.ns;
	b->now.mono = end;
}

/* Node n on its own link n, registered. */
static inline void attach(struct bench *b, unsigned n)
{
	link_up(b, n);
	send_rs(b, n, n);
}

static inline void recv_mh(struct bench *b, struct in6_addr src, const struct mh_msg *m)
{
	queue_reply(b, &src, m);
	bench_drain(b);
}

static inline struct mag_node_view view(struct bench *b, unsigned n)
{
	struct mag_node_view v;
	struct nai name = mn(n);

	if (!mag_find_node(b->mag, &name, &v))
		fail_msg("no node mn%u", n);
	return v;
}

static inline bool exists(struct bench *b, unsigned n)
{
	struct mag_node_view v;
	struct nai name = mn(n);

	return mag_find_node(b->mag, &name, &v);
}

struct counter_query {
	const char *name;
	uint64_t value;
	bool found;
};

static inline void one_counter(void *arg, const char *name, uint64_t value)
{
	struct counter_query *q = arg;

	assert_non_null(name);
	if (!strcmp(name, q->name)) {
		q->value = value;
		q->found = true;
	}
}

static inline uint64_t counter(const struct bench *b, const char *name)
{
	struct counter_query q = {.name = name};

	mag_each_counter(b->mag, one_counter, &q);
	if (!q.found)
		fail_msg("no counter %s", name);
	return q.value;
}

#define assert_said(b, words) assert_string_equal((b)->said.s, words)
#define assert_data(b, words) assert_string_equal((b)->data.s, words)
#define assert_state(b, n, s) assert_string_equal(mag_node_state_name(view(b, n).state), s)

static inline void add_static(struct bench *b, unsigned n, const char *group, const char *source, bool mandatory)
{
	struct in6_addr g = addr(group), s = source ? addr(source) : addr_any;

	assert_true(profile_add_subscription(b->profile[n], &g, source ? &s : NULL, source ? 1 : 0, mandatory,
					     (wall_t){0}, WALL_NEVER));
}

/* ---- views ---- */

struct sub_query {
	struct in6_addr group;
	struct mag_subscription_view v;
	bool found;
};

static inline void one_sub(void *arg, const struct mag_subscription_view *v)
{
	struct sub_query *q = arg;

	if (!addr_eq(&v->group, &q->group))
		return;
	q->v = *v;
	q->found = true;
}

static inline struct mag_subscription_view sub(struct bench *b, unsigned n, const char *group)
{
	struct sub_query q = {.group = addr(group)};
	struct nai name = mn(n);

	mag_each_subscription(b->mag, &name, one_sub, &q);
	if (!q.found)
		fail_msg("mn%u has no subscription to %s", n, group);
	return q.v;
}

static inline bool has_sub(struct bench *b, unsigned n, const char *group)
{
	struct sub_query q = {.group = addr(group)};
	struct nai name = mn(n);

	mag_each_subscription(b->mag, &name, one_sub, &q);
	return q.found;
}

#define assert_sub(b, n, group, word) assert_string_equal(mag_sub_state_name(sub(b, n, group).state), word)
