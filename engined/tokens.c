/* SPDX-License-Identifier: Apache-2.0 */
/* See tokens.h. */
#include "engined/tokens.h"

#include <string.h>

#include "common/json.h"

#define PER_TOKEN	4
#define IMAGE		1000		/* tokens */

static bool
is_image(const char *s)
{
	return strncmp(s, "data:image/", strlen("data:image/")) == 0;
}

struct count {
	int64_t	tokens;
	int64_t	images;
	size_t	image_bytes;
};

static void
count_text(const char *s, struct count *c)
{
	size_t n;

	if (is_image(s)) {
		c->tokens += IMAGE;
		c->images++;
		c->image_bytes += strlen(s);
		return;
	}
	n = utf8_count(s, strlen(s));
	c->tokens += n < PER_TOKEN ? 1 : (int64_t)(n / PER_TOKEN);
}

static void
count(const json_t *value, struct count *c)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_string(value))
		count_text(json_string_value(value), c);
	json_array_foreach(value, i, v)
		count(v, c);
	json_object_foreach((json_t *)value, key, v)
		count(v, c);
}

int64_t
tokens_of(const json_t *value)
{
	struct count c = { 0 };

	count(value, &c);
	return c.tokens;
}

int64_t
tokens_of_bytes(size_t n)
{
	return n == 0 ? 1 : (int64_t)((n + PER_TOKEN - 1) / PER_TOKEN);
}

int64_t
tokens_of_request(const char *body, const json_t *messages)
{
	size_t bytes = strlen(body);
	struct count c = { 0 };

	count(messages, &c);
	return tokens_of_bytes(bytes > c.image_bytes ? bytes - c.image_bytes : 0) + c.images * IMAGE;
}
