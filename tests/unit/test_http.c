/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on the loop, against a server in this process that answers with fixed bytes. */
#include "tests/check.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/mem.h"

static struct event_base *base;
static struct http *http;
static struct evconnlistener *listener;
static int port, accepted, requests;
static char asked[4096];		/* the newest request's head */

/* ---- the server: the path picks the bytes -------------------------------------------------- */

static const struct page {
	const char	*path, *bytes;
	int		 close;
} pages[] = {
	{ "/plain", "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello", 0 },
	{ "/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n", 0 },
	{ "/later", "HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\nno", 0 },
	{ "/date", "HTTP/1.1 503 No\r\nRetry-After: Thu, 01 Jan 1970 00:01:40 GMT\r\nContent-Length: 0\r\n\r\n", 0 },
	{ "/nonsense", "HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0 },
	{ "/moved", "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n", 0 },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 1 },
	{ "/cutchunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf", 1 },
	{ "/empty", "", 1 },
	{ "/silent", "", 0 },
	{ "/headonly", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 0 },
	{ "/stall", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 0 },
	{ "/continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\nx", 0 },
};

static void
on_written(struct bufferevent *bev, void *arg)
{
	bufferevent_free(bev);
}

static void
on_request(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char path[64] = "", *length;
	size_t want = 0;

	if (end.pos == -1)
		return;
	memset(asked, 0, sizeof(asked));
	evbuffer_copyout(in, asked, sizeof(asked) - 1);
	if ((length = strstr(asked, "Content-Length: ")) != NULL)
		want = strtoul(length + 16, NULL, 10);
	if (evbuffer_get_length(in) < (size_t)end.pos + 4 + want)
		return;
	evbuffer_drain(in, (size_t)end.pos + 4 + want);
	requests++;
	sscanf(asked, "%*s %63s", path);
	for (size_t i = 0; i < COUNT(pages); i++) {
		if (strcmp(pages[i].path, path) != 0)
			continue;
		if (pages[i].close && pages[i].bytes[0] == '\0') {
			bufferevent_free(bev);
			return;
		}
		if (pages[i].close)
			bufferevent_setcb(bev, NULL, on_written, NULL, NULL);
		bufferevent_write(bev, pages[i].bytes, strlen(pages[i].bytes));
	}
}

static void
on_gone(struct bufferevent *bev, short what, void *arg)
{
	bufferevent_free(bev);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	accepted++;
	bufferevent_setcb(bev, on_request, NULL, on_gone, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static int
begin(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct error e;

	base = event_base_new();
	listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&at, sizeof(at));
	assert_non_null(listener);
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&at, &len);
	port = ntohs(at.sin_port);
	assert_non_null(http = http_new(base, &e));
	accepted = requests = 0;
	return 0;
}

static int
finish(void **state)
{
	http_free(http);
	event_base_loop(base, EVLOOP_NONBLOCK);		/* the server sees its connections close */
	event_base_loop(base, EVLOOP_NONBLOCK);
	if (listener != NULL)
		evconnlistener_free(listener);
	event_base_free(base);
	clock_fake(-1, -1);
	return 0;
}

/* ---- the client ---------------------------------------------------------------------------- */

struct seen {
	struct http_call *call;
	struct buf	 body;
	char		 type[128];
	int		 heads, dones, status;
	long		 retry_after_ms;
	struct error	 e;
	int		 cancel_in_data, refuse_data;
	struct seen	*starts, *cancels;	/* what its data callback does to another */
};

static void	on_done(void *arg, const struct error *e);
static struct http_call *start(struct seen *s, const char *path, struct http_request r);

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	struct seen *s = arg;

	s->heads++;
	s->status = status;
	s->retry_after_ms = retry_after_ms;
	snprintf(s->type, sizeof(s->type), "%s", type);
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct seen *s = arg, *other;

	assert_int_equal(buf_add(&s->body, bytes, len), 0);
	if ((other = steal(s->starts)) != NULL)
		start(other, "/plain", (struct http_request){ .max_body = 100 });
	if ((other = steal(s->cancels)) != NULL)
		http_cancel(other->call);
	if (s->cancel_in_data) {
		http_cancel(s->call);
		event_base_loopbreak(base);
	}
	return s->refuse_data ? -1 : 0;
}

