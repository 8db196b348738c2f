/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's server that follows a script: OpenAI chat completions over plain
 * HTTP/1.1 on loopback, one process, one loop. Tests ask it to misbehave,
 * the benchmarks load it with a thousand streams.
 *
 *   provider [--port N] [--ollama] [--stdin]
 *
 * prints the port it listens on. --ollama: it also answers /api/tags and
 * /api/show. --stdin: it ends when its standard input does.
 *
 * The model's name picks a behaviour (the table below); words key=value in
 * the newest user message set its numbers: n (deltas), delay, first (ms
 * before a delta, before the first), status, times, after (seconds), mb,
 * tool, size. The model `script` takes its behaviour from the JSON in the
 * newest user message: {"steps": [{"text", "reasoning", "calls": [{"name",
 * "arguments"}], "count"}]}; a step a request; count: a text, the number of
 * tool results that have it follows the step's own.
 *
 * /embeddings is answered by embedding.h.
 *
 *   GET /stats   {requests, open, most_open, aborted, connections, models: {name: requests}}
 *   GET /last    the body of the newest chat request; /last-stream: of the newest for a stream
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/fake/embedding.h"

#define WORDS		1024		/* ready-made deltas "word7 ", shared by all streams */
#define REQUEST_MAX	(64u << 20)
#define BACKLOG_HIGH	262144		/* an endless stream waits for its reader */

enum {
	BYTEWISE = 1 << 0, CRLF = 1 << 1, CR = 1 << 2, BOM = 1 << 3,
	NO_USAGE = 1 << 4, COST = 1 << 5, NO_FINISH = 1 << 6, NO_DONE = 1 << 7,
	HANG = 1 << 8,			/* the connection's part never ends */
	STALL = 1 << 9,			/* nothing after the text */
	CUT = 1 << 10,			/* the connection is cut after the text */
	FAIL = 1 << 11,			/* an error object after the text */
	ENDLESS = 1 << 12, COMMENTS = 1 << 13,
	SILENT = 1 << 14,		/* no answer at all */
	DROP = 1 << 15,			/* the connection is closed at once */
	REFUSE = 1 << 16,		/* a status instead of an answer */
	PLAIN_TYPE = 1 << 17, AS_WHOLE = 1 << 18, PAGE = 1 << 19,
	NO_INDEX = 1 << 20, SAME_INDEX = 1 << 21, NO_ID = 1 << 22, OBJECT = 1 << 23, AT_ONCE = 1 << 24,
	FINISH_STOP = 1 << 25,
};

struct stats {
	json_t	*models, *seen;		/* requests by model; by newest user message, for `retry` */
	size_t	 requests, open, most_open, aborted, connections;
	char	*last, *last_stream;
};

struct piece {
	const char	*text;
	size_t		 len;
	bool		 owned;
};

struct conn {
	struct bufferevent	*bev;
	struct event		*timer;
	bool			 streaming, ended, close_after;
	/* the answer that is being written */
	unsigned		 how;
	struct piece		*pieces;
	size_t			 npieces, next, byte;
	int			 delay, first;
};

/* What one request asks for, and what is to be answered. */
struct order {
	const char	*model;
	char		*user;		/* newest user message */
	size_t		 steps;		/* assistant messages since then */
	const char	*result;	/* newest tool result, NULL without */
	const json_t	*messages;
	bool		 stream;
	unsigned	 how;
	char		*text, *reasoning;
	const char	*refusal, *refusal_type;
	json_t		*calls;		/* [{name, arguments}] */
	size_t		 words;
	char		*raw;		/* ready-made events instead of all that */
};

static struct event_base *base;
static struct stats stats;
static struct piece words[WORDS];
static bool ollama;

/* ---- parameters ---------------------------------------------------------------------------- */

/* The value of key=value in a text; the caller frees. NULL: none. */
static char *
param(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; (p = strstr(p, key)) != NULL; p++)
		if (p[n] == '=' && (p == text || isspace((unsigned char)p[-1])))
			return xstrndup(p + n + 1, strcspn(p + n + 1, " \t\n"));
	return NULL;
}

