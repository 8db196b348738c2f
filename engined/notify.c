/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool `notify` (tools.md, 7.4): a row in outputs for the person, and,
 * where a platform is set for that, a message there. Both are known by the
 * call's key: one that ran before a death of this process does nothing twice.
 */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/neighbour.h"
#include "engined/notice.h"
#include "engined/outbox.h"
#include "engined/turn.h"

#define AGAIN_MS	500
#define AWAY_MS		15000		/* a gatewayd that died is back by then */

static void	give(struct turn *t);

/* The row stands, however it went with the platform. */
static void
end_with(struct turn *t, const char *how, const char *why)
{
	const struct notice *n = t->now.notice;
	struct tool_result r = { .ok = true };

	r.output = n == NULL ? xstrdup("delivered: alpi") :
	    xasprintf("delivered: alpi; %s: %s%s%s", n->channel, how, why == NULL ? "" : ": ", why == NULL ? "" : why);
	calls_end(t, &r);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	give(arg);
}

static void
not_taken(struct turn *t, const struct error *e)
{
	int64_t now = clock_mono_ms();

	if (t->now.lost_ms == 0)
		t->now.lost_ms = now;
	if (notice_may_pass(e) && now - t->now.lost_ms < AWAY_MS) {
		neighbour_arm(t, on_again, AGAIN_MS);
		return;
	}
	notice_failed(t->engine, t->now.notice, e);
	end_with(t, "not delivered", e->text);
}

static void
on_taken(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->now.request = NULL;
	if (reply == NULL)
		not_taken(t, e);
	else
		end_with(t, "queued", NULL);
}

static void
give(struct turn *t)
{
	struct error e = { 0 };

	if ((t->now.request = notice_send(t->engine, t->now.notice, on_taken, t, &e)) == NULL)
		not_taken(t, &e);
}

void
notify_begin(struct turn *t)
{
	cleanup_json json_t *delivered = json_pack("[s]", "alpi");
	struct output o = { .key = t->now.key, .source = "send_message", .title = json_str(t->now.args, "title", NULL),
	    .body = json_str(t->now.args, "text", ""), .type = json_str(t->now.args, "type", NULL),
	    .session = t->no_save ? NULL : t->row.session, .delivered_to = delivered };
	const char *channel = notice_channel(t->engine, NULL);
	struct error e = { 0 };
	char id[OUTPUT_ID];

	if (outbox_file(t->engine, &o, true, id, &e) == -1) {
		error_add(&e, "notify");
		calls_fail(t, e.text);
	} else if (channel == NULL) {
		end_with(t, NULL, NULL);
	} else {
		t->now.notice = notice_new(&o, id, channel, neighbour_grant(t, "gatewayd"));
		give(t);
	}
}

void
notify_cancel(struct turn *t)
{
	end_with(t, "interrupted; it may be delivered, or not", NULL);
}
