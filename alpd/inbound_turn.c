/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn of a peer on engined's side: what it may cause is minted from the
 * peer's row as it is now, its events go to whoever listens, and its end is
 * put into the words of 9.2. An engined that stays away is told to the caller
 * after a minute, and the turn is ended when it comes back.
 */
#include <math.h>
#include <string.h>

#include "alpd/budget.h"
#include "alpd/inbound_own.h"
#include "alpd/peers.h"
#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define GRANT_S		86400
#define START_MS	8000
#define AWAY_S		60		/* an engined that stays away: the caller is told, the turn is ended */
#define TEXT_MAX	(1000 * 1000)	/* of a text in the last message, escaped */

/* ---- the turn's end -------------------------------------------------------------------------------- */

/* A text that fits into one message, however it is escaped. */
static void
put_text(struct buf *b, const char *text)
{
	size_t before = b->len, len = strlen(text);

	canonical_string(b, text, len);
	if (b->len - before <= TEXT_MAX)
		return;
	b->len = before;
	canonical_string(b, text, utf8_cut(text, len, TEXT_MAX / 6));
}

static char *
text_of(const struct job *j)
{
	const struct heard *h = &j->heard;

	if (h->reply != NULL)
		return xstrdup(h->reply);
	if (h->interrupted)
		return xstrdup(h->said.len > 0 ? buf_str(&h->said) : "[cancelled]");
	return xasprintf("[error] %s", h->failure != NULL ? h->failure : "how this turn ended is not known");
}

/* The table of 9.2, its members sorted. */
static char *
result_of(const struct job *j)
{
	cleanup_free char *text = text_of(j);
	struct buf b = BUF(0);

	buf_puts(&b, "{\"cost\":");
	canonical_real(&b, round(j->heard.cost * 1e6) / 1e6);
	buf_addf(&b, ",\"history\":\"%s\",\"interrupted\":%s,\"session_id\":\"%s\",\"text\":", j->history,
	    j->heard.interrupted ? "true" : "false", j->session);
	put_text(&b, text);
	buf_addf(&b, ",\"tokens_in\":%lld,\"tokens_out\":%lld,\"transient\":%s}", (long long)j->heard.tokens_in,
	    (long long)j->heard.tokens_out, j->heard.transient ? "true" : "false");
	return buf_take(&b);
}

/* The profile is free for the next ask from here on. The caller that still waits, or NULL. */
static struct voice *
finish(struct job *j)
{
	struct inbound *in = j->in;
	struct voice *v = j->voice;

	job_forget(in);
	job_free(j);
	budget_stale(in->alpd->budget);
	if (v != NULL)
		event_del(v->silence);
	return v;
}

/* It never began. */
static void
refuse(struct job *j, const struct error *why)
{
	bool busy = why->code == ERR_busy || why->code == ERR_unavailable || why->code == ERR_timeout || why->code == ERR_gone;
	struct voice *v;
	struct link_call *c;

	log_info("link.ask peer=%s did not begin: %s", j->peer, why->text);
	if ((v = finish(j)) == NULL)
		return;
	c = v->call;
	voice_free(v);
	if (busy)
		link_refuse(c, -32007, "target-busy", "this profile cannot begin a turn now");
	else
		link_refuse(c, -32603, "internal-error", "the turn could not begin");
}

static void
on_ended(void *arg, const struct error *why)
{
	struct job *j = arg;
	struct voice *v;
	char *final;

	j->follow = NULL;
	if (why != NULL && j->turn == NULL && !j->heard.interrupted) {
		refuse(j, why);
		return;
	}
	if (why != NULL && j->heard.failure == NULL)
		heard_failure(&j->heard, "the turn was lost", j->heard.transient);
	final = result_of(j);
	if ((v = finish(j)) == NULL) {
		free(final);
		return;
	}
	free(v->final);
	v->final = final;
	voice_speak(v);
}

/* ---- what happens in it ------------------------------------------------------------------------------ */

/* To whoever reads the stream, as fast as it is read. */
static void
pass_on(struct job *j, const char *text)
{
	if (j->voice == NULL || !j->stream)
		return;
	buf_puts(&j->voice->unsent, text);
	voice_speak(j->voice);
	if (j->voice != NULL && j->voice->unsent.len > 0)
		follow_hold(j->follow);
}

