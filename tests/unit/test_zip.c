/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that a ZIP may not name. Whole ZIPs are in tests/flow/test_skills.py. */
#include "tests/check.h"

#include <string.h>

#include "common/mem.h"
#include "unpack/zip.h"

static void
test_a_path_stays_below_its_folder(void **state)
{
	static const char *const good[] = { "SKILL.md", "a/b/c.txt", "..a", "a..b", ".hidden", "a/.b" };
	static const char *const bad[] = { "", "/", "/etc/x", "..", "../x", "a/../b", "a/..", "./a", "a/./b", "a//b", "a/", "C:/x", "c:x",
		"a\\b", "a\nb", "a\x7f" };
	char longest[ZIP_PATH_MAX + 2];

	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(zip_path_check(good[i], NULL), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (zip_path_check(bad[i], NULL) == 0)
			fail_msg("\"%s\" passes", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[ZIP_PATH_MAX] = '\0';
	assert_int_equal(zip_path_check(longest, NULL), 0);
	longest[ZIP_PATH_MAX] = 'a';
	longest[ZIP_PATH_MAX + 1] = '\0';
	assert_int_equal(zip_path_check(longest, NULL), -1);
}

static void
test_what_is_no_zip_is_refused(void **state)
{
	struct error e = { 0 };

	assert_null(zip_files("PK\3\4", 4, &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_null(zip_files("", 0, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_a_path_stays_below_its_folder), TEST(test_what_is_no_zip_is_refused) };

	return RUN(tests);
}
