/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression says in plain words. */
#include "cli/cron.h"

#include <string.h>

#include "common/mem.h"
#include "tests/check.h"

static void
an_expression_reads_as_it_means(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "* * * * *", "every minute" },
		{ "*/15 * * * *", "every 15 minutes" },
		{ "@hourly", "at minute 0 of every hour" },
		{ "@daily", "at 00:00 every day" },
		{ "30 9 * * 1-5", "at 09:30 on Monday to Friday" },
		{ "0 8,12,18 * * *", "at 08:00, 12:00 and 18:00 every day" },
		{ "0 0 * * sat-mon", "at 00:00 on Monday, Saturday and Sunday" },
		{ "5,10 9-17 * * *", "at minutes 5 and 10 in the hours 9 to 17" },
		{ "* */2 * * *", "every minute of every 2nd hour" },
		{ "0 0 1,15 6 *", "at 00:00 on days 1 and 15 of the month in June" },
		{ "0 0 13 * 5", "at 00:00 on day 13 of the month or on Friday" },
		{ "0 0 15,l * *", "at 00:00 on day 15 and the last day of the month" },
		{ "0 0 l 1-3,12 *", "at 00:00 on the last day of the month in January to March and December" },
		{ "0 9 * * mon#1,l5", "at 09:00 on the first Monday and the last Friday of the month" },
		{ "0 0 * * * 30", "at second 30, at 00:00 every day" },
		{ "* * * * * *", "every second, every minute" },
		{ "* * * * * */20", "at seconds 0, 20 and 40, every minute" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		struct cron c;
		cleanup_free char *words = NULL;

		if (cron_parse(&c, rows[i].text, &e) == -1)
			fail_msg("%s: %s", rows[i].text, e.text);
		words = cron_words(&c);
		assert_string_equal(words, rows[i].words);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { TEST(an_expression_reads_as_it_means) };

	return RUN(tests);
}
