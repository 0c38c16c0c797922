/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Outcomes of an operator's request to an engine. */
enum ctl_err {
	CTL_OK = 0,
	CTL_NO_SUCH_NODE,
	CTL_NO_SUCH_GROUP,
	CTL_NO_SUCH_LINK,
	CTL_NOT_PERMITTED, /* the profile or the scope forbids it: the verdict says why */
	CTL_LIMIT,
	CTL_NOT_SUBSCRIBED,
	CTL_MANDATORY,	   /* a mandatory static group cannot be left */
	CTL_ALREADY,
	CTL_NO_SUCH_MAG,   /* none of the candidates for a handover */
	CTL_NO_HANDOVER,   /* none is under way */
	CTL_NOT_SERVED,	   /* the node is known, but not registered on a link here */
};
const char *ctl_err_text(enum ctl_err e);
