/* SPDX-License-Identifier: BSD-2-Clause */
/* Other gateways that handovers are with: those of the configuration, what they can do, and the tunnels to them. */
#include <string.h>

#include "mag/mag_priv.h"

struct mag_neighbour *mag_neighbour_find(const struct mag *mag, const struct in6_addr *address)
{
	list_each (n, &mag->neighbours) {
		struct mag_neighbour *x = list_owner(n, struct mag_neighbour, in_all);

		if (addr_eq(&x->address, address))
			return x;
	}
	return NULL;
}

void mag_neighbour_release(struct mag_neighbour *n)
{
	if (n->candidate || n->n_handovers)
		return;
	list_del(&n->in_all);
	slab_put(&n->mag->neighbour_slab, n);
}

static struct mag_neighbour *get(struct mag *mag, const struct in6_addr *address)
{
	struct mag_neighbour *n = mag_neighbour_find(mag, address);

	if (n)
		return n;
	n = slab_get(&mag->neighbour_slab);
	if (!n)
		return NULL;
	n->mag = mag;
	n->address = *address;
	list_add(&mag->neighbours, &n->in_all);
	return n;
}

void mag_neighbours_conf(struct mag *mag, struct now now)
{
	const struct mag_conf *c = &mag->conf;

	list_each (i, &mag->neighbours)
		list_owner(i, struct mag_neighbour, in_all)->candidate = false;
	for (uint16_t i = 0; i < c->n_candidates; i++) {
		const struct mag_candidate *x = &c->candidates[i];
		struct mag_neighbour *n;

		if (addr_eq(&x->address, &c->proxy_coa) || !(n = get(mag, &x->address)))
			continue;
		memcpy(n->name, x->name, sizeof(n->name));
		n->candidate = true;
		n->context = x->context;
	}
	list_each_safe (i, &mag->handovers) {
		struct mag_handover *h = list_owner(i, struct mag_handover, in_all);

		if ((!h->with->candidate || !c->handover.enabled) && h->state != MAG_HANDOVER_ENDING)
			mag_handover_drop(h, now, "configuration");
	}
	list_each_safe (i, &mag->neighbours)
		mag_neighbour_release(list_owner(i, struct mag_neighbour, in_all));
}

/* Of one that announces nothing, what the configuration says of it: RFC 7411 has no announcement. */
bool mag_neighbour_knows(const struct mag_neighbour *n, uint16_t feature)
{
	if (!n->heard_capabilities)
		return feature == MH_FEATURE_MULTICAST_MOBILITY && n->context;
	return n->capabilities.features & feature;
}

struct dp_tunnel mag_handover_path(const struct mag_handover *h)
{
	return (struct dp_tunnel){.local = h->mag->conf.proxy_coa, .remote = h->with->address};
}

void mag_handover_tunnel(struct mag_handover *h, bool on)
{
	struct dp_op op = {.kind = on ? DP_TUNNEL_ADD : DP_TUNNEL_DEL, .tunnel = mag_handover_path(h)};

	if (h->tunnel == on)
		return;
	h->tunnel = on;
	if (on ? h->with->n_tunnel++ == 0 : --h->with->n_tunnel == 0)
		fxq_dp(h->mag->fxq, &op);
}

void mag_neighbour_heard(struct mag_neighbour *n, const struct mh_msg *m)
{
	n->heard_capabilities = m->has & MH_HAS_CAPABILITIES;
	n->capabilities = n->heard_capabilities ? m->capabilities : (struct mh_capabilities){0};
}

void mag_neighbours_free(struct mag *mag)
{
	while (!list_empty(&mag->neighbours)) {
		struct mag_neighbour *n = list_owner(list_first(&mag->neighbours), struct mag_neighbour, in_all);

		n->candidate = false;
		mag_neighbour_release(n);
	}
}

static bool is_named(const struct mag_candidate *c, const char *name)
{
	struct in6_addr a;

	if (!strcmp(c->name, name) || (addr_parse(name, &a) && addr_eq(&a, &c->address)))
		return true;
	for (uint8_t i = 0; i < c->n_access_points; i++)
		if (!strcmp(c->access_points[i], name))
			return true;
	return false;
}

struct mag_neighbour *mag_neighbour_named(const struct mag *mag, const char *name)
{
	for (uint16_t i = 0; name && mag->conf.handover.enabled && i < mag->conf.n_candidates; i++)
		if (is_named(&mag->conf.candidates[i], name))
			return mag_neighbour_find(mag, &mag->conf.candidates[i].address);
	return NULL;
}
