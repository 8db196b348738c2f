/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi audit verify`: every audit chain of the profile, link by link. */
#include "common/audit.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "common/mem.h"

static json_t *
verify(const char *path)
{
	struct error e = { 0 };
	long rows = audit_verify(path, &e);
	const char *name = strrchr(path, '/') + 1;

	if (rows == -1)
		return json_pack("{s:s, s:b, s:s}", "chain", name, "ok", 0, "detail", e.text);
	return json_pack("{s:s, s:b, s:I}", "chain", name, "ok", 1, "rows", (json_int_t)rows);
}

int
audit_verify_command(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{ "CHAIN", "chain", PRINT_TEXT, 0 }, { "OK", "ok", PRINT_TEXT, 0 },
		{ "ROWS", "rows", PRINT_NUMBER, 0 }, { "DETAIL", "detail", PRINT_TEXT, 0 },
	};
	cleanup_free char *pattern = xasprintf("%s/logs/audit/*.jsonl", c->home);
	json_t *rows = json_array(), *row;
	glob_t found = { 0 };
	int code = 0;

	glob(pattern, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		json_array_append_new(rows, row = verify(found.gl_pathv[i]));
		if (!json_is_true(json_object_get(row, "ok")))
			code = EXIT_FAILED;
	}
	globfree(&found);
	if (arg_has(a, "json"))
		print_json(stdout, rows);
	else
		print_table(stdout, columns, COUNT(columns), rows, "no audit chain yet");
	json_decref(rows);
	return code != 0 && !arg_has(a, "json") ? cli_failf("an audit chain does not hold") : code;
}
