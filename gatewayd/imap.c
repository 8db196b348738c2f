/* SPDX-License-Identifier: Apache-2.0 */
/* See imap.h. */
#include "gatewayd/imap.h"

#include <stdarg.h>
#include <string.h>

#include "common/mem.h"
#include "gatewayd/imap_words.h"

#define LOGIN_MS	30000
#define READ_BYTES	16384
#define READS		64		/* at a time: others wait too */

struct imap {
	struct event_base	*base;
	struct transfer		*transfer;
	struct event		*readable, *writable;	/* NULL: not logged in */
	struct event		*timer;
	struct imap_events	 ev;
	void			*arg;
	size_t			 literal_max;
	struct buf		 in, text;
	struct imap_words	 out;		/* the command under way, with its tag and its end */
	size_t			 sent, waited;	/* bytes of it; how often the server asked for more */
	unsigned		 tag;
	bool			 inside, closed;	/* one of our callbacks is on the stack, and has closed us */
};

static void
destroy(struct imap *i)
{
	transfer_end(i->transfer);
	if (i->readable != NULL) {
		event_free(i->readable);
		event_free(i->writable);
	}
	event_free(i->timer);
	imap_words_clear(&i->out);
	buf_clear(&i->in);
	buf_clear(&i->text);
	free(i);
}

void
imap_close(struct imap *i)
{
	if (i == NULL)
		return;
	i->closed = true;
	if (i->readable != NULL) {
		event_del(i->readable);
		event_del(i->writable);
	}
	event_del(i->timer);
	if (!i->inside)
		destroy(i);
}

/* The owner closes us. */
static void
lose(struct imap *i, const char *why)
{
	if (!i->closed)
		i->ev.lost(i->arg, why);
}

