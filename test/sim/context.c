/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes that have said what they want, and then say nothing more by MLD: what they receive at the next MAG came along with
 * them. Messages are lost, doubled, delayed and reordered, but no question with its answer twice running, so that a copy of
 * each context survives by the rules of retransmission: then every node must be served, to the last source, after any series
 * of moves, however fast, some of them announced, from MAGs in one role to MAGs in another. docs/handover.md. */
#include "sim.h"

#include <string.h>

/* A registration and its answer lost in turns: 1 + 2 + 4 s. What is held upstream for it, and what is sent unasked, ends
 * 3 s later. */
#define QUIET span_s(15)
#define BUDGET span_s(230) /* within the membership interval: nobody renews what was reported by MLD */

static void speak(struct sim *sim, struct host *h)
{
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		struct filter f = sim_random_want(sim, h, g);

		host_want(sim, h, g, &f);
		filter_drop(&f);
	}
}

static void begin(struct sim *sim)
{
	sim->faults.on = false;
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		unsigned at = (unsigned)rng_below(&sim->rng, sim->n_mags);

		/* who is a listener in the nodes' place hears none of them: there they come later */
		sim_attach(sim, &sim->hosts[i], sim->mags[at].conf.node_mld ? (int)at : 0);
		speak(sim, &sim->hosts[i]);
	}
	sim_run(sim, span_s(20));
	if (!sim->failures)
		check_settled(sim);
	for (unsigned i = 0; i < sim->n_hosts; i++)
		sim->hosts[i].mute = true;
}

static void move(struct sim *sim)
{
	struct host *h = &sim->hosts[rng_below(&sim->rng, sim->n_hosts)];
	int to = (int)rng_below(&sim->rng, sim->n_mags);

	if (h->at == to)
		return;
	/* announced now and then, and sent over when that is prepared, or before */
	if (rng_below(&sim->rng, 4) == 0 && sim_announce(sim, h, to))
		sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, rng_below(&sim->rng, 3) ? 600 : 40)));
	if (sim->failures)
		return;
	sim_detach(sim, h, rng_below(&sim->rng, 4) != 0);
	if (rng_below(&sim->rng, 2))
		sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, 300)));
	sim->handovers++;
	sim_attach(sim, h, to);
	sim_drain(sim);
	check_step(sim);
}

/* All at once, as in a train. */
static void move_all(struct sim *sim)
{
	int to = (int)rng_below(&sim->rng, sim->n_mags);

	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (sim->hosts[i].at != to)
			sim_detach(sim, &sim->hosts[i], true);
	sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, 200)));
	for (unsigned i = 0; i < sim->n_hosts && !sim->failures; i++) {
		if (sim->hosts[i].at == to)
			continue;
		sim->handovers++;
		sim_attach(sim, &sim->hosts[i], to);
	}
}

static void moves(struct sim *sim, mono_t end)
{
	unsigned n = 1 + (unsigned)rng_below(&sim->rng, 25);
	int64_t pace_ms = rng_below(&sim->rng, 3) ? 250 : 3000;

	if (rng_below(&sim->rng, 6) == 0)
		move_all(sim);
	while (n-- && !sim->failures && mono_before(sim->now.mono, end)) {
		move(sim);
		sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, (uint64_t)pace_ms)));
	}
}

static bool all_keep(const struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_mags; i++)
		if (sim->mags[i].conf.context != MN_CONTEXT_KEPT || sim->mags[i].conf.signalling == MAG_SIGNALLING_MLD)
			return false;
	return sim->lma_conf.context == MN_CONTEXT_KEPT && sim->lma_conf.signalling == LMA_ACCEPT_BOTH;
}

/* Each has what the other loses, where contexts are kept. */
static void restart(struct sim *sim)
{
	if (!all_keep(sim) || !sim->heartbeats.ns || sim->failures)
		return;
	if (rng_below(&sim->rng, 2)) {
		sim_restart_lma(sim);
		sim_run(sim, sim->heartbeats);
	} else {
		sim_restart_mag(sim, (unsigned)rng_below(&sim->rng, sim->n_mags));
	}
	sim_run(sim, QUIET);
	if (!sim->failures)
		check_settled(sim);
}

void context_run(struct sim *sim)
{
	mono_t end;

	begin(sim);
	end = mono_add(sim->now.mono, BUDGET);
	while (!sim->failures && mono_before(sim->now.mono, mono_add(end, span_ns(-3 * QUIET.ns)))) {
		sim->faults.on = true;
		moves(sim, mono_add(end, span_ns(-3 * QUIET.ns)));
		sim->faults.on = false;
		sim_run(sim, QUIET);
		if (!sim->failures)
			check_settled(sim);
	}
	if (mono_before(mono_add(sim->now.mono, sim->heartbeats), mono_add(end, span_ns(-2 * QUIET.ns))))
		restart(sim);
}
