/* SPDX-License-Identifier: Apache-2.0 */
/* See job.h: an answer back the way its message came, part by part, each noted when the platform has it. */
#include "gatewayd/job.h"

#include <inttypes.h>

#include "common/log.h"

void
job_answer(struct job *j, const char *text, const struct spent *spent)
{
	struct error e = { 0 };

	event_del(j->timer);
	if (inbox_reply(j->gateway->inbox, &j->row, text, spent, &e) == -1)
		job_drop_for(j, &e);
	else
		job_deliver(j);
}

static void
on_sent(void *arg, enum outcome outcome, int64_t later_ms)
{
	struct job *j = arg;
	struct inbox *in = j->gateway->inbox;
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
			job_drop_for(j, &e);
		else
			job_drop(j, 0);
		return;
	}
	if (inbox_part(in, &j->row, &e) == -1)
		job_drop_for(j, &e);
	else
		job_deliver(j);
}

static void
send_part(struct job *j)
{
	struct letter to = { .key = j->row.key, .chat = j->row.chat, .meta = j->row.meta, .part = j->row.parts };

	for (to.models = (const char *const *)j->models; j->models != NULL && j->models[to.n_models] != NULL; to.n_models++)
		;
	j->sending = j->line->platform->send(j->line->self, &to, j->parts[j->row.parts], on_sent, j);
}

/* The next part. */
void
job_deliver(struct job *j)
{
	struct gateway *g = j->gateway;
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
		job_drop_for(j, &e);
	} else {
		job_drop(j, 0);
	}
}
