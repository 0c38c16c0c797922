/* SPDX-License-Identifier: BSD-2-Clause */
/* Grace periods without blocking the loop. membarrier(GLOBAL) waits until every reader of the kernel that was
 * running has left its read-side section, eBPF programs among them; that takes some 10 ms, so a thread waits. To wake that
 * costs as much as a join, and the stream waits for the join only: the loop does it a little later. */
#include "dp/dp_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ASK_US 1000

struct dp_grace {
	pthread_t thread;
	struct event *ask; /* NULL: at once */
	pthread_mutex_t lock;
	pthread_cond_t asked, over;
	uint64_t epoch;	 /* the current one; objects let go now carry it */
	uint64_t wanted; /* somebody waits for the end of all up to this one */
	uint64_t done;	 /* readers of these have all left */
	bool stop;
};

static void barrier(void)
{
	/* Without the call (nohz_full, an old kernel): a program's run is bounded by far less than this. */
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

static void *work(void *arg)
{
	struct dp_grace *g = arg;

	pthread_mutex_lock(&g->lock);
	while (!g->stop) {
		uint64_t covered;

		if (g->wanted <= g->done) {
			pthread_cond_wait(&g->asked, &g->lock);
			continue;
		}
		covered = g->epoch++; /* what is let go from here on is not covered */
		pthread_mutex_unlock(&g->lock);
		barrier();
		pthread_mutex_lock(&g->lock);
		g->done = covered;
		pthread_cond_broadcast(&g->over);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static void wake(struct dp_grace *g)
{
	pthread_mutex_lock(&g->lock);
	pthread_cond_signal(&g->asked);
	pthread_mutex_unlock(&g->lock);
}

static void on_ask(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wake(arg);
}

struct dp_grace *dp_grace_new(struct event_base *base)
{
	struct dp_grace *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->ask = base ? event_new(base, -1, 0, on_ask, g) : NULL;
	if (base && !g->ask) {
		free(g);
		return NULL;
	}
	g->epoch = 1;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->asked, NULL);
	pthread_cond_init(&g->over, NULL);
	if (pthread_create(&g->thread, NULL, work, g)) {
		if (g->ask)
			event_free(g->ask);
		free(g);
		return NULL;
	}
	return g;
}

struct dp_grace *dp_grace_free(struct dp_grace *g)
{
	if (!g)
		return NULL;
	pthread_mutex_lock(&g->lock);
	g->stop = true;
	pthread_mutex_unlock(&g->lock);
	wake(g);
	pthread_join(g->thread, NULL);
	pthread_cond_destroy(&g->asked);
	pthread_cond_destroy(&g->over);
	pthread_mutex_destroy(&g->lock);
	if (g->ask)
		event_free(g->ask);
	free(g);
	return NULL;
}

uint64_t dp_grace_epoch(struct dp_grace *g)
{
	bool first;
	uint64_t e;

	pthread_mutex_lock(&g->lock);
	e = g->epoch;
	first = g->wanted < e;
	g->wanted = e;
	pthread_mutex_unlock(&g->lock);
	if (first && (!g->ask || event_add(g->ask, &(struct timeval){.tv_usec = ASK_US})))
		wake(g);
	return e;
}

bool dp_grace_over(struct dp_grace *g, uint64_t epoch)
{
	bool over;

	pthread_mutex_lock(&g->lock);
	over = g->done >= epoch;
	pthread_mutex_unlock(&g->lock);
	return over;
}

void dp_grace_wait(struct dp_grace *g, uint64_t epoch)
{
	pthread_mutex_lock(&g->lock);
	if (g->done < epoch)
		pthread_cond_signal(&g->asked);
	while (g->done < epoch)
		pthread_cond_wait(&g->over, &g->lock);
	pthread_mutex_unlock(&g->lock);
}
