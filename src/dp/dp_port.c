/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dp/dp_offload.h"

#define RX_BATCH 32
#define RX_ROUNDS 8 /* batches of one socket before the loop has its turn */
#define RX_BUFFER (PACKET_MAX + 128)
#define RCVBUF (32 << 20) /* for when this process does not get its turn; a small packet takes some 800 of it */

struct rx_ring {
	uint8_t *buffers;
	struct iovec iov[RX_BATCH];
	struct mmsghdr messages[RX_BATCH];
	struct sockaddr_storage from[RX_BATCH];
	char control[RX_BATCH][128];
	uint8_t segments[2 * PACKET_MAX];
};

static struct rx_ring *rx_new(void)
{
	struct rx_ring *rx = calloc(1, sizeof(*rx));

	if (!rx)
		return NULL;
	rx->buffers = malloc((size_t)RX_BATCH * RX_BUFFER);
	if (!rx->buffers) {
		free(rx);
		return NULL;
	}
	return rx;
}

static int receive(struct rx_ring *rx, int fd)
{
	for (int i = 0; i < RX_BATCH; i++) {
		rx->iov[i] = (struct iovec){rx->buffers + (size_t)i * RX_BUFFER, RX_BUFFER};
		rx->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &rx->from[i],
			.msg_namelen = sizeof(rx->from[i]),
			.msg_iov = &rx->iov[i],
			.msg_iovlen = 1,
			.msg_control = rx->control[i],
			.msg_controllen = sizeof(rx->control[i]),
		};
	}
	return recvmmsg(fd, rx->messages, RX_BATCH, MSG_DONTWAIT, NULL);
}

/* ---- protocol 41 -------------------------------------------------------------------------------------- */

/* A router on the path says that it is narrower: the kernel has noted it, and now its routes tell. */
static void drain_errors(struct dp *dp, int fd)
{
	char buf[256];

	while (recv(fd, buf, sizeof(buf), MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		;
	list_each(e, &dp->tunnels)
		dp_tunnel_refresh(dp, list_owner(e, struct dp_tun, entry));
}

static bool local_end(const struct dp *dp, const struct in6_addr *a)
{
	for (int i = 0; i < DP_LOCALS_MAX; i++)
		if (!addr_is_any(&dp->conf.locals[i]) && addr_eq(&dp->conf.locals[i], a))
			return true;
	list_each(e, &dp->tunnels)
		if (addr_eq(&list_owner(e, struct dp_tun, entry)->ends.local, a))
			return true;
	return false;
}

/* TCP that never was on a wire, from an eBPF peer on this machine: the pieces are as long as the tunnel carries. */
static void super_packet(struct dp *dp, struct dp_tun *t, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t len,
			 uint8_t ecn, uint32_t label)
{
	struct rx_ring *rx = dp->plane->rx;
	size_t at = 0, used = 0, n;

	while ((n = dp_offload_segment(h, bytes, len, &at, rx->segments + used, sizeof(rx->segments) - used))) {
		dp_plane_from_tunnel(dp, t, rx->segments + used, n, ecn, label);
		used += n;
		if (used > sizeof(rx->segments) - PACKET_MAX) {
			dp_send_flush(dp);
			used = 0;
		}
	}
	dp_send_flush(dp); /* the pieces lie in the one buffer */
}

static void raw_packet(struct dp *dp, struct msghdr *m, uint8_t *bytes, size_t len)
{
	const struct sockaddr_in6 *from = m->msg_name;
	struct dp_tunnel ends = {.remote = from->sin6_addr};
	struct virtio_net_hdr h;
	struct dp_tun *t;
	int tclass = 0;
	uint32_t flow = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ends.local = info.ipi6_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			memcpy(&tclass, CMSG_DATA(c), sizeof(tclass));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_FLOWINFO) {
			memcpy(&flow, CMSG_DATA(c), sizeof(flow));
		}
	}
	t = dp_tun_find(dp, &ends);
	if (t && len < OUTER_LEN) {
		dp_plane_drop(dp, DP_DROP_OUTER_MALFORMED);
	} else if (t && len > t->whole + OUTER_LEN && dp_offload_describe(bytes, len, t->whole, &h)) {
		super_packet(dp, t, &h, bytes, len, tclass & 3, ntohl(flow) & DP_LABEL_MASK);
	} else if (t) {
		dp_offload_finish(bytes, len);
		dp_plane_from_tunnel(dp, t, bytes, len, tclass & 3, ntohl(flow) & DP_LABEL_MASK);
	} else if (local_end(dp, &ends.local)) {
		dp_plane_drop(dp, DP_DROP_OUTER_SOURCE);
	}
}

