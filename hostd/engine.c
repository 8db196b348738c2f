/* SPDX-License-Identifier: Apache-2.0 */
/* See engine.h. */
#include "hostd/engine.h"

#include "common/json.h"
#include "common/mem.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "proto/proto.h"

void
usage_rename(json_t *usage)
{
	json_object_set(usage, "priceOut", json_object_get(usage, "price_out"));
	json_object_del(usage, "price_out");
}

static void
on_usage_daily(void *arg, const void *reply, const struct error *e)
{
	struct error local = { 0 };
	json_t *usage = reply == NULL ? NULL : forward_json(MSG_usage_daily, reply, &local);

	if (usage == NULL) {
		ask_error(arg, reply == NULL ? e : &local);
		return;
	}
	usage_rename(usage);
	ask_result(arg, usage);
}

/* engine.status and usage.today in one answer. */
struct status {
	struct ask	*ask;
	json_t		*result;
};

static void
on_usage(void *arg, const void *reply, const struct error *e)
{
	struct status *s = arg;
	json_t *usage = reply == NULL ? json_null() : forward_json(MSG_usage_today, reply, NULL);

	json_object_set_new(s->result, "usage", usage == NULL ? json_null() : usage);
	ask_result(s->ask, s->result);
	free(s);
}

static void
on_status(void *arg, const void *reply, const struct error *e)
{
	struct ask *a = arg;
	struct host *h = a->host;
	cleanup_free char *unit = xasprintf("%s/engined", ask_str(a, "profile"));
	struct error local = { 0 };
	json_t *result = reply == NULL ? NULL : forward_json(MSG_engine_status, reply, &local);
	struct status *s;

	if (result == NULL) {
		ask_error(a, reply == NULL ? e : &local);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct status){ .ask = a, .result = result };
	if (h->send(h->daemon, unit, MSG_usage_today, &(struct usage_today){ }, NULL, FORWARD_MS, on_usage, s,
	    &local) == NULL)
		on_usage(s, NULL, &local);
}

int
engine_status(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_engine_status, &(struct engine_status){ }, FORWARD_MS, on_status, e);
}

int
usage_daily(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_usage_daily, &(struct usage_daily){ .days = json_int(a->params, "days", 0) },
	    FORWARD_MS, on_usage_daily, e);
}
