/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus between real processes: bus, call, dispatch and daemon together.
 * This program is the caller, default/engined, and plays init; run with a
 * daemon's name it is the callee, booted through daemon_boot as any unit.
 */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "common/bus.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/dispatch.h"
#include "common/inbox.h"
#include "common/json.h"
#include "common/mem.h"

#define LONG_MS		60000	/* longer than any test may take: never what ends a request here */
#define TOKEN_TOOL	"11111111111111111111111111111111" "11111111111111111111111111111111"
#define TOKEN_HOST	"22222222222222222222222222222222" "22222222222222222222222222222222"
#define TOKEN_OTHER	"33333333333333333333333333333333" "33333333333333333333333333333333"
#define KEY_GRANT	"44444444444444444444444444444444" "44444444444444444444444444444444"
#define PATTERN_TOKEN	"5555555555555555555555555555555555555555555555555555555555555555"

extern char **environ;

/* ---- the callee ----------------------------------------------------------------------------- */

static struct call **held;
static size_t nheld;
static int64_t pushed;

static int
say(struct call *c, const char *output, int64_t seq)
{
	return call_reply(c, &(struct tool_next_reply){ .state = "done", .output = output, .seq = seq });
}

static int
hold(struct call *c)
{
	held = xreallocarray(held, nheld + 1, sizeof(*held));
	held[nheld++] = c;
	return CALL_LATER;
}

/* Answer what is held, newest first. */
static void
release(void)
{
	static char text[4097];

	memset(text, 'x', sizeof(text) - 1);
	for (; nheld > 0; nheld--)
		say(held[nheld - 1], text, (int64_t)nheld);
}

static int
unit_next(struct call *c, const void *in, struct error *e)
{
	const struct tool_next *m = in;
	int64_t n;

	if (strcmp(m->key, "hold") == 0)
		return hold(c);
	if (strcmp(m->key, "release") == 0) {
		n = (int64_t)nheld;
		release();
		return say(c, "released", n);
	}
	if (strcmp(m->key, "held") == 0)
		return say(c, "held", (int64_t)bus_held(c->daemon->bus));
	if (strcmp(m->key, "refuse") == 0)
		return error_set(e, ERR_conflict, "as you wish");
	if (strcmp(m->key, "nonsense") == 0)
		return call_reply(c, &(struct tool_next_reply){ .state = "a state far beyond its limit" });
	if (strcmp(m->key, "huge") == 0) {
		cleanup_free char *text = xmalloc(4194305);

		memset(text, 'y', 4194304);
		text[4194304] = '\0';
		return say(c, text, 0);
	}
	if (strcmp(m->key, "die") == 0)
		_exit(9);
	return say(c, c->from, m->after);
}

static int
unit_exec(struct call *c, const void *in, struct error *e)
{
	if (c->grant == NULL || strcmp(c->grant->session, "s1") != 0)
		return error_set(e, ERR_internal, "the grant did not arrive");
	return call_reply(c, &(struct tool_exec_reply){ .known = true });
}

static int
unit_push(struct call *c, const void *in, struct error *e)
{
	return call_reply(c, &(struct event_push_reply){ .seq = ++pushed });
}

static const struct handler unit_handlers[] = {
	{ MSG_tool_next, unit_next, CAP_none },
	{ MSG_tool_exec, unit_exec, CAP_exec },
	{ MSG_event_push, unit_push, CAP_none },
	{ 0 }
};

static int
unit_main(char *name)
{
	struct daemon d = DAEMON(name, unit_handlers);
	struct error e = { 0 };
	int status;

	if (daemon_boot(&d, 1, &name, &e) == -1)
		return daemon_fail(&d, &e);
	status = daemon_serve(&d, NULL);
	for (size_t i = 0; i < nheld; i++)	/* a daemon would just end; here leaks are looked for */
		free(held[i]);
	free(held);
	return status;
}

/* ---- init ----------------------------------------------------------------------------------- */

struct unit {
	const char	*name;
	pid_t		 pid;
	int		 fd;
};

