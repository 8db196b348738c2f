/* SPDX-License-Identifier: Apache-2.0 */
/* See workspace_pass.h: texts are asked for page by page, and put in file by file. */
#include "engined/workspace_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "engined/page.h"

#define ASK_BYTES	900000		/* of the files whose text is asked for at once, */
#define ASK_PATHS	256		/* and how many */
#define REASONS		10
#define GONE_AT_ONCE	64		/* pieces */

/* The next files whose text is needed; those that are gone stand between them and end the page. */
void
pass_ask_texts(struct workspace_pass *p)
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
	pass_ask(p, json_pack("{s:o, s:b}", "paths", paths, "ocr", (int)p->ocr));
}

static void
note_skipped(struct workspace_pass *p, const struct page_text *t)
{
	p->result.skipped++;
	if (json_array_size(p->result.reasons) < REASONS)
		json_array_append_new(p->result.reasons, json_pack("{s:s, s:s}", "path", t->file.path, "reason", t->why));
}

/* A step of taking out the next file. */
static int
remove_one(struct workspace_pass *p, struct words *shelf, struct error *e)
{
	int more = shelf_shrink(shelf, p->root, p->work[p->at].file.path, GONE_AT_ONCE, e);

	if (more != 0)
		return more == -1 ? -1 : 0;
	p->result.removed++;
	free(p->work[p->at++].file.path);
	return 0;
}

static int
put(struct workspace_pass *p, struct words *shelf, const struct page_text *t, struct error *e)
{
	if (p->at == p->nwork || p->work[p->at].gone || strcmp(p->work[p->at].file.path, t->file.path) != 0)
		return error_set(e, ERR_unavailable, "texts of files: not the ones that were asked for");
	if (t->gone) {
		p->work[p->at].gone = true;
		return 0;
	}
	free(p->work[p->at++].file.path);
	if (t->text == NULL)
		note_skipped(p, t);
	else
		p->result.indexed++;
	p->growth = shelf_growth_new(p->root, &t->file, t->text);
	return 0;
}

/* A step of the file that comes in or goes, the next one of the page, or the page's end. 0 or -1. */
static int
work_one(struct workspace_pass *p, struct words *shelf, struct error *e)
{
	struct page_text t;
	int more, done;

	if (p->growth != NULL) {
		if ((more = shelf_grow(shelf, p->growth, e)) == 0)
			shelf_growth_free(steal(p->growth));
		return more == -1 ? -1 : 0;
	}
	if (p->at < p->nwork && p->work[p->at].gone)
		return remove_one(p, shelf, e);
	if ((more = page_text_next(p->page, p->len, &p->read, &t, e)) != 1) {
		free(steal(p->page));
		return more;
	}
	done = put(p, shelf, &t, e);
	page_text_clear(&t);
	return done;
}

bool
pass_has_work(const struct workspace_pass *p)
{
	return p->growth != NULL || p->page != NULL || (p->at < p->nwork && p->work[p->at].gone);
}

int
pass_work(struct workspace_pass *p, struct words *shelf, struct error *e)
{
	int64_t until = clock_mono_ms() + WORKSPACE_SLICE_MS;
	int done = words_begin(shelf, e);

	if (done == -1)
		return -1;
	while (done == 0 && pass_has_work(p) && clock_mono_ms() < until)
		done = work_one(p, shelf, e);
	if (done == 0 && p->growth != NULL)
		done = shelf_pause(shelf, p->growth, e);
	if (words_end(shelf, done == 0, e) == -1)
		return -1;
	return done;
}
