/* SPDX-License-Identifier: Apache-2.0 */
/* See workspace.h. */
#include "engined/workspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/page.h"

#define IDLE_S		10		/* without a question the index is closed and its memory given back */
#define ASK_BYTES	900000		/* of the files whose text is asked for at once, */
#define ASK_PATHS	256		/* and how many */
#define REASONS		10

/* What is to be done with a file. */
struct work {
	struct shelf_file	file;
	bool			gone;
};

struct workspace_pass {
	TAILQ_ENTRY(workspace_pass)	 link;
	struct workspace		*of;
	const struct workspace_caller	*caller;
	void				*arg;
	char				*path, *glob;
	bool				 force, ocr;

	bool				 asked;		/* a page is on its way */
	int64_t				 root;		/* 0: not known yet */
	char				*scope;
	struct shelf_file		*files;		/* listed so far */
	size_t				 nfiles, room;
	bool				 listed;
	struct work			*work;		/* NULL: not known yet */
	size_t				 nwork, at;
	char				*page;		/* texts being put in, NULL: none */
	size_t				 len, read;
	struct workspace_result		 result;
};

TAILQ_HEAD(passes, workspace_pass);

struct workspace {
	char			*home;
	struct shelf		*shelf;		/* NULL: nobody needs it now */
	struct event		*slice, *idle;
	struct passes		 passes;	/* the first one runs */
};

static void on_slice(evutil_socket_t fd, short what, void *arg);
static void on_idle(evutil_socket_t fd, short what, void *arg);

/* ---- the index, while it is needed ---------------------------------------------------------------- */

struct workspace *
workspace_new(struct event_base *base, const char *home)
{
	struct workspace *w = xcalloc(1, sizeof(*w));

	w->home = xstrdup(home);
	w->slice = evtimer_new(base, on_slice, w);
	w->idle = evtimer_new(base, on_idle, w);
	TAILQ_INIT(&w->passes);
	return w;
}

void
workspace_free(struct workspace *w)
{
	struct workspace_pass *p;

	if (w == NULL)
		return;
	while ((p = TAILQ_FIRST(&w->passes)) != NULL)
		workspace_forget(p);
	event_free(w->slice);
	event_free(w->idle);
	shelf_close(w->shelf);
	free(w->home);
	free(w);
}

static void
arm_idle(struct workspace *w)
{
	struct timeval later = { .tv_sec = IDLE_S };

	evtimer_add(w->idle, &later);
}

struct shelf *
workspace_shelf(struct workspace *w, struct error *e)
{
	arm_idle(w);
	if (w->shelf == NULL && (w->shelf = shelf_open(w->home, e)) == NULL)
		error_add(e, "index of the workspace");
	return w->shelf;
}

