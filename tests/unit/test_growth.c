/* SPDX-License-Identifier: Apache-2.0 */
/* How a session comes into the index piece by piece: what of it, and what an end in the middle leaves. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/growth.h"
#include "engined/piece.h"
#include "engined/recall.h"
#include "engined/said.h"
#include "engined/session.h"

static char *home;

static int
up(void **state)
{
	cleanup_free char *sessions = NULL, *rag = NULL;

	home = temp_home();
	sessions = xasprintf("%s/sessions", home);
	rag = xasprintf("%s/rag", home);
	mkdir(sessions, 0700);
	mkdir(rag, 0700);
	return 0;
}

static int
down(void **state)
{
	free(home);
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

/* ---- what was said -------------------------------------------------------------------------------- */

/* All that said.h makes of a text; NULL: it gave up. The caller frees. */
static char *
heard(const char *json, double *began)
{
	int fd = memfd_create("session", MFD_CLOEXEC), more;
	struct buf b = BUF(0);
	struct said *s;

	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	s = said_take(fd);
	while ((more = said_next(s, &b, NULL)) == 1)
		;
	*began = said_started_at(s, -1);
	said_close(s);
	if (more == 0)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}

static void
assert_heard(const char *json, const char *text, double started_at)
{
	double began;
	cleanup_free char *got = heard(json, &began);

	if (got == NULL || strcmp(got, text) != 0)
		fail_msg("%s: %s", json, got == NULL ? "given up" : got);
	assert_true(began == started_at);
}

static void
test_said_gives_both_sides_of_each_turn_whatever_stands_around(void **state)
{
	assert_heard("{}", "", -1);
	assert_heard(" { \"turns\" : [ ] } ", "", -1);
	assert_heard("{\"started_at\":12.5,\"turns\":[{\"user\":\"a\",\"assistant\":\"b\"},{\"user\":\"c\"}]}", "user: a\nalpi: b\nuser: c\n", 12.5);
	assert_heard("{\"turns\":[{\"assistant\":\"b\",\"tools\":[{\"user\":\"not this\"}],\"user\":\"a\"}],\"turn\":{\"user\":\"nor this\"},"
	    "\"started_at\":3}\n", "user: a\nalpi: b\n", 3);
	assert_heard("{\"x\":[\"]}\\\"\",{\"turns\":[{\"user\":\"no\"}]}],\n\"turns\":\n[\n{\"user\":\"\\u00e9 \\\"}]\"}\n]}",
	    "user: \xc3\xa9 \"}]\n", -1);
	assert_heard("{\"turns\":[{\"user\":7,\"assistant\":null}],\"started_at\":\"today\"}", "", -1);
}

static void
test_said_gives_up_what_is_no_session(void **state)
{
	static const char *const bad[] = {
		"", "[]", "7", "{", "{\"turns\"", "{\"turns\":", "{\"turns\":{}}", "{\"turns\":[", "{\"turns\":[{\"user\":\"a\"}", "{\"turns\":[1]}",
		"{\"turns\":[{\"user\":\"a\"]}", "{\"turns\":[{\"user\":\"\\ud800\"}]}", "{\"turns\":[{\"user\":\"a\\u0000\"}]}", "{7:1}", "{\"a\" 1}",
	};
	double began;

	for (size_t i = 0; i < COUNT(bad); i++)
		if (heard(bad[i], &began) != NULL)
			fail_msg("%s", bad[i]);
}

/* Values across the borders of what is read at once. */
static void
test_said_reads_values_of_any_length_at_any_place(void **state)
{
	for (int len = 16000; len < 17000; len += 7) {
		cleanup_free char *word = xcalloc(1, (size_t)len + 1);
		cleanup_free char *json = NULL, *text = NULL;

		memset(word, 'x', (size_t)len);
		json = xasprintf("{\"id\":\"%s\",\"turns\":[{\"user\":\"%s\"},{\"user\":\"\xe2\x82\xac\"}],\"started_at\":1234}", word, word);
		text = xasprintf("user: %s\nuser: \xe2\x82\xac\n", word);
		assert_heard(json, text, 1234);
	}
}

/* ---- pieces ------------------------------------------------------------------------------------------ */

static struct fts_file
file_of(const char *id)
{
	cleanup_free char *path = session_path(home, id);
	struct fts_file f = { .mtime_us = 5 };
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	snprintf(f.id, sizeof(f.id), "%s", id);
	f.size = st.st_size;
	return f;
}

static void
write_session(const char *id, const json_t *session)
{
	json_object_set_new((json_t *)session, "id", json_string(id));
	assert_int_equal(session_save(home, session, NULL), 0);
}

/* `turns` turns; the n-th has n % 67 lines, some of them long. */
static json_t *
long_session(int turns)
{
	json_t *session = session_new("s", "m");

	for (int n = 0; n < turns; n++) {
		cleanup_buf struct buf b = BUF(0);
		json_t *turn = session_turn(1, "and then?", NULL);

		for (int i = 0; i < n % 67; i++)
			buf_addf(&b, "turn%d line%d %*s\n", n, i, (n * i) % 1500, "end");
		json_object_set_new(turn, "assistant", json_string(buf_str(&b)));
		json_array_append_new(session_turns(session), turn);
	}
	return session;
}

