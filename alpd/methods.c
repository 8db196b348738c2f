/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer can ask (alp-wire.md, 9), but for turns, which are inbound.c's.
 * Whoever gets here is pinned and may call the method; the parameters are
 * still a stranger's.
 */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "alpd/blob.h"
#include "alpd/inbound.h"
#include "alpd/receive.h"
#include "common/base64.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define SWEEP_S		3600
#define BASE64_MAX	sodium_base64_ENCODED_LEN(BLOB_CHUNK, sodium_base64_VARIANT_ORIGINAL)

/* ---- link.ping -------------------------------------------------------------------------------- */

static void
ping(struct link_call *c)
{
	const struct node *nonce = node_get(c->env.params, "nonce");
	const char *name = c->alpd->settings.agent_name;
	struct buf b cleanup_buf = BUF(0);

	if (nonce != NULL && !node_is(nonce, NODE_STRING)) {
		link_invalid(c, "invalid-params", "nonce is not a string");
		return;
	}
	buf_puts(&b, "{\"agent_name\":");
	canonical_string(&b, name, strlen(name));
	buf_puts(&b, ",\"nonce\":");
	if (nonce == NULL)
		buf_puts(&b, "\"\"");
	else
		canonical_node(&b, nonce, NULL);
	buf_puts(&b, ",\"version\":1}");
	link_result(c, buf_str(&b));
}

/* ---- link.put_blob ----------------------------------------------------------------------------- */

struct piece {
	char	hash[65];
	int64_t	size, offset;
	bool	final;
	char	*data;
	size_t	len;
};

static int
parse_hash(const struct node *params, char out[65])
{
	cleanup_free char *hash = node_dup(node_get(params, "hash"));

	return hash == NULL ? -1 : blob_hash(hash, out);
}

/* An integer between 0 and most; `absent` where there is none, -1: it must be there. */
static int
parse_int(const struct node *n, int64_t most, int64_t absent, int64_t *out)
{
	*out = absent;
	if (n == NULL)
		return absent == -1 ? -1 : 0;
	return node_int(n, out) && *out >= 0 && *out <= most ? 0 : -1;
}

static int
parse_bytes(const struct node *n, struct piece *p)
{
	const char *text;
	size_t len = 0;

	if ((text = node_str(n, &len)) == NULL || len > BASE64_MAX)
		return -1;
	return (p->data = base64_bytes(text, len, &p->len)) == NULL ? -1 : 0;
}

static const char *
parse_piece(const struct node *params, struct piece *p)
{
	const struct node *final = node_get(params, "final");

	if (parse_hash(params, p->hash) == -1)
		return "hash is not 64 hex digits";
	if (parse_int(node_get(params, "size"), BLOB_MAX, -1, &p->size) == -1)
		return "size is not a number of bytes up to 20971520";
	if (parse_int(node_get(params, "offset"), INT64_MAX, 0, &p->offset) == -1)
		return "offset is not a number of bytes";
	if (final != NULL && !node_is(final, NODE_TRUE) && !node_is(final, NODE_FALSE))
		return "final is neither true nor false";
	p->final = node_is(final, NODE_TRUE);
	if (parse_bytes(node_get(params, "data"), p) == -1)
		return "data is not base64 of at most 524288 bytes";
	return p->len > BLOB_CHUNK ? "the chunk is larger than 524288 bytes" : NULL;
}

/* Uploads that nobody goes on with are looked for when a new one begins. */
static void
sweep(struct alpd *a)
{
	static int64_t last;
	int64_t now = clock_wall_ms() / 1000;

	if (now - last < SWEEP_S && now >= last)
		return;
	last = now;
	blobs_sweep(a->blobs, now);
}

