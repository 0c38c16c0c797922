/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of random domains. Usage: sim [--runs N] [--first SEED] | --seed SEED [--contexts] [--kinds] [--verbose] */
#include "sim.h"

#include <getopt.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_LMA span_s(3) /* the registrations, and MLD in the tunnels */
#define SETTLE_MAG span_s(5) /* the links are probed, the nodes asked twice */

static bool contexts_alone;

struct filter sim_random_want(struct sim *sim, const struct host *h, unsigned g)
{
	bool ssm = addr_is_ssm(&sim->groups[g]), oom = false;
	struct in6_addr s[SIM_SOURCES];
	size_t n = 0;

	if (h->v1)
		return ssm ? FILTER_NONE : FILTER_ANY;
	for (unsigned i = 0; i < SIM_SOURCES; i++)
		if (rng_below(&sim->rng, 2))
			s[n++] = sim->sources[i];
	if (!ssm && rng_below(&sim->rng, 2))
		return filter_of(FILTER_EXCLUDE, s, rng_below(&sim->rng, 2) ? n : 0, &oom);
	return filter_of(FILTER_INCLUDE, s, n, &oom);
}

static void admin(struct sim *sim, struct host *h, unsigned g)
{
	struct mag *mag = sim->mags[h->at].engine;
	bool ssm = addr_is_ssm(&sim->groups[g]), oom = false;
	const struct in6_addr *source = ssm ? &sim->sources[0] : &addr_any;
	enum policy_verdict verdict;

	if (h->admin[g].on) {
		sim_trace(sim, "operator unsubscribes mn%u from group %u", h->index + 1, g + 1);
		(void)mag_unsubscribe(mag, sim->now, &h->mn, &sim->groups[g], source);
		filter_drop(&h->admin[g].filter);
		h->admin[g].on = false;
	} else if (mag_subscribe(mag, sim->now, &h->mn, &sim->groups[g], source, &verdict) == CTL_OK) {
		sim_trace(sim, "operator subscribes mn%u to group %u", h->index + 1, g + 1);
		h->admin[g].on = h->was_admin[g] = true;
		h->admin[g].filter = ssm ? filter_of(FILTER_INCLUDE, source, 1, &oom) : FILTER_ANY;
	}
}

/* Groups that the LMA refused by the profile of before are its to grant again: if it forgets that it has, nobody tells. */
static bool profile_changes(const struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (mono_before(sim->now.mono, mono_add(sim->hosts[i].profile_at, span_s(3))))
			return true;
	return false;
}

/* A daemon dies, or the network between them for longer than a binding lives. */
static void calamity(struct sim *sim)
{
	unsigned dice = (unsigned)rng_below(&sim->rng, 12), loss = sim->faults.loss_pm;

	if (dice == 0 && (sim->heartbeats.ns || !profile_changes(sim))) {
		sim_restart_lma(sim);
	} else if (dice < 4) {
		sim_restart_mag(sim, (unsigned)rng_below(&sim->rng, sim->n_mags));
	} else if (dice == 4) {
		sim_trace(sim, "nothing passes between MAGs and LMA");
		sim->faults.loss_pm = 1000;
		sim_run(sim, span_s((int64_t)rng_below(&sim->rng, 200)));
		sim->faults.loss_pm = loss;
		sim_trace(sim, "messages pass again");
	}
}

static void act(struct sim *sim)
{
	struct host *h = &sim->hosts[rng_below(&sim->rng, sim->n_hosts)];
	unsigned g = (unsigned)rng_below(&sim->rng, SIM_GROUPS);
	unsigned dice = (unsigned)rng_below(&sim->rng, 32);

	if (dice < 9) {
		int to = (int)rng_below(&sim->rng, sim->n_mags);
		bool seen = rng_below(&sim->rng, 3) != 0;
		if (h->at == to)
			return;
		if (h->at >= 0)
			sim->handovers++;
		sim_detach(sim, h, seen);
		if (rng_below(&sim->rng, 2))
			sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, 300)));
		sim_attach(sim, h, to);
	} else if (dice == 9) {
		sim_detach(sim, h, true);
	} else if (dice < 17) {
		struct filter f = sim_random_want(sim, h, g);
		sim_trace(sim, "mn%u listens to group %u: %s of %zu", h->index + 1, g + 1, f.mode == FILTER_INCLUDE ? "INCLUDE" : "EXCLUDE",
			  filter_count(&f));
		host_want(sim, h, g, &f);
		filter_drop(&f);
	} else if (dice < 19) {
		if (h->at >= 0)
			admin(sim, h, g);
	} else if (dice == 19) {
		sim_profile(sim, h, true);
	} else if (dice < 30) {
		sim_handover(sim, h);
	} else {
		calamity(sim);
	}
	sim_drain(sim);
	check_step(sim);
}

