/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's rows about the home itself, and what takes its room. */
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/print.h"
#include "common/atomic.h"
#include "common/mem.h"
#include "common/paths.h"

#define TURN_ROOM	(8 * 1024 * 1024)	/* bytes; with less engined begins no turn */

static int64_t tree_bytes;	/* nftw hands nothing through */

static int
add_bytes(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	tree_bytes += flag == FTW_F ? st->st_size : 0;
	return 0;
}

/* Nothing is written or bound in a home that is wrong; one that is not there is made when it is needed. */
static void
check_home(struct doctor *d)
{
	cleanup_free char *longest = path_join(d->cli->root, "host/host.sock");
	const char *home = d->cli->home;
	struct stat st = { .st_mode = S_IFDIR };
	bool there = stat(home, &st) == 0;

	if (!there && errno != ENOENT)
		doctor_row(d, "Storage", "Home", FAIL, "%s: %s", home, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		doctor_row(d, "Storage", "Home", FAIL, "%s is no directory", home);
	else if (there && access(home, R_OK | W_OK | X_OK) == -1)
		doctor_row(d, "Storage", "Home", FAIL, "%s cannot be written: %s", home, strerror(errno));
	if (strlen(longest) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		doctor_row(d, "Storage", "Home", FAIL, "%s is too long a path for sockets: a shorter ALPI_HOME helps", d->cli->root);
}

void
doctor_storage(struct doctor *d)
{
	static const struct {
		const char *folder;
		int64_t	    most;
	} limits[] = {
		{ "sessions", 1LL << 30 }, { "cache/tts", 500LL << 20 }, { "alp/workgroups", 250LL << 20 },
	};
	struct error full = { 0 };
	size_t large = 0;

	check_home(d);
	if (disk_has(d->cli->home, TURN_ROOM, &full) == -1 && full.code != ERR_not_found)	/* made when it is needed */
		doctor_row(d, "Storage", "Free", FAIL, "%s", full.text);
	for (size_t i = 0; i < COUNT(limits); i++) {
		cleanup_free char *path = path_join(d->cli->home, limits[i].folder);
		char size[32];

		tree_bytes = 0;
		nftw(path, add_bytes, 16, FTW_PHYS);
		if (tree_bytes <= limits[i].most)
			continue;
		large++;
		doctor_row(d, "Storage", limits[i].folder, WARN, "%s", print_size(tree_bytes, size, sizeof(size)));
	}
	if (large == 0)
		doctor_row(d, "Storage", "Size", OK, "nothing unusually large");
}
