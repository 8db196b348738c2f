/* SPDX-License-Identifier: Apache-2.0 */
/* A year of 500 jobs, and a scheduler that is killed at any moment of it: each due time has its run, once. */
#include "tests/unit/tick_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "scheduled/job.h"

#define MIDNIGHT 1767222000000		/* 2026-01-01 in Madrid */
#define CRONS	480
#define JOBS	500
#define EVERY_HOUR 17
#define HERE	"Europe/Madrid"
#define ELSEWHERE "America/New_York"	/* whose clock changes on other days, at other hours */

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

/* 480 that come again, some in the hours that the clock's changes skip and repeat, some elsewhere; and 20 that come once. */
static json_t *
year_rows(void)
{
	static const char *const forms[] = { "%d %d 15 * *", "%d %d L * *", "%d 2 * 3-4 0", "%d %d * * 1#2",
	    "%d %d 28-31 3,10 *", "%d 2 29 3 *", "%d %d 13 3,10 5", "%d %d 24-26 10 *" };
	json_t *rows = json_array();

	for (int i = 0; i < JOBS; i++) {
		cleanup_free char *id = xasprintf("job%03d", i), *when = NULL;

		if (i >= CRONS)
			when = xasprintf("2026-%02d-%02dT%02d:30:00", 1 + i % 12, 1 + i % 28, i % 24);
		else
			when = xasprintf(i % 100 == 0 ? "%d %d * * *" : forms[i % 8], (i * 7) % 60, i % 100 == 0 ? i / 100 : i / 8 % 24);
		if (i == EVERY_HOUR) {
			free(when);
			when = xstrdup("7 * * 3,10 *");
		}
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s*, s:s*}", "id", id, "kind", i < CRONS ? "cron" : "once",
		    i < CRONS ? "expression" : "run_at", when, "prompt", "p", "notify", i % 2,
		    "last_run_at", i < CRONS ? "2025-12-31T23:00:00Z" : NULL,
		    "tz", i < CRONS && i % 10 == 9 ? ELSEWHERE : NULL));
	}
	return rows;
}

/* ---- when they are due, worked out the long way round ------------------------------------------ */

/*
 * By the C library's calendar and a look at each minute of each day, with nothing of the scheduler's own: what the expressions
 * above need of the language, and the rules for the clock's changes (spec/scheduler.md, 3).
 */

/* Is the value in a field of numbers, ranges and lists? */
static bool
in_field(const char *field, int value)
{
	cleanup_free char *copy = xstrdup(field);
	char *rest = copy, *item;

	if (strcmp(field, "*") == 0)
		return true;
	while ((item = strsep(&rest, ",")) != NULL) {
		int low = atoi(item), high = strchr(item, '-') != NULL ? atoi(strchr(item, '-') + 1) : low;

		if (value >= low && value <= high)
			return true;
	}
	return false;
}

static int
month_days(const struct tm *day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };	/* of 2026 */

	return days[day->tm_mon];
}

static bool
is_day(char *const f[5], const struct tm *day)
{
	const char *nth = strchr(f[4], '#');
	bool by_date = strcmp(f[2], "L") == 0 ? day->tm_mday == month_days(day) : in_field(f[2], day->tm_mday);
	bool by_weekday = nth != NULL ? day->tm_wday == atoi(f[4]) && (day->tm_mday + 6) / 7 == atoi(nth + 1) : in_field(f[4], day->tm_wday);

	if (!in_field(f[3], day->tm_mon + 1))
		return false;
	if (f[2][0] != '*' && f[4][0] != '*')
		return by_date || by_weekday;
	return by_date && by_weekday;
}

static void
add(json_t *list, time_t at)
{
	size_t n = json_array_size(list);

	if (at * 1000 > MIDNIGHT && at * 1000 < MIDNIGHT + 365 * DAY && (n == 0 || json_integer_value(json_array_get(list, n - 1)) < at))
		json_array_append_new(list, json_integer(at));
}

/* The instants of a wall-clock time. One that is skipped is made up for after the gap, one that comes twice counts once; */
/* but a job of every hour just goes on. */
static void
add_wall(json_t *list, const struct tm *day, int hour, int minute, bool every_hour)
{
	struct tm wall = *day, seen;
	time_t at;

	wall.tm_hour = hour;
	wall.tm_min = minute;
	wall.tm_isdst = -1;
	at = mktime(&wall);
	localtime_r(&at, &seen);
	if (seen.tm_hour != hour) {
		for (at -= 7200; localtime_r(&at, &seen)->tm_isdst == 0; at += 60)
			;
		if (!every_hour)
			add(list, at);
		return;
	}
	for (int dst = 1; dst >= 0; dst--) {
		wall = *day;
		wall.tm_hour = hour;
		wall.tm_min = minute;
		wall.tm_isdst = dst;
		at = mktime(&wall);
		if (localtime_r(&at, &seen)->tm_isdst != dst || seen.tm_hour != hour)
			continue;
		add(list, at);
		if (!every_hour)
			break;
	}
}

/* The due times of the year, by the rows alone. */
static json_t *
expected_of(const json_t *row)
{
	cleanup_free char *text = xstrdup(json_str(row, "expression", ""));
	json_t *list = json_array();
	char *f[5], *rest = text;
	struct tm once = { 0 };

	setenv("TZ", json_str(row, "tz", HERE), 1);
	tzset();
	if (text[0] == '\0') {
		assert_non_null(strptime(json_str(row, "run_at", ""), "%Y-%m-%dT%H:%M:%S", &once));
		once.tm_isdst = -1;
		json_array_append_new(list, json_integer(mktime(&once)));
		return list;
	}
	for (int i = 0; i < 5; i++)
		assert_non_null(f[i] = strsep(&rest, " "));
	for (time_t noon = MIDNIGHT / 1000 - 43200; noon < MIDNIGHT / 1000 + 367 * 86400; noon += 86400) {
		struct tm day;

		localtime_r(&noon, &day);
		day.tm_sec = 0;
		for (int hour = 0; is_day(f, &day) && hour < 24; hour++)
			if (in_field(f[1], hour))
				add_wall(list, &day, hour, atoi(f[0]), f[1][0] == '*');
	}
	setenv("TZ", HERE, 1);
	tzset();
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
check_job(struct world *w, const json_t *row, const json_t *filed, const json_t *noted)
{
	const char *id = json_str(row, "id", "");
	cleanup_json json_t *list = runs_of(w, id, "ok"), *expected = expected_of(row);
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
	struct world w;
	json_t *row;

	put_file(home, JOBS_FILE, text);
	*now = MIDNIGHT;
	while (!live_and_die(now))
		deaths++;
	filed = keys_of("filed", &filings);
	noted = keys_of("noted", &notes);
	begin(&w, MIDNIGHT + 365 * DAY);
	json_array_foreach(rows, i, row)
		runs += check_job(&w, row, filed, noted);
	assert_int_equal(json_object_size(noted), runs);
	assert_true(deaths > 50);
	print_message("%zu runs, %zu deaths; asked again under the same key after a death: %zu results, %zu notes\n", runs, deaths,
	    filings - json_object_size(filed), notes - json_object_size(noted));
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
