/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.json and the run ledger: what others wrote stays, nonsense is known for what it is, one run per due time. */
#include "tests/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "scheduled/due.h"
#include "scheduled/job.h"
#include "scheduled/jobs.h"
#include "scheduled/runs.h"
#include "scheduled/script.h"

#define DAY	(24 * 3600000LL)

static char *home;

static int
start(void **state)
{
	cleanup_free char *dir = NULL;

	home = temp_home();
	dir = path_join(home, "schedule");
	setenv("TZ", "Europe/Madrid", 1);
	return mkdir(dir, 0700);
}

static int
stop(void **state)
{
	free(home);
	unsetenv("TZ");
	clock_fake(-1, -1);
	return 0;
}

static struct jobs *
open_jobs(void)
{
	struct error e = { 0 };
	struct jobs *s = jobs_open(home, &e);

	assert_non_null(s);
	return s;
}

/* ---- the file ------------------------------------------------------------------------------- */

static void
test_rows_of_others_keep_their_bytes(void **state)
{
	static const char rows[] = "[ {\"id\":\"a1\",\"prompt\":\"x\",\"expression\":\"@daily\", \"odd\" : 1.10}  ,\n17, \"t,]\\\"\"\t]\n";
	cleanup_free char *text = NULL;
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "id", "b2", "kind", "once", "run_at", "2030-01-01", "prompt", "p");
	struct jobs *s;

	put_file(home, JOBS_FILE, rows);
	s = open_jobs();
	assert_int_equal(jobs_count(s), 3);
	assert_non_null(jobs_put(s, row, NULL));
	text = get_file(home, JOBS_FILE);
	assert_non_null(strstr(text, "{\"id\":\"a1\",\"prompt\":\"x\",\"expression\":\"@daily\", \"odd\" : 1.10},\n  17,\n  \"t,]\\\"\",\n  {\n"));
	assert_int_equal(jobs_remove(s, "b2", NULL), 0);
	assert_int_equal(jobs_remove(s, "b2", NULL), -1);
	assert_int_equal(jobs_count(s), 3);
	jobs_close(s);
}

static void
test_a_file_that_is_no_list_is_never_written(void **state)
{
	static const char *const texts[] = { "", "{}", "[", "[{\"id\":\"a\"}", "[1,]", "[1] 2", "[1 2]", "[{]}", "null", "[\"", "[1}" };
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s}", "id", "b2", "expression", "@daily", "prompt", "p");

	for (size_t i = 0; i < COUNT(texts); i++) {
		cleanup_free char *text = NULL;
		struct error e = { 0 };
		struct jobs *s;

		put_file(home, JOBS_FILE, texts[i]);
		s = open_jobs();
		assert_non_null(jobs_corrupt(s));
		assert_int_equal(jobs_count(s), 0);
		assert_null(jobs_put(s, row, &e));
		assert_int_equal(jobs_remove(s, "b2", &e), -1);
		text = get_file(home, JOBS_FILE);
		assert_string_equal(text, texts[i]);
		jobs_close(s);
	}
}

