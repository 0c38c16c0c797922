/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/plug.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/batch.h"
#include "lab/netns.h"
#include "lab/say.h"

/* Interface indices that are given, so that the two ends of a pair never have the same: Linux would take them for one
 * device, and tell about its carrier (to a bridge, or by netlink) up to a second late. What is not given counts from 2.
 * The far end of a node's link keeps its index on all its travels. */
enum {
	INDEX_TRANSPORT = 5000,
	INDEX_UPSTREAM,
	INDEX_SHARED,
	INDEX_ACCESS = 10000, /* and one more for each node */
};

/* A router or host of the domain has the addresses that it is given and no others. */
static const char *const fixed_node[] = {
    "ipv6/conf/all/accept_ra",
    "0",
    "ipv6/conf/default/accept_ra",
    "0",
    "ipv6/conf/all/accept_dad",
    "0",
    "ipv6/conf/default/accept_dad",
    "0",
    "ipv6/conf/default/router_solicitations",
    "0",
    NULL,
};

/* A switch has no addresses at all: nothing but what passes through it shall be on its links. */
static const char *const plain_switch[] = {
    "ipv6/conf/all/disable_ipv6", "1", "ipv6/conf/default/disable_ipv6", "1", NULL,
};

/* ---- one call for many namespaces ------------------------------------------------------------------------- */

typedef void each_node(struct lab *lab, const char *node, void *arg);

static void for_each_node(struct lab *lab, each_node *each, void *arg)
{
	each(lab, "net", arg);
	each(lab, "rtr", arg);
	each(lab, "src", arg);
	for (size_t i = 0; i < lab->n_lmas; i++)
		each(lab, lab->lmas[i].name, arg);
	for (size_t i = 0; i < lab->n_mags; i++)
		if (!lab->mags[i].with[0])
			each(lab, lab->mags[i].name, arg);
	for (size_t i = 0; i < lab->n_mns; i++)
		each(lab, lab->mns[i].name, arg);
}

static void add_netns(struct lab *lab, const char *node, void *arg)
{
	batch_add(arg, "netns add %s-%s", lab->prefix, node);
}

static void del_netns(struct lab *lab, const char *node, void *arg)
{
	char name[LAB_PATH_MAX];
	if (netns_exists(lab_netns(lab, node, name)))
		batch_add(arg, "netns del %s", name);
}

struct taken {
	char name[LAB_PATH_MAX];
};

static void find_taken(struct lab *lab, const char *node, void *arg)
{
	struct taken *t = arg;
	char name[LAB_PATH_MAX];
	if (netns_exists(lab_netns(lab, node, name)))
		memcpy(t->name, name, sizeof(name));
}

static int set_in(struct lab *lab, const char *node, const char *const pairs[])
{
	char name[LAB_PATH_MAX];
	int r = netns_set(lab_netns(lab, node, name), pairs);
	if (r)
		lab_say("%s: settings of the kernel: %s", name, strerror(-r));
	return r;
}

/* ---- building --------------------------------------------------------------------------------------------- */

/* Both switches. The upstream one is a querier, and its forwarding table the independent judge of what was
 * joined: a kernel bridge with snooping sends a group only where it was asked for. It turns querier last, when
 * its intervals stand: for one response interval after that it floods. */
static int build_switches(struct lab *lab)
{
	char ns[LAB_PATH_MAX];
	int r = set_in(lab, "net", plain_switch);
	if (!r)
		r = set_in(lab, "rtr", fixed_node);
	if (!r)
		r = batch_one(lab_netns(lab, "net", ns), "link add br0 type bridge mcast_snooping 0 stp_state 0");
	if (r)
		return r;
	struct batch b = {0};
	batch_add(&b, "link set lo up");
	batch_add(&b, "link add br0 type bridge stp_state 0 mcast_snooping 1 mcast_mld_version 2 mcast_hash_max 65536 "
		      "mcast_query_interval 1000 mcast_query_response_interval 100 mcast_startup_query_interval 100 "
		      "mcast_startup_query_count 3 mcast_last_member_interval 50 mcast_last_member_count 2 "
		      "mcast_membership_interval 2500 mcast_querier_interval 2500");
	batch_add(&b, "address add 2001:db8:aaaa::1/64 dev br0 nodad");
	batch_add(&b, "link set br0 up");
	batch_add(&b, "link set br0 type bridge mcast_querier 1");
	r = batch_run(&b, lab_netns(lab, "rtr", ns), false);
	if (!r)
		r = batch_one(lab_netns(lab, "net", ns), "link set br0 up");
	return r;
}

