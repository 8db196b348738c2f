/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay memory: what it remembers whatever the clock does, what the file
 * looks like, and that no moment at which we may die loses a pair. The calls
 * that change files are defined here, so that each of them can be the last.
 */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/canonical.h"
#include "alpd/replay.h"
#include "common/mem.h"

#define FROM	"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM="
#define OTHER	"myAvX1yTNSniEzhAo9hz0p+Nkc+GnyMi9QQzBg+Agoo="
#define S	INT64_C(1000000)
#define NOW	(INT64_C(1776945600) * S)
#define SECRETS	"alp/secrets"

/* ---- calls that can be the last ---------------------------------------------------------------- */

static int	die_at = -1;		/* calls until the process dies; -1: it lives */
static bool	die_halfway;		/* a write that is the last writes half */
static long	room = -1;		/* bytes until the disk is full; -1: it never is */
static char	trace[64];		/* what was called, in order */
static bool	tracing;

static void
called(char what)
{
	size_t n = strlen(trace);

	if (tracing && n < sizeof(trace) - 1 && !(what == 'w' && n > 0 && trace[n - 1] == 'w'))
		trace[n] = what;
	if (die_at > 0 && --die_at == 0)
		kill(getpid(), SIGKILL);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	if (die_halfway && die_at == 1)
		len = (size_t)syscall(SYS_write, fd, data, len / 2);
	called('w');
	if (room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (room > 0) {
		len = len < (size_t)room ? len : (size_t)room;
		room -= (long)len;
	}
	return syscall(SYS_write, fd, data, len);
}

int
ftruncate(int fd, off_t len)
{
	called('t');
	return (int)syscall(SYS_ftruncate, fd, len);
}

int
fsync(int fd)
{
	called('s');
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	called('d');
	return (int)syscall(SYS_fdatasync, fd);
}

int
unlink(const char *path)
{
	called('u');
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* ---- helpers ----------------------------------------------------------------------------------- */

static struct replay *
opened(const char *home, int64_t now_us)
{
	struct error e = { 0 };
	struct replay *r = replay_open(home, now_us, &e);

	if (r == NULL)
		fail_msg("%s", e.text);
	return r;
}

static void
adds(struct replay *r, const char *from, const char *nonce, int64_t now_us, int expected)
{
	struct error e = { 0 };
	int got = replay_add(r, from, nonce, now_us, &e);

	if (got != expected)
		fail_msg("%s: %d, %s", nonce, got, e.text);
}

static char *
journal(const char *home)
{
	return get_file(home, SECRETS "/replay.jsonl");
}

static size_t
lines_of(const char *home)
{
	cleanup_free char *text = journal(home);
	size_t n = 0;

	for (const char *p = text; *p != '\0'; p++)
		n += *p == '\n';
	return n;
}

static bool
exists(const char *home, const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", home, name);

	return access(path, F_OK) == 0;
}

static void
make_secrets(const char *home)
{
	cleanup_free char *alp = xasprintf("%s/alp", home), *secrets = xasprintf("%s/alp/secrets", home);

	mkdir(alp, 0700);
	mkdir(secrets, 0700);
}

/* A journal of `dead` lines that are too old and `live` ones, named 0, 1, …, seen at NOW. */
static void
put_journal(const char *home, size_t dead, size_t live)
{
	cleanup_buf struct buf b = BUF(0);

	make_secrets(home);
	for (size_t i = 0; i < dead; i++)
		buf_addf(&b, "{\"seen_at\":1776940000.5,\"from\":\"" FROM "\",\"nonce\":\"dead%zu\"}\n", i);
	for (size_t i = 0; i < live; i++)
		buf_addf(&b, "{\"seen_at\":1776945600.0,\"from\":\"" FROM "\",\"nonce\":\"%zu\"}\n", i);
	put_file(home, SECRETS "/replay.jsonl", buf_str(&b));
}

static void
knows_all(struct replay *r, size_t live)
{
	char nonce[32];

	for (size_t i = 0; i < live; i++) {
		snprintf(nonce, sizeof(nonce), "%zu", i);
		adds(r, FROM, nonce, NOW + 2 * S, 0);
	}
}

/* ---- what is remembered ------------------------------------------------------------------------ */

static void
test_a_pair_is_new_once(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);

	adds(r, FROM, "n", NOW, 1);
	adds(r, FROM, "n", NOW, 0);
	adds(r, OTHER, "n", NOW, 1);
	adds(r, FROM, "N", NOW, 1);
	adds(r, FROM, "", NOW, 1);
	adds(r, FROM "n", "", NOW, 1);		/* the two are not run together */
	adds(r, FROM, "n", NOW + 300 * S, 0);
	assert_int_equal(replay_live(r), 5);
	replay_close(r);
}

static void
test_many_pairs_are_all_known_and_all_forgotten(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);
	char nonce[32];

	for (int round = 1; round >= 0; round--)
		for (int i = 0; i < 5000; i++) {
			snprintf(nonce, sizeof(nonce), "%d", i);
			adds(r, FROM, nonce, NOW + i * 7919 % 5000, round);	/* in no order of time */
		}
	assert_int_equal(replay_live(r), 5000);
	adds(r, FROM, "last", NOW + 2500 + 300 * S, 1);
	assert_int_equal(replay_live(r), 2501);			/* those of the first 2500 microseconds are gone */
	adds(r, FROM, "later", NOW + 5000 + 300 * S, 1);
	assert_int_equal(replay_live(r), 2);
	replay_close(r);
}

