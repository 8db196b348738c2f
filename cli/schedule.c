/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi schedule`: jobs that run while nobody sits there (spec/scheduler.md, 9), and what became of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"

#define PAGE		1000		/* jobs of one answer: the scheduler has other things to do, too */
#define SHOWN		100
#define RUNS_MAX	1000
#define WAIT_MS		20000

/* ---- a job ---------------------------------------------------------------------------------- */

static void
print_when(const json_t *job)
{
	const char *kind = json_str(job, "kind", "cron");
	cleanup_free char *when = NULL;

	if (strcmp(kind, "inactivity") == 0) {
		printf("after %g h without you", json_num(job, "after_hours", 0));
		return;
	}
	when = text_line(json_str(job, strcmp(kind, "once") == 0 ? "run_at" : "expression", "?"), 80);
	fputs(when, stdout);
}

static void
print_flags(const json_t *job)
{
	static const char *const flags[] = { "paused", "notify", "no_agent" };

	for (size_t i = 0; i < COUNT(flags); i++)
		if (json_bool(job, flags[i], false))
			printf(" · %s", flags[i]);
}

/* A row that makes no sense is told by its place: it may have nothing else. */
static void
print_broken(const json_t *job)
{
	cleanup_free char *id = text_line(json_str(job, "id", ""), 64), *why = text_line(json_str(job, "broken", ""), 200);

	printf("%s%sentry %lld of schedule/jobs.json never runs: %s\n", id, id[0] == '\0' ? "" : "  ",
	    (long long)json_int(job, "row", 0), why);
}

static void
print_job(const json_t *job)
{
	const char *title = json_str(job, "title", ""), *status = json_str(job, "last_run_status", NULL);
	const char *last = status == NULL ? NULL : json_str(job, "last_run_at", NULL);	/* else it is when the job was added */
	cleanup_free char *line = text_line(title[0] != '\0' ? title : json_str(job, "prompt", ""), 100);
	cleanup_free char *id = text_line(json_str(job, "id", "?"), 64);

	if (json_object_get(job, "broken") != NULL) {
		print_broken(job);
		return;
	}
	printf("%s  [%s] ", id, json_str(job, "kind", "cron"));
	print_when(job);
	printf("  → %s%s\n", json_str(job, "next_fire", NULL) != NULL ? "next " : "",
	    json_str(job, "next_fire", json_str(job, "status", "")));
	printf("  %s\n  last: %s%s%s", line, last == NULL ? "never" : last, last == NULL ? "" : " ", last == NULL ? "" : status);
	print_flags(job);
	putchar('\n');
}

/* The parameters of an order to one job; NULL with the error. */
static json_t *
params_of(const struct cli *c, const struct args *a, struct error *e)
{
	json_t *params = json_pack("{s:s, s:s}", "profile", c->profile, "id", a->rest[0]);

	if (params == NULL)
		error_set(e, ERR_invalid, "the id is not UTF-8");
	return params;
}

/* ---- list, show ----------------------------------------------------------------------------- */

/* The jobs from the first on, in pages; all when limit is 0. The last answer, or NULL with the error. */
static json_t *
read_pages(struct cli *c, bool broken, size_t limit, json_t *jobs, struct error *e)
{
	json_t *result = NULL;

	for (size_t n = PAGE, had = 0; n > 0 && (limit == 0 || had < limit); had += n) {
		size_t want = limit != 0 && limit - had < PAGE ? limit - had : PAGE;
		json_t *page;

		json_decref(result);
		result = client_call(c, "host.schedule.list", json_pack("{s:s, s:I, s:I, s:b}", "profile", c->profile, "from",
		    (json_int_t)had, "limit", (json_int_t)want, "broken", broken), e);
		if (result == NULL)
			return NULL;
		page = json_object_get(result, "jobs");
		n = json_array_size(page);
		json_array_extend(jobs, page);
	}
	return result;
}

/* What the list leaves out. */
static void
print_rest(const json_t *result, size_t shown, bool only_broken)
{
	long long broken = json_int(result, "broken", 0), all = only_broken ? broken : json_int(result, "total", 0);

	if (all == 0)
		puts(only_broken ? "every job makes sense" : "no jobs yet: alpi schedule add --help");
	if (all > (long long)shown)
		printf("\nand %lld more: -n %lld shows all\n", all - (long long)shown, all);
	if (broken > 0 && !only_broken)
		printf("\n%lld of them never run%s: alpi schedule list --broken\n", broken, broken == 1 ? "s" : "");
}

int
schedule_list_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *jobs = json_array(), *result = NULL;
	bool json = arg_has(a, "json"), broken = arg_has(a, "broken");
	json_t *job;
	long limit;
	size_t i;

	if (arg_number(a, "limit", 1, SHOWN, &limit, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if ((result = read_pages(c, broken, json && !arg_has(a, "limit") ? 0 : (size_t)limit, jobs, &e)) == NULL)
		return cli_fail(&e);
	if (json) {
		print_json(stdout, jobs);
		return 0;
	}
	json_array_foreach(jobs, i, job)
		print_job(job);
	print_rest(result, json_array_size(jobs), broken);
	return 0;
}

int
schedule_show_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	json_t *params = params_of(c, a, &e);
	cleanup_json json_t *result = params == NULL ? NULL : client_call(c, "host.schedule.list", params, &e);
	const json_t *job = json_array_get(json_object_get(result, "jobs"), 0);
	cleanup_free char *prompt = text_visible(json_str(job, "prompt", ""));

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		print_json(stdout, job);
		return 0;
	}
	print_job(job);
	printf("\n%s\n", prompt);
	return 0;
}

/* ---- add, update ----------------------------------------------------------------------------- */

static const struct {
	const char	*option, *field;
	enum { TEXT, NUMBER, FLAG } is;
} fields[] = {
	{ "cron", "expression", TEXT }, { "at", "run_at", TEXT }, { "idle", "after_hours", NUMBER }, { "prompt", "prompt", TEXT },
	{ "title", "title", TEXT }, { "tz", "tz", TEXT }, { "tier", "tier", TEXT }, { "channel", "channel", TEXT }, { "timeout", "timeout", NUMBER },
	{ "notify", "notify", FLAG }, { "no-agent", "no_agent", FLAG },
};

static json_t *
value_of(const char *text, int is)
{
	char *end;
	double n = strtod(text, &end);

	if (is == FLAG)
		return json_true();
	if (is == TEXT)
		return json_string(text);
	if (*text == '\0' || *end != '\0')
		return NULL;
	return n == (double)(json_int_t)n ? json_integer((json_int_t)n) : json_real(n);
}

/* The fields that the options give, and the kind that follows from them. NULL with the error. */
static json_t *
fields_given(const struct args *a, struct error *e)
{
	static const char *const kinds[] = { "cron", "once", "inactivity" };	/* of the first three rows */
	cleanup_json json_t *job = json_object();
	json_t *v;

	for (size_t i = 0; i < COUNT(fields); i++) {
		if (!arg_has(a, fields[i].option))
			continue;
		if ((v = value_of(arg_option(a, fields[i].option), fields[i].is)) == NULL) {
			error_set(e, ERR_invalid, "--%s takes %s", fields[i].option, fields[i].is == TEXT ? "UTF-8" : "a number");
			return NULL;
		}
		json_object_set_new(job, fields[i].field, v);
		if (i < COUNT(kinds) && json_object_get(job, "kind") != NULL) {
			error_set(e, ERR_invalid, "only one of --cron, --at and --idle");
			return NULL;
		}
		if (i < COUNT(kinds))
			json_object_set_new(job, "kind", json_string(kinds[i]));
	}
	return steal(job);
}

static int
say_job(const struct args *a, const json_t *result, const char *what)
{
	const json_t *job = json_object_get(result, "job");

	if (arg_has(a, "json")) {
		print_json(stdout, job);
		return 0;
	}
	printf("%s ", what);
	print_job(job);
	return 0;
}

int
schedule_add_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	json_t *job = fields_given(a, &e), *prompt = json_string(a->rest[0]);
	cleanup_json json_t *result = NULL;

	if (job == NULL)
		return cli_usage(a, "%s", e.text);
	if (json_object_get(job, "kind") == NULL)
		return cli_usage(a, "when? --cron EXPR, --at TIME or --idle HOURS");
	if (prompt == NULL)
		return cli_failf("the prompt is not UTF-8");
	json_object_set_new(job, "prompt", prompt);
	result = client_call(c, "host.schedule.add", json_pack("{s:s, s:o, s:b}", "profile", c->profile, "job", job, "force",
	    arg_has(a, "force")), &e);
	return result == NULL ? cli_fail(&e) : say_job(a, result, "added");
}

int
schedule_update_command(struct cli *c, const struct args *a)
{
	static const struct { const char *option, *field; } off[] = { { "silent", "notify" }, { "agent", "no_agent" } };
	struct error e = { 0 };
	json_t *changes = fields_given(a, &e);
	cleanup_json json_t *result = NULL;
	json_t *params;

	if (changes == NULL)
		return cli_usage(a, "%s", e.text);
	for (size_t i = 0; i < COUNT(off); i++)
		if (arg_has(a, off[i].option))
			json_object_set_new(changes, off[i].field, json_false());
	if (json_object_size(changes) == 0)
		return cli_usage(a, "nothing to change");
	if ((params = params_of(c, a, &e)) == NULL) {
		json_decref(changes);
		return cli_fail(&e);
	}
	json_object_set_new(params, "changes", changes);
	result = client_call(c, "host.schedule.update", params, &e);
	return result == NULL ? cli_fail(&e) : say_job(a, result, "changed");
}

/* ---- remove, pause, resume --------------------------------------------------------------------- */

static int
order(struct cli *c, const struct args *a, const char *verb, json_t *more, const char *said)
{
	struct error e = { 0 };
	json_t *params = params_of(c, a, &e);
	cleanup_json json_t *result = NULL;

	if (params == NULL) {
		json_decref(more);
		return cli_fail(&e);
	}
	if (more != NULL)
		json_object_update_new(params, more);
	if ((result = client_call(c, verb, params, &e)) == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf("%s %s\n", said, a->rest[0]);
	return 0;
}

int
schedule_remove_command(struct cli *c, const struct args *a)
{
	return order(c, a, "host.schedule.remove", NULL, "removed");
}

int
schedule_pause_command(struct cli *c, const struct args *a)
{
	return order(c, a, "host.schedule.set_paused", json_pack("{s:b}", "paused", 1), "paused");
}

int
schedule_resume_command(struct cli *c, const struct args *a)
{
	return order(c, a, "host.schedule.set_paused", json_pack("{s:b}", "paused", 0), "resumed");
}

/* ---- runs ------------------------------------------------------------------------------------------ */

static void
print_end(const json_t *run, bool whose)
{
	bool ok = strcmp(json_str(run, "outcome", ""), "ok") == 0;
	const char *message = json_str(run, "message", "");
	cleanup_free char *text = text_visible(message[0] != '\0' ? message : ok ? "(nothing to say)" : json_str(run, "outcome", ""));

	if (whose)
		printf("%s  ", json_str(run, "job", "?"));
	printf("%s  %s\n", ok ? "OK" : "FAIL", text);
}

/* Follow runs to their ends; each into `ended`. */
static int
follow(struct cli *c, const char *which, json_int_t number, json_t *ended, struct error *e)
{
	bool done = false;

	while (!done) {
		cleanup_json json_t *result = client_call(c, "host.schedule.wait", json_pack("{s:s, s:I, s:i}", "profile", c->profile,
		    which, number, "wait_ms", WAIT_MS), e);
		json_t *run;
		size_t i;

		if (result == NULL)
			return -1;
		json_array_foreach(json_object_get(result, "runs"), i, run) {
			json_array_append(ended, run);
			if (strcmp(which, "after") == 0)
				number = json_int(run, "run", number);
		}
		done = json_bool(result, "done", true);
	}
	return 0;
}

int
schedule_fire_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	json_t *params = params_of(c, a, &e);
	cleanup_json json_t *began = params == NULL ? NULL : client_call(c, "host.schedule.fire", params, &e);
	cleanup_json json_t *ended = json_array();
	const json_t *run;

	if (began == NULL || follow(c, "run", json_int(began, "run", 0), ended, &e) == -1)
		return cli_fail(&e);
	if ((run = json_array_get(ended, 0)) == NULL)
		return cli_failf("what became of the run is not known; see alpi schedule history");
	if (arg_has(a, "json"))
		print_json(stdout, run);
	else
		print_end(run, false);
	return strcmp(json_str(run, "outcome", ""), "ok") == 0 ? 0 : EXIT_FAILED;
}

int
schedule_run_once_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *began = client_call(c, "host.schedule.run_once", json_pack("{s:s}", "profile", c->profile), &e);
	cleanup_json json_t *ended = json_array();
	json_t *run;
	size_t i;

	if (began == NULL || follow(c, "after", json_int(began, "after", 0), ended, &e) == -1)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		print_json(stdout, ended);
		return 0;
	}
	if (json_array_size(ended) == 0)
		puts("schedule: nothing due");
	json_array_foreach(ended, i, run)
		print_end(run, true);
	return 0;
}

static const struct column history_columns[] = {
	{ "RUN", "run", PRINT_NUMBER, 0 }, { "JOB", "job", PRINT_TEXT, 16 }, { "STARTED", "started_at", PRINT_TEXT, 0 },
	{ "SECONDS", "duration_s", PRINT_NUMBER, 0 }, { "OUTCOME", "outcome", PRINT_TEXT, 0 }, { "MESSAGE", "message", PRINT_TEXT, 60 },
};

int
schedule_history_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = NULL;
	long limit;

	if (arg_number(a, "limit", 1, 20, &limit, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if (limit > RUNS_MAX)
		return cli_usage(a, "--limit takes 1 to %d", RUNS_MAX);
	result = client_call(c, "host.schedule.history", json_pack("{s:s, s:I, s:s*}", "profile", c->profile, "limit",
	    (json_int_t)limit, "id", a->nrest > 0 ? a->rest[0] : NULL), &e);
	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, json_object_get(result, "runs"));
	else
		print_table(stdout, history_columns, COUNT(history_columns), json_object_get(result, "runs"), "no runs yet");
	return 0;
}
