/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator, or a program in its place, asks for: it acts for a node (draft 7.1), or ends its
 * service (draft 4.3.1). */
#include <stdlib.h>

#include "mag/mag_priv.h"

/* ---- what was asked for belongs to the node's stay, not to one session of it ---- */

struct mag_asked {
	size_t n;
	struct {
		struct in6_addr group;
		struct filter wish;
	} v[];
};

void mag_asked_drop(struct mag_node *node)
{
	for (size_t i = 0; node->asked && i < node->asked->n; i++)
		filter_drop(&node->asked->v[i].wish);
	free(node->asked);
	node->asked = NULL;
}

void mag_asked_save(struct mag_node *node)
{
	struct mag_asked *a;
	size_t n = 0;

	if (!node->profile->multicast) { /* the end of the service ends it, too */
		mag_asked_drop(node);
		return;
	}
	list_each (i, &node->subs)
		n += !filter_is_none(&list_owner(i, struct mag_sub, in_node)->admin);
	if (!n)
		return; /* or saved already, and not begun again since */
	mag_asked_drop(node);
	a = calloc(1, sizeof(*a) + n * sizeof(a->v[0]));
	if (!a) {
		mag_count(node->mag, MAG_C_OUT_OF_MEMORY);
		return;
	}
	list_each (i, &node->subs) {
		const struct mag_sub *sub = list_owner(i, struct mag_sub, in_node);

		if (filter_is_none(&sub->admin))
			continue;
		a->v[a->n].group = sub->group;
		a->v[a->n++].wish = filter_dup(&sub->admin);
	}
	node->asked = a;
}

void mag_asked_restore(struct mag_node *node, struct now now)
{
	if (!node->asked || !mag_multicast_permitted(node))
		return;
	for (size_t i = 0; i < node->asked->n; i++) {
		struct mag_sub *sub;

		if (filter_is_none(&node->asked->v[i].wish))
			continue;
		sub = mag_sub_get(node, now, &node->asked->v[i].group);
		if (!sub)
			continue; /* counted there */
		filter_move(&sub->admin, node->asked->v[i].wish);
		node->asked->v[i].wish = FILTER_NONE;
		mag_sub_decide(sub, now);
	}
	mag_asked_drop(node);
}

/* Taken back before it came into force again. */
static bool asked_forget(struct mag_node *node, const struct in6_addr *group)
{
	bool found = false;

	for (size_t i = 0; node->asked && i < node->asked->n; i++) {
		if (!addr_eq(&node->asked->v[i].group, group))
			continue;
		found |= !filter_is_none(&node->asked->v[i].wish);
		filter_drop(&node->asked->v[i].wish);
	}
	return found;
}

/* ---- requests ---- */

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
		return asked_forget(node, group) ? CTL_OK : CTL_NOT_SUBSCRIBED;
	admin = !filter_is_none(&sub->admin);
	if (!admin && sub->mandatory && (sub->origins & SUB_ORIGIN_PROFILE))
		return CTL_MANDATORY;
	if (admin) {
		forget_admin(sub, source);
	} else {
		/* The node's own doing, done for it: as if it had left. It may join again. */
		sub->declined_all = true;
		filter_drop(&sub->context);
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

enum ctl_err mag_query_node(struct mag *mag, struct now now, const struct nai *mn, const struct in6_addr *group)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);

	if (!node || !mag_node_present(node))
		return CTL_NO_SUCH_NODE;
	if (!mag_listen_query(node, now, group))
		return CTL_NOT_PERMITTED;
	mag_settle(mag, now);
	return CTL_OK;
}
