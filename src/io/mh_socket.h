/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Mobility Header messages on a raw socket, one per local address (LMAA or Proxy-CoA). */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct mh_socket;

typedef void mh_socket_recv(void *arg, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes,
			    size_t len);
/* Called after each batch of received messages. */
typedef void mh_socket_batch(void *arg);

/* Binds to `self`, which need not be an address of the host yet. 0 or negative errno. */
int mh_socket_new(struct mh_socket **ret, struct event_base *base, const struct in6_addr *self, mh_socket_recv *recv,
		  mh_socket_batch *batch, void *arg);
struct mh_socket *mh_socket_free(struct mh_socket *s);
/* 0 or negative errno. The source is the socket's address. */
int mh_socket_send(struct mh_socket *s, const struct in6_addr *dst, const uint8_t *bytes, size_t len);
/* Answers a message from `src` with an ICMPv6 Parameter Problem at its octet `pointer`. 0 or negative errno. */
int mh_socket_problem(struct mh_socket *s, const struct in6_addr *src, size_t pointer, const uint8_t *bytes, size_t len);
