/* SPDX-License-Identifier: Apache-2.0 */
/* Turns outlive their clients and hostd itself; every client is shown all of one, in order. */
#include "tests/unit/host_fixture.h"

#include "common/grant.h"

#define SEND "{\"profile\":\"default\",\"text\":\"hello\",\"request_id\":\"r1\",\"cwd\":\"/srv/work\"}"

static void
started(struct fixture *f, bool known)
{
	answer(f, wait_asked(f, MSG_turn_start), &(struct turn_start_reply){ .turn = "t1", .session = "0123456789ab",
	    .known = known }, NULL);
}

/* turn.next's answer: these kinds, numbered from `first`; done ends the turn. */
static void
happened(struct fixture *f, int64_t first, const char *const *kinds, bool done)
{
	struct turn_event rows[8] = { 0 };
	size_t n = 0;

	for (; kinds[n] != NULL; n++) {
		rows[n] = (struct turn_event){ .seq = first + (int64_t)n, .kind = kinds[n],
			.data = json_pack("{s:s, s:s}", "session_id", "0123456789ab", "text", "x") };
	}
	answer(f, wait_asked(f, MSG_turn_next), &(struct turn_next_reply){ .events = rows, .n_events = n, .done = done },
	    NULL);
	for (size_t i = 0; i < n; i++)
		json_decref(rows[i].data);
}

#define HAPPENED(f, first, done, ...) happened(f, first, (const char *const[]){ __VA_ARGS__, NULL }, done)

static int
open_rows(struct fixture *f)
{
	sqlite3_stmt *s = db_query(f->h.db, NULL, "SELECT count(*) FROM turns WHERE ended IS NULL", "");
	int n;

	assert_int_equal(db_step(f->h.db, s, NULL), 1);
	n = sqlite3_column_int(s, 0);
	db_done(s);
	return n;
}

static void
test_a_turn_is_shown_from_session_start_to_done(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	json_t *o;

	wait_asked(f, MSG_turn_start);
	assert_int_equal(open_rows(f), 1);	/* on disk before engined is asked */
	started(f, false);
	HAPPENED(f, 1, false, "session_start", "assistant_delta");
	o = frame(f, fd, "session_start");
	assert_int_equal(json_int(o, "id", 0), 7);
	assert_string_equal(json_str(o, "session_id", ""), "0123456789ab");
	json_decref(o);
	expect_frame(f, fd, "assistant_delta");
	HAPPENED(f, 3, true, "reply", "done");
	expect_frame(f, fd, "reply");
	expect_frame(f, fd, "done");
	assert_null(read_line(f, fd));
	assert_int_equal(open_rows(f), 0);
	close(fd);
	fixture_close(f);
}

static void
test_a_new_session_is_named_in_its_grant(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	struct asked *q = wait_asked(f, MSG_turn_start);
	const char *grant = json_string_value(json_array_get(json_object_get(q->body, "grants"), 0));
	cleanup_free char *line = xasprintf("\nsession %s\n", json_str(q->body, "session", "?"));

	assert_true(json_bool(q->body, "fresh", false));
	assert_int_equal(strlen(json_str(q->body, "session", "")), 12);
	assert_non_null(strstr(grant, line));
	assert_non_null(strstr(grant, "\nworkspace /srv/work\n"));
	assert_non_null(strstr(grant, "\nwho local\n"));
	assert_non_null(strstr(grant, " approve"));
	assert_string_equal(json_str(q->body, "key", ""), "host:default:r1");
	close(fd);
	fixture_close(f);
}

static void
test_without_a_person_nobody_can_approve(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send",
	    "{\"profile\":\"default\",\"text\":\"x\",\"request_id\":\"r\",\"interactive\":false}");
	struct asked *q = wait_asked(f, MSG_turn_start);

	assert_null(strstr(json_string_value(json_array_get(json_object_get(q->body, "grants"), 0)), "approve"));
	close(fd);
	fixture_close(f);
}

static void
test_a_turn_goes_on_without_its_client(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);

	started(f, false);
	HAPPENED(f, 1, false, "session_start");
	expect_frame(f, fd, "session_start");
	close(fd);
	while (sock_clients(f->h.sock) > 0)
		pump(f);
	HAPPENED(f, 2, true, "reply", "done");
	assert_int_equal(open_rows(f), 0);
	fixture_close(f);
}

