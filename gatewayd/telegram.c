/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See telegram.h: what comes in. Telegram forgets an update when it is asked
 * for one with a higher number; that number moves here in the transaction that
 * puts the messages on disk, so nothing is asked away that is not kept. The
 * file telegram-state.json follows it, for the reference implementation.
 */
#include "gatewayd/telegram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/breaker.h"
#include "gatewayd/claim.h"
#include "gatewayd/intake.h"
#include "gatewayd/settings.h"
#include "gatewayd/state.h"
#include "gatewayd/update.h"

#define NAME		"telegram"
#define POLL_S		30
#define POLL_MS		60000
#define PAUSE_MS	5000
#define CONFLICT_MS	60000
#define PROBE_MS	5000
#define CAPTION_UNITS	1024

static void poll(struct telegram *t);

/* ---- the state file ------------------------------------------------------------------------------------ */

/* Where the reference implementation stood with this bot, 0 when nobody knows. */
static int64_t
state_read(const struct telegram *t)
{
	cleanup_json json_t *state = state_load(t->state);
	const char *account = t->bot.account;
	int64_t offset = json_int(state, "offset", 0);

	return strcmp(json_str(state, "bot", account), account) == 0 && offset > 0 ? offset : 0;
}

static void
state_write(const struct telegram *t)
{
	state_save(t->state, json_pack("{s:I, s:s}", "offset", (json_int_t)t->offset, "bot", t->bot.account));
}

/* ---- what comes in --------------------------------------------------------------------------------------- */

/* false: nothing that anybody wants answered. */
static bool
is_wanted(const struct telegram *t, const struct update *u, bool stranger)
{
	if (u->kind == UPDATE_MUTE && !stranger)
		log_info(NAME " chat=%s update=%" PRId64 " holds nothing to read: %s", u->chat, u->id, u->what);
	if (update_is_for_another(u, t->name))
		return false;
	return u->kind != UPDATE_OTHER && (u->kind == UPDATE_MESSAGE || stranger);	/* a press of somebody known is no message */
}

/* All on disk, the offset with them, or nothing of it. */
static int
take(struct telegram *t, const struct update *rows, size_t n, struct error *e)
{
	int64_t next = t->offset > rows[n - 1].id ? t->offset : rows[n - 1].id + 1;
	cleanup_free struct arrival *a = xcalloc(n, sizeof(*a));
	cleanup_free char (*refs)[24] = xcalloc(n, sizeof(*refs));
	char **files = xcalloc(n + 1, sizeof(*files)), mark[24];
	size_t wanted = 0;
	int kept;

	for (size_t i = 0; i < n; i++) {
		const struct update *u = &rows[i];
		bool stranger = !allow_admits(&t->allow, u->chat, u->sender);

		snprintf(refs[i], sizeof(refs[i]), "%" PRId64, u->id);
		if (!is_wanted(t, u, stranger))
			continue;
		files[wanted] = json_text(u->files);
		a[wanted] = (struct arrival){ .ref = refs[i], .chat = u->chat, .sender = u->sender, .text = u->text,
		    .files = u->files == NULL ? NULL : files[wanted], .stranger = stranger };
		wanted++;
	}
	snprintf(mark, sizeof(mark), "%" PRId64, next);
	kept = intake(t->gateway, NAME, t->bot.account, a, wanted, mark, e);
	for (size_t i = 0; i < wanted; i++)
		free(files[i]);
	free(files);
	if (kept == 0)
		t->offset = next;
	return kept;
}

/* Once the offset has moved, so that no press counts twice. */
static void
take_presses(struct telegram *t, const struct update *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == UPDATE_PRESS && allow_admits(&t->allow, rows[i].chat, rows[i].sender))
			telegram_pressed(t, &rows[i]);
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

	if (kept == 0)
		take_presses(t, rows, n);
	updates_free(rows, n);
	if (breaker_ok(t->breaker) || *t->wrong != NULL)
		log_info(NAME " is polled again");
	*t->wrong = NULL;
	t->said = (struct said){ 0 };
	if (kept == -1) {
		log_error(NAME " messages stay with the server, they cannot be written down: %s", e.text);
		poll_in(t, PAUSE_MS);
		return;
	}
	if (n > 0)
		state_write(t);
	/* From the loop: a server that answers at once must not keep us from everything else, and rows that move nothing come again. */
	poll_in(t, n > 0 || (json_is_array(result) && json_array_size(result) == 0) ? 0 : PAUSE_MS);
}

/* Another poller has the bot: nobody's failure, and nothing that more tries mend. */
static void
on_conflict(struct telegram *t, const char *why)
{
	if (*t->wrong == NULL)
		log_warn(NAME ": %s", why);
	*t->wrong = why;
	poll_in(t, CONFLICT_MS);
}

static void
on_failure(struct telegram *t, const struct botapi_answer *a)
{
	int64_t pause = breaker_failed(t->breaker, a->why, PAUSE_MS);
	int tries = said_failure(&t->said, a->status + 1, clock_mono_ms());

	if (tries == 1)
		log_warn(NAME " is not polled: %s", a->why);
	else if (tries > 1)
		log_warn(NAME " is not polled, %d tries failed; the last: %s", tries, a->why);
	poll_in(t, pause);
}

/* What no answer holds that we can use. */
static void
on_trouble(struct telegram *t, const struct botapi_answer *a)
{
	if (a->status == 409)
		on_conflict(t, "another program polls this bot");
	else if (a->status == 429)
		poll_in(t, a->retry_ms < 0 ? PAUSE_MS : a->retry_ms);
	else
		on_failure(t, a);
}

