/* SPDX-License-Identifier: Apache-2.0 */
/* See audit.h. The chain makes any edit, deletion or reordering visible; what anchors its head is alpd's signature. */
#include "common/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define LINE_BYTES_MAX (64 * 1024)

struct audit {
	int	 fd;
	off_t	 end;		/* of the last whole line */
	int64_t	 seq;		/* of the last row */
	char	 head[65];	/* hash of the last line */
	int	 torn;		/* a last line without its end was cut off */
};

void
audit_hash(const void *bytes, size_t len, char out[65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, bytes, len);
	sodium_bin2hex(out, 65, hash, sizeof(hash));
}

/* Read one line without its newline into b. 1, 0 at the end of the file, -1 for a torn or too long line. */
static int
read_line(FILE *f, struct buf *b)
{
	int c;

	buf_reset(b);
	while ((c = getc_unlocked(f)) != EOF && c != '\n')
		if (buf_addc(b, (char)c) == -1)
			return -1;
	if (c == '\n')
		return 1;
	return b->len == 0 ? 0 : -1;
}

/* Does this line follow the one whose hash is head? Then head becomes its own hash. The row, or NULL. */
static json_t *
follow(const struct buf *line, int64_t seq, char head[65], struct error *e)
{
	cleanup_json json_t *row = json_parse(buf_str(line), line->len, 8, e);

	if (row == NULL)
		return NULL;
	if (json_int(row, "seq", -1) != seq) {
		error_set(e, ERR_invalid, "number %lld expected", (long long)seq);
		return NULL;
	}
	if (strcmp(json_str(row, "prev", ""), head) != 0) {
		error_set(e, ERR_invalid, "does not continue the row before");
		return NULL;
	}
	audit_hash(buf_str(line), line->len, head);
	return steal(row);
}

static void
first_head(char head[65])
{
	memset(head, '0', 64);
	head[64] = '\0';
}

long
audit_walk(const char *path, audit_row *fn, void *arg, struct error *e)
{
	cleanup_buf struct buf line = BUF(LINE_BYTES_MAX);
	FILE *f = fopen(path, "re");
	char head[65];
	long rows = 0;
	int more;

	if (f == NULL)
		return error_errno(e, "%s", path);
	first_head(head);
	while ((more = read_line(f, &line)) == 1) {
		cleanup_json json_t *row = follow(&line, rows + 1, head, e);

		if (row == NULL) {
			error_add(e, "%s: row %ld", path, rows + 1);
			fclose(f);
			return -1;
		}
		rows++;
		if (fn != NULL)
			fn(arg, rows, head, row);
	}
	fclose(f);
	if (more == -1)
		return error_set(e, ERR_invalid, "%s: row %ld is cut or too long", path, rows + 1);
	return rows;
}

long
audit_verify(const char *path, struct error *e)
{
	return audit_walk(path, NULL, NULL, e);
}

/* Find the end of the chain without checking it: verifying is the auditor's business, not the start-up's. */
static int
find_end(struct audit *a, struct error *e)
{
	cleanup_json json_t *row = NULL;
	off_t size = lseek(a->fd, 0, SEEK_END), start;
	char *tail, *last, *before;
	ssize_t n;

	start = size > 2 * LINE_BYTES_MAX ? size - 2 * LINE_BYTES_MAX : 0;
	tail = xcalloc(1, (size_t)(size - start) + 1);
	n = pread(a->fd, tail, (size_t)(size - start), start);
	last = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;
	a->end = last == NULL ? 0 : start + (last - tail) + 1;
	a->torn = a->end != size;
	if (last != NULL) {
		before = memrchr(tail, '\n', (size_t)(last - tail));
		before = before == NULL ? tail : before + 1;
		audit_hash(before, (size_t)(last - before), a->head);
		row = json_parse(before, (size_t)(last - before), 8, e);
		a->seq = json_int(row, "seq", 0);
	}
	free(tail);
	return last != NULL && row == NULL ? error_add(e, "the last row of the audit chain") : 0;
}

int
audit_head(const char *path, int64_t *rows, char head[65], struct error *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct audit a = { .fd = fd };

	if (fd == -1)
		return error_errno(e, "%s", path);
	first_head(a.head);
	if (find_end(&a, e) == -1)
		return error_add(e, "%s", path);
	*rows = a.seq;
	memcpy(head, a.head, sizeof(a.head));
	return 0;
}

size_t
audit_anchor_text(char out[AUDIT_ANCHOR_MAX], const char *chain, int64_t rows, const char head[65])
{
	return (size_t)snprintf(out, AUDIT_ANCHOR_MAX, "alpi-audit-anchor 1\n%.*s\n%lld\n%.64s\n", AUDIT_NAME_MAX, chain,
	    (long long)rows, head);
}

static int
cut_torn(struct audit *a, struct error *e)
{
	return a->torn && ftruncate(a->fd, a->end) == -1 ? error_errno(e, "cut a torn row") : 0;
}

struct audit *
audit_open(const char *home, const char *name, struct error *e)
{
	cleanup_free char *dir = path_join(home, "logs/audit");
	cleanup_free char *path = xasprintf("%s/%s.jsonl", dir, name);
	struct audit *a;

	if (make_dirs(dir, 0700, e) == -1)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	first_head(a->head);
	if ((a->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600)) == -1) {
		error_errno(e, "%s", path);
	} else if (find_end(a, e) == 0 && cut_torn(a, e) == 0) {
		return a;
	}
	audit_close(a);
	return NULL;
}

void
audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* The row as it will stand on disk; the chain's own members win over the caller's. */
static char *
row_text(const struct audit *a, const char *what, const char *who, const char *decision, const json_t *detail)
{
	cleanup_json json_t *row = detail == NULL ? json_object() : json_copy((json_t *)detail);

	json_object_set_new(row, "seq", json_integer(a->seq + 1));
	json_object_set_new(row, "at", json_real((double)clock_wall_ms() / 1000));
	json_object_set_new(row, "what", json_string(what));
	json_object_set_new(row, "who", json_string(who));
	json_object_set_new(row, "decision", json_string(decision));
	if (a->torn)
		json_object_set_new(row, "torn", json_true());
	json_object_set_new(row, "prev", json_string(a->head));
	return json_text(row);
}

int
audit_add(struct audit *a, const char *what, const char *who, const char *decision, const json_t *detail,
    struct error *e)
{
	cleanup_free char *text = row_text(a, what, who, decision, detail);
	size_t len = strlen(text);
	ssize_t n;

	if (len >= LINE_BYTES_MAX)
		return error_set(e, ERR_too_large, "audit row of %zu bytes", len);
	text[len] = '\n';		/* in the place of the NUL: one write, one row */
	n = write(a->fd, text, len + 1);
	if (n != (ssize_t)len + 1 || fdatasync(a->fd) == -1) {
		if (n >= 0 && n != (ssize_t)len + 1)
			errno = ENOSPC;
		error_errno(e, "audit");
		if (ftruncate(a->fd, a->end) == -1)
			error_add(e, "a torn row is left");
		return -1;
	}
	audit_hash(text, len, a->head);
	a->end += n;
	a->seq++;
	a->torn = 0;
	return 0;
}
