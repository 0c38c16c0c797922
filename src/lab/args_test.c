/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static bool flag;
static const char *text, *word, *list[2];
static unsigned long number;
static size_t n_list;
static span_t span;

static int parse(int argc, ...)
{
	static char words[8][32];
	char *argv[9] = {0};
	va_list ap;
	const struct arg known[] = {
	    {"flag", ARG_FLAG, .to = &flag},
	    {"text", ARG_TEXT, .to = &text},
	    {"word", ARG_WORD, .to = &word, .words = "auto|ebpf"},
	    {"number", ARG_NUMBER, .to = &number, 3, 9},
	    {"span", ARG_SPAN, .to = &span, 10, 1000000},
	    {"addr", ARG_ADDRESS, .to = list, .n = &n_list, .max = 2},
	};
	va_start(ap, argc);
	for (int i = 0; i < argc; i++)
		argv[i] = strcpy(words[i], va_arg(ap, const char *));
	va_end(ap);
	flag = false;
	text = word = NULL;
	number = n_list = 0;
	return args_parse(argc, argv, known, sizeof(known) / sizeof(known[0]));
}

static void a_time_has_a_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {{"0", 0}, {"0ms", 0}, {"20ms", 20000000}, {"1.5ms", 1500000}, {"300us", 300000}, {"2s", 2000000000}};
	static const char *const bad[] = {"", "5", "ms", "-1ms", "5 ms", "5min", "nan", "1e99s", "5msx", " 5ms"};
	span_t s;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(args_span(good[i].text, &s));
		assert_int_equal(s.ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(args_span(bad[i], &s));
	assert_int_equal(parse(3, "cmd", "--span", "1ms"), 3);
	assert_int_equal(span.ns, 1000000);
	assert_int_equal(parse(3, "cmd", "--span", "9us"), -1);
	assert_int_equal(parse(3, "cmd", "--span", "1001ms"), -1);
}

static void takes_options_among_words(void **state)
{
	(void)state;
	assert_int_equal(parse(6, "cmd", "one", "--flag", "--number", "9", "two"), 4);
	assert_true(flag);
	assert_int_equal(number, 9);
	assert_int_equal(parse(4, "cmd", "--text=a b", "--word", "ebpf"), 4);
	assert_string_equal(text, "a b");
	assert_string_equal(word, "ebpf");
	assert_int_equal(parse(5, "cmd", "--addr", "::1", "--addr", "ff3e::1"), 5);
	assert_int_equal(n_list, 2);
	assert_string_equal(list[1], "ff3e::1");
}

static void refuses_what_is_not_expected(void **state)
{
	(void)state;
	assert_int_equal(parse(3, "cmd", "--number", "2"), -1);
	assert_int_equal(parse(3, "cmd", "--number", "10"), -1);
	assert_int_equal(parse(3, "cmd", "--number", "-4"), -1);
	assert_int_equal(parse(3, "cmd", "--number", "5x"), -1);
	assert_int_equal(parse(3, "cmd", "--word", "aut"), -1);
	assert_int_equal(parse(3, "cmd", "--word", ""), -1);
	assert_int_equal(parse(3, "cmd", "--addr", "10.0.0.1"), -1);
	assert_int_equal(parse(7, "cmd", "--addr", "::1", "--addr", "::2", "--addr", "::3"), -1);
	assert_int_equal(parse(2, "cmd", "--other"), -1);
	assert_int_equal(parse(2, "cmd", "--text"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_time_has_a_unit),
	    cmocka_unit_test(takes_options_among_words),
	    cmocka_unit_test(refuses_what_is_not_expected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
