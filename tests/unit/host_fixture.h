/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostd in one process for tests of its modules: real socket, real files,
 * real settings child; in engined's place a list of what it was asked, which
 * the test answers.
 */
#ifndef TESTS_HOST_FIXTURE_H
#define TESTS_HOST_FIXTURE_H

#include "tests/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/codec.h"
#include "common/db.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/approvals.h"
#include "hostd/client.h"
#include "hostd/host.h"
#include "hostd/settings.h"
#include "hostd/sock.h"
#include "hostd/stream.h"
#include "hostd/turns.h"

#define HEX32 "11111111111111111111111111111111" "11111111111111111111111111111111"

/* One request to an engined. */
struct asked {
	enum msg	 type;
	char		*unit;
	json_t		*body;
	request_done	*done;
	void		*arg;
};

struct fixture {
	struct daemon	 d;
	struct host	 h;
	char		*root;
	struct asked	 asked[64];
	size_t		 nasked;
	pid_t		 child;
	void		(*idle)(struct fixture *);	/* may answer what waits, whenever the loop has run */
};

static struct fixture *fixture_;	/* for fixture_send, which has no argument of ours */

static struct request *
fixture_send(struct daemon *d, const char *unit, enum msg type, const void *body, const char *grant, int timeout_ms,
    request_done *done, void *arg, struct error *e)
{
	struct fixture *f = fixture_;
	json_t *o = codec_encode(&proto_message(type)->request, body, e);

	if (o == NULL)
		return NULL;
	assert_true(f->nasked < COUNT(f->asked));
	f->asked[f->nasked] = (struct asked){ type, xstrdup(unit), o, done, arg };
	return (struct request *)&f->asked[f->nasked++];
}

static void
fixture_forget(struct fixture *f, size_t i)
{
	free(f->asked[i].unit);
	json_decref(f->asked[i].body);
	memmove(&f->asked[i], &f->asked[i + 1], (f->nasked - i - 1) * sizeof(f->asked[0]));
	f->nasked--;
}

/* Handles are addresses of rows that move: which one was meant is told by who waits. */
static void
fixture_cancel(struct request *r)
{
	(void)r;
}

static inline void
pump(struct fixture *f)
{
	event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	if (f->idle != NULL)
		f->idle(f);
}

/* The newest request of a type that waits, or NULL. */
static inline struct asked *
asked_for(struct fixture *f, enum msg type)
{
	for (size_t i = f->nasked; i-- > 0;)
		if (f->asked[i].type == type)
			return &f->asked[i];
	return NULL;
}

static inline struct asked *
wait_asked(struct fixture *f, enum msg type)
{
	while (asked_for(f, type) == NULL)
		event_base_loop(f->d.base, EVLOOP_ONCE);
	return asked_for(f, type);
}

static inline void
answer(struct fixture *f, struct asked *q, const void *reply, const struct error *e)
{
	struct asked copy = *q;

	q->unit = NULL;
	q->body = NULL;
	fixture_forget(f, (size_t)(q - f->asked));
	copy.done(copy.arg, reply, e);
	free(copy.unit);
	json_decref(copy.body);
}

static inline void
boot_text(struct fixture *f, const char *fmt, const char *value)
{
	cleanup_free char *line = xasprintf(fmt, value);
	struct error e = { 0 };

	if (boot_line(&f->d.boot, line, &e) == -1)
		fail_msg("%s: %s", line, e.text);
}

static inline void
start_child(struct fixture *f)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child == 0) {
		close(pair[0]);
		_exit(settings_child(pair[1], f->root));
	}
	close(pair[1]);
	f->h.settings = settings_over(pair[0]);
}

static void
fixture_lost(void *arg)
{
	fail_msg("the settings child ended");
}

/* What main() opens, on the files that are there. */
static inline void
host_up(struct fixture *f)
{
	cleanup_free char *file = path_join(f->root, "host/turns.sqlite");
	struct error e = { 0 };

	fixture_ = f;
	f->h.daemon = &f->d;
	f->h.send = fixture_send;
	f->h.cancel = fixture_cancel;
	f->d.base = event_base_new();
	start_child(f);
	if (host_db(&f->h.db, file, &e) == -1 ||
	    (f->h.stream = stream_open(f->root, f->d.base, &e)) == NULL ||
	    (f->h.approvals = approvals_open(&f->h, &e)) == NULL ||
	    (f->h.turns = turns_open(&f->h, &e)) == NULL ||
	    (f->h.sock = sock_listen(&f->h, f->root, &e)) == NULL)
		fail_msg("%s", e.text);
	settings_serve(f->h.settings, f->d.base, fixture_lost, f);
	turns_serve(f->h.turns);
	sock_serve(f->h.sock);
}

