/* SPDX-License-Identifier: Apache-2.0 */
/* See transfer.h. */
#include "gatewayd/transfer.h"

#include "common/mem.h"
#include "common/multi.h"

#define CONNECT_MS	20000L

struct transfers {
	struct multi	*multi;
};

struct transfer {
	struct transfers	*in;
	CURL			*easy;
	transfer_done		*done;
	void			*arg;
	char			 text[CURL_ERROR_SIZE];
};

static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	struct transfer *x;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x) == CURLE_OK)
		x->done(x->arg, code, code == CURLE_OK ? NULL : x->text[0] != '\0' ? x->text : curl_easy_strerror(code));
}

struct transfers *
transfers_new(struct event_base *base, struct error *e)
{
	struct transfers *t = xcalloc(1, sizeof(*t));

	if ((t->multi = multi_new(base, &(struct multi_events){ .done = on_done }, t, e)) != NULL)
		return t;
	free(t);
	return NULL;
}

void
transfers_free(struct transfers *t)
{
	if (t == NULL)
		return;
	multi_free(t->multi);
	free(t);
}

CURL *
transfer_handle(const char *url, const char *user, const char *password, const char *ca)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		abort();		/* out of memory, as everywhere */
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "imaps,smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(easy, CURLOPT_USERNAME, user);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, password);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");	/* one for the web does not carry mail */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	if (ca != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
	return easy;
}

struct transfer *
transfer_start(struct transfers *t, CURL *easy, transfer_done *done, void *arg)
{
	struct transfer *x = xcalloc(1, sizeof(*x));

	*x = (struct transfer){ .in = t, .easy = easy, .done = done, .arg = arg };
	curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->text);
	curl_multi_add_handle(multi_handle(t->multi), easy);	/* only arms a timer: libcurl begins on the loop */
	return x;
}

CURL *
transfer_easy(struct transfer *x)
{
	return x->easy;
}

void
transfer_end(struct transfer *x)
{
	if (x == NULL)
		return;
	curl_multi_remove_handle(multi_handle(x->in->multi), x->easy);
	curl_easy_cleanup(x->easy);
	free(x);
}
