/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the process set and the table of a unit's life. */
#include "tests/check.h"

#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "init/init.h"

static struct unit
unit(const char *profile, enum daemon daemon)
{
	static char names[8][64];
	static int n;
	char *name = names[n++ % 8];

	snprintf(name, sizeof(names[0]), "%s/%s", profile, unit_kinds[daemon].daemon);
	return (struct unit){ .daemon = daemon, .state = STOPPED, .boot.fd = -1, .tail.pipe.fd = -1,
		.profile = (char *)(uintptr_t)profile, .name = name };
}

static void
test_every_state_has_an_action_for_every_event(void **state)
{
	for (int s = 0; s < STATES; s++) {
		assert_non_null(state_names[s]);
		for (int e = 0; e < EVENTS; e++)
			assert_non_null(unit_actions[s][e]);
	}
}

static void
test_the_table_names_every_daemon_of_the_channel_table(void **state)
{
#define DAEMON(name, its) \
	assert_string_equal(unit_kinds[D_##name].daemon, #name); \
	assert_int_equal(unit_kinds[D_##name].scope, its);
#include "proto/channels.def"
}

/* How many daemons get a secret by its name. */
static int
count_of(const char *secret)
{
	int n = 0;

	for (int d = 0; d < DAEMONS; d++)
		for (const char *const *name = unit_kinds[d].secrets; name != NULL && *name != NULL; name++)
			n += strcmp(*name, secret) == 0;
	return n;
}

static void
test_a_secret_goes_to_one_daemon_alone(void **state)
{
	for (int d = 0; d < DAEMONS; d++) {
		const char *const *name = unit_kinds[d].secrets;

		assert_true((name != NULL) == (d == D_engined || d == D_gatewayd));
		for (; name != NULL && *name != NULL; name++)
			assert_int_equal(count_of(*name), 1);
	}
	assert_int_equal(count_of("OPENAI_API_KEY") + count_of("TELEGRAM_BOT_TOKEN"), 2);
	assert_string_equal(unit_kinds[D_gatewayd].secrets[0], "TELEGRAM_BOT_TOKEN");
}

static void
test_channels_follow_the_table_within_a_profile(void **state)
{
	struct unit host = unit("default", D_hostd), engine = unit("default", D_engined), tools = unit("default", D_toolrunner);
	struct unit work = unit("work", D_engined), work_tools = unit("work", D_toolrunner);

	assert_int_equal(unit_relation(&engine, &tools), CALLS | AFTER);
	assert_int_equal(unit_relation(&tools, &engine), 0);
	assert_int_equal(unit_relation(&host, &engine), CALLS | AFTER);
	assert_int_equal(unit_relation(&host, &work), CALLS | AFTER);
	assert_int_equal(unit_relation(&work, &host), CALLS);
	assert_int_equal(unit_relation(&host, &work_tools), MINTS);
	assert_int_equal(unit_relation(&work_tools, &host), 0);
	assert_int_equal(unit_relation(&engine, &work), 0);
	assert_int_equal(unit_relation(&engine, &work_tools), 0);
	assert_int_equal(unit_relation(&engine, &engine), 0);
}

static void
test_the_first_crash_of_a_ready_unit_has_no_delay(void **state)
{
	struct unit u = { .began = 1000, .ready = 1010, .deaths = { 100000 } };

	assert_int_equal(backoff_ms(&u, 100000, 255), 0);
}

static void
test_a_second_at_least_lies_between_two_starts(void **state)
{
	struct unit u = { .began = 100000, .ready = 100010, .deaths = { 100300 } };

	assert_int_equal(backoff_ms(&u, 100300, 0), 700);
}

static void
test_backoff_doubles_to_its_ceiling(void **state)
{
	struct unit u = { .began = 99990 };

	for (int n = 0; n < DEATHS_MAX; n++) {
		for (int i = 0; i <= n; i++)
			u.deaths[i] = 100000 - i;
		assert_int_equal(backoff_ms(&u, 100000, 0), 1000 << n);
		assert_in_range(backoff_ms(&u, 100000, 255), 1000 << n, (1250 << n));
	}
}

static void
test_one_that_was_steady_starts_again_at_once(void **state)
{
	struct unit u = { .began = 80000, .ready = 80100, .deaths = { 100000, 79000, 78000 } };

	assert_int_equal(backoff_ms(&u, 100000, 255), 0);
	u.ready = 99000;
	assert_int_equal(backoff_ms(&u, 100000, 0), 4000);
}

static void
test_deaths_long_ago_do_not_count(void **state)
{
	struct unit u = { .began = 199000, .deaths = { 200000, 100000, 99000 } };

	assert_int_equal(backoff_ms(&u, 200000, 0), 1000);
}

static void
test_five_deaths_in_a_minute_fail_a_unit_and_a_start_forgives(void **state)
{
	struct unit u = unit("default", D_engined);

	for (int n = 1; n < DEATHS_MAX; n++) {
		u.state = READY;
		unit_actions[READY][EV_EXIT](&u);
		assert_int_equal(u.state, BACKOFF);
		assert_true(u.due > 0);
	}
	u.state = STARTING;
	unit_actions[STARTING][EV_EXIT](&u);
	assert_int_equal(u.state, FAILED);
	assert_int_equal(u.due, 0);
	unit_actions[FAILED][EV_STOP](&u);
	assert_int_equal(u.state, STOPPED);
}

static void
test_a_start_of_one_that_runs_forgives_its_deaths(void **state)
{
	struct unit u = unit("default", D_engined);

	for (u.state = STARTING; u.state <= READY; u.state++) {
		u.deaths[0] = 1;
		unit_start(&u);
		assert_int_equal(u.deaths[0], 0);
		assert_int_equal(u.pid, 0);
	}
}

static void
test_readiness_and_a_stop_before_the_start(void **state)
{
	struct unit u = unit("default", D_engined);

	u.state = STARTING;
	u.due = 5;
	unit_actions[STARTING][EV_READY](&u);
	assert_int_equal(u.state, READY);
	assert_int_equal(u.due, 0);
	u.state = BACKOFF;
	unit_actions[BACKOFF][EV_STOP](&u);
	assert_int_equal(u.state, STOPPED);
	u.state = STOPPING;
	unit_actions[STOPPING][EV_EXIT](&u);
	assert_int_equal(u.state, STOPPED);
}

static void
test_a_stop_waits_for_those_that_stop_first(void **state)
{
	struct unit host = unit("default", D_hostd), engine = unit("default", D_engined), work = unit("work", D_engined);

	host.state = STOPPING;
	engine.state = work.state = BACKOFF;
	host.next = &engine;
	engine.next = &work;
	units = &host;
	unit_stop(&engine);
	unit_stop(&work);
	supervise_round();
	assert_int_equal(engine.state, BACKOFF);
	assert_int_equal(work.state, BACKOFF);
	host.state = STOPPED;
	supervise_round();
	assert_int_equal(engine.state, STOPPED);
	assert_int_equal(work.state, STOPPED);
	units = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_state_has_an_action_for_every_event),
		TEST(test_the_table_names_every_daemon_of_the_channel_table),
		TEST(test_a_secret_goes_to_one_daemon_alone),
		TEST(test_channels_follow_the_table_within_a_profile),
		TEST(test_the_first_crash_of_a_ready_unit_has_no_delay),
		TEST(test_a_second_at_least_lies_between_two_starts),
		TEST(test_backoff_doubles_to_its_ceiling),
		TEST(test_one_that_was_steady_starts_again_at_once),
		TEST(test_deaths_long_ago_do_not_count),
		TEST(test_five_deaths_in_a_minute_fail_a_unit_and_a_start_forgives),
		TEST(test_a_start_of_one_that_runs_forgives_its_deaths),
		TEST(test_readiness_and_a_stop_before_the_start),
		TEST(test_a_stop_waits_for_those_that_stop_first),
	};
	return RUN(tests);
}
