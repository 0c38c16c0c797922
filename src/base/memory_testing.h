/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For unit tests: an allocator in front of the C library's that fails when the test wants it to, and counts. AddressSanitizer
 * has its own in this place; without ours (OUR_MEMORY is 0) nothing fails and memory_live stays 0. */
#include <stdbool.h>
#include <stdlib.h>

#define OUR_MEMORY 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef OUR_MEMORY
#define OUR_MEMORY 0
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#undef OUR_MEMORY
#define OUR_MEMORY 0
#endif

#define MAY_BE_UNUSED __attribute__((unused))

static MAY_BE_UNUSED long memory_live;		   /* blocks in use */
static MAY_BE_UNUSED long memory_left = -1;	   /* so many allocations succeed, and then none; negative: all do */
static MAY_BE_UNUSED bool (*memory_refuses)(void); /* asked before each allocation, once the test has set it */

#if OUR_MEMORY
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool memory_out(void)
{
	if (memory_left == 0)
		return true;
	if (memory_left > 0)
		memory_left--;
	return memory_refuses && memory_refuses();
}

static void *memory_counted(void *p)
{
	memory_live += p != NULL;
	return p;
}

void *malloc(size_t n)
{
	return memory_out() ? NULL : memory_counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return memory_out() ? NULL : memory_counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (memory_out())
		return NULL;
	return p ? __libc_realloc(p, n) : memory_counted(__libc_realloc(p, n));
}

void free(void *p)
{
	memory_live -= p != NULL;
	__libc_free(p);
}
#endif
