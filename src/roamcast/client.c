/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of the control protocol: lines of JSON over a Unix stream socket. */
#include "roamcast/roamcast.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 30000

struct client {
	int fd;
	char *buf;
	size_t len, room, searched;
};

struct client *client_open(const char *socket_path, bool quiet)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct client *c = calloc(1, sizeof(*c));

	if (!c || strlen(socket_path) >= sizeof(sa.sun_path)) {
		complain(c ? "%s: too long for the path of a socket" : "out of memory", socket_path);
		free(c);
		return NULL;
	}
	strcpy(sa.sun_path, socket_path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return c;
	if (!quiet) {
		const char *remedy = errno == EACCES ? "be root, or a member of the group that control.group names"
						     : "start roamcastd, or name its socket with -s";

		complain("no daemon at %s: %s; %s", socket_path, strerror(errno), remedy);
	}
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	return NULL;
}

struct client *client_close(struct client *c)
{
	if (!c)
		return NULL;
	close(c->fd);
	free(c->buf);
	free(c);
	return NULL;
}

static bool send_all(struct client *c, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* The next line. NULL: end, failure, or silence for longer than the timeout (-1: none). */
static json_t *read_line(struct client *c, int timeout_ms)
{
	for (;;) {
		char *end = c->len > c->searched ? memchr(c->buf + c->searched, '\n', c->len - c->searched) : NULL;
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		ssize_t n;

		if (end) {
			size_t line = (size_t)(end - c->buf) + 1;
			json_t *j = json_loadb(c->buf, line - 1, 0, NULL);

			memmove(c->buf, c->buf + line, c->len - line);
			c->len -= line;
			c->searched = 0;
			return j;
		}
		c->searched = c->len;
		if (c->room - c->len < 4096) {
			size_t room = c->room ? c->room * 2 : 65536;
			char *grown = realloc(c->buf, room);

			if (!grown)
				return NULL;
			c->buf = grown;
			c->room = room;
		}
		do
			n = poll(&p, 1, timeout_ms);
		while (n < 0 && errno == EINTR);
		if (n <= 0) {
			errno = n == 0 ? ETIMEDOUT : errno;
			return NULL;
		}
		n = read(c->fd, c->buf + c->len, c->room - c->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ECONNRESET : errno;
			return NULL;
		}
		c->len += (size_t)n;
	}
}

json_t *client_ask(struct client *c, json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL;

	json_decref(request);
	if (line && send_all(c, line, strlen(line)) && send_all(c, "\n", 1))
		answer = read_line(c, ANSWER_TIMEOUT_MS);
	free(line);
	if (!answer)
		complain("the daemon did not answer: %s", strerror(errno));
	return answer;
}

json_t *client_next(struct client *c)
{
	return read_line(c, -1);
}
