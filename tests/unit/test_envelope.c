/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: the published ones and their checks, every form of a time, and what we make is what we accept. */
#include "tests/check.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/envelope.h"
#include "alpd/replay.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define NOW_US	INT64_C(1776945600000000)	/* 2026-04-23T12:00:00Z, the clock of the vectors */

/* ---- identities ------------------------------------------------------------------------------ */

static const json_t *
key_row(json_t *keys, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(keys, "identities"), i, row)
		if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			return row;
	fail_msg("no key of %s", name);
	return NULL;
}

/* A published identity whose key a child holds, as in the daemon. Who came last is ended first: it has a copy of the others' sockets. */
struct person {
	struct identity	*id;
	uint8_t		 seed[KEY_BYTES];
	pid_t		 child;
};

static struct person
person(const char *name)
{
	json_t *keys = vectors("keys.json");
	struct person p;
	struct error e = { 0 };
	int pair[2];

	sodium_hex2bin(p.seed, sizeof(p.seed), json_string_value(json_object_get(key_row(keys, name), "ed25519_seed")),
	    2 * KEY_BYTES, NULL, NULL, NULL);
	json_decref(keys);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	if ((p.child = fork()) == 0) {
		close(pair[0]);
		_exit(key_serve(pair[1], p.seed));
	}
	close(pair[1]);
	if ((p.id = identity_over(pair[0], &e)) == NULL)
		fail_msg("%s", e.text);
	return p;
}

static void
person_end(struct person *p)
{
	identity_stop(p->id);
	waitpid(p->child, NULL, 0);
}

static char *
name_of(const char *who)
{
	json_t *keys = vectors("keys.json");
	char *name = xstrdup(json_string_value(json_object_get(key_row(keys, who), "identity")));

	json_decref(keys);
	return name;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The text with alp.sig put in behind `"alp":{`, signed by alice whatever it says. */
static char *
signed_text(const struct person *alice, const char *text)
{
	cleanup_doc struct doc *d = doc_parse(text, strlen(text), NULL);
	cleanup_buf struct buf b = BUF(0);
	uint8_t public[32], secret[64], sig[SIGNATURE_BYTES];
	const char *at = strstr(text, "\"alp\":{") + 7;
	char base64[89];

	canonical_node(&b, doc_root(d), NULL);
	crypto_sign_seed_keypair(public, secret, alice->seed);
	crypto_sign_detached(sig, NULL, (const uint8_t *)b.data, b.len, secret);
	sodium_bin2base64(base64, sizeof(base64), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	return xasprintf("%.*s\"sig\":\"%s\",%s", (int)(at - text), text, base64, at);
}

/* A request of alice's to bob with these members of alp (NULL: the usual), signed. */
static char *
request(const struct person *alice, const char *ts, const char *nonce, const char *version)
{
	cleanup_free char *bob = name_of("bob");
	cleanup_free char *text = xasprintf("{\"alp\":{\"from\":\"%s\",\"to\":\"%s\",\"ts\":\"%s\",\"nonce\":%s,\"v\":%s},"
	    "\"id\":\"x\",\"method\":\"link.ping\"}", identity_name(alice->id), bob, ts, nonce == NULL ? "\"n\"" : nonce,
	    version == NULL ? "1" : version);

	return signed_text(alice, text);
}

/* The first word of the refusal, "" when it is accepted. */
static const char *
opened_at(const char *text, int64_t now_us)
{
	static struct error e;
	struct envelope v;
	size_t len = strlen(text);
	char *copy = xmalloc(len);	/* of its exact size, for a sanitizer */

	memcpy(copy, text, len);
	e.text[0] = '\0';
	if (envelope_open(&v, copy, len, now_us, &e) == 0)
		envelope_clear(&v);
	else
		e.text[strcspn(e.text, ":")] = '\0';
	free(copy);
	return e.text;
}

/* ---- published ------------------------------------------------------------------------------- */

static void
preload(struct replay *r, const json_t *seen)
{
	json_t *row;
	size_t i;

	json_array_foreach(seen, i, row)
		assert_int_equal(replay_add(r, json_string_value(json_array_get(row, 0)),
		    json_string_value(json_array_get(row, 1)), NOW_US, NULL), 1);
}

/* Steps 1 to 7 of section 4 in the order of that section, or a client's checks. */
static const char *
verdict(const json_t *row, struct error *e)
{
	cleanup_free char *home = temp_home();
	const char *self = json_string_value(json_object_get(row, "receiver"));
	const char *wire = json_string_value(json_object_get(row, "wire")), *from = json_string_value(json_object_get(row, "expect_from"));
	const char *now = json_string_value(json_object_get(row, "now"));
	cleanup_free char *name = name_of(self);
	struct replay *r = replay_open(home, NOW_US, e);
	struct envelope v;
	int64_t now_us;

	preload(r, json_object_get(row, "seen"));
	assert_true(envelope_time(now, strlen(now), &now_us));
	if (envelope_open(&v, wire, strlen(wire), now_us, e) == 0) {
		if (from != NULL)
			envelope_answers(&v, name, from, json_string_value(json_object_get(row, "expect_id")), e);
		else if (replay_add(r, v.from, v.nonce, now_us, e) != 1)
			strcpy(e->text, "replay");
		else if (strcmp(v.to, name) != 0)
			strcpy(e->text, "recipient");
		envelope_clear(&v);
	}
	replay_close(r);
	e->text[strcspn(e->text, ":")] = '\0';
	return e->text;
}

static void
each_published(const char *list, size_t least, void (*fn)(const json_t *row))
{
	cleanup_json json_t *all = vectors("envelopes.json");
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, list), i, row)
		fn(row);
	assert_true(i >= least);
}

