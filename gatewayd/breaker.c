/* SPDX-License-Identifier: Apache-2.0 */
/* See breaker.h. The file is the only copy; a clock that was set wrong can make no pause longer than the longest. */
#include "gatewayd/breaker.h"

#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/pause.h"

#define FILE_MAX	65536
#define FAILURES	5		/* from here on it is disabled */
#define FIRST_S		300
#define MOST_S		3600
#define WHY_MAX		300
#define FRESH_S		900		/* how old the time of the last success on disk may become */

struct breaker {
	char	*path, *platform, *why;
	int	 failures;
	int64_t	 failed_at, until;	/* Unix seconds */
	int64_t	 worked_at, kept_at;	/* the last success; that of them which stands in the file */
};

static breaker_fn *watch;
static void *watch_arg;

static json_t *
whole_file(const struct breaker *b)
{
	json_t *all = json_load(b->path, FILE_MAX, 6, NULL);

	if (!json_is_object(all)) {
		json_decref(all);
		all = json_object();
	}
	json_object_set_new(all, "v", json_integer(1));
	if (!json_is_object(json_object_get(all, "platforms")))
		json_object_set_new(all, "platforms", json_object());
	return all;
}

static void
keep(struct breaker *b)
{
	cleanup_json json_t *all = whole_file(b);
	json_t *row = json_pack("{s:s, s:i, s:s*, s:I, s:I, s:I}", "status", breaker_status(b), "consecutive_failures", b->failures,
	    "last_error", b->why, "last_error_at", (json_int_t)b->failed_at, "last_success_at", (json_int_t)b->worked_at, "disabled_until",
	    (json_int_t)b->until);
	cleanup_free char *text = NULL;
	struct error e = { 0 };

	json_object_set_new(json_object_get(all, "platforms"), b->platform, row);
	text = json_text(all);
	if (atomic_write(b->path, text, strlen(text), 0600, &e) == -1)
		log_warn("%s is not renewed: %s", b->path, e.text);
	else
		b->kept_at = b->worked_at;
}

void
breaker_watch(breaker_fn *fn, void *arg)
{
	watch = fn;
	watch_arg = arg;
}

/* What is on disk was changed from this status. */
static void
tell(const struct breaker *b, const char *previous)
{
	if (watch != NULL && strcmp(previous, breaker_status(b)) != 0)
		watch(watch_arg, b, b->platform, previous);
}

struct breaker *
breaker_open(const char *home, const char *platform)
{
	struct breaker *b = xcalloc(1, sizeof(*b));
	cleanup_json json_t *all = NULL;
	const json_t *row;
	int64_t n;

	b->path = path_join(home, "gateway/.breaker-state.json");
	b->platform = xstrdup(platform);
	all = whole_file(b);
	row = json_object_get(json_object_get(all, "platforms"), platform);
	n = json_int(row, "consecutive_failures", 0);
	b->failures = n < 0 || n > 1000 ? 0 : (int)n;
	b->until = json_int(row, "disabled_until", 0);
	b->failed_at = json_int(row, "last_error_at", 0);
	b->worked_at = b->kept_at = json_int(row, "last_success_at", 0);
	if (b->failures > 0)
		b->why = xstrdup0(json_str(row, "last_error", NULL));
	return b;
}

void
breaker_free(struct breaker *b)
{
	if (b == NULL)
		return;
	free(b->path);
	free(b->platform);
	free(b->why);
	free(b);
}

int
breaker_ok(struct breaker *b)
{
	const char *previous = breaker_status(b);

	b->worked_at = clock_wall_ms() / 1000;
	if (b->failures == 0) {
		if (b->worked_at - b->kept_at >= FRESH_S || b->worked_at < b->kept_at)	/* not at each poll: a card wears out */
			keep(b);
		return 0;
	}
	b->failures = 0;
	b->until = 0;
	free(steal(b->why));
	keep(b);
	tell(b, previous);
	return 1;
}

int64_t
breaker_failed(struct breaker *b, const char *why, int64_t pause_ms)
{
	const char *previous = breaker_status(b);
	int beyond = ++b->failures - FAILURES;
	int64_t pause_s = beyond >= 4 ? MOST_S : beyond < 0 ? 0 : (int64_t)FIRST_S << beyond;

	free(b->why);
	b->why = xstrndup(why, utf8_cut(why, strlen(why), WHY_MAX));
	b->failed_at = clock_wall_ms() / 1000;
	b->until = pause_s == 0 ? 0 : b->failed_at + pause_s;
	keep(b);
	tell(b, previous);
	return pause_jitter(pause_s == 0 ? pause_ms : pause_s * 1000);
}

int64_t
breaker_left(const struct breaker *b)
{
	int64_t left = b->until * 1000 - clock_wall_ms();

	return b->until == 0 || left < 0 ? 0 : left > MOST_S * 1000 ? MOST_S * 1000 : left;
}

const char *
breaker_status(const struct breaker *b)
{
	return b->failures == 0 ? "healthy" : b->failures < FAILURES ? "degraded" : "disabled";
}

int
breaker_failures(const struct breaker *b)
{
	return b->failures;
}

const char *
breaker_why(const struct breaker *b)
{
	return b->why;
}

int64_t
breaker_until(const struct breaker *b)
{
	return b->until;
}
