/* SPDX-License-Identifier: BSD-2-Clause */
/* Why the listeners of a link have, or have not, a group: as a plain MLD proxy sees it. */
#include "show/show_priv.h"

#include <string.h>

struct search {
	const char *link;
	bool link_found, querier, forwarding; /* of the link */
	const struct in6_addr *group;
	unsigned int asked, placed; /* links (or the one) that ask for the group */
	uint32_t hosts, ifindex;
	bool merged, joined;
	uint64_t received, delivered;
	const char *limit;  /* the setting that refused it last */
	const char *reached; /* or, of the link, something else */
	struct dp *dp;
};

static void match_link(void *arg, const struct mldproxy_link_view *v)
{
	struct search *s = arg;

	if (!s->link || strcmp(v->name, s->link) != 0)
		return;
	s->link_found = true;
	s->ifindex = v->ifindex;
	s->querier = v->querier;
	s->forwarding = v->forwarding;
}

static void match_subscription(void *arg, const struct mldproxy_subscription_view *v)
{
	struct search *s = arg;

	if (s->link && v->ifindex != s->ifindex)
		return;
	s->asked++;
	s->placed += v->placed;
	s->hosts += v->hosts;
}

static void match_group(void *arg, const struct mldproxy_group_view *v)
{
	struct search *s = arg;

	if (!addr_eq(&v->group, s->group))
		return;
	s->merged = true;
	s->joined = v->joined;
}

static void match_limit(void *arg, const struct mldproxy_limit_view *v)
{
	struct search *s = arg;

	if (!v->refused || (s->link && v->ifindex != s->ifindex))
		return;
	if (addr_eq(&v->group, s->group))
		s->limit = v->setting;
	else if (s->link)
		s->reached = v->setting;
}

static void count_list(void *arg, const struct dp_flow *flow, const struct dp_out *outs, uint32_t n_outs)
{
	struct search *s = arg;
	struct dp_count in = { 0 };

	(void)outs;
	(void)n_outs;
	if (addr_eq(&flow->group, s->group) && dp_flow_count(s->dp, flow, &in))
		s->received += in.packets;
}

static void count_subscription(struct why *w, struct search *s)
{
	struct flow_sum sum = { .dp = s->dp };

	mldproxy_subscription_flows(w->ctx->proxy, s->ifindex, w->group, flow_sum_add, &sum);
	s->received = sum.in.packets;
	s->delivered = sum.out.packets;
}

static void link_steps(struct why *w, const struct search *s)
{
	if (!s->link_found)
		why_step(w, "link", WHY_FAILED,
			 "name it in proxy.downstream (patterns are permitted), and see that it is up, has carrier and a "
			 "link-local address: `roamcast show links` lists those in use",
			 "%s is no downstream link here, or is not up", s->link);
	else
		why_step(w, "link", WHY_OK, NULL, "%s is a downstream link and up", s->link);
	if (s->forwarding)
		why_step(w, "querier", WHY_OK, NULL, s->querier ? "this proxy is the querier of the link" :
								  "another router is the querier; forwarded all the same");
	else
		why_step(w, "querier", WHY_FAILED,
			 "give this proxy the lowest link-local address of the link, or, where no other proxy serves it, "
			 "set proxy.forward-always: yes",
			 "another router is the querier of the link: RFC 4605 lets that one forward");
}

static void group_steps(struct why *w, struct search *s)
{
	static const char see[] = "`roamcast show status` tells its use and whom it refused: raise it, or see to that host";
	struct mldproxy_totals t = mldproxy_totals(w->ctx->proxy);

	if (!s->asked && s->limit)
		why_step(w, "asked", WHY_FAILED, see, "a host asked for the group, and the limit %s refused it", s->limit);
	else if (!s->asked && s->reached)
		why_step(w, "asked", WHY_FAILED, see,
			 "no host of the link asks for the group; or one did, for the limit %s was reached there", s->reached);
	else if (!s->asked)
		why_step(w, "asked", WHY_FAILED,
			 "see whether the listener reports: a source-specific group (ff3x::/32) needs MLDv2 and a source; "
			 "`roamcast show counters` tells reports that were refused",
			 "no host %s asks for the group", s->link ? "of the link" : "of any link");
	else
		why_step(w, "asked", WHY_OK, NULL, "%u host(s) ask for the group on %u link(s)", s->hosts, s->asked);
	if (s->placed < s->asked)
		why_step(w, "room", WHY_FAILED, "raise proxy.limits: groups, entries or sources",
			 "a limit keeps it out of the replication lists");
	else
		why_step(w, "room", WHY_OK, NULL, "it stands in the replication lists");
	if (!t.upstream)
		why_step(w, "upstream", WHY_FAILED, "see the link: is it up, has it carrier and a link-local address?",
			 "the upstream link %s is not usable", w->ctx->conf->proxy_upstream);
	else if (!s->joined)
		why_step(w, "upstream", WHY_FAILED, "raise proxy.upstream-mld.groups", "it is not reported upstream");
	else
		why_step(w, "upstream", WHY_OK, NULL, "reported on %s by MLDv%u", w->ctx->conf->proxy_upstream,
			 t.upstream_version);
	if (!s->dp)
		return;
	if (s->received)
		why_step(w, "stream", WHY_OK, NULL, "%llu packets have come", (unsigned long long)s->received);
	else
		why_step(w, "stream", WHY_PENDING,
			 "see whether the sender sends with a hop limit above 1, and whether the router upstream has "
			 "joined",
			 "no packet has come yet");
	if (s->link)
		why_step(w, "delivered", s->delivered ? WHY_OK : WHY_PENDING,
			 "`roamcast show counters` tells packets dropped by reason", "%llu packets went to %s",
			 (unsigned long long)s->delivered, s->link);
}

void why_proxy(struct why *w, const char *link)
{
	struct search s = { .link = link, .group = w->group, .dp = w->ctx->dp };

	mldproxy_each_link(w->ctx->proxy, match_link, &s);
	if (link)
		link_steps(w, &s);
	if (!w->group)
		return;
	mldproxy_each_subscription(w->ctx->proxy, w->group, match_subscription, &s);
	mldproxy_each_group(w->ctx->proxy, match_group, &s);
	mldproxy_each_limit(w->ctx->proxy, match_limit, &s);
	if (s.dp && link)
		count_subscription(w, &s);
	else if (s.dp)
		dp_each_flow(s.dp, count_list, &s);
	group_steps(w, &s);
}
