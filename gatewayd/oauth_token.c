/* SPDX-License-Identifier: Apache-2.0 */
/* See oauth.h: what a token is made of. A token goes into a header, so it holds nothing that could end one. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/oauth.h"

#define TOKEN_MAX	8192
#define EMAIL_MAX	320
#define LIFE_S		3600		/* when the server does not say */
#define LIFE_MAX_S	86400

static bool
is_printable(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return n > 0 && n <= max;
}

static void
wipe(char **s)
{
	if (*s != NULL)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void
oauth_token_clear(struct oauth_token *t)
{
	wipe(&t->access);
	wipe(&t->refresh);
	free(t->email);
	*t = (struct oauth_token){ 0 };
}

char *
oauth_lower(const char *s)
{
	char *out = xstrdup(s);

	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return out;
}

int
oauth_token_read(struct oauth_token *t, const json_t *said, struct error *e)
{
	const char *email = json_str(said, "email", ""), *access = json_str(said, "access_token", "");
	const char *refresh = json_str(said, "refresh_token", "");

	if (!is_printable(email, EMAIL_MAX) || strchr(email, '@') == NULL)
		return error_set(e, ERR_invalid, "the token file names no account");
	if (!is_printable(refresh, TOKEN_MAX))
		return error_set(e, ERR_invalid, "the token file holds no refresh token");
	oauth_token_clear(t);
	t->email = oauth_lower(email);
	t->refresh = xstrdup(refresh);
	if (is_printable(access, TOKEN_MAX)) {
		t->access = xstrdup(access);
		t->expires_at = json_int(said, "expires_at", 0);
	}
	return 0;
}

int
oauth_token_take(struct oauth_token *t, const json_t *said, int64_t now, struct error *e)
{
	const char *access = json_str(said, "access_token", ""), *refresh = json_str(said, "refresh_token", t->refresh);
	int64_t life = json_int(said, "expires_in", LIFE_S);

	if (!is_printable(access, TOKEN_MAX))
		return error_set(e, ERR_unavailable, "the token server gave no access token");
	if (refresh == NULL || !is_printable(refresh, TOKEN_MAX))
		return error_set(e, ERR_denied, "the token server gave no refresh token");
	if (refresh != t->refresh) {
		char *copy = xstrdup(refresh);

		wipe(&t->refresh);
		t->refresh = copy;
	}
	wipe(&t->access);
	t->access = xstrdup(access);
	t->expires_at = now + (life < 0 ? 0 : life > LIFE_MAX_S ? LIFE_MAX_S : life);
	return 0;
}
