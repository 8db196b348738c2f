/* SPDX-License-Identifier: Apache-2.0 */
/* See attachments.h. The base64 is cut, not read: engined decodes and looks at it. */
#include "hostd/attachments.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "hostd/host.h"
#include "proto/proto.h"

#define PIECE		1048576		/* characters; whole groups of four */
#define STAGE_MS	1200000		/* a scan is read page by page, 15 of them, before the last one is answered */

struct upload {
	struct ask	*ask;
	const char	*data;		/* borrowed from the ask's parameters */
	size_t		 len, at;
	int64_t		 offset;	/* in bytes, as engined counts */
	char		*id;
};

static int	send_piece(struct upload *u, struct error *e);

static void
upload_free(struct upload *u)
{
	free(u->id);
	free(u);
}

static void
on_piece(void *arg, const void *reply, const struct error *e)
{
	const struct attachment_stage_reply *r = reply;
	struct upload *u = arg;
	struct error why = { 0 };

	if (r != NULL && r->attachment == NULL) {
		free(u->id);
		u->id = xstrdup(r->id);
		u->offset = r->next_offset;
		if (send_piece(u, &why) == 0)
			return;
		e = &why;
	} else if (r != NULL)
		ask_result(u->ask, json_pack("{s:b, s:O}", "ok", 1, "attachment", r->attachment));
	if (r == NULL || r->attachment == NULL)
		ask_error(u->ask, e);
	upload_free(u);
}

static int
send_piece(struct upload *u, struct error *e)
{
	size_t n = u->len - u->at < PIECE ? u->len - u->at : PIECE;
	cleanup_free char *piece = xstrndup(u->data + u->at, n), *unit = host_unit(u->ask->host, ask_str(u->ask, "profile"), "engined", e);
	struct attachment_stage m = { .id = u->id, .name = ask_str(u->ask, "name"), .mime = ask_str0(u->ask, "mime"),
	    .offset = u->offset, .data = piece, .final = u->at + n == u->len };
	struct host *h = u->ask->host;

	u->at += n;
	return unit == NULL || h->send(h->daemon, unit, MSG_attachment_stage, &m, NULL, STAGE_MS, on_piece, u, e) == NULL ? -1 : 0;
}

int
attachments_stage(struct ask *a, struct error *e)
{
	const char *data = ask_str0(a, "data_base64") != NULL ? ask_str(a, "data_base64") : ask_str0(a, "data");
	struct upload *u;

	if (data == NULL)
		return error_set(e, ERR_invalid, "data_base64 is missing");
	u = xcalloc(1, sizeof(*u));
	*u = (struct upload){ .ask = a, .data = data, .len = strlen(data) };
	if (send_piece(u, e) == 0)
		return 0;
	upload_free(u);
	return -1;
}