static void
check_verdict(const json_t *row)
{
	struct error e = { 0 };
	const char *got = verdict(row, &e), *name = json_string_value(json_object_get(row, "name"));

	if (strcmp(got, json_string_value(json_object_get(row, "reason"))) != 0)
		fail_msg("%s: %s", name, got);
	assert_true((e.code == 0) == (got[0] == '\0') || strcmp(got, "replay") == 0 || strcmp(got, "recipient") == 0);
}

static void
test_published_checks_end_as_published(void **state)
{
	each_published("checks", 40, check_verdict);
}

static void
check_signature(const json_t *row)
{
	struct person p = person(json_string_value(json_object_get(row, "signer")));
	const json_t *wire = json_object_get(row, "wire"), *input = json_object_get(row, "signing_input");
	cleanup_doc struct doc *d = doc_parse(json_string_value(wire), json_string_length(wire), NULL);
	cleanup_buf struct buf b = BUF(0);
	uint8_t sig[SIGNATURE_BYTES];
	char base64[89];

	canonical_node(&b, doc_root(d), "alp.sig");
	assert_int_equal(b.len, json_string_length(input));
	assert_memory_equal(b.data, json_string_value(input), b.len);
	assert_int_equal(identity_sign(p.id, b.data, b.len, sig, NULL), 0);
	sodium_bin2base64(base64, sizeof(base64), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	assert_string_equal(base64, json_string_value(json_object_get(row, "sig")));
	person_end(&p);
}

static void
test_published_signatures_are_what_the_key_child_gives(void **state)
{
	each_published("signed", 10, check_signature);
}

static void
check_time(const json_t *row)
{
	const char *ts = json_string_value(json_object_get(row, "ts"));
	int64_t us;

	assert_true(envelope_time(ts, strlen(ts), &us));
	assert_int_equal(us, json_integer_value(json_object_get(row, "epoch_us")));
}

static void
test_published_times_are_those_microseconds(void **state)
{
	each_published("timestamps", 7, check_time);
}

/* ---- times ----------------------------------------------------------------------------------- */

static void
test_every_form_of_a_time_that_must_pass_does(void **state)
{
	static const struct { const char *text; int64_t us; } rows[] = {
		{ "2026-04-23T12:00:00Z", NOW_US }, { "2026-04-23T12:00:00.1Z", NOW_US + 100000 },
		{ "2026-04-23T12:00:00.12Z", NOW_US + 120000 }, { "2026-04-23T12:00:00.123Z", NOW_US + 123000 },
		{ "2026-04-23T12:00:00.1234Z", NOW_US + 123400 }, { "2026-04-23T12:00:00.12345Z", NOW_US + 123450 },
		{ "2026-04-23T12:00:00.123456Z", NOW_US + 123456 }, { "2026-04-23T12:00:00.1234567Z", NOW_US + 123456 },
		{ "2026-04-23T12:00:00.12345678Z", NOW_US + 123456 }, { "2026-04-23T12:00:00.999999999Z", NOW_US + 999999 },
		{ "2026-04-23T12:00:00.0Z", NOW_US }, { "2026-04-23T12:00:00+00:00", NOW_US }, { "2026-04-23T12:00:00-00:00", NOW_US },
		{ "2026-04-24T11:59:00+23:59", NOW_US }, { "2026-04-22T12:01:00-23:59", NOW_US },
		{ "2026-04-23T12:00:00.5+00:00", NOW_US + 500000 }, { "2026-04-23T06:30:00.000000001-05:30", NOW_US },
		{ "1970-01-01T00:00:00Z", 0 }, { "1969-12-31T23:59:59.5Z", -500000 }, { "2000-02-29T00:00:00Z", 951782400000000 },
		{ "0001-01-01T00:00:00Z", -62135596800000000 }, { "9999-12-31T23:59:59Z", 253402300799000000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t us;

		if (!envelope_time(rows[i].text, strlen(rows[i].text), &us) || us != rows[i].us)
			fail_msg("%s", rows[i].text);
	}
}

static void
test_what_is_no_time_with_a_zone_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "Z", "2026-04-23", "2026-04-23T12:00Z", "2026-04-23T12:00:00", "2026-04-23T12:00:00.5", "2026-04-23T12:00:00.Z",
		"2026-04-23T12:00:00.1234567890Z", "2026-04-23T12:00:00,5Z", "2026-04-23 12:00:00Z", "2026-04-23t12:00:00Z",
		"2026-04-23T12:00:00z", "2026-04-23T12:00:00+0000", "2026-04-23T12:00:00+00", "2026-04-23T12:00:00+00:0",
		"2026-04-23T12:00:00+24:00", "2026-04-23T12:00:00+00:60", "2026-04-23T12:00:00+00:00:00", "2026-04-23T12:00:00 Z",
		"2026-04-23T12:00:00Z ", " 2026-04-23T12:00:00Z", "2026-04-23T12:00:00ZZ", "2026-04-23T12:00:00UTC",
		"2026-04-23T24:00:00Z", "2026-04-23T12:60:00Z", "2026-04-23T12:00:60Z", "2026-04-23T12:00:61Z", "2026-00-23T12:00:00Z",
		"2026-13-23T12:00:00Z", "2026-04-00T12:00:00Z", "2026-04-31T12:00:00Z", "2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z",
		"0000-01-01T00:00:00Z", "02026-04-23T12:00:00Z", "26-04-23T12:00:00Z", "+2026-04-23T12:00:00Z", "2026-4-23T12:00:00Z",
		"2026-04-23T1:00:00Z", "2026-04-23T12:00:00.-5Z", "2026-04-23T12:00:+5Z", "20260423T120000Z", "2026-W17-4T12:00:00Z",
		"1776945600", ("2026-04-23T12:00:00\xe2\x88\x92" "05:00"), "2026/04/23T12:00:00Z", "2026-04-23T12-00-00Z",
	};
	int64_t us;

	for (size_t i = 0; i < COUNT(bad); i++)
		if (envelope_time(bad[i], strlen(bad[i]), &us))
			fail_msg("accepted: %s", bad[i]);
	assert_false(envelope_time("2026-04-23T12:00:00Z\0", 21, &us));
	for (size_t len = 0; len < 20; len++)
		assert_false(envelope_time("2026-04-23T12:00:00Z", len, &us));
}

