/* SPDX-License-Identifier: Apache-2.0 */
/* What neighbours may ask of the link: who is pinned, pings, blobs to a peer. */
#include "tests/unit/link_fixture.h"

#include "alpd/blob.h"
#include "common/audit.h"

static char *
eve(struct fixture *f)
{
	return (char *)identity_name(f->bob.eve.id);
}

static void
add(struct fixture *f, const struct peers_add *m)
{
	json_decref(bus_ask(f, MSG_peers_add, m));
}

static json_t *
only_peer(struct fixture *f)
{
	cleanup_json json_t *r = bus_ask(f, MSG_peers_list, &(struct peers_list){ });

	assert_int_equal(json_array_size(json_object_get(r, "peers")), 1);
	return json_incref(json_array_get(json_object_get(r, "peers"), 0));
}

/* The newest event that hostd was told must be this one. */
static void
expect_told(const char *action, const char *peer)
{
	const json_t *row = json_array_get(told, json_array_size(told) - 1);

	assert_non_null(row);
	assert_string_equal(json_str(row, "unit", ""), "default/hostd");
	assert_string_equal(json_str(row, "type", ""), "event.push");
	assert_string_equal(json_str(json_object_get(row, "body"), "kind", ""), "peers_changed");
	row = json_at(row, "body.data");
	assert_string_equal(json_str(row, "action", ""), action);
	assert_string_equal(json_str(row, "peer_id", ""), peer);
	assert_string_equal(json_str(row, "profile", ""), "default");
}

static void
expect_audit(struct fixture *f, const char *what, int rows)
{
	cleanup_free char *text = get_file(f->a.home, "logs/audit/alpd.jsonl"), *want = xasprintf("\"%s\"", what);
	const char *p = text;
	int n = 0;

	for (; (p = strstr(p, want)) != NULL; p++)
		n++;
	assert_int_equal(n, rows);
}

/* ---- adding ------------------------------------------------------------------------------------------ */

static void
test_a_peer_is_pinned_with_what_is_usual(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_json json_t *row = NULL, *allow = json_pack("[s, s]", "link.ping", "link.ask");

	add(f, &(struct peers_add){ .who = "host", .id = "Eve", .pubkey = eve(f), .alias = "Eve of work",
	    .address = "example.org:7423" });
	row = only_peer(f);
	assert_string_equal(json_str(row, "id", ""), "eve");
	assert_string_equal(json_str(row, "pubkey", ""), eve(f));
	assert_string_equal(json_str(row, "address", ""), "example.org:7423");
	assert_string_equal(json_str(row, "alias", ""), "Eve of work");
	assert_true(json_equal(json_object_get(row, "allow"), allow));
	expect_told("added", "eve");
	expect_audit(f, "peers.add", 1);
	fixture_free(f);
}

static void
test_the_methods_asked_for_are_allowed_each_once(void **state)
{
	struct fixture *f = fixture_new();
	const char *asked[] = { "link.put_blob", "link.ping", "link.put_blob" };
	cleanup_json json_t *row = NULL, *allow = json_pack("[s, s]", "link.put_blob", "link.ping");

	add(f, &(struct peers_add){ .who = "host", .id = "eve", .pubkey = eve(f), .allow = asked, .n_allow = 3 });
	row = only_peer(f);
	assert_true(json_equal(json_object_get(row, "allow"), allow));
	fixture_free(f);
}

/* y = 1 has no X25519 form; our own key with its top bit turned has ours. */
static void
test_a_key_that_cannot_be_a_peers_is_refused(void **state)
{
	struct fixture *f = fixture_new();
	uint8_t key[KEY_BYTES] = { 1 }, own[KEY_BYTES];
	char one[IDENTITY_BYTES], twin[IDENTITY_BYTES];
	const char *bad[] = { one, "abc", "", identity_name(f->self.id), twin };

	identity_print(key, one);
	assert_int_equal(identity_parse(identity_name(f->self.id), own), 0);
	own[31] ^= 0x80;
	identity_print(own, twin);
	for (size_t i = 0; i < COUNT(bad); i++)
		free(bus_refused(f, MSG_peers_add, &(struct peers_add){ .who = "host", .id = "x", .pubkey = bad[i] },
		    ERR_invalid));
	assert_null(peers_at(f->a.peers, 0));
	assert_int_equal(json_array_size(told), 0);
	expect_audit(f, "peers.add", 0);
	fixture_free(f);
}

