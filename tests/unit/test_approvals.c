/* SPDX-License-Identifier: Apache-2.0 */
/* A person's answer: given once, sealed over what was shown, told to everyone. */
#include "tests/unit/host_fixture.h"

#include "common/grant.h"

#define TICKET "00112233445566778899aabbccddeeff"

static void
request(struct fixture *f, const char *ticket)
{
	cleanup_json json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "request_id", ticket,
	    "command", "sudo true", "severity", "caution", "pattern", "sudo", "cwd", "/home/kim/code",
	    "session_id", "0123456789ab", "timeout_s", 60, "profile", "somebody else's");
	struct error e = { 0 };

	assert_true(approvals_request(f->h.approvals, "default", "approval.request", data, &e) > 0);
}

static void
clarify(struct fixture *f, const char *id, int multi, int other)
{
	cleanup_json json_t *data = json_pack("{s:s, s:s, s:[{s:s}, {s:s}], s:b, s:b}", "request_id", id, "question",
	    "which?", "choices", "label", "red", "label", "blue", "allow_other", other, "multi", multi);
	struct error e = { 0 };

	assert_true(approvals_request(f->h.approvals, "default", "clarification.request", data, &e) > 0);
}

static int
respond(struct fixture *f, const char *choice)
{
	cleanup_free char *params = xasprintf("{\"request_id\":\"" TICKET "\",\"choice\":\"%s\"}", choice);

	return begin_call(f, "host.approval.respond", params);
}

static size_t
pending(struct fixture *f)
{
	cleanup_json json_t *o = call_host(f, "host.approval.pending", "{}");

	return json_array_size(json_at(o, "result.requests"));
}

static void
took(struct fixture *f, bool taken)
{
	answer(f, wait_asked(f, MSG_approval_answer), &(struct approval_answer_reply){ .taken = taken }, NULL);
}

static void
expect_ok(struct fixture *f, int fd, bool ok)
{
	cleanup_json json_t *o = read_json(f, fd);

	assert_true(json_bool(json_object_get(o, "result"), "ok", !ok) == ok);
	close(fd);
}

/* The seal as toolrunner checks it, over its own command, pattern and directory. */
static int
unseal(const char *choice, const char *command, const char *seal)
{
	const char *parts[] = { "approval", TICKET, choice, command, "sudo", "/home/kim/code", NULL };
	struct boot b = { 0 };
	struct error e = { 0 };
	int result;

	boot_line(&b, "unit default/toolrunner", &e);
	boot_line(&b, "verify default/hostd " HEX32, &e);
	result = grant_unseal(&b, "default/hostd", parts, seal, &e);
	boot_clear(&b);
	return result;
}

static void
test_an_answer_is_sealed_over_what_was_shown(void **state)
{
	struct fixture *f = fixture_open();
	struct asked *q;
	int fd;

	request(f, TICKET);
	fd = respond(f, "once");
	q = wait_asked(f, MSG_approval_answer);
	assert_string_equal(json_str(q->body, "choice", ""), "once");
	assert_int_equal(unseal("once", "sudo true", json_str(q->body, "seal", "")), 0);
	assert_int_equal(unseal("session", "sudo true", json_str(q->body, "seal", "")), -1);
	assert_int_equal(unseal("once", "sudo rm", json_str(q->body, "seal", "")), -1);
	took(f, true);
	expect_ok(f, fd, true);
	assert_int_equal(pending(f), 0);
	fixture_close(f);
}

static void
test_clients_are_shown_the_asking_profile_and_a_short_path(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o, *row;

	f->h.person = "/home/kim";
	request(f, TICKET);
	o = call_host(f, "host.approval.pending", "{}");
	row = json_array_get(json_at(o, "result.requests"), 0);
	assert_string_equal(json_str(row, "profile", ""), "default");
	assert_string_equal(json_str(row, "cwd", ""), "~/code");
	assert_string_equal(json_str(row, "command", ""), "sudo true");
	json_decref(o);
	o = call_host(f, "host.activity.list", "{}");
	assert_string_equal(json_str(json_array_get(json_at(o, "result.needs_you"), 0), "kind", ""), "approval");
	json_decref(o);
	fixture_close(f);
}

