/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define PACKETS_MAX 8192 /* decision 32 */
#define OCTETS_MAX (16u << 20)
#define POOL_MAX (512ull << 20) /* of all nodes together: other gateways choose how many, and what */
#define AGE_MS 500
#define FORMERS_MAX 1024 /* the oldest makes room */
#define WAIT_MS 200
#define FORMER_S 2

mono_t dp_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_t){ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	dp_handover_time(arg);
}

/* Most nodes of a network never have one: what they need is made for the first. */
static int handovers_init(struct dp *dp)
{
	struct dp_handovers *hs = dp->handovers;

	if (hs)
		return 0;
	hs = calloc(1, sizeof(*hs));
	if (!hs)
		return -ENOMEM;
	hs->timer = event_new(dp->base, -1, 0, on_timer, dp);
	if (!hs->timer) {
		free(hs);
		return -ENOMEM;
	}
	if (getrandom(&hs->seed, sizeof(hs->seed), GRND_NONBLOCK) != sizeof(hs->seed))
		hs->seed = (uint64_t)(uintptr_t)hs ^ 0x9e3779b97f4a7c15u;
	htab_init(&hs->by_node, hs->seed);
	dp_lpm_init(&hs->awaited, hs->seed + 1);
	list_init(&hs->all);
	list_init(&hs->formers);
	dp_handover_pace(hs);
	hs->pool.max = POOL_MAX;
	dp->handovers = hs;
	return 0;
}

struct dp_ho *dp_handover_of(const struct dp *dp, uint32_t node)
{
	const struct dp_handovers *hs = dp->handovers;

	if (!hs || !node)
		return NULL;
	for (struct hnode *n = htab_first(&hs->by_node, htab_hash(&hs->by_node, &node, sizeof(node))); n; n = htab_same(n)) {
		struct dp_ho *ho = hnode_owner(n, struct dp_ho, by_node);

		if (ho->conf.node == node)
			return ho;
	}
	return NULL;
}

static void pump_soon(struct dp *dp) { event_add(dp->handovers->timer, &(struct timeval){0}); }

/* ---- gates -------------------------------------------------------------------------------------------- */

static int gate_init(struct dp *dp, struct dp_gate *g, struct dp_ho *ho)
{
	*g = (struct dp_gate){.ho = ho};
	list_init(&g->entry);
	return dp->ops->gate_new ? dp->ops->gate_new(dp, g) : 0;
}

static struct dp_gate *gate_new(struct dp *dp, struct dp_ho *ho)
{
	struct dp_gate *g = malloc(sizeof(*g));

	if (!g || gate_init(dp, g, ho)) {
		free(g);
		return NULL;
	}
	list_add(&ho->gates, &g->entry);
	return g;
}

static void gate_set(struct dp *dp, struct dp_gate *g)
{
	if (dp->ops->gate_set)
		dp->ops->gate_set(dp, g);
}

static void gate_deinit(struct dp *dp, struct dp_gate *g)
{
	if (dp->ops->gate_free)
		dp->ops->gate_free(dp, g);
	list_del(&g->entry);
}

void dp_handover_gate_free(struct dp *dp, struct dp_gate *g)
{
	struct dp_ho *ho = g->ho;

	if (g == &ho->unicast) {
		if (!ho->unicast_gate)
			return;
		ho->unicast_gate = false;
		gate_deinit(dp, g);
		return;
	}
	if (g->out)
		g->out->gate = NULL;
	gate_deinit(dp, g);
	free(g);
}

/* Outputs of the node's that are there already. */
static int gate_outputs(struct dp *dp, struct dp_ho *ho)
{
	list_each(e, &dp->flows) {
		list_each(oe, &list_owner(e, struct dp_flw, entry)->outs[OUT_LINK]) {
			struct dp_o *o = list_owner(oe, struct dp_o, entry);

			if (o->conf.node != ho->conf.node || o->gate)
				continue;
			o->gate = gate_new(dp, ho);
			if (!o->gate)
				return -ENOMEM;
			o->gate->out = o;
			gate_set(dp, o->gate);
		}
	}
	return 0;
}

