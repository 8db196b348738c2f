/* SPDX-License-Identifier: Apache-2.0 */
/* See gmail_read.h. An id that is none is left out: it will stand in an address. */
#include "gatewayd/gmail_read.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mime.h"

#define ID_CHARS	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
#define PAGE_TOKEN_MAX	512
#define HEADERS_MAX	(256 * 1024)
#define VARIANT		sodium_base64_VARIANT_URLSAFE_NO_PADDING

bool
gmail_is_id(const char *id)
{
	size_t n = strspn(id, ID_CHARS);

	return n > 0 && n <= GMAIL_ID_MAX && id[n] == '\0';
}

static const char *
id_of(const json_t *owner, const char *name)
{
	const char *id = json_str(owner, name, "");

	return gmail_is_id(id) ? id : NULL;
}

/* ---- the history --------------------------------------------------------------------------------------- */

static bool
is_skipped(const json_t *labels)
{
	static const char *const skipped[] = { "SPAM", "TRASH", "DRAFT", "CHAT", "SENT" };
	const json_t *label;
	size_t i;

	json_array_foreach(labels, i, label)
		for (size_t k = 0; json_is_string(label) && k < COUNT(skipped); k++)
			if (strcmp(json_string_value(label), skipped[k]) == 0)
				return true;
	return false;
}

static void
add_id(struct gmail_page *p, const json_t *message, json_t *seen)
{
	const char *id = id_of(message, "id");

	if (id == NULL || is_skipped(json_object_get(message, "labelIds")) || json_object_get(seen, id) != NULL)
		return;
	json_object_set_new(seen, id, json_true());
	p->ids = xreallocarray(p->ids, p->n + 1, sizeof(*p->ids));
	p->ids[p->n++] = xstrdup(id);
}

void
gmail_page_read(struct gmail_page *p, const json_t *said)
{
	cleanup_json json_t *seen = json_object();
	const char *next = json_str(said, "nextPageToken", "");
	const json_t *record, *added;
	size_t i, k;

	*p = (struct gmail_page){ .now = xstrdup0(id_of(said, "historyId")) };
	if (*next != '\0' && strlen(next) <= PAGE_TOKEN_MAX)
		p->next = xstrdup(next);
	json_array_foreach(json_object_get(said, "history"), i, record) {
		json_array_foreach(json_object_get(record, "messagesAdded"), k, added)
			add_id(p, json_object_get(added, "message"), seen);
		if (id_of(record, "id") != NULL) {
			free(p->last);
			p->last = xstrdup(id_of(record, "id"));
		}
	}
}

void
gmail_page_clear(struct gmail_page *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->ids[i]);
	free(p->ids);
	free(p->last);
	free(p->next);
	free(p->now);
	*p = (struct gmail_page){ 0 };
}

/* ---- a message ----------------------------------------------------------------------------------------- */

static bool
has_label(const json_t *labels, const char *name)
{
	const json_t *label;
	size_t i;

	json_array_foreach(labels, i, label)
		if (json_is_string(label) && strcmp(json_string_value(label), name) == 0)
			return true;
	return false;
}

int
gmail_message_read(struct gmail_message *m, const json_t *said)
{
	const json_t *labels = json_object_get(said, "labelIds");

	*m = (struct gmail_message){ .id = id_of(said, "id"), .thread = id_of(said, "threadId"), .history = id_of(said, "historyId"),
	    .size = json_int(said, "sizeEstimate", 0), .skipped = is_skipped(labels), .unread = has_label(labels, "UNREAD"),
	    .sent = has_label(labels, "SENT") };
	return m->id == NULL ? -1 : 0;
}

const char *
gmail_header(const json_t *said, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_at(said, "payload.headers"), i, row)
		if (strcasecmp(json_str(row, "name", ""), name) == 0)
			return json_str(row, "value", NULL);
	return NULL;
}

/* Of a name what a header's name can be; of a value nothing that ends it. */
static void
add_header(struct buf *b, const char *name, const char *value)
{
	static const char chars[] = ID_CHARS;

	if (*name == '\0' || name[strspn(name, chars)] != '\0' || b->len + strlen(name) + strlen(value) > HEADERS_MAX)
		return;
	(void)buf_addf(b, "%s: ", name);
	for (; *value != '\0'; value++)
		(void)buf_addc(b, *value == '\r' || *value == '\n' ? ' ' : *value);
	(void)buf_puts(b, "\r\n");
}

static void
add_headers(struct buf *b, const json_t *said)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_at(said, "payload.headers"), i, row)
		if (strcasecmp(json_str(row, "name", ""), "Content-Type") != 0)		/* there is no body that it could tell of */
			add_header(b, json_str(row, "name", ""), json_str(row, "value", ""));
	(void)buf_puts(b, "\r\n");
}

struct mime_mail *
gmail_headers(const json_t *said)
{
	struct buf b cleanup_buf = BUF(0);

	add_headers(&b, said);
	return mime_read(buf_str(&b), b.len, NULL);
}

struct mime_mail *
gmail_shown(const json_t *said)
{
	struct buf b cleanup_buf = BUF(0);

	add_headers(&b, said);
	return mime_headers(buf_str(&b), b.len);
}

/* As deep as an answer can be at all (gapi.c). */
static bool
part_has_files(const json_t *part)
{
	const json_t *inner;
	size_t i;

	if (*json_str(part, "filename", "") != '\0')
		return true;
	json_array_foreach(json_object_get(part, "parts"), i, inner)
		if (part_has_files(inner))
			return true;
	return false;
}

bool
gmail_has_files(const json_t *said)
{
	return part_has_files(json_object_get(said, "payload"));
}

void *
gmail_raw(const json_t *said, size_t *len)
{
	const char *text = json_str(said, "raw", "");
	size_t n = strlen(text);
	unsigned char *out;

	while (n > 0 && text[n - 1] == '=')
		n--;
	out = xmalloc(n + 1);
	if (n > 0 && sodium_base642bin(out, n, text, n, "\r\n", len, NULL, VARIANT) == 0)
		return out;
	free(out);
	return NULL;
}

char *
gmail_raw_json(const void *bytes, size_t len, const char *thread)
{
	size_t size = sodium_base64_ENCODED_LEN(len, VARIANT);
	cleanup_free char *text = xmalloc(size);
	cleanup_json json_t *row = NULL;

	sodium_bin2base64(text, size, bytes, len, VARIANT);
	row = json_pack("{s:s, s:s*}", "raw", text, "threadId", thread);
	return json_text(row);
}
