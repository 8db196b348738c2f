/* SPDX-License-Identifier: Apache-2.0 */
/* See mime_part.h. What one header means (encoded words, parameters) and the encodings of a body are the library's. */
#include "gatewayd/mime_part.h"

#include <ctype.h>
#include <gmime/gmime.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define BOUNDARY_MAX	250

/* ---- lines and headers ---------------------------------------------------------------------------- */

/* The next line without its end; false: there is none. */
static bool
next_line(struct span *rest, struct span *line)
{
	const char *end;

	if (rest->len == 0)
		return false;
	line->at = rest->at;
	end = memchr(rest->at, '\n', rest->len);
	line->len = end == NULL ? rest->len : (size_t)(end - rest->at);
	rest->at += line->len + (end != NULL);
	rest->len -= line->len + (end != NULL);
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

void
part_split(struct span all, struct span *head, struct span *body)
{
	struct span rest = all, line;

	while (next_line(&rest, &line) && line.len > 0)
		continue;
	*head = (struct span){ all.at, all.len - rest.len };
	*body = rest;
}

static bool
is_header(struct span line, const char *name)
{
	size_t n = strlen(name);

	if (line.len <= n || strncasecmp(line.at, name, n) != 0)
		return false;
	while (n < line.len && (line.at[n] == ' ' || line.at[n] == '\t'))
		n++;
	return n < line.len && line.at[n] == ':';
}

/* A header's bytes as text: no NUL, nothing that could end a line. */
static void
add_value(struct buf *b, struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		buf_addc(b, line.at[i] == '\0' || line.at[i] == '\r' ? ' ' : line.at[i]);
}

char *
part_header(struct span head, const char *name, size_t n)
{
	struct buf b = BUF(HEADER_MAX);
	struct span rest = head, line;
	bool in = false;

	while (next_line(&rest, &line) && line.len > 0) {
		bool folded = line.at[0] == ' ' || line.at[0] == '\t';

		if (in && !folded)
			break;
		if (in)
			add_value(&b, line);
		else if (!folded && is_header(line, name) && n-- == 0) {
			const char *colon = memchr(line.at, ':', line.len);

			in = true;
			add_value(&b, (struct span){ colon + 1, line.len - (size_t)(colon + 1 - line.at) });
		}
	}
	return in ? buf_take(&b) : NULL;
}

/* White space and what moves a terminal's cursor are one blank. */
static char *
one_line(const char *text)
{
	struct buf b = BUF(0);

	for (; *text != '\0'; text++) {
		if ((unsigned char)*text > ' ' && *text != 0x7f)
			buf_addc(&b, *text);
		else if (b.len > 0 && b.data[b.len - 1] != ' ')
			buf_addc(&b, ' ');
	}
	if (b.len > 0 && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	return buf_take(&b);
}

char *
part_words(const char *value)
{
	cleanup_free char *clean = NULL;
	char *words;

	if (value == NULL)
		return NULL;
	words = g_mime_utils_header_decode_text(NULL, value);
	clean = utf8_clean(words, strlen(words));
	g_free(words);
	return one_line(clean);
}

/* ---- what a part says of itself ---------------------------------------------------------------------- */

/* "Image/PNG" -> "image/png". What cannot be read is text (RFC 2045, 5.2); the library says octet-stream. */
static char *
read_type(GMimeContentType *type, const char *value)
{
	char *text = type == NULL ? NULL : g_mime_content_type_get_mime_type(type), *own;
	bool wrong = text == NULL || strlen(text) > 100 ||
	    (strstr(text, "/octet-stream") != NULL && strcasestr(value, "octet-stream") == NULL);

	own = xstrdup(wrong ? "text/plain" : text);
	g_free(text);
	for (char *c = own; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("/+-._", *c) == NULL)
			*c = '_';
		*c = (char)tolower((unsigned char)*c);
	}
	return own;
}

static char *
parameter(GMimeContentType *type, const char *name)
{
	return xstrdup0(type == NULL ? NULL : g_mime_content_type_get_parameter(type, name));
}

static void
read_disposition(struct part *p, struct span head)
{
	cleanup_free char *value = part_header(head, "Content-Disposition", 0);
	GMimeContentDisposition *d = value == NULL ? NULL : g_mime_content_disposition_parse(NULL, value);
	const char *name;

	if (d == NULL)
		return;
	p->attached = g_mime_content_disposition_is_attachment(d);
	if ((name = g_mime_content_disposition_get_parameter(d, "filename")) != NULL) {
		free(p->name);
		p->name = part_words(name);
	}
	g_object_unref(d);
}

static void
read_encoding(struct part *p, struct span head)
{
	cleanup_free char *value = part_header(head, "Content-Transfer-Encoding", 0);

	switch (value == NULL ? GMIME_CONTENT_ENCODING_DEFAULT : g_mime_content_encoding_from_string(g_strstrip(value))) {
	case GMIME_CONTENT_ENCODING_BASE64:
		p->encoding = PART_base64;
		break;
	case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
		p->encoding = PART_quoted;
		break;
	default:
		p->encoding = PART_plain;
	}
}

static void
add_leaf(struct parts *out, struct span head, struct span body, GMimeContentType *type, const char *kind)
{
	cleanup_free char *name = parameter(type, "name");
	struct part *p;

	if (out->n == PARTS_MAX) {
		out->more = true;
		return;
	}
	out->rows = xreallocarray(out->rows, out->n + 1, sizeof(*out->rows));
	p = &out->rows[out->n++];
	*p = (struct part){ .body = body, .type = xstrdup(kind), .charset = parameter(type, "charset") };
	p->name = part_words(name);
	read_disposition(p, head);
	read_encoding(p, head);
	p->charset = p->charset == NULL ? xstrdup("") : p->charset;
	p->name = p->name == NULL ? xstrdup("") : p->name;
}

/* ---- the tree ------------------------------------------------------------------------------------------ */

/* 0: no delimiter, 1: a part begins after it, 2: the last one ended before it. */
static int
delimiter(struct span line, const char *boundary)
{
	size_t n = strlen(boundary);
	bool last;

	if (line.len < n + 2 || line.at[0] != '-' || line.at[1] != '-' || memcmp(line.at + 2, boundary, n) != 0)
		return 0;
	last = line.len >= n + 4 && line.at[n + 2] == '-' && line.at[n + 3] == '-';
	for (size_t i = n + 2 + (last ? 2 : 0); i < line.len; i++)
		if (line.at[i] != ' ' && line.at[i] != '\t')
			return 0;
	return last ? 2 : 1;
}

/* The line end before a delimiter belongs to the delimiter. */
static struct span
up_to(const char *from, const char *to)
{
	size_t len = (size_t)(to - from);

	if (len > 0 && from[len - 1] == '\n')
		len--;
	if (len > 0 && from[len - 1] == '\r')
		len--;
	return (struct span){ from, len };
}

static void read_entity(struct span all, int depth, struct parts *out);

/* false: nothing in it is a part. A last part that is cut off is one all the same. */
static bool
read_multipart(struct span body, const char *boundary, int depth, struct parts *out)
{
	struct span rest = body, line;
	const char *from = NULL;
	bool any = false;
	int what = 0;

	while (what != 2 && out->n < PARTS_MAX && next_line(&rest, &line)) {
		if ((what = delimiter(line, boundary)) == 0)
			continue;
		if (from != NULL)
			read_entity(up_to(from, line.at), depth + 1, out);
		from = what == 1 ? rest.at : NULL;
		any = true;
	}
	if (from != NULL && out->n < PARTS_MAX)
		read_entity(up_to(from, body.at + body.len), depth + 1, out);
	out->more |= out->n == PARTS_MAX;
	return any;
}

/* Of a mail that is in a mail only the bytes matter: it is a leaf. */
static void
read_entity(struct span all, int depth, struct parts *out)
{
	struct span head, body;

	part_split(all, &head, &body);
	cleanup_free char *value = part_header(head, "Content-Type", 0);
	GMimeContentType *type = value == NULL ? NULL : g_mime_content_type_parse(NULL, value);
	cleanup_free char *kind = read_type(type, value), *boundary = parameter(type, "boundary");
	bool many = strncmp(kind, "multipart/", 10) == 0;

	if (many && depth == PART_DEPTH)
		out->more = true;
	else if (!many)
		add_leaf(out, head, body, type, kind);
	else if (boundary == NULL || *boundary == '\0' || strlen(boundary) > BOUNDARY_MAX ||
	    !read_multipart(body, boundary, depth, out))
		add_leaf(out, head, body, NULL, "text/plain");
	if (type != NULL)
		g_object_unref(type);
}

void
parts_read(struct span mail, struct parts *out)
{
	*out = (struct parts){ 0 };
	read_entity(mail, 0, out);
}

void
parts_clear(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].type);
		free(p->rows[i].charset);
		free(p->rows[i].name);
	}
	free(p->rows);
	*p = (struct parts){ 0 };
}
