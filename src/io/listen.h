/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the sockets that messages come by have in common. */
#include <event2/event.h>
#include <sys/socket.h>

/* Bind `fd`, give it room for a burst, and have the loop call `readable` with `arg`. 0 and *ret, or a negative errno; the
 * descriptor stays the caller's. */
int listen_start(int fd, const void *address, socklen_t len, struct event_base *base, event_callback_fn readable, void *arg,
		 struct event **ret);
void listen_stop(int fd, struct event *ev); /* closes; -1 and NULL are fine */
