/* SPDX-License-Identifier: Apache-2.0 */
/* What a turn leaves on disk at each point, seen by a process that starts after a crash. */
#include "tests/check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/journal.h"

static struct journal *j;
static char *path;

static int
up(void **state)
{
	cleanup_free char *home = temp_home();

	path = xasprintf("%s/j.sqlite", home);
	assert_non_null(j = journal_open(path, NULL));
	return 0;
}

static int
down(void **state)
{
	journal_close(j);
	free(path);
	return 0;
}

/* As another process sees it. */
static void
reopen(void)
{
	struct journal *other = journal_open(path, NULL);

	assert_non_null(other);
	journal_close(j);
	j = other;
}

static int
begin(const char *id, const char *owner, const char *key)
{
	cleanup_json json_t *request = json_pack("{s:s}", "text", "hi"), *base = json_pack("{s:i}", "index", 3),
	    *grants = json_pack("[s]", "g");
	struct journal_turn t = { .id = (char *)id, .owner = (char *)owner, .key = (char *)key, .session = (char *)"s1",
	    .request = request, .base = base, .grants = grants, .started_ms = clock_wall_ms() };

	return journal_begin(j, &t, NULL);
}

static size_t nopen;

static void
count(void *arg, struct journal_turn *t)
{
	nopen++;
	journal_turn_clear(t);
}

static size_t
open_turns(void)
{
	nopen = 0;
	assert_int_equal(journal_open_turns(j, count, NULL, NULL), 0);
	return nopen;
}

static void
test_journal_turn_stands_when_begin_returns(void **state)
{
	struct journal_turn t = { 0 };

	assert_int_equal(begin("t1", "a", "k"), 0);
	reopen();
	assert_int_equal(journal_by_key(j, "a", "k", &t, NULL), 1);
	assert_string_equal(t.id, "t1");
	assert_string_equal(json_str(t.request, "text", ""), "hi");
	assert_int_equal(json_int(t.base, "index", 0), 3);
	assert_null(t.outcome);
	journal_turn_clear(&t);
	assert_int_equal(open_turns(), 1);
}

static void
test_journal_key_belongs_to_its_owner(void **state)
{
	struct journal_turn t = { 0 };
	struct error e = { 0 };

	assert_int_equal(begin("t1", "a", "k"), 0);
	assert_int_equal(begin("t2", "b", "k"), 0);
	assert_int_equal(begin("t3", "a", "k"), -1);
	assert_int_equal(journal_by_key(j, "c", "k", &t, &e), 0);
	assert_int_equal(journal_by_key(j, "b", "k", &t, &e), 1);
	assert_string_equal(t.id, "t2");
	journal_turn_clear(&t);
}

static void
test_journal_replays_steps_in_order_with_their_calls(void **state)
{
	cleanup_json json_t *one = json_pack("{s:i}", "n", 1), *two = json_pack("{s:i}", "n", 2), *steps = NULL;
	json_t *calls;

	begin("t1", "a", "k");
	assert_int_equal(journal_step(j, "t1", 2, two, true, NULL), 0);
	assert_int_equal(journal_step(j, "t1", 1, one, false, NULL), 0);
	assert_int_equal(journal_call(j, "t1", 1, 0, NULL), 0);
	assert_int_equal(journal_result(j, "t1", 1, 0, one, NULL), 0);
	assert_int_equal(journal_call(j, "t1", 1, 1, NULL), 0);
	reopen();
	steps = journal_steps(j, "t1", NULL);
	assert_int_equal(json_array_size(steps), 2);
	assert_int_equal(json_int(json_object_get(json_array_get(steps, 0), "row"), "n", 0), 1);
	calls = json_object_get(json_array_get(steps, 0), "calls");
	assert_int_equal(json_array_size(calls), 2);
	assert_int_equal(json_int(json_object_get(json_array_get(calls, 0), "result"), "n", 0), 1);
	assert_true(json_is_null(json_object_get(json_array_get(calls, 1), "result")));
}

static void
test_journal_started_again_does_not_lose_the_result(void **state)
{
	cleanup_json json_t *row = json_pack("{s:i}", "n", 1), *steps = NULL;

	begin("t1", "a", "k");
	journal_step(j, "t1", 1, row, true, NULL);
	journal_result(j, "t1", 1, 0, row, NULL);
	assert_int_equal(journal_call(j, "t1", 1, 0, NULL), 0);
	steps = journal_steps(j, "t1", NULL);
	assert_true(json_is_object(json_object_get(json_array_get(json_object_get(json_array_get(steps, 0), "calls"), 0), "result")));
}

static void
test_journal_cancel_and_grants_stay(void **state)
{
	cleanup_json json_t *grants = json_pack("[s, s]", "x", "y");
	struct journal_turn t = { 0 };

	begin("t1", "a", "k");
	assert_int_equal(journal_cancel(j, "t1", "ctrl-c", NULL), 0);
	assert_int_equal(journal_grants(j, "t1", grants, NULL), 0);
	reopen();
	assert_int_equal(journal_by_id(j, "t1", &t, NULL), 1);
	assert_string_equal(t.cancelled, "ctrl-c");
	assert_int_equal(json_array_size(t.grants), 2);
	journal_turn_clear(&t);
}

