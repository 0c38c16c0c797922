/* SPDX-License-Identifier: BSD-2-Clause */
/* The domain: who is there, and how effects become messages in the network. */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>


static const uint8_t fixed_mac[6] = {0, 0, 0x5e, 0, 0x52, 0x13};

static struct in6_addr address(const char *s)
{
	struct in6_addr a;

	if (!addr_parse(s, &a))
		abort();
	return a;
}

void sim_trace(struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	if (!sim->verbose)
		return;
	printf("%10.6f ", (double)sim->now.mono.ns / 1e9);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void sim_broken(struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	if (sim->failures++ && !sim->verbose)
		return;
	printf("seed %llu, %.6f s: ", (unsigned long long)sim->seed, (double)sim->now.mono.ns / 1e9);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

int sim_mag_by_coa(const struct sim *sim, const struct in6_addr *coa)
{
	for (unsigned i = 0; i < sim->n_mags; i++)
		if (addr_eq(&sim->mags[i].coa, coa))
			return (int)i;
	return -1;
}

struct host *sim_host_by_mac(struct sim *sim, const uint8_t mac[6])
{
	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (memcmp(sim->hosts[i].mac, mac, 6) == 0)
			return &sim->hosts[i];
	return NULL;
}

/* ---- the network between MAGs and LMA ---- */

/* A number for a message and its answer, which is repeated until it comes: between whom, of what type, about which node. */
static uint16_t kind_of(const struct sim *sim, enum ev kind, const struct ev_data *d)
{
	const struct mh_conf conf = {.pen = MH_PEN_DOCUMENTATION};
	unsigned from = (unsigned)sim_mag_by_coa(sim, &d->src) + 1, to = (unsigned)sim_mag_by_coa(sim, &d->dst) + 1;
	unsigned node = 0, type = 0;
	struct mh_msg m;

	if (kind == EVT_MH && mh_decode(&conf, d->bytes, d->len, &d->src, &d->dst, &m) == MH_OK) {
		type = m.type;
		while ((m.has & MH_HAS_MN_ID) && node < sim->n_hosts && !nai_eq(&sim->hosts[node].mn, &m.mn_id))
			node++;
	}
	if (type == MH_BA || type == MH_SUBSCRIPTION_RESPONSE)
		type--; /* as its question */
	return (uint16_t)(((type * 8 + from + to) * 32 + node) * 40503u); /* one of the two is the LMA: 0 */
}

static bool is_lost(struct sim *sim, enum ev kind, const struct ev_data *d)
{
	bool lost = rng_below(&sim->rng, 1000) < sim->faults.loss_pm;
	uint8_t *before = sim->contexts ? &sim->lost[kind_of(sim, kind, d)] : NULL;

	if (before) {
		lost = lost && !*before;
		*before = lost ? 2 : *before - (*before != 0); /* the next time both pass */
	}
	return lost;
}

static void trace_message(struct sim *sim, enum ev kind, const struct ev_data *d, unsigned copies)
{
	const struct mh_conf conf = {.pen = MH_PEN_DOCUMENTATION};
	int from = sim_mag_by_coa(sim, &d->src), to = sim_mag_by_coa(sim, &d->dst);
	char mn[NAI_STR_MAX];
	struct mh_msg m;

	if (!sim->verbose || kind != EVT_MH || mh_decode(&conf, d->bytes, d->len, &d->src, &d->dst, &m) != MH_OK)
		return;
	sim_trace(sim, "  %s %d > %d %s seq=%u hi=%u flags=%x life=%u groups=%u%s", mh_type_name(m.type), from + 1, to + 1,
		  nai_str(&m.mn_id, mn), m.seq, m.handoff, m.flags, m.lifetime_4s, m.ams.n,
		  copies == 0 ? ", lost" : copies == 2 ? ", doubled" : "");
}

static void carry(struct sim *sim, enum ev kind, struct ev_data *d)
{
	const struct faults *f = &sim->faults;
	/* MLD makes up for what is lost in a minute or two: what contexts do is to be seen without that */
	bool faults = f->on && !(sim->contexts && kind == EVT_TUNNEL);
	unsigned copies = 1;

	if (faults && is_lost(sim, kind, d))
		copies = 0;
	else if (faults && rng_below(&sim->rng, 1000) < f->dup_pm)
		copies = 2;
	trace_message(sim, kind, d, copies);
	kinds_sent(sim, kind, d, copies);
	for (unsigned i = 0; i < copies; i++) {
		/* without faults the path is short and keeps the order */
		span_t jitter = faults ? span_ns((int64_t)rng_below(&sim->rng, (uint64_t)f->jitter.ns + 1)) : span_ns(0);
		net_at(sim->net, mono_add(mono_add(sim->now.mono, f->delay), jitter), kind, d);
	}
}

static bool radio_lost(struct sim *sim)
{
	return sim->faults.on && rng_below(&sim->rng, 1000) < sim->faults.radio_loss_pm;
}

void sim_to_mag(struct sim *sim, struct host *h, const uint8_t *packet, size_t len)
{
	struct ev_data d = {.mag = h->at, .host = (int)h->index, .visit = h->visit, .ifindex = h->ifindex, .bytes = packet, .len = len};

	if (!len)
		abort();
	if (h->at < 0 || radio_lost(sim))
		return;
	memcpy(d.smac, h->mac, 6);
	net_at(sim->net, mono_add(sim->now.mono, span_us(200)), EVT_TO_MAG, &d);
}

static void to_hosts(struct sim *sim, int mag, const struct fx *fx)
{
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];
		struct ev_data d = {.host = (int)i, .visit = h->visit, .bytes = fx->link.bytes, .len = fx->link.len};
		if (h->at != mag || h->ifindex != fx->link.ifindex)
			continue;
		if (!(fx->link.dmac[0] & 1) && memcmp(fx->link.dmac, h->mac, 6) != 0)
			continue;
		if (!radio_lost(sim))
			net_at(sim->net, mono_add(sim->now.mono, span_us(200)), EVT_TO_HOST, &d);
	}
}

