/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool `schedule` (spec/tools.md, 7.5), for a turn whose grant holds the
 * right to change jobs. The grant of a scheduled run never does.
 */
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "scheduled/schedule.h"

#define TEXT_MAX	60000

struct tool {
	struct schedule	*in;
	const char	*key;
	const json_t	*args;
};

/* ---- actions: the text for the model, or NULL with the error ------------------------------------- */

static void
add_line(struct buf *b, const json_t *row)
{
	const char *kind = json_str(row, "kind", "cron"), *title = json_str(row, "title", json_str(row, "prompt", ""));

	buf_addf(b, "%s [%s] ", json_str(row, "id", "?"), kind);
	if (strcmp(kind, "inactivity") == 0)
		buf_addf(b, "after %g h", json_num(row, "after_hours", 0));
	else
		buf_puts(b, json_str(row, strcmp(kind, "once") == 0 ? "run_at" : "expression", "?"));
	buf_addf(b, " %s", json_str(row, "status", ""));
	if (json_object_get(row, "next_fire") != NULL && json_is_string(json_object_get(row, "next_fire")))
		buf_addf(b, ", next %s", json_str(row, "next_fire", ""));
	buf_addf(b, ": %.*s\n", (int)utf8_cut(title, strcspn(title, "\n"), 120), title);
}

static char *
do_list(const struct tool *t, struct error *e)
{
	struct schedule *s = t->in;
	struct buf b = BUF(0);
	size_t i;

	if (jobs_corrupt(s->jobs) != NULL) {
		edit_find(s, "", e);
		return NULL;
	}
	for (i = 0; i < jobs_count(s->jobs) && b.len < TEXT_MAX; i++) {
		cleanup_json json_t *row = edit_show(s, jobs_at(s->jobs, i));

		add_line(&b, row);
	}
	if (b.len == 0)
		buf_puts(&b, "no jobs");
	if (i < jobs_count(s->jobs))
		buf_addf(&b, "and %zu more that are not shown\n", jobs_count(s->jobs) - i);
	return buf_take(&b);
}

/* The row is taken; NULL stays NULL. */
static char *
told(const char *what, json_t *row)
{
	struct buf b = BUF(0);

	if (row == NULL)
		return NULL;
	buf_addf(&b, "%s ", what);
	add_line(&b, row);
	json_decref(row);
	return buf_take(&b);
}

static char *
do_add(const struct tool *t, struct error *e)
{
	const char *when = t->in->paused ? "added; it will fire once the profile is no longer paused:" :
	    "added; the scheduler runs and will fire it:";

	return told(when, edit_add(t->in, t->args, json_bool(t->args, "force", false), t->key, e));
}

static char *
do_update(const struct tool *t, struct error *e)
{
	cleanup_json json_t *changes = json_copy((json_t *)t->args);

	json_object_del(changes, "action");
	json_object_del(changes, "id");
	json_object_del(changes, "force");
	return told("changed:", edit_update(t->in, json_str(t->args, "id", ""), changes, e));
}

static char *
do_remove(const struct tool *t, struct error *e)
{
	const char *id = json_str(t->args, "id", "");

	return edit_remove(t->in, id, e) == -1 ? NULL : xasprintf("removed %s", id);
}

static char *
do_fire(const struct tool *t, struct error *e)
{
	const char *id = json_str(t->args, "id", "");
	int64_t run;

	if (edit_find(t->in, id, e) == NULL || tick_fire(t->in, id, &run, e) == -1)
		return NULL;
	return xasprintf("job %s runs now (run %lld)", id, (long long)run);
}

static const struct {
	const char	*name;
	char		*(*fn)(const struct tool *, struct error *);
} actions[] = {
	{ "list", do_list }, { "add", do_add }, { "update", do_update }, { "remove", do_remove }, { "fire", do_fire },
};

int
tool_call(struct call *c, const void *in, struct error *e)
{
	const struct job_call *m = in;
	struct tool t = { .in = c->ctx, .key = m->key, .args = m->args };
	const char *action = json_str(m->args, "action", "");
	cleanup_free char *text = NULL;

	if (!grant_allows_tool(c->grant, "schedule", action))
		return error_set(e, ERR_denied, "the grant does not allow schedule:%s", action);
	tick_refresh(t.in);
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(actions[i].name, action) == 0) {
			if ((text = actions[i].fn(&t, e)) == NULL)
				return -1;
			return call_reply(c, &(struct job_call_reply){ .text = text });
		}
	return error_set(e, ERR_invalid, "action is list, add, update, remove or fire");
}