static long
number(const struct order *o, const char *key, long otherwise)
{
	cleanup_free char *v = param(o->user, key);

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
	o->words = (size_t)number(o, "n", 5);
}

static void
do_echo(struct order *o)
{
	o->text = xstrdup(o->user);
}

static void
do_tool(struct order *o)
{
	cleanup_free char *tool = param(o->user, "tool");

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

	if (o->steps < (size_t)number(o, "n", 3))
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
	size_t n = (size_t)number(o, "mb", 10) << 20;
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
	size_t n = (size_t)number(o, "mb", 5) << 20;

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
	if (n <= number(o, "times", 1))
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

/* ---- pieces of a stream -------------------------------------------------------------------- */

/* Own text as one chunk of the transfer. */
static void
add_piece(struct conn *c, const char *text, size_t len)
{
	struct buf b = BUF(0);
	struct piece *p;

	(void)buf_addf(&b, "%zx\r\n", len);
	(void)buf_add(&b, text, len);
	(void)buf_puts(&b, "\r\n");
	c->pieces = xreallocarray(c->pieces, c->npieces + 1, sizeof(*c->pieces));
	p = &c->pieces[c->npieces++];
	p->len = b.len;
	p->text = buf_take(&b);
	p->owned = true;
}

/* LF line ends as the behaviour wants them. */
static void
add_events(struct conn *c, const char *text)
{
	struct buf b = BUF(0);

	for (; *text != '\0'; text++) {
		if (*text != '\n')
			(void)buf_addc(&b, *text);
		else
			(void)buf_puts(&b, c->how & CRLF ? "\r\n" : c->how & CR ? "\r" : "\n");
	}
	add_piece(c, buf_str(&b), b.len);
	buf_clear(&b);
}

static void
add_data(struct conn *c, json_t *take_data)
{
	cleanup_free char *text = json_dumps(take_data, JSON_COMPACT);
	cleanup_free char *event = xasprintf("data: %s\n\n", text);

	add_events(c, event);
	json_decref(take_data);
}

static void
add_delta(struct conn *c, json_t *take_delta)
{
	add_data(c, json_pack("{s:s, s:s, s:[{s:i, s:o}]}", "id", "c", "object", "chat.completion.chunk", "choices",
	    "index", 0, "delta", take_delta));
}

/* A text as deltas of about this many bytes, in whole characters. */
static void
add_text(struct conn *c, const char *member, const char *text, size_t size)
{
	while (*text != '\0') {
		size_t n = 0;

		while (text[n] != '\0' && (n < size || (text[n] & 0xc0) == 0x80))
			n++;
		add_delta(c, json_pack("{s:s%}", member, text, n));
		text += n;
	}
}

static void
add_words(struct conn *c, size_t n)
{
	c->pieces = xreallocarray(c->pieces, c->npieces + n + 1, sizeof(*c->pieces));
	for (size_t i = 0; i < n; i++)
		c->pieces[c->npieces++] = words[i % WORDS];
}

static json_t *
call_delta(unsigned how, size_t index, const char *id, const char *name, const char *arguments, size_t len)
{
	json_t *fn = json_object(), *row = json_object();

	if (name != NULL)
		json_object_set_new(fn, "name", json_string(name));
	json_object_set_new(fn, "arguments",
	    how & OBJECT ? json_loadb(arguments, len, 0, NULL) : json_stringn(arguments, len));
	if (!(how & NO_INDEX))
		json_object_set_new(row, "index", json_integer(how & SAME_INDEX ? 0 : (json_int_t)index));
	if (id != NULL && !(how & NO_ID))
		json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "type", json_string("function"));
	json_object_set_new(row, "function", fn);
	return json_pack("{s:[o]}", "tool_calls", row);
}

