/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the data plane.
 *
 * The tables (dp_table.c) are the truth in both backends. The plane (dp_plane.c) forwards by them in user
 * space: it is the whole of the user backend, and under eBPF the path of what the programs hand up
 * (reassembled outer fragments, packets of this host for a node, samples that want an ICMPv6 error). The eBPF
 * backend (dp_ebpf.c) mirrors the tables into maps. */
#include "base/htab.h"
#include "base/list.h"
#include "dp/dp.h"
#include "dp/dp_netlink.h"

#include <event2/event.h>
#include <net/if.h>

#define OUTER_LEN 40	 /* what encapsulation adds */
#define IPV6_MTU_MIN 1280
#define PACKET_MAX 65536 /* the largest packet the plane takes */

/* The two kinds of outputs of a flow; they stand in two lists since a copy for a tunnel has an outer header. */
enum { OUT_LINK, OUT_TUNNEL, OUT_KINDS };

struct dp_link {
	struct list entry; /* dp.links */
	struct hnode by_ifindex;
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	bool gone; /* from this host: the kernel has undone what was done to it */
	unsigned roles;
	uint32_t mtu;
	uint8_t mac[6];
	bool loopback;
	struct dp_sysctl *saved; /* what to restore */
	bool allmulti;		 /* held on by dp.allmulti */
	int rx;			 /* AF_PACKET socket the plane reads, or -1 */
	bool rx_all;		 /* it reads every packet, not streams alone */
	struct event *rx_event;
	struct dp *dp;
	bool attached;	/* eBPF program */
	bool made_clsact;
	int tcx; /* descriptor of the attachment, or -1 */
	bool tcx_wanted; /* an access link that has it, or will */
	uint8_t seconds; /* for which it has been there, or a few */
	unsigned attached_roles;
	bool blackhole; /* rule that keeps the kernel from forwarding */
	uint32_t proxy; /* DOWNSTREAM: the upstream link that names the instance, or 0 */
	uint32_t counter; /* of what goes there, in the eBPF maps */
	bool has_counter;
	struct dp_count to_upstream;
};

/* How to reach the far end of a tunnel. */
struct dp_nexthop {
	bool route;	  /* ifindex and gateway are known */
	bool valid;	  /* the MAC too: a frame can be built */
	uint32_t ifindex;
	struct in6_addr gateway;
	uint8_t dmac[6], smac[6];
	uint32_t mtu; /* of the path */
};

struct dp_tun {
	struct hnode by_ends;
	struct list entry; /* dp.tunnels */
	struct dp_tunnel ends;
	uint32_t index;
	bool in_backend;
	uint32_t refs;	 /* nodes, routes, flows and outputs that name it */
	uint32_t between; /* handovers that it forwards packets for */
	bool lma_side;	 /* what it was last used for: tells "no node" from "inner source" */
	bool nh_dirty;	 /* the maps do not have the next hop yet (grace period of the last one) */
	struct dp_nexthop nh;
	uint32_t mtu;	 /* for inner packets: what the path takes less the outer header, at least 1280 */
	uint32_t whole;	 /* what passes without outer fragments */
	uint32_t limit;	 /* what passes at all */
	uint32_t nh_sel; /* eBPF: which of the two copies is in force, and when it was published */
	uint64_t nh_epoch;
	struct list outs;	     /* dp_o.of_tunnel: what it carries of streams is counted there */
	struct dp_count in, out; /* what this process forwarded, and outputs that are gone */
};

/* A prefix and whose it is; of nodes and routes alike. */
struct dp_pfx {
	struct hnode by_prefix;
	struct prefix prefix;
	union {
		struct dp_nod *node;
		struct dp_ho *ho; /* of a node that is awaited */
	};
	struct dp_tun *tun; /* of a route */
	bool kernel_route;
	bool in_backend; /* for the backend: seen before */
	bool overflown;	 /* likewise, of a route: it stands in the hash map */
};

/* Longest match over the lengths that are in use; one hash look-up for each of them. */
struct dp_lpm {
	struct htab table;
	uint32_t of_len[129];
	uint8_t lens[129]; /* those in use, longest first */
	uint8_t n_lens;
};

