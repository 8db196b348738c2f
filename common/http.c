/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See http.h. libcurl must not be entered from inside its own callbacks, and
 * ours run there: a call that is started or cancelled there is put aside and
 * taken up when libcurl has returned.
 *
 * A request on a kept connection that the server had just closed is sent
 * again by libcurl on a fresh one; nothing else is ever sent twice.
 * Certificates are always checked. Redirects are never followed: a
 * credential goes only where its configuration says.
 */
#include "common/http.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/multi.h"

#define CONNECT_MS	10000
#define IDLE_CONNS	32L		/* kept for reuse */
#define READ_BYTES	8192L		/* per call, so that a thousand streams stay small */
#define UPLOAD_BYTES	16384L		/* libcurl's least */

enum state { WAITING, RUNNING, ENDED };

struct http_call {
	TAILQ_ENTRY(http_call) link;
	struct http		*http;
	CURL			*easy;
	struct curl_slist	*headers;
	struct http_events	 ev;
	void			*arg;
	struct event		*timer;		/* first byte, then idle; NULL: no limit */
	int			 idle_ms;
	size_t			 left;		/* body bytes that may still come */
	enum state		 state;
	enum error_code		 ended_by;	/* why our own callback stopped libcurl */
	bool			 head_seen;
	int			 status;
	long			 retry_after_ms;
	char			 type[128];
	char			 text[CURL_ERROR_SIZE];
};

struct http {
	struct event_base	*base;
	struct multi		*multi;
	TAILQ_HEAD(, http_call)	 running, waiting, ended;
};

static struct timeval
from_ms(long ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* ---- the end of a call --------------------------------------------------------------------- */

/* Not while libcurl is on the stack. */
static void
destroy(struct http_call *c)
{
	if (c->easy != NULL) {
		curl_multi_remove_handle(multi_handle(c->http->multi), c->easy);
		curl_easy_cleanup(c->easy);
	}
	if (c->timer != NULL)
		event_free(c->timer);
	curl_slist_free_all(c->headers);
	free(c);
}

/* Out of the running calls; from here on no callback runs for it. */
static void
retire(struct http_call *c)
{
	struct http *h = c->http;

	if (c->state == WAITING)
		TAILQ_REMOVE(&h->waiting, c, link);
	else if (c->state == RUNNING)
		TAILQ_REMOVE(&h->running, c, link);
	c->state = ENDED;
	if (c->timer != NULL)
		event_del(c->timer);
	TAILQ_INSERT_TAIL(&h->ended, c, link);
}

static void
reap(struct http *h)
{
	struct http_call *c;

	while (!multi_inside(h->multi) && (c = TAILQ_FIRST(&h->ended)) != NULL) {
		TAILQ_REMOVE(&h->ended, c, link);
		destroy(c);
	}
}

/* The last callback, with libcurl off the stack. */
static void
finish(struct http_call *c, const struct error *e)
{
	retire(c);
	c->ev.done(c->arg, e);
}

void
http_cancel(struct http_call *c)
{
	if (c == NULL || c->state == ENDED)
		return;
	retire(c);
	reap(c->http);
}

static const struct {
	CURLcode	code;
	enum error_code	to;
} by_code[] = {
	{ CURLE_OPERATION_TIMEDOUT, ERR_timeout },
	{ CURLE_PARTIAL_FILE, ERR_gone }, { CURLE_RECV_ERROR, ERR_gone }, { CURLE_GOT_NOTHING, ERR_gone },
	{ CURLE_SEND_ERROR, ERR_gone }, { CURLE_HTTP2, ERR_gone }, { CURLE_HTTP2_STREAM, ERR_gone },
	{ CURLE_WEIRD_SERVER_REPLY, ERR_gone }, { CURLE_BAD_CONTENT_ENCODING, ERR_gone },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_invalid }, { CURLE_URL_MALFORMAT, ERR_invalid },
};

static enum error_code
code_of(CURLcode code)
{
	for (size_t i = 0; i < COUNT(by_code); i++)
		if (by_code[i].code == code)
			return by_code[i].to;
	return ERR_unavailable;		/* resolve, connect, TLS */
}

static void
finished(struct http_call *c, CURLcode code)
{
	struct error e = { 0 };

	if (code == CURLE_OK) {
		finish(c, NULL);
		return;
	}
	if (c->ended_by == ERR_too_large)
		error_set(&e, ERR_too_large, "the answer is larger than allowed");
	else if (c->ended_by != ERR_none)
		error_set(&e, c->ended_by, "ended by the caller");
	else
		error_set(&e, code_of(code), "%s", c->text[0] ? c->text : curl_easy_strerror(code));
	finish(c, &e);
}

/* ---- with libcurl off the stack ------------------------------------------------------------ */

static void
add_waiting(struct http *h)
{
	struct http_call *c;

	while ((c = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, c, link);
		TAILQ_INSERT_TAIL(&h->running, c, link);
		c->state = RUNNING;
		curl_multi_add_handle(multi_handle(h->multi), c->easy);
	}
}

static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	struct http_call *c;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c) == CURLE_OK && c->state != ENDED)
		finished(c, code);
}

/* Take up what was put aside. */
static void
on_idle(void *arg)
{
	reap(arg);
	add_waiting(arg);
}

static const struct multi_events loop = { .done = on_done, .idle = on_idle };

/* ---- what comes in ------------------------------------------------------------------------- */

/* "Name: value" -> value when the name matches, without blanks around it. */
static int
header_value(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return 0;
	for (line += n + 1, len -= n + 1; len > 0 && (*line == ' ' || *line == '\t'); line++)
		len--;
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(out, line, len);
	out[len] = '\0';
	return 1;
}

