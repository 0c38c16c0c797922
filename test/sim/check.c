/* SPDX-License-Identifier: BSD-2-Clause */
/* The invariants. */
#include "sim.h"

#include <string.h>

/* Arrays that grew and are kept for the next time: heaps, queues, hash tables. */
#define KEPT 65536

/* ---- where a packet goes, through both data planes at once ---- */

struct arrivals {
	unsigned copies[SIM_NODES_MAX];
};

static struct host *host_behind(struct sim *sim, int mag, const struct dp_out *out)
{
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];
		if (h->at != mag || h->ifindex != out->ifindex)
			continue;
		if (!(out->dmac[0] & 1) && memcmp(out->dmac, h->mac, 6) != 0)
			continue;
		return h;
	}
	return NULL;
}

/* A copy at a MAG that hands the node over goes to the other one, whose seam passes one of two. */
static void forwarded(struct sim *sim, const struct dpm_handover *h, bool *seam)
{
	int m = sim_mag_by_coa(sim, &h->conf.tunnel.remote);
	struct dp_tunnel back = {h->conf.tunnel.remote, h->conf.tunnel.local};
	const struct dpm_handover *e = m >= 0 ? dpm_expects(sim->mags[m].dp, &back, h->conf.key) : NULL;
	const struct dp_node *n = e && !e->unicast ? dpm_node_numbered(sim->mags[m].dp, e->conf.node) : NULL;
	struct dp_out out = {0};
	struct host *to;

	if (!n)
		return;
	out.ifindex = n->ifindex;
	memcpy(out.dmac, n->mac, sizeof(out.dmac));
	to = host_behind(sim, m, &out);
	if (to)
		seam[to->index] = true;
}

static void at_mag(struct sim *sim, int m, const struct dp_out *out, struct arrivals *a, bool *seam)
{
	const struct dpm_handover *h = dpm_handover(sim->mags[m].dp, out->node);
	struct host *to;

	if (dp_out_is_held(out))
		return;
	if (sim->mags[m].shared && (out->dmac[0] & 1))
		sim_broken(sim, "mag%d: a copy on a shared link has the group's MAC address: every node gets it", m + 1);
	if (h && h->forward) {
		forwarded(sim, h, seam);
		return;
	}
	to = host_behind(sim, m, out);
	if (to && h && !h->unicast)
		seam[to->index] = true;
	else if (to)
		a->copies[to->index]++;
}

static void arrive(struct sim *sim, const struct in6_addr *source, const struct in6_addr *group, struct arrivals *a)
{
	struct dp_in up = {.ifindex = SIM_UPSTREAM};
	struct dp_out mags[SIM_MAGS_MAX + 2], nodes[64];
	unsigned n = dpm_forward(sim->lma_dp, &up, source, group, mags, SIM_MAGS_MAX + 2);
	bool seam[SIM_NODES_MAX] = {false};

	memset(a, 0, sizeof(*a));
	for (unsigned i = 0; i < n; i++) {
		int m = sim_mag_by_coa(sim, &mags[i].tunnel.remote);
		struct dp_in in = {.tunnel = {mags[i].tunnel.remote, mags[i].tunnel.local}};
		if (m < 0 || !dpm_has_tunnel(sim->mags[m].dp, &in.tunnel))
			continue;
		unsigned k = dpm_forward(sim->mags[m].dp, &in, source, group, nodes, 64);
		for (unsigned o = 0; o < k; o++)
			at_mag(sim, m, &nodes[o], a, seam);
	}
	for (unsigned i = 0; i < sim->n_hosts; i++)
		a->copies[i] += seam[i];
}

/* ---- at any time ---- */

struct bindings {
	struct sim *sim;
	unsigned active[SIM_NODES_MAX];
	int mag[SIM_NODES_MAX];
	struct prefix prefix[SIM_NODES_MAX];
};

static void count_binding(void *arg, const struct lma_binding_view *v)
{
	struct bindings *b = arg;

	if (v->state != LMA_BINDING_ACTIVE)
		return;
	for (unsigned i = 0; i < b->sim->n_hosts; i++) {
		if (!nai_eq(&b->sim->hosts[i].mn, v->mn))
			continue;
		b->active[i]++;
		b->mag[i] = sim_mag_by_coa(b->sim, &v->proxy_coa);
		b->prefix[i] = v->prefixes[0];
	}
}

static struct bindings bindings_of(struct sim *sim)
{
	struct bindings b = {.sim = sim};

	lma_each_binding(sim->lma, count_binding, &b);
	return b;
}

static void check_deadline(struct sim *sim, mono_t next, const char *who)
{
	if (mono_before(next, sim->now.mono))
		sim_broken(sim, "%s: a timer lies %lld us in the past", who, (long long)span_to_us(mono_sub(sim->now.mono, next)));
}

