/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAI dialect and the rules of spec/engine.md, section 5, against the
 * fake provider as a process of its own: every way a server can be right,
 * odd or wrong.
 */
#include "tests/check.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/ollama.h"
#include "engined/provider.h"

static struct event_base *base;
static struct provider *provider;
static pid_t server;
static int server_stdin, port;

/* ---- the server ---------------------------------------------------------------------------- */

static void
exec_server(int in, int out, const char *option)
{
	char self[PATH_MAX] = "";
	cleanup_free char *path = NULL;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) == -1 || strrchr(self, '/') == NULL)
		_exit(1);
	*strrchr(self, '/') = '\0';
	path = xasprintf("%s/provider", self);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execl(path, path, "--stdin", option, (char *)NULL);
	perror(path);
	_exit(1);
}

/* Start it; it ends when we close its standard input, so none survives a failed test. */
static void
start_server(const char *option)
{
	int to[2], from[2];
	char line[16] = "";

	assert_int_equal(pipe2(to, O_CLOEXEC) + pipe2(from, O_CLOEXEC), 0);
	if ((server = fork()) == 0)
		exec_server(to[0], from[1], option);
	close(to[0]);
	close(from[1]);
	server_stdin = to[1];
	assert_true(read(from[0], line, sizeof(line) - 1) > 0);
	close(from[0]);
	port = atoi(line);
	assert_true(port > 0);
}

static void
stop_server(void)
{
	close(server_stdin);
	waitpid(server, NULL, 0);
}

static int
begin_with(const char *option)
{
	struct error e;

	start_server(option);
	base = event_base_new();
	assert_non_null(provider = provider_new(base, &e));
	return 0;
}

static int
begin(void **state)
{
	return begin_with(NULL);
}

static int
begin_ollama(void **state)
{
	return begin_with("--ollama");
}

static int
finish(void **state)
{
	provider_free(provider);
	event_base_free(base);
	stop_server();
	return 0;
}

/* ---- asking -------------------------------------------------------------------------------- */

struct seen {
	struct provider_call *call;
	struct buf	 text, reasoning;
	int		 deltas, retries, waited_ms, ends;
	struct error	 why;			/* of the newest retry */
	struct error	 e;			/* code none: done */
	json_t		*calls, *extra;
	char		 finish[32];
	int64_t		 in, out;
	bool		 estimated;
	double		 cost;
	int		 cancel_after;		/* deltas; 0: never */
	bool		 cancel_in_retry;
};

static void
on_text(void *arg, const char *text, size_t len)
{
	struct seen *s = arg;
	cleanup_free char *clean = utf8_clean(text, len);

	assert_int_equal(strlen(text), len);
	assert_string_equal(clean, text);	/* whole characters only */
	(void)buf_add(&s->text, text, len);
	if (++s->deltas == s->cancel_after) {
		provider_cancel(steal(s->call));
		event_base_loopbreak(base);
	}
}

static void
on_reasoning(void *arg, const char *text, size_t len)
{
	(void)buf_add(&((struct seen *)arg)->reasoning, text, len);
}

static void
on_retrying(void *arg, int attempt, int wait_ms, const struct error *why)
{
	struct seen *s = arg;

	assert_int_equal(attempt, ++s->retries);
	s->waited_ms = wait_ms;
	s->why = *why;
	if (s->cancel_in_retry) {
		provider_cancel(steal(s->call));
		event_base_loopbreak(base);
	}
}

static void
on_done(void *arg, const struct provider_result *r)
{
	struct seen *s = arg;

	s->ends++;
	s->calls = json_incref(r->tool_calls);
	s->extra = json_incref(r->extra);
	snprintf(s->finish, sizeof(s->finish), "%s", r->finish_reason);
	s->in = r->input_tokens;
	s->out = r->output_tokens;
	s->estimated = r->estimated;
	s->cost = r->cost_usd;
	event_base_loopbreak(base);
}

static void
on_failed(void *arg, const struct error *e)
{
	struct seen *s = arg;

	s->ends++;
	s->e = *e;
	event_base_loopbreak(base);
}

static const struct provider_events events = { on_text, on_reasoning, on_retrying, on_done, on_failed };

/* runtime.*, small enough for a test. */
static const struct provider_limits quick = { 60000, 60000, 2, 2 };

static const char *
no_secret(void *arg, const char *name)
{
	return NULL;
}

static struct target
target_of(const char *model)
{
	cleanup_free char *url = xasprintf("http://127.0.0.1:%d", port), *id = xasprintf("fake/%s", model);
	cleanup_json json_t *config = json_pack("{s:{s:[{s:s, s:s}]}}", "providers", "ollama", "name", "fake", "url", url);
	struct target t;
	struct error e = { 0 };

	assert_int_equal(target_resolve(config, no_secret, NULL, id, &t, &e), 0);
	return t;
}

