/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See blob.h; here the blobs that are still coming in, each a part below
 * .incoming. What a sender may leave here unfinished is bounded: so many
 * uploads at once, so many bytes of all senders together, and never the last
 * of the disk.
 *
 * A part of which this process has heard holds exactly what was acknowledged.
 * One that an earlier process left may hold some bytes more, of a chunk that
 * was never answered: there the sender's offset says where it goes on. The
 * hash of the whole decides in any case.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alpd/blob_own.h"
#include "common/atomic.h"
#include "common/audit.h"
#include "common/mem.h"

#define SENDER_PARTS	4			/* uploads of one sender at once */
#define PARTS_BYTES	(256LL * 1024 * 1024)	/* of all uploads */
#define DISK_RESERVE	(64 * 1024 * 1024)	/* stays free for what the profile itself writes */
#define UPLOADS_MAX	256			/* remembered */
#define SENDER_DIGITS	16
#define COPY_NAME	".new"			/* among the blobs; one at a time, so the next takes its place */
#define PART_NAME	(SENDER_DIGITS + 1 + 64 + 5)	/* <sender>-<hash>.part */

struct upload {
	TAILQ_ENTRY(upload)	 link;
	char			 name[PART_NAME + 1];
	int64_t			 held;		/* bytes acknowledged */
};

struct piece {				/* what blob_put was given */
	const char	*hash;
	int64_t		 size, offset;
	const void	*data;
	size_t		 len;
	bool		 final;
	char		 name[PART_NAME + 1];
};

/* ---- names ------------------------------------------------------------------------------------------ */

/* The same sender's parts begin alike. */
static void
part_name(const char *from, const char *hash, char out[PART_NAME + 1])
{
	char sender[65];

	audit_hash(from, strlen(from), sender);
	snprintf(out, PART_NAME + 1, "%.*s-%.64s.part", SENDER_DIGITS, sender, hash);
}

static bool
is_part(const char *name)
{
	return strlen(name) == PART_NAME && strspn(name, "0123456789abcdef") == SENDER_DIGITS &&
	    name[SENDER_DIGITS] == '-' && strcmp(name + PART_NAME - 5, ".part") == 0;
}

/* ---- room ---------------------------------------------------------------------------------------- */

