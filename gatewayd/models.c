/* SPDX-License-Identifier: Apache-2.0 */
/* See models.h. */
#include "gatewayd/models.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define FILE_MAX	(1024 * 1024)

struct models {
	char	*path;
	json_t	*map;
};

struct models *
models_open(const char *home)
{
	struct models *m = xcalloc(1, sizeof(*m));

	m->path = path_join(home, "gateway/models.json");
	m->map = json_load(m->path, FILE_MAX, 4, NULL);
	if (!json_is_object(m->map)) {
		json_decref(m->map);
		m->map = json_object();
	}
	return m;
}

void
models_free(struct models *m)
{
	if (m == NULL)
		return;
	json_decref(m->map);
	free(m->path);
	free(m);
}

const char *
models_find(const struct models *m, const char *chat)
{
	return json_str(m->map, chat, NULL);
}

int
models_set(struct models *m, const char *chat, const char *model, struct error *e)
{
	cleanup_json json_t *map = json_copy(m->map);
	cleanup_free char *text = NULL;

	if (model == NULL)
		json_object_del(map, chat);
	else
		json_object_set_new(map, chat, json_string(model));
	text = json_text(map);
	if (strlen(text) > FILE_MAX)
		return error_set(e, ERR_full, "too many chats have chosen a model");
	if (atomic_write(m->path, text, strlen(text), 0600, e) == -1)
		return -1;
	json_decref(m->map);
	m->map = steal(map);
	return 0;
}

bool
models_offered(const struct engine_status_reply *engine, const char *model)
{
	for (size_t i = 0; i < engine->n_models; i++)
		if (strcmp(engine->models[i], model) == 0)
			return true;
	return false;
}