static void
take_piece(struct link_call *c, const struct piece *p)
{
	struct blob_state state = { 0 };
	struct buf b cleanup_buf = BUF(0);
	struct error e = { 0 };

	if (p->offset == 0)
		sweep(c->alpd);
	if (blob_put(c->alpd->blobs, c->env.from, p->hash, p->size, p->offset, p->data, p->len, p->final, &state, &e) == -1) {
		if (e.code == ERR_invalid) {
			link_invalid(c, "invalid-blob", e.text);
			return;
		}
		log_warn("blob of peer=%s not stored: %s", c->peer_id, e.text);
		link_invalid(c, "invalid-blob", e.code == ERR_full ? "no room" : "it cannot be stored now");
		return;
	}
	buf_addf(&b, "{\"complete\":%s,\"hash\":\"%s\",\"next_offset\":%lld,\"size\":%lld}", state.complete ? "true" : "false",
	    p->hash, (long long)state.next_offset, (long long)p->size);
	link_result(c, buf_str(&b));
}

static void
put_blob(struct link_call *c)
{
	struct piece p = { 0 };
	const char *wrong = parse_piece(c->env.params, &p);

	if (wrong != NULL)
		link_invalid(c, "invalid-blob", wrong);
	else
		take_piece(c, &p);
	free(p.data);
}

/* ---- link.get_blob ----------------------------------------------------------------------------- */

struct sending {
	char	hash[65];
	int	fd;
	int64_t	size, offset;
};

static void
sending_free(struct link_call *c)
{
	struct sending *s = steal(c->state);

	close(s->fd);
	free(s);
}

static int
send_piece(struct link_call *c, struct sending *s, const void *data, size_t len, struct error *e)
{
	struct buf b cleanup_buf = BUF(0);
	cleanup_free char *text = base64_text(data, len);

	buf_puts(&b, "{\"data\":\"");
	buf_puts(&b, text);
	buf_addf(&b, "\",\"hash\":\"%s\",\"offset\":%lld}", s->hash, (long long)s->offset);
	return link_chunk(c, buf_str(&b), e);
}

/* As much as the caller takes; the rest when it has taken that. */
static void
send_on(struct link_call *c)
{
	struct sending *s = c->state;
	struct buf last cleanup_buf = BUF(0);
	cleanup_free char *chunk = xmalloc(BLOB_CHUNK);
	struct error e = { 0 };
	ssize_t n;

	while (s->offset < s->size) {
		n = pread(s->fd, chunk, BLOB_CHUNK, (off_t)s->offset);
		if (n > 0 && send_piece(c, s, chunk, (size_t)n, &e) == -1 && e.code == ERR_busy)
			return;
		if (n <= 0 || e.code != ERR_none) {
			sending_free(c);
			link_error(c, -32012, "blob-not-found", "null");
			return;
		}
		s->offset += n;
	}
	buf_addf(&last, "{\"hash\":\"%s\",\"size\":%lld}", s->hash, (long long)s->size);
	sending_free(c);
	link_final(c, buf_str(&last));
}

static void
get_blob(struct link_call *c)
{
	struct sending *s;
	char hash[65];
	int64_t size;
	int fd;

	if (parse_hash(c->env.params, hash) == -1) {
		link_invalid(c, "invalid-blob", "hash is not 64 hex digits");
		return;
	}
	if ((fd = blob_open(c->alpd->blobs, hash, &size, NULL)) == -1) {
		link_error(c, -32012, "blob-not-found", "null");
		return;
	}
	s = c->state = xcalloc(1, sizeof(*s));
	memcpy(s->hash, hash, sizeof(hash));
	s->fd = fd;
	s->size = size;
	c->gone = sending_free;
	c->drained = send_on;
	send_on(c);
}

/* ---- the table --------------------------------------------------------------------------------- */

const struct link_method link_methods[] = {
	/* name             function        quiet  chunked */
	{ "link.ping",      ping,           true,  false },
	{ "link.ask",       inbound_ask,    false, false },
	{ "link.cancel",    inbound_cancel, false, false },
	{ "link.put_blob",  put_blob,       false, true },
	{ "link.get_blob",  get_blob,       false, false },
	{ 0 }
};
