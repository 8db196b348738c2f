/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine_fixture.h"

/* Run so many turns in one session, each with about 400 tokens on both sides. */
static void
talk_long(int turns)
{
	char text[1601];

	memset(text, 'u', 1600);
	text[1600] = '\0';
	for (int i = 0; i < turns; i++) {
		cleanup_free char *key = xasprintf("long%d", i), *session = i == 0 ? NULL : xstrdup(session_id);

		json_decref(run_turn(key, session, text));
	}
}

static json_t *
log_rows(void)
{
	cleanup_free char *text = get_file(home, "logs/compaction.jsonl");
	json_t *rows = json_array();

	for (char *line = text == NULL ? NULL : strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		json_array_append_new(rows, json_loads(line, 0, NULL));
	return rows;
}

static int64_t
role_of(const json_t *messages, const char *start)
{
	json_t *m;
	size_t i;

	json_array_foreach(messages, i, m)
		if (strncmp(json_str(m, "content", ""), start, strlen(start)) == 0)
			return (int64_t)i;
	return -1;
}

static int64_t
tokens_of_session(const char *id)
{
	cleanup_json json_t *s = session_load(home, id, NULL);

	return json_int(s, "input_tokens", 0);
}

/* A conversation that is folded at its next step, and what it had cost until then. */
struct full {
	char	*session;
	int64_t	 charged, tokens;
};

static void
full_clear(struct full *f)
{
	free(f->session);
}
#define cleanup_full __attribute__((cleanup(full_clear)))

static struct full
talk_until_full(const struct answer *answers)
{
	talk_long(8);
	context_window = 4000;
	script = answers;
	script_at = 0;
	json_array_clear(asked);
	return (struct full){ xstrdup(session_id), ledger_tokens(engine.ledger), tokens_of_session(session_id) };
}

/* A summary and an answer were paid, each once. */
static void
assert_paid(const struct full *f)
{
	assert_int_equal(ledger_tokens(engine.ledger) - f->charged, 2 * 110);
	assert_int_equal(tokens_of_session(f->session), f->tokens + 2 * 100);
}

/* The process dies here, and the next one goes on with these answers to the end. */
static void
die_and_go_on(const struct answer *answers)
{
	cleanup_json json_t *events = NULL;

	engine_down();
	script = answers;
	script_at = 0;
	json_array_clear(asked);
	engine_up(NULL);
	run_until_over();
	events = events_after(0);
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "fine");
}

static void
test_a_long_conversation_is_folded_before_the_step_and_charged(void **state)
{
	static const struct answer answers[] = { { .text = "  they said u  \n" }, { .text = "fine" }, { 0 } };
	cleanup_full struct full full = talk_until_full(answers);
	cleanup_json json_t *events = NULL, *rows = NULL;
	cleanup_free char *kinds = NULL;
	const json_t *row, *sent;

	events = run_turn("now", full.session, "and now?");
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start auto_compact usage assistant_delta usage reply done");
	assert_int_equal(json_array_size(asked), 3);	/* the last one asks for candidates (review.c) */
	assert_int_equal(json_array_size(json_object_get(json_array_get(asked, 0), "tools")), 0);
	sent = json_object_get(json_array_get(asked, 1), "messages");
	assert_true(role_of(sent, "[auto-compacted summary]\n") > 0);
	assert_true(role_of(sent, "and now?") == (int64_t)json_array_size(sent) - 1);
	assert_string_equal(json_str(pushed_data("session_changed"), "session_id", ""), full.session);
	assert_paid(&full);
	rows = log_rows();
	assert_int_equal(json_array_size(rows), 1);
	row = json_array_get(rows, 0);
	assert_string_equal(json_str(row, "trigger", ""), "auto");
	assert_true(json_bool(row, "fired", false));
	assert_int_equal(json_int(row, "ctx_window", 0), 4000);
	assert_true(json_int(row, "tokens_before", 0) > 3000 && json_int(row, "tokens_after", 0) < json_int(row, "tokens_before", 0));
	assert_true(json_int(row, "summarized_messages", 0) > 0);
	assert_int_equal(json_object_size(row), 10);
}