static char *home;
static struct unit tool = { .name = "toolrunner" }, host = { .name = "hostd" };

static void
tell(struct unit *u, const char *text)
{
	assert_int_equal(write(u->fd, text, strlen(text)), strlen(text));
}

static void
unit_exec_self(struct unit *u, int fd)
{
	char *argv[] = { "test_bus", "--unit", (char *)u->name, NULL };
	posix_spawn_file_actions_t fa;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd, BOOT_FD);
	assert_int_equal(posix_spawn(&u->pid, "/proc/self/exe", &fa, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&fa);
}

static void
unit_launch(struct unit *u)
{
	cleanup_free char *text = xasprintf("alpi-boot 1\nunit default/%s\nroot %s\nhome %s\nrun %s/run\nlibexec %s\n"
	    "accept default/engined %s\nverify default/hostd " KEY_GRANT "\nend\n",
	    u->name, home, home, home, home, u == &tool ? TOKEN_TOOL : TOKEN_HOST);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	unit_exec_self(u, fds[1]);
	close(fds[1]);
	u->fd = fds[0];
	tell(u, text);
}

static void
unit_ready(struct unit *u)
{
	char byte = 0;

	assert_int_equal(read(u->fd, &byte, 1), 1);
	assert_int_equal(byte, 'R');
}

static void
unit_start(struct unit *u)
{
	unit_launch(u);
	unit_ready(u);
}

static int
unit_wait(struct unit *u)
{
	int status;

	assert_int_equal(waitpid(u->pid, &status, 0), u->pid);
	close(u->fd);
	u->pid = 0;
	return status;
}

static void
unit_kill(struct unit *u)
{
	if (u->pid == 0)
		return;
	kill(u->pid, SIGKILL);
	unit_wait(u);
}

/* ---- the caller ----------------------------------------------------------------------------- */

static struct daemon me = DAEMON("engined", NULL);

static void
me_line(const char *fmt, const char *a)
{
	char line[512];
	struct error e = { 0 };

	snprintf(line, sizeof(line), fmt, a);
	if (boot_line(&me.boot, line, &e) == -1)
		fail_msg("%s", e.text);
}

static int
start_all(void **state)
{
	struct error e = { 0 };

	home = temp_home();
	me_line("unit default/%s", "engined");
	me_line("root %s", home);
	me_line("home %s", home);
	me_line("run %s/run", home);
	me_line("libexec %s", home);
	me_line("call default/toolrunner %s", TOKEN_TOOL);
	me_line("call default/hostd %s", TOKEN_HOST);
	me_line("end%s", "");
	me.base = event_base_new();
	assert_non_null(me.bus = bus_new(me.base, inbox_take, &me, &e));
	unit_start(&tool);
	unit_start(&host);
	return 0;
}

static int
stop_all(void **state)
{
	unit_kill(&tool);
	unit_kill(&host);
	bus_free(steal(me.bus));
	event_base_free(me.base);
	boot_clear(&me.boot);
	free(home);
	return 0;
}

/* What came back for one request. */
struct result {
	int		 done;
	enum error_code	 code;
	char		 text[ERROR_TEXT_MAX];
	int64_t		 seq;
	size_t		 output;
	int64_t		 at_ns;
};

static int finished;

static void
note(struct result *r, const struct error *e)
{
	assert_false(r->done);
	r->done = ++finished;
	r->at_ns = clock_mono_ns();
	r->code = e != NULL ? e->code : ERR_none;
	snprintf(r->text, sizeof(r->text), "%s", e != NULL ? e->text : "");
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct tool_next_reply *m = reply;
	struct result *r = arg;

	note(r, e);
	r->seq = m != NULL ? m->seq : -1;
	r->output = m != NULL && m->output != NULL ? strlen(m->output) : 0;
}

static void
on_push(void *arg, const void *reply, const struct error *e)
{
	struct result *r = arg;

	note(r, e);
	r->seq = reply != NULL ? ((const struct event_push_reply *)reply)->seq : -1;
}

