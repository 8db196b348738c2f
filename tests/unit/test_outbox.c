/* SPDX-License-Identifier: Apache-2.0 */
/* What is on disk before a message leaves: its row, once for each key, and its file, whole. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/inbox.h"
#include "gatewayd/outbox.h"
#include "gatewayd/outfile.h"
#include "gatewayd/telegram.h"

static char *home;
static struct inbox *in;

static struct db *
reopen(void)
{
	struct error e = { 0 };

	inbox_close(in);
	if ((in = inbox_open(home, &e)) == NULL)
		fail_msg("%s", e.text);
	return inbox_db(in);
}

static int
start(void **state)
{
	home = temp_home();
	assert_int_equal(outfile_sweep(home, NULL), 0);
	reopen();
	return 0;
}

static int
stop(void **state)
{
	inbox_close(steal(in));
	free(home);
	clock_fake(-1, -1);
	return 0;
}

static int
put(const char *key, const char *chat)
{
	struct post o = { .key = (char *)key, .platform = (char *)"telegram", .chat = (char *)chat, .text = (char *)"hello" };

	return outbox_put(inbox_db(in), &o, NULL);
}

static void
test_a_key_is_written_down_once(void **state)
{
	struct post o = { 0 };

	assert_int_equal(put("t/1/0", "11"), 1);
	assert_int_equal(put("t/1/0", "33"), 0);
	reopen();
	assert_int_equal(put("t/1/0", "33"), 0);
	assert_int_equal(outbox_find(inbox_db(in), "t/1/0", &o, NULL), 1);
	assert_string_equal(o.chat, "11");
	post_clear(&o);
	assert_int_equal(outbox_find(inbox_db(in), "t/1/1", &o, NULL), 0);
}

static void
test_a_post_goes_its_steps_over_any_death(void **state)
{
	struct post o = { 0 };
	struct db *db;

	put("a", "11");
	put("b", "11");
	assert_int_equal(outbox_next(inbox_db(in), 0, &o, NULL), 1);
	assert_string_equal(o.key, "a");
	assert_int_equal(outbox_part(inbox_db(in), &o, NULL), 0);
	assert_int_equal(outbox_end(inbox_db(in), &o, POST_failed, "no", NULL), 0);
	post_clear(&o);
	db = reopen();
	assert_int_equal(outbox_next(db, 0, &o, NULL), 1);
	assert_true(strcmp(o.key, "a") == 0 && o.state == POST_failed && o.parts == 1 && strcmp(o.why, "no") == 0 && o.text != NULL);
	assert_int_equal(outbox_filed(db, &o, NULL), 0);
	post_clear(&o);
	assert_int_equal(outbox_open_rows(db), 1);
	assert_int_equal(outbox_next(db, 0, &o, NULL), 1);
	assert_string_equal(o.key, "b");
	post_clear(&o);
	assert_int_equal(outbox_find(db, "a", &o, NULL), 1);	/* its key and its end stay, its text does not */
	assert_true(o.state == POST_failed && o.filed && o.text == NULL);
	post_clear(&o);
	clock_fake(clock_wall_ms() + 8 * 86400 * 1000LL, -1);
	db = reopen();
	assert_int_equal(outbox_find(db, "a", &o, NULL), 0);
	assert_int_equal(outbox_open_rows(db), 1);
}

