/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator, or a program in its place, asks for: it acts for a node (draft 7.1), or ends its
 * service (draft 4.3.1). */
#include "mag/mag_priv.h"

static struct filter single(const struct in6_addr *source)
{
	bool oom = false;

	return addr_is_any(source) ? FILTER_ANY : filter_of(FILTER_INCLUDE, source, 1, &oom);
}

static bool may_subscribe(const struct mag_node *node, const struct in6_addr *group, const struct in6_addr *source,
			  enum policy_verdict *verdict)
{
	if (!mag_multicast_permitted(node)) {
		*verdict = POLICY_SERVICE_OFF;
		return false;
	}
	*verdict = addr_is_multicast(group) ? policy_scope(&node->mag->conf.scopes, group) : POLICY_NOT_MULTICAST;
	if (*verdict == POLICY_PERMIT)
		*verdict = profile_permits(node->profile, group, source);
	return *verdict == POLICY_PERMIT;
}

enum ctl_err mag_subscribe(struct mag *mag, struct now now, const struct nai *mn, const struct in6_addr *group,
			   const struct in6_addr *source, enum policy_verdict *verdict)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);
	struct filter f, all;
	struct mag_sub *sub;
	bool oom = false;

	if (!node || !node->peer || !mag_node_present(node))
		return CTL_NO_SUCH_NODE;
	if (node->terminated) { /* the operator begins again what an operator ended */
		node->terminated = false;
		mag_subs_profile_changed(node, now);
	}
	if (!may_subscribe(node, group, source, verdict))
		return CTL_NOT_PERMITTED;
	sub = mag_sub_get(node, now, group);
	if (!sub)
		return CTL_LIMIT;
	f = single(source);
	all = filter_union(&sub->admin, &f, &oom);
	filter_drop(&f);
	if (filter_eq(&all, &sub->admin) && !sub->ended && !sub->result) {
		filter_drop(&all);
		return CTL_ALREADY;
	}
	filter_move(&sub->admin, all);
	sub->ended = sub->declined_all = false;
	sub->result = MH_SUB_ACCEPTED; /* what the anchor refused is asked of it once more */
	mag_sub_decide(sub, now);
	*verdict = sub->verdict;
	mag_settle(mag, now);
	return sub->verdict == POLICY_PERMIT ? CTL_OK : CTL_LIMIT;
}

/* What is left of the operator's own wish without that source; without any source nothing is. */
static void forget_admin(struct mag_sub *sub, const struct in6_addr *source)
{
	bool oom = false;
	struct filter f = single(source);

	if (addr_is_any(source) || sub->admin.mode == FILTER_EXCLUDE)
		filter_drop(&sub->admin);
	else
		filter_move(&sub->admin, filter_list_minus(&sub->admin, &f, &oom));
	filter_drop(&f);
}

enum ctl_err mag_unsubscribe(struct mag *mag, struct now now, const struct nai *mn, const struct in6_addr *group,
			     const struct in6_addr *source)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);
	struct mag_sub *sub = node ? mag_sub_find(node, group) : NULL;
	bool admin;

	if (!node)
		return CTL_NO_SUCH_NODE;
	if (!sub || (filter_is_none(&sub->wish) && filter_is_none(&sub->admin)))
		return CTL_NOT_SUBSCRIBED;
	admin = !filter_is_none(&sub->admin);
	if (!admin && sub->mandatory && (sub->origins & SUB_ORIGIN_PROFILE))
		return CTL_MANDATORY;
	if (admin) {
		forget_admin(sub, source);
	} else {
		/* The node's own doing, done for it: as if it had left. It may join again. */
		sub->declined_all = true;
		if (node->mld)
			mld_link_drop_group(node->mld, now, group);
		(void)mag_listen_drain(mag, now);
		sub = mag_sub_find(node, group);
	}
	if (sub) {
		mag_sub_decide(sub, now);
		(void)mag_sub_gone(sub);
	}
	mag_settle(mag, now);
	return CTL_OK;
}

enum ctl_err mag_terminate_group(struct mag *mag, struct now now, const struct in6_addr *group)
{
	struct event e = mag_event_of(EV_GROUP_TERMINATED, NULL);
	bool some = false;

	for (struct hnode *h = htab_next(&mag->nodes_by_mn, NULL); h; h = htab_next(&mag->nodes_by_mn, h)) {
		struct mag_sub *sub = mag_sub_find(hnode_owner(h, struct mag_node, by_mn), group);

		if (!sub || filter_is_none(&sub->wish))
			continue;
		some = true;
		mag_sub_ended(sub, now, NULL);
	}
	if (!some)
		return CTL_NO_SUCH_GROUP;
	e.group = *group;
	fxq_event(mag->fxq, &e);
	mag_settle(mag, now);
	return CTL_OK;
}

enum ctl_err mag_terminate_node(struct mag *mag, struct now now, const struct nai *mn)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);

	if (!node || !mag_node_present(node))
		return CTL_NO_SUCH_NODE;
	if (node->terminated)
		return CTL_ALREADY;
	node->terminated = true;
	if (node->peer)
		mag_subs_off(node, now);
	mag_settle(mag, now);
	return CTL_OK;
}

/* A stream that ended (decision 21). Without a source it is the whole group that is silent. */
static void silent(struct mag_sub *sub, struct now now, const struct in6_addr *source)
{
	if (addr_is_any(source))
		mag_sub_ended(sub, now, NULL);
	else if (sub->want.mode == FILTER_INCLUDE && filter_has_source(&sub->want, source))
		mag_sub_ended(sub, now, source);
}

void mag_source_silent(struct mag *mag, struct now now, const struct in6_addr *source, const struct in6_addr *group,
		       bool terminate)
{
	struct event e = mag_event_of(EV_SOURCE_SILENT, NULL);

	e.source = *source;
	e.group = *group;
	fxq_event(mag->fxq, &e);
	for (struct hnode *h = htab_next(&mag->nodes_by_mn, NULL); h && terminate;
	     h = htab_next(&mag->nodes_by_mn, h)) {
		struct mag_sub *sub = mag_sub_find(hnode_owner(h, struct mag_node, by_mn), group);

		if (sub && !filter_is_none(&sub->want))
			silent(sub, now, source);
	}
	mag_settle(mag, now);
}
