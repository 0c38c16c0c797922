/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/seqstat.h"

#include <string.h>

static bool seen(const struct seqstat *s, uint64_t n)
{
	return s->seen[n % SEQSTAT_WINDOW / 64] >> (n % 64) & 1;
}

static void mark(struct seqstat *s, uint64_t n, bool yes)
{
	uint64_t bit = UINT64_C(1) << (n % 64), *word = &s->seen[n % SEQSTAT_WINDOW / 64];
	*word = yes ? *word | bit : *word & ~bit;
}

/* The window now ends at `n`: the numbers that come into it have not been seen. */
static void advance(struct seqstat *s, uint64_t n)
{
	if (n - s->last >= SEQSTAT_WINDOW)
		memset(s->seen, 0, sizeof(s->seen));
	else
		for (uint64_t i = s->last + 1; i <= n; i++)
			mark(s, i, false);
	s->last = n;
}

static void note_pause(struct seqstat *s, uint64_t number, mono_t at)
{
	struct seqstat_gap g = {.from = s->newest, .to = at, .missing = number > s->last ? number - s->last - 1 : 0};
	int64_t length = mono_sub(g.to, g.from).ns;
	unsigned i = s->n_gaps < SEQSTAT_GAPS ? s->n_gaps++ : SEQSTAT_GAPS;
	if (i == SEQSTAT_GAPS) {
		i--;
		if (mono_sub(s->gaps[i].to, s->gaps[i].from).ns >= length)
			return;
	}
	for (; i > 0 && mono_sub(s->gaps[i - 1].to, s->gaps[i - 1].from).ns < length; i--)
		s->gaps[i] = s->gaps[i - 1];
	s->gaps[i] = g;
}

void seqstat_add(struct seqstat *s, uint64_t number, mono_t sent, mono_t at)
{
	span_t delay = mono_sub(at, sent);
	bool first = s->received == 0;
	if (first) {
		s->first = s->last = number;
		s->first_at = s->last_at = at;
		s->delay_min = s->delay_max = delay;
	} else {
		if (number + SEQSTAT_WINDOW <= s->last) {
			s->stale++;
			return;
		}
		if (number <= s->last && seen(s, number)) {
			s->duplicates++;
			return;
		}
		note_pause(s, number, at);
		if (number < s->last) {
			s->reordered++;
		} else {
			advance(s, number);
			s->last_at = at;
		}
		if (number < s->first)
			s->first = number;
	}
	mark(s, number, true);
	s->received++;
	s->newest = at;
	s->delay_min = span_min(s->delay_min, delay);
	s->delay_max = span_max(s->delay_max, delay);
	s->delay_sum.ns += delay.ns;
}

uint64_t seqstat_lost(const struct seqstat *s)
{
	return s->received ? s->last - s->first + 1 - s->received : 0;
}

bool seqstat_gap_between(const struct seqstat *s, mono_t from, mono_t to, struct seqstat_gap *ret)
{
	for (unsigned i = 0; i < s->n_gaps; i++) {
		if (mono_before(to, s->gaps[i].from) || mono_before(s->gaps[i].to, from))
			continue;
		*ret = s->gaps[i];
		return true;
	}
	return false;
}
