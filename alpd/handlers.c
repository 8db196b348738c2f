/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other daemons may ask of the link (proto/link.def, proto/peers.def).
 * Whoever changes who is pinned is in the audit chain before the change is
 * made, and clients hear of it after.
 */
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "alpd/alpd.h"
#include "alpd/asks.h"
#include "alpd/blob.h"
#include "alpd/client.h"
#include "alpd/fetch.h"
#include "alpd/identity.h"
#include "alpd/local.h"
#include "alpd/peers.h"
#include "alpd/receive.h"
#include "common/buf.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define PEERS_MAX	1024		/* rows of an answer */
#define ALLOW_MAX	64
#define TOOLS_MAX	256
#define EVENT_MS	5000
#define NONCE_BYTES	16
#define WORKGROUP	"workgroup."

/* ---- who is pinned: read ------------------------------------------------------------------------ */

static size_t
count(char *const *rows, size_t max)
{
	size_t n = 0;

	while (rows != NULL && n < max && rows[n] != NULL)
		n++;
	return n;
}

static struct peer_row
row_of(const struct peer *p)
{
	return (struct peer_row){
		.id = p->id, .pubkey = p->pubkey, .alias = p->alias, .address = p->address,
		.allow = (const char **)p->allow, .n_allow = count(p->allow, ALLOW_MAX), .per_minute = p->per_minute,
		.tools = (const char **)p->tools, .n_tools = count(p->tools, TOOLS_MAX), .tools_broken = p->tools_broken,
	};
}

static int
link_roster(struct call *c, const void *in, struct error *e)
{
	const char *ids[PEERS_MAX];
	struct alpd *a = c->ctx;
	struct link_roster_reply r = { .ids = ids };
	const struct peer *p;

	while (r.n_ids < PEERS_MAX && (p = peers_at(a->peers, r.n_ids)) != NULL)
		ids[r.n_ids++] = p->id;
	return call_reply(c, &r);
}

static int
peers_list(struct call *c, const void *in, struct error *e)
{
	struct alpd *a = c->ctx;
	cleanup_free struct peer_row *rows = xcalloc(PEERS_MAX, sizeof(*rows));
	cleanup_free char *socket = path_join(a->home, "alp/alp.sock"), *at = NULL;
	struct peers_list_reply r = { .key = identity_name(a->self), .socket = socket, .peers = rows,
	    .listen_off = a->settings.no_tcp };
	const struct peer *p;

	if (a->settings.bind != NULL && a->settings.no_tcp == NULL)
		r.listen = at = xasprintf(strchr(a->settings.bind, ':') != NULL ? "[%s]:%d" : "%s:%d",
		    a->settings.bind, a->settings.port);
	while (r.n_peers < PEERS_MAX && (p = peers_at(a->peers, r.n_peers)) != NULL)
		rows[r.n_peers++] = row_of(p);
	r.broken = peers_broken(a->peers);
	return call_reply(c, &r);
}

static int
peers_pending(struct call *c, const void *in, struct error *e)
{
	struct alpd *a = c->ctx;
	struct peers_pending_reply r = { 0 };
	struct pending *found = pending_list(a->peers, &r.n_pending);
	cleanup_free struct pending_row *rows = xcalloc(r.n_pending + 1, sizeof(*rows));
	int status;

	for (size_t i = 0; i < r.n_pending; i++)
		rows[i] = (struct pending_row){ .pubkey = found[i].pubkey, .first_seen = found[i].first_seen,
		    .last_seen = found[i].last_seen, .address = found[i].address,
		    .local_profile = local_profile(a->root, c->daemon->boot.run, found[i].pubkey) };
	r.pending = rows;
	status = call_reply(c, &r);
	for (size_t i = 0; i < r.n_pending; i++)
		free((char *)rows[i].local_profile);
	pending_free(found, r.n_pending);
	return status;
}

/* ---- who is pinned: changes --------------------------------------------------------------------- */

static void
on_told(void *arg, const void *reply, const struct error *e)
{
	if (reply == NULL)
		log_warn("clients were not told of a change of peers: %s", e->text);
}

/* host-plane.md, 6. */
static void
tell(struct alpd *a, const char *action, const char *peer)
{
	cleanup_json json_t *data = json_pack("{s:s, s:s, s:s}", "profile", a->daemon->boot.profile, "action", action,
	    "peer_id", peer);
	struct error e = { 0 };

	if (request_send(a->daemon, "default/hostd", MSG_event_push, &(struct event_push){ .kind = "peers_changed",
	    .data = data }, NULL, EVENT_MS, on_told, NULL, &e) == NULL)
		on_told(NULL, NULL, &e);
}