static void
test_the_same_request_id_shows_the_same_turn_from_its_beginning(void **state)
{
	struct fixture *f = fixture_open();
	int first = begin_call(f, "host.chat.send", SEND), second;
	struct asked *q;

	started(f, false);
	HAPPENED(f, 1, false, "session_start", "assistant_delta");
	expect_frame(f, first, "session_start");
	second = begin_call(f, "host.chat.send", SEND);
	while (sock_clients(f->h.sock) < 2 || f->nasked < 2)
		pump(f);
	q = asked_for(f, MSG_turn_next);	/* its own pull, from zero; no second turn.start */
	assert_null(asked_for(f, MSG_turn_start));
	assert_int_equal(json_int(q->body, "after", -1), 0);
	HAPPENED(f, 1, false, "session_start", "assistant_delta");
	expect_frame(f, second, "session_start");
	expect_frame(f, second, "assistant_delta");
	HAPPENED(f, 3, true, "reply", "done");	/* one pull for both from here */
	expect_frame(f, second, "reply");
	expect_frame(f, second, "done");
	expect_frame(f, first, "assistant_delta");
	expect_frame(f, first, "reply");
	expect_frame(f, first, "done");
	close(first);
	close(second);
	fixture_close(f);
}

static void
test_a_turn_that_ended_is_shown_again_and_not_run_again(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);

	started(f, false);
	HAPPENED(f, 1, true, "session_start", "reply", "done");
	close(fd);
	fd = begin_call(f, "host.chat.send", SEND);
	wait_asked(f, MSG_turn_next);
	assert_null(asked_for(f, MSG_turn_start));
	HAPPENED(f, 1, true, "session_start", "reply", "done");
	expect_frame(f, fd, "session_start");
	expect_frame(f, fd, "reply");
	expect_frame(f, fd, "done");
	assert_null(read_line(f, fd));
	close(fd);
	fixture_close(f);
}

#define NOTHING(f) happened(f, 0, (const char *const[]){ NULL }, false)

/* It had been shown more than an engined that died had stored; what comes next has higher numbers. */
static void
test_who_is_ahead_of_the_engine_waits_with_the_turn(void **state)
{
	struct fixture *f = fixture_open();
	int first = begin_call(f, "host.chat.send", SEND), second;

	started(f, false);
	HAPPENED(f, 1, false, "session_start", "assistant_delta", "assistant_delta");
	second = begin_call(f, "host.chat.send", SEND);
	while (f->nasked < 2)
		pump(f);
	HAPPENED(f, 1, false, "session_start", "assistant_delta");
	NOTHING(f);			/* the third is lost */
	assert_int_equal(f->nasked, 1);
	HAPPENED(f, 1LL << 32, true, "restart_step", "reply", "done");
	expect_frame(f, second, "session_start");
	expect_frame(f, second, "assistant_delta");
	expect_frame(f, second, "restart_step");
	expect_frame(f, second, "reply");
	expect_frame(f, second, "done");
	close(first);
	close(second);
	fixture_close(f);
}

/* A power loss took the end at engined and left it here. */
static void
test_a_closed_turn_that_engined_has_open_again_is_ours_again(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);

	started(f, false);
	HAPPENED(f, 1, true, "session_start", "reply", "done");
	assert_int_equal(open_rows(f), 0);
	close(fd);
	fd = begin_call(f, "host.chat.send", SEND);
	HAPPENED(f, 1, false, "session_start");
	NOTHING(f);
	assert_int_equal(open_rows(f), 1);
	host_down(f);			/* and stays so */
	close(fd);
	host_up(f);
	fd = begin_call(f, "host.chat.send", SEND);
	json_decref(call_host(f, "host.activity.list", "{}"));	/* after this it is attached */
	HAPPENED(f, 1, false, "session_start");
	HAPPENED(f, 1LL << 32, true, "reply", "done");
	expect_frame(f, fd, "session_start");
	expect_frame(f, fd, "reply");
	expect_frame(f, fd, "done");
	assert_int_equal(open_rows(f), 0);
	close(fd);
	fixture_close(f);
}

