/* SPDX-License-Identifier: BSD-2-Clause */
/* Attachment: a node that was identified is registered, moved, or refused (RFC 5213 6.9.1.1); what an operator and the
 * policy store say about it later. Figures 1 to 4 of the draft begin here. */
#include <string.h>

#include "mag/mag_priv.h"

#define HEARD_LATELY span_s(1)

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
	node->halted = node->willing = false;
	node->retries = 0;
	node->n_prefixes = 0; /* of a session that ended: the anchor knows whether it goes on */
	node->transfer.ours = node->unsaid;
	node->unsaid = false;
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
	mag_asked_restore(node, now);
	mag_event(node->mag, EV_NODE_ATTACHED, node, node->trigger);
	mag_registration_send(node, now, MAG_REQUEST_REGISTER);
	mag_reach_watch(node, now);
}

/* The anchor is told that the binding ends, also when it may have accepted one whose answer is still on its way. Said
 * once: whoever calls this has other use for the record than to wait for the answer. */
static void farewell(struct mag_node *node, struct now now)
{
	bool served = node->state == MAG_NODE_REGISTERED;

	mag_registration_cancel(node);
	if (!served && node->state != MAG_NODE_REGISTERING)
		return;
	if (served)
		mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
	mag_transfer_keep(node, now);
	mag_node_become(node, now, MAG_NODE_DEREGISTERING);
	mag_signal_reset(node);
	mag_signal_flush(node->mag, now);
	mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
	mag_registration_cancel(node);
}

void mag_node_reconsider(struct mag_node *node, struct now now)
{
	if (mono_before(now.mono, mono_add(node->heard, HEARD_LATELY))) {
		mag_node_register(node, now);
		return;
	}
	/* It may have left unnoticed since, and be served elsewhere: a registration from here would take it away from
	 * there. */
	node->willing = true;
	mag_reach_probe(node, now);
	mag_set(node->mag, &node->binding, mono_add(now.mono, node->mag->conf.refusal_retry));
}

void mag_node_restart(struct mag_node *node, struct now now, const char *why)
{
	farewell(node, now);
	mag_asked_save(node);
	mag_subs_stop(node);
	if (node->peer)
		mag_peer_leave(node, now);
	node->trigger = why;
	node->n_prefixes = 0;
	node->prefixes_changed = MONO_NEVER;
	mag_node_register(node, now);
}

static bool same_prefixes(const struct profile *a, const struct profile *b)
{
	if (a->n_prefixes != b->n_prefixes)
		return false;
	for (uint8_t i = 0; i < a->n_prefixes; i++)
		if (!prefix_eq(&a->prefixes[i], &b->prefixes[i]))
			return false;
	return true;
}

void mag_node_take_profile(struct mag_node *node, struct now now, const struct profile *p)
{
	const struct profile *old = node->profile;

	if (!same_prefixes(old, p))
		node->prefixes_changed = now.mono;
	node->profile = profile_ref(p);
	profile_unref(old);
	if (!p->multicast)
		mag_asked_drop(node);
}

/* A new profile of an attached node: still permitted here, and at the same anchor? Its prefixes are the anchor's to
 * change: it revokes the binding that has others, and mag_node_prefixes_changed() is why the node is registered again
 * then. */
static void apply_profile(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;
	const struct profile *p = node->profile;
	struct in6_addr lma = addr_is_any(&p->lma) ? c->lma : p->lma;
	bool permitted = p->enabled && profile_allows_mag(p, &c->proxy_coa);

	if (!permitted && node->state != MAG_NODE_REFUSED) {
		farewell(node, now);
		mag_node_refuse(node, now, -1,
				p->enabled ? "profile: not at this gateway" : "profile: no mobility service");
		return;
	}
	if (node->state == MAG_NODE_REFUSED) {
		if (permitted)
			mag_node_reconsider(node, now); /* the administrative action that it waited for */
		return;
	}
	if (!addr_eq(&node->peer->lmaa, &lma)) {
		mag_node_restart(node, now, "profile");
		return;
	}
	mag_subs_profile_changed(node, now);
}

