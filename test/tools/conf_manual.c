/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the list of settings of roamcast.yaml(5): for tools/man-keys. */
#include "conf/conf.h"

int main(void)
{
	conf_manual(stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
