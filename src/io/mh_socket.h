/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Mobility Header messages on a raw socket, one per local address (LMAA or Proxy-CoA). */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct mh_socket;

struct mh_socket_events {
	void (*recv)(void *arg, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes, size_t len);
	/* recv() will be given this message after some others. May be NULL. */
	void (*ahead)(void *arg, const uint8_t *bytes, size_t len);
	void (*batch)(void *arg); /* after each batch of received messages */
	/* What mh_socket_send() took could not be sent, with a negative errno. */
	void (*unsent)(void *arg, const struct in6_addr *dst, int err);
};

/* Binds to `self`, which need not be an address of the host yet. 0 or negative errno. */
int mh_socket_new(struct mh_socket **ret, struct event_base *base, const struct in6_addr *self,
		  const struct mh_socket_events *events, void *arg);
struct mh_socket *mh_socket_free(struct mh_socket *s);
/* Takes a copy. What is sent while a batch is at hand goes out together, behind it. 0 or negative errno. The source is the
 * socket's address. */
int mh_socket_send(struct mh_socket *s, const struct in6_addr *dst, const uint8_t *bytes, size_t len);
/* Answers a message from `src` with an ICMPv6 Parameter Problem at its octet `pointer`. 0 or negative errno. */
int mh_socket_problem(struct mh_socket *s, const struct in6_addr *src, size_t pointer, const uint8_t *bytes, size_t len);
