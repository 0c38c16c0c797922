/* SPDX-License-Identifier: BSD-2-Clause */
#include "roamcastd/daemon.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "io/log.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static void keep(unsigned cap)
{
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
}

int privileges_drop(const char *user, bool ebpf)
{
	/* an unprivileged container has none to drop, and the sockets are open already */
	if (capng_get_caps_process() < 0 || !capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN))
		return 0;
	capng_clear(CAPNG_SELECT_BOTH);
	keep(CAP_NET_ADMIN); /* addresses of access links, data-plane programs, sysctls */
	keep(CAP_NET_RAW);
	if (ebpf) {
		keep(CAP_BPF);
		keep(CAP_PERFMON);
	}
	int r;
	if (user[0]) {
		const struct passwd *pw = getpwnam(user);
		if (!pw) {
			log_error("user %s does not exist: create it, or leave the setting `user` out", user);
			return -ENOENT;
		}
		r = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	} else {
		r = capng_apply(CAPNG_SELECT_BOTH);
	}
	if (r < 0) {
		log_error("cannot drop privileges (libcap-ng error %d)", r);
		return -EPERM;
	}
	return 0;
}
