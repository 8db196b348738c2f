/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of the link in one process, as main() puts it together, and a peer
 * called bob that answers as a test tells it, over both transports. The bus
 * is not there: the functions of call.h and dispatch.h are defined here.
 */
#ifndef TESTS_LINK_FIXTURE_H
#define TESTS_LINK_FIXTURE_H

#include "tests/check.h"

#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/alpd.h"
#include "alpd/client.h"
#include "alpd/conn.h"
#include "alpd/envelope.h"
#include "alpd/identity.h"
#include "alpd/local.h"
#include "alpd/peers.h"
#include "common/clock.h"
#include "common/codec.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/unixsock.h"

/* ---- identities ------------------------------------------------------------------------------------ */

struct person {
	struct identity	*id;
	pid_t		 child;
};

/* With the seed of 32 times this byte. */
static inline struct person
person_new(uint8_t byte)
{
	uint8_t seed[KEY_BYTES];
	struct person p;
	struct error e = { 0 };
	int pair[2];

	memset(seed, byte, sizeof(seed));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	p.child = fork();
	assert_true(p.child >= 0);
	if (p.child == 0) {
		close(pair[0]);
		_exit(key_serve(pair[1], seed));
	}
	close(pair[1]);
	if ((p.id = identity_over(pair[0], &e)) == NULL)
		fail_msg("%s", e.text);
	return p;
}

static inline void
person_free(struct person *p)
{
	identity_stop(p->id);
	kill(p->child, SIGKILL);	/* those that were forked later hold our end of its socket too */
	waitpid(p->child, NULL, 0);
}

/* ---- bob ---------------------------------------------------------------------------------------------- */

struct bob;

struct line {				/* a connection that bob was asked on */
	LIST_ENTRY(line) link;
	struct bob	*bob;
	struct conn	*conn;
	enum conn_kind	 kind;
	size_t		 requests;
};

/* What bob does with a request: the reply functions below, or nothing. */
typedef void bob_script(struct bob *b, struct line *l, const struct envelope *v);

struct bob {
	struct person		 self, eve;	/* eve signs what bob must not have said */
	struct event_base	*base;
	char			*home;
	int			 listeners[2], port;
	struct event		*events[2];
	LIST_HEAD(, line)	 lines;
	bob_script		*script;
	size_t			 accepted, requests, left;	/* connections, requests; those that we ended */
	char			*method, *nonce;	/* of the newest request */
	char			*id, *from, *prev_nonce;
	json_t			*params;
	int			 step;		/* for scripts */
};

static inline void
line_free(struct line *l)
{
	LIST_REMOVE(l, link);
	free(l);
}

/* Close without a byte, or after what was said. */
static inline void
bob_close(struct line *l)
{
	conn_close(l->conn);
	line_free(l);
}

static inline void
bob_finish(struct line *l)
{
	conn_finish(l->conn);
	line_free(l);
}

static inline void
bob_text(struct line *l, const char *text, size_t len)
{
	struct error e = { 0 };

	if (conn_send(l->conn, text, len, &e) == -1)
		fail_msg("bob: %s", e.text);
}

/* One signed message; stream: "chunk", "final" or NULL. */
static inline void
bob_says(struct bob *b, struct line *l, const struct envelope *v, const char *result, const char *stream)
{
	struct error e = { 0 };
	size_t len;
	cleanup_free char *text = envelope_result(b->self.id, v, result, stream, &len, &e);

	if (text == NULL)
		fail_msg("bob: %s", e.text);
	bob_text(l, text, len);
}

/* The same outside of a script, as an answer to the newest request. */
static inline void
bob_later(struct bob *b, struct line *l, const char *result, const char *stream)
{
	cleanup_free char *id = xasprintf("\"%s\"", b->id);
	struct doc *d = doc_parse(id, strlen(id), NULL);
	struct envelope v = { .id = doc_root(d) };

	strcpy(v.from, b->from);
	bob_says(b, l, &v, result, stream);
	doc_free(d);
}

static inline void
bob_refuses(struct bob *b, struct line *l, const struct envelope *v, int code, const char *name, const char *data)
{
	size_t len;
	cleanup_free char *text = envelope_error(b->self.id, v, code, name, data, &len, NULL);

	bob_text(l, text, len);
}

/* The answer is complete: a Unix socket carries no more. */
static inline void
bob_done(struct line *l)
{
	if (l->kind == CONN_UNIX)
		bob_finish(l);
	else
		conn_next(l->conn, 0);
}

