/* SPDX-License-Identifier: Apache-2.0 */
/* See job.h: a message as a turn at engined, asked for under the row's key, with no more rights than the gateway's ceiling. */
#include "gatewayd/job.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/banner.h"
#include "gatewayd/models.h"
#include "gatewayd/threads.h"

#define START_MS	8000
#define GRANT_S		86400
#define FILES_DEPTH	8

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
		return xstrdup(h->reply[strspn(h->reply, " \t\r\n")] != '\0' ? h->reply : "[the answer is empty]");
	if (j->stopped || h->interrupted)
		return xasprintf("%s%s[stopped]", buf_str(&h->said), h->said.len > 0 ? "\n" : "");
	return xasprintf("[agent error] %s", h->failure != NULL ? h->failure : "how this turn ended is not known");
}

bool
job_passes(const struct error *why)
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
	if (why != NULL && job_passes(why) && !j->stopped && !j->heard.interrupted) {
		job_drop_for(j, why);
		return;
	}
	if (why != NULL && j->heard.failure == NULL)
		heard_failure(&j->heard, why->text, false);
	text = text_of(j);
	job_answer(j, text, &(struct spent){ 1, j->heard.tokens_in, j->heard.tokens_out, j->heard.cost });
}

/* What it may cause: a stranger's words are behind it, and nobody is there who could be asked. */
char *
job_grant(const struct job *j, const char *daemon, uint32_t caps, struct error *e)
{
	const struct boot *b = &j->gateway->daemon->boot;
	cleanup_free char *verifier = xasprintf("%s/%s", b->profile, daemon);
	cleanup_free char *who = xasprintf("%s:%s", j->row.platform, j->row.sender);
	struct grant g = {
		.origin = b->unit,
		.audience = verifier,
		.who = who,
		.surface = j->row.platform,
		.session = j->row.session,
		.caps = caps,
		.until = clock_wall_ms() / 1000 + GRANT_S,
	};

	return grant_mint(b, &g, e);
}

/* "@name ...": it is for a peer, if one of that name is pinned, which engined knows. */
static bool
names_a_peer(const char *text)
{
	return text[0] == '@' && (isalnum((unsigned char)text[1]) || text[1] == '_' || text[1] == '-');
}

static struct request *
send_start(void *arg, request_done *done, void *done_arg, struct error *e)
{
	struct job *j = arg;
	const char *said = j->row.mention != NULL ? j->row.mention : j->row.text;
	bool mention = names_a_peer(said);
	uint32_t caps = cap_ceiling("gatewayd") & ~(1u << CAP_peer);
	cleanup_free char *tools = job_grant(j, "toolrunner", caps, e), *letters = job_grant(j, "gatewayd", caps, NULL), *text = NULL;
	cleanup_free char *peers = mention ? job_grant(j, "alpd", 1u << CAP_peer, NULL) : NULL;
	cleanup_json json_t *files = j->row.files == NULL ? NULL : json_parse(j->row.files, strlen(j->row.files), FILES_DEPTH, NULL);
	const char *grants[3] = { tools };
	size_t n = 1;

	if (tools == NULL)
		return NULL;
	if (letters != NULL)
		grants[n++] = letters;
	if (peers != NULL)
		grants[n++] = peers;
	text = banner_text(j->line->platform->banner, j->row.chat, j->row.sender, j->row.text);
	return request_send(j->gateway->daemon, "engined", MSG_turn_start, &(struct turn_start){
		.key = j->row.key,
		.session = j->row.session,
		.fresh = true,
		.text = text,
		.mention = mention ? said : NULL,
		.surface = j->row.platform,
		.model = models_find(j->gateway->models, j->row.thread),
		.attachments = json_array_size(files) > 0 ? files : NULL,
		.grants = grants,
		.n_grants = n,
	}, NULL, START_MS, done, done_arg, e);
}

static const struct follow_owner owner = {
	.start = send_start,
	.started = on_started,
	.event = on_event,
	.ended = on_ended,
};

void
job_follow(struct job *j)
{
	bool stopped = inbox_is_stopped(j->gateway->inbox, &j->row);

	j->follow = follow_new(j->gateway->daemon, request_send, request_cancel, "engined", j->row.key, &owner, j);
	if (stopped) {
		j->stopped = true;
		follow_end(j->follow, "whoever asked said stop");
		return;
	}
	follow_go(j->follow);
	event_active(j->timer, EV_TIMEOUT, 0);
}

void
job_begin_turn(struct job *j)
{
	struct gateway *g = j->gateway;
	struct error e = { 0 };
	const char *session = threads_session(g->threads, j->row.thread, &e);

	if (session == NULL || inbox_running(g->inbox, &j->row, session, &e) == -1)
		job_drop_for(j, &e);
	else
		job_follow(j);
}
