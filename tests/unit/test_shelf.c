/* SPDX-License-Identifier: Apache-2.0 */
/* The index of files: pieces, pages of what a worker tells, what is found and what is forgotten. */
#include "tests/unit/shelf_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/db.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/page.h"
#include "engined/piece.h"
#include "engined/shelf.h"
#include "engined/workspace.h"

static void
put(const char *path, const char *text)
{
	put_at(root, path, text);
}

/* "path:first-last" of what is found, joined by blanks; the caller frees. */
static char *
found(int64_t where, const char *query)
{
	struct shelf_hit hits[10];
	struct error e = { 0 };
	struct buf b = BUF(0);
	int n = shelf_search(shelf, where, query, hits, 10, &e);

	if (n == -1)
		fail_msg("%s", e.text);
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s%s:%lld-%lld", i > 0 ? " " : "", hits[i].path, (long long)hits[i].first, (long long)hits[i].last);
	shelf_hits_clear(hits, (size_t)n);
	return buf_take(&b);
}

static void
assert_found(const char *query, const char *expected)
{
	cleanup_free char *got = found(root, query);

	assert_string_equal(got, expected);
}

/* ---- pieces ----------------------------------------------------------------------------------------- */

/* "first-last" of the pieces of a text; the caller frees. */
static char *
lines_of_pieces(const char *text)
{
	struct buf b = BUF(0);
	struct pieces pieces;
	struct piece p;

	pieces_begin(&pieces, text);
	while (pieces_next(&pieces, &p))
		buf_addf(&b, "%s%lld-%lld", b.len > 0 ? " " : "", (long long)p.first, (long long)p.last);
	pieces_end(&pieces);
	return buf_take(&b);
}

static void
assert_pieces(const char *line, int times, const char *expected)
{
	cleanup_buf struct buf text = BUF(0);
	cleanup_free char *got = NULL;

	for (int i = 0; i < times; i++)
		buf_puts(&text, line);
	got = lines_of_pieces(buf_str(&text));
	assert_string_equal(got, expected);
}

static void
test_pieces_are_thirty_lines_and_overlap_by_five(void **state)
{
	assert_pieces("x\n", 0, "");
	assert_pieces("x\n", 1, "1-1");
	assert_pieces("x\n", 30, "1-30");
	assert_pieces("x\n", 31, "1-30 26-31");
	assert_pieces("x\n", 55, "1-30 26-55");
	assert_pieces("x\n", 56, "1-30 26-55 51-56");
	assert_pieces("x", 3, "1-1");
}

static void
test_pieces_of_a_long_line_are_bounded_and_stay_in_their_line(void **state)
{
	assert_pieces("0123456789", 3100, "1-1 1-1");
	assert_pieces("\xc3\xa9", 40000, "1-1 1-1 1-1");
}

/* ---- pages -------------------------------------------------------------------------------------------- */

static void
test_page_list_is_read(void **state)
{
	struct page_list l;
	struct error e = { 0 };

	assert_int_equal(page_list_read("{\"workspace\":\"/w\",\"scope\":\"a\",\"files\":[[\"a/b\",5,6]],\"more\":true}", &l, &e), 0);
	assert_string_equal(l.workspace, "/w");
	assert_string_equal(l.scope, "a");
	assert_int_equal(l.count, 1);
	assert_string_equal(l.files[0].path, "a/b");
	assert_int_equal(l.files[0].mtime_us, 5);
	assert_int_equal(l.files[0].size, 6);
	assert_true(l.more);
	page_list_clear(&l);
}

static void
test_page_list_without_its_form_is_refused(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"workspace\":\"/w\"}", "{\"workspace\":\"w\",\"files\":[]}",
	    "{\"workspace\":\"/w\",\"files\":[[]]}", "{\"workspace\":\"/w\",\"files\":[[\"\",1,1]]}",
	    "{\"workspace\":\"/w\",\"files\":[[\"a\",1,-1]]}", "{\"workspace\":\"/w\",\"files\":[[\"a\",\"1\",1]]}",
	    "{\"workspace\":\"/w\",\"files\":[[\"a\",1,1],7]}", "{\"workspace\":\"/w\",\"files\":[],\"more\":true}",
	    "{\"workspace\":\"/w\",\"files\":[[[[[[[[1]]]]]]]]}" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct page_list l;
		struct error e = { 0 };

		if (page_list_read(bad[i], &l, &e) != -1)
			fail_msg("taken: %s", bad[i]);
		assert_true(e.text[0] != '\0');
	}
}

