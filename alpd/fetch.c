/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fetch.h. A peer's blob is its word until the hash says otherwise: each
 * piece must begin where the last one ended.
 */
#include "alpd/fetch.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "alpd/blob.h"
#include "alpd/client.h"
#include "common/atomic.h"
#include "common/audit.h"
#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define WAITERS_MAX	32		/* for one blob */

struct fetch {
	LIST_ENTRY(fetch)	 link;
	struct fetches		*in;
	char			*peer, hash[65];
	int			 fd;
	int64_t			 size;		/* bytes that are here */
	crypto_hash_sha256_state state;
	struct client_call	*call;		/* NULL: complete */
	struct call		*waiters[WAITERS_MAX];
	size_t			 n_waiters;
	size_t			 readers;	/* who began and has not read its end */
	struct event		*idle;
	struct error		 why;		/* a piece was wrong */
};

struct fetches {
	struct alpd		*alpd;
	LIST_HEAD(, fetch)	 all;
	size_t			 n;
};

/* ---- one fetch -------------------------------------------------------------------------------------- */

static void
fetch_free(struct fetch *f, const struct error *e)
{
	LIST_REMOVE(f, link);
	f->in->n--;
	if (f->call != NULL)
		client_cancel(f->call);
	for (size_t i = 0; i < f->n_waiters && f->in->alpd->daemon->bus != NULL; i++)
		call_fail(f->waiters[i], e);
	if (f->fd >= 0)
		close(f->fd);
	event_free(f->idle);
	free(f->peer);
	free(f);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	fetch_free(arg, NULL);
}

static void
touch(struct fetch *f)
{
	event_add(f->idle, &(struct timeval){ FETCH_KEEP_S, 0 });
}

/* A piece from the file, base64, to one who asked; -1 with the error, and the question is still open. */
static int
answer(struct fetch *f, struct call *c, int64_t offset, struct error *e)
{
	size_t len = f->size - offset < BLOB_CHUNK ? (size_t)(f->size - offset) : BLOB_CHUNK;
	cleanup_free unsigned char *bytes = xmalloc(len + 1);
	cleanup_free char *text = NULL;

	if (pread(f->fd, bytes, len, offset) != (ssize_t)len)
		return error_errno(e, "blob");
	text = base64_text(bytes, len);
	return call_reply(c, &(struct link_get_blob_reply){ .data = text, .size = f->size });
}

/* Its end was read: the last reader takes the file with it. */
static void
count_reader(struct fetch *f, int64_t offset)
{
	if (f->size - offset > BLOB_CHUNK || --f->readers > 0)
		touch(f);
	else
		fetch_free(f, NULL);
}

/* ---- what the peer sends -------------------------------------------------------------------------------- */

static int
check_piece(struct fetch *f, const struct node *result, struct error *e)
{
	int64_t offset = -1;

	if (!node_equals(node_get(result, "hash"), f->hash))
		return error_set(e, ERR_invalid, "%s sent a piece of another blob", f->peer);
	if (!node_int(node_get(result, "offset"), &offset) || offset != f->size)
		return error_set(e, ERR_invalid, "%s sent a piece that does not follow", f->peer);
	return 0;
}

static int
keep_piece(struct fetch *f, const void *bytes, size_t len, struct error *e)
{
	ssize_t n;

	if (len > BLOB_CHUNK || f->size + (int64_t)len > BLOB_MAX)
		return error_set(e, ERR_too_large, "%s sent more than a blob holds", f->peer);
	if ((n = pwrite(f->fd, bytes, len, f->size)) == -1)
		return error_errno(e, "blob");
	if (n != (ssize_t)len)
		return error_set(e, ERR_full, "blob: no space left");
	crypto_hash_sha256_update(&f->state, bytes, len);
	f->size += n;
	return 0;
}

static int
take_piece(struct fetch *f, const struct node *result, struct error *e)
{
	size_t text_len = 0, len = 0;
	const char *text = node_str(node_get(result, "data"), &text_len);
	cleanup_free unsigned char *bytes = text == NULL ? NULL : base64_bytes(text, text_len, &len);

	if (check_piece(f, result, e) == -1)
		return -1;
	if (bytes == NULL)
		return error_set(e, ERR_invalid, "%s sent a piece that is not base64", f->peer);
	return keep_piece(f, bytes, len, e);
}

static bool
on_chunk(void *arg, const struct node *result)
{
	struct fetch *f = arg;

	return take_piece(f, result, &f->why) == 0;
}

/* The whole is here: is it what was asked for? */
static int
check_whole(struct fetch *f, const struct node *result, struct error *e)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];
	int64_t size = -1;

	crypto_hash_sha256_final(&f->state, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	if (!node_int(node_get(result, "size"), &size) || size != f->size ||
	    !node_equals(node_get(result, "hash"), f->hash) || strcmp(hex, f->hash) != 0)
		return error_set(e, ERR_invalid, "what %s sent is not the blob of this hash", f->peer);
	return 0;
}

