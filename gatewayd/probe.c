/* SPDX-License-Identifier: Apache-2.0 */
/* See gateway.h: a person asks whether a platform can be used with what it is configured with. */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/gateway.h"

#define WHO_MAX	256
#define WHY_MAX	512

static char *
cut(const char *text, size_t most)
{
	return text == NULL ? NULL : xstrndup(text, utf8_cut(text, strlen(text), most));
}

static void
on_probed(void *arg, const char *who, const char *why)
{
	cleanup_free char *name = cut(who, WHO_MAX), *reason = who != NULL ? NULL : cut(why, WHY_MAX);

	call_reply(arg, &(struct gateway_probe_reply){ .ok = who != NULL, .who = name, .reason = reason });
}

int
gateway_probe(struct call *c, const void *in, struct error *e)
{
	const struct gateway_probe *m = in;
	const struct gateway *g = c->ctx;
	const struct line *l = g->lines;

	while (l->platform != NULL && strcmp(l->platform->name, m->name) != 0)
		l++;
	if (l->platform == NULL)
		return error_set(e, ERR_not_found, "this gateway has no platform %s", m->name);
	if (l->self == NULL)
		on_probed(c, NULL, l->wrong != NULL ? l->wrong : "it is off");
	else if (l->platform->probe == NULL)
		on_probed(c, "(nothing to ask: it is only sent to)", NULL);
	else
		l->platform->probe(l->self, on_probed, c);
	return CALL_LATER;
}
