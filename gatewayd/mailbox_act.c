/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mailbox.h: one order of the tool `email` in a session of its own, beside
 * the one that waits for mails. Looking never changes a mail (EXAMINE, PEEK),
 * and no mail is ever removed but the one that was named, after a copy of it
 * lies in another folder. What a folder's name and a search hold is written by
 * imap_words.c, what the server says is read by imap_fetch.c.
 */
#include "gatewayd/mailbox.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/imap_fetch.h"
#include "gatewayd/imap_words.h"
#include "gatewayd/mail.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/mime.h"

#define ANSWER_MS	60000
#define BODY_MS		300000
#define COPY_MS		30000
#define ROWS_MAX	500
#define HEAD_BYTES	32768

typedef void step_fn(struct mailbox_act *a);

struct mailbox_act {
	struct mailbox		*in;
	enum mail_act		 act;
	struct imap		*imap;		/* NULL: the order cannot be */
	struct event		*soon;		/* tells so */
	char			*why;
	mail_done		*done;
	void			*arg;
	step_fn			*then;		/* after the command's answer */

	char			*folder, *dest;	/* as servers spell them; dest NULL: not known yet, or none */
	char			*shown;		/* the folder as it was asked for */
	char			*special;	/* a folder's name that may be the one for this */
	int64_t			 validity, opened;	/* of the uid; of the folder: -1 */
	uint32_t		 uid;
	struct imap_words	 words;		/* the search, or the mail to keep */
	bool			 can_move, can_expunge, has_special, keeps_itself;
	bool			 copied, begun;	/* a copy lies in dest; something may have been done */

	uint32_t		*uids;		/* that were found, rising */
	struct mail_row		*rows;		/* one for each, the newest first */
	size_t			 n, limit;
	int64_t			 size;		/* of the mail at hand; -1: it is not there */
	bool			 unread;
	char			*bytes;
	size_t			 len;
};

void
mailbox_act_free(struct mailbox_act *a)
{
	if (a == NULL)
		return;
	imap_close(a->imap);
	event_free(a->soon);
	mailtext_rows_free(a->rows, a->n);
	imap_words_clear(&a->words);
	free(a->why);
	free(a->folder);
	free(a->dest);
	free(a->shown);
	free(a->special);
	free(a->uids);
	free(a->bytes);
	free(a);
}

/* ---- ends: whoever is told frees a ------------------------------------------------------------------- */

static void
fail(struct mailbox_act *a, enum outcome outcome, const char *why)
{
	cleanup_free char *clean = utf8_clean(why, strlen(why));

	a->done(a->arg, &(struct mail_result){ .outcome = outcome, .why = clean });
}

/* Rows that came before those that somebody deleted meanwhile move up. */
static void
finish(struct mailbox_act *a)
{
	size_t n = 0;

	for (size_t i = 0; a->rows != NULL && i < a->n; i++)
		if (a->rows[i].uid != NULL) {
			struct mail_row row = a->rows[i];

			a->rows[i] = (struct mail_row){ 0 };
			a->rows[n++] = row;
		}
	a->done(a->arg, &(struct mail_result){ .outcome = OUT_sent, .rows = a->rows, .n_rows = n, .bytes = a->bytes, .len = a->len,
	    .unread = a->unread });
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct mailbox_act *a = arg;

	fail(a, OUT_never, a->why);
}

/* ---- a list ------------------------------------------------------------------------------------------- */

static void
hear_row(struct mailbox_act *a, const struct imap_fetched *f)
{
	struct mime_mail *m;

	for (size_t i = 0; i < a->n; i++) {
		struct mail_row *row = &a->rows[a->n - 1 - i];

		if (a->uids[i] != f->uid || row->uid != NULL || f->bytes == NULL)
			continue;
		m = mime_headers(f->bytes, f->len);
		*row = (struct mail_row){ .uid = xasprintf("%" PRId64 ".%" PRIu32, a->opened, a->uids[i]), .folder = a->shown,
		    .unread = !f->seen, .files = f->files };
		mailtext_row(row, m);
		mime_free(m);
	}
}

