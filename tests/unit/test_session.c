/* SPDX-License-Identifier: Apache-2.0 */
/* Session files of every generation, and what may be written into them. */
#include "tests/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/catalog.h"
#include "engined/redact.h"
#include "engined/session.h"

static char *
home_with_sessions(void)
{
	char *home = temp_home();
	cleanup_free char *path = xasprintf("%s/sessions", home);

	mkdir(path, 0700);
	return home;
}

static json_t *
fixture(const char *name)
{
	cleanup_free char *text = get_file("tests/fixtures/sessions", name);
	struct error e = { 0 };
	json_t *s = session_parse(text, strlen(text), &e);

	if (s == NULL)
		fail_msg("%s: %s", name, e.text);
	return s;
}

static void
test_session_of_every_generation_survives_load_and_save(void **state)
{
	static const char *const names[] = { "oldest.json", "second.json", "third.json" };

	for (size_t i = 0; i < COUNT(names); i++) {
		cleanup_free char *home = home_with_sessions();
		cleanup_json json_t *s = fixture(names[i]), *again = NULL;
		struct error e = { 0 };

		assert_int_equal(session_save(home, s, &e), 0);
		again = session_load(home, json_str(s, "id", ""), &e);
		assert_non_null(again);
		assert_true(json_equal(s, again));
	}
}

static void
test_session_keeps_fields_it_does_not_know(void **state)
{
	cleanup_free char *home = home_with_sessions(), *text = NULL;
	cleanup_json json_t *s = fixture("third.json");

	json_array_append_new(session_turns(s), session_turn(1, "next", NULL));
	assert_int_equal(session_save(home, s, NULL), 0);
	text = get_file(home, "sessions/ffeeddccbbaa.json");
	assert_non_null(strstr(text, "\"something_nobody_knows_yet\": {\n    \"deep\": ["));
	assert_non_null(strstr(text, "\"reasoning_spans\""));
	assert_non_null(strstr(text, "\"schema_version\": 3"));
	assert_non_null(strstr(text, "\\u00FC"));	/* the reference escapes what is not ASCII */
}

static void
test_session_mends_what_no_strict_parser_takes(void **state)
{
	cleanup_json json_t *s = fixture("oldest.json");
	const char *user = json_str(json_array_get(session_turns(s), 1), "user", "");

	assert_string_equal(user, "broken text \xef\xbf\xbd and a NUL \xef\xbf\xbd from an old tool");
	assert_non_null(strstr(json_str(json_array_get(session_turns(s), 0), "assistant", ""), "\xf0\x9f\x98\x80"));
}

static void
test_session_broken_file_says_which_and_where(void **state)
{
	static const char *const bad[] = { "{\"turns\": [", "[]", "{\"turns\": 3}", "{\"turns\": [1]}", "" };
	cleanup_free char *home = home_with_sessions();

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct error e = { 0 };

		put_file(home, "sessions/abc.json", bad[i]);
		assert_null(session_load(home, "abc", &e));
		assert_int_equal(e.code, ERR_invalid);
		assert_non_null(strstr(e.text, "session abc"));
	}
}

