/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See dispatch.h. Each check refuses on its own and says why; nothing of a
 * message is looked at before the check that makes it worth looking at. What
 * strangers send costs them an error answer and us one log line, of which
 * there are only so many in a while.
 */
#include "common/dispatch.h"

#include <sodium.h>
#include <string.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/codec.h"
#include "common/inbox.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define ENVELOPE_DEPTH	(PROTO_DEPTH_MAX + 8)	/* the envelope, the body, a row, and the value in it */
#define HELD_MAX	65536			/* calls we hold for all callers together */
#define LOG_LINES	20			/* refusals told of ... */
#define LOG_MS		10000			/* ... in this time */

struct held {
	struct call		 call;		/* first: what handlers know of it */
	struct bus_message	*message;
	char			*from;
	struct grant		 grant;
};

/* What an envelope says, borrowed from its tree. */
struct envelope {
	const char	*type, *token, *grant;
	json_t		*body;
};

/* ---- the log -------------------------------------------------------------------------------- */

static void
log_refusal(const char *from, const char *type, const struct error *e)
{
	static int64_t since;
	static unsigned lines;
	int64_t now = clock_mono_ms();

	if (now - since > LOG_MS) {
		if (lines > LOG_LINES)
			log_warn("inbox left out %u lines about refused requests", lines - LOG_LINES);
		since = now;
		lines = 0;
	}
	if (lines++ < LOG_LINES)
		log_warn("request refused type=%s from=%s error=%s: %s", type, from, error_name(e->code), e->text);
}

static const char *
wire_of(const struct call *c)
{
	const struct message *m = proto_message(c->type);

	return m != NULL ? m->wire : "unknown";
}

/* ---- answers -------------------------------------------------------------------------------- */

static void
call_free(struct held *h)
{
	grant_clear(&h->grant);
	free(h->from);
	free(h);
}

/* A short answer always goes out; its text is one line. */
static void
answer_error(struct bus_message *m, const struct error *e)
{
	enum error_code code = e->code == ERR_none ? ERR_internal : e->code;
	json_t *out = json_pack("{s:i, s:{s:i, s:s, s:s}}", "v", PROTO_VERSION, "error",
	    "code", code, "name", error_name(code), "message", e->text);
	cleanup_free char *text = NULL;

	if (out == NULL)		/* the text was not UTF-8 */
		out = json_pack("{s:i, s:{s:i, s:s, s:s}}", "v", PROTO_VERSION, "error",
		    "code", code, "name", error_name(code), "message", "");
	text = json_text(out);
	json_decref(out);
	bus_answer(m, text, strlen(text), 1);
}

/* The answer of a handler is checked as strictly as a request. */
static int
answer_body(struct held *h, const void *reply, struct error *e)
{
	json_t *body = codec_encode(&proto_message(h->call.type)->reply, reply, e), *out;
	cleanup_free char *text = NULL;
	size_t len;

	if (body == NULL)
		return error_add(e, "its answer");
	out = json_pack("{s:i, s:o}", "v", PROTO_VERSION, "body", body);
	text = json_text(out);
	json_decref(out);
	if ((len = strlen(text)) > PROTO_MESSAGE_MAX)
		return error_set(e, ERR_too_large, "its answer is larger than %d bytes", PROTO_MESSAGE_MAX);
	if (bus_answer(h->message, text, len, 0) == -1)
		return error_set(e, ERR_busy, "too many answers wait for their callers");
	return 0;
}

int
call_reply(struct call *c, const void *reply)
{
	struct held *h = (struct held *)c;
	struct error e = { 0 };

	if (answer_body(h, reply, &e) == -1) {
		log_error("answer lost type=%s to=%s: %s", wire_of(c), c->from, e.text);
		answer_error(h->message, &e);
	}
	call_free(h);
	return 0;
}

void
call_fail(struct call *c, const struct error *e)
{
	struct held *h = (struct held *)c;

	log_refusal(c->from, wire_of(c), e);
	answer_error(h->message, e);
	call_free(h);
}

/* ---- the checks, in their order ------------------------------------------------------------- */

/* The parser's own words quote the text, which is nobody's business here. */
static json_t *
parse(const struct bus_message *m, struct error *e)
{
	size_t len;
	const char *text = bus_message_text(m, &len);
	json_t *tree = json_parse(text, len, ENVELOPE_DEPTH, NULL);

	if (tree == NULL)
		error_set(e, ERR_invalid, "not JSON, or nested too deep");
	return tree;
}

