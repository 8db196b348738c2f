/* SPDX-License-Identifier: Apache-2.0 */
/* See email_write.h. How a mail is spelt is mime_write's, which also refuses what would break a header. */
#include "gatewayd/email_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/civil.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/mime.h"
#include "gatewayd/outfile.h"

#define QUOTE_MAX	8000		/* bytes of the mail that is answered */
#define FORWARD_MAX	12000		/* of one that is passed on */
#define ALL_MAX		(2 * EMAIL_RECEIVERS_MAX)
#define SHOWN_MAX	65536		/* bytes of a question (tool.next) */

/* What a mail is made of on the way. */
struct making {
	const struct email		*ask;
	const struct email_source	*from;
	struct mime_mail		*before;	/* NULL: it answers none */
	struct buf			 to, cc, text;
	char				*subject, *references;
	struct mime_file		 files[EMAIL_FILES_MAX + MIME_FILES_MAX];
	size_t				 n, own;	/* of them; the first `own` are the turn's */
	struct email_letter		*out;
};

void
email_letter_clear(struct email_letter *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->receivers[i]);
	free(l->receivers);
	free(l->bytes);
	free(l->to);
	free(l->shown);
	*l = (struct email_letter){ 0 };
}

char *
email_file_key(const char *key, size_t i)
{
	return xasprintf("%s/%zu", key, i);
}

static void
making_clear(struct making *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->files[i].name);
		free(w->files[i].type);
		free(w->files[i].bytes);
	}
	mime_free(w->before);
	buf_clear(&w->to);
	buf_clear(&w->cc);
	buf_clear(&w->text);
	free(w->subject);
	free(w->references);
}

/* Nothing that a terminal or a header could take for an order; line ends are \n. The caller frees. */
static char *
plain(const char *text, size_t most, bool lines)
{
	char *own = xstrndup(text, utf8_cut(text, strlen(text), most)), *to = own;

	for (const char *c = own; *c != '\0'; c++)
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			*to++ = *c;
		else if (lines && (*c == '\n' || *c == '\t'))
			*to++ = *c;
		else if (*c != '\r' || !lines)
			*to++ = ' ';
	*to = '\0';
	return own;
}

/* ---- to whom ------------------------------------------------------------------------------------------- */

/* One more, to `line` too; who is there already is not there twice. */
static int
add_receiver(struct making *w, struct buf *line, const char *address, struct error *e)
{
	struct email_letter *l = w->out;

	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(l->receivers[i], address) == 0)
			return 0;
	if (l->n == ALL_MAX)
		return error_set(e, ERR_too_large, "a mail goes to %d people at most", ALL_MAX);
	l->receivers = xreallocarray(l->receivers, l->n + 2, sizeof(*l->receivers));
	l->receivers[l->n++] = xstrdup(address);
	l->receivers[l->n] = NULL;
	buf_addf(line, "%s%s", line->len > 0 ? ", " : "", address);
	return 0;
}

/* What the model wrote. */
static int
add_asked(struct making *w, const char *name, struct buf *line, struct error *e)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(w->ask->args, name), i, row) {
		const char *address = json_is_string(row) ? json_string_value(row) : "";

		if (!mime_is_address(address))
			return error_set(e, ERR_invalid, "\"%s\": %.100s is no mail address; write it bare, as ann@example.org", name,
			    address[0] == '\0' ? "that" : address);
		if (add_receiver(w, line, address, e) == -1)
			return -1;
	}
	return 0;
}

/* Those of a header, without ourselves. */
static int
add_header(struct making *w, const char *header, struct buf *line, struct error *e)
{
	char **all = mime_addresses(w->from->bytes, w->from->len, header, EMAIL_RECEIVERS_MAX);
	int bad = 0;

	for (char **a = all; *a != NULL; a++) {
		if (bad == 0 && strcasecmp(*a, w->from->address) != 0)
			bad = add_receiver(w, line, *a, e);
		free(*a);
	}
	free(all);
	return bad;
}

