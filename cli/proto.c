/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi proto`: what the daemons can say to each other, from the tables that they are built from. */
#include "proto/proto.h"

#include <stdio.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "common/json.h"
#include "common/mem.h"

/* One row per channel for people: who, whom, what. */
static json_t *
channel_rows(void)
{
	json_t *rows = json_array();

	for (const struct channel *c = proto_channels; c->caller != NULL; c++)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "caller", c->caller,
		    "callee", c->callee, "message", proto_message(c->type)->wire));
	return rows;
}

int
proto_command(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{ "CALLER", "caller", PRINT_TEXT, 0 }, { "CALLEE", "callee", PRINT_TEXT, 0 },
		{ "MESSAGE", "message", PRINT_TEXT, 0 },
	};
	cleanup_json json_t *out = NULL;

	if (arg_has(a, "channels") && !arg_has(a, "json")) {
		out = channel_rows();
		print_table(stdout, columns, COUNT(columns), out, NULL);
		return 0;
	}
	out = arg_has(a, "channels") ? proto_graph() : proto_schema();
	print_json(stdout, out);
	return 0;
}
