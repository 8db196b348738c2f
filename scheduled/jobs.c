/* SPDX-License-Identifier: Apache-2.0 */
/* See jobs.h: the file and the list. What a row says stands in job.c. */
#include "scheduled/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "scheduled/job.h"

#define ALIKE	0.6
#define LOCK_TRIES	20
#define LOCK_PAUSE_NS	5000000L

/* What of a file tells that it changed. */
struct stamp {
	ino_t	ino;
	off_t	size;
	struct timespec mtime;
};

struct jobs {
	char		*path, *lock;
	struct zones	 zones;
	struct stamp	 file, zone;
	char		*corrupt;
	struct job	**rows, **by_id;	/* by_id: those that have one, sorted */
	size_t		 n, n_id;
};

static struct stamp
stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return (struct stamp){ 0 };
	return (struct stamp){ st.st_ino, st.st_size, st.st_mtim };
}

static bool
is_same(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	    a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void
forget_rows(struct jobs *s)
{
	for (size_t i = 0; i < s->n; i++) {
		job_clear(s->rows[i]);
		free(s->rows[i]);
	}
	free(steal(s->rows));
	free(steal(s->by_id));
	free(steal(s->corrupt));
	s->n = s->n_id = 0;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;
	int order = strcmp(x->id, y->id);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Of two rows with one id the first is the job. */
static void
index_rows(struct jobs *s)
{
	size_t n = 0;

	free(s->by_id);
	s->by_id = xcalloc(s->n + 1, sizeof(*s->by_id));
	s->n_id = 0;
	for (size_t i = 0; i < s->n; i++) {
		s->rows[i]->order = i;
		if (s->rows[i]->id[0] != '\0')
			s->by_id[s->n_id++] = s->rows[i];
	}
	qsort(s->by_id, s->n_id, sizeof(*s->by_id), compare_ids);
	for (size_t i = 0; i < s->n_id; i++)
		if (n > 0 && strcmp(s->by_id[n - 1]->id, s->by_id[i]->id) == 0) {
			free(s->by_id[i]->broken);
			s->by_id[i]->broken = xstrdup("another job has this id");
		} else
			s->by_id[n++] = s->by_id[i];
	s->n_id = n;
}

static void
append(struct jobs *s, struct job *j)
{
	if ((s->n & (s->n - 1)) == 0)		/* 0, 1, 2, 4, ... rows are there */
		s->rows = xreallocarray(s->rows, s->n == 0 ? 1 : s->n * 2, sizeof(*s->rows));
	s->rows[s->n++] = j;
}

size_t
jobs_count(const struct jobs *s)
{
	return s->n;
}

struct job *
jobs_at(const struct jobs *s, size_t i)
{
	return s->rows[i];
}

struct job *
jobs_find(const struct jobs *s, const char *id)
{
	size_t low = 0, high = s->n_id;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(s->by_id[middle]->id, id);

		if (order == 0)
			return s->by_id[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *
jobs_alike(const struct jobs *s, const char *id)
{
	const char *best = NULL;
	double most = ALIKE;

	for (size_t i = 0; i < s->n_id; i++) {
		double like = job_likeness(s->by_id[i]->id, id);

		if (like >= most && (best == NULL || like > most)) {
			best = s->by_id[i]->id;
			most = like;
		}
	}
	return best;
}

const char *
jobs_twin(const struct jobs *s, const json_t *row)
{
	const char *id = json_str(row, "id", "");

	for (size_t i = 0; i < s->n; i++) {
		cleanup_json json_t *other = NULL;

		if (s->rows[i]->broken != NULL || strcmp(s->rows[i]->id, id) == 0)
			continue;
		other = job_row(s->rows[i]);
		if (job_is_twin(row, other))
			return s->rows[i]->id;
	}
	return NULL;
}

const struct zone *
jobs_zone(const struct jobs *s)
{
	return s->zones.machine;
}

const char *
jobs_corrupt(const struct jobs *s)
{
	return s->corrupt;
}

/* ---- the file ------------------------------------------------------------------------------- */

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* Where a value ends that begins here: at a comma or bracket that is not its own. */
static const char *
value_end(const char *p, const char *end)
{
	size_t depth = 0;
	bool text = false;

	for (; p < end; p++) {
		if (text) {
			if (*p == '\\' && p + 1 < end)
				p++;
			else if (*p == '"')
				text = false;
		} else if (*p == '"')
			text = true;
		else if (*p == '{' || *p == '[')
			depth++;
		else if (depth == 0 && (*p == ',' || *p == ']'))
			break;
		else if ((*p == '}' || *p == ']') && depth-- == 0)
			return end;
	}
	return p;
}

/* JSON, though no row that we take: the one that it stands in is broken, and not the file. A bare NUL could not be written back. */
static bool
is_json(const char *p, size_t len)
{
	json_t *v = memchr(p, '\0', len) != NULL ? NULL : json_loadb(p, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	json_decref(v);
	return v != NULL;
}

static int
take_row(struct jobs *s, const char *p, const char *end, struct error *e)
{
	cleanup_json json_t *row = NULL;
	struct error why = { 0 };
	struct job *j;
	size_t len;

	while (end > p && skip_blanks(end - 1, end) == end)
		end--;
	len = (size_t)(end - p);
	if (len > JOB_BYTES)
		error_set(&why, ERR_too_large, "it is larger than %d bytes", JOB_BYTES);
	else
		row = json_parse(p, len, 16, &why);
	if (row == NULL && !is_json(p, len))
		return error_set(e, ERR_invalid, "row %zu: %s", s->n + 1, why.text);
	j = xcalloc(1, sizeof(*j));
	if (row == NULL)
		j->broken = xstrdup(why.text);
	else
		job_read(j, row, &s->zones);
	j->text = xstrndup(p, len);
	append(s, j);
	return 0;
}

static int
take_text(struct jobs *s, const char *p, const char *end, struct error *e)
{
	p = skip_blanks(p, end);
	if (p == end || *p != '[')
		return error_set(e, ERR_invalid, "it is not a list");
	if (*(p = skip_blanks(p + 1, end)) == ']')
		p++;
	else
		for (bool more = true; more; p = skip_blanks(p + 1, end)) {
			const char *to = value_end(p, end);

			if (to == end)
				return error_set(e, ERR_invalid, "row %zu has no end", s->n + 1);
			if (take_row(s, p, to, e) == -1)
				return -1;
			more = *to == ',';
			p = to;
		}
	return skip_blanks(p, end) == end ? 0 : error_set(e, ERR_invalid, "something follows the list");
}

static void
report(const struct jobs *s)
{
	size_t broken = 0;

	if (s->corrupt != NULL)
		log_error("%s: nothing runs: %s", JOBS_FILE, s->corrupt);
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i]->broken != NULL && ++broken <= 20)
			log_warn("job=%s row=%zu is never due: %s", s->rows[i]->id, i + 1, s->rows[i]->broken);
}

static void
load(struct jobs *s)
{
	cleanup_buf struct buf text = BUF(0);
	struct error e = { 0 };

	forget_rows(s);
	s->file = stamp_of(s->path);
	if (file_read(s->path, JOBS_MAX_BYTES, &text, &e) == -1) {
		if (e.code != ERR_not_found)
			s->corrupt = xstrdup(e.text);
	} else if (take_text(s, buf_str(&text), buf_str(&text) + text.len, &e) == -1) {
		forget_rows(s);
		s->corrupt = xstrdup(e.text);
	}
	index_rows(s);
	report(s);
}

/* Another program holds it for a write at most; one that was stopped while it did must not stop our jobs. */
static int
take_lock(const struct jobs *s, int lock, struct error *e)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(e, "%s", s->lock);
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_PAUSE_NS }, NULL);
	}
	return error_set(e, ERR_busy, "another program holds %s; try again", s->lock);
}

