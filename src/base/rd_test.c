/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t octets[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 };

static void reads_network_order(void **state)
{
	struct rd r = rd_of(octets, sizeof(octets));

	(void)state;
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_int_equal(rd_offset(&r), 7);
	assert_int_equal(rd_u64(&r), 0x08090a0b0c0d0e0f);
	assert_int_equal(rd_left(&r), 3);
	assert_false(r.bad);
}

static void past_the_end_is_zero_and_sticky(void **state)
{
	struct rd r = rd_of(octets, 3);
	uint8_t copy[4] = { 9, 9, 9, 9 };
	struct in6_addr a;

	(void)state;
	assert_int_equal(rd_u16(&r), 0x0102);
	assert_int_equal(rd_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(rd_left(&r), 0); /* what was left is gone: nothing after an error looks like data */
	assert_int_equal(rd_u8(&r), 0);
	rd_copy(&r, copy, sizeof(copy));
	assert_memory_equal(copy, "\0\0\0\0", 4);
	a = rd_in6(&r);
	assert_int_equal(a.s6_addr[0], 0);
	assert_null(rd_bytes(&r, 1));
	rd_skip(&r, SIZE_MAX);
	assert_true(r.bad);
}

static void sub_readers_keep_to_their_part(void **state)
{
	struct rd r = rd_of(octets, sizeof(octets));
	struct rd sub = rd_sub(&r, 4), none;

	(void)state;
	assert_int_equal(rd_left(&sub), 4);
	assert_int_equal(rd_u32(&sub), 0x01020304);
	assert_int_equal(rd_u8(&sub), 0);
	assert_true(sub.bad);
	assert_false(r.bad);
	assert_int_equal(rd_u8(&r), 5);
	none = rd_sub(&r, 100);
	assert_true(none.bad);
	assert_true(r.bad);
	assert_int_equal(rd_left(&none), 0);
}

static void empty_is_fine(void **state)
{
	struct rd r = rd_of(NULL, 0);
	struct rd sub = rd_sub(&r, 0);

	(void)state;
	rd_skip(&r, 0);
	rd_copy(&r, NULL, 0);
	assert_int_equal(rd_left(&sub), 0);
	assert_false(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.bad);
}

static void bytes_are_in_place(void **state)
{
	struct rd r = rd_of(octets, sizeof(octets));
	struct in6_addr a;

	(void)state;
	rd_skip(&r, 1);
	assert_ptr_equal(rd_bytes(&r, 1), octets + 1);
	a = rd_in6(&r);
	assert_memory_equal(&a, octets + 2, 16);
	assert_false(r.bad);
	assert_ptr_equal(rd_bytes(&r, 0), octets + 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_network_order),
		cmocka_unit_test(past_the_end_is_zero_and_sticky),
		cmocka_unit_test(sub_readers_keep_to_their_part),
		cmocka_unit_test(empty_is_fine),
		cmocka_unit_test(bytes_are_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