/* ---- effects ---- */

static const struct profile *profile_for(struct sim *sim, const struct fx_profile *q)
{
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];
		struct lladdr ll = lladdr_of(h->mac, 6);
		if (q->id_len ? (q->id_len == h->mn.len && memcmp(q->id, h->mn.s, q->id_len) == 0) : lladdr_eq(&q->lladdr, &ll))
			return h->profile;
	}
	return NULL;
}

static void ask_profile(struct sim *sim, int mag, const struct fx *fx)
{
	const struct profile *p = profile_for(sim, &fx->profile);
	struct ev_data d = {.mag = mag, .host = -1, .request = fx->profile.request};

	for (unsigned i = 0; p && i < sim->n_hosts; i++)
		if (sim->hosts[i].profile == p)
			d.host = (int)i;
	if (rng_below(&sim->rng, 2)) {
		net_at(sim->net, mono_add(sim->now.mono, span_us((int64_t)rng_below(&sim->rng, 5000))), EVT_PROFILE, &d);
	} else if (mag >= 0) {
		mag_profile(sim->mags[mag].engine, sim->now, d.request, p);
	} else {
		lma_profile(sim->lma, sim->now, d.request, p);
	}
}

static void trace_event(struct sim *sim, const char *who, const struct event *e)
{
	char mn[NAI_STR_MAX], peer[ADDR_STR_MAX], group[ADDR_STR_MAX];

	if (!sim->verbose)
		return;
	sim_trace(sim, "%s %s mn=%s peer=%s group=%s status=%d %s", who, event_name(e->kind), nai_str(&e->mn, mn), addr_str(&e->peer, peer),
		  addr_str(&e->group, group), e->status, e->detail);
}

static void forget_admin(struct host *h)
{
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		filter_drop(&h->admin[g].filter);
		h->admin[g].on = false;
	}
}

/* Taken for gone, though it may be there: what an operator asked for ended with its stay. */
static void unheard(struct sim *sim, const struct event *e)
{
	for (unsigned i = 0; i < sim->n_hosts; i++) {
		struct host *h = &sim->hosts[i];

		if (!nai_eq(&h->mn, &e->mn))
			continue;
		h->unheard_at = sim_mag_by_coa(sim, &e->peer);
		h->unheard_since = sim->now.mono;
	}
}

static void detached(struct sim *sim, int mag, const struct event *e)
{
	for (unsigned i = 0; i < sim->n_hosts; i++)
		if (sim->hosts[i].at == mag && nai_eq(&sim->hosts[i].mn, &e->mn))
			forget_admin(&sim->hosts[i]);
}

