/* SPDX-License-Identifier: Apache-2.0 */
/* A tool's function called by itself, outside a sandbox, in a workspace of the test's. */
#ifndef ALPI_TEST_TOOL_H
#define ALPI_TEST_TOOL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "tests/check.h"
#include "toolrunner/tool.h"

static char *workspace;

struct outcome {
	int		 status;
	struct error	 e;
	struct result	 r;
};

static void
no_progress(struct tool_call *call, const char *line)
{
}

/* Run a tool that works on the skill in this folder, or on none. */
static struct outcome
run_with(const char *name, const json_t *args, const char *skill)
{
	struct tool_call call = { .name = name, .args = args, .workspace = workspace, .skill = skill,
	    .home = "/nonexistent/.alpi", .root = "/nonexistent/.alpi", .person = "/nonexistent",
	    .limit_ms = tool_limit_ms(tool_find(name), args, false), .progress = no_progress,
	    .result.output.max = tool_find(name)->bulk ? TOOL_BULK_MAX : TOOL_OUTPUT_MAX };
	struct outcome o = { 0 };

	o.status = tool_find(name)->run(&call, &o.e);
	o.r = call.result;
	return o;
}

/* Arguments as JSON text; single quotes stand for double ones. */
static inline struct outcome
run_tool(const char *name, const char *text)
{
	cleanup_free char *json = xstrdup(text);
	cleanup_json json_t *args = NULL;

	for (char *p = json; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	args = json_parse(json, strlen(json), 16, NULL);
	assert_non_null(args);
	return run_with(name, args, NULL);
}

static inline void
outcome_clear(struct outcome *o)
{
	json_decref(o->r.produced);
	buf_clear(&o->r.output);
	json_decref(o->r.mutations);
}

#define cleanup_outcome __attribute__((cleanup(outcome_clear)))

static int
make_workspace(void **state)
{
	char *home = temp_home();

	workspace = realpath(home, NULL);
	free(home);
	return 0;
}

static int
drop_workspace(void **state)
{
	free(workspace);
	return 0;
}

#define WORKSPACE_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_workspace, drop_workspace)

static inline void
assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", text, part);
}

static inline void
link_in_workspace(const char *target, const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", workspace, name);

	assert_int_equal(symlink(target, path), 0);
}

static inline void
dir_in_workspace(const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", workspace, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

#endif
