/* SPDX-License-Identifier: Apache-2.0 */
/* The asking side: what is not sent at all, and what becomes of a question when time, death or a restart comes between. */
#include "tests/unit/bus_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/un.h>

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
	struct bus_peer *p = bus_peer(me.bus, path);

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
	enum { N = 20, HOUR_MS = 3600 * 1000 };		/* no time-out can be what ends such a request */
	struct result r[N] = { 0 };
	int64_t start, worst = 0;

	for (int i = 0; i < N; i++) {
		ask_tool("hold", 0, HOUR_MS, &r[i]);
		ask("hello");			/* so the callee holds it */
		assert_false(r[i].done);
		start = clock_mono_ns();
		kill(tool.pid, SIGKILL);
		wait_for(&r[i]);
		assert_int_equal(r[i].code, ERR_gone);
		assert_true(r[i].at_ns >= start);	/* by the death and by nothing before it */
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

/* Questions arrive at every moment of its end; it ends all the same, and each is answered or reported. */
static void
test_a_callee_ends_while_it_is_asked(void **state)
{
	enum { ROUNDS = 30, N = 200 };
	struct result r[N];

	for (int i = 0; i < ROUNDS; i++) {
		memset(r, 0, sizeof(r));
		for (int k = 0; k < N; k++) {
			ask_tool("hello", 0, LONG_MS, &r[k]);
			if (k == i)
				assert_int_equal(kill(tool.pid, SIGTERM), 0);
			event_base_loop(me.base, EVLOOP_NONBLOCK);
		}
		assert_true(WIFEXITED(unit_wait(&tool)));
		wait_disconnected();
		unit_start(&tool);
		for (int k = 0; k < N; k++)
			wait_for(&r[k]);
	}
	assert_int_equal(ask("hello").code, ERR_none);
}

/* One that accepts and dies before a word is said, again and again. */
struct cutter {
	pthread_t	 thread;
	int		 fd;
	atomic_int	 cut, end;
};

static void *
cut(void *arg)
{
	struct cutter *c = arg;
	int fd;

	while (!atomic_load(&c->end))
		if ((fd = accept(c->fd, NULL, NULL)) != -1) {
			close(fd);
			atomic_fetch_add(&c->cut, 1);
		}
	return NULL;
}

static void
cutter_start(struct cutter *c)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/run/default/toolrunner.ipc", home);
	unlink(sa.sun_path);
	assert_int_not_equal(c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), -1);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(c->fd, 16), 0);
	assert_int_equal(pthread_create(&c->thread, NULL, cut, c), 0);
}

static void
test_a_callee_that_dies_while_we_connect_is_looked_for_again(void **state)
{
	enum { DEATHS = 60 };
	struct cutter c = { 0 };
	int seen = 0;

	unit_kill(&tool);
	wait_disconnected();
	cutter_start(&c);
	while (seen < DEATHS) {
		int before = atomic_load(&c.cut);

		assert_int_equal(ask("hello").code, ERR_unavailable);
		seen = atomic_load(&c.cut);
		assert_in_range(seen - before, 1, 100000);
	}
	atomic_store(&c.end, 1);
	pthread_join(c.thread, NULL);
	close(c.fd);
	unit_start(&tool);
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
		assert_int_equal(ask("held").seq, WAVE + 1);	/* all have arrived, before they are given up */
		for (int i = 0; i < WAVE; i++)
			request_cancel(q[i]);
		ask("release");
	}
	assert_false(never.done);
	free(q);
}

/* Pages come and go by the allocator's will; the smallest thing that can be kept of each call is well above this. */
#define SLACK_KB	1024

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_FREED	1		/* for a while: memory says nothing */
#else
#define KEEPS_FREED	0
#endif

static void
test_a_hundred_thousand_abandoned_calls_leave_nothing(void **state)
{
	size_t files;
	long callee, caller, after;

	abandon(3);
	files = open_files(tool.pid) + open_files(getpid());
	callee = resident_kb(tool.pid);
	caller = resident_kb(getpid());
	abandon(25);
	assert_int_equal(ask("held").seq, 1);		/* the question itself */
	assert_int_equal(open_files(tool.pid) + open_files(getpid()), files);
	after = resident_kb(tool.pid);
	print_message("callee after 12000 abandoned calls %ld KB, after 112000 %ld KB\n", callee, after);
	if (KEEPS_FREED)
		return;
	assert_in_range(after, 0, callee + SLACK_KB);
	assert_in_range(resident_kb(getpid()), 0, caller + SLACK_KB);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_has_no_channel_is_not_sent),
		TEST(test_a_body_outside_its_limits_is_not_sent),
		TEST(test_too_many_open_requests_are_busy),
		TEST(test_a_time_limit_ends_a_request_and_the_late_answer_is_dropped),
		TEST(test_a_cancelled_request_calls_nobody),
		TEST(test_nobody_there_is_unavailable),
		TEST(test_death_of_the_callee_is_told_at_once),
		TEST(test_a_restarting_callee_is_waited_for),
		TEST(test_a_request_is_not_sent_again_to_the_successor),
		TEST(test_a_callee_ends_while_it_is_asked),
		TEST(test_a_callee_that_dies_while_we_connect_is_looked_for_again),
		TEST(test_a_stopped_callee_delays_nobody_else),
		TEST(test_a_hundred_thousand_abandoned_calls_leave_nothing),
	};

	return RUN_BUS(argc, argv, tests);
}