bool mag_node_prefixes_changed(const struct mag_node *node, struct now now)
{
	const struct profile *p = node->profile;
	uint8_t same = 0;

	/* To no prefixes of its own, too: which of those that it holds came from the pools only the anchor knows, which
	 * hears of the change about when we do. */
	if (!mono_is_never(node->prefixes_changed) &&
	    mono_before(now.mono, mono_add(node->prefixes_changed, span_s(10))))
		return true;
	for (uint8_t i = 0; i < p->n_prefixes; i++)
		for (uint8_t k = 0; k < node->n_prefixes; k++)
			same += prefix_eq(&p->prefixes[i], &node->prefixes[k]);
	return node->n_prefixes && p->n_prefixes && same != p->n_prefixes;
}

/* On a point-to-point link there is one node: another one there means that it is gone. */
static void displace(struct mag_link *link, struct mag_node *by, struct now now)
{
	if (link->kind != MAG_LINK_POINT_TO_POINT)
		return;
	list_each_safe (n, &link->nodes) {
		struct mag_node *node = list_owner(n, struct mag_node, in_link);

		if (node != by)
			mag_node_departed(node, now, "another node on its link");
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
	bool news = node->profile->version != p->version;
	struct mag_neighbour *from;

	node->trigger = seen->trigger;
	node->handoff = seen->handoff;
	node->step_done[MAG_STEP_SEEN] = true;
	node->heard = now.mono;
	if (!addr_is_any(&seen->link_local))
		node->link_local = seen->link_local;
	mag_node_take_profile(node, now, p);
	if (node->handover[MAG_HANDOVER_OUT])
		mag_handover_heard(node, now, true);
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
	from = mag_neighbour_find(node->mag, &seen->from);
	if (from && node->state == MAG_NODE_REGISTERING)
		mag_handover_fetch(node, now, from);
}

static bool room_for(struct mag *mag, struct now now, const struct mag_link *link)
{
	if (link->kind == MAG_LINK_SHARED && link->n_nodes >= mag->conf.nodes_per_link_max) {
		mag_count(mag, MAG_C_LIMIT_NODES_LINK);
		struct event e = mag_event_of(EV_LIMIT, NULL);

		e.ifindex = link->ifindex;
		memcpy(e.link, link->name, sizeof(link->name));
		mag_limit_event(mag, now, &e, "nodes-per-link");
		return false;
	}
	return true;
}

bool mag_node_arrives(struct mag_node *node, struct now now, struct mag_link *link, const struct lladdr *lladdr,
		      const struct in6_addr *link_local, const char *trigger)
{
	if (!room_for(node->mag, now, link))
		return false;
	displace(link, node, now);
	return mag_handover_arrived(node, now, link, lladdr, link_local, trigger);
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
	if (node && node->state == MAG_NODE_EXPECTED) {
		mag_node_take_profile(node, now, p);
		(void)mag_node_arrives(node, now, link, &lladdr, &seen->link_local, seen->trigger);
		return;
	}
	if (node && mag_interface_refused(node, now, seen, &lladdr))
		return;
	if (!room_for(mag, now, link)) {
		mag_stranger_hold(mag, now, seen, mag->conf.unknown_hold);
		return;
	}
	if (!node && !(node = mag_node_new(mag, &mn, p))) {
		mag_count(mag, MAG_C_LIMIT_NODES);
		struct event e = mag_event_of(EV_LIMIT, NULL);

		e.mn = mn;
		e.lladdr = lladdr;
		e.ifindex = link->ifindex;
		mag_limit_event(mag, now, &e, "nodes");
		mag_stranger_hold(mag, now, seen, mag->conf.unknown_hold);
		return;
	}
	displace(link, node, now);
	if (!mag_node_join_link(node, link, &lladdr)) {
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
	if (node->state == MAG_NODE_REFUSED && node->willing && !mag->stopping)
		mag_node_register(node, now);
	/* Revoked or left, and now it speaks here again: it came back. */
	if ((node->state == MAG_NODE_HELD || node->state == MAG_NODE_DEREGISTERING) && node->link && !mag->stopping) {
		if (node->handover[MAG_HANDOVER_OUT]) /* whose end was being waited for */
			mag_handover_heard(node, now, true);
		mag_registration_cancel(node);
		node->trigger = "data";
		mag_node_register(node, now);
	}
}

/* ---- requests from outside ---- */

static enum ctl_err attach(struct mag *mag, struct now now, struct mag_stranger *seen)
{
	struct mag_link *link = mag_link_find(mag, seen->ifindex);
	struct mag_node *node;

	if (!link)
		return CTL_NO_SUCH_LINK;
	if (!seen->lladdr.len && !seen->mn.len)
		return CTL_NO_SUCH_NODE;
	node = seen->mn.len ? mag_node_find_mn(mag, &seen->mn) : mag_node_find(mag, seen->ifindex, &seen->lladdr);
	if (!node)
		node = mag_handover_expected(mag, &seen->lladdr);
	if (node && node->state == MAG_NODE_EXPECTED && (seen->lladdr.len || node->lladdr.len)) {
		struct lladdr lladdr = seen->lladdr.len ? seen->lladdr : node->lladdr;

		return mag_node_arrives(node, now, link, &lladdr, &addr_any, seen->trigger) ? CTL_OK : CTL_LIMIT;
	}
	if (node && node->ifindex == seen->ifindex && node->link && node->state == MAG_NODE_REGISTERED &&
	    (!seen->lladdr.len || lladdr_eq(&seen->lladdr, &node->lladdr)))
		return CTL_ALREADY;
	return mag_stranger_heard(mag, now, seen) ? CTL_OK : CTL_LIMIT;
}

enum ctl_err mag_attach(struct mag *mag, struct now now, uint32_t ifindex, const struct lladdr *lladdr,
			const struct nai *mn, uint8_t handoff)
{
	return mag_attach_from(mag, now, ifindex, lladdr, mn, handoff, NULL);
}

enum ctl_err mag_attach_from(struct mag *mag, struct now now, uint32_t ifindex, const struct lladdr *lladdr,
			     const struct nai *mn, uint8_t handoff, const char *from)
{
	struct mag_stranger seen = {.ifindex = ifindex, .trigger = "operator", .handoff = handoff};
	const struct mag_neighbour *n = mag_neighbour_named(mag, from);
	enum ctl_err err;

	mag->now = now;
	if (lladdr)
		seen.lladdr = *lladdr;
	if (mn)
		seen.mn = *mn;
	if (from && !n)
		return CTL_NO_SUCH_MAG;
	if (n) {
		seen.from = n->address;
		seen.handoff = MH_HANDOFF_BETWEEN_MAGS;
	}
	err = attach(mag, now, &seen);
	mag_settle(mag, now);
	return err;
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

static bool names_lladdr(const struct profile *p, const struct lladdr *lladdr)
{
	for (uint8_t i = 0; i < p->n_lladdrs; i++)
		if (lladdr_eq(&p->lladdrs[i], lladdr))
			return true;
	return false;
}

/* The address by which the node was known is not its any more. Whose is it now? One that never was in the profile, as
 * an operator may attach by, is none of the profile's business. */
static void disown(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	struct mag_stranger seen = {.ifindex = node->ifindex, .lladdr = node->lladdr, .trigger = node->trigger};

	seen.link_local = node->link_local;
	mag_node_leave(node, now, true, "its link-layer address was taken from it");
	(void)mag_stranger_heard(mag, now, &seen);
}

/* The profile of a node that is expected decides as if it were asked for now. */
static void expected_changed(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;
	const struct profile *p = node->profile;
	struct in6_addr lma = addr_is_any(&p->lma) ? c->lma : p->lma;

	if (!p->enabled || !profile_allows_mag(p, &c->proxy_coa) || !addr_eq(&lma, &node->peer->lmaa))
		mag_handover_in_ends(node->handover[MAG_HANDOVER_IN], now, true, "profile");
	else
		mag_subs_decide_all(node, now);
}

void mag_profile_changed(struct mag *mag, struct now now, const struct nai *mn, const struct profile *p)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);

	if (p)
		ask_again(mag, now, p);
	if (node && p && mag_node_present(node) && names_lladdr(node->profile, &node->lladdr) &&
	    !names_lladdr(p, &node->lladdr)) {
		mag_event(mag, EV_POLICY_CHANGED, node, NULL);
		disown(node, now);
		mag_settle(mag, now);
		return;
	}
	if (node && !p) {
		mag_node_leave(node, now, true, "removed from the policy store");
	} else if (node) {
		mag_node_take_profile(node, now, p);
		if (node->state == MAG_NODE_EXPECTED) {
			expected_changed(node, now);
		} else if (mag_node_present(node)) { /* a record that is only kept serves a node that comes back */
			mag_event(mag, EV_POLICY_CHANGED, node, NULL);
			apply_profile(node, now);
		}
	}
	mag_settle(mag, now);
}
