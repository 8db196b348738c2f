/* SPDX-License-Identifier: Apache-2.0 */
/* See pins.h. */
#include "alpd/pins.h"

#include <stdlib.h>
#include <string.h>

#include "alpd/peers.h"
#include "common/mem.h"

static struct pin *
row_at(struct pins *pins, size_t i)
{
	if (i >= pins->count) {
		pins->rows = xreallocarray(pins->rows, i + 1, sizeof(*pins->rows));
		memset(&pins->rows[i], 0, sizeof(pins->rows[i]));
		pins->count = i + 1;
	}
	return &pins->rows[i];
}

static void
refresh(struct pin *p, const char *pubkey)
{
	uint8_t public[KEY_BYTES];

	if (strlen(pubkey) >= sizeof(p->name)) {
		p->usable = false;
		return;
	}
	if (strcmp(p->name, pubkey) == 0)
		return;
	strcpy(p->name, pubkey);
	p->usable = identity_parse(pubkey, public) == 0 && identity_to_x25519(public, p->x25519) == 0;
}

bool
pins_have(struct pins *pins, struct peers *peers, const uint8_t remote[KEY_BYTES])
{
	const struct peer *peer;
	bool found = false;
	size_t i;

	for (i = 0; (peer = peers_at(peers, i)) != NULL; i++) {
		struct pin *p = row_at(pins, i);

		refresh(p, peer->pubkey);
		found |= p->usable && memcmp(p->x25519, remote, KEY_BYTES) == 0;
	}
	pins->count = i;
	return found;
}

void
pins_clear(struct pins *pins)
{
	free(pins->rows);
	*pins = (struct pins){ 0 };
}
