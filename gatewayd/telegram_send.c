/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram: what goes out. A part is sent as MarkdownV2, and once more as
 * plain text when the server does not like that; nothing else is sent twice
 * but what was surely not taken. A call whose answer is lost may have been:
 * it is asked again, for Telegram has no other way to learn, and a message
 * twice is better than none.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/botapi.h"
#include "gatewayd/gateway.h"
#include "gatewayd/markup.h"
#include "gatewayd/split.h"
#include "gatewayd/telegram.h"

#define PART_UNITS	4096
#define SEND_MS		30000
#define TYPING_MS	5000
#define AGAIN_MS	5000

struct sending {
	struct gateway		*gateway;
	struct botapi_call	*call;
	char			*chat, *part;
	bool			 plain;
	sent_fn			*done;
	void			*arg;
};

static void on_sent(void *arg, const struct botapi_answer *a);

static void
sending_free(struct sending *s)
{
	free(s->chat);
	free(s->part);
	free(s);
}

static void
ask(struct sending *s)
{
	struct gateway *g = s->gateway;
	cleanup_free char *text = s->plain ? xstrdup(s->part) : markup_telegram(s->part);

	s->call = botapi_start(g->http, g->daemon->base, &g->settings.telegram, "sendMessage", json_pack("{s:s, s:s, s:s*}",
	    "chat_id", s->chat, "text", text, "parse_mode", s->plain ? NULL : "MarkdownV2"), SEND_MS, on_sent, s);
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
	sending_free(s);
}

static struct sending *
send_part(struct gateway *g, const char *chat, const char *part, sent_fn *done, void *arg)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->gateway = g;
	s->chat = xstrdup(chat);
	s->part = xstrdup(part);
	s->done = done;
	s->arg = arg;
	ask(s);
	return s;
}

static void
cancel(struct sending *s)
{
	botapi_cancel(s->call);
	sending_free(s);
}

static void
on_nothing(void *arg, const struct botapi_answer *a)
{
}

/* A sign of life: whether it arrives does not matter. */
static void
typing(struct gateway *g, const char *chat)
{
	botapi_start(g->http, g->daemon->base, &g->settings.telegram, "sendChatAction", json_pack("{s:s, s:s}", "chat_id", chat,
	    "action", "typing"), TYPING_MS, on_nothing, NULL);
}

static char **
split(const char *reply)
{
	return split_text(reply, PART_UNITS);
}

const struct platform telegram_platform = {
	.name = "telegram",
	.banner = "INBOUND TELEGRAM",
	.split = split,
	.send = send_part,
	.cancel = cancel,
	.typing = typing,
};
