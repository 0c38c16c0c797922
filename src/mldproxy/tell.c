/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators are told: who reached a limit, who is the querier, and what RFC 3810, 3590 and 4604 have a router or a
 * listener log. All of it can be caused from outside, again and again: it is told at a limited rate, the rest is counted. */
#include "mldproxy/mldproxy_priv.h"

#include <stdio.h>
#include <string.h>

#define AGAIN_S 10 /* one event of a limit, or of a link's warning, in so many seconds */

void mldproxy_event_limited(struct mldproxy *p, const struct event *e)
{
	if (limiter_take(&p->events, p->now.mono))
		fxq_event(p->fxq, e);
	else
		mldproxy_count(p, MLDPROXY_EVENTS_LIMITED);
}

/* Is it to be told again? Who is at a limit may be so a thousand times a second: the events of others are to stay in
 * sight. */
static bool is_time(struct mldproxy *p, mono_t *told_until)
{
	if (mono_before(p->now.mono, *told_until)) {
		mldproxy_count(p, MLDPROXY_EVENTS_LIMITED);
		return false;
	}
	*told_until = mono_add(p->now.mono, span_s(AGAIN_S));
	return true;
}

/* ---- limits ---- */

const char *mldproxy_limit_name(enum mldproxy_limit limit)
{
	static const char *const names[LIMITS] = {
		[LIMIT_LINKS] = "proxy.limits.links",
		[LIMIT_GROUPS] = "proxy.limits.groups",
		[LIMIT_ENTRIES] = "proxy.limits.entries",
		[LIMIT_SOURCES] = "proxy.limits.sources",
		[LIMIT_MEMORY] = "proxy.limits.memory",
		[LIMIT_LINK_GROUPS] = "proxy.mld.groups",
		[LIMIT_LINK_SOURCES] = "proxy.mld.sources",
		[LIMIT_LINK_HOSTS] = "proxy.mld.hosts",
		[LIMIT_HOST_GROUPS] = "proxy.mld.groups-per-host",
		[LIMIT_HOST_RATE] = "proxy.mld.reports-per-host",
		[LIMIT_LINK_RATE] = "proxy.mld.reports-per-link",
		[LIMIT_UP_GROUPS] = "proxy.upstream-mld.groups",
		[LIMIT_UP_MEMORY] = "proxy.upstream-mld.memory",
	};

	return names[limit];
}

void mldproxy_limit_event(struct mldproxy *p, enum mldproxy_limit limit, const struct mldproxy_who *who)
{
	struct event e = {.kind = EV_LIMIT,
			  .ifindex = who->ifindex,
			  .peer = who->host,
			  .group = who->group,
			  .status = -1};

	p->at_limit[limit].last = *who;
	if (!is_time(p, &p->at_limit[limit].told_until))
		return;
	memcpy(e.link, who->link, sizeof(who->link));
	snprintf(e.detail, sizeof(e.detail), "%s", mldproxy_limit_name(limit));
	mldproxy_event_limited(p, &e);
}

struct mldproxy_who mldproxy_who_link(const struct downstream *l, const struct in6_addr *group)
{
	struct mldproxy_who who = {.ifindex = l->ifindex, .group = *group};

	memcpy(who.link, l->name, sizeof(who.link));
	return who;
}

/* ---- warnings ---- */

static void warn(struct mldproxy *p, mono_t *told_until, const struct mldproxy_who *who, const char *what)
{
	struct event e = {.kind = EV_MLD_WARNING,
			  .ifindex = who->ifindex,
			  .peer = who->host,
			  .group = who->group,
			  .status = -1};

	if (!is_time(p, told_until))
		return;
	memcpy(e.link, who->link, sizeof(who->link));
	snprintf(e.detail, sizeof(e.detail), "%s", what);
	mldproxy_event_limited(p, &e);
}

/* RFC 3810 5.1.14, RFC 3590 4. Of a message that was refused only the address is known: who it says it is from. */
void mldproxy_warn_refused(struct mldproxy *p, struct downstream *l, enum mld_err err, const uint8_t *packet, size_t len)
{
	struct mldproxy_who who = {.ifindex = p->instance};
	struct in6_addr from;

	if (err != MLD_ERR_SOURCE || !mld_query_from(packet, len, &from))
		return;
	if (l)
		who = mldproxy_who_link(l, &addr_any);
	who.host = from;
	warn(p, &(l ? l->warned : p->warned)[WARN_QUERY_SOURCE], &who, "a query whose source address is not link-local");
}

