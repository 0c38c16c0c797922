/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a node has, or has not, service: as its LMA sees it. */
#include "show/show_priv.h"

#include <string.h>

struct bindings {
	unsigned int n, active;
	struct in6_addr proxy_coa; /* of an active one, else of the last */
	struct prefix prefix;
	uint8_t n_prefixes;
	int64_t left_s;
	const struct profile *profile;
	struct lma_context_view context;
};

static void take(void *arg, const struct lma_binding_view *v)
{
	struct bindings *b = arg;

	b->n++;
	if (v->state == LMA_BINDING_ACTIVE)
		b->active++;
	else if (b->active)
		return;
	b->proxy_coa = v->proxy_coa;
	b->n_prefixes = v->n_prefixes;
	if (v->n_prefixes)
		b->prefix = v->prefixes[0];
	b->left_s = v->left.ns / 1000000000;
	b->profile = v->profile;
	b->context = v->context;
}

static void no_binding(struct why *w)
{
	static const enum event_kind kinds[] = { EV_BINDING_REFUSED, EV_BINDING_DELETED, EV_BINDING_EXPIRED, EV_N };
	char at[SHOW_TIME_MAX], peer[ADDR_STR_MAX];
	struct event e;

	if (!why_last_event(w, NULL, kinds, &e, at)) {
		why_step(w, "registered", WHY_FAILED, "run `roamcast why` at the MAG that the node is attached to",
			 "no MAG has registered it here");
		return;
	}
	addr_str(&e.peer, peer);
	if (e.kind == EV_BINDING_REFUSED)
		why_step(w, "registered", WHY_FAILED, why_status_remedy((uint8_t)e.status),
			 "the registration by MAG %s was refused at %s with status %d %s", peer, at, e.status,
			 mh_status_name((uint8_t)e.status));
	else if (e.kind == EV_BINDING_EXPIRED)
		why_step(w, "registered", WHY_FAILED, "see that MAG: it, or the way to it, has failed",
			 "its binding at MAG %s ended at %s, for it was not refreshed", peer, at);
	else
		why_step(w, "registered", WHY_FAILED, "nothing is wrong here if the node is off; else ask at the MAG",
			 "its binding at MAG %s was given up at %s", peer, at);
}

struct tunnel {
	struct in6_addr proxy_coa;
	bool found, up, capable;
	const char *name;
	struct dp_tunnel tunnel;
};

static void find_peer(void *arg, const struct lma_peer_view *v)
{
	struct tunnel *t = arg;

	if (!addr_eq(&t->proxy_coa, &v->proxy_coa))
		return;
	t->found = true;
	t->up = v->tunnel_up;
	t->capable = v->heard_capabilities;
	t->name = v->name;
	t->tunnel = v->tunnel;
}

struct subscription {
	struct in6_addr proxy_coa, group;
	bool found;
	uint8_t origins;
	bool exclude;
};

static void find_subscription(void *arg, const struct lma_subscription_view *v)
{
	struct subscription *s = arg;

	if (!addr_eq(&s->proxy_coa, &v->proxy_coa) || !addr_eq(&s->group, &v->group))
		return;
	s->found = true;
	s->origins = v->origins;
	s->exclude = v->filter && v->filter->mode == FILTER_EXCLUDE;
}

struct group {
	struct in6_addr group;
	bool found, joined;
	uint32_t mags;
};

static void find_group(void *arg, const struct lma_group_view *v)
{
	struct group *g = arg;

	if (!addr_eq(&g->group, &v->group))
		return;
	g->found = true;
	g->joined = v->joined;
	g->mags = v->mags;
}

