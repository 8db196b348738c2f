/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mailbox.h: one session. Each mail's headers are fetched first, with its
 * size: a stranger's, a machine's and a mail that is too large are never
 * fetched whole. A mail is passed only when what is said of it is on disk.
 */
#include "gatewayd/mailbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/mailfile.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/mime.h"

#define ANSWER_MS	60000
#define BODY_MS		300000
#define IDLE_MS		600000		/* a new IDLE: what forgets connections does it after more than that */
#define GRACE_MS	15000

typedef void step_fn(struct mailbox_poll *p);

struct mailbox_poll {
	struct mailbox	*in;
	struct imap	*imap;
	void		(*fine)(struct mailbox *m);
	mailbox_polled	*done;
	step_fn		*then;		/* after the command's answer */
	struct event	*idle;		/* the end of an IDLE */
	bool		 can_idle, idling, waking;
	bool		 more;		/* the server said that something came */
	int64_t		 validity, next;/* of the mailbox; next -1: the server does not say */
	uint32_t	*uids;		/* what came since */
	size_t		 n, at;
	int64_t		 size;		/* of the mail at hand; -1 */
	char		*bytes;		/* of it, or its headers; NULL */
	size_t		 len;
};

static void step_search(struct mailbox_poll *p);
static void step_next(struct mailbox_poll *p);

void
mailbox_poll_free(struct mailbox_poll *p)
{
	if (p == NULL)
		return;
	imap_close(p->imap);
	event_free(p->idle);
	free(p->uids);
	free(p->bytes);
	free(p);
}

static void
forget_bytes(struct mailbox_poll *p)
{
	free(steal(p->bytes));
	p->len = 0;
	p->size = -1;
}

/* p is gone after. */
static void
end(struct mailbox_poll *p, const char *why)
{
	p->done(p->in, why);
}

/* ---- waiting for more ------------------------------------------------------------------------------- */

static void
step_idled(struct mailbox_poll *p)
{
	p->idling = p->waking = false;
	event_del(p->idle);
	step_search(p);
}

static void
wake(struct mailbox_poll *p)
{
	if (!p->waking)
		imap_done(p->imap, ANSWER_MS);
	p->waking = true;
}

static void
on_idle_end(evutil_socket_t fd, short what, void *arg)
{
	wake(arg);
}

static void
step_logged_out(struct mailbox_poll *p)
{
	end(p, NULL);
}

static void
rest(struct mailbox_poll *p)
{
	if (p->more) {
		step_search(p);
	} else if (p->can_idle) {
		p->idling = true;
		p->then = step_idled;
		imap_command(p->imap, IDLE_MS + GRACE_MS, "IDLE");
		event_add(p->idle, &(struct timeval){ .tv_sec = IDLE_MS / 1000 });
	} else {
		p->then = step_logged_out;
		imap_command(p->imap, ANSWER_MS, "LOGOUT");
	}
}

/* ---- one mail ---------------------------------------------------------------------------------------- */

/* The mail at hand is dealt with on disk, or the session ends here. rows: 0 or 1. */
static int
keep(struct mailbox_poll *p, const struct arrival *row)
{
	struct error e = { 0 };

	if (mailbox_keep(p->in, row, row != NULL, p->validity, p->uids[p->at], &e) == -1) {
		log_error(MAILBOX " mails stay with the server, they cannot be written down: %s", e.text);
		end(p, e.text);
		return -1;
	}
	p->at++;
	forget_bytes(p);
	return 0;
}

static void
drop(struct mailbox_poll *p, const char *from, const char *why)
{
	log_info(MAILBOX " mail=%" PRIu32 " from=%s is not taken: %s", p->uids[p->at], from, why);
	if (keep(p, NULL) == 0)
		step_next(p);
}

static void
take_stranger(struct mailbox_poll *p, const struct mime_mail *mail)
{
	if (keep(p, &(struct arrival){ .chat = mail->from, .sender = mail->from, .stranger = true }) == 0)
		step_next(p);
}

static void
take(struct mailbox_poll *p, const struct mime_mail *mail)
{
	uint32_t uid = p->uids[p->at];
	cleanup_free char *text = mailtext_prompt(mail), *meta = mailtext_meta(mail, NULL);
	cleanup_free char *ref = xasprintf("%" PRId64 "/%" PRIu32, p->validity, uid);
	cleanup_free char *name = xasprintf("%" PRId64 ".%" PRIu32, p->validity, uid), *files = mailfile_list(mail, name);

	if (keep(p, &(struct arrival){ .ref = ref, .chat = mail->from, .sender = mail->from, .text = text,
	    .mention = mailtext_mention(mail), .meta = meta, .files = files }) == -1)
		return;
	p->then = step_next;
	if (p->in->mark_as_read)
		imap_command(p->imap, ANSWER_MS, "UID STORE %" PRIu32 " +FLAGS.SILENT (\\Seen)", uid);
	else
		step_next(p);
}