/* On disk before it happens; a change that then fails is told of as well. */
static int
note(struct alpd *a, const char *what, const char *who, const char *decision, const char *id, const char *pubkey,
    const char *detail, struct error *e)
{
	cleanup_json json_t *more = json_pack("{s:s*, s:s*, s:s*}", "peer", id, "pubkey", pubkey, "detail", detail);

	return audit_add(a->audit, what, who, decision, more, e);
}

/* As note, for one that failed with e. Always -1. */
static int
failed(struct alpd *a, const char *what, const char *who, const char *id, const char *pubkey, const struct error *e)
{
	struct error lost = { 0 };

	if (note(a, what, who, "failed", id, pubkey, e->text, &lost) == -1)
		log_error("audit row lost what=%s: %s", what, lost.text);
	return -1;
}

/* An id is a word that can be mentioned (alp-wire.md, 12.1), in lower case. */
static int
check_id(const char *id, char out[65], struct error *e)
{
	size_t n = strlen(id);

	for (size_t i = 0; i <= n && n <= 64; i++)
		out[i] = (char)tolower((unsigned char)id[i]);
	if (n == 0 || n > 64 || strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n || out[0] == '-' ||
	    out[n - 1] == '-')
		return error_set(e, ERR_invalid, "a peer's id is 1 to 64 letters, digits, '_' and '-', neither first nor last '-'");
	return 0;
}

static int
check_key(const struct alpd *a, const char *pubkey, struct error *e)
{
	uint8_t key[KEY_BYTES], x25519[KEY_BYTES];

	if (identity_parse(pubkey, key) == -1)
		return error_set(e, ERR_invalid, "a public key is 32 bytes in base64, 44 characters");
	if (identity_to_x25519(key, x25519) == -1)
		return error_set(e, ERR_invalid, "this is not a key that somebody can hold");
	if (memcmp(x25519, identity_x25519(a->self), KEY_BYTES) == 0)	/* also where only the top bit differs */
		return error_set(e, ERR_invalid, "this is the profile's own key");
	return 0;
}

static int
check_address(const char *address, struct error *e)
{
	cleanup_free char *host = NULL;
	int port;

	return address == NULL ? 0 : address_split(address, &host, &port, e);
}

static int
check_method(const char *method, struct error *e)
{
	const struct link_method *m = link_methods;

	if (strncmp(method, WORKGROUP, strlen(WORKGROUP)) == 0)
		return error_set(e, ERR_invalid, "%.64s needs no permission: every peer that is pinned has it", method);
	while (m->name != NULL && strcmp(m->name, method) != 0)
		m++;
	return m->name != NULL ? 0 : error_set(e, ERR_invalid, "there is no method %.64s", method);
}

/* The methods of a new row, each once; NULL asks for the default. */
static int
allow_of(const char *const *asked, size_t n, char *out[], struct error *e)
{
	static const char *const usual[] = { "link.ping", "link.ask" };
	const char *const *from = asked != NULL ? asked : usual;
	size_t kept = 0, j;

	for (size_t i = 0; i < (asked != NULL ? n : COUNT(usual)); i++) {
		if (check_method(from[i], e) == -1)
			return -1;
		for (j = 0; j < kept && strcmp(out[j], from[i]) != 0; j++)
			continue;
		if (j == kept)
			out[kept++] = (char *)from[i];
	}
	out[kept] = NULL;
	return 0;
}

static char *
join(char *const *rows)
{
	struct buf b = BUF(0);

	for (size_t i = 0; rows[i] != NULL; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : " ", rows[i]);
	buf_puts(&b, "");
	return buf_take(&b);
}

/* What adding and accepting have in common. */
static int
pin(struct alpd *a, const char *what, const struct peers_add *m, char id[65], struct error *e)
{
	char *allow[ALLOW_MAX + 1];
	cleanup_free char *list = NULL;
	struct peer row = { .id = id, .pubkey = (char *)m->pubkey, .alias = (char *)m->alias,
	    .address = (char *)m->address, .allow = allow, .per_minute = PEERS_PER_MINUTE };

	if (check_id(m->id, id, e) == -1 || check_key(a, m->pubkey, e) == -1 ||
	    check_address(m->address, e) == -1 || allow_of(m->allow, m->n_allow, allow, e) == -1)
		return -1;
	list = join(allow);
	if (note(a, what, m->who, "allow", id, m->pubkey, list, e) == -1)
		return -1;
	return peers_add(a->peers, &row, e) == -1 ? failed(a, what, m->who, id, m->pubkey, e) : 0;
}

