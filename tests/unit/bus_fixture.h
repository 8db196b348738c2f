/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus between real processes: bus, call, dispatch and daemon together.
 * The program that includes this is the caller, default/engined, and plays
 * init; run with a daemon's name it is the callee, booted through daemon_boot
 * as any unit. Inline is what not every test of it needs.
 */
#ifndef ALPI_TEST_BUS_FIXTURE_H
#define ALPI_TEST_BUS_FIXTURE_H

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
	char *argv[] = { "test", "--unit", (char *)u->name, NULL };
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
	me.bus = bus_new(me.base, inbox_take, &me);
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

static inline void
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

static inline void
push_event(const char *text, struct result *r)
{
	json_t *data = json_string(text);
	struct error e = { 0 };

	assert_non_null(request_send(&me, "hostd", MSG_event_push, &(struct event_push){ .kind = "k", .data = data },
	    NULL, LONG_MS, on_push, r, &e));
	json_decref(data);
}

/* ---- the two programs ------------------------------------------------------------------------- */

/* main of a test: the callee when we are started as one. */
#define RUN_BUS(argc, argv, tests) \
	((argc) == 3 && strcmp((argv)[1], "--unit") == 0 ? unit_main((argv)[2]) : cmocka_run_group_tests(tests, start_all, stop_all))

#endif