static void
test_a_time_prints_with_six_digits_or_none(void **state)
{
	static const int64_t times[] = { 0, 1, NOW_US, NOW_US + 1, NOW_US + 100000, NOW_US + 999999, -1, 951782400000000 };
	char text[32];

	envelope_time_text(NOW_US, text);
	assert_string_equal(text, "2026-04-23T12:00:00Z");
	envelope_time_text(NOW_US + 120, text);
	assert_string_equal(text, "2026-04-23T12:00:00.000120Z");
	for (size_t i = 0; i < COUNT(times); i++) {
		int64_t us;

		envelope_time_text(times[i], text);
		assert_true(envelope_time(text, strlen(text), &us));
		assert_int_equal(us, times[i]);
	}
}

static void
test_the_window_is_120_seconds_to_the_microsecond(void **state)
{
	struct person alice = person("alice");
	cleanup_free char *text = request(&alice, "2026-04-23T12:00:00.000000Z", NULL, NULL);
	cleanup_free char *cut = request(&alice, "2026-04-23T11:58:00.0000009Z", NULL, NULL);

	assert_string_equal(opened_at(text, NOW_US), "");
	assert_string_equal(opened_at(text, NOW_US + ENVELOPE_CLOCK_US), "");
	assert_string_equal(opened_at(text, NOW_US - ENVELOPE_CLOCK_US), "");
	assert_string_equal(opened_at(text, NOW_US + ENVELOPE_CLOCK_US + 1), "timestamp");
	assert_string_equal(opened_at(text, NOW_US - ENVELOPE_CLOCK_US - 1), "timestamp");
	assert_string_equal(opened_at(cut, NOW_US), "");
	assert_string_equal(opened_at(cut, NOW_US + 1), "timestamp");
	person_end(&alice);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* A text with one piece of it replaced. */
static char *
with(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static void
test_the_first_check_that_fails_is_named(void **state)
{
	struct person alice = person("alice");
	cleanup_free char *good = request(&alice, "2026-04-23T12:00:00Z", NULL, NULL);
	cleanup_free char *old = request(&alice, "2026-04-23T11:00:00Z", NULL, NULL);
	cleanup_free char *newer = request(&alice, "2026-04-23T11:00:00Z", NULL, "2");
	cleanup_free char *real = request(&alice, "2026-04-23T12:00:00Z", NULL, "1.0");
	cleanup_free char *boolean = request(&alice, "2026-04-23T12:00:00Z", NULL, "true");
	cleanup_free char *nul = request(&alice, "2026-04-23T12:00:00Z", "\"a\\u0000b\"", NULL);
	cleanup_free char *number = request(&alice, "2026-04-23T12:00:00Z", "7", NULL);
	cleanup_free char *twice = with(good, "\"id\":", "\"id\":1,\"id\":"), *other = with(good, "link.ping", "link.pong");
	cleanup_free char *stale_other = with(old, "link.ping", "link.pong"), *unnamed = with(newer, "\"nonce\"", "\"nonces\"");

	assert_string_equal(opened_at(good, NOW_US), "");
	assert_string_equal(opened_at(twice, NOW_US), "json");
	assert_string_equal(opened_at("{\"alp\":", NOW_US), "json");
	assert_string_equal(opened_at(unnamed, NOW_US), "shape");
	assert_string_equal(opened_at(nul, NOW_US), "shape");
	assert_string_equal(opened_at(number, NOW_US), "shape");
	assert_string_equal(opened_at(newer, NOW_US), "version");
	assert_string_equal(opened_at(real, NOW_US), "version");
	assert_string_equal(opened_at(boolean, NOW_US), "version");
	assert_string_equal(opened_at(stale_other, NOW_US), "timestamp");
	assert_string_equal(opened_at(other, NOW_US), "signature");
	person_end(&alice);
}

static void
test_base64_has_one_spelling(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct person alice = person("alice");
	cleanup_free char *good = request(&alice, "2026-04-23T12:00:00Z", NULL, NULL);
	char *end = strstr(strstr(good, "\"sig\":\""), "==\""), *last = end - 1, was = *last;

	*last = digits[(strchr(digits, was) - digits) + 1];		/* bits that belong to no byte */
	assert_string_equal(opened_at(good, NOW_US), "signature");
	*last = was;
	assert_string_equal(opened_at(good, NOW_US), "");
	{
		cleanup_free char *bare = with(good, "==\"", "\""), *longer = with(good, "==\"", "===\"");
		cleanup_free char *blank = with(good, "\"sig\":\"", "\"sig\":\" "), *line = with(good, "==\"", "==\\n\"");
		cleanup_free char *nul = with(good, "==\"", "==\\u0000\""), *none = with(good, "\"sig\":\"", "\"sig\":\"\",\"x\":\"");

		assert_string_equal(opened_at(bare, NOW_US), "signature");
		assert_string_equal(opened_at(longer, NOW_US), "signature");
		assert_string_equal(opened_at(blank, NOW_US), "signature");
		assert_string_equal(opened_at(line, NOW_US), "signature");
		assert_string_equal(opened_at(nul, NOW_US), "signature");
		assert_string_equal(opened_at(none, NOW_US), "signature");
	}
	person_end(&alice);
}

/* Signed in every one of these spellings of its own name, alice is not accepted. */
static void
test_a_sender_has_one_spelling(void **state)
{
	struct person alice = person("alice");
	const char *name = identity_name(alice.id);
	cleanup_free char *text = xasprintf("{\"alp\":{\"from\":\"%s\",\"to\":\"\",\"ts\":\"2026-04-23T12:00:00Z\",\"nonce\":\"\",\"v\":1}}", name);
	cleanup_free char *good = signed_text(&alice, text);
	cleanup_free char *bits = xstrdup(name), *bare = xstrndup(name, 43), *blank = xasprintf("%s ", name);
	const char *const others[] = { bits, bare, blank, "", "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm_OLrMENoM=" };

	bits[42]++;
	assert_string_equal(opened_at(good, NOW_US), "");
	for (size_t i = 0; i < COUNT(others); i++) {
		cleanup_free char *spelled = with(text, name, others[i]), *resigned = signed_text(&alice, spelled);

		assert_string_equal(opened_at(resigned, NOW_US), "signature");
	}
	person_end(&alice);
}

static void
test_a_line_above_the_limit_is_not_parsed(void **state)
{
	cleanup_free char *line = xmalloc(ENVELOPE_LINE_MAX + 2);
	struct error e = { 0 };
	struct envelope v;

	memset(line, ' ', ENVELOPE_LINE_MAX + 2);
	assert_int_equal(envelope_open(&v, line, ENVELOPE_LINE_MAX, NOW_US, &e), -1);
	assert_string_equal(e.text, "json: byte 1048577: it ends too early");
	assert_int_equal(envelope_open(&v, line, ENVELOPE_LINE_MAX + 1, NOW_US, &e), -1);
	assert_string_equal(e.text, "json: 1048578 bytes");
}

/* ---- what we make ---------------------------------------------------------------------------- */

/* A text as it went out: in canonical form, and to be opened by its receiver. */
static void
arrives(const char *text, size_t len, struct envelope *v)
{
	cleanup_doc struct doc *d = doc_parse(text, len, NULL);
	cleanup_buf struct buf b = BUF(0);
	struct error e = { 0 };

	assert_int_equal(strlen(text), len);
	canonical_node(&b, doc_root(d), NULL);
	assert_string_equal(b.data, text);
	if (envelope_open(v, text, len, clock_wall_ms() * 1000, &e) == -1)
		fail_msg("%s", e.text);
}

static void
test_a_request_and_its_answers_arrive(void **state)
{
	struct person alice = person("alice"), bob = person("bob");
	const char *from = identity_name(alice.id), *to = identity_name(bob.id);
	struct envelope question, answer;
	struct error e = { 0 };
	char id[ENVELOPE_ID_BYTES];
	size_t len;
	cleanup_free char *asked = envelope_request(alice.id, to, "link.ask", "{\"a\":1,\"b\":\"\xc3\xa9\"}", id, &len, &e);
	cleanup_free char *chunk = NULL, *refused = NULL;

	arrives(asked, len, &question);
	assert_string_equal(question.from, from);
	assert_string_equal(question.to, to);
	assert_true(node_equals(question.id, id));
	assert_true(node_equals(question.method, "link.ask"));
	assert_true(node_is(question.params, NODE_OBJECT));
	assert_int_equal(strlen(question.nonce), 32);

	chunk = envelope_result(bob.id, &question, "{\"text\":\"\"}", "chunk", &len, &e);
	arrives(chunk, len, &answer);
	assert_int_equal(envelope_answers(&answer, from, to, id, &e), 0);
	assert_true(node_equals(answer.stream, "chunk"));
	assert_string_not_equal(answer.nonce, question.nonce);
	envelope_clear(&answer);

	refused = envelope_error(bob.id, &question, -32005, "rate-limited", "{\"window_seconds\":60}", &len, &e);
	arrives(refused, len, &answer);
	assert_int_equal(envelope_answers(&answer, from, to, id, &e), 0);
	assert_null(answer.stream);
	assert_null(answer.result);
	assert_true(node_equals(node_get(answer.error, "message"), "rate-limited"));
	assert_int_equal(envelope_answers(&answer, to, to, id, &e), -1);
	assert_int_equal(envelope_answers(&answer, from, from, id, &e), -1);
	assert_int_equal(envelope_answers(&answer, from, to, "x", &e), -1);
	envelope_clear(&answer);
	envelope_clear(&question);
	person_end(&bob);
	person_end(&alice);
}

static void
test_an_answer_repeats_the_id_whatever_it_is(void **state)
{
	static const struct { const char *id, *again; } rows[] = {
		{ "\"id\":7,", "\"id\":7" }, { "\"id\":null,", "\"id\":null" }, { "\"id\":{\"b\":1,\"a\":[]},", "\"id\":{\"a\":[],\"b\":1}" },
		{ "\"id\":1.5,", "\"id\":1.5" }, { "\"id\":\"\\u0000\",", "\"id\":\"\\u0000\"" }, { "", "\"id\":\"\"" },
	};
	struct person alice = person("alice"), bob = person("bob");

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *text = xasprintf("{%s\"alp\":{\"from\":\"%s\",\"to\":\"%s\",\"ts\":\"2026-04-23T12:00:00Z\",\"nonce\":\"\",\"v\":1}}",
		    rows[i].id, identity_name(alice.id), identity_name(bob.id));
		cleanup_free char *wire = signed_text(&alice, text), *answer = NULL;
		struct envelope v, back;
		size_t len;

		assert_int_equal(envelope_open(&v, wire, strlen(wire), NOW_US, NULL), 0);
		answer = envelope_result(bob.id, &v, "null", NULL, &len, NULL);
		assert_non_null(strstr(answer, rows[i].again));
		arrives(answer, len, &back);
		envelope_clear(&back);
		envelope_clear(&v);
	}
	person_end(&bob);
	person_end(&alice);
}

static void
test_an_answer_has_one_of_result_and_error(void **state)
{
	static const struct { const char *members; int ok; } rows[] = {
		{ "\"result\":null", 0 }, { "\"result\":{}", 0 }, { "\"error\":{\"code\":-1,\"message\":\"m\",\"data\":null}", 0 },
		{ "\"error\":{\"code\":-1,\"message\":\"m\"}", 0 }, { "\"x\":1", -1 }, { "\"result\":1,\"error\":{\"code\":1,\"message\":\"\"}", -1 },
		{ "\"error\":null", -1 }, { "\"error\":{\"code\":\"1\",\"message\":\"m\"}", -1 }, { "\"error\":{\"code\":1}", -1 },
		{ "\"error\":\"text\"", -1 }, { "\"error\":{\"code\":1.5,\"message\":\"m\"}", -1 },
	};
	struct person alice = person("alice");
	const char *from = identity_name(alice.id);

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *text = xasprintf("{\"id\":\"i\",\"alp\":{\"from\":\"%s\",\"to\":\"%s\",\"ts\":\"2026-04-23T12:00:00Z\",\"nonce\":\"\",\"v\":1},%s}",
		    from, from, rows[i].members);
		cleanup_free char *wire = signed_text(&alice, text);
		struct envelope v;

		assert_int_equal(envelope_open(&v, wire, strlen(wire), NOW_US, NULL), 0);
		if (envelope_answers(&v, from, from, "i", NULL) != rows[i].ok)
			fail_msg("%s", rows[i].members);
		envelope_clear(&v);
	}
	person_end(&alice);
}

