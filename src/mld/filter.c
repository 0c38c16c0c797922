/* SPDX-License-Identifier: BSD-2-Clause */
#include "mld/filter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct filter_list {
	uint32_t refs;
	uint32_t n; /* never 0: the empty list is NULL */
	struct in6_addr s[];
};

/* The parts of two sorted lists: sources of `a` alone, of both, of `b` alone. */
enum part {
	PART_A = 1,
	PART_BOTH = 2,
	PART_B = 4,
};

struct parts {
	size_t a, both, b; /* sources in each */
};

static struct filter_list *list_new(size_t n, bool *oom)
{
	struct filter_list *l = NULL;

	if (n <= UINT32_MAX / sizeof(l->s[0]))
		l = malloc(sizeof(*l) + n * sizeof(l->s[0]));
	if (!l) {
		*oom = true;
		return NULL;
	}
	l->refs = 1;
	l->n = 0;
	return l;
}

/* Gives back what a merge reserved too much; an empty list becomes NULL. */
static struct filter_list *list_fit(struct filter_list *l, size_t reserved)
{
	struct filter_list *fit;

	if (!l->n) {
		free(l);
		return NULL;
	}
	if (l->n == reserved)
		return l;
	fit = realloc(l, sizeof(*l) + l->n * sizeof(l->s[0]));
	return fit ? fit : l;
}

