/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turns.h: what clients ask about turns, and the list of them. What each
 * of them does stands in turn.h.
 */
#include "hostd/turns.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/client.h"
#include "hostd/host.h"
#include "hostd/settings.h"
#include "hostd/stream.h"
#include "hostd/turn.h"

#define KEY_MAX		128		/* of turn.start */

static struct turn *
find_key(struct turns *s, const char *profile, const char *request_id)
{
	struct turn *t;

	TAILQ_FOREACH(t, &s->all, link)
		if (strcmp(t->request_id, request_id) == 0 && (profile == NULL || strcmp(t->profile, profile) == 0))
			return t;
	return NULL;
}

static bool
is_below(const char *path, const char *dir)
{
	size_t n = dir == NULL ? 0 : strlen(dir);

	return n > 0 && strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *
turns_workspace(const struct host *h, const char *cwd)
{
	size_t n = cwd == NULL ? 0 : strlen(cwd);

	if (n < 2 || cwd[0] != '/' || cwd[n - 1] == '/' || strstr(cwd, "//") != NULL || strstr(cwd, "/./") != NULL ||
	    strstr(cwd, "/../") != NULL || strcmp(cwd + n - 2, "/.") == 0 || (n > 2 && strcmp(cwd + n - 3, "/..") == 0))
		return NULL;
	if (h->person != NULL && strcmp(cwd, h->person) == 0)
		return NULL;
	if (is_below(cwd, h->daemon->boot.root) || is_below(cwd, h->root_real))
		return NULL;
	return cwd;
}

/* What engined will be asked for, from what the client said. */
static json_t *
body_of(const struct ask *a)
{
	bool interactive = json_bool(a->params, "interactive", true);
	bool fresh = ask_str0(a, "session_id") == NULL;
	json_t *b = json_pack("{s:s, s:b, s:s*, s:s*, s:b, s:b, s:I}", "text", ask_str(a, "text"), "fresh", fresh,
	    "model", ask_str0(a, "model"), "workspace", turns_workspace(a->host, ask_str0(a, "cwd")),
	    "no_save", json_bool(a->params, "no_save", false), "interactive", interactive,
	    "rewrite_from", (json_int_t)json_int(a->params, "rewrite_from_turn", 0));
	json_t *attachments = json_object_get(a->params, "attachments");

	if (json_array_size(attachments) > 0)
		json_object_set(b, "attachments", attachments);
	return b;
}

static uint32_t
caps_of(const struct ask *a)
{
	uint32_t caps = cap_ceiling("hostd");

	if (!json_bool(a->params, "interactive", true))
		caps &= ~(1u << CAP_approve);
	return caps;
}

static const char *
surface_of(const struct ask *a)
{
	const char *surface = ask_str0(a, "surface");

	return surface == NULL ? "host" : surface;
}

static int
check_surface(const char *surface, struct error *e)
{
	static const char *const surfaces[] = { "host", "cli", "tui", "web" };

	for (size_t i = 0; i < COUNT(surfaces); i++)
		if (strcmp(surface, surfaces[i]) == 0)
			return 0;
	return error_set(e, ERR_invalid, "surface is host, cli, tui or web");
}

/* A new session gets its name here: the grant is for it, and so are approvals "for this session". */
static char *
session_name(const char *asked)
{
	char fresh[13];

	if (asked != NULL)
		return xstrdup(asked);
	random_hex(fresh, 6);
	return xstrdup(fresh);
}

static void
begin(struct turns *s, struct ask *a)
{
	struct turn *t = turn_new(s, ask_str(a, "profile"), ask_str(a, "request_id"));
	struct error e = { 0 };

	t->session = session_name(ask_str0(a, "session_id"));
	t->surface = xstrdup(surface_of(a));
	t->who = xstrdup("local");
	t->caps = caps_of(a);
	t->body = body_of(a);
	follow_begin(t, a);
	if (row_insert(t, &e) == -1) {
		turn_fail(t, &e);
		return;
	}
	stream_activity(s->host->stream, t->profile);
	turn_step(t);
}

/* One error frame is the whole answer to a request that lacks what every chat needs. */
static int
refuse(struct ask *a, const char *missing)
{
	cleanup_free char *text = xasprintf("%s is missing", missing);

	ask_frame_text(a, "error", text, NULL);
	ask_end(a);
	return 0;
}

/* A profile without units is one that was just made, or none at all. */
static void
on_profiles(void *arg, const json_t *rows, const struct error *e)
{
	struct error none = { .code = ERR_not_found };
	struct ask *a = arg;
	const json_t *row;
	size_t i;

	if (a->client == NULL) {
		ask_end(a);	/* left before anything began */
		return;
	}
	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "name", ""), ask_str(a, "profile")) == 0) {
			begin(a->host->turns, a);
			return;
		}
	error_set(&none, ERR_not_found, "no profile %s", ask_str(a, "profile"));
	ask_error(a, rows == NULL ? e : &none);
}