static void
grow(struct words *x, const char *id, int steps)
{
	struct fts_file f = file_of(id);
	struct growth *g = growth_new(home, &f);
	struct error e = { 0 };
	int more = 1;

	assert_int_equal(words_begin(x, &e), 0);
	while (steps-- > 0 && (more = growth_step(g, x, &e)) == 1)
		;
	if (more == 1)
		more = growth_pause(g, x, &e);
	assert_int_equal(more, 0);
	assert_int_equal(words_end(x, true, &e), 0);
	growth_free(g);
}

/* The pieces in the index, in order, each ended by "\n--\n"; the caller frees. */
static char *
pieces_in(struct words *x)
{
	sqlite3_stmt *s = db_query(x->db, NULL, "SELECT content FROM words ORDER BY rowid", "");
	struct buf b = BUF(0);

	while (db_step(x->db, s, NULL) == 1)
		buf_addf(&b, "%s\n--\n", (const char *)sqlite3_column_text(s, 0));
	db_done(s);
	return buf_take(&b);
}

/* The pieces of the whole text at once. */
static char *
pieces_of_all(const json_t *session)
{
	cleanup_buf struct buf text = BUF(0);
	struct buf b = BUF(0);
	struct pieces pieces;
	struct piece p;
	json_t *turn;
	size_t i;

	json_array_foreach(session_turns(session), i, turn)
		said_add(&text, turn);
	pieces_begin(&pieces, buf_str(&text));
	while (pieces_next(&pieces, &p))
		buf_addf(&b, "%.*s\n--\n", (int)p.len, p.text);
	pieces_end(&pieces);
	return buf_take(&b);
}

static void
test_pieces_are_those_of_the_whole_text_however_it_came(void **state)
{
	static const int turns[] = { 1, 2, 6, 7, 8, 30, 31, 40, 200 };

	for (size_t i = 0; i < COUNT(turns); i++) {
		struct words *x = fts_open(home, NULL);
		cleanup_json json_t *session = long_session(turns[i]);
		cleanup_free char *got = NULL, *wanted = pieces_of_all(session);
		int64_t sessions, pieces;

		write_session("s", session);
		grow(x, "s", INT32_MAX);
		got = pieces_in(x);
		assert_string_equal(got, wanted);
		assert_int_equal(fts_size(x, &sessions, &pieces, NULL), 0);
		assert_int_equal(sessions, 1);
		assert_int_equal(fts_remove(x, "s", NULL), 0);
		words_close(x);
	}
}

/* Whatever the step it was cut off behind, the next one leaves the same as if there had been none. */
static void
test_what_was_cut_off_is_replaced_by_the_next_time(void **state)
{
	cleanup_json json_t *session = long_session(80);
	cleanup_free char *wanted = pieces_of_all(session);

	write_session("s", session);
	for (int steps = 0; steps < 200; steps += 9) {
		struct words *x = fts_open(home, NULL);
		cleanup_free struct fts_file *files = NULL;
		cleanup_free char *got = NULL;
		size_t n;

		grow(x, "s", steps);		/* ends it, or cuts it off */
		assert_int_equal(fts_files(x, &files, &n, NULL), 0);
		assert_true(n <= 1 && (n == 0 || files[0].size == -1 || files[0].size == file_of("s").size));
		grow(x, "s", steps / 2);
		grow(x, "s", INT32_MAX);
		got = pieces_in(x);
		assert_string_equal(got, wanted);
		words_close(x);
	}
}

/* ---- files that are not well ---------------------------------------------------------------------------- */

static int64_t
count_in(struct words *x)
{
	int64_t sessions, pieces;

	assert_int_equal(fts_size(x, &sessions, &pieces, NULL), 0);
	return pieces;
}

static void
test_escapes_of_the_reference_in_the_middle_cost_no_turn(void **state)
{
	struct words *x = fts_open(home, NULL);
	struct fts_hit hits[2];

	put_file(home, "sessions/s.json", "{\"turns\":[{\"user\":\"before\"},{\"user\":\"half \\ud83d\"},{\"user\":\"behind\"}]}");
	grow(x, "s", INT32_MAX);
	assert_int_equal(count_in(x), 1);
	assert_int_equal(fts_search(x, "before behind", NULL, hits, 2, NULL), 1);
	assert_non_null(strstr(hits[0].snippet, "behind"));
	fts_hits_clear(hits, 1);
	words_close(x);
}

static void
test_a_file_that_breaks_off_leaves_none_of_its_pieces(void **state)
{
	struct words *x = fts_open(home, NULL);
	cleanup_json json_t *session = long_session(60);
	cleanup_free char *text = json_text(session);
	struct fts_file f;
	struct growth *g;

	text[strlen(text) * 9 / 10] = '\0';
	put_file(home, "sessions/s.json", text);
	f = file_of("s");
	g = growth_new(home, &f);
	while (growth_step(g, x, NULL) == 1)
		;
	assert_true(growth_failed(g));
	growth_free(g);
	assert_int_equal(count_in(x), 0);
	words_close(x);
}

