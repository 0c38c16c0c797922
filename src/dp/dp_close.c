/* SPDX-License-Identifier: BSD-2-Clause */
/* To close a packet socket takes the kernel some 10 ms, in which it waits until nobody can be reading it. Those who wait at
 * the same time wait for the same: so threads close many side by side, and the loop goes on. */
#include "dp/dp_close.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MAX 64

struct dp_closer {
	pthread_mutex_t lock;
	pthread_cond_t idle; /* a thread has ended */
	unsigned threads;
	int *fds; /* that nobody has taken yet */
	size_t n, cap;
};

struct dp_closer *dp_closer_new(void)
{
	struct dp_closer *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->idle, NULL);
	return c;
}

/* A thread lives as long as there is something to close. */
static void *work(void *arg)
{
	struct dp_closer *c = arg;

	pthread_mutex_lock(&c->lock);
	while (c->n) {
		int fd = c->fds[--c->n];

		pthread_mutex_unlock(&c->lock);
		close(fd);
		pthread_mutex_lock(&c->lock);
	}
	c->threads--;
	pthread_cond_signal(&c->idle);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static bool keep(struct dp_closer *c, int fd)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		int *fds = realloc(c->fds, cap * sizeof(*fds));

		if (!fds)
			return false;
		c->fds = fds;
		c->cap = cap;
	}
	c->fds[c->n++] = fd;
	return true;
}

/* False: there is none, and none can be had. */
static bool thread_more(struct dp_closer *c)
{
	pthread_attr_t detached;
	pthread_t thread;
	bool made;

	if (c->threads == THREADS_MAX)
		return true;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	made = !pthread_create(&thread, &detached, work, c);
	pthread_attr_destroy(&detached);
	c->threads += made;
	return c->threads > 0;
}

void dp_close_later(struct dp_closer *c, int fd)
{
	bool now;

	pthread_mutex_lock(&c->lock);
	now = !keep(c, fd);
	if (!now && !thread_more(c)) {
		c->n--;
		now = true;
	}
	pthread_mutex_unlock(&c->lock);
	if (now)
		close(fd);
}

struct dp_closer *dp_closer_free(struct dp_closer *c)
{
	if (!c)
		return NULL;
	pthread_mutex_lock(&c->lock);
	while (c->threads)
		pthread_cond_wait(&c->idle, &c->lock);
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->idle);
	free(c->fds);
	free(c);
	return NULL;
}
