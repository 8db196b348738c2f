/* SPDX-License-Identifier: Apache-2.0 */
/* See engine.h. */
#include "engined/engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/call.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/journal.h"
#include "engined/ledger.h"
#include "engined/project.h"
#include "engined/meaning.h"
#include "engined/recall.h"
#include "engined/review.h"
#include "engined/session.h"
#include "engined/settings.h"
#include "engined/sidecar.h"
#include "engined/skill_cache.h"
#include "engined/spend.h"
#include "engined/turn.h"
#include "engined/workspace.h"

#define TOOLS_FRESH_MS	60000
#define TIDY_MS		1000
#define TOOLS_WAIT_MS	3000
#define PUSH_MS		5000
#define CLOSE_MS	200		/* after the end of a turn: whoever waits comes first */
#define CLOSE_SLICE_MS	10		/* of syncing at a time */
#define CLOSE_AGAIN_MS	5000

static void on_tidy(evutil_socket_t fd, short what, void *arg);
static void on_close(evutil_socket_t fd, short what, void *arg);

struct engine_waiter {
	LIST_ENTRY(engine_waiter) link;
	void	(*fn)(void *arg);
	void	*arg;
};

/* ---- life ---------------------------------------------------------------------------------------- */

static void
forget_schema(struct engine *en)
{
	for (size_t i = 0; i < COUNT(en->schema); i++)
		json_decref(steal(en->schema[i]));
}

void
engine_init(struct engine *en)
{
	tools_init(&en->tools);
	TAILQ_INIT(&en->talks);
	LIST_INIT(&en->turns);
	LIST_INIT(&en->waiters);
	LIST_INIT(&en->reviews);
	TAILQ_INIT(&en->projects);
	if (en->zone == NULL)
		en->zone = context_zone();
	en->tidy = evtimer_new(en->base, on_tidy, en);
	en->closer = evtimer_new(en->base, on_close, en);
	spend_begin(en);
	en->skills = skill_cache_new(en->home);
	en->recall = recall_new(en->base, en->home);
	en->meaning = meaning_new(en);
	en->workspace = workspace_new(en->base, en->home);
	ledger_caps(en->ledger, en->config);
}

void
engine_clear(struct engine *en)
{
	struct engine_waiter *w;

	while (!LIST_EMPTY(&en->turns))
		turn_free(LIST_FIRST(&en->turns));
	review_clear(en);
	project_clear(en);
	if (en->tools_asked != NULL)
		request_cancel(en->tools_asked);
	while ((w = LIST_FIRST(&en->waiters)) != NULL) {	/* their callers are told by the end of the bus */
		LIST_REMOVE(w, link);
		free(w);
	}
	meaning_free(en->meaning);
	skill_cache_free(en->skills);
	recall_free(en->recall);
	workspace_free(en->workspace);
	talk_clear(&en->talks);
	tools_clear(&en->tools);
	forget_schema(en);
	json_decref(en->prompt);
	event_free(en->tidy);
	event_free(en->closer);
	spend_end(en);
	free(en->zone);
	free(en->config_error);
}

static void
arm(struct event *timer, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(timer, &tv);
}

/* ---- configuration -------------------------------------------------------------------------------- */

void
engine_config(struct engine *en, bool force)
{
	struct error e = { 0 };
	json_t *config, *own = NULL;

	if (en->settings == NULL || (!force && !settings_changed(en->settings)))
		return;
	config = settings_read(en->settings, &own, &e);
	free(steal(en->config_error));
	if (config == NULL) {
		en->config_error = xstrdup(e.text);
		log_warn("config not taken over, the last good one stays in force: %s", e.text);
		if (e.code == ERR_gone)		/* only a new start brings it back; open turns are taken up then */
			daemon_exit(en->daemon, 1);
		return;
	}
	json_decref(en->config);
	json_decref(en->own_config);
	en->config = config;
	en->own_config = own;
	forget_schema(en);		/* tools.deny */
	ledger_caps(en->ledger, config);
}

const char *
engine_secret(void *engine, const char *name)
{
	const struct engine *en = engine;

	return boot_secret(&en->daemon->boot, name);
}

/* ---- tools ------------------------------------------------------------------------------------------ */

