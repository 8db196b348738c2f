/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain: every way to doctor it is seen. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/audit.h"
#include "common/mem.h"
#include "common/paths.h"

static void
add_rows(const char *home, int n)
{
	struct error e = { 0 };
	struct audit *a = audit_open(home, "t", &e);

	assert_non_null(a);
	for (int i = 0; i < n; i++)
		assert_int_equal(audit_add(a, "tool.exec", "local", "allow", NULL, &e), 0);
	audit_close(a);
}

static long
verify(const char *home)
{
	cleanup_free char *path = path_join(home, "logs/audit/t.jsonl");
	struct error e = { 0 };

	return audit_verify(path, &e);
}

static void
test_chain_goes_on_after_reopen(void **state)
{
	cleanup_free char *home = temp_home();

	add_rows(home, 3);
	add_rows(home, 2);
	assert_int_equal(verify(home), 5);
}

static void
test_edit_deletion_and_reordering_are_found(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL, *copy = NULL;
	char *second, *third;

	add_rows(home, 4);
	text = get_file(home, "logs/audit/t.jsonl");
	second = strchr(text, '\n') + 1;
	third = strchr(second, '\n') + 1;

	copy = xstrdup(text);
	memcpy(strstr(copy, "allow"), "denie", 5);
	put_file(home, "logs/audit/t.jsonl", copy);
	assert_int_equal(verify(home), -1);

	put_file(home, "logs/audit/t.jsonl", second);
	assert_int_equal(verify(home), -1);

	snprintf(copy, strlen(text) + 1, "%.*s%s", (int)(second - text), text, third);
	put_file(home, "logs/audit/t.jsonl", copy);
	assert_int_equal(verify(home), -1);

	put_file(home, "logs/audit/t.jsonl", text);
	assert_int_equal(verify(home), 4);
}

static void
test_torn_last_row_is_cut_and_told(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL, *after = NULL;

	add_rows(home, 2);
	text = get_file(home, "logs/audit/t.jsonl");
	text[strlen(text) - 9] = '\0';
	put_file(home, "logs/audit/t.jsonl", text);
	add_rows(home, 1);
	assert_int_equal(verify(home), 2);
	after = get_file(home, "logs/audit/t.jsonl");
	assert_non_null(strstr(after, "\"torn\":true"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_chain_goes_on_after_reopen),
		TEST(test_edit_deletion_and_reordering_are_found),
		TEST(test_torn_last_row_is_cut_and_told),
	};

	return RUN(tests);
}