static struct dp_o *held_of(const struct dp_flw *f, uint32_t node)
{
	list_each(e, &f->outs[OUT_LINK]) {
		struct dp_o *o = list_owner(e, struct dp_o, entry);

		if (o->conf.node == node && dp_out_is_held(&o->conf))
			return o;
	}
	return NULL;
}

int dp_handover_out_comes(struct dp *dp, struct dp_o *o)
{
	struct dp_ho *ho = dp_handover_of(dp, o->conf.node);
	struct dp_o *held;

	if (!ho || ho->there)
		return 0;
	held = dp_out_is_held(&o->conf) ? NULL : held_of(o->flow, o->conf.node);
	if (held && held->gate)
		o->gate = held->gate;
	else if (ho->forward || dp_out_is_held(&o->conf))
		o->gate = gate_new(dp, ho);
	else
		return 0; /* a list that began after the node had come: nothing of it was held */
	return o->gate ? 0 : -ENOMEM;
}

void dp_handover_out_came(struct dp *dp, struct dp_o *o, bool in_force)
{
	struct dp_gate *g = o->gate;

	if (!g)
		return;
	if (in_force) {
		if (g->out)
			g->out->gate = NULL;
		g->out = o;
		pump_soon(dp); /* it may have nothing to wait for */
	} else {
		o->gate = NULL;
		if (!g->out)
			dp_handover_gate_free(dp, g);
	}
}

void dp_handover_out_gone(struct dp *dp, struct dp_o *o)
{
	struct dp_gate *g = o->gate;

	if (dp->ops->drain)
		dp->ops->drain(dp);
	o->gate = NULL;
	g->out = NULL;
	dp_handover_gate_free(dp, g);
}

/* ---- beginning and end -------------------------------------------------------------------------------- */

static int await_all(struct dp *dp, struct dp_ho *ho, bool on)
{
	int r = 0;

	if (ho->awaited == on || !dp->ops->await)
		return 0;
	ho->awaited = on;
	for (int i = 0; i < ho->conf.n_prefixes; i++) {
		int one = dp->ops->await(dp, ho, &ho->conf.prefixes[i], on);

		r = r ? r : one;
	}
	return r;
}

/* Where a prefix is named twice, the first has it. */
static int awaited_add(struct dp *dp, struct dp_ho *ho)
{
	struct dp_lpm *lpm = &dp->handovers->awaited;

	for (int i = 0; i < ho->conf.n_prefixes; i++) {
		const struct prefix *p = &ho->conf.prefixes[i];
		uint64_t hash = dp_pfx_hash(lpm, p);
		struct dp_pfx *x;

		if (dp_pfx_of_hash(lpm, p, hash))
			continue;
		x = dp_lpm_add(lpm, p, hash);
		if (!x)
			return -ENOMEM;
		x->ho = ho;
	}
	return 0;
}

static void awaited_drop(struct dp *dp, const struct dp_ho *ho)
{
	struct dp_lpm *lpm = &dp->handovers->awaited;

	for (int i = 0; i < ho->conf.n_prefixes; i++) {
		struct dp_pfx *x = dp_pfx_find(lpm, &ho->conf.prefixes[i]);

		if (x && x->ho == ho)
			dp_lpm_del(lpm, x);
	}
}

static int between(struct dp *dp, struct dp_tun *t, int by)
{
	bool was = t->between;

	t->between += (uint32_t)by;
	return dp->ops->between && was != (t->between > 0) ? dp->ops->between(dp, t) : 0;
}

/* A key names one node of all that come here. */
static void key_set(struct dp *dp, struct dp_ho *ho, uint16_t key)
{
	struct dp_ho **by_key = dp->handovers->by_key;

	if (ho->forward) {
		ho->conf.key = key;
		return;
	}
	if (by_key[ho->conf.key] == ho)
		by_key[ho->conf.key] = NULL;
	ho->conf.key = key;
	by_key[key] = ho;
}

