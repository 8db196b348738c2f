/* SPDX-License-Identifier: Apache-2.0 */
/* See ledger.h. */
#include "engined/ledger.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"

#define FILE_MAX	(4 * 1024 * 1024)
#define HISTORY_DAYS	30
#define DAY_MS		(24 * 3600 * 1000LL)
#define HERE		"__interactive__"

struct ledger {
	char	*path;
	json_t	*root;
	double	 cap_usd;
	int64_t	 cap_tokens;
	bool	 dirty;
};

/* The object at name, made when it is missing or something else. Borrowed. */
static json_t *
object_at(json_t *parent, const char *name)
{
	json_t *o = json_object_get(parent, name);

	if (!json_is_object(o))
		json_object_set_new(parent, name, o = json_object());
	return o;
}

static void
bump(json_t *o, const char *name, int64_t by)
{
	int64_t sum;

	if (__builtin_add_overflow(json_int(o, name, 0), by, &sum))
		sum = INT64_MAX;
	json_object_set_new(o, name, json_integer(sum));
}

static void
bump_real(json_t *o, const char *name, double by)
{
	json_object_set_new(o, name, json_real(json_num(o, name, 0) + by));
}

static void
trim_history(json_t *history)
{
	const char *key, *oldest;
	json_t *row;

	while (json_object_size(history) > HISTORY_DAYS) {
		oldest = NULL;
		json_object_foreach(history, key, row)
			if (oldest == NULL || strcmp(key, oldest) < 0)
				oldest = key;
		json_object_del(history, oldest);
	}
}

static void
date_of(int64_t wall_ms, char out[16])
{
	time_t at = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, 16, "%Y-%m-%d", &tm);
}

/* A new day moves the totals to the history and clears them. To look is no change: the file is written with the next use. */
static json_t *
today(struct ledger *l)
{
	json_t *history, *profile;
	const char *day;
	char date[16];

	date_of(clock_wall_ms(), date);
	day = json_str(l->root, "day", "");
	if (strcmp(day, date) == 0)
		return object_at(l->root, "profile");
	history = object_at(l->root, "history");
	profile = json_object_get(l->root, "profile");
	if (day[0] != '\0' && json_is_object(profile))
		json_object_set_new(history, day, json_pack("{s:f, s:I, s:I, s:I}", "usd", json_num(profile, "usd", 0),
		    "tokens", json_int(profile, "tokens", 0), "tokens_in", json_int(profile, "tokens_in", 0),
		    "tokens_out", json_int(profile, "tokens_out", 0)));
	trim_history(history);
	json_object_set_new(l->root, "day", json_string(date));
	json_object_set_new(l->root, "by_peer", json_object());
	json_object_set_new(l->root, "profile", json_pack("{s:f, s:i}", "usd", 0.0, "tokens", 0));
	return json_object_get(l->root, "profile");
}

struct ledger *
ledger_open(const char *home)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->path = xasprintf("%s/logs/ledger.json", home);
	l->root = json_load(l->path, FILE_MAX, 16, NULL);
	if (!json_is_object(l->root)) {
		json_decref(l->root);
		l->root = json_object();
	}
	return l;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	ledger_save(l, NULL);
	json_decref(l->root);
	free(l->path);
	free(l);
}

void
ledger_caps(struct ledger *l, const json_t *config)
{
	l->cap_usd = config_num(config, "budget.daily_usd", 0);
	l->cap_tokens = l->cap_usd > 0 ? 0 : config_int(config, "budget.daily_tokens", 0);
}

/* Share of the cap that is used; 0 without one. */
static double
share(struct ledger *l)
{
	if (l->cap_usd > 0)
		return ledger_usd(l) / l->cap_usd;
	return l->cap_tokens > 0 ? (double)ledger_tokens(l) / (double)l->cap_tokens : 0;
}

int
ledger_check(struct ledger *l, struct error *e)
{
	if (share(l) < 1)
		return 0;
	if (l->cap_usd > 0)
		return error_set(e, ERR_budget, "the daily budget is used up: $%.4f of $%.4f (budget.daily_usd)",
		    ledger_usd(l), l->cap_usd);
	return error_set(e, ERR_budget, "the daily budget is used up: %lld of %lld tokens (budget.daily_tokens)",
	    (long long)ledger_tokens(l), (long long)l->cap_tokens);
}

