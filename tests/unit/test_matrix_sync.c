/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a Matrix server as the inbox needs them. */
#include "tests/check.h"

#include <string.h>

#include "common/json.h"
#include "common/json_foreign.h"
#include "common/mem.h"
#include "gatewayd/matrix_sync.h"

#define SELF	"@alpi:x"

static json_t *
parse(const char *text)
{
	return json_foreign(text, strlen(text), MATRIX_DEPTH, NULL);
}

/* An answer whose one room has these events. */
static void
read_sync(const char *events, struct matrix_sync *s)
{
	cleanup_free char *text = xasprintf("{\"next_batch\": \"s1\", \"rooms\": {\"join\": {\"!r:x\": {\"timeline\": {\"events\": [%s]}}}}}", events);
	cleanup_json json_t *answer = parse(text);

	assert_non_null(answer);
	assert_int_equal(matrix_sync_read(answer, SELF, s), 0);
}

#define EVENT(id, sender, content) \
	"{\"type\": \"m.room.message\", \"event_id\": \"" id "\", \"sender\": \"" sender "\", \"content\": " content "}"
#define TEXT(id, sender, text)	EVENT(id, sender, "{\"msgtype\": \"m.text\", \"body\": \"" text "\"}")

static void
test_messages_of_others_come_in_their_order(void **state)
{
	struct matrix_sync s;

	read_sync(TEXT("$1", "@a:x", "one") "," TEXT("$2", SELF, "mine") "," TEXT("$3", "@b:y", "two"), &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.next, "s1");
	assert_string_equal(s.rows[0].room, "!r:x");
	assert_string_equal(s.rows[0].sender, "@a:x");
	assert_string_equal(s.rows[0].id, "$1");
	assert_string_equal(s.rows[0].text, "one");
	assert_int_equal(s.rows[0].kind, MATRIX_TEXT);
	assert_string_equal(s.rows[1].text, "two");
	matrix_sync_clear(&s);
}

static void
test_edits_and_what_is_no_message_are_left_out(void **state)
{
	struct matrix_sync s;

	read_sync("5, null, {}, {\"type\": \"m.room.member\", \"event_id\": \"$1\", \"sender\": \"@a:x\"},"
	    EVENT("$2", "@a:x", "{\"msgtype\": \"m.text\", \"body\": \"* x\", \"m.relates_to\": {\"rel_type\": \"m.replace\"}}") ","
	    EVENT("$3", "@a:x", "{}") "," TEXT("4", "@a:x", "no id") "," TEXT("$5", "a:x", "no name") ","
	    TEXT("$6 7", "@a:x", "a blank") "," TEXT("$8", "@a:\\nx", "a line"), &s);
	assert_int_equal(s.n, 0);
	matrix_sync_clear(&s);
}

static void
test_a_notice_and_an_empty_text_are_mute(void **state)
{
	struct matrix_sync s;

	read_sync(EVENT("$1", "@a:x", "{\"msgtype\": \"m.notice\", \"body\": \"I am a bot\"}") "," TEXT("$2", "@a:x", " \\n"), &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.rows[0].kind, MATRIX_MUTE);
	assert_int_equal(s.rows[1].kind, MATRIX_MUTE);
	matrix_sync_clear(&s);
}

static void
test_a_file_has_a_name_and_may_have_words(void **state)
{
	struct matrix_sync s;

	read_sync(EVENT("$1", "@a:x", "{\"msgtype\": \"m.image\", \"body\": \"look\", \"filename\": \"c.png\", \"url\": \"mxc://h:84/Ab_-1\","
	    "\"info\": {\"mimetype\": \"image/png\", \"size\": 12}}") ","
	    EVENT("$2", "@a:x", "{\"msgtype\": \"m.file\", \"body\": \"d.pdf\", \"url\": \"mxc://h/x\"}"), &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.rows[0].kind, MATRIX_FILE);
	assert_string_equal(s.rows[0].text, "look");
	assert_string_equal(s.rows[0].name, "c.png");
	assert_string_equal(s.rows[0].mime, "image/png");
	assert_string_equal(s.rows[0].server, "h:84");
	assert_string_equal(s.rows[0].media, "Ab_-1");
	assert_int_equal(s.rows[0].size, 12);
	assert_string_equal(s.rows[1].name, "d.pdf");
	assert_null(s.rows[1].text);
	assert_int_equal(s.rows[1].size, -1);
	matrix_sync_clear(&s);
}

