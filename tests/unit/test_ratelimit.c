/* SPDX-License-Identifier: Apache-2.0 */
/* The window per sender, against the published timelines and a plain list of times. */
#include "alpd/ratelimit.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "tests/check.h"

static void
test_published_timelines_are_admitted_as_they_say(void **state)
{
	cleanup_json json_t *all = vectors("rate_limit.json");
	const json_t *run, *event;
	size_t i, j;

	json_array_foreach(json_object_get(all, "runs"), i, run) {
		struct ratelimit *r = ratelimit_new();

		json_array_foreach(json_object_get(run, "events"), j, event)
			if (ratelimit_admit(r, json_str(event, "peer", ""), (int)json_int(run, "cap", 0),
			    (int64_t)llround(json_num(event, "t", 0) * 1000)) != json_bool(event, "admit", false))
				fail_msg("run %zu event %zu", i, j);
		ratelimit_free(r);
	}
	assert_true(i >= 2);
}

/* As 8.3 says it, word by word. */
struct list {
	int64_t	times[65536];
	size_t	n;
};

static bool
plain_admit(struct list *l, int cap, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (now - l->times[i] <= RATE_WINDOW_MS)
			l->times[kept++] = l->times[i];
	l->n = kept;
	if (l->n >= (size_t)cap)
		return false;
	l->times[l->n++] = now;
	return true;
}

static void
test_any_timeline_is_admitted_as_a_list_of_times_would(void **state)
{
	static struct list l;

	srandom(7);
	for (int run = 0; run < 60; run++) {
		int cap = 1 + (int)(random() % (run % 2 ? 20 : 900)), step = 1 + (int)(random() % 3000);
		struct ratelimit *r = ratelimit_new();
		int64_t now = random() % 1000;

		l.n = 0;
		for (int i = 0; i < 2000; i++) {
			now += random() % 3 == 0 ? random() % step : random() % 2;
			if (random() % 400 == 0)
				now += RATE_WINDOW_MS - 1 + random() % 3;
			if (ratelimit_admit(r, "a", cap, now) != plain_admit(&l, cap, now))
				fail_msg("run %d request %d at %lld", run, i, (long long)now);
		}
		ratelimit_free(r);
	}
}

static void
test_refused_requests_leave_no_trace(void **state)
{
	struct ratelimit *r = ratelimit_new();

	assert_true(ratelimit_admit(r, "a", 1, 0));
	for (int64_t t = 1; t <= RATE_WINDOW_MS; t += 7)
		assert_false(ratelimit_admit(r, "a", 1, t));
	assert_true(ratelimit_admit(r, "a", 1, RATE_WINDOW_MS + 1));
	ratelimit_free(r);
}

static void
test_at_most_4096_senders_and_the_longest_silent_one_goes(void **state)
{
	struct ratelimit *r = ratelimit_new();
	char name[32];

	assert_true(ratelimit_admit(r, "first", 1, 0));
	assert_true(ratelimit_admit(r, "second", 1, 0));
	for (int i = 0; i < 4094; i++) {
		snprintf(name, sizeof(name), "sender %d", i);
		assert_true(ratelimit_admit(r, name, 1, 1));
	}
	assert_int_equal(ratelimit_senders(r), 4096);
	assert_false(ratelimit_admit(r, "first", 1, 2));		/* heard of again */
	assert_true(ratelimit_admit(r, "one more", 1, 3));
	assert_int_equal(ratelimit_senders(r), 4096);
	assert_false(ratelimit_admit(r, "first", 1, 4));
	assert_true(ratelimit_admit(r, "second", 1, 5));		/* it was forgotten */
	ratelimit_free(r);
}

static void
test_silent_senders_are_forgotten(void **state)
{
	struct ratelimit *r = ratelimit_new();
	char name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "sender %d", i);
		assert_true(ratelimit_admit(r, name, 60, i));
	}
	assert_true(ratelimit_admit(r, "late", 60, 999 + RATE_WINDOW_MS));
	assert_int_equal(ratelimit_senders(r), 2);			/* and the last one, whose mark counts still */
	ratelimit_free(r);
}

static size_t
held(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void
test_a_cap_nobody_reaches_costs_no_memory_per_request(void **state)
{
	struct ratelimit *r = ratelimit_new();
	size_t before = held();

	for (int i = 0; i < 3000000; i++)
		assert_true(ratelimit_admit(r, "a", INT32_MAX, i / 100));
	assert_true(held() - before < 1024 * 1024);
	ratelimit_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_published_timelines_are_admitted_as_they_say),
		TEST(test_any_timeline_is_admitted_as_a_list_of_times_would),
		TEST(test_refused_requests_leave_no_trace),
		TEST(test_at_most_4096_senders_and_the_longest_silent_one_goes),
		TEST(test_silent_senders_are_forgotten),
		TEST(test_a_cap_nobody_reaches_costs_no_memory_per_request),
	};

	return RUN(tests);
}
