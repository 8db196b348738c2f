/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See once.h. Four ways to print the same turn: for a person at a terminal
 * (as it comes), for a pipe (the finished text alone), as events, as one
 * JSON object. Shapes: spec/services-cli.md, 9.1, and spec/engine.md, 7.
 */
#include "cli/once.h"

#include <string.h>
#include <unistd.h>

#include "cli/attach.h"
#include "cli/client.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/request.h"
#include "cli/show.h"
#include "cli/turn.h"
#include "common/json.h"
#include "common/mem.h"

enum form { FORM_PERSON, FORM_PIPE, FORM_EVENTS, FORM_JSON, FORM_RAW, FORM_QUIET };

struct once {
	enum form	 form;
	struct show	 show;
	json_t		*reply, *usage, *tools, *errors;	/* the frame; the sums; rows; texts */
	char		*session;
	bool		 failed, interrupted;
};

/* ---- events ------------------------------------------------------------------------------- */

/* The arguments that a gateway needs to see, and no others. */
static json_t *
event_args(const json_t *frame)
{
	static const char *const keys[] = { "text", "title", "type", "channel", "platform" };
	const char *name = json_str(frame, "name", "");
	json_t *out, *value;

	if (strcmp(name, "send_message") != 0 && strcmp(name, "notify") != 0)
		return NULL;
	out = json_object();
	for (size_t i = 0; i < COUNT(keys); i++)
		if ((value = json_at(json_object_get(frame, "args"), keys[i])) != NULL)
			json_object_set(out, keys[i], value);
	return out;
}

/* Which keys of which frame are printed, in this order; the value is copied as it came. */
static const struct {
	const char *event;
	const char *keys[3];
} events[] = {
	{ "tool_start", { "name", "preview" } },
	{ "tool_end", { "name", "ok" } },
	{ "tool_state", { "name" } },
	{ "error", { "text" } },
	{ "interrupted", { NULL } },
};

static void
print_event(const json_t *frame)
{
	const char *event = json_str(frame, "event", "");

	for (size_t i = 0; i < COUNT(events); i++) {
		cleanup_json json_t *line = NULL, *args = NULL;

		if (strcmp(events[i].event, event) != 0)
			continue;
		line = json_pack("{s:s}", "kind", event);
		for (int k = 0; events[i].keys[k] != NULL; k++)
			if (json_object_get(frame, events[i].keys[k]) != NULL)
				json_object_set(line, events[i].keys[k], json_object_get(frame, events[i].keys[k]));
		if (strcmp(event, "tool_start") == 0 && (args = event_args(frame)) != NULL)
			json_object_set(line, "args", args);
		print_json(stdout, line);
		fflush(stdout);
	}
}

/* The last line, whatever happened: {kind: reply, text, attachments?}. */
static void
print_last_event(const struct once *o)
{
	cleanup_json json_t *line = json_pack("{s:s, s:s}", "kind", "reply", "text",
	    json_str(o->reply, "text", ""));
	json_t *list = json_object_get(o->reply, "attachments");

	if (json_array_size(list) > 0)
		json_object_set(line, "attachments", list);
	print_json(stdout, line);
}

/* ---- what the turn brought ---------------------------------------------------------------- */

/* A row per call: {id, name, args, ok, output}; ok and output when it ended. */
static void
add_tool(struct once *o, const json_t *frame)
{
	static const char *const keys[] = { "args", "ok", "output" };
	const char *id = json_str(frame, "tool_id", "");
	json_t *row = NULL, *r;
	size_t i;

	json_array_foreach(o->tools, i, r)
		if (strcmp(json_str(r, "id", ""), id) == 0 && json_object_get(r, "ok") == NULL)
			row = r;
	if (row == NULL) {
		row = json_pack("{s:s, s:s}", "id", id, "name", json_str(frame, "name", ""));
		json_array_append_new(o->tools, row);
	}
	for (i = 0; i < COUNT(keys); i++)
		if (json_object_get(frame, keys[i]) != NULL)
			json_object_set(row, keys[i], json_object_get(frame, keys[i]));
}

static void
add_error(struct once *o, const char *text)
{
	o->failed = true;
	json_array_append_new(o->errors, json_string(text));
}

