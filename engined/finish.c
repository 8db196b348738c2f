/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: how a turn ends. Always in this order: the session file, the
 * last frames, and when nobody waits any more the sync of the file and the
 * end in the journal. Whoever has seen "done" finds the turn in the file;
 * until the file is safe the journal could write it again.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/project.h"
#include "engined/redact.h"
#include "engined/review.h"
#include "engined/runlog.h"
#include "engined/session.h"
#include "engined/talk.h"
#include "engined/thread.h"
#include "engined/turn.h"

#define QUICK_MS	5000		/* a turn without tools below this is not worth a notice */
#define SUMMARY_CHARS	200
#define REPLY_MAX	(1024 * 1024)	/* bytes of the reply frame; the session has its own limit */

/* ---- the session file ---------------------------------------------------------------------------- */

/* The session before this turn: as on disk, cut back to where the turn began. */
static json_t *
session_before(struct turn *t, struct error *e)
{
	const char *model = t->target.model == NULL ? "" : t->target.model;
	struct error why = { 0 };
	json_t *s = session_load(t->engine->home, t->row.session, &why), *turns;
	size_t index = (size_t)json_int(t->row.base, "index", 0);

	if (s == NULL && why.code == ERR_not_found)
		s = session_new(t->row.session, model);
	if (s == NULL) {
		error_set(e, why.code, "%s", why.text);
		return NULL;
	}
	turns = session_turns(s);
	while (json_array_size(turns) > index)
		json_array_remove(turns, json_array_size(turns) - 1);
	if (model[0] != '\0')
		json_object_set_new(s, "model", json_string(model));
	if (json_object_get(s, "schema_version") == NULL)
		json_object_set_new(s, "schema_version", json_integer(2));
	return s;
}

/* The totals count from those before the turn, so that writing twice adds once. */
static void
set_totals(struct turn *t, json_t *s)
{
	const json_t *base = t->row.base;
	double now = (double)clock_wall_ms() / 1000;

	json_object_set_new(s, "input_tokens", json_integer(json_int(base, "input_tokens", 0) + t->tokens_in));
	json_object_set_new(s, "output_tokens", json_integer(json_int(base, "output_tokens", 0) + t->tokens_out));
	json_object_set_new(s, "cost_usd", json_real(json_num(base, "cost_usd", 0) + t->cost));
	json_object_set_new(s, "elapsed", json_real(now - json_num(s, "started_at", now)));
	if (t->context_tokens > 0)
		json_object_set_new(s, "last_ctx_tokens", json_integer(t->context_tokens));
}

int
finish_save(struct turn *t, bool ended, struct error *e)
{
	cleanup_json json_t *s = NULL;

	if (t->no_save)
		return 0;
	if ((s = session_before(t, e)) == NULL)
		return -1;
	if (ended)
		set_totals(t, s);
	json_array_append(session_turns(s), t->record);
	if (session_save(t->engine->home, s, e) == -1)
		return -1;
	t->saved = true;
	return 0;
}

static void
complete_record(struct turn *t, const char *assistant, bool interrupted)
{
	put_text(t->record, "assistant", "assistant_meta", assistant, SESSION_TEXT_MAX);
	if (t->reasoning.len > 0)
		json_object_set_new(t->record, "reasoning", preview(buf_str(&t->reasoning), SESSION_REASONING_MAX));
	if (json_array_size(t->produced) > 0)
		json_object_set(t->record, "output_attachments", t->produced);
	if (interrupted)
		json_object_set_new(t->record, "interrupted", json_true());
}

/* ---- what is written down about it ------------------------------------------------------------------ */

/* late: why it ran out of time; NULL: it did not. */
static void
write_logs(struct turn *t, const char *outcome, const char *late, const char *tail)
{
	double elapsed = (double)(clock_mono_ms() - t->began_ms) / 1000;
	cleanup_free char *clean = redact(t->text), *request = cut_chars(clean, 120);
	cleanup_free char *clean_tail = redact(tail), *short_tail = last_chars(clean_tail, RUNLOG_TAIL);
	json_t *row;

	log_info("turn ended turn=%s session=%s outcome=%s steps=%d tools=%d elapsed_s=%.1f", t->row.id, t->row.session,
	    outcome, t->step, t->tool_count, elapsed);
	if (t->no_save)
		return;
	runlog_line(t->engine->home, "session=%s elapsed=%.1fs tools=%d reply_chars=%zu cost=$%.6f outcome=%s request=\"%s\"",
	    t->row.session, elapsed, t->tool_count, utf8_count(tail, strlen(tail)), t->cost, outcome, request);
	row = json_pack("{s:f, s:f, s:s, s:s, s:s, s:s, s:s*, s:i, s:s*, s:s, s:i, s:s}",
	    "at", (double)t->row.started_ms / 1000, "elapsed_s", elapsed,
	    "profile", t->engine->daemon->boot.profile, "session_id", t->row.session, "kind", "agent", "outcome", outcome,
	    "peer_id", t->peer, "pid", (int)getpid(), "timeout_reason", late, "last_tool", t->last_tool == NULL ? "" : t->last_tool,
	    "tool_count", t->tool_count, "output_tail", short_tail);
	runlog_row(t->engine->home, "runs.jsonl", row);
}

