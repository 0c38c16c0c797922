/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/listen.h"

#include <errno.h>
#include <unistd.h>

#define BURST (8 << 20) /* octets */

int listen_start(int fd, const void *address, socklen_t len, struct event_base *base, event_callback_fn readable, void *arg,
		 struct event **ret)
{
	int room = BURST;
	struct event *ev;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, address, len) < 0)
		return -errno;
	ev = event_new(base, fd, EV_READ | EV_PERSIST, readable, arg);
	if (!ev)
		return -ENOMEM;
	if (event_add(ev, NULL) < 0) {
		event_free(ev);
		return -ENOMEM;
	}
	*ret = ev;
	return 0;
}

void listen_stop(int fd, struct event *ev)
{
	if (ev)
		event_free(ev);
	if (fd >= 0)
		close(fd);
}