static void
on_plain(void *arg, const void *reply, const struct error *e)
{
	note(arg, e);
}

static struct request *
ask_tool(const char *key, int64_t after, int ms, struct result *r)
{
	const struct tool_next m = { .key = key, .after = after };
	struct error e = { 0 };
	struct request *q = request_send(&me, "toolrunner", MSG_tool_next, &m, NULL, ms, on_next, r, &e);

	if (q == NULL)
		fail_msg("%s", e.text);
	return q;
}

static void
wait_for(const struct result *r)
{
	while (!r->done)
		event_base_loop(me.base, EVLOOP_ONCE);
}

static struct result
ask(const char *key)
{
	struct result r = { 0 };

	ask_tool(key, 7, LONG_MS, &r);
	wait_for(&r);
	return r;
}

static void
push_event(const char *text, struct result *r)
{
	json_t *data = json_string(text);
	struct error e = { 0 };

	assert_non_null(request_send(&me, "hostd", MSG_event_push, &(struct event_push){ .kind = "k", .data = data },
	    NULL, LONG_MS, on_push, r, &e));
	json_decref(data);
}

/* ---- asking and answering ------------------------------------------------------------------- */

static void
test_a_request_is_answered(void **state)
{
	struct result r = ask("hello");

	assert_int_equal(r.code, ERR_none);
	assert_int_equal(r.seq, 7);
	assert_int_equal(r.output, strlen("default/engined"));
}

static void
test_a_body_of_512_bytes_goes_round(void **state)
{
	char text[513];
	struct result r = { 0 };

	memset(text, 'a', 512);
	text[512] = '\0';
	push_event(text, &r);
	wait_for(&r);
	assert_int_equal(r.code, ERR_none);
}

static void
test_four_megabytes_go_round(void **state)
{
	assert_int_equal(ask("huge").output, 4194304);
}

static void
test_requests_arrive_in_their_order(void **state)
{
	enum { N = 2000 };
	struct result *r = xcalloc(N, sizeof(*r));

	for (int i = 0; i < N; i++)
		push_event("x", &r[i]);
	for (int i = 0; i < N; i++)
		wait_for(&r[i]);
	for (int i = 1; i < N; i++)
		assert_int_equal(r[i].seq, r[0].seq + i);
	free(r);
}

static void
test_late_answers_come_in_any_order(void **state)
{
	struct result r[50] = { 0 };

	for (int i = 0; i < 50; i++)
		ask_tool("hold", 0, LONG_MS, &r[i]);
	assert_int_equal(ask("release").seq, 50);
	for (int i = 0; i < 50; i++) {
		wait_for(&r[i]);
		assert_int_equal(r[i].code, ERR_none);
		assert_int_equal(r[i].seq, i + 1);	/* its own answer, though the last was given first */
	}
}

static void
test_a_burst_of_answers_arrives_whole(void **state)
{
	enum { N = 2000 };
	struct result *r = xcalloc(N, sizeof(*r));

	for (int i = 0; i < N; i++)
		ask_tool("hold", 0, LONG_MS, &r[i]);
	ask("release");
	for (int i = 0; i < N; i++) {
		wait_for(&r[i]);
		assert_int_equal(r[i].code, ERR_none);
		assert_int_equal(r[i].output, 4096);
	}
	free(r);
}

static void
test_an_error_answer_keeps_code_and_text(void **state)
{
	struct result r = ask("refuse");

	assert_int_equal(r.code, ERR_conflict);
	assert_string_equal(r.text, "default/toolrunner: as you wish");
}

static void
test_an_answer_outside_its_limits_is_not_sent(void **state)
{
	assert_int_equal(ask("nonsense").code, ERR_too_large);
	assert_int_equal(ask("hello").code, ERR_none);
}

/* ---- refused before anything is sent -------------------------------------------------------- */

