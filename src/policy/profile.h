/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A node's policy profile (RFC 5213 6.2, draft 4): what the policy store says of it. Immutable and shared by reference
 * counting: engines keep the one they decided by, so a changed profile is a new object. */
#include "base/addr.h"
#include "base/nai.h"
#include "base/time.h"
#include "mld/filter.h"

#define PROFILE_LLADDR_MAX	 4
#define PROFILE_PREFIX_MAX	 8
#define PROFILE_MAG_MAX		 32
#define PROFILE_SUBSCRIPTION_MAX 256
#define PROFILE_RANGE_MAX	 256
#define PROFILE_SOURCE_MAX	 64

/* Who starts multicast service: draft Figures 1, 2 and 3 (decision 19). */
enum profile_initiation {
	PROFILE_INITIATION_NETWORK, /* profile groups are joined without asking the node */
	PROFILE_INITIATION_QUERY,   /* the node is queried; profile groups are joined when it confirms them */
	PROFILE_INITIATION_NODE,    /* only the node's own reports */
};

enum profile_delivery {
	PROFILE_DELIVERY_MULTICAST,  /* the group's MAC address */
	PROFILE_DELIVERY_L2_UNICAST, /* the node's own MAC address (RFC 6085) */
};

/* Where something of the profile ends a decision. */
enum policy_verdict {
	POLICY_PERMIT = 0,
	POLICY_SERVICE_OFF,  /* the profile has no multicast service */
	POLICY_DENIED_RANGE, /* a denied range holds the group (and source) */
	POLICY_NOT_ALLOWED,  /* there are allowed ranges and none holds it */
	POLICY_SCOPE,	     /* a scope that is never carried, or not by this domain's policy */
	POLICY_NOT_MULTICAST,
	POLICY_SSM_NEEDS_SOURCE, /* any-source request in the SSM range */
	POLICY_LIMIT_GROUPS,
	POLICY_LIMIT_SOURCES,
};
const char *policy_verdict_name(enum policy_verdict v); /* "denied-range", ... */
uint8_t policy_verdict_result(enum policy_verdict v);	/* enum mh_sub_result on the wire */

struct profile_subscription {
	struct in6_addr group;
	uint16_t n_sources; /* 0 = any source */
	struct in6_addr *sources;
	bool mandatory;	   /* the node cannot leave it */
	wall_t start, end; /* {0} and WALL_NEVER where not limited */
};

/* A range of groups, of sources if given; source.len 0 = any source. */
struct profile_range {
	struct prefix group;
	struct prefix source;
};

struct profile {
	uint32_t refs; /* owned by profile_ref() and profile_unref() */
	uint64_t version;
	struct nai mn; /* "*" or "*@realm": a default for nodes that have none of their own */
	uint8_t n_lladdrs;
	struct lladdr lladdrs[PROFILE_LLADDR_MAX];
	bool enabled;	     /* PMIPv6 service at all; false: status 152 */
	struct in6_addr lma; /* :: = the MAG's default */
	uint8_t n_prefixes;
	struct prefix prefixes[PROFILE_PREFIX_MAX]; /* home network prefixes; none = from the LMA's pool */
	uint8_t n_mags;
	struct in6_addr mags[PROFILE_MAG_MAX]; /* Proxy-CoAs that may register it; none = any */

	bool multicast;
	enum profile_initiation initiation;
	enum profile_delivery delivery;
	uint32_t groups_max;  /* 0 = the daemon's default */
	uint32_t sources_max; /* per group; 0 = the daemon's default */
	uint16_t n_subscriptions, n_allow, n_deny;
	struct profile_subscription *subscriptions;
	struct profile_range *allow, *deny;
};

/* An empty profile with defaults: enabled, multicast on, initiation node, delivery multicast. NULL: out of memory. */
struct profile *profile_new(void);
struct profile *profile_ref(const struct profile *p);
struct profile *profile_unref(const struct profile *p); /* accepts NULL; returns NULL */
/* While it is being built (one reference). False: a limit above, or out of memory. */
bool profile_add_subscription(struct profile *p, const struct in6_addr *group, const struct in6_addr *sources, size_t n,
			      bool mandatory, wall_t start, wall_t end);
bool profile_add_range(struct profile *p, bool deny, const struct prefix *group, const struct prefix *source);

bool profile_allows_mag(const struct profile *p, const struct in6_addr *proxy_coa);
/* Is a group, as asked for with this source (:: = any source), permitted? A denied range wins over all else; a static
 * subscription of the profile is permitted by itself unless a denied range holds it; then, if there are allowed ranges,
 * one must hold it. An any-source request is denied only by denied ranges that name no source. */
enum policy_verdict profile_permits(const struct profile *p, const struct in6_addr *group,
				    const struct in6_addr *source);

/* What is left of a node's wish for `group` after the profile: sources that are not permitted are taken out of an
 * INCLUDE list, and denied (group, source) pairs are added to the list of an EXCLUDE one where they are single
 * addresses. *verdict says why something was refused, POLICY_PERMIT if nothing was. The result is to be released with
 * filter_drop(). */
struct filter profile_restrict(const struct profile *p, const struct in6_addr *group, const struct filter *wish,
			       uint32_t sources_max, enum policy_verdict *verdict);

/* The static subscription of the group in force at `now`, or NULL. *next (may be NULL) is lowered to the next instant
 * at which any start or end of the profile falls after `now`. */
const struct profile_subscription *profile_static(const struct profile *p, const struct in6_addr *group, wall_t now);
wall_t profile_next_change(const struct profile *p, wall_t now);

/* Scope rules of the domain (decision 23): which scopes go up the tunnel. */
struct policy_scopes {
	uint16_t proxied; /* bit per scope nibble; default 6..e */
};
#define POLICY_SCOPES_DEFAULT ((struct policy_scopes){0x7fc0})
enum policy_verdict policy_scope(const struct policy_scopes *s, const struct in6_addr *group);

/* Origins of a subscription (decision 20); a subscription may have several. */
enum sub_origin {
	SUB_ORIGIN_PROFILE = 1 << 0,
	SUB_ORIGIN_MLD = 1 << 1,
	SUB_ORIGIN_CONTEXT = 1 << 2,
	SUB_ORIGIN_IMPLICIT = 1 << 3,
	SUB_ORIGIN_ADMIN = 1 << 4,
	SUB_ORIGIN_REGISTRATION = 1 << 5, /* LMA: AMS of a binding */
};
const char *sub_origin_name(uint8_t one_bit);
