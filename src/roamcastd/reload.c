/* SPDX-License-Identifier: BSD-2-Clause */
/* A new configuration in place of the old one, by difference. A file that is wrong, or that asks for what only a restart can do, leaves the old
 * one in force. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/log.h"
#include "io/notify.h"

static json_t *refuse(struct daemon *d, json_t *error)
{
	const char *text = json_string_value(json_object_get(error, "text"));

	free(d->reload_error);
	d->reload_error = text ? strdup(text) : NULL;
	log_error("reload: %s; the configuration stays as it was", text ? text : "out of memory");
	return error;
}

static json_t *file_errors(const char *path, const struct conf_errors *errors)
{
	size_t n = conf_errors_count(errors);
	json_t *lines = json_array();
	json_t *e = control_error("bad-configuration", "correct the file (roamcastd -t shows the same) and reload again",
				  "%s has %zu error%s, the first: %s", path, n, n == 1 ? "" : "s", conf_errors_text(errors, 0));

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(lines, json_string(conf_errors_text(errors, i)));
		log_error("reload: %s", conf_errors_text(errors, i));
	}
	json_object_set_new(e, "lines", lines);
	return e;
}

static void settings_text(void *arg, const char *key, const char *value, const char *deflt, const char *help)
{
	(void)deflt;
	(void)help;
	fprintf(arg, "%s=%s\n", key, value);
}

static char *text_of(const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	conf_each_setting(c, settings_text, f);
	fclose(f);
	return text;
}

static bool differs(const struct conf *a, const struct conf *b)
{
	char *ta = text_of(a), *tb = text_of(b);
	bool r = !ta || !tb || strcmp(ta, tb) != 0;

	free(ta);
	free(tb);
	return r;
}

int daemon_reload(struct daemon *d, bool *changed, json_t **error)
{
	struct conf_errors *errors = NULL;
	struct now now = clock_now();
	const char *what = NULL;

	notify_reloading();
	struct conf *next = conf_load(d->conf->path, &errors);
	if (!next) {
		*error = refuse(d, file_errors(d->conf->path, errors));
		conf_errors_free(errors);
		notify_ready("running with the configuration from before the last reload");
		return EINVAL;
	}
	if (!conf_reloadable(d->conf, next, &what)) {
		*error = refuse(d, control_error("needs-restart", "restart the daemon, or set it back", "%s can only change with a restart", what));
		conf_free(next);
		notify_ready("running with the configuration from before the last reload");
		return EBUSY;
	}
	*changed = differs(d->conf, next);
	struct conf *old = d->conf;
	d->conf = next;
	log_setup((enum log_level)(LOG_LV_ERROR + (int)next->log_level), next->log_json);
	cpu_latency_request(&d->cpu_latency, next->cpu_latency_us);
	daemon_homes(d, old, next);
	if (d->lma)
		lma_reconf(d->lma, now, &next->lma);
	if (d->mag)
		mag_reconf(d->mag, now, &next->mag);
	if (d->proxy)
		mldproxy_reconf(d->proxy, now, &next->proxy);
	/* links that gain or lose a part, or that somebody else has set up otherwise */
	dress_forget_all(d->dress);
	netlink_tell_all(d->netlink);
	idle_stop(d);
	(void)idle_start(d);
	conf_free(old);
	free(d->reload_error);
	d->reload_error = NULL;
	daemon_pump(d);
	log_notice("reload: %s", *changed ? "the new configuration is in force" : "nothing has changed");
	notify_ready("running");
	return 0;
}
