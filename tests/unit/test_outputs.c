/* SPDX-License-Identifier: Apache-2.0 */
/* The rows for the person: their form, what stays of others' bytes, how many there are, what a bad file does. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/outputs.h"

#define OLD "{\"id\": \"00000000000a\", \"profile\": \"default\", \"created_at\": 1700000000.12345678901, \"source\": \"schedule\", " \
	"\"source_id\": \"j1\", \"body\": \"say \\\"status\\\": \\\"unread\\\"\", \"kind\": \"warning\", \"status\": \"unread\", " \
	"\"delivered_to\": [\"alpi\"], \"strange\": 1.10}"
#define SEEN "{\"id\":\"00000000000b\",\"body\":\"b\",\"type\":\"no such\",\"status\":\"read\",\"created_at\":1.0}"

static char *home;

/* ---- helpers -------------------------------------------------------------------------------- */

static char *
path_of(const char *name)
{
	return xasprintf("%s/outputs/%s", home, name);
}

static void
put(const char *text)
{
	cleanup_free char *path = path_of("outputs.jsonl");

	assert_int_equal(atomic_write(path, text, strlen(text), 0600, NULL), 0);
}

static char *
get(const char *name)
{
	cleanup_free char *path = path_of(name);
	cleanup_buf struct buf b = BUF(0);

	return file_read(path, 32 << 20, &b, NULL) == -1 ? xstrdup("(none)") : xstrdup(buf_str(&b));
}

static int
start(void **state)
{
	cleanup_free char *dir = NULL;

	home = temp_home();
	dir = path_of("");
	mkdir(dir, 0700);
	return 0;
}

static int
stop(void **state)
{
	clock_fake(-1, -1);
	free(home);
	return 0;
}

static int
add(const char *key, const char *body, char id[OUTPUT_ID])
{
	struct output o = { .profile = "default", .key = key, .source = "send_message", .body = body };

	return outputs_add(home, &o, id, NULL);
}

static size_t
count(const char *status, size_t limit)
{
	cleanup_json json_t *rows = outputs_list(home, status, limit, NULL);

	assert_non_null(rows);
	return json_array_size(rows);
}

static void
assert_refused(const struct output *o, enum error_code code)
{
	struct error e = { 0 };
	char id[OUTPUT_ID];

	assert_int_equal(outputs_add(home, o, id, &e), -1);
	assert_int_equal(e.code, code);
}

/* ---- add ------------------------------------------------------------------------------------ */

