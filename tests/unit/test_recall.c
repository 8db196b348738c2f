/* SPDX-License-Identifier: Apache-2.0 */
/* The index of the sessions: what is found, what is kept up to date, what an accident leaves. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/fts.h"
#include "engined/growth.h"
#include "engined/match.h"
#include "engined/recall.h"
#include "engined/session.h"

static struct event_base *base;
static struct recall *recall;
static char *home;

/* ---- a home with sessions ------------------------------------------------------------------------ */

static int
up(void **state)
{
	cleanup_free char *sessions = NULL, *rag = NULL;

	home = temp_home();
	sessions = xasprintf("%s/sessions", home);
	rag = xasprintf("%s/rag", home);
	mkdir(sessions, 0700);
	mkdir(rag, 0700);
	base = event_base_new();
	recall = recall_new(base, home);
	return 0;
}

static int
down(void **state)
{
	recall_free(recall);
	event_base_free(base);
	free(home);
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

static void
say(const char *id, const char *user, const char *assistant)
{
	cleanup_json json_t *s = session_new(id, "m");
	json_t *turn = session_turn(1000, user, NULL);
	struct error e = { 0 };

	json_object_set_new(s, "started_at", json_real(1000));
	json_object_set_new(turn, "assistant", json_string(assistant));
	json_array_append_new(session_turns(s), turn);
	assert_int_equal(session_save(home, s, &e), 0);
}

static struct recall_pass pass;
static struct error pass_error;
static int passes;

static void
on_pass(void *arg, const struct recall_pass *p, const struct error *e)
{
	pass = p == NULL ? (struct recall_pass){ -1, -1, -1, -1 } : *p;
	pass_error = e == NULL ? (struct error){ 0 } : *e;
	passes++;
}

static void
update(bool force)
{
	int before = passes;

	recall_update(recall, force, on_pass, NULL);
	while (passes == before)
		event_base_loop(base, EVLOOP_ONCE);
}

/* The ids of what is found, joined by blanks; the caller frees. */
static char *
found(const char *query, const char *skip)
{
	struct error e = { 0 };
	cleanup_json json_t *rows = recall_find(recall, query, 10, skip, &e);
	char *ids = xstrdup("");
	json_t *row;
	size_t i;

	if (rows == NULL)
		fail_msg("%s: %s", query, e.text);
	json_array_foreach(rows, i, row) {
		char *more = xasprintf("%s%s%s", ids, i > 0 ? " " : "", json_str(row, "session_id", ""));

		free(ids);
		ids = more;
	}
	return ids;
}

static void
assert_found(const char *query, const char *ids)
{
	cleanup_free char *got = found(query, NULL);

	assert_string_equal(got, ids);
}

/* ---- words --------------------------------------------------------------------------------------- */

static void
test_match_takes_nothing_of_a_query_as_an_operator(void **state)
{
	struct match m;
	cleanup_free char *any = NULL;

	match_words(&m, "cat\" OR (dog) NEAR/2 col:x* ^a -b \xc3\x9c", 1);
	any = match_any(&m);
	assert_string_equal(any, "\"cat\" OR \"or\" OR \"dog\" OR \"near\"* OR \"2\" OR \"col\" OR \"x\" OR \"a\" OR \"b\" OR \"\xc3\x9c\"");
}

static void
test_match_drops_short_and_repeated_words_and_is_bounded(void **state)
{
	struct match m;
	char long_word[3 * MATCH_WORD_MAX] = { 0 };
	struct buf b = BUF(0);

	match_words(&m, "an Apple a APPLE as apple", 3);
	assert_int_equal(m.count, 1);
	assert_string_equal(m.word[0], "apple");
	memset(long_word, 'x', sizeof(long_word) - 1);
	match_words(&m, long_word, 3);
	assert_int_equal(strlen(m.word[0]), MATCH_WORD_MAX);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "w%d ", i);
	match_words(&m, buf_str(&b), 1);
	assert_int_equal(m.count, MATCH_WORDS);
	buf_clear(&b);
	match_words(&m, " \"'(){}* ", 1);
	assert_int_equal(m.count, 0);
}

static void
test_match_counts_in_any_case_and_inside_of_words(void **state)
{
	struct match m;

	match_words(&m, "port", 3);
	assert_int_equal(match_count(&m, "Port 80, the airport and a PORTAL"), 3);
}

/* ---- the index ------------------------------------------------------------------------------------ */

static void
test_recall_finds_the_session_that_fits_best_first(void **state)
{
	cleanup_json json_t *rows = NULL;
	const json_t *row;

	say("a1", "how do I bake bread", "with flour and water");
	say("a2", "flour prices", "flour is flour: flour costs more");
	say("a3", "tell me of ships", "they swim");
	update(false);
	assert_int_equal(pass.indexed, 3);
	assert_found("flour", "a2 a1");
	assert_found("submarine", "");
	rows = recall_find(recall, "ships", 5, NULL, NULL);
	row = json_array_get(rows, 0);
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(json_str(row, "when", ""), "1970-01-01T00:16:40Z");
	assert_non_null(strstr(json_str(row, "snippet", ""), "tell me of ships"));
	assert_true(json_num(row, "score", -1) > 0);
}

