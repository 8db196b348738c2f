/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One tool call through the real launcher and worker, without bus, grants or
 * approval: what the sandbox refuses is refused by the sandbox.
 *
 *   toolcall LIBEXEC HOME WORKSPACE TOOL ARGS [POLICY]
 *
 * ARGS is a JSON object. POLICY is one too: read, write, allow_missing (lists), network ("any"), cancel_ms,
 * skill (its folder), env (its variables), repeat (calls to make), kill_launcher (true: with the first progress). Prints one line of JSON per call; TOOL
 * "selftest" prints the layers. The root home is HOME, or what ALPI_ROOT says.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/launcher.h"
#include "toolrunner/worker.h"

struct run {
	struct event_base	*base;
	struct worker		*worker;
	int64_t			 begun_ns;
	bool			 done;
};

static const char **
strings(const json_t *list)
{
	const char **out = xcalloc(json_array_size(list) + 1, sizeof(*out));

	for (size_t i = 0; i < json_array_size(list); i++)
		out[i] = json_string_value(json_array_get(list, i));
	return out;
}

static void
print(json_t *j)
{
	cleanup_free char *text = json_text(j);

	puts(text);
	fflush(stdout);
	json_decref(j);
}

static void
on_progress(void *arg, const char *line)
{
	print(json_pack("{s:s}", "progress", line));
}

static void
on_done(void *arg, const struct worker_result *r)
{
	struct run *run = arg;

	print(json_pack("{s:b s:s s:s s:s s:O* s:f}", "ok", r->ok, "output", r->output, "error", r->error, "code", r->code,
	    "mutations", r->mutations, "ms", (double)(clock_mono_ns() - run->begun_ns) / 1e6));
	run->done = true;
}

static const struct worker_events events = { .progress = on_progress, .done = on_done };

static void
on_cancel(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	if (!run->done)
		worker_cancel(run->worker);
}

static int
fail(const struct error *e)
{
	print(json_pack("{s:b s:s s:s s:s}", "ok", 0, "output", "", "error", e->text, "code", error_name(e->code)));
	return 1;
}

static int
call(struct launcher *l, struct run *run, const struct worker_job *job, int64_t cancel_ms)
{
	struct timeval later = { .tv_sec = cancel_ms / 1000, .tv_usec = cancel_ms % 1000 * 1000 };
	struct error e = { 0 };

	run->done = false;
	run->begun_ns = clock_mono_ns();
	if ((run->worker = worker_start(l, job, &events, run, &e)) == NULL)
		return fail(&e);
	worker_go(run->worker);
	if (cancel_ms > 0)
		event_base_once(run->base, -1, EV_TIMEOUT, on_cancel, run, &later);
	while (!run->done)
		event_base_loop(run->base, EVLOOP_ONCE);
	return 0;
}

static void
on_probed(void *arg, const struct worker_result *r)
{
	struct run *run = arg;

	print(json_pack("{s:o* s:s s:f}", "layers", json_parse(r->output, strlen(r->output), 8, NULL), "error", r->error, "ms",
	    (double)(clock_mono_ns() - run->begun_ns) / 1e6));
	run->done = true;
}

static const struct worker_events probe_events = { .done = on_probed };

static int
selftest(struct launcher *l, struct run *run, const struct sandbox_policy *policy)
{
	struct error e = { 0 };

	run->begun_ns = clock_mono_ns();
	if (worker_probe(l, policy, &probe_events, run, &e) == NULL)
		return fail(&e);
	while (!run->done)
		event_base_loop(run->base, EVLOOP_ONCE);
	launcher_stop(l);
	return 0;
}

/* Each line of standard input is the arguments of one more call with the same launcher. */
static int
further(struct launcher *l, struct run *run, struct worker_job *job)
{
	char *line = NULL;
	size_t size = 0;
	int status = 0;

	while (status == 0 && getline(&line, &size, stdin) > 0) {
		cleanup_json json_t *args = json_parse(line, strlen(line), 32, NULL);

		job->args = args;
		job->timeout_ms = tool_limit_ms(job->tool, args, false);
		status = call(l, run, job, 0);
	}
	free(line);
	return status;
}

int
main(int argc, char *argv[])
{
	struct run run = { .base = event_base_new() };
	struct boot boot = { 0 };
	struct error e = { 0 };
	json_t *policy, *args;
	struct launcher *l;
	int status = 0;

	if (argc < 6)
		return 2;
	policy = argc > 6 ? json_parse(argv[6], strlen(argv[6]), 32, &e) : json_object();
	args = json_parse(argv[5], strlen(argv[5]), 32, &e);
	boot.libexec = argv[1];
	boot.home = argv[2];
	boot.root = getenv("ALPI_ROOT") != NULL ? getenv("ALPI_ROOT") : argv[2];
	if (policy == NULL || args == NULL || (l = launcher_start(&boot, run.base, &e)) == NULL)
		return fail(&e);
	struct sandbox_policy box = { strings(json_object_get(policy, "read")), strings(json_object_get(policy, "write")),
	    strings(json_object_get(policy, "allow_missing")),
	    strcmp(json_str(policy, "network", "none"), "any") == 0 ? NET_ANY : NET_NONE };
	if (strcmp(argv[4], "selftest") == 0)
		return selftest(l, &run, &box);
	struct worker_job job = { .key = "t/1/0", .tool = tool_find(argv[4]), .args = args, .workspace = argv[3], .policy = &box,
	    .skill = json_str(policy, "skill", NULL), .env = json_object_get(policy, "env") };
	job.timeout_ms = tool_limit_ms(job.tool, args, false);
	for (int64_t i = json_int(policy, "repeat", 1); i > 0 && status == 0; i--)
		status = call(l, &run, &job, json_int(policy, "cancel_ms", 0));
	if (json_bool(policy, "stdin", false))
		status = further(l, &run, &job);
	launcher_stop(l);
	return status;
}
