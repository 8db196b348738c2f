/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See telegram.h: what comes in. Telegram forgets an update when it is asked
 * for one with a higher number; that number moves here in the transaction that
 * puts the messages on disk, so nothing is asked away that is not kept. The
 * file telegram-state.json follows it, for the reference implementation.
 */
#include "gatewayd/telegram.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/botapi.h"
#include "gatewayd/breaker.h"
#include "gatewayd/commands.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/turns.h"
#include "gatewayd/update.h"

#define NAME		"telegram"
#define POLL_S		30
#define POLL_MS		60000
#define PAUSE_MS	5000
#define CONFLICT_MS	60000
#define STATE_MAX	4096

struct telegram {
	struct gateway		*gateway;
	struct breaker		*breaker;
	struct botapi_call	*call;		/* the poll; NULL: a pause */
	struct event		*timer;
	char			*state;		/* gateway/telegram-state.json */
	int64_t			 offset;
	bool			 conflict;	/* another poller has the bot, and that was said */
	int			 said;		/* the status of the failure that was logged last */
};

static void poll(struct telegram *t);

/* ---- the state file ------------------------------------------------------------------------------------ */

/* Where the reference implementation stood with this bot, 0 when nobody knows. */
static int64_t
state_read(const struct telegram *t)
{
	cleanup_json json_t *state = json_load(t->state, STATE_MAX, 4, NULL);
	const char *account = t->gateway->settings.telegram.account;
	int64_t offset = json_int(state, "offset", 0);

	return strcmp(json_str(state, "bot", account), account) == 0 && offset > 0 ? offset : 0;
}

static void
state_write(const struct telegram *t)
{
	cleanup_json json_t *state = json_pack("{s:I, s:s}", "offset", (json_int_t)t->offset, "bot",
	    t->gateway->settings.telegram.account);
	cleanup_free char *text = json_text(state);
	struct error e = { 0 };

	if (atomic_write(t->state, text, strlen(text), 0600, &e) == -1)
		log_warn("%s is not renewed: %s", t->state, e.text);
}

/* ---- what comes in --------------------------------------------------------------------------------------- */

static int
take_one(struct telegram *t, const struct update *u, struct error *e)
{
	struct gateway *g = t->gateway;
	const struct command *c = u->text == NULL ? NULL : command_find(u->text);
	int fresh;

	if (u->kind == UPDATE_OTHER)
		return 0;
	if (!settings_admits(&g->settings.telegram, u->chat, u->sender)) {
		log_info(NAME " chat=%s from=%s is not on the list", u->chat, u->sender);
		return inbox_ignore(g->inbox, NAME, e);
	}
	if (u->kind == UPDATE_MUTE) {
		log_info(NAME " chat=%s update=%" PRId64 " holds nothing to read: %s", u->chat, u->id, u->what);
		return 0;
	}
	fresh = inbox_add(g->inbox, &(struct arrival){ .platform = NAME, .account = g->settings.telegram.account,
	    .update = u->id, .chat = u->chat, .sender = u->sender, .text = u->text, .stop = c != NULL && c->stops }, e);
	if (fresh == 1)
		log_info(NAME " chat=%s update=%" PRId64 " taken, %zu bytes", u->chat, u->id, strlen(u->text));
	return fresh;
}

/* All on disk, the offset with them, or nothing of it. */
static int
take(struct telegram *t, const struct update *rows, size_t n, struct error *e)
{
	struct gateway *g = t->gateway;
	int64_t next = t->offset > rows[n - 1].id ? t->offset : rows[n - 1].id + 1;

	if (inbox_begin(g->inbox, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (take_one(t, &rows[i], e) == -1)
			goto rollback;
	if (inbox_set_offset(g->inbox, NAME, g->settings.telegram.account, next, e) == -1 ||
	    inbox_commit(g->inbox, e) == -1)
		goto rollback;
	t->offset = next;
	return 0;
rollback:
	inbox_rollback(g->inbox);
	return -1;
}

/* ---- the poll ---------------------------------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	poll(arg);
}

static void
poll_in(struct telegram *t, int64_t ms)
{
	event_add(t->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
on_ok(struct telegram *t, const json_t *result)
{
	struct error e = { 0 };
	size_t n;
	struct update *rows = updates_read(result, &n);
	int kept = n == 0 ? 0 : take(t, rows, n, &e);

	updates_free(rows, n);
	if (breaker_ok(t->breaker) || t->conflict)
		log_info(NAME " is polled again");
	t->conflict = false;
	t->said = 0;
	if (kept == -1) {
		log_error(NAME " messages stay with the server, they cannot be written down: %s", e.text);
		poll_in(t, PAUSE_MS);
		return;
	}
	if (n > 0) {
		state_write(t);
		turns_look(t->gateway->turns);
	}
	/* From the loop: a server that answers at once must not keep us from everything else. */
	poll_in(t, n > 0 || json_is_array(result) ? 0 : PAUSE_MS);
}

/* Another poller has the bot: nobody's failure, and nothing that more tries mend. */
static void
on_conflict(struct telegram *t)
{
	if (!t->conflict)
		log_warn(NAME ": another program polls this bot");
	t->conflict = true;
	poll_in(t, CONFLICT_MS);
}

static void
on_failure(struct telegram *t, const struct botapi_answer *a)
{
	int64_t pause = breaker_failed(t->breaker, a->why, PAUSE_MS);

	if (t->said != a->status + 1)
		log_warn(NAME " is not polled: %s", a->why);
	t->said = a->status + 1;
	poll_in(t, pause);
}

static void
on_updates(void *arg, const struct botapi_answer *a)
{
	struct telegram *t = arg;

	t->call = NULL;
	if (a->ok)
		on_ok(t, a->result);
	else if (a->status == 409)
		on_conflict(t);
	else if (a->status == 429)
		poll_in(t, a->retry_ms < 0 ? PAUSE_MS : a->retry_ms);
	else
		on_failure(t, a);
}

static void
poll(struct telegram *t)
{
	struct gateway *g = t->gateway;

	t->call = botapi_start(g->http, g->daemon->base, &g->settings.telegram, "getUpdates", json_pack("{s:I, s:i, s:[s, s]}",
	    "offset", (json_int_t)t->offset, "timeout", POLL_S, "allowed_updates", "message", "edited_message"), POLL_MS, on_updates, t);
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

struct telegram *
telegram_open(struct gateway *g, struct error *e)
{
	struct telegram *t = xcalloc(1, sizeof(*t));

	t->gateway = g;
	t->state = path_join(g->daemon->boot.home, "gateway/telegram-state.json");
	t->breaker = breaker_open(g->daemon->boot.home, NAME);
	t->timer = evtimer_new(g->daemon->base, on_timer, t);
	t->offset = inbox_offset(g->inbox, NAME, g->settings.telegram.account);
	if (t->offset < 0)
		t->offset = state_read(t);
	return t;
}

void
telegram_serve(struct telegram *t)
{
	if (t->gateway->settings.telegram.chats[0] == NULL)
		log_warn(NAME ": TELEGRAM_ALLOWED_CHAT_IDS is empty, so nobody is heard");
	poll_in(t, breaker_left(t->breaker));
}

void
telegram_stop(struct telegram *t)
{
	event_del(t->timer);
	botapi_cancel(steal(t->call));
}

void
telegram_free(struct telegram *t)
{
	if (t == NULL)
		return;
	telegram_stop(t);
	event_free(t->timer);
	breaker_free(t->breaker);
	free(t->state);
	free(t);
}

const struct breaker *
telegram_breaker(const struct telegram *t)
{
	return t->breaker;
}