static void stream(struct why *w, const struct tunnel *t)
{
	struct dp_count in = { 0 }, out = { 0 };
	struct show_flows flows;
	unsigned int lists = 0;

	if (!w->ctx->dp)
		return;
	if (w->stopped) {
		why_step(w, "data plane", WHY_NOT_REACHED, NULL, " ");
		return;
	}
	flows_read(&flows, w->ctx->dp);
	for (size_t i = 0; i < flows.n; i++) {
		const struct dp_flow *flow = &flows.v[i].flow;
		const struct dp_out to = { .tunnel = t->tunnel };
		struct dp_count c = { 0 };

		if (!addr_eq(&flow->group, w->group) || !flow->in.ifindex || !dp_out_count(w->ctx->dp, flow, &to, &c))
			continue;
		lists++;
		out.packets += c.packets;
		memset(&c, 0, sizeof(c));
		(void)dp_flow_count(w->ctx->dp, flow, &c);
		in.packets += c.packets;
	}
	flows_free(&flows);
	if (!lists)
		why_step(w, "data plane", WHY_FAILED, "the tables may be full: see the log and dataplane.limits",
			 "no replication list holds the tunnel to the MAG");
	else if (!in.packets)
		why_step(w, "data plane", WHY_FAILED,
			 "is the source sending, with a hop limit that reaches here? Does the multicast router of the "
			 "upstream link know the group?",
			 "no packet of the stream has come from the upstream link");
	else if (!out.packets)
		why_step(w, "data plane", WHY_FAILED, "see `roamcast show counters` for the reason of the drops",
			 "%llu packets came, none went into the tunnel", (unsigned long long)in.packets);
	else
		why_step(w, "data plane", WHY_OK, NULL, "%llu packets from upstream, %llu into the tunnel",
			 (unsigned long long)in.packets, (unsigned long long)out.packets);
}

/* What the node listened to at the MAG before (RFC 7161); no step where nothing is on its way. */
static void context(struct why *w, const struct lma_context_view *c)
{
	char mag[ADDR_STR_MAX];

	switch (c->state) {
	case LMA_CONTEXT_NONE:
		return;
	case LMA_CONTEXT_ASKING:
		why_step(w, "context", WHY_OK, NULL, "MAG %s, where it was, %s asked what it listened to (queries: %u; groups known so far: %u)",
			 addr_str(&c->mag, mag), c->questions > 1 ? "and others are" : "is", c->tries, c->groups);
		return;
	case LMA_CONTEXT_AT_HAND:
		why_step(w, "context", WHY_OK, NULL, "what it listened to is at hand for its MAG (groups: %u)", c->groups);
		return;
	}
}

/* Its MAG has not asked for the group: will it, when it is told what came along with the node? */
static bool comes_along(struct why *w, const struct lma_context_view *c)
{
	char mag[ADDR_STR_MAX];

	if (c->state == LMA_CONTEXT_NONE || (c->state == LMA_CONTEXT_AT_HAND && !c->has))
		return false;
	if (c->has)
		why_step(w, "subscription", WHY_PENDING, "wait a moment; if it stays so, run `roamcast why` at that MAG",
			 "the node listened to the group at the MAG before; its MAG has not asked for it yet");
	else
		why_step(w, "subscription", WHY_PENDING, "wait a moment and ask again",
			 "MAG %s, where the node was, has not told yet whether it listens to the group", addr_str(&c->mag, mag));
	return true;
}

/* Was it ended here, and not joined since? */
static bool terminated(struct why *w, struct event *ret, char at[SHOW_TIME_MAX])
{
	static const enum event_kind kinds[] = { EV_GROUP_TERMINATED, EV_GROUP_JOINED, EV_N };

	return why_last_event(w, w->group, kinds, ret, at) && ret->kind == EV_GROUP_TERMINATED;
}

static void not_subscribed(struct why *w, uint8_t result)
{
	char at[SHOW_TIME_MAX], source[ADDR_STR_MAX];
	bool refused = result != MH_SUB_ACCEPTED;
	struct event e;

	if ((!refused || result == MH_SUB_PROHIBITED) && terminated(w, &e, at))
		why_step(w, "subscription", WHY_FAILED,
			 "a node that leaves the group and joins it anew has it again; so has one for which `roamcast "
			 "subscribe` asks at its MAG, or whose profile is changed",
			 addr_is_any(&e.source) ? "the group was terminated here at %s by an operator"
						: "the group was terminated here at %s: its source %s had fallen silent",
			 at, addr_str(&e.source, source));
	else if (refused)
		why_step(w, "subscription", WHY_FAILED, why_result_remedy(result),
			 "the MAG asked for it in the registration, and it was refused: %s",
			 mh_sub_result_name(result));
	else
		why_step(w, "subscription", WHY_FAILED, "run `roamcast why` at that MAG",
			 "its MAG has not asked for the group");
}

