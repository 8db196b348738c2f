/* SPDX-License-Identifier: Apache-2.0 */
/* From a model's name to the server, the key and the price of it. */
#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/target.h"

static json_t *
from(const char *text)
{
	json_t *j = json_parse(text, strlen(text), 32, NULL);

	assert_non_null(j);
	return j;
}

static const char *
key_of(void *arg, const char *name)
{
	return strcmp(name, arg) == 0 ? "sk-secret" : NULL;
}

static void
expect_target(const char *config, const char *has, const char *model, const char *url, const char *name, const char *key)
{
	cleanup_json json_t *c = from(config);
	struct target t;
	struct error e = { 0 };

	if (target_resolve(c, key_of, (void *)has, model, &t, &e) == -1)
		fail_msg("%s", e.text);
	assert_string_equal(t.url, url);
	assert_string_equal(t.name, name);
	assert_string_equal(t.key, key);
	assert_null(t.missing_key);
	target_clear(&t);
}

static void
expect_no_target(const char *config, const char *model, enum error_code code, const char *words, const char *missing)
{
	cleanup_json json_t *c = from(config);
	struct target t;
	struct error e = { 0 };

	assert_int_equal(target_resolve(c, key_of, (void *)"OTHER", model, &t, &e), -1);
	assert_int_equal(e.code, code);
	if (strstr(e.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
	if (missing != NULL)
		assert_string_equal(t.missing_key, missing);
	else
		assert_null(t.missing_key);
	target_clear(&t);
}

#define LOCAL "{\"model\":\"groq/a\",\"providers\":{\"ollama\":[{\"name\":\"box\",\"url\":\"http://box:11434/\"}," \
	"{\"name\":\"openai\",\"url\":\"http://me/v1\"},{\"name\":\"odd\"}]}}"

static void
test_a_model_resolves_by_its_head(void **state)
{
	expect_target("{}", "OPENAI_API_KEY", "openai/gpt-5.5", "https://api.openai.com/v1", "gpt-5.5", "sk-secret");
	expect_target(LOCAL, "GROQ_API_KEY", NULL, "https://api.groq.com/openai/v1", "a", "sk-secret");
	expect_target("{}", "OPENROUTER_API_KEY", "openrouter/x/y:free", "https://openrouter.ai/api/v1", "x/y:free", "sk-secret");
	expect_target("{}", "ANTHROPIC_API_KEY", "anthropic/claude-opus-4-7", "https://api.anthropic.com/v1", "claude-opus-4-7", "sk-secret");
	expect_target("{}", "GEMINI_API_KEY", "gemini/2.5-pro", "https://generativelanguage.googleapis.com/v1beta", "2.5-pro", "sk-secret");
	expect_target("{}", "", "offline/rules", "", "rules", "");
}

static void
test_an_ollama_entry_wins_over_a_head_of_the_same_name(void **state)
{
	expect_target(LOCAL, "", "box/llama3:8b", "http://box:11434/v1", "llama3:8b", "ollama");
	expect_target(LOCAL, "OPENAI_API_KEY", "openai/gpt-5.5", "http://me/v1", "gpt-5.5", "ollama");
}

static void
test_what_cannot_be_served_is_said(void **state)
{
	expect_no_target("{}", NULL, ERR_invalid, "no model is configured", NULL);
	expect_no_target("{}", "gpt-5", ERR_invalid, "must read provider/name", NULL);
	expect_no_target("{}", "groq/", ERR_invalid, "must read provider/name", NULL);
	expect_no_target(LOCAL, "foo/bar", ERR_invalid, "known: openai, groq, openrouter, anthropic, gemini, offline, box", NULL);
	expect_no_target("{}", "openai/gpt-5", ERR_denied, "OPENAI_API_KEY is not set", "OPENAI_API_KEY");
	expect_no_target(LOCAL, "odd/x", ERR_invalid, "odd", NULL);
}

static void
test_free_models_are_known(void **state)
{
	static const struct { const char *model; bool free, local; } rows[] = {
		{ "openrouter/x/y:free", true, false }, { "openrouter/x/y", false, false }, { "box/l", true, true },
		{ "offline/rules", true, true },
	};
	cleanup_json json_t *c = from(LOCAL);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct target t;

		assert_int_equal(target_resolve(c, key_of, (void *)"OPENROUTER_API_KEY", rows[i].model, &t, NULL), 0);
		assert_int_equal(t.free, rows[i].free);
		assert_int_equal(t.local, rows[i].local);
		target_clear(&t);
	}
}

static void
test_an_answer_costs_what_the_server_says_else_what_its_price_makes(void **state)
{
	static const char prices[] = "{\"prices\":{\"openai/m-1.5\":{\"input\":2,\"output\":10},\"openai/odd\":{\"input\":-1,\"output\":\"x\"}}}";
	static const struct { const char *model; double reported, cost; } rows[] = {
		{ "openai/m-1.5", 0, 2.0 + 5.0 }, { "openai/m-1.5", 0.25, 0.25 }, { "openai/odd", 0, 0 }, { "openai/other", 0, 0 },
	};
	cleanup_json json_t *c = from(prices);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct target t;

		assert_int_equal(target_resolve(c, key_of, (void *)"OPENAI_API_KEY", rows[i].model, &t, NULL), 0);
		assert_true(fabs(target_cost(&t, rows[i].reported, 1000000, 500000) - rows[i].cost) < 1e-9);
		target_clear(&t);
	}
}

static void
test_a_key_does_not_leave_in_an_error(void **state)
{
	char text[] = "bad key sk-secret-1, not sk-secret-2: sk-secret-1", few[] = "abc abc";
	struct target t = { .key = (char *)"sk-secret-1" }, short_key = { .key = (char *)"abc" }, none = { 0 };

	target_hide_key(&none, text);
	target_hide_key(&t, text);
	assert_string_equal(text, "bad key ***, not sk-secret-2: ***");
	target_hide_key(&short_key, few);	/* too short to be a key: it would blank words */
	assert_string_equal(few, "abc abc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_model_resolves_by_its_head),
		TEST(test_an_ollama_entry_wins_over_a_head_of_the_same_name),
		TEST(test_what_cannot_be_served_is_said),
		TEST(test_free_models_are_known),
		TEST(test_an_answer_costs_what_the_server_says_else_what_its_price_makes),
		TEST(test_a_key_does_not_leave_in_an_error),
	};

	return RUN(tests);
}