static void
test_session_without_turns_is_not_written(void **state)
{
	cleanup_free char *home = home_with_sessions(), *path = session_path(home, "abc");
	cleanup_json json_t *s = session_new("abc", "m");
	struct stat st;

	assert_int_equal(session_save(home, s, NULL), 0);
	assert_int_equal(stat(path, &st), -1);
	json_array_append_new(session_turns(s), session_turn(1, "x", NULL));
	assert_int_equal(session_save(home, s, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_session_earlier_turns_survive_a_file_that_was_never_synced(void **state)
{
	cleanup_free char *home = home_with_sessions(), *path = session_path(home, "abc");
	cleanup_json json_t *s = session_new("abc", "m"), *kept = NULL;

	json_array_append_new(session_turns(s), session_turn(1, "old", NULL));
	assert_int_equal(session_save(home, s, NULL), 0);
	assert_int_equal(session_sync(home, "abc", NULL), 0);
	json_array_append_new(session_turns(s), session_turn(2, "new", NULL));
	assert_int_equal(session_save(home, s, NULL), 0);
	assert_int_equal(truncate(path, 0), 0);		/* what a power loss may leave of it */
	kept = session_load(home, "abc", NULL);
	assert_non_null(kept);
	assert_int_equal(json_array_size(session_turns(kept)), 1);
	assert_int_equal(session_save(home, s, NULL), 0);
	assert_int_equal(session_sync(home, "abc", NULL), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_null(session_load(home, "abc", NULL));
}

static void
test_session_ids_that_leave_the_folder_are_refused(void **state)
{
	assert_true(session_id_ok("0a1b2c3d4e5f"));
	assert_true(session_id_ok("A-b_9"));
	assert_false(session_id_ok(""));
	assert_false(session_id_ok("../x"));
	assert_false(session_id_ok("a.b"));
	assert_false(session_id_ok("_journal"));
	assert_false(session_id_ok("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void
test_session_redacts_by_shape(void **state)
{
	static const struct {
		const char *text, *clean;
	} table[] = {
		{ "sk-abcdefghijklmnop", "[REDACTED]" },
		{ "sk-abcdefghijklmno", "sk-abcdefghijklmno" },
		{ "a task-abcdefghijklmnopqrst", "a task-abcdefghijklmnopqrst" },
		{ "k=ghp_abcdefghijklmnopqrst;", "k=[REDACTED];" },
		{ "gho_abcdefghijklmnopqrs", "gho_abcdefghijklmnopqrs" },
		{ "gho_abcdefghijklmnopqrst", "[REDACTED]" },
		{ "(xoxb-1234567890)", "([REDACTED])" },
		{ "AIzaabcdefghijklmnopqrstuvwxyz1234", "[REDACTED]" },
		{ "AKIAABCDEFGHIJKLMNOP", "[REDACTED]" },
		{ "AKIAABCDEFGHIJKLMNOPQ", "AKIAABCDEFGHIJKLMNOPQ" },
		{ "bot12345678:ABCDEFGHIJKLMNOPQRSTUVWXYZ1234/x", "bot[REDACTED]/x" },
		{ "1234567:ABCDEFGHIJKLMNOPQRSTUVWXYZ1234", "1234567:ABCDEFGHIJKLMNOPQRSTUVWXYZ1234" },
		{ "123456789012:ABCDEFGHIJKLMNOPQRSTUVWXYZ1234", "[REDACTED]" },
		{ "1234567890123:ABCDEFGHIJKLMNOPQRSTUVWXYZ1234", "1234567890123:ABCDEFGHIJKLMNOPQRSTUVWXYZ1234" },
		{ "at 12:30", "at 12:30" },
		{ "https://me:secret@host/x", "https://[REDACTED]@host/x" },
		{ "https://host/x@y:z", "https://host/x@y:z" },
		{ "a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- b", "a [REDACTED] b" },
		{ "-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc" },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_free char *clean = redact(table[i].text);

		assert_string_equal(clean, table[i].clean);
	}
}

static void
test_session_cuts_on_a_character_and_tells_the_original(void **state)
{
	cleanup_json json_t *o = json_object();
	const json_t *meta;

	put_text(o, "user", "user_meta", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 7);
	assert_string_equal(json_str(o, "user", ""), "\xc3\xa4\xc3\xa4\xe2\x80\xa6");
	meta = json_object_get(o, "user_meta");
	assert_int_equal(json_int(meta, "bytes", 0), 8);
	assert_true(json_bool(meta, "truncated", false));
	/* sha256 of the whole text, not of the cut one */
	assert_string_equal(json_str(meta, "sha256", ""), "3d8f954a855490f400fd0701c2e2ba2742ef8d2dee367bebcdf06ac9b418f681");
	put_text(o, "assistant", "assistant_meta", "short", 7);
	assert_null(json_object_get(o, "assistant_meta"));
}

static void
test_session_record_of_a_tool_has_its_shape(void **state)
{
	cleanup_json json_t *args = json_pack("{s:s, s:s}", "path", "x", "a", "sk-abcdefghijklmnop");
	char long_text[600];
	cleanup_json json_t *entry = NULL;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	entry = session_tool(5, "read_file", false, 0.0126, args, long_text);
	assert_string_equal(json_str(entry, "status", ""), "failed");
	assert_false(json_bool(entry, "ok", true));
	assert_true(json_num(entry, "duration_s", 0) == 0.013);
	assert_string_equal(json_str(json_object_get(entry, "args"), "preview", ""), "{\"a\":\"[REDACTED]\",\"path\":\"x\"}");
	assert_int_equal(utf8_count(json_str(entry, "result", ""), strlen(json_str(entry, "result", ""))), 400);
}

static void
test_session_replay_shows_texts_and_files_but_no_tools(void **state)
{
	cleanup_json json_t *s = fixture("second.json"), *messages = json_array();
	cleanup_free char *text = NULL;

	session_replay(s, 3, messages);
	assert_int_equal(json_array_size(messages), 5);	/* the note and two turns: the interrupted one said nothing */
	assert_non_null(strstr(json_str(json_array_get(messages, 0), "content", ""), "resumed"));
	assert_string_equal(json_str(json_array_get(messages, 1), "content", ""), "look at the picture\n[attached: cat.png (image/png)]");
	assert_string_equal(json_str(json_array_get(messages, 4), "content", ""),
	    "[produced this turn: chart.png \xe2\x86\x92 /w/out/chart.png]");
	text = json_text(messages);
	assert_null(strstr(text, "hello"));
}

static void
test_session_replay_stops_where_it_is_told(void **state)
{
	cleanup_json json_t *s = fixture("second.json"), *messages = json_array();

	session_replay(s, 0, messages);
	assert_int_equal(json_array_size(messages), 0);
	session_replay(s, 1, messages);
	assert_int_equal(json_array_size(messages), 3);
}

static void
test_session_kind_follows_the_first_text(void **state)
{
	static const struct {
		const char *text, *kind;
	} table[] = {
		{ "[INBOUND TELEGRAM from X] hi", "gateway" }, { "[workgroup-poller] look", "workgroup" }, { "[engine] go on", "system" },
		{ "[system: x]", "system" }, { "[a list]", "chat" }, { "say [INBOUND", "chat" },
	};
	cleanup_json json_t *a = fixture("third.json"), *b = fixture("second.json");

	assert_string_equal(session_kind(a), "schedule");
	assert_string_equal(session_kind(b), "chat");
	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_json json_t *s = json_pack("{s:[{s:s}]}", "turns", "user", table[i].text);

		assert_string_equal(session_kind(s), table[i].kind);
	}
}

static void
write_session(const char *home, const char *id, const char *user)
{
	cleanup_json json_t *s = session_new(id, "m");

	json_array_append_new(session_turns(s), session_turn(1, user, NULL));
	assert_int_equal(session_save(home, s, NULL), 0);
}

static void
set_time(const char *home, const char *id, time_t at)
{
	cleanup_free char *path = session_path(home, id);
	struct timespec ts[2] = { { .tv_sec = at }, { .tv_sec = at } };

	assert_int_equal(utimensat(AT_FDCWD, path, ts, 0), 0);
}

static void
test_session_list_is_newest_first_and_follows_changes(void **state)
{
	cleanup_free char *home = home_with_sessions();
	struct catalog *c = catalog_new(home);
	cleanup_json json_t *first = NULL, *second = NULL, *one = NULL;

	write_session(home, "aaa", "one");
	write_session(home, "bbb", "two");
	set_time(home, "aaa", 2000);
	set_time(home, "bbb", 1000);
	put_file(home, "sessions/_gateway_map.json", "{}");
	put_file(home, "sessions/broken.json", "{");
	first = catalog_list(c, 100);
	assert_int_equal(json_array_size(first), 2);
	assert_string_equal(json_str(json_array_get(first, 0), "id", ""), "aaa");
	write_session(home, "bbb", "three");
	second = catalog_list(c, 100);
	assert_string_equal(json_str(json_array_get(second, 0), "first_user", ""), "three");
	one = catalog_list(c, 1);
	assert_int_equal(json_array_size(one), 1);
	catalog_free(c);
}

static void
test_session_window_of_turns(void **state)
{
	static const struct {
		struct session_read	m;
		size_t			from, to;
	} table[] = {
		{ { 0 }, 0, 10 },
		{ { .after_turn = 7 }, 7, 10 },
		{ { .after_turn = 20 }, 10, 10 },
		{ { .after_turn = 2, .max_turns = 3 }, 2, 5 },
		{ { .tail_turns = 4 }, 6, 10 },
		{ { .before_turn = 6, .max_turns = 2 }, 4, 6 },
		{ { .before_turn = 6, .tail_turns = 3 }, 3, 6 },
		{ { .max_turns = 3 }, 7, 10 },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		size_t from, to;

		catalog_window(&table[i].m, 10, &from, &to);
		assert_int_equal(from, table[i].from);
		assert_int_equal(to, table[i].to);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_session_of_every_generation_survives_load_and_save),
		TEST(test_session_keeps_fields_it_does_not_know),
		TEST(test_session_mends_what_no_strict_parser_takes),
		TEST(test_session_broken_file_says_which_and_where),
		TEST(test_session_without_turns_is_not_written),
		TEST(test_session_earlier_turns_survive_a_file_that_was_never_synced),
		TEST(test_session_ids_that_leave_the_folder_are_refused),
		TEST(test_session_redacts_by_shape),
		TEST(test_session_cuts_on_a_character_and_tells_the_original),
		TEST(test_session_record_of_a_tool_has_its_shape),
		TEST(test_session_replay_shows_texts_and_files_but_no_tools),
		TEST(test_session_replay_stops_where_it_is_told),
		TEST(test_session_kind_follows_the_first_text),
		TEST(test_session_list_is_newest_first_and_follows_changes),
		TEST(test_session_window_of_turns),
	};

	return RUN(tests);
}
