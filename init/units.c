/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See units.h. With the channel table this is the whole topology; who may
 * call whom and who mints grants is read from proto/, not written again.
 */
#include "init/units.h"

#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(daemon) (1u << (daemon))

/* A home, and what a unit may write, must belong to the user of its row when -u is given: init changes no owner. */
const struct unit_kind unit_kinds[DAEMONS] = {
	/*                daemon        user, as root   one per  after               secrets handed over  verifies */
	[D_toolrunner] = { "toolrunner", "_alpi_tool",   PROFILE, 0,                  SECRETS_NONE,        1 },
	[D_engined] =    { "engined",    "_alpi_engine", PROFILE, BIT(D_toolrunner),  SECRETS_PROVIDER,    0 },
	[D_hostd] =      { "hostd",      "_alpi_host",   MACHINE, BIT(D_engined),     SECRETS_NONE,        0 },
};

static const struct {
	enum daemon	caller, callee;
} channels[] = {
#define CHANNEL(caller, callee, message) { D_##caller, D_##callee },
#include "proto/channels.def"
};

static const unsigned origins = 0
#define CEILING(daemon, caps) | BIT(D_##daemon)
#include "proto/caps.def"
    ;

struct unit *units;

static enum daemon
daemon_of(const struct unit *u)
{
	return (enum daemon)(u->kind - unit_kinds);
}

/* Units meet within a profile; what there is once for the machine meets all. */
static int
related(const struct unit *a, const struct unit *b)
{
	return a != b && (a->kind->scope == MACHINE || b->kind->scope == MACHINE || strcmp(a->profile, b->profile) == 0);
}

int
unit_calls(const struct unit *a, const struct unit *b)
{
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if (channels[i].caller == daemon_of(a) && channels[i].callee == daemon_of(b))
			return related(a, b);
	return 0;
}

int
unit_mints(const struct unit *a, const struct unit *b)
{
	return (origins & BIT(daemon_of(a))) != 0 && b->kind->verifies && related(a, b);
}

int
unit_after(const struct unit *a, const struct unit *b)
{
	return (a->kind->after & BIT(daemon_of(b))) != 0 && related(a, b);
}

int
unit_matches(const struct unit *u, const char *x)
{
	return strcmp(x, "all") == 0 || strcmp(x, u->name) == 0 || strcmp(x, u->profile) == 0;
}

static struct unit *
unit_new(const struct unit_kind *kind, const char *profile, const char *home)
{
	struct unit *u = need(calloc(1, sizeof(*u))), **end = &units;

	u->kind = kind;
	snprintf(u->profile, sizeof(u->profile), "%s", profile);
	snprintf(u->name, sizeof(u->name), "%s/%s", profile, kind->daemon);
	snprintf(u->home, sizeof(u->home), "%s", home);
	for (size_t i = 0; kind->verifies && i < DAEMONS; i++)
		if (origins & BIT(i))
			secrets_key(u->keys[i]);
	u->state = STOPPED;
	u->boot.fd = u->tail.fd = -1;
	u->timer.arg = u;
	u->tail.profile = u->profile;
	u->tail.daemon = kind->daemon;
	while (*end != NULL)
		end = &(*end)->next;
	return *end = u;
}

struct unit *
unit_want(const char *run, const char *profile, const char *daemon, const char *home)
{
	const struct unit_kind *kind = unit_kinds;

	for (struct unit *u = units; u != NULL; u = u->next)
		if (strcmp(u->profile, profile) == 0 && strcmp(u->kind->daemon, daemon) == 0)
			return u;
	while (kind < unit_kinds + DAEMONS && strcmp(kind->daemon, daemon) != 0)
		kind++;
	if (kind == unit_kinds + DAEMONS || strlen(profile) >= sizeof(units->profile) ||
	    strlen(home) >= sizeof(units->home) || strlen(run) + strlen(profile) + strlen(daemon) +
	    strlen("//.ipc") >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return NULL;
	return unit_new(kind, profile, home);
}

void
unit_forget(struct unit *u)
{
	struct unit **p = &units;

	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
	wipe(u, sizeof(*u));
}
