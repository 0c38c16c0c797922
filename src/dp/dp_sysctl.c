/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dp_sysctl {
	struct dp_sysctl *next;
	char path[128];
	char value[32];
};

static int sysctl_open(const char *path, int flags)
{
	char full[160];
	int fd;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int sysctl_read(const char *path, char *value, size_t size)
{
	int fd = sysctl_open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, value, size - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	value[n] = 0;
	value[strcspn(value, "\n")] = 0;
	return 0;
}

static int sysctl_write(const char *path, const char *value)
{
	int fd = sysctl_open(path, O_WRONLY), r = 0;

	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int dp_sysctl_set(struct dp_sysctl **saved, const char *path, const char *value)
{
	struct dp_sysctl *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	snprintf(s->path, sizeof(s->path), "%s", path);
	r = sysctl_read(path, s->value, sizeof(s->value));
	/* Already so: nothing to write (/proc may be read-only) and nothing to restore. */
	if (r || !strcmp(s->value, value)) {
		free(s);
		return r;
	}
	r = sysctl_write(path, value);
	if (r) {
		free(s);
		return r;
	}
	s->next = *saved;
	*saved = s;
	return 0;
}

void dp_sysctl_forget(struct dp_sysctl **saved)
{
	while (*saved) {
		struct dp_sysctl *s = *saved;

		*saved = s->next;
		free(s);
	}
}

void dp_sysctl_restore(struct dp_sysctl **saved)
{
	while (*saved) {
		struct dp_sysctl *s = *saved;

		*saved = s->next;
		sysctl_write(s->path, s->value); /* the link may be gone: nothing left to restore then */
		free(s);
	}
}