struct dp_nod {
	struct hnode by_number;
	struct hnode by_mac;
	bool mac_owner; /* false: a younger node has the same MAC on the same link */
	struct dp_node conf;
	struct dp_tun *tun;
	struct dp_ho *ho; /* its handover, or NULL */
	uint32_t index;
	bool in_backend;
	struct dp_count up, down;
};

struct dp_o {
	struct list entry; /* dp_flw.outs[] */
	struct hnode by_out;
	struct dp_out conf;
	struct dp_flw *flow;
	struct dp_tun *tun; /* NULL: of_tunnel is not used, but gate */
	union {
		struct list of_tunnel;
		struct dp_gate *gate; /* or NULL: its copies take the way of a handover */
	};
	uint32_t slot;	  /* place in the list of the eBPF maps */
	uint32_t counter;
	struct dp_count sent;
};

struct dp_flw {
	struct hnode by_key;
	struct list entry; /* dp.flows */
	struct dp_flow key;
	struct dp_tun *tun; /* where it comes from, or NULL for a link */
	uint32_t index;
	uint32_t label; /* of copies for tunnels */
	struct list outs[OUT_KINDS];
	uint32_t n_outs[OUT_KINDS];
	void *lists; /* of the eBPF backend */
	struct dp_count in;
};

/* A flow whose only output is a link, and which the backend holds without the tables: what it knows of it. */
struct dp_lone {
	uint32_t index, slot, counter;
	struct dp_out out; /* of no node */
};

/* Small numbers that index the maps. One is used again only after a grace period (dp_grace.c). */
struct dp_ids {
	struct dp_id_resting {
		uint64_t epoch; /* when it was freed */
		uint32_t id;
	} *ring; /* oldest first */
	uint32_t max, next, head, n;
};

/* A prefix that is one route of this host (dp_home_set). */
struct dp_home {
	struct list entry;
	struct prefix prefix;
};

struct dp_gate;
struct dp_ho;
struct dp_former;