void
workspace_distrust(struct workspace *w, const struct error *e)
{
	if (e->code != ERR_invalid || w->shelf == NULL)
		return;
	log_warn("index of the workspace is damaged and set aside: %s", e->text);
	shelf_discard(steal(w->shelf));
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct workspace *w = arg;

	if (!TAILQ_EMPTY(&w->passes)) {
		arm_idle(w);
		return;
	}
	shelf_close(steal(w->shelf));
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* ---- passes --------------------------------------------------------------------------------------- */

static void
soon(struct workspace *w)
{
	struct timeval now = { 0 };

	if (!TAILQ_EMPTY(&w->passes) && !evtimer_pending(w->slice, NULL))
		evtimer_add(w->slice, &now);
}

struct workspace_pass *
workspace_begin(struct workspace *w, const struct workspace_order *o, const struct workspace_caller *caller, void *arg)
{
	struct workspace_pass *p = xcalloc(1, sizeof(*p));

	*p = (struct workspace_pass){ .of = w, .caller = caller, .arg = arg, .path = xstrdup(o->path), .glob = xstrdup(o->glob),
	    .force = o->force, .ocr = o->ocr, .result.reasons = json_array() };
	TAILQ_INSERT_TAIL(&w->passes, p, link);
	soon(w);
	return p;
}

void
workspace_forget(struct workspace_pass *p)
{
	struct workspace *w = p->of;

	TAILQ_REMOVE(&w->passes, p, link);
	for (size_t i = p->at; i < p->nwork; i++)
		free(p->work[i].file.path);
	shelf_files_free(p->files, p->nfiles);
	json_decref(p->result.reasons);
	free(p->work);
	free(p->path);
	free(p->glob);
	free(p->scope);
	free(p->page);
	free(p);
	soon(w);
}

/* e NULL: it did all it should. */
static void
end_pass(struct workspace_pass *p, const struct error *e)
{
	const struct workspace_caller *caller = p->caller;
	json_t *reasons = json_incref(p->result.reasons);
	struct workspace_result result = p->result;
	void *arg = p->arg;

	workspace_forget(p);
	caller->done(arg, e == NULL ? &result : NULL, e);
	json_decref(reasons);
}

/* The index itself failed. */
static void
fail(struct workspace_pass *p, const struct error *e)
{
	log_warn("workspace not indexed: %s", e->text);
	workspace_distrust(p->of, e);
	end_pass(p, e);
}

/* ---- the list -------------------------------------------------------------------------------------- */

static void
ask(struct workspace_pass *p, json_t *args)
{
	p->asked = true;
	p->caller->ask(p->arg, args);
}

static void
ask_list(struct workspace_pass *p)
{
	const char *after = p->nfiles == 0 ? NULL : p->files[p->nfiles - 1].path;

	ask(p, json_pack("{s:s, s:s, s:s*}", "path", p->path, "glob", p->glob, "after", after));
}

static int
take_list(struct workspace_pass *p, struct page_list *l, struct error *e)
{
	struct shelf *shelf = workspace_shelf(p->of, e);

	if (shelf == NULL || (p->root == 0 && (p->root = shelf_root(shelf, l->workspace, true, e)) == -1))
		return -1;
	if (p->nfiles + l->count > WORKSPACE_FILES_MAX)
		return error_set(e, ERR_too_large, "more than %d files: name a path or a glob", WORKSPACE_FILES_MAX);
	if (p->nfiles + l->count > p->room) {
		p->room = p->nfiles + l->count + p->room;
		p->files = xreallocarray(p->files, p->room, sizeof(*p->files));
	}
	for (size_t i = 0; i < l->count; i++)
		p->files[p->nfiles++] = l->files[i];
	free(p->scope);
	p->scope = steal(l->scope);
	p->listed = !l->more;
	l->count = 0;			/* the paths are ours now */
	return 0;
}

static void
on_list(struct workspace_pass *p, const char *text)
{
	struct page_list l;
	struct error e = { 0 };

	if (page_list_read(text, &l, &e) == -1 || take_list(p, &l, &e) == -1) {
		end_pass(p, &e);
		return;
	}
	page_list_clear(&l);
	if (!p->listed)
		ask_list(p);
	else
		soon(p->of);
}

/* ---- comparing -------------------------------------------------------------------------------------- */

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct shelf_file *)a)->path, ((const struct shelf_file *)b)->path);
}

static bool
unchanged(const struct shelf_file *a, const struct shelf_file *b)
{
	int64_t apart = a->mtime_us - b->mtime_us;

	return a->size == b->size && apart >= -1 && apart <= 1;
}

