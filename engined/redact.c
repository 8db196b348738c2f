/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See redact.h. The shapes are a table; a text is walked once, and at each
 * place every shape may claim what follows.
 */
#include "engined/redact.h"

#include <ctype.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define MARK		"[REDACTED]"
#define ELLIPSIS	"\xe2\x80\xa6"

static const struct shape_row {
	const char	*prefix;
	size_t		 least;		/* token characters after the prefix */
	size_t		 most;		/* 0: any number; else a longer run is no secret */
} shapes[] = {
	{ "sk-",   16, 0 },
	{ "ghp_",  20, 0 },
	{ "gho_",  20, 0 },
	{ "xoxa-", 10, 0 },
	{ "xoxb-", 10, 0 },
	{ "xoxp-", 10, 0 },
	{ "xoxr-", 10, 0 },
	{ "xoxs-", 10, 0 },
	{ "AIza",  30, 0 },
	{ "AKIA",  16, 16 },
};

static bool
token_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static size_t
token_run(const char *s)
{
	size_t n = 0;

	while (token_char(s[n]))
		n++;
	return n;
}

/* Each finder returns how many bytes at s are a secret, 0 for none. */
static size_t
find_prefixed(const char *s)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		const struct shape_row *r = &shapes[i];
		size_t len = strlen(r->prefix), run;

		if (strncmp(s, r->prefix, len) != 0)
			continue;
		run = token_run(s + len);
		if (run >= r->least && (r->most == 0 || run <= r->most))
			return len + run;
	}
	return 0;
}

/* A Telegram bot token: 8-12 digits, a colon, at least 30 token characters. */
static size_t
find_telegram(const char *s)
{
	size_t digits = strspn(s, "0123456789"), run;

	if (digits < 8 || digits > 12 || s[digits] != ':')
		return 0;
	run = token_run(s + digits + 1);
	return run >= 30 ? digits + 1 + run : 0;
}

/* "user:password@" of a URL; s stands behind "://". */
static size_t
find_userinfo(const char *s)
{
	size_t n = strcspn(s, "@/ \t\r\n\"'<>");

	return s[n] == '@' && memchr(s, ':', n) != NULL ? n : 0;
}

/* A PEM private key with everything to its end line, or to the end of the text. */
static size_t
find_pem(const char *s)
{
	const char *line, *end;

	if (strncmp(s, "-----BEGIN ", 11) != 0 ||
	    (line = strstr(s + 11, "-----")) == NULL ||
	    memmem(s, (size_t)(line - s), "PRIVATE KEY", 11) == NULL)
		return 0;
	if ((end = strstr(line + 5, "-----END ")) == NULL ||
	    (end = strstr(end + 9, "-----")) == NULL)
		return strlen(s);
	return (size_t)(end - s) + 5;
}

static size_t
find_secret(const char *text, const char *s)
{
	char before = s > text ? s[-1] : ' ';
	size_t n;

	if (*s == '-' && (n = find_pem(s)) > 0)
		return n;
	if (s - text >= 3 && strncmp(s - 3, "://", 3) == 0 && (n = find_userinfo(s)) > 0)
		return n;
	if (!token_char(before) && (n = find_prefixed(s)) > 0)
		return n;
	return isdigit((unsigned char)before) ? 0 : find_telegram(s);
}

char *
redact(const char *text)
{
	struct buf out = BUF(0);
	const char *s = text;
	size_t n;

	while (*s != '\0') {
		if ((n = find_secret(text, s)) > 0) {
			buf_puts(&out, MARK);
			s += n;
		} else {
			buf_addc(&out, *s++);
		}
	}
	return buf_take(&out);
}

char *
cut_bytes(const char *text, size_t max)
{
	size_t len = strlen(text), keep;

	if (len <= max)
		return xstrdup(text);
	keep = max > strlen(ELLIPSIS) ? utf8_cut(text, len, max - strlen(ELLIPSIS)) : 0;
	return xasprintf("%.*s" ELLIPSIS, (int)keep, text);
}

char *
cut_chars(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len <= max || utf8_count(text, len) <= max)
		return xstrdup(text);
	return xasprintf("%.*s" ELLIPSIS, (int)utf8_offset(text, len, max - 1), text);
}

char *
last_chars(const char *text, size_t max)
{
	size_t len = strlen(text), n = len <= max ? len : utf8_count(text, len);

	if (n <= max)
		return xstrdup(text);
	return xasprintf(ELLIPSIS "%s", text + utf8_offset(text, len, n - max + 1));
}

static void
describe(json_t *object, const char *text, bool truncated)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];

	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	json_object_set_new(object, "bytes", json_integer((json_int_t)strlen(text)));
	json_object_set_new(object, "sha256", json_string(hex));
	json_object_set_new(object, "truncated", json_boolean(truncated));
}

void
put_text(json_t *object, const char *name, const char *meta, const char *text, size_t max)
{
	cleanup_free char *clean = redact(text), *cut = cut_bytes(clean, max);
	json_t *about;

	json_object_set_new(object, name, json_string(cut));
	if (strlen(clean) <= max)
		return;
	about = json_object();
	describe(about, clean, true);
	json_object_set_new(object, meta, about);
}

json_t *
preview(const char *text, size_t max)
{
	cleanup_free char *clean = redact(text), *cut = cut_bytes(clean, max);
	json_t *p = json_object();

	json_object_set_new(p, "preview", json_string(cut));
	describe(p, clean, strlen(clean) > max);
	return p;
}
