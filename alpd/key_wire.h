/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What identity.c and the key child say to each other. A question is a head,
 * and as many bytes as its operation has; only a text to sign has a length of
 * its own. The answer is always one struct key_answer. First of all the child
 * says who it is, in the same form, or the reason why it cannot begin.
 */
#ifndef ALPD_KEY_WIRE_H
#define ALPD_KEY_WIRE_H

#include <stdint.h>

#include "alpd/identity.h"

#define KEY_TEXT_MAX	(1048576 + 1024)	/* bytes of a text to sign */

enum key_op {
	KEY_SIGN,				/* the text */
	KEY_DH,					/* their public key */
	KEY_UNSEAL,				/* a sealed group key */
	KEY_ANCHOR,				/* struct key_anchor */
	KEY_OPS
};

struct key_head {
	uint32_t	op, len;		/* bytes that follow */
};

struct key_anchor {
	char		chain[32];		/* NUL-terminated */
	int64_t		rows;
	char		head[65];
};

struct key_answer {
	uint32_t	ok;			/* 0: refused */
	uint8_t		bytes[ERROR_TEXT_MAX];	/* a signature, a secret, a key; at first the two public keys, or why not */
};

/* All of it, whatever the kernel cuts it into. 0, or -1: the other side is gone. */
int	key_send(int fd, const void *data, size_t len);
/* The bytes received: fewer than len when the other side is gone. */
size_t	key_receive(int fd, void *data, size_t len);

#endif
