/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_counts.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE (128 / sizeof(struct abi_count)) /* what some CPUs fetch at once: two lines of 64 octets */

uint32_t counts_cpus(const char *possible)
{
	unsigned long last = 0;
	const char *p = possible;
	char *end;

	for (;;) {
		if (*p < '0' || *p > '9')
			return 0;
		last = strtoul(p, &end, 10);
		if (last >= UINT16_MAX)
			return 0;
		if (*end != ',' && *end != '-')
			break;
		p = end + 1;
	}
	return *end && *end != '\n' ? 0 : (uint32_t)last + 1;
}

uint32_t counts_cpus_here(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	char line[4096];
	uint32_t n = 0;

	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f))
		n = counts_cpus(line);
	fclose(f);
	return n;
}

void counts_init(struct counts *c, uint32_t cpus, const uint32_t n[ABI_COUNT_KINDS])
{
	*c = (struct counts){.cpus = cpus};
	for (int k = 0; k < ABI_COUNT_KINDS; k++) {
		c->base[k] = c->row;
		c->row += n[k];
	}
	c->row = (c->row + LINE - 1) / LINE * LINE;
}

uint32_t counts_elements(const struct counts *c)
{
	uint64_t n = (uint64_t)c->row * c->cpus;

	return n > INT32_MAX ? 0 : (uint32_t)n; /* the programs compare an index with a signed number of 32 bits */
}

static struct abi_count *cell(const struct counts *c, uint32_t cpu, unsigned kind, uint32_t index)
{
	return &c->at[(size_t)cpu * c->row + c->base[kind] + index];
}

void counts_reset(struct counts *c, unsigned kind, uint32_t index)
{
	/* Numbers are given out in order until they come a second time (dp_ids.c): those from the mark on are zero. */
	if (index >= c->mark[kind]) {
		c->mark[kind] = index + 1;
		return;
	}
	for (uint32_t i = 0; i < c->cpus; i++) {
		struct abi_count *x = cell(c, i, kind, index);

		__atomic_store_n(&x->packets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&x->bytes, 0, __ATOMIC_RELAXED);
	}
}

struct abi_count counts_read(const struct counts *c, unsigned kind, uint32_t index)
{
	struct abi_count sum = {0};

	for (uint32_t i = 0; i < c->cpus; i++) {
		const struct abi_count *x = cell(c, i, kind, index);

		sum.packets += __atomic_load_n(&x->packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&x->bytes, __ATOMIC_RELAXED);
	}
	return sum;
}
