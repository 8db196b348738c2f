/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See oauth.h. The lock is that of the reference implementation: whoever
 * renews the token holds it from reading the file until the new one stands
 * there, so two programs never spend the same refresh token.
 */
#include "gatewayd/oauth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "gatewayd/gapi.h"

#define FILE_MAX	65536
#define SPARE_S		120		/* a token nearer to its end is renewed */
#define LOCK_MS		250
#define LOCK_TRIES	80

struct oauth_wait {
	TAILQ_ENTRY(oauth_wait)	 link;
	struct oauth		*in;
	oauth_done		*done;
	void			*arg;
	bool			 ripe;		/* its answer is here */
};

struct exchange {
	oauth_exchanged		*done;		/* NULL: none is under way */
	void			*arg;
	struct oauth_token	 token;
	struct gapi_call	*call;
};

struct oauth {
	const struct oauth_settings	*settings;
	char				*path, *lock_path;
	struct http			*http;
	struct event_base		*base;
	struct event			*timer;		/* soon; or, the lock once more */
	struct gapi_call		*call;		/* the refresh */
	int				 lock;		/* held while that runs; -1 */
	int				 tries;
	struct oauth_token		 token;
	bool				 stale;
	struct exchange			 exchange;
	TAILQ_HEAD(, oauth_wait)	 waits;
};

/* ---- the file ---------------------------------------------------------------------------------------- */

/* What stands there is newer than what we hold, or the same. */
static void
file_load(struct oauth *o)
{
	struct oauth_token read = { 0 };
	struct error e = { 0 };
	cleanup_json json_t *said = json_load(o->path, FILE_MAX, 4, &e);

	if ((said == NULL && e.code != ERR_not_found) || (said != NULL && oauth_token_read(&read, said, &e) == -1))
		log_warn("gmail: %s: %s", o->path, e.text);
	if (read.email == NULL)
		return;
	if (o->token.access != NULL && read.access != NULL && strcmp(o->token.access, read.access) != 0)
		o->stale = false;
	oauth_token_clear(&o->token);
	o->token = read;
}

static int
file_save(const struct oauth *o, const struct oauth_token *t, struct error *e)
{
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:s, s:I}", "email", t->email, "access_token", t->access,
	    "refresh_token", t->refresh, "expires_at", (json_int_t)t->expires_at);
	char *text = json_text(row);
	int r = atomic_write(o->path, text, strlen(text), 0600, e);

	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

