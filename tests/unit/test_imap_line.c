/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP server says, cut into responses. */
#include "tests/check.h"

#include <string.h>

#include "common/mem.h"
#include "gatewayd/imap_line.h"

static struct buf words;

static int
next(const char *bytes, struct imap_response *r)
{
	struct error e = { 0 };

	return imap_response(bytes, strlen(bytes), 100, &words, r, &e);
}

static void
test_a_response_is_told_by_its_first_word(void **state)
{
	struct imap_response r;

	assert_int_equal(next("* 3 EXISTS\r\n* 1 RECENT\r\n", &r), 1);
	assert_int_equal(r.kind, IMAP_untagged);
	assert_string_equal(r.text, "3 EXISTS");
	assert_int_equal(r.used, 12);
	assert_int_equal(next("a12 OK done\r\n", &r), 1);
	assert_int_equal(r.kind, IMAP_tagged);
	assert_true(r.ok);
	assert_int_equal(next("a12 NO not today\n", &r), 1);
	assert_false(r.ok);
	assert_int_equal(next("+ idling\r\n", &r), 1);
	assert_int_equal(r.kind, IMAP_go_on);
	assert_int_equal(next("nonsense\r\n", &r), -1);
	assert_int_equal(next("\r\n", &r), -1);
}

static void
test_a_literal_is_not_read_as_words(void **state)
{
	const char *bytes = "* 1 FETCH (UID 7 RFC822.SIZE 31 BODY[] {20}\r\na1 OK you\r\n* BYE\r\n) FLAGS ())\r\n* 2 EXISTS\r\n";
	struct imap_response r;

	assert_int_equal(next(bytes, &r), 1);
	assert_memory_equal(r.literal, "a1 OK you\r\n* BYE\r\n) ", r.len);
	assert_int_equal(r.len, 20);
	assert_int_equal(imap_number(r.text, "UID "), 7);
	assert_int_equal(imap_number(r.text, "RFC822.SIZE "), 31);
	assert_string_equal(bytes + r.used, "* 2 EXISTS\r\n");
}

static void
test_what_is_not_there_yet_is_waited_for(void **state)
{
	const char *whole = "* 1 FETCH (BODY[] {5}\r\nhello X {2}\r\nhi)\r\n";
	struct imap_response r;

	for (size_t n = 0; n < strlen(whole); n++) {
		cleanup_free char *some = xstrndup(whole, n);

		assert_int_equal(next(some, &r), 0);
	}
	assert_int_equal(next(whole, &r), 1);
	assert_int_equal(r.len, 5);
}

static void
test_a_server_cannot_make_us_keep_more_than_was_asked_for(void **state)
{
	struct error e = { 0 };
	struct imap_response r;
	cleanup_free char *line = xcalloc(1, IMAP_LINE_MAX + 3);
	struct buf many cleanup_buf = BUF(0);

	assert_int_equal(next("* 1 FETCH (BODY[] {101}\r\n", &r), -1);
	assert_int_equal(next("* 1 FETCH (BODY[] {99999999999999999999999}\r\n* 1 EXISTS\r\n", &r), 1);	/* no number, so no literal */
	assert_null(r.literal);
	for (int i = 0; i < 40; i++)
		(void)buf_puts(&many, i == 0 ? "* {0}\r\n" : "{0}\r\n");
	assert_int_equal(next(buf_str(&many), &r), -1);
	memset(line, 'x', IMAP_LINE_MAX + 2);
	assert_int_equal(imap_response(line, IMAP_LINE_MAX + 2, 100, &words, &r, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
}

static void
test_numbers_are_found_behind_their_words(void **state)
{
	assert_int_equal(imap_number("OK [UIDVALIDITY 4294967295] x", "[UIDVALIDITY "), 4294967295);
	assert_int_equal(imap_number("OK [UIDVALIDITY 4294967296] x", "[UIDVALIDITY "), -1);
	assert_int_equal(imap_number("OK [UIDVALIDITY x]", "[UIDVALIDITY "), -1);
	assert_int_equal(imap_number("OK", "[UIDNEXT "), -1);
}

static void
test_a_search_gives_what_is_beyond_in_order(void **state)
{
	size_t n;
	uint32_t *uids = imap_search("SEARCH 9 4 12 9 3 x 70", 3, &n);

	assert_int_equal(n, 3);
	assert_int_equal(uids[0], 4);
	assert_int_equal(uids[1], 9);
	assert_int_equal(uids[2], 12);
	free(uids);
	uids = imap_search("SEARCH", 0, &n);
	assert_non_null(uids);
	assert_int_equal(n, 0);
	free(uids);
	assert_null(imap_search("SEARCHING 1", 0, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_response_is_told_by_its_first_word),
		TEST(test_a_literal_is_not_read_as_words),
		TEST(test_what_is_not_there_yet_is_waited_for),
		TEST(test_a_server_cannot_make_us_keep_more_than_was_asked_for),
		TEST(test_numbers_are_found_behind_their_words),
		TEST(test_a_search_gives_what_is_beyond_in_order),
	};
	int failed = RUN(tests);

	buf_clear(&words);
	return failed;
}
