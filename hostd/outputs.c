/* SPDX-License-Identifier: Apache-2.0 */
/* See outputs.h. */
#include "hostd/outputs.h"

#include "common/json.h"
#include "hostd/forward.h"
#include "proto/proto.h"

#define ROWS_MAX 500

PASS_ON(outputs_list)
PASS_ON(outputs_read)

int
outputs_list(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", 0);

	return forward(a, "engined", MSG_outputs_list, &(struct outputs_list){
		.status = ask_str0(a, "status"),
		.limit = limit < 0 ? 0 : limit > ROWS_MAX ? ROWS_MAX : limit,
	}, FORWARD_MS, on_outputs_list, e);
}

int
outputs_read(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_outputs_read, &(struct outputs_read){ .id = ask_str(a, "id") }, FORWARD_MS,
	    on_outputs_read, e);
}

static void
on_marked(void *arg, const void *reply, const struct error *e)
{
	const struct outputs_mark_reply *r = reply;

	if (r == NULL)
		ask_error(arg, e);
	else if (r->output != NULL)
		ask_result(arg, json_pack("{s:b, s:O}", "ok", 1, "output", r->output));
	else
		ask_result(arg, json_pack("{s:b, s:I}", "ok", 1, "count", (json_int_t)r->count));
}

int
outputs_mark_read(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_outputs_mark, &(struct outputs_mark){ .id = ask_str(a, "id") }, FORWARD_MS,
	    on_marked, e);
}

int
outputs_mark_all_read(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_outputs_mark, &(struct outputs_mark){ .id = NULL }, FORWARD_MS, on_marked, e);
}

static void
on_deleted(void *arg, const void *reply, const struct error *e)
{
	if (reply == NULL)
		ask_error(arg, e);
	else
		ask_ok(arg);
}

int
outputs_delete(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_outputs_delete, &(struct outputs_delete){ .id = ask_str(a, "id") }, FORWARD_MS,
	    on_deleted, e);
}
