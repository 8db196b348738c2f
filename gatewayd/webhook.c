/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webhook platform: what is said goes out as {chat_id, text} to one
 * address that the operator chose, and with a secret others may post to us
 * (webhook_in.c). With the secret alone an answer goes to the person's inbox.
 */
#include "gatewayd/webhook.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/call.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/url.h"
#include "gatewayd/breaker.h"
#include "gatewayd/settings.h"
#include "gatewayd/webcall.h"
#include "gatewayd/webhook_check.h"

#define NAME		"webhook"
#define PORT		"gateway.webhook.port"
#define CHATS		"WEBHOOK_ALLOWED_CHAT_IDS"
#define HOST		"gateway.webhook.host"
#define LOOPBACK	"127.0.0.1"
#define FILE_MS		8000
#define BODY_MAX	8192		/* of a row in outputs */
#define SEND_MS		30000
#define ANSWER_MAX	65536
#define AGAIN_MS	5000
#define RETRY_MAX_MS	3600000

struct sending {
	struct webhook	*webhook;
	struct webcall	*call;		/* NULL: there is nowhere to post to */
	struct request	*filing;	/* so it is filed; NULL: not */
	struct event	*soon;		/* it cannot be, now */
	char		*chat;
	sent_fn		*done;
	void		*arg;
};

/* ---- what goes out ----------------------------------------------------------------------------------------- */

static void
sending_free(struct sending *s)
{
	if (s->filing != NULL)
		request_cancel(s->filing);
	event_free(s->soon);
	free(s->chat);
	free(s);
}

static void
finish(struct sending *s, enum outcome outcome, int64_t later_ms)
{
	s->done(s->arg, outcome, later_ms);
	sending_free(s);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	finish(arg, OUT_later, AGAIN_MS);
}

static void
on_filed(void *arg, const void *reply, const struct error *e)
{
	struct sending *s = arg;

	s->filing = NULL;
	finish(s, reply != NULL ? OUT_sent : e->code == ERR_invalid ? OUT_never : OUT_later, AGAIN_MS);
}

/* Nobody is posted to: the answer is in outputs, once, whoever dies. */
static void
file(struct sending *s, const struct letter *to, const char *text)
{
	struct daemon *d = s->webhook->gateway->daemon;
	cleanup_free char *key = xasprintf("webhook %s", to->key), *body = xstrndup(text, utf8_cut(text, strlen(text), BODY_MAX));
	const char *there[] = { "alpi" };
	struct error e = { 0 };

	s->filing = request_send(d, "engined", MSG_outputs_add, &(struct outputs_add){ .key = key, .body = body, .title = s->chat,
	    .source = NAME, .delivered_to = there, .n_delivered_to = 1 }, NULL, FILE_MS, on_filed, s, &e);
	if (s->filing == NULL) {
		log_warn(NAME " chat=%s: its answer is not filed: %s", s->chat, e.text);
		event_active(s->soon, EV_TIMEOUT, 0);
	}
}

/* The receiver's own no, which no later try turns into a yes: 4xx but for those that speak of time. */
static bool
is_refused(int status)
{
	return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

static void
on_posted(void *arg, const struct webcall_answer *a)
{
	struct sending *s = arg;
	bool good = a->status >= 200 && a->status < 300;
	cleanup_free char *why = a->status != 0 ? xasprintf("the receiver answers %d", a->status) : xstrdup(a->why != NULL ? a->why : "");
	int64_t pause = a->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS : a->retry_ms;

	s->call = NULL;
	if (good) {
		breaker_ok(s->webhook->breaker);
		finish(s, OUT_sent, 0);
		return;
	}
	log_warn(NAME " chat=%s is not answered: %s", s->chat, why);
	if (pause < 0)
		pause = breaker_failed(s->webhook->breaker, why, AGAIN_MS);
	finish(s, is_refused(a->status) ? OUT_never : OUT_later, pause);
}

static struct sending *
webhook_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	static const char *headers[] = { "Content-Type: application/json", NULL };
	struct webhook *w = self;
	struct sending *s = xcalloc(1, sizeof(*s));
	cleanup_json json_t *body = json_pack("{s:s, s:s}", "chat_id", to->chat, "text", part);
	cleanup_free char *text = json_text(body);

	s->webhook = w;
	s->chat = xstrdup(to->chat);
	s->done = done;
	s->arg = arg;
	s->soon = evtimer_new(w->gateway->daemon->base, on_soon, s);
	if (w->url == NULL) {
		file(s, to, part);
		return s;
	}
	s->call = webcall_start(w->gateway->http, w->gateway->daemon->base, &(struct webcall_request){ .method = "POST", .url = w->url,
	    .headers = headers, .body = text, .len = strlen(text), .wait_ms = SEND_MS, .most = ANSWER_MAX }, on_posted, s);
	return s;
}