static void
test_a_pair_is_forgotten_after_300_seconds_and_not_before(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);

	adds(r, FROM, "n", NOW, 1);
	adds(r, FROM, "n", NOW + 300 * S, 0);
	adds(r, FROM, "n", NOW + 300 * S + 1, 1);
	assert_int_equal(replay_live(r), 1);
	replay_close(r);
}

static void
test_a_nonce_without_end_is_refused(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);
	struct error e = { 0 };
	char nonce[REPLAY_NONCE_MAX + 2];

	memset(nonce, 'a', sizeof(nonce));
	nonce[REPLAY_NONCE_MAX + 1] = '\0';
	assert_int_equal(replay_add(r, FROM, nonce, NOW, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	nonce[REPLAY_NONCE_MAX] = '\0';
	adds(r, FROM, nonce, NOW, 1);
	replay_close(r);
	r = opened(home, NOW);
	adds(r, FROM, nonce, NOW, 0);
	replay_close(r);
}

/* ---- the clock --------------------------------------------------------------------------------- */

static void
test_a_clock_that_was_set_back_finds_what_is_now_to_come(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);

	adds(r, FROM, "future", NOW + 3600 * S, 1);
	adds(r, FROM, "n", NOW, 1);			/* back by an hour: nothing of that time is forgotten */
	adds(r, FROM, "future", NOW + 1, 0);
	adds(r, FROM, "n", NOW + 200 * S, 0);
	adds(r, FROM, "n", NOW + 301 * S, 1);		/* what is old goes while what is to come stays */
	adds(r, FROM, "future", NOW + 3500 * S, 0);
	adds(r, FROM, "future", NOW + 3900 * S, 0);
	adds(r, FROM, "future", NOW + 3901 * S, 1);
	replay_close(r);
}

static void
test_nothing_is_accepted_in_a_time_of_which_something_is_forgotten(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);
	struct error e = { 0 };

	adds(r, FROM, "n", NOW, 1);
	adds(r, FROM, "later", NOW + 3600 * S, 1);	/* forward: n is forgotten */
	assert_int_equal(replay_live(r), 1);
	assert_int_equal(replay_add(r, FROM, "n", NOW + 10 * S, &e), -1);	/* and back: n could pass again */
	assert_int_equal(e.code, ERR_unavailable);
	adds(r, FROM, "fresh", NOW + 10 * S, -1);	/* nobody can tell a fresh one from n */
	adds(r, FROM, "n", NOW - 86400 * S, -1);
	adds(r, FROM, "later", NOW + 10 * S, 0);
	adds(r, FROM, "n", NOW + 240 * S, -1);
	adds(r, FROM, "fresh", NOW + 240 * S + 1, 1);	/* n would be 240 s and more from its time */
	replay_close(r);
}