static void
test_a_row_of_nonsense_says_why_and_is_never_due(void **state)
{
	static const struct { const char *row, *why; } rows[] = {
		{ "5", "not an object" }, { "{}", "id" }, { "{\"id\":\"../x\",\"prompt\":\"p\"}", "id" },
		{ "{\"id\":\"a\"}", "prompt" }, { "{\"id\":\"a\",\"prompt\":\" \"}", "prompt" },
		{ "{\"id\":\"a\",\"prompt\":\"p\"}", "expression" },
		{ "{\"id\":\"a\",\"prompt\":\"p\",\"expression\":\"0 0 31 2 *\"}", "expression" },
		{ "{\"id\":\"a\",\"prompt\":\"p\",\"kind\":7}", "kind" },
		{ "{\"id\":\"a\",\"prompt\":\"p\",\"kind\":\"once\",\"run_at\":\"soon\"}", "run_at" },
		{ "{\"id\":\"a\",\"prompt\":\"p\",\"kind\":\"inactivity\",\"after_hours\":-1}", "after_hours" },
		{ "{\"id\":\"a\",\"prompt\":\"p\",\"expression\":\"@daily\",\"tz\":\"No/Where\"}", "tz" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *text = xasprintf("[%s,{\"id\":\"ok\",\"prompt\":\"p\",\"expression\":\"@daily\"}]", rows[i].row);
		struct jobs *s;

		put_file(home, JOBS_FILE, text);
		s = open_jobs();
		assert_null(jobs_corrupt(s));
		assert_non_null(jobs_at(s, 0)->broken);
		assert_non_null(strstr(jobs_at(s, 0)->broken, rows[i].why));
		assert_true(due_of(jobs_at(s, 0), 0) == NEVER);
		assert_null(jobs_find(s, "ok")->broken);
		jobs_close(s);
	}
}

static void
test_a_row_that_is_json_and_no_job_spoils_only_itself(void **state)
{
	cleanup_free char *large = xasprintf("{\"id\":\"x\",\"prompt\":\"%70000s\"}", "p");
	const char *rows[] = { "{\"id\":\"x\",\"id\":\"y\"}", "{\"id\":\"x\",\"prompt\":\"a\\u0000b\"}",
	    "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", large };

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *text = xasprintf("[%s,{\"id\":\"ok\",\"prompt\":\"p\",\"expression\":\"@daily\"}]", rows[i]), *now = NULL;
		cleanup_json json_t *shown = NULL;
		struct jobs *s;

		put_file(home, JOBS_FILE, text);
		s = open_jobs();
		assert_null(jobs_corrupt(s));
		assert_non_null(jobs_at(s, 0)->broken);
		shown = job_row(jobs_at(s, 0));
		assert_true(json_is_object(shown));
		assert_null(jobs_find(s, "ok")->broken);
		assert_int_equal(jobs_remove(s, "ok", NULL), 0);
		now = get_file(home, JOBS_FILE);
		assert_non_null(strstr(now, rows[i]));
		jobs_close(s);
	}
}

static void
test_a_lock_that_is_never_let_go_is_not_waited_for(void **state)
{
	cleanup_free char *path = path_join(home, "schedule/jobs.lock");
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s}", "id", "b2", "expression", "@daily", "prompt", "p");
	cleanup_close int fd = open(path, O_RDWR | O_CREAT, 0600);
	struct error e = { 0 };
	struct jobs *s;

	put_file(home, JOBS_FILE, "[]");
	s = open_jobs();
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_null(jobs_put(s, row, &e));
	assert_int_equal(e.code, ERR_busy);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_non_null(jobs_put(s, row, &e));
	jobs_close(s);
}

static void
test_of_two_rows_with_one_id_the_first_is_the_job(void **state)
{
	struct jobs *s;

	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"prompt\":\"one\",\"expression\":\"@daily\"},"
	    "{\"id\":\"a\",\"prompt\":\"two\",\"expression\":\"@daily\"}]");
	s = open_jobs();
	assert_ptr_equal(jobs_find(s, "a"), jobs_at(s, 0));
	assert_non_null(strstr(jobs_at(s, 1)->broken, "another job"));
	jobs_close(s);
}

static void
test_a_change_by_others_is_seen_and_not_overwritten(void **state)
{
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s}", "id", "b2", "expression", "@daily", "prompt", "p");
	struct error e = { 0 };
	struct jobs *s = open_jobs();

	assert_false(jobs_refresh(s));
	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"prompt\":\"one\",\"expression\":\"@daily\"}]");
	assert_null(jobs_put(s, row, &e));
	assert_int_equal(e.code, ERR_conflict);
	assert_true(jobs_refresh(s));
	assert_non_null(jobs_put(s, row, &e));
	assert_int_equal(jobs_count(s), 2);
	assert_false(jobs_refresh(s));
	jobs_close(s);
}

