/* SPDX-License-Identifier: Apache-2.0 */
/* See webhook_check.h. */
#include "gatewayd/webhook_check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/json.h"
#include "common/mem.h"

#define SCHEME		"sha256="
#define SUM		crypto_auth_hmacsha256_BYTES
#define DEPTH		16
#define DIGITS_MAX	12

static int
refuse(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

/* The sum that it should have, compared in a time that tells nothing of it. */
static bool
is_signed(const char *secret, const struct webhook_request *r)
{
	unsigned char said[SUM], sum[SUM];
	crypto_auth_hmacsha256_state state;
	size_t n = 0;

	if (strncmp(r->signature, SCHEME, strlen(SCHEME)) != 0 || strlen(r->signature) != strlen(SCHEME) + 2 * SUM ||
	    sodium_hex2bin(said, sizeof(said), r->signature + strlen(SCHEME), 2 * SUM, NULL, &n, NULL) != 0 || n != SUM)
		return false;
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)r->timestamp, strlen(r->timestamp));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)r->body, r->len);
	crypto_auth_hmacsha256_final(&state, sum);
	sodium_memzero(&state, sizeof(state));
	return sodium_memcmp(sum, said, SUM) == 0;
}

/* Digits alone, or -1. */
static int64_t
seconds(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n == 0 || n > DIGITS_MAX || text[n] != '\0' ? -1 : strtoll(text, NULL, 10);
}

/* A name, or a number as one: in a line, not empty, not too long. NULL: it is none. */
static char *
read_name(const json_t *j)
{
	cleanup_free char *number = json_is_integer(j) ? xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(j)) : NULL;
	const char *s = number != NULL ? number : json_string_value(j);

	if (s == NULL || *s == '\0' || strlen(s) > WEBHOOK_NAME_MAX)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)s; *c != '\0'; c++)
		if (*c < ' ' || *c == 0x7f)
			return NULL;
	return xstrdup(s);
}

/* The lower-case digits: the same request in another case is the same. */
static char *
name_of_signature(const char *signature)
{
	char *ref = xasprintf("signature %s", signature + strlen(SCHEME));

	for (char *c = ref; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'F' ? (char)(*c | 0x20) : *c;
	return ref;
}

static int
read_body(const struct webhook_request *r, struct webhook_message *out, const char **why)
{
	cleanup_json json_t *body = json_parse(r->body, r->len, DEPTH, NULL);
	const json_t *id = json_object_get(body, "id"), *sender = json_object_get(body, "sender");
	const char *text = json_str(body, "text", "");
	cleanup_free char *name = read_name(id);

	if (!json_is_object(body))
		return refuse(why, 400, "the body is no JSON object");
	if (text[strspn(text, " \t\r\n")] == '\0')
		return refuse(why, 400, "text is missing");
	if (strlen(text) > WEBHOOK_TEXT_MAX)
		return refuse(why, 413, "text is too long");
	if (id != NULL && name == NULL)
		return refuse(why, 400, "id is no name");
	out->chat = read_name(json_object_get(body, "chat_id"));
	out->sender = sender == NULL ? xstrdup("webhook") : read_name(sender);
	if (out->chat == NULL || out->sender == NULL)
		return refuse(why, 400, out->chat == NULL ? "chat_id is missing or no name" : "sender is no name");
	out->text = xstrdup(text);
	out->ref = name != NULL ? xasprintf("id %zu:%s %s", strlen(out->chat), out->chat, name) : name_of_signature(r->signature);
	return 202;
}

int
webhook_check(const char *secret, const struct webhook_request *r, int64_t now_s, struct webhook_message *out, const char **why)
{
	int64_t at;
	int status;

	*out = (struct webhook_message){ 0 };
	*why = NULL;
	if (r->len > WEBHOOK_BODY_MAX)
		return refuse(why, 413, "the body is too large");
	if (r->timestamp == NULL || r->signature == NULL || (at = seconds(r->timestamp)) == -1 || !is_signed(secret, r))
		return refuse(why, 401, "not signed");
	if (at < now_s - WEBHOOK_WINDOW_S || at > now_s + WEBHOOK_WINDOW_S)
		return refuse(why, 403, "not of this time");
	if ((status = read_body(r, out, why)) != 202)
		webhook_message_clear(out);
	return status;
}

void
webhook_message_clear(struct webhook_message *m)
{
	free(m->ref);
	free(m->chat);
	free(m->sender);
	free(m->text);
	*m = (struct webhook_message){ 0 };
}
