/* SPDX-License-Identifier: BSD-2-Clause */
/* A mobile node at this gateway, from its identification to the end of its record (RFC 5213 6.1, 6.13).
 *
 *   IDENTIFYING ──► REGISTERING ◄──► REGISTERED
 *        │            │  ▲  │          │  │
 *        ▼            ▼  │  └────┬─────┘  │
 *     REFUSED ◄───────┘──┘       ▼        ▼
 *                         DEREGISTERING  HELD ──► gone, or REGISTERING again when it comes back
 *
 * Data is forwarded in REGISTERED and in no other state: entering it programs the data plane, leaving it undoes that. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mag/mag_priv.h"

uint64_t mag_lladdr_hash(const struct htab *t, uint32_t ifindex, const struct lladdr *lladdr)
{
	uint8_t key[sizeof(ifindex) + LLADDR_MAX];

	memcpy(key, &ifindex, sizeof(ifindex));
	memcpy(key + sizeof(ifindex), lladdr->b, lladdr->len);
	return htab_hash(t, key, sizeof(ifindex) + lladdr->len);
}

struct mag_node *mag_node_find(const struct mag *mag, uint32_t ifindex, const struct lladdr *lladdr)
{
	const struct htab *t = &mag->nodes_by_lladdr;

	for (struct hnode *h = htab_first(t, mag_lladdr_hash(t, ifindex, lladdr)); h; h = htab_same(h)) {
		struct mag_node *node = hnode_owner(h, struct mag_node, by_lladdr);

		if (node->ifindex == ifindex && lladdr_eq(&node->lladdr, lladdr))
			return node;
	}
	return NULL;
}

struct mag_node *mag_node_find_mn(const struct mag *mag, const struct nai *mn)
{
	const struct htab *t = &mag->nodes_by_mn;

	for (struct hnode *h = htab_first(t, htab_hash(t, mn->s, mn->len)); h; h = htab_same(h)) {
		struct mag_node *node = hnode_owner(h, struct mag_node, by_mn);

		if (nai_eq(&node->mn, mn))
			return node;
	}
	return NULL;
}

bool mag_node_present(const struct mag_node *node)
{
	switch (node->state) {
	case MAG_NODE_REFUSED:
	case MAG_NODE_REGISTERING:
	case MAG_NODE_REGISTERED:
		return node->link != NULL;
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
	case MAG_NODE_DEREGISTERING:
	case MAG_NODE_HELD:
		return false;
	}
	return false;
}

/* ---- numbers: small and dense, since the data plane indexes by them ---- */

static bool number_take(struct mag *mag, struct mag_node *node)
{
	uint32_t cap = mag->numbers_cap ? mag->numbers_cap * 2 : 64, i;
	struct mag_node **v;

	for (i = mag->numbers_hint ? mag->numbers_hint : 1; i < mag->numbers_cap && mag->numbers[i]; i++)
		;
	if (i >= mag->numbers_cap) {
		v = realloc(mag->numbers, cap * sizeof(struct mag_node *));
		if (!v)
			return false;
		memset(v + mag->numbers_cap, 0, (cap - mag->numbers_cap) * sizeof(struct mag_node *));
		mag->numbers = v;
		mag->numbers_cap = cap;
	}
	mag->numbers[i] = node;
	mag->numbers_hint = i + 1;
	node->number = i;
	return true;
}

static void number_give(struct mag *mag, uint32_t number)
{
	mag->numbers[number] = NULL;
	if (number < mag->numbers_hint)
		mag->numbers_hint = number;
}

/* ---- objects ---- */