/* A restart that nobody tells of is found by the heartbeat, and repaired at once: no lifetime, no query has to run out. */
static void restart_and_settle(struct sim *sim)
{
	bool lma = rng_below(&sim->rng, 2);

	if (!sim->heartbeats.ns || sim->failures)
		return;
	if (lma)
		sim_restart_lma(sim);
	else
		sim_restart_mag(sim, (unsigned)rng_below(&sim->rng, sim->n_mags));
	sim_run(sim, lma ? span_ns(sim->heartbeats.ns + SETTLE_LMA.ns) : SETTLE_MAG);
	if (!sim->failures)
		check_settled(sim);
}

/* Every fourth run is one of contexts. */
static bool run(uint64_t seed, bool verbose, struct sim *totals)
{
	struct sim *sim = sim_new(seed, seed % 4 == 1 || contexts_alone, verbose);
	unsigned rounds = sim->contexts ? 0 : 1 + (unsigned)rng_below(&sim->rng, 2);

	if (sim->contexts)
		context_run(sim);
	for (unsigned r = 0; r < rounds && !sim->failures; r++) {
		unsigned actions = 5 + (unsigned)rng_below(&sim->rng, 40);
		sim->faults.on = true;
		for (unsigned i = 0; i < actions && !sim->failures; i++) {
			act(sim);
			sim_run(sim, span_ms((int64_t)rng_below(&sim->rng, rng_below(&sim->rng, 4) ? 200 : 4000)));
		}
		/* faults end; what was lost is found by queries, refreshes and lifetimes */
		sim->faults.on = false;
		sim_run(sim, span_s(900));
		if (!sim->failures)
			check_settled(sim);
		restart_and_settle(sim);
	}
	for (unsigned i = 0; i < sim->n_hosts && !sim->failures; i++)
		sim_detach(sim, &sim->hosts[i], true);
	sim_run(sim, span_s(600));
	if (!sim->failures)
		check_empty(sim);
	bool good = !sim->failures;
	totals->steps += sim->steps;
	totals->handovers += sim->handovers;
	totals->messages += sim->messages;
	totals->announced += sim->announced;
	totals->arrived += sim->arrived;
	totals->restarts_lma += sim->restarts_lma;
	totals->restarts_mag += sim->restarts_mag;
	kinds_add(totals, sim);
	sim_free(sim);
	return good;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"runs", required_argument, NULL, 'r'},
						{"first", required_argument, NULL, 'f'},
						{"seed", required_argument, NULL, 's'},
						{"contexts", no_argument, NULL, 'c'},
						{"kinds", no_argument, NULL, 'k'},
						{"verbose", no_argument, NULL, 'v'},
						{NULL, 0, NULL, 0}};
	unsigned long runs = 300, first = 1, bad = 0;
	bool verbose = false, kinds = false, tty = isatty(1);
	struct sim totals = {0};
	int c;

	while ((c = getopt_long(argc, argv, "r:f:s:ckv", options, NULL)) >= 0) {
		switch (c) {
		case 'r':
			runs = strtoul(optarg, NULL, 10);
			break;
		case 'f':
			first = strtoul(optarg, NULL, 10);
			break;
		case 's':
			first = strtoul(optarg, NULL, 10);
			runs = 1;
			break;
		case 'c':
			contexts_alone = true;
			break;
		case 'k':
			kinds = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			fprintf(stderr, "usage: sim [--runs N] [--first SEED] | --seed SEED [--contexts] [--kinds] [--verbose]\n");
			return 2;
		}
	}
	totals.contexts = contexts_alone;
	setvbuf(stdout, NULL, _IOLBF, 0);
	double start = seconds();
	for (unsigned long i = 0; i < runs; i++) {
		if (!run(first + i, verbose, &totals)) {
			bad++;
			printf("      repeat it: make sim SEED=%lu\n", first + i);
			if (bad >= 10)
				break;
		}
		if (tty && runs > 1 && i % 20 == 0)
			fprintf(stderr, "\r%lu of %lu runs", i, runs);
	}
	if (tty && runs > 1)
		fprintf(stderr, "\r");
	double took = seconds() - start;
	printf("%llu handovers (%llu announced, of which %llu were ready and came there), %llu messages, %llu steps in %.1f s: "
	       "%.0f handovers/s\n",
	       (unsigned long long)totals.handovers, (unsigned long long)totals.announced, (unsigned long long)totals.arrived,
	       (unsigned long long)totals.messages, (unsigned long long)totals.steps, took, (double)totals.handovers / took);
	printf("%llu restarts of the LMA, %llu of MAGs\n", (unsigned long long)totals.restarts_lma,
	       (unsigned long long)totals.restarts_mag);
	if (!kinds_print(&totals, kinds)) {
		printf("some kind of message was spared a fault\n");
		bad++;
	}
	printf("%lu passed, %lu failed\n", runs > bad ? runs - bad : 0, bad);
	return bad ? 1 : 0;
}
