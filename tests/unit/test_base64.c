/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text and back (common/base64.h). */
#include <string.h>

#include "common/base64.h"
#include "common/mem.h"
#include "tests/check.h"

/* RFC 4648, section 10. */
static const struct {
	const char *bytes, *text;
} published[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void
published_vectors_there_and_back(void **state)
{
	for (size_t i = 0; i < COUNT(published); i++) {
		size_t n = 99;
		cleanup_free char *text = base64_text(published[i].bytes, strlen(published[i].bytes));
		cleanup_free char *bytes = base64_bytes(published[i].text, strlen(published[i].text), &n);

		assert_string_equal(text, published[i].text);
		assert_non_null(bytes);
		assert_int_equal(n, strlen(published[i].bytes));
		assert_string_equal(bytes, published[i].bytes);
	}
}

static void
any_bytes_there_and_back(void **state)
{
	unsigned char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	for (size_t len = 0; len <= sizeof(all); len++) {
		size_t n = 0;
		cleanup_free char *text = base64_text(all, len);
		cleanup_free unsigned char *bytes = base64_bytes(text, strlen(text), &n);

		assert_non_null(bytes);
		assert_int_equal(n, len);
		assert_memory_equal(bytes, all, len);
	}
}

static void
a_second_spelling_is_none(void **state)
{
	static const char *const wrong[] = { "Zg", "Zg=", "Zg===", "Zh==", "Zm9", "Zm9v=", "Zm9v\n", " Zm9v", "Zm-_", ("Zm9v\xff" "Zg=="), "=", "====",
		"Zg==Zg==" };

	for (size_t i = 0; i < COUNT(wrong); i++) {
		size_t n = 0;
		cleanup_free char *bytes = base64_bytes(wrong[i], strlen(wrong[i]), &n);

		if (bytes != NULL)
			fail_msg("\"%s\" was taken", wrong[i]);
	}
}

static void
only_the_given_length_is_read(void **state)
{
	size_t n = 0;
	cleanup_free char *bytes = base64_bytes("Zm9vYmFy", 4, &n);

	assert_string_equal(bytes, "foo");
	assert_null(base64_bytes("Zg==\0Zg==", 9, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(published_vectors_there_and_back),
		TEST(any_bytes_there_and_back),
		TEST(a_second_spelling_is_none),
		TEST(only_the_given_length_is_read),
	};

	return RUN(tests);
}