/* Calls begin one after the other, then their arguments come in turns. */
static void
add_calls(struct conn *c, const struct order *o)
{
	size_t i, size = (size_t)number(o, "size", 16384), at = 0, longest = 0;
	json_t *call;

	json_array_foreach(o->calls, i, call) {
		cleanup_free char *id = xasprintf("call_%zu_%zu", o->steps, i);
		const json_t *arguments = json_object_get(call, "arguments");
		bool at_once = o->how & AT_ONCE;

		add_delta(c, call_delta(o->how, i, id, json_string_value(json_object_get(call, "name")),
		    at_once ? json_string_value(arguments) : "", at_once ? json_string_length(arguments) : 0));
		if (!at_once && json_string_length(arguments) > longest)
			longest = json_string_length(arguments);
	}
	if (longest < size)
		size = longest / 3 + 1;
	for (at = 0; at < longest; at += size)
		json_array_foreach(o->calls, i, call) {
			const json_t *arguments = json_object_get(call, "arguments");
			size_t len = json_string_length(arguments);

			if (at < len)
				add_delta(c, call_delta(o->how, i, NULL, NULL, json_string_value(arguments) + at,
				    len - at < size ? len - at : size));
		}
}

static json_t *
usage_of(const struct order *o)
{
	json_t *usage = json_pack("{s:i, s:i}", "prompt_tokens", 120, "completion_tokens", (int)o->words + 7);

	if (o->how & COST)
		json_object_set_new(usage, "cost", json_real(0.0125));
	return usage;
}

static const char *
finish_of(const struct order *o)
{
	return json_array_size(o->calls) > 0 && !(o->how & FINISH_STOP) ? "tool_calls" : "stop";
}

static void
add_end(struct conn *c, const struct order *o)
{
	if (!(o->how & NO_FINISH))
		add_data(c, json_pack("{s:[{s:i, s:{}, s:s}]}", "choices", "index", 0, "delta", "finish_reason", finish_of(o)));
	if (!(o->how & NO_USAGE))
		add_data(c, json_pack("{s:[], s:o}", "choices", "usage", usage_of(o)));
	if (!(o->how & NO_DONE))
		add_events(c, "data: [DONE]\n\n");
}

static void
plan_stream(struct conn *c, const struct order *o)
{
	size_t size = (size_t)number(o, "size", 12);

	c->how = o->how;
	c->delay = (int)number(o, "delay", 0);
	c->first = (int)number(o, "first", 0);
	if (o->how & BOM)
		add_piece(c, "\xef\xbb\xbf", 3);
	if (o->how & COMMENTS) {
		c->delay = 20;
		add_events(c, ": still here\n\n");
		return;
	}
	if (o->raw != NULL) {
		add_events(c, o->raw);
		return;
	}
	if (!(o->how & FAIL) || o->words > 0)
		add_delta(c, json_pack("{s:s, s:s}", "role", "assistant", "content", ""));
	if (o->reasoning != NULL)
		add_text(c, "reasoning_content", o->reasoning, size);
	if (o->text != NULL && !(o->how & FAIL))
		add_text(c, "content", o->text, size);
	add_words(c, o->words);
	add_calls(c, o);
	if (o->how & FAIL)
		add_events(c, "data: {\"error\":{\"message\":\"the upstream died\"}}\n\n");
	else if (!(o->how & (STALL | CUT | ENDLESS)))
		add_end(c, o);
}

/* ---- answers that are no streams ----------------------------------------------------------- */

static void
send_body(struct conn *c, int status, const char *type, const char *extra, const char *body, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status,
	    status == 200 ? "OK" : "No", type, len, extra);
	evbuffer_add(out, body, len);
}

static void
send_json(struct conn *c, int status, json_t *take_body)
{
	cleanup_free char *text = json_dumps(take_body, JSON_COMPACT);

	json_decref(take_body);
	send_body(c, status, "application/json", "", text, strlen(text));
}

static void
send_refusal(struct conn *c, const struct order *o)
{
	cleanup_free char *after = param(o->user, "after");
	cleanup_free char *extra = after != NULL ? xasprintf("Retry-After: %s\r\n", after) : xstrdup("");
	long status = number(o, "status", strncmp(o->model, "retry", 5) == 0 ? 429 : strcmp(o->model, "error-html") == 0 ? 502 : 400);

	send_body(c, (int)status, o->refusal_type != NULL ? o->refusal_type : "application/json", extra,
	    o->refusal, strlen(o->refusal));
}