/* As a crash: nothing is told to anyone, files stay as they are. */
static inline void
host_down(struct fixture *f)
{
	turns_close(steal(f->h.turns));
	approvals_close(steal(f->h.approvals));
	stream_close(steal(f->h.stream));
	sock_close(steal(f->h.sock));
	settings_stop(steal(f->h.settings));
	waitpid(f->child, NULL, 0);
	db_close(steal(f->h.db));
	pump(f);	/* what was to be freed later */
	event_base_free(f->d.base);
	while (f->nasked > 0)
		fixture_forget(f, 0);
}

static inline struct fixture *
fixture_open(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	cleanup_free char *host = NULL;

	assert_true(sodium_init() >= 0);
	f->root = temp_home();
	host = path_join(f->root, "host");
	assert_int_equal(mkdir(host, 0700), 0);
	boot_text(f, "unit default/hostd", "");
	boot_text(f, "root %s", f->root);
	boot_text(f, "home %s", f->root);
	boot_text(f, "run %s/run", f->root);
	boot_text(f, "libexec %s", f->root);
	boot_text(f, "call default/engined " HEX32, "");
	boot_text(f, "mint default/toolrunner " HEX32, "");
	strcpy(f->h.device_id, "0123456789abcdef0123456789abcdef");
	host_up(f);
	return f;
}

static inline void
fixture_close(struct fixture *f)
{
	host_down(f);
	boot_clear(&f->d.boot);
	free(f->root);
	free(f);
}

/* ---- a client ------------------------------------------------------------------------------ */

static inline int
dial(struct fixture *f)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/host/host.sock", f->root);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Up to the end of the line and no further, so that what follows stays for the next. NULL at the end. */
static inline char *
read_line(struct fixture *f, int fd)
{
	struct buf b = BUF(0);
	char chunk[65536], *nl;
	ssize_t n;

	for (;;) {
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_PEEK);
		if (n == -1 && errno == EAGAIN) {
			pump(f);
			continue;
		}
		if (n <= 0) {
			buf_clear(&b);
			return NULL;
		}
		nl = memchr(chunk, '\n', (size_t)n);
		n = recv(fd, chunk, nl == NULL ? (size_t)n : (size_t)(nl - chunk) + 1, MSG_DONTWAIT);
		buf_add(&b, chunk, nl == NULL ? (size_t)n : (size_t)n - 1);
		if (nl != NULL)
			return buf_take(&b);
	}
}

static inline json_t *
read_json(struct fixture *f, int fd)
{
	cleanup_free char *line = read_line(f, fd);
	json_t *o;

	if (line == NULL)
		fail_msg("the connection was closed");
	o = json_parse(line, strlen(line), 64, NULL);
	if (o == NULL)
		fail_msg("not JSON: %s", line);
	return o;
}

/* A request whose answer comes later. */
static inline int
begin_call(struct fixture *f, const char *method, const char *params)
{
	cleanup_free char *line = xasprintf("{\"id\":7,\"method\":\"%s\",\"params\":%s}\n", method, params);
	int fd = dial(f);

	say(fd, line);
	return fd;
}

/* A request and its one answer; the caller owns it. */
static inline json_t *
call_host(struct fixture *f, const char *method, const char *params)
{
	int fd = begin_call(f, method, params);
	json_t *o = read_json(f, fd);

	close(fd);
	return o;
}

static inline int
code_of(const json_t *answer_object)
{
	return (int)json_int(json_object_get(answer_object, "error"), "code", 0);
}

/* The next frame of a stream but heartbeats must be of this kind; the caller owns it. */
static inline json_t *
frame(struct fixture *f, int fd, const char *kind)
{
	json_t *o = read_json(f, fd);

	while (strcmp(json_str(o, "event", ""), "heartbeat") == 0) {
		json_decref(o);
		o = read_json(f, fd);
	}
	assert_string_equal(json_str(o, "event", "(no event)"), kind);
	return o;
}

static inline void
expect_frame(struct fixture *f, int fd, const char *kind)
{
	json_decref(frame(f, fd, kind));
}

#endif
