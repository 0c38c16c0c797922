/* SPDX-License-Identifier: BSD-2-Clause */
#include "fx/fx.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct in6_addr addr(uint8_t last)
{
	struct in6_addr a = {{{0x20, 1, 0xd, 0xb8}}};

	a.s6_addr[15] = last;
	return a;
}

static void every_kind_comes_out_as_it_went_in(void **state)
{
	struct fxq *q = fxq_new();
	struct in6_addr a = addr(1), b = addr(2);
	struct dp_tunnel t = {a, b};
	uint8_t bytes[300], mac[6] = {2, 0, 0, 0, 0, 9}, id[] = "mn1@example";
	struct fx_profile p = {.request = 77, .lladdr = lladdr_of(mac, 6), .id_len = 11, .id = id};
	struct event e = {.kind = EV_SUBSCRIBED, .group = b, .status = -1, .origin = 2, .detail = "why"};
	struct fx fx;

	(void)state;
	for (int i = 0; i < 300; i++)
		bytes[i] = (uint8_t)i;
	fxq_mh(q, &a, &b, bytes, 300);
	fxq_tunnel(q, &t, bytes + 1, 80);
	fxq_link(q, 5, mac, bytes + 2, 90);
	fxq_profile(q, &p);
	fxq_event(q, &e);
	memset(bytes, 0xee, sizeof(bytes)); /* the queue has its own copies */
	memset(id, 0xee, sizeof(id));
	assert_false(fxq_empty(q));

	assert_true(fxq_pop(q, &fx));
	assert_int_equal(fx.kind, FX_MH);
	assert_true(addr_eq(&fx.mh.src, &a) && addr_eq(&fx.mh.dst, &b));
	assert_int_equal(fx.mh.len, 300);
	for (int i = 0; i < 300; i++)
		assert_int_equal(fx.mh.bytes[i], (uint8_t)i);
	assert_true(fxq_pop(q, &fx));
	assert_int_equal(fx.kind, FX_TUNNEL);
	assert_true(dp_tunnel_eq(&fx.tunnel.tunnel, &t));
	assert_int_equal(fx.tunnel.len, 80);
	assert_int_equal(fx.tunnel.bytes[79], 80);
	assert_true(fxq_pop(q, &fx));
	assert_int_equal(fx.kind, FX_LINK);
	assert_int_equal(fx.link.ifindex, 5);
	assert_memory_equal(fx.link.dmac, mac, 6);
	assert_int_equal(fx.link.len, 90);
	assert_int_equal(fx.link.bytes[0], 2);
	assert_true(fxq_pop(q, &fx));
	assert_int_equal(fx.kind, FX_PROFILE);
	assert_int_equal(fx.profile.request, 77);
	assert_true(lladdr_eq(&fx.profile.lladdr, &p.lladdr));
	assert_memory_equal(fx.profile.id, "mn1@example", 11);
	assert_true(fxq_pop(q, &fx));
	assert_int_equal(fx.kind, FX_EVENT);
	assert_memory_equal(&fx.event, &e, sizeof(e));
	assert_false(fxq_pop(q, &fx));
	assert_true(fxq_empty(q));
	assert_int_equal(fxq_lost(q), 0);
	fxq_free(q);
}