static void
wait_for(struct imap *i, int64_t ms)
{
	event_add(i->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

/* Around whatever may call the owner. */
static void
leave(struct imap *i)
{
	i->inside = false;
	if (i->closed)
		destroy(i);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct imap *i = arg;

	i->inside = true;
	lose(i, i->readable == NULL ? "the login takes too long" : "the mail server does not answer");
	leave(i);
}

/* ---- what goes out ---------------------------------------------------------------------------------- */

/* As far as the server lets us: up to the next literal that it has not asked for. */
static void
flush(struct imap *i)
{
	size_t until = i->waited < i->out.n_waits ? i->out.waits[i->waited] : i->out.bytes.len, n;

	while (i->sent < until) {
		CURLcode code = curl_easy_send(transfer_easy(i->transfer), i->out.bytes.data + i->sent, until - i->sent, &n);

		if (code == CURLE_AGAIN)
			event_add(i->writable, NULL);
		else if (code != CURLE_OK)
			wait_for(i, 0);
		if (code != CURLE_OK)
			return;
		i->sent += n;
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	flush(arg);
}

/* "+ go on": of a literal, or of an IDLE, which is sent whole. */
static void
go_on(struct imap *i)
{
	if (i->waited == i->out.n_waits || i->sent < i->out.waits[i->waited])
		return;
	i->waited++;
	flush(i);
}

static void
begin_sending(struct imap *i, int64_t ms)
{
	i->sent = i->waited = 0;
	wait_for(i, ms);
	flush(i);
}

/* Words of our own: without a literal, and without a line end. */
void
imap_command(struct imap *i, int64_t ms, const char *fmt, ...)
{
	struct imap_words w = { 0 };
	va_list ap;

	va_start(ap, fmt);
	imap_words_vadd(&w, fmt, ap);
	va_end(ap);
	imap_send(i, ms, &w);
}

void
imap_send(struct imap *i, int64_t ms, struct imap_words *w)
{
	size_t tag;

	imap_words_clear(&i->out);
	imap_words_add(&i->out, "a%u ", ++i->tag);
	tag = i->out.bytes.len;
	(void)buf_add(&i->out.bytes, buf_str(&w->bytes), w->bytes.len);
	(void)buf_add(&i->out.bytes, "\r\n", 2);
	for (; i->out.n_waits < w->n_waits; i->out.n_waits++)
		i->out.waits[i->out.n_waits] = w->waits[i->out.n_waits] + tag;
	imap_words_clear(w);
	begin_sending(i, ms);
}

void
imap_done(struct imap *i, int64_t ms)
{
	imap_words_clear(&i->out);
	imap_words_add(&i->out, "DONE\r\n");
	begin_sending(i, ms);
}

/* ---- what comes in ---------------------------------------------------------------------------------- */

static void
tell(struct imap *i, const struct imap_response *r)
{
	if (r->kind == IMAP_untagged && strncasecmp(r->text, "BYE", 3) == 0)
		lose(i, r->text);
	else if (r->kind == IMAP_untagged)
		i->ev.heard(i->arg, r);
	else if (r->kind == IMAP_go_on)
		go_on(i);
	else {
		event_del(i->timer);
		event_del(i->writable);
		imap_words_clear(&i->out);		/* whatever it did not want to hear */
		i->sent = i->waited = 0;
		i->ev.answered(i->arg, r->ok, r->text);
	}
}

static void
take_responses(struct imap *i)
{
	struct imap_response r;
	struct error e = { 0 };
	size_t at = 0;
	int got = 0;

	while (!i->closed && (got = imap_response(i->in.data + at, i->in.len - at, i->literal_max, &i->text, &r, &e)) == 1) {
		tell(i, &r);
		at += r.used;
	}
	buf_drain(&i->in, at);
	if (got == -1)
		lose(i, e.text);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct imap *i = arg;
	char bytes[READ_BYTES];
	CURLcode code = CURLE_OK;
	size_t n;
	int reads = 0;

	i->inside = true;
	while (!i->closed && reads++ < READS &&
	    (code = curl_easy_recv(transfer_easy(i->transfer), bytes, sizeof(bytes), &n)) == CURLE_OK) {
		if (n == 0 || buf_add(&i->in, bytes, n) == -1) {
			lose(i, n == 0 ? "the mail server has gone" : "the mail server sends more than was asked for");
			break;
		}
	}
	if (!i->closed && i->in.len > 0)
		take_responses(i);
	if (!i->closed && code != CURLE_OK && code != CURLE_AGAIN)
		lose(i, curl_easy_strerror(code));
	else if (!i->closed && code == CURLE_OK)
		event_active(i->readable, EV_READ, 0);	/* TLS may hold what the socket does not show */
	leave(i);
}

/* ---- the login -------------------------------------------------------------------------------------- */

static void
on_connected(void *arg, CURLcode code, const char *why)
{
	struct imap *i = arg;
	curl_socket_t fd = CURL_SOCKET_BAD;

	i->inside = true;
	event_del(i->timer);
	if (code == CURLE_OK)
		curl_easy_getinfo(transfer_easy(i->transfer), CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		lose(i, code == CURLE_LOGIN_DENIED ? "the mail server refuses the address or the password" :
		    why != NULL ? why : "the mail server has gone");
	} else {
		i->readable = event_new(i->base, fd, EV_READ | EV_PERSIST, on_readable, i);
		i->writable = event_new(i->base, fd, EV_WRITE, on_writable, i);
		event_add(i->readable, NULL);
		i->ev.ready(i->arg);
	}
	leave(i);
}

struct imap *
imap_open(struct transfers *t, struct event_base *base, const struct imap_login *l, size_t literal_max, const struct imap_events *ev,
    void *arg)
{
	cleanup_free char *url = xasprintf("imaps://%s:%s/", l->host, l->port);
	struct imap *i = xcalloc(1, sizeof(*i));
	CURL *easy = transfer_handle(url, l->user, l->password, l->ca);

	*i = (struct imap){ .base = base, .ev = *ev, .arg = arg, .literal_max = literal_max };
	i->in.max = literal_max + 2 * IMAP_LINE_MAX;
	i->timer = evtimer_new(base, on_late, i);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);	/* which would end it after the login */
	i->transfer = transfer_start(t, easy, on_connected, i);
	wait_for(i, LOGIN_MS);
	return i;
}
