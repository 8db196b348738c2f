/* SPDX-License-Identifier: Apache-2.0 */
/* See choices.h. */
#include "engined/choices.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/mem.h"

#define CHOICES_MAX	100
#define NAME_LENGTH	256

struct list {
	char	**rows;
	size_t	  n;
};

static bool
has(const struct list *l, const char *model)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->rows[i], model) == 0)
			return true;
	return false;
}

/* model is taken. */
static void
add(struct list *l, char *model, const json_t *config, target_secret *secret, void *arg)
{
	struct target t = { 0 };

	if (l->n < CHOICES_MAX && strlen(model) <= NAME_LENGTH && !has(l, model) &&
	    target_resolve(config, secret, arg, model, &t, NULL) == 0) {
		l->rows = xreallocarray(l->rows, l->n + 2, sizeof(*l->rows));
		l->rows[l->n++] = steal(model);
		l->rows[l->n] = NULL;
	}
	target_clear(&t);
	free(model);
}

char **
choices_list(const json_t *config, target_secret *secret, void *secret_arg)
{
	char **others = config_list(config, "fallback_models"), **routed = config_list(config, "providers.openrouter.models");
	struct list l = { .rows = xcalloc(1, sizeof(*l.rows)) };

	if (*config_str(config, "model") != '\0')
		add(&l, xstrdup(config_str(config, "model")), config, secret, secret_arg);
	for (char **m = others; m != NULL && *m != NULL; m++)
		add(&l, xstrdup(*m), config, secret, secret_arg);
	for (char **m = routed; m != NULL && *m != NULL; m++)
		add(&l, strncmp(*m, "openrouter/", 11) == 0 ? xstrdup(*m) : xasprintf("openrouter/%s", *m), config, secret, secret_arg);
	config_list_free(others);
	config_list_free(routed);
	return l.rows;
}
