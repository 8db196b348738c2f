/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gmail.h: the account as the tool `email` uses it (mail.h). A folder is a
 * label, and the trash is Gmail's own: nothing is deleted for good. An order
 * is a few requests in a row; the last one may change something, and only of
 * that one it can be unknown whether it did.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/gmail.h"
#include "gatewayd/gmail_find.h"
#include "gatewayd/gmail_read.h"
#include "gatewayd/mail.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/mime.h"

#define ROWS_MAX	500
#define RAW_MAX		(MIME_MAX / 3 * 4 + 65536)
#define SHOWN		"?format=full&fields=id,labelIds,payload(headers,filename,parts(filename,parts(filename,parts(filename,parts(filename)))))"

struct mail_work {
	struct gmail		*in;
	struct gmail_ask	*ask;
	struct event		*soon;		/* tells `why`: the order cannot be */
	char			*why;
	mail_done		*done;
	void			*arg;

	enum mail_act		 act;
	char			*folder, *dest, *uid, *query;
	char			*label, *dest_label;	/* NULL: not known yet; "": all mails */
	char			*bytes;			/* of a mail to send */
	size_t			 len, limit;

	char			**ids;		/* that were found */
	size_t			 n_ids, at;
	struct mail_row		*rows;
	size_t			 n;
};

static void
gmail_end(struct mail_work *w)
{
	if (w == NULL)
		return;
	gmail_ask_cancel(w->ask);
	event_free(w->soon);
	mailtext_rows_free(w->rows, w->n);
	for (size_t i = 0; i < w->n_ids; i++)
		free(w->ids[i]);
	free(w->ids);
	free(w->why);
	free(w->folder);
	free(w->dest);
	free(w->uid);
	free(w->query);
	free(w->label);
	free(w->dest_label);
	free(w->bytes);
	free(w);
}

/* ---- ends: w is gone after --------------------------------------------------------------------------- */

static void
tell(struct mail_work *w, const struct mail_result *r)
{
	w->ask = NULL;
	w->done(w->arg, r);
	gmail_end(w);
}

static void
fail(struct mail_work *w, const char *why)
{
	tell(w, &(struct mail_result){ .outcome = OUT_never, .why = why });
}

/* A request that only looked has done nothing. */
static void
refuse(struct mail_work *w, const struct gapi_answer *a)
{
	fail(w, a->status == 404 ? "there is no such mail any more" : a->why);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct mail_work *w = arg;

	fail(w, w->why);
}

/* From the loop: whoever began it may not have been given w yet. */
static void
fail_soon(struct mail_work *w, const char *why)
{
	w->why = xstrdup(why);
	event_active(w->soon, EV_TIMEOUT, 0);
}

/* Of a request that changes something: what no whole answer came to, and what the server broke over, it may have done. */
static void
on_changed(void *arg, const struct gapi_answer *a)
{
	struct mail_work *w = arg;

	if (a->ok)
		tell(w, &(struct mail_result){ .outcome = OUT_sent });
	else if (a->status == 0 || a->status >= 500)
		tell(w, &(struct mail_result){ .outcome = OUT_later, .why = a->why });
	else
		refuse(w, a);
}

/* ---- a list ------------------------------------------------------------------------------------------- */

static void
add_row(struct mail_work *w, const struct gmail_message *g, const json_t *said)
{
	struct mime_mail *m = gmail_shown(said);
	struct mail_row *row = &w->rows[w->n++];

	*row = (struct mail_row){ .uid = xstrdup(g->id), .folder = w->folder, .unread = g->unread, .files = gmail_has_files(said) };
	mailtext_row(row, m);
	mime_free(m);
}

static void show_next(struct mail_work *w);

static void
on_shown(void *arg, const struct gapi_answer *a)
{
	struct mail_work *w = arg;
	struct gmail_message g;

	w->ask = NULL;
	if (!a->ok && a->status != 404) {
		refuse(w, a);
		return;
	}
	if (a->ok && gmail_message_read(&g, a->said) == 0)	/* else somebody deleted it meanwhile */
		add_row(w, &g, a->said);
	show_next(w);
}

