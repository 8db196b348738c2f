/* SPDX-License-Identifier: Apache-2.0 */
/* See provider.h: an answer in pieces, whole, or none; a stream is written as its timer and its reader let it. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/fake/provider.h"

#define WORDS		1024		/* ready-made deltas "word7 ", shared by all streams */
#define BACKLOG_HIGH	262144		/* an endless stream waits for its reader */

static struct piece words[WORDS];

void
answer_init(void)
{
	for (size_t i = 0; i < WORDS; i++) {
		cleanup_free char *event = xasprintf("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":"
		    "[{\"index\":0,\"delta\":{\"content\":\"word%zu \"}}]}\n\n", i);
		char *text = xasprintf("%zx\r\n%s\r\n", strlen(event), event);

		words[i] = (struct piece){ .text = text, .len = strlen(text) };
	}
}

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
	size_t i, size = (size_t)order_number(o, "size", 16384), at = 0, longest = 0;
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
	size_t size = (size_t)order_number(o, "size", 12);

	c->how = o->how;
	c->delay = (int)order_number(o, "delay", 0);
	c->first = (int)order_number(o, "first", 0);
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

void
send_body(struct conn *c, int status, const char *type, const char *extra, const char *body, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status,
	    status == 200 ? "OK" : "No", type, len, extra);
	evbuffer_add(out, body, len);
}

void
send_json(struct conn *c, int status, json_t *take_body)
{
	cleanup_free char *text = json_dumps(take_body, JSON_COMPACT);

	json_decref(take_body);
	send_body(c, status, "application/json", "", text, strlen(text));
}

static void
send_refusal(struct conn *c, const struct order *o)
{
	cleanup_free char *after = order_param(o->user, "after");
	cleanup_free char *extra = after != NULL ? xasprintf("Retry-After: %s\r\n", after) : xstrdup("");
	long status = order_number(o, "status", strncmp(o->model, "retry", 5) == 0 ? 429 : strcmp(o->model, "error-html") == 0 ? 502 : 400);

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

void
conn_end(struct conn *c)
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

void
answer_go_on(evutil_socket_t fd, short what, void *arg)
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
	/* answer_drained goes on */
}

void
answer_drained(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->close_after)
		conn_end(c);
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

void
answer(struct conn *c, struct order *o)
{
	c->streaming = true;
	c->ended = o->how & SILENT;
	if (c->ended)
		return;
	if (o->how & DROP) {
		c->streaming = false;
		stats.open--;
		conn_end(c);
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
