/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a message in the order of the protocol: silence, a signed refusal, or the method. */
#include "tests/unit/link_in_fixture.h"

#include <fcntl.h>

static json_t *
audit_rows(struct fixture *f)
{
	cleanup_free char *text = get_file(f->home, "logs/audit/alpd.jsonl");
	json_t *rows = json_array();
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			json_array_append_new(rows, json_parse(line, strlen(line), 8, NULL));
	return rows;
}

static size_t
rows_of(struct fixture *f, const char *what, const char *decision)
{
	cleanup_json json_t *rows = audit_rows(f);
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(rows, i, row)
		n += strcmp(json_str(row, "what", ""), what) == 0 && strcmp(json_str(row, "decision", ""), decision) == 0;
	return n;
}

static void
expect_pong(struct ear *h, const struct person *to)
{
	cleanup_json json_t *o = answered(h, to);

	assert_int_equal(json_int(json_object_get(o, "result"), "version", 0), 1);
	assert_true(h->ended);
	assert_false(h->dropped);
}

/* ---- the vectors ---------------------------------------------------------------------------------- */

static void
preload(struct fixture *f, const json_t *seen)
{
	const json_t *row;
	size_t i;

	json_array_foreach(seen, i, row) {
		const char *from = json_is_array(row) ? json_string_value(json_array_get(row, 0)) : json_str(row, "from", "");
		const char *nonce = json_is_array(row) ? json_string_value(json_array_get(row, 1)) : json_str(row, "nonce", "");

		assert_int_equal(replay_add(f->a.replay, from, nonce, clock_wall_ms() * 1000, NULL), 1);
	}
}

