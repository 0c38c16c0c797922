/* SPDX-License-Identifier: BSD-2-Clause */
#include "fx/dp_op.h"

const char *dp_op_name(enum dp_op_kind kind)
{
	switch (kind) {
	case DP_TUNNEL_ADD:
		return "tunnel-add";
	case DP_TUNNEL_DEL:
		return "tunnel-del";
	case DP_ROUTE_ADD:
		return "route-add";
	case DP_ROUTE_DEL:
		return "route-del";
	case DP_NODE_ADD:
		return "node-add";
	case DP_NODE_DEL:
		return "node-del";
	case DP_FLOW_ADD:
		return "flow-add";
	case DP_FLOW_DEL:
		return "flow-del";
	case DP_OUT_ADD:
		return "out-add";
	case DP_OUT_DEL:
		return "out-del";
	case DP_FLOW_MARK:
		return "flow-mark";
	case DP_HANDOVER_FORWARD:
		return "handover-forward";
	case DP_HANDOVER_EXPECT:
		return "handover-expect";
	case DP_HANDOVER_EDGE:
		return "handover-edge";
	case DP_HANDOVER_END:
		return "handover-end";
	}
	return "unknown";
}
