/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool `send_message` (tools.md, 7.4): a request to gatewayd, which judges
 * the turn's grant, knows who may be written to, and has the message on disk
 * before it answers. A file goes there first (handover.h). Everything is known
 * by the call's key, so what was cut off is done again from the start.
 */
#include <string.h>

#include <sodium.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/engine.h"
#include "engined/handover.h"
#include "engined/neighbour.h"
#include "engined/outbox.h"
#include "engined/outputs.h"
#include "engined/turn.h"

#define ANSWER_MS	15000
#define CONFIRM_MS	25000		/* for the platform's word; then it is on its way */

struct posting {
	struct handover	*file;		/* on its way; NULL: none */
	int64_t		 size;		/* of the file */
	char		*chat;
};

static void	start(struct turn *t);

void
posting_free(struct posting *p)
{
	if (p == NULL)
		return;
	handover_free(p->file);
	free(p->chat);
	free(p);
}

/* The platform. "both", of older prompts, is one besides the inbox. */
static const char *
channel_of(const struct turn *t)
{
	const char *channel = json_str(t->now.args, "channel", "");

	return strcmp(channel, "both") == 0 ? json_str(t->now.args, "platform", "telegram") : channel;
}

static void
fail(struct turn *t, const struct error *e)
{
	cleanup_free char *text = xasprintf("send_message: %s", e->text);

	calls_fail(t, text);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	start(arg);
}

/* The key is the call's, under another name: what is filed is not what the call did. */
static bool
file_unsent(struct turn *t)
{
	cleanup_free char *key = xasprintf("unsent %s", t->now.key);
	struct output o = { .key = key, .source = "send_message", .body = json_str(t->now.args, "text", ""),
	    .session = t->no_save ? NULL : t->row.session };

	return outbox_lost(t->engine, &o);
}

/* One of our requests got no answer, or no. A platform that nobody speaks for leaves the text where the person finds it. */
static void
not_begun(struct turn *t, const struct error *e)
{
	bool off = e->code == ERR_unsupported;
	cleanup_free char *text = NULL;

	if (!off) {
		neighbour_not_begun(t, e, on_again, start);
		return;
	}
	text = xasprintf("send_message: %s%s", e->text, file_unsent(t) ? "; the text is in the user's inbox" : "");
	calls_fail(t, text);
}

static struct request *
ask(struct turn *t, enum msg type, const void *body, int timeout_ms, request_done *done, struct error *e)
{
	return t->now.request = request_send(t->engine->daemon, "gatewayd", type, body, neighbour_grant(t, "gatewayd"), timeout_ms,
	    done, t, e);
}

/* ---- how it stands ------------------------------------------------------------------------------------- */

static void
end_with(struct turn *t, const char *what, const char *why)
{
	const char *channel = channel_of(t);
	struct tool_result r = { .ok = true };

	r.output = xasprintf("%s: %s %s%s%s", what, channel, t->now.posting->chat, why == NULL ? "" : "; ", why == NULL ? "" : why);
	calls_end(t, &r);
}

static void
on_state(void *arg, const void *reply, const struct error *e)
{
	const struct message_next_reply *r = reply;
	struct turn *t = arg;

	t->now.request = NULL;
	if (r == NULL) {
		not_begun(t, e);
	} else if (strcmp(r->state, "sent") == 0) {
		end_with(t, "delivered", NULL);
	} else if (strcmp(r->state, "queued") == 0) {
		end_with(t, "queued, not confirmed yet", r->why);
	} else {
		cleanup_free char *text = xasprintf("send_message: not delivered: %s", r->why == NULL ? "nobody knows why" : r->why);

		calls_fail(t, text);
	}
}

