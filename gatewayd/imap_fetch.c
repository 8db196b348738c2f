/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See imap_fetch.h. A response is read as flat words, with a count of the
 * brackets that are open: no depth that a server chooses costs us a stack.
 */
#include "gatewayd/imap_fetch.h"

#include <string.h>
#include <strings.h>

#include "common/mem.h"

#define WORD_MAX	4096

enum kind { END, OPEN, CLOSE, ATOM, STRING };

struct word {
	enum kind	 kind;
	const char	*text;		/* of a literal NULL, when the response does not hold it */
	size_t		 len;
	bool		 literal;
};

struct words {
	const struct imap_response	*of;
	const char			*p;
	size_t				 literals;
	struct buf			 text;
};

/* Of an atom that names a section the brackets belong to it: BODY[HEADER.FIELDS (TO)]. */
static size_t
atom_len(const char *p)
{
	size_t n = 0;
	bool inside = false;

	for (; p[n] != '\0' && (inside || strchr(" ()\"", p[n]) == NULL); n++)
		inside = p[n] == '[' || (inside && p[n] != ']');
	return n;
}

static struct word
quoted(struct words *w)
{
	buf_reset(&w->text);
	for (w->p++; *w->p != '\0' && *w->p != '"'; w->p++) {
		w->p += *w->p == '\\' && w->p[1] != '\0';
		(void)buf_addc(&w->text, *w->p);
	}
	w->p += *w->p == '"';
	return (struct word){ STRING, buf_str(&w->text), w->text.len, false };
}

static struct word
literal(struct words *w)
{
	struct word word = { STRING, NULL, 0, true };

	if (w->literals < w->of->n_literals) {
		word.text = w->of->literals[w->literals].bytes;
		word.len = w->of->literals[w->literals].len;
	}
	w->literals++;
	return word;
}

static struct word
next(struct words *w)
{
	const char *from;

	w->p += strspn(w->p, " ");
	from = w->p;
	if (*from == '\0')
		return (struct word){ END, from, 0, false };
	if (*from == '(' || *from == ')')
		return (struct word){ *w->p++ == '(' ? OPEN : CLOSE, from, 1, false };
	if (*from == '"')
		return quoted(w);
	w->p += atom_len(from);
	return *from == '{' ? literal(w) : (struct word){ ATOM, from, (size_t)(w->p - from), false };
}

static bool
is(const struct word *w, const char *what)
{
	return w->text != NULL && w->len == strlen(what) && strncasecmp(w->text, what, w->len) == 0;
}

static bool
begins(const struct word *w, const char *what)
{
	return w->text != NULL && w->len >= strlen(what) && strncasecmp(w->text, what, strlen(what)) == 0;
}

/* ---- FETCH ------------------------------------------------------------------------------------------- */

/* In a BODYSTRUCTURE: a part that is attached, or that has a file's name. */
static bool
tells_a_file(const struct word *w)
{
	return w->kind == STRING && (is(w, "attachment") || begins(w, "filename") || is(w, "name"));
}

static void
take(struct imap_fetched *f, const struct word *name, const struct word *value)
{
	if (is(name, "UID") && value->kind == ATOM)
		f->uid = imap_number(value->text, "");
	else if (is(name, "RFC822.SIZE") && value->kind == ATOM)
		f->size = imap_number(value->text, "");
	else if (is(name, "FLAGS") && is(value, "\\Seen"))
		f->seen = true;
	else if (is(name, "BODYSTRUCTURE") && tells_a_file(value))
		f->files = true;
	else if (begins(name, "BODY[") && value->literal) {
		f->bytes = value->text;
		f->len = value->len;
	}
}

/* A name and its value, which may be a list of whatever depth. -1: there is no further one. */
static int
next_item(struct words *w, struct imap_fetched *f)
{
	struct word name = next(w), value;
	size_t open = 0;

	if (name.kind != ATOM)
		return -1;
	do {
		value = next(w);
		if (value.kind == END || (value.kind == CLOSE && open == 0))
			return -1;
		open += value.kind == OPEN;
		open -= value.kind == CLOSE;
		take(f, &name, &value);
	} while (open > 0);
	return 0;
}

int
imap_fetched(const struct imap_response *r, struct imap_fetched *f)
{
	struct words w = { .of = r, .p = r->text, .text = BUF(WORD_MAX) };
	struct word number, fetch, open;

	*f = (struct imap_fetched){ .uid = -1, .size = -1 };
	if (r->kind != IMAP_untagged)
		return -1;
	number = next(&w);
	fetch = next(&w);
	open = next(&w);
	if (number.kind != ATOM || !is(&fetch, "FETCH") || open.kind != OPEN)
		return buf_clear(&w.text), -1;
	while (next_item(&w, f) == 0)
		;
	buf_clear(&w.text);
	return 0;
}

/* ---- LIST -------------------------------------------------------------------------------------------- */

static const char *const trash_names[] = { "Trash", "Deleted", "Deleted Items", "Deleted Messages", "Bin", "[Gmail]/Trash",
    "[Google Mail]/Trash", "[Google Mail]/Bin", "INBOX.Trash", "INBOX/Trash", NULL };
static const char *const sent_names[] = { "Sent", "Sent Items", "Sent Messages", "Sent Mail", "INBOX.Sent", "INBOX/Sent", NULL };

static bool
is_called(const char *name, const char *const *names)
{
	for (; name != NULL && *names != NULL; names++)
		if (strcasecmp(*names, name) == 0)
			return true;
	return false;
}

static char *
copy(const struct word *w)
{
	if ((w->kind != ATOM && w->kind != STRING) || w->text == NULL || w->len == 0 || w->len > WORD_MAX)
		return NULL;
	return memchr(w->text, '\0', w->len) == NULL ? xstrndup(w->text, w->len) : NULL;
}

int
imap_listed(const struct imap_response *r, struct imap_listed *l)
{
	struct words w = { .of = r, .p = r->text, .text = BUF(WORD_MAX) };
	struct word word;

	*l = (struct imap_listed){ 0 };
	if (r->kind != IMAP_untagged)
		return -1;
	word = next(&w);
	if (is(&word, "LIST") && next(&w).kind == OPEN) {
		while ((word = next(&w)).kind == ATOM) {
			l->trash |= is(&word, "\\Trash");
			l->sent |= is(&word, "\\Sent");
			l->closed |= is(&word, "\\Noselect") || is(&word, "\\NonExistent");
		}
		next(&w);				/* what is between the names of folders in one another */
		word = next(&w);
		l->name = copy(&word);
		l->like_trash = is_called(l->name, trash_names);
		l->like_sent = is_called(l->name, sent_names);
	}
	buf_clear(&w.text);
	return l->name == NULL ? -1 : 0;
}
