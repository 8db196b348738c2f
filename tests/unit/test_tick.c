/* SPDX-License-Identifier: Apache-2.0 */
/* When the scheduler looks, and what it begins then: what was missed, what overlaps, what others write into the file meanwhile. */
#include "tests/unit/tick_fixture.h"

#include <sys/time.h>

#include "common/buf.h"

#define NOON	1780308000000		/* 2026-06-01T10:00Z */

static size_t
count_runs(struct world *w, const char *job)
{
	cleanup_json json_t *list = runs_of(w, job, "ok");

	return json_array_size(list);
}

static void
put_hourly(void)
{
	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"prompt\":\"p\",\"expression\":\"0 * * * *\",\"last_run_at\":\"2026-06-01T10:00:00Z\"}]");
}

static void
test_a_night_off_is_caught_up_once(void **state)
{
	struct world w;

	put_hourly();
	begin(&w, NOON + 12 * HOUR + 600000);
	look(&w, NOON + 12 * HOUR + 600000);
	look(&w, NOON + 12 * HOUR + 700000);
	assert_int_equal(count_runs(&w, "a"), 1);
	look(&w, NOON + 13 * HOUR);
	assert_int_equal(count_runs(&w, "a"), 2);
	finish(&w);
}

static void
test_a_clock_that_jumps_a_day_repeats_nothing_and_goes_on(void **state)
{
	struct world w;

	put_hourly();
	begin(&w, NOON + 1);
	look(&w, NOON + HOUR);			/* the run of 11:00 */
	look(&w, NOON + 25 * HOUR + 1000);	/* forward: one catch-up, for 12:00 */
	look(&w, NOON + HOUR + 2000);		/* and back */
	look(&w, NOON + 2 * HOUR);		/* 12:00 has its run */
	assert_int_equal(count_runs(&w, "a"), 2);
	look(&w, NOON + 3 * HOUR);		/* 13:00 has none */
	assert_int_equal(count_runs(&w, "a"), 3);
	finish(&w);
}

/* Within 30 s: the timer is never set further ahead, and a look takes over what was written. */
static void
test_what_others_write_into_the_file_is_noticed_within_half_a_minute(void **state)
{
	struct timeval at, now;
	struct world w;

	put_file(home, JOBS_FILE, "[]");
	begin(&w, NOON);
	look(&w, NOON);
	assert_true(event_pending(w.s.timer, EV_TIMEOUT, &at));
	gettimeofday(&now, NULL);
	assert_in_range((at.tv_sec - now.tv_sec) + 1, 1, 31);
	put_hourly();
	look(&w, NOON + 30000);
	assert_int_equal(count_runs(&w, "a"), 0);
	look(&w, NOON + HOUR);
	assert_int_equal(count_runs(&w, "a"), 1);
	finish(&w);
}

static void
test_a_file_turned_into_nonsense_stays_and_its_jobs_go_on_once_it_is_mended(void **state)
{
	cleanup_free char *text = NULL;
	struct world w;

	put_hourly();
	begin(&w, NOON + 1);
	put_file(home, JOBS_FILE, "[{\"id\":\"a\",");
	look(&w, NOON + HOUR);
	assert_non_null(jobs_corrupt(w.s.jobs));
	text = get_file(home, JOBS_FILE);
	assert_string_equal(text, "[{\"id\":\"a\",");
	put_hourly();
	look(&w, NOON + HOUR + 30000);
	assert_int_equal(count_runs(&w, "a"), 1);
	finish(&w);
}

static void
test_a_run_that_outlasts_its_next_times_is_followed_by_one(void **state)
{
	struct world w;

	put_hourly();
	begin(&w, NOON + 1);
	w.hold = true;
	look(&w, NOON + HOUR);
	assert_non_null(run_of_job(&w.s, "a"));
	look(&w, NOON + 2 * HOUR);
	look(&w, NOON + 3 * HOUR);
	assert_int_equal(w.turns, 1);
	w.hold = false;
	look(&w, NOON + 3 * HOUR + 1000);
	assert_int_equal(count_runs(&w, "a"), 2);
	finish(&w);
}