static json_t *
user_says(const char *text)
{
	return json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", "be brief", "role", "user", "content", text);
}

static void
begin_ask(struct seen *s, const char *model, const char *user, struct provider_limits limits, bool whole)
{
	cleanup_json json_t *messages = user_says(user);
	struct target t = target_of(model);
	struct provider_request r = { .target = &t, .limits = limits, .messages = messages, .whole = whole };
	struct error e = { 0 };

	s->call = provider_start(provider, &r, &events, s, &e);
	assert_non_null(s->call);
	assert_int_equal(s->ends + s->deltas, 0);
	target_clear(&t);
}

static struct seen
ask_with(const char *model, const char *user, struct provider_limits limits, bool whole)
{
	struct seen s = { 0 };

	begin_ask(&s, model, user, limits, whole);
	while (s.ends == 0)
		event_base_dispatch(base);
	assert_int_equal(s.ends, 1);
	return s;
}

static struct seen
ask(const char *model, const char *user)
{
	return ask_with(model, user, quick, false);
}

static void
clear(struct seen *s)
{
	buf_clear(&s->text);
	buf_clear(&s->reasoning);
	json_decref(s->calls);
	json_decref(s->extra);
}

static void
expect_text(const char *model, const char *user, const char *text)
{
	struct seen s = ask(model, user);

	if (s.e.code != ERR_none)
		fail_msg("%s: %s", model, s.e.text);
	assert_string_equal(buf_str(&s.text), text);
	assert_string_equal(s.finish, "stop");
	assert_int_equal(json_array_size(s.calls), 0);
	clear(&s);
}

/* The whole answer fails with these words, after this text and this many retries. */
static void
expect_failure(const char *model, const char *user, enum error_code code, const char *words, const char *text, int retries)
{
	struct seen s = ask(model, user);

	assert_int_equal(s.e.code, code);
	if (strstr(s.e.text, words) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", model, s.e.text, words);
	assert_memory_equal(s.e.text, "fake: ", 6);
	assert_null(strpbrk(s.e.text, "\n<>"));
	assert_string_equal(buf_str(&s.text), text);
	assert_int_equal(s.retries, retries);
	clear(&s);
}

struct fetched {
	struct buf	text;
	int		done;
};

static int
fetch_data(void *arg, const void *bytes, size_t len)
{
	return buf_add(&((struct fetched *)arg)->text, bytes, len);
}

static void
fetch_done(void *arg, const struct error *e)
{
	assert_null(e);
	((struct fetched *)arg)->done = 1;
	event_base_loopbreak(base);
}

/* A page of the server's own. New reference. */
static json_t *
fetch(const char *path)
{
	cleanup_free char *url = xasprintf("http://127.0.0.1:%d%s", port, path);
	struct http_request r = { .method = "GET", .url = url, .max_body = 1 << 20 };
	struct http_events ev = { .data = fetch_data, .done = fetch_done };
	struct http *http = http_new(base, NULL);
	struct fetched f = { 0 };
	json_t *j;

	http_start(http, &r, &ev, &f, NULL);
	while (!f.done)
		event_base_dispatch(base);
	j = json_parse(buf_str(&f.text), f.text.len, 32, NULL);
	buf_clear(&f.text);
	http_free(http);
	assert_non_null(j);
	return j;
}

static int64_t
stat_of(const char *name)
{
	cleanup_json json_t *j = fetch("/stats");

	return json_int(j, name, -1);
}

/* ---- right answers ------------------------------------------------------------------------- */

#define WORDS5 "word0 word1 word2 word3 word4 "

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

/* ---- wrong answers ------------------------------------------------------------------------- */

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

/* ---- cancelling, connections, load --------------------------------------------------------- */

static void
test_a_cancelled_call_is_silent_and_its_stream_ends(void **state)
{
	struct seen s = { .cancel_after = 3 }, before = { 0 };

	provider_cancel(NULL);
	begin_ask(&before, "text", "", quick, false);
	provider_cancel(before.call);
	begin_ask(&s, "endless", "", quick, false);
	event_base_dispatch(base);
	assert_int_equal(s.deltas, 3);
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

#define CLAIM(fn) cmocka_unit_test_setup_teardown(fn, begin, finish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_text_comes_in_deltas_with_usage),
		CLAIM(test_absent_usage_is_estimated_and_marked),
		CLAIM(test_reasoning_comes_apart_from_text),
		CLAIM(test_parallel_calls_are_put_together_whatever_the_server_leaves_out),
		CLAIM(test_characters_cut_between_packets_or_deltas_come_out_whole),
		CLAIM(test_odd_streams_are_read),
		CLAIM(test_one_answer_instead_of_a_stream_follows_the_same_rules),
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
