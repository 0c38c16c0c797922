/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of the tables in RFC 3810 7.4.1 and 7.4.2, with what its timers do until nothing is left. */
#include "mld/testing.h"

#define ROBUST "fe80::1" /* a router with a lower interface identifier: the querier */

struct row {
	enum filter_mode state;
	enum mld_record_type record;
	const char *querier, *listener; /* the trace as querier and as non-querier */
};

/* INCLUDE (A): A = {a,b}, 200 s left. The record names {b,c}. MALI 260 s, LLQT 2 s.
 * EXCLUDE (X,Y): X = {a,b}, 200 s left; Y = {c,d}; Filter Timer 180 s. The record names {b,c,e}. */
static const struct row rows[] = {
    {FILTER_INCLUDE, MLD_MODE_IS_INCLUDE, "0:IN{a,b,c} 200:IN{b,c} 260:-", "0:IN{a,b,c} 200:IN{b,c} 260:-"},
    {FILTER_INCLUDE, MLD_MODE_IS_EXCLUDE, "0:EX{c} 200:EX{b,c} 260:-", "0:EX{c} 200:EX{b,c} 260:-"},
    {FILTER_INCLUDE, MLD_ALLOW_NEW_SOURCES, "0:IN{a,b,c} 200:IN{b,c} 260:-", "0:IN{a,b,c} 200:IN{b,c} 260:-"},
    {FILTER_INCLUDE, MLD_BLOCK_OLD_SOURCES, "0:Q{b} 1:Q{b} 2:IN{a} 200:-", "200:-"},
    {FILTER_INCLUDE, MLD_CHANGE_TO_EXCLUDE, "0:EX{c} 0:Q{b} 1:Q{b} 2:EX{b,c} 260:-", "0:EX{c} 200:EX{b,c} 260:-"},
    {FILTER_INCLUDE, MLD_CHANGE_TO_INCLUDE, "0:IN{a,b,c} 0:Q{a} 1:Q{a} 2:IN{b,c} 260:-",
     "0:IN{a,b,c} 200:IN{b,c} 260:-"},

    {FILTER_EXCLUDE, MLD_MODE_IS_INCLUDE, "0:EX{d} 180:IN{a,b,c,e} 200:IN{b,c,e} 260:-",
     "0:EX{d} 180:IN{a,b,c,e} 200:IN{b,c,e} 260:-"},
    {FILTER_EXCLUDE, MLD_MODE_IS_EXCLUDE, "0:EX{c} 200:EX{b,c} 260:-", "0:EX{c} 200:EX{b,c} 260:-"},
    {FILTER_EXCLUDE, MLD_ALLOW_NEW_SOURCES, "0:EX{d} 180:IN{a,b,c,e} 200:IN{b,c,e} 260:-",
     "0:EX{d} 180:IN{a,b,c,e} 200:IN{b,c,e} 260:-"},
    {FILTER_EXCLUDE, MLD_BLOCK_OLD_SOURCES, "0:Q{b,e} 1:Q{b,e} 2:EX{b,c,d,e} 180:IN{a} 200:-", "180:IN{a,b} 200:-"},
    {FILTER_EXCLUDE, MLD_CHANGE_TO_EXCLUDE, "0:EX{c} 0:Q{b,e} 1:Q{b,e} 2:EX{b,c,e} 260:-",
     "0:EX{c} 180:EX{c,e} 200:EX{b,c,e} 260:-"},
    {FILTER_EXCLUDE, MLD_CHANGE_TO_INCLUDE, "0:EX{d} 0:Q{} 0:Q{a} 1:Q{} 1:Q{a} 2:IN{b,c,e} 260:-",
     "0:EX{d} 180:IN{a,b,c,e} 200:IN{b,c,e} 260:-"},
};

static void hear_querier(struct bench *b)
{
	bench_query(b, ROBUST, (struct mld_query){.version = 2, .max_resp = span_s(10), .qrv = 2, .qqi = span_s(125)},
		    "");
}

