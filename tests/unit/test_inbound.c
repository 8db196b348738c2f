/* SPDX-License-Identifier: Apache-2.0 */
/* A peer's turn: one at a time, begun once, told as it goes, ended by who began it. */
#include "tests/unit/link_in_fixture.h"

#include <errno.h>

/* ---- engined's side ------------------------------------------------------------------------------- */

static void
started(struct fixture *f, bool known)
{
	answer(wait_asked(f, MSG_turn_start), &(struct turn_start_reply){ .turn = "t1", .session = "s", .known = known }, NULL);
}

/* turn.next's answer: one event with this number; the last one ends the turn. */
static void
event(struct fixture *f, int64_t seq, const char *kind, const char *data, bool last)
{
	cleanup_json json_t *o = json_parse(data, strlen(data), 8, NULL);
	struct turn_event ev = { .seq = seq, .kind = kind, .data = o };

	assert_non_null(o);
	answer(wait_asked(f, MSG_turn_next), &(struct turn_next_reply){ .events = &ev, .n_events = 1, .done = last }, NULL);
}

static void
died(struct asked *q)
{
	answer(q, NULL, &(struct error){ .code = ERR_gone, .text = "engined died" });
}

static bool
on_disk(struct fixture *f)
{
	cleanup_free char *path = path_join(f->home, "alp/asks.json");

	return access(path, F_OK) == 0;
}

static void
unlink_asks(struct fixture *f)
{
	cleanup_free char *path = path_join(f->home, "alp/asks.json");

	unlink(path);
}

/* A request that goes on. */
static void
begin(struct fixture *f, struct ear *h, const struct person *from, const char *params)
{
	ask(f, h, from, "link.ask", params);
	if (h->call == NULL)
		fail_msg("%s", h->heard > 0 ? h->texts[0] : "dropped");
}

static json_t *
result(struct ear *h, const struct person *to, const char *stream)
{
	json_t *o = answered(h, to), *r = json_incref(json_object_get(o, "result"));

	if (r == NULL)
		fail_msg("%s", json_str(json_object_get(o, "error"), "message", "?"));
	assert_string_equal(json_str(o, "stream", ""), stream);
	json_decref(o);
	return r;
}

/* ---- one turn --------------------------------------------------------------------------------------- */

static void
test_a_plain_ask_is_one_turn_and_one_answer(void **state)
{
	struct fixture *f = fixture_open();
	struct asked *q;
	struct ear h;
	json_t *r;

	begin(f, &h, &f->alice, "{\"prompt\":\"  hello \\n\"}");
	q = wait_asked(f, MSG_turn_start);
	assert_true(on_disk(f));			/* before engined is asked */
	assert_string_equal(json_str(q->body, "text", ""), "hello");
	assert_string_equal(json_str(q->body, "surface", ""), "peer");
	assert_string_equal(json_str(q->body, "peer", ""), "al");
	assert_string_equal(json_str(q->body, "thread", ""), "al");
	assert_true(json_bool(q->body, "fresh", false));
	assert_int_equal(strlen(json_str(q->body, "key", "")), 64);
	assert_int_equal(strlen(json_str(q->body, "session", "")), 12);
	started(f, false);
	event(f, 1, "assistant_delta", "{\"text\":\"hi\"}", false);
	event(f, 2, "usage", "{\"tokens_in\":3,\"tokens_out\":4,\"cost\":0.00042}", false);
	event(f, 3, "reply", "{\"text\":\"hi there\"}", false);
	assert_int_equal(h.heard, 0);
	event(f, 4, "done", "{}", true);
	assert_non_null(strstr(h.texts[0], "\"cost\":0.00042,"));
	r = result(&h, &f->alice, "");
	assert_string_equal(json_str(r, "text", ""), "hi there");
	assert_int_equal(json_int(r, "tokens_in", 0), 3);
	assert_int_equal(json_int(r, "tokens_out", 0), 4);
	assert_false(json_bool(r, "interrupted", true));
	assert_false(json_bool(r, "transient", true));
	assert_string_equal(json_str(r, "history", ""), "peer");
	assert_int_equal(strlen(json_str(r, "session_id", "")), 12);
	json_decref(r);
	assert_true(h.ended);
	assert_false(on_disk(f));
	ear_clear(&h);
	fixture_close(f);
}

