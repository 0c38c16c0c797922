/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of show/. */
#include "show/show.h"

/* ---- values as JSON; all new references ---- */
json_t *j_addr(const struct in6_addr *a); /* null for :: */
json_t *j_prefix(const struct prefix *p);
json_t *j_prefixes(const struct prefix *v, size_t n);
json_t *j_lladdr(const struct lladdr *a); /* null when not known */
json_t *j_mn(const struct nai *mn);	  /* printable form; null when empty or NULL */
json_t *j_seconds(span_t s);		  /* whole where it is whole */
json_t *j_time(wall_t t);
json_t *j_filter(const struct filter *f); /* {"mode": "include", "sources": [...]} */
json_t *j_origins(uint8_t bits);
json_t *j_count(const struct dp_count *c); /* {"packets": .., "bytes": ..} */
json_t *j_capabilities(const struct mh_capabilities *c);

/* One member of a row; takes the reference. */
static inline void row_set(json_t *row, const char *key, json_t *value)
{
	(void)json_object_set_new(row, key, value); /* out of memory: the member is missing */
}

/* A new view with its head. */
json_t *view_new(const char *name);

/* ---- filters of a request ---- */
struct show_filter {
	bool has_mn, has_group;
	struct nai mn;
	struct in6_addr group;
	size_t limit;
};
/* NULL: good. Otherwise a new error object, for a filter that makes no sense. */
json_t *filter_read(struct show_filter *f, const json_t *request);
bool mn_read(const char *text, struct nai *ret); /* undoes nai_str(); false: empty, too long or a broken escape */

/* A list that grows up to the limit of the request. */
struct show_list {
	json_t *view, *rows;
	const struct show_filter *filter;
};
struct show_list list_begin(json_t *view, const char *name, const struct show_filter *f);
bool list_full(struct show_list *l); /* and notes "more" if it is */

/* ---- the data plane's lists, in memory for as long as one answer takes ---- */
struct show_flow {
	struct dp_flow flow;
	uint32_t n_outs;
};
struct show_flows {
	size_t n, room;
	struct show_flow *v; /* sorted by group, then source */
};
void flows_read(struct show_flows *f, struct dp *dp); /* dp may be NULL */
void flows_free(struct show_flows *f);

/* What the lists of one subscription carried: packets and octets that came, and that left by its outputs. */
struct flow_sum {
	struct dp *dp;
	unsigned int lists;
	struct dp_count in, out;
};
void flow_sum_add(void *arg, const struct dp_flow *flow, const struct dp_out *out); /* arg: struct flow_sum */

/* ---- why ---- */
enum why_state {
	WHY_OK,
	WHY_FAILED,
	WHY_PENDING,
	WHY_NOT_REACHED
};
struct why {
	const struct show_ctx *ctx;
	const struct nai *mn;
	const struct in6_addr *group;
	json_t *steps;
	bool stopped; /* a step failed or is pending: those after it are not reached */
};
/* One more step; after the first that is not ok the others become not-reached, whatever is said of them. `remedy` may
 * be NULL. */
void why_step(struct why *w, const char *step, enum why_state state, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void why_mag(struct why *w);
void why_lma(struct why *w);
void why_proxy(struct why *w, const char *link); /* NULL: the group alone */
const char *why_status_remedy(uint8_t status);
const char *why_result_remedy(uint8_t result);
const char *why_verdict_remedy(enum policy_verdict v);
/* The last event of that node (and group, if not NULL: then also of the group alone) of any of the kinds (EV_N ends the list). False: none
 * remembered. */
bool why_last_event(const struct why *w, const struct in6_addr *group, const enum event_kind *kinds, struct event *ret,
		    char at[SHOW_TIME_MAX]);

/* ---- tables ---- */
enum show_format {
	SHOW_TEXT,
	SHOW_NUMBER,
	SHOW_SECONDS,
	SHOW_FILTER,
	SHOW_LONG, /* text; the column is at most SHOW_LONG_WIDTH wide, longer cells push the rest of their row */
	SHOW_REST  /* text of the last column: cut where the line is full, which leaves it SHOW_REST_LEAST at least */
};
#define SHOW_LONG_WIDTH 17
#define SHOW_REST_LEAST 36
struct show_column {
	const char *title, *path; /* members of the row, "traffic.up.packets" */
	enum show_format format;
	uint8_t rank; /* where the table is too wide, those of the highest rank are left out first; never those of 0 */
};
struct show_table {
	const char *view, *list; /* list NULL: the view itself, as lines of key and value */
	const char *empty;	 /* said when the list has no rows; NULL: then nothing is printed */
	const char *title;	 /* above the table, for views of several */
	const char *count;	 /* rows are left out where this member is 0; NULL: none are */
	const struct show_column *columns;
	size_t n_columns;
};
extern const struct show_table show_tables[];
extern const size_t show_n_tables;
