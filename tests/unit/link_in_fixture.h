/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bob's alpd in one process, as main() puts it together, for what peers send
 * to it: real files, real keys. In a session's place stands an ear that hears
 * the answers; in engined's place a list of what it was asked, which the test
 * answers.
 */
#ifndef TESTS_LINK_IN_FIXTURE_H
#define TESTS_LINK_IN_FIXTURE_H

#include "tests/unit/link_people.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "alpd/alpd.h"
#include "alpd/blob.h"
#include "alpd/budget.h"
#include "alpd/envelope.h"
#include "alpd/inbound.h"
#include "alpd/peers.h"
#include "alpd/ratelimit.h"
#include "alpd/receive.h"
#include "alpd/replay.h"
#include "common/clock.h"
#include "common/codec.h"
#include "common/paths.h"

#define HEX32	"11111111111111111111111111111111" "11111111111111111111111111111111"
#define NOW_MS	INT64_C(1776945600000)		/* 2026-04-23T12:00:00Z, the vectors' clock */

/* One request to engined. */
struct asked {
	TAILQ_ENTRY(asked) link;
	enum msg	 type;
	json_t		*body;
	request_done	*done;
	void		*arg;
};

/* What a caller hears. */
struct ear {
	struct fixture	*f;
	char		*texts[64];
	size_t		 heard, read;		/* read: by the test */
	bool		 ended, dropped;
	bool		 full;			/* takes nothing now */
	struct link_call *call;
};

struct fixture {
	struct daemon	 d;
	struct alpd	 a;
	char		*home;
	struct person	 bob, alice, carol;
	TAILQ_HEAD(, asked) asked;
	size_t		 usage;			/* how often engined was asked for it */
	double		 cap, used;
	bool		 no_engine;
};

static struct fixture *fixture_;	/* for fixture_send, which has no argument of ours */

/* ---- engined ----------------------------------------------------------------------------------- */

static void
asked_free(struct asked *q)
{
	TAILQ_REMOVE(&fixture_->asked, q, link);
	json_decref(q->body);
	free(q);
}

static struct request *
fixture_send(struct daemon *d, const char *unit, enum msg type, const void *body, const char *grant, int timeout_ms,
    request_done *done, void *arg, struct error *e)
{
	struct fixture *f = fixture_;
	struct asked *q;
	json_t *o;

	assert_string_equal(unit, "engined");
	if (f->no_engine) {
		error_set(e, ERR_unavailable, "engined is not there");
		return NULL;
	}
	if ((o = codec_encode(&proto_message(type)->request, body, e)) == NULL)
		return NULL;
	q = xcalloc(1, sizeof(*q));
	q->type = type;
	q->body = o;
	q->done = done;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&f->asked, q, link);
	f->usage += type == MSG_usage_today;
	return (struct request *)q;
}

static void
fixture_cancel(struct request *r)
{
	asked_free((struct asked *)r);
}

static inline void
pump(struct fixture *f)
{
	event_base_loop(f->d.base, EVLOOP_NONBLOCK);
}

static inline struct asked *
asked_for(struct fixture *f, enum msg type)
{
	struct asked *q;

	TAILQ_FOREACH(q, &f->asked, link)
		if (q->type == type)
			break;
	return q;
}

static inline struct asked *
wait_asked(struct fixture *f, enum msg type)
{
	while (asked_for(f, type) == NULL)
		event_base_loop(f->d.base, EVLOOP_ONCE);
	return asked_for(f, type);
}

static inline void
answer(struct asked *q, const void *reply, const struct error *e)
{
	request_done *done = q->done;
	void *arg = q->arg;

	asked_free(q);
	done(arg, reply, e);
}

/* The day's money, whoever asks. */
static inline void
answer_usage(struct fixture *f)
{
	struct asked *q;

	while ((q = asked_for(f, MSG_usage_today)) != NULL)
		answer(q, &(struct usage_today_reply){ .cap_usd = f->cap, .used_usd = f->used }, NULL);
}

/* ---- a caller ------------------------------------------------------------------------------------ */

static int
ear_send(void *arg, const char *text, size_t len, struct error *e)
{
	struct ear *h = arg;

	if (h->full)
		return error_set(e, ERR_busy, "not now");
	assert_false(h->ended);
	assert_true(h->heard < COUNT(h->texts));
	h->texts[h->heard++] = xstrndup(text, len);
	return 0;
}

static void
ear_end(void *arg, bool drop)
{
	struct ear *h = arg;

	assert_false(h->ended);
	h->ended = true;
	h->dropped = drop;
	h->call = NULL;
}

static const char *
ear_address(void *arg)
{
	return "192.0.2.1:4000";
}

static const struct link_port ear_port = { .send = ear_send, .end = ear_end, .address = ear_address };

static inline void
ear_clear(struct ear *h)
{
	if (h->call != NULL)
		receive_gone(h->call);
	for (size_t i = 0; i < h->heard; i++)
		free(h->texts[i]);
	memset(h, 0, sizeof(*h));
}

/* A message comes in, on a session with this static key. */
static inline void
hear(struct fixture *f, struct ear *h, const char *text, const uint8_t *remote)
{
	struct link_call *c;

	memset(h, 0, sizeof(*h));
	h->f = f;
	if ((c = receive_message(&f->a, text, strlen(text), remote, &ear_port, h)) != NULL)
		h->call = c;
	answer_usage(f);
}

static inline char *
signed_by(const struct person *from, const char *to, const char *method, const char *params)
{
	char id[ENVELOPE_ID_BYTES];
	struct error e = { 0 };
	size_t len;
	char *text = envelope_request(from->id, to, method, params, id, &len, &e);

	if (text == NULL)
		fail_msg("%s", e.text);
	return text;
}

