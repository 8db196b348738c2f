/* SPDX-License-Identifier: Apache-2.0 */
/* See forward.h. */
#include "hostd/forward.h"

#include "common/codec.h"
#include "common/mem.h"
#include "hostd/host.h"

int
forward(struct ask *a, const char *daemon, enum msg type, const void *body, int timeout_ms, request_done *done, struct error *e)
{
	struct host *h = a->host;
	cleanup_free char *unit = host_unit(h, ask_str(a, "profile"), daemon, e);

	if (unit == NULL || h->send(h->daemon, unit, type, body, NULL, timeout_ms, done, a, e) == NULL)
		return -1;
	return 0;
}

json_t *
forward_json(enum msg type, const void *reply, struct error *e)
{
	return codec_encode(&proto_message(type)->reply, reply, e);
}

void
forward_answer(struct ask *a, enum msg type, const void *reply, const struct error *e)
{
	struct error local = { 0 };
	json_t *result = reply == NULL ? NULL : forward_json(type, reply, &local);

	if (result == NULL)
		ask_error(a, reply == NULL ? e : &local);
	else
		ask_result(a, result);
}

void
forward_answer_ok(struct ask *a, enum msg type, const void *reply, const struct error *e)
{
	json_t *result = reply == NULL ? NULL : forward_json(type, reply, NULL);

	if (result == NULL) {
		ask_error(a, e);
		return;
	}
	json_object_set_new(result, "ok", json_true());
	ask_result(a, result);
}

int
forward_order(struct ask *a, const char *what, settings_done *done)
{
	settings_order(a->host->settings, what, json_copy(a->params), done, a);
	return 0;
}
