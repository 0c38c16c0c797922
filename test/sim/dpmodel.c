/* SPDX-License-Identifier: BSD-2-Clause */
/* The data plane as plain lists. An operation that a real one could not carry out is a broken invariant. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define OUTS_MAX 64

struct flow {
	struct dp_flow key;
	struct dp_out outs[OUTS_MAX];
	unsigned n;
};

struct dpm {
	struct sim *sim;
	const char *name;
	struct dp_tunnel *tunnels;
	struct dp_route *routes;
	struct dp_node *nodes;
	struct flow *flows;
	struct dpm_handover *handovers;
	unsigned n_tunnels, n_routes, n_nodes, n_flows, n_handovers;
};

struct dpm *dpm_new(struct sim *sim, const char *name)
{
	struct dpm *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->sim = sim;
	m->name = name;
	return m;
}

struct dpm *dpm_free(struct dpm *m)
{
	if (!m)
		return NULL;
	free(m->tunnels);
	free(m->routes);
	free(m->nodes);
	free(m->flows);
	free(m->handovers);
	free(m);
	return NULL;
}

/* Append one element and return it. */
static void *grow(void *array, unsigned *n, size_t size)
{
	void **p = array;
	void *v = realloc(*p, (*n + 1u) * size);

	if (!v)
		abort();
	*p = v;
	return (char *)v + size * (*n)++;
}

static void cut(void *v, unsigned *n, size_t size, unsigned i)
{
	memmove((char *)v + i * size, (char *)v + (i + 1) * size, (*n - i - 1) * size);
	(*n)--;
}

static int tunnel_at(const struct dpm *m, const struct dp_tunnel *t)
{
	for (unsigned i = 0; i < m->n_tunnels; i++)
		if (dp_tunnel_eq(&m->tunnels[i], t))
			return (int)i;
	return -1;
}

static struct dpm_handover *handover_at(const struct dpm *m, uint32_t node)
{
	for (unsigned i = 0; i < m->n_handovers; i++)
		if (m->handovers[i].conf.node == node)
			return &m->handovers[i];
	return NULL;
}

bool dpm_has_tunnel(const struct dpm *m, const struct dp_tunnel *t) { return tunnel_at(m, t) >= 0; }

static bool in_eq(const struct dp_in *a, const struct dp_in *b)
{
	return a->ifindex == b->ifindex && (a->ifindex || dp_tunnel_eq(&a->tunnel, &b->tunnel));
}

static struct flow *flow_at(const struct dpm *m, const struct dp_in *in, const struct in6_addr *source, const struct in6_addr *group)
{
	for (unsigned i = 0; i < m->n_flows; i++) {
		struct flow *f = &m->flows[i];
		if (in_eq(&f->key.in, in) && addr_eq(&f->key.source, source) && addr_eq(&f->key.group, group))
			return f;
	}
	return NULL;
}

static bool out_eq(const struct dp_out *a, const struct dp_out *b)
{
	if (a->ifindex != b->ifindex)
		return false;
	if (a->ifindex)
		return memcmp(a->dmac, b->dmac, 6) == 0 && a->node == b->node;
	return dp_tunnel_eq(&a->tunnel, &b->tunnel) && (!dp_out_is_held(a) || a->node == b->node);
}

static void need_tunnel(struct dpm *m, const struct dp_tunnel *t, const char *what)
{
	if (tunnel_at(m, t) < 0)
		sim_broken(m->sim, "%s: %s names a tunnel that is not there", m->name, what);
}

static void add_out(struct dpm *m, struct flow *f, const struct dp_out *out)
{
	for (unsigned i = 0; i < f->n; i++)
		if (out_eq(&f->outs[i], out))
			return;
	if (dp_out_is_held(out)) {
		if (!handover_at(m, out->node))
			sim_broken(m->sim, "%s: an output is held for a node that is not awaited", m->name);
	} else if (!out->ifindex) {
		need_tunnel(m, &out->tunnel, "an output");
	}
	if (f->n == OUTS_MAX)
		abort();
	f->outs[f->n++] = *out;
}

