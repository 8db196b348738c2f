/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See host.h: what main needs to open and to close off, apart so that a
 * test can stand behind the same fence.
 */
#include "hostd/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

#define DEVICE_ID_BYTES 16

static const char *const schema[] = {
	"CREATE TABLE turns ("
	"	key TEXT PRIMARY KEY,"
	"	profile TEXT NOT NULL,"
	"	request_id TEXT NOT NULL,"
	"	session TEXT,"			/* known when closed, or asked for */
	"	surface TEXT NOT NULL,"
	"	who TEXT NOT NULL,"
	"	caps INTEGER NOT NULL,"
	"	turn TEXT,"			/* engined's name of it, once closed */
	"	body TEXT,"			/* what was asked, while open */
	"	ended INTEGER"			/* Unix seconds; NULL while open */
	");"
	"CREATE INDEX turns_ended ON turns (ended);"
	"CREATE TABLE questions ("
	"	request_id TEXT PRIMARY KEY,"
	"	kind TEXT NOT NULL,"		/* approval, clarification */
	"	profile TEXT NOT NULL,"
	"	data TEXT NOT NULL,"
	"	deadline INTEGER NOT NULL"	/* Unix milliseconds */
	");",
	NULL
};

/*
 * Nothing is lost with a damaged file that cannot be had again: engined's journal holds the turns, clients know their
 * keys, and who asked a question takes silence for a no. So it does not stand in the way. Not synced: a power cut takes
 * the clients with it.
 */
int
host_db(struct db **out, const char *path, struct error *e)
{
	if (db_open_whole(out, path, schema, 0, e) == 0)
		return 0;
	if (e->code != ERR_invalid)
		return -1;
	log_error("set aside as %s.damaged, begun anew: %s", path, e->text);
	if (db_set_aside(path, e) == -1)
		return -1;
	return db_open_whole(out, path, schema, 0, e);
}

static int
is_device_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == 2 * DEVICE_ID_BYTES && text[2 * DEVICE_ID_BYTES] == '\0';
}

static int
read_device_id(const char *path, char out[33], struct error *e)
{
	struct buf b cleanup_buf = BUF(64);

	if (file_read(path, 64, &b, e) == -1)
		return -1;
	while (b.len > 0 && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	if (!is_device_id(buf_str(&b)))
		return error_set(e, ERR_invalid, "%s: not 32 hex digits", path);
	memcpy(out, b.data, b.len + 1);
	return 0;
}

int
host_device_id(const char *root, char out[33], struct error *e)
{
	cleanup_free char *path = path_join(root, "host/device_id");
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1 && errno == EEXIST)
		return read_device_id(path, out, e);
	if (fd == -1)
		return error_errno(e, "%s", path);
	random_hex(out, DEVICE_ID_BYTES);
	if (write(fd, out, 2 * DEVICE_ID_BYTES) != 2 * DEVICE_ID_BYTES) {
		error_errno(e, "%s", path);
		unlink(path);
		return -1;
	}
	return 0;
}

int
host_fence(const char *root, const char *run, struct error *e)
{
	cleanup_free char *own = path_join(root, "host");

	if (restrict_path(own, "rw!", e) == -1 || restrict_path(run, "rw!", e) == -1)
		return -1;
	return restrict_self("stdio db bus unix", e);
}

char *
host_unit(const struct host *h, const char *profile, const char *daemon, struct error *e)
{
	char *unit = xasprintf("%s/%s", profile, daemon);

	if (boot_find(&h->daemon->boot.calls, unit) != NULL && json_object_get(h->removed, profile) == NULL)
		return unit;
	free(unit);
	error_set(e, ERR_not_found, "no profile %s", profile);
	return NULL;
}

char *
host_engine(const struct host *h, const char *profile, struct error *e)
{
	return host_unit(h, profile, "engined", e);
}