/* Where answers are to go; with reply_all to everybody else as well. To one that we sent ourselves: to whom that went. */
static int
add_answered(struct making *w, struct error *e)
{
	if (add_header(w, "Reply-To", &w->to, e) == -1 || (w->to.len == 0 && add_header(w, "From", &w->to, e) == -1) ||
	    (w->to.len == 0 && add_header(w, "To", &w->to, e) == -1))
		return -1;
	if (w->to.len == 0)
		return error_set(e, ERR_invalid, "the mail says nobody whom an answer could go to");
	if (!w->ask->reply_all)
		return 0;
	return add_header(w, "To", &w->cc, e) == -1 || add_header(w, "Cc", &w->cc, e) == -1 ? -1 : 0;
}

static int
address(struct making *w, struct error *e)
{
	int found = w->ask->kind->action == EMAIL_reply ? add_answered(w, e) : add_asked(w, "recipients", &w->to, e);

	return found == -1 ? -1 : add_asked(w, "cc", &w->cc, e);
}

/* ---- what it says --------------------------------------------------------------------------------------- */

/* "Re: x", however often x was answered. */
static char *
subject_after(const char *word, const char *subject)
{
	static const char *const before[] = { "re:", "aw:", "fwd:", "fw:", "wg:" };
	cleanup_free char *clean = plain(subject == NULL ? "" : subject, 400, false);
	const char *rest = clean + strspn(clean, " ");

	for (size_t i = 0; i < COUNT(before); i++)
		if (strncasecmp(rest, before[i], strlen(before[i])) == 0) {
			rest += strlen(before[i]);
			rest += strspn(rest, " ");
			i = (size_t)-1;
		}
	return xasprintf("%s%s", word, rest);
}

static char *
day_of(const struct mime_mail *m)
{
	struct civil c;

	if (m->date == 0)
		return xstrdup("an unknown day");
	civil_from(m->date, &c);
	return xasprintf("%04" PRId64 "-%02d-%02d %02d:%02d UTC", (int64_t)c.year, c.month, c.day, c.hour, c.minute);
}