static void
test_a_running_turn_ends_by_the_word_of_engined_alone(void **state)
{
	static const enum error_code passing[] = { ERR_busy, ERR_internal, ERR_io, ERR_too_large };
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	json_t *o;

	started(f, false);
	for (size_t i = 0; i < COUNT(passing); i++)
		answer(f, wait_asked(f, MSG_turn_next), NULL, &(struct error){ .code = passing[i], .text = "not now" });
	HAPPENED(f, 1, false, "session_start");
	expect_frame(f, fd, "session_start");
	assert_int_equal(open_rows(f), 1);
	answer(f, wait_asked(f, MSG_turn_next), NULL, &(struct error){ .code = ERR_not_found, .text = "turn t1" });
	o = frame(f, fd, "error");
	assert_string_equal(json_str(o, "code", ""), "not-found");
	json_decref(o);
	expect_frame(f, fd, "done");
	assert_int_equal(open_rows(f), 0);
	close(fd);
	fixture_close(f);
}

static void
test_open_rows_are_taken_up_again_after_a_restart(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	struct asked *q;

	started(f, false);
	HAPPENED(f, 1, false, "session_start");
	host_down(f);
	close(fd);
	host_up(f);
	q = wait_asked(f, MSG_turn_start);	/* nobody had to ask for it */
	assert_string_equal(json_str(q->body, "key", ""), "host:default:r1");
	assert_string_equal(json_str(q->body, "text", ""), "hello");
	assert_string_equal(json_str(q->body, "workspace", ""), "/srv/work");
	fd = begin_call(f, "host.chat.send", SEND);
	json_decref(call_host(f, "host.activity.list", "{}"));	/* after this it is attached */
	started(f, true);
	HAPPENED(f, 1, false, "session_start", "assistant_delta");
	HAPPENED(f, 3, true, "reply", "done");
	expect_frame(f, fd, "session_start");
	expect_frame(f, fd, "assistant_delta");
	expect_frame(f, fd, "reply");
	expect_frame(f, fd, "done");
	assert_int_equal(open_rows(f), 0);
	close(fd);
	fixture_close(f);
}

static void
test_what_is_not_to_be_saved_is_not_in_the_row(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send",
	    "{\"profile\":\"default\",\"text\":\"secret thing\",\"request_id\":\"r\",\"no_save\":true}");
	sqlite3_stmt *s;

	wait_asked(f, MSG_turn_start);
	s = db_query(f->h.db, NULL, "SELECT body FROM turns", "");
	assert_int_equal(db_step(f->h.db, s, NULL), 1);
	assert_null(strstr((const char *)sqlite3_column_text(s, 0), "secret"));
	db_done(s);
	close(fd);
	fixture_close(f);
}

static void
test_a_refusal_is_an_error_frame_and_done(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	json_t *o;

	answer(f, wait_asked(f, MSG_turn_start), NULL, &(struct error){ .code = ERR_busy, .text = "session is busy" });
	o = frame(f, fd, "error");
	assert_string_equal(json_str(o, "code", ""), "busy");
	assert_string_equal(json_str(o, "text", ""), "session is busy");
	json_decref(o);
	expect_frame(f, fd, "done");
	assert_null(read_line(f, fd));
	close(fd);

	fd = begin_call(f, "host.chat.send", SEND);	/* nothing began, so the key may be used again */
	wait_asked(f, MSG_turn_start);
	close(fd);
	fixture_close(f);
}

static void
test_an_engine_that_restarts_is_asked_again_under_the_same_key(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	struct error away = { .code = ERR_gone, .text = "engined died" };

	answer(f, wait_asked(f, MSG_turn_start), NULL, &away);
	assert_string_equal(json_str(wait_asked(f, MSG_turn_start)->body, "key", ""), "host:default:r1");
	started(f, false);
	HAPPENED(f, 1, false, "session_start");
	answer(f, wait_asked(f, MSG_turn_next), NULL, &away);
	assert_int_equal(json_int(wait_asked(f, MSG_turn_next)->body, "after", 0), 1);
	HAPPENED(f, 2, true, "reply", "done");
	expect_frame(f, fd, "session_start");
	expect_frame(f, fd, "reply");
	expect_frame(f, fd, "done");
	close(fd);
	fixture_close(f);
}

