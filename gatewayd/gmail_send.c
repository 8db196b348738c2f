/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gmail.h: an answer as a mail. Gmail has no idempotency key, and the
 * process may have died between sending and writing that down; so the thread
 * is looked at first: if it holds this answer, nothing is sent. What a server
 * took, it shows there at once.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/gmail.h"
#include "gatewayd/gmail_read.h"
#include "gatewayd/mailtext.h"

#define AGAIN_MS	15000
#define NOBODY_MS	60000		/* until somebody authorises us again */
#define THREAD_MAX	(16 * 1024 * 1024)

struct sending {
	struct gmail		*in;
	struct gmail_ask	*ask;
	struct event		*soon;		/* for what could not even begin */
	enum outcome		 outcome;	/* of that */
	char			*key, *chat, *meta, *part;
	char			*from, *message_id;	/* ours */
	char			*asked, *thread;	/* of the mail that is answered; NULL */
	char			*path, *name;	/* of a file that goes with it; NULL: none */
	bool			 bare;		/* the thread is gone */
	sent_fn			*done;
	void			*arg;
};

static void
sending_free(struct sending *s)
{
	gmail_ask_cancel(s->ask);
	event_free(s->soon);
	free(s->key);
	free(s->chat);
	free(s->meta);
	free(s->part);
	free(s->from);
	free(s->message_id);
	free(s->asked);
	free(s->thread);
	free(s->path);
	free(s->name);
	free(s);
}

/* s is gone after. */
static void
finish(struct sending *s, enum outcome outcome, int64_t later_ms)
{
	s->done(s->arg, outcome, later_ms < AGAIN_MS ? AGAIN_MS : later_ms);
	sending_free(s);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct sending *s = arg;

	finish(s, s->outcome, NOBODY_MS);
}

static void
end_soon(struct sending *s, enum outcome outcome)
{
	s->outcome = outcome;
	event_active(s->soon, EV_TIMEOUT, 0);
}

static void send_mail(struct sending *s);

static void
on_sent(void *arg, const struct gapi_answer *a)
{
	struct sending *s = arg;

	s->ask = NULL;
	if (!a->ok)
		log_warn("gmail chat=%s send: %s", s->chat, a->why);
	if (a->status == 404 && !s->bare) {		/* the thread was deleted: the answer stands alone */
		s->bare = true;
		send_mail(s);
		return;
	}
	/* 400, 413: it is refused as it stands, and no later try would fare better. */
	finish(s, a->ok ? OUT_sent : a->status == 400 || a->status == 413 ? OUT_never : OUT_later, a->retry_ms);
}

static void
send_mail(struct sending *s)
{
	struct error e = { 0 };
	size_t len;
	bool other = strcmp(s->from, oauth_email(s->in->oauth)) != 0;
	cleanup_free char *mail = s->path == NULL ? mailtext_answer(s->from, s->chat, s->meta, s->key, s->part, NULL, &len, &e) :
	    mailfile_answer(s->from, s->chat, s->meta, s->key, &(struct outgoing){ .path = s->path, .name = s->name, .caption = s->part },
	    &len, &e);
	cleanup_free char *body = mail == NULL ? NULL : gmail_raw_json(mail, len, s->bare ? NULL : s->thread);

	if (other) {			/* authorised meanwhile: the row waits for its own account */
		end_soon(s, OUT_later);
		return;
	}
	if (body == NULL) {
		log_warn("gmail chat=%s: the answer makes no mail: %s", s->chat, e.text);
		end_soon(s, OUT_never);
		return;
	}
	s->ask = gmail_ask(s->in, "POST", "messages/send", body, 0, on_sent, s);
}

/* This answer: by its Message-ID, or, where a server gives its own, by what it answers; a file follows an answer to the same mail. */
static bool
is_ours(const struct sending *s, const json_t *message)
{
	const char *id = gmail_header(message, "Message-ID"), *to = gmail_header(message, "In-Reply-To");
	const char *automatic = gmail_header(message, "Auto-Submitted");
	struct gmail_message m;

	if (gmail_message_read(&m, message) == -1 || !m.sent)
		return false;
	if (id != NULL && strcmp(id, s->message_id) == 0)
		return true;
	return s->path == NULL && s->asked != NULL && to != NULL && automatic != NULL && strcmp(to, s->asked) == 0 && strcmp(automatic, "auto-replied") == 0;
}

static void
on_thread(void *arg, const struct gapi_answer *a)
{
	struct sending *s = arg;
	const json_t *message;
	size_t i;

	s->ask = NULL;
	if (!a->ok && a->status != 404) {
		log_warn("gmail chat=%s send: %s", s->chat, a->why);
		finish(s, OUT_later, a->retry_ms);
		return;
	}
	s->bare = !a->ok;
	json_array_foreach(json_object_get(a->said, "messages"), i, message)
		if (is_ours(s, message)) {
			log_info("gmail chat=%s: the answer had left already", s->chat);
			finish(s, OUT_sent, 0);
			return;
		}
	send_mail(s);
}

/* The row's account may not be ours any more: without one there is nobody to send as. */
static void
begin(struct sending *s)
{
	cleanup_free char *path = s->thread == NULL ? NULL : xasprintf("threads/%s?format=metadata&metadataHeaders=Message-ID"
	    "&metadataHeaders=In-Reply-To&metadataHeaders=Auto-Submitted", s->thread);

	if ((s->from = xstrdup0(oauth_email(s->in->oauth))) == NULL) {
		end_soon(s, OUT_later);
		return;
	}
	s->message_id = mailtext_message_id(s->key, s->from);
	if (path == NULL)
		send_mail(s);
	else
		s->ask = gmail_ask(s->in, "GET", path, NULL, THREAD_MAX, on_thread, s);
}

/* f NULL: no file. */
static struct sending *
sending_begin(struct gmail *gm, const struct letter *to, const char *part, const struct outgoing *f, sent_fn *done, void *arg)
{
	cleanup_json json_t *meta = to->meta == NULL ? NULL : json_parse(to->meta, strlen(to->meta), 4, NULL);
	const char *thread = json_str(meta, "thread", "");
	struct sending *s = xcalloc(1, sizeof(*s));

	*s = (struct sending){ .in = gm, .key = xasprintf("%s/%lld", to->key, (long long)to->part), .chat = xstrdup(to->chat),
	    .meta = xstrdup0(to->meta), .part = xstrdup(part), .asked = xstrdup0(json_str(meta, "message_id", NULL)), .done = done,
	    .arg = arg, .thread = gmail_is_id(thread) ? xstrdup(thread) : NULL };
	s->path = f == NULL ? NULL : xstrdup(f->path);
	s->name = f == NULL ? NULL : xstrdup(f->name);
	s->soon = evtimer_new(gm->gateway->daemon->base, on_soon, s);
	begin(s);
	return s;
}

struct sending *
gmail_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	return sending_begin(self, to, part, NULL, done, arg);
}

struct sending *
gmail_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg)
{
	return sending_begin(self, to, f->caption == NULL ? "" : f->caption, f, done, arg);
}

void
gmail_cancel(struct sending *s)
{
	sending_free(s);
}
