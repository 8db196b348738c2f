/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See engine.h: its beginning and end, the configuration, and who is who
 * among the turns. What toolrunner can do is engine_tools.c's, what follows
 * the end of a turn engine_ended.c's, what a start takes up engine_resume.c's.
 */
#include "engined/engine_own.h"

#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/ledger.h"
#include "engined/meaning.h"
#include "engined/project.h"
#include "engined/recall.h"
#include "engined/review.h"
#include "engined/settings.h"
#include "engined/skill_cache.h"
#include "engined/spend.h"
#include "engined/turn.h"
#include "engined/workspace.h"

#define PUSH_MS	5000

/* ---- life ---------------------------------------------------------------------------------------- */

void
engine_init(struct engine *en)
{
	tools_init(&en->tools);
	TAILQ_INIT(&en->talks);
	LIST_INIT(&en->turns);
	LIST_INIT(&en->waiters);
	LIST_INIT(&en->reviews);
	LIST_INIT(&en->listenings);
	TAILQ_INIT(&en->projects);
	if (en->zone == NULL)
		en->zone = context_zone();
	engine_ended_begin(en);
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
	while (!LIST_EMPTY(&en->turns))
		turn_free(LIST_FIRST(&en->turns));
	review_clear(en);
	project_clear(en);
	engine_tools_clear(en);
	meaning_free(en->meaning);
	skill_cache_free(en->skills);
	recall_free(en->recall);
	workspace_free(en->workspace);
	talk_clear(&en->talks);
	json_decref(en->prompt);
	engine_ended_end(en);
	spend_end(en);
	free(en->zone);
	free(en->config_error);
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
	engine_forget_schema(en);		/* tools.deny */
	ledger_caps(en->ledger, config);
}

const char *
engine_secret(void *engine, const char *name)
{
	const struct engine *en = engine;

	return boot_secret(&en->daemon->boot, name);
}

/* ---- what turns share ------------------------------------------------------------------------------- */

bool
engine_has(const struct engine *en, const char *daemon)
{
	cleanup_free char *unit = xasprintf("%s/%s", en->daemon->boot.profile, daemon);

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
