/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a node has, or has not, service: as its MAG sees it. */
#include "show/show_priv.h"

#include <string.h>

/* ---- a node that is not here ---- */
static void take_profile(void *arg, uint32_t request, const struct profile *p)
{
	(void)request;
	if (p)
		*(const struct profile **)arg = profile_ref(p);
}

/* The profile that would serve it, own or default; one reference, or NULL. */
static const struct profile *profile_of(const struct why *w)
{
	const struct fx_profile question = { .id = (const uint8_t *)w->mn->s, .id_len = w->mn->len };
	const struct profile *p = NULL;

	if (w->ctx->store)
		store_lookup(w->ctx->store, &question, take_profile, &p);
	return p;
}

/* By what it left of; the words are the engine's. */
static const char *left_remedy(const char *detail)
{
	if (!strcmp(detail, "operator"))
		return "it was sent away by hand: it comes back with what it sends next, or by `roamcast attach`";
	if (!strcmp(detail, "unreachable"))
		return "it did not answer the probes (mag.detachment.probes): see its link; what it sends next brings it back";
	if (!strcmp(detail, "removed from the policy store"))
		return "add it to the policy store: `roamcast policy add`";
	if (!strcmp(detail, "another node on its link"))
		return "its link takes one node: `kind: shared` in mag.access takes several";
	return "nothing is wrong here if the node is off; else see its link";
}

static void not_here(struct why *w)
{
	static const enum event_kind kinds[] = { EV_NODE_MOVED_AWAY, EV_NODE_DETACHED, EV_NODE_REFUSED,
						 EV_NODE_REGISTRATION_FAILED, EV_N };
	char at[SHOW_TIME_MAX], peer[ADDR_STR_MAX];
	struct event e;
	const struct profile *profile = profile_of(w);

	if (why_last_event(w, NULL, kinds, &e, at)) {
		if (e.kind == EV_NODE_MOVED_AWAY)
			why_step(w, "seen", WHY_FAILED,
				 "ask at its new MAG; `roamcast show bindings` at the LMA tells which",
				 "left at %s: the LMA told that it is at another MAG", at);
		else if (e.kind == EV_NODE_DETACHED)
			why_step(w, "seen", WHY_FAILED, left_remedy(e.detail), "left at %s%s%s", at, e.detail[0] ? ": " : "", e.detail);
		else
			why_step(w, "seen", WHY_FAILED,
				 e.status > 0 ? why_status_remedy((uint8_t)e.status)
					      : "correct its profile: `roamcast policy set`",
				 "gone since it was refused at %s%s%s%s%s", at, e.status > 0 ? " by " : "",
				 e.status > 0 ? addr_str(&e.peer, peer) : "", e.detail[0] ? ": " : "", e.detail);
	} else if (profile && !profile->n_lladdrs) {
		why_step(w, "seen", WHY_FAILED,
			 "add \"link-layer-addresses\" to its profile (`roamcast policy set`), or attach it by hand "
			 "(`roamcast attach MN LINK LLADDR`)",
			 "not attached here, and its profile has no link-layer address by which it could be known");
	} else if (profile) {
		why_step(w, "seen", WHY_FAILED,
			 "see that its link is up (`roamcast show status` lists the links) and that its link-layer "
			 "address is the one in the profile",
			 "not attached here: no packet of its link-layer addresses was heard on an access link");
	} else {
		why_step(w, "seen", WHY_FAILED, "add it to the policy store: `roamcast policy add`",
			 "not attached here, and the policy store does not know it either");
	}
	profile_unref(profile);
}

