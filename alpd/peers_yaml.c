/* SPDX-License-Identifier: Apache-2.0 */
/* See peers_yaml.h: a row that cannot pin anybody costs itself only, as in the reference. */
#include "alpd/peers_yaml.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/yaml.h"

/* What a row of the bus holds (proto/types.def). */
#define ID_MAX		128
#define PUBKEY_MAX	256
#define ALIAS_MAX	256
#define ADDRESS_MAX	512
#define WORD_MAX	128		/* of a method or a tool's pattern */

json_t *
peers_yaml_list(const char *text, size_t len, struct error *e)
{
	json_t *all = yaml_parse(text, len, e);

	if (json_is_array(all))
		return all;
	if (json_is_null(all) || (json_is_object(all) && json_object_size(all) == 0)) {
		json_decref(all);
		return json_array();
	}
	if (all != NULL)
		error_set(e, ERR_invalid, "it holds no list");
	json_decref(all);
	return NULL;
}

/* A scalar as the text it is for the reference; NULL: there is none. */
static char *
scalar(const json_t *v)
{
	if (json_is_string(v))
		return json_string_length(v) == 0 ? NULL : xstrdup(json_string_value(v));
	if (json_is_boolean(v))
		return xstrdup(json_is_true(v) ? "True" : "False");
	return json_is_number(v) ? json_text(v) : NULL;
}

/* As scalar, NULL also when it is too long for a row. */
static char *
word(const json_t *v, size_t most)
{
	cleanup_free char *text = scalar(v);

	return text == NULL || strlen(text) > most ? NULL : steal(text);
}

static char **
words(const json_t *list, size_t most)
{
	char **out = xcalloc(most + 1, sizeof(*out));
	const json_t *row;
	size_t n = 0, i;

	json_array_foreach(list, i, row)
		if (json_is_string(row) && json_string_length(row) <= WORD_MAX && n < most)
			out[n++] = xstrdup(json_string_value(row));
	return out;
}

static void
words_free(char **list)
{
	for (char **w = list; w != NULL && *w != NULL; w++)
		free(*w);
	free(list);
}

/* "name", "na*", "name:action"; nothing that a grant's caveat could not hold. */
static bool
is_pattern(const json_t *v)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.*";
	const char *s = json_string_value(v);
	size_t name, action;

	if (s == NULL || (name = strspn(s, letters)) == 0 || strlen(s) > WORD_MAX)
		return false;
	if (s[name] == '\0')
		return true;
	action = strspn(s + name + 1, letters);
	return s[name] == ':' && action > 0 && s[name + 1 + action] == '\0';
}

/* A policy that is not understood to the last word is none that may be half applied. */
static bool
is_policy(const json_t *tools)
{
	const json_t *list = json_object_get(tools, "allow"), *row;
	size_t i;

	if (json_object_size(tools) != 1 || !json_is_array(list) || json_array_size(list) > PEERS_TOOLS)
		return false;
	json_array_foreach(list, i, row)
		if (!is_pattern(row))
			return false;
	return true;
}

static int
per_minute(const json_t *limit)
{
	const json_t *n = json_object_get(limit, "per_minute");

	if (!json_is_integer(n) || json_integer_value(n) <= 0)
		return PEERS_PER_MINUTE;
	return json_integer_value(n) > INT32_MAX ? INT32_MAX : (int)json_integer_value(n);
}

static void
peer_clear(struct peer *p)
{
	free(p->id);
	free(p->pubkey);
	free(p->alias);
	free(p->address);
	words_free(p->allow);
	words_free(p->tools);
	*p = (struct peer){ 0 };
}

/* False: this row pins nobody. An address that is there but cannot be used must not become a Unix socket. */
static bool
read_row(const json_t *row, struct peer *p)
{
	const json_t *key = json_object_get(row, "pubkey"), *tools = json_object_get(row, "tools");
	cleanup_free char *address = scalar(json_object_get(row, "address"));

	*p = (struct peer){ 0 };
	if (!json_is_string(key) || (address != NULL && strlen(address) > ADDRESS_MAX))
		return false;
	p->id = word(json_object_get(row, "id"), ID_MAX);
	p->pubkey = word(key, PUBKEY_MAX);
	if (p->id == NULL || p->pubkey == NULL) {
		peer_clear(p);
		return false;
	}
	p->alias = word(json_object_get(row, "alias"), ALIAS_MAX);
	p->address = steal(address);
	p->allow = words(json_object_get(row, "allow"), PEERS_METHODS);
	p->per_minute = per_minute(json_object_get(row, "rate_limit"));
	p->tools_broken = tools != NULL && !is_policy(tools);
	if (tools != NULL && !p->tools_broken)
		p->tools = words(json_object_get(tools, "allow"), PEERS_TOOLS);
	return true;
}

int
peers_yaml_read(const char *text, size_t len, struct peer_list *out, struct error *e)
{
	cleanup_json json_t *all = peers_yaml_list(text, len, e);
	const json_t *row;
	size_t i;

	*out = (struct peer_list){ 0 };
	if (all == NULL)
		return -1;
	out->rows = xcalloc(json_array_size(all) < PEERS_MAX ? json_array_size(all) + 1 : PEERS_MAX, sizeof(*out->rows));
	json_array_foreach(all, i, row)
		if (out->n < PEERS_MAX && read_row(row, &out->rows[out->n]))
			out->n++;
	return 0;
}

void
peer_list_clear(struct peer_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		peer_clear(&l->rows[i]);
	free(l->rows);
	*l = (struct peer_list){ 0 };
}

ssize_t
peers_yaml_find(const json_t *all, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(all, i, row) {
		struct peer p;
		bool found = read_row(row, &p) && strcmp(p.id, id) == 0;

		peer_clear(&p);
		if (found)
			return (ssize_t)i;
	}
	return -1;
}