static void node_init(struct mag_node *node, struct mag *mag)
{
	const struct mag_conf *c = &mag->conf;

	node->mag = mag;
	node->status = -1;
	node->seq = (uint16_t)rng_u64(&mag->rng);
	list_init(&node->in_link);
	list_init(&node->in_peer);
	list_init(&node->in_dirty);
	list_init(&node->subs);
	limiter_init(&node->updates, c->updates_per_s, c->updates_per_s);
	limiter_init(&node->rs, 1, 3);
	limiter_init(&node->joins, c->joins_per_s, c->joins_burst);
	deadline_init(&node->binding, DL_NODE_BINDING);
	deadline_init(&node->ra, DL_NODE_RA);
	deadline_init(&node->nud, DL_NODE_NUD);
	deadline_init(&node->policy, DL_NODE_POLICY);
	deadline_init(&node->revoked, DL_NODE_REVOKED);
	node->state = MAG_NODE_IDENTIFYING;
}

static struct mag_node *node_new(struct mag *mag, const struct nai *mn, const struct profile *p)
{
	struct mag_node *node = slab_get(&mag->node_slab);

	if (!node)
		return NULL;
	node_init(node, mag);
	node->mn = *mn;
	if (!number_take(mag, node)) {
		slab_put(&mag->node_slab, node);
		return NULL;
	}
	if (!htab_add(&mag->nodes_by_mn, &node->by_mn, htab_hash(&mag->nodes_by_mn, mn->s, mn->len))) {
		number_give(mag, node->number);
		slab_put(&mag->node_slab, node);
		return NULL;
	}
	node->profile = profile_ref(p);
	return node;
}

static void leave_link(struct mag_node *node)
{
	struct mag *mag = node->mag;

	if (node->keyed)
		htab_del(&mag->nodes_by_lladdr, &node->by_lladdr);
	node->keyed = false;
	if (!node->link)
		return;
	list_del(&node->in_link);
	node->link->n_nodes--;
	node->link = NULL;
}

static bool join_link(struct mag_node *node, struct mag_link *link, const struct lladdr *lladdr)
{
	struct htab *t = &node->mag->nodes_by_lladdr;

	leave_link(node);
	if (lladdr->len && !htab_add(t, &node->by_lladdr, mag_lladdr_hash(t, link->ifindex, lladdr)))
		return false;
	node->keyed = lladdr->len != 0;
	node->lladdr = *lladdr;
	node->ifindex = link->ifindex;
	node->link = link;
	list_add(&link->nodes, &node->in_link);
	link->n_nodes++;
	return true;
}

static void clear_deadlines(struct mag_node *node)
{
	struct heap *h = &node->mag->heap;

	heap_clear(h, &node->binding);
	heap_clear(h, &node->ra);
	heap_clear(h, &node->nud);
	heap_clear(h, &node->policy);
	heap_clear(h, &node->revoked);
}

/* The data plane's and the LMA's view of the node end; called when it is served no more, whatever follows. */
static void serve_stop(struct mag_node *node)
{
	struct dp_op op = {.kind = DP_NODE_DEL};

	if (node->member)
		proxy_member_free(node->member);
	node->member = NULL;
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		mag_group_touch(sub->at);
	}
	op.node.node = node->number;
	fxq_dp(node->mag->fxq, &op);
}

static bool serve_start(struct mag_node *node, struct now now)
{
	if (!mag_peer_serve(node->peer, now))
		return false;
	mag_node_forward(node);
	return true;
}

void mag_node_free(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;

	if (node->state == MAG_NODE_REGISTERED)
		serve_stop(node);
	mag_subs_stop(node);
	if (node->peer)
		mag_peer_leave(node, now);
	leave_link(node);
	list_del(&node->in_dirty);
	clear_deadlines(node);
	htab_del(&mag->nodes_by_mn, &node->by_mn);
	number_give(mag, node->number);
	profile_unref(node->profile);
	slab_put(&mag->node_slab, node);
}

/* ---- states ---- */

