/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/link_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/listen.h"

#define BATCH 32
#define PACKET_MAX 65536

struct link_socket {
	int fd;
	struct event *ev;
	link_socket_recv *recv;
	link_socket_batch *batch;
	void *arg;
	uint32_t *allmulti; /* links that were set to it: the kernel counts, and does not tell */
	size_t n_allmulti;
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_ll from[BATCH];
	uint8_t buf[BATCH][9216];
};

/* Offsets from the IPv6 header. ICMPv6 may stand behind a Hop-by-Hop header of 8 octets (MLD); longer ones pass too and are looked at by
 * the decoder. */
static const struct sock_filter icmp6_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),			/* next header */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 2),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),			/* ICMPv6 type */
	BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 0, 6),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 41),			/* length of Hop-by-Hop */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 3),
	/* types of ND and MLD, and the Echo Reply (129) to a probe of the link */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 143, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 129, 0, 2),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 136, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, PACKET_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
	/* Hop-by-Hop of 8 octets: is ICMPv6 next? */
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, PACKET_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct link_socket *s = arg;
	int n = recvmmsg(fd, s->m, BATCH, MSG_DONTWAIT, NULL);

	(void)what;
	for (int i = 0; i < n; i++) {
		const struct sockaddr_ll *from = &s->from[i];

		s->m[i].msg_hdr.msg_namelen = sizeof(*from); /* the kernel has put its own there */
		if (from->sll_pkttype != PACKET_OUTGOING && from->sll_halen == 6)
			s->recv(s->arg, (uint32_t)from->sll_ifindex, from->sll_addr, s->buf[i], s->m[i].msg_len);
	}
	if (n > 0)
		s->batch(s->arg);
}

int link_socket_new(struct link_socket **ret, struct event_base *base, link_socket_recv *recv, link_socket_batch *batch, void *arg)
{
	struct sock_fprog prog = {sizeof(icmp6_filter) / sizeof(icmp6_filter[0]), (struct sock_filter *)icmp6_filter};
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6)};
	struct link_socket *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	for (int i = 0; i < BATCH; i++) {
		s->iov[i] = (struct iovec){s->buf[i], sizeof(s->buf[i])};
		s->m[i].msg_hdr = (struct msghdr){.msg_name = &s->from[i],
						  .msg_namelen = sizeof(s->from[i]),
						  .msg_iov = &s->iov[i],
						  .msg_iovlen = 1};
	}
	s->recv = recv;
	s->batch = batch;
	s->arg = arg;
	/* protocol 0 until the filter stands: nothing unfiltered gets in */
	s->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		err = -errno;
	else
		err = listen_start(s->fd, &all, sizeof(all), base, readable, s, &s->ev);
	if (err)
		link_socket_free(s);
	else
		*ret = s;
	return err;
}

struct link_socket *link_socket_free(struct link_socket *s)
{
	if (!s)
		return NULL;
	listen_stop(s->fd, s->ev);
	free(s->allmulti);
	free(s);
	return NULL;
}

static size_t allmulti_of(const struct link_socket *s, uint32_t ifindex)
{
	size_t i = 0;

	while (i < s->n_allmulti && s->allmulti[i] != ifindex)
		i++;
	return i;
}

static bool allmulti_note(struct link_socket *s, uint32_t ifindex)
{
	uint32_t *v = realloc(s->allmulti, (s->n_allmulti + 1) * sizeof(*v));

	if (!v)
		return false;
	s->allmulti = v;
	v[s->n_allmulti++] = ifindex;
	return true;
}

int link_socket_allmulti(struct link_socket *s, uint32_t ifindex, bool on)
{
	struct packet_mreq mr = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};
	size_t i = allmulti_of(s, ifindex);

	if (on == (i < s->n_allmulti))
		return 0;
	if (on && !allmulti_note(s, ifindex))
		return -ENOMEM;
	if (!on || setsockopt(s->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr)) < 0) {
		int r = on ? -errno : 0;

		s->allmulti[i] = s->allmulti[--s->n_allmulti];
		/* A link that has gone took its own with it. */
		if (!on && setsockopt(s->fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &mr, sizeof(mr)) < 0 && errno != ENODEV)
			r = -errno;
		return r;
	}
	return 0;
}

void link_socket_forget(struct link_socket *s, uint32_t ifindex)
{
	size_t i = allmulti_of(s, ifindex);

	/* Not asked to drop it: the kernel has, and to ask would wait for what it still does with the device. */
	if (i < s->n_allmulti)
		s->allmulti[i] = s->allmulti[--s->n_allmulti];
}

int link_socket_send(struct link_socket *s, uint32_t ifindex, const uint8_t dmac[6], const uint8_t *packet, size_t len)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_IPV6),
				 .sll_ifindex = (int)ifindex,
				 .sll_halen = 6};

	memcpy(to.sll_addr, dmac, 6);
	if (sendto(s->fd, packet, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}
