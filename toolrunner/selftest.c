/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See selftest.h. A layer that does not hold stops every tool, unless the
 * operator has written down that this layer may be missing: nobody should
 * believe in a wall that is not there.
 */
#include "toolrunner/selftest.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define LAYERS_DEPTH	4
#define WAIT_MS		2000	/* without a word; calls that come meanwhile wait as well */

static bool
may_miss(const struct settings *s, const char *layer)
{
	for (char **m = s->missing; m != NULL && *m != NULL; m++)
		if (strcmp(*m, layer) == 0)
			return true;
	return false;
}

/* Why no tool runs, or NULL; the caller frees. */
static char *
reason(const struct runner *r)
{
	if (r->nlayers == 0)
		return xasprintf("the sandbox cannot be tested, so no tool runs: %s", r->untested);
	for (size_t i = 0; i < r->nlayers; i++) {
		const struct sandbox_state *l = &r->layers[i];

		if (!l->held && !may_miss(&r->settings, l->name))
			return xasprintf("the sandbox layer %s does not hold (%s), so no tool runs; "
			    "sandbox.allow_missing: [%s] in config.yaml runs them without it", l->name, l->detail, l->name);
	}
	return NULL;
}

void
selftest_judge(struct runner *r)
{
	char *now = reason(r);

	if (now != NULL && (r->stop == NULL || strcmp(now, r->stop) != 0))
		log_error("%s", now);
	free(r->stop);
	r->stop = now;
}

/* What the worker found; a worker is believed about its own sandbox, because our code in it speaks before any other. */
static void
take_layers(struct runner *r, const json_t *list)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)list, i, row) {
		struct sandbox_state *l = &r->layers[i];

		if (i == RUNNER_LAYERS_MAX)
			break;
		snprintf(l->name, sizeof(l->name), "%s", json_str(row, "name", ""));
		snprintf(l->detail, sizeof(l->detail), "%s", json_str(row, "detail", ""));
		l->held = json_bool(row, "held", false);
		r->nlayers = i + 1;
		if (!l->held)
			log_warn("sandbox layer=%s does not hold: %s", l->name, l->detail);
	}
}

static void
on_tested(void *arg, const struct worker_result *result)
{
	cleanup_json json_t *layers = json_parse(result->output, strlen(result->output), LAYERS_DEPTH, NULL);
	struct runner *r = arg;

	r->testing = NULL;
	snprintf(r->untested, sizeof(r->untested), "%s", result->error[0] != '\0' ? result->error : "no answer");
	take_layers(r, layers);
	settings_refresh(&r->settings, r->launcher);
	selftest_judge(r);
}

static const struct worker_events test_events = { .done = on_tested };

void
selftest_begin(struct runner *r)
{
	static const struct sandbox_policy policy = { .net = NET_NONE };	/* what may be missing is judged here */
	struct error e = { 0 };

	r->testing = worker_probe(r->launcher, &policy, &test_events, r, &e);
	if (r->testing == NULL)
		snprintf(r->untested, sizeof(r->untested), "%s", e.text);
}

void
selftest_wait(struct runner *r)
{
	while (r->testing != NULL && launcher_hear(r->launcher, WAIT_MS) == 0)
		continue;
	if (r->testing != NULL)
		snprintf(r->untested, sizeof(r->untested), "it does not end");
}