static void tunnel_del(struct dpm *m, const struct dp_tunnel *t)
{
	int i = tunnel_at(m, t);

	if (i < 0)
		return;
	for (unsigned k = 0; k < m->n_routes; k++)
		if (dp_tunnel_eq(&m->routes[k].tunnel, t))
			sim_broken(m->sim, "%s: a tunnel goes while a route uses it", m->name);
	for (unsigned k = 0; k < m->n_nodes; k++)
		if (dp_tunnel_eq(&m->nodes[k].tunnel, t))
			sim_broken(m->sim, "%s: a tunnel goes while a node uses it", m->name);
	for (unsigned k = 0; k < m->n_handovers; k++)
		if (dp_tunnel_eq(&m->handovers[k].conf.tunnel, t) || dp_tunnel_eq(&m->handovers[k].conf.anchor, t))
			sim_broken(m->sim, "%s: a tunnel goes while a handover uses it", m->name);
	for (unsigned k = 0; k < m->n_flows; k++) {
		if (!m->flows[k].key.in.ifindex && dp_tunnel_eq(&m->flows[k].key.in.tunnel, t))
			sim_broken(m->sim, "%s: a tunnel goes while a flow comes out of it", m->name);
		for (unsigned o = 0; o < m->flows[k].n; o++)
			if (!m->flows[k].outs[o].ifindex && dp_tunnel_eq(&m->flows[k].outs[o].tunnel, t))
				sim_broken(m->sim, "%s: a tunnel goes while a flow goes into it", m->name);
	}
	cut(m->tunnels, &m->n_tunnels, sizeof(*m->tunnels), (unsigned)i);
}

static void route(struct dpm *m, const struct dp_route *r, bool add)
{
	for (unsigned i = 0; i < m->n_routes; i++) {
		if (!prefix_eq(&m->routes[i].prefix, &r->prefix))
			continue;
		if (add)
			m->routes[i] = *r;
		else
			cut(m->routes, &m->n_routes, sizeof(*m->routes), i);
		if (add)
			need_tunnel(m, &r->tunnel, "a route");
		return;
	}
	if (add) {
		need_tunnel(m, &r->tunnel, "a route");
		*(struct dp_route *)grow(&m->routes, &m->n_routes, sizeof(*m->routes)) = *r;
	}
}

static void node(struct dpm *m, const struct dp_node *n, bool add)
{
	if (!n->node)
		sim_broken(m->sim, "%s: a node has number 0", m->name);
	if (add)
		need_tunnel(m, &n->tunnel, "a node");
	for (unsigned i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].node != n->node)
			continue;
		if (add)
			m->nodes[i] = *n;
		else
			cut(m->nodes, &m->n_nodes, sizeof(*m->nodes), i);
		if (!add && handover_at(m, n->node) && handover_at(m, n->node)->forward)
			sim_broken(m->sim, "%s: a node goes while it is forwarded", m->name);
		return;
	}
	if (add)
		*(struct dp_node *)grow(&m->nodes, &m->n_nodes, sizeof(*m->nodes)) = *n;
}

static void flow(struct dpm *m, const struct dp_op *op)
{
	struct flow *f = flow_at(m, &op->flow.in, &op->flow.source, &op->flow.group);

	switch (op->kind) {
	case DP_FLOW_ADD:
		if (f)
			f->n = 0;
		else
			f = grow(&m->flows, &m->n_flows, sizeof(*m->flows));
		f->key = op->flow;
		f->n = 0;
		for (uint32_t i = 0; i < op->n_outs; i++)
			add_out(m, f, &op->outs[i]);
		break;
	case DP_FLOW_DEL:
		if (f)
			cut(m->flows, &m->n_flows, sizeof(*m->flows), (unsigned)(f - m->flows));
		else
			sim_broken(m->sim, "%s: a flow is deleted that is not there", m->name);
		break;
	case DP_OUT_ADD:
		if (f)
			add_out(m, f, &op->out);
		else
			sim_broken(m->sim, "%s: an output is added to a flow that is not there", m->name);
		break;
	case DP_OUT_DEL:
		for (unsigned i = 0; f && i < f->n; i++)
			if (out_eq(&f->outs[i], &op->out)) {
				cut(f->outs, &f->n, sizeof(f->outs[0]), i);
				return;
			}
		sim_broken(m->sim, "%s: an output is deleted that is not there", m->name);
		break;
	case DP_TUNNEL_ADD:
	case DP_TUNNEL_DEL:
	case DP_ROUTE_ADD:
	case DP_ROUTE_DEL:
	case DP_NODE_ADD:
	case DP_NODE_DEL:
	case DP_FLOW_MARK:
	case DP_HANDOVER_FORWARD:
	case DP_HANDOVER_EXPECT:
	case DP_HANDOVER_EDGE:
	case DP_HANDOVER_END:
		break;
	}
}

const struct dpm_handover *dpm_handover(const struct dpm *m, uint32_t node) { return handover_at(m, node); }

const struct dpm_handover *dpm_expects(const struct dpm *m, const struct dp_tunnel *tunnel, uint16_t key)
{
	for (unsigned i = 0; i < m->n_handovers; i++) {
		const struct dpm_handover *h = &m->handovers[i];

		if (!h->forward && h->conf.key == key && dp_tunnel_eq(&h->conf.tunnel, tunnel))
			return h;
	}
	return NULL;
}

unsigned dpm_handovers(const struct dpm *m) { return m->n_handovers; }

const struct dp_node *dpm_node_numbered(const struct dpm *m, uint32_t node)
{
	for (unsigned i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].node == node)
			return &m->nodes[i];
	return NULL;
}