/* fn for every part, as the folder and its name. */
static int
each_part(int incoming, void (*fn)(int dir, const char *name, const struct stat *st, void *arg), void *arg, struct error *e)
{
	int fd = openat(incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *row;
	struct stat st;

	if (d == NULL) {
		cleanup_close_(&fd);
		return error_errno(e, "read folder .incoming");
	}
	while ((row = readdir(d)) != NULL)
		if (is_part(row->d_name) && fstatat(incoming, row->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			fn(incoming, row->d_name, &st, arg);
	closedir(d);
	return 0;
}

struct others {
	const char	*name;		/* all but this one */
	int64_t		 bytes;
	int		 same_sender;
};

static void
count_other(int dir, const char *name, const struct stat *st, void *arg)
{
	struct others *o = arg;

	if (strcmp(name, o->name) == 0)
		return;
	o->bytes += st->st_size;
	o->same_sender += strncmp(name, o->name, SENDER_DIGITS) == 0;
}

static int
check_room(const struct blobs *b, const struct folders *f, const struct piece *p, struct error *e)
{
	struct others o = { .name = p->name };

	if (each_part(f->incoming, count_other, &o, e) == -1)
		return -1;
	if (p->offset == 0 && o.same_sender >= SENDER_PARTS)
		return error_set(e, ERR_full, "%d uploads of this sender are not finished", o.same_sender);
	if (o.bytes + p->offset + (int64_t)p->len > PARTS_BYTES)
		return error_set(e, ERR_full, "%lld bytes of uploads are not finished", (long long)o.bytes);
	return disk_has(b->alp, p->len + DISK_RESERVE, e);
}

/* ---- what was acknowledged ------------------------------------------------------------------------------------- */

static struct upload *
upload_find(struct blobs *b, const char *name)
{
	struct upload *u;

	TAILQ_FOREACH(u, &b->uploads, link)
		if (strcmp(u->name, name) == 0)
			break;
	return u;
}

static void
upload_forget(struct blobs *b, struct upload *u)
{
	if (u == NULL)
		return;
	TAILQ_REMOVE(&b->uploads, u, link);
	b->n--;
	free(u);
}

static void
upload_holds(struct blobs *b, const char *name, int64_t held)
{
	struct upload *u = xcalloc(1, sizeof(*u));

	upload_forget(b, upload_find(b, name));
	if (b->n == UPLOADS_MAX)
		upload_forget(b, TAILQ_LAST(&b->uploads, uploads));
	strcpy(u->name, name);
	u->held = held;
	TAILQ_INSERT_HEAD(&b->uploads, u, link);
	b->n++;
}

void
uploads_clear(struct blobs *b)
{
	while (!TAILQ_EMPTY(&b->uploads))
		upload_forget(b, TAILQ_FIRST(&b->uploads));
}

static void
drop_part(struct blobs *b, int incoming, const char *name)
{
	upload_forget(b, upload_find(b, name));
	unlinkat(incoming, name, 0);
}

/* Where the next chunk has to begin; -1: this part cannot be gone on with. */
static int64_t
next_offset(struct blobs *b, const struct piece *p, int64_t on_disk)
{
	const struct upload *u = upload_find(b, p->name);

	if (u != NULL)
		return on_disk >= u->held ? u->held : -1;
	return p->offset <= on_disk ? p->offset : on_disk;	/* an earlier process left it */
}

/* Rule 2: the part, cut to where the chunk begins. The descriptor or -1. */
static int
open_part(struct blobs *b, const struct folders *f, const struct piece *p, struct error *e)
{
	cleanup_close int fd = blob_open_in(f->incoming, p->name, p->offset == 0 ? O_RDWR | O_CREAT : O_RDWR);
	struct stat st;
	int out;

	if (fd == -1 && errno == ENOENT)
		return error_set(e, ERR_invalid, "offset is not the next one: nothing is here yet");
	if (fd == -1 || fstat(fd, &st) == -1)
		return error_errno(e, "open %s", p->name);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_io, "%s is not a regular file", p->name);
	if (p->offset > 0 && next_offset(b, p, st.st_size) != p->offset)
		return error_set(e, ERR_invalid, "offset is not the next one");
	if (ftruncate(fd, p->offset) == -1 || (p->offset == 0 && fsync(f->incoming) == -1))
		return error_errno(e, "write %s", p->name);
	out = fd;
	fd = -1;
	return out;
}

/* Rule 3: on disk, or as before. */
static int
append(int fd, const struct piece *p, struct error *e)
{
	size_t done = 0;
	ssize_t n;

	while (done < p->len) {
		n = pwrite(fd, (const char *)p->data + done, p->len - done, (off_t)(p->offset + (int64_t)done));
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (done == p->len && fsync(fd) == 0)
		return 0;
	error_errno(e, "write %s", p->name);
	return ftruncate(fd, p->offset) == -1 ? error_add(e, "half a chunk is left") : -1;
}

static int
copy(int from, int to)
{
	char block[32768];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, block, sizeof(block), at)) > 0) {
		if (pwrite(to, block, (size_t)n, at) != n)
			return -1;
		at += n;
	}
	return n == 0 ? fsync(to) : -1;
}

/* To its name among the complete ones. The first Landlock lets nobody rename from one folder into another. */
static int
publish(const struct folders *f, int fd, const struct piece *p)
{
	cleanup_close int new = -1;

	if (renameat(f->incoming, p->name, f->blobs, p->hash) == 0)
		return 0;
	if (errno != EXDEV || (new = blob_open_in(f->blobs, COPY_NAME, O_WRONLY | O_CREAT | O_TRUNC)) == -1 || copy(fd, new) == -1 ||
	    renameat(f->blobs, COPY_NAME, f->blobs, p->hash) == -1)
		return -1;
	unlinkat(f->incoming, p->name, 0);
	return 0;
}

