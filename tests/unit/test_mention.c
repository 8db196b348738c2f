/* SPDX-License-Identifier: Apache-2.0 */
/* Mentions against the published vectors. */
#include "engined/mention.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_published_text_has_its_mention),
		TEST(test_a_roster_without_anybody_mentions_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
