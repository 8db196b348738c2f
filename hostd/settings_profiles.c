/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_orders.h: profiles come and go. One that goes lies in .trash, for a person to delete. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/settings_orders.h"

json_t *
order_create(const struct order_job *j, struct error *e)
{
	const char *name = order_param(j, "name");
	cleanup_free char *home = profile_home(j->root, name), *made = xasprintf("%s/profiles/.%s.new", j->root, name);
	struct stat st;

	if (profile_check(name, e) == -1)
		return NULL;
	if (strcmp(name, "default") == 0) {
		error_set(e, ERR_invalid, "'default' is reserved");
		return NULL;
	}
	if (lstat(home, &st) == 0) {
		error_set(e, ERR_exists, "there is a profile %s already", name);
		return NULL;
	}
	if (home_create(made, e) == -1)		/* what is there of it is used by the next attempt */
		return NULL;
	if (rename(made, home) == -1) {
		error_errno(e, "%s", home);
		return NULL;
	}
	return json_pack("{s:s}", "home", home);
}

/* The folder of the link: with it, init begins a link daemon for the profile. */
json_t *
order_alp_begin(const struct order_job *j, struct error *e)
{
	cleanup_free char *home = profile_home(j->root, order_param(j, "profile")), *dir = path_join(home, "alp");

	return make_dirs(dir, 0700, e) == -1 ? NULL : json_object();
}

static char *
trash_name(const char *root, const char *name)
{
	time_t now = clock_wall_ms() / 1000;
	char when[24];
	struct tm tm;

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	return xasprintf("%s/.trash/%s-%s", root, name, when);
}

json_t *
order_remove(const struct order_job *j, struct error *e)
{
	cleanup_free char *trash = path_join(j->root, ".trash");
	cleanup_free char *to = trash_name(j->root, order_param(j, "profile"));

	if (strcmp(order_param(j, "profile"), "default") == 0) {
		error_set(e, ERR_invalid, "the default profile cannot be removed");
		return NULL;
	}
	if (make_dirs(trash, 0700, e) == -1)
		return NULL;
	if (rename(j->home, to) == -1) {
		error_errno(e, "move %s", j->home);
		return NULL;
	}
	return json_pack("{s:s}", "archived_at", to);
}