static void key_drop(struct dp *dp, const struct dp_ho *ho)
{
	if (dp->handovers->by_key[ho->conf.key] == ho)
		dp->handovers->by_key[ho->conf.key] = NULL;
}

static void end(struct dp *dp, struct dp_ho *ho)
{
	if (dp->ops->drain)
		dp->ops->drain(dp);
	dp_handover_flush(dp, ho);
	list_each_safe(e, &ho->gates)
		dp_handover_gate_free(dp, list_owner(e, struct dp_gate, entry));
	await_all(dp, ho, false);
	awaited_drop(dp, ho);
	if (ho->node)
		ho->node->ho = NULL;
	dp_handover_gate_free(dp, &ho->unicast);
	between(dp, ho->tun, -1);
	ho->tun->refs--;
	ho->anchor->refs--;
	ho->seam = seam_free(ho->seam);
	key_drop(dp, ho);
	for (int i = 0; i < SEAM_COUNTS; i++)
		dp->handovers->counts[i] += ho->counts[i];
	htab_del(&dp->handovers->by_node, &ho->by_node);
	list_del(&ho->entry);
	free(ho);
}

static struct dp_handover conf_of(const struct dp_handover *c)
{
	struct dp_handover r = *c;

	for (int i = 0; i < r.n_prefixes; i++)
		r.prefixes[i] = prefix_masked(r.prefixes[i]);
	r.packets = r.packets ? r.packets : PACKETS_MAX;
	r.octets = r.octets ? r.octets : OCTETS_MAX;
	r.age = r.age.ns ? r.age : span_ms(AGE_MS);
	r.seam_wait = r.seam_wait.ns ? r.seam_wait : span_ms(WAIT_MS);
	return r;
}

/* What can be refused, before anything leads into it. */
static int prepare(struct dp *dp, struct dp_ho *ho)
{
	const struct dp_handover *c = &ho->conf;
	const struct seam_limits l = {c->packets, c->octets, c->age, c->seam_wait, &dp->handovers->pool};
	int r = 0;

	if (!ho->forward && !ho->there) {
		ho->seam = seam_new(&l, dp->handovers->seed ^ c->node, ho->counts);
		if (!ho->seam)
			return -ENOMEM;
	}
	if (!ho->there) {
		r = gate_init(dp, &ho->unicast, ho);
		ho->unicast_gate = !r;
	}
	if (!r && !ho->forward)
		r = awaited_add(dp, ho);
	return r;
}

static int in_force(struct dp *dp, struct dp_ho *ho)
{
	int r = between(dp, ho->tun, 1);

	if (ho->node) {
		ho->node->ho = ho;
		if (ho->unicast_gate)
			gate_set(dp, &ho->unicast);
	} else {
		int one = await_all(dp, ho, true);

		r = r ? r : one;
	}
	if (!r && !ho->there)
		r = gate_outputs(dp, ho);
	return r;
}

static int begin(struct dp *dp, const struct dp_handover *conf, bool forward)
{
	struct dp_tun *tun = dp_tun_find(dp, &conf->tunnel), *anchor = dp_tun_find(dp, &conf->anchor);
	struct dp_nod *node = dp_nod_find(dp, conf->node);
	struct dp_ho *ho = dp_handover_of(dp, conf->node);
	int r;

	if (!conf->node || conf->key >= DP_KEYS || conf->n_prefixes > DP_NODE_PREFIX_MAX)
		return -EINVAL;
	if (!tun || !anchor || (forward && !node))
		return -ENOENT;
	if (ho && ho->forward == forward && ho->tun == tun && ho->anchor == anchor) {
		key_set(dp, ho, conf->key);
		return 0;
	}
	if (ho)
		end(dp, ho);
	ho = calloc(1, sizeof(*ho));
	if (!ho)
		return -ENOMEM;
	ho->conf = conf_of(conf);
	ho->forward = forward;
	ho->there = !forward && node;
	ho->closes = mono_add(dp_clock(), ho->conf.seam_wait);
	ho->tun = tun;
	ho->anchor = anchor;
	ho->node = node;
	list_init(&ho->gates);
	if (!htab_add(&dp->handovers->by_node, &ho->by_node,
		      htab_hash(&dp->handovers->by_node, &conf->node, sizeof(conf->node)))) {
		free(ho);
		return -ENOMEM;
	}
	list_add(&dp->handovers->all, &ho->entry);
	key_set(dp, ho, conf->key);
	tun->refs++;
	anchor->refs++;
	r = prepare(dp, ho);
	if (!r)
		r = in_force(dp, ho);
	else
		tun->between++; /* end() takes it back */
	if (r)
		end(dp, ho);
	else
		dp_handover_pump(dp);
	return r;
}

