/* SPDX-License-Identifier: Apache-2.0 */
/* See chat.h. */
#include "hostd/chat.h"

#include "common/json.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "hostd/turns.h"
#include "proto/proto.h"

PASS_ON(session_events)
PASS_ON(turn_explain)

int
chat_send(struct ask *a, struct error *e)
{
	return turns_send(a->host->turns, a, e);
}

int
chat_cancel(struct ask *a, struct error *e)
{
	return turns_cancel(a->host->turns, a, e);
}

int
chat_events_since(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_session_events, &(struct session_events){
		.session = ask_str(a, "session_id"),
		.after = json_int(a->params, "after_seq", 0),
		.limit = json_int(a->params, "limit", 1000),
	}, FORWARD_MS, on_session_events, e);
}

int
chat_explain(struct ask *a, struct error *e)
{
	const char *surface = ask_str0(a, "surface");

	return forward(a, "engined", MSG_turn_explain, &(struct turn_explain){
		.text = ask_str(a, "text"),
		.session = ask_str0(a, "session_id"),
		.surface = surface == NULL ? "host" : surface,
		.model = ask_str0(a, "model"),
		.workspace = turns_workspace(a->host, ask_str0(a, "cwd")),
	}, FORWARD_MS, on_turn_explain, e);
}
