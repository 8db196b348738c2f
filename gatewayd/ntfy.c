/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ntfy: a note to a topic that a phone listens to. Nothing comes in this way.
 * The token goes to the configured server alone, and is in no log line.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/url.h"
#include "gatewayd/allow.h"
#include "gatewayd/breaker.h"
#include "gatewayd/gateway.h"
#include "gatewayd/settings.h"
#include "gatewayd/split.h"
#include "gatewayd/webcall.h"

#define NAME		"ntfy"
#define SERVER		"https://ntfy.sh"
#define TITLE		"alpi"
#define PART_UNITS	1300		/* a note has 4096 bytes; what is longer becomes a file, where files are kept at all */
#define SEND_MS		30000
#define ANSWER_MAX	65536
#define AGAIN_MS	5000
#define RETRY_MAX_MS	3600000
#define TOPIC		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define TOPIC_MAX	64

struct ntfy {
	struct gateway	*gateway;
	struct allow	 allow;		/* the topics */
	struct breaker	*breaker;
	char		*url, *bearer;	/* bearer NULL: an open server */
};

struct sending {
	struct ntfy	*ntfy;
	struct webcall	*call;
	sent_fn		*done;
	void		*arg;
};

static void
on_posted(void *arg, const struct webcall_answer *a)
{
	struct sending *s = arg;
	bool good = a->status >= 200 && a->status < 300, refused = a->status == 400 || a->status == 404 || a->status == 413;
	cleanup_free char *why = a->status != 0 ? xasprintf("the server answers %d", a->status) : xstrdup(a->why != NULL ? a->why : "");
	int64_t pause = a->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS : a->retry_ms;

	if (good)
		breaker_ok(s->ntfy->breaker);
	else
		log_warn(NAME ": a note is not sent: %s", why);
	if (!good && pause < 0)
		pause = breaker_failed(s->ntfy->breaker, why, AGAIN_MS);
	s->done(s->arg, good ? OUT_sent : refused ? OUT_never : OUT_later, pause);
	free(s);
}

static struct sending *
ntfy_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	struct ntfy *n = self;
	struct sending *s = xcalloc(1, sizeof(*s));
	const char *headers[] = { "Content-Type: application/json", n->bearer, NULL };
	cleanup_json json_t *body = json_pack("{s:s, s:s, s:s}", "topic", to->chat, "title", to->title == NULL ? TITLE : to->title,
	    "message", part);
	cleanup_free char *text = json_text(body);

	*s = (struct sending){ .ntfy = n, .done = done, .arg = arg };
	s->call = webcall_start(n->gateway->http, n->gateway->daemon->base, &(struct webcall_request){ .method = "POST", .url = n->url,
	    .headers = headers, .body = text, .len = strlen(text), .wait_ms = SEND_MS, .most = ANSWER_MAX }, on_posted, s);
	return s;
}

static void
ntfy_cancel(struct sending *s)
{
	webcall_cancel(s->call);
	free(s);
}

static char **
ntfy_split(const char *reply)
{
	return split_text(reply, PART_UNITS);
}

static void
ntfy_free(void *self)
{
	struct ntfy *n = self;

	breaker_free(n->breaker);
	allow_clear(&n->allow);
	if (n->bearer != NULL)
		explicit_bzero(n->bearer, strlen(n->bearer));
	free(n->bearer);
	free(n->url);
	free(n);
}

static const char *
what_is_wrong(const char *url, const char *topic, const char *token)
{
	if (!url_is_safe(url))
		return "NTFY_URL must begin with https:// or be on this machine";
	if (strlen(topic) > TOPIC_MAX || topic[strspn(topic, TOPIC)] != '\0')
		return "NTFY_TOPIC is no topic (letters, digits, - and _)";
	return token != NULL && token[strcspn(token, " \t\r\n")] != '\0' ? "NTFY_TOKEN has white space in it" : NULL;
}

static int
ntfy_open(struct gateway *g, void **self, const char **wrong, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	const char *url = settings_value(b, "NTFY_URL"), *topic = settings_value(b, "NTFY_TOPIC"), *token = settings_value(b, "NTFY_TOKEN");
	struct ntfy *n;

	url = url == NULL ? SERVER : url;
	if (topic == NULL || (*wrong = what_is_wrong(url, topic, token)) != NULL)
		return 0;
	n = xcalloc(1, sizeof(*n));
	n->gateway = g;
	n->url = settings_base(url);
	n->bearer = token == NULL ? NULL : xasprintf("Authorization: Bearer %s", token);
	n->breaker = breaker_open(b->home, NAME);
	allow_read(&n->allow, topic, NULL);
	*self = n;
	return 0;
}

/* Nothing comes in, so there is nothing to begin and nothing to end. */
static void
ntfy_nothing(void *self)
{
}

static const struct breaker *
ntfy_breaker(const void *self)
{
	return ((const struct ntfy *)self)->breaker;
}

static const struct allow *
ntfy_allow(const void *self)
{
	return &((const struct ntfy *)self)->allow;
}

const struct platform ntfy_platform = {
	.name = NAME,
	.banner = "NTFY",
	.open = ntfy_open,
	.serve = ntfy_nothing,
	.stop = ntfy_nothing,
	.free = ntfy_free,
	.breaker = ntfy_breaker,
	.allow = ntfy_allow,
	.titled = true,
	.split = ntfy_split,
	.send = ntfy_send,
	.cancel = ntfy_cancel,
};
