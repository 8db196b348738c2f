/* SPDX-License-Identifier: Apache-2.0 */
/* For targets that read a file of a profile: a home that is removed at the end, and the file that a run writes into it. */
#ifndef ALPI_FUZZ_HOME_H
#define ALPI_FUZZ_HOME_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"

static char fuzz_home[] = "/tmp/alpi-fuzz-XXXXXX", fuzz_file[96];

static int
fuzz_remove(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

static void
fuzz_remove_all(void)
{
	nftw(fuzz_home, fuzz_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void
fuzz_say_nothing(const char *line)
{
}

/* Write HOME/FOLDER/NAME; the first time, make the home and stop the log, which a run would fill. */
static void
fuzz_put(const char *folder, const char *name, const unsigned char *data, size_t size)
{
	cleanup_close int fd = -1;

	if (fuzz_file[0] == '\0') {
		if (mkdtemp(fuzz_home) == NULL)
			abort();
		atexit(fuzz_remove_all);
		snprintf(fuzz_file, sizeof(fuzz_file), "%s/%s", fuzz_home, folder);
		mkdir(fuzz_file, 0700);
		snprintf(fuzz_file, sizeof(fuzz_file), "%s/%s/%s", fuzz_home, folder, name);
		log_to(fuzz_say_nothing);
	}
	fd = open(fuzz_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
}

#endif
