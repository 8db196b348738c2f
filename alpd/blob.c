/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See blob.h; here the blobs that are complete. The folders are opened anew
 * for every call, one element after the other, so that no link leads out of
 * them and no open folder outlives alpd_hide. A blob is its hash, so what is
 * handed out was hashed, unless it is still the file that was hashed before.
 */
#include "alpd/blob.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/blob_own.h"
#include "common/mem.h"
#include "common/paths.h"

int
blob_hash(const char *text, char out[65])
{
	size_t i;

	text += strspn(text, " \t\r\n\v\f");
	for (i = 0; i < 64 && isxdigit((unsigned char)text[i]); i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	if (i < 64 || text[64 + strspn(text + 64, " \t\r\n\v\f")] != '\0')
		return -1;
	out[64] = '\0';
	return 0;
}

/* ---- folders ------------------------------------------------------------------------------------- */

/* Open a folder, made where it is missing, for its owner alone. */
static int
folder(int in, const char *name, struct error *e)
{
	int made = mkdirat(in, name, 0700), fd;
	struct stat st;

	if (made == -1 && errno != EEXIST)
		return error_errno(e, "make folder %s", name);
	if (made == 0 && fsync(in) == -1)
		return error_errno(e, "make folder %s", name);
	if ((fd = openat(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return error_errno(e, "open folder %s", name);
	if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
		fchmod(fd, 0700);
	return fd;
}

void
folders_close(struct folders *f)
{
	cleanup_close_(&f->blobs);
	cleanup_close_(&f->incoming);
}

int
folders_open(const struct blobs *b, struct folders *f, struct error *e)
{
	cleanup_close int alp = open(b->alp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*f = (struct folders){ .blobs = -1, .incoming = -1 };
	if (alp == -1)
		return error_errno(e, "open %s", b->alp);
	if ((f->blobs = folder(alp, "blobs", e)) == -1)
		return -1;
	if ((f->incoming = folder(f->blobs, ".incoming", e)) != -1)
		return 0;
	folders_close(f);
	return -1;
}

/* ---- blobs that are complete ----------------------------------------------------------------------- */

int
blob_hash_file(int fd, char out[65])
{
	unsigned char digest[crypto_hash_sha256_BYTES], block[32768];
	crypto_hash_sha256_state state;
	off_t at = 0;
	ssize_t n;

	crypto_hash_sha256_init(&state);
	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		crypto_hash_sha256_update(&state, block, (unsigned long long)n);
		at += n;
	}
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(out, 65, digest, sizeof(digest));
	return n == 0 ? 0 : -1;
}

static bool
was_right(const struct blobs *b, const struct stat *st)
{
	struct stamp now = stamp_of(st);

	for (size_t i = 0; i < RIGHT_MAX; i++)
		if (stamp_same(&b->right[i], &now))
			return true;
	return false;
}

void
blob_remember_right(struct blobs *b, const struct stat *st)
{
	b->right[b->next_right++ % RIGHT_MAX] = stamp_of(st);
}

bool
blob_is_right(struct blobs *b, int fd, const char *hash, int64_t *size)
{
	char found[65];
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > BLOB_MAX)
		return false;
	*size = st.st_size;
	if (was_right(b, &st))
		return true;
	if (blob_hash_file(fd, found) == -1 || strcmp(found, hash) != 0)
		return false;
	blob_remember_right(b, &st);
	return true;
}

int
blob_open_in(int dir, const char *name, int flags)
{
	return openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

int
blob_open(struct blobs *b, const char *hash, int64_t *size, struct error *e)
{
	cleanup_close int alp = open(b->alp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int dir = openat(alp, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char again[65];
	int fd = dir == -1 || blob_hash(hash, again) == -1 ? -1 : blob_open_in(dir, again, O_RDONLY);

	if (fd != -1 && blob_is_right(b, fd, again, size))
		return fd;
	cleanup_close_(&fd);
	return error_set(e, ERR_not_found, "no blob %s", hash);
}

/* ---- start and end ---------------------------------------------------------------------------------- */

struct blobs *
blobs_open(const char *home, struct error *e)
{
	struct blobs *b = xcalloc(1, sizeof(*b));

	b->alp = path_join(home, "alp");
	TAILQ_INIT(&b->uploads);
	return b;
}

void
blobs_close(struct blobs *b)
{
	if (b == NULL)
		return;
	uploads_clear(b);
	free(b->alp);
	free(b);
}
