/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi audit verify`: what was signed cannot be taken back, even by somebody who rewrites a chain so that it holds. */
#include "tests/check.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/chains.h"
#include "common/audit.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

struct profile {
	char		*home;
	unsigned char	 key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
};

static void
put_key(struct profile *p)
{
	unsigned char der[12 + sizeof(p->key)] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0 };
	char text[sodium_base64_ENCODED_LEN(sizeof(der), sodium_base64_VARIANT_ORIGINAL)];
	cleanup_free char *dir = path_join(p->home, "alp/secrets"), *pem = NULL;

	memcpy(der + 12, p->key, sizeof(p->key));
	sodium_bin2base64(text, sizeof(text), der, sizeof(der), sodium_base64_VARIANT_ORIGINAL);
	pem = xasprintf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", text);
	assert_int_equal(make_dirs(dir, 0700, NULL), 0);
	put_file(p->home, "alp/secrets/alp_key.pub", pem);
}

static struct profile
profile_new(void)
{
	struct profile p = { .home = temp_home() };

	assert_true(sodium_init() >= 0);
	crypto_sign_keypair(p.key, p.secret);
	put_key(&p);
	return p;
}

static void
add_rows(const struct profile *p, const char *chain, int n, const char *what)
{
	struct error e = { 0 };
	struct audit *a = audit_open(p->home, chain, &e);

	assert_non_null(a);
	for (int i = 0; i < n; i++)
		assert_int_equal(audit_add(a, what, "local", "allow", NULL, &e), 0);
	audit_close(a);
}

static char *
path_of(const struct profile *p, const char *chain)
{
	return xasprintf("%s/logs/audit/%s.jsonl", p->home, chain);
}

/* The row that alpd writes; with `secret` of whoever signs. */
static void
anchor_by(const struct profile *p, const char *chain, const unsigned char *secret)
{
	cleanup_free char *path = path_of(p, chain);
	unsigned char sig[crypto_sign_BYTES];
	char text[AUDIT_ANCHOR_MAX], head[65];
	char b64[sodium_base64_ENCODED_LEN(sizeof(sig), sodium_base64_VARIANT_ORIGINAL)];
	cleanup_json json_t *detail = NULL;
	struct error e = { 0 };
	int64_t rows;
	struct audit *a;
	size_t n;

	assert_int_equal(audit_head(path, &rows, head, &e), 0);
	n = audit_anchor_text(text, chain, rows, head);
	crypto_sign_detached(sig, NULL, (unsigned char *)text, n, secret);
	sodium_bin2base64(b64, sizeof(b64), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	detail = json_pack("{s:s, s:I, s:s, s:s}", "chain", chain, "rows", (json_int_t)rows, "head", head, "sig", b64);
	a = audit_open(p->home, "alpd", &e);
	assert_int_equal(audit_add(a, "anchor", "x", "done", detail, &e), 0);
	audit_close(a);
}

static void
anchor(const struct profile *p, const char *chain)
{
	anchor_by(p, chain, p->secret);
}

/* The chain's row must be bad with this in its detail; NULL: it must be good, with so many rows signed. */
static void
expect(const struct profile *p, const char *chain, const char *detail, int64_t covered)
{
	cleanup_free char *file = xasprintf("%s.jsonl", chain);
	cleanup_json json_t *rows = chains_verify(p->home);
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (strcmp(json_str(row, "chain", ""), file) != 0)
			continue;
		assert_int_equal(json_bool(row, "ok", false), detail == NULL);
		if (detail == NULL)
			assert_int_equal(json_int(row, "signed", -1), covered);
		else
			assert_non_null(strstr(json_str(row, "detail", ""), detail));
		return;
	}
	fail_msg("%s is not in the answer", file);
}

static void
test_chains_that_only_grew_hold(void **state)
{
	struct profile p = profile_new();

	add_rows(&p, "t", 3, "tool.exec");
	expect(&p, "t", NULL, 0);
	anchor(&p, "t");
	add_rows(&p, "t", 2, "tool.exec");
	anchor(&p, "t");
	anchor(&p, "alpd");
	add_rows(&p, "t", 2, "tool.exec");
	expect(&p, "t", NULL, 5);
	expect(&p, "alpd", NULL, 2);
	free(p.home);
}

static void
test_a_chain_that_is_shorter_than_what_was_signed_is_truncated(void **state)
{
	struct profile p = profile_new();
	cleanup_free char *path = path_of(&p, "t");

	add_rows(&p, "t", 5, "tool.exec");
	anchor(&p, "t");
	assert_int_equal(unlink(path), 0);
	add_rows(&p, "t", 4, "tool.exec");	/* it holds as a chain */
	assert_int_equal(audit_verify(path, NULL), 4);
	expect(&p, "t", "truncated", 0);
	free(p.home);
}

static void
test_a_chain_that_was_written_anew_is_edited(void **state)
{
	struct profile p = profile_new();
	cleanup_free char *path = path_of(&p, "t");

	add_rows(&p, "t", 5, "tool.exec");
	anchor(&p, "t");
	assert_int_equal(unlink(path), 0);
	add_rows(&p, "t", 8, "harmless");
	assert_int_equal(audit_verify(path, NULL), 8);
	expect(&p, "t", "edited", 0);
	free(p.home);
}

static void
test_a_chain_that_was_signed_and_is_gone_is_told(void **state)
{
	struct profile p = profile_new();
	cleanup_free char *path = path_of(&p, "t");

	add_rows(&p, "t", 5, "tool.exec");
	anchor(&p, "t");
	assert_int_equal(unlink(path), 0);
	expect(&p, "t", "t.jsonl", 0);
	free(p.home);
}

static void
test_an_anchor_of_another_key_is_told(void **state)
{
	struct profile p = profile_new();
	unsigned char key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];

	crypto_sign_keypair(key, secret);
	add_rows(&p, "t", 5, "tool.exec");
	anchor_by(&p, "t", secret);
	expect(&p, "alpd", "not signed", 0);
	expect(&p, "t", NULL, 0);
	free(p.home);
}

static void
test_without_the_public_key_anchors_do_not_count(void **state)
{
	struct profile p = profile_new();
	cleanup_free char *pub = path_join(p.home, "alp/secrets/alp_key.pub");

	add_rows(&p, "t", 5, "tool.exec");
	anchor(&p, "t");
	assert_int_equal(unlink(pub), 0);
	expect(&p, "alpd", "without alp_key.pub", 0);
	free(p.home);
}

/* Somebody signed two different fifth rows: at most one can be there. */
static void
test_two_anchors_that_differ_cannot_both_hold(void **state)
{
	struct profile p = profile_new();
	cleanup_free char *path = path_of(&p, "t");

	add_rows(&p, "t", 5, "tool.exec");
	anchor(&p, "t");
	assert_int_equal(unlink(path), 0);
	add_rows(&p, "t", 5, "harmless");
	anchor(&p, "t");
	expect(&p, "t", "edited", 0);
	free(p.home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_chains_that_only_grew_hold),
		TEST(test_a_chain_that_is_shorter_than_what_was_signed_is_truncated),
		TEST(test_a_chain_that_was_written_anew_is_edited),
		TEST(test_a_chain_that_was_signed_and_is_gone_is_told),
		TEST(test_an_anchor_of_another_key_is_told),
		TEST(test_without_the_public_key_anchors_do_not_count),
		TEST(test_two_anchors_that_differ_cannot_both_hold),
	};

	return RUN(tests);
}