static void
tell_clients(struct turn *t, const char *reply)
{
	cleanup_free char *summary = cut_chars(reply == NULL ? "" : reply, SUMMARY_CHARS);

	if (reply != NULL && t->agent == NULL && turn_of_person(t) && (t->tool_count > 0 || clock_mono_ms() - t->began_ms >= QUICK_MS))
		engine_push(t->engine, "chat.turn_done", json_pack("{s:s, s:s}", "session_id", t->row.session, "summary", summary));
	if (!t->no_save)
		engine_push(t->engine, "session_changed", json_pack("{s:s}", "session_id", t->row.session));
}

/* ---- the end ----------------------------------------------------------------------------------------- */

void
finish_close(struct turn *t)
{
	struct error e = { 0 };

	if ((t->saved && session_sync(t->engine->home, t->row.session, &e) == -1 && e.code != ERR_not_found) ||
	    journal_finish(t->engine->journal, t->row.id, t->unclosed, &e) == -1) {
		log_warn("turn=%s is not closed yet: %s", t->row.id, e.text);
		return;
	}
	json_decref(steal(t->unclosed));
}

/* What the journal keeps: how it ended, for a requester that comes late. */
static json_t *
outcome_row(const struct turn *t, const char *event, const json_t *data, const char *said)
{
	json_t *o = t->no_save && t->agent == NULL ? json_object() : json_copy((json_t *)data);

	if (t->agent != NULL)		/* for its parent */
		json_object_update_missing_new(o, json_pack("{s:s, s:I, s:I, s:f}", "text", said,
		    "tokens_in", (json_int_t)t->tokens_in, "tokens_out", (json_int_t)t->tokens_out, "cost", t->cost));

	json_object_set_new(o, "event", json_string(event));
	if (json_object_get(o, "text") == NULL && strcmp(event, "interrupted") != 0)
		json_object_set_new(o, "text", json_string(""));
	return o;
}

/* Nothing of the conversation is needed any more but its frames. */
static void
let_go(struct turn *t, bool keep_messages)
{
	size_t turns = (size_t)json_int(t->row.base, "index", 0) + 1;
	cleanup_json json_t *history = keep_messages && t->messages != NULL ? context_history(t->messages) : NULL;

	talk_release(&t->engine->talks, steal(t->talk), history, turns, t->foreign);
	json_decref(steal(t->messages));
	json_decref(steal(t->schema));
	json_decref(steal(t->calls));
	json_decref(steal(t->record));
	json_decref(steal(t->row.grants));
	buf_clear(&t->said);
	buf_clear(&t->thought);
	buf_clear(&t->reasoning);
}

static void
done_frame(struct turn *t)
{
	events_add(&t->events, "done", json_pack("{s:s}", "session_id", t->row.session));
	events_end(&t->events);
	if (t->no_save)
		events_forget(&t->events);
}

/*
 * The one way out: event and data are the frame that says how it ended;
 * data is taken. word: what the run record calls it; text: what was answered.
 */
static void
end(struct turn *t, const char *event, json_t *data, const char *word, const char *text, bool keep_messages)
{
	struct error e = { 0 };
	int saved;

	toolcall_clear(t);
	fold_clear(t);
	project_leave(t);
	event_del(t->saver);
	complete_record(t, text, strcmp(word, "interrupted") == 0);
	saved = finish_save(t, true, &e);
	t->unclosed = outcome_row(t, event, data, text);
	if (saved == -1)
		events_add(&t->events, "error", json_pack("{s:s+, s:s}", "text", "the conversation could not be saved: ", e.text,
		    "code", error_name(e.code)));
	write_logs(t, word, strcmp(word, "timeout") == 0 ? json_str(data, "text", "") : NULL, text);
	events_add(&t->events, event, data);
	tell_clients(t, strcmp(word, "ok") == 0 ? text : NULL);
	t->state = TURN_OVER;
	t->ended_ms = clock_mono_ms();
	let_go(t, keep_messages);
	done_frame(t);
	engine_ended(t->engine, t);
	review_turn(t, strcmp(word, "ok") == 0);
	if (t->agent != NULL)
		agent_over(t);
}

/* What a peer asked and was told goes into its thread before it is told. */
static void
keep_thread(struct turn *t, const char *text)
{
	struct error e = { 0 };

	if (t->thread != NULL && text[0] != '\0' &&
	    thread_append(t->engine->home, t->thread, (double)t->row.started_ms / 1000, t->text, text, &e) == -1)
		log_warn("a peer's thread was not kept: %s", e.text);
}

void
finish_reply(struct turn *t, const char *text)
{
	cleanup_free char *copy = xstrdup(text), *cut = cut_bytes(text, REPLY_MAX);

	keep_thread(t, copy);
	end(t, "reply", json_pack("{s:s, s:s, s:s*, s:O*}", "text", cut, "session_id", t->row.session, "model_used",
	    t->target.model, "attachments", json_array_size(t->produced) > 0 ? t->produced : NULL), "ok", copy, true);
}

void
finish_error(struct turn *t, const struct error *e)
{
	cleanup_free char *said = xstrdup(buf_str(&t->said));

	end(t, "error", json_pack("{s:s, s:s}", "text", e->text, "code", error_name(e->code)),
	    e->code == ERR_timeout ? "timeout" : "error", said, false);
}

void
finish_interrupted(struct turn *t, const char *partial)
{
	cleanup_free char *text = xstrdup(partial);

	if (text[0] != '\0' && t->messages != NULL)
		message_add(t->messages, "assistant", text);
	end(t, "interrupted", json_object(), "interrupted", text, true);
}
