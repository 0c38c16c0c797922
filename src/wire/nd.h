/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Neighbour Discovery messages (RFC 4861) as whole IPv6 packets: what a MAG needs of them. */
#include "base/addr.h"

enum nd_type {
	ND_RS = 133,
	ND_RA = 134,
	ND_NS = 135,
	ND_NA = 136,
};

enum nd_err {
	ND_OK = 0,
	ND_ERR_SHORT,
	ND_ERR_NOT_ND,	   /* not ICMPv6, or another ICMPv6 type: not an error of the sender */
	ND_ERR_HOP_LIMIT,  /* not 255 */
	ND_ERR_CHECKSUM,
	ND_ERR_CODE,
	ND_ERR_SOURCE,
	ND_ERR_TARGET,
	ND_ERR_OPTION,	   /* length 0 or beyond the end */
	ND_ERR_DESTINATION, /* NS from :: not to solicited nodes; solicited NA to a group */
	ND_ERR_N
};
const char *nd_err_name(enum nd_err e);

#define ND_PREFIX_MAX 8

struct nd_prefix {
	struct prefix prefix;
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s; /* UINT32_MAX = for ever */
};

struct nd_msg {
	enum nd_type type;
	struct in6_addr src, dst;
	struct in6_addr target;	  /* NS, NA */
	bool na_router, na_solicited, na_override;
	struct lladdr source_ll;  /* option 1 */
	struct lladdr target_ll;  /* option 2 */
	/* RA */
	uint8_t hop_limit;
	bool managed, other;
	uint16_t router_lifetime_s;
	uint32_t reachable_ms, retrans_ms;
	uint32_t mtu; /* 0 = no option */
	uint8_t n_prefixes;
	struct nd_prefix prefixes[ND_PREFIX_MAX];
};

enum nd_err nd_decode(const uint8_t *bytes, size_t len, struct nd_msg *ret);
/* The length, 0 when it does not fit. Hop limit 255 and checksum are filled in. */
size_t nd_encode(const struct nd_msg *m, uint8_t *bytes, size_t cap);