/* Whatever the clock does, one message passes clock check and memory together at most once. */
static void
test_no_walk_of_the_clock_lets_a_message_pass_twice(void **state)
{
	enum { MESSAGES = 200, STEPS = 6000 };
	cleanup_free char *home = temp_home();
	int64_t ts[MESSAGES], now = NOW;
	int passed[MESSAGES] = { 0 }, total = 0;
	struct replay *r = opened(home, NOW);
	char nonce[32];

	srandom(11);
	for (int i = 0; i < MESSAGES; i++)
		ts[i] = NOW + random() % 3000 * S;
	for (int step = 0; step < STEPS; step++) {
		int i = (int)(random() % MESSAGES);

		if (random() % 40 == 0)
			now += (random() % 2000 - 900) * S;		/* set, either way */
		else
			now += random() % 3 * S;
		if (random() % 3 != 0)
			for (int k = 0; k < MESSAGES && llabs(ts[i] - now) > 120 * S; k++)
				i = (i + 1) % MESSAGES;
		snprintf(nonce, sizeof(nonce), "%d", i);
		if (llabs(ts[i] - now) <= 120 * S && replay_add(r, FROM, nonce, now, NULL) == 1) {
			assert_int_equal(++passed[i], 1);
			total++;
		}
		if (now > NOW + 4000 * S)
			now = NOW - 200 * S;
	}
	assert_true(total > 20);
	replay_close(r);
}

static void
test_a_step_back_of_less_than_a_minute_is_not_noticed(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);
	char nonce[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(nonce, sizeof(nonce), "%d", i);
		adds(r, FROM, nonce, NOW + i * S, 1);
	}
	adds(r, FROM, "after", NOW + (999 - 59) * S, 1);
	replay_close(r);
}

/* ---- the file ---------------------------------------------------------------------------------- */

static void
test_the_file_has_the_published_form(void **state)
{
	cleanup_free char *home = temp_home(), *text = NULL, *path = NULL;
	struct replay *r = opened(home, NOW);
	struct stat st;

	adds(r, FROM, "00ff", NOW + 250000, 1);
	adds(r, OTHER, "\"\\\n\xc3\xa9", NOW + S, 1);
	text = journal(home);				/* written before the request is acted on */
	assert_string_equal(text, "{\"seen_at\":1776945600.250000,\"from\":\"" FROM "\",\"nonce\":\"00ff\"}\n"
	    "{\"seen_at\":1776945601.000000,\"from\":\"" OTHER "\",\"nonce\":\"\\\"\\\\\\n\xc3\xa9\"}\n");
	path = xasprintf("%s/" SECRETS "/replay.jsonl", home);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	replay_close(r);
	r = opened(home, NOW + 2 * S);
	assert_int_equal(replay_live(r), 2);
	adds(r, FROM, "00ff", NOW + 2 * S, 0);
	adds(r, OTHER, "\"\\\n\xc3\xa9", NOW + 2 * S, 0);
	replay_close(r);
}

static void
test_times_survive_to_the_microsecond(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r;

	for (int64_t us = 0; us < 40; us++) {
		char nonce[32];

		snprintf(nonce, sizeof(nonce), "%d", (int)us);
		r = opened(home, NOW);
		adds(r, FROM, nonce, NOW + us * 25127, 1);
		replay_close(r);
		r = opened(home, NOW);
		adds(r, FROM, nonce, NOW + us * 25127 + 300 * S, 0);
		adds(r, FROM, "x", NOW + us * 25127 + 300 * S + 1, 1);
		adds(r, FROM, nonce, NOW + us * 25127 + 300 * S + 1, 1);
		replay_close(r);
		make_secrets(home);
		put_file(home, SECRETS "/replay.jsonl", "");
	}
}