/* Seconds, or a date; -1 when it is neither. */
static long
retry_after(const char *value)
{
	char *end;
	double s = strtod(value, &end);
	time_t at;
	int64_t ms;

	if (end != value && *end == '\0')
		return s < 0 || s > 1e6 ? (s < 0 ? 0 : 1000000000L) : (long)(s * 1000);
	if ((at = curl_getdate(value, NULL)) == -1)
		return -1;
	ms = (int64_t)at * 1000 - clock_wall_ms();
	return ms < 0 ? 0 : ms > 1000000000L ? 1000000000L : (long)ms;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;
	char value[128];
	long status = 0;

	if (c->state == ENDED || c->head_seen)		/* trailers do not matter */
		return len;
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
		c->retry_after_ms = -1;
		c->type[0] = '\0';
	} else if (header_value(line, len, "retry-after", value, sizeof(value))) {
		c->retry_after_ms = retry_after(value);
	} else if (header_value(line, len, "content-type", value, sizeof(value))) {
		memcpy(c->type, value, sizeof(c->type));
	} else if (line[0] == '\r' || line[0] == '\n') {
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status < 200)		/* 100 Continue and its like come before the head */
			return len;
		c->head_seen = true;
		c->status = (int)status;
		if (c->ev.head != NULL)
			c->ev.head(c->arg, c->status, c->type, c->retry_after_ms);
	}
	return len;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * n;
	struct timeval tv = from_ms(c->idle_ms);

	if (c->state == ENDED)
		return 0;
	if (len > c->left) {
		c->ended_by = ERR_too_large;
		return 0;
	}
	c->left -= len;
	if (c->idle_ms > 0)
		event_add(c->timer, &tv);
	else if (c->timer != NULL)
		event_del(c->timer);
	if (c->ev.data == NULL || c->ev.data(c->arg, data, len) == 0)
		return c->state == ENDED ? 0 : len;
	c->ended_by = ERR_cancelled;
	return 0;
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct http_call *c = arg;
	struct http *h = c->http;
	struct error e = { 0 };

	error_set(&e, ERR_timeout, "no data came for too long");
	finish(c, &e);
	reap(h);
}

/* ---- a call -------------------------------------------------------------------------------- */

static bool
is_loopback(const char *url)
{
	const char *host = strstr(url, "://");

	if (host == NULL)
		return false;
	host += 3;
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
	    (strncasecmp(host, "localhost", 9) == 0 && strchr(":/", host[9]) != NULL);
}

static bool
is_http(const char *url)
{
	return url != NULL && (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
}

static void
add_headers(struct http_call *c, const char **headers)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");	/* no round trip before a large body */

	for (; headers != NULL && *headers != NULL; headers++)
		list = curl_slist_append(list, *headers);
	c->headers = list;
}

static void
set_method(CURL *easy, const struct http_request *r)
{
	if (r->body != NULL || strcmp(r->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, r->body != NULL ? r->body : "");
	}
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "POST") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void
set_options(struct http_call *c, const struct http_request *r)
{
	CURL *easy = c->easy;

	curl_easy_setopt(easy, CURLOPT_URL, r->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->text);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_ms > 0 ? r->connect_ms : CONNECT_MS));
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	if (is_loopback(r->url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	set_method(easy, r);
}

static void
arm_first_byte(struct http_call *c, int first_byte_ms)
{
	struct timeval tv = from_ms(first_byte_ms);

	if (first_byte_ms <= 0 && c->idle_ms <= 0)
		return;
	c->timer = evtimer_new(c->http->base, on_timeout, c);
	if (first_byte_ms > 0)
		event_add(c->timer, &tv);
}

struct http_call *
http_start(struct http *h, const struct http_request *r, const struct http_events *ev, void *arg, struct error *e)
{
	struct http_call *c;
	CURL *easy;

	if (!is_http(r->url)) {
		error_set(e, ERR_invalid, "not an http address: %s", r->url != NULL ? r->url : "");
		return NULL;
	}
	if ((easy = curl_easy_init()) == NULL) {
		error_set(e, ERR_internal, "libcurl gives no handle");
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->http = h;
	c->easy = easy;
	c->ev = *ev;
	c->arg = arg;
	c->idle_ms = r->idle_ms;
	c->left = r->max_body;
	c->retry_after_ms = -1;
	add_headers(c, r->headers);
	set_options(c, r);
	arm_first_byte(c, r->first_byte_ms);
	TAILQ_INSERT_TAIL(&h->waiting, c, link);
	if (!multi_inside(h->multi))
		add_waiting(h);		/* only arms a timer: libcurl begins on the loop */
	return c;
}

/* ---- the process's handle ------------------------------------------------------------------ */

struct http *
http_new(struct event_base *base, struct error *e)
{
	struct http *h = xcalloc(1, sizeof(*h));

	if ((h->multi = multi_new(base, &loop, h, e)) == NULL) {
		free(h);
		return NULL;
	}
	h->base = base;
	TAILQ_INIT(&h->running);
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->ended);
	curl_multi_setopt(multi_handle(h->multi), CURLMOPT_MAXCONNECTS, IDLE_CONNS);
	return h;
}

void
http_free(struct http *h)
{
	struct http_call *c;

	if (h == NULL)
		return;
	while ((c = TAILQ_FIRST(&h->running)) != NULL || (c = TAILQ_FIRST(&h->waiting)) != NULL)
		retire(c);
	reap(h);
	multi_free(h->multi);
	free(h);
}