static void group_steps(struct why *w, const struct bindings *b, const struct tunnel *t)
{
	struct subscription s = { .proxy_coa = b->proxy_coa, .group = *w->group };
	struct group g = { .group = *w->group };
	struct lma_context_view c;
	uint8_t result = MH_SUB_ACCEPTED;
	bool asked = lma_group_result(w->ctx->lma, w->mn, w->group, &result);

	if (!w->ctx->conf->lma.multicast)
		why_step(w, "multicast service", WHY_FAILED, "set lma.multicast.enabled: yes and `roamcast reload`",
			 "multicast is switched off at this LMA");
	else if (b->profile && !b->profile->multicast)
		why_step(w, "multicast service", WHY_FAILED, why_verdict_remedy(POLICY_SERVICE_OFF),
			 "its profile has multicast switched off");
	else
		why_step(w, "multicast service", WHY_OK, NULL, "on; MAG %s %s", t->name ? t->name : "(gone)",
			 t->capable ? "speaks the extensions"
				    : "has not announced the extensions: it reports by MLD in the tunnel");

	lma_each_subscription(w->ctx->lma, find_subscription, &s);
	lma_each_group(w->ctx->lma, find_group, &g);
	c = lma_context(w->ctx->lma, w->mn, w->group);
	if (asked && result != MH_SUB_ACCEPTED)
		not_subscribed(w, result);
	else if (!s.found && !comes_along(w, &c))
		not_subscribed(w, result);
	else if (s.found)
		why_step(w, "subscription", WHY_OK, NULL, "%s, %s",
			 asked			     ? "asked for by its MAG in this node's registration"
			 : s.origins == SUB_ORIGIN_IMPLICIT ? "sent to its MAG unasked, for the node listened to it before"
							   : "asked for by its MAG (for whichever of its nodes)",
			 s.exclude ? "from any source" : "from named sources");

	if (!g.joined)
		why_step(w, "upstream", WHY_FAILED, "see that the interface of lma.upstream is there and up",
			 "the group is not joined on the upstream link%s%s", w->ctx->conf->upstream[0] ? " " : "",
			 w->ctx->conf->upstream);
	else
		why_step(w, "upstream", WHY_OK, NULL, "joined on %s for %u MAG%s", w->ctx->conf->upstream, g.mags,
			 g.mags == 1 ? "" : "s");
	stream(w, t);
}

void why_lma(struct why *w)
{
	struct bindings b = { 0 };
	struct tunnel t = { 0 };
	char mag[ADDR_STR_MAX], prefix[PREFIX_STR_MAX];
	struct dp_count in = { 0 }, out = { 0 };

	lma_find_bindings(w->ctx->lma, w->mn, take, &b);
	if (!b.n) {
		no_binding(w);
		return;
	}
	addr_str(&b.proxy_coa, mag);
	if (!b.active) {
		why_step(w, "registered", WHY_FAILED,
			 "ask at the MAG that the node is attached to now; none has registered it",
			 "MAG %s has given it up; its binding is kept for a moment in case another one registers it%s",
			 mag, b.context.groups ? ", with the groups that it listened to" : "");
		return;
	}
	t.proxy_coa = b.proxy_coa;
	lma_each_peer(w->ctx->lma, find_peer, &t);
	why_step(w, "registered", WHY_OK, NULL, "at MAG %s%s%s, %s%s, %lld s left", mag, t.name ? " " : "",
		 t.name ? t.name : "", b.n_prefixes ? prefix_str(&b.prefix, prefix) : "no prefix",
		 b.n_prefixes > 1 ? " and others" : "", (long long)b.left_s);
	if (t.up)
		why_step(w, "tunnel", WHY_OK, NULL, "up");
	else
		why_step(w, "tunnel", WHY_FAILED,
			 "see the log; the data plane's table of tunnels may be full (dataplane.limits.tunnels)",
			 "the tunnel to its MAG is not up");
	context(w, &b.context);
	if (w->group)
		group_steps(w, &b, &t);
	else if (w->ctx->dp && !w->stopped) {
		(void)dp_tunnel_count(w->ctx->dp, &t.tunnel, &in, &out);
		why_step(w, "data plane", WHY_OK, NULL, "%llu packets from that MAG, %llu to it (all its nodes)",
			 (unsigned long long)in.packets, (unsigned long long)out.packets);
	}
}
