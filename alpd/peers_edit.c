/* SPDX-License-Identifier: Apache-2.0 */
/* See peers_edit.h. */
#include "alpd/peers_edit.h"

#include <string.h>

#include "alpd/peers_patch.h"
#include "alpd/peers_yaml.h"
#include "common/json.h"
#include "common/mem.h"

#define SAME_MAX	64		/* rows of one id that are removed together */

static json_t *
list_of(char *const *rows)
{
	json_t *out = json_array();

	for (char *const *r = rows; r != NULL && *r != NULL; r++)
		json_array_append_new(out, json_string(*r));
	return out;
}

/* What is empty is left out. */
static json_t *
new_row(const struct peer *p)
{
	json_t *row = json_pack("{s:s, s:s}", "id", p->id, "pubkey", p->pubkey), *allow = list_of(p->allow);

	if (p->alias != NULL && p->alias[0] != '\0')
		json_object_set_new(row, "alias", json_string(p->alias));
	if (p->address != NULL && p->address[0] != '\0')
		json_object_set_new(row, "address", json_string(p->address));
	if (json_array_size(allow) > 0)
		json_object_set(row, "allow", allow);
	if (p->per_minute > 0 && p->per_minute != PEERS_PER_MINUTE)
		json_object_set_new(row, "rate_limit", json_pack("{s:i}", "per_minute", p->per_minute));
	if (p->tools != NULL)
		json_object_set_new(row, "tools", json_pack("{s:o}", "allow", list_of(p->tools)));
	json_decref(allow);
	return row;
}

static int
check_new(const struct peer_list *l, const struct peer *row, struct error *e)
{
	if (l->n >= PEERS_MAX)
		return error_set(e, ERR_full, "%d peers are pinned already", PEERS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		if (strcasecmp(l->rows[i].id, row->id) == 0)
			return error_set(e, ERR_exists, "there is a peer %s already", l->rows[i].id);
		if (strcmp(l->rows[i].pubkey, row->pubkey) == 0)
			return error_set(e, ERR_exists, "this key is pinned already, as %s", l->rows[i].id);
	}
	return 0;
}

char *
peers_edit_add(const char *text, size_t len, const struct peer *row, struct error *e)
{
	cleanup_json json_t *all = peers_yaml_list(text, len, e), *add = new_row(row);
	struct peers_change c = { .add = add };
	struct peer_list now;
	int status;

	if (all == NULL || peers_yaml_read(text, len, &now, e) == -1)
		return NULL;
	status = check_new(&now, row, e);
	peer_list_clear(&now);
	return status == -1 ? NULL : peers_patch(text, len, all, &c, e);
}

/* Every row of that id: a second one must not take the place of the first. */
char *
peers_edit_remove(const char *text, size_t len, const char *id, struct error *e)
{
	cleanup_free char *now = xstrndup(text, len);

	for (int n = 0; n < SAME_MAX; n++) {
		cleanup_json json_t *all = peers_yaml_list(now, strlen(now), e);
		ssize_t row = all == NULL ? -1 : peers_yaml_find(all, id);
		char *next;

		if (all == NULL)
			return NULL;
		if (row == -1 && n > 0)
			return steal(now);
		if (row == -1) {
			error_set(e, ERR_not_found, "no peer %.64s", id);
			return NULL;
		}
		if ((next = peers_patch(now, strlen(now), all, &(struct peers_change){ .row = (size_t)row }, e)) == NULL)
			return NULL;
		free(now);
		now = next;
	}
	error_set(e, ERR_invalid, "%.64s stands there too often to be removed here", id);
	return NULL;
}

/* The row's methods with this one, or without it; each once, in order. */
static json_t *
new_allow(const json_t *row, const char *method, bool on)
{
	json_t *out = json_array(), *old;
	bool there = false;
	size_t i;

	json_array_foreach(json_object_get(row, "allow"), i, old) {
		bool same = json_is_string(old) && strcmp(json_string_value(old), method) == 0;

		if (!same || (on && !there))
			json_array_append(out, old);
		there |= same;
	}
	if (on && !there)
		json_array_append_new(out, json_string(method));
	return out;
}

char *
peers_edit_allow(const char *text, size_t len, const char *id, const char *method, bool on, struct error *e)
{
	cleanup_json json_t *all = peers_yaml_list(text, len, e), *allow = NULL;
	ssize_t row = all == NULL ? -1 : peers_yaml_find(all, id);

	if (all == NULL)
		return NULL;
	if (row == -1) {
		error_set(e, ERR_not_found, "no peer %.64s", id);
		return NULL;
	}
	allow = new_allow(json_array_get(all, (size_t)row), method, on);
	if (json_array_size(allow) > PEERS_METHODS) {
		error_set(e, ERR_full, "%s may call %d methods already", id, PEERS_METHODS);
		return NULL;
	}
	return peers_patch(text, len, all, &(struct peers_change){ .row = (size_t)row, .allow = allow }, e);
}
