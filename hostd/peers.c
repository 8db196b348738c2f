/* SPDX-License-Identifier: Apache-2.0 */
/* See peers.h. */
#include "hostd/peers.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/forward.h"
#include "hostd/host.h"

#define PING_MS		15000		/* alpd gives a peer 5 s to connect and 5 to answer */
#define BLOB_MS		90000		/* 20 MiB over a slow line come in pieces, each within this */
#define FETCH_MS	600000

/* ---- a link daemon that is yet to begin ------------------------------------------------------- */

struct peers_wait {
	struct peers_wait *next;
	struct ask	*ask;
	char		*unit;
	struct event	*timer;
};

/* The verb once more, now that there is somebody to hand it on to. */
static void
again(struct ask *a)
{
	struct error e = { 0 };

	if (a->method->fn(a, &e) == -1)
		ask_error(a, &e);
}

/* Take a wait out of the list; its verb. */
static struct ask *
wait_end(struct peers_wait **at)
{
	struct peers_wait *w = *at;
	struct ask *a = w->ask;

	*at = w->next;
	event_free(w->timer);
	free(w->unit);
	free(w);
	return a;
}

static void
too_late(evutil_socket_t fd, short what, void *arg)
{
	struct peers_wait *w = arg, **at = &w->ask->host->peers;
	struct error e = { 0 };

	error_set(&e, ERR_unavailable, "%s did not begin: is service.alp off? (alpi daemon status says more)", w->unit);
	while (*at != w)
		at = &(*at)->next;
	ask_error(wait_end(at), &e);
}

static void
wait_begin(struct ask *a)
{
	struct host *h = a->host;
	struct peers_wait *w = xcalloc(1, sizeof(*w));

	w->ask = a;
	w->unit = xasprintf("%s/alpd", ask_str(a, "profile"));
	w->timer = evtimer_new(h->daemon->base, too_late, w);
	evtimer_add(w->timer, &(struct timeval){ .tv_sec = PEERS_BEGIN_S });
	w->next = h->peers;
	h->peers = w;
}

void
peers_unit(struct host *h, const char *unit)
{
	struct peers_wait **at = &h->peers;

	while (*at != NULL)
		if (strcmp((*at)->unit, unit) == 0) {
			again(wait_end(at));
			at = &h->peers;
		} else
			at = &(*at)->next;
}

static void
on_begun(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	cleanup_free char *unit = host_unit(a->host, ask_str(a, "profile"), "alpd", NULL);

	if (result == NULL)
		ask_error(a, e);
	else if (unit != NULL)
		again(a);
	else
		wait_begin(a);
}

/* Hand on, now or when the profile has a link daemon. */
static int
to_alpd(struct ask *a, enum msg type, const void *body, int timeout_ms, request_done *done, struct error *e)
{
	cleanup_free char *unit = host_unit(a->host, ask_str(a, "profile"), "alpd", NULL);

	if (unit != NULL)
		return forward(a, "alpd", type, body, timeout_ms, done, e);
	return forward_order(a, "alp_begin", on_begun);	/* which knows of a profile that was just made, and has no unit yet */
}

/* ---- the verbs -------------------------------------------------------------------------------- */

/* For the audit chain: through which connection the order came. */
static const char *
who(const struct ask *a)
{
	return a->client == NULL ? "host" : a->client->connection;
}

static size_t
rows_of(const json_t *list, const char **rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
		rows[i] = json_string_value(row);
	return json_array_size(list);
}

PASS_ON(peers_list)
PASS_ON(peers_pending)
PASS_ON(link_ping)
PASS_ON(link_put_blob)
PASS_ON(link_get_blob)

ANSWER_OK(peers_add)
ANSWER_OK(peers_remove)
ANSWER_OK(peers_allow)
ANSWER_OK(peers_accept)
ANSWER_OK(peers_discard)

int
peers_list(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_peers_list, &(struct peers_list){ }, FORWARD_MS, on_peers_list, e);
}

int
peers_add(struct ask *a, struct error *e)
{
	const char *allow[64];
	struct peers_add m = {
		.who = who(a), .id = ask_str(a, "id"), .pubkey = ask_str(a, "pubkey"),
		.alias = ask_str0(a, "alias"), .address = ask_str0(a, "address"),
	};

	m.n_allow = rows_of(json_object_get(a->params, "allow"), allow);
	m.allow = json_object_get(a->params, "allow") == NULL ? NULL : allow;
	return to_alpd(a, MSG_peers_add, &m, FORWARD_MS, on_peers_add, e);
}

int
peers_remove(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_peers_remove, &(struct peers_remove){ .who = who(a), .id = ask_str(a, "id") },
	    FORWARD_MS, on_peers_remove, e);
}

int
peers_allow(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_peers_allow, &(struct peers_allow){
		.who = who(a), .id = ask_str(a, "id"), .method = ask_str(a, "method"),
		.on = json_bool(a->params, "on", false),
	}, FORWARD_MS, on_peers_allow, e);
}

int
peers_pending_list(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_peers_pending, &(struct peers_pending){ }, FORWARD_MS, on_peers_pending, e);
}

int
peers_pending_accept(struct ask *a, struct error *e)
{
	const char *allow[64];
	struct peers_accept m = {
		.who = who(a), .id = ask_str(a, "id"), .pubkey = ask_str(a, "pubkey"), .address = ask_str0(a, "address"),
	};

	m.n_allow = rows_of(json_object_get(a->params, "allow"), allow);
	m.allow = json_object_get(a->params, "allow") == NULL ? NULL : allow;
	return to_alpd(a, MSG_peers_accept, &m, FORWARD_MS, on_peers_accept, e);
}

int
peers_pending_discard(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_peers_discard, &(struct peers_discard){
		.who = who(a), .pubkey = ask_str(a, "pubkey"),
	}, FORWARD_MS, on_peers_discard, e);
}

int
peers_ping(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_link_ping, &(struct link_ping){ .peer = ask_str(a, "peer_id") }, PING_MS,
	    on_link_ping, e);
}

int
peers_blob_put(struct ask *a, struct error *e)
{
	return to_alpd(a, MSG_link_put_blob, &(struct link_put_blob){
		.peer = ask_str(a, "peer_id"), .hash = ask_str(a, "hash"), .size = json_int(a->params, "size", 0),
		.offset = json_int(a->params, "offset", 0), .data = ask_str(a, "data"),
		.final = json_bool(a->params, "final", false),
	}, BLOB_MS, on_link_put_blob, e);
}

int
peers_blob_get(struct ask *a, struct error *e)
{
	int64_t offset = json_int(a->params, "offset", 0);

	return to_alpd(a, MSG_link_get_blob, &(struct link_get_blob){
		.peer = ask_str(a, "peer_id"), .hash = ask_str(a, "hash"), .offset = offset,
	}, offset == 0 ? FETCH_MS : FORWARD_MS, on_link_get_blob, e);
}
