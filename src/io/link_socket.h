/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Neighbour Discovery and MLD on links, as packets: what a MAG hears from nodes and an LMA from its upstream router. One packet socket for all
 * links; a filter in the kernel passes those ICMPv6 types alone. */
#include "base/addr.h"

struct event_base;
struct link_socket;

typedef void link_socket_recv(void *arg, uint32_t ifindex, const uint8_t smac[6], const uint8_t *packet, size_t len);
typedef void link_socket_batch(void *arg);

int link_socket_new(struct link_socket **ret, struct event_base *base, link_socket_recv *recv, link_socket_batch *batch, void *arg);
struct link_socket *link_socket_free(struct link_socket *s);
/* Hear all multicast on this link, or no longer: a real interface filters what nobody joined. */
int link_socket_allmulti(struct link_socket *s, uint32_t ifindex, bool on);
/* The link is gone, and what was set with it. */
void link_socket_forget(struct link_socket *s, uint32_t ifindex);
int link_socket_send(struct link_socket *s, uint32_t ifindex, const uint8_t dmac[6], const uint8_t *packet, size_t len);
