/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "dp/dp.h"

/* Tell the source of a dropped packet, where RFC 4443 lets us: Packet Too Big (with `mtu`) or Time Exceeded. The
 * packet may be cut. The rate is the caller's affair. */
void dp_icmp_error(struct dp *dp, enum dp_drop reason, uint32_t mtu, const uint8_t *packet, size_t len);