/* The own path of a node that came by a handover serves alone, some time after it is there and registered; the data plane may
 * fail to say so. */
static void seams(struct sim *sim, int mag, const struct dp_op *op)
{
	const struct dpm_handover *h = NULL;
	struct ev_data d = {.mag = mag};

	if (op->kind == DP_NODE_ADD)
		h = dpm_handover(sim->mags[mag].dp, op->node.node);
	else if (op->kind == DP_HANDOVER_EXPECT)
		h = dpm_handover(sim->mags[mag].dp, op->handover.node);
	if (!h || h->forward || (op->kind == DP_NODE_ADD && !dp_tunnel_eq(&op->node.tunnel, &h->conf.anchor)) ||
	    (op->kind == DP_HANDOVER_EXPECT && !h->unicast) || !rng_below(&sim->rng, 8))
		return;
	d.what = h->conf.node;
	d.request = h->conf.key;
	net_at(sim->net, mono_add(sim->now.mono, span_ms((int64_t)rng_below(&sim->rng, 400))), EVT_CLOSED, &d);
}

static void closed(struct sim *sim, const struct ev_data *d)
{
	const struct dpm_handover *h = dpm_handover(sim->mags[d->mag].dp, d->what);

	if (h && !h->forward && h->conf.key == d->request)
		mag_handover_done(sim->mags[d->mag].engine, sim->now, d->what);
}

static void effect(struct sim *sim, int mag, const struct fx *fx)
{
	struct dpm *dp = mag >= 0 ? sim->mags[mag].dp : sim->lma_dp;
	struct ev_data d = {.mag = mag};
	char who[8];

	switch (fx->kind) {
	case FX_MH:
		d.src = fx->mh.src;
		d.dst = fx->mh.dst;
		d.bytes = fx->mh.bytes;
		d.len = fx->mh.len;
		carry(sim, EVT_MH, &d);
		break;
	case FX_TUNNEL:
		d.src = fx->tunnel.tunnel.local;
		d.dst = fx->tunnel.tunnel.remote;
		d.bytes = fx->tunnel.bytes;
		d.len = fx->tunnel.len;
		carry(sim, EVT_TUNNEL, &d);
		break;
	case FX_LINK:
		if (mag >= 0) {
			to_hosts(sim, mag, fx);
			break;
		}
		d.bytes = fx->link.bytes;
		d.len = fx->link.len;
		net_at(sim->net, mono_add(sim->now.mono, span_us(100)), EVT_TO_ROUTER, &d);
		break;
	case FX_DP:
		dpm_apply(dp, &fx->dp);
		if (mag >= 0)
			seams(sim, mag, &fx->dp);
		sim->changed = true;
		break;
	case FX_PROFILE:
		ask_profile(sim, mag, fx);
		break;
	case FX_EVENT:
		snprintf(who, sizeof(who), mag >= 0 ? "mag%d" : "lma", mag + 1);
		trace_event(sim, who, &fx->event);
		if (fx->event.kind == EV_NODE_DETACHED)
			detached(sim, mag, &fx->event);
		if (fx->event.kind == EV_HANDOVER_ARRIVED)
			sim_arrived(sim, mag, &fx->event);
		if (fx->event.kind == EV_BINDING_REVOKED && fx->event.status < 0)
			unheard(sim, &fx->event);
		break;
	}
}

static bool drain_router(struct sim *sim)
{
	struct mld_router_fx fx;
	bool any = false;

	while (mld_routers_pop(sim->router, &fx)) {
		struct ev_data d = {.bytes = fx.packet, .len = fx.len};
		if (fx.kind == MLD_ROUTER_QUERY)
			net_at(sim->net, mono_add(sim->now.mono, span_us(100)), EVT_TO_LMA, &d);
		any = true;
	}
	return any;
}

void sim_drain(struct sim *sim)
{
	struct fx fx;
	bool any;

	do {
		any = drain_router(sim);
		while (lma_pop(sim->lma, &fx)) {
			effect(sim, -1, &fx);
			any = true;
		}
		for (unsigned i = 0; i < sim->n_mags; i++)
			while (mag_pop(sim->mags[i].engine, &fx)) {
				effect(sim, (int)i, &fx);
				any = true;
			}
	} while (any);
}

