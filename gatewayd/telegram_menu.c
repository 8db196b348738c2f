/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram: the commands that the app offers, and the buttons of the model
 * picker. A press is a convenience: one that is lost while something dies is
 * pressed again, so nothing of it is kept but the model that was chosen.
 */
#include "gatewayd/telegram.h"

#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/commands.h"
#include "gatewayd/menu.h"
#include "gatewayd/models.h"
#include "gatewayd/update.h"

#define CALL_MS		5000
#define STATUS_MS	5000

/* Somebody pressed a button, and engined is asked what there is to choose. */
struct press {
	struct telegram	*telegram;
	char		*chat;
	int64_t		 message;
	enum menu_press	 what;
	char		*name;
};

static void
on_said(void *arg, const struct botapi_answer *a)
{
	if (!a->ok)
		log_info("telegram %s: %s", (const char *)arg, a->why);
}

static void
say(struct telegram *t, const char *method, json_t *params)
{
	botapi_start(t->gateway->http, t->gateway->daemon->base, &t->bot, method, params, CALL_MS, on_said, (void *)method);
}

void
telegram_offer_commands(struct telegram *t)
{
	static const char *const scopes[] = { "default", "all_group_chats" };
	cleanup_json json_t *list = json_array();

	for (const struct command *c = commands; c->name != NULL; c++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "command", c->name, "description", c->help));
	for (size_t i = 0; i < COUNT(scopes); i++)
		say(t, "setMyCommands", json_pack("{s:O, s:{s:s}}", "commands", list, "scope", "type", scopes[i]));
}

/* The message with the buttons becomes this; without a keyboard, they are gone. keyboard is taken. */
static void
edit(const struct press *p, const char *text, json_t *keyboard)
{
	say(p->telegram, "editMessageText", json_pack("{s:s, s:I, s:s, s:o*}", "chat_id", p->chat, "message_id",
	    (json_int_t)p->message, "text", text, "reply_markup", keyboard));
}

static void
choose(const struct press *p, const struct engine_status_reply *engine)
{
	cleanup_free char *done = xasprintf("model: %s", p->name);
	struct error e = { 0 };

	if (!models_offered(engine, p->name))
		edit(p, "This model is not offered any more.", NULL);
	else if (models_set(p->telegram->gateway->models, p->chat, p->name, &e) == -1)
		edit(p, e.text, NULL);
	else
		edit(p, done, NULL);
}

static void
on_models(void *arg, const void *reply, const struct error *e)
{
	const struct engine_status_reply *engine = reply;
	struct press *p = arg;

	if (engine == NULL)
		edit(p, "The models are not known now.", NULL);
	else if (p->what == MENU_provider)
		edit(p, "Which model?", menu_models(engine->models, engine->n_models, p->name));
	else
		choose(p, engine);
	free(p->chat);
	free(p->name);
	free(p);
}

void
telegram_pressed(struct telegram *t, const struct update *u)
{
	struct press *p = xcalloc(1, sizeof(*p));
	struct error e = { 0 };

	*p = (struct press){ .telegram = t, .chat = xstrdup(u->chat), .message = u->message };
	p->what = menu_read(u->text, &p->name);
	say(t, "answerCallbackQuery", json_pack("{s:s}", "callback_query_id", u->callback));
	if (p->what == MENU_cancel)
		edit(p, "The model stays as it is.", NULL);
	else if (p->name != NULL && request_send(t->gateway->daemon, "engined", MSG_engine_status, &(struct engine_status){ }, NULL,
	    STATUS_MS, on_models, p, &e) != NULL)
		return;
	else if (p->name != NULL) {
		on_models(p, NULL, &e);
		return;
	}
	free(p->chat);
	free(p->name);
	free(p);
}