static void on_raw(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;
	struct rx_ring *rx = dp->plane->rx;

	(void)what;
	for (int round = 0; round < RX_ROUNDS; round++) {
		int n = receive(rx, fd);

		dp->plane->more = n == RX_BATCH;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			drain_errors(dp, fd);
		for (int i = 0; i < n; i++)
			raw_packet(dp, &rx->messages[i].msg_hdr, rx->iov[i].iov_base, rx->messages[i].msg_len);
		dp_send_flush(dp);
		dp_handover_pump(dp);
		if (n < RX_BATCH)
			break;
	}
}

static int raw_open(struct dp *dp)
{
	int one = 1, zero = 0, hops = dp->conf.hop_limit, rcvbuf = RCVBUF;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_IPV6);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWINFO, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, &zero, sizeof(zero)) || /* label 0 is one, too */
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops))) {
		int r = -errno;

		close(fd);
		return r;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)); /* if it may */
	return fd;
}

/* ---- TUN ---------------------------------------------------------------------------------------------- */

static void on_tun(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;
	struct rx_ring *rx = dp->plane->rx;

	(void)what;
	for (int round = 0; round < RX_ROUNDS; round++) {
		int n = 0;

		for (; n < RX_BATCH; n++) {
			uint8_t *p = rx->buffers + (size_t)n * RX_BUFFER;
			ssize_t len = read(fd, p, RX_BUFFER);

			if (len <= 0)
				break;
			dp_plane_from_host(dp, p, (size_t)len);
		}
		dp_send_flush(dp);
		if (n < RX_BATCH)
			break;
	}
}

static int tun_up(struct dp_plane *pl)
{
	struct ifreq req = {0};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", pl->tun_name);
	req.ifr_mtu = 65535; /* the tunnel behind it decides, and says Packet Too Big */
	if (ioctl(fd, SIOCSIFMTU, &req) || ioctl(fd, SIOCGIFFLAGS, &req))
		r = -errno;
	req.ifr_flags |= IFF_UP;
	if (!r && ioctl(fd, SIOCSIFFLAGS, &req))
		r = -errno;
	close(fd);
	return r;
}

static int tun_open(struct dp *dp)
{
	struct dp_plane *pl = dp->plane;
	struct ifreq req = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	struct dp_sysctl *gone = NULL; /* the settings go with the device */
	char path[96];
	int r;

	pl->tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (pl->tun < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "rcdp%%d");
	if (ioctl(pl->tun, TUNSETIFF, &req))
		return -errno;
	snprintf(pl->tun_name, sizeof(pl->tun_name), "%s", req.ifr_name);
	pl->tun_ifindex = if_nametoindex(pl->tun_name);
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/addr_gen_mode", pl->tun_name);
	dp_sysctl_set(&gone, path, "1"); /* no link-local address: nothing lives on it */
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", pl->tun_name);
	dp_sysctl_set(&gone, path, "0");
	r = tun_up(pl);
	dp_sysctl_forget(&gone);
	return r;
}

/* ---- links (user backend) ----------------------------------------------------------------------------- */

static void link_packet(struct dp_link *l, uint8_t *frame, uint8_t *packet, size_t len)
{
	if (l->roles & DP_LINK_ACCESS)
		dp_plane_from_node(l->dp, l, frame + 6, packet, len);
	else if (l->roles & DP_LINK_DOWNSTREAM)
		dp_plane_from_downstream(l->dp, l, packet, len);
	else
		dp_plane_from_upstream(l->dp, l, packet, len);
}

static void link_frame(struct dp_link *l, uint8_t *bytes, size_t len)
{
	struct rx_ring *rx = l->dp->plane->rx;
	struct virtio_net_hdr h;
	uint8_t *frame = bytes + sizeof(h);
	size_t at = 0, used = 0, n;

	if (len < sizeof(h) + ETH_LEN)
		return;
	memcpy(&h, bytes, sizeof(h));
	len -= sizeof(h);
	if (h.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		if (dp_offload_checksum(&h, frame, len))
			link_packet(l, frame, frame + ETH_LEN, len - ETH_LEN);
		else
			dp_plane_drop(l->dp, DP_DROP_INNER_MALFORMED);
		return;
	}
	while ((n = dp_offload_segment(&h, frame + ETH_LEN, len - ETH_LEN, &at, rx->segments + used, sizeof(rx->segments) - used))) {
		link_packet(l, frame, rx->segments + used, n);
		used += n;
		if (used > sizeof(rx->segments) - PACKET_MAX) {
			dp_send_flush(l->dp);
			used = 0;
		}
	}
	dp_send_flush(l->dp); /* the segments lie in the one buffer */
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
	struct dp_link *l = arg;
	struct rx_ring *rx = l->dp->plane->rx;

	(void)what;
	for (int round = 0; round < RX_ROUNDS; round++) {
		int n = receive(rx, fd);

		for (int i = 0; i < n; i++) {
			const struct sockaddr_ll *from = (const struct sockaddr_ll *)&rx->from[i];
			const uint8_t *dmac = (const uint8_t *)rx->iov[i].iov_base + sizeof(struct virtio_net_hdr);

			/* The link's address here may be the fixed one of RFC 6543, which the device does not have. */
			if (from->sll_pkttype != PACKET_OTHERHOST || l->roles & DP_LINK_UPSTREAM ||
			    !memcmp(dmac, mac_mag_fixed, 6))
				link_frame(l, rx->iov[i].iov_base, rx->messages[i].msg_len);
		}
		dp_send_flush(l->dp);
		if (n < RX_BATCH)
			break;
	}
}

