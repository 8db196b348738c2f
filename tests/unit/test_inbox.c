/* SPDX-License-Identifier: Apache-2.0 */
/* What the inbox keeps: each message once, in order, one step at a time, over any kill. */
#include "tests/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/inbox.h"
#include "gatewayd/removed.h"

static char *home;
static struct inbox *in;

static void
open_it(void)
{
	struct error e = { 0 };

	if ((in = inbox_open(home, &e)) == NULL)
		fail_msg("%s", e.text);
}

static void
reopen(void)
{
	inbox_close(in);
	open_it();
}

static int
start(void **state)
{
	cleanup_free char *dir = NULL;

	home = temp_home();
	dir = path_join(home, "gateway");
	mkdir(dir, 0700);
	open_it();
	return 0;
}

static int
stop(void **state)
{
	inbox_close(in);
	free(home);
	clock_fake(-1, -1);
	return 0;
}

static int
add_to(const char *account, int64_t update, const char *chat, const char *text)
{
	char ref[24];

	snprintf(ref, sizeof(ref), "%lld", (long long)update);
	return inbox_add(in, "telegram", account, &(struct arrival){ .ref = ref, .chat = chat, .sender = "7", .text = text },
	    strcmp(text, "/stop") == 0, NULL);
}

static int
add(int64_t update, const char *chat, const char *text)
{
	return add_to("42", update, chat, text);
}

/* The head behind a row's id; its update's number is the end of its key. */
static struct row
head(int64_t after)
{
	struct row r = { 0 };

	assert_int_not_equal(inbox_next_head(in, after, &r, NULL), -1);
	return r;
}

static void
finish(struct row *r)
{
	if (r->state == ROW_received)
		assert_int_equal(inbox_running(in, r, "s1", NULL), 0);
	if (r->state == ROW_running)
		assert_int_equal(inbox_reply(in, r, "answer", NULL, NULL, NULL), 0);
	assert_int_equal(inbox_sent(in, r, NULL), 0);
	row_clear(r);
}

static void
test_a_message_is_taken_once(void **state)
{
	assert_int_equal(add(5, "11", "a"), 1);
	assert_int_equal(add(5, "11", "a"), 0);
	assert_int_equal(add_to("43", 5, "11", "another bot"), 1);
	reopen();
	assert_int_equal(add(5, "11", "a"), 0);
	assert_int_equal(inbox_open_rows(in), 2);
}

static void
test_one_that_was_sent_is_still_known(void **state)
{
	struct row r;

	add(5, "11", "secret");
	r = head(0);
	finish(&r);
	reopen();
	assert_int_equal(add(5, "11", "secret"), 0);
	assert_int_equal(inbox_open_rows(in), 0);
}

static void
test_one_that_was_sent_is_forgotten_after_a_week(void **state)
{
	struct row r;

	add(5, "11", "a");
	r = head(0);
	finish(&r);
	clock_fake(clock_wall_ms() + (INBOX_KEEP_S + 10) * 1000LL, -1);
	reopen();
	assert_int_equal(add(5, "11", "a"), 1);
}

static void
test_each_chat_shows_its_oldest(void **state)
{
	struct row r, next;

	add(5, "11", "first of 11");
	add(6, "11", "second of 11");
	add(7, "22", "first of 22");
	r = head(0);
	assert_string_equal(r.text, "first of 11");
	assert_string_equal(r.key, "telegram:42:5");
	next = head(r.id);
	assert_string_equal(next.text, "first of 22");
	row_clear(&next);
	finish(&r);
	r = head(0);
	assert_string_equal(r.text, "second of 11");
	next = head(r.id);
	assert_string_equal(next.text, "first of 22");
	finish(&next);
	finish(&r);
	assert_int_equal(inbox_next_head(in, 0, &r, NULL), 0);
}