static void
test_lines_that_cannot_be_read_are_skipped(void **state)
{
	static const char good[] = "{\"seen_at\":1776945600,\"from\":\"" FROM "\",\"nonce\":\"a\",\"more\":1}\n";
	static const char *const bad[] = {
		"\n", "x\n", "{}\n", "[]\n", "7\n", "{\"seen_at\":\"1776945600\",\"from\":\"f\",\"nonce\":\"n\"}\n",
		"{\"seen_at\":1776945600,\"from\":1,\"nonce\":\"n\"}\n", "{\"seen_at\":1776945600,\"from\":\"f\"}\n",
		"{\"seen_at\":1e300,\"from\":\"f\",\"nonce\":\"n\"}\n", "{\"seen_at\":-5,\"from\":\"f\",\"nonce\":\"n\"}\n",
		"{\"seen_at\":1776945600,\"from\":\"f\",\"nonce\":\"\\u0000\"}\n", "{\"seen_at\":1776945600,\"from\":\"f\",\"nonce\":\"n\"\n",
		"\xff\xfe\n", "{\"seen_at\":1776945600,\"from\":\"f\",\"from\":\"f\",\"nonce\":\"n\"}\n",
	};
	cleanup_buf struct buf b = BUF(0);
	cleanup_free char *home = temp_home();
	struct replay *r;

	for (size_t i = 0; i < COUNT(bad); i++)
		buf_puts(&b, bad[i]);
	for (size_t i = 0; i < 9000; i++)
		buf_addc(&b, 'a');			/* a line longer than any */
	buf_puts(&b, "\n");
	buf_add(&b, "\0\0\0\n", 4);
	buf_puts(&b, good);
	make_secrets(home);
	put_file(home, SECRETS "/replay.jsonl", "");
	{
		cleanup_free char *path = xasprintf("%s/" SECRETS "/replay.jsonl", home);
		cleanup_close int fd = open(path, O_WRONLY);

		assert_int_equal(write(fd, b.data, b.len), b.len);
	}
	r = opened(home, NOW);
	assert_int_equal(replay_live(r), 1);
	adds(r, FROM, "a", NOW, 0);
	replay_close(r);
}

static void
test_a_torn_last_line_costs_no_other(void **state)
{
	static const char whole[] = "{\"seen_at\":1776945600.5,\"from\":\"" FROM "\",\"nonce\":\"a\"}";

	cleanup_free char *home = temp_home();

	make_secrets(home);
	for (size_t cut = 0; cut <= strlen(whole); cut++) {
		cleanup_free char *text = xasprintf("%s\n%.*s", whole, (int)cut, whole);
		struct replay *r;

		text[strlen(whole) - 3] = 'b';		/* the whole line's nonce is b */
		put_file(home, SECRETS "/replay.jsonl", text);
		r = opened(home, NOW);
		adds(r, FROM, "b", NOW, 0);
		adds(r, FROM, "a", NOW, cut < strlen(whole));
		adds(r, FROM, "c", NOW, 1);
		replay_close(r);
		r = opened(home, NOW);
		assert_int_equal(replay_live(r), 3);
		adds(r, FROM, "a", NOW, 0);
		adds(r, FROM, "b", NOW, 0);
		adds(r, FROM, "c", NOW, 0);
		replay_close(r);
	}
}

static void
test_old_lines_are_ignored(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r;

	put_journal(home, 3, 2);
	r = opened(home, NOW + 300 * S);
	assert_int_equal(replay_live(r), 2);
	replay_close(r);
	r = opened(home, NOW + 300 * S + 1);
	assert_int_equal(replay_live(r), 0);
	replay_close(r);
}

static void
test_a_symbolic_link_and_what_is_no_file_are_refused(void **state)
{
	static const char *const names[] = { SECRETS "/replay.jsonl", "alp/replay.new" };
	struct error e;

	for (size_t i = 0; i < COUNT(names); i++) {
		cleanup_free char *home = temp_home(), *path = xasprintf("%s/%s", home, names[i]);

		make_secrets(home);
		put_file(home, "target", "");
		assert_int_equal(symlink("../target", path), 0);
		e = (struct error){ 0 };
		assert_null(replay_open(home, NOW, &e));
		assert_true(e.code != ERR_none);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink("/nonexistent/x", path), 0);
		assert_null(replay_open(home, NOW, &e));
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_null(replay_open(home, NOW, &e));
		assert_int_equal(e.code, ERR_invalid);
	}
}

