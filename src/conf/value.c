/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of single values: how each is read and written. */
#include "conf/conf_priv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* `2001:db8::` unquoted: YAML takes its last colon for that of a key, and the value arrives as a mapping. */
static bool is_cut_address(struct conf_load *l, yaml_node_t *n)
{
	yaml_node_t *key, *value;

	if (n->type != YAML_MAPPING_NODE || n->data.mapping.pairs.top - n->data.mapping.pairs.start != 1)
		return false;
	key = yaml_document_get_node(&l->doc, n->data.mapping.pairs.start->key);
	value = yaml_document_get_node(&l->doc, n->data.mapping.pairs.start->value);
	return key->type == YAML_SCALAR_NODE && value->type == YAML_SCALAR_NODE && value->data.scalar.length == 0 &&
	       key->data.scalar.length > 1 && key->data.scalar.value[key->data.scalar.length - 1] == ':';
}

const char *conf_scalar(struct conf_load *l, const char *key, yaml_node_t *n, const char *expected)
{
	const char *s;

	if (is_cut_address(l, n)) {
		conf_error_at(l->errors, &n->start_mark, key,
			      "an address that ends in :: must stand in quotes, as in \"2001:db8::\"");
		return NULL;
	}
	if (n->type != YAML_SCALAR_NODE) {
		conf_error_at(l->errors, &n->start_mark, key, "is a %s; give %s",
			      n->type == YAML_MAPPING_NODE ? "mapping" : "list", expected);
		return NULL;
	}
	s = (const char *)n->data.scalar.value;
	if (n->data.scalar.length == 0 || (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(s, "~") == 0)) {
		conf_error_at(l->errors, &n->start_mark, key, "has no value; give %s, or leave the key out", expected);
		return NULL;
	}
	if (strlen(s) != n->data.scalar.length) {
		conf_error_at(l->errors, &n->start_mark, key, "holds a NUL character; give %s", expected);
		return NULL;
	}
	return s;
}

static void number_store(const struct conf_key *k, void *field, uint64_t v)
{
	if (k->size == 1)
		*(uint8_t *)field = (uint8_t)v;
	else if (k->size == 2)
		*(uint16_t *)field = (uint16_t)v;
	else
		*(uint32_t *)field = (uint32_t)v;
}

static uint64_t number_load(const struct conf_key *k, const void *field)
{
	if (k->size == 1)
		return *(const uint8_t *)field;
	if (k->size == 2)
		return *(const uint16_t *)field;
	return *(const uint32_t *)field;
}

static uint64_t number_ones(const struct conf_key *k)
{
	return UINT64_MAX >> (64 - 8 * k->size);
}

/* Words of a key besides its numbers, for messages: ", or off". */
static const char *or_words(const struct conf_key *k, char buf[64])
{
	buf[0] = '\0';
	if (k->zero)
		snprintf(buf, 64, ", or %s", k->zero);
	if (k->ones)
		snprintf(buf + strlen(buf), 64 - strlen(buf), ", or %s", k->ones);
	return buf;
}

/* ---- yes and no ---- */
static bool bool_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	static const char *const yes[] = { "yes", "true", "on" }, *const no[] = { "no", "false", "off" };
	const char *s = conf_scalar(l, key, n, "yes or no");

	(void)k;
	if (!s)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
			*(bool *)field = strcasecmp(s, yes[i]) == 0;
			return true;
		}
	}
	conf_error_at(l->errors, &n->start_mark, key, "\"%s\" is neither yes nor no; write yes or no", s);
	return false;
}

static void bool_format(const struct conf_key *k, const void *field, FILE *to)
{
	(void)k;
	fputs(*(const bool *)field ? "yes" : "no", to);
}

const struct conf_kind conf_kind_bool = { "yes or no", bool_parse, bool_format };

/* ---- numbers ---- */
static bool all_digits(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < '0' || *s > '9')
			return false;
	return true;
}

static bool number_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	const char *s = conf_scalar(l, key, n, "a number");
	char words[64];
	uint64_t v;

	if (!s)
		return false;
	if (k->zero && strcmp(s, k->zero) == 0) {
		number_store(k, field, 0);
		return true;
	}
	if (!all_digits(s)) {
		conf_error_at(l->errors, &n->start_mark, key,
			      "\"%s\" is not a whole number; give one from %" PRIu64 " to %" PRIu64 "%s", s, k->min,
			      k->max, or_words(k, words));
		return false;
	}
	errno = 0;
	v = strtoull(s, NULL, 10);
	if (errno || v < k->min || v > k->max) {
		conf_error_at(l->errors, &n->start_mark, key,
			      "%s is out of range; give a number from %" PRIu64 " to %" PRIu64 "%s", s, k->min, k->max,
			      or_words(k, words));
		return false;
	}
	number_store(k, field, v);
	return true;
}

static void number_format(const struct conf_key *k, const void *field, FILE *to)
{
	uint64_t v = number_load(k, field);

	if (v == 0 && k->zero)
		fputs(k->zero, to);
	else
		fprintf(to, "%" PRIu64, v);
}