static void seen_and_identified(struct why *w, const struct mag_node_view *n)
{
	char lladdr[LLADDR_STR_MAX];

	if (n->state == MAG_NODE_EXPECTED)
		why_step(w, "seen", WHY_OK, NULL, "announced by another MAG; not on a link here yet");
	else
		why_step(w, "seen", WHY_OK, NULL, "on %s as %s, by %s; last heard %lld s ago",
			 n->link_name ? n->link_name : "a link that is gone",
			 n->lladdr.len ? lladdr_str(&n->lladdr, lladdr) : "(no address)", n->trigger ? n->trigger : "?",
			 (long long)(n->idle.ns / 1000000000));
	if (n->state == MAG_NODE_IDENTIFYING)
		why_step(w, "identified", WHY_PENDING, "if it stays so, see the log for the policy store's failure",
			 "the policy store is being asked");
	else if (n->state == MAG_NODE_UNKNOWN)
		why_step(w, "identified", WHY_FAILED,
			 "add the address to \"link-layer-addresses\" of its profile: `roamcast policy add` or `set`",
			 "the policy store knows no node of this link-layer address");
	else
		why_step(w, "identified", WHY_OK, NULL, "profile version %llu",
			 n->profile ? (unsigned long long)n->profile->version : 0ULL);
}

/* The LMA that it is, or would be, registered at: a refused node has none any more. */
static const struct in6_addr *lma_of(const struct why *w, const struct mag_node_view *n)
{
	if (!addr_is_any(&n->lma))
		return &n->lma;
	return n->profile && !addr_is_any(&n->profile->lma) ? &n->profile->lma : &w->ctx->conf->mag.lma;
}

static void authorised(struct why *w, const struct mag_node_view *n)
{
	const struct mag_conf *c = &w->ctx->conf->mag;

	if (n->profile && !n->profile->enabled)
		why_step(w, "authorised", WHY_FAILED, "set \"enabled\": true in the profile: `roamcast policy set`",
			 "its profile is switched off");
	else if (n->profile && !profile_allows_mag(n->profile, &c->proxy_coa))
		why_step(w, "authorised", WHY_FAILED,
			 "add this MAG's address to \"mags\" in the profile, or empty that list",
			 "its profile does not permit this MAG");
	else if (addr_is_any(lma_of(w, n)))
		why_step(w, "authorised", WHY_FAILED, "give \"lma\" in the profile, or mag.lma in the configuration",
			 "no LMA is named for it");
	else if (!n->step_done[MAG_STEP_AUTHORISED] && n->state == MAG_NODE_REFUSED && n->status < 128)
		why_step(w, "authorised", WHY_FAILED, "see the log; `roamcast show events` has the reason",
			 "refused here");
	else
		why_step(w, "authorised", WHY_OK, NULL, "permitted by its profile at this MAG");
}

#define LMA_REMEDY                                                                                                     \
	"see that the LMA runs and is reached (ping), and that nothing on the way drops IPv6 protocol 135; with "       \
	"security: external, that IPsec is up"

struct lma_seen {
	struct in6_addr lmaa;
	bool dead, answered;
	long long seconds;
};

static void find_lma(void *arg, const struct mag_lma_view *v)
{
	struct lma_seen *s = arg;

	if (!addr_eq(&s->lmaa, &v->lmaa))
		return;
	s->dead = v->heartbeat.state == HEARTBEAT_LOST;
	s->answered = v->heartbeat.answered;
	s->seconds = v->heartbeat.since.ns / 1000000000;
}

/* It was accepted once; does the LMA that did so still live? */
static void accepted(struct why *w, const struct mag_node_view *n)
{
	struct lma_seen seen = { .lmaa = *lma_of(w, n) };
	char lma[ADDR_STR_MAX], prefix[PREFIX_STR_MAX], heard[64] = "";

	addr_str(&seen.lmaa, lma);
	mag_each_lma(w->ctx->mag, find_lma, &seen);
	if (seen.dead) {
		why_step(w, "registered", WHY_FAILED, LMA_REMEDY "; the node is registered again as soon as it answers",
			 "LMA %s accepted, but has not answered a Heartbeat for %lld s", lma, seen.seconds);
		return;
	}
	if (seen.answered)
		snprintf(heard, sizeof(heard), "; its last Heartbeat was %lld s ago", seen.seconds);
	why_step(w, "registered", WHY_OK, NULL, "LMA %s accepted: %s%s, %lld s left of %lld s%s", lma,
		 n->n_prefixes ? prefix_str(&n->prefixes[0], prefix) : "no prefix", n->n_prefixes > 1 ? " and others" : "",
		 (long long)(n->left.ns / 1000000000), (long long)(n->lifetime.ns / 1000000000), heard);
}

