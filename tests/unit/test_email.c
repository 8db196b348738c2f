/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engined's half of the tool email: who may call it, what gatewayd is ordered
 * and shown, that a person's word reaches it unread, and the files on both
 * sides. What gatewayd makes of an order is test_mailcalls.c's.
 */
#include "tests/unit/engine_fixture.h"

#define PIECE	6		/* bytes that a neighbour takes or gives at a time */

#define GRANT(daemon, caps) "v1\nfrom default/hostd\nfor default/" daemon "\ncaps " caps "\n"
#define EMAIL(id, args) "{\"id\":\"" id "\",\"name\":\"email\",\"arguments\":\"" args "\"}"
#define SEND "{\\\"action\\\":\\\"send\\\",\\\"recipients\\\":[\\\"bob@there.example\\\"]}"

static const char *const both[] = { GRANT("toolrunner", "read write"), GRANT("gatewayd", "message mail approve") };

/* ---- toolrunner, which has files, and gatewayd, which has a mailbox ---------------------------------------- */

static json_t *heard;			/* [{unit, msg, key, grant, ...}] in the order it came; what hostd is told is not in it */
static bool asks;			/* gatewayd asks a person before it acts */
static bool forgets;			/* gatewayd does not know the calls that it took */
static const char *refuses;		/* toolrunner gives no file, and says this */
static enum error_code full;		/* gatewayd takes no file */
static int64_t file_size;

static void
hears(const struct request *r, const void *body, const char *grant)
{
	json_t *row = json_pack("{s:s, s:i, s:i, s:s*, s:s*}", "unit", r->unit, "msg", (int)r->type, "at",
	    (int)json_array_size(heard), "key", r->key, "grant", grant);

	if (r->type == MSG_tool_exec) {
		json_object_set_new(row, "tool", json_string(((const struct tool_exec *)body)->tool));
		json_object_set(row, "args", ((const struct tool_exec *)body)->args);
	} else if (r->type == MSG_message_file) {
		json_object_set_new(row, "key", json_string(((const struct message_file *)body)->key));
		json_object_set_new(row, "offset", json_integer(((const struct message_file *)body)->offset));
	} else if (r->type == MSG_tool_approve) {
		const struct tool_approve *m = body;

		json_object_update_new(row, json_pack("{s:s, s:s, s:s}", "ticket", m->ticket, "choice", m->choice, "seal", m->seal));
	}
	if (strcmp(r->unit, "hostd") == 0)
		json_decref(row);
	else
		json_array_append_new(heard, row);
}

/* The n-th, counted from 0, that this unit heard of this kind; NULL: there were fewer. */
static json_t *
nth(const char *unit, enum msg type, int n)
{
	json_t *row;
	size_t i;

	json_array_foreach(heard, i, row)
		if (strcmp(json_str(row, "unit", ""), unit) == 0 && json_int(row, "msg", -1) == (int64_t)type && n-- == 0)
			return row;
	return NULL;
}

static json_t *
call_of(const struct request *r)
{
	return json_object_get(runner_calls, r->key == NULL ? "" : r->key);
}

static bool
is_approved(const struct request *r)
{
	return json_object_get(call_of(r), "approved") != NULL;
}

static int64_t
after_piece(int64_t offset)
{
	return offset + PIECE < file_size ? offset + PIECE : file_size;
}

/* A piece is read, or written. */
static void
tell_file(struct request *r)
{
	const json_t *args = json_object_get(call_of(r), "args");
	cleanup_free char *text = json_object_get(args, "data") == NULL ?
	    xasprintf("{\"size\":%lld,\"data\":\"QUFB\",\"name\":\"bill.pdf\"}", (long long)file_size) :
	    xasprintf("{\"path\":\"/w/%s\",\"next_offset\":%lld}", json_str(args, "path", ""), (long long)after_piece(json_int(args, "offset", 0)));
	struct tool_next_reply reply = { .state = "done", .ok = refuses == NULL, .output = text, .error = refuses };

	r->done(r->arg, &reply, NULL);
}

