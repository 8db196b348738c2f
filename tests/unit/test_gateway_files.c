/* SPDX-License-Identifier: Apache-2.0 */
/* The small files beside the inbox: which conversation a chat is in, and how a platform fared. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/breaker.h"
#include "gatewayd/said.h"
#include "gatewayd/stuck.h"
#include "gatewayd/threads.h"

#define MAP_MAX		(4 * 1024 * 1024)

static char *home;

static int
start(void **state)
{
	cleanup_free char *dir = NULL;

	home = temp_home();
	dir = path_join(home, "gateway/sessions");
	return make_dirs(dir, 0700, NULL);
}

static int
stop(void **state)
{
	free(home);
	clock_fake(-1, -1);
	return 0;
}

/* ---- conversations ------------------------------------------------------------------------------------- */

static struct threads *
open_threads(void)
{
	struct error e = { 0 };
	struct threads *t = threads_open(home, &e);

	if (t == NULL)
		fail_msg("%s", e.text);
	return t;
}

/* As many chats as fit, all in the session s0. */
static void
fill_map(void)
{
	cleanup_free char *path = path_join(home, "gateway/sessions/_map.json");
	cleanup_buf struct buf b = BUF(0);

	buf_puts(&b, "{\"first\":\"s0\"");
	for (int i = 0; b.len < MAP_MAX - 200; i++)
		buf_addf(&b, ",\"chat %0100d\":\"s0\"", i);
	buf_puts(&b, ",\"last\":\"s0\"}");
	assert_int_equal(atomic_write(path, b.data, b.len, 0600, NULL), 0);
}

static void
test_a_map_of_too_many_chats_loses_the_oldest_alone(void **state)
{
	cleanup_free char *damaged = path_join(home, "gateway/sessions/_map.json.damaged");
	struct threads *t;
	char chat[200];

	fill_map();
	t = open_threads();
	assert_string_equal(threads_find(t, "first"), "s0");
	for (int i = 0; i < 5; i++) {
		snprintf(chat, sizeof(chat), "new %0150d", i);
		assert_int_equal(threads_set(t, chat, "s1", NULL), 0);
	}
	threads_free(t);
	t = open_threads();
	assert_int_equal(access(damaged, F_OK), -1);
	assert_null(threads_find(t, "first"));
	assert_string_equal(threads_find(t, "last"), "s0");
	assert_string_equal(threads_find(t, chat), "s1");
	threads_free(t);
}

static void
test_a_chat_of_the_webhook_is_none_of_another_platform(void **state)
{
	cleanup_free char *hook = threads_key("webhook", "11"), *bot = threads_key("telegram", "11");
	cleanup_free char *mail = threads_key("imap", "ann@example.org"), *gmail = threads_key("gmail", "ann@example.org");

	assert_string_equal(hook, "webhook:11");
	assert_string_equal(bot, "11");
	assert_string_equal(mail, gmail);
}

/* ---- how a platform fared -------------------------------------------------------------------------------- */

static int64_t
kept(const char *name)
{
	cleanup_free char *path = path_join(home, "gateway/.breaker-state.json");
	cleanup_json json_t *all = json_load(path, 65536, 6, NULL);

	return json_int(json_at(all, "platforms.telegram"), name, -1);
}

static void
test_a_failure_does_not_forget_the_last_success(void **state)
{
	struct breaker *b;

	clock_fake(1000000000, -1);
	b = breaker_open(home, "telegram");
	breaker_ok(b);
	assert_int_equal(kept("last_success_at"), 1000000);
	clock_fake(1000060000, -1);
	breaker_ok(b);
	clock_fake(1000070000, -1);
	breaker_failed(b, "away", 5000);
	assert_int_equal(kept("last_success_at"), 1000060);
	breaker_free(b);
	b = breaker_open(home, "telegram");
	breaker_failed(b, "still away", 5000);
	assert_int_equal(kept("last_success_at"), 1000060);
	breaker_free(b);
}

static void
test_what_works_is_noted_now_and_then(void **state)
{
	struct breaker *b;

	clock_fake(1000000000, -1);
	b = breaker_open(home, "telegram");
	breaker_ok(b);
	clock_fake(1000060000, -1);
	breaker_ok(b);
	assert_int_equal(kept("last_success_at"), 1000000);
	clock_fake(1000900000, -1);
	breaker_ok(b);
	assert_int_equal(kept("last_success_at"), 1000900);
	breaker_free(b);
}

/* ---- what the log is told of it -------------------------------------------------------------------------- */

static void
test_a_failure_that_lasts_is_summed_up_every_five_minutes(void **state)
{
	struct said s = { 0 };
	int64_t now = 1000;

	assert_int_equal(said_failure(&s, 501, now), 1);
	for (int i = 0; i < 59; i++)
		assert_int_equal(said_failure(&s, 501, now += 5000), 0);
	assert_int_equal(said_failure(&s, 501, now += 5000), 60);
	assert_int_equal(said_failure(&s, 501, now += 5000), 0);
	assert_int_equal(said_failure(&s, 402, now += 5000), 2);
	assert_int_equal(said_failure(&s, 402, now + SAID_SUMMARY_MS), 1);
}

static void
test_a_mail_is_passed_after_so_many_tries_in_a_row(void **state)
{
	struct stuck s = { .tries = 0 };

	assert_false(stuck_failed(&s, "7", 3));
	assert_false(stuck_failed(&s, "7", 3));
	assert_false(stuck_failed(&s, "8", 3));
	assert_false(stuck_failed(&s, "8", 3));
	assert_true(stuck_failed(&s, "8", 3));
	assert_false(stuck_failed(&s, "8", 3));
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(test_a_map_of_too_many_chats_loses_the_oldest_alone),
		CASE(test_a_chat_of_the_webhook_is_none_of_another_platform),
		CASE(test_a_failure_does_not_forget_the_last_success),
		TEST(test_a_failure_that_lasts_is_summed_up_every_five_minutes),
		TEST(test_a_mail_is_passed_after_so_many_tries_in_a_row),
		CASE(test_what_works_is_noted_now_and_then),
	};

	return RUN(tests);
}
