/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that are one question to hostd: words, verb, where its params
 * come from, and what a person is shown of the answer. hostd decides
 * whether it may be done and checks every value.
 */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/request.h"
#include "cli/text.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

enum from { NOWHERE, ARGUMENT, ARGUMENTS, JOINED, SECRET, OPTION };	/* JOINED: all as one text; SECRET: an argument, "-" reads standard input */

struct param {
	const char	*name;
	enum from	 from;
	int		 index;		/* which argument; of an option: the number when it was not given */
	const char	*option;	/* a number */
};

struct verb {
	const char	*words, *method;
	struct param	 params[4];	/* besides the profile */
	const char	*rows;		/* the member that a table shows; NULL: none */
	const char	*empty;
	struct column	 columns[8];
	const char	*done;		/* what is said without a table; %s: the first argument */
	void	       (*show)(const json_t *result);
};

/* ---- a conversation on paper -------------------------------------------------------------- */

static void
show_tools(const json_t *turn)
{
	size_t i;
	json_t *tool;

	json_array_foreach(json_object_get(turn, "tools"), i, tool) {
		const json_t *args = json_object_get(tool, "args");
		const char *preview = json_is_string(args) ? json_string_value(args) : json_str(args, "preview", "");
		cleanup_free char *line = text_line(preview, 100), *name = text_line(json_str(tool, "name", ""), 40);

		printf("  %s %s  %s\n", strcmp(json_str(tool, "status", "ok"), "ok") == 0 ? "✓" : "✗", name, line);
	}
}

static void
show_session(const json_t *result)
{
	const json_t *session = json_object_get(result, "session");
	size_t i;
	json_t *turn;

	json_array_foreach(json_object_get(session, "turns"), i, turn) {
		cleanup_free char *user = text_visible(json_str(turn, "user", ""));
		cleanup_free char *answer = text_visible(json_str(turn, "assistant", ""));

		printf("› %s\n", user);
		show_tools(turn);
		printf("%s%s\n\n", answer, json_bool(turn, "interrupted", false) ? "\n(interrupted)" : "");
	}
	printf("%s · %lld turns · %s\n", json_str(session, "id", ""),
	    (long long)json_int(result, "total_turns", (int64_t)i), json_str(session, "model", ""));
}

static void
show_deleted(const json_t *result)
{
	size_t i;
	json_t *row;

	json_array_foreach(json_object_get(result, "deleted"), i, row)
		printf("deleted %s\n", json_string_value(row));
	json_array_foreach(json_object_get(result, "errors"), i, row)
		cli_failf(strcmp(json_str(row, "code", ""), "not-found") == 0 ? "no session %s" : "session %s: %s",
		    json_str(row, "id", ""), json_str(row, "code", ""));
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{ .words = "sessions list", .method = "host.sessions.list",
	  .params = { { "limit", OPTION, 100, "limit" } },
	  .rows = "sessions", .empty = "no conversations yet",
	  .columns = {
		{ "SESSION", "id", PRINT_TEXT, 0 }, { "UPDATED", "updated_at", PRINT_AGE, 0 },
		{ "TURNS", "turns", PRINT_NUMBER, 0 }, { "SIZE", "size_bytes", PRINT_SIZE, 0 },
		{ "BEGINS", "first_user", PRINT_TEXT, 48 },
	  } },
	{ .words = "sessions show", .method = "host.session.read",
	  .params = { { "id", ARGUMENT, 0, NULL } }, .show = show_session },
	{ .words = "sessions search", .method = "host.sessions.search",
	  .params = { { "limit", OPTION, 20, "limit" }, { "text", JOINED, 0, NULL } },
	  .rows = "sessions", .empty = "no conversation has these words",
	  .columns = {
		{ "SESSION", "session_id", PRINT_TEXT, 0 }, { "BEGAN", "when", PRINT_TEXT, 0 },
		{ "SCORE", "score", PRINT_NUMBER, 0 }, { "PASSAGE", "snippet", PRINT_TEXT, 64 },
	  } },
	{ .words = "sessions delete", .method = "host.sessions.delete",
	  .params = { { "ids", ARGUMENTS, 0, NULL } }, .show = show_deleted },
	{ .words = "config set", .method = "host.config.set_field",
	  .params = { { "key", ARGUMENT, 0, NULL }, { "value", ARGUMENT, 1, NULL } }, .done = "set %s" },
	{ .words = "config unset", .method = "host.config.unset_field",
	  .params = { { "key", ARGUMENT, 0, NULL } }, .done = "unset %s" },
	{ .words = "providers set-key", .method = "host.providers.set_key",
	  .params = { { "key", ARGUMENT, 0, NULL }, { "value", SECRET, 1, NULL } },
	  .done = "stored %s in .env" },
	{ .words = "providers unset-key", .method = "host.providers.unset_key",
	  .params = { { "key", ARGUMENT, 0, NULL } }, .done = "removed %s from .env" },
	{ .words = "providers add-ollama", .method = "host.providers.add_ollama",
	  .params = { { "name", ARGUMENT, 0, NULL }, { "url", ARGUMENT, 1, NULL } }, .done = "added %s" },
	{ .words = "providers remove-ollama", .method = "host.providers.remove_ollama",
	  .params = { { "name", ARGUMENT, 0, NULL } }, .done = "removed %s" },
	{ .words = "sandbox set", .method = "host.sandbox.set",
	  .params = { { "state", ARGUMENT, 0, NULL } }, .done = "sandbox %s" },
	{ .words = "sandbox network", .method = "host.sandbox.network",
	  .params = { { "state", ARGUMENT, 0, NULL } }, .done = "network in the sandbox: %s" },
};

