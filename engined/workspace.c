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
#include "engined/workspace_pass.h"

#define IDLE_S		10		/* without a question the index is closed and its memory given back */

TAILQ_HEAD(passes, workspace_pass);

struct workspace {
	char			*home;
	struct words		*shelf;		/* NULL: nobody needs it now */
	int64_t			 discarded;	/* how often it was damaged */
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
	words_close(w->shelf);
	free(w->home);
	free(w);
}

static void
arm_idle(struct workspace *w)
{
	struct timeval later = { .tv_sec = IDLE_S };

	evtimer_add(w->idle, &later);
}

struct words *
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
	words_discard(steal(w->shelf));
	w->discarded++;
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct workspace *w = arg;

	if (!TAILQ_EMPTY(&w->passes)) {
		arm_idle(w);
		return;
	}
	words_close(steal(w->shelf));
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
	    .force = o->force, .ocr = o->ocr, .embedder = xstrdup0(o->embedder), .result.reasons = json_array() };
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
	free(p->embedder);
	free(p->page);
	shelf_growth_free(p->growth);
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

/* ---- the machine --------------------------------------------------------------------------------------- */

void
pass_soon(struct workspace_pass *p)
{
	soon(p->of);
}

void
pass_ask(struct workspace_pass *p, json_t *args)
{
	p->asked = true;
	p->caller->ask(p->arg, args);
}

static void
on_list(struct workspace_pass *p, const char *page)
{
	struct error e = { 0 };

	if (pass_take_list(p, page, &e) == -1)
		end_pass(p, &e);
	else if (!p->listed)
		pass_ask_list(p);
	else
		pass_soon(p);
}

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
		pass_soon(p);
	}
}

void
workspace_vectors(struct workspace_pass *p, const struct embed_result *r, const struct error *e)
{
	struct error why = { 0 };
	struct words *shelf = workspace_shelf(p->of, &why);

	p->asked = false;
	if (shelf == NULL || pass_take_vectors(p, shelf, r, e, &why) == -1)
		fail(p, &why);
	else
		pass_soon(p);
}

/* What comes next, or the end. 1: it goes on, 0: all is done, -1: the index failed. */
static int
go_on(struct workspace_pass *p, struct error *e)
{
	struct words *shelf = workspace_shelf(p->of, e);

	if (p->began != p->of->discarded)	/* because of an error in a search: numbers of the old one mean nothing now */
		return error_set(e, ERR_unavailable, "index of the workspace was closed");
	if (shelf == NULL || (p->work == NULL && pass_compare(p, shelf, e) == -1) ||
	    (pass_has_work(p) && pass_work(p, shelf, e) == -1))
		return -1;
	if (pass_has_work(p)) {
		pass_soon(p);
	} else if (p->at < p->nwork) {
		pass_ask_texts(p);
	} else {
		return pass_vectors(p, shelf, e);
	}
	return 1;
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct workspace_pass *p = TAILQ_FIRST(&((struct workspace *)arg)->passes);
	struct error e = { 0 };
	int more;

	if (p == NULL || p->asked)
		return;
	if (p->nfiles == 0)
		p->began = p->of->discarded;
	if (!p->listed) {
		pass_ask_list(p);
		return;
	}
	if ((more = go_on(p, &e)) == -1)
		fail(p, &e);
	else if (more == 0)
		end_pass(p, NULL);
}