static void
test_outputs_add_writes_the_row_that_readers_know(void **state)
{
	cleanup_json json_t *delivered = json_pack("[s]", "alpi"), *row = NULL, *want = NULL;
	struct output o = { .profile = "work", .key = "k", .source = "schedule", .source_id = "j", .title = "A\ntitle",
	    .body = "one\ntwo\x1b[2J", .type = "error", .session = "s1", .delivered_to = delivered };
	cleanup_free char *text = NULL, *path = path_of("outputs.jsonl");
	char id[OUTPUT_ID];
	struct stat st;

	clock_fake(1700000000500, 0);
	assert_int_equal(outputs_add(home, &o, id, NULL), 0);
	text = get("outputs.jsonl");
	row = json_parse(text, strlen(text), 4, NULL);
	want = json_pack("{s:s, s:s, s:f, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "id", id, "profile", "work",
	    "created_at", 1700000000.5, "source", "schedule", "source_id", "j", "title", "A title", "body", "one\ntwo [2J",
	    "type", "error", "status", "unread", "session_id", "s1", "delivered_to", "alpi");
	assert_true(json_equal(row, want));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_outputs_add_files_a_key_once(void **state)
{
	char id[OUTPUT_ID], again[OUTPUT_ID];

	assert_int_equal(add("turn/1/0", "a", id), 0);
	assert_int_equal(add("turn/1/0", "a", again), 1);
	assert_string_equal(id, again);
	assert_int_equal(add("turn/1/1", "a", again), 0);
	assert_string_not_equal(id, again);
	assert_int_equal(count(NULL, 10), 2);
}

static void
test_outputs_add_refuses_what_is_no_message(void **state)
{
	cleanup_free char *huge = xcalloc(1, OUTPUT_BODY_MAX + 2);

	memset(huge, 'x', OUTPUT_BODY_MAX + 1);
	assert_refused(&(struct output){ .key = "k", .body = " \n\t" }, ERR_invalid);
	assert_refused(&(struct output){ .key = "k", .body = huge }, ERR_too_large);
	assert_refused(&(struct output){ .key = "k", .body = "b", .title = huge }, ERR_too_large);
	assert_refused(&(struct output){ .key = "k", .body = "b", .type = "fatal" }, ERR_invalid);
	assert_int_equal(count(NULL, 10), 0);
}

static void
test_outputs_keep_the_newest_five_hundred(void **state)
{
	cleanup_json json_t *rows = NULL;
	struct buf b = BUF(0);
	char id[OUTPUT_ID];

	for (int i = 0; i < 510; i++)
		buf_addf(&b, "{\"id\":\"%012x\",\"body\":\"row %d\",\"status\":\"unread\"}\n", i, i);
	put(buf_str(&b));
	buf_clear(&b);
	assert_int_equal(count(NULL, 1000), 500);
	assert_int_equal(add("k", "the newest", id), 0);
	rows = outputs_list(home, NULL, 1000, NULL);
	assert_int_equal(json_array_size(rows), 500);
	assert_string_equal(json_str(json_array_get(rows, 0), "body", ""), "the newest");
	assert_string_equal(json_str(json_array_get(rows, 499), "body", ""), "row 11");
}

static void
test_outputs_add_is_not_swallowed_by_a_cut_line(void **state)
{
	char id[OUTPUT_ID];

	put(SEEN "\n{\"id\":\"00000000000c\",\"bo");
	assert_int_equal(add("k", "new", id), 0);
	assert_int_equal(count(NULL, 10), 2);
}

/* ---- see ------------------------------------------------------------------------------------ */

static void
test_outputs_are_listed_newest_first_by_status(void **state)
{
	cleanup_json json_t *rows = NULL;
	char id[OUTPUT_ID];

	put(OLD "\r\n\n" SEEN "\n");
	add("k", "third", id);
	rows = outputs_list(home, NULL, 2, NULL);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_str(json_array_get(rows, 0), "id", ""), id);
	assert_string_equal(json_str(json_array_get(rows, 1), "type", ""), "info");
	assert_int_equal(count("unread", 10), 2);
	assert_int_equal(count("read", 10), 1);
}

static void
test_outputs_read_the_words_of_older_writers(void **state)
{
	cleanup_json json_t *row = NULL;
	struct error e = { 0 };

	put(OLD "\n");
	row = outputs_read(home, "00000000000a", NULL);
	assert_string_equal(json_str(row, "type", ""), "warning");
	assert_null(outputs_read(home, "00000000000f", &e));
	assert_int_equal(e.code, ERR_not_found);
}

/* ---- change --------------------------------------------------------------------------------- */

static void
test_outputs_mark_changes_one_word(void **state)
{
	cleanup_free char *text = NULL;
	const char *at;

	put(OLD "\n" SEEN "\n");
	assert_int_equal(outputs_mark(home, "00000000000a", NULL), 1);
	text = get("outputs.jsonl");
	at = strstr(text, "\"status\": \"read\"");
	assert_non_null(at);
	assert_memory_equal(text, OLD, (size_t)(at - text));
	assert_string_equal(at, "\"status\": \"read\", \"delivered_to\": [\"alpi\"], \"strange\": 1.10}\n" SEEN "\n");
	assert_int_equal(outputs_mark(home, "00000000000a", NULL), 0);
	assert_int_equal(outputs_mark(home, "00000000000f", NULL), -1);
}