static void
test_many_come_and_go(void **state)
{
	struct jobs *s = open_jobs();
	char id[16];

	for (int i = 0; i < 70; i++) {
		cleanup_json json_t *row = NULL;

		snprintf(id, sizeof(id), "j%d", i);
		row = json_pack("{s:s, s:s, s:s}", "id", id, "expression", "@daily", "prompt", "p");
		assert_non_null(jobs_put(s, row, NULL));
		if (i % 3 == 0)
			assert_int_equal(jobs_remove(s, id, NULL), 0);
	}
	assert_int_equal(jobs_count(s), 46);
	assert_string_equal(jobs_at(s, 45)->id, "j68");
	assert_non_null(jobs_find(s, "j1"));
	assert_null(jobs_find(s, "j3"));
	assert_string_equal(jobs_alike(s, "j22x"), "j22");
	assert_null(jobs_alike(s, "something else"));
	jobs_close(s);
}

static void
test_a_twin_is_known_by_time_and_beginning(void **state)
{
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "{\"expression\":\"@daily\",\"prompt\":\"Say  HELLO\\n you\"}", "{\"kind\":\"cron\",\"expression\":\"@daily\",\"prompt\":\" say hello you \"}", true },
		{ "{\"expression\":\"@daily\",\"prompt\":\"a\"}", "{\"expression\":\"@weekly\",\"prompt\":\"a\"}", false },
		{ "{\"kind\":\"once\",\"run_at\":\"2030-01-01\",\"prompt\":\"a\"}", "{\"kind\":\"cron\",\"expression\":\"@daily\",\"prompt\":\"a\"}", false },
		{ "{\"kind\":\"inactivity\",\"after_hours\":2,\"prompt\":\"a\"}", "{\"kind\":\"inactivity\",\"after_hours\":2.0,\"prompt\":\"a\"}", true },
		{ "{\"expression\":\"@daily\",\"prompt\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX\"}",
		  "{\"expression\":\"@daily\",\"prompt\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaY\"}", true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_json json_t *a = json_parse(rows[i].a, strlen(rows[i].a), 4, NULL), *b = json_parse(rows[i].b, strlen(rows[i].b), 4, NULL);

		assert_int_equal(job_is_twin(a, b), rows[i].same);
	}
}

static const char *
channel_of(const char *text)
{
	static char kept[32];
	cleanup_json json_t *row = json_parse(text, strlen(text), 4, NULL);
	const char *channel = job_channel(row);

	return channel == NULL ? "-" : strcpy(kept, channel);
}

