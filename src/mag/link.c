/* SPDX-License-Identifier: BSD-2-Clause */
/* Access links, and what is heard on them. A node is found by its frames; after a carrier flap a host may be silent for
 * long, so that a link that came up is probed: a host answers an Echo Request to all nodes at once where it already has a
 * link-local address, and an MLD General Query with its solicited-node groups some milliseconds later.
 *
 * The first probes often find the host's own link not ready to send. Its Neighbour Solicitation for whom it would answer is
 * lost then, and not repeated for a second, however often it is asked meanwhile. So they come each from an address that
 * nobody has: the solicitation for that is the answer. The gateway's own address would do worse besides: resolved before
 * the host is known, it lets go what the host has ready to send, too early for it to pass. */
#include <stdio.h>
#include <string.h>

#include "base/cksum.h"
#include "mag/mag_priv.h"
#include "wire/ip6.h"

#define ICMP6_ECHO_REQUEST 128

#define CLOSE span_ms(100) /* probes nearer to each other than this */

struct mag_link *mag_link_find(const struct mag *mag, uint32_t ifindex)
{
	uint64_t hash = htab_hash(&mag->links, &ifindex, sizeof(ifindex));

	for (struct hnode *h = htab_first(&mag->links, hash); h; h = htab_same(h)) {
		struct mag_link *link = hnode_owner(h, struct mag_link, by_ifindex);

		if (link->ifindex == ifindex)
			return link;
	}
	return NULL;
}

static struct mag_link *link_new(struct mag *mag, uint32_t ifindex)
{
	struct mag_link *link = slab_get(&mag->link_slab);

	if (!link)
		return NULL;
	link->ifindex = ifindex;
	list_init(&link->nodes);
	deadline_init(&link->probe, DL_LINK_PROBE);
	if (!htab_add(&mag->links, &link->by_ifindex, htab_hash(&mag->links, &ifindex, sizeof(ifindex)))) {
		slab_put(&mag->link_slab, link);
		return NULL;
	}
	return link;
}

void mag_link_free(struct mag *mag, struct mag_link *link)
{
	heap_clear(&mag->heap, &link->probe);
	htab_del(&mag->links, &link->by_ifindex);
	slab_put(&mag->link_slab, link);
}

/* ---- probing ---- */

static void to_all_nodes(struct mag *mag, const struct mag_link *link, const uint8_t *packet, size_t len)
{
	uint8_t mac[6];

	addr_multicast_mac(&addr_all_nodes, mac);
	if (len)
		fxq_link(mag->fxq, link->ifindex, mac, packet, len);
}

static void probe_query(struct mag *mag, const struct mag_link *link)
{
	struct mld_query q = {
		.version = 2,
		.max_resp = mag->conf.link_probe_response,
		.qrv = mag->conf.access_mld.robustness,
		.qqi = mag->conf.access_mld.query_interval,
	};
	uint8_t packet[128];
	size_t len;

	len = mld_encode_query(&q, NULL, &mag->conf.link_local, &addr_all_nodes, packet, sizeof(packet));
	to_all_nodes(mag, link, packet, len);
}

static void probe_echo(struct mag *mag, const struct mag_link *link, const struct in6_addr *from)
{
	uint8_t packet[IP6_HDR_LEN + 8];
	struct wr w = wr_of(packet, sizeof(packet));
	uint16_t id = (uint16_t)rng_u64(&mag->rng);

	ip6_write(&w, from, &addr_all_nodes, IPPROTO_ICMPV6, 8, 1);
	wr_u8(&w, ICMP6_ECHO_REQUEST);
	wr_u8(&w, 0);
	wr_u16(&w, 0);
	wr_u16(&w, id);
	wr_u16(&w, 0);
	wr_set_u16(&w, IP6_HDR_LEN + 2, cksum_ip6(from, &addr_all_nodes, IPPROTO_ICMPV6, packet + IP6_HDR_LEN, 8));
	to_all_nodes(mag, link, packet, w.full ? 0 : w.len);
}

static struct in6_addr nobody(struct mag *mag)
{
	struct in6_addr a = {.s6_addr = {0xfe, 0x80}};
	uint64_t id = rng_u64(&mag->rng);

	memcpy(a.s6_addr + 8, &id, sizeof(id));
	return a;
}