static void
answer_waiters(struct fetch *f)
{
	struct call *waiters[WAITERS_MAX];
	size_t n = f->n_waiters, answered = 0;

	memcpy(waiters, f->waiters, sizeof(waiters));
	f->n_waiters = 0;
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };

		if (answer(f, waiters[i], 0, &e) == -1)
			call_fail(waiters[i], &e);
		answered += f->size <= BLOB_CHUNK;
	}
	f->readers = n - answered;
	if (f->readers > 0)
		touch(f);
	else
		fetch_free(f, NULL);
}

static void
on_end(void *arg, const struct client_end *end)
{
	struct fetch *f = arg;
	struct error e = f->why;

	f->call = NULL;
	if (e.code == ERR_none && end->how != CLIENT_OK)
		client_error(end, &e);
	else if (e.code == ERR_none)
		check_whole(f, end->result, &e);
	if (e.code == ERR_none)
		answer_waiters(f);
	else
		fetch_free(f, &e);
}

/* ---- the bus ------------------------------------------------------------------------------------------------ */

/* A file that ends with its descriptor, among the blobs: the same disk, and the same right. */
static int
nameless(const char *home, struct error *e)
{
	cleanup_free char *dir = path_join(home, "alp/blobs"), *path = path_join(dir, ".fetch");
	int fd;

	if (make_dirs(dir, 0700, e) == -1 || disk_has(dir, BLOB_MAX, e) == -1)
		return -1;
	unlink(path);			/* of one that died between the next two lines */
	if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) == -1)
		return error_errno(e, "%s", path);
	unlink(path);
	return fd;
}

/* On disk before the peer hears of it. */
static int
note(struct fetches *s, const struct peer *p, const char *hash, const char *who, struct error *e)
{
	cleanup_json json_t *detail = json_pack("{s:s, s:s}", "peer", p->id, "hash", hash);

	return audit_add(s->alpd->audit, "peer.get_blob", who, "allow", detail, e);
}

static struct fetch *
fetch_new(struct fetches *s, const struct peer *p, const char *hash, const char *who, struct error *e)
{
	cleanup_free char *params = xasprintf("{\"hash\":\"%s\"}", hash);
	struct fetch *f;
	int fd;

	if (note(s, p, hash, who, e) == -1 || (fd = nameless(s->alpd->home, e)) == -1)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->in = s;
	f->fd = fd;
	f->peer = xstrdup(p->id);
	strcpy(f->hash, hash);
	f->idle = evtimer_new(s->alpd->base, on_idle, f);
	crypto_hash_sha256_init(&f->state);
	LIST_INSERT_HEAD(&s->all, f, link);
	s->n++;
	f->call = client_ask(s->alpd->client, p, &(struct client_order){ .lane = LANE_STREAM, .method = "link.get_blob",
	    .params = params, .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .repeatable = true,
	    .chunk = on_chunk, .end = on_end, .arg = f });
	return f;
}

static struct fetch *
find(struct fetches *s, const char *peer, const char *hash)
{
	struct fetch *f;

	LIST_FOREACH(f, &s->all, link)
		if (strcmp(f->peer, peer) == 0 && strcmp(f->hash, hash) == 0)
			return f;
	return NULL;
}

static int
begin(struct call *c, const struct link_get_blob *m, const char *hash, struct fetch *f, struct error *e)
{
	struct alpd *a = c->ctx;
	const struct peer *p = peers_by_id(a->peers, m->peer);

	if (p == NULL)
		return error_set(e, ERR_not_found, "no peer %s", m->peer);
	if (f == NULL && a->fetches->n == FETCHES_MAX)
		return error_set(e, ERR_busy, "%d blobs are on their way", FETCHES_MAX);
	if (f == NULL && (f = fetch_new(a->fetches, p, hash, c->from, e)) == NULL)
		return -1;
	if (f->n_waiters == WAITERS_MAX)
		return error_set(e, ERR_busy, "too many wait for this blob");
	f->waiters[f->n_waiters++] = c;
	return CALL_LATER;
}

int
fetch_get(struct call *c, const void *in, struct error *e)
{
	const struct link_get_blob *m = in;
	struct alpd *a = c->ctx;
	struct fetch *f;
	char hash[65];

	if (blob_hash(m->hash, hash) == -1)
		return error_set(e, ERR_invalid, "the hash is not 64 hex digits");
	f = find(a->fetches, m->peer, hash);
	if (m->offset == 0 && (f == NULL || f->call != NULL))
		return begin(c, m, hash, f, e);
	if (f == NULL || f->call != NULL)
		return error_set(e, ERR_not_found, "this blob is not here: begin at offset 0");
	if (m->offset < 0 || m->offset > f->size)
		return error_set(e, ERR_invalid, "the blob has %lld bytes", (long long)f->size);
	if (answer(f, c, m->offset, e) == -1)
		return -1;
	f->readers += m->offset == 0;
	count_reader(f, m->offset);
	return 0;
}

struct fetches *
fetches_new(struct alpd *a)
{
	struct fetches *s = xcalloc(1, sizeof(*s));

	s->alpd = a;
	LIST_INIT(&s->all);
	return s;
}

void
fetches_free(struct fetches *s)
{
	struct error e = { .code = ERR_unavailable, .text = "the link daemon is stopping" };

	if (s == NULL)
		return;
	while (!LIST_EMPTY(&s->all))
		fetch_free(LIST_FIRST(&s->all), &e);
	free(s);
}
