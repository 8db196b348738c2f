/* SPDX-License-Identifier: Apache-2.0 */
/* See bus.h: beginning and end. The two directions are bus_inbox.c and bus_ask.c. */
#include "common/bus.h"

#include <stdlib.h>

#include "common/bus_own.h"
#include "common/mem.h"

struct bus *
bus_new(struct event_base *base, bus_request_fn *on_request, void *arg)
{
	struct bus *b = xcalloc(1, sizeof(*b));

	b->base = base;
	b->on_request = on_request;
	b->arg = arg;
	b->fd = -1;
	LIST_INIT(&b->callers);
	LIST_INIT(&b->peers);
	return b;
}

void
bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	bus_inbox_close(b);
	bus_peers_close(b);
	free(b);
}
