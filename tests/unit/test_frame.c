/* SPDX-License-Identifier: Apache-2.0 */
/* Where a message ends: by length, by line, at the limits, and however the stream is cut. */
#include "tests/unit/link_vectors.h"

#include "alpd/envelope.h"
#include "alpd/frame.h"

struct cut {
	size_t	head, body, tail;
};

/* Both functions on the same bytes; they must agree. */
static int
cut(enum frame_kind kind, const void *bytes, size_t len, int eof, struct cut *c)
{
	struct evbuffer *in = evbuffer_new();
	struct cut d = { 0 };
	int one, two;

	*c = d;
	evbuffer_add(in, bytes, len);
	one = frame_next(kind, in, eof, &c->head, &c->body, &c->tail);
	two = frame_parse(kind, bytes, len, eof, &d.head, &d.body, &d.tail);
	assert_int_equal(one, two);
	if (one == 1)
		assert_memory_equal(c, &d, sizeof(d));
	assert_int_equal(evbuffer_get_length(in), len);
	evbuffer_free(in);
	return one;
}

static void
test_a_line_ends_at_its_newline(void **state)
{
	struct cut c;

	assert_int_equal(cut(FRAME_LINE, "{}", 2, 0, &c), 0);
	assert_int_equal(cut(FRAME_LINE, "", 0, 0, &c), 0);
	assert_int_equal(cut(FRAME_LINE, "{}\n{", 4, 0, &c), 1);
	assert_int_equal(c.head, 0);
	assert_int_equal(c.body, 2);
	assert_int_equal(c.tail, 1);
	assert_int_equal(cut(FRAME_LINE, "\n", 1, 0, &c), 1);
	assert_int_equal(c.body, 0);
}

static void
test_a_last_line_needs_no_newline(void **state)
{
	struct cut c;

	assert_int_equal(cut(FRAME_LINE, "{}", 2, 1, &c), 1);
	assert_int_equal(c.body, 2);
	assert_int_equal(c.tail, 0);
	assert_int_equal(cut(FRAME_LINE, "", 0, 1, &c), 0);
}

static void
test_a_line_has_a_limit_before_and_with_its_newline(void **state)
{
	size_t n = ENVELOPE_LINE_MAX + 2;
	char *line = xmalloc(n);
	struct cut c;

	memset(line, 'x', n);
	assert_int_equal(cut(FRAME_LINE, line, ENVELOPE_LINE_MAX, 0, &c), 0);
	assert_int_equal(cut(FRAME_LINE, line, ENVELOPE_LINE_MAX, 1, &c), 1);
	assert_int_equal(cut(FRAME_LINE, line, ENVELOPE_LINE_MAX + 1, 0, &c), -1);
	line[ENVELOPE_LINE_MAX] = '\n';
	assert_int_equal(cut(FRAME_LINE, line, ENVELOPE_LINE_MAX + 1, 0, &c), 1);
	assert_int_equal(c.body, ENVELOPE_LINE_MAX);
	line[ENVELOPE_LINE_MAX] = 'x';
	line[ENVELOPE_LINE_MAX + 1] = '\n';
	assert_int_equal(cut(FRAME_LINE, line, n, 0, &c), -1);
	free(line);
}

