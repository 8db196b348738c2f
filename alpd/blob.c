/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See blob.h. The folders are opened anew for every call, one element after
 * the other, so that no link leads out of them and no open folder outlives
 * alpd_hide. What a sender may leave here unfinished is bounded: so many
 * uploads at once, so many bytes of all senders together, and never the last
 * of the disk.
 *
 * A part of which this process has heard holds exactly what was acknowledged.
 * One that an earlier process left may hold some bytes more, of a chunk that
 * was never answered: there the sender's offset says where it goes on. The
 * hash of the whole decides in any case.
 */
#include "alpd/blob.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "common/atomic.h"
#include "common/audit.h"
#include "common/mem.h"
#include "common/paths.h"

#define SENDER_PARTS	4			/* uploads of one sender at once */
#define PARTS_BYTES	(256LL * 1024 * 1024)	/* of all uploads */
#define DISK_RESERVE	(64 * 1024 * 1024)	/* stays free for what the profile itself writes */
#define UPLOADS_MAX	256			/* remembered */
#define SEEN_MAX	64
#define SENDER_DIGITS	16
#define COPY_NAME	".new"			/* among the blobs; one at a time, so the next takes its place */
#define PART_NAME	(SENDER_DIGITS + 1 + 64 + 5)	/* <sender>-<hash>.part */

struct upload {
	TAILQ_ENTRY(upload)	 link;
	char			 name[PART_NAME + 1];
	int64_t			 held;		/* bytes acknowledged */
};

struct seen {				/* a blob whose hash was right, as long as it stays the same file */
	dev_t		dev;
	ino_t		ino;
	int64_t		size;
	struct timespec	mtime, ctime;
};

struct blobs {
	char		*alp;
	TAILQ_HEAD(uploads, upload) uploads;	/* continued last comes first */
	size_t		 n;
	struct seen	 seen[SEEN_MAX];
	size_t		 next_seen;
};

struct folders {
	int	blobs, incoming;
};

struct piece {
	const char	*hash;
	int64_t		 size, offset;
	const void	*data;
	size_t		 len;
	bool		 final;
	char		 name[PART_NAME + 1];
};

/* ---- names --------------------------------------------------------------------------------------- */

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

static void
folders_close(struct folders *f)
{
	cleanup_close_(&f->blobs);
	cleanup_close_(&f->incoming);
}

static int
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

/* The hash of a file, through a small buffer. 0 or -1. */
static int
hash_file(int fd, char out[65])
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

static struct seen
as_seen(const struct stat *st)
{
	return (struct seen){ .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .mtime = st->st_mtim, .ctime = st->st_ctim };
}

static bool
is_seen(const struct blobs *b, const struct stat *st)
{
	for (size_t i = 0; i < SEEN_MAX; i++) {
		const struct seen *s = &b->seen[i];

		if (s->ino == st->st_ino && s->dev == st->st_dev && s->size == st->st_size &&
		    s->mtime.tv_sec == st->st_mtim.tv_sec && s->mtime.tv_nsec == st->st_mtim.tv_nsec &&
		    s->ctime.tv_sec == st->st_ctim.tv_sec && s->ctime.tv_nsec == st->st_ctim.tv_nsec)
			return true;
	}
	return false;
}

/* Whoever repeats a call does not make us hash 20 MiB each time. */
static void
remember_seen(struct blobs *b, const struct stat *st)
{
	b->seen[b->next_seen++ % SEEN_MAX] = as_seen(st);
}

/* Is this open file the blob of that name? */
static bool
is_right(struct blobs *b, int fd, const char *hash, int64_t *size)
{
	char found[65];
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > BLOB_MAX)
		return false;
	*size = st.st_size;
	if (is_seen(b, &st))
		return true;
	if (hash_file(fd, found) == -1 || strcmp(found, hash) != 0)
		return false;
	remember_seen(b, &st);
	return true;
}

static int
open_in(int dir, const char *name, int flags)
{
	return openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

int
blob_open(struct blobs *b, const char *hash, int64_t *size, struct error *e)
{
	cleanup_close int alp = open(b->alp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int dir = openat(alp, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char again[65];
	int fd = dir == -1 || blob_hash(hash, again) == -1 ? -1 : open_in(dir, again, O_RDONLY);

	if (fd != -1 && is_right(b, fd, again, size))
		return fd;
	cleanup_close_(&fd);
	return error_set(e, ERR_not_found, "no blob %s", hash);
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

/* ---- uploads ------------------------------------------------------------------------------------- */

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

static void
drop_part(struct blobs *b, const struct folders *f, const char *name)
{
	upload_forget(b, upload_find(b, name));
	unlinkat(f->incoming, name, 0);
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
	cleanup_close int fd = open_in(f->incoming, p->name, p->offset == 0 ? O_RDWR | O_CREAT : O_RDWR);
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
	if (errno != EXDEV || (new = open_in(f->blobs, COPY_NAME, O_WRONLY | O_CREAT | O_TRUNC)) == -1 || copy(fd, new) == -1 ||
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
	if (hash_file(fd, found) == -1)
		return error_errno(e, "read %s", p->name);
	if (strcmp(found, p->hash) != 0) {
		drop_part(b, f, p->name);
		return error_set(e, ERR_invalid, "the content has another hash");
	}
	if (publish(f, fd, p) == -1 || fsync(f->blobs) == -1)
		return error_errno(e, "rename %s", p->name);
	upload_forget(b, upload_find(b, p->name));
	if (fstat(fd, &st) == 0)
		remember_seen(b, &st);
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
	cleanup_close int fd = open_in(f->blobs, p->hash, O_RDONLY);
	int64_t size;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 || !is_right(b, fd, p->hash, &size))
		return error_set(e, ERR_invalid, "what is stored under this hash is damaged");
	if (size != p->size)
		return error_set(e, ERR_invalid, "the blob with this hash has another size");
	drop_part(b, f, p->name);
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

/* ---- start, end, sweep ------------------------------------------------------------------------------ */

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
	while (!TAILQ_EMPTY(&b->uploads))
		upload_forget(b, TAILQ_FIRST(&b->uploads));
	free(b->alp);
	free(b);
}

struct sweeping {
	struct blobs	*blobs;
	int64_t		 now_s;
};

static void
drop_stale(int dir, const char *name, const struct stat *st, void *arg)
{
	struct sweeping *s = arg;

	if (s->now_s - st->st_mtim.tv_sec > BLOB_STALE_S)
		drop_part(s->blobs, &(struct folders){ .incoming = dir }, name);
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
