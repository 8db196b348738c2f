/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See relay.h. What a peer says in its answer is its word only: each member
 * is looked at before it goes on, and nothing but what the message knows does.
 */
#include "alpd/relay.h"

#include <string.h>

#include "alpd/blob.h"
#include "alpd/client.h"
#include "common/audit.h"
#include "common/base64.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define NONCE_BYTES	16
#define AGENT_NAME_MAX	256		/* of the name that an agent gives itself */

/* A request of the bus while its peer is asked; the client's own list ends it with the process. */
struct asking {
	struct call	*call;
	char		 nonce[2 * NONCE_BYTES + 1];
	int64_t		 size;
};

static int
ask(struct call *c, const char *id, const struct client_order *o, const struct asking *with, struct error *e)
{
	struct alpd *a = c->ctx;
	const struct peer *p = peers_by_id(a->peers, id);
	struct client_order order = *o;
	struct asking *k;

	if (p == NULL)
		return error_set(e, ERR_not_found, "no peer %s", id);
	k = xmalloc(sizeof(*k));
	*k = *with;
	order.arg = k;
	client_ask(a->client, p, &order);
	return CALL_LATER;
}

/* ---- link.ping ------------------------------------------------------------------------------------ */

static void
on_ping(void *arg, const struct client_end *end)
{
	struct asking *k = arg;
	const struct node *result = end->how == CLIENT_OK ? end->result : NULL;
	bool away = end->how == CLIENT_OFFLINE || end->how == CLIENT_TIMEOUT;
	bool on = node_equals(node_get(result, "nonce"), k->nonce);
	cleanup_free char *name = node_text(node_get(result, "agent_name"));
	struct link_ping_reply r = { .status = on ? "on" : away ? "off" : "unverified", .via = end->via,
	    .took_us = end->took_us };
	int64_t version;

	if (on) {
		if (name != NULL)
			name[utf8_cut(name, strlen(name), AGENT_NAME_MAX)] = '\0';
		r.agent_name = name;
		r.nonce = k->nonce;
		if (node_int(node_get(result, "version"), &version) && version >= 0 && version <= 1000000)
			r.version = version;
	} else {
		r.reason = end->how == CLIENT_OK ? "its answer does not repeat what was asked" : end->why;
	}
	call_reply(k->call, &r);
	free(k);
}

int
relay_ping(struct call *c, const void *in, struct error *e)
{
	const struct link_ping *m = in;
	struct asking k = { .call = c };
	cleanup_free char *params = NULL;

	random_hex(k.nonce, NONCE_BYTES);
	params = xasprintf("{\"nonce\":\"%s\"}", k.nonce);
	return ask(c, m->peer, &(struct client_order){ .lane = LANE_REST, .method = "link.ping", .params = params,
	    .connect_ms = CLIENT_SHORT_MS, .reply_ms = CLIENT_SHORT_MS, .repeatable = true, .end = on_ping }, &k, e);
}

/* ---- link.put_blob -------------------------------------------------------------------------------- */

/* How far the peer says it is, if it says so. 0 or -1. */
static int
read_state(const struct client_end *end, int64_t size, struct link_put_blob_reply *r, struct error *e)
{
	const struct node *complete = end->how == CLIENT_OK ? node_get(end->result, "complete") : NULL;

	if (end->how != CLIENT_OK)
		return client_error(end, e);
	r->complete = node_is(complete, NODE_TRUE);
	if ((r->complete || node_is(complete, NODE_FALSE)) && node_int(node_get(end->result, "next_offset"), &r->next_offset) &&
	    r->next_offset >= 0 && r->next_offset <= size)
		return 0;
	return error_set(e, ERR_invalid, "the peer's answer does not say how far it is");
}

static void
on_put(void *arg, const struct client_end *end)
{
	struct asking *k = arg;
	struct link_put_blob_reply r = { 0 };
	struct error e = { 0 };

	if (read_state(end, k->size, &r, &e) == -1)
		call_fail(k->call, &e);
	else
		call_reply(k->call, &r);
	free(k);
}

/* Everything of it in the form that goes on the wire; its data is base64, or the peer would refuse it. */
static char *
put_params(const struct link_put_blob *m, const char *hash, struct error *e)
{
	size_t n = 0;
	cleanup_free unsigned char *bytes = base64_bytes(m->data, strlen(m->data), &n);

	if (bytes == NULL || n > BLOB_CHUNK) {
		error_set(e, ERR_invalid, "data is not base64 of at most %d bytes", BLOB_CHUNK);
		return NULL;
	}
	return xasprintf("{\"data\":\"%s\",\"final\":%s,\"hash\":\"%s\",\"offset\":%lld,\"size\":%lld}", m->data,
	    m->final ? "true" : "false", hash, (long long)m->offset, (long long)m->size);
}

/* On disk before the peer gets the first byte. */
static int
note_blob(struct alpd *a, const char *who, const char *peer, const char *hash, struct error *e)
{
	cleanup_json json_t *detail = json_pack("{s:s, s:s}", "peer", peer, "detail", hash);

	return audit_add(a->audit, "peer.put_blob", who, "allow", detail, e);
}

int
relay_put_blob(struct call *c, const void *in, struct error *e)
{
	const struct link_put_blob *m = in;
	struct asking k = { .call = c, .size = m->size };
	cleanup_free char *params = NULL;
	char hash[65];

	if (blob_hash(m->hash, hash) == -1)
		return error_set(e, ERR_invalid, "the hash is not 64 hex digits");
	if (m->size < 0 || m->offset < 0)
		return error_set(e, ERR_invalid, "size and offset are not negative");
	if ((params = put_params(m, hash, e)) == NULL)
		return -1;
	if (m->offset == 0 && peers_by_id(((struct alpd *)c->ctx)->peers, m->peer) != NULL &&
	    note_blob(c->ctx, c->from, m->peer, hash, e) == -1)
		return -1;
	return ask(c, m->peer, &(struct client_order){ .lane = LANE_BLOB, .method = "link.put_blob", .params = params,
	    .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .repeatable = true, .end = on_put }, &k, e);
}
