/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See call.h. A request is one question on the bus and one timer. It ends
 * by its answer, by the callee's death, or by the timer; when the timer ends
 * it, the bus has the last word on whether it had left, since that decides
 * between "nobody there" and "nobody knows".
 *
 * A callee that restarts has fresh tokens. A request that was written for the
 * one before and waited for the connection is refused by its successor, so it
 * is said once more with the new token; refused means that nothing happened.
 */
#include "common/call.h"

#include <sodium.h>
#include <string.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/codec.h"
#include "common/json.h"
#include "common/mem.h"

#define CONNECT_MS	3000	/* a callee that restarts is back within this */
#define ANSWER_DEPTH	(PROTO_DEPTH_MAX + 8)	/* the envelope, the body, a row, and the value in it */

struct request {
	struct daemon	*daemon;
	enum msg	 type;
	char		*unit;
	char		*text;		/* the question, kept to be said again */
	unsigned char	 token[BOOT_KEY_BYTES];
	bool		 again;
	struct bus_peer	*peer;
	struct bus_ask	*ask;
	struct event	*timer;
	int64_t		 deadline;
	int		 timed_out;
	request_done	*done;
	void		*arg;
};

/* ---- who is asked --------------------------------------------------------------------------- */

/* The row of boot.calls: "profile/daemon" as given, "daemon" of our own profile, else the machine's one. */
static const struct boot_pair *
callee(struct daemon *d, const char *unit)
{
	cleanup_free char *own = xasprintf("%s/%s", d->boot.profile, unit);
	cleanup_free char *root = xasprintf("default/%s", unit);
	const struct boot_pair *p;

	if (strchr(unit, '/') != NULL)
		return boot_find(&d->boot.calls, unit);
	if ((p = boot_find(&d->boot.calls, own)) == NULL)
		p = boot_find(&d->boot.calls, root);
	return p;
}

static const struct boot_pair *
find_callee(struct daemon *d, const char *unit, enum msg type, struct error *e)
{
	const char *slash = strrchr(unit, '/');
	const struct boot_pair *p;

	if (!proto_allowed(d->boot.daemon, slash != NULL ? slash + 1 : unit, type)) {
		error_set(e, ERR_denied, "no channel from %s to %s for this", d->boot.daemon, unit);
		return NULL;
	}
	if ((p = callee(d, unit)) == NULL) {
		daemon_control(d);	/* init may just have told us */
		p = callee(d, unit);
	}
	if (p == NULL)
		error_set(e, ERR_unavailable, "%s is not there", unit);
	return p;
}

/* ---- the question --------------------------------------------------------------------------- */

/* The token stands before anything that a caller wrote, so its place is the first of that name. */
#define TOKEN_NAME	"\"token\":\""
#define TOKEN_HEX	(2 * BOOT_KEY_BYTES)

static void
put_token(char *text, const unsigned char token[BOOT_KEY_BYTES])
{
	char hex[TOKEN_HEX + 1];

	sodium_bin2hex(hex, sizeof(hex), token, BOOT_KEY_BYTES);
	memcpy(strstr(text, TOKEN_NAME) + strlen(TOKEN_NAME), hex, TOKEN_HEX);
	sodium_memzero(hex, sizeof(hex));
}

static char *
envelope(const struct boot_pair *to, enum msg type, const void *body, const char *grant, struct error *e)
{
	const struct message *m = proto_message(type);
	char place[TOKEN_HEX + 1] = "";
	json_t *in = codec_encode(&m->request, body, e);
	json_t *out;
	char *text;

	if (in == NULL)
		return NULL;
	memset(place, '0', TOKEN_HEX);
	out = json_pack("{s:i, s:s, s:s, s:s*, s:o}", "v", PROTO_VERSION, "type", m->wire, "token", place,
	    "grant", grant, "body", in);
	if (out == NULL) {
		error_set(e, ERR_invalid, "the grant is not text");
		return NULL;
	}
	text = json_text(out);
	json_decref(out);
	put_token(text, to->key);
	return text;
}

static void
request_free(struct request *r)
{
	if (r->timer != NULL)
		event_free(r->timer);
	if (r->text != NULL)
		sodium_memzero(r->text, strlen(r->text));
	free(r->text);
	free(r->unit);
	free(r);
}

