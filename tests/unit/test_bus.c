/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers over the bus, and its end. */
#include "tests/unit/bus_fixture.h"

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
	struct bus *b = bus_new(me.base, inbox_take, &me);
	struct bus_peer *p = bus_peer(b, path);
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
		TEST(test_a_unit_ends_on_sigterm_and_when_init_is_gone),
		TEST(test_who_asks_is_told_nothing_any_more_when_the_bus_ends),
	};

	return RUN_BUS(argc, argv, tests);
}