/* 1: it is ours, 0: another program has it, -1. */
static int
lock_take(struct oauth *o, struct error *e)
{
	if (o->lock != -1)
		return 1;
	if ((o->lock = open(o->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) == -1)
		return error_errno(e, "open %s", o->lock_path);
	if (flock(o->lock, LOCK_EX | LOCK_NB) == 0)
		return 1;
	close(o->lock);
	o->lock = -1;
	return 0;
}

static void
lock_drop(struct oauth *o)
{
	if (o->lock != -1)
		close(o->lock);
	o->lock = -1;
	o->tries = 0;
}

/* ---- who waits --------------------------------------------------------------------------------------- */

static struct oauth_wait *
next_ripe(const struct oauth *o)
{
	struct oauth_wait *w;

	TAILQ_FOREACH(w, &o->waits, link)
		if (w->ripe)
			break;
	return w;
}

/* Whoever waits now; who asks from a callback waits for the next time, and may cancel any. */
static void
answer(struct oauth *o, const struct error *e)
{
	struct oauth_wait *w;

	lock_drop(o);
	TAILQ_FOREACH(w, &o->waits, link)
		w->ripe = true;
	while ((w = next_ripe(o)) != NULL) {
		struct oauth_wait one = *w;

		oauth_cancel(w);
		one.done(one.arg, e == NULL ? o->token.access : NULL, e);
	}
}

static void
soon(struct oauth *o, int ms)
{
	event_add(o->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

struct oauth_wait *
oauth_access(struct oauth *o, oauth_done *done, void *arg)
{
	struct oauth_wait *w = xcalloc(1, sizeof(*w));

	*w = (struct oauth_wait){ .in = o, .done = done, .arg = arg };
	TAILQ_INSERT_TAIL(&o->waits, w, link);
	if (o->call == NULL && !event_pending(o->timer, EV_TIMEOUT, NULL))
		soon(o, 0);
	return w;
}

void
oauth_cancel(struct oauth_wait *w)
{
	if (w == NULL)
		return;
	TAILQ_REMOVE(&w->in->waits, w, link);
	free(w);
}

void
oauth_stale(struct oauth *o, const char *access)
{
	o->stale = o->stale || (o->token.access != NULL && strcmp(o->token.access, access) == 0);
}

/* ---- the refresh --------------------------------------------------------------------------------------- */

static void
form_add(struct buf *b, const char *name, const char *value)
{
	char *text = gapi_escape(value);

	(void)buf_addf(b, "%s%s=%s", b->len > 0 ? "&" : "", name, text);
	explicit_bzero(text, strlen(text));
	free(text);
}

static void
form_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->len);
	buf_clear(b);
}

static struct gapi_call *
post_form(struct oauth *o, struct buf *form, gapi_done *done, void *arg)
{
	struct gapi_call *c = gapi_start(o->http, o->base, &(struct gapi_request){ .method = "POST", .url = o->settings->token_url,
	    .type = "application/x-www-form-urlencoded", .body = buf_str(form) }, done, arg);

	form_wipe(form);
	return c;
}

static bool
holds(const struct oauth *o)
{
	int64_t left = o->token.expires_at - clock_wall_ms() / 1000;

	/* A clock that went back by a day makes no token last longer. */
	return o->token.access != NULL && !o->stale && left >= SPARE_S && left <= 86400;
}

/* Google says 400 invalid_grant when the right was taken back or has run out; and so for a client that is gone. */
static bool
is_final(const struct gapi_answer *a)
{
	static const char *const codes[] = { "invalid_grant", "invalid_client", "unauthorized_client", "deleted_client" };

	for (size_t i = 0; i < COUNT(codes); i++)
		if (strcmp(a->code, codes[i]) == 0)
			return true;
	return false;
}

static void
on_refreshed(void *arg, const struct gapi_answer *a)
{
	struct oauth *o = arg;
	struct error e = { 0 };

	o->call = NULL;
	if (a->ok && oauth_token_take(&o->token, a->said, clock_wall_ms() / 1000, &e) == 0) {
		o->stale = false;
		if (file_save(o, &o->token, &e) == -1)
			log_warn("gmail: the token is not kept: %s", e.text);
		answer(o, NULL);
		return;
	}
	if (!a->ok && is_final(a))
		error_set(&e, ERR_denied, "the account's consent is refused (%s); " OAUTH_AGAIN, a->code);
	else if (!a->ok)
		error_set(&e, ERR_unavailable, "the access token is not renewed: %s", a->why);
	answer(o, &e);
}

static void
refresh(struct oauth *o)
{
	struct buf form = BUF(0);

	form_add(&form, "grant_type", "refresh_token");
	form_add(&form, "refresh_token", o->token.refresh);
	form_add(&form, "client_id", o->settings->client_id);
	form_add(&form, "client_secret", o->settings->client_secret);
	o->call = post_form(o, &form, on_refreshed, o);
}

/* Another program renews it: its token will do for us, too. */
static void
wait_for_lock(struct oauth *o)
{
	struct error e = { 0 };

	if (++o->tries < LOCK_TRIES) {
		soon(o, LOCK_MS);
		return;
	}
	error_set(&e, ERR_busy, "%s is held by another program", o->lock_path);
	answer(o, &e);
}

static void
step(struct oauth *o)
{
	struct error e = { 0 };
	int mine;

	if (TAILQ_EMPTY(&o->waits) || o->call != NULL)
		return;
	if (o->token.email != NULL && holds(o)) {
		answer(o, NULL);
		return;
	}
	if ((mine = lock_take(o, &e)) == 0) {
		wait_for_lock(o);
		return;
	}
	if (mine == 1)
		file_load(o);
	if (mine == 1 && o->token.email == NULL)
		error_set(&e, ERR_denied, "nobody has authorised this account; alpi gateway gmail authorize");
	if (e.code != 0 || holds(o))
		answer(o, e.code != 0 ? &e : NULL);
	else
		refresh(o);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	step(arg);
}

/* ---- a person's consent ---------------------------------------------------------------------------------- */

/* x's owner is told, and may ask for another. */
static void
exchanged(struct oauth *o, const char *email, const struct error *e)
{
	struct exchange x = o->exchange;

	o->exchange = (struct exchange){ 0 };
	x.done(x.arg, email, e);
	oauth_token_clear(&x.token);
}

static void
on_profile(void *arg, const struct gapi_answer *a)
{
	struct oauth *o = arg;
	struct oauth_token *t = &o->exchange.token;
	const char *email = json_str(a->said, "emailAddress", "");
	struct error e = { 0 };

	o->exchange.call = NULL;
	if (!a->ok || strchr(email, '@') == NULL) {
		error_set(&e, ERR_unavailable, "whose account it is was not told: %s", a->ok ? "no address" : a->why);
		exchanged(o, NULL, &e);
		return;
	}
	free(t->email);
	t->email = oauth_lower(email);
	if (file_save(o, t, &e) == -1) {
		exchanged(o, NULL, &e);
		return;
	}
	oauth_token_clear(&o->token);
	o->token = *t;
	*t = (struct oauth_token){ 0 };
	o->stale = false;
	exchanged(o, o->token.email, NULL);
}

static void
on_code_taken(void *arg, const struct gapi_answer *a)
{
	struct oauth *o = arg;
	struct oauth_token *t = &o->exchange.token;
	struct error e = { 0 };

	o->exchange.call = NULL;
	if (!a->ok)
		error_set(&e, a->status == 0 ? ERR_unavailable : ERR_denied, "the code was not taken: %s", a->why);
	if (!a->ok || oauth_token_take(t, a->said, clock_wall_ms() / 1000, &e) == -1) {
		exchanged(o, NULL, &e);
		return;
	}
	o->exchange.call = gapi_start(o->http, o->base, &(struct gapi_request){ .method = "GET", .url = o->settings->profile_url,
	    .bearer = t->access }, on_profile, o);
}

int
oauth_exchange(struct oauth *o, const char *code, const char *verifier, const char *redirect, oauth_exchanged *done, void *arg,
    struct error *e)
{
	struct buf form = BUF(0);

	if (o->exchange.done != NULL)
		return error_set(e, ERR_busy, "another consent is being taken");
	o->exchange = (struct exchange){ .done = done, .arg = arg };
	form_add(&form, "grant_type", "authorization_code");
	form_add(&form, "code", code);
	form_add(&form, "code_verifier", verifier);
	form_add(&form, "redirect_uri", redirect);
	form_add(&form, "client_id", o->settings->client_id);
	form_add(&form, "client_secret", o->settings->client_secret);
	o->exchange.call = post_form(o, &form, on_code_taken, o);
	return 0;
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

struct oauth *
oauth_open(struct http *http, struct event_base *base, const char *home, const struct oauth_settings *s, struct error *e)
{
	cleanup_free char *dir = path_join(home, "secrets");
	struct oauth *o;

	/* By the specification this folder holds the token and its lock, nothing of anybody else. */
	if (make_dirs(dir, 0700, e) == -1 || restrict_path(dir, "rw!", e) == -1)
		return NULL;
	o = xcalloc(1, sizeof(*o));
	TAILQ_INIT(&o->waits);
	o->settings = s;
	o->http = http;
	o->base = base;
	o->timer = evtimer_new(base, on_timer, o);
	o->lock = -1;
	o->path = path_join(dir, "gmail_token.json");
	o->lock_path = path_join(dir, ".gmail_token.lock");
	file_load(o);
	return o;
}

void
oauth_free(struct oauth *o)
{
	struct oauth_wait *w;

	if (o == NULL)
		return;
	while ((w = TAILQ_FIRST(&o->waits)) != NULL)
		oauth_cancel(w);
	gapi_cancel(o->call);
	gapi_cancel(o->exchange.call);
	oauth_token_clear(&o->exchange.token);
	lock_drop(o);
	event_free(o->timer);
	oauth_token_clear(&o->token);
	free(o->path);
	free(o->lock_path);
	free(o);
}

const char *
oauth_email(const struct oauth *o)
{
	return o->token.email;
}
