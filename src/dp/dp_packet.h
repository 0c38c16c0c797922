/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the user-space plane reads and changes in a packet. The same rules stand in src/bpf/dp_packet.h. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_pkt {
	uint8_t *bytes; /* from the IPv6 header on */
	size_t len;	/* by its header; what the buffer has behind is padding */
	struct in6_addr src, dst;
	uint8_t next, hop_limit, ecn;
};

/* False: not IPv6, or cut. */
bool dp_pkt_parse(uint8_t *bytes, size_t len, struct dp_pkt *ret);
/* Of the start of a packet: `len` is then what there is. */
bool dp_pkt_parse_cut(uint8_t *bytes, size_t len, struct dp_pkt *ret);
/* :: and ::1, and IPv4-compatible addresses, which nothing may bear. */
bool dp_pkt_nobody(const struct in6_addr *a);
bool dp_pkt_link_scope(const struct in6_addr *a); /* multicast that stays on the link */
/* Source and destination may be forwarded. */
bool dp_pkt_routable(const struct dp_pkt *p);
/* MLD or ND by the looks of it: where its addresses do not route, it may be for this host. */
bool dp_pkt_control(const struct dp_pkt *p);
/* RFC 6040 4.2: sets p->ecn; false: drop. */
bool dp_pkt_merge_ecn(struct dp_pkt *p, uint8_t outer_ecn);
/* The end marker of a handover: an empty packet of the anchor to the node's prefix. Whoever else sends the node empty packets
 * marks nothing. */
void dp_pkt_end_marker(uint8_t bytes[40], const struct in6_addr *anchor, const struct in6_addr *prefix);
bool dp_pkt_is_end_marker(const struct dp_pkt *p, const struct in6_addr *anchor);
/* Write p->ecn, and one hop less where `hop` is said. */
void dp_pkt_rewrite(struct dp_pkt *p, bool hop);