static void probe(struct mag *mag, struct now now, struct mag_link *link)
{
	bool is_close = link->probes_left && link->probe_gap.ns < CLOSE.ns;
	struct in6_addr from = is_close ? nobody(mag) : mag->conf.link_local;

	mag_count(mag, MAG_C_LINK_PROBES);
	probe_echo(mag, link, &from);
	if (link->queried_once && mono_before(now.mono, mono_add(link->queried, CLOSE)))
		return; /* a host counts its response delay anew with each query */
	link->queried_once = true;
	link->queried = now.mono;
	probe_query(mag, link);
}

/* After the first burst the link goes on being queried, as a querier does: a silent listener whose answers were lost,
 * and that was taken for gone, is found again. */
static span_t slow_gap(const struct mag *mag)
{
	span_t gap = mag->conf.access_mld.query_interval;

	return gap.ns ? gap : span_s(125);
}

void mag_link_expire(struct mag *mag, struct now now, struct mag_link *link)
{
	probe(mag, now, link);
	if (link->probes_left && --link->probes_left) {
		mag_set(mag, &link->probe, mono_add(now.mono, link->probe_gap));
		link->probe_gap = span_mul(link->probe_gap, 2);
	} else {
		mag_set(mag, &link->probe, mono_add(now.mono, slow_gap(mag)));
	}
}

void mag_link_deserted(struct mag *mag, struct now now, struct mag_link *link)
{
	if (mono_is_never(link->probe.at))
		mag_set(mag, &link->probe, mono_add(now.mono, slow_gap(mag)));
}

void mag_link_quiet(struct mag *mag, struct mag_link *link)
{
	if (link->kind == MAG_LINK_SHARED)
		return; /* there may be more of them */
	link->probes_left = 0;
	heap_clear(&mag->heap, &link->probe);
}

/* ---- up and down ---- */

static bool link_describe(struct mag_link *link, const char *name, enum mag_link_kind kind, uint32_t mtu,
			  const uint8_t mac[6])
{
	bool same = link->kind == kind && link->mtu == mtu && !memcmp(link->mac, mac, sizeof(link->mac));

	snprintf(link->name, sizeof(link->name), "%s", name);
	link->kind = kind;
	link->mtu = mtu;
	memcpy(link->mac, mac, sizeof(link->mac));
	return same;
}

/* Also a link that was up all the time: its carrier may have been away too shortly to be told, and somebody else may be
 * there now. */
static void probe_begin(struct mag *mag, struct now now, struct mag_link *link)
{
	bool served = false;

	list_each (n, &link->nodes) {
		const struct mag_node *node = list_owner(n, struct mag_node, in_link);

		served |= node->state == MAG_NODE_REGISTERED || node->state == MAG_NODE_REGISTERING;
	}
	if (!mag->conf.link_probes)
		return;
	link->probes_left = served ? 1 : mag->conf.link_probes;
	link->probe_gap = mag->conf.link_probe_interval;
	/* On a link that many share each would answer each probe. */
	while (link->kind == MAG_LINK_SHARED && link->probes_left > 1 && link->probe_gap.ns < CLOSE.ns) {
		link->probes_left--;
		link->probe_gap = span_mul(link->probe_gap, 2);
	}
	mag_link_expire(mag, now, link);
}

void mag_link_up(struct mag *mag, struct now now, uint32_t ifindex, const char *name, enum mag_link_kind kind,
		 uint32_t mtu, const uint8_t mac[6])
{
	struct mag_link *link = mag_link_find(mag, ifindex);
	bool came = !link;
	struct event e;

	if (mag->stopping)
		return;
	if (!link && !(link = link_new(mag, ifindex))) {
		mag_count(mag, MAG_C_LIMIT_LINKS);
		e = mag_event_of(EV_LIMIT, NULL);
		e.ifindex = ifindex;
		memcpy(e.link, name, strnlen(name, sizeof(e.link) - 1));
		mag_limit_event(mag, now, &e, "links");
		return;
	}
	if (!link_describe(link, name, kind, mtu, mac)) {
		list_each (n, &link->nodes) {
			struct mag_node *node = list_owner(n, struct mag_node, in_link);

			if (node->state == MAG_NODE_REGISTERED)
				mag_advertise_start(node, now); /* its MTU or our address changed */
		}
	}
	if (came) {
		e = mag_event_of(EV_LINK_UP, NULL);
		e.ifindex = ifindex;
		memcpy(e.link, link->name, sizeof(e.link));
		fxq_event(mag->fxq, &e);
	}
	probe_begin(mag, now, link);
	mag_settle(mag, now);
}

