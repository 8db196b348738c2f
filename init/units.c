/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With the channel table this is the whole topology. A plan comes from a program that has read YAML of any
 * origin: it is believed in which profiles there are, and in nothing that init knows itself.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/gateways.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/skill.h"
#include "init/init.h"

#define BIT(daemon)	(1u << (daemon))
#define SECRETS_NONE	NULL
#define NEEDS_MAX	256			/* secrets of the skills of one profile */
#define SOON_MS		100			/* saving a file is several changes */

static const char *const secrets_provider[] = {
	"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", NULL };

/* With -u: init changes no owner, so the homes and run/ must let in the users of these rows. */
const struct unit_kind unit_kinds[DAEMONS] = {
	/*                 daemon        user, as root   one per  after              secrets           names, verifies, anew, drains, log */
	[D_toolrunner] = { "toolrunner", "_alpi_tool",   PROFILE, 0,                 SECRETS_NONE,     0, 1, 0, 0, NULL },
	[D_engined] =    { "engined",    "_alpi_engine", PROFILE, BIT(D_toolrunner), secrets_provider, 1, 0, 0, 0, NULL },
	[D_hostd] =      { "hostd",      "_alpi_host",   MACHINE, BIT(D_engined),    SECRETS_NONE,     0, 0, 0, 0, NULL },
	[D_alpd] =       { "alpd",       "_alpi_alp",    PROFILE, BIT(D_engined),    SECRETS_NONE,     0, 1, 1, 0, NULL },
	[D_scheduled] =  { "scheduled",  "_alpi_sched",  PROFILE, BIT(D_engined),    SECRETS_NONE,     0, 1, 1, 0, "logs/schedule.log" },
	[D_gatewayd] =   { "gatewayd",   "_alpi_gate",   PROFILE, BIT(D_engined),    gateway_variables, 0, 1, 1, 1, "logs/gateway.log" },
};

struct unit *units;
static int64_t look_at = 1;			/* when to ask for a plan, the first time at once; 0: nothing changed */
static int plan;				/* the number of the newest */
static int profiles;				/* the number of that folder */
static char **needs;				/* of it: what the skills of the profile that comes next declare */
static char said[512], broken[65];		/* in it: the last that was no unit; the profile that does not load */

int
unit_relation(const struct unit *a, const struct unit *b)
{
	const struct unit_kind *ka = &unit_kinds[a->daemon], *kb = &unit_kinds[b->daemon];
	int relation = a != b && ka->after & BIT(b->daemon) ? AFTER : 0;

	/* Units meet within a profile; what there is once for the machine meets all. A turn may come back to who minted its grant. */
	if (ka->scope == PROFILE && kb->scope == PROFILE && strcmp(a->profile, b->profile) != 0)
		return 0;
#define CHANNEL(x, y, message) relation |= a->daemon == D_##x && b->daemon == D_##y ? CALLS : 0;
#include "proto/channels.def"
#define CEILING(x, caps) relation |= a->daemon == D_##x && kb->verifies ? MINTS : 0;
#include "proto/caps.def"
	return relation;
}

struct unit *
units_next(struct unit *u, const char *x)
{
	for (u = u == NULL ? units : u->next; u != NULL; u = u->next)
		if (strcmp(x, "all") == 0 || strcmp(x, u->name) == 0 || strcmp(x, u->profile) == 0)
			break;
	return u;
}

static struct unit *
unit_new(const char *profile, enum daemon daemon)
{
	struct unit *u = xcalloc(1, sizeof(*u)), **last = &units;

	u->daemon = daemon;
	u->state = STOPPED;
	u->boot.fd = u->tail.pipe.fd = -1;
	u->profile = xstrdup(profile);
	u->name = xasprintf("%s/%s", profile, unit_kinds[daemon].daemon);
	u->home = profile_home(site.root, profile);
	u->tail.put = logs_put;
	u->tail.file = unit_kinds[daemon].log == NULL ? NULL : xasprintf("%s/%s", u->home, unit_kinds[daemon].log);
	u->tail.name = xasprintf("alpi.%s[%s]", unit_kinds[daemon].daemon, profile);
	for (size_t i = 0; i < DAEMONS; i++)
		random_hex(u->keys[i], BOOT_KEY_BYTES);
	while (*last != NULL)
		last = &(*last)->next;
	return *last = u;
}

void
unit_forget(struct unit *u)
{
	struct unit **p = &units;

	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
	free(u->profile);
	free(u->name);
	free(u->home);
	free(u->tail.name);
	free(u->tail.file);
	skill_words_free(u->needs);
	explicit_bzero(u->keys, sizeof(u->keys));
	free(u);
}

