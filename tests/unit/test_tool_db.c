/* SPDX-License-Identifier: Apache-2.0 */
/* The database of a skill, outside a sandbox: what the engine itself refuses, and what comes back. */
#include "tests/unit/tool.h"

static struct outcome
db(const char *action, const char *sql, const char *params)
{
	cleanup_json json_t *args = json_pack("{s:s, s:s, s:s, s:o}", "action", action, "skill", "stars", "sql", sql,
	    "params", json_parse(params, strlen(params), 8, NULL));

	assert_non_null(args);
	return run_with("db", args, workspace);
}

static void
exec_ok(const char *sql, const char *params, const char *want)
{
	cleanup_outcome struct outcome o = db("exec", sql, params);

	if (o.status == -1)
		fail_msg("%s: %s", sql, o.e.text);
	assert_string_equal(buf_str(&o.r.output), want);
}

static void
query_ok(const char *sql, const char *params, const char *want)
{
	cleanup_outcome struct outcome o = db("query", sql, params);

	if (o.status == -1)
		fail_msg("%s: %s", sql, o.e.text);
	assert_string_equal(buf_str(&o.r.output), want);
}

static void
refused(const char *action, const char *sql, const char *params, const char *why)
{
	cleanup_outcome struct outcome o = db(action, sql, params);

	if (o.status == 0)
		fail_msg("%s was carried out", sql);
	assert_contains(o.e.text, why);
}

static int
make_skill(void **state)
{
	make_workspace(state);
	dir_in_workspace("state");
	return 0;
}

#define SKILL_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_skill, drop_workspace)

static void
test_what_was_written_is_read(void **state)
{
	exec_ok("CREATE TABLE t (a INTEGER, b)", "[]", "rows affected: 0");
	exec_ok("INSERT INTO t VALUES (?, ?), (?, ?)", "[1, \"x\", 2, null]", "rows affected: 2");
	query_ok("SELECT a, b FROM t ORDER BY a", "[]", "[{\"a\":1,\"b\":\"x\"},\n{\"a\":2,\"b\":null}]");
	query_ok("SELECT a FROM t WHERE b = ?;  -- end", "[\"x\"]", "[{\"a\":1}]");
	exec_ok("UPDATE t SET a = a + 1", "[]", "rows affected: 2");
	query_ok("SELECT a FROM t WHERE a > 9", "[]", "[]");
}

static void
test_every_kind_of_value_comes_back(void **state)
{
	query_ok("SELECT 1.5 AS r, x'0aff' AS b, 9e999 AS i, 'x' AS t, 7 AS n", "[]",
	    "[{\"r\":1.5,\"b\":\"X'0AFF'\",\"i\":null,\"t\":\"x\",\"n\":7}]");
	query_ok("SELECT ? AS a, ? AS b, ? AS c", "[true, 2.5, \"\\u00e9\"]", "[{\"a\":1,\"b\":2.5,\"c\":\"\xc3\xa9\"}]");
	query_ok("SELECT 1 AS a, 2 AS a", "[]", "[{\"a\":1,\"a:2\":2}]");
	query_ok("SELECT cast(x'41ff' AS TEXT) AS t", "[]", "[{\"t\":\"A\xef\xbf\xbd\"}]");
}

static void
test_several_statements_happen_as_a_whole(void **state)
{
	exec_ok("CREATE TABLE t (a); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", "[]", "rows affected: 2");
	refused("exec", "DELETE FROM t; INSERT INTO nowhere VALUES (1)", "[]", "no such table: nowhere");
	query_ok("SELECT count(*) AS n FROM t", "[]", "[{\"n\":2}]");
	refused("exec", "DELETE FROM t; SELECT ?", "[1]", "params go with one statement");
	query_ok("SELECT count(*) AS n FROM t", "[]", "[{\"n\":2}]");
}

static void
test_a_query_changes_nothing(void **state)
{
	exec_ok("CREATE TABLE t (a)", "[]", "rows affected: 0");
	refused("query", "INSERT INTO t VALUES (1)", "[]", "use exec");
	refused("query", "INSERT INTO t VALUES (1) RETURNING a", "[]", "use exec");
	refused("query", "SELECT 1; DELETE FROM t", "[]", "takes one statement");
	refused("query", " -- nothing", "[]", "empty");
	refused("query", "SELECT ?", "[]", "1 placeholders, and params holds 0");
	refused("query", "SELECT ?", "[[1]]", "params[0] is a list");
}

