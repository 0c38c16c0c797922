/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/mh.h"

#include <stddef.h>
#include <string.h>

/* The records and sources are left as they are: counts of 0 say that there are none. */
void mh_init(struct mh_msg *m, enum mh_type type)
{
	memset(m, 0, offsetof(struct mh_msg, records));
	m->type = type;
}

bool mh_refers(const struct mh_msg *m)
{
	return m->n_vsm || (m->has & (MH_HAS_SERVICE | MH_HAS_ANI | MH_HAS_CONTEXT_REQUEST | MH_HAS_AUTH));
}

size_t mh_auth_covered(const struct mh_msg *m)
{
	return m->has & MH_HAS_AUTH ? (size_t)m->auth_offset + 7 : 0;
}

/* A second has 2^16 parts there. Upwards on the way back, so that going both ways changes nothing. */
uint64_t mh_timestamp_of(int64_t wall_ns)
{
	uint64_t s, ns;

	if (wall_ns < 0)
		return 0;
	s = (uint64_t)wall_ns / 1000000000;
	ns = (uint64_t)wall_ns % 1000000000;
	return s << 16 | (ns << 16) / 1000000000;
}

int64_t mh_timestamp_to_ns(uint64_t ts)
{
	uint64_t s = ts >> 16, ns = ((ts & 0xffff) * 1000000000 + 0xffff) >> 16;

	if (s >= INT64_MAX / 1000000000)
		return INT64_MAX;
	return (int64_t)(s * 1000000000 + ns);
}
