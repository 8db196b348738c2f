/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise_XK_25519_ChaChaPoly_SHA256, revision 34, on libsodium
 * (alp-wire.md, 7.1 and 7.2). Our static secret is not here: what needs it
 * goes through a function, which asks the key child. After the handshake each
 * message is one AEAD message of up to a megabyte, where Noise would stop at
 * 65535 bytes.
 */
#ifndef ALPD_NOISE_H
#define ALPD_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

#define NOISE_KEY	32
#define NOISE_TAG	16
#define NOISE_MESSAGES	3
#define NOISE_PAYLOAD_MAX 65535

/* One direction of a transport. */
struct cipher {
	uint8_t		key[NOISE_KEY];
	uint64_t	counter;		/* of the next message; UINT64_MAX is never used */
};

/* X25519 of our static secret with this public key. 0 or -1. */
typedef int noise_dh(void *arg, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY]);

struct noise {
	bool		 initiator;
	int		 message;		/* the next one: 0, 1, 2; 3: complete */
	uint8_t		 h[32], ck[32], k[NOISE_KEY];
	uint64_t	 n;
	uint8_t		 s[NOISE_KEY];		/* our static public key */
	uint8_t		 e[NOISE_KEY], e_secret[NOISE_KEY];
	uint8_t		 rs[NOISE_KEY], re[NOISE_KEY];	/* theirs; rs of the initiator's is known when message 2 was read */
	noise_dh	*dh;
	void		*arg;
};

/*
 * Begin. rs: the responder's static public key, for the initiator; NULL for the responder. ephemeral: a secret to use
 * (tests), NULL for a random one. Wipe with noise_clear.
 */
void	noise_init(struct noise *n, bool initiator, const void *prologue, size_t prologue_len,
	    const uint8_t s[NOISE_KEY], noise_dh *dh, void *arg, const uint8_t *rs, const uint8_t *ephemeral);
void	noise_clear(struct noise *n);

/* Is it ours to write the next message? */
bool	noise_writes(const struct noise *n);
/* Append the next message with this payload. 0 or -1 (the handshake is over: close). */
int	noise_write(struct noise *n, const void *payload, size_t len, struct buf *out, struct error *e);
/* Take the next message; its payload is appended to `payload` unless that is NULL. 0 or -1 (close, say nothing). */
int	noise_read(struct noise *n, const void *message, size_t len, struct buf *payload, struct error *e);
/* After message 3: the keys of both directions. */
void	noise_split(const struct noise *n, struct cipher *to_responder, struct cipher *to_initiator);

/* Seal into out (len + NOISE_TAG bytes; may be the same memory as plain). 0, or -1: the counter is used up. */
int	cipher_seal(struct cipher *c, const void *plain, size_t len, uint8_t *out);
/* Open len >= NOISE_TAG bytes in place; the plaintext's length is len - NOISE_TAG. 0, or -1: it is not theirs. */
int	cipher_open(struct cipher *c, uint8_t *text, size_t len);

#endif
