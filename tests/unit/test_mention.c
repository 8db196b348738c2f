/* SPDX-License-Identifier: Apache-2.0 */
/* Mentions against the published vectors. */
#include "engined/mention.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "tests/check.h"

static void
check_case(const json_t *want, const char *text, const char *const *roster, size_t n)
{
	struct mention m;
	bool found = mention_parse(text, roster, n, &m);

	if (found != json_is_object(want))
		fail_msg("\"%s\" %s roster: %s", text, roster == NULL ? "without" : "with", found ? "found" : "not found");
	if (found) {
		assert_string_equal(m.peer, json_str(want, "peer", "?"));
		assert_string_equal(m.prompt, json_str(want, "prompt", "?"));
	}
	mention_clear(&m);
}

static void
test_every_published_text_has_its_mention(void **state)
{
	cleanup_json json_t *all = vectors("mentions.json");
	const json_t *names = json_object_get(all, "roster"), *row;
	const char *roster[16];
	size_t i, n = json_array_size(names);

	for (i = 0; i < n; i++)
		roster[i] = json_string_value(json_array_get(names, i));
	json_array_foreach(json_object_get(all, "cases"), i, row) {
		check_case(json_object_get(row, "without_roster"), json_str(row, "text", ""), NULL, 0);
		check_case(json_object_get(row, "with_roster"), json_str(row, "text", ""), roster, n);
	}
	assert_true(i > 20);
}

static void
test_a_roster_without_anybody_mentions_nobody(void **state)
{
	const char *none[] = { NULL };

	check_case(json_null(), "@bob hello", none, 0);
}

/* Every blank of the expression, on every side. */
static void
test_blanks_of_every_script_are_trimmed(void **state)
{
	for (uint32_t c = 1; c <= 0x3001; c++) {
		char utf8[4] = { (char)c }, text[64];
		const char *roster[] = { "bob" };
		struct mention with, without;
		bool before, after;

		if (c >= 0x800)
			snprintf(utf8, sizeof(utf8), "%c%c%c", (char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63)));
		else if (c >= 0x80)
			snprintf(utf8, sizeof(utf8), "%c%c", (char)(0xc0 | c >> 6), (char)(0x80 | (c & 63)));
		snprintf(text, sizeof(text), "x%s@bob y", utf8);
		before = mention_parse(text, roster, 1, &with);	/* a mention begins after a blank */
		snprintf(text, sizeof(text), "x%s%s @bob %s%sy", utf8, utf8, utf8, utf8);
		assert_true(mention_parse(text, roster, 1, &without));
		after = strcmp(without.prompt, "x y") == 0;
		if (before != after || (before && strcmp(with.prompt, "x y") != 0))
			fail_msg("U+%04X %s a mention, and %s trimmed", c, before ? "begins" : "does not begin", after ? "is" : "is not");
		mention_clear(&with);
		mention_clear(&without);
	}
}

static void
test_a_text_of_blanks_takes_no_time(void **state)
{
	size_t n = 1000000;
	cleanup_free char *text = xmalloc(n + 16);
	struct mention m;

	memset(text, ' ', n);
	strcpy(text + n, "x @bob hi");
	assert_true(mention_parse(text, NULL, 0, &m));
	assert_string_equal(m.prompt + n, "x hi");
	mention_clear(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_published_text_has_its_mention),
		TEST(test_a_roster_without_anybody_mentions_nobody),
		TEST(test_blanks_of_every_script_are_trimmed),
		TEST(test_a_text_of_blanks_takes_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
