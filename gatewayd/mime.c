/* SPDX-License-Identifier: Apache-2.0 */
/* See mime.h. Reading; mime_write.c writes. */
#include "gatewayd/mime.h"

#include <ctype.h>
#include <gmime/gmime.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mime_html.h"
#include "gatewayd/mime_part.h"

#define SUBJECT_MAX	400		/* bytes */
#define NAME_MAX_BYTES	120		/* of a file */
#define ADDRESS_MAX	254
#define ID_MAX		250
#define REFERENCES_MAX	20
#define REFERENCES_BYTES 1900		/* mime_write takes lines of 2000 */
#define BODY_MAX	(4 * 1024 * 1024)	/* of a text part, as it is in the mail */

void
mime_begin(void)
{
	g_mime_init();
}

/* ---- who, and is it a program ---------------------------------------------------------------------- */

static const char *const robots[] = {
	"noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster", "bounce",
	"notifications@", "automated@", "auto-confirm", "auto-reply", "automailer",
};

bool
mime_is_robot(const char *address)
{
	for (size_t i = 0; i < COUNT(robots); i++)
		if (strstr(address, robots[i]) != NULL)
			return true;
	return false;
}

/* Is the header there, with one of these words; any word for NULL? */
static bool
says(struct span head, const char *name, const char *const *words)
{
	cleanup_free char *value = part_header(head, name, 0);

	if (value == NULL || words == NULL)
		return value != NULL;
	g_strstrip(value);
	for (; *words != NULL; words++)
		if (strcasecmp(value, *words) == 0)
			return true;
	return false;
}

static bool
is_automated(struct span head, const char *from)
{
	static const char *const mass[] = { "bulk", "list", "junk", NULL };
	cleanup_free char *sent = part_header(head, "Auto-Submitted", 0);

	/* "no" may be followed by a comment or parameters (RFC 3834). */
	if (sent != NULL && (strncasecmp(g_strstrip(sent), "no", 2) != 0 || isalnum((unsigned char)sent[2]) || sent[2] == '-'))
		return true;
	return (from != NULL && mime_is_robot(from)) || says(head, "Precedence", mass) || says(head, "X-Auto-Response-Suppress", NULL) ||
	    says(head, "List-Unsubscribe", NULL);
}

/* ---- headers ---------------------------------------------------------------------------------------- */

/* One address that an answer can go to, lower-case: nothing in it that a header or a command could take for its end. */
static char *
plain_address(const char *text)
{
	size_t len = strlen(text), at = strcspn(text, "@");
	char *own;

	if (at == 0 || at + 1 >= len || len > ADDRESS_MAX || strchr(text + at + 1, '@') != NULL)
		return NULL;
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("<>()[],;:\\\"", *c) != NULL)
			return NULL;
	own = xstrdup(text);
	for (char *c = own; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return own;
}

/* A mail of two senders has none: which of them would an allow list mean? */
static int
read_from(struct mime_mail *m, struct span head, struct error *e)
{
	cleanup_free char *value = part_header(head, "From", 0), *second = part_header(head, "From", 1);
	InternetAddressList *list = value == NULL || second != NULL ? NULL : internet_address_list_parse(NULL, value);
	InternetAddress *one = list != NULL && internet_address_list_length(list) == 1 ?
	    internet_address_list_get_address(list, 0) : NULL;

	if (one != NULL && INTERNET_ADDRESS_IS_MAILBOX(one)) {
		const char *address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));

		m->from = address == NULL ? NULL : plain_address(address);
		m->from_name = part_words(internet_address_get_name(one));
	}
	if (list != NULL)
		g_object_unref(list);
	return m->from != NULL ? 0 : error_set(e, ERR_invalid, "no sender that could be answered");
}

/* "<a@b>" at or after *p, and *p behind it; NULL: no more. */
static char *
next_id(const char **p)
{
	while ((*p = strchr(*p, '<')) != NULL) {
		const char *from = *p;
		size_t n = 1;

		while ((unsigned char)from[n] > ' ' && (unsigned char)from[n] < 0x7f && strchr("<>", from[n]) == NULL)
			n++;
		*p += n;
		if (from[n] == '>' && n > 1 && n < ID_MAX)
			return xstrndup(from, n + 1);
	}
	return NULL;
}