static void
show_next(struct mail_work *w)
{
	cleanup_free char *path = NULL;

	if (w->at == w->n_ids) {
		tell(w, &(struct mail_result){ .outcome = OUT_sent, .rows = w->rows, .n_rows = w->n });
		return;
	}
	path = xasprintf("messages/%s" SHOWN, w->ids[w->at++]);
	w->ask = gmail_ask(w->in, "GET", path, NULL, 0, on_shown, w);
}

static void
on_found(void *arg, const struct gapi_answer *a)
{
	struct mail_work *w = arg;
	const json_t *row;
	size_t i;

	w->ask = NULL;
	if (!a->ok) {
		refuse(w, a);
		return;
	}
	w->ids = xcalloc(w->limit, sizeof(*w->ids));
	w->rows = xcalloc(w->limit, sizeof(*w->rows));
	json_array_foreach(json_object_get(a->said, "messages"), i, row)
		if (w->n_ids < w->limit && gmail_is_id(json_str(row, "id", "")))
			w->ids[w->n_ids++] = xstrdup(json_str(row, "id", ""));
	show_next(w);
}

static void
list(struct mail_work *w)
{
	cleanup_free char *query = gapi_escape(w->query);
	bool hidden = strcmp(w->label, "TRASH") == 0 || strcmp(w->label, "SPAM") == 0;
	cleanup_free char *path = xasprintf("messages?maxResults=%zu%s%s%s%s%s", w->limit, *w->label == '\0' ? "" : "&labelIds=", w->label,
	    *query == '\0' ? "" : "&q=", query, hidden ? "&includeSpamTrash=true" : "");

	w->ask = gmail_ask(w->in, "GET", path, NULL, 0, on_found, w);
}

/* ---- one mail ------------------------------------------------------------------------------------------- */

static void
on_raw(void *arg, const struct gapi_answer *a)
{
	struct mail_work *w = arg;
	cleanup_free char *bytes = NULL;
	struct gmail_message g;
	size_t len = 0;

	if (a->too_large) {
		fail(w, "the mail is too large to be fetched");
		return;
	}
	if (!a->ok || gmail_message_read(&g, a->said) == -1 || (bytes = gmail_raw(a->said, &len)) == NULL) {
		fail(w, !a->ok && a->status != 404 ? a->why : "there is no such mail any more");
		return;
	}
	tell(w, &(struct mail_result){ .outcome = OUT_sent, .bytes = bytes, .len = len, .unread = g.unread });
}

static void
fetch(struct mail_work *w)
{
	cleanup_free char *path = xasprintf("messages/%s?format=raw", w->uid);

	w->ask = gmail_ask(w->in, "GET", path, NULL, RAW_MAX, on_raw, w);
}

static void
trash(struct mail_work *w)
{
	cleanup_free char *path = xasprintf("messages/%s/trash", w->uid);

	w->ask = gmail_ask(w->in, "POST", path, "{}", 0, on_changed, w);
}

/* Gmail takes neither of two labels away: what was sent stays a mail that was sent. */
static json_t *
taken_away(const char *label)
{
	return *label == '\0' || strcmp(label, "SENT") == 0 || strcmp(label, "DRAFT") == 0 ? json_array() : json_pack("[s]", label);
}

static void
move(struct mail_work *w)
{
	cleanup_free char *path = xasprintf("messages/%s/modify", w->uid);
	cleanup_json json_t *row = json_pack("{s:o, s:o}", "addLabelIds",
	    *w->dest_label == '\0' ? json_array() : json_pack("[s]", w->dest_label), "removeLabelIds", taken_away(w->label));
	cleanup_free char *body = json_text(row);

	if (strcmp(w->dest_label, w->label) == 0)
		fail_soon(w, "the mail is in this folder already");
	else if (strcmp(w->dest_label, "TRASH") == 0)
		trash(w);
	else
		w->ask = gmail_ask(w->in, "POST", path, body, 0, on_changed, w);
}

