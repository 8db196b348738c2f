/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turns.h: which message is next in each chat, and at most SLOTS turns at
 * a time. A command is answered here.
 */
#include "gatewayd/turns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/commands.h"
#include "gatewayd/job.h"
#include "gatewayd/split.h"

#define SLOTS		4		/* turns at a time */
#define STATUS_MS	5000
#define TYPING_S	4
#define AGAIN_MS	2000		/* what could not be written or begun */

struct turns {
	struct gateway		*gateway;
	struct event		*again;
	LIST_HEAD(, job)	 jobs;
};

/* ---- jobs ------------------------------------------------------------------------------------------ */

static void
job_free(struct job *j)
{
	LIST_REMOVE(j, link);
	follow_free(j->follow);
	taking_free(j->taking);
	if (j->request != NULL)
		request_cancel(j->request);
	if (j->sending != NULL)
		j->line->platform->cancel(j->sending);
	event_free(j->timer);
	giving_free(j->giving);
	json_decref(j->made);
	split_free(j->parts);
	split_free(j->models);
	row_clear(&j->row);
	heard_clear(&j->heard);
	free(j);
}

/* From the loop, when whoever called has returned. */
static void
look_in(struct turns *t, int64_t ms)
{
	event_add(t->again, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

/* It is over, or begins again later from its row. */
void
job_drop(struct job *j, int64_t ms)
{
	struct turns *t = j->in;

	job_free(j);
	look_in(t, ms);
}

void
job_drop_for(struct job *j, const struct error *e)
{
	log_warn("message %" PRId64 " waits: %s", j->row.id, e->text);
	job_drop(j, AGAIN_MS);
}

static size_t
count_turns(const struct turns *t)
{
	const struct job *j;
	size_t n = 0;

	LIST_FOREACH(j, &t->jobs, link)
		n += j->follow != NULL || j->taking != NULL;
	return n;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;

	if (j->follow == NULL) {
		job_deliver(j);
		return;
	}
	if (j->line->platform->typing == NULL)
		return;
	j->line->platform->typing(j->line->self, j->row.chat);
	event_add(j->timer, &(struct timeval){ TYPING_S, 0 });
}

/* ---- a command ------------------------------------------------------------------------------------------------ */

static void
answer_command(struct job *j, const struct engine_status_reply *engine)
{
	struct error e = { 0 };
	cleanup_free char *text = j->command->answer(j->gateway, &j->row, engine, &e);

	if (text == NULL)
		job_drop_for(j, &e);
	else
		job_answer(j, text, NULL);
}

/* For the buttons below the answer. */
static void
keep_models(struct job *j, const struct engine_status_reply *r)
{
	j->models = xcalloc(r->n_models + 1, sizeof(*j->models));
	for (size_t i = 0; i < r->n_models; i++)
		j->models[i] = xstrdup(r->models[i]);
}

static void
on_status(void *arg, const void *reply, const struct error *e)
{
	const struct engine_status_reply *r = reply;
	struct job *j = arg;

	j->request = NULL;
	if (r != NULL && j->command->chooses && *command_argument(j->row.text) == '\0')
		keep_models(j, r);
	answer_command(j, r);
}

static void
begin_command(struct job *j)
{
	struct error e = { 0 };

	if (!j->command->needs_model) {
		answer_command(j, NULL);
		return;
	}
	j->request = request_send(j->gateway->daemon, "engined", MSG_engine_status, &(struct engine_status){ }, NULL,
	    STATUS_MS, on_status, j, &e);
	if (j->request == NULL)
		answer_command(j, NULL);
}

/* ---- what is next ------------------------------------------------------------------------------------------------ */

static void
begin_received(struct job *j)
{
	j->command = command_find(j->row.text);
	if (j->command != NULL)
		begin_command(j);
	else if (inbox_is_stopped(j->gateway->inbox, &j->row))
		job_answer(j, "[stopped]", NULL);
	else if (!job_takes_files(j))
		job_begin_turn(j);
}

static void (*const begin[])(struct job *j) = {
	[ROW_received] = begin_received,
	[ROW_running] = job_follow,
	[ROW_reply] = job_deliver,
};

static struct job *
job_of(struct turns *t, int64_t row)
{
	struct job *j;

	LIST_FOREACH(j, &t->jobs, link)
		if (j->row.id == row)
			break;
	return j;
}

/* A row without a job; r is the job's from here on. */
static void
take(struct turns *t, struct row *r)
{
	const struct line *l = gateway_line(t->gateway, r->platform);
	struct job *j;

	if (l == NULL || !line_is_of(l, r->account) || (r->state == ROW_received && count_turns(t) >= SLOTS && command_find(r->text) == NULL)) {
		row_clear(r);
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->in = t;
	j->gateway = t->gateway;
	j->line = l;
	j->row = *r;
	j->heard = (struct heard)HEARD;
	j->timer = evtimer_new(t->gateway->daemon->base, on_timer, j);
	LIST_INSERT_HEAD(&t->jobs, j, link);
	begin[j->row.state](j);
}

static void
stop_what_shall_end(struct turns *t)
{
	struct job *j;

	LIST_FOREACH(j, &t->jobs, link)
		if (j->follow != NULL && !j->stopped && inbox_is_stopped(t->gateway->inbox, &j->row)) {
			j->stopped = true;
			follow_cancel(j->follow, "whoever asked said stop");
		}
}

void
turns_look(struct turns *t)
{
	struct error e = { 0 };
	struct row r = { 0 };
	int64_t after = 0;
	int found = 0;

	stop_what_shall_end(t);
	while (!t->gateway->draining && (found = inbox_next_head(t->gateway->inbox, after, &r, &e)) == 1) {
		after = r.id;
		if (job_of(t, r.id) != NULL)
			row_clear(&r);
		else
			take(t, &r);
	}
	if (found == -1) {
		log_warn("the inbox cannot be read: %s", e.text);
		look_in(t, AGAIN_MS);
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	turns_look(arg);
}

bool
turns_sending(const struct turns *t)
{
	const struct job *j;

	LIST_FOREACH(j, &t->jobs, link)
		if (j->sending != NULL)
			return true;
	return false;
}

size_t
turns_running(const struct turns *t)
{
	return count_turns(t);
}

struct turns *
turns_new(struct gateway *g)
{
	struct turns *t = xcalloc(1, sizeof(*t));

	t->gateway = g;
	t->again = evtimer_new(g->daemon->base, on_again, t);
	LIST_INIT(&t->jobs);
	return t;
}

void
turns_free(struct turns *t)
{
	if (t == NULL)
		return;
	while (!LIST_EMPTY(&t->jobs))
		job_free(LIST_FIRST(&t->jobs));
	event_free(t->again);
	free(t);
}
