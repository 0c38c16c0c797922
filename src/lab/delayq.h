/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Frames that wait for their time, in the order in which they came. Pure. */
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct delayq_frame {
	mono_t due;
	uint32_t len;
};

struct delayq {
	struct delayq_frame *frames; /* a ring of `size` slots, `head` the oldest of `n` */
	uint8_t *data;
	size_t size, size_max, frame_max, head, n;
};

/* Room for `size_max` frames of at most `frame_max` octets; it is taken as it is needed. 0 or -ENOMEM. */
int delayq_init(struct delayq *q, size_t size_max, size_t frame_max);
void delayq_free(struct delayq *q);
/* Make `want` free slots if it can be. How many there are, at most `want`. What delayq_slot() and delayq_data() gave
 * before is void after it. */
size_t delayq_reserve(struct delayq *q, size_t want);
/* The i-th free slot, frame_max octets, to be filled. */
uint8_t *delayq_slot(const struct delayq *q, size_t i);
/* The first free slot holds a frame now. It goes not before the one that came before it, whatever `due` says. */
void delayq_push(struct delayq *q, size_t len, mono_t due);
/* How many of the oldest frames are due, at most `max`. */
size_t delayq_due(const struct delayq *q, mono_t now, size_t max);
/* When the oldest is due; MONO_NEVER: there is none. */
mono_t delayq_next(const struct delayq *q);
const struct delayq_frame *delayq_frame(const struct delayq *q, size_t i); /* the i-th oldest */
uint8_t *delayq_data(const struct delayq *q, size_t i);
void delayq_drop(struct delayq *q, size_t n); /* the n oldest */
