/* SPDX-License-Identifier: Apache-2.0 */
/* See mailfile.h. */
#include "gatewayd/mailfile.h"

#include <string.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/commands.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/outfile.h"

struct fetching {
	struct mailfiles	*of;
	char			*uid;
	size_t			 number;
	struct mail_work	*work;
	struct event		*soon;		/* begins */
	fetched_fn		*done;
	void			*arg;
};

char *
mailfile_list(const struct mime_mail *m, const char *uid)
{
	cleanup_json json_t *list = json_array();

	if (command_find(m->text) != NULL)
		return NULL;
	for (size_t i = 0; i < m->nfiles && i < MAILFILE_MAX; i++) {
		cleanup_free char *id = xasprintf("%s/%zu", uid, i);

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "id", id, "name", m->files[i].name, "kind", "document", "size",
		    (json_int_t)m->files[i].len));
	}
	return json_array_size(list) == 0 ? NULL : json_text(list);
}

char *
mailfile_answer(const char *from, const char *to, const char *meta, const char *key, const struct outgoing *f, size_t *len,
    struct error *e)
{
	cleanup_buf struct buf bytes = BUF(0);
	cleanup_free char *name = xstrdup(f->name), *type = xstrdup(outfile_type(f->name));

	if (file_read(f->path, OUTFILE_MAX, &bytes, e) == -1)
		return NULL;
	return mailtext_answer(from, to, meta, key, f->caption == NULL ? "" : f->caption, &(struct mime_file){ .name = name, .type = type,
	    .bytes = bytes.len == 0 ? "" : bytes.data, .len = bytes.len }, len, e);
}

void
mailfiles_clear(struct mailfiles *all)
{
	free(steal(all->uid));
	mime_free(steal(all->mail));
}

void
mailfile_cancel(struct fetching *f)
{
	if (f == NULL)
		return;
	if (f->work != NULL)
		f->of->ops->end(f->work);
	event_free(f->soon);
	free(f->uid);
	free(f);
}

/* f is gone after. */
static void
hand_over(struct fetching *f)
{
	struct mailfiles *all = f->of;
	const struct mime_mail *m = all->mail;
	bool last = f->number + 1 >= m->nfiles || f->number + 1 >= MAILFILE_MAX;

	if (f->number < m->nfiles)
		f->done(f->arg, &(struct buf){ .data = m->files[f->number].bytes, .len = m->files[f->number].len }, NULL, false);
	else
		f->done(f->arg, NULL, "the mail has no such file", false);
	if (last)
		mailfiles_clear(all);
	mailfile_cancel(f);
}

/* Which failure would pass an account does not say: each is tried again. */
static void
on_mail(void *arg, const struct mail_result *r)
{
	struct fetching *f = arg;
	struct error e = { 0 };
	struct mime_mail *m = r->outcome == OUT_sent ? mime_read(r->bytes, r->len, &e) : NULL;

	f->work = NULL;
	if (m == NULL) {
		f->done(f->arg, NULL, r->outcome == OUT_sent ? e.text : r->why, r->outcome != OUT_sent);
		mailfile_cancel(f);
		return;
	}
	mailfiles_clear(f->of);
	f->of->uid = xstrdup(f->uid);
	f->of->mail = m;
	hand_over(f);
}

static void
ask(struct fetching *f)
{
	f->work = f->of->ops->begin(f->of->self, &(struct mail_order){ .act = MAIL_fetch, .folder = "INBOX", .uid = f->uid }, on_mail, f);
}

/* The mail that is here may be another one by now. */
static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct fetching *f = arg;

	if (f->of->uid != NULL && strcmp(f->of->uid, f->uid) == 0)
		hand_over(f);
	else
		ask(f);
}

struct fetching *
mailfile_fetch(struct mailfiles *all, const char *id, fetched_fn *done, void *arg)
{
	const char *slash = strrchr(id, '/');
	struct fetching *f = xcalloc(1, sizeof(*f));

	*f = (struct fetching){ .of = all, .uid = xstrndup(id, slash == NULL ? strlen(id) : (size_t)(slash - id)),
	    .number = slash == NULL ? 0 : strtoul(slash + 1, NULL, 10), .done = done, .arg = arg };
	f->soon = evtimer_new(all->base, on_soon, f);
	event_active(f->soon, EV_TIMEOUT, 0);
	return f;
}