static int edge(struct dp *dp, const struct dp_edge *e)
{
	struct dp_ho *ho = dp_handover_of(dp, e->node);
	bool marked = e->label != DP_LABEL_NONE;

	if (!ho || ho->forward)
		return -ENOENT;
	if (ho->seam && !seam_edge(ho->seam, dp_clock(), &e->group, marked, e->label & DP_LABEL_MASK))
		return -ENOMEM;
	dp_handover_pump(dp);
	return 0;
}

int dp_handover_apply(struct dp *dp, const struct dp_op *op)
{
	struct dp_ho *ho;
	int r = handovers_init(dp);

	if (r)
		return r;
	if (op->kind == DP_HANDOVER_EDGE)
		return edge(dp, &op->edge);
	if (op->kind != DP_HANDOVER_END)
		return begin(dp, &op->handover, op->kind == DP_HANDOVER_FORWARD);
	ho = dp_handover_of(dp, op->handover.node);
	if (ho)
		end(dp, ho);
	return 0;
}

/* ---- the node ----------------------------------------------------------------------------------------- */

void dp_handover_node_here(struct dp *dp, struct dp_nod *n)
{
	struct dp_ho *ho = dp_handover_of(dp, n->conf.node);

	if (!ho)
		return;
	ho->node = n;
	n->ho = ho;
	if (!ho->seam)
		return;
	seam_arrive(ho->seam, dp_clock());
	if (n->tun == ho->anchor)
		seam_moved(ho->seam, dp_clock());
	pump_soon(dp); /* when all of it is in force */
}

void dp_handover_node_gone(struct dp *dp, struct dp_nod *n)
{
	(void)dp;
	if (n->ho)
		n->ho->node = NULL;
	n->ho = NULL;
}

/* ---- the anchor's old tunnel -------------------------------------------------------------------------- */

static void end_marker(struct dp *dp, struct dp_former *f)
{
	uint8_t packet[40];

	dp_pkt_end_marker(packet, &f->tun->ends.local, &f->prefix.addr);
	dp_plane_send(dp, f->tun, packet, sizeof(packet));
	f->marked = true;
}

static void former_free(struct dp *dp, struct dp_former *f)
{
	if (!f->marked)
		end_marker(dp, f);
	if (dp->ops->former)
		dp->ops->former(dp, f, false);
	list_del(&f->entry);
	dp->handovers->n_formers--;
	f->tun->refs--;
	free(f);
}

void dp_handover_moved(struct dp *dp, const struct dp_pfx *route, struct dp_tun *from)
{
	struct dp_former *f;

	if (handovers_init(dp))
		return;
	/* It has come back to where it was. */
	list_each_safe(e, &dp->handovers->formers) {
		f = list_owner(e, struct dp_former, entry);
		if (prefix_eq(&f->prefix, &route->prefix) && (f->tun == route->tun || f->tun == from))
			former_free(dp, f);
	}
	if (dp->handovers->n_formers >= FORMERS_MAX)
		former_free(dp, list_owner(list_first(&dp->handovers->formers), struct dp_former, entry));
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	dp->handovers->n_formers++;
	f->prefix = route->prefix;
	f->tun = from;
	f->epoch = dp_grace_epoch(dp->grace);
	f->until = mono_add(dp_clock(), span_s(FORMER_S));
	from->refs++;
	list_add(&dp->handovers->formers, &f->entry);
	if (dp->ops->former)
		dp->ops->former(dp, f, true);
	dp_handover_pump(dp);
}

