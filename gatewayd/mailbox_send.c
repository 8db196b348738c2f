/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mailbox.h: an answer as a mail, and a look at both servers. SMTP knows no
 * second time: what was sent and not noted goes again, under the Message-ID
 * that the message it answers always gives, by which servers and readers know
 * it for the same.
 */
#include "gatewayd/mailbox.h"

#include <inttypes.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/breaker.h"
#include "gatewayd/mailtext.h"

#define AGAIN_MS	30000

struct sending {
	struct mailbox	*in;
	struct smtp	*smtp;
	struct event	*soon;		/* for an answer that makes no mail */
	char		*chat;
	sent_fn		*done;
	void		*arg;
};

void
mailbox_cancel(struct sending *s)
{
	smtp_end(s->smtp);
	event_free(s->soon);
	free(s->chat);
	free(s);
}

static void
on_sent(void *arg, enum outcome outcome, bool maybe, const char *why)
{
	struct sending *s = arg;

	if (why != NULL)
		log_warn(MAILBOX " chat=%s send: %s", s->chat, why);
	s->done(s->arg, outcome, AGAIN_MS);
	mailbox_cancel(s);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	on_sent(arg, OUT_never, false, NULL);
}

/* A text, or a file with its own. */
static struct sending *
send_mail(struct mailbox *m, const struct letter *to, const char *text, const struct outgoing *file, sent_fn *done, void *arg)
{
	cleanup_free char *key = xasprintf("%s/%" PRId64, to->key, to->part);
	struct sending *s = xcalloc(1, sizeof(*s));
	struct error e = { 0 };
	size_t len;
	char *mail = file != NULL ? mailfile_answer(m->address, to->chat, to->meta, key, file, &len, &e) :
	    mailtext_answer(m->address, to->chat, to->meta, key, text, NULL, &len, &e);

	*s = (struct sending){ .in = m, .chat = xstrdup(to->chat), .done = done, .arg = arg };
	s->soon = evtimer_new(m->gateway->daemon->base, on_soon, s);
	if (mail != NULL) {
		s->smtp = smtp_send(m->transfers, &m->smtp, &to->chat, 1, mail, len, on_sent, s);
	} else {
		log_warn(MAILBOX " chat=%s: the answer makes no mail: %s", to->chat, e.text);
		event_active(s->soon, EV_TIMEOUT, 0);
	}
	return s;
}

struct sending *
mailbox_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	return send_mail(self, to, part, NULL, done, arg);
}

struct sending *
mailbox_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg)
{
	return send_mail(self, to, NULL, f, done, arg);
}

/* ---- the probe -------------------------------------------------------------------------------------- */

struct probe {
	struct mailbox	*in;
	struct imap	*imap;
	struct transfer	*smtp;
	probe_fn	*done;
	void		*arg;
};

/* p is gone after. */
static void
probe_end(struct probe *p, const char *why)
{
	cleanup_free char *text = xstrdup0(why);

	imap_close(p->imap);
	transfer_end(p->smtp);
	if (why == NULL)
		mailbox_wake(p->in);
	p->done(p->arg, text == NULL ? p->in->address : NULL, text);
	free(p);
}

static void
on_smtp(void *arg, CURLcode code, const char *why)
{
	cleanup_free char *text = why == NULL ? NULL : xasprintf("SMTP: %s", code == CURLE_LOGIN_DENIED ?
	    "the mail server refuses the address or the password" : why);

	probe_end(arg, text);
}

static void
on_lost(void *arg, const char *why)
{
	cleanup_free char *text = xasprintf("IMAP: %s", why);

	probe_end(arg, text);
}

static void
on_ready(void *arg)
{
	struct probe *p = arg;

	imap_command(p->imap, AGAIN_MS, "EXAMINE INBOX");
}

static void
on_heard(void *arg, const struct imap_response *r)
{
}

static void
on_answered(void *arg, bool ok, const char *text)
{
	struct probe *p = arg;
	CURL *easy;

	if (!ok) {
		on_lost(arg, text);
		return;
	}
	imap_close(steal(p->imap));
	easy = smtp_handle(&p->in->smtp);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)AGAIN_MS);
	p->smtp = transfer_start(p->in->transfers, easy, on_smtp, p);
}

void
mailbox_probe(void *self, probe_fn *done, void *arg)
{
	static const struct imap_events events = { .ready = on_ready, .heard = on_heard, .answered = on_answered, .lost = on_lost };
	struct mailbox *m = self;
	struct probe *p = xcalloc(1, sizeof(*p));

	*p = (struct probe){ .in = m, .done = done, .arg = arg };
	p->imap = imap_open(m->transfers, m->gateway->daemon->base, &m->imap, IMAP_LINE_MAX, &events, p);
}
