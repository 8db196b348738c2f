/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a start, for engine.h: what the journal holds open is taken up
 * (resume.c), but for turns that had ended and only missed their last row,
 * which are closed as they were; what belongs to no turn and no session is
 * removed. The files are ours, but may have been cut off anywhere by the end
 * of the process before: nothing is believed that does not fit the journal.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/journal.h"
#include "engined/session.h"
#include "engined/sidecar.h"
#include "engined/turn.h"

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
