/* SPDX-License-Identifier: BSD-2-Clause */
/* Router Advertisements to one node (RFC 5213 6.9.2, RFC 6085), and whether the node is still there (RFC 5213 6.13, by
 * the means of RFC 4861 7.3). */
#include <string.h>

#include "mag/mag_priv.h"

#define ND_PACKET_MAX 512

struct in6_addr mag_link_local_of(const struct mag_node *node)
{
	return addr_is_any(&node->mag_link_local) ? node->mag->conf.link_local : node->mag_link_local;
}

static void send_to_node(struct mag_node *node, const struct nd_msg *m)
{
	uint8_t packet[ND_PACKET_MAX];
	size_t len = nd_encode(m, packet, sizeof(packet));

	if (len && node->link && node->lladdr.len == 6)
		fxq_link(node->mag->fxq, node->link->ifindex, node->lladdr.b, packet, len);
}

/* ---- advertisements ---- */

static uint32_t lifetime_s(const struct mag_node *node, uint32_t configured)
{
	uint64_t s = (uint64_t)(node->lifetime.ns / span_s(1).ns);

	return configured < s ? configured : (uint32_t)s;
}

static uint32_t mtu_of(const struct mag_node *node)
{
	uint32_t mtu = node->peer->mtu, link = node->link->mtu, configured = node->mag->conf.ra_mtu;

	if (link && link < mtu)
		mtu = link;
	return configured && configured < mtu ? configured : mtu;
}

static void ra_init(const struct mag_node *node, struct nd_msg *m)
{
	const struct mag_conf *c = &node->mag->conf;

	*m = (struct nd_msg){
		.type = ND_RA,
		.src = mag_link_local_of(node),
		.dst = addr_all_nodes,
		.source_ll = lladdr_of(node->link->mac, 6),
		.hop_limit = c->ra_hop_limit,
		.managed = c->ra_managed,
		.other = c->ra_other,
		.reachable_ms = (uint32_t)(c->ra_reachable.ns / span_ms(1).ns),
		.retrans_ms = (uint32_t)(c->ra_retrans.ns / span_ms(1).ns),
	};
}

static void put_prefixes(const struct mag_node *node, struct nd_msg *m, const struct prefix *v, uint8_t n,
			 bool withdraw)
{
	const struct mag_conf *c = &node->mag->conf;

	m->n_prefixes = n < ND_PREFIX_MAX ? n : ND_PREFIX_MAX;
	for (uint8_t i = 0; i < m->n_prefixes; i++) {
		m->prefixes[i] =
		    (struct nd_prefix){.prefix = v[i], .on_link = c->ra_on_link, .autonomous = c->ra_autonomous};
		if (withdraw)
			continue;
		m->prefixes[i].valid_s = lifetime_s(node, c->ra_valid_s);
		m->prefixes[i].preferred_s = lifetime_s(node, c->ra_preferred_s);
		if (m->prefixes[i].preferred_s > m->prefixes[i].valid_s)
			m->prefixes[i].preferred_s = m->prefixes[i].valid_s;
	}
}

static void advertise(struct mag_node *node, struct now now)
{
	struct nd_msg m;

	if (!node->served || !node->link || !node->n_prefixes)
		return; /* never before the anchor accepted it, or another gateway handed it over (RFC 5213 6.9.2) */
	ra_init(node, &m);
	m.router_lifetime_s = node->mag->conf.ra_router_lifetime_s;
	m.mtu = mtu_of(node);
	put_prefixes(node, &m, node->prefixes, node->n_prefixes, false);
	send_to_node(node, &m);
	node->ra_last = now.mono;
	node->step_done[MAG_STEP_ADVERTISED] = true;
	mag_count(node->mag, MAG_C_RA_SENT);
}

/* Often enough that the node renews lifetimes that follow a short binding. */
static span_t periodic(const struct mag_node *node)
{
	return span_min(node->mag->conf.ra_interval, span_max(span_ns(node->lifetime.ns / 3), span_s(1)));
}

