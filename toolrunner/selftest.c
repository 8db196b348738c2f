/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See selftest.h. A layer that does not hold stops every tool, unless the
 * operator has written down that this layer may be missing: nobody should
 * believe in a wall that is not there.
 */
#include "toolrunner/selftest.h"

#include <string.h>

#include "common/log.h"
#include "common/mem.h"

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
		const struct worker_layer *l = &r->layers[i];

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

void
selftest_run(struct runner *r)
{
	struct sandbox_policy policy = { .allow_missing = (const char *const *)r->settings.missing };
	struct error e = { .text = "it has no layers" };
	int n = launcher_selftest(r->launcher, &policy, r->layers, &e);

	r->nlayers = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < r->nlayers; i++)
		if (!r->layers[i].held)
			log_warn("sandbox layer=%s does not hold: %s", r->layers[i].name, r->layers[i].detail);
	snprintf(r->untested, sizeof(r->untested), "%s", e.text);
	selftest_judge(r);
}
