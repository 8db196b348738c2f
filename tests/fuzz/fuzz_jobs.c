/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.json, by whoever wrote it: a job can be added and taken away, and the rows of others are what they were. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "scheduled/due.h"
#include "scheduled/jobs.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char home[] = "/tmp/alpi-fuzz-XXXXXX", file[64], lock[64];

static void
remove_all(void)
{
	unlink(file);
	unlink(lock);
	*strrchr(file, '/') = '\0';
	rmdir(file);
	rmdir(home);
}

static void
say_nothing(const char *line)
{
}

static void
prepare(void)
{
	if (file[0] != '\0')
		return;
	if (mkdtemp(home) == NULL)
		abort();
	snprintf(file, sizeof(file), "%s/schedule", home);
	mkdir(file, 0700);
	strcat(file, "/jobs.json");
	snprintf(lock, sizeof(lock), "%s/schedule/jobs.lock", home);
	log_to(say_nothing);
	atexit(remove_all);
}

static void
put(const unsigned char *data, size_t size)
{
	cleanup_close int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
}

static void
look(struct jobs *s)
{
	for (size_t i = 0; i < jobs_count(s); i++) {
		struct job *j = jobs_at(s, i);
		cleanup_json json_t *row = job_row(j);

		if (row == NULL || (j->broken != NULL && due_of(j, 1800000000000) != NEVER))
			abort();
		due_of(j, 1800000000000);
	}
}

/* The file read anew holds as many rows, each with the bytes that it had. */
static void
compare(struct jobs *a)
{
	struct jobs *b = jobs_open(home, NULL);

	if (b == NULL || jobs_corrupt(b) != NULL || jobs_count(a) != jobs_count(b))
		abort();
	for (size_t i = 0; i < jobs_count(a); i++)
		if (strcmp(jobs_at(a, i)->text, jobs_at(b, i)->text) != 0)
			abort();
	jobs_close(b);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s}", "id", "fuzz-new", "expression", "@daily", "prompt", "p");
	struct jobs *s;
	size_t before;

	prepare();
	put(data, size);
	if ((s = jobs_open(home, NULL)) == NULL)
		abort();
	before = jobs_count(s);
	look(s);
	if (jobs_corrupt(s) == NULL && jobs_find(s, "fuzz-new") == NULL) {
		if (jobs_put(s, row, NULL) == NULL)
			abort();
		compare(s);
		if (jobs_remove(s, "fuzz-new", NULL) == -1 || jobs_count(s) != before)
			abort();
		compare(s);
	}
	jobs_close(s);
	return 0;
}
