/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn at engined: begun under its key, pulled (turn.next) to its end,
 * asked for again when engined was away. The pull keeps it owned, whether or
 * not anybody follows.
 */
#include "hostd/turn.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/approvals.h"
#include "hostd/host.h"
#include "hostd/stream.h"
#include "hostd/turns.h"

#define GRANT_S		86400
#define WAIT_MS		25000		/* one turn.next */
#define RETRY_MS	250
#define AWAY_S		60		/* an engined that stays away: followers are told */
#define AWAY_RETRY_MS	60000

struct turn *
turn_new(struct turns *s, const char *profile, const char *request_id)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->in = s;
	t->key = xasprintf("host:%s:%s", profile, request_id);
	t->profile = xstrdup(profile);
	t->request_id = xstrdup(request_id);
	t->began = clock_wall_ms();
	LIST_INIT(&t->followers);
	TAILQ_INSERT_TAIL(&s->all, t, link);
	return t;
}

void
turn_free(struct turn *t)
{
	struct host *h = t->in->host;

	TAILQ_REMOVE(&t->in->all, t, link);
	if (t->request != NULL)
		h->cancel(t->request);
	if (t->timer != NULL)
		event_free(t->timer);
	json_decref(t->body);
	free(t->key);
	free(t->profile);
	free(t->request_id);
	free(t->session);
	free(t->surface);
	free(t->who);
	free(t->id);
	free(t);
}

void
turn_forget(struct turn *t)
{
	if (t->done && LIST_EMPTY(&t->followers) && t->request == NULL)
		turn_free(t);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void
close_turn(struct turn *t)
{
	t->done = true;
	row_close(t);
	if (t->session != NULL)
		approvals_drop_session(t->in->host->approvals, t->profile, t->session);
	stream_activity(t->in->host->stream, t->profile);
}

void
turn_fail(struct turn *t, const struct error *e)
{
	log_info("turn key=%s failed: %s", t->key, e->text);
	close_turn(t);
	t->done = false;		/* keeps t until everyone is told */
	follow_fail(t, e);
	turn_free(t);
}

/* ---- asking engined ------------------------------------------------------------------------------ */

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	turn_step(arg);
}

