/* SPDX-License-Identifier: Apache-2.0 */
/* See commands.h. */
#include "gatewayd/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/models.h"
#include "gatewayd/threads.h"

/* The model that answers in this chat. */
static const char *
model_of(struct gateway *g, const struct row *r, const struct engine_status_reply *engine)
{
	const char *chosen = models_find(g->models, r->thread);

	return chosen != NULL ? chosen : engine != NULL ? engine->model : "not known now";
}

static char *
do_help(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e)
{
	struct buf b = BUF(0);

	for (const struct command *c = commands; c->name != NULL; c++)
		buf_addf(&b, "%s/%s: %s", b.len > 0 ? "\n" : "", c->name, c->help);
	return buf_take(&b);
}

static char *
do_status(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e)
{
	const char *session = threads_find(g->threads, r->thread);
	struct spent s = { 0 };

	if (session != NULL)
		inbox_spent(g->inbox, session, &s);
	return xasprintf("session: %s\nmodel: %s\nturns: %" PRId64 "\ntokens: %" PRId64 " in, %" PRId64 " out\ncost: $%.4f",
	    session != NULL ? session : "none yet", model_of(g, r, engine), s.turns, s.tokens_in, s.tokens_out, s.cost);
}

static char *
do_new(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e)
{
	if (threads_set(g->threads, r->thread, NULL, e) == -1)
		return NULL;
	return xstrdup("The next message begins a new conversation.");
}

static char *
do_continue(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e)
{
	cleanup_free char *last = NULL;

	if (threads_find(g->threads, r->thread) == NULL) {
		if ((last = inbox_last_session(g->inbox, r->platform, r->chat)) == NULL)
			return xstrdup("There is no earlier conversation.");
		if (threads_set(g->threads, r->thread, last, e) == -1)
			return NULL;
	}
	return xasprintf("We go on in session %s.", threads_find(g->threads, r->thread));
}

static char *
list_models(struct gateway *g, const struct row *r, const struct engine_status_reply *engine)
{
	struct buf b = BUF(0);

	buf_addf(&b, "model: %s", model_of(g, r, engine));
	if (engine != NULL && engine->n_models > 1) {
		buf_puts(&b, "\nAnother for this chat: /model NAME, of");
		for (size_t i = 0; i < engine->n_models; i++)
			buf_addf(&b, "\n- %s", engine->models[i]);
	}
	return buf_take(&b);
}

/* "default" is the configured one, whatever it becomes. */
static char *
do_model(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e)
{
	const char *name = command_argument(r->text);
	bool back = strcmp(name, "default") == 0;

	if (*name == '\0')
		return list_models(g, r, engine);
	if (engine == NULL)
		return xstrdup("The models are not known now.");
	if (!back && !models_offered(engine, name))
		return xasprintf("%s is none of the models here; /model shows them.", name);
	if (models_set(g->models, r->thread, back ? NULL : name, e) == -1)
		return NULL;
	return xasprintf("model: %s", model_of(g, r, engine));
}

static char *
do_stop(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e)
{
	return xstrdup("Nothing runs here now.");
}

const struct command commands[] = {
	/* name       what it does                                          model  stops  chooses */
	{ "help",     "these commands",                                     false, false, false, do_help },
	{ "status",   "session, model, turns, tokens, cost",                true,  false, false, do_status },
	{ "new",      "begin a new conversation with the next message",     false, false, false, do_new },
	{ "continue", "go on with the latest conversation",                 false, false, false, do_continue },
	{ "model",    "the model that answers, or another for this chat",   true,  false, true,  do_model },
	{ "stop",     "end what runs and what waits in this chat",          false, true,  false, do_stop },
	{ 0 }
};

const char *
command_argument(const char *text)
{
	static char word[257];
	size_t n;

	text += strcspn(text, " \t\r\n");
	text += strspn(text, " \t");
	n = strcspn(text, " \t\r\n");
	if (n >= sizeof(word))
		n = 0;
	memcpy(word, text, n);
	word[n] = '\0';
	return word;
}

const struct command *
command_find(const char *text)
{
	size_t n;

	if (*text++ != '/')
		return NULL;
	n = strcspn(text, " \t\r\n@");
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strlen(c->name) == n && strncasecmp(c->name, text, n) == 0)
			return c;
	return NULL;
}