static void
on_done(void *arg, const struct error *e)
{
	struct seen *s = arg;

	s->dones++;
	if (e != NULL)
		s->e = *e;
	event_base_loopbreak(base);
}

static struct http_call *
start(struct seen *s, const char *path, struct http_request r)
{
	struct http_events ev = { on_head, on_data, on_done };
	cleanup_free char *url = xasprintf("http://127.0.0.1:%d%s", port, path);

	r.method = r.method != NULL ? r.method : "GET";
	r.url = url;
	return s->call = http_start(http, &r, &ev, s, NULL);
}

static struct seen
get(const char *path, struct http_request r)
{
	struct seen s = { 0 };

	if (r.max_body == 0)
		r.max_body = 1000;
	assert_non_null(start(&s, path, r));
	assert_int_equal(s.dones, 0);		/* nothing runs before the loop does */
	event_base_dispatch(base);
	assert_int_equal(s.dones, 1);
	return s;
}

static void
expect(const char *path, struct http_request r, enum error_code code, int status, const char *body)
{
	struct seen s = get(path, r);

	assert_int_equal(s.e.code, code);
	assert_int_equal(s.status, status);
	assert_int_equal(s.heads, status != 0);
	assert_string_equal(buf_str(&s.body), body);
	buf_clear(&s.body);
}

/* ---- the claims ---------------------------------------------------------------------------- */

static void
test_an_answer_comes_with_head_body_and_end(void **state)
{
	struct seen s = get("/plain", (struct http_request){ 0 });

	assert_string_equal(s.type, "text/plain; charset=utf-8");
	assert_int_equal(s.retry_after_ms, -1);
	assert_string_equal(buf_str(&s.body), "hello");
	buf_clear(&s.body);
	expect("/chunked", (struct http_request){ 0 }, ERR_none, 200, "abcde");
	expect("/continue", (struct http_request){ 0 }, ERR_none, 201, "x");
}

