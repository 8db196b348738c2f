/* SPDX-License-Identifier: Apache-2.0 */
/* See document.h. The base64 is put together, not read: the worker decodes it. A scan stays until its last page was asked for. */
#include "toolrunner/document.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/picture.h"

#define DOCUMENTS_MAX	8
#define BASE64_MAX	((PICTURE_MAX + 2) / 3 * 4)
#define LIMIT_MS	65000		/* a little more than two programs get there */

struct document {
	struct document	*next;
	struct runner	*runner;
	char		*key, *name;
	struct buf	 data;
	int64_t		 pieces, page, pages;	/* pages: of a scan, once it is known to be one */
	struct call	*call;		/* it is being read, and this waits; NULL: pieces come */
};

static struct document *
find(const struct runner *r, const char *key)
{
	struct document *d;

	for (d = r->documents; d != NULL && strcmp(d->key, key) != 0; d = d->next)
		;
	return d;
}

static void
document_free(struct document *d)
{
	struct document **at;

	for (at = &d->runner->documents; *at != d; at = &(*at)->next)
		;
	*at = d->next;
	buf_clear(&d->data);
	free(d->key);
	free(d->name);
	free(d);
}

/* One whose pieces stopped coming makes room: the list's newest is first. 0, or -1 when all are being read. */
static int
make_room(struct runner *r)
{
	struct document *oldest = NULL;
	size_t n = 0;

	for (struct document *d = r->documents; d != NULL; d = d->next, n++)
		if (d->call == NULL)
			oldest = d;
	if (n < DOCUMENTS_MAX)
		return 0;
	if (oldest == NULL)
		return -1;
	document_free(oldest);
	return 0;
}

static struct document *
document_new(struct runner *r, const struct tool_document *m, struct error *e)
{
	struct document *d;

	if (make_room(r) == -1) {
		error_set(e, ERR_busy, "%d documents are being read", DOCUMENTS_MAX);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	*d = (struct document){ .next = r->documents, .runner = r, .key = xstrdup(m->key), .name = xstrdup(m->name),
	    .data = BUF(BASE64_MAX) };
	r->documents = d;
	return d;
}

/* ---- reading it ---------------------------------------------------------------------------- */

static void
on_done(void *arg, const struct worker_result *result)
{
	struct document *d = arg;
	struct tool_document_reply m = { .text = result->ok ? result->output : NULL, .error = result->ok ? NULL : result->error,
	    .code = result->ok ? NULL : result->code,
	    .pages = json_int(result->produced, "pages", 0) };
	struct call *c = steal(d->call);

	if (d->page == 0)
		d->pages = m.pages;
	if (!result->ok || d->page == d->pages)
		document_free(d);
	call_reply(c, &m);
}

static const struct worker_events events = { .done = on_done };

/* Its sandbox opens nothing that the configuration adds for tools. */
static int
begin(struct document *d, bool ocr, struct call *c, struct error *e)
{
	struct runner *r = d->runner;
	struct sandbox_policy policy = { .allow_missing = (const char *const *)r->settings.missing, .net = NET_NONE };
	cleanup_free char *workspace = path_join(r->boot->home, "workspace");
	cleanup_json json_t *args = json_pack("{s:s, s:s, s:I, s:b}", "name", d->name, "data", buf_str(&d->data), "page",
	    (json_int_t)d->page, "ocr", (int)ocr);
	struct worker_job job = { .key = d->key, .tool = &document_tool, .args = args, .workspace = workspace, .policy = &policy,
	    .timeout_ms = LIMIT_MS };
	struct worker *w = args == NULL ? NULL : worker_start(r->launcher, &job, &events, d, e);

	if (w == NULL)
		return args == NULL ? error_set(e, ERR_invalid, "its bytes are no base64") : -1;
	d->call = c;
	worker_go(w);
	return CALL_LATER;
}

static int
add(struct document *d, const struct tool_document *m, struct error *e)
{
	if (m->piece != d->pieces++)
		return error_set(e, ERR_invalid, "a piece is missing before piece %lld", (long long)m->piece);
	if (buf_puts(&d->data, m->data) == -1)
		return error_set(e, ERR_too_large, "a file has at most 20 MB");
	if (m->page != (d->pages == 0 ? 0 : d->page + 1))
		return error_set(e, ERR_invalid, "page %lld does not come next", (long long)m->page);
	d->page = m->page;
	return 0;
}

int
document_take(struct runner *r, struct call *c, const struct tool_document *m, struct error *e)
{
	struct document *d = find(r, m->key);
	int done;

	if (d != NULL && d->call != NULL)
		return error_set(e, ERR_conflict, "this document is being read");
	if (m->piece == 0 && d != NULL)
		document_free(steal(d));
	if (m->piece == 0)
		d = document_new(r, m, e);
	else if (d == NULL)
		error_set(e, ERR_gone, "the pieces before this one are no longer there");
	if (d == NULL)
		return -1;
	if ((done = add(d, m, e)) == 0 && m->final)
		done = begin(d, m->ocr, c, e);
	if (done == -1)
		document_free(d);
	return done != 0 ? done : call_reply(c, &(struct tool_document_reply){ 0 });
}

void
document_clear(struct runner *r)
{
	while (r->documents != NULL)
		document_free(r->documents);
}
