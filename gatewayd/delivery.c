/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See job.h: an answer back the way its message came, part by part, each noted
 * when the platform has it; then the files that its turn made. A platform that
 * takes no files gets a list of them below the answer. What a platform refuses,
 * or does not take for a day and however often, is filed for the person instead.
 */
#include "gatewayd/job.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/outbox.h"
#include "gatewayd/pause.h"
#include "gatewayd/posts.h"

#define DEPTH	8
#define TITLE_MAX	256	/* of a row in outputs */

/* The files from there on, below the answer, for those who do not get them. */
static void
add_list(struct buf *b, const json_t *files, size_t from)
{
	for (size_t i = from; i < json_array_size(files); i++) {
		cleanup_free char *line = giving_line(json_array_get(files, i));

		buf_addf(b, "%s%s", b->len == 0 ? "" : i == from ? "\n\n" : "\n", line);
	}
}

/* The caller frees. */
static char *
with_list(const char *text, const json_t *files)
{
	struct buf b = BUF(0);

	buf_puts(&b, text);
	add_list(&b, files, 0);
	return buf_take(&b);
}

void
job_answer(struct job *j, const char *text, const struct spent *spent)
{
	bool any = json_array_size(j->heard.files) > 0, takes = j->line->platform->send_file != NULL;
	cleanup_free char *made = any && takes ? json_text(j->heard.files) : NULL;
	cleanup_free char *whole = any && !takes ? with_list(text, j->heard.files) : xstrdup(text);
	struct error e = { 0 };

	event_del(j->timer);
	if (inbox_reply(j->gateway->inbox, &j->row, whole, made, spent, &e) == -1)
		job_drop_for(j, &e);
	else
		job_deliver(j);
}

struct letter
job_letter(const struct job *j)
{
	return (struct letter){ .key = j->row.key, .chat = j->row.chat, .meta = j->row.meta, .part = j->row.parts };
}

/* All of it has left. */
static void
end(struct job *j)
{
	struct error e = { 0 };

	if (inbox_sent(j->gateway->inbox, &j->row, &e) == -1)
		job_drop_for(j, &e);
	else
		job_drop(j, 0);
}

void
job_delivered(struct job *j)
{
	struct error e = { 0 };

	j->failures = 0;
	if ((size_t)j->row.parts + 1 == j->n_parts + json_array_size(j->made))
		end(j);
	else if (inbox_part(j->gateway->inbox, &j->row, &e) == -1)
		job_drop_for(j, &e);
	else
		job_deliver(j);
}

/* ---- what does not leave ----------------------------------------------------------------------------- */

/* What is left of the answer, as it was to be sent, and which files. The caller frees. */
static char *
rest_of(const struct job *j)
{
	struct buf b = BUF(0);
	size_t left = (size_t)j->row.parts;

	for (size_t i = left; i < j->n_parts; i++)
		buf_addf(&b, "%s%s", b.len > 0 ? "\n" : "", j->parts[i]);
	add_list(&b, j->made, left > j->n_parts ? left - j->n_parts : 0);
	return buf_take(&b);
}

/* A failed message in the outbox, and the row closed: both or neither. posts.c files it. 0 or -1. */
static int
put_aside(struct job *j, const char *why, struct error *e)
{
	const struct row *r = &j->row;
	struct inbox *in = j->gateway->inbox;
	cleanup_free char *text = rest_of(j), *title = xasprintf("An answer on %s to %s", r->platform, r->chat);
	struct post o = { .key = r->key, .platform = r->platform, .account = r->account, .chat = r->chat, .text = text,
	    .session = r->session, .title = title, .source = (char *)"gateway" };
	bool kept;

	title[utf8_cut(title, strlen(title), TITLE_MAX)] = '\0';
	if (inbox_begin(in, e) == -1)
		return -1;
	kept = outbox_put(inbox_db(in), &o, e) != -1 && outbox_end(inbox_db(in), &o, POST_failed, why, e) == 0 &&
	    inbox_sent(in, &j->row, e) == 0 && inbox_commit(in, e) == 0;
	free(o.why);
	if (!kept)
		inbox_rollback(in);
	return kept ? 0 : -1;
}

void
job_give_up(struct job *j, const char *why)
{
	struct posts *posts = j->gateway->posts;
	struct error e = { 0 };

	log_warn("the answer to message %" PRId64 " is not delivered: %s", j->row.id, why);
	if (put_aside(j, why, &e) == -1) {
		job_drop_for(j, &e);
		return;
	}
	job_drop(j, 0);
	posts_look(posts);
}

void
job_later(struct job *j, int64_t ms)
{
	int64_t pause = pause_growing(ms, ++j->failures);

	if (pause_is_in_vain(j->row.received, j->failures))
		job_give_up(j, "the platform did not take it for a day");
	else
		event_add(j->timer, &(struct timeval){ pause / 1000, (suseconds_t)(pause % 1000) * 1000 });
}

/* ---- on its way ---------------------------------------------------------------------------------------- */

static void
on_sent(void *arg, enum outcome outcome, int64_t later_ms)
{
	struct job *j = arg;

	j->sending = NULL;
	if (outcome == OUT_later)
		job_later(j, later_ms);
	else if (outcome == OUT_never)
		job_give_up(j, "the platform refuses it");
	else
		job_delivered(j);
}

static void
send_part(struct job *j)
{
	struct letter to = job_letter(j);

	for (to.models = (const char *const *)j->models; j->models != NULL && j->models[to.n_models] != NULL; to.n_models++)
		;
	j->sending = j->line->platform->send(j->line->self, &to, j->parts[j->row.parts], on_sent, j);
}

/* The parts of an answer are always the same ones. */
static void
cut(struct job *j)
{
	j->parts = j->line->platform->split(j->row.reply);
	while (j->parts[j->n_parts] != NULL)
		j->n_parts++;
	if (j->row.made != NULL && j->line->platform->send_file != NULL)
		j->made = json_parse(j->row.made, strlen(j->row.made), DEPTH, NULL);
}

/* The next part. */
void
job_deliver(struct job *j)
{
	size_t done = (size_t)j->row.parts;

	if (j->parts == NULL)
		cut(j);
	if (done >= j->n_parts + json_array_size(j->made))
		end(j);
	else if (j->gateway->draining)
		return;
	else if (done < j->n_parts)
		send_part(j);
	else
		job_give(j, done - j->n_parts);
}
