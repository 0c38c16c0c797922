/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv6 packets: the payload that is handed on lies within the packet. */
#include "wire/ip6.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct ip6_view v;

	if (!ip6_parse(bytes, len, &v))
		return 0;
	if (v.payload < bytes + IP6_HDR_LEN || v.payload_len > (size_t)(bytes + len - v.payload))
		abort();
	if (v.router_alert && !v.hop_by_hop)
		abort();
	return 0;
}
