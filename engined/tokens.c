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

static int64_t
tokens_of_text(const char *s)
{
	size_t n = utf8_count(s, strlen(s));

	if (is_image(s))
		return IMAGE;
	return n < PER_TOKEN ? 1 : (int64_t)(n / PER_TOKEN);
}

int64_t
tokens_of(const json_t *value)
{
	int64_t n = 0;
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_string(value))
		return tokens_of_text(json_string_value(value));
	json_array_foreach(value, i, v)
		n += tokens_of(v);
	json_object_foreach((json_t *)value, key, v)
		n += tokens_of(v);
	return n;
}

int64_t
tokens_of_bytes(size_t n)
{
	return n == 0 ? 1 : (int64_t)((n + PER_TOKEN - 1) / PER_TOKEN);
}

/* How many there are, and in *bytes their length is added. */
static int64_t
images(const json_t *value, size_t *bytes)
{
	const char *s = json_string_value(value), *key;
	int64_t n = 0;
	json_t *v;
	size_t i;

	if (s != NULL && is_image(s)) {
		*bytes += strlen(s);
		return 1;
	}
	json_array_foreach(value, i, v)
		n += images(v, bytes);
	json_object_foreach((json_t *)value, key, v)
		n += images(v, bytes);
	return n;
}

int64_t
tokens_of_request(const char *body, const json_t *messages)
{
	size_t whole = strlen(body), bytes = 0;
	int64_t n = images(messages, &bytes);

	return tokens_of_bytes(whole > bytes ? whole - bytes : 0) + n * IMAGE;
}
