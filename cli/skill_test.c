/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi skill test`: a skill's script as a turn would run it, without a
 * model and without keeping the turn.
 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/once.h"
#include "common/json.h"
#include "common/mem.h"

int
skill_test_command(struct cli *c, const struct args *a)
{
	cleanup_json json_t *list = json_array();
	cleanup_free char *args = NULL, *text = NULL;

	for (int i = 1; i < (int)a->nrest; i++)
		if (json_array_append_new(list, json_string(a->rest[i])) == -1)
			return cli_failf("argument %d is no UTF-8", i);
	args = json_text(list);
	text = xasprintf("/skill test %s %s", a->rest[0], args);
	return once_order(c, a, text);
}