static void
test_recall_leaves_one_session_out_when_asked(void **state)
{
	cleanup_free char *ids = NULL;

	say("a1", "lighthouse", "ok");
	say("a2", "lighthouse", "ok");
	update(false);
	ids = found("lighthouse", "a1");
	assert_string_equal(ids, "a2");
}

static void
test_recall_finds_the_beginning_of_a_word_and_words_without_their_accents(void **state)
{
	say("a1", "deployed it", "fine");
	say("a2", "na\xc3\xafve idea", "yes");
	update(false);
	assert_found("deploy", "a1");
	assert_found("naive", "a2");
}

static void
test_recall_reads_only_what_changed(void **state)
{
	say("a1", "apples", "ok");
	say("a2", "pears", "ok");
	update(false);
	update(false);
	assert_int_equal(pass.indexed, 0);
	assert_int_equal(pass.unchanged, 2);
	say("a1", "cherries and more", "ok");
	update(false);
	assert_int_equal(pass.indexed, 1);
	assert_int_equal(pass.unchanged, 1);
	assert_found("apples", "");
	assert_found("cherries", "a1");
	update(true);
	assert_int_equal(pass.indexed, 2);
	assert_found("pears", "a2");
}

static void
test_recall_notices_a_file_of_the_same_size_by_its_time(void **state)
{
	cleanup_free char *path = xasprintf("%s/sessions/a1.json", home);
	struct timeval times[2] = { { 5000, 0 }, { 5000, 0 } };

	say("a1", "apples", "ok");
	update(false);
	say("a1", "grapes", "ok");
	utimes(path, times);
	update(false);
	assert_found("grapes", "a1");
	assert_found("apples", "");
}

static void
test_recall_forgets_what_vanished_and_what_is_removed(void **state)
{
	cleanup_free char *path = xasprintf("%s/sessions/a1.json", home);
	struct error e = { 0 };

	say("a1", "apples", "ok");
	say("a2", "apples", "ok");
	update(false);
	unlink(path);
	update(false);
	assert_int_equal(pass.removed, 1);
	assert_found("apples", "a2");
	assert_int_equal(recall_remove(recall, "a2", &e), 0);
	assert_found("apples", "");
	assert_int_equal(recall_size(recall, &e), 0);
}

static void
test_recall_does_not_show_what_has_no_file_any_more(void **state)
{
	cleanup_free char *path = xasprintf("%s/sessions/a1.json", home);

	say("a1", "apples", "ok");
	say("a2", "apples", "ok");
	update(false);
	unlink(path);
	assert_found("apples", "a2");
}