static int
envelope_open(json_t *tree, struct envelope *out, struct error *e)
{
	json_t *grant = json_object_get(tree, "grant");

	*out = (struct envelope){ .type = json_str(tree, "type", NULL), .token = json_str(tree, "token", NULL),
	    .grant = json_str(tree, "grant", NULL), .body = json_object_get(tree, "body") };
	if (!json_is_integer(json_object_get(tree, "v")) || json_int(tree, "v", 0) != PROTO_VERSION)
		return error_set(e, ERR_unsupported, "not a message of version %d", PROTO_VERSION);
	if (out->type == NULL || out->token == NULL || out->body == NULL || (grant != NULL && out->grant == NULL) ||
	    json_object_size(tree) != (grant != NULL ? 5 : 4))
		return error_set(e, ERR_invalid, "the envelope is malformed");
	return 0;
}

/* The unit that init gave this token for us; every row is compared in full, whatever matches. */
static const char *
token_owner(const struct boot_list *accepts, const unsigned char token[BOOT_KEY_BYTES])
{
	const char *owner = NULL;

	for (size_t i = 0; i < accepts->count; i++)
		if (sodium_memcmp(accepts->rows[i].key, token, BOOT_KEY_BYTES) == 0)
			owner = accepts->rows[i].unit;
	return owner;
}

static const char *
find_caller(struct daemon *d, const char *hex, struct error *e)
{
	unsigned char token[BOOT_KEY_BYTES];
	const char *unit;
	size_t n;

	if (sodium_hex2bin(token, sizeof(token), hex, strlen(hex), NULL, &n, NULL) != 0 || n != sizeof(token)) {
		error_set(e, ERR_denied, "the token is malformed");
		return NULL;
	}
	if ((unit = token_owner(&d->boot.accepts, token)) == NULL) {
		daemon_control(d);	/* init tells us of a caller before it starts it */
		unit = token_owner(&d->boot.accepts, token);
	}
	if (unit == NULL)
		error_set(e, ERR_denied, "the token is unknown");
	return unit;
}

static const struct handler *
find_handler(const struct daemon *d, const char *from, enum msg type, struct error *e)
{
	const struct handler *h;

	if (type == MSG_none || !proto_allowed(strchr(from, '/') + 1, d->boot.daemon, type)) {
		error_set(e, ERR_denied, "no channel for this");
		return NULL;
	}
	for (h = d->handlers; h->fn != NULL; h++)
		if (h->type == type)
			return h;
	error_set(e, ERR_unsupported, "nobody here handles this");
	return NULL;
}

static int
check_grant(struct held *h, const struct handler *row, const char *text, struct error *e)
{
	if (row->needs == CAP_none)
		return 0;
	if (text == NULL)
		return error_set(e, ERR_denied, "this needs a grant");
	if (grant_verify(&h->call.daemon->boot, text, &h->grant, e) == -1)
		return -1;
	h->call.grant = &h->grant;
	if (!grant_has(&h->grant, row->needs))
		return error_set(e, ERR_denied, "the grant does not hold %s", cap_name(row->needs));
	return 0;
}

/* Everything between the bytes and the handler's answer: 0 answered, CALL_LATER, or -1 with the error. */
static int
take(struct held *h, json_t *tree, struct error *e)
{
	struct daemon *d = h->call.daemon;
	const struct handler *row;
	struct decoded *in;
	struct envelope env;
	const char *from;
	int status;

	if (envelope_open(tree, &env, e) == -1 || (from = find_caller(d, env.token, e)) == NULL)
		return -1;
	h->call.from = h->from = xstrdup(from);
	h->call.type = proto_number(env.type);
	if ((row = find_handler(d, h->from, h->call.type, e)) == NULL || check_grant(h, row, env.grant, e) == -1)
		return -1;
	if (bus_held(d->bus) > HELD_MAX)
		return error_set(e, ERR_busy, "too many requests are open");
	if ((in = codec_decode(&proto_message(row->type)->request, env.body, e)) == NULL)
		return -1;
	status = row->fn(&h->call, decoded_struct(in), e);
	decoded_free(in);
	return status;
}

void
inbox_take(void *arg, struct bus_message *m)
{
	struct daemon *d = arg;
	struct held *h;
	struct error e = { 0 };
	json_t *tree cleanup_json = NULL;

	if (bus_message_uid(m) != (long)getuid()) {	/* or it is gone already */
		bus_ignore(m);
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->call = (struct call){ .daemon = d, .ctx = d->ctx, .from = "unknown" };
	h->message = m;
	tree = parse(m, &e);
	bus_message_read(m);
	if (tree == NULL || take(h, tree, &e) == -1)
		call_fail(&h->call, &e);
}
