/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The counters of the eBPF programs: an array that both sides map, with a row for each CPU (`counts` in dp_abi.h). To read
 * one or to set it back takes no system call. */
#include "bpf/dp_abi.h"

#include <stdint.h>

struct counts {
	struct abi_count *at; /* counts_elements() */
	uint32_t cpus, row;
	uint32_t base[ABI_COUNT_KINDS];
	uint32_t mark[ABI_COUNT_KINDS]; /* those below have been somebody's */
};

/* How many CPUs may ever be there, by the highest number that one may have; `possible` as the kernel lists them: "0-3,8". 0:
 * it is no such list. */
uint32_t counts_cpus(const char *possible);
/* The same, of this machine; or 0. */
uint32_t counts_cpus_here(void);

/* So many of each kind; `at` is the caller's to set, to zeros. */
void counts_init(struct counts *c, uint32_t cpus, const uint32_t n[ABI_COUNT_KINDS]);
/* Of the array. 0: more than a program can reach. */
uint32_t counts_elements(const struct counts *c);

/* Before an index is given out, once no program can still count for who had it. */
void counts_reset(struct counts *c, unsigned kind, uint32_t index);
/* The sum of all CPUs. */
struct abi_count counts_read(const struct counts *c, unsigned kind, uint32_t index);
