/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/demo.h"

#include <string.h>

#include "lab/announce.h"
#include "lab/plug.h"

#define ANNOUNCE_PATIENCE span_s(2)
#define RESUME_PATIENCE	  span_s(3)
#define RESUME_MS	  1000.0 /* expected at most, from link up to the first packet */

struct journey {
	const struct lab_mag *from, *to;
	const unsigned *mns; /* those that go together */
	unsigned n;
	mono_t up;
};

static bool travels(const struct journey *j, const struct demo_row *row)
{
	bool found = false;
	for (unsigned i = 0; i < j->n; i++)
		found = found || j->mns[i] == row->mn;
	return found && !row->over;
}

static bool resumed(struct demo *d, void *arg)
{
	const struct journey *j = arg;
	mono_t from, to;
	uint64_t missing;
	for (unsigned i = 0; i < d->n_rows; i++)
		if (travels(j, &d->rows[i]) && !demo_gap_at(d, &d->rows[i], j->up, &from, &to, &missing))
			return false;
	return true;
}

/* What an announced move lost is nobody's excuse. */
static void judge_row(struct demo *d, const struct journey *j, struct demo_row *row, bool announced)
{
	const char *node = d->lab.mns[row->mn].name;
	mono_t from, to;
	uint64_t missing;
	if (!demo_gap_at(d, row, j->up, &from, &to, &missing)) {
		demo_expect(d, false, "%s: %s comes back after the link came up", node, row->label);
		return;
	}
	double after = (double)mono_sub(to, j->up).ns / 1e6;
	row->gap_ms = (double)mono_sub(to, from).ns / 1e6;
	if (!announced)
		row->excused += missing;
	json_array_append_new(d->handovers,
			      json_pack("{sssssssssfsfsIsb}", "node", node, "from", j->from->name, "to", j->to->name,
					"stream", row->label, "gap_ms", row->gap_ms, "after_link_up_ms", after, "lost",
					(json_int_t)missing, "announced", (int)announced));
	if (announced)
		demo_expect(d, missing == 0,
			    "%s, announced: %s lost nothing (%llu), and was there %.1f ms after the link", node,
			    row->label, (unsigned long long)missing, after);
	else
		demo_expect(d, after <= RESUME_MS,
			    "%s: %s is back %.1f ms after the link came up (gap %.1f ms, %llu lost)", node, row->label,
			    after, row->gap_ms, (unsigned long long)missing);
}

/* They go, all at once, and what they receive is judged. `announced` is one of them, or -1. */
static bool travel(struct demo *d, struct journey *j, int announced)
{
	struct lab_mn *mns[DEMO_MNS];
	for (unsigned i = 0; i < j->n; i++)
		mns[i] = &d->lab.mns[j->mns[i]];
	if (plug_move_all(&d->lab, mns, j->n, j->to, &j->up) < 0)
		return false;
	lab_save(&d->lab);
	for (unsigned i = 0; i < j->n; i++)
		demo_note(d, "%s unplugged from %s, plugged into %s", mns[i]->name, j->from->name, j->to->name);
	demo_until(d, RESUME_PATIENCE, resumed, j);
	for (unsigned i = 0; i < d->n_rows && !demo_stop; i++)
		if (travels(j, &d->rows[i]))
			judge_row(d, j, &d->rows[i], (int)d->rows[i].mn == announced);
	return demo_watch(d, span_s(2));
}

bool demo_handover(struct demo *d, unsigned mn, unsigned to)
{
	const struct lab_mn *m = &d->lab.mns[mn];
	struct journey j = {.from = lab_mag(&d->lab, m->at), .to = &d->lab.mags[to], .mns = &mn, .n = 1};
	demo_phase(d, "%s moves from %s to %s", m->name, j.from->name, j.to->name);
	return travel(d, &j, -1);
}

bool demo_side_by_side(struct demo *d, unsigned announced, unsigned other, unsigned to)
{
	const unsigned both[] = {announced, other};
	const struct lab_mn *m = &d->lab.mns[announced], *n = &d->lab.mns[other];
	struct journey j = {.from = lab_mag(&d->lab, m->at), .to = &d->lab.mags[to], .mns = both, .n = 2};
	char why[DEMO_TEXT];
	demo_phase(d, "%s and %s move to %s at once, and %s has told", m->name, n->name, j.to->name, m->name);
	bool ready = announce(&d->lab, m, j.to, ANNOUNCE_PATIENCE, why, sizeof(why)) == 0;
	if (!ready) /* where it is, no time is to be lost: from now on its streams wait for it there */
		demo_expect(d, false, "%s is prepared for %s: %s", j.to->name, m->name, why);
	return travel(d, &j, ready ? (int)announced : -1);
}
