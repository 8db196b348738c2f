/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile's identity, held by a child that does nothing else
 * (`alpi-alpd --key HOME`). This side never sees the private key: it asks the
 * child over a socket pair, one question at a time, and waits for the answer.
 * When the child is gone every question fails, and alpd ends: init starts
 * both anew.
 */
#ifndef ALPD_IDENTITY_H
#define ALPD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define IDENTITY_BYTES	45		/* base64 of 32 bytes and a NUL */
#define KEY_BYTES	32
#define SIGNATURE_BYTES	64
#define SEALED_BYTES	92		/* a sealed group key */

struct identity;

/*
 * Start PROGRAM --key HOME, which makes the key files where there are none. Before restrict and threads; there are other things
 * to do while the child starts, before it is met. NULL on error; then 0 or -1.
 */
struct identity	*identity_spawn(const char *program, const char *home, struct error *e);
int		 identity_meet(struct identity *i, struct error *e);
/* Both, over a socket whose other end somebody else serves (tests). */
struct identity	*identity_over(int fd, struct error *e);
void		 identity_stop(struct identity *i);		/* NULL is fine */
/* The socket to the child: readable means that the child is gone. */
int		 identity_fd(const struct identity *i);

const char	*identity_name(const struct identity *i);	/* base64 of the public key; borrowed */
const uint8_t	*identity_x25519(const struct identity *i);	/* the X25519 public key; borrowed */

/* Sign a text that begins with '{' (so no signature of ours can be taken for an anchor). 0 or -1. */
int	identity_sign(struct identity *i, const void *text, size_t len, uint8_t sig[SIGNATURE_BYTES], struct error *e);
/* X25519 of our secret and this public key; -1 also when the result is all zero. */
int	identity_dh(struct identity *i, const uint8_t theirs[KEY_BYTES], uint8_t out[KEY_BYTES], struct error *e);
/* Open a group key that was sealed for us (alp-wire.md, 10.1). 0 or -1. */
int	identity_unseal(struct identity *i, const uint8_t sealed[SEALED_BYTES], uint8_t key[KEY_BYTES], struct error *e);
/*
 * Sign the head of an audit chain: its name (at most AUDIT_NAME_MAX bytes), its number of rows, the hash of its last line
 * (hex). The child makes the text of these parts, by audit_anchor_text (common/audit.h). 0 or -1.
 */
int	identity_anchor(struct identity *i, const char *chain, int64_t rows, const char head[65],
	    uint8_t sig[SIGNATURE_BYTES], struct error *e);

/* ---- names, without any secret ----------------------------------------------------------------- */

/* Canonical base64 of exactly 32 bytes? 0 and out filled (may be NULL), or -1. */
int	identity_parse(const char *name, uint8_t out[KEY_BYTES]);
void	identity_print(const uint8_t public[KEY_BYTES], char out[IDENTITY_BYTES]);
/* The X25519 public key of an identity; -1: it has none (section 1). */
int	identity_to_x25519(const uint8_t public[KEY_BYTES], uint8_t out[KEY_BYTES]);
/* Does the signature of a text verify under this identity? 1 or 0. */
int	identity_verify(const uint8_t public[KEY_BYTES], const void *text, size_t len, const uint8_t sig[SIGNATURE_BYTES]);
/* Does an anchor verify? 1 or 0. */
int	identity_anchor_verify(const uint8_t public[KEY_BYTES], const char *chain, int64_t rows, const char head[65],
	    const uint8_t sig[SIGNATURE_BYTES]);

/* ---- the child ----------------------------------------------------------------------------------- */

/* main() of `alpi-alpd --key HOME`: its socket is descriptor 0. */
int	key_main(int argc, char *argv[]);
/* Answer questions with this seed until end of file (tests run it in a fork). The exit status. */
int	key_serve(int fd, const uint8_t seed[KEY_BYTES]);

#endif
