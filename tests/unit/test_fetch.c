/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs of a peer: not a byte is handed on before all of them are right. */
#include "tests/unit/link_fixture.h"

#include <dirent.h>
#include <stdio.h>

#include "alpd/blob.h"
#include "alpd/fetch.h"

static unsigned char content[2 * BLOB_CHUNK + 1000];
static char hash[65];

/* byte i = ((i * 2654435761) mod 2^32) >> 24, as in the vectors */
static void
make_content(size_t size)
{
	unsigned char raw[crypto_hash_sha256_BYTES];

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (unsigned char)((uint32_t)(i * 2654435761u) >> 24);
	crypto_hash_sha256(raw, content, size);
	sodium_bin2hex(hash, sizeof(hash), raw, sizeof(raw));
}

static char *
base64(const void *bytes, size_t len)
{
	size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = xmalloc(room);

	return sodium_bin2base64(text, room, bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

static void
piece(struct bob *b, struct line *l, const struct envelope *v, const char *of, size_t offset, size_t said, size_t len)
{
	cleanup_free char *data = base64(content + offset, len);
	cleanup_free char *result = xasprintf("{\"data\":\"%s\",\"hash\":\"%s\",\"offset\":%zu}", data, of, said);

	bob_says(b, l, v, result, "chunk");
}

static void
final(struct bob *b, struct line *l, const struct envelope *v, const char *of, size_t size)
{
	cleanup_free char *result = xasprintf("{\"hash\":\"%s\",\"size\":%zu}", of, size);

	bob_says(b, l, v, result, "final");
	bob_done(l);
}

static size_t serves_size;

static void
serves(struct bob *b, struct line *l, const struct envelope *v)
{
	assert_string_equal(json_str(b->params, "hash", ""), hash);
	for (size_t at = 0; at < serves_size; at += BLOB_CHUNK)
		piece(b, l, v, hash, at, at, serves_size - at < BLOB_CHUNK ? serves_size - at : BLOB_CHUNK);
	final(b, l, v, hash, serves_size);
}

static struct fixture *
open_fetches(size_t size, bob_script *script)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", true);
	f->a.fetches = fetches_new(&f->a);
	f->bob.script = script;
	serves_size = size;
	make_content(size);
	return f;
}

static void
close_fetches(struct fixture *f)
{
	fetches_free(f->a.fetches);
	fixture_free(f);
}

static struct link_get_blob
at(int64_t offset)
{
	return (struct link_get_blob){ .peer = "bob", .hash = hash, .offset = offset };
}

/* One piece; its bytes must be those of the content. How many. */
static size_t
get(struct fixture *f, int64_t offset)
{
	struct link_get_blob m = at(offset);
	cleanup_json json_t *r = bus_ask(f, MSG_link_get_blob, &m);
	const char *text = json_str(r, "data", NULL);
	cleanup_free unsigned char *bytes = xmalloc(BLOB_CHUNK + 1);
	size_t n;

	assert_int_equal(json_int(r, "size", -1), serves_size);
	assert_int_equal(sodium_base642bin(bytes, BLOB_CHUNK + 1, text, strlen(text), NULL, &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL), 0);
	assert_memory_equal(bytes, content + offset, n);
	return n;
}

static void
test_a_blob_arrives_piece_by_piece(void **state)
{
	static const size_t sizes[] = { 0, 1, BLOB_CHUNK, BLOB_CHUNK + 1, 2 * BLOB_CHUNK + 1000 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct fixture *f = open_fetches(sizes[i], serves);
		cleanup_free char *text = NULL;
		size_t held = 0;

		do
			held += get(f, (int64_t)held);
		while (held < sizes[i]);
		assert_int_equal(held, sizes[i]);
		assert_int_equal(f->bob.requests, 1);
		text = get_file(f->a.home, "logs/audit/alpd.jsonl");
		assert_non_null(strstr(text, "\"peer.get_blob\""));
		close_fetches(f);
	}
}

/* Nothing lies around: neither while it is fetched nor after. */
static size_t
files_in(const char *home)
{
	cleanup_free char *dir = path_join(home, "alp/blobs");
	DIR *d = opendir(dir);
	const struct dirent *row;
	size_t n = 0;

	while (d != NULL && (row = readdir(d)) != NULL)
		n += strcmp(row->d_name, ".") != 0 && strcmp(row->d_name, "..") != 0;
	if (d != NULL)
		closedir(d);
	return n;
}

static void
test_what_was_read_to_its_end_is_forgotten(void **state)
{
	struct fixture *f = open_fetches(BLOB_CHUNK + 5, serves);
	struct link_get_blob m;

	get(f, 0);
	assert_int_equal(files_in(f->a.home), 0);
	assert_int_equal(get(f, BLOB_CHUNK), 5);
	m = at(BLOB_CHUNK);
	free(bus_refused(f, MSG_link_get_blob, &m, ERR_not_found));
	assert_int_equal(get(f, 0), BLOB_CHUNK);	/* asked for anew */
	assert_int_equal(f->bob.requests, 2);
	close_fetches(f);
}

static void
test_two_who_want_the_same_share_it(void **state)
{
	struct fixture *f = open_fetches(BLOB_CHUNK + 5, serves);
	struct link_get_blob m = at(0);
	struct bus_call *one = bus_begin(f, MSG_link_get_blob, &m), *two = bus_begin(f, MSG_link_get_blob, &m);

	bus_free_call(bus_wait(f, one));
	bus_free_call(bus_wait(f, two));
	assert_int_equal(f->bob.requests, 1);
	get(f, BLOB_CHUNK);
	get(f, BLOB_CHUNK);		/* the first reader's end is not the second's */
	m = at(BLOB_CHUNK);
	free(bus_refused(f, MSG_link_get_blob, &m, ERR_not_found));
	close_fetches(f);
}

static void
test_an_offset_beyond_the_end_is_refused(void **state)
{
	struct fixture *f = open_fetches(BLOB_CHUNK + 5, serves);
	struct link_get_blob m = at(BLOB_CHUNK + 6);

	get(f, 0);
	free(bus_refused(f, MSG_link_get_blob, &m, ERR_invalid));
	m = at(-1);
	free(bus_refused(f, MSG_link_get_blob, &m, ERR_invalid));
	close_fetches(f);
}

static void
test_a_hash_and_a_peer_must_be_some(void **state)
{
	struct fixture *f = open_fetches(5, serves);
	struct link_get_blob m = { .peer = "bob", .hash = "abc" };

	free(bus_refused(f, MSG_link_get_blob, &m, ERR_invalid));
	m = (struct link_get_blob){ .peer = "eve", .hash = hash };
	free(bus_refused(f, MSG_link_get_blob, &m, ERR_not_found));
	assert_int_equal(f->bob.accepted, 0);
	close_fetches(f);
}

/* ---- peers that lie ------------------------------------------------------------------------------------ */

static void
skips(struct bob *b, struct line *l, const struct envelope *v)
{
	piece(b, l, v, hash, 0, 1, 10);
	final(b, l, v, hash, 10);
}

static void
sends_another_hash(struct bob *b, struct line *l, const struct envelope *v)
{
	char other[65];

	memset(other, '0', 64);
	other[64] = '\0';
	piece(b, l, v, other, 0, 0, 10);
	final(b, l, v, hash, 10);
}

static void
sends_other_bytes(struct bob *b, struct line *l, const struct envelope *v)
{
	piece(b, l, v, hash, 1, 0, serves_size);
	final(b, l, v, hash, serves_size);
}

static void
lies_about_the_size(struct bob *b, struct line *l, const struct envelope *v)
{
	piece(b, l, v, hash, 0, 0, serves_size);
	final(b, l, v, hash, serves_size + 1);
}

static void
ends_with_another_hash(struct bob *b, struct line *l, const struct envelope *v)
{
	char other[65];

	memset(other, '0', 64);
	other[64] = '\0';
	piece(b, l, v, hash, 0, 0, serves_size);
	final(b, l, v, other, serves_size);
}

static void
sends_no_base64(struct bob *b, struct line *l, const struct envelope *v)
{
	cleanup_free char *result = xasprintf("{\"data\":\"%s\",\"hash\":\"%s\",\"offset\":0}", "AAAA AAAA", hash);

	bob_says(b, l, v, result, "chunk");
	final(b, l, v, hash, serves_size);
}

static void
test_a_peer_that_lies_is_found_out(void **state)
{
	static bob_script *const lies[] = { skips, sends_another_hash, sends_other_bytes, lies_about_the_size,
	    ends_with_another_hash, sends_no_base64 };

	for (size_t i = 0; i < COUNT(lies); i++) {
		struct fixture *f = open_fetches(10, lies[i]);
		struct link_get_blob m = at(0);

		free(bus_refused(f, MSG_link_get_blob, &m, ERR_invalid));
		assert_int_equal(files_in(f->a.home), 0);
		close_fetches(f);
	}
}

static void
sends_a_piece_that_is_too_large(struct bob *b, struct line *l, const struct envelope *v)
{
	piece(b, l, v, hash, 0, 0, BLOB_CHUNK + 1);
	final(b, l, v, hash, BLOB_CHUNK + 1);
}

static void
test_a_piece_has_a_limit(void **state)
{
	struct fixture *f = open_fetches(BLOB_CHUNK + 1, sends_a_piece_that_is_too_large);
	struct link_get_blob m = at(0);

	free(bus_refused(f, MSG_link_get_blob, &m, ERR_too_large));
	close_fetches(f);
}

static void
says_nothing(struct bob *b, struct line *l, const struct envelope *v)
{
}

static void
test_the_whole_has_a_limit(void **state)
{
	struct fixture *f = open_fetches(BLOB_CHUNK, says_nothing);
	struct link_get_blob m = at(0);
	struct bus_call *k = bus_begin(f, MSG_link_get_blob, &m);
	cleanup_free char *data = base64(content, BLOB_CHUNK);
	size_t held = 0;

	while (f->bob.requests == 0)
		pump(f);
	while (!k->done) {
		cleanup_free char *result = xasprintf("{\"data\":\"%s\",\"hash\":\"%s\",\"offset\":%zu}", data, hash, held);

		assert_true(held <= BLOB_MAX);
		bob_later(&f->bob, LIST_FIRST(&f->bob.lines), result, "chunk");
		held += BLOB_CHUNK;
		for (int i = 0; i < 50; i++)
			event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(k->error.code, ERR_too_large);
	assert_int_equal(held, BLOB_MAX + BLOB_CHUNK);
	bus_free_call(k);
	close_fetches(f);
}

/* ---- peers that refuse ---------------------------------------------------------------------------------- */

static void
has_none(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_refuses(b, l, v, -32012, "blob-not-found", "null");
	bob_done(l);
}

static void
breaks_off(struct bob *b, struct line *l, const struct envelope *v)
{
	piece(b, l, v, hash, 0, 0, 5);
	bob_finish(l);
}

static void
test_everybody_who_waits_hears_why_there_is_none(void **state)
{
	static const struct {
		bob_script	*script;
		enum error_code	 code;
	} rows[] = { { has_none, ERR_not_found }, { breaks_off, ERR_gone } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture *f = open_fetches(10, rows[i].script);
		struct link_get_blob m = at(0);
		struct bus_call *one = bus_begin(f, MSG_link_get_blob, &m), *two = bus_begin(f, MSG_link_get_blob, &m);

		bus_wait(f, one);
		bus_wait(f, two);
		assert_int_equal(one->error.code, rows[i].code);
		assert_int_equal(two->error.code, rows[i].code);
		bus_free_call(one);
		bus_free_call(two);
		close_fetches(f);
	}
}

static void
test_only_so_many_are_on_their_way(void **state)
{
	struct fixture *f = open_fetches(10, says_nothing);
	struct bus_call *calls[FETCHES_MAX];

	for (size_t i = 0; i < FETCHES_MAX; i++) {
		struct link_get_blob m = at(0);

		hash[0] = (char)('0' + i);
		calls[i] = bus_begin(f, MSG_link_get_blob, &m);
		assert_false(calls[i]->done);
	}
	hash[0] = 'f';
	free(bus_refused(f, MSG_link_get_blob, &(struct link_get_blob){ .peer = "bob", .hash = hash }, ERR_busy));
	fetches_free(steal(f->a.fetches));
	for (size_t i = 0; i < FETCHES_MAX; i++) {
		assert_int_equal(calls[i]->error.code, ERR_unavailable);
		bus_free_call(calls[i]);
	}
	close_fetches(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_blob_arrives_piece_by_piece),
		TEST(test_what_was_read_to_its_end_is_forgotten),
		TEST(test_two_who_want_the_same_share_it),
		TEST(test_an_offset_beyond_the_end_is_refused),
		TEST(test_a_hash_and_a_peer_must_be_some),
		TEST(test_a_peer_that_lies_is_found_out),
		TEST(test_a_piece_has_a_limit),
		TEST(test_the_whole_has_a_limit),
		TEST(test_everybody_who_waits_hears_why_there_is_none),
		TEST(test_only_so_many_are_on_their_way),
	};

	return RUN(tests);
}
