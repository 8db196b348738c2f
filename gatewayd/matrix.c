/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix: what comes in. A long poll of /sync; the place that it was read to
 * moves in the transaction that puts the messages on disk. The file
 * matrix-state.json follows it, for the reference implementation. What was
 * written before the first sync is nobody's question. Invitations are not
 * accepted, and encrypted rooms cannot be read: both are said, once.
 */
#include "gatewayd/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/url.h"
#include "gatewayd/breaker.h"
#include "gatewayd/intake.h"
#include "gatewayd/settings.h"
#include "gatewayd/state.h"
#include "gatewayd/webcall.h"

#define NAME		"matrix"
#define SYNC_MS		30000
#define PAUSE_MS	5000
#define QUICK_MS	200		/* between two answers with nothing in them */
#define PROBE_MS	5000
#define CAPTION_UNITS	1024		/* of text that go with a file; older programs show them in place of its name */
#define FILTER(limit) "{\"presence\":{\"not_types\":[\"*\"]},\"account_data\":{\"not_types\":[\"*\"]},\"room\":{" \
	"\"account_data\":{\"not_types\":[\"*\"]},\"ephemeral\":{\"not_types\":[\"*\"]}," \
	"\"state\":{\"types\":[\"m.room.encryption\"]},\"timeline\":{\"limit\":" limit "," \
	"\"types\":[\"m.room.message\",\"m.room.encrypted\",\"m.room.encryption\"]}}}"

static void sync_now(struct matrix *m);

/* ---- the state file ------------------------------------------------------------------------------------ */

/* Where the reference implementation stood, NULL when nobody knows. */
static char *
state_read(const struct matrix *m)
{
	cleanup_json json_t *state = state_load(m->state);
	const char *since = json_str(state, "next_batch", "");

	return *since == '\0' || strcmp(json_str(state, "user", m->user), m->user) != 0 ? NULL : xstrdup(since);
}

static void
state_write(const struct matrix *m)
{
	state_save(m->state, json_pack("{s:s, s:s}", "next_batch", m->since, "user", m->user));
}

/* ---- what is said once ----------------------------------------------------------------------------------- */

static void
say_sealed(struct matrix *m, const char *room)
{
	size_t n = 0;

	for (; m->sealed[n] != NULL; n++)
		if (strcmp(m->sealed[n], room) == 0)
			return;
	m->sealed = xreallocarray(m->sealed, n + 2, sizeof(*m->sealed));
	m->sealed[n] = xstrdup(room);
	m->sealed[n + 1] = NULL;
	log_warn(NAME " chat=%s is encrypted: what is written there cannot be read", room);
}

static void
say_invites(struct matrix *m, size_t n)
{
	if (n > m->invites)
		log_warn(NAME ": %zu invitations wait, and are not accepted from here", n);
	m->invites = n;
}

/* ---- what comes in --------------------------------------------------------------------------------------- */

/* false: nothing that anybody wants answered. */
static bool
is_wanted(struct matrix *m, const struct matrix_event *ev, bool stranger)
{
	if (ev->kind == MATRIX_SEALED) {
		if (allow_has_chat(&m->allow, ev->room))
			say_sealed(m, ev->room);
		return false;
	}
	if (m->since == NULL)
		return false;
	if (ev->kind == MATRIX_MUTE && !stranger)
		log_info(NAME " chat=%s event=%s holds nothing to read", ev->room, ev->id);
	return ev->kind != MATRIX_MUTE || stranger;
}

/* All on disk, the place with them, or nothing of it. */
static int
take(struct matrix *m, struct error *e)
{
	struct matrix_sync *s = &m->got;
	cleanup_free struct arrival *a = xcalloc(s->n + 1, sizeof(*a));
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct matrix_event *ev = &s->rows[i];
		bool stranger = !allow_admits(&m->allow, ev->room, ev->sender);

		if (ev->kind == MATRIX_FILE && !stranger)
			matrix_note_file(ev);
		if (is_wanted(m, ev, stranger))
			a[n++] = (struct arrival){ .ref = ev->id, .chat = ev->room, .sender = ev->sender, .text = ev->text,
			    .files = ev->files, .stranger = stranger };
	}
	say_invites(m, s->invites);
	return intake(m->gateway, NAME, m->user, a, n, s->next, e);
}