static json_t *
whole_calls(const struct order *o)
{
	json_t *list = json_array(), *call;
	size_t i;

	json_array_foreach(o->calls, i, call) {
		cleanup_free char *id = xasprintf("call_%zu_%zu", o->steps, i);

		json_array_append_new(list, json_pack("{s:s, s:s, s:{s:O, s:O}}", "id", id, "type", "function", "function",
		    "name", json_object_get(call, "name"), "arguments", json_object_get(call, "arguments")));
	}
	return list;
}

static void
send_whole(struct conn *c, const struct order *o)
{
	struct buf text = BUF(0);
	json_t *message, *answer;

	for (size_t i = 0; i < o->words; i++)
		(void)buf_addf(&text, "word%zu ", i % WORDS);
	message = json_pack("{s:s, s:s}", "role", "assistant", "content", o->text != NULL ? o->text : buf_str(&text));
	if (o->reasoning != NULL)
		json_object_set_new(message, "reasoning_content", json_string(o->reasoning));
	if (json_array_size(o->calls) > 0)
		json_object_set_new(message, "tool_calls", whole_calls(o));
	answer = json_pack("{s:s, s:[{s:i, s:o, s:s}]}", "id", "c", "choices", "index", 0, "message", message,
	    "finish_reason", finish_of(o));
	if (!(o->how & NO_USAGE))
		json_object_set_new(answer, "usage", usage_of(o));
	send_json(c, 200, answer);
	buf_clear(&text);
}

/* ---- writing a stream ---------------------------------------------------------------------- */

static void
free_pieces(struct conn *c)
{
	for (size_t i = 0; i < c->npieces; i++)
		if (c->pieces[i].owned)
			free((char *)c->pieces[i].text);
	free(c->pieces);
	c->pieces = NULL;
	c->npieces = c->next = c->byte = 0;
}

static void
free_conn(struct conn *c)
{
	if (c->streaming) {
		stats.open--;
		stats.aborted++;
	}
	free_pieces(c);
	event_free(c->timer);
	bufferevent_free(c->bev);
	free(c);
}

static void
rest(struct conn *c, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(c->timer, &tv);
}

static void
end_stream(struct conn *c)
{
	c->ended = true;
	if (c->how & (STALL | HANG))
		return;
	stats.open--;
	c->streaming = false;
	free_pieces(c);
	if (c->how & CUT) {		/* in the middle of a chunk, when what was written is out */
		bufferevent_write(c->bev, "40\r\ndata: {\"choi", 16);
		c->close_after = true;
		return;
	}
	bufferevent_write(c->bev, "0\r\n\r\n", 5);
}

/* The next piece, or the next byte of it; 0 when there is none. */
static int
write_next(struct conn *c)
{
	const struct piece *p;

	if (c->next == c->npieces && c->how & (ENDLESS | COMMENTS))
		c->next = c->npieces - 1;
	if (c->next == c->npieces)
		return 0;
	p = &c->pieces[c->next];
	if (!(c->how & BYTEWISE)) {
		bufferevent_write(c->bev, p->text, p->len);
		c->next++;
		return 1;
	}
	bufferevent_write(c->bev, p->text + c->byte++, 1);
	if (c->byte == p->len) {
		c->byte = 0;
		c->next++;
	}
	return 1;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *out = bufferevent_get_output(c->bev);

	while (evbuffer_get_length(out) < BACKLOG_HIGH) {
		if (!write_next(c)) {
			end_stream(c);
			return;
		}
		if (c->delay > 0 || c->how & BYTEWISE) {
			rest(c, c->delay);
			return;
		}
	}
	/* on_drained goes on */
}

static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->close_after)
		free_conn(c);
	else if (c->streaming && !c->ended && !evtimer_pending(c->timer, NULL))
		rest(c, 0);
}

