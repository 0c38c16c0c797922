/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The plane in user space: dp_plane.c decides, dp_port.c receives, dp_send.c sends. */
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "base/limiter.h"
#include "dp/dp_close.h"
#include "dp/dp_packet.h"
#include "dp/dp_priv.h"

#define TX_MAX 1024 /* frames sent by one system call */
#define TX_CHAINS 256
#define TX_NONE UINT16_MAX
#define ETH_LEN 14
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11 /* of linux/in6.h, which does not go with netinet/in.h */
#endif

/* A frame waiting to be sent: its headers, and the packet where it was received. */
struct tx_frame {
	uint8_t header[ETH_LEN + OUTER_LEN];
	struct iovec iov[2];
	struct sockaddr_ll to;
	struct dp_count *count; /* raised when it has gone; may be NULL */
	uint32_t bytes;
	uint16_t next; /* of its chain, or TX_NONE */
};

/* The frames for one device, oldest first; for those, too, whose number has the same rest. */
struct tx_chain {
	uint16_t first, last;
};

struct dp_plane {
	int raw;   /* protocol 41: what the kernel delivers to tunnel ends here, and outer fragments to make */
	int header; /* sends whole packets by the kernel's routes */
	int frames; /* AF_PACKET, to send */
	int tun;
	uint32_t tun_ifindex;
	char tun_name[IF_NAMESIZE];
	struct event *raw_event, *tun_event;
	struct limiter errors;
	struct tx_frame tx[TX_MAX];
	struct mmsghdr tx_messages[TX_MAX];
	struct tx_chain tx_chains[TX_CHAINS]; /* by the device's number; those named in tx_filled */
	uint8_t tx_filled[TX_CHAINS];
	bool tx_is_filled[TX_CHAINS];
	unsigned tx_n, tx_n_filled;
	bool more; /* the tunnels' socket was not read to its end */
	struct dp_closer *closer; /* of the links' sockets */
	struct rx_ring *rx; /* buffers, shared by all sockets since they are read one after another */
};

static inline void dp_plane_drop(struct dp *dp, enum dp_drop reason) { dp->drops[reason]++; }

/* dp_send.c. They queue; what they point to must stand until dp_send_flush(). */
void dp_send_link(struct dp *dp, const struct dp_pkt *p, const struct dp_link *l, const uint8_t dmac[6],
		  struct dp_count *count);
/* `count`: of the output that the copy is for; NULL = the tunnel's own. `label`: the outer flow label; DP_LABEL_NONE = the
 * inner one's. */
void dp_send_tunnel(struct dp *dp, const struct dp_pkt *p, struct dp_tun *t, struct dp_count *count, uint32_t label);
void dp_send_flush(struct dp *dp);
int dp_send_routed(struct dp *dp, const uint8_t *packet, size_t len); /* by the kernel's routes, as this host's own */

/* dp_plane.c: a packet came in. */
void dp_plane_from_tunnel(struct dp *dp, struct dp_tun *t, uint8_t *inner, size_t len, uint8_t outer_ecn, uint32_t label);
void dp_plane_from_host(struct dp *dp, uint8_t *packet, size_t len); /* out of the TUN device */
void dp_plane_from_node(struct dp *dp, struct dp_link *l, const uint8_t mac[6], uint8_t *packet, size_t len);
void dp_plane_from_upstream(struct dp *dp, struct dp_link *l, uint8_t *packet, size_t len);
void dp_plane_from_downstream(struct dp *dp, struct dp_link *l, uint8_t *packet, size_t len);

/* It goes into the tunnel, if it may; else the source is told. `hop`: this host forwards the packet here, and not before (the
 * kernel on the way to the TUN device) or after. */
bool dp_plane_to_tunnel(struct dp *dp, struct dp_pkt *p, struct dp_tun *t, bool hop, uint32_t label);
bool dp_plane_to_node(struct dp *dp, struct dp_pkt *p, struct dp_nod *n);

/* dp_port.c */
int dp_port_open(struct dp *dp, char *why, size_t why_size);
void dp_port_close(struct dp *dp);
