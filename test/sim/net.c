/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct item {
	mono_t at;
	uint64_t order; /* equal times: in the order of their making */
	enum ev kind;
	struct ev_data data;
};

struct net {
	struct item *v;
	size_t n, cap;
	uint64_t order;
};

struct net *net_new(void) { return calloc(1, sizeof(struct net)); }

struct net *net_free(struct net *n)
{
	if (!n)
		return NULL;
	for (size_t i = 0; i < n->n; i++)
		free((void *)n->v[i].data.bytes);
	free(n->v);
	free(n);
	return NULL;
}

static bool sooner(const struct item *a, const struct item *b)
{
	return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

void net_at(struct net *n, mono_t at, enum ev kind, const struct ev_data *d)
{
	struct item item = {at, n->order++, kind, *d};

	if (n->n == n->cap) {
		n->cap = n->cap ? n->cap * 2 : 256;
		n->v = realloc(n->v, n->cap * sizeof(*n->v));
		if (!n->v)
			abort();
	}
	if (d->len) {
		uint8_t *copy = malloc(d->len);
		if (!copy)
			abort();
		memcpy(copy, d->bytes, d->len);
		item.data.bytes = copy;
	} else {
		item.data.bytes = NULL;
	}
	size_t i = n->n++;
	for (; i && sooner(&item, &n->v[(i - 1) / 2]); i = (i - 1) / 2)
		n->v[i] = n->v[(i - 1) / 2];
	n->v[i] = item;
}

mono_t net_next(const struct net *n) { return n->n ? n->v[0].at : MONO_NEVER; }

bool net_pop(struct net *n, mono_t now, enum ev *kind, struct ev_data *d)
{
	if (!n->n || !mono_reached(n->v[0].at, now))
		return false;
	*kind = n->v[0].kind;
	*d = n->v[0].data;
	struct item last = n->v[--n->n];
	size_t i = 0;
	for (;;) {
		size_t c = 2 * i + 1;
		if (c >= n->n)
			break;
		if (c + 1 < n->n && sooner(&n->v[c + 1], &n->v[c]))
			c++;
		if (!sooner(&n->v[c], &last))
			break;
		n->v[i] = n->v[c];
		i = c;
	}
	if (n->n)
		n->v[i] = last;
	return true;
}
