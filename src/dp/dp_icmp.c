/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_icmp.h"

#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cksum.h"
#include "base/wr.h"
#include "dp/dp_plane.h"
#include "wire/ip6.h"

#define HEADERS (OUTER_LEN + 8)
#define QUOTE (IPV6_MTU_MIN - HEADERS) /* as much of the packet as leaves the error within 1280 */

/* RFC 4443 2.4 (e). */
static bool may_tell(const struct dp_pkt *p, enum dp_drop reason)
{
	if (!dp_pkt_routable(p))
		return false;
	if (addr_is_multicast(&p->dst) && reason != DP_DROP_TOO_BIG)
		return false;
	if (p->next == IPPROTO_ICMPV6)
		return p->len > OUTER_LEN && p->bytes[OUTER_LEN] & ICMP6_INFOMSG_MASK;
	return true;
}

/* The address that this host speaks to `to` with. */
static bool local_address(const struct in6_addr *to, struct in6_addr *ret)
{
	struct sockaddr_in6 far = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = *to}, near;
	socklen_t len = sizeof(near);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && !connect(fd, (struct sockaddr *)&far, sizeof(far)) && /* sends nothing */
		  !getsockname(fd, (struct sockaddr *)&near, &len);

	if (fd >= 0)
		close(fd);
	if (ok)
		*ret = near.sin6_addr;
	return ok;
}

/* The address of this host that tells: the tunnel's end that the packet came to, or that it would have left by. Where there
 * are no tunnels, into `own`. */
static const struct in6_addr *teller(struct dp *dp, const struct dp_pkt *p, struct dp_pfx *node, struct dp_pfx *route,
				     struct in6_addr *own)
{
	struct dp_pfx *x;

	if (dp->conf.multicast_only)
		return local_address(&p->src, own) ? own : NULL;
	if (node)
		return &node->node->tun->ends.local;
	if (route)
		return &route->tun->ends.local;
	x = dp_pfx_match(&dp->routes, &p->dst);
	if (x)
		return &x->tun->ends.local;
	x = dp_pfx_match(&dp->node_prefixes, &p->dst);
	if (x)
		return &x->node->tun->ends.local;
	if (!list_empty(&dp->tunnels))
		return &list_owner(dp->tunnels.next, struct dp_tun, entry)->ends.local;
	return NULL;
}

static size_t build(uint8_t *out, size_t size, const struct in6_addr *from, const struct dp_pkt *p,
		    enum dp_drop reason, uint32_t mtu)
{
	size_t quote = p->len < QUOTE ? p->len : QUOTE;
	struct wr w = wr_of(out, size);

	ip6_write(&w, from, &p->src, IPPROTO_ICMPV6, (uint16_t)(8 + quote), 64);
	wr_u8(&w, reason == DP_DROP_TOO_BIG ? ICMP6_PACKET_TOO_BIG : ICMP6_TIME_EXCEEDED);
	wr_u8(&w, 0);
	wr_u16(&w, 0);
	wr_u32(&w, reason == DP_DROP_TOO_BIG ? mtu : 0);
	wr_copy(&w, p->bytes, quote);
	wr_set_u16(&w, OUTER_LEN + 2, cksum_ip6(from, &p->src, IPPROTO_ICMPV6, out + OUTER_LEN, 8 + quote));
	return w.full ? 0 : w.len;
}

void dp_icmp_error(struct dp *dp, enum dp_drop reason, uint32_t mtu, const uint8_t *packet, size_t len)
{
	uint8_t quote[QUOTE], error[IPV6_MTU_MIN];
	struct dp_pfx *node, *route;
	struct dp_pkt p, e;
	const struct in6_addr *from;
	const struct dp_link *l;
	struct in6_addr own;

	if (len > sizeof(quote))
		len = sizeof(quote);
	if (len < OUTER_LEN)
		return;
	memcpy(quote, packet, len);
	if (!dp_pkt_parse_cut(quote, len, &p) || !may_tell(&p, reason))
		return;
	node = dp_pfx_match(&dp->node_prefixes, &p.src);
	route = dp_pfx_match(&dp->routes, &p.src);
	from = teller(dp, &p, node, route, &own);
	if (!from)
		return;
	len = build(error, sizeof(error), from, &p, reason, mtu < IPV6_MTU_MIN ? IPV6_MTU_MIN : mtu);
	if (!dp_pkt_parse(error, len, &e))
		return;
	l = node ? dp_link_find(dp, node->node->conf.ifindex) : NULL;
	dp_send_flush(dp);
	if (l)
		dp_send_link(dp, &e, l, node->node->conf.mac, NULL);
	else if (route)
		dp_send_tunnel(dp, &e, route->tun, NULL, DP_LABEL_NONE);
	else
		dp_send_routed(dp, error, len);
	dp_send_flush(dp);
}
