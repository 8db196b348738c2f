/* SPDX-License-Identifier: Apache-2.0 */
/* See sessions.h. */
#include "hostd/sessions.h"

#include "common/json.h"
#include "hostd/forward.h"
#include "proto/proto.h"

#define SEARCH_MS	(10 * 60 * 1000)

PASS_ON(session_list)
PASS_ON(session_read)
PASS_ON(session_delete)
PASS_ON(session_search)

int
sessions_list(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", 0);

	return forward(a, "engined", MSG_session_list, &(struct session_list){ .limit = limit > 1000 ? 1000 : limit },
	    FORWARD_MS, on_session_list, e);
}

int
session_read(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_session_read, &(struct session_read){
		.id = ask_str(a, "id"),
		.after_turn = json_int(a->params, "after_turn", 0),
		.tail_turns = json_int(a->params, "tail_turns", 0),
		.before_turn = json_int(a->params, "before_turn", 0),
		.max_turns = json_int(a->params, "max_turns", 0),
	}, FORWARD_MS, on_session_read, e);
}

int
sessions_delete(struct ask *a, struct error *e)
{
	const json_t *ids = json_object_get(a->params, "ids"), *row;
	const char *rows[201] = { NULL };
	size_t i;

	json_array_foreach(ids, i, row)
		if ((rows[i] = json_string_value(row)) == NULL)
			return error_set(e, ERR_invalid, "ids holds something else than strings");
	return forward(a, "engined", MSG_session_delete, &(struct session_delete){ .ids = rows, .n_ids = json_array_size(ids) },
	    FORWARD_MS, on_session_delete, e);
}

/* The first search of a profile reads all its sessions. */
int
sessions_search(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", 0);

	return forward(a, "engined", MSG_session_search, &(struct session_search){
		.query = ask_str(a, "text"),
		.limit = limit < 0 ? 0 : limit > 50 ? 50 : limit,
	}, SEARCH_MS, on_session_search, e);
}