static void
finish(struct request *r, const void *reply, const struct error *e)
{
	struct error named;

	if (e != NULL) {
		named = *e;
		error_add(&named, "%s", r->unit);
	}
	r->done(r->arg, reply, e != NULL ? &named : NULL);
	request_free(r);
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* What the callee answered instead of a body. */
static int
answered_error(const json_t *error, struct error *e)
{
	int64_t code = json_int(error, "code", ERR_internal);
	const char *text = json_str(error, "message", "");

	if (code <= ERR_none || code > 1000)
		code = ERR_internal;
	return error_set(e, (enum error_code)code, "%s", text);
}

static struct decoded *
decode_answer(const struct request *r, const char *text, size_t len, struct error *e)
{
	json_t *tree cleanup_json = json_parse(text, len, ANSWER_DEPTH, NULL);
	json_t *error = json_object_get(tree, "error"), *body = json_object_get(tree, "body");

	if (json_int(tree, "v", 0) != PROTO_VERSION || (error == NULL) == (body == NULL)) {
		error_set(e, ERR_invalid, "its answer is malformed");
		return NULL;
	}
	if (error != NULL) {
		answered_error(error, e);
		return NULL;
	}
	return codec_decode(&proto_message(r->type)->reply, body, e);
}

static void	on_done(void *, const char *, size_t, const struct error *);

/* Was it refused with a token that is not the callee's any more? Then ask again, once. 0 when that is on its way. */
static int
say_again(struct request *r)
{
	const struct boot_pair *to;

	daemon_control(r->daemon);	/* init told us of the new token before the callee was there */
	to = boot_find(&r->daemon->boot.calls, r->unit);
	if (r->again || to == NULL || sodium_memcmp(to->key, r->token, BOOT_KEY_BYTES) == 0)
		return -1;
	r->again = true;
	memcpy(r->token, to->key, BOOT_KEY_BYTES);
	put_token(r->text, r->token);
	r->ask = bus_ask(r->peer, r->text, strlen(r->text), on_done, r, NULL);
	return r->ask == NULL ? -1 : 0;
}

static void
on_done(void *arg, const char *text, size_t len, const struct error *failed)
{
	struct request *r = arg;
	struct error e = { 0 };
	struct decoded *reply;

	if (failed != NULL) {
		e = *failed;
		if (r->timed_out && e.code == ERR_gone)
			error_set(&e, ERR_timeout, "no answer in time");
		finish(r, NULL, &e);
		return;
	}
	if ((reply = decode_answer(r, text, len, &e)) == NULL) {
		if (e.code != ERR_denied || say_again(r) == -1)
			finish(r, NULL, &e);
		return;
	}
	finish(r, decoded_struct(reply), NULL);
	decoded_free(reply);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void
arm(struct request *r, int64_t ms)
{
	const struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(r->timer, &t);
}

/* How long until we look again: to the end, or first until a callee that restarts should be back. */
static int64_t
next_look(const struct request *r)
{
	int64_t left = r->deadline - clock_mono_ms();

	if (!bus_ask_sent(r->ask) && left > CONNECT_MS)
		return CONNECT_MS;
	return left > 0 ? left : 0;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct request *r = arg;
	int64_t left = r->deadline - clock_mono_ms();

	if (left > 0 && (bus_ask_sent(r->ask) || bus_peer_connected(r->peer))) {
		arm(r, next_look(r));
		return;
	}
	r->timed_out = 1;
	bus_ask_end(r->ask);
}

/* ---- the two functions ---------------------------------------------------------------------- */

static struct request *
start(struct daemon *d, struct request *r, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s.ipc", d->boot.run, r->unit);

	if (d->bus == NULL) {
		error_set(e, ERR_internal, "the bus is not up");
		return NULL;
	}
	r->peer = bus_peer(d->bus, path);
	if ((r->ask = bus_ask(r->peer, r->text, strlen(r->text), on_done, r, e)) == NULL)
		return NULL;
	r->timer = evtimer_new(d->base, on_timer, r);
	arm(r, next_look(r));
	return r;
}

struct request *
request_send(struct daemon *d, const char *unit, enum msg type, const void *body, const char *grant,
    int timeout_ms, request_done *done, void *arg, struct error *e)
{
	const struct boot_pair *to = find_callee(d, unit, type, e);
	cleanup_free char *text = NULL;
	struct request *r;

	if (to == NULL || (text = envelope(to, type, body, grant, e)) == NULL)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	*r = (struct request){ .daemon = d, .type = type, .unit = xstrdup(to->unit), .text = steal(text), .done = done,
	    .arg = arg, .deadline = clock_mono_ms() + timeout_ms };
	memcpy(r->token, to->key, BOOT_KEY_BYTES);
	if (start(d, r, e) != NULL)
		return r;
	error_add(e, "%s", r->unit);
	request_free(r);
	return NULL;
}

void
request_cancel(struct request *r)
{
	bus_ask_cancel(r->ask);
	request_free(r);
}
