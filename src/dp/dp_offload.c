/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_offload.h"

#include <netinet/in.h>
#include <string.h>

#include "base/cksum.h"
#include "base/wr.h"

#define ETH_LEN 14
#define IP_LEN 40
#define L4 (ETH_LEN + IP_LEN)
#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80

/* The field holds the sum of the pseudo-header already. */
static uint16_t sum_of(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;

	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (len)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* RFC 8200 8.1: addresses, length, next header; not complemented. */
static uint16_t pseudo_sum(const uint8_t *packet, uint16_t payload)
{
	uint8_t rest[4] = {(uint8_t)(payload >> 8), (uint8_t)payload, 0, packet[6]};
	uint32_t sum = (uint16_t)~sum_of(packet + 8, 32) + (uint32_t)(uint16_t)~sum_of(rest, sizeof(rest));

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

bool dp_offload_checksum(const struct virtio_net_hdr *h, uint8_t *frame, size_t len)
{
	size_t start = h->csum_start, field = start + h->csum_offset;
	uint16_t sum;

	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (start < L4 || field + 2 > len)
		return false;
	sum = sum_of(frame + start, len - start);
	if (!sum)
		sum = 0xffff; /* UDP: zero says "none"; the two are equal to a receiver */
	frame[field] = (uint8_t)(sum >> 8);
	frame[field + 1] = (uint8_t)sum;
	return true;
}

/* An unfinished field holds the sum of the pseudo-header. By chance a complete one may, too: that verifies. */
void dp_offload_finish(uint8_t *packet, size_t len)
{
	const size_t head = L4 - ETH_LEN;
	struct in6_addr src, dst;
	uint8_t *field;
	uint16_t sum;
	size_t n;

	if (len < head || (packet[6] != IPPROTO_UDP && packet[6] != IPPROTO_TCP))
		return;
	n = (size_t)packet[4] << 8 | packet[5];
	if (n > len - head || n < (packet[6] == IPPROTO_TCP ? 20u : 8u))
		return;
	memcpy(&src, packet + 8, sizeof(src));
	memcpy(&dst, packet + 24, sizeof(dst));
	field = packet + head + (packet[6] == IPPROTO_TCP ? 16 : 6);
	sum = pseudo_sum(packet, (uint16_t)n);
	if (field[0] != sum >> 8 || field[1] != (sum & 0xff) || !cksum_ip6(&src, &dst, packet[6], packet + head, n))
		return;
	sum = sum_of(packet + head, n);
	if (!sum)
		sum = 0xffff;
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}

static uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

size_t dp_offload_segment(const struct virtio_net_hdr *h, const uint8_t *packet, size_t len, size_t *at, uint8_t *out,
			  size_t out_size)
{
	bool tcp = (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6;
	size_t head = IP_LEN + 8, field = tcp ? 16 : 6, n;
	struct in6_addr src, dst;
	struct wr w = wr_of(out, out_size);
	uint16_t sum;

	if (tcp && len >= IP_LEN + 20)
		head = IP_LEN + (size_t)(packet[IP_LEN + 12] >> 4) * 4;
	if (len < head || (tcp && head < IP_LEN + 20) || packet[6] != (tcp ? IPPROTO_TCP : IPPROTO_UDP) || !h->gso_size)
		return 0;
	if (*at >= len - head)
		return 0;
	n = len - head - *at;
	if (n > h->gso_size)
		n = h->gso_size;
	wr_copy(&w, packet, head);
	wr_copy(&w, packet + head + *at, n);
	if (w.full)
		return 0;
	wr_set_u16(&w, 4, (uint16_t)(w.len - IP_LEN));
	if (tcp) {
		uint32_t seq = get32(packet + IP_LEN + 4) + (uint32_t)*at;
		uint8_t flags = packet[IP_LEN + 13];

		wr_set_u16(&w, 44, (uint16_t)(seq >> 16));
		wr_set_u16(&w, 46, (uint16_t)seq);
		if (*at + n < len - head)
			flags &= (uint8_t)~TCP_FIN_PSH;
		if (*at)
			flags &= (uint8_t)~TCP_CWR;
		wr_set_u8(&w, 53, flags);
	} else {
		wr_set_u16(&w, 44, (uint16_t)(w.len - IP_LEN));
	}
	wr_set_u16(&w, 40 + field, 0);
	memcpy(&src, out + 8, 16);
	memcpy(&dst, out + 24, 16);
	sum = cksum_ip6(&src, &dst, tcp ? IPPROTO_TCP : IPPROTO_UDP, out + IP_LEN, w.len - IP_LEN);
	wr_set_u16(&w, 40 + field, sum ? sum : 0xffff);
	*at += n;
	return w.len;
}

bool dp_offload_describe(const uint8_t *packet, size_t len, size_t mtu, struct virtio_net_hdr *ret)
{
	size_t head;

	if (len <= mtu || len < IP_LEN + 20 || packet[6] != IPPROTO_TCP)
		return false;
	head = IP_LEN + (size_t)(packet[IP_LEN + 12] >> 4) * 4;
	if (head < IP_LEN + 20 || head >= mtu || len != IP_LEN + ((size_t)packet[4] << 8 | packet[5]))
		return false;
	*ret = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = (uint16_t)(mtu - head)};
	return true;
}
