/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/ctl_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"

#define CLIENTS_MAX 64
#define REQUEST_MAX (1u << 20)
#define BACKLOG_MAX (64u << 20)	/* what a client has not read */

struct ctl_client {
	struct list link;
	struct ctl_server *server;
	struct bufferevent *bev;
	char *mn, *kind; /* what is monitored; NULL = all */
	bool monitor, closing;
};

struct ctl_server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct list clients;
	unsigned n_clients;
	ctl_request *request;
	void *arg;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void client_free(struct ctl_client *c)
{
	list_del(&c->link);
	c->server->n_clients--;
	bufferevent_free(c->bev);
	free(c->mn);
	free(c->kind);
	free(c);
}

static void send_json(struct ctl_client *c, const json_t *j)
{
	char *line = json_dumps(j, JSON_COMPACT);

	if (!line)
		return;
	bufferevent_write(c->bev, line, strlen(line));
	bufferevent_write(c->bev, "\n", 1);
	free(line);
}

static json_t *malformed(const char *text)
{
	return json_pack("{s:b, s:{s:s, s:s, s:s}}", "ok", 0, "error", "code", "bad-request", "text", text, "remedy",
			 "send one JSON object a line, as docs/control-protocol.md says");
}

static void answer(struct ctl_client *c, const char *line, size_t len)
{
	json_error_t err;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err), *reply;

	if (!request) {
		char text[JSON_ERROR_TEXT_LENGTH + 64];
		snprintf(text, sizeof(text), "the request is not JSON: %s at column %d", err.text, err.column);
		reply = malformed(text);
	} else if (!json_is_object(request)) {
		reply = malformed("the request is not a JSON object");
	} else {
		reply = c->server->request(c->server->arg, c, request);
	}
	if (reply)
		send_json(c, reply);
	json_decref(reply);
	json_decref(request);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct ctl_client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len;
	char *line;

	while (!c->closing && (line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		if (len)
			answer(c, line, len);
		free(line);
	}
	if (!c->closing && evbuffer_get_length(in) > REQUEST_MAX) {
		json_t *j = malformed("the request is longer than 1 MiB");
		send_json(c, j);
		json_decref(j);
		c->closing = true;
		bufferevent_disable(bev, EV_READ);
		evbuffer_drain(in, evbuffer_get_length(in));
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct ctl_client *c = arg;

	(void)bev;
	if (c->closing)
		client_free(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ctl_client *c = arg;

	/* a client may close its sending half and still wait for the answer */
	if ((what & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_output(bev)) > 0) {
		c->closing = true;
		bufferevent_disable(bev, EV_READ);
		return;
	}
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		client_free(c);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int salen, void *arg)
{
	struct ctl_server *s = arg;
	struct ctl_client *c;

	(void)l;
	(void)sa;
	(void)salen;
	if (s->n_clients >= CLIENTS_MAX || !(c = calloc(1, sizeof(*c)))) {
		evutil_closesocket(fd);
		return;
	}
	c->server = s;
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		evutil_closesocket(fd);
		free(c);
		return;
	}
	list_init(&c->link);
	list_add(&s->clients, &c->link);
	s->n_clients++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* A socket left by a daemon that died is removed; one that answers is not ours to take. */
static int clear_stale(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int r = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
	close(fd);
	if (r == 0)
		return -EADDRINUSE;
	if (unlink(sa->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = 0;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int ctl_server_new(struct ctl_server **ret, struct event_base *base, const char *path, const char *group, ctl_request *request,
		   void *arg)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct ctl_server *s;
	struct group *g = NULL;
	int r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (group[0] && !(g = getgrnam(group)))
		return -ENOENT;
	if ((r = make_parent(path)) < 0 || (r = clear_stale(&sa)) < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->base = base;
	s->request = request;
	s->arg = arg;
	list_init(&s->clients);
	mode_t mask = umask(g ? 0117 : 0177);
	s->listener = evconnlistener_new_bind(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
					      (struct sockaddr *)&sa, sizeof(sa));
	r = s->listener ? 0 : -errno;
	umask(mask);
	if (r == 0 && g && chown(path, (uid_t)-1, g->gr_gid) < 0)
		r = -errno;
	if (r < 0) {
		if (s->listener)
			evconnlistener_free(s->listener);
		free(s);
		return r;
	}
	snprintf(s->path, sizeof(s->path), "%s", path);
	*ret = s;
	return 0;
}

struct ctl_server *ctl_server_free(struct ctl_server *s)
{
	if (!s)
		return NULL;
	list_each_safe(n, &s->clients) client_free(list_owner(n, struct ctl_client, link));
	evconnlistener_free(s->listener);
	unlink(s->path);
	free(s);
	return NULL;
}

bool ctl_client_monitor(struct ctl_client *c, const char *mn, const char *kind)
{
	char *m = mn ? strdup(mn) : NULL, *k = kind ? strdup(kind) : NULL;

	if ((mn && !m) || (kind && !k)) {
		free(m);
		free(k);
		return false;
	}
	free(c->mn);
	free(c->kind);
	c->mn = m;
	c->kind = k;
	c->monitor = true;
	return true;
}

static bool wanted(const char *filter, const json_t *event, const char *member)
{
	const char *value = json_string_value(json_object_get(event, member));

	return !filter || (value && strcmp(value, filter) == 0);
}

bool ctl_server_monitored(const struct ctl_server *s)
{
	list_each(n, &s->clients) {
		if (list_owner(n, struct ctl_client, link)->monitor)
			return true;
	}
	return false;
}

void ctl_server_event(struct ctl_server *s, const json_t *event)
{
	list_each_safe(n, &s->clients) {
		struct ctl_client *c = list_owner(n, struct ctl_client, link);
		if (!c->monitor || c->closing || !wanted(c->mn, event, "mn") || !wanted(c->kind, event, "event"))
			continue;
		if (evbuffer_get_length(bufferevent_get_output(c->bev)) > BACKLOG_MAX)
			client_free(c);
		else
			send_json(c, event);
	}
}
