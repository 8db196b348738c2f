/* SPDX-License-Identifier: Apache-2.0 */
/* A year of 500 jobs, and a scheduler that is killed at any moment of it: each due time has its run, once. */
#include "tests/unit/tick_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "scheduled/job.h"

#define MIDNIGHT 1767222000000		/* 2026-01-01 in Madrid */
#define CRONS	480
#define JOBS	500

/* Only processes die here, and those lose nothing that they wrote: a year need not wait for a disk. */
int
fsync(int fd)
{
	return 0;
}

int
fdatasync(int fd)
{
	return 0;
}

/* ---- the jobs ------------------------------------------------------------------------------- */

/* 480 that come again, some in the hours that the clock's changes skip and repeat, and 20 that come once. */
static json_t *
year_rows(void)
{
	static const char *const forms[] = { "%d %d 15 * *", "%d %d L * *", "%d 2 * 3-4 0", "%d %d * * 1#2",
	    "%d %d 28-31 3,10 *", "%d 2 29 3 *", "%d %d * 3 0", "%d %d 24-26 10 *" };
	json_t *rows = json_array();

	for (int i = 0; i < JOBS; i++) {
		cleanup_free char *id = xasprintf("job%03d", i), *when = NULL;

		if (i >= CRONS)
			when = xasprintf("2026-%02d-%02dT%02d:30:00", 1 + i % 12, 1 + i % 28, i % 24);
		else
			when = xasprintf(i % 100 == 0 ? "%d %d * * *" : forms[i % 8], (i * 7) % 60, i % 100 == 0 ? i / 100 : i / 8 % 24);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s*}", "id", id, "kind", i < CRONS ? "cron" : "once",
		    i < CRONS ? "expression" : "run_at", when, "prompt", "p", "notify", i % 2,
		    "last_run_at", i < CRONS ? "2025-12-31T23:00:00Z" : NULL));
	}
	return rows;
}

/* The due times of the year, by the rows alone. */
static json_t *
expected_of(const json_t *row, struct zones *zones)
{
	struct job j = { 0 };
	json_t *list = json_array();
	int64_t at = MIDNIGHT / 1000;

	job_read(&j, row, zones);
	assert_null(j.broken);
	if (j.kind == JOB_ONCE)
		json_array_append_new(list, json_integer(j.at / 1000));
	else
		while (cron_next(&j.cron, j.zone, at, &at) && at * 1000 < MIDNIGHT + 365 * DAY)
			json_array_append_new(list, json_integer(at));
	job_clear(&j);
	return list;
}

/* ---- lives and deaths ----------------------------------------------------------------------- */

/* One life of the scheduler: from where the clock stands to the end of the year. A byte for each step of the clock. */
static void
live(volatile int64_t *now, int said)
{
	struct world w;

	begin(&w, *now);
	look(&w, *now);
	while (due_next(&w.s.due) < MIDNIGHT + 365 * DAY) {
		*now = due_next(&w.s.due);
		if (write(said, "", 1) != 1)
			_exit(2);
		look(&w, *now);
	}
	finish(&w);
	_exit(0);
}

/* Begin a life, and kill it somewhere within the run that follows some steps. True: it came to its end. */
static bool
live_and_die(volatile int64_t *now)
{
	unsigned char chance[2], byte;
	int pipes[2], status;
	pid_t pid;

	random_bytes(chance, sizeof(chance));
	assert_int_equal(pipe(pipes), 0);
	if ((pid = fork()) == 0) {
		close(pipes[0]);
		live(now, pipes[1]);
	}
	close(pipes[1]);
	for (int i = 0; i <= chance[0] % 40; i++)
		if (read(pipes[0], &byte, 1) != 1)
			break;
	usleep(chance[1] * 8u);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pipes[0]);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFEXITED(status);
}

/* ---- what came of it ------------------------------------------------------------------------ */

/* How many of the lines are there, each once; *lines: with repeats. */
static json_t *
keys_of(const char *name, size_t *lines)
{
	cleanup_free char *text = get_file(home, name);
	json_t *keys = json_object();
	char *rest = text, *line;

	for (*lines = 0; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0'; ++*lines)
		json_object_set_new(keys, line, json_true());
	return keys;
}

/* Every run was filed, and noted, under its own key. Returns the number of runs. */
static size_t
check_job(struct world *w, const json_t *row, struct zones *zones, const json_t *filed, const json_t *noted)
{
	const char *id = json_str(row, "id", "");
	cleanup_json json_t *list = runs_of(w, id, "ok"), *expected = expected_of(row, zones);
	json_t *at;
	size_t i;

	if (!json_equal(list, expected))
		fail_msg("%s: %zu runs of %zu", id, json_array_size(list), json_array_size(expected));
	json_array_foreach(list, i, at) {
		cleanup_free char *key = xasprintf("job:%s:%lld000", id, (long long)json_integer_value(at));

		assert_true(json_object_get(noted, key) != NULL);
		assert_int_equal(json_object_get(filed, key) != NULL, job_notifies(row));
	}
	assert_int_equal(jobs_find(w->s.jobs, id) != NULL, strcmp(json_str(row, "kind", ""), "cron") == 0);
	return json_array_size(list);
}

/* Over the year 2026 in Madrid, with its two changes of the clock: the ledger holds each due time once and nothing else. */
static void
test_a_year_of_500_jobs_killed_at_random_runs_each_due_time_once(void **state)
{
	volatile int64_t *now = mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cleanup_json json_t *rows = year_rows(), *filed = NULL, *noted = NULL;
	cleanup_free char *text = json_text(rows);
	size_t i, runs = 0, deaths = 0, filings, notes;
	struct zones zones;
	struct world w;
	json_t *row;

	put_file(home, JOBS_FILE, text);
	*now = MIDNIGHT;
	while (!live_and_die(now))
		deaths++;
	filed = keys_of("filed", &filings);
	noted = keys_of("noted", &notes);
	begin(&w, MIDNIGHT + 365 * DAY);
	assert_int_equal(zones_open(&zones, NULL), 0);
	json_array_foreach(rows, i, row)
		runs += check_job(&w, row, &zones, filed, noted);
	assert_int_equal(json_object_size(noted), runs);
	assert_true(deaths > 50);
	print_message("%zu runs, %zu deaths; asked again under the same key after a death: %zu results, %zu notes\n", runs, deaths,
	    filings - json_object_size(filed), notes - json_object_size(noted));
	zones_close(&zones);
	finish(&w);
	munmap((void *)now, sizeof(*now));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_year_of_500_jobs_killed_at_random_runs_each_due_time_once),
	};

	return RUN(tests);
}
