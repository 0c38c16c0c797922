/* SPDX-License-Identifier: BSD-2-Clause */
/* A link as a whole: General Queries, querier election (RFC 3810 7.1, 7.6.2), and what is heard there. */
#include <stdlib.h>
#include <string.h>

#include "mld/router_priv.h"

/* ---- querier ---- */

void link_become_querier(struct mld_link *link)
{
	link->querier = true;
	link->other_until = MONO_NEVER;
	link->robustness = link->conf.robustness;
	link->query_interval = link->conf.query_interval;
}

void link_start(struct mld_link *link, struct now now)
{
	link->ask_at = MONO_NEVER;
	link->startup_left = link->conf.startup_query_count;
	link->general_at = now.mono;
	link_become_querier(link);
	link_expire(link, now);
}

void link_expire(struct mld_link *link, struct now now)
{
	if (mono_reached(link->other_until, now.mono)) {
		link_become_querier(link);
		link->general_at = now.mono;
	}
	if (mono_reached(link->general_at, now.mono)) {
		span_t next = link->query_interval;

		if (link->startup_left) {
			link_general(link, link->conf.startup_query_response);
			if (--link->startup_left)
				next = link->conf.startup_query_interval;
		} else {
			link_general(link, link->conf.query_response);
		}
		link->general_at = mono_add(now.mono, next);
	}
	if (mono_reached(link->ask_at, now.mono)) {
		if (link->querier)
			link_general(link, link->ask_resp);
		link->ask_at = --link->ask_left ? mono_add(now.mono, link->ask_again) : MONO_NEVER;
	}
	link_arm(link);
}

void mld_link_query(struct mld_link *link, struct now now, span_t max_resp, unsigned count, span_t again)
{
	if (!count)
		return;
	link->ask_resp = max_resp;
	link->ask_left = count;
	link->ask_again = span_max(again, span_ms(1));
	link->ask_at = now.mono;
	link_expire(link, now);
}

void mld_link_query_within(struct mld_link *link, struct now now, span_t max_resp, span_t delay)
{
	mono_t at = mono_add(now.mono, delay);

	if (!mono_before(at, link->ask_at))
		return;
	if (mono_is_never(link->ask_at))
		link->ask_left = 1;
	link->ask_resp = max_resp;
	link->ask_at = at;
	link_expire(link, now);
}

void mld_link_query_group(struct mld_link *link, struct now now, const struct in6_addr *group, span_t max_resp)
{
	(void)now;
	if (link->querier)
		query_group_once(link, group, max_resp);
}

static span_t other_querier_present(const struct mld_link *link)
{
	if (link->conf.other_querier_present.ns)
		return link->conf.other_querier_present;
	return (span_t){link->query_interval.ns * link->robustness + link->conf.query_response.ns / 2};
}

static void recv_query(struct mld_link *link, struct now now, const struct mld_packet *p)
{
	const struct mld_query *q = &p->query;

	if (addr_eq(&p->src, &link->self)) /* our own, come back */
		return;
	if (link->conf.querier_always) {
		link_count(link, MLD_ROUTER_QUERIES_REFUSED);
		return;
	}
	link_count(link, MLD_ROUTER_QUERIES_HEARD);
	if (q->version != (link->conf.v1_mode ? 1 : 2))
		link_count(link, MLD_ROUTER_QUERIES_VERSION);
	/* 7.6.2: the lower interface identifier, the last 64 bits, wins. */
	if (memcmp(p->src.s6_addr + 8, link->self.s6_addr + 8, 8) < 0) {
		link->querier = false;
		link->other = p->src;
		link->other_version = q->version;
		link->general_at = MONO_NEVER;
		link->startup_left = 0;
		link->ask_at = MONO_NEVER;
		if (q->version == 2) {
			link->robustness = q->qrv ? q->qrv : link->conf.robustness;
			link->query_interval = q->qqi.ns ? q->qqi : link->conf.query_interval;
		}
		link->other_until = mono_add(now.mono, other_querier_present(link));
		link_arm(link);
	}
	query_heard(link, now.mono, q);
}

/* ---- reports ---- */

/* Interface- and link-local groups never leave the link: there is nothing to decide about them. */
static bool group_is_kept(struct mld_link *link, const struct in6_addr *group)
{
	if (addr_scope(group) > MC_SCOPE_LINK)
		return true;
	link_count(link, MLD_ROUTER_GROUP_LOCAL);
	return false;
}

