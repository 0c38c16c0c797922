/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the kernel may take to wake an idle processor (its Documentation/power/pm_qos_interface.rst): a request holds while the descriptor
 * that it was written to is open. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "io/log.h"

#define DEVICE "/dev/cpu_dma_latency"
#define DRIVER "/sys/devices/system/cpu/cpuidle/current_driver"

static void problem(struct cpu_latency *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct cpu_latency *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->error, sizeof(l->error), fmt, ap);
	va_end(ap);
	log_warning("cpu-latency: %s", l->error);
}

/* Without a driver an idle processor halts, whatever has been asked for: so in most virtual machines. */
static bool has_driver(void)
{
	FILE *f = fopen(DRIVER, "re");
	char name[32];
	bool r = f && fgets(name, sizeof(name), f) && strcmp(name, "none\n") != 0;

	if (f)
		fclose(f);
	return r;
}

void cpu_latency_request(struct cpu_latency *l, uint32_t us)
{
	int32_t value = (int32_t)us;

	l->error[0] = '\0';
	if (us == CONF_CPU_LATENCY_NONE) {
		cpu_latency_release(l);
		return;
	}
	if (l->fd < 0)
		l->fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	if (l->fd < 0) {
		problem(l, DEVICE " cannot be opened: %s; %s, or leave the setting out", strerror(errno),
			errno == EACCES || errno == EPERM ? "restart the daemon if the setting is new, else see DeviceAllow= of its unit" :
							    "in a container set it on the host");
		return;
	}
	if (write(l->fd, &value, sizeof(value)) != sizeof(value)) {
		problem(l, DEVICE " does not take %" PRIu32 " us: %s; nothing is requested", us, strerror(errno));
		cpu_latency_release(l);
		return;
	}
	snprintf(l->requested, sizeof(l->requested), "%" PRIu32 "us", us);
	if (!has_driver())
		problem(l, "without effect, this kernel has no cpuidle driver (" DRIVER
			   "); in a KVM guest try modprobe cpuidle_haltpoll force=1, then reload");
}

void cpu_latency_release(struct cpu_latency *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->requested[0] = '\0';
}
