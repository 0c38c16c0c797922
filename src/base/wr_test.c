/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/wr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void writes_network_order(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0xaa };
	uint8_t bytes[18];
	struct wr w = wr_of(bytes, sizeof(bytes));

	(void)state;
	wr_u8(&w, 0x01);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	wr_u64(&w, 0x08090a0b0c0d0e0f);
	wr_zero(&w, 2);
	wr_copy(&w, "\xaa", 1);
	assert_false(w.full);
	assert_int_equal(wr_mark(&w), sizeof(want));
	assert_int_equal(wr_left(&w), 0);
	assert_memory_equal(bytes, want, sizeof(want));
}

static void what_does_not_fit_is_not_written(void **state)
{
	uint8_t bytes[8];
	volatile size_t huge = SIZE_MAX; /* the compiler need not see that it never fits */
	struct wr w = wr_of(bytes, 3);

	(void)state;
	memset(bytes, 0x55, sizeof(bytes));
	wr_u16(&w, 0x0102);
	wr_u16(&w, 0x0304);
	assert_true(w.full);
	assert_int_equal(w.len, 2);
	wr_u8(&w, 5); /* there is room, but not behind a gap */
	assert_int_equal(w.len, 2);
	wr_copy(&w, bytes, huge);
	wr_in6(&w, &(struct in6_addr){ 0 });
	assert_memory_equal(bytes, "\x01\x02\x55\x55\x55\x55\x55\x55", 8);
}

static void set_goes_back_only_to_what_is_there(void **state)
{
	uint8_t bytes[8] = { 0 };
	struct wr w = wr_of(bytes, sizeof(bytes));

	(void)state;
	wr_u32(&w, 0);
	wr_set_u8(&w, 0, 0x11);
	wr_set_u16(&w, 2, 0x2233);
	assert_false(w.full);
	assert_memory_equal(bytes, "\x11\0\x22\x33", 4);
	wr_set_u16(&w, 3, 0xffff);
	assert_true(w.full);
	w.full = false;
	wr_set_u8(&w, 4, 0xff);
	assert_true(w.full);
	w = wr_of(bytes, sizeof(bytes));
	wr_set_u16(&w, 0, 0xffff);
	assert_true(w.full);
	assert_memory_equal(bytes, "\x11\0\x22\x33\0\0\0\0", 8);
}

static void empty_is_fine(void **state)
{
	struct wr w = wr_of(NULL, 0);

	(void)state;
	wr_copy(&w, NULL, 0);
	wr_zero(&w, 0);
	assert_false(w.full);
	wr_u8(&w, 1);
	assert_true(w.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_network_order),
		cmocka_unit_test(what_does_not_fit_is_not_written),
		cmocka_unit_test(set_goes_back_only_to_what_is_there),
		cmocka_unit_test(empty_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