#define BIT(s) (1u << (s))
static const uint8_t may_become[] = {
	[MAG_NODE_IDENTIFYING] = BIT(MAG_NODE_REGISTERING) | BIT(MAG_NODE_REFUSED),
	[MAG_NODE_UNKNOWN] = 0,
	[MAG_NODE_REFUSED] = BIT(MAG_NODE_REGISTERING) | BIT(MAG_NODE_HELD),
	[MAG_NODE_REGISTERING] = BIT(MAG_NODE_REGISTERED) | BIT(MAG_NODE_REFUSED) | BIT(MAG_NODE_DEREGISTERING) | BIT(MAG_NODE_HELD),
	[MAG_NODE_REGISTERED] = BIT(MAG_NODE_REGISTERING) | BIT(MAG_NODE_REFUSED) | BIT(MAG_NODE_DEREGISTERING) | BIT(MAG_NODE_HELD),
	[MAG_NODE_DEREGISTERING] = BIT(MAG_NODE_REGISTERING),
	[MAG_NODE_HELD] = BIT(MAG_NODE_REGISTERING),
};

bool mag_node_may_become(enum mag_node_state from, enum mag_node_state to) { return may_become[from] & BIT(to); }

void mag_node_become(struct mag_node *node, struct now now, enum mag_node_state to)
{
	enum mag_node_state from = node->state;

	assert(mag_node_may_become(from, to));
	node->state = to;
	if (from == MAG_NODE_REGISTERED)
		serve_stop(node);
	switch (to) {
	case MAG_NODE_REGISTERED:
		if (!serve_start(node, now)) {
			node->state = from;
			mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
			mag_node_refuse(node, now, node->status, "no room for another anchor's tunnel");
			return;
		}
		mag_subs_deliver(node, now);
		return;
	case MAG_NODE_REFUSED:
	case MAG_NODE_DEREGISTERING:
	case MAG_NODE_HELD:
		heap_clear(&node->mag->heap, &node->ra);
		heap_clear(&node->mag->heap, &node->revoked);
		node->bri.pending = false;
		return;
	case MAG_NODE_REGISTERING:
		heap_clear(&node->mag->heap, &node->ra);
		return;
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
		return;
	}
}

void mag_node_refuse(struct mag_node *node, struct now now, int32_t status, const char *why)
{
	struct event e;

	mag_registration_cancel(node);
	if (node->state == MAG_NODE_REGISTERED && node->link)
		mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
	node->status = status;
	if (node->state != MAG_NODE_REFUSED)
		mag_node_become(node, now, MAG_NODE_REFUSED);
	mag_subs_stop(node);
	if (node->peer)
		mag_peer_leave(node, now);
	heap_clear(&node->mag->heap, &node->binding);
	e = mag_event_of(status < 0 ? EV_NODE_REFUSED : EV_NODE_REGISTRATION_FAILED, node);
	e.status = status;
	memcpy(e.detail, why, strnlen(why, sizeof(e.detail) - 1));
	fxq_event(node->mag->fxq, &e);
	mag_reach_watch(node, now);
}

/* ---- attachment ---- */

/* The profile may forbid it; whose anchor is it? NULL with the reason. */
static struct mag_peer *authorise(struct mag_node *node, int32_t *status, const char **why)
{
	const struct mag_conf *c = &node->mag->conf;
	const struct profile *p = node->profile;
	struct in6_addr lma = addr_is_any(&p->lma) ? c->lma : p->lma;
	struct mag_peer *peer;

	*status = -1;
	*why = NULL;
	if (!p->enabled)
		*why = "profile: no mobility service";
	else if (!profile_allows_mag(p, &c->proxy_coa))
		*why = "profile: not at this gateway";
	else if (addr_is_any(&lma))
		*why = "no anchor is configured";
	if (*why)
		return NULL;
	peer = mag_peer_get(node->mag, &lma);
	if (!peer) {
		mag_count(node->mag, MAG_C_LIMIT_PEERS);
		*why = "too many anchors";
	}
	return peer;
}