static int build_source(struct lab *lab)
{
	char ns[LAB_PATH_MAX], a[LAB_ADDR_MAX], p[LAB_ADDR_MAX];
	struct batch b = {0};
	int r = set_in(lab, "src", fixed_node);
	if (r)
		return r;
	batch_add(&b, "link set lo up");
	batch_add(&b, "link add up0 index %d type veth peer name src netns %s", INDEX_UPSTREAM,
		  lab_netns(lab, "rtr", ns));
	batch_add(&b, "address add " LAB_SRC_ADDR "/64 dev up0 nodad");
	batch_add(&b, "link set up0 up");
	for (size_t i = 0; i < lab->n_lmas; i++)
		batch_add(&b, "route add %s via %s", lab_lma_pool(i, p), lab_lma_upstream(i, a));
	r = batch_run(&b, lab_netns(lab, "src", ns), false);
	if (!r)
		r = batch_one(lab_netns(lab, "rtr", ns), "link set src master br0 up");
	return r;
}

static int build_lma(struct lab *lab, size_t i)
{
	char ns[LAB_PATH_MAX], rtr[LAB_PATH_MAX], net[LAB_PATH_MAX], a[LAB_ADDR_MAX];
	const char *name = lab->lmas[i].name;
	struct batch b = {0};
	int r = set_in(lab, name, fixed_node);
	if (r)
		return r;
	lab_netns(lab, "rtr", rtr);
	lab_netns(lab, "net", net);
	batch_add(&b, "link set lo up");
	batch_add(&b, "link add up0 index %d type veth peer name %s netns %s", INDEX_UPSTREAM, name, rtr);
	batch_add(&b, "link add tr0 index %d type veth peer name %s netns %s", INDEX_TRANSPORT, name, net);
	batch_add(&b, "address add %s/64 dev up0 nodad", lab_lma_upstream(i, a));
	batch_add(&b, "address add %s/64 dev tr0 nodad", lab_lma_addr(i, a));
	batch_add(&b, "link set up0 up");
	batch_add(&b, "link set tr0 up");
	r = batch_run(&b, lab_netns(lab, name, ns), false);
	if (!r)
		r = batch_one(rtr, "link set %s master br0 up", name);
	if (!r)
		r = batch_one(net, "link set %s master br0 up", name);
	return r;
}

/* A cable with a relay in it (relay.h), between the interface NAME, whose other end is the MAG's, and NAME-d, whose
 * other end NAME-b is the switch's. */
static void add_detour(const struct lab_mag *mag, struct batch *net)
{
	batch_add(net, "link set %s up", mag->name);
	batch_add(net, "link add %s-d type veth peer name %s-b", mag->name, mag->name);
	batch_add(net, "link set %s-d up", mag->name);
	batch_add(net, "link set %s-b master br0 up", mag->name);
}

/* The relay passes frames as they are: whoever sends them to it finishes them. */
static int finish_frames(const struct lab *lab, const struct lab_mag *mag)
{
	char ns[LAB_PATH_MAX], dev[LAB_NODE_MAX + 2];
	int r = netns_offload_off(lab_netns(lab, mag->name, ns), "tr0");
	snprintf(dev, sizeof(dev), "%s-b", mag->name);
	if (!r)
		r = netns_offload_off(lab_netns(lab, "net", ns), dev);
	if (r)
		lab_say("%s: offloads off: %s", mag->name, strerror(-r));
	return r;
}

/* One that shares an LMA's namespace has only its address and its access links there. */
static int build_mag(struct lab *lab, size_t i)
{
	char ns[LAB_PATH_MAX], net[LAB_PATH_MAX], a[LAB_ADDR_MAX];
	const struct lab_mag *mag = &lab->mags[i];
	struct batch b = {0}, far = {0};
	bool own = !mag->with[0];
	int r = own ? set_in(lab, mag->name, fixed_node) : 0;
	if (r)
		return r;
	lab_netns(lab, "net", net);
	if (own) {
		batch_add(&b, "link set lo up");
		batch_add(&b, "link add tr0 index %d type veth peer name %s netns %s", INDEX_TRANSPORT, mag->name, net);
		if (mag->delay.ns)
			add_detour(mag, &far);
		else
			batch_add(&far, "link set %s master br0 up", mag->name);
	}
	batch_add(&b, "address add %s/64 dev tr0 nodad", lab_mag_addr(i, a));
	batch_add(&b, "link set tr0 up");
	if (mag->shared) {
		batch_add(&b, "link add acc0 index %d type veth peer name a%s netns %s", INDEX_SHARED, mag->name, net);
		batch_add(&b, "link set acc0 up");
		batch_add(&far, "link add cell%zu type bridge mcast_snooping 0 stp_state 0", i + 1);
		batch_add(&far, "link set cell%zu up", i + 1);
		batch_add(&far, "link set a%s master cell%zu up", mag->name, i + 1);
	}
	r = batch_run(&b, lab_netns(lab, mag->name, ns), false);
	if (!r)
		r = batch_run(&far, net, false);
	return r || !mag->delay.ns ? r : finish_frames(lab, mag);
}

/* An ordinary Linux host with its defaults, whose link leads nowhere yet. */
static int build_mn(struct lab *lab, size_t i)
{
	char ns[LAB_PATH_MAX], net[LAB_PATH_MAX], mac[LAB_ADDR_MAX];
	lab_netns(lab, lab->mns[i].name, ns);
	int r = batch_one(lab_netns(lab, "net", net),
			  "link add acc%zu index %zu type veth peer name eth0 address %s netns %s", i + 1,
			  INDEX_ACCESS + i, lab_mn_mac(i, mac), ns);
	if (r)
		return r;
	struct batch b = {0};
	batch_add(&b, "link set lo up");
	batch_add(&b, "link set eth0 up");
	return batch_run(&b, ns, false);
}