static void
test_outputs_mark_finds_the_status_beside_one_of_somebody_else(void **state)
{
	cleanup_json json_t *row = NULL;

	put("{\"id\":\"00000000000a\",\"x\":{\"status\":\"unread\"},\"body\":\"b\",\"status\":\"unread\"}\n");
	assert_int_equal(outputs_mark(home, NULL, NULL), 1);
	row = outputs_read(home, "00000000000a", NULL);
	assert_string_equal(json_str(row, "status", ""), "read");
	assert_string_equal(json_str(json_object_get(row, "x"), "status", ""), "unread");
}

static void
test_outputs_mark_all_counts_and_leaves_nothing_unread(void **state)
{
	char id[OUTPUT_ID];

	put(OLD "\n" SEEN "\n{\"id\":\"00000000000c\",\"body\":\"no status\"}\n");
	add("k", "new", id);
	assert_int_equal(outputs_mark(home, NULL, NULL), 3);
	assert_int_equal(count("unread", 10), 0);
	assert_int_equal(outputs_mark(home, NULL, NULL), 0);
}

static void
test_outputs_delete_takes_one_line(void **state)
{
	cleanup_free char *text = NULL;

	put(OLD "\n" SEEN "\n");
	assert_int_equal(outputs_delete(home, "00000000000b", NULL), 0);
	assert_int_equal(outputs_delete(home, "00000000000b", NULL), -1);
	text = get("outputs.jsonl");
	assert_string_equal(text, OLD "\n");
}

/* ---- bad files ------------------------------------------------------------------------------ */

static void
test_outputs_set_strange_lines_aside_when_they_write(void **state)
{
	cleanup_free char *bad = NULL, *text = NULL;

	put("no json\n" OLD "\n[1]\n{\"id\":\"short\",\"body\":\"b\"}\n{\"id\":\"00000000000c\",\"body\":7}\n");
	assert_int_equal(count(NULL, 10), 1);
	bad = get("outputs.jsonl.bad");
	assert_string_equal(bad, "(none)");		/* to look changes nothing */
	assert_int_equal(outputs_mark(home, NULL, NULL), 1);
	free(bad);
	bad = get("outputs.jsonl.bad");
	assert_string_equal(bad, "{\"id\":\"00000000000c\",\"body\":7}\n{\"id\":\"short\",\"body\":\"b\"}\n[1]\nno json\n");
	text = get("outputs.jsonl");
	assert_null(strstr(text, "no json"));
}

static void
test_outputs_set_a_file_beyond_all_measure_aside(void **state)
{
	cleanup_free char *path = path_of("outputs.jsonl"), *bad = path_of("outputs.jsonl.bad");
	char id[OUTPUT_ID];

	put(OLD "\n");
	assert_int_equal(truncate(path, 17 << 20), 0);
	assert_int_equal(add("k", "new", id), 0);
	assert_int_equal(count(NULL, 10), 1);
	assert_int_equal(access(bad, F_OK), 0);
}

static void
test_outputs_leave_a_file_that_is_none_alone(void **state)
{
	cleanup_free char *path = path_of("outputs.jsonl"), *other = path_of("other");
	struct error e = { 0 };
	char id[OUTPUT_ID];

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(outputs_list(home, NULL, 10, &e));
	assert_non_null(strstr(e.text, "outputs.jsonl"));
	assert_int_equal(add("k", "new", id), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(add("k", "new", id), -1);
	assert_int_equal(access(other, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
		T(test_outputs_add_writes_the_row_that_readers_know),
		T(test_outputs_add_files_a_key_once),
		T(test_outputs_add_refuses_what_is_no_message),
		T(test_outputs_keep_the_newest_five_hundred),
		T(test_outputs_add_is_not_swallowed_by_a_cut_line),
		T(test_outputs_are_listed_newest_first_by_status),
		T(test_outputs_read_the_words_of_older_writers),
		T(test_outputs_mark_changes_one_word),
		T(test_outputs_mark_finds_the_status_beside_one_of_somebody_else),
		T(test_outputs_mark_all_counts_and_leaves_nothing_unread),
		T(test_outputs_delete_takes_one_line),
		T(test_outputs_set_strange_lines_aside_when_they_write),
		T(test_outputs_set_a_file_beyond_all_measure_aside),
		T(test_outputs_leave_a_file_that_is_none_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
