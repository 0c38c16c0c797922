/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_netns(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int netns_enter(const char *name)
{
	int fd = open_netns(name);
	if (fd < 0)
		return fd;
	int r = setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
	close(fd);
	return r;
}

bool netns_exists(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	return access(path, F_OK) == 0;
}

static int write_setting(const char *key, const char *value)
{
	bool optional = key[0] == '-';
	char path[256];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", key + optional);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return optional && errno == ENOENT ? 0 : -errno;
	ssize_t n = write(fd, value, strlen(value));
	int r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* Some things are of the namespace of who does them: go there and come back. */
static int in_netns(const char *name, int (*act)(const void *arg), const void *arg)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	int r = netns_enter(name);
	if (!r)
		r = act(arg);
	if (setns(home, CLONE_NEWNET) < 0)
		abort(); /* going on in a wrong namespace would do harm there */
	close(home);
	return r;
}

static int write_settings(const void *arg)
{
	const char *const *pairs = arg;
	int r = 0;
	for (size_t i = 0; !r && pairs[i]; i += 2)
		r = write_setting(pairs[i], pairs[i + 1]);
	return r;
}

int netns_set(const char *name, const char *const pairs[])
{
	return in_netns(name, write_settings, pairs);
}

static int link_up(const void *arg)
{
	struct ifreq ifr = {.ifr_flags = 0};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", (const char *)arg);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int r = ioctl(fd, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags |= IFF_UP;
	if (r == 0)
		r = ioctl(fd, SIOCSIFFLAGS, &ifr);
	if (r < 0)
		r = -errno;
	close(fd);
	return r;
}

int netns_link_up(const char *name, const char *dev)
{
	return in_netns(name, link_up, dev);
}

static int offload_off(const void *arg)
{
	/* Segmentation needs checksums: it goes with them. */
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq ifr = {.ifr_data = (void *)&off};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", (const char *)arg);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int r = ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int netns_offload_off(const char *name, const char *dev)
{
	return in_netns(name, offload_off, dev);
}
