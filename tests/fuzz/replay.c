/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files and folders of inputs, with any compiler:
 * what the fuzzer once found stays found. Each input also runs cut at every
 * eighth of its length and with one byte changed, so a small corpus goes far.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);	/* exact size, so that a sanitizer sees one byte too far */

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(4 << 20);
	size_t n;

	if (f == NULL || data == NULL) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	n = fread(data, 1, 4 << 20, f);
	fclose(f);
	run(data, n);
	for (size_t i = 1; i < 8; i++) {
		run(data, n * i / 8);
		if (n > 0) {
			data[n * i / 8] ^= (uint8_t)(1 << i);
			run(data, n);
			data[n * i / 8] ^= (uint8_t)(1 << i);
		}
	}
	free(data);
}

int
main(int argc, char *argv[])
{
	char path[4096];
	struct dirent *d;
	DIR *dir;

	for (int i = 1; i < argc; i++) {
		if ((dir = opendir(argv[i])) == NULL) {
			run_file(argv[i]);
			continue;
		}
		while ((d = readdir(dir)) != NULL) {
			if (d->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], d->d_name);
			run_file(path);
		}
		closedir(dir);
	}
	printf("%zu inputs\n", runs);
	return runs > 0 ? 0 : 1;
}