static void
send_stream(struct conn *c, const struct order *o)
{
	evbuffer_add_printf(bufferevent_get_output(c->bev),
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
	    o->how & PLAIN_TYPE ? "text/plain" : "text/event-stream; charset=utf-8");
	plan_stream(c, o);
	c->ended = false;
	rest(c, c->first > 0 ? c->first : c->delay);
}

/* ---- a chat request ------------------------------------------------------------------------ */

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
	for (size_t i = 0; i < COUNT(behaviours); i++)
		if (strcmp(behaviours[i].model, model) == 0)
			return &behaviours[i];
	return NULL;
}

static void
count(const char *model)
{
	json_int_t n = json_integer_value(json_object_get(stats.models, model));

	json_object_set_new(stats.models, model, json_integer(n + 1));
	stats.requests++;
	stats.open++;
	if (stats.open > stats.most_open)
		stats.most_open = stats.open;
}

static void
answer(struct conn *c, struct order *o)
{
	c->streaming = true;
	c->ended = o->how & SILENT;
	if (c->ended)
		return;
	if (o->how & DROP) {
		c->streaming = false;
		stats.open--;
		free_conn(c);
		return;
	}
	if (o->stream && !(o->how & (REFUSE | PAGE | AS_WHOLE))) {
		send_stream(c, o);
		return;
	}
	c->streaming = false;
	stats.open--;
	if (o->how & REFUSE)
		send_refusal(c, o);
	else if (o->how & PAGE)
		send_body(c, 200, "text/html", "", o->refusal, strlen(o->refusal));
	else
		send_whole(c, o);
}

static void
on_chat(struct conn *c, const char *body, size_t len)
{
	json_t *j = json_loadb(body, len, 0, NULL);
	const char *model = json_string_value(json_object_get(j, "model"));
	const struct behaviour *b = model != NULL ? find_behaviour(strncmp(model, "fake/", 5) == 0 ? model + 5 : model) : NULL;
	struct order o = { .user = xstrdup(""), .calls = json_array() };

	free(stats.last);
	stats.last = xstrndup(body, len);
	if (b == NULL) {
		stats.requests++;
		send_json(c, 404, json_pack("{s:{s:s}}", "error", "message", "no such model"));
	} else {
		count(b->model);
		o.model = b->model;
		o.how = b->how;
		o.refusal = b->refusal != NULL ? b->refusal : "";
		o.refusal_type = b->type;
		o.stream = json_is_true(json_object_get(j, "stream"));
		if (o.stream) {
			free(stats.last_stream);
			stats.last_stream = xstrndup(body, len);
		}
		read_messages(&o, json_object_get(j, "messages"));
		b->plan(&o);
		answer(c, &o);		/* may free the connection */
	}
	free(o.user);
	free(o.text);
	free(o.reasoning);
	free(o.raw);
	json_decref(o.calls);
	json_decref(j);
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

static void
on_stats(struct conn *c, const char *body, size_t len)
{
	send_json(c, 200, json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "requests", (json_int_t)stats.requests, "open",
	    (json_int_t)stats.open, "most_open", (json_int_t)stats.most_open, "aborted", (json_int_t)stats.aborted,
	    "connections", (json_int_t)stats.connections, "models", stats.models));
}

static void
send_last(struct conn *c, const char *last)
{
	send_body(c, 200, "application/json", "", last != NULL ? last : "{}", last != NULL ? strlen(last) : 2);
}

static void
on_last(struct conn *c, const char *body, size_t len)
{
	send_last(c, stats.last);
}

static void
on_last_stream(struct conn *c, const char *body, size_t len)
{
	send_last(c, stats.last_stream);
}

static void
on_embeddings(struct conn *c, const char *body, size_t len)
{
	json_t *j = json_loadb(body, len, 0, NULL), *reply;
	const char *model = json_string_value(json_object_get(j, "model"));
	int status;

	count(model == NULL ? "" : model);
	stats.open--;
	reply = embedding_answer(j, json_integer_value(json_object_get(stats.models, model == NULL ? "" : model)), &status);
	send_json(c, status, reply);
	json_decref(j);
}