static void
hear_found(struct mailbox_act *a, const char *text)
{
	size_t n;
	uint32_t *uids = imap_search(text, 0, &n);

	if (uids == NULL)
		return;
	free(a->uids);
	a->uids = uids;
	a->n = n;
}

/* The highest numbers came last. */
static void
step_found(struct mailbox_act *a)
{
	struct buf set cleanup_buf = BUF(0);

	if (a->n > a->limit) {
		memmove(a->uids, a->uids + a->n - a->limit, a->limit * sizeof(*a->uids));
		a->n = a->limit;
	}
	if (a->n == 0) {
		finish(a);
		return;
	}
	a->rows = xcalloc(a->n, sizeof(*a->rows));
	for (size_t i = 0; i < a->n; i++)
		(void)buf_addf(&set, "%s%" PRIu32, i > 0 ? "," : "", a->uids[i]);
	a->then = finish;
	imap_command(a->imap, ANSWER_MS, "UID FETCH %s (UID FLAGS BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]<0.%d>)",
	    buf_str(&set), HEAD_BYTES);
}

/* ---- one mail ------------------------------------------------------------------------------------------ */

static void
hear_mail(struct mailbox_act *a, const struct imap_fetched *f)
{
	if (f->uid != a->uid)
		return;
	if (f->size >= 0) {
		a->size = f->size;
		a->unread = !f->seen;
	}
	if (f->bytes == NULL)
		return;
	free(a->bytes);
	a->bytes = xmalloc(f->len + 1);
	memcpy(a->bytes, f->bytes, f->len);
	a->bytes[a->len = f->len] = '\0';
}

static void
fail_gone(struct mailbox_act *a)
{
	fail(a, OUT_never, "there is no such mail in this folder any more");
}

static void
step_got(struct mailbox_act *a)
{
	if (a->bytes == NULL)
		fail_gone(a);
	else
		finish(a);
}

static void
get(struct mailbox_act *a)
{
	cleanup_free char *why = xasprintf("the mail has %" PRId64 " MB; more than %d MB are not fetched", a->size / 1000000,
	    MIME_MAX / 1000000);

	if (a->size > MIME_MAX) {
		fail(a, OUT_never, why);
		return;
	}
	a->then = step_got;
	imap_command(a->imap, BODY_MS, "UID FETCH %" PRIu32 " (UID BODY.PEEK[])", a->uid);
}

/* ---- to another folder: by MOVE, or what it stands for (RFC 6851) ------------------------------------- */

/* Of a server that removes only all deleted mails together it stays, marked as deleted. */
static void
step_marked(struct mailbox_act *a)
{
	a->then = finish;
	if (a->can_expunge)
		imap_command(a->imap, ANSWER_MS, "UID EXPUNGE %" PRIu32, a->uid);
	else
		finish(a);
}

static void
step_copied(struct mailbox_act *a)
{
	a->copied = true;
	a->then = step_marked;
	imap_command(a->imap, ANSWER_MS, "UID STORE %" PRIu32 " +FLAGS.SILENT (\\Deleted)", a->uid);
}

static void
move(struct mailbox_act *a)
{
	struct imap_words w = { 0 };
	struct error e = { 0 };

	imap_words_add(&w, "UID %s %" PRIu32 " ", a->can_move ? "MOVE" : "COPY", a->uid);
	if (imap_words_text(&w, a->dest, &e) == -1) {
		imap_words_clear(&w);
		fail(a, OUT_never, e.text);
		return;
	}
	a->begun = true;
	a->then = a->can_move ? finish : step_copied;
	imap_send(a->imap, ANSWER_MS, &w);
}

/* ---- a folder ------------------------------------------------------------------------------------------- */

/* A server answers OK to the moving of a mail that it does not have. */
static void
step_there(struct mailbox_act *a)
{
	if (a->size < 0)
		fail_gone(a);
	else if (a->act == MAIL_fetch)
		get(a);
	else
		move(a);
}

