/* SPDX-License-Identifier: Apache-2.0 */
/* See document.h. Reading changes nothing: when toolrunner dies, all of it is sent again. */
#include "engined/document.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/clock.h"
#include "common/call.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/sniff.h"
#include "engined/staging.h"

#define PIECE		(2 * 1024 * 1024 / 3 * 3)	/* bytes; whole groups of three */
#define ANSWER_MS	45000		/* a program has 30 s for a document */
#define AGAIN_MS	200		/* between attempts while toolrunner is away */
#define ATTEMPTS	20		/* a dead one is back long before */

struct document {
	struct engine	*engine;
	char		*path;
	const char	*kind;
	char		 key[33];
	struct buf	 bytes;
	size_t		 sent;
	int		 piece, attempts;
	struct event	*timer;
	document_done	*done;
	void		*arg;
};

static void
document_free(struct document *d)
{
	if (d->timer != NULL)
		event_free(d->timer);
	free(d->path);
	buf_clear(&d->bytes);
	free(d);
}

static void
end(struct document *d, const struct error *e)
{
	d->done(d->arg, e);
	document_free(d);
}

static void
later(struct document *d, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(d->timer, &tv);
}

/* It did not come to an end: once more from the beginning, unless toolrunner refused or was away for too long. */
static void
again(struct document *d, const struct error *e)
{
	bool away = e->code == ERR_gone || e->code == ERR_unavailable || e->code == ERR_busy;

	d->sent = 0;
	d->piece = 0;
	if (away && ++d->attempts < ATTEMPTS)
		later(d, AGAIN_MS);
	else
		end(d, e);
}

static void
finish(struct document *d, const struct tool_document_reply *r)
{
	struct error e = { 0 };

	if (r->text == NULL)	/* a program that is missing can be installed; all else is the file's */
		error_set(&e, r->code != NULL && strcmp(r->code, error_name(ERR_unavailable)) == 0 ? ERR_unavailable : ERR_invalid,
		    "%s: %s", strrchr(d->path, '/') + 1, r->error == NULL ? "it has no text" : r->error);
	if (r->text == NULL || staging_put_text(d->engine->home, d->path, r->text, &e) == -1)
		end(d, &e);
	else
		end(d, NULL);
}

static void send_piece(struct document *d);

static void
on_piece(void *arg, const void *reply, const struct error *e)
{
	struct document *d = arg;

	if (reply == NULL)
		again(d, e);
	else if (d->sent == d->bytes.len)
		finish(d, reply);
	else
		send_piece(d);
}

static void
send_piece(struct document *d)
{
	size_t left = d->bytes.len - d->sent, n = left < PIECE ? left : PIECE;
	size_t room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
	cleanup_free char *data = xmalloc(room);
	struct tool_document m = { .key = d->key, .name = d->kind, .piece = d->piece++, .data = data, .final = n == left };
	struct error e = { 0 };

	sodium_bin2base64(data, room, (const unsigned char *)buf_str(&d->bytes) + d->sent, n, sodium_base64_VARIANT_ORIGINAL);
	d->sent += n;
	if (request_send(d->engine->daemon, "toolrunner", MSG_tool_document, &m, NULL, ANSWER_MS, on_piece, d, &e) == NULL)
		again(d, &e);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	send_piece(arg);
}

int
document_read(struct engine *en, const char *path, const char *mime, document_done *done, void *arg, struct error *e)
{
	struct document *d = xcalloc(1, sizeof(*d));

	*d = (struct document){ .engine = en, .path = xstrdup(path), .kind = sniff_document(mime), .bytes = BUF(0), .done = done, .arg = arg };
	random_hex(d->key, 16);
	if (staging_read(en->home, path, &d->bytes, e) == -1) {
		document_free(d);
		return -1;
	}
	d->timer = evtimer_new(en->base, on_time, d);
	later(d, 0);
	return 0;
}
