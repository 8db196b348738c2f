/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See posts.h. A posting can be dropped at any moment and be begun again from
 * its row: each step stands there before the next. What a platform does not
 * take now is tried for a day.
 */
#include "gatewayd/posts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/outfile.h"
#include "gatewayd/pause.h"
#include "gatewayd/posts_own.h"
#include "gatewayd/split.h"

#define AGAIN_MS	2000
#define FILE_MS		8000
#define BODY_MAX	8192		/* of a row in outputs */

struct posting {
	LIST_ENTRY(posting)	 link;
	struct posts		*in;
	const struct line	*line;		/* NULL: the platform is off */
	struct post		 post;
	char			**parts;	/* NULL: not cut yet */
	size_t			 n;		/* of them; the file follows */
	struct sending		*sending;
	struct request		*filing;
	struct event		*timer;		/* the next try */
	unsigned		 failures;	/* to send what is next, in a row */
};

static void	deliver(struct posting *p);

/* ---- postings -------------------------------------------------------------------------------------- */

static void
posting_free(struct posting *p)
{
	LIST_REMOVE(p, link);
	if (p->sending != NULL)
		p->line->platform->cancel(p->sending);
	if (p->filing != NULL)
		request_cancel(p->filing);
	event_free(p->timer);
	split_free(p->parts);
	post_clear(&p->post);
	free(p);
}

