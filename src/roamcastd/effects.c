/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out what the engines want: messages to sockets, operations to the data plane, questions to the policy store, events to log and
 * monitors. */
#include "roamcastd/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/log.h"

const char *daemon_counter_name(enum daemon_counter c)
{
	static const char *const names[DAEMON_COUNTER_N] = {
		[DAEMON_MH_RECEIVED] = "mh-received",
		[DAEMON_MH_SENT] = "mh-sent",
		[DAEMON_MH_SEND_FAILED] = "mh-send-failed",
		[DAEMON_MH_PROBLEM_SENT] = "mh-parameter-problem-sent",
		[DAEMON_MH_PROBLEM_LIMITED] = "mh-parameter-problem-limited",
		[DAEMON_MH_PROBLEM_FAILED] = "mh-parameter-problem-failed",
		[DAEMON_LINK_RECEIVED] = "link-received",
		[DAEMON_LINK_SENT] = "link-sent",
		[DAEMON_LINK_SEND_FAILED] = "link-send-failed",
		[DAEMON_TUNNEL_RECEIVED] = "tunnel-received",
		[DAEMON_TUNNEL_SENT] = "tunnel-sent",
		[DAEMON_TUNNEL_SEND_FAILED] = "tunnel-send-failed",
		[DAEMON_DP_FAILED] = "dataplane-operation-failed",
		[DAEMON_PROFILE_LOOKUPS] = "profile-lookups",
		[DAEMON_CONTROL_REQUESTS] = "control-requests",
	};
	return names[c];
}

void daemon_each_counter(void *arg, void (*each)(void *each_arg, const char *name, uint64_t value), void *each_arg)
{
	const struct daemon *d = arg;

	for (int c = 0; c < DAEMON_COUNTER_N; c++)
		each(each_arg, daemon_counter_name((enum daemon_counter)c), d->counters[c]);
}

static void sent(struct daemon *d, int r, enum daemon_counter good, enum daemon_counter bad, const char *what,
		 const struct in6_addr *to)
{
	char a[ADDR_STR_MAX];

	d->counters[r < 0 ? bad : good]++;
	if (r < 0 && log_on(LOG_LV_DEBUG))
		log_debug("%s to %s: %s", what, to ? addr_str(to, a) : "a link", strerror(-r));
}

static enum log_level level_of(enum event_kind kind)
{
	switch (kind) {
	case EV_NODE_REGISTRATION_FAILED:
	case EV_NODE_LMA_SILENT:
	case EV_BINDING_REFUSED:
	case EV_SUBSCRIPTION_REFUSED:
	case EV_PEER_DOWN:
	case EV_PEER_RESTARTED:
	case EV_LIMIT:
	case EV_MLD_WARNING:
	case EV_HANDOVER_FAILED:
		return LOG_LV_WARNING;
	case EV_NODE_REFUSED:
	case EV_NODE_UNKNOWN:
	case EV_PEER_UP:
	case EV_PEER_LEGACY:
	case EV_LINK_UP:
	case EV_LINK_DOWN:
	case EV_GROUP_TERMINATED:
	case EV_SOURCE_SILENT:
	case EV_QUERIER_CHANGED:
	case EV_MLD_VERSION:
	case EV_POLICY_CHANGED:
	case EV_HANDOVER_CANCELLED:
		return LOG_LV_NOTICE;
	case EV_NODE_REGISTERED:
	case EV_NODE_MOVED_AWAY:
	case EV_NODE_DETACHED:
	case EV_BINDING_CREATED:
	case EV_BINDING_MOVED:
	case EV_BINDING_DEREGISTERED:
	case EV_BINDING_DELETED:
	case EV_BINDING_EXPIRED:
	case EV_BINDING_REVOKED:
	case EV_HANDOVER_STARTED:
	case EV_HANDOVER_READY:
	case EV_HANDOVER_ARRIVED:
	case EV_HANDOVER_COMPLETED:
		return LOG_LV_INFO;
	case EV_NODE_SEEN:
	case EV_NODE_ATTACHED:
	case EV_BINDING_REFRESHED:
	/* what a node watches is its own affair: not in the log by default */
	case EV_SUBSCRIBED:
	case EV_UNSUBSCRIBED:
	case EV_GROUP_JOINED:
	case EV_GROUP_LEFT:
	case EV_N:
		return LOG_LV_DEBUG;
	}
	return LOG_LV_DEBUG;
}

