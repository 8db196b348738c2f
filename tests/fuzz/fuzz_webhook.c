/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What anybody on this machine can send to the webhook: three lines for the
 * timestamp, the signature and the body. A line "=" of the signature stands
 * for the right one, so that bodies are reached too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/webhook_check.h"

#define SECRET	"a secret of the fuzzer"
#define NOW	1700000000

static char *
right(const char *timestamp, const char *body, size_t len)
{
	unsigned char sum[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof(sum) + 1];
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, (const unsigned char *)SECRET, strlen(SECRET));
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)timestamp, strlen(timestamp));
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)body, len);
	crypto_auth_hmacsha256_final(&s, sum);
	return xasprintf("sha256=%s", sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum)));
}

static void
must(bool claim)
{
	if (!claim)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size), *made = NULL;
	struct webhook_message m;
	struct webhook_request r = { 0 };
	const char *why;
	char *rest = text;
	int status;

	r.timestamp = strsep(&rest, "\n");
	r.signature = rest == NULL ? NULL : strsep(&rest, "\n");
	r.body = rest == NULL ? "" : rest;
	r.len = strlen(r.body);
	if (r.signature != NULL && strcmp(r.signature, "=") == 0)
		r.signature = made = right(r.timestamp, r.body, r.len);
	status = webhook_check(SECRET, &r, NOW, &m, &why);
	must((status == 202) == (why == NULL) && (status == 202) == (m.ref != NULL));
	must(status != 202 || made != NULL);
	must(status != 202 || (*m.chat != '\0' && *m.text != '\0' && strlen(m.text) <= WEBHOOK_TEXT_MAX &&
	    strpbrk(m.chat, "\r\n") == NULL && strpbrk(m.sender, "\r\n") == NULL && strpbrk(m.ref, "\r\n") == NULL));
	webhook_message_clear(&m);
	return 0;
}