static int
check_new(const struct ask *a, struct error *e)
{
	size_t n = strlen("host::") + strlen(ask_str(a, "profile")) + strlen(ask_str(a, "request_id"));

	if (n > KEY_MAX)
		return error_set(e, ERR_invalid, "request_id is too long");
	return check_surface(surface_of(a), e);
}

int
turns_send(struct turns *s, struct ask *a, struct error *e)
{
	const char *profile = ask_str0(a, "profile"), *id = ask_str0(a, "request_id");
	cleanup_free char *unit = NULL;
	struct turn *t;
	int closed;

	if (profile == NULL || id == NULL)
		return refuse(a, profile == NULL ? "profile" : "request_id");
	if ((t = find_key(s, profile, id)) != NULL) {
		follow_begin(t, a);
		return 0;
	}
	if ((closed = row_find(s, profile, id, &t, e)) == -1)
		return -1;
	if (closed == 1) {
		follow_begin(t, a);
		return 0;
	}
	if (ask_str0(a, "text") == NULL && json_array_size(json_object_get(a->params, "attachments")) == 0)
		return refuse(a, "text");
	if (check_new(a, e) == -1)
		return -1;
	if ((unit = host_engine(s->host, profile, e)) == NULL)
		settings_order(s->host->settings, "profiles", json_object(), on_profiles, a);
	else
		begin(s, a);
	return 0;
}

static void
on_cancelled(void *arg, const void *reply, const struct error *e)
{
	const struct turn_cancel_reply *r = reply;

	if (r == NULL)
		ask_error(arg, e);
	else
		ask_result(arg, json_pack("{s:b}", "cancelled", r->cancelled));
}

int
turns_cancel(struct turns *s, struct ask *a, struct error *e)
{
	struct turn *t = find_key(s, ask_str0(a, "profile"), ask_str(a, "request_id"));
	struct host *h = s->host;
	cleanup_free char *unit = NULL;

	if (t == NULL || t->done || t->dropped) {
		ask_result(a, json_pack("{s:b}", "cancelled", 0));
		return 0;
	}
	if (t->id == NULL) {
		t->cancelled = true;
		ask_result(a, json_pack("{s:b}", "cancelled", 1));
		return 0;
	}
	if ((unit = host_engine(h, t->profile, e)) == NULL)
		return -1;
	return h->send(h->daemon, unit, MSG_turn_cancel, &(struct turn_cancel){ .key = t->key,
	    .reason = "a client asked for it" }, NULL, TURN_ANSWER_MS, on_cancelled, a, e) == NULL ? -1 : 0;
}

json_t *
turns_running(const struct turns *s)
{
	json_t *rows = json_array();
	const struct turn *t;

	TAILQ_FOREACH(t, &s->all, link)
		if (!t->done && !t->dropped)
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s*, s:s, s:f}", "profile", t->profile,
			    "request_id", t->request_id, "session_id", t->session, "surface", t->surface,
			    "started_at", (double)t->began / 1000.0));
	return rows;
}

size_t
turns_open_in(const struct turns *s, const char *profile)
{
	const struct turn *t;
	size_t n = 0;

	TAILQ_FOREACH(t, &s->all, link)
		n += !t->done && strcmp(t->profile, profile) == 0;
	return n;
}

/* ---- start and end ------------------------------------------------------------------------- */

struct turns *
turns_open(struct host *h, struct error *e)
{
	struct turns *s = xcalloc(1, sizeof(*s));

	s->host = h;
	TAILQ_INIT(&s->all);
	if (row_adopt(s, e) == 0)
		return s;
	turns_close(s);
	return NULL;
}

void
turns_serve(struct turns *s)
{
	struct turn *t, *next;

	for (t = TAILQ_FIRST(&s->all); t != NULL; t = next) {
		next = TAILQ_NEXT(t, link);
		log_info("turn key=%s taken up again", t->key);
		turn_step(t);
	}
}

void
turns_close(struct turns *s)
{
	struct turn *t;

	if (s == NULL)
		return;
	while ((t = TAILQ_FIRST(&s->all)) != NULL) {
		t->done = false;	/* followers leave, and the turn is freed here */
		follow_leave(t);
		turn_free(t);
	}
	free(s);
}