void dp_handover_route_gone(struct dp *dp, const struct prefix *p)
{
	if (!dp->handovers)
		return;
	list_each_safe(e, &dp->handovers->formers) {
		struct dp_former *f = list_owner(e, struct dp_former, entry);

		if (prefix_eq(&f->prefix, p))
			former_free(dp, f);
	}
}

void dp_handover_tunnel_goes(struct dp *dp, const struct dp_tun *t)
{
	if (!dp->handovers)
		return;
	list_each_safe(e, &dp->handovers->formers) {
		struct dp_former *f = list_owner(e, struct dp_former, entry);

		if (f->tun == t)
			former_free(dp, f);
	}
}

bool dp_former_allows(const struct dp *dp, const struct dp_tun *t, const struct in6_addr *source)
{
	if (!dp->handovers)
		return false;
	list_each(e, &dp->handovers->formers) {
		const struct dp_former *f = list_owner(e, struct dp_former, entry);

		if (f->tun == t && prefix_contains(&f->prefix, source))
			return true;
	}
	return false;
}

/* The mark, when no program can be sending by the old route any more; and the end. */
mono_t dp_handover_formers(struct dp *dp, mono_t now)
{
	mono_t next = MONO_NEVER;

	list_each_safe(e, &dp->handovers->formers) {
		struct dp_former *f = list_owner(e, struct dp_former, entry);

		if (mono_reached(f->until, now)) {
			former_free(dp, f);
			continue;
		}
		if (!f->marked && (dp->running == DP_BACKEND_USER || dp_grace_over(dp->grace, f->epoch)))
			end_marker(dp, f);
		next = mono_min(next, f->marked ? f->until : mono_add(now, span_ms(2)));
	}
	return next;
}

/* ---- counts, and all ---------------------------------------------------------------------------------- */

const char *dp_seam_name(unsigned which)
{
	switch (which) {
	case DP_SEAM_FORWARDED:
		return "seam-forwarded";
	case DP_SEAM_UPLINK:
		return "seam-uplink";
	case DP_SEAM_LOST:
		return "seam-lost";
	case DP_SEAM_FORCED:
		return "seam-forced";
	default:
		return seam_count_name((enum seam_count)which);
	}
}

uint64_t dp_seam_count(struct dp *dp, unsigned which)
{
	uint64_t n;

	if (!dp->handovers || which >= DP_SEAM_N)
		return 0;
	n = dp->handovers->counts[which];
	if (which == DP_SEAM_LOST && dp->ops->punts_lost)
		n += dp->ops->punts_lost(dp);
	if (which < SEAM_COUNTS)
		list_each(e, &dp->handovers->all)
			n += list_owner(e, struct dp_ho, entry)->counts[which];
	return n;
}

bool dp_seam_held(struct dp *dp, uint32_t node, uint32_t *packets, uint32_t *octets)
{
	const struct dp_ho *ho = dp_handover_of(dp, node);

	if (!ho || !ho->seam)
		return false;
	*packets = seam_held(ho->seam, octets);
	return true;
}

void dp_handovers_deinit(struct dp *dp)
{
	if (!dp->handovers)
		return;
	list_each_safe(e, &dp->handovers->all)
		end(dp, list_owner(e, struct dp_ho, entry));
	list_each_safe(e, &dp->handovers->formers)
		former_free(dp, list_owner(e, struct dp_former, entry));
	htab_deinit(&dp->handovers->by_node);
	htab_deinit(&dp->handovers->awaited.table);
	event_free(dp->handovers->timer);
	free(dp->handovers);
	dp->handovers = NULL;
}
