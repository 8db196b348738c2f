/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See replay.h: the file, and what is asked of it; pairs.h has what is known
 * in memory. On disk there are lines, appended; what cannot be read is
 * skipped, for a crash may leave a torn line.
 */
#include "alpd/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alpd/canonical.h"
#include "alpd/envelope.h"
#include "alpd/pairs.h"
#include "common/mem.h"
#include "common/paths.h"

#define AGAIN_US	(2 * ENVELOPE_CLOCK_US)	/* how far apart two clocks may be that both let one message pass */
#define LINES_MIN	2048			/* a file of fewer is not worth rewriting */
#define LINE_MAX_BYTES	4096
#define SEEN_MAX	253402300800.0		/* seconds; the year 10000 */
#define CHUNK		65536

struct replay {
	char		 *folder, *new_path;
	int		  fd;
	off_t		  end;		/* its length */
	size_t		  lines;
	bool		  torn;		/* something without a newline stands behind the last line */
	bool		  dirty;	/* not all of it is on the disk */
	bool		  unsettled;	/* alp/replay.new is needed until its pairs stand in the file again */
	struct pairs	  live;
};

/* ---- lines ----------------------------------------------------------------------------------- */

static void
put_line(struct buf *b, const struct pair *p)
{
	size_t first = strlen(p->text);

	buf_addf(b, "{\"seen_at\":%lld.%06lld,\"from\":", (long long)(p->seen_us / 1000000), (long long)(p->seen_us % 1000000));
	canonical_string(b, p->text, first);
	buf_puts(b, ",\"nonce\":");
	canonical_string(b, p->text + first + 1, p->len - first - 2);
	buf_puts(b, "}\n");
}

/* The pair of a line, NULL: it has none. */
static struct pair *
read_pair(const struct replay *r, const struct buf *line)
{
	cleanup_doc struct doc *d = doc_parse(buf_str(line), line->len, NULL);
	const struct node *row = d == NULL ? NULL : doc_root(d);
	cleanup_free char *from = node_dup(node_get(row, "from")), *nonce = node_dup(node_get(row, "nonce"));
	double seen;

	if (from == NULL || nonce == NULL || strlen(nonce) > REPLAY_NONCE_MAX ||
	    !node_num(node_get(row, "seen_at"), &seen) || seen < 0 || seen > SEEN_MAX)
		return NULL;
	return pair_new(&r->live, from, nonce, llround(seen * 1e6));
}

/* Take up what a line says, unless it is dead or known. More than REPLAY_MAX: the oldest of all are forgotten. */
static void
take_line(struct replay *r, const struct buf *line, int64_t now_us)
{
	struct pair *p = read_pair(r, line);
	const struct pair *known;

	if (p == NULL)
		return;
	if (now_us - p->seen_us > REPLAY_WINDOW_US)
		pairs_forgot(&r->live, p->seen_us);
	else if ((known = pairs_find(&r->live, p)) == NULL || known->seen_us < p->seen_us)
		pairs_insert(&r->live, steal(p));
	free(p);
	if (r->live.n > REPLAY_MAX)
		pairs_forget_oldest(&r->live);
}

/* The next line without its newline, empty when it is too long. False: there is none. *whole: it had its newline. */
static bool
next_line(FILE *f, struct buf *line, bool *whole)
{
	bool fits = true;
	int c;

	buf_reset(line);
	if ((c = getc_unlocked(f)) == EOF)
		return false;
	for (; c != '\n' && c != EOF; c = getc_unlocked(f))
		fits = fits && buf_addc(line, (char)c) == 0;
	if (!fits)
		buf_reset(line);
	*whole = c == '\n';
	return true;
}

/* Read all lines of a file that is open. Their number, or -1. */
static ssize_t
load(struct replay *r, int fd, int64_t now_us, bool *whole, struct error *e)
{
	cleanup_buf struct buf line = BUF(LINE_MAX_BYTES);
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = own == -1 ? NULL : fdopen(own, "r");
	ssize_t lines = 0;

	*whole = true;
	if (f == NULL) {
		if (own != -1)
			close(own);
		return error_errno(e, "replay memory");
	}
	for (; next_line(f, &line, whole); lines++)
		take_line(r, &line, now_us);
	if (ferror(f))
		lines = error_errno(e, "read the replay memory");
	fclose(f);
	return lines;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n)
		if ((n = write(fd, data, len)) <= 0) {
			if (n == 0)
				errno = ENOSPC;
			if (n == 0 || errno != EINTR)
				return -1;
			n = 0;
		}
	return 0;
}

/* After a failed append: as it was before, or at least no line to be lost behind half a one. */
static int
undo(struct replay *r, struct error *e)
{
	error_errno(e, "replay memory");
	if (ftruncate(r->fd, r->end) == -1)
		r->torn = true;
	return -1;
}

static int
append(struct replay *r, const char *data, size_t len, struct error *e)
{
	if ((r->torn && write_all(r->fd, "\n", 1) == -1) || write_all(r->fd, data, len) == -1)
		return undo(r, e);
	if ((r->end = lseek(r->fd, 0, SEEK_END)) == -1)
		return error_errno(e, "replay memory");
	r->torn = false;
	r->dirty = true;
	return 0;
}

static int
write_live(const struct replay *r, int fd)
{
	cleanup_buf struct buf b = BUF(0);

	for (size_t i = 0; i < r->live.n; i++) {
		put_line(&b, r->live.heap[i]);
		if (b.len < CHUNK && i + 1 < r->live.n)
			continue;
		if (write_all(fd, b.data, b.len) == -1)
			return -1;
		buf_reset(&b);
	}
	return 0;
}

/* A name that was made or removed lasts only once its folder is on the disk. */
static int
sync_folder(const struct replay *r)
{
	cleanup_close int fd = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 ? -1 : fsync(fd);
}

