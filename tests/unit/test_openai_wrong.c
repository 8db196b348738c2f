/* SPDX-License-Identifier: Apache-2.0 */
/* Every way a server of the OpenAI dialect can be wrong (spec/engine.md, section 5): what is tried again, and what is said. */
#include "tests/unit/openai_fixture.h"

#include <signal.h>

static void
test_refusals_become_one_readable_line(void **state)
{
	expect_failure("error-json", "", ERR_provider, "HTTP 400: the model is overloaded", "", 0);
	expect_failure("error-string", "status=404", ERR_provider, "HTTP 404: model \"x\" not found", "", 0);
	expect_failure("error-message", "", ERR_provider, "HTTP 400: bad request", "", 0);
	expect_failure("error-text", "status=401", ERR_provider, "HTTP 401: upstream says no", "", 0);
	expect_failure("error-html", "status=403", ERR_provider, "HTTP 403: 502 Bad Gateway", "", 0);
	expect_failure("error-empty", "status=418", ERR_provider, "HTTP 418", "", 0);
	expect_failure("error-json", "status=302", ERR_provider, "HTTP 302", "", 0);
	expect_failure("error-page", "", ERR_provider, "a page, not an answer: 502 Bad Gateway", "", 2);
	expect_failure("no-such", "", ERR_provider, "HTTP 404: no such model", "", 0);
	assert_int_equal(stat_of("requests"), 7 + 3 + 1);
}

static void
test_transient_refusals_are_tried_again_and_final_ones_are_not(void **state)
{
	static const int transient[] = { 429, 500, 502, 503, 504, 529 }, final[] = { 400, 401, 402, 403, 404, 408, 413, 422 };
	int64_t before;

	for (size_t i = 0; i < COUNT(transient); i++) {
		cleanup_free char *user = xasprintf("status=%d", transient[i]);

		before = stat_of("requests");
		expect_failure("error-json", user, ERR_provider, "(after 3 attempts)", "", 2);
		assert_int_equal(stat_of("requests") - before, 3);
	}
	for (size_t i = 0; i < COUNT(final); i++) {
		cleanup_free char *user = xasprintf("status=%d", final[i]);

		before = stat_of("requests");
		expect_failure("error-json", user, ERR_provider, "HTTP 4", "", 0);
		assert_int_equal(stat_of("requests") - before, 1);
	}
}

static void
test_a_retry_that_succeeds_is_an_answer(void **state)
{
	/* the first drop is that of a kept connection, which libcurl makes up for by itself */
	struct seen s = ask("retry-drop", "times=2");

	assert_int_equal(s.retries, 1);
	assert_string_equal(buf_str(&s.text), WORDS5);
	clear(&s);
	s = ask("retry", "times=2 status=500");
	assert_int_equal(s.e.code, ERR_none);
	assert_string_equal(buf_str(&s.text), WORDS5);
	assert_int_equal(s.retries, 2);
	assert_non_null(strstr(s.why.text, "fake: HTTP 500: slow down"));
	clear(&s);
}

static void
test_the_pause_doubles_within_a_fifth(void **state)
{
	for (int i = 0; i < 20; i++) {
		cleanup_free char *one = xasprintf("times=1 status=500 a%d", i), *two = xasprintf("times=2 status=500 b%d", i);
		struct seen s = ask_with("retry", one, (struct provider_limits){ 0, 0, 2, 10 }, false);

		assert_in_range(s.waited_ms, 8, 12);
		clear(&s);
		s = ask_with("retry", two, (struct provider_limits){ 0, 0, 2, 10 }, false);
		assert_in_range(s.waited_ms, 16, 24);
		clear(&s);
	}
}

static void
test_retry_after_is_honoured_for_429_and_503_up_to_a_minute(void **state)
{
	struct seen s = ask("retry", "times=1 status=429 after=1");

	assert_int_equal(s.waited_ms, 1000);
	assert_string_equal(buf_str(&s.text), WORDS5);
	clear(&s);
	s = ask("retry", "times=1 status=500 after=1");
	assert_in_range(s.waited_ms, 0, 10);
	clear(&s);
	s = (struct seen){ .cancel_in_retry = true };
	begin_ask(&s, "retry", "times=1 status=503 after=86400", quick, false);
	event_base_dispatch(base);
	assert_int_equal(s.waited_ms, 60000);
	assert_int_equal(s.ends, 0);
	clear(&s);
}

static void
test_nothing_is_tried_again_once_something_was_shown(void **state)
{
	expect_failure("error-mid", "n=2", ERR_provider, "the upstream died", "word0 word1 ", 0);
	expect_failure("cut", "n=2", ERR_gone, "cut before the answer was complete", "word0 word1 ", 0);
	expect_failure("cut-clean", "n=2", ERR_gone, "cut before the answer was complete", "word0 word1 ", 0);
	assert_int_equal(stat_of("requests"), 3);
	expect_failure("error-first", "", ERR_provider, "the upstream died", "", 2);
	expect_failure("drop", "", ERR_gone, "no connection", "", 2);
	expect_failure("cut", "n=0", ERR_gone, "cut", "", 2);
	assert_int_equal(stat_of("requests"), 3 + 9);
}