static void
test_what_has_no_channel_is_not_sent(void **state)
{
	struct error e = { 0 };
	struct result r = { 0 };

	assert_null(request_send(&me, "toolrunner", MSG_event_push,
	    &(struct event_push){ .kind = "k", .data = json_true() }, NULL, LONG_MS, on_plain, &r, &e));
	assert_int_equal(e.code, ERR_denied);
	assert_null(request_send(&me, "other/toolrunner", MSG_tool_next,
	    &(struct tool_next){ .key = "k" }, NULL, LONG_MS, on_plain, &r, &e));
	assert_int_equal(e.code, ERR_unavailable);
}

static void
test_a_body_outside_its_limits_is_not_sent(void **state)
{
	struct error e = { 0 };
	struct result r = { 0 };

	assert_null(request_send(&me, "toolrunner", MSG_tool_next, &(struct tool_next){ 0 },
	    NULL, LONG_MS, on_plain, &r, &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_string_equal(e.text, "body.key: is missing");
}

static void
test_too_many_open_requests_are_busy(void **state)
{
	struct request **q = xcalloc(BUS_ASKS_MAX, sizeof(*q));
	struct result r = { 0 };
	struct error e = { 0 };

	for (int i = 0; i < BUS_ASKS_MAX; i++)
		q[i] = ask_tool("hold", 0, LONG_MS, &r);
	assert_null(request_send(&me, "toolrunner", MSG_tool_next, &(struct tool_next){ .key = "k" },
	    NULL, LONG_MS, on_plain, &r, &e));
	assert_int_equal(e.code, ERR_busy);
	push_event("x", &r);			/* another callee is not concerned */
	wait_for(&r);
	for (int i = 0; i < BUS_ASKS_MAX; i++)
		request_cancel(q[i]);
	free(q);
	r = (struct result){ 0 };
	for (r.code = ERR_busy; r.code == ERR_busy; event_base_loop(me.base, EVLOOP_NONBLOCK)) {
		e.code = ERR_none;
		if (request_send(&me, "toolrunner", MSG_tool_next, &(struct tool_next){ .key = "release" },
		    NULL, LONG_MS, on_next, &r, &e) != NULL)
			r.code = ERR_none;
	}
	wait_for(&r);
	assert_int_equal(r.code, ERR_none);
}

/* ---- grants --------------------------------------------------------------------------------- */

static char *
grant_of(uint32_t caps, int64_t until)
{
	struct boot hostd = { 0 };
	struct error e = { 0 };
	char *text;

	assert_int_equal(boot_line(&hostd, "unit default/hostd", &e), 0);
	assert_int_equal(boot_line(&hostd, "mint default/toolrunner " KEY_GRANT, &e), 0);
	text = grant_mint(&hostd, &(struct grant){ .audience = "default/toolrunner", .who = "local", .surface = "cli",
	    .session = "s1", .caps = caps, .until = until }, &e);
	assert_non_null(text);
	boot_clear(&hostd);
	return text;
}

static enum error_code
exec_with(const char *grant)
{
	json_t *args = json_object();
	struct result r = { 0 };
	struct error e = { 0 };

	assert_non_null(request_send(&me, "toolrunner", MSG_tool_exec,
	    &(struct tool_exec){ .key = "k", .turn = "t", .tool = "x", .args = args }, grant, LONG_MS, on_plain, &r, &e));
	json_decref(args);
	wait_for(&r);
	return r.code;
}

static void
test_a_handler_that_needs_a_grant_gets_a_verified_one(void **state)
{
	int64_t later = clock_wall_ms() / 1000 + 100;
	cleanup_free char *good = grant_of(1u << CAP_exec | 1u << CAP_read, later);
	cleanup_free char *weak = grant_of(1u << CAP_read, later);
	cleanup_free char *old = grant_of(1u << CAP_exec, 1000);
	cleanup_free char *narrowed = grant_narrow(good, "caps read", NULL);

	assert_int_equal(exec_with(good), ERR_none);
	assert_int_equal(exec_with(NULL), ERR_denied);
	assert_int_equal(exec_with(weak), ERR_denied);
	assert_int_equal(exec_with(old), ERR_denied);
	assert_int_equal(exec_with(narrowed), ERR_denied);
	strstr(good, "local")[0] = 'L';
	assert_int_equal(exec_with(good), ERR_denied);
}

/* ---- what strangers send -------------------------------------------------------------------- */

/* Send bytes to toolrunner's inbox with a socket of our own; the error code of the answer, 0 for a body. */
static int
raw(const void *bytes, size_t len)
{
	cleanup_free char *url = xasprintf("ipc://%s/run/default/toolrunner.ipc", home);
	json_t *answer cleanup_json = NULL;
	struct error e = { 0 };
	nng_socket s;
	char *text;
	size_t n;

	assert_int_equal(nng_req0_open(&s), 0);
	assert_int_equal(nng_dial(s, url, NULL, 0), 0);
	assert_int_equal(nng_send(s, (void *)bytes, len, 0), 0);
	assert_int_equal(nng_recv(s, &text, &n, NNG_FLAG_ALLOC), 0);
	assert_non_null(answer = json_parse(text, n, 8, &e));
	nng_free(text, n);
	nng_close(s);
	return (int)json_int(json_object_get(answer, "error"), "code", 0);
}

static int
raw_text(const char *fmt, const char *a, const char *b)
{
	cleanup_free char *text = xasprintf(fmt, a, b);

	return raw(text, strlen(text));
}

#define ENVELOPE "{\"v\":1,\"type\":\"%s\",\"token\":\"%s\",\"body\":{\"key\":\"k\",\"after\":1}}"

static void
test_a_wrong_token_is_denied(void **state)
{
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_TOOL), ERR_none);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_OTHER), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_HOST), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", ""), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", "zz"), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_TOOL "00"), ERR_denied);
}

