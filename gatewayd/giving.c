/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See job.h: a file that a turn made for its reader, behind the answer. engined
 * knows which one it is, and hands its bytes on under a grant that can read the
 * workspace and nothing else; here they lie in gateway/outbound until the
 * platform has them. A death in between begins the file anew. One that cannot
 * be had, or is not taken, is named to the reader instead.
 */
#include "gatewayd/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/outfile.h"

#define PIECE_MS	60000
#define AGAIN_MS	3000
#define TRIES		20

struct giving {
	struct job	*job;
	const json_t	*file;
	size_t		 index;
	char		*key, *path;	/* of it in gateway/outbound */
	int64_t		 offset;
	int		 tries;		/* to get it, that failed */
	bool		 named;		/* it is not sent but named */
	struct request	*request;
	struct event	*timer;
};

static void	ask(struct giving *v);

static const char *
home_of(const struct giving *v)
{
	return v->job->gateway->daemon->boot.home;
}

/* Whatever became of it: another try begins it anew. */
void
giving_free(struct giving *v)
{
	if (v == NULL)
		return;
	if (v->request != NULL)
		request_cancel(v->request);
	outfile_drop(home_of(v), v->key);
	event_free(v->timer);
	free(v->key);
	free(v->path);
	free(v);
}

char *
giving_line(const json_t *file)
{
	return xasprintf("[file %s (%s): %s]", json_str(file, "name", "?"), json_str(file, "mime", "?"), json_str(file, "path", "?"));
}

/* ---- out ------------------------------------------------------------------------------------------ */

static void	send_it(struct giving *v);

/* v is gone after, and its job may be. */
static void
over(struct giving *v)
{
	struct job *j = v->job;

	giving_free(steal(j->giving));
	job_delivered(j);
}

static void
name_it(struct giving *v, const char *why)
{
	log_warn("message %" PRId64 ": a file of its answer is not sent: %s", v->job->row.id, why);
	v->named = true;
	send_it(v);
}

static void
on_sent(void *arg, enum outcome outcome, int64_t later_ms)
{
	struct giving *v = arg;

	v->job->sending = NULL;
	if (outcome == OUT_later)
		job_later(v->job, later_ms);
	else if (outcome == OUT_never && v->named)
		job_give_up(v->job, "the platform refuses the file, and a line that names it");
	else if (outcome == OUT_never)
		name_it(v, "the platform refuses it");
	else
		over(v);
}

static void
send_it(struct giving *v)
{
	struct job *j = v->job;
	const struct line *l = j->line;
	struct letter to = job_letter(j);
	struct outgoing f = { .path = v->path, .name = json_str(v->file, "name", "file") };
	cleanup_free char *line = v->named ? giving_line(v->file) : NULL;

	if (j->gateway->draining)
		return;
	if (v->named)
		j->sending = l->platform->send(l->self, &to, line, on_sent, v);
	else
		j->sending = l->platform->send_file(l->self, &to, &f, on_sent, v);
}

/* ---- from engined ------------------------------------------------------------------------------------ */

static void
again(struct giving *v, const struct error *e)
{
	v->offset = 0;
	if (!job_passes(e) || ++v->tries >= TRIES)
		name_it(v, e->text);
	else
		event_add(v->timer, &(struct timeval){ AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000 });
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	ask(arg);
}

/* Keep a piece; 1: that was the last one, 0, -1. */
static int
keep(struct giving *v, const struct turn_file_reply *r, struct error *e)
{
	size_t len = 0;
	cleanup_free unsigned char *data = base64_bytes(r->data, strlen(r->data), &len);

	if (data == NULL || len == 0)
		return error_set(e, ERR_invalid, "the piece is no base64");
	if (outfile_put(home_of(v), v->key, v->offset, data, len, e) == -1)
		return -1;
	v->offset += (int64_t)len;
	if (v->offset < r->size)
		return 0;
	return outfile_whole(home_of(v), v->key, r->size, e) == -1 ? -1 : 1;
}

static void
on_piece(void *arg, const void *reply, const struct error *why)
{
	struct giving *v = arg;
	struct error e = { 0 };
	int kept;

	v->request = NULL;
	if (reply == NULL)
		again(v, why);
	else if ((kept = keep(v, reply, &e)) == -1)
		again(v, &e);
	else if (kept == 0)
		ask(v);
	else
		send_it(v);
}

static void
ask(struct giving *v)
{
	const struct job *j = v->job;
	struct error e = { 0 };
	cleanup_free char *grant = job_grant(j, "toolrunner", 1u << CAP_read, &e);

	if (grant != NULL)
		v->request = request_send(j->gateway->daemon, "engined", MSG_turn_file, &(struct turn_file){ .key = j->row.key,
		    .index = (int64_t)v->index, .offset = v->offset, .grant = grant }, NULL, PIECE_MS, on_piece, v, &e);
	if (v->request == NULL)
		again(v, &e);
}

void
job_give(struct job *j, size_t index)
{
	struct giving *v = j->giving;

	if (v != NULL) {		/* the platform did not take it the last time */
		send_it(v);
		return;
	}
	v = j->giving = xcalloc(1, sizeof(*v));
	v->job = j;
	v->index = index;
	v->file = json_array_get(j->made, index);
	v->key = xasprintf("%s#%zu", j->row.key, index);
	v->path = outfile_path(home_of(v), v->key);
	v->timer = evtimer_new(j->gateway->daemon->base, on_again, v);
	event_active(v->timer, EV_TIMEOUT, 0);
}
