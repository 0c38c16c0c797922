/* SPDX-License-Identifier: BSD-2-Clause */
/* A mobile node as a stock Linux kernel behaves: after a link flap it reports its any-source groups by itself but not its source-specific
 * ones, sends no Router Solicitation, answers queries, and answers for its link-local address. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/cksum.h"
#include "wire/ip6.h"

enum timer {
	TIMER_LINK_UP,	/* the reports of a link that came up */
	TIMER_GENERAL,	/* the answer to a General Query */
	TIMER_GROUP,	/* the answer to a group's query */
	TIMER_RESEND,	/* a state change once more */
	TIMER_SOLICIT,	/* Router Solicitation: now and then one does send it */
	TIMER_UNKNOWN_SOURCE, /* a report from :: while the address is being checked */
};

static void timer(struct sim *sim, struct host *h, enum timer what, unsigned group, span_t max)
{
	struct ev_data d = {.host = (int)h->index, .visit = h->visit, .what = what, .group = group};
	span_t after = span_us((int64_t)rng_below(&sim->rng, (uint64_t)span_to_us(max) + 1));

	net_at(sim->net, mono_add(sim->now.mono, after), EVT_HOST_TIMER, &d);
}

static void report_v1(struct sim *sim, struct host *h, enum mld_type type, const struct in6_addr *group)
{
	uint8_t buf[256];
	size_t len;

	if (h->mute)
		return;
	len = mld_encode_v1(type, group, &h->self, buf, sizeof(buf));

	sim_to_mag(sim, h, buf, len);
}

static void report(struct sim *sim, struct host *h, unsigned g, uint8_t type, const struct filter *list)
{
	uint8_t buf[1280];
	struct mld_report r;

	if (h->mute)
		return;
	if (!mld_report_begin(&r, &h->self, buf, sizeof(buf)) ||
	    !mld_report_add(&r, type, &sim->groups[g], filter_sources(list), filter_count(list)))
		abort();
	sim_to_mag(sim, h, buf, mld_report_finish(&r));
}

/* The node's own solicited-node group: link scope, in each of its full reports. */
static struct in6_addr solicited_node(const struct host *h)
{
	struct in6_addr a = {{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}}};

	memcpy(&a.s6_addr[13], &h->self.s6_addr[13], 3);
	return a;
}

static void full_report(struct sim *sim, struct host *h, const struct in6_addr *from, bool any_source_only, uint8_t include,
			uint8_t exclude)
{
	struct in6_addr own = solicited_node(h);
	uint8_t buf[1280];
	struct mld_report r;

	if (h->mute)
		return;
	if (!mld_report_begin(&r, from, buf, sizeof(buf)))
		abort();
	mld_report_add(&r, exclude, &own, NULL, 0);
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		const struct filter *f = &h->wants[g].filter;
		if (!h->wants[g].on || (any_source_only && f->mode == FILTER_INCLUDE))
			continue;
		mld_report_add(&r, f->mode == FILTER_INCLUDE ? include : exclude, &sim->groups[g], filter_sources(f), filter_count(f));
	}
	sim_to_mag(sim, h, buf, mld_report_finish(&r));
}

static void all_v1(struct sim *sim, struct host *h)
{
	struct in6_addr own = solicited_node(h);

	report_v1(sim, h, MLD_V1_REPORT, &own);
	for (unsigned g = 0; g < SIM_GROUPS; g++)
		if (h->wants[g].on)
			report_v1(sim, h, MLD_V1_REPORT, &sim->groups[g]);
}

static void solicit(struct sim *sim, struct host *h)
{
	struct nd_msg m = {.type = ND_RS, .src = h->self, .dst = addr_all_routers, .source_ll = lladdr_of(h->mac, 6)};
	uint8_t buf[256];
	size_t len = nd_encode(&m, buf, sizeof(buf));

	sim_to_mag(sim, h, buf, len);
}

void host_timer(struct sim *sim, struct host *h, unsigned what, unsigned g)
{
	switch ((enum timer)what) {
	case TIMER_LINK_UP:
		if (h->v1)
			all_v1(sim, h);
		else
			full_report(sim, h, &h->self, true, MLD_ALLOW_NEW_SOURCES, MLD_CHANGE_TO_EXCLUDE);
		break;
	case TIMER_GENERAL:
		if (h->v1)
			all_v1(sim, h);
		else
			full_report(sim, h, &h->self, false, MLD_MODE_IS_INCLUDE, MLD_MODE_IS_EXCLUDE);
		break;
	case TIMER_GROUP:
		if (!h->wants[g].on)
			break;
		if (h->v1)
			report_v1(sim, h, MLD_V1_REPORT, &sim->groups[g]);
		else
			report(sim, h, g, h->wants[g].filter.mode == FILTER_INCLUDE ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE,
			       &h->wants[g].filter);
		break;
	case TIMER_RESEND:
		if (h->v1)
			report_v1(sim, h, h->wants[g].on ? MLD_V1_REPORT : MLD_V1_DONE, &sim->groups[g]);
		else
			report(sim, h, g,
			       h->wants[g].on && h->wants[g].filter.mode == FILTER_EXCLUDE ? MLD_CHANGE_TO_EXCLUDE
											    : MLD_CHANGE_TO_INCLUDE,
			       &h->wants[g].filter);
		break;
	case TIMER_SOLICIT:
		solicit(sim, h);
		break;
	case TIMER_UNKNOWN_SOURCE:
		full_report(sim, h, &addr_any, true, MLD_ALLOW_NEW_SOURCES, MLD_CHANGE_TO_EXCLUDE);
		break;
	}
}

