/* SPDX-License-Identifier: Apache-2.0 */
/* Events keep their numbers across restarts, and nobody's slowness is another's. */
#include "tests/unit/host_fixture.h"

#define FILE_NAME "host/events.jsonl"

static int64_t
emit(struct fixture *f, const char *kind, int n)
{
	return stream_emit(f->h.stream, kind, json_pack("{s:i}", "n", n));
}

static json_t *
history(struct fixture *f, const char *params)
{
	cleanup_json json_t *o = call_host(f, "host.events.history", params);

	return json_deep_copy(json_object_get(o, "result"));
}

static void
test_numbers_go_on_after_a_restart(void **state)
{
	struct fixture *f = fixture_open();
	int64_t last = 0;

	for (int i = 0; i < 120; i++)
		last = emit(f, "config_changed", i);
	host_down(f);
	host_up(f);
	assert_int_equal(stream_last(f->h.stream), last);
	assert_int_equal(emit(f, "config_changed", 0), last + 1);
	fixture_close(f);
}

static void
test_a_torn_last_line_is_left_out_and_does_not_spoil_the_next(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;

	host_down(f);
	put_file(f->root, FILE_NAME, "{\"event\":\"a\",\"data\":{},\"at\":1.5,\"seq\":41}\nnoise\n"
	    "{\"event\":\"b\",\"data\":{},\"at\":1.5,\"seq\":42}\n{\"event\":\"c\",\"da");
	host_up(f);
	assert_int_equal(stream_last(f->h.stream), 42);
	assert_int_equal(emit(f, "d", 0), 43);
	host_down(f);
	host_up(f);
	o = history(f, "{}");
	assert_int_equal(json_array_size(json_object_get(o, "events")), 3);
	assert_int_equal(json_int(o, "next_seq", 0), 44);
	json_decref(o);
	fixture_close(f);
}

static void
test_rows_without_a_number_get_one_in_the_order_of_the_file(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;

	host_down(f);
	put_file(f->root, FILE_NAME, "{\"event\":\"a\",\"data\":{},\"at\":1}\n{\"event\":\"b\",\"data\":{},\"at\":2}\n");
	host_up(f);
	o = history(f, "{}");
	assert_int_equal(json_int(json_array_get(json_object_get(o, "events"), 0), "seq", 0), 1);
	assert_string_equal(json_str(json_array_get(json_object_get(o, "events"), 1), "event", ""), "b");
	assert_int_equal(json_int(json_array_get(json_object_get(o, "events"), 1), "seq", 0), 2);
	json_decref(o);
	fixture_close(f);
}

static void
test_a_file_that_cannot_be_read_is_put_aside_and_numbers_still_rise(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *path = path_join(f->root, FILE_NAME);
	int64_t before = emit(f, "a", 0);

	host_down(f);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	host_up(f);
	assert_true(emit(f, "a", 1) > before + 1000000);
	fixture_close(f);
}

static void
test_the_newest_500_are_kept(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;

	for (int i = 1; i <= 700; i++)
		emit(f, "a", i);
	o = history(f, "{}");
	assert_int_equal(json_array_size(json_object_get(o, "events")), STREAM_RING);
	assert_int_equal(json_int(json_array_get(json_object_get(o, "events"), 0), "seq", 0), 201);
	json_decref(o);
	host_down(f);
	host_up(f);
	o = history(f, "{\"limit\":3}");
	assert_int_equal(json_int(json_array_get(json_object_get(o, "events"), 0), "seq", 0), 698);
	json_decref(o);
	fixture_close(f);
}

static void
test_history_is_after_a_number_and_of_some_kinds(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;

	for (int i = 1; i <= 10; i++)
		emit(f, i % 2 ? "odd" : "even", i);
	o = history(f, "{\"after_seq\":3,\"kinds\":[\"even\"],\"limit\":2}");
	assert_int_equal(json_array_size(json_object_get(o, "events")), 2);
	assert_int_equal(json_int(json_array_get(json_object_get(o, "events"), 0), "seq", 0), 8);
	json_decref(o);
	fixture_close(f);
}

static void
test_subscribers_hear_what_they_asked_for(void **state)
{
	struct fixture *f = fixture_open();
	int all, some;
	json_t *o;

	emit(f, "before", 0);
	all = begin_call(f, "host.events.subscribe", "{}");
	some = begin_call(f, "host.events.subscribe", "{\"kinds\":[\"wanted\"]}");
	o = frame(f, all, "subscribed");
	assert_int_equal(json_int(o, "next_seq", 0), 2);
	json_decref(o);
	expect_frame(f, some, "subscribed");
	emit(f, "other", 1);
	emit(f, "wanted", 2);
	expect_frame(f, all, "other");
	expect_frame(f, all, "wanted");
	o = frame(f, some, "wanted");
	assert_int_equal(json_int(o, "seq", 0), 3);
	assert_int_equal(json_int(o, "id", 0), 7);
	assert_int_equal(json_int(json_object_get(o, "data"), "n", 0), 2);
	json_decref(o);
	close(all);
	close(some);
	fixture_close(f);
}

static void
test_a_slow_subscriber_misses_frames_and_can_ask_for_them(void **state)
{
	struct fixture *f = fixture_open();
	int slow = begin_call(f, "host.events.subscribe", "{}");
	cleanup_free char *text = malloc(20001);
	int seen = 0;
	json_t *o;

	memset(text, 'x', 20000);
	text[20000] = '\0';
	expect_frame(f, slow, "subscribed");
	for (int i = 0; i < 3000; i++)
		stream_emit(f->h.stream, "a", json_pack("{s:s}", "text", text));
	assert_int_equal(sock_clients(f->h.sock), 1);
	for (int64_t seq = 0; seq < 3000 && recv(slow, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 1; seen++) {
		o = frame(f, slow, "a");
		seq = json_int(o, "seq", 0);
		json_decref(o);
		pump(f);
	}
	assert_true(seen < 3000);
	emit(f, "b", 1);	/* still there, and hears the next one */
	expect_frame(f, slow, "b");
	close(slow);
	fixture_close(f);
}

static void
test_activity_is_told_and_not_stored(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.events.subscribe", "{}");
	json_t *o;

	expect_frame(f, fd, "subscribed");
	stream_activity(f->h.stream, "default");
	stream_activity(f->h.stream, "default");
	stream_activity(f->h.stream, "default");
	emit(f, "a", 1);
	expect_frame(f, fd, "activity.changed");
	expect_frame(f, fd, "a");	/* the second and third are one, a second later */
	expect_frame(f, fd, "activity.changed");
	o = history(f, "{}");
	assert_int_equal(json_array_size(json_object_get(o, "events")), 1);
	json_decref(o);
	close(fd);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers_go_on_after_a_restart),
		TEST(test_a_torn_last_line_is_left_out_and_does_not_spoil_the_next),
		TEST(test_rows_without_a_number_get_one_in_the_order_of_the_file),
		TEST(test_a_file_that_cannot_be_read_is_put_aside_and_numbers_still_rise),
		TEST(test_the_newest_500_are_kept),
		TEST(test_history_is_after_a_number_and_of_some_kinds),
		TEST(test_subscribers_hear_what_they_asked_for),
		TEST(test_a_slow_subscriber_misses_frames_and_can_ask_for_them),
		TEST(test_activity_is_told_and_not_stored),
	};

	return RUN(tests);
}
