/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/topo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct lab lab;
static char file[] = "/tmp/roamcast-topo.XXXXXX";

static int setup(void **state)
{
	(void)state;
	strcpy(file + sizeof(file) - 7, "XXXXXX");
	int fd = mkstemp(file);
	if (fd >= 0)
		close(fd);
	lab = (struct lab){.lock = -1};
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	lab_release(&lab);
	return 0;
}

static int read_text(const char *text)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return lab_read(&lab, file, NULL);
}

static void options_give_default_names(void **state)
{
	(void)state;
	char buf[LAB_PATH_MAX];
	assert_int_equal(lab_shape(&lab, "x1", 2, 12, 300), 0);
	assert_string_equal(lab.lmas[0].name, "lma");
	assert_string_equal(lab.lmas[1].name, "lma2");
	assert_string_equal(lab.mags[11].name, "mag12");
	assert_string_equal(lab_netns(&lab, "mn300", buf), "x1-mn300");
	assert_string_equal(lab_mn_mac(299, buf), "02:52:4e:00:01:2c");
	assert_string_equal(lab_mag_addr(11, buf), "2001:db8:ff::1:c");
	assert_int_equal(lab.mns[1].lma, 1); /* the LMAs share the nodes */
	assert_true(lab_has_node(&lab, "mn300") && lab_has_node(&lab, "rtr"));
	assert_false(lab_has_node(&lab, "mn301"));
}

static void wrong_numbers_and_prefixes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(lab_shape(&lab, "x", 0, 1, 1), -EINVAL);
	assert_int_equal(lab_shape(&lab, "x", 1, 0, 1), -EINVAL); /* an LMA alone would permit nobody to register */
	assert_int_equal(read_text("{\"mns\": [{}]}"), -EINVAL);
	assert_int_equal(lab_shape(&lab, "x", 1, LAB_COUNT_MAX + 1, 1), -EINVAL);
	assert_int_equal(lab_shape(&lab, "../x", 1, 1, 1), -EINVAL);
	assert_int_equal(lab_shape(&lab, "", 1, 1, 1), -EINVAL);
	assert_int_equal(lab_shape(&lab, "0123456789012345678901234567890123456789", 1, 1, 1), -EINVAL);
}

static void a_topology_file_gives_another_shape(void **state)
{
	(void)state;
	assert_int_equal(read_text("{\"prefix\": \"t\", \"lmas\": [{}, {\"name\": \"lmb\"}],"
				   "\"mags\": [{\"name\": \"west\"}, {\"name\": \"east\", \"shared\": true, \"delay\": \"2.5ms\"}],"
				   "\"mns\": [{\"name\": \"bob\", \"at\": \"east\", \"lma\": \"lmb\","
				   "\"profile\": {\"multicast\": {\"initiation\": \"network\"}}}, {}],"
				   "\"settings\": {\"mag.lifetime\": \"60s\"}}"),
			 0);
	assert_string_equal(lab.prefix, "t");
	assert_false(lab.mags[0].shared);
	assert_true(lab.mags[1].shared);
	assert_int_equal(lab.mags[0].delay.ns, 0);
	assert_int_equal(span_to_us(lab.mags[1].delay), 2500);
	assert_string_equal(lab.mns[0].at, "east");
	assert_int_equal(lab.mns[0].lma, 1);
	assert_string_equal(lab.mns[1].name, "mn2");
	assert_string_equal(json_string_value(json_object_get(lab.settings, "mag.lifetime")), "60s");
}

static void what_is_saved_is_read_again(void **state)
{
	(void)state;
	assert_int_equal(lab_shape(&lab, "x", 2, 2, 2), 0);
	strcpy(lab.mns[1].at, "mag2");
	strcpy(lab.dataplane, "user");
	lab.mags[0].shared = true;
	assert_int_equal(lab_delay(&lab.mags[1], span_us(1500)), 0);
	assert_int_equal(lab_proc_add(&lab, "gone", (struct proc){1, 2}), 0);
	assert_int_equal(lab_proc_add(&lab, "lma", (struct proc){77, 1ull << 40}), 0);
	lab_proc_drop(&lab, lab_proc(&lab, "gone"));
	json_t *first = lab_to_json(&lab);
	assert_int_equal(json_dump_file(first, file, 0), 0);
	lab_release(&lab);
	assert_int_equal(lab_read(&lab, file, NULL), 0);
	json_t *second = lab_to_json(&lab);
	assert_true(json_equal(first, second));
	assert_null(lab_proc(&lab, "gone"));
	assert_true(lab_proc(&lab, "lma")->proc.start == 1ull << 40);
	json_decref(first);
	json_decref(second);
}

static void a_wrong_file_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
	    "",
	    "[]",
	    "{\"mags\": [{\"name\": \"src\"}]}",
	    "{\"mags\": [{\"name\": \"a-b\"}]}",
	    "{\"mags\": [{\"name\": \"muchtoolongforalink\"}]}",
	    "{\"mns\": [{\"at\": \"mag1\"}]}",
	    "{\"mns\": [{\"lma\": \"lma2\"}]}",
	    "{\"lmas\": []}",
	    "{\"magz\": [{\"name\": \"a\"}]}",
	    "{\"mags\": [{\"name\": \"a\", \"share\": true}]}",
	    "{\"mns\": [{\"name\": \"a\", \"profil\": {}}]}",
	    "{\"prefix\": \"a/b\"}",
	    "{\"mags\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}",
	    "{\"mags\": [{}], \"mns\": [{\"name\": \"mag1\"}]}",
	    "{\"settings\": {\"mag.lifetime\": 60}}",
	    "{\"mags\": [{\"with\": \"mag1\"}]}",
	    "{\"mags\": [{\"delay\": \"5\"}]}",
	    "{\"mags\": [{\"delay\": 5}]}",
	    "{\"mags\": [{\"delay\": \"11s\"}]}",
	    "{\"mags\": [{\"with\": \"lma\", \"delay\": \"5ms\"}]}",
	    "{\"mags\": [{\"with\": \"lma\"}, {\"with\": \"lma\"}]}",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_text(wrong[i]), -EINVAL);
		assert_int_equal(lab.n_mags + lab.n_mns + lab.n_lmas, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(options_give_default_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(wrong_numbers_and_prefixes_are_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_topology_file_gives_another_shape, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_saved_is_read_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_wrong_file_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