static void
test_an_engine_that_stays_away_is_an_error_after_a_while(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	struct error away = { .code = ERR_unavailable, .text = "default/engined: it does not answer" };
	json_t *o;

	clock_fake(-1, 1000000);
	answer(f, wait_asked(f, MSG_turn_start), NULL, &away);
	clock_fake(-1, 1000000 + TURNS_START_S * 1000);
	answer(f, wait_asked(f, MSG_turn_start), NULL, &away);
	o = frame(f, fd, "error");
	assert_string_equal(json_str(o, "code", ""), "unavailable");
	assert_string_equal(json_str(o, "text", ""), "default/engined: it does not answer (alpi daemon status tells more)");
	json_decref(o);
	expect_frame(f, fd, "done");
	assert_int_equal(open_rows(f), 0);
	clock_fake(-1, -1);
	close(fd);
	fixture_close(f);
}

static void
test_a_turn_that_may_have_begun_is_cancelled_when_its_client_was_told_of_a_failure(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND);
	struct error gone = { .code = ERR_gone, .text = "engined died" };

	clock_fake(-1, 1000000);
	answer(f, wait_asked(f, MSG_turn_start), NULL, &gone);
	clock_fake(-1, 1000000 + TURNS_START_S * 1000);
	answer(f, wait_asked(f, MSG_turn_start), NULL, &gone);
	expect_frame(f, fd, "error");
	expect_frame(f, fd, "done");
	clock_fake(-1, -1);
	assert_int_equal(open_rows(f), 1);
	answer(f, wait_asked(f, MSG_turn_cancel), &(struct turn_cancel_reply){ .cancelled = true }, NULL);
	assert_int_equal(open_rows(f), 0);
	close(fd);
	fixture_close(f);
}

static void
test_cancel_reaches_the_turn_of_that_request(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", SEND), cancel;
	json_t *o;

	started(f, false);
	cancel = begin_call(f, "host.chat.cancel", "{\"request_id\":\"r1\"}");
	answer(f, wait_asked(f, MSG_turn_cancel), &(struct turn_cancel_reply){ .cancelled = true }, NULL);
	o = read_json(f, cancel);
	assert_true(json_bool(json_object_get(o, "result"), "cancelled", false));
	json_decref(o);
	close(cancel);
	o = call_host(f, "host.chat.cancel", "{\"request_id\":\"other\"}");
	assert_false(json_bool(json_object_get(o, "result"), "cancelled", true));
	json_decref(o);
	close(fd);
	fixture_close(f);
}

static void
test_what_is_missing_is_one_error_frame(void **state)
{
	struct fixture *f = fixture_open();
	int fd = begin_call(f, "host.chat.send", "{\"profile\":\"default\",\"request_id\":\"r\"}");

	expect_frame(f, fd, "error");
	assert_null(read_line(f, fd));
	close(fd);
	fixture_close(f);
}

static void
test_a_profile_that_does_not_exist_is_not_found(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o = call_host(f, "host.chat.send", "{\"profile\":\"nobody\",\"text\":\"x\",\"request_id\":\"r\"}");

	assert_int_equal(code_of(o), -32004);
	json_decref(o);
	o = call_host(f, "host.chat.send", "{\"profile\":\"../etc\",\"text\":\"x\",\"request_id\":\"r\"}");
	assert_int_equal(code_of(o), -32602);
	json_decref(o);
	fixture_close(f);
}

#define LAST 40

static json_t *large;
static int own_pulls;

/* Events of a turn whose text is large: from after+1 on, as engined has them. */
static void
give_large(struct fixture *f, struct asked *q, int64_t upto)
{
	struct turn_event rows[LAST];
	size_t n = 0;

	for (int64_t seq = json_int(q->body, "after", 0) + 1; seq <= upto; seq++)
		rows[n++] = (struct turn_event){ .seq = seq, .kind = seq == LAST ? "done" : "assistant_delta",
			.data = large };
	answer(f, q, &(struct turn_next_reply){ .events = rows, .n_events = n, .done = upto == LAST }, NULL);
}

