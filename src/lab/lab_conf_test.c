/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/lab_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "store/store.h"

static struct lab lab;
static char file[] = "/tmp/roamcast-lab-conf.XXXXXX";

static int setup(void **state)
{
	(void)state;
	strcpy(file + sizeof(file) - 7, "XXXXXX");
	int fd = mkstemp(file);
	if (fd < 0 || lab_shape(&lab, "unit", 2, 3, 4) < 0)
		return -1;
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	lab_release(&lab);
	return 0;
}

static struct conf *load(void)
{
	struct conf_errors *errors = NULL;
	struct conf *c = conf_load(file, &errors);
	if (!c) {
		conf_errors_print(errors, stderr);
		conf_errors_free(errors);
	}
	assert_non_null(c);
	return c;
}

static void assert_addr(const struct in6_addr *a, const char *text)
{
	char buf[ADDR_STR_MAX];
	assert_string_equal(addr_str(a, buf), text);
}

static void a_daemon_takes_the_lma_file(void **state)
{
	(void)state;
	assert_int_equal(lab_conf_lma(&lab, 1, file), 0);
	struct conf *c = load();
	assert_true(c->lab && c->has_lma && !c->has_mag);
	assert_string_equal(c->name, "lma2");
	assert_string_equal(c->upstream, "up0");
	assert_addr(&c->lma.lmaa, "2001:db8:ff::2");
	assert_int_equal(c->lma.n_mags, 3);
	assert_addr(&c->lma.mags[2].proxy_coa.addr, "2001:db8:ff::1:3");
	assert_int_equal(c->lma.mags[2].proxy_coa.len, 128);
	assert_int_equal(c->lma.n_pools, 1);
	assert_addr(&c->lma.pools[0].addr, "2001:db8:f01::");
	conf_free(c);
}

static void a_daemon_takes_the_mag_file(void **state)
{
	(void)state;
	lab.mags[1].shared = true;
	assert_int_equal(lab_conf_mag(&lab, 1, file), 0);
	struct conf *c = load();
	assert_true(c->has_mag && !c->has_lma);
	assert_addr(&c->mag.proxy_coa, "2001:db8:ff::1:2");
	assert_addr(&c->mag.lma, "2001:db8:ff::1");
	assert_int_equal(c->n_access, 1);
	assert_string_equal(c->access[0].pattern, "acc*");
	assert_int_equal(c->access[0].kind, MAG_LINK_SHARED);
	conf_free(c);
}

static void one_daemon_takes_both_roles(void **state)
{
	(void)state;
	strcpy(lab.mags[2].with, "lma2");
	assert_int_equal(lab_conf_lma(&lab, 1, file), 0);
	struct conf *c = load();
	assert_true(c->has_lma && c->has_mag);
	assert_int_equal(c->lma.n_mags, 2); /* not itself */
	assert_addr(&c->mag.proxy_coa, "2001:db8:ff::1:3");
	assert_addr(&c->mag.lma, "2001:db8:ff::1");
	conf_free(c);
}

static void settings_lie_over_it(void **state)
{
	(void)state;
	assert_int_equal(lab_set(&lab, "mag.lifetime=40s"), 0);
	assert_int_equal(lab_set(&lab, "mag2:mag.multicast.signalling=mld"), 0);
	assert_int_equal(lab_set(&lab, "lma.limits.bindings=7"), 0);
	assert_int_equal(lab_set(&lab, "no-value="), -22);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(lab_conf_mag(&lab, i, file), 0);
		struct conf *c = load();
		assert_int_equal(c->mag.lifetime.ns, span_s(40).ns);
		assert_int_equal(c->mag.signalling, i == 1 ? MAG_SIGNALLING_MLD : MAG_SIGNALLING_AUTO);
		conf_free(c);
	}
	assert_int_equal(lab_conf_lma(&lab, 0, file), 0);
	struct conf *c = load();
	assert_int_equal(c->lma.bindings_max, 7);
	conf_free(c);
}

static void the_store_takes_the_profiles(void **state)
{
	(void)state;
	char why[256] = "", buf[LLADDR_STR_MAX];
	lab.mns[3].profile = json_pack("{s{ss}}", "multicast", "initiation", "network");
	assert_int_equal(lab_conf_policy(&lab, file), 0);
	json_t *all = json_load_file(file, 0, NULL);
	assert_int_equal(json_array_size(all), 4);
	for (size_t i = 0; i < 4; i++) {
		struct profile *p = profile_of_json(json_array_get(all, i), why, sizeof(why));
		assert_string_equal(why, "");
		assert_int_equal(p->n_lladdrs, 1);
		assert_addr(&p->lma, i % 2 ? "2001:db8:ff::2" : "2001:db8:ff::1");
		assert_int_equal(p->initiation, i == 3 ? PROFILE_INITIATION_NETWORK : PROFILE_INITIATION_NODE);
		if (i == 3)
			assert_string_equal(lladdr_str(&p->lladdrs[0], buf), "02:52:4e:00:00:04");
		profile_unref(p);
	}
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_daemon_takes_the_lma_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_daemon_takes_the_mag_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_daemon_takes_both_roles, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_store_takes_the_profiles, setup, teardown),
	    cmocka_unit_test_setup_teardown(settings_lie_over_it, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