static void
test_a_post_carries_its_headers_and_body(void **state)
{
	const char *headers[] = { "X-One: 1", NULL };
	struct http_request r = { .method = "POST", .headers = headers, .body = "{\"a\":1}", .body_len = 7 };

	expect("/plain", r, ERR_none, 200, "hello");
	assert_non_null(strstr(asked, "POST /plain HTTP/1.1\r\n"));
	assert_non_null(strstr(asked, "X-One: 1\r\n"));
	assert_non_null(strstr(asked, "Content-Length: 7\r\n"));
	assert_non_null(strstr(asked, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(asked, "Expect:"));
}

static void
test_connections_are_reused(void **state)
{
	for (int i = 0; i < 5; i++)
		expect(i % 2 ? "/plain" : "/chunked", (struct http_request){ 0 }, ERR_none, 200, i % 2 ? "hello" : "abcde");
	assert_int_equal(requests, 5);
	assert_int_equal(accepted, 1);
}

static void
test_retry_after_is_seconds_or_a_date(void **state)
{
	struct seen s = get("/later", (struct http_request){ 0 });

	assert_int_equal(s.status, 429);
	assert_int_equal(s.retry_after_ms, 2000);
	buf_clear(&s.body);
	clock_fake(90000, -1);
	assert_int_equal(get("/date", (struct http_request){ 0 }).retry_after_ms, 10000);
	clock_fake(900000, -1);
	assert_int_equal(get("/date", (struct http_request){ 0 }).retry_after_ms, 0);
	assert_int_equal(get("/nonsense", (struct http_request){ 0 }).retry_after_ms, -1);
}

static void
test_redirects_are_not_followed(void **state)
{
	expect("/moved", (struct http_request){ 0 }, ERR_none, 302, "");
	assert_int_equal(requests, 1);
}

static void
test_a_cut_answer_is_gone_not_whole(void **state)
{
	expect("/cut", (struct http_request){ 0 }, ERR_gone, 200, "half");
	expect("/cutchunk", (struct http_request){ 0 }, ERR_gone, 200, "half");
	expect("/empty", (struct http_request){ 0 }, ERR_gone, 0, "");
}

static void
test_nobody_there_is_unavailable(void **state)
{
	evconnlistener_free(listener);
	listener = NULL;
	expect("/plain", (struct http_request){ 0 }, ERR_unavailable, 0, "");
}

static void
test_silence_times_out(void **state)
{
	expect("/silent", (struct http_request){ .first_byte_ms = 30 }, ERR_timeout, 0, "");
	expect("/headonly", (struct http_request){ .first_byte_ms = 30 }, ERR_timeout, 200, "");
	expect("/stall", (struct http_request){ .idle_ms = 30 }, ERR_timeout, 200, "half");
	expect("/stall", (struct http_request){ .first_byte_ms = 30, .idle_ms = 60 }, ERR_timeout, 200, "half");
	expect("/plain", (struct http_request){ .first_byte_ms = 3000, .idle_ms = 3000 }, ERR_none, 200, "hello");
}

static void
test_a_body_past_its_limit_fails(void **state)
{
	expect("/plain", (struct http_request){ .max_body = 5 }, ERR_none, 200, "hello");
	expect("/plain", (struct http_request){ .max_body = 4 }, ERR_too_large, 200, "");
}

static void
test_the_caller_can_refuse_data(void **state)
{
	struct seen s = { .refuse_data = 1 };

	start(&s, "/chunked", (struct http_request){ .max_body = 100 });
	event_base_dispatch(base);
	assert_int_equal(s.dones, 1);
	assert_int_equal(s.e.code, ERR_cancelled);
	buf_clear(&s.body);
}

static void
test_a_call_can_be_cancelled_anywhere(void **state)
{
	struct seen inside = { .cancel_in_data = 1 }, before = { 0 }, later = { 0 };

	http_cancel(NULL);
	start(&before, "/plain", (struct http_request){ .max_body = 100 });
	http_cancel(before.call);
	start(&inside, "/chunked", (struct http_request){ .max_body = 100 });
	event_base_dispatch(base);
	start(&later, "/stall", (struct http_request){ .max_body = 100 });
	event_base_loop(base, EVLOOP_ONCE);
	http_cancel(later.call);
	expect("/plain", (struct http_request){ 0 }, ERR_none, 200, "hello");
	assert_int_equal(before.dones + inside.dones + later.dones, 0);
	buf_clear(&inside.body);
	buf_clear(&later.body);
}

static void
test_a_callback_can_start_and_cancel_other_calls(void **state)
{
	struct seen started = { 0 }, cancelled = { 0 }, s = { .starts = &started, .cancels = &cancelled };

	start(&cancelled, "/silent", (struct http_request){ .max_body = 100 });
	start(&s, "/plain", (struct http_request){ .max_body = 100 });
	while (s.dones == 0 || started.dones == 0)
		event_base_dispatch(base);
	assert_string_equal(buf_str(&started.body), "hello");
	assert_int_equal(cancelled.dones, 0);
	buf_clear(&s.body);
	buf_clear(&started.body);
}

static void
test_addresses_that_are_not_http_are_refused(void **state)
{
	struct http_request r = { .method = "GET", .url = "file:///etc/passwd", .max_body = 10 };
	struct http_events ev = { .done = on_done };
	struct error e = { 0 };

	assert_null(http_start(http, &r, &ev, NULL, &e));
	assert_int_equal(e.code, ERR_invalid);
}

static void
test_the_environments_proxy_is_not_asked_about_loopback(void **state)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	expect("/plain", (struct http_request){ 0 }, ERR_none, 200, "hello");
	unsetenv("http_proxy");
}

#define CLAIM(fn) cmocka_unit_test_setup_teardown(fn, begin, finish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_an_answer_comes_with_head_body_and_end),
		CLAIM(test_a_post_carries_its_headers_and_body),
		CLAIM(test_connections_are_reused),
		CLAIM(test_retry_after_is_seconds_or_a_date),
		CLAIM(test_redirects_are_not_followed),
		CLAIM(test_a_cut_answer_is_gone_not_whole),
		CLAIM(test_nobody_there_is_unavailable),
		CLAIM(test_silence_times_out),
		CLAIM(test_a_body_past_its_limit_fails),
		CLAIM(test_the_caller_can_refuse_data),
		CLAIM(test_a_call_can_be_cancelled_anywhere),
		CLAIM(test_a_callback_can_start_and_cancel_other_calls),
		CLAIM(test_addresses_that_are_not_http_are_refused),
		CLAIM(test_the_environments_proxy_is_not_asked_about_loopback),
	};

	return RUN(tests);
}