static void
test_a_row_goes_one_step_at_a_time(void **state)
{
	struct row r, late;
	struct error e = { 0 };

	add(5, "11", "a");
	r = head(0);
	late = head(0);
	assert_int_equal(inbox_sent(in, &r, &e), -1);
	assert_int_equal(e.code, ERR_conflict);
	assert_int_equal(inbox_part(in, &r, NULL), -1);
	assert_int_equal(inbox_running(in, &r, "s1", NULL), 0);
	assert_int_equal(inbox_running(in, &late, "s2", NULL), -1);
	assert_int_equal(inbox_reply(in, &r, "one", NULL, NULL, NULL), 0);
	assert_int_equal(inbox_reply(in, &late, "two", NULL, NULL, NULL), -1);
	assert_int_equal(inbox_part(in, &r, NULL), 0);
	row_clear(&late);
	reopen();
	late = head(0);
	assert_int_equal(late.state, ROW_reply);
	assert_string_equal(late.session, "s1");
	assert_string_equal(late.reply, "one");
	assert_int_equal(late.parts, 1);
	finish(&late);
	row_clear(&r);
}

static void
assert_mark(const char *account, const char *mark)
{
	cleanup_free char *is = inbox_mark(in, "telegram", account);

	if (mark == NULL)
		assert_null(is);
	else
		assert_string_equal(is, mark);
}

static void
test_a_mark_moves_with_its_messages_or_not_at_all(void **state)
{
	assert_mark("42", NULL);
	assert_int_equal(inbox_begin(in, NULL), 0);
	add(5, "11", "a");
	inbox_ignore(in, "telegram", NULL);
	inbox_set_mark(in, "telegram", "42", "6", NULL);
	inbox_rollback(in);
	assert_int_equal(inbox_open_rows(in), 0);
	assert_mark("42", NULL);
	assert_int_equal(inbox_begin(in, NULL), 0);
	add(5, "11", "a");
	inbox_ignore(in, "telegram", NULL);
	inbox_ignore(in, "telegram", NULL);
	inbox_set_mark(in, "telegram", "42", "6", NULL);
	assert_int_equal(inbox_commit(in, NULL), 0);
	reopen();
	assert_int_equal(inbox_open_rows(in), 1);
	assert_int_equal(inbox_ignored(in, "telegram"), 2);
	assert_mark("42", "6");
	assert_mark("43", NULL);
}

/* A platform's names are its own: not numbers, and as long as they like. */
static void
test_a_name_of_any_kind_is_one_message_and_one_key(void **state)
{
	static const char *const names[] = { "190e12", "190E12", "0042", "42", "$event:host", NULL };
	cleanup_free char *first = NULL;
	char long_name[300] = { 0 };
	struct row r;

	for (size_t i = 0; names[i] != NULL; i++)
		assert_int_equal(inbox_add(in, "gmail", "me@host", &(struct arrival){ .ref = names[i], .chat = "a", .sender = "a",
		    .text = "x", .meta = "{}", .files = "[]" }, false, NULL), 1);
	r = head(0);
	assert_string_equal(r.key, "gmail:me@host:190e12");
	assert_string_equal(r.meta, "{}");
	assert_string_equal(r.files, "[]");
	row_clear(&r);
	memset(long_name, '$', sizeof(long_name) - 1);
	for (char c = 'a'; c <= 'b'; c++) {
		long_name[250] = c;
		assert_int_equal(inbox_add(in, "matrix", "@me:host", &(struct arrival){ .ref = long_name, .chat = (char[]){ c, 0 },
		    .sender = "a", .text = "x" }, false, NULL), 1);
	}
	r = head(1);
	assert_true(strlen(r.key) <= 128);
	first = xstrdup(r.key);
	row_clear(&r);
	r = head(6);
	assert_true(strlen(r.key) <= 128);
	assert_string_not_equal(r.key, first);
	row_clear(&r);
}

