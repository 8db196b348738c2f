/* SPDX-License-Identifier: Apache-2.0 */
/* See target.h. The servers that are known by name are one table. */
#include "engined/target.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/dialect.h"

#define PRICE_MAX	1e6		/* USD per million tokens; more is a slip of the hand */

static const struct head {
	const char		*name, *url, *key;
	const struct dialect	*dialect;
} heads[] = {
	{ "openai",	"https://api.openai.com/v1",	"OPENAI_API_KEY",	&openai_dialect },
	{ "groq",	"https://api.groq.com/openai/v1", "GROQ_API_KEY",	&openai_dialect },
	{ "openrouter",	"https://openrouter.ai/api/v1",	"OPENROUTER_API_KEY",	&openai_dialect },
	{ "anthropic",	"https://api.anthropic.com/v1",	"ANTHROPIC_API_KEY",	&anthropic_dialect },
	{ "gemini",	"https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY", &gemini_dialect },
	{ "offline",	"",				NULL,			&offline_dialect },
};

/* The entry of providers.ollama with this name; borrowed, or NULL. */
static const json_t *
local_entry(const json_t *config, const char *name)
{
	const json_t *list = json_at(config, "providers.ollama"), *row;
	size_t i;

	json_array_foreach(list, i, row)
		if (strcmp(json_str(row, "name", ""), name) == 0 && json_str(row, "url", "")[0] != '\0')
			return row;
	return NULL;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* An Ollama entry's url: its /v1, however it was written. */
static char *
local_url(const char *url)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n >= 3 && strncmp(url + n - 3, "/v1", 3) == 0)
		n -= 3;
	return xasprintf("%.*s/v1", (int)n, url);
}

int
target_check(const struct target *t, struct error *e)
{
	if (t->dialect == NULL)
		return error_set(e, ERR_invalid, "no provider serves this model");
	if (t->missing_key != NULL)
		return error_set(e, ERR_denied, "%s is not set: %s needs it for the model %s (alpi setup)", t->missing_key,
		    t->provider, t->name);
	return 0;
}

static int
unknown_head(const json_t *config, const struct target *t, struct error *e)
{
	cleanup_buf struct buf names = BUF(0);
	const json_t *row;
	size_t i;

	for (size_t h = 0; h < COUNT(heads); h++)
		(void)buf_addf(&names, "%s%s", h > 0 ? ", " : "", heads[h].name);
	json_array_foreach(json_at(config, "providers.ollama"), i, row)
		(void)buf_addf(&names, ", %s", json_str(row, "name", "?"));
	return error_set(e, ERR_invalid, "model %s: no provider is called \"%s\" (known: %s)", t->model, t->provider,
	    buf_str(&names));
}

static int
use_head(struct target *t, const struct head *h, target_secret *secret, void *secret_arg, struct error *e)
{
	const char *key = h->key != NULL ? secret(secret_arg, h->key) : "";

	t->dialect = h->dialect;
	t->url = xstrdup(h->url);
	t->local = h->key == NULL;
	t->free = t->local || (strcmp(h->name, "openrouter") == 0 && ends_with(t->name, ":free"));
	if (key != NULL && (h->key == NULL || key[0] != '\0'))
		t->key = xstrdup(key);
	else
		t->missing_key = h->key;
	return target_check(t, e);
}

/* prices: {openai/gpt-x: {input: 1.25, output: 10}}, USD per million tokens, as providers write them. */
static void
set_price(struct target *t, const json_t *config)
{
	const json_t *price = json_object_get(json_at(config, "prices"), t->model);
	double in = json_num(price, "input", 0), out = json_num(price, "output", 0);

	if (in > 0 && in < PRICE_MAX)
		t->price_in = in / 1e6;
	if (out > 0 && out < PRICE_MAX)
		t->price_out = out / 1e6;
}

double
target_cost(const struct target *t, double reported, int64_t tokens_in, int64_t tokens_out)
{
	if (reported > 0)
		return reported;
	return (double)tokens_in * t->price_in + (double)tokens_out * t->price_out;
}

int
target_resolve(const json_t *config, target_secret *secret, void *secret_arg, const char *model,
    struct target *t, struct error *e)
{
	const json_t *entry;
	const char *slash;

	*t = (struct target){ 0 };
	if (model == NULL || model[0] == '\0')
		model = config_str(config, "model");
	t->model = xstrdup(model);
	if (model[0] == '\0')
		return error_set(e, ERR_invalid, "no model is configured: run `alpi setup`, or try `model: offline/rules`");
	if ((slash = strchr(model, '/')) == NULL || slash == model || slash[1] == '\0')
		return error_set(e, ERR_invalid, "model %s: it must read provider/name", model);
	t->provider = xstrndup(model, (size_t)(slash - model));
	t->name = xstrdup(slash + 1);
	set_price(t, config);
	if ((entry = local_entry(config, t->provider)) != NULL) {
		t->dialect = &openai_dialect;
		t->url = local_url(json_str(entry, "url", ""));
		t->key = xstrdup("ollama");	/* such servers want some bearer and look at none */
		t->local = t->free = true;
		return 0;
	}
	for (size_t i = 0; i < COUNT(heads); i++)
		if (strcmp(heads[i].name, t->provider) == 0)
			return use_head(t, &heads[i], secret, secret_arg, e);
	return unknown_head(config, t, e);
}

void
target_clear(struct target *t)
{
	if (t->key != NULL)
		explicit_bzero(t->key, strlen(t->key));
	free(t->model);
	free(t->provider);
	free(t->name);
	free(t->url);
	free(t->key);
	*t = (struct target){ 0 };
}

struct target
target_copy(const struct target *t)
{
	struct target copy = *t;

	copy.model = xstrdup0(t->model);
	copy.provider = xstrdup0(t->provider);
	copy.name = xstrdup0(t->name);
	copy.url = xstrdup0(t->url);
	copy.key = xstrdup0(t->key);
	return copy;
}

void
target_hide_key(const struct target *t, char *text)
{
	size_t n = t->key != NULL ? strlen(t->key) : 0;
	char *at;

	while (n >= 8 && (at = strstr(text, t->key)) != NULL) {
		memmove(at + 3, at + n, strlen(at + n) + 1);
		memcpy(at, "***", 3);
	}
}
