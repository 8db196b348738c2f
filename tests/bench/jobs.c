/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler's own part of many jobs: jobs HOME N [LOOKS]
 *
 * Makes N jobs that are due in a year, reads and arms them, then looks for
 * what is due, which is none. Prints
 *
 *   arm_ms       from the file to a timer that is set
 *   look_us      one look
 *   page_ms      the first 1000 of them for a list
 *   change_ms    one job changed, the file on disk again
 *   memory_kb    what all of that takes, beyond the process without jobs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "scheduled/schedule.h"

static void
say_nothing(const char *line)
{
}

static void
die(const struct error *e)
{
	fprintf(stderr, "%s\n", e->text);
	exit(1);
}

static void
write_jobs(const char *home, int n)
{
	cleanup_free char *path = path_join(home, JOBS_FILE), *dir = path_join(home, "schedule");
	cleanup_buf struct buf text = BUF(0);
	struct error e = { 0 };

	mkdir(dir, 0700);
	buf_addc(&text, '[');
	for (int i = 0; i < n; i++)
		buf_addf(&text, "%s\n  {\n    \"id\": \"%08x\",\n    \"kind\": \"cron\",\n    \"expression\": \"%d %d 1 1 *\",\n"
		    "    \"prompt\": \"Look at the figures of branch %d and say what has changed.\",\n    \"notify\": true,\n"
		    "    \"last_run_at\": \"2026-06-01T00:00:00+00:00\"\n  }", i > 0 ? "," : "", (unsigned)i, i % 60, i / 60 % 24, i);
	buf_puts(&text, "\n]\n");
	if (atomic_write(path, buf_str(&text), text.len, 0600, &e) == -1)
		die(&e);
}

static double
ms_since(int64_t began)
{
	return (double)(clock_mono_ns() - began) / 1e6;
}

static long
memory_kb(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kb = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %ld", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static void
look(struct schedule *s, int looks)
{
	int64_t began = clock_mono_ns();

	for (int i = 0; i < looks; i++)
		tick_look(s);
	printf("look_us %.3f\n", ms_since(began) * 1000 / looks);
}

static void
show_page(struct schedule *s)
{
	int64_t began = clock_mono_ns();

	for (size_t i = 0; i < jobs_count(s->jobs) && i < 1000; i++)
		json_decref(edit_show(s, jobs_at(s->jobs, i)));
	printf("page_ms %.1f\n", ms_since(began));
}

static void
change(struct schedule *s)
{
	cleanup_json json_t *changes = json_pack("{s:s}", "title", "another"), *job = NULL;
	int64_t began = clock_mono_ns();
	struct error e = { 0 };

	if ((job = edit_update(s, jobs_at(s->jobs, jobs_count(s->jobs) / 2)->id, changes, &e)) == NULL)
		die(&e);
	printf("change_ms %.1f\n", ms_since(began));
}

int
main(int argc, char *argv[])
{
	struct daemon d = { .name = "scheduled", .base = event_base_new() };
	struct schedule s = { .daemon = &d, .home = argv[1] };
	struct error e = { 0 };
	int64_t began;
	long before;

	if (argc < 3)
		return 2;
	log_to(say_nothing);
	clock_fake(1780308000000, -1);		/* 2026-06-01T10:00Z: none is due */
	write_jobs(argv[1], atoi(argv[2]));
	before = memory_kb();
	began = clock_mono_ns();
	if (tick_open(&s, &e) == -1)
		die(&e);
	tick_look(&s);
	printf("arm_ms %.1f\n", ms_since(began));
	printf("memory_kb %ld\n", memory_kb() - before);
	look(&s, argc > 3 ? atoi(argv[3]) : 10000);
	show_page(&s);
	change(&s);
	return 0;
}