static int source_cmp(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* The record's sources into the set's scratch, sorted and each once. */
static bool sources_sorted(struct mld_link *link, const struct mld_record *r, uint32_t *ret_n)
{
	struct mld_routers *set = link->set;
	struct in6_addr *v = set->scratch;
	bool sorted = true;
	uint32_t n = 0;

	if (r->n > set->scratch_cap) {
		v = realloc(v, r->n * sizeof(*v));
		if (!v) {
			link_count(link, MLD_ROUTER_LIMIT_MEMORY);
			return false;
		}
		set->scratch = v;
		set->scratch_cap = r->n;
	}
	for (uint32_t i = 0; i < r->n; i++) {
		v[i] = mld_source(r->sources, i);
		sorted = sorted && (!i || addr_cmp(&v[i - 1], &v[i]) < 0);
	}
	if (!sorted)
		qsort(v, r->n, sizeof(*v), source_cmp);
	for (uint32_t i = 0; i < r->n; i++)
		if (!n || !addr_eq(&v[n - 1], &v[i]))
			v[n++] = v[i];
	*ret_n = n;
	return true;
}

static void recv_record(struct mld_link *link, struct now now, struct host *host, const struct mld_record *r)
{
	struct record rec = {.type = (enum mld_record_type)r->type};

	link->set->group = &r->group;
	link_count(link, MLD_ROUTER_RECORDS);
	if (!group_is_kept(link, &r->group))
		return;
	if ((r->type == MLD_MODE_IS_EXCLUDE || r->type == MLD_CHANGE_TO_EXCLUDE) && addr_is_ssm(&r->group)) {
		link_count(link, MLD_ROUTER_EXCLUDE_SSM);
		return;
	}
	if (r->n && !sources_sorted(link, r, &rec.n))
		return;
	rec.sources = link->set->scratch;
	group_record(link, now, host, &r->group, rec, false);
}

static void recv_v1(struct mld_link *link, struct now now, struct host *host, const struct mld_packet *p)
{
	bool done = p->type == MLD_V1_DONE;
	struct record rec = {.type = done ? MLD_CHANGE_TO_INCLUDE : MLD_MODE_IS_EXCLUDE};

	link->set->group = &p->group;
	if (!group_is_kept(link, &p->group))
		return;
	if (addr_is_ssm(&p->group)) {
		link_count(link, MLD_ROUTER_V1_SSM);
		return;
	}
	if (done && !link->querier) /* RFC 2710 4 */
		return;
	group_record(link, now, host, &p->group, rec, true);
}

/* A host that listens to nothing is forgotten after each of its reports. Lest it have a rate of its own with each, those that
 * are nearest to theirs are remembered. */
static void rate_recall(const struct mld_link *link, struct host *host)
{
	for (unsigned i = 0; i < FORMER_HOSTS; i++)
		if (addr_eq(&link->former[i].addr, &host->addr))
			host->rate = link->former[i].rate;
}

static void rate_remember(struct mld_link *link, mono_t now, const struct host *host)
{
	uint32_t left = limiter_left(&host->rate, now), most = 0;
	unsigned at = FORMER_HOSTS;

	for (unsigned i = 0; i < FORMER_HOSTS; i++) {
		const struct limiter *l = &link->former[i].rate;
		uint32_t others = l->per_s ? limiter_left(l, now) : UINT32_MAX; /* or nobody's */

		if (addr_eq(&link->former[i].addr, &host->addr)) {
			at = i;
			break;
		}
		if (others > left && others > most) {
			at = i;
			most = others;
		}
	}
	if (at == FORMER_HOSTS)
		return;
	link->former[at].addr = host->addr;
	link->former[at].rate = host->rate;
}

static bool rate_allows(struct mld_link *link, mono_t now, struct host *host)
{
	if (!limiter_take(&link->rate, now)) {
		link_count(link, MLD_ROUTER_LIMIT_LINK_RATE);
		return false;
	}
	if (!host)
		return true;
	if (host->rate.per_s != link->conf.host_rate_max)
		limiter_init(&host->rate, link->conf.host_rate_max, link->conf.host_rate_max);
	if (limiter_take(&host->rate, now))
		return true;
	link_count(link, MLD_ROUTER_LIMIT_HOST_RATE);
	return false;
}

/* The groups of the next records, as many as are fetched at once. */
static void records_ahead(const struct mld_link *link, const struct mld_packet *p, size_t cursor)
{
	struct in6_addr groups[ITAB_AHEAD];
	struct mld_record r;
	size_t n = 0;

	while (n < ITAB_AHEAD && mld_next_record(p, &cursor, &r))
		groups[n++] = r.group;
	if (n > 1)
		itab_ahead(&link->groups, groups, n);
}

static void recv_records(struct mld_link *link, struct now now, struct host *host, const struct mld_packet *p)
{
	struct mld_record r;
	size_t cursor = 0;

	for (unsigned i = 0;; i++) {
		if (i % ITAB_AHEAD == 0)
			records_ahead(link, p, cursor);
		if (!mld_next_record(p, &cursor, &r))
			return;
		recv_record(link, now, host, &r);
	}
}

static void recv_report(struct mld_link *link, struct now now, const struct mld_packet *p)
{
	struct host *host = host_get(link, &p->src);

	if (host && host->refs == 1)
		rate_recall(link, host);
	if (!rate_allows(link, now.mono, host)) {
		/* not looked at */
	} else if (p->type == MLD_V2_REPORT) {
		for (unsigned i = 0; i < p->unknown_records; i++)
			link_count(link, MLD_ROUTER_RECORD_UNKNOWN);
		recv_records(link, now, host, p);
	} else {
		recv_v1(link, now, host, p);
	}
	if (!host)
		return;
	if (host->refs == 1 && host->rate.per_s)
		rate_remember(link, now.mono, host);
	host_put(link, host);
}

static void recv_packet(struct mld_link *link, struct now now, const struct mld_packet *p)
{
	switch (p->type) {
	case MLD_QUERY:
		recv_query(link, now, p);
		break;
	case MLD_V1_REPORT:
	case MLD_V1_DONE:
		if (link->conf.v2_only) {
			link_count(link, MLD_ROUTER_V1_REFUSED);
			break;
		}
		link_count(link, p->type == MLD_V1_DONE ? MLD_ROUTER_DONES_V1 : MLD_ROUTER_REPORTS_V1);
		recv_report(link, now, p);
		break;
	case MLD_V2_REPORT:
		link_count(link, MLD_ROUTER_REPORTS_V2);
		recv_report(link, now, p);
		break;
	}
}

void mld_link_recv(struct mld_link *link, struct now now, const struct mld_packet *p)
{
	link->set->host = &p->src;
	recv_packet(link, now, p);
	link->set->host = link->set->group = NULL;
}
