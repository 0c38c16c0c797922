/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes that are handed over before they go, and then go there, or elsewhere, or not at all. */
#include "sim.h"

#define LATELY span_s(3) /* within which a store may not yet have heard of a profile's change */

static int other_mag(struct sim *sim, const struct host *h)
{
	int to = (int)rng_below(&sim->rng, sim->n_mags - 1);

	return to >= h->at ? to + 1 : to;
}

static void pause_up_to(struct sim *sim, int64_t ms) { sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, (uint64_t)ms + 1))); }

/* ---- what the old gateway knew, the new one has when the node is there ---- */

struct seen_groups {
	struct sim *sim;
	unsigned groups;
	bool by_node; /* only what the node itself, or a gateway before, brought */
};

static void see_group(void *arg, const struct mag_subscription_view *v)
{
	struct seen_groups *s = arg;

	for (unsigned g = 0; g < SIM_GROUPS; g++)
		if (addr_eq(&s->sim->groups[g], &v->group) && !filter_is_none(v->filter) &&
		    (!s->by_node || (v->origins & (SUB_ORIGIN_MLD | SUB_ORIGIN_CONTEXT))))
			s->groups |= 1u << g;
}

static unsigned groups_at(struct sim *sim, int mag, const struct host *h, bool by_node)
{
	struct seen_groups s = {.sim = sim, .by_node = by_node};

	mag_each_subscription(sim->mags[mag].engine, &h->mn, see_group, &s);
	return s.groups;
}

struct seen_state {
	const struct nai *mn;
	struct in6_addr peer;
	bool ready;
	unsigned refused;
};

static void see_ready(void *arg, const struct mag_handover_view *v)
{
	struct seen_state *s = arg;

	if (v->incoming || !nai_eq(v->mn, s->mn) || v->state != MAG_HANDOVER_READY)
		return;
	s->ready = true;
	s->peer = v->peer;
	s->refused = v->refused;
}

/* Is it ready? Then what it listens to goes along, whatever else gets lost, unless the profile has just changed. */
static void note(struct sim *sim, struct host *h, int to)
{
	struct seen_state s = {.mn = &h->mn};

	h->announced_to = -1;
	mag_each_handover(sim->mags[h->at].engine, see_ready, &s);
	if (!s.ready || s.refused || sim_mag_by_coa(sim, &s.peer) != to || sim->mags[to].conf.handover.groups_max < SIM_GROUPS ||
	    mono_before(sim->now.mono, mono_add(h->profile_at, LATELY)) || !h->profile->multicast)
		return;
	h->announced_to = to;
	h->announced = groups_at(sim, h->at, h, true);
}

/* Options 60 may not have been sent: what the other gateway can do was not known. Then it has nothing of them. */
static bool had_context(const struct sim *sim, int from, int to)
{
	const struct mag_conf *c = &sim->mags[from].conf;

	for (unsigned i = 0; i < c->n_candidates; i++)
		if (addr_eq(&c->candidates[i].address, &sim->mags[to].coa))
			return c->candidates[i].context;
	return false;
}

void sim_arrived(struct sim *sim, int mag, const struct event *e)
{
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];
		unsigned lost;

		if (!nai_eq(&h->mn, &e->mn) || e->detail[0])
			continue;
		sim->arrived++;
		if (h->announced_to != mag)
			continue;
		h->announced_to = -1;
		lost = h->announced & ~groups_at(sim, mag, h, false);
		if (lost)
			sim_broken(sim, "mn%u was handed over to mag%d, which has not all that it listened to: %x", i + 1, mag + 1, lost);
	}
}

/* ---- what nodes do ---- */

static void go(struct sim *sim, struct host *h, int to, int64_t gap_ms)
{
	/* A shared link shows no departure; an operator's word would end the handover. */
	sim_detach(sim, h, !sim->mags[h->at].shared && rng_below(&sim->rng, 4));
	pause_up_to(sim, gap_ms);
	if (!sim->failures)
		sim_attach(sim, h, to);
}

static void fetched(struct sim *sim, struct host *h, int to)
{
	char from[16];
	struct lladdr ll = lladdr_of(h->mac, 6);

	snprintf(from, sizeof(from), "mag%d", h->at + 1);
	go(sim, h, to, 200);
	(void)mag_attach_from(sim->mags[to].engine, sim->now, h->ifindex, &ll, &h->mn, 0, from);
	sim_drain(sim);
}

static void earlier(struct sim *sim, struct host *h, int to)
{
	int from = h->at;
	char name[16];

	sim_detach(sim, h, false);
	sim_attach(sim, h, to);
	pause_up_to(sim, 60);
	snprintf(name, sizeof(name), "mag%d", to + 1);
	(void)mag_handover(sim->mags[from].engine, sim->now, &h->mn, name);
	sim_drain(sim);
}

bool sim_announce(struct sim *sim, struct host *h, int to)
{
	char name[16];

	snprintf(name, sizeof(name), "mag%d", to + 1);
	if (mag_handover(sim->mags[h->at].engine, sim->now, &h->mn, name) != CTL_OK)
		return false;
	sim->announced++;
	sim_trace(sim, "mn%u is handed over from mag%d to mag%d", h->index + 1, h->at + 1, to + 1);
	return true;
}

static void announced(struct sim *sim, struct host *h, int to)
{
	struct mag *old = sim->mags[h->at].engine;
	unsigned dice = (unsigned)rng_below(&sim->rng, 20);
	int from = h->at;

	if (!sim_announce(sim, h, to))
		return;
	pause_up_to(sim, rng_below(&sim->rng, 3) ? 1200 : 40);
	if (sim->failures)
		return;
	if (had_context(sim, from, to))
		note(sim, h, to);
	if (dice < 13)
		go(sim, h, to, 300);
	else if (dice < 15)
		go(sim, h, other_mag(sim, h), 300);
	else if (dice == 15)
		(void)mag_handover_cancel(old, sim->now, &h->mn);
	else if (dice == 16)
		(void)mag_handover_cancel(sim->mags[to].engine, sim->now, &h->mn);
	else if (dice == 17)
		go(sim, h, from, 100);
	else if (dice == 18)
		sim_detach(sim, h, true);
	sim_drain(sim);
}

void sim_handover(struct sim *sim, struct host *h)
{
	unsigned dice = (unsigned)rng_below(&sim->rng, 10);
	int to;

	if (h->at < 0)
		return;
	to = other_mag(sim, h);
	h->announced_to = -1;
	sim->handovers++;
	if (dice == 0)
		fetched(sim, h, to);
	else if (dice == 1)
		earlier(sim, h, to);
	else
		announced(sim, h, to);
}