static void
collect(struct once *o, const json_t *frame)
{
	const char *event = json_str(frame, "event", "");

	if (json_str(frame, "session_id", NULL) != NULL && o->session == NULL)
		o->session = xstrdup(json_str(frame, "session_id", ""));
	if (strcmp(event, "reply") == 0) {
		json_decref(o->reply);
		o->reply = json_incref((json_t *)frame);
	} else if (strcmp(event, "usage") == 0) {
		turn_add_usage(&o->usage, frame);
	} else if (strcmp(event, "tool_start") == 0 || strcmp(event, "tool_end") == 0) {
		add_tool(o, frame);
	} else if (strcmp(event, "error") == 0) {
		add_error(o, json_str(frame, "text", "failed"));
	} else if (strcmp(event, "interrupted") == 0) {
		o->interrupted = true;
	}
}

/* ---- the end ------------------------------------------------------------------------------ */

static void
print_pipe(struct once *o)
{
	const char *text = json_str(o->reply, "text", "");
	struct render plain;
	struct buf out = BUF(0);
	size_t i;
	json_t *row;

	render_init(&plain, false);
	render_add(&plain, text, strlen(text), &out);
	render_end(&plain, &out);
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_clear(&out);
	json_array_foreach(o->errors, i, row) {
		cleanup_free char *safe = text_visible(json_string_value(row));

		printf("[error] %s\n", safe);
	}
	show_frame(&o->show, o->reply);		/* only its list of produced files */
}

/* What a program put out is no Markdown. */
static void
print_raw(const struct once *o)
{
	cleanup_free char *text = text_visible(json_str(o->reply, "text", ""));
	size_t i;
	json_t *row;

	fputs(text, stdout);
	if (*text != '\0' && text[strlen(text) - 1] != '\n')
		putchar('\n');
	fflush(stdout);
	json_array_foreach(o->errors, i, row) {
		cleanup_free char *safe = text_visible(json_string_value(row));

		fprintf(stderr, "Error: %s\n", safe);
	}
}

static void
print_object(const struct once *o)
{
	cleanup_json json_t *out = json_pack("{s:s?, s:s, s:O, s:o}", "session_id", o->session,
	    "reply", json_str(o->reply, "text", ""), "tools", o->tools,
	    "usage", o->usage != NULL ? json_incref(o->usage) : json_object());
	json_t *list = json_object_get(o->reply, "attachments");

	if (json_array_size(list) > 0)
		json_object_set(out, "attachments", list);
	if (o->interrupted)
		json_object_set_new(out, "interrupted", json_true());
	if (json_array_size(o->errors) > 0)
		json_object_set(out, "error", json_array_get(o->errors, 0));
	print_json(stdout, out);
}

static void
print_end(struct once *o)
{
	switch (o->form) {
	case FORM_PERSON:
		show_end(&o->show);
		break;
	case FORM_PIPE:
		print_pipe(o);
		break;
	case FORM_EVENTS:
		print_last_event(o);
		break;
	case FORM_JSON:
		print_object(o);
		break;
	case FORM_RAW:
		print_raw(o);
		break;
	case FORM_QUIET:
		break;
	}
	fflush(stdout);
}

/* ---- the turn ----------------------------------------------------------------------------- */

static void
take(struct once *o, const json_t *frame)
{
	collect(o, frame);
	if (o->form == FORM_PERSON)
		show_frame(&o->show, frame);
	if (o->form == FORM_EVENTS)
		print_event(frame);
}

/* The first Ctrl-C asks the turn to stop and its reply still comes; the second leaves. */
static int
follow(struct once *o, struct turn *t, struct error *e)
{
	struct pollfd p = { .events = POLLIN };
	int asked = 0, got;
	json_t *frame;

	while ((got = turn_next(t, &frame, e)) != -1) {
		if (got == 1) {
			take(o, frame);
			json_decref(frame);
			continue;
		}
		p.fd = turn_fd(t);
		if (interrupt_poll(&p, 1, show_busy(&o->show) ? 100 : -1) == 0)
			show_tick(&o->show);
		if (interrupt_count() > 1)
			return -1;
		if (interrupt_count() > asked) {
			asked = interrupt_count();
			turn_cancel(t);
		}
	}
	return e->code == ERR_none ? 0 : -1;
}

static enum form
form_of(const struct args *a)
{
	return arg_has(a, "json") ? FORM_JSON : arg_has(a, "emit-events") ? FORM_EVENTS :
	    isatty(STDOUT_FILENO) ? FORM_PERSON : FORM_PIPE;
}