/* ---- a pass ------------------------------------------------------------------------------------------------ */

static int passes;

static void
on_pass(void *arg, const struct recall_pass *p, const struct error *e)
{
	assert_non_null(p);
	passes++;
}

/* Turns of the loop until the pass is over, at most so many. */
static int
run(struct event_base *base, struct recall *r, int most)
{
	int turns = 0, before = passes;

	recall_update(r, false, on_pass, NULL);
	while (passes == before && turns < most) {
		event_base_loop(base, EVLOOP_ONCE);
		turns++;
	}
	return turns;
}

static void
test_a_long_session_lets_the_loop_run_and_can_be_deleted_meanwhile(void **state)
{
	struct event_base *base = event_base_new();
	struct recall *r = recall_new(base, home);
	cleanup_json json_t *session = long_session(3000);
	cleanup_free char *path = session_path(home, "s");
	int64_t pieces;

	write_session("s", session);
	assert_int_equal(run(base, r, 8), 8);		/* it is in the middle of it */
	pieces = count_in(recall_index(r, NULL));
	assert_true(pieces > 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(recall_remove(r, "s", NULL), 0);
	assert_int_equal(count_in(recall_index(r, NULL)), 0);
	while (passes == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(count_in(recall_index(r, NULL)), 0);
	recall_free(r);
	event_base_free(base);
}

/* So many megabytes, by hand with ALPI_SESSION_MB=50: what is printed then is the cost. */
static int
session_mb(void)
{
	const char *mb = getenv("ALPI_SESSION_MB");

	return mb == NULL ? 2 : atoi(mb);
}

/* Line by line: to hold it would hide what reading it takes. */
static void
write_long_session(int mb)
{
	cleanup_free char *path = session_path(home, "long");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs("{\"started_at\":1000,\"turns\":[{\"user\":\"alphabird\",\"assistant\":\"begins\"}", f);
	for (int n = 0; ftell(f) < (long)mb << 20; n++) {
		fprintf(f, ",{\"user\":\"question %d\",\"assistant\":\"", n);
		for (int i = 0; i < 100; i++)
			fprintf(f, "answer %d says w%d and w%d beside w%d\\n", n, n % 997, i * n % 4099, i);
		fputs("\"}", f);
	}
	fputs(",{\"user\":\"omegabird\",\"assistant\":\"ends\"}]}", f);
	assert_int_equal(fclose(f), 0);
}

/* What the process holds now. */
static long
resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
test_a_session_of_many_megabytes_is_indexed_to_its_end(void **state)
{
	struct event_base *base = event_base_new();
	struct recall *r = recall_new(base, home);
	cleanup_json json_t *first = NULL, *last = NULL;
	int64_t longest = 0, from, turn;
	int before = passes, mb = session_mb();
	long kb, most = 0;

	write_long_session(mb);
	kb = resident_kb();
	from = clock_mono_ns();
	recall_update(r, false, on_pass, NULL);
	while (passes == before) {
		turn = clock_mono_ns();
		event_base_loop(base, EVLOOP_ONCE);
		turn = clock_mono_ns() - turn;
		longest = turn > longest ? turn : longest;
		most = resident_kb() - kb > most ? resident_kb() - kb : most;
	}
	print_message("%d MB: %lld pieces in %.1f s, longest turn of the loop %.1f ms, %ld KB more at most\n", mb,
	    (long long)count_in(recall_index(r, NULL)), (double)(clock_mono_ns() - from) / 1e9, (double)longest / 1e6, most);
	first = recall_find(r, "alphabird", 5, NULL, NULL);
	last = recall_find(r, "omegabird", 5, NULL, NULL);
	assert_int_equal(json_array_size(first), 1);
	assert_int_equal(json_array_size(last), 1);
	assert_non_null(strstr(json_str(json_array_get(last, 0), "snippet", ""), "omegabird"));
	assert_true(count_in(recall_index(r, NULL)) > mb * 500);
	recall_free(r);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_said_gives_both_sides_of_each_turn_whatever_stands_around),
		TEST(test_said_gives_up_what_is_no_session),
		TEST(test_said_reads_values_of_any_length_at_any_place),
		CASE(test_pieces_are_those_of_the_whole_text_however_it_came),
		CASE(test_what_was_cut_off_is_replaced_by_the_next_time),
		CASE(test_escapes_of_the_reference_in_the_middle_cost_no_turn),
		CASE(test_a_file_that_breaks_off_leaves_none_of_its_pieces),
		CASE(test_a_long_session_lets_the_loop_run_and_can_be_deleted_meanwhile),
		CASE(test_a_session_of_many_megabytes_is_indexed_to_its_end),
	};

	return RUN(tests);
}
