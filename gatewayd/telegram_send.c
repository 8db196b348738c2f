/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See telegram.h: what goes out. A part is sent as MarkdownV2, and once more as
 * plain text when the server does not like that; nothing else is sent twice
 * but what was surely not taken. A call whose answer is lost may have been:
 * it is asked again, for Telegram has no other way to learn, and a message
 * twice is better than none.
 */
#include "gatewayd/telegram.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/markup.h"
#include "gatewayd/menu.h"
#include "gatewayd/split.h"

#define PART_UNITS	4096
#define SEND_MS		30000
#define TYPING_MS	5000
#define AGAIN_MS	5000

static void on_sent(void *arg, const struct botapi_answer *a);

void
telegram_sending_free(struct sending *s)
{
	free(s->path);
	free(s->name);
	free(s->chat);
	free(s->part);
	json_decref(s->keyboard);
	free(s);
}

static void
ask(struct sending *s)
{
	struct telegram *t = s->telegram;
	cleanup_free char *text = s->plain ? xstrdup(s->part) : markup_telegram(s->part);

	s->call = botapi_start(t->gateway->http, t->gateway->daemon->base, &t->bot, "sendMessage",
	    json_pack("{s:s, s:s, s:s*, s:O*}", "chat_id", s->chat, "text", text, "parse_mode", s->plain ? NULL : "MarkdownV2",
	    "reply_markup", s->keyboard), SEND_MS, on_sent, s);
}

static void
on_sent(void *arg, const struct botapi_answer *a)
{
	struct sending *s = arg;
	/* 400: the chat is gone, the text is refused; 403: we were shut out. No later try would fare better. */
	enum outcome outcome = a->ok ? OUT_sent : a->status == 400 || a->status == 403 ? OUT_never : OUT_later;

	s->call = NULL;
	if (a->status == 400 && !s->plain && strstr(a->why, "parse") != NULL) {
		s->plain = true;
		ask(s);
		return;
	}
	if (!a->ok)
		log_warn("telegram chat=%s sendMessage: %s", s->chat, a->why);
	s->done(s->arg, outcome, a->retry_ms < 0 ? AGAIN_MS : a->retry_ms);
	telegram_sending_free(s);
}

struct sending *
telegram_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->telegram = self;
	s->chat = xstrdup(to->chat);
	s->part = xstrdup(part);
	if (to->n_models > 1)
		s->keyboard = menu_providers(to->models, to->n_models);
	s->done = done;
	s->arg = arg;
	ask(s);
	return s;
}

void
telegram_send_cancel(struct sending *s)
{
	botapi_cancel(s->call);
	telegram_sending_free(s);
}

static void
on_nothing(void *arg, const struct botapi_answer *a)
{
}

/* A sign of life: whether it arrives does not matter. */
void
telegram_typing(void *self, const char *chat)
{
	struct telegram *t = self;

	botapi_start(t->gateway->http, t->gateway->daemon->base, &t->bot, "sendChatAction", json_pack("{s:s, s:s}", "chat_id", chat,
	    "action", "typing"), TYPING_MS, on_nothing, NULL);
}

char **
telegram_split(const char *reply)
{
	return split_text(reply, PART_UNITS);
}
