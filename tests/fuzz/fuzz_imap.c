/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP server sends, response by response, and what it says of mails and folders. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/imap_fetch.h"

#define LITERAL_MAX	1000

static void
check_words(const struct imap_response *r, const uint8_t *data)
{
	struct imap_fetched f;
	struct imap_listed l;

	if (r->n_literals > IMAP_LITERALS_MAX)
		abort();
	if (imap_fetched(r, &f) == 0 && f.bytes != NULL &&
	    (f.bytes < (const char *)data || f.bytes + f.len > (const char *)data + r->used))
		abort();
	if (imap_listed(r, &l) == 0 && strlen(l.name) == 0)
		abort();
	free(l.name);
}

static void
check(const struct imap_response *r, const uint8_t *data, size_t left)
{
	size_t n;
	uint32_t *uids = imap_search(r->text, 5, &n);

	if (r->used == 0 || r->used > left || r->len > LITERAL_MAX)
		abort();
	if (r->literal != NULL && (r->literal < (const char *)data || r->literal + r->len > (const char *)data + r->used))
		abort();
	for (size_t i = 0; uids != NULL && i < n; i++)
		if (uids[i] <= 5 || (i > 0 && uids[i] <= uids[i - 1]))
			abort();
	free(uids);
	if (imap_number(r->text, "UID ") > UINT32_MAX)
		abort();
	check_words(r, data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf words = BUF(0);
	struct imap_response r;
	struct error e = { 0 };
	size_t at = 0;

	while (imap_response((const char *)data + at, size - at, LITERAL_MAX, &words, &r, &e) == 1) {
		check(&r, data + at, size - at);
		at += r.used;
	}
	buf_clear(&words);
	return 0;
}
