/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with peers: what is kept, what is shown, what is left alone. */
#include "engined/thread.h"

#include <string.h>
#include <sys/stat.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "tests/check.h"

static void
add(const char *home, const char *name, const char *user, const char *assistant)
{
	struct error e = { 0 };

	if (thread_append(home, name, 1790000000.5, user, assistant, &e) == -1)
		fail_msg("%s", e.text);
}

static void
test_a_thread_is_what_was_said_newest_twenty(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_json json_t *turns = NULL, *none = NULL;

	for (int i = 0; i < 23; i++) {
		cleanup_free char *text = xasprintf("question %d", i);

		add(home, "alice@c0ffee", text, "answer");
	}
	turns = thread_turns(home, "alice@c0ffee");
	assert_int_equal(json_array_size(turns), THREAD_TURNS);
	assert_string_equal(json_str(json_array_get(turns, 0), "user", ""), "question 3");
	none = thread_turns(home, "alice");
	assert_int_equal(json_array_size(none), 0);
}

static void
test_a_new_file_names_sender_and_conversation_and_is_private(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *path = path_join(home, "mentions/alice@c0ffee.json");
	cleanup_json json_t *file = NULL;
	struct stat st;

	add(home, "alice@c0ffee", "q", "a");
	file = json_load(path, 1 << 20, 8, NULL);
	assert_string_equal(json_str(file, "sender", ""), "alice");
	assert_string_equal(json_str(file, "conversation", ""), "c0ffee");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
test_members_we_do_not_know_stay_and_what_does_not_parse_too(void **state)
{
	static const char known[] = "{\"mood\":\"sunny\",\"sender\":\"bob\",\"turns\":[{\"at\":1,\"user\":\"u\",\"assistant\":\"a\",\"host_context\":7}]}";
	cleanup_free char *home = temp_home();
	cleanup_free char *dir = path_join(home, "mentions");
	cleanup_free char *text = NULL, *half = NULL;
	struct error e = { 0 };

	assert_int_equal(make_dirs(dir, 0700, &e), 0);
	put_file(dir, "bob.json", known);
	add(home, "bob", "q", "a");
	text = get_file(dir, "bob.json");
	assert_non_null(strstr(text, "sunny"));
	assert_non_null(strstr(text, "host_context"));
	put_file(dir, "bob.json", "{half");
	assert_int_equal(thread_append(home, "bob", 1, "q", "a", &e), -1);
	half = get_file(dir, "bob.json");
	assert_string_equal(half, "{half");
}

static void
test_a_turn_that_is_taken_up_again_is_kept_once(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_json json_t *turns = NULL;

	add(home, "bob", "q", "first try");
	add(home, "bob", "q", "second try");
	turns = thread_turns(home, "bob");
	assert_int_equal(json_array_size(turns), 1);
	assert_string_equal(json_str(json_array_get(turns, 0), "assistant", ""), "second try");
}

static void
test_a_name_leads_nowhere_else(void **state)
{
	static const char *const bad[] = { "", "@x", "a/b", "..", "a@", "a@b@c", "a@../x", "a b", "b\xc3\xa9" };

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(thread_name_ok(bad[i]));
	assert_true(thread_name_ok("bob-2_x") && thread_name_ok("bob@c0ffee"));
}

static void
test_a_peer_is_announced_before_its_words(void **state)
{
	cleanup_json json_t *messages = json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", "prompt",
	    "role", "user", "content", "now");
	cleanup_json json_t *turns = json_pack("[{s:s, s:s}]", "user", "before", "assistant", "then");

	thread_show(messages, "alice", turns);
	assert_int_equal(json_array_size(messages), 5);
	assert_non_null(strstr(json_str(json_array_get(messages, 1), "content", ""), "alice"));
	assert_string_equal(json_str(json_array_get(messages, 2), "content", ""), "before");
	assert_string_equal(json_str(json_array_get(messages, 4), "content", ""), "now");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_thread_is_what_was_said_newest_twenty),
		TEST(test_a_new_file_names_sender_and_conversation_and_is_private),
		TEST(test_members_we_do_not_know_stay_and_what_does_not_parse_too),
		TEST(test_a_turn_that_is_taken_up_again_is_kept_once),
		TEST(test_a_name_leads_nowhere_else),
		TEST(test_a_peer_is_announced_before_its_words),
	};

	return RUN(tests);
}
