/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak through the webhook, and what they say. */
#include "tests/check.h"

#include <string.h>

#include <sodium.h>

#include "common/mem.h"
#include "gatewayd/webhook_check.h"

#define SECRET	"a secret of sixteen"
#define NOW	1700000000
#define GOOD	"{\"chat_id\": \"ops\", \"text\": \"the build failed\"}"

static char *
sign(const char *timestamp, const char *body)
{
	cleanup_free char *all = xasprintf("%s.%s", timestamp, body);
	unsigned char sum[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state s;
	char hex[2 * sizeof(sum) + 1];

	crypto_auth_hmacsha256_init(&s, (const unsigned char *)SECRET, strlen(SECRET));
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)all, strlen(all));
	crypto_auth_hmacsha256_final(&s, sum);
	return xasprintf("sha256=%s", sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum)));
}

/* What a well signed body gets. */
static int
ask(const char *timestamp, const char *body, struct webhook_message *m)
{
	cleanup_free char *signature = sign(timestamp, body);
	const char *why;

	return webhook_check(SECRET, &(struct webhook_request){ .timestamp = timestamp, .signature = signature, .body = body,
	    .len = strlen(body) }, NOW, m, &why);
}

static void
test_a_signed_message_is_taken(void **state)
{
	struct webhook_message m;

	assert_int_equal(ask("1700000000", GOOD, &m), 202);
	assert_string_equal(m.chat, "ops");
	assert_string_equal(m.sender, "webhook");
	assert_string_equal(m.text, "the build failed");
	assert_memory_equal(m.ref, "signature ", 10);
	webhook_message_clear(&m);
	assert_int_equal(ask("1700000300", "{\"chat_id\": 12, \"text\": \"x\", \"sender\": \"ci\", \"id\": \"a-1\"}", &m), 202);
	assert_string_equal(m.chat, "12");
	assert_string_equal(m.sender, "ci");
	assert_string_equal(m.ref, "id 2:12 a-1");
	webhook_message_clear(&m);
}

static void
test_an_id_names_a_message_of_its_chat_alone(void **state)
{
	struct webhook_message a, b;

	assert_int_equal(ask("1700000000", "{\"chat_id\": \"ops\", \"text\": \"x\", \"id\": \"1 7\"}", &a), 202);
	assert_int_equal(ask("1700000000", "{\"chat_id\": \"ops 1\", \"text\": \"x\", \"id\": \"7\"}", &b), 202);
	assert_string_not_equal(a.ref, b.ref);
	webhook_message_clear(&a);
	webhook_message_clear(&b);
}

static void
test_a_known_sum_is_accepted(void **state)
{
	/* printf '1700000000.{"chat_id":"a","text":"b"}' | openssl dgst -sha256 -hmac 'a secret of sixteen' */
	const char *body = "{\"chat_id\":\"a\",\"text\":\"b\"}", *why;
	struct webhook_message m;

	assert_int_equal(webhook_check(SECRET, &(struct webhook_request){ .timestamp = "1700000000",
	    .signature = "sha256=2eeb1c67e7ba94d2327d3efbae36526fbb314dd03037d5b07ff4fc6cf1c9fa71",
	    .body = body, .len = strlen(body) }, NOW, &m, &why), 202);
	webhook_message_clear(&m);
}

static void
test_the_case_of_a_signature_makes_no_other_message(void **state)
{
	cleanup_free char *low = sign("1700000000", GOOD), *high = xstrdup(low);
	struct webhook_request r = { .timestamp = "1700000000", .signature = low, .body = GOOD, .len = strlen(GOOD) };
	struct webhook_message a, b;
	const char *why;

	for (char *c = high + 7; *c != '\0'; c++)
		*c = *c >= 'a' && *c <= 'f' ? (char)(*c - 32) : *c;
	assert_int_equal(webhook_check(SECRET, &r, NOW, &a, &why), 202);
	r.signature = high;
	assert_int_equal(webhook_check(SECRET, &r, NOW, &b, &why), 202);
	assert_string_equal(a.ref, b.ref);
	webhook_message_clear(&a);
	webhook_message_clear(&b);
}