/* A frame with this length; only the head is there: the limit is judged before more is awaited. */
static int
said(enum frame_kind kind, size_t len)
{
	uint8_t four[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
	size_t skip = kind == FRAME_HANDSHAKE ? 2 : 0;
	struct cut c;

	return cut(kind, four + skip, sizeof(four) - skip, 0, &c);
}

static void
test_a_length_out_of_bounds_is_refused_with_its_last_byte(void **state)
{
	struct cut c;

	assert_int_equal(said(FRAME_HANDSHAKE, 0), -1);
	assert_int_equal(said(FRAME_HANDSHAKE, 47), -1);
	assert_int_equal(said(FRAME_HANDSHAKE, 48), 0);
	assert_int_equal(said(FRAME_HANDSHAKE, 65535), 0);
	assert_int_equal(said(FRAME_MESSAGE, 0), -1);
	assert_int_equal(said(FRAME_MESSAGE, FRAME_MIN - 1), -1);
	assert_int_equal(said(FRAME_MESSAGE, FRAME_MIN), 0);
	assert_int_equal(said(FRAME_MESSAGE, 65536), 0);
	assert_int_equal(said(FRAME_MESSAGE, FRAME_MAX), 0);
	assert_int_equal(said(FRAME_MESSAGE, FRAME_MAX + 1), -1);
	assert_int_equal(said(FRAME_MESSAGE, 0xffffffff), -1);
	assert_int_equal(cut(FRAME_MESSAGE, "\xff\xff\xff", 3, 1, &c), 0);
	assert_int_equal(cut(FRAME_HANDSHAKE, "\xff", 1, 1, &c), 0);
}

/* At every cut of its bytes a frame of the vectors is "not all there", until its last byte is. */
static void
cut_everywhere(enum frame_kind kind, const json_t *row, size_t head)
{
	cleanup_bytes struct bytes framed = hex(row, "framed");
	struct cut c;

	for (size_t n = 0; n < framed.len; n++)
		assert_int_equal(cut(kind, framed.data, n, 0, &c), 0);
	assert_int_equal(cut(kind, framed.data, framed.len, 0, &c), 1);
	assert_int_equal(c.head, head);
	assert_int_equal(c.body, framed.len - head);
	assert_int_equal(c.tail, 0);
}

static void
test_frames_of_the_vectors_are_found_however_they_arrive(void **state)
{
	cleanup_json json_t *file = vectors("noise_xk.json");
	const json_t *t, *row;
	size_t i, k;

	json_array_foreach(json_object_get(file, "transcripts"), i, t) {
		json_array_foreach(json_object_get(t, "messages"), k, row)
			cut_everywhere(FRAME_HANDSHAKE, row, 2);
		json_array_foreach(json_object_get(t, "transport"), k, row)
			cut_everywhere(FRAME_MESSAGE, row, 4);
	}
}

static void
write_one(enum frame_kind kind, const json_t *row, const char *body)
{
	cleanup_bytes struct bytes framed = hex(row, "framed"), text = hex(row, body);
	struct evbuffer *out = evbuffer_new();

	frame_begin(kind, out, text.len);
	evbuffer_add(out, text.data, text.len);
	frame_end(kind, out);
	assert_bytes(evbuffer_pullup(out, -1), evbuffer_get_length(out), framed);
	evbuffer_free(out);
}

static void
test_frames_are_written_as_the_vectors_say(void **state)
{
	cleanup_json json_t *file = vectors("noise_xk.json");
	struct evbuffer *out = evbuffer_new();
	const json_t *t, *row;
	size_t i, k;

	json_array_foreach(json_object_get(file, "transcripts"), i, t) {
		json_array_foreach(json_object_get(t, "messages"), k, row)
			write_one(FRAME_HANDSHAKE, row, "message");
		json_array_foreach(json_object_get(t, "transport"), k, row)
			write_one(FRAME_MESSAGE, row, "ciphertext");
		json_array_foreach(json_object_get(t, "large_frames"), k, row) {
			cleanup_bytes struct bytes head = hex(row, "header");

			frame_begin(FRAME_MESSAGE, out, (size_t)json_int(row, "ciphertext_length", 0));
			assert_bytes(evbuffer_pullup(out, -1), evbuffer_get_length(out), head);
			evbuffer_drain(out, 4);
		}
	}
	frame_begin(FRAME_LINE, out, 2);
	evbuffer_add(out, "{}", 2);
	frame_end(FRAME_LINE, out);
	assert_int_equal(evbuffer_get_length(out), 3);
	assert_memory_equal(evbuffer_pullup(out, -1), "{}\n", 3);
	evbuffer_free(out);
}

/* A head that lies in two pieces of the buffer is read all the same. */
static void
test_a_head_may_lie_in_pieces(void **state)
{
	static const char head[] = { 0, 0, 0, 16 };
	struct evbuffer *in = evbuffer_new();
	struct cut c;

	for (size_t i = 0; i < sizeof(head); i++) {
		assert_int_equal(frame_next(FRAME_MESSAGE, in, 0, &c.head, &c.body, &c.tail), 0);
		evbuffer_add_reference(in, head + i, 1, NULL, NULL);
	}
	evbuffer_add(in, "0123456789abcdef", 16);
	assert_int_equal(frame_next(FRAME_MESSAGE, in, 0, &c.head, &c.body, &c.tail), 1);
	assert_int_equal(c.body, 16);
	evbuffer_free(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_line_ends_at_its_newline),
		TEST(test_a_last_line_needs_no_newline),
		TEST(test_a_line_has_a_limit_before_and_with_its_newline),
		TEST(test_a_length_out_of_bounds_is_refused_with_its_last_byte),
		TEST(test_frames_of_the_vectors_are_found_however_they_arrive),
		TEST(test_frames_are_written_as_the_vectors_say),
		TEST(test_a_head_may_lie_in_pieces),
	};

	return RUN(tests);
}