/* Of links without nodes only streams are read; unicast takes the kernel's routes. */
static int filter_streams(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_LEN + 24), /* the destination */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xff, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_LEN + 25),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x40000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

static int link_socket(const struct dp_link *l)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IPV6),
				 .sll_ifindex = (int)l->ifindex};
	int one = 1, rcvbuf = RCVBUF, r = 0;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* deaf until bound */

	if (fd < 0)
		return -errno;
	if (!(l->roles & DP_LINK_ACCESS))
		r = filter_streams(fd);
	if (!r && (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
		   setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
		   bind(fd, (struct sockaddr *)&at, sizeof(at))))
		r = -errno;
	if (r) {
		close(fd);
		return r;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf));
	return fd;
}

int dp_plane_listen(struct dp *dp, struct dp_link *l)
{
	const bool all = l->roles & DP_LINK_ACCESS;

	if (l->rx >= 0 && l->rx_all == all)
		return 0; /* a socket opened anew would lose what waits in the old one */
	dp_plane_unlisten(dp, l);
	l->rx = link_socket(l);
	if (l->rx < 0)
		return l->rx;
	l->rx_all = all;
	l->rx_event = event_new(dp->base, l->rx, EV_READ | EV_PERSIST, on_link, l);
	return l->rx_event && !event_add(l->rx_event, NULL) ? 0 : -ENOMEM;
}

void dp_plane_unlisten(struct dp *dp, struct dp_link *l)
{
	if (l->rx_event)
		event_free(l->rx_event);
	if (l->rx >= 0)
		dp_close_later(dp->plane->closer, l->rx);
	l->rx_event = NULL;
	l->rx = -1;
}

/* ---- life --------------------------------------------------------------------------------------------- */

static int frames_open(void)
{
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

int dp_port_open(struct dp *dp, char *why, size_t why_size)
{
	struct dp_plane *pl = dp->plane;
	int r;

	pl->rx = rx_new();
	pl->closer = dp_closer_new();
	pl->raw = dp->conf.multicast_only ? -1 : raw_open(dp);
	pl->frames = frames_open();
	pl->header = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (!pl->rx || !pl->closer || (pl->raw < 0 && !dp->conf.multicast_only) || pl->frames < 0 || pl->header < 0) {
		r = pl->raw < 0 && !dp->conf.multicast_only ? pl->raw : pl->frames < 0 ? pl->frames : -EPERM;
		snprintf(why, why_size, "raw sockets: %s; CAP_NET_RAW and CAP_NET_ADMIN are needed", strerror(-r));
		return r;
	}
	if (dp->conf.multicast_only)
		return 0;
	r = tun_open(dp);
	if (r) {
		snprintf(why, why_size, "TUN device: %s; is /dev/net/tun there, and CAP_NET_ADMIN?", strerror(-r));
		return r;
	}
	pl->raw_event = event_new(dp->base, pl->raw, EV_READ | EV_PERSIST, on_raw, dp);
	pl->tun_event = event_new(dp->base, pl->tun, EV_READ | EV_PERSIST, on_tun, dp);
	if (!pl->raw_event || !pl->tun_event || event_add(pl->raw_event, NULL) || event_add(pl->tun_event, NULL)) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

void dp_port_close(struct dp *dp)
{
	struct dp_plane *pl = dp->plane;
	int *fds[] = {&pl->raw, &pl->frames, &pl->header, &pl->tun};

	if (pl->raw_event)
		event_free(pl->raw_event);
	if (pl->tun_event)
		event_free(pl->tun_event);
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	dp_closer_free(pl->closer);
	if (pl->rx)
		free(pl->rx->buffers);
	free(pl->rx);
}