static void start_row(struct bench *b, enum filter_mode state, bool querier)
{
	const struct mld_router_conf conf = {0};

	bench_start(b, &conf);
	if (!querier)
		hear_querier(b);
	if (state == FILTER_EXCLUDE)
		bench_record(b, 1, MLD_MODE_IS_EXCLUDE, "cd");
	bench_until(b, 20);
	bench_record(b, 1, MLD_ALLOW_NEW_SOURCES, "ab");
	bench_until(b, 80);
	bench_mark(b);
}

static void run_row(const struct row *row, bool querier)
{
	struct bench b;

	start_row(&b, row->state, querier);
	assert_int_equal(mld_link_is_querier(b.link), querier);
	bench_record(&b, 1, row->record, row->state == FILTER_INCLUDE ? "bc" : "bce");
	bench_until(&b, 170);
	if (!querier)
		hear_querier(&b);
	bench_until(&b, 300);
	if (strcmp(b.trace.s, querier ? row->querier : row->listener))
		print_error("%s, %s, %s\n", row->state ? "EXCLUDE" : "INCLUDE", mld_record_name(row->record),
			    querier ? "querier" : "non-querier");
	assert_trace(&b, querier ? row->querier : row->listener);
	bench_stop(&b);
}

static void test_rows_querier(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		run_row(&rows[i], true);
}

static void test_rows_non_querier(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		run_row(&rows[i], false);
}

/* (A-X-Y)=MALI in a row that sets the Filter Timer to the same: told apart when the Filter Timer is set again. */
static void test_new_sources_have_timers_of_their_own(void **state)
{
	struct bench b;

	(void)state;
	start_row(&b, FILTER_EXCLUDE, true);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "bce");
	bench_until(&b, 100);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "bce");
	bench_until(&b, 400);
	assert_trace(&b, "0:EX{c} 200:EX{b,c} 260:EX{b,c,e} 360:-");
	bench_stop(&b);
}

/* A group that is not there is INCLUDE of nothing. */
static void test_rows_from_nothing(void **state)
{
	static const struct {
		enum mld_record_type record;
		const char *sources, *trace;
	} from_nothing[] = {
	    {MLD_MODE_IS_INCLUDE, "ab", "0:IN{a,b} 260:-"},
	    {MLD_MODE_IS_INCLUDE, "", ""},
	    {MLD_MODE_IS_EXCLUDE, "ab", "0:EX{a,b} 260:-"},
	    {MLD_MODE_IS_EXCLUDE, "", "0:EX{} 260:-"},
	    {MLD_ALLOW_NEW_SOURCES, "ab", "0:IN{a,b} 260:-"},
	    {MLD_ALLOW_NEW_SOURCES, "", ""},
	    {MLD_BLOCK_OLD_SOURCES, "ab", ""},
	    {MLD_CHANGE_TO_EXCLUDE, "ab", "0:EX{a,b} 260:-"},
	    {MLD_CHANGE_TO_EXCLUDE, "", "0:EX{} 260:-"},
	    {MLD_CHANGE_TO_INCLUDE, "ab", "0:IN{a,b} 260:-"},
	    {MLD_CHANGE_TO_INCLUDE, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(from_nothing) / sizeof(*from_nothing); i++) {
		const struct mld_router_conf conf = {0};
		struct bench b;

		bench_start(&b, &conf);
		bench_record(&b, 1, from_nothing[i].record, from_nothing[i].sources);
		bench_until(&b, 300);
		assert_trace(&b, from_nothing[i].trace);
		bench_stop(&b);
	}
}

/* Sources in any order, and twice, are a set. */
static void test_record_is_a_set(void **state)
{
	const struct mld_router_conf conf = {0};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "cabac");
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "cca");
	bench_until(&b, 300);
	assert_trace(&b, "0:IN{a,b,c} 0:Q{a,c} 1:Q{a,c} 2:IN{b} 260:-");
	bench_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_querier),
	    cmocka_unit_test(test_rows_non_querier),
	    cmocka_unit_test(test_new_sources_have_timers_of_their_own),
	    cmocka_unit_test(test_rows_from_nothing),
	    cmocka_unit_test(test_record_is_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
