/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/dress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/htab.h"
#include "io/log.h"

/* A link whose settings are made. */
struct dressed {
	struct hnode node;
	uint32_t ifindex;
	uint32_t mtu; /* below 1280 the kernel drops the settings, and begins anew above */
	bool mac_refused;
};

struct dress {
	const struct dress_ops *ops;
	void *arg;
	struct htab links; /* dressed.node */
};

static struct dressed *find(const struct dress *d, uint32_t ifindex)
{
	for (struct hnode *h = htab_first(&d->links, htab_hash(&d->links, &ifindex, sizeof(ifindex))); h; h = htab_same(h)) {
		struct dressed *e = hnode_owner(h, struct dressed, node);

		if (e->ifindex == ifindex)
			return e;
	}
	return NULL;
}

static struct dressed *add(struct dress *d, uint32_t ifindex)
{
	struct dressed *e = calloc(1, sizeof(*e));

	if (!e || !htab_add(&d->links, &e->node, htab_hash(&d->links, &ifindex, sizeof(ifindex)))) {
		free(e);
		return NULL;
	}
	e->ifindex = ifindex;
	return e;
}

static bool failed(int r) { return r < 0 && r != -ENODEV; }

static void __attribute__((format(printf, 3, 4))) problem(struct dress *d, const struct link_info *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->ops->problem(d->arg, l->name, text);
}

static void settings(struct dress *d, const struct link_info *l)
{
	static const struct {
		const char *key, *value;
	} all[] = {
		{"accept_ra", "0"},
		/* Neighbour Advertisements of this host say that a router sends them: a node forgets a default router that
		 * answers its probe without that (RFC 4861 7.2.5). By itself it makes the kernel forward nothing. */
		{"forwarding", "1"},
		{"addr_gen_mode", "1"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int r = d->ops->set(d->arg, l->name, all[i].key, all[i].value);

		if (failed(r))
			problem(d, l, "cannot set %s to %s: %s", all[i].key, all[i].value, strerror(-r));
	}
}

static void mac(struct dress *d, struct dressed *e, const struct link_info *l)
{
	int r;

	/* What a device refuses it may take when it is off. */
	if (memcmp(l->mac, mac_mag_fixed, 6) == 0 || (e && e->mac_refused && l->running))
		return;
	r = d->ops->set_mac(d->arg, l->ifindex, mac_mag_fixed);
	if (e)
		e->mac_refused = r < 0;
	if (failed(r))
		problem(d, l, "cannot take the MAC address 00:00:5e:00:52:13: %s; nodes will see another router at each MAG "
			"(or set fixed-mac: no)", strerror(-r));
}

static void addresses(struct dress *d, const struct link_info *l, const struct in6_addr *self)
{
	struct in6_addr there[LINK_LOCALS_MAX];
	bool has = link_info_has(l, self);

	memcpy(there, l->link_locals, sizeof(there)); /* they change as they are deleted */
	for (unsigned i = 0; i < LINK_LOCALS_MAX; i++)
		if (!addr_is_any(&there[i]) && !addr_eq(&there[i], self))
			(void)d->ops->del_address(d->arg, l->ifindex, &there[i]);
	if (has)
		return;
	int r = d->ops->add_address(d->arg, l->ifindex, self);
	if (failed(r))
		problem(d, l, "cannot add the link-local address: %s", strerror(-r));
}

void dress_link(struct dress *d, const struct link_info *l, const struct dress_conf *c)
{
	struct dressed *e = find(d, l->ifindex);
	bool comes = !e || e->mtu != l->mtu;

	/* One that goes down has lost its address. It is to be told of at once, and gets it when it comes back. */
	if (!comes && !l->running && (!c->fixed_mac || memcmp(l->mac, mac_mag_fixed, 6) == 0))
		return;
	if (!e)
		e = add(d, l->ifindex);
	if (c->fixed_mac)
		mac(d, e, l);
	addresses(d, l, &c->self);
	/* Last: while the kernel is busy with the link these do not wait, but try again and again. */
	if (comes)
		settings(d, l);
	if (e)
		e->mtu = l->mtu;
}

void dress_forget(struct dress *d, uint32_t ifindex)
{
	struct dressed *e = find(d, ifindex);

	if (!e)
		return;
	htab_del(&d->links, &e->node);
	free(e);
}

void dress_forget_all(struct dress *d)
{
	for (struct hnode *h; (h = htab_next(&d->links, NULL));)
		dress_forget(d, hnode_owner(h, struct dressed, node)->ifindex);
}

struct dress *dress_new(const struct dress_ops *ops, void *arg)
{
	struct dress *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->ops = ops;
	d->arg = arg;
	htab_init(&d->links, 1);
	return d;
}

struct dress *dress_free(struct dress *d)
{
	if (!d)
		return NULL;
	dress_forget_all(d);
	htab_deinit(&d->links);
	free(d);
	return NULL;
}

/* ---- this host's kernel ---- */

static int kernel_set(void *arg, const char *link, const char *key, const char *value)
{
	char path[128];
	int r = 0;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", link, key);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENODEV : -errno; /* the link went while we were told of it: that news is on its way */
	if (write(fd, value, strlen(value)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int kernel_set_mac(void *arg, uint32_t ifindex, const uint8_t mac_addr[6])
{
	return netlink_set_mac(arg, ifindex, mac_addr);
}

static int kernel_add(void *arg, uint32_t ifindex, const struct in6_addr *a) { return netlink_add_address(arg, ifindex, a, 64); }
static int kernel_del(void *arg, uint32_t ifindex, const struct in6_addr *a) { return netlink_del_address(arg, ifindex, a, 64); }

static void kernel_problem(void *arg, const char *link, const char *text)
{
	(void)arg;
	log_warning("%s: %s", link, text);
}

const struct dress_ops dress_kernel = {kernel_set, kernel_set_mac, kernel_add, kernel_del, kernel_problem};
