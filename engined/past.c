/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: the tools that look back into this profile's conversations
 * (spec/tools.md, 7.6). What they find was written by models and strangers
 * too and is shown like any tool's output, as data. They change nothing but
 * the index, so a call that was cut off is simply made again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/catalog.h"
#include "engined/engine.h"
#include "engined/fts.h"
#include "engined/match.h"
#include "engined/meaning.h"
#include "engined/rank.h"
#include "engined/recall.h"
#include "engined/redact.h"
#include "engined/session.h"
#include "engined/turn.h"

#define SEARCH_LEAST	3		/* characters of a word that is searched */
#define SEARCH_MAX	10		/* conversations shown */
#define SEARCH_READ	20		/* of those with most in the index are read, and counted exactly */
#define SEARCH_BYTES	(8 * 1024 * 1024)	/* of their files together */
#define SEARCH_TAIL	2500		/* characters of each */
#define READ_LIST	15
#define READ_FIRST	80		/* characters of a first text in the list */
#define READ_TEXT	600		/* characters of a text */
#define READ_ALL	6000		/* characters in all */
#define ONLY_WORDS	"Only words were searched: "

/* ---- a conversation as text ---------------------------------------------------------------------- */

static void
add_tools(struct buf *b, const json_t *turn)
{
	const json_t *tools = json_object_get(turn, "tools");
	json_t *tool;
	size_t i;

	json_array_foreach(tools, i, tool)
		buf_addf(b, "%s%s", i == 0 ? "(tools: " : ", ", json_str(tool, "name", "?"));
	buf_puts(b, i > 0 ? ")\n" : "");
}

static void
add_said(struct buf *b, const char *who, const char *text, size_t most)
{
	cleanup_free char *cut = cut_chars(text, most);

	if (cut[0] != '\0')
		buf_addf(b, "%s: %s\n", who, cut);
}

/* Texts of at most `most` characters each. */
static void
add_turn(struct buf *b, const json_t *turn, size_t most)
{
	add_said(b, "user", json_str(turn, "user", ""), most);
	add_tools(b, turn);
	add_said(b, "alpi", json_str(turn, "assistant", ""), most);
}

static int64_t
bounded(const json_t *args, const char *name, int64_t otherwise, int64_t least, int64_t most)
{
	int64_t n = json_int(args, name, otherwise);

	return n < least ? least : n > most ? most : n;
}

/* The call ends; text NULL: with the error. */
static void
end_call(struct turn *t, char *text, const struct error *e)
{
	struct tool_result r = { .ok = text != NULL, .output = text, .error = text == NULL ? xstrdup(e->text) : NULL };

	calls_end(t, &r);
}

/* ---- session_search ---------------------------------------------------------------------------------- */

struct found {
	json_t	*session;
	size_t	 count;
	size_t	 place;			/* among the rows */
	double	 started_at;
	double	 score;
};

static int
most_first(const void *va, const void *vb)
{
	const struct found *a = va, *b = vb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->started_at > b->started_at ? -1 : a->started_at < b->started_at;
}

static int
best_first(const void *va, const void *vb)
{
	const struct found *a = va, *b = vb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return most_first(va, vb);
}

static size_t
occurrences(const json_t *session, const struct match *words)
{
	json_t *turn;
	size_t n = 0, i;

	json_array_foreach(session_turns(session), i, turn)
		n += match_count(words, json_str(turn, "user", "")) + match_count(words, json_str(turn, "assistant", ""));
	return n;
}

/* The files of the rows, counted. How many. */
static size_t
read_found(const char *home, const json_t *rows, const struct match *words, struct found *out)
{
	size_t i, n = 0, bytes = 0;
	json_t *row;

	json_array_foreach(rows, i, row) {
		json_t *session = bytes > SEARCH_BYTES ? NULL : session_load(home, json_str(row, "session_id", ""), NULL);

		if (session == NULL)
			continue;
		bytes += json_dumpb(session, NULL, 0, JSON_COMPACT);
		out[n++] = (struct found){ .session = session, .count = occurrences(session, words), .place = i,
		    .started_at = json_num(session, "started_at", 0) };
	}
	return n;
}

/* By occurrences; with those near in meaning, that order and the one of the rows are made one. */
static void
order(struct found *found, size_t n, bool near)
{
	qsort(found, n, sizeof(found[0]), most_first);
	if (!near)
		return;
	for (size_t i = 0; i < n; i++)
		found[i].score = rank_share(found[i].place) + (found[i].count > 0 ? rank_share(i) : 0);
	qsort(found, n, sizeof(found[0]), best_first);
}

