/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAI dialect and the rules of spec/engine.md, section 5: every way a
 * server can be right or odd, and what it is asked. What is wrong is
 * test_openai_wrong's.
 */
#include "tests/unit/openai_fixture.h"

#include <signal.h>

#include "engined/ollama.h"

/* ---- right answers ------------------------------------------------------------------------- */

static void
test_text_comes_in_deltas_with_usage(void **state)
{
	struct seen s = ask("text", "n=5 delay=1");

	assert_string_equal(buf_str(&s.text), WORDS5);
	assert_int_equal(s.deltas, 5);
	assert_string_equal(s.finish, "stop");
	assert_int_equal(s.in, 120);
	assert_int_equal(s.out, 12);
	assert_false(s.estimated);
	assert_true(s.cost == 0);
	clear(&s);
	s = ask("cost", "");
	assert_true(s.cost > 0.0124 && s.cost < 0.0126);
	clear(&s);
}

static void
test_absent_usage_is_estimated_and_marked(void **state)
{
	struct seen s = ask("no-usage", "n=5");

	assert_true(s.estimated);
	assert_int_equal(s.out, 8);			/* 30 bytes */
	assert_in_range(s.in, 20, 80);
	clear(&s);
}

static void
test_an_image_is_estimated_as_one_whatever_its_bytes(void **state)
{
	cleanup_free char *picture = xcalloc(1, (1 << 20) + 1), *url = NULL;
	cleanup_json json_t *messages = NULL;
	struct target t = target_of("no-usage");
	struct provider_request r = { .target = &t, .limits = quick };
	struct seen s = { 0 };
	struct error e = { 0 };

	memset(picture, 'A', 1 << 20);
	url = xasprintf("data:image/png;base64,%s", picture);
	messages = r.messages = json_pack("[{s:s, s:[{s:s, s:s}, {s:s, s:{s:s}}]}]", "role", "user", "content",
	    "type", "text", "text", "n=5", "type", "image_url", "image_url", "url", url);
	assert_non_null(s.call = provider_start(provider, &r, &events, &s, &e));
	while (s.ends == 0)
		event_base_dispatch(base);
	assert_true(s.e.code == ERR_none && s.estimated);
	assert_in_range(s.in, 1000, 1100);
	target_clear(&t);
	clear(&s);
}

static void
test_reasoning_comes_apart_from_text(void **state)
{
	struct seen s = ask("reasoning", "size=5");

	assert_string_equal(buf_str(&s.reasoning), "Let me think about this for a moment.");
	assert_string_equal(buf_str(&s.text), "The answer is 42.");
	clear(&s);
}

static void
expect_five(const char *model)
{
	struct seen s = ask(model, "");
	const char *ids[5];

	if (s.e.code != ERR_none)
		fail_msg("%s: %s", model, s.e.text);
	assert_string_equal(s.finish, "tool_calls");
	assert_int_equal(json_array_size(s.calls), 5);
	for (size_t i = 0; i < 5; i++) {
		const json_t *call = json_array_get(s.calls, i);
		cleanup_json json_t *args = json_parse(json_str(call, "arguments", ""), strlen(json_str(call, "arguments", "")), 8, NULL);
		char want[16];

		snprintf(want, sizeof(want), "echo %zu", i);
		assert_string_equal(json_str(call, "name", ""), "terminal");
		assert_string_equal(json_str(args, "command", ""), want);
		assert_null(json_object_get(call, "error"));
		ids[i] = json_str(call, "id", "");
		assert_true(strlen(ids[i]) > 5);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[k], ids[i]);
	}
	clear(&s);
}

static void
test_parallel_calls_are_put_together_whatever_the_server_leaves_out(void **state)
{
	expect_five("five-tools");
	expect_five("calls-no-index");
	expect_five("calls-same-index");
	expect_five("calls-no-id");
	expect_five("calls-bare");
	expect_five("calls-object");
}

static void
test_characters_cut_between_packets_or_deltas_come_out_whole(void **state)
{
	expect_text("utf8", "size=1", "Grüße aus Zürich, 日本語, 🙂🚀 und ﷺ.");
	expect_text("utf8-half", "", "Grüße 🙂 🚀 bad \xef\xbf\xbd nul \xef\xbf\xbd end \xef\xbf\xbd\xef\xbf\xbd");
}