/* Whom it goes to Gmail reads in the mail itself. */
static void
send_mail(struct mail_work *w)
{
	cleanup_free char *body = gmail_raw_json(w->bytes, w->len, NULL);

	w->ask = gmail_ask(w->in, "POST", "messages/send", body, 0, on_changed, w);
}

/* ---- the order ------------------------------------------------------------------------------------------- */

static void
act(struct mail_work *w)
{
	static void (*const acts[])(struct mail_work *) = { [MAIL_list] = list, [MAIL_fetch] = fetch, [MAIL_move] = move,
	    [MAIL_trash] = trash, [MAIL_send] = send_mail };

	acts[w->act](w);
}

static void
on_labels(void *arg, const struct gapi_answer *a)
{
	struct mail_work *w = arg;
	const char *label = w->label != NULL ? w->label : gmail_label(a->said, w->folder);
	const char *dest = w->dest_label != NULL ? w->dest_label : gmail_label(a->said, w->dest);
	cleanup_free char *why = xasprintf("there is no label called %.200s", label == NULL ? w->folder : w->dest);

	w->ask = NULL;
	if (!a->ok) {
		refuse(w, a);
		return;
	}
	if (label == NULL || dest == NULL) {
		fail(w, why);
		return;
	}
	if (w->label == NULL)
		w->label = xstrdup(label);
	if (w->dest_label == NULL)
		w->dest_label = xstrdup(dest);
	act(w);
}

/* The names of labels are asked for only where one is needed: list and move. */
static void
begin(struct mail_work *w)
{
	if ((w->act == MAIL_list && w->label == NULL) || (w->act == MAIL_move && (w->label == NULL || w->dest_label == NULL)))
		w->ask = gmail_ask(w->in, "GET", "labels", NULL, 0, on_labels, w);
	else
		act(w);
}

static int
read_order(struct mail_work *w, const struct mail_order *o, struct error *e)
{
	w->folder = xstrdup(o->folder == NULL ? "INBOX" : o->folder);
	w->dest = xstrdup(o->dest == NULL ? "" : o->dest);
	w->label = xstrdup0(gmail_own_label(w->folder));
	w->dest_label = o->act == MAIL_move ? xstrdup0(gmail_own_label(w->dest)) : xstrdup("");
	w->limit = o->limit == 0 || o->limit > ROWS_MAX ? ROWS_MAX : o->limit;
	if (oauth_email(w->in->oauth) == NULL)
		return error_set(e, ERR_denied, "nobody has authorised the Gmail account; alpi gateway gmail authorize");
	if (o->act == MAIL_list)
		return (w->query = gmail_query(o, e)) == NULL ? -1 : 0;
	if (o->act == MAIL_send) {
		w->bytes = xmalloc(o->len + 1);
		memcpy(w->bytes, o->bytes, o->len);
		w->len = o->len;
		return 0;
	}
	if (o->uid == NULL || !gmail_is_id(o->uid))
		return error_set(e, ERR_invalid, "no uid of this account; a list says them");
	w->uid = xstrdup(o->uid);
	return 0;
}

static struct mail_work *
gmail_begin(void *self, const struct mail_order *o, mail_done *done, void *arg)
{
	struct gmail *gm = self;
	struct mail_work *w = xcalloc(1, sizeof(*w));
	struct error e = { 0 };

	*w = (struct mail_work){ .in = gm, .act = o->act, .done = done, .arg = arg };
	w->soon = evtimer_new(gm->gateway->daemon->base, on_soon, w);
	if (read_order(w, o, &e) == 0)
		begin(w);
	else
		fail_soon(w, e.text);
	return w;
}

static const char *
gmail_address(const void *self)
{
	return oauth_email(((const struct gmail *)self)->oauth);
}

const struct mail_ops gmail_mail = { gmail_address, gmail_begin, gmail_end };
