/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See inbound.h. The turn (struct job) and the answer to whoever asked for
 * it (struct voice) end apart: the turn is free for the next ask before the
 * last words of its answer are out, and it runs on when a plain caller has
 * gone. The prompt is a stranger's: it is handed on as it is, on the surface
 * "peer", which is where engined marks it.
 */
#include "alpd/inbound.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alpd/budget.h"
#include "alpd/peers.h"
#include "common/atomic.h"
#include "common/clock.h"
#include "common/follow.h"
#include "common/grant.h"
#include "common/heard.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define FILE_MAX	(2 * ENVELOPE_MAX)
#define GRANT_S		86400
#define START_MS	8000
#define PROGRESS_S	15		/* of silence in a stream */
#define AWAY_S		60		/* an engined that stays away: the caller is told, the turn is ended */
#define CHUNK_MAX	131072		/* bytes of text in one chunk: escaped, six times as many fit a message */
#define TEXT_MAX	(1000 * 1000)	/* of a text in the last message, escaped */
#define CONVERSATION_MAX 64

static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

struct job;

/* What a caller hears. */
struct voice {
	struct link_call	*call;
	struct job		*job;		/* NULL: the turn is over */
	bool			 stream, started;
	struct buf		 unsent;	/* text that waits for room */
	char			*final;		/* the last words, after that */
	struct event		*silence;
};

/* The turn. */
struct job {
	struct inbound	*in;
	struct follow	*follow;
	struct voice	*voice;			/* NULL: nobody listens any more */
	char		 key[65];
	char		*turn, *session, *from, *peer, *text, *thread;
	const char	*history;
	bool		 stream;
	struct heard	 heard;
};

struct inbound {
	struct alpd	*alpd;
	char		*path;			/* alp/asks.json */
	struct job	*job;
};

/* ---- on disk ----------------------------------------------------------------------------------- */

static int
write_row(const struct job *j, struct error *e)
{
	cleanup_json json_t *row = json_pack("{s:s, s:s*, s:s, s:s, s:s, s:b, s:s*, s:s}", "key", j->key, "turn", j->turn,
	    "session", j->session, "from", j->from, "peer", j->peer, "stream", (int)j->stream, "thread", j->thread,
	    "text", j->text);
	cleanup_free char *text = json_text(row);

	return atomic_write(j->in->path, text, strlen(text), 0600, e);
}

/* A row that stays by a crash is of a turn that engined knows to be over. */
static void
remove_row(const struct inbound *in)
{
	if (unlink(in->path) == -1 && errno != ENOENT)
		log_warn("%s stays: %s", in->path, strerror(errno));
}

static struct job *
job_new(struct inbound *in)
{
	struct job *j = in->job = xcalloc(1, sizeof(*j));

	j->in = in;
	j->heard = (struct heard)HEARD;
	j->history = "none";
	return j;
}

static void
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

static int
read_row(struct inbound *in, struct error *e)
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

/* ---- the caller ---------------------------------------------------------------------------------- */

static void
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

static void
listen_for_silence(struct voice *v)
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
	listen_for_silence(v);
	return true;
}

/* {"event": name, "session_id": …} */
static void
tell(struct voice *v, const char *name)
{
	struct buf b cleanup_buf = BUF(0);

	buf_addf(&b, "{\"event\":\"%s\",\"session_id\":\"%s\"}", name, v->job->session);
	chunk(v, buf_str(&b));
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct voice *v = arg;

	tell(v, "progress");
	listen_for_silence(v);
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

/* What waits, as far as there is room; then the last words. v may be gone after. */
static void
speak(struct voice *v)
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
	speak(c->state);
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

static struct voice *
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

	remove_row(in);
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
	speak(v);
}

/* ---- what happens in it ------------------------------------------------------------------------------ */

/* To whoever reads the stream, as fast as it is read. */
static void
pass_on(struct job *j, const char *text)
{
	if (j->voice == NULL || !j->stream)
		return;
	buf_puts(&j->voice->unsent, text);
	speak(j->voice);
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
		if (write_row(j, &e) == -1)
			log_warn("%s is not renewed: %s", j->in->path, e.text);
	}
	if (j->voice == NULL || !j->stream || j->voice->started)
		return;
	j->voice->started = true;
	tell(j->voice, "started");
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
	speak(v);
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

static void
follow(struct job *j)
{
	struct alpd *a = j->in->alpd;

	j->follow = follow_new(a->daemon, a->send, a->cancel, "engined", j->key, &owner, j);
}

/* ---- from peers ---------------------------------------------------------------------------------------- */

static bool
is_word(const char *text, size_t most)
{
	size_t n = strlen(text);

	return n > 0 && n <= most && strspn(text, word) == n;
}