static char *
first_id(struct span head, const char *name)
{
	cleanup_free char *value = part_header(head, name, 0);
	const char *p = value;

	return value == NULL ? NULL : next_id(&p);
}

/* The last ids of a text, with blanks between: as many as a line of ours takes. NULL: none. */
static char *
last_ids(const char *text)
{
	char *ids[REFERENCES_MAX] = { 0 }, *id;
	struct buf b = BUF(0);
	size_t n = 0, first, bytes = 0;

	for (const char *p = text; p != NULL && (id = next_id(&p)) != NULL; n++) {
		free(ids[n % REFERENCES_MAX]);
		ids[n % REFERENCES_MAX] = id;
	}
	for (first = n; first > 0 && n - first < REFERENCES_MAX; first--)
		if ((bytes += strlen(ids[(first - 1) % REFERENCES_MAX]) + 1) > REFERENCES_BYTES)
			break;
	for (size_t i = first; i < n; i++)
		buf_addf(&b, "%s%s", b.len > 0 ? " " : "", ids[i % REFERENCES_MAX]);
	for (size_t i = 0; i < REFERENCES_MAX; i++)
		free(ids[i]);
	return b.len > 0 ? buf_take(&b) : NULL;
}

static char *
words_of(struct span head, const char *name)
{
	cleanup_free char *value = part_header(head, name, 0);
	char *words = part_words(value);

	if (words != NULL)
		words[utf8_cut(words, strlen(words), SUBJECT_MAX)] = '\0';
	return words;
}

static void
read_headers(struct mime_mail *m, struct span head)
{
	cleanup_free char *date = part_header(head, "Date", 0), *references = part_header(head, "References", 0);
	GDateTime *when = date == NULL ? NULL : g_mime_utils_header_decode_date(date);

	m->message_id = first_id(head, "Message-ID");
	m->in_reply_to = first_id(head, "In-Reply-To");
	m->references = references == NULL ? NULL : last_ids(references);
	m->subject = words_of(head, "Subject");
	m->to = words_of(head, "To");
	m->cc = words_of(head, "Cc");
	m->automated = is_automated(head, m->from == NULL ? "" : m->from);
	if (when != NULL) {
		m->date = g_date_time_to_unix(when);
		g_date_time_unref(when);
	}
}

char *
mime_reply_references(const char *references, const char *message_id)
{
	cleanup_free char *all = xasprintf("%s %s", references == NULL ? "" : references, message_id == NULL ? "" : message_id);

	return last_ids(all);
}

char *
mime_reply_subject(const char *subject)
{
	static const char *const before[] = { "[alpi]", "re:", "aw:", "fwd:" };
	const char *rest = subject == NULL ? "" : subject;

	for (size_t i = 0; i < COUNT(before); i++) {
		rest += strspn(rest, " ");
		if (strncasecmp(rest, before[i], strlen(before[i])) == 0) {
			rest += strlen(before[i]);
			i = (size_t)-1;
		}
	}
	rest += strspn(rest, " ");
	return *rest == '\0' ? xstrdup("[alpi]") : xasprintf("[alpi] re: %s", rest);
}

/* ---- text and files ---------------------------------------------------------------------------------- */

/* Shown with the mail, not beside it. */
static bool
is_text(const struct part *p, const char *type)
{
	return !p->attached && *p->name == '\0' && strcmp(p->type, type) == 0;
}

static char *
text_of(const struct part *p)
{
	size_t len;
	cleanup_free char *bytes = part_decode(p, BODY_MAX, &len);

	return part_text(bytes, len, p->charset);
}

/* All plain parts, or the first HTML one. */
static void
read_text(struct mime_mail *m, const struct parts *parts)
{
	struct buf b = BUF(0);
	const struct part *html = NULL;

	for (size_t i = 0; i < parts->n && b.len < MIME_TEXT_MAX; i++) {
		const struct part *p = &parts->rows[i];

		if (is_text(p, "text/html") && html == NULL)
			html = p;
		if (!is_text(p, "text/plain"))
			continue;
		cleanup_free char *text = text_of(p);
		buf_addf(&b, "%s%s", b.len > 0 && *text != '\0' ? "\n" : "", text);
	}
	if (b.len == 0 && html != NULL) {
		cleanup_free char *text = text_of(html), *words = html_text(text);

		buf_puts(&b, words);
	}
	m->text = buf_take(&b);
	m->text[utf8_cut(m->text, strlen(m->text), MIME_TEXT_MAX)] = '\0';
	g_strchomp(m->text);
}