/* ---- deliveries ---- */

static void deliver_tunnel(struct sim *sim, const struct ev_data *d)
{
	struct dp_tunnel t = {d->dst, d->src};
	int mag = sim_mag_by_coa(sim, &d->dst);

	/* a packet from an address that is no tunnel peer is dropped by the data plane */
	if (mag >= 0 && dpm_has_tunnel(sim->mags[mag].dp, &t))
		mag_recv_tunnel(sim->mags[mag].engine, sim->now, &t, d->bytes, d->len);
	else if (mag < 0 && dpm_has_tunnel(sim->lma_dp, &t))
		lma_recv_tunnel(sim->lma, sim->now, &t, d->bytes, d->len);
}

static void deliver(struct sim *sim, enum ev kind, const struct ev_data *d)
{
	struct host *h = d->host >= 0 ? &sim->hosts[d->host] : NULL;
	struct mld_packet p;
	int mag;

	if (kind == EVT_MH || kind == EVT_TUNNEL)
		kinds_arrived(sim, kind, d);
	switch (kind) {
	case EVT_MH:
		mag = sim_mag_by_coa(sim, &d->dst);
		if (mag >= 0)
			mag_recv_mh(sim->mags[mag].engine, sim->now, &d->src, &d->dst, d->bytes, d->len);
		else
			lma_recv_mh(sim->lma, sim->now, &d->src, &d->dst, d->bytes, d->len);
		break;
	case EVT_TUNNEL:
		deliver_tunnel(sim, d);
		break;
	case EVT_TO_MAG:
		if (h->visit == d->visit)
			mag_recv_link(sim->mags[d->mag].engine, sim->now, d->ifindex, d->smac, d->bytes, d->len);
		break;
	case EVT_TO_HOST:
		if (h->visit == d->visit)
			host_recv(sim, h, d->bytes, d->len);
		break;
	case EVT_HOST_TIMER:
		if (h->visit == d->visit && h->at >= 0)
			host_timer(sim, h, d->what, d->group);
		break;
	case EVT_TO_LMA:
		lma_recv_upstream(sim->lma, sim->now, SIM_UPSTREAM, d->bytes, d->len);
		break;
	case EVT_TO_ROUTER:
		if (mld_decode(d->bytes, d->len, &p) == MLD_OK)
			mld_link_recv(sim->router_link, sim->now, &p);
		else
			sim_broken(sim, "the LMA sent upstream what is not MLD");
		break;
	case EVT_PROFILE:
		if (d->mag >= 0)
			mag_profile(sim->mags[d->mag].engine, sim->now, d->request, h ? h->profile : NULL);
		else
			lma_profile(sim->lma, sim->now, d->request, h ? h->profile : NULL);
		break;
	case EVT_CLOSED:
		closed(sim, d);
		break;
	case EVT_CHANGED:
		if (d->mag >= 0)
			mag_profile_changed(sim->mags[d->mag].engine, sim->now, &h->mn, h->profile);
		else
			lma_profile_changed(sim->lma, sim->now, &h->mn, h->profile);
		break;
	}
}

static mono_t next_instant(const struct sim *sim)
{
	mono_t t = mono_min(net_next(sim->net), lma_next_deadline(sim->lma));

	t = mono_min(t, mld_routers_next_deadline(sim->router));
	for (unsigned i = 0; i < sim->n_mags; i++)
		t = mono_min(t, mag_next_deadline(sim->mags[i].engine));
	return t;
}

static void expire_all(struct sim *sim)
{
	if (mono_reached(lma_next_deadline(sim->lma), sim->now.mono))
		lma_expire(sim->lma, sim->now);
	if (mono_reached(mld_routers_next_deadline(sim->router), sim->now.mono))
		mld_routers_expire(sim->router, sim->now);
	for (unsigned i = 0; i < sim->n_mags; i++)
		if (mono_reached(mag_next_deadline(sim->mags[i].engine), sim->now.mono))
			mag_expire(sim->mags[i].engine, sim->now);
	sim_drain(sim);
}