void mag_node_register(struct mag_node *node, struct now now)
{
	struct mag_peer *peer;
	const char *why;
	int32_t status;

	node->step_done[MAG_STEP_IDENTIFIED] = true;
	node->halted = false;
	node->retries = 0;
	memset(&node->bri, 0, sizeof(node->bri));
	peer = authorise(node, &status, &why);
	if (!peer) {
		mag_node_refuse(node, now, status, why);
		return;
	}
	node->step_done[MAG_STEP_AUTHORISED] = true;
	if (node->peer && node->peer != peer)
		mag_peer_leave(node, now);
	if (!node->peer)
		mag_peer_join(peer, node);
	mag_node_become(node, now, MAG_NODE_REGISTERING);
	mag_subs_start(node, now);
	mag_event(node->mag, EV_NODE_ATTACHED, node, node->trigger);
	mag_registration_send(node, now, MAG_REQUEST_REGISTER);
	mag_reach_watch(node, now);
}

void mag_node_restart(struct mag_node *node, struct now now, const char *why)
{
	mag_registration_cancel(node);
	if (node->state == MAG_NODE_REGISTERED) {
		mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
		mag_node_become(node, now, MAG_NODE_DEREGISTERING);
		mag_signal_reset(node);
		mag_signal_flush(node->mag, now);
		mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
		mag_registration_cancel(node);
	} else if (node->state == MAG_NODE_REGISTERING) {
		mag_node_become(node, now, MAG_NODE_DEREGISTERING);
	}
	mag_subs_stop(node);
	if (node->peer)
		mag_peer_leave(node, now);
	node->trigger = why;
	node->n_prefixes = 0;
	mag_node_register(node, now);
}

/* A new profile of an attached node: still permitted here, at the same anchor, with the same prefixes? */
static void apply_profile(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;
	const struct profile *p = node->profile;
	struct in6_addr lma = addr_is_any(&p->lma) ? c->lma : p->lma;
	bool permitted = p->enabled && profile_allows_mag(p, &c->proxy_coa);

	if (!permitted && node->state != MAG_NODE_REFUSED) {
		bool bound = node->state == MAG_NODE_REGISTERED;

		if (bound) {
			mag_node_become(node, now, MAG_NODE_REGISTERING);
			mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
			mag_signal_reset(node);
			mag_signal_flush(node->mag, now);
			mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
		}
		mag_node_refuse(node, now, -1, p->enabled ? "profile: not at this gateway" : "profile: no mobility service");
		return;
	}
	if (node->state == MAG_NODE_REFUSED) {
		mag_node_register(node, now); /* the administrative action that it waited for */
		return;
	}
	if (!addr_eq(&node->peer->lmaa, &lma)) {
		mag_node_restart(node, now, "profile");
		return;
	}
	mag_subs_profile_changed(node, now);
}

/* On a point-to-point link there is one node: another one there means that it is gone. */
static void displace(struct mag_link *link, struct mag_node *by, struct now now)
{
	if (link->kind != MAG_LINK_POINT_TO_POINT)
		return;
	list_each_safe (n, &link->nodes) {
		struct mag_node *node = list_owner(n, struct mag_node, in_link);

		if (node != by)
			mag_node_leave(node, now, true, "another node on its link");
	}
}

/* The same node, at another place of ours or with another link-layer address: the session goes on. */
static void moved(struct mag_node *node, struct now now)
{
	struct dp_out out = mag_node_output(node);

	mag_node_forward(node);
	if (node->member)
		proxy_member_output(node->member, &out, mag_node_l2_unicast(node));
	if (node->mld)
		mld_link_query(node->mld, now, node->mag->conf.attach_query_response, node->mag->conf.attach_queries,
			       node->mag->conf.attach_query_interval);
	mag_advertise_start(node, now);
	mag_registration_touch(node);
}

static void attached(struct mag_node *node, struct now now, const struct mag_stranger *seen, const struct profile *p)
{
	const struct profile *old = node->profile;
	bool news = old->version != p->version;

	node->trigger = seen->trigger;
	node->handoff = seen->handoff;
	node->step_done[MAG_STEP_SEEN] = true;
	node->heard = now.mono;
	if (!addr_is_any(&seen->link_local))
		node->link_local = seen->link_local;
	node->profile = profile_ref(p);
	profile_unref(old);
	mag_link_quiet(node->mag, node->link);
	if (news && node->peer && (node->state == MAG_NODE_REGISTERED || node->state == MAG_NODE_REGISTERING))
		apply_profile(node, now);
	if (node->state == MAG_NODE_REGISTERED) {
		moved(node, now);
		return;
	}
	node->ask_any_prefix = node->terminated = false;
	mag_registration_cancel(node);
	if (node->state == MAG_NODE_REGISTERING)
		mag_registration_send(node, now, MAG_REQUEST_REGISTER);
	else
		mag_node_register(node, now);
}