/* An object with one string that brings a request to this many bytes. */
static char *
request_of(struct identity *self, size_t want, size_t *len, struct error *e)
{
	char id[ENVELOPE_ID_BYTES], name[IDENTITY_BYTES];
	cleanup_free char *small = NULL, *params = xcalloc(1, want + 16);

	strcpy(name, identity_name(self));
	if ((small = envelope_request(self, name, "m", "{\"d\":\"\"}", id, len, e)) == NULL)
		return NULL;
	strcpy(params, "{\"d\":\"");
	memset(params + 6, 'a', want - *len);
	strcpy(params + 6 + want - *len, "\"}");
	return envelope_request(self, name, "m", params, id, len, e);
}

static void
test_the_largest_message_is_one_that_fits_both_transports(void **state)
{
	struct person alice = person("alice");
	struct error e = { 0 };
	struct envelope v;
	cleanup_free char *largest = NULL;
	size_t len = 0;

	clock_fake(NOW_US / 1000, -1);		/* the same time, the same length */
	largest = request_of(alice.id, ENVELOPE_MAX, &len, &e);
	assert_int_equal(len, ENVELOPE_MAX);
	arrives(largest, len, &v);
	envelope_clear(&v);
	assert_null(request_of(alice.id, ENVELOPE_MAX + 1, &len, &e));
	assert_int_equal(e.code, ERR_too_large);
	clock_fake(-1, -1);
	person_end(&alice);
}