const struct conf_kind conf_kind_number = { "number", number_parse, number_format };

/* ---- one of several words ---- */
static bool word_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	const char *s = conf_scalar(l, key, n, "one of its words");
	char list[256] = "";

	if (!s)
		return false;
	for (const struct conf_word *w = k->words; w->word; w++) {
		if (strcmp(s, w->word) == 0) {
			number_store(k, field, w->value);
			return true;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 w == k->words ? ""
			 : w[1].word   ? ", "
				       : " or ",
			 w->word);
	}
	conf_error_at(l->errors, &n->start_mark, key, "\"%s\" is not known; give %s", s, list);
	return false;
}

static void word_format(const struct conf_key *k, const void *field, FILE *to)
{
	for (const struct conf_word *w = k->words; w->word; w++) {
		if (w->value == number_load(k, field)) {
			fputs(w->word, to);
			return;
		}
	}
	fprintf(to, "%" PRIu64, number_load(k, field));
}

const struct conf_kind conf_kind_word = { "word", word_parse, word_format };

/* ---- durations ---- */
static const struct {
	const char *unit;
	int64_t ns;
} units[] = {
	{ "d", 86400000000000 }, { "h", 3600000000000 }, { "m", 60000000000 },
	{ "s", 1000000000 },	 { "ms", 1000000 },	 { "us", 1000 },
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* In the largest unit that divides it. */
void conf_span_str(int64_t ns, char buf[32])
{
	for (size_t i = 0; i < N_UNITS; i++) {
		if (ns && ns % units[i].ns == 0) {
			snprintf(buf, 32, "%" PRId64 "%s", ns / units[i].ns, units[i].unit);
			return;
		}
	}
	snprintf(buf, 32, ns ? "%" PRId64 "ns" : "0s", ns);
}

enum span_error {
	SPAN_OK,
	SPAN_NO_UNIT,
	SPAN_WRONG,
	SPAN_TOO_LONG
};

/* "1500ms", "2m", "1.5s". */
static enum span_error span_read(const char *s, int64_t *ret)
{
	uint64_t whole = 0, part = 0, scale = 1;
	const char *p = s;
	__int128 ns;

	for (; isdigit((unsigned char)*p); p++) {
		if (whole > UINT32_MAX)
			return SPAN_TOO_LONG;
		whole = whole * 10 + (uint64_t)(*p - '0');
	}
	if (p == s)
		return SPAN_WRONG;
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return SPAN_WRONG;
		for (; isdigit((unsigned char)*p); p++) {
			if (scale >= 1000000000)
				return SPAN_WRONG;
			part = part * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
	}
	while (*p == ' ')
		p++;
	if (!*p) {
		if (whole || part)
			return SPAN_NO_UNIT;
		*ret = 0;
		return SPAN_OK;
	}
	for (size_t i = 0; i < N_UNITS; i++) {
		if (strcmp(p, units[i].unit) != 0)
			continue;
		ns = (__int128)whole * units[i].ns + (__int128)part * units[i].ns / (__int128)scale;
		if (ns > INT64_MAX / 2)
			return SPAN_TOO_LONG;
		*ret = (int64_t)ns;
		return SPAN_OK;
	}
	return SPAN_WRONG;
}

static bool span_get(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, int64_t *ret)
{
	const char *s = conf_scalar(l, key, n, "a duration such as 10s");
	char min[32], max[32], words[64];
	int64_t ns = 0;

	if (!s)
		return false;
	if (k->zero && strcmp(s, k->zero) == 0) {
		*ret = 0;
		return true;
	}
	switch (span_read(s, &ns)) {
	case SPAN_OK:
		break;
	case SPAN_NO_UNIT:
		conf_error_at(l->errors, &n->start_mark, key,
			      "%s has no unit; write %ss if seconds are meant, %sms if milliseconds", s, s, s);
		return false;
	case SPAN_WRONG:
		conf_error_at(l->errors, &n->start_mark, key,
			      "\"%s\" is not a duration; give a number with its unit (us, ms, s, m, h, d), as in "
			      "1500ms or 2m",
			      s);
		return false;
	case SPAN_TOO_LONG:
		ns = INT64_MAX;
		break;
	}
	if ((uint64_t)ns < k->min || (uint64_t)ns > k->max) {
		conf_span_str((int64_t)k->min, min);
		conf_span_str((int64_t)k->max, max);
		conf_error_at(l->errors, &n->start_mark, key, "%s is out of range; give a duration from %s to %s%s", s,
			      min, max, or_words(k, words));
		return false;
	}
	*ret = ns;
	return true;
}

static bool span_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	return span_get(l, k, key, n, &((span_t *)field)->ns);
}

static void span_format(const struct conf_key *k, const void *field, FILE *to)
{
	int64_t ns = ((const span_t *)field)->ns;
	char buf[32];

	conf_span_str(ns, buf);
	fputs(ns == 0 && k->zero ? k->zero : buf, to);
}

const struct conf_kind conf_kind_span = { "duration", span_parse, span_format };