static bool room_for(struct mag *mag, struct now now, const struct mag_link *link)
{
	if (link->kind == MAG_LINK_SHARED && link->n_nodes >= mag->conf.nodes_per_link_max) {
		mag_count(mag, MAG_C_LIMIT_NODES_LINK);
		mag_limit_event(mag, now, "nodes-per-link");
		return false;
	}
	return true;
}

void mag_node_identified(struct mag *mag, struct now now, const struct mag_stranger *seen, const struct profile *p)
{
	struct mag_link *link = mag_link_find(mag, seen->ifindex);
	struct lladdr lladdr = seen->lladdr;
	struct nai mn = seen->mn.len ? seen->mn : p->mn; /* a default profile names a realm, the node its own name */
	struct mag_node *node;

	if (!link || !mn.len)
		return;
	if (!lladdr.len && p->n_lladdrs)
		lladdr = p->lladdrs[0];
	node = mag_node_find_mn(mag, &mn);
	if (!room_for(mag, now, link)) {
		mag_stranger_hold(mag, now, seen, mag->conf.unknown_hold);
		return;
	}
	if (!node && !(node = node_new(mag, &mn, p))) {
		mag_count(mag, MAG_C_LIMIT_NODES);
		mag_limit_event(mag, now, "nodes");
		mag_stranger_hold(mag, now, seen, mag->conf.unknown_hold);
		return;
	}
	displace(link, node, now);
	if (!join_link(node, link, &lladdr)) {
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
		mag_node_leave(node, now, true, "out of memory");
		return;
	}
	attached(node, now, seen, p);
}

void mag_node_report(struct mag *mag, struct now now, const struct mag_stranger *seen)
{
	struct mag_node *node = mag_node_find(mag, seen->ifindex, &seen->lladdr);
	struct mld_packet p;

	if (node && mag_node_present(node) && mld_decode(seen->report, seen->report_len, &p) == MLD_OK)
		mag_listen_recv(node, now, &p);
}

void mag_node_heard(struct mag_node *node, struct now now, const struct in6_addr *link_local)
{
	struct mag *mag = node->mag;

	node->heard = now.mono;
	node->nud_tries = 0;
	if (!addr_is_any(link_local))
		node->link_local = *link_local;
	if (node->bri.pending)
		mag_revocation_heard(node, now);
	/* Revoked or left, and now it speaks here again: it came back. */
	if ((node->state == MAG_NODE_HELD || node->state == MAG_NODE_DEREGISTERING) && node->link && !mag->stopping) {
		mag_registration_cancel(node);
		node->trigger = "data";
		mag_node_register(node, now);
	}
}

/* ---- departure ---- */

static void gone(struct mag_node *node, struct now now, const char *why)
{
	mag_event(node->mag, EV_NODE_DETACHED, node, why);
	mag_node_free(node, now);
}

void mag_node_leave(struct mag_node *node, struct now now, bool deregister, const char *why)
{
	bool bound = node->state == MAG_NODE_REGISTERED || node->tx.what == MAG_REQUEST_REGISTER;

	if (node->bri.pending)
		mag_revocation_left(node);
	mag_registration_cancel(node);
	switch (node->state) {
	case MAG_NODE_REGISTERED:
	case MAG_NODE_REGISTERING:
		if (!bound || !deregister) {
			gone(node, now, why);
			return;
		}
		if (node->state == MAG_NODE_REGISTERED && node->link && strcmp(why, "link-down"))
			mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
		mag_node_become(node, now, MAG_NODE_DEREGISTERING);
		leave_link(node);
		heap_clear(&node->mag->heap, &node->nud);
		/* What others still want of the groups that its binding carried is asked for before the binding goes. */
		mag_signal_reset(node);
		mag_signal_flush(node->mag, now);
		mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
		mag_event(node->mag, EV_NODE_DETACHED, node, why);
		mag_subs_stop(node);
		return;
	case MAG_NODE_DEREGISTERING:
	case MAG_NODE_HELD:
		leave_link(node); /* its record has its own end */
		if (!node->mag->stopping)
			return;
		if (node->state == MAG_NODE_HELD)
			mag_node_free(node, now);
		return;
	case MAG_NODE_REFUSED:
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
		gone(node, now, why);
		return;
	}
}

