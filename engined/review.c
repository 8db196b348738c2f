/* SPDX-License-Identifier: Apache-2.0 */
/* See review.h. */
#include "engined/review.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/candidates.h"
#include "engined/context.h"
#include "engined/dialect.h"
#include "engined/engine.h"
#include "engined/ledger.h"
#include "engined/promotion.h"
#include "engined/prompt.h"
#include "engined/redact.h"
#include "engined/remember.h"
#include "engined/session.h"
#include "engined/translate.h"
#include "engined/spend.h"
#include "engined/turn.h"

#define SAID_CHARS	4000			/* of one message */
#define TEXT_BYTES	(128 * 1024)		/* of all, and never more than half a window */
#define ADDS_MAX	8			/* of one answer */
#define EXTRACT_TOKENS	800

struct review {
	LIST_ENTRY(review)	 link;
	struct engine		*engine;
	const struct kind	*kind;
	char			*session, *model;
	bool			 foreign;	/* text of others was read in this conversation */
	struct provider_call	*call;
	struct buf		 text;
};

static void
review_free(struct review *r)
{
	LIST_REMOVE(r, link);
	provider_cancel(r->call);
	buf_clear(&r->text);
	free(r->session);
	free(r->model);
	free(r);
}

void
review_clear(struct engine *en)
{
	while (!LIST_EMPTY(&en->reviews))
		review_free(LIST_FIRST(&en->reviews));
}

/* ---- what came of it ------------------------------------------------------------------------------ */

/* The reviewer: its calls that add, as if it were a turn. */
static size_t
take_calls(const struct review *r, const struct provider_result *result)
{
	struct remember who = { .home = r->engine->home, .session = r->session, .model = r->model, .source = "reviewer",
	    .foreign = r->foreign };
	size_t i, n = 0;
	json_t *call;

	json_array_foreach(result->tool_calls, i, call) {
		cleanup_json json_t *args = i < ADDS_MAX ? candidates_add(call) : NULL;
		struct error e = { 0 };
		cleanup_free char *said = args == NULL ? NULL : remember_call(&who, args, &e);

		n += said != NULL;
	}
	return n;
}

/* What a summary replaced: candidates, all for a person. */
static size_t
take_candidates(const struct review *r, const struct provider_result *result)
{
	/* Servers that do not know the limit answer at any length. */
	cleanup_free char *said = xstrndup(buf_str(&r->text), utf8_cut(buf_str(&r->text), r->text.len, EXTRACT_TOKENS * 4));
	cleanup_json json_t *rows = candidates_parse(said);
	size_t i, n = 0;
	json_t *row;

	json_array_foreach(rows, i, row) {
		enum confidence conf = CONF_NORMAL;
		enum memory_file f = MEMORY_USER;
		struct error e = { 0 };

		memory_file_of(json_str(row, "target", ""), &f);
		confidence_of(json_str(row, "confidence", ""), &conf);
		n += promotion_add(r->engine->home, "compaction", r->session, r->model, f, json_str(row, "text", ""), conf,
		    r->foreign ? PROMOTION_FOREIGN : NULL, &e) == 0;
	}
	return n;
}

static const struct kind {
	const char	*name, *prompt;
	bool		 tool;		/* the one tool is memory; else none */
	int		 most;		/* tokens of the answer; 0: no limit of ours */
	size_t		(*take)(const struct review *, const struct provider_result *);
} reviewer = { "reviewer", prompt_review, true, 0, take_calls },
  extraction = { "extraction", prompt_extract, false, EXTRACT_TOKENS, take_candidates };

/* ---- asking ------------------------------------------------------------------------------------------ */

static void
on_text(void *arg, const char *text, size_t len)
{
	buf_add(&((struct review *)arg)->text, text, len);
}

static void
on_done(void *arg, const struct provider_result *result)
{
	struct review *r = arg;
	size_t n;

	r->call = NULL;
	spend(r->engine, NULL, result->input_tokens, result->output_tokens, result->cost_usd);
	n = r->kind->take(r, result);
	log_info("%s session=%s notes=%zu foreign=%d", r->kind->name, r->session, n, r->foreign);
	review_free(r);
}

static void
on_failed(void *arg, const struct error *e)
{
	struct review *r = arg;

	r->call = NULL;
	log_warn("%s failed session=%s: %s", r->kind->name, r->session, e->text);
	review_free(r);
}

static const struct provider_events review_events = { .text = on_text, .done = on_done, .failed = on_failed };

static json_t *
memory_tool(struct engine *en)
{
	cleanup_json json_t *only = json_pack("[s]", "memory"), *loaded = json_pack("{s:b}", "memory", 1);
	struct tools_policy p = { .config = en->config, .only = only, .past = true };

	return tools_schema(&en->tools, &p, loaded);
}