static void
look_in(struct posts *all, int64_t ms)
{
	event_add(all->again, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
drop(struct posting *p, int64_t ms)
{
	struct posts *all = p->in;

	posting_free(p);
	look_in(all, ms);
}

static void
drop_for(struct posting *p, const struct error *e)
{
	log_warn("post %" PRId64 " waits: %s", p->post.id, e->text);
	drop(p, AGAIN_MS);
}

static void
try_in(struct posting *p, int64_t ms)
{
	event_add(p->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

/* ---- how it ended, for the person ---------------------------------------------------------------------- */

static void
over(struct posting *p)
{
	struct error why = { 0 };

	if (outbox_filed(p->in->db, &p->post, &why) == -1) {
		drop_for(p, &why);
		return;
	}
	outfile_drop(p->in->gateway->daemon->boot.home, p->post.key);
	drop(p, 0);
}

static void
on_filed(void *arg, const void *reply, const struct error *e)
{
	struct posting *p = arg;

	p->filing = NULL;
	if (reply == NULL && e->code != ERR_invalid) {
		try_in(p, AGAIN_MS);
		return;
	}
	if (reply == NULL)		/* it never will be */
		log_warn("post %" PRId64 " is not filed: %s", p->post.id, e->text);
	over(p);
}

/* A text that reached nobody is not lost: it is in the inbox, and the person is called. */
static void
file(struct posting *p)
{
	const struct post *o = &p->post;
	bool failed = o->state == POST_failed;
	cleanup_free char *lost = failed ? xasprintf("\n[not delivered by %s: %s]", o->platform, o->why) : xstrdup("");
	cleanup_free char *below = xasprintf("%s%s%s%s", o->file == NULL ? "" : "\n[file ", o->file == NULL ? "" : o->file,
	    o->file == NULL ? "" : "]", lost);
	const char *text = o->text == NULL ? "" : o->text;
	cleanup_free char *body = xasprintf("%.*s%s", (int)utf8_cut(text, strlen(text), BODY_MAX - strlen(below)), text, below);
	const char *to[] = { failed ? "alpi" : o->platform, NULL };
	struct error e = { 0 };

	p->filing = request_send(p->in->gateway->daemon, "engined", MSG_outputs_add, &(struct outputs_add){
		.key = o->key,
		.body = body,
		.title = o->title != NULL ? o->title : failed ? o->platform : NULL,
		.type = failed ? "error" : "info",
		.source = o->source != NULL ? o->source : "send_message",
		.session = o->session,
		.delivered_to = to,
		.n_delivered_to = 1,
		.announce = failed,
	}, NULL, FILE_MS, on_filed, p, &e);
	if (p->filing == NULL)
		try_in(p, AGAIN_MS);
}

/* Of a notice that arrived the person has a row already. */
static void
close_post(struct posting *p)
{
	if (p->post.notice && p->post.state == POST_sent)
		over(p);
	else
		file(p);
}

/* ---- on its way ------------------------------------------------------------------------------------------ */

static void
end(struct posting *p, enum post_state state, const char *why)
{
	struct error e = { 0 };

	event_del(p->timer);
	if (outbox_end(p->in->db, &p->post, state, why, &e) == -1) {
		drop_for(p, &e);
		return;
	}
	log_info("post %" PRId64 " %s chat=%s %s%s%s", p->post.id, p->post.platform, p->post.chat,
	    state == POST_sent ? "sent" : "failed", why == NULL ? "" : ": ", why == NULL ? "" : why);
	posts_tell(p->in, &p->post);
	close_post(p);
}

static void
on_sent(void *arg, enum outcome outcome, int64_t later_ms)
{
	static const char not_now[] = "the platform does not take it now; it is tried again";
	struct posting *p = arg;
	struct error e = { 0 };

	p->sending = NULL;
	if (outcome == OUT_later) {
		if (p->post.why == NULL && outbox_later(p->in->db, &p->post, not_now, &e) == -1)
			log_warn("post %" PRId64 ": %s", p->post.id, e.text);
		try_in(p, pause_growing(later_ms, ++p->failures));
	} else if (outcome == OUT_never) {
		end(p, POST_failed, "the platform refuses it");
	} else if (outbox_part(p->in->db, &p->post, &e) == -1) {
		drop_for(p, &e);
	} else {
		p->failures = 0;
		deliver(p);
	}
}

/* A text that a file can carry goes with it; a longer one before it, in parts. */
static void
cut(struct posting *p)
{
	const struct platform *with = p->line->platform;
	bool above = p->post.title != NULL && !with->titled;
	cleanup_free char *text = xasprintf("%s%s%s", above ? p->post.title : "", above ? "\n\n" : "", p->post.text == NULL ? "" : p->post.text);

	if (p->post.file != NULL && split_units(text, strlen(text)) <= with->caption)
		p->parts = xcalloc(1, sizeof(*p->parts));
	else
		p->parts = with->split(text);
	for (p->n = 0; p->parts[p->n] != NULL; p->n++)
		;
}

static void
send_file(struct posting *p, const struct letter *to)
{
	struct posts *all = p->in;
	cleanup_free char *path = outfile_path(all->gateway->daemon->boot.home, p->post.key);
	struct outgoing f = { .path = path, .name = p->post.file, .caption = p->n == 0 ? p->post.text : NULL };

	p->sending = p->line->platform->send_file(p->line->self, to, &f, on_sent, p);
}

/* The next part of it. */
static void
deliver(struct posting *p)
{
	struct letter to = { .key = p->post.key, .chat = p->post.chat, .title = p->post.title, .part = p->post.parts };

	if (p->line == NULL || !line_is_of(p->line, p->post.account)) {
		end(p, POST_failed, p->line == NULL ? "the platform is switched off" : "the platform has another account now");
		return;
	}
	if (pause_is_in_vain(p->post.created, p->failures)) {
		end(p, POST_failed, "the platform did not take it for a day");
		return;
	}
	if (p->parts == NULL)
		cut(p);
	if ((size_t)p->post.parts >= p->n + (p->post.file != NULL))
		end(p, POST_sent, NULL);
	else if (p->in->gateway->draining)
		return;
	else if ((size_t)p->post.parts < p->n)
		p->sending = p->line->platform->send(p->line->self, &to, p->parts[p->post.parts], on_sent, p);
	else
		send_file(p, &to);
}

static void
go_on(struct posting *p)
{
	if (p->post.state == POST_queued)
		deliver(p);
	else
		close_post(p);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	go_on(arg);
}

/* ---- what is next ---------------------------------------------------------------------------------------- */

/* It is at work already, or one to the same chat is not sent yet. */
static bool
waits(const struct posts *all, const struct post *o)
{
	const struct posting *p;

	LIST_FOREACH(p, &all->all, link)
		if (p->post.id == o->id || (o->state == POST_queued && p->post.state == POST_queued &&
		    strcmp(p->post.platform, o->platform) == 0 && strcmp(p->post.chat, o->chat) == 0))
			return true;
	return false;
}

/* o is the posting's from here on. */
static void
begin(struct posts *all, struct post *o)
{
	struct posting *p = xcalloc(1, sizeof(*p));

	p->in = all;
	p->post = *o;
	p->line = gateway_line(all->gateway, o->platform);
	p->timer = evtimer_new(all->gateway->daemon->base, on_timer, p);
	LIST_INSERT_HEAD(&all->all, p, link);
	go_on(p);
}

void
posts_look(struct posts *all)
{
	struct error e = { 0 };
	struct post o = { 0 };
	int64_t after = 0;
	int found = 0;

	while (!all->gateway->draining && (found = outbox_next(all->db, after, &o, &e)) == 1) {
		after = o.id;
		if (waits(all, &o))
			post_clear(&o);
		else
			begin(all, &o);
	}
	if (found == -1) {
		log_warn("the outbox cannot be read: %s", e.text);
		look_in(all, AGAIN_MS);
	}
}

bool
posts_sending(const struct posts *all)
{
	const struct posting *p;

	LIST_FOREACH(p, &all->all, link)
		if (p->sending != NULL)
			return true;
	return false;
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	posts_look(arg);
}

struct posts *
posts_new(struct gateway *g, struct db *db)
{
	struct posts *all = xcalloc(1, sizeof(*all));

	all->gateway = g;
	all->db = db;
	all->again = evtimer_new(g->daemon->base, on_again, all);
	LIST_INIT(&all->all);
	LIST_INIT(&all->waiters);
	return all;
}

void
posts_free(struct posts *all)
{
	if (all == NULL)
		return;
	while (!LIST_EMPTY(&all->all))
		posting_free(LIST_FIRST(&all->all));
	posts_forget_waiters(all);
	event_free(all->again);
	free(all);
}