/* A name in no folder, which no program takes for an option or hides. */
static char *
file_name(const struct part *p)
{
	const char *name = p->name, *slash;
	char *own;

	while ((slash = strpbrk(name, "/\\")) != NULL)
		name = slash + 1;
	name += strspn(name, ".- ");
	if (*name == '\0')
		name = strncmp(p->type, "message/", 8) == 0 ? "message.eml" : "attachment";
	own = xstrdup(name);
	own[utf8_cut(own, strlen(own), NAME_MAX_BYTES)] = '\0';
	return own;
}

static void
read_files(struct mime_mail *m, const struct parts *parts)
{
	m->files = xcalloc(MIME_FILES_MAX, sizeof(*m->files));
	for (size_t i = 0; i < parts->n; i++) {
		const struct part *p = &parts->rows[i];
		struct mime_file *f = &m->files[m->nfiles];

		if (is_text(p, "text/plain") || is_text(p, "text/html"))
			continue;
		if (m->nfiles == MIME_FILES_MAX) {
			m->files_left++;
			continue;
		}
		f->name = file_name(p);
		f->type = xstrdup(p->type);
		f->bytes = part_decode(p, MIME_MAX, &f->len);
		m->nfiles++;
	}
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static struct mime_mail *
read_mail(const void *bytes, size_t len, bool answered, struct error *e)
{
	struct mime_mail *m;
	struct parts parts;
	struct span head, body;

	if (len > MIME_MAX)
		return error_set(e, ERR_too_large, "a mail of %zu bytes", len), NULL;
	m = xcalloc(1, sizeof(*m));
	part_split((struct span){ bytes, len }, &head, &body);
	if (read_from(m, head, e) == -1 && answered)
		return mime_free(m), NULL;
	read_headers(m, head);
	parts_read((struct span){ bytes, len }, &parts);
	read_text(m, &parts);
	read_files(m, &parts);
	parts_clear(&parts);
	return m;
}

struct mime_mail *
mime_headers(const void *bytes, size_t len)
{
	struct mime_mail *m = xcalloc(1, sizeof(*m));
	struct span head, body;

	part_split((struct span){ len == 0 ? "" : bytes, len > MIME_MAX ? MIME_MAX : len }, &head, &body);
	(void)read_from(m, head, NULL);
	read_headers(m, head);
	free(m->from_name);
	m->from_name = words_of(head, "From");
	m->text = xstrdup("");
	return m;
}

struct mime_mail *
mime_read(const void *bytes, size_t len, struct error *e)
{
	return read_mail(bytes, len, true, e);
}

struct mime_mail *
mime_look(const void *bytes, size_t len, struct error *e)
{
	return read_mail(bytes, len, false, e);
}

char **
mime_addresses(const void *bytes, size_t len, const char *header, size_t most)
{
	char **out = xcalloc(most + 1, sizeof(*out));
	struct span head, body;
	size_t n = 0;

	part_split((struct span){ bytes, len }, &head, &body);
	cleanup_free char *value = part_header(head, header, 0);
	InternetAddressList *list = value == NULL ? NULL : internet_address_list_parse(NULL, value);

	for (int i = 0; list != NULL && i < internet_address_list_length(list) && n < most; i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);
		const char *address = INTERNET_ADDRESS_IS_MAILBOX(one) ?
		    internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)) : NULL;

		if (address != NULL && (out[n] = plain_address(address)) != NULL)
			n++;
	}
	if (list != NULL)
		g_object_unref(list);
	return out;
}

bool
mime_is_address(const char *text)
{
	cleanup_free char *own = plain_address(text);

	return own != NULL;
}

void
mime_free(struct mime_mail *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->nfiles; i++) {
		free(m->files[i].name);
		free(m->files[i].type);
		free(m->files[i].bytes);
	}
	free(m->files);
	free(m->message_id);
	free(m->from);
	free(m->from_name);
	free(m->to);
	free(m->cc);
	free(m->subject);
	free(m->in_reply_to);
	free(m->references);
	free(m->text);
	free(m);
}