static void
webhook_cancel(struct sending *s)
{
	webcall_cancel(s->call);
	sending_free(s);
}

/* One part, however long: whoever reads it is a program. */
static char **
webhook_split(const char *reply)
{
	char **parts = xcalloc(2, sizeof(*parts));

	parts[0] = xstrdup(reply);
	return parts;
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

static void
webhook_free(void *self)
{
	struct webhook *w = self;

	webhook_deaf(w);
	breaker_free(w->breaker);
	allow_clear(&w->allow);
	if (w->secret != NULL)
		explicit_bzero(w->secret, strlen(w->secret));
	free(w->secret);
	free(w->url);
	free(w);
}

/* The port that the configuration gives, 0: none, -1: no port. */
static int
port_of(const struct boot *b)
{
	const char *text = boot_option(b, PORT);
	char *end;
	long n = text == NULL ? 0 : strtol(text, &end, 10);

	return text == NULL ? 0 : *text == '\0' || *end != '\0' || n < 0 || n > 65535 ? -1 : (int)n;
}

static const char *
what_is_wrong(const char *url, const char *secret, int port)
{
	if (url != NULL && !url_is_safe(url))
		return "WEBHOOK_POST_URL must begin with https:// or be on this machine";
	if (secret != NULL && strlen(secret) < WEBHOOK_SECRET_MIN)
		return "WEBHOOK_SECRET has fewer than 16 characters";
	if (port == -1)
		return PORT " is no port";
	if (port > 0 && secret == NULL)
		return PORT " needs a WEBHOOK_SECRET";
	return url == NULL && port == 0 ? "WEBHOOK_SECRET needs " PORT : NULL;
}

static int
webhook_open(struct gateway *g, void **self, const char **wrong, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	const char *url = settings_value(b, "WEBHOOK_POST_URL"), *secret = settings_value(b, "WEBHOOK_SECRET");
	const char *chats = settings_value(b, CHATS), *host = boot_option(b, HOST);
	int port = port_of(b);
	struct error why = { 0 };
	struct webhook *w;

	if ((url == NULL && secret == NULL) || (*wrong = what_is_wrong(url, secret, port)) != NULL)
		return 0;
	w = xcalloc(1, sizeof(*w));
	w->gateway = g;
	w->fd = -1;
	w->url = xstrdup0(url);
	w->secret = xstrdup0(secret);
	w->breaker = breaker_open(b->home, NAME);
	w->open = !boot_secret_given(b, CHATS);		/* set but empty: nobody */
	allow_read(&w->allow, w->open ? NAME : chats, NULL);
	*self = w;
	if (port > 0 && webhook_listen(w, host == NULL || *host == '\0' ? LOOPBACK : host, port, &why) == -1) {
		log_warn(NAME ": %s", why.text);
		*wrong = why.code == ERR_invalid ? HOST " is no address of this machine" : "the port of " PORT " is taken, or not ours";
		webhook_free(w);
		*self = NULL;
	}
	return 0;
}

static void
webhook_serve(void *self)
{
	webhook_hear(self);
}

static void
webhook_stop(void *self)
{
	webhook_deaf(self);
}

static const struct breaker *
webhook_breaker(const void *self)
{
	return ((const struct webhook *)self)->breaker;
}

static const struct allow *
webhook_allow(const void *self)
{
	return &((const struct webhook *)self)->allow;
}

const struct platform webhook_platform = {
	.name = NAME,
	.banner = "INBOUND WEBHOOK",
	.open = webhook_open,
	.serve = webhook_serve,
	.stop = webhook_stop,
	.free = webhook_free,
	.breaker = webhook_breaker,
	.allow = webhook_allow,
	.split = webhook_split,
	.send = webhook_send,
	.cancel = webhook_cancel,
};
