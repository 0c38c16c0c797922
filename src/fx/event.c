/* SPDX-License-Identifier: BSD-2-Clause */
#include "fx/event.h"

const char *event_name(enum event_kind kind)
{
	static const char *const name[EV_N] = {
		[EV_NODE_SEEN] = "node-seen",
		[EV_NODE_UNKNOWN] = "node-unknown",
		[EV_NODE_REFUSED] = "node-refused",
		[EV_NODE_ATTACHED] = "node-attached",
		[EV_NODE_REGISTERED] = "node-registered",
		[EV_NODE_REGISTRATION_FAILED] = "node-registration-failed",
		[EV_NODE_LMA_SILENT] = "node-lma-silent",
		[EV_NODE_MOVED_AWAY] = "node-moved-away",
		[EV_NODE_DETACHED] = "node-detached",
		[EV_HANDOVER_STARTED] = "handover-started",
		[EV_HANDOVER_READY] = "handover-ready",
		[EV_HANDOVER_ARRIVED] = "handover-arrived",
		[EV_HANDOVER_COMPLETED] = "handover-completed",
		[EV_HANDOVER_CANCELLED] = "handover-cancelled",
		[EV_HANDOVER_FAILED] = "handover-failed",
		[EV_BINDING_CREATED] = "binding-created",
		[EV_BINDING_REFRESHED] = "binding-refreshed",
		[EV_BINDING_MOVED] = "binding-moved",
		[EV_BINDING_DEREGISTERED] = "binding-deregistered",
		[EV_BINDING_DELETED] = "binding-deleted",
		[EV_BINDING_EXPIRED] = "binding-expired",
		[EV_BINDING_REFUSED] = "binding-refused",
		[EV_BINDING_REVOKED] = "binding-revoked",
		[EV_SUBSCRIBED] = "subscribed",
		[EV_UNSUBSCRIBED] = "unsubscribed",
		[EV_SUBSCRIPTION_REFUSED] = "subscription-refused",
		[EV_GROUP_JOINED] = "group-joined",
		[EV_GROUP_LEFT] = "group-left",
		[EV_GROUP_TERMINATED] = "group-terminated",
		[EV_SOURCE_SILENT] = "source-silent",
		[EV_PEER_UP] = "peer-up",
		[EV_PEER_LEGACY] = "peer-legacy",
		[EV_PEER_DOWN] = "peer-down",
		[EV_PEER_RESTARTED] = "peer-restarted",
		[EV_LINK_UP] = "link-up",
		[EV_LINK_DOWN] = "link-down",
		[EV_LIMIT] = "limit",
		[EV_MLD_WARNING] = "mld-warning",
		[EV_QUERIER_CHANGED] = "querier-changed",
		[EV_MLD_VERSION] = "mld-version-changed",
		[EV_POLICY_CHANGED] = "policy-changed",
	};

	return (unsigned)kind < EV_N && name[kind] ? name[kind] : "unknown";
}