static int
add(struct call *c, const void *in, struct error *e)
{
	char id[65];

	if (pin(c->ctx, "peers.add", in, id, e) == -1)
		return -1;
	tell(c->ctx, "added", id);
	return call_reply(c, &(struct peers_add_reply){ });
}

static bool
is_pending(struct alpd *a, const char *pubkey)
{
	size_t n = 0, i;
	struct pending *rows = pending_list(a->peers, &n);

	for (i = 0; i < n && strcmp(rows[i].pubkey, pubkey) != 0; i++)
		continue;
	pending_free(rows, n);
	return i < n;
}

static int
accept_pending(struct call *c, const void *in, struct error *e)
{
	const struct peers_accept *m = in;
	struct peers_add row = { .who = m->who, .id = m->id, .pubkey = m->pubkey, .address = m->address,
	    .allow = m->allow, .n_allow = m->n_allow };
	struct error kept = { 0 };
	char id[65];

	if (!is_pending(c->ctx, m->pubkey))
		return error_set(e, ERR_not_found, "nobody with this key has asked");
	if (pin(c->ctx, "peers.accept", &row, id, e) == -1)
		return -1;
	if (pending_drop(((struct alpd *)c->ctx)->peers, m->pubkey, &kept) == -1)
		log_warn("peer %s is pinned and still in the pending list: %s", id, kept.text);
	tell(c->ctx, "accepted", id);
	return call_reply(c, &(struct peers_accept_reply){ });
}

static int
discard(struct call *c, const void *in, struct error *e)
{
	const struct peers_discard *m = in;
	struct alpd *a = c->ctx;
	bool existed = is_pending(a, m->pubkey);

	if (existed && note(a, "peers.discard", m->who, "allow", NULL, m->pubkey, NULL, e) == -1)
		return -1;
	if (existed && pending_drop(a->peers, m->pubkey, e) == -1)
		return failed(a, "peers.discard", m->who, NULL, m->pubkey, e);
	if (existed)
		tell(a, "discarded", m->pubkey);
	return call_reply(c, &(struct peers_discard_reply){ .existed = existed });
}

static int
remove_peer(struct call *c, const void *in, struct error *e)
{
	const struct peers_remove *m = in;
	struct alpd *a = c->ctx;
	const struct peer *p = peers_by_id(a->peers, m->id);
	cleanup_free char *pubkey = p == NULL ? NULL : xstrdup(p->pubkey);

	if (p == NULL && peers_broken(a->peers) != NULL)
		return error_set(e, ERR_invalid, "peers.yaml does not load: %s", peers_broken(a->peers));
	if (p == NULL)
		return call_reply(c, &(struct peers_remove_reply){ .existed = false });
	if (note(a, "peers.remove", m->who, "allow", m->id, pubkey, NULL, e) == -1)
		return -1;
	if (peers_remove(a->peers, m->id, e) == -1)
		return failed(a, "peers.remove", m->who, m->id, pubkey, e);
	tell(a, "removed", m->id);
	return call_reply(c, &(struct peers_remove_reply){ .existed = true });
}

static int
allow(struct call *c, const void *in, struct error *e)
{
	const struct peers_allow *m = in;
	struct alpd *a = c->ctx;
	const struct peer *p = peers_by_id(a->peers, m->id);
	const char *what = m->on ? "peers.allow" : "peers.disallow";
	cleanup_free char *pubkey = p == NULL ? NULL : xstrdup(p->pubkey);

	if (p == NULL)
		return error_set(e, ERR_not_found, "no peer %s", m->id);
	if (m->on && check_method(m->method, e) == -1)
		return -1;
	if (note(a, what, m->who, "allow", m->id, pubkey, m->method, e) == -1)
		return -1;
	if (peers_allow(a->peers, m->id, m->method, m->on, e) == -1)
		return failed(a, what, m->who, m->id, pubkey, e);
	tell(a, "changed", m->id);
	p = peers_by_id(a->peers, m->id);
	return call_reply(c, &(struct peers_allow_reply){ .allow = p == NULL ? NULL : (const char **)p->allow,
	    .n_allow = p == NULL ? 0 : count(p->allow, ALLOW_MAX) });
}

/* ---- requests to peers ----------------------------------------------------------------------------- */

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

