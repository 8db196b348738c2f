/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-init-plan ROOT prints which units are wanted, for init: "unit PROFILE/DAEMON STAMP", and before those of a
 * profile whose configuration does not load "warn PROFILE TEXT"; it gets the units of the defaults, which will say
 * the same to whoever asks; before its toolrunner "need PROFILE NAME" for each variable that a skill declares. STAMP changes with what the unit has read of the profile's files. A program of its own, because it parses YAML and
 * init must not; it can read the root home, write to its output, and ends at once.
 */
#include "plan/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

static const char *const keys_alp[] = { "alp", "network", "host.allow_public_bind", "paused", "public_name", NULL };
/* And these alpi-scheduled. */
static const char *const keys_schedule[] = { "paused", NULL };
static const char *const keys_gateway[] = { "gateway", NULL };

static const struct {
	const char	*daemon, *toggle;	/* NULL: always wanted */
	int		 root_only;
	const char	*dir;			/* of the home: without it there is nothing to do; NULL: always */
	const char	*const *keys;		/* all that it reads of the configuration; NULL: the files count */
	int		 skills;		/* and what skills declare */
	int		 gateways;		/* it serves the message platforms: without one there is nothing to do */
	enum { ANYHOW, KNOWN, AWAKE } when;	/* KNOWN: its settings load, they may say "paused"; AWAKE: and they do not */
} rows[] = {
	{ "toolrunner", NULL,               0, NULL,       NULL,          1, 0, ANYHOW },
	{ "engined",    NULL,               0, NULL,       NULL,          0, 0, ANYHOW },
	{ "hostd",      "service.host",     1, NULL,       NULL,          0, 0, ANYHOW },
	{ "alpd",       "service.alp",      0, "alp",      keys_alp,      0, 0, ANYHOW },
	{ "scheduled",  "service.schedule", 0, "schedule", keys_schedule, 0, 0, KNOWN },
	{ "gatewayd",   "service.gateway",  0, NULL,       keys_gateway,  0, 1, AWAKE },
};

/* Never 0. */
static uint64_t
stamp_of_keys(const json_t *config, const char *const *keys)
{
	uint64_t stamp = 1;

	for (; *keys != NULL; keys++) {
		cleanup_json json_t *row = json_pack("[O?]", json_at(config, *keys));
		cleanup_free char *text = json_text_sorted(row);

		for (const char *c = text; *c != '\0'; c++)
			stamp = stamp * 31 + (unsigned char)*c;
	}
	return stamp == 0 ? 1 : stamp;
}

/* Never 0. */
static uint64_t
stamp_of(const char *home)
{
	static const char *const names[] = { "config.yaml", ".env" };
	uint64_t stamp = 1;
	struct stat st;

	for (size_t i = 0; i < COUNT(names); i++) {
		cleanup_free char *path = path_join(home, names[i]);

		if (stat(path, &st) == -1)
			continue;
		stamp = stamp * 31 + st.st_ino;
		stamp = stamp * 31 + (uint64_t)st.st_mtim.tv_sec;
		stamp = stamp * 31 + (uint64_t)st.st_mtim.tv_nsec;
	}
	return stamp == 0 ? 1 : stamp;
}

static bool
has_dir(const char *home, const char *dir)
{
	cleanup_free char *path = path_join(home, dir);
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
unit(const char *name, const char *home, size_t i, const json_t *config, uint64_t stamp)
{
	if (rows[i].keys != NULL)
		stamp = stamp_of_keys(config, rows[i].keys);
	if (rows[i].skills)
		plan_needs(name, home, &stamp);
	if (rows[i].gateways && !plan_gateways(home, config, &stamp))
		return;
	printf("unit %s/%s %" PRIx64 "\n", name, rows[i].daemon, stamp == 0 ? 1 : stamp);
}

static void
profile(const char *root, const char *name)
{
	cleanup_free char *home = profile_home(root, name);
	uint64_t stamp = stamp_of(home);	/* first: a change from here on is a change */
	struct error e = { 0 };
	cleanup_json json_t *config = config_load(home, &e);
	int when = config == NULL ? ANYHOW : config_bool(config, "paused") ? KNOWN : AWAKE;

	if (config == NULL) {
		printf("warn %s %s\n", name, e.text);
		config = config_defaults();
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		if ((int)rows[i].when <= when && (!rows[i].root_only || strcmp(name, "default") == 0) &&
		    (rows[i].toggle == NULL || config_bool(config, rows[i].toggle)) &&
		    (rows[i].dir == NULL || has_dir(home, rows[i].dir)))
			unit(name, home, i, config, stamp);
	fflush(stdout);				/* init starts them while we read on */
}

int
main(int argc, char *argv[])
{
	struct error e = { 0 };
	char **names;

	if (argc != 2 || restrict_path(argv[1], "r!", &e) == -1 || restrict_self("files", &e) == -1) {
		log_error("%s", argc != 2 ? "usage: alpi-init-plan ROOT" : e.text);
		return 1;
	}
	names = profile_list(argv[1]);
	for (char **name = names; *name != NULL; name++)
		profile(argv[1], *name);
	profile_list_free(names);
	return ferror(stdout) ? 1 : 0;
}
