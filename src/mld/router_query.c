/* SPDX-License-Identifier: BSD-2-Clause */
/* Specific queries: RFC 3810 7.6.1 and 7.6.3. */
#include <string.h>

#include "mld/router_priv.h"

#define QUERY_MTU     1280 /* the least that every IPv6 link carries: sources beyond it go into another query */
#define QUERY_SOURCES ((QUERY_MTU - 40 - 8 - 28) / 16)

/* The querier's own fields; QRV and QQIC say how we run (5.1.8, 5.1.9). */
static void query_emit(struct mld_link *link, const struct in6_addr *group, bool suppress, span_t resp,
		       const struct in6_addr *sources, uint16_t n)
{
	struct mld_query q = {
	    .version = link->conf.v1_mode ? 1 : 2,
	    .group = *group,
	    .max_resp = resp,
	    .suppress = suppress,
	    .qrv = link->robustness > 7 ? 0 : link->robustness,
	    .qqi = link->query_interval,
	    .n = n,
	};
	uint8_t packet[QUERY_MTU];
	size_t len = mld_encode_query(&q, sources, &link->self, addr_is_any(group) ? &addr_all_nodes : group, packet,
				      sizeof(packet));

	if (len)
		fx_query(link, group, packet, len);
}

void link_general(struct mld_link *link, span_t resp)
{
	query_emit(link, &addr_any, false, resp, NULL, 0);
}

void query_group_once(struct mld_link *link, const struct in6_addr *group, span_t resp)
{
	if (link->conf.v1_mode && addr_is_ssm(group)) /* there is no such query: RFC 4604 2.2.3 */
		return;
	/* S set: it asks for news, and must not make other routers lower their timers. */
	query_emit(link, group, true, resp, NULL, 0);
}

/* Q(MA, X) of 7.6.3.2: those of the retransmission list whose timers stand above (S set) or not above LLQT. */
static void send_sources(struct mld_link *link, struct group *g, mono_t llqt, bool suppress)
{
	const struct detail *d = group_has_detail(link->set, g);
	struct in6_addr v[QUERY_SOURCES];
	uint16_t n = 0;

	for (uint32_t i = 0; i < d->n_sources; i++) {
		const struct source *s = &d->sources[i];

		if (!s->asks || mono_before(llqt, s->timer) != suppress)
			continue;
		v[n++] = s->addr;
		if (n == QUERY_SOURCES) {
			query_emit(link, &g->addr, suppress, link->conf.last_listener_interval, v, n);
			n = 0;
		}
	}
	if (n)
		query_emit(link, &g->addr, suppress, link->conf.last_listener_interval, v, n);
}

/* Another router is the querier now, and asks from here on (7.6.2). */
static void query_cease(struct detail *d)
{
	d->group_asks = 0;
	for (uint32_t i = 0; i < d->n_sources; i++)
		d->sources[i].asks = 0;
	d->query_at = MONO_NEVER;
}

/* A record brings new queries while others wait for their repetition, which were sent less than half of its interval
 * ago. The new ones take them along (7.6.3.2), but that is no repetition, for which a packet may be lost: once they are
 * spared the count. The group as a whole waits for its time. */
static bool is_early(const struct mld_link *link, const struct detail *d, mono_t now)
{
	return !mono_is_never(d->query_at) &&
	       mono_sub(d->query_at, now).ns > link->conf.last_listener_interval.ns / 2;
}

static void count_down(const struct mld_link *link, struct source *s, bool early)
{
	if (early && s->asks < link->conf.last_listener_count && !s->spared)
		s->spared = true;
	else
		s->asks--;
}

void query_send_due(struct mld_link *link, struct group *g, mono_t now)
{
	struct detail *d = group_has_detail(link->set, g);
	mono_t llqt = link_instant(now, link_last_listener(link));
	bool early = is_early(link, d, now), more = d->group_asks > 0;
	bool with_group = more && !(early && d->group_asks < link->conf.last_listener_count);

	if (!link->querier) {
		query_cease(d);
		return;
	}
	if (with_group) {
		query_emit(link, &g->addr, mono_before(llqt, group_filter_timer(link->set, g)),
			   link->conf.last_listener_interval, NULL, 0);
		more = --d->group_asks > 0;
	} else {
		send_sources(link, g, llqt, true);
	}
	send_sources(link, g, llqt, false);
	for (uint32_t i = 0; i < d->n_sources; i++) {
		if (!d->sources[i].asks)
			continue;
		count_down(link, &d->sources[i], early);
		more |= d->sources[i].asks > 0;
	}
	d->query_at = more ? link_instant(now, link->conf.last_listener_interval) : MONO_NEVER;
}

bool query_ask_group(struct mld_link *link, struct group *g, mono_t now)
{
	mono_t llqt = link_instant(now, link_last_listener(link));
	struct detail *d = group_detail(link, g);

	if (!d)
		return false;
	/* A host says each thing several times. Were the queries begun anew each time, the last of them would leave too
	 * little of the lowered timer for an answer. */
	if (d->group_asked && !mono_before(llqt, group_filter_timer(link->set, g)))
		return false;
	group_set_filter_timer(link, g, mono_min(group_filter_timer(link->set, g), llqt));
	d->group_asked = true;
	d->group_asks = link->conf.last_listener_count;
	return true;
}

void query_heard(struct mld_link *link, mono_t now, const struct mld_query *q)
{
	struct group *g = addr_is_any(&q->group) || q->suppress ? NULL : link_find(link, &q->group);
	/* MLDv1 gives the time by the message (RFC 2710 4), MLDv2 by the settings that all routers of a link share. */
	span_t wait =
	    q->version == 1 ? span_mul(q->max_resp, link->conf.last_listener_count) : link_last_listener(link);
	mono_t llqt = link_instant(now, wait);

	if (!g)
		return;
	link->set->now = now;
	if (!q->n && g->mode == FILTER_EXCLUDE)
		group_set_filter_timer(link, g, mono_min(group_filter_timer(link->set, g), llqt));
	for (size_t i = 0; i < q->n; i++) {
		struct in6_addr addr = mld_source(q->sources, i);
		struct source *s = group_source(link, g, &addr);

		if (s && timer_runs(s->timer))
			s->timer = mono_min(s->timer, llqt);
	}
	group_arm(link, g);
}
