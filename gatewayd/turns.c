/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turns.h. A job is the oldest message of a chat until it is sent. What
 * it says to engined or to the platform stands in the inbox before; so a job
 * can be dropped at any moment, and be begun again from its row.
 */
#include "gatewayd/turns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/follow.h"
#include "common/grant.h"
#include "common/heard.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/banner.h"
#include "gatewayd/commands.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/split.h"
#include "gatewayd/threads.h"

#define SLOTS		4		/* turns at a time */
#define START_MS	8000
#define STATUS_MS	5000
#define GRANT_S		86400
#define TYPING_S	4
#define FILES_DEPTH	8
#define AGAIN_MS	2000		/* what could not be written or begun */

struct job {
	LIST_ENTRY(job)		 link;
	struct turns		*in;
	const struct line	*line;
	struct row		 row;
	struct follow		*follow;	/* NULL: no turn runs */
	struct request		*request;	/* for a command's answer */
	const struct command	*command;
	struct sending		*sending;
	struct event		*timer;		/* typing; then, the next try to send */
	char			**parts;
	struct heard		 heard;
	bool			 stopped;	/* somebody said so */
};

struct turns {
	struct gateway		*gateway;
	struct event		*again;
	LIST_HEAD(, job)	 jobs;
};

static void deliver(struct job *j);

/* ---- jobs ------------------------------------------------------------------------------------------ */

