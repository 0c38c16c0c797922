/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams that have fallen silent (decision 21): the data plane's counts are read a few times per idle time; a flow whose count stands still for the
 * whole of it is told to the engines. One that has not begun has not ended. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/htab.h"
#include "io/clock.h"

#define LOOKS 4 /* per idle time */

struct idle_flow {
	struct hnode node;
	struct dp_flow flow;
	uint64_t packets;
	mono_t since;	/* the count has stood still since */
	uint32_t round; /* last seen in the data plane */
	bool told;
};

struct idle {
	struct daemon *d;
	struct event *timer;
	struct htab flows;
	uint32_t round;
};

static struct idle_flow *flow_of(struct idle *idle, const struct dp_flow *flow, mono_t now)
{
	uint64_t hash = htab_hash(&idle->flows, flow, sizeof(*flow));
	struct idle_flow *f;

	for (struct hnode *h = htab_first(&idle->flows, hash); h; h = htab_same(h)) {
		f = hnode_owner(h, struct idle_flow, node);
		if (memcmp(&f->flow, flow, sizeof(*flow)) == 0)
			return f;
	}
	f = calloc(1, sizeof(*f));
	if (!f || !htab_add(&idle->flows, &f->node, hash)) {
		free(f);
		return NULL;
	}
	f->flow = *flow;
	f->since = now;
	return f;
}

static void look_at(void *arg, const struct dp_flow *flow, const struct dp_out *outs, uint32_t n_outs)
{
	struct idle *idle = arg;
	mono_t now = clock_now().mono;
	struct dp_count count;

	(void)outs;
	/* a list without outputs drops what is not wanted: its silence is nobody's loss */
	if (!n_outs || !dp_flow_count(idle->d->dp, flow, &count))
		return;
	struct idle_flow *f = flow_of(idle, flow, now);
	if (!f)
		return;
	f->round = idle->round;
	if (f->packets != count.packets) {
		f->packets = count.packets;
		f->since = now;
		f->told = false;
	}
}

static void forget(struct idle *idle, struct idle_flow *f)
{
	htab_del(&idle->flows, &f->node);
	free(f);
}

static void tell(struct idle *idle, const struct dp_flow *flow)
{
	struct daemon *d = idle->d;
	bool end = d->conf->stream_idle_terminates;
	struct now now = clock_now();

	if (d->proxy)
		mldproxy_source_silent(d->proxy, now, &flow->source, &flow->group);
	else if (flow->in.ifindex && d->lma)
		lma_source_silent(d->lma, now, &flow->source, &flow->group, end);
	else if (!flow->in.ifindex && d->mag)
		mag_source_silent(d->mag, now, &flow->source, &flow->group, end);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct idle *idle = arg;
	struct daemon *d = idle->d;
	mono_t now = clock_now().mono;

	(void)fd;
	(void)what;
	idle->round++;
	dp_each_flow(d->dp, look_at, idle);
	for (struct hnode *h = htab_next(&idle->flows, NULL), *next; h; h = next) {
		struct idle_flow *f = hnode_owner(h, struct idle_flow, node);
		next = htab_next(&idle->flows, h);
		if (f->round != idle->round) {
			forget(idle, f);
		} else if (!f->told && f->packets && mono_sub(now, f->since).ns >= d->conf->stream_idle.ns) {
			f->told = true;
			tell(idle, &f->flow);
		}
	}
	daemon_pump(d);
}

int idle_start(struct daemon *d)
{
	if (d->conf->stream_idle.ns <= 0)
		return 0;
	int64_t us = d->conf->stream_idle.ns / LOOKS / 1000;
	struct timeval tv = {us / 1000000, us % 1000000};
	struct idle *idle = calloc(1, sizeof(*idle));
	if (!idle)
		return -ENOMEM;
	idle->d = d;
	htab_init(&idle->flows, 1);
	idle->timer = event_new(d->base, -1, EV_PERSIST, on_timer, idle);
	if (!idle->timer || event_add(idle->timer, &tv) < 0) {
		free(idle);
		return -ENOMEM;
	}
	d->idle = idle;
	return 0;
}

void idle_stop(struct daemon *d)
{
	struct idle *idle = d->idle;

	if (!idle)
		return;
	for (struct hnode *h = htab_next(&idle->flows, NULL), *next; h; h = next) {
		next = htab_next(&idle->flows, h);
		forget(idle, hnode_owner(h, struct idle_flow, node));
	}
	htab_deinit(&idle->flows);
	event_free(idle->timer);
	free(idle);
	d->idle = NULL;
}