static void
test_the_first_answer_wins_and_all_are_told(void **state)
{
	struct fixture *f = fixture_open();
	int events = begin_call(f, "host.events.subscribe", "{}"), first, second;
	json_t *o;

	expect_frame(f, events, "subscribed");
	request(f, TICKET);
	expect_frame(f, events, "approval.request");
	first = respond(f, "deny");
	wait_asked(f, MSG_approval_answer);
	second = respond(f, "once");
	expect_ok(f, second, false);
	took(f, true);
	expect_ok(f, first, true);
	for (o = read_json(f, events); strcmp(json_str(o, "event", ""), "approval.resolved") != 0;
	    o = read_json(f, events))
		json_decref(o);
	assert_string_equal(json_str(json_object_get(o, "data"), "choice", ""), "deny");
	assert_string_equal(json_str(json_object_get(o, "data"), "pattern", ""), "sudo");
	json_decref(o);
	expect_ok(f, respond(f, "once"), false);
	close(events);
	fixture_close(f);
}

static void
test_an_unknown_choice_settles_nothing(void **state)
{
	struct fixture *f = fixture_open();
	int fd;
	json_t *o;

	request(f, TICKET);
	fd = respond(f, "yes");
	o = read_json(f, fd);
	assert_int_equal(code_of(o), -32602);
	json_decref(o);
	close(fd);
	assert_int_equal(pending(f), 1);
	fixture_close(f);
}

static void
test_always_is_saved_before_it_is_said(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *text = NULL;
	int fd;

	request(f, TICKET);
	fd = respond(f, "always");
	assert_string_equal(json_str(wait_asked(f, MSG_approval_answer)->body, "choice", ""), "always");
	text = get_file(f->root, "config.yaml");
	assert_non_null(strstr(text, "sudo"));
	took(f, true);
	expect_ok(f, fd, true);
	fixture_close(f);
}

static void
test_always_that_cannot_be_saved_is_a_refusal(void **state)
{
	struct fixture *f = fixture_open();
	int fd;

	put_file(f->root, "config.yaml", "model: [\n");
	request(f, TICKET);
	fd = respond(f, "always");
	assert_string_equal(json_str(wait_asked(f, MSG_approval_answer)->body, "choice", ""), "deny");
	took(f, true);
	expect_ok(f, fd, true);
	fixture_close(f);
}

/* A mail is gatewayd's to check, with a key that toolrunner has not; and a yes to one mail is none to the next. */
static void
test_a_mail_is_allowed_once_whatever_is_said(void **state)
{
	static const char other_key[] = "ff" "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	static const char *const said[][2] = { { "always", "once" }, { "session", "once" }, { "once", "once" }, { "deny", "deny" } };

	for (size_t i = 0; i < COUNT(said); i++) {
		struct fixture *f = fixture_open();
		cleanup_free char *mint = xasprintf("mint default/gatewayd %s", other_key), *verify = xasprintf("verify default/hostd %s", other_key);
		cleanup_json json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s}", "request_id", TICKET, "command", "send from me", "pattern",
		    "send a mail", "verifier", "gatewayd", "session_id", "0123456789ab");
		const char *parts[] = { "approval", TICKET, said[i][1], "send from me", "send a mail", "", NULL };
		cleanup_free char *config = xasprintf("%s/config.yaml", f->root);
		struct boot b = { 0 };
		struct error e = { 0 };
		struct asked *q;
		int fd;

		assert_int_equal(boot_line(&f->d.boot, mint, &e), 0);
		assert_true(approvals_request(f->h.approvals, "default", "approval.request", data, &e) > 0);
		fd = respond(f, said[i][0]);
		q = wait_asked(f, MSG_approval_answer);
		assert_string_equal(json_str(q->body, "choice", ""), said[i][1]);
		boot_line(&b, "unit default/gatewayd", &e);
		boot_line(&b, verify, &e);
		assert_int_equal(grant_unseal(&b, "default/hostd", parts, json_str(q->body, "seal", ""), &e), 0);
		boot_clear(&b);
		assert_int_equal(access(config, F_OK), -1);	/* nothing is allowed for later */
		took(f, true);
		expect_ok(f, fd, true);
		fixture_close(f);
	}
}