static void
test_a_message_that_is_not_in_the_channel_is_denied(void **state)
{
	assert_int_equal(raw_text(ENVELOPE, "turn.start", TOKEN_TOOL), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "event.push", TOKEN_TOOL), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "no.such", TOKEN_TOOL), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.cancel", TOKEN_TOOL), ERR_unsupported);
}

static void
test_garbage_gets_an_error_and_the_inbox_goes_on(void **state)
{
	static const char *const texts[] = {
		"", "x", "[]", "null", "\"text\"", "{", "{}", "{\"v\":1}", "{\"v\":2,\"type\":\"tool.next\"}", "\xff\xfe", "{\"v\":1,\"v\":1}",
		"{\"v\":1,\"type\":7,\"token\":\"\",\"body\":{}}", "{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\"}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":[]}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"k\",\"after\":1,\"more\":1}}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"k\"},\"more\":1}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"k\"},\"grant\":1}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"a\\u0000b\"}}",
	};
	char deep[10000], noise[4000];

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_not_equal(raw(texts[i], strlen(texts[i])), ERR_none);
	memset(deep, '[', sizeof(deep));
	assert_int_equal(raw(deep, sizeof(deep)), ERR_invalid);
	for (int i = 0; i < 20; i++) {
		random_bytes(noise, sizeof(noise));
		assert_int_equal(raw(noise, sizeof(noise)), ERR_invalid);
	}
	assert_int_equal(ask("hello").code, ERR_none);
}

/* Bytes that are not even nng's framing, straight into the socket. */
static void
test_a_stranger_to_nng_is_cut_off(void **state)
{
	cleanup_free char *path = xasprintf("%s/run/default/toolrunner.ipc", home);
	struct sockaddr_un { sa_family_t family; char path[108]; } sa = { .family = AF_UNIX };
	char noise[8192];
	int fd;

	snprintf(sa.path, sizeof(sa.path), "%s", path);
	for (int i = 0; i < 20; i++) {
		assert_int_not_equal(fd = socket(AF_UNIX, SOCK_STREAM, 0), -1);
		assert_int_equal(connect(fd, (struct sockaddr *)(void *)&sa, sizeof(sa)), 0);
		random_bytes(noise, sizeof(noise));
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
			while (read(fd, noise, sizeof(noise)) > 0)	/* ends when we are cut off */
				;
		close(fd);
	}
	assert_int_equal(ask("hello").code, ERR_none);
}

