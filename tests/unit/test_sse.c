/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of server-sent events: the same events however the bytes are cut. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/sse.h"

struct seen {
	struct buf	text;		/* "name|id|data" a line, newlines in data as "\n" */
	int		stop_after;	/* 0: never */
	int		count;
};

static int
note(void *arg, const struct sse_event *ev)
{
	struct seen *s = arg;

	(void)buf_addf(&s->text, "%s|%s|", ev->name, ev->id);
	assert_int_equal(ev->data[ev->len], '\0');
	for (size_t i = 0; i < ev->len; i++)
		(void)(ev->data[i] == '\n' ? buf_puts(&s->text, "\\n") : buf_addc(&s->text, ev->data[i]));
	(void)buf_addc(&s->text, '\n');
	return ++s->count == s->stop_after ? 7 : 0;
}

/* The events of a stream that comes in two parts. */
static char *
events_of(const char *stream, size_t len, size_t cut, int end)
{
	struct seen s = { 0 };
	struct sse p;

	sse_init(&p);
	assert_int_equal(sse_feed(&p, stream, cut, note, &s, NULL), 0);
	assert_int_equal(sse_feed(&p, stream + cut, len - cut, note, &s, NULL), 0);
	if (end)
		assert_int_equal(sse_end(&p, note, &s, NULL), 0);
	sse_clear(&p);
	return buf_take(&s.text);
}

static void
expect(const char *stream, int end, const char *events)
{
	cleanup_free char *got = events_of(stream, strlen(stream), strlen(stream), end);

	assert_string_equal(got, events);
}

static void
test_fields_are_read_as_the_standard_says(void **state)
{
	expect("data: a\n\n", 0, "message||a\n");
	expect("data:a\n\n", 0, "message||a\n");
	expect("data:  a\n\n", 0, "message|| a\n");
	expect("data: a\ndata: b\n\n", 0, "message||a\\nb\n");
	expect("data\n\n", 0, "message||\n");
	expect("data\ndata\n\n", 0, "message||\\n\n");
	expect("event: x\nid: 9\ndata: a\n\ndata: b\n\n", 0, "x|9|a\nmessage|9|b\n");
	expect(": comment\n\n:\n\ndata: a\n\n", 0, "message||a\n");
	expect("event: lost\n\ndata: a\n\n", 0, "message||a\n");
	expect("other: 1\ndata : 2\ndata: a\n\n", 0, "message||a\n");
	expect("\n\n\ndata: a\n\n\n\n", 0, "message||a\n");
}

static void
test_a_byte_order_mark_is_only_skipped_at_the_start(void **state)
{
	expect("\xef\xbb\xbf" "data: a\n\n", 0, "message||a\n");
	expect("data: a\n\n\xef\xbb\xbf" "data: b\n\n", 0, "message||a\n");
}

static void
test_the_cut_never_matters(void **state)
{
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	const char *lines = "\xef\xbb\xbf: hi$event: tick$id: 4$data: {\"a\":$data:1}$$:$data: caf\xc3\xa9 \xf0\x9f\x99\x82$$retry: 20$data$$";

	for (size_t k = 0; k < COUNT(ends); k++) {
		cleanup_free char *whole = NULL;
		struct buf b = BUF(0);

		for (const char *p = lines; *p != '\0'; p++)
			(void)(*p == '$' ? buf_puts(&b, ends[k]) : buf_addc(&b, *p));
		whole = events_of(b.data, b.len, b.len, 0);
		assert_string_equal(whole, "tick|4|{\"a\":\\n1}\nmessage|4|caf\xc3\xa9 \xf0\x9f\x99\x82\nmessage|4|\n");
		for (size_t cut = 0; cut <= b.len; cut++) {
			cleanup_free char *got = events_of(b.data, b.len, cut, 0);
			assert_string_equal(got, whole);
		}
		buf_clear(&b);
	}
}

static void
test_the_end_tells_what_lacks_only_its_line_ends(void **state)
{
	expect("data: a\n\ndata: [DONE]", 1, "message||a\nmessage||[DONE]\n");
	expect("data: a\n", 1, "message||a\n");
	expect("data: a\n", 0, "");
	expect("event: x", 1, "");
}

static void
test_the_retry_time_is_kept_when_it_is_a_number(void **state)
{
	struct seen s = { 0 };
	struct sse p;

	sse_init(&p);
	assert_int_equal(p.retry_ms, -1);
	sse_feed(&p, "retry: 1500\nretry: 12x\nretry:\nretry: 99999999999\n", 50, note, &s, NULL);
	assert_int_equal(p.retry_ms, 1500);
	sse_clear(&p);
}

static void
test_a_callback_can_stop_the_feed_and_free_the_parser(void **state)
{
	struct seen s = { .stop_after = 1 };
	struct sse *p = xmalloc(sizeof(*p));
	const char *stream = "data: a\n\ndata: b\n\n";

	sse_init(p);
	assert_int_equal(sse_feed(p, stream, 3, note, &s, NULL), 0);
	assert_int_equal(sse_feed(p, stream + 3, strlen(stream) - 3, note, &s, NULL), 7);
	assert_int_equal(s.count, 1);
	sse_clear(p);
	free(p);
	buf_clear(&s.text);
}

static void
test_a_line_and_an_event_have_a_limit(void **state)
{
	cleanup_free char *big = xmalloc(SSE_MAX + 16);
	struct seen s = { 0 };
	struct error e = { 0 };
	struct sse p;

	memset(big, 'x', SSE_MAX + 16);
	sse_init(&p);
	assert_int_equal(sse_feed(&p, big, SSE_MAX, note, &s, &e), 0);
	assert_int_equal(sse_feed(&p, big, 1, note, &s, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	sse_clear(&p);

	sse_init(&p);
	memcpy(big, "data:", 5);
	big[SSE_MAX / 2] = '\n';
	assert_int_equal(sse_feed(&p, big, SSE_MAX / 2 + 1, note, &s, &e), 0);
	assert_int_equal(sse_feed(&p, big, SSE_MAX / 2 + 1, note, &s, &e), 0);
	assert_int_equal(sse_feed(&p, big, SSE_MAX / 2 + 1, note, &s, &e), -1);
	sse_clear(&p);

	sse_init(&p);				/* the whole line in one feed */
	big[SSE_MAX / 2] = 'x';
	big[SSE_MAX + 8] = '\n';
	assert_int_equal(sse_feed(&p, big, SSE_MAX + 9, note, &s, &e), -1);
	sse_clear(&p);
	assert_int_equal(s.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fields_are_read_as_the_standard_says),
		TEST(test_a_byte_order_mark_is_only_skipped_at_the_start),
		TEST(test_the_cut_never_matters),
		TEST(test_the_end_tells_what_lacks_only_its_line_ends),
		TEST(test_the_retry_time_is_kept_when_it_is_a_number),
		TEST(test_a_callback_can_stop_the_feed_and_free_the_parser),
		TEST(test_a_line_and_an_event_have_a_limit),
	};

	return RUN(tests);
}
