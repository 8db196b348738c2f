/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key child. It reads the identity, gives up every file, socket and
 * program, and answers four kinds of questions; it parses nothing. A question
 * that is not in the form ends it, and alpd with it. It trusts its one
 * neighbour with asking, not with the key: what strangers send goes through
 * there first.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alpd/key_wire.h"
#include "alpd/keyfile.h"
#include "alpd/seal.h"
#include "common/audit.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/restrict.h"

/* Locked into memory, never in a core file. */
static struct keys {
	uint8_t	sign[crypto_sign_SECRETKEYBYTES], public[KEY_BYTES];
	uint8_t	dh[KEY_BYTES], dh_public[KEY_BYTES];
} keys;

/* Of the question. It is ours alone, so nobody changes it between the two looks that a signature takes. */
static unsigned char text[KEY_TEXT_MAX];

/* ---- the questions ------------------------------------------------------------------------------ */

static int
answer_sign(size_t len, uint8_t *out)
{
	if (len == 0 || text[0] != '{')		/* an envelope; an anchor begins otherwise */
		return -1;
	return crypto_sign_detached(out, NULL, text, len, keys.sign);
}

static int
answer_dh(size_t len, uint8_t *out)
{
	return crypto_scalarmult(out, keys.dh, text);
}

static int
answer_unseal(size_t len, uint8_t *out)
{
	return seal_open(keys.dh, keys.dh_public, text, out);
}

static int
answer_anchor(size_t len, uint8_t *out)
{
	char said[AUDIT_ANCHOR_MAX];
	struct key_anchor a;
	size_t n;

	memcpy(&a, text, sizeof(a));
	a.chain[sizeof(a.chain) - 1] = a.head[sizeof(a.head) - 1] = '\0';
	if (strchr(a.chain, '\n') != NULL)		/* one text, one meaning */
		return -1;
	n = audit_anchor_text(said, a.chain, a.rows, a.head);
	return n == 0 || said[0] == '{' ? -1 : crypto_sign_detached(out, NULL, (unsigned char *)said, n, keys.sign);
}

static const struct {
	size_t	least, most;			/* bytes of the question */
	int	(*fn)(size_t len, uint8_t *out);
} ops[KEY_OPS] = {
	[KEY_SIGN]   = { 0, KEY_TEXT_MAX, answer_sign },
	[KEY_DH]     = { KEY_BYTES, KEY_BYTES, answer_dh },
	[KEY_UNSEAL] = { SEALED_BYTES, SEALED_BYTES, answer_unseal },
	[KEY_ANCHOR] = { sizeof(struct key_anchor), sizeof(struct key_anchor), answer_anchor },
};

static int
answer(int fd, const struct key_head *q)
{
	struct key_answer a = { 0 };
	int sent;

	a.ok = ops[q->op].fn(q->len, a.bytes) == 0;
	sent = key_send(fd, &a, sizeof(a));
	sodium_memzero(&a, sizeof(a));
	return sent == 0 ? 1 : 0;
}

/* 1: go on, 0: the other side is done, -1: it broke the form. */
static int
serve_one(int fd)
{
	struct key_head q;
	size_t n = key_receive(fd, &q, sizeof(q));

	if (n == 0)
		return 0;
	if (n != sizeof(q) || q.op >= KEY_OPS || q.len < ops[q.op].least || q.len > ops[q.op].most ||
	    key_receive(fd, text, q.len) != q.len)
		return -1;
	return answer(fd, &q);
}

/* All that follows from the seed, which is needed no more. */
static int
learn(const uint8_t seed[KEY_BYTES])
{
	sodium_mlock(&keys, sizeof(keys));
	crypto_sign_seed_keypair(keys.public, keys.sign, seed);
	return crypto_sign_ed25519_sk_to_curve25519(keys.dh, keys.sign) == 0 ? crypto_scalarmult_base(keys.dh_public, keys.dh) : -1;
}

static int
serve(int fd)
{
	struct key_answer hello = { .ok = 1 };
	int go;

	memcpy(hello.bytes, keys.public, KEY_BYTES);
	memcpy(hello.bytes + KEY_BYTES, keys.dh_public, KEY_BYTES);
	go = key_send(fd, &hello, sizeof(hello)) == 0;
	while (go == 1)
		go = serve_one(fd);
	sodium_munlock(&keys, sizeof(keys));	/* wiped */
	if (go == -1)
		log_error("the key child was asked in no known form, and ends");
	return go == -1;
}

int
key_serve(int fd, const uint8_t seed[KEY_BYTES])
{
	return learn(seed) == 0 ? serve(fd) : 1;
}

/* ---- the program ---------------------------------------------------------------------------------- */

static int
refuse(const struct error *e)
{
	struct key_answer a = { 0 };

	snprintf((char *)a.bytes, sizeof(a.bytes), "%s", e->text);
	key_send(STDIN_FILENO, &a, sizeof(a));
	return 1;
}

static int
load(const char *home, struct error *e)
{
	uint8_t seed[KEY_BYTES];
	int bad;

	sodium_mlock(seed, sizeof(seed));
	bad = keyfile_load(home, seed, e);
	if (!bad && (bad = learn(seed)) == -1)
		error_set(e, ERR_invalid, "the key in %s/alp/secrets is not one to use", home);
	sodium_munlock(seed, sizeof(seed));	/* wiped */
	return bad;
}

int
key_main(int argc, char *argv[])
{
	struct error e = { 0 };

	if (argc != 3 || sodium_init() == -1)
		return 2;
	closefrom(STDERR_FILENO + 1);
	signal(SIGTERM, SIG_IGN);		/* alpd signs to its end; we end with it */
	signal(SIGINT, SIG_IGN);
	if (confine_self(&e) == -1 || load(argv[2], &e) == -1 || restrict_self("talk", &e) == -1)
		return refuse(&e);
	return serve(STDIN_FILENO);
}