static void
test_an_id_an_address_and_a_method_must_be_some(void **state)
{
	struct fixture *f = fixture_new();
	static const char *const ids[] = { "", "a b", "../x", "-x", "x-", "\xc3\xb6", "a.b" };
	static const char *const addresses[] = { "nowhere", ":7423", "host:", "host:port" };
	static const char *const methods[] = { "link.*", "link", "ping", "workgroup.pull", "", "LINK.PING" };

	for (size_t i = 0; i < COUNT(ids); i++)
		free(bus_refused(f, MSG_peers_add, &(struct peers_add){ .who = "host", .id = ids[i], .pubkey = eve(f) },
		    ERR_invalid));
	for (size_t i = 0; i < COUNT(addresses); i++)
		free(bus_refused(f, MSG_peers_add, &(struct peers_add){ .who = "host", .id = "eve", .pubkey = eve(f),
		    .address = addresses[i] }, ERR_invalid));
	for (size_t i = 0; i < COUNT(methods); i++) {
		const char *allow[] = { methods[i] };
		cleanup_free char *why = bus_refused(f, MSG_peers_add, &(struct peers_add){ .who = "host", .id = "eve",
		    .pubkey = eve(f), .allow = allow, .n_allow = 1 }, ERR_invalid);

		assert_int_equal(strstr(why, "needs no permission") != NULL, i == 3);
	}
	assert_null(peers_at(f->a.peers, 0));
	fixture_free(f);
}

static void
test_a_change_that_fails_is_told_in_the_chain(void **state)
{
	struct fixture *f = fixture_new();
	struct peers_add m = { .who = "host", .id = "eve", .pubkey = eve(f) };

	add(f, &m);
	free(bus_refused(f, MSG_peers_add, &m, ERR_exists));
	expect_audit(f, "peers.add", 3);		/* allow; allow, failed */
	expect_audit(f, "failed", 1);
	assert_int_equal(json_array_size(told), 1);
	fixture_free(f);
}

/* ---- changing ---------------------------------------------------------------------------------------- */

static void
test_removing_is_idempotent(void **state)
{
	struct fixture *f = fixture_new();
	struct peers_remove m = { .who = "host", .id = "eve" };
	cleanup_json json_t *first = NULL, *second = NULL;

	add(f, &(struct peers_add){ .who = "host", .id = "eve", .pubkey = eve(f) });
	first = bus_ask(f, MSG_peers_remove, &m);
	assert_true(json_bool(first, "existed", false));
	expect_told("removed", "eve");
	second = bus_ask(f, MSG_peers_remove, &m);
	assert_false(json_bool(second, "existed", true));
	assert_int_equal(json_array_size(told), 2);
	expect_audit(f, "peers.remove", 1);
	assert_null(peers_at(f->a.peers, 0));
	fixture_free(f);
}

static void
test_methods_are_allowed_and_taken_back(void **state)
{
	struct fixture *f = fixture_new();
	struct peers_allow m = { .who = "host", .id = "eve", .method = "link.get_blob", .on = true };
	cleanup_json json_t *on = NULL, *off = NULL;

	add(f, &(struct peers_add){ .who = "host", .id = "eve", .pubkey = eve(f) });
	on = bus_ask(f, MSG_peers_allow, &m);
	assert_int_equal(json_array_size(json_object_get(on, "allow")), 3);
	assert_true(peer_may(peers_by_id(f->a.peers, "eve"), "link.get_blob"));
	m.on = false;
	off = bus_ask(f, MSG_peers_allow, &m);
	assert_int_equal(json_array_size(json_object_get(off, "allow")), 2);
	assert_false(peer_may(peers_by_id(f->a.peers, "eve"), "link.get_blob"));
	expect_audit(f, "peers.allow", 1);
	expect_audit(f, "peers.disallow", 1);
	m = (struct peers_allow){ .who = "host", .id = "eve", .method = "workgroup.pull", .on = true };
	free(bus_refused(f, MSG_peers_allow, &m, ERR_invalid));
	m = (struct peers_allow){ .who = "host", .id = "bob", .method = "link.ping", .on = true };
	free(bus_refused(f, MSG_peers_allow, &m, ERR_not_found));
	fixture_free(f);
}

