/* SPDX-License-Identifier: Apache-2.0 */
/* See produced.h. */
#include "engined/produced.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/fetch.h"
#include "engined/turn.h"

#define TOOL	"send_message"		/* the bytes of a file that leaves */
#define DEPTH	4

static void
on_piece(void *arg, const char *output, const struct error *why)
{
	struct call *c = arg;
	struct error e = { 0 };
	cleanup_json json_t *j = output == NULL ? NULL : json_parse(output, strlen(output), DEPTH, &e);

	if (j == NULL)
		call_fail(c, output == NULL ? why : &e);
	else
		call_reply(c, &(struct turn_file_reply){ .size = json_int(j, "size", 0), .data = json_str(j, "data", "") });
}

/* Whose it is, and the path of the file as the turn's own record has it. The caller frees both. 0 or -1. */
static int
find(struct engine *en, const char *from, const struct turn_file *m, char **turn, char **path, struct error *e)
{
	const struct turn *t = engine_by_key(en, from, m->key);
	struct journal_turn row = { 0 };
	const json_t *list, *file;

	if (t == NULL && journal_by_key(en->journal, from, m->key, &row, e) == -1)
		return -1;
	if ((t != NULL && t->state != TURN_OVER) || (row.id != NULL && row.outcome == NULL)) {
		journal_turn_clear(&row);
		return error_set(e, ERR_unavailable, "the turn has not ended");
	}
	list = t != NULL ? t->produced : json_object_get(row.outcome, "attachments");
	file = json_array_get(list, (size_t)m->index);
	if (file != NULL) {
		*turn = xstrdup(t != NULL ? t->row.id : row.id);
		*path = xstrdup(json_str(file, "path", ""));
	}
	journal_turn_clear(&row);
	return file != NULL ? 0 : error_set(e, ERR_not_found, "no such file goes with this answer");
}

int
produced_asked(struct call *c, const void *in, struct error *e)
{
	const struct turn_file *m = in;
	struct engine *en = c->ctx;
	cleanup_free char *turn = NULL, *path = NULL;

	if (find(en, c->from, m, &turn, &path, e) == -1)
		return -1;
	fetch_after(en, turn, m->grant, TOOL, json_pack("{s:s, s:I}", "path", path, "offset", (json_int_t)m->offset), on_piece, c);
	return CALL_LATER;
}
