/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gmail.h: a person's consent (RFC 6749 with PKCE, RFC 7636). The verifier
 * never leaves this process and is good for five minutes and one exchange; a
 * redirect goes to a port of this machine and nowhere else.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/gmail.h"

#define KEPT_MS		300000
#define SCOPES		"https://www.googleapis.com/auth/gmail.modify https://www.googleapis.com/auth/gmail.send " \
			"https://www.googleapis.com/auth/userinfo.email"
#define VARIANT		sodium_base64_VARIANT_URLSAFE_NO_PADDING

void
gmail_asked_clear(struct gmail_asked *a)
{
	if (a->verifier != NULL)
		explicit_bzero(a->verifier, strlen(a->verifier));
	free(a->state);
	free(a->verifier);
	free(a->redirect);
	*a = (struct gmail_asked){ 0 };
}

static struct gmail *
account_of(const struct call *c, struct error *e)
{
	struct gmail *gm = gmail_of(c->ctx);

	if (gm == NULL)
		error_set(e, ERR_unavailable, "Gmail is off: GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET are not both set");
	return gm;
}

/* ---- where the browser goes ------------------------------------------------------------------------------ */

/* http, a name of this machine, a port, and a path of plain characters. */
static bool
is_loopback(const char *uri)
{
	static const char *const starts[] = { "http://127.0.0.1:", "http://localhost:", "http://[::1]:" };

	for (size_t i = 0; i < COUNT(starts); i++) {
		const char *port = uri + strlen(starts[i]);
		size_t n;

		if (strncmp(uri, starts[i], strlen(starts[i])) != 0)
			continue;
		n = strspn(port, "0123456789");
		return n > 0 && n <= 5 && atoi(port) > 0 && atoi(port) < 65536 && (port[n] == '\0' || port[n] == '/') &&
		    strpbrk(port + n, " \t\r\n?#@\\") == NULL;
	}
	return false;
}

static char *
random_text(void)
{
	unsigned char bytes[32];
	char *text = xmalloc(sodium_base64_ENCODED_LEN(sizeof(bytes), VARIANT));

	random_bytes(bytes, sizeof(bytes));
	sodium_bin2base64(text, sodium_base64_ENCODED_LEN(sizeof(bytes), VARIANT), bytes, sizeof(bytes), VARIANT);
	return text;
}

static char *
url_of(const struct gmail *gm, const struct gmail_asked *a)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char challenge[sodium_base64_ENCODED_LEN(sizeof(hash), VARIANT)];
	cleanup_free char *redirect = gapi_escape(a->redirect), *client = gapi_escape(gm->oauth_settings.client_id);
	cleanup_free char *scopes = gapi_escape(SCOPES);

	crypto_hash_sha256(hash, (const unsigned char *)a->verifier, strlen(a->verifier));
	sodium_bin2base64(challenge, sizeof(challenge), hash, sizeof(hash), VARIANT);
	return xasprintf("%s?response_type=code&client_id=%s&redirect_uri=%s&scope=%s&state=%s&code_challenge=%s"
	    "&code_challenge_method=S256&access_type=offline&prompt=consent", gm->auth_url, client, redirect, scopes, a->state, challenge);
}

int
gmail_consent(struct call *c, const void *in, struct error *e)
{
	const struct gateway_consent *m = in;
	struct gmail *gm = account_of(c, e);
	struct gmail_asked *a = gm == NULL ? NULL : &gm->asked[0];
	cleanup_free char *url = NULL;

	if (gm == NULL)
		return -1;
	if (!is_loopback(m->redirect))
		return error_set(e, ERR_invalid, "the redirect must be http to a port of this machine, http://127.0.0.1:PORT/");
	gmail_asked_clear(&gm->asked[COUNT(gm->asked) - 1]);
	memmove(a + 1, a, (COUNT(gm->asked) - 1) * sizeof(*a));
	*a = (struct gmail_asked){ .state = random_text(), .verifier = random_text(), .redirect = xstrdup(m->redirect),
	    .until_ms = clock_mono_ms() + KEPT_MS };
	url = url_of(gm, a);
	return call_reply(c, &(struct gateway_consent_reply){ .auth_url = url, .state = a->state });
}

/* ---- what it brings back ------------------------------------------------------------------------------------ */

static void
on_exchanged(void *arg, const char *email, const struct error *e)
{
	struct call *c = arg;

	if (email == NULL) {
		log_warn("gmail: no consent: %s", e->text);
		call_fail(c, e);
		return;
	}
	log_info("gmail account=%s is authorised", email);
	gmail_authorised(gmail_of(c->ctx));
	call_reply(c, &(struct gateway_exchange_reply){ .email = email });
}

static struct gmail_asked *
asked_for(struct gmail *gm, const char *state)
{
	for (size_t i = 0; i < COUNT(gm->asked); i++) {
		struct gmail_asked *a = &gm->asked[i];

		if (a->state != NULL && clock_mono_ms() > a->until_ms)
			gmail_asked_clear(a);
		if (a->state != NULL && strcmp(a->state, state) == 0)
			return a;
	}
	return NULL;
}

int
gmail_exchange(struct call *c, const void *in, struct error *e)
{
	const struct gateway_exchange *m = in;
	struct gmail *gm = account_of(c, e);
	struct gmail_asked *a = gm == NULL ? NULL : asked_for(gm, m->state);
	int begun;

	if (gm == NULL)
		return -1;
	if (a == NULL)
		return error_set(e, ERR_not_found, "nobody was asked with this state in the last five minutes; begin again");
	begun = oauth_exchange(gm->oauth, m->code, a->verifier, a->redirect, on_exchanged, c, e);
	if (begun == 0)
		gmail_asked_clear(a);
	return begun == 0 ? CALL_LATER : -1;
}