/* ---- the poll ---------------------------------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	sync_now(arg);
}

static void
sync_in(struct matrix *m, int64_t ms)
{
	matrix_sync_clear(&m->got);
	event_add(m->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
on_failure(struct matrix *m, const struct matrix_answer *a)
{
	int64_t pause;

	if (a->status == 429) {
		sync_in(m, a->retry_ms < 0 ? PAUSE_MS : a->retry_ms);
		return;
	}
	pause = breaker_failed(m->breaker, a->why, PAUSE_MS);
	if (m->said != a->status + 1)
		log_warn(NAME " is not read: %s", a->why);
	m->said = a->status + 1;
	sync_in(m, pause);
}

/* The server does not know the place any more. */
static void
begin_anew(struct matrix *m, const char *why)
{
	log_warn(NAME ": the server does not go on where we stood, so what was written meanwhile is not read: %s", why);
	free(steal(m->since));
	sync_in(m, PAUSE_MS);
}

static void
on_whole(struct matrix *m, const struct matrix_answer *failed)
{
	struct error e = { 0 };
	bool moved = m->since == NULL || strcmp(m->since, m->got.next != NULL ? m->got.next : "") != 0;
	bool quick = m->got.n == 0 && clock_mono_ms() - m->asked_at < QUICK_MS;

	if (failed != NULL) {
		on_failure(m, failed);
		return;
	}
	if (take(m, &e) == -1) {
		log_error(NAME " messages stay with the server, they cannot be written down: %s", e.text);
		sync_in(m, PAUSE_MS);
		return;
	}
	if (m->since == NULL)
		log_info(NAME " is read from here on");
	free(m->since);
	m->since = steal(m->got.next);
	if (moved)
		state_write(m);
	/* From the loop, and not at once: a server that has nothing to say and says it must not keep us busy. */
	sync_in(m, quick ? QUICK_MS : 0);
}

static void
on_sync(void *arg, const struct matrix_answer *a)
{
	struct matrix *m = arg;
	struct matrix_answer odd = { .status = a->status, .why = "the answer is none of a Matrix server" };

	m->call = NULL;
	if (a->status == 400 && m->since != NULL && *a->errcode != '\0') {
		begin_anew(m, a->why);
		return;
	}
	if (!a->ok || matrix_sync_read(a->body, m->user, &m->got) == -1) {
		on_failure(m, a->ok ? &odd : a);
		return;
	}
	if (breaker_ok(m->breaker))
		log_info(NAME " is read again");
	m->said = 0;
	if (m->since == NULL)
		on_whole(m, NULL);
	else
		matrix_fill(m, on_whole);
}

