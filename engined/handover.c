/* SPDX-License-Identifier: Apache-2.0 */
/* See handover.h. */
#include "engined/handover.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/fetch.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define ANSWER_MS	15000

struct handover {
	struct turn			*turn;
	const char			*tool;
	char				*path, *key, *channel, *chat;
	const struct handover_events	*ev;
	struct fetch			*fetch;		/* a piece is asked for; NULL: not */
	int64_t				 offset, size;
};

static void	next_piece(struct handover *h);

void
handover_free(struct handover *h)
{
	if (h == NULL)
		return;
	fetch_cancel(h->fetch);
	free(h->path);
	free(h->key);
	free(h->channel);
	free(h->chat);
	free(h);
}

static void
on_stored(void *arg, const void *reply, const struct error *e)
{
	const struct message_file_reply *r = reply;
	struct handover *h = arg;
	struct turn *t = h->turn;

	t->now.request = NULL;
	if (r == NULL) {
		h->ev->refused(t, e);
		return;
	}
	t->now.lost_ms = 0;
	h->offset = r->next_offset;
	if (h->offset < h->size)
		next_piece(h);
	else
		h->ev->done(t, h->size);
}

static void
on_piece(void *arg, const char *output, const struct error *why)
{
	struct handover *h = arg;
	struct turn *t = h->turn;
	struct error e = { 0 };
	cleanup_json json_t *j = NULL;

	h->fetch = NULL;
	if (output == NULL || (j = json_parse(output, strlen(output), 4, &e)) == NULL) {
		h->ev->unread(t, output == NULL ? why : &e);
		return;
	}
	h->size = json_int(j, "size", 0);
	t->now.request = request_send(t->engine->daemon, "gatewayd", MSG_message_file, &(struct message_file){ .key = h->key,
	    .offset = h->offset, .channel = h->channel, .chat = h->chat, .data = json_str(j, "data", "") },
	    neighbour_grant(t, "gatewayd"), ANSWER_MS, on_stored, h, &e);
	if (t->now.request == NULL)
		h->ev->refused(t, &e);
}

static void
next_piece(struct handover *h)
{
	h->fetch = fetch_begin(h->turn, h->tool, json_pack("{s:s, s:I}", "path", h->path, "offset", (json_int_t)h->offset), on_piece, h);
}

struct handover *
handover_begin(struct turn *t, const struct handover_file *f, const struct handover_events *ev)
{
	struct handover *h = xcalloc(1, sizeof(*h));

	*h = (struct handover){ .turn = t, .tool = f->tool, .path = xstrdup(f->path), .key = xstrdup(f->key),
	    .channel = xstrdup0(f->channel), .chat = xstrdup0(f->chat), .ev = ev };
	next_piece(h);
	return h;
}
