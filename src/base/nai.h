/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The MN Identifier, a Network Access Identifier (RFC 4283). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAI_MAX 253 /* octets of an identifier in one option, less its subtype */

/* Octets as they came, plus a terminator; texts are made with nai_str(). */
struct nai {
	uint8_t len;
	char s[NAI_MAX + 1];
};

#define NAI_STR_MAX (NAI_MAX * 4 + 1)
/* Printable form: octets outside 0x21..0x7e and the backslash become \xHH. Writes to `buf` and returns it. */
const char *nai_str(const struct nai *n, char buf[NAI_STR_MAX]);
struct nai nai_of(const void *bytes, size_t len); /* cut to NAI_MAX */
bool nai_eq(const struct nai *a, const struct nai *b);
