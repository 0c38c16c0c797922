/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Multicast address listener part of MLD (RFC 3810 5-6, RFC 2710), per upstream: reports what it is told to listen to.
 * A set holds any number of upstreams with one deadline for all. Pure. */
#include "base/time.h"
#include "mld/filter.h"
#include "wire/mld.h"

struct mld_hosts;
struct mld_upstream;

struct mld_host_conf {
	uint8_t robustness;	     /* 2; the querier's QRV overrides it while one is heard */
	span_t unsolicited_interval; /* 1 s (v2), used for v1 too unless set to its 10 s */
	uint32_t mtu;		     /* reports are packed up to it; default 1280 */
	uint32_t groups_max;
	uint32_t memory_max; /* octets for the state that is reported; zero: 1 GiB */
	bool v1_only; /* speak MLDv1 whatever the querier speaks */
};

struct mld_host_fx {
	struct mld_upstream *upstream;
	void *owner;
	const uint8_t *packet; /* whole IPv6 packet; valid until the next call on the set */
	size_t len;
	struct in6_addr dst; /* its destination: ff02::16, or the group or ff02::2 for MLDv1 */
};

enum mld_host_counter {
	MLD_HOST_QUERIES_HEARD,
	MLD_HOST_QUERIES_V1,
	MLD_HOST_REPORTS_SENT,
	MLD_HOST_RECORDS_SENT,
	MLD_HOST_LIMIT_GROUPS,
	MLD_HOST_LIMIT_MEMORY,
	MLD_HOST_COUNTER_N
};
const char *mld_host_counter_name(enum mld_host_counter c);

struct mld_hosts *mld_hosts_new(uint64_t seed);
struct mld_hosts *mld_hosts_free(struct mld_hosts *set);

/* `self` is the link-local source of the reports. */
struct mld_upstream *mld_upstream_new(struct mld_hosts *set, const struct mld_host_conf *conf,
				      const struct in6_addr *self, void *owner);
void mld_upstream_free(struct mld_upstream *up); /* silently; to say goodbye first set all groups to FILTER_NONE */
void mld_upstream_reconf(struct mld_upstream *up, const struct mld_host_conf *conf);
/* Our link-local address has changed or has come to be (RFC 3590: what was said from :: counts for nothing): all is
 * said again. */
void mld_upstream_set_self(struct mld_upstream *up, struct now now, const struct in6_addr *self);
/* What we listen to of `group` from now on (copied); FILTER_NONE leaves. The state-change report is queued at once;
 * changes made before the next pop are packed into common reports. Groups that are never reported (all nodes,
 * interface-local) are accepted and forgotten. False: the limit; the state is as before. */
bool mld_upstream_set(struct mld_upstream *up, struct now now, const struct in6_addr *group, const struct filter *f);
/* These are to be set soon: what that will read is fetched meanwhile. At most MLD_HOST_AHEAD. */
#define MLD_HOST_AHEAD 64
void mld_upstream_ahead(const struct mld_upstream *up, const struct in6_addr *groups, size_t n);
/* A query heard on the upstream, or an MLDv1 report (RFC 2710 4: it may spare us ours). Others are ignored. */
void mld_upstream_recv(struct mld_upstream *up, struct now now, const struct mld_packet *p);
/* Report the whole state now, unasked (the link came back, a peer restarted). */
void mld_upstream_announce(struct mld_upstream *up, struct now now);
bool mld_upstream_get(const struct mld_upstream *up, const struct in6_addr *group, struct filter *ret);
void mld_upstream_each(const struct mld_upstream *up,
		       void (*each)(void *arg, const struct in6_addr *group, const struct filter *f), void *arg);
uint32_t mld_upstream_groups(const struct mld_upstream *up);
size_t mld_upstream_used(const struct mld_upstream *up); /* octets: what memory_max is held against */
uint8_t mld_upstream_version(const struct mld_upstream *up); /* what the querier lets us speak: 1 or 2 */
uint64_t mld_upstream_counter(const struct mld_upstream *up, enum mld_host_counter c);

mono_t mld_hosts_next_deadline(const struct mld_hosts *set);
void mld_hosts_expire(struct mld_hosts *set, struct now now);
bool mld_hosts_pop(struct mld_hosts *set, struct mld_host_fx *ret);
size_t mld_hosts_bytes(const struct mld_hosts *set);