static void
add_tail(struct buf *b, const struct found *f)
{
	cleanup_buf struct buf whole = BUF(0);
	char when[32], fits[48] = "near in meaning";
	size_t chars, i;
	json_t *turn;

	json_array_foreach(session_turns(f->session), i, turn)
		add_turn(&whole, turn, SESSION_TEXT_MAX);
	chars = utf8_count(buf_str(&whole), whole.len);
	recall_when(f->started_at, when);
	if (f->count > 0)
		snprintf(fits, sizeof(fits), "%zu occurrences", f->count);
	buf_addf(b, "%s## session %s, %s, %s\n%s%s", b->len > 0 ? "\n" : "", json_str(f->session, "id", ""), when,
	    fits, chars > SEARCH_TAIL ? "\xe2\x80\xa6" : "",
	    buf_str(&whole) + (chars > SEARCH_TAIL ? utf8_offset(buf_str(&whole), whole.len, chars - SEARCH_TAIL) : 0));
}

static char *
show_found(const char *home, const struct meaning_answer *a, const struct match *words, size_t most)
{
	struct found found[SEARCH_READ];
	size_t n = read_found(home, a->rows, words, found), shown = 0;
	struct buf b = BUF(0);

	order(found, n, a->near);
	for (size_t i = 0; i < n; i++) {
		if (shown < most && (found[i].count > 0 || a->near)) {
			add_tail(&b, &found[i]);
			shown++;
		}
		json_decref(found[i].session);
	}
	if (b.len == 0)
		buf_puts(&b, "No earlier conversation has these words.");
	if (a->note[0] != '\0')
		buf_addf(&b, "\n" ONLY_WORDS "%s", a->note);
	return buf_take(&b);
}

static int
check_search(struct turn *t, struct error *e)
{
	struct match words;

	match_words(&words, json_str(t->now.args, "query", ""), SEARCH_LEAST);
	return words.count > 0 ? 0 : error_set(e, ERR_invalid, "session_search: \"query\" needs a word of more than two letters");
}

/* ---- a question ------------------------------------------------------------------------------------------- */

static char *
show_answer(struct turn *t, const struct meaning_answer *a)
{
	cleanup_free char *rows = NULL;
	struct match words;

	if (strcmp(t->now.name, "session_search") == 0) {
		match_words(&words, json_str(t->now.args, "query", ""), SEARCH_LEAST);
		return show_found(t->engine->home, a, &words, (size_t)bounded(t->now.args, "max_results", 3, 1, SEARCH_MAX));
	}
	rows = json_text(a->rows);
	return a->note[0] == '\0' ? steal(rows) : xasprintf("%s\n" ONLY_WORDS "%s", rows, a->note);
}

static void
on_answer(void *arg, const struct meaning_answer *a, const struct error *e)
{
	struct turn *t = arg;
	struct tool_result r = { .ok = a->rows != NULL, .tokens_in = a->tokens, .cost = a->cost };

	t->now.question = NULL;
	if (r.ok)
		r.output = show_answer(t, a);
	else
		r.error = xstrdup(e->text);
	calls_end(t, &r);
}

static void
ask(struct turn *t, const char *text, size_t k, bool counted)
{
	struct recall_query q = { .text = text, .skip = t->row.session, .k = k, .counted = counted };

	t->now.question = recollect(t->engine->meaning, &q, t->peer, on_answer, t);
}

static void
search(struct turn *t)
{
	cleanup_buf struct buf longer = BUF(0);
	struct match words;

	match_words(&words, json_str(t->now.args, "query", ""), SEARCH_LEAST);
	for (size_t i = 0; i < words.count; i++)
		buf_addf(&longer, "%s ", words.word[i]);
	ask(t, buf_str(&longer), SEARCH_READ, true);
}

/* ---- index_sessions and recall_sessions ----------------------------------------------------------------- */

static char *
tell_pass(struct turn *t, const struct recall_pass *p)
{
	cleanup_json json_t *j = json_pack("{s:b, s:I, s:I, s:I, s:I}", "ok", 1, "indexed", (json_int_t)p->indexed,
	    "unchanged", (json_int_t)p->unchanged, "removed", (json_int_t)p->removed, "skipped", (json_int_t)p->skipped);

	meaning_tell(t->engine->meaning, j);
	return json_text(j);
}

static void
find(struct turn *t)
{
	struct error e = { 0 };
	int64_t size = recall_size(t->engine->recall, &e);

	if (size > 0)
		ask(t, json_str(t->now.args, "query", ""), (size_t)bounded(t->now.args, "k", 5, 1, FTS_K_MAX), false);
	else
		end_call(t, size == -1 ? NULL : xstrdup("No conversation is indexed yet: call index_sessions first."), &e);
}