void mag_link_down(struct mag *mag, struct now now, uint32_t ifindex)
{
	struct mag_link *link = mag_link_find(mag, ifindex);
	struct event e;

	if (!link)
		return;
	list_each_safe (n, &link->nodes)
		mag_node_departed(list_owner(n, struct mag_node, in_link), now, "link-down");
	mag_strangers_forget_link(mag, ifindex);
	e = mag_event_of(EV_LINK_DOWN, NULL);
	e.ifindex = ifindex;
	memcpy(e.link, link->name, sizeof(e.link));
	fxq_event(mag->fxq, &e);
	mag_link_free(mag, link);
	mag_settle(mag, now);
}

/* ---- what is heard ---- */

/* What a packet tells of its sender; the rest of it is for the node, if it is one. */
struct heard {
	const char *trigger;
	struct in6_addr link_local; /* :: not told */
	bool named;		    /* it was sent from a link-local address */
	bool is_nd, is_mld, is_nameless; /* nameless: a report from :: */
	struct nd_msg nd;
	struct mld_packet mld;
	enum mld_err refused; /* MLD_OK: it was not, or is no MLD */
};

static void hear_nd(struct heard *ret)
{
	const struct nd_msg *m = &ret->nd;

	ret->is_nd = true;
	ret->trigger = m->type == ND_RS ? "router-solicitation" : "neighbour-discovery";
	ret->named = addr_is_link_local(&m->src);
	if (ret->named)
		ret->link_local = m->src;
	else if (m->type == ND_NS && addr_is_any(&m->src) && addr_is_link_local(&m->target))
		ret->link_local = m->target; /* it is about to take that address (RFC 4862 5.4.2) */
}

/* False: nothing that a host sends, or broken. */
static bool hear(struct mag *mag, const uint8_t *packet, size_t len, struct heard *ret)
{
	struct ip6_view ip;
	enum nd_err nd;
	enum mld_err mld;

	memset(ret, 0, sizeof(*ret));
	nd = nd_decode(packet, len, &ret->nd);
	if (nd == ND_OK) {
		if (ret->nd.type == ND_RA)
			return false; /* a router, not a mobile node */
		hear_nd(ret);
		return true;
	}
	if (nd != ND_ERR_NOT_ND) {
		mag->nd_errors[nd]++;
		return false;
	}
	mld = mld_decode(packet, len, &ret->mld);
	if (mld == MLD_OK || mld == MLD_ERR_SOURCE_UNSPECIFIED) {
		ret->trigger = "mld";
		ret->is_mld = ret->named = mld == MLD_OK;
		ret->is_nameless = !ret->is_mld;
		if (ret->is_nameless)
			mag_count(mag, MAG_C_MLD_UNSPECIFIED_SOURCE);
		else if (ret->mld.type != MLD_QUERY)
			ret->link_local = ret->mld.src;
		return true;
	}
	if (mld != MLD_ERR_NOT_MLD) {
		mag->mld_errors[mld]++;
		ret->refused = mld;
		return false;
	}
	if (!ip6_parse(packet, len, &ip))
		return false;
	mag_count(mag, MAG_C_LINK_OTHER_PACKET);
	ret->trigger = "data";
	ret->named = addr_is_link_local(&ip.src);
	if (ret->named)
		ret->link_local = ip.src;
	return true;
}

static void heard_node(struct mag *mag, struct now now, struct mag_node *node, const struct heard *seen)
{
	mag_node_heard(node, now, &seen->link_local);
	if (!mag_node_present(node)) {
		mag_count(mag, MAG_C_NODE_NOT_READY);
		return;
	}
	if (node->handover[MAG_HANDOVER_OUT])
		mag_handover_heard(node, now, seen->is_nd && seen->nd.type == ND_RS);
	if (seen->is_nd && seen->nd.type == ND_RS)
		mag_advertise_solicited(node, now);
	if (seen->is_mld)
		mag_listen_recv(node, now, &seen->mld);
	if (seen->is_nameless)
		mag_listen_nameless(node, now);
	else if (seen->named)
		mag_listen_named(node, now);
}

