/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/netns.h"

mono_t proc_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (mono_t){t.tv_sec * INT64_C(1000000000) + t.tv_nsec};
}

void proc_nap(span_t s)
{
	struct timespec t = {.tv_sec = s.ns / 1000000000, .tv_nsec = s.ns % 1000000000};
	if (s.ns > 0)
		nanosleep(&t, NULL);
}

const char *proc_own_folder(void)
{
	static char folder[PATH_MAX];
	if (!folder[0]) {
		ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
		folder[n > 0 ? n : 0] = '\0';
		char *slash = strrchr(folder, '/');
		if (slash)
			*slash = '\0';
	}
	return folder;
}

const char *proc_program(const char *name, char *buf, size_t size)
{
	static const char *const places[] = {"", "../", "../sbin/"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(buf, size, "%s/%s%s", proc_own_folder(), places[i], name);
		if (n > 0 && (size_t)n < size && access(buf, X_OK) == 0)
			return buf;
	}
	snprintf(buf, size, "%s", name);
	return buf;
}

/* Field 22 of /proc/PID/stat. The second field is a name in parentheses that may hold anything. *ended: the process has, with all its
 * threads; the first of them may be a zombie long before the last has closed what they share. */
static uint64_t start_time(pid_t pid, bool *ended)
{
	unsigned long threads = 0;

	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *p = strrchr(text, ')');
	if (!p || !p[1])
		return 0;
	char state = p[2];
	for (int field = 2; field < 22; field++) {
		p = strchr(p + 1, ' ');
		if (!p)
			return 0;
		if (field == 19)
			threads = strtoul(p, NULL, 10);
	}
	if (ended)
		*ended = state == 'X' || (state == 'Z' && threads <= 1);
	return strtoull(p, NULL, 10);
}

struct proc proc_self(void)
{
	return (struct proc){.pid = getpid(), .start = start_time(getpid(), NULL)};
}

bool proc_alive(const struct proc *p)
{
	bool ended = false;
	if (p->pid <= 0)
		return false;
	uint64_t start = start_time(p->pid, &ended);
	return start && start == p->start && !ended;
}