void sim_run(struct sim *sim, span_t time)
{
	mono_t end = mono_add(sim->now.mono, time);
	struct ev_data d;
	enum ev kind;

	sim_drain(sim);
	for (;;) {
		mono_t t = next_instant(sim);
		if (!mono_before(t, end))
			break;
		if (mono_before(t, sim->now.mono))
			t = sim->now.mono;
		sim->now.wall.ns += mono_sub(t, sim->now.mono).ns;
		sim->now.mono = t;
		/* messages one by one, the timers of the instant after them */
		if (net_pop(sim->net, t, &kind, &d)) {
			deliver(sim, kind, &d);
			free((void *)d.bytes);
			sim_drain(sim);
		} else {
			expire_all(sim);
		}
		sim->steps++;
		check_step(sim);
		if (sim->failures)
			return;
	}
	sim->now.wall.ns += mono_sub(end, sim->now.mono).ns;
	sim->now.mono = end;
}

/* ---- nodes move ---- */

static uint32_t link_of(const struct sim *sim, int mag, const struct host *h)
{
	return sim->mags[mag].shared ? SIM_SHARED : 100 + h->index;
}

void sim_attach(struct sim *sim, struct host *h, int mag)
{
	h->visit++;
	h->at = mag;
	h->ifindex = link_of(sim, mag, h);
	h->has_prefix = false;
	sim_trace(sim, "mn%u attaches to mag%d", h->index + 1, mag + 1);
	if (!sim->mags[mag].shared)
		mag_link_up(sim->mags[mag].engine, sim->now, h->ifindex, "acc", MAG_LINK_POINT_TO_POINT, 1500, fixed_mac);
	host_attached(sim, h);
	sim_drain(sim);
}

void sim_detach(struct sim *sim, struct host *h, bool seen)
{
	if (h->at < 0)
		return;
	sim_trace(sim, "mn%u leaves mag%d%s", h->index + 1, h->at + 1, seen ? "" : ", unseen");
	int mag = h->at;
	h->at = -1;
	h->visit++;
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		/* the operator's wish ends with the visit, also where the MAG does not see the end of it */
		if (h->admin[g].on)
			(void)mag_unsubscribe(sim->mags[mag].engine, sim->now, &h->mn, &sim->groups[g],
					      addr_is_ssm(&sim->groups[g]) ? &sim->sources[0] : &addr_any);
		filter_drop(&h->admin[g].filter);
		h->admin[g].on = false;
	}
	if (seen && !sim->mags[mag].shared)
		mag_link_down(sim->mags[mag].engine, sim->now, h->ifindex);
	else if (seen)
		(void)mag_detach(sim->mags[mag].engine, sim->now, &h->mn);
	sim_drain(sim);
}

/* ---- making and ending ---- */

static struct filter random_sources(struct sim *sim, enum filter_mode mode, bool some)
{
	struct in6_addr s[SIM_SOURCES];
	bool oom = false;
	size_t n = 0;

	for (unsigned i = 0; i < SIM_SOURCES; i++)
		if (rng_below(&sim->rng, 2))
			s[n++] = sim->sources[i];
	if (some && !n)
		s[n++] = sim->sources[0];
	return filter_of(mode, s, n, &oom);
}