static void
test_an_oversize_message_ends_its_connection_only(void **state)
{
	cleanup_free char *url = xasprintf("ipc://%s/run/default/toolrunner.ipc", home);
	cleanup_free char *big = xcalloc(1, PROTO_MESSAGE_MAX + 1);
	struct result r = { 0 };
	nng_socket s;
	char *text;
	size_t n;

	ask_tool("hold", 0, LONG_MS, &r);
	assert_int_equal(nng_req0_open(&s), 0);
	assert_int_equal(nng_socket_set_ms(s, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), 0);
	assert_int_equal(nng_dial(s, url, NULL, 0), 0);
	assert_int_equal(nng_send(s, big, PROTO_MESSAGE_MAX + 1, 0), 0);
	assert_int_equal(nng_recv(s, &text, &n, NNG_FLAG_ALLOC), NNG_ECONNRESET);
	nng_close(s);
	ask("release");
	wait_for(&r);
	assert_int_equal(r.code, ERR_none);
}

static void
test_a_new_token_is_known_before_it_is_refused(void **state)
{
	tell(&tool, "accept default/engined " PATTERN_TOKEN "\n");
	assert_int_equal(raw_text(ENVELOPE, "tool.next", PATTERN_TOKEN), ERR_none);
	tell(&tool, "accept default/engined " TOKEN_TOOL "\n");
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_TOOL), ERR_none);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", PATTERN_TOKEN), ERR_denied);
}

/* ---- time, death, restart ------------------------------------------------------------------- */

static void
test_a_time_limit_ends_a_request_and_the_late_answer_is_dropped(void **state)
{
	struct result r = { 0 };

	ask_tool("hold", 0, 20, &r);
	wait_for(&r);
	assert_int_equal(r.code, ERR_timeout);
	assert_int_equal(ask("release").seq, 1);
	assert_int_equal(ask("hello").seq, 7);
}

/* Two requests of which the first to end cancels the other, whose answer may be on its way or here already. */
struct pair {
	struct request	*first, *second;
	int		 called;
};

static void
cancel_second(void *arg, const void *reply, const struct error *e)
{
	struct pair *p = arg;

	p->called++;
	request_cancel(p->second);
}

static void
cancel_first(void *arg, const void *reply, const struct error *e)
{
	struct pair *p = arg;

	p->called++;
	request_cancel(p->first);
}

static void
test_a_cancelled_request_calls_nobody(void **state)
{
	const struct tool_next m = { .key = "k" };
	struct pair p[200] = { 0 };
	struct result never = { 0 };
	struct error e = { 0 };

	request_cancel(ask_tool("hello", 0, LONG_MS, &never));
	for (int i = 0; i < 200; i++) {
		p[i].first = request_send(&me, "toolrunner", MSG_tool_next, &m, NULL, LONG_MS, cancel_second, &p[i], &e);
		p[i].second = request_send(&me, "toolrunner", MSG_tool_next, &m, NULL, LONG_MS, cancel_first, &p[i], &e);
		assert_true(p[i].first != NULL && p[i].second != NULL);
	}
	for (int i = 0; i < 200; i++)
		while (!p[i].called)
			event_base_loop(me.base, EVLOOP_ONCE);
	for (int i = 0; i < 20; i++)
		ask("hello");
	for (int i = 0; i < 200; i++)
		assert_int_equal(p[i].called, 1);
	assert_false(never.done);
}

/* Until the caller has seen that the connection is gone; what is sent before that is lost, and told of as such. */
static void
wait_disconnected(void)
{
	cleanup_free char *path = xasprintf("%s/run/default/toolrunner.ipc", home);
	struct bus_peer *p = bus_peer(me.bus, path, NULL);

	while (bus_peer_connected(p))
		event_base_loop(me.base, EVLOOP_ONCE);
}