static void registered(struct why *w, const struct mag_node_view *n)
{
	char lma[ADDR_STR_MAX];

	addr_str(lma_of(w, n), lma);
	switch (n->state) {
	case MAG_NODE_REGISTERED:
		accepted(w, n);
		return;
	case MAG_NODE_REGISTERING:
		if (n->transmissions > 1)
			why_step(w, "registered", WHY_FAILED, LMA_REMEDY,
				 "LMA %s has not answered %u Proxy Binding Updates", lma, n->transmissions);
		else
			why_step(w, "registered", WHY_PENDING, "wait a moment and ask again",
				 "a Proxy Binding Update is on its way to LMA %s", lma);
		return;
	case MAG_NODE_REFUSED:
		if (n->status >= 128) {
			why_step(w, "registered", WHY_FAILED, why_status_remedy((uint8_t)n->status),
				 "LMA %s refused with status %d %s", lma, n->status,
				 mh_status_name((uint8_t)n->status));
			return;
		}
		if (n->step_done[MAG_STEP_REGISTERED] && !w->stopped) {
			why_step(w, "registered", WHY_FAILED,
				 "it is served again after `roamcast attach`, or when it leaves the link and comes back",
				 "its binding at LMA %s was ended there: terminated, or its profile changed", lma);
			return;
		}
		break;
	case MAG_NODE_DEREGISTERING:
		why_step(w, "registered", WHY_FAILED, "attach it again if it is to stay: `roamcast attach`",
			 "it is being de-registered at LMA %s", lma);
		return;
	case MAG_NODE_HELD:
		why_step(w, "registered", WHY_FAILED,
			 "ask at its new MAG; `roamcast show bindings` at the LMA tells which",
			 "its binding was revoked or ended: the LMA has it at another MAG");
		return;
	case MAG_NODE_EXPECTED:
		why_step(w, "registered", WHY_PENDING, "it is registered when it is on a link here: `roamcast show handovers`",
			 "another MAG hands it over, and its streams are held for it");
		return;
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
		break;
	}
	why_step(w, "registered", WHY_NOT_REACHED, NULL, "no registration was sent");
}

/* ---- what comes along, and where to ---- */

struct handing {
	const struct nai *mn;
	bool out, in;
	struct mag_handover_view to, from; /* their names are borrowed until the next call on the engine */
};

static void find_handover(void *arg, const struct mag_handover_view *v)
{
	struct handing *h = arg;

	if (!nai_eq(h->mn, v->mn))
		return;
	*(v->incoming ? &h->in : &h->out) = true;
	*(v->incoming ? &h->from : &h->to) = *v;
}

/* No step where no handover is under way. */
static void handover(struct why *w, const struct mag_node_view *n)
{
	struct handing h = { .mn = w->mn };
	uint32_t packets = 0, octets = 0;
	char held[64] = "";

	mag_each_handover(w->ctx->mag, find_handover, &h);
	if (h.in && h.from.node && w->ctx->dp && dp_seam_held(w->ctx->dp, h.from.node, &packets, &octets))
		snprintf(held, sizeof(held), "; %u packets are held for it", packets);
	if (h.in)
		why_step(w, "handover", WHY_OK, NULL, "%s from MAG %s: %s, %u groups, %u refused%s%s",
			 h.from.reactive ? "fetched" : "handed over", h.from.peer_name, mag_handover_state_name(h.from.state),
			 h.from.groups, h.from.refused, h.from.forwarding ? "; what still comes there is forwarded" : "", held);
	if (!h.out)
		return;
	if (h.to.state == MAG_HANDOVER_WAITING)
		why_step(w, "handover", WHY_PENDING, "`roamcast handover MN --cancel` takes it back",
			 "it is to go to MAG %s as soon as its registration here is accepted", h.to.peer_name);
	else if (n->handing_over)
		why_step(w, "handover", WHY_PENDING, "`roamcast handover MN --cancel` ends it: the node is served here again",
			 "it is handed over to MAG %s: %s; what comes for it goes there", h.to.peer_name,
			 mag_handover_state_name(h.to.state));
	else
		why_step(w, "handover", WHY_OK, NULL, "it is to go to MAG %s: %s", h.to.peer_name,
			 mag_handover_state_name(h.to.state));
}

