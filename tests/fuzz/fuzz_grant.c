/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a grant: as they are, which must never verify, and under a chain
 * made with the right key, so that the parser behind the chain is reached.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grant.h"
#include "common/mem.h"

#define KEY "000102030405060708090a0b0c0d0e0f" "101112131415161718191a1b1c1d1e1f"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct boot *
verifier(void)
{
	static struct boot b;

	if (b.unit == NULL && (boot_line(&b, "unit work/toolrunner", NULL) == -1 ||
	    boot_line(&b, "verify default/hostd " KEY, NULL) == -1))
		abort();
	clock_fake(1000, -1);
	return &b;
}

/* The text with the mac that the holder of the key would put there. */
static char *
chained(const char *text)
{
	unsigned char mac[32], next[32];
	char hex[65];
	const char *line = text, *end;
	size_t head;

	memcpy(mac, verifier()->verifies.rows[0].key, sizeof(mac));
	while (*line != '\0' && strncmp(line, "only ", 5) != 0)
		line = (end = strchr(line, '\n')) != NULL ? end + 1 : line + strlen(line);
	head = (size_t)(line - text);
	crypto_auth_hmacsha256(next, (const unsigned char *)text, head, mac);
	for (memcpy(mac, next, 32); *line != '\0'; line = end) {
		end = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : line + strlen(line);
		crypto_auth_hmacsha256(next, (const unsigned char *)line, (size_t)(end - line), mac);
		memcpy(mac, next, 32);
	}
	sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
	return xasprintf("%smac %s\n", text, hex);
}

static void
use(const char *text)
{
	struct grant g;
	char *more;

	if (grant_verify(verifier(), text, &g, NULL) == 0) {
		if (strcmp(g.audience, "work/toolrunner") != 0 || strcmp(g.origin, "default/hostd") != 0 ||
		    (g.caps & ~cap_ceiling("hostd")) != 0)
			abort();
		grant_clear(&g);
	}
	if ((more = grant_narrow(text, "tools a b", NULL)) != NULL && strlen(more) > GRANT_MAX)
		abort();
	free(more);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *made = chained(text);

	use(text);
	use(made);
	free(made);
	free(text);
	return 0;
}