static void
test_recall_removing_makes_no_index_where_there_is_none(void **state)
{
	cleanup_free char *path = xasprintf("%s/rag/index.sqlite", home);

	assert_int_equal(recall_remove(recall, "a1", NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_recall_skips_what_it_cannot_read_until_it_changes(void **state)
{
	put_file(home, "sessions/bad.json", "{ half a file");
	say("a1", "apples", "ok");
	update(false);
	assert_int_equal(pass.skipped, 1);
	assert_int_equal(pass.indexed, 1);
	update(false);
	assert_int_equal(pass.skipped, 0);
	say("bad", "apples", "better");
	update(false);
	assert_int_equal(pass.indexed, 1);
}

static void
test_recall_finds_text_anywhere_in_a_long_session(void **state)
{
	struct buf b = BUF(0);

	for (int i = 0; i < 200; i++)
		buf_addf(&b, "line%03dx of many\n", i);
	for (int i = 0; i < 500; i++)
		buf_puts(&b, "one endless line ");
	buf_puts(&b, "pelican");
	say("a1", buf_str(&b), "ok");
	buf_clear(&b);
	update(false);
	assert_found("line000x", "a1");
	assert_found("line029x", "a1");
	assert_found("line030x", "a1");
	assert_found("line199x", "a1");
	assert_found("pelican", "a1");
}

static void
test_recall_weighs_the_rare_word_of_a_query(void **state)
{
	cleanup_json json_t *rows = NULL;

	for (int i = 0; i < 2100; i++) {
		char id[16];

		snprintf(id, sizeof(id), "s%d", i);
		say(id, i == 7 ? "common zanzibar" : "common", "words");
	}
	update(false);
	assert_found("common zanzibar", "s7");
	rows = recall_find(recall, "common", 10, NULL, NULL);
	assert_int_equal(json_array_size(rows), 10);
}

static void
test_recall_shows_the_newest_with_all_words_when_none_is_rare(void **state)
{
	cleanup_free char *both = NULL, *one = NULL, *path = xasprintf("%s/sessions/newest.json", home);
	struct timeval times[2] = { { 4000000000, 0 }, { 4000000000, 0 } };

	for (int i = 0; i < 2100; i++) {
		cleanup_free char *id = xasprintf("s%d", i);

		say(id, "common usual", "words");
	}
	say("newest", "common", "newest");
	utimes(path, times);
	update(false);
	both = found("common usual", NULL);
	one = found("common", NULL);
	assert_null(strstr(both, "newest"));
	assert_int_equal(strncmp(one, "newest ", 7), 0);
	assert_found("common newest", "newest");	/* a rare word decides */
}

static void
test_recall_refuses_a_query_without_words(void **state)
{
	struct error e = { 0 };

	say("a1", "apples", "ok");
	update(false);
	assert_null(recall_find(recall, " \"*\" ", 5, NULL, &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_found("apples", "a1");
}

static void
test_recall_lets_the_loop_run_between_slices_and_serves_who_came_late(void **state)
{
	struct recall_wait *gone;

	say("a1", "apples", "ok");
	passes = 0;
	recall_update(recall, false, on_pass, NULL);
	gone = recall_update(recall, false, on_pass, NULL);
	recall_forget(recall, gone);
	event_base_loop(base, EVLOOP_ONCE);	/* the folder is read; what comes now is not in this pass */
	assert_int_equal(passes, 0);
	say("a2", "apples", "ok");
	recall_update(recall, false, on_pass, NULL);
	while (passes < 2)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(passes, 2);
	assert_found("apples", "a1 a2");
}

static void
test_recall_begins_anew_when_the_file_is_damaged(void **state)
{
	cleanup_free char *aside = xasprintf("%s/rag/index.sqlite.damaged", home);

	say("a1", "apples", "ok");
	put_file(home, "rag/index.sqlite", "this is no database, however long it may be, and it never was one at all");
	update(false);
	assert_int_equal(pass.indexed, 1);
	assert_found("apples", "a1");
	assert_int_equal(access(aside, F_OK), 0);
}

static void
test_recall_keeps_the_old_index_when_a_pass_fails(void **state)
{
	cleanup_free char *from = xasprintf("%s/sessions", home), *to = xasprintf("%s/elsewhere", home);

	say("a1", "apples", "ok");
	update(false);
	assert_int_equal(rename(from, to), 0);
	update(false);
	assert_int_equal(pass.indexed, -1);
	assert_non_null(strstr(pass_error.text, "sessions"));
	assert_int_equal(rename(to, from), 0);
	assert_found("apples", "a1");
}

static void
test_recall_leaves_the_references_store_alone(void **state)
{
	cleanup_free char *after = NULL;

	put_file(home, "rag/store.sqlite", "the reference's");
	say("a1", "apples", "ok");
	update(true);
	after = get_file(home, "rag/store.sqlite");
	assert_string_equal(after, "the reference's");
}

static void
put_in(struct words *x, const char *id)
{
	struct fts_file f = { .mtime_us = 1, .size = 1 };
	struct growth *g;

	snprintf(f.id, sizeof(f.id), "%s", id);
	g = growth_new(home, &f);
	while (growth_step(g, x, NULL) == 1)
		;
	assert_false(growth_failed(g));
	growth_free(g);
}

static void
test_fts_takes_back_what_is_not_ended_well(void **state)
{
	struct words *x = fts_open(home, NULL);
	struct fts_hit hits[5];
	int n;

	say("a1", "old", "");
	assert_int_equal(words_begin(x, NULL), 0);
	put_in(x, "a1");
	assert_int_equal(words_end(x, true, NULL), 0);
	say("a1", "fresh", "");
	assert_int_equal(words_begin(x, NULL), 0);
	put_in(x, "a1");
	assert_int_equal(words_end(x, false, NULL), 0);
	assert_int_equal(n = fts_search(x, "old fresh", NULL, hits, 5, NULL), 1);
	assert_non_null(strstr(hits[0].snippet, "old"));
	fts_hits_clear(hits, (size_t)n);
	words_close(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_match_takes_nothing_of_a_query_as_an_operator),
		TEST(test_match_drops_short_and_repeated_words_and_is_bounded),
		TEST(test_match_counts_in_any_case_and_inside_of_words),
		CASE(test_recall_finds_the_session_that_fits_best_first),
		CASE(test_recall_leaves_one_session_out_when_asked),
		CASE(test_recall_finds_the_beginning_of_a_word_and_words_without_their_accents),
		CASE(test_recall_reads_only_what_changed),
		CASE(test_recall_notices_a_file_of_the_same_size_by_its_time),
		CASE(test_recall_forgets_what_vanished_and_what_is_removed),
		CASE(test_recall_does_not_show_what_has_no_file_any_more),
		CASE(test_recall_removing_makes_no_index_where_there_is_none),
		CASE(test_recall_skips_what_it_cannot_read_until_it_changes),
		CASE(test_recall_finds_text_anywhere_in_a_long_session),
		CASE(test_recall_weighs_the_rare_word_of_a_query),
		CASE(test_recall_shows_the_newest_with_all_words_when_none_is_rare),
		CASE(test_recall_refuses_a_query_without_words),
		CASE(test_recall_lets_the_loop_run_between_slices_and_serves_who_came_late),
		CASE(test_recall_begins_anew_when_the_file_is_damaged),
		CASE(test_recall_keeps_the_old_index_when_a_pass_fails),
		CASE(test_recall_leaves_the_references_store_alone),
		CASE(test_fts_takes_back_what_is_not_ended_well),
	};

	return RUN(tests);
}