/* No step where nothing came along, or is waited for. */
static void context(struct why *w, const struct mag_node_view *n)
{
	char lma[ADDR_STR_MAX];

	if (n->context_asked)
		why_step(w, "context", WHY_OK, NULL, "LMA %s was asked what it listened to at the MAG before, and has not answered yet (queries: %u)",
			 addr_str(lma_of(w, n), lma), n->context_queries);
	else if (n->n_context)
		why_step(w, "context", WHY_OK, NULL,
			 "groups that came along from the MAG where it was, and of which it has not spoken here: %u", n->n_context);
}

/* ---- unicast ---- */
static void unicast(struct why *w, const struct mag_node_view *n)
{
	struct dp_count up = { 0 }, down = { 0 };

	if (!w->ctx->dp)
		return;
	if (!dp_node_count(w->ctx->dp, n->node, &up, &down))
		why_step(w, "data plane", WHY_FAILED,
			 "the data plane's tables may be full: see the log and dataplane.limits",
			 "the node is not in the data plane");
	else
		why_step(w, "data plane", WHY_OK, NULL, "%llu packets from the node, %llu to it",
			 (unsigned long long)up.packets, (unsigned long long)down.packets);
}

/* ---- a group ---- */
struct found {
	const struct in6_addr *group;
	bool yes;
	struct mag_subscription_view v;
	struct filter filter; /* a share of it: the view's own is borrowed for the call only */
};

static void find_subscription(void *arg, const struct mag_subscription_view *v)
{
	struct found *f = arg;

	if (f->yes || !addr_eq(f->group, &v->group))
		return;
	f->yes = true;
	f->v = *v;
	f->filter = v->filter ? filter_dup(v->filter) : FILTER_NONE;
	f->v.filter = &f->filter;
}

/* Nobody asked: would it be permitted, and who would have to ask? */
static void not_asked(struct why *w, const struct mag_node_view *n)
{
	const struct policy_scopes *scopes = &w->ctx->conf->mag.scopes;
	enum policy_verdict verdict = policy_scope(scopes, w->group);
	static const enum event_kind refused[] = { EV_SUBSCRIPTION_REFUSED, EV_GROUP_TERMINATED, EV_SUBSCRIBED, EV_N };
	char at[SHOW_TIME_MAX];
	struct event e;

	/* The source is not known here: a range that permits it with some source may permit it. */
	if (verdict == POLICY_PERMIT && n->profile && !addr_is_ssm(w->group))
		verdict = profile_permits(n->profile, w->group, &addr_any);
	if (verdict != POLICY_PERMIT)
		why_step(w, "subscription", WHY_FAILED, why_verdict_remedy(verdict),
			 "not subscribed, and it would be refused: %s", policy_verdict_name(verdict));
	else if (why_last_event(w, w->group, refused, &e, at) && e.kind != EV_SUBSCRIBED)
		why_step(w, "subscription", WHY_FAILED,
			 e.kind == EV_GROUP_TERMINATED ? "the node, or `roamcast subscribe`, can ask again"
						       : why_result_remedy((uint8_t)e.status),
			 "not subscribed: %s at %s%s%s",
			 e.kind == EV_GROUP_TERMINATED ? "terminated by the network" : "refused", at,
			 e.kind == EV_GROUP_TERMINATED ? "" : " with ",
			 e.kind == EV_GROUP_TERMINATED ? "" : mh_sub_result_name((uint8_t)e.status));
	else if (n->context_asked)
		why_step(w, "subscription", WHY_PENDING, "wait a moment and ask again",
			 "the node has not asked for the group here, and what it listened to before is not known yet");
	else
		why_step(w, "subscription", WHY_FAILED,
			 "let a program in the node join the group, act for it with `roamcast subscribe`, or add it to "
			 "\"subscriptions\" of the profile with \"initiation\": \"network\"",
			 "the node has not asked for the group (no MLD report was heard), and its profile does not "
			 "start it");
}

