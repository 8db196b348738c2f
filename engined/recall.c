/* SPDX-License-Identifier: Apache-2.0 */
/* See recall.h. A pass: the folder is read, compared with the index, then one file after the other. */
#include "engined/recall.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/catalog.h"
#include "engined/fts.h"
#include "engined/growth.h"

#define GONE_AT_ONCE	64		/* pieces */
#define IDLE_S		10		/* without a question the index is closed and its memory given back */

struct recall_wait {
	TAILQ_ENTRY(recall_wait) link;
	recall_done	*done;
	void		*arg;
	bool		 force;
	bool		 served;	/* the pass that runs began after this was asked */
};

TAILQ_HEAD(waits, recall_wait);

/* What is to be done with a session. */
struct work {
	struct fts_file	file;
	bool		gone;
};

struct recall {
	char			*home;
	struct words		*fts;		/* NULL: nobody needs it now */
	struct event		*slice, *idle;
	struct waits		 waits;
	bool			 running;
	bool			 held;		/* it stays open */
	int64_t			 discarded;	/* how often it was damaged */

	/* the pass */
	DIR			*dir;		/* being read; NULL: it has been */
	struct fts_file		*files;		/* of the folder */
	size_t			 nfiles, room;
	struct work		*work;		/* NULL: not known yet */
	size_t			 nwork, at;
	struct growth		*growth;	/* the session that comes in now; NULL: none */
	int64_t			 began;		/* discarded, then */
	bool			 force;
	struct recall_pass	 pass;
};

static void on_slice(evutil_socket_t fd, short what, void *arg);
static void on_idle(evutil_socket_t fd, short what, void *arg);

struct recall *
recall_new(struct event_base *base, const char *home)
{
	struct recall *r = xcalloc(1, sizeof(*r));

	r->home = xstrdup(home);
	r->slice = evtimer_new(base, on_slice, r);
	r->idle = evtimer_new(base, on_idle, r);
	TAILQ_INIT(&r->waits);
	return r;
}

/* What a pass holds. */
static void
clear_pass(struct recall *r)
{
	if (r->dir != NULL)
		closedir(steal(r->dir));
	free(steal(r->files));
	free(steal(r->work));
	growth_free(steal(r->growth));
	r->nfiles = r->room = r->nwork = r->at = 0;
}

void
recall_free(struct recall *r)
{
	struct recall_wait *w;

	if (r == NULL)
		return;
	while ((w = TAILQ_FIRST(&r->waits)) != NULL)
		recall_forget(r, w);
	clear_pass(r);
	event_free(r->slice);
	event_free(r->idle);
	words_close(r->fts);
	free(r->home);
	free(r);
}

struct words *
recall_index(struct recall *r, struct error *e)
{
	struct timeval later = { .tv_sec = IDLE_S };

	evtimer_add(r->idle, &later);
	if (r->fts == NULL && (r->fts = fts_open(r->home, e)) == NULL)
		error_add(e, "index of the sessions");
	return r->fts;
}

void
recall_distrust(struct recall *r, const struct error *e)
{
	if (e->code != ERR_invalid || r->fts == NULL)
		return;
	log_warn("index of the sessions is damaged and set aside: %s", e->text);
	words_discard(steal(r->fts));
	r->discarded++;
}

int64_t
recall_discarded(const struct recall *r)
{
	return r->discarded;
}

void
recall_hold(struct recall *r, bool hold)
{
	r->held = hold;
}

