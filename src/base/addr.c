/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <string.h>

const struct in6_addr addr_any;
const struct in6_addr addr_all_nodes = { { { 0xff, 0x02, [15] = 0x01 } } };
const struct in6_addr addr_all_routers = { { { 0xff, 0x02, [15] = 0x02 } } };
const struct in6_addr addr_all_mldv2_routers = { { { 0xff, 0x02, [15] = 0x16 } } };
const struct in6_addr addr_mag_link_local = {
	{ { 0xfe, 0x80, [8] = 0x02, 0x00, 0x5e, 0xff, 0xfe, 0x00, 0x52, 0x13 } }
};
const uint8_t mac_mag_fixed[6] = { 0x00, 0x00, 0x5e, 0x00, 0x52, 0x13 };

bool addr_is_any(const struct in6_addr *a)
{
	return addr_eq(a, &addr_any);
}

bool addr_is_multicast(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xff;
}

bool addr_is_link_local(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0x80;
}

enum mc_scope addr_scope(const struct in6_addr *group)
{
	return (enum mc_scope)(group->s6_addr[1] & 0x0f);
}

bool addr_is_ssm(const struct in6_addr *group)
{
	const uint8_t *b = group->s6_addr;

	return b[0] == 0xff && (b[1] & 0xf0) == 0x30 && b[2] == 0 && b[3] == 0;
}

void addr_multicast_mac(const struct in6_addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->s6_addr + 12, 4);
}

struct in6_addr addr_link_local_of(const uint8_t mac[6])
{
	struct in6_addr a = { { { 0xfe, 0x80, [11] = 0xff, 0xfe } } };

	memcpy(a.s6_addr + 8, mac, 3);
	memcpy(a.s6_addr + 13, mac + 3, 3);
	a.s6_addr[8] ^= 0x02;
	return a;
}

static unsigned int bits_of(const struct prefix *p)
{
	return p->len <= 128 ? p->len : 128;
}

bool prefix_contains(const struct prefix *p, const struct in6_addr *a)
{
	unsigned int octets = bits_of(p) / 8, rest = bits_of(p) % 8;

	if (memcmp(&p->addr, a, octets) != 0)
		return false;
	return rest == 0 || ((p->addr.s6_addr[octets] ^ a->s6_addr[octets]) >> (8 - rest)) == 0;
}

bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && prefix_contains(a, &b->addr);
}

struct prefix prefix_masked(struct prefix p)
{
	unsigned int octets = bits_of(&p) / 8, rest = bits_of(&p) % 8;

	if (rest)
		p.addr.s6_addr[octets++] &= (uint8_t)(0xff << (8 - rest));
	memset(p.addr.s6_addr + octets, 0, sizeof(p.addr) - octets);
	return p;
}

bool lladdr_eq(const struct lladdr *a, const struct lladdr *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

struct lladdr lladdr_of(const void *bytes, size_t len)
{
	struct lladdr a = { .len = (uint8_t)(len < LLADDR_MAX ? len : LLADDR_MAX) };

	if (a.len)
		memcpy(a.b, bytes, a.len);
	return a;
}

const char *addr_str(const struct in6_addr *a, char buf[ADDR_STR_MAX])
{
	return inet_ntop(AF_INET6, a, buf, ADDR_STR_MAX);
}

const char *prefix_str(const struct prefix *p, char buf[PREFIX_STR_MAX])
{
	unsigned int bits = bits_of(p);
	char *out;

	addr_str(&p->addr, buf);
	out = buf + strlen(buf);
	*out++ = '/';
	if (bits >= 100)
		*out++ = '1';
	if (bits >= 10)
		*out++ = (char)('0' + bits / 10 % 10);
	*out++ = (char)('0' + bits % 10);
	*out = '\0';
	return buf;
}

const char *lladdr_str(const struct lladdr *a, char buf[LLADDR_STR_MAX])
{
	static const char hex[] = "0123456789abcdef";
	char *out = buf;

	for (size_t i = 0; i < a->len && i < LLADDR_MAX; i++) {
		if (i)
			*out++ = ':';
		*out++ = hex[a->b[i] >> 4];
		*out++ = hex[a->b[i] & 15];
	}
	*out = '\0';
	return buf;
}

bool addr_parse(const char *s, struct in6_addr *ret)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, s, &a) != 1)
		return false;
	*ret = a;
	return true;
}

/* Decimal, 0..128, without sign or leading zeros. */
static bool parse_bits(const char *s, uint8_t *ret)
{
	unsigned int bits = 0;
	size_t n = strlen(s);

	if (n == 0 || n > 3 || (n > 1 && s[0] == '0'))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		bits = bits * 10 + (unsigned int)(*s - '0');
	}
	if (bits > 128)
		return false;
	*ret = (uint8_t)bits;
	return true;
}

bool prefix_parse(const char *s, struct prefix *ret)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	struct prefix p = { .len = 128 };
	char addr[ADDR_STR_MAX];

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, s, n);
	addr[n] = '\0';
	if (!addr_parse(addr, &p.addr) || (slash && !parse_bits(slash + 1, &p.len)))
		return false;
	*ret = p;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool lladdr_parse(const char *s, struct lladdr *ret)
{
	struct lladdr a = { 0 };
	char sep = '\0';

	while (a.len < LLADDR_MAX) {
		int high = hex_digit(s[0]);
		int low = high < 0 ? -1 : hex_digit(s[1]);

		if (low < 0)
			return false;
		a.b[a.len++] = (uint8_t)(high << 4 | low);
		s += 2;
		if (*s == '\0') {
			*ret = a;
			return true;
		}
		if ((*s != ':' && *s != '-') || (sep && *s != sep))
			return false;
		sep = *s++;
	}
	return false;
}
