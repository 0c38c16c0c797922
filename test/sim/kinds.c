/* SPDX-License-Identifier: BSD-2-Clause */
/* What befell the messages of each kind: runs in which one was never lost, doubled or overtaken show less than they seem to. */
#include "sim.h"

#define MLD_IN_TUNNELS (SIM_KINDS - 1)
#define MANY 1000 /* of a kind: by then something has befallen some of it */

static unsigned kind_of(enum ev kind, const struct ev_data *d)
{
	if (kind == EVT_TUNNEL)
		return MLD_IN_TUNNELS;
	return d->len > 2 && d->bytes[2] < MLD_IN_TUNNELS ? d->bytes[2] : 0;
}

void kinds_sent(struct sim *sim, enum ev kind, struct ev_data *d, unsigned copies)
{
	struct sim_kind *k = &sim->kinds[kind_of(kind, d)];

	d->number = ++sim->messages;
	k->sent++;
	k->lost += copies == 0;
	k->doubled += copies > 1;
}

void kinds_arrived(struct sim *sim, enum ev kind, const struct ev_data *d)
{
	uint64_t *last = &sim->arrivals[sim_mag_by_coa(sim, &d->src) + 1][sim_mag_by_coa(sim, &d->dst) + 1];

	if (d->number < *last)
		sim->kinds[kind_of(kind, d)].overtaken++;
	else
		*last = d->number;
}

void kinds_add(struct sim *totals, const struct sim *sim)
{
	for (unsigned i = 0; i < SIM_KINDS; i++) {
		totals->kinds[i].sent += sim->kinds[i].sent;
		totals->kinds[i].lost += sim->kinds[i].lost;
		totals->kinds[i].doubled += sim->kinds[i].doubled;
		totals->kinds[i].overtaken += sim->kinds[i].overtaken;
	}
}

bool kinds_print(const struct sim *totals, bool all)
{
	bool good = true;

	for (unsigned i = 0; i < SIM_KINDS; i++) {
		const struct sim_kind *k = &totals->kinds[i];
		bool missed = k->sent >= MANY && !(i == MLD_IN_TUNNELS && totals->contexts) && !(k->lost && k->doubled && k->overtaken);

		good &= !missed;
		if (k->sent && (all || missed))
			printf("%24s: %8llu sent, %7llu lost, %7llu doubled, %7llu overtaken\n",
			       i == MLD_IN_TUNNELS ? "MLD in tunnels" : mh_type_name((uint8_t)i), (unsigned long long)k->sent,
			       (unsigned long long)k->lost, (unsigned long long)k->doubled, (unsigned long long)k->overtaken);
	}
	return good;
}
