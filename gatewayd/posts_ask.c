/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See posts.h: what engined asks for a turn. The grant says that the turn may
 * write to people, the allow list to whom; the message is on disk before it is
 * acknowledged, and a key that is known does nothing twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "common/mem.h"
#include "gatewayd/allow.h"
#include "gatewayd/mailcalls.h"
#include "gatewayd/outfile.h"
#include "gatewayd/posts_own.h"

#define OPEN_MAX	1000		/* messages that wait */
#define CHAT_BYTES	257		/* as the answer takes it, and its NUL */
#define TOOL		"send_message"

struct waiter {
	LIST_ENTRY(waiter)	 link;
	struct call		*call;
	char			*key;
	struct event		*patience;
};

/* ---- those who wait ---------------------------------------------------------------------------------- */

static void
waiter_free(struct waiter *w)
{
	LIST_REMOVE(w, link);
	event_free(w->patience);
	free(w->key);
	free(w);
}

static int
tell(struct call *c, const struct post *o)
{
	static const char *const states[] = { [POST_queued] = "queued", [POST_sent] = "sent", [POST_failed] = "failed" };

	return call_reply(c, &(struct message_next_reply){ .state = states[o->state], .why = o->why });
}

void
posts_tell(struct posts *p, const struct post *o)
{
	struct waiter *w, *next;

	for (w = LIST_FIRST(&p->waiters); w != NULL; w = next) {
		next = LIST_NEXT(w, link);
		if (strcmp(w->key, o->key) != 0)
			continue;
		tell(w->call, o);
		waiter_free(w);
	}
}

void
posts_forget_waiters(struct posts *p)
{
	while (!LIST_EMPTY(&p->waiters))
		waiter_free(LIST_FIRST(&p->waiters));
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct waiter *w = arg;
	struct gateway *g = w->call->ctx;
	struct post o = { 0 };
	struct error e = { 0 };
	int found = outbox_find(g->posts->db, w->key, &o, &e);

	if (found == 1)
		tell(w->call, &o);
	else
		call_reply(w->call, &(struct message_next_reply){ .state = "unknown", .why = found == -1 ? e.text : NULL });
	post_clear(&o);
	waiter_free(w);
}

static int
wait_for(struct posts *p, struct call *c, const char *key, int64_t ms)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->call = c;
	w->key = xstrdup(key);
	w->patience = evtimer_new(p->gateway->daemon->base, on_patience, w);
	event_add(w->patience, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
	LIST_INSERT_HEAD(&p->waiters, w, link);
	return CALL_LATER;
}

int
posts_next(struct call *c, const void *in, struct error *e)
{
	const struct message_next *m = in;
	struct gateway *g = c->ctx;
	struct post o = { 0 };
	int found = outbox_find(g->posts->db, m->key, &o, e), r;

	if (found == -1)
		return -1;
	if (found == 0)
		return call_reply(c, &(struct message_next_reply){ .state = "unknown" });
	r = o.state == POST_queued && m->wait_ms > 0 ? wait_for(g->posts, c, m->key, m->wait_ms) : tell(c, &o);
	post_clear(&o);
	return r;
}

/* ---- what is to be sent -------------------------------------------------------------------------------- */

/* The files of mails come the same way. */
static int
check_file_grant(const struct call *c, struct error *e)
{
	if (grant_allows_tool(c->grant, TOOL, NULL) || grant_allows_tool(c->grant, "email", NULL))
		return 0;
	return error_set(e, ERR_denied, "the grant allows no files");
}

static int
check_grant(const struct call *c, struct error *e)
{
	if (grant_allows_tool(c->grant, TOOL, NULL))
		return 0;
	return error_set(e, ERR_denied, "the grant does not allow " TOOL);
}

/* The message of a key, when it is known: then nothing of it is taken once more. 1, 0, -1. */
static int
known(struct gateway *g, const char *key, char chat[CHAT_BYTES], struct error *e)
{
	struct post o = { 0 };
	int found = outbox_find(g->posts->db, key, &o, e);

	if (found == 1 && chat != NULL)
		snprintf(chat, CHAT_BYTES, "%s", o.chat);
	post_clear(&o);
	return found;
}