static void
test_the_grant_is_for_the_peer_and_its_tools(void **state)
{
	struct fixture *f = fixture_open();
	const char *grant;
	struct ear h;

	pin_alice(f, ALL "  tools: {allow: [read_file, 'web_*', 'todo:list']}\n");
	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	grant = json_string_value(json_array_get(json_object_get(wait_asked(f, MSG_turn_start)->body, "grants"), 0));
	assert_non_null(strstr(grant, "\norigin default/alpd\nfor default/toolrunner\nwho al\nsurface peer\n"));
	assert_non_null(strstr(grant, "\ncaps read write exec network approve\n"));
	assert_non_null(strstr(grant, "\nonly tools read_file web_* todo:list\n"));
	ear_clear(&h);
	alpd_down(f);
	unlink_asks(f);
	alpd_up(f);
	pin_alice(f, ALL "  tools: {allow: []}\n");
	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	grant = json_string_value(json_array_get(json_object_get(wait_asked(f, MSG_turn_start)->body, "grants"), 0));
	assert_non_null(strstr(grant, "\nonly tools\n"));	/* none at all */
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_stream_tells_what_happens(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;
	json_t *r;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	started(f, false);
	r = result(&h, &f->alice, "chunk");
	assert_string_equal(json_str(r, "event", ""), "started");
	assert_int_equal(strlen(json_str(r, "session_id", "")), 12);
	json_decref(r);
	event(f, 1, "assistant_delta", "{\"text\":\"one \"}", false);
	event(f, 2, "assistant_delta", "{\"text\":\"two\"}", false);
	r = result(&h, &f->alice, "chunk");
	assert_string_equal(json_str(r, "text", ""), "one ");
	json_decref(r);
	r = result(&h, &f->alice, "chunk");
	assert_string_equal(json_str(r, "text", ""), "two");
	json_decref(r);
	event(f, 3, "reply", "{\"text\":\"one two\"}", false);
	event(f, 4, "done", "{}", true);
	r = result(&h, &f->alice, "final");
	assert_string_equal(json_str(r, "text", ""), "one two");
	json_decref(r);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_slow_reader_holds_the_turn_up_and_loses_nothing(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;
	json_t *r;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	started(f, false);
	json_decref(result(&h, &f->alice, "chunk"));
	wait_asked(f, MSG_turn_next);
	h.full = true;
	event(f, 1, "assistant_delta", "{\"text\":\"one\"}", false);
	pump(f);
	pump(f);
	assert_null(asked_for(f, MSG_turn_next));	/* nothing more is pulled for it */
	h.full = false;
	receive_drained(h.call);
	r = result(&h, &f->alice, "chunk");
	assert_string_equal(json_str(r, "text", ""), "one");
	json_decref(r);
	wait_asked(f, MSG_turn_next);
	h.full = true;
	event(f, 2, "reply", "{\"text\":\"one\"}", false);
	event(f, 3, "done", "{}", true);
	assert_false(on_disk(f));			/* free for the next */
	assert_false(h.ended);
	h.full = false;
	receive_drained(h.call);
	json_decref(result(&h, &f->alice, "final"));
	assert_true(h.ended);
	ear_clear(&h);
	fixture_close(f);
}

/* ---- who is refused ------------------------------------------------------------------------------------ */

static void
test_a_prompt_is_needed(void **state)
{
	static const char *const wrong[] = { "{}", "{\"prompt\":\"\"}", "{\"prompt\":\" \\n\\t \"}", "{\"prompt\":7}",
	    "{\"prompt\":\"a\\u0000b\"}" };
	struct fixture *f = fixture_open();
	struct ear h;

	for (size_t i = 0; i < COUNT(wrong); i++) {
		ask(f, &h, &f->alice, "link.ask", wrong[i]);
		expect_error(&h, &f->alice, -32602, "invalid-params");
		ear_clear(&h);
	}
	fixture_close(f);
}

static void
test_one_turn_at_a_time_and_then_the_next(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h, other;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"y\"}");
	expect_error(&other, &f->alice, -32007, "target-busy");
	ear_clear(&other);
	started(f, false);
	event(f, 1, "reply", "{\"text\":\"z\"}", true);
	assert_true(h.ended);
	begin(f, &other, &f->alice, "{\"prompt\":\"y\"}");
	ear_clear(&h);
	ear_clear(&other);
	fixture_close(f);
}

static void
test_the_order_of_refusal(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h, other;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	pin_alice(f, ALL "  tools: {deny: [terminal]}\n");
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"\"}");
	expect_error(&other, &f->alice, -32602, "invalid-params");
	ear_clear(&other);
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"x\"}");
	expect_error(&other, &f->alice, -32007, "target-busy");
	ear_clear(&other);
	started(f, false);
	event(f, 1, "reply", "{\"text\":\"z\"}", true);
	ear_clear(&h);
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"x\"}");
	expect_error(&other, &f->alice, -32013, "peer-policy-invalid");
	ear_clear(&other);
	fixture_close(f);
}

