/* SPDX-License-Identifier: Apache-2.0 */
/* See upload.h. */
#include "engined/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/document.h"
#include "engined/engine.h"
#include "engined/sniff.h"
#include "engined/staging.h"

/* A document is whole, and is being read. */
struct arrival {
	struct call	*call;
	char		 id[STAGING_ID];
	int64_t		 next_offset;
	json_t		*row;
};

static void
arrival_free(struct arrival *a)
{
	json_decref(a->row);
	free(a);
}

static void
on_read(void *arg, const struct error *e)
{
	struct arrival *a = arg;
	struct attachment_stage_reply m = { .id = a->id, .next_offset = a->next_offset, .attachment = a->row };

	if (e == NULL) {
		call_reply(a->call, &m);
	} else {
		staging_drop(((struct engine *)a->call->ctx)->home, a->id);
		call_fail(a->call, e);
	}
	arrival_free(a);
}

static int
read_document(struct call *c, const struct attachment_stage_reply *r, struct error *e)
{
	struct arrival *a = xcalloc(1, sizeof(*a));
	struct engine *en = c->ctx;

	*a = (struct arrival){ .call = c, .next_offset = r->next_offset, .row = json_incref(r->attachment) };
	snprintf(a->id, sizeof(a->id), "%s", r->id);
	if (document_read(en, json_str(a->row, "path", ""), json_str(a->row, "mime", ""), on_read, a, e) == 0)
		return CALL_LATER;
	staging_drop(en->home, a->id);
	arrival_free(a);
	return -1;
}

int
upload_stage(struct call *c, const void *in, struct error *e)
{
	const struct attachment_stage *m = in;
	struct engine *en = c->ctx;
	size_t len = 0;
	cleanup_free unsigned char *data = base64_bytes(m->data, strlen(m->data), &len);
	cleanup_json json_t *row = NULL;
	char id[STAGING_ID];
	struct attachment_stage_reply r = { .id = id, .next_offset = m->offset + (int64_t)len };

	snprintf(id, sizeof(id), "%s", m->id == NULL ? "" : m->id);
	if (data == NULL) {
		staging_drop(en->home, id);
		return error_set(e, ERR_invalid, "%s: the data is no base64", m->name);
	}
	if (staging_put(en->home, id, m->offset, data, len, e) == -1 ||
	    (m->final && (row = staging_end(en->home, id, m->name, m->mime, e)) == NULL))
		return -1;
	r.attachment = row;
	if (row != NULL && sniff_document(json_str(row, "mime", "")) != NULL)
		return read_document(c, &r, e);
	return call_reply(c, &r);
}