void sim_profile(struct sim *sim, struct host *h, bool tell)
{
	struct profile *p = profile_new();

	if (!p)
		abort();
	p->mn = h->mn;
	p->lladdrs[p->n_lladdrs++] = lladdr_of(h->mac, 6);
	p->initiation = (enum profile_initiation)rng_below(&sim->rng, 3);
	p->delivery = (enum profile_delivery)rng_below(&sim->rng, 2);
	p->multicast = rng_below(&sim->rng, 10) != 0 || sim->contexts;
	p->enabled = rng_below(&sim->rng, 12) != 0 || sim->contexts;
	p->version = ++sim->profiles;
	if (rng_below(&sim->rng, 4) == 0) {
		p->prefixes[0] = (struct prefix){address("2001:db8:f00:f000::"), 64};
		p->prefixes[0].addr.s6_addr[7] = (uint8_t)(h->index * 2 + rng_below(&sim->rng, 2));
		p->n_prefixes = 1;
	}
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		unsigned dice = (unsigned)rng_below(&sim->rng, 10);
		bool ssm = addr_is_ssm(&sim->groups[g]);
		struct prefix group = {sim->groups[g], 128}, source = {sim->sources[0], 128};
		if (dice < 3) {
			struct filter f = ssm ? random_sources(sim, FILTER_INCLUDE, true) : FILTER_NONE;
			/* one that may be left is left by reports that a radio may lose: unit tests have that */
			bool mandatory = p->initiation == PROFILE_INITIATION_NETWORK;
			wall_t start = {0}, end = WALL_NEVER;
			if (rng_below(&sim->rng, 3) == 0 && !sim->contexts)
				start.ns = sim->now.wall.ns + (int64_t)rng_below(&sim->rng, 20) * 1000000000;
			if (rng_below(&sim->rng, 3) == 0 && !sim->contexts)
				end.ns = sim->now.wall.ns + (int64_t)rng_below(&sim->rng, 40) * 1000000000 + 1;
			if (start.ns < end.ns)
				profile_add_subscription(p, &sim->groups[g], filter_sources(&f), filter_count(&f), mandatory, start, end);
			filter_drop(&f);
		} else if (dice == 3) {
			source.len = 0;
			profile_add_range(p, true, &group, &source);
		} else if (dice == 4 && ssm) {
			profile_add_range(p, true, &group, &source);
		}
	}
	profile_unref(h->profile);
	h->profile = p;
	if (!tell)
		return;
	h->profile_at = sim->now.mono;
	sim_trace(sim, "profile of mn%u changes", h->index + 1);
	/* the end of the service ends what an operator had set, too: its MAG must not miss it behind the next change */
	if (!p->multicast) {
		forget_admin(h);
		if (h->at >= 0)
			mag_profile_changed(sim->mags[h->at].engine, sim->now, &h->mn, p);
	}
	/* each has a store of its own, or sees the common one at its own time; a look-up sees it at once */
	for (int m = -1; m < (int)sim->n_mags; m++) {
		struct ev_data d = {.mag = m, .host = (int)h->index};
		net_at(sim->net, mono_add(sim->now.mono, span_us((int64_t)rng_below(&sim->rng, 1500000))), EVT_CHANGED, &d);
	}
	sim_drain(sim);
}

static void start_lma(struct sim *sim)
{
	struct in6_addr self = address("fe80::1");

	sim->lma = lma_new(&sim->lma_conf, sim->now, rng_u64(&sim->rng));
	sim->lma_dp = dpm_new(sim, "lma");
	if (!sim->lma)
		abort();
	lma_upstream(sim->lma, sim->now, SIM_UPSTREAM, &self, 1500);
}

void sim_restart_lma(struct sim *sim)
{
	sim_trace(sim, "the LMA begins anew");
	sim->restarts_lma++;
	lma_free(sim->lma);
	dpm_free(sim->lma_dp);
	start_lma(sim);
	sim->changed = true;
	sim_drain(sim);
	sim->lma_bytes = lma_totals(sim->lma).bytes;
}

/* Off now and then: a peer without is one of RFC 6224. */
static enum mn_context_mode random_mode(struct sim *sim)
{
	unsigned dice = (unsigned)rng_below(&sim->rng, 8);

	if (sim->contexts) /* all alike now and then, so that each can tell all of it */
		return sim->seed / 4 % 3 ? (dice < 4 ? MN_CONTEXT_QUERY : MN_CONTEXT_KEPT) : MN_CONTEXT_KEPT;
	return dice == 0 ? MN_CONTEXT_OFF : dice < 4 ? MN_CONTEXT_QUERY : MN_CONTEXT_KEPT;
}

static void new_lma(struct sim *sim)
{
	struct lma_conf *conf = &sim->lma_conf;

	sim->lma_mags = (struct lma_mag_conf){.name = "all", .proxy_coa = {address("2001:db8:1::"), 48}};
	lma_conf_defaults(conf);
	sim->lmaa = address("2001:db8:ff::1");
	conf->lmaa = sim->lmaa;
	conf->pen = MH_PEN_DOCUMENTATION;
	conf->n_mags = 1;
	conf->mags = &sim->lma_mags;
	conf->n_pools = 1;
	conf->pools[0] = (struct prefix){address("2001:db8:f00::"), 48};
	conf->lifetime_max = span_s(120);
	conf->heartbeat_interval = sim->heartbeats;
	conf->signalling = rng_below(&sim->rng, 4) ? LMA_ACCEPT_BOTH : LMA_ACCEPT_MLD_ONLY;
	conf->context = random_mode(sim);
	conf->implicit_join = rng_below(&sim->rng, 3);
	if (sim->contexts && sim->seed / 4 % 3 == 0)
		conf->signalling = LMA_ACCEPT_BOTH;
	conf->pba_timer = span_ms(rng_below(&sim->rng, 4) ? 0 : (int64_t)rng_below(&sim->rng, 400));
	start_lma(sim);
}

