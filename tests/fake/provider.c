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
 * The model's name picks a behaviour (the table in provider_order.c); words key=value in
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
#include <event2/buffer.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "tests/fake/embedding.h"
#include "tests/fake/provider.h"

#define REQUEST_MAX	(64u << 20)

static struct event_base *base;
struct stats stats;
static bool ollama;

/* ---- requests ------------------------------------------------------------------------------ */

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
on_chat(struct conn *c, const char *body, size_t len)
{
	json_t *j = json_loadb(body, len, 0, NULL);
	struct order o;

	free(stats.last);
	stats.last = xstrndup(body, len);
	if (!order_read(&o, j)) {
		stats.requests++;
		send_json(c, 404, json_pack("{s:{s:s}}", "error", "message", "no such model"));
	} else {
		count(o.model);
		if (o.stream) {
			free(stats.last_stream);
			stats.last_stream = xstrndup(body, len);
		}
		answer(c, &o);		/* may free the connection */
	}
	order_clear(&o);
	json_decref(j);
}

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

/* ---- HTTP ---------------------------------------------------------------------------------- */

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
		conn_end(c);
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
	conn_end(arg);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	stats.connections++;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->timer = evtimer_new(base, answer_go_on, c);
	bufferevent_setcb(c->bev, on_read, answer_drained, on_gone, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void
on_stdin(evutil_socket_t fd, short what, void *arg)
{
	char byte[64];

	if (read(fd, byte, sizeof(byte)) <= 0)
		event_base_loopbreak(base);
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
	answer_init();
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
