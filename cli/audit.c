/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi audit verify`: every audit chain of the profile, link by link, and against what the link daemon has signed. */
#include "cli/chains.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/mem.h"

int
audit_verify_command(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{ "CHAIN", "chain", PRINT_TEXT, 0 }, { "OK", "ok", PRINT_TEXT, 0 },
		{ "ROWS", "rows", PRINT_NUMBER, 0 }, { "SIGNED", "signed", PRINT_NUMBER, 0 },
		{ "DETAIL", "detail", PRINT_TEXT, 0 },
	};
	json_t *rows = chains_verify(c->home);
	const json_t *row;
	int code = 0;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!json_is_true(json_object_get(row, "ok")))
			code = EXIT_FAILED;
	if (arg_has(a, "json"))
		print_json(stdout, rows);
	else
		print_table(stdout, columns, COUNT(columns), rows, "no audit chain yet");
	json_decref(rows);
	return code != 0 && !arg_has(a, "json") ? cli_failf("an audit chain does not hold") : code;
}
