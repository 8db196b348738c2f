/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gmail.h: the platform's row, and when a round begins. Without consent
 * it sleeps: nothing is asked of a server, and no failure is counted. The file
 * gmail-state.json follows the mark in the inbox, for the reference
 * implementation.
 */
#include "gatewayd/gmail.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/url.h"
#include "gatewayd/breaker.h"
#include "gatewayd/mime.h"
#include "gatewayd/settings.h"
#include "gatewayd/split.h"

#define NAME		"gmail"
#define API		"https://gmail.googleapis.com"
#define CONSENT		"https://accounts.google.com/o/oauth2/v2/auth"
#define TOKENS		"https://oauth2.googleapis.com"
#define RETRY_MS	15000
#define POLL_S		60
#define POLL_MAX_S	86400

static void begin(struct gmail *gm);

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	begin(arg);
}

static void
begin_in(struct gmail *gm, int64_t ms)
{
	event_add(gm->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
failed(struct gmail *gm, const char *why, int64_t retry_ms)
{
	int64_t pause = breaker_failed(gm->breaker, why, gm->interval_ms < RETRY_MS ? gm->interval_ms : RETRY_MS);

	if (gm->said == NULL || strcmp(gm->said, why) != 0)
		log_warn(NAME " is not polled: %s", why);
	free(gm->said);
	gm->said = xstrdup(why);
	begin_in(gm, retry_ms > pause ? retry_ms : pause);
}

static void
on_round(struct gmail *gm, enum round_end end, const char *why, int64_t retry_ms)
{
	gmail_round_free(steal(gm->round));
	if (end == ROUND_failed) {
		failed(gm, why, retry_ms);
		return;
	}
	if (breaker_ok(gm->breaker))
		log_info(NAME " is polled again");
	free(steal(gm->said));
	if (end == ROUND_full)
		log_error(NAME " messages stay with the server, they cannot be written down: %s", why);
	begin_in(gm, end == ROUND_full ? RETRY_MS : gm->interval_ms);
}

static void
begin(struct gmail *gm)
{
	if (gm->round == NULL)
		gm->round = gmail_round(gm, on_round);
}

/* ---- the row --------------------------------------------------------------------------------------------- */

static void
configure(struct gmail *gm, const struct boot *b)
{
	const char *text = boot_option(b, "gateway.gmail.poll_interval"), *read = boot_option(b, "gateway.gmail.mark_as_read");
	int64_t s = text == NULL ? POLL_S : strtoll(text, NULL, 10);

	gm->interval_ms = (s < 1 ? POLL_S : s > POLL_MAX_S ? POLL_MAX_S : s) * 1000;
	gm->mark_as_read = read == NULL || strcmp(read, "false") != 0;
}

static int
check(const struct boot *b, const char **wrong)
{
	const char *id = settings_value(b, "GMAIL_CLIENT_ID"), *secret = settings_value(b, "GMAIL_CLIENT_SECRET");
	const char *api = settings_value(b, "GMAIL_API_URL");

	if (id == NULL)
		return -1;
	if (secret == NULL)
		*wrong = "GMAIL_CLIENT_ID is set, GMAIL_CLIENT_SECRET is not";
	else if (api != NULL && !url_is_safe(api))
		*wrong = "GMAIL_API_URL must begin with https:// or be on this machine";
	return *wrong == NULL ? 0 : -1;
}

static int
gmail_open(struct gateway *g, void **self, const char **wrong, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	const char *api = settings_value(b, "GMAIL_API_URL");
	cleanup_free char *senders = NULL;
	struct gmail *gm;

	if (check(b, wrong) == -1)
		return 0;
	mime_begin();
	gm = xcalloc(1, sizeof(*gm));
	*self = gm;
	gm->gateway = g;
	gm->files = (struct mailfiles){ .ops = &gmail_mail, .self = gm, .base = g->daemon->base };
	gm->api = settings_base(api == NULL ? API : api);
	gm->auth_url = api == NULL ? xstrdup(CONSENT) : xasprintf("%s/o/oauth2/v2/auth", gm->api);
	gm->token_url = api == NULL ? xstrdup(TOKENS "/token") : xasprintf("%s/token", gm->api);
	gm->profile_url = xasprintf("%s/gmail/v1/users/me/profile", gm->api);
	gm->oauth_settings = (struct oauth_settings){ settings_value(b, "GMAIL_CLIENT_ID"), settings_value(b, "GMAIL_CLIENT_SECRET"),
	    gm->token_url, gm->profile_url };
	if ((gm->oauth = oauth_open(g->http, g->daemon->base, b->home, &gm->oauth_settings, e)) == NULL)
		return -1;
	senders = oauth_lower(boot_secret(b, "GMAIL_ALLOWED_SENDERS") == NULL ? "" : boot_secret(b, "GMAIL_ALLOWED_SENDERS"));
	allow_read(&gm->allow, senders, NULL);
	gm->breaker = breaker_open(b->home, NAME);
	gm->state = path_join(b->home, "gateway/gmail-state.json");
	configure(gm, b);
	gm->timer = evtimer_new(g->daemon->base, on_timer, gm);
	return 0;
}

static void
gmail_serve(void *self)
{
	struct gmail *gm = self;

	gm->serving = true;
	if (oauth_email(gm->oauth) == NULL)
		log_warn(NAME " sleeps: nobody has authorised the account; alpi gateway gmail authorize");
	else
		begin_in(gm, breaker_left(gm->breaker));
}

void
gmail_authorised(struct gmail *gm)
{
	breaker_ok(gm->breaker);
	if (!gm->serving)
		return;
	gmail_round_free(steal(gm->round));	/* it may be another account */
	begin_in(gm, 0);
}

static void
gmail_stop(void *self)
{
	struct gmail *gm = self;

	gm->serving = false;
	event_del(gm->timer);
	gmail_round_free(steal(gm->round));
}

static void
gmail_free(void *self)
{
	struct gmail *gm = self;

	gmail_round_free(steal(gm->round));
	oauth_free(gm->oauth);
	if (gm->timer != NULL)
		event_free(gm->timer);
	mailfiles_clear(&gm->files);
	breaker_free(gm->breaker);
	allow_clear(&gm->allow);
	free(gm->said);
	for (size_t i = 0; i < COUNT(gm->asked); i++)
		gmail_asked_clear(&gm->asked[i]);
	free(gm->api);
	free(gm->auth_url);
	free(gm->token_url);
	free(gm->profile_url);
	free(gm->state);
	free(gm);
}

static const char *
gmail_account(const void *self)
{
	return oauth_email(((const struct gmail *)self)->oauth);
}

static const struct breaker *
gmail_breaker(const void *self)
{
	return ((const struct gmail *)self)->breaker;
}

static const struct allow *
gmail_allow(const void *self)
{
	return &((const struct gmail *)self)->allow;
}

/* A mail is as long as it is. */
static char **
gmail_split(const char *reply)
{
	return split_text(reply, SIZE_MAX / 8);
}

static struct fetching *
gmail_fetch(void *self, const char *id, fetched_fn *done, void *arg)
{
	return mailfile_fetch(&((struct gmail *)self)->files, id, done, arg);
}

/* ---- the probe --------------------------------------------------------------------------------------------- */

struct probe {
	struct gmail	*in;
	probe_fn	*done;
	void		*arg;
};

static void
on_probed(void *arg, const struct gapi_answer *a)
{
	struct probe *p = arg;

	if (a->ok && breaker_ok(p->in->breaker) && p->in->serving)
		begin_in(p->in, 0);
	p->done(p->arg, a->ok ? json_str(a->said, "emailAddress", "(an account without an address)") : NULL, a->why);
	free(p);
}

/* A token that holds, renewed if need be, and whose account it opens. */
static void
gmail_probe(void *self, probe_fn *done, void *arg)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	*p = (struct probe){ self, done, arg };
	gmail_ask(self, "GET", "profile", NULL, 0, on_probed, p);
}

struct gmail *
gmail_of(struct gateway *g)
{
	const struct line *l = gateway_line(g, NAME);

	return l == NULL ? NULL : l->self;
}

const struct platform gmail_platform = {
	.name = NAME,
	.banner = "INBOUND EMAIL",
	.open = gmail_open,
	.serve = gmail_serve,
	.stop = gmail_stop,
	.free = gmail_free,
	.account = gmail_account,
	.breaker = gmail_breaker,
	.allow = gmail_allow,
	.split = gmail_split,
	.send = gmail_send,
	.send_file = gmail_send_file,
	.caption = SIZE_MAX,
	.cancel = gmail_cancel,
	.fetch = gmail_fetch,
	.fetch_cancel = mailfile_cancel,
	.probe = gmail_probe,
	.mail = &gmail_mail,
};