/* Its headers are enough to answer that it was not read. */
static void
take_large(struct mailbox_poll *p, struct mime_mail *mail)
{
	free(mail->text);
	mail->text = xasprintf("[this mail has %" PRId64 " MB; more than %d MB are not fetched, so nothing but its subject is known]",
	    p->size / 1000000, MIME_MAX / 1000000);
	take(p, mail);
}

/* NULL: it may be taken. */
static const char *
objection(const struct mailbox_poll *p, const struct mime_mail *mail)
{
	if (strcmp(mail->from, p->in->address) == 0)
		return "it is our own";
	return mail->automated ? "a machine sent it" : NULL;
}

/* What its sender decides; true: whether it may come in is settled. */
static bool
is_turned_away(struct mailbox_poll *p, const struct mime_mail *mail)
{
	const char *why = objection(p, mail);

	if (!allow_admits(&p->in->allow, mail->from, mail->from))
		take_stranger(p, mail);
	else if (why != NULL)
		drop(p, mail->from, why);
	else
		return false;
	return true;
}

/* A mail that the server has no more, or that nobody could answer. */
static struct mime_mail *
read_it(struct mailbox_poll *p)
{
	struct error e = { 0 };
	struct mime_mail *mail = p->bytes == NULL ? NULL : mime_read(p->bytes, p->len, &e);

	if (mail == NULL)
		drop(p, "?", p->bytes == NULL ? "the server has it no more" : e.text);
	return mail;
}

static void
step_fetched(struct mailbox_poll *p)
{
	struct mime_mail *mail = read_it(p);

	if (mail != NULL && !is_turned_away(p, mail))	/* again: the whole may name another sender than its headers did */
		take(p, mail);
	mime_free(mail);
}

static void
step_headers(struct mailbox_poll *p)
{
	struct mime_mail *mail = read_it(p);

	if (mail == NULL || is_turned_away(p, mail)) {
		mime_free(mail);
		return;
	}
	if (p->size > MIME_MAX) {
		take_large(p, mail);
	} else {
		forget_bytes(p);
		p->then = step_fetched;
		imap_command(p->imap, BODY_MS, "UID FETCH %" PRIu32 " (UID BODY.PEEK[])", p->uids[p->at]);
	}
	mime_free(mail);
}

static void
step_next(struct mailbox_poll *p)
{
	forget_bytes(p);
	if (p->at >= p->n) {
		rest(p);
		return;
	}
	p->then = step_headers;
	imap_command(p->imap, ANSWER_MS, "UID FETCH %" PRIu32 " (UID RFC822.SIZE BODY.PEEK[HEADER])", p->uids[p->at]);
}

/* ---- what came since ---------------------------------------------------------------------------------- */

/* Of a mailbox that does not say its next number, all are asked for, and the highest is what counts. */
static void
begin_here(struct mailbox_poll *p)
{
	int64_t uid = p->next > 0 ? p->next - 1 : p->n > 0 ? p->uids[p->n - 1] : 0;
	struct error e = { 0 };

	if (p->in->uid >= 0 && p->in->validity != -1)
		log_warn(MAILBOX " the mailbox was made anew: what is in it is not answered");
	else
		log_info(MAILBOX " account=%s begins behind mail=%" PRId64 "; what came before is not answered", p->in->address, uid);
	if (mailbox_keep(p->in, NULL, 0, p->validity, uid, &e) == -1)
		end(p, e.text);
	else
		step_search(p);
}

static void
step_searched(struct mailbox_poll *p)
{
	if (p->in->uid < 0 || p->in->validity != p->validity) {
		begin_here(p);
		return;
	}
	p->fine(p->in);
	step_next(p);
}

static void
step_search(struct mailbox_poll *p)
{
	int64_t after = p->in->validity == p->validity && p->in->uid > 0 ? p->in->uid : 0;

	p->more = false;
	free(steal(p->uids));
	p->n = p->at = 0;
	p->then = step_searched;
	imap_command(p->imap, ANSWER_MS, "UID SEARCH UID %" PRId64 ":*", after + 1);
}

/* The reference's file knows no validity; a number that the mailbox has not reached yet is of another one. */
static void
step_selected(struct mailbox_poll *p)
{
	struct mailbox *m = p->in;

	if (p->validity < 0) {
		end(p, "the mail server's INBOX has no UIDVALIDITY");
		return;
	}
	if (m->validity == -1 && m->uid >= 0 && p->next > m->uid)
		m->validity = p->validity;
	if (p->next > 0 && (m->uid < 0 || m->validity != p->validity))
		begin_here(p);
	else
		step_search(p);
}

static void
step_capable(struct mailbox_poll *p)
{
	p->then = step_selected;
	imap_command(p->imap, ANSWER_MS, "SELECT INBOX");
}

