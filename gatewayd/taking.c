/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See job.h: the files of a message, before its turn. Their names at the
 * platform are on disk with the message; each is fetched and handed to engined
 * piece by piece, and where it stands there is on disk before the turn is
 * asked for. What is said in a recording becomes a part of the text. A death
 * in between begins it anew. What cannot be had, or is not of a kind that
 * anybody reads, is told to the sender; then there is no turn. Of a mail, which
 * is answered for its text, it is left out, and the turn is told.
 */
#include "gatewayd/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/media.h"

#define PIECE		(512 * 1024)
#define STAGE_MS	1200000		/* a scan is read page by page, 15 of them, before its last piece is answered */
#define SPEECH_MS	450000		/* somebody listens to it, three times if need be */
#define AGAIN_MS	3000
#define TRIES		5
#define DEPTH		8

struct taking {
	struct job	*job;
	json_t		*files, *staged;	/* as the message has them; as turn.start takes them */
	size_t		 i;			/* of the one that is being taken */
	int		 tries;			/* of it, that failed */
	struct fetching	*fetching;
	struct request	*request;
	struct event	*timer;
	struct buf	 bytes;
	size_t		 sent;			/* of them */
	char		*id;			/* that engined gave it; NULL: none yet */
	struct buf	 left_out;		/* what the turn is told of them */
	struct buf	 said;			/* in recordings */
};

static void	fetch(struct taking *k);
static void	stage(struct taking *k);

void
taking_free(struct taking *k)
{
	if (k == NULL)
		return;
	if (k->fetching != NULL)
		k->job->line->platform->fetch_cancel(k->fetching);
	if (k->request != NULL)
		request_cancel(k->request);
	event_free(k->timer);
	json_decref(k->files);
	json_decref(k->staged);
	buf_clear(&k->bytes);
	buf_clear(&k->left_out);
	buf_clear(&k->said);
	free(k->id);
	free(k);
}

static const json_t *
file_of(const struct taking *k)
{
	return json_array_get(k->files, k->i);
}

static void
go_on(struct taking *k)
{
	free(steal(k->id));
	buf_clear(&k->bytes);
	k->sent = 0;
	k->tries = 0;
	k->i++;
	fetch(k);
}

/* Its name is the sender's and stands with the mail's text: here it is a number. */
static void
leave_out(struct taking *k, const char *why)
{
	log_info("message %" PRId64 ": an attachment is left out: %s", k->job->row.id, why);
	(void)buf_addf(&k->left_out, "\n[attachment %zu was left out: %s]", k->i + 1, why);
	go_on(k);
}

/* why: for the sender, in_short: for the turn. k and its job may be gone after. */
static void
refuse(struct taking *k, const char *why, const char *in_short)
{
	struct job *j = k->job;
	cleanup_free char *text = NULL;

	if (j->line->platform->mail != NULL) {
		leave_out(k, in_short);
		return;
	}
	text = xasprintf("[%s could not be taken: %s]", json_str(file_of(k), "name", "the file"), why);

	log_info("message %" PRId64 ": a file could not be taken", j->row.id);
	taking_free(steal(j->taking));
	job_answer(j, text, NULL);
}

static void
again(struct taking *k, const char *why)
{
	free(steal(k->id));
	k->sent = 0;
	buf_clear(&k->bytes);
	if (++k->tries >= TRIES)
		refuse(k, why, "it cannot be had");
	else
		event_add(k->timer, &(struct timeval){ AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000 });
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	fetch(arg);
}

/* ---- to engined ---------------------------------------------------------------------------------------- */

/* What was written, if anything was, what was said, and what is missing. The caller frees; NULL: the text as it is. */
static char *
whole_text(const struct taking *k)
{
	const char *text = k->job->row.text;
	bool said = k->said.len > 0, alone = said && strcmp(text, MEDIA_NO_TEXT) == 0;

	if (!said && k->left_out.len == 0)
		return NULL;
	return xasprintf("%s%s%s%s", alone ? "" : text, said && !alone ? "\n" : "", said ? buf_str(&k->said) : "",
	    k->left_out.len > 0 ? buf_str(&k->left_out) : "");
}

/* All are there: that is on disk, then comes the turn. k is gone after. */
static void
finish(struct taking *k)
{
	struct job *j = k->job;
	cleanup_free char *files = json_text(k->staged), *text = whole_text(k);
	struct error e = { 0 };

	taking_free(steal(j->taking));
	if (inbox_set_files(j->gateway->inbox, &j->row, files, text, &e) == -1)
		job_drop_for(j, &e);
	else
		job_begin_turn(j);
}

/* Without the name of the unit that says it, which is nothing to a sender. */
static const char *
bare(const struct taking *k, const char *why)
{
	cleanup_free char *unit = xasprintf("%s/engined: ", k->job->gateway->daemon->boot.profile);

	return strncmp(why, unit, strlen(unit)) == 0 ? why + strlen(unit) : why;
}

