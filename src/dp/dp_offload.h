/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a sender on this machine left to its network device: a packet socket sees packets before that. */
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `frame` with its Ethernet header. Finishes the checksum in place. False: the description does not fit the frame. */
bool dp_offload_checksum(const struct virtio_net_hdr *h, uint8_t *frame, size_t len);

/* The same for a packet (from the IPv6 header on) that came without a description, out of a tunnel: where source,
 * anchor and gateway are on one machine no device ever finished the checksum of UDP or TCP. Complete ones stay. */
void dp_offload_finish(uint8_t *packet, size_t len);

/* One by one the packets that the super-packet (from the IPv6 header on, as they are) stands for, each written to `out`
 * with its checksums. `at` starts at 0 and is the function's own. Returns the length; 0 = no more, or not TCP or UDP
 * directly in IPv6. */
size_t dp_offload_segment(const struct virtio_net_hdr *h, const uint8_t *packet, size_t len, size_t *at, uint8_t *out,
			  size_t out_size);

/* Describes a super-packet of TCP that came without a description, to be cut into packets of `mtu`. False: it is none. */
bool dp_offload_describe(const uint8_t *packet, size_t len, size_t mtu, struct virtio_net_hdr *ret);