/* Everybody of the vectors is pinned, so that what is dropped is dropped for the reason that is named. */
static void
run_check(const json_t *check)
{
	struct fixture *f = fixture_open();
	bool ok = strcmp(json_str(check, "verdict", ""), "ok") == 0;
	struct ear h;

	if (strcmp(json_str(check, "receiver", ""), "bob") != 0) {
		struct person swap = f->bob;

		f->bob = f->carol;
		f->carol = swap;
		f->a.self = f->bob.id;
	}
	pin_alice(f, ALL);
	{
		cleanup_free char *text = xasprintf("- id: al\n  pubkey: %s\n" ALL "- id: ca\n  pubkey: %s\n" ALL,
		    identity_name(f->alice.id), identity_name(f->carol.id));

		put_file(f->home, "alp/peers.yaml", text);
	}
	preload(f, json_object_get(check, "seen"));
	hear(f, &h, json_str(check, "wire", ""), NULL);
	if (h.dropped == ok)
		fail_msg("%s: %s", json_str(check, "name", ""), ok ? "dropped" : "taken");
	if (ok)
		assert_true(h.heard > 0 || h.call != NULL);	/* answered, or a turn of engined's */
	else
		assert_int_equal(h.heard, 0);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_the_vectors_are_taken_and_dropped_as_they_say(void **state)
{
	cleanup_json json_t *all = vectors("envelopes.json");
	const json_t *check;
	size_t i, done = 0;

	json_array_foreach(json_object_get(all, "checks"), i, check) {
		if (json_object_get(check, "expect_from") != NULL || strstr(json_str(check, "name", ""), "0.10") != NULL)
			continue;		/* a client's, and two that tell who keeps tokens from who prints anew */
		run_check(check);
		done++;
	}
	assert_true(done > 35);
}

/* ---- steps 6 to 9 ---------------------------------------------------------------------------------- */

static void
test_a_message_is_taken_once(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *text = signed_by(&f->alice, identity_name(f->bob.id), "link.ping", "{}");
	struct ear h;

	hear(f, &h, text, NULL);
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	hear(f, &h, text, NULL);
	expect_drop(&h);
	alpd_down(f);
	alpd_up(f);
	hear(f, &h, text, NULL);	/* nor after a restart */
	expect_drop(&h);
	fixture_close(f);
}

static size_t
strangers(struct fixture *f)
{
	size_t n;
	struct pending *rows = pending_list(f->a.peers, &n);

	pending_free(rows, n);
	return n;
}

static void
test_a_stranger_is_noted_and_hears_nothing(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	ask(f, &h, &f->carol, "link.ping", "{}");
	expect_drop(&h);
	assert_int_equal(strangers(f), 1);
	assert_int_equal(replay_live(f->a.replay), 0);	/* strangers do not fill the memory */
	fixture_close(f);
}

static void
test_a_message_for_another_is_not_noted(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *text = signed_by(&f->carol, identity_name(f->alice.id), "link.ping", "{}");
	struct ear h;

	hear(f, &h, text, NULL);
	expect_drop(&h);
	assert_int_equal(strangers(f), 0);
	fixture_close(f);
}

static void
test_nobody_speaks_in_another_ones_session(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *pinned = signed_by(&f->alice, identity_name(f->bob.id), "link.ping", "{}");
	cleanup_free char *stranger = signed_by(&f->carol, identity_name(f->bob.id), "link.ping", "{}");
	struct ear h;

	hear(f, &h, pinned, identity_x25519(f->carol.id));
	expect_drop(&h);
	hear(f, &h, stranger, identity_x25519(f->alice.id));
	expect_drop(&h);
	assert_int_equal(strangers(f), 0);		/* and so nobody plants keys of others */
	hear(f, &h, pinned, identity_x25519(f->alice.id));
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_many_strangers_do_not_keep_the_disk_busy(void **state)
{
	struct fixture *f = fixture_open();
	struct stat before, after;
	cleanup_free char *path = path_join(f->home, "alp/pending_peers.yaml");
	struct ear h;

	for (int i = 0; i < 60; i++)
		ask(f, &h, &f->carol, "link.ping", "{}");
	assert_int_equal(stat(path, &before), 0);
	ask(f, &h, &f->carol, "link.ping", "{}");
	expect_drop(&h);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	fixture_close(f);
}

/* ---- steps 10 to 13 -------------------------------------------------------------------------------- */

static void
test_rate_comes_before_capability_and_capability_before_existence(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	pin_alice(f, "  allow: [link.ping, no.such]\n  rate_limit: {per_minute: 3}\n");
	ask(f, &h, &f->alice, "not.allowed", "{}");
	expect_error(&h, &f->alice, -32001, "capability-denied");
	ear_clear(&h);
	ask(f, &h, &f->alice, "no.such", "{}");
	expect_error(&h, &f->alice, -32601, "method-not-found");
	ear_clear(&h);
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	ask(f, &h, &f->alice, "not.allowed", "{}");	/* the refused ones counted */
	expect_error(&h, &f->alice, -32005, "rate-limited");
	ear_clear(&h);
	after_ms(60001);
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	fixture_close(f);
}

/* The window is measured with a clock that nobody sets. */
static void
test_a_clock_that_is_set_neither_frees_nor_locks_who_is_limited(void **state)
{
	static const int64_t jumps[] = { 3600000, -1800000 };
	struct fixture *f = fixture_open();
	struct ear h;

	pin_alice(f, "  allow: [link.ping]\n  rate_limit: {per_minute: 1}\n");
	for (size_t i = 0; i < COUNT(jumps); i++) {
		ask(f, &h, &f->alice, "link.ping", "{}");
		expect_pong(&h, &f->alice);
		ear_clear(&h);
		clock_fake(clock_wall_ms() + jumps[i], clock_mono_ms() + 1000);
		ask(f, &h, &f->alice, "link.ping", "{}");
		expect_error(&h, &f->alice, -32005, "rate-limited");
		ear_clear(&h);
		clock_fake(clock_wall_ms(), clock_mono_ms() + 60001);
	}
	fixture_close(f);
}

static void
test_a_denied_method_is_named_and_written_down(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_json json_t *o = NULL, *rows = NULL;
	struct ear h;

	pin_alice(f, "");
	ask(f, &h, &f->alice, "link.ask", "{\"prompt\":\"secret words\"}");
	o = answered(&h, &f->alice);
	assert_string_equal(json_str(json_at(o, "error.data"), "method", ""), "link.ask");
	rows = audit_rows(f);
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(json_str(json_array_get(rows, 0), "what", ""), "link.ask");
	assert_string_equal(json_str(json_array_get(rows, 0), "who", ""), "al");
	assert_string_equal(json_str(json_array_get(rows, 0), "decision", ""), "deny");
	assert_string_equal(json_str(json_array_get(rows, 0), "address", ""), "192.0.2.1:4000");
	assert_int_equal(strlen(json_str(json_array_get(rows, 0), "nonce", "")), 32);
	assert_int_equal(strlen(json_str(json_array_get(rows, 0), "params", "")), 64);
	ear_clear(&h);
	fixture_close(f);
}

/* Signed by alice as she likes it, which envelope_request would not print. */
static char *
signed_raw(struct fixture *f, const char *members)
{
	char nonce[33], now[32];
	uint8_t sig[SIGNATURE_BYTES];
	char b64[128];
	cleanup_free char *bare = NULL;

	random_hex(nonce, 16);
	envelope_time_text(clock_wall_ms() * 1000, now);
	bare = xasprintf("{\"alp\":{\"from\":\"%s\",\"nonce\":\"%s\",\"to\":\"%s\",\"ts\":\"%s\",\"v\":1},\"id\":\"1\"%s}",
	    identity_name(f->alice.id), nonce, identity_name(f->bob.id), now, members);
	assert_int_equal(identity_sign(f->alice.id, bare, strlen(bare), sig, NULL), 0);
	sodium_bin2base64(b64, sizeof(b64), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	return xasprintf("{\"alp\":{\"from\":\"%s\",\"nonce\":\"%s\",\"sig\":\"%s\",\"to\":\"%s\",\"ts\":\"%s\",\"v\":1},\"id\":\"1\"%s}",
	    identity_name(f->alice.id), nonce, b64, identity_name(f->bob.id), now, members);
}

static void
test_a_method_is_a_string_or_nothing(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *none = signed_raw(f, ""), *null = signed_raw(f, ",\"method\":null"),
	    *number = signed_raw(f, ",\"method\":7"), *list = signed_raw(f, ",\"method\":[\"link.ping\"]");
	json_t *o;
	struct ear h;

	hear(f, &h, none, NULL);
	o = answered(&h, &f->alice);
	assert_int_equal(json_int(json_object_get(o, "error"), "code", 0), -32001);
	assert_true(json_is_null(json_object_get(json_at(o, "error.data"), "method")));
	json_decref(o);
	ear_clear(&h);
	hear(f, &h, null, NULL);
	expect_error(&h, &f->alice, -32001, "capability-denied");
	ear_clear(&h);
	hear(f, &h, number, NULL);
	expect_drop(&h);
	hear(f, &h, list, NULL);
	expect_drop(&h);
	fixture_close(f);
}

static void
test_params_are_an_object_or_nothing(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *null = signed_raw(f, ",\"method\":\"link.ping\",\"params\":null");
	cleanup_free char *list = signed_raw(f, ",\"method\":\"link.ping\",\"params\":[]");
	struct ear h;

	hear(f, &h, null, NULL);
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	hear(f, &h, list, NULL);
	expect_error(&h, &f->alice, -32602, "invalid-params");
	ear_clear(&h);
	fixture_close(f);
}

static void
test_spent_money_stops_every_method(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;
	struct ear h;

	f->cap = 1.5;
	f->used = 1.5;
	ask(f, &h, &f->alice, "link.ping", "{}");
	o = answered(&h, &f->alice);
	assert_int_equal(json_int(json_object_get(o, "error"), "code", 0), -32005);
	assert_string_equal(json_str(json_object_get(o, "error"), "message", ""), "budget-exceeded");
	assert_string_equal(json_str(json_at(o, "error.data"), "cap_kind", ""), "usd");
	assert_true(json_num(json_at(o, "error.data"), "cap", 0) == 1.5);
	json_decref(o);
	ear_clear(&h);
	f->used = 1.0;
	ask(f, &h, &f->alice, "link.ping", "{}");	/* believed for a second */
	expect_error(&h, &f->alice, -32005, "budget-exceeded");
	ear_clear(&h);
	after_ms(1001);
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	assert_int_equal(f->usage, 2);
	fixture_close(f);
}

static void
test_without_engined_the_last_answer_of_the_day_holds(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	f->no_engine = true;
	ask(f, &h, &f->alice, "link.ping", "{}");	/* nothing known: engined will say it itself */
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	f->no_engine = false;
	f->cap = f->used = 1;
	after_ms(1001);
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_error(&h, &f->alice, -32005, "budget-exceeded");
	ear_clear(&h);
	f->no_engine = true;
	after_ms(5000);
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_error(&h, &f->alice, -32005, "budget-exceeded");
	ear_clear(&h);
	after_ms(86400000);			/* a new day */
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_pong(&h, &f->alice);
	ear_clear(&h);
	fixture_close(f);
}

static void
test_a_caller_that_leaves_before_the_budget_is_known_is_forgotten(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *text = signed_by(&f->alice, identity_name(f->bob.id), "link.ping", "{}");
	struct ear h = { .f = f };

	h.call = receive_message(&f->a, text, strlen(text), NULL, &ear_port, &h);
	assert_non_null(h.call);
	receive_gone(steal(h.call));
	answer_usage(f);
	assert_int_equal(h.heard, 0);
	fixture_close(f);
}

/* ---- step 14 ----------------------------------------------------------------------------------------- */

static void
test_a_ping_gives_back_what_it_was_given(void **state)
{
	struct fixture *f = fixture_open();
	json_t *o;
	struct ear h;

	ask(f, &h, &f->alice, "link.ping", "{\"nonce\":\"h\\u001f\\\"\"}");
	o = answered(&h, &f->alice);
	assert_string_equal(json_str(json_object_get(o, "result"), "nonce", ""), "h\x1f\"");
	assert_string_equal(json_str(json_object_get(o, "result"), "agent_name", ""), "bob");
	json_decref(o);
	ear_clear(&h);
	ask(f, &h, &f->alice, "link.ping", "{}");
	o = answered(&h, &f->alice);
	assert_string_equal(json_str(json_object_get(o, "result"), "nonce", "?"), "");
	json_decref(o);
	ear_clear(&h);
	assert_int_equal(rows_of(f, "link.ping", "allow"), 0);	/* no effect, no row */
	fixture_close(f);
}

/* The chain's descriptor leads to a full disk from here on. */
static void
fill_the_disk(void)
{
	char name[64], target[512];
	int full = open("/dev/full", O_WRONLY);
	ssize_t n;

	assert_true(full >= 0);
	for (int fd = 0; fd < full; fd++) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		if ((n = readlink(name, target, sizeof(target) - 1)) > 0) {
			target[n] = '\0';
			if (strstr(target, "/alpd.jsonl") != NULL)
				assert_int_equal(dup2(full, fd), fd);
		}
	}
	close(full);
}

static void
test_what_cannot_be_written_down_is_not_done(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	ask(f, &h, &f->alice, "link.cancel", "{}");
	assert_int_equal(rows_of(f, "link.cancel", "allow"), 1);
	ear_clear(&h);
	fill_the_disk();
	ask(f, &h, &f->alice, "link.cancel", "{}");
	expect_error(&h, &f->alice, -32603, "internal-error");
	ear_clear(&h);
	fixture_close(f);
}

/* ---- blobs ------------------------------------------------------------------------------------------- */

#define HASH "e57116cd506186bfc1e0c0619a36593355e811d75e13ca57ede8db33f78a16b1"	/* "content addressed" */

static void
test_the_blob_conversation_of_the_vectors(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_json json_t *all = vectors("blobs.json");
	const json_t *step;
	struct ear h;
	size_t i;

	json_array_foreach(json_object_get(all, "put_script"), i, step) {
		cleanup_free char *params = json_text_sorted(json_object_get(step, "params"));
		const struct person *from = strcmp(json_str(step, "sender", ""), "alice") == 0 ? &f->alice : &f->carol;
		cleanup_free char *peers = xasprintf("- id: al\n  pubkey: %s\n" ALL "- id: ca\n  pubkey: %s\n" ALL,
		    identity_name(f->alice.id), identity_name(f->carol.id));
		const json_t *wanted = json_object_get(step, "answer");
		json_t *o;

		put_file(f->home, "alp/peers.yaml", peers);
		ask(f, &h, from, "link.put_blob", params);
		o = answered(&h, from);
		if (json_object_get(wanted, "result") != NULL)
			assert_true(json_equal(json_object_get(wanted, "result"), json_object_get(o, "result")));
		else {
			assert_int_equal(json_int(json_at(wanted, "error"), "code", 0), json_int(json_at(o, "error"), "code", 1));
			assert_string_equal(json_str(json_at(wanted, "error"), "message", ""), json_str(json_at(o, "error"), "message", "?"));
		}
		json_decref(o);
		ear_clear(&h);
	}
	fixture_close(f);
}

static void
test_a_blob_goes_out_in_chunks_as_it_is_taken(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *data = xcalloc(1, 3 * BLOB_CHUNK);
	cleanup_free char *params = NULL;
	char hash[65];
	struct blob_state st;
	struct ear h;
	json_t *o;

	audit_hash(data, 3 * BLOB_CHUNK, hash);
	for (int64_t at = 0; at < 3 * BLOB_CHUNK; at += BLOB_CHUNK)
		assert_int_equal(blob_put(f->a.blobs, "x", hash, 3 * BLOB_CHUNK, at, data, BLOB_CHUNK, at == 2 * BLOB_CHUNK, &st, NULL), 0);
	params = xasprintf("{\"hash\":\"%s\"}", hash);
	{
		cleanup_free char *text = signed_by(&f->alice, identity_name(f->bob.id), "link.get_blob", params);

		memset(&h, 0, sizeof(h));
		h.f = f;
		h.call = receive_message(&f->a, text, strlen(text), NULL, &ear_port, &h);
		assert_non_null(h.call);
		h.full = true;
		answer_usage(f);
	}
	assert_int_equal(h.heard, 0);
	h.full = false;
	receive_drained(h.call);
	assert_int_equal(h.heard, 4);
	for (int i = 0; i < 3; i++) {
		o = answered(&h, &f->alice);
		assert_string_equal(json_str(o, "stream", ""), "chunk");
		assert_int_equal(json_int(json_object_get(o, "result"), "offset", -1), i * BLOB_CHUNK);
		json_decref(o);
	}
	o = answered(&h, &f->alice);
	assert_string_equal(json_str(o, "stream", ""), "final");
	assert_int_equal(json_int(json_object_get(o, "result"), "size", -1), 3 * BLOB_CHUNK);
	json_decref(o);
	ear_clear(&h);
	ask(f, &h, &f->alice, "link.get_blob", "{\"hash\":\"" HASH "\"}");
	expect_error(&h, &f->alice, -32012, "blob-not-found");
	ear_clear(&h);
	ask(f, &h, &f->alice, "link.get_blob", "{\"hash\":\"../../secrets/alp_key.pem\"}");
	expect_error(&h, &f->alice, -32602, "invalid-blob");
	ear_clear(&h);
	fixture_close(f);
}

static void
test_chunks_of_an_upload_have_a_rate_of_their_own(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	pin_alice(f, ALL "  rate_limit: {per_minute: 1}\n");
	ask(f, &h, &f->alice, "link.put_blob", "{\"data\":\"Y29u\",\"hash\":\"" HASH "\",\"offset\":0,\"size\":17}");
	assert_int_equal(h.heard, 1);
	ear_clear(&h);
	for (int i = 0; i < 20; i++) {
		ask(f, &h, &f->alice, "link.put_blob", "{\"data\":\"\",\"hash\":\"" HASH "\",\"offset\":3,\"size\":17}");
		cleanup_json json_t *o = answered(&h, &f->alice);

		assert_non_null(json_object_get(o, "result"));
		ear_clear(&h);
	}
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_error(&h, &f->alice, -32005, "rate-limited");
	ear_clear(&h);
	assert_int_equal(rows_of(f, "link.put_blob", "allow"), 1);	/* one upload, one row */
	fixture_close(f);
}

static void
test_while_we_end_nothing_is_taken(void **state)
{
	struct fixture *f = fixture_open();
	struct ear h;

	f->a.draining = true;
	ask(f, &h, &f->alice, "link.ping", "{}");
	expect_drop(&h);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_vectors_are_taken_and_dropped_as_they_say),
		TEST(test_a_message_is_taken_once),
		TEST(test_a_stranger_is_noted_and_hears_nothing),
		TEST(test_a_message_for_another_is_not_noted),
		TEST(test_nobody_speaks_in_another_ones_session),
		TEST(test_many_strangers_do_not_keep_the_disk_busy),
		TEST(test_rate_comes_before_capability_and_capability_before_existence),
		TEST(test_a_clock_that_is_set_neither_frees_nor_locks_who_is_limited),
		TEST(test_a_denied_method_is_named_and_written_down),
		TEST(test_a_method_is_a_string_or_nothing),
		TEST(test_params_are_an_object_or_nothing),
		TEST(test_spent_money_stops_every_method),
		TEST(test_without_engined_the_last_answer_of_the_day_holds),
		TEST(test_a_caller_that_leaves_before_the_budget_is_known_is_forgotten),
		TEST(test_a_ping_gives_back_what_it_was_given),
		TEST(test_what_cannot_be_written_down_is_not_done),
		TEST(test_the_blob_conversation_of_the_vectors),
		TEST(test_a_blob_goes_out_in_chunks_as_it_is_taken),
		TEST(test_chunks_of_an_upload_have_a_rate_of_their_own),
		TEST(test_while_we_end_nothing_is_taken),
	};

	return RUN(tests);
}
