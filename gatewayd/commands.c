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
#include "gatewayd/threads.h"

static char *
do_help(struct gateway *g, const struct row *r, const char *model, struct error *e)
{
	struct buf b = BUF(0);

	for (const struct command *c = commands; c->name != NULL; c++)
		buf_addf(&b, "%s/%s: %s", b.len > 0 ? "\n" : "", c->name, c->help);
	return buf_take(&b);
}

static char *
do_status(struct gateway *g, const struct row *r, const char *model, struct error *e)
{
	const char *session = threads_find(g->threads, r->chat);
	struct spent s = { 0 };

	if (session != NULL)
		inbox_spent(g->inbox, session, &s);
	return xasprintf("session: %s\nmodel: %s\nturns: %" PRId64 "\ntokens: %" PRId64 " in, %" PRId64 " out\ncost: $%.4f",
	    session != NULL ? session : "none yet", model, s.turns, s.tokens_in, s.tokens_out, s.cost);
}

static char *
do_new(struct gateway *g, const struct row *r, const char *model, struct error *e)
{
	if (threads_set(g->threads, r->chat, NULL, e) == -1)
		return NULL;
	return xstrdup("The next message begins a new conversation.");
}

static char *
do_continue(struct gateway *g, const struct row *r, const char *model, struct error *e)
{
	cleanup_free char *last = NULL;

	if (threads_find(g->threads, r->chat) == NULL) {
		if ((last = inbox_last_session(g->inbox, r->platform, r->chat)) == NULL)
			return xstrdup("There is no earlier conversation.");
		if (threads_set(g->threads, r->chat, last, e) == -1)
			return NULL;
	}
	return xasprintf("We go on in session %s.", threads_find(g->threads, r->chat));
}

static char *
do_model(struct gateway *g, const struct row *r, const char *model, struct error *e)
{
	return xasprintf("model: %s", model);
}

static char *
do_stop(struct gateway *g, const struct row *r, const char *model, struct error *e)
{
	return xstrdup("Nothing runs here now.");
}

const struct command commands[] = {
	/* name       what it does                                          model  stops */
	{ "help",     "these commands",                                     false, false, do_help },
	{ "status",   "session, model, turns, tokens, cost",                true,  false, do_status },
	{ "new",      "begin a new conversation with the next message",     false, false, do_new },
	{ "continue", "go on with the latest conversation",                 false, false, do_continue },
	{ "model",    "the model that answers",                             true,  false, do_model },
	{ "stop",     "end what runs and what waits in this chat",          false, true,  do_stop },
	{ 0 }
};

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
