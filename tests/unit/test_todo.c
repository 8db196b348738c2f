/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/todo.h"

/* One call by its JSON; the list, or the error's text. The caller frees. */
static char *
call(struct todo *t, const char *args)
{
	cleanup_json json_t *j = json_loads(args, 0, NULL);
	struct error e = { 0 };
	char *out = todo_call(t, j, &e);

	return out != NULL ? out : xasprintf("error: %s", e.text);
}

static void
expect(struct todo *t, const char *args, const char *wanted)
{
	cleanup_free char *out = call(t, args);

	assert_string_equal(out, wanted);
}

static void
test_todo_marks_waiting_started_and_done(void **state)
{
	struct todo t = { 0 };

	expect(&t, "{\"action\":\"list\"}", "(the list is empty)");
	expect(&t, "{\"action\":\"add\",\"content\":\"wash\"}", "1. [ ] wash");
	expect(&t, "{\"action\":\"add\",\"content\":\"dry\"}", "1. [ ] wash\n2. [ ] dry");
	expect(&t, "{\"action\":\"start\",\"index\":1}", "1. [\xc2\xb7] wash\n2. [ ] dry");
	expect(&t, "{\"action\":\"complete\",\"index\":1}", "1. [x] wash\n2. [ ] dry");
	expect(&t, "{\"action\":\"clear\"}", "(the list is empty)");
	todo_clear(&t);
}

static void
test_todo_has_one_item_in_progress(void **state)
{
	struct todo t = { 0 };

	free(call(&t, "{\"action\":\"add\",\"content\":\"a\"}"));
	free(call(&t, "{\"action\":\"add\",\"content\":\"b\"}"));
	free(call(&t, "{\"action\":\"start\",\"index\":1}"));
	expect(&t, "{\"action\":\"start\",\"index\":2}", "1. [ ] a\n2. [\xc2\xb7] b");
	todo_clear(&t);
}

static void
test_todo_refuses_what_makes_no_sense(void **state)
{
	static const char *const bad[] = { "{}", "{\"action\":\"fly\"}", "{\"action\":\"add\"}", "{\"action\":\"add\",\"content\":\" \"}",
	    "{\"action\":\"start\"}", "{\"action\":\"complete\",\"index\":1}", "{\"action\":\"start\",\"index\":-1}", "[]" };
	struct todo t = { 0 };

	for (size_t i = 0; i < COUNT(bad); i++) {
		cleanup_free char *out = call(&t, bad[i]);

		assert_int_equal(strncmp(out, "error: todo: ", 13), 0);
	}
	assert_int_equal(t.count, 0);
}

static void
test_todo_is_bounded(void **state)
{
	struct todo t = { 0 };

	for (int i = 0; i < TODO_ITEMS_MAX + 5; i++)
		free(call(&t, "{\"action\":\"add\",\"content\":\"x\"}"));
	assert_int_equal(t.count, TODO_ITEMS_MAX);
	todo_clear(&t);
}

static void
test_todo_names_what_is_open(void **state)
{
	struct todo t = { 0 };
	cleanup_free char *lines = NULL;

	free(call(&t, "{\"action\":\"add\",\"content\":\"a\"}"));
	free(call(&t, "{\"action\":\"add\",\"content\":\"b\"}"));
	free(call(&t, "{\"action\":\"complete\",\"index\":1}"));
	assert_int_equal(todo_open(&t, &lines), 1);
	assert_string_equal(lines, "- b");
	todo_clear(&t);
	assert_int_equal(todo_open(&t, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_todo_marks_waiting_started_and_done),
		TEST(test_todo_has_one_item_in_progress),
		TEST(test_todo_refuses_what_makes_no_sense),
		TEST(test_todo_is_bounded),
		TEST(test_todo_names_what_is_open),
	};

	return RUN(tests);
}