static void
test_the_next_turn_goes_on_from_what_was_folded(void **state)
{
	static const struct answer answers[] = { { .text = "summary one" }, { .text = "fine" }, { .text = "finer" }, { 0 } };
	cleanup_full struct full full = talk_until_full(answers);
	const json_t *sent;

	json_decref(run_turn("now", full.session, "and now?"));
	json_array_clear(asked);
	json_decref(run_turn("next", full.session, "and next?"));
	assert_int_equal(json_array_size(asked), 1);
	sent = json_object_get(json_array_get(asked, 0), "messages");
	assert_true(role_of(sent, "[auto-compacted summary]\n") > 0);
}

/* paid: how many answers were. */
static void
failing(const struct answer *answers, int paid)
{
	cleanup_full struct full full = talk_until_full(answers);
	cleanup_json json_t *rows = NULL, *events = NULL;
	const json_t *sent;

	events = run_turn("now", full.session, "and now?");
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "fine");
	assert_int_equal(json_array_size(asked), 2);
	sent = json_object_get(json_array_get(asked, 1), "messages");
	assert_int_equal(role_of(sent, "[auto-compacted summary]"), -1);
	assert_int_equal(json_array_size(sent), 1 + 16 + 2);	/* prompt, eight turns, the time and the request */
	rows = log_rows();
	assert_int_equal(json_array_size(rows), 1);
	assert_false(json_bool(json_array_get(rows, 0), "fired", true));
	assert_int_equal(ledger_tokens(engine.ledger) - full.charged, paid * 110);
	assert_int_equal(tokens_of_session(full.session), full.tokens + paid * 100);
}

static void
test_it_is_looked_before_each_step_of_a_turn(void **state)
{
	static const char words[] = "words ", good[] = "[{\"id\":\"c\",\"name\":\"good\",\"arguments\":\"{}\"}]";
	struct answer answers[16] = { { 0 } };
	cleanup_free char *text = xmalloc(1601), *users = NULL;
	cleanup_json json_t *events = NULL, *rows = NULL;

	for (size_t i = 0; i < 1600; i++)
		text[i] = words[i % 6];
	text[1600] = '\0';
	for (size_t i = 0; i < 14; i++)
		answers[i] = (struct answer){ .text = text, .calls = i < 13 ? good : NULL };
	context_window = 6000;
	script = answers;
	events = run_turn("k", NULL, "do a lot");
	assert_string_equal(json_str(last_event(events, "reply"), "session_id", ""), session_id);
	rows = log_rows();
	assert_true(json_array_size(rows) >= 1);
	assert_true(json_bool(json_array_get(rows, 0), "fired", false));
	assert_int_equal(effects("good") + (int64_t)json_array_size(rows) + 2, (int64_t)json_array_size(asked));
	users = contents(json_array_size(asked) - 2, "user");	/* the last one asks for candidates */
	assert_string_equal(users, "do a lot\n");	/* among the first two, so it stays */
}

static void
test_an_empty_summary_leaves_the_history_unchanged(void **state)
{
	static const struct answer answers[] = { { .text = " \n" }, { .text = "fine" }, { 0 } };

	failing(answers, 2);
}

static void
test_a_failed_summary_leaves_the_history_unchanged(void **state)
{
	static const struct answer answers[] = { { .error = "no server" }, { .text = "fine" }, { 0 } };

	failing(answers, 1);
}

