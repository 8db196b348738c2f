/* SPDX-License-Identifier: Apache-2.0 */
/* See imap_words.h. */
#include "gatewayd/imap_words.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "gatewayd/mailtext.h"

void
imap_words_clear(struct imap_words *w)
{
	buf_clear(&w->bytes);
	*w = (struct imap_words){ 0 };
}

void
imap_words_vadd(struct imap_words *w, const char *fmt, va_list ap)
{
	cleanup_free char *text = xvasprintf(fmt, ap);

	(void)buf_puts(&w->bytes, text);
}

void
imap_words_add(struct imap_words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	imap_words_vadd(w, fmt, ap);
	va_end(ap);
}

/* The server asks for a literal's bytes before they go. */
void
imap_words_literal(struct imap_words *w, const void *bytes, size_t len)
{
	imap_words_add(w, "{%zu}\r\n", len);
	if (w->n_waits == IMAP_WAITS_MAX)
		abort();
	w->waits[w->n_waits++] = w->bytes.len;
	(void)buf_add(&w->bytes, bytes, len);
}

static int
check(const char *text, bool *ascii, struct error *e)
{
	*ascii = true;
	if (strlen(text) > IMAP_WORD_MAX)
		return error_set(e, ERR_invalid, "more than %d bytes cannot be asked of a mail server", IMAP_WORD_MAX);
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (*c < ' ' || *c == 0x7f)
			return error_set(e, ERR_invalid, "a control character cannot be asked of a mail server");
		*ascii &= *c < 0x80;
	}
	return 0;
}

int
imap_words_text(struct imap_words *w, const char *text, struct error *e)
{
	bool ascii;

	if (check(text, &ascii, e) == -1)
		return -1;
	if (!ascii) {
		imap_words_literal(w, text, strlen(text));
		return 0;
	}
	(void)buf_addc(&w->bytes, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)buf_addc(&w->bytes, '\\');
		(void)buf_addc(&w->bytes, *text);
	}
	(void)buf_addc(&w->bytes, '"');
	return 0;
}

/* ---- a search ----------------------------------------------------------------------------------------- */

/* "2026-11-21" becomes " SINCE 21-Nov-2026". */
static int
add_since(struct imap_words *w, const char *since, struct error *e)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int year, month, day;

	if (!mailtext_day(since, &year, &month, &day))
		return error_set(e, ERR_invalid, "since must be a date as in 2026-11-21");
	imap_words_add(w, " SINCE %d-%s-%d", day, months[month - 1], year);
	return 0;
}

static bool
is_plain(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

int
imap_words_search(struct imap_words *w, const struct mail_order *o, struct error *e)
{
	const struct { const char *key, *text; } rows[] = {
		{ "FROM", o->from }, { "TO", o->to }, { "SUBJECT", o->subject }, { "BODY", o->body },
	};
	bool plain = true;

	for (size_t i = 0; i < COUNT(rows); i++)
		plain &= is_plain(rows[i].text);
	imap_words_add(w, "UID SEARCH%s UNDELETED%s", plain ? "" : " CHARSET UTF-8", o->unread_only ? " UNSEEN" : "");
	if (o->since != NULL && *o->since != '\0' && add_since(w, o->since, e) == -1)
		return -1;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].text == NULL || *rows[i].text == '\0')
			continue;
		imap_words_add(w, " %s ", rows[i].key);
		if (imap_words_text(w, rows[i].text, e) == -1)
			return -1;
	}
	return 0;
}

/* ---- the names of folders ------------------------------------------------------------------------------ */

/* One character of UTF-8 as UTF-16, big-endian; its bytes. 0: it is none. */
static size_t
utf16(const unsigned char *c, struct buf *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *c < 0x80 ? 1 : *c >= 0xc2 && *c < 0xe0 ? 2 : (*c & 0xf0) == 0xe0 ? 3 : *c >= 0xf0 && *c < 0xf5 ? 4 : 0;
	uint32_t point = n == 1 ? *c : n == 0 ? 0 : *c & (0xffu >> (n + 1)), pair[2] = { 0 };

	for (size_t i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (c[i] & 0x3f);
	}
	if (n == 0 || point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	pair[0] = point < 0x10000 ? point : 0xd800 | (point - 0x10000) >> 10;
	pair[1] = 0xdc00 | (point & 0x3ff);
	for (size_t i = 0; i < (point < 0x10000 ? 1u : 2u); i++) {
		(void)buf_addc(out, (char)(pair[i] >> 8));
		(void)buf_addc(out, (char)(pair[i] & 0xff));
	}
	return n;
}

/* What is not ASCII, between & and -. Where it ends; NULL: it is no UTF-8. */
static const char *
add_shifted(const char *name, struct buf *out)
{
	struct buf wide cleanup_buf = BUF(0);
	char text[sodium_base64_ENCODED_LEN(2 * IMAP_WORD_MAX, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];

	while ((unsigned char)*name >= 0x80) {
		size_t n = utf16((const unsigned char *)name, &wide);

		if (n == 0)
			return NULL;
		name += n;
	}
	sodium_bin2base64(text, sizeof(text), (const unsigned char *)wide.data, wide.len, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '/' ? ',' : *c;
	(void)buf_addf(out, "&%s-", text);
	return name;
}

/* * and % would mean many folders to some servers. */
char *
imap_folder_name(const char *name, struct error *e)
{
	struct buf b cleanup_buf = BUF(0);
	bool ascii;

	if (*name == '\0' || strpbrk(name, "*%") != NULL)
		return error_set(e, ERR_invalid, "a folder cannot have this name: %.100s", name), NULL;
	if (check(name, &ascii, e) == -1)
		return NULL;
	while (name != NULL && *name != '\0') {
		if ((unsigned char)*name >= 0x80) {
			name = add_shifted(name, &b);
			continue;
		}
		(void)buf_addc(&b, *name);
		if (*name++ == '&')
			(void)buf_addc(&b, '-');
	}
	if (name == NULL)
		return error_set(e, ERR_invalid, "the folder's name is no UTF-8"), NULL;
	return buf_take(&b);
}
