/* SPDX-License-Identifier: Apache-2.0 */
/* See dialect.h: how hard a model is to think, which several dialects ask in their own words. */
#include "engined/dialect.h"

#include <fnmatch.h>
#include <string.h>

#include "common/mem.h"

/* Models that take an effort (spec/engine.md, 4.2), by what stands behind the last slash. */
static const char *const reasoning_models[] = {
	"o[1-9]*", "gpt-5*", "claude-3-7*", "claude-3.7*", "claude-*-[4-9]*", "gemini-2.[5-9]*", "gemini-[3-9]*",
	"deepseek-r1*", "grok-3-mini*", "grok-3*reasoning*", "grok-4*",
};

static bool
reasons(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash != NULL)
		name = slash + 1;
	for (size_t i = 0; i < COUNT(reasoning_models); i++)
		if (fnmatch(reasoning_models[i], name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

const char *
dialect_effort(const struct provider_request *r)
{
	static const char *const known[] = { "low", "medium", "high" };

	/* OpenRouter drops what a model does not take; others refuse the request. */
	for (size_t i = 0; r->effort != NULL && i < COUNT(known); i++)
		if (strcmp(r->effort, known[i]) == 0 &&
		    (reasons(r->target->name) || strcmp(r->target->provider, "openrouter") == 0))
			return known[i];
	return NULL;
}

int
dialect_thinking_budget(const struct provider_request *r)
{
	static const struct {
		const char	*effort;
		int		 tokens;
	} budgets[] = { { "low", 1024 }, { "medium", 2048 }, { "high", 4096 } };
	const char *effort = dialect_effort(r);

	for (size_t i = 0; effort != NULL && i < COUNT(budgets); i++)
		if (strcmp(budgets[i].effort, effort) == 0)
			return budgets[i].tokens;
	return 0;
}
