/* SPDX-License-Identifier: Apache-2.0 */
/* Which failures are worth another try, and how long the pause before it is. */
#include "tests/check.h"

#include "common/mem.h"
#include "engined/retry.h"

static void
test_only_what_may_pass_by_itself_is_tried_again(void **state)
{
	static const struct { enum error_code code; int status; bool worth; } rows[] = {
		{ ERR_timeout, 0, true }, { ERR_unavailable, 0, true }, { ERR_gone, 0, true },
		{ ERR_provider, 0, true }, { ERR_provider, 429, true }, { ERR_provider, 500, true }, { ERR_provider, 529, true },
		{ ERR_provider, 400, false }, { ERR_provider, 401, false }, { ERR_provider, 404, false }, { ERR_provider, 302, false },
		{ ERR_too_large, 0, false }, { ERR_internal, 0, false }, { ERR_denied, 429, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct failure f = { .why = { .code = rows[i].code }, .status = rows[i].status };

		assert_int_equal(retry_worth(&f), rows[i].worth);
		f.shown = true;
		assert_false(retry_worth(&f));
	}
}

static void
test_the_back_off_doubles_within_a_fifth_and_not_for_ever(void **state)
{
	struct failure f = { .retry_after_ms = -1 };

	for (int attempt = 1; attempt < 6; attempt++) {
		int middle = 1000 << (attempt - 1), ms = retry_pause_ms(&f, 1000, attempt);

		assert_in_range(ms, middle * 8 / 10, middle * 12 / 10);
	}
	assert_in_range(retry_pause_ms(&f, 1000, 1000), 1, 2 * 3600000 * 12 / 10);
}

static void
test_a_server_may_ask_for_a_pause_of_a_minute_at_most(void **state)
{
	struct failure f = { .retry_after_ms = 1234 };

	assert_int_equal(retry_pause_ms(&f, 1000, 1), 1234);
	f.retry_after_ms = 3600000;
	assert_int_equal(retry_pause_ms(&f, 1000, 1), RETRY_AFTER_MAX_MS);
	f.retry_after_ms = 0;			/* "at once" is no pause: ours holds */
	assert_in_range(retry_pause_ms(&f, 1000, 1), 800, 1200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_what_may_pass_by_itself_is_tried_again),
		TEST(test_the_back_off_doubles_within_a_fifth_and_not_for_ever),
		TEST(test_a_server_may_ask_for_a_pause_of_a_minute_at_most),
	};

	return RUN(tests);
}