/* A request of somebody to bob over the Unix socket. */
static inline void
ask(struct fixture *f, struct ear *h, const struct person *from, const char *method, const char *params)
{
	cleanup_free char *text = signed_by(from, identity_name(f->bob.id), method, params);

	hear(f, h, text, NULL);
}

/* The next answer, checked as a client does; the caller owns the member "result" or "error" with "stream" put in. */
static inline json_t *
answered(struct ear *h, const struct person *to)
{
	struct envelope v = { 0 };
	struct error e = { 0 };
	json_t *o;

	if (h->read >= h->heard)
		fail_msg("%s", h->dropped ? "dropped" : "no answer");
	if (envelope_open(&v, h->texts[h->read], strlen(h->texts[h->read]), clock_wall_ms() * 1000, &e) == -1)
		fail_msg("%s", e.text);
	h->read++;
	assert_string_equal(v.from, identity_name(h->f->bob.id));
	assert_string_equal(v.to, identity_name(to->id));
	assert_true((v.result == NULL) != (v.error == NULL));
	o = json_pack("{s:o*, s:o*, s:o*}", "result", node_json(v.result), "error", node_json(v.error), "stream",
	    node_json(v.stream));
	envelope_clear(&v);
	return o;
}

/* The call is over and this was its answer. */
static inline void
expect_error(struct ear *h, const struct person *to, int code, const char *name)
{
	json_t *o = answered(h, to), *error = json_object_get(o, "error");

	assert_int_equal(json_int(error, "code", 0), code);
	assert_string_equal(json_str(error, "message", ""), name);
	assert_null(json_object_get(o, "stream"));
	assert_true(h->ended);
	assert_false(h->dropped);
	json_decref(o);
}

static inline void
expect_drop(struct ear *h)
{
	assert_true(h->ended && h->dropped);
	assert_int_equal(h->heard, 0);
}

/* ---- bob ------------------------------------------------------------------------------------------ */

static inline void
boot_text(struct fixture *f, const char *fmt, const char *value)
{
	cleanup_free char *line = xasprintf(fmt, value);
	struct error e = { 0 };

	if (boot_line(&f->d.boot, line, &e) == -1)
		fail_msg("%s: %s", line, e.text);
}

/* peers.yaml: one row for alice, with these further lines. */
static inline void
pin_alice(struct fixture *f, const char *lines)
{
	cleanup_free char *text = xasprintf("- id: al\n  pubkey: %s\n%s", identity_name(f->alice.id), lines);

	put_file(f->home, "alp/peers.yaml", text);
}

#define ALL "  allow: [link.ping, link.ask, link.cancel, link.put_blob, link.get_blob]\n"

static inline void
alpd_up(struct fixture *f)
{
	struct error e = { 0 };

	f->d.base = event_base_new();
	f->a = (struct alpd){ .daemon = &f->d, .send = fixture_send, .cancel = fixture_cancel, .base = f->d.base,
	    .root = f->home, .home = f->home, .settings = { .agent_name = (char *)"bob" }, .self = f->bob.id };
	f->a.rates = ratelimit_new();
	f->a.budget = budget_new(&f->a);
	if ((f->a.audit = audit_open(f->home, "alpd", &e)) == NULL || (f->a.peers = peers_open(f->home, &e)) == NULL ||
	    (f->a.replay = replay_open(f->home, clock_wall_ms() * 1000, &e)) == NULL ||
	    (f->a.blobs = blobs_open(f->home, &e)) == NULL || (f->a.inbound = inbound_open(&f->a, &e)) == NULL)
		fail_msg("%s", e.text);
	inbound_serve(f->a.inbound);
}

/* As a crash: files stay as they are. */
static inline void
alpd_down(struct fixture *f)
{
	inbound_close(f->a.inbound);
	budget_free(f->a.budget);
	blobs_close(f->a.blobs);
	replay_close(f->a.replay);
	peers_close(f->a.peers);
	audit_close(f->a.audit);
	ratelimit_free(f->a.rates);
	while (!TAILQ_EMPTY(&f->asked))
		asked_free(TAILQ_FIRST(&f->asked));
	event_base_free(f->d.base);
}

static inline struct fixture *
fixture_open(void)
{
	static const char *const dirs[] = { "alp", "alp/secrets" };
	struct fixture *f = fixture_ = xcalloc(1, sizeof(*f));

	signal(SIGPIPE, SIG_IGN);
	clock_fake(NOW_MS, 1000000);
	f->home = temp_home();
	f->bob = person("bob");
	f->alice = person("alice");
	f->carol = person("carol");
	TAILQ_INIT(&f->asked);
	for (size_t i = 0; i < COUNT(dirs); i++) {
		cleanup_free char *path = path_join(f->home, dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	boot_text(f, "unit default/alpd", "");
	boot_text(f, "root %s", f->home);
	boot_text(f, "home %s", f->home);
	boot_text(f, "run %s/run", f->home);
	boot_text(f, "libexec %s", f->home);
	boot_text(f, "call default/engined " HEX32, "");
	boot_text(f, "mint default/toolrunner " HEX32, "");
	pin_alice(f, ALL);
	alpd_up(f);
	return f;
}

static inline void
fixture_close(struct fixture *f)
{
	alpd_down(f);
	person_gone(&f->bob);
	person_gone(&f->alice);
	person_gone(&f->carol);
	boot_clear(&f->d.boot);
	clock_fake(-1, -1);
	free(f->home);
	free(f);
}

/* Time goes on. */
static inline void
after_ms(int64_t ms)
{
	clock_fake(clock_wall_ms() + ms, clock_mono_ms() + ms);
}

#endif
