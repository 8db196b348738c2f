/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider of ours against the fake one as a process of its own: one asks,
 * and sees what came of it.
 */
#ifndef TESTS_OPENAI_FIXTURE_H
#define TESTS_OPENAI_FIXTURE_H

#include "tests/check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/provider.h"

static struct event_base *base;
static struct provider *provider;
static pid_t server;
static int server_stdin, port;

/* ---- the server ---------------------------------------------------------------------------- */

static inline void
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
static inline void
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

static inline void
stop_server(void)
{
	close(server_stdin);
	waitpid(server, NULL, 0);
}

static inline int
begin_with(const char *option)
{
	struct error e;

	start_server(option);
	base = event_base_new();
	assert_non_null(provider = provider_new(base, &e));
	return 0;
}

static inline int
begin(void **state)
{
	return begin_with(NULL);
}

static inline int
begin_ollama(void **state)
{
	return begin_with("--ollama");
}

static inline int
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

/* What of it is to be paid for. */
static inline void
breaks_off(struct seen *s)
{
	struct provider_result r = { 0 };

	s->estimated = provider_unfinished(s->call, &r);
	s->in = r.input_tokens;
	s->out = r.output_tokens;
}

static inline void
on_text(void *arg, const char *text, size_t len)
{
	struct seen *s = arg;
	cleanup_free char *clean = utf8_clean(text, len);

	assert_int_equal(strlen(text), len);
	assert_string_equal(clean, text);	/* whole characters only */
	(void)buf_add(&s->text, text, len);
	if (++s->deltas == s->cancel_after) {
		breaks_off(s);
		provider_cancel(steal(s->call));
		event_base_loopbreak(base);
	}
}

static inline void
on_reasoning(void *arg, const char *text, size_t len)
{
	(void)buf_add(&((struct seen *)arg)->reasoning, text, len);
}

static inline void
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

static inline void
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

static inline void
on_failed(void *arg, const struct error *e)
{
	struct seen *s = arg;

	s->ends++;
	s->e = *e;
	breaks_off(s);
	event_base_loopbreak(base);
}

static const struct provider_events events = { on_text, on_reasoning, on_retrying, on_done, on_failed };

/* runtime.*, small enough for a test. */
static const struct provider_limits quick = { 60000, 60000, 2, 2 };

static inline const char *
no_secret(void *arg, const char *name)
{
	return NULL;
}

static inline struct target
target_of(const char *model)
{
	cleanup_free char *url = xasprintf("http://127.0.0.1:%d", port), *id = xasprintf("fake/%s", model);
	cleanup_json json_t *config = json_pack("{s:{s:[{s:s, s:s}]}}", "providers", "ollama", "name", "fake", "url", url);
	struct target t;
	struct error e = { 0 };

	assert_int_equal(target_resolve(config, no_secret, NULL, id, &t, &e), 0);
	return t;
}

static inline json_t *
user_says(const char *text)
{
	return json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", "be brief", "role", "user", "content", text);
}

static inline void
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

static inline struct seen
ask_with(const char *model, const char *user, struct provider_limits limits, bool whole)
{
	struct seen s = { 0 };

	begin_ask(&s, model, user, limits, whole);
	while (s.ends == 0)
		event_base_dispatch(base);
	assert_int_equal(s.ends, 1);
	return s;
}

static inline struct seen
ask(const char *model, const char *user)
{
	return ask_with(model, user, quick, false);
}

static inline void
clear(struct seen *s)
{
	buf_clear(&s->text);
	buf_clear(&s->reasoning);
	json_decref(s->calls);
	json_decref(s->extra);
}

static inline void
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
static inline void
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
	assert_int_equal(s.out, (s.text.len + s.reasoning.len + 3) / 4);
	assert_int_equal(s.in > 0, s.out > 0);
	clear(&s);
}

struct fetched {
	struct buf	text;
	int		done;
};

static inline int
fetch_data(void *arg, const void *bytes, size_t len)
{
	return buf_add(&((struct fetched *)arg)->text, bytes, len);
}

static inline void
fetch_done(void *arg, const struct error *e)
{
	assert_null(e);
	((struct fetched *)arg)->done = 1;
	event_base_loopbreak(base);
}

/* A page of the server's own. New reference. */
static inline json_t *
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

static inline int64_t
stat_of(const char *name)
{
	cleanup_json json_t *j = fetch("/stats");

	return json_int(j, name, -1);
}

#define WORDS5 "word0 word1 word2 word3 word4 "

#define CLAIM(fn) cmocka_unit_test_setup_teardown(fn, begin, finish)

#endif