static void
tell_mail(struct request *r)
{
	struct tool_next_reply reply = { .state = "done", .ok = true, .output = "sent" };

	if (forgets)
		reply = (struct tool_next_reply){ .state = "unknown" };
	else if (asks && !is_approved(r))
		reply = (struct tool_next_reply){ .state = "asking", .seq = 1, .ticket = "t1", .command = "send from me\nTo: bob\n\nSee there.",
		    .severity = "caution", .pattern = "send a mail", .timeout_s = 300 };
	r->done(r->arg, &reply, NULL);
}

static void
take_file(struct request *r)
{
	const json_t *row = json_array_get(heard, json_array_size(heard) - 1);
	struct error e = { full, "the disk is full" };

	if (full != 0)
		r->done(r->arg, NULL, &e);
	else
		r->done(r->arg, &(struct message_file_reply){ .next_offset = after_piece(json_int(row, "offset", 0)) }, NULL);
}

static bool
waits(const struct request *r)
{
	return asks && strcmp(r->unit, "gatewayd") == 0 && r->type == MSG_tool_next && r->after != 0 && !is_approved(r) &&
	    !json_bool(call_of(r), "cancelled", false);
}

static bool
says(struct request *r)
{
	bool mailbox = strcmp(r->unit, "gatewayd") == 0;
	bool email = strcmp(json_str(call_of(r), "tool", ""), "email") == 0 && !json_bool(call_of(r), "cancelled", false);
	const char *action = json_str(json_object_get(call_of(r), "args"), "action", "");

	if (r->type == MSG_message_file)
		take_file(r);
	else if (r->type == MSG_tool_next && email && mailbox && strcmp(action, "download_attachment") != 0)
		tell_mail(r);
	else if (r->type == MSG_tool_next && email)
		tell_file(r);
	else
		return false;
	return true;
}

static int
up(void **state)
{
	static const struct neighbours ours = { hears, waits, says };

	asks = forgets = false;
	refuses = NULL;
	full = ERR_none;
	file_size = 2 * PIECE + 1;
	heard = json_array();
	fixture_up(state);
	neighbours = &ours;
	return 0;
}

static int
down(void **state)
{
	json_decref(steal(heard));
	return fixture_down(state);
}

#define MAIL_TEST(fn) cmocka_unit_test_setup_teardown(fn, up, down)

/* ---- turns ------------------------------------------------------------------------------------------------- */

static void
start_as(const char *surface, const char *peer, const char *const *grants)
{
	struct turn_start m = { .key = "k1", .text = "mail", .surface = surface, .peer = peer, .interactive = true,
	    .grants = (const char **)(uintptr_t)grants, .n_grants = 2 };

	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	snprintf(session_id, sizeof(session_id), "%s", json_str(answer_json, "session", ""));
}