static inline void
bob_on_message(void *arg, const char *text, size_t len)
{
	struct line *l = arg;
	struct bob *b = l->bob;
	struct envelope v = { 0 };
	struct error e = { 0 };

	if (envelope_open(&v, text, len, clock_wall_ms() * 1000, &e) == -1)
		fail_msg("bob: %s", e.text);
	assert_string_equal(v.to, identity_name(b->self.id));
	b->requests++;
	l->requests++;
	free(b->method);
	free(b->prev_nonce);
	free(b->id);
	free(b->from);
	json_decref(b->params);
	b->from = xstrdup(v.from);
	b->method = node_dup(v.method);
	b->params = node_json(v.params);
	b->id = node_dup(v.id);
	b->prev_nonce = b->nonce;
	b->nonce = xstrdup(v.nonce);
	b->script(b, l, &v);
	envelope_clear(&v);
}

static inline void
bob_on_closed(void *arg, const struct error *why)
{
	struct line *l = arg;

	l->bob->left++;
	line_free(l);
}

static inline void
bob_on_ready(void *arg)
{
}

static const struct conn_owner bob_owner = {
	.ready = bob_on_ready, .message = bob_on_message, .closed = bob_on_closed,
};

static inline void
bob_accept(evutil_socket_t listener, short what, void *arg)
{
	struct bob *b = arg;
	struct line *l = xcalloc(1, sizeof(*l));
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	b->accepted++;
	l->bob = b;
	l->kind = listener == b->listeners[0] ? CONN_UNIX : CONN_TCP;
	LIST_INSERT_HEAD(&b->lines, l, link);
	l->conn = conn_accept(b->base, fd, l->kind, b->self.id, 0, &bob_owner, l);
}