/* A follower that pulls for itself does not wait; the turn's own pull does. */
static void
serve_followers(struct fixture *f)
{
	for (size_t i = 0; i < f->nasked; i++)
		if (f->asked[i].type == MSG_turn_next && json_int(f->asked[i].body, "wait_ms", 0) == 0) {
			own_pulls++;
			give_large(f, &f->asked[i], LAST - 1);
			return;
		}
}

static void
test_a_follower_that_does_not_read_costs_a_bounded_queue_and_no_one_else(void **state)
{
	struct fixture *f = fixture_open();
	int slow = begin_call(f, "host.chat.send", SEND), quick;
	cleanup_free char *text = malloc(300001);

	memset(text, 'x', 300000);
	text[300000] = '\0';
	large = json_pack("{s:s}", "text", text);
	started(f, false);
	quick = begin_call(f, "host.chat.send", SEND);
	json_decref(call_host(f, "host.activity.list", "{}"));
	for (int64_t seq = 1; seq < LAST; seq++) {
		give_large(f, wait_asked(f, MSG_turn_next), seq);
		expect_frame(f, quick, "assistant_delta");
		assert_true(f->nasked == 1);	/* the slow one pulls nothing while its queue is full */
	}
	f->idle = serve_followers;
	for (int64_t seq = 1; seq < LAST; seq++)
		expect_frame(f, slow, "assistant_delta");
	assert_true(own_pulls > 0);	/* what did not fit was not kept here for it */
	give_large(f, wait_asked(f, MSG_turn_next), LAST);
	expect_frame(f, slow, "done");
	expect_frame(f, quick, "done");
	json_decref(large);
	close(slow);
	close(quick);
	fixture_close(f);
}

static void
test_a_client_works_in_its_directory_unless_that_is_too_much(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *inside = path_join(f->root, "sessions");

	f->h.person = xstrdup("/home/kim");
	assert_string_equal(turns_workspace(&f->h, "/home/kim/code"), "/home/kim/code");
	assert_null(turns_workspace(&f->h, "/home/kim"));
	assert_null(turns_workspace(&f->h, "/"));
	assert_null(turns_workspace(&f->h, inside));
	assert_null(turns_workspace(&f->h, f->root));
	assert_null(turns_workspace(&f->h, "/home/kim/code/../../kim"));
	assert_null(turns_workspace(&f->h, "code"));
	assert_null(turns_workspace(&f->h, NULL));
	free(f->h.person);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_turn_is_shown_from_session_start_to_done),
		TEST(test_a_new_session_is_named_in_its_grant),
		TEST(test_without_a_person_nobody_can_approve),
		TEST(test_a_turn_goes_on_without_its_client),
		TEST(test_the_same_request_id_shows_the_same_turn_from_its_beginning),
		TEST(test_a_turn_that_ended_is_shown_again_and_not_run_again),
		TEST(test_who_is_ahead_of_the_engine_waits_with_the_turn),
		TEST(test_a_closed_turn_that_engined_has_open_again_is_ours_again),
		TEST(test_a_running_turn_ends_by_the_word_of_engined_alone),
		TEST(test_open_rows_are_taken_up_again_after_a_restart),
		TEST(test_what_is_not_to_be_saved_is_not_in_the_row),
		TEST(test_a_refusal_is_an_error_frame_and_done),
		TEST(test_an_engine_that_restarts_is_asked_again_under_the_same_key),
		TEST(test_an_engine_that_stays_away_is_an_error_after_a_while),
		TEST(test_a_turn_that_may_have_begun_is_cancelled_when_its_client_was_told_of_a_failure),
		TEST(test_cancel_reaches_the_turn_of_that_request),
		TEST(test_what_is_missing_is_one_error_frame),
		TEST(test_a_profile_that_does_not_exist_is_not_found),
		TEST(test_a_follower_that_does_not_read_costs_a_bounded_queue_and_no_one_else),
		TEST(test_a_client_works_in_its_directory_unless_that_is_too_much),
	};

	return RUN(tests);
}
