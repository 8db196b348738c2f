/* SPDX-License-Identifier: Apache-2.0 */
/* See notice.h. Who asks through the bus asks again until there is an answer; nothing is kept here in between. */
#include "engined/notice.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/dispatch.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/outbox.h"

#define INBOX		"alpi"		/* the channel that is outputs itself */
#define ANSWER_MS	6000		/* before whoever asks us gives up */

struct asked {
	struct call	*call;
	struct notice	*notice;
};

const char *
notice_channel(const struct engine *en, const char *asked)
{
	if (asked == NULL || asked[0] == '\0')
		asked = config_str(en->config, "notify.channel");
	return asked[0] == '\0' || strcmp(asked, INBOX) == 0 ? NULL : asked;
}

struct notice *
notice_new(const struct output *o, const char *id, const char *channel, const char *grant)
{
	struct notice *n = xcalloc(1, sizeof(*n));

	memcpy(n->id, id, OUTPUT_ID);
	n->channel = xstrdup(channel);
	n->grant = xstrdup0(grant);
	n->title = o->title == NULL || o->title[0] == '\0' ? NULL : xstrdup(o->title);
	n->body = xstrdup(o->body);
	n->source = xstrdup0(o->source);
	n->source_id = xstrdup0(o->source_id);
	n->session = xstrdup0(o->session);
	return n;
}

void
notice_free(struct notice *n)
{
	if (n == NULL)
		return;
	free(n->channel);
	free(n->grant);
	free(n->title);
	free(n->body);
	free(n->source);
	free(n->source_id);
	free(n->session);
	free(n);
}

struct request *
notice_send(struct engine *en, const struct notice *n, request_done *done, void *arg, struct error *e)
{
	cleanup_free char *key = xasprintf("output/%s", n->id);

	if (n->grant == NULL) {
		error_set(e, ERR_unsupported, "no message platform is set up in this profile");
		return NULL;
	}
	return request_send(en->daemon, "gatewayd", MSG_message_send, &(struct message_send){ .key = key, .channel = n->channel,
	    .text = n->body, .title = n->title, .session = n->session, .notice = true }, n->grant, ANSWER_MS, done, arg, e);
}

bool
notice_may_pass(const struct error *e)
{
	return e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout || e->code == ERR_busy ||
	    e->code == ERR_full || e->code == ERR_io;
}

void
notice_failed(struct engine *en, const struct notice *n, const struct error *why)
{
	cleanup_free char *key = xasprintf("undelivered %s", n->id);
	cleanup_free char *body = xasprintf("%s\n[not delivered by %s: %s]", n->body, n->channel, why->text);
	struct output o = { .key = key, .source = n->source, .source_id = n->source_id, .title = n->title, .body = body,
	    .session = n->session };

	log_warn("output %s is not delivered by %s: %s", n->id, n->channel, why->text);
	outbox_lost(en, &o);
}

/* ---- asked through the bus ----------------------------------------------------------------------------- */

static void
answer(struct call *c, const struct notice *n)
{
	call_reply(c, &(struct outputs_add_reply){ .id = n->id, .known = n->known });
}

/* The row stands: who asks can tell this from an engined that is away. */
static void
not_now(struct call *c, const struct notice *n, const struct error *why)
{
	struct error e = { 0 };

	error_set(&e, ERR_busy, "%s: %s", n->channel, why->text);
	call_fail(c, &e);
}

static void
on_taken(void *arg, const void *reply, const struct error *e)
{
	struct asked *a = arg;

	if (reply == NULL && notice_may_pass(e))
		not_now(a->call, a->notice, e);
	else {
		if (reply == NULL)
			notice_failed(a->call->ctx, a->notice, e);
		answer(a->call, a->notice);
	}
	notice_free(a->notice);
	free(a);
}

int
notice_answer(struct call *c, struct notice *n, struct error *e)
{
	struct asked *a = xcalloc(1, sizeof(*a));
	struct error why = { 0 };

	*a = (struct asked){ .call = c, .notice = n };
	if (notice_send(c->ctx, n, on_taken, a, &why) != NULL)
		return CALL_LATER;
	on_taken(a, NULL, &why);
	return CALL_LATER;
}