static void
test_a_file_is_there_when_all_its_pieces_are(void **state)
{
	cleanup_free char *path = outfile_path(home, "k");
	cleanup_buf struct buf b = BUF(0);
	static char large[OUTFILE_MAX];

	assert_int_equal(outfile_put(home, "k", 0, "garbage", 7, NULL), 0);
	assert_int_equal(outfile_put(home, "k", 0, "abc", 3, NULL), 0);		/* from the beginning again */
	assert_int_equal(outfile_put(home, "k", 7, "x", 1, NULL), -1);
	assert_int_equal(outfile_whole(home, "k", 6, NULL), -1);
	assert_int_equal(outfile_put(home, "k", 3, "def", 3, NULL), 0);
	assert_int_equal(outfile_whole(home, "k", 6, NULL), 0);
	assert_int_equal(file_read(path, 100, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "abcdef");
	assert_int_equal(outfile_put(home, "k", 6, large, sizeof(large), NULL), -1);
	assert_int_equal(outfile_put(home, "other", 3, "x", 1, NULL), -1);
	outfile_drop(home, "k");
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_a_key_cannot_leave_the_folder(void **state)
{
	cleanup_free char *path = outfile_path(home, "../../.env");

	assert_null(strstr(path, ".."));
}

static void
test_old_files_go(void **state)
{
	cleanup_free char *old = outfile_path(home, "old"), *young = outfile_path(home, "young");

	outfile_put(home, "old", 0, "x", 1, NULL);
	clock_fake(clock_wall_ms() + 3 * 86400 * 1000LL, -1);
	assert_int_equal(outfile_sweep(home, NULL), 0);
	assert_int_equal(access(old, F_OK), -1);
	clock_fake(-1, -1);
	outfile_put(home, "young", 0, "x", 1, NULL);
	assert_int_equal(outfile_sweep(home, NULL), 0);
	assert_int_equal(access(young, F_OK), 0);
}

static void
test_a_notice_is_one_after_a_death_too(void **state)
{
	struct post o = { .key = (char *)"output/1", .platform = (char *)"ntfy", .chat = (char *)"phone", .text = (char *)"tea",
	    .title = (char *)"now", .notice = true }, again = { 0 };

	assert_int_equal(outbox_put(inbox_db(in), &o, NULL), 1);
	assert_int_equal(put("t/1/0", "11"), 1);
	reopen();
	assert_int_equal(outbox_next(inbox_db(in), 0, &again, NULL), 1);
	assert_string_equal(again.title, "now");
	assert_true(again.notice);
	post_clear(&again);
	assert_int_equal(outbox_next(inbox_db(in), o.id, &again, NULL), 1);
	assert_null(again.title);
	assert_false(again.notice);
	post_clear(&again);
}

static void
test_a_name_stays_within_its_quotes(void **state)
{
	struct buf b = BUF(0), bytes = BUF(0);

	buf_puts(&bytes, "bytes");
	telegram_form(&b, "m", "photo", "-22", NULL, "a\"\r\nX-Evil: 1\\.png", &bytes);
	assert_string_equal(buf_str(&b), "--m\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n-22\r\n"
	    "--m\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a___X-Evil: 1_.png\"\r\n"
	    "Content-Type: application/octet-stream\r\n\r\nbytes\r\n--m--\r\n");
	buf_clear(&b);
	buf_clear(&bytes);
}

static void
test_what_was_to_go_over_a_removed_platform_has_failed(void **state)
{
	struct post o = { .key = (char *)"t/2/0", .platform = (char *)"telegram", .account = (char *)"42", .chat = (char *)"11" };

	assert_int_equal(outbox_put(inbox_db(in), &o, NULL), 1);
	put("t/1/0", "11");
	assert_int_equal(inbox_forget(in, "imap", NULL), 0);
	assert_int_equal(outbox_find(inbox_db(in), "t/2/0", &o, NULL), 1);
	assert_int_equal(o.state, POST_queued);
	assert_string_equal(o.account, "42");
	post_clear(&o);
	assert_int_equal(inbox_forget(in, "telegram", NULL), 0);
	reopen();
	assert_int_equal(outbox_find(inbox_db(in), "t/1/0", &o, NULL), 1);
	assert_int_equal(o.state, POST_failed);
	assert_string_equal(o.why, "the platform was removed");
	assert_null(o.account);
	post_clear(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_key_is_written_down_once, start, stop),
		cmocka_unit_test_setup_teardown(test_what_was_to_go_over_a_removed_platform_has_failed, start, stop),
		cmocka_unit_test_setup_teardown(test_a_post_goes_its_steps_over_any_death, start, stop),
		cmocka_unit_test_setup_teardown(test_a_notice_is_one_after_a_death_too, start, stop),
		cmocka_unit_test_setup_teardown(test_a_file_is_there_when_all_its_pieces_are, start, stop),
		cmocka_unit_test_setup_teardown(test_a_key_cannot_leave_the_folder, start, stop),
		cmocka_unit_test_setup_teardown(test_old_files_go, start, stop),
		TEST(test_a_name_stays_within_its_quotes),
	};

	return RUN(tests);
}
