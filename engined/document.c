/* SPDX-License-Identifier: Apache-2.0 */
/* See document.h. Reading changes nothing: when toolrunner dies, all of it is sent again. */
#include "engined/document.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/engine.h"
#include "engined/sniff.h"
#include "engined/staging.h"
#include "engined/target.h"
#include "engined/vision.h"

#define PIECE		(2 * 1024 * 1024 / 3 * 3)	/* bytes; whole groups of three */
#define ANSWER_MS	75000		/* a program has 30 s for a file, and there are two at most */
#define AGAIN_MS	200		/* between attempts while toolrunner is away */
#define TEXT_MAX	1000000		/* of a scan */
#define ATTEMPTS	20		/* a dead one is back long before */

struct document {
	struct engine	*engine;
	char		*path;
	const char	*kind;
	char		 key[33];
	struct buf	 bytes;
	size_t		 sent;
	int		 piece, attempts;
	int64_t		 page, pages;	/* of a scan; 0: it is none, as far as is known */
	bool		 ocr;		/* the text of its pages, not the pages */
	struct buf	 text;		/* of the pages before */
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
	buf_clear(&d->text);
	free(d);
}

static void
end(struct document *d, const struct error *e)
{
	d->done(d->arg, e);
	document_free(d);
}

static bool
is_image(const struct document *d)
{
	return strcmp(d->kind, "a.image") == 0;
}

static bool
becomes_image(const struct document *d)
{
	return is_image(d) || (d->page > 0 && !d->ocr);
}

static void
later(struct document *d, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(d->timer, &tv);
}

static void
from_the_beginning(struct document *d, int ms)
{
	d->sent = 0;
	d->piece = 0;
	d->page = d->pages = 0;
	buf_reset(&d->text);
	later(d, ms);
}

/* It did not come to an end: once more, unless toolrunner refused or was away for too long. */
static void
again(struct document *d, const struct error *e)
{
	bool away = e->code == ERR_gone || e->code == ERR_unavailable || e->code == ERR_busy;

	if (away && ++d->attempts < ATTEMPTS)
		from_the_beginning(d, AGAIN_MS);
	else
		end(d, is_image(d) ? NULL : e);
}

/* Its pages as images then: the turn may go to another model. */
static void
without_ocr(struct document *d)
{
	d->ocr = false;
	from_the_beginning(d, 0);
}

/* Why a file cannot be shown. A program that is missing can be installed; all else is the file's. */
static void
refuse(struct document *d, const struct tool_document_reply *r)
{
	bool missing = r->code != NULL && strcmp(r->code, error_name(ERR_unavailable)) == 0;
	struct error e = { 0 };

	error_set(&e, missing ? ERR_unavailable : ERR_invalid, "%s: %s", path_base(d->path),
	    r->error == NULL ? "there is nothing to show" : r->error);
	if (is_image(d))
		end(d, NULL);		/* it is shown as it came: the model's server has a decoder of its own */
	else if (missing && d->ocr && d->pages > 0)
		without_ocr(d);
	else
		end(d, &e);
}

/* ---- what came of it --------------------------------------------------------------------------------- */

static int
keep_image(struct document *d, const char *base64, struct error *e)
{
	size_t len = 0;
	cleanup_free unsigned char *bytes = base64_bytes(base64, strlen(base64), &len);

	if (bytes == NULL || sniff_image(bytes, len) == NULL)
		return error_set(e, ERR_invalid, "toolrunner's answer is no image");
	if (is_image(d) && len == d->bytes.len && memcmp(bytes, buf_str(&d->bytes), len) == 0)
		return 0;		/* the file itself fits */
	return staging_put_beside(d->engine->home, d->path, "image", d->page, bytes, len, e);
}

/* The text of the pages so far; those of a scan are kept when the last one is read. */
static int
keep_text(struct document *d, const char *text, struct error *e)
{
	if (d->page > 0 && buf_addf(&d->text, "%s\n", text) == -1)
		return error_set(e, ERR_too_large, "it has too much text");
	if (d->page < d->pages)
		return 0;
	if (d->page > 0 && strspn(buf_str(&d->text), " \t\r\n\f") == d->text.len)
		return error_set(e, ERR_invalid, "%s has no text, and none can be recognised in its pages", path_base(d->path));
	if (d->page > 0)
		text = buf_str(&d->text);
	return staging_put_beside(d->engine->home, d->path, "text", 0, text, strlen(text), e);
}

static void send_piece(struct document *d);

static void
take(struct document *d, const struct tool_document_reply *r)
{
	struct error e = { 0 };

	if (r->text == NULL) {
		refuse(d, r);
		return;
	}
	if (d->page == 0 && r->pages > 0)
		d->pages = r->pages;
	else if ((becomes_image(d) ? keep_image(d, r->text, &e) : keep_text(d, r->text, &e)) == -1) {
		end(d, &e);
		return;
	}
	if (d->page == d->pages) {
		end(d, NULL);
		return;
	}
	d->page++;
	send_piece(d);
}

/* ---- asking for it ------------------------------------------------------------------------------------ */

static void
on_piece(void *arg, const void *reply, const struct error *e)
{
	struct document *d = arg;

	if (reply == NULL)
		again(d, e);
	else if (d->sent == d->bytes.len)
		take(d, reply);
	else
		send_piece(d);
}

/* The next piece; once all are there, an empty one for the next page. */
static void
send_piece(struct document *d)
{
	size_t left = d->bytes.len - d->sent, n = left < PIECE ? left : PIECE;
	cleanup_free char *data = base64_text(buf_str(&d->bytes) + d->sent, n);
	struct tool_document m = { .key = d->key, .name = d->kind, .piece = d->piece++, .data = data, .final = n == left,
	    .page = d->page, .ocr = d->ocr };
	struct error e = { 0 };

	d->sent += n;
	if (request_send(d->engine->daemon, "toolrunner", MSG_tool_document, &m, NULL, ANSWER_MS, on_piece, d, &e) == NULL)
		again(d, &e);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	send_piece(arg);
}

/* The model that a turn is answered by unless it names another. */
static bool
can_see(struct engine *en)
{
	struct target target = { 0 };
	bool sees = target_resolve(en->config, engine_secret, en, NULL, &target, NULL) == 0 && vision_has(en->config, &target);

	target_clear(&target);
	return sees;
}

int
document_read(struct engine *en, const char *path, const char *mime, document_done *done, void *arg, struct error *e)
{
	struct document *d = xcalloc(1, sizeof(*d));

	*d = (struct document){ .engine = en, .path = xstrdup(path), .kind = sniff_document(mime), .bytes = BUF(0), .text = BUF(TEXT_MAX),
	    .done = done, .arg = arg };
	engine_config(en, false);
	d->ocr = !can_see(en);
	random_hex(d->key, 16);
	if (staging_read(en->home, path, &d->bytes, e) == -1) {
		document_free(d);
		return -1;
	}
	d->timer = evtimer_new(en->base, on_time, d);
	later(d, 0);
	return 0;
}