void check_step(struct sim *sim)
{
	check_deadline(sim, lma_next_deadline(sim->lma), "lma");
	for (unsigned i = 0; i < sim->n_mags; i++)
		check_deadline(sim, mag_next_deadline(sim->mags[i].engine), "mag");
	if (!sim->changed)
		return;
	sim->changed = false;
	struct bindings b = bindings_of(sim);
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		if (b.active[i] > 1)
			sim_broken(sim, "mn%u has %u bindings", i + 1, b.active[i]);
		if (!b.active[i])
			continue;
		const struct dp_route *r = dpm_route(sim->lma_dp, &b.prefix[i].addr);
		if (!r || sim_mag_by_coa(sim, &r->tunnel.remote) != b.mag[i])
			sim_broken(sim, "mn%u is bound at mag%d and its prefix is routed elsewhere", i + 1, b.mag[i] + 1);
	}
	for (unsigned g = 0; g < SIM_GROUPS; g++)
		for (unsigned s = 0; s < SIM_SOURCES; s++) {
			struct arrivals a;
			arrive(sim, &sim->sources[s], &sim->groups[g], &a);
			for (unsigned i = 0; i < sim->n_hosts; i++)
				if (a.copies[i] > 1)
					sim_broken(sim, "mn%u gets %u copies of a packet of group %u", i + 1, a.copies[i], g + 1);
		}
}

/* ---- once messages have stopped ---- */

/* What an operator asked for at another MAG goes along with the node if its context does, which depends on what both MAGs
 * and the LMA are set to: it is taken as it is, if it was asked for at all. */
struct came {
	const struct in6_addr *group;
	bool admin;
};

static void see_admin(void *arg, const struct mag_subscription_view *v)
{
	struct came *c = arg;

	c->admin |= addr_eq(c->group, &v->group) && (v->origins & SUB_ORIGIN_ADMIN);
}

static bool came_along(struct sim *sim, const struct host *h, unsigned g)
{
	struct came c = {.group = &sim->groups[g]};

	mag_each_subscription(sim->mags[h->at].engine, &h->mn, see_admin, &c);
	if (c.admin && !h->was_admin[g])
		sim_broken(sim, "mn%u has group %u by an operator who never asked for it", h->index + 1, g + 1);
	return c.admin;
}

/* What the node is to get of a group, from first principles: profile, its own reports and the operator, less what the profile forbids. */
static struct filter expected(struct sim *sim, const struct host *h, unsigned g)
{
	const struct profile_subscription *s = profile_static(h->profile, &sim->groups[g], sim->now.wall);
	enum policy_verdict verdict;
	bool oom = false;

	if (!h->profile->multicast || !h->profile->enabled)
		return FILTER_NONE;
	struct filter wish = filter_dup(&h->wants[g].filter);
	if (h->admin[g].on) {
		filter_move(&wish, filter_union(&wish, &h->admin[g].filter, &oom));
	} else if (came_along(sim, h, g)) {
		bool ssm = addr_is_ssm(&sim->groups[g]);
		struct filter f = filter_of(ssm ? FILTER_INCLUDE : FILTER_EXCLUDE, sim->sources, ssm ? 1 : 0, &oom);

		filter_move(&wish, filter_union(&wish, &f, &oom));
		filter_drop(&f);
	}
	if (s && h->profile->initiation == PROFILE_INITIATION_NETWORK) {
		struct filter f = filter_of(s->n_sources ? FILTER_INCLUDE : FILTER_EXCLUDE, s->sources, s->n_sources, &oom);
		filter_move(&wish, filter_union(&wish, &f, &oom));
		filter_drop(&f);
	}
	struct filter r = profile_restrict(h->profile, &sim->groups[g], &wish, 64, &verdict);
	filter_drop(&wish);
	return r;
}

static void settled_unicast(struct sim *sim)
{
	struct bindings b = bindings_of(sim);

	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];
		if (h->at < 0 || !h->profile->enabled) {
			if (b.active[i])
				sim_broken(sim, "mn%u is %s and still bound at mag%d", i + 1, h->at < 0 ? "nowhere" : "not permitted",
					   b.mag[i] + 1);
			continue;
		}
		if (!b.active[i] || b.mag[i] != h->at) {
			sim_broken(sim, "mn%u is at mag%d and bound at mag%d", i + 1, h->at + 1, b.active[i] ? b.mag[i] + 1 : 0);
			continue;
		}
		if (h->profile->n_prefixes && !prefix_eq(&b.prefix[i], &h->profile->prefixes[0]))
			sim_broken(sim, "mn%u has not the prefix of its profile", i + 1);
		/* a run of contexts is short: a node that came back before it was missed waits for the next advertisement */
		if (!sim->contexts && (!h->has_prefix || !prefix_eq(&h->prefix, &b.prefix[i])))
			sim_broken(sim, "mn%u was not advertised its prefix", i + 1);
		for (unsigned m = 0; m < sim->n_mags; m++) {
			const struct dp_node *n = dpm_node(sim->mags[m].dp, &b.prefix[i].addr);
			if ((n != NULL) != ((int)m == h->at))
				sim_broken(sim, "mn%u is at mag%d and mag%u %s it", i + 1, h->at + 1, m + 1, n ? "forwards for" : "does not forward for");
		}
	}
}