int
ledger_add(struct ledger *l, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd)
{
	json_t *profile = today(l), *by = object_at(object_at(l->root, "by_peer"), peer == NULL ? HERE : peer);
	double before = share(l), after;

	tokens_in = tokens_in > 0 ? tokens_in : 0;
	tokens_out = tokens_out > 0 ? tokens_out : 0;
	usd = usd > 0 ? usd : 0;
	bump_real(profile, "usd", usd);
	bump(profile, "tokens", tokens_in + tokens_out);
	bump(profile, "tokens_in", tokens_in);
	bump(profile, "tokens_out", tokens_out);
	bump_real(by, "usd", usd);
	bump(by, "tokens", tokens_in + tokens_out);
	l->dirty = true;
	after = share(l);
	if (before < 1 && after >= 1)
		return 100;
	return before < 0.8 && after >= 0.8 ? 80 : 0;
}

/* ---- the file --------------------------------------------------------------------------------------- */

/* The fewest digits that read back as the same number: 0.1 of another writer stays 0.1. */
static void
put_real(struct buf *b, double value)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_addf(b, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put(struct buf *b, const json_t *j);

static void
put_object(struct buf *b, const json_t *j)
{
	cleanup_free const char **names = xcalloc(json_object_size(j) + 1, sizeof(*names));
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)j, name, value)
		names[n++] = name;
	qsort(names, n, sizeof(*names), by_name);
	buf_addc(b, '{');
	for (size_t i = 0; i < n; i++) {
		cleanup_json json_t *key = json_string(names[i]);

		if (i > 0)
			buf_addc(b, ',');
		put(b, key);
		buf_addc(b, ':');
		put(b, json_object_get(j, names[i]));
	}
	buf_addc(b, '}');
}

static void
put(struct buf *b, const json_t *j)
{
	cleanup_free char *text = NULL;
	json_t *value;
	size_t i;

	if (json_is_object(j)) {
		put_object(b, j);
	} else if (json_is_array(j)) {
		buf_addc(b, '[');
		json_array_foreach(j, i, value) {
			if (i > 0)
				buf_addc(b, ',');
			put(b, value);
		}
		buf_addc(b, ']');
	} else if (json_is_real(j)) {
		put_real(b, json_real_value(j));
	} else {
		text = json_text(j);
		buf_puts(b, text);
	}
}

int
ledger_save(struct ledger *l, struct error *e)
{
	cleanup_buf struct buf text = BUF(0);

	if (!l->dirty)
		return 0;
	put(&text, l->root);
	if (atomic_write(l->path, buf_str(&text), text.len, 0600, e) == -1)
		return error_add(e, "ledger");
	l->dirty = false;
	return 0;
}

double
ledger_usd(struct ledger *l)
{
	return json_num(today(l), "usd", 0);
}

int64_t
ledger_tokens(struct ledger *l)
{
	return json_int(today(l), "tokens", 0);
}

double
ledger_cap_usd(const struct ledger *l)
{
	return l->cap_usd;
}

int64_t
ledger_cap_tokens(const struct ledger *l)
{
	return l->cap_tokens;
}

json_t *
ledger_by_peer(struct ledger *l)
{
	today(l);
	return json_deep_copy(object_at(l->root, "by_peer"));
}

/* Money to six places, as clients show it. */
static double
rounded(double usd)
{
	return usd > 0 && usd < 1e12 ? (double)(int64_t)(usd * 1e6 + 0.5) / 1e6 : usd;
}

json_t *
ledger_days(struct ledger *l, int days)
{
	json_t *profile = today(l), *history = object_at(l->root, "history"), *rows = json_array();
	int64_t now = clock_wall_ms();
	char date[16];

	for (int ago = days - 1; ago >= 0; ago--) {
		const json_t *row;

		date_of(now - ago * DAY_MS, date);
		row = ago == 0 ? profile : json_object_get(history, date);
		json_array_append_new(rows, json_pack("{s:s, s:I, s:I, s:I, s:f}", "iso", date,
		    "tokIn", json_int(row, "tokens_in", 0), "tokOut", json_int(row, "tokens_out", 0),
		    "tokens", json_int(row, "tokens", 0), "cost", rounded(json_num(row, "usd", 0))));
	}
	return rows;
}