static size_t
under_way(const struct engine *en)
{
	const struct review *r;
	size_t n = 0;

	LIST_FOREACH(r, &en->reviews, link)
		n++;
	return n;
}

static void
ask(struct turn *t, const struct kind *kind, const char *text, bool foreign)
{
	struct engine *en = t->engine;
	cleanup_json json_t *messages = json_array(), *tools = kind->tool ? memory_tool(en) : NULL;
	struct provider_request q = { .target = &t->target, .messages = messages, .tools = tools, .most = kind->most,
	    .effort = kind->most > 0 ? "low" : NULL, .whole = true };	/* what thinks anyway is to come to an end */
	struct review *r;
	struct error e = { 0 };

	if (text[0] == '\0' || (kind->tool && json_array_size(tools) == 0))	/* tools.deny */
		return;
	if (under_way(en) >= REVIEWS_MAX || ledger_check(en->ledger, &e) == -1) {
		log_info("%s left out session=%s", kind->name, t->row.session);
		return;
	}
	message_add(messages, "system", kind->prompt);
	message_add(messages, "user", text);
	provider_limits(en->config, &q.limits);
	r = xcalloc(1, sizeof(*r));
	*r = (struct review){ .engine = en, .kind = kind, .session = xstrdup(t->row.session),
	    .model = xstrdup(t->target.model == NULL ? "" : t->target.model), .foreign = foreign };
	LIST_INSERT_HEAD(&en->reviews, r, link);
	if ((r->call = provider_start(en->provider, &q, &review_events, r, &e)) == NULL)
		on_failed(r, &e);
}

/* ---- what is looked at --------------------------------------------------------------------------------- */

/* A line, while there is room in half a window. */
static void
add_said(const struct turn *t, struct buf *b, const char *role, const char *text)
{
	int64_t half = provider_window(t->engine->provider, &t->target) * 2;
	cleanup_free char *cut = cut_chars(text, SAID_CHARS);

	if (cut[strspn(cut, " \t\r\n")] != '\0' && b->len + strlen(cut) < TEXT_BYTES && (int64_t)(b->len + strlen(cut)) < half)
		buf_addf(b, "[%s] %s\n", role, cut);
}

/* The newest turns of a session, oldest first. */
static void
add_turns(const struct turn *t, struct buf *b, const json_t *session, size_t n)
{
	const json_t *turns = session_turns(session);
	size_t all = json_array_size(turns);

	for (size_t i = all > n ? all - n : 0; i < all; i++) {
		const json_t *record = json_array_get(turns, i);

		add_said(t, b, "user", json_str(record, "user", ""));
		add_said(t, b, "assistant", json_str(record, "assistant", ""));
	}
}

/* Has anything but the person and us spoken in this conversation? What was said in it may repeat that. */
static bool
has_foreign(const struct turn *t, const json_t *session)
{
	return t->foreign || !turn_of_person(t) || turn_foreign_before(session, SIZE_MAX);
}

/* Whose conversation it is: not a peer's, not that of a sub-agent, and one that may be kept. */
static bool
is_own(const struct turn *t)
{
	return !t->no_save && t->agent == NULL && t->peer == NULL && t->thread == NULL && !t->engine->draining;
}

void
review_keep(struct turn *t, size_t from, size_t to)
{
	struct buf b = BUF(0);

	if (!is_own(t))
		return;
	buf_puts(&b, t->gone == NULL ? "" : t->gone);
	for (size_t i = from; i < to; i++) {
		const json_t *m = json_array_get(t->messages, i);
		const char *role = json_str(m, "role", "");
		cleanup_free char *text = content_text(json_object_get(m, "content"));

		if (strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0)
			add_said(t, &b, role, text);
	}
	free(t->gone);
	t->gone = buf_take(&b);
}

/* Every so many turns of a conversation; not after one that a peer answered, or that was no conversation. */
static bool
is_due(const struct turn *t, int64_t every)
{
	return every > 0 && t->answer == NULL && !fold_wanted(t) && (json_int(t->row.base, "index", 0) + 1) % every == 0;
}

void
review_turn(struct turn *t, bool answered)
{
	int64_t every = config_int(t->engine->config, "memory.review_interval", 0);
	cleanup_free char *gone = steal(t->gone);
	cleanup_json json_t *session = NULL;
	cleanup_buf struct buf b = BUF(0);
	bool due = answered && is_due(t, every);

	if (!is_own(t) || target_by_rules(&t->target) || (!due && gone == NULL) ||
	    (session = session_load(t->engine->home, t->row.session, NULL)) == NULL)
		return;
	if (gone != NULL)
		ask(t, &extraction, gone, has_foreign(t, session));
	if (due) {
		add_turns(t, &b, session, (size_t)every);
		ask(t, &reviewer, buf_str(&b), has_foreign(t, session));
	}
}
