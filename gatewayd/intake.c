/* SPDX-License-Identifier: Apache-2.0 */
/* See intake.h. */
#include "gatewayd/intake.h"

#include <string.h>

#include "common/log.h"
#include "gatewayd/commands.h"
#include "gatewayd/gateway.h"
#include "gatewayd/turns.h"

static int
take_one(struct gateway *g, const char *platform, const char *account, const struct arrival *a, struct error *e)
{
	const struct command *c = a->stranger ? NULL : command_find(a->text);
	int fresh;

	if (a->stranger) {
		log_info("%s chat=%s from=%s is not on the list", platform, a->chat, a->sender);
		return inbox_ignore(g->inbox, platform, e);
	}
	if ((fresh = inbox_add(g->inbox, platform, account, a, c != NULL && c->stops, e)) == 1)
		log_info("%s chat=%s message=%s taken, %zu bytes", platform, a->chat, a->ref, strlen(a->text));
	return fresh;
}

int
intake(struct gateway *g, const char *platform, const char *account, const struct arrival *rows, size_t n, const char *mark,
    struct error *e)
{
	if (inbox_begin(g->inbox, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (take_one(g, platform, account, &rows[i], e) == -1)
			goto rollback;
	if ((mark != NULL && inbox_set_mark(g->inbox, platform, account, mark, e) == -1) || inbox_commit(g->inbox, e) == -1)
		goto rollback;
	if (n > 0)
		turns_look(g->turns);
	return 0;
rollback:
	inbox_rollback(g->inbox);
	return -1;
}