static void
job_free(struct job *j)
{
	LIST_REMOVE(j, link);
	follow_free(j->follow);
	if (j->request != NULL)
		request_cancel(j->request);
	if (j->sending != NULL)
		j->line->platform->cancel(j->sending);
	event_free(j->timer);
	split_free(j->parts);
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
static void
drop(struct job *j, int64_t ms)
{
	struct turns *t = j->in;

	job_free(j);
	look_in(t, ms);
}

static void
drop_for(struct job *j, const struct error *e)
{
	log_warn("message %" PRId64 " waits: %s", j->row.id, e->text);
	drop(j, AGAIN_MS);
}

static size_t
count_turns(const struct turns *t)
{
	const struct job *j;
	size_t n = 0;

	LIST_FOREACH(j, &t->jobs, link)
		n += j->follow != NULL;
	return n;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static void
answer(struct job *j, const char *text, const struct spent *spent)
{
	struct error e = { 0 };

	event_del(j->timer);
	if (inbox_reply(j->in->gateway->inbox, &j->row, text, spent, &e) == -1)
		drop_for(j, &e);
	else
		deliver(j);
}

static void
on_sent(void *arg, enum outcome outcome, int64_t later_ms)
{
	struct job *j = arg;
	struct inbox *in = j->in->gateway->inbox;
	struct error e = { 0 };
	bool last = j->parts[j->row.parts + 1] == NULL;

	j->sending = NULL;
	if (outcome == OUT_later) {
		event_add(j->timer, &(struct timeval){ later_ms / 1000, (suseconds_t)(later_ms % 1000) * 1000 });
		return;
	}
	if (outcome == OUT_never)
		log_warn("the answer to message %" PRId64 " was not taken", j->row.id);
	if (last || outcome == OUT_never) {
		if (inbox_sent(in, &j->row, &e) == -1)
			drop_for(j, &e);
		else
			drop(j, 0);
		return;
	}
	if (inbox_part(in, &j->row, &e) == -1)
		drop_for(j, &e);
	else
		deliver(j);
}

static void
send_part(struct job *j)
{
	struct letter to = { .key = j->row.key, .chat = j->row.chat, .meta = j->row.meta, .part = j->row.parts };

	j->sending = j->line->platform->send(j->line->self, &to, j->parts[j->row.parts], on_sent, j);
}

/* The next part. */
static void
deliver(struct job *j)
{
	struct gateway *g = j->in->gateway;
	size_t n = 0;
	struct error e = { 0 };

	if (j->parts == NULL)
		j->parts = j->line->platform->split(j->row.reply);
	while (j->parts[n] != NULL)
		n++;
	if ((size_t)j->row.parts < n) {
		if (!g->draining)
			send_part(j);
	} else if (inbox_sent(g->inbox, &j->row, &e) == -1) {
		drop_for(j, &e);
	} else {
		drop(j, 0);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;

	if (j->follow == NULL) {
		deliver(j);
		return;
	}
	if (j->line->platform->typing == NULL)
		return;
	j->line->platform->typing(j->line->self, j->row.chat);
	event_add(j->timer, &(struct timeval){ TYPING_S, 0 });
}

/* ---- a turn ------------------------------------------------------------------------------------------------ */

static void
on_event(void *arg, const struct turn_event *ev)
{
	struct job *j = arg;

	heard_event(&j->heard, ev);
}

static void
on_started(void *arg, const struct turn_start_reply *r)
{
}

static char *
text_of(const struct job *j)
{
	const struct heard *h = &j->heard;

	if (h->reply != NULL)
		return xstrdup(*h->reply != '\0' ? h->reply : "[the answer is empty]");
	if (j->stopped || h->interrupted)
		return xasprintf("%s%s[stopped]", buf_str(&h->said), h->said.len > 0 ? "\n" : "");
	return xasprintf("[agent error] %s", h->failure != NULL ? h->failure : "how this turn ended is not known");
}

/* It was never begun, and may be a little later. */
static bool
passes(const struct error *why)
{
	static const enum error_code codes[] = { ERR_busy, ERR_unavailable, ERR_gone, ERR_timeout, ERR_full, ERR_io };

	for (size_t i = 0; i < COUNT(codes); i++)
		if (why->code == codes[i])
			return true;
	return false;
}

static void
on_ended(void *arg, const struct error *why)
{
	struct job *j = arg;
	cleanup_free char *text = NULL;

	j->follow = NULL;
	if (why != NULL && passes(why) && !j->stopped && !j->heard.interrupted) {
		drop_for(j, why);
		return;
	}
	if (why != NULL && j->heard.failure == NULL)
		heard_failure(&j->heard, why->text, false);
	text = text_of(j);
	answer(j, text, &(struct spent){ 1, j->heard.tokens_in, j->heard.tokens_out, j->heard.cost });
}

/* What the turn may cause: a stranger's words are behind it, and nobody is there who could be asked. */
static char *
mint(const struct job *j, struct error *e)
{
	const struct boot *b = &j->in->gateway->daemon->boot;
	cleanup_free char *verifier = xasprintf("%s/toolrunner", b->profile);
	cleanup_free char *who = xasprintf("%s:%s", j->row.platform, j->row.sender);
	struct grant g = {
		.origin = b->unit,
		.audience = verifier,
		.who = who,
		.surface = j->row.platform,
		.session = j->row.session,
		.caps = cap_ceiling("gatewayd"),
		.until = clock_wall_ms() / 1000 + GRANT_S,
	};

	return grant_mint(b, &g, e);
}

static struct request *
send_start(void *arg, request_done *done, void *done_arg, struct error *e)
{
	struct job *j = arg;
	cleanup_free char *grant = mint(j, e), *text = NULL;
	cleanup_json json_t *files = j->row.files == NULL ? NULL : json_parse(j->row.files, strlen(j->row.files), FILES_DEPTH, NULL);
	const char *grants[] = { grant, NULL };

	if (grant == NULL)
		return NULL;
	text = banner_text(j->line->platform->banner, j->row.chat, j->row.sender, j->row.text);
	return request_send(j->in->gateway->daemon, "engined", MSG_turn_start, &(struct turn_start){
		.key = j->row.key,
		.session = j->row.session,
		.fresh = true,
		.text = text,
		.surface = j->row.platform,
		.attachments = files,
		.grants = grants,
		.n_grants = 1,
	}, NULL, START_MS, done, done_arg, e);
}

static const struct follow_owner owner = {
	.start = send_start,
	.started = on_started,
	.event = on_event,
	.ended = on_ended,
};

static void
follow(struct job *j)
{
	bool stopped = inbox_is_stopped(j->in->gateway->inbox, &j->row);

	j->follow = follow_new(j->in->gateway->daemon, request_send, request_cancel, "engined", j->row.key, &owner, j);
	if (stopped) {
		j->stopped = true;
		follow_end(j->follow, "whoever asked said stop");
		return;
	}
	follow_go(j->follow);
	event_active(j->timer, EV_TIMEOUT, 0);
}

static void
begin_turn(struct job *j)
{
	struct gateway *g = j->in->gateway;
	struct error e = { 0 };
	const char *session = threads_session(g->threads, j->row.chat, &e);

	if (session == NULL || inbox_running(g->inbox, &j->row, session, &e) == -1)
		drop_for(j, &e);
	else
		follow(j);
}

/* ---- a command ------------------------------------------------------------------------------------------------ */

static void
answer_command(struct job *j, const char *model)
{
	struct error e = { 0 };
	cleanup_free char *text = j->command->answer(j->in->gateway, &j->row, model, &e);

	if (text == NULL)
		drop_for(j, &e);
	else
		answer(j, text, NULL);
}

static void
on_status(void *arg, const void *reply, const struct error *e)
{
	const struct engine_status_reply *r = reply;
	struct job *j = arg;

	j->request = NULL;
	answer_command(j, r != NULL ? r->model : "not known now");
}

static void
begin_command(struct job *j)
{
	struct error e = { 0 };

	if (!j->command->needs_model) {
		answer_command(j, NULL);
		return;
	}
	j->request = request_send(j->in->gateway->daemon, "engined", MSG_engine_status, &(struct engine_status){ }, NULL,
	    STATUS_MS, on_status, j, &e);
	if (j->request == NULL)
		answer_command(j, "not known now");
}

/* ---- what is next ------------------------------------------------------------------------------------------------ */

static void
begin_received(struct job *j)
{
	j->command = command_find(j->row.text);
	if (j->command != NULL)
		begin_command(j);
	else if (inbox_is_stopped(j->in->gateway->inbox, &j->row))
		answer(j, "[stopped]", NULL);
	else
		begin_turn(j);
}

static void (*const begin[])(struct job *j) = {
	[ROW_received] = begin_received,
	[ROW_running] = follow,
	[ROW_reply] = deliver,
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

	if (l == NULL || (r->state == ROW_received && count_turns(t) >= SLOTS && command_find(r->text) == NULL)) {
		row_clear(r);
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->in = t;
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