/* Which earlier turns belong to this one (12.2). */
static void
choose_thread(struct job *j, const struct node *params)
{
	const struct node *n = node_get(params, "conversation");
	cleanup_free char *conversation = node_dup(n);

	if (!is_word(j->peer, SIZE_MAX))
		return;
	if (n == NULL) {
		j->thread = xstrdup(j->peer);
		j->history = "peer";
	} else if (conversation != NULL && is_word(conversation, CONVERSATION_MAX)) {
		j->thread = xasprintf("%s@%s", j->peer, conversation);
		j->history = "conversation";
	}
}

/* The prompt without white space at its ends; NULL: none, or it is no text. */
static char *
prompt_of(const struct node *params)
{
	static const char white[] = " \t\n\v\f\r";
	cleanup_free char *text = node_dup(node_get(params, "prompt"));
	size_t skip, len;

	if (text == NULL)
		return NULL;
	skip = strspn(text, white);
	for (len = strlen(text + skip); len > 0 && strchr(white, text[skip + len - 1]) != NULL; len--)
		continue;
	return len == 0 ? NULL : xstrndup(text + skip, len);
}

/* One request is one turn, however often it is said. */
static void
key_of(const struct envelope *v, char out[65])
{
	cleanup_free char *text = xasprintf("%s\n%s", v->from, v->nonce);

	audit_hash(text, strlen(text), out);
}

static void
begin(struct inbound *in, struct link_call *c, char *prompt)
{
	struct job *j = job_new(in);
	struct error e = { 0 };
	char session[13];

	random_hex(session, 6);
	key_of(&c->env, j->key);
	j->session = xstrdup(session);
	j->from = xstrdup(c->env.from);
	j->peer = xstrdup(c->peer_id);
	j->text = prompt;
	j->stream = node_is(node_get(c->env.params, "stream"), NODE_TRUE);
	choose_thread(j, c->env.params);
	if (write_row(j, &e) == -1) {
		log_error("link.ask peer=%s refused, it cannot be written down: %s", j->peer, e.text);
		job_free(j);
		link_refuse(c, -32603, "internal-error", "not now");
		return;
	}
	j->voice = voice_new(j, c);
	listen_for_silence(j->voice);
	follow(j);
	follow_go(j->follow);
}

void
inbound_ask(struct link_call *c)
{
	struct inbound *in = c->alpd->inbound;
	const struct peer *p = peers_by_key(c->alpd->peers, c->env.from);
	char *prompt = prompt_of(c->env.params);

	if (prompt == NULL)
		link_invalid(c, "invalid-params", "prompt is empty or no text");
	else if (c->alpd->settings.paused)
		link_refuse(c, -32007, "target-busy", "this profile is paused");
	else if (in->job != NULL)
		link_refuse(c, -32007, "target-busy", "a turn is running");
	else if (p == NULL || p->tools_broken)
		link_refuse(c, -32013, "peer-policy-invalid", "the tools policy for this peer cannot be read");
	else
		begin(in, c, steal(prompt));
	free(prompt);
}

/* Who began it, and no other, ends it; whoever else asks learns nothing. */
static bool
may_cancel(const struct job *j, const struct link_call *c)
{
	const struct node *session = node_get(c->env.params, "session_id");

	if (j == NULL || strcmp(j->from, c->env.from) != 0)
		return false;
	return session == NULL || node_is(session, NODE_NULL) || node_equals(session, "") || node_equals(session, j->session);
}

void
inbound_cancel(struct link_call *c)
{
	struct job *j = c->alpd->inbound->job;
	cleanup_free char *result = NULL;

	if (!may_cancel(j, c)) {
		link_result(c, "{\"cancelled\":false}");
		return;
	}
	follow_cancel(j->follow, "the peer that asked cancelled it");
	result = xasprintf("{\"cancelled\":true,\"session_id\":\"%s\"}", j->session);
	link_result(c, result);
}

/* ---- start and end ----------------------------------------------------------------------------------- */

struct inbound *
inbound_open(struct alpd *a, struct error *e)
{
	struct inbound *in = xcalloc(1, sizeof(*in));
	struct error why = { 0 };

	in->alpd = a;
	in->path = path_join(a->home, "alp/asks.json");
	if (read_row(in, &why) == 0 || why.code == ERR_not_found)
		return in;
	log_warn("what a peer had asked for is forgotten: %s", why.text);
	remove_row(in);
	return in;
}

void
inbound_serve(struct inbound *in)
{
	struct job *j = in->job;

	if (j == NULL)
		return;
	log_info("link.ask peer=%s of before is %s", j->peer, j->stream ? "ended" : "taken up again");
	follow(j);
	if (j->stream)
		follow_end(j->follow, "the peer that asked has lost the stream");
	else
		follow_go(j->follow);
}

void
inbound_close(struct inbound *in)
{
	if (in == NULL)
		return;
	if (in->job != NULL)
		job_free(in->job);
	free(in->path);
	free(in);
}