static void
test_who_is_pinned_is_in_the_roster(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_json json_t *r = NULL, *ids = json_pack("[s, s]", "eve", "bob");

	add(f, &(struct peers_add){ .who = "host", .id = "eve", .pubkey = eve(f) });
	pin_bob(f, "bob", true);
	r = bus_ask(f, MSG_link_roster, &(struct link_roster){ });
	assert_true(json_equal(json_object_get(r, "ids"), ids));
	fixture_free(f);
}

static void
test_the_list_says_who_we_are_and_where(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_free char *path = path_join(f->a.home, "alp/alp.sock");
	cleanup_json json_t *r = NULL, *off = NULL;

	f->a.settings.bind = (char *)"::1";
	r = bus_ask(f, MSG_peers_list, &(struct peers_list){ });
	assert_string_equal(json_str(r, "key", ""), identity_name(f->self.id));
	assert_string_equal(json_str(r, "socket", ""), path);
	assert_string_equal(json_str(r, "listen", ""), "[::1]:7423");
	f->a.settings.no_tcp = (char *)"the port is taken";
	off = bus_ask(f, MSG_peers_list, &(struct peers_list){ });
	assert_null(json_object_get(off, "listen"));
	assert_string_equal(json_str(off, "listen_off", ""), "the port is taken");
	fixture_free(f);
}

static void
test_a_list_that_does_not_load_is_said_and_left_alone(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_json json_t *r = NULL;
	cleanup_free char *text = NULL;

	put_file(f->a.home, "alp/peers.yaml", "- id: [\n");
	r = bus_ask(f, MSG_peers_list, &(struct peers_list){ });
	assert_true(strlen(json_str(r, "broken", "")) > 0);
	free(bus_refused(f, MSG_peers_add, &(struct peers_add){ .who = "host", .id = "eve", .pubkey = eve(f) }, ERR_invalid));
	free(bus_refused(f, MSG_peers_remove, &(struct peers_remove){ .who = "host", .id = "eve" }, ERR_invalid));
	text = get_file(f->a.home, "alp/peers.yaml");
	assert_string_equal(text, "- id: [\n");
	fixture_free(f);
}

/* ---- who knocked --------------------------------------------------------------------------------------- */

static void
test_who_knocked_is_listed_with_its_profile(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_json json_t *r = NULL;
	const json_t *rows;

	assert_int_equal(local_publish(f->bob.home, identity_name(f->bob.self.id), NULL), 0);
	assert_int_equal(pending_note(f->a.peers, identity_name(f->bob.self.id), 100.5, NULL), 0);
	assert_int_equal(pending_note(f->a.peers, eve(f), 200, NULL), 0);
	r = bus_ask(f, MSG_peers_pending, &(struct peers_pending){ });
	rows = json_object_get(r, "pending");
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_str(json_array_get(rows, 0), "pubkey", ""), eve(f));
	assert_null(json_object_get(json_array_get(rows, 0), "local_profile"));
	assert_string_equal(json_str(json_array_get(rows, 1), "local_profile", ""), "bob");
	assert_true(json_num(json_array_get(rows, 1), "first_seen", 0) == 100.5);
	fixture_free(f);
}

static void
test_who_knocked_can_be_accepted_once(void **state)
{
	struct fixture *f = fixture_new();
	struct peers_accept m = { .who = "host", .id = "Eve", .pubkey = eve(f) };
	size_t n = 1;

	free(bus_refused(f, MSG_peers_accept, &m, ERR_not_found));
	assert_int_equal(pending_note(f->a.peers, eve(f), 200, NULL), 0);
	json_decref(bus_ask(f, MSG_peers_accept, &m));
	assert_true(peer_may(peers_by_id(f->a.peers, "eve"), "link.ask"));
	pending_free(pending_list(f->a.peers, &n), n);
	assert_int_equal(n, 0);
	expect_told("accepted", "eve");
	expect_audit(f, "peers.accept", 1);
	free(bus_refused(f, MSG_peers_accept, &m, ERR_not_found));
	fixture_free(f);
}

