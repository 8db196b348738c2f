/* SPDX-License-Identifier: Apache-2.0 */
/* See provider.h: what a request asks for. A model's name picks a behaviour, which plans the answer. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/fake/provider.h"

/* ---- parameters ---------------------------------------------------------------------------- */

char *
order_param(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; (p = strstr(p, key)) != NULL; p++)
		if (p[n] == '=' && (p == text || isspace((unsigned char)p[-1])))
			return xstrndup(p + n + 1, strcspn(p + n + 1, " \t\n"));
	return NULL;
}

long
order_number(const struct order *o, const char *key, long otherwise)
{
	cleanup_free char *v = order_param(o->user, key);

	return v != NULL ? strtol(v, NULL, 10) : otherwise;
}

/* ---- behaviours ---------------------------------------------------------------------------- */

static void
add_call(struct order *o, const char *name, const char *arguments)
{
	json_array_append_new(o->calls, json_pack("{s:s, s:s}", "name", name, "arguments", arguments));
}

static void
say_done(struct order *o)
{
	o->text = xasprintf("done after %zu steps: %.200s", o->steps, o->result != NULL ? o->result : "");
}

static void
do_text(struct order *o)
{
	o->words = (size_t)order_number(o, "n", 5);
}

static void
do_echo(struct order *o)
{
	o->text = xstrdup(o->user);
}

static void
do_tool(struct order *o)
{
	cleanup_free char *tool = order_param(o->user, "tool");

	if (o->steps == 0)
		add_call(o, tool != NULL ? tool : "read_file", "{\"path\":\"notes.txt\"}");
	else
		say_done(o);
}

static void
do_unknown_tool(struct order *o)
{
	if (o->steps == 0)
		add_call(o, "no_such_tool", "{\"a\":1}");
	else
		say_done(o);
}

static void
do_five_tools(struct order *o)
{
	for (int i = 0; i < 5 && o->steps == 0; i++) {
		cleanup_free char *arguments = xasprintf("{\"command\":\"echo %d\"}", i);
		add_call(o, "terminal", arguments);
	}
	if (o->steps > 0)
		say_done(o);
}

static void
do_steps(struct order *o)
{
	cleanup_free char *arguments = xasprintf("{\"command\":\"echo step %zu\"}", o->steps + 1);

	if (o->steps < (size_t)order_number(o, "n", 3))
		add_call(o, "terminal", arguments);
	else
		say_done(o);
}

static void
do_utf8(struct order *o)
{
	o->text = xstrdup("Grüße aus Zürich, 日本語, 🙂🚀 und ﷺ.");
}