static void
test_a_job_names_a_platform_in_the_words_of_older_files_too(void **state)
{
	struct error e = { 0 };
	cleanup_json json_t *pigeon = json_pack("{s:s}", "channel", "pigeon");

	assert_string_equal(channel_of("{}"), "-");
	assert_string_equal(channel_of("{\"channel\":\"ntfy\"}"), "ntfy");
	assert_string_equal(channel_of("{\"channel\":\"alpi\",\"platform\":\"telegram\"}"), "alpi");
	assert_string_equal(channel_of("{\"platform\":\"matrix\"}"), "matrix");
	assert_string_equal(channel_of("{\"channel\":\"both\"}"), "telegram");
	assert_string_equal(channel_of("{\"channel\":\"both\",\"platform\":\"gmail\"}"), "gmail");
	assert_string_equal(channel_of("{\"platform\":\"both\"}"), "telegram");
	assert_string_equal(channel_of("{\"platform\":\"pigeon\"}"), "-");
	assert_string_equal(channel_of("{\"channel\":7}"), "-");
	assert_int_equal(job_check(pigeon, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
}

static void
test_a_script_is_a_skills_and_nothing_else(void **state)
{
	static const struct { const char *line, *args; } rows[] = {
		{ "python3 ${ALPI_HOME}/skills/data/csv/scripts/run.py a 'b c' \"d\\\"e\" f\\ g", "[\"a\",\"b c\",\"d\\\"e\",\"f g\"]" },
		{ "$ALPI_HOME/skills/data/csv/scripts/run.py '$ALPI_HOME'", "[\"$ALPI_HOME\"]" },
		{ "python3.11 /h/skills/data/csv/scripts/run.py", "[]" },
		{ "python3 -c 'x' /h/skills/data/csv/scripts/run.py", NULL }, { "python3 -m x", NULL }, { "sh /h/skills/data/csv/scripts/run.py", NULL },
		{ "/h/skills/data/csv/scripts/../run.py", NULL }, { "/h/skills/data/../csv/scripts/run.py", NULL },
		{ "/h/skills/csv/scripts/run.py", NULL }, { "/etc/passwd", NULL }, { "python3", NULL }, { "", NULL }, { "'open", NULL },
		{ "/h/skills/data/csv/scripts/fetch.py x", "[\"x\"]" }, { "/h/skills/data/csv/scripts/a/b.py", NULL },
		{ "'/h/skills/data/csv/scripts/a b.py'", NULL }, { "/h/skills/data/csv/scripts/.py", NULL }, { "/h/skills/data/csv/scripts/.x.py", NULL },
		{ "/h/skills/data/csv/scripts/run.sh", NULL }, { "/h/skills/data/csv/scripts/run.py2", NULL }, { "/hh/skills/data/csv/scripts/run.py", NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_json json_t *call = script_parse("/h", rows[i].line, NULL);
		cleanup_free char *args = NULL;

		assert_int_equal(call != NULL, rows[i].args != NULL);
		if (call == NULL)
			continue;
		assert_string_equal(json_str(call, "name", ""), "csv");
		assert_string_equal(json_str(call, "script", ""), strstr(rows[i].line, "fetch") != NULL ? "fetch.py" : "run.py");
		args = json_text(json_object_get(call, "args"));
		assert_string_equal(args, rows[i].args);
	}
	assert_true(script_is_meant("/h", "python /h/skills/a/b/scripts/run.py"));
	assert_false(script_is_meant("/h", "/h/skills/a/b/scripts/run.py"));
	assert_false(script_is_meant("/h", "python is a language"));
}

/* ---- the ledger ------------------------------------------------------------------------------- */

static void
test_a_due_time_has_one_run_whatever_dies(void **state)
{
	struct run r = { .job = "a", .due = 1000, .began = 2000 }, again = r, found;
	struct error e = { 0 };
	struct runs *s = runs_open(home, &e);
	cleanup_json json_t *rows = NULL;

	r.row = xstrdup("{}");
	again.row = xstrdup("{}");
	assert_int_equal(runs_begin(s, &r, &e), 0);
	runs_close(s);
	s = runs_open(home, &e);
	assert_int_equal(runs_begin(s, &again, &e), -1);
	assert_int_equal(e.code, ERR_exists);
	again.by_hand = true;
	assert_int_equal(runs_begin(s, &again, &e), 0);
	r.ended = 5000;
	strcpy(r.outcome, "ok");
	r.message = xstrdup("said");
	r.cost = 0.5;
	assert_int_equal(runs_first_open(s, &e), r.id - 1);
	assert_int_equal(runs_end(s, &r, &e), 0);
	assert_int_equal(runs_first_open(s, &e), again.id - 1);
	assert_int_equal(runs_find(s, r.id, &found, &e), 1);
	assert_true(found.ended == 5000 && found.cost == 0.5 && strcmp(found.message, "said") == 0);
	run_clear(&found);
	rows = runs_history(s, "a", 10, &e);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_str(json_array_get(rows, 0), "outcome", ""), "running");
	runs_close(s);
	run_clear(&r);
	run_clear(&again);
}

static void
test_how_a_job_ran_is_the_ledgers_word_then_the_file_then_the_row(void **state)
{
	struct run r = { .job = "b", .due = 1, .began = 1800000000000, .row = xstrdup("{}") };
	struct runs *runs = runs_open(home, NULL);
	struct jobs *s;

	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"prompt\":\"p\",\"expression\":\"@daily\",\"last_run_at\":\"2026-05-11T07:00:03.120000+00:00\"},"
	    "{\"id\":\"b\",\"prompt\":\"p\",\"expression\":\"@daily\",\"last_run_at\":\"2026-05-11T07:00:03+00:00\"},"
	    "{\"id\":\"c\",\"prompt\":\"p\",\"expression\":\"@daily\",\"last_run_at\":\"2026-05-11T07:00:03+00:00\"}]");
	put_file(home, "schedule/runs.json", "{\"c\":{\"last_run_at\":\"2026-06-01T00:00:00+00:00\",\"last_run_status\":\"error\"}}");
	assert_int_equal(runs_begin(runs, &r, NULL), 0);
	s = open_jobs();
	runs_tell(runs, s);
	assert_true(jobs_find(s, "a")->ran && jobs_find(s, "a")->last_run == 1778482803000);
	assert_true(jobs_find(s, "b")->last_run == 1800000000000);
	assert_true(jobs_find(s, "c")->last_run == 1780272000000);
	assert_string_equal(jobs_find(s, "c")->status, "error");
	assert_int_equal(runs_repeat(runs, s, NULL), 0);
	runs_close(runs);
	jobs_close(s);
	run_clear(&r);
}

/* ---- when ------------------------------------------------------------------------------------- */

static void
test_runs_json_says_how_each_job_stands(void **state)
{
	cleanup_free char *path = path_join(home, "schedule/runs.json");
	cleanup_buf struct buf text = BUF(0);
	cleanup_json json_t *want = NULL, *got = NULL;
	struct error e = { 0 };
	struct jobs *s;
	struct runs *r;

	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"expression\":\"@daily\",\"prompt\":\"p\"},{\"id\":\"b\",\"expression\":\"@daily\","
	    "\"prompt\":\"p\"},{\"id\":\"c\",\"expression\":\"nonsense\",\"prompt\":\"p\"},{\"id\":\"d\",\"expression\":\"@daily\",\"prompt\":\"p\"}]");
	s = open_jobs();
	r = runs_open(home, &e);
	assert_non_null(r);
	jobs_at(s, 0)->ran = true;
	jobs_at(s, 0)->last_run = 1780308000000;
	strcpy(jobs_at(s, 0)->status, "ok");
	strcpy(jobs_at(s, 3)->status, "a\"\\");
	assert_int_equal(runs_repeat(r, s, NULL), 0);
	assert_int_equal(file_read(path, 65536, &text, NULL), 0);
	got = json_parse(buf_str(&text), text.len, 4, &e);
	want = json_pack("{s:{s:s, s:s}, s:{s:n}, s:{s:n, s:s}}", "a", "last_run_at", "2026-06-01T10:00:00+00:00", "last_run_status",
	    "ok", "b", "last_run_at", "d", "last_run_at", "last_run_status", "a\"\\");
	assert_true(json_equal(got, want));
	runs_close(r);
	jobs_close(s);
}

