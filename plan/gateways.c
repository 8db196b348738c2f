/* SPDX-License-Identifier: Apache-2.0 */
/* See plan.h. What stands in .env is compared, never printed: a stamp says that it changed, not what it is. */
#include "plan/plan.h"

#include "common/env.h"
#include "common/gateways.h"
#include "common/json.h"
#include "common/mem.h"

struct env {
	char	*text;
	size_t	 size;
};

static bool
has(const void *from, const char *name)
{
	const struct env *env = from;
	size_t len = 0;

	return env_value(env->text, env->size, name, &len) != NULL && len > 0;
}

/* Somebody gave it all that it needs, and nobody switched it off. */
static bool
listens(const json_t *config, const struct env *env, const struct gateway_kind *g)
{
	cleanup_free char *key = xasprintf("gateway.%s.enabled", g->name);

	return gateway_lacks(g, has, env) == NULL && !json_is_false(json_at(config, key));
}

static void
stamp_value(uint64_t *stamp, const char *value, size_t len)
{
	*stamp = *stamp * 31 + 1;
	for (size_t i = 0; i < len; i++)
		*stamp = *stamp * 31 + (unsigned char)value[i];
}

bool
plan_gateways(const char *home, const json_t *config, uint64_t *stamp)
{
	struct env env = { 0 };
	size_t len = 0;
	bool any = false;

	env.text = env_read(home, &env.size);
	for (const struct gateway_kind *g = gateway_kinds; g->name != NULL; g++)
		any |= listens(config, &env, g);
	for (const char *const *name = gateway_variables; *name != NULL; name++) {
		const char *value = env_value(env.text, env.size, *name, &len);

		stamp_value(stamp, value, value == NULL ? 0 : len);
	}
	env_free(env.text, env.size);
	return any;
}