static void
test_page_texts_are_read_one_by_one(void **state)
{
	static const char page[] = "{\"path\":\"a\",\"mtime_us\":1,\"size\":3,\"bytes\":3}\nx\n{\n"
	    "{\"path\":\"b\",\"skipped\":\"binary\",\"bytes\":0}\n\n{\"path\":\"c\",\"gone\":\"no\",\"bytes\":0}\n\n";
	struct page_text t;
	struct error e = { 0 };
	size_t at = 0;

	assert_int_equal(page_text_next(page, strlen(page), &at, &t, &e), 1);
	assert_string_equal(t.text, "x\n{");
	page_text_clear(&t);
	assert_int_equal(page_text_next(page, strlen(page), &at, &t, &e), 1);
	assert_null(t.text);
	assert_string_equal(t.why, "binary");
	assert_false(t.gone);
	page_text_clear(&t);
	assert_int_equal(page_text_next(page, strlen(page), &at, &t, &e), 1);
	assert_true(t.gone);
	page_text_clear(&t);
	assert_int_equal(page_text_next(page, strlen(page), &at, &t, &e), 0);
}

static void
test_page_texts_that_promise_too_much_are_refused(void **state)
{
	static const char *const bad[] = { "x", "{}\n\n", "{\"path\":\"a\",\"bytes\":5}\nabc\n", "{\"path\":\"a\",\"bytes\":3}\nabc",
	    "{\"path\":\"a\",\"bytes\":-1}\n\n", "{\"path\":\"a\",\"bytes\":9223372036854775807}\nabc\n", "{\"path\":\"a\",\"bytes\":1}\nabc\n",
	    "{\"path\":7,\"bytes\":0}\n\n", "{\"path\":\"a\"}\nabc\n", "\n", "{\"path\":\"a\",\"bytes\":0}" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct page_text t;
		struct error e = { 0 };
		size_t at = 0;

		if (page_text_next(bad[i], strlen(bad[i]), &at, &t, &e) != -1)
			fail_msg("taken: %s", bad[i]);
	}
}

/* ---- the index ------------------------------------------------------------------------------------------ */

static void
test_shelf_finds_words_and_names(void **state)
{
	put("notes/sea.md", "one\ntwo walrus\n");
	put("land.md", "hedgehog\n");
	assert_found("walrus", "notes/sea.md:1-2");
	assert_found("land", "land.md:1-1");
	assert_found("submarine", "");
	assert_found("\"*(", "");
}

static void
test_shelf_replaces_and_forgets_whole_files(void **state)
{
	struct error e = { 0 };
	int64_t files, pieces;

	put("a", "walrus");
	put("a", "osprey");
	assert_found("walrus", "");
	assert_found("osprey", "a:1-1");
	assert_int_equal(shelf_shrink(shelf, root, "a", INT64_MAX, &e), 0);
	assert_int_equal(shelf_shrink(shelf, root, "never there", INT64_MAX, &e), 0);
	assert_found("osprey", "");
	assert_int_equal(shelf_size(shelf, root, &files, &pieces, &e), 0);
	assert_int_equal(files + pieces, 0);
}

static void
test_shelf_keeps_workspaces_apart(void **state)
{
	struct error e = { 0 };
	int64_t other = shelf_root(shelf, "/other", true, &e);
	cleanup_free char *none = NULL;

	put("a", "walrus");
	none = found(other, "walrus");
	assert_string_equal(none, "");
	assert_int_equal(shelf_root(shelf, "/unknown", false, &e), 0);
	assert_int_equal(shelf_root(shelf, "/w", false, &e), root);
}

