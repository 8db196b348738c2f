/* SPDX-License-Identifier: Apache-2.0 */
/* See upload.h. */
#include "engined/upload.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/staging.h"

int
upload_stage(struct call *c, const void *in, struct error *e)
{
	const struct attachment_stage *m = in;
	struct engine *en = c->ctx;
	size_t room = strlen(m->data) / 4 * 3 + 1, len = 0;
	cleanup_free unsigned char *data = xmalloc(room);
	cleanup_json json_t *row = NULL;
	char id[STAGING_ID];

	snprintf(id, sizeof(id), "%s", m->id == NULL ? "" : m->id);
	if (sodium_base642bin(data, room, m->data, strlen(m->data), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
		staging_drop(en->home, id);
		return error_set(e, ERR_invalid, "%s: the data is no base64", m->name);
	}
	if (staging_put(en->home, id, m->offset, data, len, e) == -1 ||
	    (m->final && (row = staging_end(en->home, id, m->name, m->mime, e)) == NULL))
		return -1;
	return call_reply(c, &(struct attachment_stage_reply){ .id = id, .next_offset = m->offset + (int64_t)len, .attachment = row });
}