static void
test_odd_streams_are_read(void **state)
{
	expect_text("odd-events", "", "odd events");
	expect_text("crlf", "", "odd events");
	expect_text("cr", "", "odd events");
	expect_text("mislabelled", "", WORDS5);
	expect_text("as-whole", "", WORDS5);
	expect_text("no-done", "", WORDS5);
	expect_text("no-finish", "", WORDS5);
	expect_text("hang", "", WORDS5);		/* [DONE], and then the connection stays open */
}

static void
test_one_answer_instead_of_a_stream_follows_the_same_rules(void **state)
{
	struct seen s = ask_with("text", "n=5", quick, true);

	assert_string_equal(buf_str(&s.text), WORDS5);
	assert_int_equal(s.deltas, 1);
	assert_int_equal(s.in, 120);
	clear(&s);
	s = ask_with("five-tools", "", quick, true);
	assert_int_equal(json_array_size(s.calls), 5);
	assert_string_equal(s.finish, "tool_calls");
	clear(&s);
	s = ask_with("retry", "status=503 whole", quick, true);
	assert_int_equal(s.retries, 1);
	assert_string_equal(buf_str(&s.text), WORDS5);
	clear(&s);
	s = ask_with("silent", "", (struct provider_limits){ 30, 30, 0, 1 }, true);
	assert_int_equal(s.e.code, ERR_timeout);
	clear(&s);
}

/* ---- cancelling, connections, load --------------------------------------------------------- */

static void
test_a_cancelled_call_is_silent_and_its_stream_ends(void **state)
{
	struct seen s = { .cancel_after = 3 }, before = { 0 };
	struct provider_result r;

	provider_cancel(NULL);
	begin_ask(&before, "text", "", quick, false);
	assert_false(provider_unfinished(before.call, &r));
	provider_cancel(before.call);
	begin_ask(&s, "endless", "", quick, false);
	event_base_dispatch(base);
	assert_int_equal(s.deltas, 3);
	assert_true(s.estimated && s.in > 0);
	assert_int_equal(s.out, (s.text.len + 3) / 4);
	while (stat_of("open") != 0)
		;
	assert_int_equal(stat_of("aborted"), 1);
	assert_int_equal(s.ends + before.ends, 0);
	clear(&s);
	s = (struct seen){ .cancel_after = 1 };		/* the events behind it have come already, in the same packet */
	begin_ask(&s, "utf8-half", "", quick, false);
	event_base_dispatch(base);
	assert_int_equal(s.deltas, 1);
	assert_string_equal(buf_str(&s.text), "Gr");
	clear(&s);
}

static void
test_calls_that_run_end_with_the_provider(void **state)
{
	struct seen s[3] = { 0 };

	begin_ask(&s[0], "stall", "", quick, false);
	begin_ask(&s[1], "silent", "", quick, false);
	begin_ask(&s[2], "text", "n=1000 delay=50", quick, false);
	while (s[2].deltas == 0)
		event_base_loop(base, EVLOOP_ONCE);
	provider_free(steal(provider));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(s[i].ends, 0);
		clear(&s[i]);
	}
}

static void
test_connections_are_reused_between_calls(void **state)
{
	int64_t before;

	expect_text("text", "", WORDS5);
	before = stat_of("connections");
	for (int i = 0; i < 10; i++)
		expect_text("text", "", WORDS5);
	assert_int_equal(stat_of("connections") - before, 1);	/* the one of stat_of itself */
}

static void
test_many_streams_run_at_once(void **state)
{
	enum { MANY = 300 };
	struct seen *s = xcalloc(MANY, sizeof(*s));
	int over = 0;

	for (int i = 0; i < MANY; i++)
		begin_ask(&s[i], "text", "n=20 delay=5 first=50", (struct provider_limits){ 60000, 60000, 0, 1 }, false);
	while (over < MANY) {
		event_base_loop(base, EVLOOP_ONCE);
		over = 0;
		for (int i = 0; i < MANY; i++)
			over += s[i].ends;
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(s[i].e.code, ERR_none);
		assert_int_equal(s[i].deltas, 20);
		clear(&s[i]);
	}
	assert_int_equal(stat_of("requests"), MANY);
	free(s);
}

/* ---- the request --------------------------------------------------------------------------- */

static json_t *
tools_row(void)
{
	return json_pack("[{s:s, s:{s:s, s:s, s:{s:s}}}]", "type", "function", "function", "name", "read_file",
	    "description", "d", "parameters", "type", "object");
}

