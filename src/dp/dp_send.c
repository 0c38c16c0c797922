/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_plane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

static void chain(struct dp_plane *pl, uint32_t ifindex, uint16_t number)
{
	unsigned i = ifindex % TX_CHAINS;
	struct tx_chain *c = &pl->tx_chains[i];

	if (!pl->tx_is_filled[i]) {
		pl->tx_is_filled[i] = true;
		pl->tx_filled[pl->tx_n_filled++] = (uint8_t)i;
		c->first = number;
	} else {
		pl->tx[c->last].next = number;
	}
	c->last = number;
}

static struct tx_frame *frame(struct dp *dp, uint32_t ifindex, const uint8_t dmac[6], const uint8_t smac[6])
{
	struct dp_plane *pl = dp->plane;
	struct tx_frame *f;

	if (pl->tx_n == TX_MAX)
		dp_send_flush(dp);
	chain(pl, ifindex, (uint16_t)pl->tx_n);
	f = &pl->tx[pl->tx_n++];
	f->next = TX_NONE;
	memcpy(f->header, dmac, 6);
	memcpy(f->header + 6, smac, 6);
	f->header[12] = ETHERTYPE_IPV6 >> 8;
	f->header[13] = ETHERTYPE_IPV6 & 0xff;
	f->to = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_IPV6),
		.sll_ifindex = (int)ifindex,
		.sll_halen = 6,
	};
	memcpy(f->to.sll_addr, dmac, 6);
	return f;
}

static void frame_payload(struct tx_frame *f, size_t header_len, const struct dp_pkt *p, struct dp_count *count)
{
	f->iov[0] = (struct iovec){f->header, header_len};
	f->iov[1] = (struct iovec){p->bytes, p->len};
	f->count = count;
	f->bytes = (uint32_t)p->len;
}

void dp_send_link(struct dp *dp, const struct dp_pkt *p, const struct dp_link *l, const uint8_t dmac[6],
		  struct dp_count *count)
{
	frame_payload(frame(dp, l->ifindex, dmac, l->mac), ETH_LEN, p, count);
}

/* The word with version, traffic class and flow label is the inner one's, as in src/bpf/dp.bpf.c, but for a label. */
static void outer_header(uint8_t *h, const struct dp *dp, const struct dp_pkt *p, const struct dp_tun *t, uint32_t label)
{
	memcpy(h, p->bytes, 4);
	if (label != DP_LABEL_NONE) {
		h[1] = (uint8_t)((h[1] & 0xf0) | label >> 16);
		h[2] = (uint8_t)(label >> 8);
		h[3] = (uint8_t)label;
	}
	h[4] = (uint8_t)(p->len >> 8);
	h[5] = (uint8_t)p->len;
	h[6] = IPPROTO_IPV6;
	h[7] = dp->conf.hop_limit;
	memcpy(h + 8, &t->ends.local, 16);
	memcpy(h + 24, &t->ends.remote, 16);
}

/* The kernel finds the way, and makes the outer fragments where they are needed. */
static void send_raw(struct dp *dp, const struct dp_pkt *p, struct dp_tun *t, struct dp_count *count, uint32_t label)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = t->ends.remote};
	struct iovec iov = {p->bytes, p->len};
	union {
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr m = {&to, sizeof(to), &iov, 1, control.space, sizeof(control.space), 0};
	struct in6_pktinfo info = {.ipi6_addr = t->ends.local};
	int tclass = (p->bytes[0] & 0xf) << 4 | p->bytes[1] >> 4;
	uint32_t word = label == DP_LABEL_NONE ? (uint32_t)(p->bytes[1] & 0xf) << 16 | p->bytes[2] << 8 | p->bytes[3] : label;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	c = CMSG_NXTHDR(&m, c);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(tclass)), IPPROTO_IPV6, IPV6_TCLASS};
	memcpy(CMSG_DATA(c), &tclass, sizeof(tclass));
	c = CMSG_NXTHDR(&m, c);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(word)), IPPROTO_IPV6, IPV6_FLOWINFO};
	word = htonl(word | (uint32_t)tclass << 20);
	memcpy(CMSG_DATA(c), &word, sizeof(word));
	if (sendmsg(dp->plane->raw, &m, MSG_DONTWAIT) < 0) {
		dp_plane_drop(dp, errno == ENETUNREACH || errno == EHOSTUNREACH ? DP_DROP_NO_NEIGHBOUR : DP_DROP_OUTPUT);
		return;
	}
	count->packets++;
	count->bytes += p->len;
}

void dp_send_tunnel(struct dp *dp, const struct dp_pkt *p, struct dp_tun *t, struct dp_count *count, uint32_t label)
{
	struct tx_frame *f;

	if (!count)
		count = &t->out;
	if (!t->nh.valid || p->len > t->whole) {
		send_raw(dp, p, t, count, label);
		return;
	}
	f = frame(dp, t->nh.ifindex, t->nh.dmac, t->nh.smac);
	outer_header(f->header + ETH_LEN, dp, p, t, label);
	frame_payload(f, ETH_LEN + OUTER_LEN, p, count);
}

static void sent(const struct tx_frame *f)
{
	if (f->count) {
		f->count->packets++;
		f->count->bytes += f->bytes;
	}
}

/* What goes to one device goes together: it, and what lies behind it, are in the processor's cache then. */
static unsigned put_in_order(struct dp_plane *pl, struct tx_frame *order[TX_MAX])
{
	unsigned n = 0;

	for (unsigned c = 0; c < pl->tx_n_filled; c++) {
		for (uint16_t i = pl->tx_chains[pl->tx_filled[c]].first; i != TX_NONE; i = pl->tx[i].next) {
			struct tx_frame *f = &pl->tx[i];

			pl->tx_messages[n].msg_hdr = (struct msghdr){
				.msg_name = &f->to, .msg_namelen = sizeof(f->to), .msg_iov = f->iov, .msg_iovlen = 2};
			order[n++] = f;
		}
		pl->tx_is_filled[pl->tx_filled[c]] = false;
	}
	pl->tx_n = pl->tx_n_filled = 0;
	return n;
}

void dp_send_flush(struct dp *dp)
{
	struct dp_plane *pl = dp->plane;
	struct tx_frame *order[TX_MAX];
	unsigned n = put_in_order(pl, order), at = 0;

	while (at < n) {
		int r = sendmmsg(pl->frames, pl->tx_messages + at, n - at, MSG_DONTWAIT);

		if (r <= 0) { /* the first of them did not go */
			dp_plane_drop(dp, DP_DROP_OUTPUT);
			at++;
			continue;
		}
		for (int i = 0; i < r; i++)
			sent(order[at + (unsigned)i]);
		at += (unsigned)r;
	}
}

int dp_send_routed(struct dp *dp, const uint8_t *packet, size_t len)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6};

	if (len < OUTER_LEN)
		return -EINVAL;
	memcpy(&to.sin6_addr, packet + 24, 16);
	return sendto(dp->plane->header, packet, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
