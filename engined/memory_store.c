/* SPDX-License-Identifier: Apache-2.0 */
/* See memory_store.h. */
#include "engined/memory_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unistr.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/scan.h"
#include "engined/prompt.h"

static char *
path_of(const char *home, enum memory_file f)
{
	return xasprintf("%s/memories/%s", home, memory_name(f));
}

char *
memory_load(const char *home, enum memory_file f, struct error *e)
{
	cleanup_free char *path = path_of(home, f);
	cleanup_buf struct buf b = BUF(0);
	struct error why = { 0 };

	if (file_read(path, MEMORY_BYTES_MAX, &b, &why) == -1) {
		if (why.code == ERR_not_found)
			return f == MEMORY_AGENT ? xasprintf("%s\n", prompt_agent) : xstrdup("");
		error_set(e, why.code, "%s", why.text);
		return NULL;
	}
	if (memchr(buf_str(&b), '\0', b.len) != NULL || u8_check((const uint8_t *)buf_str(&b), b.len) != NULL) {
		error_set(e, ERR_invalid, "%s is not UTF-8 text; convert it (iconv -t utf-8), or set it right by hand", memory_name(f));
		return NULL;
	}
	return buf_take(&b);
}

int
memory_store(const char *home, enum memory_file f, const char *old, const char *text, struct error *e)
{
	cleanup_free char *path = path_of(home, f), *before = xasprintf("%s.bak", path);

	if (old[0] != '\0' && atomic_write(before, old, strlen(old), 0600, e) == -1)
		return -1;
	return atomic_write(path, text, strlen(text), 0600, e);
}

int
memory_lock(const char *home, struct error *e)
{
	cleanup_free char *dir = xasprintf("%s/memories", home), *path = xasprintf("%s/.lock", dir);
	int fd;

	if (mkdir(dir, 0700) == -1 && access(dir, W_OK) == -1)
		return error_errno(e, "%s", dir);
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) == -1)
		return error_errno(e, "%s", path);
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	error_errno(e, "%s", path);
	close(fd);
	return -1;
}

/* ---- what the scanner says ------------------------------------------------------------------ */

char *
memory_hits(const char *text)
{
	struct buf b = BUF(0);
	struct scan_hits h;

	scan_text(SCAN_MEMORY, text, strlen(text), NULL, &h);
	for (size_t i = 0; i < h.n; i++)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", h.rows[i].id);
	scan_hits_clear(&h);
	if (b.len > 0)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}

int
memory_scan(const char *text, struct error *e)
{
	cleanup_free char *hits = memory_hits(text);

	return hits == NULL ? 0 : error_set(e, ERR_denied, "not kept, the scanner refuses it: %s "
	    "(alpi scan check --kind memory tells more)", hits);
}