/* Where the engine that told it had no name for the link, or did not know it. */
static void name_link(const struct daemon *d, struct event *e)
{
	const struct link_info *l = e->ifindex && !e->link[0] ? netlink_find(d->netlink, e->ifindex) : NULL;

	if (l)
		snprintf(e->link, sizeof(e->link), "%s", l->name);
}

static void tell(struct daemon *d, const struct event *told)
{
	struct event named = *told, *e = &named;
	enum log_level level = level_of(e->kind);
	wall_t at = clock_now().wall;
	bool monitored = d->ctl && ctl_server_monitored(d->ctl);

	name_link(d, e);
	event_log_add(d->events, e, at);
	if (!monitored && !log_on(level))
		return;
	json_t *j = show_event(e, at);
	if (!j)
		return;
	if (monitored)
		ctl_server_event(d->ctl, j);
	if (log_on(level)) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);
		if (f) {
			show_event_text(j, f);
			fclose(f);
			log_at(level, "%s", text);
			free(text);
		}
	}
	json_decref(j);
}

static void apply(struct daemon *d, const struct dp_op *op)
{
	int r = dp_apply(d->dp, op);

	if (r < 0) {
		d->counters[DAEMON_DP_FAILED]++;
		log_warning("data plane: %s failed: %s", dp_op_name(op->kind), strerror(-r));
	}
}

static void to_link(struct daemon *d, const struct fx *fx)
{
	sent(d, link_socket_send(d->link_socket, fx->link.ifindex, fx->link.dmac, fx->link.bytes, fx->link.len), DAEMON_LINK_SENT,
	     DAEMON_LINK_SEND_FAILED, "packet", NULL);
}

static void to_tunnel(struct daemon *d, const struct fx *fx)
{
	sent(d, dp_tunnel_send(d->dp, &fx->tunnel.tunnel, fx->tunnel.bytes, fx->tunnel.len), DAEMON_TUNNEL_SENT,
	     DAEMON_TUNNEL_SEND_FAILED, "MLD in the tunnel", &fx->tunnel.tunnel.remote);
}

static void lma_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct daemon *d = arg;

	lma_profile(d->lma, clock_now(), request, p);
	daemon_pump(d);
}

static void mag_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct daemon *d = arg;

	mag_profile(d->mag, clock_now(), request, p);
	daemon_pump(d);
}

/* What both engines want alike: each has its socket, and its way to hear what the store answers. */
static void carry_out(struct daemon *d, const struct fx *fx, struct mh_socket *socket, store_answer *answer)
{
	switch (fx->kind) {
	case FX_MH:
		sent(d, mh_socket_send(socket, &fx->mh.dst, fx->mh.bytes, fx->mh.len), DAEMON_MH_SENT, DAEMON_MH_SEND_FAILED,
		     "Mobility Header", &fx->mh.dst);
		break;
	case FX_TUNNEL:
		to_tunnel(d, fx);
		break;
	case FX_LINK:
		to_link(d, fx);
		break;
	case FX_DP:
		apply(d, &fx->dp);
		break;
	case FX_PROFILE:
		d->counters[DAEMON_PROFILE_LOOKUPS]++;
		store_lookup(d->store, &fx->profile, answer, d);
		break;
	case FX_EVENT:
		tell(d, &fx->event);
		break;
	}
}

void daemon_lma_effect(struct daemon *d, const struct fx *fx)
{
	carry_out(d, fx, d->lma_socket, lma_answer);
}

/* What the tunnel can carry now, in time for the advertisement that follows: the way to an LMA may have become another. */
static void refresh_mtu(struct daemon *d, const struct dp_tunnel *tunnel)
{
	mag_tunnel_mtu(d->mag, clock_now(), tunnel, dp_tunnel_mtu(d->dp, tunnel));
}