static void
test_an_answer_is_brought_again_to_an_engine_that_was_away(void **state)
{
	struct fixture *f = fixture_open();
	int fd;

	request(f, TICKET);
	fd = respond(f, "once");
	answer(f, wait_asked(f, MSG_approval_answer), NULL, &(struct error){ .code = ERR_gone, .text = "died" });
	took(f, true);
	expect_ok(f, fd, true);
	fixture_close(f);
}

static void
test_an_answer_that_came_too_late_is_said_to_be(void **state)
{
	struct fixture *f = fixture_open();
	int fd;

	request(f, TICKET);
	fd = respond(f, "once");
	took(f, false);
	expect_ok(f, fd, false);
	fixture_close(f);
}

static void
test_questions_survive_a_restart_and_silence_denies(void **state)
{
	struct fixture *f = fixture_open();
	int events, fd;
	json_t *o;

	request(f, TICKET);
	host_down(f);
	host_up(f);
	assert_int_equal(pending(f), 1);
	fd = respond(f, "once");
	assert_int_equal(unseal("once", "sudo true", json_str(wait_asked(f, MSG_approval_answer)->body, "seal", "")), 0);
	took(f, true);
	expect_ok(f, fd, true);

	request(f, "ffeeddccbbaa99887766554433221100");
	host_down(f);
	clock_fake(clock_wall_ms() + 61000, -1);
	host_up(f);
	clock_fake(-1, -1);
	while (pending(f) > 0)
		pump(f);
	events = begin_call(f, "host.events.history", "{\"kinds\":[\"approval.resolved\"],\"limit\":1}");
	o = read_json(f, events);
	assert_string_equal(json_str(json_object_get(json_array_get(json_at(o, "result.events"), 0), "data"), "choice", ""),
	    "deny");
	assert_string_equal(json_str(json_object_get(json_array_get(json_at(o, "result.events"), 0), "data"), "responder",
	    ""), "timeout");
	json_decref(o);
	close(events);
	fixture_close(f);
}

static void
test_the_same_question_is_one(void **state)
{
	struct fixture *f = fixture_open();

	request(f, TICKET);
	request(f, TICKET);
	assert_int_equal(pending(f), 1);
	approvals_drop_session(f->h.approvals, "default", "0123456789ab");
	assert_int_equal(pending(f), 0);
	fixture_close(f);
}

static void
clarified(struct fixture *f, const char *id, const char *choice, const char *expected)
{
	cleanup_free char *params = xasprintf("{\"request_id\":\"%s\",\"choice\":%s}", id, choice);
	int fd = begin_call(f, "host.clarification.respond", params);
	struct asked *q = wait_asked(f, MSG_clarification_answer);

	assert_string_equal(json_str(q->body, "choice", "?"), expected);
	answer(f, q, &(struct clarification_answer_reply){ .taken = true }, NULL);
	expect_ok(f, fd, true);
}

static void
test_clarifications_take_labels_text_and_lists(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;

	clarify(f, "a", 0, 0);
	o = call_host(f, "host.clarification.respond", "{\"request_id\":\"a\",\"choice\":\"green\"}");
	assert_int_equal(code_of(o), -32602);
	json_decref(o);
	clarified(f, "a", "\"blue\"", "blue");
	clarify(f, "b", 1, 0);
	clarified(f, "b", "\"[\\\"red\\\",\\\"blue\\\"]\"", "red, blue");
	clarify(f, "c", 0, 1);
	clarified(f, "c", "\"something else\"", "something else");
	clarify(f, "d", 0, 0);
	clarified(f, "d", "\"User cancelled clarification.\"", "User cancelled clarification.");
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_answer_is_sealed_over_what_was_shown),
		TEST(test_clients_are_shown_the_asking_profile_and_a_short_path),
		TEST(test_the_first_answer_wins_and_all_are_told),
		TEST(test_an_unknown_choice_settles_nothing),
		TEST(test_always_is_saved_before_it_is_said),
		TEST(test_always_that_cannot_be_saved_is_a_refusal),
		TEST(test_a_mail_is_allowed_once_whatever_is_said),
		TEST(test_an_answer_is_brought_again_to_an_engine_that_was_away),
		TEST(test_an_answer_that_came_too_late_is_said_to_be),
		TEST(test_questions_survive_a_restart_and_silence_denies),
		TEST(test_the_same_question_is_one),
		TEST(test_clarifications_take_labels_text_and_lists),
	};

	return RUN(tests);
}
