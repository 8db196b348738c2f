/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h. A repeated stream begins with session_start again and brings
 * the same frames in the same order, only that neighbouring deltas may have
 * been merged. Hence three counters say what is old: bytes of text, bytes of
 * reasoning, and the number of all other frames.
 */
#include "cli/turn.h"

#include <string.h>
#include <time.h>

#include "cli/client.h"
#include "cli/control.h"
#include "cli/interrupt.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define RECONNECT_MS	30000		/* as long as a crash loop is given before a unit is `failed` */

enum { TEXT, REASONING, OTHERS, COUNTERS };

struct turn {
	struct cli	*cli;
	json_t		*params;
	struct stream	*stream;
	size_t		 given[COUNTERS];	/* handed out to the caller */
	size_t		 skip[COUNTERS];	/* of a repeated stream, still to be left away */
	bool		 fresh;			/* no frame of this connection was seen yet */
	bool		 refused;		/* this connection began with an error frame */
	bool		 over;
	int64_t		 lost_ms;		/* when it first closed without a word; 0: it speaks */
	int		 closed;		/* how often since then */
};

static struct stream *
open_turn(struct turn *t, struct error *e)
{
	t->fresh = true;
	t->refused = false;
	memset(t->skip, 0, sizeof(t->skip));
	return stream_open(t->cli, "host.chat.send", json_incref(t->params), e);
}

struct turn *
turn_start(struct cli *c, json_t *params, struct error *e)
{
	struct turn *t = xcalloc(1, sizeof(*t));
	struct error first = { 0 };
	char id[33];

	random_hex(id, 16);
	t->cli = c;
	t->params = params;
	json_object_set_new(params, "request_id", json_string(id));
	t->stream = open_turn(t, &first);
	if (t->stream == NULL && first.code == ERR_unavailable && control_ensure(c, &first) == 0 &&
	    (t->stream = open_turn(t, &first)) == NULL)
		client_deaf(&first);
	if (t->stream != NULL)
		return t;
	*e = first;
	turn_free(t);
	return NULL;
}

void
turn_free(struct turn *t)
{
	if (t == NULL)
		return;
	stream_close(t->stream);
	json_decref(t->params);
	free(t);
}

int
turn_fd(const struct turn *t)
{
	return stream_fd(t->stream);
}

void
turn_cancel(struct turn *t)
{
	struct cli quiet = *t->cli;

	quiet.stay_down = true;
	json_decref(client_call(&quiet, "host.chat.cancel", json_pack("{s:O, s:O}",
	    "profile", json_object_get(t->params, "profile"),
	    "request_id", json_object_get(t->params, "request_id")), NULL));
}

/* A moment longer each time it is lost again before a word came. */
static void
pause_before(int tries)
{
	struct timespec pause = { 0, 5000000L << (tries < 6 ? tries : 6) };

	nanosleep(&pause, NULL);
}

/* hostd went away: it comes back within a second, or its unit has failed for good. One that takes us and hangs up is as good as gone. */
static int
reconnect(struct turn *t, struct error *e)
{
	if (t->lost_ms == 0)
		t->lost_ms = clock_mono_ms();
	do {
		if (clock_mono_ms() > t->lost_ms + RECONNECT_MS || interrupt_count() > 1)
			return error_add(e, "the connection to alpi was lost");
		if (t->closed > 0)
			pause_before(t->closed);
		t->closed++;
		stream_close(t->stream);
	} while ((t->stream = open_turn(t, e)) == NULL);
	return 0;
}

static int
counter(const char *event)
{
	return strcmp(event, "assistant_delta") == 0 ? TEXT :
	    strcmp(event, "reasoning_delta") == 0 ? REASONING : OTHERS;
}

/* The part of a delta that was not shown yet; false: none is left. */
static bool
trim_delta(struct turn *t, json_t *frame, int kind)
{
	const char *text = json_str(frame, "text", "");
	size_t len = strlen(text), old = t->skip[kind] < len ? t->skip[kind] : len;

	t->skip[kind] -= old;
	t->given[kind] += len - old;
	if (old > 0)
		json_object_set_new(frame, "text", json_string(text + old));
	return len > old;
}

/* Is this frame for the caller, and not one it has seen? */
static bool
is_new(struct turn *t, json_t *frame)
{
	const char *event = json_str(frame, "event", "");
	int kind = counter(event);

	if (strcmp(event, "heartbeat") == 0 || *event == '\0')
		return false;
	if (t->fresh && strcmp(event, "session_start") == 0)
		memcpy(t->skip, t->given, sizeof(t->skip));
	t->refused = t->refused || (t->fresh && strcmp(event, "error") == 0);
	t->fresh = false;
	t->over = t->over || strcmp(event, "done") == 0;
	if (kind != OTHERS)
		return trim_delta(t, frame, kind);
	if (t->skip[OTHERS] > 0) {
		t->skip[OTHERS]--;
		return false;
	}
	t->given[OTHERS]++;
	return true;
}

int
turn_next(struct turn *t, json_t **frame, struct error *e)
{
	int got;

	*e = (struct error){ 0 };
	while (!t->over) {
		if ((got = stream_next(t->stream, frame, e)) == 0)
			return 0;
		if (got == 1)
			t->lost_ms = t->closed = 0;
		if (got == 1 && json_is_object(json_object_get(*frame, "error"))) {
			client_refusal(*frame, e);
			json_decref(*frame);
			t->over = true;
			return -1;
		}
		if (got == 1 && is_new(t, *frame))
			return 1;
		if (got == 1)
			json_decref(*frame);
		else if (t->refused && e->code == ERR_gone)
			break;			/* its error frame was all there is */
		else if (e->code != ERR_gone || reconnect(t, e) == -1)
			return -1;
	}
	*e = (struct error){ 0 };
	return -1;
}

void
turn_add_usage(json_t **sum, const json_t *frame)
{
	static const char *const sums[] = { "tokens_in", "tokens_out", "cached_in" };
	static const char *const latest[] = { "context_tokens", "model" };

	if (*sum == NULL)
		*sum = json_object();
	for (size_t i = 0; i < COUNT(sums); i++)
		if (json_object_get(frame, sums[i]) != NULL)
			json_object_set_new(*sum, sums[i], json_integer(
			    json_int(*sum, sums[i], 0) + json_int(frame, sums[i], 0)));
	json_object_set_new(*sum, "cost", json_real(json_num(*sum, "cost", 0) + json_num(frame, "cost", 0)));
	for (size_t i = 0; i < COUNT(latest); i++)
		if (json_object_get(frame, latest[i]) != NULL)
			json_object_set(*sum, latest[i], json_object_get(frame, latest[i]));
}