static void
test_a_file_elsewhere_is_none(void **state)
{
	static const char *const uris[] = { "https://h/x", "mxc://h", "mxc:///x", "mxc://h/", "mxc://h/../x", "mxc://h/a/b", "mxc://h/a?b",
	    "mxc://../x", "mxc://u@h/x", "mxc://h/a%2fb" };

	for (size_t i = 0; i < COUNT(uris); i++) {
		cleanup_free char *events = xasprintf(EVENT("$1", "@a:x", "{\"msgtype\": \"m.file\", \"body\": \"f\", \"url\": \"%s\"}"), uris[i]);
		struct matrix_sync s;

		read_sync(events, &s);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.rows[0].kind, MATRIX_MUTE);
		matrix_sync_clear(&s);
	}
}

static void
test_what_no_text_can_hold_spoils_one_character_alone(void **state)
{
	struct matrix_sync s;

	read_sync(TEXT("$1", "@a:x", "a\\u0000b\\ud83d\\ude00c\\udE00d\\ud83d \\\\u0000 \\ud83d\\u0041"), &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.rows[0].text, "a\uFFFDb\U0001F600c\uFFFDd\uFFFD \\u0000 \uFFFDA");
	matrix_sync_clear(&s);
}

static void
test_an_encrypted_room_is_seen(void **state)
{
	struct matrix_sync s;

	read_sync("{\"type\": \"m.room.encrypted\", \"event_id\": \"$1\", \"sender\": \"@a:x\", \"content\": {}}", &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.rows[0].kind, MATRIX_SEALED);
	matrix_sync_clear(&s);
}

static void
test_gaps_and_invites_are_told(void **state)
{
	cleanup_json json_t *answer = parse("{\"next_batch\": \"s\", \"rooms\": {\"join\": {"
	    "\"!r:x\": {\"timeline\": {\"limited\": true, \"prev_batch\": \"p\", \"events\": []}},"
	    "\"!q:x\": {\"timeline\": {\"limited\": false, \"prev_batch\": \"p\"}}}, \"invite\": {\"!i:x\": {}}}}");
	struct matrix_sync s;

	assert_int_equal(matrix_sync_read(answer, SELF, &s), 0);
	assert_int_equal(s.n_gaps, 1);
	assert_string_equal(s.gaps[0].room, "!r:x");
	assert_string_equal(s.gaps[0].from, "p");
	assert_int_equal(s.invites, 1);
	matrix_sync_clear(&s);
}

static void
test_pages_go_before_what_is_there(void **state)
{
	cleanup_json json_t *first = parse("{\"chunk\": [" TEXT("$4", "@a:x", "4") "," TEXT("$3", "@a:x", "3") "], \"end\": \"p2\"}");
	cleanup_json json_t *second = parse("{\"chunk\": [" TEXT("$2", "@a:x", "2") "]}");
	struct matrix_sync s;
	char *end;

	read_sync(TEXT("$5", "@a:x", "5"), &s);
	assert_int_equal(matrix_page_read(first, "!r:x", SELF, &s, &end), 0);
	assert_string_equal(end, "p2");
	free(end);
	assert_int_equal(matrix_page_read(second, "!r:x", SELF, &s, &end), 0);
	assert_null(end);
	assert_int_equal(s.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(s.rows[i].text[0], '2' + (int)i);
	matrix_sync_clear(&s);
}

static void
test_an_answer_without_its_end_is_none(void **state)
{
	static const char *const texts[] = { "{}", "[]", "{\"next_batch\": 5}", "{\"next_batch\": \"\"}" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		cleanup_json json_t *answer = parse(texts[i]);
		struct matrix_sync s;

		assert_int_equal(matrix_sync_read(answer, SELF, &s), -1);
		assert_int_equal(s.n, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages_of_others_come_in_their_order),
		TEST(test_edits_and_what_is_no_message_are_left_out),
		TEST(test_a_notice_and_an_empty_text_are_mute),
		TEST(test_a_file_has_a_name_and_may_have_words),
		TEST(test_a_file_elsewhere_is_none),
		TEST(test_what_no_text_can_hold_spoils_one_character_alone),
		TEST(test_an_encrypted_room_is_seen),
		TEST(test_gaps_and_invites_are_told),
		TEST(test_pages_go_before_what_is_there),
		TEST(test_an_answer_without_its_end_is_none),
	};

	return RUN(tests);
}
