/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mailbox.h: the account as the tool `email` uses it (mail.h). What is not
 * the sending of a mail is mailbox_act.c. A mail that was sent is kept in the
 * folder for those, as people expect of a mail program; that it could not be
 * kept takes nothing of its having been sent.
 */
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/mail.h"
#include "gatewayd/mailbox.h"
#include "gatewayd/mime.h"

struct mail_work {
	struct mailbox		*in;
	struct smtp		*smtp;
	struct mailbox_act	*act;
	struct event		*soon;		/* for what cannot even begin */
	char			*kept;		/* the mail, until it is kept */
	size_t			 len;
	mail_done		*done;
	void			*arg;
};

static void
mailbox_end(struct mail_work *w)
{
	if (w == NULL)
		return;
	smtp_end(w->smtp);
	mailbox_act_free(w->act);
	event_free(w->soon);
	free(w->kept);
	free(w);
}

/* w is gone after. */
static void
tell(struct mail_work *w, const struct mail_result *r)
{
	w->done(w->arg, r);
	mailbox_end(w);
}

static void
on_acted(void *arg, const struct mail_result *r)
{
	tell(arg, r);
}

/* ---- sending ------------------------------------------------------------------------------------------ */

static void
on_kept(void *arg, const struct mail_result *r)
{
	if (r->outcome != OUT_sent)
		log_warn(MAILBOX " a mail was sent and is not kept: %s", r->why);
	tell(arg, &(struct mail_result){ .outcome = OUT_sent });
}

static void
on_sent(void *arg, enum outcome outcome, bool maybe, const char *why)
{
	struct mail_work *w = arg;

	if (outcome != OUT_sent)
		tell(w, &(struct mail_result){ .outcome = maybe ? OUT_later : OUT_never, .why = why });
	else
		w->act = mailbox_act(w->in, &(struct mail_order){ .act = MAIL_send, .bytes = w->kept, .len = w->len }, on_kept, w);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	tell(arg, &(struct mail_result){ .outcome = OUT_never, .why = "a receiver's mail address is none" });
}

/* They stand on a line of their own between angle brackets, and end nothing there. */
static bool
are_addresses(const struct mail_order *o)
{
	for (size_t i = 0; i < o->n_receivers; i++)
		if (!mime_is_address(o->receivers[i]))
			return false;
	return o->n_receivers > 0;
}

static void
send_mail(struct mail_work *w, const struct mail_order *o)
{
	char *bytes;

	if (!are_addresses(o)) {
		event_active(w->soon, EV_TIMEOUT, 0);
		return;
	}
	bytes = xmalloc(o->len + 1);
	memcpy(bytes, o->bytes, o->len);
	w->kept = xmalloc(o->len + 1);
	memcpy(w->kept, o->bytes, w->len = o->len);
	w->smtp = smtp_send(w->in->transfers, &w->in->smtp, o->receivers, o->n_receivers, bytes, o->len, on_sent, w);
}

/* ---- the row ------------------------------------------------------------------------------------------- */

static struct mail_work *
mailbox_begin(void *self, const struct mail_order *o, mail_done *done, void *arg)
{
	struct mailbox *m = self;
	struct mail_work *w = xcalloc(1, sizeof(*w));

	*w = (struct mail_work){ .in = m, .done = done, .arg = arg };
	w->soon = evtimer_new(m->gateway->daemon->base, on_soon, w);
	if (o->act == MAIL_send)
		send_mail(w, o);
	else
		w->act = mailbox_act(m, o, on_acted, w);
	return w;
}

static const char *
mailbox_address(const void *self)
{
	return ((const struct mailbox *)self)->address;
}

const struct mail_ops mailbox_mail = { mailbox_address, mailbox_begin, mailbox_end };
