/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of dp_rlist.h, seen by a reader as slow as can be: it takes the word once and then reads a slot after each
 * step that the writer makes. */
#include "dp/dp_rlist.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { SLOTS = 4096, MEMBERS = 300, STABLE = 100 };

struct rig {
	struct abi_out outs[SLOTS];
	struct rlists lists;
	struct rlist list;
	uint64_t word;
	struct dp_o members[MEMBERS];
	bool in[MEMBERS];
};

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct dp_grace *g = dp_grace_new(NULL);

	assert_non_null(r);
	assert_non_null(g);
	assert_true(rlists_init(&r->lists, r->outs, SLOTS, g));
	rlist_init(&r->list, &r->word);
	return r;
}

static void rig_free(struct rig *r)
{
	rlist_deinit(&r->lists, &r->list);
	dp_grace_free(r->lists.grace);
	rlists_deinit(&r->lists);
	free(r);
}

static void join(struct rig *r, uint32_t who)
{
	struct abi_out c = {.target = who + 1, .counter = who, .mtu = 1500};

	assert_int_equal(rlist_add(&r->lists, &r->list, &r->members[who], &c), 0);
	r->in[who] = true;
}

/* What a reader sees is the slot as it is: the one that was there has none any more, and to remove it is nothing. */
static void another_takes_the_place(void **state)
{
	struct rig *r = rig_new();
	uint64_t word;
	uint32_t slot;

	(void)state;
	join(r, 0);
	join(r, 1);
	word = r->word;
	slot = r->members[1].slot;
	rlist_replace(&r->list, &r->members[1], &r->members[2]);
	assert_int_equal(r->members[2].slot, slot);
	assert_int_equal(r->outs[slot].target, 2);
	rlist_del(&r->lists, &r->list, &r->members[1]);
	assert_int_equal(r->outs[slot].target, 2);
	assert_int_equal(r->word, word);
	for (uint32_t i = 3; i < 20; i++) /* it moves like any other */
		join(r, i);
	assert_int_equal(r->outs[r->members[2].slot].target, 2);
	rlist_del(&r->lists, &r->list, &r->members[2]);
	assert_int_equal(r->outs[r->members[2].slot].target, 0);
	rig_free(r);
}

static void leave(struct rig *r, uint32_t who)
{
	rlist_del(&r->lists, &r->list, &r->members[who]);
	r->in[who] = false;
}

static void step(struct rig *r, struct rng *rng)
{
	uint32_t who = STABLE + (uint32_t)rng_below(rng, MEMBERS - STABLE);

	if (r->in[who])
		leave(r, who);
	else
		join(r, who);
}

static void the_list_is_who_is_in(void **state)
{
	struct rig *r = rig_new();
	struct rng rng = rng_of(3);
	uint32_t seen[MEMBERS];

	(void)state;
	for (uint32_t i = 0; i < STABLE; i++)
		join(r, i);
	for (int n = 0; n < 20000; n++) {
		step(r, &rng);
		if (n % 50)
			continue;
		memset(seen, 0, sizeof(seen));
		for (uint32_t i = 0; i < (uint32_t)r->word; i++) {
			const struct abi_out *o = &r->outs[(r->word >> 32) + i];

			if (o->target) {
				assert_int_equal(o->counter, o->target - 1);
				seen[o->target - 1]++;
			}
		}
		for (uint32_t i = 0; i < MEMBERS; i++)
			assert_int_equal(seen[i], r->in[i]);
	}
	rig_free(r);
}

static void a_slow_reader_meets_each_stable_member_once(void **state)
{
	struct rig *r = rig_new();
	struct rng rng = rng_of(5);

	(void)state;
	for (uint32_t i = 0; i < STABLE; i++)
		join(r, i);
	for (int packet = 0; packet < 300; packet++) {
		uint64_t word = r->word;
		uint32_t seen[MEMBERS] = {0};

		/* The reader's grace: it is in the midst of its run, so no grace period ends. */
		uint64_t before = dp_grace_epoch(r->lists.grace);
		bool slow = true;

		for (uint32_t i = 0; i < (uint32_t)word; i++) {
			const struct abi_out *o = &r->outs[(word >> 32) + i];

			if (o->target)
				seen[o->target - 1]++;
			/* This reader is no kernel's: once a grace period has ended, what it reads may be used again. */
			if (slow && dp_grace_over(r->lists.grace, before))
				slow = false;
			if (slow)
				step(r, &rng);
		}
		if (!slow)
			continue;
		for (uint32_t i = 0; i < MEMBERS; i++)
			i < STABLE ? assert_int_equal(seen[i], 1) : assert_true(seen[i] <= 1);
	}
	rig_free(r);
}

static void a_full_pool_is_refused_and_recovers(void **state)
{
	struct rig *r = rig_new();
	struct rlist other;
	static struct dp_o many[SLOTS];
	struct abi_out c = {.target = 1};
	uint64_t word = 0;
	uint32_t n = 0;
	int e;

	(void)state;
	rlist_init(&other, &word);
	while ((e = rlist_add(&r->lists, &other, &many[n], &c)) == 0 && n < SLOTS - 1)
		n++;
	assert_int_equal(e, -ENOSPC);
	assert_true(n >= SLOTS / 2); /* growing copies: at the most half is in use */
	rlist_deinit(&r->lists, &other);
	rlist_init(&other, &word);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(rlist_add(&r->lists, &other, &many[i], &c), 0);
	rlist_deinit(&r->lists, &other);
	rig_free(r);
}

/* Another list may have taken its place in between: then the reader that found this one has no other to look at. */
static void a_list_that_ends_is_read_to_its_end(void **state)
{
	struct rig *r = rig_new();
	struct abi_out c = {.target = 9};
	uint32_t slot = rlist_lone_add(&r->lists, &c), first;
	uint64_t word;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		join(r, i);
	word = r->word;
	first = (uint32_t)(word >> 32);
	rlist_deinit(&r->lists, &r->list);
	for (uint32_t i = 0; i < 3; i++) /* then its members, one by one, as the tables do */
		leave(r, i);
	assert_int_equal(r->word, word);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(r->outs[first + i].target, i + 1);
	rlist_lone_del(&r->lists, slot);
	assert_int_equal(r->outs[slot].target, 9);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_who_is_in),
		cmocka_unit_test(a_slow_reader_meets_each_stable_member_once),
		cmocka_unit_test(another_takes_the_place),
		cmocka_unit_test(a_list_that_ends_is_read_to_its_end),
		cmocka_unit_test(a_full_pool_is_refused_and_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
