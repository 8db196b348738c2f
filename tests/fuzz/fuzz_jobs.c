/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.json, by whoever wrote it: a job can be added and taken away, and the rows of others are what they were. */
#include <string.h>

#include "common/json.h"
#include "scheduled/due.h"
#include "scheduled/jobs.h"
#include "tests/fuzz/home.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

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
	struct jobs *b = jobs_open(fuzz_home, NULL);

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

	fuzz_put("schedule", "jobs.json", data, size);
	if ((s = jobs_open(fuzz_home, NULL)) == NULL)
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
