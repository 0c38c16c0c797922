/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* IPv6 addresses, prefixes and link-layer addresses. */
#include <endian.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct prefix {
	struct in6_addr addr;
	uint8_t len; /* bits, 0..128 */
};

/* A link-layer address as it stands in the MN Link-layer Identifier option; len 0 = not known. */
#define LLADDR_MAX 16
struct lladdr {
	uint8_t len;
	uint8_t b[LLADDR_MAX];
};

/* RFC 4291 2.7 and RFC 7346: the scope nibble of a multicast address. */
enum mc_scope {
	MC_SCOPE_INTERFACE = 1,
	MC_SCOPE_LINK = 2,
	MC_SCOPE_REALM = 3,
	MC_SCOPE_ADMIN = 4,
	MC_SCOPE_SITE = 5,
	MC_SCOPE_ORGANIZATION = 8,
	MC_SCOPE_GLOBAL = 14,
};

#define ADDR_STR_MAX 46	  /* INET6_ADDRSTRLEN */
#define PREFIX_STR_MAX 50 /* address "/" bits */
#define LLADDR_STR_MAX (LLADDR_MAX * 3)

extern const struct in6_addr addr_any;		      /* :: */
extern const struct in6_addr addr_all_nodes;	      /* ff02::1 */
extern const struct in6_addr addr_all_routers;	      /* ff02::2 */
extern const struct in6_addr addr_all_mldv2_routers; /* ff02::16 */
extern const struct in6_addr addr_mag_link_local;    /* fe80::200:5eff:fe00:5213, RFC 6543 */
extern const uint8_t mac_mag_fixed[6];		      /* 00-00-5e-00-52-13, RFC 6543 */

/* As memcmp() has it; sorted lists of thousands are walked with it. */
static inline int addr_cmp(const struct in6_addr *a, const struct in6_addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	if (x[0] == y[0]) {
		x[0] = x[1];
		y[0] = y[1];
	}
	return x[0] == y[0] ? 0 : be64toh(x[0]) < be64toh(y[0]) ? -1 : 1;
}
static inline bool addr_eq(const struct in6_addr *a, const struct in6_addr *b) { return memcmp(a, b, sizeof(*a)) == 0; }
bool addr_is_any(const struct in6_addr *a);
bool addr_is_multicast(const struct in6_addr *a);
bool addr_is_link_local(const struct in6_addr *a); /* fe80::/10 */
enum mc_scope addr_scope(const struct in6_addr *group);
bool addr_is_ssm(const struct in6_addr *group); /* ff3x::/32, RFC 4607 */
/* 33:33 and the low 32 bits, RFC 2464 7. */
void addr_multicast_mac(const struct in6_addr *group, uint8_t mac[6]);
/* fe80::/64 with the modified EUI-64 of a MAC, RFC 2464 5. */
struct in6_addr addr_link_local_of(const uint8_t mac[6]);

bool prefix_contains(const struct prefix *p, const struct in6_addr *a);
bool prefix_eq(const struct prefix *a, const struct prefix *b);
struct prefix prefix_masked(struct prefix p);

bool lladdr_eq(const struct lladdr *a, const struct lladdr *b);
struct lladdr lladdr_of(const void *bytes, size_t len); /* cut to LLADDR_MAX */

/* Texts. The *_str functions write to `buf` and return it. The *_parse functions return false, and
 * leave *ret alone, when the text is not exactly one such thing. */
const char *addr_str(const struct in6_addr *a, char buf[ADDR_STR_MAX]);
const char *prefix_str(const struct prefix *p, char buf[PREFIX_STR_MAX]);
const char *lladdr_str(const struct lladdr *a, char buf[LLADDR_STR_MAX]);
bool addr_parse(const char *s, struct in6_addr *ret);
bool prefix_parse(const char *s, struct prefix *ret); /* a bare address is a /128 */
bool lladdr_parse(const char *s, struct lladdr *ret);