/* One row replaced (i == n: added), or with NULL removed. */
static int
save(struct jobs *s, size_t i, const char *text, struct error *e)
{
	cleanup_close int lock = open(s->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	cleanup_buf struct buf out = BUF(JOBS_MAX_BYTES);
	struct stamp now;
	int full = 0;

	if (lock == -1)
		return error_errno(e, "%s", s->lock);
	if (take_lock(s, lock, e) == -1)
		return -1;
	now = stamp_of(s->path);
	if (!is_same(&now, &s->file))
		return error_set(e, ERR_conflict, "%s was changed meanwhile", JOBS_FILE);
	full |= buf_addc(&out, '[');
	for (size_t k = 0; k < s->n + (i == s->n); k++) {
		const char *row = k == i ? text : s->rows[k]->text;

		if (row != NULL)
			full |= buf_puts(&out, out.len > 1 ? ",\n  " : "\n  ") | buf_puts(&out, row);
	}
	full |= buf_puts(&out, out.len > 1 ? "\n]\n" : "]\n");
	if (full != 0)
		return error_set(e, ERR_too_large, "%s would be too large", JOBS_FILE);
	if (atomic_write(s->path, out.data, out.len, 0600, e) == -1)
		return -1;
	s->file = stamp_of(s->path);
	return 0;
}

/* ---- changes -------------------------------------------------------------------------------- */

static int
refuse_corrupt(const struct jobs *s, struct error *e)
{
	return s->corrupt == NULL ? 0 : error_set(e, ERR_io, "%s is corrupt and is left as it is: %s", JOBS_FILE, s->corrupt);
}

struct job *
jobs_put(struct jobs *s, const json_t *row, struct error *e)
{
	struct job *old = jobs_find(s, json_str(row, "id", "")), *j, fresh = { 0 };
	cleanup_free char *text = job_text(row);

	if (refuse_corrupt(s, e) == -1)
		return NULL;
	if (text == NULL || strlen(text) > JOB_BYTES) {
		error_set(e, ERR_too_large, "the job is larger than %d bytes", JOB_BYTES);
		return NULL;
	}
	if (save(s, old == NULL ? s->n : old->order, text, e) == -1)
		return NULL;
	job_read(&fresh, row, &s->zones);
	fresh.text = steal(text);
	if ((j = old) == NULL)
		append(s, j = xcalloc(1, sizeof(*j)));
	else {
		fresh.ran = old->ran;
		fresh.last_run = old->last_run;
		fresh.running = old->running;
		fresh.order = old->order;
		memcpy(fresh.status, old->status, sizeof(fresh.status));
		job_clear(old);
	}
	*j = fresh;
	if (old == NULL)
		index_rows(s);
	return j;
}

static bool
has_double(const struct jobs *s, const struct job *j)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i] != j && strcmp(s->rows[i]->id, j->id) == 0)
			return true;
	return false;
}