static void
on_event(void *arg, const struct turn_event *ev)
{
	struct job *j = arg;

	heard_event(&j->heard, ev);
	if (strcmp(ev->kind, "assistant_delta") == 0)
		pass_on(j, json_str(ev->data, "text", ""));
}

/* Its name is kept, so that one who comes after us knows that it was begun. */
static void
on_started(void *arg, const struct turn_start_reply *r)
{
	struct error e = { 0 };
	struct job *j = arg;

	if (j->turn == NULL || strcmp(j->turn, r->turn) != 0) {
		free(j->turn);
		j->turn = xstrdup(r->turn);
		if (job_write(j, &e) == -1)
			log_warn("%s is not renewed: %s", j->in->path, e.text);
	}
	if (j->voice == NULL || !j->stream || j->voice->started)
		return;
	j->voice->started = true;
	voice_tell(j->voice, "started");
}

static void
on_away(void *arg, int64_t ms)
{
	struct job *j = arg;
	struct voice *v = j->voice;

	if (ms < AWAY_S * 1000 || v == NULL)
		return;
	heard_failure(&j->heard, "the engine of this profile stays away", true);
	v->final = result_of(j);
	v->job = NULL;
	j->voice = NULL;
	follow_cancel(j->follow, "the peer that asked was told that it failed");
	event_del(v->silence);
	voice_speak(v);
}

/* ---- asking engined ------------------------------------------------------------------------------------ */

/* The patterns of a peer's list as one caveat; NULL: there is no list. */
static char *
caveat_of(const struct peer *p)
{
	struct buf b = BUF(0);

	if (p == NULL || p->tools == NULL)
		return NULL;
	for (char **t = p->tools; *t != NULL; t++)
		buf_addf(&b, "%s%s", b.len > 0 ? " " : "", *t);
	return b.len == 0 ? xstrdup("") : buf_take(&b);
}

/* What the peer's turn may cause. Somebody who is pinned no longer may cause nothing. */
static char *
mint(const struct job *j, const struct peer *p, struct error *e)
{
	struct alpd *a = j->in->alpd;
	const struct boot *b = &a->daemon->boot;
	cleanup_free char *verifier = xasprintf("%s/toolrunner", b->profile), *caveat = caveat_of(p);
	char *caveats[] = { caveat, NULL };
	struct grant g = {
		.origin = b->unit,
		.audience = verifier,
		.who = j->peer,
		.surface = (char *)"peer",
		.session = j->session,
		.caps = p == NULL || p->tools_broken ? 0 : cap_ceiling("alpd"),
		.tools = caveat == NULL ? NULL : caveats,
		.until = clock_wall_ms() / 1000 + GRANT_S,
	};

	return grant_mint(b, &g, e);
}

static struct request *
send_start(void *arg, request_done *done, void *done_arg, struct error *e)
{
	struct job *j = arg;
	struct alpd *a = j->in->alpd;
	const struct peer *p = peers_by_key(a->peers, j->from);
	cleanup_free char *grant = mint(j, p, e);
	const char *grants[] = { grant, NULL };
	size_t ntools = 0;

	if (grant == NULL)
		return NULL;
	while (p != NULL && p->tools != NULL && p->tools[ntools] != NULL)
		ntools++;
	return a->send(a->daemon, "engined", MSG_turn_start, &(struct turn_start){
		.key = j->key,
		.session = j->session,
		.fresh = true,
		.text = j->text,
		.surface = "peer",
		.no_save = true,
		.thread = j->thread,
		.peer = j->peer,
		.tools = p == NULL ? NULL : (const char **)p->tools,
		.n_tools = ntools,
		.grants = grants,
		.n_grants = 1,
	}, NULL, START_MS, done, done_arg, e);
}

static const struct follow_owner owner = {
	.start = send_start,
	.started = on_started,
	.event = on_event,
	.away = on_away,
	.ended = on_ended,
};

void
job_follow(struct job *j)
{
	struct alpd *a = j->in->alpd;

	j->follow = follow_new(a->daemon, a->send, a->cancel, "engined", j->key, &owner, j);
}