static void
step_opened(struct mailbox_act *a)
{
	if (a->opened < 0) {
		fail(a, OUT_never, "the mail server's folder has no UIDVALIDITY");
	} else if (a->act == MAIL_list) {
		a->then = step_found;
		imap_send(a->imap, ANSWER_MS, &a->words);
	} else if (a->opened != a->validity) {
		fail(a, OUT_never, "this uid is of another folder, or of before the folder was made anew: list it again");
	} else {
		a->then = step_there;
		imap_command(a->imap, ANSWER_MS, "UID FETCH %" PRIu32 " (UID FLAGS RFC822.SIZE)", a->uid);
	}
}

static void
open_folder(struct mailbox_act *a)
{
	struct imap_words w = { 0 };
	struct error e = { 0 };

	imap_words_add(&w, a->act == MAIL_move || a->act == MAIL_trash ? "SELECT " : "EXAMINE ");
	if (imap_words_text(&w, a->folder, &e) == -1) {
		imap_words_clear(&w);
		fail(a, OUT_never, e.text);
		return;
	}
	a->then = step_opened;
	imap_send(a->imap, ANSWER_MS, &w);
}

/* ---- the folders for what is deleted, and for what was sent --------------------------------------------- */

static void
hear_folder(struct mailbox_act *a, const struct imap_response *r)
{
	struct imap_listed l;

	if (imap_listed(r, &l) == -1)
		return;
	if (!l.closed && a->dest == NULL && (a->act == MAIL_trash ? l.trash : l.sent))
		a->dest = xstrdup(l.name);
	if (!l.closed && a->special == NULL && (a->act == MAIL_trash ? l.like_trash : l.like_sent))
		a->special = xstrdup(l.name);
	free(l.name);
}

static void
keep_copy(struct mailbox_act *a)
{
	struct imap_words w = { 0 };

	imap_words_add(&w, "APPEND ");
	if (imap_words_text(&w, a->dest, NULL) == -1) {
		imap_words_clear(&w);
		finish(a);
		return;
	}
	imap_words_add(&w, " (\\Seen) ");
	imap_words_literal(&w, a->bytes, a->len);
	a->then = finish;
	imap_send(a->imap, COPY_MS, &w);
}

static void
step_listed(struct mailbox_act *a)
{
	if (a->dest == NULL)
		a->dest = steal(a->special);
	if (a->act == MAIL_send && a->dest == NULL)
		finish(a);
	else if (a->act == MAIL_send)
		keep_copy(a);
	else if (a->dest == NULL)
		fail(a, OUT_never, "this account has no folder for deleted mails, and nothing is deleted for good");
	else if (strcasecmp(a->dest, a->folder) == 0)
		fail(a, OUT_never, "the mail is with the deleted ones already, and nothing is deleted for good");
	else
		open_folder(a);
}

/* Gmail keeps what was sent by its own server. */
static void
step_capable(struct mailbox_act *a)
{
	if (a->act == MAIL_send && a->keeps_itself) {
		finish(a);
	} else if (a->act == MAIL_trash || a->act == MAIL_send) {
		a->then = step_listed;
		imap_command(a->imap, ANSWER_MS, "LIST \"\" \"*\"%s", a->has_special ? " RETURN (SPECIAL-USE)" : "");
	} else {
		open_folder(a);
	}
}

/* ---- the session ----------------------------------------------------------------------------------------- */

static void
on_ready(void *arg)
{
	struct mailbox_act *a = arg;

	a->then = step_capable;
	imap_command(a->imap, ANSWER_MS, "CAPABILITY");
}

static void
hear_capable(struct mailbox_act *a, const char *text)
{
	a->can_move = strcasestr(text, " MOVE") != NULL;
	a->can_expunge = strcasestr(text, " UIDPLUS") != NULL;
	a->has_special = strcasestr(text, " SPECIAL-USE") != NULL;
	a->keeps_itself = strcasestr(text, " X-GM-EXT-1") != NULL;
}

