/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webhook's listener, on this machine's own address unless the settings
 * name another. libevent reads HTTP and refuses what is larger than a message
 * can be before it has read it; who may speak is decided by webhook_check over
 * the bytes. What is taken is on disk before it is said to be. The same request
 * twice is one message: its name is in the inbox for longer than its signature
 * is good.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/intake.h"
#include "gatewayd/webhook.h"
#include "gatewayd/webhook_check.h"

#define PATH		"/webhook"
#define HEADERS_MAX	8192
#define SILENCE_S	10		/* of somebody who has connected */
#define BURST		60.0		/* messages at once, then one a second */
#define QUEUE		16

/* {"status": "accepted"} or {"error": why} */
static void
reply(struct evhttp_request *r, int status, const char *name, const char *text)
{
	cleanup_json json_t *said = json_pack("{s:s}", name, text);
	cleanup_free char *body = json_text(said);
	struct evbuffer *out = evbuffer_new();

	evbuffer_add(out, body, strlen(body));
	evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type", "application/json");
	evhttp_send_reply(r, status, NULL, out);
	evbuffer_free(out);
}

static void
refuse(struct evhttp_request *r, int status, const char *why)
{
	log_info("webhook: a request is refused: %s", why);
	reply(r, status, "error", why);
}

/* One message may come now. */
static bool
has_room(struct webhook *w)
{
	int64_t now = clock_mono_ms();

	w->tokens += (double)(now - w->counted_at) / 1000;
	w->counted_at = now;
	if (w->tokens > BURST)
		w->tokens = BURST;
	return w->tokens >= 1;
}

static void
take(struct webhook *w, struct evhttp_request *r, const struct webhook_message *m)
{
	struct error e = { 0 };
	bool stranger = !w->open && !allow_admits(&w->allow, m->chat, m->sender);
	struct arrival a = { .ref = m->ref, .chat = m->chat, .sender = m->sender, .text = m->text, .stranger = stranger };

	if (!has_room(w)) {
		evhttp_add_header(evhttp_request_get_output_headers(r), "Retry-After", "1");
		refuse(r, 429, "too many messages");
		return;
	}
	w->tokens--;
	if (intake(w->gateway, "webhook", "webhook", &a, 1, NULL, &e) == -1) {
		log_error("webhook: a message cannot be written down: %s", e.text);
		refuse(r, 503, "the message cannot be kept now");
	} else if (stranger) {
		reply(r, 403, "error", "this chat is not on the list");
	} else {
		reply(r, 202, "status", "accepted");
	}
}

static void
on_request(struct evhttp_request *r, void *arg)
{
	struct webhook *w = arg;
	struct evkeyvalq *in = evhttp_request_get_input_headers(r);
	struct evbuffer *body = evhttp_request_get_input_buffer(r);
	struct webhook_request asked = { .timestamp = evhttp_find_header(in, "X-Alpi-Timestamp"),
	    .signature = evhttp_find_header(in, "X-Alpi-Signature"), .len = evbuffer_get_length(body) };
	struct webhook_message m;
	const char *why;
	int status;

	if (evhttp_request_get_command(r) != EVHTTP_REQ_POST) {
		refuse(r, 405, "only POST");
		return;
	}
	asked.body = asked.len == 0 ? "" : (const char *)evbuffer_pullup(body, -1);
	status = webhook_check(w->secret, &asked, clock_wall_ms() / 1000, &m, &why);
	if (status != 202)
		refuse(r, status, why);
	else
		take(w, r, &m);
	webhook_message_clear(&m);
}

static void
on_elsewhere(struct evhttp_request *r, void *arg)
{
	refuse(r, 404, "the address is " PATH);
}

/* Before restrict: no port is bound after it. */
static int
bind_at(const struct sockaddr *at, socklen_t len, struct error *e)
{
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd == -1)
		return error_errno(e, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, at, len) == 0 && listen(fd, QUEUE) == 0)
		return fd;
	error_errno(e, "bind");
	close(fd);
	return -1;
}

int
webhook_listen(struct webhook *w, const char *host, int port, struct error *e)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, host, &four.sin_addr) == 1)
		w->fd = bind_at((struct sockaddr *)&four, sizeof(four), e);
	else if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
		w->fd = bind_at((struct sockaddr *)&six, sizeof(six), e);
	else
		return error_set(e, ERR_invalid, "%.100s is no address", host);
	return w->fd == -1 ? error_add(e, "%s port %d", host, port) : 0;
}

/* Nothing is read of anybody before the inbox is open. */
void
webhook_hear(struct webhook *w)
{
	if (w->fd == -1)
		return;
	w->http = evhttp_new(w->gateway->daemon->base);
	evhttp_set_allowed_methods(w->http, EVHTTP_REQ_POST | EVHTTP_REQ_GET | EVHTTP_REQ_PUT | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(w->http, HEADERS_MAX);
	evhttp_set_max_body_size(w->http, WEBHOOK_BODY_MAX);
	evhttp_set_timeout(w->http, SILENCE_S);
	evhttp_set_cb(w->http, PATH, on_request, w);
	evhttp_set_gencb(w->http, on_elsewhere, w);
	w->tokens = BURST;
	w->counted_at = clock_mono_ms();
	if (evhttp_accept_socket(w->http, w->fd) == -1)
		log_error("webhook: nobody can be heard");
	w->fd = -1;
}

void
webhook_deaf(struct webhook *w)
{
	if (w->http != NULL)
		evhttp_free(steal(w->http));
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
}
