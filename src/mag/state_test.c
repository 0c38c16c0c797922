/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a node: which state may follow which, as drawn in node.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mag/mag_priv.h"

#define STATES (MAG_NODE_HELD + 1)

static void what_may_follow(void **state)
{
	/* Rows: from; columns: identifying, unknown, refused, registering, registered, deregistering, held. */
	static const char *const legal[STATES] = {
		[MAG_NODE_IDENTIFYING] = "..xx...",
		[MAG_NODE_UNKNOWN] = ".......",
		[MAG_NODE_REFUSED] = "...x..x",
		[MAG_NODE_REGISTERING] = "..x.xxx",
		[MAG_NODE_REGISTERED] = "..xx.xx",
		[MAG_NODE_DEREGISTERING] = "..xx...",
		[MAG_NODE_HELD] = "..xx.x.",
	};

	(void)state;
	for (int from = 0; from < STATES; from++)
		for (int to = 0; to < STATES; to++)
			assert_int_equal(mag_node_may_become((enum mag_node_state)from, (enum mag_node_state)to),
					 legal[from][to] == 'x');
}

/* Data is forwarded in one state, so that exactly the ways into and out of it touch the data plane. */
static void one_way_into_service(void **state)
{
	(void)state;
	for (int from = 0; from < STATES; from++)
		assert_int_equal(mag_node_may_become((enum mag_node_state)from, MAG_NODE_REGISTERED),
				 from == MAG_NODE_REGISTERING);
}

static void names(void **state)
{
	(void)state;
	for (int s = 0; s < STATES; s++)
		assert_string_not_equal(mag_node_state_name((enum mag_node_state)s), "?");
	for (int s = 0; s <= MAG_SUB_LOCAL; s++)
		assert_string_not_equal(mag_sub_state_name((enum mag_sub_state)s), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_follow),
		cmocka_unit_test(one_way_into_service),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