static void start_mag(struct sim *sim, unsigned i)
{
	static const char *const names[SIM_MAGS_MAX] = {"mag1", "mag2", "mag3", "mag4", "mag5", "mag6"};
	struct sim_mag *m = &sim->mags[i];

	m->engine = mag_new(&m->conf, sim->now, rng_u64(&sim->rng));
	if (!m->engine)
		abort();
	m->dp = dpm_new(sim, names[i]);
	if (m->shared)
		mag_link_up(m->engine, sim->now, SIM_SHARED, "wlan0", MAG_LINK_SHARED, 1500, fixed_mac);
}

void sim_restart_mag(struct sim *sim, unsigned i)
{
	struct sim_mag *m = &sim->mags[i];

	sim_trace(sim, "mag%u begins anew", i + 1);
	sim->restarts_mag++;
	mag_free(m->engine);
	dpm_free(m->dp);
	start_mag(sim, i);
	sim_drain(sim);
	m->bytes = mag_totals(m->engine).bytes;
	for (unsigned n = 0; n < sim->n_hosts; n++) {
		struct host *h = &sim->hosts[n];
		if (h->at != (int)i)
			continue;
		if (!m->shared)
			mag_link_up(m->engine, sim->now, h->ifindex, "acc", MAG_LINK_POINT_TO_POINT, 1500, fixed_mac);
		forget_admin(h); /* it went with the daemon */
	}
	sim->changed = true;
	sim_drain(sim);
}

/* Most know most others; what they can do differs. */
static void candidates(struct sim *sim, unsigned i)
{
	struct mag_conf *c = &sim->mags[i].conf;
	char text[32];

	c->handover.enabled = rng_below(&sim->rng, 10) != 0;
	c->handover.hold = span_ms(500 + (int64_t)rng_below(&sim->rng, 4000));
	c->handover.groups_max = rng_below(&sim->rng, 4) ? 48 : 1 + (uint32_t)rng_below(&sim->rng, 3);
	for (unsigned k = 0; k < sim->n_mags; k++) {
		struct mag_candidate *x = &c->candidates[c->n_candidates];

		if (k == i || rng_below(&sim->rng, 10) == 0)
			continue;
		snprintf(x->name, sizeof(x->name), "mag%u", k + 1);
		snprintf(text, sizeof(text), "2001:db8:1::%x", k + 1);
		x->address = address(text);
		x->context = rng_below(&sim->rng, 8) != 0;
		c->n_candidates++;
	}
}

static void new_mag(struct sim *sim, unsigned i)
{
	struct sim_mag *m = &sim->mags[i];
	char text[32];

	mag_conf_defaults(&m->conf);
	snprintf(text, sizeof(text), "2001:db8:1::%x", i + 1);
	m->coa = address(text);
	m->conf.proxy_coa = m->coa;
	m->conf.lma = sim->lmaa;
	m->conf.pen = MH_PEN_DOCUMENTATION;
	m->conf.lifetime = span_s(120);
	m->conf.heartbeat_interval = sim->heartbeats;
	m->conf.signalling = rng_below(&sim->rng, 3) ? MAG_SIGNALLING_AUTO : MAG_SIGNALLING_MLD;
	m->conf.timestamps = sim->timestamps;
	m->conf.context = random_mode(sim);
	m->conf.implicit_join = rng_below(&sim->rng, 4);
	m->conf.deregister_after = span_ms(rng_below(&sim->rng, 2) ? 0 : (int64_t)rng_below(&sim->rng, 4000));
	m->shared = rng_below(&sim->rng, 3) == 0;
	candidates(sim, i);
	if (sim->contexts) {
		m->conf.access_mld.query_interval = span_s(125);
		m->conf.nodes_per_link_max = SIM_NODES_MAX;
		m->conf.nud_interval = span_s(5); /* who left unseen is missed */
		m->conf.handover.groups_max = 48;
		m->conf.node_mld = i == 0 || rng_below(&sim->rng, 3); /* the others in the role of listeners */
		if (sim->seed / 4 % 3 == 0)
			m->conf.signalling = MAG_SIGNALLING_AUTO;
	}
	start_mag(sim, i);
}

