/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that are pinned, as they show in a handshake: there a peer is its
 * x25519 key, in peers.yaml an Ed25519 one. The conversion costs a
 * multiplication on the curve, so it is done once for each key, not for each
 * stranger that connects.
 */
#ifndef ALPD_PINS_H
#define ALPD_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alpd/identity.h"

struct peers;

struct pin {
	char	name[IDENTITY_BYTES];	/* what was converted */
	uint8_t	x25519[KEY_BYTES];
	bool	usable;
};

struct pins {
	struct pin	*rows;		/* one for each peer, in their order */
	size_t		 count;
};

/* Is this the key of one of the peers, as they are now? */
bool	 pins_have(struct pins *pins, struct peers *peers, const uint8_t remote[KEY_BYTES]);
void	 pins_clear(struct pins *pins);

#endif