static void
test_a_file_that_others_could_read_is_closed_to_them(void **state)
{
	cleanup_free char *home = temp_home(), *path = xasprintf("%s/" SECRETS "/replay.jsonl", home);
	struct stat st;

	put_journal(home, 0, 1);
	chmod(path, 0644);
	replay_close(opened(home, NOW));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- a full disk ------------------------------------------------------------------------------- */

static void
test_what_cannot_be_written_is_not_accepted(void **state)
{
	cleanup_free char *home = temp_home(), *before = NULL;
	struct replay *r = opened(home, NOW);
	struct error e = { 0 };

	adds(r, FROM, "first", NOW, 1);
	before = journal(home);
	for (room = 0; room < 90; room += 8) {
		long was = room;
		cleanup_free char *after = NULL;

		assert_int_equal(replay_add(r, FROM, "n", NOW, &e), -1);
		assert_int_equal(e.code, ERR_full);
		after = journal(home);
		assert_string_equal(after, before);
		room = was;
	}
	room = -1;
	adds(r, FROM, "n", NOW, 1);
	adds(r, FROM, "n", NOW, 0);
	replay_close(r);
	r = opened(home, NOW);
	assert_int_equal(replay_live(r), 2);
	replay_close(r);
}

static void
test_a_disk_that_fills_while_the_file_is_rewritten_loses_nothing(void **state)
{
	cleanup_free char *home = temp_home();

	for (long n = 0; n < 4 * 300 * 85; n += 4111) {
		struct replay *r;

		put_journal(home, 2000, 300);
		room = n;
		r = opened(home, NOW);			/* rewrites as far as it gets */
		assert_int_equal(replay_live(r), 300);
		room = -1;
		adds(r, FROM, "between", NOW + S, 1);
		replay_close(opened(home, NOW + S));	/* as after a crash: from the files alone */
		knows_all(r, 300);
		assert_int_equal(replay_sync(r, NULL), 0);
		assert_false(exists(home, "alp/replay.new"));
		replay_close(r);
		r = opened(home, NOW + 2 * S);
		knows_all(r, 300);
		adds(r, FROM, "between", NOW + 2 * S, 0);
		replay_close(r);
		assert_true(lines_of(home) < 2048);
	}
}

/* ---- rewriting --------------------------------------------------------------------------------- */

static void
test_the_file_is_rewritten_when_most_of_it_is_dead(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r;

	put_journal(home, 2040, 7);
	r = opened(home, NOW);
	assert_int_equal(lines_of(home), 2047);
	adds(r, FROM, "one", NOW, 1);
	assert_int_equal(lines_of(home), 2048);
	assert_int_equal(replay_sync(r, NULL), 0);
	assert_int_equal(lines_of(home), 8);
	assert_false(exists(home, "alp/replay.new"));
	knows_all(r, 7);
	adds(r, FROM, "two", NOW, 1);
	replay_close(r);
	r = opened(home, NOW);
	assert_int_equal(replay_live(r), 9);
	knows_all(r, 7);
	replay_close(r);
}

static void
test_a_file_that_is_half_alive_stays(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r;

	put_journal(home, 1999, 2000);
	r = opened(home, NOW);
	assert_int_equal(replay_sync(r, NULL), 0);
	assert_int_equal(lines_of(home), 3999);
	replay_close(r);
}

static void
test_the_copy_is_on_the_disk_before_the_file_is_cut(void **state)
{
	cleanup_free char *home = temp_home();

	put_journal(home, 2048, 5);
	memset(trace, 0, sizeof(trace));
	tracing = true;
	replay_close(opened(home, NOW));
	tracing = false;
	assert_string_equal(trace, "wsstwdu");		/* copy, its sync, its folder's; cut, write, sync; remove */
}

static void
test_adding_does_not_sync_and_syncing_does_once(void **state)
{
	cleanup_free char *home = temp_home();
	struct replay *r = opened(home, NOW);

	memset(trace, 0, sizeof(trace));
	tracing = true;
	adds(r, FROM, "a", NOW, 1);
	adds(r, FROM, "b", NOW, 1);
	adds(r, FROM, "a", NOW, 0);
	assert_int_equal(replay_sync(r, NULL), 0);
	assert_int_equal(replay_sync(r, NULL), 0);
	adds(r, FROM, "c", NOW, 1);
	replay_close(r);
	tracing = false;
	assert_string_equal(trace, "wdwd");
}

/* Open, rewrite, add and close in a child that dies at the given call. False: it came to its end before. */
static bool
dies_at(const char *home, int call, bool halfway)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct replay *r;

		die_at = call;
		die_halfway = halfway;
		r = replay_open(home, NOW + S, NULL);
		if (r != NULL && replay_add(r, FROM, "added", NOW + S, NULL) == 1)
			replay_close(r);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

static void
check_after_death(const char *home, size_t live)
{
	struct replay *r = opened(home, NOW + 2 * S);

	knows_all(r, live);
	assert_true(replay_live(r) == live || replay_live(r) == live + 1);
	assert_int_equal(replay_sync(r, NULL), 0);
	assert_false(exists(home, "alp/replay.new"));
	assert_true(lines_of(home) < 2048 + 300);
	replay_close(r);
}

static void
test_death_at_any_call_loses_no_pair(void **state)
{
	enum { LIVE = 1000 };			/* more than one write's worth */
	cleanup_free char *home = temp_home();

	for (int halfway = 0; halfway < 2; halfway++)
		for (int call = 1;; call++) {
			bool died;

			put_journal(home, 1100, LIVE);
			died = dies_at(home, call, halfway);
			check_after_death(home, LIVE);
			if (!died) {
				assert_true(call > 8);
				break;
			}
		}
}

static void
test_death_while_recovering_from_death_loses_no_pair(void **state)
{
	enum { LIVE = 60 };
	cleanup_free char *home = temp_home();

	for (int first = 1, more = 1; more; first++)
		for (int second = 1;; second++) {
			bool died;

			put_journal(home, 2100, LIVE);
			more = dies_at(home, first, true);
			died = dies_at(home, second, true);
			check_after_death(home, LIVE);
			if (!died)
				break;
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_pair_is_new_once),
		TEST(test_many_pairs_are_all_known_and_all_forgotten),
		TEST(test_a_pair_is_forgotten_after_300_seconds_and_not_before),
		TEST(test_a_nonce_without_end_is_refused),
		TEST(test_a_clock_that_was_set_back_finds_what_is_now_to_come),
		TEST(test_nothing_is_accepted_in_a_time_of_which_something_is_forgotten),
		TEST(test_no_walk_of_the_clock_lets_a_message_pass_twice),
		TEST(test_a_step_back_of_less_than_a_minute_is_not_noticed),
		TEST(test_the_file_has_the_published_form),
		TEST(test_times_survive_to_the_microsecond),
		TEST(test_lines_that_cannot_be_read_are_skipped),
		TEST(test_a_torn_last_line_costs_no_other),
		TEST(test_old_lines_are_ignored),
		TEST(test_a_symbolic_link_and_what_is_no_file_are_refused),
		TEST(test_a_file_that_others_could_read_is_closed_to_them),
		TEST(test_what_cannot_be_written_is_not_accepted),
		TEST(test_a_disk_that_fills_while_the_file_is_rewritten_loses_nothing),
		TEST(test_the_file_is_rewritten_when_most_of_it_is_dead),
		TEST(test_a_file_that_is_half_alive_stays),
		TEST(test_the_copy_is_on_the_disk_before_the_file_is_cut),
		TEST(test_adding_does_not_sync_and_syncing_does_once),
		TEST(test_death_at_any_call_loses_no_pair),
		TEST(test_death_while_recovering_from_death_loses_no_pair),
	};

	if (sodium_init() == -1)
		return 1;
	return RUN(tests);
}