void mag_advertise_start(struct mag_node *node, struct now now)
{
	node->ra_left = node->mag->conf.ra_repeat;
	mag_advertise_expire(node, now);
}

void mag_advertise_expire(struct mag_node *node, struct now now)
{
	if (!node->served)
		return;
	advertise(node, now);
	if (node->ra_left)
		node->ra_left--;
	mag_set(node->mag, &node->ra,
		mono_add(now.mono, node->ra_left ? node->mag->conf.ra_repeat_interval : periodic(node)));
}

void mag_advertise_renewed(struct mag_node *node, struct now now)
{
	/* A refresh that only changed groups renews the lifetime too; the node need not hear of each. */
	if (!mono_before(now.mono, mono_add(node->ra_last, periodic(node))))
		mag_advertise_expire(node, now);
}

void mag_advertise_solicited(struct mag_node *node, struct now now)
{
	mag_count(node->mag, MAG_C_RS_RECEIVED);
	if (!node->served)
		return; /* acceptance brings one unasked */
	if (!limiter_take(&node->rs, now.mono)) {
		mag_count(node->mag, MAG_C_RS_LIMITED);
		return;
	}
	advertise(node, now);
}

void mag_advertise_withdraw(struct mag_node *node, struct now now, const struct prefix *prefixes, uint8_t n)
{
	struct nd_msg m;
	bool all = prefixes == node->prefixes;

	(void)now;
	if (!node->link || !n)
		return;
	ra_init(node, &m);
	/* Some prefixes less: we stay its router. All of them: we are none for it any more. */
	m.router_lifetime_s = all ? 0 : node->mag->conf.ra_router_lifetime_s;
	put_prefixes(node, &m, prefixes, n, true);
	send_to_node(node, &m);
	mag_count(node->mag, MAG_C_RA_WITHDRAWN);
}

/* ---- reachability ---- */

void mag_reach_watch(struct mag_node *node, struct now now)
{
	span_t every = node->mag->conf.nud_interval;
	mono_t at = mono_add(node->heard, every);

	node->nud_tries = 0;
	if (mono_before(at, now.mono))
		at = now.mono; /* it was being probed */
	mag_set(node->mag, &node->nud, every.ns && node->link ? at : MONO_NEVER);
}

void mag_reach_probe(struct mag_node *node, struct now now)
{
	struct nd_msg m = {
		.type = ND_NS,
		.src = mag_link_local_of(node),
	};

	if (!node->link)
		return;
	m.source_ll = lladdr_of(node->link->mac, 6);
	/* Before it told its address: the one that most hosts make, and a question that every listener answers. */
	m.target = addr_is_any(&node->link_local) && node->lladdr.len == 6 ? addr_link_local_of(node->lladdr.b)
									   : node->link_local;
	m.dst = m.target;
	send_to_node(node, &m);
	if (addr_is_any(&node->link_local) && node->mld)
		mld_link_query(node->mld, now, node->mag->conf.link_probe_response, 1, span_s(1));
	mag_count(node->mag, MAG_C_NS_SENT);
}

void mag_reach_expire(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;
	mono_t silent = mono_add(node->heard, c->nud_interval);

	if (!c->nud_interval.ns || !node->link)
		return;
	if (mono_before(now.mono, silent)) { /* it was heard meanwhile */
		mag_set(node->mag, &node->nud, silent);
		return;
	}
	if (node->nud_tries >= c->nud_probes) {
		struct mag *mag = node->mag;
		struct mag_link *link = node->link;

		mag_node_departed(node, now, "unreachable");
		if (link)
			mag_link_deserted(mag, now, link);
		return;
	}
	node->nud_tries++;
	mag_reach_probe(node, now);
	mag_set(node->mag, &node->nud, mono_add(now.mono, c->nud_retrans));
}