struct dp_backend_ops {
	const char *name;
	int (*open)(struct dp *dp, char *why, size_t why_size);
	void (*close)(struct dp *dp);
	/* Links: also after a change of roles, MTU or MAC. */
	int (*link_set)(struct dp *dp, struct dp_link *l);
	void (*link_del)(struct dp *dp, struct dp_link *l);
	int (*link_proxy)(struct dp *dp, struct dp_link *l); /* also after a change of its upstream link */
	int (*tunnel_set)(struct dp *dp, struct dp_tun *t); /* new, or next hop or MTU changed */
	void (*tunnel_del)(struct dp *dp, struct dp_tun *t);
	void (*route_ahead)(struct dp *dp, const struct prefix *p); /* one of them is about to be set */
	int (*route_set)(struct dp *dp, struct dp_pfx *p);
	void (*route_del)(struct dp *dp, struct dp_pfx *p);
	int (*node_set)(struct dp *dp, struct dp_nod *n);     /* (link, MAC) -> node */
	void (*node_del)(struct dp *dp, struct dp_nod *n);
	int (*node_prefix_set)(struct dp *dp, struct dp_pfx *p);
	void (*node_prefix_del)(struct dp *dp, struct dp_pfx *p);
	/* The outputs are complete when the flow comes into force. */
	int (*flow_set)(struct dp *dp, struct dp_flw *f);
	void (*flow_del)(struct dp *dp, struct dp_flw *f);
	void (*flow_lists_free)(struct dp *dp, struct dp_flw *f); /* after the last output went */
	int (*out_add)(struct dp *dp, struct dp_o *o); /* before flow_set: prepares; after it: in force at once */
	void (*out_del)(struct dp *dp, struct dp_o *o);
	/* Flows from a link to one link, without the tables; NULL where the backend has none. lone_add: positive, and
	 * nothing done, where there is a flow of that key. lone_del: false if there is none.
	 * lone_unfold: f and o take its numbers over. The walk shows those that the tables do not have. */
	int (*lone_add)(struct dp *dp, const struct dp_flow *flow, const struct dp_out *out);
	bool (*lone_find)(struct dp *dp, const struct dp_flow *flow, struct dp_lone *ret);
	bool (*lone_del)(struct dp *dp, const struct dp_flow *flow);
	int (*lone_unfold)(struct dp *dp, const struct dp_lone *x, struct dp_flw *f, struct dp_o *o);
	void (*lone_count)(struct dp *dp, const struct dp_lone *x, struct dp_count *in, struct dp_count *sent);
	void (*lone_each)(struct dp *dp, void (*each)(void *arg, const struct dp_flow *flow, const struct dp_lone *x),
			  void *arg);
	void (*flow_label)(struct dp *dp, struct dp_flw *f); /* f->label has changed */
	/* Handovers (dp_handover.h); all NULL where the plane itself does the copying. */
	int (*gate_new)(struct dp *dp, struct dp_gate *g);
	void (*gate_set)(struct dp *dp, struct dp_gate *g);  /* in force from here on; also after a change of its state */
	void (*gate_free)(struct dp *dp, struct dp_gate *g); /* as if it had not been */
	bool (*gate_through)(struct dp *dp, struct dp_gate *g); /* closing: nothing is on the way any more */
	int (*between)(struct dp *dp, struct dp_tun *t);     /* t->between is no longer 0, or is 0 again */
	int (*await)(struct dp *dp, struct dp_ho *ho, const struct prefix *p, bool on); /* of a node that is not there */
	void (*drain)(struct dp *dp); /* take what the programs have handed up */
	uint64_t (*punts_lost)(struct dp *dp); /* since the start */
	void (*former)(struct dp *dp, const struct dp_former *f, bool on);
	void (*routes_changed)(struct dp *dp); /* the kernel's: forget what was learned of them */
	/* Add what the kernel counted. */
	void (*node_count)(struct dp *dp, const struct dp_nod *n, struct dp_count *up, struct dp_count *down);
	void (*link_count)(struct dp *dp, const struct dp_link *l, struct dp_count *to_upstream);
	void (*flow_count)(struct dp *dp, const struct dp_flw *f, struct dp_count *in);
	void (*out_count)(struct dp *dp, const struct dp_o *o, struct dp_count *sent);
	void (*tunnel_count)(struct dp *dp, const struct dp_tun *t, struct dp_count *in, struct dp_count *out);
	uint64_t (*drop_count)(struct dp *dp, enum dp_drop reason);
};

#define AHEAD_NODES 4 /* routes to come whose buckets are fetched before the first one's node is */

struct dp {
	struct dp_conf conf;
	struct event_base *base;
	struct dp_events events;
	void *arg;
	const struct dp_backend_ops *ops;
	enum dp_backend running;
	char fallback[256];

	struct list links, tunnels, flows, homes;
	struct htab by_ifindex, tuns, nodes, macs, flow_keys, outs;
	struct dp_lpm routes, node_prefixes;
	uint64_t ahead[AHEAD_NODES]; /* hashes of routes to come */
	unsigned ahead_turn;
	struct dp_ids tun_ids, node_ids, flow_ids;
	uint32_t n_lones; /* flows and outputs that the tables do not have */

	struct dp_netlink *nl;
	struct dp_grace *grace;
	struct dp_plane *plane;
	struct dp_ebpf *ebpf;
	struct dp_sysctl *saved; /* settings that are of no link */
	int allmulti;		 /* socket that holds ALLMULTI on, or -1 */
	struct dp_handovers *handovers; /* NULL: there are none */
	struct event *tick, *soon; /* next hops that are not complete, or wait to be published */
	uint64_t drops[DP_DROP_N];
};

extern const struct dp_backend_ops dp_backend_ebpf, dp_backend_user;