static void
on_heard(void *arg, const struct imap_response *r)
{
	struct mailbox_act *a = arg;
	int64_t validity = imap_number(r->text, "[UIDVALIDITY ");
	struct imap_fetched f;

	if (a->then == step_capable && strncasecmp(r->text, "CAPABILITY", 10) == 0)
		hear_capable(a, r->text);
	else if (a->then == step_opened && validity >= 0)
		a->opened = validity;
	else if (a->then == step_listed)
		hear_folder(a, r);
	else if (a->then == step_found)
		hear_found(a, r->text);
	else if (imap_fetched(r, &f) == 0 && a->rows != NULL)
		hear_row(a, &f);
	else if (f.uid >= 0 && (a->then == step_there || a->then == step_got))
		hear_mail(a, &f);
}

static void
on_answered(void *arg, bool ok, const char *text)
{
	struct mailbox_act *a = arg;
	cleanup_free char *half = NULL;

	if (ok) {
		a->then(a);
	} else if (a->copied && a->then == finish) {
		finish(a);			/* it is marked as deleted: another client removes it */
	} else if (a->copied) {
		half = xasprintf("a copy is in the folder, but the mail stays where it was as well: %s", text);
		fail(a, OUT_never, half);	/* known, and said: OUT_later would have it unknown */
	} else {
		fail(a, OUT_never, text);
	}
}

static void
on_lost(void *arg, const char *why)
{
	struct mailbox_act *a = arg;

	fail(a, a->begun ? OUT_later : OUT_never, why);
}

/* ---- the order ------------------------------------------------------------------------------------------- */

/* "VALIDITY.UID", as a list says it. */
static int
read_uid(struct mailbox_act *a, const char *text, struct error *e)
{
	const char *dot = text == NULL ? NULL : strchr(text, '.');
	int64_t uid = dot == NULL ? -1 : imap_number(dot + 1, "");

	if (uid <= 0 || strspn(text, "0123456789.") != strlen(text) || strchr(dot + 1, '.') != NULL || (a->validity = imap_number(text, "")) < 0)
		return error_set(e, ERR_invalid, "no uid of this account; a list says them");
	a->uid = (uint32_t)uid;
	return 0;
}

static int
read_order(struct mailbox_act *a, const struct mail_order *o, struct error *e)
{
	if (o->act == MAIL_send) {
		a->bytes = xmalloc(o->len + 1);
		memcpy(a->bytes, o->bytes, o->len);
		a->len = o->len;
		return 0;
	}
	a->shown = xstrdup(o->folder == NULL ? "INBOX" : o->folder);
	a->limit = o->limit == 0 || o->limit > ROWS_MAX ? ROWS_MAX : o->limit;
	if ((a->folder = imap_folder_name(a->shown, e)) == NULL)
		return -1;
	if (o->act == MAIL_list)
		return imap_words_search(&a->words, o, e);
	if (o->act == MAIL_move && (a->dest = imap_folder_name(o->dest == NULL ? "" : o->dest, e)) == NULL)
		return -1;
	return read_uid(a, o->uid, e);
}

struct mailbox_act *
mailbox_act(struct mailbox *m, const struct mail_order *o, mail_done *done, void *arg)
{
	static const struct imap_events events = { .ready = on_ready, .heard = on_heard, .answered = on_answered, .lost = on_lost };
	struct event_base *base = m->gateway->daemon->base;
	struct mailbox_act *a = xcalloc(1, sizeof(*a));
	struct error e = { 0 };

	*a = (struct mailbox_act){ .in = m, .act = o->act, .done = done, .arg = arg, .opened = -1, .size = -1 };
	a->soon = evtimer_new(base, on_soon, a);
	if (read_order(a, o, &e) == -1) {
		a->why = xstrdup(e.text);
		event_active(a->soon, EV_TIMEOUT, 0);
	} else {
		a->imap = imap_open(m->transfers, base, &m->imap, o->act == MAIL_fetch ? MIME_MAX : IMAP_LINE_MAX, &events, a);
	}
	return a;
}
