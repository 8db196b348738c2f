/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a script's output names: when it is handed on, and when it is not. */
#include "tests/unit/tool.h"

#include "toolrunner/produced.h"

#define PNG "\x89PNG\r\n\x1a\n...."

static char *skill_dir;

static void
put_bytes(const char *dir, const char *name, const char *data, size_t len)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	fwrite(data, 1, len, f);
	fclose(f);
}

/* What is found when the script has put this out; %s is the folder. */
static json_t *
found(const char *form, const char *dir)
{
	struct tool_call call = { .name = "skill", .workspace = workspace, .skill = skill_dir, .home = "/nonexistent/.alpi",
	    .root = "/nonexistent/.alpi", .person = "/nonexistent" };
	cleanup_free char *output = xasprintf(form, dir);

	return produced_find(&call, output, strlen(output));
}

static void
assert_none(const char *form, const char *dir)
{
	cleanup_json json_t *row = found(form, dir);

	if (row != NULL)
		fail_msg("%s is handed on", form);
}

static void
test_produced_names_a_file_of_the_workspace_or_the_skill(void **state)
{
	cleanup_free char *at = xasprintf("%s/plot \"1\".png", workspace);
	cleanup_json json_t *row = NULL, *want = NULL, *report = NULL, *upper = NULL;

	put_bytes(workspace, "plot \"1\".png", PNG, 12);
	put_bytes(workspace, "T.CSV", "a,b\n", 4);
	put_bytes(skill_dir, "report.md", "# x\n", 4);
	row = found("{\"n\": {\"}\": 1}, \"out\": \"%s/plot \\\"1\\\".png\"}\nand words {", workspace);
	want = json_pack("{s:s, s:s, s:s, s:i, s:s}", "path", at, "name", "plot \"1\".png", "mime", "image/png", "size", 12,
	    "kind", "image");
	assert_true(json_equal(row, want));
	report = found("{\"out\":\"%s/report.md\"}", skill_dir);
	assert_string_equal(json_str(report, "mime", ""), "text/markdown");
	upper = found("{\"out\":\"%s/T.CSV\"}", workspace);
	assert_string_equal(json_str(upper, "kind", ""), "document");
}

static void
test_produced_is_nothing_else(void **state)
{
	static const char *const outputs[] = { "", "made it", "{", "{\"out\":\"%s/a.png\"", " {\"out\":\"%s/a.png\"}", "[{\"out\":\"%s/a.png\"}]",
		"{\"out\":7}", "{\"out\":\"a.png\"}", "{\"file\":\"%s/a.png\"}", "{\"out\":\"%s/none.png\"}", "{\"out\":\"%s/fake.png\"}",
		"{\"out\":\"%s/a.sh\"}", "{\"out\":\"%s/empty.txt\"}", "{\"out\":\"%s/binary.txt\"}", "{\"out\":\"%s\"}", "{\"out\":\"%s/dir.png\"}",
		"{\"out\":\"%s/pipe.png\"}", "{\"out\":\"%s/huge.png\"}", "{\"out\":\"%s/out.txt\"}", "{\"out\":\"/etc/../etc/os-release\"}",
		"{\"out\":\"%s/../x.txt\"}", "{\"out\":\"%s/.env.txt\"}" };
	cleanup_free char *huge = xasprintf("%s/huge.png", workspace), *fifo = xasprintf("%s/pipe.png", workspace);
	cleanup_free char *dir = xasprintf("%s/dir.png", workspace), *other = temp_home(), *up = xasprintf("%s/x.txt", other);

	put_bytes(workspace, "a.png", PNG, 12);
	put_bytes(workspace, "fake.png", "no image", 8);
	put_bytes(workspace, "a.sh", "#!/bin/sh", 9);
	put_bytes(workspace, "empty.txt", "", 0);
	put_bytes(workspace, "binary.txt", "a\0b", 3);
	put_bytes(workspace, "huge.png", PNG, 12);
	put_bytes(workspace, ".env.txt", "KEY=1", 5);
	put_bytes(other, "x.txt", "theirs", 6);
	assert_int_equal(truncate(huge, 20 * 1024 * 1024 + 1), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	link_in_workspace(up, "out.txt");
	for (size_t i = 0; i < COUNT(outputs); i++)
		assert_none(outputs[i], workspace);
	assert_none("{\"out\":\"%s/x.txt\"}", other);
}

static int
start(void **state)
{
	int r = make_workspace(state);

	skill_dir = temp_home();
	return r;
}

static int
stop(void **state)
{
	free(skill_dir);
	return drop_workspace(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_produced_names_a_file_of_the_workspace_or_the_skill, start, stop),
		cmocka_unit_test_setup_teardown(test_produced_is_nothing_else, start, stop),
	};

	return RUN(tests);
}
