/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: a conversation that is about to outgrow the model's window is
 * made shorter before the step (compact.c says how), or when a person says
 * "/compact". The summary is a model's call like any other: it is charged,
 * and what came of it stands in the journal before it is used, so a turn
 * that is taken up again does not pay for it twice.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/attach.h"
#include "engined/compact.h"
#include "engined/context.h"
#include "engined/dialect.h"
#include "engined/engine.h"
#include "engined/ollama.h"
#include "engined/review.h"
#include "engined/runlog.h"
#include "engined/spend.h"
#include "engined/turn.h"

#define MANUAL		"/compact"
#define SMALL		1500		/* tokens: no server's window is small enough to be asked for */

struct fold {
	struct compact	 plan;
	struct buf	 summary;
	int64_t		 window;
};

bool
fold_wanted(const struct turn *t)
{
	size_t n = strlen(MANUAL);

	return t->agent == NULL && t->peer == NULL && strncmp(t->text, MANUAL, n) == 0 &&
	    t->text[n + strspn(t->text + n, " \t\r\n")] == '\0';
}

void
fold_clear(struct turn *t)
{
	ollama_cancel(steal(t->probe));
	if (t->fold == NULL)
		return;
	compact_clear(&t->fold->plan);
	buf_clear(&t->fold->summary);
	free(steal(t->fold));
}

/* ---- what came of it -------------------------------------------------------------------------------- */

/* A row of logs/compaction.jsonl (services-cli.md, 3). */
static void
log_row(const struct turn *t, bool fired, int64_t after, size_t summarized)
{
	const struct fold *f = t->fold;

	if (t->no_save)
		return;
	runlog_row(t->engine->home, "compaction.jsonl", json_pack("{s:f, s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:I}",
	    "ts", (double)clock_wall_ms() / 1000, "trigger", fold_wanted(t) ? "manual" : "auto", "session_id", t->row.session,
	    "model", t->target.model, "ctx_window", (json_int_t)f->window, "fired", (int)fired,
	    "tokens_before", (json_int_t)f->plan.before, "tokens_after", (json_int_t)after,
	    "summarized_messages", (json_int_t)summarized, "tool_truncated", (json_int_t)f->plan.truncated));
}

void
fold_apply(struct turn *t, const json_t *row)
{
	json_decref(t->messages);
	t->messages = json_copy(json_object_get(row, "messages"));
	t->tokens_in += json_int(row, "tokens_in", 0);
	t->tokens_out += json_int(row, "tokens_out", 0);
	t->cost += json_num(row, "cost", 0);
	t->folded = t->step;
	free(t->fold_note);
	t->fold_note = xasprintf("The conversation was shortened from about %lld to %lld tokens.",
	    (long long)json_int(row, "before", 0), (long long)json_int(row, "after", 0));
}

/* What the journal keeps of it: images stay in memory. New reference. */
static json_t *
stored(const json_t *row)
{
	json_t *copy = json_copy((json_t *)row), *list = json_array(), *m;
	size_t i;

	json_array_foreach(json_object_get(row, "messages"), i, m)
		json_array_append_new(list, attach_without_images(m));
	json_object_set_new(copy, "messages", list);
	return copy;
}

/* On disk first; then it is the conversation, and clients are told. */
static void
take_over(struct turn *t, const char *summary, const struct provider_result *r)
{
	struct fold *f = t->fold;
	json_t *messages = compact_apply(&f->plan, summary);
	int64_t after = compact_tokens(messages);
	cleanup_json json_t *row = json_pack("{s:o, s:I, s:I, s:I, s:I, s:f}", "messages", messages,
	    "before", (json_int_t)f->plan.before, "after", (json_int_t)after, "tokens_in", r == NULL ? 0 : (json_int_t)r->input_tokens,
	    "tokens_out", r == NULL ? 0 : (json_int_t)r->output_tokens, "cost", r == NULL ? 0.0 : r->cost_usd);
	cleanup_json json_t *kept = stored(row);
	struct error e = { 0 };

	if (journal_fold(t->engine->journal, t->row.id, t->step, kept, &e) == -1) {
		finish_error(t, &e);
		return;
	}
	if (summary != NULL)
		review_keep(t, f->plan.from, f->plan.to);
	fold_apply(t, row);
	log_row(t, true, after, summary == NULL ? 0 : f->plan.to - f->plan.from);
	log_info("conversation shortened turn=%s session=%s tokens_before=%lld tokens_after=%lld", t->row.id, t->row.session,
	    (long long)f->plan.before, (long long)after);
	if (!fold_wanted(t))
		events_add(&t->events, "auto_compact", json_pack("{s:s, s:I, s:I}", "text", t->fold_note,
		    "tokens_before", (json_int_t)f->plan.before, "tokens_after", (json_int_t)after));
	if (r != NULL)
		step_usage(t, r->input_tokens, r->output_tokens, r->cost_usd);
	fold_clear(t);
	turn_go(t, TURN_STEP);
}