void dp_problem(struct dp *dp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* dp_link.c */
int dp_link_open(struct dp *dp, struct dp_link *l);
void dp_link_close(struct dp_link *l);

struct dp_ifinfo {
	char name[IF_NAMESIZE];
	uint32_t mtu;
	uint8_t mac[6]; /* zero where the link has none of six octets */
};
int dp_ifinfo_get(uint32_t ifindex, struct dp_ifinfo *ret);

/* dp_lpm.c. Prefixes that are given with their hash, or added, are masked. */
void dp_lpm_init(struct dp_lpm *lpm, uint64_t seed);
uint64_t dp_pfx_hash(const struct dp_lpm *lpm, const struct prefix *p);
struct dp_pfx *dp_pfx_of_hash(const struct dp_lpm *lpm, const struct prefix *masked, uint64_t hash);
struct dp_pfx *dp_pfx_find(const struct dp_lpm *lpm, const struct prefix *prefix);	 /* exactly */
struct dp_pfx *dp_pfx_match(const struct dp_lpm *lpm, const struct in6_addr *addr); /* longest */
struct dp_pfx *dp_lpm_add(struct dp_lpm *lpm, const struct prefix *masked, uint64_t hash); /* NULL: memory is out */
void dp_lpm_del(struct dp_lpm *lpm, struct dp_pfx *x); /* frees it */

/* dp_table.c */
void dp_tables_init(struct dp *dp);
void dp_tables_deinit(struct dp *dp); /* takes everything out by the backend's *_del */
/* No peer chooses the number of a link. */
static inline uint64_t dp_link_hash(uint32_t ifindex) { return ifindex * UINT64_C(0x9e3779b97f4a7c15); }
struct dp_link *dp_link_find(const struct dp *dp, uint32_t ifindex);
struct dp_tun *dp_tun_find(const struct dp *dp, const struct dp_tunnel *ends);
struct dp_nod *dp_nod_find(const struct dp *dp, uint32_t number);
struct dp_nod *dp_nod_by_mac(const struct dp *dp, uint32_t ifindex, const uint8_t mac[6]);
struct dp_flw *dp_flw_find(const struct dp *dp, const struct dp_flow *key);
/* The one that the backend holds by itself. False: none of that key. */
bool dp_lone_find(struct dp *dp, const struct dp_flow *key, struct dp_lone *ret);
struct dp_o *dp_out_find(const struct dp *dp, const struct dp_flw *f, const struct dp_out *out);
bool dp_home_covers(const struct dp *dp, const struct prefix *prefix);
int dp_table_apply(struct dp *dp, const struct dp_op *op);
void dp_tunnel_resolve(struct dp *dp, struct dp_tun *t); /* fills t->nh and the MTUs; does not publish */
bool dp_tunnel_refresh(struct dp *dp, struct dp_tun *t);  /* resolves, and publishes what changed */

/* dp_grace.c: everything that ran in the kernel before an instant has ended. */
struct dp_grace *dp_grace_new(struct event_base *base); /* NULL: it waits from the instant on, not from a little later */
struct dp_grace *dp_grace_free(struct dp_grace *g);
uint64_t dp_grace_epoch(struct dp_grace *g);		  /* the instant now; starts waiting for it */
bool dp_grace_over(struct dp_grace *g, uint64_t epoch);
void dp_grace_wait(struct dp_grace *g, uint64_t epoch); /* blocks, some 10 ms */

/* dp_ids.c. False when none is left. */
bool dp_ids_init(struct dp_ids *ids, uint32_t max);
void dp_ids_deinit(struct dp_ids *ids);
bool dp_ids_get(struct dp_ids *ids, struct dp_grace *g, uint32_t *ret);
void dp_ids_put(struct dp_ids *ids, struct dp_grace *g, uint32_t id);

/* dp_sysctl.c: write a setting below /proc/sys and remember what it was. 0 or negative errno. */
int dp_sysctl_set(struct dp_sysctl **saved, const char *path, const char *value);
void dp_sysctl_forget(struct dp_sysctl **saved); /* what it was is of no interest */
void dp_sysctl_restore(struct dp_sysctl **saved); /* in reverse order; frees */

/* dp_plane.c */
int dp_plane_open(struct dp *dp, char *why, size_t why_size);
void dp_plane_close(struct dp *dp);
int dp_plane_send(struct dp *dp, struct dp_tun *t, const uint8_t *inner, size_t len);
uint32_t dp_plane_tun_ifindex(const struct dp *dp);
int dp_plane_listen(struct dp *dp, struct dp_link *l); /* user backend: read the link's packets */
void dp_plane_unlisten(struct dp *dp, struct dp_link *l);