/* engined said no, or did not answer. */
static void
not_taken(struct taking *k, const struct error *e)
{
	static const enum error_code final[] = { ERR_invalid, ERR_too_large, ERR_unsupported, ERR_denied, ERR_budget, ERR_provider };

	for (size_t i = 0; i < COUNT(final); i++)
		if (e->code == final[i]) {
			refuse(k, bare(k, e->text), e->code == ERR_too_large ? "it is too large" : "nobody here reads what it is");
			return;
		}
	again(k, bare(k, e->text));
}

/* engined has all up to there. What lies behind our bytes is not for it, whatever it asks. */
static void
stage_from(struct taking *k, int64_t offset)
{
	if (offset < 0 || offset > (int64_t)k->bytes.len) {
		again(k, "it was not understood");
		return;
	}
	k->sent = (size_t)offset;
	stage(k);
}

static void
on_staged(void *arg, const void *reply, const struct error *e)
{
	const struct attachment_stage_reply *r = reply;
	struct taking *k = arg;

	k->request = NULL;
	if (r == NULL) {
		not_taken(k, e);
	} else if (r->attachment == NULL) {
		free(k->id);
		k->id = xstrdup(r->id);
		stage_from(k, r->next_offset);
	} else {
		json_array_append(k->staged, r->attachment);
		go_on(k);
	}
}

static void
on_heard(void *arg, const void *reply, const struct error *e)
{
	const struct speech_take_reply *r = reply;
	struct taking *k = arg;

	k->request = NULL;
	if (r == NULL) {
		not_taken(k, e);
	} else if (r->text == NULL) {
		stage_from(k, r->next_offset);
	} else if (*r->text == '\0') {
		refuse(k, "nothing is said in it", "nothing is said in it");
	} else {
		buf_addf(&k->said, "%s[voice note] %s", k->said.len > 0 ? "\n" : "", r->text);
		go_on(k);
	}
}

static bool
is_sound(const json_t *file)
{
	const char *kind = json_str(file, "kind", "");

	return strcmp(kind, "voice") == 0 || strcmp(kind, "audio") == 0;
}

static void
stage_recording(struct taking *k, const char *data, bool final, struct error *e)
{
	cleanup_free char *name = media_recording(file_of(k));

	k->request = request_send(k->job->gateway->daemon, "engined", MSG_speech_take, &(struct speech_take){
		.name = name,
		.offset = (int64_t)k->sent,
		.data = data,
		.final = final,
	}, NULL, SPEECH_MS, on_heard, k, e);
}

static void
stage_file(struct taking *k, const char *data, bool final, struct error *e)
{
	k->request = request_send(k->job->gateway->daemon, "engined", MSG_attachment_stage, &(struct attachment_stage){
		.id = k->id,
		.name = json_str(file_of(k), "name", "file"),
		.offset = (int64_t)k->sent,
		.data = data,
		.final = final,
	}, NULL, STAGE_MS, on_staged, k, e);
}

/* The next piece. */
static void
stage(struct taking *k)
{
	size_t left = k->bytes.len - k->sent, n = left < PIECE ? left : PIECE;
	cleanup_free char *data = base64_text(buf_str(&k->bytes) + k->sent, n);
	struct error e = { 0 };

	if (is_sound(file_of(k)))
		stage_recording(k, data, n == left, &e);
	else
		stage_file(k, data, n == left, &e);
	if (k->request == NULL)
		again(k, e.text);
}

/* ---- from the platform ------------------------------------------------------------------------------------ */

static void
on_fetched(void *arg, const struct buf *bytes, const char *why, bool later)
{
	struct taking *k = arg;

	k->fetching = NULL;
	if (bytes == NULL && later) {
		again(k, why);
	} else if (bytes == NULL || bytes->len == 0) {
		refuse(k, bytes == NULL ? why : "it is empty", bytes == NULL ? "it cannot be had" : "it is empty");
	} else {
		k->bytes = (struct buf)BUF(bytes->len);
		buf_add(&k->bytes, bytes->data, bytes->len);
		stage(k);
	}
}

static void
fetch(struct taking *k)
{
	const json_t *file = file_of(k);
	const struct line *l = k->job->line;

	if (file == NULL)
		finish(k);
	else
		k->fetching = l->platform->fetch(l->self, json_str(file, "id", ""), on_fetched, k);
}

bool
job_takes_files(struct job *j)
{
	cleanup_json json_t *files = j->row.files == NULL ? NULL : json_parse(j->row.files, strlen(j->row.files), DEPTH, NULL);
	struct taking *k;

	/* One that has a path is at engined already. */
	if (j->line->platform->fetch == NULL || json_array_size(files) == 0 ||
	    json_str(json_array_get(files, 0), "path", NULL) != NULL)
		return false;
	k = j->taking = xcalloc(1, sizeof(*k));
	k->job = j;
	k->files = json_incref(files);
	k->staged = json_array();
	k->timer = evtimer_new(j->gateway->daemon->base, on_again, k);
	event_active(k->timer, EV_TIMEOUT, 0);
	return true;
}
