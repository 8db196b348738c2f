/* SPDX-License-Identifier: Apache-2.0 */
/* See translate.h. */
#include "engined/translate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define DEPTH_MAX 32		/* of a call's arguments */

char *
content_text(const json_t *content)
{
	struct buf b = BUF(0);
	const json_t *part;
	size_t i;

	if (json_is_string(content))
		return xstrdup(json_string_value(content));
	json_array_foreach(content, i, part)
		(void)buf_puts(&b, json_is_string(part) ? json_string_value(part) : json_str(part, "text", ""));
	return buf_take(&b);
}

char *
system_text(const json_t *messages)
{
	struct buf b = BUF(0);
	const json_t *m;
	size_t i;

	json_array_foreach(messages, i, m) {
		cleanup_free char *text = NULL;

		if (strcmp(json_str(m, "role", ""), "system") != 0)
			continue;
		text = content_text(json_object_get(m, "content"));
		if (b.len > 0)
			(void)buf_puts(&b, "\n\n");
		(void)buf_puts(&b, text);
	}
	return buf_take(&b);
}

/* A data: URL's media type (the caller frees) and the base64 behind the comma (borrowed). 0, or -1. */
static int
data_url(const char *url, char **type, const char **base64)
{
	const char *semicolon, *comma;

	if (url == NULL || strncasecmp(url, "data:", 5) != 0)
		return -1;
	semicolon = strchr(url, ';');
	comma = strchr(url, ',');
	if (semicolon == NULL || comma == NULL || comma - semicolon < 7 || strncmp(comma - 7, ";base64", 7) != 0)
		return -1;
	*type = xstrndup(url + 5, (size_t)(semicolon - url - 5));
	*base64 = comma + 1;
	return 0;
}

const json_t *
find_call(const json_t *messages, const char *id)
{
	const json_t *m, *call;
	size_t i, k;

	json_array_foreach(messages, i, m)
		json_array_foreach(json_object_get(m, "tool_calls"), k, call)
			if (strcmp(json_str(call, "id", ""), id) == 0)
				return call;
	return NULL;
}

json_t *
call_arguments(const json_t *call)
{
	const char *text = json_str(json_object_get(call, "function"), "arguments", "{}");
	json_t *arguments = json_parse(text, strlen(text), DEPTH_MAX, NULL);

	if (json_is_object(arguments))
		return arguments;
	json_decref(arguments);
	return json_object();
}

void
add_part(json_t *turns, const struct form *f, const char *role, json_t *part)
{
	json_t *last = json_array_get(turns, json_array_size(turns) - 1);

	if (last == NULL || strcmp(json_str(last, "role", ""), role) != 0) {
		last = json_object();
		json_object_set_new(last, "role", json_string(role));
		json_object_set_new(last, f->parts, json_array());
		json_array_append_new(turns, last);
	}
	json_array_append_new(json_object_get(last, f->parts), part);
}

void
add_text(json_t *turns, const struct form *f, const char *role, const char *text)
{
	if (text != NULL && text[0] != '\0')
		add_part(turns, f, role, f->text(text));
}

void
add_content(json_t *turns, const struct form *f, const char *role, const json_t *content)
{
	const json_t *part;
	size_t i;

	add_text(turns, f, role, json_string_value(content));
	json_array_foreach(content, i, part) {
		const char *base64;
		cleanup_free char *type = NULL;

		if (data_url(json_str(json_object_get(part, "image_url"), "url", NULL), &type, &base64) == 0)
			add_part(turns, f, role, f->image(type, base64));
		else
			add_text(turns, f, role, json_str(part, "text", NULL));
	}
}

void
add_beginning(json_t *turns, const struct form *f)
{
	if (json_array_size(turns) == 0)
		add_text(turns, f, "user", "(continued)");
}