/* RFC 4604 2.2.3, 2.2.5: then the routers there do not keep to the source-specific range. */
void mldproxy_warn_upstream(struct mldproxy *p, const struct mld_packet *mld)
{
	struct mldproxy_who who = {.ifindex = p->instance, .host = mld->src, .group = mld->query.group};

	if (mld->type == MLD_QUERY && mld->query.version == 1 && addr_is_ssm(&mld->query.group))
		warn(p, &p->warned[WARN_V1_SSM], &who, "an MLDv1 query about a source-specific group");
}

/* ---- what the router side noticed ---- */

void mldproxy_tell_notices(struct mldproxy *p)
{
	struct mld_router_notice n;

	while (mld_routers_notice(p->routers, &n)) {
		struct downstream *l = n.owner;
		struct mldproxy_who who = mldproxy_who_link(l, &n.group), host = who;

		host.host = n.host;
		switch (n.counter) {
		case MLD_ROUTER_LIMIT_GROUPS:
			mldproxy_limit_event(p, LIMIT_LINK_GROUPS, &who);
			break;
		case MLD_ROUTER_LIMIT_SOURCES:
			mldproxy_limit_event(p, LIMIT_LINK_SOURCES, &who);
			break;
		case MLD_ROUTER_LIMIT_HOSTS:
			mldproxy_limit_event(p, LIMIT_LINK_HOSTS, &who);
			break;
		case MLD_ROUTER_LIMIT_HOST_GROUPS:
			mldproxy_limit_event(p, LIMIT_HOST_GROUPS, &host);
			break;
		case MLD_ROUTER_LIMIT_MEMORY:
			mldproxy_limit_event(p, LIMIT_MEMORY, &who);
			break;
		case MLD_ROUTER_LIMIT_HOST_RATE:
			mldproxy_limit_event(p, LIMIT_HOST_RATE, &host);
			break;
		case MLD_ROUTER_LIMIT_LINK_RATE:
			mldproxy_limit_event(p, LIMIT_LINK_RATE, &who);
			break;
		case MLD_ROUTER_QUERIES_VERSION: /* RFC 3810 8.3.1; RFC 4604 3.6 */
			warn(p, &l->warned[WARN_QUERY_VERSION], &host,
			     p->conf.downstream_mld.v1_mode ? "an MLDv2 query, where MLDv1 is configured"
							    : "an MLDv1 query, where MLDv2 is configured");
			break;
		case MLD_ROUTER_V1_SSM: /* RFC 4604 3.5, 3.7 */
			warn(p, &l->warned[WARN_V1_SSM], &host, "an MLDv1 report about a source-specific group");
			break;
		case MLD_ROUTER_EXCLUDE_SSM: /* RFC 4604 3.1 */
			warn(p, &l->warned[WARN_EXCLUDE_SSM], &host, "a source-specific group asked for without sources");
			break;
		case MLD_ROUTER_QUERIES_SENT:
		case MLD_ROUTER_QUERIES_HEARD:
		case MLD_ROUTER_QUERIES_REFUSED:
		case MLD_ROUTER_REPORTS_V1:
		case MLD_ROUTER_DONES_V1:
		case MLD_ROUTER_REPORTS_V2:
		case MLD_ROUTER_RECORDS:
		case MLD_ROUTER_V1_REFUSED:
		case MLD_ROUTER_RECORD_UNKNOWN:
		case MLD_ROUTER_GROUP_LOCAL:
		case MLD_ROUTER_COUNTER_N:
			break; /* no notices */
		}
	}
}

/* ---- queriers ---- */

void mldproxy_querier_event(struct mldproxy *p, const struct downstream *l)
{
	struct event e = {.kind = EV_QUERIER_CHANGED, .ifindex = l->ifindex, .status = -1};
	uint8_t version;

	e.peer = mld_link_querier(l->mld, &version);
	memcpy(e.link, l->name, sizeof(l->name));
	snprintf(e.detail, sizeof(e.detail), "%s, MLDv%u",
		 mld_link_is_querier(l->mld) ? "this router" : "another router", version);
	mldproxy_event_limited(p, &e);
}

/* The version that the querier upstream lets us speak: with MLDv1 sources can no longer be asked for. */
void mldproxy_version_event(struct mldproxy *p)
{
	uint8_t version = p->upstream ? mld_upstream_version(p->upstream) : 0;
	struct event e = {.kind = EV_MLD_VERSION, .ifindex = p->instance, .peer = p->querier, .status = -1};

	if (version == p->version)
		return;
	/* MLDv2 is what everybody begins with. */
	if (version == 1 || (version == 2 && p->version == 1)) {
		snprintf(e.detail, sizeof(e.detail), "MLDv%u", version);
		mldproxy_event_limited(p, &e);
	}
	p->version = version;
}