static void
test_without_the_key_nothing_is_sent(void **state)
{
	struct person alice = person("alice");
	struct error e = { 0 };
	char id[ENVELOPE_ID_BYTES];
	size_t len;

	kill(alice.child, SIGKILL);
	waitpid(alice.child, NULL, 0);
	assert_null(envelope_request(alice.id, "x", "m", "{}", id, &len, &e));
	assert_int_equal(e.code, ERR_gone);
	identity_stop(alice.id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_published_checks_end_as_published),
		TEST(test_published_signatures_are_what_the_key_child_gives),
		TEST(test_published_times_are_those_microseconds),
		TEST(test_every_form_of_a_time_that_must_pass_does),
		TEST(test_what_is_no_time_with_a_zone_is_refused),
		TEST(test_a_time_prints_with_six_digits_or_none),
		TEST(test_the_window_is_120_seconds_to_the_microsecond),
		TEST(test_the_first_check_that_fails_is_named),
		TEST(test_base64_has_one_spelling),
		TEST(test_a_sender_has_one_spelling),
		TEST(test_a_line_above_the_limit_is_not_parsed),
		TEST(test_a_request_and_its_answers_arrive),
		TEST(test_an_answer_repeats_the_id_whatever_it_is),
		TEST(test_an_answer_has_one_of_result_and_error),
		TEST(test_the_largest_message_is_one_that_fits_both_transports),
		TEST(test_without_the_key_nothing_is_sent),
	};

	if (sodium_init() == -1)
		return 1;
	return RUN(tests);
}