/* A change of one is found where it was, and the others are what they were. */
static void
test_a_changed_row_keeps_its_place(void **state)
{
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s}", "id", "b", "expression", "@hourly", "prompt", "new");
	cleanup_json json_t *more = json_pack("{s:s, s:s, s:s}", "id", "0", "expression", "@hourly", "prompt", "p");
	struct jobs *s;

	put_file(home, JOBS_FILE, "[{\"id\":\"c\",\"expression\":\"@daily\",\"prompt\":\"p\"},{\"id\":\"b\",\"expression\":\"@daily\","
	    "\"prompt\":\"p\"},{\"id\":\"a\",\"expression\":\"@daily\",\"prompt\":\"p\"}]");
	s = open_jobs();
	assert_int_equal(jobs_put(s, row, NULL)->order, 1);
	assert_string_equal(jobs_at(s, 1)->id, "b");
	assert_int_equal(jobs_remove(s, "b", NULL), 0);
	assert_int_equal(jobs_find(s, "a")->order, 1);
	assert_int_equal(jobs_put(s, more, NULL)->order, 2);
	assert_null(jobs_find(s, "b"));
	jobs_close(s);
}

/* It was broken for that reason alone. */
static void
test_of_two_with_one_id_the_second_is_the_job_when_the_first_goes(void **state)
{
	struct jobs *s;

	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"expression\":\"@daily\",\"prompt\":\"one\"},{\"id\":\"a\",\"expression\":\"@daily\","
	    "\"prompt\":\"two\"},{\"id\":\"b\",\"expression\":\"@daily\",\"prompt\":\"p\"}]");
	s = open_jobs();
	assert_string_equal(jobs_at(s, 1)->broken, "another job has this id");
	assert_int_equal(jobs_remove(s, "b", NULL), 0);
	assert_false(jobs_refresh(s));
	assert_int_equal(jobs_remove(s, "a", NULL), 0);
	assert_true(jobs_refresh(s));
	assert_null(jobs_find(s, "a")->broken);
	assert_non_null(strstr(jobs_find(s, "a")->text, "two"));
	assert_false(jobs_refresh(s));
	jobs_close(s);
}

