/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See inbound.h. Who is answered at all is decided before a turn exists: a
 * peer that is pinned, with a policy that can be read, while no other turn
 * runs. The prompt is a stranger's: it is handed on as it is, on the surface
 * "peer", which is where engined marks it.
 */
#include "alpd/inbound.h"

#include <stdio.h>
#include <string.h>

#include "alpd/inbound_own.h"
#include "alpd/peers.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define CONVERSATION_MAX 64

static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

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
	if (job_write(j, &e) == -1) {
		log_error("link.ask peer=%s refused, it cannot be written down: %s", j->peer, e.text);
		job_free(j);
		link_refuse(c, -32603, "internal-error", "not now");
		return;
	}
	j->voice = voice_new(j, c);
	voice_listen(j->voice);
	job_follow(j);
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
	if (job_read(in, &why) == 0 || why.code == ERR_not_found)
		return in;
	log_warn("what a peer had asked for is forgotten: %s", why.text);
	job_forget(in);
	return in;
}

void
inbound_serve(struct inbound *in)
{
	struct job *j = in->job;

	if (j == NULL)
		return;
	log_info("link.ask peer=%s of before is %s", j->peer, j->stream ? "ended" : "taken up again");
	job_follow(j);
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
