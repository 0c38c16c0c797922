/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a receiver can say of a stream of numbered packets. Pure. */
#include <stdint.h>

#include "base/time.h"

#define SEQSTAT_WINDOW 65536 /* numbers: an older packet cannot be told from a duplicate, and is counted stale */
#define SEQSTAT_GAPS   8     /* the longest pauses kept, longest first */

struct seqstat_gap {
	mono_t from, to;  /* arrival of the packets before and after */
	uint64_t missing; /* numbers between them, when the pause ended; later arrivals do not change it */
};

struct seqstat {
	uint64_t received; /* different packets */
	uint64_t duplicates;
	uint64_t reordered; /* of those received: smaller than one that came before (RFC 4737) */
	uint64_t stale;
	uint64_t first, last;			/* smallest and largest number */
	mono_t first_at, last_at, newest;	/* arrival of the very first packet, of number `last`, and of any */
	span_t delay_min, delay_max, delay_sum; /* sending to arrival, of those received */
	struct seqstat_gap gaps[SEQSTAT_GAPS];
	unsigned n_gaps;
	uint64_t seen[SEQSTAT_WINDOW / 64]; /* bit n % SEQSTAT_WINDOW, for the window that ends at `last` */
};

/* Zeroed: nothing received yet. */
void seqstat_add(struct seqstat *s, uint64_t number, mono_t sent, mono_t at);
/* Numbers between the first and the last that never came. */
uint64_t seqstat_lost(const struct seqstat *s);
/* The longest pause that overlaps [from, to]; false: none was kept there. */
bool seqstat_gap_between(const struct seqstat *s, mono_t from, mono_t to, struct seqstat_gap *ret);
