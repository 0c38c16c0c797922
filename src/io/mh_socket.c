/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/mh_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/listen.h"
#include "wire/ip6.h"
#include "wire/mh.h"

#define BATCH 64
#define AHEAD 8 /* messages */
#define ANSWERS (16 * 1024) /* octets of what is sent together */
#define ICMP6_HEADER 8
#define ERROR_MAX (1280 - IP6_HDR_LEN) /* an error fits the least that every IPv6 link carries */

/* What is to be sent together. */
struct out {
	unsigned n;
	size_t len;
	struct sockaddr_in6 to[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	uint8_t bytes[ANSWERS];
};

struct mh_socket {
	int fd, icmp;
	struct event *ev;
	struct in6_addr self;
	const struct mh_socket_events *events;
	void *arg;
	bool answering; /* a batch */
	struct out out;
	uint8_t buf[BATCH][MH_LEN_MAX];
};

static void out_flush(struct mh_socket *s)
{
	struct out *o = &s->out;
	unsigned at = 0;

	while (at < o->n) {
		int r = sendmmsg(s->fd, o->m + at, o->n - at, MSG_DONTWAIT);

		if (r < 0) { /* it is the first that did not go */
			s->events->unsent(s->arg, &o->to[at].sin6_addr, -errno);
			r = 1;
		}
		at += (unsigned)r;
	}
	o->n = 0;
	o->len = 0;
}

static void out_add(struct mh_socket *s, const struct sockaddr_in6 *to, const uint8_t *bytes, size_t len)
{
	struct out *o = &s->out;

	if (o->n == BATCH || len > sizeof(o->bytes) - o->len)
		out_flush(s);
	o->to[o->n] = *to;
	o->iov[o->n] = (struct iovec){o->bytes + o->len, len};
	o->m[o->n].msg_hdr = (struct msghdr){
		.msg_name = &o->to[o->n], .msg_namelen = sizeof(*to), .msg_iov = &o->iov[o->n], .msg_iovlen = 1};
	memcpy(o->bytes + o->len, bytes, len);
	o->len += len;
	o->n++;
}

static void answer(struct mh_socket *s, const struct sockaddr_in6 *from, const struct mmsghdr *m, int n)
{
	s->answering = true;
	for (int i = -AHEAD; i < n; i++) {
		if (s->events->ahead && i + AHEAD < n)
			s->events->ahead(s->arg, s->buf[i + AHEAD], m[i + AHEAD].msg_len);
		if (i >= 0)
			s->events->recv(s->arg, &from[i].sin6_addr, &s->self, s->buf[i], m[i].msg_len);
	}
	s->events->batch(s->arg);
	s->answering = false;
	out_flush(s);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct mh_socket *s = arg;
	struct sockaddr_in6 from[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){s->buf[i], MH_LEN_MAX};
		m[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i], .msg_namelen = sizeof(from[i]), .msg_iov = &iov[i], .msg_iovlen = 1};
	}
	/* one batch a turn: the loop's other sources get theirs in between */
	int n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
	if (n > 0)
		answer(s, from, m, n);
}

/* For sending alone: what arrives there is not for us. */
static int icmp_open(const struct sockaddr_in6 *self)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6), one = 1, err;
	struct icmp6_filter none;

	ICMP6_FILTER_SETBLOCKALL(&none);
	if (fd >= 0 && setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &none, sizeof(none)) == 0 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) == 0 &&
	    bind(fd, (const struct sockaddr *)self, sizeof(*self)) == 0)
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int mh_socket_new(struct mh_socket **ret, struct event_base *base, const struct in6_addr *self,
		  const struct mh_socket_events *events, void *arg)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *self};
	int one = 1, no_checksum = -1, err;
	struct mh_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct mh_socket){.fd = -1, .icmp = -1, .self = *self, .events = events, .arg = arg};
	s->fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, MH_NEXT_HEADER);
	/* the decoder verifies the checksum itself, so that a wrong one is counted */
	if (s->fd < 0 || setsockopt(s->fd, IPPROTO_IPV6, IPV6_CHECKSUM, &no_checksum, sizeof(no_checksum)) < 0) {
		err = -errno;
	} else {
		(void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
		err = listen_start(s->fd, &sa, sizeof(sa), base, readable, s, &s->ev);
	}
	if (!err) {
		s->icmp = icmp_open(&sa);
		err = s->icmp < 0 ? s->icmp : 0;
	}
	if (err)
		mh_socket_free(s);
	else
		*ret = s;
	return err;
}

struct mh_socket *mh_socket_free(struct mh_socket *s)
{
	if (!s)
		return NULL;
	listen_stop(s->fd, s->ev);
	if (s->icmp >= 0)
		close(s->icmp);
	free(s);
	return NULL;
}

int mh_socket_send(struct mh_socket *s, const struct in6_addr *dst, const uint8_t *bytes, size_t len)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = *dst};

	if (s->answering && len <= MH_LEN_MAX) {
		out_add(s, &to, bytes, len);
		return 0;
	}
	if (sendto(s->fd, bytes, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* The socket gives no header of the packet with the message: the error quotes one that says the same. */
int mh_socket_problem(struct mh_socket *s, const struct in6_addr *src, size_t pointer, const uint8_t *bytes, size_t len)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = *src};
	uint8_t error[ERROR_MAX];
	struct wr w = wr_of(error, sizeof(error));
	size_t room = sizeof(error) - ICMP6_HEADER - IP6_HDR_LEN;

	wr_u8(&w, ICMP6_PARAM_PROB);
	wr_u8(&w, ICMP6_PARAMPROB_HEADER);
	wr_u16(&w, 0); /* checksum: the kernel's */
	wr_u32(&w, (uint32_t)(IP6_HDR_LEN + pointer));
	ip6_write(&w, src, &s->self, MH_NEXT_HEADER, (uint16_t)len, 64);
	wr_copy(&w, bytes, len < room ? len : room);
	if (w.full || addr_is_any(src) || addr_is_multicast(src)) /* RFC 4443 2.4 (e) */
		return -EINVAL;
	if (sendto(s->icmp, error, w.len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}
