/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sse.h; the grammar is that of the HTML standard. The bytes are a
 * stranger's: nothing here trusts their length, their order or that they are
 * text. Reconnecting is not done here.
 */
#include "engined/sse.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES	256
#define KEEP_BYTES	65536		/* a buffer that grew past this is not kept for the next event */

static const char bom[] = "\xef\xbb\xbf";

void
sse_init(struct sse *s)
{
	*s = (struct sse){
		.line = BUF(SSE_MAX), .data = BUF(SSE_MAX),
		.name = BUF(NAME_MAX_BYTES), .id = BUF(NAME_MAX_BYTES),
		.retry_ms = -1,
	};
}

void
sse_clear(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
	buf_clear(&s->name);
	buf_clear(&s->id);
}

static int
too_large(struct error *e)
{
	return error_set(e, ERR_too_large, "an event of the stream is larger than %u bytes", SSE_MAX);
}

/* ---- fields -------------------------------------------------------------------------------- */

static int
field_data(struct sse *s, const char *value, size_t len, struct error *e)
{
	if (s->has_data && buf_addc(&s->data, '\n') == -1)
		return too_large(e);
	s->has_data = true;
	return buf_add(&s->data, value, len) == -1 ? too_large(e) : 0;
}

/* Names are short words; one that does not fit is as good as none. */
static int
field_event(struct sse *s, const char *value, size_t len, struct error *e)
{
	buf_reset(&s->name);
	(void)buf_add(&s->name, value, len);
	return 0;
}

static int
field_id(struct sse *s, const char *value, size_t len, struct error *e)
{
	if (memchr(value, '\0', len) != NULL)
		return 0;
	buf_reset(&s->id);
	(void)buf_add(&s->id, value, len);
	return 0;
}

static int
field_retry(struct sse *s, const char *value, size_t len, struct error *e)
{
	long ms = 0;

	if (len == 0 || len > 9)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return 0;
		ms = ms * 10 + (value[i] - '0');
	}
	s->retry_ms = ms;
	return 0;
}

static const struct field {
	const char	*name;
	int		(*take)(struct sse *, const char *, size_t, struct error *);
} fields[] = {
	{ "data", field_data },
	{ "event", field_event },
	{ "id", field_id },
	{ "retry", field_retry },
};

/* ---- lines --------------------------------------------------------------------------------- */

static int
dispatch(struct sse *s, sse_callback *cb, void *arg)
{
	struct sse_event ev;
	int result;

	if (!s->has_data) {
		buf_reset(&s->name);
		return 0;
	}
	ev.name = s->name.len > 0 ? buf_str(&s->name) : "message";
	ev.data = buf_str(&s->data);
	ev.len = s->data.len;
	ev.id = buf_str(&s->id);
	if ((result = cb(arg, &ev)) != 0)
		return result;		/* the callback may have freed us */
	if (s->data.cap > KEEP_BYTES)
		buf_clear(&s->data);
	buf_reset(&s->data);
	buf_reset(&s->name);
	s->has_data = false;
	return 0;
}

static int
take_field(struct sse *s, const char *line, size_t len, struct error *e)
{
	const char *colon = memchr(line, ':', len);
	size_t name = colon != NULL ? (size_t)(colon - line) : len;
	size_t value = name;

	if (colon != NULL)
		value += name + 1 < len && line[name + 1] == ' ' ? 2 : 1;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == name && memcmp(fields[i].name, line, name) == 0)
			return fields[i].take(s, line + value, len - value, e);
	return 0;			/* a comment (no name before the colon), or a field nobody knows */
}

static int
take_line(struct sse *s, const char *line, size_t len, sse_callback *cb, void *arg, struct error *e)
{
	if (!s->begun && len >= 3 && memcmp(line, bom, 3) == 0) {
		line += 3;
		len -= 3;
	}
	s->begun = true;
	return len == 0 ? dispatch(s, cb, arg) : take_field(s, line, len, e);
}

/* The line ends at `end`; what came in earlier feeds stands in s->line. */
static int
end_line(struct sse *s, const char *from, const char *end, sse_callback *cb, void *arg, struct error *e)
{
	struct buf whole;
	int result;

	if (s->line.len == 0)
		return (size_t)(end - from) > SSE_MAX ? too_large(e) : take_line(s, from, (size_t)(end - from), cb, arg, e);
	if (buf_add(&s->line, from, (size_t)(end - from)) == -1)
		return too_large(e);
	whole = s->line;		/* ours now: the callback may free the parser */
	s->line = (struct buf)BUF(SSE_MAX);
	result = take_line(s, whole.data, whole.len, cb, arg, e);
	buf_clear(&whole);
	return result;
}

static const char *
find_end(const char *p, const char *end)
{
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

int
sse_feed(struct sse *s, const void *bytes, size_t len, sse_callback *cb, void *arg, struct error *e)
{
	const char *p = bytes, *end = p + len, *eol;
	int result;

	while (p < end) {
		if (s->after_cr && *p == '\n') {
			s->after_cr = false;
			p++;
			continue;
		}
		s->after_cr = false;
		if ((eol = find_end(p, end)) == end)
			return buf_add(&s->line, p, (size_t)(end - p)) == -1 ? too_large(e) : 0;
		s->after_cr = *eol == '\r';
		if ((result = end_line(s, p, eol, cb, arg, e)) != 0)
			return result;
		p = eol + 1;
	}
	return 0;
}

int
sse_end(struct sse *s, sse_callback *cb, void *arg, struct error *e)
{
	int result;

	if (s->line.len > 0 && (result = end_line(s, "", "", cb, arg, e)) != 0)
		return result;
	return dispatch(s, cb, arg);
}