static void
test_a_paused_profile_says_so(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;
	json_t *o;

	f->a.settings.paused = true;
	ask(f, &h, &f->alice, "link.ask", "{\"prompt\":\"x\"}");
	o = answered(&h, &f->alice);
	assert_int_equal(json_int(json_object_get(o, "error"), "code", 0), -32007);
	assert_string_equal(json_str(json_at(o, "error.data"), "detail", ""), "this profile is paused");
	json_decref(o);
	ear_clear(&h);
	assert_false(on_disk(f));
	fixture_close(f);
}

static void
test_a_turn_that_engined_refuses_never_began(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	answer(wait_asked(f, MSG_turn_start), NULL, &(struct error){ .code = ERR_busy, .text = "/some/path" });
	expect_error(&h, &f->alice, -32007, "target-busy");
	assert_null(strstr(h.texts[0], "/some/path"));	/* nothing of our inside */
	ear_clear(&h);
	assert_false(on_disk(f));
	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	answer(wait_asked(f, MSG_turn_start), NULL, &(struct error){ .code = ERR_io, .text = "/some/path" });
	expect_error(&h, &f->alice, -32603, "internal-error");
	ear_clear(&h);
	fixture_close(f);
}

/* ---- threads --------------------------------------------------------------------------------------------- */

static void
test_the_threads_of_the_vectors(void **state)
{
	cleanup_json json_t *all = vectors("mentions.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, "threads"), i, row) {
		struct fixture *f = fixture_open();
		cleanup_free char *peers = xasprintf("- id: %s\n  pubkey: %s\n" ALL, json_str(row, "sender_id", ""),
		    identity_name(f->alice.id));
		cleanup_free char *params = json_text_sorted(json_object_get(row, "params"));
		const char *file = json_str(row, "file", NULL);
		cleanup_free char *thread = NULL;
		struct ear h;
		json_t *r;

		put_file(f->home, "alp/peers.yaml", peers);
		begin(f, &h, &f->alice, params);
		thread = xstrdup0(json_str(wait_asked(f, MSG_turn_start)->body, "thread", NULL));
		if (file == NULL)
			assert_null(thread);
		else {
			assert_non_null(thread);
			assert_int_equal(strncmp(file, thread, strlen(file) - 5), 0);
			assert_int_equal(strlen(thread), strlen(file) - 5);
		}
		started(f, false);
		event(f, 1, "reply", "{\"text\":\"z\"}", true);
		r = result(&h, &f->alice, "");
		assert_string_equal(json_str(r, "history", ""), json_str(row, "history", "?"));
		json_decref(r);
		ear_clear(&h);
		fixture_close(f);
	}
}