/* What is live, in alp/replay.new and on the disk. */
static int
write_new(struct replay *r, struct error *e)
{
	cleanup_close int fd = open(r->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return error_errno(e, "%s", r->new_path);
	if (write_live(r, fd) == 0 && fsync(fd) == 0 && sync_folder(r) == 0)
		return 0;
	error_errno(e, "%s", r->new_path);
	unlink(r->new_path);		/* nothing was taken from the file yet */
	return -1;
}

/* Append all that is live (some of it may stand there already): then replay.new is needed no longer. */
static int
settle(struct replay *r, struct error *e)
{
	if ((r->torn && write_all(r->fd, "\n", 1) == -1) || write_live(r, r->fd) == -1 || fdatasync(r->fd) == -1)
		return undo(r, e);
	r->torn = r->dirty = false;
	if ((r->end = lseek(r->fd, 0, SEEK_END)) == -1)
		return error_errno(e, "replay memory");
	r->lines += r->live.n;
	if (unlink(r->new_path) == -1 && errno != ENOENT)
		return error_errno(e, "%s", r->new_path);
	r->unsettled = false;
	return 0;
}

/*
 * At every moment each live pair stands in the file or in replay.new, on the
 * disk. So replay.new is not begun anew before the file is complete.
 */
static int
rewrite(struct replay *r, struct error *e)
{
	if (r->unsettled)
		return settle(r, e);
	if (write_new(r, e) == -1)
		return -1;
	r->unsettled = true;
	if (ftruncate(r->fd, 0) == -1)
		return error_errno(e, "replay memory");
	r->end = 0;
	r->lines = 0;
	r->torn = false;
	return settle(r, e);
}

static bool
is_due(const struct replay *r)
{
	return r->unsettled || (r->lines >= LINES_MIN && r->lines >= 2 * r->live.n);
}

int
replay_sync(struct replay *r, struct error *e)
{
	if (is_due(r) && rewrite(r, e) == -1)
		return -1;
	if (r->dirty && fdatasync(r->fd) == -1)
		return error_errno(e, "replay memory");
	r->dirty = false;
	return 0;
}

/* ---- start and end --------------------------------------------------------------------------- */

/* A regular file, and nobody else's to read. */
static int
check_file(int fd, const char *path, struct error *e)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return error_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s: not a regular file", path);
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) == -1)
		return error_errno(e, "%s", path);
	return 0;
}

static int
load_file(struct replay *r, int64_t now_us, struct error *e)
{
	ssize_t lines;
	bool whole;

	if ((lines = load(r, r->fd, now_us, &whole, e)) == -1)
		return -1;
	if ((r->end = lseek(r->fd, 0, SEEK_END)) == -1)
		return error_errno(e, "replay memory");
	r->lines = (size_t)lines;
	r->torn = !whole;
	return 0;
}

/* What a crash in the middle of a rewrite left. */
static int
load_new(struct replay *r, int64_t now_us, struct error *e)
{
	cleanup_close int fd = open(r->new_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool whole;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (check_file(fd, r->new_path, e) == -1 || load(r, fd, now_us, &whole, e) == -1)
		return -1;
	r->unsettled = true;
	return 0;
}

static void
release(struct replay *r)
{
	if (r->fd != -1)
		close(r->fd);
	pairs_clear(&r->live);
	free(r->folder);
	free(r->new_path);
	free(r);
}

struct replay *
replay_open(const char *home, int64_t now_us, struct error *e)
{
	cleanup_free char *secrets = path_join(home, "alp/secrets"), *path = path_join(secrets, "replay.jsonl");
	struct replay *r;

	if (make_dirs(secrets, 0700, e) == -1)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->folder = path_join(home, "alp");
	r->new_path = path_join(r->folder, "replay.new");
	pairs_init(&r->live);
	r->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (check_file(r->fd, path, e) == -1 || load_file(r, now_us, e) == -1 || load_new(r, now_us, e) == -1) {
		release(r);		/* not closed: what was read only in part must not be written */
		return NULL;
	}
	replay_sync(r, NULL);		/* a full disk is for the first request to find */
	return r;
}

void
replay_close(struct replay *r)
{
	if (r == NULL)
		return;
	replay_sync(r, NULL);
	release(r);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int
write_pair(struct replay *r, const struct pair *p, struct error *e)
{
	cleanup_buf struct buf line = BUF(0);

	put_line(&line, p);
	if (append(r, line.data, line.len, e) == -1)
		return -1;
	r->lines++;
	return 0;
}

int
replay_add(struct replay *r, const char *from, const char *nonce, int64_t now_us, struct error *e)
{
	struct pair *p;
	int result = 1;

	if (strlen(nonce) > REPLAY_NONCE_MAX)
		return error_set(e, ERR_invalid, "a nonce of %zu bytes", strlen(nonce));
	pairs_forget(&r->live, now_us - REPLAY_WINDOW_US);
	p = pair_new(&r->live, from, nonce, now_us);
	if (pairs_find(&r->live, p) != NULL)
		result = 0;
	else if (now_us - r->live.forgotten_us <= AGAIN_US)
		result = error_set(e, ERR_unavailable, "the clock was set back %lld s or more: replays of that time are not known",
		    (long long)((r->live.forgotten_us + REPLAY_WINDOW_US - now_us) / 1000000));
	else if (r->live.n >= REPLAY_MAX)
		result = error_set(e, ERR_busy, "the replay memory is full");
	else if ((result = write_pair(r, p, e)) == 0)
		result = 1;
	if (result == 1)
		pairs_insert(&r->live, steal(p));
	free(p);
	return result;
}

size_t
replay_live(const struct replay *r)
{
	return r->live.n;
}
