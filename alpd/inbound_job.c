/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn a peer asked for, and its row in alp/asks.json: written before
 * engined is asked, removed when the turn is over. A row that a crash left
 * behind is asked for again under its key, which runs nothing twice. The file
 * is ours; one that cannot be read is given up rather than guessed at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alpd/inbound_own.h"
#include "common/atomic.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define FILE_MAX	(2 * ENVELOPE_MAX)

struct job *
job_new(struct inbound *in)
{
	struct job *j = in->job = xcalloc(1, sizeof(*j));

	j->in = in;
	j->heard = (struct heard)HEARD;
	j->history = "none";
	return j;
}

void
job_free(struct job *j)
{
	follow_free(j->follow);
	if (j->voice != NULL)
		j->voice->job = NULL;
	j->in->job = NULL;
	free(j->turn);
	free(j->session);
	free(j->from);
	free(j->peer);
	free(j->text);
	free(j->thread);
	heard_clear(&j->heard);
	free(j);
}

int
job_write(const struct job *j, struct error *e)
{
	cleanup_json json_t *row = json_pack("{s:s, s:s*, s:s, s:s, s:s, s:b, s:s*, s:s}", "key", j->key, "turn", j->turn,
	    "session", j->session, "from", j->from, "peer", j->peer, "stream", (int)j->stream, "thread", j->thread,
	    "text", j->text);
	cleanup_free char *text = json_text(row);

	return atomic_write(j->in->path, text, strlen(text), 0600, e);
}

int
job_read(struct inbound *in, struct error *e)
{
	cleanup_json json_t *row = json_load(in->path, FILE_MAX, 4, e);
	struct job *j;

	if (row == NULL)
		return -1;
	j = job_new(in);
	snprintf(j->key, sizeof(j->key), "%s", json_str(row, "key", ""));
	j->turn = xstrdup0(json_str(row, "turn", NULL));
	j->session = xstrdup(json_str(row, "session", ""));
	j->from = xstrdup(json_str(row, "from", ""));
	j->peer = xstrdup(json_str(row, "peer", ""));
	j->text = xstrdup(json_str(row, "text", ""));
	j->thread = xstrdup0(json_str(row, "thread", NULL));
	j->stream = json_bool(row, "stream", true);
	return 0;
}

/* A row that stays by a crash is of a turn that engined knows to be over. */
void
job_forget(const struct inbound *in)
{
	if (unlink(in->path) == -1 && errno != ENOENT)
		log_warn("%s stays: %s", in->path, strerror(errno));
}
