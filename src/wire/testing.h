/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For the unit tests of the codecs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static inline struct in6_addr addr(const char *s)
{
	struct in6_addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static inline void assert_addr(const struct in6_addr *a, const char *s)
{
	char buf[ADDR_STR_MAX];

	assert_string_equal(addr_str(a, buf), s);
}
