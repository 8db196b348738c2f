/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool `email` (tools.md, 7.4): calls that gatewayd carries out, in the
 * words of toolrunner (runner.c). What is ours is the files: those that go with
 * a mail are handed over before the call (handover.h), one that came with a
 * mail goes the other way, piece by piece, and nothing of it stays here.
 */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/engine.h"
#include "engined/fetch.h"
#include "engined/handover.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define TOOL		"email"

struct mailing {
	json_t		*args;		/* the call's, with names and sizes for the paths; NULL: as they are */
	struct handover	*file;		/* on its way to gatewayd; NULL: none */
	size_t		 n;		/* files that are there */

	struct fetch	*fetch;		/* of one that came: a piece is asked for, or written */
	int64_t		 offset, size;	/* of it */
	char		*path;		/* where it goes */
};

static void	start(struct turn *t);

bool
email_is(const char *tool)
{
	return strcmp(tool, TOOL) == 0;
}

void
mailing_free(struct mailing *m)
{
	if (m == NULL)
		return;
	handover_free(m->file);
	fetch_cancel(m->fetch);
	json_decref(m->args);
	free(m->path);
	free(m);
}

json_t *
email_args(const struct turn *t)
{
	return t->now.mailing == NULL ? t->now.args : t->now.mailing->args;
}

static void
fail(struct turn *t, const char *why)
{
	cleanup_free char *text = xasprintf(TOOL ": %s", why);

	calls_fail(t, text);
}

static bool
downloads(const struct turn *t)
{
	return strcmp(json_str(t->now.args, "action", ""), "download_attachment") == 0;
}

/* ---- files that go ------------------------------------------------------------------------------------- */

static void	send_file(struct turn *t);

static const json_t *
paths_of(const struct turn *t)
{
	return json_object_get(t->now.args, "attachments");
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	start(arg);
}

static void
on_file(struct turn *t, int64_t size)
{
	struct mailing *m = t->now.mailing;
	const char *path = json_string_value(json_array_get(paths_of(t), m->n++));

	handover_free(steal(m->file));
	json_array_append_new(json_object_get(m->args, "attachments"), json_pack("{s:s, s:I}", "name", path_base(path), "size",
	    (json_int_t)size));
	send_file(t);
}

static void
on_unread(struct turn *t, const struct error *e)
{
	fail(t, e->text);
}

static void
on_refused(struct turn *t, const struct error *e)
{
	neighbour_not_begun(t, e, on_again, start);
}

static const struct handover_events handover = { .done = on_file, .unread = on_unread, .refused = on_refused };

/* The next one; after the last, the call. */
static void
send_file(struct turn *t)
{
	struct mailing *m = t->now.mailing;
	const json_t *row = json_array_get(paths_of(t), m->n);
	cleanup_free char *key = xasprintf("%s/%zu", t->now.key, m->n);

	if (row == NULL)
		runner_begin(t);
	else if (!json_is_string(row))
		fail(t, "\"attachments\" must be a list of paths");
	else
		m->file = handover_begin(t, &(struct handover_file){ .tool = TOOL, .path = json_string_value(row), .key = key }, &handover);
}

/* ---- one that came ---------------------------------------------------------------------------------------- */

static void	fetch_piece(struct turn *t);

static void
on_written(void *arg, const char *output, const struct error *why)
{
	struct turn *t = arg;
	struct mailing *m = t->now.mailing;
	cleanup_json json_t *j = output == NULL ? NULL : json_parse(output, strlen(output), 4, NULL);
	struct tool_result r = { .ok = true };

	m->fetch = NULL;
	if (j == NULL) {
		fail(t, output == NULL ? why->text : "nobody knows whether the file was saved");
		return;
	}
	m->offset = json_int(j, "next_offset", m->size);
	if (m->offset < m->size) {
		fetch_piece(t);
		return;
	}
	r.output = xasprintf("saved to %s, %lld bytes", json_str(j, "path", m->path), (long long)m->size);
	calls_end(t, &r);
}

/* Where the file goes: dest_path, in it when that is a folder, else the workspace. */
static char *
place_of(const struct turn *t, const char *name)
{
	const char *dest = json_str(t->now.args, "dest_path", "");
	size_t len = strlen(dest);

	return len > 0 && dest[len - 1] != '/' ? xstrdup(dest) : xasprintf("%s%s", dest, name);
}

static void
on_fetched(void *arg, const char *output, const struct error *why)
{
	struct turn *t = arg;
	struct mailing *m = t->now.mailing;
	cleanup_json json_t *j = output == NULL ? NULL : json_parse(output, strlen(output), 4, NULL);

	m->fetch = NULL;
	if (j == NULL) {
		fail(t, output == NULL ? why->text : "the file cannot be read");
		return;
	}
	if (m->path == NULL)
		m->path = place_of(t, json_str(j, "name", "attachment"));
	m->size = json_int(j, "size", 0);
	m->fetch = fetch_begin(t, TOOL, json_pack("{s:s, s:I, s:I, s:O}", "path", m->path, "offset", (json_int_t)m->offset, "size",
	    (json_int_t)m->size, "data", json_object_get(j, "data")), on_written, t);
}

static void
fetch_piece(struct turn *t)
{
	struct mailing *m = t->now.mailing;
	json_t *args = json_deep_copy(t->now.args);

	json_object_set_new(args, "offset", json_integer((json_int_t)m->offset));
	m->fetch = fetch_begin_at(t, FETCH_gatewayd, TOOL, args, on_fetched, t);
}

/* ---- the call ------------------------------------------------------------------------------------------------ */

/* From the beginning, whatever of it is there already: the call itself has not been ordered. */
static void
start(struct turn *t)
{
	struct mailing *m;

	mailing_free(t->now.mailing);
	m = t->now.mailing = xcalloc(1, sizeof(*m));
	m->args = json_copy(t->now.args);
	if (downloads(t)) {
		fetch_piece(t);
		return;
	}
	json_object_set_new(m->args, "attachments", json_array());
	send_file(t);
}

void
email_begin(struct turn *t)
{
	if (downloads(t) || json_array_size(paths_of(t)) > 0)
		start(t);
	else
		runner_begin(t);
}

void
email_find(struct turn *t)
{
	runner_find(t);
}

/* Files on their way change nothing. */
void
email_cancel(struct turn *t)
{
	if (t->now.neighbour == NULL)
		calls_fail(t, "interrupted by the user before anything was done");
	else
		runner_cancel(t);
}
