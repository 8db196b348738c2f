/* SPDX-License-Identifier: Apache-2.0 */
/* See threads.h. */
#include "gatewayd/threads.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define MAP_MAX		(4 * 1024 * 1024)
#define ID_MAX		64

struct threads {
	char	*path;
	json_t	*map;
};

static json_t *
load(const char *path, struct error *e)
{
	cleanup_free char *aside = xasprintf("%s.damaged", path);
	struct error why = { 0 };
	json_t *map = json_load(path, MAP_MAX, 4, &why);

	if (json_is_object(map))
		return map;
	json_decref(map);
	if (why.code == ERR_not_found)
		return json_object();
	if (why.code != ERR_none && why.code != ERR_invalid && why.code != ERR_too_large) {
		*e = why;
		return NULL;
	}
	if (rename(path, aside) == -1) {
		error_errno(e, "%s", aside);
		return NULL;
	}
	log_warn("%s is no map of chats, it is kept as %s", path, aside);
	return json_object();
}

struct threads *
threads_open(const char *home, struct error *e)
{
	cleanup_free char *dir = path_join(home, "gateway/sessions");
	struct threads *t;

	if (make_dirs(dir, 0700, e) == -1)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->path = path_join(dir, "_map.json");
	if ((t->map = load(t->path, e)) != NULL)
		return t;
	threads_free(t);
	return NULL;
}

void
threads_free(struct threads *t)
{
	if (t == NULL)
		return;
	json_decref(t->map);
	free(t->path);
	free(t);
}

char *
threads_key(const char *platform, const char *chat)
{
	return strcmp(platform, "webhook") == 0 ? xasprintf("webhook:%s", chat) : xstrdup(chat);
}

const char *
threads_find(const struct threads *t, const char *chat)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const char *id = json_str(t->map, chat, NULL);

	return id != NULL && *id != '\0' && strlen(id) <= ID_MAX && id[strspn(id, word)] == '\0' ? id : NULL;
}

/* Its text, of a size that is read again: the chats that came first go when there are too many. */
static char *
text_that_fits(json_t *map)
{
	char *text = json_text(map);

	while (strlen(text) > MAP_MAX) {
		size_t drop = json_object_size(map) / 16 + 1;

		log_warn("too many chats have a session: the %zu oldest begin anew", drop);
		while (drop-- > 0)
			json_object_del(map, json_object_iter_key(json_object_iter(map)));
		free(text);
		text = json_text(map);
	}
	return text;
}

int
threads_set(struct threads *t, const char *chat, const char *session, struct error *e)
{
	json_t *map = json_copy(t->map);
	cleanup_free char *text = NULL;

	json_object_del(map, chat);		/* it stands last when it comes back */
	if (session != NULL)
		json_object_set_new(map, chat, json_string(session));
	text = text_that_fits(map);
	if (atomic_write(t->path, text, strlen(text), 0600, e) == -1) {
		json_decref(map);
		return -1;
	}
	json_decref(t->map);
	t->map = map;
	return 0;
}

const char *
threads_session(struct threads *t, const char *chat, struct error *e)
{
	const char *known = threads_find(t, chat);
	char fresh[13];

	if (known != NULL)
		return known;
	random_hex(fresh, 6);
	return threads_set(t, chat, fresh, e) == -1 ? NULL : threads_find(t, chat);
}