static void every_dp_operation_comes_out_as_it_went_in(void **state)
{
	struct fxq *q = fxq_new();
	struct dp_tunnel t = {addr(1), addr(2)};
	struct dp_out outs[3] = {{.ifindex = 1, .node = 4}, {.ifindex = 2, .node = 5}, {.tunnel = t}};
	struct dp_flow flow = {.in = {.tunnel = t}, .source = addr(3), .group = addr(4)};
	struct dp_edge edge = {9, addr(4), 0xfffff};
	struct dp_op op[15] = {
		{.kind = DP_TUNNEL_ADD, .tunnel = t},
		{.kind = DP_TUNNEL_DEL, .tunnel = t},
		{.kind = DP_ROUTE_ADD, .route = {{addr(0), 64}, t, true}},
		{.kind = DP_ROUTE_DEL, .route = {{addr(9), 64}, t, false}},
		{.kind = DP_NODE_ADD, .node = {.node = 8, .ifindex = 3, .mac = {2}, .n_prefixes = 8, .tunnel = t}},
		{.kind = DP_NODE_DEL, .node = {.node = 8}},
		{.kind = DP_FLOW_ADD, .flow = flow, .outs = outs, .n_outs = 3},
		{.kind = DP_FLOW_DEL, .flow = flow},
		{.kind = DP_OUT_ADD, .flow = flow, .out = outs[1]},
		{.kind = DP_OUT_DEL, .flow = flow, .out = outs[2]},
		{.kind = DP_FLOW_MARK, .flow = flow, .label = 0x12345},
		{.kind = DP_HANDOVER_FORWARD, .handover = {.node = 9, .key = 0xabc, .tunnel = t}},
		{.kind = DP_HANDOVER_EXPECT, .handover = {.node = 9, .n_prefixes = 8, .seam_wait = span_ms(7)}},
		{.kind = DP_HANDOVER_EDGE, .edge = edge},
		{.kind = DP_HANDOVER_END, .handover = {.node = 9}},
	};
	struct dp_out copy[3];
	struct fx fx;

	(void)state;
	memcpy(copy, outs, sizeof(outs));
	op[4].node.prefixes[7] = (struct prefix){addr(7), 63};
	for (int i = 0; i < 15; i++)
		fxq_dp(q, &op[i]);
	memset(outs, 0xee, sizeof(outs));
	for (unsigned i = 0; i < 15; i++) {
		assert_true(fxq_pop(q, &fx));
		assert_int_equal(fx.kind, FX_DP);
		assert_int_equal(fx.dp.kind, i);
		if (i <= DP_TUNNEL_DEL)
			assert_true(dp_tunnel_eq(&fx.dp.tunnel, &t));
		else if (i <= DP_ROUTE_DEL)
			assert_memory_equal(&fx.dp.route, &op[i].route, sizeof(op[i].route));
		else if (i <= DP_NODE_DEL)
			assert_memory_equal(&fx.dp.node, &op[i].node, sizeof(op[i].node));
		else if (i <= DP_FLOW_MARK)
			assert_memory_equal(&fx.dp.flow, &flow, sizeof(flow));
		else if (i == DP_HANDOVER_EDGE)
			assert_memory_equal(&fx.dp.edge, &edge, sizeof(edge));
		else
			assert_memory_equal(&fx.dp.handover, &op[i].handover, sizeof(op[i].handover));
		if (i == DP_FLOW_ADD) {
			assert_int_equal(fx.dp.n_outs, 3);
			assert_memory_equal(fx.dp.outs, copy, sizeof(copy));
		}
		if (i == DP_FLOW_MARK)
			assert_int_equal(fx.dp.label, 0x12345);
		if (i == DP_OUT_ADD || i == DP_OUT_DEL)
			assert_memory_equal(&fx.dp.out, &op[i].out, sizeof(op[i].out));
	}
	/* A list without outputs. */
	op[6].n_outs = 0;
	op[6].outs = NULL;
	fxq_dp(q, &op[6]);
	assert_true(fxq_pop(q, &fx));
	assert_int_equal(fx.dp.n_outs, 0);
	fxq_free(q);
}

/* Order and content over many growths, and partial draining, of a queue that is seldom empty. */
static void order_holds_while_it_grows(void **state)
{
	struct fxq *q = fxq_new();
	struct rng r = rng_of(5);
	struct in6_addr a = addr(1);
	static uint8_t bytes[5000];
	uint32_t in = 0, out = 0;
	struct fx fx;

	(void)state;
	for (int step = 0; step < 60000 || out < in; step++) {
		bool filling = step / 3000 % 2 == 0;

		if (step < 60000 && (rng_below(&r, 4) < (filling ? 3u : 1u))) {
			size_t len = 4 + (in * 2654435761u >> 16) % (in % 100 ? 200 : 4000);

			memset(bytes, (int)(in & 0xff), len);
			memcpy(bytes, &in, 4);
			fxq_mh(q, &a, &a, bytes, len);
			in++;
		} else if (out < in) {
			assert_true(fxq_pop(q, &fx));
			assert_memory_equal(fx.mh.bytes, &out, 4);
			assert_int_equal(fx.mh.len, 4 + (out * 2654435761u >> 16) % (out % 100 ? 200 : 4000));
			if (fx.mh.len > 4)
				assert_int_equal(fx.mh.bytes[fx.mh.len - 1], out & 0xff);
			out++;
		} else {
			assert_false(fxq_pop(q, &fx));
		}
	}
	assert_int_equal(in, out);
	assert_int_equal(fxq_lost(q), 0);
	fxq_free(q);
}

static void a_list_of_many_outputs(void **state)
{
	struct fxq *q = fxq_new();
	uint32_t n = 100000;
	struct dp_out *outs = calloc(n, sizeof(*outs));
	struct dp_op op = {.kind = DP_FLOW_ADD, .outs = outs, .n_outs = n};
	struct fx fx;

	(void)state;
	for (uint32_t i = 0; i < n; i++)
		outs[i].ifindex = i;
	fxq_dp(q, &op);
	free(outs);
	assert_true(fxq_pop(q, &fx));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(fx.dp.outs[i].ifindex, i);
	assert_false(fxq_pop(q, &fx));
	fxq_free(q);
	assert_null(fxq_free(NULL));
}

static void names_are_all_there_and_distinct(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EV_N; i++) {
		assert_string_not_equal(event_name(i), "unknown");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(event_name(i), event_name(j));
	}
	assert_string_equal(event_name(EV_N), "unknown");
	assert_string_equal(event_name(EV_NODE_REGISTERED), "node-registered");
	for (unsigned i = 0; i <= DP_HANDOVER_END; i++) {
		assert_string_not_equal(dp_op_name(i), "unknown");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(dp_op_name(i), dp_op_name(j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_comes_out_as_it_went_in),
		cmocka_unit_test(every_dp_operation_comes_out_as_it_went_in),
		cmocka_unit_test(order_holds_while_it_grows),
		cmocka_unit_test(a_list_of_many_outputs),
		cmocka_unit_test(names_are_all_there_and_distinct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
