/* SPDX-License-Identifier: Apache-2.0 */
/* See local.h. Names of profiles are those of their folders in run/. */
#include "alpd/local.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/paths.h"

#define FOLDER	"alp/identity"

/* The file name that stands for an identity. 0, or -1: it is none. */
static int
name_of(const char *identity, char out[2 * KEY_BYTES + 1])
{
	uint8_t key[KEY_BYTES];

	if (identity_parse(identity, key) == -1)
		return -1;
	sodium_bin2hex(out, 2 * KEY_BYTES + 1, key, sizeof(key));
	return 0;
}

/* An earlier key of this profile is not its key any more. */
static void
remove_others(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	const struct dirent *row;

	while (d != NULL && (row = readdir(d)) != NULL)
		if (row->d_name[0] != '.' && strcmp(row->d_name, name) != 0)
			unlinkat(dirfd(d), row->d_name, 0);
	if (d != NULL)
		closedir(d);
}

int
local_publish(const char *home, const char *identity, struct error *e)
{
	cleanup_free char *dir = path_join(home, FOLDER), *path = NULL;
	cleanup_close int fd = -1;
	char name[2 * KEY_BYTES + 1];

	if (name_of(identity, name) == -1)
		return error_set(e, ERR_internal, "our identity is malformed");
	if (make_dirs(dir, 0700, e) == -1)
		return -1;
	remove_others(dir, name);
	path = path_join(dir, name);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) == -1)
		return error_errno(e, "%s", path);
	return 0;
}

static bool
has_key(const char *root, const char *profile, const char *name)
{
	cleanup_free char *home = profile_home(root, profile);
	cleanup_free char *path = xasprintf("%s/" FOLDER "/%s", home, name);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *
local_profile(const char *root, const char *run, const char *identity)
{
	char name[2 * KEY_BYTES + 1], *found = NULL;
	const struct dirent *row;
	DIR *d;

	if (name_of(identity, name) == -1)
		return NULL;
	if (has_key(root, "default", name))
		return xstrdup("default");
	d = opendir(run);
	while (d != NULL && (row = readdir(d)) != NULL) {
		if (profile_check(row->d_name, NULL) == -1 || !has_key(root, row->d_name, name) ||
		    (found != NULL && strcmp(row->d_name, found) > 0))
			continue;
		free(found);
		found = xstrdup(row->d_name);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

char *
local_socket(const char *root, const char *run, const struct peer *p, struct error *e)
{
	cleanup_free char *profile = local_profile(root, run, p->pubkey), *home = NULL;

	if (profile == NULL && profile_check(p->id, NULL) == -1) {
		error_set(e, ERR_unavailable, "no profile of this machine has its key, and it has no address");
		return NULL;
	}
	home = profile_home(root, profile != NULL ? profile : p->id);
	return path_join(home, "alp/alp.sock");
}