static void origins_text(uint8_t bits, char buf[96])
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < 8; i++)
		if (bits & 1u << i)
			n += (size_t)snprintf(buf + n, 96 - n, "%s%s", n ? ", " : "",
					      sub_origin_name((uint8_t)(1u << i)));
}

static void subscription(struct why *w, const struct mag_node_view *n, const struct found *f)
{
	char origins[96], time[SHOW_TIME_MAX];
	const struct profile_subscription *s;

	if (!f->yes) {
		not_asked(w, n);
		return;
	}
	origins_text(f->v.origins, origins);
	if (f->v.state == MAG_SUB_LOCAL)
		why_step(w, "subscription", WHY_OK, NULL, "asked for by %s; the group's scope stays on the link",
			 origins);
	else if (f->v.state == MAG_SUB_WAITING) {
		s = n->profile ? profile_static(n->profile, w->group, w->ctx->now.wall) : NULL;
		for (size_t i = 0; n->profile && !s && i < n->profile->n_subscriptions; i++)
			if (addr_eq(&n->profile->subscriptions[i].group, w->group) &&
			    n->profile->subscriptions[i].start.ns > w->ctx->now.wall.ns)
				s = &n->profile->subscriptions[i];
		if (s && s->start.ns > w->ctx->now.wall.ns)
			why_step(w, "subscription", WHY_PENDING, "wait, or change \"start\" in the profile",
				 "the profile starts it at %s", show_time(s->start, time));
		else
			why_step(w, "subscription", WHY_PENDING,
				 "a program in the node has to join it, or the profile's \"initiation\" has to be "
				 "\"network\"",
				 "the profile has the group, but the node has not confirmed it (initiation \"query\")");
	} else if (f->v.ended)
		why_step(w, "subscription", WHY_FAILED,
			 "it begins again when the node leaves the group and joins it anew, by `roamcast subscribe`, or "
			 "by a change of the profile",
			 f->v.silent ? "asked for by %s, and terminated by the network: its source had fallen silent"
				     : "asked for by %s, and terminated by the network",
			 origins);
	else if (f->v.verdict != POLICY_PERMIT)
		why_step(w, "subscription", WHY_FAILED, why_verdict_remedy(f->v.verdict),
			 "asked for by %s, refused by the profile: %s", origins, policy_verdict_name(f->v.verdict));
	else
		why_step(w, "subscription", WHY_OK, NULL, "asked for by %s%s, %s", origins,
			 f->v.mandatory ? " (mandatory)" : "",
			 f->filter.mode == FILTER_EXCLUDE ? "from any source" : "from named sources");
}

static void at_lma(struct why *w, const struct mag_node_view *n, const struct found *f)
{
	const char *how = f->v.by_registration ? "in the registration" : "by MLD in the tunnel";
	char lma[ADDR_STR_MAX];

	addr_str(lma_of(w, n), lma);
	if (f->yes && f->v.state == MAG_SUB_LOCAL)
		why_step(w, "LMA", WHY_OK, NULL, "not asked: link scope");
	else if (f->yes && f->v.state == MAG_SUB_PENDING)
		why_step(w, "LMA", WHY_PENDING, "wait a moment; if it stays so, `roamcast why` at the LMA tells more",
			 "LMA %s was asked %s and has not answered yet", lma, how);
	else if (f->yes && f->v.state == MAG_SUB_REFUSED)
		why_step(w, "LMA", WHY_FAILED, why_result_remedy(f->v.result), "LMA %s refused: %s", lma,
			 mh_sub_result_name(f->v.result));
	else
		why_step(w, "LMA", WHY_OK, NULL, "LMA %s was asked %s%s", lma, how,
			 f->yes && f->v.by_registration ? " and accepted" : "");
}