/* One answer of the model with these calls, then "ok"; what tool_end says of the last of them, new reference. */
static json_t *
run_calls(const char *calls)
{
	struct answer answers[] = { { .calls = calls }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	script_at = 0;
	start_as("cli", NULL, both);
	run_until_over();
	script = NULL;
	events = events_after(0);
	return json_incref(last_event(events, "tool_end"));
}

static void
assert_failed(const json_t *end, const char *why)
{
	assert_false(json_bool(end, "ok", true));
	if (strstr(json_str(end, "output", ""), why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, json_str(end, "output", ""));
}

/* ---- who may ------------------------------------------------------------------------------------------------ */

static void
test_email_is_ordered_from_gatewayd_under_the_grant_for_it(void **state)
{
	cleanup_json json_t *end = run_calls("[" EMAIL("a", "{\\\"action\\\":\\\"list\\\",\\\"folder\\\":\\\"Work\\\"}") "]");
	cleanup_free char *tool = contents(1, "tool"), *args = NULL;
	json_t *order = nth("gatewayd", MSG_tool_exec, 0);

	assert_true(json_bool(end, "ok", false));
	assert_non_null(order);
	assert_string_equal(json_str(order, "grant", ""), both[1]);
	assert_string_equal(json_str(order, "tool", ""), "email");
	args = json_text_sorted(json_object_get(order, "args"));
	assert_string_equal(args, "{\"action\":\"list\",\"folder\":\"Work\"}");
	assert_null(nth("toolrunner", MSG_tool_exec, 0));
	assert_null(nth("gatewayd", MSG_tool_exec, 1));
	assert_non_null(strstr(tool, "[UNTRUSTED OUTPUT tool=email kind=data id="));	/* others wrote it */
}

static void
test_email_is_nothing_for_strangers_peers_and_jobs_without_the_right(void **state)
{
	static const struct {
		const char	*surface, *peer, *grant;
	} rows[] = {
		{ "telegram", NULL, GRANT("gatewayd", "message") },
		{ "imap", NULL, GRANT("gatewayd", "message mailbox remail") },		/* no such words */
		{ "cron", NULL, GRANT("gatewayd", "message") },
		{ "cron", NULL, GRANT("gatewayd", "message mail") "only caps read message\n" },	/* narrowed on the way */
		{ "cli", NULL, GRANT("scheduled", "mail") },				/* another's grant */
		{ "peer", "bob", GRANT("gatewayd", "message mail approve") },		/* whatever it carries */
	};
	struct answer answers[] = { { .calls = "[" EMAIL("a", SEND) "]" }, { .text = "ok" }, { 0 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *grants[] = { both[0], rows[i].grant };
		cleanup_json json_t *events = NULL;
		cleanup_free char *shown = NULL;

		down(state);
		up(state);
		script = answers;
		start_as(rows[i].surface, rows[i].peer, grants);
		run_until_over();
		events = events_after(0);
		assert_failed(last_event(events, "tool_end"), "no mailbox can be used from here");
		assert_int_equal(json_object_size(runner_calls), 0);
		shown = json_text(json_object_get(json_array_get(asked, 0), "tools"));
		assert_null(strstr(shown, "email"));
	}
}

/* ---- what a person is shown ---------------------------------------------------------------------------------- */

static void
run_until_asked(size_t n)
{
	size_t found;

	do {
		json_t *p;
		size_t i;

		step_loop();
		found = 0;
		json_array_foreach(pushed, i, p)
			found += strcmp(json_str(p, "kind", ""), "approval.request") == 0;
	} while (found < n || held == NULL);
}

static void
test_email_question_and_answer_pass_as_they_are(void **state)
{
	struct answer answers[] = { { .calls = "[" EMAIL("a", SEND) "," EMAIL("b", SEND) "]" }, { .text = "ok" }, { 0 } };
	struct approval_answer yes = { .ticket = "t1", .choice = "always", .seal = "sealed by hostd" };

	asks = true;
	script = answers;
	start_as("cli", NULL, both);
	run_until_asked(1);
	assert_string_equal(json_str(pushed_data("approval.request"), "command", ""), "send from me\nTo: bob\n\nSee there.");
	assert_string_equal(json_str(pushed_data("approval.request"), "pattern", ""), "send a mail");
	assert_string_equal(json_str(pushed_data("approval.request"), "severity", ""), "caution");
	assert_string_equal(json_str(pushed_data("approval.request"), "verifier", ""), "gatewayd");	/* whom the answer is sealed for */
	assert_int_equal(tell(MSG_approval_answer, &(struct approval_answer){ .ticket = "t2", .choice = "once", .seal = "s" }), 0);
	assert_false(json_bool(answer_json, "taken", true));
	assert_null(nth("gatewayd", MSG_tool_approve, 0));

	assert_int_equal(tell(MSG_approval_answer, &yes), 0);
	run_until_asked(2);		/* of the second one they are asked again, whatever they said */
	assert_string_equal(json_str(nth("gatewayd", MSG_tool_approve, 0), "seal", ""), "sealed by hostd");
	assert_string_equal(json_str(nth("gatewayd", MSG_tool_approve, 0), "ticket", ""), "t1");
	assert_string_equal(json_str(nth("gatewayd", MSG_tool_approve, 0), "choice", ""), "always");
	assert_null(nth("gatewayd", MSG_tool_approve, 1));
	assert_null(nth("toolrunner", MSG_tool_approve, 0));
	assert_int_equal(tell(MSG_approval_answer, &yes), 0);
	run_until_over();
	assert_int_equal(effects("email"), 2);
}

/* ---- files that go --------------------------------------------------------------------------------------------- */

#define WITH_FILES "{\\\"action\\\":\\\"send\\\",\\\"attachments\\\":[\\\"in/a.txt\\\",\\\"b.txt\\\"]}"

static void
test_email_files_are_with_gatewayd_before_the_order(void **state)
{
	cleanup_json json_t *end = run_calls("[" EMAIL("a", WITH_FILES) "]");
	cleanup_free char *args = NULL, *first = NULL, *second = NULL;
	json_t *order = nth("gatewayd", MSG_tool_exec, 0), *file;

	assert_true(json_bool(end, "ok", false));
	args = json_text_sorted(json_object_get(order, "args"));
	assert_string_equal(args, "{\"action\":\"send\",\"attachments\":[{\"name\":\"a.txt\",\"size\":13},{\"name\":\"b.txt\",\"size\":13}]}");
	assert_true(json_int(nth("gatewayd", MSG_message_file, 5), "at", 0) < json_int(order, "at", 0));
	first = xasprintf("%s/0", json_str(order, "key", ""));
	second = xasprintf("%s/1", json_str(order, "key", ""));
	for (int i = 0; i < 6; i++) {
		assert_non_null(file = nth("gatewayd", MSG_message_file, i));
		assert_string_equal(json_str(file, "key", ""), i < 3 ? first : second);
		assert_int_equal(json_int(file, "offset", -1), i % 3 * PIECE);
		assert_string_equal(json_str(file, "grant", ""), both[1]);
		assert_string_equal(json_str(nth("toolrunner", MSG_tool_exec, i), "grant", ""), both[0]);
	}
	assert_null(nth("gatewayd", MSG_message_file, 6));
	assert_string_equal(json_str(json_object_get(nth("toolrunner", MSG_tool_exec, 0), "args"), "path", ""), "in/a.txt");
}

static void
test_email_without_its_files_is_not_ordered(void **state)
{
	static const struct {
		const char	*args, *refuses, *why;
		enum error_code	 full;
	} rows[] = {
		{ "{\\\"action\\\":\\\"send\\\",\\\"attachments\\\":[\\\"a\\\",7]}", NULL, "\"attachments\" must be a list of paths", ERR_none },
		{ "{\\\"action\\\":\\\"send\\\",\\\"attachments\\\":[{\\\"name\\\":\\\"a\\\",\\\"size\\\":1}]}", NULL, "must be a list of paths", ERR_none },
		{ WITH_FILES, ".ssh/id_rsa is sensitive", ".ssh/id_rsa is sensitive", ERR_none },
		{ WITH_FILES, NULL, "the disk is full", ERR_too_large },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *calls = xasprintf("[" EMAIL("a", "%s") "]", rows[i].args);
		cleanup_json json_t *end = NULL;

		down(state);
		up(state);
		refuses = rows[i].refuses;
		full = rows[i].full;
		end = run_calls(calls);
		assert_failed(end, rows[i].why);
		assert_null(nth("gatewayd", MSG_tool_exec, 0));
	}
}

static void
test_email_that_is_interrupted_among_its_files_did_nothing(void **state)
{
	struct answer answers[] = { { .calls = "[" EMAIL("a", WITH_FILES) "]" }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	start_as("cli", NULL, both);
	while (nth("gatewayd", MSG_message_file, 1) == NULL)
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1", .reason = "user" }), 0);
	run_until_over();
	events = events_after(0);
	assert_failed(last_event(events, "tool_end"), "interrupted by the user before anything was done");
	assert_null(nth("gatewayd", MSG_tool_exec, 0));
}

/* ---- a file that came -------------------------------------------------------------------------------------------- */

static void
test_email_file_goes_from_gatewayd_to_toolrunner_piece_by_piece(void **state)
{
	static const struct {
		const char *dest, *path;
	} rows[] = { { "", "bill.pdf" }, { "in/", "in/bill.pdf" }, { "in/other.pdf", "in/other.pdf" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *calls = xasprintf("[" EMAIL("a", "{\\\"action\\\":\\\"download_attachment\\\",\\\"dest_path\\\":\\\"%s\\\","
		    "\\\"offset\\\":99}") "]", rows[i].dest);
		cleanup_free char *saved = xasprintf("saved to /w/%s, 13 bytes", rows[i].path);
		cleanup_json json_t *end = NULL;

		down(state);
		up(state);
		end = run_calls(calls);
		assert_true(json_bool(end, "ok", false));
		assert_string_equal(json_str(end, "output", ""), saved);
		for (int k = 0; k < 3; k++) {
			const json_t *asked_for = json_object_get(nth("gatewayd", MSG_tool_exec, k), "args");
			const json_t *written = json_object_get(nth("toolrunner", MSG_tool_exec, k), "args");

			assert_int_equal(json_int(asked_for, "offset", -1), k * PIECE);	/* not where the model says */
			assert_int_equal(json_int(written, "offset", -1), k * PIECE);
			assert_int_equal(json_int(written, "size", -1), 13);
			assert_string_equal(json_str(written, "path", ""), rows[i].path);
		}
		assert_null(nth("gatewayd", MSG_tool_exec, 3));
	}
}

static void
test_email_file_that_cannot_be_had_or_kept_says_why(void **state)
{
	cleanup_json json_t *end = NULL;

	refuses = "the mail has no file x";
	end = run_calls("[" EMAIL("a", "{\\\"action\\\":\\\"download_attachment\\\"}") "]");
	assert_failed(end, "email: the mail has no file x");
	assert_null(nth("toolrunner", MSG_tool_exec, 0));
}

/* ---- deaths --------------------------------------------------------------------------------------------------------- */

static void
test_email_that_gatewayd_forgot_is_not_ordered_again(void **state)
{
	cleanup_json json_t *end = NULL;

	forgets = true;
	end = run_calls("[" EMAIL("a", SEND) "]");
	assert_failed(end, "outcome unknown");
	assert_int_equal(effects("email"), 1);
}

static void
test_email_of_before_our_death_is_asked_for_and_not_ordered_again(void **state)
{
	struct answer answers[] = { { .calls = "[" EMAIL("a", SEND) "]" }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;

	asks = true;
	script = answers;
	start_as("cli", NULL, both);
	run_until_asked(1);
	engine_down();
	engine_up(NULL);
	run_until_asked(2);		/* the same question */
	assert_int_equal(tell(MSG_approval_answer, &(struct approval_answer){ .ticket = "t1", .choice = "once", .seal = "s" }), 0);
	run_until_over();
	events = events_after(0);
	assert_true(json_bool(last_event(events, "tool_end"), "ok", false));
	assert_int_equal(effects("email"), 1);
	assert_null(nth("gatewayd", MSG_tool_exec, 1));
}

/* Nothing was ordered yet: all of it begins again, with the files whole. */
static void
test_email_of_before_our_death_among_its_files_begins_again(void **state)
{
	struct answer answers[] = { { .calls = "[" EMAIL("a", WITH_FILES) "]" }, { .text = "ok" }, { 0 } };

	script = answers;
	start_as("cli", NULL, both);
	while (nth("gatewayd", MSG_message_file, 1) == NULL)
		step_loop();
	engine_down();
	json_array_clear(heard);
	engine_up(NULL);
	run_until_over();
	assert_int_equal(json_int(nth("gatewayd", MSG_message_file, 0), "offset", -1), 0);
	assert_non_null(nth("gatewayd", MSG_message_file, 5));
	assert_non_null(nth("gatewayd", MSG_tool_exec, 0));
	assert_null(nth("gatewayd", MSG_tool_exec, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MAIL_TEST(test_email_is_ordered_from_gatewayd_under_the_grant_for_it),
		MAIL_TEST(test_email_is_nothing_for_strangers_peers_and_jobs_without_the_right),
		MAIL_TEST(test_email_question_and_answer_pass_as_they_are),
		MAIL_TEST(test_email_files_are_with_gatewayd_before_the_order),
		MAIL_TEST(test_email_without_its_files_is_not_ordered),
		MAIL_TEST(test_email_that_is_interrupted_among_its_files_did_nothing),
		MAIL_TEST(test_email_file_goes_from_gatewayd_to_toolrunner_piece_by_piece),
		MAIL_TEST(test_email_file_that_cannot_be_had_or_kept_says_why),
		MAIL_TEST(test_email_that_gatewayd_forgot_is_not_ordered_again),
		MAIL_TEST(test_email_of_before_our_death_is_asked_for_and_not_ordered_again),
		MAIL_TEST(test_email_of_before_our_death_among_its_files_begins_again),
	};

	return RUN(tests);
}