static void
test_stop_is_for_what_came_before_it_in_its_chat(void **state)
{
	struct row before, other, stopper;

	add(5, "11", "a");
	add(6, "22", "b");
	add(7, "11", "/stop");
	before = head(0);
	other = head(before.id);
	assert_int_equal(inbox_is_stopped(in, &before), 1);
	assert_int_equal(inbox_is_stopped(in, &other), 0);
	finish(&before);
	stopper = head(other.id);
	assert_string_equal(stopper.text, "/stop");
	assert_int_equal(inbox_is_stopped(in, &stopper), 0);
	finish(&stopper);
	finish(&other);
}

static void
test_what_was_spent_is_added_up_by_session(void **state)
{
	struct spent s = { .tokens_in = 10, .tokens_out = 2, .cost = 0.5 };
	cleanup_free char *last = NULL;
	struct row r;

	assert_null(inbox_last_session(in, "telegram", "11"));
	for (int i = 0; i < 2; i++) {
		add(5 + i, "11", "a");
		r = head(0);
		inbox_running(in, &r, "s1", NULL);
		assert_int_equal(inbox_reply(in, &r, "x", NULL, &s, NULL), 0);
		finish(&r);
	}
	inbox_spent(in, "s1", &s);
	assert_int_equal(s.turns, 2);
	assert_int_equal(s.tokens_in, 20);
	assert_int_equal(s.tokens_out, 4);
	assert_true(s.cost > 0.99 && s.cost < 1.01);
	last = inbox_last_session(in, "telegram", "11");
	assert_string_equal(last, "s1");
	inbox_spent(in, "s2", &s);
	assert_int_equal(s.turns, 0);
}

/* One process's life: bring what is missing, move each head a step, say each step, until it is killed. */
static void
live(int out)
{
	struct row r = { 0 };
	char c, next[24];
	char *mark;

	open_it();
	mark = inbox_mark(in, "telegram", "42");
	for (int64_t i = mark == NULL ? 0 : atoi(mark);; i++) {
		if (i < 40) {
			inbox_begin(in, NULL);
			add(i, i % 3 == 0 ? "11" : "22", "m");
			snprintf(next, sizeof(next), "%lld", (long long)i + 1);
			inbox_set_mark(in, "telegram", "42", next, NULL);
			inbox_commit(in, NULL);
		} else if (inbox_open_rows(in) == 0) {
			_exit(0);
		}
		for (int64_t after = 0; inbox_next_head(in, after, &r, NULL) == 1; row_clear(&r)) {
			after = r.id;
			if (r.state == ROW_received)
				inbox_running(in, &r, "s1", NULL);
			else if (r.state == ROW_running)
				inbox_reply(in, &r, "x", NULL, NULL, NULL);
			else {
				c = (char)atoi(strrchr(r.key, ':') + 1);
				if (write(out, &c, 1) != 1)
					_exit(1);
				inbox_sent(in, &r, NULL);
			}
		}
	}
}

static void
test_no_kill_loses_or_turns_round_a_message(void **state)
{
	int pipes[2], status = -1, seen[40] = { 0 }, last[2] = { -1, -1 }, twice = 0, kills = 0;
	char c;

	inbox_close(steal(in));
	assert_int_equal(pipe(pipes), 0);
	for (useconds_t us = 3000; status != 0; us = us * 5 / 4 + 1700) {
		pid_t pid = fork();

		if (pid == 0)
			live(pipes[1]);
		usleep(us);			/* where the kill falls */
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		kills += status != 0;
	}
	close(pipes[1]);
	while (read(pipes[0], &c, 1) == 1) {
		int chat = c % 3 == 0;

		twice += seen[(int)c]++ > 0;
		assert_true(c >= last[chat]);
		last[chat] = c;
	}
	close(pipes[0]);
	for (int i = 0; i < 40; i++)
		assert_in_range(seen[i], 1, kills + 1);
	print_message("%d kills, %d sent twice\n", kills, twice);
	assert_true(kills > 0);
	open_it();
}