static void handover(struct dpm *m, const struct dp_op *op)
{
	struct dpm_handover *h = handover_at(m, op->handover.node);
	bool forward = op->kind == DP_HANDOVER_FORWARD;

	if (op->kind == DP_HANDOVER_END) {
		if (h)
			cut(m->handovers, &m->n_handovers, sizeof(*m->handovers), (unsigned)(h - m->handovers));
		else
			sim_broken(m->sim, "%s: a handover ends that is not there", m->name);
		return;
	}
	need_tunnel(m, &op->handover.tunnel, "a handover");
	need_tunnel(m, &op->handover.anchor, "a handover");
	if (forward && !dpm_node_numbered(m, op->handover.node))
		sim_broken(m->sim, "%s: forwarding for a node that is not there", m->name);
	if (!forward && dpm_expects(m, &op->handover.tunnel, op->handover.key))
		sim_broken(m->sim, "%s: two nodes are expected under one key", m->name);
	if (h)
		sim_broken(m->sim, "%s: a handover of a node that has one", m->name);
	h = grow(&m->handovers, &m->n_handovers, sizeof(*m->handovers));
	*h = (struct dpm_handover){op->handover, forward, dpm_node_numbered(m, op->handover.node)};
}

void dpm_apply(struct dpm *m, const struct dp_op *op)
{
	switch (op->kind) {
	case DP_TUNNEL_ADD:
		if (tunnel_at(m, &op->tunnel) < 0)
			*(struct dp_tunnel *)grow(&m->tunnels, &m->n_tunnels, sizeof(*m->tunnels)) = op->tunnel;
		break;
	case DP_TUNNEL_DEL:
		tunnel_del(m, &op->tunnel);
		break;
	case DP_ROUTE_ADD:
	case DP_ROUTE_DEL:
		route(m, &op->route, op->kind == DP_ROUTE_ADD);
		break;
	case DP_NODE_ADD:
	case DP_NODE_DEL:
		node(m, &op->node, op->kind == DP_NODE_ADD);
		break;
	case DP_FLOW_ADD:
	case DP_FLOW_DEL:
	case DP_OUT_ADD:
	case DP_OUT_DEL:
		flow(m, op);
		break;
	case DP_FLOW_MARK: /* no packet bears a label here */
		break;
	case DP_HANDOVER_FORWARD:
	case DP_HANDOVER_EXPECT:
	case DP_HANDOVER_END:
		handover(m, op);
		break;
	case DP_HANDOVER_EDGE:
		if (!handover_at(m, op->edge.node))
			sim_broken(m->sim, "%s: an edge for a node that is not awaited", m->name);
		break;
	}
}

unsigned dpm_forward(const struct dpm *m, const struct dp_in *in, const struct in6_addr *source, const struct in6_addr *group,
		     struct dp_out *outs, unsigned max)
{
	const struct flow *f = flow_at(m, in, source, group);

	if (!f)
		f = flow_at(m, in, &addr_any, group);
	if (!f)
		return 0;
	unsigned n = f->n < max ? f->n : max;
	memcpy(outs, f->outs, n * sizeof(*outs));
	return n;
}

const struct dp_route *dpm_route(const struct dpm *m, const struct in6_addr *dst)
{
	for (unsigned i = 0; i < m->n_routes; i++)
		if (prefix_contains(&m->routes[i].prefix, dst))
			return &m->routes[i];
	return NULL;
}

const struct dp_node *dpm_node(const struct dpm *m, const struct in6_addr *dst)
{
	for (unsigned i = 0; i < m->n_nodes; i++)
		for (unsigned p = 0; p < m->nodes[i].n_prefixes; p++)
			if (prefix_contains(&m->nodes[i].prefixes[p], dst))
				return &m->nodes[i];
	return NULL;
}

bool dpm_empty(const struct dpm *m) { return !m->n_tunnels && !m->n_routes && !m->n_nodes && !m->n_flows && !m->n_handovers; }

void dpm_print(const struct dpm *m, FILE *to)
{
	char a[ADDR_STR_MAX], b[ADDR_STR_MAX];

	fprintf(to, "%s: %u tunnels, %u routes, %u nodes\n", m->name, m->n_tunnels, m->n_routes, m->n_nodes);
	for (unsigned i = 0; i < m->n_flows; i++) {
		const struct flow *f = &m->flows[i];
		fprintf(to, "  (%s, %s):", addr_str(&f->key.source, a), addr_str(&f->key.group, b));
		for (unsigned o = 0; o < f->n; o++)
			if (f->outs[o].ifindex)
				fprintf(to, " node%u", f->outs[o].node);
			else
				fprintf(to, " %s", addr_str(&f->outs[o].tunnel.remote, a));
		fprintf(to, "\n");
	}
}
