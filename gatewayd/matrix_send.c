/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix: what goes out. Each part has a transaction that follows from the
 * message it answers, so a server that took it already knows it again: what
 * we send twice, because nobody knows whether it arrived, the room sees once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/breaker.h"
#include "gatewayd/html.h"
#include "gatewayd/matrix.h"
#include "gatewayd/split.h"
#include "gatewayd/webcall.h"

#define PART_UNITS	8000		/* an event has 65536 bytes, whatever its text needs as JSON */
#define EVENT_MAX	60000
#define SEND_MS		30000
#define TYPING_MS	5000
#define AGAIN_MS	5000

static void
sending_free(struct sending *s)
{
	if (s->soon != NULL)
		event_free(s->soon);
	json_decref(s->event);
	free(s->chat);
	free(s->path);
	free(s);
}

/* The server's own no to this message, which no later try turns into a yes. */
static bool
is_refused(const struct matrix_answer *a)
{
	return *a->errcode != '\0' && (a->status == 400 || a->status == 403 || a->status == 404 || a->status == 413);
}

void
matrix_sent(void *arg, const struct matrix_answer *a)
{
	struct sending *s = arg;
	int64_t pause = breaker_left(s->matrix->breaker);

	s->call = NULL;
	if (!a->ok)
		log_warn("matrix chat=%s is not answered: %s", s->chat, a->why);
	pause = a->retry_ms >= 0 ? a->retry_ms : pause > AGAIN_MS ? pause : AGAIN_MS;
	s->done(s->arg, a->ok ? OUT_sent : is_refused(a) ? OUT_never : OUT_later, pause);
	sending_free(s);
}

/* The same for the same part of the same answer, and for nothing else. */
static void
name_of(const struct letter *to, char out[33])
{
	cleanup_free char *whole = xasprintf("%" PRId64 " %s", to->part, to->key);
	unsigned char sum[16];

	crypto_generichash(sum, sizeof(sum), (const unsigned char *)whole, strlen(whole), NULL, 0);
	sodium_bin2hex(out, 33, sum, sizeof(sum));
}

/* Plain text always; with its marks as HTML when there is room. */
static json_t *
event_of(const char *part)
{
	json_t *event = json_pack("{s:s, s:s}", "msgtype", "m.text", "body", part);
	cleanup_free char *html = html_of(part), *text = NULL;

	if (html == NULL)
		return event;
	json_object_set_new(event, "format", json_string("org.matrix.custom.html"));
	json_object_set_new(event, "formatted_body", json_string(html));
	text = json_text(event);
	if (strlen(text) > EVENT_MAX) {
		json_object_del(event, "format");
		json_object_del(event, "formatted_body");
	}
	return event;
}

struct sending *
matrix_sending(struct matrix *m, const struct letter *to, sent_fn *done, void *arg)
{
	struct sending *s = xcalloc(1, sizeof(*s));
	cleanup_free char *rest = NULL;
	char name[33];

	name_of(to, name);
	rest = xasprintf("send/m.room.message/%s", name);
	*s = (struct sending){ .matrix = m, .chat = xstrdup(to->chat), .path = matrix_room_path(to->chat, rest), .done = done, .arg = arg };
	return s;
}

void
matrix_put(struct sending *s, json_t *event)
{
	s->call = matrix_ask(&s->matrix->server, "PUT", s->path, event, SEND_MS, matrix_sent, s);
}

struct sending *
matrix_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	struct sending *s = matrix_sending(self, to, done, arg);

	matrix_put(s, event_of(part));
	return s;
}

void
matrix_send_cancel(struct sending *s)
{
	matrix_cancel(s->call);
	sending_free(s);
}

static void
on_nothing(void *arg, const struct matrix_answer *a)
{
}

/* A sign of life: whether it arrives does not matter. */
void
matrix_typing(void *self, const char *chat)
{
	struct matrix *m = self;
	cleanup_free char *user = webcall_escape(m->user), *rest = xasprintf("typing/%s", user), *path = matrix_room_path(chat, rest);

	matrix_ask(&m->server, "PUT", path, json_pack("{s:b, s:i}", "typing", 1, "timeout", TYPING_MS), TYPING_MS, on_nothing, NULL);
}

char **
matrix_split(const char *reply)
{
	return split_text(reply, PART_UNITS);
}