/* ---- the session --------------------------------------------------------------------------------------- */

static void
on_ready(void *arg)
{
	struct mailbox_poll *p = arg;

	p->then = step_capable;
	imap_command(p->imap, ANSWER_MS, "CAPABILITY");
}

static void
hear_number(const char *text, const char *word, int64_t *to)
{
	int64_t n = imap_number(text, word);

	if (n >= 0)
		*to = n;
}

/* Of the mail at hand; a server may send others' flags at any time. */
static void
hear_fetch(struct mailbox_poll *p, const struct imap_response *r)
{
	if (p->at >= p->n || imap_number(r->text, "UID ") != p->uids[p->at])
		return;
	hear_number(r->text, "RFC822.SIZE ", &p->size);
	if (r->literal == NULL)
		return;
	free(p->bytes);
	p->bytes = xmalloc(r->len + 1);
	memcpy(p->bytes, r->literal, r->len);
	p->bytes[p->len = r->len] = '\0';
}

static void
hear_search(struct mailbox_poll *p, const char *text)
{
	int64_t after = p->in->validity == p->validity && p->in->uid > 0 ? p->in->uid : 0;
	size_t n;
	uint32_t *uids = imap_search(text, (uint32_t)after, &n);

	if (uids == NULL)
		return;
	free(p->uids);
	p->uids = uids;
	p->n = n;
	p->at = 0;
}

static void
on_heard(void *arg, const struct imap_response *r)
{
	struct mailbox_poll *p = arg;
	bool numbered = r->text[0] >= '0' && r->text[0] <= '9';

	if (numbered && strcasestr(r->text, " EXISTS") != NULL && r->literal == NULL) {
		p->more = true;
		if (p->idling)
			wake(p);
	} else if (numbered && strcasestr(r->text, " FETCH ") != NULL) {
		hear_fetch(p, r);
	} else if (strncasecmp(r->text, "CAPABILITY", 10) == 0) {
		p->can_idle = strcasestr(r->text, " IDLE") != NULL;
	} else if (p->then == step_selected) {
		hear_number(r->text, "[UIDVALIDITY ", &p->validity);
		hear_number(r->text, "[UIDNEXT ", &p->next);
	} else if (p->then == step_searched) {
		hear_search(p, r->text);
	}
}

/* Has the mail at hand, which is not to be had, been tried often enough? Then it is passed, and true. What speaks of time says nothing of it. */
static bool
is_passed(struct mailbox_poll *p, int most, const char *why)
{
	static const char *const passing[] = { "[UNAVAILABLE]", "[INUSE]", "[LIMIT]" };
	bool fetching = p->at < p->n && (p->then == step_headers || p->then == step_fetched);
	char uid[16];

	for (size_t i = 0; i < COUNT(passing); i++)
		fetching = fetching && strcasestr(why, passing[i]) == NULL;
	if (!fetching)
		return false;
	snprintf(uid, sizeof(uid), "%" PRIu32, p->uids[p->at]);
	if (!stuck_failed(&p->in->stuck, uid, most))
		return false;
	log_warn(MAILBOX " mail=%s cannot be fetched, it is passed after %d tries: %s", uid, most, why);
	return true;
}

/* What a server refuses once it will not do the next moment, but for one mail that it cannot read itself. */
static void
on_answered(void *arg, bool ok, const char *text)
{
	struct mailbox_poll *p = arg;

	if (ok) {
		p->then(p);
	} else if (p->then == step_next) {
		log_warn(MAILBOX " a mail stays unread: %s", text);
		step_next(p);
	} else {
		cleanup_free char *clean = utf8_clean(text, strlen(text));

		if (!is_passed(p, STUCK_REFUSED, clean))
			end(p, clean);
		else if (keep(p, NULL) == 0)
			step_next(p);
	}
}

static void
on_lost(void *arg, const char *why)
{
	struct mailbox_poll *p = arg;
	cleanup_free char *clean = utf8_clean(why, strlen(why));

	if (is_passed(p, STUCK_LOST, clean) && keep(p, NULL) == -1)
		return;
	end(p, p->idling || p->then == step_logged_out ? NULL : clean);
}

struct mailbox_poll *
mailbox_look(struct mailbox *m, void (*fine)(struct mailbox *m), mailbox_polled *done)
{
	static const struct imap_events events = { .ready = on_ready, .heard = on_heard, .answered = on_answered, .lost = on_lost };
	struct event_base *base = m->gateway->daemon->base;
	struct mailbox_poll *p = xcalloc(1, sizeof(*p));

	*p = (struct mailbox_poll){ .in = m, .fine = fine, .done = done, .validity = -1, .next = -1, .size = -1 };
	p->idle = evtimer_new(base, on_idle_end, p);
	p->imap = imap_open(m->transfers, base, &m->imap, MIME_MAX, &events, p);
	return p;
}