static void settled_group(struct sim *sim, unsigned g, const struct in6_addr *source)
{
	struct arrivals a;
	struct filter up;
	bool needed = false;
	char text[ADDR_STR_MAX];

	arrive(sim, source, &sim->groups[g], &a);
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];
		if (h->at < 0)
			continue;
		struct filter f = expected(sim, h, g);
		bool want = filter_accepts(&f, source);
		needed |= want;
		if (a.copies[i] != (want ? 1u : 0u))
			sim_broken(sim, "mn%u at mag%d gets %u copies of group %u from %s and is to get %u", i + 1, h->at + 1, a.copies[i], g + 1,
				   addr_str(source, text), want ? 1u : 0u);
		filter_drop(&f);
	}
	bool joined = false;
	if (mld_link_state(sim->router_link, &sim->groups[g], &up)) {
		joined = filter_accepts(&up, source);
		filter_drop(&up);
	}
	if (joined != needed)
		sim_broken(sim, "group %u from %s is %s upstream and %s", g + 1, addr_str(source, text), joined ? "joined" : "not joined",
			   needed ? "needed" : "not needed");
}

/* Handovers end by themselves, whatever got lost. */
static void settled_handovers(struct sim *sim)
{
	for (unsigned m = 0; m < sim->n_mags; m++)
		if (mag_totals(sim->mags[m].engine).handovers || dpm_handovers(sim->mags[m].dp))
			sim_broken(sim, "mag%u has %u handovers under way, its data plane %u", m + 1,
				   mag_totals(sim->mags[m].engine).handovers, dpm_handovers(sim->mags[m].dp));
}

/* A MAG that missed that a node left it, and all revocations, takes it for one that was there all the time when it comes back;
 * until it registers the node again nobody can tell. */
static bool taken_for_another_stay(struct sim *sim)
{
	struct bindings b = bindings_of(sim);

	if (sim->lost_track) /* what a silent node listened to is then known at that MAG alone, which nobody asks */
		return true;
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		const struct host *h = &sim->hosts[i];

		if (h->at >= 0 && h->at == h->unheard_at && !(b.active[i] && b.mag[i] == h->at) &&
		    mono_before(sim->now.mono, mono_add(h->unheard_since, sim->mags[h->at].conf.lifetime))) {
			sim_trace(sim, "mn%u is at mag%d, which has missed that it was away", i + 1, h->at + 1);
			sim->lost_track = true;
			return true;
		}
	}
	return false;
}

void check_settled(struct sim *sim)
{
	struct in6_addr other = sim->sources[0];

	if (taken_for_another_stay(sim))
		return;
	other.s6_addr[15] = 0xee; /* a source that nobody names */
	settled_unicast(sim);
	settled_handovers(sim);
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		for (unsigned s = 0; s < SIM_SOURCES; s++)
			settled_group(sim, g, &sim->sources[s]);
		settled_group(sim, g, &other);
	}
	if (sim->failures && sim->verbose) {
		dpm_print(sim->lma_dp, stdout);
		for (unsigned m = 0; m < sim->n_mags; m++)
			dpm_print(sim->mags[m].dp, stdout);
	}
}

void check_empty(struct sim *sim)
{
	struct lma_totals l = lma_totals(sim->lma);

	if (l.bindings || l.groups || l.pending)
		sim_broken(sim, "every node has left and the LMA keeps %u bindings, %u groups, %u pending", l.bindings, l.groups, l.pending);
	if (l.bytes > sim->lma_bytes + KEPT)
		sim_broken(sim, "every node has left and the LMA holds %zu octets, %zu before", l.bytes, sim->lma_bytes);
	if (!dpm_empty(sim->lma_dp))
		sim_broken(sim, "every node has left and the LMA's data plane is not empty");
	for (unsigned m = 0; m < sim->n_mags; m++) {
		struct mag_totals t = mag_totals(sim->mags[m].engine);
		if (t.nodes || t.groups)
			sim_broken(sim, "every node has left and mag%u keeps %u nodes, %u groups", m + 1, t.nodes, t.groups);
		if (t.bytes > sim->mags[m].bytes + KEPT)
			sim_broken(sim, "every node has left and mag%u holds %zu octets, %zu before", m + 1, t.bytes, sim->mags[m].bytes);
		if (!dpm_empty(sim->mags[m].dp))
			sim_broken(sim, "every node has left and the data plane of mag%u is not empty", m + 1);
	}
}