static void
on_tags(struct conn *c, const char *body, size_t len)
{
	if (ollama)
		send_json(c, 200, json_pack("{s:[{s:s}]}", "models", "name", "text"));
	else
		send_json(c, 404, json_pack("{s:s}", "error", "not found"));
}

static void
on_show(struct conn *c, const char *body, size_t len)
{
	if (ollama)
		send_json(c, 200, json_pack("{s:s, s:{s:i}}", "parameters", "stop \"x\"\nnum_ctx    16384\n", "model_info",
		    "llama.context_length", 131072));
	else
		send_json(c, 404, json_pack("{s:s}", "error", "not found"));
}

static const struct route {
	const char	*method, *end;		/* the path ends so */
	void		(*serve)(struct conn *, const char *body, size_t len);
} routes[] = {
	{ "POST",	"/chat/completions",	on_chat },
	{ "POST",	"/embeddings",		on_embeddings },
	{ "GET",	"/stats",		on_stats },
	{ "GET",	"/last",		on_last },
	{ "GET",	"/last-stream",		on_last_stream },
	{ "GET",	"/api/tags",		on_tags },
	{ "POST",	"/api/show",		on_show },
};

static void
route(struct conn *c, const char *method, const char *path, const char *body, size_t len)
{
	size_t n = strlen(path), m;

	for (size_t i = 0; i < COUNT(routes); i++)
		if (strcmp(method, routes[i].method) == 0 && (m = strlen(routes[i].end)) <= n &&
		    strcmp(path + n - m, routes[i].end) == 0) {
			routes[i].serve(c, body, len);
			return;
		}
	send_json(c, 404, json_pack("{s:s}", "error", "no such path"));
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	cleanup_free char *head = NULL, *body = NULL;
	char method[8] = "", path[512] = "";
	const char *length;
	size_t len, want;

	if (end.pos == -1 || c->streaming)
		return;
	len = (size_t)end.pos + 4;
	head = xmalloc(len + 1);
	evbuffer_copyout(in, head, len);
	head[len] = '\0';
	length = strcasestr(head, "\r\nContent-Length:");
	want = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
	if (want > REQUEST_MAX || sscanf(head, "%7s %511s", method, path) != 2) {
		free_conn(c);
		return;
	}
	if (evbuffer_get_length(in) < len + want)
		return;
	evbuffer_drain(in, len);
	body = xmalloc(want + 1);
	evbuffer_remove(in, body, want);
	body[want] = '\0';
	route(c, method, path, body, want);
}

static void
on_gone(struct bufferevent *bev, short what, void *arg)
{
	free_conn(arg);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	stats.connections++;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->timer = evtimer_new(base, on_timer, c);
	bufferevent_setcb(c->bev, on_read, on_drained, on_gone, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void
on_stdin(evutil_socket_t fd, short what, void *arg)
{
	char byte[64];

	if (read(fd, byte, sizeof(byte)) <= 0)
		event_base_loopbreak(base);
}

static void
make_words(void)
{
	for (size_t i = 0; i < WORDS; i++) {
		cleanup_free char *event = xasprintf("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":"
		    "[{\"index\":0,\"delta\":{\"content\":\"word%zu \"}}]}\n\n", i);
		char *text = xasprintf("%zx\r\n%s\r\n", strlen(event), event);

		words[i] = (struct piece){ .text = text, .len = strlen(text) };
	}
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct evconnlistener *l;
	bool watch_stdin = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--ollama") == 0)
			ollama = true;
		else if (strcmp(argv[i], "--stdin") == 0)
			watch_stdin = true;
		else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
			at.sin_port = htons((uint16_t)atoi(argv[++i]));
		else
			return fprintf(stderr, "usage: provider [--port N] [--ollama] [--stdin]\n"), 2;
	}
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	stats.models = json_object();
	stats.seen = json_object();
	make_words();
	l = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
	    4096, (struct sockaddr *)&at, sizeof(at));
	if (l == NULL || getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&at, &len) == -1)
		return perror("provider: listen"), 1;
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	if (watch_stdin)
		event_add(event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_stdin, NULL), NULL);
	event_base_dispatch(base);
	return 0;
}
