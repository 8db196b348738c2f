/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#include "hostd/memory.h"

#include "common/json.h"
#include "hostd/forward.h"
#include "proto/proto.h"

PASS_ON(memory_call)
PASS_ON(memory_read)
PASS_ON(memory_usage)

int
memory_call_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_memory_call, &(struct memory_call){
		.action = ask_str(a, "action"), .target = ask_str0(a, "target"), .content = ask_str0(a, "content"),
		.match = ask_str0(a, "match"), .confidence = ask_str0(a, "confidence"), .id = ask_str0(a, "id"),
	}, FORWARD_MS, on_memory_call, e);
}

int
memory_read_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_memory_read, &(struct memory_read){ .name = ask_str(a, "name") }, FORWARD_MS,
	    on_memory_read, e);
}

/* Whoever edits what somebody else has changed since is told which revision they would undo. */
static void
on_memory_write(void *arg, const void *reply, const struct error *e)
{
	const struct memory_write_reply *r = reply;

	if (r == NULL)
		ask_error(arg, e);
	else if (r->stale)
		ask_conflict(arg, r->rev);
	else
		ask_result(arg, json_pack("{s:b, s:s}", "ok", 1, "rev", r->rev));
}

int
memory_write_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_memory_write, &(struct memory_write){
		.name = ask_str(a, "name"), .text = ask_str(a, "text"), .rev = ask_str(a, "rev"),
	}, FORWARD_MS, on_memory_write, e);
}

int
memory_usage_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_memory_usage, &(struct memory_usage){ }, FORWARD_MS, on_memory_usage, e);
}
