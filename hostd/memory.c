/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#include "hostd/memory.h"

#include "common/json.h"
#include "hostd/forward.h"
#include "proto/proto.h"

PASS_ON(memory_call)

int
memory_call_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_memory_call, &(struct memory_call){
		.action = ask_str(a, "action"), .target = ask_str0(a, "target"), .content = ask_str0(a, "content"),
		.match = ask_str0(a, "match"), .confidence = ask_str0(a, "confidence"), .id = ask_str0(a, "id"),
	}, FORWARD_MS, on_memory_call, e);
}
