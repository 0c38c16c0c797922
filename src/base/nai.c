/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/nai.h"

#include <string.h>

const char *nai_str(const struct nai *n, char buf[NAI_STR_MAX])
{
	static const char hex[] = "0123456789abcdef";
	char *out = buf;

	for (size_t i = 0; i < n->len && i < NAI_MAX; i++) {
		uint8_t c = (uint8_t)n->s[i];

		if (c >= 0x21 && c <= 0x7e && c != '\\') {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	*out = '\0';
	return buf;
}

struct nai nai_of(const void *bytes, size_t len)
{
	struct nai n;

	n.len = (uint8_t)(len < NAI_MAX ? len : NAI_MAX);
	if (n.len)
		memcpy(n.s, bytes, n.len);
	/* All of it, so that a copy or a hash of the struct never depends on what lay there before. */
	memset(n.s + n.len, 0, sizeof(n.s) - n.len);
	return n;
}

bool nai_eq(const struct nai *a, const struct nai *b)
{
	return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}
