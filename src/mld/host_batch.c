/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups that become any-source, or nothing: said at once, and again with all others of the same instant (RFC 3810 6.1). They
 * are chained by number: a burst of a million costs nothing beside the groups themselves. */
#include "mld/host_priv.h"

static struct hgroup *at(const struct mld_upstream *up, uint32_t number)
{
	return number ? pool_at(&up->groups, number) : NULL;
}

static uint32_t number_of(const struct mld_upstream *up, const struct hgroup *g)
{
	return pool_number(&up->groups, g) & 0x7ffffff;
}

void batch_instant(struct mld_upstream *up, mono_t now)
{
	if (up->batch_at.ns == now.ns)
		return;
	up->batch_at = now;
	up->batch_retry = mono_add(now, hosts_delay(up->set, up->conf.unsolicited_interval));
	up->batch = NULL;
}

void batch_say(struct mld_upstream *up, struct hgroup *g, mono_t now)
{
	struct hgroup *last = at(up, up->say.last);

	batch_instant(up, now);
	upstream_ready(up);
	if (g->saying)
		return;
	g->saying = true;
	g->chain = 0;
	up->say.last = number_of(up, g);
	if (last)
		last->chain = up->say.last & 0x7ffffff;
	else
		up->say.first = up->say.last;
}

struct hgroup *batch_next(struct mld_upstream *up)
{
	struct hgroup *g = at(up, up->say.first);

	if (!g)
		return NULL;
	up->say.first = g->chain;
	if (!up->say.first)
		up->say.last = 0;
	g->saying = false;
	g->chain = 0;
	return g;
}

static struct batch *batch_get(struct mld_upstream *up)
{
	struct batch *b = up->batch;

	if (b)
		return b;
	b = slab_get(&up->set->batches);
	if (!b)
		return NULL;
	deadline_init(&b->deadline, DEADLINE_BATCH);
	if (!heap_set(&up->set->heap, &b->deadline, up->batch_retry)) {
		slab_put(&up->set->batches, b);
		return NULL;
	}
	b->up = up;
	list_add(&up->batches, &b->node);
	up->batch = b;
	return b;
}

void batch_again(struct mld_upstream *up, struct hgroup *g)
{
	struct batch *b = g->left ? batch_get(up) : NULL;

	if (!b) {
		g->left = 0; /* it was said once at least */
		hgroup_settle(up, g);
		return;
	}
	g->batched = true;
	g->chain = b->first & 0x7ffffff;
	b->first = number_of(up, g);
}

/* The groups leave their batch; those whose state is not to be said again settle. */
static void batch_dissolve(struct batch *b, mono_t now, bool again)
{
	struct mld_upstream *up = b->up;
	struct hgroup *g;

	while ((g = at(up, b->first))) {
		b->first = g->chain;
		g->chain = 0;
		g->batched = false;
		if (again && g->left) {
			batch_say(up, g, now);
		} else {
			g->left = 0;
			hgroup_settle(up, g);
		}
	}
	if (up->batch == b)
		up->batch = NULL;
	heap_clear(&up->set->heap, &b->deadline);
	list_del(&b->node);
	slab_put(&up->set->batches, b);
}

void batch_expire(struct batch *b, mono_t now)
{
	batch_dissolve(b, now, true);
}

void batch_say_all(struct mld_upstream *up, mono_t now)
{
	list_each_safe(n, &up->batches) batch_dissolve(list_owner(n, struct batch, node), now, true);
}

void batch_drop_all(struct mld_upstream *up)
{
	list_each_safe(n, &up->batches) batch_dissolve(list_owner(n, struct batch, node), MONO_NEVER, false);
}
