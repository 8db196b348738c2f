/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and buffers: what they cut, and that they cut it cleanly. */
#include "tests/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/mem.h"

static void
test_error_context_is_prepended(void **state)
{
	struct error e = { 0 };

	assert_int_equal(error_set(&e, ERR_busy, "session %s", "x"), -1);
	assert_int_equal(error_add(&e, "turn %d", 7), -1);
	assert_string_equal(e.text, "turn 7: session x");
	assert_int_equal(e.code, ERR_busy);
	assert_int_equal(error_set(NULL, ERR_busy, "nobody listens"), -1);
}

static void
test_error_follows_errno(void **state)
{
	struct error e = { 0 };

	errno = ENOSPC;
	error_errno(&e, "write %s", "f");
	assert_int_equal(e.code, ERR_full);
	assert_string_equal(e.text, "write f: No space left on device");
	assert_string_equal(error_name(ERR_full), "disk-full");
	assert_string_equal(error_name(12345), "internal");
}

static void
assert_whole(const char *text)
{
	cleanup_free char *clean = utf8_clean(text, strlen(text));

	assert_string_equal(clean, text);
	assert_true(strlen(text) > ERROR_TEXT_MAX - 4);
}

static void
test_error_text_is_cut_between_characters(void **state)
{
	char euros[ERROR_TEXT_MAX * 2] = "";
	struct error e = { 0 };

	for (int shift = 0; shift < 4; shift++) {
		memset(euros, 'x', (size_t)shift);
		euros[shift] = '\0';
		while (strlen(euros) < ERROR_TEXT_MAX + 16)
			strcat(euros, "\xe2\x82\xac");
		error_set(&e, ERR_invalid, "%s", euros);
		assert_whole(e.text);
		error_add(&e, "%s", euros);
		assert_whole(e.text);
	}
}

static void
test_buf_stops_at_its_ceiling_and_keeps_what_it_has(void **state)
{
	cleanup_buf struct buf b = BUF(8);
	cleanup_free char *taken = NULL;

	assert_int_equal(buf_puts(&b, "12345"), 0);
	assert_int_equal(buf_addf(&b, "%d", 6789), -1);
	assert_int_equal(buf_addf(&b, "%d", 678), 0);
	assert_int_equal(buf_addc(&b, 'x'), -1);
	assert_string_equal(buf_str(&b), "12345678");
	buf_drain(&b, 3);
	assert_string_equal(buf_str(&b), "45678");
	taken = buf_take(&b);
	assert_string_equal(taken, "45678");
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_error_context_is_prepended),
		TEST(test_error_follows_errno),
		TEST(test_error_text_is_cut_between_characters),
		TEST(test_buf_stops_at_its_ceiling_and_keeps_what_it_has),
	};

	return RUN(tests);
}
