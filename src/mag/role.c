/* SPDX-License-Identifier: BSD-2-Clause */
/* In what role a node is served here (draft 5 and 8): as a proxy, which listens to its MLD, or as a listener in its place,
 * where its groups come from the profile, from its context and from operators alone. The anchor chooses among the roles
 * that we offer (VSM 19/5). The state is the same in both, so that a context goes from any role to any (draft 9.2): what a
 * node asked for by MLD elsewhere holds here for the membership interval, where nobody listens to it. */
#include "mag/mag_priv.h"

uint16_t mag_roles(const struct mag *mag)
{
	return (uint16_t)((mag->conf.node_mld ? MH_ROLE_PROXY : 0) | MH_ROLE_LISTENER);
}

bool mag_node_listens(const struct mag_node *node)
{
	return node->mag->conf.node_mld && !node->unheard;
}

void mag_role_take(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	bool unheard = (m->has & MH_HAS_ROLE) && m->role == MH_ROLE_LISTENER;

	if (unheard == node->unheard)
		return;
	node->unheard = unheard;
	mag_subs_review(node, now);
}