/* ---- plans ------------------------------------------------------------------------------------ */

/* The unit of a plan's line. NULL: not possible, or new in a profile that does not load; there, what ran goes on. */
static struct unit *
unit_meant(const char *profile, const char *daemon)
{
	cleanup_free char *name = xasprintf("%s/%s", profile, daemon);
	struct unit *u = units_next(NULL, name);
	int d = 0;

	while (d < DAEMONS && strcmp(unit_kinds[d].daemon, daemon) != 0)
		d++;
	if (u != NULL || d == DAEMONS || profile_check(profile, NULL) == -1 || !spawn_fits(profile) ||
	    (strcmp(profile, broken) == 0 && units_next(NULL, profile) != NULL))
		return u;
	return unit_new(profile, (enum daemon)d);
}

/* It is wanted: it comes (back), or reads again what changed. */
static void
want(struct unit *u, uint64_t stamp)
{
	u->wanted = plan;
	if (u->stamp != stamp)
		spawn_needs(u, steal(needs));
	if (u->stamp == 0 || u->leave)
		unit_start(u);
	else if (u->stamp != stamp)
		(unit_kinds[u->daemon].anew ? unit_restart : spawn_reload)(u);
	u->leave = 0;
	u->stamp = stamp;
}

/* "need PROFILE NAME", "unit PROFILE/DAEMON STAMP", "warn PROFILE TEXT", or why there is no plan. */
static void
take(const char *line)
{
	char profile[65] = "", daemon[33] = "", name[SKILL_VARIABLE_MAX + 1] = "";
	struct unit *u = NULL;
	uint64_t stamp = 0;
	int text = 0;

	if (sscanf(line, "need %64s %128s", profile, name) == 2) {	/* which ones no skill is given is init's own knowledge */
		if (skill_variable_ok(name) && !skill_variable_refused(name))
			needs = skill_words_add(needs, name, NEEDS_MAX);
		return;
	}
	if (sscanf(line, "unit %64[^/]/%32s %" SCNx64, profile, daemon, &stamp) == 3) {
		if ((u = unit_meant(profile, daemon)) != NULL)
			want(u, stamp);
		skill_words_free(steal(needs));
		return;
	}
	if (sscanf(line, "warn %64s %n", profile, &text) == 1) {
		while ((u = units_next(u, profile)) != NULL)
			u->wanted = plan;
		snprintf(broken, sizeof(broken), "%s", units_next(NULL, profile) != NULL ? profile : "");
	}
	snprintf(said, sizeof(said), "%s: %s", text > 0 ? profile : "alpi-init-plan", line + text);
	log_warn("%s", said);
}

/* The units make folders and files of their own when they first start: no plan is made of those. */
static int
matters(int folder, const char *name)
{
	static const char *const names[] = { "", "config.yaml", ".env", "alp", "schedule", "profiles" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	return folder == profiles;		/* a profile comes or goes */
}

static void
on_change(int folder, const char *name)
{
	if (look_at == 0 && matters(folder, name))
		look_at = clock_mono_ms() + SOON_MS;
}

void
unit_reload(struct unit *u)
{
	spawn_reload(u);
	look_at = 1;
}

void
units_round(void)
{
	if (look_at == 0 || look_at > clock_mono_ms()) {
		loop_until(look_at);
		return;
	}
	look_at = 0;
	plan++;
	broken[0] = said[0] = '\0';
	skill_words_free(steal(needs));
	loop_watch(".", on_change);	/* before they are read: what changes in between is seen by the next look */
	profiles = loop_watch_below("profiles", on_change);
	if (spawn_plan(take) == -1) {
		log_error("alpi-init-plan failed: what ran goes on");
		return;
	}
	for (struct unit *u = units; u != NULL; u = u->next)
		if (u->wanted != plan) {
			unit_stop(u);
			u->leave = 1;
		}
}

int
units_settled(const char *x, struct buf *why)
{
	buf_reset(why);
	if (units == NULL)
		buf_addf(why, "nothing to run: %s", said);
	for (struct unit *u = NULL; (u = units_next(u, x)) != NULL;) {
		if (u->stop || (u->state != READY && u->state != STOPPED && u->state != FAILED))
			return 0;
		if (u->state == FAILED)
			buf_addf(why, "%s%s", why->len == 0 ? "failed: " : ", ", u->name);
	}
	return look_at == 0;
}
