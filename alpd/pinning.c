/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pinning.h. Whoever changes who is pinned is in the audit chain before
 * the change is made, and clients hear of it after. What a person is told
 * here in words is checked before peers.yaml is touched; that the file itself
 * lets the row in is peers.c's.
 */
#include "alpd/pinning.h"

#include <ctype.h>
#include <string.h>

#include "alpd/identity.h"
#include "alpd/local.h"
#include "alpd/peers.h"
#include "alpd/receive.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define EVENT_MS	5000

/* ---- who is pinned ------------------------------------------------------------------------------- */

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
		.allow = (const char **)p->allow, .n_allow = count(p->allow, PEERS_METHODS), .per_minute = p->per_minute,
		.tools = (const char **)p->tools, .n_tools = count(p->tools, PEERS_TOOLS), .tools_broken = p->tools_broken,
	};
}

int
pinning_roster(struct call *c, const void *in, struct error *e)
{
	const char *ids[PEERS_MAX];
	struct alpd *a = c->ctx;
	struct link_roster_reply r = { .ids = ids };
	const struct peer *p;

	while (r.n_ids < PEERS_MAX && (p = peers_at(a->peers, r.n_ids)) != NULL)
		ids[r.n_ids++] = p->id;
	return call_reply(c, &r);
}

int
pinning_list(struct call *c, const void *in, struct error *e)
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

int
pinning_pending(struct call *c, const void *in, struct error *e)
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

/* ---- who hears of a change ---------------------------------------------------------------------- */

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

/* ---- may it be pinned --------------------------------------------------------------------------- */

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

	if (peers_all_may(method))
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

/* ---- changes ------------------------------------------------------------------------------------ */

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
	char *allow[PEERS_METHODS + 1];
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

int
pinning_add(struct call *c, const void *in, struct error *e)
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

int
pinning_accept(struct call *c, const void *in, struct error *e)
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

int
pinning_discard(struct call *c, const void *in, struct error *e)
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

int
pinning_remove(struct call *c, const void *in, struct error *e)
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

int
pinning_allow(struct call *c, const void *in, struct error *e)
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
	    .n_allow = p == NULL ? 0 : count(p->allow, PEERS_METHODS) });
}
