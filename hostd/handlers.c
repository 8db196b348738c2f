/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other daemons may say to hostd: that something happened. The
 * profile of an event is that of the unit which said so.
 */
#include <string.h>

#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "hostd/approvals.h"
#include "hostd/host.h"
#include "hostd/stream.h"

/* Told to clients as they are (host-plane.md, 6). */
static const char *const told[] = {
	"session_changed", "chat.turn_done", "file_mutations", "budget.threshold", "agent.message",
	"output.created", "output.updated", "memory_changed", "peers_changed", "schedule.done", "schedule.failed", "gateway.state",
};

static int64_t
tell(struct host *h, const char *profile, const struct event_push *m, struct error *e)
{
	json_t *data;

	for (size_t i = 0; i < COUNT(told); i++)
		if (strcmp(told[i], m->kind) == 0) {
			data = json_copy(m->data);
			json_object_set_new(data, "profile", json_string(profile));
			return stream_emit(h->stream, m->kind, data);
		}
	return error_set(e, ERR_invalid, "kind %s is none of ours", m->kind);
}

static int64_t
take(struct host *h, const char *profile, const struct event_push *m, struct error *e)
{
	if (!json_is_object(m->data))
		return error_set(e, ERR_invalid, "data is not an object");
	if (strcmp(m->kind, "approval.request") == 0 || strcmp(m->kind, "clarification.request") == 0)
		return approvals_request(h->approvals, profile, m->kind, m->data, e);
	if (strcmp(m->kind, "approval.resolved") == 0 || strcmp(m->kind, "clarification.resolved") == 0)
		return approvals_resolved(h->approvals, profile, m->data);
	return tell(h, profile, m, e);
}

static int
event_push(struct call *c, const void *in, struct error *e)
{
	cleanup_free char *profile = xstrndup(c->from, strcspn(c->from, "/"));
	int64_t seq = take(c->ctx, profile, in, e);

	if (seq == -1)
		return -1;
	return call_reply(c, &(struct event_push_reply){ .seq = seq });
}

const struct handler host_handlers[] = {
	{ MSG_event_push, event_push, CAP_none },
	{ 0 }
};