/* Text of a peer as a field of at most max bytes; NULL: none. The caller frees. */
static char *
text_of(const struct node *n, size_t max)
{
	size_t len = 0;
	const char *text = node_str(n, &len);
	char *clean;

	if (text == NULL)
		return NULL;
	clean = utf8_clean(text, len);
	clean[utf8_cut(clean, strlen(clean), max)] = '\0';
	return clean;
}

static void
on_ping(void *arg, const struct client_end *end)
{
	struct asking *k = arg;
	const struct node *result = end->how == CLIENT_OK ? end->result : NULL;
	bool away = end->how == CLIENT_OFFLINE || end->how == CLIENT_TIMEOUT;
	bool on = node_equals(node_get(result, "nonce"), k->nonce);
	cleanup_free char *name = text_of(node_get(result, "agent_name"), 256);
	struct link_ping_reply r = { .status = on ? "on" : away ? "off" : "unverified", .via = end->via,
	    .took_us = end->took_us };
	int64_t version;

	if (on) {
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

static int
link_ping(struct call *c, const void *in, struct error *e)
{
	const struct link_ping *m = in;
	struct asking k = { .call = c };
	cleanup_free char *params = NULL;

	random_hex(k.nonce, NONCE_BYTES);
	params = xasprintf("{\"nonce\":\"%s\"}", k.nonce);
	return ask(c, m->peer, &(struct client_order){ .lane = LANE_REST, .method = "link.ping", .params = params,
	    .connect_ms = CLIENT_SHORT_MS, .reply_ms = CLIENT_SHORT_MS, .repeatable = true, .end = on_ping }, &k, e);
}

static void
on_put(void *arg, const struct client_end *end)
{
	struct asking *k = arg;
	struct link_put_blob_reply r = { 0 };
	struct error e = { 0 };
	const struct node *complete;

	if (end->how != CLIENT_OK) {
		client_error(end, &e);
		call_fail(k->call, &e);
	} else {
		complete = node_get(end->result, "complete");
		r.complete = node_is(complete, NODE_TRUE);
		if ((r.complete || node_is(complete, NODE_FALSE)) &&
		    node_int(node_get(end->result, "next_offset"), &r.next_offset) &&
		    r.next_offset >= 0 && r.next_offset <= k->size) {
			call_reply(k->call, &r);
		} else {
			error_set(&e, ERR_invalid, "the peer's answer does not say how far it is");
			call_fail(k->call, &e);
		}
	}
	free(k);
}

/* Everything of it in the form that goes on the wire; its data is base64, or the peer would refuse it. */
static char *
put_params(const struct link_put_blob *m, const char *hash, struct error *e)
{
	size_t len = strlen(m->data), n = 0;
	cleanup_free unsigned char *bytes = xmalloc(len + 1);

	if (sodium_base642bin(bytes, len + 1, m->data, len, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == -1 ||
	    n > BLOB_CHUNK) {
		error_set(e, ERR_invalid, "data is not base64 of at most %d bytes", BLOB_CHUNK);
		return NULL;
	}
	return xasprintf("{\"data\":\"%s\",\"final\":%s,\"hash\":\"%s\",\"offset\":%lld,\"size\":%lld}", m->data,
	    m->final ? "true" : "false", hash, (long long)m->offset, (long long)m->size);
}

static int
link_put_blob(struct call *c, const void *in, struct error *e)
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
	    note(c->ctx, "peer.put_blob", c->from, "allow", m->peer, NULL, hash, e) == -1)
		return -1;
	return ask(c, m->peer, &(struct client_order){ .lane = LANE_BLOB, .method = "link.put_blob", .params = params,
	    .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .repeatable = true, .end = on_put }, &k, e);
}

const struct handler link_handlers[] = {
	/* message		handler		the grant needs */
	{ MSG_link_roster,	link_roster,	CAP_none },
	{ MSG_link_ask,		asks_ask,	CAP_peer },
	{ MSG_link_next,	asks_next,	CAP_none },
	{ MSG_link_cancel,	asks_cancel,	CAP_none },
	{ MSG_link_ping,	link_ping,	CAP_none },
	{ MSG_link_put_blob,	link_put_blob,	CAP_none },
	{ MSG_link_get_blob,	fetch_get,	CAP_none },
	{ MSG_peers_list,	peers_list,	CAP_none },
	{ MSG_peers_add,	add,		CAP_none },
	{ MSG_peers_remove,	remove_peer,	CAP_none },
	{ MSG_peers_allow,	allow,		CAP_none },
	{ MSG_peers_pending,	peers_pending,	CAP_none },
	{ MSG_peers_accept,	accept_pending,	CAP_none },
	{ MSG_peers_discard,	discard,	CAP_none },
	{ 0 }
};