static void
test_slash_compact_folds_and_answers_without_a_step(void **state)
{
	static const struct answer answers[] = { { .text = "they said u" }, { 0 } };
	cleanup_json json_t *events = NULL, *rows = NULL;
	cleanup_free char *session = NULL;

	talk_long(8);
	session = xstrdup(session_id);
	script = answers;
	json_array_clear(asked);
	events = run_turn("c", session, "/compact\n");
	assert_non_null(strstr(json_str(last_event(events, "reply"), "text", ""), "shortened"));
	assert_int_equal(json_array_size(asked), 2);
	assert_int_equal(role_of(json_object_get(json_array_get(asked, 0), "messages"), "/compact"), -1);
	rows = log_rows();
	assert_string_equal(json_str(json_array_get(rows, 0), "trigger", ""), "manual");
	json_array_clear(asked);
	json_decref(run_turn("d", session, "go on"));
	assert_true(role_of(json_object_get(json_array_get(asked, 0), "messages"), "[auto-compacted summary]\n") > 0);
	assert_int_equal(role_of(json_object_get(json_array_get(asked, 0), "messages"), "/compact"), -1);
}

static void
test_slash_compact_of_a_short_talk_asks_no_model(void **state)
{
	cleanup_json json_t *events = NULL;

	events = run_turn("c", NULL, "/compact");
	assert_non_null(strstr(json_str(last_event(events, "reply"), "text", ""), "nothing"));
	assert_int_equal(json_array_size(asked), 0);
	assert_int_equal(ledger_tokens(engine.ledger), 0);
}

static void
test_a_kill_while_the_summary_is_written_repeats_it(void **state)
{
	static const struct answer hangs[] = { { .text = "half", .hangs = true }, { 0 } };
	static const struct answer answers[] = { { .text = "whole" }, { .text = "fine" }, { 0 } };
	cleanup_full struct full full = talk_until_full(hangs);

	assert_int_equal(start_turn("now", full.session, "and now?"), 0);
	while (the_turn()->state != TURN_STREAM)
		step_loop();
	step_loop();
	die_and_go_on(answers);
	assert_paid(&full);
}

static void
test_a_kill_after_the_summary_does_not_ask_or_pay_again(void **state)
{
	static const struct answer first[] = { { .text = "the summary" }, { .hangs = true }, { 0 } };
	static const struct answer answers[] = { { .text = "fine" }, { 0 } };
	cleanup_full struct full full = talk_until_full(first);
	cleanup_json json_t *rows = NULL;
	const json_t *sent;

	assert_int_equal(start_turn("now", full.session, "and now?"), 0);
	while (json_array_size(asked) < 2)
		step_loop();
	die_and_go_on(answers);
	assert_int_equal(json_array_size(asked), 1);
	sent = json_object_get(json_array_get(asked, 0), "messages");
	assert_true(role_of(sent, "[auto-compacted summary]\n") > 0);
	assert_true(role_of(sent, "and now?") > 0);
	assert_paid(&full);
	rows = log_rows();
	assert_int_equal(json_array_size(rows), 1);
}

static void
test_an_interrupt_while_folding_ends_the_turn(void **state)
{
	static const struct answer hangs[] = { { .text = "half", .hangs = true }, { 0 } };
	cleanup_full struct full full = talk_until_full(hangs);
	cleanup_json json_t *events = NULL;
	cleanup_free char *kinds = NULL;
	struct error e = { 0 };

	assert_int_equal(start_turn("now", full.session, "and now?"), 0);
	while (the_turn()->state != TURN_STREAM)
		step_loop();
	step_loop();
	assert_int_equal(turn_cancel(the_turn(), "user", &e), 0);
	run_until_over();
	events = events_after(0);
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start interrupted done");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE(test_a_long_conversation_is_folded_before_the_step_and_charged),
		FIXTURE(test_the_next_turn_goes_on_from_what_was_folded),
		FIXTURE(test_it_is_looked_before_each_step_of_a_turn),
		FIXTURE(test_an_empty_summary_leaves_the_history_unchanged),
		FIXTURE(test_a_failed_summary_leaves_the_history_unchanged),
		FIXTURE(test_slash_compact_folds_and_answers_without_a_step),
		FIXTURE(test_slash_compact_of_a_short_talk_asks_no_model),
		FIXTURE(test_a_kill_while_the_summary_is_written_repeats_it),
		FIXTURE(test_a_kill_after_the_summary_does_not_ask_or_pay_again),
		FIXTURE(test_an_interrupt_while_folding_ends_the_turn),
	};

	return RUN(tests);
}
