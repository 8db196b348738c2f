/* SPDX-License-Identifier: Apache-2.0 */
/* See multi.h. */
#include "common/multi.h"

#include "common/mem.h"

struct multi {
	struct event_base	*base;
	CURLM			*handle;
	struct event		*timer;
	struct multi_events	 ev;
	void			*arg;
	bool			 inside;
};

static void
tell(struct multi *m)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(m->handle, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)		/* it dies with its handle, so nothing of it is read behind done */
			m->ev.done(m->arg, message->easy_handle, message->data.result);
	if (m->ev.idle != NULL)
		m->ev.idle(m->arg);
}

static void
act(struct multi *m, curl_socket_t fd, int what)
{
	int running;

	m->inside = true;
	curl_multi_socket_action(m->handle, fd, what, &running);
	m->inside = false;
	tell(m);
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
	struct multi *m = arg;
	struct event *ev = known;
	short wanted = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE && ((ev = event_new(m->base, fd, wanted, on_socket, m)) == NULL || event_add(ev, NULL) == -1))
		return -1;
	curl_multi_assign(m->handle, fd, ev);
	return 0;
}

static int
watch_timer(CURLM *handle, long ms, void *arg)
{
	struct multi *m = arg;

	if (ms < 0)
		return event_del(m->timer);
	return event_add(m->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

struct multi *
multi_new(struct event_base *base, const struct multi_events *ev, void *arg, struct error *e)
{
	struct multi *m;
	CURLM *handle;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (handle = curl_multi_init()) == NULL) {
		error_set(e, ERR_internal, "libcurl does not start");
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	*m = (struct multi){ .base = base, .handle = handle, .ev = *ev, .arg = arg };
	m->timer = evtimer_new(base, on_timer, m);
	curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(handle, CURLMOPT_TIMERDATA, m);
	return m;
}

void
multi_free(struct multi *m)
{
	if (m == NULL)
		return;
	curl_multi_cleanup(m->handle);		/* it still tells of its sockets */
	event_free(m->timer);
	free(m);
}

CURLM *
multi_handle(struct multi *m)
{
	return m->handle;
}

bool
multi_inside(const struct multi *m)
{
	return m->inside;
}
