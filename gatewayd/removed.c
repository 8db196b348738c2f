/* SPDX-License-Identifier: Apache-2.0 */
/* See removed.h. */
#include "gatewayd/removed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/gateways.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/inbox.h"

#define OURS	"gateway/"		/* what is elsewhere in a home is not ours to take away */

static int
remove_file(const char *home, const char *name, struct error *e)
{
	cleanup_free char *path = path_join(home, name);

	return unlink(path) == -1 && errno != ENOENT ? error_errno(e, "%s", path) : 0;
}

static int
forget_one(const char *home, struct inbox *in, const struct gateway_kind *g, const char *mark, struct error *e)
{
	if (inbox_forget(in, g->name, e) == -1)
		return -1;
	for (size_t i = 0; g->files[i] != NULL; i++)
		if (strncmp(g->files[i], OURS, strlen(OURS)) == 0 && remove_file(home, g->files[i], e) == -1)
			return -1;
	if (remove_file(home, mark, e) == -1)
		return -1;
	log_info("%s was removed: nothing of it is known any more", g->name);
	return 0;
}

int
removed_forget(const char *home, struct inbox *in, struct error *e)
{
	for (const struct gateway_kind *g = gateway_kinds; g->name != NULL; g++) {
		cleanup_free char *mark = xasprintf(GATEWAY_REMOVED, g->name), *path = path_join(home, mark);

		if (access(path, F_OK) == 0 && forget_one(home, in, g, mark, e) == -1)
			return -1;
	}
	return 0;
}
