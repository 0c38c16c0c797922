/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/delayq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 128

static size_t place(const struct delayq *q, size_t i)
{
	return (q->head + i) % q->size;
}

/* The frames that wait come to the front of the new ring. Those that free slots hold are nobody's yet. */
static int resize(struct delayq *q, size_t size)
{
	struct delayq_frame *frames = calloc(size, sizeof(*frames));
	uint8_t *data = malloc(size * q->frame_max);
	if (!frames || !data) {
		free(frames);
		free(data);
		return -ENOMEM;
	}
	for (size_t i = 0; i < q->n; i++) {
		frames[i] = *delayq_frame(q, i);
		memcpy(data + i * q->frame_max, delayq_data(q, i), frames[i].len);
	}
	free(q->frames);
	free(q->data);
	q->frames = frames;
	q->data = data;
	q->size = size;
	q->head = 0;
	return 0;
}

int delayq_init(struct delayq *q, size_t size_max, size_t frame_max)
{
	*q = (struct delayq){.size_max = size_max, .frame_max = frame_max};
	return resize(q, size_max < FIRST_SIZE ? size_max : FIRST_SIZE);
}

void delayq_free(struct delayq *q)
{
	free(q->frames);
	free(q->data);
	*q = (struct delayq){0};
}

size_t delayq_reserve(struct delayq *q, size_t want)
{
	size_t size = q->size;
	while (size - q->n < want && size < q->size_max)
		size = size * 2 < q->size_max ? size * 2 : q->size_max;
	if (size != q->size)
		(void)resize(q, size); /* without memory the old one serves on */
	return q->size - q->n < want ? q->size - q->n : want;
}

uint8_t *delayq_slot(const struct delayq *q, size_t i)
{
	return delayq_data(q, q->n + i);
}

void delayq_push(struct delayq *q, size_t len, mono_t due)
{
	if (q->n)
		due = mono_max(due, delayq_frame(q, q->n - 1)->due);
	q->frames[place(q, q->n++)] = (struct delayq_frame){.due = due, .len = (uint32_t)len};
}

size_t delayq_due(const struct delayq *q, mono_t now, size_t max)
{
	size_t n = 0;
	while (n < q->n && n < max && mono_reached(delayq_frame(q, n)->due, now))
		n++;
	return n;
}

mono_t delayq_next(const struct delayq *q)
{
	return q->n ? delayq_frame(q, 0)->due : MONO_NEVER;
}

const struct delayq_frame *delayq_frame(const struct delayq *q, size_t i)
{
	return &q->frames[place(q, i)];
}

uint8_t *delayq_data(const struct delayq *q, size_t i)
{
	return q->data + place(q, i) * q->frame_max;
}

void delayq_drop(struct delayq *q, size_t n)
{
	q->head = place(q, n);
	q->n -= n;
}
