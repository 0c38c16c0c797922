/* SPDX-License-Identifier: BSD-2-Clause */
/* What a link needs whichever backend runs: settings of the kernel, and to hear all multicast. */
#include "dp/dp_priv.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int dp_ifinfo_get(uint32_t ifindex, struct dp_ifinfo *ret)
{
	struct dp_ifinfo i = {0};
	struct ifreq req = {0};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (!if_indextoname(ifindex, req.ifr_name) || ioctl(fd, SIOCGIFMTU, &req)) {
		r = -errno;
	} else {
		memcpy(i.name, req.ifr_name, sizeof(i.name));
		i.mtu = (uint32_t)req.ifr_mtu;
		if (!ioctl(fd, SIOCGIFHWADDR, &req) && req.ifr_hwaddr.sa_family == ARPHRD_ETHER)
			memcpy(i.mac, req.ifr_hwaddr.sa_data, 6);
		*ret = i;
	}
	close(fd);
	return r;
}

static int link_sysctl(struct dp_link *l, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", l->name, name);
	return dp_sysctl_set(&l->saved, path, value);
}

static bool link_sysctl_is(const struct dp_link *l, const char *name, char value)
{
	char path[160];
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", l->name, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	c = fgetc(f);
	fclose(f);
	return c == value;
}

/* Streams arrive on groups that the kernel did not join (decision 25). One deaf socket holds it for all links: to close
 * one costs the kernel a grace period. */
static int allmulti_set(struct dp *dp, struct dp_link *l, bool on)
{
	struct packet_mreq m = {.mr_ifindex = (int)l->ifindex, .mr_type = PACKET_MR_ALLMULTI};

	if (l->allmulti == on)
		return 0;
	if (dp->allmulti < 0)
		dp->allmulti = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (dp->allmulti < 0)
		return -errno;
	l->allmulti = false; /* of a link that has gone the kernel has forgotten it */
	if (setsockopt(dp->allmulti, SOL_PACKET, on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP, &m, sizeof(m)))
		return -errno;
	l->allmulti = on;
	return 0;
}

int dp_link_open(struct dp *dp, struct dp_link *l)
{
	const bool unicast = !dp->conf.multicast_only;
	int r = 0;

	if (l->roles & DP_LINK_UPSTREAM && unicast) {
		/* An LMA routes: what the fast path leaves to the kernel, and in the user backend all unicast. */
		r = dp_sysctl_set(&dp->saved, "net/ipv6/conf/all/forwarding", "1");
		if (r)
			return r;
	}
	if (l->roles & (DP_LINK_UPSTREAM | DP_LINK_DOWNSTREAM)) {
		r = allmulti_set(dp, l, true);
		if (r)
			return r;
	}
	if (l->roles & (DP_LINK_TRANSPORT | DP_LINK_UPSTREAM) && unicast) {
		/* Route look-ups for packets of this link are refused otherwise. A link that takes its own
		 * routes from advertisements must go on doing so. */
		if (link_sysctl_is(l, "forwarding", '0') && link_sysctl_is(l, "accept_ra", '1'))
			link_sysctl(l, "accept_ra", "2");
		r = link_sysctl(l, "forwarding", "1");
	}
	return r;
}

void dp_link_close(struct dp_link *l)
{
	if (l->gone) { /* another may have its name by now */
		dp_sysctl_forget(&l->saved);
		return;
	}
	allmulti_set(l->dp, l, false);
	dp_sysctl_restore(&l->saved);
}
