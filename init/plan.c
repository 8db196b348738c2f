/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-init-plan ROOT prints which units are wanted, for init: "unit PROFILE/DAEMON HOME". Where a configuration
 * does not load, "first PROFILE/DAEMON HOME" for a profile that has no units yet, and "warn PROFILE TEXT". A program
 * of its own, because it parses YAML and init must not; it can read the root home, write to its output, and ends at once.
 */
#include "common/config.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

/* `paused` stops what comes in by itself (gateways, jobs, peers); none of these does, so it stops none of them. */
static const struct {
	const char	*daemon, *toggle;	/* NULL: always wanted */
	int		 root_only;
} rows[] = {
	{ "toolrunner", NULL,           0 },
	{ "engined",    NULL,           0 },
	{ "hostd",      "service.host", 1 },
};

static void
profile(const char *root, const char *name)
{
	cleanup_free char *home = profile_home(root, name);
	struct error e = { 0 };
	cleanup_json json_t *config = config_load(home, &e);

	for (size_t i = 0; i < COUNT(rows); i++)
		if ((!rows[i].root_only || strcmp(name, "default") == 0) &&
		    (rows[i].toggle == NULL || config_bool(config, rows[i].toggle)))
			printf("%s %s/%s %s\n", config == NULL ? "first" : "unit", name, rows[i].daemon, home);
	if (config == NULL)
		printf("warn %s %s\n", name, e.text);
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
	return fflush(stdout) == 0 ? 0 : 1;
}
