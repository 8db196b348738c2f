/* SPDX-License-Identifier: Apache-2.0 */
/* See gmail.h: one authorised request. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "gatewayd/gmail.h"

struct gmail_ask {
	struct gmail		*in;
	const char		*method;	/* static */
	char			*url, *body, *access;
	char			*account;	/* that was asked for; NULL: any */
	size_t			 max;
	struct oauth_wait	*wait;
	struct gapi_call	*call;
	bool			 again;		/* with a second token */
	gapi_done		*done;
	void			*arg;
};

static void
ask_free(struct gmail_ask *a)
{
	oauth_cancel(a->wait);
	gapi_cancel(a->call);
	if (a->access != NULL)
		explicit_bzero(a->access, strlen(a->access));
	free(a->access);
	free(a->account);
	free(a->url);
	free(a->body);
	free(a);
}

/* a is gone after. */
static void
finish(struct gmail_ask *a, const struct gapi_answer *answer)
{
	a->done(a->arg, answer);
	ask_free(a);
}

static void on_access(void *arg, const char *access, const struct error *e);

static void
on_answer(void *arg, const struct gapi_answer *answer)
{
	struct gmail_ask *a = arg;

	a->call = NULL;
	if (answer->status != 401 || a->again) {
		finish(a, answer);
		return;
	}
	a->again = true;
	oauth_stale(a->in->oauth, a->access);
	a->wait = oauth_access(a->in->oauth, on_access, a);
}

static void
on_access(void *arg, const char *access, const struct error *e)
{
	struct gmail_ask *a = arg;
	struct gateway *g = a->in->gateway;

	a->wait = NULL;
	if (access == NULL) {
		finish(a, &(struct gapi_answer){ .status = e->code == ERR_denied ? 401 : 0, .code = "", .why = e->text, .retry_ms = -1 });
		return;
	}
	if (a->account != NULL && strcmp(a->account, oauth_email(a->in->oauth)) != 0) {
		finish(a, &(struct gapi_answer){ .status = 409, .code = "", .why = "another account was authorised meanwhile", .retry_ms = -1 });
		return;
	}
	free(a->access);
	a->access = xstrdup(access);
	a->call = gapi_start(g->http, g->daemon->base, &(struct gapi_request){ .method = a->method, .url = a->url, .bearer = access,
	    .type = a->body == NULL ? NULL : "application/json", .body = a->body, .max = a->max }, on_answer, a);
}

struct gmail_ask *
gmail_ask(struct gmail *gm, const char *method, const char *path, const char *body, size_t max, gapi_done *done, void *arg)
{
	struct gmail_ask *a = xcalloc(1, sizeof(*a));

	*a = (struct gmail_ask){ .in = gm, .method = method, .url = xasprintf("%s/gmail/v1/users/me/%s", gm->api, path),
	    .body = xstrdup0(body), .account = xstrdup0(oauth_email(gm->oauth)), .max = max, .done = done, .arg = arg };
	a->wait = oauth_access(gm->oauth, on_access, a);
	return a;
}

void
gmail_ask_cancel(struct gmail_ask *a)
{
	if (a != NULL)
		ask_free(a);
}
