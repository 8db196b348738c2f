/* SPDX-License-Identifier: Apache-2.0 */
/* The half of email that writes: what came with a mail is put together from its pieces, and replaces nothing. */
#include "tests/unit/tool.h"

static bool
put(const char *path, int64_t offset, int64_t size, const char *data, const char *why)
{
	cleanup_free char *args = xasprintf("{'path':'%s','offset':%lld,'size':%lld,'data':'%s'}", path, (long long)offset,
	    (long long)size, data);
	cleanup_outcome struct outcome o = run_tool("email", args);

	if (why != NULL && strstr(o.e.text, why) == NULL)
		fail_msg("no \"%s\" in: %s", why, o.e.text);
	return o.r.ok;
}

static void
assert_holds(const char *name, const char *text)
{
	cleanup_free char *is = get_file(workspace, name);

	assert_string_equal(is, text);
}

static bool
exists(const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", workspace, name);

	return access(path, F_OK) == 0;
}

static void
test_a_file_grows_from_its_pieces(void **state)
{
	assert_true(put("in/a.txt", 0, 7, "YWJj", NULL));
	assert_true(!exists("in/a.txt"));
	assert_true(put("in/a.txt", 3, 7, "ZGVm", NULL));
	assert_true(put("in/a.txt", 3, 7, "ZGVm", NULL));	/* said again, after an answer was lost */
	assert_true(put("in/a.txt", 6, 7, "Zw==", NULL));
	assert_holds("in/a.txt", "abcdefg");
	assert_true(!exists("in/a.txt.alpi-part"));
	assert_true(put("in/a.txt", 6, 7, "Zw==", NULL));
	assert_holds("in/a.txt", "abcdefg");
	assert_true(put("empty", 0, 0, "", NULL));
	assert_holds("empty", "");
}

static void
test_a_file_begins_anew(void **state)
{
	assert_true(put("b.txt", 0, 6, "eHl6", NULL));
	assert_true(put("b.txt", 0, 6, "YWJj", NULL));
	assert_true(put("b.txt", 3, 6, "ZGVm", NULL));
	assert_holds("b.txt", "abcdef");
}

static void
test_nothing_that_is_there_is_replaced(void **state)
{
	put_file(workspace, "mine.txt", "mine");
	assert_true(!put("mine.txt", 0, 4, "YWJjZA==", "mine.txt exists; save it under another name"));
	assert_true(!put("mine.txt", 0, 3, "YWJj", "exists"));
	assert_holds("mine.txt", "mine");
	assert_true(!put(".", 0, 3, "YWJj", "exists"));
	put_file(workspace, "film.part", "half of it");
	assert_true(put("film", 0, 3, "YWJj", NULL));
	assert_holds("film.part", "half of it");
}

static void
test_what_is_no_piece_is_refused(void **state)
{
	assert_true(!put("c", 3, 6, "ZGVm", "is gone"));
	assert_true(put("d", 0, 9, "YWJj", NULL));
	assert_true(!put("d", 6, 9, "Z2hp", "does not follow"));
	assert_true(!put("d", 3, 5, "ZGVm", "longer than the file"));
	assert_true(!put("d", -1, 5, "ZGVm", "longer than the file"));
	assert_true(!put("d", INT64_MAX, 5, "ZGVm", "longer than the file"));
	assert_true(!put("d", 3, 9, "!", "no base64"));
	assert_true(!put("d", 0, 99999999, "YWJj", "at most 25 MB"));
	assert_true(!put("d", 0, -1, "YWJj", "at most 25 MB"));
	assert_true(!exists("d") && !exists("c"));
}

static void
test_a_sensitive_place_is_refused(void **state)
{
	assert_true(!put("/etc/cron.d/x", 0, 3, "YWJj", "sensitive"));
	assert_true(!put(".ssh/id_rsa", 0, 3, "YWJj", "sensitive"));
	assert_true(!put("x/.env", 0, 3, "YWJj", "sensitive"));
}

static void
test_the_bytes_of_a_file_are_read(void **state)
{
	cleanup_outcome struct outcome o = { 0 };

	put_file(workspace, "out.txt", "abcdef");
	o = run_tool("email", "{'path':'out.txt','offset':3}");
	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "{\"size\":6,\"data\":\"ZGVm\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_a_file_grows_from_its_pieces),
		WORKSPACE_TEST(test_a_file_begins_anew),
		WORKSPACE_TEST(test_nothing_that_is_there_is_replaced),
		WORKSPACE_TEST(test_what_is_no_piece_is_refused),
		WORKSPACE_TEST(test_a_sensitive_place_is_refused),
		WORKSPACE_TEST(test_the_bytes_of_a_file_are_read),
	};

	return RUN(tests);
}
