/* SPDX-License-Identifier: Apache-2.0 */
/* The documentation that is built in: every topic there is has text, every page is in some topic. */
#include "tests/check.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/knowledge.h"

static const char *const topics[] = { "readme", "quickstart", "install", "profiles", "skills", "tools", "models", "alp",
	"architecture", "config", "security", "deployments", "operations", "organization", "integrations", "notifications" };

static char *
ask(const char *action, const char *topic, struct error *e)
{
	json_t *args cleanup_json = json_pack("{s:s, s:s*}", "action", action, "topic", topic);

	return knowledge_call(args, e);
}

static void
test_every_topic_of_the_specification_has_a_text(void **state)
{
	cleanup_free char *index = ask("index", NULL, NULL);

	for (size_t i = 0; i < COUNT(topics); i++) {
		cleanup_free char *text = ask("view", topics[i], NULL), *row = xasprintf("\n%s: ", topics[i]);

		assert_non_null(strstr(index, row));
		assert_non_null(text);
		assert_in_range(strlen(text), 1000, 100000);	/* worth reading, and within a result's limit */
	}
}

static void
test_a_page_arrives_as_it_is_written(void **state)
{
	cleanup_free char *text = ask("view", "config", NULL);

	assert_non_null(strstr(text, "tools.max_steps_per_turn"));
	assert_non_null(strstr(text, "# NAME"));
	assert_null(strstr(text, ".Sh"));
}

static void
test_an_unknown_topic_is_told_which_there_are(void **state)
{
	struct error e = { 0 };

	assert_null(ask("view", "astrology", &e));
	assert_non_null(strstr(e.text, "astrology"));
	for (size_t i = 0; i < COUNT(topics); i++)
		assert_non_null(strstr(e.text, topics[i]));
	assert_null(ask("write", "readme", &e));
	assert_int_equal(e.code, ERR_invalid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_topic_of_the_specification_has_a_text),
		TEST(test_a_page_arrives_as_it_is_written),
		TEST(test_an_unknown_topic_is_told_which_there_are),
	};

	return RUN(tests);
}
