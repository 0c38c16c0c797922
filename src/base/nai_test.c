/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/nai.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void texts_are_printable(void **state)
{
	char buf[NAI_STR_MAX];
	struct nai n = nai_of("mn1@example.com", 15);

	(void)state;
	assert_string_equal(nai_str(&n, buf), "mn1@example.com");
	n = nai_of("a b\\\n\0\xff", 7);
	assert_int_equal(n.len, 7);
	assert_string_equal(nai_str(&n, buf), "a\\x20b\\x5c\\x0a\\x00\\xff");
	n = nai_of(NULL, 0);
	assert_string_equal(nai_str(&n, buf), "");
}

static void the_longest_fits_its_text(void **state)
{
	char octets[NAI_MAX + 10], buf[NAI_STR_MAX];
	struct nai n;

	(void)state;
	memset(octets, 0x01, sizeof(octets));
	n = nai_of(octets, sizeof(octets));
	assert_int_equal(n.len, NAI_MAX);
	assert_int_equal(n.s[NAI_MAX], '\0');
	assert_int_equal(strlen(nai_str(&n, buf)), NAI_STR_MAX - 1);
}

static void equality_is_octet_by_octet(void **state)
{
	struct nai a = nai_of("mn1@a", 5), b = nai_of("mn1@A", 5), c = nai_of("mn1@a\0", 6);

	(void)state;
	assert_true(nai_eq(&a, &a));
	assert_false(nai_eq(&a, &b));
	assert_false(nai_eq(&a, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_printable),
		cmocka_unit_test(the_longest_fits_its_text),
		cmocka_unit_test(equality_is_octet_by_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