/* The entry of the list, as it is written there. NULL with the error. */
static const char *
target(const struct line *l, const char *asked, struct error *e)
{
	char **list = l->platform->allow(l->self)->chats;

	if (list[0] == NULL)
		error_set(e, ERR_unsupported, "%s: its allow list is empty, so there is nobody to write to", l->platform->name);
	if (list[0] == NULL || asked == NULL)
		return list[0];
	for (; *list != NULL; list++)
		if (strcasecmp(*list, asked) == 0)
			return *list;
	error_set(e, ERR_denied, "%s: %.100s is not on the allow list", l->platform->name, asked);
	return NULL;
}

static int
takes_file(const struct line *l, struct error *e)
{
	if (l->platform->send_file != NULL)
		return 0;
	return error_set(e, ERR_invalid, "%s takes no files; send the text alone", l->platform->name);
}

static int
check(struct gateway *g, const struct line *l, const struct message_send *m, struct error *e)
{
	if (l == NULL)
		return error_set(e, ERR_unsupported, "%s is not set up in this profile", m->channel);
	if (m->file != NULL && takes_file(l, e) == -1)
		return -1;
	if (outbox_open_rows(g->posts->db) >= OPEN_MAX)
		return error_set(e, ERR_busy, "%d messages wait to be sent already", OPEN_MAX);
	return m->file == NULL ? 0 : outfile_whole(g->daemon->boot.home, m->key, m->size, e);
}

/* Would a file to there be refused? A channel that is not named is not asked about. */
static int
check_way(struct gateway *g, const char *channel, const char *chat, struct error *e)
{
	const struct line *l = channel == NULL ? NULL : gateway_line(g, channel);

	if (channel == NULL)
		return 0;
	if (l == NULL)
		return error_set(e, ERR_unsupported, "%s is not set up in this profile", channel);
	return takes_file(l, e) == -1 || target(l, chat, e) == NULL ? -1 : 0;
}

int
posts_file(struct call *c, const void *in, struct error *e)
{
	const struct message_file *m = in;
	struct gateway *g = c->ctx;
	size_t len = 0;
	cleanup_free unsigned char *data = NULL;
	int found;

	if (check_file_grant(c, e) == -1 || (found = known(g, m->key, NULL, e)) == -1 || (found == 0 && check_way(g, m->channel, m->chat, e) == -1))
		return -1;
	if ((data = base64_bytes(m->data, strlen(m->data), &len)) == NULL || len == 0)
		return error_set(e, ERR_invalid, "the piece is no base64");
	if (found == 0 && !mailcalls_has_file(g->mailcalls, m->key) && outfile_put(g->daemon->boot.home, m->key, m->offset, data, len, e) == -1)
		return -1;
	return call_reply(c, &(struct message_file_reply){ .next_offset = m->offset + (int64_t)len });
}

static int
put(struct gateway *g, const struct message_send *m, const char *chat, struct error *e)
{
	struct post o = {
		.key = (char *)m->key,
		.platform = (char *)m->channel,
		.account = (char *)gateway_account(g, m->channel),
		.chat = (char *)chat,
		.text = (char *)m->text,
		.file = (char *)m->file,
		.session = (char *)m->session,
		.title = (char *)m->title,
		.notice = m->notice,
	};

	return outbox_put(g->posts->db, &o, e);
}

int
posts_send(struct call *c, const void *in, struct error *e)
{
	const struct message_send *m = in;
	struct gateway *g = c->ctx;
	const struct line *l = gateway_line(g, m->channel);
	const char *chat;
	char old[CHAT_BYTES];
	int found;

	if (check_grant(c, e) == -1 || (found = known(g, m->key, old, e)) == -1)
		return -1;
	if (found == 1)
		return call_reply(c, &(struct message_send_reply){ .chat = old, .known = true });
	if (check(g, l, m, e) == -1 || (chat = target(l, m->chat, e)) == NULL || put(g, m, chat, e) == -1) {
		if (e->code != ERR_busy)
			outfile_drop(g->daemon->boot.home, m->key);
		return -1;
	}
	posts_look(g->posts);
	return call_reply(c, &(struct message_send_reply){ .chat = chat });
}