static inline int
listen_tcp(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static inline void
bob_new(struct bob *b, struct event_base *base, const char *home)
{
	cleanup_free char *dir = path_join(home, "alp"), *path = path_join(dir, "alp.sock");
	struct error e = { 0 };

	*b = (struct bob){ .self = person_new(2), .eve = person_new(3), .base = base, .home = xstrdup(home) };
	LIST_INIT(&b->lines);
	assert_int_equal(make_dirs(dir, 0700, &e), 0);
	if ((b->listeners[0] = unix_listen(path, &e)) == -1)
		fail_msg("%s", e.text);
	b->listeners[1] = listen_tcp(&b->port);
	for (int i = 0; i < 2; i++) {
		b->events[i] = event_new(base, b->listeners[i], EV_READ | EV_PERSIST, bob_accept, b);
		event_add(b->events[i], NULL);
	}
}

static inline void
bob_free(struct bob *b)
{
	while (!LIST_EMPTY(&b->lines))
		bob_close(LIST_FIRST(&b->lines));
	for (int i = 0; i < 2; i++) {
		event_free(b->events[i]);
		close(b->listeners[i]);
	}
	person_free(&b->self);
	person_free(&b->eve);
	free(b->home);
	free(b->method);
	free(b->nonce);
	free(b->prev_nonce);
	free(b->id);
	free(b->from);
	json_decref(b->params);
}

/* ---- the bus ------------------------------------------------------------------------------------------- */

struct bus_call {			/* a request of a neighbour, and what it was answered */
	struct call	 call;
	json_t		*reply;
	struct error	 error;
	bool		 done;
};

int
call_reply(struct call *c, const void *reply)
{
	struct bus_call *k = (struct bus_call *)c;
	struct error e = { 0 };

	assert_false(k->done);
	k->done = true;
	if ((k->reply = codec_encode(&proto_message(c->type)->reply, reply, &e)) == NULL)
		fail_msg("its answer: %s", e.text);
	return 0;
}

void
call_fail(struct call *c, const struct error *e)
{
	struct bus_call *k = (struct bus_call *)c;

	assert_false(k->done);
	k->done = true;
	k->error = *e;
}

static json_t *told;			/* what went out: [{type, body}] */

struct request *
request_send(struct daemon *d, const char *unit, enum msg type, const void *body, const char *grant, int timeout_ms,
    request_done *done, void *arg, struct error *e)
{
	json_t *o = codec_encode(&proto_message(type)->request, body, e);

	if (o == NULL)
		fail_msg("%s", e->text);
	json_array_append_new(told, json_pack("{s:s, s:s, s:o}", "unit", unit, "type", proto_message(type)->wire,
	    "body", o));
	return (struct request *)told;
}

void
request_cancel(struct request *r)
{
}

/* ---- our side ------------------------------------------------------------------------------------------- */

struct fixture {
	struct daemon	 d;
	struct alpd	 a;
	struct person	 self;
	struct bob	 bob;
	struct grant	 grant;
};

static inline void
boot_text(struct fixture *f, const char *fmt, const char *value)
{
	cleanup_free char *line = xasprintf(fmt, value);
	struct error e = { 0 };

	if (boot_line(&f->d.boot, line, &e) == -1)
		fail_msg("%s: %s", line, e.text);
}

/* Pin bob, at his Unix socket ("bob") and at his port ("far"); the same key cannot stand twice, so one of them. */
static inline void
pin_bob(struct fixture *f, const char *id, bool tcp)
{
	cleanup_free char *address = xasprintf("127.0.0.1:%d", f->bob.port);
	char *none[] = { NULL };
	struct peer p = { .id = (char *)id, .pubkey = (char *)identity_name(f->bob.self.id),
	    .address = tcp ? address : NULL, .allow = none, .per_minute = PEERS_PER_MINUTE };
	struct error e = { 0 };

	if (peers_add(f->a.peers, &p, &e) == -1)
		fail_msg("%s", e.text);
}

static inline struct fixture *
fixture_new(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	cleanup_free char *root = temp_home(), *bob = path_join(root, "profiles/bob"), *alp = path_join(root, "alp");
	cleanup_free char *run = path_join(root, "run/bob");
	struct error e = { 0 };

	signal(SIGPIPE, SIG_IGN);		/* as a daemon does */
	assert_true(sodium_init() >= 0);
	boot_text(f, "unit default/alpd", "");
	boot_text(f, "root %s", root);
	boot_text(f, "home %s", root);
	boot_text(f, "run %s/run", root);
	boot_text(f, "libexec %s", root);
	assert_int_equal(make_dirs(run, 0700, &e), 0);
	assert_int_equal(make_dirs(alp, 0700, &e), 0);
	f->d.base = event_base_new();
	f->d.name = "alpd";
	f->d.bus = (struct bus *)f;	/* only looked at: is there one? */
	f->self = person_new(1);
	f->a = (struct alpd){ .daemon = &f->d, .base = f->d.base, .root = f->d.boot.root, .home = f->d.boot.home,
	    .self = f->self.id, .settings = { .agent_name = (char *)"me", .port = 7423, .idle_ms = 60000 } };
	f->d.ctx = &f->a;
	bob_new(&f->bob, f->d.base, bob);
	told = json_array();
	if ((f->a.audit = audit_open(root, "alpd", &e)) == NULL || (f->a.peers = peers_open(root, &e)) == NULL)
		fail_msg("%s", e.text);
	f->a.client = client_new(&f->a);
	f->grant = (struct grant){ .who = (char *)"local", .caps = 1u << CAP_peer };
	return f;
}

static inline void
pump(struct fixture *f)
{
	event_base_loop(f->d.base, EVLOOP_ONCE);
}

static inline void
fixture_free(struct fixture *f)
{
	client_free(f->a.client);
	bob_free(&f->bob);
	event_base_loop(f->d.base, EVLOOP_NONBLOCK);	/* what is freed a turn later */
	peers_close(f->a.peers);
	audit_close(f->a.audit);
	person_free(&f->self);
	json_decref(told);
	boot_clear(&f->d.boot);
	event_base_free(f->d.base);
	clock_fake(-1, -1);
	free(f);
}

static inline void
bus_free_call(struct bus_call *k)
{
	json_decref(k->reply);
	free(k);
}

/* What a neighbour asks; the answer may come later. */
static inline struct bus_call *
bus_begin(struct fixture *f, enum msg type, const void *in)
{
	struct bus_call *k = xcalloc(1, sizeof(*k));
	const struct handler *h = link_handlers;

	while (h->fn != NULL && h->type != type)
		h++;
	assert_non_null(h->fn);
	k->call = (struct call){ .daemon = &f->d, .ctx = &f->a, .from = "default/engined", .type = type,
	    .grant = h->needs == CAP_none ? NULL : &f->grant };
	switch (h->fn(&k->call, in, &k->error)) {
	case -1:
		k->done = true;
		assert_true(k->error.code != ERR_none);
		break;
	case 0:
		assert_true(k->done);
		break;
	default:
		break;
	}
	return k;
}

static inline struct bus_call *
bus_wait(struct fixture *f, struct bus_call *k)
{
	while (!k->done)
		pump(f);
	return k;
}

/* The answer, the caller's; an error fails the test. */
static inline json_t *
bus_ask(struct fixture *f, enum msg type, const void *in)
{
	struct bus_call *k = bus_wait(f, bus_begin(f, type, in));
	json_t *reply = json_incref(k->reply);

	if (reply == NULL)
		fail_msg("%s: %s", proto_message(type)->wire, k->error.text);
	bus_free_call(k);
	return reply;
}

/* It must be refused, with this code; the text is the caller's. */
static inline char *
bus_refused(struct fixture *f, enum msg type, const void *in, enum error_code code)
{
	struct bus_call *k = bus_wait(f, bus_begin(f, type, in));
	char *text = xstrdup(k->error.text);

	assert_null(k->reply);
	if (k->error.code != code)
		fail_msg("%s: %s", error_name(k->error.code), text);
	bus_free_call(k);
	return text;
}

#endif
