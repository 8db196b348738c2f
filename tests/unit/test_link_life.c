/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two hours of a link under pings, the clock being ours. ALPI_LINK_PINGS says how many (2,000; the figure of the
 * benchmark is 100,000); what is held is measured from the first half hour on.
 */
#include "tests/unit/link_in_fixture.h"

#include <malloc.h>

#define HOURS_MS	(2 * 3600 * 1000)

static size_t
heap(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void
ping_once(struct fixture *f)
{
	struct ear h;

	ask(f, &h, &f->alice, "link.ping", "{}");
	pump(f);
	answer_usage(f);
	if (!h.ended || h.dropped || h.heard != 1)
		fail_msg("no pong");
	ear_clear(&h);
}

static void
test_two_hours_of_pings_hold_no_more_than_half_an_hour(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip();					/* its heap is not the one that is measured */
#endif
	const char *given = getenv("ALPI_LINK_PINGS");
	int pings = given == NULL ? 2000 : atoi(given);
	struct fixture *f = fixture_open();
	cleanup_free char *journal = path_join(f->home, "alp/secrets/replay.jsonl");
	size_t held = 0, live = 0, most = 0;
	struct error e = { 0 };
	struct stat st = { 0 };

	pin_alice(f, ALL "  rate_limit: {per_minute: 1000000}\n");
	for (int i = 0; i < pings; i++) {
		after_ms(HOURS_MS / pings);
		ping_once(f);
		if (i % 1000 == 999 && replay_sync(f->a.replay, &e) == -1)
			fail_msg("%s", e.text);
		if (i == pings / 4) {
			held = heap();
			live = replay_live(f->a.replay);
		}
		if (i > pings / 4 && heap() > most)
			most = heap();
	}
	assert_int_equal(stat(journal, &st), 0);
	print_message("%d pings in two hours: heap %zu KB after half an hour, at most %zu KB later, %zu KB at the end; "
	    "%zu pairs live, journal %lld KB\n", pings, held / 1024, most / 1024, heap() / 1024,
	    replay_live(f->a.replay), (long long)st.st_size / 1024);
	assert_true(heap() < held + held / 20);
	assert_true(most < held + held / 20);	/* nor ever in between */
	assert_true(replay_live(f->a.replay) <= live + live / 10 + 2);
	assert_true((size_t)st.st_size < (3 * (live + 1) + 2048) * 256);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_hours_of_pings_hold_no_more_than_half_an_hour),
	};

	return RUN(tests);
}