static void
test_shelf_takes_back_what_is_not_ended_well(void **state)
{
	struct error e = { 0 };

	put("a", "walrus");
	assert_int_equal(words_begin(shelf, &e), 0);
	put("a", "osprey");
	assert_int_equal(words_end(shelf, false, &e), 0);
	assert_found("walrus", "a:1-1");
	assert_found("osprey", "");
	put("b", "osprey");
	assert_found("osprey", "b:1-1");
}

static void
test_shelf_remembers_files_without_text(void **state)
{
	struct shelf_file *files;
	struct error e = { 0 };
	int64_t with, pieces;
	size_t n;

	put("binary", NULL);
	put("empty", "");
	assert_int_equal(shelf_files(shelf, root, &files, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(files[0].path, "binary");
	shelf_files_free(files, n);
	assert_int_equal(shelf_size(shelf, root, &with, &pieces, &e), 0);
	assert_int_equal(with, 0);
}

/* ---- a pass, with a worker of the test's own --------------------------------------------------------------- */

static struct event_base *base;
static struct workspace *workspace;
static struct workspace_pass *pass;
static const char *list, *texts;		/* what the worker says; NULL: it fails */
static struct workspace_result result;
static struct error pass_error;
static int asked, over;

static void
answer(evutil_socket_t fd, short what, void *arg)
{
	json_t *args = arg;
	const char *page = json_object_get(args, "paths") == NULL ? list : texts;
	struct error e = { 0 };

	json_decref(args);
	error_set(&e, ERR_denied, "the worker says no");
	workspace_page(pass, page, page == NULL ? &e : NULL);
}

static void
on_ask(void *arg, json_t *args)
{
	struct timeval now = { 0 };

	asked++;
	event_base_once(base, -1, EV_TIMEOUT, answer, args, &now);
}

static void
on_progress(void *arg, const char *text)
{
}

static void
on_done(void *arg, const struct workspace_result *r, const struct error *e)
{
	result = r == NULL ? (struct workspace_result){ .indexed = -1 } : *r;
	pass_error = e == NULL ? (struct error){ 0 } : *e;
	over++;
}

static const struct workspace_caller caller = { .ask = on_ask, .progress = on_progress, .done = on_done };

static void
run(bool force)
{
	struct workspace_order o = { .path = ".", .glob = WORKSPACE_GLOB, .force = force };
	int before = over;

	asked = 0;
	pass = workspace_begin(workspace, &o, &caller, NULL);
	while (over == before)
		event_base_loop(base, EVLOOP_ONCE);
}

static int
up_pass(void **state)
{
	up(state);
	words_close(shelf);
	base = event_base_new();
	workspace = workspace_new(base, home);
	shelf = NULL;
	return 0;
}

static int
down_pass(void **state)
{
	workspace_free(workspace);
	event_base_free(base);
	return down(state);
}

#define PASS(fn) cmocka_unit_test_setup_teardown(fn, up_pass, down_pass)

#define LIST(rows) "{\"workspace\":\"/w\",\"scope\":\"\",\"files\":[" rows "],\"more\":false}"
#define TEXT(path, text) "{\"path\":\"" path "\",\"mtime_us\":1,\"size\":6,\"bytes\":6}\n" text "\n"

static void
test_workspace_pass_reads_what_is_new(void **state)
{
	list = LIST("[\"a\",1,6],[\"b\",1,6]");
	texts = TEXT("a", "walrus") TEXT("b", "osprey");
	run(false);
	assert_int_equal(result.indexed, 2);
	assert_int_equal(asked, 2);
	run(false);
	assert_int_equal(result.unchanged, 2);
	assert_int_equal(asked, 1);
	list = LIST("[\"a\",1,6]");
	run(false);
	assert_int_equal(result.removed, 1);
	texts = TEXT("a", "condor");
	run(true);
	assert_int_equal(result.indexed, 1);
}

static void
test_workspace_pass_that_fails_leaves_the_index(void **state)
{
	static const char *const bad[] = { NULL, "", "rubbish", TEXT("other", "walrus") };
	struct error e = { 0 };
	struct shelf_hit hits[2];

	list = LIST("[\"a\",1,6]");
	texts = TEXT("a", "walrus");
	run(false);
	list = LIST("[\"a\",2000,6]");
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct words *x;

		texts = bad[i];
		run(false);
		assert_int_equal(result.indexed, -1);
		assert_true(pass_error.text[0] != '\0');
		assert_non_null(x = workspace_shelf(workspace, &e));
		assert_int_equal(shelf_search(x, shelf_root(x, "/w", false, &e), "walrus", hits, 2, &e), 1);
		shelf_hits_clear(hits, 1);
	}
	list = NULL;
	run(false);
	assert_string_equal(pass_error.text, "the worker says no");
}

/* ---- a file that is cut off -------------------------------------------------------------------------------- */

/* The pieces of all files, in order, with their lines; the caller frees. */
static char *
all_pieces(void)
{
	sqlite3_stmt *s = db_query(shelf->db, NULL, "SELECT w.name, p.line, p.last, w.content FROM words w JOIN pieces p ON p.id = w.rowid"
	    " ORDER BY w.rowid", "");
	struct buf b = BUF(0);

	while (db_step(shelf->db, s, NULL) == 1)
		buf_addf(&b, "%s %d %d %s--\n", (const char *)sqlite3_column_text(s, 0), sqlite3_column_int(s, 1), sqlite3_column_int(s, 2),
		    (const char *)sqlite3_column_text(s, 3));
	db_done(s);
	return buf_take(&b);
}

static void
grow(const char *text, int steps)
{
	struct shelf_file f = { .path = (char *)"a.txt", .mtime_us = 1, .size = 2 };
	struct shelf_growth *g = shelf_growth_new(root, &f, text);
	int more = 1;

	assert_int_equal(words_begin(shelf, NULL), 0);
	while (steps-- > 0 && (more = shelf_grow(shelf, g, NULL)) == 1)
		;
	if (more == 1)
		more = shelf_pause(shelf, g, NULL);
	assert_int_equal(more, 0);
	assert_int_equal(words_end(shelf, true, NULL), 0);
	shelf_growth_free(g);
}

/* Whatever the step it was cut off behind, it counts as changed, and the next time leaves the same as if there had been none. */
static void
test_a_file_that_was_cut_off_is_replaced_by_the_next_time(void **state)
{
	cleanup_buf struct buf text = BUF(0);
	cleanup_free char *wanted = NULL;

	for (int i = 0; i < 2000; i++)
		buf_addf(&text, "line %d\n", i);
	put_at(root, "a.txt", buf_str(&text));
	wanted = all_pieces();
	for (int steps = 0; steps < 90; steps += 7) {
		cleanup_free char *got = NULL;
		struct shelf_file *files;
		size_t n;

		grow(buf_str(&text), steps);
		assert_int_equal(shelf_files(shelf, root, &files, &n, NULL), 0);
		assert_true(n == 1 && (files[0].size == -1 || steps == 0 || steps > 80));
		shelf_files_free(files, n);
		grow(buf_str(&text), steps / 2);
		grow(buf_str(&text), INT32_MAX);
		got = all_pieces();
		assert_string_equal(got, wanted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_thirty_lines_and_overlap_by_five),
		cmocka_unit_test(test_pieces_of_a_long_line_are_bounded_and_stay_in_their_line),
		cmocka_unit_test(test_page_list_is_read),
		cmocka_unit_test(test_page_list_without_its_form_is_refused),
		cmocka_unit_test(test_page_texts_are_read_one_by_one),
		cmocka_unit_test(test_page_texts_that_promise_too_much_are_refused),
		CASE(test_shelf_finds_words_and_names),
		CASE(test_shelf_replaces_and_forgets_whole_files),
		CASE(test_shelf_keeps_workspaces_apart),
		CASE(test_shelf_takes_back_what_is_not_ended_well),
		CASE(test_shelf_remembers_files_without_text),
		PASS(test_workspace_pass_reads_what_is_new),
		PASS(test_workspace_pass_that_fails_leaves_the_index),
		CASE(test_a_file_that_was_cut_off_is_replaced_by_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
