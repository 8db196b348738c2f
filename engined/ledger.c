/* SPDX-License-Identifier: Apache-2.0 */
/* See ledger.h. */
#include "engined/ledger.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"

#define FILE_MAX	(4 * 1024 * 1024)
#define HISTORY_DAYS	30
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
	json_object_set_new(o, name, json_integer(json_int(o, name, 0) + by));
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

/* A new day moves the totals to the history and clears them. */
static json_t *
today(struct ledger *l)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	json_t *history, *profile;
	const char *day;
	char date[16];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d", &tm);
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
	l->dirty = true;
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

int
ledger_save(struct ledger *l, struct error *e)
{
	cleanup_free char *text = NULL;

	if (!l->dirty)
		return 0;
	text = json_text_sorted(l->root);
	if (atomic_write(l->path, text, strlen(text), 0600, e) == -1)
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