static void
test_nothing_reaches_beyond_the_file(void **state)
{
	static const char *const statements[] = {
		"ATTACH '/tmp/alpi-test-other' AS o", "ATTACH '' AS o", "ATTACH 'x' || 'y' AS o", "VACUUM",
		"VACUUM INTO '/tmp/alpi-test-other'", "DETACH main", "BEGIN", "COMMIT", "SAVEPOINT a",
		"PRAGMA journal_mode = OFF", "PRAGMA temp_store_directory = '/tmp'", "PRAGMA writable_schema = 1",
		"PRAGMA user_version = 3", "PRAGMA max_page_count = 100000", "PRAGMA mmap_size = 1000000",
		"INSERT INTO t VALUES (1); ATTACH '/tmp/alpi-test-other' AS o",
	};

	exec_ok("CREATE TABLE t (a)", "[]", "rows affected: 0");
	for (size_t i = 0; i < COUNT(statements); i++)
		refused("exec", statements[i], "[]", "not allowed here");
	refused("query", "SELECT load_extension('/tmp/x')", "[]", "load_extension");
	refused("exec", "CREATE VIRTUAL TABLE v USING csv(filename = '/etc/passwd')", "[]", "no such module");
	assert_int_equal(access("/tmp/alpi-test-other", F_OK), -1);
	query_ok("SELECT count(*) AS n FROM t", "[]", "[{\"n\":0}]");
}

static void
test_pragmas_that_tell_something_are_answered(void **state)
{
	exec_ok("CREATE TABLE t (a)", "[]", "rows affected: 0");
	query_ok("PRAGMA user_version", "[]", "[{\"user_version\":0}]");
	query_ok("PRAGMA integrity_check", "[]", "[{\"integrity_check\":\"ok\"}]");
	query_ok("SELECT name FROM pragma_table_info('t')", "[]", "[{\"name\":\"a\"}]");
}

static void
test_answers_are_bounded(void **state)
{
	refused("query", "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 10001) SELECT n FROM c", "[]",
	    "more than 10000 rows");
	refused("query", "SELECT hex(zeroblob(600000)) AS x", "[]", "the rows are more than");
}

static void
test_a_file_of_fifty_megabytes_is_refused(void **state)
{
	cleanup_free char *path = xasprintf("%s/state/db.sqlite", workspace);

	exec_ok("CREATE TABLE t (a)", "[]", "rows affected: 0");
	refused("exec", "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 60) "
	    "INSERT INTO t SELECT zeroblob(1000000) FROM c", "[]", "the database is full");
	query_ok("SELECT count(*) AS n FROM t", "[]", "[{\"n\":0}]");
	assert_int_equal(truncate(path, 50000000), 0);
	refused("query", "SELECT 1", "[]", "reached 50 MB");
}

static void
test_what_is_no_database_is_not_opened(void **state)
{
	cleanup_free char *path = xasprintf("%s/state/db.sqlite", workspace);

	put_file(workspace, "state/db.sqlite", "this was never a database, but it is long enough to look like one ............");
	refused("query", "SELECT * FROM sqlite_master", "[]", "state/db.sqlite is damaged");
	assert_int_equal(unlink(path), 0);
	link_in_workspace("/etc/passwd", "state/db.sqlite");
	refused("query", "SELECT 1", "[]", "not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused("query", "SELECT 1", "[]", "not a file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SKILL_TEST(test_what_was_written_is_read),
		SKILL_TEST(test_every_kind_of_value_comes_back),
		SKILL_TEST(test_several_statements_happen_as_a_whole),
		SKILL_TEST(test_a_query_changes_nothing),
		SKILL_TEST(test_nothing_reaches_beyond_the_file),
		SKILL_TEST(test_pragmas_that_tell_something_are_answered),
		SKILL_TEST(test_answers_are_bounded),
		SKILL_TEST(test_a_file_of_fifty_megabytes_is_refused),
		SKILL_TEST(test_what_is_no_database_is_not_opened),
	};

	return RUN(tests);
}
