/* SPDX-License-Identifier: BSD-2-Clause */
/* roamcastd(8): local mobility anchor, mobile access gateway, or both, as the configuration says. */
#include "roamcastd/daemon.h"

#include <getopt.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"

#define CONF_DEFAULT "/etc/roamcast/roamcast.yaml"

static void usage(FILE *to)
{
	fprintf(to, "Usage: roamcastd [-c FILE] [-t] [-d]\n"
		    "Proxy Mobile IPv6 with multicast: local mobility anchor, mobile access gateway, or both; or a plain MLD\n"
		    "proxy.\n"
		    "\n"
		    "  -c, --config FILE    configuration (default " CONF_DEFAULT ")\n"
		    "  -t, --test           check the configuration, print every error, and exit\n"
		    "  -d, --debug          log at level debug, whatever the configuration says\n"
		    "      --dump-defaults  print every setting with its default, and exit\n"
		    "  -V, --version        print the version, and exit\n"
		    "  -h, --help           print this, and exit\n"
		    "\n"
		    "It stays in the foreground and logs to standard error. SIGHUP reloads the configuration, SIGTERM ends it in order.\n"
		    "See roamcastd(8), roamcast.yaml(5), roamcast(8).\n");
}

static void print_default(void *arg, const char *key, const char *value, const char *deflt, const char *help)
{
	(void)arg;
	(void)value;
	printf("%-44s %-14s %s\n", key, deflt, help);
}

static int run(struct conf *conf, bool debug)
{
	struct daemon d;

	log_setup(debug ? LOG_LV_DEBUG : (enum log_level)(LOG_LV_ERROR + (int)conf->log_level), conf->log_json);
	int r = daemon_start(&d, conf);
	if (r == 0)
		r = daemon_run(&d);
	daemon_end(&d);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	enum { OPT_DUMP = 256 };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},    {"test", no_argument, NULL, 't'},
		{"debug", no_argument, NULL, 'd'},	     {"dump-defaults", no_argument, NULL, OPT_DUMP},
		{"version", no_argument, NULL, 'V'},		 {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = CONF_DEFAULT;
	bool test = false, debug = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:tdVh", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'd':
			debug = true;
			break;
		case OPT_DUMP:
			conf_each_setting(NULL, print_default, NULL);
			return EXIT_SUCCESS;
		case 'V':
			printf("roamcastd %s\n", ROAMCAST_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "roamcastd: unexpected argument: %s\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	struct conf_errors *errors = NULL;
	struct conf *conf = conf_load(path, &errors);
	if (!conf) {
		conf_errors_print(errors, stderr);
		conf_errors_free(errors);
		return EXIT_FAILURE;
	}
	if (test) {
		printf("%s: no errors\n", path);
		conf_free(conf);
		return EXIT_SUCCESS;
	}
	/* Queues of a burst go back to the system when it is over. By default the C library keeps ever larger ones. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	return run(conf, debug);
}