int
jobs_remove(struct jobs *s, const char *id, struct error *e)
{
	struct job *j = jobs_find(s, id);

	if (refuse_corrupt(s, e) == -1)
		return -1;
	if (j == NULL)
		return error_set(e, ERR_not_found, "no job %s", id);
	if (save(s, j->order, NULL, e) == -1)
		return -1;
	if (has_double(s, j))			/* which is the job now, and may be sound: the next look reads it again */
		s->file = (struct stamp){ 0 };
	memmove(&s->rows[j->order], &s->rows[j->order + 1], (s->n - j->order - 1) * sizeof(*s->rows));
	s->n--;
	if (s->n > 0 && (s->n & (s->n - 1)) == 0)	/* append() takes such a number for a full list */
		s->rows = xreallocarray(s->rows, s->n, sizeof(*s->rows));
	job_clear(j);
	free(j);
	index_rows(s);
	return 0;
}

int
jobs_check(struct jobs *s, const json_t *row, struct job *out, struct error *e)
{
	memset(out, 0, sizeof(*out));
	if (job_check(row, e) == -1)
		return -1;
	job_read(out, row, &s->zones);
	if (out->broken == NULL)
		return 0;
	error_set(e, ERR_invalid, "%s", out->broken);
	job_clear(out);
	return -1;
}

/* ---- open and close ------------------------------------------------------------------------- */

struct jobs *
jobs_open(const char *home, struct error *e)
{
	struct jobs *s = xcalloc(1, sizeof(*s));

	s->path = path_join(home, JOBS_FILE);
	s->lock = path_join(home, "schedule/jobs.lock");
	s->zone = stamp_of(ZONE_MACHINE);
	if (zones_open(&s->zones, e) == -1) {
		jobs_close(s);
		return NULL;
	}
	load(s);
	return s;
}

bool
jobs_refresh(struct jobs *s)
{
	struct stamp file = stamp_of(s->path), zone = stamp_of(ZONE_MACHINE);
	bool moved = !is_same(&zone, &s->zone);
	struct error e = { 0 };

	if (!moved && is_same(&file, &s->file))
		return false;
	s->zone = zone;
	if (moved) {
		forget_rows(s);			/* they point at zones */
		if (zones_again(&s->zones, &e) == -1)
			log_warn("the machine's time zone stays what it was: %s", e.text);
	}
	load(s);
	return true;
}

void
jobs_close(struct jobs *s)
{
	if (s == NULL)
		return;
	forget_rows(s);
	zones_close(&s->zones);
	free(s->path);
	free(s->lock);
	free(s);
}