const char *
recall_home(const struct recall *r)
{
	return r->home;
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct recall *r = arg;
	struct timeval later = { .tv_sec = IDLE_S };

	if (r->running || r->held) {
		evtimer_add(r->idle, &later);
		return;
	}
	words_close(steal(r->fts));
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* ---- who waits ---------------------------------------------------------------------------------- */

static void
soon(struct recall *r)
{
	struct timeval now = { 0 };

	evtimer_add(r->slice, &now);
}

struct recall_wait *
recall_update(struct recall *r, bool force, recall_done *done, void *arg)
{
	struct recall_wait *w = xcalloc(1, sizeof(*w));

	*w = (struct recall_wait){ .done = done, .arg = arg, .force = force };
	TAILQ_INSERT_TAIL(&r->waits, w, link);
	if (!evtimer_pending(r->slice, NULL))
		soon(r);
	return w;
}

void
recall_forget(struct recall *r, struct recall_wait *w)
{
	TAILQ_REMOVE(&r->waits, w, link);
	free(w);
}

static struct recall_wait *
first_served(struct recall *r)
{
	struct recall_wait *w;

	TAILQ_FOREACH(w, &r->waits, link)
		if (w->served)
			return w;
	return NULL;
}

/* The pass is over: e NULL and it did all it should, or not. */
static void
end_pass(struct recall *r, const struct error *e)
{
	struct recall_pass pass = r->pass;
	struct recall_wait *w;

	if (e != NULL)
		recall_distrust(r, e);
	clear_pass(r);
	r->running = false;
	while ((w = first_served(r)) != NULL) {
		TAILQ_REMOVE(&r->waits, w, link);
		w->done(w->arg, e == NULL ? &pass : NULL, e);
		free(w);
	}
	if (!TAILQ_EMPTY(&r->waits) && !evtimer_pending(r->slice, NULL))
		soon(r);
}

/* ---- the folder ------------------------------------------------------------------------------------ */

static int
begin_pass(struct recall *r, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/sessions", r->home);
	struct recall_wait *w;

	r->running = true;
	r->force = false;
	r->began = r->discarded;
	r->pass = (struct recall_pass){ 0 };
	TAILQ_FOREACH(w, &r->waits, link) {
		w->served = true;
		r->force |= w->force;
	}
	if (recall_index(r, e) == NULL)
		return -1;
	if ((r->dir = opendir(path)) == NULL)
		return error_errno(e, "%s", path);
	return 0;
}

static void
add_file(struct recall *r, const struct catalog_file *f)
{
	struct fts_file *to;

	if (r->nfiles == r->room)
		r->files = xreallocarray(r->files, r->room = r->room ? r->room * 2 : 64, sizeof(*r->files));
	to = &r->files[r->nfiles++];
	memcpy(to->id, f->id, sizeof(to->id));
	to->mtime_us = (int64_t)f->mtime.tv_sec * 1000000 + f->mtime.tv_nsec / 1000;
	to->size = f->size;
}

static int
read_folder(struct recall *r, int64_t until, struct error *e)
{
	struct catalog_file f;
	struct dirent *de;

	while (clock_mono_ms() < until) {
		errno = 0;
		if ((de = readdir(r->dir)) == NULL) {
			if (errno != 0)
				return error_errno(e, "sessions");
			closedir(steal(r->dir));
			return 0;
		}
		if (catalog_look(dirfd(r->dir), de->d_name, &f))
			add_file(r, &f);
	}
	return 0;
}

/* ---- comparing -------------------------------------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct fts_file *)a)->id, ((const struct fts_file *)b)->id);
}

/* The oldest first, so that newer pieces have larger numbers. */
static int
by_age(const void *va, const void *vb)
{
	const struct work *a = va, *b = vb;

	if (a->file.mtime_us != b->file.mtime_us)
		return a->file.mtime_us < b->file.mtime_us ? -1 : 1;
	return strcmp(a->file.id, b->file.id);
}

static bool
unchanged(const struct fts_file *a, const struct fts_file *b)
{
	int64_t apart = a->mtime_us - b->mtime_us;

	return a->size == b->size && apart >= -1 && apart <= 1;
}

static void
add_work(struct recall *r, const struct fts_file *f, bool gone)
{
	r->work[r->nwork++] = (struct work){ .file = *f, .gone = gone };
}

/* Both lists are sorted by id. */
static void
merge(struct recall *r, const struct fts_file *had, size_t n)
{
	size_t i = 0, k = 0;

	while (i < r->nfiles || k < n) {
		int order = i == r->nfiles ? 1 : k == n ? -1 : strcmp(r->files[i].id, had[k].id);

		if (order > 0) {
			add_work(r, &had[k++], true);
			continue;
		}
		if (order == 0 && !r->force && unchanged(&r->files[i], &had[k]))
			r->pass.unchanged++;
		else
			add_work(r, &r->files[i], false);
		i++;
		k += order == 0;
	}
}

static int
compare(struct recall *r, struct error *e)
{
	cleanup_free struct fts_file *had = NULL;
	size_t n;

	if (fts_files(r->fts, &had, &n, e) == -1)
		return -1;
	r->work = xcalloc(r->nfiles + n + 1, sizeof(*r->work));
	if (r->nfiles > 0)
		qsort(r->files, r->nfiles, sizeof(*r->files), by_id);
	merge(r, had, n);
	if (r->nwork > 0)
		qsort(r->work, r->nwork, sizeof(*r->work), by_age);
	return 0;
}

/* ---- file by file ------------------------------------------------------------------------------------- */

/* A step of what is to be done with a file. 1: there is more, 0: it is done, -1 on error. */
static int
index_file(struct recall *r, const struct fts_file *f, struct error *e)
{
	int more;

	if (r->growth == NULL)
		r->growth = growth_new(r->home, f);
	if ((more = growth_step(r->growth, r->fts, e)) != 0)
		return more;
	*(growth_failed(r->growth) ? &r->pass.skipped : &r->pass.indexed) += 1;
	growth_free(steal(r->growth));
	return 0;
}

static int
do_work(struct recall *r, const struct work *w, struct error *e)
{
	int more;

	if (!w->gone)
		return index_file(r, &w->file, e);
	if ((more = fts_shrink(r->fts, w->file.id, GONE_AT_ONCE, e)) == 0)
		r->pass.removed++;
	return more;
}

static int
work(struct recall *r, int64_t until, struct error *e)
{
	int done = words_begin(r->fts, e);

	if (done == -1)
		return -1;
	while (done != -1 && r->at < r->nwork && clock_mono_ms() < until)
		if ((done = do_work(r, &r->work[r->at], e)) == 0)
			r->at++;
	if (done != -1 && r->growth != NULL)
		done = growth_pause(r->growth, r->fts, e);
	if (words_end(r->fts, done != -1, e) == -1)
		return -1;
	return done == -1 ? -1 : 0;
}

/* One slice. 1: the pass is over, 0: there is more to do, -1: it failed. */
static int
go_on(struct recall *r, struct error *e)
{
	int64_t until = clock_mono_ms() + RECALL_SLICE_MS;

	if (!r->running && begin_pass(r, e) == -1)
		return -1;
	if (r->dir != NULL)
		return read_folder(r, until, e);
	if (r->fts == NULL || r->discarded != r->began)		/* it was closed because of an error in a search */
		return error_set(e, ERR_unavailable, "index of the sessions was closed");
	if (r->work == NULL)
		return compare(r, e);
	if (r->at < r->nwork && work(r, until, e) == -1)
		return -1;
	return r->at == r->nwork;
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct recall *r = arg;
	struct error e = { 0 };
	int done;

	if (!r->running && TAILQ_EMPTY(&r->waits))
		return;
	done = go_on(r, &e);
	if (done == -1)
		log_warn("sessions not indexed: %s", e.text);
	if (done == 0)
		soon(r);
	else
		end_pass(r, done == -1 ? &e : NULL);
}

/* ---- what else ------------------------------------------------------------------------------------------ */

int
recall_remove(struct recall *r, const char *id, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/rag/index.sqlite", r->home);
	int done;

	if (r->fts == NULL && access(path, F_OK) == -1)
		return 0;
	if (recall_index(r, e) == NULL || words_begin(r->fts, e) == -1)
		return -1;
	if (r->growth != NULL && strcmp(growth_id(r->growth), id) == 0)
		growth_free(steal(r->growth));	/* it is begun again, and there is nothing then */
	done = fts_remove(r->fts, id, e);
	return words_end(r->fts, done == 0, e) == -1 ? -1 : done;
}