/* Was this file to be listed, so that it is gone when it was not? */
static bool
in_scope(const struct workspace_pass *p, const char *path)
{
	size_t n = strlen(p->scope);

	if (strcmp(p->glob, WORKSPACE_GLOB) != 0)
		return false;
	return n == 0 ? path[0] != '/' : strncmp(path, p->scope, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void
add_work(struct workspace_pass *p, struct shelf_file *f, bool gone)
{
	p->work[p->nwork++] = (struct work){ .file = { .path = steal(f->path), .mtime_us = f->mtime_us, .size = f->size },
	    .gone = gone };
}

/* Both lists are sorted by path. */
static void
merge(struct workspace_pass *p, struct shelf_file *had, size_t n)
{
	size_t i = 0, k = 0;

	while (i < p->nfiles || k < n) {
		int order = i == p->nfiles ? 1 : k == n ? -1 : strcmp(p->files[i].path, had[k].path);

		if (order > 0) {
			if (in_scope(p, had[k].path))
				add_work(p, &had[k], true);
			k++;
			continue;
		}
		if (order == 0 && !p->force && !(p->ocr && had[k].empty) && unchanged(&p->files[i], &had[k]))
			p->result.unchanged++;
		else
			add_work(p, &p->files[i], false);
		i++;
		k += order == 0;
	}
}

static int
compare(struct workspace_pass *p, struct shelf *shelf, struct error *e)
{
	struct shelf_file *had = NULL;
	size_t n = 0;

	if (shelf_files(shelf, p->root, &had, &n, e) == -1)
		return -1;
	p->work = xcalloc(p->nfiles + n + 1, sizeof(*p->work));
	if (p->nfiles > 0)
		qsort(p->files, p->nfiles, sizeof(*p->files), by_path);
	merge(p, had, n);
	shelf_files_free(had, n);
	shelf_files_free(p->files, p->nfiles);
	p->files = NULL;
	p->nfiles = p->room = 0;
	return 0;
}

/* ---- texts ------------------------------------------------------------------------------------------- */

/* The next files whose text is needed; those that are gone stand between them and end the page. */
static void
ask_texts(struct workspace_pass *p)
{
	json_t *paths = json_array();
	char text[80];
	int64_t bytes = 0;

	for (size_t i = p->at; i < p->nwork && !p->work[i].gone && json_array_size(paths) < ASK_PATHS; i++) {
		bytes += p->work[i].file.size;
		if (bytes > ASK_BYTES && json_array_size(paths) > 0)
			break;
		json_array_append_new(paths, json_string(p->work[i].file.path));
	}
	snprintf(text, sizeof(text), "reading files: %zu of %zu", p->at, p->nwork);
	p->caller->progress(p->arg, text);
	ask(p, json_pack("{s:o, s:b}", "paths", paths, "ocr", (int)p->ocr));
}

static void
note_skipped(struct workspace_pass *p, const struct page_text *t)
{
	p->result.skipped++;
	if (json_array_size(p->result.reasons) < REASONS)
		json_array_append_new(p->result.reasons, json_pack("{s:s, s:s}", "path", t->file.path, "reason", t->why));
}

static int
put(struct workspace_pass *p, struct shelf *shelf, const struct page_text *t, struct error *e)
{
	if (p->at == p->nwork || p->work[p->at].gone || strcmp(p->work[p->at].file.path, t->file.path) != 0)
		return error_set(e, ERR_unavailable, "texts of files: not the ones that were asked for");
	free(p->work[p->at++].file.path);
	if (t->gone) {
		p->result.removed++;
		return shelf_remove(shelf, p->root, t->file.path, e);
	}
	if (t->text == NULL)
		note_skipped(p, t);
	else
		p->result.indexed++;
	return shelf_put(shelf, p->root, &t->file, t->text, e);
}

/* The next file of the page, the page's end, or a file that is gone. 0 or -1. */
static int
work_one(struct workspace_pass *p, struct shelf *shelf, struct error *e)
{
	struct page_text t;
	int more, done;

	if (p->page == NULL) {
		p->result.removed++;
		done = shelf_remove(shelf, p->root, p->work[p->at].file.path, e);
		free(p->work[p->at++].file.path);
		return done;
	}
	if ((more = page_text_next(p->page, p->len, &p->read, &t, e)) != 1) {
		free(steal(p->page));
		return more;
	}
	done = put(p, shelf, &t, e);
	page_text_clear(&t);
	return done;
}

static bool
has_work(const struct workspace_pass *p)
{
	return p->page != NULL || (p->at < p->nwork && p->work[p->at].gone);
}

static int
work(struct workspace_pass *p, struct shelf *shelf, struct error *e)
{
	int64_t until = clock_mono_ms() + WORKSPACE_SLICE_MS;
	int done = shelf_begin(shelf, e);

	if (done == -1)
		return -1;
	while (done == 0 && has_work(p) && clock_mono_ms() < until)
		done = work_one(p, shelf, e);
	if (shelf_end(shelf, done == 0, e) == -1)
		return -1;
	return done;
}

/* ---- the machine --------------------------------------------------------------------------------------- */

void
workspace_page(struct workspace_pass *p, const char *page, const struct error *e)
{
	struct error none = { 0 };

	p->asked = false;
	if (page == NULL) {
		end_pass(p, e);
	} else if (!p->listed) {
		on_list(p, page);
	} else if (page[0] == '\0') {		/* it would be asked for again for ever */
		error_set(&none, ERR_unavailable, "texts of files: there are none");
		end_pass(p, &none);
	} else {
		p->page = xstrdup(page);
		p->len = strlen(page);
		p->read = 0;
		soon(p->of);
	}
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct workspace *w = arg;
	struct workspace_pass *p = TAILQ_FIRST(&w->passes);
	struct error e = { 0 };
	struct shelf *shelf;

	if (p == NULL || p->asked)
		return;
	if (!p->listed) {
		ask_list(p);
		return;
	}
	if ((shelf = workspace_shelf(w, &e)) == NULL || (p->work == NULL && compare(p, shelf, &e) == -1) ||
	    (has_work(p) && work(p, shelf, &e) == -1))
		fail(p, &e);
	else if (has_work(p))
		soon(w);
	else if (p->at < p->nwork)
		ask_texts(p);
	else
		end_pass(p, NULL);
}