static void
test_journal_finished_turn_keeps_only_how_it_ended(void **state)
{
	cleanup_json json_t *row = json_pack("{s:i}", "n", 1), *outcome = json_pack("{s:s}", "event", "reply"), *steps = NULL;
	struct journal_turn t = { 0 };

	begin("t1", "a", "k");
	journal_step(j, "t1", 1, row, true, NULL);
	journal_call(j, "t1", 1, 0, NULL);
	assert_int_equal(journal_finish(j, "t1", outcome, NULL), 0);
	reopen();
	assert_int_equal(open_turns(), 0);
	assert_int_equal(journal_by_key(j, "a", "k", &t, NULL), 1);
	assert_string_equal(json_str(t.outcome, "event", ""), "reply");
	assert_int_equal(json_object_size(t.request), 0);
	assert_int_equal(json_array_size(t.grants), 0);
	journal_turn_clear(&t);
	steps = journal_steps(j, "t1", NULL);
	assert_int_equal(json_array_size(steps), 0);
}

static void
test_journal_forgets_old_turns_but_never_open_ones(void **state)
{
	cleanup_json json_t *outcome = json_pack("{s:s}", "event", "reply");
	struct journal_turn t = { 0 };

	clock_fake(1700000000000, 0);
	begin("old", "a", "k1");
	begin("open", "a", "k2");
	journal_finish(j, "old", outcome, NULL);
	clock_fake(1700000000000 + JOURNAL_KEEP_MS + 1, 0);
	begin("new", "a", "k3");
	journal_finish(j, "new", outcome, NULL);
	assert_int_equal(journal_prune(j, NULL), 0);
	clock_fake(-1, -1);
	assert_int_equal(journal_by_id(j, "old", &t, NULL), 0);
	assert_int_equal(journal_by_id(j, "new", &t, NULL), 1);
	journal_turn_clear(&t);
	assert_int_equal(open_turns(), 1);
}

static void
test_journal_keeps_a_bounded_number(void **state)
{
	cleanup_json json_t *outcome = json_pack("{s:s}", "event", "reply");
	struct journal_turn t = { 0 };
	char id[16];

	for (int i = 0; i < JOURNAL_KEEP_ROWS + 5; i++) {
		clock_fake(1700000000000 + i, 0);
		snprintf(id, sizeof(id), "t%d", i);
		begin(id, "a", id);
		journal_finish(j, id, outcome, NULL);
	}
	assert_int_equal(journal_prune(j, NULL), 0);
	clock_fake(-1, -1);
	assert_int_equal(journal_by_id(j, "t4", &t, NULL), 0);
	assert_int_equal(journal_by_id(j, "t5", &t, NULL), 1);
	journal_turn_clear(&t);
}

static void
garbage(void)
{
	FILE *f = fopen(path, "w");

	for (int i = 0; i < 1024; i++)
		fputs("garbage ", f);
	fclose(f);
}

static void
cut_off(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static void
other_tables(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DROP TABLE calls", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* It may hold open turns, so it is neither read in part nor replaced. */
static void
test_journal_that_is_damaged_is_refused_and_left_as_it_is(void **state)
{
	static void (*const damage[])(void) = { garbage, cut_off, other_tables };

	for (size_t i = 0; i < COUNT(damage); i++) {
		struct error e = { 0 };
		struct stat before, after;
		cleanup_free char *log = NULL;

		down(NULL);
		up(NULL);
		begin("t1", "a", "k");
		journal_close(steal(j));
		log = xasprintf("%s-wal", path);	/* its pages would stand in for the damaged ones */
		unlink(log);
		damage[i]();
		assert_int_equal(stat(path, &before), 0);
		assert_null(journal_open(path, &e));
		assert_int_equal(e.code, ERR_invalid);
		assert_non_null(strstr(e.text, path));
		assert_non_null(strstr(e.text, "restore it, or move it away"));
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(after.st_size, before.st_size);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_journal_turn_stands_when_begin_returns, up, down),
		cmocka_unit_test_setup_teardown(test_journal_key_belongs_to_its_owner, up, down),
		cmocka_unit_test_setup_teardown(test_journal_replays_steps_in_order_with_their_calls, up, down),
		cmocka_unit_test_setup_teardown(test_journal_started_again_does_not_lose_the_result, up, down),
		cmocka_unit_test_setup_teardown(test_journal_cancel_and_grants_stay, up, down),
		cmocka_unit_test_setup_teardown(test_journal_finished_turn_keeps_only_how_it_ended, up, down),
		cmocka_unit_test_setup_teardown(test_journal_forgets_old_turns_but_never_open_ones, up, down),
		cmocka_unit_test_setup_teardown(test_journal_keeps_a_bounded_number, up, down),
		cmocka_unit_test_setup_teardown(test_journal_that_is_damaged_is_refused_and_left_as_it_is, up, down),
	};

	return RUN(tests);
}
