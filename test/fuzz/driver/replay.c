/* SPDX-License-Identifier: BSD-2-Clause */
/* main() for a fuzz target built without libFuzzer: hands it each file that is named, and each in the folders that are
 * named. A crash ends the program; what it was working on is on the standard error. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static unsigned int passed, failed;

/* In a block of just its size: a sanitizer sees what is read beyond it. */
static bool replay_file(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	uint8_t *bytes;
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	len = fread(buf, 1, sizeof(buf), f);
	if (ferror(f) || !feof(f)) {
		fprintf(stderr, "%s: cannot be read, or longer than %d octets\n", path, INPUT_MAX - 1);
		fclose(f);
		return false;
	}
	fclose(f);
	bytes = malloc(len ? len : 1);
	if (!bytes)
		return false;
	memcpy(bytes, buf, len);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return true;
}

static void replay(const char *path)
{
	char child[4096];
	struct stat st;
	struct dirent *e;
	DIR *dir;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		*(replay_file(path) ? &passed : &failed) += 1;
		return;
	}
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, e->d_name) < (int)sizeof(child))
			replay(child);
	}
	if (dir)
		closedir(dir);
	else
		failed++;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed ? 1 : 0;
}