static void
test_the_body_told_is_the_body_sent(void **state)
{
	cleanup_json json_t *messages = user_says("n=1 größe \"x\""), *tools = tools_row(), *told = NULL, *sent = NULL;
	struct target t = target_of("text");
	struct provider_request r = { .target = &t, .limits = quick, .messages = messages, .tools = tools, .effort = "high" };
	cleanup_free char *body = provider_body(provider, &r);
	struct seen s = { 0 };

	provider_start(provider, &r, &events, &s, NULL);
	while (s.ends == 0)
		event_base_dispatch(base);
	told = json_parse(body, strlen(body), 32, NULL);
	sent = fetch("/last");
	assert_true(json_equal(told, sent));
	assert_string_equal(json_str(sent, "model", ""), "text");
	assert_string_equal(json_str(sent, "tool_choice", ""), "auto");
	assert_true(json_is_true(json_at(sent, "stream_options.include_usage")));
	assert_null(json_object_get(sent, "options"));
	assert_null(json_object_get(sent, "reasoning_effort"));	/* no model that reasons */
	target_clear(&t);
	clear(&s);
}

static void
on_probed(void *arg)
{
	*(int *)arg = 1;
	event_base_loopbreak(base);
}

static void
test_an_ollama_servers_window_is_learned_once_and_sent(void **state)
{
	struct target t = target_of("text");
	cleanup_json json_t *sent = NULL;
	int probed = 0;

	assert_int_equal(provider_window(provider, &t), PROVIDER_WINDOW);
	expect_text("text", "", WORDS5);
	sent = fetch("/last");
	assert_int_equal(json_integer_value(json_at(sent, "options.num_ctx")), 16384);
	assert_int_equal(provider_window(provider, &t), 16384);
	assert_null(provider_probe(provider, &t, on_probed, &probed));
	target_clear(&t);

	t = target_of("other");
	assert_non_null(provider_probe(provider, &t, on_probed, &probed));
	while (!probed)
		event_base_dispatch(base);
	assert_int_equal(provider_window(provider, &t), 16384);
	target_clear(&t);
}

static void
test_a_server_that_is_no_ollama_keeps_the_common_window(void **state)
{
	struct target t = target_of("text");
	int probed = 0;
	struct ollama_probe *q = provider_probe(provider, &t, on_probed, &probed);

	ollama_cancel(q);
	assert_non_null(provider_probe(provider, &t, on_probed, &probed));
	while (!probed)
		event_base_dispatch(base);
	assert_int_equal(provider_window(provider, &t), PROVIDER_WINDOW);
	assert_null(provider_probe(provider, &t, on_probed, &probed));
	target_clear(&t);
}

static void
test_a_scripted_conversation_runs_in_steps(void **state)
{
	struct seen s = ask("script", "{\"steps\":[{\"text\":\"ok\",\"calls\":[{\"name\":\"a\",\"arguments\":{\"x\":1}}]}]}");

	assert_string_equal(buf_str(&s.text), "ok");
	assert_string_equal(json_str(json_array_get(s.calls, 0), "arguments", ""), "{\"x\":1}");
	clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_text_comes_in_deltas_with_usage),
		CLAIM(test_absent_usage_is_estimated_and_marked),
		CLAIM(test_an_image_is_estimated_as_one_whatever_its_bytes),
		CLAIM(test_reasoning_comes_apart_from_text),
		CLAIM(test_parallel_calls_are_put_together_whatever_the_server_leaves_out),
		CLAIM(test_characters_cut_between_packets_or_deltas_come_out_whole),
		CLAIM(test_odd_streams_are_read),
		CLAIM(test_one_answer_instead_of_a_stream_follows_the_same_rules),
		CLAIM(test_a_cancelled_call_is_silent_and_its_stream_ends),
		CLAIM(test_calls_that_run_end_with_the_provider),
		CLAIM(test_connections_are_reused_between_calls),
		CLAIM(test_many_streams_run_at_once),
		CLAIM(test_the_body_told_is_the_body_sent),
		cmocka_unit_test_setup_teardown(test_an_ollama_servers_window_is_learned_once_and_sent, begin_ollama, finish),
		CLAIM(test_a_server_that_is_no_ollama_keeps_the_common_window),
		CLAIM(test_a_scripted_conversation_runs_in_steps),
	};

	signal(SIGPIPE, SIG_IGN);
	return RUN(tests);
}