/* ---- requests from outside ---- */

enum ctl_err mag_attach(struct mag *mag, struct now now, uint32_t ifindex, const struct lladdr *lladdr, const struct nai *mn,
			uint8_t handoff)
{
	struct mag_stranger seen = {.ifindex = ifindex, .trigger = "operator", .handoff = handoff};
	struct mag_node *node;

	if (!mag_link_find(mag, ifindex))
		return CTL_NO_SUCH_LINK;
	if (lladdr)
		seen.lladdr = *lladdr;
	if (mn)
		seen.mn = *mn;
	if (!seen.lladdr.len && !seen.mn.len)
		return CTL_NO_SUCH_NODE;
	node = seen.mn.len ? mag_node_find_mn(mag, &seen.mn) : mag_node_find(mag, ifindex, &seen.lladdr);
	if (node && node->ifindex == ifindex && node->link && node->state == MAG_NODE_REGISTERED &&
	    (!seen.lladdr.len || lladdr_eq(&seen.lladdr, &node->lladdr)))
		return CTL_ALREADY;
	if (!mag_stranger_heard(mag, now, &seen))
		return CTL_LIMIT;
	mag_settle(mag, now);
	return CTL_OK;
}

enum ctl_err mag_detach(struct mag *mag, struct now now, const struct nai *mn)
{
	struct mag_stranger sent_away = {.trigger = "operator", .sent_away = true};
	struct mag_node *node = mag_node_find_mn(mag, mn);

	if (!node || node->state == MAG_NODE_DEREGISTERING || node->state == MAG_NODE_HELD)
		return CTL_NO_SUCH_NODE;
	sent_away.ifindex = node->ifindex;
	sent_away.lladdr = node->lladdr;
	mag_node_leave(node, now, true, "operator");
	/* What it still had under way shall not bring it back; a station that associates again will send more. */
	mag_stranger_hold(mag, now, &sent_away, mag->conf.record_hold);
	mag_settle(mag, now);
	return CTL_OK;
}

/* Addresses that the store did not know are its own now. */
static void ask_again(struct mag *mag, struct now now, const struct profile *p)
{
	for (struct hnode *h = htab_next(&mag->links, NULL); h; h = htab_next(&mag->links, h)) {
		const struct mag_link *link = hnode_owner(h, struct mag_link, by_ifindex);

		for (uint8_t i = 0; i < p->n_lladdrs; i++) {
			struct mag_stranger *s = mag_stranger_find(mag, link->ifindex, &p->lladdrs[i]);
			struct mag_stranger again;

			if (!s || s->asking)
				continue;
			again = *s;
			(void)mag_stranger_heard(mag, now, &again);
		}
	}
}

void mag_profile_changed(struct mag *mag, struct now now, const struct nai *mn, const struct profile *p)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);
	const struct profile *old;

	if (p)
		ask_again(mag, now, p);
	if (node && !p) {
		mag_node_leave(node, now, true, "removed from the policy store");
	} else if (node) {
		old = node->profile;
		node->profile = profile_ref(p);
		profile_unref(old);
		if (mag_node_present(node)) { /* a record that is only kept serves a node that comes back */
			mag_event(mag, EV_POLICY_CHANGED, node, NULL);
			apply_profile(node, now);
		}
	}
	mag_settle(mag, now);
}
