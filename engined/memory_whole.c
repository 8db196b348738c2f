/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the notes as a person edits it in a window: whole, with its
 * trailers, under a revision, so that two who edit at a time do not undo each
 * other's work. Nothing of it is tidied up, and it may be fuller than a model
 * may make it; only the scanner's word holds for a person's window, too.
 */
#include <string.h>
#include <unistd.h>
#include <unistr.h>

#include <sodium.h>

#include "common/mem.h"
#include "engined/memory_store.h"

static void
rev_of(const char *text, char rev[MEMORY_REV])
{
	unsigned char hash[16];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
	sodium_bin2hex(rev, MEMORY_REV, hash, sizeof(hash));
}

char *
memory_whole(const char *home, enum memory_file f, char rev[MEMORY_REV], struct error *e)
{
	char *text = memory_load(home, f, e);

	if (text != NULL)
		rev_of(text, rev);
	return text;
}

/* What the scanner says of the new text and did not say of the old one: who fixes a typo is not held up by a line of last year. */
static int
check(const char *old, const char *text, struct error *e)
{
	cleanup_free char *before = memory_hits(old), *now = memory_hits(text);

	if (strlen(text) > MEMORY_BYTES_MAX)
		return error_set(e, ERR_too_large, "a file of notes has at most %d bytes", MEMORY_BYTES_MAX);
	if (now == NULL || (before != NULL && strcmp(before, now) == 0))
		return 0;
	return memory_scan(text, e);
}

int
memory_put_whole(const char *home, enum memory_file f, const char *text, char rev[MEMORY_REV], bool *stale, struct error *e)
{
	cleanup_close int fd = memory_lock(home, e);
	cleanup_free char *old = fd == -1 ? NULL : memory_load(home, f, e);
	char now[MEMORY_REV];

	if (old == NULL)
		return -1;
	rev_of(old, now);
	if ((*stale = strcmp(now, rev) != 0)) {
		memcpy(rev, now, sizeof(now));
		return 0;
	}
	if (check(old, text, e) == -1 || (strcmp(old, text) != 0 && memory_store(home, f, old, text, e) == -1))
		return -1;
	rev_of(text, rev);
	return 0;
}
