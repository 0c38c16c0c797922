/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Fixed-size objects from chunks that grow up to a maximum and no further. A full slab returns NULL:
 * its owner answers with the protocol's own refusal and counts it. The memory goes back when the last object
 * does, or by slab_deinit(). */
#include <stddef.h>
#include <stdint.h>

struct slab {
	size_t size;	/* of one object, rounded up */
	uint32_t max;	/* objects at most */
	uint32_t used;
	void *free;
	void *chunks;
	uint32_t room;	/* objects in all chunks */
};

void slab_init(struct slab *s, size_t size, uint32_t max);
/* A maximum below what is in use takes nothing away: there are no new ones until fewer are in use. */
void slab_set_max(struct slab *s, uint32_t max);
void slab_deinit(struct slab *s); /* asserts that nothing is in use */
void *slab_get(struct slab *s);	  /* zeroed, or NULL at the maximum or out of memory */
void slab_put(struct slab *s, void *obj); /* accepts NULL */
size_t slab_bytes(const struct slab *s);
