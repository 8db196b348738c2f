/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as an envelope: as they are, which must never verify, and with a good
 * signature put in where they have an alp, so that what lies behind it is
 * reached. And as a time, which is the same when it was printed and read.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/envelope.h"
#include "common/mem.h"

#define NOW_US	INT64_C(1776945600000000)	/* 2026-04-23T12:00:00Z */

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_time(const char *text, size_t len)
{
	char again[32];
	int64_t us, same;

	if (!envelope_time(text, len, &us) || us < -INT64_C(30610224000000000))	/* years of three digits */
		return;
	envelope_time_text(us, again);
	if (us < INT64_C(253402300800000000) && (!envelope_time(again, strlen(again), &same) || same != us))
		abort();
}

/* The text with its first alp.sig made right for the key of the corpus; NULL: it is no object with an alp. */
static char *
resigned(const char *text, size_t len, size_t *out)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
	uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES], sig[SIGNATURE_BYTES];
	cleanup_doc struct doc *d = doc_parse(text, len, NULL);
	cleanup_buf struct buf signed_text = BUF(0), b = BUF(0);
	const struct node *old;
	const char *at;
	char base64[89];
	size_t n;

	if (d == NULL || (at = node_str(old = node_get(node_get(doc_root(d), "alp"), "sig"), &n)) == NULL ||
	    n != 88 || at < text || at >= text + len)
		return NULL;
	canonical_node(&signed_text, doc_root(d), "alp.sig");
	crypto_sign_seed_keypair(public, secret, seed);
	crypto_sign_detached(sig, NULL, (const uint8_t *)signed_text.data, signed_text.len, secret);
	sodium_bin2base64(base64, sizeof(base64), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	buf_add(&b, text, len);
	memcpy(b.data + (at - text), base64, 88);
	*out = b.len;
	return buf_take(&b);
}

static void
use(const struct envelope *v)
{
	char again[IDENTITY_BYTES];
	uint8_t key[KEY_BYTES];

	if (identity_parse(v->from, key) == -1 || v->nonce == NULL || llabs(NOW_US - v->ts_us) > ENVELOPE_CLOCK_US)
		abort();
	identity_print(key, again);
	if (strcmp(again, v->from) != 0)
		abort();
	envelope_answers(v, v->to, v->from, "id", NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct envelope v;
	size_t len = 0;
	char *good;

	check_time(text, size);
	if (envelope_open(&v, text, size, NOW_US, NULL) == 0) {
		use(&v);
		envelope_clear(&v);
	}
	if ((good = resigned(text, size, &len)) != NULL && envelope_open(&v, good, len, NOW_US, NULL) == 0) {
		use(&v);
		envelope_clear(&v);
	}
	free(good);
	return 0;
}