static void
retry_in(struct turn *t, int ms)
{
	if (t->timer == NULL)
		t->timer = event_new(t->in->host->daemon->base, -1, 0, on_retry, t);
	event_add(t->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static bool
is_away(const struct error *e)
{
	return e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout;
}

/* A turn that engined has begun ends by its word alone, or when it knows nothing of it: until then it is ours. */
static bool
goes_on(const struct turn *t, const struct error *e)
{
	return is_away(e) || (t->id != NULL && e->code != ERR_not_found);
}

/* Often while it restarts, ever more rarely while it stays away: each look keeps the machine awake for seconds. */
static int
pause_ms(int64_t away)
{
	if (away < TURNS_START_S * 1000)
		return RETRY_MS;
	return away / 2 < AWAY_RETRY_MS ? (int)(away / 2) : AWAY_RETRY_MS;
}

/*
 * engined cannot be reached. A turn it never saw is failed after a while; one
 * it may have begun is cancelled when it is back, so that no turn runs whose
 * client was told of a failure; one it runs goes on and is waited for.
 */
static void
wait_for_engine(struct turn *t, const struct error *e)
{
	int64_t now = clock_mono_ms(), away;

	if (e->code != ERR_unavailable)
		t->asked = true;
	if (t->away == 0)
		t->away = now;
	away = now - t->away;
	if (t->id == NULL && !t->adopted && !t->asked && away >= TURNS_START_S * 1000) {
		turn_fail(t, e);
		return;
	}
	if (t->id == NULL && !t->adopted && !t->dropped && away >= TURNS_START_S * 1000) {
		t->dropped = true;
		follow_fail(t, e);
	}
	if (t->id != NULL && away >= AWAY_S * 1000)
		follow_fail(t, e);
	retry_in(t, pause_ms(away));
}

static struct request *
ask_engine(struct turn *t, enum msg type, const void *body, int timeout_ms, request_done *done, struct error *e)
{
	struct host *h = t->in->host;
	cleanup_free char *unit = host_engine(h, t->profile, e);

	return unit == NULL ? NULL : h->send(h->daemon, unit, type, body, NULL, timeout_ms, done, t, e);
}

/* A profile that was just made has no units yet: that is engined being away. */
static void
not_asked(struct turn *t, struct error *e)
{
	if (e->code == ERR_not_found && t->id == NULL) {
		t->adopted = false;
		e->code = ERR_unavailable;
	}
	if (goes_on(t, e))
		wait_for_engine(t, e);
	else
		turn_fail(t, e);
}

/* ---- following ----------------------------------------------------------------------------------- */

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct turn_next_reply *r = reply;
	struct turn *t = arg;

	t->request = NULL;
	if (r == NULL) {
		(goes_on(t, e) ? wait_for_engine : turn_fail)(t, e);
		return;
	}
	t->away = 0;
	follow_show(t, r);
	if (!r->done) {
		turn_step(t);
		return;
	}
	follow_end(t);
	close_turn(t);
	turn_forget(t);
}

static int
pull(struct turn *t, struct error *e)
{
	t->request = ask_engine(t, MSG_turn_next, &(struct turn_next){ .turn = t->id, .after = t->last,
	    .wait_ms = WAIT_MS }, WAIT_MS + TURN_ANSWER_MS, on_next, e);
	return t->request == NULL ? -1 : 0;
}

/* ---- beginning ----------------------------------------------------------------------------------- */

/* What the one on whose behalf this runs may cause through a unit. */
static char *
mint(struct turn *t, char *verifier, struct error *e)
{
	struct host *h = t->in->host;
	struct grant g = {
		.origin = h->daemon->boot.unit,
		.audience = verifier,
		.who = t->who,
		.surface = t->surface,
		.session = t->session,
		.workspace = (char *)json_str(t->body, "workspace", NULL),
		.caps = t->caps,
		.until = clock_wall_ms() / 1000 + GRANT_S,
	};

	return grant_mint(&h->daemon->boot, &g, e);
}

static struct request *
send_start(struct turn *t, request_done *done, void *arg, struct error *e)
{
	struct host *h = t->in->host;
	cleanup_free char *unit = host_engine(h, t->profile, e), *runner = xasprintf("%s/toolrunner", t->profile);
	cleanup_free char *link = host_unit(h, t->profile, "alpd", NULL), *clock = host_unit(h, t->profile, "scheduled", NULL);
	cleanup_free char *gate = host_unit(h, t->profile, "gatewayd", NULL);
	cleanup_free char *tools = NULL, *peers = NULL, *jobs = NULL, *letters = NULL;
	const char *grants[4];
	size_t n = 0;
	const json_t *b = t->body;

	if (unit == NULL || (tools = mint(t, runner, e)) == NULL)
		return NULL;
	if (link != NULL && (t->caps & 1u << CAP_peer) != 0)
		peers = mint(t, link, NULL);
	if (clock != NULL && (t->caps & 1u << CAP_schedule) != 0)
		jobs = mint(t, clock, NULL);
	if (gate != NULL && (t->caps & (1u << CAP_message | 1u << CAP_mail)) != 0)
		letters = mint(t, gate, NULL);
	grants[n++] = tools;
	if (peers != NULL)
		grants[n++] = peers;
	if (jobs != NULL)
		grants[n++] = jobs;
	if (letters != NULL)
		grants[n++] = letters;
	return h->send(h->daemon, unit, MSG_turn_start, &(struct turn_start){
		.key = t->key,
		.session = t->session,
		.fresh = json_bool(b, "fresh", false),
		.text = json_str(b, "text", ""),
		.surface = t->surface,
		.model = json_str(b, "model", NULL),
		.workspace = json_str(b, "workspace", NULL),
		.no_save = json_bool(b, "no_save", false),
		.interactive = json_bool(b, "interactive", false),
		.rewrite_from = json_int(b, "rewrite_from", 0),
		.attachments = json_object_get(b, "attachments"),
		.grants = grants,
		.n_grants = n,
	}, NULL, TURN_ANSWER_MS, done, arg, e);
}

static void
on_nothing(void *arg, const void *reply, const struct error *e)
{
}

static void
send_cancel(struct turn *t)
{
	struct host *h = t->in->host;
	cleanup_free char *unit = host_engine(h, t->profile, NULL);

	if (unit != NULL)
		h->send(h->daemon, unit, MSG_turn_cancel, &(struct turn_cancel){ .key = t->key }, NULL, TURN_ANSWER_MS,
		    on_nothing, NULL, NULL);
}

static void
on_started(void *arg, const void *reply, const struct error *e)
{
	const struct turn_start_reply *r = reply;
	struct turn *t = arg;

	t->request = NULL;
	if (r == NULL) {
		if (is_away(e))
			wait_for_engine(t, e);
		else
			turn_fail(t, e);
		return;
	}
	t->away = 0;
	t->id = xstrdup(r->turn);
	if (t->cancelled)
		send_cancel(t);
	follow_catch_up(t);
	turn_step(t);
}

static int
start(struct turn *t, struct error *e)
{
	t->request = send_start(t, on_started, t, e);
	return t->request == NULL ? -1 : 0;
}

static void
on_dropped(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->request = NULL;
	if (reply == NULL && is_away(e))
		wait_for_engine(t, e);
	else
		turn_fail(t, &(struct error){ .code = ERR_cancelled, .text = "given up" });
}

static int
cancel_dropped(struct turn *t, struct error *e)
{
	t->request = ask_engine(t, MSG_turn_cancel, &(struct turn_cancel){ .key = t->key,
	    .reason = "the client was told that it failed" }, TURN_ANSWER_MS, on_dropped, e);
	return t->request == NULL ? -1 : 0;
}

void
turn_step(struct turn *t)
{
	struct error e = { 0 };
	int asked;

	if (t->dropped)
		asked = cancel_dropped(t, &e);
	else
		asked = t->id == NULL ? start(t, &e) : pull(t, &e);
	if (asked == -1)
		not_asked(t, &e);
}