static void
test_a_server_that_does_not_go_on_is_stalled(void **state)
{
	struct seen s = ask_with("silent", "", (struct provider_limits){ 30, 1000, 1, 1 }, false);

	assert_int_equal(s.e.code, ERR_timeout);
	assert_non_null(strstr(s.e.text, "fake: stalled: no answer"));
	assert_int_equal(s.retries, 1);
	clear(&s);
	s = ask_with("stall", "n=2", (struct provider_limits){ 1000, 30, 1, 1 }, false);
	assert_int_equal(s.e.code, ERR_timeout);
	assert_non_null(strstr(s.e.text, "stalled: the answer stopped"));
	assert_string_equal(buf_str(&s.text), "word0 word1 ");
	assert_int_equal(s.retries, 0);
	clear(&s);
	s = ask_with("comments", "", (struct provider_limits){ 100, 1000, 0, 1 }, false);
	assert_int_equal(s.e.code, ERR_timeout);	/* keeping the line up is no progress */
	clear(&s);
}

static void
test_nobody_there_is_tried_again_then_said(void **state)
{
	struct seen s = { 0 };
	struct target t = target_of("text");
	cleanup_json json_t *messages = user_says("x");
	struct provider_request r = { .target = &t, .limits = quick, .messages = messages };

	free(t.url);
	t.url = xstrdup("http://127.0.0.1:1/v1");
	assert_non_null(provider_start(provider, &r, &events, &s, NULL));
	while (s.ends == 0)
		event_base_dispatch(base);
	assert_int_equal(s.e.code, ERR_unavailable);
	assert_int_equal(s.retries, 2);
	assert_non_null(strstr(s.e.text, "fake: no connection"));
	target_clear(&t);
}

static void
test_a_key_that_the_server_repeats_is_taken_out(void **state)
{
	struct seen s = { 0 };
	struct target t = target_of("error-key");
	cleanup_json json_t *messages = user_says("status=401");
	struct provider_request r = { .target = &t, .limits = quick, .messages = messages };

	free(t.key);
	t.key = xstrdup("sk-test-0123456789");
	assert_non_null(provider_start(provider, &r, &events, &s, NULL));
	while (s.ends == 0)
		event_base_dispatch(base);
	assert_string_equal(s.e.text, "fake: HTTP 401: Incorrect API key provided: ***.");
	target_clear(&t);
}

static void
test_what_a_server_sends_is_bounded(void **state)
{
	struct seen s = ask("endless", "n=5");

	assert_int_equal(s.e.code, ERR_too_large);
	assert_non_null(strstr(s.e.text, "longer than 4194304 bytes"));
	assert_in_range(s.text.len, PROVIDER_TEXT_MAX - 100, PROVIDER_TEXT_MAX);
	clear(&s);
	expect_failure("huge-line", "mb=5", ERR_too_large, "larger than", "", 0);
	s = ask("huge-arguments", "mb=10");
	assert_int_equal(s.e.code, ERR_none);
	assert_int_equal(json_array_size(s.calls), 2);
	assert_non_null(strstr(json_str(json_array_get(s.calls, 0), "error", ""), "longer than 1 MiB"));
	assert_string_equal(json_str(json_array_get(s.calls, 0), "arguments", ""), "{}");
	assert_null(json_object_get(json_array_get(s.calls, 1), "error"));
	assert_string_equal(json_str(json_array_get(s.calls, 1), "arguments", ""), "{\"command\":\"true\"}");
	clear(&s);
	s = ask("huge-arguments", "mb=1");		/* just above, with its frame */
	assert_non_null(json_object_get(json_array_get(s.calls, 0), "error"));
	clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_refusals_become_one_readable_line),
		CLAIM(test_transient_refusals_are_tried_again_and_final_ones_are_not),
		CLAIM(test_a_retry_that_succeeds_is_an_answer),
		CLAIM(test_the_pause_doubles_within_a_fifth),
		CLAIM(test_retry_after_is_honoured_for_429_and_503_up_to_a_minute),
		CLAIM(test_nothing_is_tried_again_once_something_was_shown),
		CLAIM(test_a_server_that_does_not_go_on_is_stalled),
		CLAIM(test_nobody_there_is_tried_again_then_said),
		CLAIM(test_a_key_that_the_server_repeats_is_taken_out),
		CLAIM(test_what_a_server_sends_is_bounded),
	};

	signal(SIGPIPE, SIG_IGN);
	return RUN(tests);
}