static void
test_a_paused_job_rests_and_catches_up_once(void **state)
{
	struct world w;

	put_hourly();
	begin(&w, NOON + 1);
	w.s.paused = true;
	look(&w, NOON + 5 * HOUR);
	assert_int_equal(count_runs(&w, "a"), 0);
	w.s.paused = false;
	look(&w, NOON + 6 * HOUR);
	look(&w, NOON + 6 * HOUR + 60000);
	assert_int_equal(count_runs(&w, "a"), 1);
	finish(&w);
}

static void
test_an_inactivity_job_waits_for_the_person_and_for_its_own_last_run(void **state)
{
	struct world w;

	put_file(home, JOBS_FILE, "[{\"id\":\"a\",\"kind\":\"inactivity\",\"after_hours\":2,\"prompt\":\"p\"}]");
	begin(&w, NOON);
	w.active = (double)NOON / 1000;
	look(&w, NOON + HOUR);
	assert_int_equal(count_runs(&w, "a"), 0);
	w.active = (double)(NOON + HOUR) / 1000;
	look(&w, NOON + 2 * HOUR);		/* the person came back meanwhile */
	assert_int_equal(count_runs(&w, "a"), 0);
	look(&w, NOON + 3 * HOUR);
	look(&w, NOON + 4 * HOUR);
	assert_int_equal(count_runs(&w, "a"), 1);
	look(&w, NOON + 5 * HOUR);
	assert_int_equal(count_runs(&w, "a"), 2);
	finish(&w);
}

static void
test_an_engine_that_cannot_say_whether_the_person_is_idle_holds_up_no_other_job(void **state)
{
	struct world w;

	put_file(home, JOBS_FILE, "[{\"id\":\"i\",\"kind\":\"inactivity\",\"after_hours\":1,\"prompt\":\"p\"},"
	    "{\"id\":\"a\",\"prompt\":\"p\",\"expression\":\"@hourly\",\"last_run_at\":\"2026-06-01T10:00:00Z\"}]");
	begin(&w, NOON);
	w.deaf = true;
	look(&w, NOON + HOUR);
	assert_int_equal(count_runs(&w, "i"), 0);
	assert_int_equal(count_runs(&w, "a"), 1);
	w.deaf = false;
	look(&w, NOON + HOUR + 30000);
	assert_int_equal(count_runs(&w, "i"), 1);
	finish(&w);
}

static void
test_a_run_whose_time_ended_while_we_were_away_is_what_its_turn_came_to(void **state)
{
	cleanup_json json_t *runs = NULL;
	struct world w;

	put_hourly();
	begin(&w, NOON + 1);
	w.hold = true;
	look(&w, NOON + HOUR);
	finish(&w);
	begin(&w, NOON + HOUR + 50 * 60000);		/* its time is 15 minutes */
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);	/* nobody answers at once */
	look(&w, NOON + HOUR + 50 * 60000);
	runs = runs_of(&w, "a", "ok");
	assert_int_equal(json_array_size(runs), 1);
	finish(&w);
}

static void
test_jobs_of_once_and_of_idle_hours_take_a_clock_that_jumps_a_day(void **state)
{
	struct world w;

	put_file(home, JOBS_FILE, "[{\"id\":\"o\",\"kind\":\"once\",\"run_at\":\"2026-06-01T20:00:00+02:00\",\"prompt\":\"p\"},"
	    "{\"id\":\"i\",\"kind\":\"inactivity\",\"after_hours\":2,\"prompt\":\"p\"}]");
	begin(&w, NOON);
	w.active = (double)NOON / 1000;
	look(&w, NOON + 24 * HOUR);		/* forward: both are due */
	assert_int_equal(count_runs(&w, "o"), 1);
	assert_int_equal(count_runs(&w, "i"), 1);
	look(&w, NOON + HOUR);			/* and back: neither is due once more */
	look(&w, NOON + 8 * HOUR + 1000);
	assert_int_equal(count_runs(&w, "o"), 1);
	assert_int_equal(count_runs(&w, "i"), 1);
	w.active = (double)(NOON + 9 * HOUR) / 1000;
	look(&w, NOON + 27 * HOUR);		/* and it goes on */
	assert_int_equal(count_runs(&w, "i"), 2);
	finish(&w);
}