static int cmp(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* Each once, too. Long lists mostly are: they come from other lists. */
static bool is_sorted(const struct in6_addr *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (addr_cmp(&v[i - 1], &v[i]) >= 0)
			return false;
	return true;
}

struct filter filter_of(enum filter_mode mode, const struct in6_addr *sources, size_t n, bool *oom)
{
	struct filter_list *l;

	if (!n)
		return (struct filter){mode, NULL};
	l = list_new(n, oom);
	if (!l)
		return FILTER_NONE;
	memcpy(l->s, sources, n * sizeof(l->s[0]));
	if (is_sorted(l->s, n)) {
		l->n = (uint32_t)n;
		return (struct filter){mode, l};
	}
	qsort(l->s, n, sizeof(l->s[0]), cmp);
	for (size_t i = 0; i < n; i++)
		if (!i || !addr_eq(&l->s[l->n - 1], &l->s[i]))
			l->s[l->n++] = l->s[i];
	return (struct filter){mode, list_fit(l, n)};
}

struct filter filter_dup(const struct filter *f)
{
	if (f->list)
		f->list->refs++;
	return *f;
}

void filter_drop(struct filter *f)
{
	if (f->list) {
		assert(f->list->refs);
		if (!--f->list->refs)
			free(f->list);
	}
	*f = FILTER_NONE;
}

void filter_move(struct filter *f, struct filter v)
{
	filter_drop(f);
	*f = v;
}

size_t filter_count(const struct filter *f)
{
	return f->list ? f->list->n : 0;
}

const struct in6_addr *filter_sources(const struct filter *f)
{
	return f->list ? f->list->s : NULL;
}

bool filter_has_source(const struct filter *f, const struct in6_addr *s)
{
	size_t lo = 0, hi = filter_count(f);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = addr_cmp(s, &f->list->s[mid]);

		if (!c)
			return true;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

bool filter_is_none(const struct filter *f)
{
	return f->mode == FILTER_INCLUDE && !f->list;
}

static bool list_eq(const struct filter *a, const struct filter *b)
{
	if (a->list == b->list)
		return true;
	return filter_count(a) == filter_count(b) &&
	       !memcmp(a->list->s, b->list->s, filter_count(a) * sizeof(a->list->s[0]));
}

bool filter_eq(const struct filter *a, const struct filter *b)
{
	return a->mode == b->mode && list_eq(a, b);
}

bool filter_accepts(const struct filter *f, const struct in6_addr *source)
{
	return filter_has_source(f, source) == (f->mode == FILTER_INCLUDE);
}

/* The first place from `from` on, which is below the key, that is not. Nearby places are tried first: lists are walked
 * from one end to the other. */
static size_t first_not_below(const struct filter *f, size_t from, const struct in6_addr *key)
{
	size_t n = filter_count(f), step = 1, lo = from + 1, hi;

	while (lo + step < n && addr_cmp(&f->list->s[lo + step], key) < 0) {
		lo += step;
		step *= 2;
	}
	hi = lo + step < n ? lo + step : n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_cmp(&f->list->s[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* One step of walking two sorted lists side by side: the part that the next sources belong to, and how many of them.
 * Of a long list and a short one it is some steps for each source of the short one. */
static enum part step(const struct filter *a, size_t i, const struct filter *b, size_t j, size_t *ret_n)
{
	size_t n_a = filter_count(a), n_b = filter_count(b), n = 1;
	int c;

	if (i == n_a) {
		*ret_n = n_b - j;
		return PART_B;
	}
	if (j == n_b) {
		*ret_n = n_a - i;
		return PART_A;
	}
	c = addr_cmp(&a->list->s[i], &b->list->s[j]);
	if (c < 0) {
		*ret_n = first_not_below(a, i, &b->list->s[j]) - i;
		return PART_A;
	}
	if (c > 0) {
		*ret_n = first_not_below(b, j, &a->list->s[i]) - j;
		return PART_B;
	}
	while (i + n < n_a && j + n < n_b && addr_eq(&a->list->s[i + n], &b->list->s[j + n]))
		n++;
	*ret_n = n;
	return PART_BOTH;
}

static struct parts parts_of(const struct filter *a, const struct filter *b)
{
	struct parts parts = {0};

	if (a->list == b->list)
		return (struct parts){.both = filter_count(a)};
	for (size_t i = 0, j = 0, n; i < filter_count(a) || j < filter_count(b);) {
		enum part p = step(a, i, b, j, &n);

		parts.a += p == PART_A ? n : 0;
		parts.both += p == PART_BOTH ? n : 0;
		parts.b += p == PART_B ? n : 0;
		i += p != PART_B ? n : 0;
		j += p != PART_A ? n : 0;
	}
	return parts;
}

bool filter_covers(const struct filter *whole, const struct filter *part)
{
	struct parts n = parts_of(whole, part);

	if (whole->mode == FILTER_EXCLUDE) /* what `whole` shuts out `part` must not let in */
		return part->mode == FILTER_EXCLUDE ? !n.a : !n.both;
	/* A list of sources never covers all but a list. */
	return part->mode == FILTER_INCLUDE && !n.b;
}

size_t filter_bytes(const struct filter *f)
{
	return f->list ? sizeof(*f->list) + f->list->n * sizeof(f->list->s[0]) : 0;
}

static struct filter share(enum filter_mode mode, const struct filter *f)
{
	struct filter same = filter_dup(f);

	same.mode = mode;
	return same;
}

/* The parts in `what`, as a list. Where that is one of the operands it is shared: merging equal listeners costs
 * no memory. */
static struct filter merge(enum filter_mode mode, const struct filter *a, const struct filter *b, unsigned what,
			   bool *oom)
{
	struct parts n = parts_of(a, b);
	struct filter_list *l;
	size_t total;

	if (!(what & PART_A))
		n.a = 0;
	if (!(what & PART_BOTH))
		n.both = 0;
	if (!(what & PART_B))
		n.b = 0;
	total = n.a + n.both + n.b;
	if (!n.b && total == filter_count(a))
		return share(mode, a);
	if (!n.a && total == filter_count(b))
		return share(mode, b);
	if (!total)
		return (struct filter){mode, NULL};
	l = list_new(total, oom);
	if (!l)
		return FILTER_NONE;
	for (size_t i = 0, j = 0, run; l->n < total;) {
		enum part p = step(a, i, b, j, &run);

		if (what & p) {
			memcpy(&l->s[l->n], p == PART_B ? &b->list->s[j] : &a->list->s[i], run * sizeof(l->s[0]));
			l->n += (uint32_t)run;
		}
		i += p != PART_B ? run : 0;
		j += p != PART_A ? run : 0;
	}
	return (struct filter){mode, l};
}

struct filter filter_union(const struct filter *a, const struct filter *b, bool *oom)
{
	if (a->mode == FILTER_INCLUDE && b->mode == FILTER_INCLUDE)
		return merge(FILTER_INCLUDE, a, b, PART_A | PART_BOTH | PART_B, oom);
	if (a->mode == FILTER_EXCLUDE && b->mode == FILTER_EXCLUDE)
		return merge(FILTER_EXCLUDE, a, b, PART_BOTH, oom);
	if (a->mode == FILTER_INCLUDE)
		return merge(FILTER_EXCLUDE, b, a, PART_A, oom);
	return merge(FILTER_EXCLUDE, a, b, PART_A, oom);
}

bool filter_add(struct filter *into, const struct filter *f)
{
	bool oom = false;
	struct filter all = filter_union(into, f, &oom);

	if (oom)
		return false;
	filter_move(into, all);
	return true;
}

struct filter filter_list_union(const struct filter *a, const struct filter *b, bool *oom)
{
	return merge(FILTER_INCLUDE, a, b, PART_A | PART_BOTH | PART_B, oom);
}

struct filter filter_list_minus(const struct filter *a, const struct filter *b, bool *oom)
{
	return merge(FILTER_INCLUDE, a, b, PART_A, oom);
}

struct filter filter_list_common(const struct filter *a, const struct filter *b, bool *oom)
{
	return merge(FILTER_INCLUDE, a, b, PART_BOTH, oom);
}
