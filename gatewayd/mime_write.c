/* SPDX-License-Identifier: Apache-2.0 */
/* See mime.h. How a mail is spelt is the library's; that no field can become another one is made sure of here, before. */
#include <gmime/gmime.h>
#include <string.h>

#include "common/mem.h"
#include "gatewayd/mime.h"

#define LINE_MAX_BYTES	2000
#define LIST_MAX_BYTES	16384		/* of addresses: the library folds them */

static int
check_line(const char *name, const char *value, size_t most, struct error *e)
{
	size_t len = value == NULL ? 0 : strlen(value);

	if (len > most)
		return error_set(e, ERR_invalid, "the %s of a mail is too long", name);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
			return error_set(e, ERR_invalid, "the %s of a mail cannot hold a line end or another control character", name);
	return 0;
}

/* "a@b, c@d" */
static int
add_addresses(GMimeMessage *m, GMimeAddressType type, const char *list, struct error *e)
{
	const char *p = list;
	size_t n = 0;

	for (; p != NULL && *p != '\0'; n++) {
		p += strspn(p, " ");
		size_t len = strcspn(p, ","), end = len;

		while (end > 0 && p[end - 1] == ' ')
			end--;
		cleanup_free char *one = xstrndup(p, end);
		if (!mime_is_address(one))
			return error_set(e, ERR_invalid, "no mail address: %.100s", list);
		g_mime_message_add_mailbox(m, type, NULL, one);
		p += len + (p[len] == ',');
	}
	return n > 0 || type == GMIME_ADDRESS_TYPE_CC ? 0 : error_set(e, ERR_invalid, "a mail without an address");
}

static int
set_id(GMimeMessage *m, const char *id, struct error *e)
{
	size_t len = id == NULL ? 0 : strlen(id);

	if (id == NULL)
		return 0;
	if (len < 3 || id[0] != '<' || id[len - 1] != '>' || strcspn(id + 1, "<> ") != len - 2)
		return error_set(e, ERR_invalid, "no message id: %.100s", id);
	cleanup_free char *inner = xstrndup(id + 1, len - 2);
	g_mime_message_set_message_id(m, inner);
	return 0;
}

static int
set_headers(GMimeMessage *m, const struct mime_draft *d, struct error *e)
{
	GDateTime *when = g_date_time_new_from_unix_utc(d->date);

	if (when != NULL) {
		g_mime_message_set_date(m, when);
		g_date_time_unref(when);
	}
	g_mime_message_set_subject(m, d->subject, "utf-8");
	if (d->in_reply_to != NULL)
		g_mime_object_set_header(GMIME_OBJECT(m), "In-Reply-To", d->in_reply_to, NULL);
	if (d->references != NULL)
		g_mime_object_set_header(GMIME_OBJECT(m), "References", d->references, NULL);
	if (d->automated)
		g_mime_object_set_header(GMIME_OBJECT(m), "Auto-Submitted", "auto-replied", NULL);
	if (add_addresses(m, GMIME_ADDRESS_TYPE_FROM, d->from, e) == -1 || add_addresses(m, GMIME_ADDRESS_TYPE_TO, d->to, e) == -1 ||
	    add_addresses(m, GMIME_ADDRESS_TYPE_CC, d->cc, e) == -1)
		return -1;
	return set_id(m, d->message_id, e);
}

static void
set_content(GMimePart *part, const void *bytes, size_t len, GMimeContentEncoding encoding)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, len);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, encoding);

	g_mime_part_set_content(part, content);
	g_object_unref(content);
	g_object_unref(stream);
}

/* Not the library's text part, which would choose the smallest character set that fits. */
static GMimeObject *
text_part(const char *text)
{
	GMimePart *part = g_mime_part_new_with_type("text", "plain");

	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
	set_content(part, text, strlen(text), GMIME_CONTENT_ENCODING_DEFAULT);
	return GMIME_OBJECT(part);
}

/* "image/png"; what is no type is bytes, and so is a mail in a mail, whose type forbids base64 (RFC 2046, 5.2.1). */
static GMimeObject *
file_part(const struct mime_file *f)
{
	const char *slash = f->type == NULL ? NULL : strchr(f->type, '/');
	size_t len = slash == NULL ? 0 : strlen(f->type);
	bool fine = slash != NULL && slash != f->type && slash[1] != '\0' && strchr(slash + 1, '/') == NULL &&
	    strspn(f->type, "abcdefghijklmnopqrstuvwxyz0123456789/+-._") == len &&
	    strncmp(f->type, "multipart/", 10) != 0 && strncmp(f->type, "message/", 8) != 0;
	cleanup_free char *major = fine ? xstrndup(f->type, (size_t)(slash - f->type)) : xstrdup("application");
	GMimePart *part = g_mime_part_new_with_type(major, fine ? slash + 1 : "octet-stream");

	set_content(part, f->bytes, f->len, GMIME_CONTENT_ENCODING_BINARY);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
	g_mime_part_set_filename(part, f->name);
	return GMIME_OBJECT(part);
}

static void
set_body(GMimeMessage *m, const struct mime_draft *d)
{
	GMimeObject *body = text_part(d->text);

	if (d->nfiles > 0) {
		GMimeMultipart *all = g_mime_multipart_new_with_subtype("mixed");

		g_mime_multipart_add(all, body);
		g_object_unref(body);
		for (size_t i = 0; i < d->nfiles; i++) {
			GMimeObject *file = file_part(&d->files[i]);

			g_mime_multipart_add(all, file);
			g_object_unref(file);
		}
		body = GMIME_OBJECT(all);
	}
	g_mime_message_set_mime_part(m, body);
	g_object_unref(body);
	g_mime_object_encode(GMIME_OBJECT(m), GMIME_ENCODING_CONSTRAINT_7BIT);
}

static char *
bytes_of(GMimeMessage *m, size_t *len)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *bytes;
	char *own;

	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_write_to_stream(GMIME_OBJECT(m), format, stream);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	own = xmalloc(bytes->len + 1);
	memcpy(own, bytes->data, bytes->len);
	own[*len = bytes->len] = '\0';
	g_object_unref(stream);
	g_mime_format_options_free(format);
	return own;
}

static int
check_lines(const struct mime_draft *d, struct error *e)
{
	const struct { const char *name, *value; size_t most; } lines[] = {
		{ "subject", d->subject, LINE_MAX_BYTES }, { "In-Reply-To", d->in_reply_to, LINE_MAX_BYTES },
		{ "References", d->references, LINE_MAX_BYTES }, { "sender", d->from, LINE_MAX_BYTES }, { "id", d->message_id, LINE_MAX_BYTES },
		{ "list of receivers", d->to, LIST_MAX_BYTES }, { "Cc", d->cc, LIST_MAX_BYTES },
	};

	for (size_t i = 0; i < COUNT(lines); i++)
		if (check_line(lines[i].name, lines[i].value, lines[i].most, e) == -1)
			return -1;
	for (size_t i = 0; i < d->nfiles; i++)
		if (check_line("file's name", d->files[i].name, LINE_MAX_BYTES, e) == -1)
			return -1;
	return 0;
}

char *
mime_write(const struct mime_draft *d, size_t *len, struct error *e)
{
	GMimeMessage *m;
	char *bytes = NULL;

	if (check_lines(d, e) == -1)
		return NULL;
	m = g_mime_message_new(FALSE);
	if (set_headers(m, d, e) == 0) {
		set_body(m, d);
		bytes = bytes_of(m, len);
	}
	g_object_unref(m);
	return bytes;
}