static void
test_who_knocked_can_be_discarded(void **state)
{
	struct fixture *f = fixture_new();
	struct peers_discard m = { .who = "host", .pubkey = eve(f) };
	cleanup_json json_t *none = bus_ask(f, MSG_peers_discard, &m), *one = NULL;

	assert_false(json_bool(none, "existed", true));
	assert_int_equal(json_array_size(told), 0);
	assert_int_equal(pending_note(f->a.peers, eve(f), 200, NULL), 0);
	one = bus_ask(f, MSG_peers_discard, &m);
	assert_true(json_bool(one, "existed", false));
	expect_told("discarded", eve(f));
	assert_null(peers_at(f->a.peers, 0));
	fixture_free(f);
}

/* ---- pings ------------------------------------------------------------------------------------------------ */

static void
pongs(struct bob *b, struct line *l, const struct envelope *v)
{
	cleanup_free char *result = xasprintf("{\"agent_name\":\"Bob\",\"nonce\":\"%s\",\"version\":1}",
	    json_str(b->params, "nonce", ""));

	bob_says(b, l, v, result, NULL);
	bob_done(l);
}

static void
pongs_another(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"agent_name\":\"Bob\",\"nonce\":\"00\",\"version\":1}", NULL);
	bob_done(l);
}

static void
drops(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_close(l);
}

static void
denies(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_refuses(b, l, v, -32001, "capability-denied", "{\"method\":\"link.ping\"}");
	bob_done(l);
}

static void
eve_answers(struct bob *b, struct line *l, const struct envelope *v)
{
	size_t len;
	cleanup_free char *text = envelope_result(b->eve.id, v, "{}", NULL, &len, NULL);

	bob_text(l, text, len);
	bob_done(l);
}

static void
test_a_ping_says_who_answered_and_how(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_free char *via = xasprintf("tcp 127.0.0.1:%d", f->bob.port);
	cleanup_json json_t *r = NULL;

	pin_bob(f, "bob", true);
	f->bob.script = pongs;
	r = bus_ask(f, MSG_link_ping, &(struct link_ping){ .peer = "bob" });
	assert_string_equal(json_str(r, "status", ""), "on");
	assert_string_equal(json_str(r, "agent_name", ""), "Bob");
	assert_int_equal(json_int(r, "version", 0), 1);
	assert_int_equal(strlen(json_str(r, "nonce", "")), 32);
	assert_string_equal(json_str(r, "via", ""), via);
	assert_true(json_int(r, "took_us", 0) > 0);
	assert_null(json_object_get(r, "reason"));
	fixture_free(f);
}

static void
test_a_ping_that_does_not_prove_itself_is_unverified(void **state)
{
	static bob_script *const scripts[] = { pongs_another, drops, denies, eve_answers };

	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct fixture *f = fixture_new();
		cleanup_json json_t *r = NULL;

		pin_bob(f, "bob", true);
		f->bob.script = scripts[i];
		r = bus_ask(f, MSG_link_ping, &(struct link_ping){ .peer = "bob" });
		assert_string_equal(json_str(r, "status", ""), "unverified");
		assert_true(strlen(json_str(r, "reason", "")) > 0);
		assert_null(json_object_get(r, "agent_name"));
		fixture_free(f);
	}
}

static void
test_a_ping_to_nobody_is_off(void **state)
{
	struct fixture *f = fixture_new();
	struct bob *b = &f->bob;
	cleanup_json json_t *r = NULL;

	pin_bob(f, "bob", true);
	event_del(b->events[1]);
	close(b->listeners[1]);
	b->listeners[1] = -1;
	r = bus_ask(f, MSG_link_ping, &(struct link_ping){ .peer = "bob" });
	assert_string_equal(json_str(r, "status", ""), "off");
	free(bus_refused(f, MSG_link_ping, &(struct link_ping){ .peer = "eve" }, ERR_not_found));
	fixture_free(f);
}

/* ---- blobs to a peer ------------------------------------------------------------------------------------------ */

#define ABC_HASH "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"

static void
takes(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"complete\":true,\"hash\":\"ba\",\"next_offset\":3,\"size\":3}", NULL);
	bob_done(l);
}

static struct link_put_blob
abc(void)
{
	return (struct link_put_blob){ .peer = "bob", .hash = ABC_HASH, .size = 3, .offset = 0, .data = "YWJj",
	    .final = true };
}