void daemon_mag_effect(struct daemon *d, const struct fx *fx)
{
	bool tunnel_comes = fx->kind == FX_DP && fx->dp.kind == DP_TUNNEL_ADD;
	bool node_comes = fx->kind == FX_DP && fx->dp.kind == DP_NODE_ADD;
	struct dp_tunnel tunnel = {0};

	if (tunnel_comes)
		tunnel = fx->dp.tunnel;
	else if (node_comes)
		tunnel = fx->dp.node.tunnel;
	carry_out(d, fx, d->mag_socket, mag_answer);
	if (tunnel_comes || node_comes)
		refresh_mtu(d, &tunnel);
}

/* It sends to links and to the data plane alone. */
void daemon_proxy_effect(struct daemon *d, const struct fx *fx)
{
	carry_out(d, fx, NULL, NULL);
}

struct tunnels {
	struct dp_tunnel *v;
	size_t n;
};

static void add_tunnel(void *arg, const struct mag_lma_view *v)
{
	struct tunnels *all = arg;

	all->v[all->n++] = v->tunnel;
}

void daemon_tunnel_mtus(struct daemon *d)
{
	struct tunnels all = {0};

	if (!d->mag)
		return;
	all.v = calloc(mag_totals(d->mag).lmas + 1u, sizeof(*all.v));
	if (!all.v)
		return;
	mag_each_lma(d->mag, add_tunnel, &all); /* first: telling the engine ends what the view points to */
	for (size_t i = 0; i < all.n; i++)
		refresh_mtu(d, &all.v[i]);
	free(all.v);
}

/* ---- the store's changes ---- */

struct names {
	struct nai *v;
	size_t n, cap;
};

static void names_add(struct names *names, const struct nai *mn)
{
	if (names->n == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		struct nai *v = realloc(names->v, cap * sizeof(*v));
		if (!v)
			return;
		names->v = v;
		names->cap = cap;
	}
	names->v[names->n++] = *mn;
}

static void binding_name(void *arg, const struct lma_binding_view *v) { names_add(arg, v->mn); }

static void node_name(void *arg, const struct mag_node_view *v)
{
	if (v->mn && v->mn->len)
		names_add(arg, v->mn);
}

struct again {
	struct daemon *d;
	struct nai mn;
};

static void again_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct again *a = arg;
	struct now now = clock_now();

	(void)request;
	if (a->d->lma)
		lma_profile_changed(a->d->lma, now, &a->mn, p);
	if (a->d->mag)
		mag_profile_changed(a->d->mag, now, &a->mn, p);
	daemon_pump(a->d);
	free(a);
}

static void look_up_again(struct daemon *d, const struct nai *mn)
{
	struct again *a = malloc(sizeof(*a));

	if (!a)
		return;
	*a = (struct again){d, *mn};
	struct fx_profile q = {.id = (const uint8_t *)a->mn.s, .id_len = a->mn.len};
	store_lookup(d->store, &q, again_answer, a);
}

static bool is_default(const struct nai *mn) { return mn->len && mn->s[0] == '*'; }

/* A default profile serves many nodes; which one serves a node now is the store's to say. */
static void look_up_all(struct daemon *d)
{
	struct names names = {0};

	if (d->lma)
		lma_each_binding(d->lma, binding_name, &names);
	if (d->mag)
		mag_each_node(d->mag, node_name, &names);
	for (size_t i = 0; i < names.n; i++)
		look_up_again(d, &names.v[i]);
	free(names.v);
}

void daemon_store_changed(void *arg, const struct nai *mn, const struct profile *p)
{
	struct daemon *d = arg;
	struct now now = clock_now();
	char text[NAI_STR_MAX];

	log_info("policy: profile of %s has changed", nai_str(mn, text));
	if (is_default(mn)) {
		look_up_all(d);
	} else if (!p) {
		/* a default may serve it now */
		look_up_again(d, mn);
	} else {
		if (d->lma)
			lma_profile_changed(d->lma, now, mn, p);
		if (d->mag)
			mag_profile_changed(d->mag, now, mn, p);
	}
	daemon_pump(d);
}