static void
test_nobody_there_is_unavailable(void **state)
{
	struct result r = { 0 };

	unit_kill(&tool);
	wait_disconnected();
	ask_tool("hello", 0, 30, &r);
	wait_for(&r);
	assert_int_equal(r.code, ERR_unavailable);
	unit_start(&tool);
	assert_int_equal(ask("hello").code, ERR_none);
}

static void
test_death_of_the_callee_is_told_at_once(void **state)
{
	enum { N = 20 };
	struct result r[N] = { 0 };
	int64_t start, worst = 0;

	for (int i = 0; i < N; i++) {
		ask_tool("hold", 0, LONG_MS, &r[i]);
		ask("hello");			/* so the callee holds it */
		start = clock_mono_ns();
		kill(tool.pid, SIGKILL);
		wait_for(&r[i]);
		assert_int_equal(r[i].code, ERR_gone);
		worst = r[i].at_ns - start > worst ? r[i].at_ns - start : worst;
		unit_wait(&tool);
		unit_start(&tool);
	}
	print_message("told of the callee's death after at most %lld us\n", (long long)worst / 1000);
	assert_int_equal(ask("hello").code, ERR_none);
}

static void
test_a_restarting_callee_is_waited_for(void **state)
{
	struct result r = { 0 };

	unit_kill(&tool);
	wait_disconnected();
	ask_tool("hello", 5, LONG_MS, &r);
	event_base_loop(me.base, EVLOOP_NONBLOCK);
	unit_launch(&tool);
	wait_for(&r);
	unit_ready(&tool);
	assert_int_equal(r.code, ERR_none);
	assert_int_equal(r.seq, 5);
}

static void
test_a_request_is_not_sent_again_to_the_successor(void **state)
{
	struct result r = { 0 };

	ask_tool("die", 0, LONG_MS, &r);
	wait_for(&r);
	assert_int_equal(r.code, ERR_gone);
	assert_true(WIFEXITED(unit_wait(&tool)));
	wait_disconnected();
	unit_start(&tool);
	for (int i = 0; i < 20; i++)		/* it would have died again */
		assert_int_equal(ask("hello").code, ERR_none);
}

static void
test_a_stopped_callee_delays_nobody_else(void **state)
{
	enum { N = 1000 };
	struct result *stuck = xcalloc(N, sizeof(*stuck)), r;
	int status;

	kill(tool.pid, SIGSTOP);
	assert_int_equal(waitpid(tool.pid, &status, WUNTRACED), tool.pid);
	for (int i = 0; i < N; i++)		/* more than the socket takes */
		ask_tool("hello", i, LONG_MS, &stuck[i]);
	for (int i = 0; i < 100; i++) {
		r = (struct result){ 0 };
		push_event("x", &r);
		wait_for(&r);
		assert_int_equal(r.code, ERR_none);
	}
	for (int i = 0; i < N; i++)
		assert_false(stuck[i].done);
	kill(tool.pid, SIGCONT);
	for (int i = 0; i < N; i++) {
		wait_for(&stuck[i]);
		assert_int_equal(stuck[i].seq, i);
	}
	free(stuck);
}

static size_t
open_files(pid_t pid)
{
	cleanup_free char *dir = xasprintf("/proc/%d/fd", (int)pid);
	char name[64];
	size_t n = 0;

	for (int i = 0; i < 1024; i++) {
		snprintf(name, sizeof(name), "%s/%d", dir, i);
		n += access(name, F_OK) == 0;
	}
	return n;
}

static long
resident_kb(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/statm", (int)pid);
	long total = 0, rss = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &total, &rss), 2);
	fclose(f);
	return rss * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Held by the callee, given up by the caller, in waves; nothing of them may stay on either side. */
static void
abandon(int waves)
{
	enum { WAVE = 4000 };
	struct request **q = xcalloc(WAVE, sizeof(*q));
	struct result never = { 0 };

	while (waves-- > 0) {
		for (int i = 0; i < WAVE; i++)
			q[i] = ask_tool("hold", 0, LONG_MS, &never);
		for (int i = 0; i < WAVE; i++)
			request_cancel(q[i]);
		ask("release");
	}
	assert_false(never.done);
	free(q);
}

