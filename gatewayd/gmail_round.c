/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gmail.h: one look at what came since the mark. The mark is a historyId
 * and moves in the transaction that puts the messages on disk, a page at a
 * time. Of each message the headers are read first: what strangers, machines
 * and lists send is dropped by them and never fetched.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/gmail.h"
#include "gatewayd/gmail_read.h"
#include "gatewayd/inbox.h"
#include "gatewayd/intake.h"
#include "gatewayd/mailfile.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/mime.h"
#include "gatewayd/state.h"

#define NAME		"gmail"
#define PAGE		"100"
#define RAW_MAX		(MIME_MAX / 3 * 4 + 65536)

struct taken {				/* an arrival and what it borrows */
	char	*ref, *from, *text, *mention, *meta, *files;
	bool	 stranger;
};

struct gmail_round {
	struct gmail		*in;
	gmail_round_done	*done;
	struct gmail_ask	*ask;
	char			*account, *mark, *start;	/* start: the mark that it began with, which page tokens belong to */
	struct gmail_page	 page;
	size_t			 next;		/* of its messages */
	char			*thread;	/* of that one, while its text is fetched */
	struct taken		*rows;
	size_t			 n;
};

static void ask_page(struct gmail_round *r, const char *page);
static void ask_next(struct gmail_round *r);

/* ---- ends ---------------------------------------------------------------------------------------------- */

static void
rows_clear(struct gmail_round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rows[i].ref);
		free(r->rows[i].from);
		free(r->rows[i].text);
		free(r->rows[i].mention);
		free(r->rows[i].meta);
		free(r->rows[i].files);
	}
	free(steal(r->rows));
	r->n = 0;
}

void
gmail_round_free(struct gmail_round *r)
{
	if (r == NULL)
		return;
	gmail_ask_cancel(r->ask);
	gmail_page_clear(&r->page);
	rows_clear(r);
	free(r->thread);
	free(r->account);
	free(r->mark);
	free(r->start);
	free(r);
}

/* r may be gone after. */
static void
fail(struct gmail_round *r, const struct gapi_answer *a)
{
	r->done(r->in, ROUND_failed, a->ok ? "an answer that nobody understands" : a->why, a->retry_ms);
}

/* ---- the mark ------------------------------------------------------------------------------------------- */

/* {"<address>": historyId} of whoever had it before us; what stands there of other accounts stays. */
static char *
state_mark(const struct gmail_round *r)
{
	cleanup_json json_t *state = state_load(r->in->state);
	const json_t *v = json_object_get(state, r->account);
	cleanup_free char *text = json_is_integer(v) ? xasprintf("%lld", (long long)json_integer_value(v)) :
	    xstrdup(json_is_string(v) ? json_string_value(v) : "");

	return gmail_is_id(text) ? steal(text) : NULL;
}

static void
state_write(const struct gmail_round *r)
{
	json_t *state = state_load(r->in->state);

	json_object_set_new(state, r->account, json_string(r->mark));
	state_save(r->in->state, state);
}

/* All on disk, the mark with them, or nothing of it. 0 or -1: r may be gone. */
static int
keep(struct gmail_round *r, const char *mark)
{
	cleanup_free struct arrival *rows = xcalloc(r->n + 1, sizeof(*rows));
	struct error e = { 0 };

	for (size_t i = 0; i < r->n; i++)
		rows[i] = (struct arrival){ .ref = r->rows[i].ref, .chat = r->rows[i].from, .sender = r->rows[i].from,
		    .text = r->rows[i].text, .mention = r->rows[i].mention, .meta = r->rows[i].meta, .files = r->rows[i].files,
		    .stranger = r->rows[i].stranger };
	if (intake(r->in->gateway, NAME, r->account, rows, r->n, mark, &e) == -1) {
		r->done(r->in, ROUND_full, e.text, -1);
		return -1;
	}
	if (r->mark == NULL || strcmp(r->mark, mark) != 0) {
		char *copy = xstrdup(mark);

		free(r->mark);
		r->mark = copy;
		state_write(r);
	}
	return 0;
}

static void
on_profile(void *arg, const struct gapi_answer *a)
{
	struct gmail_round *r = arg;
	const char *now = json_str(a->said, "historyId", "");

	r->ask = NULL;
	if (!a->ok || !gmail_is_id(now)) {
		fail(r, a);
		return;
	}
	log_info(NAME " account=%s begins at history=%s; what came before is not answered", r->account, now);
	if (keep(r, now) == 0)
		r->done(r->in, ROUND_done, NULL, -1);
}