static void
on_updates(void *arg, const struct botapi_answer *a)
{
	struct telegram *t = arg;

	t->call = NULL;
	if (a->ok)
		on_ok(t, a->result);
	else
		on_trouble(t, a);
}

static void
on_name(void *arg, const struct botapi_answer *a)
{
	struct telegram *t = arg;

	t->call = NULL;
	if (!a->ok) {
		on_trouble(t, a);
		return;
	}
	t->name = xstrdup(json_str(a->result, "username", ""));
	poll(t);
}

/* Our name comes first: a command may be for another bot of the chat. */
static void
poll(struct telegram *t)
{
	struct gateway *g = t->gateway;

	if (!claim_take(t->claim)) {
		on_conflict(t, "another profile polls this bot");
		return;
	}
	if (t->name == NULL) {
		t->call = botapi_start(g->http, g->daemon->base, &t->bot, "getMe", json_object(), PROBE_MS, on_name, t);
		return;
	}
	t->call = botapi_start(g->http, g->daemon->base, &t->bot, "getUpdates", json_pack("{s:I, s:i, s:[s, s, s]}",
	    "offset", (json_int_t)t->offset, "timeout", POLL_S, "allowed_updates", "message", "edited_message", "callback_query"),
	    POLL_MS, on_updates, t);
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

/* Where we stood with this bot: by our own word, else by the reference implementation's. */
static int64_t
offset_of(const struct telegram *t)
{
	cleanup_free char *mark = inbox_mark(t->gateway->inbox, NAME, t->bot.account);

	return mark != NULL ? strtoll(mark, NULL, 10) : state_read(t);
}

static void
telegram_stop(void *self)
{
	struct telegram *t = self;

	event_del(t->timer);
	botapi_cancel(steal(t->call));
}

static void
telegram_free(void *self)
{
	struct telegram *t = self;

	if (t->timer != NULL) {
		telegram_stop(t);
		event_free(t->timer);
	}
	breaker_free(t->breaker);
	allow_clear(&t->allow);
	bot_clear(&t->bot);
	if (t->claim != -1)
		close(t->claim);
	free(t->state);
	free(t->name);
	free(t);
}

static int
telegram_open(struct gateway *g, void **self, const char **wrong, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	const char *token = settings_value(b, "TELEGRAM_BOT_TOKEN");
	struct telegram *t;

	if (token == NULL)
		return 0;
	t = xcalloc(1, sizeof(*t));
	t->claim = -1;
	t->wrong = wrong;
	allow_read(&t->allow, settings_value(b, "TELEGRAM_ALLOWED_CHAT_IDS"), settings_value(b, "TELEGRAM_ALLOWED_USER_IDS"));
	if ((*wrong = bot_set(&t->bot, token, settings_value(b, "TELEGRAM_API_URL"))) != NULL) {
		telegram_free(t);
		return 0;
	}
	t->gateway = g;
	t->state = path_join(b->home, "gateway/telegram-state.json");
	t->breaker = breaker_open(b->home, NAME);
	t->timer = evtimer_new(g->daemon->base, on_timer, t);
	t->offset = offset_of(t);
	t->claim = claim_open(b->run, t->bot.account);
	*self = t;
	return 0;
}

static void
telegram_serve(void *self)
{
	struct telegram *t = self;

	telegram_offer_commands(t);
	poll_in(t, breaker_left(t->breaker));
}

/* ---- the probe --------------------------------------------------------------------------------------------- */

struct probe {
	struct telegram	*telegram;
	probe_fn	*done;
	void		*arg;
};

/* A breaker that waits for a better hour need not: it is here. */
static void
wake(struct telegram *t)
{
	if (breaker_left(t->breaker) == 0 || t->call != NULL)
		return;
	breaker_ok(t->breaker);
	poll_in(t, 0);
}

static void
on_me(void *arg, const struct botapi_answer *a)
{
	struct probe *p = arg;
	cleanup_free char *who = xasprintf("@%s", json_str(a->result, "username", "?"));

	if (a->ok)
		wake(p->telegram);
	p->done(p->arg, a->ok ? who : NULL, a->why);
	free(p);
}

static void
telegram_probe(void *self, probe_fn *done, void *arg)
{
	struct telegram *t = self;
	struct probe *p = xcalloc(1, sizeof(*p));

	*p = (struct probe){ t, done, arg };
	botapi_start(t->gateway->http, t->gateway->daemon->base, &t->bot, "getMe", json_object(), PROBE_MS, on_me, p);
}

static const char *
telegram_account(const void *self)
{
	return ((const struct telegram *)self)->bot.account;
}

static const struct breaker *
telegram_breaker(const void *self)
{
	return ((const struct telegram *)self)->breaker;
}

static const struct allow *
telegram_allow(const void *self)
{
	return &((const struct telegram *)self)->allow;
}

const struct platform telegram_platform = {
	.name = NAME,
	.banner = "INBOUND TELEGRAM",
	.open = telegram_open,
	.serve = telegram_serve,
	.stop = telegram_stop,
	.free = telegram_free,
	.account = telegram_account,
	.breaker = telegram_breaker,
	.allow = telegram_allow,
	.split = telegram_split,
	.send = telegram_send,
	.send_file = telegram_send_file,
	.caption = CAPTION_UNITS,
	.cancel = telegram_send_cancel,
	.fetch = telegram_fetch,
	.fetch_cancel = telegram_fetch_cancel,
	.typing = telegram_typing,
	.probe = telegram_probe,
};