static void query_refused(struct mag *mag, struct now now, const struct mag_node *node, const struct mag_stranger *seen,
			  const uint8_t *packet, size_t len)
{
	struct event e = mag_event_of(EV_MLD_WARNING, node);

	e.ifindex = seen->ifindex;
	e.lladdr = seen->lladdr;
	mag_listen_refused(mag, now, &e, packet, len);
}

/* On a point-to-point link whose node was attached by name alone the first sender is that node. */
static struct mag_node *adopt(struct mag *mag, struct mag_link *link, const struct lladdr *lladdr)
{
	struct list *first = list_first(&link->nodes);
	struct mag_node *node = first ? list_owner(first, struct mag_node, in_link) : NULL;
	struct htab *t = &mag->nodes_by_lladdr;

	if (!node || link->kind != MAG_LINK_POINT_TO_POINT || node->lladdr.len)
		return NULL;
	if (!htab_add(t, &node->by_lladdr, mag_lladdr_hash(t, link->ifindex, lladdr)))
		return NULL;
	node->keyed = true;
	node->lladdr = *lladdr;
	if (node->state == MAG_NODE_REGISTERED)
		mag_node_forward(node);
	return node;
}

/* The first packet of a node that another gateway hands over. */
static struct mag_node *expected(struct mag *mag, struct now now, struct mag_link *link, const struct lladdr *lladdr,
				 const struct heard *h)
{
	struct mag_node *node = mag_handover_expected(mag, lladdr);

	return node && mag_node_arrives(node, now, link, lladdr, &h->link_local, h->trigger) ? node : NULL;
}

static void recv_link(struct mag *mag, struct now now, struct mag_link *link, const struct lladdr *lladdr,
		      const uint8_t *packet, size_t len)
{
	struct mag_node *node = mag_node_find(mag, link->ifindex, lladdr);
	struct mag_stranger *s = node ? NULL : mag_stranger_find(mag, link->ifindex, lladdr);
	struct mag_stranger seen = {.ifindex = link->ifindex, .lladdr = *lladdr};
	struct heard h;

	/* A stranger that the store does not know may send what it likes: nothing of it is decoded. */
	if (s && !s->asking && !s->sent_away) {
		mag_count(mag, MAG_C_STRANGER_HELD);
		return;
	}
	if (!hear(mag, packet, len, &h)) {
		if (h.refused == MLD_ERR_SOURCE)
			query_refused(mag, now, node, &seen, packet, len);
		return;
	}
	if (!node)
		node = expected(mag, now, link, lladdr, &h);
	if (s && s->sent_away) {
		/* Maybe a late packet, maybe its only one: the end of the hold decides. */
		if (!h.is_nd || h.nd.type != ND_RS) {
			s->heard_again = true;
			s->trigger = h.trigger;
			mag_count(mag, MAG_C_STRANGER_HELD);
			return;
		}
		mag_stranger_free(mag, s); /* it begins anew */
		s = NULL;
	}
	if (!node && !s)
		node = adopt(mag, link, lladdr);
	if (node) {
		heard_node(mag, now, node, &h);
		return;
	}
	seen.trigger = h.trigger;
	seen.link_local = h.link_local;
	if (!s && mag_stranger_heard(mag, now, &seen))
		s = mag_stranger_find(mag, link->ifindex, lladdr);
	if (s && addr_is_any(&s->link_local))
		s->link_local = h.link_local;
	if (s && h.is_mld)
		mag_stranger_keep(mag, s, packet, len);
}

void mag_recv_link(struct mag *mag, struct now now, uint32_t ifindex, const uint8_t smac[6], const uint8_t *packet,
		   size_t len)
{
	struct mag_link *link = mag_link_find(mag, ifindex);
	struct lladdr lladdr = lladdr_of(smac, 6);

	if (mag->stopping)
		return;
	if (!link) {
		mag_count(mag, MAG_C_LINK_UNKNOWN);
		return;
	}
	if ((smac[0] & 1) || !memcmp(smac, link->mac, 6) || !memcmp(smac, mac_mag_fixed, 6)) {
		mag_count(mag, MAG_C_LINK_OWN_FRAME); /* nobody else sends from these */
		return;
	}
	recv_link(mag, now, link, &lladdr, packet, len);
	mag_settle(mag, now);
}