void host_attached(struct sim *sim, struct host *h)
{
	if (!h->v1 && rng_below(&sim->rng, 4) == 0)
		timer(sim, h, TIMER_UNKNOWN_SOURCE, 0, span_ms(5));
	timer(sim, h, TIMER_LINK_UP, 0, span_s(1));
	timer(sim, h, TIMER_LINK_UP, 0, span_s(2));
	/* on a shared link nothing else tells that it came */
	if (sim->mags[h->at].shared || rng_below(&sim->rng, 4) == 0)
		for (int i = 0; i < 3; i++)
			timer(sim, h, TIMER_SOLICIT, 0, span_ms(10 + 1000 * i));
}

static bool for_me(const struct host *h, const struct in6_addr *dst)
{
	return addr_is_multicast(dst) || addr_eq(dst, &h->self);
}

static void query(struct sim *sim, struct host *h, const struct mld_query *q)
{
	if (addr_is_any(&q->group)) {
		timer(sim, h, TIMER_GENERAL, 0, q->max_resp);
		return;
	}
	for (unsigned g = 0; g < SIM_GROUPS; g++)
		if (addr_eq(&sim->groups[g], &q->group))
			timer(sim, h, TIMER_GROUP, g, q->max_resp);
}

static void neighbour(struct sim *sim, struct host *h, const struct nd_msg *m)
{
	uint8_t buf[256];

	if (m->type == ND_NS && addr_eq(&m->target, &h->self)) {
		struct nd_msg na = {.type = ND_NA,
				    .src = h->self,
				    .dst = addr_is_any(&m->src) ? addr_all_nodes : m->src,
				    .target = h->self,
				    .na_solicited = !addr_is_any(&m->src),
				    .na_override = true,
				    .target_ll = lladdr_of(h->mac, 6)};
		sim_to_mag(sim, h, buf, nd_encode(&na, buf, sizeof(buf)));
	}
	if (m->type != ND_RA)
		return;
	for (unsigned i = 0; i < m->n_prefixes; i++) {
		if (m->prefixes[i].preferred_s && m->router_lifetime_s) {
			h->has_prefix = true;
			h->prefix = m->prefixes[i].prefix;
		} else if (h->has_prefix && prefix_eq(&h->prefix, &m->prefixes[i].prefix)) {
			h->has_prefix = false;
		}
	}
}

static void echo_reply(struct sim *sim, struct host *h, const uint8_t *request, size_t len)
{
	struct ip6_view v;
	uint8_t buf[256];

	if (!ip6_parse(request, len, &v) || v.payload_len < 8 || v.payload_len > 128)
		return;
	struct wr w = wr_of(buf, sizeof(buf));
	ip6_write(&w, &h->self, &v.src, IPPROTO_ICMPV6, (uint16_t)v.payload_len, 64);
	wr_u16(&w, 129 << 8);
	wr_u16(&w, 0);
	wr_copy(&w, v.payload + 4, v.payload_len - 4);
	wr_set_u16(&w, IP6_HDR_LEN + 2, cksum_ip6(&h->self, &v.src, IPPROTO_ICMPV6, buf + IP6_HDR_LEN, v.payload_len));
	sim_to_mag(sim, h, buf, w.len);
}

void host_recv(struct sim *sim, struct host *h, const uint8_t *packet, size_t len)
{
	struct mld_packet mld;
	struct nd_msg nd;

	if (mld_decode(packet, len, &mld) == MLD_OK) {
		if (mld.type == MLD_QUERY && for_me(h, &mld.dst))
			query(sim, h, &mld.query);
	} else if (nd_decode(packet, len, &nd) == ND_OK) {
		if (for_me(h, &nd.dst))
			neighbour(sim, h, &nd);
	} else if (len > IP6_HDR_LEN && packet[6] == IPPROTO_ICMPV6 && packet[IP6_HDR_LEN] == 128) {
		echo_reply(sim, h, packet, len);
	} else {
		sim_broken(sim, "a packet to a node that is neither MLD nor ND nor an Echo Request");
	}
}

void host_want(struct sim *sim, struct host *h, unsigned g, const struct filter *f)
{
	struct want *w = &h->wants[g];
	struct filter old = w->filter;
	bool oom = false;

	w->filter = filter_dup(f);
	w->on = !filter_is_none(f);
	if (h->at >= 0 && h->v1) {
		report_v1(sim, h, w->on ? MLD_V1_REPORT : MLD_V1_DONE, &sim->groups[g]);
	} else if (h->at >= 0 && (f->mode == FILTER_EXCLUDE || old.mode == FILTER_EXCLUDE)) {
		report(sim, h, g, f->mode == FILTER_EXCLUDE ? MLD_CHANGE_TO_EXCLUDE : MLD_CHANGE_TO_INCLUDE, f);
	} else if (h->at >= 0) {
		struct filter more = filter_list_minus(f, &old, &oom), less = filter_list_minus(&old, f, &oom);
		if (filter_count(&more))
			report(sim, h, g, MLD_ALLOW_NEW_SOURCES, &more);
		if (filter_count(&less))
			report(sim, h, g, MLD_BLOCK_OLD_SOURCES, &less);
		filter_drop(&more);
		filter_drop(&less);
	}
	if (h->at >= 0)
		timer(sim, h, TIMER_RESEND, g, span_s(1));
	filter_drop(&old);
}

void host_free(struct host *h)
{
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		filter_drop(&h->wants[g].filter);
		filter_drop(&h->admin[g].filter);
	}
	profile_unref(h->profile);
}