/* A duration kept as a number of whole units. `why` says who counts in them. */
static bool whole_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field, int64_t unit,
			const char *why)
{
	int64_t ns;

	if (k->ones && n->type == YAML_SCALAR_NODE && strcmp((const char *)n->data.scalar.value, k->ones) == 0) {
		number_store(k, field, number_ones(k));
		return true;
	}
	if (!span_get(l, k, key, n, &ns))
		return false;
	if (ns % unit) {
		conf_error_at(l->errors, &n->start_mark, key, "%s is not a number of whole %s",
			      (const char *)n->data.scalar.value, why);
		return false;
	}
	number_store(k, field, (uint64_t)(ns / unit));
	return true;
}

static void whole_format(const struct conf_key *k, const void *field, FILE *to, int64_t unit)
{
	uint64_t v = number_load(k, field);
	span_t span = span_ns((int64_t)v * unit);

	if (k->ones && v == number_ones(k))
		fputs(k->ones, to);
	else
		span_format(k, &span, to);
}

static bool seconds_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	return whole_parse(l, k, key, n, field, 1000000000, "seconds; the message that carries it counts in seconds");
}

static void seconds_format(const struct conf_key *k, const void *field, FILE *to)
{
	whole_format(k, field, to, 1000000000);
}

static bool micros_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	return whole_parse(l, k, key, n, field, 1000, "microseconds; the kernel counts in microseconds");
}

static void micros_format(const struct conf_key *k, const void *field, FILE *to)
{
	whole_format(k, field, to, 1000);
}

const struct conf_kind conf_kind_seconds = { "duration in whole seconds", seconds_parse, seconds_format };
const struct conf_kind conf_kind_micros = { "duration in whole microseconds", micros_parse, micros_format };

/* ---- addresses ---- */
static bool address_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	const char *s = conf_scalar(l, key, n, "an IPv6 address");
	struct in6_addr a;
	bool link_local = k->min; /* the key wants a link-local address */
	char words[64];

	if (!s)
		return false;
	if (k->zero && strcmp(s, k->zero) == 0) {
		memset(field, 0, sizeof(a));
		return true;
	}
	if (!addr_parse(s, &a)) {
		conf_error_at(l->errors, &n->start_mark, key, "\"%s\" is not an IPv6 address; give one such as %s%s", s,
			      link_local ? "fe80::1" : "2001:db8::1", or_words(k, words));
		return false;
	}
	if (link_local != addr_is_link_local(&a) || addr_is_any(&a) || addr_is_multicast(&a)) {
		conf_error_at(l->errors, &n->start_mark, key, "%s cannot stand here; give a %s address%s", s,
			      link_local ? "link-local (fe80::/10)" : "global unicast", or_words(k, words));
		return false;
	}
	*(struct in6_addr *)field = a;
	return true;
}

static void address_format(const struct conf_key *k, const void *field, FILE *to)
{
	char buf[ADDR_STR_MAX];

	if (addr_is_any(field))
		fputs(k->zero ? k->zero : "", to);
	else
		fputs(addr_str(field, buf), to);
}

const struct conf_kind conf_kind_address = { "IPv6 address", address_parse, address_format };

static bool prefix_parse_(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	const char *s = conf_scalar(l, key, n, "an IPv6 prefix");
	char good[PREFIX_STR_MAX];
	struct prefix p, masked;

	(void)k;
	if (!s)
		return false;
	if (!prefix_parse(s, &p)) {
		conf_error_at(l->errors, &n->start_mark, key,
			      "\"%s\" is not an IPv6 prefix; give one such as 2001:db8:1::/48", s);
		return false;
	}
	masked = prefix_masked(p);
	if (!addr_eq(&p.addr, &masked.addr)) {
		conf_error_at(l->errors, &n->start_mark, key, "%s has bits set behind its length; write %s", s,
			      prefix_str(&masked, good));
		return false;
	}
	*(struct prefix *)field = p;
	return true;
}

static void prefix_format(const struct conf_key *k, const void *field, FILE *to)
{
	char buf[PREFIX_STR_MAX];

	(void)k;
	fputs(prefix_str(field, buf), to);
}

const struct conf_kind conf_kind_prefix = { "IPv6 address or prefix", prefix_parse_, prefix_format };

/* ---- names and paths ---- */
static bool string_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	const char *s = conf_scalar(l, key, n, "a text");

	if (!s)
		return false;
	if (k->zero && strcmp(s, k->zero) == 0)
		s = "";
	if (strlen(s) >= k->size) {
		conf_error_at(l->errors, &n->start_mark, key, "is too long; give at most %zu characters", k->size - 1);
		return false;
	}
	for (const char *p = s; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			conf_error_at(l->errors, &n->start_mark, key, "holds a control character; give printable text");
			return false;
		}
	}
	memset(field, 0, k->size);
	memcpy(field, s, strlen(s));
	return true;
}

static void string_format(const struct conf_key *k, const void *field, FILE *to)
{
	const char *s = field;

	fputs(!*s && k->zero ? k->zero : s, to);
}

const struct conf_kind conf_kind_string = { "text", string_parse, string_format };
