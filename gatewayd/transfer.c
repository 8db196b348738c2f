/* SPDX-License-Identifier: Apache-2.0 */
/* See transfer.h. */
#include "gatewayd/transfer.h"

#include <stdio.h>

#include "common/mem.h"

#define CONNECT_MS	20000L

struct transfers {
	struct event_base	*base;
	CURLM			*multi;
	struct event		*timer;
};

struct transfer {
	struct transfers	*in;
	CURL			*easy;
	transfer_done		*done;
	void			*arg;
	char			 text[CURL_ERROR_SIZE];
};

static void
tell(struct transfers *t)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(t->multi, &left)) != NULL) {
		struct transfer *x = NULL;
		CURLcode code = m->data.result;		/* the message dies with the handle */

		if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x) == CURLE_OK)
			x->done(x->arg, code, code == CURLE_OK ? NULL : x->text[0] != '\0' ? x->text : curl_easy_strerror(code));
	}
}

static void
act(struct transfers *t, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(t->multi, fd, what, &running);
	tell(t);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct transfers *t = arg;
	struct event *ev = known;
	short wanted = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE && ((ev = event_new(t->base, fd, wanted, on_socket, t)) == NULL || event_add(ev, NULL) == -1))
		return -1;
	curl_multi_assign(t->multi, fd, ev);
	return 0;
}

static int
watch_timer(CURLM *multi, long ms, void *arg)
{
	struct transfers *t = arg;

	if (ms < 0)
		return event_del(t->timer);
	return event_add(t->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

struct transfers *
transfers_new(struct event_base *base, struct error *e)
{
	struct transfers *t;
	CURLM *multi = curl_multi_init();

	if (multi == NULL) {
		error_set(e, ERR_internal, "libcurl does not start");
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->base = base;
	t->multi = multi;
	t->timer = evtimer_new(base, on_timer, t);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, t);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, t);
	return t;
}

void
transfers_free(struct transfers *t)
{
	if (t == NULL)
		return;
	curl_multi_cleanup(t->multi);
	event_free(t->timer);
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
	curl_multi_add_handle(t->multi, easy);	/* only arms a timer: libcurl begins on the loop */
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
	curl_multi_remove_handle(x->in->multi, x->easy);
	curl_easy_cleanup(x->easy);
	free(x);
}