int
engine_when_tools(struct engine *en, void (*fn)(void *arg), void *arg)
{
	struct engine_waiter *w;

	if (en->tools.known || en->tools_asked == NULL) {
		fn(arg);
		return 1;
	}
	w = xcalloc(1, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	LIST_INSERT_HEAD(&en->waiters, w, link);
	return 0;
}

static void
run_waiters(struct engine *en)
{
	struct engine_waiter *w;

	while ((w = LIST_FIRST(&en->waiters)) != NULL) {
		LIST_REMOVE(w, link);
		w->fn(w->arg);
		free(w);
	}
}

static void
on_tools(void *arg, const void *reply, const struct error *e)
{
	struct engine *en = arg;
	struct turn *t;

	en->tools_asked = NULL;
	if (reply == NULL) {
		log_warn("toolrunner does not tell its tools: %s", e->text);
		en->tools_ms = 0;		/* ask again with the next turn */
	} else {
		tools_take(&en->tools, reply);
		forget_schema(en);
	}
	LIST_FOREACH(t, &en->turns, link)
		if (t->state == TURN_PREPARE)
			turn_kick(t);
	run_waiters(en);
}

void
engine_tools(struct engine *en, bool force)
{
	int64_t now = clock_mono_ms();
	struct error e = { 0 };

	if (en->tools_asked != NULL || (!force && en->tools_ms != 0 && now - en->tools_ms < TOOLS_FRESH_MS))
		return;
	en->tools_ms = now;
	en->tools_asked = request_send(en->daemon, "toolrunner", MSG_tool_list, &(struct tool_list){ }, NULL, TOOLS_WAIT_MS,
	    on_tools, en, &e);
	if (en->tools_asked == NULL)
		log_warn("toolrunner cannot be asked: %s", e.text);
}

json_t *
engine_schema(struct engine *en, const struct tools_policy *p, const json_t *loaded)
{
	json_t **kept = &en->schema[p->peers + 2 * p->past + 4 * p->jobs];

	if (p->only != NULL || json_object_size(loaded) > 0)
		return tools_schema(&en->tools, p, loaded);
	if (*kept == NULL)
		*kept = tools_schema(&en->tools, p, NULL);
	return json_incref(*kept);
}

bool
engine_linked(const struct engine *en)
{
	cleanup_free char *unit = xasprintf("%s/alpd", en->daemon->boot.profile);

	return boot_find(&en->daemon->boot.calls, unit) != NULL;
}

json_t *
engine_prompt(struct engine *en, const char *text)
{
	if (en->prompt == NULL || strcmp(json_string_value(en->prompt), text) != 0) {
		json_decref(en->prompt);
		en->prompt = json_string(text);
	}
	return json_incref(en->prompt);
}

/* ---- turns ------------------------------------------------------------------------------------------- */

struct turn *
engine_running(const struct engine *en, const char *session)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (t->state != TURN_OVER && strcmp(t->row.session, session) == 0)
			return t;
	return NULL;
}

struct turn *
engine_by_id(const struct engine *en, const char *id)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (strcmp(t->row.id, id) == 0)
			return t;
	return NULL;
}

struct turn *
engine_by_key(const struct engine *en, const char *owner, const char *key)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (strcmp(t->row.key, key) == 0 && strcmp(t->row.owner, owner) == 0)
			return t;
	return NULL;
}

/* Ended turns leave when they are old, too many, or when nothing runs: they would pin what busy turns leave behind. Milliseconds until the next look, 0: none. */
static int64_t
release_ended(struct engine *en)
{
	int64_t now = clock_mono_ms(), next = 0, left;
	struct turn *t, *older;
	size_t kept = 0;

	for (t = LIST_FIRST(&en->turns); t != NULL; t = older) {
		older = LIST_NEXT(t, link);
		if (t->state != TURN_OVER)
			continue;
		if (t->unclosed != NULL)
			continue;
		left = t->ended_ms + ENGINE_KEEP_MS - now;
		if (left <= 0 || en->open == 0 || ++kept > ENGINE_KEEP_TURNS) {
			if (t->no_save)
				unlink(t->events.sidecar == NULL ? "" : t->events.sidecar);
			turn_free(t);
		} else if (next == 0 || left < next) {
			next = left;
		}
	}
	return next;
}

static void
on_tidy(evutil_socket_t fd, short what, void *arg)
{
	struct engine *en = arg;
	int64_t next = release_ended(en);
	struct error e = { 0 };

	en->tidy_soon = false;
	if (next > 0)
		arm(en->tidy, next);
	if (journal_prune(en->journal, &e) == -1)
		log_warn("journal not pruned: %s", e.text);
#ifdef __GLIBC__
	if (en->open == 0)
		malloc_trim(0);
#endif
}

/* Close ended turns for a slice of time. Milliseconds until the next one, 0: all are closed. */
static int64_t
close_ended(struct engine *en)
{
	int64_t until = clock_mono_ms() + CLOSE_SLICE_MS;
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link) {
		if (t->state != TURN_OVER || t->unclosed == NULL)
			continue;
		if (clock_mono_ms() >= until)
			return CLOSE_SLICE_MS;
		finish_close(t);
		if (t->unclosed != NULL)
			return CLOSE_AGAIN_MS;
	}
	return 0;
}

void
engine_close(struct engine *en)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (t->state == TURN_OVER && t->unclosed != NULL)
			finish_close(t);
}

static void
on_close(evutil_socket_t fd, short what, void *arg)
{
	struct engine *en = arg;
	int64_t next = close_ended(en);

	if (next > 0)
		arm(en->closer, next);
	if (!en->tidy_soon)		/* not put off by every turn that ends meanwhile */
		arm(en->tidy, TIDY_MS);
	en->tidy_soon = true;
}

