/* SPDX-License-Identifier: Apache-2.0 */
/* See workspace_pass.h: the list of files, and what of it is new, changed or gone. */
#include "engined/workspace_pass.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/page.h"

void
pass_ask_list(struct workspace_pass *p)
{
	const char *after = p->nfiles == 0 ? NULL : p->files[p->nfiles - 1].path;

	pass_ask(p, json_pack("{s:s, s:s, s:s*}", "path", p->path, "glob", p->glob, "after", after));
}

static int
take_page(struct workspace_pass *p, struct page_list *l, struct error *e)
{
	struct words *shelf = workspace_shelf(p->of, e);

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

int
pass_take_list(struct workspace_pass *p, const char *text, struct error *e)
{
	struct page_list l;
	int done;

	if (page_list_read(text, &l, e) == -1)
		return -1;
	done = take_page(p, &l, e);
	page_list_clear(&l);
	return done;
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

int
pass_compare(struct workspace_pass *p, struct words *shelf, struct error *e)
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