int plug_check_free(struct lab *lab)
{
	struct taken taken = {.name = ""};
	for_each_node(lab, find_taken, &taken);
	if (!taken.name[0])
		return 0;
	lab_say("namespace %s exists and is of no lab: take another --prefix, or remove it (`ip netns del %s`)",
		taken.name, taken.name);
	return -EEXIST;
}

int plug_build(struct lab *lab)
{
	struct batch b = {0};
	for_each_node(lab, add_netns, &b);
	int r = batch_run(&b, NULL, false);
	if (!r)
		r = build_switches(lab);
	if (!r)
		r = build_source(lab);
	for (size_t i = 0; !r && i < lab->n_lmas; i++)
		r = build_lma(lab, i);
	for (size_t i = 0; !r && i < lab->n_mags; i++)
		r = build_mag(lab, i);
	for (size_t i = 0; !r && i < lab->n_mns; i++)
		r = build_mn(lab, i);
	return r;
}

void plug_demolish(struct lab *lab)
{
	struct batch b = {0};
	for_each_node(lab, del_netns, &b);
	batch_run(&b, NULL, true);
}

/* ---- plugging --------------------------------------------------------------------------------------------- */

const char *plug_access_name(const struct lab *lab, const struct lab_mn *mn, const struct lab_mag *mag, char buf[16])
{
	if (mag->shared)
		snprintf(buf, 16, "acc0");
	else
		snprintf(buf, 16, "acc%u", (unsigned)lab_index_of_mn(lab, mn) + 1);
	return buf;
}

/* Where the far end is now: in the MAG itself, or in `net` (attached nowhere, or to a shared link). */
static void far_end(struct lab *lab, const struct lab_mag *mag, char ns[LAB_PATH_MAX])
{
	lab_netns(lab, mag && !mag->shared ? mag->name : "net", ns);
}

/* Take the far ends of those nodes that are at `old` (NULL: nowhere) to namespace `to`, switched off. */
static int unplug(struct lab *lab, struct lab_mn *const mns[], size_t n, const struct lab_mag *old, const char *to)
{
	char from[LAB_PATH_MAX];
	struct batch b = {0};
	far_end(lab, old, from);
	for (size_t k = 0; k < n; k++) {
		size_t i = lab_index_of_mn(lab, mns[k]) + 1;
		if (strcmp(mns[k]->at, old ? old->name : "") != 0)
			continue;
		batch_add(&b, "link set acc%zu down", i);
		if (old && old->shared)
			batch_add(&b, "link set acc%zu nomaster", i);
		if (strcmp(from, to) != 0)
			batch_add(&b, "link set acc%zu netns %s", i, to);
	}
	return batch_run(&b, from, false);
}

int plug_move_all(struct lab *lab, struct lab_mn *const mns[], size_t n, const struct lab_mag *mag, mono_t *ret_up)
{
	char to[LAB_PATH_MAX], dev[16];
	struct batch b = {0};
	far_end(lab, mag, to);
	int r = unplug(lab, mns, n, NULL, to);
	for (size_t m = 0; !r && m < lab->n_mags; m++)
		r = unplug(lab, mns, n, &lab->mags[m], to);
	for (size_t k = 0; k < n; k++) {
		size_t i = lab_index_of_mn(lab, mns[k]) + 1;
		mns[k]->at[0] = '\0';
		if (!mag)
			continue;
		/* Each MAG has its own hardware. A daemon that wants the same link-layer address everywhere sets it. */
		batch_add(&b, "link set acc%zu address 02:52:4d:%02x:%02x:%02x", i,
			  (unsigned)(lab_index_of_mag(lab, mag) + 1) & 255, (unsigned)(i >> 8) & 255,
			  (unsigned)i & 255);
		if (mag->shared)
			batch_add(&b, "link set acc%zu master cell%zu", i, lab_index_of_mag(lab, mag) + 1);
	}
	if (!r && mag)
		r = batch_run(&b, to, false);
	if (ret_up)
		*ret_up = proc_clock();
	for (size_t k = 0; !r && mag && k < n; k++) {
		snprintf(dev, sizeof(dev), "acc%zu", lab_index_of_mn(lab, mns[k]) + 1);
		if ((r = netns_link_up(to, dev)) < 0)
			lab_say("%s: %s: %s", to, dev, strerror(-r));
		else
			snprintf(mns[k]->at, sizeof(mns[k]->at), "%s", mag->name);
	}
	free(b.text);
	return r;
}

int plug_move(struct lab *lab, struct lab_mn *mn, const struct lab_mag *mag, mono_t *ret_up)
{
	return plug_move_all(lab, &mn, 1, mag, ret_up);
}