void
engine_ended(struct engine *en, struct turn *t)
{
	struct turn *next;

	en->open--;
	LIST_FOREACH(next, &en->turns, link)
		if (next->state == TURN_PREPARE && strcmp(next->row.session, t->row.session) == 0)
			turn_kick(next);
	if (!evtimer_pending(en->closer, NULL))
		arm(en->closer, CLOSE_MS);
}

/* ---- news ----------------------------------------------------------------------------------- */

static void
on_pushed(void *arg, const void *reply, const struct error *e)
{
	if (reply == NULL)
		log_debug("event not pushed: %s", e->text);
}

void
engine_push(struct engine *en, const char *kind, json_t *data)
{
	struct event_push m = { .kind = kind, .data = data };
	struct error e = { 0 };

	if (request_send(en->daemon, "default/hostd", MSG_event_push, &m, NULL, PUSH_MS, on_pushed, NULL, &e) == NULL)
		log_debug("event %s not pushed: %s", kind, e.text);
	json_decref(data);
}

/* ---- after a start --------------------------------------------------------------------------------------- */

/*
 * The sidecar is another turn's: a later one of the session had begun, so this one had ended, if the file holds it.
 * To resume it would cut off what came after it. 1 and it is closed, or 0.
 */
static int
was_followed(struct engine *en, const struct journal_turn *row)
{
	cleanup_json json_t *session = session_load(en->home, row->session, NULL), *outcome = NULL;
	const json_t *turns = session_turns(session);
	size_t index = (size_t)json_int(row->base, "index", 0);
	const json_t *turn = json_array_get(turns, index);
	double later = json_num(turn, "at", 0) - (double)row->started_ms / 1000;
	bool own = later > -0.0005 && later < 0.0005;
	const char *text = own ? json_str(turn, "assistant", "") : "";

	if (turn == NULL || later <= -0.0005 || (own && text[0] == '\0' && json_array_size(turns) == index + 1))
		return 0;
	outcome = json_pack("{s:s, s:s, s:s}", "event", "reply", "text", text, "session_id", row->session);
	session_sync(en->home, row->session, NULL);
	return journal_finish(en->journal, row->id, outcome, NULL) == 0;
}

/* Its last frame was shown, only the end in the journal is missing. 1 and it is closed, or 0. */
static int
was_done(struct engine *en, struct journal_turn *row)
{
	cleanup_free char *path = session_sidecar(en->home, row->session);
	cleanup_json json_t *head = sidecar_head(path), *rows = NULL, *outcome = NULL;
	json_t *last, *before;
	size_t n;

	if (strcmp(json_str(head, "turn", ""), row->id) != 0)
		return was_followed(en, row);
	rows = sidecar_tail(path, 2);
	n = json_array_size(rows);
	last = json_object_get(json_array_get(rows, n - 1), "frame");
	before = json_object_get(json_array_get(rows, n - 2), "frame");
	if (n < 2 || strcmp(json_str(last, "event", ""), "done") != 0)
		return 0;
	outcome = json_bool(row->request, "no_save", false) ?
	    json_pack("{s:s, s:s}", "event", json_str(before, "event", ""), "text", "") : json_incref(before);
	session_sync(en->home, row->session, NULL);
	return journal_finish(en->journal, row->id, outcome, NULL) == 0;
}

static void
take_up(void *arg, struct journal_turn *row)
{
	struct engine *en = arg;
	struct error e = { 0 };

	if (was_done(en, row)) {
		journal_turn_clear(row);
		return;
	}
	if (turn_new(en, row, true, &e) == NULL)
		log_error("turn cannot be resumed: %s", e.text);
}

/* A sidecar whose session is gone (or was never to be kept) and which no open turn uses. */
static bool
orphan(const struct engine *en, const char *name)
{
	size_t len = strlen(name);
	cleanup_free char *id = NULL, *path = NULL;

	if (strncmp(name, "_events_", 8) != 0 || len < 15 || strcmp(name + len - 6, ".jsonl") != 0)
		return false;
	id = xstrndup(name + 8, len - 14);
	path = session_path(en->home, id);
	return access(path, F_OK) == -1 && engine_running(en, id) == NULL;
}

static void
sweep(const struct engine *en)
{
	cleanup_free char *path = xasprintf("%s/sessions", en->home);
	struct dirent *de;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return;
	while ((de = readdir(dir)) != NULL)
		if (orphan(en, de->d_name))
			unlinkat(dirfd(dir), de->d_name, 0);
	closedir(dir);
}

int
engine_resume(struct engine *en, struct error *e)
{
	if (journal_new_life(en->journal, e) == -1 || journal_open_turns(en->journal, take_up, en, e) == -1)
		return -1;
	sweep(en);
	return journal_prune(en->journal, e);
}