/* ---- session_read ----------------------------------------------------------------------------------------- */

static char *
list_recent(struct turn *t)
{
	cleanup_json json_t *rows = catalog_list(t->engine->catalog, READ_LIST);
	struct buf b = BUF(0);
	char when[32];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		cleanup_free char *first = cut_chars(json_str(row, "first_user", ""), READ_FIRST);

		first[strcspn(first, "\r\n")] = '\0';
		recall_when(json_num(row, "updated_at", 0), when);
		buf_addf(&b, "%s  %s  %lld turns  %s\n", json_str(row, "id", ""), when, (long long)json_int(row, "turns", 0), first);
	}
	if (b.len == 0)
		buf_puts(&b, "There is no conversation yet.");
	return buf_take(&b);
}

/* The first turn with the phrase, -1: none. */
static int64_t
turn_with(const json_t *session, const char *phrase)
{
	json_t *turn;
	size_t i;

	json_array_foreach(session_turns(session), i, turn)
		if (strcasestr(json_str(turn, "user", ""), phrase) != NULL ||
		    strcasestr(json_str(turn, "assistant", ""), phrase) != NULL)
			return (int64_t)i;
	return -1;
}

/* Turns [from, to) as far as they fit. */
static char *
show_turns(const json_t *session, int64_t from, int64_t to)
{
	int64_t total = (int64_t)json_array_size(session_turns(session));
	struct buf b = BUF(0);
	char *cut;

	from = from < 0 ? 0 : from;
	to = to > total ? total : to;
	buf_addf(&b, "session %s, turns %lld to %lld of %lld\n", json_str(session, "id", ""), (long long)(from < to ? from + 1 : from),
	    (long long)to, (long long)total);
	for (int64_t i = from; i < to && utf8_count(buf_str(&b), b.len) < READ_ALL; i++) {
		buf_addf(&b, "\n[turn %lld]\n", (long long)i + 1);
		add_turn(&b, json_array_get(session_turns(session), (size_t)i), READ_TEXT);
	}
	cut = cut_chars(buf_str(&b), READ_ALL);
	buf_clear(&b);
	return cut;
}

static char *
read_session(struct turn *t, struct error *e)
{
	const char *id = json_str(t->now.args, "session", ""), *phrase = json_str(t->now.args, "phrase", "");
	int64_t window = bounded(t->now.args, "window", 3, 0, 100), limit = bounded(t->now.args, "limit", 20, 1, 1000);
	int64_t start = bounded(t->now.args, "start", 1, 1, INT32_MAX) - 1;
	cleanup_json json_t *session = NULL;

	if (id[0] == '\0')
		return list_recent(t);
	if (!session_id_ok(id)) {
		error_set(e, ERR_invalid, "session_read: \"session\" is not a session id");
		return NULL;
	}
	if ((session = session_load(t->engine->home, id, e)) == NULL)
		return NULL;
	if (phrase[0] == '\0')
		return show_turns(session, start, start + limit);
	if ((start = turn_with(session, phrase)) == -1)
		return xasprintf("Session %s does not have this phrase.", id);
	return show_turns(session, start - window, start + window + 1);
}

/* ---- calls ------------------------------------------------------------------------------------------------ */

static void
on_indexed(void *arg, const struct recall_pass *pass, const struct error *e)
{
	struct turn *t = arg;
	bool asked = strcmp(t->now.name, "index_sessions") == 0;

	t->now.wait = NULL;
	if (pass != NULL)
		meaning_update(t->engine->meaning, asked);
	if (pass == NULL)
		end_call(t, NULL, e);
	else if (asked)
		end_call(t, tell_pass(t, pass), NULL);
	else
		search(t);
}

static void
wait_for_index(struct turn *t, bool force)
{
	t->now.wait = recall_update(t->engine->recall, force, on_indexed, t);
}

void
past_begin(struct turn *t)
{
	struct error e = { 0 };

	if (strcmp(t->now.name, "index_sessions") == 0)
		wait_for_index(t, json_bool(t->now.args, "force", false));
	else if (strcmp(t->now.name, "session_search") == 0 && check_search(t, &e) == 0)
		wait_for_index(t, false);
	else if (strcmp(t->now.name, "recall_sessions") == 0)
		find(t);
	else if (strcmp(t->now.name, "session_read") == 0)
		end_call(t, read_session(t, &e), &e);
	else
		end_call(t, NULL, &e);
}
