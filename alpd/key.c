/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key child. It reads the identity, gives up every file, socket and
 * program, and answers four kinds of questions; it parses nothing. A question
 * that is not in the form ends it, and alpd with it.
 */
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
#include "common/mem.h"
#include "common/restrict.h"

/* Locked into memory, never in a core file. */
static struct keys {
	uint8_t	sign[crypto_sign_SECRETKEYBYTES], public[KEY_BYTES];
	uint8_t	dh[KEY_BYTES], dh_public[KEY_BYTES];
} keys;

static unsigned char *text;		/* of the question; private, so nobody changes it between two looks */

/* ---- the questions ------------------------------------------------------------------------------ */

static int
answer_sign(size_t len, uint8_t *out)
{
	if (len == 0 || text[0] != '{')		/* an anchor begins otherwise */
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
	n = audit_anchor_text(said, a.chain, a.rows, a.head);
	return n == 0 || said[0] == '{' ? -1 : crypto_sign_detached(out, NULL, (unsigned char *)said, n, keys.sign);
}

static const struct {
	size_t	least, most;			/* bytes of the question */
	int	(*fn)(size_t len, uint8_t *out);
} ops[KEY_OPS] = {
	[KEY_SIGN]   = { 1, KEY_TEXT_MAX, answer_sign },
	[KEY_DH]     = { KEY_BYTES, KEY_BYTES, answer_dh },
	[KEY_UNSEAL] = { SEALED_BYTES, SEALED_BYTES, answer_unseal },
	[KEY_ANCHOR] = { sizeof(struct key_anchor), sizeof(struct key_anchor), answer_anchor },
};

/* 1: go on, 0: the other side is done, -1: it broke the form. */
static int
serve_one(int fd)
{
	struct key_answer a = { 0 };
	struct key_head q;

	if (key_receive(fd, &q, sizeof(q)) == -1)
		return 0;
	if (q.op >= KEY_OPS || q.len < ops[q.op].least || q.len > ops[q.op].most)
		return -1;
	if (key_receive(fd, text, q.len) == -1)
		return 0;
	a.ok = ops[q.op].fn(q.len, a.bytes) == 0;
	if (!a.ok)
		memset(a.bytes, 0, sizeof(a.bytes));
	q.len = (uint32_t)key_send(fd, &a, sizeof(a));
	sodium_memzero(&a, sizeof(a));
	return q.len == 0;
}

int
key_serve(int fd, const uint8_t seed[KEY_BYTES])
{
	struct key_answer hello = { .ok = 1 };
	int go;

	sodium_mlock(&keys, sizeof(keys));
	text = xmalloc(KEY_TEXT_MAX);
	crypto_sign_seed_keypair(keys.public, keys.sign, seed);
	if (crypto_sign_ed25519_sk_to_curve25519(keys.dh, keys.sign) != 0 || crypto_scalarmult_base(keys.dh_public, keys.dh) != 0)
		return 1;
	memcpy(hello.bytes, keys.public, KEY_BYTES);
	memcpy(hello.bytes + KEY_BYTES, keys.dh_public, KEY_BYTES);
	go = key_send(fd, &hello, sizeof(hello)) == 0;
	while (go == 1)
		go = serve_one(fd);
	sodium_munlock(&keys, sizeof(keys));	/* wiped */
	free(text);
	if (go == -1)
		log_error("the key child was asked in no known form, and ends");
	return go == -1;
}

/* ---- the program ---------------------------------------------------------------------------------- */

static int
refuse(const struct error *e)
{
	struct key_answer a = { 0 };

	snprintf((char *)a.bytes, sizeof(a.bytes), "%.*s", (int)sizeof(a.bytes) - 1, e->text);
	key_send(STDIN_FILENO, &a, sizeof(a));
	return 1;
}

int
key_main(int argc, char *argv[])
{
	uint8_t seed[KEY_BYTES];
	struct error e = { 0 };
	int status;

	if (argc != 3 || sodium_init() == -1)
		return 2;
	sodium_mlock(seed, sizeof(seed));
	if (confine_self(&e) == -1 || keyfile_load(argv[2], seed, &e) == -1 || restrict_self("stdio", &e) == -1)
		return refuse(&e);
	status = key_serve(STDIN_FILENO, seed);
	sodium_munlock(seed, sizeof(seed));
	return status;
}