static void stream(struct why *w, const struct mag_node_view *n)
{
	struct flow_sum s = { .dp = w->ctx->dp };

	if (!s.dp || w->stopped) {
		if (w->stopped)
			why_step(w, "data plane", WHY_NOT_REACHED, NULL, " ");
		return;
	}
	mag_subscription_flows(w->ctx->mag, n->node, w->group, flow_sum_add, &s);
	if (!s.lists)
		why_step(w, "data plane", WHY_FAILED,
			 "the tables may be full: see the log, dataplane.limits and mag.limits",
			 "no replication list holds the node");
	else if (!s.in.packets)
		why_step(w, "data plane", WHY_FAILED,
			 "run `roamcast why` at the LMA; is the source sending, with a hop limit above 2?",
			 "no packet of the stream has come out of the tunnel");
	else if (!s.out.packets)
		why_step(w, "data plane", WHY_FAILED, "see `roamcast show counters` for the reason of the drops",
			 "%llu packets came out of the tunnel, none went to the node",
			 (unsigned long long)s.in.packets);
	else
		why_step(w, "data plane", WHY_OK, NULL, "%llu packets out of the tunnel, %llu to the node",
			 (unsigned long long)s.in.packets, (unsigned long long)s.out.packets);
}

static void group_steps(struct why *w, const struct mag_node_view *n)
{
	struct found f = { .group = w->group };

	if (!w->ctx->conf->mag.multicast)
		why_step(w, "multicast service", WHY_FAILED, "set mag.multicast.enabled: yes and `roamcast reload`",
			 "multicast is switched off at this MAG");
	else if (n->profile && !n->profile->multicast)
		why_step(w, "multicast service", WHY_FAILED, why_verdict_remedy(POLICY_SERVICE_OFF),
			 "its profile has multicast switched off");
	else if (n->terminated)
		why_step(w, "multicast service", WHY_FAILED,
			 "`roamcast subscribe` begins it again, and so does a change of its profile",
			 "an operator has ended the multicast service of the node");
	else
		why_step(w, "multicast service", WHY_OK, NULL, "on, started by the %s",
			 !n->profile || n->profile->initiation == PROFILE_INITIATION_NODE ? "node"
			 : n->profile->initiation == PROFILE_INITIATION_QUERY		  ? "network, with a query"
											  : "network");
	mag_each_subscription(w->ctx->mag, w->mn, find_subscription, &f);
	subscription(w, n, &f);
	at_lma(w, n, &f);
	stream(w, n);
	filter_drop(&f.filter);
}

void why_mag(struct why *w)
{
	struct mag_node_view n;

	if (!mag_find_node(w->ctx->mag, w->mn, &n)) {
		not_here(w);
		return;
	}
	seen_and_identified(w, &n);
	authorised(w, &n);
	if (n.state == MAG_NODE_EXPECTED)
		handover(w, &n);
	registered(w, &n);
	if (n.state != MAG_NODE_EXPECTED)
		handover(w, &n);
	if (n.step_done[MAG_STEP_ADVERTISED])
		why_step(w, "advertised", WHY_OK, NULL, "a Router Advertisement with its prefixes was sent");
	else
		why_step(w, "advertised", WHY_PENDING, "see that the link is up",
			 "no Router Advertisement has been sent yet");
	context(w, &n);
	if (w->group)
		group_steps(w, &n);
	else
		unicast(w, &n);
}