static json_t *
once(const char *at)
{
	return json_pack("{s:s, s:s, s:s}", "kind", "once", "run_at", at, "prompt", "p");
}

static void
test_a_once_job_that_is_put_off_while_it_runs_is_still_to_come(void **state)
{
	cleanup_json json_t *row = once("2026-06-01T12:30:00+02:00"), *later = json_pack("{s:s}", "run_at", "2026-06-02T12:30:00+02:00"), *shown = NULL;
	struct error e = { 0 };
	struct world w;
	char id[JOB_ID_MAX + 1];

	put_file(home, JOBS_FILE, "[]");
	begin(&w, NOON);
	assert_non_null(shown = edit_add(&w.s, row, false, NULL, &e));
	strcpy(id, json_str(shown, "id", ""));
	w.hold = true;
	look(&w, NOON + HOUR);
	json_decref(edit_update(&w.s, id, later, &e));
	w.hold = false;
	look(&w, NOON + HOUR + 1000);
	assert_int_equal(count_runs(&w, id), 1);
	assert_non_null(jobs_find(w.s.jobs, id));
	look(&w, NOON + 25 * HOUR);
	assert_int_equal(count_runs(&w, id), 2);
	assert_null(jobs_find(w.s.jobs, id));
	finish(&w);
}

static void
test_a_call_that_is_repeated_adds_no_second_job_when_the_first_is_over(void **state)
{
	cleanup_json json_t *row = once("2026-06-01T12:30:00+02:00"), *shown = NULL;
	struct error e = { 0 };
	struct world w;

	put_file(home, JOBS_FILE, "[]");
	begin(&w, NOON);
	assert_non_null(shown = edit_add(&w.s, row, false, "turn/1/0", &e));
	look(&w, NOON + HOUR);
	assert_int_equal(jobs_count(w.s.jobs), 0);
	assert_null(edit_add(&w.s, row, false, "turn/1/0", &e));
	assert_int_equal(e.code, ERR_exists);
	assert_int_equal(jobs_count(w.s.jobs), 0);
	finish(&w);
}

static void
test_a_look_costs_what_is_due_and_not_what_there_is(void **state)
{
	cleanup_buf struct buf text = BUF(0);
	struct world w;

	buf_addc(&text, '[');
	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "%s{\"id\":\"%08x\",\"prompt\":\"p\",\"expression\":\"%d %d * * *\",\"last_run_at\":\"2026-05-31T22:00:00Z\"}",
		    i > 0 ? "," : "", i, i % 60, i / 60 % 24);
	buf_addc(&text, ']');
	put_file(home, JOBS_FILE, buf_str(&text));
	begin(&w, 1780264800000);		/* 2026-05-31T22:00Z */
	assert_int_equal(w.s.due.waiting.n, 100000);
	for (int i = 0; i < 1000000; i++)
		assert_null(due_take(&w.s.due, 0));
	finish(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_night_off_is_caught_up_once),
		CASE(test_a_clock_that_jumps_a_day_repeats_nothing_and_goes_on),
		CASE(test_what_others_write_into_the_file_is_noticed_within_half_a_minute),
		CASE(test_a_file_turned_into_nonsense_stays_and_its_jobs_go_on_once_it_is_mended),
		CASE(test_a_run_that_outlasts_its_next_times_is_followed_by_one),
		CASE(test_a_paused_job_rests_and_catches_up_once),
		CASE(test_an_inactivity_job_waits_for_the_person_and_for_its_own_last_run),
		CASE(test_an_engine_that_cannot_say_whether_the_person_is_idle_holds_up_no_other_job),
		CASE(test_a_run_whose_time_ended_while_we_were_away_is_what_its_turn_came_to),
		CASE(test_a_once_job_that_is_put_off_while_it_runs_is_still_to_come),
		CASE(test_a_call_that_is_repeated_adds_no_second_job_when_the_first_is_over),
		CASE(test_jobs_of_once_and_of_idle_hours_take_a_clock_that_jumps_a_day),
		CASE(test_a_look_costs_what_is_due_and_not_what_there_is),
	};

	return RUN(tests);
}
