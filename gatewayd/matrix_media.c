/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix: files. In: the bytes of what somebody sent, from where servers ask
 * who wants them, or from the older place of a server that does not know that
 * one. Out: the file is brought to the server, then an event of the room
 * names it, under the transaction of its part: a file may be brought twice
 * when somebody dies, the room sees one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/matrix.h"
#include "gatewayd/media.h"
#include "gatewayd/outfile.h"
#include "gatewayd/webcall.h"

/* ---- what came ------------------------------------------------------------------------------------- */

void
matrix_note_file(struct matrix_event *ev)
{
	cleanup_free char *id = xasprintf("%s/%s", ev->server, ev->media);
	cleanup_json json_t *files = json_pack("[{s:s, s:s, s:s, s:I}]", "id", id, "name", *ev->name == '\0' ? ev->what : ev->name,
	    "kind", ev->what, "size", (json_int_t)ev->size);

	free(ev->files);
	ev->files = json_text(files);
	if (ev->text == NULL)
		ev->text = xstrdup(MEDIA_NO_TEXT);
}

/* ---- in -------------------------------------------------------------------------------------------- */

struct fetching {
	struct matrix		*matrix;
	struct matrix_call	*call;
	char			*name;		/* SERVER/MEDIA, as in an address */
	bool			 older;		/* the place without a login was asked */
	fetched_fn		*done;
	void			*arg;
};

static void	load(struct fetching *f, const char *from);

void
matrix_fetch_cancel(struct fetching *f)
{
	if (f == NULL)
		return;
	matrix_cancel(f->call);
	free(f->name);
	free(f);
}

/* A server before version 1.11 of the specification does not know the place. */
static bool
knows_no_such_place(const struct matrix_answer *a)
{
	return strcmp(a->errcode, "M_UNRECOGNIZED") == 0 || ((a->status == 404 || a->status == 405) && *a->errcode == '\0');
}

static void
fail(struct fetching *f, const struct matrix_answer *a)
{
	bool later = (a->status == 0 && !a->large) || a->status == 429 || a->status >= 500;

	log_warn("matrix file %s: %s", f->name, a->why);
	f->done(f->arg, NULL, a->large ? "it is larger than 20 MB" : a->status == 404 ? "the server has it no longer" :
	    "the server did not hand it over", later);
}

static void
on_loaded(void *arg, const struct matrix_answer *a)
{
	struct fetching *f = arg;

	f->call = NULL;
	if (!a->ok && !f->older && knows_no_such_place(a)) {
		f->older = true;
		load(f, "/_matrix/media/v3/download");
		return;
	}
	if (a->ok)
		f->done(f->arg, &(struct buf){ .data = (char *)a->bytes, .len = a->len }, NULL, false);
	else
		fail(f, a);
	matrix_fetch_cancel(f);
}

static void
load(struct fetching *f, const char *from)
{
	cleanup_free char *path = xasprintf("%s/%s", from, f->name);

	f->call = matrix_load(&f->matrix->server, path, MEDIA_MAX, on_loaded, f);
}

struct fetching *
matrix_fetch(void *self, const char *id, fetched_fn *done, void *arg)
{
	struct fetching *f = xcalloc(1, sizeof(*f));
	size_t n = strcspn(id, "/");
	cleanup_free char *host = xstrndup(id, n), *server = webcall_escape(host);
	cleanup_free char *media = webcall_escape(id[n] == '\0' ? "" : id + n + 1);

	*f = (struct fetching){ .matrix = self, .name = xasprintf("%s/%s", server, media), .done = done, .arg = arg };
	load(f, "/_matrix/client/v1/media/download");
	return f;
}

/* ---- out -------------------------------------------------------------------------------------------- */

static const char *
kind_of(const char *mime)
{
	return strncmp(mime, "image/", 6) == 0 ? "m.image" : strncmp(mime, "audio/", 6) == 0 ? "m.audio" :
	    strncmp(mime, "video/", 6) == 0 ? "m.video" : "m.file";
}

static json_t *
event_of(const struct outgoing *f, const char *mime, size_t size)
{
	const char *words = f->caption == NULL || *f->caption == '\0' ? f->name : f->caption;

	return json_pack("{s:s, s:s, s:s, s:{s:s, s:I}}", "msgtype", f->plain ? "m.file" : kind_of(mime), "body", words,
	    "filename", f->name, "info", "mimetype", mime, "size", (json_int_t)size);
}

static void
on_brought(void *arg, const struct matrix_answer *a)
{
	static const struct matrix_answer odd = { .status = 200, .errcode = "", .why = "the server does not say where the file is",
	    .retry_ms = -1 };
	struct sending *s = arg;
	const char *uri = json_str(a->body, "content_uri", "");

	if (!a->ok || strncmp(uri, "mxc://", 6) != 0) {
		matrix_sent(s, a->ok ? &odd : a);
		return;
	}
	json_object_set_new(s->event, "url", json_string(uri));
	matrix_put(s, steal(s->event));
}

static void
on_unreadable(evutil_socket_t fd, short what, void *arg)
{
	static const struct matrix_answer gone = { .status = 404, .errcode = "M_NOT_FOUND", .why = "the file cannot be read", .retry_ms = -1 };

	matrix_sent(arg, &gone);
}

struct sending *
matrix_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg)
{
	struct sending *s = matrix_sending(self, to, done, arg);
	cleanup_buf struct buf bytes = BUF(0);
	cleanup_free char *name = webcall_escape(f->name), *path = xasprintf("/_matrix/media/v3/upload?filename=%s", name);
	const char *mime = outfile_type(f->name);

	if (file_read(f->path, OUTFILE_MAX, &bytes, NULL) == -1) {
		s->soon = evtimer_new(s->matrix->gateway->daemon->base, on_unreadable, s);
		event_active(s->soon, EV_TIMEOUT, 0);
		return s;
	}
	s->event = event_of(f, mime, bytes.len);
	s->call = matrix_upload(&s->matrix->server, path, mime, buf_str(&bytes), bytes.len, on_brought, s);
	return s;
}