/* A handle on exactly this process: opened first, compared after, so that the id cannot change hands between. */
static int open_handle(const struct proc *p)
{
	if (p->pid <= 0)
		return -ESRCH;
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (fd < 0)
		return -errno;
	if (!proc_alive(p)) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

int proc_signal(const struct proc *p, int sig)
{
	int fd = open_handle(p);
	if (fd < 0)
		return fd;
	int r = syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0 ? -errno : 0;
	close(fd);
	return r;
}

bool proc_wait(const struct proc *p, span_t patience)
{
	mono_t end = mono_add(proc_clock(), patience);
	int fd = open_handle(p);
	while (fd >= 0) {
		int64_t ms = span_to_ms(mono_sub(end, proc_clock()));
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		int n = poll(&pfd, 1, ms > 0 ? (int)ms : 0);
		if (n > 0)
			break;
		if (n == 0 || errno != EINTR) {
			close(fd);
			return false;
		}
	}
	if (fd >= 0)
		close(fd);
	if (p->pid > 0)
		waitpid(p->pid, NULL, WNOHANG); /* where it is a child of ours, it must not stay a zombie */
	return true;
}

void proc_stop(const struct proc *procs, size_t n, span_t patience)
{
	mono_t end = mono_add(proc_clock(), patience);
	for (size_t i = 0; i < n; i++)
		proc_signal(&procs[i], SIGTERM);
	for (size_t i = 0; i < n; i++) {
		span_t left = mono_sub(end, proc_clock());
		if (proc_wait(&procs[i], left.ns > 0 ? left : span_ms(0)))
			continue;
		proc_signal(&procs[i], SIGKILL);
		proc_wait(&procs[i], span_s(5));
	}
}

/* In the child: signals as a fresh program expects them, and none of our descriptors but 0, 1, 2. */
static void become(const char *const argv[])
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGWINCH, SIG_DFL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int open_or_null(const char *path, int flags)
{
	return open(path ? path : "/dev/null", flags | O_CLOEXEC, 0644);
}

int proc_start(struct proc *ret, const char *netns, const char *const argv[], const char *out, const char *err)
{
	int fd[3] = {open_or_null(NULL, O_RDONLY), open_or_null(out, O_WRONLY | O_CREAT | O_APPEND),
		     open_or_null(err, O_WRONLY | O_CREAT | O_APPEND)};
	int r = fd[0] < 0 || fd[1] < 0 || fd[2] < 0 ? -errno : 0;
	pid_t pid = r ? -1 : fork();
	if (pid == 0) {
		setsid();
		for (int i = 0; i < 3; i++)
			dup2(fd[i], i);
		if (netns && netns_enter(netns) < 0) {
			dprintf(STDERR_FILENO, "cannot enter namespace %s: %s\n", netns, strerror(errno));
			_exit(126);
		}
		become(argv);
	}
	if (pid < 0 && !r)
		r = -errno;
	for (int i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	if (!r)
		*ret = (struct proc){.pid = pid, .start = start_time(pid, NULL)};
	return r;
}

struct pump {
	int in, out; /* of ours; -1 closed */
	const char *input;
	size_t left;
	char *text;
	size_t len, size;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int pump_read(struct pump *p)
{
	if (p->size - p->len < 4096) {
		char *bigger = realloc(p->text, p->size + 65536);
		if (!bigger)
			return -ENOMEM;
		p->text = bigger;
		p->size += 65536;
	}
	ssize_t n = read(p->out, p->text + p->len, p->size - p->len - 1);
	if (n > 0)
		p->len += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		shut(&p->out);
	return 0;
}

/* Feed the child and drain it until it has closed its output. Both at once: either pipe may fill. */
static int pump_all(struct pump *p)
{
	int r = 0;
	while (!r && (p->in >= 0 || p->out >= 0)) {
		struct pollfd fds[2] = {{.fd = p->in, .events = POLLOUT}, {.fd = p->out, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			r = -errno;
			break;
		}
		if (fds[0].revents) {
			ssize_t n = p->left ? write(p->in, p->input, p->left) : 0;
			if (n > 0) {
				p->input += n;
				p->left -= (size_t)n;
			}
			if (!p->left || (n < 0 && errno != EINTR && errno != EAGAIN))
				shut(&p->in);
		}
		if (fds[1].revents)
			r = pump_read(p);
	}
	shut(&p->in);
	shut(&p->out);
	return r;
}

int proc_run(const char *const argv[], const char *input, char **output, bool quiet)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1};
	if ((input && pipe2(to, O_CLOEXEC) < 0) || (output && pipe2(from, O_CLOEXEC) < 0)) {
		int r = -errno;
		shut(&to[0]);
		shut(&to[1]);
		return r;
	}
	int null = open_or_null(NULL, O_RDWR);
	pid_t pid = null < 0 ? -1 : fork();
	if (pid == 0) {
		setpgid(0, 0); /* Ctrl-C is for us: half a batch of commands would be hard to undo */
		dup2(input ? to[0] : null, STDIN_FILENO);
		if (output)
			dup2(from[1], STDOUT_FILENO);
		if (quiet)
			dup2(null, STDERR_FILENO);
		become(argv);
	}
	int r = pid < 0 ? -errno : 0;
	shut(&to[0]);
	shut(&from[1]);
	shut(&null);
	struct pump p = {.in = to[1], .out = from[0], .input = input, .left = input ? strlen(input) : 0};
	if (!r)
		r = pump_all(&p);
	shut(&p.in);
	shut(&p.out);
	int status = 0;
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (r) {
		free(p.text);
		return r;
	}
	if (output) {
		if (!p.text && !(p.text = malloc(1)))
			return -ENOMEM;
		p.text[p.len] = '\0';
		*output = p.text;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
