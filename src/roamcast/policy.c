/* SPDX-License-Identifier: BSD-2-Clause */
/* `roamcast policy`: makes requests out of files, JSON on the command line, and KEY=VALUE edits. */
#include "roamcast/roamcast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 900000 /* octets of profiles in one request: docs/control-protocol.md, with room for the rest */

/* A file, or standard input for "-". NULL: said why. */
static json_t *load(const char *path)
{
	json_error_t e;
	json_t *j;

	errno = 0;
	j = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &e) : json_load_file(path, 0, &e);
	if (j)
		return j;
	if (e.line > 0)
		complain("%s:%d:%d: %s", path, e.line, e.column, e.text);
	else
		complain("%s", e.text);
	return NULL;
}

/* ---- KEY=VALUE ---- */
static bool is_list_key(const char *key)
{
	return strcmp(key, "link-layer-addresses") == 0 || strcmp(key, "prefixes") == 0 || strcmp(key, "mags") == 0;
}

/* What looks like JSON is JSON; of the keys that are lists of words a plain value is split at its commas; the rest is
 * text. */
static json_t *value_of(const char *key, const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

	if (v && !(json_is_string(v) && is_list_key(key)) &&
	    !(is_list_key(key) && !json_is_array(v) && !json_is_null(v)))
		return v;
	json_decref(v);
	if (!is_list_key(key))
		return json_string(text);
	v = json_array();
	while (*text) {
		size_t n = strcspn(text, ",");

		if (n)
			json_array_append_new(v, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return v;
}

/* "multicast.max-groups=4". An empty value takes the key out: its default is in force again. */
static bool edit(json_t *profile, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	const char *dot;
	char key[64];
	json_t *at = profile;

	if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof(key)) {
		complain("\"%s\" is not KEY=VALUE, such as multicast.enabled=false", assignment);
		return false;
	}
	memcpy(key, assignment, (size_t)(equals - assignment));
	key[equals - assignment] = '\0';
	dot = strchr(key, '.');
	if (dot) {
		char section[64];

		snprintf(section, sizeof(section), "%.*s", (int)(dot - key), key);
		if (!json_is_object(json_object_get(profile, section)))
			json_object_set_new(profile, section, json_object());
		at = json_object_get(profile, section);
		memmove(key, dot + 1, strlen(dot + 1) + 1);
	}
	if (equals[1])
		json_object_set_new(at, key, value_of(key, equals + 1));
	else
		json_object_del(at, key);
	return true;
}

/* The profile as it is: what KEY=VALUE starts from. */
static json_t *current(const struct options *o, const char *mn, int *status)
{
	json_t *result = request_result(
		o, json_pack("{s:s, s:s, s:s}", "command", "policy", "action", "show", "mn", mn), status);
	json_t *p = json_incref(json_array_get(json_object_get(result, "profiles"), 0));

	json_decref(result);
	return p;
}

/* The profile that the arguments mean, or NULL with the exit status. */
static json_t *profile_of(const struct options *o, bool set, int argc, char **argv, int *status)
{
	json_error_t e;
	json_t *p;

	*status = EXIT_USAGE;
	if (argc == 0) {
		complain("give a profile: JSON, a file, - for standard input, or MN KEY=VALUE ...");
		return NULL;
	}
	if (argc == 1 && argv[0][0] == '{') {
		p = json_loads(argv[0], 0, &e);
		if (!p)
			complain("the profile, column %d: %s", e.column, e.text);
		return p;
	}
	if (argc == 1 && (strcmp(argv[0], "-") == 0 || strchr(argv[0], '/') || strstr(argv[0], ".json")))
		return load(argv[0]);
	p = set ? current(o, argv[0], status) : json_pack("{s:s}", "mn", argv[0]);
	if (!p)
		return NULL;
	for (int i = 1; i < argc; i++) {
		if (!edit(p, argv[i])) {
			*status = EXIT_USAGE;
			json_decref(p);
			return NULL;
		}
	}
	return p;
}

/* ---- the commands ---- */
static int done(const struct options *o, json_t *result, const char *key, int status)
{
	long long n = (long long)json_integer_value(json_object_get(result, key));

	if (!result)
		return status;
	if (o->json)
		json_dumpf(result, stdout, JSON_INDENT(2));
	else
		printf("%lld profile%s %s", n, n == 1 ? "" : "s", key);
	putchar('\n');
	json_decref(result);
	return EXIT_DONE;
}

static int put(const struct options *o, bool set, int argc, char **argv)
{
	int status;
	json_t *p = profile_of(o, set, argc, argv, &status), *result;

	if (!p)
		return status;
	result = request_result(
		o, json_pack("{s:s, s:s, s:o}", "command", "policy", "action", set ? "set" : "add", "profile", p),
		&status);
	return done(o, result, "stored", status);
}

/* What is too large for one request goes into the file itself: the daemon sees it there. The path is the daemon's own setting. */
static bool by_file(struct options *o, const json_t *profiles, char *path, size_t size)
{
	char *text = json_dumps(profiles, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0, i;
	json_t *settings, *row;
	int status;

	free(text);
	if (o->store || len < REQUEST_MAX)
		return true;
	settings = request_result(o, json_pack("{s:s, s:s}", "command", "show", "what", "settings"), &status);
	json_array_foreach(json_object_get(settings, "settings"), i, row) {
		const char *key = json_string_value(json_object_get(row, "key"));

		if (key && strcmp(key, "policy.store") == 0) {
			snprintf(path, size, "%s", json_string_value(json_object_get(row, "value")));
			o->store = path;
		}
	}
	json_decref(settings);
	return o->store != NULL;
}

static int import(const struct options *o, int argc, char **argv)
{
	struct options here = *o;
	int status = EXIT_USAGE;
	json_t *profiles, *result;
	char path[4096];

	if (argc != 1) {
		complain("policy import: give one file, or - for standard input");
		return EXIT_USAGE;
	}
	profiles = load(argv[0]);
	if (!profiles)
		return EXIT_REFUSED;
	/* What `show policy --json` prints is taken too. */
	if (json_is_object(profiles) && json_object_get(profiles, "profiles")) {
		json_t *list = json_incref(json_object_get(profiles, "profiles"));

		json_decref(profiles);
		profiles = list;
	}
	if (!by_file(&here, profiles, path, sizeof(path))) {
		json_decref(profiles);
		return EXIT_NO_DAEMON;
	}
	result = request_result(&here,
				json_pack("{s:s, s:s, s:o, s:b}", "command", "policy", "action", "import", "profiles",
					  profiles, "replace", o->replace),
				&status);
	return done(o, result, "stored", status);
}

static int export(const struct options *o, int argc, char **argv)
{
	int status = EXIT_USAGE, r;
	json_t *result, *profiles;

	if (argc > 1) {
		complain("policy export: give one file, or none for standard output");
		return EXIT_USAGE;
	}
	result = request_result(o, json_pack("{s:s, s:s}", "command", "policy", "action", "export"), &status);
	if (!result)
		return status;
	profiles = json_object_get(result, "profiles");
	if (argc == 1 && strcmp(argv[0], "-") != 0) {
		r = json_dump_file(profiles, argv[0], JSON_INDENT(2));
		if (r != 0)
			complain("%s: %s", argv[0], strerror(errno));
	} else {
		r = json_dumpf(profiles, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(result);
	return r == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int policy_command(const struct options *o, const struct command *c, int argc, char **argv)
{
	const char *action = strchr(c->words, ' ') + 1;
	char why[256];
	json_t *request, *result, *profile;
	size_t i;
	int status;

	if (strcmp(action, "add") == 0 || strcmp(action, "set") == 0)
		return put(o, strcmp(action, "set") == 0, argc, argv);
	if (strcmp(action, "import") == 0)
		return import(o, argc, argv);
	if (strcmp(action, "export") == 0)
		return export(o, argc, argv);
	request = command_request(c, argc, argv, why, sizeof(why));
	if (!request) {
		complain("%s", why);
		return EXIT_USAGE;
	}
	result = request_result(o, request, &status);
	if (!result || strcmp(action, "remove") == 0)
		return done(o, result, "removed", status);
	if (o->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		/* One after the other, in the form that `policy add` and `set` take; a table is `show policy`. */
		json_array_foreach(json_object_get(result, "profiles"), i, profile)
		{
			json_dumpf(profile, stdout, JSON_INDENT(2));
			putchar('\n');
		}
		if (i == 0)
			puts("no profile");
	}
	json_decref(result);
	return EXIT_DONE;
}
