/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The control socket: one JSON object a line, both ways (docs/control-protocol.md). */
#include <jansson.h>
#include <stdbool.h>

struct event_base;
struct ctl_server;
struct ctl_client;

/* Answers a request with a whole answer object (new reference). */
typedef json_t *ctl_request(void *arg, struct ctl_client *client, const json_t *request);

/* `group` may use the socket besides root; "" = root alone. 0 or negative errno; -EADDRINUSE: another daemon answers on it. */
int ctl_server_new(struct ctl_server **ret, struct event_base *base, const char *path, const char *group, ctl_request *request,
		   void *arg);
struct ctl_server *ctl_server_free(struct ctl_server *s); /* removes the socket */
/* From now on this client is sent events: of this node, of this kind, or (NULL) of all. False: out of memory. */
bool ctl_client_monitor(struct ctl_client *c, const char *mn, const char *kind);
bool ctl_server_monitored(const struct ctl_server *s);
/* To all clients that monitor such events (members "mn" and "event"). A client that does not read is cut off rather than waited for. */
void ctl_server_event(struct ctl_server *s, const json_t *event);