static void
ask_baseline(struct gmail_round *r)
{
	r->ask = gmail_ask(r->in, "GET", "profile", NULL, 0, on_profile, r);
}

/* ---- one message ------------------------------------------------------------------------------------------ */

static void
on_marked(void *arg, const struct gapi_answer *a)
{
	if (!a->ok)
		log_warn(NAME " a message stays unread: %s", a->why);
}

/* A courtesy to whoever reads along: whether it works does not matter. */
static void
mark_as_read(struct gmail_round *r)
{
	for (size_t i = 0; i < r->n && r->in->mark_as_read; i++) {
		cleanup_free char *path = xasprintf("messages/%s/modify", r->rows[i].ref);

		if (!r->rows[i].stranger)
			gmail_ask(r->in, "POST", path, "{\"removeLabelIds\":[\"UNREAD\"]}", 0, on_marked, NULL);
	}
}

/* Has the message at hand, which is not to be had, been tried often enough? What speaks of us or of time says nothing of it. */
static bool
is_passed(struct gmail_round *r, const struct gapi_answer *a)
{
	static const int others[] = { 0, 401, 408, 429, 502, 503, 504 };
	const char *id = r->page.ids[r->next];

	for (size_t i = 0; i < COUNT(others); i++)
		if (a->status == others[i])
			return false;
	if (strcmp(a->code, "RESOURCE_EXHAUSTED") == 0 || strcasestr(a->why, "limit") != NULL ||
	    !stuck_failed(&r->in->stuck, id, STUCK_REFUSED))
		return false;
	log_warn(NAME " message=%s cannot be fetched, it is passed after %d tries: %s", id, STUCK_REFUSED, a->why);
	return true;
}

/* The one at hand is dealt with. */
static void
go_on(struct gmail_round *r)
{
	free(steal(r->thread));
	r->next++;
	ask_next(r);
}

static void
add(struct gmail_round *r, const char *from, char *text_take, char *meta_take, bool stranger)
{
	r->rows = xreallocarray(r->rows, r->n + 1, sizeof(*r->rows));
	r->rows[r->n++] = (struct taken){ .ref = xstrdup(r->page.ids[r->next]), .from = xstrdup(from), .text = text_take, .meta = meta_take,
	    .stranger = stranger };
}

static void
take(struct gmail_round *r, const struct mime_mail *m)
{
	if (m->automated) {			/* its headers said nothing of it, but now we have them all */
		log_info(NAME " message=%s is a machine's", r->page.ids[r->next]);
		return;
	}
	add(r, m->from, mailtext_prompt(m), mailtext_meta(m, r->thread), false);
	r->rows[r->n - 1].mention = xstrdup0(mailtext_mention(m));
	r->rows[r->n - 1].files = mailfile_list(m, r->page.ids[r->next]);
}

static void
on_raw(void *arg, const struct gapi_answer *a)
{
	struct gmail_round *r = arg;
	struct mime_mail *m = NULL;
	struct error e = { 0 };
	size_t len = 0;
	cleanup_free void *bytes = NULL;

	r->ask = NULL;
	if (!a->ok && a->status != 404 && !a->too_large && !is_passed(r, a)) {
		fail(r, a);
		return;
	}
	bytes = gmail_raw(a->said, &len);
	m = bytes == NULL ? NULL : mime_read(bytes, len, &e);
	if (m == NULL)
		log_warn(NAME " message=%s cannot be read: %s", r->page.ids[r->next], !a->ok ? a->why : bytes == NULL ? "it is empty" : e.text);
	else if (!allow_admits(&r->in->allow, m->from, m->from))	/* the whole mail names somebody else than its headers did */
		add(r, m->from, NULL, NULL, true);
	else
		take(r, m);
	mime_free(m);
	go_on(r);
}

static const char *
why_dropped(const struct gmail_round *r, const struct gmail_message *g, const struct mime_mail *m)
{
	if (g->skipped)
		return "is not in the inbox";
	if (m == NULL)
		return "has no sender";
	if (strcmp(m->from, r->account) == 0)
		return "is our own";
	if (m->automated || mime_is_robot(m->from))
		return "is a machine's";
	return NULL;
}