static void
test_what_is_due_comes_in_the_order_of_the_file(void **state)
{
	struct jobs *s;
	struct due d;

	put_file(home, JOBS_FILE, "[{\"id\":\"late\",\"prompt\":\"p\",\"kind\":\"once\",\"run_at\":\"2026-01-02T00:00:00Z\"},"
	    "{\"id\":\"never\",\"prompt\":\"p\",\"expression\":\"@daily\",\"paused\":true},"
	    "{\"id\":\"early\",\"prompt\":\"p\",\"kind\":\"once\",\"run_at\":\"2026-01-01T00:00:00Z\"}]");
	s = open_jobs();
	due_init(&d);
	for (size_t i = 0; i < jobs_count(s); i++)
		due_arm(&d, jobs_at(s, i), 0);
	assert_true(due_next(&d) == 1767225600000);
	assert_null(due_take(&d, 1767225599999));
	assert_string_equal(due_take(&d, 1767225600000 + DAY)->id, "late");
	assert_string_equal(due_take(&d, 1767225600000 + DAY)->id, "early");
	assert_null(due_take(&d, 1767225600000 + DAY));
	assert_true(due_next(&d) == NEVER);
	due_clear(&d);
	jobs_close(s);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(test_rows_of_others_keep_their_bytes),
		CASE(test_a_file_that_is_no_list_is_never_written),
		CASE(test_a_row_of_nonsense_says_why_and_is_never_due),
		CASE(test_a_row_that_is_json_and_no_job_spoils_only_itself),
		CASE(test_a_lock_that_is_never_let_go_is_not_waited_for),
		CASE(test_of_two_rows_with_one_id_the_first_is_the_job),
		CASE(test_a_change_by_others_is_seen_and_not_overwritten),
		CASE(test_many_come_and_go),
		CASE(test_a_twin_is_known_by_time_and_beginning),
		CASE(test_a_job_names_a_platform_in_the_words_of_older_files_too),
		CASE(test_a_script_is_a_skills_and_nothing_else),
		CASE(test_a_due_time_has_one_run_whatever_dies),
		CASE(test_how_a_job_ran_is_the_ledgers_word_then_the_file_then_the_row),
		CASE(test_runs_json_says_how_each_job_stands),
		CASE(test_a_changed_row_keeps_its_place),
		CASE(test_of_two_with_one_id_the_second_is_the_job_when_the_first_goes),
		CASE(test_what_is_due_comes_in_the_order_of_the_file),
	};

	return RUN(tests);
}
