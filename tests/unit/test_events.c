/* SPDX-License-Identifier: Apache-2.0 */
/* When the frames of a turn are shown: alone at once, in a crowd the words of each at intervals, all else at once. */
#include "engined/events.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "tests/check.h"

#define FAR_MS	60000
#define NOW_MS	1000000

/* The bus: what the latest turn.next was answered with. */
static struct {
	int	answers;
	size_t	frames;
	int64_t	last;
	char	text[64];
} shown;

int
call_reply(struct call *c, const void *reply)
{
	const struct turn_next_reply *r = reply;

	shown.answers++;
	shown.frames = r->n_events;
	shown.text[0] = '\0';
	for (size_t i = 0; i < r->n_events; i++) {
		const char *text = json_string_value(json_object_get(r->events[i].data, "text"));

		shown.last = r->events[i].seq;
		strncat(shown.text, text == NULL ? "" : text, sizeof(shown.text) - strlen(shown.text) - 1);
	}
	return 0;
}

struct fixture {
	struct event_base	*base;
	struct events		 events;
	size_t			 crowd;
	struct call		 call;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	cleanup_free char *dir = temp_home(), *path = xasprintf("%s/events", dir);

	memset(&shown, 0, sizeof(shown));
	clock_fake(0, NOW_MS);
	f->base = event_base_new();
	events_init(&f->events, f->base, path, "r");
	assert_int_equal(events_begin(&f->events, "t", NULL), 0);
	f->events.crowd = &f->crowd;
	f->crowd = 100;
	events_add(&f->events, "session_start", NULL);
	events_next(&f->events, &f->call, 0, FAR_MS);
	assert_int_equal(shown.answers, 1);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	events_clear(&f->events);
	event_base_free(f->base);
	free(f);
	clock_fake(-1, -1);
	return 0;
}

static void
say(struct fixture *f, const char *text)
{
	events_delta(&f->events, "assistant_delta", text, strlen(text));
}

/* Ask for what follows the latest frame shown. 1: answered at once. */
static int
ask(struct fixture *f)
{
	int before = shown.answers;

	events_next(&f->events, &f->call, shown.last, FAR_MS);
	return shown.answers - before;
}

static void
test_the_first_words_are_shown_at_once_in_any_crowd(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f), 0);
	say(f, "a");
	assert_string_equal(shown.text, "a");
}

static void
test_in_a_crowd_further_words_wait_and_are_shown_together(void **state)
{
	struct fixture *f = *state;

	ask(f);
	say(f, "a");
	say(f, "b");
	assert_int_equal(ask(f), 0);
	say(f, "c");
	assert_int_equal(shown.answers, 2);
	event_base_loop(f->base, EVLOOP_ONCE);
	assert_int_equal(shown.answers, 3);
	assert_int_equal(shown.frames, 1);
	assert_string_equal(shown.text, "bc");
}

static void
test_words_that_waited_long_enough_are_shown_when_asked_for(void **state)
{
	struct fixture *f = *state;

	ask(f);
	say(f, "a");
	say(f, "b");
	clock_fake(0, NOW_MS + 250);
	assert_int_equal(ask(f), 1);
	assert_string_equal(shown.text, "b");
}

static void
test_whatever_is_no_word_takes_the_waiting_words_along(void **state)
{
	struct fixture *f = *state;

	ask(f);
	say(f, "a");
	ask(f);
	say(f, "b");
	assert_int_equal(shown.answers, 2);
	events_add(&f->events, "tool_start", json_object());
	assert_int_equal(shown.answers, 3);
	assert_int_equal(shown.frames, 2);
}

static void
test_the_end_shows_what_waits(void **state)
{
	struct fixture *f = *state;

	ask(f);
	say(f, "a");
	ask(f);
	say(f, "b");
	events_end(&f->events);
	assert_string_equal(shown.text, "b");
}

static void
test_who_is_alone_is_shown_each_word(void **state)
{
	struct fixture *f = *state;

	f->crowd = 1;
	ask(f);
	say(f, "a");
	ask(f);
	say(f, "b");
	assert_string_equal(shown.text, "b");
	say(f, "c");
	assert_int_equal(ask(f), 1);
	assert_string_equal(shown.text, "c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CLAIM(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		CLAIM(test_the_first_words_are_shown_at_once_in_any_crowd),
		CLAIM(test_in_a_crowd_further_words_wait_and_are_shown_together),
		CLAIM(test_words_that_waited_long_enough_are_shown_when_asked_for),
		CLAIM(test_whatever_is_no_word_takes_the_waiting_words_along),
		CLAIM(test_the_end_shows_what_waits),
		CLAIM(test_who_is_alone_is_shown_each_word),
	};

	return RUN(tests);
}
