/* SPDX-License-Identifier: Apache-2.0 */
/* See gateway.h: the table of platforms, and all of them at once. */
#include "gatewayd/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/allow.h"
#include "gatewayd/options.h"
#include "gatewayd/tell.h"

static const struct platform *const platforms[] = {
	&telegram_platform,
	&mailbox_platform,
	&gmail_platform,
	&matrix_platform,
	&webhook_platform,
	&ntfy_platform,
};

int
gateway_open(struct gateway *g, struct error *e)
{
	options_read(&g->daemon->boot);
	g->lines = xcalloc(COUNT(platforms) + 1, sizeof(*g->lines));
	for (size_t i = 0; i < COUNT(platforms); i++) {
		struct line *l = &g->lines[i];

		l->platform = platforms[i];
		if (options_enabled(&g->daemon->boot, l->platform->name) && l->platform->open(g, &l->self, &l->wrong, e) == -1)
			return -1;
	}
	return 0;
}

void
gateway_serve(struct gateway *g)
{
	tell_begin(g);
	for (struct line *l = g->lines; l->platform != NULL; l++) {
		const char *name = l->platform->name;

		if (l->wrong != NULL)
			log_warn("%s is off: %s", name, l->wrong);
		if (l->self == NULL)
			continue;
		if (allow_chats(l->platform->allow(l->self)) == 0)
			log_warn("%s: its allow list is empty, so nobody is heard", name);
		l->platform->serve(l->self);
	}
}

void
gateway_stop(struct gateway *g)
{
	for (struct line *l = g->lines; l->platform != NULL; l++)
		if (l->self != NULL)
			l->platform->stop(l->self);
}

void
gateway_free(struct gateway *g)
{
	for (struct line *l = g->lines; l != NULL && l->platform != NULL; l++)
		if (l->self != NULL)
			l->platform->free(l->self);
	free(steal(g->lines));
}

static const char *
account_of(const struct line *l)
{
	return l->platform->account == NULL ? l->platform->name : l->platform->account(l->self);
}

bool
line_is_of(const struct line *l, const char *account)
{
	const char *ours = account_of(l);

	return account == NULL || (ours != NULL && strcmp(ours, account) == 0);
}

const struct line *
gateway_line(const struct gateway *g, const char *name)
{
	for (const struct line *l = g->lines; l->platform != NULL; l++)
		if (strcmp(l->platform->name, name) == 0)
			return l->self == NULL ? NULL : l;
	return NULL;
}

const char *
gateway_account(const struct gateway *g, const char *name)
{
	const struct line *l = gateway_line(g, name);

	return l == NULL ? NULL : account_of(l);
}
