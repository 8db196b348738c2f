/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See telegram.h: files that go out, as what their names say (gateway.md, 8):
 * a voice note, music, a picture, a film, else a document. What the server
 * will not show as that goes once more as a document.
 */
#include "gatewayd/telegram.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/outfile.h"

#define SEND_MS		120000
#define AGAIN_MS	5000

struct how {
	const char	*method, *field, *extensions;	/* a blank on both sides of each */
};

static const struct how hows[] = {
	{ "sendVoice",    "voice",    " ogg oga opus " },
	{ "sendAudio",    "audio",    " mp3 m4a wav flac aac " },
	{ "sendPhoto",    "photo",    " jpg jpeg png gif webp " },
	{ "sendVideo",    "video",    " mp4 mov mkv " },
	{ "sendDocument", "document", "" },
};
#define DOCUMENT (&hows[COUNT(hows) - 1])

static const struct how *
how_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	cleanup_free char *word = dot == NULL || strpbrk(dot, " \t") != NULL ? NULL : xasprintf(" %s ", dot + 1);

	for (size_t i = 0; word != NULL && i < COUNT(hows) - 1; i++)
		if (strcasestr(hows[i].extensions, word) != NULL)
			return &hows[i];
	return DOCUMENT;
}

/* ---- the form --------------------------------------------------------------------------------------- */

static void
add_field(struct buf *b, const char *mark, const char *name, const char *value)
{
	buf_addf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", mark, name, value);
}

/* A name that stays within its quotes. */
static char *
plain(const char *name)
{
	char *copy = xstrdup(name);

	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == '"' || *c == '\\' || *c == 0x7f)
			*c = '_';
	return copy;
}

void
telegram_form(struct buf *b, const char *mark, const char *field, const char *chat, const char *caption, const char *name,
    const struct buf *bytes)
{
	cleanup_free char *clean = plain(name);

	add_field(b, mark, "chat_id", chat);
	if (caption != NULL && *caption != '\0')
		add_field(b, mark, "caption", caption);
	buf_addf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
	    "Content-Type: application/octet-stream\r\n\r\n", mark, field, clean);
	buf_add(b, bytes->data, bytes->len);
	buf_addf(b, "\r\n--%s--\r\n", mark);
}

/* ---- sending ------------------------------------------------------------------------------------------ */

static void	on_sent(void *arg, const struct botapi_answer *a);
static void	on_unreadable(void *arg, const struct botapi_answer *a);

static void
ask(struct sending *s)
{
	struct telegram *t = s->telegram;
	const struct how *how = s->plain ? DOCUMENT : how_of(s->name);
	struct buf bytes = BUF(0), form = BUF(0);
	struct error e = { 0 };
	char mark[33];
	cleanup_free char *type = NULL;

	random_hex(mark, sizeof(mark) / 2);
	type = xasprintf("Content-Type: multipart/form-data; boundary=%s", mark);
	if (file_read(s->path, OUTFILE_MAX, &bytes, &e) == -1) {
		log_warn("telegram chat=%s: %s", s->chat, e.text);
		s->call = botapi_fail(t->gateway->daemon->base, on_unreadable, s);
	} else {
		telegram_form(&form, mark, how->field, s->chat, s->part, s->name, &bytes);
		s->call = botapi_post(t->gateway->http, t->gateway->daemon->base, &t->bot, how->method, type, buf_str(&form), form.len,
		    SEND_MS, on_sent, s);
	}
	buf_clear(&bytes);
	buf_clear(&form);
}

static void
on_unreadable(void *arg, const struct botapi_answer *a)
{
	struct sending *s = arg;

	s->call = NULL;
	s->done(s->arg, OUT_never, 0);
	telegram_sending_free(s);
}

static void
on_sent(void *arg, const struct botapi_answer *a)
{
	struct sending *s = arg;
	/* 413: the server takes smaller ones only. */
	bool refused = a->status == 400 || a->status == 403 || a->status == 413;

	s->call = NULL;
	if (a->status == 400 && !s->plain && how_of(s->name) != DOCUMENT) {
		s->plain = true;
		ask(s);
		return;
	}
	if (!a->ok)
		log_warn("telegram chat=%s file: %s", s->chat, a->why);
	s->done(s->arg, a->ok ? OUT_sent : refused ? OUT_never : OUT_later, a->retry_ms < 0 ? AGAIN_MS : a->retry_ms);
	telegram_sending_free(s);
}

struct sending *
telegram_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->telegram = self;
	s->chat = xstrdup(to->chat);
	s->part = xstrdup(f->caption == NULL ? "" : f->caption);
	s->path = xstrdup(f->path);
	s->name = xstrdup(f->name);
	s->plain = f->plain;
	s->done = done;
	s->arg = arg;
	ask(s);
	return s;
}