static void
do_utf8_half(struct order *o)
{
	o->raw = xstrdup("data: {\"choices\":[{\"delta\":{\"content\":\"Gr\xc3\"}}]}\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":\"\xbc\xc3\x9f" "e \xf0\x9f\"}}]}\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":\"\x99\x82 \\ud83d\"}}]}\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":\"\\ude80 bad \xff nul \\u0000 end \xe6\x97\"}}]}\n\n"
	    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
}

static void
do_reasoning(struct order *o)
{
	o->reasoning = xstrdup("Let me think about this for a moment.");
	o->text = xstrdup("The answer is 42.");
}

/* Comments, events of other names, data over several lines, no blank behind the colon, ids and retry times. */
static void
do_odd_events(struct order *o)
{
	o->raw = xstrdup(": hello\n\nid: 7\nretry: 1500\nevent: message\ndata:{\"choices\":[{\"delta\":\n"
	    "data: {\"content\":\"odd \"}}]}\n\n:\n: keep alive\n\nunknown: field\ndata\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":\"events\"},\"finish_reason\":\"stop\"}]}\n\ndata:[DONE]\n\n");
}

static void
do_huge_arguments(struct order *o)
{
	size_t n = (size_t)order_number(o, "mb", 10) << 20;
	char *arguments;
	int at;

	if (o->steps > 0) {
		say_done(o);
		return;
	}
	arguments = xmalloc(n + 32);
	at = sprintf(arguments, "{\"content\":\"");
	memset(arguments + at, 'x', n);
	strcpy(arguments + at + n, "\"}");
	add_call(o, "write_file", arguments);
	add_call(o, "terminal", "{\"command\":\"true\"}");
	free(arguments);
}

static void
do_huge_line(struct order *o)
{
	size_t n = (size_t)order_number(o, "mb", 5) << 20;

	o->raw = xmalloc(n + 16);
	memset(o->raw, 'x', n + 15);
	memcpy(o->raw, "data: \"", 7);
	o->raw[n + 15] = '\0';
}

/* The first `times` requests with this user message are refused. */
static void
do_retry(struct order *o)
{
	json_int_t n = json_integer_value(json_object_get(stats.seen, o->user)) + 1;

	json_object_set_new(stats.seen, o->user, json_integer(n));
	if (n <= order_number(o, "times", 1))
		o->how |= REFUSE;
	do_text(o);
}

/* The same, with a connection that is closed without a word. */
static void
do_retry_drop(struct order *o)
{
	do_retry(o);
	if (o->how & REFUSE)
		o->how = (o->how & ~REFUSE) | DROP;
}

static void
count_results(struct order *o, const char *text)
{
	const json_t *m;
	char *counted;
	size_t i, n = 0;

	if (text == NULL)
		return;
	json_array_foreach(o->messages, i, m) {
		const char *role = json_string_value(json_object_get(m, "role"));

		n += role != NULL && strcmp(role, "tool") == 0 && strstr(json_string_value(json_object_get(m, "content")), text) != NULL;
	}
	counted = xasprintf("%s %zu", o->text == NULL ? "" : o->text, n);
	free(o->text);
	o->text = counted;
}

static void
do_script(struct order *o)
{
	const char *from = strchr(o->user, '{');
	json_t *script = from != NULL ? json_loads(from, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	json_t *steps = json_object_get(script, "steps");
	json_t *step = json_array_get(steps, o->steps), *call;
	size_t i;

	json_array_foreach(json_object_get(step, "calls"), i, call) {
		json_t *arguments = json_object_get(call, "arguments");
		cleanup_free char *text = json_is_string(arguments) ? xstrdup(json_string_value(arguments)) :
		    json_dumps(arguments, JSON_COMPACT);

		add_call(o, json_string_value(json_object_get(call, "name")), text != NULL ? text : "{}");
	}
	o->text = xstrdup0(json_string_value(json_object_get(step, "text")));
	o->reasoning = xstrdup0(json_string_value(json_object_get(step, "reasoning")));
	count_results(o, json_string_value(json_object_get(step, "count")));
	if (step == NULL)
		o->text = xstrdup(script == NULL ? "this is no script" : "the script is over");
	json_decref(script);
}

/* Summaries are asked for as a whole, turns as a stream: one of the two goes wrong. */
static void
do_fold_refused(struct order *o)
{
	do_echo(o);
	if (!o->stream)
		o->how |= REFUSE;
}

static void
do_fold_silent(struct order *o)
{
	do_echo(o);
	if (!o->stream)
		o->how |= SILENT;
}

static void
do_fold_only(struct order *o)
{
	o->text = xstrdup("what was said so far");
	if (o->stream)
		o->how |= SILENT;
}

static const char html[] = "<html><head><title>502 Bad Gateway</title></head>\n<body><h1>Bad Gateway</h1></body></html>\n";

static const struct behaviour {
	const char	*model;
	void		(*plan)(struct order *o);
	unsigned	 how;
	const char	*refusal, *type;
} behaviours[] = {
#define ANSWERS(model, plan, how)	{ model, plan, how, NULL, NULL }
#define REFUSES(model, body, type)	{ model, do_text, REFUSE, body, type }
	ANSWERS("text", do_text, 0),
	ANSWERS("echo", do_echo, 0),
	ANSWERS("script", do_script, 0),
	ANSWERS("tool", do_tool, 0),
	ANSWERS("unknown-tool", do_unknown_tool, 0),
	ANSWERS("five-tools", do_five_tools, 0),
	ANSWERS("steps", do_steps, 0),
	ANSWERS("reasoning", do_reasoning, 0),
	/* how it is written */
	ANSWERS("utf8", do_utf8, BYTEWISE),
	ANSWERS("utf8-half", do_utf8_half, 0),
	ANSWERS("crlf", do_odd_events, CRLF | BOM),
	ANSWERS("cr", do_odd_events, CR | BYTEWISE),
	ANSWERS("odd-events", do_odd_events, 0),
	ANSWERS("mislabelled", do_text, PLAIN_TYPE),
	ANSWERS("as-whole", do_text, AS_WHOLE),
	/* what is left out or different */
	ANSWERS("no-usage", do_text, NO_USAGE),
	ANSWERS("cost", do_text, COST),
	ANSWERS("no-done", do_text, NO_DONE),
	ANSWERS("no-finish", do_text, NO_FINISH),
	ANSWERS("hang", do_text, HANG),
	ANSWERS("calls-no-index", do_five_tools, NO_INDEX | AT_ONCE),
	ANSWERS("calls-same-index", do_five_tools, SAME_INDEX | AT_ONCE | FINISH_STOP),
	ANSWERS("calls-no-id", do_five_tools, NO_ID),
	ANSWERS("calls-bare", do_five_tools, NO_INDEX | NO_ID | AT_ONCE),
	ANSWERS("calls-object", do_five_tools, OBJECT | AT_ONCE),
	/* what goes wrong */
	{ "fold-refused", do_fold_refused, 0, "{\"error\":{\"message\":\"no summaries here\"}}", NULL },
	ANSWERS("fold-silent", do_fold_silent, 0),
	ANSWERS("fold-only", do_fold_only, 0),
	REFUSES("error-json", "{\"error\":{\"message\":\"the model is  \\n overloaded\",\"type\":\"x\",\"code\":\"y\"}}", NULL),
	REFUSES("error-string", "{\"error\":\"model \\\"x\\\" not found\"}", NULL),
	REFUSES("error-message", "{\"message\":\"bad request\",\"code\":3}", NULL),
	REFUSES("error-text", "upstream\n says no", "text/plain"),
	REFUSES("error-html", html, "text/html"),
	REFUSES("error-empty", "", NULL),
	REFUSES("error-key", "{\"error\":{\"message\":\"Incorrect API key provided: sk-test-0123456789.\"}}", NULL),
	{ "error-page", do_text, PAGE, html, "text/html" },
	ANSWERS("error-first", do_echo, FAIL),
	ANSWERS("error-mid", do_text, FAIL),
	{ "retry", do_retry, 0, "{\"error\":{\"message\":\"slow down\"}}", NULL },
	ANSWERS("retry-drop", do_retry_drop, 0),
	ANSWERS("drop", do_text, DROP),
	ANSWERS("cut", do_text, CUT),
	ANSWERS("cut-clean", do_text, NO_FINISH | NO_DONE | NO_USAGE),
	ANSWERS("silent", do_text, SILENT),
	ANSWERS("stall", do_text, STALL),
	ANSWERS("comments", do_text, COMMENTS),
	ANSWERS("endless", do_text, ENDLESS),
	ANSWERS("huge-arguments", do_huge_arguments, 0),
	ANSWERS("huge-line", do_huge_line, 0),
};

/* ---- a request ----------------------------------------------------------------------------- */

static char *
content_of(const json_t *m)
{
	const json_t *content = json_object_get(m, "content"), *part;
	struct buf b = BUF(0);
	size_t i;

	if (json_is_string(content))
		(void)buf_puts(&b, json_string_value(content));
	json_array_foreach(content, i, part)
		if (json_is_string(json_object_get(part, "text")))
			(void)buf_puts(&b, json_string_value(json_object_get(part, "text")));
	return buf_take(&b);
}

static void
read_messages(struct order *o, const json_t *messages)
{
	const json_t *m;
	size_t i;

	o->messages = messages;
	json_array_foreach(messages, i, m) {
		const char *role = json_string_value(json_object_get(m, "role"));

		if (role != NULL && strcmp(role, "user") == 0) {
			free(o->user);
			o->user = content_of(m);
			o->steps = 0;
			o->result = NULL;
		} else if (role != NULL && strcmp(role, "assistant") == 0) {
			o->steps++;
		} else if (role != NULL && strcmp(role, "tool") == 0) {
			o->result = json_string_value(json_object_get(m, "content"));
		}
	}
}

static const struct behaviour *
find_behaviour(const char *model)
{
	if (model != NULL && strncmp(model, "fake/", 5) == 0)
		model += 5;
	for (size_t i = 0; model != NULL && i < COUNT(behaviours); i++)
		if (strcmp(behaviours[i].model, model) == 0)
			return &behaviours[i];
	return NULL;
}

bool
order_read(struct order *o, const json_t *request)
{
	const struct behaviour *b = find_behaviour(json_string_value(json_object_get(request, "model")));

	*o = (struct order){ .user = xstrdup(""), .calls = json_array() };
	if (b == NULL)
		return false;
	o->model = b->model;
	o->how = b->how;
	o->refusal = b->refusal != NULL ? b->refusal : "";
	o->refusal_type = b->type;
	o->stream = json_is_true(json_object_get(request, "stream"));
	read_messages(o, json_object_get(request, "messages"));
	b->plan(o);
	return true;
}

void
order_clear(struct order *o)
{
	free(o->user);
	free(o->text);
	free(o->reasoning);
	free(o->raw);
	json_decref(o->calls);
}