static void
sync_now(struct matrix *m)
{
	cleanup_free char *filter = webcall_escape(m->since != NULL ? FILTER("100") : FILTER("1"));
	cleanup_free char *since = m->since == NULL ? NULL : webcall_escape(m->since);
	cleanup_free char *path = xasprintf("/_matrix/client/v3/sync?filter=%s&timeout=%d%s%s", filter, since != NULL ? SYNC_MS : 0,
	    since != NULL ? "&since=" : "", since != NULL ? since : "");

	m->asked_at = clock_mono_ms();
	m->call = matrix_ask(&m->server, "GET", path, NULL, 2 * SYNC_MS, on_sync, m);
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

static void
matrix_stop(void *self)
{
	struct matrix *m = self;

	event_del(m->timer);
	matrix_cancel(steal(m->call));
}

static void
matrix_free(void *self)
{
	struct matrix *m = self;

	if (m->timer != NULL) {
		matrix_stop(m);
		event_free(m->timer);
	}
	for (char **room = m->sealed; room != NULL && *room != NULL; room++)
		free(*room);
	free(m->sealed);
	matrix_sync_clear(&m->got);
	breaker_free(m->breaker);
	allow_clear(&m->allow);
	if (m->server.token != NULL)
		explicit_bzero(m->server.token, strlen(m->server.token));
	free(m->server.token);
	free(m->server.url);
	free(m->user);
	free(m->since);
	free(m->state);
	free(m);
}

static const char *
what_is_wrong(const char *url, const char *user, const char *token)
{
	if (url == NULL || !url_is_safe(url))
		return "MATRIX_HOMESERVER_URL must begin with https:// or be on this machine";
	if (user == NULL || user[0] != '@' || strchr(user, ':') == NULL || strlen(user) > MATRIX_ID_MAX)
		return "MATRIX_USER_ID is no @name:server";
	return token[strcspn(token, " \t\r\n")] != '\0' ? "MATRIX_ACCESS_TOKEN has white space in it" : NULL;
}

static void
read_allow(struct allow *a, const struct boot *b)
{
	const char *senders = settings_value(b, "MATRIX_ALLOWED_SENDERS"), *users = settings_value(b, "MATRIX_ALLOWED_USER_IDS");
	cleanup_free char *both = senders == NULL && users == NULL ? NULL :
	    xasprintf("%s,%s", senders != NULL ? senders : "", users != NULL ? users : "");

	allow_read(a, settings_value(b, "MATRIX_ALLOWED_ROOMS"), both);
	allow_add(a, settings_value(b, "MATRIX_ALLOWED_CHAT_IDS"));
}

static int
matrix_open(struct gateway *g, void **self, const char **wrong, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	const char *url = settings_value(b, "MATRIX_HOMESERVER_URL"), *user = settings_value(b, "MATRIX_USER_ID");
	const char *token = settings_value(b, "MATRIX_ACCESS_TOKEN");
	struct matrix *m;

	if (token == NULL || (*wrong = what_is_wrong(url, user, token)) != NULL)
		return 0;
	m = xcalloc(1, sizeof(*m));
	m->gateway = g;
	m->server = (struct matrix_server){ .http = g->http, .base = g->daemon->base, .url = settings_base(url), .token = xstrdup(token) };
	m->user = xstrdup(user);
	m->sealed = xcalloc(1, sizeof(*m->sealed));
	m->state = path_join(b->home, "gateway/matrix-state.json");
	m->breaker = breaker_open(b->home, NAME);
	m->timer = evtimer_new(g->daemon->base, on_timer, m);
	read_allow(&m->allow, b);
	if ((m->since = inbox_mark(g->inbox, NAME, user)) == NULL)
		m->since = state_read(m);
	*self = m;
	return 0;
}

static void
matrix_serve(void *self)
{
	struct matrix *m = self;

	sync_in(m, breaker_left(m->breaker));
}

/* ---- the probe --------------------------------------------------------------------------------------------- */

struct probe {
	struct matrix	*matrix;
	probe_fn	*done;
	void		*arg;
};

/* A breaker that waits for a better hour need not: it is here. */
static void
wake(struct matrix *m)
{
	if (breaker_left(m->breaker) == 0 || m->call != NULL)
		return;
	breaker_ok(m->breaker);
	sync_in(m, 0);
}

static void
on_me(void *arg, const struct matrix_answer *a)
{
	struct probe *p = arg;
	const char *who = json_str(a->body, "user_id", "nobody");
	bool ours = a->ok && strcmp(who, p->matrix->user) == 0;

	if (ours)
		wake(p->matrix);
	p->done(p->arg, ours ? who : NULL, a->ok ? "the token is not of MATRIX_USER_ID" : a->why);
	free(p);
}

static void
matrix_probe(void *self, probe_fn *done, void *arg)
{
	struct matrix *m = self;
	struct probe *p = xcalloc(1, sizeof(*p));

	*p = (struct probe){ m, done, arg };
	matrix_ask(&m->server, "GET", "/_matrix/client/v3/account/whoami", NULL, PROBE_MS, on_me, p);
}

static const char *
matrix_account(const void *self)
{
	return ((const struct matrix *)self)->user;
}

static const struct breaker *
matrix_breaker(const void *self)
{
	return ((const struct matrix *)self)->breaker;
}

static const struct allow *
matrix_allow(const void *self)
{
	return &((const struct matrix *)self)->allow;
}

char *
matrix_room_path(const char *room, const char *rest)
{
	cleanup_free char *name = webcall_escape(room);

	return xasprintf("/_matrix/client/v3/rooms/%s/%s", name, rest);
}

const struct platform matrix_platform = {
	.name = NAME,
	.banner = "INBOUND MATRIX",
	.open = matrix_open,
	.serve = matrix_serve,
	.stop = matrix_stop,
	.free = matrix_free,
	.account = matrix_account,
	.breaker = matrix_breaker,
	.allow = matrix_allow,
	.split = matrix_split,
	.send = matrix_send,
	.send_file = matrix_send_file,
	.caption = CAPTION_UNITS,
	.cancel = matrix_send_cancel,
	.fetch = matrix_fetch,
	.fetch_cancel = matrix_fetch_cancel,
	.typing = matrix_typing,
	.probe = matrix_probe,
};