static void
test_a_hundred_thousand_abandoned_calls_leave_nothing(void **state)
{
	size_t files;
	long before, after;

	abandon(5);
	files = open_files(tool.pid) + open_files(getpid());
	before = resident_kb(tool.pid);
	abandon(25);
	assert_int_equal(ask("held").seq, 1);		/* the question itself */
	after = resident_kb(tool.pid);
	assert_int_equal(open_files(tool.pid) + open_files(getpid()), files);
	print_message("callee after 20000 abandoned calls %ld KB, after 120000 %ld KB\n", before, after);
}

/* ---- the end of a unit ---------------------------------------------------------------------- */

static void
test_a_unit_ends_on_sigterm_and_when_init_is_gone(void **state)
{
	int status;

	kill(tool.pid, SIGTERM);
	status = unit_wait(&tool);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	unit_start(&tool);
	shutdown(tool.fd, SHUT_RDWR);
	status = unit_wait(&tool);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	unit_start(&tool);
}

static void
count_call(void *arg, const char *text, size_t len, const struct error *e)
{
	++*(int *)arg;
}

/* It used to be told "gone", or an answer that had just come; what followed from that could no longer be done. */
static void
test_who_asks_is_told_nothing_any_more_when_the_bus_ends(void **state)
{
	cleanup_free char *path = xasprintf("%s/run/default/toolrunner.ipc", home);
	struct bus *b = bus_new(me.base, inbox_take, &me, NULL);
	struct bus_peer *p = bus_peer(b, path, NULL);
	int called = 0;

	for (int i = 0; i < 200; i++)
		assert_non_null(bus_ask(p, "{}", 2, count_call, &called, NULL));
	while (called == 0)
		event_base_loop(me.base, EVLOOP_ONCE);
	called = 0;
	bus_free(b);
	assert_int_equal(called, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_request_is_answered),
		TEST(test_a_body_of_512_bytes_goes_round),
		TEST(test_four_megabytes_go_round),
		TEST(test_requests_arrive_in_their_order),
		TEST(test_late_answers_come_in_any_order),
		TEST(test_a_burst_of_answers_arrives_whole),
		TEST(test_an_error_answer_keeps_code_and_text),
		TEST(test_an_answer_outside_its_limits_is_not_sent),
		TEST(test_what_has_no_channel_is_not_sent),
		TEST(test_a_body_outside_its_limits_is_not_sent),
		TEST(test_too_many_open_requests_are_busy),
		TEST(test_a_handler_that_needs_a_grant_gets_a_verified_one),
		TEST(test_a_wrong_token_is_denied),
		TEST(test_a_message_that_is_not_in_the_channel_is_denied),
		TEST(test_garbage_gets_an_error_and_the_inbox_goes_on),
		TEST(test_a_stranger_to_nng_is_cut_off),
		TEST(test_an_oversize_message_ends_its_connection_only),
		TEST(test_a_new_token_is_known_before_it_is_refused),
		TEST(test_a_time_limit_ends_a_request_and_the_late_answer_is_dropped),
		TEST(test_a_cancelled_request_calls_nobody),
		TEST(test_nobody_there_is_unavailable),
		TEST(test_death_of_the_callee_is_told_at_once),
		TEST(test_a_restarting_callee_is_waited_for),
		TEST(test_a_request_is_not_sent_again_to_the_successor),
		TEST(test_a_stopped_callee_delays_nobody_else),
		TEST(test_a_hundred_thousand_abandoned_calls_leave_nothing),
		TEST(test_a_unit_ends_on_sigterm_and_when_init_is_gone),
		TEST(test_who_asks_is_told_nothing_any_more_when_the_bus_ends),
	};

	if (argc == 3 && strcmp(argv[1], "--unit") == 0)
		return unit_main(argv[2]);
	return cmocka_run_group_tests(tests, start_all, stop_all);
}