static int
run_turn(struct once *o, struct turn *t)
{
	struct error e = { 0 };
	cleanup_json json_t *frame = NULL;

	interrupt_catch();
	if (o->form == FORM_PERSON)
		show_begin(&o->show);
	if (follow(o, t, &e) == -1 && e.code != ERR_none) {
		frame = json_pack("{s:s, s:s}", "event", "error", "text", e.text);
		take(o, frame);
	}
	print_end(o);
	if (interrupt_count() > 0)
		return EXIT_INTERRUPT;
	return o->failed ? EXIT_FAILED : 0;
}

static void
once_init(struct once *o, enum form form)
{
	*o = (struct once){ .form = form, .tools = json_array(), .errors = json_array() };
	show_init(&o->show);
}

static void
once_clear(struct once *o)
{
	show_clear(&o->show);
	json_decref(o->reply);
	json_decref(o->usage);
	json_decref(o->tools);
	json_decref(o->errors);
	free(o->session);
}

/* params is taken; NULL: there are none, and e says why. */
static int
run_params(struct cli *c, enum form form, json_t *params, struct error *e)
{
	struct turn *t = params == NULL ? NULL : turn_start(c, params, e);
	struct once o;
	int code;

	once_init(&o, form);
	code = t == NULL ? cli_fail(e) : run_turn(&o, t);
	turn_free(t);
	once_clear(&o);
	return code;
}

int
once_run(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_free char *text = request_text(arg_option(a, "once"), &e), *session = NULL;
	json_t *params = NULL;

	if (text != NULL && request_session(c, a, &session, &e) == 0)
		params = request_params(c, a, text, session);
	if (params != NULL && attach_files(c, a, params, &e) == -1)
		json_decref(steal(params));
	return run_params(c, form_of(a), params, &e);
}

static json_t *
order_params(struct cli *c, const struct args *a, const char *text)
{
	json_t *params = request_params(c, a, text, NULL);

	json_object_set_new(params, "no_save", json_true());
	json_object_set_new(params, "interactive", json_false());
	json_object_set_new(params, "model", json_string("offline/rules"));	/* none is asked, and none need be configured */
	return params;
}

int
once_order(struct cli *c, const struct args *a, const char *text)
{
	struct error e = { 0 };

	return run_params(c, arg_has(a, "json") ? FORM_JSON : FORM_RAW, order_params(c, a, text), &e);
}

char *
once_answer(struct cli *c, const struct args *a, const char *text, struct error *e)
{
	struct turn *t = turn_start(c, order_params(c, a, text), e);
	char *answer = NULL;
	struct once o;

	once_init(&o, FORM_QUIET);
	if (t != NULL && run_turn(&o, t) == 0 && o.reply != NULL)
		answer = xstrdup(json_str(o.reply, "text", ""));
	else if (t != NULL)
		error_set(e, ERR_unavailable, "%s", json_array_size(o.errors) > 0 ? json_string_value(json_array_get(o.errors, 0)) : "interrupted");
	turn_free(t);
	once_clear(&o);
	return answer;
}

/* ---- --explain-prompt --------------------------------------------------------------------- */

static void
print_explained(const json_t *result)
{
	static const struct column columns[] = {
		{ "PART", "name", PRINT_TEXT, 40 },
		{ "BYTES", "bytes", PRINT_NUMBER, 0 },
		{ "TOKENS", "tokens", PRINT_NUMBER, 0 },
	};
	const json_t *parts = json_object_get(result, "parts");
	size_t i;
	json_t *part;

	json_array_foreach(parts, i, part) {
		cleanup_free char *text = text_visible(json_str(part, "text", ""));

		printf("## %s\n%s\n\n", json_str(part, "name", ""), text);
	}
	print_table(stdout, columns, COUNT(columns), parts, "nothing would be sent");
	printf("\nmodel %s · the request is %lld bytes, about %lld tokens\n",
	    json_str(result, "model", "(none)"), (long long)json_int(result, "request_bytes", 0),
	    (long long)json_int(result, "request_tokens", 0));
}

int
once_explain(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_free char *text = request_text(a->nrest > 0 ? a->rest[0] : "hello", &e), *session = NULL;
	cleanup_json json_t *params = NULL, *result = NULL;

	if (text == NULL || request_session(c, a, &session, &e) == -1)
		return cli_fail(&e);
	params = request_params(c, a, text, session);
	if ((result = client_call(c, "host.chat.explain", json_incref(params), &e)) == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		print_explained(result);
	return 0;
}