static void
test_a_sender_whose_id_is_no_file_name_has_no_thread(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *peers = xasprintf("- id: ../evil\n  pubkey: %s\n" ALL, identity_name(f->alice.id));
	struct ear h;

	put_file(f->home, "alp/peers.yaml", peers);
	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	assert_null(json_object_get(wait_asked(f, MSG_turn_start)->body, "thread"));
	ear_clear(&h);
	fixture_close(f);
}

/* ---- how it ends ------------------------------------------------------------------------------------------- */

static void
test_a_failed_model_is_a_text_not_an_error(void **state)
{
	static const struct {
		const char	*data;
		bool		 transient;
	} rows[] = {
		{ "{\"text\":\"HTTP 401\",\"code\":\"provider\"}", false },
		{ "{\"text\":\"slow\",\"code\":\"timeout\"}", true },
		{ "{\"text\":\"HTTP 503\",\"code\":\"provider\",\"transient\":true}", true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture *f = fixture_open();
		struct ear h;
		json_t *r;

		begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
		started(f, false);
		event(f, 1, "error", rows[i].data, false);
		event(f, 2, "done", "{}", true);
		r = result(&h, &f->alice, "");
		assert_int_equal(strncmp(json_str(r, "text", ""), "[error] ", 8), 0);
		assert_int_equal(json_bool(r, "transient", !rows[i].transient), rows[i].transient);
		json_decref(r);
		ear_clear(&h);
		fixture_close(f);
	}
}

static json_t *
cancel(struct fixture *f, const struct person *from, const char *params)
{
	struct ear h;
	json_t *r;

	ask(f, &h, from, "link.cancel", params);
	r = result(&h, from, "");
	ear_clear(&h);
	return r;
}

static void
test_only_who_began_it_cancels_it(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *peers = xasprintf("- id: al\n  pubkey: %s\n" ALL "- id: ca\n  pubkey: %s\n" ALL,
	    identity_name(f->alice.id), identity_name(f->carol.id));
	struct ear h;
	json_t *r;

	put_file(f->home, "alp/peers.yaml", peers);
	r = cancel(f, &f->alice, "{}");
	assert_false(json_bool(r, "cancelled", true));		/* no turn */
	json_decref(r);
	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	started(f, false);
	wait_asked(f, MSG_turn_next);
	r = cancel(f, &f->carol, "{}");
	assert_false(json_bool(r, "cancelled", true));
	assert_int_equal(json_object_size(r), 1);		/* and she learns nothing */
	json_decref(r);
	r = cancel(f, &f->alice, "{\"session_id\":\"another\"}");
	assert_false(json_bool(r, "cancelled", true));
	json_decref(r);
	assert_null(asked_for(f, MSG_turn_cancel));
	r = cancel(f, &f->alice, "{\"session_id\":\"\"}");
	assert_true(json_bool(r, "cancelled", false));
	assert_int_equal(strlen(json_str(r, "session_id", "")), 12);
	json_decref(r);
	answer(wait_asked(f, MSG_turn_cancel), &(struct turn_cancel_reply){ .cancelled = true }, NULL);
	event(f, 1, "interrupted", "{}", false);
	event(f, 2, "done", "{}", true);
	r = result(&h, &f->alice, "");
	assert_true(json_bool(r, "interrupted", false));
	assert_string_equal(json_str(r, "text", ""), "[cancelled]");
	json_decref(r);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_turn_that_is_cancelled_at_once_never_begins(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	f->no_engine = true;
	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	pump(f);
	json_decref(cancel(f, &f->alice, "{}"));
	f->no_engine = false;
	while (!h.ended)
		event_base_loop(f->d.base, EVLOOP_ONCE);
	assert_null(asked_for(f, MSG_turn_start));
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_streaming_caller_that_leaves_ends_the_turn(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	started(f, false);
	wait_asked(f, MSG_turn_next);
	receive_gone(steal(h.call));
	answer(wait_asked(f, MSG_turn_cancel), &(struct turn_cancel_reply){ .cancelled = true }, NULL);
	assert_true(on_disk(f));		/* until it is over */
	event(f, 1, "done", "{}", true);
	assert_false(on_disk(f));
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_plain_turn_runs_on_without_its_caller(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h, other;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	started(f, false);
	receive_gone(steal(h.call));
	event(f, 1, "assistant_delta", "{\"text\":\"one\"}", false);
	assert_null(asked_for(f, MSG_turn_cancel));
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"y\"}");
	expect_error(&other, &f->alice, -32007, "target-busy");
	ear_clear(&other);
	event(f, 2, "done", "{}", true);
	assert_false(on_disk(f));
	ear_clear(&h);
	fixture_close(f);
}

/* ---- deaths --------------------------------------------------------------------------------------------------- */

static void
test_when_engined_dies_the_same_turn_is_asked_for_again(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *key = NULL;
	struct asked *q;
	struct ear h;
	json_t *r;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	key = xstrdup(json_str(wait_asked(f, MSG_turn_start)->body, "key", ""));
	started(f, false);
	json_decref(result(&h, &f->alice, "chunk"));
	event(f, 1, "assistant_delta", "{\"text\":\"one\"}", false);
	json_decref(result(&h, &f->alice, "chunk"));
	died(wait_asked(f, MSG_turn_next));
	q = wait_asked(f, MSG_turn_start);
	assert_string_equal(json_str(q->body, "key", ""), key);
	assert_string_equal(json_str(q->body, "text", ""), "x");
	assert_int_equal(json_array_size(json_object_get(q->body, "grants")), 1);
	started(f, true);
	q = wait_asked(f, MSG_turn_next);
	assert_int_equal(json_int(q->body, "after", -1), 1);	/* and it is told on where it stood */
	event(f, 1, "assistant_delta", "{\"text\":\"one\"}", false);	/* which was told before */
	assert_int_equal(h.heard, h.read);
	event(f, 2, "reply", "{\"text\":\"one\"}", true);
	r = result(&h, &f->alice, "final");
	assert_string_equal(json_str(r, "text", ""), "one");
	json_decref(r);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_an_engined_that_stays_away_is_told_of_and_its_turn_ended_later(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h, other;
	json_t *r;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	started(f, false);
	wait_asked(f, MSG_turn_next);
	f->no_engine = true;
	died(asked_for(f, MSG_turn_next));
	after_ms(61000);
	while (!h.ended)
		event_base_loop(f->d.base, EVLOOP_ONCE);
	r = result(&h, &f->alice, "");
	assert_true(json_bool(r, "transient", false));
	json_decref(r);
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"y\"}");
	expect_error(&other, &f->alice, -32007, "target-busy");	/* it may still run there */
	ear_clear(&other);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_after_our_death_a_streamed_turn_is_ended(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *key = NULL;
	struct ear h, other;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	key = xstrdup(json_str(wait_asked(f, MSG_turn_start)->body, "key", ""));
	started(f, false);
	ear_clear(&h);
	alpd_down(f);
	assert_true(on_disk(f));
	alpd_up(f);
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"y\"}");
	expect_error(&other, &f->alice, -32007, "target-busy");
	ear_clear(&other);
	assert_string_equal(json_str(wait_asked(f, MSG_turn_cancel)->body, "key", ""), key);
	died(wait_asked(f, MSG_turn_cancel));
	answer(wait_asked(f, MSG_turn_cancel), &(struct turn_cancel_reply){ .cancelled = true }, NULL);
	assert_null(asked_for(f, MSG_turn_start));
	assert_false(on_disk(f));
	begin(f, &h, &f->alice, "{\"prompt\":\"y\"}");
	ear_clear(&h);
	fixture_close(f);
}

static void
test_after_our_death_a_plain_turn_is_followed_to_its_end(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *key = NULL;
	struct ear h, other;
	struct asked *q;

	begin(f, &h, &f->alice, "{\"conversation\":\"c1\",\"prompt\":\"x\"}");
	key = xstrdup(json_str(wait_asked(f, MSG_turn_start)->body, "key", ""));
	started(f, false);
	ear_clear(&h);
	alpd_down(f);
	alpd_up(f);
	q = wait_asked(f, MSG_turn_start);
	assert_string_equal(json_str(q->body, "key", ""), key);
	assert_string_equal(json_str(q->body, "text", ""), "x");
	assert_string_equal(json_str(q->body, "thread", ""), "al@c1");
	started(f, true);
	ask(f, &other, &f->alice, "link.ask", "{\"prompt\":\"y\"}");
	expect_error(&other, &f->alice, -32007, "target-busy");
	ear_clear(&other);
	event(f, 1, "reply", "{\"text\":\"z\"}", true);
	assert_false(on_disk(f));
	fixture_close(f);
}

static void
test_who_is_unpinned_meanwhile_may_do_nothing_more(void **state)
{
	struct fixture *f = fixture_open();
	const char *grant;
	struct ear h;

	begin(f, &h, &f->alice, "{\"prompt\":\"x\"}");
	started(f, false);
	put_file(f->home, "alp/peers.yaml", "[]\n");
	died(wait_asked(f, MSG_turn_next));
	grant = json_string_value(json_array_get(json_object_get(wait_asked(f, MSG_turn_start)->body, "grants"), 0));
	assert_non_null(strstr(grant, "\ncaps none\n"));
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_row_that_cannot_be_read_is_let_go(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	alpd_down(f);
	put_file(f->home, "alp/asks.json", "{\"key\":");
	alpd_up(f);
	assert_false(on_disk(f));
	begin(f, &h, &f->alice, "{\"prompt\":\"y\"}");
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_text_of_control_characters_still_fits(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *text = xmalloc(600001);
	cleanup_json json_t *data = NULL;
	cleanup_free char *line = NULL;
	struct ear h;
	json_t *r;

	memset(text, 1, 600000);		/* six bytes each, as they are signed */
	text[600000] = '\0';
	data = json_pack("{s:s}", "text", text);
	line = json_text(data);
	begin(f, &h, &f->alice, "{\"prompt\":\"x\",\"stream\":true}");
	started(f, false);
	event(f, 1, "assistant_delta", line, false);
	event(f, 2, "reply", line, true);
	assert_true(h.heard >= 1 + 600000 / 131072 + 1);
	for (size_t i = 0; i + 1 < h.heard; i++)
		json_decref(result(&h, &f->alice, "chunk"));
	r = result(&h, &f->alice, "final");
	assert_true(strlen(json_str(r, "text", "")) > 100000);
	json_decref(r);
	ear_clear(&h);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_plain_ask_is_one_turn_and_one_answer),
		TEST(test_the_grant_is_for_the_peer_and_its_tools),
		TEST(test_a_stream_tells_what_happens),
		TEST(test_a_slow_reader_holds_the_turn_up_and_loses_nothing),
		TEST(test_a_prompt_is_needed),
		TEST(test_one_turn_at_a_time_and_then_the_next),
		TEST(test_the_order_of_refusal),
		TEST(test_a_paused_profile_says_so),
		TEST(test_a_turn_that_engined_refuses_never_began),
		TEST(test_the_threads_of_the_vectors),
		TEST(test_a_sender_whose_id_is_no_file_name_has_no_thread),
		TEST(test_a_failed_model_is_a_text_not_an_error),
		TEST(test_only_who_began_it_cancels_it),
		TEST(test_a_turn_that_is_cancelled_at_once_never_begins),
		TEST(test_a_streaming_caller_that_leaves_ends_the_turn),
		TEST(test_a_plain_turn_runs_on_without_its_caller),
		TEST(test_when_engined_dies_the_same_turn_is_asked_for_again),
		TEST(test_an_engined_that_stays_away_is_told_of_and_its_turn_ended_later),
		TEST(test_after_our_death_a_streamed_turn_is_ended),
		TEST(test_after_our_death_a_plain_turn_is_followed_to_its_end),
		TEST(test_who_is_unpinned_meanwhile_may_do_nothing_more),
		TEST(test_a_row_that_cannot_be_read_is_let_go),
		TEST(test_a_text_of_control_characters_still_fits),
	};

	return RUN(tests);
}