/* The history stays as it is, and this turn does not try again. */
static void
give_up(struct turn *t, const char *why)
{
	struct error e = { 0 };

	log_warn("conversation not shortened turn=%s: %s", t->row.id, why);
	log_row(t, false, t->fold->plan.before, 0);
	fold_clear(t);
	t->unfoldable = true;
	error_set(&e, ERR_provider, "the conversation stays as it is: %s", why);
	if (fold_wanted(t))
		finish_error(t, &e);
	else
		turn_go(t, TURN_STEP);
}

/* ---- the model's summary ---------------------------------------------------------------------------- */

static void
on_text(void *arg, const char *text, size_t len)
{
	struct turn *t = arg;

	buf_add(&t->fold->summary, text, len);
}

static void
on_done(void *arg, const struct provider_result *r)
{
	struct turn *t = arg;
	cleanup_free char *copy = buf_take(&t->fold->summary);
	char *text = copy + strspn(copy, " \t\r\n");
	size_t n = strlen(text);

	t->stream = NULL;
	spend(t->engine, t->peer, r->input_tokens, r->output_tokens, r->cost_usd);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	if (n > 0) {
		take_over(t, text, r);
		return;
	}
	step_count(t, r);
	step_usage(t, r->input_tokens, r->output_tokens, r->cost_usd);
	give_up(t, "the model gave no summary");
}

static void
on_failed(void *arg, const struct error *e)
{
	struct turn *t = arg;

	t->stream = NULL;
	give_up(t, e->text);
}

static const struct provider_events summary_events = { .text = on_text, .done = on_done, .failed = on_failed };

static void
ask(struct turn *t)
{
	struct fold *f = t->fold;
	cleanup_json json_t *messages = compact_request(&f->plan, f->window);
	struct provider_request r = { .target = &t->target, .messages = messages, .whole = true };
	struct error e = { 0 };

	provider_limits(t->engine->config, &r.limits);
	buf_clear(&t->said);		/* of the step before; an interrupt would show it as the answer */
	buf_clear(&t->thought);
	if ((t->stream = provider_start(t->engine->provider, &r, &summary_events, t, &e)) == NULL)
		give_up(t, e.text);
	else
		t->state = TURN_STREAM;
}

/* ---- before a step ------------------------------------------------------------------------------------ */

static void
on_window(void *arg)
{
	struct turn *t = arg;

	t->probe = NULL;
	turn_kick(t);
}

/* Is the window known? If not it is asked for, and the step begins again. */
static bool
window_known(struct turn *t)
{
	if (t->probe != NULL)
		return false;
	if (t->probed || (!fold_wanted(t) && compact_tokens(t->messages) < SMALL))
		return true;
	t->probed = true;
	t->probe = provider_probe(t->engine->provider, &t->target, on_window, t);
	return t->probe == NULL;
}

/* The time and the order itself are not part of what is to be shortened, nor of what comes after. */
static void
drop_order(struct turn *t)
{
	size_t n = json_array_size(t->messages);

	for (int i = 0; i < 2 && n > 1; i++)
		json_array_remove(t->messages, --n);
}

static void
begin(struct turn *t)
{
	struct fold *f = t->fold = xcalloc(1, sizeof(*f));

	if (fold_wanted(t))
		drop_order(t);
	t->folded = t->step;
	f->window = provider_window(t->engine->provider, &t->target);
	f->plan = compact_plan(t->messages, f->window, fold_wanted(t));
	if (f->plan.from < f->plan.to && !target_by_rules(&t->target))	/* what they would say must not replace it */
		ask(t);
	else if (f->plan.truncated > 0)
		take_over(t, NULL, NULL);
	else if (f->plan.from < f->plan.to)
		give_up(t, "the offline rules are no language model and cannot write a summary");
	else {
		t->unfoldable = true;	/* what is left is too short to give anything up */
		log_row(t, false, f->plan.before, 0);
		fold_clear(t);
		turn_go(t, TURN_STEP);
	}
}

/* The answer to the person who asked for it, shown like one of a model. */
static void
answer(struct turn *t)
{
	const char *text = t->fold_note != NULL ? t->fold_note : "The conversation is short: there is nothing to fold.";

	events_delta(&t->events, "assistant_delta", text, strlen(text));
	finish_reply(t, text);
}

bool
fold_begin(struct turn *t)
{
	cleanup_free char *key = xasprintf("%d", t->step);
	const json_t *known = json_object_get(t->folds, key);

	if (t->folded != t->step && known != NULL)
		fold_apply(t, known);
	if (t->folded == t->step || (t->unfoldable && !fold_wanted(t))) {
		if (fold_wanted(t))
			answer(t);
		return fold_wanted(t);
	}
	if (!window_known(t))
		return true;
	if (!fold_wanted(t) && !compact_due(t->messages, provider_window(t->engine->provider, &t->target)))
		return false;
	begin(t);
	return true;
}