/* Rule 4. The name is on disk before anybody hears that the blob is complete. */
static int
finish(struct blobs *b, const struct folders *f, int fd, const struct piece *p, struct error *e)
{
	int64_t held = p->offset + (int64_t)p->len;
	char found[65];
	struct stat st;

	if (held != p->size)
		return error_set(e, ERR_invalid, "%lld of %lld bytes are here, and this was the last chunk", (long long)held,
		    (long long)p->size);
	if (blob_hash_file(fd, found) == -1)
		return error_errno(e, "read %s", p->name);
	if (strcmp(found, p->hash) != 0) {
		drop_part(b, f->incoming, p->name);
		return error_set(e, ERR_invalid, "the content has another hash");
	}
	if (publish(f, fd, p) == -1 || fsync(f->blobs) == -1)
		return error_errno(e, "rename %s", p->name);
	upload_forget(b, upload_find(b, p->name));
	if (fstat(fd, &st) == 0)
		blob_remember_right(b, &st);
	return 0;
}

/* Rules 2 to 4. */
static int
take(struct blobs *b, const struct folders *f, const struct piece *p, struct error *e)
{
	cleanup_close int fd = -1;

	if (p->offset + (int64_t)p->len > p->size)
		return error_set(e, ERR_invalid, "the chunk passes the size");
	if (check_room(b, f, p, e) == -1 || (fd = open_part(b, f, p, e)) == -1)
		return -1;
	upload_holds(b, p->name, p->offset);
	if (append(fd, p, e) == -1)
		return -1;
	upload_holds(b, p->name, p->offset + (int64_t)p->len);
	return p->final ? finish(b, f, fd, p, e) : 0;
}

/* Rule 1, second half: 1: the blob is here already, 0: it is not, -1: what is here is something else. */
static int
have(struct blobs *b, const struct folders *f, const struct piece *p, struct error *e)
{
	cleanup_close int fd = blob_open_in(f->blobs, p->hash, O_RDONLY);
	int64_t size;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 || !blob_is_right(b, fd, p->hash, &size))
		return error_set(e, ERR_invalid, "what is stored under this hash is damaged");
	if (size != p->size)
		return error_set(e, ERR_invalid, "the blob with this hash has another size");
	drop_part(b, f->incoming, p->name);
	return 1;
}

static int
check_piece(const struct piece *p, struct error *e)
{
	char again[65];

	if (blob_hash(p->hash, again) == -1 || strcmp(again, p->hash) != 0)
		return error_set(e, ERR_invalid, "hash is not 64 hex digits");
	if (p->size < 0 || p->size > BLOB_MAX)
		return error_set(e, ERR_invalid, "size is not a number of bytes up to %d", BLOB_MAX);
	if (p->offset < 0 || p->offset > BLOB_MAX)
		return error_set(e, ERR_invalid, "offset is not a number of bytes");
	if (p->len > BLOB_CHUNK)
		return error_set(e, ERR_invalid, "the chunk is larger than %d bytes", BLOB_CHUNK);
	return 0;
}

int
blob_put(struct blobs *b, const char *from, const char *hash, int64_t size, int64_t offset, const void *data, size_t len,
    bool final, struct blob_state *state, struct error *e)
{
	struct piece p = { .hash = hash, .size = size, .offset = offset, .data = data, .len = len, .final = final };
	struct folders f;
	int status;

	if (check_piece(&p, e) == -1 || folders_open(b, &f, e) == -1)
		return -1;
	part_name(from, hash, p.name);
	status = have(b, &f, &p, e);
	if (status == 0 && (status = take(b, &f, &p, e)) == 0)
		status = final;
	folders_close(&f);
	if (status == -1)
		return -1;
	*state = (struct blob_state){ .next_offset = status == 1 ? size : offset + (int64_t)len, .complete = status == 1 };
	return 0;
}

/* ---- sweep ------------------------------------------------------------------------------------------- */

struct sweeping {
	struct blobs	*blobs;
	int64_t		 now_s;
};

static void
drop_stale(int dir, const char *name, const struct stat *st, void *arg)
{
	struct sweeping *s = arg;

	if (s->now_s - st->st_mtim.tv_sec > BLOB_STALE_S)
		drop_part(s->blobs, dir, name);
}

void
blobs_sweep(struct blobs *b, int64_t now_s)
{
	struct sweeping s = { .blobs = b, .now_s = now_s };
	struct folders f;

	if (folders_open(b, &f, NULL) == -1)
		return;
	each_part(f.incoming, drop_stale, &s, NULL);
	folders_close(&f);
}
