/* SPDX-License-Identifier: Apache-2.0 */
/* See events.h. */
#include "hostd/events.h"

#include "common/json.h"
#include "common/mem.h"
#include "hostd/host.h"
#include "hostd/stream.h"

static const json_t *
kinds_of(const struct ask *a)
{
	const json_t *kinds = json_object_get(a->params, "kinds");

	return json_array_size(kinds) > 0 ? kinds : NULL;
}

int
events_subscribe(struct ask *a, struct error *e)
{
	stream_subscribe(a->host->stream, a, kinds_of(a));
	return 0;
}

int
events_history(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", STREAM_RING);
	cleanup_free char *text = NULL;

	if (limit < 1)
		limit = 1;
	text = stream_history(a->host->stream, json_int(a->params, "after_seq", 0), (size_t)limit, kinds_of(a));
	ask_result_text(a, text);
	return 0;
}