static void
test_a_platform_that_was_removed_begins_anew(void **state)
{
	struct row r;
	cleanup_free char *path = path_join(home, "gateway/.removed-telegram"), *other = NULL, *mark = NULL;

	inbox_set_mark(in, "telegram", "42", "1000", NULL);
	inbox_set_mark(in, "imap", "a@b", "7", NULL);
	add(5, "11", "waits");
	add(6, "22", "was sent");
	r = head(1);
	assert_string_equal(r.text, "was sent");
	finish(&r);
	fclose(fopen(path, "w"));
	assert_int_equal(removed_forget(home, in, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_null(mark = inbox_mark(in, "telegram", "42"));
	assert_non_null(other = inbox_mark(in, "imap", "a@b"));
	assert_int_equal(inbox_open_rows(in), 0);
	assert_int_equal(add(6, "22", "was sent"), 0);
	inbox_set_mark(in, "telegram", "42", "1001", NULL);
	assert_int_equal(removed_forget(home, in, NULL), 0);
	assert_non_null(mark = inbox_mark(in, "telegram", "42"));
}

static void
test_another_account_waits_for_nobody(void **state)
{
	struct row r, next;

	add_to("42", 5, "11", "of the old bot");
	add_to("43", 6, "11", "of the new one");
	r = head(0);
	assert_string_equal(r.account, "42");
	next = head(r.id);
	assert_string_equal(next.account, "43");
	add_to("43", 7, "11", "/stop");
	assert_false(inbox_is_stopped(in, &r));
	assert_true(inbox_is_stopped(in, &next));
	row_clear(&r);
	row_clear(&next);
}

static void
test_what_was_written_is_kept_until_it_is_answered(void **state)
{
	struct row r;

	assert_int_equal(inbox_add(in, "imap", "a@b", &(struct arrival){ .ref = "1/2", .chat = "c@d", .sender = "c@d", .text = "Subject: x\n@bob hi",
	    .mention = "@bob hi" }, false, NULL), 1);
	reopen();
	r = head(0);
	assert_string_equal(r.mention, "@bob hi");
	finish(&r);
}

static void
test_what_was_spent_long_ago_goes_without_a_restart(void **state)
{
	struct spent s = { 1, 2, 3, 0.5 }, now;
	struct row r;

	add(5, "11", "a");
	r = head(0);
	assert_int_equal(inbox_running(in, &r, "s1", NULL), 0);
	assert_int_equal(inbox_reply(in, &r, "answer", NULL, &s, NULL), 0);
	finish(&r);
	clock_fake(clock_wall_ms() + (INBOX_SPENT_S - 100) * 1000LL, -1);
	assert_int_equal(inbox_sweep(in, NULL), 0);
	inbox_spent(in, "s1", &now);
	assert_int_equal(now.turns, 1);
	assert_int_equal(add(5, "11", "a"), 1);
	clock_fake(clock_wall_ms() + 200 * 1000LL, -1);
	assert_int_equal(inbox_sweep(in, NULL), 0);
	inbox_spent(in, "s1", &now);
	assert_int_equal(now.turns, 0);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(test_a_message_is_taken_once),
		CASE(test_one_that_was_sent_is_still_known),
		CASE(test_one_that_was_sent_is_forgotten_after_a_week),
		CASE(test_each_chat_shows_its_oldest),
		CASE(test_a_row_goes_one_step_at_a_time),
		CASE(test_a_mark_moves_with_its_messages_or_not_at_all),
		CASE(test_a_name_of_any_kind_is_one_message_and_one_key),
		CASE(test_stop_is_for_what_came_before_it_in_its_chat),
		CASE(test_what_was_spent_is_added_up_by_session),
		CASE(test_a_platform_that_was_removed_begins_anew),
		CASE(test_another_account_waits_for_nobody),
		CASE(test_what_was_written_is_kept_until_it_is_answered),
		CASE(test_what_was_spent_long_ago_goes_without_a_restart),
		CASE(test_no_kill_loses_or_turns_round_a_message),
	};

	return RUN(tests);
}
