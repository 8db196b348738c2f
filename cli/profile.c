/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi profile`: the list is read from disk, so that it needs no daemon;
 * changes go through hostd.
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

static int64_t total;		/* nftw hands nothing through */
static const char *skipped;	/* the root's size is without the other profiles */

static int
add_size(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	if (flag == FTW_D && skipped != NULL && strcmp(path, skipped) == 0)
		return FTW_SKIP_SUBTREE;
	total += flag == FTW_F ? st->st_size : 0;
	return FTW_CONTINUE;
}

static int64_t
size_of(const char *root, const char *home)
{
	cleanup_free char *profiles = path_join(root, "profiles");

	total = 0;
	skipped = strcmp(root, home) == 0 ? profiles : NULL;
	nftw(home, add_size, 16, FTW_PHYS | FTW_ACTIONRETVAL);
	skipped = NULL;
	return total;
}

static json_t *
row_of(const struct cli *c, const char *name)
{
	cleanup_free char *home = profile_home(c->root, name);
	cleanup_json json_t *config = config_load(home, NULL);

	return json_pack("{s:b, s:s, s:s, s:I, s:s}", "current", strcmp(name, c->profile) == 0,
	    "name", name, "model", config == NULL ? "(config.yaml does not load)" :
	    *config_str(config, "model") ? config_str(config, "model") : "-",
	    "size_bytes", (json_int_t)size_of(c->root, home), "home", home);
}

int
profile_list_command(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{ "", "current", PRINT_FLAG, 0 }, { "PROFILE", "name", PRINT_TEXT, 0 },
		{ "MODEL", "model", PRINT_TEXT, 40 }, { "SIZE", "size_bytes", PRINT_SIZE, 0 },
		{ "HOME", "home", PRINT_TEXT, 0 },
	};
	cleanup_json json_t *rows = json_array();
	char **names = profile_list(c->root);

	for (char **n = names; n != NULL && *n != NULL; n++)
		json_array_append_new(rows, row_of(c, *n));
	profile_list_free(names);
	if (arg_has(a, "json")) {
		print_json(stdout, rows);
		return 0;
	}
	print_table(stdout, columns, COUNT(columns), rows, NULL);
	if (json_array_size(rows) < 2)
		printf("\nalpi profile create NAME makes another one: its own model, keys, memory and sessions.\n");
	return 0;
}

int
profile_create_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	const char *name = a->rest[0];
	cleanup_json json_t *result = NULL;
	cleanup_free char *home = NULL;

	if (profile_check(name, &e) == -1 ||
	    (result = client_call(c, "host.profile.create", json_pack("{s:s}", "name", name), &e)) == NULL)
		return cli_fail(&e);
	home = profile_home(c->root, name);
	printf("created %s\n\nnext: alpi -p %s setup\n      alpi -p %s\n", json_str(result, "home", home), name, name);
	return 0;
}

static bool
agreed(const struct cli *c, const char *name, const char *home)
{
	char size[32];
	cleanup_free char *question = xasprintf("Remove the profile %s (%s, %s)? It moves to %s/.trash.",
	    name, home, print_size(size_of(c->root, home), size, sizeof(size)), c->root);

	return confirm(question);
}

int
profile_remove_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	const char *name = a->rest[0];
	cleanup_free char *home = NULL;
	cleanup_json json_t *result = NULL;

	if (profile_check(name, &e) == -1)
		return cli_fail(&e);
	home = profile_home(c->root, name);
	if (strcmp(name, "default") == 0)
		return cli_failf("the profile default is the home itself and stays");
	if (access(home, F_OK) == -1)
		return cli_failf("no profile %s (alpi profile list)", name);
	if (!arg_has(a, "yes") && !agreed(c, name, home))
		return cli_failf(isatty(STDIN_FILENO) ? "not removed" : "not removed: without a terminal it takes --yes");
	result = client_call(c, "host.profile.delete", json_pack("{s:s, s:s, s:b}", "name", name,
	    "profile", name, "force", arg_has(a, "force")), &e);
	if (result == NULL)
		return cli_fail(&e);
	printf("removed %s: %s\n", name, json_str(result, "archived_at", "in the trash"));
	return 0;
}