static void
test_a_chunk_is_put_as_it_is(void **state)
{
	struct fixture *f = fixture_new();
	struct link_put_blob m = abc();
	cleanup_json json_t *r = NULL;

	pin_bob(f, "bob", true);
	f->bob.script = takes;
	r = bus_ask(f, MSG_link_put_blob, &m);
	assert_true(json_bool(r, "complete", false));
	assert_int_equal(json_int(r, "next_offset", 0), 3);
	assert_string_equal(f->bob.method, "link.put_blob");
	assert_string_equal(json_str(f->bob.params, "hash", ""),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(json_str(f->bob.params, "data", ""), "YWJj");
	assert_int_equal(json_int(f->bob.params, "size", 0), 3);
	assert_int_equal(json_int(f->bob.params, "offset", -1), 0);
	assert_true(json_bool(f->bob.params, "final", false));
	expect_audit(f, "peer.put_blob", 1);
	fixture_free(f);
}

static void
takes_too_much(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"complete\":false,\"next_offset\":4}", NULL);
	bob_done(l);
}

static void
says_little(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"next_offset\":3}", NULL);
	bob_done(l);
}

static void
refuses_blob(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_refuses(b, l, v, -32602, "invalid-blob", "{\"detail\":\"the hash does not match\"}");
	bob_done(l);
}

static void
test_an_answer_about_a_chunk_must_make_sense(void **state)
{
	static bob_script *const scripts[] = { takes_too_much, says_little, refuses_blob };

	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct fixture *f = fixture_new();
		struct link_put_blob m = abc();
		cleanup_free char *why = NULL;

		pin_bob(f, "bob", true);
		f->bob.script = scripts[i];
		why = bus_refused(f, MSG_link_put_blob, &m, ERR_invalid);
		assert_int_equal(strstr(why, "the hash does not match") != NULL, i == 2);
		fixture_free(f);
	}
}

static void
test_a_chunk_that_is_none_is_not_sent(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_free char *much = xmalloc(699052 + 5);
	struct link_put_blob m = abc();

	pin_bob(f, "bob", true);
	m.data = "YWJj\n";
	free(bus_refused(f, MSG_link_put_blob, &m, ERR_invalid));
	memset(much, 'A', 699056);
	much[699056] = '\0';
	m.data = much;
	free(bus_refused(f, MSG_link_put_blob, &m, ERR_invalid));
	m = abc();
	m.hash = "abc";
	free(bus_refused(f, MSG_link_put_blob, &m, ERR_invalid));
	m = abc();
	m.offset = -1;
	free(bus_refused(f, MSG_link_put_blob, &m, ERR_invalid));
	assert_int_equal(f->bob.accepted, 0);
	fixture_free(f);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static void
test_every_message_has_a_handler_and_asking_needs_a_grant(void **state)
{
	size_t n = 0;

	for (const struct channel *c = proto_channels; c->caller != NULL; c++) {
		const struct handler *h = link_handlers;

		if (strcmp(c->callee, "alpd") != 0)
			continue;
		while (h->fn != NULL && h->type != c->type)
			h++;
		assert_non_null(h->fn);
		assert_int_equal(h->needs, h->type == MSG_link_ask ? CAP_peer : CAP_none);
		n++;
	}
	assert_int_equal(n, 14);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_peer_is_pinned_with_what_is_usual),
		TEST(test_the_methods_asked_for_are_allowed_each_once),
		TEST(test_a_key_that_cannot_be_a_peers_is_refused),
		TEST(test_an_id_an_address_and_a_method_must_be_some),
		TEST(test_a_change_that_fails_is_told_in_the_chain),
		TEST(test_removing_is_idempotent),
		TEST(test_methods_are_allowed_and_taken_back),
		TEST(test_who_is_pinned_is_in_the_roster),
		TEST(test_the_list_says_who_we_are_and_where),
		TEST(test_a_list_that_does_not_load_is_said_and_left_alone),
		TEST(test_who_knocked_is_listed_with_its_profile),
		TEST(test_who_knocked_can_be_accepted_once),
		TEST(test_who_knocked_can_be_discarded),
		TEST(test_a_ping_says_who_answered_and_how),
		TEST(test_a_ping_that_does_not_prove_itself_is_unverified),
		TEST(test_a_ping_to_nobody_is_off),
		TEST(test_a_chunk_is_put_as_it_is),
		TEST(test_an_answer_about_a_chunk_must_make_sense),
		TEST(test_a_chunk_that_is_none_is_not_sent),
		TEST(test_every_message_has_a_handler_and_asking_needs_a_grant),
	};

	return RUN(tests);
}