static void
ask_raw(struct gmail_round *r, const struct gmail_message *g, const struct mime_mail *m)
{
	cleanup_free char *path = xasprintf("messages/%s?format=raw", g->id);

	r->thread = xstrdup0(g->thread);
	if (g->size <= MIME_MAX) {
		r->ask = gmail_ask(r->in, "GET", path, NULL, RAW_MAX, on_raw, r);
		return;
	}
	log_info(NAME " message=%s of %lld bytes is taken without its text", g->id, (long long)g->size);
	add(r, m->from, xasprintf("Subject: %s\n[the mail is too large to be read: %lld bytes]", m->subject == NULL ? "(none)" : m->subject,
	    (long long)g->size), mailtext_meta(m, r->thread), false);
	go_on(r);
}

static void
on_headers(void *arg, const struct gapi_answer *a)
{
	struct gmail_round *r = arg;
	struct gmail_message g;
	struct mime_mail *m = NULL;
	const char *dropped;

	r->ask = NULL;
	if (!a->ok && a->status != 404 && !is_passed(r, a)) {
		fail(r, a);
		return;
	}
	if (!a->ok || gmail_message_read(&g, a->said) == -1) {		/* somebody deleted it meanwhile */
		go_on(r);
		return;
	}
	m = gmail_headers(a->said);
	if ((dropped = why_dropped(r, &g, m)) != NULL)
		log_info(NAME " message=%s %s", g.id, dropped);
	if (dropped == NULL && allow_admits(&r->in->allow, m->from, m->from)) {
		ask_raw(r, &g, m);
		mime_free(m);
		return;
	}
	if (dropped == NULL)
		add(r, m->from, NULL, NULL, true);
	mime_free(m);
	go_on(r);
}

/* ---- a page ---------------------------------------------------------------------------------------------- */

static void
end_page(struct gmail_round *r)
{
	const char *mark = r->page.next != NULL ? r->page.last : r->page.now;
	cleanup_free char *next = steal(r->page.next);

	if (keep(r, mark != NULL ? mark : r->mark) == -1)
		return;
	mark_as_read(r);
	rows_clear(r);
	if (next == NULL)
		r->done(r->in, ROUND_done, NULL, -1);
	else
		ask_page(r, next);
}

static void
ask_next(struct gmail_round *r)
{
	cleanup_free char *path = NULL;

	if (r->next == r->page.n) {
		end_page(r);
		return;
	}
	path = xasprintf("messages/%s?format=metadata", r->page.ids[r->next]);
	r->ask = gmail_ask(r->in, "GET", path, NULL, 0, on_headers, r);
}

static void
on_page(void *arg, const struct gapi_answer *a)
{
	struct gmail_round *r = arg;

	r->ask = NULL;
	if (a->status == 404) {
		log_warn(NAME " account=%s: the server has forgotten history=%s", r->account, r->mark);
		ask_baseline(r);
		return;
	}
	if (!a->ok) {
		fail(r, a);
		return;
	}
	gmail_page_clear(&r->page);
	gmail_page_read(&r->page, a->said);
	r->next = 0;
	ask_next(r);
}

static void
ask_page(struct gmail_round *r, const char *page)
{
	cleanup_free char *token = page == NULL ? NULL : gapi_escape(page);
	cleanup_free char *path = xasprintf("history?startHistoryId=%s&historyTypes=messageAdded&maxResults=" PAGE "%s%s", r->start,
	    token == NULL ? "" : "&pageToken=", token == NULL ? "" : token);

	r->ask = gmail_ask(r->in, "GET", path, NULL, 0, on_page, r);
}

struct gmail_round *
gmail_round(struct gmail *gm, gmail_round_done *done)
{
	struct gmail_round *r = xcalloc(1, sizeof(*r));

	r->in = gm;
	r->done = done;
	r->account = xstrdup(oauth_email(gm->oauth));
	r->mark = inbox_mark(gm->gateway->inbox, NAME, r->account);
	if (r->mark == NULL)
		r->mark = state_mark(r);
	r->start = xstrdup0(r->mark);
	if (r->mark == NULL || !gmail_is_id(r->mark))
		ask_baseline(r);
	else
		ask_page(r, NULL);
	return r;
}