static void
test_what_is_not_signed_right_is_refused(void **state)
{
	cleanup_free char *good = sign("1700000000", GOOD), *other = sign("1700000001", GOOD), *shorter = xstrndup(good, 69);
	const struct webhook_request rows[] = {
		{ .signature = good, .body = GOOD }, { .timestamp = "1700000000", .body = GOOD },
		{ .timestamp = "1700000000", .signature = other, .body = GOOD },
		{ .timestamp = "1700000000", .signature = shorter, .body = GOOD },
		{ .timestamp = "1700000000", .signature = good + 7, .body = GOOD },
		{ .timestamp = "1700000000", .signature = "sha256=", .body = GOOD },
		{ .timestamp = "1700000000", .signature = good, .body = GOOD " " },
		{ .timestamp = "1700000000 ", .signature = good, .body = GOOD },
		{ .timestamp = "", .signature = good, .body = GOOD },
	};
	struct webhook_message m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct webhook_request r = rows[i];
		const char *why;

		r.len = strlen(r.body);
		assert_int_equal(webhook_check(SECRET, &r, NOW, &m, &why), 401);
		assert_string_equal(why, "not signed");
	}
}

static void
test_another_time_is_refused(void **state)
{
	struct webhook_message m;

	assert_int_equal(ask("1699999699", GOOD, &m), 403);
	assert_int_equal(ask("1700000301", GOOD, &m), 403);
	assert_int_equal(ask("1699999700", GOOD, &m), 202);
	webhook_message_clear(&m);
}

static void
test_a_body_of_another_shape_is_refused(void **state)
{
	static const char *const bodies[] = { "", "5", "[]", "{", "{\"chat_id\": \"a\"}", "{\"text\": \"a\"}", "{\"chat_id\": \"\", \"text\": \"a\"}",
	    "{\"chat_id\": \"a\", \"text\": \" \\n\"}", "{\"chat_id\": \"a\\nb\", \"text\": \"a\"}", "{\"chat_id\": \"a\", \"text\": 5}",
	    "{\"chat_id\": \"a\", \"text\": \"b\", \"id\": []}", "{\"chat_id\": \"a\", \"text\": \"b\", \"sender\": \"\"}",
	    "{\"chat_id\": true, \"text\": \"b\"}", "{\"chat_id\": \"a\", \"text\": \"b\\u0000\"}" };
	struct webhook_message m;

	for (size_t i = 0; i < COUNT(bodies); i++) {
		assert_int_equal(ask("1700000000", bodies[i], &m), 400);
		assert_null(m.ref);
	}
}

static void
test_what_is_too_large_is_refused(void **state)
{
	cleanup_free char *long_text = xmalloc(WEBHOOK_TEXT_MAX + 2), *body = NULL, *huge = xmalloc(WEBHOOK_BODY_MAX + 2);
	struct webhook_message m;

	memset(long_text, 'a', WEBHOOK_TEXT_MAX + 1);
	long_text[WEBHOOK_TEXT_MAX + 1] = '\0';
	body = xasprintf("{\"chat_id\": \"a\", \"text\": \"%s\"}", long_text);
	assert_int_equal(ask("1700000000", body, &m), 413);
	memset(huge, ' ', WEBHOOK_BODY_MAX + 1);
	huge[WEBHOOK_BODY_MAX + 1] = '\0';
	assert_int_equal(ask("1700000000", huge, &m), 413);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_signed_message_is_taken),
		TEST(test_an_id_names_a_message_of_its_chat_alone),
		TEST(test_a_known_sum_is_accepted),
		TEST(test_the_case_of_a_signature_makes_no_other_message),
		TEST(test_what_is_not_signed_right_is_refused),
		TEST(test_another_time_is_refused),
		TEST(test_a_body_of_another_shape_is_refused),
		TEST(test_what_is_too_large_is_refused),
	};

	return RUN(tests);
}
