/* SPDX-License-Identifier: BSD-2-Clause */
/* `labtool lab ...` and `labtool demo ...`: the lab without the roamcast program. */
#include <stdio.h>
#include <string.h>

#include "lab/lab.h"

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "lab"))
		return lab_main(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "demo"))
		return demo_main(argc, argv);
	fprintf(stderr, "usage: labtool lab|demo ...\n");
	return 2;
}
