/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of conversations: which pieces wait for one, what goes with a session, what is found, and an index of before there were any. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/db.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/fts.h"
#include "engined/growth.h"
#include "engined/recall.h"
#include "engined/session.h"
#include "engined/vectors.h"

#define DIM	4

static char *home;
static struct words *fts;

static int
up(void **state)
{
	static const char *const dirs[] = { "rag", "sessions" };

	home = temp_home();
	for (size_t i = 0; i < COUNT(dirs); i++) {
		cleanup_free char *path = xasprintf("%s/%s", home, dirs[i]);

		mkdir(path, 0700);
	}
	fts = NULL;
	return 0;
}

static int
down(void **state)
{
	words_close(fts);
	free(home);
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

static void
begin(void)
{
	struct error e = { 0 };

	if ((fts = fts_open(home, &e)) == NULL)
		fail_msg("%s", e.text);
}

/* A session of so many pieces, also as a file. */
static void
say(const char *id, const char *text, int pieces)
{
	cleanup_json json_t *s = session_new(id, "m");
	json_t *turn = session_turn(1000, "q", NULL);
	struct fts_file file = { .mtime_us = 1, .size = 1 };
	cleanup_buf struct buf long_text = BUF(0);
	struct error e = { 0 };
	struct growth *g;
	int more;

	for (int i = 0; i < 25 * (pieces - 1) + 10; i++)
		buf_addf(&long_text, "%s\n", text);
	snprintf(file.id, sizeof(file.id), "%s", id);
	json_object_set_new(turn, "assistant", json_string(buf_str(&long_text)));
	json_array_append_new(session_turns(s), turn);
	assert_int_equal(session_save(home, s, &e), 0);
	g = growth_new(home, &file);
	while ((more = growth_step(g, fts, &e)) == 1)
		;
	assert_int_equal(more, 0);
	growth_free(g);
}

static struct vectors
model(const char *name, int64_t dim)
{
	struct vectors v;
	struct error e = { 0 };

	assert_int_equal(vectors_make(fts->db, FTS_ROOT, name, dim, &v, &e), 0);
	return v;
}

/* Gives all that wait the vector; how many there were, and how often was asked. */
static int
give_all(const struct vectors *v, const float *numbers, int batch, int *asked)
{
	int64_t pieces[64];
	char *texts[64];
	struct error e = { 0 };
	bool more = true;
	int all = 0;

	for (*asked = 0; more; ++*asked) {
		int n = fts_missing(fts, v, pieces, texts, batch, &more, &e);

		assert_int_not_equal(n, -1);
		for (int i = 0; i < n; i++) {
			assert_int_equal(vectors_put(fts->db, v, pieces[i], numbers, &e), 0);
			free(texts[i]);
		}
		all += n;
	}
	return all;
}

static const float east[DIM] = { 1, 0, 0, 0 }, north[DIM] = { 0, 1, 0, 0 };

static void
test_fts_vectors_are_given_batch_by_batch_and_what_is_done_is_not_looked_at_again(void **state)
{
	struct vectors v;
	int asked;

	begin();
	say("a", "apples", 5);
	say("b", "pears", 70);
	v = model("m", DIM);
	assert_int_equal(fts_waiting(fts, &v, NULL), 75);
	assert_int_equal(give_all(&v, east, 16, &asked), 75);
	assert_int_equal(fts_waiting(fts, &v, NULL), 0);
	assert_int_equal(give_all(&v, east, 16, &asked), 0);
	assert_int_equal(asked, 1);
	say("a", "cherries", 1);		/* instead of the five */
	assert_int_equal(give_all(&v, east, 16, &asked), 1);
}

static void
test_fts_vectors_of_a_model_that_has_none_yet_are_all_missing(void **state)
{
	int64_t pieces[8];
	char *texts[8];
	struct vectors v;
	bool more;

	begin();
	say("a", "apples", 2);
	assert_int_equal(vectors_find(fts->db, FTS_ROOT, "m", &v, NULL), 0);
	assert_int_equal(v.id, 0);
	assert_int_equal(fts_waiting(fts, &v, NULL), 2);
	assert_int_equal(fts_missing(fts, &v, pieces, texts, 8, &more, NULL), 2);
	assert_non_null(strstr(texts[0], "apples"));
	free(texts[0]);
	free(texts[1]);
}

static void
test_fts_vectors_go_with_their_session_and_leave_those_beside_it(void **state)
{
	struct fts_hit hits[5];
	struct vectors v;
	int asked, n;

	begin();
	say("a", "apples", 3);
	say("b", "pears", 150);			/* over the edges of two blocks of sketches */
	say("c", "plums", 3);
	v = model("m", DIM);
	assert_int_equal(give_all(&v, east, 64, &asked), 156);
	assert_int_equal(fts_near(fts, &v, east, NULL, hits, 5, NULL), 3);
	fts_hits_clear(hits, 3);
	assert_int_equal(fts_remove(fts, "b", NULL), 0);
	n = fts_near(fts, &v, east, "a", hits, 5, NULL);
	assert_int_equal(n, 1);
	assert_string_equal(hits[0].session, "c");
	assert_non_null(strstr(hits[0].snippet, "plums"));
	fts_hits_clear(hits, (size_t)n);
}

static void
test_fts_vectors_set_aside_go_when_the_new_ones_are_there(void **state)
{
	static const float wide[2 * DIM] = { 1 };
	struct error e = { 0 };
	struct vectors v, other;
	struct fts_hit hit;
	int asked, more;

	begin();
	say("a", "apples", 3);
	v = model("m", DIM);
	give_all(&v, east, 64, &asked);
	assert_int_equal(vectors_make(fts->db, FTS_ROOT, "m", 2 * DIM, &other, &e), -1);
	assert_int_equal(e.code, ERR_conflict);
	assert_int_equal(vectors_set_aside(fts->db, &v, &e), 0);
	other = model("m", 2 * DIM);
	assert_int_equal(give_all(&other, wide, 64, &asked), 3);
	assert_int_equal(fts_near(fts, &v, east, NULL, &hit, 1, NULL), 1);
	fts_hits_clear(&hit, 1);
	while ((more = vectors_drop_others(fts->db, &other, 2, &e)) == 1)
		;
	assert_int_equal(more, 0);
	assert_int_equal(fts_near(fts, &v, east, NULL, &hit, 1, NULL), 0);
	assert_int_equal(fts_near(fts, &other, wide, NULL, &hit, 1, NULL), 1);
	fts_hits_clear(&hit, 1);
}

static void
test_recall_makes_one_order_of_words_and_meaning(void **state)
{
	struct recall_meaning near = { .model = "m", .numbers = east, .dim = DIM };
	struct recall_query violet = { .text = "violet", .k = 5 };
	struct event_base *base = event_base_new();
	struct recall *recall = recall_new(base, home);
	cleanup_json json_t *rows = NULL, *words = NULL;
	char note[ERROR_TEXT_MAX];
	struct vectors v;
	int asked;

	begin();
	say("far", "violet", 1);
	v = model("m", DIM);
	give_all(&v, north, 64, &asked);
	say("both", "violet", 1);
	say("near", "purple", 1);
	give_all(&v, east, 64, &asked);
	rows = recall_find_near(recall, &violet, &near, note, NULL);
	assert_string_equal(note, "");
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(json_str(json_array_get(rows, 0), "session_id", ""), "both");
	near.dim = DIM - 1;
	words = recall_find_near(recall, &violet, &near, note, NULL);
	assert_int_equal(json_array_size(words), 2);
	assert_non_null(strstr(note, "index_sessions makes them"));
	recall_free(recall);
	event_base_free(base);
}

static void
test_fts_takes_over_an_index_of_before_there_were_vectors(void **state)
{
	static const char *const before[] = {
		"CREATE TABLE sessions (id TEXT PRIMARY KEY, mtime_us INTEGER NOT NULL, size INTEGER NOT NULL,"
		" started_at REAL NOT NULL, first INTEGER NOT NULL, pieces INTEGER NOT NULL) WITHOUT ROWID;"
		"CREATE VIRTUAL TABLE words USING fts5(session UNINDEXED, content, tokenize = 'unicode61 remove_diacritics 2');"
		"INSERT INTO sessions VALUES ('a', 1, 1, 1000.0, 1, 1);"
		"INSERT INTO words (rowid, session, content) VALUES (1, 'a', 'apples');", NULL };
	cleanup_free char *path = xasprintf("%s/rag/index.sqlite", home);
	struct fts_hit hit;
	struct vectors v;
	struct db *db;
	int asked;

	assert_int_equal(db_open(&db, path, before, 0, NULL), 0);
	db_close(db);
	begin();
	assert_int_equal(fts_search(fts, "apples", NULL, &hit, 1, NULL), 1);
	fts_hits_clear(&hit, 1);
	v = model("m", DIM);
	assert_int_equal(give_all(&v, east, 64, &asked), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_fts_vectors_are_given_batch_by_batch_and_what_is_done_is_not_looked_at_again),
		CASE(test_fts_vectors_of_a_model_that_has_none_yet_are_all_missing),
		CASE(test_fts_vectors_go_with_their_session_and_leave_those_beside_it),
		CASE(test_fts_vectors_set_aside_go_when_the_new_ones_are_there),
		CASE(test_recall_makes_one_order_of_words_and_meaning),
		CASE(test_fts_takes_over_an_index_of_before_there_were_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
