/* SPDX-License-Identifier: BSD-2-Clause */
#include "fx/ctl_err.h"

const char *ctl_err_text(enum ctl_err e)
{
	switch (e) {
	case CTL_OK:
		return "done";
	case CTL_NO_SUCH_NODE:
		return "no such node is known here";
	case CTL_NO_SUCH_GROUP:
		return "nobody here subscribes to that group";
	case CTL_NO_SUCH_LINK:
		return "no such access link";
	case CTL_NOT_PERMITTED:
		return "not permitted by the node's profile or the domain's scope rules";
	case CTL_LIMIT:
		return "a configured limit is reached";
	case CTL_NOT_SUBSCRIBED:
		return "the node has no such subscription";
	case CTL_MANDATORY:
		return "the profile makes this group mandatory";
	case CTL_ALREADY:
		return "it is so already";
	case CTL_NO_SUCH_MAG:
		return "no candidate gateway of that name, address or access point is configured";
	case CTL_NO_HANDOVER:
		return "no handover of the node is under way";
	case CTL_NOT_SERVED:
		return "the node is not registered on a link here";
	}
	return "unknown error";
}