static void new_host(struct sim *sim, unsigned i)
{
	struct host *h = &sim->hosts[i];
	char text[32];

	h->index = i;
	h->at = h->announced_to = h->unheard_at = -1;
	h->mn = nai_of(text, (size_t)snprintf(text, sizeof(text), "mn%u@example.net", i + 1));
	memcpy(h->mac, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(i + 1)}, 6);
	h->self = addr_link_local_of(h->mac);
	h->v1 = rng_below(&sim->rng, 5) == 0;
	sim_profile(sim, h, false);
}

static void new_router(struct sim *sim)
{
	struct mld_routers_conf set = {.links_max = 1, .groups_max = 1000, .memory_max = 1 << 20};
	struct mld_router_conf conf = {.groups_max = 1000, .sources_max = 1000, .hosts_max = 10, .fast_leave = true};
	struct in6_addr self = address("fe80::ff");

	sim->router = mld_routers_new(&set, rng_u64(&sim->rng));
	sim->router_link = sim->router ? mld_link_new(sim->router, sim->now, &conf, &self, NULL) : NULL;
	if (!sim->router_link)
		abort();
}

struct sim *sim_new(uint64_t seed, bool contexts, bool verbose)
{
	static const char *const groups[SIM_GROUPS] = {"ff1e::1", "ff1e::2", "ff1e::3", "ff3e::1", "ff3e::2", "ff38::3"};
	struct sim *sim = calloc(1, sizeof(*sim));
	char text[32];

	if (!sim)
		abort();
	sim->seed = seed;
	sim->rng = rng_of(seed);
	sim->verbose = verbose;
	sim->contexts = contexts;
	sim->now = (struct now){{1000000000}, {1700000000000000000}};
	sim->net = net_new();
	for (unsigned i = 0; i < SIM_GROUPS; i++)
		sim->groups[i] = address(groups[i]);
	for (unsigned i = 0; i < SIM_SOURCES; i++) {
		snprintf(text, sizeof(text), "2001:db8:aaaa::%u", i + 1);
		sim->sources[i] = address(text);
	}
	sim->faults = (struct faults){.on = true,
				      .loss_pm = (unsigned)rng_below(&sim->rng, 200),
				      .dup_pm = (unsigned)rng_below(&sim->rng, 100),
				      .radio_loss_pm = (unsigned)rng_below(&sim->rng, 100),
				      .delay = span_us(200 + (int64_t)rng_below(&sim->rng, 20000)),
				      .jitter = span_us((int64_t)rng_below(&sim->rng, 60000))};
	if (contexts)
		sim->faults.radio_loss_pm = 0; /* who may be heard once is heard */
	sim->n_mags = 2 + (unsigned)rng_below(&sim->rng, SIM_MAGS_MAX - 1);
	sim->n_hosts = 1 + (unsigned)rng_below(&sim->rng, 12);
	sim->heartbeats = span_s(rng_below(&sim->rng, 4) ? 2 + (int64_t)rng_below(&sim->rng, 30) : 0);
	sim->timestamps = rng_below(&sim->rng, 8) != 0 || contexts; /* one out of window costs seconds, and the context */
	new_router(sim);
	new_lma(sim);
	for (unsigned i = 0; i < sim->n_mags; i++)
		new_mag(sim, i);
	for (unsigned i = 0; i < sim->n_hosts; i++)
		new_host(sim, i);
	sim_drain(sim);
	sim->lma_bytes = lma_totals(sim->lma).bytes;
	for (unsigned i = 0; i < sim->n_mags; i++)
		sim->mags[i].bytes = mag_totals(sim->mags[i].engine).bytes;
	return sim;
}

void sim_free(struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_mags; i++) {
		mag_free(sim->mags[i].engine);
		dpm_free(sim->mags[i].dp);
	}
	for (unsigned i = 0; i < sim->n_hosts; i++)
		host_free(&sim->hosts[i]);
	lma_free(sim->lma);
	dpm_free(sim->lma_dp);
	mld_routers_free(sim->router);
	net_free(sim->net);
	free(sim);
}