/* ---- asking ------------------------------------------------------------------------------- */

static json_t *
all_arguments(const struct args *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->nrest; i++)
		json_array_append_new(list, json_string(a->rest[i]));
	return list;
}

/* The words of a command line as somebody would have written them. */
static json_t *
joined(const struct args *a)
{
	cleanup_buf struct buf b = BUF(0);

	for (size_t i = 0; i < a->nrest; i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", a->rest[i]);
	return json_string(buf_str(&b));
}

/* A value that should not stand in a process list or a shell's history. */
static json_t *
secret(const char *arg, struct error *e)
{
	cleanup_free char *text = request_text(arg, e);

	if (text == NULL)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	return json_string(text);
}

static int
add_param(json_t *params, const struct param *p, const struct args *a, struct error *e)
{
	json_t *value = NULL;
	long number = 0;

	if (p->from == ARGUMENT)
		value = json_string(a->rest[p->index]);
	else if (p->from == ARGUMENTS)
		value = all_arguments(a);
	else if (p->from == JOINED)
		value = joined(a);
	else if (p->from == SECRET)
		value = secret(a->rest[p->index], e);
	else if (arg_number(a, p->option, 1, p->index, &number, e) == 0)
		value = json_integer(number);
	if (value == NULL && e->code == 0)
		return error_set(e, ERR_invalid, "%s is not UTF-8", p->name);
	return value == NULL ? -1 : json_object_set_new(params, p->name, value);
}

static json_t *
params_of(const struct cli *c, const struct verb *v, const struct args *a, struct error *e)
{
	json_t *params = json_pack("{s:s}", "profile", c->profile);

	for (size_t i = 0; i < COUNT(v->params) && v->params[i].name != NULL; i++)
		if (add_param(params, &v->params[i], a, e) == -1) {
			json_decref(params);
			return NULL;
		}
	return params;
}

static void
print_result(const struct verb *v, const struct args *a, const json_t *result)
{
	size_t n = 0;

	while (n < COUNT(v->columns) && v->columns[n].title != NULL)
		n++;
	if (arg_has(a, "json"))
		print_json(stdout, v->rows ? json_object_get(result, v->rows) : result);
	else if (v->show != NULL)
		v->show(result);
	else if (v->rows != NULL)
		print_table(stdout, v->columns, n, json_object_get(result, v->rows), v->empty);
	else {
		printf(v->done, a->rest[0]);
		putchar('\n');
	}
}

int
verb_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	const struct verb *v = verbs;
	cleanup_json json_t *params = NULL, *result = NULL;

	while (strcmp(v->words, a->command->words) != 0)
		v++;
	if ((params = params_of(c, v, a, &e)) == NULL)
		return e.code == ERR_invalid && v->params[0].from == OPTION ? cli_usage(a, "%s", e.text) : cli_fail(&e);
	if ((result = client_call(c, v->method, json_incref(params), &e)) == NULL)
		return cli_fail(&e);
	print_result(v, a, result);
	return json_array_size(json_object_get(result, "errors")) > 0 ? EXIT_FAILED : 0;
}