/* The mail before, each line behind "> ". */
static void
quote(struct making *w)
{
	cleanup_free char *day = day_of(w->before), *text = plain(w->before->text, QUOTE_MAX, true);

	buf_addf(&w->text, "\n\nOn %s, %s wrote:\n", day, w->before->from == NULL ? "somebody" : w->before->from);
	for (const char *line = text; *line != '\0';) {
		size_t n = strcspn(line, "\n");

		buf_addf(&w->text, ">%s%.*s\n", *line == '>' || n == 0 ? "" : " ", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (strlen(w->before->text) > QUOTE_MAX)
		buf_puts(&w->text, "> [...]\n");
}

static void
header_line(struct buf *b, const char *name, const char *value)
{
	cleanup_free char *clean = value == NULL ? NULL : plain(value, 400, false);

	if (clean != NULL)
		buf_addf(b, "%s: %s\n", name, clean);
}

/* The mail before as it was: who, when, to whom, what, and its files. */
static void
pass_on(struct making *w)
{
	struct mime_mail *m = w->before;
	cleanup_free char *day = day_of(m), *text = plain(m->text, FORWARD_MAX, true);

	buf_addf(&w->text, "%s---------- Forwarded message ----------\n", w->text.len > 0 ? "\n\n" : "");
	header_line(&w->text, "From", m->from);
	header_line(&w->text, "Date", day);
	header_line(&w->text, "Subject", m->subject);
	header_line(&w->text, "To", m->to);
	header_line(&w->text, "Cc", m->cc);
	buf_addf(&w->text, "\n%s\n%s", text, strlen(m->text) > FORWARD_MAX ? "[...]\n" : "");
	for (size_t i = 0; i < m->nfiles; i++) {
		cleanup_free char *name = plain(m->files[i].name, 255, false);

		w->files[w->n++] = (struct mime_file){ .name = steal(name), .type = xstrdup0(m->files[i].type),
		    .bytes = steal(m->files[i].bytes), .len = m->files[i].len };
	}
	if (m->files_left > 0)
		buf_addf(&w->text, "[%zu more files are left out]\n", m->files_left);
}

static void
say(struct making *w)
{
	cleanup_free char *own = plain(w->ask->text, EMAIL_TEXT_MAX, true);
	enum email_action what = w->ask->kind->action;

	buf_puts(&w->text, own);
	if (what == EMAIL_reply)
		quote(w);
	else if (what == EMAIL_forward)
		pass_on(w);
	if (w->ask->title != NULL)
		w->subject = xstrdup(w->ask->title);
	else
		w->subject = subject_after(what == EMAIL_reply ? "Re: " : "Fwd: ", w->before == NULL ? NULL : w->before->subject);
}

/* ---- its files ------------------------------------------------------------------------------------------- */

static int
add_files(struct making *w, struct error *e)
{
	const char *name;
	int64_t size;

	for (size_t i = 0; (name = email_file(w->ask, i, &size)) != NULL; i++) {
		cleanup_free char *key = email_file_key(w->from->key, i), *path = outfile_path(w->from->home, key);
		struct buf bytes = BUF(0);

		if (outfile_whole(w->from->home, key, size, e) == -1 || file_read(path, EMAIL_ALL_MAX, &bytes, e) == -1) {
			buf_clear(&bytes);
			return error_add(e, "file %.100s", name);
		}
		w->files[w->n] = (struct mime_file){ .name = plain(name, 255, false), .type = xstrdup("application/octet-stream"),
		    .len = bytes.len };
		w->files[w->n++].bytes = buf_take(&bytes);
	}
	w->own = w->n;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------------- */

static char *
show(const struct making *w)
{
	struct buf b = BUF(0);

	buf_addf(&b, "%s from %s (%s)\nTo: %s\n", w->ask->kind->name, w->from->address, w->from->account, buf_str(&w->to));
	if (w->cc.len > 0)
		buf_addf(&b, "Cc: %s\n", buf_str(&w->cc));
	buf_addf(&b, "Subject: %s\n", w->subject);
	for (size_t i = 0; i < w->n; i++)
		buf_addf(&b, "File: %s, %zu bytes%s\n", w->files[i].name, w->files[i].len, i < w->own ? "" : ", of the mail that is forwarded");
	buf_addf(&b, "\n%s", buf_str(&w->text));
	return buf_take(&b);
}

static int
finish(struct making *w, struct error *e)
{
	struct email_letter *l = w->out;
	cleanup_free char *id = mailtext_message_id(w->from->key, w->from->address);
	bool answers = w->ask->kind->action == EMAIL_reply;
	struct mime_draft d = {
		.message_id = id,
		.from = w->from->address,
		.to = buf_str(&w->to),
		.cc = w->cc.len == 0 ? NULL : buf_str(&w->cc),
		.subject = w->subject,
		.in_reply_to = answers ? w->before->message_id : NULL,
		.references = answers ? w->references : NULL,
		.text = buf_str(&w->text),
		.date = clock_wall_ms() / 1000,
		.files = w->files,
		.nfiles = w->n,
	};

	if ((l->bytes = mime_write(&d, &l->len, e)) == NULL)
		return -1;
	if (l->len > MIME_MAX)
		return error_set(e, ERR_too_large, "the mail has %zu bytes; 25 MB is the most", l->len);
	l->to = xasprintf("%s%s%s", buf_str(&w->to), w->cc.len == 0 ? "" : ", ", buf_str(&w->cc));
	l->shown = show(w);
	if (strlen(l->shown) > SHOWN_MAX)
		return error_set(e, ERR_too_large, "the mail is too long to be shown to a person before it leaves; a longer text goes as a file");
	return 0;
}

int
email_write(const struct email *m, const struct email_source *s, struct email_letter *out, struct error *e)
{
	struct making w = { .ask = m, .from = s, .out = out };
	int done = -1;

	*out = (struct email_letter){ 0 };
	if (s->bytes == NULL || (w.before = mime_look(s->bytes, s->len, e)) != NULL) {
		if (w.before != NULL)
			w.references = mime_reply_references(w.before->references, w.before->message_id);
		if (address(&w, e) == 0 && add_files(&w, e) == 0) {
			say(&w);
			done = finish(&w, e);
		}
	}
	making_clear(&w);
	return done;
}

char *
email_shown_delete(const struct email *m, const struct email_source *s, struct error *e)
{
	struct mime_mail *mail = mime_look(s->bytes, s->len, e);
	struct buf b = BUF(0);

	if (mail == NULL)
		return NULL;
	cleanup_free char *day = day_of(mail);
	buf_addf(&b, "delete, to the trash of %s (%s), from %s:\n", s->address, s->account, m->folder);
	header_line(&b, "From", mail->from);
	header_line(&b, "Date", day);
	header_line(&b, "Subject", mail->subject);
	header_line(&b, "To", mail->to);
	mime_free(mail);
	return buf_take(&b);
}