static void
on_taken(void *arg, const void *reply, const struct error *e)
{
	const struct message_send_reply *r = reply;
	struct turn *t = arg;
	struct error why = { 0 };

	t->now.request = NULL;
	if (r == NULL) {
		not_begun(t, e);
		return;
	}
	t->now.lost_ms = 0;
	free(t->now.posting->chat);
	t->now.posting->chat = xstrdup(r->chat);
	if (ask(t, MSG_message_next, &(struct message_next){ .key = t->now.key, .wait_ms = CONFIRM_MS }, CONFIRM_MS + ANSWER_MS,
	    on_state, &why) == NULL)
		not_begun(t, &why);
}

static void
send_call(struct turn *t)
{
	const char *chat = json_str(t->now.args, "chat_id", ""), *file = json_str(t->now.args, "attachment", "");
	struct message_send m = {
		.key = t->now.key,
		.channel = channel_of(t),
		.chat = chat[0] == '\0' ? NULL : chat,
		.text = json_str(t->now.args, "text", ""),
		.file = file[0] == '\0' ? NULL : path_base(file),
		.size = t->now.posting->size,
		.session = t->no_save ? NULL : t->row.session,
	};
	struct error e = { 0 };

	if (ask(t, MSG_message_send, &m, ANSWER_MS, on_taken, &e) == NULL)
		not_begun(t, &e);
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static void
on_file(struct turn *t, int64_t size)
{
	t->now.posting->size = size;
	send_call(t);
}

static const struct handover_events handover = { .done = on_file, .unread = fail, .refused = not_begun };

static void
send_file(struct turn *t)
{
	t->now.posting->file = handover_begin(t, &(struct handover_file){ .tool = "send_message",
	    .path = json_str(t->now.args, "attachment", ""), .key = t->now.key, .channel = channel_of(t),
	    .chat = json_str(t->now.args, "chat_id", NULL) }, &handover);
}

/* ---- the call ------------------------------------------------------------------------------------------- */

/* From the beginning, whatever of it is there already. */
static void
start(struct turn *t)
{
	posting_free(t->now.posting);
	t->now.posting = xcalloc(1, sizeof(*t->now.posting));
	t->now.sent = true;
	if (json_str(t->now.args, "attachment", "")[0] != '\0')
		send_file(t);
	else
		send_call(t);
}

/* "alpi" and "both", of older prompts: into the person's inbox. 0 or -1. */
static int
file_text(struct turn *t, struct error *e)
{
	cleanup_free char *key = xasprintf("inbox %s", t->now.key);
	struct output o = { .key = key, .source = "send_message", .body = json_str(t->now.args, "text", ""),
	    .session = t->no_save ? NULL : t->row.session };
	char id[OUTPUT_ID];

	return outbox_file(t->engine, &o, true, id, e) == -1 ? -1 : 0;
}

static bool
is_for_inbox(const struct turn *t)
{
	const char *channel = json_str(t->now.args, "channel", "");

	return strcmp(channel, "alpi") == 0 || strcmp(channel, "both") == 0;
}

void
message_begin(struct turn *t)
{
	const char *text = json_str(t->now.args, "text", ""), *file = json_str(t->now.args, "attachment", "");
	struct error e = { 0 };

	if (json_str(t->now.args, "channel", "")[0] == '\0')
		error_set(&e, ERR_invalid, "\"channel\" is missing");
	else if (text[strspn(text, " \t\r\n")] == '\0' && file[0] == '\0')
		error_set(&e, ERR_invalid, "\"text\" is empty, and there is no attachment");
	else if (is_for_inbox(t) && text[strspn(text, " \t\r\n")] != '\0')
		file_text(t, &e);
	if (e.text[0] != '\0')
		fail(t, &e);
	else if (strcmp(json_str(t->now.args, "channel", ""), "alpi") == 0)
		calls_end(t, &(struct tool_result){ .ok = true, .output = xstrdup("delivered: alpi") });
	else if (neighbour_begin(t) == 0)
		start(t);
}

void
message_find(struct turn *t)
{
	start(t);
}

void
message_cancel(struct turn *t)
{
	calls_fail(t, "interrupted by the user; it may have been sent, or still be");
}
