/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the peer that asked hears: the stream's chunks as fast as they are
 * read, a sign of life in long silences, the last words. A caller that does
 * not read holds its own turn, nothing else; one that leaves ends it only
 * where it was reading a stream.
 */
#include <stdlib.h>

#include "alpd/inbound_own.h"
#include "common/json.h"
#include "common/mem.h"

#define PROGRESS_S	15		/* of silence in a stream */
#define CHUNK_MAX	131072		/* bytes of text in one chunk: escaped, six times as many fit a message */

void
voice_free(struct voice *v)
{
	if (v->job != NULL)
		v->job->voice = NULL;
	v->call->state = NULL;
	event_free(v->silence);
	buf_clear(&v->unsent);
	free(v->final);
	free(v);
}

void
voice_listen(struct voice *v)
{
	if (v->stream && v->job != NULL)
		event_add(v->silence, &(struct timeval){ PROGRESS_S, 0 });
}

/* A chunk. False: not now. One that is lost for good ends with its connection. */
static bool
chunk(struct voice *v, const char *result)
{
	struct error e = { 0 };

	if (link_chunk(v->call, result, &e) == -1 && e.code == ERR_busy)
		return false;
	voice_listen(v);
	return true;
}

void
voice_tell(struct voice *v, const char *name)
{
	struct buf b cleanup_buf = BUF(0);

	buf_addf(&b, "{\"event\":\"%s\",\"session_id\":\"%s\"}", name, v->job->session);
	chunk(v, buf_str(&b));
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct voice *v = arg;

	voice_tell(v, "progress");
	voice_listen(v);
}

static void
end_voice(struct voice *v)
{
	cleanup_free char *final = steal(v->final);
	struct link_call *c = v->call;
	bool stream = v->stream;

	voice_free(v);
	if (stream)
		link_final(c, final);
	else
		link_result(c, final);
}

void
voice_speak(struct voice *v)
{
	while (v->unsent.len > 0) {
		struct buf b cleanup_buf = BUF(0);
		size_t n = utf8_cut(v->unsent.data, v->unsent.len, CHUNK_MAX);

		buf_puts(&b, "{\"text\":");
		canonical_string(&b, v->unsent.data, n);
		buf_puts(&b, "}");
		if (!chunk(v, buf_str(&b)))
			return;
		buf_drain(&v->unsent, n);
	}
	if (v->final != NULL)
		end_voice(v);
	else if (v->job != NULL)
		follow_go(v->job->follow);
}

static void
on_drained(struct link_call *c)
{
	voice_speak(c->state);
}

/* A streamed turn is for whoever reads the stream; a plain one was an order. */
static void
on_gone(struct link_call *c)
{
	struct voice *v = c->state;
	struct job *j = v->job;
	bool stream = v->stream;

	voice_free(v);
	if (j != NULL && stream)
		follow_cancel(j->follow, "the peer that asked has left");
}

struct voice *
voice_new(struct job *j, struct link_call *c)
{
	struct voice *v = xcalloc(1, sizeof(*v));

	v->call = c;
	v->job = j;
	v->stream = j->stream;
	v->silence = evtimer_new(j->in->alpd->base, on_silence, v);
	c->state = v;
	c->gone = on_gone;
	c->drained = on_drained;
	return v;
}
